/* Entries of the catalogue: tables are written as definitions and read back; damage is found. */
#include "people.h"

#include "core/catalogue.h"

static const tenon_uuid an_id = { .bytes = { 1, 2, 3 } };

static const tenon_column value_columns[] = {
    ID,
    { .name = "i",
      .type = TENON_INT,
      .default_value = { .type = TENON_INT, .as = { .i = INT64_MIN } } },
    { .name = "r",
      .type = TENON_REAL,
      .default_value = { .type = TENON_REAL, .as = { .d = 0.1 } } },
    { .name = "b",
      .type = TENON_BOOL,
      .not_null = true,
      .default_value = { .type = TENON_BOOL, .as = { .i = 1 } } },
    { .name = "t",
      .type = TENON_TEXT,
      .max_bytes = UINT32_MAX,
      .default_value = { .type = TENON_TEXT,
                         .len = 15,
                         .as = { .data = "a b=c:d,%\n\xc3\xa4 \"'" } } },
    { .name = "e", .type = TENON_TEXT, .default_value = { .type = TENON_TEXT } },
    { .name = "d",
      .type = TENON_BLOB,
      .max_bytes = 3,
      .default_value = { .type = TENON_BLOB, .len = 3, .as = { .data = "\0\xff " } } },
    { .name = "u",
      .type = TENON_UUID,
      .default_value = { .type = TENON_UUID, .len = 16, .as = { .data = &an_id } } },
    { .name = "w", .type = TENON_TIME, .default_value = { .type = TENON_TIME, .as = { .i = -1 } } },
};

static const tenon_index value_indexes[] = {
    { .name = "value_by_e",
      .columns = TENON_COLUMNS(5),
      .where = TENON_WHERE({ .column = 5,
                             .op = TENON_OP_EQ,
                             .param = TENON_NO_PARAM,
                             .constant = { .type = TENON_TEXT } }) },
};

static const tenon_table values = {
    .name = "a_values",
    .columns = value_columns,
    .column_count = UNIT_COUNT(value_columns),
    .primary_key = TENON_COLUMNS(0),
    .indexes = value_indexes,
    .index_count = UNIT_COUNT(value_indexes),
};

static const tni_entry *
entries_find(const tni_entries *entries, const char *table, uint8_t kind, const char *name)
{
    const tni_entry *entry = tni_entries_find(entries, table, kind, name);

    if (entry == NULL)
        fail_msg("no entry %s of %s", name, table);
    return entry;
}

static void
entries_make(tni_entries *entries)
{
    memset(entries, 0, sizeof *entries);
    assert_int_equal(tni_entries_add_table(entries, &people, NULL), TENON_OK);
    assert_int_equal(tni_entries_add_table(entries, &values, NULL), TENON_OK);
}

