/* Behind pgbouncer in transaction mode, with fewer connections to the server than clients: nothing
 * of a session is used, and nothing of a transaction is left in it. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"

enum { POOL_SIZE = 2, POOL_THREADS = 8, POOL_TIMEOUT_MS = 5000, POOL_SLACK_MS = 100 };

typedef struct pooler {
    pg_server *server;
    int port;     /* of pgbouncer */
    tenon_db *db; /* through it */
    char log[160];
} pooler;

static bool pooler_is_missing;

static void
pooler_url(const pooler *p, const char *more, char *out, size_t out_bytes)
{
    (void)snprintf(out, out_bytes, "postgres://tenon@127.0.0.1:%d/postgres?sslmode=disable%s",
                   p->port, more);
}

static int
pooler_setup(void **state)
{
    /* each line of the log begins with its SQLSTATE */
    static const char *const settings[] = { "log_line_prefix=%e ", "log_statement=all",
                                            "max_prepared_transactions=16", NULL };
    pooler *p = calloc(1, sizeof *p);
    char url[256];

    *state = p;
    p->server = pg_server_new(settings);
    if (p->server == NULL)
        return -1;
    p->port = pg_server_pool(p->server, POOL_SIZE);
    pooler_is_missing = p->port == 0;
    if (p->port <= 0)
        return pooler_is_missing ? 0 : -1;
    (void)snprintf(p->log, sizeof p->log, "%s/log", pg_server_folder(p->server));
    pooler_url(p, "&pooler=transaction", url, sizeof url);
    p->db = ledger_open(url, POOL_THREADS);
    return 0;
}

static int
pooler_teardown(void **state)
{
    pooler *p = *state;

    tenon_close(p->db);
    pg_server_free(p->server);
    free(p);
    return 0;
}

static pooler *
pooler_of(void **state)
{
    if (pooler_is_missing)
        skip();
    return *state;
}

/* ---- A client of the pooler that is not Tenon ---- */

static PGconn *
raw_open(const pooler *p)
{
    char info[160];
    PGconn *conn;

    (void)snprintf(info, sizeof info,
                   "host=127.0.0.1 port=%d user=tenon dbname=postgres application_name=raw "
                   "sslmode=disable",
                   p->port);
    conn = PQconnectdb(info);
    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(conn));
    return conn;
}

