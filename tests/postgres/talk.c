#include "talk.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TALK_WAIT_MS = 20000, TALK_SLACK_MS = 100 };

static void
talk_pause(void)
{
    const struct timespec pause = { 0, 2000000 };

    (void)nanosleep(&pause, NULL);
}

/* ---- To the server ---- */

void
talk_do(pg_server *server, const char *sql)
{
    if (!pg_server_sql(server, "postgres", sql, NULL, 0))
        fail_msg("%s", sql);
}

void
talk_wait(pg_server *server, const char *sql, const char *wanted)
{
    const uint64_t until_ms = ledger_now_ms() + TALK_WAIT_MS;
    char answer[64] = "";

    for (;;) {
        assert_true(pg_server_sql(server, "postgres", sql, answer, sizeof answer));
        if (strcmp(answer, wanted) == 0)
            return;
        if (ledger_now_ms() >= until_ms)
            fail_msg("%s: %s, not %s", sql, answer, wanted);
        talk_pause();
    }
}

void
talk_set(pg_server *server, const char *name, const char *value)
{
    char sql[200], wanted[64] = "";

    if (value == NULL)
        (void)snprintf(sql, sizeof sql, "ALTER SYSTEM RESET %s", name);
    else
        (void)snprintf(sql, sizeof sql, "ALTER SYSTEM SET %s = '%s'", name, value);
    talk_do(server, sql);
    talk_do(server, "SELECT pg_reload_conf()");
    (void)snprintf(sql, sizeof sql, "SELECT boot_val FROM pg_settings WHERE name = '%s'", name);
    if (value == NULL)
        assert_true(pg_server_sql(server, "postgres", sql, wanted, sizeof wanted));
    (void)snprintf(sql, sizeof sql, "SELECT setting FROM pg_settings WHERE name = '%s'", name);
    talk_wait(server, sql, value == NULL ? wanted : value);
}

void
talk_add_role(pg_server *server, const char *name)
{
    char sql[200];

    (void)snprintf(sql, sizeof sql,
                   "CREATE ROLE %s LOGIN; GRANT ALL ON DATABASE postgres TO %s; "
                   "GRANT ALL ON SCHEMA public TO %s",
                   name, name, name);
    talk_do(server, sql);
}

void
talk_url(const pg_server *server, const char *role, const char *more, char *out, size_t out_bytes)
{
    (void)snprintf(out, out_bytes, "postgres://%s@127.0.0.1:%d/postgres%s", role,
                   pg_server_port(server), more);
}

void
talk_wait_connections(pg_server *server, int wanted)
{
    char number[16];

    (void)snprintf(number, sizeof number, "%d", wanted);
    talk_wait(server,
              "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'tenon'",
              number);
}

/* ---- Through Tenon ---- */

tenon_db *
talk_open(const char *url, tenon_status wanted, tenon_error *err)
{
    const tenon_open_options options = { .size = sizeof options,
                                         .min_connections = UINT32_MAX,
                                         .breaker_failures = UINT32_MAX };
    tenon_error own = { 0 };
    tenon_db *db = NULL;
    const tenon_status st = tenon_open(url, &options, &db, &own);

    if (st != wanted)
        fail_msg("%s: %s: %s", url, tenon_status_name(st), own.message);
    if (err != NULL)
        *err = own;
    return db;
}

tenon_status
talk_once(tenon_db *db, const char *sql, uint32_t timeout_ms, tenon_error *err)
{
    const tenon_txn_options options = { .size = sizeof options,
                                        .isolation = TENON_READ_COMMITTED,
                                        .timeout_ms = timeout_ms };
    tenon_txn *txn = NULL;
    tenon_status st = tenon_begin(db, &options, &txn, err);

    if (st != TENON_OK)
        return st;
    st = tenon_sql(txn, sql, NULL, 0, NULL, err);
    if (st == TENON_OK)
        return tenon_commit(txn, err);
    tenon_rollback(txn);
    return st;
}

void
talk_in_time(uint64_t began_ms, uint64_t from_ms, uint64_t until_ms)
{
    const uint64_t took_ms = ledger_now_ms() - began_ms;

    if (took_ms < from_ms || took_ms > until_ms + TALK_SLACK_MS)
        fail_msg("%llu ms, which is not between %llu and %llu + %d", (unsigned long long)took_ms,
                 (unsigned long long)from_ms, (unsigned long long)until_ms, TALK_SLACK_MS);
}

void
talk_is_one(const char *file, int line, tenon_status st, const tenon_error *err,
            const tenon_status *wanted)
{
    for (; *wanted != -1; wanted++) {
        if (*wanted == st)
            return;
    }
    print_error("%s:%d: %s: %s\n", file, line, tenon_status_name(st),
                st == TENON_OK ? "" : err->message);
    _fail(file, line);
}

/* ---- Calls beside ---- */

static void *
talk_call_main(void *arg)
{
    talk_call *call = arg;
    const uint64_t began_ms = ledger_now_ms();

    call->st = call->sql != NULL
                   ? talk_once(call->db, call->sql, call->timeout_ms, &call->err)
                   : ledger_write_once(call->db, call->entry, call->timeout_ms, &call->err);
    call->took_ms = ledger_now_ms() - began_ms;
    return NULL;
}

void
talk_call_start(talk_call *call)
{
    assert_int_equal(pthread_create(&call->thread, NULL, talk_call_main, call), 0);
}

tenon_status
talk_call_end(talk_call *call)
{
    assert_int_equal(pthread_join(call->thread, NULL), 0);
    if (call->took_ms > call->timeout_ms + TALK_SLACK_MS)
        fail_msg("%llu ms of %u", (unsigned long long)call->took_ms, call->timeout_ms);
    return call->st;
}
