/* Changes of the schema, called by the driver's table: what becomes of rows that are there, and of
 * what other connections know. The core's migrations need data that outlives the database; this
 * does not. */
#include "check/raw.h"

enum { THING_ID, THING_A, THING_B, THING_C, THING_COLUMNS };

static const tenon_drv_column thing_columns[] = {
    [THING_ID] = { .name = "id", .type = TENON_INT, .not_null = 1 },
    [THING_A] = { .name = "a", .type = TENON_INT },
    [THING_B] = { .name = "b", .type = TENON_TEXT },
    [THING_C] = { .name = "c",
                  .type = TENON_INT,
                  .not_null = 1,
                  .default_value = { .type = TENON_INT, .as = { .i = -5000000007 } } },
};
/* As the table is when b has gone and come again, with another default. */
static const tenon_drv_column thing_columns_anew[] = {
    { .name = "id", .type = TENON_INT, .not_null = 1 },
    { .name = "a", .type = TENON_INT },
    { .name = "b",
      .type = TENON_TEXT,
      .default_value = { .type = TENON_TEXT, .len = 3, .as = { .data = "new" } } },
};
static const uint16_t thing_key[] = { THING_ID };
static const uint16_t thing_by_a[] = { THING_A };
static const uint16_t thing_by_c[] = { THING_C };
static const tenon_drv_index thing_indexes[] = {
    { .name = "thing_a", .columns = thing_by_a, .column_count = 1, .unique = 1 },
    { .name = "thing_c", .columns = thing_by_c, .column_count = 1 },
};

#define THING(columns_, count, indexes_)                                                           \
    {                                                                                              \
        .size = sizeof(tenon_drv_table), .name = "thing", .columns = columns_,                     \
        .key_columns = thing_key, .indexes = thing_indexes, .column_count = (count),               \
        .key_column_count = 1, .index_count = (indexes_)                                           \
    }

static const tenon_drv_table thing = THING(thing_columns, 3, 0);
static const tenon_drv_table thing_unique = THING(thing_columns, 3, 1);
static const tenon_drv_table thing_wide = THING(thing_columns, 4, 0);
static const tenon_drv_table thing_indexed = THING(thing_columns, 4, 2);
static const tenon_drv_table thing_narrow = THING(thing_columns, 2, 0);
static const tenon_drv_table thing_anew = THING(thing_columns_anew, 3, 0);

static const uint16_t thing_all[] = { 0, 1, 2, 3 };
static const tenon_drv_assign thing_given[] = {
    { .column = 0, .how = TENON_SET_PARAM, .param = 0 },
    { .column = 1, .how = TENON_SET_PARAM, .param = 1 },
    { .column = 2, .how = TENON_SET_PARAM, .param = 2 },
    { .column = 3, .how = TENON_SET_PARAM, .param = 3 },
};
static const uint8_t thing_types[] = { TENON_INT, TENON_INT, TENON_TEXT, TENON_INT };
static const tenon_drv_order thing_order[] = { { .column = 0 } };

static tenon_drv_query
changes_query(const tenon_drv_table *table, uint8_t kind)
{
    return (tenon_drv_query){ .size = sizeof(tenon_drv_query),
                              .name = "thing",
                              .table = table,
                              .kind = kind,
                              .after_param = TENON_DRV_NONE,
                              .limit_param = TENON_DRV_NONE,
                              .conflict_index = TENON_DRV_NONE,
                              .limit = UINT64_MAX };
}

/* ---- Rows ---- */

