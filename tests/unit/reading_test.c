/* Reading: the two forms of a keyset's query, what a driver borrows, and SQL text. */
#include "fake.h"

#include <math.h>

#include "core/db.h"

static void
a_keyset_has_a_form_for_its_start(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    const tenon_value start[] = { { .type = TENON_NULL } }, later[] = { tenon_int(7) };
    tenon_cursor *cursor;

    (void)state;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(tenon_select(txn, &fake_page, start, &cursor, NULL), TENON_OK);
        assert_false(fake.after);
        tenon_cursor_close(cursor);
        assert_int_equal(tenon_select(txn, &fake_page, later, &cursor, NULL), TENON_OK);
        assert_true(fake.after);
        tenon_cursor_close(cursor);
        assert_int_equal(fake.calls[FAKE_PREPARE], 2); /* each is compiled once */
    }
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    tenon_close(db);
    assert_int_equal(fake.calls[FAKE_FREE], 2);
}

static tenon_cursor *
select_named(tenon_txn *txn, const char *name)
{
    tenon_value params[1];
    tenon_cursor *cursor;
    char text[16];

    (void)snprintf(text, sizeof text, "%s", name);
    params[0] = tenon_text(text);
    assert_int_equal(tenon_select(txn, &fake_named, params, &cursor, NULL), TENON_OK);
    memset(params, 0x5a, sizeof params); /* lent for the call only */
    memset(text, 0x5a, sizeof text);
    return cursor;
}

static void
a_cursor_keeps_its_own_parameters(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_cursor *anna, *bertram, *again;
    const tenon_value *row;

    (void)state;
    anna = select_named(txn, "anna");
    bertram = select_named(txn, "bertram");
    assert_int_equal(tenon_next(anna, &row, NULL), TENON_OK);
    assert_string_equal(fake.text, "anna");
    assert_int_equal(tenon_next(bertram, &row, NULL), TENON_OK);
    assert_string_equal(fake.text, "bertram");
    tenon_cursor_close(anna);
    again = select_named(txn, "a name, longer"); /* in a handle used before */
    assert_int_equal(tenon_next(bertram, &row, NULL), TENON_OK);
    assert_string_equal(fake.text, "bertram");
    assert_int_equal(tenon_next(again, &row, NULL), TENON_OK);
    assert_string_equal(fake.text, "a name, longer");
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    tenon_close(db);
}

static void
a_handle_used_again_starts_anew(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_cursor *cursor, *before;
    const tenon_value *row;
    tenon_error err = { 0 };

    (void)state;
    fake.row_count = 1;
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &before, NULL), TENON_OK);
    assert_int_equal(tenon_next(before, &row, NULL), TENON_OK);
    assert_int_equal(tenon_next(before, &row, NULL), TENON_NOT_FOUND);
    tenon_cursor_close(before);
    assert_int_equal(tenon_next(before, &row, &err), TENON_MISUSE);
    assert_string_equal(err.message, "the cursor is closed");
    tenon_cursor_close(before); /* twice is once */
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, NULL), TENON_OK);
    assert_ptr_equal(cursor, before); /* reading allocates nothing once warm */
    assert_int_equal(tenon_next(cursor, &row, NULL), TENON_OK);
    assert_int_equal(tenon_next(cursor, &row, NULL), TENON_NOT_FOUND);
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    assert_int_equal(tenon_next(cursor, &row, NULL), TENON_MISUSE);
    assert_int_equal(tenon_next(NULL, &row, NULL), TENON_MISUSE);
    tenon_close(db);
}

