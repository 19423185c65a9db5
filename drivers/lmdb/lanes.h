/**
 * @file lanes.h A gate that costs those who go through next to nothing: threads count themselves in
 * lanes that lie apart, so that readers share no cache line. Who closes it waits until all lanes
 * together hold nobody.
 */
#ifndef TENON_LMDB_LANES_H
#define TENON_LMDB_LANES_H

#include <stdatomic.h>

#include "tenon/kit/posix.h"

enum { LMDB_LANES = 16 };

/** How many are inside who came by this lane. */
typedef struct lmdb_lane {
    atomic_int count;
    unsigned char apart[64 - sizeof(int)];
} lmdb_lane;

/** The gate. */
typedef struct lmdb_lanes {
    lmdb_lane lanes[LMDB_LANES];
    atomic_bool closed;   /**< Changed while `slow` is closed. */
    atomic_uint next;     /**< Who goes inside next without a lane of his own gets this one. */
    tenon_gate slow;      /**< Closed together with it; where those wait who find it closed. */
    pthread_mutex_t lock; /**< Guards no more than the condition. */
    pthread_cond_t empty;
} lmdb_lanes;

void lmdb_lanes_init(lmdb_lanes *lanes);
void lmdb_lanes_fini(lmdb_lanes *lanes);

/** A lane to go inside by, again and again: one that nobody else has, as long as there are some. */
lmdb_lane *lmdb_lanes_choose(lmdb_lanes *lanes);

/** Go inside by a lane; while the gate is closed, wait. @return false: the deadline has passed */
bool lmdb_lanes_enter(lmdb_lanes *lanes, lmdb_lane *lane, uint64_t deadline_ns);
void lmdb_lanes_leave(lmdb_lanes *lanes, lmdb_lane *lane);

/** Close it, and wait until nobody is inside. @return false: the deadline has passed, and it is
 * open again */
bool lmdb_lanes_close(lmdb_lanes *lanes, uint64_t deadline_ns);
void lmdb_lanes_open(lmdb_lanes *lanes);

#endif
