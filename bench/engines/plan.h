/** @file plan.h What is to be run, from the command line. */
#ifndef BENCH_ENGINES_PLAN_H
#define BENCH_ENGINES_PLAN_H

#include "place.h"
#include "workload.h"

enum {
    PLAN_MOST_DRIVERS = 8,
    PLAN_MOST_SIDES = PLAN_MOST_DRIVERS + 1, /**< The control too. */
    PLAN_MOST_WORKLOADS = 32,
    PLAN_MOST_SWEEP = 16,
    PLAN_MOST_THREADS = 256,
};

/** A run. Texts are borrowed from the command line. */
typedef struct plan {
    place_driver drivers[PLAN_MOST_DRIVERS];
    uint32_t driver_count;
    workload workloads[PLAN_MOST_WORKLOADS];
    uint32_t workload_count;
    uint32_t threads[PLAN_MOST_SWEEP]; /**< Rising. */
    uint32_t thread_count;
    uint32_t durability;
    uint32_t isolation;    /**< TENON_ISOLATION_DEFAULT … TENON_SERIALIZABLE. */
    uint64_t records;      /**< To begin with, where `data_size` is 0. */
    double data_size;      /**< Keys and values, as a part of the memory; 0: `records` says it. */
    uint64_t memory_bytes; /**< That is called the memory; 0: what this process may use. */
    uint32_t slice_ms;     /**< 0: as long as some fifty operations take. */
    uint32_t seconds;      /**< Of each driver in each run, */
    uint64_t for_ms;       /**< the same, or a phase's part of it. */
    uint64_t operations;   /**< Of each driver in each run; 0: as many as there is time for. */
    uint32_t warm_ms;      /**< At most. */
    double rate;           /**< Open loop: arrivals a second on each driver; 0: closed loop. */
    bool poisson;          /**< They come at random. */
    bool is_recorded;      /**< Operations are those of a history, */
    double pace;           /**< so many times faster; 0: without waiting. */
    bool has_control;      /**< A second database of the first driver. */
    bool has_proof;        /**< Each driver is probed too. */
    uint64_t seed;
    const char *folder;            /**< For files; NULL: a new one in /tmp. */
    const char *json, *csv, *html; /**< Files to write; NULL: none. */
    const char *expect;            /**< NULL: nothing is expected. */
    bool live;
    bool crash;         /**< Kill, instead of timing. */
    char command[4096]; /**< The line that repeats it. */
} plan;

/** Names of isolations, as on the command line. */
extern const char *const plan_isolations[4];

/** Sides of each round. */
uint32_t plan_sides(const plan *p);

/** Whether each driver does exactly the same, so that all hold the same rows in the end. */
bool plan_is_deterministic(const plan *p, const workload *w);

/** Seconds of each driver in a run of a workload, with all its phases; 0: it takes as long as the
 * operations do. */
double plan_run_seconds(const plan *p, const workload *w);

/** What is wrong with the phases of a workload beside the command line; NULL: nothing. Static. */
const char *plan_phases_wrong(const plan *p, const workload *w);

/**
 * The plan as it is for part `n` of a workload. Only the first part is warmed up: what the change
 * to another one costs is in that one's figures.
 *
 * @param[in] before_ms length of a slice of the part before
 */
void plan_part(const plan *p, const workload *w, uint32_t n, uint32_t before_ms, plan *out);

#endif
