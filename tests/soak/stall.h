/** @file stall.h How long the machine itself stood still: a virtual processor that is taken away
 * makes everybody wait, which is no fault of those who hand out the turns. */
#ifndef TENON_TESTS_SOAK_STALL_H
#define TENON_TESTS_SOAK_STALL_H

#include <stdint.h>

/** Start to watch: a thread on each processor that sleeps for a millisecond at a time. */
void stall_begin(void);

/** Stop. @return the longest time that one of them slept longer than it wanted, in microseconds */
uint64_t stall_end(void);

#endif
