/* tenon_run: a body, run again as a whole after a conflict. */
#include <string.h>

#include "core/db.h"
#include "core/env.h"
#include "core/error.h"

#define RUN_BASE_NS UINT64_C(10000000)  /* 10 ms */
#define RUN_CAP_NS UINT64_C(1000000000) /* 1 s */
#define RUN_DEADLOCK "40P01"            /* SQLSTATE: deadlock detected */

/* See that the error of a body belongs to the status that it returned. */
static void
run_body_failed(tenon_error *err, tenon_status st)
{
    if (err->status != st || err->message[0] == '\0')
        (void)tni_fail(err, st, NULL, "the body of the transaction returned %s: %s",
                       tenon_status_name(st), tenon_status_text(st));
}

tenon_status
tni_run_body(tenon_txn *txn, const tni_txn_how *how, tenon_txn_fn fn, void *arg, tenon_error *err)
{
    tenon_status st = TENON_OK;

    if (how->key != NULL)
        st = tni_outcome_mark(txn, how->key, err);
    if (st == TENON_OK)
        st = fn(txn, arg, err);
    if (st != TENON_OK)
        run_body_failed(err, st);
    return st;
}

static tenon_status
run_once(tenon_db *db, tni_txn_how *how, uint32_t attempt, tenon_txn_fn fn, void *arg,
         tni_attempt *a)
{
    tenon_txn *txn = NULL;
    tenon_status st;

    tni_error_clear(&a->err);
    a->cause.status = TENON_OK;
    if (tni_group_takes(db, how))
        return tni_group_join(db, how, attempt, fn, arg, a);
    st = tni_txn_begin(db, how, attempt, &txn, &a->err);
    if (st == TENON_OK) {
        st = tni_run_body(txn, how, fn, arg, &a->err);
        if (st != TENON_OK) {
            /* The engine has refused a row for another one, and the body does not find that one. */
            if (st == TENON_CONFLICT && txn->hidden)
                txn->retryable = true;
            tni_txn_rollback(txn, &a->cause);
            return st;
        }
        st = tni_txn_commit(txn, NULL, &a->err);
    }
    if (tni_txn_may_succeed(st, &a->err)) /* begin or commit: their own status says it */
        a->cause = a->err;
    return st;
}

/* How long to wait before attempt `attempt + 1`: full jitter. */
static uint64_t
run_delay_ns(uint32_t attempt)
{
    const uint32_t doublings = attempt - 1;
    uint64_t most = RUN_CAP_NS;

    if (doublings < 7 && RUN_BASE_NS << doublings < RUN_CAP_NS)
        most = RUN_BASE_NS << doublings;
    return tni_random_below(most + 1);
}

/* Why there is no further attempt; NULL: there is one. Waits before it. */
static const char *
run_wait(tenon_db *db, const tni_txn_how *how, uint32_t attempt, const tenon_error *cause)
{
    uint64_t until_ns;

    if (attempt > db->max_retry_count)
        return "given up";
    if (!db->retries_deadlocks && strcmp(cause->sqlstate, RUN_DEADLOCK) == 0)
        return "deadlocks are not retried here: given up";
    if (tni_breaker_state(&db->breaker) != TENON_CIRCUIT_CLOSED)
        return "the circuit breaker is open: given up";
    if (!tni_budget_take(&db->budget))
        return "too many retries of all calls together: given up";
    until_ns = tni_monotonic_ns() + run_delay_ns(attempt);
    if (until_ns >= how->deadline_ns)
        return "no time left";
    return tni_pool_pause(&db->pool, until_ns) ? NULL : "the database is being closed: given up";
}

/* No further attempt: say how many there were and what the last one met. */
static tenon_status
run_give_up(const tni_attempt *a, uint32_t attempt, const char *why, tenon_error *err)
{
    const tenon_error *cause = &a->cause;

    if (err != NULL) {
        (void)tni_fail(err, cause->status, cause->object, "%s after %u attempt%s; last: %s", why,
                       attempt, attempt == 1 ? "" : "s", cause->message);
        err->native = cause->native;
        err->effect = TENON_EFFECT_ROLLED_BACK;
        memcpy(err->sqlstate, cause->sqlstate, sizeof err->sqlstate);
        memcpy(err->driver, cause->driver, sizeof err->driver);
    }
    return cause->status;
}

/* Find out by its key what became of an attempt. If it was committed, that is success, and if not,
 * nobody can commit it any more: it may be run again. */
static tenon_status
run_resolve(tenon_db *db, const tni_txn_how *how, tni_attempt *a)
{
    bool committed;
    tenon_status st = tni_outcome_resolve(db, how->key, how->deadline_ns, true, &committed, NULL);

    if (st != TENON_OK)
        return TENON_UNKNOWN_OUTCOME;
    if (committed) {
        tni_pool_leave(&db->pool);
        return TENON_OK;
    }
    a->cause = a->err;
    a->cause.status = TENON_CONFLICT;
    a->cause.effect = TENON_EFFECT_ROLLED_BACK;
    a->err = a->cause;
    return TENON_CONFLICT;
}

/* Run attempts until one succeeds, or none is to follow. */
tenon_status
tni_run_attempts(tenon_db *db, tni_txn_how *how, tenon_txn_fn fn, void *arg, tenon_error *err)
{
    tni_attempt a;
    tenon_status st;

    for (uint32_t attempt = 1;; attempt++) {
        const char *why;

        st = run_once(db, how, attempt, fn, arg, &a);
        if (st == TENON_OK)
            return st;
        if (st == TENON_UNKNOWN_OUTCOME && how->key != NULL)
            st = run_resolve(db, how, &a);
        if (st == TENON_OK)
            return st;
        if (a.cause.status == TENON_OK || st == TENON_UNKNOWN_OUTCOME)
            break;
        why = run_wait(db, how, attempt, &a.cause);
        if (why != NULL) {
            tni_op_exhausted(how->op);
            return run_give_up(&a, attempt, why, err);
        }
    }
    if (err != NULL)
        *err = a.err;
    return st;
}

static tenon_status
run_all(const char *where, tenon_db *db, bool own, const tenon_txn_options *options,
        tenon_txn_fn fn, void *arg, tenon_error *err)
{
    tni_txn_how how;
    tenon_status st;

    st = tni_txn_how_read(db, where, options, &how, err);
    if (st != TENON_OK)
        return st;
    how.managed = true;
    how.own = own;
    tni_budget_call(&db->budget);
    if (!own)
        st = tni_txn_pass(db, &how, err);
    if (st == TENON_OK && how.key != NULL)
        st = tni_outcome_prepare(db, how.key, err);
    if (st == TENON_OK)
        st = tni_run_attempts(db, &how, fn, arg, err);
    if (st != TENON_OK && how.admitted)
        tni_pool_leave(&db->pool); /* a commit has left with its connection */
    return st;
}

tenon_status
tenon_run_at(const char *where, tenon_db *db, const tenon_txn_options *options, tenon_txn_fn fn,
             void *arg, tenon_error *err)
{
    return run_all(where, db, false, options, fn, arg, err);
}

tenon_status
tni_run_own(tenon_db *db, const tenon_txn_options *options, tenon_txn_fn fn, void *arg,
            tenon_error *err)
{
    return run_all(NULL, db, true, options, fn, arg, err);
}

tenon_status(tenon_run)(tenon_db *db, const tenon_txn_options *options, tenon_txn_fn fn, void *arg,
                        tenon_error *err)
{
    return tenon_run_at(NULL, db, options, fn, arg, err);
}
