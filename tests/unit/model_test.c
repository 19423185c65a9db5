/* Tables and schemas: every rule refuses what breaks it, and says which; what drivers get is a
 * copy. */
#include "people.h"

#include <math.h>

#define NAME_48 "a2345678901234567890123456789012345678901234567_"

/* What the message of a refused table must hold. */
static const struct {
    const char *rule;
    tenon_table table;
} bad_tables[] = {
    { "\"(null)\" is no name for a table", { COLUMNS(ID), KEY(0) } },
    { "\"\" is no name for a table", { .name = "", COLUMNS(ID), KEY(0) } },
    { "\"Users\" is no name for a table", { .name = "Users", COLUMNS(ID), KEY(0) } },
    { "\"1st\" is no name for a table", { .name = "1st", COLUMNS(ID), KEY(0) } },
    { "\"a-b\" is no name for a table", { .name = "a-b", COLUMNS(ID), KEY(0) } },
    { "is no name for a table", { .name = NAME_48 "9", COLUMNS(ID), KEY(0) } },
    { "table t has no columns", { .name = "t", KEY(0) } },
    { "is no name for a column", { .name = "t", COLUMNS(ID, { .type = TENON_INT }), KEY(0) } },
    { "there is no type 0", { .name = "t", COLUMNS(ID, { .name = "x" }), KEY(0) } },
    { "there is no type 8", { .name = "t", COLUMNS(ID, { .name = "x", .type = 8 }), KEY(0) } },
    { "max_bytes is for text and blob, not for int",
      { .name = "t", COLUMNS(ID, { .name = "x", .type = TENON_INT, .max_bytes = 8 }), KEY(0) } },
    { "table t has two columns id", { .name = "t", COLUMNS(ID, ID), KEY(0) } },
    { "column t.x: its default value does not have the column's type",
      { .name = "t",
        COLUMNS(ID, { .name = "x", .type = TENON_TEXT, .default_value = { .type = TENON_INT } }),
        KEY(0) } },
    { "its default value is longer than the column's max_bytes",
      { .name = "t",
        COLUMNS(ID, { .name = "x",
                      .type = TENON_TEXT,
                      .max_bytes = 2,
                      .default_value = { .type = TENON_TEXT, .len = 3, .as = { .data = "abc" } } }),
        KEY(0) } },
    { "its default value is not UTF-8",
      { .name = "t",
        COLUMNS(ID,
                { .name = "x",
                  .type = TENON_TEXT,
                  .default_value = { .type = TENON_TEXT, .len = 1, .as = { .data = "\xff" } } }),
        KEY(0) } },
    { "its default value is a bool that is neither 0 nor 1",
      { .name = "t",
        COLUMNS(ID, { .name = "x",
                      .type = TENON_BOOL,
                      .default_value = { .type = TENON_BOOL, .as = { .i = 2 } } }),
        KEY(0) } },
    { "its default value does not have 16 bytes",
      { .name = "t",
        COLUMNS(ID, { .name = "x",
                      .type = TENON_UUID,
                      .default_value = { .type = TENON_UUID, .len = 2, .as = { .data = "ab" } } }),
        KEY(0) } },
    { "its default value is not a number",
      { .name = "t",
        COLUMNS(ID, { .name = "x",
                      .type = TENON_REAL,
                      .default_value = { .type = TENON_REAL, .as = { .d = NAN } } }),
        KEY(0) } },
    { "its default value has a length but no bytes",
      { .name = "t",
        COLUMNS(
            ID,
            { .name = "x", .type = TENON_BLOB, .default_value = { .type = TENON_BLOB, .len = 2 } }),
        KEY(0) } },
    { "key primary has no columns", { .name = "t", COLUMNS(ID) } },
    { "key primary: there is no column 1", { .name = "t", COLUMNS(ID), KEY(1) } },
    { "key primary holds column id twice", { .name = "t", COLUMNS(ID), KEY(0, 0) } },
    { "key primary has 9 columns", { .name = "t", COLUMNS(ID), KEY(0, 1, 2, 3, 4, 5, 6, 7, 8) } },
    { "column x of the primary key is not declared not_null",
      { .name = "t", COLUMNS({ .name = "x", .type = TENON_INT }), KEY(0) } },
    { "is no name for an index",
      { .name = "t", COLUMNS(ID), KEY(0), INDEXES({ .name = "I", .columns = TENON_COLUMNS(0) }) } },
    { "table t has two indexes i",
      { .name = "t",
        COLUMNS(ID),
        KEY(0),
        INDEXES({ .name = "i", .columns = TENON_COLUMNS(0) },
                { .name = "i", .columns = TENON_COLUMNS(0) }) } },
    { "index i has no columns", { .name = "t", COLUMNS(ID), KEY(0), INDEXES({ .name = "i" }) } },
    { "index i holds column id twice",
      { .name = "t",
        COLUMNS(ID),
        KEY(0),
        INDEXES({ .name = "i", .columns = TENON_COLUMNS(0, 0) }) } },
    { "its condition is on column 5, which does not exist",
      { .name = "t",
        COLUMNS(ID),
        KEY(0),
        INDEXES({ .name = "i",
                  .columns = TENON_COLUMNS(0),
                  .where = TENON_WHERE(TENON_NOT_NULL(5)) }) } },
    { "its condition on x is none of = constant, IS NULL, NOT NULL",
      { .name = "t",
        COLUMNS(ID, { .name = "x", .type = TENON_INT }),
        KEY(0),
        INDEXES({ .name = "i",
                  .columns = TENON_COLUMNS(0),
                  .where = TENON_WHERE({ .column = 1,
                                         .op = TENON_OP_GT,
                                         .param = TENON_NO_PARAM,
                                         .constant = { .type = TENON_INT } }) }) } },
    { "its condition on x takes a parameter",
      { .name = "t",
        COLUMNS(ID, { .name = "x", .type = TENON_INT }),
        KEY(0),
        INDEXES(
            { .name = "i", .columns = TENON_COLUMNS(0), .where = TENON_WHERE(TENON_EQ(1, 0)) }) } },
    { "the constant of its condition on x does not have the column's type",
      { .name = "t",
        COLUMNS(ID, { .name = "x", .type = TENON_INT }),
        KEY(0),
        INDEXES({ .name = "i",
                  .columns = TENON_COLUMNS(0),
                  .where = TENON_WHERE(TENON_EQ_TEXT(1, "a")) }) } },
    { "is no name for a foreign key",
      { .name = "t",
        COLUMNS(ID),
        KEY(0),
        FOREIGN_KEYS({ .columns = TENON_COLUMNS(0), .references = "t" }) } },
    { "table t has two foreign keys f",
      { .name = "t",
        COLUMNS(ID),
        KEY(0),
        FOREIGN_KEYS({ .name = "f", .columns = TENON_COLUMNS(0), .references = "t" },
                     { .name = "f", .columns = TENON_COLUMNS(0), .references = "t" }) } },
    { "refers to \"(null)\", which is no name",
      { .name = "t",
        COLUMNS(ID),
        KEY(0),
        FOREIGN_KEYS({ .name = "f", .columns = TENON_COLUMNS(0) }) } },
    { "there is no on_delete 3",
      { .name = "t",
        COLUMNS(ID),
        KEY(0),
        FOREIGN_KEYS(
            { .name = "f", .columns = TENON_COLUMNS(0), .references = "t", .on_delete = 3 }) } },
    { "foreign key f has no columns",
      { .name = "t", COLUMNS(ID), KEY(0), FOREIGN_KEYS({ .name = "f", .references = "t" }) } },
    { "sets column id to NULL, which is not_null",
      { .name = "t",
        COLUMNS(ID),
        KEY(0),
        FOREIGN_KEYS({ .name = "f",
                       .columns = TENON_COLUMNS(0),
                       .references = "t",
                       .on_delete = TENON_SET_NULL }) } },
    { "has 2 indexes, more than 32 or none listed",
      { .name = "t", COLUMNS(ID), KEY(0), .index_count = 2 } },
    { "has 17 foreign keys, more than 16 or none listed",
      { .name = "t", COLUMNS(ID), KEY(0), .foreign_key_count = 17 } },
};

