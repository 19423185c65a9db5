/** @file random.h Histories by chance: a serial execution, seen by processes that overlap. */
#ifndef TENON_TESTS_HISTORY_RANDOM_H
#define TENON_TESTS_HISTORY_RANDOM_H

#include "check/history/check.h"

/** Numbers by chance, the same for the same state. */
typedef struct random_state {
    uint64_t n;
} random_state;

uint64_t random_next(random_state *r);
/** From 0 to `bound` - 1. */
uint32_t random_below(random_state *r, uint32_t bound);

/** What the transactions of a history look like. */
typedef struct random_shape {
    uint32_t txns, processes;
    uint32_t keys; /**< In use at once: up to 64. */
    bool outcomes; /**< Some fail, of some the outcome is unknown. */
} random_shape;

/**
 * A history that is strictly serializable: each transaction happens at one moment between its begin
 * and its end; one of unknown outcome at any later one, or never. In the end all keys are read.
 *
 * @return owned by the caller; NULL: there is no memory
 */
history *random_history(random_state *r, const random_shape *shape);

/** What is done to a history, which then is wrong. */
typedef enum random_change {
    RANDOM_STALE_READ,   /**< A read lacks the last elements that it had. */
    RANDOM_SWAPPED,      /**< Two elements of a list change places. */
    RANDOM_OTHERS_LISTS, /**< Two reads of a key have each other's lists. */
    RANDOM_LOST_APPEND,  /**< An element is in no list any more. */
    RANDOM_FAILED,       /**< A transaction whose elements were read has failed, it says. */
    RANDOM_CHANGES
} random_change;

/** @return false: the history has nothing that could be changed so; it is as it was */
bool random_spoil(random_state *r, history *h, random_change change);

#endif
