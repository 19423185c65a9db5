#include "result.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "result_latency.h"
#include "size.h"
#include "tool.h"

static const char *const result_states[] = { "fine", "absent", "broken", "invalid" };

/* ---- Frame ---- */

static json_t *
result_plan(const plan *p)
{
    json_t *threads = json_array();

    for (uint32_t i = 0; i < p->thread_count; i++)
        (void)json_array_append_new(threads, json_integer(p->threads[i]));
    return json_pack("{s:s, s:s, s:I, s:o*, s:o*, s:I, s:I, s:I, s:o}", "durability",
                     tool_durability(p->durability), "isolation", plan_isolations[p->isolation],
                     "records", (json_int_t)(p->data_size > 0 ? 0 : p->records), "data_size",
                     p->data_size > 0 ? json_real(p->data_size) : NULL, "memory_bytes",
                     p->memory_bytes > 0 ? json_integer((json_int_t)p->memory_bytes) : NULL,
                     "seconds", (json_int_t)p->seconds, "operations", (json_int_t)p->operations,
                     "seed", (json_int_t)p->seed, "threads", threads);
}

json_t *
result_new(const plan *p, const char *folder)
{
    const time_t now = time(NULL);
    struct tm utc;
    char started[32] = "";

    if (gmtime_r(&now, &utc) != NULL)
        (void)strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_pack("{s:s, s:i, s:s, s:s, s:s, s:b, s:o, s:o, s:[]}", "schema", "tenon-bench",
                     "schema_version", RESULT_SCHEMA_VERSION, "tenon_version", BENCH_VERSION,
                     "command", p->command, "started", started, "partial", 0, "environment",
                     machine_environment(folder), "plan", result_plan(p), "workloads");
}

void
result_end(json_t *result, double announced, double seconds, bool partial)
{
    (void)json_object_set_new(result, "announced_seconds",
                              announced > 0 ? json_real(announced) : json_null());
    (void)json_object_set_new(result, "seconds", json_real(seconds));
    (void)json_object_set_new(result, "partial", json_boolean(partial));
}

/* ---- One workload ---- */

/* Null: there is one. */
static json_t *
result_why_no_control(const plan *p)
{
    if (plan_sides(p) > p->driver_count)
        return json_null();
    return json_string(p->has_control ? "of a database that --db names there is no second one"
                                      : "--no-control");
}

static json_t *
result_weights(const workload *w)
{
    json_t *weights = json_object();

    for (int op = 0; op < OPERATIONS; op++)
        if (w->weights[op] > 0)
            (void)json_object_set_new(weights, operation_name((operation)op),
                                      json_integer(w->weights[op]));
    return weights;
}

static const char *
result_arrivals(bool poisson)
{
    return poisson ? "poisson" : "constant";
}

static json_t *
result_phase(const workload_phase *ph)
{
    const workload *w = &ph->load;
    char keys[32], scan_rows[32];

    draw_keys_text(&w->keys, keys, sizeof keys);
    draw_sizes_text(&w->scan_rows, scan_rows, sizeof scan_rows);
    return json_pack("{s:s, s:o, s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:o, s:o}", "name", w->name,
                     "weights", result_weights(w), "keys", keys, "scan_rows", scan_rows, "batch",
                     (int)w->batch, "abort_percent", (int)w->abort_percent, "share",
                     (json_int_t)ph->share, "seconds", (json_int_t)ph->seconds, "count",
                     (json_int_t)ph->count, "rate",
                     ph->rate > 0 ? json_real(ph->rate) : json_null(), "arrivals",
                     ph->rate > 0 ? json_string(result_arrivals(ph->poisson)) : json_null());
}

static json_t *
result_phases(const workload *w)
{
    json_t *phases = json_array();

    for (uint32_t i = 0; i < w->phase_count; i++)
        (void)json_array_append_new(phases, result_phase(&w->phases[i]));
    return phases;
}

