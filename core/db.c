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
#define DB_NS_PER_MS UINT64_C(1000000)

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

/* Close a connection in the engine; its room stays, for the next one. */
static void
db_disconnect(tenon_db *db, tni_conn *conn)
{
    tni_plans_clear(&conn->plans, db->driver->query);
    db->driver->connection->close(conn->drv);
    conn->drv = NULL;
}

tenon_status
tni_db_lease(tenon_db *db, bool writer, uint64_t deadline_ns, tni_conn **out, tenon_error *err)
{
    tenon_error failure = { 0 };
    tenon_status st;

    *out = NULL;
    if (db->epoch != tni_process_epoch())
        return tni_fail(err, TENON_MISUSE, NULL,
                        "a database can't be used in a forked child; open it there");
    st = tni_pool_lease(&db->pool, writer, deadline_ns, out, err);
    if (st != TENON_OK || (*out)->drv != NULL)
        return st;
    st = db->driver->connection->open(db->drv, &(*out)->drv, &failure);
    if (st == TENON_OK)
        return st;
    (*out)->drv = NULL;
    tni_pool_release(&db->pool, *out, writer);
    *out = NULL;
    (void)tni_db_failed(db, st, &failure);
    if (err != NULL)
        *err = failure;
    return st;
}

void
tni_db_release(tenon_db *db, tni_conn *conn, bool writer, bool broken)
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
    if (broken)
        db_disconnect(db, conn);
    tni_pool_release(&db->pool, conn, writer);
}

/* ---- Opening ---- */

static tenon_status
db_read_options(const tenon_open_options *options, tenon_open_options *o, tenon_error *err)
{
    *o = (tenon_open_options){ .size = sizeof *o };
    if (options != NULL) {
        if (options->size < sizeof options->size)
            return tni_fail(err, TENON_MISUSE, NULL, "size of tenon_open_options is not set");
        memcpy(o, options, options->size < sizeof *o ? options->size : sizeof *o);
    }
    if (o->max_connections == 0)
        o->max_connections = DB_DEFAULT_CONNECTIONS;
    if (o->connection_timeout_ms == 0)
        o->connection_timeout_ms = DB_DEFAULT_TIMEOUT_MS;
    if (o->max_retry_attempts == 0)
        o->max_retry_attempts = DB_DEFAULT_RETRIES;
    else if (o->max_retry_attempts == UINT32_MAX)
        o->max_retry_attempts = 0;
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
    if (info.max_connections == 0 || info.max_connections > o->max_connections)
        info.max_connections = o->max_connections;
    return tni_pool_init(&db->pool, info.max_connections, o->connection_timeout_ms * DB_NS_PER_MS,
                         (db->capabilities & TENON_CAP_SINGLE_WRITER) != 0, err);
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
    (void)pthread_mutex_init(&db->catalogue_lock, NULL);
    return db;
}

static void
db_free(tenon_db *db)
{
    for (uint32_t i = 0; i < db->pool.max_count; i++) {
        tni_conn *conn = &db->pool.conns[i];

        if (conn->drv != NULL)
            db_disconnect(db, conn);
        tni_cursors_free(conn);
        tni_plans_fini(&conn->plans, db->driver->query);
    }
    tni_pool_fini(&db->pool);
    if (db->drv != NULL)
        db->driver->database->close(db->drv);
    tni_models_fini(&db->models);
    (void)pthread_mutex_destroy(&db->catalogue_lock);
    while (db->kept != NULL) {
        tni_kept *kept = db->kept;

        db->kept = kept->next;
        free(kept->block);
        free(kept);
    }
    free(db->url);
    free(db);
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
    db->max_retry_count = o.max_retry_attempts;
    st = db_find_driver(db, parsed, o.driver_path, err);
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

void
tenon_close(tenon_db *db)
{
    if (db == NULL)
        return;
    if (db->epoch != tni_process_epoch()) {
        /* Of the parent's: engines undo its locks or write its files when closed here. */
        tni_log(TENON_LOG_WARNING, db->driver->name, "tenon_close in a forked child: not closed");
        return;
    }
    tni_pool_drain(&db->pool);
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

static uint64_t
db_counted(const atomic_uint_fast64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

tenon_status
tenon_db_get_info(tenon_db *db, tenon_db_info *info, tenon_error *err)
{
    const uint32_t size = info->size;
    tenon_drv_info driver_info = { .size = sizeof driver_info };
    tenon_error failure = { 0 };
    tenon_db_info filled = { .size = size };
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
    filled.begun_count = db_counted(&db->counts.begun);
    filled.committed_count = db_counted(&db->counts.committed);
    filled.rolled_back_count = db_counted(&db->counts.rolled_back);
    filled.retried_count = db_counted(&db->counts.retried);
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
    (void)pthread_mutex_lock(&db->catalogue_lock);
    kept->next = db->kept;
    db->kept = kept;
    (void)pthread_mutex_unlock(&db->catalogue_lock);
    *out = tables;
    return TENON_OK;
}
