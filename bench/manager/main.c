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

static tenon_db *db, *audited_db;
static direct_db *driver_db;

static void
main_read(int64_t id)
{
    managed_read(db, id);
}

static void
main_write(int64_t id)
{
    managed_write(db, id);
}

static void
main_read_by_hand(int64_t id)
{
    managed_read_by_hand(db, id);
}

static void
main_write_by_hand(int64_t id)
{
    managed_write_by_hand(db, id);
}

static void
main_audited_write(int64_t id)
{
    managed_audited_write(audited_db, id);
}

static void
main_direct_read(int64_t id)
{
    direct_read(driver_db, id);
}

static void
main_direct_write(int64_t id)
{
    direct_write(driver_db, id);
}

/* ---- Slices ---- */

typedef struct main_case {
    const char *name;
    void (*managed)(int64_t id);
    void (*direct)(int64_t id);
    bool writes_more; /* than the direct side: not to be compared in allocations */
} main_case;

static const main_case main_cases[] = {
    { "read, tenon_run", main_read, main_direct_read, false },
    { "read, tenon_begin", main_read_by_hand, main_direct_read, false },
    { "write, tenon_run", main_write, main_direct_write, false },
    { "write, tenon_begin", main_write_by_hand, main_direct_write, false },
    { "write, audited", main_audited_write, main_direct_write, true },
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
    const char *folder = getenv("TENON_DRIVER_PATH");
    uint32_t rounds = 41, count = 20000;
    bool check = false, clean = true;

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
    driver_db = direct_open(folder);
    db = managed_open(NULL, false);
    audited_db = managed_open(NULL, true);
    (void)printf("a transaction on the memory driver: median (p10 - p90) of %u slices of %u\n",
                 rounds, count);
    for (size_t i = 0; i < sizeof main_cases / sizeof main_cases[0]; i++)
        clean = main_run(&main_cases[i], rounds, count) && clean;
    tenon_close(audited_db);
    tenon_close(db);
    direct_close(driver_db);
    if (check && !clean) {
        (void)fprintf(stderr, "bench-manager: the manager allocates\n");
        return 1;
    }
    return 0;
}
