#include "csv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "result_latency.h"
#include "result_read.h"
#include "tool.h"

static void
csv_text(FILE *out, const char *text)
{
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        (void)fputs(text, out);
        return;
    }
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            (void)fputc('"', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

/* Nothing where it is not known. */
static void
csv_number(FILE *out, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    (void)fputc(',', out);
    if (json_is_integer(value))
        (void)fprintf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        (void)fprintf(out, "%.9g", json_real_value(value));
}

static const char *const csv_tallies[] = { "errors",  "misses", "aborts",
                                           "retries", "late",   "unserved" };
static const char *const csv_driver[] = { "disk_bytes", "space_amplification" };
static const char *const csv_alone[] = { "flushes_per_commit", "write_amplification",
                                         "memory_bytes" };
static const char *const csv_trace[] = { "applied", "refused_events", "differences", "most_lag_us",
                                         "last_lag_us" };
static const char *const csv_result[] = { "rate", "client_cpu_us", "server_cpu_us", "round_trips" };

#define CSV_COUNT(list) (sizeof(list) / sizeof(list)[0])

static void
csv_names(FILE *out, const char *const names[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)fprintf(out, ",%s", names[i]);
}

static void
csv_numbers(FILE *out, const json_t *object, const char *const names[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        csv_number(out, object, names[i]);
}

static void
csv_head(FILE *out)
{
    (void)fputs("workload,phase,threads,driver,control,state,durability,latency,operation", out);
    for (int i = 0; i < RESULT_PERCENTILES; i++)
        (void)fprintf(out, ",%s", result_percentiles[i].key);
    (void)fputs(",max_us,count,ratio,ratio_low,ratio_high,verdict", out);
    csv_names(out, csv_result, CSV_COUNT(csv_result));
    csv_names(out, csv_tallies, CSV_COUNT(csv_tallies));
    csv_names(out, csv_driver, CSV_COUNT(csv_driver));
    csv_names(out, csv_alone, CSV_COUNT(csv_alone));
    csv_names(out, csv_trace, CSV_COUNT(csv_trace));
    (void)fputc('\n', out);
}

/* What a line is about. */
typedef struct csv_line {
    const json_t *plan, *load, *run, *result;
    const char *kind;
} csv_line;

/* The control has a driver's name, and figures of its own. */
static const json_t *
csv_find_driver(const csv_line *l)
{
    const json_t *driver;
    size_t i;

    json_array_foreach(json_object_get(l->load, "drivers"), i, driver)
    {
        if (strcmp(result_text(driver, "driver"), result_text(l->result, "driver")) == 0 &&
            json_is_true(json_object_get(driver, "control")) ==
                json_is_true(json_object_get(l->result, "control")))
            return driver;
    }
    return NULL;
}

static void
csv_write_line(FILE *out, const csv_line *l, const json_t *of)
{
    const json_t *driver = csv_find_driver(l);
    const json_t *ratio = json_object_get(l->result, "ratio");

    csv_text(out, result_text(l->load, "name"));
    (void)fputc(',', out);
    csv_text(out, result_text(l->run, "phase"));
    (void)fprintf(out, ",%d,", (int)json_integer_value(json_object_get(l->run, "threads")));
    csv_text(out, result_text(l->result, "driver"));
    (void)fprintf(out, ",%d,%s,%s,%s,%s", json_is_true(json_object_get(l->result, "control")),
                  result_text(driver, "state"), result_text(l->plan, "durability"), l->kind,
                  result_text(of, "operation"));
    for (int i = 0; i < RESULT_PERCENTILES; i++)
        csv_number(out, of, result_percentiles[i].key);
    csv_number(out, of, "max_us");
    csv_number(out, of, "count");
    csv_number(out, ratio, "median");
    csv_number(out, ratio, "low");
    csv_number(out, ratio, "high");
    (void)fprintf(out, ",%s", result_text(l->result, "verdict"));
    csv_numbers(out, l->result, csv_result, CSV_COUNT(csv_result));
    csv_numbers(out, json_object_get(l->result, "tally"), csv_tallies, CSV_COUNT(csv_tallies));
    csv_numbers(out, driver, csv_driver, CSV_COUNT(csv_driver));
    csv_numbers(out, json_object_get(driver, "alone"), csv_alone, CSV_COUNT(csv_alone));
    csv_numbers(out, json_object_get(driver, "trace"), csv_trace, CSV_COUNT(csv_trace));
    (void)fputc('\n', out);
}

static void
csv_run(FILE *out, csv_line *l)
{
    static const char *const kinds[] = { "service", "response" };
    const json_t *of;
    size_t i, n;

    json_array_foreach(json_object_get(l->run, "results"), i, l->result)
    {
        for (int k = 0; k < 2; k++) {
            l->kind = kinds[k];
            json_array_foreach(json_object_get(l->result, l->kind), n, of)
                csv_write_line(out, l, of);
        }
    }
}

int
csv_write(const json_t *result, const char *path)
{
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    csv_line l = { .plan = json_object_get(result, "plan") };
    bool ok = out != NULL;
    size_t i, k;

    errno = 0;
    if (ok) {
        csv_head(out);
        json_array_foreach(json_object_get(result, "workloads"), i, l.load)
        {
            json_array_foreach(json_object_get(l.load, "runs"), k, l.run) csv_run(out, &l);
        }
        ok = fflush(out) == 0 && !ferror(out);
    }
    if (out != NULL && out != stdout && fclose(out) != 0)
        ok = false;
    if (ok)
        return TOOL_GO_ON;
    tool_error(path, "can't be written: %s", strerror(errno));
    return TOOL_FAILED;
}
