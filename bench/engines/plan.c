#include "plan.h"

#include <stddef.h>

enum {
    PLAN_LEAST_PHASE_SLICE_MS = 50, /* without a warm-up nobody knows how short it may be, */
    PLAN_MOST_PHASE_SLICE_MS = 2000 /* nor after an open loop, whose slices are long */
};

uint32_t
plan_sides(const plan *p)
{
    return p->driver_count + (p->has_control && place_can_repeat(&p->drivers[0]));
}

static bool
plan_is_counted(const plan *p, const workload *w)
{
    bool counted = w->phase_count > 0 || p->operations > 0;

    for (uint32_t i = 0; i < w->phase_count; i++) {
        const workload_phase *ph = &w->phases[i];

        counted = counted && (ph->count > 0 || (ph->share > 0 && p->operations > 0));
    }
    return counted;
}

bool
plan_is_deterministic(const plan *p, const workload *w)
{
    return plan_is_counted(p, w) && p->thread_count == 1 && p->threads[0] == 1;
}

static uint64_t
plan_shares(const workload *w)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < w->phase_count; i++)
        sum += w->phases[i].share;
    return sum;
}

void
plan_part(const plan *p, const workload *w, uint32_t n, uint32_t before_ms, plan *out)
{
    const workload_phase *ph = w->phase_count > 0 ? &w->phases[n] : NULL;

    *out = *p;
    if (ph == NULL)
        return;
    out->operations = ph->count;
    out->for_ms = (uint64_t)ph->seconds * 1000;
    if (ph->share > 0) { /* of a count, at least one */
        const uint64_t shares = plan_shares(w);

        out->operations = (p->operations * ph->share + shares - 1) / shares;
        out->for_ms = p->for_ms * ph->share / shares;
    }
    if (ph->rate > 0) {
        out->rate = ph->rate;
        out->poisson = ph->poisson;
    }
    if (n > 0)
        out->warm_ms = 0;
    if (p->slice_ms == 0 && out->rate <= 0 && n > 0)
        out->slice_ms = before_ms > PLAN_LEAST_PHASE_SLICE_MS &&
                                before_ms < PLAN_MOST_PHASE_SLICE_MS
                            ? before_ms
                            : PLAN_LEAST_PHASE_SLICE_MS;
}

double
plan_run_seconds(const plan *p, const workload *w)
{
    double seconds = 0;
    plan part;

    for (uint32_t i = 0; i < workload_parts(w); i++) {
        plan_part(p, w, i, 0, &part);
        if (part.operations > 0)
            return 0;
        seconds += (double)part.for_ms / 1000;
    }
    return seconds;
}

const char *
plan_phases_wrong(const plan *p, const workload *w)
{
    plan part;

    for (uint32_t i = 0; i < w->phase_count; i++) {
        const workload_phase *ph = &w->phases[i];

        plan_part(p, w, i, 0, &part);
        if (ph->rate > 0 && p->rate > 0)
            return "--rate is given, and a phase has a rate of its own";
        if (part.rate > 0 && part.operations > 0)
            return "a phase has a rate and a count of operations: an open loop goes by time";
        if (part.operations == 0 && part.for_ms == 0)
            return "a phase's share of --seconds is less than a millisecond";
    }
    return NULL;
}
