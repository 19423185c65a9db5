/*
 * The manager under load: soak DRIVER THREADS SECONDS.
 *
 * 32 connections, 100 transactions at once. A third of the threads run slow transactions, a few
 * begin one and fall asleep over it, the others run short ones. Checked: nobody is told of his
 * deadline more than 100 ms late, no transaction lives 100 ms longer than its deadline while its
 * owner sleeps, nobody starves, every transaction is counted once, and memory does not grow.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stall.h"
#include "tenon/tenon.h"

#define SOAK_MOST_THREADS 1000
#define SOAK_ROWS 1000
#define SOAK_WAITS 2000000
#define SOAK_LOOK_US 2000 /* between two looks at the transactions in progress */
#define SOAK_LATE_US 100000
#define SOAK_SLACK_BYTES (4 << 20) /* beside a tenth, for page caches that are not full yet */

enum { ITEM_ID, ITEM_N };

static const tenon_column item_columns[] = {
    [ITEM_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [ITEM_N] = { .name = "n", .type = TENON_INT, .not_null = true },
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
static const tenon_query item_get = { .name = "get",
                                      .kind = TENON_SELECT,
                                      .table = &item_table,
                                      .columns = TENON_COLUMNS(ITEM_N),
                                      .where = TENON_WHERE(TENON_EQ(ITEM_ID, 0)) };
static const tenon_query item_add = { .name = "add",
                                      .kind = TENON_UPDATE,
                                      .table = &item_table,
                                      .set = TENON_SET(TENON_PLUS(ITEM_N, 1)),
                                      .where = TENON_WHERE(TENON_EQ(ITEM_ID, 0)) };

/* What a thread does over and over. */
enum {
    SHORT_READ,
    SHORT_WRITE,
    SLOW_READ,
    SLOW_WRITE,
    SILENT_WRITE,
    SILENT_READ,
    SILENT_BODY,
    KINDS
};

static const char *const kind_names[KINDS] = { "short read", "short write",  "slow read",
                                               "slow write", "silent write", "silent read",
                                               "silent body" };

/* One for each kind, so that who watches can tell by a transaction's age how late it is. Silent
 * writers get their turn in time, and then not so long that others starve. */
static const uint32_t kind_timeout_ms[KINDS] = { 10000, 10000, 10000, 10000, 340, 100, 380 };

typedef struct worker {
    pthread_t thread;
    uint32_t kind;
    uint64_t random;
    uint64_t calls, committed, timed_out, others;
    uint64_t latest_us; /* after a deadline */
} worker;

typedef struct soak_wait {
    uint64_t from_us;
    uint32_t us;
} soak_wait;

static struct {
    tenon_db *db;
    atomic_bool stop;
    atomic_llong added;
    atomic_uint_fast64_t wait_count[2];
    soak_wait waits[2][SOAK_WAITS];              /* readers', writers' */
    uint64_t overdue[KINDS], lived_on_us[KINDS]; /* the watcher's: rolled back, past its deadline */
} soak;

static uint64_t
soak_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
soak_sleep_us(uint64_t us)
{
    (void)nanosleep(&(struct timespec){ .tv_sec = (time_t)(us / 1000000),
                                        .tv_nsec = (long)(us % 1000000) * 1000 },
                    NULL);
}

static uint64_t
soak_random(worker *w, uint64_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random % below;
}

/* One call in progress. */
typedef struct soak_call {
    worker *w;
    uint64_t asked_us;
    uint64_t sleep_us;
    bool writes;
} soak_call;

static void
soak_note_wait(const soak_call *call)
{
    const uint64_t waited_us = soak_now_us() - call->asked_us;
    const uint64_t at = atomic_fetch_add(&soak.wait_count[call->writes], 1);

    if (at < SOAK_WAITS)
        soak.waits[call->writes][at] = (soak_wait){ call->asked_us, (uint32_t)waited_us };
}

static tenon_status
soak_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    soak_call *call = arg;
    const tenon_value params[] = { tenon_int((int64_t)soak_random(call->w, SOAK_ROWS)),
                                   tenon_int(1) };
    const tenon_value *row;
    uint64_t affected;
    tenon_status st;

    if (tenon_txn_attempt(txn) == 1)
        soak_note_wait(call);
    st = call->writes ? tenon_exec(txn, &item_add, params, &affected, err)
                      : tenon_fetch(txn, &item_get, params, &row, err);
    if (call->sleep_us > 0)
        soak_sleep_us(call->sleep_us);
    return st;
}

static void
soak_count(worker *w, tenon_status st, uint64_t asked_us, uint64_t timeout_us, uint64_t slept_us)
{
    const uint64_t now_us = soak_now_us();
    const uint64_t due_us = asked_us + (timeout_us > slept_us ? timeout_us : slept_us);

    w->calls++;
    w->committed += st == TENON_OK;
    w->timed_out += st == TENON_TIMEOUT;
    w->others += st != TENON_OK && st != TENON_TIMEOUT;
    if (st == TENON_TIMEOUT && now_us > due_us && now_us - due_us > w->latest_us)
        w->latest_us = now_us - due_us;
}

static void
soak_run(worker *w)
{
    const bool slow = w->kind == SLOW_READ || w->kind == SLOW_WRITE;
    const bool silent = w->kind == SILENT_BODY;
    const uint32_t timeout_ms = kind_timeout_ms[w->kind];
    const tenon_txn_options o = { .size = sizeof o,
                                  .name = kind_names[w->kind],
                                  .timeout_ms = timeout_ms,
                                  .read_only = w->kind == SHORT_READ || w->kind == SLOW_READ,
                                  .may_wait = silent };
    soak_call call = { .w = w, .writes = !o.read_only };
    tenon_status st;

    /* Long enough that connections, not processors, are what is waited for. */
    call.sleep_us = slow ? 5000 + soak_random(w, 10000) : 1000;
    if (slow && call.writes)
        call.sleep_us = 2000 + soak_random(w, 2000);
    if (silent)
        call.sleep_us = 1000 * ((uint64_t)timeout_ms + 100);
    call.asked_us = soak_now_us();
    st = tenon_run(soak.db, &o, soak_body, &call, NULL);
    if (st == TENON_OK && call.writes)
        (void)atomic_fetch_add(&soak.added, 1);
    soak_count(w, st, call.asked_us, (uint64_t)timeout_ms * 1000,
               soak_now_us() - call.asked_us < call.sleep_us ? 0
               : silent                                      ? UINT32_MAX
                                                             : 0);
    if (silent)
        soak_sleep_us(500000);
}

/* Begin, and do nothing until long after the deadline. */
static void
soak_fall_asleep(worker *w)
{
    const uint32_t timeout_ms = kind_timeout_ms[w->kind];
    const tenon_txn_options o = { .size = sizeof o,
                                  .name = kind_names[w->kind],
                                  .timeout_ms = timeout_ms,
                                  .read_only = w->kind == SILENT_READ };
    const uint64_t asked_us = soak_now_us();
    const tenon_value params[] = { tenon_int(1), tenon_int(1) };
    tenon_txn *txn;
    tenon_status st = tenon_begin(soak.db, &o, &txn, NULL);

    if (st == TENON_OK) {
        if (!o.read_only)
            (void)tenon_exec(txn, &item_add, params, NULL, NULL);
        soak_sleep_us((uint64_t)timeout_ms * 1000 + 150000);
        st = tenon_commit(txn, NULL);
        if (st == TENON_OK)
            (void)atomic_fetch_add(&soak.added, 1000000); /* a commit after the deadline */
        w->calls++;
        w->timed_out += st == TENON_TIMEOUT;
        w->others += st != TENON_TIMEOUT;
    } else {
        soak_count(w, st, asked_us, (uint64_t)timeout_ms * 1000, 0);
    }
    soak_sleep_us(500000);
}

static void *
soak_main(void *arg)
{
    worker *w = arg;

    while (!atomic_load(&soak.stop)) {
        if (w->kind == SILENT_READ || w->kind == SILENT_WRITE)
            soak_fall_asleep(w);
        else
            soak_run(w);
    }
    return NULL;
}

/* ---- Watching ---- */

/* A transaction that nobody has ended yet, or that was rolled back for its owner. Whoever waits
 * tells of his deadline himself; a commit that has begun may end later. */
static void
soak_look(void *arg, const tenon_live *live)
{
    uint32_t kind = 0;
    uint64_t due_us;

    (void)arg;
    while (kind < KINDS && strcmp(live->name, kind_names[kind]) != 0)
        kind++;
    if (live->doing > TENON_DOING_OVERDUE || kind == KINDS)
        abort();
    due_us = (uint64_t)kind_timeout_ms[kind] * 1000;
    if (live->doing == TENON_DOING_OVERDUE)
        soak.overdue[kind]++;
    else if ((live->doing == TENON_DOING_NOTHING || live->doing == TENON_DOING_STATEMENT) &&
             live->age_us > due_us && live->age_us - due_us > soak.lived_on_us[kind])
        soak.lived_on_us[kind] = live->age_us - due_us;
}

/* But for the list of waits, which is all there from the start. */
static uint64_t
soak_resident_bytes(void)
{
    unsigned long long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &pages, &resident) != 2)
        resident = 0;
    (void)fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE) - sizeof soak.waits;
}