/* Nobody tells the reaper of this deadline: it is the reading itself that has to see it. */
static void
who_reads_row_after_row_is_stopped_soon_after_the_deadline(void **state)
{
    static const uint32_t read_before[] = { 0, 1, TNI_ROWS_BETWEEN_LOOKS, 100 };

    (void)state;
    for (uint32_t i = 0; i < UNIT_COUNT(read_before); i++) {
        tenon_db *db = fake_open("fake:", NULL);
        tenon_txn *txn = fake_begin(db, NULL);
        tenon_status st = TENON_OK;
        const tenon_value *row;
        tenon_cursor *cursor;
        uint32_t late = 0;

        fake.row_count = 1000;
        assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, NULL), TENON_OK);
        for (uint32_t read = 0; read < read_before[i]; read++)
            assert_int_equal(tenon_next(cursor, &row, NULL), TENON_OK);
        atomic_store(&txn->deadline_ns, tni_monotonic_ns());
        while (st == TENON_OK && late < 1000) {
            st = tenon_next(cursor, &row, NULL);
            late += st == TENON_OK;
        }
        assert_int_equal(st, TENON_TIMEOUT);
        assert_true(late < TNI_ROWS_BETWEEN_LOOKS);
        assert_null(row);
        assert_int_equal(tenon_commit(txn, NULL), TENON_TIMEOUT);
        tenon_close(db);
        fake_reset();
    }
}

static void
no_row_is_left_where_there_is_none(void **state)
{
    static const char *const urls[] = { "fake:", "nofetch:" };
    const tenon_value *row;
    tenon_cursor *cursor;
    tenon_error err;
    uint64_t count;

    (void)state;
    for (uint32_t i = 0; i < UNIT_COUNT(urls); i++) {
        tenon_db *db = fake_open(urls[i], NULL);
        tenon_txn *txn = fake_begin(db, NULL);

        memset(&err, 0x5a, sizeof err);
        fake.row_count = 0;
        assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, &err), TENON_NOT_FOUND);
        assert_null(row);
        assert_int_equal(err.status, TENON_NOT_FOUND);
        assert_int_equal(err.effect, TENON_EFFECT_OPEN);
        assert_string_equal(err.message, "no such row"); /* an ordinary result, not a failure */
        assert_string_equal(err.driver, "");
        assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, &err), TENON_OK);
        assert_int_equal(tenon_next(cursor, &row, &err), TENON_NOT_FOUND);
        assert_null(row);
        fake_fail(FAKE_NEXT, TENON_IO, TENON_EFFECT_OPEN, 2);
        assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, &err), TENON_IO);
        assert_null(row);
        assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, &err), TENON_OK);
        assert_int_equal(tenon_next(cursor, &row, &err), TENON_IO);
        assert_null(row);
        fake.row_count = 3;
        if (i == 0) {
            assert_int_equal(tenon_count(txn, &fake_number, NULL, &count, &err), TENON_OK);
            assert_int_equal(count, 3);
        }
        fake_fail(FAKE_NEXT, TENON_IO, TENON_EFFECT_OPEN, 1);
        assert_int_equal(tenon_count(txn, &fake_number, NULL, &count, &err), TENON_IO);
        assert_int_equal(count, 0);
        assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
        assert_int_equal(fake.open_cursors, 0);
        tenon_close(db);
    }
}

static void
a_cursor_that_did_not_open_leaves_nothing(void **state)
{
    tenon_db *db = fake_open("nofetch:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    const tenon_value *row;
    tenon_cursor *cursor;

    (void)state;
    fake_fail(FAKE_OPEN, TENON_IO, TENON_EFFECT_OPEN, 2);
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, NULL), TENON_IO);
    assert_null(cursor);
    assert_null(txn->cursors);
    assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, NULL), TENON_IO);
    assert_null(row);
    assert_null(txn->fetch_cursor);
    assert_null(txn->cursors);
    assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, NULL), TENON_OK);
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    tenon_close(db);
}

/* ---- SQL text ---- */

static tenon_db *
sql_open(const char *url)
{
    fake.capabilities |= TENON_CAP_SQL;
    return fake_open(url, NULL);
}

