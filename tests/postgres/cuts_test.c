/* A connection that is cut at any moment of a transaction: what the caller is told is what the
 * database holds. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger.h"

typedef struct cuts {
    pg_server *server;
    pg_proxy *proxy;
    tenon_db *db;     /* through the proxy */
    tenon_db *direct; /* beside it */
} cuts;

static int
cuts_setup(void **state)
{
    static const char *const settings[] = { "max_connections=50", NULL };
    cuts *c = calloc(1, sizeof *c);
    char url[256];

    *state = c;
    c->server = pg_server_new(settings);
    assert_non_null(c->server);
    c->proxy = pg_proxy_new(pg_server_port(c->server));
    assert_non_null(c->proxy);
    pg_server_url(c->server, "postgres", false, url, sizeof url);
    c->direct = ledger_open(url, 2);
    (void)snprintf(url, sizeof url, "postgres://tenon@127.0.0.1:%d/postgres?sslmode=disable",
                   pg_proxy_port(c->proxy));
    c->db = ledger_open(url, 2);
    return 0;
}

static int
cuts_teardown(void **state)
{
    cuts *c = *state;

    tenon_close(c->db);
    tenon_close(c->direct);
    pg_proxy_free(c->proxy);
    pg_server_free(c->server);
    free(c);
    return 0;
}

/* One cut. */
static void
cuts_try(cuts *c, bool managed, int how, int when, const char *words)
{
    ledger_entry entry = { tenon_uuid_new(), 1, how };
    const tenon_txn_options options = { .size = sizeof options,
                                        .isolation = TENON_READ_COMMITTED,
                                        .timeout_ms = 10000 };
    ledger_entry first = { tenon_uuid_new(), 1, how };
    tenon_error err = { 0 };
    tenon_status st;

    /* a connection that works and knows its statements */
    st = tenon_run(c->db, &options, ledger_write, &first, &err);
    if (st != TENON_OK)
        fail_msg("before the cut: %s: %s", tenon_status_name(st), err.message);
    pg_proxy_cut_at(c->proxy, when, words);
    if (managed)
        st = tenon_run(c->db, &options, ledger_write, &entry, &err);
    else
        st = ledger_write_once(c->db, &entry, 10000, &err);
    if (pg_proxy_is_armed(c->proxy))
        fail_msg("nothing was cut at %s", words);
    if (st != TENON_OK && (managed || st != TENON_UNAVAILABLE))
        fail_msg("cut %d at %s: %s: %s", when, words, tenon_status_name(st), err.message);
    assert_int_equal(ledger_count(c->direct, &entry.id), st == TENON_OK);
    ledger_check(c->direct);
}

static void
cuts_try_all(cuts *c, const char *words)
{
    for (int when = PG_CUT_BEFORE; when <= PG_CUT_BEFORE_ANSWER; when++) {
        for (int how = LEDGER_AT_ONCE; how <= LEDGER_STEPS; how++) {
            for (int i = 0; i < 5; i++) {
                cuts_try(c, false, how, when, words);
                cuts_try(c, true, how, when, words);
            }
        }
    }
}

static void
a_cut_in_begin(void **state)
{
    cuts_try_all(*state, "BEGIN");
}

static void
a_cut_between_statements(void **state)
{
    cuts *c = *state;

    for (int when = PG_CUT_BEFORE; when <= PG_CUT_BEFORE_ANSWER; when++) {
        cuts_try(c, false, LEDGER_STEPS, when, "RELEASE tenon_s");
        cuts_try(c, true, LEDGER_STEPS, when, "RELEASE tenon_s");
    }
}

static void
a_cut_in_commit(void **state)
{
    cuts_try_all(*state, "COMMIT");
}

/* Nobody can be asked: then the outcome is unknown, and soon. */
static void
nobody_to_ask(void **state)
{
    cuts *c = *state;
    const ledger_entry entry = { tenon_uuid_new(), 1, LEDGER_AT_ONCE };
    ledger_entry first = { tenon_uuid_new(), 1, LEDGER_AT_ONCE };
    tenon_error err = { 0 };
    uint64_t began_ms;
    tenon_status st;

    assert_int_equal(tenon_run(c->db, NULL, ledger_write, &first, &err), TENON_OK);
    pg_proxy_refuse(c->proxy, true);
    pg_proxy_cut_at(c->proxy, PG_CUT_BEFORE_ANSWER, "COMMIT");
    began_ms = ledger_now_ms();
    st = ledger_write_once(c->db, &entry, 500, &err);
    assert_true(ledger_now_ms() - began_ms <= 600);
    pg_proxy_refuse(c->proxy, false);
    assert_int_equal(st, TENON_UNKNOWN_OUTCOME);
    assert_int_equal(ledger_count(c->direct, &entry.id), 1); /* as the server knows */
}

/* A server that does not answer any more, in one direction or both. */
static void
silence_ends_at_the_deadline(void **state)
{
    static const int directions[] = { PG_TO_SERVER, PG_TO_CLIENT, PG_TO_SERVER | PG_TO_CLIENT };
    cuts *c = *state;

    for (int i = 0; i < 6; i++) {
        const ledger_entry entry = { tenon_uuid_new(), 1, i % 2 };
        ledger_entry first = { tenon_uuid_new(), 1, i % 2 };
        tenon_error err = { 0 };
        uint64_t began_ms, took_ms;
        tenon_status st;

        st = tenon_run(c->db, NULL, ledger_write, &first, &err);
        if (st != TENON_OK)
            fail_msg("%s: %s", tenon_status_name(st), err.message);
        pg_proxy_hold(c->proxy, directions[i / 2]);
        began_ms = ledger_now_ms();
        st = ledger_write_once(c->db, &entry, 300, &err);
        took_ms = ledger_now_ms() - began_ms;
        pg_proxy_cut(c->proxy);
        pg_proxy_hold(c->proxy, 0);
        print_message("  %d: %s after %llu ms\n", i, tenon_status_name(st),
                      (unsigned long long)took_ms);
        assert_true(took_ms >= 299 && took_ms <= 400);
        assert_true(st == TENON_TIMEOUT || st == TENON_UNKNOWN_OUTCOME);
        if (st == TENON_TIMEOUT)
            assert_int_equal(ledger_count(c->direct, &entry.id), 0);
    }
    ledger_check(c->direct);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_in_begin),
        cmocka_unit_test(a_cut_between_statements),
        cmocka_unit_test(a_cut_in_commit),
        cmocka_unit_test(nobody_to_ask),
        cmocka_unit_test(silence_ends_at_the_deadline),
    };

    if (!pg_server_found()) {
        (void)printf("SKIPPED: no PostgreSQL is installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, cuts_setup, cuts_teardown);
}
