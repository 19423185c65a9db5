/* Admission, turns and connections: fair to those who wait, the most recently used connection
 * first. */
#include "core/pool_locked.h"

#include <stdlib.h>
#include <string.h>

#include "core/deadlock.h"
#include "core/error.h"

void
tni_pool_init(tni_pool *pool, const tni_limits *limits)
{
    memset(pool, 0, sizeof *pool);
    pool->limits = *limits;
    atomic_init(&pool->all, NULL);
    tni_mutex_init(&pool->lock);
    tni_cond_init(&pool->drained);
    tni_cond_init(&pool->closed);
    tni_cond_init(&pool->grouper_wake);
}

void
tni_pool_fini(tni_pool *pool)
{
    tni_conn *conn = atomic_load(&pool->all);

    while (conn != NULL) {
        tni_conn *older = conn->older;

        if (!tni_txn_disown(&conn->txn))
            free(conn);
        conn = older;
    }
    tni_cond_fini(&pool->grouper_wake);
    tni_cond_fini(&pool->closed);
    tni_cond_fini(&pool->drained);
    tni_mutex_fini(&pool->lock);
}

/* ---- Waiting; the lock is held throughout ---- */

void
tni_queue_add(tni_queue *queue, tni_waiter *waiter)
{
    if (queue->last != NULL)
        queue->last->next = waiter;
    else
        queue->first = waiter;
    queue->last = waiter;
    queue->count++;
}

void
tni_queue_remove(tni_queue *queue, tni_waiter *waiter)
{
    tni_waiter *before = NULL;

    for (tni_waiter *w = queue->first; w != waiter; w = w->next)
        before = w;
    if (before != NULL)
        before->next = waiter->next;
    else
        queue->first = waiter->next;
    if (queue->last == waiter)
        queue->last = before;
    queue->count--;
}

/* Serve the first who waits. @return NULL: nobody does */
static tni_waiter *
pool_queue_grant(tni_queue *queue)
{
    tni_waiter *waiter = queue->first;

    if (waiter == NULL)
        return NULL;
    tni_queue_remove(queue, waiter);
    waiter->granted = true;
    tni_cond_signal(&waiter->granted_cond);
    return waiter;
}

/* When to stop waiting: at the deadline, or when the pool's own timeout is over. */
uint64_t
tni_locked_until(const tni_pool *pool, uint64_t deadline_ns, uint64_t now_ns)
{
    return deadline_ns < now_ns || deadline_ns - now_ns < pool->limits.timeout_ns
               ? deadline_ns
               : now_ns + pool->limits.timeout_ns;
}

/* Say for what nobody was served in time. */
tenon_status
tni_locked_late(const tni_pool *pool, uint32_t kind, tenon_error *err)
{
    const uint32_t waiting = pool->queues[kind].count + 1;

    switch (kind) {
    case TNI_WAIT_ADMISSION:
        return tni_fail(err, TENON_TIMEOUT, NULL,
                        "not admitted in time: %u transactions at once are the most, %u waiting",
                        pool->limits.max_concurrent, waiting);
    case TNI_WAIT_TURN:
        return tni_fail(err, TENON_TIMEOUT, NULL,
                        "the writer's turn did not come in time: 1 writing, %u waiting", waiting);
    default:
        return tni_fail(err, TENON_TIMEOUT, NULL,
                        "no connection became free in time: %u in all, %u active, %u idle, %u "
                        "waiting",
                        pool->leased_count + pool->idle_count, pool->leased_count, pool->idle_count,
                        waiting);
    }
}

tenon_status
tni_locked_check(tni_pool *pool, uint32_t kind, tenon_error *err)
{
    if (!pool->limits.finds_deadlocks || !tni_pool_is_deadlock(pool, kind))
        return TENON_OK;
    return tni_fail(err, TENON_MISUSE, NULL, "%s",
                    kind == TNI_WAIT_TURN && pool->writer == tni_self()
                        ? "this thread has a write transaction open, and this engine has one writer"
                        : "this thread would wait for itself: whoever could end a transaction "
                          "waits for another one");
}

/* Wait in a queue. The time spent in all of them is bounded once, by `*until_ns`, which is 0 as
 * long as nobody has waited. */
