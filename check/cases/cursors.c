/* Cursors: beside writes, several at once, and what ends them. */
#include "check/raw.h"

#include <stdlib.h>

static const tenon_query cursor_by_n = {
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(0, 1),
    .order = TENON_ORDER(TENON_ASC(1)),
};

static const tenon_query cursor_above = {
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(0),
    .where = TENON_WHERE(TENON_GT(1, 0)),
    .order = TENON_ORDER(TENON_ASC(0)),
};

static const tenon_query cursor_down = {
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(0),
    .order = TENON_ORDER(TENON_DESC(0)),
};

static const tenon_query cursor_label = {
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(2),
    .where = TENON_WHERE(TENON_EQ(0, 0)),
};

static void
cursors_begin(conf *c, int items)
{
    conf_open(c, &item_schema);
    conf_make_items(c, items);
    BEGIN(c);
}

static int64_t
cursors_next(conf *c, tenon_cursor *cursor)
{
    const tenon_value *row = NULL;

    OK(c, tenon_next(cursor, &row, &c->err));
    return row[0].as.i;
}

static void
cursors_at_end(conf *c, tenon_cursor *cursor)
{
    const tenon_value *row = NULL;

    for (int i = 0; i < 2; i++) { /* and it stays there */
        FAILS(c, TENON_NOT_FOUND, "", tenon_next(cursor, &row, &c->err));
        CHECK(row == NULL);
    }
}

static void
cursors_several_at_once(conf *c)
{
    tenon_cursor *a = NULL, *b = NULL, *d = NULL;
    uint64_t count = 0;

    cursors_begin(c, 4);
    OK(c, tenon_select(c->txn, &item_all, NULL, &a, &c->err));
    OK(c, tenon_select(c->txn, &cursor_above, P(I(15)), &b, &c->err));
    CHECK_INT(cursors_next(c, a), 1);
    CHECK_INT(cursors_next(c, b), 2);
    OK(c, tenon_select(c->txn, &cursor_above, P(I(35)), &d, &c->err)); /* the same query again */
    CHECK_INT(cursors_next(c, d), 4);
    CHECK_INT(cursors_next(c, a), 2);
    OK(c, tenon_count(c->txn, &item_count, NULL, &count, &c->err));
    CHECK_INT(cursors_next(c, b), 3);
    cursors_at_end(c, d);
    tenon_cursor_close(b);
    CHECK_INT(cursors_next(c, a), 3);
    CHECK_INT(cursors_next(c, a), 4);
    cursors_at_end(c, a);
    tenon_cursor_close(a);
    tenon_cursor_close(d);
    tenon_cursor_close(NULL);
    COMMIT(c);
}

/* Read all of `query`, and change every second row, or remove each (`add` 0), as it comes. */
static void
cursors_read_and_write(conf *c, const tenon_query *query, int64_t add, int items)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    int seen[64] = { 0 };
    tenon_status st;
    int met = 0;

    OK(c, tenon_select(c->txn, query, NULL, &cursor, &c->err));
    while ((st = tenon_next(cursor, &row, &c->err)) == TENON_OK) {
        const int64_t id = row[0].as.i;

        CHECK_RANGE(id, 1, items);
        if (++seen[id] == 1)
            met++;
        else if (id % 2 != 0 || add == 0) /* only one that was changed comes again */
            conf_failed(CONF_HERE, "a cursor beside writes gives no unchanged row twice",
                        "row %lld came again", (long long)id);
        if (seen[id] > 1)
            continue;
        if (add == 0)
            EXEC(c, 1, &item_delete, P(I(id)));
        else if (id % 2 == 0)
            EXEC(c, 1, &item_add_n, P(I(id), I(add)));
    }
    CHECK_STATUS(st, TENON_NOT_FOUND);
    if (met != items)
        conf_failed(CONF_HERE, "a cursor beside writes gives each row that was there",
                    "it gave %d of %d, while %s", met, items,
                    add == 0 ? "each row was deleted after it came"
                             : "every second row was changed after it came");
    tenon_cursor_close(cursor);
}

/* A cursor meets no row twice that was not changed, and its own writes do not make it fail. */
static void
cursors_beside_writes(conf *c)
{
    cursors_begin(c, 20);
    cursors_read_and_write(c, &item_all, 1, 20);
    cursors_read_and_write(c, &cursor_by_n, -1, 20);
    cursors_read_and_write(c, &item_all, 0, 20);
    ROWS(c, "", &item_all, NULL);
    COMMIT(c);
    conf_verify(c);
}

