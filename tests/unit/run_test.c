/* tenon_run: what is run again, what is not, and for how long. */
#include "fake.h"

#include "core/env.h"

static const tenon_value one[] = { { .type = TENON_INT, .as = { .i = 1 } } };

/* A body that writes, and then returns something else, perhaps. */
typedef struct body {
    uint32_t runs;
    uint32_t last_attempt;
    tenon_status returns; /* instead of TENON_OK */
    tenon_status maps_to; /* what becomes of the statement's failure; TENON_OK: itself */
    bool ends_it;         /* calls tenon_commit or tenon_rollback, which it may not */
    bool commits;
    tenon_status ended; /* what tenon_commit said */
} body;

static tenon_status
body_run(tenon_txn *txn, void *arg, tenon_error *err)
{
    body *b = arg;
    tenon_status st;

    b->runs++;
    b->last_attempt = tenon_txn_attempt(txn);
    st = tenon_exec(txn, &fake_insert, one, NULL, err);
    if (st != TENON_OK)
        return b->maps_to == TENON_OK ? st : b->maps_to;
    if (b->ends_it && b->commits)
        b->ended = tenon_commit(txn, err);
    else if (b->ends_it)
        tenon_rollback(txn);
    return b->returns;
}

static void
a_conflict_runs_the_whole_body_again(void **state)
{
    static const int slots[] = { FAKE_BEGIN, FAKE_EXEC, FAKE_COMMIT };
    static const tenon_status statuses[] = { TENON_CONFLICT, TENON_BUSY };
    tenon_db *db = fake_open("fake:", NULL);
    tenon_db_info info = { .size = sizeof info };

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        body b = { 0 };
        tenon_error err = { 0 };
        const int slot = slots[i / 2];

        fake_fail(slot, statuses[i % 2], TENON_EFFECT_ROLLED_BACK, 2);
        assert_int_equal(tenon_run(db, NULL, body_run, &b, &err), TENON_OK);
        assert_int_equal(b.runs, slot == FAKE_BEGIN ? 1 : 3);
        assert_int_equal(b.last_attempt, 3);
    }
    assert_int_equal(tenon_db_get_info(db, &info, NULL), TENON_OK);
    assert_int_equal(info.retried_count, 12);
    assert_int_equal(info.committed_count, 6);
    tenon_close(db);
}

static void
retries_end_with_their_number(void **state)
{
    static const uint32_t most[] = { 0, 1, 5, UINT32_MAX };
    static const uint32_t runs[] = { 4, 2, 6, 1 };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(most); i++) {
        const tenon_open_options o = { .size = sizeof o, .max_retry_attempts = most[i] };
        tenon_db *db = fake_open("fake:", &o);
        tenon_error err = { 0 };
        body b = { 0 };

        fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, UINT32_MAX);
        assert_int_equal(tenon_run(db, NULL, body_run, &b, &err), TENON_CONFLICT);
        assert_int_equal(b.runs, runs[i]);
        assert_int_equal(err.status, TENON_CONFLICT);
        assert_int_equal(err.effect, TENON_EFFECT_ROLLED_BACK);
        assert_int_equal(err.native, 4711);
        assert_non_null(strstr(err.message, "the fake was told to fail")); /* the last cause */
        tenon_close(db);
    }
}

static void
other_failures_are_final(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);

    (void)state;
    for (tenon_status st = TENON_NOT_FOUND; st <= TENON_INTERNAL; st++) {
        body b = { 0 };
        tenon_error err = { 0 };

        if (tenon_status_retryable(st))
            continue;
        fake_fail(FAKE_EXEC, st, TENON_EFFECT_MUST_ROLL_BACK, 1);
        assert_int_equal(tenon_run(db, NULL, body_run, &b, &err), st);
        assert_int_equal(b.runs, 1);
        assert_int_equal(err.status, st);
    }
    tenon_close(db);
}

/* A body that makes NOT_FOUND of a conflict must not hide that running again may help; one that
 * says CONFLICT of its own accord has no engine's word for it. */
static void
it_is_the_engine_that_says_whether_to_run_again(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    body mapping = { .maps_to = TENON_NOT_FOUND }, saying = { .returns = TENON_CONFLICT };
    tenon_error err = { 0 };

    (void)state;
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_run(db, NULL, body_run, &mapping, &err), TENON_OK);
    assert_int_equal(mapping.runs, 2);
    assert_int_equal(tenon_run(db, NULL, body_run, &saying, &err), TENON_CONFLICT);
    assert_int_equal(saying.runs, 1);
    tenon_close(db);
}

