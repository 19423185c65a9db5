/* The table and the JSON. */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

/* Below so many samples above it a percentile is noise. */
#define REPORT_LEAST_ABOVE 10

static double
report_rate(const report *r, uint32_t who)
{
    return (double)r->result->sums[who].operations / r->result->sums[who].seconds;
}

static double
report_cpu_us(const report *r, uint32_t who)
{
    return r->result->sums[who].cpu_seconds * 1e6 / (double)r->result->sums[who].operations;
}

static double
report_us(const report *r, uint32_t who, uint64_t part, uint64_t of)
{
    return (double)histogram_value(r->result->latency_ns[who], part, of) / 1e3;
}

/* ---- Text ---- */

static void
report_line(const char *name, int digits, double tenon, double native)
{
    (void)printf("%-26s%14.*f%14.*f\n", name, digits, tenon, digits, native);
}

static void
report_percentile(const report *r, const char *name, uint64_t part, uint64_t of)
{
    (void)printf("%-26s", name);
    for (uint32_t who = SLICES_TENON; who <= SLICES_NATIVE; who++) {
        const uint64_t count = r->result->latency_ns[who]->count;

        if (count / of * (of - part) >= REPORT_LEAST_ABOVE)
            (void)printf("%14.1f", report_us(r, who, part, of));
        else
            (void)printf("%14s", "-");
    }
    (void)printf("\n");
}

static void
report_interval(const char *name, const interval *i)
{
    (void)printf("%-26s%14.3f   [%.3f - %.3f]\n", name, i->median, i->low, i->high);
}

void
report_print(const report *r)
{
    const slices_plan *plan = r->plan;

    (void)printf("%s, %s, threads: %" PRIu32 ", durability: %s; %" PRIu32
                 " rounds of slices of %" PRIu32 " ms, seed %" PRIu64,
                 r->engine->name, load_name(plan->operation), plan->threads, r->durability,
                 r->result->rounds, plan->slice_ms, plan->seed);
    if (r->delay_us > 0)
        (void)printf(", %" PRIu64 " us each way", r->delay_us);
    (void)printf("\n%-26s%14s%14s\n", "", "tenon", "native");
    report_line("operations/s", 1, report_rate(r, SLICES_TENON), report_rate(r, SLICES_NATIVE));
    report_percentile(r, "latency p50, us", 50, 100);
    report_percentile(r, "latency p99, us", 99, 100);
    report_percentile(r, "latency p99.9, us", 999, 1000);
    report_line("latency max, us", 1, (double)r->result->latency_ns[SLICES_TENON]->max / 1e3,
                (double)r->result->latency_ns[SLICES_NATIVE]->max / 1e3);
    report_line("CPU/operation, us", 2, report_cpu_us(r, SLICES_TENON),
                report_cpu_us(r, SLICES_NATIVE));
    report_line("flushes/operation", 3, r->flushes[SLICES_TENON], r->flushes[SLICES_NATIVE]);
    (void)printf("%-26s%14s   [95 %% of resamplings]\n", "ratio of rates", "median");
    report_interval("  tenon/native", &r->result->ratio);
    report_interval("  native/native, control", &r->result->control);
    (void)printf("closed loop; %s; of each latency %.0f ns are the benchmark's own\n",
                 r->result->whole ? "latencies of whole runs" : "latencies of the slices",
                 r->result->harness_ns);
}

/* ---- JSON ---- */

static json_t *
report_json_interval(const interval *i)
{
    return json_pack("{s:f, s:f, s:f}", "median", i->median, "low", i->low, "high", i->high);
}

static json_t *
report_json_side(const report *r, uint32_t who)
{
    const slice *sum = &r->result->sums[who];

    return json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:f}", "name",
                     who == SLICES_TENON ? r->engine->tenon->name : r->engine->native->name, "rate",
                     report_rate(r, who), "p50_us", report_us(r, who, 50, 100), "p99_us",
                     report_us(r, who, 99, 100), "p99_9_us", report_us(r, who, 999, 1000), "max_us",
                     (double)r->result->latency_ns[who]->max / 1e3, "cpu_us", report_cpu_us(r, who),
                     "flushes_per_op", r->flushes[who], "operations", (json_int_t)sum->operations,
                     "seconds", sum->seconds);
}

/* Operations and seconds of each slice, so that any other reckoning can be done later. */
static json_t *
report_json_slices(const report *r)
{
    static const char *const names[] = { "tenon", "native", "control" };
    json_t *root = json_array();

    for (uint32_t i = 0; i < r->result->rounds; i++) {
        json_t *round = json_object();

        for (uint32_t who = 0; who < SLICES_SIDES; who++) {
            const slice *s = &r->result->slices[i * SLICES_SIDES + who];

            (void)json_object_set_new(round, names[who],
                                      json_pack("[I, f]", (json_int_t)s->operations, s->seconds));
        }
        (void)json_array_append_new(root, round);
    }
    return root;
}

static json_t *
report_json(const report *r)
{
    const slices_plan *plan = r->plan;

    return json_pack(
        "{s:s, s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:f, s:o, s:o, s:o, s:o, "
        "s:o, "
        "s:o}",
        "version", BENCH_VERSION, "engine", r->engine->name, "operation",
        load_name(plan->operation), "threads", (json_int_t)plan->threads, "durability",
        r->durability, "seconds", (json_int_t)r->seconds, "seed", (json_int_t)plan->seed, "rounds",
        (json_int_t)r->result->rounds, "slice_ms", (json_int_t)plan->slice_ms, "delay_us",
        (json_int_t)r->delay_us, "whole_runs", r->result->whole, "flushes_counted",
        r->engine->server_flushes != NULL ? "by the server" : "in the process", "harness_ns",
        r->result->harness_ns, "ratio", report_json_interval(&r->result->ratio), "control",
        report_json_interval(&r->result->control), "tenon", report_json_side(r, SLICES_TENON),
        "native", report_json_side(r, SLICES_NATIVE), "native_control",
        report_json_side(r, SLICES_CONTROL), "slices", report_json_slices(r));
}

int
report_write(const report *r, const char *path)
{
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    int rc;

    if (out == NULL) {
        tool_error(path, "can't be written: %s", strerror(errno));
        return TOOL_FAILED;
    }
    rc = tool_print_json(report_json(r), out, path);
    if (out != stdout && fclose(out) != 0 && rc == TOOL_GO_ON) {
        tool_error(path, "can't be written: %s", strerror(errno));
        rc = TOOL_FAILED;
    }
    return rc;
}
