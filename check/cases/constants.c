/* Values that stand in a query or a schema itself, not in a parameter: an engine that takes text
 * has them written out. At their limits, in conditions and as defaults. */
#include "check/conf.h"

#include <float.h>
#include <math.h>

enum { FIX_ID, FIX_I, FIX_R, FIX_B, FIX_T, FIX_X, FIX_U, FIX_AT, FIX_COLUMNS };

#define FIX_SETS 6

static const tenon_uuid fix_ids[FIX_SETS] = {
    { { 0 } },
    { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff } },
    { { 0x7f } },
    { { 0x80 } },
    { { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 } },
    { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } },
};

#define FIX_INT(n)                                                                                 \
    {                                                                                              \
        .type = TENON_INT, .as = {.i = (n) }                                                       \
    }
#define FIX_TIME(n)                                                                                \
    {                                                                                              \
        .type = TENON_TIME, .as = {.i = (n) }                                                      \
    }
#define FIX_REAL(n)                                                                                \
    {                                                                                              \
        .type = TENON_REAL, .as = {.d = (n) }                                                      \
    }
#define FIX_BOOL(n)                                                                                \
    {                                                                                              \
        .type = TENON_BOOL, .as = {.i = (n) }                                                      \
    }
#define FIX_BYTES(type_, bytes)                                                                    \
    {                                                                                              \
        .type = (type_), .len = sizeof(bytes) - 1, .as = {.data = (bytes) }                        \
    }
#define FIX_UUID(n)                                                                                \
    {                                                                                              \
        .type = TENON_UUID, .len = sizeof(tenon_uuid), .as = {.data = &fix_ids[n] }                \
    }