static void
a_table_that_breaks_a_rule_is_refused_with_that_rule(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(bad_tables); i++) {
        tenon_drv_table *out = (tenon_drv_table *)(void *)&out;
        tenon_error err = { 0 };

        assert_int_equal(tni_table_new(&bad_tables[i].table, &out, &err), TENON_INVALID);
        assert_null(out);
        assert_int_equal(err.status, TENON_INVALID);
        if (strstr(err.message, bad_tables[i].rule) == NULL)
            fail_msg("case %u: wanted \"%s\", got \"%s\"", (unsigned)i, bad_tables[i].rule,
                     err.message);
    }
}

static void
a_table_at_the_limits_is_accepted_and_beyond_them_refused(void **state)
{
    static char names[TENON_MAX_COLUMNS + 1][8];
    tenon_column columns[TENON_MAX_COLUMNS + 1] = { 0 };
    tenon_table table = { .name = NAME_48, .columns = columns, KEY(0, 1, 2, 3, 4, 5, 6, 7) };
    tenon_drv_table *out;
    tenon_error err;
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(columns); i++) {
        (void)snprintf(names[i], sizeof names[i], "c%u", (unsigned)i);
        columns[i].name = names[i];
        columns[i].type = TENON_REAL;
        columns[i].not_null = true;
    }
    table.column_count = TENON_MAX_COLUMNS;
    assert_int_equal(tni_table_new(&table, &out, &err), TENON_OK);
    assert_int_equal(out->column_count, TENON_MAX_COLUMNS);
    assert_string_equal(out->columns[TENON_MAX_COLUMNS - 1].name, "c63");
    free(out);
    table.column_count = TENON_MAX_COLUMNS + 1;
    assert_int_equal(tni_table_new(&table, &out, &err), TENON_INVALID);
    assert_non_null(strstr(err.message, "has 65 columns, more than 64"));
}

