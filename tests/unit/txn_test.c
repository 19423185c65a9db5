/* Transactions: their states, what dooms them, and what becomes of their connection. */
#include "fake.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/env.h"

#define EXEC(txn, err) tenon_exec((txn), &fake_insert, one, NULL, (err))

static const tenon_value one[] = { { .type = TENON_INT, .as = { .i = 1 } } };

/* Wait until a transaction's deadline has passed. */
static void
wait_ms(uint64_t ms)
{
    tni_sleep_until_ns(tni_monotonic_ns() + ms * 1000000);
}

static tenon_db_info
info_of(tenon_db *db)
{
    tenon_db_info info = { .size = sizeof info };

    assert_int_equal(tenon_db_get_info(db, &info, NULL), TENON_OK);
    return info;
}

static void
a_transaction_commits_and_is_counted(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_ACTIVE);
    assert_int_equal(tenon_txn_attempt(txn), 1);
    assert_ptr_equal(tenon_txn_db(txn), db);
    assert_int_equal(EXEC(txn, &err), TENON_OK);
    assert_int_equal(tenon_commit(txn, &err), TENON_OK);
    assert_int_equal(err.status, TENON_OK); /* success leaves it alone */
    assert_int_equal(fake.calls[FAKE_COMMIT], 1);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 0);
    assert_int_equal(info_of(db).begun_count, 1);
    assert_int_equal(info_of(db).committed_count, 1);
    assert_int_equal(info_of(db).rolled_back_count, 0);
    assert_int_equal(info_of(db).connection_count, 1);
    tenon_close(db);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 1);
    assert_int_equal(fake.calls[FAKE_FREE], fake.calls[FAKE_PREPARE]);
}

static void
a_failed_statement_leaves_the_transaction_as_the_driver_says(void **state)
{
    static const struct {
        uint8_t effect;
        uint32_t state;
    } effects[] = { { TENON_EFFECT_OPEN, TENON_TXN_ACTIVE },
                    { TENON_EFFECT_MUST_ROLL_BACK, TENON_TXN_DOOMED },
                    { TENON_EFFECT_ROLLED_BACK, TENON_TXN_DOOMED } };
    tenon_db *db = fake_open("fake:", NULL);

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(effects); i++) {
        tenon_txn *txn = fake_begin(db, NULL);
        tenon_error err = { 0 };

        fake_fail(FAKE_EXEC, TENON_FULL, effects[i].effect, 1);
        assert_int_equal(EXEC(txn, &err), TENON_FULL);
        assert_int_equal(err.effect, effects[i].effect);
        assert_int_equal(err.native, 4711);
        assert_string_equal(err.driver, "fake");
        assert_int_equal(tenon_txn_state(txn), effects[i].state);
        memset(&err, 0, sizeof err);
        if (effects[i].state == TENON_TXN_ACTIVE) {
            assert_int_equal(EXEC(txn, &err), TENON_OK);
            assert_int_equal(tenon_commit(txn, &err), TENON_OK);
        } else { /* every further call says what doomed it */
            assert_int_equal(EXEC(txn, &err), TENON_FULL);
            assert_int_equal(err.native, 4711);
            assert_int_equal(tenon_commit(txn, &err), TENON_FULL);
        }
    }
    assert_int_equal(fake.calls[FAKE_COMMIT], 1);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 2);
    tenon_close(db);
}

