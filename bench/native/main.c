/*
 * tenon-bench-native: Tenon beside the same operations written by hand with the engine's own API.
 * `tenon bench native` runs it. Three databases of one kind, in one process: Tenon's, the one by
 * hand, and a second one by hand, which tells how far apart two of the same come out here.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy.h"
#include "report.h"
#include "stop.h"
#include "tool.h"

enum { MAIN_ROUNDS = 60, MAIN_LEAST_SLICE_MS = 50, MAIN_MOST_SLICE_MS = 500 };
enum { MAIN_WHOLE_SECONDS = 10 }; /* where threads wait for each other */
enum { MAIN_CHECKS = 25 };        /* of each operation, by each thread */

/* How long the server's flushes are counted for. */
#define MAIN_COUNT_NS UINT64_C(1000000000)

static const char *const main_names[SLICES_SIDES] = { "tenon_bench_tenon", "tenon_bench_native",
                                                      "tenon_bench_control" };

static const char main_details[] =
    "Runs an operation of the chat server (include/tenon/chat.h) through Tenon, and the same\n"
    "written by hand against the engine's own API, on fresh databases of the same kind, with the\n"
    "same tables, indexes, rows of audit and durability, in one process, in slices of balanced\n"
    "order. Prints the ratio of the rates (the median over all rounds, with a bootstrap interval\n"
    "of 95 %), latencies, CPU time of this process and flushes. A second database by hand is the\n"
    "control: where the ratio lies within its interval, no difference was found. With several\n"
    "threads latencies come from a run of each side apart, after the slices: who starves waits\n"
    "for longer than a slice takes.\n\n"
    "Operations: register (a user, its first session, a row of audit), invite (an invitation,\n"
    "then its acceptance: two transactions), create-room, say (a message), session (looked up by\n"
    "its token), page (50 messages), empty (begin, one row read by its key, commit). On memory,\n"
    "which has no API to write by hand against, there is only empty, with one thread: the\n"
    "transaction manager against the driver's own calls.\n\n"
    "Of sqlite and lmdb, flushes are this process's fsync, fdatasync, msync, sync_file_range and\n"
    "writes to files opened with O_DSYNC. Of postgres they are what pg_stat_wal counts in a "
    "second\n"
    "of its own after the slices, for a server tells of them late; CPU is that of the client. With "
    "--delay-us both sides go\n"
    "through a proxy in this process, whose CPU time counts for both.\n";

typedef struct options {
    const char *engine, *operation, *durability, *db, *folder, *json;
    uint64_t threads, seconds, slice_ms, whole_seconds, seed, delay_us;
    bool check;
} options;

/* What the options come to, and all that has to be released. */
typedef struct bench {
    const engine *engine;
    const char *root; /* where databases are made */
    char folder[64];  /* made here; empty: it was given */
    pg_proxy *proxy;  /* between both sides and the server; NULL: none */
    uint32_t made;    /* places */
    char where[SLICES_SIDES][ENGINES_WHERE_BYTES];
    slices_plan plan;
    uint32_t durability;
    load loads[SLICES_SIDES];
    team *team;
    slices_result result;
} bench;

/* ---- Options ---- */

static int
main_refuse(const char *what, const char *value, const char *known)
{
    tool_error("bench native", "%s must be %s, not '%s'", what, known, value);
    return TOOL_USAGE;
}

static uint32_t
main_durability(const char *name)
{
    uint32_t i = 0;

    while (i <= TENON_DURABLE_NONE && strcmp(tool_durability(i), name) != 0)
        i++;
    return i;
}