static tenon_status
pool_wait(tni_pool *pool, uint32_t kind, const tni_lease *what, uint64_t *until_ns, tni_conn **conn,
          tenon_error *err)
{
    tni_waiter waiter = { .thread = tni_self(), .op = what->op };
    tenon_status st = tni_locked_check(pool, kind, err);
    bool in_time = true;

    if (st != TENON_OK)
        return st;
    waiter.since_ns = tni_monotonic_ns();
    if (*until_ns == 0)
        *until_ns = tni_locked_until(pool, what->deadline_ns, waiter.since_ns);
    tni_cond_init(&waiter.granted_cond);
    tni_queue_add(&pool->queues[kind], &waiter);
    while (!waiter.granted && in_time)
        in_time = tni_cond_wait(&waiter.granted_cond, &pool->lock, *until_ns);
    if (!waiter.granted)
        tni_queue_remove(&pool->queues[kind], &waiter);
    tni_cond_fini(&waiter.granted_cond);
    if (!waiter.granted)
        return tni_locked_late(pool, kind, err);
    *conn = waiter.conn;
    return TENON_OK;
}

/* ---- Admission, turns, connections; the lock is held ---- */

/* Give an admission to the next one who waits, or back. */
void
tni_locked_dismiss(tni_pool *pool)
{
    if (pool_queue_grant(&pool->queues[TNI_WAIT_ADMISSION]) == NULL)
        pool->admitted_count--;
}

static tenon_status
pool_take_turn(tni_pool *pool, const tni_lease *what, uint64_t *until_ns, tenon_error *err)
{
    tni_conn *none;

    if (pool->writer == 0) { /* then nobody waits: a turn is handed on directly */
        pool->writer = tni_self();
        return TENON_OK;
    }
    return pool_wait(pool, TNI_WAIT_TURN, what, until_ns, &none, err);
}

/* The grouper takes the turn for those who join, and finds them in the queue. */
void
tni_locked_pass_turn(tni_pool *pool)
{
    const tni_waiter *next = pool->queues[TNI_WAIT_TURN].first;

    if (next != NULL && next->joins) {
        pool->writer = pool->grouper;
        tni_cond_signal(&pool->grouper_wake);
        return;
    }
    next = pool_queue_grant(&pool->queues[TNI_WAIT_TURN]);
    pool->writer = next != NULL ? next->thread : 0;
}

/* Room for a connection, one that is not open. NULL: no memory. */
static tni_conn *
pool_new_conn(tni_pool *pool)
{
    tni_conn *conn = pool->spare;

    if (conn != NULL) {
        pool->spare = conn->next;
        return conn;
    }
    conn = aligned_alloc(_Alignof(tni_conn), sizeof *conn);
    if (conn != NULL) {
        memset(conn, 0, sizeof *conn);
        conn->older = atomic_load_explicit(&pool->all, memory_order_relaxed);
        atomic_store_explicit(&pool->all, conn, memory_order_release);
    }
    return conn;
}

/* Hand a connection on, or only the room for one (NULL). */
static void
pool_put_conn(tni_pool *pool, tni_conn *conn)
{
    tni_waiter *next = pool->held ? NULL : pool_queue_grant(&pool->queues[TNI_WAIT_CONNECTION]);

    if (next != NULL) {
        next->conn = conn;
        if (conn != NULL)
            atomic_store_explicit(&conn->thread, next->thread, memory_order_relaxed);
        return;
    }
    pool->leased_count--;
    if (conn == NULL)
        return;
    atomic_store_explicit(&conn->thread, 0, memory_order_relaxed);
    if (conn->drv != NULL) {
        conn->next = pool->idle;
        pool->idle = conn;
        pool->idle_count++;
    } else {
        conn->next = pool->spare;
        pool->spare = conn;
    }
}

/* Give back what is parked, before anybody is told that there is nothing. `waits`: and let nobody
 * park from now on, until tni_locked_settle. */
static void
pool_gather(tni_pool *pool, bool waits)
{
    uint32_t at = 0;
    tni_conn *conn;

    if (waits)
        atomic_store(&pool->parking.crowded, true);
    while ((conn = tni_parking_clear(&pool->parking, &at)) != NULL) {
        pool_put_conn(pool, conn);
        tni_locked_dismiss(pool);
    }
}

/* Let threads park again, if nobody waits. */
void
tni_locked_settle(tni_pool *pool)
{
    atomic_store(&pool->parking.crowded, pool->held || pool->closing ||
                                             pool->queues[TNI_WAIT_ADMISSION].count > 0 ||
                                             pool->queues[TNI_WAIT_CONNECTION].count > 0);
}

tenon_status
tni_locked_admit(tni_pool *pool, const tni_lease *what, uint64_t *until_ns, tenon_error *err)
{
    tni_conn *none;

    if (pool->admitted_count >= pool->limits.max_concurrent)
        pool_gather(pool, true);
    if (pool->admitted_count < pool->limits.max_concurrent) { /* then nobody waits */
        pool->admitted_count++;
        return TENON_OK;
    }
    return pool_wait(pool, TNI_WAIT_ADMISSION, what, until_ns, &none, err);
}

