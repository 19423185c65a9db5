/**
 * @file parking.h Places where threads leave the connection that they will most likely want again:
 * a transaction that needs no turn takes no lock then. A parked connection still counts as leased
 * and admitted. As long as the pool is `crowded`, that is, somebody waits for what may be parked,
 * nobody parks.
 */
#ifndef TENON_CORE_PARKING_H
#define TENON_CORE_PARKING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct tni_conn;

#define TNI_PARKING_PLACES 32 /* a power of two; threads beyond share them */

/** A place. Two of them are never in one cache line. */
typedef struct tni_parking_place {
    _Atomic(struct tni_conn *) conn;
    unsigned char apart[64 - sizeof(void *)];
} tni_parking_place;

/** All of them. All zero is empty. */
typedef struct tni_parking {
    tni_parking_place places[TNI_PARKING_PLACES];
    atomic_bool crowded; /* changed under the pool's lock */
} tni_parking;

/** Take what a thread has parked. NULL: nothing. @param[in] thread as tni_self */
struct tni_conn *tni_parking_take(tni_parking *parking, uintptr_t thread);

/** Park an open connection. @return false: the thread's place is taken, or somebody waits */
bool tni_parking_put(tni_parking *parking, uintptr_t thread, struct tni_conn *conn);

/** Take one out of any place, from `*at` on, which is 0 at first. NULL: there are no more. */
struct tni_conn *tni_parking_clear(tni_parking *parking, uint32_t *at);

/** How many are parked, for a report. */
uint32_t tni_parking_count(const tni_parking *parking);

#endif
