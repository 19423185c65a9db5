/* Parameters: what a statement may be given, and what is said of the rest. */
#include "people.h"

#include <math.h>

static const tenon_query add_person = {
    .name = "add_person",
    .table = &people,
    .kind = TENON_INSERT,
    .columns = TENON_COLUMNS(P_ID, P_NAME, P_AGE, P_OK, P_SCORE, P_DATA, P_AT, P_NICK),
};

static const tenon_query find_people = {
    .table = &people,
    .kind = TENON_SELECT,
    .columns = TENON_COLUMNS(P_ID),
    .where = TENON_WHERE(TENON_EQ(P_NAME, 0), TENON_GT(P_AGE, 1)),
};

static const tenon_query page_people = {
    .name = "page_people",
    .table = &people,
    .kind = TENON_SELECT,
    .columns = TENON_COLUMNS(P_ID),
    .order = TENON_ORDER(TENON_ASC(P_AT), TENON_ASC(P_ID)),
    .after_param = TENON_PARAM(0),
    .limit_param = TENON_PARAM(2),
};

static const tenon_query age_people = {
    .name = "age_people",
    .table = &people,
    .kind = TENON_UPDATE,
    .set = TENON_SET(TENON_PLUS(P_AGE, 0), TENON_PLUS(P_SCORE, 1), TENON_TO(P_NICK, 2)),
};

static const tenon_query count_people = { .table = &people, .kind = TENON_COUNT };

static const tenon_uuid an_id = { .bytes = { 1, 2, 3 } };

/* Values that pass for `add_person`. */
static void
params_good(tenon_value *params)
{
    params[P_ID] = tenon_id(&an_id);
    params[P_NAME] = tenon_text("12345678");
    params[P_AGE] = tenon_int(INT64_MIN);
    params[P_OK] = tenon_bool(true);
    params[P_SCORE] = tenon_real(INFINITY);
    params[P_DATA] = tenon_blob("\xff\x00\xfe", 4);
    params[P_AT] = tenon_time(-1);
    params[P_NICK] = tenon_text("longer than eight bytes, for it has no limit");
}

static tni_query *
params_query(const tenon_query *query, tenon_drv_table *table)
{
    tni_query *q;

    assert_int_equal(tni_query_new(query, table, &q, NULL), TENON_OK);
    return q;
}

static void
values_of_the_right_types_pass(void **state)
{
    tenon_drv_table *table = people_table();
    tni_query *q = params_query(&add_person, table);
    tenon_value params[8];

    (void)state;
    params_good(params);
    assert_int_equal(tni_params_check(q, params, NULL), TENON_OK);
    params[P_NAME] = tenon_text("");
    params[P_DATA] = tenon_blob(NULL, 0);
    params[P_OK] = tenon_bool(false);
    params[P_AGE] = params[P_NICK] = tenon_null();
    assert_int_equal(tni_params_check(q, params, NULL), TENON_OK);
    free(q);
    q = params_query(&count_people, table);
    assert_int_equal(tni_params_check(q, NULL, NULL), TENON_OK);
    free(q);
    free(table);
}

static void
a_wrong_value_is_refused_with_its_column_and_its_reason(void **state)
{
    const tenon_uuid id = an_id;
    const struct {
        uint32_t number;
        tenon_value value;
        tenon_status status;
        const char *object, *reason;
    } cases[] = {
        { P_ID, tenon_null(), TENON_CONSTRAINT, "people.id",
          "is NULL, and the column is not_null" },
        { P_AT, tenon_null(), TENON_CONSTRAINT, "people.at",
          "is NULL, and the column is not_null" },
        { P_ID, tenon_blob(&id, 16), TENON_INVALID, "people.id", "is blob, not uuid" },
        { P_ID,
          { .type = TENON_UUID, .len = 15, .as = { .data = &id } },
          TENON_INVALID,
          "people.id",
          "does not have 16 bytes" },
        { P_ID, { .type = TENON_UUID, .len = 16 }, TENON_INVALID, "people.id", "16 bytes" },
        { P_NAME, tenon_text("123456789"), TENON_INVALID, "people.name", "is longer than" },
        { P_NAME, tenon_text_n("a\0b", 3), TENON_INVALID, "people.name", "NUL byte" },
        { P_NAME, tenon_text("\xc3"), TENON_INVALID, "people.name", "is not UTF-8" },
        { P_NAME, tenon_blob("abc", 3), TENON_INVALID, "people.name", "is blob, not text" },
        { P_NAME, { .type = TENON_TEXT, .len = 1 }, TENON_INVALID, "people.name", "no bytes" },
        { P_AGE, tenon_bool(true), TENON_INVALID, "people.age", "is bool, not int" },
        { P_AGE, tenon_time(1), TENON_INVALID, "people.age", "is time, not int" },
        { P_AGE, tenon_real(1), TENON_INVALID, "people.age", "is real, not int" },
        { P_OK, tenon_int(1), TENON_INVALID, "people.ok", "is int, not bool" },
        { P_OK,
          { .type = TENON_BOOL, .as = { .i = 2 } },
          TENON_INVALID,
          "people.ok",
          "neither 0 nor 1" },
        { P_SCORE, tenon_real(NAN), TENON_INVALID, "people.score", "is not a number" },
        { P_SCORE, tenon_int(1), TENON_INVALID, "people.score", "is int, not real" },
        { P_DATA, tenon_blob("12345", 5), TENON_INVALID, "people.data", "is longer than" },
        { P_DATA, tenon_text("1"), TENON_INVALID, "people.data", "is text, not blob" },
        { P_DATA, { .type = TENON_BLOB, .len = 1 }, TENON_INVALID, "people.data", "no bytes" },
        { P_AT, tenon_int(1), TENON_INVALID, "people.at", "is int, not time" },
        { P_NICK, { .type = 99 }, TENON_INVALID, "people.nick", "is ?, not text" },
    };
    tenon_drv_table *table = people_table();
    tni_query *q = params_query(&add_person, table);
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(cases); i++) {
        tenon_value params[8];
        tenon_error err = { 0 };

        params_good(params);
        params[cases[i].number] = cases[i].value;
        assert_int_equal(tni_params_check(q, params, &err), cases[i].status);
        assert_int_equal(err.status, cases[i].status);
        assert_string_equal(err.object, cases[i].object);
        if (strstr(err.message, cases[i].reason) == NULL ||
            strstr(err.message, "query add_person") == NULL)
            fail_msg("case %u: wanted \"%s\", got \"%s\"", (unsigned)i, cases[i].reason,
                     err.message);
    }
    free(q);
    free(table);
}

