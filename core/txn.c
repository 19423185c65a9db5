/* Transactions: begin, commit, rollback, and what is counted of them. */
#include <stdlib.h>
#include <string.h>

#include "core/db.h"
#include "core/error.h"
#include "core/report.h"
#include "core/txn_driver.h"

tenon_status
tni_txn_how_read(tenon_db *db, const char *where, const tenon_txn_options *options,
                 tni_txn_how *how, tenon_error *err)
{
    tenon_txn_options whole = { .size = sizeof whole };
    const tenon_txn_options *o = options;

    if (o != NULL && o->size < sizeof o->size)
        return tni_fail(err, TENON_MISUSE, NULL, "size of tenon_txn_options is not set");
    if (o == NULL || o->size < sizeof whole) { /* of a program that knows fewer options, or none */
        if (o != NULL)
            memcpy(&whole, o, o->size);
        o = &whole;
    }
    memset(how, 0, sizeof *how);
    how->op = tni_ops_find(&db->ops, o->name);
    how->where = where;
    how->began_ns = tni_monotonic_ns();
    how->deadline_ns = tni_after_ms(how->began_ns,
                                    o->timeout_ms != 0 ? o->timeout_ms : db->default_timeout_ms);
    how->isolation = o->isolation;
    how->read_only = o->read_only;
    how->may_wait = o->may_wait;
    how->key = o->idempotency_key;
    how->actor = o->actor;
    how->details = o->details;
    how->caller = o->caller;
    return TENON_OK;
}

tenon_status
tni_txn_pass(tenon_db *db, const tni_txn_how *how, tenon_error *err)
{
    tenon_status st = tni_breaker_pass(&db->breaker, err);

    if (st == TENON_OK)
        st = tni_rates_pass(&db->rates, how->caller, err);
    if (st != TENON_OK)
        tni_op_refused(how->op, st);
    return st;
}

/* ---- Slots that some engines bind to a thread ---- */

/* A call that the keeper makes where the transaction is its own. */
typedef struct txn_slot {
    tenon_txn *txn;
    const tenon_drv_begin *begin;
} txn_slot;

static tenon_status
txn_slot_begin(void *arg)
{
    const txn_slot *s = arg;

    return s->txn->db->driver->transaction->begin(s->txn->conn->drv, s->begin, &s->txn->last);
}

static tenon_status
txn_slot_commit(void *arg)
{
    tenon_txn *txn = arg;

    return txn->db->driver->transaction->commit(txn->conn->drv, &txn->last);
}

static tenon_status
txn_slot_rollback(void *arg)
{
    tenon_txn *txn = arg;

    return txn->db->driver->transaction->rollback(txn->conn->drv, &txn->last);
}

static tenon_status
txn_call(tenon_txn *txn, tni_keeper_fn slot, void *arg)
{
    (void)tni_txn_err(txn);
    return txn->kept ? tni_keeper_call(&txn->db->keeper, slot, arg) : slot(arg);
}

/* ---- Begin ---- */

/* How often the connection has waited for its server. */
static uint64_t
txn_trips(const tenon_txn *txn)
{
    const tenon_drv_connection_ops *ops = txn->db->driver->connection;

    return ops->round_trips == NULL ? 0 : ops->round_trips(txn->conn->drv);
}

