/*
 * What the transaction manager does, with a fault at each call that it makes of the driver, in
 * turn: retries, savepoints, work that is done once, groups that share a commit, deadlines, audit.
 * What each caller was told is what the database holds. manager_points URL.
 */
#include "points.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- What is written: each run has a number, each of its callers writes a mark of his own ---- */

enum { TALLY_ID, TALLY_N };
enum { MARK_RUN, MARK_PART, MARK_VALUE };

static const tenon_column tally_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "n", .type = TENON_INT, .not_null = true },
};
static const tenon_table tally = { .name = "tally",
                                   .columns = tally_columns,
                                   .column_count = 2,
                                   .primary_key = TENON_COLUMNS(TALLY_ID) };
static const tenon_column mark_columns[] = {
    { .name = "run", .type = TENON_INT, .not_null = true },
    { .name = "part", .type = TENON_INT, .not_null = true },
    { .name = "value", .type = TENON_INT, .not_null = true },
};
static const tenon_table mark = { .name = "mark",
                                  .columns = mark_columns,
                                  .column_count = 3,
                                  .primary_key = TENON_COLUMNS(MARK_RUN, MARK_PART) };
static const tenon_table *const manager_tables[] = { &tally, &mark };
static const tenon_schema manager_schema = {
    .name = "manager", .version = 1, .tables = manager_tables, .table_count = 2
};

static const tenon_query count_up = { .name = "count_up",
                                      .kind = TENON_INSERT,
                                      .table = &tally,
                                      .columns = TENON_COLUMNS(TALLY_ID, TALLY_N),
                                      .on_conflict = TENON_ON_CONFLICT_UPDATE,
                                      .set = TENON_SET(TENON_PLUS(TALLY_N, 1)) };
static const tenon_query read_tally = { .name = "read_tally",
                                        .kind = TENON_SELECT,
                                        .table = &tally,
                                        .columns = TENON_COLUMNS(TALLY_N),
                                        .where = TENON_WHERE(TENON_EQ(TALLY_ID, 0)) };
static const tenon_query add_mark = { .name = "add_mark",
                                      .kind = TENON_INSERT,
                                      .table = &mark,
                                      .columns = TENON_COLUMNS(MARK_RUN, MARK_PART, MARK_VALUE) };
static const tenon_query change_mark = { .name = "change_mark",
                                         .kind = TENON_UPDATE,
                                         .table = &mark,
                                         .set = TENON_SET(TENON_TO(MARK_VALUE, 2)),
                                         .where = TENON_WHERE(TENON_EQ(MARK_RUN, 0),
                                                              TENON_EQ(MARK_PART, 1)) };
static const tenon_query list_marks = { .name = "list_marks",
                                        .kind = TENON_SELECT,
                                        .table = &mark,
                                        .columns = TENON_COLUMNS(MARK_PART, MARK_VALUE),
                                        .where = TENON_WHERE(TENON_EQ(MARK_RUN, 0)),
                                        .order = TENON_ORDER(TENON_ASC(MARK_PART)) };

enum { MANAGER_PARTS = 4, MANAGER_RETRIES = 10, MANAGER_FEW = 2, MANAGER_WRITTEN = 7 };

/* What the database holds of a run. */
typedef struct manager_state {
    int64_t tally, audit;
    int64_t values[MANAGER_PARTS]; /* of the marks; 0: not there */
} manager_state;

/* A run. */
typedef struct manager_scene {
    int64_t number;
    manager_state before;
    uint32_t timeout_ms;
    bool keyed, savepoints;
    int poison; /* the caller who asks for an explanation; 0: nobody */
    int timed_out_count;
} manager_scene;

/* One caller of tenon_run. */
typedef struct manager_caller {
    tenon_db *db;
    const manager_scene *scene;
    int part;
    uint64_t attempts;
    tenon_status told;
    tenon_error err;
    pthread_t thread;
} manager_caller;

/* ---- Bodies ---- */

