/**
 * @file driver.h What a driver's author includes: the ABI between the core and a plugin.
 *
 * A plugin is a shared object that exports one function, tenon_driver_v1. It links neither the core
 * nor another driver: what it needs from the host comes in through tenon_host.
 *
 * Growth. Every table and every struct passed by pointer starts with `size` (sizeof in the build
 * that filled it) and `reserved` (0), holds fixed-width types and pointers only, and grows by
 * appending. The core copies the smaller of the two sizes into a zeroed table of its own, refuses a
 * driver whose required slots are missing, and plugs the optional ones with TENON_UNSUPPORTED, but
 * for those that stay NULL as they say.
 * Structs that stand in arrays (column, condition, assignment, order, index, foreign key) are
 * frozen: what is new comes as a further array beside them. tenon_value and tenon_error are frozen
 * too.
 *
 * Division of labour. The core has checked what crosses: names, types, column numbers, parameter
 * counts; parameters have the type of their column or are NULL, TEXT is UTF-8 without NUL bytes,
 * no REAL is NaN, lengths are within `max_bytes`, no NULL goes into a NOT NULL column. A driver
 * classifies failures (status, native code, and `effect`: what became of the transaction) and never
 * retries.
 *
 * Threads. The core uses one connection, with its plans and cursors, from one thread at a time (not
 * always the same one, but a transaction that writes begins and ends on one thread where the
 * driver sets TENON_DRV_THREAD_BOUND). Different connections of one database run in parallel; so do
 * the database slots. The interrupt slot alone may be called beside a running call.
 *
 * Blocking. A slot may block on its engine up to the deadline of the transaction, not beyond where
 * the engine can be stopped.
 */
#ifndef TENON_DRIVER_H
#define TENON_DRIVER_H

#include <string.h>

#include "tenon/txn.h"

