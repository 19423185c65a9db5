#include "arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "expect.h"
#include "order.h"
#include "playback.h"
#include "scenario.h"
#include "size.h"
#include "tool.h"
#include "workload_file.h"

enum {
    ARGUMENTS_WARM_PERCENT = 20,     /* of the time that is measured, at most */
    ARGUMENTS_SLICE_OPERATIONS = 100 /* at least, where a count is given */
};

static const char arguments_details[] =
    "Runs the same operations on several drivers in one process, in slices of balanced order, and\n"
    "prints rates, their ratio to the first driver's with an interval of 95 %, and latencies. A\n"
    "second database of the first driver is the control: where a ratio is not further from 1 than\n"
    "the control's is, no difference was found. Each database is new, filled with the same rows,\n"
    "and looked at as a whole in the end: a row that is lost, stale or damaged makes the run\n"
    "invalid, and so do fewer flushes than its durability asks for. In an open loop (--rate) the\n"
    "response time counts from when an operation was due, so that who waits for another is "
    "seen.\n\n"
    "A driver is a name, a path of a plugin, or either with parameters: sqlite?cache_size=100. A\n"
    "filter stands before it: fault+sqlite?fault_kind=delay. A workload is one of those below, or "
    "a\n"
    "file: orders.toml, see docs/benchmarking.md.\n\n";

typedef struct arguments {
    const char *drivers, *server, *workloads, *threads, *durability, *isolation, *folder, *json,
        *csv, *html, *expect;
    const char *trace, *pace;
    const char *arrivals, *keys, *key_bytes, *value_bytes, *scan_rows, *data_size;
    tool_list urls;
    uint64_t memory, records, seconds, operations, slice_ms, warm_seconds, seed, rate, batch,
        abort_percent;
    bool no_control, no_proof, live, crash;
} arguments;

static int
arguments_refuse(const char *option, const char *value, const char *known)
{
    tool_error("bench", "%s must be %s, not '%s'", option, known, value);
    return TOOL_USAGE;
}

/* ---- Drivers ---- */

/* No two are called the same. */
static void
arguments_label(plan *p)
{
    place_driver *last = &p->drivers[p->driver_count - 1];
    char label[PLACE_LABEL_BYTES];
    uint32_t same = 1;

    (void)snprintf(label, sizeof label, "%s", last->label);
    for (uint32_t i = 0; i + 1 < p->driver_count; i++) {
        if (strcmp(p->drivers[i].label, last->label) != 0)
            continue;
        (void)snprintf(last->label, sizeof last->label, "%.50s#%u", label, (unsigned)++same);
        i = UINT32_MAX; /* from the beginning */
    }
}

static int
arguments_driver(plan *p, const char *text, bool is_url, const char *server)
{
    const char *wrong;

    if (p->driver_count == PLAN_MOST_DRIVERS) {
        tool_error("bench", "more than %d drivers", PLAN_MOST_DRIVERS);
        return TOOL_USAGE;
    }
    wrong = place_parse(text, is_url, server, &p->drivers[p->driver_count]);
    if (wrong != NULL) {
        tool_error(text, "%s", wrong);
        return TOOL_USAGE;
    }
    p->driver_count++;
    arguments_label(p);
    return TOOL_GO_ON;
}

/* Cut `list` at commas. @return the next part, to be freed; NULL at the end */
static char *
arguments_part(const char **list)
{
    const size_t len = strcspn(*list, ",");
    char *part = **list == '\0' ? NULL : strndup(*list, len);

    *list += len;
    *list += **list == ',';
    return part;
}

static int
arguments_drivers(const arguments *a, plan *p)
{
    const char *rest = a->drivers != NULL ? a->drivers : "";
    char *part;
    int rc = TOOL_GO_ON;

    while (rc == TOOL_GO_ON && (part = arguments_part(&rest)) != NULL) {
        rc = arguments_driver(p, part, false, a->server);
        free(part);
    }
    for (size_t i = 0; i < a->urls.count && rc == TOOL_GO_ON; i++)
        rc = arguments_driver(p, a->urls.items[i], true, NULL);
    if (rc == TOOL_GO_ON && p->driver_count == 0) {
        tool_error("bench", "--drivers or --db is missing; see tenon bench --help");
        return TOOL_USAGE;
    }
    return rc;
}

/* ---- Workloads ---- */

