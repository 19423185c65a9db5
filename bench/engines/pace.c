#include "pace.h"

#include <math.h>
#include <string.h>

#include "group.h"
#include "order.h"
#include "tool.h"

/* A run gets at least, and at most, that part of what was asked for: below, it says little; above,
 * it would not be what was asked for. */
#define PACE_LEAST 0.3
#define PACE_MOST 2.0

/* What was asked for is done where all ends that near to what was announced. */
#define PACE_SLACK 0.07

/* Rows take so many bytes more than those of their keys and values, reckoned as time. */
#define PACE_ROW_BYTES 64

#define PACE_WARM_PART 0.6   /* of the longest warm-up: many are steady before */
#define PACE_LATE_PERCENT 15 /* beyond what was announced: it is said */

enum { PACE_PROOF_COMMITS = 300, PACE_PROBE_OPENINGS = 3, PACE_PROBE_SECONDS = 1 };

/* What is not measured yet is rather this than nothing. */
static const double pace_guesses[PACE_PARTS] = { 0.1, 2e-7, 1e-3, 2e-6, 0.05, 1 };

void
pace_start(pace *p, const plan *of)
{
    memset(p, 0, sizeof *p);
    p->plan = of;
    p->from_ns = crew_now_ns();
}

double
pace_elapsed(const pace *p)
{
    return (double)(crew_now_ns() - p->from_ns) / 1e9;
}

static uint32_t
pace_number(const pace *p, const place_driver *driver)
{
    return (uint32_t)(driver - p->plan->drivers);
}

/* The later of two measurements tells more of what is to come. */
void
pace_note(pace *p, const place_driver *driver, pace_part part, double seconds, double count)
{
    double *cost = &p->costs[pace_number(p, driver)][part];

    if (count > 0)
        *cost = *cost > 0 ? (*cost + 2 * seconds / count) / 3 : seconds / count;
}

void
pace_note_lasting(pace *p, const place_driver *driver, bool is_lasting)
{
    p->is_lasting[pace_number(p, driver)] = is_lasting;
}

/* ---- Parts ---- */

static double
pace_cost(const pace *p, const place_driver *driver, pace_part part)
{
    const double cost = p->costs[pace_number(p, driver)][part];

    return cost > 0 ? cost : pace_guesses[part];
}

double
pace_fill_units(const workload *w)
{
    if (w->scenario->record_bytes == NULL || w->scenario->fill_commits != NULL)
        return 0;
    return (double)w->records * (w->scenario->record_bytes(w) + PACE_ROW_BYTES);
}

static double
pace_fill(const pace *p, const place_driver *driver, const workload *w, uint32_t threads)
{
    if (w->scenario->fill_commits != NULL)
        return w->scenario->fill_commits(threads) * pace_cost(p, driver, PACE_COMMIT);
    return pace_fill_units(w) * pace_cost(p, driver, PACE_FILL);
}

double
pace_probe(const pace *p, const place_driver *driver, const workload *w)
{
    const double proof = PACE_PROOF_COMMITS * pace_cost(p, driver, PACE_COMMIT);
    const double begin = pace_cost(p, driver, PACE_OPEN) + pace_fill(p, driver, w, 1);

    if (!p->is_lasting[pace_number(p, driver)])
        return begin;
    return begin + (PACE_PROBE_OPENINGS - 1) * pace_cost(p, driver, PACE_OPEN) +
           fmin(proof, PACE_PROBE_SECONDS) + PACE_PROBE_SECONDS +
           2 * pace_cost(p, driver, PACE_CLOSE);
}

static double
pace_probes(const pace *p, const group *g, const workload *w)
{
    double sum = 0;

    for (uint32_t i = 0; i < g->side_count && p->plan->has_proof; i++) {
        const side *s = &g->sides[i];

        if (s->state == SIDE_FINE && !s->is_control)
            sum += pace_probe(p, s->driver, w) * pace_cost(p, s->driver, PACE_PROBE);
    }
    return sum;
}

/* Rows that an operation adds, on average: they are looked at in the end. */
static double
pace_growth(const workload *w)
{
    const double rows[OPERATIONS] = {
        [OPERATION_INSERT] = 1,   [OPERATION_BATCH] = w->batch, [OPERATION_TRANSFER] = 1,
        [OPERATION_REGISTER] = 3, [OPERATION_INVITE] = 3,       [OPERATION_CREATE_ROOM] = 2,
        [OPERATION_SAY] = 1,
    };
    double sum = 0, weights = 0;

    for (int op = 0; op < OPERATIONS; op++) {
        sum += w->weights[op] * rows[op];
        weights += w->weights[op];
    }
    return weights > 0 ? sum / weights : 0;
}

/* Looking at all rows in the end, closing, removing. `done` operations so far, `rate` of them in
 * each of the seconds to come. */
static double
pace_end(const pace *p, const place_driver *driver, const workload *w, double done, double rate,
         double seconds)
{
    const double rows = (double)w->records + pace_growth(w) * (done + rate * seconds);

    return rows * pace_cost(p, driver, PACE_LOOK) + pace_cost(p, driver, PACE_CLOSE);
}

/* ---- The rest ---- */

