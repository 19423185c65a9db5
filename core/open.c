/* Opening databases: options, the driver, its engine. */
#include <stdlib.h>
#include <string.h>

#include "core/db.h"
#include "core/error.h"
#include "core/loader.h"
#include "core/migrate.h"
#include "core/plugin.h"
#include "tenon/settings.h"

#define OPEN_CONNECTIONS 32
#define OPEN_MIN_CONNECTIONS 4
#define OPEN_CONCURRENT 100
#define OPEN_TIMEOUT_MS 30000
#define OPEN_RETRIES 3
#define OPEN_BUDGET 20
#define OPEN_IDLE_MS 600000
#define OPEN_LIFETIME_MS 1800000
#define OPEN_CLEANUP_MS 60000
#define OPEN_FAILURES 5
#define OPEN_CIRCUIT_MS 1000
#define OPEN_KEY_MS UINT64_C(604800000) /* a week */

/* ---- Options ---- */

static void
open_default(uint32_t *value, uint32_t standard)
{
    if (*value == 0)
        *value = standard;
}

/* 0 stands for the default, UINT32_MAX for none. */
static void
open_default_or_none(uint32_t *value, uint32_t standard)
{
    open_default(value, standard);
    if (*value == UINT32_MAX)
        *value = 0;
}

static tenon_status
open_read_options(const tenon_open_options *options, tenon_open_options *o, tenon_error *err)
{
    *o = (tenon_open_options){ .size = sizeof *o };
    if (options == NULL)
        return TENON_OK;
    if (options->size < sizeof options->size)
        return tni_fail(err, TENON_MISUSE, NULL, "size of tenon_open_options is not set");
    memcpy(o, options, options->size < sizeof *o ? options->size : sizeof *o);
    o->size = sizeof *o;
    return TENON_OK;
}

/* What the URL says of options goes before what the program says, and is not for the driver. */
static tenon_status
open_read_url(tni_url *url, tenon_open_options *o, tenon_error *err)
{
    tenon_status st = TENON_OK;
    uint32_t i = 0;

    while (i < url->param_count && st == TENON_OK) {
        const tenon_setting *setting = tenon_setting_find(url->params[i].key);

        if (setting == NULL) {
            i++;
            continue;
        }
        st = tenon_setting_parse(setting, url->params[i].value, o, err);
        tni_url_drop_param(url, i);
    }
    return st;
}

static void
open_set_defaults(tenon_open_options *o)
{
    open_default(&o->max_connections, OPEN_CONNECTIONS);
    open_default_or_none(&o->min_connections, OPEN_MIN_CONNECTIONS);
    open_default(&o->max_concurrent, OPEN_CONCURRENT);
    open_default(&o->connection_timeout_ms, OPEN_TIMEOUT_MS);
    open_default(&o->default_timeout_ms, OPEN_TIMEOUT_MS);
    open_default_or_none(&o->max_retry_attempts, OPEN_RETRIES);
    open_default_or_none(&o->retry_budget_percent, OPEN_BUDGET);
    open_default(&o->idle_timeout_ms, OPEN_IDLE_MS);
    open_default(&o->max_lifetime_ms, OPEN_LIFETIME_MS);
    open_default(&o->cleanup_interval_ms, OPEN_CLEANUP_MS);
    open_default_or_none(&o->breaker_failures, OPEN_FAILURES);
    open_default(&o->breaker_open_ms, OPEN_CIRCUIT_MS);
    open_default(&o->rate_burst, o->rate_per_second);
    open_default(&o->caller_rate_burst, o->caller_rate_per_second);
    if (o->idempotency_keep_ms == 0)
        o->idempotency_keep_ms = OPEN_KEY_MS;
}

/* The durability to ask the driver for: the default promises what no engine in memory can keep. */
static tenon_status
open_durability(const tenon_driver *driver, const tni_url *url, uint32_t *out, tenon_error *err)
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
open_map_isolation(tenon_db *db)
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
open_set_limits(tenon_db *db, const tenon_open_options *o, uint32_t engine_max)
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

/* What an open engine is like. */
static tenon_status
open_ask(tenon_db *db, const tenon_open_options *o, tenon_error *err)
{
    tenon_drv_info info = { .size = sizeof info };
    tenon_error failure = { 0 };
    tenon_status st = db->driver->database->info(db->drv, &info, &failure);

    if (st != TENON_OK) {
        (void)tni_db_failed(db, st, &failure);
        if (err != NULL)
            *err = failure;
        return st;
    }
    db->capabilities = info.capabilities;
    db->durability = info.durability;
    db->read_only = o->read_only;
    open_map_isolation(db);
    open_set_limits(db, o, info.max_connections);
    db->grouper.wanted = (db->driver->flags & TENON_DRV_GROUPS) != 0 &&
                         db->pool.limits.single_writer && !o->no_group_commit && !db->read_only &&
                         (db->capabilities & TENON_CAP_SAVEPOINTS) != 0;
    if (db->thread_bound && !db->pool.limits.single_writer)
        return tni_fail(err, TENON_ABI, db->driver->name,
                        "%s binds writers to their threads and takes several at once: one thread "
                        "would have to end them all",
                        db->driver->name);
    return TENON_OK;
}