/* What a query gives, as "1 10 a;2 20 b". */
static void
changes_read(raw *r, tenon_drv_conn *conn, const tenon_drv_query *query, const tenon_value *params,
             char *out, size_t out_bytes)
{
    tenon_drv_cursor *cursor = NULL;
    tenon_drv_plan *plan = NULL;
    const tenon_value *row = NULL;
    size_t len = 0;
    tenon_status st;

    out[0] = '\0';
    RAW_OK(r, r->query.prepare(conn, query, &plan, r->err));
    RAW_OK(r, r->query.open(plan, params, &cursor, r->err));
    while ((st = r->query.next(cursor, &row, r->err)) == TENON_OK) {
        if (len > 0 && len + 1 < out_bytes)
            out[len++] = ';';
        len += conf_show_row(row, query->column_count, out + len, out_bytes - len);
    }
    if (st != TENON_NOT_FOUND)
        RAW_OK(r, st);
    r->query.close(cursor);
    r->query.free(plan);
}

#define EXPECT(r, table, rows) changes_expect((r), (r)->conn, (table), (rows), CONF_HERE)
static void
changes_expect(raw *r, tenon_drv_conn *conn, const tenon_drv_table *table, const char *rows,
               conf_at at)
{
    tenon_drv_query query = changes_query(table, TENON_SELECT);
    char seen[400], wanted[440];

    query.columns = thing_all;
    query.column_count = table->column_count;
    query.order = thing_order;
    query.order_count = 1;
    changes_read(r, conn, &query, NULL, seen, sizeof seen);
    (void)snprintf(wanted, sizeof wanted, "table %s holds '%s'", table->name, rows);
    if (strcmp(seen, rows) != 0)
        conf_failed(at, wanted, "'%s'", seen);
}

/* Ids of the rows in which a column, which has an index, is that. */
static void
changes_expect_by(raw *r, const tenon_drv_table *table, uint16_t column, int64_t value,
                  const char *ids, conf_at at)
{
    const tenon_drv_cond where = { .column = column, .op = TENON_OP_EQ, .param_count = 1 };
    const tenon_value param = tenon_int(value);
    tenon_drv_query query = changes_query(table, TENON_SELECT);
    char seen[400], wanted[440];

    query.columns = thing_all;
    query.column_count = 1;
    query.where = &where;
    query.where_count = 1;
    query.param_types = thing_types;
    query.param_count = 1;
    changes_read(r, r->conn, &query, &param, seen, sizeof seen);
    (void)snprintf(wanted, sizeof wanted, "by its index, column %s is %lld in '%s'",
                   table->columns[column].name, (long long)value, ids);
    if (strcmp(seen, ids) != 0)
        conf_failed(at, wanted, "'%s'", seen);
}

static tenon_status
changes_add(raw *r, tenon_drv_conn *conn, const tenon_drv_table *table, int64_t id, int64_t a,
            const char *b, int64_t c)
{
    const tenon_value params[] = { tenon_int(id), tenon_int(a), tenon_text(b), tenon_int(c) };
    tenon_drv_query query = changes_query(table, TENON_INSERT);
    tenon_drv_plan *plan = NULL;
    uint64_t affected = 0;
    tenon_status st;

    query.insert = thing_given;
    query.param_types = thing_types;
    query.param_count = table->column_count;
    st = r->query.prepare(conn, &query, &plan, r->err);
    if (st == TENON_OK)
        st = r->query.exec(plan, params, &affected, r->err);
    r->query.free(plan);
    return st;
}

#define CHANGES_BEGIN(r) RAW_OK((r), raw_begin((r), (r)->conn, 60000, false, 0))
#define CHANGES_COMMIT(r) RAW_OK((r), (r)->transaction.commit((r)->conn, (r)->err))
#define CHANGES_ROLLBACK(r) RAW_OK((r), (r)->transaction.rollback((r)->conn, (r)->err))

/* Things 1 and 2, committed; a transaction has begun. */
static void
changes_begin(conf *c, raw *r, const tenon_drv_table *table)
{
    raw_open(c, r);
    CHANGES_BEGIN(r);
    RAW_OK(r, r->schema.create_table(r->conn, table, r->err));
    RAW_OK(r, changes_add(r, r->conn, table, 1, 10, "one", 0));
    RAW_OK(r, changes_add(r, r->conn, table, 2, 20, "two", 0));
    CHANGES_COMMIT(r);
    CHANGES_BEGIN(r);
}