/* NULL: none is idle. */
static tni_conn *
pool_take_idle(tni_pool *pool)
{
    tni_conn *conn = pool->idle;

    if (conn != NULL) {
        pool->idle = conn->next;
        pool->idle_count--;
    }
    return conn;
}

static tenon_status
pool_take_conn(tni_pool *pool, const tni_lease *what, uint64_t *until_ns, tni_conn **out,
               tenon_error *err)
{
    tenon_status st = TENON_OK;

    if (pool->idle == NULL && !pool->held)
        pool_gather(pool, pool->leased_count >= pool->limits.max_count);
    if (pool->held) {
        st = pool_wait(pool, TNI_WAIT_CONNECTION, what, until_ns, out, err);
    } else if (pool->idle != NULL) {
        *out = pool_take_idle(pool);
        pool->leased_count++;
    } else if (pool->leased_count < pool->limits.max_count) {
        pool->leased_count++;
    } else {
        st = pool_wait(pool, TNI_WAIT_CONNECTION, what, until_ns, out, err);
    }
    if (st == TENON_OK && *out == NULL) {
        *out = pool_new_conn(pool);
        if (*out == NULL) {
            pool_put_conn(pool, NULL);
            st = tni_no_memory(err, "a connection");
        }
    }
    return st;
}

/* ---- Leasing ---- */

tenon_status
tni_pool_lease(tni_pool *pool, const tni_lease *what, tni_conn **out, tenon_error *err)
{
    const bool turn = what->writer && pool->limits.single_writer;
    const uintptr_t self = tni_self();
    bool admitted = false, has_turn = false;
    tenon_status st = TENON_OK;
    uint64_t until_ns = 0;

    *out = turn || !what->admit ? NULL : tni_parking_take(&pool->parking, self);
    if (*out != NULL) {
        (*out)->at_once = true;
        atomic_store_explicit(&(*out)->thread, self, memory_order_relaxed);
        return st;
    }
    tni_mutex_lock(&pool->lock);
    if (pool->closing && what->admit) { /* who is in already may go on */
        st = tni_fail(err, TENON_MISUSE, NULL, "the database is being closed");
        goto done;
    }
    if (what->admit) {
        st = tni_locked_admit(pool, what, &until_ns, err);
        admitted = st == TENON_OK;
    }
    if (st == TENON_OK && turn) {
        st = pool_take_turn(pool, what, &until_ns, err);
        has_turn = st == TENON_OK;
    }
    if (st == TENON_OK)
        st = pool_take_conn(pool, what, &until_ns, out, err);
    if (st == TENON_OK) {
        (*out)->at_once = false;
        atomic_store_explicit(&(*out)->thread, self, memory_order_relaxed);
        goto done;
    }
    if (has_turn)
        tni_locked_pass_turn(pool);
    if (admitted)
        tni_locked_dismiss(pool);
    if (pool->closing)
        tni_cond_broadcast(&pool->drained);

done:
    if (atomic_load_explicit(&pool->parking.crowded, memory_order_relaxed))
        tni_locked_settle(pool);
    tni_mutex_unlock(&pool->lock);
    return st;
}

static void
pool_release(tni_pool *pool, tni_conn *conn, bool writer, bool leave)
{
    pool_put_conn(pool, conn); /* before the turn: the next writer finds it */
    if (writer && pool->limits.single_writer)
        tni_locked_pass_turn(pool);
    if (leave)
        tni_locked_dismiss(pool);
    if (pool->closing || pool->held)
        tni_cond_broadcast(&pool->drained);
}

static void
pool_give_back(tni_pool *pool, tni_conn *conn, bool writer, bool leave)
{
    tni_mutex_lock(&pool->lock);
    pool_release(pool, conn, writer, leave);
    tni_mutex_unlock(&pool->lock);
}

void
tni_pool_release(tni_pool *pool, tni_conn *conn, bool writer, bool leave)
{
    if (leave && conn->drv != NULL && !(writer && pool->limits.single_writer)) {
        const uintptr_t thread = atomic_load_explicit(&conn->thread, memory_order_relaxed);
        tni_conn *older = tni_parking_take(&pool->parking, thread); /* a thread may have several */

        if (older != NULL)
            pool_give_back(pool, older, false, true);
        atomic_store_explicit(&conn->thread, 0, memory_order_relaxed);
        if (tni_parking_put(&pool->parking, thread, conn))
            return;
    }
    pool_give_back(pool, conn, writer, leave);
}

void
tni_pool_part(tni_pool *pool, tni_conn *conn, bool writer, bool leave)
{
    tni_mutex_lock(&pool->lock);
    atomic_store_explicit(&conn->thread, 0, memory_order_relaxed);
    pool_release(pool, NULL, writer, leave);
    tni_mutex_unlock(&pool->lock);
}

