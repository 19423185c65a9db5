/* What `tenon check` tells. */
#include "check_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool.h"
#include "trace.h"

/* The last calls are those that led there. */
#define REPORT_CALLS 14
#define REPORT_SCHEMA 1

/* What a driver of `tenon new-driver` says of a function that is not written yet. */
#define REPORT_UNWRITTEN "is not written yet"

static const char *const report_outcomes[] = { "passed", "FAILED", "skipped" };

void
check_report_begin(check_report *report, const char *driver, const suite_options *options,
                   const suite_driver *about, bool brief)
{
    static const char *const efforts[] = { "quick", "normal", "full" };
    json_t *capabilities = json_array();

    *report = (check_report){
        .driver = driver, .options = options, .cases = json_array(), .brief = brief
    };
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

/* What is called: "conn 2 query.exec insert item (1 10 null)". NULL: the line is no call. */
static json_t *
report_what(const json_t *line, const char *slot)
{
    const char *kind = "", *table = "", *text = "";
    char params[240];
    json_int_t conn = 0;

    if (slot == NULL || json_unpack((json_t *)(uintptr_t)line, "{s?s, s?s, s?s, s?I}", "kind",
                                    &kind, "table", &table, "text", &text, "conn", &conn) != 0)
        return NULL;
    report_values(line, "params", params, sizeof params);
    return json_sprintf("conn %d %s%s%s%s%s%s%s%s%s%s", (int)conn, slot, kind[0] != '\0' ? " " : "",
                        kind, table[0] != '\0' ? " " : "", table, text[0] != '\0' ? " " : "", text,
                        params[0] != '\0' ? " (" : "", params, params[0] != '\0' ? ")" : "");
}

/* One that has come back: what is called, and " -> OK, row 1 10". */
static json_t *
report_call(const json_t *line)
{
    json_t *what = report_what(line, json_string_value(json_object_get(line, "call"))), *call;
    char row[240];

    report_values(line, "row", row, sizeof row);
    call = what == NULL ? NULL
                        : json_sprintf("%s -> %s%s%s", json_string_value(what),
                                       tenon_status_name((tenon_status)json_integer_value(
                                           json_object_get(line, "status"))),
                                       row[0] != '\0' ? ", row " : "", row);
    json_decref(what);
    return call;
}

/* The calls of a trace: the last ones that have come back, and those that have not. */
typedef struct report_trace {
    json_t *calls;  /* texts */
    json_t *inside; /* lines, with the time of the call in "wall_us" */
    int64_t wall_us;
} report_trace;

/* Forget the line of its begin. */
static void
report_come_back(report_trace *t, const json_t *line)
{
    const char *slot = json_string_value(json_object_get(line, "call"));

    for (size_t i = json_array_size(t->inside); i-- > 0;) {
        const json_t *begun = json_array_get(t->inside, i);

        if (json_equal(json_object_get(begun, "conn"), json_object_get(line, "conn")) &&
            strcmp(json_string_value(json_object_get(begun, "begun")), slot) == 0) {
            (void)json_array_remove(t->inside, i);
            return;
        }
    }
}

static void
report_take(report_trace *t, json_t *line)
{
    const json_t *wall = json_object_get(line, "wall_us"), *at = json_object_get(line, "at_ns");
    json_t *call;

    if (wall != NULL)
        t->wall_us = json_integer_value(wall); /* what follows is counted from here */
    if (json_is_string(json_object_get(line, "begun"))) {
        (void)json_object_set_new(line, "wall_us",
                                  json_integer(t->wall_us + json_integer_value(at) / 1000));
        (void)json_array_append(t->inside, line);
    } else if ((call = report_call(line)) != NULL) {
        report_come_back(t, line);
        (void)json_array_append_new(t->calls, call);
        if (json_array_size(t->calls) > REPORT_CALLS)
            (void)json_array_remove(t->calls, 0);
    }
}

/* Lines to texts: "conn 1 transaction.commit, for 12 s". */
static void
report_since(json_t *inside)
{
    struct timespec now;
    json_t *line;
    size_t i;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    json_array_foreach(inside, i, line)
    {
        const int64_t since_us = json_integer_value(json_object_get(line, "wall_us"));
        const int64_t us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - since_us;
        json_t *what = report_what(line, json_string_value(json_object_get(line, "begun")));
        char duration[32] = "";

        if (us >= 500000)
            (void)snprintf(duration, sizeof duration, ", for %d s", (int)((us + 500000) / 1000000));
        (void)json_array_set_new(
            inside, i,
            json_sprintf("%s%s", what != NULL ? json_string_value(what) : "?", duration));
        json_decref(what);
    }
}

/* Read a trace; nothing where it can't be read. */
static report_trace
report_read(const char *path)
{
    report_trace all = { .calls = json_array(), .inside = json_array() };
    trace *t = path != NULL ? trace_open(path, -1) : NULL;
    const char *text;
    size_t len;

    while (t != NULL && trace_next(t, &text, &len) == TRACE_LINE) {
        json_t *line = json_loadb(text, len, 0, NULL);

        if (line != NULL)
            report_take(&all, line);
        json_decref(line);
    }
    trace_close(t);
    report_since(all.inside);
    return all;
}

/* ---- Cases ---- */

static void
report_print_texts(const char *label, const json_t *texts)
{
    const json_t *text;
    size_t i;

    json_array_foreach(texts, i, text)(void)
        printf("    %-9s %s\n", i == 0 ? label : "", json_string_value(text));
}

static void
report_print_failure(const check_report *report, const suite_result *result,
                     const report_trace *calls)
{
    char url[TOOL_URL_BYTES];

    tenon_url_mask(report->options->url, url, sizeof url);
    (void)printf("    expected  %s\n    seen      %s\n", result->expected, result->seen);
    if (result->place[0] != '\0')
        (void)printf("    at        %s\n", result->place);
    report_print_texts("calls", calls->calls);
    report_print_texts("still in", calls->inside);
    (void)printf("    hint      %s\n    again     tenon check %s --db '%s' --seed %" PRIu64
                 " --only %s\n",
                 result->hint, report->driver, url, report->options->seed, result->id);
}

/* A case that has failed since a function is not written yet: its author knows where to look, and
 * is told once. @return false: it has failed for another reason */
static bool
report_unwritten(check_report *report, const suite_result *result)
{
    const char *mark = strstr(result->seen, REPORT_UNWRITTEN), *from = mark;
    const size_t len = strlen(report->unwritten);

    if (mark == NULL)
        return false;
    for (int word = 0; word < 2 && from > result->seen; word++) { /* "tiger.c: tiger_begin " */
        for (from--; from > result->seen && from[-1] != ' '; from--)
            continue;
    }
    if (strstr(report->unwritten, from) != NULL)
        return true;
    (void)printf("    seen      %s\n", from);
    (void)snprintf(report->unwritten + len, sizeof report->unwritten - len, "%s\n", from);
    return true;
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
    if (!report->brief || result->outcome == SUITE_FAILED)
        (void)printf("%-7s %-44s %6.2f s  %s\n", report_outcomes[result->outcome], result->id,
                     result->seconds,
                     result->outcome == SUITE_SKIPPED ? result->expected : result->title);
    if (result->outcome == SUITE_SKIPPED)
        (void)json_object_set_new(one, "reason", json_string(result->expected));
    if (result->outcome == SUITE_FAILED) {
        report_trace calls = report_read(result->trace);

        if (result->place[0] != '\0') /* it has ended by itself */
            (void)json_array_clear(calls.inside);
        if (!report_unwritten(report, result))
            report_print_failure(report, result, &calls);
        (void)json_object_update_new(one, json_pack("{ss, ss, ss, so, so, ss}", "expected",
                                                    result->expected, "seen", result->seen, "place",
                                                    result->place, "calls", calls.calls, "inside",
                                                    calls.inside, "hint", result->hint));
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
