/* Statements, cursors and savepoints: what reaches the driver, and what its answers mean. */
#include "fake.h"

static const tenon_value one[] = { { .type = TENON_INT, .as = { .i = 1 } } };

static void
a_query_is_compiled_once_for_a_connection(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *a, *b;

    (void)state;
    for (int i = 0; i < 3; i++) {
        a = fake_begin(db, NULL);
        assert_int_equal(tenon_exec(a, &fake_insert, one, NULL, NULL), TENON_OK);
        assert_int_equal(tenon_exec(a, &fake_insert, one, NULL, NULL), TENON_OK);
        assert_int_equal(tenon_commit(a, NULL), TENON_OK);
    }
    assert_int_equal(fake.calls[FAKE_PREPARE], 1);
    a = fake_begin(db, NULL);
    b = fake_begin(db, NULL); /* on another connection */
    assert_int_equal(tenon_exec(b, &fake_insert, one, NULL, NULL), TENON_OK);
    assert_int_equal(tenon_exec(a, &fake_insert, one, NULL, NULL), TENON_OK);
    assert_int_equal(fake.calls[FAKE_PREPARE], 2);
    tenon_rollback(a);
    tenon_rollback(b);
    tenon_close(db);
    assert_int_equal(fake.calls[FAKE_FREE], 2);
}

static void
a_query_that_was_not_compiled_is_tried_again(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_error err = { 0 };

    (void)state;
    fake_fail(FAKE_PREPARE, TENON_SCHEMA, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, &err), TENON_SCHEMA);
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, &err), TENON_OK);
    assert_int_equal(fake.calls[FAKE_PREPARE], 2);
    tenon_rollback(txn);
    tenon_close(db);
    assert_int_equal(fake.calls[FAKE_FREE], 1);
}

static void
parameters_are_checked_before_the_driver_is_called(void **state)
{
    const tenon_value text[] = { tenon_text("x") }, null[] = { tenon_null() };
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_error err = { 0 };
    uint64_t affected = 9;

    (void)state;
    assert_int_equal(tenon_exec(txn, &fake_insert, text, &affected, &err), TENON_INVALID);
    assert_int_equal(affected, 0);
    assert_int_equal(tenon_exec(txn, &fake_insert, null, &affected, &err), TENON_CONSTRAINT);
    assert_string_equal(err.object, "t.id");
    assert_int_equal(fake.calls[FAKE_EXEC], 0);
    assert_int_equal(tenon_exec(txn, &fake_insert, one, &affected, &err), TENON_OK);
    assert_int_equal(affected, 1);
    tenon_rollback(txn);
    tenon_close(db);
}

/* With the driver's fetch and without: by a cursor, which is closed before the next statement. */
static void
the_first_row_is_read_with_and_without_a_slot_for_it(void **state)
{
    static const char *const urls[] = { "fake:", "bare:" };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(urls); i++) {
        tenon_db *db;
        tenon_txn *txn;
        tenon_error err = { 0 };
        const tenon_value *row;
        uint64_t count;

        fake_reset();
        fake.capabilities &= ~TENON_CAP_SAVEPOINTS;
        db = fake_open(urls[i], NULL);
        txn = fake_begin(db, NULL);
        assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, &err), TENON_OK);
        assert_int_equal(row[0].as.i, 0);
        assert_int_equal(fake.open_cursors, i);
        assert_int_equal(tenon_count(txn, &fake_number, NULL, &count, &err), TENON_OK);
        assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, &err), TENON_OK);
        assert_int_equal(fake.open_cursors, 0);
        fake.row_count = 0;
        assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, &err), TENON_NOT_FOUND);
        assert_null(row);
        assert_int_equal(err.status, TENON_NOT_FOUND);
        assert_int_equal(fake.open_cursors, 0);
        fake_fail(FAKE_NEXT, TENON_CORRUPT, TENON_EFFECT_MUST_ROLL_BACK, 1);
        assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, &err), TENON_CORRUPT);
        assert_int_equal(tenon_txn_state(txn), TENON_TXN_DOOMED);
        tenon_rollback(txn);
        assert_int_equal(fake.open_cursors, 0);
        tenon_close(db);
    }
}