/* ---- Columns ---- */

static void
changes_add_column(conf *c)
{
    raw r;

    changes_begin(c, &r, &thing);
    RAW_OK(&r, r.schema.add_column(r.conn, &thing_wide, r.err));
    EXPECT(&r, &thing_wide, "1 10 one -5000000007;2 20 two -5000000007");
    RAW_OK(&r, changes_add(&r, r.conn, &thing_wide, 3, 30, "three", 8));
    CHANGES_COMMIT(&r);
    CHANGES_BEGIN(&r);
    RAW_OK(&r, r.schema.create_index(r.conn, &thing_indexed, 1, r.err));
    EXPECT(&r, &thing_wide, "1 10 one -5000000007;2 20 two -5000000007;3 30 three 8");
    changes_expect_by(&r, &thing_wide, THING_C, -5000000007, "1;2", CONF_HERE);
    changes_expect_by(&r, &thing_wide, THING_C, 8, "3", CONF_HERE);
    CHANGES_COMMIT(&r);
    raw_close(&r);
}

static void
changes_drop_column(conf *c)
{
    raw r;

    changes_begin(c, &r, &thing);
    RAW_OK(&r, r.schema.drop_column(r.conn, "thing", "b", r.err));
    EXPECT(&r, &thing_narrow, "1 10;2 20");
    CHANGES_COMMIT(&r);
    CHANGES_BEGIN(&r);
    RAW_OK(&r, r.schema.add_column(r.conn, &thing_anew, r.err));
    EXPECT(&r, &thing_anew, "1 10 new;2 20 new"); /* not what the column of that name once held */
    RAW_OK(&r, changes_add(&r, r.conn, &thing_anew, 3, 30, "three", 0));
    EXPECT(&r, &thing_anew, "1 10 new;2 20 new;3 30 three");
    CHANGES_COMMIT(&r);
    raw_close(&r);
}

/* ---- Indexes ---- */

static void
changes_create_index(conf *c)
{
    raw r;

    changes_begin(c, &r, &thing);
    RAW_OK(&r, r.schema.create_index(r.conn, &thing_unique, 0, r.err));
    changes_expect_by(&r, &thing_unique, THING_A, 20, "2", CONF_HERE);
    RAW_FAILS(&r, TENON_EXISTS, changes_add(&r, r.conn, &thing_unique, 3, 10, "three", 0));
    CHECK_TEXT(r.err->object, "thing_a");
    CHANGES_ROLLBACK(&r);
    CHANGES_BEGIN(&r);
    if (conf_can(TENON_CAP_TRANSACTIONAL_DDL)) {
        RAW_OK(&r, changes_add(&r, r.conn, &thing, 3, 10, "three", 0));
        RAW_FAILS(&r, TENON_EXISTS, r.schema.create_index(r.conn, &thing_unique, 0, r.err));
        CHECK_TEXT(r.err->object, "thing_a");
    }
    CHANGES_ROLLBACK(&r);
    raw_close(&r);
}

static void
changes_drop_index(conf *c)
{
    raw r;

    changes_begin(c, &r, &thing_unique);
    RAW_FAILS(&r, TENON_EXISTS, changes_add(&r, r.conn, &thing_unique, 3, 10, "three", 0));
    RAW_OK(&r, r.schema.drop_index(r.conn, "thing", "thing_a", r.err));
    RAW_OK(&r, changes_add(&r, r.conn, &thing, 3, 10, "three", 0));
    EXPECT(&r, &thing, "1 10 one;2 20 two;3 10 three");
    CHANGES_COMMIT(&r);
    CHANGES_BEGIN(&r);
    RAW_FAILS(&r, TENON_NOT_FOUND, r.schema.drop_index(r.conn, "thing", "thing_a", r.err));
    CHANGES_ROLLBACK(&r);
    raw_close(&r);
}