static int
arguments_sizes(const char *option, const char *text, uint32_t least, uint32_t most,
                draw_sizes *out)
{
    if (text == NULL || (draw_sizes_parse(text, most, out) && out->min >= least))
        return TOOL_GO_ON;
    tool_error("bench", "%s must be N, N-M or log:N-M, from %u to %u, not '%s'", option,
               (unsigned)least, (unsigned)most, text);
    return TOOL_USAGE;
}

/* What the command line says of all workloads. */
static int
arguments_change(const arguments *a, workload *w)
{
    int rc = TOOL_GO_ON;

    if (a->keys != NULL && !draw_keys_parse(a->keys, &w->keys))
        rc = arguments_refuse("--keys", a->keys, draw_keys_known);
    if (rc == TOOL_GO_ON)
        rc = arguments_sizes("--key-bytes", a->key_bytes, WORKLOAD_LEAST_KEY_BYTES,
                             WORKLOAD_MOST_KEY_BYTES, &w->key_bytes);
    if (rc == TOOL_GO_ON)
        rc = arguments_sizes("--value-bytes", a->value_bytes, 0, WORKLOAD_MOST_VALUE_BYTES,
                             &w->value_bytes);
    if (rc == TOOL_GO_ON)
        rc = arguments_sizes("--scan-rows", a->scan_rows, 1, 100000, &w->scan_rows);
    if (a->batch != 0)
        w->batch = (uint32_t)a->batch;
    if (a->abort_percent != UINT64_MAX)
        w->abort_percent = (uint32_t)a->abort_percent;
    return rc;
}

static int
arguments_workload(const arguments *a, plan *p, const char *name)
{
    workload *w = &p->workloads[p->workload_count];
    int rc;

    if (p->workload_count == PLAN_MOST_WORKLOADS) {
        tool_error("bench", "more than %d workloads", PLAN_MOST_WORKLOADS);
        return TOOL_USAGE;
    }
    if (strchr(name, '/') != NULL || strstr(name, ".toml") != NULL) {
        char why[512];

        if (!workload_file_read(name, w, why, sizeof why)) {
            tool_error("bench", "%s", why);
            return TOOL_USAGE;
        }
    } else if (!workload_named(name, strlen(name), w)) {
        tool_error("bench", "there is no workload '%s'; see tenon bench --help", name);
        return TOOL_USAGE;
    }
    rc = arguments_change(a, w);
    if (rc != TOOL_GO_ON)
        return rc;
    w->records = size_records(p, w);
    if (w->records == 0)
        return TOOL_USAGE;
    draw_keys_prepare(&w->keys, w->records);
    for (uint32_t i = 0; i < w->phase_count && rc == TOOL_GO_ON; i++) {
        rc = arguments_change(a, &w->phases[i].load);
        w->phases[i].load.records = w->records;
        draw_keys_prepare(&w->phases[i].load.keys, w->records);
    }
    p->workload_count++;
    return rc;
}

static int
arguments_workloads(const arguments *a, plan *p)
{
    const char *rest = a->workloads != NULL ? a->workloads : a->crash ? "update" : "read,update";
    char *part;
    int rc = TOOL_GO_ON;

    while (rc == TOOL_GO_ON && (part = arguments_part(&rest)) != NULL) {
        rc = arguments_workload(a, p, part);
        free(part);
    }
    if (rc == TOOL_GO_ON && p->workload_count == 0)
        return arguments_refuse("--workload", "", "a list of names");
    return rc;
}

/* A trace says what is done, and when, and in which order. */
static int
arguments_trace(const arguments *a)
{
    const struct {
        const char *option;
        bool given;
    } others[] = {
        { "--workload", a->workloads != NULL },         { "--rate", a->rate > 0 },
        { "--threads", strcmp(a->threads, "1") },       { "--crash", a->crash },
        { "--warm-up", a->warm_seconds != UINT64_MAX },
    };

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].given) {
            tool_error("bench", "--trace says what is done and when, and %s does not go with it",
                       others[i].option);
            return TOOL_USAGE;
        }
    return TOOL_GO_ON;
}

/* ---- The rest ---- */

static int
arguments_threads(const char *list, plan *p)
{
    const char *rest = list;
    char *part;
    bool ok = true;

    while (ok && (part = arguments_part(&rest)) != NULL) {
        char *end;
        const unsigned long n = strtoul(part, &end, 10);
        const uint32_t before = p->thread_count == 0 ? 0 : p->threads[p->thread_count - 1];

        ok = part[0] >= '1' && part[0] <= '9' && *end == '\0' && n <= PLAN_MOST_THREADS &&
             n > before && p->thread_count < PLAN_MOST_SWEEP;
        if (ok)
            p->threads[p->thread_count++] = (uint32_t)n;
        free(part);
    }
    if (ok && p->thread_count > 0)
        return TOOL_GO_ON;
    return arguments_refuse("--threads", list, "a list of rising numbers from 1 to 256");
}

