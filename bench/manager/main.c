/*
 * What the manager adds to a begin, one statement and a commit: nanoseconds, and allocations; and
 * what an audit row adds to that.
 *
 *     bench-manager [--rounds N] [--transactions N] [--check]
 *
 * Both sides run in one process in slices of balanced order; the difference of each pair of slices
 * is taken before the median, so that what the machine does to both falls out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manager.h"

#define MAIN_MOST_ROUNDS 1000

enum { ITEM_ID, ITEM_N };

static const tenon_column item_columns[] = {
    [ITEM_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [ITEM_N] = { .name = "n", .type = TENON_INT },
};
static const tenon_table item_table = { .name = "item",
                                        .columns = item_columns,
                                        .column_count = 2,
                                        .primary_key = TENON_COLUMNS(ITEM_ID) };
static const tenon_table *const item_tables[] = { &item_table };
static const tenon_schema item_schema = {
    .name = "items", .version = 1, .tables = item_tables, .table_count = 1
};
static const tenon_query item_insert = { .name = "insert",
                                         .kind = TENON_INSERT,
                                         .table = &item_table,
                                         .columns = TENON_COLUMNS(ITEM_ID, ITEM_N) };
static const tenon_query item_read = { .name = "read",
                                       .kind = TENON_SELECT,
                                       .table = &item_table,
                                       .columns = TENON_COLUMNS(ITEM_N),
                                       .where = TENON_WHERE(TENON_EQ(ITEM_ID, 0)) };
static const tenon_query item_write = { .name = "write",
                                        .kind = TENON_UPDATE,
                                        .table = &item_table,
                                        .set = TENON_SET(TENON_TO(ITEM_N, 1)),
                                        .where = TENON_WHERE(TENON_EQ(ITEM_ID, 0)) };

static tenon_db *db, *audited_db;

static void
main_check(tenon_status st, const tenon_error *err)
{
    if (st == TENON_OK)
        return;
    (void)fprintf(stderr, "bench-manager: %s: %s\n", tenon_status_name(st), err->message);
    exit(1);
}

/* ---- Tenon's side ---- */

static tenon_status
fill_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_status st = TENON_OK;

    (void)arg;
    for (int64_t id = 0; id < MANAGER_ROWS && st == TENON_OK; id++) {
        const tenon_value params[] = { tenon_int(id), tenon_int(id) };

        st = tenon_exec(txn, &item_insert, params, NULL, err);
    }
    return st;
}

static tenon_status
read_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const int64_t *id = arg;
    const tenon_value params[] = { tenon_int(*id) };
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &item_read, params, &row, err);

    if (st == TENON_OK && row[0].as.i < 0)
        exit(1);
    return st;
}

static tenon_status
write_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const int64_t *id = arg;
    const tenon_value params[] = { tenon_int(*id), tenon_int(*id + 1) };

    return tenon_exec(txn, &item_write, params, NULL, err);
}

static const tenon_txn_options reading = { .size = sizeof reading,
                                           .name = "read",
                                           .read_only = true };
static const tenon_txn_options writing = { .size = sizeof writing, .name = "write" };

static void
managed_read(int64_t id)
{
    tenon_error err;

    main_check(tenon_run(db, &reading, read_body, &id, &err), &err);
}

static void
managed_write(int64_t id)
{
    tenon_error err;

    main_check(tenon_run(db, &writing, write_body, &id, &err), &err);
}

static void
by_hand(const tenon_txn_options *options, tenon_txn_fn body, int64_t id)
{
    tenon_error err;
    tenon_txn *txn;

    main_check(tenon_begin(db, options, &txn, &err), &err);
    main_check(body(txn, &id, &err), &err);
    main_check(tenon_commit(txn, &err), &err);
}

static void
by_hand_read(int64_t id)
{
    by_hand(&reading, read_body, id);
}

static void
by_hand_write(int64_t id)
{
    by_hand(&writing, write_body, id);
}

static void
audited_write(int64_t id)
{
    static const tenon_txn_options by_ann = {
        .size = sizeof by_ann, .name = "write", .actor = "ann", .details = "a new number"
    };
    tenon_error err;

    main_check(tenon_run(audited_db, &by_ann, write_body, &id, &err), &err);
}

/* ---- Slices ---- */