/* Thing 10 … is referred to by part (id, thing), which has two indexes of its own. */
static const tenon_drv_column part_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = 1 },
    { .name = "thing", .type = TENON_INT },
    { .name = "note", .type = TENON_TEXT },
};
static const uint16_t part_by_thing[] = { 1 };
static const uint16_t part_by_note[] = { 2 };
static const tenon_drv_index part_indexes[] = {
    { .name = "part_note", .columns = part_by_note, .column_count = 1 },
    { .name = "part_thing_index", .columns = part_by_thing, .column_count = 1 },
};
static const tenon_drv_foreign_key part_keys[] = {
    { .name = "part_thing",
      .references = "thing",
      .columns = part_by_thing,
      .column_count = 1,
      .on_delete = TENON_CASCADE },
};
static const tenon_drv_table part = { .size = sizeof part,
                                      .name = "part",
                                      .columns = part_columns,
                                      .key_columns = thing_key,
                                      .indexes = part_indexes,
                                      .foreign_keys = part_keys,
                                      .column_count = 3,
                                      .key_column_count = 1,
                                      .index_count = 2,
                                      .foreign_key_count = 1 };

static void
changes_delete_thing(raw *r, int64_t id, const char *parts_left)
{
    const tenon_drv_cond where = { .column = THING_ID, .op = TENON_OP_EQ, .param_count = 1 };
    const tenon_value param = tenon_int(id);
    tenon_drv_query query = changes_query(&thing, TENON_DELETE);
    tenon_drv_plan *plan = NULL;
    uint64_t affected = 0;

    query.where = &where;
    query.where_count = 1;
    query.param_types = thing_types;
    query.param_count = 1;
    RAW_OK(r, r->query.prepare(r->conn, &query, &plan, r->err));
    RAW_OK(r, r->query.exec(plan, &param, &affected, r->err));
    r->query.free(plan);
    CHECK_INT(affected, 1);
    changes_expect(r, r->conn, &part, parts_left, CONF_HERE);
}

/* A foreign key holds whether or not an index helps with it. */
static void
changes_drop_index_of_a_key(conf *c)
{
    raw r;

    changes_begin(c, &r, &thing);
    RAW_OK(&r, r.schema.create_table(r.conn, &part, r.err));
    RAW_OK(&r, changes_add(&r, r.conn, &thing, 3, 30, "three", 0));
    for (int64_t id = 1; id <= 3; id++)
        RAW_OK(&r, changes_add(&r, r.conn, &part, id, id, "part", 0));
    CHANGES_COMMIT(&r);
    CHANGES_BEGIN(&r);
    RAW_OK(&r, r.schema.drop_index(r.conn, "part", "part_note", r.err)); /* another one */
    changes_delete_thing(&r, 1, "2 2 part;3 3 part");
    RAW_OK(&r, r.schema.drop_index(r.conn, "part", "part_thing_index", r.err));
    changes_delete_thing(&r, 2, "3 3 part");
    RAW_FAILS(&r, TENON_CONSTRAINT, changes_add(&r, r.conn, &part, 4, 2, "part", 0));
    CHANGES_COMMIT(&r);
    CHANGES_BEGIN(&r);
    changes_delete_thing(&r, 3, "");
    CHANGES_COMMIT(&r);
    raw_close(&r);
}

/* ---- Tables ---- */

static void
changes_expect_name(raw *r, tenon_drv_conn *conn, const char *name, bool there)
{
    uint32_t found = 9;

    RAW_OK(r, r->schema.has_table(conn, name, &found, r->err));
    if (found != there)
        conf_failed(CONF_HERE,
                    there ? "has_table finds a table that there is"
                          : "has_table finds no table that there is not",
                    "%u for '%s'", (unsigned)found, name);
}

/* And none of a longer or shorter name. */
static void
changes_expect_table(raw *r, tenon_drv_conn *conn, bool there)
{
    changes_expect_name(r, conn, "thing", there);
    changes_expect_name(r, conn, "thin", false);
    changes_expect_name(r, conn, "things", false);
}

