/*
 * A round is a slice of each side. Six rounds have all six orders, in a random order themselves, so
 * that each side comes first, second and last equally often, and each follows each other equally
 * often. What the machine does to one round it does to all sides of it: a ratio is taken of each
 * round before the median.
 */
#include "slices.h"

#include <stdlib.h>
#include <string.h>

#include "stop.h"

#define SLICES_HARNESS_NS UINT64_C(30000000)

/* ---- A side that does nothing, to know what the loop takes ---- */

static bool
nothing_register(void *conn, side_user *user)
{
    (void)conn, (void)user;
    return true;
}

static bool
nothing_create_room(void *conn, const side_user *owner, const char *name, tenon_uuid *room)
{
    (void)conn, (void)owner, (void)name, (void)room;
    return true;
}

static bool
nothing_invite(void *conn, const tenon_uuid *room, const side_user *sender,
               const side_user *recipient)
{
    (void)conn, (void)room, (void)sender, (void)recipient;
    return true;
}

static bool
nothing_say(void *conn, const tenon_uuid *room, const side_user *author, const char *text)
{
    (void)conn, (void)room, (void)author, (void)text;
    return true;
}

static bool
nothing_find_session(void *conn, const char *token, chat_session *out)
{
    (void)conn, (void)token, (void)out;
    return true;
}

static bool
nothing_read_page(void *conn, const tenon_uuid *room, const side_user *reader,
                  const chat_position *after, side_page *out)
{
    (void)conn, (void)room, (void)reader, (void)after;
    out->count = SIDE_PAGE;
    return true;
}

static bool
nothing_empty(void *conn, const tenon_uuid *user)
{
    (void)conn, (void)user;
    return true;
}

static const side side_nothing = {
    .name = "nothing",
    .register_user = nothing_register,
    .create_room = nothing_create_room,
    .invite = nothing_invite,
    .say = nothing_say,
    .find_session = nothing_find_session,
    .read_page = nothing_read_page,
    .empty = nothing_empty,
};

static bool
slices_harness(team *c, const slices_plan *plan, double *out_ns)
{
    load l = { .with = &side_nothing, .place = { .threads = plan->threads } };
    slice done = { 0, 0, 0, 0 };
    bool ok;

    l.workers = aligned_alloc(_Alignof(load_worker), plan->threads * sizeof *l.workers);
    if (l.workers == NULL)
        return false;
    memset(l.workers, 0, plan->threads * sizeof *l.workers);
    for (uint32_t t = 0; t < plan->threads; t++)
        l.workers[t].load = &l;
    ok = team_slice(c, &l, plan->operation, SLICES_HARNESS_NS, 0, &done, NULL);
    free(l.workers);
    if (done.operations > 0)
        *out_ns = done.seconds * 1e9 * plan->threads / (double)done.operations;
    return ok;
}

/* ---- The run ---- */

static void
slices_ratios(const slices_plan *plan, slices_result *r)
{
    double *ratios = calloc(r->rounds + 1, sizeof *ratios);
    uint64_t state = plan->seed;

    for (uint32_t which = 0; which < 2 && ratios != NULL; which++) {
        const uint32_t who = which == 0 ? SLICES_TENON : SLICES_CONTROL;
        interval *out = which == 0 ? &r->ratio : &r->control;

        for (uint32_t i = 0; i < r->rounds; i++) {
            const slice *one = &r->slices[i * SLICES_SIDES + who];
            const slice *native = &r->slices[i * SLICES_SIDES + SLICES_NATIVE];

            ratios[i] = (double)one->operations / one->seconds /
                        ((double)native->operations / native->seconds);
        }
        *out = numbers_interval(ratios, r->rounds, &state);
    }
    free(ratios);
}

static bool
slices_round(team *c, load loads[SLICES_SIDES], const slices_plan *plan, uint32_t order,
             slices_result *out)
{
    static const uint8_t orders[SLICES_ORDERS][SLICES_SIDES] = { { 0, 1, 2 }, { 0, 2, 1 },
                                                                 { 1, 0, 2 }, { 1, 2, 0 },
                                                                 { 2, 0, 1 }, { 2, 1, 0 } };

    for (uint32_t i = 0; i < SLICES_SIDES; i++) {
        const uint8_t who = orders[order][i];
        slice *one = &out->slices[out->rounds * SLICES_SIDES + who], *sum = &out->sums[who];

        if (!team_slice(c, &loads[who], plan->operation, (uint64_t)plan->slice_ms * 1000000, 0, one,
                        out->latency_ns[who]))
            return false;
        sum->seconds += one->seconds;
        sum->cpu_seconds += one->cpu_seconds;
        sum->operations += one->operations;
        sum->flushes += one->flushes;
    }
    out->rounds++;
    return true;
}

/* Who starves waits for longer than a slice takes: tails are seen in whole runs only. */
static bool
slices_whole(team *c, load loads[SLICES_SIDES], const slices_plan *plan, slices_result *out)
{
    slice ignored;

    for (uint32_t who = SLICES_TENON; who <= SLICES_NATIVE; who++) {
        memset(out->latency_ns[who], 0, sizeof *out->latency_ns[who]);
        if (!team_slice(c, &loads[who], plan->operation, (uint64_t)plan->whole_ms * 1000000, 0,
                        &ignored, out->latency_ns[who]))
            return false;
    }
    out->whole = true;
    return true;
}

static bool
slices_prepare(const slices_plan *plan, slices_result *out)
{
    memset(out, 0, sizeof *out);
    out->slices = calloc((size_t)plan->rounds * SLICES_SIDES, sizeof *out->slices);
    for (uint32_t i = 0; i < SLICES_SIDES; i++) {
        out->latency_ns[i] = calloc(1, sizeof *out->latency_ns[i]);
        if (out->slices == NULL || out->latency_ns[i] == NULL)
            return false;
    }
    return true;
}

bool
slices_run(team *c, load loads[SLICES_SIDES], const slices_plan *plan, slices_result *out)
{
    uint32_t order[SLICES_ORDERS];
    uint64_t state = plan->seed;
    slice warm_up;

    if (!slices_prepare(plan, out) || !slices_harness(c, plan, &out->harness_ns))
        return false;
    for (uint32_t i = 0; i < 2 * SLICES_SIDES; i++)
        if (!team_slice(c, &loads[i % SLICES_SIDES], plan->operation,
                        (uint64_t)plan->slice_ms * 2000000, 0, &warm_up, NULL))
            return false;
    while (out->rounds < plan->rounds && !stop_requested()) {
        if (out->rounds % SLICES_ORDERS == 0)
            numbers_shuffle(order, SLICES_ORDERS, &state);
        if (!slices_round(c, loads, plan, order[out->rounds % SLICES_ORDERS], out))
            return false;
    }
    slices_ratios(plan, out);
    return plan->whole_ms == 0 || stop_requested() || slices_whole(c, loads, plan, out);
}

void
slices_free(slices_result *result)
{
    for (uint32_t i = 0; i < SLICES_SIDES; i++)
        free(result->latency_ns[i]);
    free(result->slices);
    memset(result, 0, sizeof *result);
}
