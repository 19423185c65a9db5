/* What `tenon check` tells. */
#include "check_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"
#include "trace.h"

/* The last calls are those that led there. */
#define REPORT_CALLS 14
#define REPORT_SCHEMA 1

static const char *const report_outcomes[] = { "passed", "FAILED", "skipped" };

void
check_report_begin(check_report *report, const char *driver, const suite_options *options,
                   const suite_driver *about)
{
    static const char *const efforts[] = { "quick", "normal", "full" };
    json_t *capabilities = json_array();

    *report = (check_report){ .driver = driver, .options = options, .cases = json_array() };
    (void)printf("tenon check %s: driver %s, seed %" PRIu64 "\ncapabilities:", driver, about->name,
                 options->seed);
    for (uint32_t bit = 0; bit < 64; bit++) {
        const uint64_t capability = UINT64_C(1) << bit;

        if ((about->capabilities & capability) == 0)
            continue;
        (void)printf(" %s", conf_capability_name(capability));
        (void)json_array_append_new(capabilities, json_string(conf_capability_name(capability)));
    }
    (void)printf("\n\n");
    report->root = json_pack("{si, ss, ss, ss, ss, sI, so, ss}", "schema", REPORT_SCHEMA, "tool",
                             "tenon check", "driver", about->name, "plugin", driver, "effort",
                             efforts[options->effort], "seed", (json_int_t)options->seed,
                             "capabilities", capabilities, "durability",
                             tool_durability(about->durability));
}

/* ---- The calls that led to a failure ---- */

/* A value as it is written in a query's text. */
static void
report_add_value(const json_t *value, char *out, size_t out_bytes)
{
    json_t *held = json_is_object(value) && json_object_size(value) == 1
                       ? json_object_iter_value(json_object_iter((json_t *)(uintptr_t)value))
                       : NULL;
    char *text = json_dumps(held != NULL ? held : value, JSON_ENCODE_ANY | JSON_COMPACT);
    const size_t len = strlen(out);

    if (text != NULL && len < out_bytes)
        (void)snprintf(out + len, out_bytes - len, "%s%.60s%s", len > 0 ? " " : "", text,
                       strlen(text) > 60 ? "..." : "");
    free(text);
}

static void
report_values(const json_t *line, const char *key, char *out, size_t out_bytes)
{
    const json_t *values = json_object_get(line, key), *value;
    size_t i;

    out[0] = '\0';
    json_array_foreach(values, i, value) report_add_value(value, out, out_bytes);
}

/* One call: "conn 2 query.exec insert item (1 10 null) -> OK". */
static json_t *
report_call(const json_t *line)
{
    const char *slot = NULL, *kind = "", *table = "", *text = "";
    char params[240], row[240];
    json_int_t conn = 0;
    int status = TENON_OK;

    if (json_unpack((json_t *)(uintptr_t)line, "{ss, si, s?s, s?s, s?s, s?I}", "call", &slot,
                    "status", &status, "kind", &kind, "table", &table, "text", &text, "conn",
                    &conn) != 0)
        return NULL;
    report_values(line, "params", params, sizeof params);
    report_values(line, "row", row, sizeof row);
    return json_sprintf("conn %d %s%s%s%s%s%s%s%s%s%s -> %s%s%s", (int)conn, slot,
                        kind[0] != '\0' ? " " : "", kind, table[0] != '\0' ? " " : "", table,
                        text[0] != '\0' ? " " : "", text, params[0] != '\0' ? " (" : "", params,
                        params[0] != '\0' ? ")" : "", tenon_status_name(status),
                        row[0] != '\0' ? ", row " : "", row);
}

/* The last calls of a trace; empty where it can't be read. */
static json_t *
report_calls(const char *path)
{
    json_t *calls = json_array();
    trace *t = path != NULL ? trace_open(path, -1) : NULL;
    const char *line;
    size_t len;

    while (t != NULL && trace_next(t, &line, &len) == TRACE_LINE) {
        json_t *root = json_loadb(line, len, 0, NULL);
        json_t *call = root != NULL ? report_call(root) : NULL;

        if (call != NULL && json_array_append_new(calls, call) == 0 &&
            json_array_size(calls) > REPORT_CALLS)
            (void)json_array_remove(calls, 0);
        json_decref(root);
    }
    trace_close(t);
    return calls;
}