/* Unchanged rows come exactly once while others are added before, at and after the cursor. */
static void
cursors_beside_inserts(conf *c)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    int seen[21] = { 0 };
    int64_t added = 0;
    tenon_status st;

    cursors_begin(c, 20);
    OK(c, tenon_select(c->txn, &cursor_by_n, NULL, &cursor, &c->err));
    while ((st = tenon_next(cursor, &row, &c->err)) == TENON_OK) {
        const int64_t id = row[0].as.i, n = row[1].as.i;

        if (id > 20)
            continue; /* one of those below */
        if (++seen[id] > 1)
            conf_failed(CONF_HERE, "a cursor beside inserts gives no unchanged row twice",
                        "row %lld came again", (long long)id);
        for (int64_t by = -15; by <= 15; by += 15) {
            ++added;
            EXEC(c, 1, &item_insert, P(I(100 + added), I(n + by), NIL));
        }
    }
    CHECK_STATUS(st, TENON_NOT_FOUND);
    for (int id = 1; id <= 20; id++)
        CHECK_INT(seen[id], 1);
    tenon_cursor_close(cursor);
    COMMIT(c);
    conf_verify(c);
}

/* Emptying the table under a cursor: it may stop or go on, but not fail. */
static void
cursors_beside_a_clearing(conf *c)
{
    static const tenon_query clear = { .kind = TENON_DELETE, .table = &item_table };
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    tenon_status st;
    int met = 0;

    cursors_begin(c, 20);
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    CHECK_INT(cursors_next(c, cursor), 1);
    EXEC(c, 20, &clear, NULL);
    while ((st = tenon_next(cursor, &row, &c->err)) == TENON_OK)
        CHECK(++met < 20);
    CHECK_STATUS(st, TENON_NOT_FOUND);
    tenon_cursor_close(cursor);
    COMMIT(c);
}

static void
cursors_and_savepoints(conf *c)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    uint32_t savepoint = 0;

    NEEDS(TENON_CAP_SAVEPOINTS);
    cursors_begin(c, 5);
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    CHECK_INT(cursors_next(c, cursor), 1);
    OK(c, tenon_savepoint(c->txn, &savepoint, &c->err)); /* stays open */
    CHECK_INT(cursors_next(c, cursor), 2);
    EXEC(c, 1, &item_set_n, P(I(5), I(0)));
    OK(c, tenon_savepoint_release(c->txn, savepoint, &c->err));
    CHECK_INT(cursors_next(c, cursor), 3);
    OK(c, tenon_savepoint(c->txn, &savepoint, &c->err));
    OK(c, tenon_savepoint_rollback(c->txn, savepoint, &c->err));
    FAILS(c, TENON_MISUSE, NULL, tenon_next(cursor, &row, &c->err));
    CHECK(row == NULL);
    tenon_cursor_close(cursor);
    ROWS(c, "1 10;2 20;3 30;4 40;5 0", &item_all, NULL);
    COMMIT(c);
}

/* The end of a transaction closes what is open; a failed statement does not. */
static void
cursors_and_ends(conf *c)
{
    tenon_cursor *cursor = NULL;

    cursors_begin(c, 5);
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    CHECK_INT(cursors_next(c, cursor), 1);
    REFUSED(c, TENON_EXISTS, "item.primary", &item_insert, P(I(1), NIL, NIL));
    CHECK_INT(cursors_next(c, cursor), 2);
    COMMIT(c);
    BEGIN(c);
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    CHECK_INT(cursors_next(c, cursor), 1);
    ROLLBACK(c);
    BEGIN_READ(c, &c->txn);
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    CHECK_INT(cursors_next(c, cursor), 1);
    COMMIT(c);
}

/* The parameters are the caller's: they may be gone when the cursor reads on. */
static void
cursors_keep_their_parameters(conf *c)
{
    tenon_value *param = (tenon_value *)malloc(sizeof *param);
    tenon_cursor *cursor = NULL;

    CHECK(param != NULL);
    cursors_begin(c, 3);
    *param = I(15);
    OK(c, tenon_select(c->txn, &cursor_above, param, &cursor, &c->err));
    memset(param, 0x5a, sizeof *param);
    free(param);
    CHECK_INT(cursors_next(c, cursor), 2);
    CHECK_INT(cursors_next(c, cursor), 3);
    cursors_at_end(c, cursor);
    COMMIT(c);
}

