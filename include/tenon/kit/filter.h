/**
 * @file filter.h For the author of a filter: a driver that works over another one, for URLs
 * `NAME+INNER:…`.
 *
 * The kit (kits/filter, a static library) is a whole driver that passes each call on to the inner
 * one. The author gives hooks that see a call before and after it, and may answer in its place.
 * TENON_FILTER_DRIVER is written once.
 *
 * Threads: as in driver.h. Hooks of one connection are not called at once; those of different
 * connections are.
 */
#ifndef TENON_KIT_FILTER_H
#define TENON_KIT_FILTER_H

#include "tenon/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

/** X(symbol, name, kind): every slot that is passed on. Kind: CAN_FAIL, or QUIET for those that
 * have no answer, or none that matters. */
#define TENON_FILTER_SLOTS(X)                                                                      \
    X(DB_OPEN, "database.open", CAN_FAIL)                                                          \
    X(DB_CLOSE, "database.close", QUIET)                                                           \
    X(DB_INFO, "database.info", CAN_FAIL)                                                          \
    X(CONN_OPEN, "connection.open", CAN_FAIL)                                                      \
    X(CONN_CLOSE, "connection.close", QUIET)                                                       \
    X(CONN_RESET, "connection.reset", CAN_FAIL)                                                    \
    X(CONN_CHECK, "connection.check", CAN_FAIL)                                                    \
    X(BEGIN, "transaction.begin", CAN_FAIL)                                                        \
    X(COMMIT, "transaction.commit", CAN_FAIL)                                                      \
    X(ROLLBACK, "transaction.rollback", CAN_FAIL)                                                  \
    X(SAVEPOINT, "transaction.savepoint", CAN_FAIL)                                                \
    X(SAVEPOINT_RELEASE, "transaction.savepoint_release", CAN_FAIL)                                \
    X(SAVEPOINT_ROLLBACK, "transaction.savepoint_rollback", CAN_FAIL)                              \
    X(PREPARE, "query.prepare", CAN_FAIL)                                                          \
    X(FREE, "query.free", QUIET)                                                                   \
    X(EXEC, "query.exec", CAN_FAIL)                                                                \
    X(OPEN, "query.open", CAN_FAIL)                                                                \
    X(NEXT, "query.next", CAN_FAIL)                                                                \
    X(CLOSE, "query.close", QUIET)                                                                 \
    X(FETCH, "query.fetch", CAN_FAIL)                                                              \
    X(EXPLAIN, "query.explain", CAN_FAIL)                                                          \
    X(SQL, "query.sql", CAN_FAIL)                                                                  \
    X(EXEC_LATER, "query.exec_later", CAN_FAIL)                                                    \
    X(REQUIRE, "query.require", CAN_FAIL)                                                          \
    X(HAS_TABLE, "schema.has_table", CAN_FAIL)                                                     \
    X(CREATE_TABLE, "schema.create_table", CAN_FAIL)                                               \
    X(DROP_TABLE, "schema.drop_table", CAN_FAIL)                                                   \
    X(ADD_COLUMN, "schema.add_column", CAN_FAIL)                                                   \
    X(DROP_COLUMN, "schema.drop_column", CAN_FAIL)                                                 \
    X(CREATE_INDEX, "schema.create_index", CAN_FAIL)                                               \
    X(DROP_INDEX, "schema.drop_index", CAN_FAIL)                                                   \
    X(PREPARE_TXN, "two_phase.prepare", CAN_FAIL)                                                  \
    X(COMMIT_PREPARED, "two_phase.commit", CAN_FAIL)                                               \
    X(ROLLBACK_PREPARED, "two_phase.rollback", CAN_FAIL)                                           \
    X(LIST_PREPARED, "two_phase.list", CAN_FAIL)                                                   \
    X(VERIFY, "admin.verify", CAN_FAIL)                                                            \
    X(INTERRUPT, "admin.interrupt", QUIET)                                                         \
    X(CHECKPOINT, "admin.checkpoint", CAN_FAIL)

/** A slot: TENON_FILTER_COMMIT and so on. */
enum tenon_filter_slot {
#define TENON_FILTER_SYMBOL(symbol, name, kind) TENON_FILTER_##symbol,
    TENON_FILTER_SLOTS(TENON_FILTER_SYMBOL)
#undef TENON_FILTER_SYMBOL
        TENON_FILTER_SLOT_COUNT
};

/** The name of a slot, "transaction.commit". */
const char *tenon_filter_slot_name(uint32_t slot);

/** The slot of a name. @return TENON_FILTER_SLOT_COUNT: there is none */
uint32_t tenon_filter_slot_find(const char *name);

/** Whether a slot has an answer that may be a failure. */
bool tenon_filter_slot_can_fail(uint32_t slot);

