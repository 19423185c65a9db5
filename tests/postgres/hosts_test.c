/* From a URL to a server: hosts that are dead or silent, ways to write a URL, passwords, TLS, and
 * what a server can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "talk.h"

static pg_server *hosts_server;

static int
hosts_setup(void **state)
{
    static const char *const settings[] = { "max_prepared_transactions=4", NULL };

    (void)state;
    hosts_server = pg_server_new(settings);
    return hosts_server == NULL ? -1 : 0;
}

static int
hosts_teardown(void **state)
{
    (void)state;
    pg_server_free(hosts_server);
    return 0;
}

/* A port of 127.0.0.1 that nobody listens on. */
static int
hosts_closed_port(void)
{
    pg_proxy *proxy = pg_proxy_new(1);
    const int port = pg_proxy_port(proxy);

    pg_proxy_free(proxy);
    return port;
}

/* It opens, and writes. */
static void
hosts_work(const char *url)
{
    ledger_entry entry = { tenon_uuid_new(), 1, LEDGER_AT_ONCE };
    tenon_db *db = ledger_open(url, 2);
    tenon_error err = { 0 };

    if (tenon_run(db, NULL, ledger_write, &entry, &err) != TENON_OK)
        fail_msg("%s: %s", tenon_status_name(err.status), err.message);
    assert_int_equal(ledger_count(db, &entry.id), 1);
    tenon_close(db);
}

/* Opening fails so, and says nothing of the password. */
static void
hosts_refuse(const char *url, tenon_status wanted, const char *secret)
{
    tenon_error err = { 0 };

    (void)talk_open(url, wanted, &err);
    if (secret != NULL && strstr(err.message, secret) != NULL)
        fail_msg("the password is shown: %s", err.message);
    if (secret != NULL && strstr(err.object, secret) != NULL)
        fail_msg("the password is shown: %s", err.object);
}

static void
a_dead_host_is_passed_over(void **state)
{
    char url[256];

    (void)state;
    (void)snprintf(url, sizeof url, "postgres://tenon@127.0.0.1:%d,127.0.0.1:%d/postgres",
                   hosts_closed_port(), pg_server_port(hosts_server));
    hosts_work(url);
}

static void
a_silent_host_leaves_time_for_the_next_one(void **state)
{
    pg_proxy *proxy = pg_proxy_new(pg_server_port(hosts_server));
    const uint64_t began_ms = ledger_now_ms();
    char url[256];

    (void)state;
    pg_proxy_hold(proxy, PG_TO_SERVER | PG_TO_CLIENT);
    (void)snprintf(url, sizeof url,
                   "postgres://tenon@127.0.0.1:%d,127.0.0.1:%d/postgres?connect_timeout=1",
                   pg_proxy_port(proxy), pg_server_port(hosts_server));
    hosts_work(url);
    assert_true(ledger_now_ms() - began_ms < 2000);
    pg_proxy_free(proxy);
}

static void
a_url_may_be_written_in_every_way_of_libpq(void **state)
{
    const int port = pg_server_port(hosts_server);
    char url[256];

    (void)state;
    (void)snprintf(url, sizeof url, "postgres:///postgres?host=127.0.0.1&port=%d&user=tenon", port);
    hosts_work(url);
    (void)snprintf(url, sizeof url, "postgres:host=127.0.0.1 port=%d user=tenon dbname=postgres",
                   port);
    hosts_work(url);
    (void)snprintf(url, sizeof url, "postgres://tenon@localhost:%d/postgres?hostaddr=127.0.0.1",
                   port);
    hosts_work(url);
    pg_server_url(hosts_server, "postgres", false, url, sizeof url);
    hosts_work(url);
    (void)snprintf(url, sizeof url,
                   "postgres:host=127.0.0.1,127.0.0.1,127.0.0.1 port=%d,%d user=tenon", port, port);
    hosts_refuse(url, TENON_CONFIG, NULL);
    (void)snprintf(url, sizeof url, "postgres://tenon@127.0.0.1:%d/postgres?nonsense=1", port);
    hosts_refuse(url, TENON_CONFIG, NULL);
}

