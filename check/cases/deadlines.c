/* Deadlines: of owners that do nothing, of those who wait, of statements that take long. */
#include "check/conf.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_MS 60
#define DEADLINE_REAPED_MS 100 /* after its deadline, what nobody ends is rolled back */
#define DEADLINE_STOPPED_MS 50 /* after its deadline, a call has returned */
#define DEADLINE_MANY 20000

static const tenon_txn_options deadlines_soon = { .size = sizeof deadlines_soon,
                                                  .timeout_ms = DEADLINE_MS };
static const tenon_txn_options deadlines_soon_reading = { .size = sizeof deadlines_soon_reading,
                                                          .timeout_ms = DEADLINE_MS,
                                                          .read_only = true };

static const tenon_query deadlines_label = {
    .name = "label of item",
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(0, 2),
    .where = TENON_WHERE(TENON_EQ(0, 0)),
};

static const tenon_query deadlines_labels = {
    .name = "labels",
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(0, 2),
    .order = TENON_ORDER(TENON_ASC(0)),
};

static const tenon_query deadlines_relabel = {
    .name = "relabel",
    .kind = TENON_UPDATE,
    .table = &item_table,
    .set = TENON_SET(TENON_TO(2, 0)),
};

static uint64_t
deadlines_now_ms(void)
{
    return conf_monotonic_ns() / 1000000;
}

/* What a busy machine may add; under a checker that slows everything down, only the order counts.
 * The figures as they stand are what `./dev soak` measures. */
static uint64_t
deadlines_slack_ms(uint64_t ms)
{
    return getenv("TENON_TEST_SLOW") != NULL ? ms * 50 : ms * 4;
}

/* What a call took that was to come back at its deadline. */
static void
deadlines_check_taken(uint64_t taken_ms, conf_at at)
{
    const uint64_t most_ms = DEADLINE_MS + deadlines_slack_ms(DEADLINE_STOPPED_MS);

    if (taken_ms < DEADLINE_MS || taken_ms > most_ms)
        conf_failed(at, "the call comes back at its deadline",
                    "after %llu ms, the deadline being at %d, and %llu the most",
                    (unsigned long long)taken_ms, DEADLINE_MS, (unsigned long long)most_ms);
}