static int
arguments_durability(const char *name, plan *p)
{
    while (p->durability <= TENON_DURABLE_NONE && strcmp(tool_durability(p->durability), name) != 0)
        p->durability++;
    if (p->durability <= TENON_DURABLE_NONE)
        return TOOL_GO_ON;
    return arguments_refuse("--durability", name, "power, os, process or none");
}

const char *const plan_isolations[4] = { "default", "read-committed", "snapshot", "serializable" };

static int
arguments_isolation(const char *name, plan *p)
{
    while (p->isolation < 4 && strcmp(plan_isolations[p->isolation], name) != 0)
        p->isolation++;
    if (p->isolation < 4)
        return TOOL_GO_ON;
    return arguments_refuse("--isolation", name,
                            "default, read-committed, snapshot or serializable");
}

static int
arguments_loop(arguments *a, plan *p)
{
    p->rate = (double)a->rate;
    p->poisson = strcmp(a->arrivals, "poisson") == 0;
    if (!p->poisson && strcmp(a->arrivals, "constant") != 0)
        return arguments_refuse("--arrivals", a->arrivals, "constant or poisson");
    if (a->rate > 0 && a->operations > 0) {
        tool_error("bench", "--rate and --operations: an open loop goes by time");
        return TOOL_USAGE;
    }
    return TOOL_GO_ON;
}

/* Phases may go by time or by count, as the command line does. */
static int
arguments_phases(const plan *p)
{
    for (uint32_t i = 0; i < p->workload_count; i++) {
        const char *wrong = plan_phases_wrong(p, &p->workloads[i]);

        if (wrong != NULL) {
            tool_error("bench", "workload %s: %s", p->workloads[i].name, wrong);
            return TOOL_USAGE;
        }
    }
    return TOOL_GO_ON;
}

static void
arguments_times(const arguments *a, plan *p)
{
    p->slice_ms = (uint32_t)a->slice_ms;
    p->operations = a->operations;
    p->seconds = (uint32_t)a->seconds;
    p->for_ms = a->seconds * 1000;
    p->warm_ms = (uint32_t)(a->warm_seconds == UINT64_MAX ? a->seconds * 10 * ARGUMENTS_WARM_PERCENT
                                                          : a->warm_seconds * 1000);
}

/* ---- The command ---- */

static void
arguments_append(char *out, size_t out_bytes, const char *text)
{
    const size_t len = strlen(out);

    (void)snprintf(out + len, out_bytes - len, "%s", text);
}

/* As a shell would read it. A password is masked, so that one has to be put in again. */
static void
arguments_quote(char *out, size_t out_bytes, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./:=,+@%";
    char shown[PLACE_URL_BYTES];

    tenon_url_mask(text, shown, sizeof shown);
    if (shown[0] != '\0' && shown[strspn(shown, plain)] == '\0') {
        arguments_append(out, out_bytes, shown);
        return;
    }
    arguments_append(out, out_bytes, "'");
    for (const char *c = shown; *c != '\0'; c++) {
        const char one[2] = { *c, '\0' };

        arguments_append(out, out_bytes, *c == '\'' ? "'\\''" : one);
    }
    arguments_append(out, out_bytes, "'");
}

static void
arguments_command(int argc, char **argv, bool has_seed, plan *p)
{
    char seed[40];

    (void)snprintf(p->command, sizeof p->command, "tenon bench");
    for (int i = 1; i < argc; i++) {
        arguments_append(p->command, sizeof p->command, " ");
        arguments_quote(p->command, sizeof p->command, argv[i]);
    }
    (void)snprintf(seed, sizeof seed, " --seed %llu", (unsigned long long)p->seed);
    if (!has_seed)
        arguments_append(p->command, sizeof p->command, seed);
}

/* What is there is told by a count of inserts and updates. */
static int
arguments_crash(const plan *p)
{
    const workload *w = &p->workloads[0];

    for (uint32_t i = 0; i < p->driver_count; i++) {
        if (p->drivers[i].given == NULL)
            continue;
        tool_error("bench", "--crash makes a database for each case: it takes --drivers, not --db");
        return TOOL_USAGE;
    }
    if (w->scenario == &scenario_rows && workload_writes(w) && w->weights[OPERATION_DELETE] == 0 &&
        w->phase_count == 0)
        return TOOL_GO_ON;
    tool_error("bench",
               "--crash takes a workload that inserts or updates rows, deletes none, and has no "
               "phases");
    return TOOL_USAGE;
}

