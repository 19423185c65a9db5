/* Databases: opened by a URL, closed, and what they say about themselves. */
#include "core/db.h"

#include <stdlib.h>
#include <string.h>

#include "core/env.h"
#include "core/error.h"
#include "core/host.h"
#include "core/loader.h"
#include "core/migrate.h"
#include "core/plugin.h"
#include "core/url.h"

#define DB_DEFAULT_CONNECTIONS 32
#define DB_DEFAULT_TIMEOUT_MS 30000
#define DB_DEFAULT_RETRIES 3
#define DB_DEFAULT_MIN_CONNECTIONS 4
#define DB_DEFAULT_CONCURRENT 100
#define DB_DEFAULT_IDLE_MS 600000
#define DB_DEFAULT_LIFETIME_MS 1800000
#define DB_DEFAULT_CLEANUP_MS 60000
#define DB_DEFAULT_BUDGET 20
#define DB_DEFAULT_FAILURES 5
#define DB_DEFAULT_OPEN_MS 1000

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
tni_db_connect(tenon_db *db, tni_conn *conn, tenon_error *err)
{
    const uint64_t life_ns = db->max_lifetime_ms * TNI_NS_PER_MS;
    tenon_error failure = { 0 };
    tenon_status st = db->driver->connection->open(db->drv, &conn->drv, &failure);

    conn->idle_since_ns = tni_monotonic_ns();
    conn->expires_ns = conn->idle_since_ns + life_ns - tni_random_below(life_ns / 40 + 1);
    if (st == TENON_OK)
        return st;
    conn->drv = NULL;
    (void)tni_db_failed(db, st, &failure);
    if (err != NULL)
        *err = failure;
    return st;
}

tenon_status
tni_db_lease(tenon_db *db, const tni_lease *lease, bool leave, tni_conn **out, tenon_error *err)
{
    tenon_status st;

    *out = NULL;
    if (db->epoch != tni_process_epoch())
        return tni_fail(err, TENON_MISUSE, NULL,
                        "a database can't be used in a forked child; open it there");
    st = tni_pool_lease(&db->pool, lease, out, err);
    if (st != TENON_OK || (*out)->drv != NULL)
        return st;
    st = tni_db_connect(db, *out, err);
    if (st == TENON_OK)
        return st;
    tni_pool_release(&db->pool, *out, lease->writer, leave || lease->admit);
    *out = NULL;
    return st;
}

void
tni_db_release(tenon_db *db, tni_conn *conn, bool writer, bool broken, bool leave)
{
    tenon_error failure = { 0 };

    if (conn->forget_plans) {
        tni_plans_clear(&conn->plans, db->driver->query);
        conn->forget_plans = false;
    }
    if (!broken && db->driver->connection->reset(conn->drv, &failure) != TENON_OK) {
        tni_log(TENON_LOG_WARNING, db->driver->name, failure.message);
        broken = true;
    }
    if (broken || conn->idle_since_ns >= conn->expires_ns)
        tni_db_disconnect(db, conn);
    tni_pool_release(&db->pool, conn, writer, leave);
}

/* ---- Opening ---- */

/* 0 stands for the default, UINT32_MAX for none. */
static void
db_default(uint32_t *value, uint32_t standard)
{
    if (*value == 0)
        *value = standard;
    else if (*value == UINT32_MAX)
        *value = 0;
}

static tenon_status
db_read_options(const tenon_open_options *options, tenon_open_options *o, tenon_error *err)
{
    *o = (tenon_open_options){ .size = sizeof *o };
    if (options != NULL) {
        if (options->size < sizeof options->size)
            return tni_fail(err, TENON_MISUSE, NULL, "size of tenon_open_options is not set");
        memcpy(o, options, options->size < sizeof *o ? options->size : sizeof *o);
    }
    db_default(&o->max_connections, DB_DEFAULT_CONNECTIONS);
    db_default(&o->connection_timeout_ms, DB_DEFAULT_TIMEOUT_MS);
    db_default(&o->max_retry_attempts, DB_DEFAULT_RETRIES);
    db_default(&o->min_connections, DB_DEFAULT_MIN_CONNECTIONS);
    db_default(&o->max_concurrent, DB_DEFAULT_CONCURRENT);
    db_default(&o->default_timeout_ms, DB_DEFAULT_TIMEOUT_MS);
    db_default(&o->idle_timeout_ms, DB_DEFAULT_IDLE_MS);
    db_default(&o->max_lifetime_ms, DB_DEFAULT_LIFETIME_MS);
    db_default(&o->cleanup_interval_ms, DB_DEFAULT_CLEANUP_MS);
    db_default(&o->retry_budget_percent, DB_DEFAULT_BUDGET);
    db_default(&o->breaker_failures, DB_DEFAULT_FAILURES);
    db_default(&o->breaker_open_ms, DB_DEFAULT_OPEN_MS);
    db_default(&o->rate_burst, o->rate_per_second);
    db_default(&o->caller_rate_burst, o->caller_rate_per_second);
    return TENON_OK;
}