static tenon_status
manager_write(tenon_txn *txn, const manager_scene *scene, int part, tenon_error *err)
{
    const tenon_value one[] = { tenon_int(1), tenon_int(1) };
    const tenon_value row[] = { tenon_int(scene->number), tenon_int(part), tenon_int(1) };
    tenon_status st = tenon_exec(txn, &count_up, one, NULL, err);

    return st == TENON_OK ? tenon_exec(txn, &add_mark, row, NULL, err) : st;
}

/* Read what was written, row by row. */
static tenon_status
manager_read(tenon_txn *txn, int64_t run, int64_t values[MANAGER_PARTS], tenon_error *err)
{
    const tenon_value param = tenon_int(run);
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    tenon_status st = tenon_select(txn, &list_marks, &param, &cursor, err);

    memset(values, 0, MANAGER_PARTS * sizeof *values);
    if (st != TENON_OK)
        return st;
    while ((st = tenon_next(cursor, &row, err)) == TENON_OK)
        if (row[0].as.i >= 0 && row[0].as.i < MANAGER_PARTS)
            values[row[0].as.i] = row[1].as.i;
    tenon_cursor_close(cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

/* Two marks stay, one is undone, and so is what an inner savepoint did to the first. */
static tenon_status
manager_nest(tenon_txn *txn, const manager_scene *scene, tenon_error *err)
{
    const tenon_value change[] = { tenon_int(scene->number), tenon_int(0), tenon_int(99) };
    const tenon_value second[] = { tenon_int(scene->number), tenon_int(1), tenon_int(1) };
    const tenon_value third[] = { tenon_int(scene->number), tenon_int(2), tenon_int(1) };
    uint32_t outer, inner;
    uint64_t affected;
    tenon_status st = tenon_savepoint(txn, &outer, err);

    if (st == TENON_OK)
        st = tenon_exec(txn, &add_mark, second, NULL, err);
    if (st == TENON_OK)
        st = tenon_savepoint(txn, &inner, err);
    if (st == TENON_OK)
        st = tenon_exec(txn, &change_mark, change, &affected, err);
    if (st == TENON_OK)
        st = tenon_exec(txn, &add_mark, third, NULL, err);
    if (st == TENON_OK)
        st = tenon_savepoint_rollback(txn, inner, err);
    return st == TENON_OK ? tenon_savepoint_release(txn, outer, err) : st;
}

static tenon_status
manager_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value one = tenon_int(1);
    manager_caller *caller = arg;
    const tenon_value mine[] = { tenon_int(caller->scene->number), tenon_int(caller->part),
                                 tenon_int(MANAGER_WRITTEN) };
    const tenon_value *row;
    uint64_t affected;
    char text[100];
    tenon_status st;

    caller->attempts++;
    st = tenon_fetch(txn, &read_tally, &one, &row, err);
    if (st == TENON_OK || st == TENON_NOT_FOUND)
        st = manager_write(txn, caller->scene, caller->part, err);
    if (st == TENON_OK && caller->scene->savepoints)
        st = manager_nest(txn, caller->scene, err);
    if (st == TENON_OK && caller->scene->poison != 0 && caller->scene->poison == caller->part)
        st = tenon_explain(txn, &list_marks, text, sizeof text, err); /* as nobody else does */
    return st == TENON_OK ? tenon_exec(txn, &change_mark, mine, &affected, err) : st;
}

/* ---- Running ---- */

static void *
manager_call(void *arg)
{
    manager_caller *caller = arg;
    char key[40];
    const tenon_txn_options options = { .size = sizeof options,
                                        .name = "manager",
                                        .timeout_ms = caller->scene->timeout_ms,
                                        .actor = "tester",
                                        .idempotency_key = caller->scene->keyed ? key : NULL };

    (void)snprintf(key, sizeof key, "run %lld", (long long)caller->scene->number);
    caller->told = tenon_run(caller->db, &options, manager_body, caller, &caller->err);
    return NULL;
}

static void
manager_run_one(tenon_db *db, void *arg, points_run *run)
{
    manager_caller caller = { .db = db, .scene = arg };

    (void)manager_call(&caller);
    run->told[0] = caller.told;
    run->attempts[0] = caller.attempts;
    run->err = caller.err;
}

static bool
manager_waits(tenon_db *db, uint64_t count)
{
    tenon_db_stats stats = { .size = sizeof stats };

    return tenon_db_get_stats(db, &stats, NULL) != TENON_OK || stats.waiting_turn >= count;
}

/* All of them wait while a transaction by hand keeps the writer: they come as a group, unless the
 * fault hits that one. Where there are many writers they run side by side. */
static void
manager_run_group(tenon_db *db, void *arg, points_run *run)
{
    const bool takes_turns = (tenon_db_capabilities(db) & TENON_CAP_SINGLE_WRITER) != 0;
    const struct timespec pause = { .tv_nsec = 200000 };
    manager_caller callers[MANAGER_PARTS];
    tenon_error err = { 0 };
    tenon_txn *holder = NULL;

    if (takes_turns && tenon_begin(db, NULL, &holder, &err) != TENON_OK)
        holder = NULL;
    for (int i = 0; i < MANAGER_PARTS; i++) {
        callers[i] = (manager_caller){ .db = db, .scene = arg, .part = i };
        assert_int_equal(pthread_create(&callers[i].thread, NULL, manager_call, &callers[i]), 0);
        while (holder != NULL && !manager_waits(db, (uint64_t)i + 1))
            (void)nanosleep(&pause, NULL);
    }
    tenon_rollback(holder);
    for (int i = 0; i < MANAGER_PARTS; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        run->told[i] = callers[i].told;
        run->attempts[i] = callers[i].attempts;
        if (callers[i].told != TENON_OK)
            run->err = callers[i].err;
    }
}

/* ---- Looking ---- */

typedef struct manager_look {
    int64_t run;
    manager_state state;
} manager_look;

static tenon_status
manager_look_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value one = tenon_int(1);
    manager_look *look = arg;
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &read_tally, &one, &row, err);

    look->state.tally = st == TENON_OK ? row[0].as.i : 0;
    return st == TENON_OK || st == TENON_NOT_FOUND
               ? manager_read(txn, look->run, look->state.values, err)
               : st;
}

