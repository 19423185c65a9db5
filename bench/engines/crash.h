/** @file crash.h What is left of acknowledged commits when the process is killed. */
#ifndef BENCH_ENGINES_CRASH_H
#define BENCH_ENGINES_CRASH_H

#include "plan.h"

/**
 * For each driver and each durability: run the first workload in a process, kill it in the middle,
 * and look at what is there. Prints a table. This process must have no threads.
 *
 * @return TOOL_DONE, or TOOL_FAILED where a commit is lost that had to survive, or rows are damaged
 */
int crash_run(const plan *p, const char *folder);

#endif