/* Set up the handle that lies in the connection. Field by field: most of it is room for errors. */
tenon_txn *
tni_txn_init(tenon_db *db, tni_conn *conn, const tni_txn_how *how, uint32_t attempt)
{
    const bool binds = db->thread_bound && !how->read_only;
    tenon_txn *txn = &conn->txn;

    conn->forget_plans = false;
    txn->db = db;
    txn->conn = conn;
    conn->trips = txn_trips(txn);
    txn->ops = db->driver->query;
    atomic_store_explicit(&txn->attempt, attempt, memory_order_relaxed);
    tni_bump(&txn->serial);
    atomic_store_explicit(&txn->deadline_ns, how->deadline_ns, memory_order_relaxed);
    atomic_store_explicit(&txn->began_ns, how->began_ns, memory_order_relaxed);
    atomic_store_explicit(&txn->op, how->op, memory_order_relaxed);
    atomic_store_explicit(&txn->where, how->where, memory_order_relaxed);
    atomic_store_explicit(&txn->statement_count, 0, memory_order_relaxed);
    txn->has_id = false;
    txn->state = TENON_TXN_ACTIVE;
    txn->isolation = db->isolation[how->isolation];
    txn->savepoint_base = 0;
    txn->savepoint_count = 0;
    txn->savepoint_last = 0;
    txn->read_only = how->read_only;
    txn->kept = binds && (!how->managed || how->may_wait);
    txn->bound = binds && !txn->kept;
    txn->grouped = false;
    txn->written_bytes = 0;
    txn->managed = how->managed;
    txn->stays = how->stays;
    txn->own = how->own;
    txn->actor = how->actor;
    txn->details = how->details;
    txn->wrote = false;
    txn->audited = false;
    txn->final = false;
    txn->retryable = false;
    txn->hidden = false;
    txn->lent = false;
    txn->pinned = false;
    txn->effect = TENON_EFFECT_OPEN;
    txn->cursors = NULL;
    txn->fetch_cursor = NULL;
    return txn;
}

/* Count an end. The connection is still the transaction's. */
static void
txn_count_end(tenon_txn *txn, uint32_t end, uint64_t ended_ns, uint64_t now_ns)
{
    const tni_times times = { txn->leased_ns, ended_ns, now_ns };
    tni_op_stats *stats = tni_shard_of(&txn->conn->shard, atomic_load(&txn->op));

    tni_count_end(stats, end, &times);
    if (stats != NULL && txn->conn->drv != NULL)
        tni_add(&stats->counts[TNI_TRIPS], txn_trips(txn) - txn->conn->trips);
}

void
tni_txn_count_begin(tenon_txn *txn)
{
    tni_op_stats *stats = tni_shard_of(&txn->conn->shard, atomic_load(&txn->op));

    if (stats == NULL)
        return;
    tni_bump(&stats->counts[TNI_BEGUN]);
    if (txn->attempt > 1)
        tni_bump(&stats->counts[TNI_RETRIED]);
    else
        tni_histogram_add(&stats->phases[TNI_WAIT], txn->leased_ns - atomic_load(&txn->began_ns));
}

/* How an end without a commit is counted. */
uint32_t
tni_txn_end_kind(const tenon_txn *txn)
{
    if (txn->state != TENON_TXN_DOOMED)
        return TNI_ROLLED_BACK;
    return txn->doom.status == TENON_TIMEOUT ? TNI_TIMED_OUT : TNI_FAILED;
}

/* What the engine said to begin. */
tenon_status
tni_txn_begin_in_engine(tenon_txn *txn)
{
    const tenon_drv_begin begin = {
        .size = sizeof begin,
        .deadline_ns = atomic_load_explicit(&txn->deadline_ns, memory_order_relaxed),
        .isolation = txn->isolation,
        .read_only = txn->read_only,
        .shared = txn->grouped,
    };
    txn_slot slot = { .txn = txn, .begin = &begin };

    return txn_call(txn, txn_slot_begin, &slot);
}

tenon_status
tni_txn_begin(tenon_db *db, tni_txn_how *how, uint32_t attempt, tenon_txn **out, tenon_error *err)
{
    const tni_lease lease = { .op = how->op,
                              .deadline_ns = how->deadline_ns,
                              .writer = !how->read_only,
                              .admit = !how->admitted };
    tni_conn *conn = NULL;
    tenon_txn *txn;
    tenon_status st;

    *out = NULL;
    if (!how->read_only && db->read_only)
        return tni_fail(err, TENON_READ_ONLY, NULL, "the database was opened for reading only");
    if (how->isolation > TENON_SERIALIZABLE || db->isolation[how->isolation] == 0)
        return tni_fail(err, TENON_UNSUPPORTED, NULL,
                        "this engine offers neither that isolation level nor a stronger one");
    st = tni_db_lease(db, &lease, !how->managed, &conn, err);
    if (st != TENON_OK) {
        tni_op_refused(how->op, st);
        tni_breaker_note(&db->breaker, st);
        return st;
    }
    how->admitted = how->managed;
    txn = tni_txn_init(db, conn, how, attempt);
    st = tni_txn_begin_in_engine(txn);
    txn->leased_ns = conn->at_once && how->read_only ? how->began_ns : tni_monotonic_ns();
    tni_txn_count_begin(txn);
    if (st != TENON_OK) {
        st = tni_txn_driver_failed(txn, st, err);
        tni_breaker_note(&db->breaker, st);
        txn_count_end(txn, st == TENON_TIMEOUT ? TNI_TIMED_OUT : TNI_FAILED, txn->leased_ns,
                      txn->leased_ns);
        txn->state = 0;
        conn->idle_since_ns = txn->leased_ns;
        tni_db_release(db, conn, !how->read_only, st == TENON_UNAVAILABLE, !how->managed);
        return st;
    }
    (void)atomic_exchange(&txn->word, TNI_IDLE); /* before the reaper's time is looked at */
    tni_reaper_expect(&db->reaper, how->deadline_ns);
    *out = txn;
    return TENON_OK;
}

