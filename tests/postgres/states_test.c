/* Servers that are full, not ready yet, read-only, or out of space: what callers are told, by when,
 * and that everything works again afterwards. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "talk.h"

/* 7 connections are left for those who are no superusers. */
static const char *const states_settings[] = { "max_connections=10",
                                               "superuser_reserved_connections=3",
                                               "log_connections=on", NULL };
enum { STATES_SLOTS = 7 };

static pg_server *states_server;
static char states_disk[128]; /* while it is mounted */

static int
states_setup(void **state)
{
    (void)state;
    states_server = pg_server_new(states_settings);
    if (states_server == NULL)
        return -1;
    talk_add_role(states_server, "app");
    /* so that what is said of the database does not hold for who has to undo it */
    talk_do(states_server, "ALTER ROLE tenon SET default_transaction_read_only = off");
    return 0;
}

static int
states_teardown(void **state)
{
    (void)state;
    pg_server_free(states_server);
    if (states_disk[0] != '\0') /* a test has failed before it could */
        (void)umount(states_disk);
    return 0;
}

/* ---- Clients ---- */

/* Lines of the server's log that tell of a client. */
static int
states_clients_logged(void)
{
    char path[128], line[512];
    int count = 0;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/log", pg_server_folder(states_server));
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, "connection received") != NULL;
    (void)fclose(file);
    return count;
}

/* Wait until somebody else has tried. */
static void
states_wait_try(int before)
{
    const struct timespec pause = { 0, 2000000 };

    for (int i = 0; states_clients_logged() <= before; i++) {
        if (i == 5000)
            fail_msg("nobody tries to connect");
        (void)nanosleep(&pause, NULL);
    }
}

/* Connections of somebody else's. */
static void
states_hold(PGconn **conns, int count)
{
    char info[100];

    (void)snprintf(info, sizeof info, "host=127.0.0.1 port=%d user=app dbname=postgres",
                   pg_server_port(states_server));
    for (int i = 0; i < count; i++) {
        conns[i] = PQconnectdb(info);
        if (PQstatus(conns[i]) != CONNECTION_OK)
            fail_msg("%d: %s", i, PQerrorMessage(conns[i]));
    }
}

static void
states_release(PGconn **conns, int count)
{
    for (int i = 0; i < count; i++)
        PQfinish(conns[i]);
}

/* Wait until only so many ordinary clients are there: a server needs a moment to see one go. */
static void
states_wait_clients(int count)
{
    char number[16];

    (void)snprintf(number, sizeof number, "%d", count);
    talk_wait(states_server, "SELECT count(*)::text FROM pg_stat_activity WHERE usename = 'app'",
              number);
}

/* ---- Full ---- */

static void
opening_a_full_server_is_busy_by_its_deadline(void **state)
{
    PGconn *others[STATES_SLOTS];
    tenon_error err = { 0 };
    uint64_t began_ms;
    char url[256];

    (void)state;
    talk_url(states_server, "app", "?connect_timeout=1", url, sizeof url);
    states_hold(others, STATES_SLOTS);
    began_ms = ledger_now_ms();
    (void)talk_open(url, TENON_BUSY, &err);
    talk_in_time(began_ms, 500, 1000);
    states_release(others, STATES_SLOTS);
    tenon_close(talk_open(url, TENON_OK, NULL));
    talk_wait_connections(states_server, 0);
}

