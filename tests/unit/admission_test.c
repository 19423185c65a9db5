/* Who is let in: the number at once, rates, the circuit breaker; and what refusals say. */
#include "fake.h"

#include "core/db.h"

static const tenon_value one[] = { { .type = TENON_INT, .as.i = 1 } };

static tenon_status
exec_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    (void)arg;
    return tenon_exec(txn, &fake_insert, one, NULL, err);
}

static tenon_db_stats
stats_of(tenon_db *db)
{
    tenon_db_stats stats = { .size = sizeof stats };

    assert_int_equal(tenon_db_get_stats(db, &stats, NULL), TENON_OK);
    return stats;
}

/* ---- How many at once ---- */

typedef struct caller {
    pthread_t thread;
    tenon_db *db;
    uint32_t timeout_ms;
    tenon_status st;
    tenon_error err;
} caller;

static void *
caller_main(void *arg)
{
    caller *c = arg;
    const tenon_txn_options o = { .size = sizeof o, .timeout_ms = c->timeout_ms };

    c->st = tenon_run(c->db, &o, exec_body, NULL, &c->err);
    return NULL;
}

static void
no_more_than_the_most_are_in_at_once(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .max_connections = 8, .max_concurrent = 2 };
    tenon_db *db = fake_open("fake:", &o);
    tenon_txn *a = fake_begin(db, NULL), *b = fake_begin(db, NULL);
    caller late = { .db = db, .timeout_ms = 30 }, patient = { .db = db, .timeout_ms = 20000 };

    (void)state;
    assert_int_equal(pthread_create(&patient.thread, NULL, caller_main, &patient), 0);
    while (stats_of(db).waiting_admission < 1)
        tni_sleep_until_ns(tni_monotonic_ns() + TNI_NS_PER_MS);
    assert_int_equal(pthread_create(&late.thread, NULL, caller_main, &late), 0);
    assert_int_equal(pthread_join(late.thread, NULL), 0);
    assert_int_equal(late.st, TENON_TIMEOUT);
    assert_string_equal(late.err.message,
                        "not admitted in time: 2 transactions at once are the most, 2 waiting");
    assert_int_equal(stats_of(db).connections, 2); /* though there could be 8 */
    tenon_rollback(a);
    assert_int_equal(pthread_join(patient.thread, NULL), 0);
    assert_int_equal(patient.st, TENON_OK);
    tenon_rollback(b);
    assert_int_equal(stats_of(db).admitted, 0);
    assert_int_equal(stats_of(db).all.refused_late, 1);
    tenon_close(db);
}

static void
every_way_out_gives_the_admission_back(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .max_concurrent = 1, .max_retry_attempts = 1 };
    static const int slots[] = { FAKE_CONN_OPEN, FAKE_BEGIN, FAKE_EXEC, FAKE_COMMIT,
                                 FAKE_ROLLBACK };
    static const tenon_status statuses[] = { TENON_CONFLICT, TENON_UNAVAILABLE, TENON_EXISTS,
                                             TENON_UNKNOWN_OUTCOME };

    (void)state;
    for (size_t s = 0; s < UNIT_COUNT(slots); s++) {
        for (size_t i = 0; i < UNIT_COUNT(statuses); i++) {
            for (uint32_t times = 1; times <= 3; times++) {
                tenon_db *db = fake_open("fake:", &o);
                tenon_txn *txn;

                fake_fail(slots[s], statuses[i], TENON_EFFECT_MUST_ROLL_BACK, times);
                (void)tenon_run(db, NULL, exec_body, NULL, NULL);
                assert_int_equal(stats_of(db).admitted, 0);
                if (tenon_begin(db, NULL, &txn, NULL) == TENON_OK) {
                    (void)tenon_exec(txn, &fake_insert, one, NULL, NULL);
                    (void)tenon_commit(txn, NULL);
                }
                assert_int_equal(stats_of(db).admitted, 0);
                assert_int_equal(stats_of(db).all.active, 0);
                tenon_close(db);
            }
        }
    }
}