static json_t *
result_workload(const plan *p, const workload *w)
{
    char keys[32], key_bytes[32], value_bytes[32], scan_rows[32];
    const double bytes = w->scenario->record_bytes == NULL
                             ? 0
                             : w->scenario->record_bytes(w) * (double)w->records;

    draw_keys_text(&w->keys, keys, sizeof keys);
    draw_sizes_text(&w->key_bytes, key_bytes, sizeof key_bytes);
    draw_sizes_text(&w->value_bytes, value_bytes, sizeof value_bytes);
    draw_sizes_text(&w->scan_rows, scan_rows, sizeof scan_rows);
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:i, s:i, s:b, s:o, s:o, s:I, s:o, s:[], s:[]}",
        "name", w->name, "summary", w->summary == NULL ? "" : w->summary, "tables",
        w->scenario->name, "weights", result_weights(w), "keys", keys, "key_bytes", key_bytes,
        "value_bytes", value_bytes, "scan_rows", scan_rows, "batch", (int)w->batch, "abort_percent",
        (int)w->abort_percent, "keys_in_no_order", w->hashed, "data_bytes",
        bytes > 0 ? json_real(bytes) : json_null(), "data_to_memory",
        bytes > 0 ? json_real(bytes / (double)size_memory_bytes(p)) : json_null(), "records",
        (json_int_t)w->records, "control_why_not", result_why_no_control(p), "drivers", "runs");
}

static json_t *
result_digest(const scenario_check *check)
{
    char hex[SCENARIO_DIGEST_BYTES * 2 + 1];

    if (!check->has_digest)
        return json_null();
    (void)sodium_bin2hex(hex, sizeof hex, check->digest, sizeof check->digest);
    return json_string(hex);
}

static json_t *
result_known(double value)
{
    return value < 0 ? json_null() : json_real(value);
}

/* Why there are no figures, or the figures. */
static json_t *
result_probe(const probe_result *r)
{
    if (!r->done)
        return json_pack("{s:s}", "why_not",
                         r->why[0] != '\0' ? r->why : "it was not asked for, or it could not be");
    return json_pack("{s:f, s:o, s:o, s:f, s:f, s:o, s:o, s:o}", "commits", r->proof_commits,
                     "flushes", result_known(r->proof_flushes), "flushes_per_commit",
                     result_known(r->proof_flushes < 0 ? -1 : r->proof_flushes / r->proof_commits),
                     "operations", r->operations, "user_bytes", r->user_bytes, "written_bytes",
                     result_known(r->written_bytes), "write_amplification",
                     result_known(r->written_bytes < 0 || r->user_bytes <= 0
                                      ? -1
                                      : r->written_bytes / r->user_bytes),
                     "memory_bytes", result_known(r->memory_bytes));
}

static json_t *
result_driver(const plan *p, const group *g, uint32_t i)
{
    const side *s = &g->sides[i];
    char url[PLACE_URL_BYTES];
    const double data = (double)s->last.bytes;
    const double disk = (double)g->disk_bytes[i];

    tenon_url_mask(s->target.place.url, url, sizeof url);
    return json_pack(
        "{s:s, s:b, s:s, s:s, s:s, s:O?, s:o, s:I, s:o, s:b, s:o, s:o, s:o, s:o, s:O?}", "driver",
        s->driver->label, "control", s->is_control, "url", url, "state", result_states[s->state],
        "why", s->why, "settings", g->settings[i], "digest_after_the_same_operations",
        result_digest(&s->first), "rows", (json_int_t)s->last.rows, "data_bytes",
        data > 0 ? json_real(data) : json_null(), "verified", s->last.ok, "disk_bytes",
        disk > 0 ? json_real(disk) : json_null(), "disk_to_memory",
        disk > 0 ? json_real(disk / (double)size_memory_bytes(p)) : json_null(),
        "space_amplification", disk > 0 && data > 0 ? json_real(disk / data) : json_null(), "alone",
        result_probe(&g->probes[i]), "trace", s->last.details);
}

/* ---- One run ---- */

static json_t *
result_interval(const interval *i)
{
    if (i->median <= 0)
        return json_null();
    return json_pack("{s:f, s:f, s:f}", "median", i->median, "low", i->low, "high", i->high);
}

static json_t *
result_noise(const machine_noise *n)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "steal_percent", n->steal_percent,
                     "other_cpu_percent", n->other_percent, "load", n->load, "cpu_pressure_percent",
                     n->cpu_pressure, "io_pressure_percent", n->io_pressure,
                     "memory_pressure_percent", n->memory_pressure);
}