/* A row that stood in the way and that the body can't find is one that its snapshot does not show;
 * where a snapshot shows all that is committed, there is none of that kind. */
static void
a_row_that_only_the_engine_sees_is_a_conflict(void **state)
{
    static const struct {
        uint64_t capabilities;
        uint32_t isolation, runs;
    } cases[] = {
        { 0, TENON_ISOLATION_DEFAULT, 2 },
        { 0, TENON_SNAPSHOT, 2 },
        { 0, TENON_READ_COMMITTED, 1 },
        { TENON_CAP_SINGLE_WRITER, TENON_ISOLATION_DEFAULT, 1 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        const tenon_txn_options o = { .size = sizeof o, .isolation = cases[i].isolation };
        body b = { .maps_to = TENON_CONFLICT };
        tenon_error err = { 0 };
        tenon_db *db;

        fake_reset();
        fake.capabilities |= TENON_CAP_READ_COMMITTED | TENON_CAP_SNAPSHOT |
                             TENON_CAP_SERIALIZABLE | cases[i].capabilities;
        db = fake_open("fake:", NULL);
        fake_fail(FAKE_EXEC, TENON_EXISTS, TENON_EFFECT_OPEN, 1);
        assert_int_equal(tenon_run(db, &o, body_run, &b, &err),
                         cases[i].runs == 2 ? TENON_OK : TENON_CONFLICT);
        assert_int_equal(b.runs, cases[i].runs);
        tenon_close(db);
    }
}

static void
an_unknown_outcome_is_never_run_again(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_error err = { 0 };
    body b = { 0 };

    (void)state;
    fake_fail(FAKE_COMMIT, TENON_CONFLICT, TENON_EFFECT_UNKNOWN, 1);
    assert_int_equal(tenon_run(db, NULL, body_run, &b, &err), TENON_UNKNOWN_OUTCOME);
    assert_int_equal(b.runs, 1);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 1);
    tenon_close(db);
}

static void
no_attempt_begins_after_the_deadline(void **state)
{
    const tenon_open_options many = { .size = sizeof many, .max_retry_attempts = 1000000 };
    const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 60 };
    tenon_db *db = fake_open("fake:", &many);
    tenon_error err = { 0 };
    body b = { 0 };
    uint64_t begun_ns = tni_monotonic_ns();
    tenon_status st;

    (void)state;
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, UINT32_MAX);
    st = tenon_run(db, &brief, body_run, &b, &err);
    assert_true(st == TENON_CONFLICT || st == TENON_TIMEOUT);
    assert_true(tni_monotonic_ns() - begun_ns < UINT64_C(2000000000)); /* far less than a million */
    tenon_close(db);
}

/* Each attempt waits a little longer, at random; what would not be over in time is not begun. */
static void
attempts_wait_and_say_what_kept_them(void **state)
{
    const tenon_open_options many = { .size = sizeof many, .max_retry_attempts = 1000000 };
    const tenon_open_options few = { .size = sizeof few, .max_retry_attempts = 6 };
    const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 40 };
    tenon_db *db = fake_open("fake:", &few);
    uint64_t begun_ns = tni_monotonic_ns();
    tenon_error err = { 0 };
    bool said = false;
    body b = { 0 };

    (void)state;
    fake_fail(FAKE_EXEC, TENON_BUSY, TENON_EFFECT_MUST_ROLL_BACK, UINT32_MAX);
    assert_int_equal(tenon_run(db, NULL, body_run, &b, &err), TENON_BUSY);
    assert_true(tni_monotonic_ns() - begun_ns > UINT64_C(2000000)); /* 300 ms on average */
    assert_non_null(strstr(err.message, "given up after 7 attempts; last: "));
    assert_string_equal(err.driver, "fake");
    tenon_close(db);
    db = fake_open("fake:", &many);
    for (int i = 0; i < 5; i++) { /* where the clock jumps over the rest, it is a TIMEOUT */
        const tenon_status st = tenon_run(db, &brief, body_run, &b, &err);

        assert_true(st == TENON_BUSY || st == TENON_TIMEOUT);
        said = said || (st == TENON_BUSY && strstr(err.message, "no time left after") != NULL);
    }
    assert_true(said);
    tenon_close(db);
}