/** A call that is passed on. All pointers are borrowed for the hook. */
typedef struct tenon_filter_call {
    uint32_t size;
    uint32_t slot;        /**< TENON_FILTER_DB_OPEN … */
    void *filter;         /**< What the hook `open` has made; NULL in its own call. */
    tenon_drv_conn *conn; /**< NULL: a call of the database. */
    uint64_t *state;      /**< 64 bits of the filter's for this connection, 0 at first; or NULL. */
    const tenon_drv_query *query; /**< Of calls of table `query`, but for sql; else NULL. */
    const tenon_value *params;    /**< What the statement is given; may be NULL. */
    uint32_t param_count;
    uint32_t column_count;        /**< Of `row`. */
    const tenon_value *row;       /**< `after`, of next and fetch: what it gave; else NULL. */
    const char *text;             /**< SQL, a table, an index, a global id; else NULL. */
    uint64_t number;              /**< A savepoint's depth; `after`, of exec: rows concerned. */
    const tenon_drv_begin *begin; /**< Of begin; else NULL. */
    uint32_t answered;            /**< Set by `before`: TENON_OK too is the answer, in its place. */
    uint32_t reserved;
    uint64_t scratch; /**< From `before` to `after`. */
    uint64_t plan;   /**< Of statements: number of the plan on its connection, from 1 on; else 0. */
    uint64_t cursor; /**< Of open, next, close: the same of the cursor; else 0. */
    const tenon_drv_table *table; /**< Of create_table, add_column, create_index; else NULL. */
} tenon_filter_call;

/** What a filter does. `open` and `close` required. */
typedef struct tenon_filter_hooks {
    uint32_t size, reserved;
    /**
     * A database is opened. `params` are the filter's own, those whose key begins with its name and
     * '_'; refuse an unknown one with TENON_CONFIG.
     *
     * @param[in]  identity the same for each time that the same URL is opened; tells nothing of it
     * @param[out] out      handed to the other hooks; the filter's until `close`
     */
    tenon_status (*open)(const tenon_drv_param *params, uint32_t param_count, uint64_t identity,
                         void **out, tenon_error *err);
    void (*close)(void *filter);
    /** Before a call. Another answer than TENON_OK is given in its place, and `after` is not
     * called; `err` is then filled. What it says of a QUIET slot is ignored. */
    tenon_status (*before)(tenon_filter_call *call, tenon_error *err);
    /** After a call that has ended with `st`. @return what the caller is told; for another answer
     * than `st`, `err` is filled */
    tenon_status (*after)(const tenon_filter_call *call, tenon_status st, tenon_error *err);
} tenon_filter_hooks;

/** The name of this filter, and its hooks; from TENON_FILTER_DRIVER. */
extern const char *const tenon_filter_name;
extern const tenon_filter_hooks *const tenon_filter_own;

/** The host of this plugin. Set before any slot is called. */
extern const tenon_host *tenon_filter_host;

/** Roll back what the inner driver has open. For a `before` of commit and rollback, which are
 * called where that is allowed. */
void tenon_filter_roll_back(tenon_drv_conn *conn);

/** Fill an error. @return `status` */
__attribute__((cold, format(printf, 4, 5))) tenon_status
tenon_filter_fail(tenon_error *err, tenon_status status, uint32_t effect, const char *format, ...);

/** Refuse a parameter of the filter's own. @param[in] why after its key in the message @return
 * TENON_CONFIG */
tenon_status tenon_filter_bad_param(tenon_error *err, const char *key, const char *why);

extern const tenon_drv_database_ops tenon_filter_database_ops;
extern const tenon_drv_connection_ops tenon_filter_connection_ops;
extern const tenon_drv_transaction_ops tenon_filter_transaction_ops;
extern const tenon_drv_query_ops tenon_filter_query_ops;
extern const tenon_drv_schema_ops tenon_filter_schema_ops;
extern const tenon_drv_two_phase_ops tenon_filter_two_phase_ops;
extern const tenon_drv_admin_ops tenon_filter_admin_ops;

/** The plugin. `filter` is its name, in letters as a driver's; `hooks` a tenon_filter_hooks. */
#define TENON_FILTER_DRIVER(filter, version_text, hooks)                                           \
    const char *const tenon_filter_name = #filter;                                                 \
    const tenon_filter_hooks *const tenon_filter_own = &(hooks);                                   \
    static const tenon_driver filter##_driver = {                                                  \
        .size = sizeof filter##_driver,                                                            \
        .magic = TENON_DRIVER_MAGIC,                                                               \
        .abi_major = TENON_DRIVER_ABI_MAJOR,                                                       \
        .abi_minor = TENON_DRIVER_ABI_MINOR,                                                       \
        .name = #filter,                                                                           \
        .version = version_text,                                                                   \
        .database = &tenon_filter_database_ops,                                                    \
        .connection = &tenon_filter_connection_ops,                                                \
        .transaction = &tenon_filter_transaction_ops,                                              \
        .query = &tenon_filter_query_ops,                                                          \
        .schema = &tenon_filter_schema_ops,                                                        \
        .two_phase = &tenon_filter_two_phase_ops,                                                  \
        .admin = &tenon_filter_admin_ops,                                                          \
        .flags = TENON_DRV_FILTER,                                                                 \
    };                                                                                             \
    const tenon_driver *tenon_driver_v1(const tenon_host *host)                                    \
    {                                                                                              \
        tenon_filter_host = host;                                                                  \
        return &filter##_driver;                                                                   \
    }                                                                                              \
    typedef int filter##_driver_is_complete

#ifdef __cplusplus
}
#endif
#endif
