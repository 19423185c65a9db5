/* What a replay shows: progress on a terminal, the summary, the same as JSON. */
#include <stdio.h>
#include <unistd.h>

#include "replay.h"
#include "tool.h"

#define REPORT_PROGRESS_NS UINT64_C(200000000)
#define REPORT_NS_PER_S 1e9
#define REPORT_NS_PER_US 1e3

/* The percentiles that are told of: part of 1,000. */
typedef struct report_percentile {
    const char *label, *key;
    uint64_t part;
} report_percentile;

static const report_percentile report_percentiles[] = {
    { "latency p50", "p50", 500 },  { "latency p90", "p90", 900 },
    { "latency p99", "p99", 990 },  { "latency p99.9", "p99_9", 999 },
    { "latency max", "max", 1000 },
};

#define REPORT_PERCENTILES (sizeof report_percentiles / sizeof report_percentiles[0])

/* The numbers of a summary. */
typedef struct report_sums {
    uint64_t events, refused, disk_bytes;
    double seconds, rate;
} report_sums;

/* ---- Progress ---- */

static bool
report_is_shown(const replay *r)
{
    return !r->quiet && isatty(STDERR_FILENO) == 1;
}

/* Which part of the work is done, 0 where that is not known. */
static double
report_part_done(const replay *r)
{
    uint64_t read_bytes, all_bytes;
    double by_bytes, by_limit;

    trace_progress(r->trace, &read_bytes, &all_bytes);
    by_bytes = all_bytes > 0 ? (double)read_bytes / (double)all_bytes : 0;
    by_limit = r->limit != UINT64_MAX ? (double)r->taken_count / (double)r->limit : 0;
    return by_limit > by_bytes ? by_limit : by_bytes;
}

void
replay_progress(const replay *r)
{
    static uint64_t last_ns; /* of the only thread that reads */
    uint64_t now_ns;
    double seconds, part;
    unsigned long left;

    if (!report_is_shown(r))
        return;
    now_ns = replay_now_ns();
    if (now_ns - last_ns < REPORT_PROGRESS_NS)
        return;
    last_ns = now_ns;
    seconds = (double)(now_ns - r->start_ns) / REPORT_NS_PER_S;
    (void)fprintf(stderr, "\r\033[K%llu events  %.0f/s", (unsigned long long)r->taken_count,
                  seconds > 0 ? (double)r->taken_count / seconds : 0);
    part = report_part_done(r);
    if (part > 0 && part < 1) {
        static const char done[] = "==============================";
        const int width = (int)sizeof done - 1, full = (int)(part * width);

        left = (unsigned long)(seconds * (1 - part) / part);
        (void)fprintf(stderr, "  [%.*s>%*s] %.0f %%  %lu:%02lu left", full, done,
                      width - 1 - full > 0 ? width - 1 - full : 0, "", part * 100, left / 60,
                      left % 60);
    }
    (void)fflush(stderr);
}

void
replay_progress_end(const replay *r)
{
    if (report_is_shown(r))
        (void)fprintf(stderr, "\r\033[K");
}

/* ---- The summary ---- */

static report_sums
report_sum(const replay *r)
{
    const replay_totals *t = &r->totals[0];
    tenon_db_info info = { .size = sizeof info };
    tenon_error err = { 0 };
    report_sums s = { .seconds = (double)(r->end_ns - r->start_ns) / REPORT_NS_PER_S };

    for (unsigned status = 0; status < REPLAY_STATUSES; status++)
        s.refused += t->refused_counts[status];
    s.events = t->applied_count + s.refused;
    s.rate = s.seconds > 0 ? (double)s.events / s.seconds : 0;
    if (tenon_db_get_info(r->db, &info, &err) == TENON_OK)
        s.disk_bytes = info.disk_bytes;
    else
        (void)tool_failed(tenon_db_url(r->db), err.status, &err);
    return s;
}

static double
report_us(const replay_totals *t, uint64_t part)
{
    return (double)histogram_value(&t->latency_ns, part, 1000) / REPORT_NS_PER_US;
}

static void
report_count(const char *label, uint64_t n)
{
    (void)printf("%-16s %14llu\n", label, (unsigned long long)n);
}

int
replay_print(const replay *r, const digest *d)
{
    const replay_totals *t = &r->totals[0];
    const report_sums s = report_sum(r);
    char label[32];

    report_count("events", s.events);
    report_count("applied", t->applied_count);
    report_count("refused", s.refused);
    for (unsigned status = 0; status < REPLAY_STATUSES; status++) {
        (void)snprintf(label, sizeof label, "  %s", tenon_status_name((tenon_status)status));
        if (t->refused_counts[status] > 0)
            report_count(label, t->refused_counts[status]);
    }
    report_count("transactions", t->commit_count);
    (void)printf("%-16s %14.3f\n", "seconds", s.seconds);
    (void)printf("%-16s %14.1f\n", "events/s", s.rate);
    for (unsigned i = 0; i < REPORT_PERCENTILES; i++)
        (void)printf("%-16s %14.1f us\n", report_percentiles[i].label,
                     report_us(t, report_percentiles[i].part));
    (void)printf("%-16s %14llu bytes\n", "size on disk", (unsigned long long)s.disk_bytes);
    (void)printf("%-16s %14s\n", "durability", tool_durability(tenon_db_durability(r->db)));
    (void)printf("%-16s %s\n", "digest", d != NULL ? d->text : "-");
    return tool_flush(TOOL_GO_ON);
}

/* ---- JSON ---- */

static json_t *
report_refused(const replay_totals *t)
{
    json_t *refused = json_object();

    for (unsigned status = 0; status < REPLAY_STATUSES; status++)
        if (t->refused_counts[status] > 0)
            (void)json_object_set_new(refused, tenon_status_name((tenon_status)status),
                                      json_integer((json_int_t)t->refused_counts[status]));
    return refused;
}

static json_t *
report_latency(const replay_totals *t)
{
    json_t *latency = json_object();

    for (unsigned i = 0; i < REPORT_PERCENTILES; i++)
        (void)json_object_set_new(latency, report_percentiles[i].key,
                                  json_real(report_us(t, report_percentiles[i].part)));
    return latency;
}

/* Why it ended before its time; all null where it did not. */
static json_t *
report_failure(const replay *r)
{
    if (r->end != REPLAY_ENGINE)
        return json_null();
    return json_pack("{s:I, s:s, s:s}", "line", (json_int_t)r->failed_line, "status",
                     tenon_status_name(r->failed.status), "message", r->failed.err.message);
}

int
replay_print_json(const replay *r, const digest *d, FILE *out, const char *place)
{
    const replay_totals *t = &r->totals[0];
    const report_sums s = report_sum(r);
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:I, s:f, s:f, s:o, s:I, s:s?, s:b, s:I, s:b, "
        "s:o}",
        "trace", r->trace_path, "url", tenon_db_url(r->db), "driver", tenon_db_driver(r->db),
        "durability", tool_durability(tenon_db_durability(r->db)), "threads",
        (json_int_t)r->thread_count, "events", (json_int_t)s.events, "applied",
        (json_int_t)t->applied_count, "refused", report_refused(t), "transactions",
        (json_int_t)t->commit_count, "seconds", s.seconds, "events_per_s", s.rate, "latency_us",
        report_latency(t), "disk_bytes", (json_int_t)s.disk_bytes, "digest",
        d != NULL ? d->text : NULL, "interrupted", r->end == REPLAY_INTERRUPTED, "last_line",
        (json_int_t)r->last_line, "complete", r->end == REPLAY_ALL, "failure", report_failure(r));

    return tool_print_json(root, out, place);
}