/* With a connection at hand and no second one to be had. */
static void
a_transaction_on_a_full_server_waits_for_its_turn(void **state)
{
    PGconn *others[STATES_SLOTS];
    talk_call first = { .sql = "SELECT pg_sleep(0)", .timeout_ms = 10000 }, late = first;
    tenon_txn *txn = NULL;
    tenon_error err = { 0 };
    char url[256];
    tenon_db *db;
    int tries;

    (void)state;
    talk_url(states_server, "app", "", url, sizeof url);
    db = talk_open(url, TENON_OK, NULL);
    first.db = late.db = db;
    assert_int_equal(tenon_begin(db, NULL, &txn, &err), TENON_OK);
    assert_int_equal(tenon_sql(txn, "SELECT 1", NULL, 0, NULL, &err), TENON_OK);
    states_wait_clients(1);
    states_hold(others, STATES_SLOTS - 1);

    late.timeout_ms = 300;
    talk_call_start(&late);
    talk_is(talk_call_end(&late), &late.err, TENON_BUSY, TENON_TIMEOUT);
    assert_true(late.took_ms >= 200);

    tries = states_clients_logged();
    talk_call_start(&first);
    states_wait_try(tries);
    states_release(others, 1);
    talk_is(talk_call_end(&first), &first.err, TENON_OK);
    assert_int_equal(tenon_commit(txn, &err), TENON_OK);
    states_release(others + 1, STATES_SLOTS - 2);
    talk_wait_connections(states_server, 2); /* the late one has left none */
    tenon_close(db);
    talk_wait_connections(states_server, 0);
}

/* A limit of the role's or the database's own says so in other words. */
static void
a_limit_of_connections_is_busy_too(void **state)
{
    static const char *const limits[][2] = { { "ALTER ROLE app CONNECTION LIMIT 2",
                                               "ALTER ROLE app CONNECTION LIMIT -1" },
                                             { "ALTER DATABASE postgres CONNECTION LIMIT 2",
                                               "ALTER DATABASE postgres CONNECTION LIMIT -1" } };
    char url[256];

    (void)state;
    talk_url(states_server, "app", "?connect_timeout=1", url, sizeof url);
    for (size_t i = 0; i < 2; i++) {
        PGconn *others[2];

        states_hold(others, 2);
        talk_do(states_server, limits[i][0]);
        (void)talk_open(url, TENON_BUSY, NULL);
        states_release(others, 2);
        tenon_close(talk_open(url, TENON_OK, NULL));
        talk_do(states_server, limits[i][1]);
        states_wait_clients(0);
    }
}

/* ---- Starting up ---- */

/* Let the next start recover until the file "go" is there. */
static void
states_start_slowly(void)
{
    char sql[256], path[128];
    FILE *file;

    (void)snprintf(sql, sizeof sql,
                   "ALTER SYSTEM SET restore_command = "
                   "'while ! test -e %s/go; do sleep 0.01; done; false'",
                   pg_server_folder(states_server));
    talk_do(states_server, sql);
    assert_true(pg_server_stop(states_server, PG_STOP_BY_KILLING));
    (void)snprintf(path, sizeof path, "%s/d/recovery.signal", pg_server_folder(states_server));
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(chmod(path, 0666), 0);
    assert_true(pg_server_start_only(states_server));
}

static void
states_wait_ping(PGPing wanted)
{
    const struct timespec pause = { 0, 2000000 };
    char info[200];

    (void)snprintf(info, sizeof info, "host=127.0.0.1 port=%d user=app dbname=postgres",
                   pg_server_port(states_server));
    for (int i = 0; PQping(info) != wanted; i++) {
        if (i == 10000)
            fail_msg("the server does not get ready");
        /* what a killed one has left in memory may have stopped the start */
        if (i % 500 == 499 && PQping(info) == PQPING_NO_RESPONSE)
            assert_true(pg_server_start_only(states_server));
        (void)nanosleep(&pause, NULL);
    }
}

static void
calls_wait_for_a_server_that_starts(void **state)
{
    talk_call soon = { .sql = "SELECT 1", .timeout_ms = 300 };
    talk_call patient = { .sql = "SELECT 1", .timeout_ms = 15000 };
    tenon_error err = { 0 };
    uint64_t began_ms;
    char url[256], path[128];
    tenon_db *db;
    FILE *file;
    int tries;

    (void)state;
    talk_url(states_server, "app", "?connect_timeout=1", url, sizeof url);
    db = talk_open(url, TENON_OK, NULL);
    assert_int_equal(talk_once(db, "SELECT 1", 5000, &err), TENON_OK);
    states_start_slowly();
    states_wait_ping(PQPING_REJECT);

    began_ms = ledger_now_ms();
    (void)talk_open(url, TENON_UNAVAILABLE, &err);
    talk_in_time(began_ms, 500, 1000);
    assert_non_null(strstr(err.message, "starting up"));
    soon.db = patient.db = db;
    talk_call_start(&soon);
    talk_is(talk_call_end(&soon), &soon.err, TENON_UNAVAILABLE, TENON_TIMEOUT);

    tries = states_clients_logged();
    talk_call_start(&patient);
    states_wait_try(tries);
    (void)snprintf(path, sizeof path, "%s/go", pg_server_folder(states_server));
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    talk_is(talk_call_end(&patient), &patient.err, TENON_OK);
    talk_wait_connections(states_server, 1);
    tenon_close(db);
    tenon_close(talk_open(url, TENON_OK, NULL));
    talk_wait_connections(states_server, 0);
}

