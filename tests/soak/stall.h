/** @file stall.h When the machine itself stood still: a virtual processor that is taken away makes
 * everybody wait, which is no fault of those who hand out the turns. */
#ifndef TENON_TESTS_SOAK_STALL_H
#define TENON_TESTS_SOAK_STALL_H

#include <stdint.h>

/** Start to watch: a thread on each processor that sleeps for a millisecond at a time. */
void stall_begin(void);

/** Stop. @return the longest time that one of them slept longer than it wanted, in microseconds */
uint64_t stall_end(void);

/** For how long between two times (CLOCK_MONOTONIC, in microseconds) any of them stood still, in
 * microseconds. After stall_end. */
uint64_t stall_between_us(uint64_t from_us, uint64_t to_us);

#endif
