/** @file pool.h The connections of a database, and the turn of its only writer. */
#ifndef TENON_CORE_POOL_H
#define TENON_CORE_POOL_H

#include <pthread.h>

#include "core/plan.h"
#include "core/txn_state.h"

/** A connection. It belongs to one transaction at a time, or is idle, or is not open. */
typedef struct tni_conn {
    tenon_drv_conn *drv; /* NULL: not open */
    struct tni_conn *next;
    pthread_t thread; /* that leased it; under the pool's lock */
    tenon_uuid id;    /* of the transaction, once somebody has asked for it */
    bool has_id;
    bool forget_plans;          /* tables have changed in this transaction */
    tni_plans plans;            /* of this connection */
    tenon_cursor *free_cursors; /* to be used again */
    tenon_txn txn;
} tni_conn;

/** Somebody who waits; stands on the waiting thread's stack. */
typedef struct tni_waiter {
    struct tni_waiter *next;
    pthread_cond_t granted_cond;
    pthread_t thread;
    tni_conn *conn;
    bool granted;
} tni_waiter;

/** First come, first served. */
typedef struct tni_queue {
    tni_waiter *first, *last;
    uint32_t count;
} tni_queue;

/** All connections of a database. */
typedef struct tni_pool {
    pthread_mutex_t lock;
    pthread_cond_t drained;
    tni_conn *conns; /* max of them */
    tni_conn *idle;  /* open, the last one used first */
    tni_conn *spare; /* not open */
    uint32_t max_count, idle_count, spare_count;
    uint64_t timeout_ns; /* longest wait */
    tni_queue waiting;   /* for a connection */
    tni_queue writers;   /* for the writer's turn */
    pthread_t writer;    /* whose turn it is, if `writing` */
    bool single_writer, writing, closing;
} tni_pool;

/** Set up, without any open connection. @retval TENON_OK, TENON_NO_MEMORY */
tenon_status tni_pool_init(tni_pool *pool, uint32_t max_count, uint64_t timeout_ns,
                           bool single_writer, tenon_error *err);

/** Free. All connections are closed. Accepts one that is all zero. */
void tni_pool_fini(tni_pool *pool);

/**
 * Take a connection, and, for a writer of a single-writer engine, the turn first. Waits in the
 * order of arrival until `deadline_ns`, at most the pool's own timeout.
 *
 * @param[out] out leased until tni_pool_release; its `drv` is NULL if it has yet to be opened
 * @retval TENON_OK, TENON_TIMEOUT (the counts are in `err`), TENON_MISUSE (the thread waits for
 *         itself)
 */
tenon_status tni_pool_lease(tni_pool *pool, bool writer, uint64_t deadline_ns, tni_conn **out,
                            tenon_error *err);

/** Give a connection back, and the turn that came with it; whoever waits longest gets them. */
void tni_pool_release(tni_pool *pool, tni_conn *conn, bool writer);

/** Wait until no connection is leased, and let nobody lease one. */
void tni_pool_drain(tni_pool *pool);

/** Connections that are open now. */
uint32_t tni_pool_open_count(tni_pool *pool);

#endif
