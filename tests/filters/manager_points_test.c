/*
 * What the transaction manager does, with a fault at each call that it makes of the driver, in
 * turn: retries, savepoints, work that is done once, groups that share a commit, deadlines, audit.
 * What each caller was told is what the database holds. manager_points URL.
 */
#include "manager.h"

#include <stdio.h>
#include <string.h>

/* ---- What was told, and what is there ---- */

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
