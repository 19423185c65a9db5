#include "live.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct live {
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    const group *group;
    const char *what;
    bool over;
    uint64_t from_ns;
    double total_seconds;
    uint64_t seen[PLAN_MOST_SIDES];
};

static uint64_t
live_done(const target *t)
{
    uint64_t done = 0;

    for (uint32_t i = 0; i < t->worker_count; i++)
        done += atomic_load_explicit(&t->workers[i].live, memory_order_relaxed);
    return done;
}

/* Operations of the last second on each side, the time between their slices included. */
static void
live_line(live *l)
{
    (void)fprintf(stderr, "%5.0f s", live_seconds(l));
    if (l->total_seconds > 0)
        (void)fprintf(stderr, " of %.0f", l->total_seconds);
    (void)fprintf(stderr, "  %s", l->what);
    for (uint32_t i = 0; i < l->group->side_count; i++) {
        const side *s = &l->group->sides[i];
        const uint64_t done = live_done(&s->target);

        /* a series began anew: it counts from zero */
        if (s->state == SIDE_FINE && !s->is_control)
            (void)fprintf(stderr, "  %s %llu", s->driver->label,
                          (unsigned long long)(done >= l->seen[i] ? done - l->seen[i] : done));
        l->seen[i] = done;
    }
    (void)fprintf(stderr, "\n");
}

static void *
live_main(void *arg)
{
    live *l = arg;
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    (void)pthread_mutex_lock(&l->lock);
    while (!l->over) {
        at.tv_sec++;
        while (!l->over && pthread_cond_timedwait(&l->changed, &l->lock, &at) != ETIMEDOUT) {
        }
        if (!l->over && l->group != NULL)
            live_line(l);
    }
    (void)pthread_mutex_unlock(&l->lock);
    return NULL;
}

live *
live_start(void)
{
    live *l = calloc(1, sizeof *l);
    pthread_condattr_t by_monotonic;

    if (l == NULL)
        return NULL;
    l->from_ns = crew_now_ns();
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_condattr_init(&by_monotonic);
    (void)pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&l->changed, &by_monotonic);
    (void)pthread_condattr_destroy(&by_monotonic);
    if (pthread_create(&l->thread, NULL, live_main, l) == 0)
        return l;
    (void)fprintf(stderr, "tenon: bench: no thread for the live line\n");
    (void)pthread_cond_destroy(&l->changed);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
    return NULL;
}

double
live_seconds(const live *l)
{
    return (double)(crew_now_ns() - l->from_ns) / 1e9;
}

void
live_announce(live *l, double total_seconds)
{
    if (l == NULL || total_seconds <= 0)
        return;
    (void)pthread_mutex_lock(&l->lock);
    l->total_seconds = total_seconds;
    (void)pthread_mutex_unlock(&l->lock);
    (void)fprintf(stderr, "about %.0f s in all\n", total_seconds);
}

void
live_show(live *l, const group *g, const char *what)
{
    if (l == NULL)
        return;
    (void)pthread_mutex_lock(&l->lock);
    l->group = g;
    l->what = what;
    for (uint32_t i = 0; i < PLAN_MOST_SIDES; i++)
        l->seen[i] = 0;
    (void)pthread_mutex_unlock(&l->lock);
}

void
live_stop(live *l)
{
    if (l == NULL)
        return;
    (void)pthread_mutex_lock(&l->lock);
    l->over = true;
    (void)pthread_cond_signal(&l->changed);
    (void)pthread_mutex_unlock(&l->lock);
    (void)pthread_join(l->thread, NULL);
    (void)pthread_cond_destroy(&l->changed);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}
