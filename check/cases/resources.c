/* What a driver takes it gives back: memory, files, threads. Engines keep caches, so that what is
 * looked at is whether more rounds take more. */
#include "check/conf.h"

#include <dirent.h>
#include <stdlib.h>

#define RESOURCES_ROUNDS 6000
#define RESOURCES_SOME_ROUNDS 400         /* at least, where a round takes long */
#define RESOURCES_NS UINT64_C(4000000000) /* about as long as the rounds may take */
#define RESOURCES_BLUR 262144             /* bytes to which the system tells it */
#define RESOURCES_MOST_PER_ROUND 60       /* bytes; less than anything that is forgotten takes */
#define RESOURCES_OPENINGS 40
#define RESOURCES_MOST_PER_OPENING 4096

static const tenon_query resources_by_n = {
    .name = "items by n",
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(0, 1),
    .where = TENON_WHERE(TENON_GE(1, 0)),
    .order = TENON_ORDER(TENON_ASC(1)),
};

/* Memory of this process that is no file's, in bytes. */
static int64_t
resources_memory(void)
{
    char line[256];
    int64_t kib = -1;
    FILE *status = fopen("/proc/self/status", "r");

    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtoll(line + 8, NULL, 10);
    }
    if (status != NULL)
        (void)fclose(status);
    if (kib < 0)
        SKIP("this system does not tell how much memory a process has");
    return kib * 1024;
}

/* Entries of a folder under /proc. */
static int64_t
resources_entries(const char *path)
{
    DIR *dir = opendir(path);
    int64_t count = 0;

    if (dir == NULL)
        SKIP("this system does not tell what a process has open");
    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count;
}

static void
resources_begin(void)
{
    if (getenv("TENON_TEST_SLOW") != NULL)
        SKIP("a checker keeps what was freed, and looks for what was not by itself");
}

/* ---- Transactions ---- */

static void
resources_read(conf *c)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row;

    OK(c, tenon_select(c->txn, &resources_by_n, P(I(20)), &cursor, &c->err));
    OK(c, tenon_next(cursor, &row, &c->err));
    CHECK_INT(row[0].as.i, 2);
    tenon_cursor_close(cursor); /* before its end */
    OK(c, tenon_fetch(c->txn, &item_get_n, P(I(3)), &row, &c->err));
}

/* One of each: a commit, a rollback, a refusal, a reader; the rows are as before. */
static void
resources_round(conf *c, int64_t number)
{
    BEGIN(c);
    EXEC(c, 1, &item_set_n, P(I(1), I(number % 10)));
    EXEC(c, 1, &item_insert, P(I(100), NIL, T("a label that takes some bytes")));
    EXEC(c, 1, &item_delete, P(I(100)));
    REFUSED(c, TENON_EXISTS, "item.primary", &item_insert, P(I(1), NIL, NIL));
    resources_read(c);
    COMMIT(c);
    BEGIN(c);
    EXEC(c, 1, &item_delete, P(I(2)));
    ROLLBACK(c);
    BEGIN_READ(c, &c->txn);
    resources_read(c);
    COMMIT(c);
}

/* Rounds of `body`, of which the later ones must not take more memory than the first ones left. */
static void
resources_repeat(conf *c, void (*body)(conf *c, int64_t number), const char *expected)
{
    const uint64_t begun_ns = conf_monotonic_ns();
    int64_t rounds = 0, warm, before, taken;

    while (rounds < RESOURCES_SOME_ROUNDS ||
           (rounds < RESOURCES_ROUNDS / 3 && conf_monotonic_ns() - begun_ns < RESOURCES_NS / 3))
        body(c, rounds++);
    warm = rounds;
    before = resources_memory();
    while (rounds < warm + RESOURCES_SOME_ROUNDS ||
           (rounds < warm + RESOURCES_ROUNDS && conf_monotonic_ns() - begun_ns < RESOURCES_NS))
        body(c, rounds++);
    rounds -= warm;
    taken = resources_memory() - before;
    if (taken > RESOURCES_BLUR + rounds * RESOURCES_MOST_PER_ROUND)
        conf_failed(CONF_HERE, expected, "%lld bytes more after %lld rounds, %lld for each",
                    (long long)taken, (long long)rounds, (long long)(taken / rounds));
}

