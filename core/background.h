/** @file background.h A thread of a database that works beside its callers until it is stopped. */
#ifndef TENON_CORE_BACKGROUND_H
#define TENON_CORE_BACKGROUND_H

#include "core/env.h"
#include "tenon/status.h"

/** A thread and what wakes it. */
typedef struct tni_background {
    tni_mutex lock;
    tni_cond wake;
    tni_thread thread;
    bool started;
    bool stopping; /* read with the lock */
} tni_background;

/**
 * Set up and start `fn`, which returns soon after `stopping` is set.
 *
 * @param[in] what it looks after, for the error
 * @retval TENON_OK, TENON_NO_MEMORY: no thread to be had; then nothing is set up
 */
tenon_status tni_background_start(tni_background *background, void (*fn)(void *arg), void *arg,
                                  const char *what, tenon_error *err);

/** Stop, after what is under way, and free. Accepts one that was not started. */
void tni_background_stop(tni_background *background);

#endif
