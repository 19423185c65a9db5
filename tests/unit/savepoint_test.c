/* Savepoints: which are set, what brings a doomed transaction back, and what does not. */
#include "fake.h"

#include "core/env.h"

static const tenon_value one[] = { { .type = TENON_INT, .as = { .i = 1 } } };

static tenon_status
run_exec(tenon_txn *txn)
{
    return tenon_exec(txn, &fake_insert, one, NULL, NULL);
}

static uint32_t
set_savepoint(tenon_txn *txn)
{
    tenon_error err = { 0 };
    uint32_t savepoint;

    if (tenon_savepoint(txn, &savepoint, &err) != TENON_OK)
        fail_msg("%s", err.message);
    return savepoint;
}

static void
one_that_was_rolled_back_to_is_gone_with_those_inside(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    uint32_t a = set_savepoint(txn), b = set_savepoint(txn), c = set_savepoint(txn);
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(fake.depth, 3);
    assert_int_equal(tenon_savepoint_rollback(txn, b, &err), TENON_OK);
    assert_int_equal(fake.depth, 2);
    assert_int_equal(tenon_savepoint_rollback(txn, b, &err), TENON_MISUSE);
    assert_int_equal(tenon_savepoint_release(txn, c, &err), TENON_MISUSE);
    assert_int_equal(fake.calls[FAKE_ROLLBACK_TO], 1);
    c = set_savepoint(txn); /* never a number that was there before */
    assert_int_equal(fake.depth, 2);
    assert_int_not_equal(c, a);
    assert_int_not_equal(c, b);
    assert_int_equal(tenon_savepoint_release(txn, a, &err), TENON_OK);
    assert_int_equal(fake.depth, 1);
    assert_int_equal(tenon_savepoint_release(txn, c, &err), TENON_MISUSE);
    assert_int_equal(tenon_savepoint_rollback(txn, a, &err), TENON_MISUSE);
    assert_int_equal(fake.calls[FAKE_RELEASE], 1);
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_ACTIVE);
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    tenon_close(db);
}

static void
they_end_with_their_transaction(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    uint32_t savepoint = set_savepoint(txn);

    (void)state;
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    txn = fake_begin(db, NULL); /* on the same connection */
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, NULL), TENON_MISUSE);
    savepoint = set_savepoint(txn);
    assert_int_equal(fake.depth, 1);
    tenon_rollback(txn);
    tenon_close(db);
}

static void
what_the_engine_has_rolled_back_stays_so(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    uint32_t savepoint = set_savepoint(txn);
    tenon_error err = { 0 };

    (void)state;
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_ROLLED_BACK, 1);
    assert_int_equal(run_exec(txn), TENON_CONFLICT);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, &err), TENON_CONFLICT);
    assert_int_equal(err.effect, TENON_EFFECT_ROLLED_BACK);
    assert_int_equal(fake.calls[FAKE_ROLLBACK_TO], 0);
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_DOOMED);
    tenon_rollback(txn);
    tenon_close(db);
}

static void
a_rollback_that_loses_everything_can_not_be_tried_again(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    uint32_t savepoint = set_savepoint(txn);
    tenon_error err = { 0 };

    (void)state;
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(run_exec(txn), TENON_CONFLICT);
    fake_fail(FAKE_ROLLBACK_TO, TENON_IO, TENON_EFFECT_ROLLED_BACK, 1);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, &err), TENON_IO);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, &err), TENON_CONFLICT);
    assert_int_equal(fake.calls[FAKE_ROLLBACK_TO], 1);
    assert_int_equal(tenon_commit(txn, &err), TENON_CONFLICT); /* what doomed it first */
    assert_int_equal(fake.calls[FAKE_COMMIT], 0);
    tenon_close(db);
}

static void
a_deadline_stays_passed(void **state)
{
    const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 20 };
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, &brief);
    uint32_t savepoint = set_savepoint(txn);

    (void)state;
    tni_sleep_until_ns(tni_monotonic_ns() + UINT64_C(30000000));
    assert_int_equal(run_exec(txn), TENON_TIMEOUT);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, NULL), TENON_TIMEOUT);
    assert_int_equal(fake.calls[FAKE_ROLLBACK_TO], 0);
    tenon_rollback(txn);
    txn = fake_begin(db, NULL); /* the next one of the connection has nothing of it */
    savepoint = set_savepoint(txn);
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(run_exec(txn), TENON_CONFLICT);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, NULL), TENON_OK);
    assert_int_equal(run_exec(txn), TENON_OK);
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    tenon_close(db);
}

/* The row of tenon_fetch is lent until the next call; without a slot for it a cursor holds it. */
static void
a_row_that_was_lent_is_given_back_first(void **state)
{
    tenon_db *db = fake_open("nofetch:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    const tenon_value *row;
    uint32_t savepoint;

    (void)state;
    assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, NULL), TENON_OK);
    assert_int_equal(fake.open_cursors, 1);
    savepoint = set_savepoint(txn);
    assert_int_equal(fake.open_cursors, 0);
    assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, NULL), TENON_OK);
    assert_int_equal(tenon_savepoint_release(txn, savepoint, NULL), TENON_OK);
    assert_int_equal(fake.open_cursors, 0);
    savepoint = set_savepoint(txn);
    assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, NULL), TENON_OK);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, NULL), TENON_OK);
    assert_int_equal(fake.open_cursors, 0);
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    tenon_close(db);
}

static void
a_doomed_transaction_sets_and_forgets_none(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    uint32_t savepoint = set_savepoint(txn), other;

    (void)state;
    fake_fail(FAKE_EXEC, TENON_FULL, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(run_exec(txn), TENON_FULL);
    assert_int_equal(tenon_savepoint(txn, &other, NULL), TENON_FULL);
    assert_int_equal(other, 0);
    assert_int_equal(tenon_savepoint_release(txn, savepoint, NULL), TENON_FULL);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint + 1, NULL), TENON_MISUSE);
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_DOOMED);
    assert_int_equal(fake.calls[FAKE_SAVEPOINT], 1);
    assert_int_equal(fake.calls[FAKE_RELEASE], 0);
    assert_int_equal(tenon_savepoint(NULL, &other, NULL), TENON_MISUSE);
    assert_int_equal(tenon_savepoint_release(NULL, 1, NULL), TENON_MISUSE);
    assert_int_equal(tenon_savepoint_rollback(NULL, 1, NULL), TENON_MISUSE);
    tenon_rollback(txn);
    tenon_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_CASE(one_that_was_rolled_back_to_is_gone_with_those_inside),
        FAKE_CASE(they_end_with_their_transaction),
        FAKE_CASE(what_the_engine_has_rolled_back_stays_so),
        FAKE_CASE(a_rollback_that_loses_everything_can_not_be_tried_again),
        FAKE_CASE(a_deadline_stays_passed),
        FAKE_CASE(a_row_that_was_lent_is_given_back_first),
        FAKE_CASE(a_doomed_transaction_sets_and_forgets_none),
    };

    return cmocka_run_group_tests_name("savepoint", tests, NULL, NULL);
}
