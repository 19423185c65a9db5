/** @file deadlock.h Threads of one program that wait for each other's transactions. */
#ifndef TENON_CORE_DEADLOCK_H
#define TENON_CORE_DEADLOCK_H

#include "core/pool.h"

/**
 * Whether the calling thread would wait for ever if it now waited for `kind` (a TNI_WAIT_ value):
 * all who could serve it wait themselves, and for each other. The pool's lock is held.
 */
bool tni_pool_is_deadlock(tni_pool *pool, uint32_t kind);

#endif
