/* random_test [RUNS [SEED]]: histories that are right are never convicted, and those that were
 * spoiled nearly always are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "orders.h"
#include "random.h"

static uint32_t test_runs = 200;
static uint64_t test_seed;

static history_report *
test_check(const history *h)
{
    char message[HISTORY_MESSAGE_BYTES];
    history_report *report = NULL;

    if (!history_check(h, &report, message))
        fail_msg("seed %llu: %s", (unsigned long long)test_seed, message);
    return report;
}

/* A small history by the number of the run: its keys and processes too. */
static history *
test_history(random_state *r, uint32_t run)
{
    random_shape shape;
    history *h;

    r->n = test_seed + run;
    shape.txns = 20 + random_below(r, 200);
    shape.processes = 1 + random_below(r, 10);
    shape.keys = 1 + random_below(r, 6);
    shape.outcomes = random_below(r, 2) == 0;
    h = random_history(r, &shape);
    assert_non_null(h);
    assert_false(h->out_of_memory);
    return h;
}

static void
what_is_strictly_serializable_is_never_convicted(void **state)
{
    (void)state;
    for (uint32_t run = 0; run < test_runs; run++) {
        random_state r;
        history *h = test_history(&r, run);
        history_report *report = test_check(h);

        if (history_convicted(report, HISTORY_STRICT) != HISTORY_ANOMALY_COUNT) {
            history_report_print(report, HISTORY_STRICT, stderr);
            fail_msg("seed %llu, run %lu", (unsigned long long)test_seed, (unsigned long)run);
        }
        history_report_free(report);
        history_free(h);
    }
}

