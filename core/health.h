/** @file health.h Asking the engine whether it answers, on a thread of its own: an engine that
 * hangs keeps that one, not the caller. */
#ifndef TENON_CORE_HEALTH_H
#define TENON_CORE_HEALTH_H

#include "core/env.h"
#include "tenon/stats.h"

/** The questions of a database, one at a time. */
typedef struct tni_health {
    tni_mutex lock;
    tni_cond answered;
    tni_thread thread;
    bool started; /* the thread has to be joined */
    bool asking;
    uint64_t deadline_ns;
    uint64_t answer_ns;
    tenon_status status; /* the last answer */
    tenon_error err;
} tni_health;

void tni_health_init(tni_health *health);

/** Wait for an answer that is under way, and let nobody ask. */
void tni_health_stop(tni_health *health);

/** Let them ask again. */
void tni_health_go_on(tni_health *health);

/** Waits for an answer that is still to come. */
void tni_health_fini(tni_health *health);

#endif
