/*
 * A round is a slice of each side. What the machine does to one round it does to all sides of it: a
 * ratio is taken of each round before the median.
 */
#include "cell.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"
#include "result_latency.h"
#include "stop.h"

#define CELL_GENERATOR_NS UINT64_C(30000000)

enum {
    CELL_WARM_SLICE_MS = 50,
    CELL_SLICE_OPERATIONS = 50,
    CELL_LEAST_SLICE_MS = 2,
    CELL_LEAST_SHARED_SLICE_MS = 20, /* of several threads, which have to be woken */
    CELL_MOST_SLICE_MS = 200,
    CELL_OPEN_SLICE_MS = 2000, /* long, for who waits is carried over no end of a slice */
    CELL_LEAST_OPEN_SLICE_MS = 500,
    CELL_OPEN_SLICES = 10, /* so that chance can be told from them */
    CELL_MOST_ROUNDS = 2000,
    CELL_LEAST_ROUNDS = 8,   /* though they take longer than there is time: fewer say nothing */
    CELL_LEAST_WARM = 6,     /* slices of each side */
    CELL_STEADY_PERCENT = 10 /* the second half's rate is that near to the first half's */
};

/* ---- Verdicts ---- */

const char *
verdict_text(verdict v)
{
    static const char *const names[] = { "", "no difference", "faster", "slower" };

    return names[v];
}

verdict
verdict_of(const interval *ratio, const interval *control)
{
    double noise = 0;

    if (ratio->median <= 0 || ratio->low <= 0)
        return VERDICT_NONE;
    if (control->median > 0 && control->low > 0)
        noise = fmax(fabs(log(control->low)), fabs(log(control->high)));
    if ((ratio->low <= 1 && ratio->high >= 1) || fabs(log(ratio->median)) <= noise)
        return VERDICT_SAME;
    return ratio->median > 1 ? VERDICT_FASTER : VERDICT_SLOWER;
}

static double
cell_rate(const slice *s)
{
    return s->seconds > 0 ? (double)s->operations / s->seconds : 0;
}

/* The rate in the time in which the thread had a processor: what others took from it says nothing
 * of the engine. 0: it had none for long enough. */
static double
cell_own_rate(const slice *s)
{
    const double had = s->seconds - s->waited_seconds;

    return had > s->seconds / 20 ? (double)s->operations / had : 0;
}

/* At a pace all are as fast, while they have nothing to do. */
static double
cell_busy_rate(const slice *s)
{
    return s->busy_seconds > 0 ? (double)s->operations / s->busy_seconds : 0;
}

static interval
cell_interval(const cell *c, uint32_t one, uint32_t base, uint64_t seed)
{
    double (*rate)(const slice *) = c->recorded      ? cell_busy_rate
                                    : c->undisturbed ? cell_own_rate
                                                     : cell_rate;
    double *ratios = calloc(c->rounds + 1, sizeof *ratios);
    interval out = { 0, 0, 0 };
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->rounds && ratios != NULL; i++) {
        const double above = rate(&c->sides[one].slices[i]);
        const double below = rate(&c->sides[base].slices[i]);

        if (above > 0 && below > 0) /* leaving out one kind only would favour the other */
            ratios[count++] = above / below;
    }
    if (ratios != NULL && count > 0)
        out = numbers_interval(ratios, count, &seed);
    free(ratios);
    return out;
}

/* A server's processes wait for a processor too, and are not seen; several threads wait for each
 * other, which is the engine's doing. */
static bool
cell_is_undisturbed(const side *sides, const cell *c)
{
    for (uint32_t i = 0; i < c->side_count; i++)
        if (sides[i].driver->server != NULL)
            return false;
    return c->threads == 1;
}

