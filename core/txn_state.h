/** @file txn_state.h What a transaction and a cursor consist of, for the files of core/ that run
 * them. */
#ifndef TENON_CORE_TXN_STATE_H
#define TENON_CORE_TXN_STATE_H

#include <stdatomic.h>

#include "core/env.h"
#include "core/error.h"
#include "core/model.h"
#include "tenon/txn.h"

struct tni_conn;
struct tni_op;
struct tni_plan;

/** A copy of some values with what they point to, in memory that is used again. */
typedef struct tni_values {
    tenon_value *values;
    unsigned char *bytes;
    uint32_t capacity; /* values */
    size_t bytes_capacity;
} tni_values;

/** The rows of a query. Recycled with its connection. */
struct tenon_cursor {
    tenon_txn *txn;
    tenon_cursor *next, *prev; /* among the cursors of the transaction */
    tenon_drv_cursor *drv;     /* NULL: closed, by the end or by a savepoint's rollback */
    uint32_t column_count;     /* of its rows; 0: not known before they come */
    uint32_t row_count;        /* that were asked for */
    bool at_end;
    bool undone;       /* closed by a savepoint's rollback */
    bool lent;         /* its last row may still be read */
    tni_values params; /* the driver borrows them as long as it reads */
    tni_values row;    /* the last one, in a write transaction */
};

/**
 * Who has a transaction's handle. Its owner, between calls, leaves it IDLE: then the reaper may
 * take it, when its deadline has passed. All else in the handle belongs to whoever changed the
 * word.
 */
enum {
    TNI_FREE = 0,   /* no transaction */
    TNI_IDLE = 1,   /* between two calls */
    TNI_INSIDE = 2, /* in a call of its owner's */
    TNI_ENDING = 3, /* in a commit or a rollback of its owner's */
    TNI_TAKEN = 4,  /* in the hands of the reaper */
    TNI_REAPED = 5, /* rolled back by the reaper; its owner has yet to end it */
    TNI_ORPHAN = 6  /* the same, and its database is closed */
};

/** Statements of a transaction that are kept for a report. */
#define TNI_RECENT 8

/** A transaction: part of the connection that it runs on, so that beginning one allocates nothing.
 * What is atomic is read by those who list the live ones. */
struct tenon_txn {
    atomic_uint word;  /* a TNI_ value */
    atomic_bool poked; /* the reaper may be stopping its call in the engine */
    atomic_uint attempt;
    tenon_db *db;
    struct tni_conn *conn;
    const tenon_drv_query_ops *ops;   /* the driver's, at hand for each statement */
    atomic_uint_fast64_t serial;      /* another one for each transaction */
    atomic_uint_fast64_t deadline_ns; /* UINT64_MAX once the reaper has done what it can */
    atomic_uint_fast64_t began_ns;    /* when it was asked for */
    uint64_t leased_ns;               /* when it could run */
    _Atomic(struct tni_op *) op;      /* its name */
    _Atomic(const tni_query *) recent[TNI_RECENT]; /* the last statements, in a ring */
    atomic_uint statement_count;
    _Atomic(const char *) where; /* it was begun in the source; static; NULL: not known */
    const char *actor, *details; /* of the audit; may be NULL */
    tenon_uuid id;
    uint32_t state;          /* a TENON_TXN_ value; 0: the handle is not in use */
    uint32_t isolation;      /* as given to the driver */
    uint32_t savepoint_base; /* of the engine's, those that are not its own */
    uint32_t savepoint_count;
    uint32_t savepoint_last; /* number of the newest one ever set */
    bool has_id;
    bool read_only;
    bool kept; /* begun by the keeper, which must end it too */
    bool
        bound; /* begun by its own thread on an engine that binds writers: nobody else can end it */
    bool grouped;   /* shares a transaction of the engine, and its commit, with others */
    bool own;       /* the library's */
    bool managed;   /* tenon_run ends it, nobody else */
    bool final;     /* doomed for good: by its deadline, or by misuse */
    bool retryable; /* the engine has reported a failure that running all again may cure */
    bool hidden;    /* a row was in the way that its snapshot need not show */
    bool wrote;     /* something of the application's */
    bool audited;   /* has an audit row */
    bool stays;     /* a commit does not give the admission back */
    bool lent;      /* the row of a tenon_fetch may still be read */
    bool pinned;    /* reaped, but still open in the engine, for the sake of rows that were lent */
    uint8_t effect; /* of the failure that doomed it */
    uint64_t written_bytes;     /* by its statements, where it is grouped */
    tenon_cursor *cursors;      /* open ones, and those that a savepoint's rollback has closed */
    tenon_cursor *fetch_cursor; /* what holds the row of tenon_fetch, where the driver needs one */
    tenon_error doom;           /* what doomed it: the first failure */
    tenon_error cause;          /* the last retryable failure */
    tenon_error last;           /* what the driver's slots fill */
    uint32_t savepoints[TENON_MAX_SAVEPOINTS]; /* numbers of those that are set */
};