static void
a_table_is_copied_whole(void **state)
{
    tenon_drv_table *t = people_table();
    const tenon_drv_index *index = &t->indexes[2];

    (void)state;
    assert_int_equal(t->size, sizeof *t);
    assert_string_equal(t->name, "people");
    assert_ptr_not_equal(t->name, people.name);
    assert_int_equal(t->column_count, UNIT_COUNT(people_columns));
    assert_int_equal(t->columns[P_NAME].max_bytes, 8);
    assert_int_equal(t->columns[P_NAME].not_null, 1);
    assert_int_equal(t->columns[P_NAME].type, TENON_TEXT);
    assert_int_equal(t->columns[P_NAME].default_value.type, TENON_NULL);
    assert_int_equal(t->columns[P_SCORE].default_value.as.i, 0); /* -0.0 has become 0.0 */
    assert_memory_equal(t->columns[P_NICK].default_value.as.data, "none", 4);
    assert_ptr_not_equal(t->columns[P_NICK].default_value.as.data,
                         people_columns[P_NICK].default_value.as.data);
    assert_int_equal(t->key_column_count, 1);
    assert_int_equal(t->key_columns[0], P_ID);
    assert_int_equal(t->index_count, 3);
    assert_int_equal(t->indexes[0].unique, 1);
    assert_int_equal(t->indexes[1].unique, 0);
    assert_int_equal(t->indexes[1].column_count, 2);
    assert_int_equal(t->indexes[1].columns[1], P_ID);
    assert_int_equal(index->where_count, 4);
    assert_int_equal(index->where[0].op, TENON_OP_EQ);
    assert_int_equal(index->where[0].param, TENON_DRV_NONE);
    assert_int_equal(index->where[0].constant.as.i, 1);
    assert_memory_equal(index->where[1].constant.as.data, "me", 2);
    assert_int_equal(index->where[2].op, TENON_OP_NOT_NULL);
    assert_int_equal(index->where[3].column, P_AGE);
    assert_int_equal(t->foreign_key_count, 1);
    assert_string_equal(t->foreign_keys[0].references, "people");
    assert_int_equal(t->foreign_keys[0].on_delete, TENON_CASCADE);
    free(t);
}

/* ---- Schemas ---- */

static const tenon_table plain = { .name = "plain", COLUMNS(ID), KEY(0) };
static const tenon_table reserved = { .name = "tenon_schema", COLUMNS(ID), KEY(0) };
static const tenon_table two_keyed = {
    .name = "two", COLUMNS(ID, { .name = "n", .type = TENON_INT, .not_null = true }), KEY(0, 1)
};
static const tenon_table refers_to_none = {
    .name = "refers",
    COLUMNS(ID),
    KEY(0),
    FOREIGN_KEYS({ .name = "f", .columns = TENON_COLUMNS(0), .references = "none" }),
};
static const tenon_table refers_to_two = {
    .name = "refers",
    COLUMNS(ID),
    KEY(0),
    FOREIGN_KEYS({ .name = "f", .columns = TENON_COLUMNS(0), .references = "two" }),
};
static const tenon_table refers_by_text = {
    .name = "refers",
    COLUMNS(ID, { .name = "x", .type = TENON_TEXT }),
    KEY(0),
    FOREIGN_KEYS({ .name = "f", .columns = TENON_COLUMNS(1), .references = "plain" }),
};
static const tenon_table index_like_table = {
    .name = "other", COLUMNS(ID), KEY(0), INDEXES({ .name = "plain", .columns = TENON_COLUMNS(0) })
};
static const tenon_table index_like_index = {
    .name = "other", COLUMNS(ID), KEY(0), INDEXES({ .name = "by_age", .columns = TENON_COLUMNS(0) })
};
static const tenon_table index_reserved = { .name = "other",
                                            COLUMNS(ID),
                                            KEY(0),
                                            INDEXES({ .name = "tenon_i",
                                                      .columns = TENON_COLUMNS(0) }) };
