/** @file txn_state.h What a transaction and a cursor consist of, for the files of core/ that run
 * them. */
#ifndef TENON_CORE_TXN_STATE_H
#define TENON_CORE_TXN_STATE_H

#include <pthread.h>

#include "core/model.h"
#include "tenon/txn.h"

struct tni_conn;

/** The rows of a query. Recycled with its connection. */
struct tenon_cursor {
    tenon_txn *txn;
    tenon_cursor *next, *prev; /* among the cursors of the transaction */
    tenon_drv_cursor *drv;     /* NULL: closed, by the end or by a savepoint's rollback */
    bool at_end;
    bool undone;              /* closed by a savepoint's rollback */
    tenon_value *params;      /* the driver borrows them as long as it reads */
    unsigned char *bytes;     /* that they point to */
    uint32_t params_capacity; /* values */
    size_t bytes_capacity;
};

/** A transaction: part of the connection that it runs on, so that beginning one allocates nothing.
 */
struct tenon_txn {
    tenon_db *db;
    struct tni_conn *conn;
    const tenon_drv_query_ops *ops; /* the driver's, at hand for each statement */
    uint64_t deadline_ns;
    uint32_t state;     /* a TENON_TXN_ value; 0: the handle is not in use */
    uint32_t isolation; /* as given to the driver */
    uint32_t attempt;
    uint32_t savepoint_count;
    uint32_t savepoint_last; /* number of the newest one ever set */
    bool read_only;
    bool bound;       /* to `thread` */
    bool managed;     /* tenon_run ends it, nobody else */
    bool final;       /* doomed for good: by its deadline, or by misuse */
    bool retryable;   /* the engine has reported a failure that running all again may cure */
    uint8_t effect;   /* of the failure that doomed it */
    pthread_t thread; /* that began it */
    const char *name;
    tenon_cursor *cursors;      /* open ones, and those that a savepoint's rollback has closed */
    tenon_cursor *fetch_cursor; /* what holds the row of tenon_fetch, where the driver needs one */
    tenon_error doom;           /* what doomed it: the first failure */
    tenon_error cause;          /* the last retryable failure */
    tenon_error last;           /* what the driver's slots fill */
    uint32_t savepoints[TENON_MAX_SAVEPOINTS]; /* numbers of those that are set */
};

/** How a transaction is to begin, with defaults filled in. */
typedef struct tni_txn_how {
    const char *name;
    uint64_t deadline_ns;
    uint32_t isolation; /* as asked for */
    bool read_only;
    bool managed;
} tni_txn_how;

/** Read the application's options. The deadline counts from now on. @retval TENON_OK, TENON_MISUSE
 */
tenon_status tni_txn_how_read(const tenon_txn_options *options, tni_txn_how *how, tenon_error *err);

/** Begin. @param[in] attempt from 1 on @retval as tenon_begin */
tenon_status tni_txn_begin(tenon_db *db, const tni_txn_how *how, uint32_t attempt, tenon_txn **out,
                           tenon_error *err);

/** Commit, or roll back what is doomed. Consumes `txn`. @param[out] cause set to the engine's last
 * retryable failure where there was one @retval as tenon_commit */
tenon_status tni_txn_commit(tenon_txn *txn, tenon_error *cause, tenon_error *err);

/** Roll back. Consumes `txn`. `cause` as above. */
void tni_txn_rollback(tenon_txn *txn, tenon_error *cause);

/**
 * May a call go ahead? Checks state, thread and deadline.
 *
 * @retval TENON_OK; TENON_MISUSE (ended, or the wrong thread); TENON_TIMEOUT (now doomed); the
 *         status that doomed it
 */
tenon_status tni_txn_enter(tenon_txn *txn, tenon_error *err);

/** Whether only another thread may go on with this transaction. */
static inline bool
tni_txn_is_foreign(const tenon_txn *txn)
{
    return txn->bound && !pthread_equal(txn->thread, pthread_self());
}

/** Take in a failure that the driver has put into `txn->last`, and hand it on to `err` (may be
 * NULL). @return `status` */
tenon_status tni_txn_driver_failed(tenon_txn *txn, tenon_status status, tenon_error *err);

/** Make ready for a driver call: nothing left of an earlier failure. @return what to give it as
 * `err` */
static inline tenon_error *
tni_txn_err(tenon_txn *txn)
{
    txn->last.status = TENON_OK;
    txn->last.native = 0;
    txn->last.effect = TENON_EFFECT_OPEN;
    txn->last.sqlstate[0] = '\0';
    txn->last.driver[0] = '\0';
    txn->last.object[0] = '\0';
    txn->last.message[0] = '\0';
    return &txn->last;
}

/** Close the driver's cursors, keep the handles: their next call is TENON_MISUSE. */
void tni_cursors_undo(tenon_txn *txn);

/** Close the driver's cursors and take the handles back. */
void tni_cursors_end(tenon_txn *txn);

/** Drop the row that tenon_fetch has lent. */
void tni_cursors_drop_fetched(tenon_txn *txn);

/** Free the handles that a connection keeps. */
void tni_cursors_free(struct tni_conn *conn);

/** A cursor of `txn` over `plan`; its parameters are copied. @retval as tenon_select */
tenon_status tni_cursor_open(tenon_txn *txn, tenon_drv_plan *plan, const tenon_value *params,
                             uint32_t param_count, tenon_cursor **out, tenon_error *err);

/** The same over the rows of an SQL text. */
tenon_status tni_cursor_sql(tenon_txn *txn, const char *sql, const tenon_value *params,
                            uint32_t param_count, tenon_cursor **out, tenon_error *err);

/** Fill `err` (may be NULL) for "no such row". @return TENON_NOT_FOUND */
tenon_status tni_txn_no_row(tenon_error *err);

#endif
