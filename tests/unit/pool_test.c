/* The pool: who gets a connection and the writer's turn, in which order, and who never will. */
#include "pool_fixture.h"

/* ---- Connections ---- */

static void
the_last_one_used_comes_first(void **state)
{
    tni_pool pool;
    tni_conn *a, *b, *c;

    (void)state;
    pool_new(&pool, 3, false);
    assert_int_equal(tni_pool_open_count(&pool), 0);
    a = lease(&pool, false);
    b = lease(&pool, false);
    assert_ptr_not_equal(a, b);
    assert_int_equal(tni_pool_open_count(&pool), 2);
    give(&pool, a, false);
    give(&pool, b, false);
    c = lease(&pool, false);
    assert_ptr_equal(c, b);
    assert_ptr_equal(lease(&pool, false), a);
    give(&pool, a, false);
    give(&pool, c, false);
    assert_int_equal(tni_pool_open_count(&pool), 2);
    pool_end(&pool);
}

static void
an_open_one_goes_before_one_to_be_opened(void **state)
{
    tni_pool pool;
    tni_conn *a, *b;

    (void)state;
    pool_new(&pool, 2, false);
    a = lease(&pool, false);
    b = lease(&pool, false);
    b->drv = NULL; /* broken, closed by its user */
    give(&pool, a, false);
    give(&pool, b, false);
    assert_int_equal(tni_pool_open_count(&pool), 1);
    assert_ptr_equal(lease(&pool, false), a);
    give(&pool, a, false);
    pool_end(&pool);
}

static void
waiters_are_served_in_their_order(void **state)
{
    guest guests[6];
    tni_pool pool;
    tni_conn *conn;
    uint32_t i;

    (void)state;
    pool_new(&pool, 1, false);
    conn = lease(&pool, false);
    atomic_store(&served, 0);
    for (i = 0; i < UNIT_COUNT(guests); i++)
        guest_start(&guests[i], &pool, false, 0);
    give(&pool, conn, false);
    for (i = 0; i < UNIT_COUNT(guests); i++) {
        guest_join(&guests[i]);
        assert_int_equal(guests[i].st, TENON_OK);
        assert_int_equal(guests[i].place, i);
    }
    assert_int_equal(tni_pool_open_count(&pool), 1);
    pool_end(&pool);
}

static void
nobody_overtakes_a_waiter(void **state)
{
    tni_pool pool;
    tni_conn *conn;
    guest g;
    int turn;

    (void)state;
    pool_new(&pool, 1, true);
    for (turn = 0; turn < 2; turn++) {
        conn = lease(&pool, turn == 1);
        atomic_store(&served, 0);
        guest_start(&g, &pool, turn == 1, 0);
        give(&pool, conn, turn == 1);
        conn = lease(&pool, turn == 1);
        assert_int_equal(atomic_load(&served), 1);
        give(&pool, conn, turn == 1);
        guest_join(&g);
    }
    pool_end(&pool);
}

static void
a_late_waiter_is_told_the_counts(void **state)
{
    tni_pool pool;
    tni_conn *a, *b;
    guest first, second;

    (void)state;
    pool_new(&pool, 2, false);
    a = lease(&pool, false);
    b = lease(&pool, false);
    guest_start(&first, &pool, false, 0);
    guest_start(&second, &pool, false, 30);
    guest_join(&second);
    assert_int_equal(second.st, TENON_TIMEOUT);
    assert_int_equal(second.err.status, TENON_TIMEOUT);
    assert_string_equal(second.err.message,
                        "no connection became free in time: 2 in all, 2 active, 0 idle, 2 waiting");
    assert_int_equal(waiting_count(&pool), 1);
    give(&pool, a, false); /* goes to the one who still waits */
    guest_join(&first);
    assert_int_equal(first.st, TENON_OK);
    give(&pool, b, false);
    pool_end(&pool);
}

