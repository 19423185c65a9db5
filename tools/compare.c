/* tenon compare: results of `tenon replay --json` side by side, and whether they agree. */
#include <stdio.h>
#include <string.h>

#include "tool.h"

#define COMPARE_SIDES TOOL_MAX_ARGUMENTS
#define COMPARE_LABEL 22
#define COMPARE_COLUMN 20
/* Of a digest, enough to tell two apart by eye. */
#define COMPARE_DIGEST 16

typedef struct comparison {
    const char *paths[COMPARE_SIDES];
    json_t *roots[COMPARE_SIDES];
    int count;
} comparison;

/* The number at `key`, or at `outer`.`key`; 0 where there is none. */
static double
compare_number(const comparison *c, int side, const char *outer, const char *key)
{
    const json_t *at = c->roots[side];

    if (outer != NULL)
        at = json_object_get(at, outer);
    return json_number_value(json_object_get(at, key));
}

static const char *
compare_text(const comparison *c, int side, const char *key)
{
    const char *text = json_string_value(json_object_get(c->roots[side], key));

    return text == NULL ? "?" : text;
}

static void
compare_texts(const comparison *c, const char *label, const char *key)
{
    (void)printf("%-*s", COMPARE_LABEL, label);
    for (int side = 0; side < c->count; side++)
        (void)printf("%*.*s", COMPARE_COLUMN, COMPARE_DIGEST, compare_text(c, side, key));
    (void)printf("\n");
}

static void
compare_numbers(const comparison *c, const char *label, const char *outer, const char *key,
                int digits)
{
    (void)printf("%-*s", COMPARE_LABEL, label);
    for (int side = 0; side < c->count; side++)
        (void)printf("%*.*f", COMPARE_COLUMN, digits, compare_number(c, side, outer, key));
    (void)printf("\n");
}

/* A line for each status that refused something on any side. */
static void
compare_refused(const comparison *c)
{
    const char *status;
    json_t *count, *all = json_object();
    char label[COMPARE_LABEL + 1];

    for (int side = 0; side < c->count; side++)
        (void)json_object_update(all, json_object_get(c->roots[side], "refused"));
    json_object_foreach(all, status, count)
    {
        (void)snprintf(label, sizeof label, "refused: %.12s", status);
        compare_numbers(c, label, "refused", status, 0);
    }
    json_decref(all);
}

/* Whether all sides have that member and it is the same. */
static bool
compare_is_equal(const comparison *c, const char *key)
{
    const json_t *a = json_object_get(c->roots[0], key);
    bool equal = a != NULL;

    for (int side = 1; side < c->count && equal; side++)
        equal = json_equal(a, json_object_get(c->roots[side], key)) == 1;
    return equal;
}

static bool
compare_agrees(const comparison *c)
{
    return compare_is_equal(c, "digest") && compare_is_equal(c, "events") &&
           compare_is_equal(c, "refused");
}

static int
compare_print(const comparison *c)
{
    const bool agree = compare_agrees(c);

    compare_texts(c, "", "driver");
    compare_texts(c, "durability", "durability");
    compare_numbers(c, "events", NULL, "events", 0);
    compare_refused(c);
    compare_numbers(c, "events/s", NULL, "events_per_s", 0);
    compare_numbers(c, "latency p50, us", "latency_us", "p50", 1);
    compare_numbers(c, "latency p99, us", "latency_us", "p99", 1);
    compare_numbers(c, "latency p99.9, us", "latency_us", "p99_9", 1);
    compare_numbers(c, "size on disk, bytes", NULL, "disk_bytes", 0);
    compare_texts(c, "digest", "digest");
    if (agree)
        (void)printf("\n%s end in the same state, with the same refusals.\n",
                     c->count == 2 ? "Both" : "All");
    else
        (void)printf("\nThey do NOT end in the same state.\n");
    return tool_flush(agree ? TOOL_DONE : TOOL_FAILED);
}

static int
compare_json(const comparison *c)
{
    const bool agree = compare_agrees(c);
    json_t *results = json_array();
    int rc;

    for (int side = 0; side < c->count; side++)
        (void)json_array_append(results, c->roots[side]);
    rc = tool_print_json(json_pack("{s:b, s:o}", "agree", agree, "results", results), stdout,
                         "stdout");
    return rc != TOOL_GO_ON ? rc : agree ? TOOL_DONE : TOOL_FAILED;
}

static int
compare_load(comparison *c)
{
    json_error_t problem;

    for (int side = 0; side < COMPARE_SIDES && c->paths[side] != NULL; side++) {
        c->count = side + 1;
        c->roots[side] = json_load_file(c->paths[side], 0, &problem);
        if (c->roots[side] == NULL) {
            tool_error(c->paths[side], "line %d: %s", problem.line, problem.text);
            return TOOL_USAGE;
        }
    }
    return TOOL_GO_ON;
}

static int
compare_command(const tool_command *command, int argc, char **argv)
{
    bool as_json = false;
    const tool_option choices[] = {
        { "--json", TOOL_FLAG, &as_json, 0, 0, NULL, "print as JSON" },
    };
    comparison c = { .roots = { NULL } };
    int rc = tool_parse(command, choices, 1, argc, argv, c.paths);

    if (rc == TOOL_GO_ON)
        rc = compare_load(&c);
    if (rc == TOOL_GO_ON)
        rc = as_json ? compare_json(&c) : compare_print(&c);
    for (int side = 0; side < c.count; side++)
        json_decref(c.roots[side]);
    return rc;
}

const tool_command tool_compare = {
    .name = "compare",
    .summary = "Show results of replays side by side, and whether they agree.",
    .arguments = { "FILE", "FILE", "[FILE]", "[FILE]" },
    .details =
        "The files are what `tenon replay --json FILE` has written. They agree where digest,\n"
        "events and refusals are the same; else the exit status is 1.\n",
    .run = compare_command,
};