static void
changes_drop_table(conf *c)
{
    raw r;

    changes_begin(c, &r, &thing_unique);
    RAW_FAILS(&r, TENON_EXISTS, r.schema.create_table(r.conn, &thing, r.err));
    CHANGES_ROLLBACK(&r);
    CHANGES_BEGIN(&r);
    changes_expect_table(&r, r.conn, true);
    RAW_OK(&r, r.schema.drop_table(r.conn, "thing", r.err));
    changes_expect_table(&r, r.conn, false);
    RAW_OK(&r, r.schema.create_table(r.conn, &thing_unique, r.err));
    EXPECT(&r, &thing_unique, "");
    RAW_OK(&r, changes_add(&r, r.conn, &thing_unique, 1, 10, "again", 0));
    CHANGES_COMMIT(&r);
    CHANGES_BEGIN(&r);
    EXPECT(&r, &thing_unique, "1 10 again");
    RAW_OK(&r, r.schema.drop_table(r.conn, "thing", r.err));
    CHANGES_COMMIT(&r);
    CHANGES_BEGIN(&r);
    RAW_FAILS(&r, TENON_NOT_FOUND, r.schema.drop_table(r.conn, "thing", r.err));
    CHANGES_ROLLBACK(&r);
    raw_close(&r);
}

/* ---- Transactions and other connections ---- */

/* What was undone is in no cache: also when the next change takes its place. */
static void
changes_rolled_back(conf *c)
{
    raw r;

    NEEDS(TENON_CAP_TRANSACTIONAL_DDL);
    changes_begin(c, &r, &thing);
    RAW_OK(&r, r.schema.add_column(r.conn, &thing_wide, r.err));
    RAW_OK(&r, changes_add(&r, r.conn, &thing_wide, 3, 30, "three", 8));
    CHANGES_ROLLBACK(&r);
    CHANGES_BEGIN(&r);
    EXPECT(&r, &thing, "1 10 one;2 20 two");
    RAW_OK(&r, r.schema.create_index(r.conn, &thing_unique, 0, r.err));
    CHANGES_ROLLBACK(&r);
    CHANGES_BEGIN(&r);
    RAW_OK(&r, r.schema.drop_column(r.conn, "thing", "b", r.err));
    CHANGES_COMMIT(&r);
    CHANGES_BEGIN(&r);
    EXPECT(&r, &thing_narrow, "1 10;2 20");
    RAW_OK(&r, changes_add(&r, r.conn, &thing_narrow, 3, 10, "", 0)); /* no unique index is there */
    CHANGES_COMMIT(&r);
    raw_close(&r);
}

/* The same where another connection makes the next change, and with a savepoint. */
static void
changes_undone_beside_others(conf *c)
{
    tenon_drv_conn *other;
    raw r;

    NEEDS(TENON_CAP_TRANSACTIONAL_DDL);
    changes_begin(c, &r, &thing);
    RAW_OK(&r, r.schema.add_column(r.conn, &thing_wide, r.err));
    CHANGES_ROLLBACK(&r);
    other = raw_connect(&r);
    RAW_OK(&r, raw_begin(&r, other, 60000, false, 0));
    RAW_OK(&r, r.schema.drop_column(other, "thing", "b", r.err));
    RAW_OK(&r, r.transaction.commit(other, r.err));
    CHANGES_BEGIN(&r);
    RAW_OK(&r, changes_add(&r, r.conn, &thing_narrow, 3, 30, "", 0));
    EXPECT(&r, &thing_narrow, "1 10;2 20;3 30");
    RAW_OK(&r, r.schema.add_column(r.conn, &thing_anew, r.err));
    EXPECT(&r, &thing_anew, "1 10 new;2 20 new;3 30 new");
    CHANGES_COMMIT(&r);
    r.connection.close(other);
    raw_close(&r);
}

