/* Counting without sharing. */
#include "lanes.h"

#include <time.h>

#define LANES_NS_PER_S UINT64_C(1000000000)

void
lmdb_lanes_init(lmdb_lanes *lanes)
{
    pthread_condattr_t attr;

    for (int i = 0; i < LMDB_LANES; i++)
        atomic_init(&lanes->lanes[i].count, 0);
    atomic_init(&lanes->closed, false);
    atomic_init(&lanes->next, 0);
    tenon_gate_init(&lanes->slow);
    (void)pthread_mutex_init(&lanes->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&lanes->empty, &attr);
    (void)pthread_condattr_destroy(&attr);
}

void
lmdb_lanes_fini(lmdb_lanes *lanes)
{
    (void)pthread_cond_destroy(&lanes->empty);
    (void)pthread_mutex_destroy(&lanes->lock);
    tenon_gate_fini(&lanes->slow);
}

lmdb_lane *
lmdb_lanes_choose(lmdb_lanes *lanes)
{
    return &lanes->lanes[atomic_fetch_add(&lanes->next, 1) % LMDB_LANES];
}

void
lmdb_lanes_leave(lmdb_lanes *lanes, lmdb_lane *lane)
{
    (void)atomic_fetch_sub(&lane->count, 1);
    if (!atomic_load(&lanes->closed))
        return;
    (void)pthread_mutex_lock(&lanes->lock);
    (void)pthread_cond_broadcast(&lanes->empty);
    (void)pthread_mutex_unlock(&lanes->lock);
}

bool
lmdb_lanes_enter(lmdb_lanes *lanes, lmdb_lane *lane, uint64_t deadline_ns)
{
    for (;;) {
        /* Counted first, then looked: who closes it does the opposite, so one of the two sees the
         * other. */
        (void)atomic_fetch_add(&lane->count, 1);
        if (!atomic_load(&lanes->closed))
            return true;
        lmdb_lanes_leave(lanes, lane);
        if (!tenon_gate_enter(&lanes->slow, deadline_ns))
            return false;
        tenon_gate_leave(&lanes->slow);
    }
}

/* Whether nobody who came before the gate was closed is inside: a lane that was empty once has only
 * those who turn round. */
static bool
lanes_are_empty(lmdb_lanes *lanes)
{
    bool empty = true;

    for (int i = 0; i < LMDB_LANES && empty; i++)
        empty = atomic_load(&lanes->lanes[i].count) == 0;
    return empty;
}

bool
lmdb_lanes_close(lmdb_lanes *lanes, uint64_t deadline_ns)
{
    const struct timespec until = { .tv_sec = (time_t)(deadline_ns / LANES_NS_PER_S),
                                    .tv_nsec = (long)(deadline_ns % LANES_NS_PER_S) };
    bool in_time = true;

    if (!tenon_gate_close(&lanes->slow, deadline_ns)) /* one at a time */
        return false;
    atomic_store(&lanes->closed, true);
    (void)pthread_mutex_lock(&lanes->lock);
    while (!lanes_are_empty(lanes) && in_time)
        in_time = deadline_ns == UINT64_MAX
                      ? pthread_cond_wait(&lanes->empty, &lanes->lock) == 0
                      : pthread_cond_timedwait(&lanes->empty, &lanes->lock, &until) == 0;
    in_time = lanes_are_empty(lanes);
    (void)pthread_mutex_unlock(&lanes->lock);
    if (!in_time)
        lmdb_lanes_open(lanes);
    return in_time;
}

void
lmdb_lanes_open(lmdb_lanes *lanes)
{
    atomic_store(&lanes->closed, false);
    tenon_gate_open(&lanes->slow);
}
