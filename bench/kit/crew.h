/** @file crew.h Threads that are there from the beginning, so that a slice does not pay for their
 * start. */
#ifndef BENCH_KIT_CREW_H
#define BENCH_KIT_CREW_H

#include <stdint.h>

typedef struct crew crew;

/** What a thread does. @param[in] thread its number, from 0 on */
typedef void crew_fn(void *arg, uint32_t thread);

/** @return NULL, said on stderr, where no threads or memory are to be had */
crew *crew_new(uint32_t threads);
void crew_free(crew *c); /**< NULL is accepted. */

/** How many threads it has. */
uint32_t crew_size(const crew *c);

/** Let the first `threads` run `fn`, at once. Returns when all have. */
void crew_run(crew *c, uint32_t threads, crew_fn *fn, void *arg);

/** CLOCK_MONOTONIC. */
uint64_t crew_now_ns(void);

/** CPU time of this process so far. */
double crew_cpu_seconds(void);

#endif
