/* The order of values: in ORDER BY, in ranges, as keys and in indexes, the same everywhere. */
#include "check/conf.h"

#include <float.h>
#include <math.h>

#define ORDER_MAX 24

/* Values of one type in the order that they must have. NULL stands before all. */
typedef struct order_type {
    tenon_type type;
    uint32_t count;
    tenon_value list[ORDER_MAX];
} order_type;

static const tenon_uuid order_ids[] = {
    { { 0 } },    { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } },
    { { 0, 1 } }, { { 0x7f } },
    { { 0x80 } }, { { 0xff } },
};

/* The tables below are of one column's type each; it is set before they are used. */
enum { ROW_ID, ROW_PLAIN, ROW_INDEXED, ROW_LAST };

static tenon_column row_columns[] = {
    [ROW_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [ROW_PLAIN] = { .name = "plain" },
    [ROW_INDEXED] = { .name = "indexed" },
};

static const tenon_index row_indexes[] = {
    { .name = "row_indexed", .columns = TENON_COLUMNS(ROW_INDEXED) },
};

static const tenon_table row_table = {
    .name = "row_of_values",
    .columns = row_columns,
    .column_count = ROW_LAST,
    .primary_key = TENON_COLUMNS(ROW_ID),
    .indexes = row_indexes,
    .index_count = 1,
};

static tenon_column key_columns[] = {
    { .name = "value", .not_null = true },
    { .name = "id", .type = TENON_INT, .not_null = true },
};

static const tenon_table key_table = {
    .name = "key_of_values",
    .columns = key_columns,
    .column_count = 2,
    .primary_key = TENON_COLUMNS(0, 1),
};

static const tenon_table *const order_tables[] = { &row_table, &key_table };

static const tenon_schema order_schema = {
    .name = "orders",
    .version = 1,
    .tables = order_tables,
    .table_count = 2,
};

static const tenon_query row_insert = {
    .kind = TENON_INSERT,
    .table = &row_table,
    .columns = TENON_COLUMNS(ROW_ID, ROW_PLAIN, ROW_INDEXED),
};

static const tenon_query key_insert = {
    .kind = TENON_INSERT,
    .table = &key_table,
    .columns = TENON_COLUMNS(1, 0),
};

/* Each way of sorting; the even ones ascend, the odd ones descend. */
#define ORDER_ROWS(...)                                                                            \
    {                                                                                              \
        .kind = TENON_SELECT, .table = &row_table, .columns = TENON_COLUMNS(ROW_ID),               \
        .order = TENON_ORDER(__VA_ARGS__)                                                          \
    }
#define ORDER_KEYS(...)                                                                            \
    {                                                                                              \
        .kind = TENON_SELECT, .table = &key_table, .columns = TENON_COLUMNS(1),                    \
        .order = TENON_ORDER(__VA_ARGS__)                                                          \
    }

static const tenon_query order_rows[] = {
    ORDER_ROWS(TENON_ASC(ROW_PLAIN), TENON_ASC(ROW_ID)),
    ORDER_ROWS(TENON_DESC(ROW_PLAIN), TENON_DESC(ROW_ID)),
    ORDER_ROWS(TENON_ASC(ROW_INDEXED), TENON_ASC(ROW_ID)),
    ORDER_ROWS(TENON_DESC(ROW_INDEXED), TENON_DESC(ROW_ID)),
};

static const tenon_query order_keys[] = {
    ORDER_KEYS(TENON_ASC(0), TENON_ASC(1)),
    ORDER_KEYS(TENON_DESC(0), TENON_DESC(1)),
};

/* Each comparison on the plain column, the indexed one, and the key. */
#define ORDER_RANGE(tab, id, col, op)                                                              \
    {                                                                                              \
        .kind = TENON_COUNT, .table = (tab), .where = TENON_WHERE(TENON_COMPARE(col, op, 0))       \
    }
#define ORDER_RANGES(tab, id, col)                                                                 \
    {                                                                                              \
        ORDER_RANGE(tab, id, col, TENON_OP_LT), ORDER_RANGE(tab, id, col, TENON_OP_LE),            \
            ORDER_RANGE(tab, id, col, TENON_OP_EQ), ORDER_RANGE(tab, id, col, TENON_OP_NE),        \
            ORDER_RANGE(tab, id, col, TENON_OP_GE), ORDER_RANGE(tab, id, col, TENON_OP_GT)         \
    }

static const tenon_query order_ranges[3][6] = {
    ORDER_RANGES(&row_table, ROW_ID, ROW_PLAIN),
    ORDER_RANGES(&row_table, ROW_ID, ROW_INDEXED),
    ORDER_RANGES(&key_table, 1, 0),
};

/* Store all values, in an order that is not theirs; id = place in the order, 0 = NULL. */
static void
order_fill(conf *c, const order_type *type)
{
    static const uint32_t strides[] = { 7, 5, 3, 2, 1 };
    uint32_t stride = 0, at = 0;

    while (type->count % strides[stride] == 0 && strides[stride] > 1)
        stride++;
    EXEC(c, 1, &row_insert, P(I(0), NIL, NIL));
    for (uint32_t i = 0; i < type->count; i++) {
        const tenon_value v = type->list[at];

        EXEC(c, 1, &row_insert, P(I(at + 1), v, v));
        EXEC(c, 1, &key_insert, P(I(at + 1), v));
        at = (at + strides[stride]) % type->count;
    }
}

/* The ids come as first, first + step, … */
static void
order_expect(conf *c, const tenon_query *query, int64_t first, int64_t step, uint32_t count)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    uint32_t found = 0;
    tenon_status st;

    OK(c, tenon_select(c->txn, query, NULL, &cursor, &c->err));
    while ((st = tenon_next(cursor, &row, &c->err)) == TENON_OK) {
        const int64_t wanted = first + step * found;

        if (row[0].as.i != wanted)
            conf_failed(CONF_HERE, "rows come in the order of their values, NULL before all",
                        "%s: row %u holds value %lld, not %lld (0 is NULL), %s",
                        tenon_type_name(row_columns[1].type), found + 1, (long long)row[0].as.i,
                        (long long)wanted, step > 0 ? "ascending" : "descending");
        found++;
    }
    CHECK_STATUS(st, TENON_NOT_FOUND);
    CHECK_INT(found, count);
    tenon_cursor_close(cursor);
}

