/* Transactions of several threads: what one may see of another, and who waits for whom. */
#include "check/conf.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 4

/* A point that threads reach and others wait for. */
typedef struct threads_stage {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int reached;
} threads_stage;

#define THREADS_STAGE                                                                              \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0                                     \
    }

static void
threads_reach(threads_stage *stage, int point)
{
    (void)pthread_mutex_lock(&stage->lock);
    stage->reached = point;
    (void)pthread_cond_broadcast(&stage->moved);
    (void)pthread_mutex_unlock(&stage->lock);
}

static void
threads_wait(threads_stage *stage, int point)
{
    (void)pthread_mutex_lock(&stage->lock);
    while (stage->reached < point)
        (void)pthread_cond_wait(&stage->moved, &stage->lock);
    (void)pthread_mutex_unlock(&stage->lock);
}

/* What a thread is given, and what it found. Threads fail no test: the main one looks at this. */
typedef struct threads_job {
    tenon_db *db;
    threads_stage *stage;
    tenon_status status;
    tenon_error err;
    int64_t id;
    int rounds;
    int done;
} threads_job;

static void
threads_start(pthread_t *thread, void *(*body)(void *), threads_job *job)
{
    CHECK_INT(pthread_create(thread, NULL, body, job), 0);
}

static void
threads_run(conf *c, void *(*body)(void *), threads_job *jobs, int count)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < count; i++) {
        jobs[i].db = c->db;
        threads_start(&threads[i], body, &jobs[i]);
    }
    for (int i = 0; i < count; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
}

static tenon_status
threads_get(tenon_txn *txn, int64_t id, int64_t *n, tenon_error *err)
{
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &item_get_n, P(I(id)), &row, err);

    *n = st == TENON_OK ? row[0].as.i : 0;
    return st;
}

static tenon_status
threads_set(tenon_txn *txn, int64_t id, int64_t n, tenon_error *err)
{
    return tenon_exec(txn, &item_set_n, P(I(id), I(n)), NULL, err);
}

static const tenon_txn_options threads_patient = { .size = sizeof threads_patient,
                                                   .timeout_ms = 300000 };

/* ---- A snapshot stays as it was ---- */

static tenon_status
threads_change(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_status st = threads_set(txn, 1, 11, err);

    (void)arg;
    if (st == TENON_OK)
        st = tenon_exec(txn, &item_delete, P(I(2)), NULL, err);
    if (st == TENON_OK)
        st = tenon_exec(txn, &item_insert, P(I(4), I(40), NIL), NULL, err);
    return st;
}

static void *
threads_change_body(void *arg)
{
    /* An engine whose readers keep writers out lets this one wait in vain. */
    static const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 2000 };
    threads_job *job = (threads_job *)arg;

    job->status = tenon_run(job->db, &brief, threads_change, NULL, &job->err);
    return NULL;
}

static void
threads_snapshot(conf *c)
{
    const tenon_txn_options reading = { .size = sizeof reading,
                                        .isolation = TENON_SNAPSHOT,
                                        .read_only = true };
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    threads_job job = { 0 };

    if (!conf_can(TENON_CAP_SERIALIZABLE))
        NEEDS(TENON_CAP_SNAPSHOT);
    conf_open(c, &item_schema);
    conf_make_items(c, 3);
    OK(c, tenon_begin(c->db, &reading, &c->txn, &c->err));
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    OK(c, tenon_next(cursor, &row, &c->err));
    threads_run(c, threads_change_body, &job, 1);
    if (conf_can(TENON_CAP_SNAPSHOT))
        CHECK_STATUS(job.status, TENON_OK);
    OK(c, tenon_next(cursor, &row, &c->err));
    CHECK_INT(row[0].as.i, 2);
    tenon_cursor_close(cursor);
    ROWS(c, "1 10;2 20;3 30", &item_all, NULL);
    COMMIT(c);
    if (job.status == TENON_OK) {
        OK(c, tenon_begin(c->db, &reading, &c->txn, &c->err));
        ROWS(c, "1 11;3 30;4 40", &item_all, NULL);
        COMMIT(c);
    }
    conf_verify(c);
}