static void
main_slices(const options *o, slices_plan *plan)
{
    uint64_t slice_ms = o->slice_ms;

    if (slice_ms == 0) {
        slice_ms = o->seconds * 1000 / (MAIN_ROUNDS * SLICES_SIDES);
        slice_ms = slice_ms < MAIN_LEAST_SLICE_MS  ? MAIN_LEAST_SLICE_MS
                   : slice_ms > MAIN_MOST_SLICE_MS ? MAIN_MOST_SLICE_MS
                                                   : slice_ms;
    }
    plan->slice_ms = (uint32_t)slice_ms;
    plan->rounds = (uint32_t)(o->seconds * 1000 / (slice_ms * SLICES_SIDES));
    plan->rounds -= plan->rounds % SLICES_ORDERS;
    if (plan->rounds == 0)
        plan->rounds = SLICES_ORDERS;
}

static int
main_plan(const options *o, bench *b)
{
    b->engine = o->engine == NULL ? NULL : engine_named(o->engine);
    if (b->engine == NULL)
        return main_refuse("--engine", o->engine == NULL ? "" : o->engine, engine_names);
    b->plan.operation = o->operation == NULL ? LOAD_OPERATIONS : load_named(o->operation);
    if (b->plan.operation == LOAD_OPERATIONS && (!o->check || o->operation != NULL))
        return main_refuse("--operation", o->operation == NULL ? "" : o->operation,
                           "register, invite, create-room, say, session, page or empty");
    b->durability = main_durability(o->durability);
    if (b->durability > TENON_DURABLE_NONE)
        return main_refuse("--durability", o->durability, "power, os, process or none");
    if (o->threads > b->engine->max_threads) {
        tool_error("bench native", "%s takes one thread: its driver's own calls have no queue",
                   b->engine->name);
        return TOOL_USAGE;
    }
    if (b->plan.operation != LOAD_OPERATIONS && !load_can(b->engine->native, b->plan.operation)) {
        tool_error("bench native",
                   "%s has no API of its own to write %s by hand against: --operation empty",
                   b->engine->name, o->operation);
        return TOOL_USAGE;
    }
    if (o->delay_us != 0 && b->engine->port == NULL) {
        tool_error("bench native", "%s has no server to delay: --delay-us", b->engine->name);
        return TOOL_USAGE;
    }
    b->plan.threads = (uint32_t)o->threads;
    b->plan.whole_ms = (uint32_t)o->whole_seconds * 1000;
    if (o->whole_seconds == UINT64_MAX)
        b->plan.whole_ms = o->threads > 1 ? MAIN_WHOLE_SECONDS * 1000 : 0;
    b->plan.seed = o->seed != 0 ? o->seed : (uint64_t)time(NULL);
    main_slices(o, &b->plan);
    return TOOL_GO_ON;
}

/* ---- Databases ---- */

static int
main_root(const options *o, bench *b)
{
    if (b->engine->server_flushes != NULL) {
        b->root = o->db;
        if (b->root != NULL)
            return TOOL_GO_ON;
        tool_error("bench native", "--db URL is missing: a server, such as postgres://host/db");
        return TOOL_USAGE;
    }
    b->root = o->folder;
    if (b->engine->make == NULL || b->root != NULL)
        return TOOL_GO_ON;
    (void)snprintf(b->folder, sizeof b->folder, "/tmp/tenon-bench-XXXXXX");
    b->root = mkdtemp(b->folder);
    if (b->root != NULL)
        return TOOL_GO_ON;
    tool_error(b->folder, "can't be made: %s", strerror(errno));
    b->folder[0] = '\0';
    return TOOL_FAILED;
}

/* Put the proxy before the server: both sides go through it. */
static bool
main_delay(bench *b, uint64_t delay_us)
{
    const int port = delay_us == 0 ? 0 : b->engine->port(b->root);

    if (delay_us == 0)
        return true;
    b->proxy = port == 0 ? NULL : pg_proxy_new(port);
    if (b->proxy != NULL)
        pg_proxy_delay(b->proxy, (uint32_t)delay_us);
    return b->proxy != NULL;
}

