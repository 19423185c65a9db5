/**
 * @file stats.h What is counted, by the name of the operation. Each connection has counters of its
 * own, which only the thread that uses it changes: no lock and no shared cache line on the path. A
 * reader adds them up.
 */
#ifndef TENON_CORE_STATS_H
#define TENON_CORE_STATS_H

#include "core/env.h"
#include "core/histogram.h"
#include "tenon/stats.h"

/** Names that are counted apart; further ones share one. */
#define TNI_MAX_OPS 256
/** Longest name, without its NUL. A longer one is cut. */
#define TNI_OP_NAME_BYTES 63

/** Ends of an attempt: one of the first five, each exactly once for each `begun`. */
enum {
    TNI_COMMITTED = 0,
    TNI_ROLLED_BACK = 1, /* because its owner wanted it */
    TNI_FAILED = 2,      /* because of a failure of the engine */
    TNI_TIMED_OUT = 3,
    TNI_UNKNOWN = 4,
    TNI_BEGUN = 5,
    TNI_RETRIED = 6, /* attempts after the first */
    TNI_TRIPS = 7,   /* waits for the engine's server */
    TNI_COUNTS = 8
};

/** Calls that never got a connection. */
enum {
    TNI_REFUSED_LATE = 0,    /* waited until their deadline */
    TNI_REFUSED_RATE = 1,    /* over a rate limit */
    TNI_REFUSED_CIRCUIT = 2, /* the circuit breaker is open */
    TNI_REFUSED_OTHER = 3,
    TNI_REFUSALS = 4
};

/** Phases that are timed. */
enum { TNI_WAIT = 0, TNI_RUN = 1, TNI_COMMIT = 2, TNI_ROLLBACK = 3, TNI_PHASES = 4 };

/** A name. Lives as long as its database. */
typedef struct tni_op {
    uint32_t number;
    char name[TNI_OP_NAME_BYTES + 1];
    atomic_uint_fast64_t refused[TNI_REFUSALS]; /* by any thread */
    atomic_uint_fast64_t exhausted;
} tni_op;

/** One connection's part of what is counted for a name. */
typedef struct tni_op_stats {
    _Alignas(128) atomic_uint_fast64_t counts[TNI_COUNTS];
    tni_histogram phases[TNI_PHASES];
} tni_op_stats;

/** One connection's part of the statistics. */
typedef struct tni_shard {
    _Atomic(tni_op_stats *) by_op[TNI_MAX_OPS];
} tni_shard;

/** A place in the table that finds names by their address. */
typedef struct tni_op_place {
    _Atomic(const char *) key;
    _Atomic(tni_op *) op;
} tni_op_place;

/** All names of a database. */
typedef struct tni_ops {
    tni_mutex lock;
    _Atomic(tni_op *) list[TNI_MAX_OPS];
    atomic_uint count;
    tni_op_place places[2 * TNI_MAX_OPS];
} tni_ops;

/** Set up. @return false: no memory */
bool tni_ops_init(tni_ops *ops);
void tni_ops_fini(tni_ops *ops);

/** The name as the database keeps it; never NULL. @param[in] name may be NULL */
tni_op *tni_ops_find(tni_ops *ops, const char *name);

/** What a connection counts for a name. NULL: no memory, then nothing is counted. */
tni_op_stats *tni_shard_of(_Atomic(tni_shard *) *shard, const tni_op *op);
void tni_shard_free(tni_shard *shard);

/** When a transaction could run, when its end began, when that was over. */
typedef struct tni_times {
    uint64_t leased_ns, ended_ns, done_ns;
} tni_times;

/** Count the end of a transaction. @param[in] stats of its name, on its connection; may be NULL
 * @param[in] end TNI_COMMITTED … */
void tni_count_end(tni_op_stats *stats, uint32_t end, const tni_times *times);

/** Count a call that got no connection, by what it was told. */
void tni_op_refused(tni_op *op, int32_t status);

/** Count that the retries of a call were used up. */
void tni_op_exhausted(tni_op *op);

#endif
