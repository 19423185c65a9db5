/**
 * @file sql.h For the author of a driver on an SQL engine.
 *
 * The kit (kits/sql, a static library) turns tables and queries into SQL text, binds parameters,
 * maps rows to values, and keeps prepared statements. The author describes the dialect, and gives
 * prepare, bind, step and a few more in a tenon_sql_engine; opening, transactions and the
 * classification of failures stay with the driver.
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
     * words. */
    const char *nulls_first;
    const char *nulls_last;
} tenon_sql_dialect;

/** A statement of the engine. */
typedef struct tenon_sql_stmt tenon_sql_stmt;

/**
 * The engine under the kit. `raw` is the engine's connection, as given to tenon_sql_conn_new. A
 * slot that fails fills `err` (never NULL) with status, native code, object and effect. All
 * required.
 */
typedef struct tenon_sql_engine {
    uint32_t size, reserved;
    const tenon_sql_dialect *dialect;
    /**
     * Prepare one statement.
     *
     * @param[in]  lasting it will be run many times
     * @param[in]  query   what `sql` was made from, to name constraints by; NULL where it is text
     * of the user's, which must be refused with TENON_DENIED where it begins or ends a transaction
     * @param[out] out     owned by the kit until finalize
     */
    tenon_status (*prepare)(void *raw, const char *sql, bool lasting, const tenon_drv_query *query,
                            tenon_sql_stmt **out, tenon_error *err);
    /** Free. Accepts NULL. */
    void (*finalize)(tenon_sql_stmt *stmt);
    /** Set parameter `number`, from 1 on. What `value` points to lives until the reset. */
    tenon_status (*bind)(void *raw, tenon_sql_stmt *stmt, uint32_t number, const tenon_value *value,
                         tenon_error *err);
    /** Next row: TENON_OK with one, TENON_NOT_FOUND at the end, any other is a failure. */
    tenon_status (*step)(void *raw, tenon_sql_stmt *stmt, const tenon_drv_query *query,
                         const tenon_value *params, tenon_error *err);
    /** Value of a column of the row; borrowed until the next step or reset. `type` TENON_NULL: as
     * the engine has it. */
    void (*column)(tenon_sql_stmt *stmt, uint32_t number, tenon_type type, tenon_value *out);
    /** Columns of its rows. */
    uint32_t (*column_count)(tenon_sql_stmt *stmt);
    /** Make ready to be run again; no parameter is borrowed any more. */
    void (*reset)(tenon_sql_stmt *stmt);
    /** Rows that the last INSERT, UPDATE or DELETE changed itself. */
    uint64_t (*changes)(void *raw);
    /** Run text without parameters and without rows. */
    tenon_status (*run)(void *raw, const char *sql, tenon_error *err);
} tenon_sql_engine;

/** A connection as the core holds it: `*out` is owned by the driver until tenon_sql_conn_free. */
tenon_status tenon_sql_conn_new(const tenon_sql_engine *engine, void *raw, tenon_drv_conn **out,
                                tenon_error *err);

/** The engine's connection. */
void *tenon_sql_conn_raw(const tenon_drv_conn *conn);

/** Reset the statement that a fetch has left open. Before every begin, commit, rollback, savepoint
 * and reset. */
void tenon_sql_conn_settle(tenon_drv_conn *conn);

/** Free; the engine's connection is not touched. Accepts NULL. */
void tenon_sql_conn_free(tenon_drv_conn *conn);

extern const tenon_drv_query_ops tenon_sql_query_ops;
extern const tenon_drv_schema_ops tenon_sql_schema_ops;

/**
 * Fill `err` and return `status`: one line for an engine's failures.
 *
 * @param[in] native the engine's code @param[in] effect a TENON_EFFECT_ value @param[in] object may
 * be NULL
 */
#if defined(__GNUC__)
__attribute__((format(printf, 6, 7)))
#endif
tenon_status
tenon_sql_fail(tenon_error *err, tenon_status status, int32_t native, uint8_t effect,
               const char *object, const char *format, ...);

#ifdef __cplusplus
}
#endif
#endif
