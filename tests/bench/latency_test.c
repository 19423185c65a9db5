/* Whole slices drawn anew: two runs of the same show no difference, though operations of a slice
 * wait for each other; one that is twice as slow does. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "compare_latency.h"

enum { LATENCY_SLICES = 10, LATENCY_EACH = 400, LATENCY_TRIES = 100 };

static double
latency_part(uint64_t *chance)
{
    return (double)(numbers_random(chance) >> 11) * 0x1p-53;
}

/* Exponential times, in slices that are slower or faster as a whole. */
static json_t *
latency_run(double scale, uint64_t *chance)
{
    json_t *slices = json_array();

    for (int i = 0; i < LATENCY_SLICES; i++) {
        const double luck = exp(latency_part(chance) - 0.5);
        json_t *slice = json_array();

        for (int k = 0; k < LATENCY_EACH; k++) {
            const double ns = -log(1 - latency_part(chance)) * 1e6 * scale * luck;

            (void)json_array_append_new(slice, json_pack("[I, i]", (json_int_t)ns + 1, 1));
        }
        (void)json_array_append_new(slices, slice);
    }
    return json_pack("{s:o}", "response_slices", slices);
}

/* How often an interval holds 1. */
static int
latency_holds_one(double scale)
{
    uint64_t chance = 11;
    int times = 0;

    for (int i = 0; i < LATENCY_TRIES; i++) {
        json_t *before = latency_run(1, &chance), *after = latency_run(scale, &chance);
        const json_t *const results[2] = { before, after };
        interval found = { 1, 0, 0 };

        assert_true(compare_latency_interval(results, &found));
        times += found.low <= 1 && found.high >= 1;
        json_decref(before);
        json_decref(after);
    }
    (void)printf("%.2f: %d of %d\n", scale, times, LATENCY_TRIES);
    return times;
}

static void
test_two_of_the_same_show_no_difference(void **state)
{
    (void)state;
    assert_true(latency_holds_one(1) >= LATENCY_TRIES * 9 / 10);
}

static void
test_twice_as_slow_is_found(void **state)
{
    (void)state;
    assert_true(latency_holds_one(2) <= LATENCY_TRIES / 10);
}

static void
test_too_few_slices_have_no_interval(void **state)
{
    uint64_t chance = 3;
    json_t *run = latency_run(1, &chance);
    const json_t *const results[2] = { run, run };
    interval found = { 1, 0, 0 };

    (void)state;
    while (json_array_size(json_object_get(run, "response_slices")) >= COMPARE_LEAST_SLICES)
        (void)json_array_remove(json_object_get(run, "response_slices"), 0);
    assert_false(compare_latency_interval(results, &found));
    json_decref(run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_of_the_same_show_no_difference),
        cmocka_unit_test(test_twice_as_slow_is_found),
        cmocka_unit_test(test_too_few_slices_have_no_interval),
    };

    return cmocka_run_group_tests_name("latency", tests, NULL, NULL);
}