static uint32_t
pace_fine(const group *g)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < g->side_count; i++)
        count += g->sides[i].state == SIDE_FINE;
    return count;
}

/* Seconds of each side in a run: as asked for, or as many as all orders of `--slice-ms` take. */
static double
pace_asked(const plan *p, const workload *w)
{
    const double block = order_count(plan_sides(p)) * p->slice_ms / 1000.0;
    const double seconds = plan_run_seconds(p, w);

    return block > 0 ? block * ceil(seconds / block) : seconds;
}

/* Seconds of each side that a run takes, warming up included. */
static double
pace_run(const plan *p, const workload *w, double stretch)
{
    return stretch * (pace_asked(p, w) + PACE_WARM_PART * p->warm_ms / 1000.0);
}

/* Runs of a workload that are still to come. A run has as many cells as there are phases. */
static double
pace_runs_of(const plan *p, const group *g)
{
    return p->thread_count - (double)g->cell_count / workload_parts(g->workload);
}

/* What is left of a workload that runs, but for its runs. */
static double
pace_rest_of(const pace *p, const group *g, double stretch)
{
    const double left = pace_runs_of(p->plan, g);
    double sum = pace_probes(p, g, g->workload);

    for (uint32_t i = 0; i < g->side_count; i++) {
        const place_driver *driver = g->sides[i].driver;
        double done = 0, rate = 1 / pace_cost(p, driver, PACE_COMMIT);

        for (uint32_t k = 0; k < g->cell_count; k++) {
            const slice *one = &g->cells[k].sides[i].sum;

            done += (double)one->operations;
            rate = one->seconds > 0 ? (double)one->operations / one->seconds : rate;
        }
        if (g->sides[i].state == SIDE_FINE)
            sum += pace_end(p, driver, g->workload, done, rate,
                            left * pace_run(p->plan, g->workload, stretch));
    }
    return sum;
}

/* The same of one that is still to come; who takes part in this one will in that one. */
static double
pace_other(const pace *p, const group *g, const workload *w, double stretch)
{
    const uint32_t threads = p->plan->threads[p->plan->thread_count - 1];
    const double all = p->plan->thread_count * pace_run(p->plan, w, stretch);
    double sum = pace_probes(p, g, w);

    for (uint32_t i = 0; i < g->side_count; i++) {
        const place_driver *driver = g->sides[i].driver;
        const double commit = pace_cost(p, driver, PACE_COMMIT);
        const double looks = pace_end(p, driver, w, 0, 0, 0); /* after what all do alike */

        if (g->sides[i].state == SIDE_FINE)
            sum += pace_cost(p, driver, PACE_OPEN) + pace_fill(p, driver, w, threads) +
                   GROUP_ALIKE * workload_write_part(w) * commit + looks +
                   pace_end(p, driver, w, 0, 1 / commit, all);
    }
    return sum;
}

/* All that is not timed. */
static double
pace_around(const pace *p, const group *g, double stretch)
{
    const workload *end = p->plan->workloads + p->plan->workload_count;
    double sum = pace_rest_of(p, g, stretch);

    for (const workload *w = g->workload + 1; w < end; w++)
        sum += pace_other(p, g, w, stretch);
    return sum;
}

/* Seconds of all sides in the runs that are still to come, as they were asked for. */
static double
pace_runs(const pace *p, const group *g)
{
    const workload *end = p->plan->workloads + p->plan->workload_count;
    double sum = pace_runs_of(p->plan, g) * pace_run(p->plan, g->workload, 1);

    for (const workload *w = g->workload + 1; w < end; w++)
        sum += p->plan->thread_count * pace_run(p->plan, w, 1);
    return sum * pace_fine(g);
}

/* Whether it can be told: operations that are counted take as long as they take. */
static bool
pace_is_timed(const plan *p)
{
    for (uint32_t i = 0; i < p->workload_count; i++)
        if (plan_run_seconds(p, &p->workloads[i]) <= 0)
            return false;
    return true;
}

double
pace_announce(pace *p, const group *g)
{
    if (pace_is_timed(p->plan))
        p->announced = pace_elapsed(p) + pace_around(p, g, 1) + pace_runs(p, g);
    return p->announced;
}

static void
pace_say_late(pace *p, double expected)
{
    if (p->is_late || expected < p->announced * (1 + PACE_LATE_PERCENT / 100.0))
        return;
    p->is_late = true;
    tool_error("bench", "it takes about %.0f s in all, not the %.0f s that were announced",
               expected, p->announced);
}

double
pace_stretch(pace *p, const group *g)
{
    const double runs = pace_runs(p, g), around = pace_around(p, g, 1), elapsed = pace_elapsed(p);
    const double left = p->announced - elapsed - around;
    const double slack = PACE_SLACK * p->announced;
    double stretch;

    if (p->announced <= 0 || runs <= 0)
        return 1;
    stretch = fmin(1, (left + slack) / runs);
    stretch = fmin(fmax(stretch, (left - slack) / runs), PACE_MOST);
    if (stretch >= PACE_LEAST)
        return stretch;
    pace_say_late(p, elapsed + around + runs * PACE_LEAST);
    return PACE_LEAST;
}
