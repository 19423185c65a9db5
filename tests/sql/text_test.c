/* Queries and tables become the SQL that a dialect asks for, with each parameter in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kits/sql/text.h"

static const tenon_sql_dialect dialect = {
    .size = sizeof dialect,
    .types = { "", "bigint", "double", "boolean", "text", "bytes", "uuid", "time" },
    .true_text = "true",
    .false_text = "false",
    .blob_prefix = "'\\x",
    .blob_suffix = "'",
    .restrict_text = "NO ACTION",
    .table_suffix = " WITH care",
    .placeholder = '$',
    .nulls_first = " NULLS FIRST",
    .nulls_last = " NULLS LAST",
};

enum { ID, NAME, AGE, DATA };

static const tenon_drv_column columns[] = {
    { .name = "id", .type = TENON_UUID, .not_null = 1 },
    { .name = "name", .type = TENON_TEXT, .not_null = 1 },
    { .name = "age", .type = TENON_INT },
    { .name = "data", .type = TENON_BLOB },
};

static const tenon_drv_cond adults[] = {
    { .column = NAME,
      .op = TENON_OP_EQ,
      .param = TENON_DRV_NONE,
      .constant = { .type = TENON_TEXT, .len = 4, .as = { .data = "it's" } } },
    { .column = AGE, .op = TENON_OP_NOT_NULL, .param = TENON_DRV_NONE }
};
static const tenon_drv_index indexes[] = {
    { .name = "by_name", .columns = (const uint16_t[]){ NAME }, .column_count = 1, .unique = 1 },
    { .name = "by_age",
      .columns = (const uint16_t[]){ AGE, NAME },
      .column_count = 2,
      .where = adults,
      .where_count = 2 }
};
static const tenon_drv_foreign_key keys[] = { { .name = "boss",
                                                .references = "people",
                                                .columns = (const uint16_t[]){ ID },
                                                .column_count = 1,
                                                .on_delete = TENON_RESTRICT } };

static const tenon_drv_table people = {
    .size = sizeof people,
    .name = "people",
    .columns = columns,
    .key_columns = (const uint16_t[]){ ID },
    .indexes = indexes,
    .foreign_keys = keys,
    .column_count = 4,
    .key_column_count = 1,
    .index_count = 2,
    .foreign_key_count = 1,
};

static const uint8_t types[] = { TENON_INT,  TENON_INT, TENON_INT, TENON_TEXT,
                                 TENON_TEXT, TENON_INT, TENON_INT, TENON_INT };

/* A query of people, to be completed. */
static tenon_drv_query
query_of(uint8_t kind)
{
    return (tenon_drv_query){ .size = sizeof(tenon_drv_query),
                              .name = "",
                              .table = &people,
                              .kind = kind,
                              .after_param = TENON_DRV_NONE,
                              .limit_param = TENON_DRV_NONE,
                              .conflict_index = TENON_DRV_NONE,
                              .limit = UINT64_MAX,
                              .param_types = types };
}

