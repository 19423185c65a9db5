/*
 * The log of a SQLite file is moved into the file by a thread: it stays bounded under writers that
 * never pause, keeps no reader waiting, and ends with the database.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tenon/tenon.h"

/* As drivers/sqlite/README.md has it: 16,000 pages of 4 KiB, and a commit. */
#define LOG_MOST_BYTES (INT64_C(17000) * 4120)
#define LOG_KEPT_BYTES (INT64_C(64) << 20)
#define BODY_BYTES 40000
#define WRITERS 4
#define WRITES 600 /* by each of them: 96 MB in all */

enum { PAGE_ID, PAGE_BODY };

static const tenon_column page_columns[] = {
    [PAGE_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [PAGE_BODY] = { .name = "body", .type = TENON_BLOB, .not_null = true },
};
static const tenon_table page_table = { .name = "page",
                                        .columns = page_columns,
                                        .column_count = 2,
                                        .primary_key = TENON_COLUMNS(PAGE_ID) };
static const tenon_table *const page_tables[] = { &page_table };
static const tenon_schema page_schema = {
    .name = "pages", .version = 1, .tables = page_tables, .table_count = 1
};
static const tenon_query page_put = { .name = "put",
                                      .kind = TENON_INSERT,
                                      .table = &page_table,
                                      .columns = TENON_COLUMNS(PAGE_ID, PAGE_BODY) };
static const tenon_query page_count = { .name = "count",
                                        .kind = TENON_COUNT,
                                        .table = &page_table };
static const tenon_query page_get = { .name = "get",
                                      .kind = TENON_SELECT,
                                      .table = &page_table,
                                      .columns = TENON_COLUMNS(PAGE_ID),
                                      .where = TENON_WHERE(TENON_EQ(PAGE_ID, 0)) };
static const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };

static unsigned char body[BODY_BYTES];
static char folder[] = "/tmp/tenon-checkpoint-XXXXXX";
static char path[64];
static atomic_int next_id, failures;

static tenon_db *
open_pages(const char *params)
{
    const tenon_open_options o = { .size = sizeof o, .schema = &page_schema };
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    char url[160];

    (void)snprintf(url, sizeof url, "sqlite:%s?durability=process%s", path, params);
    if (tenon_open(url, &o, &db, &err) != TENON_OK)
        fail_msg("%s", err.message);
    return db;
}

static int
fresh(void **state)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    char name[80];

    (void)state;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
    atomic_store(&next_id, 0);
    atomic_store(&failures, 0);
    return 0;
}

static int64_t
log_bytes(void)
{
    char name[80];
    struct stat st;

    (void)snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &st) == 0 ? st.st_size : 0;
}

static int
threads_of_process(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;

    if (tasks == NULL)
        return 0;
    while (readdir(tasks) != NULL)
        count++;
    (void)closedir(tasks);
    return count;
}

/* ---- At work ---- */

static tenon_status
put_page(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value row[] = { tenon_int(*(const int *)arg), tenon_blob(body, sizeof body) };

    return tenon_exec(txn, &page_put, row, NULL, err);
}

static void
write_page(tenon_db *db)
{
    int id = atomic_fetch_add(&next_id, 1);
    tenon_error err = { 0 };

    if (tenon_run(db, NULL, put_page, &id, &err) != TENON_OK) {
        (void)fprintf(stderr, "write: %s\n", err.message);
        atomic_fetch_add(&failures, 1);
    }
}

static void *
write_pages(void *db)
{
    for (int i = 0; i < WRITES; i++)
        write_page(db);
    return NULL;
}

static tenon_status
look_for_page(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value id[] = { tenon_int(*(const int *)arg) };
    const tenon_value *row;

    return tenon_fetch(txn, &page_get, id, &row, err);
}

static void
read_page(tenon_db *db, int id)
{
    tenon_error err = { 0 };

    if (tenon_run(db, &reading, look_for_page, &id, &err) != TENON_OK) {
        (void)fprintf(stderr, "read: %s\n", err.message);
        atomic_fetch_add(&failures, 1);
    }
}

static atomic_bool reads_on;

static void *
read_pages(void *db)
{
    while (atomic_load(&reads_on))
        read_page(db, 0);
    return NULL;
}

static int64_t
count_pages(tenon_db *db)
{
    tenon_txn *txn = NULL;
    const tenon_value *row = NULL;
    int64_t count;

    assert_int_equal(tenon_begin(db, &reading, &txn, NULL), TENON_OK);
    assert_int_equal(tenon_fetch(txn, &page_count, NULL, &row, NULL), TENON_OK);
    count = row[0].as.i;
    tenon_rollback(txn);
    return count;
}

