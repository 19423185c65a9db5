/** @file pool_fixture.h A pool whose connections point nowhere, and guests who wait for them. */
#ifndef TENON_TESTS_UNIT_POOL_FIXTURE_H
#define TENON_TESTS_UNIT_POOL_FIXTURE_H

#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/env.h"
#include "core/pool.h"

#define MS UINT64_C(1000000)
#define NEVER UINT64_MAX

static inline tni_pool *
pool_new(tni_pool *pool, uint32_t max_count, bool single_writer)
{
    const tni_limits limits = { .max_count = max_count,
                                .max_concurrent = 1000,
                                .timeout_ns = 20000 * MS,
                                .single_writer = single_writer,
                                .finds_deadlocks = true };

    tni_pool_init(pool, &limits);
    return pool;
}

static inline tenon_status
try_lease(tni_pool *pool, bool writer, uint64_t deadline_ns, tni_conn **out, tenon_error *err)
{
    const tni_lease what = { .deadline_ns = deadline_ns, .writer = writer, .admit = true };

    return tni_pool_lease(pool, &what, out, err);
}

static inline tni_conn *
lease(tni_pool *pool, bool writer)
{
    tenon_error err = { 0 };
    tni_conn *conn = NULL;

    if (try_lease(pool, writer, NEVER, &conn, &err) != TENON_OK)
        fail_msg("%s", err.message);
    assert_non_null(conn);
    if (conn->drv == NULL)
        conn->drv = (tenon_drv_conn *)(void *)conn; /* points nowhere else */
    return conn;
}

static inline void
give(tni_pool *pool, tni_conn *conn, bool writer)
{
    tni_pool_release(pool, conn, writer, true);
}

/* Give everything back at the end of a test. */
static inline void
pool_end(tni_pool *pool)
{
    (void)tni_pool_drain(pool, NEVER);
    tni_pool_fini(pool);
}

/* Somebody on a thread of its own who leases, notes when, and gives back. */
typedef struct guest {
    pthread_t thread;
    tni_pool *pool;
    bool writer;
    uint32_t timeout_ms; /* 0: none */
    tenon_status st;
    tenon_error err;
    uint32_t place; /* who was served before */
} guest;

static atomic_uint served;

static inline void *
guest_main(void *arg)
{
    guest *g = arg;
    tni_conn *conn = NULL;
    uint64_t deadline_ns = g->timeout_ms > 0 ? tni_monotonic_ns() + g->timeout_ms * MS : NEVER;

    g->st = try_lease(g->pool, g->writer, deadline_ns, &conn, &g->err);
    if (g->st == TENON_OK) {
        g->place = atomic_fetch_add(&served, 1);
        give(g->pool, conn, g->writer);
    }
    return NULL;
}

static inline uint32_t
waiting_count(tni_pool *pool)
{
    uint32_t count;

    tni_mutex_lock(&pool->lock);
    count = pool->queues[TNI_WAIT_ADMISSION].count + pool->queues[TNI_WAIT_TURN].count +
            pool->queues[TNI_WAIT_CONNECTION].count;
    tni_mutex_unlock(&pool->lock);
    return count;
}

/* Start a guest and wait until it waits. */
static inline void
guest_start(guest *g, tni_pool *pool, bool writer, uint32_t timeout_ms)
{
    const uint32_t before = waiting_count(pool);

    memset(g, 0, sizeof *g);
    g->pool = pool;
    g->writer = writer;
    g->timeout_ms = timeout_ms;
    assert_int_equal(pthread_create(&g->thread, NULL, guest_main, g), 0);
    while (waiting_count(pool) == before)
        tni_sleep_until_ns(tni_monotonic_ns() + MS);
}

static inline void
guest_join(guest *g)
{
    assert_int_equal(pthread_join(g->thread, NULL), 0);
}

#endif
