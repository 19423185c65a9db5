/* The load generator itself takes less than a microsecond of an operation, and allocates nothing.
 * Batches and scans are of many rows, and each byte of these has to be made or looked at, which
 * takes the memory longer than that: they take less than a quarter of it for each row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "loop.h"
#include "manager.h"

enum {
    GENERATOR_THREADS = 2,
    GENERATOR_ROWS = 100000,
    GENERATOR_PAGE = 50,
    GENERATOR_FEW_ROWS = 10
};

/* Rows that an operation makes, or looks at each byte of. */
static double
generator_rows(const workload *w)
{
    double rows = 0, weights = 0;

    for (int op = 0; op < OPERATIONS; op++) {
        const double of = op == OPERATION_SCAN    ? draw_sizes_mean(&w->scan_rows)
                          : op == OPERATION_BATCH ? w->batch
                          : op == OPERATION_MULTI ? 2.0 * w->batch
                          : op == OPERATION_PAGE  ? GENERATOR_PAGE
                                                  : 1;

        rows += w->weights[op] * of;
        weights += w->weights[op];
    }
    return rows / weights;
}

static void
generator_run(crew *c, const char *name)
{
    workload w;
    target t = { .workload = &w, .records = 10000, .seed = 7 };
    loop l = {
        .target = &t, .threads = GENERATOR_THREADS, .for_ns = UINT64_MAX / 4, .only = OPERATIONS
    };
    uint64_t before, counted;
    double rows, each_ns;
    slice done;

    assert_true(workload_named(name, strlen(name), &w));
    rows = generator_rows(&w);
    l.count = (uint64_t)(GENERATOR_ROWS / rows);
    draw_keys_prepare(&w.keys, t.records);
    assert_true(target_prepare(&t, GENERATOR_THREADS, false, false));
    assert_true(w.scenario->fill(&t));
    loop_run(c, &l, &done);
    before = allocations();
    loop_run(c, &l, &done);
    counted = allocations() - before;
    assert_int_equal(done.operations, GENERATOR_THREADS * l.count);
    each_ns = done.cpu_seconds * 1e9 / (double)done.operations;
    (void)printf("%-11s %5.0f ns, %5.1f rows, %3.0f ns each; %llu allocations\n", name, each_ns,
                 rows, each_ns / rows, (unsigned long long)counted);
    assert_int_equal(counted, 0);
    assert_true(each_ns < 1000 || (rows > GENERATOR_FEW_ROWS && each_ns / rows < 250));
    target_release(&t);
}

static void
test_an_operation_costs_little_and_allocates_nothing(void **state)
{
    crew *c = crew_new(GENERATOR_THREADS);
    const char *name, *summary;

    (void)state;
    assert_non_null(c);
    for (size_t i = 0; (name = workload_known(i, &summary)) != NULL; i++)
        generator_run(c, name);
    crew_free(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(
        test_an_operation_costs_little_and_allocates_nothing) };

    return cmocka_run_group_tests_name("generator", tests, NULL, NULL);
}