static void
manager_count_audit(void *arg, const tenon_audit_row *row)
{
    (void)row;
    ++*(int64_t *)arg;
}

static manager_state
manager_see(tenon_db *db, const manager_scene *scene)
{
    const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    manager_look look = { .run = scene->number };
    tenon_error err = { 0 };

    points_must(tenon_run(db, &reading, manager_look_body, &look, &err), &err);
    points_must(tenon_db_audit(db, manager_count_audit, &look.state.audit, &err), &err);
    return look.state;
}

static void
manager_prepare(tenon_db *db, void *arg)
{
    static int64_t number;
    manager_scene *scene = arg;

    scene->number = ++number;
    scene->before = manager_see(db, scene);
}

static bool
manager_says(bool tell, const char *what)
{
    if (tell)
        print_message("  %s\n", what);
    return false;
}

/* A caller's mark is there, whole, or it is not; nothing in between. */
static bool
manager_has(const manager_scene *scene, const manager_state *state, int part, bool *there)
{
    *there = state->values[part] != 0;
    if (*there && state->values[part] != MANAGER_WRITTEN)
        return false;
    return !scene->savepoints || (state->values[1] == (*there ? 1 : 0) && state->values[2] == 0);
}

/* What each was told, beside his mark; each mark is counted once, and has its row of audit. */
static bool
manager_told_so(const manager_scene *scene, const manager_state *now, const points_run *run,
                int callers, bool tell)
{
    int64_t there_count = 0;

    for (int i = 0; i < callers; i++) {
        const tenon_status told = run->opened != TENON_OK ? run->opened : run->told[i];
        bool there;

        if (!manager_has(scene, now, i, &there))
            return manager_says(tell, "a half of the work is there");
        there_count += there;
        if (told != TENON_UNKNOWN_OUTCOME && there != (told == TENON_OK))
            return manager_says(tell, there ? "it is there" : "it is not there");
    }
    if (now->tally - scene->before.tally != there_count)
        return manager_says(tell, "it was counted another number of times");
    if (now->audit - scene->before.audit != there_count)
        return manager_says(tell, "the audit has another number of rows");
    return true;
}

