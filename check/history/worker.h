/** @file worker.h A thread of the workload, and what it asks of the database. For its own files. */
#ifndef TENON_CHECK_HISTORY_WORKER_H
#define TENON_CHECK_HISTORY_WORKER_H

#include <stdatomic.h>

#include "check/history/workload.h"

#define WORKER_LONGEST 16u  /* elements of a list: then another key comes into use */
#define WORKER_ROOM 512u    /* elements of a list, at most: those that were under way come on top */
#define WORKER_OPS 4u       /* of a transaction on lists, at most */
#define WORKER_THREADS 1000 /* more than there may be */
#define WORKER_OPENING 100  /* in each account */

typedef enum worker_kind { WORKER_READ, WORKER_APPEND, WORKER_SCAN } worker_kind;

/** What a transaction is to do; the same in each attempt. */
typedef struct worker_plan {
    bool read_only, is_bank;
    bool pauses;  /**< Between its statements it lets others commit. */
    bool by_item; /**< Reads all accounts one by one. */
    bool upserts; /**< Makes a list by an upsert: if another one has made it, it is overwritten. */
    uint32_t op_count;
    struct {
        worker_kind kind;
        int64_t key;
    } ops[WORKER_OPS];
    uint32_t from, to; /**< Accounts. */
    int64_t amount;
} worker_plan;

/** A thread. Nobody else touches it, but for the body that it waits for. */
typedef struct worker {
    const workload *w;
    history *h;
    atomic_ulong *commits; /**< Of writers, by all threads. */
    uint32_t process;
    uint64_t random;
    int64_t base;    /**< The lowest key in use. */
    int64_t element; /**< The next one. */
    bool attempted;  /**< The body has run before in this transaction. */
    worker_plan plan;
    tenon_status status;
    tenon_error err;
} worker;

/** CLOCK_MONOTONIC. */
int64_t worker_now_ns(void);
/** By chance, from 0 to `bound` - 1. */
uint32_t worker_below(worker *k, uint32_t bound);
/** Make the plan of the next transaction. */
void worker_make_plan(worker *k);

/** Bodies, of tenon_run or by hand; `arg` is a worker. They record what they do. */
tenon_status worker_body(tenon_txn *txn, void *arg, tenon_error *err);
/** Empty the tables, and open the accounts. */
tenon_status worker_open(tenon_txn *txn, void *arg, tenon_error *err);
/** Read all there is. */
tenon_status worker_read_all(tenon_txn *txn, void *arg, tenon_error *err);

extern const tenon_query worker_get;     /**< key: elements */
extern const tenon_query worker_make;    /**< key, elements */
extern const tenon_query worker_upsert;  /**< key, elements */
extern const tenon_query worker_put;     /**< key, elements */
extern const tenon_query worker_range;   /**< lowest, highest: key elements, in order */
extern const tenon_query worker_account; /**< id, balance */
extern const tenon_query worker_balance; /**< id: balance */
extern const tenon_query worker_book;    /**< id, balance */
extern const tenon_query worker_no_lists, worker_no_accounts; /**< Delete all. */
extern const tenon_query worker_all; /**< balance of all accounts, in the order of id */

#endif
