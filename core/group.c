/* Group commit. */
#include "core/group.h"

#include <string.h>

#include "core/db.h"
#include "core/error.h"
#include "core/report.h"

/* Bounds of a group. It holds the writer, and its first member waits for its last. */
#define GROUP_MOST_MEMBERS 512
#define GROUP_MOST_BYTES (UINT64_C(8) << 20)
#define GROUP_MOST_NS (5 * TNI_NS_PER_MS)

/* A call that is a member; stands on the stack of its thread. */
typedef struct group_member {
    tni_waiter waiter; /* first: as it stands in the queue */
    tni_txn_how *how;
    uint32_t attempt;
    tenon_txn_fn fn;
    void *arg;
    tni_attempt *a;
    tenon_status st;   /* of its body, then of its transaction */
    uint32_t end;      /* how it is counted */
    tenon_status note; /* what the circuit breaker is told */
    tni_times times;
    tni_report report;
    tni_mutex lock;
    tni_cond wake;
    bool answered;
} group_member;

/* A group that is being run. */
typedef struct group {
    tenon_db *db;
    tni_conn *conn;
    group_member *first, *last; /* those that have run, by waiter.next */
    uint32_t count;
    uint64_t bytes, until_ns;
    bool alone; /* its one member has no savepoint */
} group;

static group_member *
group_next(const group_member *m)
{
    return (group_member *)(void *)m->waiter.next;
}

/* ---- Answers ---- */

/* After this, the member is gone. */
static void
group_answer(group_member *m)
{
    tni_mutex_lock(&m->lock);
    m->answered = true;
    tni_cond_signal(&m->wake);
    tni_mutex_unlock(&m->lock);
}

/* Tell a member what has kept it from running. */
static void
group_refuse(group_member *m, tenon_status st)
{
    tni_op_refused(m->how->op, st);
    m->st = m->note = st;
    m->report.wanted = false;
    group_answer(m);
}

static void
group_refuse_late(group_member *m)
{
    (void)tni_fail(&m->a->err, TENON_TIMEOUT, NULL,
                   "the writer's turn did not come before the deadline");
    group_refuse(m, TENON_TIMEOUT);
}

static void
group_count(const group *g, group_member *m, uint64_t now_ns)
{
    m->times.done_ns = now_ns;
    tni_count_end(tni_shard_of(&g->conn->shard, m->how->op), m->end, &m->times);
    tni_report_settle(&m->report, g->db, m->st, now_ns);
}

/* The end of those that have run: they are answered in the order in which they ran. */
static void
group_answer_all(group *g, uint64_t now_ns)
{
    uint32_t leaving = 0;

    for (group_member *m = g->first; m != NULL; m = group_next(m)) {
        group_count(g, m, now_ns);
        leaving += m->st == TENON_OK && !m->how->stays;
    }
    tni_pool_leave_many(&g->db->pool, leaving);
    for (group_member *m = g->first, *next; m != NULL; m = next) {
        next = group_next(m);
        group_answer(m);
    }
}

/* Run them again, in groups of `most` or less, those whose owners can still wait for it. */
static void
group_put_back(const group *g, uint32_t most, uint64_t now_ns)
{
    uint32_t count = g->count;

    for (group_member *m = g->first; m != NULL; m = group_next(m)) {
        m->end = TNI_FAILED;
        m->report.wanted = false;
        group_count(g, m, now_ns);
        if (m->waiter.most > most)
            m->waiter.most = most;
    }
    if (g->first == NULL)
        return;
    for (tni_waiter *late = tni_pool_put_members(&g->db->pool, &g->first->waiter), *next;
         late != NULL; late = next) {
        next = late->next;
        count--;
        group_refuse_late((group_member *)(void *)late);
    }
    (void)atomic_fetch_add_explicit(&g->db->grouper.reruns, count, memory_order_relaxed);
}

/* ---- A member's part ---- */

static void
group_add(group *g, group_member *m)
{
    m->waiter.next = NULL;
    if (g->last == NULL)
        g->first = m;
    else
        g->last->waiter.next = &m->waiter;
    g->last = m;
    g->count++;
}

/* What the body has returned holds, or its part is undone, which `begun` says that there is.
 * @return false: the engine's transaction can't go on */
