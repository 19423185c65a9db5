/*
 * How long a rollback takes after many rows: bench-rollback [TIMES]. On each embedded driver, with
 * the durability that is the default there; the time of tenon_rollback alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tenon/tenon.h"

#define ROLLBACK_ROWS 1000
#define ROLLBACK_MOST 100000

enum { ITEM_ID, ITEM_LABEL };

static const tenon_column item_columns[] = {
    [ITEM_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [ITEM_LABEL] = { .name = "label", .type = TENON_TEXT, .not_null = true },
};
static const tenon_index item_indexes[] = { { .name = "item_by_label",
                                              .columns = TENON_COLUMNS(ITEM_LABEL) } };
static const tenon_table item_table = { .name = "item",
                                        .columns = item_columns,
                                        .column_count = 2,
                                        .primary_key = TENON_COLUMNS(ITEM_ID),
                                        .indexes = item_indexes,
                                        .index_count = 1 };
static const tenon_table *const item_tables[] = { &item_table };
static const tenon_schema item_schema = {
    .name = "items", .version = 1, .tables = item_tables, .table_count = 1
};
static const tenon_query item_insert = { .name = "insert",
                                         .kind = TENON_INSERT,
                                         .table = &item_table,
                                         .columns = TENON_COLUMNS(ITEM_ID, ITEM_LABEL) };

static void
rollback_check(tenon_status st, const tenon_error *err)
{
    if (st == TENON_OK)
        return;
    (void)fprintf(stderr, "bench-rollback: %s: %s\n", tenon_status_name(st), err->message);
    exit(1);
}

static double
rollback_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double
rollback_once(tenon_db *db)
{
    tenon_error err = { 0 };
    tenon_txn *txn;
    char label[64];
    double from_us;

    rollback_check(tenon_begin(db, NULL, &txn, &err), &err);
    for (int64_t id = 0; id < ROLLBACK_ROWS; id++) {
        tenon_value row[2] = { tenon_int(id), tenon_null() };

        (void)snprintf(label, sizeof label, "the label of item number %lld", (long long)id);
        row[1] = tenon_text(label);
        rollback_check(tenon_exec(txn, &item_insert, row, NULL, &err), &err);
    }
    from_us = rollback_now_us();
    tenon_rollback(txn);
    return rollback_now_us() - from_us;
}

static int
rollback_compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void
rollback_run(const char *url, uint32_t times)
{
    static double us[ROLLBACK_MOST];
    const tenon_open_options o = { .size = sizeof o, .schema = &item_schema };
    tenon_error err = { 0 };
    tenon_db *db;
    double sum = 0;

    rollback_check(tenon_open(url, &o, &db, &err), &err);
    for (uint32_t i = 0; i < times / 10 + 1; i++)
        (void)rollback_once(db);
    for (uint32_t i = 0; i < times; i++) {
        us[i] = rollback_once(db);
        sum += us[i];
    }
    tenon_close(db);
    qsort(us, times, sizeof *us, rollback_compare);
    (void)printf("%-8.*s mean %7.1f us, median %7.1f, p99 %7.1f, p99.9 %7.1f, max %7.1f\n",
                 (int)strcspn(url, ":"), url, sum / times, us[times / 2],
                 us[times - 1 - times / 100], us[times - 1 - times / 1000], us[times - 1]);
}

int
main(int argc, char **argv)
{
    char folder[] = "/tmp/tenon-rollback-XXXXXX", url[64], command[64];
    const uint32_t times = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10000;

    if (argc > 2 || times == 0 || times > ROLLBACK_MOST || mkdtemp(folder) == NULL) {
        (void)fprintf(stderr, "usage: %s [TIMES, at most %d]\n", argv[0], ROLLBACK_MOST);
        return 2;
    }
    (void)printf("a rollback after %d rows with an index, %u times\n", ROLLBACK_ROWS, times);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(url, sizeof url, "%s:%s/db%d", i == 0 ? "sqlite" : "lmdb", folder, i);
        rollback_run(url, times);
    }
    rollback_run("memory:", times);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? 0 : 1;
}
