/* Each thread of the crew runs the operation on its own worker. */
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "flushes.h"
#include "slices.h"

/* On cache lines of its own, as load_worker. */
typedef struct team_thread {
    _Alignas(128) uint64_t operations, ended_ns; /* of the last slice */
    bool failed;
    histogram latency_ns;
} team_thread;

struct team {
    crew *crew;
    load *load;
    load_operation operation;
    uint64_t for_ns, count;
    team_thread *threads;
};

/* The end of an operation is the beginning of the next: one look at the clock for each. */
static void
team_work(void *arg, uint32_t number)
{
    const team *c = arg;
    team_thread *t = &c->threads[number];
    load_worker *worker = &c->load->workers[number];
    uint64_t now_ns = crew_now_ns();
    const uint64_t until_ns = now_ns + c->for_ns;

    t->operations = 0;
    t->failed = false;
    while (now_ns < until_ns && (c->count == 0 || t->operations < c->count) && !t->failed) {
        const uint64_t from_ns = now_ns;

        t->failed = !load_once(worker, c->operation);
        now_ns = crew_now_ns();
        histogram_add(&t->latency_ns, now_ns - from_ns);
        t->operations++;
    }
    t->ended_ns = now_ns;
}

team *
team_new(uint32_t threads)
{
    team *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->threads = aligned_alloc(_Alignof(team_thread), threads * sizeof *c->threads);
    if (c->threads != NULL)
        memset(c->threads, 0, threads * sizeof *c->threads);
    c->crew = c->threads == NULL ? NULL : crew_new(threads);
    if (c->crew != NULL)
        return c;
    team_free(c);
    return NULL;
}

void
team_free(team *c)
{
    if (c == NULL)
        return;
    crew_free(c->crew);
    free(c->threads);
    free(c);
}

/* Gather what the threads have done. */
static bool
team_gather(team *c, uint64_t from_ns, slice *out, histogram *latency_ns)
{
    uint64_t ended_ns = from_ns;
    bool ok = true;

    for (uint32_t i = 0; i < crew_size(c->crew); i++) {
        team_thread *t = &c->threads[i];

        out->operations += t->operations;
        ended_ns = t->ended_ns > ended_ns ? t->ended_ns : ended_ns;
        ok = ok && !t->failed;
        if (latency_ns != NULL)
            histogram_merge(latency_ns, &t->latency_ns);
        memset(&t->latency_ns, 0, sizeof t->latency_ns);
    }
    out->seconds = (double)(ended_ns - from_ns) / 1e9;
    return ok;
}

bool
team_slice(team *c, load *l, load_operation operation, uint64_t for_ns, uint64_t count, slice *out,
           histogram *latency_ns)
{
    const double cpu_seconds = crew_cpu_seconds();
    const uint64_t flushes_before = flushes();
    const uint64_t from_ns = crew_now_ns();

    memset(out, 0, sizeof *out);
    c->load = l;
    c->operation = operation;
    c->for_ns = for_ns;
    c->count = count;
    crew_run(c->crew, crew_size(c->crew), team_work, c);
    out->cpu_seconds = crew_cpu_seconds() - cpu_seconds;
    out->flushes = flushes() - flushes_before;
    return team_gather(c, from_ns, out, latency_ns);
}
