/** @file pool_locked.h What the files of the pool share. Its lock is held around all of these. */
#ifndef TENON_CORE_POOL_LOCKED_H
#define TENON_CORE_POOL_LOCKED_H

#include "core/pool.h"

void tni_queue_add(tni_queue *queue, tni_waiter *waiter);
void tni_queue_remove(tni_queue *queue, tni_waiter *waiter);

/** When to stop waiting: at the deadline, or when the pool's own timeout is over. */
uint64_t tni_locked_until(const tni_pool *pool, uint64_t deadline_ns, uint64_t now_ns);

/** Say for what nobody was served in time. @return TENON_TIMEOUT */
tenon_status tni_locked_late(const tni_pool *pool, uint32_t kind, tenon_error *err);

/** @retval TENON_MISUSE the thread would wait for itself */
tenon_status tni_locked_check(tni_pool *pool, uint32_t kind, tenon_error *err);

/** Be admitted. @param[in,out] until_ns when to stop waiting; 0 as long as nobody has waited */
tenon_status tni_locked_admit(tni_pool *pool, const tni_lease *what, uint64_t *until_ns,
                              tenon_error *err);

/** Give an admission to the next one who waits, or back. */
void tni_locked_dismiss(tni_pool *pool);

/** Let threads park connections again, if nobody waits for one. */
void tni_locked_settle(tni_pool *pool);

/** Give the turn to the next one who waits, or back. */
void tni_locked_pass_turn(tni_pool *pool);

#endif