static const tenon_table key_like_key = {
    .name = "other",
    COLUMNS(ID),
    KEY(0),
    FOREIGN_KEYS({ .name = "people_self", .columns = TENON_COLUMNS(0), .references = "other" }),
};
static const tenon_table broken = { .name = "broken", COLUMNS(ID) };
static const tenon_column plain_column = { .name = "x", .type = TENON_INT };
static const tenon_column strict_column = { .name = "x", .type = TENON_INT, .not_null = true };

static tenon_status
no_data(tenon_txn *txn, tenon_error *err)
{
    (void)txn;
    (void)err;
    return TENON_OK;
}

#define TABLES(...)                                                                                \
    .tables = (const tenon_table *const[]){ __VA_ARGS__ },                                         \
    .table_count = sizeof((const tenon_table *const[]){ __VA_ARGS__ }) / sizeof(tenon_table *)
#define STEPS(...)                                                                                 \
    .steps = (const tenon_step[]){ __VA_ARGS__ },                                                  \
    .step_count = sizeof((const tenon_step[]){ __VA_ARGS__ }) / sizeof(tenon_step)
#define ONE_STEP(...)                                                                              \
    .name = "s", .version = 2, TABLES(&plain), STEPS({ .version = 2, __VA_ARGS__ })

static const struct {
    const char *rule;
    tenon_schema schema;
} bad_schemas[] = {
    { "is no name for a schema", { .version = 1, TABLES(&plain) } },
    { "is no name for a schema", { .name = "My", .version = 1, TABLES(&plain) } },
    { "schema tenon_x: names that begin with \"tenon_\" are reserved",
      { .name = "tenon_x", .version = 1, TABLES(&plain) } },
    { "versions begin at 1", { .name = "s", TABLES(&plain) } },
    { "has 1 tables, more than 256 or none listed",
      { .name = "s", .version = 1, .table_count = 1 } },
    { "has 257 tables, more than 256 or none listed",
      { .name = "s", .version = 1, .table_count = 257 } },
    { "has 1 steps, none listed", { .name = "s", .version = 1, TABLES(&plain), .step_count = 1 } },
    { "table 1 is NULL", { .name = "s", .version = 1, TABLES(&plain, NULL) } },
    { "key primary has no columns", { .name = "s", .version = 1, TABLES(&broken) } },
    { "table tenon_schema: names that begin with",
      { .name = "s", .version = 1, TABLES(&reserved) } },
    { "index tenon_i: names that begin with",
      { .name = "s", .version = 1, TABLES(&index_reserved) } },
    { "the name plain is used twice: table of table plain, table of table plain",
      { .name = "s", .version = 1, TABLES(&plain, &plain) } },
    { "the name plain is used twice",
      { .name = "s", .version = 1, TABLES(&plain, &index_like_table) } },
    { "the name by_age is used twice",
      { .name = "s", .version = 1, TABLES(&people, &index_like_index) } },
    { "the name people_self is used twice",
      { .name = "s", .version = 1, TABLES(&people, &key_like_key) } },
    { "refers to table none, which the schema lacks",
      { .name = "s", .version = 1, TABLES(&plain, &refers_to_none) } },
    { "has 1 columns, the primary key of two has 2",
      { .name = "s", .version = 1, TABLES(&two_keyed, &refers_to_two) } },
    { "column refers.x is text, and plain.id is uuid",
      { .name = "s", .version = 1, TABLES(&plain, &refers_by_text) } },
    { "step 0: there is no kind 0", { ONE_STEP(.kind = 0) } },
    { "step 0: there is no kind 8", { ONE_STEP(.kind = 8) } },
    { "step 0: ADD_TABLE needs table", { ONE_STEP(.kind = TENON_ADD_TABLE) } },
    { "step 0: ADD_TABLE has no table_name",
      { ONE_STEP(.kind = TENON_ADD_TABLE, .table = &plain, .table_name = "plain") } },
    { "step 0: DROP_TABLE needs table_name", { ONE_STEP(.kind = TENON_DROP_TABLE) } },
    { "step 0: DROP_TABLE has no run",
      { ONE_STEP(.kind = TENON_DROP_TABLE, .table_name = "x", .run = no_data) } },
    { "step 0: ADD_COLUMN needs column",
      { ONE_STEP(.kind = TENON_ADD_COLUMN, .table_name = "plain") } },
    { "step 0: DROP_COLUMN needs name",
      { ONE_STEP(.kind = TENON_DROP_COLUMN, .table_name = "plain") } },
    { "step 0: ADD_INDEX needs table", { ONE_STEP(.kind = TENON_ADD_INDEX, .name = "i") } },
    { "step 0: table people has no index nothing",
      { ONE_STEP(.kind = TENON_ADD_INDEX, .table = &people, .name = "nothing") } },
    { "step 0: DROP_INDEX needs name",
      { ONE_STEP(.kind = TENON_DROP_INDEX, .table_name = "plain") } },
    { "step 0: DATA_STEP needs run", { ONE_STEP(.kind = TENON_DATA_STEP) } },
    { "step 0: DATA_STEP has no name",
      { ONE_STEP(.kind = TENON_DATA_STEP, .run = no_data, .name = "x") } },
    { "\"A\" is no name for a table", { ONE_STEP(.kind = TENON_DROP_TABLE, .table_name = "A") } },
    { "table tenon_version: names that begin with",
      { ONE_STEP(.kind = TENON_DROP_TABLE, .table_name = "tenon_version") } },
    { "table tenon_schema: names that begin with",
      { ONE_STEP(.kind = TENON_ADD_TABLE, .table = &reserved) } },
    { "key primary has no columns", { ONE_STEP(.kind = TENON_ADD_TABLE, .table = &broken) } },
    { "there is no type 0",
      { ONE_STEP(.kind = TENON_ADD_COLUMN, .table_name = "plain",
                 .column = &(const tenon_column){ .name = "y" }) } },
    { "column plain.x is not_null and has no default value",
      { ONE_STEP(.kind = TENON_ADD_COLUMN, .table_name = "plain", .column = &strict_column) } },
    { "its version 1 is not within 2 and 2",
      { .name = "s",
        .version = 2,
        TABLES(&plain),
        STEPS({ .version = 1, .kind = TENON_DATA_STEP, .run = no_data }) } },
    { "its version 3 is not within 2 and 2",
      { .name = "s",
        .version = 2,
        TABLES(&plain),
        STEPS({ .version = 3, .kind = TENON_DATA_STEP, .run = no_data }) } },
    { "step 1: its version 2 comes after version 3",
      { .name = "s",
        .version = 3,
        TABLES(&plain),
        STEPS({ .version = 3, .kind = TENON_DATA_STEP, .run = no_data },
              { .version = 2, .kind = TENON_DATA_STEP, .run = no_data }) } },
};

