/* Readers on a standby: they see what was committed before them, whatever becomes of the standby,
 * and go on at the primary where it can't serve them. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"

enum { REPLICA_THREADS = 4, REPLICA_SLACK_MS = 100, REPLICA_PATIENCE = 20000 };

#define IN_RECOVERY "SELECT pg_is_in_recovery()::text"

/* Two servers, each behind a proxy, so that another one can take its place. */
typedef struct replica {
    pg_server *primary, *standby;
    pg_proxy *proxies[2];
    tenon_db *db;
    char url[256];
} replica;

static int
replica_setup(void **state)
{
    static const char *const settings[] = { "wal_writer_delay=10000", NULL };
    replica *r = calloc(1, sizeof *r);

    *state = r;
    r->primary = pg_server_new(settings);
    if (r->primary == NULL || (r->standby = pg_server_new_standby(r->primary)) == NULL)
        return -1;
    r->proxies[0] = pg_proxy_new(pg_server_port(r->primary));
    r->proxies[1] = pg_proxy_new(pg_server_port(r->standby));
    (void)snprintf(r->url, sizeof r->url,
                   "postgres://tenon@127.0.0.1:%d,127.0.0.1:%d/postgres?sslmode=disable&"
                   "replica=prefer",
                   pg_proxy_port(r->proxies[0]), pg_proxy_port(r->proxies[1]));
    r->db = ledger_open(r->url, REPLICA_THREADS + 2);
    return 0;
}

static int
replica_teardown(void **state)
{
    replica *r = *state;

    tenon_close(r->db);
    pg_proxy_free(r->proxies[0]);
    pg_proxy_free(r->proxies[1]);
    pg_server_free(r->standby);
    pg_server_free(r->primary);
    free(r);
    return 0;
}

static void
replica_pause(void)
{
    const struct timespec pause = { 0, 2000000 };

    (void)nanosleep(&pause, NULL);
}

/* Ask until the answer is this one: connections notice what has happened to their standby one by
 * one, and try again after a while. */
static void
replica_await(tenon_db *db, const char *sql, const char *wanted)
{
    char found[64] = "";
    const uint64_t began_ms = ledger_now_ms();

    while (strcmp(ask(db, &ask_reading, sql, found, sizeof found), wanted) != 0) {
        if (ledger_now_ms() - began_ms > REPLICA_PATIENCE)
            fail_msg("%s: %s, not %s", sql, found, wanted);
        replica_pause();
    }
}

/* The same of a server, by the superuser. */
static void
replica_await_server(pg_server *server, const char *sql, const char *wanted)
{
    char found[64] = "";

    for (int i = 0; i < REPLICA_PATIENCE / 2; i++) {
        assert_true(pg_server_sql(server, "postgres", sql, found, sizeof found));
        if (strcmp(found, wanted) == 0)
            return;
        replica_pause();
    }
    fail_msg("%s: %s, not %s", sql, found, wanted);
}

static void
replica_stop_replay(replica *r, bool stop)
{
    assert_true(pg_server_sql(
        r->standby, "postgres",
        stop ? "SELECT pg_wal_replay_pause()" : "SELECT pg_wal_replay_resume()", NULL, 0));
    replica_await_server(r->standby, "SELECT pg_get_wal_replay_pause_state()",
                         stop ? "paused" : "not paused");
}

