/* A place for each value below 16, then 16 for each power of two. */
#include "core/histogram.h"

#include <string.h>

#define HISTOGRAM_BITS 41      /* of the largest value that has a place of its own */
#define HISTOGRAM_REST_BITS 48 /* of a double, behind its exponent and 4 bits of its fraction */
#define HISTOGRAM_FIRST (1026U << 4) /* what the others are of 8: its place would be 0 */

/* The first bits of a double are the power of two and how many sixteenths of it come on top. */
static uint32_t
histogram_place(uint64_t value)
{
    double number;
    uint64_t bits;

    if (value < TNI_HISTOGRAM_STEPS)
        return (uint32_t)value;
    if (value >> HISTOGRAM_BITS != 0)
        return TNI_HISTOGRAM_PLACES - 1;
    number = (double)(int64_t)value; /* exact: a double has 53 bits */
    memcpy(&bits, &number, sizeof bits);
    return (uint32_t)(bits >> HISTOGRAM_REST_BITS) - HISTOGRAM_FIRST;
}

/* The largest value that goes to a place. */
static uint64_t
histogram_largest(uint32_t place)
{
    uint32_t shift;

    if (place < TNI_HISTOGRAM_STEPS)
        return place;
    if (place == TNI_HISTOGRAM_PLACES - 1)
        return UINT64_MAX;
    shift = place / TNI_HISTOGRAM_STEPS - 1;
    return (((uint64_t)(place % TNI_HISTOGRAM_STEPS) + TNI_HISTOGRAM_STEPS + 1) << shift) - 1;
}

/* A place is full: halve them all, which keeps their proportions. */
static void
histogram_halve(tni_histogram *h)
{
    for (uint32_t i = 0; i < TNI_HISTOGRAM_PLACES; i++) {
        const uint32_t n = atomic_load_explicit(&h->places[i], memory_order_relaxed);

        atomic_store_explicit(&h->places[i], n / 2, memory_order_relaxed);
    }
}

void
tni_histogram_add(tni_histogram *h, uint64_t value)
{
    atomic_uint_least32_t *place = &h->places[histogram_place(value)];

    if (atomic_load_explicit(place, memory_order_relaxed) == UINT32_MAX)
        histogram_halve(h);
    atomic_store_explicit(place, atomic_load_explicit(place, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    tni_bump(&h->count);
    atomic_store_explicit(&h->sum, atomic_load_explicit(&h->sum, memory_order_relaxed) + value,
                          memory_order_relaxed);
    if (value > atomic_load_explicit(&h->max, memory_order_relaxed))
        atomic_store_explicit(&h->max, value, memory_order_relaxed);
}

void
tni_histogram_merge(tni_histogram_sum *into, const tni_histogram *from)
{
    const uint64_t max = atomic_load_explicit(&from->max, memory_order_relaxed);

    into->count += atomic_load_explicit(&from->count, memory_order_relaxed);
    into->sum += atomic_load_explicit(&from->sum, memory_order_relaxed);
    for (uint32_t i = 0; i < TNI_HISTOGRAM_PLACES; i++)
        into->places[i] += atomic_load_explicit(&from->places[i], memory_order_relaxed);
    if (max > into->max)
        into->max = max;
}

uint64_t
tni_histogram_value(const tni_histogram_sum *h, uint32_t part)
{
    uint64_t all = 0, seen = 0, rank;

    for (uint32_t i = 0; i < TNI_HISTOGRAM_PLACES; i++)
        all += h->places[i];
    /* The rank, rounded up, without a product that could overflow. */
    rank = all / 10000 * part + (all % 10000 * part + 9999) / 10000;
    for (uint32_t i = 0; i < TNI_HISTOGRAM_PLACES; i++) {
        seen += h->places[i];
        if (seen >= rank && seen > 0) {
            const uint64_t value = histogram_largest(i);

            return value < h->max ? value : h->max;
        }
    }
    return h->max;
}