static bool
manager_in_transaction(const points_fault *fault)
{
    return strncmp(fault->slot, "transaction.", 12) == 0 || strncmp(fault->slot, "query.", 6) == 0;
}

static bool
manager_is(const points_fault *fault, const char *kind)
{
    return strcmp(fault->kind, kind) == 0;
}

/* What retries are for: nobody hears of one conflict. */
static bool
manager_ends_well(const points_run *run, const points_fault *fault, int callers, bool tell)
{
    for (int i = 0; i < callers; i++)
        if (fault->struck && run->opened == TENON_OK && manager_in_transaction(fault) &&
            (manager_is(fault, "conflict") || manager_is(fault, "busy")) &&
            run->told[i] != TENON_OK)
            return manager_says(tell, "it was not tried again");
    return true;
}

static bool
manager_agrees(tenon_db *db, void *arg, const points_run *run, const points_fault *fault, bool tell)
{
    manager_scene *scene = arg;
    const manager_state now = manager_see(db, scene);

    scene->timed_out_count += run->told[0] == TENON_TIMEOUT;
    return manager_told_so(scene, &now, run, 1, tell) && manager_ends_well(run, fault, 1, tell);
}

/* One fault is the affair of one caller at most, unless it is the commit that all of them share
 * and nobody knows what became of it. */
static bool
manager_group_agrees(tenon_db *db, void *arg, const points_run *run, const points_fault *fault,
                     bool tell)
{
    const manager_scene *scene = arg;
    const manager_state now = manager_see(db, scene);
    const bool shared = strcmp(fault->slot, "transaction.commit") == 0 &&
                        (manager_is(fault, "unknown") || manager_is(fault, "lost_after"));
    int failed_count = 0;

    if (!manager_told_so(scene, &now, run, MANAGER_PARTS, tell) ||
        !manager_ends_well(run, fault, MANAGER_PARTS, tell))
        return false;
    for (int i = 0; i < MANAGER_PARTS; i++)
        failed_count += run->told[i] != TENON_OK;
    if (run->opened == TENON_OK && !shared && strncmp(fault->kind, "kill", 4) != 0 &&
        failed_count > 1)
        return manager_says(tell, "others were told of it");
    return true;
}

/* By its key it is found out what became of it; done again with the key, it is done once. */
static bool
manager_key_agrees(tenon_db *db, void *arg, const points_run *run, const points_fault *fault,
                   bool tell)
{
    manager_scene *scene = arg;
    const manager_state now = manager_see(db, scene);
    manager_caller again = { .db = db, .scene = scene };
    manager_state after;
    tenon_error err = { 0 };
    uint32_t state = 0;
    char key[40];
    bool there;

    if (!manager_told_so(scene, &now, run, 1, tell) || !manager_ends_well(run, fault, 1, tell))
        return false;
    if (fault->struck && run->opened == TENON_OK && run->told[0] == TENON_UNKNOWN_OUTCOME &&
        strncmp(fault->kind, "kill", 4) != 0)
        return manager_says(tell, "it was not found out what became of it");
    (void)snprintf(key, sizeof key, "run %lld", (long long)scene->number);
    points_must(tenon_txn_resolve(db, key, 0, &state, &err), &err);
    (void)manager_has(scene, &now, 0, &there);
    if (state != (there ? TENON_TXN_COMMITTED : TENON_TXN_ROLLED_BACK))
        return manager_says(tell, "its key says something else");
    (void)manager_call(&again);
    if (again.told != (there ? TENON_DONE_BEFORE : TENON_OK))
        return manager_says(tell, "it was done another number of times");
    after = manager_see(db, scene);
    return after.tally - scene->before.tally == 1 && after.values[0] == MANAGER_WRITTEN;
}