/* Wait until a transaction has been taken from its owner. */
static void
deadlines_wait_for_parted(conf *c, uint64_t begun_ms)
{
    tenon_db_stats stats = { .size = sizeof stats };

    while (stats.parted == 0) {
        if (deadlines_now_ms() - begun_ms > DEADLINE_MS + deadlines_slack_ms(DEADLINE_REAPED_MS))
            conf_failed(CONF_HERE, "it is rolled back at its deadline", "it is not");
        (void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        OK(c, tenon_db_get_stats(c->db, &stats, &c->err));
    }
}

static void
deadlines_items(conf *c, int count)
{
    conf_open(c, &item_schema);
    BEGIN(c);
    for (int i = 1; i <= count; i++)
        EXEC(c, 1, &item_insert, P(I(i), I(i), T("as it was in the beginning")));
    COMMIT(c);
}

/* The lock of a writer that does nothing is free after its deadline; its handle says TIMEOUT. */
static void
deadlines_silent_writer(conf *c)
{
    uint64_t begun_ms, free_ms;
    uint32_t savepoint;

    deadlines_items(c, 1);
    begun_ms = deadlines_now_ms();
    OK(c, tenon_begin(c->db, &deadlines_soon, &c->other, &c->err));
    OK(c, tenon_exec(c->other, &item_insert, P(I(2), I(2), NIL), NULL, &c->err));
    deadlines_wait_for_parted(c, begun_ms);
    BEGIN(c); /* another writer */
    free_ms = deadlines_now_ms() - begun_ms;
    CHECK(free_ms <= DEADLINE_MS + deadlines_slack_ms(DEADLINE_REAPED_MS));
    EXEC(c, 1, &item_set_n, P(I(1), I(7)));
    COMMIT(c);
    FAILS(c, TENON_TIMEOUT, NULL,
          tenon_exec(c->other, &item_insert, P(I(3), I(3), NIL), NULL, &c->err));
    FAILS(c, TENON_TIMEOUT, NULL, tenon_savepoint(c->other, &savepoint, &c->err));
    CHECK_INT(tenon_txn_state(c->other), TENON_TXN_DOOMED);
    FAILS(c, TENON_TIMEOUT, NULL, tenon_commit(c->other, &c->err));
    c->other = NULL;
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 7", &item_all, NULL);
    COMMIT(c);
    conf_verify(c);
}

static void
deadlines_check_label(const tenon_value *row, int64_t id)
{
    static const char expected[] = "as it was in the beginning";

    CHECK_INT(row[0].as.i, id);
    CHECK_INT(row[1].len, sizeof expected - 1);
    CHECK_BYTES(row[1].as.data, expected, sizeof expected - 1);
}

/* Change every row and commit, several times, so that memory and pages are used again. */
static void
deadlines_overwrite(conf *c, int count)
{
    for (int i = 0; i < 5; i++) {
        BEGIN(c);
        EXEC(c, (uint64_t)count, &deadlines_relabel, P(T("another text altogether, by the next")));
        COMMIT(c);
    }
}

/* What a transaction was lent stays readable after its deadline, until its owner's next call. */
static void
deadlines_rows_that_are_lent(conf *c)
{
    static const tenon_txn_options *const how[] = { &deadlines_soon, &deadlines_soon_reading };
    const tenon_value *fetched, *next;
    tenon_cursor *cursor;

    for (int i = 0; i < 2; i++) {
        uint64_t begun_ms;

        deadlines_items(c, 50);
        begun_ms = deadlines_now_ms();
        OK(c, tenon_begin(c->db, how[i], &c->other, &c->err));
        OK(c, tenon_select(c->other, &deadlines_labels, NULL, &cursor, &c->err));
        OK(c, tenon_next(cursor, &next, &c->err));
        OK(c, tenon_next(cursor, &next, &c->err));
        OK(c, tenon_fetch(c->other, &deadlines_label, P(I(9)), &fetched, &c->err));
        deadlines_wait_for_parted(c, begun_ms);
        deadlines_overwrite(c, 50);
        deadlines_check_label(fetched, 9);
        deadlines_check_label(next, 2);
        FAILS(c, TENON_TIMEOUT, NULL, tenon_next(cursor, &next, &c->err));
        tenon_cursor_close(cursor);
        tenon_rollback(c->other);
        c->other = NULL;
        BEGIN(c);
        for (int id = 1; id <= 50; id++)
            EXEC(c, 1, &item_delete, P(I(id)));
        COMMIT(c);
        conf_close(c);
    }
}

typedef struct deadlines_sleeper {
    conf *c;
    tenon_status after;
} deadlines_sleeper;

static tenon_status
deadlines_sleep(tenon_txn *txn, void *arg, tenon_error *err)
{
    deadlines_sleeper *s = arg;
    tenon_status st = tenon_exec(txn, &item_insert, P(I(2), I(2), NIL), NULL, err);

    if (st == TENON_OK)
        deadlines_wait_for_parted(s->c, deadlines_now_ms());
    s->after = tenon_exec(txn, &item_insert, P(I(3), I(3), NIL), NULL, err);
    return st;
}

/* A body that waits for something else is rolled back at its deadline, not when it comes back. */
static void
deadlines_silent_body(conf *c)
{
    const tenon_txn_options waits = { .size = sizeof waits,
                                      .timeout_ms = DEADLINE_MS,
                                      .may_wait = true };
    deadlines_sleeper s = { .c = c };

    deadlines_items(c, 1);
    FAILS(c, TENON_TIMEOUT, NULL, tenon_run(c->db, &waits, deadlines_sleep, &s, &c->err));
    CHECK_STATUS(s.after, TENON_TIMEOUT);
    BEGIN(c);
    ROWS(c, "1 1", &item_all, NULL);
    COMMIT(c);
}

static void
deadlines_commit_is_too_late(conf *c)
{
    deadlines_items(c, 1);
    OK(c, tenon_begin(c->db, &deadlines_soon, &c->other, &c->err));
    OK(c, tenon_exec(c->other, &item_insert, P(I(2), I(2), NIL), NULL, &c->err));
    (void)nanosleep(&(struct timespec){ .tv_nsec = DEADLINE_MS * 1000000L }, NULL);
    FAILS(c, TENON_TIMEOUT, NULL, tenon_commit(c->other, &c->err));
    c->other = NULL;
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 1", &item_all, NULL);
    COMMIT(c);
}

/* A statement that runs over its time is stopped in the engine. */
static void
deadlines_long_statement(conf *c)
{
    uint64_t begun_ms, taken_ms;
    tenon_status st = TENON_OK;

    deadlines_items(c, DEADLINE_MANY);
    begun_ms = deadlines_now_ms();
    OK(c, tenon_begin(c->db, &deadlines_soon, &c->other, &c->err));
    while (st == TENON_OK)
        st = tenon_exec(c->other, &deadlines_relabel, P(T("x")), &c->affected, &c->err);
    taken_ms = deadlines_now_ms() - begun_ms;
    CHECK_STATUS(st, TENON_TIMEOUT);
    deadlines_check_taken(taken_ms, CONF_HERE);
    tenon_rollback(c->other);
    c->other = NULL;
    BEGIN_READ(c, &c->txn);
    OK(c, tenon_fetch(c->txn, &deadlines_label, P(I(1)), &(const tenon_value *){ NULL }, &c->err));
    COMMIT(c);
}

/* ---- Another process that writes ---- */

/* The child: begins to write, says so, and holds on until it is told to go. */
int
conf_role_holder(const char *url)
{
    const tenon_open_options options = { .size = sizeof options, .schema = &item_schema };
    tenon_db *db = NULL;
    tenon_txn *txn = NULL;
    char go;
    int32_t st = tenon_open(url, &options, &db, NULL);

    if (st == TENON_OK)
        st = tenon_begin(db, NULL, &txn, NULL);
    if (st == TENON_OK)
        st = tenon_exec(txn, &item_insert, P(I(2), I(20), NIL), NULL, NULL);
    if (write(STDOUT_FILENO, &st, sizeof st) != (ssize_t)sizeof st)
        return 1;
    (void)conf_read(STDIN_FILENO, &go, sizeof go);
    tenon_rollback(txn);
    tenon_close(db);
    return 0;
}

static tenon_status
deadlines_write(tenon_txn *txn, void *arg, tenon_error *err)
{
    (void)arg;
    return tenon_exec(txn, &item_insert, P(I(3), I(30), NIL), NULL, err);
}

static void
deadlines_writer_of_another_process(conf *c)
{
    uint64_t begun_ms, taken_ms;
    int32_t answer = -1;
    conf_child child;

    NEEDS(TENON_CAP_MULTI_PROCESS);
    NEEDS(TENON_CAP_SINGLE_WRITER);
    deadlines_items(c, 1);
    conf_spawn(c, "holder", tenon_db_url(c->db), &child);
    CHECK_INT(conf_read(child.from, &answer, sizeof answer), sizeof answer);
    CHECK_STATUS(answer, TENON_OK);
    for (int i = 0; i < 2; i++) {
        begun_ms = deadlines_now_ms();
        FAILS(c, TENON_TIMEOUT, NULL,
              i == 0 ? tenon_begin(c->db, &deadlines_soon, &c->txn, &c->err)
                     : tenon_run(c->db, &deadlines_soon, deadlines_write, NULL, &c->err));
        taken_ms = deadlines_now_ms() - begun_ms;
        deadlines_check_taken(taken_ms, CONF_HERE);
    }
    BEGIN_READ(c, &c->txn); /* readers do not wait */
    COMMIT(c);
    conf_kill(&child); /* with it, its turn is gone */
    (void)close(child.from);
    OK(c, tenon_run(c->db, NULL, deadlines_write, NULL, &c->err));
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 1;3 30", &item_all, NULL);
    COMMIT(c);
}

/* ---- Health ---- */

static void
deadlines_health(conf *c)
{
    tenon_health health = { .size = sizeof health };

    deadlines_items(c, 1);
    BEGIN(c); /* a writer is in nobody's way */
    OK(c, tenon_db_health(c->db, 0, &health, &c->err));
    CHECK_INT(health.circuit, TENON_CIRCUIT_CLOSED);
    CHECK(health.answer_ns > 0);
    OK(c, tenon_db_health(c->db, 500, NULL, &c->err));
    COMMIT(c);
}

static const conf_case deadlines_cases[] = {
    TIMED_CASE(
        deadlines_silent_writer, CONF_NORMAL,
        "a writer that does nothing is rolled back at its deadline, and the next one writes"),
    TIMED_CASE(deadlines_rows_that_are_lent, CONF_NORMAL,
               "a row that was lent stays readable after the deadline"),
    TIMED_CASE(deadlines_silent_body, CONF_NORMAL,
               "a body that waits is rolled back at its deadline"),
    TIMED_CASE(deadlines_commit_is_too_late, CONF_NORMAL,
               "a commit after the deadline is refused, and nothing is stored"),
    TIMED_CASE(deadlines_long_statement, CONF_NORMAL,
               "a long statement is stopped at its deadline"),
    TIMED_CASE(deadlines_writer_of_another_process, CONF_NORMAL,
               "waiting for the writer of another process ends at the deadline"),
    SLOW_CASE(deadlines_health, "health tells what is in progress"),
};

CONF_GROUP(deadlines, "deadlines",
           "The deadline of tenon_drv_begin holds for every call of the transaction; "
           "admin.interrupt, where claimed, stops a running one.");
