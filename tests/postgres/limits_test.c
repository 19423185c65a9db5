/* Deadlines, wherever a transaction is when they come: in a statement, behind a lock, in COMMIT, or
 * in a process that is gone. */
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "talk.h"

enum { LIMITS_MS = 300 };

static pg_server *limits_server;
static tenon_db *limits_db;

static int
limits_setup(void **state)
{
    char url[256];

    (void)state;
    limits_server = pg_server_new(NULL);
    if (limits_server == NULL)
        return -1;
    pg_server_url(limits_server, "postgres", true, url, sizeof url);
    limits_db = ledger_open(url, 2);
    return 0;
}

static int
limits_teardown(void **state)
{
    (void)state;
    tenon_close(limits_db);
    pg_server_free(limits_server);
    return 0;
}

static ledger_entry
limits_entry(int64_t counter, int how)
{
    return (ledger_entry){ tenon_uuid_new(), counter, how };
}

static void
limits_write(tenon_db *db, const ledger_entry *entry)
{
    tenon_error err = { 0 };

    talk_is(ledger_write_once(db, entry, 10000, &err), &err, TENON_OK);
}

/* ---- In a statement ---- */

static void
a_statement_ends_at_the_deadline(void **state)
{
    tenon_error err = { 0 };

    (void)state;
    for (int i = 0; i < 3; i++) {
        const uint64_t began_ms = ledger_now_ms();

        talk_is(talk_once(limits_db, "SELECT pg_sleep(20)", LIMITS_MS, &err), &err, TENON_TIMEOUT);
        talk_in_time(began_ms, LIMITS_MS - 1, LIMITS_MS);
        assert_string_equal(err.sqlstate, "57014"); /* the server knows of it */
        talk_is(talk_once(limits_db, "SELECT 1", 5000, &err), &err, TENON_OK);
    }
    talk_wait(limits_server,
              "SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND "
              "state = 'active' AND pid <> pg_backend_pid()",
              "0");
}

/* The one that holds the lock does not notice. */
static void
a_wait_for_a_lock_ends_at_the_deadline(void **state)
{
    const ledger_entry first = limits_entry(1, LEDGER_STEPS);

    (void)state;
    limits_write(limits_db, &first);
    for (int how = LEDGER_AT_ONCE; how <= LEDGER_STEPS; how++) {
        ledger_entry held = limits_entry(1, LEDGER_STEPS), entry = limits_entry(1, how);
        tenon_error err = { 0 };
        tenon_txn *txn = NULL;
        uint64_t began_ms;

        assert_int_equal(tenon_begin(limits_db, NULL, &txn, &err), TENON_OK);
        talk_is(ledger_write(txn, &held, &err), &err, TENON_OK);
        began_ms = ledger_now_ms();
        talk_is(ledger_write_once(limits_db, &entry, LIMITS_MS, &err), &err, TENON_TIMEOUT);
        talk_in_time(began_ms, LIMITS_MS - 1, LIMITS_MS);
        talk_is(tenon_commit(txn, &err), &err, TENON_OK);
        assert_int_equal(ledger_count(limits_db, &held.id), 1);
        assert_int_equal(ledger_count(limits_db, &entry.id), 0);
    }
    ledger_check(limits_db);
}

/* Statements that end just when their cancel is sent: it hits nobody else. */
static void
a_late_cancel_hits_nobody_else(void **state)
{
    char url[256];
    tenon_db *db;
    int in_time = 0, late = 0;

    (void)state;
    pg_server_url(limits_server, "postgres", true, url, sizeof url);
    db = ledger_open(url, 1);
    for (int i = 0; i < 80; i++) {
        const ledger_entry entry = limits_entry(2, i % 2);
        tenon_error err = { 0 };
        char sql[64];
        tenon_status st;

        (void)snprintf(sql, sizeof sql, "SELECT pg_sleep(%g)", 0.0185 + 0.0001 * (i % 20));
        st = talk_once(db, sql, 20, &err);
        talk_is(st, &err, TENON_OK, TENON_TIMEOUT);
        in_time += st == TENON_OK;
        late += st != TENON_OK;
        for (int j = 0; j < 5; j++)
            talk_is(talk_once(db, "SELECT pg_sleep(0.0005)", 5000, &err), &err, TENON_OK);
        limits_write(db, &entry);
    }
    print_message("  %d in time, %d late\n", in_time, late);
    assert_true(in_time > 0 && late > 0);
    ledger_check(db);
    tenon_close(db);
}

