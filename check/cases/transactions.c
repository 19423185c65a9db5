/* Transactions on one thread: all or nothing, read-only ones, tenon_run, levels, deadlines. */
#include "check/raw.h"

#include <time.h>

static void
transactions_atomic(conf *c)
{
    conf_open(c, &item_schema);
    conf_make_items(c, 3);
    BEGIN(c);
    EXEC(c, 1, &item_set_n, P(I(1), I(0)));
    EXEC(c, 1, &item_delete, P(I(2)));
    ITEM(c, 4, 40);
    ROWS(c, "1 0;3 30;4 40", &item_all, NULL); /* it sees its own */
    ROLLBACK(c);
    tenon_rollback(NULL);
    BEGIN(c);
    ROWS(c, "1 10;2 20;3 30", &item_all, NULL);
    EXEC(c, 1, &item_delete, P(I(2)));
    ITEM(c, 4, 40);
    COMMIT(c);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10;3 30;4 40", &item_all, NULL);
    COMMIT(c);
    conf_verify(c);
}

static const tenon_query transactions_clear = { .name = "clear",
                                                .kind = TENON_DELETE,
                                                .table = &item_table };

/* A commit of one statement, seen by the next transaction, by a reader, and after reopening. */
static void
transactions_one(conf *c, const tenon_query *query, const tenon_value *params, uint64_t affected,
                 const char *rows)
{
    BEGIN(c);
    EXEC(c, affected, query, params);
    COMMIT(c);
    BEGIN_READ(c, &c->txn);
    ROWS(c, rows, &item_all, NULL);
    COMMIT(c);
    if (conf_can(TENON_CAP_PERSISTENT)) {
        conf_close(c);
        conf_open(c, &item_schema);
    }
    BEGIN(c);
    ROWS(c, rows, &item_all, NULL);
    COMMIT(c);
}

/* An engine that tells by itself whether a transaction has changed anything must not be wrong. */
static void
transactions_of_one_statement(conf *c)
{
    conf_open(c, &item_schema);
    transactions_one(c, &item_insert, P(I(1), I(10), NIL), 1, "1 10");
    transactions_one(c, &item_insert, P(I(2), NIL, NIL), 1, "1 10;2 ~");
    transactions_one(c, &item_set_n, P(I(1), I(11)), 1, "1 11;2 ~");
    transactions_one(c, &item_set_n, P(I(9), I(11)), 0, "1 11;2 ~"); /* nothing */
    transactions_one(c, &item_add_n, P(I(1), I(-11)), 1, "1 0;2 ~");
    transactions_one(c, &item_delete, P(I(1)), 1, "2 ~");
    transactions_one(c, &transactions_clear, NULL, 1, "");
    transactions_one(c, &item_insert, P(I(1), I(10), NIL), 1, "1 10");
    conf_verify(c);
}

static tenon_status
transactions_change(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_status st = tenon_exec(txn, &item_set_n, P(I(1), I(11)), NULL, err);

    (void)arg;
    if (st == TENON_OK)
        st = tenon_exec(txn, &item_delete, P(I(3)), NULL, err);
    if (st == TENON_OK)
        st = tenon_exec(txn, &item_insert, P(I(4), I(40), NIL), NULL, err);
    return st;
}

/* Whatever a transaction has read first, a row or that there is none, decides what it sees later.
 */
