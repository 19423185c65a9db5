/* A place for each value below 128, then 128 for each power of two. */
#include "histogram.h"

static unsigned
histogram_place(uint64_t value)
{
    unsigned shift = 0;

    while (value >> shift >= UINT64_C(2) * HISTOGRAM_STEPS)
        shift++;
    if (value < HISTOGRAM_STEPS)
        return (unsigned)value;
    return (shift + 1) * HISTOGRAM_STEPS + (unsigned)(value >> shift) - HISTOGRAM_STEPS;
}

uint64_t
histogram_largest(unsigned place)
{
    unsigned shift;

    if (place < HISTOGRAM_STEPS)
        return place;
    shift = place / HISTOGRAM_STEPS - 1;
    return (((uint64_t)(place % HISTOGRAM_STEPS) + HISTOGRAM_STEPS + 1) << shift) - 1;
}

void
histogram_add(histogram *h, uint64_t value)
{
    histogram_add_many(h, value, 1);
}

void
histogram_add_many(histogram *h, uint64_t value, uint64_t count)
{
    h->places[histogram_place(value)] += count;
    h->count += count;
    if (count > 0 && value > h->max)
        h->max = value;
}

void
histogram_merge(histogram *into, const histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_PLACES; i++)
        into->places[i] += from->places[i];
    into->count += from->count;
    if (from->max > into->max)
        into->max = from->max;
}

uint64_t
histogram_value(const histogram *h, uint64_t part, uint64_t of)
{
    /* The rank, rounded up: count * part / of without the product, which could overflow. */
    const uint64_t rank = h->count / of * part + (h->count % of * part + of - 1) / of;
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_PLACES; i++) {
        seen += h->places[i];
        if (seen >= rank && seen > 0) {
            const uint64_t value = histogram_largest(i);

            return value < h->max ? value : h->max;
        }
    }
    return h->max;
}
