/** @file pool.h Who may run: admission, the connections of a database, the turn of its only writer.
 */
#ifndef TENON_CORE_POOL_H
#define TENON_CORE_POOL_H

#include <stdatomic.h>

#include "core/env.h"
#include "core/parking.h"
#include "core/plan.h"
#include "core/txn_state.h"

/** A connection. It belongs to one transaction at a time, or is idle, or is not open. Once made, it
 * stays until its database is closed, so that all of them can be walked without a lock. It begins
 * on a cache line, a pair of them where they are fetched in pairs: two threads whose connections
 * share one would take a third longer for each transaction. */
typedef struct tni_conn {
    _Alignas(128) tenon_drv_conn *drv; /* NULL: not open */
    struct tni_conn *next;             /* among the idle or the spare ones */
    struct tni_conn *older;            /* the one made before this one */
    _Atomic uintptr_t thread;          /* that used it last */
    uint64_t idle_since_ns;
    uint64_t trips;             /* that the driver had counted when its transaction began */
    uint64_t expires_ns;        /* to be closed when it comes back later than that */
    bool forget_plans;          /* tables have changed in this transaction */
    bool at_once;               /* leased without a look at anything that is shared */
    tni_plans plans;            /* of this connection */
    tenon_cursor *free_cursors; /* to be used again */
    tenon_uuid chain; /* of the audit rows written here, where writers do not take turns */
    bool has_chain;
    tni_values fetched;                /* the row of a tenon_fetch in a write transaction */
    _Atomic(struct tni_shard *) shard; /* statistics of what ran here */
    tenon_txn txn;
} tni_conn;

/** What somebody waits for. */
enum { TNI_WAIT_ADMISSION = 0, TNI_WAIT_TURN = 1, TNI_WAIT_CONNECTION = 2, TNI_WAITS = 3 };

/** Somebody who waits; stands on the waiting thread's stack. */
typedef struct tni_waiter {
    struct tni_waiter *next;
    tni_cond granted_cond;
    uintptr_t thread;
    uint64_t since_ns;
    struct tni_op *op; /* name of what is to run; may be NULL */
    tni_conn *conn;    /* handed on; NULL: room for one of the waiter's own */
    bool granted;
    bool joins;           /* waits for a turn that the grouper takes for it, see group.h */
    bool late;            /* its owner wanted to leave the queue when it was taken already */
    uint32_t most;        /* members of the group that it may be in */
    uint64_t deadline_ns; /* where it joins */
} tni_waiter;

/** First come, first served. */
typedef struct tni_queue {
    tni_waiter *first, *last;
    uint32_t count;
} tni_queue;

/** Bounds of a pool. */
typedef struct tni_limits {
    uint32_t min_count, max_count; /* connections */
    uint32_t max_concurrent;       /* admitted, with or without a connection */
    uint64_t timeout_ns;           /* longest wait */
    bool single_writer;
    bool finds_deadlocks; /* says at once where threads wait for each other */
} tni_limits;

/** All connections of a database, and those who wait for them. */
typedef struct tni_pool {
    tni_mutex lock;
    tni_limits limits;
    _Atomic(tni_conn *) all; /* the newest one */
    tni_conn *idle;          /* open, the last one used first */
    tni_conn *spare;         /* not open */
    uint32_t leased_count, idle_count;
    uint32_t admitted_count;
    tni_queue queues[TNI_WAITS];
    _Atomic uintptr_t writer; /* whose turn it is; 0: nobody's */
    uintptr_t grouper;        /* the thread that writes for those who join; 0: there is none yet */
    tni_cond grouper_wake;
    bool grouper_ends;
    tni_cond drained;
    tni_cond closed; /* wakes those who pause */
    bool closing;
    bool held; /* no connection is handed out */
    tni_parking parking;
} tni_pool;

/** What is asked for. */
typedef struct tni_lease {
    struct tni_op *op;
    uint64_t deadline_ns;
    bool writer;
    bool admit; /* still to be admitted */
} tni_lease;

/** Set up, without any open connection. */
void tni_pool_init(tni_pool *pool, const tni_limits *limits);

/** Free. All connections are closed; whoever keeps a handle in one keeps its memory. */
void tni_pool_fini(tni_pool *pool);

/**
 * Be admitted, take the turn (a writer of a single-writer engine), take a connection. Waits in the
 * order of arrival until the deadline, at most the pool's own timeout.
 *
 * @param[out] out leased until tni_pool_release; its `drv` is NULL if it has yet to be opened
 * @retval TENON_OK, TENON_TIMEOUT (the counts are in `err`), TENON_MISUSE (closing, or the thread
 *         would wait for itself), TENON_NO_MEMORY; then nothing is taken
 */