/* ---- What is not committed is seen by nobody ---- */

static void *
threads_read_body(void *arg)
{
    static const tenon_txn_options brief = { .size = sizeof brief,
                                             .timeout_ms = 2000,
                                             .read_only = true };
    threads_job *job = (threads_job *)arg;
    tenon_txn *txn = NULL;
    int64_t n = -1;

    job->status = tenon_begin(job->db, &brief, &txn, &job->err);
    if (job->status == TENON_OK)
        job->status = threads_get(txn, 1, &n, &job->err);
    tenon_rollback(txn);
    job->id = n;
    return NULL;
}

static void
threads_no_dirty_reads(conf *c)
{
    threads_job job = { 0 };

    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    BEGIN(c);
    EXEC(c, 1, &item_set_n, P(I(1), I(99)));
    threads_run(c, threads_read_body, &job, 1);
    if (conf_can(TENON_CAP_SNAPSHOT))
        CHECK_STATUS(job.status, TENON_OK);
    if (job.status == TENON_OK)
        CHECK_INT(job.id, 10);
    COMMIT(c);
    threads_run(c, threads_read_body, &job, 1);
    CHECK_STATUS(job.status, TENON_OK);
    CHECK_INT(job.id, 99);
}

/* ---- Lost updates ---- */

/* Read, add one, write: what another one wrote in between must not be lost. */
static tenon_status
threads_add_one(tenon_txn *txn, void *arg, tenon_error *err)
{
    int64_t n = 0;
    tenon_status st = threads_get(txn, 1, &n, err);

    (void)arg;
    return st == TENON_OK ? threads_set(txn, 1, n + 1, err) : st;
}

/* Run `body` as often as the job says, again where the engine's retries were not enough. */
static void
threads_repeat(threads_job *job, tenon_txn_fn body)
{
    while (job->done < job->rounds) {
        job->status = tenon_run(job->db, &threads_patient, body, job, &job->err);
        if (job->status == TENON_OK)
            job->done++;
        else if (!tenon_status_retryable(job->status))
            return;
    }
}

static void *
threads_add_body(void *arg)
{
    threads_repeat((threads_job *)arg, threads_add_one);
    return NULL;
}

static void
threads_lost_update(conf *c)
{
    threads_job jobs[THREADS] = { { 0 } };
    int64_t n = 0;

    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    for (int i = 0; i < THREADS; i++)
        jobs[i].rounds = 100;
    threads_run(c, threads_add_body, jobs, THREADS);
    for (int i = 0; i < THREADS; i++) {
        CHECK_STATUS(jobs[i].status, TENON_OK);
        CHECK_INT(jobs[i].done, 100);
    }
    BEGIN_READ(c, &c->txn);
    OK(c, threads_get(c->txn, 1, &n, &c->err));
    CHECK_INT(n, 10 + THREADS * 100);
    COMMIT(c);
}

/* ---- Write skew: each writes one of two rows after reading both ---- */

/* One of the two may become 0, as long as the other is not. Where one is 0 it is set back. */
static tenon_status
threads_leave(tenon_txn *txn, void *arg, tenon_error *err)
{
    const threads_job *job = (const threads_job *)arg;
    int64_t mine = 0, other = 0;
    tenon_status st = threads_get(txn, job->id, &mine, err);

    if (st == TENON_OK)
        st = threads_get(txn, 3 - job->id, &other, err);
    if (st != TENON_OK)
        return st;
    if (mine == 0 && other == 0)
        return TENON_INTERNAL; /* both are gone: what must not happen */
    return threads_set(txn, job->id, mine != 0 && other != 0 ? 0 : 1, err);
}

