/** @file env.h Time, sleep and chance: the only place where the core gets them from. */
#ifndef TENON_CORE_ENV_H
#define TENON_CORE_ENV_H

#include <stddef.h>
#include <stdint.h>

/** CLOCK_MONOTONIC, in nanoseconds. */
uint64_t tni_monotonic_ns(void);

/** Wall clock, in microseconds since the epoch. */
int64_t tni_wall_us(void);

/** Sleep until the monotonic clock shows `until_ns`. Goes on after a signal. */
void tni_sleep_until_ns(uint64_t until_ns);

/** Bytes from the system's generator; never fails (aborts where there is none). */
void tni_random(void *out, size_t bytes);

/** A number from 0 to `below` - 1, from a generator of the thread's own, seeded by tni_random. */
uint64_t tni_random_below(uint64_t below);

/** A number that differs between a process and its forked children: what is kept in memory and must
 * not be used twice, random bytes above all, is thrown away when it changes. */
uint32_t tni_process_epoch(void);

#endif
