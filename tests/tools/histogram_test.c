/* The latencies of a replay: exact below 128, to within 1 % above, whatever the values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "histogram.h"

static void
histogram_assert_about(uint64_t exact, uint64_t found)
{
    assert_true(found >= exact);
    assert_true(found - exact <= exact / 100);
}

static void
test_empty(void **state)
{
    static histogram h;

    (void)state;
    assert_int_equal(histogram_value(&h, 500, 1000), 0);
    assert_int_equal(histogram_value(&h, 1000, 1000), 0);
}

static void
test_percentiles(void **state)
{
    static histogram h;

    (void)state;
    for (uint64_t i = 1; i <= 100000; i++)
        histogram_add(&h, i * 1000);
    histogram_assert_about(50000000, histogram_value(&h, 500, 1000));
    histogram_assert_about(90000000, histogram_value(&h, 900, 1000));
    histogram_assert_about(99000000, histogram_value(&h, 990, 1000));
    histogram_assert_about(99900000, histogram_value(&h, 999, 1000));
    assert_int_equal(histogram_value(&h, 1000, 1000), 100000000);
    assert_int_equal(h.count, 100000);
}

static void
test_few_values(void **state)
{
    static histogram h;

    (void)state;
    for (uint64_t i = 1; i <= 10; i++)
        histogram_add(&h, i);
    assert_int_equal(histogram_value(&h, 500, 1000), 5);
    assert_int_equal(histogram_value(&h, 501, 1000), 6);
    assert_int_equal(histogram_value(&h, 999, 1000), 10);
}

static void
test_every_size(void **state)
{
    static const uint64_t values[] = { 0,         1, 127, 128, 255, 256, 257, 65535, UINT64_MAX / 3,
                                       UINT64_MAX };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        histogram *h = (histogram *)calloc(1, sizeof *h);

        assert_non_null(h);
        histogram_add(h, values[i]);
        histogram_add(h, UINT64_MAX);
        histogram_assert_about(values[i], histogram_value(h, 500, 1000));
        assert_true(histogram_value(h, 1000, 1000) == UINT64_MAX);
        free(h);
    }
}

static void
test_merge(void **state)
{
    static histogram a, b;

    (void)state;
    for (uint64_t i = 1; i <= 100; i++)
        histogram_add(i % 2 == 0 ? &a : &b, i);
    histogram_merge(&a, &b);
    assert_int_equal(a.count, 100);
    assert_int_equal(histogram_value(&a, 900, 1000), 90);
    assert_int_equal(histogram_value(&a, 1000, 1000), 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),      cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_few_values), cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_merge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