static void *
threads_leave_body(void *arg)
{
    threads_repeat((threads_job *)arg, threads_leave);
    return NULL;
}

static void
threads_write_skew(conf *c)
{
    threads_job jobs[2] = { { .id = 1, .rounds = 300 }, { .id = 2, .rounds = 300 } };

    NEEDS(TENON_CAP_SERIALIZABLE);
    conf_open(c, &item_schema);
    conf_make_items(c, 2);
    threads_run(c, threads_leave_body, jobs, 2);
    CHECK_STATUS(jobs[0].status, TENON_OK);
    CHECK_STATUS(jobs[1].status, TENON_OK);
}

/* The same step by step, where two may write at once: one of them must fail. */
static void
threads_write_skew_by_hand(conf *c)
{
    const tenon_txn_options strict = { .size = sizeof strict,
                                       .isolation = TENON_SERIALIZABLE,
                                       .timeout_ms = 2000 };
    int64_t n = 0;
    tenon_status first, second;

    NEEDS(TENON_CAP_SERIALIZABLE);
    EXCEPT(TENON_CAP_SINGLE_WRITER);
    conf_open(c, &item_schema);
    conf_make_items(c, 2);
    OK(c, tenon_begin(c->db, &strict, &c->txn, &c->err));
    OK(c, tenon_begin(c->db, &strict, &c->other, &c->err));
    OK(c, threads_get(c->txn, 2, &n, &c->err));
    OK(c, threads_get(c->other, 1, &n, &c->err));
    first = threads_set(c->txn, 1, 0, &c->err);
    second = threads_set(c->other, 2, 0, &c->err);
    first = first == TENON_OK ? tenon_commit(c->txn, &c->err) : (tenon_rollback(c->txn), first);
    second = second == TENON_OK ? tenon_commit(c->other, &c->err)
                                : (tenon_rollback(c->other), second);
    c->txn = NULL;
    c->other = NULL;
    CHECK(first != TENON_OK || second != TENON_OK);
}

/* ---- Readers beside a writer ---- */

typedef struct threads_bank {
    threads_job job;
    atomic_bool *over;
} threads_bank;

/* Move 1 from one account to the other. */
static tenon_status
threads_move(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_status st = tenon_exec(txn, &item_add_n, P(I(1), I(-1)), NULL, err);

    (void)arg;
    return st == TENON_OK ? tenon_exec(txn, &item_add_n, P(I(2), I(1)), NULL, err) : st;
}

/* The sum is the same at any time. */
static tenon_status
threads_sum(tenon_txn *txn, void *arg, tenon_error *err)
{
    int64_t a = 0, b = 0;
    tenon_status st = threads_get(txn, 1, &a, err);

    (void)arg;
    if (st == TENON_OK)
        st = threads_get(txn, 2, &b, err);
    if (st == TENON_OK && a + b != 30)
        st = TENON_INTERNAL;
    return st;
}

static void *
threads_sum_body(void *arg)
{
    const tenon_txn_options reading = { .size = sizeof reading,
                                        .timeout_ms = 300000,
                                        .read_only = true };
    threads_bank *bank = (threads_bank *)arg;
    threads_job *job = &bank->job;

    do {
        job->status = tenon_run(job->db, &reading, threads_sum, NULL, &job->err);
        if (job->status != TENON_OK && !tenon_status_retryable(job->status))
            break;
        job->done++;
    } while (!atomic_load(bank->over));
    return NULL;
}