static void
definitions_are_plain_lines(void **state)
{
    static const struct {
        const char *table;
        uint8_t kind;
        const char *name, *definition;
    } lines[] = {
        { "people", TNI_ENTRY_TABLE, "people", "key=id" },
        { "people", TNI_ENTRY_COLUMN, "name", "type=text notnull max=8" },
        { "people", TNI_ENTRY_COLUMN, "score", "type=real notnull default=0000000000000000" },
        { "people", TNI_ENTRY_COLUMN, "nick", "type=text default=none" },
        { "people", TNI_ENTRY_INDEX, "by_name", "columns=name unique" },
        { "people", TNI_ENTRY_INDEX, "by_age", "columns=age,id" },
        { "people", TNI_ENTRY_INDEX, "by_nick",
          "columns=nick unique where=ok:eq:1 where=name:eq:me where=data:notnull where=age:null" },
        { "people", TNI_ENTRY_FOREIGN_KEY, "people_self",
          "columns=id references=people on_delete=cascade" },
        { "a_values", TNI_ENTRY_COLUMN, "i", "type=int default=-9223372036854775808" },
        { "a_values", TNI_ENTRY_COLUMN, "b", "type=bool notnull default=1" },
        { "a_values", TNI_ENTRY_COLUMN, "t",
          "type=text max=4294967295 default=a%20b%3dc%3ad%2c%25%0a%c3%a4%20%22%27" },
        { "a_values", TNI_ENTRY_COLUMN, "e", "type=text default=" },
        { "a_values", TNI_ENTRY_COLUMN, "d", "type=blob max=3 default=%00%ff%20" },
        { "a_values", TNI_ENTRY_COLUMN, "u",
          "type=uuid default=01020300-0000-0000-0000-000000000000" },
        { "a_values", TNI_ENTRY_COLUMN, "w", "type=time default=-1" },
    };
    tni_entries entries;
    uint32_t i;

    (void)state;
    entries_make(&entries);
    assert_int_equal(entries.count, 1 + 8 + 3 + 1 + 1 + 9 + 1);
    for (i = 0; i < UNIT_COUNT(lines); i++)
        assert_string_equal(
            entries_find(&entries, lines[i].table, lines[i].kind, lines[i].name)->definition,
            lines[i].definition);
    for (i = 1; i < entries.count; i++)
        assert_true(tni_entry_compare(&entries.list[i - 1], &entries.list[i]) < 0);
    assert_null(tni_entries_find(&entries, "people", TNI_ENTRY_INDEX, "name"));
    tni_entries_fini(&entries);
}

static void
tables_are_read_back_as_they_were_written(void **state)
{
    tni_entries entries, again = { 0 };
    const tenon_table **tables;
    uint32_t i, count;

    (void)state;
    entries_make(&entries);
    assert_int_equal(tni_entries_tables(&entries, &tables, &count, NULL), TENON_OK);
    assert_int_equal(count, 2);
    assert_string_equal(tables[0]->name, "a_values");
    assert_string_equal(tables[1]->name, "people");
    assert_int_equal(tables[0]->column_count, UNIT_COUNT(value_columns));
    for (i = 0; i < UNIT_COUNT(value_columns); i++) {
        assert_string_equal(tables[0]->columns[i].name, value_columns[i].name);
        assert_int_equal(tenon_value_compare(&tables[0]->columns[i].default_value,
                                             &value_columns[i].default_value),
                         0);
    }
    for (i = 0; i < count; i++)
        assert_int_equal(tni_entries_add_table(&again, tables[i], NULL), TENON_OK);
    assert_int_equal(again.count, entries.count);
    for (i = 0; i < again.count; i++) {
        assert_int_equal(tni_entry_compare(&again.list[i], &entries.list[i]), 0);
        assert_int_equal(again.list[i].position, entries.list[i].position);
        assert_string_equal(again.list[i].definition, entries.list[i].definition);
    }
    free(tables);
    tni_entries_fini(&again);
    tni_entries_fini(&entries);
}

static void
columns_keep_the_order_in_which_they_were_added(void **state)
{
    static const tenon_column late = { .name = "a_first_by_name", .type = TENON_INT };
    const tenon_table **tables;
    tni_entries entries;

    (void)state;
    entries_make(&entries);
    tni_entries_remove(&entries, entries_find(&entries, "people", TNI_ENTRY_COLUMN, "nick"));
    assert_int_equal(tni_entries_add_column(&entries, "people", &late, NULL), TENON_OK);
    /* "by_nick" would need the column that is gone. */
    tni_entries_remove(&entries, entries_find(&entries, "people", TNI_ENTRY_INDEX, "by_nick"));
    assert_int_equal(tni_entries_add_index(&entries, &people, &people_indexes[0], NULL), TENON_OK);
    tni_entries_remove(&entries, entries_find(&entries, "people", TNI_ENTRY_INDEX, "by_name"));
    assert_int_equal(tni_entries_table(&entries, "people", &tables, NULL), TENON_OK);
    assert_int_equal(tables[0]->column_count, 8);
    assert_string_equal(tables[0]->columns[7].name, "a_first_by_name");
    assert_string_equal(tables[0]->columns[6].name, "at");
    free(tables);
    tni_entries_remove_table(&entries, "people");
    assert_int_equal(entries.count, 11);
    tni_entries_fini(&entries);
}

