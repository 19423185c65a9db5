/* Connections that nobody needs, and those that are missing. */
#include "core/upkeep.h"

#include "core/db.h"
#include "core/error.h"
#include "core/host.h"

#define UPKEEP_FIRST_NS (10 * TNI_NS_PER_MS) /* until a second try to open a connection */
#define UPKEEP_LAST_NS (5 * TNI_NS_PER_S)    /* no pause between two tries is longer */
#define UPKEEP_OPEN_NS (5 * TNI_NS_PER_S) /* for opening one; closing the database waits for it */

static void
upkeep_close_unneeded(tenon_db *db)
{
    const uint64_t now_ns = tni_monotonic_ns(), idle_ns = db->idle_timeout_ms * TNI_NS_PER_MS;
    const uint64_t idle_before_ns = now_ns > idle_ns ? now_ns - idle_ns : 0;
    tni_conn *conn;

    while ((conn = tni_pool_lease_stale(&db->pool, idle_before_ns, now_ns)) != NULL) {
        tni_db_disconnect(db, conn);
        tni_pool_release(&db->pool, conn, false, false);
    }
}

/* @return false: the engine gives no more */
static bool
upkeep_open_missing(tenon_db *db, tenon_error *err)
{
    tenon_status st = TENON_OK;
    tni_conn *conn;

    while (st == TENON_OK && (conn = tni_pool_lease_missing(&db->pool)) != NULL) {
        st = tni_db_connect(db, conn, tni_monotonic_ns() + UPKEEP_OPEN_NS, err);
        tni_pool_release(&db->pool, conn, false, false);
    }
    return st == TENON_OK;
}

static void
upkeep_main(void *arg)
{
    tenon_db *db = arg;
    tni_background *u = &db->upkeep;
    uint64_t pause_ns = UPKEEP_FIRST_NS;

    tni_mutex_lock(&u->lock);
    while (!u->stopping) {
        tenon_error err = { 0 };
        uint64_t next_ns;
        bool whole;

        tni_mutex_unlock(&u->lock);
        upkeep_close_unneeded(db);
        whole = upkeep_open_missing(db, &err);
        if (!whole && pause_ns == UPKEEP_FIRST_NS) /* once, not at each try */
            tni_log(TENON_LOG_WARNING, db->driver->name, err.message);
        next_ns = whole ? tni_after_ms(tni_monotonic_ns(), db->cleanup_interval_ms)
                        : tni_monotonic_ns() + pause_ns;
        pause_ns = whole ? UPKEEP_FIRST_NS : pause_ns * 2;
        if (pause_ns > UPKEEP_LAST_NS)
            pause_ns = UPKEEP_LAST_NS;
        tni_mutex_lock(&u->lock);
        while (!u->stopping && tni_monotonic_ns() < next_ns)
            (void)tni_cond_wait(&u->wake, &u->lock, next_ns);
    }
    tni_mutex_unlock(&u->lock);
}

tenon_status
tni_upkeep_start(tenon_db *db, tenon_error *err)
{
    return tni_background_start(&db->upkeep, upkeep_main, db, "connections", err);
}
