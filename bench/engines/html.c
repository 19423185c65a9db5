#include "html.h"

#include <errno.h>
#include <string.h>

#include "result_latency.h"
#include "result_read.h"
#include "svg.h"
#include "table.h"
#include "tool.h"

/* ---- Small parts ---- */

static void
html_tag(FILE *out, const char *name, const char *text)
{
    (void)fprintf(out, "<span class=tag>%s ", name);
    svg_text(out, text);
    (void)fputs("</span>", out);
}

static void
html_cell(FILE *out, const char *text)
{
    (void)fputs("<td>", out);
    svg_text(out, text);
    (void)fputs("</td>", out);
}

static void
html_cell_time(FILE *out, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    char text[40] = "";

    if (json_is_number(value))
        table_time(value, text, sizeof text);
    html_cell(out, text);
}

static void
html_cell_number(FILE *out, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    char text[40] = "";

    if (json_is_number(value))
        table_number(value, text, sizeof text);
    html_cell(out, text);
}

/* The members of an object, as text. */
static void
html_members(FILE *out, const json_t *object)
{
    const json_t *value;
    const char *key;
    void *at = json_object_iter((json_t *)(uintptr_t)object);

    (void)fputs("<div class=scroll><table class=kv>", out);
    for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        char text[64];

        key = json_object_iter_key(at);
        value = json_object_iter_value(at);
        (void)fputs("<tr>", out);
        html_cell(out, key);
        if (json_is_integer(value))
            (void)snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        else
            (void)snprintf(text, sizeof text, "%g", json_number_value(value));
        html_cell(out, json_is_string(value) ? json_string_value(value) : text);
        (void)fputs("</tr>", out);
    }
    (void)fputs("</table></div>\n", out);
}

/* ---- Tables ---- */

static void
html_verdict(FILE *out, const char *verdict)
{
    if (strcmp(verdict, "faster") == 0)
        (void)fputs("<td class=good>▲ faster</td>", out);
    else if (strcmp(verdict, "slower") == 0)
        (void)fputs("<td class=bad>▼ slower</td>", out);
    else
        html_cell(out, verdict);
}

static void
html_ratio(FILE *out, const json_t *ratio)
{
    char text[64] = "";

    if (json_is_object(ratio))
        (void)snprintf(text, sizeof text, "%.3f [%.3f – %.3f]",
                       json_number_value(json_object_get(ratio, "median")),
                       json_number_value(json_object_get(ratio, "low")),
                       json_number_value(json_object_get(ratio, "high")));
    html_cell(out, text);
}

static void
html_rates(FILE *out, const json_t *run)
{
    static const char *const tallies[] = { "errors", "misses", "aborts", "retries" };
    const json_t *result;
    size_t i;

    (void)fputs("<div class=scroll><table><tr><th>driver<th>operations/s<th>ratio to the first, 95 "
                "%<th><th>errors<th>misses<th>aborts<th>retries</tr>",
                out);
    json_array_foreach(json_object_get(run, "results"), i, result)
    {
        const bool control = json_is_true(json_object_get(result, "control"));

        (void)fputs("<tr><td>", out);
        svg_text(out, result_text(result, "driver"));
        (void)fputs(control ? " <span class=dim>(control)</span></td>" : "</td>", out);
        html_cell_number(out, result, "rate");
        html_ratio(out, json_object_get(control ? run : result, control ? "noise_floor" : "ratio"));
        html_verdict(out, result_text(result, "verdict"));
        for (int k = 0; k < 4; k++)
            html_cell_number(out, json_object_get(result, "tally"), tallies[k]);
        (void)fputs("</tr>", out);
    }
    (void)fputs("</table></div>\n", out);
}