/* A definition in place of the stored one, and the entry that it is for. */
static const struct {
    uint8_t kind;
    const char *name, *definition;
} damages[] = {
    { TNI_ENTRY_TABLE, "people", "" },
    { TNI_ENTRY_TABLE, "people", "key" },
    { TNI_ENTRY_TABLE, "people", "key=" },
    { TNI_ENTRY_TABLE, "people", "key=nothing" },
    { TNI_ENTRY_TABLE, "people", "key=id,id" },
    { TNI_ENTRY_TABLE, "people", "key=age" },
    { TNI_ENTRY_TABLE, "people", "key=id,name,at,score,id,name,at,score,id" },
    { TNI_ENTRY_COLUMN, "name", "" },
    { TNI_ENTRY_COLUMN, "name", "type" },
    { TNI_ENTRY_COLUMN, "name", "type=" },
    { TNI_ENTRY_COLUMN, "name", "type=null" },
    { TNI_ENTRY_COLUMN, "name", "type=text  notnull" },
    { TNI_ENTRY_COLUMN, "name", "type=text notnull=1" },
    { TNI_ENTRY_COLUMN, "name", "type=text max=0" },
    { TNI_ENTRY_COLUMN, "name", "type=text max=4294967296" },
    { TNI_ENTRY_COLUMN, "name", "type=text max=8x" },
    { TNI_ENTRY_COLUMN, "name", "type=int max=8" },
    { TNI_ENTRY_COLUMN, "name", "default=a type=text" },
    { TNI_ENTRY_COLUMN, "name", "type=text default" },
    { TNI_ENTRY_COLUMN, "name", "type=text default=a default=b default=c" },
    { TNI_ENTRY_COLUMN, "name", "type=text default=%f" },
    { TNI_ENTRY_COLUMN, "name", "type=text default=%fg" },
    { TNI_ENTRY_COLUMN, "name", "type=text default=%ff" },
    { TNI_ENTRY_COLUMN, "name", "type=text default=a type=int" },
    { TNI_ENTRY_COLUMN, "score", "type=real default=3fx" },
    { TNI_ENTRY_COLUMN, "score", "type=real default=7ff8000000000000" },
    { TNI_ENTRY_COLUMN, "score", "type=real default=00000000000000000" },
    { TNI_ENTRY_COLUMN, "age", "type=int default=9223372036854775808" },
    { TNI_ENTRY_COLUMN, "age", "type=int default=-9223372036854775809" },
    { TNI_ENTRY_COLUMN, "age", "type=int default=-" },
    { TNI_ENTRY_COLUMN, "age", "type=uuid default=01020300" },
    { TNI_ENTRY_COLUMN, "age", "type=uuid default=0102030z-0000-0000-0000-000000000000" },
    { TNI_ENTRY_COLUMN, "ok", "type=bool default=2" },
    { TNI_ENTRY_INDEX, "by_age", "unique" },
    { TNI_ENTRY_INDEX, "by_age", "columns=nothing" },
    { TNI_ENTRY_INDEX, "by_age", "columns=age,age" },
    { TNI_ENTRY_INDEX, "by_age", "columns=age columns=age" },
    { TNI_ENTRY_INDEX, "by_age", "columns=age unique=1" },
    { TNI_ENTRY_INDEX, "by_age", "columns=age where=age" },
    { TNI_ENTRY_INDEX, "by_age", "columns=age where=age:eq" },
    { TNI_ENTRY_INDEX, "by_age", "columns=age where=age:eq:x" },
    { TNI_ENTRY_INDEX, "by_age", "columns=age where=age:gt:1" },
    { TNI_ENTRY_INDEX, "by_age", "columns=age where=age:null:1" },
    { TNI_ENTRY_INDEX, "by_age", "columns=age where=nothing:null" },
    { TNI_ENTRY_FOREIGN_KEY, "people_self", "references=people" },
    { TNI_ENTRY_FOREIGN_KEY, "people_self", "columns=id" },
    { TNI_ENTRY_FOREIGN_KEY, "people_self", "columns=id references" },
    { TNI_ENTRY_FOREIGN_KEY, "people_self", "columns=id references=" },
    { TNI_ENTRY_FOREIGN_KEY, "people_self", "columns=id references=People" },
    { TNI_ENTRY_FOREIGN_KEY, "people_self", "columns=id references=people on_delete=what" },
    { TNI_ENTRY_FOREIGN_KEY, "people_self", "columns=id references=people on_delete=set_null" },
    { TNI_ENTRY_FOREIGN_KEY, "people_self", "columns=id references=people more=1" },
};

