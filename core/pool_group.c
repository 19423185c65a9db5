/* Turns that the grouper takes for others: they stand in the one queue of all writers. */
#include "core/error.h"
#include "core/pool_locked.h"

tenon_status
tni_pool_join(tni_pool *pool, const tni_lease *what, tni_waiter *waiter, uint64_t *until_ns,
              tenon_error *err)
{
    bool admitted = false;
    tenon_status st = TENON_OK;

    *until_ns = 0;
    waiter->thread = tni_self();
    waiter->next = NULL;
    waiter->joins = true;
    waiter->granted = false;
    waiter->late = false;
    tni_mutex_lock(&pool->lock);
    if (what->admit && pool->closing) {
        st = tni_fail(err, TENON_MISUSE, NULL, "the database is being closed");
    } else if (what->admit) {
        st = tni_locked_admit(pool, what, until_ns, err);
        admitted = st == TENON_OK;
    }
    if (st == TENON_OK)
        st = tni_locked_check(pool, TNI_WAIT_TURN, err);
    if (st == TENON_OK) {
        waiter->since_ns = tni_monotonic_ns();
        if (*until_ns == 0)
            *until_ns = tni_locked_until(pool, what->deadline_ns, waiter->since_ns);
        tni_queue_add(&pool->queues[TNI_WAIT_TURN], waiter);
        if (pool->writer == 0)
            tni_locked_pass_turn(pool);
    } else if (admitted) {
        tni_locked_dismiss(pool);
    }
    tni_locked_settle(pool);
    tni_mutex_unlock(&pool->lock);
    return st;
}

bool
tni_pool_unjoin(tni_pool *pool, tni_waiter *waiter, tenon_error *err)
{
    bool waits;

    tni_mutex_lock(&pool->lock);
    waits = !waiter->granted;
    if (waits) {
        tni_queue_remove(&pool->queues[TNI_WAIT_TURN], waiter);
        (void)tni_locked_late(pool, TNI_WAIT_TURN, err);
    }
    waiter->late = !waits;
    tni_mutex_unlock(&pool->lock);
    return waits;
}

bool
tni_pool_await_group(tni_pool *pool)
{
    bool goes_on;

    tni_mutex_lock(&pool->lock);
    if (pool->grouper == 0) {
        pool->grouper = tni_self();
        tni_cond_broadcast(&pool->closed);
    }
    while (pool->writer != pool->grouper && !pool->grouper_ends)
        (void)tni_cond_wait(&pool->grouper_wake, &pool->lock, UINT64_MAX);
    goes_on = pool->writer == pool->grouper; /* the last turn is still to be passed on */
    tni_mutex_unlock(&pool->lock);
    return goes_on;
}

void
tni_pool_await_grouper(tni_pool *pool)
{
    tni_mutex_lock(&pool->lock);
    while (pool->grouper == 0)
        (void)tni_cond_wait(&pool->closed, &pool->lock, UINT64_MAX);
    tni_mutex_unlock(&pool->lock);
}

void
tni_pool_end_group(tni_pool *pool)
{
    tni_mutex_lock(&pool->lock);
    pool->grouper_ends = true;
    tni_cond_signal(&pool->grouper_wake);
    tni_mutex_unlock(&pool->lock);
}

tni_waiter *
tni_pool_take_member(tni_pool *pool, uint32_t count)
{
    tni_queue *queue = &pool->queues[TNI_WAIT_TURN];
    tni_waiter *first;

    tni_mutex_lock(&pool->lock);
    first = queue->first;
    if (first != NULL && first->joins && count < first->most) {
        tni_queue_remove(queue, first);
        first->granted = true;
    } else {
        first = NULL;
    }
    tni_mutex_unlock(&pool->lock);
    return first;
}

tni_waiter *
tni_pool_put_members(tni_pool *pool, tni_waiter *list)
{
    tni_queue *queue = &pool->queues[TNI_WAIT_TURN];
    tni_waiter *back = NULL, *late = NULL, **back_end = &back, **late_end = &late, *last = NULL;

    tni_mutex_lock(&pool->lock);
    for (tni_waiter *w = list; w != NULL; w = w->next) {
        if (w->late) {
            *late_end = w;
            late_end = &w->next;
            continue;
        }
        w->granted = false;
        queue->count++;
        *back_end = last = w;
        back_end = &w->next;
    }
    *late_end = NULL;
    *back_end = queue->first;
    queue->first = back;
    if (queue->last == NULL)
        queue->last = last;
    tni_mutex_unlock(&pool->lock);
    return late;
}

tni_lease
tni_pool_member_lease(tni_pool *pool)
{
    tni_lease lease = { .deadline_ns = UINT64_MAX };
    const tni_waiter *first;

    tni_mutex_lock(&pool->lock);
    first = pool->queues[TNI_WAIT_TURN].first;
    if (first != NULL && first->joins) {
        lease.op = first->op;
        lease.deadline_ns = first->deadline_ns;
    }
    tni_mutex_unlock(&pool->lock);
    return lease;
}

bool
tni_pool_has_member(tni_pool *pool, bool *held)
{
    const tni_waiter *first;
    bool has;

    tni_mutex_lock(&pool->lock);
    first = pool->queues[TNI_WAIT_TURN].first;
    has = first != NULL && first->joins;
    *held = pool->held;
    tni_mutex_unlock(&pool->lock);
    return has;
}

void
tni_pool_pass_turn(tni_pool *pool)
{
    tni_mutex_lock(&pool->lock);
    tni_locked_pass_turn(pool);
    if (pool->closing || pool->held)
        tni_cond_broadcast(&pool->drained);
    tni_mutex_unlock(&pool->lock);
}