static void
html_latencies(FILE *out, const json_t *run, const char *kind, const char *title)
{
    const json_t *result, *of;
    size_t i, k;

    (void)fprintf(out, "<div class=scroll><table><tr><th>%s<th>operation<th>count", title);
    for (int p = 0; p < RESULT_PERCENTILES; p++)
        (void)fprintf(out, "<th>%s", result_percentiles[p].name);
    (void)fputs("<th>max</tr>", out);
    json_array_foreach(json_object_get(run, "results"), i, result)
    {
        const json_t *list = json_object_get(result, kind);

        if (json_is_true(json_object_get(result, "control")))
            continue;
        json_array_foreach(list, k, of)
        {
            if (json_array_size(list) == 2 && k == 0)
                continue;
            (void)fputs("<tr>", out);
            html_cell(out, result_text(result, "driver"));
            html_cell(out, result_text(of, "operation"));
            html_cell_number(out, of, "count");
            for (int p = 0; p < RESULT_PERCENTILES; p++)
                html_cell_time(out, of, result_percentiles[p].key);
            html_cell_time(out, of, "max_us");
            (void)fputs("</tr>", out);
        }
    }
    (void)fputs("</table></div>\n", out);
}

/* Of a recorded history: what came of its events, and how late they were. */
static void
html_trace(FILE *out, const json_t *load)
{
    static const char *const counts[] = { "events",   "refused_events", "transactions",
                                          "compared", "differences",    "left_out" };
    const json_t *driver;
    size_t i;

    if (!json_is_object(
            json_object_get(json_array_get(json_object_get(load, "drivers"), 0), "trace")))
        return;
    (void)fputs("<h3>Recorded events</h3><div class=scroll><table><tr><th>driver<th>events"
                "<th>refused<th>transactions<th>compared<th>differences<th>left out"
                "<th>late at most<th>at the end<th>digest</tr>",
                out);
    json_array_foreach(json_object_get(load, "drivers"), i, driver)
    {
        const json_t *trace = json_object_get(driver, "trace");

        (void)fputs("<tr><td>", out);
        svg_text(out, result_text(driver, "driver"));
        (void)fputs(json_is_true(json_object_get(driver, "control"))
                        ? " <span class=dim>(control)</span></td>"
                        : "</td>",
                    out);
        for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++)
            html_cell_number(out, trace, counts[k]);
        html_cell_time(out, trace, "most_lag_us");
        html_cell_time(out, trace, "last_lag_us");
        html_cell(out, result_text(trace, "digest"));
        (void)fputs("</tr>", out);
    }
    (void)fputs("</table></div>\n", out);
}

/* ---- Runs and workloads ---- */

/* How a run was done, in small letters. */
static void
html_how(FILE *out, const json_t *run, bool open)
{
    const json_t *noise = json_object_get(run, "noise");
    const bool recorded = json_is_true(json_object_get(run, "recorded"));
    const int warm_rounds = (int)json_integer_value(json_object_get(run, "warm_rounds"));

    (void)fprintf(
        out, "<p class=\"dim small\">%d rounds of slices of %d %s, ",
        (int)json_integer_value(json_object_get(run, "rounds")),
        (int)json_integer_value(json_object_get(run, recorded ? "slice_operations" : "slice_ms")),
        recorded ? "events" : "ms");
    if (warm_rounds == 0 && (recorded || result_text(run, "phase")[0] != '\0'))
        (void)fputs("without a warm-up", out);
    else
        (void)fprintf(out, "%s after %d rounds of warm-up",
                      json_is_true(json_object_get(run, "steady")) ? "steady" : "<b>not steady</b>",
                      warm_rounds);
    (void)fprintf(out,
                  ". %s The load generator takes %.0f ns of each operation. Steal %.1f %%, other "
                  "processes %.0f %% of the CPU, load %.1f.</p></details>\n",
                  open ? "" : "Closed loop: latencies are not what a user waits for.",
                  json_number_value(json_object_get(run, "generator_ns")),
                  json_number_value(json_object_get(noise, "steal_percent")),
                  json_number_value(json_object_get(noise, "other_cpu_percent")),
                  json_number_value(json_object_get(noise, "load")));
}