static void
what_was_spoiled_is_convicted(void **state)
{
    static const struct {
        const char *name;
        random_change change;
        unsigned least; /* per cent; what a change leaves possible is no fault of the checker */
    } changes[] = {
        { "a read lacks its last elements", RANDOM_STALE_READ, 90 },
        { "two elements change places", RANDOM_SWAPPED, 99 },
        { "two reads have each other's list", RANDOM_OTHERS_LISTS, 90 },
        { "an element is in no list any more", RANDOM_LOST_APPEND, 90 },
        { "what was read has failed", RANDOM_FAILED, 100 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        unsigned spoiled = 0, convicted = 0;

        for (uint32_t run = 0; run < test_runs; run++) {
            random_state r;
            history *h = test_history(&r, run);

            if (random_spoil(&r, h, changes[i].change)) {
                history_report *report = test_check(h);

                spoiled++;
                convicted += history_convicted(report, HISTORY_STRICT) != HISTORY_ANOMALY_COUNT;
                history_report_free(report);
            }
            history_free(h);
        }
        print_message("%s: %u of %u convicted, seed %llu\n", changes[i].name, convicted, spoiled,
                      (unsigned long long)test_seed);
        assert_true(spoiled > test_runs / 2);
        assert_true(convicted * 100 >= spoiled * changes[i].least);
    }
}

/* ---- Small ones, by all their orders ---- */

/* What is convicted has no serial order; what has none is convicted, but for a few: of elements
 * that nobody has seen the order is not always known. */
static void
verdicts_agree_with_all_orders_tried(void **state)
{
    unsigned impossible = 0, missed = 0;

    (void)state;
    for (uint32_t run = 0; run < 20 * test_runs; run++) {
        random_state r = { .n = test_seed + run };
        const random_shape shape = { .txns = 3 + random_below(&r, 6),
                                     .processes = 1 + random_below(&r, 4),
                                     .keys = 1 + random_below(&r, 3),
                                     .outcomes = random_below(&r, 2) == 0 };
        history *h = random_history(&r, &shape);
        history_report *report;
        bool exists, found;

        assert_non_null(h);
        if (random_below(&r, 4) > 0)
            (void)random_spoil(&r, h, (random_change)random_below(&r, RANDOM_CHANGES));
        exists = orders_exist(h);
        report = test_check(h);
        found = history_convicted(report, HISTORY_STRICT) != HISTORY_ANOMALY_COUNT;
        if (found && exists) {
            history_report_print(report, HISTORY_STRICT, stderr);
            fail_msg("seed %llu, run %lu", (unsigned long long)test_seed, (unsigned long)run);
        }
        missed += !found && !exists;
        impossible += !exists;
        history_report_free(report);
        history_free(h);
    }
    print_message("%u of %lu have no serial order, %u of them are not convicted, seed %llu\n",
                  impossible, 20ul * (unsigned long)test_runs, missed,
                  (unsigned long long)test_seed);
    assert_true(impossible > test_runs);
    assert_true(missed * 1000 <= impossible);
}

/* ---- Large ones, on a small stack ---- */

typedef struct test_large {
    history *h;
    history_report *report;
    char message[HISTORY_MESSAGE_BYTES];
} test_large;

static void *
test_check_large(void *arg)
{
    test_large *large = (test_large *)arg;

    (void)history_check(large->h, &large->report, large->message);
    return NULL;
}

static void
test_run_large(test_large *large)
{
    struct timespec begin, end;
    pthread_attr_t attr;
    pthread_t thread;

    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, (size_t)256 * 1024), 0);
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    assert_int_equal(pthread_create(&thread, &attr, test_check_large, large), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    (void)pthread_attr_destroy(&attr);
    if (large->report == NULL)
        fail_msg("%s", large->message);
    print_message(
        "%zu transactions, %zu operations: %.2f s\n", large->h->txn_count, large->h->op_count,
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
}

static void
test_end_large(test_large *large)
{
    history_report_free(large->report);
    history_free(large->h);
}

static void
a_hundred_thousand_transactions_need_no_deep_stack(void **state)
{
    random_state r = { .n = test_seed };
    test_large large = {
        .h = random_history(
            &r, &(random_shape){ .txns = 100000, .processes = 16, .keys = 8, .outcomes = true })
    };

    (void)state;
    assert_non_null(large.h);
    test_run_large(&large);
    assert_int_equal(history_convicted(large.report, HISTORY_STRICT), HISTORY_ANOMALY_COUNT);
    test_end_large(&large);
}

/* Each reads what the one before wrote, and the first what the last one wrote. */
static void
one_cycle_of_a_hundred_thousand_is_found(void **state)
{
    const int64_t count = 100000;
    test_large large = { .h = history_new() };

    (void)state;
    assert_non_null(large.h);
    for (int64_t i = 0; i < count; i++) {
        history_begin(large.h, (uint32_t)i, 0);
        history_read(large.h, (i + count - 1) % count, &(int64_t){ 1 }, 1);
        history_append(large.h, i, 1);
        history_end(large.h, HISTORY_OK, 10);
    }
    test_run_large(&large);
    assert_int_equal(history_convicted(large.report, HISTORY_READ_COMMITTED), HISTORY_G1C);
    assert_int_equal(large.report->found[HISTORY_G1C].txn_count, (size_t)count);
    test_end_large(&large);
}

/* All have read the key before any wrote, and nobody has seen what they wrote: no edge for each two
 * of them. */
static void
many_readers_and_unseen_writers_of_a_key_take_no_square_of_edges(void **state)
{
    test_large large = { .h = history_new() };

    (void)state;
    assert_non_null(large.h);
    for (uint32_t i = 0; i < 100000; i++) {
        history_begin(large.h, i, 0);
        if (i % 2 == 0)
            history_read(large.h, 1, NULL, 0);
        else
            history_append(large.h, 1, i);
        history_end(large.h, HISTORY_OK, 10);
    }
    test_run_large(&large);
    assert_int_equal(history_convicted(large.report, HISTORY_STRICT), HISTORY_ANOMALY_COUNT);
    test_end_large(&large);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_strictly_serializable_is_never_convicted),
        cmocka_unit_test(what_was_spoiled_is_convicted),
        cmocka_unit_test(verdicts_agree_with_all_orders_tried),
        cmocka_unit_test(a_hundred_thousand_transactions_need_no_deep_stack),
        cmocka_unit_test(one_cycle_of_a_hundred_thousand_is_found),
        cmocka_unit_test(many_readers_and_unseen_writers_of_a_key_take_no_square_of_edges),
    };
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    test_seed = (uint64_t)now.tv_sec * 1000;
    if (argc > 1)
        test_runs = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        test_seed = strtoull(argv[2], NULL, 10);
    if (test_runs == 0)
        return 2;
    print_message("%lu runs, seed %llu\n", (unsigned long)test_runs, (unsigned long long)test_seed);
    return cmocka_run_group_tests_name("history.random", tests, NULL, NULL);
}
