/* Statuses: names, texts, retryability, and the detail of an error. */
#include "unit.h"

#include "core/error.h"

static void
every_status_has_its_symbol_and_its_text(void **state)
{
    (void)state;
#define CHECK(symbol, number, retryable, text)                                                     \
    assert_int_equal(TENON_##symbol, number);                                                      \
    assert_string_equal(tenon_status_name(TENON_##symbol), #symbol);                               \
    assert_string_equal(tenon_status_text(TENON_##symbol), text);                                  \
    assert_int_equal(tenon_status_retryable(TENON_##symbol), retryable);
    TENON_STATUS_MAP(CHECK)
#undef CHECK
}

static void
numbers_are_without_gaps_from_zero(void **state)
{
    static const int32_t numbers[] = {
#define NUMBER(symbol, number, retryable, text) (number),
        TENON_STATUS_MAP(NUMBER)
#undef NUMBER
    };
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(numbers); i++)
        assert_int_equal(numbers[i], i);
}

static void
an_unknown_status_has_constant_texts_and_is_not_retryable(void **state)
{
    static const tenon_status unknown[] = { -1, 26, 1000, INT32_MIN, INT32_MAX };
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(unknown); i++) {
        assert_string_equal(tenon_status_name(unknown[i]), "?");
        assert_ptr_equal(tenon_status_text(unknown[i]), tenon_status_text(-2));
        assert_false(tenon_status_retryable(unknown[i]));
    }
}

static void
only_conflict_and_busy_are_worth_another_attempt(void **state)
{
    tenon_status st;

    (void)state;
    for (st = 0; strcmp(tenon_status_name(st), "?") != 0; st++)
        assert_int_equal(tenon_status_retryable(st), st == TENON_CONFLICT || st == TENON_BUSY);
}

static void
a_failure_fills_every_field(void **state)
{
    tenon_error err;

    (void)state;
    memset(&err, 0x5a, sizeof err);
    assert_int_equal(tni_fail(&err, TENON_FULL, "users", "row %d of %s", 7, "users"), TENON_FULL);
    assert_int_equal(err.status, TENON_FULL);
    assert_int_equal(err.native, 0);
    assert_int_equal(err.effect, TENON_EFFECT_OPEN);
    assert_string_equal(err.sqlstate, "");
    assert_string_equal(err.driver, "");
    assert_string_equal(err.object, "users");
    assert_string_equal(err.message, "row 7 of users");
}

static void
a_failure_without_detail_is_its_status(void **state)
{
    tenon_error err;

    (void)state;
    assert_int_equal(tni_fail(NULL, TENON_IO, "users", "not seen"), TENON_IO);
    assert_int_equal(tni_no_memory(NULL, "a test"), TENON_NO_MEMORY);
    assert_int_equal(tni_no_memory(&err, "a test"), TENON_NO_MEMORY);
    assert_string_equal(err.message, "no memory for a test");
    assert_string_equal(err.object, "");
}

static void
a_long_text_is_cut_between_characters(void **state)
{
    char text[400] = "";
    tenon_error err;
    size_t i, shift;

    (void)state;
    for (shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xe2\x82\xac", 4); /* the euro sign */
        assert_int_equal(tni_fail(&err, TENON_IO, text, "%s", text), TENON_IO);
        assert_true(strlen(err.message) >= sizeof err.message - 3);
        assert_true(strlen(err.object) >= sizeof err.object - 3);
        assert_int_equal((strlen(err.message) - shift) % 3, 0);
        assert_int_equal((strlen(err.object) - shift) % 3, 0);
        assert_memory_equal(err.message, text, strlen(err.message));
        assert_memory_equal(err.object, text, strlen(err.object));
    }
}

static void
a_message_may_be_made_of_the_one_before(void **state)
{
    tenon_error err;

    (void)state;
    (void)tni_fail(&err, TENON_IO, "file", "read failed");
    (void)tni_fail(&err, TENON_IO, err.object, "while opening: %s", err.message);
    assert_string_equal(err.object, "file");
    assert_string_equal(err.message, "while opening: read failed");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_symbol_and_its_text),
        cmocka_unit_test(numbers_are_without_gaps_from_zero),
        cmocka_unit_test(an_unknown_status_has_constant_texts_and_is_not_retryable),
        cmocka_unit_test(only_conflict_and_busy_are_worth_another_attempt),
        cmocka_unit_test(a_failure_fills_every_field),
        cmocka_unit_test(a_failure_without_detail_is_its_status),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(a_message_may_be_made_of_the_one_before),
    };

    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