/* @return memory in use, at the end */
static uint64_t
soak_watch_until(uint64_t until_us)
{
    while (soak_now_us() < until_us) {
        soak_sleep_us(SOAK_LOOK_US);
        tenon_db_transactions(soak.db, soak_look, NULL);
    }
    return soak_resident_bytes();
}

static tenon_status
soak_fill(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_status st = TENON_OK;

    (void)arg;
    for (int64_t id = 0; id < SOAK_ROWS && st == TENON_OK; id++) {
        const tenon_value row[] = { tenon_int(id), tenon_int(0) };

        st = tenon_exec(txn, &item_insert, row, NULL, err);
    }
    return st;
}

static const tenon_query item_all = {
    .name = "all", .kind = TENON_SELECT, .table = &item_table, .columns = TENON_COLUMNS(ITEM_N)
};

static tenon_status
soak_sum(tenon_txn *txn, void *arg, tenon_error *err)
{
    int64_t *sum = arg;
    const tenon_value *row;
    tenon_cursor *cursor;
    tenon_status st = tenon_select(txn, &item_all, NULL, &cursor, err);

    *sum = 0;
    while (st == TENON_OK && (st = tenon_next(cursor, &row, err)) == TENON_OK)
        *sum += row[0].as.i;
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static int
soak_compare(const void *a, const void *b)
{
    const soak_wait *x = a, *y = b;

    return (x->us > y->us) - (x->us < y->us);
}

static int soak_failures;

static void
soak_expect(bool holds, const char *what)
{
    if (holds)
        return;
    (void)printf("FAILED: %s\n", what);
    soak_failures++;
}

/* A wait of more than 3 medians has to be explained by the times in which a processor stood still
 * while it lasted. */
static void
soak_report_waits(int writes)
{
    uint64_t count = atomic_load(&soak.wait_count[writes]);
    soak_wait *waits = soak.waits[writes];
    uint32_t median_us, longest_us;
    bool explained = true;
    uint64_t long_count = 0;

    if (count > SOAK_WAITS)
        count = SOAK_WAITS;
    if (count == 0)
        return;
    qsort(waits, count, sizeof *waits, soak_compare);
    median_us = waits[count / 2].us;
    longest_us = waits[count - 1].us;
    for (uint64_t i = count; i-- > 0 && waits[i].us > 3 * (uint64_t)median_us; long_count++) {
        const uint64_t still_us = stall_between_us(waits[i].from_us,
                                                   waits[i].from_us + waits[i].us);

        if (waits[i].us > 3 * (uint64_t)median_us + still_us)
            explained = false;
    }
    (void)printf(
        "%s: %llu waited, median %.1f ms, p99 %.1f ms, longest %.1f ms: %.2f times the "
        "median, of which the machine stood still for %.1f ms; %llu more than 3 times\n",
        writes ? "writers" : "readers", (unsigned long long)count, median_us / 1e3,
        waits[count - 1 - count / 100].us / 1e3, longest_us / 1e3,
        median_us > 0 ? (double)longest_us / median_us : 0.0,
        (double)stall_between_us(waits[count - 1].from_us, waits[count - 1].from_us + longest_us) /
            1e3,
        (unsigned long long)long_count);
    soak_expect(explained || getenv("TENON_TEST_SLOW") != NULL,
                "somebody waited longer than 3 times the median and the machine's own pauses");
}

static void
soak_report(worker *workers, uint32_t count, int seconds, uint64_t stall_us)
{
    static worker sums[KINDS];
    uint64_t late_us = 0;

    for (uint32_t i = 0; i < count; i++) {
        worker *s = &sums[workers[i].kind];

        s->calls += workers[i].calls;
        s->committed += workers[i].committed;
        s->timed_out += workers[i].timed_out;
        s->others += workers[i].others;
        if (workers[i].latest_us > s->latest_us)
            s->latest_us = workers[i].latest_us;
    }
    for (uint32_t k = 0; k < KINDS; k++) {
        (void)printf(
            "%-12s %9llu calls (%.0f/s), %llu committed, %llu timed out, %llu others, at most "
            "%.1f ms after the deadline\n",
            kind_names[k], (unsigned long long)sums[k].calls, (double)sums[k].calls / seconds,
            (unsigned long long)sums[k].committed, (unsigned long long)sums[k].timed_out,
            (unsigned long long)sums[k].others, (double)sums[k].latest_us / 1e3);
        if (sums[k].latest_us > late_us)
            late_us = sums[k].latest_us;
        soak_expect(sums[k].others == 0, "calls ended in an unexpected way");
        if (soak.overdue[k] > 0)
            (void)printf("%-12s rolled back at most %.1f ms after the deadline\n", "",
                         (double)soak.lived_on_us[k] / 1e3);
        soak_expect(k < SILENT_WRITE || soak.overdue[k] > 0, "none was rolled back for its owner");
        if (soak.lived_on_us[k] > late_us)
            late_us = soak.lived_on_us[k];
    }
    soak_expect(late_us <= SOAK_LATE_US || getenv("TENON_TEST_SLOW") != NULL,
                "a deadline was missed by more than 100 ms");
    (void)printf("a processor stood still for at most %.1f ms\n", (double)stall_us / 1e3);
    soak_report_waits(0);
    soak_report_waits(1);
}

static void
soak_check_counts(worker *workers, uint32_t threads)
{
    tenon_db_stats s = { .size = sizeof s };
    const tenon_counts *n = &s.all;
    uint64_t committed = 0, calls = 0;
    int64_t sum = 0;
    tenon_error err;

    for (uint32_t i = 0; i < threads; i++) {
        committed += workers[i].committed;
        calls += workers[i].calls;
    }
    if (tenon_db_get_stats(soak.db, &s, &err) != TENON_OK ||
        tenon_run(soak.db, NULL, soak_sum, &sum, &err) != TENON_OK)
        abort();
    (void)printf(
        "counted: begun %llu = committed %llu + rolled back %llu + failed %llu + timed out "
        "%llu + unknown %llu + active %llu; refused late %llu; calls %llu\n",
        (unsigned long long)n->begun, (unsigned long long)n->committed,
        (unsigned long long)n->rolled_back, (unsigned long long)n->failed,
        (unsigned long long)n->timed_out, (unsigned long long)n->unknown,
        (unsigned long long)n->active, (unsigned long long)n->refused_late,
        (unsigned long long)calls);
    soak_expect(n->active == 0 && s.admitted == 0 && s.parted == 0, "something is left over");
    soak_expect(sum == atomic_load(&soak.added), "what is stored is not what was acknowledged");
    soak_expect(n->begun + n->refused_late - n->retried == calls + 3,
                "not every call is counted once"); /* 3: the schema's, and the rows' */
    soak_expect(n->committed == committed + 3, "commits are not counted once each");
}

static const uint32_t soak_kinds[] = { SHORT_READ, SLOW_READ,  SHORT_WRITE,
                                       SHORT_READ, SLOW_WRITE, SHORT_READ };

int
main(int argc, char **argv)
{
    static worker workers[SOAK_MOST_THREADS];
    char folder[] = "/tmp/tenon-soak-XXXXXX", url[128], command[64];
    const tenon_open_options o = {
        .size = sizeof o, .schema = &item_schema, .max_connections = 32, .max_concurrent = 100
    };
    uint64_t begun_us, first_bytes, last_bytes, stall_us;
    tenon_error err = { 0 };
    uint32_t threads;
    int seconds;

    if (argc != 4) {
        (void)fprintf(stderr, "usage: %s DRIVER THREADS SECONDS\n", argv[0]);
        return 2;
    }
    threads = (uint32_t)atoi(argv[2]);
    seconds = atoi(argv[3]);
    if (threads < 12 || threads > SOAK_MOST_THREADS || mkdtemp(folder) == NULL)
        return 2;
    if (strcmp(argv[1], "memory") == 0)
        (void)snprintf(url, sizeof url, "memory:");
    else
        (void)snprintf(url, sizeof url, "%s:%s/db", argv[1], folder);
    memset(soak.waits, 1, sizeof soak.waits); /* so that filling them is no growth */
    if (tenon_open(url, &o, &soak.db, &err) != TENON_OK ||
        tenon_run(soak.db, NULL, soak_fill, NULL, &err) != TENON_OK) {
        (void)fprintf(stderr, "soak: %s\n", err.message);
        return 1;
    }
    for (uint32_t i = 0; i < threads; i++) {
        workers[i].kind = i < 6 ? SILENT_WRITE + i % 3
                                : soak_kinds[i % (sizeof soak_kinds / sizeof soak_kinds[0])];
        workers[i].random = i * UINT64_C(0x9e3779b97f4a7c15) + 1;
        if (pthread_create(&workers[i].thread, NULL, soak_main, &workers[i]) != 0)
            return 1;
    }
    stall_begin();
    begun_us = soak_now_us();
    first_bytes = soak_watch_until(begun_us + seconds * UINT64_C(500000));
    last_bytes = soak_watch_until(begun_us + seconds * UINT64_C(1000000));
    atomic_store(&soak.stop, true);
    for (uint32_t i = 0; i < threads; i++)
        (void)pthread_join(workers[i].thread, NULL);
    stall_us = stall_end();
    (void)printf("%s, %u threads, %d s, 32 connections, 100 at once\n", argv[1], threads, seconds);
    soak_report(workers, threads, seconds, stall_us);
    soak_check_counts(workers, threads);
    (void)printf("memory: %.1f MiB half way, %.1f MiB at the end\n", (double)first_bytes / 1048576,
                 (double)last_bytes / 1048576);
    soak_expect(last_bytes <= first_bytes + first_bytes / 10 + SOAK_SLACK_BYTES ||
                    getenv("TENON_TEST_SLOW") != NULL,
                "memory grows");
    tenon_close(soak.db);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 && soak_failures == 0 ? 0 : 1;
}