/* Operations, seconds, and the seconds of these that threads waited for a processor, so that any
 * other reckoning can be done later. */
static json_t *
result_slices(const cell *c, const cell_side *s)
{
    json_t *slices = json_array();

    for (uint32_t i = 0; i < c->rounds; i++)
        (void)json_array_append_new(slices,
                                    json_pack("[I, f, f]", (json_int_t)s->slices[i].operations,
                                              s->slices[i].seconds, s->slices[i].waited_seconds));
    return slices;
}

static json_t *
result_tally(const cell_side *s)
{
    const tally *t = &s->tally;

    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "commits",
                     (json_int_t)t->commits, "errors", (json_int_t)t->failed, "unknown_outcomes",
                     (json_int_t)t->unknown, "wrong_answers", (json_int_t)t->wrong, "misses",
                     (json_int_t)t->missed, "aborts", (json_int_t)t->aborted, "retries",
                     (json_int_t)s->retried, "late", (json_int_t)t->late, "unserved",
                     (json_int_t)t->unserved, "rows_scanned", (json_int_t)t->rows, "written_bytes",
                     (json_int_t)t->written_bytes);
}

static json_t *
result_per(double sum, uint64_t count)
{
    return sum < 0 || count == 0 ? json_null() : json_real(sum / (double)count);
}

/* Below that part of what was due a driver is saturated. */
#define RESULT_KEEPS_UP 0.95

/* All of a history is done in the end, but later. */
static bool
result_is_saturated(const cell *c, const cell_side *r)
{
    const double done = (double)r->sum.operations;
    const double due = c->recorded ? c->rate * r->sum.seconds
                                   : done + (double)(r->tally.unserved + r->tally.failed);

    return done < RESULT_KEEPS_UP * due;
}

static const char *
result_ratio_of(const cell *c)
{
    if (c->recorded)
        return "rates while it was in an operation";
    return c->undisturbed ? "rates while it had a processor" : "rates";
}

static json_t *
result_side(const group *g, const cell *c, uint32_t i)
{
    const side *s = &g->sides[i];
    const cell_side *r = &c->sides[i];
    const uint64_t done = r->sum.operations;
    const bool comparable = s->state == SIDE_FINE && g->sides[0].state == SIDE_FINE;
    json_t *out = json_pack(
        "{s:s, s:b, s:I, s:f, s:f, s:o, s:s, s:o, s:o, s:o, s:o, s:s}", "driver", s->driver->label,
        "control", s->is_control, "operations", (json_int_t)done, "seconds", r->sum.seconds, "rate",
        r->sum.seconds > 0 ? (double)done / r->sum.seconds : 0.0, "ratio",
        comparable ? result_interval(&r->ratio) : json_null(), "verdict",
        comparable ? verdict_text(r->verdict) : "", "client_cpu_us",
        result_per(r->sum.cpu_seconds * 1e6, done), "server_cpu_us",
        result_per(s->server.pid == 0 ? -1 : r->server_cpu_seconds * 1e6, done), "round_trips",
        result_per(s->server.pid == 0 && r->round_trips == 0 ? -1 : (double)r->round_trips, done),
        "tally", result_tally(r), "first_error", r->error.message);

    (void)json_object_set_new(
        out, "waited_percent",
        r->sum.seconds > 0 ? json_real(100 * r->sum.waited_seconds / r->sum.seconds / c->threads)
                           : json_null());
    (void)json_object_set_new(out, "saturated",
                              c->rate > 0 && !(c->recorded && c->partial)
                                  ? json_boolean(result_is_saturated(c, r))
                                  : json_null()); /* of a part nobody knows what was due */
    (void)json_object_set_new(out, "service", result_latency(r->service));
    (void)json_object_set_new(out, "response", result_latency(r->response));
    (void)json_object_set_new(out, "slices", result_slices(c, r));
    if (r->response_slices != NULL)
        (void)json_object_set(out, "response_slices", r->response_slices);
    return out;
}