/** How a transaction is to begin, with defaults filled in. */
typedef struct tni_txn_how {
    struct tni_op *op;
    const char *where;
    const char *actor, *details;
    uint64_t began_ns;
    uint64_t deadline_ns;
    uint32_t isolation; /* as asked for */
    bool read_only;
    bool managed;
    const char *key;    /* idempotency key; may be NULL */
    const char *caller; /* whose rate it counts for; may be NULL */
    bool may_wait;      /* its owner may do nothing for long */
    bool own;           /* the library's own: leaves no audit row */
    bool stays;         /* admitted by an outer call, which leaves */
    bool admitted;      /* set by the first attempt of a managed one */
} tni_txn_how;

/** What became of one attempt of tenon_run. */
typedef struct tni_attempt {
    tenon_error err;   /* of what it returned */
    tenon_error cause; /* the engine's failure that another attempt may cure; status TENON_OK: none
                        */
} tni_attempt;

/** Run a body in a transaction that has begun, its key first. @return what it returned; then `err`
 * belongs to it */
tenon_status tni_run_body(tenon_txn *txn, const tni_txn_how *how, tenon_txn_fn fn, void *arg,
                          tenon_error *err);

/* The steps of a transaction, for those who share one. */

/** Set up the handle that lies in a connection. */
tenon_txn *tni_txn_init(tenon_db *db, struct tni_conn *conn, const tni_txn_how *how,
                        uint32_t attempt);
/** Begin in the engine. Fills `txn->last` where that fails. */
tenon_status tni_txn_begin_in_engine(tenon_txn *txn);
/** Roll back in the engine. @return false: the connection is of no further use */
bool tni_txn_rollback_in_engine(tenon_txn *txn);
/** Count that it has begun, now. */
void tni_txn_count_begin(tenon_txn *txn);
/** How an end without a commit is counted. */
uint32_t tni_txn_end_kind(const tenon_txn *txn);
/** How a commit is counted. */
uint32_t tni_txn_commit_kind(tenon_status st);
/** Write the audit row that is due. */
tenon_status tni_txn_audit(tenon_txn *txn, tenon_error *err);
/** What a failed commit has done. @param[out] cause set where it may succeed another time; may be
 * NULL */
tenon_status tni_txn_commit_failed(tenon_txn *txn, tenon_status st, tenon_error *cause,
                                   tenon_error *err);

/** Read the application's options. The deadline counts from now on. @retval TENON_OK, TENON_MISUSE
 */
tenon_status tni_txn_how_read(tenon_db *db, const char *where, const tenon_txn_options *options,
                              tni_txn_how *how, tenon_error *err);

/** Let the circuit breaker and the rate limits see a call. @retval TENON_OK, TENON_CIRCUIT_OPEN,
 * TENON_RATE_LIMITED */
tenon_status tni_txn_pass(tenon_db *db, const tni_txn_how *how, tenon_error *err);

/** Run attempts until one succeeds or none is to follow. The caller leaves where `how->admitted` is
 * set and it did not succeed. @retval as tenon_run */
tenon_status tni_run_attempts(tenon_db *db, tni_txn_how *how, tenon_txn_fn fn, void *arg,
                              tenon_error *err);

/** tenon_run for the library's own purposes: no rate limit counts it, no circuit breaker stops it.
 */
tenon_status tni_run_own(tenon_db *db, const tenon_txn_options *options, tenon_txn_fn fn, void *arg,
                         tenon_error *err);

/** Begin. @param[in] attempt from 1 on @retval as tenon_begin */
tenon_status tni_txn_begin(tenon_db *db, tni_txn_how *how, uint32_t attempt, tenon_txn **out,
                           tenon_error *err);

/** Commit, or roll back what is doomed. Consumes `txn`. @param[out] cause set to the engine's last
 * retryable failure where there was one @retval as tenon_commit */
tenon_status tni_txn_commit(tenon_txn *txn, tenon_error *cause, tenon_error *err);

/** Roll back. Consumes `txn`. `cause` as above. */
void tni_txn_rollback(tenon_txn *txn, tenon_error *cause);

/**
 * Begin a call: checks state and deadline, and keeps the reaper out until tni_txn_leave.
 *
 * @retval TENON_OK, then tni_txn_leave must follow; TENON_MISUSE (ended, or in use by another
 *         thread); TENON_TIMEOUT (now doomed); the status that doomed it
 */
tenon_status tni_txn_enter(tenon_txn *txn, tenon_error *err);

