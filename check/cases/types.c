/* Every type, its extremes, and what is no value of it. */
#include "check/conf.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { KIND_ID, KIND_I, KIND_R, KIND_B, KIND_T, KIND_X, KIND_U, KIND_AT, KIND_SHORT, KIND_COUNT };

static const tenon_column kind_columns[] = {
    [KIND_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [KIND_I] = { .name = "i", .type = TENON_INT },
    [KIND_R] = { .name = "r", .type = TENON_REAL },
    [KIND_B] = { .name = "b", .type = TENON_BOOL },
    [KIND_T] = { .name = "t", .type = TENON_TEXT },
    [KIND_X] = { .name = "x", .type = TENON_BLOB },
    [KIND_U] = { .name = "u", .type = TENON_UUID },
    [KIND_AT] = { .name = "at", .type = TENON_TIME },
    [KIND_SHORT] = { .name = "short", .type = TENON_TEXT, .max_bytes = 5 },
};

static const tenon_index kind_indexes[] = {
    { .name = "kind_r", .columns = TENON_COLUMNS(KIND_R), .unique = true },
};

static const tenon_table kind_table = {
    .name = "kind",
    .columns = kind_columns,
    .column_count = KIND_COUNT,
    .primary_key = TENON_COLUMNS(KIND_ID),
    .indexes = kind_indexes,
    .index_count = 1,
};

static const tenon_table *const kind_tables[] = { &kind_table };

static const tenon_schema kind_schema = {
    .name = "kinds",
    .version = 1,
    .tables = kind_tables,
    .table_count = 1,
};

/* One query for each column: insert (id, column), read column by id, find the id by column. */
#define KIND_INSERT(column)                                                                        \
    {                                                                                              \
        .kind = TENON_INSERT, .table = &kind_table, .columns = TENON_COLUMNS(KIND_ID, column)      \
    }
#define KIND_READ(column)                                                                          \
    {                                                                                              \
        .kind = TENON_SELECT, .table = &kind_table, .columns = TENON_COLUMNS(column),              \
        .where = TENON_WHERE(TENON_EQ(KIND_ID, 0))                                                 \
    }
#define KIND_FIND(column)                                                                          \
    {                                                                                              \
        .kind = TENON_SELECT, .table = &kind_table, .columns = TENON_COLUMNS(KIND_ID),             \
        .where = TENON_WHERE(TENON_EQ(column, 0), TENON_EQ(KIND_ID, 1))                            \
    }
#define KIND_EACH(X)                                                                               \
    {                                                                                              \
        [KIND_I] = X(KIND_I), [KIND_R] = X(KIND_R), [KIND_B] = X(KIND_B), [KIND_T] = X(KIND_T),    \
        [KIND_X] = X(KIND_X), [KIND_U] = X(KIND_U), [KIND_AT] = X(KIND_AT),                        \
        [KIND_SHORT] = X(KIND_SHORT)                                                               \
    }

static const tenon_query kind_insert[] = KIND_EACH(KIND_INSERT);
static const tenon_query kind_read[] = KIND_EACH(KIND_READ);
static const tenon_query kind_find[] = KIND_EACH(KIND_FIND);

static uint64_t
types_bits(double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static bool
types_same(const tenon_value *a, const tenon_value *b)
{
    if (a->type != b->type || a->len != b->len)
        return false;
    if (a->type == TENON_TEXT || a->type == TENON_BLOB || a->type == TENON_UUID)
        return a->len == 0 || memcmp(a->as.data, b->as.data, a->len) == 0;
    if (a->type == TENON_REAL) /* by its bits: minus zero is told from zero */
        return types_bits(a->as.d) == types_bits(b->as.d);
    return a->type == TENON_NULL || a->as.i == b->as.i;
}

/* Store a value under a new id, read it back the same, and find it by itself. */
static void
types_pass(conf *c, int64_t *id, uint32_t column, tenon_value in, tenon_value expected)
{
    const tenon_value *row = NULL;

    ++*id;
    EXEC(c, 1, &kind_insert[column], P(I(*id), in));
    OK(c, tenon_fetch(c->txn, &kind_read[column], P(I(*id)), &row, &c->err));
    if (!types_same(row, &expected)) {
        char wanted[120], seen[120], text[160];

        (void)conf_show_row(&expected, 1, wanted, sizeof wanted);
        (void)conf_show_row(row, 1, seen, sizeof seen);
        (void)snprintf(text, sizeof text, "%s is read back: %s", tenon_type_name(expected.type),
                       wanted);
        conf_failed(CONF_HERE, text, "%s of %u bytes instead of %s of %u bytes: %s",
                    tenon_type_name(row->type), row->len, tenon_type_name(expected.type),
                    expected.len, seen);
    }
    if (in.type == TENON_NULL) {
        FAILS(c, TENON_NOT_FOUND, "",
              tenon_fetch(c->txn, &kind_find[column], P(in, I(*id)), &row, &c->err));
        return;
    }
    OK(c, tenon_fetch(c->txn, &kind_find[column], P(in, I(*id)), &row, &c->err));
    CHECK_INT(row[0].as.i, *id);
}

static void
types_numbers(conf *c)
{
    static const int64_t whole[] = {
        0,         1,         -1,           127,       -128,
        255,       256,       INT32_MAX,    INT32_MIN, INT64_C(1) << 53,
        INT64_MAX, INT64_MIN, INT64_MIN + 1
    };
    static const double real[] = { 0.0,      1.0,      -1.0,      0.1,
                                   -0.1,     1e300,    -1e300,    DBL_MAX,
                                   -DBL_MAX, DBL_MIN,  -DBL_MIN,  5e-324,
                                   -5e-324,  INFINITY, -INFINITY, 9007199254740993.0,
                                   123.0 };
    int64_t id = 0;

    conf_open(c, &kind_schema);
    BEGIN(c);
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        types_pass(c, &id, KIND_I, I(whole[i]), I(whole[i]));
        if (whole[i] >= TENON_MIN_TIME_US)
            types_pass(c, &id, KIND_AT, tenon_time(whole[i]), tenon_time(whole[i]));
    }
    types_pass(c, &id, KIND_AT, tenon_time(TENON_MIN_TIME_US), tenon_time(TENON_MIN_TIME_US));
    for (size_t i = 0; i < sizeof real / sizeof real[0]; i++)
        types_pass(c, &id, KIND_R, tenon_real(real[i]), tenon_real(real[i]));
    types_pass(c, &id, KIND_B, tenon_bool(true), tenon_bool(true));
    types_pass(c, &id, KIND_B, tenon_bool(false), tenon_bool(false));
    for (uint32_t column = KIND_I; column < KIND_COUNT; column++)
        types_pass(c, &id, column, NIL, NIL);
    COMMIT(c);
    conf_verify(c);
}

static void
types_bytes(conf *c)
{
    static const char *const texts[] = { "",
                                         "a",
                                         "It's \"quoted\"; -- `x`",
                                         "\x7f",
                                         "\xc3\xa9",
                                         "%_\\",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\x01\n\t" };
    static const unsigned char bytes[] = { 0, 1, 0, 255, 254, 0 };
    const tenon_uuid low = { { 0 } }, made = tenon_uuid_new();
    tenon_uuid high;
    int64_t id = 0;

    memset(&high, 0xff, sizeof high);
    conf_open(c, &kind_schema);
    BEGIN(c);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        types_pass(c, &id, KIND_T, T(texts[i]), T(texts[i]));
    for (size_t i = 0; i <= sizeof bytes; i++)
        types_pass(c, &id, KIND_X, tenon_blob(bytes, i), tenon_blob(bytes, i));
    types_pass(c, &id, KIND_T, tenon_text_n(NULL, 0), T(""));
    types_pass(c, &id, KIND_X, tenon_blob(NULL, 0), tenon_blob("", 0));
    types_pass(c, &id, KIND_U, tenon_id(&low), tenon_id(&low));
    types_pass(c, &id, KIND_U, tenon_id(&high), tenon_id(&high));
    types_pass(c, &id, KIND_U, tenon_id(&made), tenon_id(&made));
    types_pass(c, &id, KIND_SHORT, T("12345"), T("12345"));
    COMMIT(c);
    conf_verify(c);
}

/* Sizes around those at which engines change how they keep a value. */
static void
types_long(conf *c)
{
    static const size_t sizes[] = { 100, 510, 512, 1000, 2047, 4095, 4097, 65535, 65537, 1000000 };
    char *text = (char *)malloc(1000000);
    int64_t id = 0;

    CHECK(text != NULL);
    for (size_t i = 0; i < 1000000; i++)
        text[i] = (char)('a' + i % 26);
    conf_open(c, &kind_schema);
    BEGIN(c);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        types_pass(c, &id, KIND_T, tenon_text_n(text, sizes[i]), tenon_text_n(text, sizes[i]));
        types_pass(c, &id, KIND_X, tenon_blob(text, sizes[i]), tenon_blob(text, sizes[i]));
    }
    COMMIT(c);
    conf_verify(c);
    free(text);
}

/* -0.0 is stored as 0.0, is found as it, and is a duplicate of it. */
static void
types_minus_zero(conf *c)
{
    int64_t id = 0;

    conf_open(c, &kind_schema);
    BEGIN(c);
    types_pass(c, &id, KIND_R, tenon_real(-0.0), tenon_real(0.0));
    ROWS(c, "1", &kind_find[KIND_R], P(tenon_real(0.0), I(1)));
    REFUSED(c, TENON_EXISTS, "kind_r", &kind_insert[KIND_R], P(I(2), tenon_real(0.0)));
    ROLLBACK(c);
    BEGIN(c);
    EXEC(c, 1, &kind_insert[KIND_R], P(I(2), tenon_real(0.0)));
    REFUSED(c, TENON_EXISTS, "kind_r", &kind_insert[KIND_R], P(I(3), tenon_real(-0.0)));
    COMMIT(c);
    conf_verify(c);
}

/* One bad value for a column: refused, and nothing is stored. */
static void
types_refuse(conf *c, uint32_t column, tenon_value v)
{
    REFUSED(c, TENON_INVALID, NULL, &kind_insert[column], P(I(1), v));
    ROWS(c, "", &kind_read[column], P(I(1)));
}

static void
types_refused(conf *c)
{
    tenon_value v;

    conf_open(c, &kind_schema);
    BEGIN(c);
    types_refuse(c, KIND_R, tenon_real(NAN));
    types_refuse(c, KIND_R, I(1));
    types_refuse(c, KIND_I, tenon_real(1.0));
    types_refuse(c, KIND_I, tenon_bool(true));
    types_refuse(c, KIND_I, T("1"));
    types_refuse(c, KIND_AT, I(1));
    types_refuse(c, KIND_T, tenon_blob("a", 1));
    types_refuse(c, KIND_X, T("a"));
    types_refuse(c, KIND_U, tenon_blob("0123456789abcdef", 16));
    types_refuse(c, KIND_T, tenon_text_n("a\0b", 3));
    types_refuse(c, KIND_T, T("\xff"));
    types_refuse(c, KIND_T, T("\xc0\x80"));
    types_refuse(c, KIND_T, T("\xed\xa0\x80"));
    types_refuse(c, KIND_T, T("\xe2\x82"));
    types_refuse(c, KIND_SHORT, T("123456"));
    v = tenon_bool(true);
    v.as.i = 2;
    types_refuse(c, KIND_B, v);
    v = tenon_blob("0123456789", 10);
    v.type = TENON_UUID;
    types_refuse(c, KIND_U, v);
    v = tenon_null();
    v.type = 99;
    types_refuse(c, KIND_I, v);
    REFUSED(c, TENON_CONSTRAINT, "kind.id", &kind_insert[KIND_I], P(NIL, I(1)));
    EXEC(c, 1, &kind_insert[KIND_I], P(I(1), I(1))); /* and the transaction goes on */
    COMMIT(c);
    conf_verify(c);
}

/* ---- 64 columns, of every type in turn ---- */

static char wide_names[TENON_MAX_COLUMNS][8];
static tenon_column wide_columns[TENON_MAX_COLUMNS];
static tenon_column_no wide_numbers[TENON_MAX_COLUMNS];
static const tenon_column_no wide_key[] = { TENON_MAX_COLUMNS - 1 };

static const tenon_table wide_table = {
    .name = "wide",
    .columns = wide_columns,
    .column_count = TENON_MAX_COLUMNS,
    .primary_key = { wide_key, 1 },
};

static const tenon_table *const wide_tables[] = { &wide_table };

static const tenon_schema wide_schema = {
    .name = "wide_one",
    .version = 1,
    .tables = wide_tables,
    .table_count = 1,
};

static const tenon_query wide_insert = {
    .kind = TENON_INSERT,
    .table = &wide_table,
    .columns = { wide_numbers, TENON_MAX_COLUMNS },
};

static const tenon_query wide_read = {
    .kind = TENON_SELECT,
    .table = &wide_table,
    .columns = { wide_numbers, TENON_MAX_COLUMNS },
    .where = TENON_WHERE(TENON_EQ(TENON_MAX_COLUMNS - 1, 0)),
};

static const tenon_query wide_update = {
    .kind = TENON_UPDATE,
    .table = &wide_table,
    .set = TENON_SET(TENON_TO(0, 1), TENON_TO_NULL(TENON_MAX_COLUMNS - 2)),
    .where = TENON_WHERE(TENON_EQ(TENON_MAX_COLUMNS - 1, 0)),
};

static tenon_value
wide_value(uint32_t column, const tenon_uuid *id)
{
    switch (wide_columns[column].type) {
    case TENON_INT:
        return I((int64_t)column - 30);
    case TENON_REAL:
        return tenon_real((double)column / 4 - 5);
    case TENON_BOOL:
        return tenon_bool(column % 2 == 0);
    case TENON_TEXT:
        return T(wide_names[column]);
    case TENON_BLOB:
        return tenon_blob(wide_names[column], column % 5);
    case TENON_UUID:
        return tenon_id(id);
    default:
        return tenon_time(column);
    }
}

static void
wide_make(void)
{
    for (uint32_t i = 0; i < TENON_MAX_COLUMNS; i++) {
        (void)snprintf(wide_names[i], sizeof wide_names[i], "c%u", i);
        wide_columns[i] = (tenon_column){ .name = wide_names[i],
                                          .type = (tenon_type)(TENON_INT + i % TENON_TIME) };
        wide_numbers[i] = (tenon_column_no)i;
    }
    wide_columns[TENON_MAX_COLUMNS - 1].type = TENON_INT;
    wide_columns[TENON_MAX_COLUMNS - 1].not_null = true;
}

static void
types_64_columns(conf *c)
{
    const tenon_uuid id = tenon_uuid_new();
    tenon_value in[TENON_MAX_COLUMNS];
    const tenon_value *row = NULL;

    wide_make();
    for (uint32_t i = 0; i < TENON_MAX_COLUMNS; i++)
        in[i] = wide_value(i, &id);
    conf_open(c, &wide_schema);
    BEGIN(c);
    EXEC(c, 1, &wide_insert, in);
    OK(c, tenon_fetch(c->txn, &wide_read, &in[TENON_MAX_COLUMNS - 1], &row, &c->err));
    for (uint32_t i = 0; i < TENON_MAX_COLUMNS; i++)
        CHECK(types_same(&row[i], &in[i]));
    EXEC(c, 1, &wide_update, P(in[TENON_MAX_COLUMNS - 1], I(77)));
    OK(c, tenon_fetch(c->txn, &wide_read, &in[TENON_MAX_COLUMNS - 1], &row, &c->err));
    CHECK_INT(row[0].as.i, 77);
    CHECK_INT(row[TENON_MAX_COLUMNS - 2].type, TENON_NULL);
    for (uint32_t i = 1; i < TENON_MAX_COLUMNS - 2; i++)
        CHECK(types_same(&row[i], &in[i]));
    for (uint32_t i = 0; i < TENON_MAX_COLUMNS - 1; i++)
        in[i] = NIL;
    in[TENON_MAX_COLUMNS - 1] = I(5);
    EXEC(c, 1, &wide_insert, in);
    OK(c, tenon_fetch(c->txn, &wide_read, P(I(5)), &row, &c->err));
    for (uint32_t i = 0; i < TENON_MAX_COLUMNS; i++)
        CHECK(types_same(&row[i], &in[i]));
    COMMIT(c);
    conf_verify(c);
}

static const conf_case types_cases[] = {
    CASE(types_numbers, "INT, REAL, BOOL and TIME are kept at their limits"),
    CASE(types_bytes, "TEXT, BLOB and UUID are kept, empty ones and zeros too"),
    CASE(types_long, "long values are kept"),
    CASE(types_minus_zero, "minus zero is zero"),
    CASE(types_refused, "values of the wrong type, NaN and bad UTF-8 are refused"),
    CASE(types_64_columns, "a table of 64 columns works"),
};

CONF_GROUP(types, "types and values",
           "How values are written to the engine and read back: see tenon_value.");