static json_t *
result_run(const group *g, const cell *c)
{
    json_t *results = json_array();

    for (uint32_t i = 0; i < c->side_count; i++)
        if (g->sides[i].state == SIDE_FINE || c->sides[i].sum.operations > 0)
            (void)json_array_append_new(results, result_side(g, c, i));
    return json_pack(
        "{s:i, s:b, s:I, s:s?, s:s, s:o, s:o, s:i, s:i, s:i, s:b, s:b, s:f, s:o, s:o, s:s, s:o}",
        "threads", (int)c->threads, "recorded", c->recorded, "slice_operations",
        (json_int_t)c->slice_operations, "phase", c->phase != NULL ? c->phase->name : NULL, "loop",
        c->rate > 0 ? "open" : "closed", "offered_rate",
        c->rate > 0 ? json_real(c->rate) : json_null(), "arrivals",
        c->rate > 0 ? json_string(c->recorded ? "recorded" : result_arrivals(c->poisson))
                    : json_null(),
        "slice_ms", (int)c->slice_ms, "rounds", (int)c->rounds, "warm_rounds", (int)c->warm_rounds,
        "steady", c->steady, "partial", c->partial, "generator_ns", c->generator_ns, "noise",
        result_noise(&c->noise), "noise_floor", result_interval(&c->control), "ratio_of",
        result_ratio_of(c), "results", results);
}

/* ---- The sweep ---- */

/* Of the best rate: what more threads add beyond that is not worth them. */
#define RESULT_KNEE 0.9

static double
result_rate(const cell *c, uint32_t i)
{
    const slice *sum = &c->sides[i].sum;

    return sum->seconds > 0 ? (double)sum->operations / sum->seconds : 0;
}

/* The fewest threads with which a driver is about as fast as with any, in one part of the workload.
 */
static json_t *
result_knee(const group *g, uint32_t part, uint32_t i)
{
    const uint32_t parts = workload_parts(g->workload);
    const workload *phase = g->cells[part].phase;
    double best = 0;
    uint32_t knee = 0;

    for (uint32_t k = part; k < g->cell_count; k += parts)
        best = fmax(best, result_rate(&g->cells[k], i));
    for (uint32_t k = part; k < g->cell_count && knee == 0; k += parts)
        if (best > 0 && result_rate(&g->cells[k], i) >= RESULT_KNEE * best)
            knee = g->cells[k].threads;
    return json_pack("{s:s, s:s?, s:i, s:f}", "driver", g->sides[i].driver->label, "phase",
                     phase != NULL ? phase->name : NULL, "threads", (int)knee, "best_rate", best);
}

static json_t *
result_knees(const group *g)
{
    const uint32_t parts = workload_parts(g->workload);
    json_t *knees = json_array();

    for (uint32_t part = 0; part < parts && part + parts < g->cell_count; part++)
        for (uint32_t i = 0; i < g->side_count; i++)
            if (g->cells[part].rate <= 0 && g->sides[i].state == SIDE_FINE &&
                !g->sides[i].is_control)
                (void)json_array_append_new(knees, result_knee(g, part, i));
    return knees;
}

bool
result_add(json_t *result, const plan *p, const group *g)
{
    json_t *w = result_workload(p, g->workload);
    json_t *drivers = json_object_get(w, "drivers"), *runs = json_object_get(w, "runs");

    for (uint32_t i = 0; i < g->side_count; i++)
        (void)json_array_append_new(drivers, result_driver(p, g, i));
    if (g->workload->phase_count > 0)
        (void)json_object_set_new(w, "phases", result_phases(g->workload));
    for (uint32_t i = 0; i < g->cell_count; i++)
        (void)json_array_append_new(runs, result_run(g, &g->cells[i]));
    (void)json_object_set_new(w, "knees", result_knees(g));
    return json_array_append_new(json_object_get(result, "workloads"), w) == 0;
}

int
result_write(const json_t *result, const char *path)
{
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    bool ok = out != NULL;

    /* Without white space: histograms and slices are long. */
    errno = 0;
    ok = ok && json_dumpf(result, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0 &&
         fputc('\n', out) != EOF && fflush(out) == 0;
    if (out != NULL && out != stdout && fclose(out) != 0)
        ok = false;
    if (ok)
        return TOOL_GO_ON;
    tool_error(path, "can't be written: %s", strerror(errno));
    return TOOL_FAILED;
}