typedef struct main_case {
    const char *name;
    void (*managed)(int64_t id);
    void (*direct)(int64_t id);
    bool writes_more; /* than the direct side: not to be compared in allocations */
} main_case;

static const main_case main_cases[] = {
    { "read, tenon_run", managed_read, direct_read, false },
    { "read, tenon_begin", by_hand_read, direct_read, false },
    { "write, tenon_run", managed_write, direct_write, false },
    { "write, tenon_begin", by_hand_write, direct_write, false },
    { "write, audited", audited_write, direct_write, true },
};

static double
main_slice(void (*one)(int64_t), uint32_t count)
{
    struct timespec from, to;

    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    for (uint32_t i = 0; i < count; i++)
        one(i * 7 % MANAGER_ROWS);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / count;
}

static int
main_compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void
main_show(const char *name, double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, main_compare);
    (void)printf("%10.0f (%.0f - %.0f) %s", values[count / 2], values[count / 10],
                 values[count - 1 - count / 10], name);
}

/* Allocations of `count` transactions. */
static double
main_allocations(void (*one)(int64_t), uint32_t count)
{
    const uint64_t before = allocations();

    (void)main_slice(one, count);
    return (double)(allocations() - before) / count;
}

static bool
main_run(const main_case *c, uint32_t rounds, uint32_t count)
{
    static double managed[MAIN_MOST_ROUNDS], direct[MAIN_MOST_ROUNDS], added[MAIN_MOST_ROUNDS];
    double managed_allocations, direct_allocations;

    (void)main_slice(c->managed, count);
    (void)main_slice(c->direct, count);
    for (uint32_t r = 0; r < rounds; r++) {
        if (r % 2 == 0)
            managed[r] = main_slice(c->managed, count);
        direct[r] = main_slice(c->direct, count);
        if (r % 2 != 0)
            managed[r] = main_slice(c->managed, count);
        added[r] = managed[r] - direct[r];
    }
    managed_allocations = main_allocations(c->managed, count);
    direct_allocations = main_allocations(c->direct, count);
    (void)printf("%-18s", c->name);
    main_show("ns managed,", managed, rounds);
    main_show("ns direct,", direct, rounds);
    main_show("ns added;", added, rounds);
    (void)printf(" allocations %.2f managed, %.2f direct\n", managed_allocations,
                 direct_allocations);
    /* The managed database has a catalogue beside its rows, so its tree is a little deeper. */
    return c->writes_more || managed_allocations <= direct_allocations + 0.5;
}

int
main(int argc, char **argv)
{
    const tenon_open_options options = { .size = sizeof options, .schema = &item_schema };
    const tenon_open_options audited = { .size = sizeof audited,
                                         .schema = &item_schema,
                                         .audit = true };
    const char *folder = getenv("TENON_DRIVER_PATH");
    uint32_t rounds = 41, count = 20000;
    bool check = false, clean = true;
    tenon_error err;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--check") == 0)
            check = true;
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
            rounds = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--transactions") == 0 && i + 1 < argc)
            count = (uint32_t)strtoul(argv[++i], NULL, 10);
        else
            rounds = 0;
    }
    if (rounds == 0 || rounds > MAIN_MOST_ROUNDS || count == 0 || folder == NULL) {
        (void)fprintf(stderr,
                      "usage: TENON_DRIVER_PATH=FOLDER %s [--rounds N] [--transactions N] "
                      "[--check]\n",
                      argv[0]);
        return 2;
    }
    direct_open(folder);
    main_check(tenon_open("memory:", &options, &db, &err), &err);
    main_check(tenon_run(db, NULL, fill_body, NULL, &err), &err);
    main_check(tenon_open("memory:", &audited, &audited_db, &err), &err);
    main_check(tenon_run(audited_db, NULL, fill_body, NULL, &err), &err);
    (void)printf("a transaction on the memory driver: median (p10 - p90) of %u slices of %u\n",
                 rounds, count);
    for (size_t i = 0; i < sizeof main_cases / sizeof main_cases[0]; i++)
        clean = main_run(&main_cases[i], rounds, count) && clean;
    tenon_close(audited_db);
    tenon_close(db);
    direct_close();
    if (check && !clean) {
        (void)fprintf(stderr, "bench-manager: the manager allocates\n");
        return 1;
    }
    return 0;
}