static int
arguments_plan(arguments *a, int argc, char **argv, plan *p)
{
    int rc;

    memset(p, 0, sizeof *p);
    p->records = a->records;
    p->folder = a->folder;
    p->json = a->json;
    p->csv = a->csv;
    p->html = a->html;
    p->expect = a->expect;
    p->live = a->live;
    p->crash = a->crash;
    p->has_control = !a->no_control;
    p->has_proof = !a->no_proof;
    p->seed = a->seed != 0 ? a->seed : (uint64_t)time(NULL);
    p->memory_bytes = a->memory;
    if (a->pace != NULL && a->trace == NULL) {
        tool_error("bench", "--pace is that of a --trace");
        return TOOL_USAGE;
    }
    rc = arguments_drivers(a, p);
    if (rc == TOOL_GO_ON && a->data_size != NULL && !size_parse(a->data_size, &p->data_size))
        rc = arguments_refuse("--data-size", a->data_size, size_known);
    if (rc == TOOL_GO_ON)
        rc = a->trace != NULL ? arguments_trace(a) : arguments_workloads(a, p);
    if (rc == TOOL_GO_ON)
        rc = arguments_threads(a->threads, p);
    if (rc == TOOL_GO_ON)
        rc = arguments_durability(a->durability, p);
    if (rc == TOOL_GO_ON)
        rc = arguments_isolation(a->isolation, p);
    if (rc == TOOL_GO_ON)
        rc = arguments_loop(a, p);
    if (rc == TOOL_GO_ON && p->crash)
        rc = arguments_crash(p);
    if (rc == TOOL_GO_ON && p->expect != NULL && !expect_is_valid(p->expect))
        rc = TOOL_USAGE;
    arguments_times(a, p);
    if (rc == TOOL_GO_ON)
        rc = a->trace != NULL ? playback_plan(a->trace, a->pace != NULL ? a->pace : "max", p)
                              : arguments_phases(p);
    if (rc != TOOL_GO_ON)
        return rc;
    arguments_command(argc, argv, a->seed != 0, p);
    return TOOL_GO_ON;
}

/* The text of the help, with the workloads' names. */
static const char *
arguments_help(void)
{
    static char text[4096];
    const char *name, *summary;

    (void)snprintf(text, sizeof text, "%sworkloads:\n", arguments_details);
    for (size_t i = 0; (name = workload_known(i, &summary)) != NULL; i++) {
        char line[160];

        (void)snprintf(line, sizeof line, "  %-11s %s\n", name, summary);
        arguments_append(text, sizeof text, line);
    }
    arguments_append(text, sizeof text,
                     "\n`tenon bench compare OLD.json NEW.json` compares two results,\n"
                     "`tenon bench report RESULT.json PAGE.html` makes a page of one.\n"
                     "`tenon bench native` is another benchmark: Tenon beside the engines' own "
                     "APIs.\n");
    return text;
}

