/** @file target.h One database under load, and the threads' states on it. */
#ifndef BENCH_ENGINES_TARGET_H
#define BENCH_ENGINES_TARGET_H

#include <stdatomic.h>
#include <tenon/db.h>

#include "histogram.h"
#include "place.h"
#include "scenario.h"

/** What one thread has done. */
typedef struct tally {
    uint64_t done;          /**< Operations that did what they were to do; only these are a rate. */
    uint64_t commits;       /**< Of these, transactions that wrote and were acknowledged. */
    uint64_t missed;        /**< A row that another operation had removed; part of `done`. */
    uint64_t aborted;       /**< Rolled back, as was meant; part of `done`. */
    uint64_t failed;        /**< Refused by the engine. */
    uint64_t unknown;       /**< Of these: with an outcome that nobody knows. */
    uint64_t wrong;         /**< An answer that can't be: a lost, stale or damaged row. */
    uint64_t late;          /**< Open loop: begun after their time, since the thread was busy. */
    uint64_t unserved;      /**< Open loop: not begun by the end. */
    uint64_t rows;          /**< Read by scans. */
    uint64_t written_bytes; /**< Of keys and values that were written. */
} tally;

void tally_add(tally *to, const tally *from);

/** One thread on one target. Only its thread touches it while a slice runs. */
struct worker {
    target *target;
    uint32_t number;
    draw_stream stream;
    void *own; /**< The scenario's. */
    tally sum;
    histogram *service[OPERATIONS];  /**< From the real start; NULL where it is not run. */
    histogram *response[OPERATIONS]; /**< From the intended start; NULL in a closed loop. */
    tenon_error last;                /**< Of the last operation that failed. */
    tenon_error error;               /**< The first one of the series; status 0: none. */
    uint64_t slice_done, slice_began_ns, slice_ended_ns, slice_waited_ns;
    uint64_t slice_busy_ns;       /**< In operations of a recorded history. */
    uint64_t clock_ns;            /**< Of a recorded history: it stands still between slices. */
    uint64_t lag_ns, most_lag_ns; /**< By which its last operation was late, and the latest one. */
    atomic_uint_fast64_t live;    /**< Operations so far, for who looks on. */
    char apart[64];               /**< Keeps the next one's cache lines its own. */
};

/** A database under load. */
struct target {
    const workload *workload;
    const workload *now; /**< What is drawn from: the workload, or a phase of it. */
    place place;
    tenon_db *db;              /**< NULL: the load generator alone. */
    struct given_table *given; /**< See given.h; NULL: its place was made. */
    void *model;
    void *shared; /**< Zeroed memory for the model of rows, shared with other processes; where it is
                     filled already it stays so. NULL: its own. */
    size_t shared_bytes;
    worker *workers;
    uint32_t worker_count;
    uint64_t records; /**< To be filled in. */
    uint64_t seed;
    uint32_t isolation;            /**< Of its transactions. */
    tenon_status status;           /**< Of what failed first, */
    char why[SCENARIO_TEXT_BYTES]; /**< and what that was. */
};

/** Say what failed. @return false */
bool target_failed(target *t, const char *what, tenon_status status, const tenon_error *err);

/** Make the workers and the scenario's model, and, where `with_place` says so, open the database of
 * `t->place`. @param[in] open_loop also count from the intended start */
bool target_prepare(target *t, uint32_t threads, bool with_place, bool open_loop);

/** Open the database of `t->place`, close it; the model stays. */
bool target_connect(target *t);
void target_disconnect(target *t);

/** Let workers begin a new series: tallies and histograms are empty again. */
void target_reset(target *t);

/** Close and forget; the place stays. */
void target_release(target *t);

/** All workers' tallies. */
tally target_sum(const target *t);

#endif
