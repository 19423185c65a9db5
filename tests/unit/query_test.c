/* Queries: every rule refuses what breaks it, and says which; what drivers get is the application's
 * data, completed. */
#include "people.h"

static const tenon_condition many_conditions[65];

#define SELECT(...) .kind = TENON_SELECT, .columns = TENON_COLUMNS(P_ID), __VA_ARGS__
#define INSERT(...) .kind = TENON_INSERT, .columns = TENON_COLUMNS(__VA_ARGS__)
#define UPDATE(...) .kind = TENON_UPDATE, .set = TENON_SET(__VA_ARGS__)
#define UPSERT(...)                                                                                \
    INSERT(P_ID, P_NAME, P_AT), .on_conflict = TENON_ON_CONFLICT_UPDATE,                           \
                                .set = TENON_SET(__VA_ARGS__)

static const struct {
    const char *rule;
    tenon_query query;
} bad_queries[] = {
    { "there is no kind 0", { .kind = 0 } },
    { "there is no kind 6", { .kind = 6 } },
    { "a SELECT needs a column", { .kind = TENON_SELECT } },
    { "columns names column 8, which does not exist",
      { .kind = TENON_SELECT, .columns = TENON_COLUMNS(P_ID, 8) } },
    { "columns has 65 entries", { .kind = TENON_SELECT, .columns = { .count = 65 } } },
    { "columns has 1 entries, more than 64 or none listed",
      { .kind = TENON_SELECT, .columns = { .count = 1 } } },
    { "set has 1 entries", { .kind = TENON_UPDATE, .set = { .count = 1 } } },
    { "order has 1 entries", { SELECT(.order = { .count = 1 }) } },
    { "where has 65 entries", { SELECT(.where = { .list = many_conditions, .count = 65 }) } },
    { "columns are for SELECT and INSERT",
      { .kind = TENON_DELETE, .columns = TENON_COLUMNS(P_ID) } },
    { "columns are for SELECT and INSERT",
      { .kind = TENON_COUNT, .columns = TENON_COLUMNS(P_ID) } },
    { "on_conflict is for INSERT", { SELECT(.on_conflict = TENON_ON_CONFLICT_IGNORE) } },
    { "there is no on_conflict 3", { INSERT(P_ID, P_NAME, P_AT), .on_conflict = 3 } },
    { "set is for UPDATE, and INSERT with ON_CONFLICT_UPDATE",
      { .kind = TENON_DELETE, .set = TENON_SET(TENON_TO(P_AGE, 0)) } },
    { "set is for UPDATE, and INSERT with ON_CONFLICT_UPDATE",
      { INSERT(P_ID, P_NAME, P_AT), .on_conflict = TENON_ON_CONFLICT_IGNORE,
        .set = TENON_SET(TENON_TO(P_AGE, 3)) } },
    { "set is empty", { .kind = TENON_UPDATE } },
    { "set is empty", { INSERT(P_ID, P_NAME, P_AT), .on_conflict = TENON_ON_CONFLICT_UPDATE } },
    { "conflict_index is for INSERT with ON_CONFLICT_UPDATE",
      { SELECT(.conflict_index = "by_name") } },
    { "conflict_index is for INSERT with ON_CONFLICT_UPDATE",
      { INSERT(P_ID, P_NAME, P_AT), .on_conflict = TENON_ON_CONFLICT_IGNORE,
        .conflict_index = "by_name" } },
    { "conflict_index nothing does not exist",
      { UPSERT(TENON_TO(P_AGE, 3)), .conflict_index = "nothing" } },
    { "conflict_index by_age is not unique",
      { UPSERT(TENON_TO(P_AGE, 3)), .conflict_index = "by_age" } },
    { "conflict_index by_nick covers some rows only",
      { UPSERT(TENON_TO(P_AGE, 3)), .conflict_index = "by_nick" } },
    { "an INSERT has no where",
      { INSERT(P_ID, P_NAME, P_AT), .where = TENON_WHERE(TENON_EQ(P_ID, 3)) } },
    { "order is for SELECT", { .kind = TENON_COUNT, .order = TENON_ORDER(TENON_ASC(P_ID)) } },
    { "limit and limit_param are for SELECT", { .kind = TENON_DELETE, .limit = 1 } },
    { "limit and limit_param are for SELECT",
      { .kind = TENON_COUNT, .limit_param = TENON_PARAM(0) } },
    { "after_param is for SELECT", { .kind = TENON_DELETE, .after_param = TENON_PARAM(0) } },
    { "limit and limit_param are both given",
      { SELECT(.limit = 1, .limit_param = TENON_PARAM(0)) } },
    { "columns names column 99, which does not exist", { INSERT(P_ID, P_NAME, P_AT, 99) } },
    { "columns names name twice", { INSERT(P_ID, P_NAME, P_AT, P_NAME) } },
    { "at is not given, is not_null and has no default value", { INSERT(P_ID, P_NAME) } },
    { "set names column 8, which does not exist", { UPDATE(TENON_TO(8, 0)) } },
    { "set changes id, part of the primary key", { UPDATE(TENON_TO(P_ID, 0)) } },
    { "set changes id, part of the primary key", { UPSERT(TENON_TO(P_ID, 0)) } },
    { "set changes age twice", { UPDATE(TENON_TO(P_AGE, 0), TENON_PLUS(P_AGE, 1)) } },
    { "set adds to name, which is text", { UPDATE(TENON_PLUS(P_NAME, 0)) } },
    { "set adds to at, which is time", { UPDATE(TENON_PLUS(P_AT, 0)) } },
    { "set makes name NULL, which is not_null", { UPDATE(TENON_TO_NULL(P_NAME)) } },
    { "set makes age NULL and names a parameter",
      { UPDATE({ .column = P_AGE, .how = TENON_SET_TO_NULL, .param = 1 }) } },
    { "set of age: there is no way 0", { UPDATE({ .column = P_AGE }) } },
    { "where names column 8, which does not exist",
      { SELECT(.where = TENON_WHERE(TENON_EQ(8, 0))) } },
    { "where: there is no operator 0", { SELECT(.where = TENON_WHERE({ .column = P_AGE })) } },
    { "where: there is no operator 11",
      { SELECT(.where = TENON_WHERE(TENON_COMPARE(P_AGE, 11, 0))) } },
    { "PREFIX is for text and blob, and age is int",
      { SELECT(.where = TENON_WHERE(TENON_PREFIX(P_AGE, 0))) } },
    { "ok is bool, which has only = and !=", { SELECT(.where = TENON_WHERE(TENON_LT(P_OK, 0))) } },
    { "ok is bool, which has only = and !=",
      { SELECT(.where = TENON_WHERE(TENON_IN(P_OK, 0, 2))) } },
    { "IN of age needs parameters", { SELECT(.where = TENON_WHERE(TENON_IN(P_AGE, 0, 0))) } },
    { "IN of age needs parameters",
      { SELECT(.where = TENON_WHERE(TENON_IN(P_AGE, TENON_NO_PARAM, 2))) } },
    { "count on age is for IN",
      { SELECT(.where = TENON_WHERE(
                   { .column = P_AGE, .op = TENON_OP_EQ, .param = 0, .count = 2 })) } },
    { "IS NULL and NOT NULL of age take no parameter",
      { SELECT(.where = TENON_WHERE({ .column = P_AGE, .op = TENON_OP_IS_NULL, .param = 0 })) } },
    { "the constant for age does not have the column's type",
      { SELECT(.where = TENON_WHERE(TENON_EQ_TEXT(P_AGE, "1"))) } },
    { "the constant for age does not have the column's type",
      { SELECT(.where = TENON_WHERE(TENON_EQ(P_AGE, TENON_NO_PARAM))) } },
    { "the constant for name is longer than the column's max_bytes",
      { SELECT(.where = TENON_WHERE(TENON_EQ_TEXT(P_NAME, "longer than 8"))) } },
    { "parameter 0 is used as int and as text",
      { SELECT(.where = TENON_WHERE(TENON_EQ(P_AGE, 0), TENON_EQ(P_NAME, 0))) } },
    { "parameter 0 is used as time and as int",
      { SELECT(.where = TENON_WHERE(TENON_EQ(P_AT, 0)), .limit_param = TENON_PARAM(0)) } },
    { "parameter 1 is not used, and 2 is",
      { SELECT(.where = TENON_WHERE(TENON_EQ(P_AGE, 0), TENON_EQ(P_NAME, 2))) } },
    { "parameter 0 is not used, and 1 is", { SELECT(.limit_param = TENON_PARAM(1)) } },
    { "parameter 3 is not used, and 4 is", { UPSERT(TENON_TO(P_AGE, 4)) } },
    { "parameter 65000 is beyond the", { SELECT(.where = TENON_WHERE(TENON_EQ(P_AGE, 65000))) } },
    { "is beyond the", { SELECT(.where = TENON_WHERE(TENON_IN(P_AGE, 65000, 65000))) } },
    { "order names column 8, which does not exist",
      { SELECT(.order = TENON_ORDER(TENON_ASC(8))) } },
    { "order names age twice",
      { SELECT(.order = TENON_ORDER(TENON_ASC(P_AGE), TENON_DESC(P_AGE))) } },
    { "after_param needs an order", { SELECT(.after_param = TENON_PARAM(0)) } },
    { "after_param needs an order of one direction, and id has the other",
      { SELECT(.order = TENON_ORDER(TENON_ASC(P_AT), TENON_DESC(P_ID)),
               .after_param = TENON_PARAM(0)) } },
    { "after_param needs an order without nullable columns, and age is one",
      { SELECT(.order = TENON_ORDER(TENON_ASC(P_AGE), TENON_ASC(P_ID)),
               .after_param = TENON_PARAM(0)) } },
};