/* What a body makes of a conflict is not hidden by it, but for an outcome that nobody knows. */
static void
a_body_that_does_not_know_is_not_run_again(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    body b = { .maps_to = TENON_UNKNOWN_OUTCOME };

    (void)state;
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_run(db, NULL, body_run, &b, NULL), TENON_UNKNOWN_OUTCOME);
    assert_int_equal(b.runs, 1);
    tenon_close(db);
}

static tenon_status
body_that_fills(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_error *filled = arg;

    (void)txn;
    *err = *filled;
    return TENON_DENIED;
}

static void
the_error_belongs_to_what_the_body_returned(void **state)
{
    tenon_error own = { .status = TENON_DENIED, .message = "not you" };
    tenon_error stale = { .status = TENON_EXISTS, .message = "of an earlier call" };
    tenon_error silent = { .status = TENON_DENIED };
    tenon_db *db = fake_open("fake:", NULL);
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(tenon_run(db, NULL, body_that_fills, &own, &err), TENON_DENIED);
    assert_string_equal(err.message, "not you");
    assert_int_equal(tenon_run(db, NULL, body_that_fills, &stale, &err), TENON_DENIED);
    assert_int_equal(err.status, TENON_DENIED);
    assert_null(strstr(err.message, "earlier"));
    assert_int_equal(tenon_run(db, NULL, body_that_fills, &silent, &err), TENON_DENIED);
    assert_non_null(strstr(err.message, "DENIED"));
    tenon_close(db);
}

static void
what_the_body_returns_is_rolled_back_and_returned(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    body b = { .returns = TENON_DENIED };
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(tenon_run(db, NULL, body_run, &b, &err), TENON_DENIED);
    assert_int_equal(err.status, TENON_DENIED); /* though the body has not filled it */
    assert_non_null(strstr(err.message, "DENIED"));
    assert_int_equal(fake.calls[FAKE_COMMIT], 0);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 1);
    assert_int_equal(tenon_run(db, NULL, body_run, &b, NULL), TENON_DENIED);
    tenon_close(db);
}

static void
a_body_may_not_end_its_transaction(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    body b = { .ends_it = true, .commits = true }, r = { .ends_it = true };
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(tenon_run(db, NULL, body_run, &b, &err), TENON_MISUSE);
    assert_int_equal(b.ended, TENON_MISUSE);
    assert_int_equal(tenon_run(db, NULL, body_run, &r, &err), TENON_MISUSE);
    assert_int_equal(fake.calls[FAKE_COMMIT], 0);
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 2);
    tenon_close(db);
}

static void
deadlocks_are_retried_unless_told_otherwise(void **state)
{
    const tenon_open_options never = { .size = sizeof never, .no_retry_on_deadlock = true };
    tenon_error err = { 0 };
    body b = { 0 };
    tenon_db *db;

    (void)state;
    fake.sqlstate = "40P01";
    db = fake_open("fake:", NULL);
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(tenon_run(db, NULL, body_run, &b, &err), TENON_OK);
    assert_int_equal(fake.calls[FAKE_EXEC], 2);
    tenon_close(db);
    db = fake_open("fake:", &never);
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(tenon_run(db, NULL, body_run, &b, &err), TENON_CONFLICT);
    assert_int_equal(fake.calls[FAKE_EXEC], 3);
    assert_non_null(
        strstr(err.message, "deadlocks are not retried here: given up after 1 attempt"));
    assert_string_equal(err.sqlstate, "40P01");
    fake.sqlstate = "40001"; /* another conflict is */
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(tenon_run(db, NULL, body_run, &b, &err), TENON_OK);
    tenon_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_CASE(a_conflict_runs_the_whole_body_again),
        FAKE_CASE(retries_end_with_their_number),
        FAKE_CASE(other_failures_are_final),
        FAKE_CASE(it_is_the_engine_that_says_whether_to_run_again),
        FAKE_CASE(a_row_that_only_the_engine_sees_is_a_conflict),
        FAKE_CASE(an_unknown_outcome_is_never_run_again),
        FAKE_CASE(no_attempt_begins_after_the_deadline),
        FAKE_CASE(attempts_wait_and_say_what_kept_them),
        FAKE_CASE(a_body_that_does_not_know_is_not_run_again),
        FAKE_CASE(the_error_belongs_to_what_the_body_returned),
        FAKE_CASE(what_the_body_returns_is_rolled_back_and_returned),
        FAKE_CASE(a_body_may_not_end_its_transaction),
        FAKE_CASE(deadlocks_are_retried_unless_told_otherwise),
    };

    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
