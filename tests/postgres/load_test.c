/* Servers that go away while many write: no acknowledged entry is missing, none is there twice, no
 * call is late. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ledger.h"

enum { LOAD_THREADS = 8, LOAD_TIMEOUT_MS = 15000, LOAD_ROUNDS = 5 };

static pg_server *load_server;

/* Wait until so many more were acknowledged. */
static void
load_wait(const ledger_load *load, uint64_t more)
{
    const struct timespec pause = { 0, 2000000 };
    const uint64_t until = ledger_load_acknowledged(load) + more;

    for (int i = 0; ledger_load_acknowledged(load) < until; i++) {
        if (i == 30000)
            fail_msg("nothing is written any more");
        (void)nanosleep(&pause, NULL);
    }
}

static void
load_url(bool tcp, char *out, size_t out_bytes)
{
    pg_server_url(load_server, "postgres", tcp, out, out_bytes);
}

static int
load_setup(void **state)
{
    (void)state;
    load_server = pg_server_new(NULL);
    return load_server == NULL ? -1 : 0;
}

static int
load_teardown(void **state)
{
    (void)state;
    pg_server_free(load_server);
    return 0;
}

/* Connections that the server knows of. */
static int
load_connections(void)
{
    char answer[16] = "";

    assert_true(pg_server_sql(load_server, "postgres",
                              "SELECT count(*)::text FROM pg_stat_activity WHERE "
                              "application_name = 'tenon'",
                              answer, sizeof answer));
    return atoi(answer);
}

static void
every_backend_is_terminated(void **state)
{
    char url[256];
    tenon_db *db;
    ledger_load *load;

    (void)state;
    load_url(false, url, sizeof url);
    db = ledger_open(url, LOAD_THREADS);
    load = ledger_load_start(db, LOAD_THREADS, LOAD_TIMEOUT_MS);
    for (int i = 0; i < LOAD_ROUNDS * 4; i++) {
        load_wait(load, 200);
        assert_true(pg_server_sql(load_server, "postgres",
                                  "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                  "WHERE application_name = 'tenon'",
                                  NULL, 0));
    }
    load_wait(load, 200);
    assert_int_equal(ledger_load_stop(load, db), 0);
    assert_true(load_connections() <= LOAD_THREADS + 1);
    tenon_close(db);
    for (int i = 0; load_connections() != 0; i++)
        assert_true(i < 1000);
}

static void
the_server_is_killed(void **state)
{
    char url[256];
    tenon_db *db;
    ledger_load *load;

    (void)state;
    load_url(true, url, sizeof url);
    db = ledger_open(url, LOAD_THREADS);
    load = ledger_load_start(db, LOAD_THREADS, LOAD_TIMEOUT_MS);
    for (int i = 0; i < LOAD_ROUNDS; i++) {
        load_wait(load, 200);
        assert_true(pg_server_stop(load_server, PG_STOP_BY_KILLING));
        assert_true(pg_server_start(load_server));
    }
    load_wait(load, 200);
    assert_int_equal(ledger_load_stop(load, db), 0);
    tenon_close(db);
}

static void
the_server_is_restarted(void **state)
{
    char url[256];
    tenon_db *db;
    ledger_load *load;

    (void)state;
    load_url(false, url, sizeof url);
    db = ledger_open(url, LOAD_THREADS);
    load = ledger_load_start(db, LOAD_THREADS, LOAD_TIMEOUT_MS);
    for (int i = 0; i < LOAD_ROUNDS; i++) {
        load_wait(load, 200);
        assert_true(pg_server_stop(load_server, i % 2 == 0 ? PG_STOP_FAST : PG_STOP_AT_ONCE));
        assert_true(pg_server_start(load_server));
    }
    load_wait(load, 200);
    assert_int_equal(ledger_load_stop(load, db), 0);
    tenon_close(db);
}

/* Cut through a proxy, now and then, wherever each connection is. */
static void
connections_are_cut(void **state)
{
    pg_proxy *proxy = pg_proxy_new(pg_server_port(load_server));
    char url[256];
    tenon_db *db, *direct;
    ledger_load *load;

    (void)state;
    assert_non_null(proxy);
    load_url(false, url, sizeof url);
    direct = ledger_open(url, 1);
    (void)snprintf(url, sizeof url, "postgres://tenon@127.0.0.1:%d/postgres?sslmode=disable",
                   pg_proxy_port(proxy));
    db = ledger_open(url, LOAD_THREADS);
    load = ledger_load_start(db, LOAD_THREADS, LOAD_TIMEOUT_MS);
    for (int i = 0; i < LOAD_ROUNDS * 10; i++) {
        load_wait(load, 50);
        if (i % 2 == 0)
            pg_proxy_cut(proxy);
        else
            pg_proxy_cut_at(proxy, PG_CUT_BEFORE + i % 3, "COMMIT");
    }
    load_wait(load, 200);
    assert_int_equal(ledger_load_stop(load, direct), 0);
    assert_true(pg_proxy_open(proxy) <= LOAD_THREADS + 1);
    tenon_close(db);
    tenon_close(direct);
    pg_proxy_free(proxy);
}

/* The primary dies; its standby, which has confirmed every commit, takes over. */
static void
a_standby_takes_over(void **state)
{
    pg_server *primary = pg_server_new(NULL), *standby;
    char url[256];
    tenon_db *db;
    ledger_load *load;

    (void)state;
    assert_non_null(primary);
    standby = pg_server_new_standby(primary);
    assert_non_null(standby);
    assert_true(pg_server_sql(primary, "postgres",
                              "ALTER SYSTEM SET synchronous_standby_names = '*'", NULL, 0));
    assert_true(pg_server_sql(primary, "postgres", "SELECT pg_reload_conf()", NULL, 0));
    (void)snprintf(url, sizeof url, "postgres://tenon@127.0.0.1:%d,127.0.0.1:%d/postgres",
                   pg_server_port(primary), pg_server_port(standby));
    db = ledger_open(url, LOAD_THREADS);
    load = ledger_load_start(db, LOAD_THREADS, LOAD_TIMEOUT_MS);
    load_wait(load, 1000);
    assert_true(pg_server_stop(primary, PG_STOP_BY_KILLING));
    assert_true(pg_server_sql(standby, "postgres",
                              "ALTER SYSTEM SET synchronous_standby_names = ''", NULL, 0));
    assert_true(pg_server_promote(standby));
    load_wait(load, 1000);
    assert_int_equal(ledger_load_stop(load, db), 0);
    tenon_close(db);
    pg_server_free(primary);
    pg_server_free(standby);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_backend_is_terminated), cmocka_unit_test(the_server_is_killed),
        cmocka_unit_test(the_server_is_restarted),     cmocka_unit_test(connections_are_cut),
        cmocka_unit_test(a_standby_takes_over),
    };

    if (!pg_server_found()) {
        (void)printf("SKIPPED: no PostgreSQL is installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, load_setup, load_teardown);
}