static void
a_query_that_breaks_a_rule_is_refused_with_its_name_its_table_and_that_rule(void **state)
{
    tenon_drv_table *table = people_table();
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(bad_queries); i++) {
        tni_query *out = (tni_query *)(void *)&out;
        tenon_query query = bad_queries[i].query;
        tenon_error err = { 0 };

        query.table = &people;
        assert_int_equal(tni_query_new(&query, table, &out, &err), TENON_INVALID);
        assert_null(out);
        assert_int_equal(strncmp(err.object, "people", 6), 0);
        assert_int_equal(strncmp(err.message, "query ? on table people: ", 25), 0);
        if (strstr(err.message, bad_queries[i].rule) == NULL)
            fail_msg("case %u: wanted \"%s\", got \"%s\"", (unsigned)i, bad_queries[i].rule,
                     err.message);
        query.name = "wrong";
        assert_int_equal(tni_query_new(&query, table, &out, NULL), TENON_INVALID);
        assert_int_equal(tni_query_new(&query, table, &out, &err), TENON_INVALID);
        assert_int_equal(strncmp(err.message, "query wrong on table people: ", 29), 0);
    }
    free(table);
}

static const tenon_query add_person = { .name = "add",
                                        .table = &people,
                                        INSERT(P_AT, P_ID, P_NAME) };

