/* Over all orders each side comes at each place equally often, and follows each other equally
 * often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "order.h"

enum { ORDER_MOST = 9 };

static void
order_check(uint32_t sides)
{
    const uint32_t orders = order_count(sides);
    uint32_t places[ORDER_MOST][ORDER_MOST], follows[ORDER_MOST][ORDER_MOST];

    memset(places, 0, sizeof places);
    memset(follows, 0, sizeof follows);
    for (uint32_t order = 0; order < orders; order++)
        for (uint32_t place = 0; place < sides; place++) {
            const uint32_t side = order_side(sides, order, place);

            assert_true(side < sides);
            places[side][place]++;
            if (place > 0)
                follows[order_side(sides, order, place - 1)][side]++;
        }
    for (uint32_t a = 0; a < sides; a++)
        for (uint32_t b = 0; b < sides; b++) {
            assert_int_equal(places[a][b], orders / sides);
            if (sides > 1)
                assert_int_equal(follows[a][b], a == b ? 0 : orders / sides);
        }
}

static void
test_orders_are_balanced(void **state)
{
    (void)state;
    for (uint32_t sides = 1; sides <= ORDER_MOST; sides++)
        order_check(sides);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_orders_are_balanced) };

    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
