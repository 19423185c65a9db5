/** @file conn.h A connection of the kit. */
#ifndef TENON_KITS_SQL_CONN_H
#define TENON_KITS_SQL_CONN_H

#include "text.h"

struct tenon_drv_conn {
    const tenon_sql_engine *engine;
    void *raw;
    tenon_drv_cursor *fetched; /**< Holds the row of the last fetch, not yet reset. */
    tenon_sql_stmt *kept[TENON_SQL_KEPT];
    tenon_sql_stmt *savepoints[3][TENON_MAX_SAVEPOINTS]; /**< Set, release, roll back to. */
};

#endif