static void
html_run(FILE *out, const json_t *load, const json_t *run, bool shown)
{
    const bool open = strcmp(result_text(run, "loop"), "open") == 0;
    const json_t *result;
    size_t i;

    (void)fprintf(out, "<details%s><summary>", shown ? " open" : "");
    svg_text(out, result_text(run, "phase"));
    (void)fprintf(
        out, "%sthreads: %d%s</summary>\n", result_text(run, "phase")[0] != '\0' ? "; " : "",
        (int)json_integer_value(json_object_get(run, "threads")), open ? ", open loop" : "");
    json_array_foreach(json_object_get(run, "results"), i, result)
    {
        if (!json_is_true(json_object_get(result, "saturated")))
            continue;
        (void)fputs("<p class=warn>", out);
        svg_text(out, result_text(result, "driver"));
        (void)fprintf(out, " is saturated: %.0f operations a second were due, %.0f were done.</p>",
                      json_number_value(json_object_get(run, "offered_rate")),
                      json_number_value(json_object_get(result, "rate")));
    }
    html_rates(out, run);
    (void)fputs("<div class=grid>", out);
    if (open)
        html_plot_latency(out, load, run, "response");
    html_plot_latency(out, load, run, "service");
    html_plot_time(out, load, run);
    (void)fputs("</div>\n", out);
    if (open)
        html_latencies(out, run, "response", "from when due");
    html_latencies(out, run, "service", open ? "from the start" : "latency");
    html_how(out, run, open);
}

static void
html_states(FILE *out, const json_t *load)
{
    const json_t *driver;
    size_t i;

    json_array_foreach(json_object_get(load, "drivers"), i, driver)
    {
        const char *state = result_text(driver, "state");

        if (strcmp(state, "fine") == 0)
            continue;
        (void)fputs("<p class=warn><b>", out);
        svg_text(out, result_text(driver, "driver"));
        (void)fprintf(out, "%s: %s.</b> ",
                      json_is_true(json_object_get(driver, "control")) ? " (control)" : "",
                      strcmp(state, "absent") == 0    ? "n/a"
                      : strcmp(state, "invalid") == 0 ? "invalid"
                                                      : "broken");
        svg_text(out, result_text(driver, "why"));
        (void)fputs("</p>\n", out);
    }
}

/* Runs of one number of threads. */
static size_t
html_parts(const json_t *load)
{
    const size_t phases = json_array_size(json_object_get(load, "phases"));

    return phases > 0 ? phases : 1;
}

static void
html_workload(FILE *out, const json_t *load)
{
    const json_t *runs = json_object_get(load, "runs"), *run, *driver;
    const json_t *phases = json_object_get(load, "phases"), *phase;
    const size_t parts = html_parts(load);
    char data[40];
    size_t i;

    (void)fputs("<h2>", out);
    svg_text(out, result_text(load, "name"));
    (void)fputs("</h2><p class=dim>", out);
    svg_text(out, result_text(load, "summary"));
    if (json_is_number(json_object_get(load, "data_bytes"))) {
        table_bytes(json_object_get(load, "data_bytes"), data, sizeof data);
        (void)fputs(" · keys ", out);
        svg_text(out, result_text(load, "keys"));
        (void)fprintf(out, " · %s of data, %.2g of the memory", data,
                      json_number_value(json_object_get(load, "data_to_memory")));
    }
    (void)fputs("</p>", out);
    html_states(out, load);
    html_legend(out, load);
    if (json_array_size(runs) > 1) {
        (void)fputs("<div class=grid>", out);
        if (!json_is_array(phases))
            html_plot_sweep(out, load, "");
        json_array_foreach(phases, i, phase) html_plot_sweep(out, load, result_text(phase, "name"));
        (void)fputs("</div>\n", out);
    }
    json_array_foreach(runs, i, run) /* of a sweep, the ends are looked at first */
        html_run(out, load, run, i < parts || i + parts >= json_array_size(runs));
    html_trace(out, load);
    (void)fputs("<h3>Cost</h3><div class=grid>", out);
    html_plot_cost(out, load, json_array_get(runs, 0));
    (void)fputs("</div>\n<details><summary>Settings as read back</summary>", out);
    json_array_foreach(json_object_get(load, "drivers"), i, driver)
    {
        if (!json_is_object(json_object_get(driver, "settings")) ||
            json_is_true(json_object_get(driver, "control")))
            continue;
        (void)fputs("<h4>", out);
        svg_text(out, result_text(driver, "driver"));
        (void)fputs("</h4>", out);
        html_members(out, json_object_get(driver, "settings"));
    }
    (void)fputs("</details>\n", out);
}

