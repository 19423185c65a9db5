/** @file group.h One workload on all drivers: databases are made, filled, timed with each number of
 * threads, checked and removed. */
#ifndef BENCH_ENGINES_GROUP_H
#define BENCH_ENGINES_GROUP_H

#include "cell.h"
#include "probe.h"

/** What it came to. */
typedef struct group {
    const workload *workload;
    uint32_t side_count;
    side sides[PLAN_MOST_SIDES];
    json_t *settings[PLAN_MOST_SIDES]; /**< As the engine itself tells them. */
    uint64_t disk_bytes[PLAN_MOST_SIDES];
    probe_result probes[PLAN_MOST_SIDES]; /**< Of drivers that were not probed: not done. */
    target generator;
    uint32_t cell_count; /**< That were run. */
    cell *cells;         /**< Of each number of threads its parts, one after the other. */
    bool has_failed;     /**< A side is broken or invalid. */
} group;

/** Operations that each side does alike before it is timed; before these, where none of them
 * writes, some that do, to learn how long that takes. */
enum { GROUP_ALIKE = 500, GROUP_COMMITS = 20 };

/** Numbers of places that are one workload's. */
enum { GROUP_PLACES = 2 * PLAN_MOST_SIDES };

struct live;
struct pace;

/**
 * Run it.
 *
 * @param[in] m     to probe with; NULL: nothing is probed
 * @param[in] l     shows what is going on; may be NULL
 * @param[in] t     says how long each run may be
 * @param[in] first number of the first place; GROUP_PLACES are used
 * @return false: no memory. group_free releases what was made, whatever this returns
 */
bool group_run(const plan *p, crew *c, const probe_maker *m, struct live *l, struct pace *t,
               const char *folder, const workload *w, uint32_t first, group *out);
void group_free(group *g);

#endif
