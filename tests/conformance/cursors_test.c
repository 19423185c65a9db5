/* Cursors: beside writes, several at once, and what ends them. */
#include "conf.h"

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
        assert_null(row);
    }
}

static void
cursors_several_at_once(void **state)
{
    conf *c = (conf *)*state;
    tenon_cursor *a = NULL, *b = NULL, *d = NULL;
    uint64_t count = 0;

    cursors_begin(c, 4);
    OK(c, tenon_select(c->txn, &item_all, NULL, &a, &c->err));
    OK(c, tenon_select(c->txn, &cursor_above, P(I(15)), &b, &c->err));
    assert_int_equal(cursors_next(c, a), 1);
    assert_int_equal(cursors_next(c, b), 2);
    OK(c, tenon_select(c->txn, &cursor_above, P(I(35)), &d, &c->err)); /* the same query again */
    assert_int_equal(cursors_next(c, d), 4);
    assert_int_equal(cursors_next(c, a), 2);
    OK(c, tenon_count(c->txn, &item_count, NULL, &count, &c->err));
    assert_int_equal(cursors_next(c, b), 3);
    cursors_at_end(c, d);
    tenon_cursor_close(b);
    assert_int_equal(cursors_next(c, a), 3);
    assert_int_equal(cursors_next(c, a), 4);
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

        assert_in_range(id, 1, items);
        if (++seen[id] == 1)
            met++;
        else
            assert_true(id % 2 == 0 && add != 0); /* only one that was changed comes again */
        if (seen[id] > 1)
            continue;
        if (add == 0)
            EXEC(c, 1, &item_delete, P(I(id)));
        else if (id % 2 == 0)
            EXEC(c, 1, &item_add_n, P(I(id), I(add)));
    }
    assert_int_equal(st, TENON_NOT_FOUND);
    assert_int_equal(met, items);
    tenon_cursor_close(cursor);
}

/* A cursor meets no row twice that was not changed, and its own writes do not make it fail. */
static void
cursors_beside_writes(void **state)
{
    conf *c = (conf *)*state;

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
cursors_beside_inserts(void **state)
{
    conf *c = (conf *)*state;
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
        seen[id]++;
        for (int64_t by = -15; by <= 15; by += 15) {
            ++added;
            EXEC(c, 1, &item_insert, P(I(100 + added), I(n + by), NIL));
        }
    }
    assert_int_equal(st, TENON_NOT_FOUND);
    for (int id = 1; id <= 20; id++)
        assert_int_equal(seen[id], 1);
    tenon_cursor_close(cursor);
    COMMIT(c);
    conf_verify(c);
}

/* Emptying the table under a cursor: it may stop or go on, but not fail. */
static void
cursors_beside_a_clearing(void **state)
{
    static const tenon_query clear = { .kind = TENON_DELETE, .table = &item_table };
    conf *c = (conf *)*state;
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    tenon_status st;
    int met = 0;

    cursors_begin(c, 20);
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    assert_int_equal(cursors_next(c, cursor), 1);
    EXEC(c, 20, &clear, NULL);
    while ((st = tenon_next(cursor, &row, &c->err)) == TENON_OK)
        assert_true(++met < 20);
    assert_int_equal(st, TENON_NOT_FOUND);
    tenon_cursor_close(cursor);
    COMMIT(c);
}

static void
cursors_and_savepoints(void **state)
{
    conf *c = (conf *)*state;
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    uint32_t savepoint = 0;

    if (!conf_can(TENON_CAP_SAVEPOINTS))
        skip();
    cursors_begin(c, 5);
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    assert_int_equal(cursors_next(c, cursor), 1);
    OK(c, tenon_savepoint(c->txn, &savepoint, &c->err)); /* stays open */
    assert_int_equal(cursors_next(c, cursor), 2);
    EXEC(c, 1, &item_set_n, P(I(5), I(0)));
    OK(c, tenon_savepoint_release(c->txn, savepoint, &c->err));
    assert_int_equal(cursors_next(c, cursor), 3);
    OK(c, tenon_savepoint(c->txn, &savepoint, &c->err));
    OK(c, tenon_savepoint_rollback(c->txn, savepoint, &c->err));
    FAILS(c, TENON_MISUSE, NULL, tenon_next(cursor, &row, &c->err));
    assert_null(row);
    tenon_cursor_close(cursor);
    ROWS(c, "1 10;2 20;3 30;4 40;5 0", &item_all, NULL);
    COMMIT(c);
}

/* The end of a transaction closes what is open; a failed statement does not. */
static void
cursors_and_ends(void **state)
{
    conf *c = (conf *)*state;
    tenon_cursor *cursor = NULL;

    cursors_begin(c, 5);
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    assert_int_equal(cursors_next(c, cursor), 1);
    REFUSED(c, TENON_EXISTS, "item.primary", &item_insert, P(I(1), NIL, NIL));
    assert_int_equal(cursors_next(c, cursor), 2);
    COMMIT(c);
    BEGIN(c);
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    assert_int_equal(cursors_next(c, cursor), 1);
    ROLLBACK(c);
    BEGIN_READ(c, &c->txn);
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    assert_int_equal(cursors_next(c, cursor), 1);
    COMMIT(c);
}

/* The parameters are the caller's: they may be gone when the cursor reads on. */
static void
cursors_keep_their_parameters(void **state)
{
    conf *c = (conf *)*state;
    tenon_value *param = (tenon_value *)malloc(sizeof *param);
    tenon_cursor *cursor = NULL;

    assert_non_null(param);
    cursors_begin(c, 3);
    *param = I(15);
    OK(c, tenon_select(c->txn, &cursor_above, param, &cursor, &c->err));
    memset(param, 0x5a, sizeof *param);
    free(param);
    assert_int_equal(cursors_next(c, cursor), 2);
    assert_int_equal(cursors_next(c, cursor), 3);
    cursors_at_end(c, cursor);
    COMMIT(c);
}

/* A row is readable until the next call on its cursor, also while another cursor moves. */
static void
cursors_keep_their_rows(void **state)
{
    conf *c = (conf *)*state;
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
    assert_memory_equal(row_a[0].as.data, "the first one", 13);
    assert_memory_equal(row_b[0].as.data, "the second one", 14);
    cursors_at_end(c, b);
    assert_memory_equal(row_a[0].as.data, "the first one", 13);
    COMMIT(c);
}

static void
cursors_many(void **state)
{
    conf *c = (conf *)*state;
    tenon_cursor *cursors[50];

    cursors_begin(c, 50);
    for (size_t i = 0; i < 50; i++)
        OK(c, tenon_select(c->txn, &cursor_above, P(I((int64_t)i * 10)), &cursors[i], &c->err));
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(cursors_next(c, cursors[i]), i + 1);
    COMMIT(c);
}

static const struct CMUnitTest cursors_tests[] = {
    CASE(cursors_several_at_once),
    CASE(cursors_beside_writes),
    CASE(cursors_beside_inserts),
    CASE(cursors_beside_a_clearing),
    CASE(cursors_and_savepoints),
    CASE(cursors_and_ends),
    CASE(cursors_keep_their_parameters),
    CASE(cursors_keep_their_rows),
    CASE(cursors_many),
};

CONF_GROUP(conf_cursors_group, "cursors", cursors_tests);
