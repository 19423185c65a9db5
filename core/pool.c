/* Leasing connections: fair to those who wait, the most recently used connection first. */
#include "core/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/env.h"
#include "core/error.h"

#define POOL_NS_PER_S UINT64_C(1000000000)
#define POOL_NS_PER_MS UINT64_C(1000000)

tenon_status
tni_pool_init(tni_pool *pool, uint32_t max_count, uint64_t timeout_ns, bool single_writer,
              tenon_error *err)
{
    memset(pool, 0, sizeof *pool);
    pool->conns = calloc(max_count, sizeof *pool->conns);
    if (pool->conns == NULL)
        return tni_no_memory(err, "the connection pool");
    pool->max_count = max_count;
    pool->timeout_ns = timeout_ns;
    pool->single_writer = single_writer;
    for (uint32_t i = max_count; i > 0; i--) {
        pool->conns[i - 1].next = pool->spare;
        pool->spare = &pool->conns[i - 1];
    }
    pool->spare_count = max_count;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->drained, NULL);
    return TENON_OK;
}

void
tni_pool_fini(tni_pool *pool)
{
    if (pool->conns == NULL)
        return;
    (void)pthread_cond_destroy(&pool->drained);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->conns);
    memset(pool, 0, sizeof *pool);
}

/* ---- Waiting; the lock is held throughout ---- */

static void
pool_queue_add(tni_queue *queue, tni_waiter *waiter)
{
    if (queue->last != NULL)
        queue->last->next = waiter;
    else
        queue->first = waiter;
    queue->last = waiter;
    queue->count++;
}

static void
pool_queue_remove(tni_queue *queue, tni_waiter *waiter)
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
    pool_queue_remove(queue, waiter);
    waiter->granted = true;
    (void)pthread_cond_signal(&waiter->granted_cond);
    return waiter;
}

/* Wait to be served. @return false: too late */
static bool
pool_wait(tni_pool *pool, tni_queue *queue, tni_waiter *waiter, uint64_t until_ns)
{
    const struct timespec until = {
        .tv_sec = (time_t)(until_ns / POOL_NS_PER_S),
        .tv_nsec = (long)(until_ns % POOL_NS_PER_S),
    };
    pthread_condattr_t attr;
    int rc = 0;

    memset(waiter, 0, sizeof *waiter);
    waiter->thread = pthread_self();
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&waiter->granted_cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    pool_queue_add(queue, waiter);
    while (!waiter->granted && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&waiter->granted_cond, &pool->lock, &until);
    if (!waiter->granted)
        pool_queue_remove(queue, waiter);
    (void)pthread_cond_destroy(&waiter->granted_cond);
    return waiter->granted;
}

/* When to stop waiting: at the deadline, or when the pool's own timeout is over. */
static uint64_t
pool_until(const tni_pool *pool, uint64_t deadline_ns)
{
    const uint64_t now = tni_monotonic_ns();

    return deadline_ns - now < pool->timeout_ns || deadline_ns < now ? deadline_ns
                                                                     : now + pool->timeout_ns;
}

/* ---- Turns ---- */

/* Take the writer's turn. */
static tenon_status
pool_take_turn(tni_pool *pool, uint64_t until_ns, tenon_error *err)
{
    tni_waiter waiter;

    if (!pool->writing) { /* then nobody waits: a turn is handed on directly */
        pool->writing = true;
        pool->writer = pthread_self();
        return TENON_OK;
    }
    if (pthread_equal(pool->writer, pthread_self()))
        return tni_fail(err, TENON_MISUSE, NULL,
                        "this thread has a write transaction open, and this engine has one writer");
    if (pool_wait(pool, &pool->writers, &waiter, until_ns))
        return TENON_OK;
    return tni_fail(err, TENON_TIMEOUT, NULL,
                    "the writer's turn did not come in time: 1 writing, %u waiting",
                    pool->writers.count + 1);
}

/* Hand the turn on. */
static void
pool_pass_turn(tni_pool *pool)
{
    const tni_waiter *next = pool_queue_grant(&pool->writers);

    pool->writing = next != NULL;
    if (next != NULL)
        pool->writer = next->thread;
}