static void
transactions_check_state(conf *c, int64_t first_id, tenon_status first)
{
    static const tenon_txn_options reading = { .size = sizeof reading,
                                               .isolation = TENON_SNAPSHOT,
                                               .read_only = true };
    const tenon_value *row = NULL;
    uint32_t savepoint = 0;

    NEEDS(TENON_CAP_SNAPSHOT);
    conf_open(c, &item_schema);
    conf_make_items(c, 3);
    OK(c, tenon_begin(c->db, &reading, &c->txn, &c->err));
    CHECK_INT(tenon_fetch(c->txn, &item_get_n, P(I(first_id)), &row, &c->err), first);
    OK(c, tenon_run(c->db, NULL, transactions_change, NULL, &c->err));
    if (first == TENON_OK)
        CHECK_INT(row[0].as.i, 20); /* still lent */
    ROWS(c, "1 10;2 20;3 30", &item_all, NULL);
    CHECK_STATUS(tenon_fetch(c->txn, &item_get_n, P(I(4)), &row, &c->err), TENON_NOT_FOUND);
    OK(c, tenon_savepoint(c->txn, &savepoint, &c->err));
    OK(c, tenon_fetch(c->txn, &item_get_n, P(I(3)), &row, &c->err));
    OK(c, tenon_savepoint_rollback(c->txn, savepoint, &c->err));
    ROWS(c, "1 10;2 20;3 30", &item_all, NULL);
    COMMIT(c);
    OK(c, tenon_begin(c->db, &reading, &c->txn, &c->err));
    OK(c, tenon_fetch(c->txn, &item_get_n, P(I(1)), &row, &c->err));
    CHECK_INT(row[0].as.i, 11);
    ROWS(c, "1 11;2 20;4 40", &item_all, NULL);
    COMMIT(c);
    conf_verify(c);
}

static void
transactions_keep_the_state_of_a_row(conf *c)
{
    transactions_check_state(c, 2, TENON_OK);
}

static void
transactions_keep_the_state_without_a_row(conf *c)
{
    transactions_check_state(c, 4, TENON_NOT_FOUND);
}

static void
transactions_read_only(conf *c)
{
    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    BEGIN_READ(c, &c->txn);
    REFUSED(c, TENON_READ_ONLY, NULL, &item_insert, P(I(2), NIL, NIL));
    REFUSED(c, TENON_READ_ONLY, NULL, &item_set_n, P(I(1), I(5)));
    REFUSED(c, TENON_READ_ONLY, NULL, &item_delete, P(I(1)));
    CHECK_INT(tenon_txn_state(c->txn), TENON_TXN_ACTIVE);
    ROWS(c, "1 10", &item_all, NULL);
    COMMIT(c);
    BEGIN(c);
    ROWS(c, "1 10", &item_all, NULL);
    COMMIT(c);
}

static void
transactions_fail_and_go_on(conf *c)
{
    conf_open(c, &item_schema);
    BEGIN(c);
    ITEM(c, 1, 10);
    REFUSED(c, TENON_EXISTS, "item.primary", &item_insert, P(I(1), NIL, NIL));
    CHECK_INT(tenon_txn_state(c->txn), TENON_TXN_ACTIVE);
    CHECK_INT(c->err.effect, TENON_EFFECT_OPEN);
    ITEM(c, 2, 20);
    COMMIT(c);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10;2 20", &item_all, NULL);
    COMMIT(c);
    FAILS(c, TENON_MISUSE, NULL, tenon_commit(NULL, &c->err));
}

static void
transactions_have_ids(conf *c)
{
    const tenon_uuid none = { { 0 } };
    tenon_uuid first, second;

    conf_open(c, &item_schema);
    BEGIN(c);
    first = tenon_txn_id(c->txn);
    second = tenon_txn_id(c->txn);
    CHECK_BYTES(&first, &second, sizeof first);
    CHECK(memcmp(&first, &none, sizeof first) != 0);
    CHECK_INT(tenon_txn_attempt(c->txn), 1);
    CHECK(tenon_txn_db(c->txn) == c->db);
    ROLLBACK(c);
    BEGIN(c);
    second = tenon_txn_id(c->txn);
    CHECK(memcmp(&first, &second, sizeof first) != 0);
    ROLLBACK(c);
}

/* ---- A commit that fails ---- */

static void
transactions_sql(raw *r, const char *text)
{
    RAW_OK(r, r->query.sql(r->conn, text, NULL, 0, NULL, NULL, r->err));
}