/** Rows of a cursor that are read with one look at the clock. They take microseconds; where the
 * owner takes his time between two of them, it is the reaper who ends the transaction. */
#define TNI_ROWS_BETWEEN_LOOKS 16

/** As tni_txn_enter, for the next row of a cursor, and without a look at the clock for most of
 * them.
 * @param[in] txn not NULL @param[in,out] row_count the cursor's, 0 at first */
tenon_status tni_txn_enter_row(tenon_txn *txn, uint32_t *row_count, tenon_error *err);

/** As tni_txn_enter, but a transaction that the engine wants rolled back may be entered too, since
 * a rollback to a savepoint is what it wants. A deadline stays passed. */
tenon_status tni_txn_enter_rollback(tenon_txn *txn, tenon_error *err);

/** As tni_txn_enter, whatever state and deadline are: to give something back. @return false: the
 * handle is not the owner's, there is nothing to give back */
bool tni_txn_hold(tenon_txn *txn);

/** End a call. Release: whoever changes the word next sees what the call has done. It needs no
 * more, since nobody else changes it while a call is INSIDE. */
static inline void
tni_txn_leave(tenon_txn *txn)
{
    tni_step();
    atomic_store_explicit(&txn->word, TNI_IDLE, memory_order_release);
}

/** Roll back what the owner has left alone for too long. The reaper has TAKEN it. */
void tni_txn_reap(tenon_txn *txn);

/** Roll it back in the engine, and let another transaction take its place in the pool. */
void tni_txn_part(tenon_txn *txn);

/** End what was kept open for the sake of rows that were lent. */
void tni_txn_unpin(tenon_txn *txn);

/** Take an IDLE handle to end its transaction: afterwards no call of it is being stopped, and none
 * will be. Waits for the reaper where it has it. @retval TENON_OK; TENON_MISUSE; what doomed it,
 * where it was reaped */
tenon_status tni_txn_take_to_end(tenon_txn *txn, tenon_error *err);

/** Before its database is gone. @return true: its owner still has the handle, and will free its
 * connection's memory with it */
bool tni_txn_disown(tenon_txn *txn);

/** Take in a failure that the driver has put into `txn->last`, and hand it on to `err` (may be
 * NULL). @return `status` */
tenon_status tni_txn_driver_failed(tenon_txn *txn, tenon_status status, tenon_error *err);

/** Make ready for a driver call: nothing left of an earlier failure. @return what to give it as
 * `err` */
static inline tenon_error *
tni_txn_err(tenon_txn *txn)
{
    tni_error_clear(&txn->last);
    return &txn->last;
}

/** Whether all of a transaction that has failed may be run again: a conflict, or a connection that
 * was lost before the commit, so that it was surely rolled back. */
static inline bool
tni_txn_may_succeed(tenon_status status, const tenon_error *err)
{
    return tenon_status_retryable(status) ||
           (status == TENON_UNAVAILABLE && err->effect == TENON_EFFECT_ROLLED_BACK);
}

/** Doom a transaction for what the core has found. @return the status that doomed it */
tenon_status tni_txn_doom(tenon_txn *txn, tenon_status status, const char *why, tenon_error *err);

/** Whether rows are lent that only an open transaction of the engine keeps readable. */
bool tni_txn_has_lent(const tenon_txn *txn);

/** Whether rows must be copied, since the transaction may be rolled back while they are read. */
static inline bool
tni_txn_copies_rows(const tenon_txn *txn)
{
    return !txn->read_only && !txn->bound;
}

/** Copy `count` values. @return false: no memory */
bool tni_values_copy(tni_values *into, const tenon_value *values, uint32_t count);

/** Close the driver's cursors, keep the handles: their next call is TENON_MISUSE. */
void tni_cursors_undo(tenon_txn *txn);

/** Close the driver's cursors and take the handles back. */
void tni_cursors_end(tenon_txn *txn);

/** Drop the row that tenon_fetch has lent. */
void tni_cursors_drop_fetched(tenon_txn *txn);

/** Free the handles that a connection keeps. */
void tni_cursors_free(struct tni_conn *conn);

/** A cursor of `txn` over a plan of `query`; its parameters are copied. @retval as tenon_select */
tenon_status tni_cursor_open(tenon_txn *txn, const tni_query *query, tenon_drv_plan *plan,
                             const tenon_value *params, tenon_cursor **out, tenon_error *err);

/** The same over the rows of an SQL text. */
tenon_status tni_cursor_sql(tenon_txn *txn, const char *sql, const tenon_value *params,
                            uint32_t param_count, tenon_cursor **out, tenon_error *err);

/** Fill `err` (may be NULL) for "no such row". @return TENON_NOT_FOUND */
tenon_status tni_txn_no_row(tenon_error *err);

#endif
