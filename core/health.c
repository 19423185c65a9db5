/* Does the engine answer? */
#include "core/health.h"

#include <string.h>

#include "core/db.h"
#include "core/error.h"

#define HEALTH_DEFAULT_MS 1000

void
tni_health_init(tni_health *health)
{
    tni_mutex_init(&health->lock);
    tni_cond_init(&health->answered);
}

void
tni_health_fini(tni_health *health)
{
    if (health->started)
        tni_thread_join(&health->thread);
    tni_cond_fini(&health->answered);
    tni_mutex_fini(&health->lock);
}

void
tni_health_stop(tni_health *health)
{
    tni_mutex_lock(&health->lock);
    while (health->asking)
        (void)tni_cond_wait(&health->answered, &health->lock, UINT64_MAX);
}

void
tni_health_go_on(tni_health *health)
{
    tni_mutex_unlock(&health->lock);
}

/* A read transaction that looks for a table, on a connection of its own. */
static tenon_status
health_ask(tenon_db *db, uint64_t deadline_ns, tenon_error *err)
{
    const tenon_drv_begin begin = {
        .size = sizeof begin,
        .deadline_ns = deadline_ns,
        .isolation = db->isolation[TENON_ISOLATION_DEFAULT],
        .read_only = 1,
    };
    const tenon_driver *driver = db->driver;
    tenon_drv_conn *conn = NULL;
    tenon_error ignored = { 0 };
    uint32_t found;
    tenon_status st;

    st = tni_db_ask_conn(db, deadline_ns, &conn, err);
    if (st != TENON_OK)
        return st;
    st = driver->transaction->begin(conn, &begin, err);
    if (st == TENON_OK) {
        st = driver->schema->has_table(conn, "tenon_health", &found, err);
        (void)driver->transaction->rollback(conn, &ignored);
    }
    driver->connection->close(conn);
    return st;
}

static void
health_main(void *arg)
{
    tenon_db *db = arg;
    tni_health *h = &db->health;
    const uint64_t asked_ns = tni_monotonic_ns();
    tenon_error err = { 0 };
    const tenon_status st = health_ask(db, h->deadline_ns, &err);

    if (st != TENON_OK)
        (void)tni_db_failed(db, st, &err);
    tni_mutex_lock(&h->lock);
    h->status = st;
    h->err = err;
    h->answer_ns = tni_monotonic_ns() - asked_ns;
    h->asking = false;
    tni_cond_broadcast(&h->answered);
    tni_mutex_unlock(&h->lock);
}

/* Start a question, unless one is under way. The lock is held. */
static bool
health_start(tenon_db *db, uint64_t deadline_ns)
{
    tni_health *h = &db->health;

    if (h->asking)
        return true;
    if (h->started)
        tni_thread_join(&h->thread);
    h->deadline_ns = deadline_ns;
    h->asking = true;
    h->started = tni_thread_start(&h->thread, health_main, db);
    h->asking = h->started;
    return h->started;
}

tenon_status
tenon_db_health(tenon_db *db, uint32_t timeout_ms, tenon_health *health, tenon_error *err)
{
    const uint64_t deadline_ns = tni_after_ms(tni_monotonic_ns(),
                                              timeout_ms != 0 ? timeout_ms : HEALTH_DEFAULT_MS);
    tenon_health filled = { .circuit = tni_breaker_state(&db->breaker) };
    tni_health *h = &db->health;
    bool in_time = true;
    tenon_status st = TENON_OK;

    tni_mutex_lock(&h->lock);
    if (!health_start(db, deadline_ns)) {
        st = tni_fail(err, TENON_NO_MEMORY, NULL, "no thread to ask the engine with");
        in_time = false;
    }
    while (h->asking && in_time)
        in_time = tni_cond_wait(&h->answered, &h->lock, deadline_ns);
    if (st == TENON_OK && h->asking) {
        st = tni_fail(err, TENON_TIMEOUT, NULL, "the engine has not answered in time");
    } else if (st == TENON_OK) {
        st = h->status;
        filled.answer_ns = h->answer_ns;
        if (st != TENON_OK && err != NULL)
            *err = h->err;
    }
    tni_mutex_unlock(&h->lock);
    if (health != NULL) {
        filled.size = health->size;
        memcpy(health, &filled, health->size < sizeof filled ? health->size : sizeof filled);
    }
    return st;
}
