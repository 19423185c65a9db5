/* Threads that are there from the beginning, so that a slice does not pay for their start. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "flushes.h"
#include "slices.h"

typedef struct crew_thread {
    crew *crew;
    pthread_t id;
    uint32_t number;
    uint64_t operations, ended_ns; /* of the last slice */
    bool failed;
    histogram latency_ns;
} crew_thread;

struct crew {
    pthread_mutex_t lock; /* guards what follows, and lets threads see the slice */
    pthread_cond_t changed;
    uint64_t slice_number;
    uint32_t at_work, thread_count;
    bool over;
    load *load;
    load_operation operation;
    uint64_t for_ns, count;
    crew_thread *threads;
};

uint64_t
slices_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The end of an operation is the beginning of the next: one look at the clock for each. */
static void
crew_work(crew_thread *t)
{
    const crew *c = t->crew;
    load_worker *worker = &c->load->workers[t->number];
    uint64_t now_ns = slices_now_ns();
    const uint64_t until_ns = now_ns + c->for_ns;

    t->operations = 0;
    t->failed = false;
    while (now_ns < until_ns && (c->count == 0 || t->operations < c->count) && !t->failed) {
        const uint64_t from_ns = now_ns;

        t->failed = !load_once(worker, c->operation);
        now_ns = slices_now_ns();
        histogram_add(&t->latency_ns, now_ns - from_ns);
        t->operations++;
    }
    t->ended_ns = now_ns;
}

static void *
crew_main(void *arg)
{
    crew_thread *t = arg;
    crew *c = t->crew;
    uint64_t seen = 0;

    (void)pthread_mutex_lock(&c->lock);
    for (;;) {
        while (c->slice_number == seen && !c->over)
            (void)pthread_cond_wait(&c->changed, &c->lock);
        if (c->over)
            break;
        seen = c->slice_number;
        (void)pthread_mutex_unlock(&c->lock);
        crew_work(t);
        (void)pthread_mutex_lock(&c->lock);
        if (--c->at_work == 0)
            (void)pthread_cond_broadcast(&c->changed);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

crew *
crew_new(uint32_t threads)
{
    crew *c = calloc(1, sizeof *c);
    int rc = c == NULL ? -1 : 0;

    if (rc == 0) {
        (void)pthread_mutex_init(&c->lock, NULL);
        (void)pthread_cond_init(&c->changed, NULL);
        c->threads = calloc(threads, sizeof *c->threads);
        rc = c->threads == NULL ? -1 : 0;
    }
    for (uint32_t i = 0; i < threads && rc == 0; i++) {
        c->threads[i].crew = c;
        c->threads[i].number = i;
        rc = pthread_create(&c->threads[i].id, NULL, crew_main, &c->threads[i]);
        if (rc == 0)
            c->thread_count++;
    }
    if (rc == 0)
        return c;
    (void)fprintf(stderr, "tenon: bench native: no memory for %u threads\n", (unsigned)threads);
    crew_free(c);
    return NULL;
}

void
crew_free(crew *c)
{
    if (c == NULL)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->over = true;
    (void)pthread_cond_broadcast(&c->changed);
    (void)pthread_mutex_unlock(&c->lock);
    for (uint32_t i = 0; i < c->thread_count; i++)
        (void)pthread_join(c->threads[i].id, NULL);
    (void)pthread_cond_destroy(&c->changed);
    (void)pthread_mutex_destroy(&c->lock);
    free(c->threads);
    free(c);
}

static double
crew_cpu_seconds(void)
{
    struct rusage used;

    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* Gather what the threads have done. */
static bool
crew_gather(crew *c, uint64_t from_ns, slice *out, histogram *latency_ns)
{
    uint64_t ended_ns = from_ns;
    bool ok = true;

    for (uint32_t i = 0; i < c->thread_count; i++) {
        crew_thread *t = &c->threads[i];

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
crew_slice(crew *c, load *l, load_operation operation, uint64_t for_ns, uint64_t count, slice *out,
           histogram *latency_ns)
{
    const double cpu_seconds = crew_cpu_seconds();
    const uint64_t flushes_before = flushes();
    const uint64_t from_ns = slices_now_ns();

    memset(out, 0, sizeof *out);
    (void)pthread_mutex_lock(&c->lock);
    c->load = l;
    c->operation = operation;
    c->for_ns = for_ns;
    c->count = count;
    c->at_work = c->thread_count;
    c->slice_number++;
    (void)pthread_cond_broadcast(&c->changed);
    while (c->at_work > 0)
        (void)pthread_cond_wait(&c->changed, &c->lock);
    (void)pthread_mutex_unlock(&c->lock);
    out->cpu_seconds = crew_cpu_seconds() - cpu_seconds;
    out->flushes = flushes() - flushes_before;
    return crew_gather(c, from_ns, out, latency_ns);
}