static void
threads_readers_beside_a_writer(conf *c)
{
    atomic_bool over = false;
    threads_bank readers[THREADS];
    pthread_t threads[THREADS];
    tenon_status st = TENON_OK;

    conf_open(c, &item_schema);
    conf_make_items(c, 2);
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (threads_bank){ .job = { .db = c->db }, .over = &over };
        CHECK_INT(pthread_create(&threads[i], NULL, threads_sum_body, &readers[i]), 0);
    }
    for (int i = 0; i < 200 && (st == TENON_OK || tenon_status_retryable(st)); i++)
        st = tenon_run(c->db, &threads_patient, threads_move, NULL, &c->err);
    atomic_store(&over, true);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    OK(c, st);
    for (int i = 0; i < THREADS; i++) {
        CHECK_STATUS(readers[i].job.status, TENON_OK);
        CHECK(readers[i].job.done > 0);
    }
    conf_verify(c);
}

/* ---- One key, several threads ---- */

static tenon_status
threads_claim(tenon_txn *txn, void *arg, tenon_error *err)
{
    const threads_job *job = (const threads_job *)arg;

    return tenon_exec(txn, &item_insert, P(I(1000 + job->done), NIL, NIL), NULL, err);
}

static void *
threads_claim_body(void *arg)
{
    threads_job *job = (threads_job *)arg;

    for (job->done = 0; job->done < job->rounds; job->done++) {
        do
            job->status = tenon_run(job->db, &threads_patient, threads_claim, job, &job->err);
        while (tenon_status_retryable(job->status));
        if (job->status == TENON_OK)
            job->id++;
        else if (job->status != TENON_EXISTS)
            break;
    }
    return NULL;
}

static void
threads_one_wins(conf *c)
{
    threads_job jobs[THREADS] = { { 0 } };
    int64_t won = 0;

    conf_open(c, &item_schema);
    for (int i = 0; i < THREADS; i++)
        jobs[i].rounds = 50;
    threads_run(c, threads_claim_body, jobs, THREADS);
    for (int i = 0; i < THREADS; i++) {
        CHECK_INT(jobs[i].done, 50);
        won += jobs[i].id;
    }
    CHECK_INT(won, 50);
    conf_verify(c);
}

/* ---- Waiting ---- */

/* Write the row that another transaction has written and not committed. */
static void *
threads_wait_body(void *arg)
{
    static const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 100 };
    threads_job *job = (threads_job *)arg;
    tenon_txn *txn = NULL;

    job->status = tenon_begin(job->db, &brief, &txn, &job->err);
    if (job->status == TENON_OK)
        job->status = threads_set(txn, 1, 5, &job->err);
    if (job->status == TENON_OK)
        job->status = tenon_commit(txn, &job->err);
    else
        tenon_rollback(txn);
    return NULL;
}

static void
threads_writer_waits_in_vain(conf *c)
{
    threads_job job = { 0 };

    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    BEGIN(c);
    EXEC(c, 1, &item_set_n, P(I(1), I(2)));
    threads_run(c, threads_wait_body, &job, 1); /* it returns, though this one does not end */
    if (job.status != TENON_TIMEOUT && job.status != TENON_BUSY && job.status != TENON_CONFLICT)
        conf_failed(CONF_HERE, "two can't both write a row: the later one waits, or is refused",
                    "%s for the later one", tenon_status_name(job.status));
    CHECK_INT(job.err.status, job.status);
    COMMIT(c);
    threads_run(c, threads_wait_body, &job, 1);
    CHECK_STATUS(job.status, TENON_OK);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 5", &item_all, NULL);
    COMMIT(c);
}

static void *
threads_hold_body(void *arg)
{
    threads_job *job = (threads_job *)arg;
    tenon_txn *txn = NULL;

    job->status = tenon_begin(job->db, &threads_patient, &txn, &job->err);
    if (job->status == TENON_OK)
        job->status = threads_set(txn, 1, 7, &job->err);
    threads_reach(job->stage, 1);
    for (int i = 0; job->status == TENON_OK && i < 50; i++)
        job->status = threads_set(txn, 1, i, &job->err);
    if (job->status == TENON_OK)
        job->status = tenon_commit(txn, &job->err);
    else
        tenon_rollback(txn);
    job->done = 1;
    return NULL;
}

