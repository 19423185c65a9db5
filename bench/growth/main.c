/*
 * How registration slows down as users become many: bench-growth URL [USERS]...
 *
 * Loads up to each number of users, some to a transaction and with nothing to be lost in a power
 * cut; then opens the database as URL says, and registers one user for each transaction for some
 * seconds, with one thread. Names and tokens come in no order, as they do in life.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tenon/chat.h>
#include <tenon/db.h>

#define GROWTH_HASH "$argon2id$v=19$m=65536,t=2,p=1$bench$bench"
#define GROWTH_SECONDS 10
#define GROWTH_SLICES 10

/* Some to a transaction. LMDB writes its list of free pages with each commit, and large
 * transactions leave a long one, which slows down all that come after them. */
enum { GROWTH_BATCH = 25, GROWTH_MOST = 8 };

typedef struct growth {
    const char *url;
    uint64_t users;
    double first_rate; /* of the first number of users */
} growth;

/* So many registrations in one transaction, of users from `from` on. */
typedef struct growth_batch {
    uint64_t from, count;
} growth_batch;

static void
growth_check(tenon_status st, const tenon_error *err, const char *what)
{
    if (st == TENON_OK)
        return;
    (void)fprintf(stderr, "bench-growth: %s: %s: %s\n", what, tenon_status_name(st), err->message);
    exit(1);
}

static double
growth_now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Bytes that the process has taken for itself, the engine's map of the file not counted. */
static uint64_t
growth_own_kib(void)
{
    char line[128];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "RssAnon: %llu kB", &kib) == 1)
            break;
    }
    if (file != NULL)
        (void)fclose(file);
    return kib;
}

static tenon_db *
growth_open(const char *url, const char *durability)
{
    const tenon_open_options options = { .size = sizeof options, .schema = chat_schema() };
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    char whole[4096];

    (void)snprintf(whole, sizeof whole, "%s%cdurability=%s", url,
                   strchr(url, '?') == NULL ? '?' : '&', durability);
    growth_check(tenon_open(whole, &options, &db, &err), &err, "open");
    return db;
}

/* A name that nobody has, and that is near no other: the number with its bits mixed. */
static void
growth_name(uint64_t number, char name[32])
{
    uint64_t mixed = number * UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ (mixed >> 32)) * UINT64_C(0xD6E8FEB86659FD93); /* odd: one to one */
    mixed ^= mixed >> 32;
    (void)snprintf(name, 32, "u%016llx", (unsigned long long)mixed);
}

static tenon_status
growth_load_batch(tenon_txn *txn, void *arg, tenon_error *err)
{
    const growth_batch *batch = arg;
    tenon_status st = TENON_OK;
    char name[32];

    for (uint64_t i = 0; i < batch->count && st == TENON_OK; i++) {
        const chat_registration in = { .username = name, .password_hash = GROWTH_HASH };
        chat_registered out;

        growth_name(batch->from + i, name);
        st = chat_user_registration_transaction(txn, NULL, &in, &out, err);
    }
    return st;
}

static void
growth_load(growth *g, uint64_t until)
{
    tenon_db *db = growth_open(g->url, "none");
    const char *said = getenv("GROWTH_BATCH");
    const uint64_t most = said != NULL ? strtoull(said, NULL, 10) : GROWTH_BATCH;
    tenon_error err = { 0 };

    while (g->users < until) {
        growth_batch batch = { g->users, until - g->users };

        if (batch.count > most)
            batch.count = most;
        growth_check(tenon_run(db, NULL, growth_load_batch, &batch, &err), &err, "load");
        g->users += batch.count;
    }
    tenon_close(db);
}

static int
growth_compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Register one by one. @return the median rate of the slices */
static double
growth_register(growth *g, tenon_db *db)
{
    double rates[GROWTH_SLICES];
    tenon_error err = { 0 };
    char name[32];

    for (int i = -1; i < GROWTH_SLICES; i++) { /* the first warms up */
        const double from_s = growth_now_s();
        const uint64_t before = g->users;

        while (growth_now_s() - from_s < (double)GROWTH_SECONDS / GROWTH_SLICES) {
            const chat_registration in = { .username = name, .password_hash = GROWTH_HASH };
            chat_registered out;

            growth_name(g->users, name);
            growth_check(chat_register_user_atomically(db, NULL, &in, &out, &err), &err,
                         "register");
            g->users++;
        }
        if (i >= 0)
            rates[i] = (double)(g->users - before) / (growth_now_s() - from_s);
    }
    qsort(rates, GROWTH_SLICES, sizeof *rates, growth_compare);
    return (rates[GROWTH_SLICES / 2 - 1] + rates[GROWTH_SLICES / 2]) / 2;
}

static void
growth_measure(growth *g, const char *durability)
{
    tenon_db_info info = { .size = sizeof info };
    tenon_error err = { 0 };
    tenon_db *db = growth_open(g->url, durability);
    const uint64_t users = g->users;
    const double rate = growth_register(g, db);

    if (g->first_rate == 0)
        g->first_rate = rate;
    growth_check(tenon_db_get_info(db, &info, &err), &err, "info");
    (void)printf("%12llu %12.0f %8.2f %14llu %12llu\n", (unsigned long long)users, rate,
                 rate / g->first_rate, (unsigned long long)growth_own_kib() / 1024,
                 (unsigned long long)(info.disk_bytes / 1048576));
    (void)fflush(stdout);
    tenon_close(db);
}

int
main(int argc, char **argv)
{
    static const uint64_t usual[] = { 10000, 100000, 1000000, 10000000 };
    const char *durability = getenv("GROWTH_DURABILITY");
    growth g = { .url = argc > 1 ? argv[1] : NULL };
    const int count = argc > 2 ? argc - 2 : 4;

    if (g.url == NULL || count > GROWTH_MOST) {
        (void)fprintf(stderr,
                      "usage: %s URL [USERS]...: an empty database; GROWTH_DURABILITY is "
                      "process and GROWTH_BATCH (users of a transaction that loads) 25 where "
                      "nothing is said\n",
                      argv[0]);
        return 2;
    }
    (void)printf("%12s %12s %8s %14s %12s\n", "users", "rate/s", "of first", "own memory MiB",
                 "on disk MiB");
    for (int i = 0; i < count; i++) {
        growth_load(&g, argc > 2 ? strtoull(argv[i + 2], NULL, 10) : usual[i]);
        growth_measure(&g, durability == NULL ? "process" : durability);
    }
    return 0;
}