void
tni_pool_take_back(tni_pool *pool, tni_conn *conn)
{
    tni_mutex_lock(&pool->lock);
    conn->next = pool->spare;
    pool->spare = conn;
    tni_mutex_unlock(&pool->lock);
}

void
tni_pool_leave(tni_pool *pool)
{
    tni_pool_leave_many(pool, 1);
}

void
tni_pool_leave_many(tni_pool *pool, uint32_t count)
{
    tni_mutex_lock(&pool->lock);
    while (count-- > 0)
        tni_locked_dismiss(pool);
    if (pool->closing)
        tni_cond_broadcast(&pool->drained);
    tni_mutex_unlock(&pool->lock);
}

bool
tni_pool_pause(tni_pool *pool, uint64_t until_ns)
{
    bool in_time = true, closing;

    tni_mutex_lock(&pool->lock);
    while (!pool->closing && in_time)
        in_time = tni_cond_wait(&pool->closed, &pool->lock, until_ns);
    closing = pool->closing;
    tni_mutex_unlock(&pool->lock);
    return !closing;
}

/* ---- Upkeep ---- */

tni_conn *
tni_pool_lease_stale(tni_pool *pool, uint64_t idle_before_ns, uint64_t now_ns)
{
    tni_conn **at, *conn = NULL;

    tni_mutex_lock(&pool->lock);
    pool_gather(pool, false);
    for (at = &pool->idle; !pool->held && *at != NULL; at = &(*at)->next) {
        const bool unused = (*at)->idle_since_ns < idle_before_ns &&
                            pool->leased_count + pool->idle_count > pool->limits.min_count;

        if (unused || (*at)->expires_ns <= now_ns) {
            conn = *at;
            *at = conn->next;
            pool->idle_count--;
            pool->leased_count++;
            break;
        }
    }
    tni_mutex_unlock(&pool->lock);
    return conn;
}

tni_conn *
tni_pool_lease_held(tni_pool *pool)
{
    tni_conn *conn;

    tni_mutex_lock(&pool->lock);
    conn = pool_take_idle(pool);
    if (conn != NULL)
        pool->leased_count++;
    tni_mutex_unlock(&pool->lock);
    return conn;
}

tni_conn *
tni_pool_lease_missing(tni_pool *pool)
{
    tni_conn *conn = NULL;

    tni_mutex_lock(&pool->lock);
    if (!pool->closing && !pool->held &&
        pool->leased_count + pool->idle_count < pool->limits.min_count) {
        conn = pool_new_conn(pool);
        if (conn != NULL)
            pool->leased_count++;
    }
    tni_mutex_unlock(&pool->lock);
    return conn;
}

bool
tni_pool_hold(tni_pool *pool, uint64_t until_ns)
{
    bool in_time = true;

    tni_mutex_lock(&pool->lock);
    pool->held = true;
    pool_gather(pool, true);
    while (pool->leased_count > 0 && in_time)
        in_time = tni_cond_wait(&pool->drained, &pool->lock, until_ns);
    in_time = pool->leased_count == 0;
    tni_mutex_unlock(&pool->lock);
    if (!in_time)
        tni_pool_unhold(pool);
    return in_time;
}

void
tni_pool_unhold(tni_pool *pool)
{
    tni_mutex_lock(&pool->lock);
    pool->held = false;
    while (pool->leased_count < pool->limits.max_count &&
           pool->queues[TNI_WAIT_CONNECTION].first != NULL) {
        pool->leased_count++;
        pool_put_conn(pool, pool_take_idle(pool));
    }
    tni_locked_settle(pool);
    tni_mutex_unlock(&pool->lock);
}

/* A turn that was handed on counts: its taker has yet to wake and take a connection. */
static bool
pool_is_drained(const tni_pool *pool)
{
    return pool->leased_count == 0 && pool->admitted_count == 0 && pool->writer == 0;
}

bool
tni_pool_drain(tni_pool *pool, uint64_t until_ns)
{
    bool drained, in_time = true;

    tni_mutex_lock(&pool->lock);
    pool->closing = true;
    tni_cond_broadcast(&pool->closed);
    pool_gather(pool, true);
    drained = pool_is_drained(pool);
    while (!drained && in_time) {
        in_time = tni_cond_wait(&pool->drained, &pool->lock, until_ns);
        drained = pool_is_drained(pool);
    }
    pool->closing = drained;
    tni_locked_settle(pool);
    tni_mutex_unlock(&pool->lock);
    return drained;
}

uint32_t
tni_pool_open_count(tni_pool *pool)
{
    uint32_t count;

    tni_mutex_lock(&pool->lock);
    count = pool->leased_count + pool->idle_count;
    tni_mutex_unlock(&pool->lock);
    return count;
}
