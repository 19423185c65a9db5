/* Connections that are opened before anybody asks, closed when nobody does, and asked whether they
 * still work. */
#include "fake.h"

#include "core/db.h"

/* Whether so many connections are open, and nobody has one: not upkeep either. */
static bool
has_open(tenon_db *db, uint32_t count)
{
    tni_pool *pool = &db->pool;
    uint32_t parked;
    bool holds;

    tni_mutex_lock(&pool->lock);
    parked = tni_parking_count(&pool->parking);
    holds = pool->idle_count + parked == count && pool->leased_count == parked;
    tni_mutex_unlock(&pool->lock);
    return holds;
}

static void
wait_for_open(tenon_db *db, uint32_t count)
{
    const uint64_t start_ns = tni_monotonic_ns();

    while (!has_open(db, count)) {
        if (tni_monotonic_ns() - start_ns > 10 * TNI_NS_PER_S)
            fail_msg("%u connections open, not %u", tni_pool_open_count(&db->pool), count);
        tni_sleep_until_ns(tni_monotonic_ns() + TNI_NS_PER_MS);
    }
}

/* Open so many connections: as many transactions at once. */
static void
use_connections(tenon_db *db, uint32_t count)
{
    tenon_txn *txns[8];

    for (uint32_t i = 0; i < count; i++)
        txns[i] = fake_begin(db, NULL);
    for (uint32_t i = 0; i < count; i++)
        tenon_rollback(txns[i]);
}

/* ---- Upkeep ---- */

static void
the_least_number_is_opened_ahead(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .min_connections = 3 };
    tenon_db *db = fake_open("fake:", &o);

    (void)state;
    wait_for_open(db, 3);
    use_connections(db, 3);
    assert_int_equal(fake.calls[FAKE_CONN_OPEN], 3);
    tenon_close(db);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 3);
}

static void
opening_ahead_gives_up_in_time(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .min_connections = 1 };
    const uint64_t start_ns = tni_monotonic_ns();
    tenon_db *db = fake_open("far:", &o);

    (void)state;
    wait_for_open(db, 1);
    assert_in_range(fake.open_until_ns, start_ns + 5 * TNI_NS_PER_S,
                    tni_monotonic_ns() + 5 * TNI_NS_PER_S);
    tenon_close(db);
}

static void
what_could_not_be_opened_is_tried_again(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .min_connections = 2 };
    tenon_db *db;

    (void)state;
    fake_fail(FAKE_CONN_OPEN, TENON_UNAVAILABLE, TENON_EFFECT_OPEN, 3);
    db = fake_open("fake:", &o);
    wait_for_open(db, 2);
    assert_int_equal(fake.calls[FAKE_CONN_OPEN], 5);
    tenon_close(db);
}

static void
what_nobody_uses_is_closed_down_to_the_least_number(void **state)
{
    const tenon_open_options o = {
        .size = sizeof o, .min_connections = 2, .idle_timeout_ms = 20, .cleanup_interval_ms = 5
    };
    tenon_db *db = fake_open("fake:", &o);

    (void)state;
    wait_for_open(db, 2);
    use_connections(db, 5);
    wait_for_open(db, 2);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 3);
    use_connections(db, 2);
    assert_int_equal(fake.calls[FAKE_CONN_OPEN], 5);
    tenon_close(db);
}

static void
what_is_in_use_is_never_closed_under_its_user(void **state)
{
    const tenon_open_options o = { .size = sizeof o,
                                   .max_connections = 1,
                                   .min_connections = 1,
                                   .idle_timeout_ms = 1,
                                   .max_lifetime_ms = 1,
                                   .cleanup_interval_ms = 1 };
    tenon_db *db = fake_open("fake:", &o);
    tenon_txn *txn = fake_begin(db, NULL);
    const uint32_t closed = fake.calls[FAKE_CONN_CLOSE];

    (void)state;
    tni_sleep_until_ns(tni_monotonic_ns() + 30 * TNI_NS_PER_MS);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], closed);
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    tenon_close(db);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], fake.calls[FAKE_CONN_OPEN]);
}

static void
what_has_lived_its_time_is_closed_when_it_comes_back(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .max_lifetime_ms = 10 };
    tenon_db *db = fake_open("fake:", &o);
    tenon_txn *txn = fake_begin(db, NULL);

    (void)state;
    tni_sleep_until_ns(tni_monotonic_ns() + 11 * TNI_NS_PER_MS);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 0);
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 1);
    use_connections(db, 1);
    assert_int_equal(fake.calls[FAKE_CONN_OPEN], 2);
    tenon_close(db);
}

/* ---- Whether they work ---- */

/* As if nobody had used the connection that comes next. */
static void
leave_alone(tenon_db *db, uint64_t ms)
{
    tni_conn *conn = tni_parking_take(&db->pool.parking, tni_self());

    assert_non_null(conn);
    conn->idle_since_ns -= ms * TNI_NS_PER_MS;
    assert_true(tni_parking_put(&db->pool.parking, tni_self(), conn));
}

