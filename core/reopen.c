/* Opening an engine, the first time and after a failure. */
#include "core/reopen.h"

#include <stdlib.h>
#include <string.h>

#include "core/db.h"
#include "core/error.h"
#include "core/host.h"
#include "core/loader.h"

void
tni_reopen_init(tni_reopen *reopen)
{
    tni_mutex_init(&reopen->lock);
    atomic_init(&reopen->suspect, false);
}

void
tni_reopen_fini(tni_reopen *reopen)
{
    free(reopen->url);
    free(reopen->parsed);
    tni_mutex_fini(&reopen->lock);
}

static tenon_status
reopen_engine(tenon_db *db, const char *driver_path, bool create, tenon_error *err)
{
    const tni_reopen *r = &db->reopen;
    const tenon_drv_open how = {
        .size = sizeof how,
        .url = r->url,
        .place = r->parsed->place,
        .params = r->parsed->params,
        .param_count = r->parsed->param_count,
        .durability = r->durability,
        .read_only = r->read_only,
        .create = create,
    };
    tenon_error failure = { 0 };
    tenon_status st;

    tni_loader_set_path(driver_path);
    st = db->driver->database->open(&how, &db->drv, &failure);
    tni_loader_set_path(NULL);
    if (st == TENON_OK)
        return st;
    db->drv = NULL;
    (void)tni_db_failed(db, st, &failure);
    if (err != NULL)
        *err = failure;
    return st;
}

tenon_status
tni_reopen_first(tenon_db *db, const char *url, tni_url *parsed, uint32_t durability,
                 const tenon_open_options *options, tenon_error *err)
{
    const size_t bytes = strlen(url) + 1;
    tni_reopen *r = &db->reopen;

    r->parsed = parsed;
    r->durability = durability;
    r->read_only = options->read_only;
    r->url = malloc(bytes);
    if (r->url == NULL)
        return tni_no_memory(err, "a URL");
    memcpy(r->url, url, bytes);
    return reopen_engine(db, options->driver_path, !options->read_only && !options->no_auto_migrate,
                         err);
}

/* Close every connection. @return false: a row that was lent keeps one open */
static bool
reopen_close_all(tenon_db *db)
{
    tni_conn *conn;

    for (tni_conn *c = atomic_load(&db->pool.all); c != NULL; c = c->older) {
        if (atomic_load(&c->txn.word) == TNI_REAPED && c->drv != NULL)
            return false;
    }
    while ((conn = tni_pool_lease_held(&db->pool)) != NULL) {
        tni_db_disconnect(db, conn);
        tni_pool_release(&db->pool, conn, false, false);
    }
    return true;
}

/* Nobody has a connection, and nobody gets one. */
static tenon_status
reopen_alone(tenon_db *db, tenon_error *err)
{
    tenon_status st;

    if (!reopen_close_all(db))
        return tni_fail(err, TENON_UNAVAILABLE, NULL,
                        "the database has to be opened anew, and a transaction that is over its "
                        "deadline still reads a row");
    tni_health_stop(&db->health);
    db->driver->database->close(db->drv);
    st = reopen_engine(db, NULL, false, err);
    tni_health_go_on(&db->health);
    tni_log(TENON_LOG_WARNING, db->driver->name,
            st == TENON_OK ? "opened anew after a failure" : "could not be opened anew");
    return st;
}

tenon_status
tni_reopen_now(tenon_db *db, uint64_t deadline_ns, tenon_error *err)
{
    tni_reopen *r = &db->reopen;
    tenon_status st = TENON_OK;

    tni_mutex_lock(&r->lock);
    if (!atomic_load(&r->suspect)) /* somebody else has done it */
        goto done;
    if (!tni_pool_hold(&db->pool, deadline_ns)) {
        st = tni_fail(err, TENON_TIMEOUT, NULL,
                      "the database has to be opened anew, and transactions are in the way");
        goto done;
    }
    st = reopen_alone(db, err);
    if (st == TENON_OK)
        atomic_store(&r->suspect, false);
    tni_pool_unhold(&db->pool);

done:
    tni_mutex_unlock(&r->lock);
    return st;
}
