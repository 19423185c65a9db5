#include "table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "result_latency.h"
#include "result_read.h"

enum { TABLE_CELL_BYTES = 80, TABLE_MOST_COLUMNS = 16, TABLE_MOST_ROWS = 64 };

/* Texts in columns, each as wide as its widest; the first one is on the left. */
typedef struct table {
    uint32_t columns, rows;
    char cells[TABLE_MOST_ROWS][TABLE_MOST_COLUMNS][TABLE_CELL_BYTES];
} table;

/* ---- Numbers ---- */

static void
table_scaled(double n, const char *const units[], int unit_count, char *out, size_t out_bytes)
{
    int unit = 0;

    while (fabs(n) >= 999.5 && unit + 1 < unit_count) {
        n /= 1000;
        unit++;
    }
    (void)snprintf(out, out_bytes, "%.*f%s",
                   fabs(n) >= 99.5 || n == 0 ? 0
                   : fabs(n) >= 9.95         ? 1
                   : fabs(n) >= 0.0095       ? 2
                                             : 4,
                   n, units[unit]);
}

void
table_number(const json_t *value, char *out, size_t out_bytes)
{
    static const char *const units[] = { "", "k", "M", "G", "T" };

    if (!json_is_number(value)) {
        (void)snprintf(out, out_bytes, "n/a");
        return;
    }
    if (json_is_integer(value) && json_number_value(value) < 1000)
        (void)snprintf(out, out_bytes, "%d", (int)json_integer_value(value));
    else
        table_scaled(json_number_value(value), units, 5, out, out_bytes);
}

void
table_time(const json_t *us, char *out, size_t out_bytes)
{
    static const char *const units[] = { " us", " ms", " s" };

    if (!json_is_number(us))
        (void)snprintf(out, out_bytes, "n/a");
    else
        table_scaled(json_number_value(us), units, 3, out, out_bytes);
}

void
table_bytes(const json_t *value, char *out, size_t out_bytes)
{
    static const char *const units[] = { " B", " kB", " MB", " GB", " TB" };

    if (!json_is_number(value)) {
        (void)snprintf(out, out_bytes, "n/a");
        return;
    }
    table_scaled(json_number_value(value), units, 5, out, out_bytes);
}

/* ---- Columns ---- */

static char *
table_cell(table *t, uint32_t column)
{
    if (column >= t->columns)
        t->columns = column + 1;
    return t->cells[t->rows][column];
}

static void
table_put(table *t, uint32_t column, const char *text)
{
    (void)snprintf(table_cell(t, column), TABLE_CELL_BYTES, "%s", text == NULL ? "" : text);
}

static void
table_row(table *t)
{
    if (t->rows + 1 < TABLE_MOST_ROWS)
        t->rows++;
}

static void
table_heads(table *t, const char *const heads[], uint32_t count)
{
    memset(t, 0, sizeof *t);
    for (uint32_t i = 0; i < count; i++)
        table_put(t, i, heads[i]);
    table_row(t);
}

static void
table_flush(const table *t)
{
    int widths[TABLE_MOST_COLUMNS] = { 0 };

    for (uint32_t r = 0; r < t->rows; r++)
        for (uint32_t c = 0; c < t->columns; c++) {
            const int len = (int)strlen(t->cells[r][c]);

            widths[c] = len > widths[c] ? len : widths[c];
        }
    for (uint32_t r = 0; r < t->rows; r++) {
        (void)printf("  %-*s", widths[0], t->cells[r][0]);
        for (uint32_t c = 1; c < t->columns; c++)
            (void)printf("  %*s", widths[c], t->cells[r][c]);
        (void)printf("\n");
    }
}

/* ---- A run ---- */