/* A row is readable until the next call on its cursor, also while another cursor moves. */
static void
cursors_keep_their_rows(conf *c)
{
    tenon_cursor *a = NULL, *b = NULL;
    const tenon_value *row_a = NULL, *row_b = NULL;

    conf_open(c, &item_schema);
    BEGIN(c);
    EXEC(c, 1, &item_insert, P(I(1), NIL, T("the first one")));
    EXEC(c, 1, &item_insert, P(I(2), NIL, T("the second one")));
    OK(c, tenon_select(c->txn, &cursor_label, P(I(1)), &a, &c->err));
    OK(c, tenon_next(a, &row_a, &c->err));
    OK(c, tenon_select(c->txn, &cursor_label, P(I(2)), &b, &c->err));
    OK(c, tenon_next(b, &row_b, &c->err));
    CHECK_BYTES(row_a[0].as.data, "the first one", 13);
    CHECK_BYTES(row_b[0].as.data, "the second one", 14);
    cursors_at_end(c, b);
    CHECK_BYTES(row_a[0].as.data, "the first one", 13);
    COMMIT(c);
}

/* A row as text, kept by the case. */
static void
cursors_show(const tenon_value *row, char *out, size_t out_bytes)
{
    (void)conf_show_row(row, 3, out, out_bytes);
}

/* By the driver's table: the core may copy rows before it hands them on. */
static void
cursors_lend_rows_of_their_own(conf *c)
{
    tenon_drv_cursor *a = NULL, *b = NULL;
    const tenon_value *row_a = NULL, *row_b = NULL;
    tenon_drv_plan *plan = NULL;
    char before[200], after[200];
    raw r;

    raw_open(c, &r);
    raw_make_item(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_OK(&r, raw_insert(&r, r.conn, 1, "the first one"));
    RAW_OK(&r, raw_insert(&r, r.conn, 2, "the second one"));
    RAW_OK(&r, raw_insert(&r, r.conn, 3, "the third one"));
    RAW_OK(&r, r.query.prepare(r.conn, raw_item_all(), &plan, r.err));
    RAW_OK(&r, r.query.open(plan, NULL, &a, r.err));
    RAW_OK(&r, r.query.next(a, &row_a, r.err));
    cursors_show(row_a, before, sizeof before);
    RAW_OK(&r, r.query.open(plan, NULL, &b, r.err)); /* of the same plan */
    RAW_OK(&r, r.query.next(b, &row_b, r.err));
    RAW_OK(&r, r.query.next(b, &row_b, r.err));
    CHECK_INT(row_b[0].as.i, 2);
    r.query.close(b);
    cursors_show(row_a, after, sizeof after);
    if (strcmp(before, after) != 0)
        conf_failed(CONF_HERE, "a row stays as it is while another cursor of its plan moves",
                    "'%s' became '%s'", before, after);
    RAW_OK(&r, r.query.next(a, &row_a, r.err));
    CHECK_INT(row_a[0].as.i, 2);
    r.query.close(a);
    r.query.free(plan);
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    raw_close(&r);
}

/* The same of rows that are found by their key: each may be in a buffer that the next one gets. */
static void
cursors_lend_rows_found_by_key(conf *c)
{
    tenon_drv_cursor *a = NULL, *b = NULL;
    const tenon_value *row_a = NULL, *row_b = NULL;
    tenon_drv_plan *plan = NULL;
    char before[200], after[200];
    raw r;

    raw_open(c, &r);
    raw_make_item(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_OK(&r, raw_insert(&r, r.conn, 1, "the first one"));
    RAW_OK(&r, raw_insert(&r, r.conn, 2, "the second one"));
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, true, 0));
    RAW_OK(&r, r.query.prepare(r.conn, raw_item_get(), &plan, r.err));
    RAW_OK(&r, r.query.open(plan, P(I(1)), &a, r.err));
    RAW_OK(&r, r.query.next(a, &row_a, r.err));
    (void)conf_show_row(row_a, 2, before, sizeof before);
    CHECK_TEXT(before, "10 the first one");
    RAW_OK(&r, r.query.open(plan, P(I(2)), &b, r.err));
    RAW_OK(&r, r.query.next(b, &row_b, r.err));
    (void)conf_show_row(row_a, 2, after, sizeof after);
    if (strcmp(before, after) != 0)
        conf_failed(CONF_HERE, "a row stays as it is while another one is found by its key",
                    "'%s' became '%s'", before, after);
    r.query.close(a);
    r.query.close(b);
    r.query.free(plan);
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    raw_close(&r);
}