/* The durability to ask the driver for: the default promises what no engine in memory can keep. */
static tenon_status
db_durability(const tenon_driver *driver, const tni_url *url, uint32_t *out, tenon_error *err)
{
    *out = url->durability;
    if (!url->has_durability && (driver->capabilities & TENON_CAP_PERSISTENT) == 0)
        *out = TENON_DURABLE_NONE;
    if ((driver->capabilities & TENON_CAP_DURABLE_POWER << *out) != 0)
        return TENON_OK;
    return tni_fail(err, TENON_UNSUPPORTED, "durability", "%s does not offer that durability",
                    driver->name);
}

/* For each level that may be asked for, the weakest offered one that is as strong. */
static void
db_map_isolation(tenon_db *db)
{
    uint32_t given = 0;

    for (uint32_t level = TENON_SERIALIZABLE; level >= TENON_READ_COMMITTED; level--) {
        if ((db->capabilities & TENON_CAP_READ_COMMITTED << (level - 1)) != 0) {
            given = level;
            if (db->isolation[TENON_ISOLATION_DEFAULT] == 0)
                db->isolation[TENON_ISOLATION_DEFAULT] = level;
        }
        db->isolation[level] = given;
    }
}

static void
db_set_limits(tenon_db *db, const tenon_open_options *o, uint32_t engine_max)
{
    tni_limits *limits = &db->pool.limits;

    limits->max_count = engine_max == 0 || engine_max > o->max_connections ? o->max_connections
                                                                           : engine_max;
    limits->min_count = o->min_connections < limits->max_count ? o->min_connections
                                                               : limits->max_count;
    limits->max_concurrent = o->max_concurrent;
    limits->timeout_ns = tni_after_ms(0, o->connection_timeout_ms);
    limits->single_writer = (db->capabilities & TENON_CAP_SINGLE_WRITER) != 0;
    limits->finds_deadlocks = !o->no_deadlock_detection;
}

static tenon_status
db_open_driver(tenon_db *db, const char *text, const tni_url *url, const tenon_open_options *o,
               tenon_error *err)
{
    tenon_drv_open how = {
        .size = sizeof how,
        .url = text,
        .place = url->place,
        .params = url->params,
        .param_count = url->param_count,
        .read_only = o->read_only,
        .create = !o->read_only && !o->no_auto_migrate,
    };
    tenon_drv_info info = { .size = sizeof info };
    tenon_error failure = { 0 };
    tenon_status st = db_durability(db->driver, url, &how.durability, err);

    if (st != TENON_OK)
        return st;
    tni_loader_set_path(o->driver_path);
    st = db->driver->database->open(&how, &db->drv, &failure);
    tni_loader_set_path(NULL);
    if (st == TENON_OK)
        st = db->driver->database->info(db->drv, &info, &failure);
    else
        db->drv = NULL;
    if (st != TENON_OK) {
        (void)tni_db_failed(db, st, &failure);
        if (err != NULL)
            *err = failure;
        return st;
    }
    db->capabilities = info.capabilities;
    db->durability = info.durability;
    db->read_only = o->read_only;
    db_map_isolation(db);
    db_set_limits(db, o, info.max_connections);
    if (db->thread_bound && !db->pool.limits.single_writer)
        return tni_fail(err, TENON_ABI, db->driver->name,
                        "%s binds writers to their threads and takes several at once: one thread "
                        "would have to end them all",
                        db->driver->name);
    return tni_reaper_start(db, err);
}

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