static void
threads_that_wait_for_each_other_are_told_at_once(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .max_concurrent = 1 };
    const tenon_open_options blind = { .size = sizeof o,
                                       .max_concurrent = 1,
                                       .no_deadlock_detection = true };
    const tenon_txn_options soon = { .size = sizeof soon, .timeout_ms = 20 };
    tenon_db *db = fake_open("fake:", &o);
    tenon_txn *txn = fake_begin(db, NULL), *none;
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(tenon_begin(db, NULL, &none, &err), TENON_MISUSE);
    assert_non_null(strstr(err.message, "would wait for itself"));
    tenon_rollback(txn);
    tenon_close(db);
    db = fake_open("fake:", &blind);
    txn = fake_begin(db, NULL);
    assert_int_equal(tenon_begin(db, &soon, &none, &err), TENON_TIMEOUT);
    tenon_rollback(txn);
    tenon_close(db);
}

/* ---- Rates ---- */

static void
calls_over_the_rate_are_told_how_long_to_wait(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .rate_per_second = 10, .rate_burst = 3 };
    tenon_db *db = fake_open("fake:", &o);
    tenon_error err = { 0 };

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_OK);
    assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_RATE_LIMITED);
    assert_in_range(err.native, 1, 101);
    assert_non_null(strstr(err.message, "the rate limit of the database"));
    tni_sleep_until_ns(tni_monotonic_ns() + (uint64_t)err.native * TNI_NS_PER_MS);
    assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_OK);
    assert_int_equal(stats_of(db).all.refused_rate, 1);
    tenon_close(db);
}

static void
each_caller_has_a_rate_of_its_own(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .caller_rate_per_second = 1 };
    const tenon_txn_options ann = { .size = sizeof ann, .caller = "ann" };
    const tenon_txn_options bob = { .size = sizeof bob, .caller = "bob" };
    tenon_db *db = fake_open("fake:", &o);
    tenon_error err = { 0 };
    tenon_txn *txn;

    (void)state;
    assert_int_equal(tenon_run(db, &ann, exec_body, NULL, &err), TENON_OK);
    assert_int_equal(tenon_run(db, &ann, exec_body, NULL, &err), TENON_RATE_LIMITED);
    assert_non_null(strstr(err.message, "this caller"));
    assert_int_equal(tenon_begin(db, &ann, &txn, &err), TENON_RATE_LIMITED);
    assert_int_equal(tenon_run(db, &bob, exec_body, NULL, &err), TENON_OK);
    for (int i = 0; i < 5; i++) /* nobody in particular */
        assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_OK);
    tenon_close(db);
}

/* More callers than are remembered: who is limited stays so, since his bucket is the emptiest. */
static void
many_callers_do_not_wash_one_away(void **state)
{
    tni_rates rates;
    char name[16];
    int limited = 0;

    (void)state;
    assert_true(tni_rates_init(&rates, (tni_rate){ 0, 0 }, (tni_rate){ 1, 100 }));
    for (int i = 0; i < 100; i++)
        assert_int_equal(tni_rates_pass(&rates, "greedy", NULL), TENON_OK);
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(name, sizeof name, "caller %d", i);
        assert_int_equal(tni_rates_pass(&rates, name, NULL), TENON_OK);
    }
    for (int i = 0; i < 10; i++)
        limited += tni_rates_pass(&rates, "greedy", NULL) == TENON_RATE_LIMITED;
    assert_true(limited >= 9);
    tni_rates_fini(&rates);
}

/* ---- The circuit breaker ---- */

static void
failures_in_a_row_open_the_circuit_and_a_probe_closes_it(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .breaker_failures = 3, .breaker_open_ms = 30 };
    tenon_db *db = fake_open("fake:", &o);
    tenon_health health = { .size = sizeof health };
    tenon_error err = { 0 };

    (void)state;
    fake_fail(FAKE_COMMIT, TENON_IO, TENON_EFFECT_ROLLED_BACK, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_IO);
    assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_OK); /* begins anew */
    fake_fail(FAKE_COMMIT, TENON_IO, TENON_EFFECT_ROLLED_BACK, 4);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_IO);
    assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_CIRCUIT_OPEN);
    assert_in_range(err.native, 1, 31);
    assert_int_equal(stats_of(db).circuit, TENON_CIRCUIT_OPENED);
    assert_int_equal(fake.calls[FAKE_COMMIT], 6);
    tni_sleep_until_ns(tni_monotonic_ns() + (uint64_t)err.native * TNI_NS_PER_MS);
    assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_IO); /* a probe */
    assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_CIRCUIT_OPEN);
    assert_in_range(err.native, 31, 61); /* twice as long */
    tni_sleep_until_ns(tni_monotonic_ns() + (uint64_t)err.native * TNI_NS_PER_MS);
    assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_OK);
    assert_int_equal(stats_of(db).circuit, TENON_CIRCUIT_CLOSED);
    assert_int_equal(tenon_db_health(db, 0, &health, NULL), TENON_OK);
    assert_int_equal(health.circuit, TENON_CIRCUIT_CLOSED);
    assert_int_equal(stats_of(db).all.refused_circuit, 2);
    tenon_close(db);
}