/* ---- Databases ---- */

/* A database without anything of the engine yet. NULL: no memory. */
static tenon_db *
open_new(const char *url, const tenon_open_options *o)
{
    const size_t url_bytes = 4 * strlen(url) + 1; /* each password, be it empty, becomes three */
    tenon_db *db = calloc(1, sizeof *db);
    bool whole;

    if (db == NULL)
        return NULL;
    db->epoch = tni_process_epoch();
    tni_models_init(&db->models);
    tni_mutex_init(&db->catalogue_lock);
    tni_pool_init(&db->pool, &(tni_limits){ .max_count = 0 });
    tni_keeper_init(&db->keeper);
    tni_grouper_init(&db->grouper);
    tni_health_init(&db->health);
    tni_reopen_init(&db->reopen);
    tni_breaker_init(&db->breaker, o->breaker_failures, o->breaker_open_ms);
    tni_budget_init(&db->budget, o->retry_budget_percent);
    whole = tni_rates_init(&db->rates, (tni_rate){ o->rate_per_second, o->rate_burst },
                           (tni_rate){ o->caller_rate_per_second, o->caller_rate_burst });
    whole = tni_ops_init(&db->ops) && whole;
    db->url = malloc(url_bytes);
    if (db->url == NULL || !whole) {
        tni_db_free(db);
        return NULL;
    }
    tenon_url_mask(url, db->url, url_bytes);
    return db;
}

static void
open_configure(tenon_db *db, const tenon_open_options *o)
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
    db->outcomes.keep_ms = o->idempotency_keep_ms;
}

static tenon_status
open_find_driver(tenon_db *db, const tni_url *url, const char *driver_path, tenon_error *err)
{
    tenon_status st = url->has_path
                          ? tni_driver_find_by_path(url->driver, &db->driver, err)
                          : tni_driver_find_by_name(url->driver, driver_path, &db->driver, err);

    if (st == TENON_OK && (db->driver->flags & TENON_DRV_FILTER) != 0)
        return tni_fail(err, TENON_CONFIG, db->driver->name,
                        "%s is a filter: it needs a driver, as in %s+DRIVER:PLACE",
                        db->driver->name, db->driver->name);
    if (st == TENON_OK) {
        db->has_fetch = tni_driver_has_fetch(db->driver);
        db->thread_bound = (db->driver->flags & TENON_DRV_THREAD_BOUND) != 0;
    }
    return st;
}

/* Open the engine, and see to it from then on. */
static tenon_status
open_engine(tenon_db *db, const char *url, tni_url *parsed, const tenon_open_options *o,
            tenon_error *err)
{
    uint32_t durability;
    tenon_status st = open_durability(db->driver, parsed, &durability, err);

    if (st != TENON_OK) {
        free(parsed);
        return st;
    }
    st = tni_reopen_first(db, url, parsed, durability, o, err);
    if (st == TENON_OK)
        st = open_ask(db, o, err);
    if (st == TENON_OK)
        st = tni_reaper_start(db, err);
    if (st == TENON_OK)
        st = tni_upkeep_start(db, err);
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
    st = open_read_options(options, &o, err);
    if (st == TENON_OK)
        st = tni_url_parse(url, &parsed, err);
    if (st == TENON_OK)
        st = open_read_url(parsed, &o, err);
    if (st != TENON_OK)
        goto done;
    open_set_defaults(&o);
    db = open_new(url, &o);
    if (db == NULL) {
        st = tni_no_memory(err, "a database");
        goto done;
    }
    open_configure(db, &o);
    st = tni_audit_init(&db->audit, &o, err);
    if (st == TENON_OK)
        st = open_find_driver(db, parsed, o.driver_path, err);
    if (st != TENON_OK)
        goto done;
    st = open_engine(db, url, parsed, &o, err);
    parsed = NULL; /* taken over */
    if (st == TENON_OK && o.schema != NULL)
        st = tni_migrate(db, o.schema, !o.read_only && !o.no_auto_migrate, err);
    if (st == TENON_OK && (o.audit || o.audit_by_hand) && !o.read_only)
        st = tni_audit_prepare(db, err);
done:
    free(parsed);
    if (st == TENON_OK)
        *out = db;
    else if (db != NULL)
        tni_db_free(db);
    return st;
}