static void
missing_parameters_are_refused(void **state)
{
    tenon_drv_table *table = people_table();
    tni_query *q = params_query(&find_people, table);
    tenon_error err;

    (void)state;
    assert_int_equal(tni_params_check(q, NULL, &err), TENON_INVALID);
    assert_string_equal(err.object, "people");
    assert_non_null(strstr(err.message, "takes 2 parameters and got none"));
    free(q);
    free(table);
}

static void
null_may_be_compared_with_any_column(void **state)
{
    const tenon_value params[] = { tenon_null(), tenon_null() };
    tenon_drv_table *table = people_table();
    tni_query *q = params_query(&find_people, table);

    (void)state;
    assert_int_equal(tni_params_check(q, params, NULL), TENON_OK);
    free(q);
    free(table);
}

static void
a_keyset_is_all_there_or_begins_with_null(void **state)
{
    const struct {
        tenon_value after_at, after_id, limit;
        tenon_status status;
        const char *reason;
    } cases[] = {
        { tenon_time(5), tenon_id(&an_id), tenon_int(0), TENON_OK, "" },
        { tenon_null(), tenon_null(), tenon_int(10), TENON_OK, "" },
        { tenon_null(), tenon_id(&an_id), tenon_int(10), TENON_OK, "" },
        { tenon_time(5), tenon_null(), tenon_int(1), TENON_INVALID, "the keyset's first" },
        { tenon_int(5), tenon_id(&an_id), tenon_int(1), TENON_INVALID, "is int, not time" },
        { tenon_null(), tenon_int(1), tenon_int(1), TENON_INVALID, "is int, not uuid" },
        { tenon_time(5), tenon_id(&an_id), tenon_int(-1), TENON_INVALID, "is a limit below 0" },
        { tenon_time(5), tenon_id(&an_id), tenon_null(), TENON_INVALID, "is a limit of NULL" },
        { tenon_time(5), tenon_id(&an_id), tenon_bool(true), TENON_INVALID, "is bool, not int" },
    };
    tenon_drv_table *table = people_table();
    tni_query *q = params_query(&page_people, table);
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(cases); i++) {
        const tenon_value params[] = { cases[i].after_at, cases[i].after_id, cases[i].limit };
        tenon_error err = { 0 };

        assert_int_equal(tni_params_check(q, params, &err), cases[i].status);
        if (strstr(err.message, cases[i].reason) == NULL)
            fail_msg("case %u: wanted \"%s\", got \"%s\"", (unsigned)i, cases[i].reason,
                     err.message);
    }
    free(q);
    free(table);
}

static void
an_addend_is_a_finite_number(void **state)
{
    const struct {
        tenon_value age, score, nick;
        tenon_status status;
        const char *reason;
    } cases[] = {
        { tenon_int(INT64_MAX), tenon_real(-1e308), tenon_text("x"), TENON_OK, "" },
        { tenon_int(1), tenon_real(0), tenon_null(), TENON_OK, "" },
        { tenon_int(1), tenon_real(INFINITY), tenon_null(), TENON_INVALID, "an infinite number" },
        { tenon_int(1), tenon_real(-INFINITY), tenon_null(), TENON_INVALID, "an infinite number" },
        { tenon_int(1), tenon_real(NAN), tenon_null(), TENON_INVALID, "is not a number" },
        { tenon_null(), tenon_real(1), tenon_null(), TENON_INVALID, "adds NULL" },
        { tenon_int(1), tenon_null(), tenon_null(), TENON_CONSTRAINT, "is NULL" },
    };
    tenon_drv_table *table = people_table();
    tni_query *q = params_query(&age_people, table);
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(cases); i++) {
        const tenon_value params[] = { cases[i].age, cases[i].score, cases[i].nick };
        tenon_error err = { 0 };

        assert_int_equal(tni_params_check(q, params, &err), cases[i].status);
        if (strstr(err.message, cases[i].reason) == NULL)
            fail_msg("case %u: wanted \"%s\", got \"%s\"", (unsigned)i, cases[i].reason,
                     err.message);
    }
    free(q);
    free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_the_right_types_pass),
        cmocka_unit_test(a_wrong_value_is_refused_with_its_column_and_its_reason),
        cmocka_unit_test(missing_parameters_are_refused),
        cmocka_unit_test(null_may_be_compared_with_any_column),
        cmocka_unit_test(a_keyset_is_all_there_or_begins_with_null),
        cmocka_unit_test(an_addend_is_a_finite_number),
    };

    return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
