/** @file numbers.h Chance with a seed, and what is said about a row of ratios. */
#ifndef BENCH_KIT_NUMBERS_H
#define BENCH_KIT_NUMBERS_H

#include <stdint.h>

/** A median and the interval that holds it in 95 of 100 resamplings. */
typedef struct interval {
    double median, low, high;
} interval;

/** The next random number of a sequence that `*state` alone decides. */
uint64_t numbers_random(uint64_t *state);

/** Put numbers 0 … count - 1 into a random order. */
void numbers_shuffle(uint32_t *values, uint32_t count, uint64_t *state);

/** Median of the values and its percentile bootstrap. Sorts nothing of the caller's. All zero where
 * there are no values or no memory. */
interval numbers_interval(const double *values, uint32_t count, uint64_t *state);

#endif