static void
cell_judge(const plan *p, const side *sides, cell *out)
{
    out->recorded = p->is_recorded;
    out->undisturbed = !out->recorded && cell_is_undisturbed(sides, out);
    if (sides[0].state != SIDE_FINE)
        return;
    if (p->rate > 0 && !out->recorded) /* who is offered the same does the same */
        return;
    for (uint32_t i = 1; i < out->side_count; i++)
        if (sides[i].is_control && sides[i].state == SIDE_FINE)
            out->control = cell_interval(out, i, 0, p->seed);
    for (uint32_t i = 1; i < out->side_count; i++) {
        if (sides[i].is_control || sides[i].state != SIDE_FINE)
            continue;
        out->sides[i].ratio = cell_interval(out, i, 0, p->seed);
        out->sides[i].verdict = verdict_of(&out->sides[i].ratio, &out->control);
    }
}

/* ---- Slices ---- */

typedef struct cell_work {
    const plan *plan;
    double seconds; /* of each side */
    crew *crew;
    side *sides;
    cell *out;
    uint32_t fine[PLAN_MOST_SIDES], fine_count; /* sides that take part */
} cell_work;

static void
cell_slice(cell_work *w, uint32_t who, slice *out)
{
    const uint64_t count = w->out->slice_operations;
    const loop l = { .target = &w->sides[who].target,
                     .threads = w->out->threads,
                     .for_ns = count > 0 ? UINT64_MAX / 4 : (uint64_t)w->out->slice_ms * 1000000,
                     .count = count,
                     .rate = w->plan->rate,
                     .poisson = w->plan->poisson,
                     .pace = w->plan->pace,
                     .only = OPERATIONS };
    const machine_server *server = &w->sides[who].server;
    const double before = machine_server_cpu_seconds(server);
    double *sum = &w->out->sides[who].server_cpu_seconds;

    loop_run(w->crew, &l, out);
    *sum = before < 0 ? -1 : *sum + machine_server_cpu_seconds(server) - before;
}

static void
cell_add(slice *sum, const slice *one)
{
    sum->seconds += one->seconds;
    sum->cpu_seconds += one->cpu_seconds;
    sum->waited_seconds += one->waited_seconds;
    sum->busy_seconds += one->busy_seconds;
    sum->operations += one->operations;
    sum->flushes += one->flushes;
}

/* Responses of the slice that has ended: those of all so far, without those of all before. */
static void
cell_note_responses(const target *t, cell_side *out)
{
    histogram *all = calloc(2, sizeof *all), *one = all + 1;

    if (out->response_slices == NULL)
        out->response_slices = json_array();
    if (out->seen == NULL)
        out->seen = calloc(1, sizeof *out->seen);
    if (all != NULL && out->seen != NULL) {
        for (uint32_t i = 0; i < t->worker_count; i++)
            for (int op = 0; op < OPERATIONS; op++)
                if (t->workers[i].response[op] != NULL)
                    histogram_merge(all, t->workers[i].response[op]);
        for (unsigned i = 0; i < HISTOGRAM_PLACES; i++)
            one->places[i] = all->places[i] - out->seen->places[i];
        (void)json_array_append_new(out->response_slices, result_histogram(one));
        *out->seen = *all;
    }
    free(all);
}

static void
cell_round(cell_work *w, uint32_t order)
{
    cell *out = w->out;

    for (uint32_t i = 0; i < w->fine_count; i++) {
        const uint32_t who = w->fine[order_side(w->fine_count, order, i)];
        slice *one = &out->sides[who].slices[out->rounds];

        cell_slice(w, who, one);
        cell_add(&out->sides[who].sum, one);
        if (w->plan->rate > 0)
            cell_note_responses(&w->sides[who].target, &out->sides[who]);
    }
    out->rounds++;
}

/* Whether each side's rate has stopped to move: of the later half of the rounds, the halves are
 * alike. The longer it takes, the less chance has to say. */
