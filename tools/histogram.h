/** @file histogram.h Latencies in constant memory, each to within 1 %. */
#ifndef TENON_TOOLS_HISTOGRAM_H
#define TENON_TOOLS_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_STEPS = 128, /**< Places for each power of two. */
    HISTOGRAM_PLACES = 58 * HISTOGRAM_STEPS
};

/** All zero = empty. */
typedef struct histogram {
    uint64_t count, max;
    uint64_t places[HISTOGRAM_PLACES];
} histogram;

void histogram_add(histogram *h, uint64_t value);

/** The same value, so often. */
void histogram_add_many(histogram *h, uint64_t value, uint64_t count);

/** Add all of `from` to `into`. */
void histogram_merge(histogram *into, const histogram *from);

/**
 * The value that `part` of `of` values do not exceed (99 of 100: p99); 0 where there are none.
 * Values below 128 are exact, others rounded up by at most 1 %.
 */
uint64_t histogram_value(const histogram *h, uint64_t part, uint64_t of);

/** The largest value that goes to a place: what its values count as. */
uint64_t histogram_largest(unsigned place);

#endif
