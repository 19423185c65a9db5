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
    const tenon_sql_engine *engine;
    void *raw;
    tenon_drv_cursor *fetched; /**< Holds the row of the last fetch, not yet reset. */
    sql_waiting *waiting;      /**< Foreign keys of this transaction's tables. */
    tenon_sql_stmt *kept[TENON_SQL_KEPT];
    tenon_sql_stmt *savepoints[3][TENON_DRV_MAX_SAVEPOINTS]; /**< Set, release, roll back to. */
};

/** Prepare text that was not made from a query. */
tenon_status sql_prepare(tenon_drv_conn *conn, const char *sql, uint32_t use, tenon_sql_stmt **out,
                         tenon_error *err);

#endif