static void
a_driver_that_says_nothing_gets_the_words_of_its_status(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_error err = { 0 };

    (void)state;
    fake.mute = true;
    fake_fail(FAKE_EXEC, TENON_IO, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(EXEC(txn, &err), TENON_IO);
    assert_string_equal(err.message, tenon_status_text(TENON_IO));
    assert_int_equal(err.effect, TENON_EFFECT_MUST_ROLL_BACK);
    tenon_rollback(txn);
    tenon_close(db);
}

static void
a_failed_commit_is_rolled_back_or_unknown(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_error err = { 0 };

    (void)state;
    fake_fail(FAKE_COMMIT, TENON_CONFLICT, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_commit(fake_begin(db, NULL), &err), TENON_CONFLICT);
    assert_int_equal(err.effect, TENON_EFFECT_ROLLED_BACK);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 0);
    fake_fail(FAKE_COMMIT, TENON_IO, TENON_EFFECT_UNKNOWN, 1);
    assert_int_equal(tenon_commit(fake_begin(db, NULL), &err), TENON_UNKNOWN_OUTCOME);
    assert_int_equal(err.effect, TENON_EFFECT_UNKNOWN);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 1); /* not to be trusted any more */
    fake_fail(FAKE_COMMIT, TENON_UNKNOWN_OUTCOME, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_commit(fake_begin(db, NULL), &err), TENON_UNKNOWN_OUTCOME);
    assert_int_equal(err.effect, TENON_EFFECT_UNKNOWN);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 2);
    assert_int_equal(info_of(db).rolled_back_count, 1);
    assert_int_equal(info_of(db).committed_count, 0);
    tenon_close(db);
}

static void
a_connection_that_failed_is_closed_and_replaced(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_error err = { 0 };
    tenon_txn *txn;

    (void)state;
    fake_fail(FAKE_ROLLBACK, TENON_IO, TENON_EFFECT_OPEN, 1);
    tenon_rollback(fake_begin(db, NULL));
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 1);
    fake_fail(FAKE_RESET, TENON_IO, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_commit(fake_begin(db, NULL), &err), TENON_OK);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 2);
    txn = fake_begin(db, NULL);
    fake_fail(FAKE_EXEC, TENON_UNAVAILABLE, TENON_EFFECT_ROLLED_BACK, 1);
    assert_int_equal(EXEC(txn, &err), TENON_UNAVAILABLE);
    tenon_rollback(txn);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 3);
    assert_int_equal(tenon_commit(fake_begin(db, NULL), &err), TENON_OK);
    assert_int_equal(fake.calls[FAKE_CONN_OPEN], 4);
    tenon_close(db);
}

static void
what_can_not_begin_gives_its_connection_back(void **state)
{
    const tenon_open_options single = { .size = sizeof single, .max_connections = 1 };
    tenon_db *db = fake_open("fake:", &single);
    tenon_error err = { 0 };
    tenon_txn *txn;

    (void)state;
    fake_fail(FAKE_BEGIN, TENON_BUSY, TENON_EFFECT_ROLLED_BACK, 1);
    assert_int_equal(tenon_begin(db, NULL, &txn, &err), TENON_BUSY);
    assert_null(txn);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 0);
    fake_fail(FAKE_BEGIN, TENON_UNAVAILABLE, TENON_EFFECT_ROLLED_BACK, 1);
    assert_int_equal(tenon_begin(db, NULL, &txn, &err), TENON_UNAVAILABLE);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 1);
    fake_fail(FAKE_CONN_OPEN, TENON_IO, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_begin(db, NULL, &txn, &err), TENON_IO);
    assert_string_equal(err.driver, "fake");
    tenon_rollback(fake_begin(db, NULL)); /* the only connection is free each time */
    tenon_close(db);
}

static void
a_passed_deadline_dooms(void **state)
{
    const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 5, .name = "brief" };
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, &brief);
    tenon_error err = { 0 };
    uint32_t savepoint;

    (void)state;
    assert_int_equal(tenon_savepoint(txn, &savepoint, &err), TENON_OK);
    wait_ms(6);
    assert_int_equal(EXEC(txn, &err), TENON_TIMEOUT);
    assert_string_equal(err.object, "brief");
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_DOOMED);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, &err), TENON_TIMEOUT);
    assert_int_equal(tenon_commit(txn, &err), TENON_TIMEOUT);
    assert_int_equal(fake.calls[FAKE_COMMIT], 0);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 1);
    txn = fake_begin(db, &brief);
    wait_ms(6);
    assert_int_equal(tenon_commit(txn, &err), TENON_TIMEOUT); /* found by the commit itself */
    assert_int_equal(fake.calls[FAKE_COMMIT], 0);
    tenon_close(db);
}

