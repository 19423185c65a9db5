/* Copies that an engine lends are at places of their own until they are taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kits/kv/kv.h"

static void
copies_stay_until_they_are_taken_back(void **state)
{
    tenon_kv_loans loans = { NULL };
    tenon_kv_bytes a, b, none, also_none;
    tenon_error err = { 0 };
    char text[] = "first";

    (void)state;
    assert_int_equal(tenon_kv_lend(&loans, text, 5, &a, &err), TENON_OK);
    memcpy(text, "other", 5);
    assert_int_equal(tenon_kv_lend(&loans, text, 5, &b, &err), TENON_OK);
    assert_int_equal(tenon_kv_lend(&loans, NULL, 0, &none, &err), TENON_OK);
    assert_int_equal(tenon_kv_lend(&loans, NULL, 0, &also_none, &err), TENON_OK);
    assert_ptr_not_equal(none.data, also_none.data);
    assert_memory_equal(a.data, "first", 5);
    tenon_kv_take_back(&loans, a.data);
    tenon_kv_take_back(&loans, text); /* which is none */
    assert_memory_equal(b.data, "other", 5);
    tenon_kv_take_back(&loans, none.data);
    assert_int_equal(also_none.len, 0);
    tenon_kv_take_back(&loans, NULL);
    assert_null(loans.newest);
    tenon_kv_take_back(&loans, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_stay_until_they_are_taken_back),
    };

    return cmocka_run_group_tests_name("kv.loans", tests, NULL, NULL);
}
