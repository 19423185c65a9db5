#define _GNU_SOURCE /* pthread_setaffinity_np */
#include "stall.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define STALL_PROCESSORS 64
#define STALL_STEP_US 1000
#define STALL_MOST 100000 /* pauses of one processor that are kept */

/* A time in which a processor stood still. */
typedef struct stall_pause {
    uint64_t from_us, to_us;
} stall_pause;

typedef struct stall_watch {
    pthread_t thread;
    stall_pause *pauses; /* by time */
    uint32_t count;
} stall_watch;

static struct {
    stall_watch watches[STALL_PROCESSORS];
    long count;
    atomic_bool stop;
} stall;

static uint64_t
stall_now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void *
stall_main(void *arg)
{
    stall_watch *w = arg;

    while (!atomic_load(&stall.stop)) {
        const uint64_t due_us = stall_now_us() + STALL_STEP_US;
        const struct timespec step = { .tv_nsec = STALL_STEP_US * 1000 };
        uint64_t now_us;

        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
        now_us = stall_now_us();
        if (now_us > due_us + STALL_STEP_US && w->count < STALL_MOST)
            w->pauses[w->count++] = (stall_pause){ due_us, now_us };
    }
    return NULL;
}

void
stall_begin(void)
{
    stall.count = sysconf(_SC_NPROCESSORS_ONLN);
    if (stall.count > STALL_PROCESSORS)
        stall.count = STALL_PROCESSORS;
    for (long i = 0; i < stall.count; i++) {
        stall_watch *w = &stall.watches[i];
        cpu_set_t one;

        w->pauses = calloc(STALL_MOST, sizeof *w->pauses);
        if (w->pauses == NULL || pthread_create(&w->thread, NULL, stall_main, w) != 0) {
            free(w->pauses);
            stall.count = i;
            return;
        }
        CPU_ZERO(&one);
        CPU_SET((size_t)i, &one);
        (void)pthread_setaffinity_np(w->thread, sizeof one, &one);
    }
}

static int
stall_compare(const void *a, const void *b)
{
    const stall_pause *x = a, *y = b;

    return (x->from_us > y->from_us) - (x->from_us < y->from_us);
}

/* The pauses of all, by time: those of the first watch from here on. */
static void
stall_gather(void)
{
    stall_watch all = { .pauses = NULL };

    for (long i = 0; i < stall.count; i++)
        all.count += stall.watches[i].count;
    all.pauses = calloc(all.count + 1, sizeof *all.pauses);
    if (all.pauses == NULL)
        abort();
    all.count = 0;
    for (long i = 0; i < stall.count; i++) {
        for (uint32_t n = 0; n < stall.watches[i].count; n++)
            all.pauses[all.count++] = stall.watches[i].pauses[n];
        free(stall.watches[i].pauses);
    }
    qsort(all.pauses, all.count, sizeof *all.pauses, stall_compare);
    stall.watches[0] = all;
}

uint64_t
stall_end(void)
{
    uint64_t longest_us = 0;

    atomic_store(&stall.stop, true);
    for (long i = 0; i < stall.count; i++)
        (void)pthread_join(stall.watches[i].thread, NULL);
    stall_gather();
    for (uint32_t n = 0; n < stall.watches[0].count; n++) {
        const stall_pause *p = &stall.watches[0].pauses[n];

        if (p->to_us - p->from_us > longest_us)
            longest_us = p->to_us - p->from_us;
    }
    return longest_us;
}

uint64_t
stall_between_us(uint64_t from_us, uint64_t to_us)
{
    uint64_t sum_us = 0;

    for (uint32_t n = 0; n < stall.watches[0].count && from_us < to_us; n++) {
        const stall_pause *p = &stall.watches[0].pauses[n];
        const uint64_t until_us = p->to_us < to_us ? p->to_us : to_us;

        if (p->from_us > from_us)
            from_us = p->from_us; /* what two processors share counts once */
        if (until_us > from_us) {
            sum_us += until_us - from_us;
            from_us = until_us;
        }
    }
    return sum_us;
}
