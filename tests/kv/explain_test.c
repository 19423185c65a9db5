/* Which way kits/kv finds rows by, in its own words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tenon/tenon.h"

enum { ID, NAME, CITY, AGE };

static const tenon_column columns[] = {
    [ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [NAME] = { .name = "name", .type = TENON_TEXT },
    [CITY] = { .name = "city", .type = TENON_TEXT },
    [AGE] = { .name = "age", .type = TENON_INT },
};
static const tenon_index indexes[] = {
    { .name = "by_name", .columns = TENON_COLUMNS(NAME), .unique = true },
    { .name = "by_city_age", .columns = TENON_COLUMNS(CITY, AGE) },
    { .name = "adults",
      .columns = TENON_COLUMNS(AGE),
      .where = TENON_WHERE(TENON_EQ_TEXT(CITY, "ulm")) },
};
static const tenon_table people = {
    .name = "people",
    .columns = columns,
    .column_count = 4,
    .primary_key = TENON_COLUMNS(ID),
    .indexes = indexes,
    .index_count = 3,
};
static const tenon_schema schema = {
    .name = "people",
    .version = 1,
    .tables = (const tenon_table *const[]){ &people },
    .table_count = 1,
};

#define SELECT .kind = TENON_SELECT, .table = &people, .columns = TENON_COLUMNS(ID)

typedef struct expectation {
    tenon_query query;
    const char *words;
} expectation;

static const expectation expectations[] = {
    { { SELECT, .where = TENON_WHERE(TENON_EQ(ID, 0)) }, "search people by primary key (id=)" },
    { { SELECT, .where = TENON_WHERE(TENON_EQ(NAME, 0)) },
      "search people by index by_name (name=)" },
    { { SELECT, .where = TENON_WHERE(TENON_EQ(CITY, 0), TENON_GT(AGE, 1), TENON_LE(AGE, 2)) },
      "search people by index by_city_age (city=, age>, age<=)" },
    { { SELECT, .where = TENON_WHERE(TENON_EQ(CITY, 0)),
        .order = TENON_ORDER(TENON_DESC(AGE), TENON_DESC(ID)) },
      "search people by index by_city_age (city=) backwards" },
    { { SELECT, .where = TENON_WHERE(TENON_EQ(CITY, 0)),
        .order = TENON_ORDER(TENON_DESC(AGE), TENON_ASC(ID)) },
      "search people by index by_city_age (city=); sort" },
    { { SELECT, .where = TENON_WHERE(TENON_IN(CITY, 0, 3)) },
      "search people by index by_city_age (city in)" },
    { { SELECT, .where = TENON_WHERE(TENON_PREFIX(NAME, 0), TENON_NE(AGE, 1)) },
      "search people by index by_name (name begins); filter age<>" },
    { { SELECT, .where = TENON_WHERE(TENON_EQ_TEXT(CITY, "ulm"), TENON_GE(AGE, 0)) },
      "search people by index by_city_age (city=, age>=)" },
    { { SELECT, .where = TENON_WHERE(TENON_EQ_TEXT(CITY, "bonn"), TENON_EQ(AGE, 0)) },
      "search people by index by_city_age (city=, age=)" },
    { { SELECT, .where = TENON_WHERE(TENON_IS_NULL(NAME)) },
      "search people by index by_name (name is null)" },
    { { SELECT, .where = TENON_WHERE(TENON_EQ(AGE, 0)) },
      "scan people by primary key; filter age=" },
    { { SELECT, .order = TENON_ORDER(TENON_ASC(NAME)) }, "scan people by index by_name" },
    { { SELECT }, "scan people by primary key" },
};

static void
a_query_takes_the_way_that_says_most(void **state)
{
    const tenon_open_options options = { .size = sizeof options, .schema = &schema };
    tenon_error err = { 0 };
    char words[200];
    tenon_db *db;
    tenon_txn *txn;

    (void)state;
    assert_int_equal(tenon_open("memory:", &options, &db, &err), TENON_OK);
    assert_int_equal(tenon_begin(db, NULL, &txn, &err), TENON_OK);
    for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
        assert_int_equal(tenon_explain(txn, &expectations[i].query, words, sizeof words, &err),
                         TENON_OK);
        assert_string_equal(words, expectations[i].words);
    }
    assert_int_equal(tenon_explain(txn, &expectations[0].query, words, 7, &err), TENON_OK);
    assert_string_equal(words, "search"); /* cut to its room */
    tenon_rollback(txn);
    tenon_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_takes_the_way_that_says_most),
    };

    return cmocka_run_group_tests_name("kv.explain", tests, NULL, NULL);
}