static void
cursors_many(conf *c)
{
    tenon_cursor *cursors[50];

    cursors_begin(c, 50);
    for (size_t i = 0; i < 50; i++)
        OK(c, tenon_select(c->txn, &cursor_above, P(I((int64_t)i * 10)), &cursors[i], &c->err));
    for (size_t i = 0; i < 50; i++)
        CHECK_INT(cursors_next(c, cursors[i]), i + 1);
    COMMIT(c);
}

/* Backwards the place to go on at is that of a row, which is not to come again. */
static void
cursors_backward_beside_writes(conf *c)
{
    tenon_cursor *cursor = NULL;

    cursors_begin(c, 6);
    OK(c, tenon_select(c->txn, &cursor_down, NULL, &cursor, &c->err));
    CHECK_INT(cursors_next(c, cursor), 6);
    CHECK_INT(cursors_next(c, cursor), 5);
    EXEC(c, 1, &item_set_n, P(I(1), I(11)));
    CHECK_INT(cursors_next(c, cursor), 4);
    EXEC(c, 1, &item_delete, P(I(4)));
    CHECK_INT(cursors_next(c, cursor), 3);
    ITEM(c, 7, 70);
    CHECK_INT(cursors_next(c, cursor), 2);
    CHECK_INT(cursors_next(c, cursor), 1);
    cursors_at_end(c, cursor);
    COMMIT(c);
}

/* Where the engine is one map, nothing stands behind its only table. */
static void
cursors_read_down(raw *r, uint16_t column, const char *first)
{
    const tenon_drv_order order = { .column = column, .descending = 1 };
    tenon_drv_query *query = raw_copy(raw_item_all(), sizeof *query);
    tenon_drv_cursor *cursor = NULL;
    tenon_drv_plan *plan = NULL;
    const tenon_value *row = NULL;
    char text[200];

    query->order = raw_copy(&order, sizeof order);
    RAW_OK(r, r->query.prepare(r->conn, query, &plan, r->err));
    RAW_OK(r, r->query.open(plan, NULL, &cursor, r->err));
    RAW_OK(r, r->query.next(cursor, &row, r->err));
    (void)conf_show_row(row, 3, text, sizeof text);
    CHECK_TEXT(text, first);
    r->query.close(cursor);
    r->query.free(plan);
}

static void
cursors_backward_from_the_end(conf *c)
{
    raw r;

    raw_open(c, &r);
    raw_make_item(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_OK(&r, raw_insert(&r, r.conn, 1, "b"));
    RAW_OK(&r, raw_insert(&r, r.conn, 2, "a"));
    cursors_read_down(&r, 0, "2 20 a");
    cursors_read_down(&r, 2, "1 10 b");
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    raw_close(&r);
}

static const conf_case cursors_cases[] = {
    CASE(cursors_several_at_once, "several cursors of one transaction read on independently"),
    CASE(cursors_beside_writes,
         "a cursor goes on beside writes to its table, and meets no unchanged row twice"),
    CASE(cursors_backward_beside_writes,
         "a cursor that goes backward meets no row twice beside writes"),
    CASE_HINT(cursors_backward_from_the_end, "a cursor goes backward from the last row of all",
              "To seek the last entry before a key finds one, even where no key is that great."),
    CASE(cursors_beside_inserts,
         "a cursor gives unchanged rows exactly once while others are added around it"),
    CASE(cursors_beside_a_clearing,
         "a cursor whose table is emptied ends or goes on, but does not fail"),
    CASE(cursors_and_savepoints,
         "a cursor that is open when a savepoint is rolled back is closed, and the next one works"),
    CASE(cursors_and_ends,
         "the end of a transaction closes its cursors; a failed statement does not"),
    CASE(cursors_keep_their_parameters, "a cursor keeps its parameters when the caller's are gone"),
    CASE(cursors_keep_their_rows, "a row stays readable while another cursor moves"),
    CASE_HINT(cursors_lend_rows_of_their_own, "each cursor lends rows of its own",
              "What next lends belongs to the cursor, not to its plan or connection."),
    CASE_HINT(
        cursors_lend_rows_found_by_key,
        "a row that is found by its key is lent until the next write",
        "What get has found stays where it is when get is called again: keep a copy where the "
        "engine does not."),
    CASE(cursors_many, "many cursors are open at once"),
};

CONF_GROUP(cursors, "cursors",
           "query.open, next, close: a cursor has a position of its own, and must find it again "
           "after the table has changed.");