static void
resources_of_transactions(conf *c)
{
    resources_begin();
    conf_open(c, &item_schema);
    conf_make_items(c, 5);
    resources_repeat(c, resources_round, "memory does not grow with the number of transactions");
}

/* ---- Savepoints ---- */

static void
resources_savepoint(conf *c, int64_t number)
{
    uint32_t a, b;

    BEGIN(c);
    OK(c, tenon_savepoint(c->txn, &a, &c->err));
    EXEC(c, 1, &item_set_n, P(I(1), I(number % 10)));
    OK(c, tenon_savepoint(c->txn, &b, &c->err));
    EXEC(c, 1, &item_set_n, P(I(2), I(number % 10)));
    OK(c, tenon_savepoint_rollback(c->txn, b, &c->err));
    OK(c, tenon_savepoint_release(c->txn, a, &c->err));
    COMMIT(c);
}

static void
resources_of_savepoints(conf *c)
{
    NEEDS(TENON_CAP_SAVEPOINTS);
    resources_begin();
    conf_open(c, &item_schema);
    conf_make_items(c, 5);
    resources_repeat(c, resources_savepoint, "memory does not grow with the number of savepoints");
}

/* ---- Databases ---- */

/* Open, use two connections, close. */
static void
resources_opening(conf *c)
{
    conf_open(c, &item_schema);
    BEGIN(c);
    EXEC(c, 1, &item_insert, P(I(1), I(10), NIL));
    BEGIN_READ(c, &c->other);
    ROWS_IN(c, c->other, "", &item_all, NULL);
    tenon_rollback(c->other);
    c->other = NULL;
    ROLLBACK(c);
    conf_close(c);
}

static void
resources_of_databases(conf *c)
{
    int64_t files, threads, memory = 0, taken;

    NEEDS(TENON_CAP_SNAPSHOT);
    resources_begin();
    resources_opening(c); /* loads the plugin, and what belongs to it */
    files = resources_entries("/proc/self/fd");
    threads = resources_entries("/proc/self/task");
    for (int i = 0; i < 2 * RESOURCES_OPENINGS; i++) {
        if (i == RESOURCES_OPENINGS)
            memory = resources_memory();
        resources_opening(c);
    }
    taken = resources_memory() - memory;
    if (resources_entries("/proc/self/fd") > files)
        conf_failed(CONF_HERE, "a database that is closed has no file open",
                    "%lld more are open after it was opened and closed %d times",
                    (long long)(resources_entries("/proc/self/fd") - files),
                    2 * RESOURCES_OPENINGS);
    if (resources_entries("/proc/self/task") > threads)
        conf_failed(CONF_HERE, "a database that is closed has no thread running",
                    "%lld more run after it was opened and closed %d times",
                    (long long)(resources_entries("/proc/self/task") - threads),
                    2 * RESOURCES_OPENINGS);
    if (taken > RESOURCES_BLUR + RESOURCES_OPENINGS * RESOURCES_MOST_PER_OPENING)
        conf_failed(CONF_HERE, "memory does not grow with the number of openings",
                    "%lld bytes more after %d openings, %lld for each", (long long)taken,
                    RESOURCES_OPENINGS, (long long)taken / RESOURCES_OPENINGS);
}

static const conf_case resources_cases[] = {
    SLOW_CASE(resources_of_transactions, "transactions give their memory back"),
    SLOW_CASE(resources_of_savepoints, "savepoints give their memory back"),
    SLOW_CASE(resources_of_databases,
              "a database that is closed gives back its files, threads and memory"),
};

CONF_GROUP(resources, "what is taken and given back",
           "Something is not freed, closed or joined: connection.close, query.free and close, the "
           "end of a transaction on each of its ways. Valgrind names the place.");
