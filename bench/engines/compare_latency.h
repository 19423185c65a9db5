/** @file compare_latency.h Two open loops' 99th percentiles, and how far chance alone moves them.
 */
#ifndef BENCH_ENGINES_COMPARE_LATENCY_H
#define BENCH_ENGINES_COMPARE_LATENCY_H

#include <jansson.h>
#include <stdbool.h>

#include "numbers.h"

/** Fewer slices than that have no interval: there is too little to draw from. */
enum { COMPARE_LEAST_SLICES = 8 };

/**
 * What 95 of 100 redrawn runs' ratios of the first's percentile to the second's are within. Whole
 * slices are drawn, for who waits makes the next one wait.
 *
 * @param[in]     results two drivers' figures
 * @param[in,out] out     the median is left as it is
 * @return false: a result has too few slices, or none with their latencies
 */
bool compare_latency_interval(const json_t *const results[2], interval *out);

#endif
