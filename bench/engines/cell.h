/** @file cell.h One workload with one number of threads on all drivers, timed. */
#ifndef BENCH_ENGINES_CELL_H
#define BENCH_ENGINES_CELL_H

#include <tenon/stats.h>

#include "loop.h"
#include "machine.h"
#include "numbers.h"
#include "plan.h"

/** Why a side is not in the figures. */
typedef enum side_state {
    SIDE_FINE,
    SIDE_ABSENT, /**< The driver lacks what was asked for: "n/a". */
    SIDE_BROKEN, /**< It could not be opened, filled or read. */
    SIDE_INVALID /**< It was timed, but not as it was asked for, or with wrong answers. */
} side_state;

/** One driver's database, as long as its workload runs. */
typedef struct side {
    const place_driver *driver;
    bool is_control;
    side_state state;
    char why[SCENARIO_TEXT_BYTES];
    target target;
    scenario_check first, last; /**< After the operations that all do alike, and in the end. */
    machine_server server;      /**< Its processes on this machine. */
} side;

/** How a driver's rate compares with the first one's. */
typedef enum verdict { VERDICT_NONE, VERDICT_SAME, VERDICT_FASTER, VERDICT_SLOWER } verdict;

/** One side's figures. */
typedef struct cell_side {
    slice *slices; /**< One for each round. */
    slice sum;
    tally tally;
    histogram *service[OPERATIONS], *response[OPERATIONS]; /**< NULL where there are none. */
    json_t *response_slices; /**< Open loop: the histogram of each slice. NULL: none. */
    histogram *seen;         /**< Responses of all slices so far. */
    tenon_error error;
    uint64_t retried, round_trips;
    double server_cpu_seconds; /**< Below 0: not known. */
    interval ratio;            /**< Of its rates to the first driver's, round by round. */
    verdict verdict;
} cell_side;

/** All figures. */
typedef struct cell {
    uint32_t threads, slice_ms;
    uint64_t slice_operations; /**< Of one thread; 0: as many as there is time for. */
    const workload *phase;     /**< NULL: the whole workload. */
    double rate;               /**< Open loop: what was due in a second; 0: closed loop. */
    bool poisson;
    uint32_t rounds;      /**< That were done, */
    uint32_t plan_rounds; /**< and that were to be done, if there was time. */
    uint32_t warm_rounds;
    bool steady, partial;
    bool undisturbed;    /**< Ratios are of the time in which threads had a processor, */
    bool recorded;       /**< or were in operations of a history. */
    double generator_ns; /**< What an operation costs that sends nothing. */
    machine_noise noise;
    interval control; /**< The first driver to itself; all 0: there is no control. */
    uint32_t side_count;
    cell_side sides[PLAN_MOST_SIDES];
} cell;

/**
 * Run it on those sides that are fine.
 *
 * @param[in] generator a target without a database
 * @param[in] seconds   of each side, where the plan counts no operations
 * @return false: no memory. cell_free releases what was made, whatever this returns
 */
bool cell_run(const plan *p, crew *c, side *sides, uint32_t side_count, target *generator,
              uint32_t threads, double seconds, cell *out);
void cell_free(cell *c);

/** Name of a verdict. */
const char *verdict_text(verdict v);

/** Which one it is, from a ratio and the control's: where the control is as far from 1, no
 * difference was found. */
verdict verdict_of(const interval *ratio, const interval *control);

#endif
