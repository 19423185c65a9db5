/** @file csv.h A result as CSV: a line for each operation of each driver in each run. */
#ifndef BENCH_ENGINES_CSV_H
#define BENCH_ENGINES_CSV_H

#include <jansson.h>

/** Write to a file, or to stdout where it is "-". @return TOOL_GO_ON or TOOL_FAILED */
int csv_write(const json_t *result, const char *path);

#endif
