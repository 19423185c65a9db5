/* The load generator itself takes less than a microsecond of an operation, and allocates nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "loop.h"
#include "manager.h"

static const char *const generator_workloads[] = { "read",   "update", "insert", "delete", "scan",
                                                   "modify", "mixed",  "ycsb-a", "ycsb-d" };

enum { GENERATOR_THREADS = 2, GENERATOR_OPERATIONS = 100000 };

static void
generator_run(crew *c, const char *name)
{
    workload w;
    target t = { .workload = &w, .records = 10000, .seed = 7 };
    loop l = { .target = &t,
               .threads = GENERATOR_THREADS,
               .for_ns = UINT64_MAX / 4,
               .count = GENERATOR_OPERATIONS,
               .only = OPERATIONS };
    uint64_t before, counted;
    slice done;

    assert_true(workload_named(name, strlen(name), &w));
    draw_keys_prepare(&w.keys, t.records);
    assert_true(target_prepare(&t, GENERATOR_THREADS, false, false));
    assert_true(w.scenario->fill(&t));
    loop_run(c, &l, &done);
    before = allocations();
    loop_run(c, &l, &done);
    counted = allocations() - before;
    assert_int_equal(done.operations, GENERATOR_THREADS * GENERATOR_OPERATIONS);
    (void)printf("%s: %.0f ns, %llu allocations\n", name,
                 done.cpu_seconds * 1e9 / (double)done.operations, (unsigned long long)counted);
    assert_int_equal(counted, 0);
    assert_true(done.cpu_seconds * 1e9 / (double)done.operations < 1000);
    target_release(&t);
}

static void
test_an_operation_costs_little_and_allocates_nothing(void **state)
{
    crew *c = crew_new(GENERATOR_THREADS);

    (void)state;
    assert_non_null(c);
    for (size_t i = 0; i < sizeof generator_workloads / sizeof generator_workloads[0]; i++)
        generator_run(c, generator_workloads[i]);
    crew_free(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(
        test_an_operation_costs_little_and_allocates_nothing) };

    return cmocka_run_group_tests_name("generator", tests, NULL, NULL);
}
