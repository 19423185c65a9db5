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
 * stays until its database is closed, so that all of them can be walked without a lock. */
typedef struct tni_conn {
    tenon_drv_conn *drv;      /* NULL: not open */
    struct tni_conn *next;    /* among the idle or the spare ones */
    struct tni_conn *older;   /* the one made before this one */
    _Atomic uintptr_t thread; /* that used it last */
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
    uintptr_t writer; /* whose turn it is; 0: nobody's */
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