static const char *
table_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static double
table_real(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void
table_put_number(table *t, uint32_t column, const json_t *object, const char *key)
{
    table_number(json_object_get(object, key), table_cell(t, column), TABLE_CELL_BYTES);
}

static void
table_put_bytes(table *t, uint32_t column, const json_t *object, const char *key)
{
    table_bytes(json_object_get(object, key), table_cell(t, column), TABLE_CELL_BYTES);
}

static void
table_put_name(table *t, const json_t *result)
{
    (void)snprintf(table_cell(t, 0), TABLE_CELL_BYTES, "%s%s", table_text(result, "driver"),
                   json_is_true(json_object_get(result, "control")) ? " (control)" : "");
}

/* Rates of each side, and how they compare with the first one's. */
static void
table_rates(const json_t *run)
{
    static const char *const heads[] = { "driver", "operations/s", "ratio",  "95 % interval", "",
                                         "errors", "misses",       "aborts", "retries" };
    static const char *const keys[] = { "errors", "misses", "aborts", "retries" };
    const json_t *results = json_object_get(run, "results"), *result;
    table t;
    size_t i;

    table_heads(&t, heads, 9);
    json_array_foreach(results, i, result)
    {
        const json_t *ratio = json_is_true(json_object_get(result, "control"))
                                  ? json_object_get(run, "noise_floor")
                                  : json_object_get(result, "ratio");

        table_put_name(&t, result);
        table_put_number(&t, 1, result, "rate");
        if (json_is_object(ratio)) {
            (void)snprintf(table_cell(&t, 2), TABLE_CELL_BYTES, "%.3f",
                           table_real(ratio, "median"));
            (void)snprintf(table_cell(&t, 3), TABLE_CELL_BYTES, "%.3f - %.3f",
                           table_real(ratio, "low"), table_real(ratio, "high"));
        }
        table_put(&t, 4, table_text(result, "verdict"));
        for (uint32_t k = 0; k < 4; k++)
            table_put_number(&t, 5 + k, json_object_get(result, "tally"), keys[k]);
        table_row(&t);
    }
    table_flush(&t);
}

/* Open loop: what was due, and what became of it. */
static void
table_loads(const json_t *run)
{
    static const char *const heads[] = { "open loop",  "due/s",       "done/s",
                                         "begun late", "never begun", "" };
    const json_t *results = json_object_get(run, "results"), *result;
    table t;
    size_t i;

    if (json_is_null(json_object_get(run, "offered_rate")))
        return;
    table_heads(&t, heads, 6);
    json_array_foreach(results, i, result)
    {
        table_put_name(&t, result);
        table_put_number(&t, 1, run, "offered_rate");
        table_put_number(&t, 2, result, "rate");
        table_put_number(&t, 3, json_object_get(result, "tally"), "late");
        table_put_number(&t, 4, json_object_get(result, "tally"), "unserved");
        table_put(&t, 5, json_is_true(json_object_get(result, "saturated")) ? "SATURATED" : "");
        table_row(&t);
    }
    table_flush(&t);
}

/* What an operation costs besides time. */
static void
table_costs(const json_t *run)
{
    static const char *const heads[] = { "of an operation", "client CPU", "server CPU",
                                         "round trips", "waited for a CPU" };
    const json_t *results = json_object_get(run, "results"), *result;
    table t;
    size_t i;

    table_heads(&t, heads, 5);
    json_array_foreach(results, i, result)
    {
        if (json_is_true(json_object_get(result, "control")))
            continue;
        table_put_name(&t, result);
        table_time(json_object_get(result, "client_cpu_us"), table_cell(&t, 1), TABLE_CELL_BYTES);
        table_time(json_object_get(result, "server_cpu_us"), table_cell(&t, 2), TABLE_CELL_BYTES);
        table_put_number(&t, 3, result, "round_trips");
        (void)snprintf(table_cell(&t, 4), TABLE_CELL_BYTES, "%.0f %%",
                       table_real(result, "waited_percent"));
        table_row(&t);
    }
    table_flush(&t);
}

static void
table_latency(table *t, const json_t *result, const json_t *of)
{
    table_put_name(t, result);
    table_put(t, 1, table_text(of, "operation"));
    table_put_number(t, 2, of, "count");
    for (uint32_t p = 0; p < RESULT_PERCENTILES; p++) {
        const json_t *value = json_object_get(of, result_percentiles[p].key);

        if (json_is_number(value))
            table_time(value, table_cell(t, 3 + p), TABLE_CELL_BYTES);
        else
            table_put(t, 3 + p, "");
    }
    table_time(json_object_get(of, "max_us"), table_cell(t, 3 + RESULT_PERCENTILES),
               TABLE_CELL_BYTES);
    table_row(t);
}

/* Each operation's latencies on each side; of all together where there are several. */
static void
table_latencies(const json_t *run, const char *kind, const char *title)
{
    const json_t *results = json_object_get(run, "results"), *result, *of;
    table t;
    size_t i, k;

    memset(&t, 0, sizeof t);
    table_put(&t, 0, title);
    table_put(&t, 1, "operation");
    table_put(&t, 2, "count");
    for (uint32_t p = 0; p < RESULT_PERCENTILES; p++)
        table_put(&t, 3 + p, result_percentiles[p].name);
    table_put(&t, 3 + RESULT_PERCENTILES, "max");
    table_row(&t);
    json_array_foreach(results, i, result)
    {
        const json_t *list = json_object_get(result, kind);

        if (json_is_true(json_object_get(result, "control")))
            continue;
        json_array_foreach(list, k, of)
        {
            if (json_array_size(list) != 2 || k > 0)
                table_latency(&t, result, of);
        }
    }
    if (t.rows > 1)
        table_flush(&t);
}

static void
table_run(const json_t *run)
{
    const json_t *noise = json_object_get(run, "noise");
    const bool recorded = json_is_true(json_object_get(run, "recorded"));

    (void)printf("\n");
    if (table_text(run, "phase")[0] != '\0')
        (void)printf("phase: %s; ", table_text(run, "phase"));
    (void)printf("threads: %d; %d rounds of slices of %d %s, ", (int)table_real(run, "threads"),
                 (int)table_real(run, "rounds"),
                 (int)table_real(run, recorded ? "slice_operations" : "slice_ms"),
                 recorded ? "events" : "ms");
    if (recorded || (table_text(run, "phase")[0] != '\0' && table_real(run, "warm_rounds") == 0))
        (void)printf("without a warm-up");
    else
        (void)printf("%s after %d rounds of warm-up",
                     json_is_true(json_object_get(run, "steady")) ? "steady" : "NOT steady",
                     (int)table_real(run, "warm_rounds"));
    (void)printf("%s\n", json_is_true(json_object_get(run, "partial")) ? "; stopped early" : "");
    table_rates(run);
    table_loads(run);
    table_latencies(run, "response", "from when due");
    table_latencies(run, "service",
                    json_is_null(json_object_get(run, "offered_rate")) ? "latency"
                                                                       : "from the start");
    table_costs(run);
    (void)printf("  %s; of each latency %.0f ns are the load "
                 "generator's; steal %.1f %%, others %.0f %% of the CPU\n",
                 json_is_null(json_object_get(run, "offered_rate"))
                     ? "closed loop: not what a user waits for"
                     : table_text(run, "arrivals"),
                 table_real(run, "generator_ns"), table_real(noise, "steal_percent"),
                 table_real(noise, "other_cpu_percent"));
}

/* ---- A workload ---- */

static void
table_drivers(const json_t *load)
{
    static const char *const heads[] = { "driver",      "rows",  "data",    "on disk",
                                         "disk/memory", "space", "written", "flushes/commit",
                                         "memory",      "state" };
    const json_t *drivers = json_object_get(load, "drivers"), *driver;
    table t;
    size_t i;

    table_heads(&t, heads, 10);
    json_array_foreach(drivers, i, driver)
    {
        const char *state = table_text(driver, "state");
        const json_t *alone = json_object_get(driver, "alone");

        if (json_is_true(json_object_get(driver, "control")) && strcmp(state, "fine") == 0)
            continue;
        table_put_name(&t, driver);
        table_put_number(&t, 1, driver, "rows");
        table_put_bytes(&t, 2, driver, "data_bytes");
        table_put_bytes(&t, 3, driver, "disk_bytes");
        table_put_number(&t, 4, driver, "disk_to_memory");
        table_put_number(&t, 5, driver, "space_amplification");
        table_put_number(&t, 6, alone, "write_amplification");
        table_put_number(&t, 7, alone, "flushes_per_commit");
        table_put_bytes(&t, 8, alone, "memory_bytes");
        table_put(&t, 9,
                  strcmp(state, "fine") == 0     ? "verified"
                  : strcmp(state, "absent") == 0 ? "n/a"
                                                 : state);
        table_row(&t);
    }
    (void)printf("\n");
    table_flush(&t);
    json_array_foreach(drivers, i, driver)
    {
        const char *why_not = table_text(json_object_get(driver, "alone"), "why_not");

        if (table_text(driver, "why")[0] != '\0')
            (void)printf("  %s: %s\n", table_text(driver, "driver"), table_text(driver, "why"));
        else if (why_not[0] != '\0' && !json_is_true(json_object_get(driver, "control")))
            (void)printf("  %s was not measured alone: %s\n", table_text(driver, "driver"),
                         why_not);
    }
}

static bool
table_is_of(const json_t *run, const char *phase)
{
    return strcmp(table_text(run, "phase"), phase) == 0;
}

static void
table_sweep_row(table *t, const json_t *runs, const json_t *knee)
{
    const json_t *run;
    uint32_t column = 1;
    size_t k;

    table_put(t, 0, table_text(knee, "driver"));
    json_array_foreach(runs, k, run)
    {
        if (!table_is_of(run, table_text(knee, "phase")) || column + 1 >= t->columns)
            continue;
        table_put_number(t, column++, result_find_driver(run, table_text(knee, "driver")), "rate");
    }
    table_put_number(t, t->columns - 1, knee, "threads");
    table_row(t);
}

/* Of a recorded history: what came of its events, how late they were, and where it ended. */
static void
table_trace(const json_t *load)
{
    static const char *const heads[] = { "recorded",   "events",      "refused",  "transactions",
                                         "compared",   "differences", "left out", "late at most",
                                         "at the end", "digest" };
    static const char *const keys[] = { "events",   "refused_events", "transactions",
                                        "compared", "differences",    "left_out" };
    const json_t *driver;
    table t;
    size_t i;

    table_heads(&t, heads, 10);
    json_array_foreach(json_object_get(load, "drivers"), i, driver)
    {
        const json_t *trace = json_object_get(driver, "trace");

        if (!json_is_object(trace))
            continue;
        table_put_name(&t, driver);
        for (uint32_t k = 0; k < 6; k++)
            table_put_number(&t, 1 + k, trace, keys[k]);
        table_time(json_object_get(trace, "most_lag_us"), table_cell(&t, 7), TABLE_CELL_BYTES);
        table_time(json_object_get(trace, "last_lag_us"), table_cell(&t, 8), TABLE_CELL_BYTES);
        (void)snprintf(table_cell(&t, 9), TABLE_CELL_BYTES, "%.16s", table_text(trace, "digest"));
        table_row(&t);
    }
    if (t.rows > 1) {
        (void)printf("\n");
        table_flush(&t);
    }
}

/* Rates by threads, and where more threads add little. @param[in] phase "": of all of it */
static void
table_sweep(const json_t *load, const char *phase)
{
    const json_t *runs = json_object_get(load, "runs"), *run, *knee;
    const json_t *knees = json_object_get(load, "knees");
    table t;
    size_t i, k;

    if (json_array_size(knees) == 0)
        return;
    memset(&t, 0, sizeof t);
    (void)snprintf(table_cell(&t, 0), TABLE_CELL_BYTES, "%s%soperations/s, threads:", phase,
                   phase[0] != '\0' ? ", " : "");
    json_array_foreach(runs, k, run)
    {
        if (table_is_of(run, phase) && t.columns + 1 < TABLE_MOST_COLUMNS)
            table_put_number(&t, t.columns, run, "threads");
    }
    table_put(&t, t.columns, "knee");
    table_row(&t);
    json_array_foreach(knees, i, knee)
    {
        if (table_is_of(knee, phase))
            table_sweep_row(&t, runs, knee);
    }
    (void)printf("\n");
    table_flush(&t);
}

/* Of each phase by itself. */
static void
table_sweeps(const json_t *load)
{
    const json_t *phases = json_object_get(load, "phases"), *phase;
    size_t i;

    if (!json_is_array(phases))
        table_sweep(load, "");
    json_array_foreach(phases, i, phase) table_sweep(load, table_text(phase, "name"));
    if (json_array_size(json_object_get(load, "knees")) > 0)
        (void)printf("  knee: the fewest threads with nine tenths of the best rate\n");
}

/* What is done in a phase, in a line. */
static void
table_phase(const json_t *phase)
{
    static const char *const lengths[] = { "share", "seconds", "count" };
    const json_t *weights = json_object_get(phase, "weights"), *weight;
    void *at = json_object_iter((json_t *)(uintptr_t)weights);

    (void)printf("phase %s:", table_text(phase, "name"));
    for (int i = 0; i < 3; i++)
        if (table_real(phase, lengths[i]) > 0)
            (void)printf(" %s %.0f", lengths[i], table_real(phase, lengths[i]));
    if (table_real(phase, "rate") > 0)
        (void)printf(", %.0f due in a second", table_real(phase, "rate"));
    (void)printf("; keys %s;", table_text(phase, "keys"));
    for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)weights, at)) {
        weight = json_object_iter_value(at);
        (void)printf(" %s %lld", json_object_iter_key(at), (long long)json_integer_value(weight));
    }
    (void)printf("\n");
}

