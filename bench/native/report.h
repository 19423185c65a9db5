/** @file report.h What a run has shown, as text and as JSON. */
#ifndef BENCH_NATIVE_REPORT_H
#define BENCH_NATIVE_REPORT_H

#include "engines.h"
#include "slices.h"

/** A run and its result. */
typedef struct report {
    const engine *engine;
    const slices_plan *plan;
    const slices_result *result;
    const char *durability;
    double flushes[SLICES_SIDES]; /**< For each operation. */
    uint64_t seconds, delay_us;
} report;

/** A table on stdout. */
void report_print(const report *r);

/** JSON to a file; "-" is stdout. @return TOOL_GO_ON or TOOL_FAILED, said on stderr */
int report_write(const report *r, const char *path);

#endif
