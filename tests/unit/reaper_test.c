/* Transactions whose owners do nothing until their deadlines: rolled back by somebody else. */
#include "fake.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/db.h"

static const tenon_value one[] = { { .type = TENON_INT, .as.i = 1 } };
static const tenon_txn_options soon = { .size = sizeof soon, .name = "soon", .timeout_ms = 30 };
static const tenon_txn_options soon_reading = {
    .size = sizeof soon_reading, .name = "soon", .timeout_ms = 30, .read_only = true
};

static tenon_counts
counts_of(tenon_db *db)
{
    tenon_db_stats stats = { .size = sizeof stats };

    assert_int_equal(tenon_db_get_stats(db, &stats, NULL), TENON_OK);
    return stats.all;
}

/* Wait until so many transactions have been taken from their owners. */
static void
wait_for_parted(tenon_db *db, uint64_t count)
{
    const uint64_t start_ns = tni_monotonic_ns();
    tenon_db_stats stats = { .size = sizeof stats };

    while (stats.parted < count) {
        if (tni_monotonic_ns() - start_ns > 10 * TNI_NS_PER_S)
            fail_msg("no transaction was rolled back");
        tni_sleep_until_ns(tni_monotonic_ns() + TNI_NS_PER_MS);
        assert_int_equal(tenon_db_get_stats(db, &stats, NULL), TENON_OK);
    }
}

static void
what_its_owner_leaves_alone_is_rolled_back_at_its_deadline(void **state)
{
    static const char *const urls[] = { "fake:", "bound:" };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(urls); i++) {
        const tenon_open_options o = { .size = sizeof o, .max_connections = 1 };
        tenon_db *db = fake_open(urls[i], &o);
        tenon_txn *txn = fake_begin(db, &soon);
        tenon_error err = { 0 };
        uint32_t savepoint;

        (void)tenon_exec(txn, &fake_insert, one, NULL, NULL); /* late itself on a busy machine */
        wait_for_parted(db, 1);
        assert_int_equal(fake.calls[FAKE_ROLLBACK], 1);
        tenon_rollback(fake_begin(db, NULL)); /* its connection is free */
        assert_int_equal(tenon_txn_state(txn), TENON_TXN_DOOMED);
        assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, &err), TENON_TIMEOUT);
        assert_non_null(strstr(err.message, "its owner did nothing"));
        assert_int_equal(tenon_savepoint(txn, &savepoint, NULL), TENON_TIMEOUT);
        assert_int_equal(tenon_commit(txn, &err), TENON_TIMEOUT);
        assert_false(i == 1 && fake.strayed);
        assert_int_equal(counts_of(db).timed_out, 1);
        tenon_close(db);
        fake_reset();
    }
}

static int
compare_times(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The middle one of several: what else the machine does hits few of them. */
static void
what_its_owner_leaves_alone_is_rolled_back_within_100_ms(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    uint64_t late_ns[9];

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(late_ns); i++) {
        const uint64_t due_ns = tni_monotonic_ns() + soon.timeout_ms * TNI_NS_PER_MS;
        tenon_txn *txn = fake_begin(db, &soon);

        wait_for_parted(db, 1);
        late_ns[i] = tni_monotonic_ns() - due_ns;
        tenon_rollback(txn);
    }
    qsort(late_ns, UNIT_COUNT(late_ns), sizeof late_ns[0], compare_times);
    assert_in_range(late_ns[UNIT_COUNT(late_ns) / 2], 0, 100 * TNI_NS_PER_MS);
    tenon_close(db);
}

static void
a_handle_that_was_rolled_back_ends_with_a_rollback_too(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, &soon);

    (void)state;
    wait_for_parted(db, 1);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 1); /* the handle is all that is left */
    tenon_rollback(txn);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 1);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 1);
    tenon_close(db);
}

static void
whatever_doomed_it_before_the_answer_is_its_deadline(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, &soon);

    (void)state;
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, NULL), TENON_CONFLICT);
    wait_for_parted(db, 1);
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, NULL), TENON_TIMEOUT);
    tenon_rollback(txn);
    tenon_close(db);
}

