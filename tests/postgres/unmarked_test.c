/* Where the table of marks is not allowed, the server is asked by the transaction's number: what it
 * can't know is unknown, and nothing else is. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "talk.h"

enum { UNMARKED_THREADS = 4, UNMARKED_ROUNDS = 3 };

static pg_server *unmarked_server;
static pg_proxy *unmarked_proxy;
static tenon_db *unmarked_db; /* through the proxy */
static tenon_db *unmarked_direct;

/* The schema is the superuser's; who works with it may write to it and create nothing. */
static int
unmarked_setup(void **state)
{
    char url[256];

    (void)state;
    unmarked_server = pg_server_new(NULL);
    if (unmarked_server == NULL)
        return -1;
    unmarked_proxy = pg_proxy_new(pg_server_port(unmarked_server));
    pg_server_url(unmarked_server, "postgres", true, url, sizeof url);
    tenon_close(ledger_open(url, 1));
    talk_do(unmarked_server, "DROP TABLE tenon_commit");
    talk_do(unmarked_server, "CREATE ROLE guest LOGIN");
    talk_do(unmarked_server, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public "
                             "TO guest");
    talk_url(unmarked_server, "guest", "", url, sizeof url);
    unmarked_direct = ledger_open(url, UNMARKED_THREADS);
    (void)snprintf(url, sizeof url, "postgres://guest@127.0.0.1:%d/postgres?sslmode=disable",
                   pg_proxy_port(unmarked_proxy));
    unmarked_db = ledger_open(url, 2);
    return 0;
}

static int
unmarked_teardown(void **state)
{
    (void)state;
    tenon_close(unmarked_db);
    tenon_close(unmarked_direct);
    pg_proxy_free(unmarked_proxy);
    pg_server_free(unmarked_server);
    return 0;
}

static void
unmarked_is(void)
{
    talk_wait(unmarked_server, "SELECT count(*)::text FROM pg_class WHERE relname = 'tenon_commit'",
              "0");
}

/* One cut. @return whether the outcome is unknown */
static bool
unmarked_try(bool managed, int how, int when, const char *words)
{
    ledger_entry first = { tenon_uuid_new(), 1, how }, entry = { tenon_uuid_new(), 1, how };
    const tenon_txn_options options = { .size = sizeof options,
                                        .isolation = TENON_READ_COMMITTED,
                                        .timeout_ms = 5000 };
    tenon_error err = { 0 };
    uint64_t began_ms;
    tenon_status st;

    talk_is(tenon_run(unmarked_db, &options, ledger_write, &first, &err), &err, TENON_OK);
    pg_proxy_cut_at(unmarked_proxy, when, words);
    began_ms = ledger_now_ms();
    st = managed ? tenon_run(unmarked_db, &options, ledger_write, &entry, &err)
                 : ledger_write_once(unmarked_db, &entry, 5000, &err);
    talk_in_time(began_ms, 0, 5000);
    assert_false(pg_proxy_is_armed(unmarked_proxy));
    talk_is(st, &err, TENON_OK, TENON_UNAVAILABLE, TENON_UNKNOWN_OUTCOME);
    if (st != TENON_UNKNOWN_OUTCOME)
        assert_int_equal(ledger_count(unmarked_direct, &entry.id), st == TENON_OK);
    return st == TENON_UNKNOWN_OUTCOME;
}

/* As long as the server lives, it knows every number. */
static void
a_cut_in_commit_is_found_out_by_number(void **state)
{
    int unknown = 0;

    (void)state;
    unmarked_is();
    for (int when = PG_CUT_BEFORE; when <= PG_CUT_BEFORE_ANSWER; when++) {
        for (int i = 0; i < 12; i++)
            unknown += unmarked_try(i / 2 % 2, i % 2, when, "COMMIT");
    }
    assert_int_equal(unknown, 0);
    ledger_check(unmarked_direct);
    unmarked_is();
}

static void
a_cut_in_begin_is_found_out_too(void **state)
{
    int unknown = 0;

    (void)state;
    for (int when = PG_CUT_BEFORE; when <= PG_CUT_BEFORE_ANSWER; when++) {
        for (int i = 0; i < 4; i++)
            unknown += unmarked_try(i / 2, i % 2, when, "BEGIN");
    }
    assert_int_equal(unknown, 0);
    ledger_check(unmarked_direct);
}

