/**
 * @file breaker.h The circuit breaker of a database: after failures in a row that are the engine's,
 * calls are refused for a time instead of being sent where they fail slowly; then one at a time is
 * let through, to see.
 */
#ifndef TENON_CORE_BREAKER_H
#define TENON_CORE_BREAKER_H

#include <stdatomic.h>

#include "core/env.h"
#include "tenon/status.h"

/** All zero, after tni_breaker_init: closed. */
typedef struct tni_breaker {
    tni_mutex lock;
    atomic_uint state;    /* a TENON_CIRCUIT_ value */
    atomic_uint failures; /* in a row */
    tenon_status last;    /* failure */
    uint32_t threshold;   /* 0: never opens */
    uint32_t open_ms;     /* the first time; twice as long after each probe that fails */
    uint64_t last_open_ms;
    uint64_t until_ns; /* opened: refuse; half-open: until the next probe */
} tni_breaker;

void tni_breaker_init(tni_breaker *breaker, uint32_t threshold, uint32_t open_ms);
void tni_breaker_fini(tni_breaker *breaker);

/** State as it is now, a TENON_CIRCUIT_ value. */
uint32_t tni_breaker_state(tni_breaker *breaker);

/** May a call go through? @retval TENON_OK, TENON_CIRCUIT_OPEN with the time to wait */
tenon_status tni_breaker_pass(tni_breaker *breaker, tenon_error *err);

/** What became of a call that went through. */
void tni_breaker_note(tni_breaker *breaker, tenon_status status);

#endif