/* A row that a reader was lent may still be read: only its place in the pool is given away. */
static void
a_row_that_is_lent_outlives_the_deadline(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .max_connections = 1 };
    tenon_db *db = fake_open("fake:", &o);
    const tenon_value *row;
    tenon_cursor *cursor;
    tenon_txn *txn = fake_begin(db, &soon_reading);

    (void)state;
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, NULL), TENON_OK);
    assert_int_equal(tenon_next(cursor, &row, NULL), TENON_OK);
    wait_for_parted(db, 1);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 0);
    assert_int_equal(fake.open_cursors, 1);
    tenon_rollback(fake_begin(db, &soon_reading));
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 1);
    assert_int_equal(row[0].as.i, 0);
    assert_int_equal(tenon_next(cursor, &row, NULL), TENON_TIMEOUT); /* now it is over */
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 2);
    assert_int_equal(fake.open_cursors, 0);
    tenon_cursor_close(cursor);
    assert_int_equal(tenon_commit(txn, NULL), TENON_TIMEOUT);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 2);
    tenon_close(db);
}

/* A writer's rows are copies, so that its locks need not wait for those who read them. */
static void
a_writer_is_rolled_back_though_a_row_is_lent(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    const tenon_value *row, *next;
    tenon_cursor *cursor;
    tenon_txn *txn = fake_begin(db, &soon);

    (void)state;
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, NULL), TENON_OK);
    assert_int_equal(tenon_next(cursor, &next, NULL), TENON_OK);
    assert_int_equal(tenon_next(cursor, &next, NULL), TENON_OK);
    assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, NULL), TENON_OK);
    wait_for_parted(db, 1);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 1);
    assert_int_equal(fake.open_cursors, 0);
    assert_int_equal(row[0].as.i, 0);
    assert_int_equal(next[0].as.i, 1);
    tenon_cursor_close(cursor);
    tenon_rollback(txn);
    tenon_close(db);
}

typedef struct sleeper {
    tenon_db *db;
    tenon_status after; /* what a call says after the deadline */
    bool parts;         /* wait until it has been rolled back */
} sleeper;

static tenon_status
sleep_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    sleeper *s = arg;

    if (s->parts)
        wait_for_parted(s->db, 1);
    else
        tni_sleep_until_ns(tni_monotonic_ns() + 80 * TNI_NS_PER_MS);
    s->after = tenon_exec(txn, &fake_insert, one, NULL, err);
    return TENON_OK; /* as if it had not noticed */
}

static void
a_body_that_sleeps_is_rolled_back_too(void **state)
{
    const tenon_txn_options waits = { .size = sizeof waits, .timeout_ms = 30, .may_wait = true };
    static const char *const urls[] = { "fake:", "bound:" };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(urls); i++) {
        tenon_db *db = fake_open(urls[i], NULL);
        sleeper s = { .db = db, .parts = true };
        tenon_error err = { 0 };

        fake.strayed = false;
        assert_int_equal(tenon_run(db, &waits, sleep_body, &s, &err), TENON_TIMEOUT);
        assert_int_equal(s.after, TENON_TIMEOUT);
        assert_int_equal(err.status, TENON_TIMEOUT);
        assert_false(i == 1 && fake.strayed);
        assert_int_equal(counts_of(db).active, 0);
        tenon_close(db);
    }
}

/* Only its own thread can end it: it is doomed, and ends when its body comes back. */
static void
a_bound_body_that_sleeps_is_doomed(void **state)
{
    tenon_db *db = fake_open("bound:", NULL);
    sleeper s = { .db = db };

    (void)state;
    assert_int_equal(tenon_run(db, &soon, sleep_body, &s, NULL), TENON_TIMEOUT);
    assert_int_equal(s.after, TENON_TIMEOUT);
    assert_int_equal(fake.calls[FAKE_COMMIT], 0);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 1);
    assert_false(fake.strayed);
    assert_int_equal(counts_of(db).timed_out, 1);
    tenon_close(db);
}

static void
one_that_ends_in_time_is_left_alone(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    const uint64_t until_ns = tni_monotonic_ns() + 120 * TNI_NS_PER_MS;
    uint64_t count = 0, late = 0; /* a machine with other work may stop this thread so long */

    (void)state;
    while (tni_monotonic_ns() < until_ns) { /* all on one connection, whose deadlines pass later */
        const uint64_t from_ns = tni_monotonic_ns();
        tenon_txn *txn = fake_begin(db, &soon);
        const bool done = tenon_exec(txn, &fake_insert, one, NULL, NULL) == TENON_OK;
        const bool whole = tenon_commit(txn, NULL) == TENON_OK && done;

        assert_true(whole || tni_monotonic_ns() - from_ns >= soon.timeout_ms * TNI_NS_PER_MS);
        count += whole;
        late += !whole;
    }
    assert_true(count > late);
    assert_int_equal(counts_of(db).committed, count);
    assert_int_equal(counts_of(db).timed_out, late);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], late);
    tenon_close(db);
}