/* The server has committed and is killed before it can say so; then others get numbers again. */
static void
a_commit_before_a_crash_is_unknown_or_true(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        ledger_entry first = { tenon_uuid_new(), 2, i % 2 }, entry = { tenon_uuid_new(), 2, i % 2 };
        talk_call call = { .db = unmarked_db, .entry = &entry, .timeout_ms = 8000 };
        const struct timespec pause = { 0, 1000000 };
        tenon_error err = { 0 };

        talk_is(tenon_run(unmarked_db, NULL, ledger_write, &first, &err), &err, TENON_OK);
        pg_proxy_refuse(unmarked_proxy, true);
        pg_proxy_cut_at(unmarked_proxy, i == 0 ? PG_CUT_AT_ONCE : PG_CUT_BEFORE_ANSWER, "COMMIT");
        talk_call_start(&call);
        for (int j = 0; pg_proxy_is_armed(unmarked_proxy); j++) {
            assert_true(j < 5000);
            (void)nanosleep(&pause, NULL);
        }
        assert_true(pg_server_stop(unmarked_server, PG_STOP_BY_KILLING));
        assert_true(pg_server_start(unmarked_server));
        for (int j = 0; j < 20; j++) {
            const ledger_entry other = { tenon_uuid_new(), 3, j % 2 };

            (void)ledger_write_once(unmarked_direct, &other, 5000, &err);
        }
        pg_proxy_refuse(unmarked_proxy, false);
        talk_is(talk_call_end(&call), &call.err, TENON_UNAVAILABLE, TENON_UNKNOWN_OUTCOME);
        print_message("  %s: %s\n", tenon_status_name(call.st), call.err.message);
        if (call.st == TENON_UNAVAILABLE)
            assert_int_equal(ledger_count(unmarked_direct, &entry.id), 0);
    }
    ledger_check(unmarked_direct);
}

static void
unmarked_wait(const ledger_load *load, uint64_t more)
{
    const struct timespec pause = { 0, 2000000 };
    const uint64_t until = ledger_load_acknowledged(load) + more;

    for (int i = 0; ledger_load_acknowledged(load) < until; i++) {
        if (i == 10000)
            fail_msg("nothing is written any more");
        (void)nanosleep(&pause, NULL);
    }
}

static void
killed_under_load_nothing_is_acknowledged_falsely(void **state)
{
    ledger_load *load;

    (void)state;
    load = ledger_load_start(unmarked_direct, UNMARKED_THREADS, 5000);
    for (int i = 0; i < UNMARKED_ROUNDS; i++) {
        unmarked_wait(load, 150);
        assert_true(pg_server_stop(unmarked_server, PG_STOP_BY_KILLING));
        assert_true(pg_server_start(unmarked_server));
    }
    unmarked_wait(load, 150);
    /* at most what was on its way when the server was killed */
    assert_in_range(ledger_load_stop(load, unmarked_direct), 0, UNMARKED_ROUNDS * UNMARKED_THREADS);
    unmarked_is();
}

/* Committed here, and not confirmed by those that were to have it: as with marks. */
static void
a_number_without_its_standbys_is_unknown(void **state)
{
    ledger_entry entry = { tenon_uuid_new(), 4, LEDGER_AT_ONCE };
    talk_call call = { .db = unmarked_direct, .entry = &entry, .timeout_ms = 1000 };

    (void)state;
    talk_set(unmarked_server, "synchronous_standby_names", "nobody");
    talk_call_start(&call);
    talk_wait(unmarked_server,
              "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'", "1");
    talk_do(unmarked_server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                             "WHERE wait_event = 'SyncRep'");
    talk_is(talk_call_end(&call), &call.err, TENON_UNKNOWN_OUTCOME);
    talk_set(unmarked_server, "synchronous_standby_names", NULL);
    assert_non_null(strstr(call.err.message, "standbys"));
    assert_int_equal(ledger_count(unmarked_direct, &entry.id), 1);
}

/* Marks are used only by who may do all that is done with them. */
static void
half_the_privileges_are_none(void **state)
{
    ledger_entry entry = { tenon_uuid_new(), 5, LEDGER_AT_ONCE };
    tenon_error err = { 0 };
    char url[256];
    tenon_db *db;

    (void)state;
    talk_do(unmarked_server, "CREATE TABLE tenon_commit (session uuid, number bigint, asked "
                             "boolean NOT NULL DEFAULT false, at timestamptz NOT NULL DEFAULT "
                             "now(), PRIMARY KEY (session, number))");
    talk_do(unmarked_server, "GRANT DELETE ON tenon_commit TO guest");
    talk_url(unmarked_server, "guest", "", url, sizeof url);
    db = ledger_open(url, 1);
    talk_is(ledger_write_once(db, &entry, 5000, &err), &err, TENON_OK);
    tenon_close(db);
    talk_do(unmarked_server, "DROP TABLE tenon_commit");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_in_commit_is_found_out_by_number),
        cmocka_unit_test(a_cut_in_begin_is_found_out_too),
        cmocka_unit_test(a_commit_before_a_crash_is_unknown_or_true),
        cmocka_unit_test(killed_under_load_nothing_is_acknowledged_falsely),
        cmocka_unit_test(a_number_without_its_standbys_is_unknown),
        cmocka_unit_test(half_the_privileges_are_none),
    };

    if (!pg_server_found()) {
        (void)printf("SKIPPED: no PostgreSQL is installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, unmarked_setup, unmarked_teardown);
}