static void
order_check_ranges(conf *c, const order_type *type)
{
    static const char *const ops[] = { "<", "<=", "=", "<>", ">=", ">" };
    static const char *const places[] = { "in a column without an index",
                                          "in a column with an index", "in the primary key" };

    for (uint32_t at = 0; at < type->count; at++) {
        const uint64_t below = at, above = type->count - at - 1;
        const uint64_t expected[] = { below, below + 1, 1, below + above, above + 1, above };

        for (uint32_t where = 0; where < 3; where++) {
            for (uint32_t op = 0; op < 6; op++) {
                const tenon_query *query = &order_ranges[where][op];
                uint64_t count = 0;

                if (type->type == TENON_BOOL && op != 2 && op != 3)
                    continue; /* has no order in conditions */
                OK(c, tenon_count(c->txn, query, &type->list[at], &count, &c->err));
                if (count != expected[op])
                    conf_failed(CONF_HERE, "a comparison finds the rows that compare so, by value",
                                "%llu rows instead of %llu where %s %s value %u of %u, %s",
                                (unsigned long long)count, (unsigned long long)expected[op],
                                tenon_type_name(type->type), ops[op], at + 1, type->count,
                                places[where]);
            }
        }
    }
}

static void
order_run(conf *c, const order_type *type)
{
    const int64_t last = type->count;

    row_columns[ROW_PLAIN].type = type->type;
    row_columns[ROW_INDEXED].type = type->type;
    key_columns[0].type = type->type;
    conf_open(c, &order_schema);
    BEGIN(c);
    order_fill(c, type);
    order_expect(c, &order_rows[0], 0, 1, type->count + 1);
    order_expect(c, &order_rows[1], last, -1, type->count + 1);
    order_expect(c, &order_rows[2], 0, 1, type->count + 1);
    order_expect(c, &order_rows[3], last, -1, type->count + 1);
    order_expect(c, &order_keys[0], 1, 1, type->count);
    order_expect(c, &order_keys[1], last, -1, type->count);
    order_check_ranges(c, type);
    for (uint32_t i = 0; i + 1 < type->count; i++)
        CHECK(tenon_value_compare(&type->list[i], &type->list[i + 1]) < 0);
    COMMIT(c);
    conf_verify(c);
}

