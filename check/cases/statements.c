/* Statements: conditions, changes, upserts, and failures that leave no trace. */
#include "check/conf.h"

enum { WORD_ID, WORD_TEXT, WORD_BYTES, WORD_N, WORD_R, WORD_ON };

static const tenon_column word_columns[] = {
    [WORD_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [WORD_TEXT] = { .name = "text", .type = TENON_TEXT },
    [WORD_BYTES] = { .name = "bytes", .type = TENON_BLOB },
    [WORD_N] = { .name = "n", .type = TENON_INT },
    [WORD_R] = { .name = "r", .type = TENON_REAL },
    [WORD_ON] = { .name = "on",
                  .type = TENON_BOOL,
                  .not_null = true,
                  .default_value = { .type = TENON_BOOL, .as = { .i = 1 } } },
};

static const tenon_index word_indexes[] = {
    { .name = "word_text", .columns = TENON_COLUMNS(WORD_TEXT), .unique = true },
    { .name = "word_n_r", .columns = TENON_COLUMNS(WORD_N, WORD_R) },
    { .name = "word_bytes", .columns = TENON_COLUMNS(WORD_BYTES) },
};

static const tenon_table word_table = {
    .name = "word",
    .columns = word_columns,
    .column_count = 6,
    .primary_key = TENON_COLUMNS(WORD_ID),
    .indexes = word_indexes,
    .index_count = 3,
};

static const tenon_table *const word_tables[] = { &word_table };

static const tenon_schema word_schema = {
    .name = "words",
    .version = 1,
    .tables = word_tables,
    .table_count = 1,
};

#define WORD_INSERT(...)                                                                           \
    {                                                                                              \
        .kind = TENON_INSERT, .table = &word_table,                                                \
        .columns = TENON_COLUMNS(WORD_ID, WORD_TEXT, WORD_BYTES, WORD_N, WORD_R), __VA_ARGS__      \
    }
#define WORD_SELECT(...)                                                                           \
    {                                                                                              \
        .kind = TENON_SELECT, .table = &word_table, .columns = TENON_COLUMNS(WORD_ID),             \
        .order = TENON_ORDER(TENON_ASC(WORD_ID)), .where = TENON_WHERE(__VA_ARGS__)                \
    }

static const tenon_query word_insert = WORD_INSERT(.name = "insert");
static const tenon_query word_ignore = WORD_INSERT(.on_conflict = TENON_ON_CONFLICT_IGNORE);
static const tenon_query word_upsert = WORD_INSERT(.on_conflict = TENON_ON_CONFLICT_UPDATE,
                                                   .set = TENON_SET(TENON_TO(WORD_N, 3),
                                                                    TENON_PLUS(WORD_R, 4)));
static const tenon_query word_upsert_text =
    WORD_INSERT(.on_conflict = TENON_ON_CONFLICT_UPDATE, .conflict_index = "word_text",
                .set = TENON_SET(TENON_PLUS(WORD_N, 5), TENON_TO_NULL(WORD_BYTES)));
static const tenon_query word_all = {
    .kind = TENON_SELECT,
    .table = &word_table,
    .columns = TENON_COLUMNS(WORD_ID, WORD_TEXT, WORD_BYTES, WORD_N, WORD_R),
    .order = TENON_ORDER(TENON_ASC(WORD_ID)),
};

/* Words 1 to 8; 7 and 8 are mostly NULL. */
static void
statements_begin(conf *c)
{
    static const char *const texts[] = { "ab", "abc", "abd", "ac", "\xc3\xa9t\xc3\xa9", "b" };
    static const char bytes[] = "\377\377\0\1";

    conf_open(c, &word_schema);
    BEGIN(c);
    for (int i = 0; i < 6; i++)
        EXEC(c, 1, &word_insert,
             P(I(i + 1), T(texts[i]), tenon_blob(bytes, (size_t)(i % 5)), I(i / 2),
               tenon_real(-1.5 * i)));
    EXEC(c, 1, &word_insert, P(I(7), NIL, NIL, NIL, NIL));
    EXEC(c, 1, &word_insert, P(I(8), NIL, NIL, I(2), NIL));
}

static void
statements_end(conf *c)
{
    COMMIT(c);
    conf_verify(c);
}

/* ---- Conditions ---- */

#define WORD_PREFIX_IS(col, type_, bytes)                                                          \
    {                                                                                              \
        .column = (col), .op = TENON_OP_PREFIX, .param = TENON_NO_PARAM, .constant = {             \
            .type = (type_),                                                                       \
            .len = sizeof(bytes) - 1,                                                              \
            .as = { .data = (bytes) }                                                              \
        }                                                                                          \
    }

static const tenon_query word_in = WORD_SELECT(TENON_IN(WORD_TEXT, 0, 3));
static const tenon_query word_in_ids = WORD_SELECT(TENON_IN(WORD_ID, 0, 4));
static const tenon_query word_in_both = WORD_SELECT(TENON_IN(WORD_N, 0, 2), TENON_IN(WORD_R, 2, 2));
static const tenon_query word_prefix = WORD_SELECT(TENON_PREFIX(WORD_TEXT, 0));
static const tenon_query word_prefix_bytes = WORD_SELECT(TENON_PREFIX(WORD_BYTES, 0));
static const tenon_query word_count_prefix = { .name = "count prefix",
                                               .kind = TENON_COUNT,
                                               .table = &word_table,
                                               .where = TENON_WHERE(TENON_PREFIX(WORD_TEXT, 0)) };
static const tenon_query word_count_prefix_bytes = {
    .name = "count prefix",
    .kind = TENON_COUNT,
    .table = &word_table,
    .where = TENON_WHERE(TENON_PREFIX(WORD_BYTES, 0)),
};
static const tenon_query word_prefix_two = WORD_SELECT(TENON_PREFIX(WORD_TEXT, 0),
                                                       TENON_PREFIX(WORD_TEXT, 1));
static const tenon_query word_prefix_constant = WORD_SELECT(
    WORD_PREFIX_IS(WORD_TEXT, TENON_TEXT, "ab"));
static const tenon_query word_prefix_bytes_constant = WORD_SELECT(
    WORD_PREFIX_IS(WORD_BYTES, TENON_BLOB, "\377\377\0"));
static const tenon_query word_null = WORD_SELECT(TENON_IS_NULL(WORD_TEXT));
static const tenon_query word_not_null = WORD_SELECT(TENON_NOT_NULL(WORD_TEXT));
static const tenon_query word_two = WORD_SELECT(TENON_GE(WORD_N, 0), TENON_LT(WORD_R, 1),
                                                TENON_NE(WORD_TEXT, 2));
static const tenon_query word_between = WORD_SELECT(TENON_GT(WORD_N, 0), TENON_LE(WORD_N, 1));
static const tenon_query word_constant = WORD_SELECT(TENON_EQ_INT(WORD_N, 1),
                                                     TENON_EQ_BOOL(WORD_ON, true));
static const tenon_query word_text_is = WORD_SELECT(TENON_EQ_TEXT(WORD_TEXT, "abc"));
static const tenon_query word_same_param = WORD_SELECT(TENON_GE(WORD_N, 0), TENON_LE(WORD_ID, 0));
static const tenon_query word_same_param_down = WORD_SELECT(TENON_LE(WORD_N, 0),
                                                            TENON_LE(WORD_ID, 0));
static const tenon_query word_ne = WORD_SELECT(TENON_NE(WORD_N, 0));

static void
statements_in(conf *c)
{
    statements_begin(c);
    ROWS(c, "2;6", &word_in, P(T("b"), T("abc"), T("nothing")));
    ROWS(c, "6", &word_in, P(T("b"), T("b"), T("b"))); /* once */
    ROWS(c, "6", &word_in, P(NIL, T("b"), NIL));       /* NULL equals nothing */
    ROWS(c, "", &word_in, P(NIL, NIL, NIL));
    ROWS(c, "1;3;8", &word_in_ids, P(I(8), I(1), I(3), I(99)));
    ROWS(c, "2;5", &word_in_both, P(I(0), I(2), tenon_real(-1.5), tenon_real(-6)));
    statements_end(c);
}

static void
statements_prefix(conf *c)
{
    statements_begin(c);
    ROWS(c, "1;2;3", &word_prefix, P(T("ab")));
    ROWS(c, "5", &word_prefix, P(T("\xc3\xa9")));
    ROWS(c, "1;2;3;4;5;6", &word_prefix, P(T("")));
    ROWS(c, "", &word_prefix, P(T("AB")));
    ROWS(c, "", &word_prefix, P(T("a%")));
    ROWS(c, "", &word_prefix, P(T("a_")));
    ROWS(c, "", &word_prefix, P(NIL));
    ROWS(c, "3;4;5", &word_prefix_bytes, P(tenon_blob("\377\377", 2)));
    ROWS(c, "4;5", &word_prefix_bytes, P(tenon_blob("\377\377\0", 3)));
    ROWS(c, "1;2;3;4;5;6", &word_prefix_bytes, P(tenon_blob("", 0)));
    ROWS(c, "2", &word_prefix_two, P(T("a"), T("abc")));
    ROWS(c, "2", &word_prefix_two, P(T("abc"), T("a")));
    ROWS(c, "", &word_prefix_two, P(T("abc"), T("abd")));
    ROWS(c, "3", &word_count_prefix, P(T("ab"))); /* without an order, an index may serve it */
    ROWS(c, "6", &word_count_prefix, P(T("")));
    ROWS(c, "3", &word_count_prefix_bytes, P(tenon_blob("\377\377", 2)));
    ROWS(c, "4", &word_count_prefix_bytes, P(tenon_blob("\377", 1)));
    ROWS(c, "6", &word_count_prefix_bytes, P(tenon_blob("", 0)));
    ROWS(c, "1;2;3", &word_prefix_constant, NULL);
    ROWS(c, "4;5", &word_prefix_bytes_constant, NULL);
    statements_end(c);
}

static void
statements_conditions(conf *c)
{
    statements_begin(c);
    ROWS(c, "7;8", &word_null, NULL);
    ROWS(c, "1;2;3;4;5;6", &word_not_null, NULL);
    ROWS(c, "3;4;6", &word_two, P(I(1), tenon_real(-2), T("\xc3\xa9t\xc3\xa9")));
    ROWS(c, "3;4", &word_between, P(I(0), I(1)));
    ROWS(c, "", &word_between, P(I(1), I(0)));
    ROWS(c, "3;4", &word_constant, NULL);
    ROWS(c, "2", &word_text_is, NULL);
    ROWS(c, "", &word_same_param, P(I(2)));
    ROWS(c, "1", &word_same_param_down, P(I(1)));
    ROWS(c, "3;4;5;6;8", &word_ne, P(I(0)));
    ROWS(c, "", &word_ne, P(NIL));
    statements_end(c);
}

/* ---- Reading ---- */

static const tenon_query word_count_n = {
    .kind = TENON_COUNT,
    .table = &word_table,
    .where = TENON_WHERE(TENON_EQ(WORD_N, 0)),
};

static const tenon_query word_limit = {
    .kind = TENON_SELECT,
    .table = &word_table,
    .columns = TENON_COLUMNS(WORD_ID),
    .order = TENON_ORDER(TENON_DESC(WORD_ID)),
    .limit = 3,
};

static const tenon_query word_limit_param = {
    .kind = TENON_SELECT,
    .table = &word_table,
    .columns = TENON_COLUMNS(WORD_ID),
    .where = TENON_WHERE(TENON_NE(WORD_ID, 0)),
    .order = TENON_ORDER(TENON_ASC(WORD_ID)),
    .limit_param = TENON_PARAM(1),
};

static const tenon_query word_order_mixed = {
    .kind = TENON_SELECT,
    .table = &word_table,
    .columns = TENON_COLUMNS(WORD_ID, WORD_ID, WORD_N),
    .order = TENON_ORDER(TENON_DESC(WORD_N), TENON_ASC(WORD_R), TENON_ASC(WORD_ID)),
};

static const tenon_query word_order_text = {
    .kind = TENON_SELECT,
    .table = &word_table,
    .columns = TENON_COLUMNS(WORD_ID),
    .order = TENON_ORDER(TENON_DESC(WORD_TEXT), TENON_DESC(WORD_ID)),
};

static void
statements_reading(conf *c)
{
    const tenon_value *row = NULL;
    uint64_t count = 0;

    statements_begin(c);
    OK(c, tenon_count(c->txn, &word_count_n, P(I(2)), &count, &c->err));
    CHECK_INT(count, 3);
    OK(c, tenon_count(c->txn, &word_count_n, P(NIL), &count, &c->err));
    if (count != 0)
        conf_failed(CONF_HERE, "a comparison with NULL is not true: no row", "%llu rows",
                    (unsigned long long)count);
    OK(c, tenon_fetch(c->txn, &word_count_n, P(I(0)), &row, &c->err));
    CHECK_INT(row[0].as.i, 2);
    ROWS(c, "0", &word_count_n, P(I(9)));
    statements_end(c);
}

static void
statements_order_and_limit(conf *c)
{
    statements_begin(c);
    ROWS(c, "8;7;6", &word_limit, NULL);
    ROWS(c, "1;3", &word_limit_param, P(I(2), I(2)));
    ROWS(c, "", &word_limit_param, P(I(2), I(0)));
    ROWS(c, "1;3;4;5;6;7;8", &word_limit_param, P(I(2), I(INT64_MAX)));
    ROWS(c, "8 8 2;6 6 2;5 5 2;4 4 1;3 3 1;2 2 0;1 1 0;7 7 ~", &word_order_mixed, NULL);
    ROWS(c, "5;6;4;3;2;1;8;7", &word_order_text, NULL);
    FAILS(c, TENON_INVALID, NULL,
          tenon_fetch(c->txn, &word_limit_param, P(I(2), I(-1)), &(const tenon_value *){ NULL },
                      &c->err));
    FAILS(c, TENON_INVALID, NULL,
          tenon_fetch(c->txn, &word_limit_param, P(I(2), NIL), &(const tenon_value *){ NULL },
                      &c->err));
    statements_end(c);
}

/* ---- Changes ---- */

static const tenon_query word_raise = {
    .kind = TENON_UPDATE,
    .table = &word_table,
    .set = TENON_SET(TENON_PLUS(WORD_N, 0), TENON_PLUS(WORD_R, 1)),
    .where = TENON_WHERE(TENON_LE(WORD_ID, 2)),
};

static const tenon_query word_set_text = {
    .kind = TENON_UPDATE,
    .table = &word_table,
    .set = TENON_SET(TENON_TO(WORD_TEXT, 1), TENON_TO_NULL(WORD_R)),
    .where = TENON_WHERE(TENON_GE(WORD_ID, 0)),
};

static const tenon_query word_remove = {
    .kind = TENON_DELETE,
    .table = &word_table,
    .where = TENON_WHERE(TENON_EQ(WORD_N, 0), TENON_NOT_NULL(WORD_TEXT)),
};

static void
statements_update(conf *c)
{
    statements_begin(c);
    EXEC(c, 2, &word_raise, P(I(5), tenon_real(0.25), I(2)));
    EXEC(c, 0, &word_raise, P(I(5), tenon_real(0.25), I(0)));
    EXEC(c, 2, &word_set_text, P(I(7), NIL)); /* matched, though one has it already */
    EXEC(c, 1, &word_set_text, P(I(8), T("new")));
    EXEC(c, 3, &word_remove, P(I(2))); /* 5, 6 and 8 */
    EXEC(c, 0, &word_remove, P(NIL));
    EXEC(c, 0, &word_remove, P(I(77)));
    ROWS(c, "1 ab x 5 0.25;2 abc xff 5 -1.25;3 abd xffff 1 -3;4 ac xffff00 1 -4.5;7 ~ ~ ~ ~",
         &word_all, NULL);
    statements_end(c);
}

/* NULL plus something is NULL; a sum beyond 64 bits is refused and changes no row at all. */
static void
statements_add(conf *c)
{
    conf_open(c, &word_schema);
    BEGIN(c);
    EXEC(c, 1, &word_insert, P(I(1), NIL, NIL, I(1), tenon_real(1)));
    EXEC(c, 1, &word_insert, P(I(2), NIL, NIL, I(INT64_MAX - 1), NIL));
    REFUSED(c, TENON_INVALID, NULL, &word_raise, P(I(2), tenon_real(1), I(2)));
    ROWS(c, "1 ~ ~ 1 1;2 ~ ~ 9223372036854775806 ~", &word_all, NULL);
    EXEC(c, 2, &word_raise, P(I(1), tenon_real(1), I(2)));
    ROWS(c, "1 ~ ~ 2 2;2 ~ ~ 9223372036854775807 ~", &word_all, NULL);
    REFUSED(c, TENON_INVALID, NULL, &word_raise, P(I(1), tenon_real(1), I(2)));
    EXEC(c, 2, &word_raise, P(I(-2), tenon_real(1), I(2)));
    EXEC(c, 1, &word_raise, P(I(INT64_MIN), tenon_real(-1), I(1)));
    ROWS(c, "1 ~ ~ -9223372036854775808 2;2 ~ ~ 9223372036854775805 ~", &word_all, NULL);
    REFUSED(c, TENON_INVALID, NULL, &word_raise, P(I(-1), tenon_real(1), I(2)));
    REFUSED(c, TENON_INVALID, NULL, &word_raise, P(NIL, tenon_real(1), I(2)));
    statements_end(c);
}

/* A sum of REALs that is too large is infinite, or refused without effect. */
static void
statements_add_reals(conf *c)
{
    const double most = 1.7976931348623157e308;
    tenon_status st;

    conf_open(c, &word_schema);
    BEGIN(c);
    EXEC(c, 1, &word_insert, P(I(1), NIL, NIL, I(1), tenon_real(0.25)));
    EXEC(c, 1, &word_insert, P(I(2), NIL, NIL, I(2), tenon_real(most)));
    EXEC(c, 2, &word_raise, P(I(0), tenon_real(-0.25), I(2)));
    ROWS(c, "1 ~ ~ 1 0;2 ~ ~ 2 1.7976931348623157e+308", &word_all, NULL);
    st = tenon_exec(c->txn, &word_raise, P(I(1), tenon_real(most), I(2)), &c->affected, &c->err);
    if (st == TENON_INVALID)
        ROWS(c, "1 ~ ~ 1 0;2 ~ ~ 2 1.7976931348623157e+308", &word_all, NULL);
    else
        ROWS(c, "1 ~ ~ 2 1.7976931348623157e+308;2 ~ ~ 3 inf", &word_all, NULL);
    REFUSED(c, TENON_INVALID, NULL, &word_raise, P(I(1), tenon_real(-most * 10), I(2)));
    statements_end(c);
}

/* An update of many rows that fails in the middle. */
static void
statements_fail_in_the_middle(conf *c)
{
    statements_begin(c);
    REFUSED(c, TENON_EXISTS, "word_text", &word_set_text, P(I(3), T("same")));
    ROWS(c, "1;2;3", &word_prefix, P(T("ab")));
    ROWS(c, "", &word_prefix, P(T("same")));
    ROWS(c,
         "1 ab x 0 0;2 abc xff 0 -1.5;3 abd xffff 1 -3;4 ac xffff00 1 -4.5;"
         "5 \xc3\xa9t\xc3\xa9 xffff0001 2 -6;6 b x 2 -7.5;7 ~ ~ ~ ~;8 ~ ~ 2 ~",
         &word_all, NULL);
    statements_end(c);
}

/* ---- Upserts ---- */

static void
statements_ignore(conf *c)
{
    conf_open(c, &word_schema);
    BEGIN(c);
    EXEC(c, 1, &word_ignore, P(I(1), T("a"), NIL, I(1), NIL));
    EXEC(c, 0, &word_ignore, P(I(1), T("b"), NIL, I(2), NIL)); /* the key */
    EXEC(c, 0, &word_ignore, P(I(2), T("a"), NIL, I(2), NIL)); /* an index */
    EXEC(c, 1, &word_ignore, P(I(2), NIL, NIL, I(2), NIL));
    ROWS(c, "1 a ~ 1 ~;2 ~ ~ 2 ~", &word_all, NULL);
    REFUSED(c, TENON_CONSTRAINT, "word.id", &word_ignore, P(NIL, T("c"), NIL, I(2), NIL));
    statements_end(c);
}

static void
statements_upsert(conf *c)
{
    conf_open(c, &word_schema);
    BEGIN(c);
    EXEC(c, 1, &word_upsert, P(I(1), T("a"), NIL, I(1), tenon_real(1)));
    EXEC(c, 1, &word_upsert, P(I(1), T("z"), NIL, I(5), tenon_real(0.5)));
    ROWS(c, "1 a ~ 5 1.5", &word_all, NULL); /* the text is not among what is set */
    REFUSED(c, TENON_EXISTS, "word_text", &word_upsert, P(I(2), T("a"), NIL, I(5), tenon_real(0)));
    EXEC(c, 1, &word_upsert_text, P(I(2), T("b"), tenon_blob("x", 1), I(1), NIL, I(100)));
    EXEC(c, 1, &word_upsert_text, P(I(9), T("b"), tenon_blob("y", 1), I(1), NIL, I(100)));
    ROWS(c, "1 a ~ 5 1.5;2 b ~ 101 ~", &word_all, NULL);
    REFUSED(c, TENON_EXISTS, "word.primary", &word_upsert_text,
            P(I(1), T("c"), NIL, I(1), NIL, I(100)));
    EXEC(c, 1, &word_upsert_text, P(I(3), NIL, NIL, I(1), NIL, I(100))); /* NULLs are distinct */
    EXEC(c, 1, &word_upsert_text, P(I(4), NIL, NIL, I(1), NIL, I(100)));
    REFUSED(c, TENON_INVALID, NULL, &word_upsert_text,
            P(I(9), T("b"), NIL, I(1), NIL, I(INT64_MAX)));
    ROWS(c, "1 a ~ 5 1.5;2 b ~ 101 ~;3 ~ ~ 1 ~;4 ~ ~ 1 ~", &word_all, NULL);
    statements_end(c);
}

/* The row that is there has all keys of the new one: what counts is the key asked about. */
static void
statements_upsert_of_the_same_row(conf *c)
{
    conf_open(c, &word_schema);
    BEGIN(c);
    for (int i = 1; i <= 3; i++)
        EXEC(c, 1, &word_upsert, P(I(1), T("a"), NIL, I(i), tenon_real(1)));
    ROWS(c, "1 a ~ 3 3", &word_all, NULL);
    EXEC(c, 1, &word_upsert_text, P(I(1), T("a"), NIL, I(0), NIL, I(10)));
    ROWS(c, "1 a ~ 13 3", &word_all, NULL);
    EXEC(c, 1, &word_insert, P(I(2), T("b"), NIL, I(0), tenon_real(0)));
    EXEC(c, 1, &word_upsert, P(I(1), T("b"), NIL, I(4), tenon_real(1))); /* 2 has b: no matter */
    EXEC(c, 1, &word_upsert_text, P(I(1), T("b"), NIL, I(0), NIL, I(5)));
    ROWS(c, "1 a ~ 4 4;2 b ~ 5 0", &word_all, NULL);
    statements_end(c);
}

/* ---- Queries that break a rule ---- */

static void
statements_refused(conf *c)
{
    const tenon_value *row = NULL;
    tenon_cursor *cursor = NULL;
    uint64_t count = 0;
    static const tenon_query no_columns = { .kind = TENON_SELECT, .table = &word_table };
    static const tenon_query no_set = { .kind = TENON_UPDATE, .table = &word_table };

    statements_begin(c);
    FAILS(c, TENON_INVALID, NULL, tenon_fetch(c->txn, &no_columns, NULL, &row, &c->err));
    REFUSED(c, TENON_INVALID, NULL, &no_set, NULL);
    REFUSED(c, TENON_MISUSE, NULL, &word_all, NULL);
    REFUSED(c, TENON_MISUSE, NULL, NULL, NULL);
    FAILS(c, TENON_MISUSE, NULL, tenon_fetch(c->txn, &word_remove, P(I(1)), &row, &c->err));
    FAILS(c, TENON_MISUSE, NULL, tenon_select(c->txn, &word_remove, P(I(1)), &cursor, &c->err));
    FAILS(c, TENON_MISUSE, NULL, tenon_count(c->txn, &word_all, NULL, &count, &c->err));
    FAILS(c, TENON_NOT_FOUND, "", tenon_fetch(c->txn, &word_in, P(NIL, NIL, NIL), &row, &c->err));
    CHECK(row == NULL);
    CHECK_INT(tenon_txn_state(c->txn), TENON_TXN_ACTIVE);
    statements_end(c);
}

static const conf_case statements_cases[] = {
    CASE(statements_in, "IN finds each row once, with repeated and NULL values too"),
    CASE(statements_prefix,
         "a prefix finds what begins with it, at the ends of the range of bytes too"),
    CASE(statements_conditions, "each comparison, with NULL and NOT NULL, finds what it must"),
    CASE(statements_reading, "select, fetch and count agree"),
    CASE(statements_order_and_limit, "order and limit hold together, a limit of 0 too"),
    CASE(statements_update, "an update changes the rows that match, and counts them"),
    CASE(statements_add, "adding to a column keeps NULL, and refuses an overflow without effect"),
    CASE(statements_add_reals, "a sum of REALs that is too large is infinite, or refused"),
    CASE(statements_fail_in_the_middle,
         "a statement that fails at a later row has no effect at all"),
    CASE(statements_ignore, "an insert that ignores conflicts changes nothing where there is one"),
    CASE(statements_upsert, "an upsert inserts, or updates the row in its way"),
    CASE(statements_upsert_of_the_same_row, "an upsert of a row of this transaction updates it"),
    CASE(statements_refused, "bad statements are refused, and the transaction goes on"),
};

CONF_GROUP(statements, "statements",
           "query.exec, open and fetch: conditions, order, limit, and that a failed statement has "
           "no effect at all.");
