#include "loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "flushes.h"
#include "stop.h"

#define LOOP_SECOND_NS 1000000000.0

/* An operation that begins so much after its time was kept waiting by another one, and not by the
 * clock. */
#define LOOP_LATE_NS UINT64_C(1000000)

#define LOOP_NAP_NS UINT64_C(100000000)

typedef struct loop_call {
    const loop *loop;
    uint64_t from_ns;
} loop_call;

/* @return whether it did what it was to do */
static bool
loop_once(worker *w, operation op)
{
    const tenon_status st = w->target->workload->scenario->run(w, op);

    if (st == TENON_OK) {
        w->sum.done++;
        atomic_store_explicit(&w->live, w->sum.done, memory_order_relaxed);
        return true;
    }
    w->sum.failed++;
    w->sum.unknown += st == TENON_UNKNOWN_OUTCOME;
    if (w->error.status == TENON_OK) {
        w->error = w->last;
        w->error.status = st;
    }
    return false;
}

static operation
loop_draw(const loop *l, worker *w)
{
    return l->only != OPERATIONS ? l->only : workload_draw(w->target->now, &w->stream);
}

/* The end of an operation is the beginning of the next: one look at the clock for each. At least
 * one is run, though the thread be taken its processor at once: a slice without any has no rate. */
static void
loop_closed(const loop *l, worker *w)
{
    uint64_t now_ns = crew_now_ns();
    const uint64_t until_ns = now_ns + l->for_ns;

    w->slice_began_ns = now_ns;
    for (uint64_t i = 0; i == 0 || (now_ns < until_ns && (l->count == 0 || i < l->count)); i++) {
        const uint64_t started_ns = now_ns;
        const operation op = loop_draw(l, w);
        const bool done = loop_once(w, op);

        now_ns = crew_now_ns();
        if (done && w->service[op] != NULL)
            histogram_add(w->service[op], now_ns - started_ns);
        if (stop_requested())
            break;
    }
    w->slice_ended_ns = now_ns;
}

/* ---- Open loop ---- */

static uint64_t
loop_wait(uint64_t until_ns)
{
    const struct timespec at = { .tv_sec = (time_t)(until_ns / UINT64_C(1000000000)),
                                 .tv_nsec = (long)(until_ns % UINT64_C(1000000000)) };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0 && !stop_requested()) {
    }
    return crew_now_ns();
}

/* Who has not been served by the end has waited for that long at least. */
static void
loop_leave(worker *w, operation op, uint64_t waited_ns)
{
    w->sum.unserved++;
    if (w->response[op] != NULL)
        histogram_add(w->response[op], waited_ns);
}

/* The schedule is kept whatever happens: an arrival's time is never moved. */
static void
loop_open(const loop *l, worker *w, uint64_t from_ns)
{
    const double mean_ns = LOOP_SECOND_NS * l->threads / l->rate;
    const uint64_t until_ns = from_ns + l->for_ns;
    double offset_ns = l->poisson ? draw_gap_ns(&w->stream, mean_ns)
                                  : mean_ns * (w->number + 0.5) / l->threads;
    uint64_t now_ns = crew_now_ns();

    w->slice_began_ns = from_ns;
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    while (offset_ns < (double)l->for_ns && !stop_requested()) {
        const uint64_t intended_ns = from_ns + (uint64_t)offset_ns;
        const operation op = loop_draw(l, w);
        uint64_t started_ns;
        bool done;

        offset_ns += l->poisson ? draw_gap_ns(&w->stream, mean_ns) : mean_ns;
        if (now_ns >= until_ns) {
            loop_leave(w, op, now_ns - intended_ns);
            continue;
        }
        if (now_ns < intended_ns)
            now_ns = loop_wait(intended_ns);
        else
            w->sum.late += now_ns - intended_ns > LOOP_LATE_NS;
        started_ns = now_ns;
        done = loop_once(w, op);
        now_ns = crew_now_ns();
        if (!done || w->service[op] == NULL)
            continue;
        histogram_add(w->service[op], now_ns - started_ns);
        histogram_add(w->response[op], now_ns - intended_ns);
    }
    w->slice_ended_ns = now_ns < until_ns && !stop_requested() ? until_ns : now_ns;
}

/* ---- Recorded ---- */

