/* The pool at its end, and with many threads. */
#include "pool_fixture.h"

/* ---- Draining ---- */

typedef struct drainer {
    pthread_t thread;
    tni_pool *pool;
    atomic_bool done;
} drainer;

static void *
drainer_main(void *arg)
{
    drainer *d = arg;

    (void)tni_pool_drain(d->pool, NEVER);
    atomic_store(&d->done, true);
    return NULL;
}

static void
drainer_start(drainer *d, tni_pool *pool)
{
    bool closing = false;

    d->pool = pool;
    atomic_init(&d->done, false);
    assert_int_equal(pthread_create(&d->thread, NULL, drainer_main, d), 0);
    while (!closing) {
        tni_mutex_lock(&pool->lock);
        closing = pool->closing;
        tni_mutex_unlock(&pool->lock);
    }
    tni_sleep_until_ns(tni_monotonic_ns() + 10 * MS);
}

static void
draining_waits_for_those_who_have_a_connection(void **state)
{
    tni_conn *a, *b, *none;
    tenon_error err = { 0 };
    tni_pool pool;
    drainer d;

    (void)state;
    pool_new(&pool, 3, false);
    a = lease(&pool, false);
    b = lease(&pool, false);
    drainer_start(&d, &pool);
    assert_false(atomic_load(&d.done));
    assert_int_equal(try_lease(&pool, false, NEVER, &none, &err), TENON_MISUSE);
    assert_string_equal(err.message, "the database is being closed");
    give(&pool, a, false);
    tni_sleep_until_ns(tni_monotonic_ns() + 10 * MS);
    assert_false(atomic_load(&d.done));
    b->drv = NULL; /* one that was closed counts as given back */
    give(&pool, b, false);
    assert_int_equal(pthread_join(d.thread, NULL), 0);
    tni_pool_fini(&pool);
}

static void
draining_waits_for_those_who_wait(void **state)
{
    tni_conn *writer;
    tni_pool pool;
    guest reader, writers[3];
    drainer d;
    uint32_t i;

    (void)state;
    pool_new(&pool, 1, true);
    writer = lease(&pool, true);
    guest_start(&reader, &pool, false, 0);
    for (i = 0; i < UNIT_COUNT(writers); i++)
        guest_start(&writers[i], &pool, true, 0);
    drainer_start(&d, &pool);
    atomic_store(&served, 0);
    give(&pool, writer, true);
    assert_int_equal(pthread_join(d.thread, NULL), 0);
    assert_int_equal(atomic_load(&served), 4);
    guest_join(&reader);
    for (i = 0; i < UNIT_COUNT(writers); i++) {
        guest_join(&writers[i]);
        assert_int_equal(writers[i].st, TENON_OK);
    }
    tni_pool_fini(&pool);
}

/* A turn that has been granted is on its way: its taker has yet to wake and to take a connection.
 */
static void
draining_waits_for_a_writer_who_was_just_granted_the_turn(void **state)
{
    tni_conn *writer;
    tni_pool pool;
    guest g;
    int round;

    (void)state;
    for (round = 0; round < 200; round++) {
        pool_new(&pool, 1, true);
        writer = lease(&pool, true);
        guest_start(&g, &pool, true, 0);
        atomic_store(&served, 0);
        give(&pool, writer, true);
        (void)tni_pool_drain(&pool, NEVER);
        assert_int_equal(atomic_load(&served), 1);
        assert_int_equal(pool.writer, 0);
        guest_join(&g);
        tni_pool_fini(&pool);
    }
}

/* The one with the turn gives up for want of a connection while the pool is being drained. */
static void
draining_ends_where_the_last_one_gives_up(void **state)
{
    tni_conn *reader;
    tni_pool pool;
    guest a, b;
    drainer d;

    (void)state;
    pool_new(&pool, 1, true);
    reader = lease(&pool, false);
    guest_start(&a, &pool, true, 60);
    guest_start(&b, &pool, true, 60);
    drainer_start(&d, &pool);
    guest_join(&a);
    guest_join(&b);
    assert_int_equal(a.st, TENON_TIMEOUT);
    assert_int_equal(b.st, TENON_TIMEOUT);
    assert_false(atomic_load(&d.done));
    give(&pool, reader, false);
    assert_int_equal(pthread_join(d.thread, NULL), 0);
    tni_pool_fini(&pool);
}

/* ---- Many threads ---- */

#define CROWD 8
#define CROWD_ROUNDS 2000

static tni_pool crowd_pool;
static int crowd_in_use[3]; /* by connection; guarded by the lease itself */
static uint64_t crowd_uses[3];
static int crowd_writing; /* guarded by the turn */
static uint64_t crowd_writes;

/* The number of a connection among all, the oldest one 0. */
static ptrdiff_t
crowd_place(const tni_conn *conn)
{
    ptrdiff_t at = 0;

    for (const tni_conn *c = conn->older; c != NULL; c = c->older)
        at++;
    return at;
}

static void *
crowd_main(void *arg)
{
    const uint32_t seed = (uint32_t)(uintptr_t)arg;
    uint32_t i;

    for (i = 0; i < CROWD_ROUNDS; i++) {
        const bool writer = (i * 7 + seed) % 3 == 0;
        tni_conn *conn = lease(&crowd_pool, writer);
        const ptrdiff_t at = crowd_place(conn);

        assert_int_equal(crowd_in_use[at]++, 0);
        crowd_uses[at]++;
        if (writer) {
            assert_int_equal(crowd_writing++, 0);
            crowd_writes++;
            crowd_writing--;
        }
        crowd_in_use[at]--;
        if ((i + seed) % 16 == 0)
            conn->drv = NULL;
        give(&crowd_pool, conn, writer);
    }
    return NULL;
}

static void
no_two_threads_have_the_same_connection(void **state)
{
    pthread_t threads[CROWD];
    uint64_t writes = 0;
    uintptr_t i;

    (void)state;
    pool_new(&crowd_pool, UNIT_COUNT(crowd_in_use), true);
    for (i = 0; i < CROWD; i++) {
        for (uint32_t r = 0; r < CROWD_ROUNDS; r++)
            writes += (r * 7 + i) % 3 == 0;
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_main, (void *)i), 0);
    }
    for (i = 0; i < CROWD; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(crowd_uses[0] + crowd_uses[1] + crowd_uses[2], CROWD * CROWD_ROUNDS);
    assert_int_equal(crowd_writes, writes);
    assert_int_equal(crowd_pool.leased_count, tni_parking_count(&crowd_pool.parking));
    assert_int_equal(crowd_pool.admitted_count, tni_parking_count(&crowd_pool.parking));
    assert_int_equal(waiting_count(&crowd_pool), 0);
    pool_end(&crowd_pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draining_waits_for_those_who_have_a_connection),
        cmocka_unit_test(draining_waits_for_those_who_wait),
        cmocka_unit_test(draining_waits_for_a_writer_who_was_just_granted_the_turn),
        cmocka_unit_test(draining_ends_where_the_last_one_gives_up),
        cmocka_unit_test(no_two_threads_have_the_same_connection),
    };

    return cmocka_run_group_tests_name("pool.drain", tests, NULL, NULL);
}
