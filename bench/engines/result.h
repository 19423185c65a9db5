/** @file result.h What was measured, as JSON: all that is shown comes from there. */
#ifndef BENCH_ENGINES_RESULT_H
#define BENCH_ENGINES_RESULT_H

#include "group.h"

/** The version of the form that is described in docs/benchmarking.md. */
enum { RESULT_SCHEMA_VERSION = 1 };

/** The frame, without workloads. Owned by the caller. NULL: no memory. */
json_t *result_new(const plan *p, const char *folder);

/** Add a workload. @return false: no memory */
bool result_add(json_t *result, const plan *p, const group *g);

/** Note the end. @param[in] announced seconds; 0: none were */
void result_end(json_t *result, double announced, double seconds, bool partial);

/** Write to a file, or to stdout where it is "-". @return TOOL_GO_ON or TOOL_FAILED */
int result_write(const json_t *result, const char *path);

#endif
