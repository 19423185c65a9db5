/** @file workload_file.h Workloads from TOML files. */
#ifndef BENCH_ENGINES_WORKLOAD_FILE_H
#define BENCH_ENGINES_WORKLOAD_FILE_H

#include "workload.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Read a file. What it does not know is refused, with file, line and column.
 *
 * @param[out] out its summary lives until the process ends
 * @param[out] why what is wrong, where false is returned
 */
bool workload_file_read(const char *path, workload *out, char *why, size_t why_bytes);

#ifdef __cplusplus
}
#endif
#endif