static void
one_call_at_a_time_is_let_through_to_see(void **state)
{
    tni_breaker b;
    tenon_error err = { 0 };

    (void)state;
    tni_breaker_init(&b, 1, 5);
    assert_int_equal(tni_breaker_pass(&b, &err), TENON_OK);
    tni_breaker_note(&b, TENON_UNAVAILABLE);
    assert_int_equal(tni_breaker_pass(&b, &err), TENON_CIRCUIT_OPEN);
    tni_sleep_until_ns(tni_monotonic_ns() + (uint64_t)err.native * TNI_NS_PER_MS);
    assert_int_equal(tni_breaker_pass(&b, &err), TENON_OK);
    assert_int_equal(tni_breaker_state(&b), TENON_CIRCUIT_HALF_OPEN);
    assert_int_equal(tni_breaker_pass(&b, &err), TENON_CIRCUIT_OPEN);
    tni_breaker_note(&b, TENON_EXISTS); /* it answers */
    assert_int_equal(tni_breaker_state(&b), TENON_CIRCUIT_CLOSED);
    tni_breaker_fini(&b);
}

static void
damage_opens_at_once_and_what_is_no_failure_of_the_engine_never(void **state)
{
    tni_breaker b;

    (void)state;
    tni_breaker_init(&b, 5, 1000);
    for (int i = 0; i < 20; i++) {
        tni_breaker_note(&b, TENON_CONFLICT);
        tni_breaker_note(&b, TENON_TIMEOUT);
        tni_breaker_note(&b, TENON_EXISTS);
    }
    assert_int_equal(tni_breaker_state(&b), TENON_CIRCUIT_CLOSED);
    tni_breaker_note(&b, TENON_CORRUPT);
    assert_int_equal(tni_breaker_state(&b), TENON_CIRCUIT_OPENED);
    tni_breaker_note(&b, TENON_OK); /* of a call from before */
    assert_int_equal(tni_breaker_state(&b), TENON_CIRCUIT_OPENED);
    tni_breaker_fini(&b);
}

/* ---- Retries ---- */

static void
a_storm_of_retries_is_bounded(void **state)
{
    const tenon_open_options o = { .size = sizeof o,
                                   .max_retry_attempts = 1,
                                   .retry_budget_percent = 10 };
    tenon_db *db = fake_open("fake:", &o);
    tenon_error err = { 0 };
    uint32_t given_up = 0;

    (void)state;
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, UINT32_MAX);
    for (int i = 0; i < 150; i++) {
        assert_int_equal(tenon_run(db, NULL, exec_body, NULL, &err), TENON_CONFLICT);
        given_up += strstr(err.message, "too many retries of all calls") != NULL;
    }
    assert_in_range(stats_of(db).all.retried, 100, 120);
    assert_int_equal(stats_of(db).all.retried + given_up, 150);
    assert_int_equal(stats_of(db).all.exhausted, 150);
    tenon_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_CASE(no_more_than_the_most_are_in_at_once),
        FAKE_CASE(every_way_out_gives_the_admission_back),
        FAKE_CASE(threads_that_wait_for_each_other_are_told_at_once),
        FAKE_CASE(calls_over_the_rate_are_told_how_long_to_wait),
        FAKE_CASE(each_caller_has_a_rate_of_its_own),
        FAKE_CASE(many_callers_do_not_wash_one_away),
        FAKE_CASE(failures_in_a_row_open_the_circuit_and_a_probe_closes_it),
        FAKE_CASE(one_call_at_a_time_is_let_through_to_see),
        FAKE_CASE(damage_opens_at_once_and_what_is_no_failure_of_the_engine_never),
        FAKE_CASE(a_storm_of_retries_is_bounded),
    };

    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
