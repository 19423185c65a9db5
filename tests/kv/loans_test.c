/* What an engine lends stays where it is until it is taken back. */
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

/* What was handed over, and how often it was freed. */
typedef struct owner {
    char bytes[8];
    int released;
} owner;

static void
owner_release(void *of)
{
    ((owner *)of)->released++;
}

static void
what_is_handed_over_is_freed_once_when_it_is_taken_back(void **state)
{
    owner first = { .bytes = "first" }, again = { .bytes = "" }, last = { .bytes = "last" };
    tenon_kv_loans loans = { NULL };
    tenon_kv_bytes a, b, c, copy;
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(tenon_kv_adopt(&loans, first.bytes, 5, &first, owner_release, &a, &err),
                     TENON_OK);
    assert_int_equal(tenon_kv_lend(&loans, "copy", 4, &copy, &err), TENON_OK);
    assert_int_equal(/* the same bytes, held twice */
                     tenon_kv_adopt(&loans, first.bytes, 5, &again, owner_release, &b, &err),
                     TENON_OK);
    assert_int_equal(tenon_kv_adopt(&loans, last.bytes, 4, &last, owner_release, &c, &err),
                     TENON_OK);
    assert_ptr_equal(a.data, first.bytes);
    assert_int_equal(a.len, 5);
    tenon_kv_take_back(&loans, a.data);
    assert_int_equal(first.released + again.released, 1);
    tenon_kv_take_back(&loans, copy.data);
    tenon_kv_take_back(&loans, b.data);
    assert_int_equal(first.released, 1);
    assert_int_equal(again.released, 1);
    assert_int_equal(last.released, 0);
    tenon_kv_take_back(&loans, NULL);
    assert_int_equal(last.released, 1);
    assert_int_equal(first.released + again.released, 2);
    assert_null(loans.newest);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_stay_until_they_are_taken_back),
        cmocka_unit_test(what_is_handed_over_is_freed_once_when_it_is_taken_back),
    };

    return cmocka_run_group_tests_name("kv.loans", tests, NULL, NULL);
}