static void
an_insert_is_completed_with_defaults_and_null(void **state)
{
    tenon_drv_table *table = people_table();
    const tenon_drv_assign *insert;
    tni_query *q;
    uint32_t i;

    (void)state;
    assert_int_equal(tni_query_new(&add_person, table, &q, NULL), TENON_OK);
    insert = q->drv.insert;
    assert_ptr_equal(q->source, &add_person);
    assert_ptr_equal(q->drv.table, table);
    assert_string_equal(q->drv.name, "add");
    assert_int_equal(q->drv.kind, TENON_INSERT);
    assert_int_equal(q->writes, 1);
    assert_int_equal(q->param_count, 3);
    assert_int_equal(q->drv.param_count, 3);
    assert_int_equal(tenon_query_param_count(&add_person), 3);
    assert_int_equal(q->drv.conflict_index, TENON_DRV_NONE);
    for (i = 0; i < UNIT_COUNT(people_columns); i++) {
        assert_int_equal(insert[i].column, i);
        assert_int_equal(insert[i].how, TENON_SET_PARAM);
    }
    assert_int_equal(insert[P_AT].param, 0);
    assert_int_equal(insert[P_ID].param, 1);
    assert_int_equal(insert[P_NAME].param, 2);
    assert_int_equal(insert[P_AGE].param, TENON_DRV_NONE);
    assert_int_equal(insert[P_AGE].constant.type, TENON_NULL);
    assert_int_equal(insert[P_NICK].param, TENON_DRV_NONE);
    assert_memory_equal(insert[P_NICK].constant.as.data, "none", 4);
    assert_int_equal(insert[P_SCORE].constant.type, TENON_REAL);
    assert_int_equal(q->drv.param_types[0], TENON_TIME);
    assert_int_equal(q->drv.param_types[1], TENON_UUID);
    assert_int_equal(q->drv.param_types[2], TENON_TEXT);
    free(q);
    free(table);
}

static const tenon_query put_person = {
    .table = &people,
    UPSERT(TENON_TO(P_NICK, 1), TENON_PLUS(P_AGE, 3), TENON_TO_NULL(P_DATA)),
    .conflict_index = "by_name",
};

static void
an_upsert_takes_parameters_after_those_of_its_row(void **state)
{
    tenon_drv_table *table = people_table();
    tni_query *q;

    (void)state;
    assert_int_equal(tni_query_new(&put_person, table, &q, NULL), TENON_OK);
    assert_int_equal(q->param_count, 4);
    assert_int_equal(tenon_query_param_count(&put_person), 4);
    assert_string_equal(q->drv.name, "");
    assert_int_equal(q->drv.on_conflict, TENON_ON_CONFLICT_UPDATE);
    assert_int_equal(q->drv.conflict_index, 0);
    assert_int_equal(q->drv.set_count, 3);
    assert_int_equal(q->drv.set[0].how, TENON_SET_PARAM);
    assert_int_equal(q->drv.set[0].param, 1);
    assert_int_equal(q->drv.set[1].how, TENON_SET_ADD);
    assert_int_equal(q->drv.set[1].param, 3);
    assert_int_equal(q->drv.set[2].how, TENON_SET_TO_NULL);
    assert_int_equal(q->drv.set[2].param, TENON_DRV_NONE);
    assert_int_equal(q->params[1].max_bytes, 8); /* of name, which has one, and nick, without */
    assert_int_equal(q->params[1].column, P_NAME);
    assert_int_equal(q->params[3].finite, 1);
    free(q);
    free(table);
}