/* Commit, and read at once. @return where it was read: "true" on a standby */
static const char *
replica_write_and_read(tenon_db *db, char *where, size_t where_bytes)
{
    ledger_entry entry = { tenon_uuid_new(), 1, LEDGER_AT_ONCE };
    const tenon_txn_options writing = { .size = sizeof writing, .isolation = TENON_READ_COMMITTED };
    tenon_error err = { 0 };
    char id[40], sql[160];
    const unsigned char *b = entry.id.bytes;
    uint64_t began_ms;

    if (tenon_run(db, &writing, ledger_write, &entry, &err) != TENON_OK)
        fail_msg("%s: %s", tenon_status_name(err.status), err.message);
    (void)snprintf(id, sizeof id,
                   "%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x", b[0], b[1],
                   b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
    (void)snprintf(sql, sizeof sql,
                   "SELECT pg_is_in_recovery()::text || ' ' || count(*)::text FROM entry WHERE "
                   "id = '%s'",
                   id);
    began_ms = ledger_now_ms();
    (void)ask(db, &ask_reading, sql, where, where_bytes);
    assert_true(ledger_now_ms() - began_ms <= ask_reading.timeout_ms);
    if (strstr(where, " 1") == NULL)
        fail_msg("a stale read: %s", where);
    *strchr(where, ' ') = '\0';
    return where;
}

/* ---- Where transactions run ---- */

static void
readers_go_to_the_standby_and_writers_to_the_primary(void **state)
{
    static const ask_how committed = { TENON_READ_COMMITTED, true, 5000 };
    replica *r = *state;
    char found[16];

    replica_await(r->db, IN_RECOVERY, "true");
    for (int i = 0; i < 20; i++) {
        assert_string_equal(ask(r->db, &ask_reading, IN_RECOVERY, found, sizeof found), "true");
        assert_string_equal(ask(r->db, &committed, IN_RECOVERY, found, sizeof found), "true");
        assert_string_equal(ask(r->db, &ask_writing, IN_RECOVERY, found, sizeof found), "false");
    }
}

static void
serializable_readers_go_to_the_primary(void **state)
{
    static const ask_how serializable = { TENON_SERIALIZABLE, true, 5000 };
    replica *r = *state;
    char found[16];

    for (int i = 0; i < 5; i++)
        assert_string_equal(ask(r->db, &serializable, IN_RECOVERY, found, sizeof found), "false");
    assert_string_equal(
        ask(r->db, &serializable, "SHOW transaction_isolation", found, sizeof found),
        "serializable");
}

static void
without_the_word_nobody_goes_to_the_standby(void **state)
{
    replica *r = *state;
    char url[256], found[16];
    tenon_db *db;

    (void)snprintf(url, sizeof url, "%.*s", (int)(strstr(r->url, "&replica") - r->url), r->url);
    db = ledger_open(url, 2);
    for (int i = 0; i < 5; i++)
        assert_string_equal(ask(db, &ask_reading, IN_RECOVERY, found, sizeof found), "false");
    tenon_close(db);
}

/* ---- What they see ---- */

static void
a_reader_sees_what_was_committed_before(void **state)
{
    replica *r = *state;
    int there = 0;
    char where[32];

    for (int i = 0; i < 300; i++)
        there += strcmp(replica_write_and_read(r->db, where, sizeof where), "true") == 0;
    print_message("  %d of 300 on the standby\n", there);
    assert_true(there >= 150); /* which would mean nothing if the primary served them */
}

static void
a_standby_that_lags_is_not_read(void **state)
{
    static const ask_how soon = { TENON_SNAPSHOT, true, 200 };
    replica *r = *state;
    char where[32];

    replica_stop_replay(r, true);
    for (int i = 0; i < 20; i++) {
        const uint64_t began_ms = ledger_now_ms();

        assert_string_equal(replica_write_and_read(r->db, where, sizeof where), "false");
        assert_string_equal(ask(r->db, &soon, IN_RECOVERY, where, sizeof where), "false");
        assert_true(ledger_now_ms() - began_ms < 1000);
    }
    replica_stop_replay(r, false);
    replica_await(r->db, IN_RECOVERY, "true");
}

/* A commit that was found out about later has been committed all the same. */
static void
a_commit_whose_answer_was_lost_is_seen_too(void **state)
{
    replica *r = *state;
    char where[32];

    for (int i = 0; i < 5; i++) {
        replica_await(r->db, IN_RECOVERY, "true");
        replica_stop_replay(r, true);
        pg_proxy_cut_at(r->proxies[0], PG_CUT_BEFORE_ANSWER, "COMMIT");
        assert_string_equal(replica_write_and_read(r->db, where, sizeof where), "false");
        assert_false(pg_proxy_is_armed(r->proxies[0]));
        replica_stop_replay(r, false);
    }
    replica_await(r->db, IN_RECOVERY, "true");
}

/* A commit that nobody has flushed is no less the caller's own. */
static void
a_commit_that_is_not_durable_is_seen_too(void **state)
{
    replica *r = *state;
    char url[300], where[32];
    tenon_db *db;

    (void)snprintf(url, sizeof url, "%s&durability=none", r->url);
    db = ledger_open(url, 2);
    replica_await(db, IN_RECOVERY, "true"); /* so that it would be asked */
    for (int i = 0; i < 10; i++)
        (void)replica_write_and_read(db, where, sizeof where);
    tenon_close(db);
}

/* ---- What becomes of it ---- */

/* Threads that read without pause. */
typedef struct replica_readers {
    tenon_db *db;
    pthread_t threads[REPLICA_THREADS];
    atomic_bool over;
    atomic_uint failed, there, here; /* on the standby, on the primary */
    atomic_uint_fast64_t longest_ms;
} replica_readers;

static void *
readers_main(void *arg)
{
    replica_readers *all = arg;
    char where[16];

    while (!atomic_load(&all->over)) {
        const uint64_t began_ms = ledger_now_ms();
        tenon_error err = { 0 };
        const tenon_status st = ask_try(all->db, &ask_reading, IN_RECOVERY, where, sizeof where,
                                        &err);
        const uint64_t took_ms = ledger_now_ms() - began_ms;
        uint_fast64_t longest_ms = atomic_load(&all->longest_ms);

        if (st != TENON_OK)
            print_message("  a reader: %s: %s\n", tenon_status_name(st), err.message);
        (void)atomic_fetch_add(st != TENON_OK               ? &all->failed
                               : strcmp(where, "true") == 0 ? &all->there
                                                            : &all->here,
                               1);
        while (took_ms > longest_ms &&
               !atomic_compare_exchange_weak(&all->longest_ms, &longest_ms, took_ms))
            ;
    }
    return NULL;
}

static void
readers_start(replica_readers *all, tenon_db *db)
{
    all->db = db;
    for (int i = 0; i < REPLICA_THREADS; i++)
        assert_int_equal(pthread_create(&all->threads[i], NULL, readers_main, all), 0);
}

/* Stop. @return how many have failed */
static unsigned
readers_stop(replica_readers *all)
{
    atomic_store(&all->over, true);
    for (int i = 0; i < REPLICA_THREADS; i++)
        assert_int_equal(pthread_join(all->threads[i], NULL), 0);
    print_message("  readers: %u on standbys, %u on the primary, %u failed, longest %llu ms\n",
                  atomic_load(&all->there), atomic_load(&all->here), atomic_load(&all->failed),
                  (unsigned long long)atomic_load(&all->longest_ms));
    assert_true(atomic_load(&all->longest_ms) <= ask_reading.timeout_ms + REPLICA_SLACK_MS);
    return atomic_load(&all->failed);
}

/* Wait for so many more. */
static void
readers_await(const atomic_uint *count, unsigned more)
{
    const unsigned until = atomic_load(count) + more;

    for (int i = 0; atomic_load(count) < until; i++) {
        if (i == REPLICA_PATIENCE)
            fail_msg("nobody reads there");
        replica_pause();
    }
}

static void
a_standby_that_dies_is_missed_by_nobody(void **state)
{
    replica *r = *state;
    replica_readers all = { .db = NULL };

    readers_start(&all, r->db);
    for (int i = 0; i < 2; i++) {
        readers_await(&all.there, 200);
        assert_true(pg_server_stop(r->standby, i == 0 ? PG_STOP_BY_KILLING : PG_STOP_FAST));
        readers_await(&all.here, 200);
        assert_true(pg_server_start(r->standby));
    }
    readers_await(&all.there, 200);
    assert_int_equal(readers_stop(&all), 0);
}

/* A connection to it that is cut in the middle, and a standby that does not answer any more. */
static void
a_standby_that_falls_silent_is_left(void **state)
{
    replica *r = *state;
    replica_readers all = { .db = NULL };

    readers_start(&all, r->db);
    for (int i = 0; i < 5; i++) {
        readers_await(&all.there, 50);
        pg_proxy_cut(r->proxies[1]);
    }
    readers_await(&all.there, 50);
    pg_proxy_hold(r->proxies[1], PG_TO_SERVER | PG_TO_CLIENT);
    readers_await(&all.here, 200);
    pg_proxy_cut(r->proxies[1]);
    pg_proxy_hold(r->proxies[1], 0);
    readers_await(&all.there, 50);
    print_message("  %u in flight were lost\n", readers_stop(&all));
}

/* The primary dies under load; the standby, which has confirmed every commit, takes over, and a
 * new standby takes its place. */
static void
the_standby_takes_over(void **state)
{
    replica *r = *state;
    replica_readers all = { .db = NULL };
    const struct timespec pause = { 0, 2000000 };
    ledger_load *load;
    uint64_t until;
    char where[32];

    assert_true(pg_server_sql(r->primary, "postgres",
                              "ALTER SYSTEM SET synchronous_standby_names = '*'", NULL, 0));
    assert_true(pg_server_sql(r->primary, "postgres", "SELECT pg_reload_conf()", NULL, 0));
    load = ledger_load_start(r->db, REPLICA_THREADS, 5000);
    readers_start(&all, r->db);
    readers_await(&all.there, 300);
    assert_true(pg_server_stop(r->primary, PG_STOP_BY_KILLING));
    assert_true(pg_server_sql(r->standby, "postgres",
                              "ALTER SYSTEM SET synchronous_standby_names = ''", NULL, 0));
    assert_true(pg_server_promote(r->standby));
    until = ledger_load_acknowledged(load) + 300;
    for (int i = 0; ledger_load_acknowledged(load) < until; i++) {
        assert_true(i < REPLICA_PATIENCE);
        (void)nanosleep(&pause, NULL);
    }
    readers_await(&all.here, 100);
    pg_server_free(r->primary);
    r->primary = r->standby;
    r->standby = pg_server_new_standby(r->primary);
    assert_non_null(r->standby);
    pg_proxy_redirect(r->proxies[0], pg_server_port(r->standby));
    readers_await(&all.there, 100);
    (void)readers_stop(&all);
    assert_int_equal(ledger_load_stop(load, r->db), 0);
    for (int i = 0; i < 50; i++)
        (void)replica_write_and_read(r->db, where, sizeof where);
    replica_await(r->db, IN_RECOVERY, "true");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_go_to_the_standby_and_writers_to_the_primary),
        cmocka_unit_test(serializable_readers_go_to_the_primary),
        cmocka_unit_test(without_the_word_nobody_goes_to_the_standby),
        cmocka_unit_test(a_reader_sees_what_was_committed_before),
        cmocka_unit_test(a_standby_that_lags_is_not_read),
        cmocka_unit_test(a_commit_whose_answer_was_lost_is_seen_too),
        cmocka_unit_test(a_commit_that_is_not_durable_is_seen_too),
        cmocka_unit_test(a_standby_that_dies_is_missed_by_nobody),
        cmocka_unit_test(a_standby_that_falls_silent_is_left),
        cmocka_unit_test(the_standby_takes_over),
    };

    if (!pg_server_found()) {
        (void)printf("SKIPPED: no PostgreSQL is installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, replica_setup, replica_teardown);
}