static void
order_of_ints(conf *c)
{
    static const int64_t values[] = { INT64_MIN,
                                      INT64_MIN + 1,
                                      -4294967296,
                                      -256,
                                      -255,
                                      -2,
                                      -1,
                                      0,
                                      1,
                                      2,
                                      127,
                                      128,
                                      255,
                                      256,
                                      65536,
                                      4294967296,
                                      INT64_MAX - 1,
                                      INT64_MAX };
    order_type ints = { .type = TENON_INT }, times = { .type = TENON_TIME };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        ints.list[ints.count++] = I(values[i]);
        times.list[times.count++] = tenon_time(
            values[i] < TENON_MIN_TIME_US ? TENON_MIN_TIME_US + (int64_t)i : values[i]);
    }
    order_run(c, &ints);
    conf_close(c);
    conf_renew(c);
    order_run(c, &times);
}

static void
order_of_reals(conf *c)
{
    static const double values[] = {
        -INFINITY, -DBL_MAX, -1e10, -256.5, -1.5, -1.0,  -0.1,  -DBL_MIN, -5e-324, 0.0,     5e-324,
        DBL_MIN,   0.1,      1.0,   1.5,    2.0,  255.0, 256.5, 1e10,     DBL_MAX, INFINITY
    };
    order_type type = { .type = TENON_REAL };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        type.list[type.count++] = tenon_real(values[i]);
    order_run(c, &type);
}

static void
order_of_texts(conf *c)
{
    static const char *const values[] = { "",
                                          "\x01",
                                          "\x01\x01",
                                          " ",
                                          "0",
                                          "10",
                                          "2",
                                          "A",
                                          "AB",
                                          "Z",
                                          "_",
                                          "a",
                                          "a!",
                                          "aA",
                                          "ab",
                                          "b",
                                          "\x7f",
                                          "\xc2\x80",
                                          "\xc3\xa9",
                                          "\xc3\xa9z",
                                          "\xe2\x82\xac",
                                          "\xef\xbf\xbf",
                                          "\xf0\x90\x80\x80" };
    order_type type = { .type = TENON_TEXT };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        type.list[type.count++] = T(values[i]);
    order_run(c, &type);
}

static void
order_of_blobs(conf *c)
{
    static const struct {
        const char *bytes;
        size_t len;
    } values[] = { { "", 0 },          { "\0", 1 },     { "\0\0", 2 },       { "\0\1", 2 },
                   { "\0\377", 2 },    { "\1", 1 },     { "\1\0", 2 },       { "\1\0\0", 3 },
                   { "\1\1", 2 },      { "\177", 1 },   { "\200", 1 },       { "\376\377", 2 },
                   { "\377", 1 },      { "\377\0", 2 }, { "\377\0\377", 3 }, { "\377\377", 2 },
                   { "\377\377\0", 3 } };
    order_type type = { .type = TENON_BLOB };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        type.list[type.count++] = tenon_blob(values[i].bytes, values[i].len);
    order_run(c, &type);
}

static void
order_of_ids(conf *c)
{
    order_type type = { .type = TENON_UUID };

    for (size_t i = 0; i < sizeof order_ids / sizeof order_ids[0]; i++)
        type.list[type.count++] = tenon_id(&order_ids[i]);
    order_run(c, &type);
}

static void
order_of_bools(conf *c)
{
    const order_type type = { .type = TENON_BOOL,
                              .count = 2,
                              .list = { tenon_bool(false), tenon_bool(true) } };

    order_run(c, &type);
}

/* ---- Many rows, few of them wanted ---- */

#define ORDER_MANY 3000