static void
changes_undone_at_a_savepoint(conf *c)
{
    raw r;

    NEEDS(TENON_CAP_TRANSACTIONAL_DDL);
    NEEDS(TENON_CAP_SAVEPOINTS);
    changes_begin(c, &r, &thing);
    RAW_OK(&r, r.transaction.savepoint(r.conn, 1, r.err));
    RAW_OK(&r, r.schema.drop_table(r.conn, "thing", r.err));
    changes_expect_table(&r, r.conn, false);
    RAW_OK(&r, r.transaction.savepoint_rollback(r.conn, 1, r.err));
    changes_expect_table(&r, r.conn, true);
    EXPECT(&r, &thing, "1 10 one;2 20 two");
    RAW_OK(&r, r.transaction.savepoint(r.conn, 1, r.err));
    RAW_OK(&r, r.schema.create_index(r.conn, &thing_unique, 0, r.err));
    RAW_OK(&r, r.transaction.savepoint_rollback(r.conn, 1, r.err));
    RAW_OK(&r, changes_add(&r, r.conn, &thing, 3, 10, "three", 0));
    CHANGES_COMMIT(&r);
    CHANGES_BEGIN(&r);
    EXPECT(&r, &thing, "1 10 one;2 20 two;3 10 three");
    CHANGES_ROLLBACK(&r);
    raw_close(&r);
}

/* A connection that has used the table meets it as it is now. */
static void
changes_seen_by_others(conf *c)
{
    tenon_drv_conn *other;
    raw r;

    changes_begin(c, &r, &thing);
    CHANGES_COMMIT(&r);
    other = raw_connect(&r);
    RAW_OK(&r, raw_begin(&r, other, 60000, true, 0));
    changes_expect(&r, other, &thing, "1 10 one;2 20 two", CONF_HERE);
    RAW_OK(&r, r.transaction.commit(other, r.err));
    CHANGES_BEGIN(&r);
    RAW_OK(&r, r.schema.add_column(r.conn, &thing_wide, r.err));
    RAW_OK(&r, r.schema.create_index(r.conn, &thing_indexed, 0, r.err));
    CHANGES_COMMIT(&r);
    RAW_OK(&r, raw_begin(&r, other, 60000, false, 0));
    changes_expect(&r, other, &thing_wide, "1 10 one -5000000007;2 20 two -5000000007", CONF_HERE);
    RAW_FAILS(&r, TENON_EXISTS, changes_add(&r, other, &thing_wide, 3, 10, "three", 9));
    RAW_OK(&r, r.transaction.rollback(other, r.err));
    CHANGES_BEGIN(&r);
    RAW_OK(&r, r.schema.drop_table(r.conn, "thing", r.err));
    CHANGES_COMMIT(&r);
    RAW_OK(&r, raw_begin(&r, other, 60000, true, 0));
    changes_expect_table(&r, other, false);
    RAW_OK(&r, r.transaction.commit(other, r.err));
    r.connection.close(other);
    raw_close(&r);
}

static const conf_case changes_cases[] = {
    CASE(changes_add_column, "rows that are older than a column have its default"),
    CASE(changes_drop_column, "a column that is dropped takes its values with it, and no others"),
    CASE(changes_create_index, "an index that is made later holds the rows there are"),
    CASE(changes_drop_index, "an index that is dropped refuses nothing any more"),
    CASE_HINT(changes_drop_index_of_a_key, "a foreign key holds when its index is dropped",
              "schema.drop_index: what else has used the index must find its rows another way."),
    CASE(changes_drop_table, "a table that is dropped is gone, and may be made again, empty"),
    CASE(changes_rolled_back, "a change that is rolled back leaves nothing behind"),
    CASE(changes_undone_beside_others,
         "a change that is rolled back is in no cache when another connection makes the next one"),
    CASE(changes_undone_at_a_savepoint, "a savepoint undoes changes of the schema, too"),
    CASE(changes_seen_by_others, "connections that are open see a change of the schema"),
};

CONF_GROUP(changes, "changes of the schema",
           "schema.*, called directly: look at rows that were stored before the change, at what a "
           "connection keeps of the catalogue, and at what a rollback must take out of it.");
