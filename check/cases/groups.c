/*
 * Those who wait for the writer together: where the engine has one writer, they share a commit.
 * Each test lets a transaction by hand keep the writer until all of them wait, so that they come
 * as a group; on an engine with many writers they simply run side by side.
 */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "check/conf.h"

#include "tenon/stats.h"

/* One of those who wait. */
typedef struct groups_call {
    tenon_db *db;
    const tenon_txn_options *options;
    tenon_txn_fn fn;
    int64_t id;
    int runs; /* of the body */
    tenon_status status;
    tenon_error err;
    pthread_t thread;
} groups_call;

static void *
groups_thread(void *arg)
{
    groups_call *call = arg;

    call->status = tenon_run(call->db, call->options, call->fn, call, &call->err);
    return NULL;
}

static tenon_db_stats
groups_stats(conf *c)
{
    tenon_db_stats stats = { .size = sizeof stats };

    OK(c, tenon_db_get_stats(c->db, &stats, &c->err));
    return stats;
}

static void
groups_pause(void)
{
    (void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* Start them while the writer is kept, in the order of the array. */
static void
groups_gather(conf *c, groups_call *calls, int count)
{
    const bool takes_turns = conf_can(TENON_CAP_SINGLE_WRITER);

    if (takes_turns)
        BEGIN(c);
    for (int i = 0; i < count; i++) {
        calls[i].db = c->db;
        CHECK_INT(pthread_create(&calls[i].thread, NULL, groups_thread, &calls[i]), 0);
        while (takes_turns && groups_stats(c).waiting_turn < (uint64_t)i + 1)
            groups_pause();
    }
    if (takes_turns)
        ROLLBACK(c);
}

static void
groups_end(groups_call *calls, int count)
{
    for (int i = 0; i < count; i++)
        CHECK_INT(pthread_join(calls[i].thread, NULL), 0);
}

static tenon_status
groups_insert(tenon_txn *txn, int64_t id, tenon_error *err)
{
    uint64_t affected;

    return tenon_exec(txn, &item_insert, P(I(id), I(id * 10), NIL), &affected, err);
}

static tenon_status
groups_write(tenon_txn *txn, void *arg, tenon_error *err)
{
    groups_call *call = arg;

    call->runs++;
    return groups_insert(txn, call->id, err);
}

/* Writes, and does not want it. */
static tenon_status
groups_regret(tenon_txn *txn, void *arg, tenon_error *err)
{
    groups_call *call = arg;
    const tenon_status st = groups_insert(txn, call->id, err);

    call->runs++;
    return st == TENON_OK ? TENON_DENIED : st;
}

/* ---- Tests ---- */

static void
groups_share_a_commit(conf *c)
{
    groups_call calls[8] = { { 0 } };
    tenon_db_stats stats;

    conf_open(c, &item_schema);
    for (int i = 0; i < 8; i++)
        calls[i] = (groups_call){ .fn = groups_write, .id = i + 1 };
    groups_gather(c, calls, 8);
    groups_end(calls, 8);
    for (int i = 0; i < 8; i++) {
        CHECK_STATUS(calls[i].status, TENON_OK);
        CHECK_INT(calls[i].runs, 1);
    }
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10;2 20;3 30;4 40;5 50;6 60;7 70;8 80", &item_all, NULL);
    ROLLBACK(c);
    stats = groups_stats(c);
    CHECK_INT(stats.grouped, stats.group_commit != 0 ? 8 : 0);
    if (stats.group_commit != 0) { /* in one, or in few where a group takes longer than it may */
        CHECK(stats.groups >= 1);
        CHECK(stats.groups <= 4);
    }
    conf_verify(c);
}

static void
groups_one_who_fails_is_undone_alone(conf *c)
{
    groups_call calls[4] = { { .fn = groups_write, .id = 1 },
                             { .fn = groups_regret, .id = 2 },
                             { .fn = groups_write, .id = 1 }, /* the key is taken */
                             { .fn = groups_write, .id = 4 } };

    NEEDS(TENON_CAP_SINGLE_WRITER);
    conf_open(c, &item_schema);
    groups_gather(c, calls, 4);
    groups_end(calls, 4);
    CHECK_STATUS(calls[0].status, TENON_OK);
    CHECK_STATUS(calls[1].status, TENON_DENIED);
    CHECK_STATUS(calls[2].status, TENON_EXISTS);
    CHECK_TEXT(calls[2].err.object, "item.primary");
    CHECK_STATUS(calls[3].status, TENON_OK);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10;4 40", &item_all, NULL);
    ROLLBACK(c);
    conf_verify(c);
}

/* Sees what the one before it has written, and savepoints of its own, as deep as they may be. */
static tenon_status
groups_nest(tenon_txn *txn, void *arg, tenon_error *err)
{
    uint32_t savepoints[TENON_MAX_SAVEPOINTS];
    tenon_status st = TENON_OK;

    for (int i = 0; i < TENON_MAX_SAVEPOINTS && st == TENON_OK; i++) {
        st = tenon_savepoint(txn, &savepoints[i], err);
        if (st == TENON_OK)
            st = groups_insert(txn, 100 + i, err);
    }
    if (st == TENON_OK) {
        uint32_t more;

        st = tenon_savepoint(txn, &more, NULL) == TENON_MISUSE ? TENON_OK : TENON_INTERNAL;
    }
    if (st == TENON_OK)
        st = tenon_savepoint_rollback(txn, savepoints[1], err);
    if (st == TENON_OK)
        st = tenon_savepoint_release(txn, savepoints[0], err);
    return st == TENON_OK ? groups_write(txn, arg, err) : st;
}

static void
groups_have_savepoints_of_their_own(conf *c)
{
    groups_call calls[3] = { { .fn = groups_write, .id = 1 },
                             { .fn = groups_nest, .id = 2 },
                             { .fn = groups_regret, .id = 3 } };

    NEEDS(TENON_CAP_SAVEPOINTS);
    conf_open(c, &item_schema);
    groups_gather(c, calls, 3);
    groups_end(calls, 3);
    CHECK_STATUS(calls[1].status, TENON_OK);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10;2 20;100 1000", &item_all, NULL);
    ROLLBACK(c);
    conf_verify(c);
}

static tenon_status
groups_run_inside(tenon_txn *txn, void *arg, tenon_error *err)
{
    groups_call *call = arg;
    groups_call inner = { .id = call->id + 100 };
    const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 200 };
    tenon_status st = groups_insert(txn, call->id, err);

    if (st == TENON_OK)
        call->runs = tenon_run(call->db, &brief, groups_write, &inner, NULL) == TENON_MISUSE;
    return st;
}

static void
groups_no_writer_inside_a_writer(conf *c)
{
    groups_call calls[2] = { { .fn = groups_write, .id = 1 },
                             { .fn = groups_run_inside, .id = 2 } };

    NEEDS(TENON_CAP_SINGLE_WRITER);
    conf_open(c, &item_schema);
    groups_gather(c, calls, 2);
    groups_end(calls, 2);
    CHECK_STATUS(calls[1].status, TENON_OK);
    CHECK_INT(calls[1].runs, 1); /* it was told */
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10;2 20", &item_all, NULL);
    ROLLBACK(c);
}

static void
groups_who_is_late_is_told_in_time(conf *c)
{
    static const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 60 };
    groups_call call = { .fn = groups_write, .options = &brief, .id = 1 };
    groups_call calls[2] = { { .fn = groups_write, .id = 2 }, { .fn = groups_write, .id = 3 } };

    NEEDS(TENON_CAP_SINGLE_WRITER);
    conf_open(c, &item_schema);
    BEGIN(c);
    call.db = c->db;
    CHECK_INT(pthread_create(&call.thread, NULL, groups_thread, &call), 0);
    groups_end(&call, 1); /* while the writer is kept */
    CHECK_STATUS(call.status, TENON_TIMEOUT);
    CHECK_INT(call.runs, 0);
    ROLLBACK(c);
    groups_gather(c, calls, 2);
    groups_end(calls, 2);
    CHECK_STATUS(calls[0].status, TENON_OK);
    CHECK_STATUS(calls[1].status, TENON_OK);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "2 20;3 30", &item_all, NULL);
    ROLLBACK(c);
}