/* One value for each column but the id; all of a column differ. */
static const tenon_value fix_values[FIX_SETS][FIX_COLUMNS] = {
    { FIX_INT(1), FIX_INT(INT64_MIN), FIX_REAL(-INFINITY), FIX_BOOL(0), FIX_BYTES(TENON_TEXT, ""),
      FIX_BYTES(TENON_BLOB, ""), FIX_UUID(0), FIX_TIME(TENON_MIN_TIME_US) },
    { FIX_INT(2), FIX_INT(INT64_MAX), FIX_REAL(5e-324), FIX_BOOL(1), FIX_BYTES(TENON_TEXT, "'"),
      FIX_BYTES(TENON_BLOB, "\0"), FIX_UUID(1), FIX_TIME(4102444800000001) },
    { FIX_INT(3), FIX_INT(4294967297), FIX_REAL(0.1), FIX_BOOL(0),
      FIX_BYTES(TENON_TEXT, "It's \"so\"; -- `x` \\ %_?1 $1"),
      FIX_BYTES(TENON_BLOB, "\0\377'\\\"\1"), FIX_UUID(2), FIX_TIME(-1) },
    { FIX_INT(4), FIX_INT(-1), FIX_REAL(1.0 / 3), FIX_BOOL(1),
      FIX_BYTES(TENON_TEXT, "\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
      FIX_BYTES(TENON_BLOB, "\377"), FIX_UUID(3), FIX_TIME(0) },
    { FIX_INT(5), FIX_INT(0), FIX_REAL(INFINITY), FIX_BOOL(0), FIX_BYTES(TENON_TEXT, "\n\t\x01"),
      FIX_BYTES(TENON_BLOB, "''"), FIX_UUID(4), FIX_TIME(1) },
    { FIX_INT(6), FIX_INT(9007199254740993), FIX_REAL(DBL_MAX), FIX_BOOL(1),
      FIX_BYTES(TENON_TEXT, "NULL"), FIX_BYTES(TENON_BLOB, "\\x00"), FIX_UUID(5),
      FIX_TIME(1700000000123456) },
};

static tenon_column fix_columns[FIX_COLUMNS] = {
    [FIX_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [FIX_I] = { .name = "i", .type = TENON_INT },
    [FIX_R] = { .name = "r", .type = TENON_REAL },
    [FIX_B] = { .name = "b", .type = TENON_BOOL },
    [FIX_T] = { .name = "t", .type = TENON_TEXT },
    [FIX_X] = { .name = "x", .type = TENON_BLOB },
    [FIX_U] = { .name = "u", .type = TENON_UUID },
    [FIX_AT] = { .name = "at", .type = TENON_TIME },
};

static const tenon_table fix_narrow = {
    .name = "fixed", .columns = fix_columns, .column_count = 1, .primary_key = TENON_COLUMNS(FIX_ID)
};
static const tenon_table fix_table = { .name = "fixed",
                                       .columns = fix_columns,
                                       .column_count = FIX_COLUMNS,
                                       .primary_key = TENON_COLUMNS(FIX_ID) };
static const tenon_table *const fix_narrow_tables[] = { &fix_narrow };
static const tenon_table *const fix_tables[] = { &fix_table };
static const tenon_schema fix_schema = {
    .name = "fixed_values", .version = 1, .tables = fix_tables, .table_count = 1
};
static const tenon_schema fix_narrow_schema = {
    .name = "fixed_values", .version = 1, .tables = fix_narrow_tables, .table_count = 1
};

#define FIX_ALL TENON_COLUMNS(FIX_ID, FIX_I, FIX_R, FIX_B, FIX_T, FIX_X, FIX_U, FIX_AT)

static const tenon_query fix_insert = { .kind = TENON_INSERT,
                                        .table = &fix_table,
                                        .columns = FIX_ALL };
static const tenon_query fix_insert_id = { .kind = TENON_INSERT,
                                           .table = &fix_table,
                                           .columns = TENON_COLUMNS(FIX_ID) };
static const tenon_query fix_narrow_insert = { .kind = TENON_INSERT,
                                               .table = &fix_narrow,
                                               .columns = TENON_COLUMNS(FIX_ID) };
static const tenon_query fix_read = { .kind = TENON_SELECT,
                                      .table = &fix_table,
                                      .columns = FIX_ALL,
                                      .where = TENON_WHERE(TENON_EQ(FIX_ID, 0)) };

/* ---- Conditions ---- */

/* COLUMN = value, for each; a query lives as long as its database. */
static tenon_condition fix_conditions[FIX_SETS][FIX_COLUMNS];
static tenon_query fix_find[FIX_SETS][FIX_COLUMNS];

static void
constants_make_queries(void)
{
    for (uint32_t set = 0; set < FIX_SETS; set++) {
        for (uint32_t column = FIX_I; column < FIX_COLUMNS; column++) {
            fix_conditions[set][column] = (tenon_condition){ .column = (tenon_column_no)column,
                                                             .op = TENON_OP_EQ,
                                                             .param = TENON_NO_PARAM,
                                                             .constant = fix_values[set][column] };
            fix_find[set][column] = (tenon_query){ .name = fix_columns[column].name,
                                                   .kind = TENON_COUNT,
                                                   .table = &fix_table,
                                                   .where = { &fix_conditions[set][column], 1 } };
        }
    }
}

static void
constants_in_conditions(conf *c)
{
    constants_make_queries();
    conf_open(c, &fix_schema);
    BEGIN(c);
    EXEC(c, 1, &fix_insert_id, P(I(0))); /* all else is NULL */
    for (uint32_t set = 0; set < FIX_SETS; set++)
        EXEC(c, 1, &fix_insert, fix_values[set]);
    for (uint32_t set = 0; set < FIX_SETS; set++) {
        for (uint32_t column = FIX_I; column < FIX_COLUMNS; column++) {
            const uint64_t expected = column == FIX_B ? FIX_SETS / 2 : 1;
            uint64_t count = 0;
            char value[200];

            OK(c, tenon_count(c->txn, &fix_find[set][column], NULL, &count, &c->err));
            (void)conf_show_row(&fix_values[set][column], 1, value, sizeof value);
            if (count != expected)
                conf_failed(CONF_HERE, "a constant finds the rows that its parameter would find",
                            "%llu rows with %s = '%s', not %llu", (unsigned long long)count,
                            fix_columns[column].name, value, (unsigned long long)expected);
        }
    }
    COMMIT(c);
}

#define FIX_PREFIX(col, type_, bytes)                                                              \
    {                                                                                              \
        .kind = TENON_SELECT, .table = &fix_table, .columns = TENON_COLUMNS(FIX_ID),               \
        .order = TENON_ORDER(TENON_ASC(FIX_ID)),                                                   \
        .where = TENON_WHERE({                                                                     \
            .column = (col),                                                                       \
            .op = TENON_OP_PREFIX,                                                                 \
            .param = TENON_NO_PARAM,                                                               \
            .constant = FIX_BYTES(type_, bytes),                                                   \
        })                                                                                         \
    }

static const tenon_query fix_accents = FIX_PREFIX(FIX_T, TENON_TEXT,
                                                  "\xc3\xa9t\xc3\xa9 \xe2"
                                                  "\x82\xac");
static const tenon_query fix_one = FIX_PREFIX(FIX_T, TENON_TEXT, "\xc3\xa9");
static const tenon_query fix_quote = FIX_PREFIX(FIX_T, TENON_TEXT, "It's \"so\"; -- `x` \\ %_?");
static const tenon_query fix_none = FIX_PREFIX(FIX_T, TENON_TEXT, "it's");
static const tenon_query fix_all = FIX_PREFIX(FIX_T, TENON_TEXT, "");
static const tenon_query fix_zero = FIX_PREFIX(FIX_X, TENON_BLOB, "\0");
static const tenon_query fix_most = FIX_PREFIX(FIX_X, TENON_BLOB, "\377");
static const tenon_query fix_middle = FIX_PREFIX(FIX_X, TENON_BLOB, "\0\377");

/* Characters of several bytes, quotes, and the bytes at which a range has no end. */
static void
constants_as_prefixes(conf *c)
{
    conf_open(c, &fix_schema);
    BEGIN(c);
    EXEC(c, 1, &fix_insert_id, P(I(0)));
    for (uint32_t set = 0; set < FIX_SETS; set++)
        EXEC(c, 1, &fix_insert, fix_values[set]);
    ROWS(c, "4", &fix_accents, NULL);
    ROWS(c, "4", &fix_one, NULL);
    ROWS(c, "3", &fix_quote, NULL);
    ROWS(c, "", &fix_none, NULL);
    ROWS(c, "1;2;3;4;5;6", &fix_all, NULL);
    ROWS(c, "2;3", &fix_zero, NULL);
    ROWS(c, "4", &fix_most, NULL);
    ROWS(c, "3", &fix_middle, NULL);
    COMMIT(c);
}

/* ---- Defaults ---- */

static void
constants_expect_row(conf *c, int64_t id, uint32_t set)
{
    const tenon_value *row = NULL;
    char seen[400], wanted[400];

    OK(c, tenon_fetch(c->txn, &fix_read, P(I(id)), &row, &c->err));
    (void)conf_show_row(row + 1, FIX_COLUMNS - 1, seen, sizeof seen);
    (void)conf_show_row(fix_values[set] + 1, FIX_COLUMNS - 1, wanted, sizeof wanted);
    if (strcmp(seen, wanted) != 0)
        conf_failed(CONF_HERE, "a column that was not given has its default",
                    "'%s' in row %lld, instead of '%s'", seen, (long long)id, wanted);
}

static void
constants_set_defaults(uint32_t set)
{
    for (uint32_t column = FIX_I; column < FIX_COLUMNS; column++)
        fix_columns[column].default_value = fix_values[set][column];
}

static void
constants_as_defaults(conf *c)
{
    for (uint32_t set = 0; set < FIX_SETS; set++) {
        constants_set_defaults(set);
        conf_open(c, &fix_schema);
        BEGIN(c);
        EXEC(c, 1, &fix_insert_id, P(I(1)));
        constants_expect_row(c, 1, set);
        COMMIT(c);
        conf_verify(c);
        conf_renew(c);
    }
}

/* Rows that are older than a column have its default, and are found by it. */
static void
constants_in_added_columns(conf *c)
{
    tenon_step steps[FIX_COLUMNS - 1];
    tenon_schema wider = fix_schema;

    NEEDS(TENON_CAP_PERSISTENT);
    constants_make_queries();
    wider.version = 2;
    wider.steps = steps;
    wider.step_count = FIX_COLUMNS - 1;
    for (uint32_t i = 0; i < FIX_COLUMNS - 1; i++)
        steps[i] = (tenon_step){ .version = 2,
                                 .kind = TENON_ADD_COLUMN,
                                 .table_name = "fixed",
                                 .column = &fix_columns[i + 1] };
    for (uint32_t set = 0; set < FIX_SETS; set++) {
        uint64_t count = 0;

        constants_set_defaults(set);
        conf_open(c, &fix_narrow_schema);
        BEGIN(c);
        EXEC(c, 1, &fix_narrow_insert, P(I(1)));
        COMMIT(c);
        conf_close(c);
        conf_open(c, &wider);
        BEGIN(c);
        constants_expect_row(c, 1, set);
        EXEC(c, 1, &fix_insert_id, P(I(2)));
        constants_expect_row(c, 2, set);
        OK(c, tenon_count(c->txn, &fix_find[set][FIX_I], NULL, &count, &c->err));
        CHECK_INT(count, 2);
        COMMIT(c);
        conf_verify(c);
        conf_renew(c);
    }
}

static const conf_case constants_cases[] = {
    CASE(constants_in_conditions, "a constant in a condition is the value that it says"),
    CASE(constants_as_prefixes, "a constant prefix finds what begins with it"),
    SLOW_CASE(constants_as_defaults, "a default is stored as it is declared, at the limits too"),
    SLOW_CASE(constants_in_added_columns,
              "rows that are older than a column have its default, at the limits too"),
};

CONF_GROUP(constants, "constants",
           "How a value is written into the engine's own language, or into its catalogue: "
           "tenon_drv_cond.constant, tenon_drv_assign.constant, tenon_drv_column.default_value.");