#ifdef __cplusplus
extern "C" {
#endif

/** First word of every descriptor. */
#define TENON_DRIVER_MAGIC UINT32_C(0x4e4f4e54)
/** A driver of another major is refused; its entry point has another name. */
#define TENON_DRIVER_ABI_MAJOR 1
/** Raised by one whenever something is appended. */
#define TENON_DRIVER_ABI_MINOR 3
/** Name of the one exported function. */
#define TENON_DRIVER_ENTRY "tenon_driver_v1"

/** The deepest savepoint that a driver is asked for. */
#define TENON_DRV_MAX_SAVEPOINTS (TENON_MAX_SAVEPOINTS + 1)

/** No parameter, in tenon_drv_cond.param, `after_param`, `limit_param`. */
#define TENON_DRV_NONE UINT16_MAX

/** A database as the driver holds it. Each driver defines its own. */
typedef struct tenon_drv_db tenon_drv_db;
/** A connection: at most one transaction at a time. */
typedef struct tenon_drv_conn tenon_drv_conn;
/** A query compiled for one connection. */
typedef struct tenon_drv_plan tenon_drv_plan;
/** Rows being read on one connection. */
typedef struct tenon_drv_cursor tenon_drv_cursor;

/* ---- Tables and queries, normalised by the core. Borrowed for the call unless stated otherwise.
 * ---- */

/** A column. Frozen. */
typedef struct tenon_drv_column {
    const char *name;
    uint8_t type; /**< TENON_INT … TENON_TIME. */
    uint8_t not_null;
    uint8_t reserved[2];
    uint32_t max_bytes;        /**< Of TEXT and BLOB; 0 = no limit. */
    tenon_value default_value; /**< For rows older than the column; TENON_NULL = none. */
} tenon_drv_column;

/** One condition. A comparison with NULL is not true, NE included. Frozen. */
typedef struct tenon_drv_cond {
    uint16_t column;
    uint8_t op; /**< A TENON_OP_ value. */
    uint8_t reserved;
    uint16_t param; /**< First parameter; TENON_DRV_NONE: `constant`, if `op` has an operand. */
    uint16_t param_count; /**< 1, more for TENON_OP_IN, 0 where `param` is TENON_DRV_NONE. */
    tenon_value constant;
} tenon_drv_cond;

/** One column's new value. Frozen. */
typedef struct tenon_drv_assign {
    uint16_t column;
    uint8_t how; /**< A TENON_SET_ value; with TENON_SET_PARAM and no parameter: `constant`. */
    uint8_t reserved;
    uint16_t param;
    uint16_t reserved2;
    tenon_value constant;
} tenon_drv_assign;

/** One column of an order. Frozen. */
typedef struct tenon_drv_order {
    uint16_t column;
    uint16_t descending;
} tenon_drv_order;

/** A secondary index. Its name is unique in the database. Frozen. */
typedef struct tenon_drv_index {
    const char *name;
    const uint16_t *columns;
    uint32_t column_count;
    uint32_t unique;
    const tenon_drv_cond *where; /**< `= constant`, IS NULL, NOT NULL. */
    uint32_t where_count;
    uint32_t reserved;
} tenon_drv_index;

/** A foreign key to the primary key of `references`. Frozen. */
typedef struct tenon_drv_foreign_key {
    const char *name;
    const char *references;
    const uint16_t *columns;
    uint32_t column_count;
    uint32_t on_delete; /**< TENON_RESTRICT, TENON_CASCADE, TENON_SET_NULL. */
} tenon_drv_foreign_key;

/** A table. */
typedef struct tenon_drv_table {
    uint32_t size, reserved;
    const char *name;
    const tenon_drv_column *columns;
    const uint16_t *key_columns; /**< The primary key. */
    const tenon_drv_index *indexes;
    const tenon_drv_foreign_key *foreign_keys;
    uint32_t column_count, key_column_count, index_count, foreign_key_count;
} tenon_drv_table;

/** A query. With its table it outlives every plan made of it. */
typedef struct tenon_drv_query {
    uint32_t size, reserved;
    const char *name; /**< Never NULL, may be empty. */
    const tenon_drv_table *table;
    uint8_t kind;         /**< TENON_SELECT … TENON_COUNT. */
    uint8_t on_conflict;  /**< A TENON_ON_CONFLICT_ value. */
    uint16_t after_param; /**< Keyset: parameters for `order`, from this one on; TENON_DRV_NONE.
                             Never NULL. */
    uint16_t limit_param; /**< An INT of 0 or more, or TENON_DRV_NONE. */
    uint16_t
        conflict_index; /**< Upsert: number in `table->indexes`; TENON_DRV_NONE = primary key. */
    const uint16_t *columns; /**< SELECT: columns of the row. */
    const tenon_drv_assign
        *insert; /**< INSERT: one for each column of the table, in its order; SET_PARAM only. */
    const tenon_drv_assign *set; /**< UPDATE, upsert. */
    const tenon_drv_cond *where;
    const tenon_drv_order *order;
    uint32_t column_count, set_count, where_count, order_count;
    uint64_t limit;             /**< UINT64_MAX = all. */
    const uint8_t *param_types; /**< Type that each parameter must have if it is not NULL. */
    uint32_t param_count, reserved2;
} tenon_drv_query;

/* ---- The host ---- */

/** Levels of host messages. */
enum { TENON_LOG_DEBUG = 0, TENON_LOG_INFO = 1, TENON_LOG_WARNING = 2, TENON_LOG_ERROR = 3 };

typedef struct tenon_driver tenon_driver;

/** Services of the host. Every slot is set, lives as long as the process, may be called by any
 * thread. */
typedef struct tenon_host {
    uint32_t size, reserved;
    /** As realloc; NULL for `ptr` allocates. @return NULL where there is no memory; `ptr` is then
     * as before */
    void *(*reallocate)(void *ptr, uint64_t bytes);
    /** As free; accepts NULL. */
    void (*release)(void *ptr);
    /** Write one line to the log. `text` must hold no secret. */
    void (*log)(uint32_t level, const char *driver, const char *text);
    /** CLOCK_MONOTONIC, in nanoseconds. */
    uint64_t (*monotonic_ns)(void);
    /** Wall clock, in microseconds since the epoch. */
    int64_t (*wall_us)(void);
    /** Fill with bytes from the system's generator. */
    void (*random)(void *out, uint64_t bytes);
    /** The normalised table of another driver, for filters: by its name, by the absolute path of
     * its plugin, or, as "a+b", of filter a over b. @retval as tenon_open for a driver */
    tenon_status (*find_driver)(const char *name, const tenon_driver **out, tenon_error *err);
} tenon_host;

/* ---- The driver's tables ---- */

/** One `key=value` of a URL, percent-decoded. Frozen. */
typedef struct tenon_drv_param {
    const char *key;
    const char *value;
} tenon_drv_param;

/** How to open a database. Borrowed for the call. */
typedef struct tenon_drv_open {
    uint32_t size, reserved;
    const char *url;   /**< As given by the user, password included: never to be shown or kept. */
    const char *place; /**< After the first ':' up to '?', percent-decoded. */
    const tenon_drv_param
        *params; /**< Without those of the core; refuse an unknown one with TENON_CONFIG. */
    uint32_t param_count;
    uint32_t durability; /**< A TENON_DURABLE_ value; TENON_UNSUPPORTED if the engine lacks it. */
    uint32_t read_only;
    uint32_t create; /**< Make a missing database; never with `read_only`. */
} tenon_drv_open;

/** What an open database is like. */
typedef struct tenon_drv_info {
    uint32_t size, reserved;
    uint64_t capabilities; /**< TENON_CAP_ bits that hold for this database. */
    uint64_t
        disk_bytes; /**< Allocated blocks (st_blocks * 512) of all of its files; 0 in memory. */
    uint32_t durability;      /**< As read back from the engine. */
    uint32_t max_connections; /**< 0 = no limit of its own. */
} tenon_drv_info;

/** Give what there is to say as far as the asker has room for it: for the slot `info`. */
static inline void
tenon_drv_give_info(tenon_drv_info *out, const tenon_drv_info *full)
{
    const uint32_t size = out->size;

    memcpy(out, full, size < sizeof *full ? size : sizeof *full);
    out->size = size;
}

/** Databases. Any thread. All required. */
typedef struct tenon_drv_database_ops {
    uint32_t size, reserved;
    /**
     * Open, and create where asked to. Says TENON_CORRUPT for what is no database of this engine.
     * Where MULTI_PROCESS is claimed another process may be writing meanwhile: what looks
     * unfinished may be its work, and is mended with the engine's lock for writers only.
     *
     * @param[out] out owned by the core until close; NULL on failure
     * @param[out] err never NULL, in this and every other slot; filled on failure only
     */
    tenon_status (*open)(const tenon_drv_open *options, tenon_drv_db **out, tenon_error *err);
    /** Close. All connections are closed before. NULL is accepted. */
    void (*close)(tenon_drv_db *db);
    /** Fill what `info->size` has room for: see tenon_drv_give_info. */
    tenon_status (*info)(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err);
} tenon_drv_database_ops;

/** Connections. `open` and `close` required. */
typedef struct tenon_drv_connection_ops {
    uint32_t size, reserved;
    /** @param[out] out owned by the core until close */
    tenon_status (*open)(tenon_drv_db *db, tenon_drv_conn **out, tenon_error *err);
    /** Close; a transaction still open is rolled back. Plans and cursors are freed before. NULL is
     * accepted. */
    void (*close)(tenon_drv_conn *conn);
    /** Between two users: bring back to the state after open. Optional: nothing to do. Failure
     * closes it. */
    tenon_status (*reset)(tenon_drv_conn *conn, tenon_error *err);
    /**
     * As `open`, and called instead of it: for an engine that may let its clients wait.
     * TENON_TIMEOUT where `deadline_ns` (CLOCK_MONOTONIC) passes. Optional, stays NULL: opening
     * takes no time.
     */
    tenon_status (*open_until)(tenon_drv_db *db, uint64_t deadline_ns, tenon_drv_conn **out,
                               tenon_error *err);
    /**
     * Whether a connection without a transaction still works, asked by the deadline. The core asks
     * before it hands out one that nobody has used for half a second; failure closes it, and
     * another is opened in its place. Optional, stays NULL: it can't be lost.
     */
    tenon_status (*check)(tenon_drv_conn *conn, uint64_t deadline_ns, tenon_error *err);
    /** How often the connection has waited for an answer of its server since it was opened.
     * Optional, stays NULL: there is no server. */
    uint64_t (*round_trips)(const tenon_drv_conn *conn);
} tenon_drv_connection_ops;

/** How to begin. Borrowed for the call. */
typedef struct tenon_drv_begin {
    uint32_t size, reserved;
    uint64_t deadline_ns; /**< CLOCK_MONOTONIC, for all of the transaction; UINT64_MAX = none. */
    uint32_t
        isolation; /**< TENON_READ_COMMITTED … TENON_SERIALIZABLE, one that the driver claims. */
    uint32_t read_only;
    uint32_t shared; /**< By several transactions (TENON_DRV_GROUPS): the deadline holds for the
                        begin alone, since nobody's may stop what the others have done. */
    uint32_t reserved2;
} tenon_drv_begin;

/** Whether a transaction is shared, as far as the core that asks knows of that. */
static inline bool
tenon_drv_is_shared(const tenon_drv_begin *how)
{
    return how->size >= offsetof(tenon_drv_begin, reserved2) && how->shared != 0;
}

/**
 * Transactions. `begin`, `commit`, `rollback` required; the savepoint slots all or none (with
 * TENON_CAP_SAVEPOINTS). Every failure sets `err->effect`.
 */
typedef struct tenon_drv_transaction_ops {
    uint32_t size, reserved;
    /**
     * Begin; with `read_only` unset, as a writer from the start. At TENON_SNAPSHOT and
     * TENON_SERIALIZABLE the transaction sees what any connection had committed, and was told so,
     * before this call; a database that was opened to read a replica is excepted. A failure leaves
     * no transaction.
     */
    tenon_status (*begin)(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err);
    /**
     * Commit. All cursors are closed before. After any outcome the connection has no transaction;
     * TENON_UNKNOWN_OUTCOME where the commit may or may not have happened.
     */
    tenon_status (*commit)(tenon_drv_conn *conn, tenon_error *err);
    /** Roll back whatever there is. All cursors are closed before. A failure closes the connection.
     */
    tenon_status (*rollback)(tenon_drv_conn *conn, tenon_error *err);
    /** Set savepoint `depth`: 1 for the first, each next one inside the one before, at most
     * TENON_DRV_MAX_SAVEPOINTS. */
    tenon_status (*savepoint)(tenon_drv_conn *conn, uint32_t depth, tenon_error *err);
    /** Forget savepoint `depth` and those inside it, keep the changes. */
    tenon_status (*savepoint_release)(tenon_drv_conn *conn, uint32_t depth, tenon_error *err);
    /** Undo the changes since savepoint `depth`, and forget it and those inside it. No cursor is
     * open. */
    tenon_status (*savepoint_rollback)(tenon_drv_conn *conn, uint32_t depth, tenon_error *err);
} tenon_drv_transaction_ops;

/**
 * Queries. All but `fetch`, `explain` and `sql` required. A failed statement has no effect at all,
 * and the transaction goes on unless `err->effect` says otherwise. TENON_EXISTS names the index (or
 * `TABLE.primary` for a primary key) in `err->object`, TENON_CONSTRAINT the foreign key or
 * `TABLE.COLUMN`.
 */
typedef struct tenon_drv_query_ops {
    uint32_t size, reserved;
    /** Compile. @param[in] query outlives the plan @param[out] out owned by the core until free */
    tenon_status (*prepare)(tenon_drv_conn *conn, const tenon_drv_query *query,
                            tenon_drv_plan **out, tenon_error *err);
    /** Free. Its cursors are closed before. NULL is accepted. */
    void (*free)(tenon_drv_plan *plan);
    /**
     * Run an INSERT, UPDATE or DELETE.
     *
     * @param[in]  params   borrowed for the call
     * @param[out] affected never NULL; rows inserted, matched by the update, deleted (without
     * cascades; a row that matches and that a cascade of the same statement takes first may count
     * or not)
     */
    tenon_status (*exec)(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected,
                         tenon_error *err);
    /**
     * Start reading a SELECT or COUNT. Several cursors of one plan may be open at once. What the
     * transaction writes meanwhile must neither make it fail nor repeat a row that was not changed.
     *
     * @param[in]  params borrowed until the cursor is closed
     * @param[out] out    owned by the core until close
     */
    tenon_status (*open)(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out,
                         tenon_error *err);
    /**
     * Next row; TENON_NOT_FOUND at the end, without touching `err`. Not called again after that.
     *
     * @param[out] row as many values as the query has columns, borrowed until the next call on this
     *                 cursor, or the next write or the end of the transaction
     */
    tenon_status (*next)(tenon_drv_cursor *cursor, const tenon_value **row, tenon_error *err);
    /** Stop reading and free. NULL is accepted. */
    void (*close)(tenon_drv_cursor *cursor);
    /**
     * First row in one call, borrowed until the next call on the connection; TENON_NOT_FOUND where
     * there is none. Optional: the core opens, reads and closes.
     */
    tenon_status (*fetch)(tenon_drv_plan *plan, const tenon_value *params, const tenon_value **row,
                          tenon_error *err);
    /** How it will be served, as one or more lines, cut to `out_bytes` with their NUL. Optional. */
    tenon_status (*explain)(tenon_drv_plan *plan, char *out, uint64_t out_bytes, tenon_error *err);
    /**
     * Run SQL text (TENON_CAP_SQL). Must refuse, with TENON_DENIED, a statement that begins or ends
     * a transaction. Optional.
     *
     * @param[out] out          NULL: run to the end
     * @param[out] column_count values in a row; may be NULL
     */
    tenon_status (*sql)(tenon_drv_conn *conn, const char *sql, const tenon_value *params,
                        uint32_t param_count, tenon_drv_cursor **out, uint32_t *column_count,
                        tenon_error *err);
    /**
     * As `exec`, for a caller who does not wait: the statement may be sent with a later one, and
     * its failure be reported by any later call on the connection, at the latest by the release of
     * the savepoint that it is in or by commit. That failure dooms the transaction (`effect`),
     * unless a savepoint that was set before the statement is rolled back to. `err` names the
     * statement and its parameters. Optional, stays NULL: the core calls `exec`.
     */
    tenon_status (*exec_later)(tenon_drv_plan *plan, const tenon_value *params, tenon_error *err);
    /**
     * See that a SELECT finds a row: else TENON_NOT_FOUND, with the query's name in `err->object`.
     * May be sent and reported later, as `exec_later`. Optional, stays NULL: the core reads a row.
     */
    tenon_status (*require)(tenon_drv_plan *plan, const tenon_value *params, tenon_error *err);
} tenon_drv_query_ops;

/**
 * Changes of the schema, inside a write transaction, undone with it where
 * TENON_CAP_TRANSACTIONAL_DDL is set. No plan of the table is in use. All required.
 */
typedef struct tenon_drv_schema_ops {
    uint32_t size, reserved;
    /** Whether there is a table of that name. */
    tenon_status (*has_table)(tenon_drv_conn *conn, const char *name, uint32_t *out,
                              tenon_error *err);
    /** Create with all indexes and keys. TENON_EXISTS where the name is taken. */
    tenon_status (*create_table)(tenon_drv_conn *conn, const tenon_drv_table *table,
                                 tenon_error *err);
    /** Drop with its rows and indexes. Nothing refers to it. TENON_NOT_FOUND where there is none.
     */
    tenon_status (*drop_table)(tenon_drv_conn *conn, const char *name, tenon_error *err);
    /** Append the last column of `table`, which is described as it will be. */
    tenon_status (*add_column)(tenon_drv_conn *conn, const tenon_drv_table *table,
                               tenon_error *err);
    /** Remove a column, which no key and no index uses. */
    tenon_status (*drop_column)(tenon_drv_conn *conn, const char *table, const char *column,
                                tenon_error *err);
    /** Build index number `index` of `table`. TENON_EXISTS, naming it, where rows violate a unique
     * one. */
    tenon_status (*create_index)(tenon_drv_conn *conn, const tenon_drv_table *table, uint32_t index,
                                 tenon_error *err);
    /** Remove an index. TENON_NOT_FOUND where there is none. */
    tenon_status (*drop_index)(tenon_drv_conn *conn, const char *table, const char *index,
                               tenon_error *err);
} tenon_drv_schema_ops;

/** Told of one prepared transaction. */
typedef void (*tenon_drv_prepared_fn)(void *arg, const char *gid);

/** Two-phase commit (TENON_CAP_TWO_PHASE). The whole table is optional; all of it or none. */
typedef struct tenon_drv_two_phase_ops {
    uint32_t size, reserved;
    /** Prepare the connection's transaction under a global id; the connection is then free. */
    tenon_status (*prepare)(tenon_drv_conn *conn, const char *gid, tenon_error *err);
    /** End a prepared one, from any connection that is in no transaction. TENON_NOT_FOUND where
     * nothing is prepared under that id. */
    tenon_status (*commit)(tenon_drv_conn *conn, const char *gid, tenon_error *err);
    tenon_status (*rollback)(tenon_drv_conn *conn, const char *gid, tenon_error *err);
    /** Tell of every prepared one. */
    tenon_status (*list)(tenon_drv_conn *conn, tenon_drv_prepared_fn fn, void *arg,
                         tenon_error *err);
} tenon_drv_two_phase_ops;

/** Upkeep. The whole table and each slot is optional. */
typedef struct tenon_drv_admin_ops {
    uint32_t size, reserved;
    /** The engine's own checks of what is stored, in a read transaction. `fn` is told of each
     * problem. */
    tenon_status (*verify)(tenon_drv_conn *conn, tenon_problem_fn fn, void *arg, tenon_error *err);
    /** Stop the running call, from another thread (TENON_CAP_INTERRUPT); it returns
     * TENON_CANCELLED. */
    void (*interrupt)(tenon_drv_conn *conn);
    /** Move the log into the data, as far as that is possible without waiting. */
    tenon_status (*checkpoint)(tenon_drv_db *db, tenon_error *err);
} tenon_drv_admin_ops;

/** Flags of a driver. */
/** A write transaction is begun and ended (begin, commit, rollback) by one thread; statements may
 * come from others meanwhile, one at a time. Only with TENON_CAP_SINGLE_WRITER. */
#define TENON_DRV_THREAD_BOUND UINT32_C(1)

/** A database whose commit has reported TENON_UNKNOWN_OUTCOME is to be closed, with all
 * connections, and opened anew before anything else is asked of it: what the engine holds in memory
 * may no longer be what it has stored. Nothing but a commit has this effect. Another call of an
 * engine that has to be opened anew says TENON_UNAVAILABLE, which closes the connection, and says
 * so until the application has closed the database and opened it again. */
#define TENON_DRV_REOPEN UINT32_C(2)

/** Several transactions may share one of the engine, and its commit: each runs inside savepoint 1,
 * is then released or rolled back to, and leaves nothing behind that would make the commit fail.
 * Only with TENON_CAP_SINGLE_WRITER and
 * TENON_CAP_SAVEPOINTS. */
#define TENON_DRV_GROUPS UINT32_C(4)

/** A filter: it works over another driver, for URLs `NAME+INNER:…`, and only so. It has every slot,
 * of which those are called that `INNER` has; capabilities and flags are those of `INNER`. Its
 * `open` gets the whole URL, and all parameters: those that are its own begin with its name and
 * '_'. See tenon/kit/filter.h. */
#define TENON_DRV_FILTER UINT32_C(8)

/** The descriptor. Lives as long as the process. */
struct tenon_driver {
    uint32_t size, reserved;
    uint32_t magic; /**< TENON_DRIVER_MAGIC. */
    uint16_t abi_major, abi_minor;
    const char *name; /**< As in URLs: lower-case letters and digits, a letter first, at most 16. */
    const char *version;   /**< Of driver and engine, for people: "1.0 (SQLite 3.40.1)". */
    uint64_t capabilities; /**< TENON_CAP_ bits that its databases may have. */
    const tenon_drv_database_ops *database;       /**< Required. */
    const tenon_drv_connection_ops *connection;   /**< Required. */
    const tenon_drv_transaction_ops *transaction; /**< Required. */
    const tenon_drv_query_ops *query;             /**< Required. */
    const tenon_drv_schema_ops *schema;           /**< Required. */
    const tenon_drv_two_phase_ops *two_phase;     /**< Optional. */
    const tenon_drv_admin_ops *admin;             /**< Optional. */
    uint32_t flags, reserved2;                    /**< TENON_DRV_ bits. */
};

/**
 * The entry point, the only symbol that a plugin exports. Called once, when it is loaded.
 *
 * @param[in] host lives as long as the process
 * @return the descriptor; NULL where the driver can't work here (then it has logged why)
 */
TENON_API const tenon_driver *tenon_driver_v1(const tenon_host *host);

#ifdef __cplusplus
}
#endif
#endif