/* By the driver's table: the core closes a connection that is not as it should be. */
static void
transactions_after_a_failed_commit(conf *c)
{
    tenon_status st;
    raw r;

    NEEDS(TENON_CAP_SQL); /* a constraint that is looked at in the end, which only SQL can make */
    raw_open(c, &r);
    raw_make_item(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    transactions_sql(&r, "CREATE TABLE child (parent INTEGER REFERENCES item (id) "
                         "DEFERRABLE INITIALLY DEFERRED)");
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_OK(&r, raw_insert(&r, r.conn, 1, "not to be kept"));
    transactions_sql(&r, "INSERT INTO child (parent) VALUES (99)");
    RAW_FAILS(&r, TENON_CONSTRAINT, r.transaction.commit(r.conn, r.err));
    st = raw_begin(&r, r.conn, 60000, false, 0);
    if (st != TENON_OK)
        conf_failed(CONF_HERE, "a commit that failed leaves no transaction: the next one begins",
                    "%s: %s", tenon_status_name(st), r.err->message);
    RAW_OK(&r, raw_insert(&r, r.conn, 2, "to be kept"));
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    CHECK_INT(raw_count(&r, r.conn), 1);
    raw_close(&r);
}

/* ---- tenon_run ---- */

typedef struct transactions_job {
    int calls;
    int64_t id;
    tenon_status result;
} transactions_job;

static tenon_status
transactions_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    transactions_job *job = (transactions_job *)arg;
    tenon_status st;

    job->calls++;
    st = tenon_exec(txn, &item_insert, P(I(job->id), NIL, NIL), NULL, err);
    return st == TENON_OK ? job->result : st;
}

static void
transactions_run(conf *c)
{
    transactions_job job = { .id = 1 };
    const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };

    conf_open(c, &item_schema);
    OK(c, tenon_run(c->db, NULL, transactions_body, &job, &c->err));
    CHECK_INT(job.calls, 1);
    job.id = 2;
    job.result = TENON_DENIED; /* its own reason: rolled back, not run again */
    FAILS(c, TENON_DENIED, NULL, tenon_run(c->db, NULL, transactions_body, &job, &c->err));
    CHECK_INT(job.calls, 2);
    job.id = 1;
    job.result = TENON_OK;
    FAILS(c, TENON_EXISTS, "item.primary",
          tenon_run(c->db, NULL, transactions_body, &job, &c->err));
    CHECK_INT(job.calls, 3);
    job.id = 3;
    FAILS(c, TENON_READ_ONLY, NULL, tenon_run(c->db, &reading, transactions_body, &job, &c->err));
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 ~", &item_all, NULL);
    COMMIT(c);
}

/* ---- Levels: as claimed, or stronger ---- */

static void
transactions_levels(conf *c)
{
    bool offered = false;
    tenon_txn_options options = { .size = sizeof options };

    conf_open(c, &item_schema);
    for (uint32_t level = TENON_SERIALIZABLE; level >= TENON_READ_COMMITTED; level--) {
        offered = offered || conf_can(TENON_CAP_READ_COMMITTED << (level - 1));
        options.isolation = level;
        if (!offered) {
            FAILS(c, TENON_UNSUPPORTED, NULL, tenon_begin(c->db, &options, &c->txn, &c->err));
            continue;
        }
        OK(c, tenon_begin(c->db, &options, &c->txn, &c->err));
        ITEM(c, level, 0);
        COMMIT(c);
        options.read_only = true;
        OK(c, tenon_begin(c->db, &options, &c->txn, &c->err));
        COMMIT(c);
        options.read_only = false;
    }
    CHECK(offered);
    options.isolation = TENON_SERIALIZABLE + 1;
    FAILS(c, TENON_UNSUPPORTED, NULL, tenon_begin(c->db, &options, &c->txn, &c->err));
    options.size = 0;
    FAILS(c, TENON_MISUSE, NULL, tenon_begin(c->db, &options, &c->txn, &c->err));
}

/* ---- Deadlines ---- */

/* Wait until the transaction's time is over, as it says itself. */
static tenon_status
transactions_wait_for_the_deadline(conf *c)
{
    const struct timespec step = { .tv_nsec = 1000000 };
    const tenon_value *row;
    tenon_status st;

    do {
        (void)nanosleep(&step, NULL);
        st = tenon_fetch(c->txn, &item_count, NULL, &row, &c->err);
    } while (st == TENON_OK);
    return st;
}

