/*
 * isolation URL [MS [SEED [FOLDER]]]: many threads on few rows at each level of isolation, for so
 * many milliseconds each, in rounds of five seconds; what their history shows must be what the
 * level allows. Where a driver offers a weaker level, that must show too: else it was another one.
 *
 * isolation --convict LEVEL URL [MS [SEED [FOLDER]]]: the opposite: what is asked for is the
 * default level, or --ask LEVEL before it, and the history must be convicted by the named one.
 *
 * @DIR@ in URL stands for a folder that is made and removed. FOLDER is where histories are written.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp */

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check/history/check.h"
#include "check/history/workload.h"

#define ISOLATION_MS 1500
#define ISOLATION_TRIES 20
#define ISOLATION_ROUND_MS 5000u /* a history is kept in memory, and checked as a whole */

/* What is asked for on the command line. */
typedef struct isolation_run {
    const char *url;
    const char *folder; /* for histories; NULL: none */
    uint32_t time_ms, rounds;
    uint64_t seed;
    char place[64]; /* for @DIR@ */
    unsigned made;
} isolation_run;

static const struct {
    uint32_t asked;
    uint64_t capability;
    history_level level;
} isolation_levels[] = {
    { TENON_READ_COMMITTED, TENON_CAP_READ_COMMITTED, HISTORY_READ_COMMITTED },
    { TENON_SNAPSHOT, TENON_CAP_SNAPSHOT, HISTORY_SNAPSHOT },
    { TENON_SERIALIZABLE, TENON_CAP_SERIALIZABLE, HISTORY_SERIALIZABLE },
};

#define ISOLATION_LEVELS (sizeof isolation_levels / sizeof isolation_levels[0])

