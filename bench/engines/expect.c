#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "result_latency.h"
#include "result_read.h"
#include "tool.h"

/* One of the list. */
typedef struct expectation {
    char metric[24], text[64];
    bool below; /* else above */
    double bound;
} expectation;

static const struct {
    const char *text;
    double us;
} expect_units[] = { { "ns", 1e-3 }, { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 } };

/* Members of a tally. */
static const char *const expect_tallies[] = { "errors", "misses",   "retries",
                                              "aborts", "unserved", "late" };

static const char *
expect_percentile(const char *metric)
{
    for (int i = 0; i < RESULT_PERCENTILES; i++)
        if (strcmp(result_percentiles[i].name, metric) == 0)
            return result_percentiles[i].key;
    return strcmp(metric, "max") == 0 ? "max_us" : NULL;
}

static bool
expect_is_tally(const char *metric)
{
    for (size_t i = 0; i < sizeof expect_tallies / sizeof expect_tallies[0]; i++)
        if (strcmp(expect_tallies[i], metric) == 0)
            return true;
    return false;
}

/* A latency needs a unit, others have none. */
static bool
expect_bound(const char *text, bool is_latency, double *out)
{
    char *end;
    const double n = strtod(text, &end);

    if (end == text || n < 0)
        return false;
    *out = n;
    if (!is_latency)
        return *end == '\0';
    for (size_t i = 0; i < sizeof expect_units / sizeof expect_units[0]; i++)
        if (strcmp(end, expect_units[i].text) == 0) {
            *out = n * expect_units[i].us;
            return true;
        }
    return false;
}

static bool
expect_read(const char *text, size_t len, expectation *out)
{
    const size_t name = strcspn(text, "<>");
    bool known;

    memset(out, 0, sizeof *out);
    (void)snprintf(out->text, sizeof out->text, "%.*s", (int)len, text);
    if (name + 1 < len && name < sizeof out->metric && len < sizeof out->text) {
        memcpy(out->metric, text, name);
        out->below = text[name] == '<';
        known = expect_percentile(out->metric) != NULL || expect_is_tally(out->metric) ||
                strcmp(out->metric, "rate") == 0;
        if (known &&
            expect_bound(out->text + name + 1, expect_percentile(out->metric) != NULL, &out->bound))
            return true;
    }
    tool_error("bench",
               "--expect: '%s' is not such as p99<2ms or rate>5000 (p50, p90, p99, p99.9, p99.99, "
               "max with ns, us, ms, s; rate, errors, misses, retries, aborts, late, unserved)",
               out->text);
    return false;
}

/* ---- Figures ---- */

static const json_t *
expect_value(const json_t *run, const json_t *result, const char *metric)
{
    const bool open = strcmp(result_text(run, "loop"), "open") == 0;
    const json_t *all = json_array_get(json_object_get(result, open ? "response" : "service"), 0);

    if (expect_percentile(metric) != NULL)
        return json_object_get(all, expect_percentile(metric));
    if (expect_is_tally(metric))
        return json_object_get(json_object_get(result, "tally"), metric);
    return json_object_get(result, metric);
}

static bool
expect_holds(const expectation *e, const json_t *load, const json_t *run, const json_t *driver)
{
    const char *name = result_text(driver, "driver");
    const json_t *result = result_find_driver(run, name);
    const json_t *value = expect_value(run, result, e->metric);
    const char *phase = result_text(run, "phase");
    const double found = json_number_value(value);
    char where[160];

    (void)snprintf(where, sizeof where, "%s, %s%s%s, threads: %d", name, result_text(load, "name"),
                   phase[0] != '\0' ? "/" : "", phase,
                   (int)json_integer_value(json_object_get(run, "threads")));

    if (strcmp(result_text(driver, "state"), "fine") != 0 || !json_is_number(value)) {
        tool_error("bench", "expected %s: %s: it is not known", e->text, where);
        return false;
    }
    if (e->below ? found < e->bound : found > e->bound)
        return true;
    tool_error("bench", "expected %s: %s: it is %.6g%s", e->text, where, found,
               expect_percentile(e->metric) != NULL ? " us" : "");
    return false;
}

static bool
expect_everywhere(const expectation *e, const json_t *result)
{
    const json_t *load, *run, *driver;
    bool holds = true;
    size_t i, k, n;

    json_array_foreach(json_object_get(result, "workloads"), i, load)
    {
        json_array_foreach(json_object_get(load, "runs"), k, run)
        {
            json_array_foreach(json_object_get(load, "drivers"), n, driver)
            {
                if (!json_is_true(json_object_get(driver, "control")))
                    holds = expect_holds(e, load, run, driver) && holds;
            }
        }
    }
    return holds;
}

/* ---- Lists ---- */

/* @param[in] result NULL: only read */
static bool
expect_each(const char *list, const json_t *result)
{
    bool holds = true;

    while (*list != '\0') {
        const size_t len = strcspn(list, ",");
        expectation e;

        if (!expect_read(list, len, &e))
            return false;
        holds = (result == NULL || expect_everywhere(&e, result)) && holds;
        list += len;
        list += *list == ',';
    }
    return holds;
}

bool
expect_is_valid(const char *list)
{
    return expect_each(list, NULL);
}

bool
expect_hold(const char *list, const json_t *result)
{
    return expect_each(list, result);
}
