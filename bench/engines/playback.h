/** @file playback.h A recorded history as a workload: of the chat server, or of calls of a driver.
 */
#ifndef BENCH_ENGINES_PLAYBACK_H
#define BENCH_ENGINES_PLAYBACK_H

#include "plan.h"

/**
 * Read the history of `path`, let the plan be to play it, and say how long that takes.
 *
 * @param[in] pace "max", or how many times faster than it was recorded
 * @return TOOL_GO_ON or the exit status: told on stderr
 */
int playback_plan(const char *path, const char *pace, plan *p);

/** Release what was read. */
void playback_forget(void);

#endif