static int
isolation_remove(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

/* Open a new database. */
static tenon_db *
isolation_open(isolation_run *run)
{
    /* One commit that fails may be that of many transactions. */
    const tenon_open_options options = { .size = sizeof options,
                                         .schema = &workload_schema,
                                         .breaker_failures = UINT32_MAX };
    const char *mark = strstr(run->url, "@DIR@");
    char url[1024];
    tenon_error err = { 0 };
    tenon_db *db = NULL;

    (void)snprintf(url, sizeof url, "%s", run->url);
    if (mark != NULL)
        (void)snprintf(url, sizeof url, "%.*s%s/%u-%s", (int)(mark - run->url), run->url,
                       run->place, ++run->made, mark + strlen("@DIR@/"));
    /* Opening commits too, and a filter may make that fail. */
    for (int i = 0; i < ISOLATION_TRIES && db == NULL; i++)
        if (tenon_open(url, &options, &db, &err) != TENON_OK)
            (void)fprintf(stderr, "isolation: open: %s\n", err.message);
    return db;
}

static void
isolation_save(const isolation_run *run, const history *h, const char *name)
{
    char path[1024];
    FILE *out;

    if (run->folder == NULL)
        return;
    (void)snprintf(path, sizeof path, "%s/%s-%llu.jsonl", run->folder, name,
                   (unsigned long long)run->seed);
    out = fopen(path, "w");
    if (out == NULL || !history_save(h, out) || fclose(out) != 0)
        (void)fprintf(stderr, "isolation: %s was not written\n", path);
}

/* Run it at a level. @return NULL: it could not be run or checked */
static history_report *
isolation_at(isolation_run *run, uint32_t asked, history_level level, bool must_run)
{
    tenon_db *db = isolation_open(run);
    history *h = history_new();
    history_report *report = NULL;
    char message[HISTORY_MESSAGE_BYTES];
    tenon_error err = { 0 };
    tenon_status st = TENON_INTERNAL;

    if (db != NULL && h != NULL) {
        const workload w = {
            .db = db,
            .isolation = asked,
            .transactions = 4 * run->time_ms, /* enough, where they are fast */
            .time_ms = run->time_ms,
            .seed = run->seed,
        };

        (void)snprintf(h->level, sizeof h->level, "%s", history_level_name(level));
        st = workload_run(&w, h, &err);
        isolation_save(run, h, history_level_name(level));
        if (st != TENON_OK)
            (void)fprintf(stderr, "isolation: %s: %s\n", tenon_status_name(st), err.message);
        if ((st == TENON_OK || !must_run) && !history_check(h, &report, message))
            (void)fprintf(stderr, "isolation: %s\n", message);
    }
    tenon_close(db);
    history_free(h);
    return report;
}

static void
isolation_say(const history_report *report, const char *level)
{
    (void)printf("%-14s %zu committed, %zu failed, %zu unknown:", level, report->ok_count,
                 report->failed_count, report->unknown_count + report->seen_count);
    for (int i = 0; i < HISTORY_ANOMALY_COUNT; i++)
        if (report->found[i].count > 0)
            (void)printf(" %s", history_anomaly_name((history_anomaly)i));
    (void)printf("\n");
    (void)fflush(stdout);
}

/* The level that an application gets which asks for it: that one, or the next stronger one. */
static history_level
isolation_given(uint64_t capabilities, uint32_t asked)
{
    for (size_t i = 0; i < ISOLATION_LEVELS; i++)
        if (isolation_levels[i].asked >= asked &&
            (capabilities & isolation_levels[i].capability) != 0)
            return isolation_levels[i].level;
    return HISTORY_NO_LEVEL;
}

/* Run until what the next stronger level forbids has shown: where all runs fast enough to meet, the
 * first time. @return the last report; NULL: it could not be run */
static history_report *
isolation_until_shown(isolation_run *run, uint32_t asked, history_level given, bool must_show)
{
    history_report *report = NULL;

    for (int i = 0; i < ISOLATION_TRIES; i++) {
        history_report_free(report);
        report = isolation_at(run, asked, given, true);
        if (report == NULL || !must_show ||
            history_convicted(report, (history_level)(given + 1)) != HISTORY_ANOMALY_COUNT)
            break;
        run->seed++;
    }
    return report;
}

/* One round at one level. @return 0: it is what it says */
static int
isolation_try(isolation_run *run, uint64_t capabilities, size_t at)
{
    const history_level given = isolation_given(capabilities, isolation_levels[at].asked);
    /* A single writer makes any level stronger; nothing weaker can show. */
    const bool must_show = given < HISTORY_SERIALIZABLE &&
                           (capabilities & TENON_CAP_SINGLE_WRITER) == 0;
    /* What is serializable on one machine is so in the order of time too. */
    const history_level judge = given == HISTORY_SERIALIZABLE ? HISTORY_STRICT : given;
    history_report *report;
    int failed = 1;

    if (given == HISTORY_NO_LEVEL)
        return 0;
    report = isolation_until_shown(run, isolation_levels[at].asked, given, must_show);
    if (report == NULL)
        return 1;
    isolation_say(report, history_level_name(isolation_levels[at].level));
    if (history_convicted(report, judge) != HISTORY_ANOMALY_COUNT ||
        (given >= HISTORY_SNAPSHOT && history_stale(report) != HISTORY_ANOMALY_COUNT))
        history_report_print(report, judge, stdout);
    else if (must_show &&
             history_convicted(report, (history_level)(given + 1)) == HISTORY_ANOMALY_COUNT)
        (void)printf("nothing shows that this is not %s\n",
                     history_level_name((history_level)(given + 1)));
    else
        failed = 0;
    history_report_free(report);
    return failed;
}

static int
isolation_all(isolation_run *run)
{
    tenon_db *db = isolation_open(run);
    uint64_t capabilities;
    int failed = 0;

    if (db == NULL)
        return 2;
    capabilities = tenon_db_capabilities(db);
    tenon_close(db);
    for (uint32_t round = 0; round < run->rounds && failed == 0; round++, run->seed++)
        for (size_t i = 0; i < ISOLATION_LEVELS; i++)
            failed += isolation_try(run, capabilities, i);
    return failed == 0 ? 0 : 1;
}

/* The negative control: something is wrong, and has to be found. */
static int
isolation_convict(isolation_run *run, uint32_t asked, history_level level)
{
    history_report *report = NULL;
    history_anomaly anomaly = HISTORY_ANOMALY_COUNT;

    for (int i = 0; i < ISOLATION_TRIES && anomaly == HISTORY_ANOMALY_COUNT; i++) {
        history_report_free(report);
        report = isolation_at(run, asked, level, false);
        if (report == NULL)
            return 2;
        anomaly = history_convicted(report, level);
        run->seed++;
    }
    history_report_print(report, level, stdout);
    history_report_free(report);
    return anomaly != HISTORY_ANOMALY_COUNT ? 0 : 1;
}

static int
isolation_main(isolation_run *run, char **argv)
{
    history_level convict = HISTORY_NO_LEVEL;
    uint32_t asked = TENON_ISOLATION_DEFAULT;

    for (; argv[0] != NULL && argv[1] != NULL && argv[0][0] == '-'; argv += 2) {
        const history_level level = history_level_named(argv[1]);

        if (level == HISTORY_NO_LEVEL)
            return 2;
        if (strcmp(argv[0], "--convict") == 0)
            convict = level;
        else
            asked = level == HISTORY_READ_COMMITTED ? TENON_READ_COMMITTED
                    : level == HISTORY_SNAPSHOT     ? TENON_SNAPSHOT
                                                    : TENON_SERIALIZABLE;
    }
    if (argv[0] == NULL)
        return 2;
    run->url = argv[0];
    if (argv[1] != NULL)
        run->time_ms = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argv[1] != NULL && argv[2] != NULL)
        run->seed = strtoull(argv[2], NULL, 10);
    if (argv[1] != NULL && argv[2] != NULL)
        run->folder = argv[3];
    (void)printf("seed %llu, %lu ms at each level\n", (unsigned long long)run->seed,
                 (unsigned long)run->time_ms);
    run->rounds = (run->time_ms + ISOLATION_ROUND_MS - 1) / ISOLATION_ROUND_MS;
    run->time_ms /= run->rounds > 0 ? run->rounds : 1;
    return convict != HISTORY_NO_LEVEL ? isolation_convict(run, asked, convict)
                                       : isolation_all(run);
}

int
main(int argc, char **argv)
{
    isolation_run run = { .time_ms = ISOLATION_MS, .seed = (uint64_t)time(NULL) };
    int status;

    (void)argc;
    (void)snprintf(run.place, sizeof run.place, "/tmp/tenon-isolation-XXXXXX");
    if (mkdtemp(run.place) == NULL) {
        perror(run.place);
        return 2;
    }
    status = isolation_main(&run, argv + 1);
    (void)nftw(run.place, isolation_remove, 8, FTW_DEPTH | FTW_PHYS);
    return status;
}