/* ---- Connections ---- */

/* Whether this thread has leased every connection itself. */
static bool
pool_is_own_obstacle(const tni_pool *pool)
{
    for (uint32_t i = 0; i < pool->max_count; i++) {
        if (!pthread_equal(pool->conns[i].thread, pthread_self()))
            return false;
    }
    return true;
}

static tenon_status
pool_take_conn(tni_pool *pool, uint64_t deadline_ns, uint64_t until_ns, tni_conn **out,
               tenon_error *err)
{
    tni_waiter waiter;

    if (pool->idle != NULL) {
        *out = pool->idle;
        pool->idle = (*out)->next;
        pool->idle_count--;
        return TENON_OK;
    }
    if (pool->spare != NULL) {
        *out = pool->spare;
        pool->spare = (*out)->next;
        pool->spare_count--;
        return TENON_OK;
    }
    if (pool_is_own_obstacle(pool))
        return tni_fail(err, TENON_MISUSE, NULL,
                        "this thread has all %u connections in transactions of its own",
                        pool->max_count);
    if (until_ns == 0)
        until_ns = pool_until(pool, deadline_ns);
    if (pool_wait(pool, &pool->waiting, &waiter, until_ns)) {
        *out = waiter.conn;
        return TENON_OK;
    }
    return tni_fail(err, TENON_TIMEOUT, NULL,
                    "no connection became free in time: %u in all, %u active, %u idle, %u waiting",
                    pool->max_count - pool->spare_count,
                    pool->max_count - pool->spare_count - pool->idle_count, pool->idle_count,
                    pool->waiting.count + 1);
}

tenon_status
tni_pool_lease(tni_pool *pool, bool writer, uint64_t deadline_ns, tni_conn **out, tenon_error *err)
{
    const bool turn = writer && pool->single_writer;
    tenon_status st = TENON_OK;
    uint64_t until_ns = 0;

    *out = NULL;
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->closing) {
        st = tni_fail(err, TENON_MISUSE, NULL, "the database is being closed");
        goto done;
    }
    if (turn) {
        if (pool->writing)
            until_ns = pool_until(pool, deadline_ns);
        st = pool_take_turn(pool, until_ns, err);
    }
    if (st != TENON_OK)
        goto done;
    st = pool_take_conn(pool, deadline_ns, until_ns, out, err);
    if (st == TENON_OK)
        (*out)->thread = pthread_self();
    else if (turn)
        pool_pass_turn(pool);

done:
    (void)pthread_mutex_unlock(&pool->lock);
    return st;
}

/* The lock is held. */
static void
pool_put_conn(tni_pool *pool, tni_conn *conn)
{
    tni_waiter *next = pool_queue_grant(&pool->waiting);

    if (next != NULL) {
        next->conn = conn;
        conn->thread = next->thread;
    } else if (conn->drv != NULL) {
        conn->next = pool->idle;
        pool->idle = conn;
        pool->idle_count++;
    } else {
        conn->next = pool->spare;
        pool->spare = conn;
        pool->spare_count++;
    }
}

void
tni_pool_release(tni_pool *pool, tni_conn *conn, bool writer)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool_put_conn(pool, conn); /* before the turn: the next writer finds it */
    if (writer && pool->single_writer)
        pool_pass_turn(pool);
    if (pool->closing)
        (void)pthread_cond_signal(&pool->drained);
    (void)pthread_mutex_unlock(&pool->lock);
}

void
tni_pool_drain(tni_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    /* A turn that was handed on counts: its taker has yet to wake and to take a connection. */
    while (pool->idle_count + pool->spare_count < pool->max_count || pool->writing)
        (void)pthread_cond_wait(&pool->drained, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
}

uint32_t
tni_pool_open_count(tni_pool *pool)
{
    uint32_t count;

    (void)pthread_mutex_lock(&pool->lock);
    count = pool->max_count - pool->spare_count;
    (void)pthread_mutex_unlock(&pool->lock);
    return count;
}