int
arguments_read(int argc, char **argv, plan *out)
{
    const tool_command command = {
        .name = "bench",
        .summary = "Run the same operations on several drivers and compare them.",
        .details = arguments_help(),
    };
    arguments a = { .workloads = NULL,
                    .threads = "1",
                    .durability = "power",
                    .records = 10000,
                    .seconds = 10,
                    .isolation = "default",
                    .arrivals = "poisson",
                    .warm_seconds = UINT64_MAX,
                    .abort_percent = UINT64_MAX };
    const tool_option choices[] = {
        { "--drivers", TOOL_TEXT, &a.drivers, 0, 0, "LIST", "such as sqlite,lmdb,postgres" },
        { "--server", TOOL_TEXT, &a.server, 0, 0, "URL",
          "where postgres makes its databases, beside the named one" },
        { "--db", TOOL_LIST, &a.urls, 0, 0, "URL",
          "a driver with an empty database, which is emptied again; may be given again" },
        { "--workload", TOOL_TEXT, &a.workloads, 0, 0, "LIST", "see above; default read,update" },
        { "--trace", TOOL_TEXT, &a.trace, 0, 0, "FILE",
          "instead: a chat history or what trace+URL has recorded, see tenon replay --help" },
        { "--pace", TOOL_TEXT, &a.pace, 0, 0, "N",
          "of --trace: N times as fast as it was recorded, or max: flat out, the default" },
        { "--threads", TOOL_TEXT, &a.threads, 0, 0, "LIST", "such as 1,2,4,8; default 1" },
        { "--durability", TOOL_TEXT, &a.durability, 0, 0, "D",
          "power (the default), os, process or none" },
        { "--isolation", TOOL_TEXT, &a.isolation, 0, 0, "HOW",
          "read-committed, snapshot, serializable: that or stronger; default: the strongest" },
        { "--records", TOOL_NUMBER, &a.records, 100, UINT32_MAX, "N",
          "rows to begin with; default 10000" },
        { "--data-size", TOOL_TEXT, &a.data_size, 0, 0, "SIZE",
          "instead: cache (a tenth of the memory), memory, beyond (twice as much), or a part as "
          "0.5" },
        { "--memory", TOOL_NUMBER, &a.memory, 1, INT64_MAX, "BYTES",
          "what --data-size calls the memory, which this does not limit; default: what there is" },
        { "--seconds", TOOL_NUMBER, &a.seconds, 1, 86400, "S",
          "of each driver, workload and number of threads; default 10" },
        { "--operations", TOOL_NUMBER, &a.operations, 1, INT64_MAX, "N",
          "that many instead, however long it takes; then all have to end with the same rows" },
        { "--slice-ms", TOOL_NUMBER, &a.slice_ms, 1, 600000, "N",
          "of a slice; default: as long as 50 operations take; 500 to 2000 with --rate" },
        { "--rate", TOOL_NUMBER, &a.rate, 1, 100000000, "N",
          "open loop: so many operations a second are due on each driver, whatever it does" },
        { "--arrivals", TOOL_TEXT, &a.arrivals, 0, 0, "HOW",
          "of --rate: poisson (at random, the default) or constant" },
        { "--warm-up", TOOL_NUMBER, &a.warm_seconds, 0, 86400, "S",
          "at most, until rates are steady; default: a fifth of --seconds" },
        { "--keys", TOOL_TEXT, &a.keys, 0, 0, "HOW", draw_keys_known },
        { "--key-bytes", TOOL_TEXT, &a.key_bytes, 0, 0, "SIZE",
          "N, N-M, or log:N-M: as many from 10 to 100 as from 100 to 1000" },
        { "--value-bytes", TOOL_TEXT, &a.value_bytes, 0, 0, "SIZE", "the same" },
        { "--scan-rows", TOOL_TEXT, &a.scan_rows, 0, 0, "SIZE", "the same; default 1-100" },
        { "--batch", TOOL_NUMBER, &a.batch, 1, WORKLOAD_MOST_BATCH / 2, "N",
          "rows of a batch; reads, and updates, of a multi" },
        { "--abort-percent", TOOL_NUMBER, &a.abort_percent, 0, 100, "N",
          "of multi: transactions that are rolled back" },
        { "--no-control", TOOL_FLAG, &a.no_control, 0, 0, NULL,
          "no second database of the first driver" },
        { "--no-proof", TOOL_FLAG, &a.no_proof, 0, 0, NULL,
          "count no flushes, bytes and memory of each driver alone" },
        { "--crash", TOOL_FLAG, &a.crash, 0, 0, NULL,
          "kill a process that works, at each durability, and tell what commits are lost" },
        { "--dir", TOOL_TEXT, &a.folder, 0, 0, "FOLDER",
          "for the files; default: a new one in /tmp" },
        { "--seed", TOOL_NUMBER, &a.seed, 1, INT64_MAX, "N",
          "of keys, values and order; default: the time" },
        { "--json", TOOL_TEXT, &a.json, 0, 0, "FILE", "write the result too; - is stdout" },
        { "--csv", TOOL_TEXT, &a.csv, 0, 0, "FILE", "the same as a table" },
        { "--html", TOOL_TEXT, &a.html, 0, 0, "FILE", "the same as a page with plots" },
        { "--expect", TOOL_TEXT, &a.expect, 0, 0, "LIST",
          "such as 'p99<2ms,rate>5000': exit status 1 where one of them is not so" },
        { "--live", TOOL_FLAG, &a.live, 0, 0, NULL,
          "a line each second, also where stderr is no terminal" },
    };
    const char *given[TOOL_MAX_ARGUMENTS];
    const int rc = tool_parse(&command, choices, sizeof choices / sizeof choices[0], argc - 1,
                              argv + 1, given);

    return rc == TOOL_GO_ON ? arguments_plan(&a, argc, argv, out) : rc;
}
