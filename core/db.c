/* Databases: their connections, their end, and what they say about themselves. */
#include "core/db.h"

#include <stdlib.h>
#include <string.h>

#include "core/env.h"
#include "core/error.h"
#include "core/host.h"
#include "core/migrate.h"

#define DB_TRUSTED_NS (500 * TNI_NS_PER_MS) /* that an idle connection is not asked for */
#define DB_CHECK_NS (5000 * TNI_NS_PER_MS)  /* that it has for its answer */

tenon_status
tni_db_failed(const tenon_db *db, tenon_status status, tenon_error *err)
{
    if (err->status != status || err->message[0] == '\0') {
        const uint8_t effect = err->effect;

        (void)tni_fail(err, status, err->object, "%s", tenon_status_text(status));
        err->effect = effect;
    }
    if (err->driver[0] == '\0')
        memcpy(err->driver, db->driver->name, strlen(db->driver->name) + 1);
    return status;
}

/* ---- Connections ---- */

void
tni_db_disconnect(tenon_db *db, tni_conn *conn)
{
    if (conn->drv == NULL)
        return;
    tni_plans_clear(&conn->plans, db->driver->query);
    db->driver->connection->close(conn->drv);
    conn->drv = NULL;
}

tenon_status
tni_db_ask_conn(tenon_db *db, uint64_t deadline_ns, tenon_drv_conn **out, tenon_error *err)
{
    const tenon_drv_connection_ops *ops = db->driver->connection;
    tenon_status st;

    *out = NULL;
    if (db->drv == NULL)
        return tni_fail(err, TENON_UNAVAILABLE, NULL, "the database could not be opened anew");
    if (ops->open_until != NULL)
        st = ops->open_until(db->drv, deadline_ns, out, err);
    else
        st = ops->open(db->drv, out, err);
    if (st == TENON_OK)
        return st;
    *out = NULL;
    return tni_db_failed(db, st, err);
}

tenon_status
tni_db_connect(tenon_db *db, tni_conn *conn, uint64_t deadline_ns, tenon_error *err)
{
    const uint64_t life_ns = db->max_lifetime_ms * TNI_NS_PER_MS;
    tenon_error failure = { 0 };
    const tenon_status st = tni_db_ask_conn(db, deadline_ns, &conn->drv, &failure);

    conn->idle_since_ns = tni_monotonic_ns();
    conn->expires_ns = conn->idle_since_ns + life_ns - tni_random_below(life_ns / 40 + 1);
    if (st != TENON_OK && err != NULL)
        *err = failure;
    return st;
}

/* Whether a connection that nobody has used for a while still works; one that does not is closed.
 */
static bool
db_check_conn(tenon_db *db, tni_conn *conn, uint64_t deadline_ns)
{
    const tenon_drv_connection_ops *ops = db->driver->connection;
    tenon_error failure;
    uint64_t now_ns, until_ns;
    tenon_status st;

    if (ops->check == NULL)
        return true;
    tni_error_clear(&failure);
    now_ns = tni_monotonic_ns();
    if (now_ns - conn->idle_since_ns < DB_TRUSTED_NS)
        return true;
    until_ns = now_ns + DB_CHECK_NS;
    st = ops->check(conn->drv, deadline_ns < until_ns ? deadline_ns : until_ns, &failure);
    if (st == TENON_OK)
        return true;
    (void)tni_db_failed(db, st, &failure);
    tni_log(TENON_LOG_INFO, db->driver->name, failure.message);
    tni_db_disconnect(db, conn);
    return false;
}

tenon_status
tni_db_lease(tenon_db *db, const tni_lease *lease, bool leave, tni_conn **out, tenon_error *err)
{
    tenon_status st;

    *out = NULL;
    if (db->epoch != tni_process_epoch())
        return tni_fail(err, TENON_MISUSE, NULL,
                        "a database can't be used in a forked child; open it there");
    if (atomic_load_explicit(&db->reopen.suspect, memory_order_relaxed)) {
        st = tni_reopen_now(db, lease->deadline_ns, err);
        if (st != TENON_OK)
            return st;
    }
    st = tni_pool_lease(&db->pool, lease, out, err);
    if (st != TENON_OK || ((*out)->drv != NULL && db_check_conn(db, *out, lease->deadline_ns)))
        return st;
    st = tni_db_connect(db, *out, lease->deadline_ns, err);
    if (st == TENON_OK)
        return st;
    tni_pool_release(&db->pool, *out, lease->writer, leave || lease->admit);
    *out = NULL;
    return st;
}