static void
calls_that_are_not_allowed_are_misuse(void **state)
{
    const tenon_txn_options sizeless = { .timeout_ms = 5 };
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn, *none;
    tenon_error err = { 0 };
    const tenon_value *row;
    tenon_cursor *cursor;
    uint64_t count;

    (void)state;
    assert_int_equal(tenon_begin(db, &sizeless, &none, &err), TENON_MISUSE);
    assert_null(none);
    txn = fake_begin(db, NULL);
    assert_int_equal(tenon_exec(txn, &fake_select, NULL, NULL, &err), TENON_MISUSE);
    assert_int_equal(tenon_exec(txn, NULL, NULL, NULL, &err), TENON_MISUSE);
    assert_int_equal(tenon_exec(txn, &fake_insert, NULL, NULL, &err), TENON_MISUSE);
    assert_int_equal(tenon_fetch(txn, &fake_insert, one, &row, &err), TENON_MISUSE);
    assert_null(row);
    assert_int_equal(tenon_select(txn, &fake_insert, one, &cursor, &err), TENON_MISUSE);
    assert_null(cursor);
    assert_int_equal(tenon_count(txn, &fake_select, NULL, &count, &err), TENON_MISUSE);
    assert_int_equal(tenon_exec(NULL, &fake_insert, one, NULL, &err), TENON_MISUSE);
    assert_int_equal(tenon_commit(NULL, &err), TENON_MISUSE);
    tenon_rollback(NULL);
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_ACTIVE);
    assert_int_equal(tenon_commit(txn, &err), TENON_OK);
    tenon_close(db);
    tenon_close(NULL);
}

static void
readers_do_not_write(void **state)
{
    const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    const tenon_open_options only = { .size = sizeof only, .read_only = true };
    tenon_db *db = fake_open("fake:", NULL);
    tenon_error err = { 0 };
    tenon_txn *txn = fake_begin(db, &reading);

    (void)state;
    assert_int_equal(fake.read_only, 1);
    assert_int_equal(EXEC(txn, &err), TENON_READ_ONLY);
    assert_string_equal(err.object, "add");
    assert_int_equal(fake.calls[FAKE_EXEC], 0);
    assert_int_equal(tenon_commit(txn, &err), TENON_OK);
    tenon_close(db);
    db = fake_open("fake:", &only);
    assert_int_equal(tenon_begin(db, NULL, &txn, &err), TENON_READ_ONLY);
    tenon_rollback(fake_begin(db, &reading));
    tenon_close(db);
}

static void
an_isolation_level_becomes_the_next_stronger_one(void **state)
{
    static const struct {
        uint64_t offered;
        uint32_t given[4]; /* for each level asked for; 0: refused */
    } cases[] = {
        { TENON_CAP_SERIALIZABLE, { 3, 3, 3, 3 } },
        { TENON_CAP_SNAPSHOT, { 2, 2, 2, 0 } },
        { TENON_CAP_READ_COMMITTED, { 1, 1, 0, 0 } },
        { TENON_CAP_READ_COMMITTED | TENON_CAP_SERIALIZABLE, { 3, 1, 3, 3 } },
        { TENON_CAP_READ_COMMITTED | TENON_CAP_SNAPSHOT, { 2, 1, 2, 0 } },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        tenon_db *db;

        fake.capabilities = cases[i].offered | TENON_CAP_DURABLE_NONE;
        db = fake_open("fake:", NULL);
        for (uint32_t level = 0; level < 5; level++) {
            const tenon_txn_options o = { .size = sizeof o, .isolation = level };
            const bool offered = level < 4 && cases[i].given[level] != 0;
            tenon_txn *txn;
            tenon_error err = { 0 };

            assert_int_equal(tenon_begin(db, &o, &txn, &err),
                             offered ? TENON_OK : TENON_UNSUPPORTED);
            if (offered)
                assert_int_equal(fake.isolation, cases[i].given[level]);
            tenon_rollback(txn);
        }
        tenon_close(db);
    }
}