/* ---- Cases ---- */

static void
report_print_failure(const check_report *report, const suite_result *result, const json_t *calls)
{
    char url[TOOL_URL_BYTES];
    const json_t *call;
    size_t i;

    tenon_url_mask(report->options->url, url, sizeof url);
    (void)printf("    expected  %s\n    seen      %s\n", result->expected, result->seen);
    if (result->place[0] != '\0')
        (void)printf("    at        %s\n", result->place);
    json_array_foreach(calls, i, call)(void)
        printf("    %-9s %s\n", i == 0 ? "calls" : "", json_string_value(call));
    (void)printf("    hint      %s\n    again     tenon check %s --db '%s' --seed %" PRIu64
                 " --only %s\n",
                 result->hint, report->driver, url, report->options->seed, result->id);
}

void
check_report_case(void *arg, const suite_result *result)
{
    check_report *report = arg;
    json_t *one = json_pack("{ss, ss, ss, sf}", "id", result->id, "title", result->title, "outcome",
                            result->outcome == SUITE_FAILED ? "failed"
                                                            : report_outcomes[result->outcome],
                            "seconds", result->seconds);

    report->counts[result->outcome]++;
    report->seconds += result->seconds;
    (void)printf("%-7s %-44s %6.2f s  %s\n", report_outcomes[result->outcome], result->id,
                 result->seconds,
                 result->outcome == SUITE_SKIPPED ? result->expected : result->title);
    if (result->outcome == SUITE_SKIPPED)
        (void)json_object_set_new(one, "reason", json_string(result->expected));
    if (result->outcome == SUITE_FAILED) {
        json_t *calls = report_calls(result->trace);

        report_print_failure(report, result, calls);
        (void)json_object_update_new(one,
                                     json_pack("{ss, ss, ss, so, ss}", "expected", result->expected,
                                               "seen", result->seen, "place", result->place,
                                               "calls", calls, "hint", result->hint));
    }
    (void)fflush(stdout);
    (void)json_array_append_new(report->cases, one);
}

void
check_report_free(check_report *report)
{
    json_decref(report->root);
    json_decref(report->cases);
    report->root = report->cases = NULL;
}

static int
report_write(check_report *report, const char *path)
{
    FILE *out = fopen(path, "w");
    int rc;

    if (out == NULL) {
        tool_error(path, "can't be written");
        return TOOL_FAILED;
    }
    rc = tool_print_json(json_incref(report->root), out, path);
    if (fclose(out) != 0 && rc == TOOL_GO_ON) {
        tool_error(path, "was not written whole");
        rc = TOOL_FAILED;
    }
    return rc;
}

int
check_report_end(check_report *report, const char *json, bool stopped)
{
    const uint32_t failed = report->counts[SUITE_FAILED];
    int rc = TOOL_GO_ON;

    (void)printf("\n%u passed, %u failed, %u skipped in %.1f s%s\n",
                 (unsigned)report->counts[SUITE_PASSED], (unsigned)failed,
                 (unsigned)report->counts[SUITE_SKIPPED], report->seconds,
                 stopped ? "; STOPPED before the end" : "");
    (void)json_object_update_new(
        report->root,
        json_pack("{si, si, si, sf, sb, sO}", "passed", (int)report->counts[SUITE_PASSED], "failed",
                  (int)failed, "skipped", (int)report->counts[SUITE_SKIPPED], "seconds",
                  report->seconds, "stopped", (int)stopped, "cases", report->cases));
    if (json != NULL)
        rc = report_write(report, json);
    check_report_free(report);
    if (rc != TOOL_GO_ON)
        return rc;
    return tool_flush(stopped ? TOOL_INTERRUPTED : failed > 0 ? TOOL_FAILED : TOOL_DONE);
}
