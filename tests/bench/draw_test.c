/* Keys come as their distribution says, sizes stay within their bounds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "draw.h"

enum { DRAW_COUNT = 1000, DRAW_TIMES = 1000000 };

static uint32_t draw_seen[DRAW_COUNT];

static void
draw_many(const char *how)
{
    draw_stream stream = { .random = 7 };
    draw_keys keys;

    memset(draw_seen, 0, sizeof draw_seen);
    assert_true(draw_keys_parse(how, &keys));
    draw_keys_prepare(&keys, DRAW_COUNT);
    for (int i = 0; i < DRAW_TIMES; i++) {
        const uint64_t key = draw_key(&keys, &stream, 50, 50 + DRAW_COUNT);

        assert_in_range(key, 50, 50 + DRAW_COUNT - 1);
        draw_seen[key - 50]++;
    }
}

static int
draw_more(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x < y) - (x > y);
}

static uint32_t
draw_sum(uint32_t from, uint32_t to)
{
    uint32_t sum = 0;

    while (from < to)
        sum += draw_seen[from++];
    return sum;
}

static void
test_uniform_draws_each_key_alike(void **state)
{
    (void)state;
    draw_many("uniform");
    for (int i = 0; i < DRAW_COUNT; i++)
        assert_in_range(draw_seen[i], 800, 1200);
}

/* Of 1,000 keys with a skew of 0.99 the first has 1 / zeta(1000) = 13 of 100. */
static void
test_zipfian_draws_the_first_as_often_as_the_law_says(void **state)
{
    double zeta = 0;

    (void)state;
    for (int i = 1; i <= DRAW_COUNT; i++)
        zeta += pow(i, -0.99);
    draw_many("zipfian");
    qsort(draw_seen, DRAW_COUNT, sizeof draw_seen[0], draw_more);
    assert_in_range(draw_seen[0], DRAW_TIMES / zeta * 0.97, DRAW_TIMES / zeta * 1.05);
    assert_true(draw_sum(0, 100) > DRAW_TIMES * 6 / 10);
}

static void
test_latest_prefers_the_newest(void **state)
{
    (void)state;
    draw_many("latest");
    assert_true(draw_seen[DRAW_COUNT - 1] > draw_seen[DRAW_COUNT - 2]);
    assert_true(draw_sum(DRAW_COUNT - 100, DRAW_COUNT) > DRAW_TIMES * 6 / 10);
}

static void
test_hotspot_gives_80_of_100_to_a_fifth(void **state)
{
    (void)state;
    draw_many("hotspot");
    assert_in_range(draw_sum(0, DRAW_COUNT / 5), DRAW_TIMES * 79 / 100, DRAW_TIMES * 81 / 100);
}

static void
test_sequential_draws_each_in_turn(void **state)
{
    (void)state;
    draw_many("sequential");
    for (int i = 0; i < DRAW_COUNT; i++)
        assert_int_equal(draw_seen[i], DRAW_TIMES / DRAW_COUNT);
}

static void
test_gaps_are_exponential_with_that_mean(void **state)
{
    draw_stream stream = { .random = 7 };
    double sum = 0, long_ones = 0;

    (void)state;
    for (int i = 0; i < DRAW_TIMES; i++) {
        const double gap = draw_gap_ns(&stream, 100);

        sum += gap;
        long_ones += gap > 300;
    }
    assert_in_range(sum / DRAW_TIMES * 10, 990, 1010);
    assert_in_range(long_ones / DRAW_TIMES * 10000, 480, 516); /* e^-3 = 0.0498 */
}

static void
test_sizes_stay_within_their_bounds(void **state)
{
    draw_stream stream = { .random = 7 };
    draw_sizes sizes;
    double sum = 0;

    (void)state;
    assert_true(draw_sizes_parse("log:16-4096", 5000, &sizes));
    for (int i = 0; i < DRAW_TIMES; i++) {
        const uint32_t size = draw_size(&sizes, draw_below(&stream, UINT64_MAX));

        assert_in_range(size, 16, 4096);
        sum += size;
    }
    assert_true(fabs(sum / DRAW_TIMES / draw_sizes_mean(&sizes) - 1) < 0.02);
}

static void
test_what_is_no_distribution_is_refused(void **state)
{
    static const char *const keys[] = { "", "unknown", "uniform:0.5", "zipfian:1", "zipfian:x" };
    static const char *const sizes[] = { "", "x", "5-", "7-6", "101", "log:0-5", "-5" };
    draw_keys k;
    draw_sizes s;

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_false(draw_keys_parse(keys[i], &k));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_false(draw_sizes_parse(sizes[i], 100, &s));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uniform_draws_each_key_alike),
        cmocka_unit_test(test_zipfian_draws_the_first_as_often_as_the_law_says),
        cmocka_unit_test(test_latest_prefers_the_newest),
        cmocka_unit_test(test_hotspot_gives_80_of_100_to_a_fifth),
        cmocka_unit_test(test_sequential_draws_each_in_turn),
        cmocka_unit_test(test_gaps_are_exponential_with_that_mean),
        cmocka_unit_test(test_sizes_stay_within_their_bounds),
        cmocka_unit_test(test_what_is_no_distribution_is_refused),
    };

    return cmocka_run_group_tests_name("draw", tests, NULL, NULL);
}