static const tenon_query order_few[] = {
    { .kind = TENON_SELECT,
      .table = &row_table,
      .columns = TENON_COLUMNS(ROW_ID, ROW_PLAIN),
      .order = TENON_ORDER(TENON_ASC(ROW_PLAIN), TENON_DESC(ROW_ID)),
      .limit_param = TENON_PARAM(0) },
    { .kind = TENON_SELECT,
      .table = &row_table,
      .columns = TENON_COLUMNS(ROW_ID, ROW_PLAIN),
      .order = TENON_ORDER(TENON_DESC(ROW_PLAIN), TENON_ASC(ROW_ID)),
      .limit_param = TENON_PARAM(0) },
};

/* Row `id` holds id * 7 % ORDER_MANY / 2: each value twice. */
static int64_t
order_few_value(int64_t id)
{
    return id * 7 % ORDER_MANY / 2;
}

static void
order_expect_few(conf *c, int64_t limit, bool up)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    int64_t found = 0, last_id = 0;
    tenon_status st;

    OK(c, tenon_select(c->txn, &order_few[up ? 0 : 1], P(I(limit)), &cursor, &c->err));
    while ((st = tenon_next(cursor, &row, &c->err)) == TENON_OK) {
        const int64_t place = up ? found / 2 : (ORDER_MANY - 1 - found) / 2;
        const bool second = found % 2 == 1;
        const bool tied = !second || (up ? row[0].as.i < last_id : row[0].as.i > last_id);

        if (row[1].as.i != place || order_few_value(row[0].as.i) != place || !tied)
            conf_failed(CONF_HERE, "the first rows of a long sort are the first of all",
                        "row %lld of a limit of %lld holds %lld instead of %lld%s",
                        (long long)found + 1, (long long)limit, (long long)row[1].as.i,
                        (long long)place, tied ? "" : ", and its ties are turned round");
        last_id = row[0].as.i;
        found++;
    }
    CHECK_STATUS(st, TENON_NOT_FOUND);
    tenon_cursor_close(cursor);
    if (found != (limit < ORDER_MANY ? limit : ORDER_MANY))
        conf_failed(CONF_HERE, "a long sort with a limit gives as many rows as the limit allows",
                    "%lld of %lld", (long long)found, (long long)limit);
}

/* No index helps: an engine that drops early what can't be among the first must not drop more. */
static void
order_of_many_with_a_limit(conf *c)
{
    static const int64_t limits[] = {
        0, 1, 2, 3, 10, 50, 64, 500, ORDER_MANY - 1, ORDER_MANY, ORDER_MANY + 1
    };

    row_columns[ROW_PLAIN].type = TENON_INT;
    row_columns[ROW_INDEXED].type = TENON_INT;
    key_columns[0].type = TENON_INT;
    conf_open(c, &order_schema);
    BEGIN(c);
    for (int64_t id = 0; id < ORDER_MANY; id++)
        EXEC(c, 1, &row_insert, P(I(id), I(order_few_value(id)), NIL));
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        order_expect_few(c, limits[i], true);
        order_expect_few(c, limits[i], false);
    }
    COMMIT(c);
}

static const conf_case order_cases[] = {
    CASE(order_of_ints, "INT and TIME are ordered and compared by value, NULL first"),
    CASE(order_of_reals, "REAL is ordered and compared by value, infinities and denormals too"),
    CASE(order_of_texts, "TEXT is ordered and compared by bytes"),
    CASE(order_of_blobs, "BLOB is ordered and compared by bytes, zeros too"),
    CASE(order_of_ids, "UUID is ordered and compared by bytes"),
    CASE(order_of_bools, "BOOL is ordered: NULL, false, true"),
    CASE_HINT(order_of_many_with_a_limit, "a limit gives the first rows of a long sort",
              "A sort that keeps only what the limit allows: which rows it drops, and when."),
};

CONF_GROUP(order, "the order of values",
           "Order and comparison are by value for numbers, by unsigned bytes for TEXT, BLOB and "
           "UUID, NULL before all: see TENON_ORDER and conditions in tenon_drv_query.");
