/** @file conn.h A connection of the kit. */
#ifndef TENON_KITS_SQL_CONN_H
#define TENON_KITS_SQL_CONN_H

#include "text.h"

/** A foreign key to a table that is not there yet. */
typedef struct sql_waiting {
    struct sql_waiting *next;
    sql_text text;
    char references[TENON_MAX_NAME_BYTES + 1];
} sql_waiting;

struct tenon_drv_conn {
    _Alignas(128) const tenon_sql_engine *engine;
    void *raw;
    tenon_drv_cursor *fetched; /**< Holds the row of the last fetch, not yet reset. */
    tenon_drv_cursor *holder;  /**< Holds the state that a transaction without a BEGIN reads. */
    const char *begin_sql;     /**< The BEGIN that was not needed so far, or NULL. */
    uint32_t begin_number;     /**< Of the kept statement. */
    sql_waiting *waiting;      /**< Foreign keys of this transaction's tables. */
    tenon_sql_stmt *kept[TENON_SQL_KEPT];
    tenon_sql_stmt *savepoints[3][TENON_DRV_MAX_SAVEPOINTS]; /**< Set, release, roll back to. */
};

/** Prepare text that was not made from a query. */
tenon_status sql_prepare(tenon_drv_conn *conn, const char *sql, uint32_t use, tenon_sql_stmt **out,
                         tenon_error *err);

/** Run the BEGIN that was put off, if there is one. */
tenon_status sql_conn_begin(tenon_drv_conn *conn, tenon_error *err);

/** Run it unless a statement holds the state that the transaction reads. */
static inline tenon_status
sql_conn_need_state(tenon_drv_conn *conn, tenon_error *err)
{
    return conn->begin_sql == NULL || conn->holder != NULL ? TENON_OK : sql_conn_begin(conn, err);
}

#endif