/* By hand first: the driver's own calls want to be opened before Tenon opens the same plugin. */
static bool
main_open(bench *b)
{
    for (uint32_t i = SLICES_SIDES; i-- > 0;) {
        side_place place = { .where = b->where[i],
                             .durability = b->durability,
                             .threads = b->plan.threads };

        if (b->engine->make != NULL &&
            !b->engine->make(b->root, b->proxy == NULL ? 0 : pg_proxy_port(b->proxy), main_names[i],
                             b->where[i]))
            return false;
        b->made++;
        if (!load_open(&b->loads[i], i == SLICES_TENON ? b->engine->tenon : b->engine->native,
                       &place, b->plan.operation))
            return false;
    }
    return true;
}

static void
main_close(bench *b)
{
    team_free(b->team);
    slices_free(&b->result);
    for (uint32_t i = 0; i < SLICES_SIDES; i++)
        load_close(&b->loads[i]);
    pg_proxy_free(b->proxy);
    for (uint32_t i = 0; i < b->made && b->engine->drop != NULL; i++)
        b->engine->drop(b->root, main_names[SLICES_SIDES - 1 - i]);
    if (b->folder[0] != '\0')
        (void)rmdir(b->folder);
}

/* ---- Check ---- */

static bool
main_check(bench *b)
{
    const load_operation only = b->plan.operation;
    slice done;

    for (uint32_t i = 0; i < SLICES_SIDES; i++) {
        for (int op = 0; op < LOAD_OPERATIONS; op++)
            if ((only == LOAD_OPERATIONS || only == (load_operation)op) &&
                load_can(b->loads[i].with, (load_operation)op) &&
                !team_slice(b->team, &b->loads[i], (load_operation)op, UINT64_MAX / 4, MAIN_CHECKS,
                            &done, NULL))
                return false;
        if (!load_check(&b->loads[i]))
            return false;
    }
    for (uint32_t i = 0; i < b->plan.threads; i++) {
        const side_page *tenon = &b->loads[SLICES_TENON].workers[i].read;
        const side_page *native = &b->loads[SLICES_NATIVE].workers[i].read;

        if (tenon->count != native->count || tenon->sum != native->sum) {
            tool_error("bench native", "the two sides have read different pages");
            return false;
        }
    }
    (void)printf("%s: each operation that was asked for does the same on both sides\n",
                 b->engine->name);
    return true;
}

/* ---- Measuring ---- */

/* Flushes of the server while a side is open, and perhaps at work. */
static bool
main_count_once(bench *b, uint32_t who, uint64_t for_ns, uint64_t *flushed, uint64_t *operations)
{
    load *l = &b->loads[who];
    uint64_t before, after;
    slice done = { 0, 0, 0, 0 };
    bool ok = b->engine->server_flushes(b->root, &before) && load_resume(l) &&
              (for_ns == 0 || team_slice(b->team, l, b->plan.operation, for_ns, 0, &done, NULL));

    load_pause(l);
    ok = ok && b->engine->server_flushes(b->root, &after);
    if (ok) {
        *flushed = after - before;
        *operations = done.operations;
    }
    return ok;
}

/* What opening alone flushes is not the operation's. */
static bool
main_count(bench *b, double out[SLICES_SIDES])
{
    uint64_t opening = 0, flushed = 0, operations = 0;

    for (uint32_t i = 0; i < SLICES_SIDES; i++)
        load_pause(&b->loads[i]);
    for (uint32_t i = 0; i < SLICES_SIDES; i++) {
        if (!main_count_once(b, i, 0, &opening, &operations) ||
            !main_count_once(b, i, MAIN_COUNT_NS, &flushed, &operations))
            return false;
        out[i] = flushed < opening ? 0 : (double)(flushed - opening) / (double)operations;
    }
    return true;
}

