/* Savepoints: nested, released, rolled back, after failures. */
#include "check/conf.h"

static uint32_t
savepoints_set(conf *c)
{
    uint32_t savepoint = 0;

    OK(c, tenon_savepoint(c->txn, &savepoint, &c->err));
    return savepoint;
}

#define RELEASE(c, s) OK((c), tenon_savepoint_release((c)->txn, (s), &(c)->err))
#define UNDO(c, s) OK((c), tenon_savepoint_rollback((c)->txn, (s), &(c)->err))

static void
savepoints_begin(conf *c)
{
    NEEDS(TENON_CAP_SAVEPOINTS);
    conf_open(c, &item_schema);
    BEGIN(c);
    ITEM(c, 1, 10);
}

static void
savepoints_end(conf *c, const char *rows)
{
    ROWS(c, rows, &item_all, NULL);
    COMMIT(c);
    BEGIN(c);
    ROWS(c, rows, &item_all, NULL);
    ROLLBACK(c);
    conf_verify(c);
}

static void
savepoints_not_offered(conf *c)
{
    uint32_t savepoint = 0;

    EXCEPT(TENON_CAP_SAVEPOINTS);
    conf_open(c, &item_schema);
    BEGIN(c);
    FAILS(c, TENON_UNSUPPORTED, NULL, tenon_savepoint(c->txn, &savepoint, &c->err));
    ITEM(c, 1, 1);
    COMMIT(c);
}

static void
savepoints_roll_back(conf *c)
{
    uint32_t a;

    savepoints_begin(c);
    a = savepoints_set(c);
    ITEM(c, 2, 20);
    EXEC(c, 1, &item_set_n, P(I(1), I(11)));
    EXEC(c, 1, &item_delete, P(I(1)));
    ROWS(c, "2 20", &item_all, NULL);
    UNDO(c, a);
    ROWS(c, "1 10", &item_all, NULL);
    ITEM(c, 2, 21);
    savepoints_end(c, "1 10;2 21");
}

static void
savepoints_release(conf *c)
{
    uint32_t a, b;

    savepoints_begin(c);
    a = savepoints_set(c);
    ITEM(c, 2, 20);
    b = savepoints_set(c);
    ITEM(c, 3, 30);
    RELEASE(c, b);
    ROWS(c, "1 10;2 20;3 30", &item_all, NULL);
    UNDO(c, a); /* what was released belongs to the outer one */
    ROWS(c, "1 10", &item_all, NULL);
    a = savepoints_set(c);
    ITEM(c, 4, 40);
    b = savepoints_set(c);
    ITEM(c, 5, 50);
    RELEASE(c, a); /* the inner one with it */
    FAILS(c, TENON_MISUSE, NULL, tenon_savepoint_release(c->txn, b, &c->err));
    FAILS(c, TENON_MISUSE, NULL, tenon_savepoint_rollback(c->txn, a, &c->err));
    savepoints_end(c, "1 10;4 40;5 50");
}

static void
savepoints_outer_undoes_inner(conf *c)
{
    uint32_t a, b;

    savepoints_begin(c);
    a = savepoints_set(c);
    ITEM(c, 2, 20);
    b = savepoints_set(c);
    EXEC(c, 1, &item_delete, P(I(1)));
    UNDO(c, a);
    FAILS(c, TENON_MISUSE, NULL, tenon_savepoint_rollback(c->txn, b, &c->err));
    FAILS(c, TENON_MISUSE, NULL, tenon_savepoint_rollback(c->txn, 0, &c->err));
    FAILS(c, TENON_MISUSE, NULL, tenon_savepoint_rollback(c->txn, 4711, &c->err));
    savepoints_end(c, "1 10");
}

/* A savepoint is the transaction's own affair: what it holds is committed by the commit alone. */
static void
savepoints_are_no_commits(conf *c)
{
    uint32_t a, b;

    NEEDS(TENON_CAP_SNAPSHOT); /* else the reader below may have to wait */
    savepoints_begin(c);
    COMMIT(c);
    for (int i = 0; i < 2; i++) {
        BEGIN(c);
        a = savepoints_set(c);
        ITEM(c, 2, 20);
        b = savepoints_set(c);
        EXEC(c, 1, &item_set_n, P(I(1), I(11)));
        RELEASE(c, b);
        RELEASE(c, a);
        BEGIN_READ(c, &c->other);
        ROWS_IN(c, c->other, "1 10", &item_all, NULL);
        tenon_rollback(c->other);
        c->other = NULL;
        if (i == 0)
            ROLLBACK(c);
    }
    savepoints_end(c, "1 11;2 20");
}