/* ---- In COMMIT ---- */

static void
limits_try_commit(bool managed, tenon_status *st, ledger_entry *entry, tenon_error *err)
{
    const tenon_txn_options options = { .size = sizeof options,
                                        .isolation = TENON_READ_COMMITTED,
                                        .timeout_ms = LIMITS_MS };
    const uint64_t began_ms = ledger_now_ms();

    *st = managed ? tenon_run(limits_db, &options, ledger_write, entry, err)
                  : ledger_write_once(limits_db, entry, LIMITS_MS, err);
    talk_in_time(began_ms, LIMITS_MS - 1, LIMITS_MS);
    talk_is(*st, err, TENON_TIMEOUT, TENON_UNKNOWN_OUTCOME);
    print_message("  %s: %s\n", tenon_status_name(*st), err->message);
}

static void
a_commit_that_checks_for_long_ends_at_the_deadline(void **state)
{
    (void)state;
    talk_do(limits_server, "CREATE FUNCTION lazy() RETURNS trigger LANGUAGE plpgsql AS "
                           "'BEGIN PERFORM pg_sleep(20); RETURN NULL; END'");
    talk_do(limits_server, "CREATE CONSTRAINT TRIGGER lazy AFTER INSERT ON entry DEFERRABLE "
                           "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lazy()");
    for (int i = 0; i < 4; i++) {
        ledger_entry entry = limits_entry(3, i % 2);
        tenon_error err = { 0 };
        tenon_status st;

        limits_try_commit(i >= 2, &st, &entry, &err);
        if (st == TENON_TIMEOUT)
            assert_int_equal(ledger_count(limits_db, &entry.id), 0);
    }
    talk_do(limits_server, "DROP TRIGGER lazy ON entry");
    ledger_check(limits_db);
}

/* The server waits for a standby that does not exist. What it has by itself is not what was
 * promised, so nobody is told that it is committed. */
static void
a_commit_that_no_standby_confirms_is_never_acknowledged(void **state)
{
    ledger_entry entries[4];
    tenon_status st[4];

    (void)state;
    talk_set(limits_server, "synchronous_standby_names", "nobody");
    for (int i = 0; i < 4; i++) {
        tenon_error err = { 0 };

        entries[i] = limits_entry(4, i % 2);
        limits_try_commit(i >= 2, &st[i], &entries[i], &err);
    }
    talk_set(limits_server, "synchronous_standby_names", NULL);
    for (int i = 0; i < 4; i++) {
        if (st[i] == TENON_TIMEOUT)
            assert_int_equal(ledger_count(limits_db, &entries[i].id), 0);
    }
    ledger_check(limits_db);
}

/* The same, and the connection is lost meanwhile: to have it is not to have it confirmed. */
static void
nor_is_one_whose_connection_is_lost_in_that_wait(void **state)
{
    ledger_entry entry = limits_entry(5, LEDGER_AT_ONCE);
    talk_call call = { .db = limits_db, .entry = &entry, .timeout_ms = 1000 };

    (void)state;
    talk_set(limits_server, "synchronous_standby_names", "nobody");
    talk_call_start(&call);
    talk_wait(limits_server,
              "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'", "1");
    talk_do(limits_server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                           "WHERE wait_event = 'SyncRep'");
    talk_is(talk_call_end(&call), &call.err, TENON_UNKNOWN_OUTCOME);
    print_message("  %s\n", call.err.message);
    talk_set(limits_server, "synchronous_standby_names", NULL);
    assert_int_equal(ledger_count(limits_db, &entry.id), 1);

    /* where the wait is over in time, it is known */
    entry = limits_entry(5, LEDGER_STEPS);
    call.timeout_ms = 10000;
    talk_set(limits_server, "synchronous_standby_names", "nobody");
    talk_call_start(&call);
    talk_wait(limits_server,
              "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'", "1");
    talk_do(limits_server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                           "WHERE wait_event = 'SyncRep'");
    talk_set(limits_server, "synchronous_standby_names", NULL);
    talk_is(talk_call_end(&call), &call.err, TENON_OK);
    assert_int_equal(ledger_count(limits_db, &entry.id), 1);
    ledger_check(limits_db);
}

/* ---- In a process that is gone ---- */