static void
sql_reaches_the_driver_with_its_parameters(void **state)
{
    tenon_db *db = sql_open("fake:");
    tenon_txn *txn = fake_begin(db, NULL);
    const tenon_value params[] = { tenon_text("anna"), tenon_int(1) };
    const tenon_value *row;
    tenon_cursor *cursor;
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(tenon_sql(txn, "x", NULL, 0, NULL, &err), TENON_OK);
    assert_int_equal(fake.param_count, 0);
    assert_int_equal(fake.open_cursors, 0);
    assert_int_equal(tenon_sql(txn, "x", params, 2, &cursor, &err), TENON_OK);
    assert_int_equal(fake.param_count, 2);
    assert_int_equal(tenon_next(cursor, &row, &err), TENON_OK);
    assert_string_equal(fake.text, "anna");
    tenon_cursor_close(cursor);
    fake_fail(FAKE_SQL, TENON_DENIED, TENON_EFFECT_OPEN, 2);
    assert_int_equal(tenon_sql(txn, "COMMIT", NULL, 0, NULL, &err), TENON_DENIED);
    assert_int_equal(tenon_sql(txn, "COMMIT", NULL, 0, &cursor, &err), TENON_DENIED);
    assert_null(cursor);
    assert_string_equal(err.driver, "fake");
    fake_fail(FAKE_SQL, TENON_CONFLICT, TENON_EFFECT_ROLLED_BACK, 1);
    assert_int_equal(tenon_sql(txn, "x", NULL, 0, NULL, &err), TENON_CONFLICT);
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_DOOMED);
    assert_int_equal(tenon_sql(txn, "x", NULL, 0, NULL, &err), TENON_CONFLICT);
    assert_int_equal(fake.calls[FAKE_SQL], 5);
    tenon_rollback(txn);
    tenon_close(db);
}

static void
sql_that_is_no_call_does_not_reach_the_driver(void **state)
{
    const tenon_value bad[] = {
        { .type = 99 },
        { .type = TENON_TEXT, .len = 2, .as = { .data = "a\xff" } },
        { .type = TENON_UUID, .len = 15, .as = { .data = "123456789012345" } },
        { .type = TENON_REAL, .as = { .d = NAN } },
    };
    tenon_db *db = sql_open("fake:");
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_cursor *cursor;

    (void)state;
    assert_int_equal(tenon_sql(txn, NULL, NULL, 0, NULL, NULL), TENON_MISUSE);
    assert_int_equal(tenon_sql(txn, "x", NULL, 1, NULL, NULL), TENON_MISUSE);
    for (uint32_t i = 0; i < UNIT_COUNT(bad); i++) {
        const tenon_value params[] = { tenon_int(1), bad[i] };

        cursor = (tenon_cursor *)(void *)&fake;
        assert_int_equal(tenon_sql(txn, "x", params, 2, &cursor, NULL), TENON_INVALID);
        assert_null(cursor);
    }
    assert_int_equal(fake.calls[FAKE_SQL], 0);
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    tenon_close(db);
}

static void
sql_is_for_engines_that_claim_it(void **state)
{
    tenon_db *db = fake_open("fake:", NULL); /* has the slot, does not claim it */
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(tenon_sql(txn, "x", NULL, 0, NULL, &err), TENON_UNSUPPORTED);
    assert_string_equal(err.message, "this engine knows no SQL");
    assert_int_equal(fake.calls[FAKE_SQL], 0);
    tenon_rollback(txn);
    tenon_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_CASE(a_keyset_has_a_form_for_its_start),
        FAKE_CASE(a_cursor_keeps_its_own_parameters),
        FAKE_CASE(a_handle_used_again_starts_anew),
        FAKE_CASE(who_reads_row_after_row_is_stopped_soon_after_the_deadline),
        FAKE_CASE(no_row_is_left_where_there_is_none),
        FAKE_CASE(a_cursor_that_did_not_open_leaves_nothing),
        FAKE_CASE(sql_reaches_the_driver_with_its_parameters),
        FAKE_CASE(sql_that_is_no_call_does_not_reach_the_driver),
        FAKE_CASE(sql_is_for_engines_that_claim_it),
    };

    return cmocka_run_group_tests_name("reading", tests, NULL, NULL);
}