static bool
group_close_part(const group *g, group_member *m, tenon_txn *txn, bool begun)
{
    const tenon_drv_transaction_ops *ops = g->db->driver->transaction;
    const bool gone = txn->state == TENON_TXN_DOOMED &&
                      txn->effect != TENON_EFFECT_MUST_ROLL_BACK &&
                      txn->effect != TENON_EFFECT_OPEN;

    tni_cursors_end(txn);
    if (m->st == TENON_OK) {
        m->end = TNI_COMMITTED;
        m->note = TENON_OK;
        return g->alone || ops->savepoint_release(g->conn->drv, 1, tni_txn_err(txn)) == TENON_OK;
    }
    m->end = tni_txn_end_kind(txn);
    m->note = m->end == TNI_ROLLED_BACK ? TENON_OK : txn->doom.status;
    if (txn->retryable)
        m->a->cause = txn->cause;
    if (!begun && !g->alone)
        return !gone && txn->effect == TENON_EFFECT_OPEN;
    return !gone && !g->alone &&
           ops->savepoint_rollback(g->conn->drv, 1, tni_txn_err(txn)) == TENON_OK;
}

static bool
group_run_member(group *g, group_member *m)
{
    tenon_txn *txn = &g->conn->txn;
    tenon_status st = TENON_OK;
    bool goes_on, begun;

    memset(&m->a->err, 0, sizeof m->a->err);
    m->a->cause.status = TENON_OK;
    m->times.leased_ns = txn->leased_ns = tni_monotonic_ns();
    tni_txn_count_begin(txn);
    if (!g->alone)
        st = g->db->driver->transaction->savepoint(g->conn->drv, 1, tni_txn_err(txn));
    begun = st == TENON_OK;
    (void)atomic_exchange(&txn->word, TNI_IDLE); /* before the reaper's time is looked at */
    tni_reaper_expect(&g->db->reaper, m->how->deadline_ns);
    if (st != TENON_OK)
        m->st = tni_txn_driver_failed(txn, st, &m->a->err);
    else
        m->st = tni_run_body(txn, m->how, m->fn, m->arg, &m->a->err);
    if (m->st == TENON_OK)
        m->st = tni_txn_audit(txn, &m->a->err);
    (void)tni_txn_take_to_end(txn, NULL);
    m->times.ended_ns = tni_monotonic_ns();
    if (m->st == TENON_OK &&
        (txn->state != TENON_TXN_ACTIVE || m->times.ended_ns >= atomic_load(&txn->deadline_ns)))
        m->st = tni_txn_doom(txn, TENON_TIMEOUT, "the transaction's deadline has passed",
                             &m->a->err);
    tni_report_keep(&m->report, txn, m->times.ended_ns);
    goes_on = group_close_part(g, m, txn, begun);
    g->bytes += txn->written_bytes;
    txn->state = 0;
    atomic_store_explicit(&txn->word, TNI_FREE, memory_order_release);
    return goes_on;
}

/* ---- A group ---- */

/* The first of the queue, ready to run on the connection; NULL: the group is complete. */
static group_member *
group_take(group *g)
{
    for (;;) {
        group_member *m = (group_member *)(void *)tni_pool_take_member(&g->db->pool, g->count);
        tenon_txn *txn;

        if (m == NULL)
            return NULL;
        if (tni_monotonic_ns() < m->how->deadline_ns) {
            txn = tni_txn_init(g->db, g->conn, m->how, m->attempt);
            txn->kept = false;
            txn->bound = true; /* nobody else may end what others share */
            txn->grouped = true;
            txn->savepoint_base = 1;
            return m;
        }
        group_refuse_late(m);
    }
}

static tenon_status
group_begin(group *g, group_member *m)
{
    tenon_txn *txn = &g->conn->txn;
    tenon_status st;

    g->alone = m->waiter.most == 1;
    txn->savepoint_base = !g->alone;
    st = tni_txn_begin_in_engine(txn);
    if (st == TENON_OK)
        return st;
    txn->leased_ns = tni_monotonic_ns();
    tni_txn_count_begin(txn);
    m->times = (tni_times){ txn->leased_ns, txn->leased_ns, txn->leased_ns };
    m->st = m->note = st = tni_txn_driver_failed(txn, st, &m->a->err);
    if (tni_txn_may_succeed(st, &m->a->err))
        m->a->cause = m->a->err;
    m->end = st == TENON_TIMEOUT ? TNI_TIMED_OUT : TNI_FAILED;
    m->report.wanted = false;
    txn->state = 0;
    group_add(g, m);
    group_answer_all(g, txn->leased_ns);
    return st;
}

/* The engine's transaction is undone with what all have done: they are to be run again, the one
 * who did it alone. Was he alone, that was his own end. */