static bool
cell_is_steady(const cell_work *w, uint32_t rounds)
{
    const uint32_t window = rounds / 2 > CELL_LEAST_WARM ? rounds / 4 * 2 : CELL_LEAST_WARM;

    for (uint32_t i = 0; i < w->fine_count; i++) {
        const slice *slices = w->out->sides[w->fine[i]].slices;
        slice halves[2];
        double change;

        memset(halves, 0, sizeof halves);
        for (uint32_t k = rounds - window; k < rounds; k++)
            cell_add(&halves[k >= rounds - window / 2], &slices[k]);
        change = cell_rate(&halves[1]) / fmax(cell_rate(&halves[0]), 1e-9) - 1;
        if (fabs(change) * 100 > CELL_STEADY_PERCENT)
            return false;
    }
    return true;
}

static uint64_t
cell_deadline_ns(const cell_work *w, double seconds)
{
    return crew_now_ns() + (uint64_t)(seconds * w->fine_count * 1e9);
}

/* Slices may take longer than was wanted, so the clock has a say too. */
static void
cell_warm(cell_work *w, double seconds, uint32_t most)
{
    cell *out = w->out;
    const uint32_t orders = order_count(w->fine_count);
    const uint64_t until_ns = cell_deadline_ns(w, seconds);

    while (out->warm_rounds < most && !out->steady && !stop_requested() &&
           (out->warm_rounds < CELL_LEAST_WARM || crew_now_ns() < until_ns)) {
        for (uint32_t i = 0; i < w->fine_count; i++) {
            const uint32_t who = w->fine[order_side(w->fine_count, out->warm_rounds % orders, i)];

            cell_slice(w, who, &out->sides[who].slices[out->warm_rounds]);
        }
        out->warm_rounds++;
        out->steady = out->warm_rounds >= CELL_LEAST_WARM && cell_is_steady(w, out->warm_rounds);
    }
}

static void
cell_price(cell_work *w, target *generator)
{
    const loop l = { .target = generator,
                     .threads = w->out->threads,
                     .for_ns = CELL_GENERATOR_NS,
                     .only = OPERATIONS };
    slice done;

    loop_run(w->crew, &l, &done);
    loop_run(w->crew, &l, &done); /* the first one has warmed up */
    if (done.operations > 0)
        w->out->generator_ns = done.cpu_seconds * 1e9 / (double)done.operations;
}

/* ---- Sums ---- */

static tenon_counts
cell_counts(const side *s)
{
    tenon_db_stats stats = { .size = sizeof stats };
    tenon_error err;

    (void)tenon_db_get_stats(s->target.db, &stats, &err);
    return stats.all;
}

static bool
cell_merge(histogram **to, const histogram *from)
{
    if (from == NULL)
        return true;
    if (*to == NULL)
        *to = calloc(1, sizeof **to);
    if (*to == NULL)
        return false;
    histogram_merge(*to, from);
    return true;
}

static bool
cell_gather(const target *t, cell_side *out)
{
    bool ok = true;

    out->tally = target_sum(t);
    for (uint32_t i = 0; i < t->worker_count && ok; i++) {
        const worker *w = &t->workers[i];

        if (out->error.status == TENON_OK)
            out->error = w->error;
        for (int op = 0; op < OPERATIONS && ok; op++)
            ok = cell_merge(&out->service[op], w->service[op]) &&
                 cell_merge(&out->response[op], w->response[op]);
    }
    return ok;
}

/* ---- Lengths ---- */

static bool
cell_make_slices(cell *out, uint32_t count)
{
    for (uint32_t i = 0; i < out->side_count; i++) {
        free(out->sides[i].slices);
        out->sides[i].slices = calloc((size_t)count + 1, sizeof(slice));
        if (out->sides[i].slices == NULL)
            return false;
    }
    return true;
}

/* What three of four operations do not exceed; the mean tells of the machine's pauses, not of the
 * operation. */
static uint64_t
cell_usual_ns(const target *t, histogram *all)
{
    memset(all, 0, sizeof *all);
    for (uint32_t i = 0; i < t->worker_count; i++)
        for (int op = 0; op < OPERATIONS; op++)
            if (t->workers[i].service[op] != NULL)
                histogram_merge(all, t->workers[i].service[op]);
    return histogram_value(all, 3, 4);
}

