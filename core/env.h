/**
 * @file env.h Time, sleep, chance, and threads with what they wait for: the only place where the
 * core gets them from. Built with TNI_SIMULATED, all of it comes from a simulated world instead
 * (tests/simulation), in which the same core runs with a virtual clock and a seeded scheduler.
 */
#ifndef TENON_CORE_ENV_H
#define TENON_CORE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef TNI_SIMULATED
#include "tests/simulation/world.h"
#else
#include <pthread.h>
#endif

#define TNI_NS_PER_MS UINT64_C(1000000)
#define TNI_NS_PER_S UINT64_C(1000000000)

/** CLOCK_MONOTONIC, in nanoseconds. */
uint64_t tni_monotonic_ns(void);

/** Whether CLOCK_MONOTONIC shows `until_ns` or more. For the path of a statement: as long as that
 * is far off, which it nearly always is, no precise clock has to be read. */
bool tni_is_past(uint64_t until_ns);

/** Wall clock, in microseconds since the epoch. */
int64_t tni_wall_us(void);

/** Sleep until the monotonic clock shows `until_ns`. Goes on after a signal. */
void tni_sleep_until_ns(uint64_t until_ns);

/** Bytes from the system's generator; never fails (aborts where there is none). */
void tni_random(void *out, size_t bytes);

/** A number from 0 to `below` - 1, from a generator of the thread's own, seeded by tni_random. */
uint64_t tni_random_below(uint64_t below);

/** A number that differs between a process and its forked children: what is kept in memory and must
 * not be used twice, random bytes above all, is thrown away when it changes. */
uint32_t tni_process_epoch(void);

/** `ms` after `now_ns`; UINT64_MAX where that is beyond all numbers. */
static inline uint64_t
tni_after_ms(uint64_t now_ns, uint64_t ms)
{
    return ms < (UINT64_MAX - now_ns) / TNI_NS_PER_MS ? now_ns + ms * TNI_NS_PER_MS : UINT64_MAX;
}

/** The calling thread: differs from that of every other thread that runs. Never 0. */
uintptr_t tni_self(void);

#ifndef TNI_SIMULATED

/** A lock. */
typedef struct tni_mutex {
    pthread_mutex_t raw;
} tni_mutex;

/** Something to wait for; its clock is the monotonic one. */
typedef struct tni_cond {
    pthread_cond_t raw;
} tni_cond;

/** A thread to be joined. */
typedef struct tni_thread {
    pthread_t raw;
    void (*fn)(void *arg);
    void *arg;
} tni_thread;

static inline void
tni_mutex_init(tni_mutex *mutex)
{
    (void)pthread_mutex_init(&mutex->raw, NULL);
}

static inline void
tni_mutex_fini(tni_mutex *mutex)
{
    (void)pthread_mutex_destroy(&mutex->raw);
}

static inline void
tni_mutex_lock(tni_mutex *mutex)
{
    (void)pthread_mutex_lock(&mutex->raw);
}

static inline void
tni_mutex_unlock(tni_mutex *mutex)
{
    (void)pthread_mutex_unlock(&mutex->raw);
}

void tni_cond_init(tni_cond *cond);

static inline void
tni_cond_fini(tni_cond *cond)
{
    (void)pthread_cond_destroy(&cond->raw);
}

/** Wait, until `until_ns` at most; UINT64_MAX = without limit. May wake for no reason. @return
 * false: it is late */
bool tni_cond_wait(tni_cond *cond, tni_mutex *mutex, uint64_t until_ns);

static inline void
tni_cond_signal(tni_cond *cond)
{
    (void)pthread_cond_signal(&cond->raw);
}

static inline void
tni_cond_broadcast(tni_cond *cond)
{
    (void)pthread_cond_broadcast(&cond->raw);
}

/** Start a thread with all signals blocked. `thread` must not move until it is joined. @return
 * false: there can't be one more */
bool tni_thread_start(tni_thread *thread, void (*fn)(void *arg), void *arg);

/** Wait for its end. */
void tni_thread_join(tni_thread *thread);

/** A place where another thread may come in between: nothing here, a switch in a simulation. */
static inline void
tni_step(void)
{
}

#endif

#endif