static bool
group_break(group *g, group_member *culprit)
{
    tenon_txn *txn = &g->conn->txn;
    const bool alone = g->count == 0;
    uint64_t now_ns;
    bool whole;

    if (culprit->st == TENON_OK) { /* a savepoint that can't be released */
        culprit->st = culprit->note = tni_txn_driver_failed(txn, txn->last.status,
                                                            &culprit->a->err);
        culprit->end = TNI_FAILED;
        if (tni_txn_may_succeed(culprit->st, &culprit->a->err))
            culprit->a->cause = culprit->a->err;
    }
    whole = tni_txn_rollback_in_engine(txn);
    now_ns = tni_monotonic_ns();
    group_add(g, culprit);
    if (alone) {
        group_answer_all(g, now_ns);
        return whole;
    }
    culprit->waiter.most = 1;
    group_put_back(g, UINT32_MAX, now_ns);
    return whole;
}

/* Nobody knows whether what was to be committed is. Those who have nothing to commit are run
 * again: what they were to be told depends on it. */
static void
group_commit_unknown(group *g, const tenon_error *why, uint64_t now_ns)
{
    group unknown = { .db = g->db, .conn = g->conn }, undone = unknown;

    for (group_member *m = g->first, *next; m != NULL; m = next) {
        next = group_next(m);
        if (m->st != TENON_OK) {
            group_add(&undone, m);
            continue;
        }
        m->st = m->note = TENON_UNKNOWN_OUTCOME;
        m->end = TNI_UNKNOWN;
        m->a->err = *why;
        group_add(&unknown, m);
    }
    group_put_back(&undone, UINT32_MAX, now_ns);
    group_answer_all(&unknown, now_ns);
}

/* @return false: the connection is of no further use */
static bool
group_commit_failed(group *g, tenon_status st, uint64_t now_ns)
{
    tenon_txn *txn = &g->conn->txn;
    tenon_error why, cause = { .status = TENON_OK };

    st = tni_txn_commit_failed(txn, st, &cause, &why);
    txn->state = 0;
    if (st == TENON_UNKNOWN_OUTCOME) {
        group_commit_unknown(g, &why, now_ns);
        return false;
    }
    if (g->count > 1) {
        group_put_back(g, (g->count + 1) / 2, now_ns);
        return st != TENON_UNAVAILABLE;
    }
    if (g->first->st == TENON_OK) {
        g->first->st = g->first->note = st;
        g->first->end = tni_txn_commit_kind(st);
        g->first->a->err = why;
        g->first->a->cause = cause;
    }
    group_answer_all(g, now_ns);
    return st != TENON_UNAVAILABLE;
}

static bool
group_commit(group *g)
{
    tenon_txn *txn = &g->conn->txn;
    const tenon_status st = g->db->driver->transaction->commit(g->conn->drv, tni_txn_err(txn));
    const uint64_t now_ns = tni_monotonic_ns();

    if (st != TENON_OK)
        return group_commit_failed(g, st, now_ns);
    tni_histogram_add(&g->db->grouper.sizes, g->count);
    group_answer_all(g, now_ns);
    return true;
}

/* Run one group. @return false: the connection is of no further use */
static bool
group_run(tenon_db *db, tni_conn *conn)
{
    group g = { .db = db, .conn = conn };
    group_member *m = group_take(&g);
    tenon_status st;

    if (m == NULL)
        return true;
    st = group_begin(&g, m);
    if (st != TENON_OK)
        return st != TENON_UNAVAILABLE;
    g.until_ns = tni_monotonic_ns() + GROUP_MOST_NS;
    while (m != NULL) {
        if (!group_run_member(&g, m))
            return group_break(&g, m);
        group_add(&g, m);
        m = g.alone || g.bytes >= GROUP_MOST_BYTES || m->times.ended_ns >= g.until_ns
                ? NULL
                : group_take(&g);
    }
    return group_commit(&g);
}

/* ---- The grouper ---- */

/* A connection for the group. @return NULL: the first member was told why there is none */
static tni_conn *
grouper_lease(tenon_db *db)
{
    const tni_lease lease = tni_pool_member_lease(&db->pool);
    tni_conn *conn = NULL;
    group_member *m;
    tenon_error err;
    tenon_status st = tni_db_lease(db, &lease, false, &conn, &err);

    if (st == TENON_OK)
        return conn;
    m = (group_member *)(void *)tni_pool_take_member(&db->pool, 0);
    if (m == NULL)
        return NULL;
    if (st == TENON_TIMEOUT &&
        m->how->deadline_ns > lease.deadline_ns) { /* it was another's time */
        m->waiter.next = NULL;
        if (tni_pool_put_members(&db->pool, &m->waiter) != NULL)
            group_refuse_late(m);
        return NULL;
    }
    m->a->err = err;
    m->a->cause.status = TENON_OK;
    if (tni_txn_may_succeed(st, &err))
        m->a->cause = err;
    group_refuse(m, st);
    return NULL;
}

static void
grouper_release(tenon_db *db, tni_conn *conn, bool turn, bool whole)
{
    conn->idle_since_ns = tni_monotonic_ns();
    tni_db_release(db, conn, turn, !whole, false);
}

