/** @file db.h What a database consists of. */
#ifndef TENON_CORE_DB_H
#define TENON_CORE_DB_H

#include "core/audit.h"
#include "core/breaker.h"
#include "core/budget.h"
#include "core/group.h"
#include "core/health.h"
#include "core/keeper.h"
#include "core/outcome.h"
#include "core/pool.h"
#include "core/rate.h"
#include "core/reaper.h"
#include "core/reopen.h"
#include "core/stats.h"
#include "core/upkeep.h"

/** A block that lives as long as its database: compiled queries are found by addresses in it. */
typedef struct tni_kept {
    struct tni_kept *next;
    void *block;
} tni_kept;

struct tenon_db {
    const tenon_driver *driver; /* normalised */
    tenon_drv_db *drv;          /* NULL: could not be opened anew */
    bool has_fetch;
    bool thread_bound;
    bool read_only;
    uint32_t epoch; /* of the process that opened it */
    uint32_t max_retry_count;
    uint32_t durability;
    uint64_t capabilities;
    uint32_t isolation[TENON_SERIALIZABLE + 1]; /* level given for each one asked for; 0: none */
    tni_pool pool;
    tni_reaper reaper;
    tni_background upkeep;
    tni_keeper keeper;
    tni_grouper grouper;
    tni_health health;
    tni_reopen reopen;
    tni_outcomes outcomes;
    tni_audit audit;
    tni_budget budget;
    tni_breaker breaker;
    tni_rates rates;
    tni_ops ops;
    tni_models models;
    uint32_t default_timeout_ms, idle_timeout_ms, max_lifetime_ms, cleanup_interval_ms;
    uint32_t slow_ms;
    tenon_slow_fn slow_fn; /* NULL: nobody wants reports */
    void *slow_arg;
    bool retries_deadlocks;
    tni_mutex catalogue_lock;
    tni_kept *kept; /* what tenon_db_tables has lent */
    char *url;      /* masked */
};

/**
 * Lease a connection and see that it is open.
 *
 * @param[in] leave what is given back with a connection that can't be opened
 * @retval as tenon_begin
 */
tenon_status tni_db_lease(tenon_db *db, const tni_lease *lease, bool leave, tni_conn **out,
                          tenon_error *err);

/** Bring a connection back to its state after open and give it back. `broken` ones are closed. */
void tni_db_release(tenon_db *db, tni_conn *conn, bool writer, bool broken, bool leave);

/** Ask the engine for a connection by the deadline. @param[out] out owned by the caller; NULL on
 * failure */
tenon_status tni_db_ask_conn(tenon_db *db, uint64_t deadline_ns, tenon_drv_conn **out,
                             tenon_error *err);

/** Open a connection of the pool by the deadline. @param[out] err may be NULL */
tenon_status tni_db_connect(tenon_db *db, tni_conn *conn, uint64_t deadline_ns, tenon_error *err);

/** Close a connection in the engine; its room stays, for the next one. */
void tni_db_disconnect(tenon_db *db, tni_conn *conn);

/** Free a database that nobody uses any more, whole or not. */
void tni_db_free(tenon_db *db);

/** What has been counted in all, by TNI_COMMITTED and so on. */
void tni_stats_totals(tenon_db *db, uint64_t totals[TNI_COUNTS]);

/** Name `err` after the driver, and see that it says something. @return `status` */
tenon_status tni_db_failed(const tenon_db *db, tenon_status status, tenon_error *err);

#endif
