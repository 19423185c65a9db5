#include "compare_latency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COMPARE_LATENCY_DRAWS = 2000, COMPARE_LATENCY_ABOVE = 100 /* one of so many is slower */ };

/* So many of a slice took so long. */
typedef struct latency_count {
    double value, count;
    uint32_t slice;
} latency_count;

/* One run: all slices' counts, the longest first. */
typedef struct latency_run {
    latency_count *counts;
    uint32_t count, slices;
    double *totals;   /* of each slice */
    uint32_t *chosen; /* how often each slice is drawn */
} latency_run;

static int
latency_descending(const void *a, const void *b)
{
    const double x = ((const latency_count *)a)->value, y = ((const latency_count *)b)->value;

    return (x < y) - (x > y);
}

static void
latency_free(latency_run *r)
{
    free(r->counts);
    free(r->totals);
    free(r->chosen);
}

static void
latency_read_slice(latency_run *r, const json_t *slice, uint32_t number)
{
    const json_t *pair;
    size_t k;

    json_array_foreach(slice, k, pair)
    {
        const latency_count one = { json_number_value(json_array_get(pair, 0)),
                                    json_number_value(json_array_get(pair, 1)), number };

        if (one.value <= 0 || one.count <= 0)
            continue;
        r->counts[r->count++] = one;
        r->totals[number] += one.count;
    }
}

static bool
latency_read(const json_t *result, latency_run *r)
{
    const json_t *slices = json_object_get(result, "response_slices"), *slice;
    size_t i, counts = 0;

    memset(r, 0, sizeof *r);
    json_array_foreach(slices, i, slice) counts += json_array_size(slice);
    r->slices = (uint32_t)json_array_size(slices);
    if (r->slices < COMPARE_LEAST_SLICES || counts == 0)
        return false;
    r->counts = calloc(counts, sizeof *r->counts);
    r->totals = calloc(r->slices, sizeof *r->totals);
    r->chosen = calloc(r->slices, sizeof *r->chosen);
    if (r->counts == NULL || r->totals == NULL || r->chosen == NULL)
        return false;
    json_array_foreach(slices, i, slice) latency_read_slice(r, slice, (uint32_t)i);
    qsort(r->counts, r->count, sizeof *r->counts, latency_descending);
    return r->count > 0;
}

/* The percentile of as many slices, drawn anew; 0: none of these had an operation. */
static double
latency_draw(latency_run *r, uint64_t *chance)
{
    double total = 0, above = 0;

    memset(r->chosen, 0, r->slices * sizeof *r->chosen);
    for (uint32_t i = 0; i < r->slices; i++) {
        const uint32_t slice = (uint32_t)(numbers_random(chance) % r->slices);

        r->chosen[slice]++;
        total += r->totals[slice];
    }
    for (uint32_t i = 0; i < r->count; i++) {
        above += r->counts[i].count * r->chosen[r->counts[i].slice];
        if (above > total / COMPARE_LATENCY_ABOVE)
            return r->counts[i].value;
    }
    return 0;
}

static int
latency_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Few slices tell less of how far chance goes than there is: as Student's t is wider than a normal
 * distribution, of which 95 of 100 are within 1.96. */
static double
latency_widening(const latency_run runs[2])
{
    const double slices = runs[0].slices < runs[1].slices ? runs[0].slices : runs[1].slices;
    const double freedom = slices - 1;

    return (1 + 1.21 / freedom + 1.43 / (freedom * freedom)) * sqrt(slices / freedom);
}

/* Sorts the ratios. */
static void
latency_spread(double *ratios, uint32_t count, double wider, interval *out)
{
    double middle;

    qsort(ratios, count, sizeof *ratios, latency_ascending);
    middle = ratios[count / 2];
    out->low = middle * pow(ratios[count / 40] / middle, wider);
    out->high = middle * pow(ratios[count - 1 - count / 40] / middle, wider);
}

bool
compare_latency_interval(const json_t *const results[2], interval *out)
{
    latency_run runs[2];
    double *ratios = calloc(COMPARE_LATENCY_DRAWS, sizeof *ratios);
    uint32_t count = 0;
    uint64_t chance = 1;
    const bool before = latency_read(results[0], &runs[0]);
    const bool after = latency_read(results[1], &runs[1]);

    for (int i = 0; i < COMPARE_LATENCY_DRAWS && before && after && ratios != NULL; i++) {
        const double old = latency_draw(&runs[0], &chance), now = latency_draw(&runs[1], &chance);

        if (old > 0 && now > 0)
            ratios[count++] = old / now;
    }
    if (count > 0)
        latency_spread(ratios, count, latency_widening(runs), out);
    free(ratios);
    latency_free(&runs[0]);
    latency_free(&runs[1]);
    return count > 0;
}