/* As many as there may be, one row in each; every depth is undone once. */
static void
savepoints_64(conf *c)
{
    uint32_t set[TENON_MAX_SAVEPOINTS], one_more = 0;
    uint64_t count = 0;

    savepoints_begin(c);
    for (uint32_t depth = TENON_MAX_SAVEPOINTS; depth > 0; depth /= 2) {
        for (uint32_t i = 0; i < TENON_MAX_SAVEPOINTS; i++) {
            set[i] = savepoints_set(c);
            ITEM(c, 100 + (int64_t)i, i);
        }
        FAILS(c, TENON_MISUSE, NULL, tenon_savepoint(c->txn, &one_more, &c->err));
        UNDO(c, set[depth - 1]);
        OK(c, tenon_count(c->txn, &item_count, NULL, &count, &c->err));
        CHECK_INT(count, depth);
        if (depth > 1)
            UNDO(c, set[0]);
    }
    for (uint32_t i = 0; i < TENON_MAX_SAVEPOINTS; i++) {
        set[i] = savepoints_set(c);
        EXEC(c, 1, &item_set_n, P(I(1), I(i)));
    }
    UNDO(c, set[40]);
    for (uint32_t i = 40; i > 0; i--)
        RELEASE(c, set[i - 1]);
    savepoints_end(c, "1 39");
}

/* A failed statement is undone by itself; the savepoints around it stand. */
static void
savepoints_after_failures(conf *c)
{
    uint32_t a, b;

    savepoints_begin(c);
    a = savepoints_set(c);
    ITEM(c, 2, 20);
    REFUSED(c, TENON_EXISTS, "item.primary", &item_insert, P(I(1), NIL, NIL));
    ITEM(c, 3, 30);
    b = savepoints_set(c);
    REFUSED(c, TENON_EXISTS, "item.primary", &item_insert, P(I(3), NIL, NIL));
    REFUSED(c, TENON_INVALID, NULL, &item_add_n, P(I(3), I(INT64_MAX)));
    UNDO(c, b);
    ROWS(c, "1 10;2 20;3 30", &item_all, NULL);
    REFUSED(c, TENON_EXISTS, "item.primary", &item_insert, P(I(2), NIL, NIL));
    RELEASE(c, a);
    savepoints_end(c, "1 10;2 20;3 30");
}

/* The same row again and again: each savepoint has its own state of it. */
static void
savepoints_of_one_row(conf *c)
{
    uint32_t set[4];

    savepoints_begin(c);
    set[0] = savepoints_set(c);
    EXEC(c, 1, &item_set_n, P(I(1), I(11)));
    set[1] = savepoints_set(c);
    EXEC(c, 1, &item_delete, P(I(1)));
    set[2] = savepoints_set(c);
    ITEM(c, 1, 12);
    set[3] = savepoints_set(c);
    EXEC(c, 1, &item_add_n, P(I(1), I(1)));
    ROWS(c, "1 13", &item_all, NULL);
    UNDO(c, set[3]);
    ROWS(c, "1 12", &item_all, NULL);
    UNDO(c, set[2]);
    ROWS(c, "", &item_all, NULL);
    UNDO(c, set[1]);
    ROWS(c, "1 11", &item_all, NULL);
    UNDO(c, set[0]);
    savepoints_end(c, "1 10");
}

/* Many rows, so that pages are split and joined between the savepoint and its undoing. */
static void
savepoints_of_many_rows(conf *c)
{
    uint64_t count = 0;
    uint32_t a, b;

    savepoints_begin(c);
    for (int id = 2; id <= 500; id++)
        EXEC(c, 1, &item_insert, P(I(id), I(id), T("some text to fill the pages with")));
    a = savepoints_set(c);
    for (int id = 501; id <= 1500; id++)
        EXEC(c, 1, &item_insert, P(I(id), I(-id), T("some text to fill the pages with")));
    b = savepoints_set(c);
    for (int id = 1; id <= 1500; id += 2)
        EXEC(c, 1, &item_delete, P(I(id)));
    UNDO(c, b);
    OK(c, tenon_count(c->txn, &item_count, NULL, &count, &c->err));
    CHECK_INT(count, 1500);
    UNDO(c, a);
    OK(c, tenon_count(c->txn, &item_count, NULL, &count, &c->err));
    CHECK_INT(count, 500);
    COMMIT(c);
    conf_verify(c);
}