/* ---- Tests ---- */

static manager_scene manager_plain, manager_nested = { .savepoints = true },
                                    manager_keyed = { .keyed = true }, manager_grouped,
                                    manager_hurried = { .timeout_ms = 60 };

#define MANAGER_SUBJECT(text, scene, count, runner, judge)                                         \
    {                                                                                              \
        .name = (text), .callers = (count), .arg = &(scene), .prepare = manager_prepare,           \
        .run = (runner), .agrees = (judge)                                                         \
    }

static const points_subject manager_subjects[] = {
    MANAGER_SUBJECT("a transaction", manager_plain, 1, manager_run_one, manager_agrees),
    MANAGER_SUBJECT("savepoints", manager_nested, 1, manager_run_one, manager_agrees),
    MANAGER_SUBJECT("with a key", manager_keyed, 1, manager_run_one, manager_key_agrees),
    MANAGER_SUBJECT("a group", manager_grouped, MANAGER_PARTS, manager_run_group,
                    manager_group_agrees),
};
enum { MANAGER_SUBJECTS = sizeof manager_subjects / sizeof manager_subjects[0] };

/* The chains of the audit and all else that is stored are whole. */
static void
manager_verify(void)
{
    tenon_db *db = points_open_plain();
    tenon_error err = { 0 };
    uint64_t problems = 0;

    points_must(tenon_db_verify(db, NULL, NULL, &problems, &err), &err);
    assert_int_equal(problems, 0);
    tenon_close(db);
}

#define MANAGER_TEST(kind)                                                                         \
    static void each_caller_is_told_what_is_so_where_the_engine_says_##kind(void **state)          \
    {                                                                                              \
        (void)state;                                                                               \
        points_all(manager_subjects, MANAGER_SUBJECTS, #kind);                                     \
        manager_verify();                                                                          \
    }

MANAGER_TEST(conflict)
MANAGER_TEST(busy)
MANAGER_TEST(timeout)
MANAGER_TEST(io)
MANAGER_TEST(full)
MANAGER_TEST(memory)
MANAGER_TEST(lost)
MANAGER_TEST(lost_after)
MANAGER_TEST(unknown)
MANAGER_TEST(kill)
MANAGER_TEST(kill_after)

/* As many conflicts in a row as retries: it still ends well. Without an end of them it is given up,
 * and nothing has happened. */
static void
conflicts_are_retried_up_to_the_limit(void **state)
{
    int faults = 0;

    (void)state;
    assert_int_equal(points_each(&manager_subjects[0], "conflict", 0, "&fault_times=3", &faults),
                     0);
    assert_true(faults > 10);
}

static bool
manager_gives_up(tenon_db *db, void *arg, const points_run *run, const points_fault *fault,
                 bool tell)
{
    const manager_scene *scene = arg;
    const manager_state now = manager_see(db, scene);

    (void)tell;
    if (!manager_told_so(scene, &now, run, 1, false))
        return false;
    return !fault->struck || run->opened != TENON_OK || !manager_in_transaction(fault) ||
           (run->told[0] == TENON_CONFLICT && run->attempts[0] <= MANAGER_FEW + 1);
}

static void
conflicts_without_an_end_are_given_up(void **state)
{
    points_subject subject = manager_subjects[0];
    int faults = 0;

    (void)state;
    subject.agrees = manager_gives_up;
    points_options.max_retry_attempts = MANAGER_FEW;
    assert_int_equal(points_each(&subject, "conflict", 0, "&fault_times=1000000", &faults), 0);
    points_options.max_retry_attempts = MANAGER_RETRIES;
    assert_true(faults > 10);
}

/* The engine takes longer than the transaction may, in each call in turn: who is told that time is
 * over has done nothing. */
static void
a_call_that_takes_too_long_does_nothing(void **state)
{
    points_subject subject = manager_subjects[0];
    int faults = 0;

    (void)state;
    subject.arg = &manager_hurried;
    manager_hurried.timed_out_count = 0;
    assert_int_equal(points_each(&subject, "delay", 0, "&fault_delay_us=120000", &faults), 0);
    assert_true(manager_hurried.timed_out_count >= 3);
}

/* One of a group always fails: he alone is told so, the others are done. */
static void
a_poisonous_member_fails_alone(void **state)
{
    static const char *const kinds[] = { "io", "full", "lost" };

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        manager_scene scene = { .poison = 2 };
        points_run run = { .opened = TENON_OK };
        char more[200], url[POINTS_URL];
        tenon_db *db = points_open_plain();
        tenon_error err = { 0 };
        manager_state now;

        manager_prepare(db, &scene);
        tenon_close(db);
        (void)snprintf(more, sizeof more,
                       "fault_slot=query.explain&fault_at=1&fault_times=1000000&fault_kind=%s&"
                       "fault_seed=%zu",
                       kinds[k], 90000 + k);
        points_url(more, url);
        points_must(points_try_open(url, &db, &err), &err);
        manager_run_group(db, &scene, &run);
        tenon_close(db);
        db = points_open_plain();
        now = manager_see(db, &scene);
        tenon_close(db);
        assert_true(manager_told_so(&scene, &now, &run, MANAGER_PARTS, true));
        for (int i = 0; i < MANAGER_PARTS; i++)
            if ((run.told[i] == TENON_OK) != (i != scene.poison))
                fail_msg("%s: member %d was told %s", kinds[k], i, tenon_status_name(run.told[i]));
    }
}

