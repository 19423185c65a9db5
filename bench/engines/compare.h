/** @file compare.h Two results of the same benchmark: is the second one slower? */
#ifndef BENCH_ENGINES_COMPARE_H
#define BENCH_ENGINES_COMPARE_H

/** `tenon bench compare OLD.json NEW.json`. @param[in] argv from the first argument on
 * @return TOOL_DONE, TOOL_FAILED where something became slower, TOOL_USAGE where the two can't be
 * compared */
int compare_command(int argc, char **argv);

#endif
