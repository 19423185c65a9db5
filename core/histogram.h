/** @file histogram.h Durations in constant memory: written by one thread, read by any. */
#ifndef TENON_CORE_HISTOGRAM_H
#define TENON_CORE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

/** Places for each power of two: a value is known to within 1/16. */
#define TNI_HISTOGRAM_STEPS 16
/** Values up to 2^41 ns, 36 minutes; longer ones share the last place. */
#define TNI_HISTOGRAM_PLACES (38 * TNI_HISTOGRAM_STEPS)

/** All zero = empty. */
typedef struct tni_histogram {
    atomic_uint_fast64_t count, sum, max;
    atomic_uint_least32_t places[TNI_HISTOGRAM_PLACES];
} tni_histogram;

/** Several histograms added up. */
typedef struct tni_histogram_sum {
    uint64_t count, sum, max;
    uint64_t places[TNI_HISTOGRAM_PLACES];
} tni_histogram_sum;

/** Add to what only the calling thread changes: without the price of an atomic addition. */
static inline void
tni_add(atomic_uint_fast64_t *count, uint64_t number)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + number,
                          memory_order_relaxed);
}

/** The same, of 1. */
static inline void
tni_bump(atomic_uint_fast64_t *count)
{
    tni_add(count, 1);
}

/** Add a value. One thread at a time. */
void tni_histogram_add(tni_histogram *h, uint64_t value);

/** Add all of `from`, which may be growing. */
void tni_histogram_merge(tni_histogram_sum *into, const tni_histogram *from);

/** The value that `part` of 10,000 values do not exceed; 0 where there are none. */
uint64_t tni_histogram_value(const tni_histogram_sum *h, uint32_t part);

#endif
