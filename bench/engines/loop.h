/** @file loop.h What a thread does in a slice. Nothing here allocates or locks. */
#ifndef BENCH_ENGINES_LOOP_H
#define BENCH_ENGINES_LOOP_H

#include "crew.h"
#include "target.h"

/** A slice to be run. */
typedef struct loop {
    target *target;
    uint32_t threads;
    uint64_t for_ns; /**< That long, each thread. */
    uint64_t count;  /**< At most so many operations of each thread; 0: no bound. */
    double rate;     /**< Open loop: arrivals a second, all threads together; 0: closed loop. */
    bool poisson;    /**< Arrivals at random, not at equal distances. */
    double pace;     /**< Of a recorded history: so many times faster; 0: without waiting. */
    operation only;  /**< This one alone; OPERATIONS: as the workload says. */
} loop;

/** A slice, as it was. */
typedef struct slice {
    double seconds;
    double cpu_seconds;    /**< Of this process. */
    double waited_seconds; /**< Of its threads: ready to run, and without a processor. */
    double busy_seconds;   /**< Of a recorded history: within its operations. */
    uint64_t operations;
    uint64_t flushes; /**< Of this process. */
} slice;

/** Run it. Tallies and histograms are added to the workers'. */
void loop_run(crew *c, const loop *l, slice *out);

#endif
