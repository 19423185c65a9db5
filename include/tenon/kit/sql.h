/**
 * @file sql.h For the author of a driver on an SQL engine.
 *
 * The kit (kits/sql, a static library) turns tables and queries into SQL text, binds parameters,
 * maps rows to values, and keeps prepared statements. The author describes the dialect, and gives
 * prepare, bind, step and a few more in a tenon_sql_engine; opening, transactions and the
 * classification of failures stay with the driver. TENON_SQL_DRIVER is written once.
 *
 * Threads: as in driver.h; a connection is used by one thread at a time.
 */
#ifndef TENON_KIT_SQL_H
#define TENON_KIT_SQL_H

#include "tenon/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How the engine's SQL differs. All texts are static. */
typedef struct tenon_sql_dialect {
    uint32_t size, reserved;
    const char *types[8];  /**< Name of each column type, by its TENON_ number. */
    const char *true_text; /**< Literal of a BOOL. */
    const char *false_text;
    const char *blob_prefix;    /**< Before the hex digits of a BLOB or UUID literal: "X'". */
    const char *blob_suffix;    /**< After them: "'". */
    const char *restrict_text;  /**< TENON_RESTRICT: checked at the end of the statement. */
    const char *table_suffix;   /**< After the closing parenthesis of CREATE TABLE. */
    const char *table_query;    /**< One row where the table named by its one parameter exists. */
    const char *index_query;    /**< The same for an index. */
    const char *explain_prefix; /**< Before a query's text. */
    uint32_t explain_column;    /**< Column of its rows that holds the words. */
    char placeholder;           /**< '?' or '$', its number follows. */
    uint8_t reserved2[3];
    /** NULL where NULLs come first in ascending, last in descending order by themselves; else the
     * words, for columns that may be NULL, in ORDER BY and (`nulls_first`) in indexes. */
    const char *nulls_first;
    const char *nulls_last;
    /** Around the INT that an assignment adds, where the engine needs more to undo the statement
     * whose sum overflows; NULL = nothing. */
    const char *addend_prefix;
    const char *addend_suffix;
    /** Around a SELECT: a statement that fails where there is no row. NULL: the kit reads a row. */
    const char *require_prefix;
    const char *require_suffix;
    /** After a placeholder that is an argument of substr(): a cast; may be NULL. */
    const char *length_suffix;
    /** How a constant is written, as by snprintf; 0 = as the kit writes it. May be NULL. */
    int (*literal)(const tenon_value *value, char *out, size_t out_bytes);
    /** Unique indexes are checked in the order in which they were made (else the newest first), and
     * a foreign key needs the table that it refers to: the primary key is made after the indexes,
     * foreign keys when both tables are there. */
    uint32_t keys_last;
    uint32_t valid_text; /**< Parameters that are no UTF-8 are refused. */
} tenon_sql_dialect;

/** A statement of the engine. */
typedef struct tenon_sql_stmt tenon_sql_stmt;

/** Whose text a statement is, and how often it will be run. */
enum {
    TENON_SQL_ONCE = 0,    /**< The kit's or the driver's own, run once. */
    TENON_SQL_LASTING = 1, /**< The same, run many times. */
    TENON_SQL_USER = 2 /**< Of the user's: TENON_DENIED where it begins or ends a transaction. */
};

/** What a statement is made from. Borrowed for the call, `query` as long as the statement. */
typedef struct tenon_sql_source {
    const char *sql;
    const tenon_drv_query *query; /**< To name constraints by; may be NULL. */
    const uint8_t *types;         /**< Of its parameters. */
    uint32_t type_count;          /**< 0 for TENON_SQL_USER: they are as they are bound. */
    uint32_t use;                 /**< TENON_SQL_ONCE, TENON_SQL_LASTING, TENON_SQL_USER. */
} tenon_sql_source;

/**
 * The engine under the kit. `raw` is the engine's connection, as given to tenon_sql_conn_new. A
 * slot that fails fills `err` (never NULL) with status, native code, object and effect. All
 * but the last required.
 */
