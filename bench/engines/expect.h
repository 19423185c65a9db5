/** @file expect.h What a result must be, for who runs it without looking. */
#ifndef BENCH_ENGINES_EXPECT_H
#define BENCH_ENGINES_EXPECT_H

#include <jansson.h>
#include <stdbool.h>

/** Whether a list of expectations can be read: "p99<2ms,rate>5000". What is wrong is told on
 * stderr. */
bool expect_is_valid(const char *list);

/** Whether each driver in each run is as expected; each that is not is told on stderr. A figure
 * that is not known, and a driver that could not be timed, is not as expected. */
bool expect_hold(const char *list, const json_t *result);

#endif
