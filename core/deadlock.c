/* Who waits for whom: a search for a thread that can go on. */
#include "core/deadlock.h"

/* Which of the three things somebody will give back. */
typedef struct deadlock_view {
    tni_pool *pool;
    uintptr_t self;
    uint32_t kind;         /* what `self` is about to wait for */
    bool comes[TNI_WAITS]; /* found so far */
} deadlock_view;

/* Whether a thread goes on, or will be served by one that does. */
static bool
deadlock_goes_on(const deadlock_view *v, uintptr_t thread)
{
    if (thread == v->self)
        return v->comes[v->kind];
    for (uint32_t kind = 0; kind < TNI_WAITS; kind++) {
        for (const tni_waiter *w = v->pool->queues[kind].first; w != NULL; w = w->next) {
            if (w->thread == thread)
                return v->comes[kind];
        }
    }
    return true;
}

/* Look at those who have a connection. @return whether the thread itself is one of them */
static bool
deadlock_look(deadlock_view *v)
{
    uint32_t counted = 0;
    bool own = false;

    for (const tni_conn *c = atomic_load(&v->pool->all); c != NULL; c = c->older) {
        const uintptr_t thread = atomic_load_explicit(&c->thread, memory_order_relaxed);

        if (thread == 0)
            continue;
        counted++;
        own = own || thread == v->self;
        if (deadlock_goes_on(v, thread)) {
            v->comes[TNI_WAIT_CONNECTION] = true;
            v->comes[TNI_WAIT_ADMISSION] = true;
        }
    }
    /* Connections granted and not yet taken, and admissions without a connection (a pause before
     * another attempt, a wait for a turn), belong to threads that are on their way. */
    if (counted < v->pool->leased_count)
        v->comes[TNI_WAIT_CONNECTION] = true;
    if (v->pool->admitted_count >
        counted + v->pool->queues[TNI_WAIT_TURN].count + v->pool->queues[TNI_WAIT_CONNECTION].count)
        v->comes[TNI_WAIT_ADMISSION] = true;
    if (v->pool->writer == 0 || deadlock_goes_on(v, v->pool->writer))
        v->comes[TNI_WAIT_TURN] = true;
    return own;
}

bool
tni_pool_is_deadlock(tni_pool *pool, uint32_t kind)
{
    deadlock_view v = { .pool = pool, .self = tni_self(), .kind = kind };

    /* Each look may show that one more thing comes, which may set another thread going. */
    for (uint32_t look = 0; look <= TNI_WAITS && !v.comes[kind]; look++) {
        if (!deadlock_look(&v))
            return false; /* who holds nothing is in nobody's way */
    }
    return !v.comes[kind];
}