static int
main_measure(bench *b, const options *o)
{
    report r = { .engine = b->engine,
                 .plan = &b->plan,
                 .result = &b->result,
                 .durability = o->durability,
                 .seconds = o->seconds,
                 .delay_us = o->delay_us };
    bool ok = slices_run(b->team, b->loads, &b->plan, &b->result);
    int rc;

    for (uint32_t i = 0; i < SLICES_SIDES && ok; i++) {
        const slice *sum = &b->result.sums[i];

        ok = load_check(&b->loads[i]);
        if (sum->operations > 0)
            r.flushes[i] = (double)sum->flushes / (double)sum->operations;
    }
    if (ok && b->engine->server_flushes != NULL && !stop_requested())
        ok = main_count(b, r.flushes);
    if (!ok)
        return TOOL_FAILED;
    if (b->result.rounds == 0)
        return TOOL_INTERRUPTED;
    if (o->json == NULL || strcmp(o->json, "-") != 0)
        report_print(&r);
    rc = o->json == NULL ? TOOL_GO_ON : report_write(&r, o->json);
    if (rc != TOOL_GO_ON)
        return rc;
    return stop_requested() ? TOOL_INTERRUPTED : TOOL_DONE;
}

static int
main_run(const options *o)
{
    static bench b;
    int rc = main_plan(o, &b);

    if (rc == TOOL_GO_ON)
        rc = main_root(o, &b);
    if (rc != TOOL_GO_ON)
        return rc;
    b.team = stop_install() < 0 || sodium_init() < 0 ? NULL : team_new(b.plan.threads);
    rc = TOOL_FAILED;
    if (b.team != NULL && main_delay(&b, o->delay_us) && main_open(&b)) {
        if (!o->check)
            rc = main_measure(&b, o);
        else if (main_check(&b))
            rc = TOOL_DONE;
    }
    main_close(&b);
    return tool_flush(rc);
}

int
main(int argc, char **argv)
{
    static const tool_command command = {
        .name = "bench native",
        .summary = "Time Tenon beside the same operations by hand on the engine's own API.",
        .details = main_details,
    };
    options o = { .durability = "power", .threads = 1, .seconds = 15, .whole_seconds = UINT64_MAX };
    const tool_option choices[] = {
        { "--engine", TOOL_TEXT, &o.engine, 0, 0, "NAME", "sqlite, lmdb, memory or postgres" },
        { "--operation", TOOL_TEXT, &o.operation, 0, 0, "NAME", "what is timed" },
        { "--threads", TOOL_NUMBER, &o.threads, 1, 256, "N", "at once, on each side; default 1" },
        { "--durability", TOOL_TEXT, &o.durability, 0, 0, "D",
          "power (the default), os, process or none" },
        { "--seconds", TOOL_NUMBER, &o.seconds, 1, 86400, "S",
          "of all slices together; default 15" },
        { "--slice-ms", TOOL_NUMBER, &o.slice_ms, 1, 60000, "N",
          "length of a slice; default: 60 rounds, but 50 to 500" },
        { "--whole-seconds", TOOL_NUMBER, &o.whole_seconds, 0, 3600, "S",
          "of a run of each side apart, for latencies; default: 10 with several threads, else 0" },
        { "--db", TOOL_TEXT, &o.db, 0, 0, "URL",
          "postgres: a server; databases of the benchmark are made beside" },
        { "--delay-us", TOOL_NUMBER, &o.delay_us, 0, 1000000, "N",
          "postgres: hold every byte back for so long, in each direction" },
        { "--dir", TOOL_TEXT, &o.folder, 0, 0, "FOLDER",
          "for the files; default: a new one in /tmp" },
        { "--seed", TOOL_NUMBER, &o.seed, 1, INT64_MAX, "N",
          "of the order of the slices; default: the time" },
        { "--json", TOOL_TEXT, &o.json, 0, 0, "FILE", "write the result too; - is stdout" },
        { "--check", TOOL_FLAG, &o.check, 0, 0, NULL,
          "run each operation a few times, compare the rows, time nothing" },
    };
    const char *arguments[TOOL_MAX_ARGUMENTS];
    int rc = tool_parse(&command, choices, sizeof choices / sizeof choices[0], argc - 1, argv + 1,
                        arguments);

    return rc == TOOL_GO_ON ? main_run(&o) : rc;
}