/* ---- Read-only ---- */

static void
a_read_only_server_is_told_apart_without_a_storm(void **state)
{
    static const char *const ways[][2] = {
        { "ALTER ROLE app SET default_transaction_read_only = on",
          "ALTER ROLE app RESET default_transaction_read_only" },
        { "ALTER DATABASE postgres SET default_transaction_read_only = on",
          "ALTER DATABASE postgres RESET default_transaction_read_only" }
    };
    const tenon_open_options reading = { .size = sizeof reading,
                                         .read_only = true,
                                         .min_connections = UINT32_MAX };
    tenon_error err = { 0 };
    char url[256];

    (void)state;
    talk_url(states_server, "app", "?connect_timeout=1", url, sizeof url);
    for (size_t i = 0; i < 2; i++) {
        uint64_t began_ms;
        tenon_db *db = NULL;
        int before;

        talk_do(states_server, ways[i][0]);
        before = states_clients_logged();
        began_ms = ledger_now_ms();
        (void)talk_open(url, TENON_READ_ONLY, &err);
        talk_in_time(began_ms, 0, 1000);
        assert_in_range(states_clients_logged() - before, 1, 12);
        assert_non_null(strstr(err.message, "read-only"));
        talk_is(tenon_open(url, &reading, &db, &err), &err, TENON_OK);
        tenon_close(db);
        talk_do(states_server, ways[i][1]);
        tenon_close(talk_open(url, TENON_OK, NULL));
    }
    talk_wait_connections(states_server, 0);
}

static void
of_a_standby_and_its_primary_the_one_that_writes_is_found(void **state)
{
    pg_server *standby = pg_server_new_standby(states_server);
    uint64_t began_ms;
    tenon_error err = { 0 };
    char url[256];
    tenon_db *db;

    (void)state;
    assert_non_null(standby);
    talk_url(standby, "app", "?connect_timeout=1", url, sizeof url);
    began_ms = ledger_now_ms();
    (void)talk_open(url, TENON_READ_ONLY, &err);
    talk_in_time(began_ms, 0, 1000);
    (void)snprintf(url, sizeof url, "postgres://app@127.0.0.1:%d,127.0.0.1:%d/postgres",
                   pg_server_port(standby), pg_server_port(states_server));
    began_ms = ledger_now_ms();
    db = talk_open(url, TENON_OK, NULL);
    talk_is(talk_once(db, "CREATE TABLE found (x int)", 5000, &err), &err, TENON_OK);
    talk_in_time(began_ms, 0, 1000);
    tenon_close(db);
    talk_wait_connections(states_server, 0);
    pg_server_free(standby);
    talk_do(states_server, "DROP TABLE found");
}

/* ---- Full disks ---- */