/* ---- The page ---- */

static void
html_head(FILE *out, const json_t *result)
{
    const json_t *environment = json_object_get(result, "environment");
    const json_t *plan = json_object_get(result, "plan");

    (void)fprintf(out,
                  "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport "
                  "content=\"width=device-width,initial-scale=1\"><link rel=icon href=\"data:,\">"
                  "<title>tenon bench</title><style>\n%s</style>\n<main>\n",
                  html_style);
    (void)fputs("<h1>Drivers side by side</h1><p class=dim>tenon bench, ", out);
    svg_text(out, result_text(result, "started"));
    (void)fputs("</p><div class=tags>", out);
    html_tag(out, "durability", result_text(plan, "durability"));
    html_tag(out, "isolation", result_text(plan, "isolation"));
    html_tag(out, "", result_text(environment, "processor"));
    html_tag(out, "kernel", result_text(environment, "kernel"));
    html_tag(out, "files on", result_text(environment, "file_system"));
    (void)fputs("</div>\n", out);
    if (json_is_true(json_object_get(result, "partial")))
        (void)fputs("<p class=warn>The run was stopped early: what was measured until then.</p>",
                    out);
    (void)fputs("<p>All drivers did the same operations in one process, in turn, in slices of "
                "balanced order. A ratio is the median over the rounds, with a bootstrap interval "
                "of 95 %; the control is a second database of the first driver, and a ratio that "
                "is not further from 1 than the control's interval is called no difference. Every "
                "row was looked at in the end.</p>\n",
                out);
}

/* What a reader wants to know first. */
static void
html_summary(FILE *out, const json_t *result)
{
    const json_t *loads = json_object_get(result, "workloads"), *load, *run;
    size_t i, k;

    (void)fputs("<h3>Operations a second</h3>", out);
    html_legend(out, json_array_get(loads, 0));
    (void)fputs("<div class=grid>", out);
    json_array_foreach(loads, i, load){ json_array_foreach(json_object_get(load, "runs"), k, run){
        if (k < html_parts(load)) html_plot_rates(out, load, run);
}
}
(void)fputs("</div>\n", out);
}

static void
html_page(FILE *out, const json_t *result)
{
    const json_t *load;
    size_t i;

    html_head(out, result);
    html_summary(out, result);
    json_array_foreach(json_object_get(result, "workloads"), i, load) html_workload(out, load);
    (void)fputs("<h2>How it was run</h2><pre>", out);
    svg_text(out, result_text(result, "command"));
    (void)fputs("</pre>", out);
    html_members(out, json_object_get(result, "environment"));
    (void)fputs("</main></html>\n", out);
}

int
html_write(const json_t *result, const char *path)
{
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    bool ok = out != NULL;

    errno = 0;
    if (ok) {
        html_page(out, result);
        ok = fflush(out) == 0 && !ferror(out);
    }
    if (out != NULL && out != stdout && fclose(out) != 0)
        ok = false;
    if (ok)
        return TOOL_GO_ON;
    tool_error(path, "can't be written: %s", strerror(errno));
    return TOOL_FAILED;
}

int
html_command(int argc, char **argv)
{
    static const tool_command command = {
        .name = "bench report",
        .summary = "Make a page of a result of tenon bench.",
        .arguments = { "RESULT.json", "PAGE.html" },
        .details = "The page needs no network and no scripts. - is stdout.\n",
    };
    const char *given[TOOL_MAX_ARGUMENTS];
    json_t *result;
    int rc = tool_parse(&command, NULL, 0, argc, argv, given);

    if (rc != TOOL_GO_ON)
        return rc;
    result = result_read(given[0]);
    rc = result == NULL ? TOOL_USAGE : html_write(result, given[1]);
    json_decref(result);
    return rc == TOOL_GO_ON ? tool_flush(TOOL_DONE) : rc;
}