static void
raw_ask(PGconn *conn, const char *sql, char *out, size_t out_bytes)
{
    PGresult *result = PQexec(conn, sql);

    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    if (out != NULL)
        (void)snprintf(out, out_bytes, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
}

/* What a session may be left with, of whichever server connection is given. */
#define RAW_STATE                                                                                  \
    "SELECT concat_ws(' ', current_setting('statement_timeout'), "                                 \
    "current_setting('idle_in_transaction_session_timeout'), "                                     \
    "current_setting('synchronous_commit'), current_setting('default_transaction_isolation'), "    \
    "current_setting('default_transaction_read_only'), "                                           \
    "(SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors), "           \
    "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), "                                \
    "(SELECT count(*) FROM pg_class WHERE relpersistence = 't'))"
#define RAW_CLEAN "0 0 on read committed off 0 0 0 0"

/* Look at every connection of the pool at once. @return how many are not as they were made */
static int
raw_count_dirty(const pooler *p)
{
    PGconn *conns[POOL_SIZE];
    int dirty = 0;

    for (int i = 0; i < POOL_SIZE; i++) {
        char found[256];

        conns[i] = raw_open(p);
        raw_ask(conns[i], "BEGIN", NULL, 0); /* keeps it */
        raw_ask(conns[i], RAW_STATE, found, sizeof found);
        if (strcmp(found, RAW_CLEAN) == 0)
            continue;
        print_message("  a session: %s\n", found);
        dirty++;
    }
    for (int i = 0; i < POOL_SIZE; i++) {
        raw_ask(conns[i], "COMMIT", NULL, 0);
        PQfinish(conns[i]);
    }
    return dirty;
}

/* ---- The tests ---- */

static void
a_pooler_that_nobody_spoke_of_is_refused(void **state)
{
    static const char *const words[] = { "pooler=transaction", "a pooler", NULL };
    char url[256];

    pooler_url(pooler_of(state), "", url, sizeof url);
    ask_refused(url, TENON_CONFIG, words);
    pooler_url(pooler_of(state), "&pooler=none", url, sizeof url);
    ask_refused(url, TENON_CONFIG, words);
}

static void
a_pooler_that_is_not_there_is_refused(void **state)
{
    static const char *const words[] = { "pooler=transaction", "no pooler", NULL };
    pooler *p = pooler_of(state);
    char url[256], more[300];

    for (int tcp = 0; tcp < 2; tcp++) {
        pg_server_url(p->server, "postgres", tcp != 0, url, sizeof url);
        (void)snprintf(more, sizeof more, "%s%cpooler=transaction", url, tcp != 0 ? '?' : '&');
        ask_refused(more, TENON_CONFIG, words);
    }
}

static void
a_pooler_of_an_unknown_kind_is_refused(void **state)
{
    static const char *const words[] = { "transaction, session or none", NULL };
    char url[256];

    pooler_url(pooler_of(state), "&pooler=statement", url, sizeof url);
    ask_refused(url, TENON_CONFIG, words);
}

static void
many_clients_share_few_connections(void **state)
{
    pooler *p = pooler_of(state);
    tenon_db_info before = { .size = sizeof before }, after = { .size = sizeof after };
    const struct timespec pause = { 0, 2000000 };
    tenon_error err = { 0 };
    ledger_load *load;
    char backends[16];
    int dirty = 0;

    assert_int_equal(tenon_db_get_info(p->db, &before, &err), TENON_OK);
    load = ledger_load_start(p->db, POOL_THREADS, POOL_TIMEOUT_MS);
    for (uint64_t seen = 0; seen < 2000; seen = ledger_load_acknowledged(load)) {
        dirty += raw_count_dirty(p); /* in the middle of it all */
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(ledger_load_stop(load, p->db), 0);
    assert_int_equal(dirty, 0);
    assert_int_equal(raw_count_dirty(p), 0);
    assert_int_equal(tenon_db_get_info(p->db, &after, &err), TENON_OK);
    assert_int_equal(after.rolled_back_count, before.rolled_back_count); /* nothing has failed */
    assert_true(pg_server_sql(p->server, "postgres",
                              "SELECT count(*)::text FROM pg_stat_activity WHERE backend_type = "
                              "'client backend' AND pid <> pg_backend_pid()",
                              backends, sizeof backends));
    assert_true(strtol(backends, NULL, 10) <= POOL_SIZE);
    assert_false(ask_file_has(p->log, "26000 ERROR"));
    assert_false(ask_file_has(p->log, "42P05 ERROR"));
}

/* The checks above would see it. */
static void
a_session_that_is_left_dirty_is_seen(void **state)
{
    pooler *p = pooler_of(state);
    PGconn *conn = raw_open(p);
    PGresult *result;

    raw_ask(conn, "SET statement_timeout = 12345", NULL, 0);
    assert_int_equal(raw_count_dirty(p), 1);
    raw_ask(conn, "RESET statement_timeout", NULL, 0);
    while (raw_count_dirty(p) != 0) /* it was the other connection */
        raw_ask(conn, "RESET statement_timeout", NULL, 0);
    result = PQexec(conn, "EXECUTE nothing");
    assert_int_equal(PQresultStatus(result), PGRES_FATAL_ERROR);
    PQclear(result);
    PQfinish(conn);
    assert_true(ask_file_has(p->log, "26000 ERROR"));
}

/* What the transaction is promised comes with the transaction, whatever the session says. */
static void
a_dirty_session_changes_nothing(void **state)
{
    pooler *p = pooler_of(state);
    PGconn *conns[POOL_SIZE];
    char found[64];

    for (int i = 0; i < POOL_SIZE; i++) {
        conns[i] = raw_open(p);
        raw_ask(conns[i], "BEGIN; SET synchronous_commit = off; SET statement_timeout = 1", NULL,
                0);
    }
    for (int i = 0; i < POOL_SIZE; i++)
        raw_ask(conns[i], "COMMIT", NULL, 0);
    for (int i = 0; i < 10; i++) {
        assert_string_equal(ask(p->db, &ask_writing, "SELECT current_setting('synchronous_commit')",
                                found, sizeof found),
                            "on");
        assert_string_not_equal(ask(p->db, &ask_writing,
                                    "SELECT current_setting('statement_timeout')", found,
                                    sizeof found),
                                "1ms");
    }
    for (int i = 0; i < POOL_SIZE; i++)
        raw_ask(conns[i], "BEGIN; SET synchronous_commit = on; SET statement_timeout = 0", NULL, 0);
    for (int i = 0; i < POOL_SIZE; i++) {
        raw_ask(conns[i], "COMMIT", NULL, 0);
        PQfinish(conns[i]);
    }
    assert_int_equal(raw_count_dirty(p), 0);
}

static void
server_connections_are_terminated(void **state)
{
    pooler *p = pooler_of(state);
    const struct timespec pause = { 0, 2000000 };
    ledger_load *load = ledger_load_start(p->db, POOL_THREADS, POOL_TIMEOUT_MS);

    for (int i = 0; i < 15; i++) {
        const uint64_t until = ledger_load_acknowledged(load) + 100;

        for (int waited = 0; ledger_load_acknowledged(load) < until; waited++) {
            assert_true(waited < 10000);
            (void)nanosleep(&pause, NULL);
        }
        assert_true(pg_server_sql(p->server, "postgres",
                                  "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                  "WHERE backend_type = 'client backend' AND "
                                  "pid <> pg_backend_pid()",
                                  NULL, 0));
    }
    assert_int_equal(ledger_load_stop(load, p->db), 0);
    assert_true(ask_file_has(p->log, "57P01 FATAL")); /* they were in use */
}

/* A write that has to wait for something else ends in time, and writes nothing. */
static void
pooler_expect_timeout(pooler *p, uint32_t timeout_ms)
{
    const ledger_entry entry = { tenon_uuid_new(), 1, LEDGER_STEPS };
    const uint64_t began_ms = ledger_now_ms();
    tenon_error err = { 0 };
    const tenon_status st = ledger_write_once(p->db, &entry, timeout_ms, &err);
    const uint64_t took_ms = ledger_now_ms() - began_ms;

    print_message("  %s after %llu ms\n", tenon_status_name(st), (unsigned long long)took_ms);
    assert_int_equal(st, TENON_TIMEOUT);
    assert_true(took_ms >= timeout_ms - 1 && took_ms <= timeout_ms + POOL_SLACK_MS);
}

static void
pooler_expect_success(pooler *p)
{
    ledger_entry entry = { tenon_uuid_new(), 1, LEDGER_STEPS };
    tenon_error err = { 0 };

    if (tenon_run(p->db, NULL, ledger_write, &entry, &err) != TENON_OK)
        fail_msg("%s: %s", tenon_status_name(err.status), err.message);
    assert_int_equal(ledger_count(p->db, &entry.id), 1);
}

static void
a_wait_for_a_lock_ends_at_the_deadline(void **state)
{
    pooler *p = pooler_of(state);
    PGconn *conn = raw_open(p);

    pooler_expect_success(p);
    raw_ask(conn, "BEGIN; LOCK TABLE entry", NULL, 0);
    pooler_expect_timeout(p, 300);
    pooler_expect_timeout(p, 300);
    raw_ask(conn, "ROLLBACK", NULL, 0);
    PQfinish(conn);
    pooler_expect_success(p);
    ledger_check(p->db);
}

static void
a_wait_for_the_pooler_ends_at_the_deadline(void **state)
{
    pooler *p = pooler_of(state);
    PGconn *conns[POOL_SIZE];

    pooler_expect_success(p);
    for (int i = 0; i < POOL_SIZE; i++) {
        conns[i] = raw_open(p);
        raw_ask(conns[i], "BEGIN", NULL, 0);
    }
    pooler_expect_timeout(p, 300);
    pooler_expect_timeout(p, 300);
    for (int i = 0; i < POOL_SIZE; i++) {
        raw_ask(conns[i], "COMMIT", NULL, 0);
        PQfinish(conns[i]);
    }
    pooler_expect_success(p);
    ledger_check(p->db);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pooler_that_nobody_spoke_of_is_refused),
        cmocka_unit_test(a_pooler_that_is_not_there_is_refused),
        cmocka_unit_test(a_pooler_of_an_unknown_kind_is_refused),
        cmocka_unit_test(many_clients_share_few_connections),
        cmocka_unit_test(a_session_that_is_left_dirty_is_seen),
        cmocka_unit_test(a_dirty_session_changes_nothing),
        cmocka_unit_test(a_wait_for_a_lock_ends_at_the_deadline),
        cmocka_unit_test(a_wait_for_the_pooler_ends_at_the_deadline),
        cmocka_unit_test(server_connections_are_terminated),
    };

    if (!pg_server_found()) {
        (void)printf("SKIPPED: no PostgreSQL is installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, pooler_setup, pooler_teardown);
}
