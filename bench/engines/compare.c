/*
 * The slices of two runs have nothing to do with each other, so each run's are drawn anew by
 * themselves, and the ratio is that of the medians. What the machine did between the two runs is in
 * no interval: a difference below the tolerance is none.
 */
#include "compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare_latency.h"
#include "numbers.h"
#include "result_latency.h"
#include "result_read.h"
#include "tool.h"
#include "workload.h"

enum { COMPARE_PERCENT = 10, COMPARE_RESAMPLINGS = 2000 };

typedef struct compare {
    const char *paths[2];
    json_t *results[2];
    double tolerance; /* a part of 1 */
    uint32_t compared, slower;
} compare;

/* ---- Alike? ---- */

static bool
compare_member(const compare *c, const json_t *const objects[2], const char *place, const char *key)
{
    const json_t *a = json_object_get(objects[0], key), *b = json_object_get(objects[1], key);
    char *texts[2];

    if (json_equal(a, b) || (a == NULL && b == NULL))
        return true;
    texts[0] = a == NULL ? NULL : json_dumps(a, JSON_ENCODE_ANY | JSON_COMPACT);
    texts[1] = b == NULL ? NULL : json_dumps(b, JSON_ENCODE_ANY | JSON_COMPACT);
    tool_error("bench compare", "%s and %s can't be compared: %s.%s is %.200s and %.200s",
               c->paths[0], c->paths[1], place, key, texts[0] == NULL ? "nothing" : texts[0],
               texts[1] == NULL ? "nothing" : texts[1]);
    free(texts[0]);
    free(texts[1]);
    return false;
}

static bool
compare_members(const compare *c, const json_t *const objects[2], const char *place,
                const char *const keys[])
{
    bool alike = true;

    for (size_t i = 0; keys[i] != NULL; i++)
        alike = compare_member(c, objects, place, keys[i]) && alike;
    return alike;
}

static bool
compare_is_alike(const compare *c)
{
    static const char *const environment[] = { "host",       "kernel",       "processor",
                                               "processors", "memory_bytes", "file_system",
                                               NULL };
    static const char *const plan[] = { "durability", "isolation",    "records",
                                        "data_size",  "memory_bytes", NULL };
    const json_t *environments[2], *plans[2];

    for (int i = 0; i < 2; i++) {
        environments[i] = json_object_get(c->results[i], "environment");
        plans[i] = json_object_get(c->results[i], "plan");
    }
    return compare_members(c, environments, "environment", environment) &&
           compare_members(c, plans, "plan", plan);
}

/* ---- Figures ---- */

/* Rates of the slices. @return how many; `*out` is the caller's */
static uint32_t
compare_rates(const json_t *result, double **out)
{
    const json_t *slices = json_object_get(result, "slices"), *slice;
    uint32_t count = 0;
    size_t i;

    *out = calloc(json_array_size(slices) + 1, sizeof **out);
    json_array_foreach(slices, i, slice)
    {
        const double done = json_number_value(json_array_get(slice, 0));
        const double seconds = json_number_value(json_array_get(slice, 1));

        if (*out != NULL && seconds > 0 && done >= 0)
            (*out)[count++] = done / seconds;
    }
    return *out == NULL ? 0 : count;
}