void
tni_db_release(tenon_db *db, tni_conn *conn, bool writer, bool broken, bool leave)
{
    tenon_error failure;

    tni_error_clear(&failure);
    if (conn->forget_plans) {
        tni_plans_clear(&conn->plans, db->driver->query);
        conn->forget_plans = false;
    }
    if (!broken && db->driver->connection->reset(conn->drv, &failure) != TENON_OK) {
        tni_log(TENON_LOG_WARNING, db->driver->name, failure.message);
        broken = true;
    }
    if (broken)
        conn->has_chain = false; /* what the engine still does with the old one may need its end */
    if (broken || conn->idle_since_ns >= conn->expires_ns)
        tni_db_disconnect(db, conn);
    tni_pool_release(&db->pool, conn, writer, leave);
}

/* ---- The end ---- */

/* Free a connection's part of the database; what a late owner of a handle may still ask for stays.
 */
static void
db_free_conn(tenon_db *db, tni_conn *conn)
{
    if (conn->txn.pinned)
        tni_txn_unpin(&conn->txn);
    tni_db_disconnect(db, conn);
    if (atomic_load(&conn->txn.word) == TNI_FREE)
        tni_cursors_free(conn);
    if (db->driver != NULL)
        tni_plans_fini(&conn->plans, db->driver->query);
    tni_shard_free(conn->shard);
    conn->shard = NULL;
}

void
tni_db_free(tenon_db *db)
{
    tni_grouper_stop(db);
    tni_background_stop(&db->upkeep);
    tni_background_stop(&db->reaper.background);
    for (tni_conn *c = atomic_load(&db->pool.all); c != NULL; c = c->older)
        db_free_conn(db, c);
    tni_keeper_fini(&db->keeper);
    tni_grouper_fini(&db->grouper);
    tni_health_fini(&db->health);
    tni_pool_fini(&db->pool);
    if (db->drv != NULL)
        db->driver->database->close(db->drv);
    tni_reopen_fini(&db->reopen);
    tni_audit_fini(&db->audit);
    tni_models_fini(&db->models);
    tni_ops_fini(&db->ops);
    tni_rates_fini(&db->rates);
    tni_breaker_fini(&db->breaker);
    tni_mutex_fini(&db->catalogue_lock);
    while (db->kept != NULL) {
        tni_kept *kept = db->kept;

        db->kept = kept->next;
        free(kept->block);
        free(kept);
    }
    free(db->url);
    free(db);
}

/* Name one of those that are in the way of closing. */
static void
db_name_first(void *arg, const tenon_live *live)
{
    tenon_error *err = arg;

    if (err->message[0] == '\0' && live->doing != TENON_DOING_OVERDUE)
        (void)tni_fail(err, TENON_BUSY, live->name, "%s is in progress, begun at %s %llu ms ago",
                       live->name, live->where != NULL ? live->where : "(place unknown)",
                       (unsigned long long)(live->age_us / 1000));
}

/* Of the parent's: engines undo its locks or write its files when closed in a child. */
static bool
db_is_foreign(const tenon_db *db)
{
    if (db->epoch == tni_process_epoch())
        return false;
    tni_log(TENON_LOG_WARNING, db->driver->name, "closing in a forked child: not closed");
    return true;
}