static void
a_schema_that_breaks_a_rule_is_refused_with_that_rule(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(bad_schemas); i++) {
        tenon_error err = { 0 };

        assert_int_equal(tni_schema_check(&bad_schemas[i].schema, &err), TENON_INVALID);
        if (strstr(err.message, bad_schemas[i].rule) == NULL)
            fail_msg("case %u: wanted \"%s\", got \"%s\"", (unsigned)i, bad_schemas[i].rule,
                     err.message);
    }
}

static const tenon_schema good_schemas[] = {
    { .name = "s", .version = 1, TABLES(&people, &plain, &two_keyed) },
    { .name = "empty", .version = 7 },
    { .name = "s",
      .version = 4,
      TABLES(&people),
      STEPS({ .version = 2, .kind = TENON_ADD_TABLE, .table = &refers_to_none },
            { .version = 2, .kind = TENON_DROP_TABLE, .table_name = "old" },
            { .version = 3,
              .kind = TENON_ADD_COLUMN,
              .table_name = "people",
              .column = &plain_column },
            { .version = 3, .kind = TENON_DROP_COLUMN, .table_name = "people", .name = "x" },
            { .version = 4, .kind = TENON_ADD_INDEX, .table = &people, .name = "by_age" },
            { .version = 4, .kind = TENON_DROP_INDEX, .table_name = "people", .name = "i" },
            { .version = 4, .kind = TENON_DATA_STEP, .run = no_data }) },
};

static void
a_schema_by_the_rules_is_accepted(void **state)
{
    tenon_error err;
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(good_schemas); i++) {
        err.message[0] = '\0';
        if (tni_schema_check(&good_schemas[i], &err) != TENON_OK)
            fail_msg("%s", err.message);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_that_breaks_a_rule_is_refused_with_that_rule),
        cmocka_unit_test(a_table_at_the_limits_is_accepted_and_beyond_them_refused),
        cmocka_unit_test(a_table_is_copied_whole),
        cmocka_unit_test(a_schema_that_breaks_a_rule_is_refused_with_that_rule),
        cmocka_unit_test(a_schema_by_the_rules_is_accepted),
    };

    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