static void
the_earlier_deadline_comes_first(void **state)
{
    const tenon_txn_options later = { .size = sizeof later, .timeout_ms = 20000 };
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *a = fake_begin(db, &later), *b;

    (void)state;
    tni_sleep_until_ns(tni_monotonic_ns() + 10 * TNI_NS_PER_MS); /* the reaper waits for a's */
    b = fake_begin(db, &soon);
    wait_for_parted(db, 1);
    assert_int_equal(tenon_exec(a, &fake_insert, one, NULL, NULL), TENON_OK);
    assert_int_equal(tenon_exec(b, &fake_insert, one, NULL, NULL), TENON_TIMEOUT);
    tenon_rollback(b);
    assert_int_equal(tenon_commit(a, NULL), TENON_OK);
    tenon_close(db);
}

/* ---- Closing ---- */

static void
closing_ends_what_nobody_ends(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, &soon);
    tenon_cursor *cursor;
    const tenon_value *row;

    (void)state;
    assert_int_equal(tenon_select(txn, &fake_select, NULL, &cursor, NULL), TENON_OK);
    tenon_close(db); /* waits for the deadline */
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 1);
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, NULL), TENON_TIMEOUT);
    assert_int_equal(tenon_next(cursor, &row, NULL), TENON_TIMEOUT);
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_DOOMED);
    tenon_rollback(txn); /* frees the last of it */
}

static void
closing_with_a_limit_names_who_is_in_the_way(void **state)
{
    const tenon_txn_options named = { .size = sizeof named, .name = "the long one" };
    tenon_db *db = fake_open("fake:", NULL);
    tenon_error err = { 0 };
    tenon_txn *txn;

    (void)state;
    assert_int_equal((tenon_begin)(db, &named, &txn, NULL), TENON_OK);
    assert_int_equal(tenon_db_close(db, 20, &err), TENON_BUSY);
    assert_string_equal(err.object, "the long one");
    assert_non_null(strstr(err.message, "(place unknown)")); /* begun by way of a function */
    tenon_rollback(txn);
    assert_int_equal(tenon_begin(db, &named, &txn, NULL), TENON_OK); /* it goes on as before */
    assert_int_equal(tenon_db_close(db, 20, &err), TENON_BUSY);
    assert_non_null(strstr(err.message, "reaper_test.c:"));
    tenon_rollback(txn);
    assert_int_equal(tenon_db_close(db, 20, &err), TENON_OK);
}

static tenon_status
conflict_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    (void)arg;
    return tenon_exec(txn, &fake_insert, one, NULL, err);
}

static void *
close_main(void *arg)
{
    tni_sleep_until_ns(tni_monotonic_ns() + 20 * TNI_NS_PER_MS);
    tenon_close(arg);
    return NULL;
}

/* Between two attempts a call holds no connection, but it is still in. */
static void
closing_ends_the_pause_before_another_attempt(void **state)
{
    const tenon_open_options o = { .size = sizeof o,
                                   .max_retry_attempts = 1000,
                                   .retry_budget_percent = UINT32_MAX };
    tenon_db *db = fake_open("fake:", &o);
    tenon_error err = { 0 };
    pthread_t thread;

    (void)state;
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, UINT32_MAX);
    assert_int_equal(pthread_create(&thread, NULL, close_main, db), 0);
    assert_int_equal(tenon_run(db, NULL, conflict_body, NULL, &err), TENON_CONFLICT);
    assert_non_null(strstr(err.message, "the database is being closed"));
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* ---- Calls that take too long ---- */

static tenon_db *
open_interruptible(void)
{
    fake.capabilities |= TENON_CAP_INTERRUPT;
    return fake_open("far:", NULL);
}

