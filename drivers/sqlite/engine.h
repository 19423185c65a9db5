/** @file engine.h A SQLite connection under kits/sql. */
#ifndef TENON_SQLITE_ENGINE_H
#define TENON_SQLITE_ENGINE_H

#include <sqlite3.h>

#include "tenon/kit/posix.h"
#include "tenon/kit/sql.h"

/** Statements of transactions, prepared once. */
enum {
    SQLITE_BEGIN_WRITE,
    SQLITE_BEGIN_READ,
    SQLITE_COMMIT_IT,
    SQLITE_ROLLBACK_IT,
    SQLITE_TXN_STATEMENTS
};

/** The same for savepoints, of each depth. */
enum { SQLITE_SET, SQLITE_RELEASE, SQLITE_ROLLBACK_TO, SQLITE_SAVEPOINT_STATEMENTS };

typedef struct sqlite_conn {
    sqlite3 *raw;
    tenon_drv_conn *conn;
    sqlite3_stmt *txn[SQLITE_TXN_STATEMENTS];
    sqlite3_stmt *savepoints[SQLITE_SAVEPOINT_STATEMENTS][TENON_MAX_SAVEPOINTS];
    uint64_t deadline_ns; /**< Of the transaction; UINT64_MAX = none. */
    bool in_txn;
    bool read_only; /**< The transaction. */
    bool user_text; /**< What is being prepared is the user's. */
} sqlite_conn;

extern const tenon_host *sqlite_host;
extern const tenon_sql_engine sqlite_engine;

/** Fill `err` for SQLite's last failure on this connection. `query` may be NULL. */
tenon_status sqlite_fail(sqlite_conn *c, const tenon_drv_query *query, tenon_error *err);

/** As a busy handler, and as a progress handler: whether the deadline lets them go on. */
int sqlite_on_busy(void *arg, int times);
int sqlite_on_progress(void *arg);

/** As an authorizer: what the user's own text may do. */
int sqlite_on_prepare(void *arg, int action, const char *a, const char *b, const char *database,
                      const char *trigger);

#endif