static void
db_free(tenon_db *db)
{
    tni_reaper_stop(db);
    for (tni_conn *c = atomic_load(&db->pool.all); c != NULL; c = c->older)
        db_free_conn(db, c);
    tni_keeper_fini(&db->keeper);
    tni_health_fini(&db->health);
    tni_pool_fini(&db->pool);
    if (db->drv != NULL)
        db->driver->database->close(db->drv);
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

/* A database without anything of the engine yet. */
static tenon_db *
db_new(const char *url)
{
    const size_t url_bytes = 4 * strlen(url) + 1; /* each password, be it empty, becomes three */
    tenon_db *db = calloc(1, sizeof *db);

    if (db == NULL)
        return NULL;
    db->url = malloc(url_bytes);
    if (db->url == NULL) {
        free(db);
        return NULL;
    }
    tenon_url_mask(url, db->url, url_bytes);
    db->epoch = tni_process_epoch();
    tni_models_init(&db->models);
    tni_mutex_init(&db->catalogue_lock);
    tni_pool_init(&db->pool, &(tni_limits){ .max_count = 0 });
    tni_keeper_init(&db->keeper);
    tni_health_init(&db->health);
    tni_breaker_init(&db->breaker, 0, 0);
    if (tni_ops_init(&db->ops))
        return db;
    db_free(db);
    return NULL;
}

/* @return false: no memory */
static bool
db_configure(tenon_db *db, const tenon_open_options *o)
{
    db->max_retry_count = o->max_retry_attempts;
    db->default_timeout_ms = o->default_timeout_ms;
    db->idle_timeout_ms = o->idle_timeout_ms;
    db->max_lifetime_ms = o->max_lifetime_ms;
    db->cleanup_interval_ms = o->cleanup_interval_ms;
    db->retries_deadlocks = !o->no_retry_on_deadlock;
    db->slow_ms = o->slow_ms;
    db->slow_fn = o->slow;
    db->slow_arg = o->slow_arg;
    tni_budget_init(&db->budget, o->retry_budget_percent);
    db->breaker.threshold = o->breaker_failures;
    db->breaker.open_ms = o->breaker_open_ms;
    return tni_rates_init(&db->rates, (tni_rate){ o->rate_per_second, o->rate_burst },
                          (tni_rate){ o->caller_rate_per_second, o->caller_rate_burst });
}

static tenon_status
db_find_driver(tenon_db *db, const tni_url *url, const char *driver_path, tenon_error *err)
{
    tenon_status st = url->has_path
                          ? tni_driver_find_by_path(url->driver, &db->driver, err)
                          : tni_driver_find_by_name(url->driver, driver_path, &db->driver, err);

    if (st == TENON_OK) {
        db->has_fetch = tni_driver_has_fetch(db->driver);
        db->thread_bound = (db->driver->flags & TENON_DRV_THREAD_BOUND) != 0;
    }
    return st;
}

tenon_status
tenon_open(const char *url, const tenon_open_options *options, tenon_db **out, tenon_error *err)
{
    tenon_open_options o;
    tni_url *parsed = NULL;
    tenon_db *db = NULL;
    tenon_status st;

    *out = NULL;
    if (url == NULL)
        return tni_fail(err, TENON_CONFIG, NULL, "no URL");
    st = db_read_options(options, &o, err);
    if (st == TENON_OK)
        st = tni_url_parse(url, &parsed, err);
    if (st != TENON_OK)
        goto done;
    db = db_new(url);
    if (db == NULL) {
        st = tni_no_memory(err, "a database");
        goto done;
    }
    if (db_configure(db, &o))
        st = db_find_driver(db, parsed, o.driver_path, err);
    else
        st = tni_no_memory(err, "rate limits");
    if (st == TENON_OK)
        st = db_open_driver(db, url, parsed, &o, err);
    if (st == TENON_OK && o.schema != NULL)
        st = tni_migrate(db, o.schema, !o.read_only && !o.no_auto_migrate, err);
done:
    free(parsed);
    if (st == TENON_OK)
        *out = db;
    else if (db != NULL)
        db_free(db);
    return st;
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
    db_free(db);
    return TENON_OK;
}

void
tenon_close(tenon_db *db)
{
    if (db == NULL || db_is_foreign(db))
        return;
    (void)tni_pool_drain(&db->pool, UINT64_MAX);
    db_free(db);
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
    st = db->driver->database->info(db->drv, &driver_info, &failure);
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
    tenon_status st = tenon_run(db, &reading, db_version_body, &job, err);

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
