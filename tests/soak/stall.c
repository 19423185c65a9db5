#define _GNU_SOURCE /* pthread_setaffinity_np */
#include "stall.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#define STALL_PROCESSORS 64
#define STALL_STEP_NS 1000000

static struct {
    pthread_t threads[STALL_PROCESSORS];
    long count;
    atomic_bool stop;
    atomic_uint_fast64_t longest_ns;
} stall;

static uint64_t
stall_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *
stall_main(void *arg)
{
    (void)arg;
    while (!atomic_load(&stall.stop)) {
        const uint64_t from_ns = stall_now_ns();
        const struct timespec step = { .tv_nsec = STALL_STEP_NS };
        uint64_t slept_ns, longest_ns = atomic_load(&stall.longest_ns);

        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
        slept_ns = stall_now_ns() - from_ns;
        while (
            slept_ns > longest_ns + STALL_STEP_NS &&
            !atomic_compare_exchange_weak(&stall.longest_ns, &longest_ns, slept_ns - STALL_STEP_NS))
            ;
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
        cpu_set_t one;

        if (pthread_create(&stall.threads[i], NULL, stall_main, NULL) != 0) {
            stall.count = i;
            return;
        }
        CPU_ZERO(&one);
        CPU_SET((size_t)i, &one);
        (void)pthread_setaffinity_np(stall.threads[i], sizeof one, &one);
    }
}

uint64_t
stall_end(void)
{
    atomic_store(&stall.stop, true);
    for (long i = 0; i < stall.count; i++)
        (void)pthread_join(stall.threads[i], NULL);
    return atomic_load(&stall.longest_ns) / 1000;
}