static void
a_cursor_reads_to_the_end_and_stays_there(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_error err = { 0 };
    const tenon_value *row;
    tenon_cursor *cursor;

    (void)state;
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, &err), TENON_OK);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(tenon_next(cursor, &row, &err), TENON_OK);
        assert_int_equal(row[0].as.i, i);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tenon_next(cursor, &row, &err), TENON_NOT_FOUND);
        assert_null(row);
        assert_int_equal(fake.open_cursors, 0); /* what the engine held is given up at once */
    }
    tenon_cursor_close(cursor);
    tenon_cursor_close(NULL);
    assert_int_equal(tenon_next(NULL, &row, &err), TENON_MISUSE);
    assert_int_equal(tenon_commit(txn, &err), TENON_OK);
    tenon_close(db);
}

static void
cursors_that_are_open_are_closed_before_the_end(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    const tenon_value *row;
    tenon_cursor *cursors[4];

    (void)state;
    for (int commits = 0; commits < 2; commits++) {
        tenon_txn *txn = fake_begin(db, NULL);

        for (int i = 0; i < 4; i++) {
            assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursors[i], NULL), TENON_OK);
            assert_int_equal(tenon_next(cursors[i], &row, NULL), TENON_OK);
        }
        tenon_cursor_close(cursors[2]);
        assert_int_equal(fake.open_cursors, 3);
        if (commits)
            assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
        else
            tenon_rollback(txn);
        assert_int_equal(fake.open_cursors, 0);
    }
    tenon_close(db);
}

static void
a_cursor_that_can_not_open_or_read_says_so(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_error err = { 0 };
    const tenon_value *row;
    tenon_cursor *cursor;

    (void)state;
    fake_fail(FAKE_OPEN, TENON_NO_MEMORY, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, &err), TENON_NO_MEMORY);
    assert_null(cursor);
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, &err), TENON_OK);
    fake_fail(FAKE_NEXT, TENON_TIMEOUT, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(tenon_next(cursor, &row, &err), TENON_TIMEOUT);
    assert_int_equal(tenon_next(cursor, &row, &err), TENON_TIMEOUT); /* doomed */
    tenon_rollback(txn);
    assert_int_equal(fake.open_cursors, 0);
    tenon_close(db);
}

/* ---- Savepoints ---- */

static void
savepoints_nest_up_to_their_limit(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    uint32_t numbers[TENON_MAX_SAVEPOINTS], extra;
    tenon_error err = { 0 };

    (void)state;
    for (uint32_t i = 0; i < TENON_MAX_SAVEPOINTS; i++) {
        assert_int_equal(tenon_savepoint(txn, &numbers[i], &err), TENON_OK);
        assert_int_equal(fake.depth, i + 1);
    }
    assert_int_equal(tenon_savepoint(txn, &extra, &err), TENON_MISUSE);
    assert_int_equal(tenon_savepoint_release(txn, numbers[10], &err), TENON_OK);
    assert_int_equal(fake.depth, 11);
    assert_int_equal(tenon_savepoint_release(txn, numbers[10], &err), TENON_MISUSE); /* gone */
    assert_int_equal(tenon_savepoint_rollback(txn, numbers[20], &err), TENON_MISUSE);
    assert_int_equal(tenon_savepoint(txn, &extra, &err), TENON_OK);
    assert_int_equal(fake.depth, 11);
    assert_int_not_equal(extra, numbers[10]); /* numbers are not used again */
    assert_int_equal(tenon_savepoint_rollback(txn, numbers[3], &err), TENON_OK);
    assert_int_equal(fake.depth, 4);
    assert_int_equal(tenon_savepoint_release(txn, extra, &err), TENON_MISUSE);
    assert_int_equal(tenon_savepoint_release(txn, numbers[2], &err), TENON_OK);
    assert_int_equal(tenon_commit(txn, &err), TENON_OK);
    tenon_close(db);
}

static void
a_rollback_to_a_savepoint_cures_what_must_be_rolled_back(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_error err = { 0 };
    uint32_t savepoint;

    (void)state;
    assert_int_equal(tenon_savepoint(txn, &savepoint, &err), TENON_OK);
    fake_fail(FAKE_EXEC, TENON_CANCELLED, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, &err), TENON_CANCELLED);
    assert_int_equal(tenon_savepoint_release(txn, savepoint, &err), TENON_CANCELLED);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, &err), TENON_OK);
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_ACTIVE);
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, &err), TENON_OK);
    assert_int_equal(tenon_savepoint(txn, &savepoint, &err), TENON_OK);
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_ROLLED_BACK, 1);
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, &err), TENON_CONFLICT);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, &err), TENON_CONFLICT);
    assert_int_equal(fake.calls[FAKE_ROLLBACK_TO], 1); /* there is nothing to go back to */
    tenon_rollback(txn);
    tenon_close(db);
}

