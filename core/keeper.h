/**
 * @file keeper.h A thread that begins and ends write transactions for others. Some engines bind a
 * write transaction to the thread that began it: whoever may have to be rolled back by somebody
 * else lets the keeper begin it, so that the keeper can.
 */
#ifndef TENON_CORE_KEEPER_H
#define TENON_CORE_KEEPER_H

#include "core/env.h"
#include "tenon/status.h"

/** What the keeper is to do. */
typedef tenon_status (*tni_keeper_fn)(void *arg);

/** The keeper. All zero: not set up. */
typedef struct tni_keeper {
    tni_mutex lock;
    tni_cond wake; /* the keeper */
    tni_cond done; /* who waits for it, or for his turn to ask */
    tni_thread thread;
    tni_keeper_fn fn; /* NULL: nothing to do */
    void *arg;
    tenon_status result;
    bool started, stopping, busy, answered;
} tni_keeper;

void tni_keeper_init(tni_keeper *keeper);

/** End its thread. */
void tni_keeper_fini(tni_keeper *keeper);

/** Let the keeper call `fn`, and wait until it has. Its thread is started by the first call.
 * @retval what `fn` returned; TENON_NO_MEMORY: there is no thread to be had, nothing was called */
tenon_status tni_keeper_call(tni_keeper *keeper, tni_keeper_fn fn, void *arg);

#endif