/* Four that write, one that reads. @return the longest that the log has been */
static int64_t
work(const char *params)
{
    tenon_db *db = open_pages(params);
    pthread_t writers[WRITERS], reader;
    int64_t longest;

    write_page(db);
    atomic_store(&reads_on, true);
    assert_int_equal(pthread_create(&reader, NULL, read_pages, db), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_pages, db), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(writers[i], NULL), 0);
    atomic_store(&reads_on, false);
    assert_int_equal(pthread_join(reader, NULL), 0);
    longest = log_bytes(); /* which only grows: it is overwritten, not cut */
    assert_int_equal(count_pages(db), WRITERS * WRITES + 1);
    tenon_close(db);
    assert_int_equal(atomic_load(&failures), 0);
    return longest;
}

/* ---- Tests ---- */

static void
the_log_stays_bounded_under_writers_that_never_pause(void **state)
{
    (void)state;
    assert_in_range(work(""), 1, LOG_MOST_BYTES);
}

/* Without checkpoints the same work leaves a log that is longer: the test above means something. */
static void
without_checkpoints_the_log_grows(void **state)
{
    (void)state;
    assert_true(work("&wal_autocheckpoint=0") > LOG_MOST_BYTES);
}

/* Who reads an old state keeps the log from being begun anew, and nobody from reading or writing.
 * When he is gone, it is, and its file is cut. */
static void
a_long_reader_holds_the_log_and_nobody_else(void **state)
{
    tenon_db *db = open_pages("");
    tenon_txn *old = NULL;
    int id = 0;
    int64_t grown;

    (void)state;
    write_page(db);
    assert_int_equal(tenon_begin(db, &reading, &old, NULL), TENON_OK);
    assert_int_equal(look_for_page(old, &id, NULL), TENON_OK);
    while (log_bytes() <= LOG_KEPT_BYTES && atomic_load(&failures) == 0) {
        write_page(db);
        read_page(db, atomic_load(&next_id) - 1);
    }
    grown = log_bytes();
    tenon_rollback(old);
    while (log_bytes() > LOG_KEPT_BYTES && log_bytes() < 3 * grown)
        write_page(db);
    assert_in_range(log_bytes(), 1, LOG_KEPT_BYTES);
    assert_int_equal(atomic_load(&failures), 0);
    assert_int_equal(count_pages(db), atomic_load(&next_id));
    tenon_close(db);
}

static void
a_database_closes_while_its_log_is_moved(void **state)
{
    const int before = threads_of_process();

    (void)state;
    for (int round = 0; round < 5; round++) {
        tenon_db *db = open_pages("");
        int alone = threads_of_process();

        while (threads_of_process() <= alone) /* the thread that moves it begins */
            write_page(db);
        for (int i = 0; i < 100 * round; i++)
            write_page(db);
        tenon_close(db);
        assert_int_equal(threads_of_process(), before);
        db = open_pages("");
        assert_int_equal(count_pages(db), atomic_load(&next_id));
        tenon_close(db);
    }
    assert_int_equal(atomic_load(&failures), 0);
}

static void
sqlite_does_it_itself_where_the_url_says_so(void **state)
{
    tenon_db *db = open_pages("&wal_autocheckpoint=100");
    const int alone = threads_of_process();

    (void)state;
    for (int i = 0; i < 600; i++) /* 6,000 pages */
        write_page(db);
    assert_int_equal(threads_of_process(), alone);
    assert_in_range(log_bytes(), 1, LOG_MOST_BYTES / 16);
    tenon_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_log_stays_bounded_under_writers_that_never_pause, fresh),
        cmocka_unit_test_setup(without_checkpoints_the_log_grows, fresh),
        cmocka_unit_test_setup(a_long_reader_holds_the_log_and_nobody_else, fresh),
        cmocka_unit_test_setup(a_database_closes_while_its_log_is_moved, fresh),
        cmocka_unit_test_setup(sqlite_does_it_itself_where_the_url_says_so, fresh),
    };
    int failed;

    if (mkdtemp(folder) == NULL)
        return EXIT_FAILURE;
    (void)snprintf(path, sizeof path, "%s/db", folder);
    failed = cmocka_run_group_tests_name("sqlite.checkpoint", tests, NULL, NULL);
    (void)fresh(NULL);
    return rmdir(folder) == 0 ? failed : EXIT_FAILURE;
}
