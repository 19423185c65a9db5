/** @file db.h What a database consists of. */
#ifndef TENON_CORE_DB_H
#define TENON_CORE_DB_H

#include <stdatomic.h>

#include "core/pool.h"

/** Counts of a database. Nothing is ordered by them, so relaxed access is enough. */
typedef struct tni_counts {
    atomic_uint_fast64_t begun, committed, rolled_back, retried;
} tni_counts;

/** A block that lives as long as its database: compiled queries are found by addresses in it. */
typedef struct tni_kept {
    struct tni_kept *next;
    void *block;
} tni_kept;

struct tenon_db {
    const tenon_driver *driver; /* normalised */
    tenon_drv_db *drv;
    bool has_fetch;
    bool thread_bound;
    bool read_only;
    uint32_t epoch; /* of the process that opened it */
    uint32_t max_retry_count;
    uint32_t durability;
    uint64_t capabilities;
    uint32_t isolation[TENON_SERIALIZABLE + 1]; /* level given for each one asked for; 0: none */
    tni_pool pool;
    tni_models models;
    tni_counts counts;
    pthread_mutex_t catalogue_lock;
    tni_kept *kept; /* what tenon_db_tables has lent */
    char *url;      /* masked */
};

/** Count. */
static inline void
tni_count(atomic_uint_fast64_t *count)
{
    (void)atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

/** Lease a connection and see that it is open. @retval as tenon_begin */
tenon_status tni_db_lease(tenon_db *db, bool writer, uint64_t deadline_ns, tni_conn **out,
                          tenon_error *err);

/** Bring a connection back to its state after open and give it back. `broken` ones are closed. */
void tni_db_release(tenon_db *db, tni_conn *conn, bool writer, bool broken);

/** Name `err` after the driver, and see that it says something. @return `status` */
tenon_status tni_db_failed(const tenon_db *db, tenon_status status, tenon_error *err);

#endif