/* What the child does: hold a row until its end. */
static int
limits_vanish(const char *url, const char *sql)
{
    const tenon_txn_options options = { .size = sizeof options, .timeout_ms = 500 };
    ledger_entry entry = limits_entry(6, LEDGER_STEPS);
    tenon_db *db = ledger_open(url, 1);
    tenon_error err = { 0 };
    tenon_txn *txn = NULL;

    if (tenon_begin(db, &options, &txn, &err) != TENON_OK ||
        ledger_write(txn, &entry, &err) != TENON_OK)
        return 1;
    (void)!write(STDOUT_FILENO, "!", 1);
    (void)tenon_sql(txn, sql, NULL, 0, NULL, &err);
    (void)raise(SIGSTOP); /* unless somebody else did */
    return 1;
}

/* Another process whose transaction holds the row of counter 6. */
static pid_t
limits_start_child(const char *sql)
{
    char url[256], byte = 0;
    int fds[2];
    pid_t pid;

    pg_server_url(limits_server, "postgres", true, url, sizeof url);
    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        (void)dup2(fds[1], STDOUT_FILENO);
        (void)close(fds[0]);
        (void)execl("/proc/self/exe", "vanish", url, sql, (char *)NULL);
        _exit(127);
    }
    (void)close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    (void)close(fds[0]);
    return pid;
}

static void
limits_vanishes(const char *sql, int signal, uint64_t free_within_ms)
{
    const ledger_entry entry = limits_entry(6, LEDGER_STEPS);
    const pid_t pid = limits_start_child(sql);
    uint64_t began_ms;
    int status;

    if (strstr(sql, "pg_sleep") != NULL)
        talk_wait(limits_server,
                  "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'PgSleep'", "1");
    assert_int_equal(kill(pid, signal), 0);
    began_ms = ledger_now_ms();
    limits_write(limits_db, &entry);
    print_message("  free after %llu ms\n", (unsigned long long)(ledger_now_ms() - began_ms));
    talk_in_time(began_ms, 0, free_within_ms);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    ledger_check(limits_db);
}

static void
a_killed_client_holds_nothing(void **state)
{
    (void)state;
    limits_vanishes("SELECT 1", SIGKILL, 400);
}

/* Its deadline is 500 ms; the server's own limits are the next power of two above 1 s more. */
static void
a_client_killed_in_a_statement_holds_nothing_for_long(void **state)
{
    (void)state;
    limits_vanishes("SELECT pg_sleep(60)", SIGKILL, 2100);
}

static void
a_stopped_client_holds_nothing_for_long(void **state)
{
    (void)state;
    limits_vanishes("SELECT 1", SIGSTOP, 2100);
}

/* First its statement is undone, to the savepoint before it, and then its session ends. */
static void
a_client_stopped_in_a_statement_holds_nothing_for_long(void **state)
{
    (void)state;
    limits_vanishes("SELECT pg_sleep(60)", SIGSTOP, 4200);
}

static void
nothing_is_left_behind(void **state)
{
    (void)state;
    talk_wait(limits_server,
              "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'tenon' AND "
              "state <> 'idle'",
              "0");
    assert_non_null(limits_db);
    tenon_close(limits_db);
    limits_db = NULL;
    talk_wait_connections(limits_server, 0);
}

int
main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_ends_at_the_deadline),
        cmocka_unit_test(a_wait_for_a_lock_ends_at_the_deadline),
        cmocka_unit_test(a_late_cancel_hits_nobody_else),
        cmocka_unit_test(a_commit_that_checks_for_long_ends_at_the_deadline),
        cmocka_unit_test(a_commit_that_no_standby_confirms_is_never_acknowledged),
        cmocka_unit_test(nor_is_one_whose_connection_is_lost_in_that_wait),
        cmocka_unit_test(a_killed_client_holds_nothing),
        cmocka_unit_test(a_client_killed_in_a_statement_holds_nothing_for_long),
        cmocka_unit_test(a_stopped_client_holds_nothing_for_long),
        cmocka_unit_test(a_client_stopped_in_a_statement_holds_nothing_for_long),
        cmocka_unit_test(nothing_is_left_behind),
    };

    if (argc == 3 && strcmp(argv[0], "vanish") == 0)
        return limits_vanish(argv[1], argv[2]);
    if (!pg_server_found()) {
        (void)printf("SKIPPED: no PostgreSQL is installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, limits_setup, limits_teardown);
}