static void
the_first_waiter_may_give_up(void **state)
{
    tni_pool pool;
    tni_conn *conn;
    guest first, second, third;

    (void)state;
    pool_new(&pool, 1, false);
    conn = lease(&pool, false);
    guest_start(&first, &pool, false, 30);
    guest_start(&second, &pool, false, 0);
    guest_join(&first);
    guest_start(&third, &pool, false, 0);
    atomic_store(&served, 0);
    give(&pool, conn, false);
    guest_join(&second);
    guest_join(&third);
    assert_int_equal(first.st, TENON_TIMEOUT);
    assert_int_equal(second.place, 0);
    assert_int_equal(third.place, 1);
    pool_end(&pool);
}

static void
the_pool_s_own_timeout_ends_a_wait(void **state)
{
    const uint64_t start_ns = tni_monotonic_ns();
    tni_pool pool;
    tni_conn *conn;
    guest g;

    (void)state;
    pool_new(&pool, 1, true);
    pool.limits.timeout_ns = 40 * MS;
    conn = lease(&pool, true);
    guest_start(&g, &pool, true, 0);
    guest_join(&g);
    assert_int_equal(g.st, TENON_TIMEOUT);
    guest_start(&g, &pool, false, 0);
    guest_join(&g);
    assert_int_equal(g.st, TENON_TIMEOUT);
    assert_true(tni_monotonic_ns() - start_ns >= 80 * MS);
    give(&pool, conn, true);
    pool_end(&pool);
}

static void
a_passed_deadline_leaves_no_time_to_wait(void **state)
{
    const uint64_t past_ns = tni_monotonic_ns();
    tni_pool pool;
    tni_conn *conn, *none;
    tenon_error err;
    guest g;

    (void)state;
    pool_new(&pool, 1, false);
    conn = lease(&pool, false);
    guest_start(&g, &pool, false, 0);
    give(&pool, conn, false);
    guest_join(&g); /* the guest was the last user: this thread is not its own obstacle */
    assert_int_equal(try_lease(&pool, false, past_ns, &conn, &err), TENON_OK);
    atomic_store(&conn->thread, 1); /* as if it were another thread's */
    assert_int_equal(try_lease(&pool, false, past_ns, &none, &err), TENON_TIMEOUT);
    assert_null(none);
    assert_true(tni_monotonic_ns() - past_ns < 10000 * MS); /* the pool's own timeout is 20 s */
    give(&pool, conn, false);
    pool_end(&pool);
}

/* ---- The writer's turn ---- */

static void
writers_take_turns_readers_do_not(void **state)
{
    guest guests[5];
    tni_conn *writer, *reader;
    tni_pool pool;
    uint32_t i;

    (void)state;
    pool_new(&pool, 4, true);
    writer = lease(&pool, true);
    reader = lease(&pool, false);
    atomic_store(&served, 0);
    for (i = 0; i < UNIT_COUNT(guests); i++)
        guest_start(&guests[i], &pool, true, 0);
    give(&pool, reader, false); /* no writer waits for that */
    tni_sleep_until_ns(tni_monotonic_ns() + 20 * MS);
    assert_int_equal(atomic_load(&served), 0);
    give(&pool, writer, true);
    for (i = 0; i < UNIT_COUNT(guests); i++) {
        guest_join(&guests[i]);
        assert_int_equal(guests[i].st, TENON_OK);
        assert_int_equal(guests[i].place, i);
    }
    assert_int_equal(pool.writer, 0);
    pool_end(&pool);
}

static void
many_writers_where_the_engine_takes_many(void **state)
{
    tni_conn *a, *b;
    tni_pool pool;

    (void)state;
    pool_new(&pool, 2, false);
    a = lease(&pool, true);
    b = lease(&pool, true);
    give(&pool, a, true);
    give(&pool, b, true);
    pool_end(&pool);
}