static void
table_workload(const json_t *result, const json_t *load)
{
    const json_t *runs = json_object_get(load, "runs"), *run;
    const json_t *plan = json_object_get(result, "plan"), *phase;
    char data[TABLE_CELL_BYTES], records[TABLE_CELL_BYTES];
    size_t i;

    (void)printf("%s: %s\n", table_text(load, "name"), table_text(load, "summary"));
    if (json_is_number(json_object_get(load, "data_bytes"))) { /* else it makes data of its own */
        table_number(json_object_get(load, "records"), records, sizeof records);
        table_bytes(json_object_get(load, "data_bytes"), data, sizeof data);
        (void)printf("%s records, %s (%.3g of the memory%s); keys %s; ", records, data,
                     table_real(load, "data_to_memory"),
                     json_is_number(json_object_get(plan, "memory_bytes")) ? " that was named" : "",
                     table_text(load, "keys"));
    }
    (void)printf("durability: %s; isolation: %s\n", table_text(plan, "durability"),
                 table_text(plan, "isolation"));
    if (table_text(load, "control_why_not")[0] != '\0')
        (void)printf("no control: %s; nobody knows how much of a difference is noise\n",
                     table_text(load, "control_why_not"));
    json_array_foreach(json_object_get(load, "phases"), i, phase) table_phase(phase);
    json_array_foreach(runs, i, run) table_run(run);
    table_sweeps(load);
    table_trace(load);
    table_drivers(load);
}

void
table_print(const json_t *result)
{
    const json_t *workloads = json_object_get(result, "workloads"), *load;
    size_t i;

    json_array_foreach(workloads, i, load)
    {
        if (i > 0)
            (void)printf("\n");
        table_workload(result, load);
    }
    (void)printf("\n");
    if (json_is_number(json_object_get(result, "announced_seconds")))
        (void)printf("announced %.0f s, took %.0f s\n", table_real(result, "announced_seconds"),
                     table_real(result, "seconds"));
    (void)printf("again: %s\n", table_text(result, "command"));
}