static const tenon_query page_people = {
    .table = &people,
    .kind = TENON_SELECT,
    .columns = TENON_COLUMNS(P_NAME, P_ID),
    .where = TENON_WHERE(TENON_IN(P_AGE, 0, 3), TENON_EQ_TEXT(P_NICK, "x"), TENON_IS_NULL(P_DATA),
                         TENON_PREFIX(P_NAME, 3)),
    .order = TENON_ORDER(TENON_DESC(P_AT), TENON_DESC(P_ID)),
    .after_param = TENON_PARAM(4),
    .limit_param = TENON_PARAM(6),
};

static void
a_select_keeps_its_conditions_order_and_limit(void **state)
{
    tenon_drv_table *table = people_table();
    tni_query *q;

    (void)state;
    assert_int_equal(tni_query_new(&page_people, table, &q, NULL), TENON_OK);
    assert_int_equal(q->param_count, 7);
    assert_int_equal(tenon_query_param_count(&page_people), 7);
    assert_int_equal(q->writes, 0);
    assert_int_equal(q->drv.column_count, 2);
    assert_int_equal(q->drv.columns[0], P_NAME);
    assert_int_equal(q->drv.where_count, 4);
    assert_int_equal(q->drv.where[0].param, 0);
    assert_int_equal(q->drv.where[0].param_count, 3);
    assert_int_equal(q->drv.where[1].param, TENON_DRV_NONE);
    assert_int_equal(q->drv.where[1].param_count, 0);
    assert_memory_equal(q->drv.where[1].constant.as.data, "x", 1);
    assert_int_equal(q->drv.where[2].param, TENON_DRV_NONE);
    assert_int_equal(q->drv.where[3].op, TENON_OP_PREFIX);
    assert_int_equal(q->drv.where[3].param_count, 1);
    assert_int_equal(q->drv.order_count, 2);
    assert_int_equal(q->drv.order[0].descending, 1);
    assert_int_equal(q->drv.limit_param, 6);
    assert_true(q->drv.limit == UINT64_MAX);
    assert_int_equal(q->after_param, 4);
    assert_int_equal(q->drv.after_param, TENON_DRV_NONE);
    assert_int_equal(q->drv_after.after_param, 4);
    assert_int_equal(q->drv_after.order_count, 2);
    assert_int_equal(q->drv.param_types[4], TENON_TIME);
    assert_int_equal(q->drv.param_types[5], TENON_UUID);
    assert_int_equal(q->drv.param_types[6], TENON_INT);
    free(q);
    free(table);
}

static const tenon_query remove_person = { .table = &people,
                                           .kind = TENON_DELETE,
                                           .where = TENON_WHERE(TENON_EQ(P_ID, 0)) };

static const tenon_query count_people = { .table = &people, .kind = TENON_COUNT };

static const tenon_query few_people = { .table = &people, SELECT(.limit = 3) };

static void
deletes_and_counts_take_the_parameters_of_their_conditions(void **state)
{
    tenon_drv_table *table = people_table();
    tni_query *q;

    (void)state;
    assert_int_equal(tni_query_new(&remove_person, table, &q, NULL), TENON_OK);
    assert_int_equal(q->param_count, 1);
    assert_int_equal(q->writes, 1);
    free(q);
    assert_int_equal(tni_query_new(&count_people, table, &q, NULL), TENON_OK);
    assert_int_equal(q->param_count, 0);
    assert_int_equal(q->writes, 0);
    free(q);
    assert_int_equal(tni_query_new(&few_people, table, &q, NULL), TENON_OK);
    assert_int_equal(q->drv.limit, 3);
    assert_int_equal(q->drv.limit_param, TENON_DRV_NONE);
    free(q);
    free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_query_that_breaks_a_rule_is_refused_with_its_name_its_table_and_that_rule),
        cmocka_unit_test(an_insert_is_completed_with_defaults_and_null),
        cmocka_unit_test(an_upsert_takes_parameters_after_those_of_its_row),
        cmocka_unit_test(a_select_keeps_its_conditions_order_and_limit),
        cmocka_unit_test(deletes_and_counts_take_the_parameters_of_their_conditions),
    };

    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