static void
the_driver_is_told_the_deadline(void **state)
{
    const tenon_txn_options o = { .size = sizeof o, .timeout_ms = 5000, .read_only = true };
    const uint64_t before_ns = tni_monotonic_ns();
    tenon_db *db = fake_open("fake:", NULL);

    (void)state;
    tenon_rollback(fake_begin(db, &o));
    assert_in_range(fake.deadline_ns, before_ns + UINT64_C(5000000000),
                    tni_monotonic_ns() + UINT64_C(5000000000));
    assert_int_equal(fake.read_only, 1);
    tenon_rollback(fake_begin(db, NULL));
    assert_true(fake.deadline_ns >= before_ns + UINT64_C(30000000000));
    assert_int_equal(fake.read_only, 0);
    tenon_close(db);
}

static void
the_first_failure_is_what_doomed_it(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    const tenon_value *row;
    tenon_cursor *cursor;
    tenon_error err = { 0 };
    uint32_t savepoint;

    (void)state;
    assert_int_equal(tenon_savepoint(txn, &savepoint, &err), TENON_OK);
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, &err), TENON_OK);
    fake_fail(FAKE_NEXT, TENON_CORRUPT, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(tenon_next(cursor, &row, &err), TENON_CORRUPT);
    fake_fail(FAKE_ROLLBACK_TO, TENON_IO, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(tenon_savepoint_rollback(txn, savepoint, &err), TENON_IO);
    assert_int_equal(tenon_next(cursor, &row, &err), TENON_CORRUPT);
    assert_int_equal(tenon_commit(txn, &err), TENON_CORRUPT);
    assert_int_equal(err.status, TENON_CORRUPT);
    tenon_close(db);
}

static void
rolled_back_ones_are_counted(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);

    (void)state;
    tenon_rollback(fake_begin(db, NULL));
    assert_int_equal(info_of(db).rolled_back_count, 1);
    fake_fail(FAKE_COMMIT, TENON_FULL, TENON_EFFECT_ROLLED_BACK, 1);
    assert_int_equal(tenon_commit(fake_begin(db, NULL), NULL), TENON_FULL);
    assert_int_equal(info_of(db).rolled_back_count, 2);
    assert_int_equal(info_of(db).connection_count, 1);
    fake_fail(FAKE_COMMIT, TENON_UNAVAILABLE, TENON_EFFECT_ROLLED_BACK, 1);
    assert_int_equal(tenon_commit(fake_begin(db, NULL), NULL), TENON_UNAVAILABLE);
    assert_int_equal(info_of(db).connection_count, 0); /* a lost connection is closed */
    assert_int_equal(info_of(db).committed_count, 0);
    assert_int_equal(info_of(db).begun_count, 3);
    tenon_close(db);
}

/* The handle lies in the connection: as long as nobody else has that, its end can be seen. */
static void
one_that_has_ended_is_refused(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    assert_int_equal(EXEC(txn, &err), TENON_MISUSE);
    assert_string_equal(err.message, "the transaction has ended");
    assert_int_equal(tenon_commit(txn, &err), TENON_MISUSE);
    tenon_rollback(txn);
    assert_int_equal(fake.calls[FAKE_EXEC], 0);
    assert_int_equal(fake.calls[FAKE_COMMIT], 1);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 0);
    tenon_close(db);
}

/* ---- Threads and processes ---- */

typedef struct other {
    tenon_txn *txn;
    tenon_status exec, commit;
} other;

static void *
use_elsewhere(void *arg)
{
    other *o = arg;

    o->exec = EXEC(o->txn, NULL);
    o->commit = tenon_commit(o->txn, NULL);
    return NULL;
}

/* Where the engine binds a writer to its thread, a thread of Tenon's begins and ends it. */
static void
a_bound_writer_goes_to_any_thread(void **state)
{
    tenon_db *db = fake_open("bound:", NULL);
    other o = { .txn = fake_begin(db, NULL) };
    pthread_t thread;

    (void)state;
    assert_false(pthread_equal(fake.begun_by, pthread_self()));
    assert_int_equal(pthread_create(&thread, NULL, use_elsewhere, &o), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(o.exec, TENON_OK);
    assert_int_equal(o.commit, TENON_OK);
    assert_int_equal(fake.calls[FAKE_COMMIT], 1);
    tenon_rollback(fake_begin(db, NULL));
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 1);
    assert_false(fake.strayed);
    tenon_close(db);
}