static void
a_damaged_definition_is_named(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(damages); i++) {
        const tenon_table **tables = (const tenon_table **)(void *)&tables;
        tenon_error err = { 0 };
        tni_entries entries;
        tni_entry entry;
        uint32_t count;

        entries_make(&entries);
        entry = *entries_find(&entries, "people", damages[i].kind, damages[i].name);
        tni_entries_remove(&entries, entries_find(&entries, "people", entry.kind, entry.name));
        entry.definition = strdup(damages[i].definition);
        assert_non_null(entry.definition);
        assert_int_equal(tni_entries_put(&entries, &entry, NULL), TENON_OK);
        free(entry.definition);
        if (tni_entries_tables(&entries, &tables, &count, &err) != TENON_CORRUPT)
            fail_msg("case %u: accepted: %s", (unsigned)i, damages[i].definition);
        assert_null(tables);
        assert_int_equal(strncmp(err.message, "the catalogue is damaged: ", 26), 0);
        assert_non_null(strstr(err.message, "people"));
        assert_non_null(strstr(err.message, damages[i].name));
        tni_entries_fini(&entries);
    }
}

static void
entries_that_do_not_belong_together_are_found(void **state)
{
    const tenon_table **tables;
    tni_entries entries;
    tni_entry entry;
    tenon_error err;
    uint32_t count;

    (void)state;
    entries_make(&entries);
    entry = *entries_find(&entries, "people", TNI_ENTRY_TABLE, "people");
    entry.definition = strdup("key=id");
    tni_entries_remove(&entries, entries_find(&entries, "people", TNI_ENTRY_TABLE, "people"));
    assert_int_equal(tni_entries_tables(&entries, &tables, &count, &err), TENON_CORRUPT);
    (void)snprintf(entry.name, sizeof entry.name, "other");
    assert_int_equal(tni_entries_put(&entries, &entry, NULL), TENON_OK);
    assert_int_equal(tni_entries_tables(&entries, &tables, &count, &err), TENON_CORRUPT);
    (void)snprintf(entry.name, sizeof entry.name, "people");
    assert_int_equal(tni_entries_put(&entries, &entry, NULL), TENON_OK);
    assert_int_equal(tni_entries_tables(&entries, &tables, &count, &err), TENON_CORRUPT);
    assert_int_equal(tni_entries_table(&entries, "nothing", &tables, &err), TENON_CORRUPT);
    assert_non_null(strstr(err.message, "has no table nothing"));
    free(entry.definition);
    tni_entries_fini(&entries);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(definitions_are_plain_lines),
        cmocka_unit_test(tables_are_read_back_as_they_were_written),
        cmocka_unit_test(columns_keep_the_order_in_which_they_were_added),
        cmocka_unit_test(a_damaged_definition_is_named),
        cmocka_unit_test(entries_that_do_not_belong_together_are_found),
    };

    return cmocka_run_group_tests_name("entries", tests, NULL, NULL);
}