/* A writer by hand has its turn between those who came before and after it. */
static void *
groups_by_hand(void *arg)
{
    groups_call *call = arg;
    tenon_txn *txn = NULL;

    call->status = tenon_begin(call->db, NULL, &txn, &call->err);
    if (call->status == TENON_OK)
        call->status = groups_write(txn, call, &call->err);
    if (call->status == TENON_OK)
        call->status = tenon_commit(txn, &call->err);
    else
        tenon_rollback(txn);
    return NULL;
}

static void
groups_let_others_have_their_turn(conf *c)
{
    groups_call calls[3] = { { .fn = groups_write, .id = 1 },
                             { .fn = groups_write, .id = 2 },
                             { .fn = groups_write, .id = 3 } };

    NEEDS(TENON_CAP_SINGLE_WRITER);
    conf_open(c, &item_schema);
    BEGIN(c);
    for (uint64_t i = 0; i < 3; i++) {
        calls[i].db = c->db;
        CHECK_INT(pthread_create(&calls[i].thread, NULL, i == 1 ? groups_by_hand : groups_thread,
                                 &calls[i]),
                  0);
        while (groups_stats(c).waiting_turn < i + 1)
            groups_pause();
    }
    ROLLBACK(c);
    groups_end(calls, 3);
    for (int i = 0; i < 3; i++)
        CHECK_STATUS(calls[i].status, TENON_OK);
    CHECK_INT(groups_stats(c).groups, groups_stats(c).group_commit != 0 ? 2 : 0);
    conf_verify(c);
}