/* Of the second's median to the first's: all that can be from 95 of 100 of each. */
static bool
compare_rate(const json_t *const results[2], interval *out)
{
    interval medians[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
    uint64_t chance = 1;

    for (int i = 0; i < 2; i++) {
        double *rates;
        const uint32_t count = compare_rates(results[i], &rates);

        if (count > 0)
            medians[i] = numbers_interval(rates, count, &chance);
        free(rates);
    }
    if (medians[0].low <= 0 || medians[1].low <= 0)
        return false;
    /* The variances of independent logarithms add up. */
    out->median = medians[1].median / medians[0].median;
    {
        const double down = hypot(log(medians[1].median / medians[1].low),
                                  log(medians[0].high / medians[0].median));
        const double up = hypot(log(medians[1].high / medians[1].median),
                                log(medians[0].median / medians[0].low));

        out->low = out->median * exp(-down);
        out->high = out->median * exp(up);
    }
    return true;
}

static double
compare_p99(const json_t *result, const char *kind)
{
    const json_t *all = json_array_get(json_object_get(result, kind), 0);
    const json_t *value = json_object_get(all, "p99_us");

    return json_is_number(value) ? json_number_value(value) : -1;
}

/* An open loop's rate is what was offered; there it is the 99th percentile that counts. An interval
 * from 0 on: it is not known. */
static bool
compare_latency(const json_t *const results[2], interval *out)
{
    const double before = compare_p99(results[0], "response");
    const double after = compare_p99(results[1], "response");

    if (before <= 0 || after <= 0)
        return false;
    out->median = before / after;
    if (!compare_latency_interval(results, out))
        out->low = out->high = 0;
    return true;
}

static void
compare_print(compare *c, const char *load, int threads, const char *driver, bool open,
              const json_t *const results[2])
{
    const char *const kind = open ? "response" : "service";
    interval ratio;
    const char *said = "no difference";

    if (!(open ? compare_latency(results, &ratio) : compare_rate(results, &ratio))) {
        (void)printf("%-12s %4d  %-20s  %s\n", load, threads, driver, "too few samples");
        return;
    }
    c->compared++;
    if (ratio.low <= 0) {
        (void)printf("%-12s %4d  %-20s  %6.3f  [n/a: fewer than %d slices]  p99 %.1f -> %.1f us\n",
                     load, threads, driver, ratio.median, COMPARE_LEAST_SLICES,
                     compare_p99(results[0], kind), compare_p99(results[1], kind));
        return;
    }
    if (ratio.high < 1 && ratio.median < 1 - c->tolerance) {
        said = "SLOWER";
        c->slower++;
    } else if (ratio.low > 1 && ratio.median > 1 + c->tolerance) {
        said = "faster";
    }
    (void)printf("%-12s %4d  %-20s  %6.3f  [%.3f - %.3f]  %-14s p99 %.1f -> %.1f us\n", load,
                 threads, driver, ratio.median, ratio.low, ratio.high, said,
                 compare_p99(results[0], kind), compare_p99(results[1], kind));
}

/* ---- All runs ---- */

static bool
compare_run(compare *c, const json_t *const loads[2], const json_t *const runs[2])
{
    static const char *const keys[] = { "loop", "offered_rate", "arrivals", NULL };
    const json_t *result, *results[2];
    const char *name = result_text(loads[0], "name");
    const bool open = strcmp(result_text(runs[0], "loop"), "open") == 0;
    const char *phase = result_text(runs[0], "phase");
    char label[2 * WORKLOAD_NAME_BYTES];
    size_t i;

    (void)snprintf(label, sizeof label, "%s%s%s", name, phase[0] != '\0' ? "/" : "", phase);
    if (!compare_members(c, runs, label, keys))
        return false;
    json_array_foreach(json_object_get(runs[0], "results"), i, result)
    {
        const char *driver = result_text(result, "driver");
        bool fine = true;

        if (json_is_true(json_object_get(result, "control")))
            continue;
        results[0] = result;
        results[1] = result_find_driver(runs[1], driver);
        for (int k = 0; k < 2; k++)
            fine = fine && strcmp(result_text(result_find(json_object_get(loads[k], "drivers"),
                                                          "driver", driver),
                                              "state"),
                                  "fine") == 0;
        if (fine && results[1] != NULL)
            compare_print(c, label, (int)json_integer_value(json_object_get(runs[0], "threads")),
                          driver, open, results);
    }
    return true;
}

static bool
compare_workload(compare *c, const json_t *load)
{
    static const char *const keys[] = { "weights",   "keys",  "key_bytes",     "value_bytes",
                                        "scan_rows", "batch", "abort_percent", "keys_in_no_order",
                                        "phases",    NULL };
    const json_t *run, *loads[2], *runs[2];
    size_t i;

    loads[0] = load;
    loads[1] = result_find(json_object_get(c->results[1], "workloads"), "name",
                           result_text(load, "name"));
    if (loads[1] == NULL)
        return true;
    if (!compare_members(c, loads, result_text(load, "name"), keys))
        return false;
    json_array_foreach(json_object_get(load, "runs"), i, run)
    {
        runs[0] = run;
        runs[1] = result_find_run(loads[1], run);
        if (runs[1] != NULL && !compare_run(c, loads, runs))
            return false;
    }
    return true;
}

static int
compare_all(compare *c)
{
    const json_t *load;
    size_t i;

    if (!compare_is_alike(c))
        return TOOL_USAGE;
    (void)printf("%-12s %4s  %-20s  %6s  %s\n", "workload", "thr.", "driver", "ratio",
                 "95 % interval");
    json_array_foreach(json_object_get(c->results[0], "workloads"), i, load)
    {
        if (!compare_workload(c, load))
            return TOOL_USAGE;
    }
    if (c->compared == 0) {
        tool_error("bench compare", "the two have nothing in common");
        return TOOL_USAGE;
    }
    (void)printf("ratio: new to old, of rates; of 1/p99 in an open loop. Below %.0f %% nothing is "
                 "called a difference, for the two were not run side by side.\n",
                 c->tolerance * 100);
    return c->slower > 0 ? TOOL_FAILED : TOOL_DONE;
}

int
compare_command(int argc, char **argv)
{
    static const tool_command command = {
        .name = "bench compare",
        .summary = "Compare two results of tenon bench: is the new one slower?",
        .arguments = { "OLD.json", "NEW.json" },
        .details = "Refuses results of unlike machines, durabilities or workloads. Exit status 1:\n"
                   "something became slower.\n",
    };
    uint64_t percent = COMPARE_PERCENT;
    const tool_option choices[] = {
        { "--tolerance", TOOL_NUMBER, &percent, 0, 99, "PERCENT",
          "below it nothing is a difference; default 10" },
    };
    const char *given[TOOL_MAX_ARGUMENTS];
    compare c = { .compared = 0 };
    int rc = tool_parse(&command, choices, 1, argc, argv, given);

    if (rc != TOOL_GO_ON)
        return rc;
    c.tolerance = (double)percent / 100;
    for (int i = 0; i < 2; i++) {
        c.paths[i] = given[i];
        c.results[i] = result_read(given[i]);
    }
    rc = c.results[0] == NULL || c.results[1] == NULL ? TOOL_USAGE : compare_all(&c);
    json_decref(c.results[0]);
    json_decref(c.results[1]);
    return tool_flush(rc);
}