static void
a_connection_is_asked_after_half_a_second_only(void **state)
{
    tenon_db *db = fake_open("far:", NULL);

    (void)state;
    use_connections(db, 1);
    use_connections(db, 1);
    assert_int_equal(fake.calls[FAKE_CHECK], 0);
    leave_alone(db, 501);
    use_connections(db, 1);
    assert_int_equal(fake.calls[FAKE_CHECK], 1);
    use_connections(db, 1);
    assert_int_equal(fake.calls[FAKE_CHECK], 1);
    assert_int_equal(fake.calls[FAKE_CONN_OPEN], 1);
    tenon_close(db);
}

static void
a_lost_connection_is_replaced_before_anybody_notices(void **state)
{
    tenon_db *db = fake_open("far:", NULL);

    (void)state;
    use_connections(db, 1);
    leave_alone(db, 1000);
    fake_fail(FAKE_CHECK, TENON_UNAVAILABLE, TENON_EFFECT_ROLLED_BACK, 1);
    use_connections(db, 1);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 1);
    assert_int_equal(fake.calls[FAKE_CONN_OPEN], 2);
    tenon_close(db);
}

static void
where_there_is_no_other_the_caller_is_told(void **state)
{
    tenon_db *db = fake_open("far:", NULL);
    tenon_error err = { 0 };
    tenon_txn *txn;

    (void)state;
    use_connections(db, 1);
    leave_alone(db, 1000);
    fake_fail(FAKE_CHECK, TENON_UNAVAILABLE, TENON_EFFECT_ROLLED_BACK, 1);
    fake_fail(FAKE_CONN_OPEN, TENON_UNAVAILABLE, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_begin(db, NULL, &txn, &err), TENON_UNAVAILABLE);
    assert_int_equal(err.native, 4711);
    assert_int_equal(tni_pool_open_count(&db->pool), 0);
    use_connections(db, 1); /* nothing is kept of it */
    tenon_close(db);
}

static void
opening_and_asking_are_within_the_deadline(void **state)
{
    static const tenon_txn_options near = { .size = sizeof near, .timeout_ms = 2000 };
    static const tenon_txn_options distant = { .size = sizeof distant, .timeout_ms = 60000 };
    const uint64_t start_ns = tni_monotonic_ns();
    tenon_db *db = fake_open("far:", NULL);
    uint64_t now_ns;

    (void)state;
    tenon_rollback(fake_begin(db, &near));
    now_ns = tni_monotonic_ns();
    assert_in_range(fake.open_until_ns, start_ns + 2000 * TNI_NS_PER_MS,
                    now_ns + 2000 * TNI_NS_PER_MS);
    leave_alone(db, 1000);
    tenon_rollback(fake_begin(db, &near));
    assert_in_range(fake.check_until_ns, now_ns + 2000 * TNI_NS_PER_MS,
                    tni_monotonic_ns() + 2000 * TNI_NS_PER_MS);
    leave_alone(db, 1000);
    tenon_rollback(fake_begin(db, &distant));
    assert_in_range(fake.check_until_ns, now_ns, tni_monotonic_ns() + 5000 * TNI_NS_PER_MS);
    tenon_close(db);
}

static void
health_asks_over_a_connection_of_its_own_within_its_limit(void **state)
{
    tenon_db *db = fake_open("far:", NULL);
    const uint64_t start_ns = tni_monotonic_ns();

    (void)state;
    assert_int_equal(tenon_db_health(db, 700, NULL, NULL), TENON_OK);
    assert_in_range(fake.open_until_ns, start_ns, tni_monotonic_ns() + 700 * TNI_NS_PER_MS);
    assert_int_equal(fake.calls[FAKE_CONN_OPEN], 1);
    assert_int_equal(tni_pool_open_count(&db->pool), 0);
    tenon_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_CASE(the_least_number_is_opened_ahead),
        FAKE_CASE(opening_ahead_gives_up_in_time),
        FAKE_CASE(what_could_not_be_opened_is_tried_again),
        FAKE_CASE(what_nobody_uses_is_closed_down_to_the_least_number),
        FAKE_CASE(what_is_in_use_is_never_closed_under_its_user),
        FAKE_CASE(what_has_lived_its_time_is_closed_when_it_comes_back),
        FAKE_CASE(a_connection_is_asked_after_half_a_second_only),
        FAKE_CASE(a_lost_connection_is_replaced_before_anybody_notices),
        FAKE_CASE(where_there_is_no_other_the_caller_is_told),
        FAKE_CASE(opening_and_asking_are_within_the_deadline),
        FAKE_CASE(health_asks_over_a_connection_of_its_own_within_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
