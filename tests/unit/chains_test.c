/* The audit's chains where writers do not take turns: SQLite's driver that says so of itself, whose
 * writers then wait for each other in the engine. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "check/cases/audit_tables.h"
#include "core/env.h"
#include "core/loader.h"
#include "tenon/audit.h"
#include "tenon/tenon.h"

#define WRITERS 4
#define ROUNDS 30

static const tenon_driver *sqlite;
static tenon_driver many;
static tenon_drv_database_ops many_database;
static tenon_drv_transaction_ops many_transaction;
static char url[128], folder[64];

static tenon_status
many_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    const tenon_status st = sqlite->database->info(db, info, err);

    info->capabilities &= ~TENON_CAP_SINGLE_WRITER;
    return st;
}

/* The driver counts on one writer at a time, until his transaction has begun. */
static tenon_status
many_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    tenon_status st;

    (void)pthread_mutex_lock(&lock);
    st = sqlite->transaction->begin(conn, how, err);
    (void)pthread_mutex_unlock(&lock);
    return st;
}

static const tenon_column item_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true }
};
static const tenon_table item_table = {
    .name = "item", .columns = item_columns, .column_count = 1, .primary_key = TENON_COLUMNS(0)
};
static const tenon_table *const item_tables[] = { &item_table };
static const tenon_schema schema = {
    .name = "items", .version = 1, .tables = item_tables, .table_count = 1
};
static const tenon_query item_insert = {
    .name = "insert", .kind = TENON_INSERT, .table = &item_table, .columns = TENON_COLUMNS(0)
};

static const tenon_query audit_remove = { .name = "remove",
                                          .kind = TENON_DELETE,
                                          .table = &audit_table,
                                          .where = TENON_WHERE(TENON_EQ(ROW_CHAIN, 0),
                                                               TENON_EQ(ROW_NUMBER, 1)) };

static int
chains_setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/tenon-chains-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(url, sizeof url, "many:%s/db?durability=process", folder);
    return 0;
}

static int
chains_teardown(void **state)
{
    char command[96];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static tenon_db *
chains_open(void)
{
    const tenon_open_options o = { .size = sizeof o,
                                   .schema = &schema,
                                   .max_connections = WRITERS,
                                   .min_connections = UINT32_MAX,
                                   .audit = true };
    tenon_error err = { 0 };
    tenon_db *db;

    if (tenon_open(url, &o, &db, &err) != TENON_OK)
        fail_msg("%s", err.message);
    return db;
}

typedef struct writer {
    pthread_t thread;
    tenon_db *db;
    int64_t first;
    tenon_status st;
} writer;

static tenon_status
insert_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value row[] = { tenon_int(*(const int64_t *)arg) };

    return tenon_exec(txn, &item_insert, row, NULL, err);
}

static void *
writer_main(void *arg)
{
    writer *w = arg;

    for (int64_t id = w->first; id < w->first + ROUNDS && w->st == TENON_OK; id++)
        w->st = tenon_run(w->db, NULL, insert_body, &id, NULL);
    return NULL;
}

/* Let all write side by side. */
static void
write_all(tenon_db *db, int64_t first)
{
    writer writers[WRITERS];

    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){ .db = db, .first = first + i * ROUNDS };
        assert_int_equal(pthread_create(&writers[i].thread, NULL, writer_main, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        assert_int_equal(writers[i].st, TENON_OK);
    }
}

/* Write on two connections: a reader keeps the first one. */
static void
write_twice(tenon_db *db)
{
    static const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    tenon_txn *reader;
    int64_t id = -1;

    assert_int_equal(tenon_run(db, NULL, insert_body, &id, NULL), TENON_OK);
    assert_int_equal(tenon_begin(db, &reading, &reader, NULL), TENON_OK);
    id--;
    assert_int_equal(tenon_run(db, NULL, insert_body, &id, NULL), TENON_OK);
    tenon_rollback(reader);
}

/* What is said of the chains. */
typedef struct chains {
    uint64_t count, length;
    tenon_uuid first;
} chains;

static void
chains_tell(void *arg, const tenon_audit_chain *chain)
{
    chains *seen = arg;

    if (seen->count++ == 0)
        seen->first = chain->chain;
    seen->length += chain->length;
}

static chains
chains_of(tenon_db *db)
{
    chains seen = { 0 };

    assert_int_equal(tenon_db_audit_chains(db, chains_tell, &seen, NULL), TENON_OK);
    return seen;
}

static uint64_t
problems_of(tenon_db *db)
{
    uint64_t problems;

    assert_int_equal(tenon_db_verify(db, NULL, NULL, &problems, NULL), TENON_OK);
    return problems;
}

static void
each_connection_has_a_chain_and_each_row_a_place(void **state)
{
    tenon_db *db = chains_open();
    chains seen;

    (void)state;
    write_twice(db);
    assert_int_equal(chains_of(db).count, 2);
    write_all(db, 0);
    seen = chains_of(db);
    assert_in_range(seen.count, 2, WRITERS);
    assert_int_equal(seen.length, 2 + WRITERS * ROUNDS);
    assert_int_equal(problems_of(db), 0);
    write_all(db, 1000);
    assert_int_equal(chains_of(db).length, 2 + 2 * WRITERS * ROUNDS);
    assert_in_range(chains_of(db).count, seen.count, WRITERS);
    tenon_close(db);
    db = chains_open(); /* another process would begin chains of its own, too */
    write_all(db, 2000);
    assert_true(chains_of(db).count > seen.count);
    assert_int_equal(chains_of(db).length, 2 + 3 * WRITERS * ROUNDS);
    assert_int_equal(problems_of(db), 0);
    tenon_close(db);
}

static tenon_status
remove_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value at[] = { tenon_id((const tenon_uuid *)arg), tenon_int(2) };
    uint64_t affected = 0;
    tenon_status st = tenon_exec(txn, &audit_remove, at, &affected, err);

    return st == TENON_OK && affected != 1 ? TENON_NOT_FOUND : st;
}

static void
a_row_that_is_taken_from_one_of_the_chains_is_missed(void **state)
{
    tenon_db *db = chains_open();
    tenon_open_options plain = { .size = sizeof plain };
    tenon_db *thief;
    chains seen;

    (void)state;
    write_twice(db);
    write_all(db, 0);
    seen = chains_of(db);
    assert_int_equal(tenon_open(url, &plain, &thief, NULL), TENON_OK);
    assert_int_equal(tenon_run(thief, NULL, remove_body, &seen.first, NULL), TENON_OK);
    tenon_close(thief);
    assert_int_equal(problems_of(db), 1);
    tenon_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_connection_has_a_chain_and_each_row_a_place,
                                        chains_setup, chains_teardown),
        cmocka_unit_test_setup_teardown(a_row_that_is_taken_from_one_of_the_chains_is_missed,
                                        chains_setup, chains_teardown),
    };

    if (tni_driver_find_by_name("sqlite", NULL, &sqlite, NULL) != TENON_OK) {
        (void)printf("SKIPPED: the driver sqlite is not built\n");
        return 77;
    }
    many = *sqlite;
    many_database = *sqlite->database;
    many_database.info = many_info;
    many.database = &many_database;
    many_transaction = *sqlite->transaction;
    many_transaction.begin = many_begin;
    many.transaction = &many_transaction;
    many.name = "many";
    many.capabilities &= ~TENON_CAP_SINGLE_WRITER;
    if (tni_driver_register(&many, NULL) != TENON_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