tenon_status tni_pool_lease(tni_pool *pool, const tni_lease *what, tni_conn **out,
                            tenon_error *err);

/** Give a connection back, the turn that came with it, and with `leave` the admission; whoever
 * waits longest gets them. */
void tni_pool_release(tni_pool *pool, tni_conn *conn, bool writer, bool leave);

/** As tni_pool_release, but the connection stays with its transaction's handle: another one may be
 * opened in its place. */
void tni_pool_part(tni_pool *pool, tni_conn *conn, bool writer, bool leave);

/** Take back a connection that was parted with and is closed now. */
void tni_pool_take_back(tni_pool *pool, tni_conn *conn);

/**
 * Be admitted, and wait for the turn in the same queue as all writers, but let the grouper take it:
 * returns as soon as `waiter` stands in the queue. Its owner waits for an answer of the grouper's,
 * and calls tni_pool_unjoin when that takes too long.
 *
 * @param[in,out] waiter `op`, `most`, `deadline_ns` are set by the caller
 * @param[out] until_ns when to stop waiting
 * @retval as tni_pool_lease; then nothing is taken
 */
tenon_status tni_pool_join(tni_pool *pool, const tni_lease *what, tni_waiter *waiter,
                           uint64_t *until_ns, tenon_error *err);

/** Leave the queue. @param[out] err says for what nobody was served in time @return false: the
 * grouper has taken it, and will answer */
bool tni_pool_unjoin(tni_pool *pool, tni_waiter *waiter, tenon_error *err);

/** For the grouper: wait until it is its turn. @return false: it is to end */
bool tni_pool_await_group(tni_pool *pool);

/** Wait until there is a grouper. */
void tni_pool_await_grouper(tni_pool *pool);

/** Let the grouper end; nobody joins any more. */
void tni_pool_end_group(tni_pool *pool);

/** Take the first who waits for the turn, if he joins and a group of `count` may have one more.
 * @return NULL: nobody */
tni_waiter *tni_pool_take_member(tni_pool *pool, uint32_t count);

/** Put members back to where they were taken from: `list` comes first, in its order. @return those
 * that are not put back, since their owners' time is over: they wait for nothing but an answer */
tni_waiter *tni_pool_put_members(tni_pool *pool, tni_waiter *list);

/** What is to be leased for the first of those who join: a connection, without the turn. */
tni_lease tni_pool_member_lease(tni_pool *pool);

/** Whether who waits longest for the turn joins. @param[out] held no connection may be kept now */
bool tni_pool_has_member(tni_pool *pool, bool *held);

/** Pass the turn on, without a connection. */
void tni_pool_pass_turn(tni_pool *pool);

/** Give `count` admissions back. */
void tni_pool_leave_many(tni_pool *pool, uint32_t count);

/** Whether a writer would have to wait, as far as can be seen without the lock. */
static inline bool
tni_pool_has_writer(const tni_pool *pool)
{
    return atomic_load_explicit(&pool->writer, memory_order_relaxed) != 0;
}

/** Give the admission back alone. */
void tni_pool_leave(tni_pool *pool);

/** Sleep until then. @return false: the pool is being closed */
bool tni_pool_pause(tni_pool *pool, uint64_t until_ns);

/** Lease an idle connection that was not used since `idle_before_ns` or has expired, and that is to
 * be closed; NULL where there is none, and while no connection is handed out. */
tni_conn *tni_pool_lease_stale(tni_pool *pool, uint64_t idle_before_ns, uint64_t now_ns);

/** Lease a connection that is to be opened because there are fewer than there should be, or NULL.
 */
tni_conn *tni_pool_lease_missing(tni_pool *pool);

/** Hand out no connection, and wait until nobody has one; whoever waits for one goes on waiting.
 * @return false: too late, and as before */
bool tni_pool_hold(tni_pool *pool, uint64_t until_ns);

/** While nobody gets a connection: lease an idle one that is to be closed; NULL where there is
 * none.
 */
tni_conn *tni_pool_lease_held(tni_pool *pool);

/** Go on. */
void tni_pool_unhold(tni_pool *pool);

/** Let nobody lease a connection, and wait until nobody has one. @return false: too late, and open
 * again */
bool tni_pool_drain(tni_pool *pool, uint64_t until_ns);

/** Connections that are open or being opened now, without those parted with. */
uint32_t tni_pool_open_count(tni_pool *pool);

#endif
