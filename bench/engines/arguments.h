/** @file arguments.h The command line. */
#ifndef BENCH_ENGINES_ARGUMENTS_H
#define BENCH_ENGINES_ARGUMENTS_H

#include "plan.h"

/**
 * Read it. What is wrong is told on stderr.
 *
 * @param[in] argv borrowed as long as the plan is used
 * @return TOOL_GO_ON, or the exit status: `--help` is answered here
 */
int arguments_read(int argc, char **argv, plan *out);

#endif