static tenon_status
exec_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    (void)arg;
    return EXEC(txn, err);
}

/* A body is run by its own thread from begin to end, without a hand-over, unless it may wait. */
static void
a_bound_body_stays_on_its_thread_unless_it_may_wait(void **state)
{
    const tenon_txn_options waits = { .size = sizeof waits, .may_wait = true };
    tenon_db *db = fake_open("bound:", NULL);

    (void)state;
    assert_int_equal(tenon_run(db, NULL, exec_body, NULL, NULL), TENON_OK);
    assert_true(pthread_equal(fake.begun_by, pthread_self()));
    assert_false(fake.strayed);
    assert_int_equal(tenon_run(db, &waits, exec_body, NULL, NULL), TENON_OK);
    assert_false(pthread_equal(fake.begun_by, pthread_self()));
    assert_false(fake.strayed);
    tenon_close(db);
}

static void *
read_elsewhere(void *arg)
{
    other *o = arg;
    uint64_t count;

    o->exec = tenon_count(o->txn, &fake_number, NULL, &count, NULL);
    o->commit = tenon_commit(o->txn, NULL);
    return NULL;
}

static void
a_reader_goes_to_any_thread(void **state)
{
    const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    tenon_db *db = fake_open("bound:", NULL);
    other o = { .txn = fake_begin(db, &reading) };
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, read_elsewhere, &o), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(o.exec, TENON_OK);
    assert_int_equal(o.commit, TENON_OK);
    tenon_close(db);
}

static void
a_forked_child_is_refused(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn;
    pid_t child;
    int status;

    (void)state;
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        tenon_error err = { 0 };
        const bool refused = tenon_begin(db, NULL, &txn, &err) == TENON_MISUSE;

        tenon_close(db); /* leaves the parent's engine alone */
        _exit(refused && fake.calls[FAKE_CONN_OPEN] == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    tenon_rollback(fake_begin(db, NULL));
    tenon_close(db);
}

static void
each_transaction_has_an_id_of_its_own(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);
    const tenon_uuid first = tenon_txn_id(txn), again = tenon_txn_id(txn);
    tenon_uuid second;

    (void)state;
    assert_memory_equal(&first, &again, sizeof first);
    tenon_rollback(txn);
    txn = fake_begin(db, NULL);
    second = tenon_txn_id(txn);
    assert_memory_not_equal(&first, &second, sizeof first);
    tenon_rollback(txn);
    tenon_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_CASE(a_transaction_commits_and_is_counted),
        FAKE_CASE(a_failed_statement_leaves_the_transaction_as_the_driver_says),
        FAKE_CASE(a_driver_that_says_nothing_gets_the_words_of_its_status),
        FAKE_CASE(a_failed_commit_is_rolled_back_or_unknown),
        FAKE_CASE(a_connection_that_failed_is_closed_and_replaced),
        FAKE_CASE(what_can_not_begin_gives_its_connection_back),
        FAKE_CASE(a_passed_deadline_dooms),
        FAKE_CASE(calls_that_are_not_allowed_are_misuse),
        FAKE_CASE(readers_do_not_write),
        FAKE_CASE(an_isolation_level_becomes_the_next_stronger_one),
        FAKE_CASE(a_bound_writer_goes_to_any_thread),
        FAKE_CASE(a_bound_body_stays_on_its_thread_unless_it_may_wait),
        FAKE_CASE(the_driver_is_told_the_deadline),
        FAKE_CASE(the_first_failure_is_what_doomed_it),
        FAKE_CASE(rolled_back_ones_are_counted),
        FAKE_CASE(one_that_has_ended_is_refused),
        FAKE_CASE(a_reader_goes_to_any_thread),
        FAKE_CASE(a_forked_child_is_refused),
        FAKE_CASE(each_transaction_has_an_id_of_its_own),
    };

    return cmocka_run_group_tests_name("txn", tests, NULL, NULL);
}
