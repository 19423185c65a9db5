#include <time.h>

#include "tenon/kit/posix.h"

void
tenon_gate_init(tenon_gate *gate)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&gate->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&gate->changed, &attr);
    pthread_condattr_destroy(&attr);
    gate->inside_count = 0;
    gate->closed = 0;
}

void
tenon_gate_fini(tenon_gate *gate)
{
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->lock);
}

/* With the lock held. False: the deadline has passed. */
static bool
gate_wait(tenon_gate *gate, uint64_t deadline_ns)
{
    const uint64_t second_ns = UINT64_C(1000000000);
    struct timespec until;

    if (deadline_ns == UINT64_MAX)
        return pthread_cond_wait(&gate->changed, &gate->lock) == 0;
    until.tv_sec = (time_t)(deadline_ns / second_ns);
    until.tv_nsec = (long)(deadline_ns % second_ns);
    return pthread_cond_timedwait(&gate->changed, &gate->lock, &until) == 0;
}

bool
tenon_gate_enter(tenon_gate *gate, uint64_t deadline_ns)
{
    bool in_time = true;

    pthread_mutex_lock(&gate->lock);
    while (gate->closed && in_time)
        in_time = gate_wait(gate, deadline_ns);
    if (in_time)
        gate->inside_count++;
    pthread_mutex_unlock(&gate->lock);
    return in_time;
}

void
tenon_gate_leave(tenon_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->inside_count--;
    if (gate->inside_count == 0 && gate->closed)
        pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

bool
tenon_gate_close(tenon_gate *gate, uint64_t deadline_ns)
{
    bool in_time = true;

    pthread_mutex_lock(&gate->lock);
    while (gate->closed && in_time)
        in_time = gate_wait(gate, deadline_ns);
    if (in_time) {
        gate->closed = 1;
        while (gate->inside_count > 0 && in_time)
            in_time = gate_wait(gate, deadline_ns);
        if (!in_time) {
            gate->closed = 0;
            pthread_cond_broadcast(&gate->changed);
        }
    }
    pthread_mutex_unlock(&gate->lock);
    return in_time;
}

void
tenon_gate_open(tenon_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->closed = 0;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}