static void
a_statement_over_its_time_is_stopped_in_the_engine(void **state)
{
    tenon_db *db = open_interruptible();
    tenon_txn *txn = fake_begin(db, &soon);
    const uint64_t start_ns = tni_monotonic_ns();
    tenon_error err = { 0 };

    (void)state;
    fake.hangs = true;
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, &err), TENON_TIMEOUT);
    assert_int_equal(err.status, TENON_TIMEOUT);
    assert_in_range(tni_monotonic_ns() - start_ns, 25 * TNI_NS_PER_MS, 430 * TNI_NS_PER_MS);
    assert_int_equal(tenon_commit(txn, NULL), TENON_TIMEOUT);
    assert_int_equal(counts_of(db).timed_out, 1);
    tenon_close(db);
}

static void
the_next_user_of_a_connection_is_not_interrupted(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .max_connections = 1 };
    tenon_db *db;

    (void)state;
    fake.capabilities |= TENON_CAP_INTERRUPT;
    db = fake_open("far:", &o);
    for (int i = 0; i < 20; i++) {
        static const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 3 };
        tenon_txn *txn;

        if (tenon_begin(db, &brief, &txn, NULL) != TENON_OK)
            continue;
        fake.hangs = true;
        assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, NULL), TENON_TIMEOUT);
        tenon_rollback(txn);
        txn = fake_begin(db, NULL);
        assert_false(atomic_load(&fake.interrupted));
        assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
        assert_false(atomic_load(&fake.interrupted));
    }
    tenon_close(db);
}

static void
cancelled_before_the_deadline_stays_cancelled(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);

    (void)state;
    fake_fail(FAKE_EXEC, TENON_CANCELLED, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, NULL), TENON_CANCELLED);
    tenon_rollback(txn);
    tenon_close(db);
}

/* ---- The report ---- */

static void
who_left_a_transaction_open_and_where_it_was_begun_is_logged(void **state)
{
    FILE *log = tmpfile();
    const int stderr_fd = dup(STDERR_FILENO);
    char line[300] = "";
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn;

    (void)state;
    assert_non_null(log);
    assert_int_equal(setenv("TENON_LOG", "warning", 1), 0);
    assert_true(dup2(fileno(log), STDERR_FILENO) >= 0);
    txn = fake_begin(db, &soon);
    wait_for_parted(db, 1);
    tenon_rollback(txn);
    tenon_close(db);
    assert_true(dup2(stderr_fd, STDERR_FILENO) >= 0);
    assert_int_equal(unsetenv("TENON_LOG"), 0);
    rewind(log);
    assert_non_null(fgets(line, sizeof line, log));
    assert_non_null(strstr(line, "transaction soon, begun at "));
    assert_non_null(strstr(line, "fake.c:"));
    assert_non_null(strstr(line, "its owner did nothing until its deadline: rolled back"));
    assert_int_equal(fclose(log), 0);
    assert_int_equal(close(stderr_fd), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_CASE(what_its_owner_leaves_alone_is_rolled_back_at_its_deadline),
        FAKE_CASE(what_its_owner_leaves_alone_is_rolled_back_within_100_ms),
        FAKE_CASE(a_handle_that_was_rolled_back_ends_with_a_rollback_too),
        FAKE_CASE(whatever_doomed_it_before_the_answer_is_its_deadline),
        FAKE_CASE(a_row_that_is_lent_outlives_the_deadline),
        FAKE_CASE(a_writer_is_rolled_back_though_a_row_is_lent),
        FAKE_CASE(a_body_that_sleeps_is_rolled_back_too),
        FAKE_CASE(a_bound_body_that_sleeps_is_doomed),
        FAKE_CASE(one_that_ends_in_time_is_left_alone),
        FAKE_CASE(the_earlier_deadline_comes_first),
        FAKE_CASE(closing_ends_what_nobody_ends),
        FAKE_CASE(closing_with_a_limit_names_who_is_in_the_way),
        FAKE_CASE(closing_ends_the_pause_before_another_attempt),
        FAKE_CASE(a_statement_over_its_time_is_stopped_in_the_engine),
        FAKE_CASE(the_next_user_of_a_connection_is_not_interrupted),
        FAKE_CASE(cancelled_before_the_deadline_stays_cancelled),
        FAKE_CASE(who_left_a_transaction_open_and_where_it_was_begun_is_logged),
    };

    return cmocka_run_group_tests_name("reaper", tests, NULL, NULL);
}
