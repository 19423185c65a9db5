/**
 * @file pace.h How long all takes, and how long each run may be so that all ends when it was said.
 *
 * What is not timed (filling, looking at every row, closing, probes) is measured where it happens
 * first and reckoned for the rest; what is timed then gets what is left of the time announced.
 */
#ifndef BENCH_ENGINES_PACE_H
#define BENCH_ENGINES_PACE_H

#include "plan.h"

struct group;

/** What takes time around the runs. */
typedef enum pace_part {
    PACE_OPEN,   /**< A new database. */
    PACE_FILL,   /**< For each unit of pace_fill_units. */
    PACE_COMMIT, /**< Of one operation that writes, by one client. */
    PACE_LOOK,   /**< At one row, in a check. */
    PACE_CLOSE,  /**< And remove. */
    PACE_PROBE,  /**< What it takes for each second that was reckoned. */
    PACE_PARTS
} pace_part;

/** What is known so far. */
typedef struct pace {
    const plan *plan;
    uint64_t from_ns;
    double announced; /**< Seconds in all; 0: not yet, or it takes as long as operations do. */
    bool is_late;     /**< It was said that it can't be kept. */
    double costs[PLAN_MOST_DRIVERS][PACE_PARTS]; /**< 0: not measured yet. */
    bool is_lasting[PLAN_MOST_DRIVERS];          /**< Its data outlive the process. */
} pace;

void pace_start(pace *p, const plan *of);

/** Seconds since. */
double pace_elapsed(const pace *p);

/** It took so long to do `count` of it. */
void pace_note(pace *p, const place_driver *driver, pace_part part, double seconds, double count);
void pace_note_lasting(pace *p, const place_driver *driver, bool is_lasting);

/** How much there is to fill for a workload; 0: it is filled by single commits. */
double pace_fill_units(const workload *w);

/** Seconds of a driver's probe, as far as is known. */
double pace_probe(const pace *p, const place_driver *driver, const workload *w);

/** Reckon how long all takes. @param[in] g the first workload, opened. @return seconds */
double pace_announce(pace *p, const struct group *g);

/** How much longer or shorter than was asked for the next run of a workload may be. Where there is
 * not enough left, that is said on stderr, once. */
double pace_stretch(pace *p, const struct group *g);

#endif