typedef struct tenon_sql_engine {
    uint32_t size, reserved;
    const tenon_sql_dialect *dialect;
    /** Prepare one statement. @param[out] out owned by the kit until finalize */
    tenon_status (*prepare)(void *raw, const tenon_sql_source *source, tenon_sql_stmt **out,
                            tenon_error *err);
    /** Free. Accepts NULL. */
    void (*finalize)(tenon_sql_stmt *stmt);
    /** Set parameter `number`, from 1 on. What `value` points to lives until the reset. */
    tenon_status (*bind)(void *raw, tenon_sql_stmt *stmt, uint32_t number, const tenon_value *value,
                         tenon_error *err);
    /** Next row: TENON_OK with one, TENON_NOT_FOUND at the end, any other is a failure. */
    tenon_status (*step)(void *raw, tenon_sql_stmt *stmt, const tenon_drv_query *query,
                         const tenon_value *params, tenon_error *err);
    /** Value of a column of the row; borrowed until the next step or reset. Of another type than
     * `type`, the column's, where that is what is stored; TENON_NULL: as the engine has it. */
    void (*column)(tenon_sql_stmt *stmt, uint32_t number, tenon_type type, tenon_value *out);
    /** Columns of its rows, for a text of the user's. Its parameters are bound. */
    tenon_status (*column_count)(tenon_sql_stmt *stmt, uint32_t *out, tenon_error *err);
    /** Make ready to be run again; no parameter is borrowed any more. */
    void (*reset)(tenon_sql_stmt *stmt);
    /** Rows that the last INSERT, UPDATE or DELETE changed itself. */
    uint64_t (*changes)(void *raw);
    /** As a step to the end, whose failure may be reported by a later call; see exec_later in
     * driver.h. The kit resets the statement at once. NULL: `step` is called. */
    tenon_status (*post)(void *raw, tenon_sql_stmt *stmt, const tenon_drv_query *query,
                         const tenon_value *params, tenon_error *err);
    /** All columns of a row, each as by `column`. NULL: `column` is called for each. */
    void (*row)(tenon_sql_stmt *stmt, const uint8_t *types, uint32_t count, tenon_value *out);
} tenon_sql_engine;

/** The host of this plugin. Set before any slot is called. */
extern const tenon_host *tenon_sql_host;

/** A connection as the core holds it: `*out` is owned by the driver until tenon_sql_conn_free. */
tenon_status tenon_sql_conn_new(const tenon_sql_engine *engine, void *raw, tenon_drv_conn **out,
                                tenon_error *err);

/** The engine's connection. */
void *tenon_sql_conn_raw(const tenon_drv_conn *conn);

/** Forget what the tables that a transaction has created still wait for. Where the dialect says
 * `keys_last`: at each begin. */
void tenon_sql_conn_forget(tenon_drv_conn *conn);

/** Reset the statement that a fetch has left open. Before every begin, commit, rollback, savepoint
 * and reset. */
void tenon_sql_conn_settle(tenon_drv_conn *conn);

/** Free, with the statements that were kept; the engine's connection stays open. Accepts NULL. */
void tenon_sql_conn_free(tenon_drv_conn *conn);

/** Numbers of statements that a connection keeps; a driver may use those below. */
enum { TENON_SQL_KEPT = 8 };

/**
 * Run text of the driver's own without parameters, compiled when it is first run.
 *
 * @param[in] number below TENON_SQL_KEPT, always with the same text
 */
tenon_status tenon_sql_run_kept(tenon_drv_conn *conn, uint32_t number, const char *sql,
                                tenon_error *err);

/**
 * Begin a transaction that reads only, for an engine whose running SELECT keeps the state that it
 * reads for the statements after it: the text that begins is put off until something needs it. A
 * transaction whose first statement fetches a row does not, as that statement runs to the end.
 *
 * @param[in] number, sql as tenon_sql_run_kept
 */
void tenon_sql_begin_later(tenon_drv_conn *conn, uint32_t number, const char *sql);

/** Let go of what such a transaction holds, before its commit or rollback. @return true: it was
 * never begun, so that is its end */
bool tenon_sql_end_reading(tenon_drv_conn *conn);

/** Run text of the driver's own once, and read the first value of its first row as text; "" where
 * there is no row. */
tenon_status tenon_sql_ask(tenon_drv_conn *conn, const char *sql, char *out, size_t out_bytes,
                           tenon_error *err);

/** Run a check of the engine's own: each row is a problem, told by its first value, but for one
 * that says "ok". `where` is for `fn`. */
tenon_status tenon_sql_check(tenon_drv_conn *conn, const char *sql, const char *where,
                             tenon_problem_fn fn, void *arg, tenon_error *err);

/** Savepoints in standard SQL, as the slots of tenon_drv_transaction_ops. */
tenon_status tenon_sql_savepoint(tenon_drv_conn *conn, uint32_t depth, tenon_error *err);
tenon_status tenon_sql_savepoint_release(tenon_drv_conn *conn, uint32_t depth, tenon_error *err);
tenon_status tenon_sql_savepoint_rollback(tenon_drv_conn *conn, uint32_t depth, tenon_error *err);

/**
 * Name the unique key that has these columns: the index, or `TABLE.primary`.
 *
 * @param[in]  columns as SQLite and others list them: "t.a, t.b"
 * @param[out] out     left alone where the table has no such key
 */
void tenon_sql_name_key(const tenon_drv_table *table, const char *columns, char *out,
                        size_t out_bytes);

/** The status of an SQLSTATE; TENON_INTERNAL for what is not listed. 42 is TENON_SCHEMA: of the
 * user's own text it means TENON_INVALID. */