static void
groups_keep_keys_and_audit(conf *c)
{
    static const tenon_txn_options keyed = { .size = sizeof keyed, .idempotency_key = "once" };
    static const tenon_open_options audited = { .size = sizeof audited,
                                                .schema = &item_schema,
                                                .audit = true };
    groups_call calls[4] = { { .fn = groups_write, .options = &keyed, .id = 1 },
                             { .fn = groups_write, .options = &keyed, .id = 2 },
                             { .fn = groups_regret, .id = 3 },
                             { .fn = groups_write, .id = 4 } };

    NEEDS(TENON_CAP_SINGLE_WRITER);
    OK(c, conf_try_open(c, NULL, &audited));
    /* the first key makes the table, which takes a turn of its own */
    CHECK_STATUS(tenon_run(c->db,
                           &(tenon_txn_options){ .size = sizeof(tenon_txn_options),
                                                 .idempotency_key = "before" },
                           groups_regret, &calls[3], NULL),
                 TENON_DENIED);
    groups_gather(c, calls, 4);
    groups_end(calls, 4);
    CHECK_STATUS(calls[0].status, TENON_OK);
    CHECK_STATUS(calls[1].status, TENON_DONE_BEFORE);
    CHECK_STATUS(calls[2].status, TENON_DENIED);
    CHECK_STATUS(calls[3].status, TENON_OK);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10;4 40", &item_all, NULL);
    ROLLBACK(c);
    conf_verify(c); /* the chain of the audit too */
}

/* ---- Members that would take the others with them ---- */

static tenon_status
groups_poison(tenon_txn *txn, void *arg, tenon_error *err)
{
    groups_call *call = arg;

    call->runs++;
    return tenon_sql(txn, "INSERT OR ROLLBACK INTO item (id, n) VALUES (1, 0)", NULL, 0, NULL, err);
}