/* It is the grouper's turn: run groups as long as the first who waits joins one. */
static void
grouper_serve(tenon_db *db)
{
    tni_conn *conn = NULL;
    bool give_back = false;

    while (tni_pool_has_member(&db->pool, &give_back)) {
        bool whole = true;

        if (conn != NULL && !give_back)
            whole = group_run(db, conn);
        if (conn == NULL)
            conn = grouper_lease(db);
        else if (give_back || !whole || conn->forget_plans ||
                 tni_monotonic_ns() >= conn->expires_ns) {
            grouper_release(db, conn, false, whole);
            conn = NULL;
        }
    }
    if (conn != NULL)
        grouper_release(db, conn, true, true);
    else
        tni_pool_pass_turn(&db->pool);
}

static void
grouper_main(void *arg)
{
    tenon_db *db = arg;

    while (tni_pool_await_group(&db->pool))
        grouper_serve(db);
}

void
tni_grouper_init(tni_grouper *grouper)
{
    tni_mutex_init(&grouper->lock);
}

/* @return false: there can't be one more thread */
static bool
grouper_start(tenon_db *db)
{
    tni_grouper *grouper = &db->grouper;
    bool started;

    tni_mutex_lock(&grouper->lock);
    started = atomic_load(&grouper->started);
    if (!started && tni_thread_start(&grouper->thread, grouper_main, db)) {
        tni_pool_await_grouper(&db->pool);
        atomic_store(&grouper->started, true);
        started = true;
    }
    tni_mutex_unlock(&grouper->lock);
    return started;
}

void
tni_grouper_stop(tenon_db *db)
{
    if (!atomic_load(&db->grouper.started))
        return;
    tni_pool_end_group(&db->pool);
    tni_thread_join(&db->grouper.thread);
    atomic_store(&db->grouper.started, false);
}

void
tni_grouper_fini(tni_grouper *grouper)
{
    tni_mutex_fini(&grouper->lock);
}

/* ---- Callers ---- */

bool
tni_group_takes(tenon_db *db, const tni_txn_how *how)
{
    if (!db->grouper.wanted || how->read_only || how->may_wait || how->own ||
        !tni_pool_has_writer(&db->pool))
        return false;
    if (how->isolation > TENON_SERIALIZABLE || db->isolation[how->isolation] == 0 ||
        db->epoch != tni_process_epoch())
        return false; /* who begins by himself is told why not */
    return atomic_load_explicit(&db->grouper.started, memory_order_acquire) || grouper_start(db);
}

/* Wait for the answer. Until the grouper has taken it, a member can leave. @return false: it has */
static bool
group_wait(tenon_db *db, group_member *m, uint64_t until_ns)
{
    bool in_time = true;

    tni_mutex_lock(&m->lock);
    while (!m->answered && in_time)
        in_time = tni_cond_wait(&m->wake, &m->lock, until_ns);
    tni_mutex_unlock(&m->lock);
    if (!in_time && tni_pool_unjoin(&db->pool, &m->waiter, &m->a->err))
        return false;
    tni_mutex_lock(&m->lock);
    while (!m->answered)
        (void)tni_cond_wait(&m->wake, &m->lock, UINT64_MAX);
    tni_mutex_unlock(&m->lock);
    return true;
}

tenon_status
tni_group_join(tenon_db *db, tni_txn_how *how, uint32_t attempt, tenon_txn_fn fn, void *arg,
               tni_attempt *a)
{
    const tni_lease lease = {
        .op = how->op, .deadline_ns = how->deadline_ns, .writer = true, .admit = !how->admitted
    };
    group_member m = { .how = how, .attempt = attempt, .fn = fn, .arg = arg, .a = a };
    uint64_t until_ns;
    tenon_status st;

    m.waiter.op = how->op;
    m.waiter.most = GROUP_MOST_MEMBERS;
    m.waiter.deadline_ns = how->deadline_ns;
    tni_mutex_init(&m.lock);
    tni_cond_init(&m.wake);
    st = tni_pool_join(&db->pool, &lease, &m.waiter, &until_ns, &a->err);
    if (st == TENON_OK) {
        how->admitted = true;
        if (!group_wait(db, &m, until_ns))
            st = TENON_TIMEOUT;
    }
    if (st != TENON_OK) {
        tni_op_refused(how->op, st);
        m.note = st;
        m.report.wanted = false;
    } else {
        st = m.st;
    }
    tni_cond_fini(&m.wake);
    tni_mutex_fini(&m.lock);
    tni_breaker_note(&db->breaker, m.note);
    tni_report_end(&m.report, db, m.times.done_ns);
    return st;
}