/* A role that has to give its password over TCP. */
static void
hosts_ask_for_passwords(void)
{
    char path[256], rest[8192];
    size_t len;
    FILE *file;

    talk_add_role(hosts_server, "guarded");
    talk_do(hosts_server, "ALTER ROLE guarded PASSWORD 's3cret@/:word'");
    (void)snprintf(path, sizeof path, "%s/d/pg_hba.conf", pg_server_folder(hosts_server));
    file = fopen(path, "r+");
    assert_non_null(file);
    len = fread(rest, 1, sizeof rest, file);
    rewind(file);
    (void)fprintf(file, "host all guarded 127.0.0.1/32 scram-sha-256\n");
    assert_int_equal(fwrite(rest, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    talk_do(hosts_server, "SELECT pg_reload_conf()");
}

/* A URL with a password that is wrong, in one of the ways to write it. */
static void
hosts_wrong(int form, int port, char *out, size_t out_bytes)
{
    if (form == 0)
        (void)snprintf(out, out_bytes,
                       "postgres://guarded:s3cretx@127.0.0.1:%d/postgres?connect_timeout=1", port);
    else if (form == 1)
        (void)snprintf(
            out, out_bytes,
            "postgres://127.0.0.1:%d/postgres?user=guarded&password=s3cretx&connect_timeout=1",
            port);
    else
        (void)snprintf(out, out_bytes,
                       "postgres:host=127.0.0.1 port=%d user=guarded password=s3cretx "
                       "dbname=postgres connect_timeout=1",
                       port);
}

static void
a_password_is_used_and_never_shown(void **state)
{
    char url[256];

    (void)state;
    hosts_ask_for_passwords();
    (void)snprintf(url, sizeof url,
                   "postgres://guarded:s3cret%%40%%2F%%3Aword@127.0.0.1:%d/postgres",
                   pg_server_port(hosts_server));
    for (int i = 0;; i++) { /* until the server has read its file again, any password will do */
        tenon_error err = { 0 };
        tenon_db *db = NULL;
        char wrong[256];

        (void)snprintf(wrong, sizeof wrong, "postgres://guarded:no@127.0.0.1:%d/postgres",
                       pg_server_port(hosts_server));
        if (tenon_open(wrong, NULL, &db, &err) == TENON_DENIED)
            break;
        tenon_close(db);
        assert_true(i < 1000);
    }
    tenon_close(talk_open(url, TENON_OK, NULL));
    for (int form = 0; form < 3; form++) {
        hosts_wrong(form, pg_server_port(hosts_server), url, sizeof url);
        hosts_refuse(url, TENON_DENIED, "s3cret");
        hosts_wrong(form, hosts_closed_port(), url, sizeof url);
        hosts_refuse(url, TENON_UNAVAILABLE, "s3cret");
    }
    /* what libpq takes for a host or a port */
    hosts_refuse("postgres://guarded:x@s3cret@127.0.0.1:5432/postgres", TENON_CONFIG, "s3cret");
    hosts_refuse("postgres://guarded:s3cret/word@127.0.0.1:5432/postgres", TENON_CONFIG, "s3cret");
}

static void
what_a_server_can_do_is_asked_of_it(void **state)
{
    static const char *const settings[] = { "max_prepared_transactions=0", "fsync=off", NULL };
    pg_server *plain = pg_server_new(settings);
    char url[256];
    tenon_db *db;

    (void)state;
    assert_non_null(plain);
    pg_server_url(hosts_server, "postgres", true, url, sizeof url);
    db = talk_open(url, TENON_OK, NULL);
    assert_true((tenon_db_capabilities(db) & TENON_CAP_TWO_PHASE) != 0);
    assert_true((tenon_db_capabilities(db) & TENON_CAP_DURABLE_POWER) != 0);
    assert_int_equal(tenon_db_durability(db), TENON_DURABLE_POWER);
    tenon_close(db);
    pg_server_url(plain, "postgres", true, url, sizeof url);
    hosts_refuse(url, TENON_UNSUPPORTED, NULL); /* power, which it does not give */
    (void)strcat(url, strchr(url, '?') == NULL ? "?durability=process" : "&durability=process");
    db = talk_open(url, TENON_OK, NULL);
    assert_true((tenon_db_capabilities(db) & TENON_CAP_TWO_PHASE) == 0);
    assert_true((tenon_db_capabilities(db) & TENON_CAP_DURABLE_POWER) == 0);
    tenon_close(db);
    pg_server_free(plain);
}

/* The last one: the server speaks TLS from here on. */
static void
tls_is_as_strict_as_the_url_says(void **state)
{
    char certificate[256], other[256], url[1024], command[1024], answer[16];
    tenon_db *db;

    (void)state;
    (void)snprintf(url, sizeof url, "postgres://tenon@127.0.0.1:%d/postgres?sslmode=require",
                   pg_server_port(hosts_server));
    hosts_refuse(url, TENON_CONFIG, NULL); /* it has none yet */
    assert_true(pg_server_use_tls(hosts_server, certificate, sizeof certificate));
    for (int i = 0; i < 2; i++) {
        (void)snprintf(
            url, sizeof url, "postgres://tenon@127.0.0.1:%d/postgres?sslmode=%s&sslrootcert=%s",
            pg_server_port(hosts_server), i == 0 ? "verify-ca" : "verify-full", certificate);
        db = talk_open(url, TENON_OK, NULL);
        assert_string_equal(ask(db, &ask_reading,
                                "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
                                answer, sizeof answer),
                            "true");
        tenon_close(db);
    }
    (void)snprintf(other, sizeof other, "%s/other.crt", pg_server_folder(hosts_server));
    (void)snprintf(command, sizeof command,
                   "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout "
                   "%s.key -out %s 2>/dev/null",
                   other, other);
    assert_int_equal(system(command), 0);
    (void)snprintf(url, sizeof url,
                   "postgres://tenon@127.0.0.1:%d/postgres?sslmode=verify-ca&sslrootcert=%s",
                   pg_server_port(hosts_server), other);
    hosts_refuse(url, TENON_DENIED, NULL);
    (void)snprintf(url, sizeof url,
                   "postgres://tenon@127.0.0.1:%d/postgres?sslmode=verify-ca&sslrootcert=/nowhere",
                   pg_server_port(hosts_server));
    hosts_refuse(url, TENON_CONFIG, NULL);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_host_is_passed_over),
        cmocka_unit_test(a_silent_host_leaves_time_for_the_next_one),
        cmocka_unit_test(a_url_may_be_written_in_every_way_of_libpq),
        cmocka_unit_test(a_password_is_used_and_never_shown),
        cmocka_unit_test(what_a_server_can_do_is_asked_of_it),
        cmocka_unit_test(tls_is_as_strict_as_the_url_says),
    };

    if (!pg_server_found()) {
        (void)printf("SKIPPED: no PostgreSQL is installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, hosts_setup, hosts_teardown);
}
