/** @file engine.h A SQLite connection under kits/sql. */
#ifndef TENON_SQLITE_ENGINE_H
#define TENON_SQLITE_ENGINE_H

#include <sqlite3.h>

#include "tenon/kit/posix.h"
#include "tenon/kit/sql.h"

typedef struct sqlite_conn {
    sqlite3 *raw;
    tenon_drv_conn *conn;
    tenon_drv_db *db;
    uint64_t deadline_ns; /**< Of the transaction; UINT64_MAX = none. */
    tenon_turn *turn;     /**< Line up in it where the file is locked; NULL: just wait. */
    bool in_txn;
    bool is_inside; /**< The log's gate. */
    bool read_only; /**< The transaction. */
    bool user_text; /**< What is being prepared is the user's. */
} sqlite_conn;

extern const tenon_sql_engine sqlite_engine;

/** Fill `err` for SQLite's last failure on this connection. `query` may be NULL. */
tenon_status sqlite_fail(sqlite_conn *c, const tenon_drv_query *query, tenon_error *err);

/**
 * Open a connection; wait for those who hold the file locked. The deadline stays with `c`.
 *
 * @param[out] c all zero before; owned by the caller until sqlite_disconnect, where it succeeds
 */
tenon_status sqlite_connect(sqlite_conn *c, tenon_drv_db *db, uint64_t deadline_ns,
                            tenon_error *err);
void sqlite_disconnect(sqlite_conn *c);

/** Let the handlers look at the connection's deadline and at what the user's own text may do. */
void sqlite_set_handlers(sqlite_conn *c);

#endif