tenon_status tenon_sql_state_status(const char *sqlstate);

/** Whether a text begins with a word that begins or ends a transaction or a savepoint. */
bool tenon_sql_ends_transaction(const char *sql);

/** Bytes of a text parameter that errors show. */
#define TENON_SQL_SHOWN_BYTES 40

/** Write parameters for people, "id=…, name='…'": of what no key has, and of BLOBs, the length
 * only, since it may be secret. @param[in] params texts may be cut after TENON_SQL_SHOWN_BYTES */
void tenon_sql_show_params(const tenon_drv_query *query, const tenon_value *params, char *out,
                           size_t out_bytes);

extern const tenon_drv_query_ops tenon_sql_query_ops;
extern const tenon_drv_schema_ops tenon_sql_schema_ops;

/**
 * Fill `err` and return `status`: one line for an engine's failures.
 *
 * @param[in] native the engine's code @param[in] effect a TENON_EFFECT_ value @param[in] object may
 * be NULL
 */
#if defined(__GNUC__)
__attribute__((cold, format(printf, 6, 7)))
#endif
tenon_status
tenon_sql_fail(tenon_error *err, tenon_status status, int32_t native, uint8_t effect,
               const char *object, const char *format, ...);

/**
 * Define the plugin's entry point for the functions of a driver: PREFIX_open, _close, _info,
 * _conn_open_until, _conn_close, _conn_reset, _begin, _commit, _rollback, _verify, _interrupt,
 * _checkpoint, each as its slot in driver.h; and `bool PREFIX_can_run(void)`, which logs why where
 * it can't.
 *
 * @param prefix also the driver's name in URLs @param driver_version string @param caps TENON_CAP_
 * bits (a constant expression)
 */
#define TENON_SQL_DRIVER(prefix, driver_version, caps, driver_flags)                               \
    static const tenon_drv_database_ops sql_driver_database = {                                    \
        .size = sizeof sql_driver_database,                                                        \
        .open = prefix##_open,                                                                     \
        .close = prefix##_close,                                                                   \
        .info = prefix##_info,                                                                     \
    };                                                                                             \
    static tenon_status sql_driver_conn_open(tenon_drv_db *db, tenon_drv_conn **out,               \
                                             tenon_error *err)                                     \
    {                                                                                              \
        return prefix##_conn_open_until(db, UINT64_MAX, out, err);                                 \
    }                                                                                              \
    static const tenon_drv_connection_ops sql_driver_connection = {                                \
        .size = sizeof sql_driver_connection,                                                      \
        .open = sql_driver_conn_open,                                                              \
        .close = prefix##_conn_close,                                                              \
        .reset = prefix##_conn_reset,                                                              \
        .open_until = prefix##_conn_open_until,                                                    \
    };                                                                                             \
    static const tenon_drv_transaction_ops sql_driver_transaction = {                              \
        .size = sizeof sql_driver_transaction,                                                     \
        .begin = prefix##_begin,                                                                   \
        .commit = prefix##_commit,                                                                 \
        .rollback = prefix##_rollback,                                                             \
        .savepoint = tenon_sql_savepoint,                                                          \
        .savepoint_release = tenon_sql_savepoint_release,                                          \
        .savepoint_rollback = tenon_sql_savepoint_rollback,                                        \
    };                                                                                             \
    static const tenon_drv_admin_ops sql_driver_admin = {                                          \
        .size = sizeof sql_driver_admin,                                                           \
        .verify = prefix##_verify,                                                                 \
        .interrupt = prefix##_interrupt,                                                           \
        .checkpoint = prefix##_checkpoint,                                                         \
    };                                                                                             \
    static const tenon_driver sql_driver = {                                                       \
        .size = sizeof sql_driver,                                                                 \
        .magic = TENON_DRIVER_MAGIC,                                                               \
        .abi_major = TENON_DRIVER_ABI_MAJOR,                                                       \
        .abi_minor = TENON_DRIVER_ABI_MINOR,                                                       \
        .name = #prefix,                                                                           \
        .version = (driver_version),                                                               \
        .capabilities = (caps),                                                                    \
        .database = &sql_driver_database,                                                          \
        .connection = &sql_driver_connection,                                                      \
        .transaction = &sql_driver_transaction,                                                    \
        .query = &tenon_sql_query_ops,                                                             \
        .schema = &tenon_sql_schema_ops,                                                           \
        .admin = &sql_driver_admin,                                                                \
        .flags = (driver_flags),                                                                   \
    };                                                                                             \
    const tenon_driver *tenon_driver_v1(const tenon_host *host)                                    \
    {                                                                                              \
        tenon_sql_host = host;                                                                     \
        return prefix##_can_run() ? &sql_driver : NULL;                                            \
    }                                                                                              \
    extern const tenon_host *tenon_sql_host

#ifdef __cplusplus
}
#endif
#endif
