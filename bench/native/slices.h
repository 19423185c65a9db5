/** @file slices.h The timing: slices of all sides in balanced order, in one process. */
#ifndef BENCH_NATIVE_SLICES_H
#define BENCH_NATIVE_SLICES_H

#include "histogram.h"
#include "load.h"
#include "numbers.h"

/** The sides of a run. The second one by hand is the control: how far two of the same are apart. */
enum { SLICES_TENON, SLICES_NATIVE, SLICES_CONTROL, SLICES_SIDES };

enum { SLICES_ORDERS = 6 }; /**< Orders of three sides. Rounds are a multiple of it. */

/** What is to be run. */
typedef struct slices_plan {
    load_operation operation;
    uint32_t threads;
    uint32_t rounds;   /**< A multiple of SLICES_ORDERS. */
    uint32_t slice_ms; /**< Each round has one slice of each side. */
    uint32_t whole_ms; /**< Of a run of each side apart, whose latencies count; 0: those of the
                          slices do. */
    uint64_t seed;     /**< Of the order of the slices and of the resampling. */
} slices_plan;

/** One slice. */
typedef struct slice {
    double seconds;
    double cpu_seconds; /**< Of the process. */
    uint64_t operations;
    uint64_t flushes; /**< Of the process. */
} slice;

/** All that was measured. */
typedef struct slices_result {
    slice *slices;   /**< `rounds` of each side: [round * SLICES_SIDES + side] */
    uint32_t rounds; /**< That were done: fewer where the run was stopped. */
    slice sums[SLICES_SIDES];
    histogram *latency_ns[SLICES_SIDES];
    bool whole;        /**< Latencies are those of whole runs, but for the control. */
    double harness_ns; /**< What an operation that does nothing takes here. */
    interval ratio;    /**< Of the rates in each round, Tenon's to the one by hand. */
    interval control;  /**< The control's to the one by hand. */
} slices_result;

/** Threads that run slices. */
typedef struct team team;

/** @return NULL, said on stderr, where no threads or memory are to be had */
team *team_new(uint32_t threads);
void team_free(team *c); /**< NULL is accepted. */

/**
 * Let each worker of a side run the operation, and measure.
 *
 * @param[in]  for_ns     that long, each
 * @param[in]  count      at most so often, each; 0: no bound
 * @param[out] latency_ns is added to; may be NULL
 * @return false: an operation failed
 */
bool team_slice(team *c, load *l, load_operation operation, uint64_t for_ns, uint64_t count,
                slice *out, histogram *latency_ns);

/** Warm up, then run the slices. What was done until a signal came is a result too.
 * slices_free releases what was made, whatever this returns. */
bool slices_run(team *c, load loads[SLICES_SIDES], const slices_plan *plan, slices_result *out);
void slices_free(slices_result *result);

#endif