/* A driver that says "committed" and has rolled back must be found, in each of them. */
static void
a_commit_that_is_not_one_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < MANAGER_SUBJECTS; i++) {
        int faults = 0;

        assert_true(points_each(&manager_subjects[i], "lie", 1, "&fault_slot=transaction.commit",
                                &faults) >= 1);
    }
}

int
main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_caller_is_told_what_is_so_where_the_engine_says_conflict),
        cmocka_unit_test(each_caller_is_told_what_is_so_where_the_engine_says_io),
        cmocka_unit_test(each_caller_is_told_what_is_so_where_the_engine_says_full),
        cmocka_unit_test(each_caller_is_told_what_is_so_where_the_engine_says_lost),
        cmocka_unit_test(each_caller_is_told_what_is_so_where_the_engine_says_lost_after),
        cmocka_unit_test(each_caller_is_told_what_is_so_where_the_engine_says_unknown),
        cmocka_unit_test(each_caller_is_told_what_is_so_where_the_engine_says_kill),
        cmocka_unit_test(each_caller_is_told_what_is_so_where_the_engine_says_kill_after),
        cmocka_unit_test(conflicts_are_retried_up_to_the_limit),
        cmocka_unit_test(conflicts_without_an_end_are_given_up),
        cmocka_unit_test(a_call_that_takes_too_long_does_nothing),
        cmocka_unit_test(a_poisonous_member_fails_alone),
        cmocka_unit_test(a_commit_that_is_not_one_is_found),
    };
    static const struct CMUnitTest further[] = {
        cmocka_unit_test(each_caller_is_told_what_is_so_where_the_engine_says_busy),
        cmocka_unit_test(each_caller_is_told_what_is_so_where_the_engine_says_timeout),
        cmocka_unit_test(each_caller_is_told_what_is_so_where_the_engine_says_memory),
    };
    int failed;

    if (!points_arguments(argc, argv))
        return 2;
    points_options = (tenon_open_options){ .size = sizeof points_options,
                                           .schema = &manager_schema,
                                           .min_connections = UINT32_MAX,
                                           .max_connections = 8,
                                           .max_retry_attempts = MANAGER_RETRIES,
                                           .default_timeout_ms = 5000,
                                           .retry_budget_percent = UINT32_MAX,
                                           .breaker_failures = UINT32_MAX,
                                           .audit = true };
    failed = cmocka_run_group_tests(tests, points_setup, points_teardown);
    if (points_long)
        failed += cmocka_run_group_tests(further, points_setup, points_teardown);
    return failed;
}
