/**
 * @file world.h A simulated world for the core: one thread runs many tasks, a seeded scheduler
 * picks who goes on at every place where another thread could come in between, and time is a
 * number. The same seed gives the same run, step by step. Takes the place of threads and clocks in
 * core/env.h.
 */
#ifndef TENON_TESTS_SIMULATION_WORLD_H
#define TENON_TESTS_SIMULATION_WORLD_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tni_mutex {
    uint32_t owner; /* number of a task + 1 */
} tni_mutex;

typedef struct tni_cond {
    uint32_t waiting;
} tni_cond;

typedef struct tni_thread {
    uint32_t task;
} tni_thread;

void tni_mutex_init(tni_mutex *mutex);
void tni_mutex_fini(tni_mutex *mutex);
void tni_mutex_lock(tni_mutex *mutex);
void tni_mutex_unlock(tni_mutex *mutex);
void tni_cond_init(tni_cond *cond);
void tni_cond_fini(tni_cond *cond);
bool tni_cond_wait(tni_cond *cond, tni_mutex *mutex, uint64_t until_ns);
void tni_cond_signal(tni_cond *cond);
void tni_cond_broadcast(tni_cond *cond);
bool tni_thread_start(tni_thread *thread, void (*fn)(void *arg), void *arg);
void tni_thread_join(tni_thread *thread);
void tni_step(void);

/* ---- For the simulation itself ---- */

/** Looks at everything between two steps. */
typedef void (*world_watch_fn)(void *arg);

/** Begin a world: the calling code becomes its first task. @param[in] watch called between steps */
void world_begin(uint64_t seed, world_watch_fn watch, void *arg);

/** End it. All other tasks have ended. */
void world_end(void);

/** A number from 0 to `below` - 1, from the world's seed. */
uint64_t world_random(uint64_t below);

/** True once in so many times. */
bool world_chance(uint64_t of);

/** Something that must not be: says what and the seed, and ends the program with 1. */
__attribute__((noreturn, format(printf, 1, 2))) void world_violation(const char *format, ...);

/** Steps since the beginning: a hash of the run, together with the time. */
uint64_t world_steps(void);

/** The time, without a step. */
uint64_t world_now_ns(void);

/** Number of the running task. */
uint32_t world_task(void);

#endif