/* Also in a transaction that only reads, and open ones end with the transaction. */
static void
savepoints_and_ends(conf *c)
{
    uint32_t a;

    savepoints_begin(c);
    (void)savepoints_set(c);
    ITEM(c, 2, 20);
    (void)savepoints_set(c);
    COMMIT(c); /* keeps what is inside */
    BEGIN(c);
    ROWS(c, "1 10;2 20", &item_all, NULL);
    (void)savepoints_set(c);
    ITEM(c, 3, 30);
    ROLLBACK(c);
    BEGIN_READ(c, &c->txn);
    a = savepoints_set(c);
    ROWS(c, "1 10;2 20", &item_all, NULL);
    UNDO(c, a);
    ROWS(c, "1 10;2 20", &item_all, NULL);
    COMMIT(c);
}

/* ---- What was undone leaves room behind ---- */

enum { LONG_ID, LONG_BYTES };

static const tenon_column long_columns[] = {
    [LONG_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [LONG_BYTES] = { .name = "bytes", .type = TENON_BLOB },
};
static const tenon_table long_table = { .name = "long_value",
                                        .columns = long_columns,
                                        .column_count = 2,
                                        .primary_key = TENON_COLUMNS(LONG_ID) };
static const tenon_table *const long_tables[] = { &long_table };
static const tenon_schema long_schema = {
    .name = "long_values", .version = 1, .tables = long_tables, .table_count = 1
};
static const tenon_query long_insert = { .name = "long insert",
                                         .kind = TENON_INSERT,
                                         .table = &long_table,
                                         .columns = TENON_COLUMNS(LONG_ID, LONG_BYTES) };
static const tenon_query long_ids = { .name = "long ids",
                                      .kind = TENON_SELECT,
                                      .table = &long_table,
                                      .columns = TENON_COLUMNS(LONG_ID),
                                      .order = TENON_ORDER(TENON_ASC(LONG_ID)) };

/* An engine may have made its file longer in thought only. */
static void
savepoints_of_long_values_leave_a_whole_file(conf *c)
{
    static const unsigned char bytes[100000];

    NEEDS(TENON_CAP_SAVEPOINTS);
    NEEDS(TENON_CAP_PERSISTENT);
    conf_open(c, &long_schema);
    for (int id = 1; id <= 6; id++) {
        uint32_t a;

        BEGIN(c);
        a = savepoints_set(c);
        EXEC(c, 1, &long_insert, P(I(100), tenon_blob(bytes, sizeof bytes)));
        UNDO(c, a);
        EXEC(c, 1, &long_insert, P(I(id), tenon_blob(bytes, 10)));
        COMMIT(c);
    }
    conf_close(c);
    conf_open(c, &long_schema);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1;2;3;4;5;6", &long_ids, NULL);
    ROLLBACK(c);
    conf_verify(c);
}

static const conf_case savepoints_cases[] = {
    CASE(savepoints_not_offered, "savepoints are refused where they are not claimed"),
    CASE(savepoints_roll_back,
         "rolling back to a savepoint undoes inserts, updates and deletes since"),
    CASE(savepoints_release, "what a released savepoint held belongs to the outer one"),
    CASE(savepoints_outer_undoes_inner,
         "rolling back an outer savepoint undoes the inner one and forgets it"),
    CASE_HINT(savepoints_are_no_commits, "what a released savepoint held is not yet committed",
              "transaction.savepoint_release: only the commit lets others see what was changed."),
    CASE(savepoints_64, "64 savepoints may be nested, and each depth undone"),
    CASE(savepoints_after_failures, "a failed statement leaves the savepoints around it standing"),
    CASE(savepoints_of_one_row,
         "each savepoint has its own state of a row that changes again and again"),
    SLOW_CASE(savepoints_of_many_rows, "a savepoint undoes thousands of rows"),
    CASE(savepoints_and_ends, "the end of a transaction ends its savepoints"),
    CASE(savepoints_of_long_values_leave_a_whole_file,
         "long values undone at a savepoint leave a sound file"),
};

CONF_GROUP(savepoints, "savepoints",
           "transaction.savepoint, savepoint_release, savepoint_rollback: each undoes rows and "
           "index entries, inner ones included.");