static void
transactions_deadline(conf *c)
{
    const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 50 };
    const tenon_txn_options long_enough = { .size = sizeof long_enough, .timeout_ms = 600000 };

    conf_open(c, &item_schema);
    OK(c, tenon_begin(c->db, &brief, &c->txn, &c->err));
    ITEM(c, 1, 10);
    FAILS(c, TENON_TIMEOUT, NULL, transactions_wait_for_the_deadline(c));
    CHECK_INT(tenon_txn_state(c->txn), TENON_TXN_DOOMED);
    REFUSED(c, TENON_TIMEOUT, NULL, &item_insert, P(I(2), NIL, NIL));
    FAILS(c, TENON_TIMEOUT, NULL, conf_commit(c));
    OK(c, tenon_begin(c->db, &long_enough, &c->txn, &c->err));
    ROWS(c, "", &item_all, NULL);
    ITEM(c, 1, 11);
    COMMIT(c);
    OK(c, tenon_begin(c->db, &brief, &c->txn, &c->err));
    FAILS(c, TENON_TIMEOUT, NULL, transactions_wait_for_the_deadline(c));
    ROLLBACK(c);
    conf_verify(c);
}

/* Failures of statements that nobody waited for, of a transaction that is rolled back before they
 * were told: nobody is told, whoever has the connection next. */
static void
transactions_leave_no_failure_behind(conf *c)
{
    conf_open(c, &item_schema);
    conf_make_items(c, 2);
    for (int i = 0; i < 4; i++) {
        BEGIN(c);
        (void)tenon_exec(c->txn, &item_insert, P(I(1), I(10), NIL), NULL, &c->err);
        if (i % 2 != 0)
            (void)tenon_require(c->txn, &item_get_n, P(I(77)), &c->err);
        ROLLBACK(c);
        if (i < 2) {
            BEGIN_READ(c, &c->txn);
            ROWS(c, "1 10;2 20", &item_all, NULL);
        } else {
            BEGIN(c);
            EXEC(c, 1, &item_set_n, P(I(2), I(20)));
        }
        COMMIT(c);
    }
}

/* A second transaction of the same thread beside a writer: a reader may, a writer must not wait
 * for itself. */
static void
transactions_two_on_one_thread(conf *c)
{
    const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 1000 };

    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    BEGIN(c);
    if (conf_can(TENON_CAP_SINGLE_WRITER)) {
        FAILS(c, TENON_MISUSE, NULL, tenon_begin(c->db, &brief, &c->other, &c->err));
    } else {
        OK(c, tenon_begin(c->db, &brief, &c->other, &c->err));
        tenon_rollback(c->other);
    }
    c->other = NULL;
    ITEM(c, 2, 20);
    COMMIT(c);
}

#define STATE_HINT                                                                                 \
    "A reader has the state of its begin until its end, whatever others commit: "                  \
    "TENON_CAP_SNAPSHOT."

static const conf_case transactions_cases[] = {
    CASE(transactions_atomic, "a commit keeps all, a rollback nothing"),
    CASE(transactions_of_one_statement,
         "a commit of a single statement is kept, whatever its kind"),
    CASE(transactions_read_only, "a read-only transaction refuses writes"),
    CASE_HINT(transactions_keep_the_state_of_a_row, "a transaction reads a row as at its begin",
              STATE_HINT),
    CASE_HINT(transactions_keep_the_state_without_a_row,
              "a transaction does not see a row that came after its begin", STATE_HINT),
    CASE(transactions_fail_and_go_on,
         "after each kind of refusal the transaction goes on, and commits"),
    CASE_HINT(transactions_after_a_failed_commit, "a commit that fails leaves nothing behind",
              "transaction.commit: after any outcome the connection has no transaction; roll back "
              "what is left."),
    CASE(transactions_leave_no_failure_behind,
         "what has failed in a transaction that was rolled back is told to no later one"),
    CASE(transactions_have_ids, "each transaction has an id of its own"),
    CASE(transactions_run, "tenon_run commits, rolls back and hands on what its body says"),
    CASE(transactions_levels,
         "each isolation level that is claimed begins, each other one is refused"),
    TIMED_CASE(transactions_deadline, CONF_QUICK,
               "a deadline that has passed refuses what comes after"),
    CASE(transactions_two_on_one_thread, "two transactions of one thread are two"),
};

CONF_GROUP(transactions, "transactions",
           "transaction.begin, commit, rollback, and err->effect of every failure.");
