#include "crew.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

typedef struct crew_thread {
    crew *crew;
    pthread_t id;
    uint32_t number;
} crew_thread;

struct crew {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    uint64_t run_number;
    uint32_t at_work, wanted, thread_count;
    bool over;
    crew_fn *fn;
    void *arg;
    crew_thread *threads;
};

uint64_t
crew_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

double
crew_cpu_seconds(void)
{
    struct rusage used;

    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void *
crew_main(void *arg)
{
    const crew_thread *t = arg;
    crew *c = t->crew;
    uint64_t seen = 0;

    (void)pthread_mutex_lock(&c->lock);
    for (;;) {
        while ((c->run_number == seen || t->number >= c->wanted) && !c->over) {
            seen = c->run_number;
            (void)pthread_cond_wait(&c->changed, &c->lock);
        }
        if (c->over)
            break;
        seen = c->run_number;
        (void)pthread_mutex_unlock(&c->lock);
        c->fn(c->arg, t->number);
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
    (void)fprintf(stderr, "tenon: bench: no memory for %u threads\n", (unsigned)threads);
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

uint32_t
crew_size(const crew *c)
{
    return c->thread_count;
}

void
crew_run(crew *c, uint32_t threads, crew_fn *fn, void *arg)
{
    (void)pthread_mutex_lock(&c->lock);
    c->fn = fn;
    c->arg = arg;
    c->wanted = threads;
    c->at_work = threads;
    c->run_number++;
    (void)pthread_cond_broadcast(&c->changed);
    while (c->at_work > 0)
        (void)pthread_cond_wait(&c->changed, &c->lock);
    (void)pthread_mutex_unlock(&c->lock);
}