/* The slowest side's; 0: nothing is known without a warm-up. */
static double
cell_slowest_ms(const cell_work *w)
{
    histogram *all = calloc(1, sizeof *all);
    uint64_t slowest = 0;

    for (uint32_t i = 0; i < w->fine_count && all != NULL; i++) {
        const uint64_t ns = cell_usual_ns(&w->sides[w->fine[i]].target, all);

        slowest = ns > slowest ? ns : slowest;
    }
    free(all);
    return (double)slowest / 1e6 / w->out->threads;
}

/* Short slices meet the same machine: the shorter, the closer two of a round are to each other. But
 * each has to hold some operations, and threads have to be woken for it. */
static uint32_t
cell_slice_ms(const cell_work *w)
{
    const plan *p = w->plan;
    const double slowest = cell_slowest_ms(w);
    const double wanted = slowest > 0 ? CELL_SLICE_OPERATIONS * slowest : CELL_WARM_SLICE_MS;
    const double shared = w->out->threads > 1 ? CELL_LEAST_SHARED_SLICE_MS : CELL_LEAST_SLICE_MS;
    const double fewest = w->seconds * 1000 / CELL_MOST_ROUNDS;

    if (p->slice_ms != 0)
        return p->slice_ms;
    if (p->rate > 0)
        return (uint32_t)fmin(fmax(w->seconds * 1000 / CELL_OPEN_SLICES, CELL_LEAST_OPEN_SLICE_MS),
                              CELL_OPEN_SLICE_MS);
    return (uint32_t)ceil(fmin(fmax(fmax(wanted, shared), fewest), CELL_MOST_SLICE_MS));
}

/* All orders equally often; where that takes more time than there is, slices are shorter. */
static uint32_t
cell_rounds_in(cell_work *w, uint32_t orders)
{
    const double ms = w->seconds * 1000;
    const bool is_free = w->plan->slice_ms == 0 && w->plan->rate <= 0;
    const uint32_t rounds = (uint32_t)fmax(ms / w->out->slice_ms, is_free ? CELL_LEAST_ROUNDS : 1);
    const uint32_t balanced = rounds + (orders - rounds % orders) % orders;

    if (w->plan->slice_ms == 0)
        w->out->slice_ms = (uint32_t)ceil(fmin(ms / balanced, w->out->slice_ms));
    return balanced;
}

static void
cell_choose(cell_work *w)
{
    const plan *p = w->plan;
    const uint32_t orders = order_count(w->fine_count > 0 ? w->fine_count : 1);
    const uint64_t slices = p->operations / CELL_SLICE_OPERATIONS + 1;
    uint32_t rounds = slices < CELL_MOST_ROUNDS ? (uint32_t)slices : CELL_MOST_ROUNDS;

    w->out->slice_ms = cell_slice_ms(w);
    if (p->operations == 0)
        rounds = cell_rounds_in(w, orders);
    w->out->plan_rounds = rounds + (orders - rounds % orders) % orders;
    if (p->operations > 0)
        w->out->slice_operations = p->operations /
                                       ((uint64_t)w->out->plan_rounds * w->out->threads) +
                                   1;
}

