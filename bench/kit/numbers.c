/* Medians and their bootstrap. */
#include "numbers.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBERS_RESAMPLINGS = 4000 };

uint64_t
numbers_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void
numbers_shuffle(uint32_t *values, uint32_t count, uint64_t *state)
{
    for (uint32_t i = 0; i < count; i++)
        values[i] = i;
    for (uint32_t i = count; i > 1; i--) {
        const uint32_t other = (uint32_t)(numbers_random(state) % i), held = values[i - 1];

        values[i - 1] = values[other];
        values[other] = held;
    }
}

static int
numbers_compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts the values. */
static double
numbers_median(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, numbers_compare);
    return count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The median of as many values, drawn from `sorted`. @param[in] counts room for `count` */
static double
numbers_resample(const double *sorted, uint32_t count, uint32_t *counts, uint64_t *state)
{
    uint32_t seen = 0, at = 0;
    double low;

    memset(counts, 0, count * sizeof *counts);
    for (uint32_t i = 0; i < count; i++)
        counts[numbers_random(state) % count]++;
    while (seen + counts[at] < (count + 1) / 2)
        seen += counts[at++];
    low = sorted[at];
    if (count % 2 != 0 || seen + counts[at] > count / 2)
        return low;
    do
        at++;
    while (counts[at] == 0);
    return (low + sorted[at]) / 2;
}

interval
numbers_interval(const double *values, uint32_t count, uint64_t *state)
{
    double *sorted = calloc(count + 1, sizeof *sorted);
    double *medians = calloc(NUMBERS_RESAMPLINGS, sizeof *medians);
    uint32_t *counts = calloc(count + 1, sizeof *counts);
    interval out = { 0, 0, 0 };

    if (sorted == NULL || medians == NULL || counts == NULL || count == 0)
        goto done;
    memcpy(sorted, values, count * sizeof *values);
    out.median = numbers_median(sorted, count);
    for (uint32_t r = 0; r < NUMBERS_RESAMPLINGS; r++)
        medians[r] = numbers_resample(sorted, count, counts, state);
    (void)numbers_median(medians, NUMBERS_RESAMPLINGS);
    out.low = medians[NUMBERS_RESAMPLINGS / 40];
    out.high = medians[NUMBERS_RESAMPLINGS - 1 - NUMBERS_RESAMPLINGS / 40];

done:
    free(counts);
    free(medians);
    free(sorted);
    return out;
}
