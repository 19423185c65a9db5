/* tenon trace: what a trace+URL has recorded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"
#include "tool.h"
#include "trace.h"

#define CALLS_MOST_KINDS 4096

/* Calls of one slot with one query. */
typedef struct calls_kind {
    char *name; /* "query.exec insert_user" */
    uint64_t failed_count, sum_ns;
    histogram took_ns;
} calls_kind;

/* All that was read. */
typedef struct calls_all {
    calls_kind *kinds[CALLS_MOST_KINDS];
    size_t kind_count;
    json_t *places; /* of each name in `kinds` */
    uint64_t call_count, other_count, committed_count, last_ns;
} calls_all;

static void
calls_free(calls_all *all)
{
    for (size_t i = 0; i < all->kind_count; i++) {
        free(all->kinds[i]->name);
        free(all->kinds[i]);
    }
    json_decref(all->places);
    free(all);
}

/* The kind of a name, new where it was not met before. NULL: no memory, or there are too many. */
static calls_kind *
calls_find(calls_all *all, const char *name)
{
    const json_t *place = json_object_get(all->places, name);
    calls_kind *kind;

    if (place != NULL)
        return all->kinds[json_integer_value(place)];
    if (all->kind_count == CALLS_MOST_KINDS)
        return NULL;
    kind = calloc(1, sizeof *kind);
    if (kind == NULL || (kind->name = strdup(name)) == NULL ||
        json_object_set_new(all->places, name, json_integer((json_int_t)all->kind_count)) != 0) {
        if (kind != NULL)
            free(kind->name);
        free(kind);
        return NULL;
    }
    all->kinds[all->kind_count++] = kind;
    return kind;
}

/* Take one call. @return false: it is none */
static bool
calls_take(calls_all *all, const json_t *line)
{
    const json_t *at = json_object_get(line, "at_ns"), *took = json_object_get(line, "took_ns");
    const char *slot = json_string_value(json_object_get(line, "call"));
    const json_t *status = json_object_get(line, "status");
    const char *query = json_string_value(json_object_get(line, "query"));
    char name[256];
    calls_kind *kind;

    if (slot == NULL || !json_is_integer(at) || !json_is_integer(took) ||
        !json_is_integer(status) || json_integer_value(at) < 0 || json_integer_value(took) < 0)
        return false;
    (void)snprintf(name, sizeof name, "%s%s%s", slot, query == NULL ? "" : " ",
                   query == NULL ? "" : query);
    kind = calls_find(all, name);
    all->call_count++;
    if (kind == NULL) {
        all->other_count++;
        return true;
    }
    histogram_add(&kind->took_ns, (uint64_t)json_integer_value(took));
    kind->sum_ns += (uint64_t)json_integer_value(took);
    /* The end of the rows is none. */
    kind->failed_count += json_integer_value(status) != TENON_OK &&
                          json_integer_value(status) != TENON_NOT_FOUND;
    all->committed_count += strcmp(slot, "transaction.commit") == 0 &&
                            json_integer_value(status) == TENON_OK;
    if ((uint64_t)json_integer_value(at) > all->last_ns)
        all->last_ns = (uint64_t)json_integer_value(at);
    return true;
}

/* @return TOOL_GO_ON: all of it was read */
static int
calls_read(trace *t, calls_all *all)
{
    const char *text;
    size_t len;
    trace_result got;

    while ((got = trace_next(t, &text, &len)) == TRACE_LINE) {
        json_t *line = json_loadb(text, len, 0, NULL);
        const json_t *version = json_object_get(line, "tenon_trace");
        const bool is_head = json_is_integer(version) && json_integer_value(version) == 1;
        /* One that was begun is counted when it has come back. */
        const bool is_begun = json_is_string(json_object_get(line, "begun"));
        const bool good = is_head || (trace_line(t) > 1 && (is_begun || calls_take(all, line)));

        json_decref(line);
        if (!good) {
            trace_error(t, trace_line(t), "this is no call that trace+URL has recorded");
            return TOOL_FAILED;
        }
    }
    return got == TRACE_END ? TOOL_GO_ON : TOOL_FAILED;
}

