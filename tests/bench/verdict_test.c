/* What is within the noise is no difference; 5 % beyond it is one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cell.h"

enum { VERDICT_ROUNDS = 200, VERDICT_TRIES = 60 };

/* Ratios of two rates, each with a noise of 20 %, around a true ratio. */
static interval
verdict_draw(double ratio, uint64_t *state)
{
    double values[VERDICT_ROUNDS];

    for (int i = 0; i < VERDICT_ROUNDS; i++) {
        const double a = (double)(numbers_random(state) >> 11) * 0x1p-53;
        const double b = (double)(numbers_random(state) >> 11) * 0x1p-53;

        values[i] = ratio * exp(0.35 * (a - 0.5)) / exp(0.35 * (b - 0.5));
    }
    return numbers_interval(values, VERDICT_ROUNDS, state);
}

static int
verdict_times(double ratio, verdict wanted)
{
    uint64_t chance = 5;
    int times = 0;

    for (int i = 0; i < VERDICT_TRIES; i++) {
        const interval control = verdict_draw(1, &chance), found = verdict_draw(ratio, &chance);

        times += verdict_of(&found, &control) == wanted;
    }
    return times;
}

static void
test_two_of_the_same_show_no_difference(void **state)
{
    (void)state;
    assert_true(verdict_times(1, VERDICT_SAME) >= VERDICT_TRIES * 19 / 20);
}

static void
test_seven_percent_are_found(void **state)
{
    (void)state;
    assert_true(verdict_times(0.93, VERDICT_SLOWER) >= VERDICT_TRIES * 19 / 20);
    assert_true(verdict_times(1.07, VERDICT_FASTER) >= VERDICT_TRIES * 19 / 20);
}

static void
test_the_noise_floor_hides_what_is_smaller(void **state)
{
    const interval ratio = { 0.95, 0.94, 0.96 }, quiet = { 1, 0.99, 1.01 },
                   loud = { 1, 0.93, 1.04 };

    (void)state;
    assert_int_equal(verdict_of(&ratio, &quiet), VERDICT_SLOWER);
    assert_int_equal(verdict_of(&ratio, &loud), VERDICT_SAME);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_of_the_same_show_no_difference),
        cmocka_unit_test(test_seven_percent_are_found),
        cmocka_unit_test(test_the_noise_floor_hides_what_is_smaller),
    };

    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