/* So that a stop is not waited for. */
static uint64_t
loop_wait_long(uint64_t until_ns)
{
    uint64_t now_ns = crew_now_ns();

    while (now_ns < until_ns && !stop_requested())
        now_ns = loop_wait(until_ns - now_ns > LOOP_NAP_NS ? now_ns + LOOP_NAP_NS : until_ns);
    return now_ns;
}

static void
loop_note(worker *w, operation op, uint64_t intended_ns, uint64_t started_ns, uint64_t ended_ns)
{
    histogram_add(w->service[op], ended_ns - started_ns);
    if (w->response[op] != NULL)
        histogram_add(w->response[op], ended_ns - intended_ns);
}

/* Each at its time, by a clock that stands still while the others have their turns: what a side is
 * late by, it is late by in its next slice too. */
static void
loop_recorded(const loop *l, worker *w)
{
    const scenario *s = w->target->workload->scenario;
    uint64_t now_ns = crew_now_ns(), at_ns;
    const uint64_t from_ns = now_ns - w->clock_ns;

    w->slice_began_ns = now_ns;
    w->slice_busy_ns = 0;
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    for (uint64_t i = 0; i < l->count && !stop_requested() && s->next(w, &at_ns); i++) {
        uint64_t intended_ns, started_ns;
        bool done;

        now_ns = crew_now_ns();
        intended_ns = l->pace > 0 ? from_ns + (uint64_t)((double)at_ns / l->pace) : now_ns;
        if (now_ns < intended_ns)
            now_ns = loop_wait_long(intended_ns);
        if (now_ns < intended_ns) /* it was stopped */
            break;
        started_ns = now_ns;
        w->lag_ns = started_ns - intended_ns;
        w->most_lag_ns = w->lag_ns > w->most_lag_ns ? w->lag_ns : w->most_lag_ns;
        w->sum.late += w->lag_ns > LOOP_LATE_NS;
        done = loop_once(w, OPERATION_EVENT);
        now_ns = crew_now_ns();
        w->slice_busy_ns += now_ns - started_ns;
        if (done)
            loop_note(w, OPERATION_EVENT, intended_ns, started_ns, now_ns);
    }
    now_ns = crew_now_ns();
    w->slice_ended_ns = now_ns;
    w->clock_ns = now_ns - from_ns;
}

/* How long this thread has been ready to run and had no processor, ever; 0 where the kernel does
 * not say. */
static uint64_t
loop_waited_ns(void)
{
    char text[96];
    char *at = text;
    const int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    const ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        (void)close(fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    (void)strtoull(text, &at, 10); /* that it ran */
    return strtoull(at, NULL, 10);
}

static void
loop_work(void *arg, uint32_t number)
{
    const loop_call *call = arg;
    worker *w = &call->loop->target->workers[number];
    const uint64_t before = w->sum.done, waited_ns = loop_waited_ns();

    if (w->target->workload->scenario->next != NULL)
        loop_recorded(call->loop, w);
    else if (call->loop->rate > 0)
        loop_open(call->loop, w, call->from_ns);
    else
        loop_closed(call->loop, w);
    w->slice_done = w->sum.done - before;
    w->slice_waited_ns = loop_waited_ns() - waited_ns;
}

void
loop_run(crew *c, const loop *l, slice *out)
{
    const double cpu_seconds = crew_cpu_seconds();
    const uint64_t flushed = flushes();
    loop_call call = { .loop = l, .from_ns = crew_now_ns() };
    uint64_t began_ns = UINT64_MAX, ended_ns = 0;

    memset(out, 0, sizeof *out);
    crew_run(c, l->threads, loop_work, &call);
    out->cpu_seconds = crew_cpu_seconds() - cpu_seconds;
    out->flushes = flushes() - flushed;
    for (uint32_t i = 0; i < l->threads; i++) {
        const worker *w = &l->target->workers[i];

        out->operations += w->slice_done;
        out->waited_seconds += (double)w->slice_waited_ns / LOOP_SECOND_NS;
        out->busy_seconds += (double)w->slice_busy_ns / LOOP_SECOND_NS;
        began_ns = w->slice_began_ns < began_ns ? w->slice_began_ns : began_ns;
        ended_ns = w->slice_ended_ns > ended_ns ? w->slice_ended_ns : ended_ns;
    }
    out->seconds = (double)(ended_ns - began_ns) / LOOP_SECOND_NS;
}