tenon_status
tenon_begin_at(const char *where, tenon_db *db, const tenon_txn_options *options, tenon_txn **out,
               tenon_error *err)
{
    tni_txn_how how;
    tenon_status st;

    *out = NULL;
    st = tni_txn_how_read(db, where, options, &how, err);
    if (st == TENON_OK)
        st = tni_txn_pass(db, &how, err);
    if (st == TENON_OK && how.key != NULL)
        st = tni_outcome_prepare(db, how.key, err);
    if (st == TENON_OK)
        st = tni_txn_begin(db, &how, 1, out, err);
    if (st == TENON_OK && how.key != NULL)
        st = tni_outcome_mark(*out, how.key, err);
    if (st != TENON_OK && *out != NULL) {
        tni_txn_rollback(*out, NULL);
        *out = NULL;
    }
    return st;
}

tenon_status(tenon_begin)(tenon_db *db, const tenon_txn_options *options, tenon_txn **out,
                          tenon_error *err)
{
    return tenon_begin_at(NULL, db, options, out, err);
}

/* ---- The end ---- */

/* Give the connection back. The handle is not to be used from here on. */
static void
txn_release(tenon_txn *txn, bool broken, bool leave, uint64_t now_ns)
{
    txn->state = 0;
    txn->conn->idle_since_ns = now_ns;
    atomic_store_explicit(&txn->word, TNI_FREE, memory_order_release);
    tni_db_release(txn->db, txn->conn, !txn->read_only, broken, leave);
}

/* Roll back in the engine. @return false: the connection is of no further use */
bool
tni_txn_rollback_in_engine(tenon_txn *txn)
{
    const bool lost = txn->state == TENON_TXN_DOOMED && txn->doom.status == TENON_UNAVAILABLE;

    tni_cursors_end(txn);
    return txn_call(txn, txn_slot_rollback, txn) == TENON_OK && !lost;
}

/* Roll back what is open in the engine and give the connection back. */
static void
txn_undo(tenon_txn *txn, tenon_error *cause)
{
    const uint32_t end = tni_txn_end_kind(txn);
    const uint64_t ended_ns = tni_monotonic_ns();
    const tenon_status why = end == TNI_ROLLED_BACK ? TENON_CANCELLED : txn->doom.status;
    tenon_db *db = txn->db;
    tni_report report;
    uint64_t now_ns;
    bool whole;

    if (cause != NULL && txn->retryable)
        *cause = txn->cause;
    tni_breaker_note(&db->breaker, end == TNI_ROLLED_BACK ? TENON_OK : why);
    tni_report_begin(&report, txn, why, ended_ns, ended_ns);
    whole = tni_txn_rollback_in_engine(txn);
    now_ns = tni_monotonic_ns();
    txn_count_end(txn, end, ended_ns, now_ns);
    txn_release(txn, !whole, !txn->managed, now_ns);
    tni_report_end(&report, db, now_ns);
}

/* What a failed commit has done. */
tenon_status
tni_txn_commit_failed(tenon_txn *txn, tenon_status st, tenon_error *cause, tenon_error *err)
{
    if (txn->last.effect == TENON_EFFECT_UNKNOWN || st == TENON_UNKNOWN_OUTCOME) {
        st = TENON_UNKNOWN_OUTCOME;
        txn->last.effect = TENON_EFFECT_UNKNOWN;
        if ((txn->db->driver->flags & TENON_DRV_REOPEN) != 0)
            atomic_store(&txn->db->reopen.suspect, true);
    } else {
        txn->last.effect = TENON_EFFECT_ROLLED_BACK; /* after any outcome nothing is open */
    }
    st = tni_txn_driver_failed(txn, st, err);
    if (cause != NULL && tni_txn_may_succeed(st, &txn->last))
        *cause = txn->cause;
    return st;
}

