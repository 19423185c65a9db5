/*
 * Turns between processes: turns URL-WITH-@DIR@. Two processes of three threads each add to one
 * counter as fast as they can, until together they have done TURNS_ALL. Each must have done a fair
 * part of it, none may have had the turn too often in a row, and nothing may be lost.
 *
 * On a busy machine a process that gets no processor for 25 ms gives the other one a thousand
 * turns, so the middle one of seven runs is judged; but nothing may be lost in any.
 *
 * That it can fail: with locks tried for every 1 to 4 ms and no line, as it was before
 * kits/posix/turn.c had one, 6 of 6 runs on a quiet machine had 1,202 to 7,043 turns in a row, the
 * worst one 7 % of the turns for one process; with it 10 of 10 had at most 538, and 36 % or more.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tenon/tenon.h"

#define TURNS_ALL 8000
#define TURNS_LEAST_PERCENT 20
#define TURNS_LONGEST_ROW 1000 /* counted, not timed: the machine may have other work */
#define TURNS_THREADS 3
#define TURNS_RUNS 7

enum { COUNTER_ID, COUNTER_N };

static const tenon_column counter_columns[] = {
    [COUNTER_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [COUNTER_N] = { .name = "n", .type = TENON_INT, .not_null = true },
};
static const tenon_table counter_table = { .name = "counter",
                                           .columns = counter_columns,
                                           .column_count = 2,
                                           .primary_key = TENON_COLUMNS(COUNTER_ID) };
static const tenon_table *const counter_tables[] = { &counter_table };
static const tenon_schema counter_schema = {
    .name = "counters", .version = 1, .tables = counter_tables, .table_count = 1
};
static const tenon_query counter_make = { .name = "make",
                                          .kind = TENON_INSERT,
                                          .table = &counter_table,
                                          .columns = TENON_COLUMNS(COUNTER_ID, COUNTER_N) };
static const tenon_query counter_add = { .name = "add",
                                         .kind = TENON_UPDATE,
                                         .table = &counter_table,
                                         .set = TENON_SET(TENON_PLUS(COUNTER_N, 0)),
                                         .where = TENON_WHERE(TENON_EQ(COUNTER_ID, 1)) };
static const tenon_query counter_get = { .name = "get",
                                         .kind = TENON_SELECT,
                                         .table = &counter_table,
                                         .columns = TENON_COLUMNS(COUNTER_N),
                                         .where = TENON_WHERE(TENON_EQ(COUNTER_ID, 0)) };

/* Shared by the processes; `last` and `row_now` are touched by who has the turn only. */
typedef struct turns {
    atomic_int ready, failures;
    atomic_int done[2];
    atomic_int row[2]; /* turns of each one in a row, the most */
    atomic_int last, row_now;
    atomic_uint longest_us[2];
} turns;

/* What a run came to. */
typedef struct turns_run {
    bool sound;  /* nothing was lost */
    int percent; /* the smaller share */
    int row;     /* the longest */
} turns_run;

static turns *shared;
static tenon_db *db;
static int who;

static uint64_t
now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static tenon_db *
turns_open(const char *url)
{
    const tenon_open_options o = { .size = sizeof o, .schema = &counter_schema };
    tenon_error err = { 0 };
    tenon_db *opened = NULL;

    if (tenon_open(url, &o, &opened, &err) != TENON_OK) {
        (void)fprintf(stderr, "turns: open: %s\n", err.message);
        exit(2);
    }
    return opened;
}

/* ---- A process ---- */

static tenon_status
turns_add(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value params[] = { tenon_int(1), tenon_int(0) };
    uint64_t affected;
    tenon_status st = tenon_exec(txn, &counter_add, params, &affected, err);

    (void)arg;
    if (st != TENON_OK)
        return st;
    if (atomic_exchange(&shared->last, who) != who)
        atomic_store(&shared->row_now, 0);
    if (atomic_fetch_add(&shared->row_now, 1) + 1 > atomic_load(&shared->row[who]))
        atomic_store(&shared->row[who], atomic_load(&shared->row_now));
    return st;
}

static void *
turns_work(void *arg)
{
    tenon_error err = { 0 };

    (void)arg;
    while (atomic_load(&shared->done[0]) + atomic_load(&shared->done[1]) < TURNS_ALL &&
           atomic_load(&shared->failures) == 0) {
        const uint64_t began_us = now_us();
        unsigned int took_us, seen = atomic_load(&shared->longest_us[who]);

        if (tenon_run(db, NULL, turns_add, NULL, &err) != TENON_OK) {
            (void)fprintf(stderr, "turns: %s\n", err.message);
            atomic_fetch_add(&shared->failures, 1);
            break;
        }
        atomic_fetch_add(&shared->done[who], 1);
        took_us = (unsigned int)(now_us() - began_us);
        while (took_us > seen &&
               !atomic_compare_exchange_weak(&shared->longest_us[who], &seen, took_us))
            ;
    }
    return NULL;
}

static int
turns_process(const char *url)
{
    pthread_t threads[TURNS_THREADS];

    db = turns_open(url);
    atomic_fetch_add(&shared->ready, 1);
    while (atomic_load(&shared->ready) < 2) /* both begin together */
        (void)nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
    for (int i = 0; i < TURNS_THREADS; i++) {
        if (pthread_create(&threads[i], NULL, turns_work, NULL) != 0)
            return 2;
    }
    for (int i = 0; i < TURNS_THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    tenon_close(db);
    return 0;
}

/* ---- Both ---- */

static tenon_status
turns_make(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value row[] = { tenon_int(0), tenon_int(0) };

    (void)arg;
    return tenon_exec(txn, &counter_make, row, NULL, err);
}

static tenon_status
turns_look(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value id[] = { tenon_int(0) };
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &counter_get, id, &row, err);

    if (st == TENON_OK)
        *(int64_t *)arg = row[0].as.i;
    return st;
}

static int
turns_once(const char *url, tenon_txn_fn fn, void *arg)
{
    tenon_db *once = turns_open(url);
    tenon_error err = { 0 };
    tenon_status st = tenon_run(once, NULL, fn, arg, &err);

    if (st != TENON_OK)
        (void)fprintf(stderr, "turns: %s\n", err.message);
    tenon_close(once);
    return st == TENON_OK ? 0 : 2;
}

/* A child each: this process opens no database before it forks. */
static pid_t
turns_fork(const char *url, int number)
{
    const pid_t child = fork();

    if (child != 0)
        return child;
    who = number < 0 ? 0 : number;
    exit(number < 0 ? turns_once(url, turns_make, NULL) : turns_process(url));
}

static int
turns_wait(pid_t child)
{
    int status = 0;

    return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

static bool
turns_share(const char *folder)
{
    char path[128];
    int fd;

    (void)snprintf(path, sizeof path, "%s/shared", folder);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *shared) != 0)
        return false;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    return shared != MAP_FAILED;
}