/* The text is `expected`, and parameter binds[i] stands in place i + 1. */
static void
check(const tenon_drv_query *query, const char *expected, const uint16_t *binds, uint32_t count)
{
    sql_query_text text = { .binds = NULL };
    tenon_error err = { 0 };

    assert_int_equal(sql_query_write(&text, &dialect, query, &err), TENON_OK);
    assert_string_equal(text.text.data, expected);
    assert_int_equal(text.bind_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(text.binds[i].param, binds[i]);
    sql_query_text_fini(&text);
}

static void
a_select_has_columns_conditions_order_and_limit(void **state)
{
    static const tenon_drv_cond where[] = {
        { .column = AGE, .op = TENON_OP_GE, .param = 3, .param_count = 1 },
        { .column = NAME, .op = TENON_OP_IN, .param = 0, .param_count = 2 },
        { .column = DATA, .op = TENON_OP_IS_NULL, .param = TENON_DRV_NONE },
    };
    static const tenon_drv_order order[] = { { AGE, 1 }, { ID, 0 } };
    tenon_drv_query q = query_of(TENON_SELECT);

    (void)state;
    q.columns = (const uint16_t[]){ DATA, NAME };
    q.column_count = 2;
    q.where = where;
    q.where_count = 3;
    q.order = order;
    q.order_count = 2;
    q.limit_param = 2;
    check(&q,
          "SELECT \"data\", \"name\" FROM \"people\" WHERE \"age\" >= $1 AND \"name\" IN ($2, "
          "$3) AND \"data\" IS NULL ORDER BY \"age\" DESC NULLS LAST, \"id\" "
          "LIMIT $4",
          (const uint16_t[]){ 3, 0, 1, 2 }, 4);
}

static void
a_keyset_is_compared_as_a_row(void **state)
{
    static const tenon_drv_order order[] = { { AGE, 1 }, { ID, 1 } };
    tenon_drv_query q = query_of(TENON_SELECT);

    (void)state;
    q.columns = (const uint16_t[]){ ID };
    q.column_count = 1;
    q.order = order;
    q.order_count = 2;
    q.after_param = 4;
    q.limit = 10;
    check(&q,
          "SELECT \"id\" FROM \"people\" WHERE (\"age\", \"id\") < ($1, $2) ORDER BY \"age\" DESC "
          "NULLS LAST, \"id\" DESC LIMIT 10",
          (const uint16_t[]){ 4, 5 }, 2);
}

static void
an_upsert_names_its_key_and_adds_to_the_stored_value(void **state)
{
    static const tenon_drv_assign insert[] = {
        { .column = ID, .how = TENON_SET_PARAM, .param = 0 },
        { .column = NAME, .how = TENON_SET_PARAM, .param = 1 },
        { .column = AGE,
          .how = TENON_SET_PARAM,
          .param = TENON_DRV_NONE,
          .constant = { .type = TENON_INT, .as = { .i = -7 } } },
        { .column = DATA,
          .how = TENON_SET_PARAM,
          .param = TENON_DRV_NONE,
          .constant = { .type = TENON_BLOB, .len = 2, .as = { .data = "\x01\xff" } } },
    };
    static const tenon_drv_assign set[] = { { .column = AGE, .how = TENON_SET_ADD, .param = 2 },
                                            { .column = DATA, .how = TENON_SET_TO_NULL } };
    tenon_drv_query q = query_of(TENON_INSERT);

    (void)state;
    q.insert = insert;
    q.set = set;
    q.set_count = 2;
    q.on_conflict = TENON_ON_CONFLICT_UPDATE;
    q.conflict_index = 0;
    check(&q,
          "INSERT INTO \"people\" (\"id\", \"name\", \"age\", \"data\") VALUES ($1, $2, -7, "
          "'\\x01ff') ON CONFLICT (\"name\") DO UPDATE SET \"age\" = \"people\".\"age\" + $3, "
          "\"data\" = NULL",
          (const uint16_t[]){ 0, 1, 2 }, 3);
}

static void
a_prefix_of_text_is_a_range(void **state)
{
    static const tenon_drv_cond where[] = {
        { .column = NAME, .op = TENON_OP_PREFIX, .param = 0, .param_count = 1 }
    };
    tenon_drv_query q = query_of(TENON_DELETE);

    (void)state;
    q.where = where;
    q.where_count = 1;
    check(&q, "DELETE FROM \"people\" WHERE \"name\" >= $1 AND \"name\" < $2",
          (const uint16_t[]){ 0, 0 }, 2);
}

static void
a_table_has_its_keys_and_names_them(void **state)
{
    sql_text text = { 0 };

    (void)state;
    sql_write_table(&text, &dialect, &people);
    assert_string_equal(
        text.data, "CREATE TABLE \"people\" (\"id\" uuid NOT NULL, \"name\" text NOT NULL, \"age\" "
                   "bigint, \"data\" bytes, PRIMARY KEY (\"id\"), CONSTRAINT \"boss\" FOREIGN "
                   "KEY (\"id\") REFERENCES \"people\" ON DELETE NO ACTION) WITH care");
    sql_text_fini(&text);
}

static void
an_index_has_its_condition_with_quotes_doubled(void **state)
{
    sql_text text = { 0 };

    (void)state;
    sql_write_index(&text, &dialect, &people, &indexes[1]);
    assert_string_equal(
        text.data, "CREATE INDEX \"by_age\" ON \"people\" (\"age\" NULLS FIRST, \"name\") WHERE "
                   "\"name\" = 'it''s' AND \"age\" IS NOT NULL");
    sql_text_fini(&text);
}

static void
a_unique_key_is_found_by_its_columns(void **state)
{
    char name[80] = "";

    (void)state;
    tenon_sql_name_key(&people, "people.name", name, sizeof name);
    assert_string_equal(name, "by_name");
    tenon_sql_name_key(&people, "people.id", name, sizeof name);
    assert_string_equal(name, "people.primary");
    tenon_sql_name_key(&people, "people.age", name, sizeof name); /* no such key */
    assert_string_equal(name, "people.primary");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_select_has_columns_conditions_order_and_limit),
        cmocka_unit_test(a_keyset_is_compared_as_a_row),
        cmocka_unit_test(an_upsert_names_its_key_and_adds_to_the_stored_value),
        cmocka_unit_test(a_prefix_of_text_is_a_range),
        cmocka_unit_test(a_table_has_its_keys_and_names_them),
        cmocka_unit_test(an_index_has_its_condition_with_quotes_doubled),
        cmocka_unit_test(a_unique_key_is_found_by_its_columns),
    };

    return cmocka_run_group_tests_name("sql.text", tests, NULL, NULL);
}