/* Warm up, and make room for what is to be timed. */
static bool
cell_prepare(cell_work *w)
{
    cell *out = w->out;
    const double warm_seconds = w->plan->warm_ms / 1000.0 *
                                fmin(1, w->seconds * 1000 / (double)w->plan->for_ms);
    /* who waits at the end of a slice that warms up is in no figure */
    const double unknown_ms = w->plan->rate > 0
                                  ? fmax(warm_seconds * 1000 / CELL_LEAST_WARM, CELL_WARM_SLICE_MS)
                                  : CELL_WARM_SLICE_MS;
    uint32_t warm_rounds;

    for (uint32_t i = 0; i < out->side_count; i++)
        if (w->sides[i].state == SIDE_FINE)
            w->fine[w->fine_count++] = i;
    out->slice_ms = w->plan->slice_ms != 0 ? w->plan->slice_ms : (uint32_t)unknown_ms;
    if (w->plan->operations > 0)
        cell_choose(w);
    warm_rounds = (uint32_t)ceil(warm_seconds * 1000 / out->slice_ms);
    if (!cell_make_slices(out, warm_rounds))
        return false;
    cell_warm(w, warm_seconds, warm_rounds);
    cell_choose(w);
    for (uint32_t i = 0; i < w->fine_count; i++) {
        target_reset(&w->sides[w->fine[i]].target);
        out->sides[w->fine[i]].server_cpu_seconds = 0;
    }
    return cell_make_slices(out, out->plan_rounds);
}

/* Whether there is time for all orders once more; they are balanced only together. */
static bool
cell_has_time(const cell_work *w, uint32_t orders, uint64_t from_ns, uint64_t until_ns)
{
    const uint64_t now_ns = crew_now_ns();

    if (w->plan->operations > 0 || w->out->rounds < CELL_LEAST_ROUNDS)
        return true;
    return now_ns + (now_ns - from_ns) / (w->out->rounds / orders) / 2 < until_ns;
}

static void
cell_time(cell_work *w)
{
    const uint32_t orders = order_count(w->fine_count);
    const uint64_t from_ns = crew_now_ns(), until_ns = cell_deadline_ns(w, w->seconds);
    uint32_t order[2 * PLAN_MOST_SIDES];
    uint64_t chance = w->plan->seed;
    bool has_time = w->fine_count > 0;

    while (has_time && w->out->rounds < w->out->plan_rounds && !stop_requested()) {
        if (w->out->rounds % orders == 0)
            numbers_shuffle(order, orders, &chance);
        cell_round(w, order[w->out->rounds % orders]);
        has_time = w->out->rounds % orders != 0 || cell_has_time(w, orders, from_ns, until_ns);
    }
    w->out->partial = has_time && w->out->rounds < w->out->plan_rounds;
}

bool
cell_run(const plan *p, crew *c, side *sides, uint32_t side_count, target *generator,
         uint32_t threads, double seconds, cell *out)
{
    cell_work w = { .plan = p, .seconds = seconds, .crew = c, .sides = sides, .out = out };
    tenon_counts before[PLAN_MOST_SIDES];
    machine_look look;

    memset(out, 0, sizeof *out);
    out->threads = threads;
    out->rate = p->rate;
    out->poisson = p->poisson;
    out->side_count = side_count;
    cell_price(&w, generator);
    if (!cell_prepare(&w))
        return false;
    for (uint32_t i = 0; i < w.fine_count; i++)
        before[w.fine[i]] = cell_counts(&sides[w.fine[i]]);
    machine_watch(&look);
    cell_time(&w);
    machine_compare(&look, &out->noise);
    for (uint32_t i = 0; i < w.fine_count; i++) {
        const uint32_t who = w.fine[i];
        const tenon_counts after = cell_counts(&sides[who]);

        out->sides[who].retried = after.retried - before[who].retried;
        out->sides[who].round_trips = after.round_trips - before[who].round_trips;
        if (!cell_gather(&sides[who].target, &out->sides[who]))
            return false;
        target_reset(&sides[who].target);
    }
    cell_judge(p, sides, out);
    return true;
}

void
cell_free(cell *c)
{
    for (uint32_t i = 0; i < c->side_count; i++) {
        free(c->sides[i].slices);
        free(c->sides[i].seen);
        json_decref(c->sides[i].response_slices);
        for (int op = 0; op < OPERATIONS; op++) {
            free(c->sides[i].service[op]);
            free(c->sides[i].response[op]);
        }
    }
    memset(c, 0, sizeof *c);
}