static turns_run
turns_look_at(int64_t counted)
{
    const int all = atomic_load(&shared->done[0]) + atomic_load(&shared->done[1]);
    turns_run run = { .sound = counted == all && atomic_load(&shared->failures) == 0,
                      .percent = 100 };

    for (int i = 0; i < 2; i++) {
        const int done = atomic_load(&shared->done[i]), row = atomic_load(&shared->row[i]);

        (void)printf("process %d: %d of %d turns, at most %d in a row; longest wait %.1f ms\n", i,
                     done, all, row, atomic_load(&shared->longest_us[i]) / 1000.0);
        run.percent = all > 0 && done * 100 / all < run.percent ? done * 100 / all : run.percent;
        run.row = row > run.row ? row : run.row;
    }
    if (counted != all)
        (void)printf("the counter says %lld\n", (long long)counted);
    return run;
}

static turns_run
turns_try(const char *given, const char *at)
{
    char folder[] = "/tmp/tenon-turns-XXXXXX", url[256], command[64];
    turns_run run = { .sound = false };
    pid_t children[2];
    int64_t counted = 0;
    int failed;

    if (mkdtemp(folder) == NULL || !turns_share(folder))
        return run;
    (void)snprintf(url, sizeof url, "%.*s%s%s", (int)(at - given), given, folder, at + 5);
    failed = turns_wait(turns_fork(url, -1));
    if (!failed) {
        children[0] = turns_fork(url, 0);
        children[1] = turns_fork(url, 1);
        failed |= turns_wait(children[0]);
        failed |= turns_wait(children[1]);
    }
    if (!failed && turns_once(url, turns_look, &counted) == 0)
        run = turns_look_at(counted);
    (void)munmap(shared, sizeof *shared);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    run.sound = system(command) == 0 && run.sound;
    return run;
}

static int
turns_compare(const void *a, const void *b)
{
    const int *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int
main(int argc, char **argv)
{
    const char *at = argc == 2 ? strstr(argv[1], "@DIR@") : NULL;
    /* What sanitizers add differs between the two. */
    const int least = TURNS_LEAST_PERCENT / (getenv("TENON_TEST_SLOW") != NULL ? 2 : 1);
    int percents[TURNS_RUNS], rows[TURNS_RUNS];

    if (at == NULL)
        return 2;
    for (int i = 0; i < TURNS_RUNS; i++) {
        const turns_run run = turns_try(argv[1], at);

        (void)fflush(stdout);
        if (!run.sound)
            return 1;
        percents[i] = run.percent;
        rows[i] = run.row;
    }
    qsort(percents, TURNS_RUNS, sizeof *percents, turns_compare);
    qsort(rows, TURNS_RUNS, sizeof *rows, turns_compare);
    (void)printf("in the middle: %d %% or more for each, at most %d in a row\n",
                 percents[TURNS_RUNS / 2], rows[TURNS_RUNS / 2]);
    return percents[TURNS_RUNS / 2] >= least && rows[TURNS_RUNS / 2] <= TURNS_LONGEST_ROW ? 0 : 1;
}