uint32_t
tni_txn_commit_kind(tenon_status st)
{
    switch (st) {
    case TENON_OK:
        return TNI_COMMITTED;
    case TENON_UNKNOWN_OUTCOME:
        return TNI_UNKNOWN;
    case TENON_TIMEOUT:
        return TNI_TIMED_OUT;
    default:
        return TNI_FAILED;
    }
}

/* Commit in the engine and give the connection back. The handle is ENDING. */
static tenon_status
txn_commit(tenon_txn *txn, uint64_t ended_ns, tenon_error *cause, tenon_error *err)
{
    tenon_db *db = txn->db;
    tni_report report;
    tenon_status st;
    uint64_t now_ns;

    tni_cursors_end(txn);
    txn->state = TENON_TXN_COMMITTING;
    st = txn_call(txn, txn_slot_commit, txn);
    if (st != TENON_OK)
        st = tni_txn_commit_failed(txn, st, cause, err);
    /* A reader has nothing to wait for, unless all that he has read is to be proved. */
    now_ns = st == TENON_OK && txn->read_only && txn->isolation != TENON_SERIALIZABLE
                 ? ended_ns
                 : tni_monotonic_ns();
    tni_breaker_note(&db->breaker, st);
    tni_report_begin(&report, txn, st, ended_ns, now_ns);
    txn_count_end(txn, tni_txn_commit_kind(st), ended_ns, now_ns);
    txn_release(txn, st == TENON_UNKNOWN_OUTCOME || st == TENON_UNAVAILABLE,
                !txn->managed || (st == TENON_OK && !txn->stays), now_ns);
    tni_report_end(&report, db, now_ns);
    return st;
}

static bool
txn_is_reaped(const tenon_txn *txn)
{
    return atomic_load(&txn->word) >= TNI_REAPED;
}

/* End a handle whose transaction the reaper has rolled back. */
static void
txn_bury(tenon_txn *txn)
{
    tenon_db *db = txn->db;
    tni_conn *conn = txn->conn;

    if (atomic_load(&txn->word) == TNI_ORPHAN) {
        tni_cursors_end(txn); /* the driver's part of them went with the database */
        tni_cursors_free(conn);
        free(conn);
        return;
    }
    tni_cursors_end(txn);
    txn->state = 0;
    atomic_store(&txn->word, TNI_FREE);
    tni_db_disconnect(db, conn);
    tni_pool_take_back(&db->pool, conn);
}

tenon_status
tni_txn_audit(tenon_txn *txn, tenon_error *err)
{
    bool active;

    if (!txn->db->audit.on || txn->own || !txn->wrote || txn->audited || !tni_txn_hold(txn))
        return TENON_OK; /* what is not held is the reaper's, as its end will say */
    active = txn->state == TENON_TXN_ACTIVE;
    tni_txn_leave(txn);
    return active ? tni_audit_commit(txn, err) : TENON_OK;
}

tenon_status
tni_txn_commit(tenon_txn *txn, tenon_error *cause, tenon_error *err)
{
    tenon_status st;
    uint64_t now_ns;

    if (atomic_load_explicit(&txn->word, memory_order_acquire) == TNI_IDLE) {
        st = tni_txn_audit(txn, err);
        if (st != TENON_OK) {
            tni_txn_rollback(txn, cause);
            return st;
        }
    }
    st = tni_txn_take_to_end(txn, err);

    if (st != TENON_OK) {
        if (txn_is_reaped(txn))
            txn_bury(txn);
        return st;
    }
    now_ns = tni_monotonic_ns();
    if (txn->state == TENON_TXN_ACTIVE && now_ns < atomic_load(&txn->deadline_ns))
        return txn_commit(txn, now_ns, cause, err);
    st = tni_txn_doom(txn, TENON_TIMEOUT, "the transaction's deadline has passed", err);
    txn_undo(txn, cause);
    return st;
}