static void
a_savepoint_that_can_not_be_rolled_back_to_dooms(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_error err = { 0 };
    uint32_t savepoint;

    (void)state;
    fake_fail(FAKE_SAVEPOINT, TENON_FULL, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_savepoint(txn, &savepoint, &err), TENON_FULL);
    assert_int_equal(savepoint, 0);
    assert_int_equal(tenon_savepoint(txn, &savepoint, &err), TENON_OK);
    fake_fail(FAKE_RELEASE, TENON_FULL, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_savepoint_release(txn, savepoint, &err), TENON_FULL);
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_ACTIVE);
    fake_fail(FAKE_ROLLBACK_TO, TENON_IO, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, &err), TENON_IO);
    assert_int_equal(err.effect, TENON_EFFECT_MUST_ROLL_BACK); /* half undone, perhaps */
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_DOOMED);
    assert_int_equal(tenon_commit(txn, &err), TENON_IO);
    tenon_close(db);
}

static void
a_rollback_to_a_savepoint_closes_cursors(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_error err = { 0 };
    const tenon_value *row;
    tenon_cursor *cursor;
    uint32_t savepoint;

    (void)state;
    assert_int_equal(tenon_savepoint(txn, &savepoint, &err), TENON_OK);
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, &err), TENON_OK);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, &err), TENON_OK);
    assert_int_equal(fake.open_cursors, 0);
    assert_int_equal(tenon_next(cursor, &row, &err), TENON_MISUSE);
    tenon_cursor_close(cursor);
    assert_int_equal(tenon_savepoint(txn, &savepoint, &err), TENON_OK);
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, &err), TENON_OK);
    assert_int_equal(tenon_savepoint_release(txn, savepoint, &err), TENON_OK);
    assert_int_equal(tenon_next(cursor, &row, &err), TENON_OK); /* a release does not */
    assert_int_equal(tenon_commit(txn, &err), TENON_OK);
    tenon_close(db);
}

static void
what_an_engine_lacks_is_unsupported(void **state)
{
    tenon_error err = { 0 };
    uint32_t savepoint;
    char words[8];
    tenon_db *db;
    tenon_txn *txn;

    (void)state;
    fake.capabilities &= ~TENON_CAP_SAVEPOINTS;
    db = fake_open("bare:", NULL);
    txn = fake_begin(db, NULL);
    assert_int_equal(tenon_savepoint(txn, &savepoint, &err), TENON_UNSUPPORTED);
    assert_int_equal(tenon_sql(txn, "SELECT 1", NULL, 0, NULL, &err), TENON_UNSUPPORTED);
    assert_int_equal(tenon_explain(txn, &fake_select, words, sizeof words, &err),
                     TENON_UNSUPPORTED);
    assert_int_equal(tenon_commit(txn, &err), TENON_OK);
    tenon_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_CASE(a_query_is_compiled_once_for_a_connection),
        FAKE_CASE(a_query_that_was_not_compiled_is_tried_again),
        FAKE_CASE(parameters_are_checked_before_the_driver_is_called),
        FAKE_CASE(the_first_row_is_read_with_and_without_a_slot_for_it),
        FAKE_CASE(a_cursor_reads_to_the_end_and_stays_there),
        FAKE_CASE(cursors_that_are_open_are_closed_before_the_end),
        FAKE_CASE(a_cursor_that_can_not_open_or_read_says_so),
        FAKE_CASE(savepoints_nest_up_to_their_limit),
        FAKE_CASE(a_rollback_to_a_savepoint_cures_what_must_be_rolled_back),
        FAKE_CASE(a_savepoint_that_can_not_be_rolled_back_to_dooms),
        FAKE_CASE(a_rollback_to_a_savepoint_closes_cursors),
        FAKE_CASE(what_an_engine_lacks_is_unsupported),
    };

    return cmocka_run_group_tests_name("statement", tests, NULL, NULL);
}
