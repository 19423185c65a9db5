/** @file size.h How large the data are beside the memory. */
#ifndef BENCH_ENGINES_SIZE_H
#define BENCH_ENGINES_SIZE_H

#include "plan.h"

enum { SIZE_LEAST_RECORDS = 100 };

extern const char size_known[]; /**< What size_parse reads, for a message. */

/** Read "cache" (a tenth of the memory), "memory", "beyond" (twice as much), or another part. */
bool size_parse(const char *text, double *out);

/** The memory that data are compared with: the plan's, or this process's. */
uint64_t size_memory_bytes(const plan *p);

/** Records of a workload. @return 0: said on stderr */
uint64_t size_records(const plan *p, const workload *w);

/** Whether the file system of a folder has room for all databases that are there at once. What a
 * server has, nobody can see from here. @return false: said on stderr */
bool size_has_room(const plan *p, const char *folder);

#endif
