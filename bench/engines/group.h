/** @file group.h One workload on all drivers: databases are made, filled, timed with each number of
 * threads, checked and removed. */
#ifndef BENCH_ENGINES_GROUP_H
#define BENCH_ENGINES_GROUP_H

#include "cell.h"

/** What it came to. */
typedef struct group {
    const workload *workload;
    uint32_t side_count;
    side sides[PLAN_MOST_SIDES];
    json_t *settings[PLAN_MOST_SIDES]; /**< As the engine itself tells them. */
    uint64_t disk_bytes[PLAN_MOST_SIDES];
    target generator;
    uint32_t cell_count;
    cell cells[PLAN_MOST_SWEEP];
    bool has_failed; /**< A side is broken or invalid. */
} group;

/** Operations that each side does alike before it is timed. */
enum { GROUP_ALIKE = 500 };

struct live;

/**
 * Run it.
 *
 * @param[in] l     shows what is going on; may be NULL
 * @param[in] first number of the first place; so many are used as there are sides
 * @return false: no memory. group_free releases what was made, whatever this returns
 */
bool group_run(const plan *p, crew *c, struct live *l, const char *folder, const workload *w,
               uint32_t first, group *out);
void group_free(group *g);

#endif