static void
groups_survive_a_member_that_rolls_all_back(conf *c)
{
    groups_call calls[4] = { { .fn = groups_write, .id = 1 },
                             { .fn = groups_write, .id = 2 },
                             { .fn = groups_poison },
                             { .fn = groups_write, .id = 4 } };

    conf_open(c, &item_schema);
    NEEDS(TENON_CAP_SQL);
    if (groups_stats(c).group_commit == 0)
        SKIP("it does not commit in groups");
    groups_gather(c, calls, 4);
    groups_end(calls, 4);
    CHECK_STATUS(calls[0].status, TENON_OK);
    /* Twice since it was undone with the third, unless the group took so long that they were not
     * in the same one. */
    CHECK(calls[0].runs <= 2);
    CHECK_STATUS(calls[1].status, TENON_OK);
    CHECK(calls[2].status != TENON_OK);
    CHECK(calls[2].runs <= 2); /* the second time alone */
    CHECK_STATUS(calls[3].status, TENON_OK);
    CHECK(groups_stats(c).group_reruns <= 3);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10;2 20;4 40", &item_all, NULL);
    ROLLBACK(c);
    conf_verify(c);
}

static tenon_status
groups_defer(tenon_txn *txn, void *arg, tenon_error *err)
{
    groups_call *call = arg;

    call->runs++;
    return tenon_sql(txn, "INSERT INTO child (parent) VALUES (99)", NULL, 0, NULL, err);
}

static tenon_status
groups_make_child(tenon_txn *txn, void *arg, tenon_error *err)
{
    (void)arg;
    return tenon_sql(txn,
                     "CREATE TABLE child (parent INTEGER REFERENCES item (id) "
                     "DEFERRABLE INITIALLY DEFERRED)",
                     NULL, 0, NULL, err);
}

static void
groups_find_the_member_that_makes_the_commit_fail(conf *c)
{
    groups_call calls[5] = { { .fn = groups_write, .id = 1 },
                             { .fn = groups_write, .id = 2 },
                             { .fn = groups_defer },
                             { .fn = groups_regret, .id = 3 },
                             { .fn = groups_write, .id = 4 } };

    conf_open(c, &item_schema);
    NEEDS(TENON_CAP_SQL);
    if (groups_stats(c).group_commit == 0)
        SKIP("it does not commit in groups");
    OK(c, tenon_run(c->db, NULL, groups_make_child, NULL, &c->err));
    groups_gather(c, calls, 5);
    groups_end(calls, 5);
    CHECK_STATUS(calls[0].status, TENON_OK);
    CHECK_STATUS(calls[1].status, TENON_OK);
    CHECK_STATUS(calls[2].status, TENON_CONSTRAINT);
    CHECK_STATUS(calls[3].status, TENON_DENIED);
    CHECK_STATUS(calls[4].status, TENON_OK);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10;2 20;4 40", &item_all, NULL);
    ROLLBACK(c);
}

static const conf_case groups_cases[] = {
    SLOW_CASE(groups_share_a_commit,
              "writers that wait share a commit, and each one's change is there"),
    SLOW_CASE(groups_one_who_fails_is_undone_alone, "a member that fails is undone alone"),
    SLOW_CASE(groups_have_savepoints_of_their_own,
              "members of a group have savepoints of their own"),
    SLOW_CASE(groups_no_writer_inside_a_writer,
              "a writer inside a writer is refused, not waited for"),
    TIMED_CASE(groups_who_is_late_is_told_in_time, CONF_NORMAL,
               "a member whose deadline passes in the queue is told in time"),
    SLOW_CASE(groups_let_others_have_their_turn, "groups let an interactive writer have its turn"),
    SLOW_CASE(groups_keep_keys_and_audit, "idempotency keys and the audit hold for each member"),
    SLOW_CASE(groups_survive_a_member_that_rolls_all_back,
              "a member that rolls the whole back by SQL takes nobody with it"),
    SLOW_CASE(groups_find_the_member_that_makes_the_commit_fail,
              "the member that makes the commit fail is found, the others commit"),
};

CONF_GROUP(groups, "group commit",
           "Members of a group are savepoints of one transaction: look at the savepoint slots and "
           "at TENON_DRV_GROUPS in the flags.");