tenon_status
tenon_db_close(tenon_db *db, uint32_t timeout_ms, tenon_error *err)
{
    tenon_error found = { 0 };

    if (db == NULL)
        return TENON_OK;
    if (db_is_foreign(db))
        return tni_fail(err, TENON_MISUSE, NULL, "the database was opened by another process");
    if (!tni_pool_drain(&db->pool, tni_after_ms(tni_monotonic_ns(), timeout_ms))) {
        tenon_db_transactions(db, db_name_first, &found);
        if (found.status == TENON_OK)
            (void)tni_fail(&found, TENON_BUSY, NULL, "a transaction is in progress");
        if (err != NULL)
            *err = found;
        return TENON_BUSY;
    }
    tni_db_free(db);
    return TENON_OK;
}

void
tenon_close(tenon_db *db)
{
    if (db == NULL || db_is_foreign(db))
        return;
    (void)tni_pool_drain(&db->pool, UINT64_MAX);
    tni_db_free(db);
}

/* ---- What it says ---- */

const char *
tenon_db_driver(const tenon_db *db)
{
    return db->driver->name;
}

uint64_t
tenon_db_capabilities(const tenon_db *db)
{
    return db->capabilities;
}

uint32_t
tenon_db_durability(const tenon_db *db)
{
    return db->durability;
}

const char *
tenon_db_url(const tenon_db *db)
{
    return db->url;
}

tenon_status
tenon_db_get_info(tenon_db *db, tenon_db_info *info, tenon_error *err)
{
    const uint32_t size = info->size;
    tenon_drv_info driver_info = { .size = sizeof driver_info };
    tenon_error failure = { 0 };
    tenon_db_info filled = { .size = size };
    uint64_t totals[TNI_COUNTS];
    tenon_status st;

    if (size < sizeof info->size)
        return tni_fail(err, TENON_MISUSE, NULL, "size of tenon_db_info is not set");
    tni_mutex_lock(&db->reopen.lock);
    if (db->drv != NULL)
        st = db->driver->database->info(db->drv, &driver_info, &failure);
    else
        st = tni_fail(&failure, TENON_UNAVAILABLE, NULL, "the database could not be opened anew");
    tni_mutex_unlock(&db->reopen.lock);
    if (st != TENON_OK) {
        (void)tni_db_failed(db, st, &failure);
        if (err != NULL)
            *err = failure;
        return st;
    }
    filled.disk_bytes = driver_info.disk_bytes;
    tni_stats_totals(db, totals);
    filled.begun_count = totals[TNI_BEGUN];
    filled.committed_count = totals[TNI_COMMITTED];
    filled.rolled_back_count = totals[TNI_ROLLED_BACK] + totals[TNI_FAILED] + totals[TNI_TIMED_OUT];
    filled.retried_count = totals[TNI_RETRIED];
    filled.connection_count = tni_pool_open_count(&db->pool);
    memcpy(info, &filled, size < sizeof filled ? size : sizeof filled);
    return TENON_OK;
}

typedef struct db_version_job {
    const char *name;
    uint32_t version;
} db_version_job;

static tenon_status
db_version_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    db_version_job *job = arg;

    return tni_catalogue_version(txn, job->name, &job->version, err);
}

tenon_status
tenon_db_schema_version(tenon_db *db, const char *name, uint32_t *out, tenon_error *err)
{
    static const tenon_txn_options reading = {
        .size = sizeof reading,
        .name = "tenon schema version",
        .read_only = true,
    };
    db_version_job job = { .name = name };
    tenon_status st = tni_run_own(db, &reading, db_version_body, &job, err);

    *out = st == TENON_OK ? job.version : 0;
    return st;
}

tenon_status
tenon_db_tables(tenon_db *db, const tenon_table *const **out, uint32_t *count, tenon_error *err)
{
    tni_kept *kept = calloc(1, sizeof *kept);
    const tenon_table **tables = NULL;
    tenon_status st;

    *out = NULL;
    *count = 0;
    if (kept == NULL)
        return tni_no_memory(err, "the tables of a database");
    st = tni_catalogue_tables(db, &tables, count, err);
    if (st != TENON_OK) {
        free(kept);
        return st;
    }
    kept->block = tables;
    tni_mutex_lock(&db->catalogue_lock);
    kept->next = db->kept;
    db->kept = kept;
    tni_mutex_unlock(&db->catalogue_lock);
    *out = tables;
    return TENON_OK;
}