void
tni_txn_rollback(tenon_txn *txn, tenon_error *cause)
{
    const tenon_status st = tni_txn_take_to_end(txn, NULL);

    if (st == TENON_OK)
        txn_undo(txn, cause);
    else if (txn_is_reaped(txn))
        txn_bury(txn);
}

tenon_status
tenon_commit(tenon_txn *txn, tenon_error *err)
{
    static const char why[] = "tenon_run ends its transaction itself";

    if (txn == NULL)
        return tni_fail(err, TENON_MISUSE, NULL, "no transaction to commit");
    if (atomic_load(&txn->word) != TNI_FREE && txn->managed) {
        if (tni_txn_hold(txn)) {
            (void)tni_txn_doom(txn, TENON_MISUSE, why, NULL);
            tni_txn_leave(txn);
        }
        return tni_fail(err, TENON_MISUSE, NULL, "%s", why);
    }
    return tni_txn_commit(txn, NULL, err);
}

void
tenon_rollback(tenon_txn *txn)
{
    if (txn == NULL || atomic_load(&txn->word) == TNI_FREE)
        return;
    if (!txn->managed) {
        tni_txn_rollback(txn, NULL);
    } else if (tni_txn_hold(txn)) {
        (void)tni_txn_doom(txn, TENON_MISUSE, "tenon_run ends its transaction itself", NULL);
        tni_txn_leave(txn);
    }
}

/* ---- For the reaper ---- */

void
tni_txn_part(tenon_txn *txn)
{
    const uint64_t ended_ns = tni_monotonic_ns();
    tenon_db *db = txn->db;
    tni_report report;
    uint64_t now_ns;

    tni_report_begin(&report, txn, txn->doom.status, ended_ns, ended_ns);
    txn->pinned = txn->read_only && tni_txn_has_lent(txn);
    if (!txn->pinned) {
        tni_cursors_undo(txn);
        (void)txn_call(txn, txn_slot_rollback, txn);
        tni_db_disconnect(db, txn->conn); /* its owner keeps the handle, which is in it */
    }
    txn->conn->has_chain = false;
    now_ns = tni_monotonic_ns();
    txn_count_end(txn, TNI_TIMED_OUT, ended_ns, now_ns);
    tni_pool_part(&db->pool, txn->conn, !txn->read_only, !txn->managed);
    tni_report_end(&report, db, now_ns);
}

void
tni_txn_unpin(tenon_txn *txn)
{
    tni_cursors_undo(txn);
    (void)txn_call(txn, txn_slot_rollback, txn);
    tni_db_disconnect(txn->db, txn->conn);
    txn->pinned = false;
}

/* ---- What a handle says ---- */

uint32_t
tenon_txn_state(const tenon_txn *txn)
{
    const unsigned int word = atomic_load(&txn->word);
    tenon_txn *own = (tenon_txn *)(uintptr_t)txn;
    uint32_t state;

    if (word == TNI_INSIDE || word == TNI_ENDING)
        return txn->state; /* asked by a callback of that call */
    if (word == TNI_FREE)
        return 0;
    if (!tni_txn_hold(own))
        return TENON_TXN_DOOMED;
    state = own->state;
    tni_txn_leave(own);
    return state;
}

tenon_uuid
tenon_txn_id(tenon_txn *txn)
{
    if (!txn->has_id) {
        txn->id = tenon_uuid_new();
        txn->has_id = true;
    }
    return txn->id;
}

uint32_t
tenon_txn_attempt(const tenon_txn *txn)
{
    return txn->attempt;
}

tenon_db *
tenon_txn_db(const tenon_txn *txn)
{
    return txn->db;
}

/* ---- For the migration ---- */

const tenon_driver *
tni_txn_driver(const tenon_txn *txn)
{
    return txn->db->driver;
}

tenon_drv_conn *
tni_txn_conn(tenon_txn *txn)
{
    return txn->conn->drv;
}

void
tni_txn_forget_plans(tenon_txn *txn)
{
    tni_cursors_undo(txn);
    tni_plans_clear(&txn->conn->plans, txn->ops);
    txn->conn->forget_plans = true; /* those made from now on too, once the change is undone */
}