static void
a_late_writer_is_told_the_counts(void **state)
{
    tni_conn *writer;
    tni_pool pool;
    guest a, b;

    (void)state;
    pool_new(&pool, 4, true);
    writer = lease(&pool, true);
    guest_start(&a, &pool, true, 0);
    guest_start(&b, &pool, true, 30);
    guest_join(&b);
    assert_int_equal(b.st, TENON_TIMEOUT);
    assert_string_equal(b.err.message,
                        "the writer's turn did not come in time: 1 writing, 2 waiting");
    give(&pool, writer, true);
    guest_join(&a);
    assert_int_equal(a.st, TENON_OK);
    pool_end(&pool);
}

static void
a_writer_without_a_connection_gives_its_turn_back(void **state)
{
    tni_conn *reader;
    tni_pool pool;
    guest a, b;

    (void)state;
    pool_new(&pool, 1, true);
    reader = lease(&pool, false);
    guest_start(&a, &pool, true, 30); /* has the turn, gets no connection */
    guest_start(&b, &pool, true, 0);  /* waits for the turn */
    guest_join(&a);
    assert_int_equal(a.st, TENON_TIMEOUT);
    give(&pool, reader, false);
    guest_join(&b);
    assert_int_equal(b.st, TENON_OK);
    assert_int_equal(pool.writer, 0);
    pool_end(&pool);
}

/* ---- Waiting for oneself ---- */

static void
a_second_writer_of_one_thread_is_misuse(void **state)
{
    tni_conn *writer, *none;
    tenon_error err = { 0 };
    tni_pool pool;

    (void)state;
    pool_new(&pool, 4, true);
    writer = lease(&pool, true);
    assert_int_equal(try_lease(&pool, true, NEVER, &none, &err), TENON_MISUSE);
    assert_null(none);
    assert_string_equal(err.message,
                        "this thread has a write transaction open, and this engine has one writer");
    give(&pool, lease(&pool, false), false); /* to read is no misuse */
    give(&pool, writer, true);
    give(&pool, lease(&pool, true), true);
    pool_end(&pool);
}

static void
a_thread_that_holds_all_connections_waits_for_none(void **state)
{
    tni_conn *a, *b, *none;
    tenon_error err = { 0 };
    tni_pool pool;

    (void)state;
    pool_new(&pool, 2, false);
    a = lease(&pool, false);
    b = lease(&pool, false);
    assert_int_equal(try_lease(&pool, false, NEVER, &none, &err), TENON_MISUSE);
    assert_null(none);
    assert_string_equal(err.message,
                        "this thread would wait for itself: whoever could end a transaction waits "
                        "for another one");
    give(&pool, a, false);
    give(&pool, b, false);
    pool_end(&pool);
}

static void
misuse_gives_the_turn_back(void **state)
{
    tni_conn *reader, *none;
    tni_pool pool;

    (void)state;
    pool_new(&pool, 1, true);
    reader = lease(&pool, false);
    assert_int_equal(try_lease(&pool, true, NEVER, &none, NULL), TENON_MISUSE);
    assert_int_equal(pool.writer, 0);
    give(&pool, reader, false);
    give(&pool, lease(&pool, true), true);
    pool_end(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_used_comes_first),
        cmocka_unit_test(an_open_one_goes_before_one_to_be_opened),
        cmocka_unit_test(waiters_are_served_in_their_order),
        cmocka_unit_test(nobody_overtakes_a_waiter),
        cmocka_unit_test(a_late_waiter_is_told_the_counts),
        cmocka_unit_test(the_first_waiter_may_give_up),
        cmocka_unit_test(the_pool_s_own_timeout_ends_a_wait),
        cmocka_unit_test(a_passed_deadline_leaves_no_time_to_wait),
        cmocka_unit_test(writers_take_turns_readers_do_not),
        cmocka_unit_test(many_writers_where_the_engine_takes_many),
        cmocka_unit_test(a_late_writer_is_told_the_counts),
        cmocka_unit_test(a_writer_without_a_connection_gives_its_turn_back),
        cmocka_unit_test(a_second_writer_of_one_thread_is_misuse),
        cmocka_unit_test(a_thread_that_holds_all_connections_waits_for_none),
        cmocka_unit_test(misuse_gives_the_turn_back),
    };

    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