/* A disk of its own for a database. @return false: that is not allowed here */
static bool
states_mount(const char *path)
{
    char sql[200];
    struct stat folder;

    assert_int_equal(stat(pg_server_folder(states_server), &folder), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    if (mount("tmpfs", path, "tmpfs", 0, "size=25165824") != 0)
        return false;
    (void)snprintf(states_disk, sizeof states_disk, "%s", path);
    assert_int_equal(chown(path, folder.st_uid, folder.st_gid), 0);
    assert_int_equal(chmod(path, 0700), 0);
    (void)snprintf(sql, sizeof sql, "CREATE TABLESPACE small LOCATION '%s'", path);
    talk_do(states_server, sql);
    talk_do(states_server, "CREATE DATABASE small TABLESPACE small");
    return true;
}

/* Take all space that is left. */
static void
states_fill(const char *path)
{
    static const char block[65536];
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    (void)setvbuf(file, NULL, _IONBF, 0);
    while (fwrite(block, 1, sizeof block, file) == sizeof block)
        ;
    (void)fclose(file);
}

/* Write until the disk is full. @return entries that were acknowledged */
static int
states_write_until_full(tenon_db *db, tenon_uuid *ids, int most, tenon_error *err)
{
    for (int i = 0; i < most; i++) {
        const ledger_entry entry = { tenon_uuid_new(), 1, i % 2 };
        const tenon_status st = ledger_write_once(db, &entry, 5000, err);

        ids[i] = entry.id;
        if (st == TENON_OK)
            continue;
        talk_is(st, err, TENON_FULL);
        assert_int_equal(ledger_count(db, &entry.id), 0);
        return i;
    }
    fail_msg("the disk does not get full");
    return 0;
}

static void
a_full_disk_rolls_back_and_writing_goes_on_when_there_is_space(void **state)
{
    static tenon_uuid ids[5000];
    char disk[128], filler[160], url[256];
    tenon_error err = { 0 };
    tenon_db *db;
    int count;
    const ledger_entry first = { tenon_uuid_new(), 1, LEDGER_AT_ONCE };

    (void)state;
    (void)snprintf(disk, sizeof disk, "%s/disk", pg_server_folder(states_server));
    if (!states_mount(disk)) {
        print_message("SKIPPED: mounting a small disk is not permitted here\n");
        skip();
    }
    pg_server_url(states_server, "small", true, url, sizeof url);
    db = ledger_open(url, 2);
    talk_is(ledger_write_once(db, &first, 5000, &err), &err, TENON_OK);
    (void)snprintf(filler, sizeof filler, "%s/filler", disk);
    states_fill(filler);
    count = states_write_until_full(db, ids, 5000, &err);
    print_message("  full after %d entries: %s\n", count, err.message);
    assert_string_equal(err.sqlstate, "53100");
    ledger_check(db);
    for (int i = 0; i < 3; i++) { /* still, and nobody hangs */
        const ledger_entry more = { tenon_uuid_new(), 1, LEDGER_STEPS };
        const uint64_t began_ms = ledger_now_ms();

        talk_is(ledger_write_once(db, &more, 1000, &err), &err, TENON_FULL);
        talk_in_time(began_ms, 0, 1000);
    }
    ledger_check(db);
    assert_int_equal(unlink(filler), 0);
    for (int i = 0; i < 500; i++) {
        const ledger_entry more = { tenon_uuid_new(), 2, i % 2 };

        talk_is(ledger_write_once(db, &more, 5000, &err), &err, TENON_OK);
    }
    for (int i = 0; i < count; i++)
        assert_int_equal(ledger_count(db, &ids[i]), 1);
    assert_int_equal(ledger_count(db, &first.id), 1);
    ledger_check(db);
    tenon_close(db);
    talk_wait_connections(states_server, 0);
    talk_do(states_server, "DROP DATABASE small");
    talk_do(states_server, "DROP TABLESPACE small");
    assert_int_equal(umount(disk), 0);
    states_disk[0] = '\0';
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_a_full_server_is_busy_by_its_deadline),
        cmocka_unit_test(a_transaction_on_a_full_server_waits_for_its_turn),
        cmocka_unit_test(a_limit_of_connections_is_busy_too),
        cmocka_unit_test(a_read_only_server_is_told_apart_without_a_storm),
        cmocka_unit_test(of_a_standby_and_its_primary_the_one_that_writes_is_found),
        cmocka_unit_test(a_full_disk_rolls_back_and_writing_goes_on_when_there_is_space),
        cmocka_unit_test(calls_wait_for_a_server_that_starts),
    };

    if (!pg_server_found()) {
        (void)printf("SKIPPED: no PostgreSQL is installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, states_setup, states_teardown);
}