/* One that is waiting goes on when the one before it has ended. */
static void
threads_writer_waits_its_turn(conf *c)
{
    threads_stage stage = THREADS_STAGE;
    threads_job job = { .stage = &stage };
    pthread_t thread;

    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    job.db = c->db;
    threads_start(&thread, threads_hold_body, &job);
    threads_wait(&stage, 1);
    c->err.status = tenon_run(c->db, &threads_patient, threads_add_one, NULL, &c->err);
    CHECK_INT(pthread_join(thread, NULL), 0);
    OK(c, c->err.status);
    /* Where several write at once, the one that was there first may be the one that has to give
     * way: nobody runs it again. */
    if (job.status != TENON_CONFLICT || conf_can(TENON_CAP_SINGLE_WRITER))
        CHECK_STATUS(job.status, TENON_OK);
    BEGIN_READ(c, &c->txn);
    ROWS(c, job.status == TENON_OK ? "1 50" : "1 11", &item_all, NULL);
    COMMIT(c);
}

/* tenon_close waits for the transactions of other threads. */
static void
threads_close_waits(conf *c)
{
    threads_stage stage = THREADS_STAGE;
    threads_job job = { .stage = &stage };
    pthread_t thread;

    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    job.db = c->db;
    threads_start(&thread, threads_hold_body, &job);
    threads_wait(&stage, 1);
    conf_close(c);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_STATUS(job.status, TENON_OK);
}

/* All connections are taken: the next one waits, and gives up when its time is over. A thread that
 * has taken them all itself would wait for nothing, and is told so. */
static void
threads_no_connection_left(conf *c)
{
    const tenon_open_options two = { .size = sizeof two,
                                     .schema = &item_schema,
                                     .max_connections = 2 };
    const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 50, .read_only = true };
    tenon_txn *third = NULL;
    threads_job job = { 0 };

    OK(c, conf_try_open(c, NULL, &two));
    conf_make_items(c, 1);
    BEGIN_READ(c, &c->txn);
    BEGIN_READ(c, &c->other);
    FAILS(c, TENON_MISUSE, NULL, tenon_begin(c->db, &brief, &third, &c->err));
    CHECK(third == NULL);
    threads_run(c, threads_read_body, &job, 1);
    CHECK(job.status == TENON_TIMEOUT || job.status == TENON_BUSY);
    tenon_rollback(c->other);
    c->other = NULL;
    threads_run(c, threads_read_body, &job, 1);
    CHECK_STATUS(job.status, TENON_OK);
    CHECK_INT(job.id, 10);
    COMMIT(c);
}

static const conf_case threads_cases[] = {
    CASE(threads_snapshot, "a snapshot stays as it was while others commit"),
    CASE_HINT(threads_no_dirty_reads, "what is not committed is seen by nobody else",
              "A transaction's changes must not be where others read before its commit."),
    SLOW_CASE(threads_lost_update, "no update is lost between threads that read, then write"),
    SLOW_CASE(threads_write_skew, "SERIALIZABLE forbids write skew between threads"),
    CASE(threads_write_skew_by_hand,
         "SERIALIZABLE refuses one of two transactions that would skew"),
    CASE(threads_readers_beside_a_writer, "readers beside a writer see each transfer whole"),
    CASE(threads_one_wins, "of several threads that insert one key one succeeds"),
    TIMED_CASE(threads_writer_waits_in_vain, CONF_QUICK,
               "a writer that waits for another gives up at its deadline"),
    CASE(threads_writer_waits_its_turn, "a writer that waits for another goes on after its commit"),
    CASE(threads_close_waits, "closing waits for the transactions of other threads"),
    TIMED_CASE(threads_no_connection_left, CONF_NORMAL,
               "without a free connection a thread waits, and gives up in time"),
};

CONF_GROUP(threads, "threads",
           "Connections of one database run in parallel: look at locks, at snapshots, and at what "
           "is kept for the database instead of the connection.");