static int
calls_compare(const void *a, const void *b)
{
    const calls_kind *const *x = a, *const *y = b;

    return ((*x)->sum_ns < (*y)->sum_ns) - ((*x)->sum_ns > (*y)->sum_ns);
}

static double
calls_us(uint64_t ns)
{
    return (double)ns / 1000;
}

static int
calls_print(calls_all *all)
{
    (void)printf("%-48s %10s %8s %10s %9s %9s %9s\n", "call", "count", "failed", "sum, ms",
                 "p50, us", "p99, us", "max, us");
    for (size_t i = 0; i < all->kind_count; i++) {
        const calls_kind *k = all->kinds[i];

        (void)printf("%-48s %10llu %8llu %10.1f %9.1f %9.1f %9.1f\n", k->name,
                     (unsigned long long)k->took_ns.count, (unsigned long long)k->failed_count,
                     (double)k->sum_ns / 1e6, calls_us(histogram_value(&k->took_ns, 1, 2)),
                     calls_us(histogram_value(&k->took_ns, 99, 100)), calls_us(k->took_ns.max));
    }
    (void)printf("%llu calls in %.3f s, %llu commits", (unsigned long long)all->call_count,
                 (double)all->last_ns / 1e9, (unsigned long long)all->committed_count);
    if (all->other_count > 0)
        (void)printf("; %llu calls of further kinds are not listed",
                     (unsigned long long)all->other_count);
    (void)printf("\n");
    return tool_flush(TOOL_DONE);
}

static int
calls_print_json(const calls_all *all)
{
    json_t *kinds = json_array();
    int rc;

    for (size_t i = 0; i < all->kind_count; i++) {
        const calls_kind *k = all->kinds[i];

        (void)json_array_append_new(
            kinds,
            json_pack("{ss, sI, sI, sf, sf, sf, sf}", "call", k->name, "count",
                      (json_int_t)k->took_ns.count, "failed", (json_int_t)k->failed_count, "sum_us",
                      calls_us(k->sum_ns), "p50_us", calls_us(histogram_value(&k->took_ns, 1, 2)),
                      "p99_us", calls_us(histogram_value(&k->took_ns, 99, 100)), "max_us",
                      calls_us(k->took_ns.max)));
    }
    rc = tool_print_json(json_pack("{sI, sI, sI, so}", "call_count", (json_int_t)all->call_count,
                                   "committed_count", (json_int_t)all->committed_count,
                                   "not_listed_count", (json_int_t)all->other_count, "calls",
                                   kinds),
                         stdout, "stdout");
    return rc == TOOL_GO_ON ? TOOL_DONE : rc;
}

static int
calls_command(const tool_command *command, int argc, char **argv)
{
    const char *arguments[TOOL_MAX_ARGUMENTS];
    bool as_json = false;
    const tool_option choices[] = {
        { "--json", TOOL_FLAG, &as_json, 0, 0, NULL, "print as JSON" },
    };
    calls_all *all;
    trace *t;
    int rc = tool_parse(command, choices, 1, argc, argv, arguments);

    if (rc != TOOL_GO_ON)
        return rc;
    t = trace_open(arguments[0], -1);
    if (t == NULL)
        return TOOL_USAGE;
    all = calloc(1, sizeof *all);
    if (all == NULL || (all->places = json_object()) == NULL) {
        tool_error("memory", "there is none left");
        free(all);
        trace_close(t);
        return TOOL_FAILED;
    }
    rc = calls_read(t, all);
    qsort(all->kinds, all->kind_count, sizeof *all->kinds, calls_compare);
    if (rc == TOOL_GO_ON)
        rc = as_json ? calls_print_json(all) : calls_print(all);
    trace_close(t);
    calls_free(all);
    return rc;
}

const tool_command tool_calls = {
    .name = "trace",
    .summary = "Show what trace+URL has recorded: calls of a driver, and how long they took.",
    .arguments = { "FILE" },
    .details =
        "FILE is what a URL such as trace+sqlite:chat.db?trace_file=FILE has written; it may\n"
        "be compressed by gzip; - is standard input. Calls are listed by the time that they\n"
        "took together.\n",
    .run = calls_command,
};
