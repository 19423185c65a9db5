/** @file result_latency.h Latencies as JSON. */
#ifndef BENCH_ENGINES_RESULT_LATENCY_H
#define BENCH_ENGINES_RESULT_LATENCY_H

#include <jansson.h>

#include "histogram.h"
#include "workload.h"

/** The percentiles that are shown, in their order. */
typedef struct result_percentile {
    const char *key;  /**< In a result: "p99_us". */
    const char *name; /**< "p99" */
    uint64_t part, of;
} result_percentile;

enum { RESULT_PERCENTILES = 5 };
extern const result_percentile result_percentiles[RESULT_PERCENTILES];

/** Of each operation and, first, of all: count, percentiles, maximum, the whole histogram. A
 * percentile with fewer than ten samples beyond it is null. An empty list where there are none. */
json_t *result_latency(histogram *const of[OPERATIONS]);

/** A histogram as [[nanoseconds, count], …]; and back. @return NULL: no memory */
json_t *result_histogram(const histogram *h);
bool result_histogram_read(const json_t *from, histogram *into);

/** One set of percentiles in microseconds. */
json_t *result_percentiles_of(const char *name, const histogram *h);

#endif
