/* Deadlines of those who do nothing, and of calls that take too long. */
#include "core/reaper.h"

#include "core/db.h"
#include "core/error.h"

#define REAPER_AGAIN_NS                                                                            \
    (10 * TNI_NS_PER_MS) /* until the next look at a call that is over its time */
#define REAPER_POKE_NS                                                                             \
    (20 * TNI_NS_PER_MS) /* that the engine has to see its deadline by itself                      \
                          */

/* Stop a call that runs over its time, where the engine can be told to, and where that undoes
 * nothing of others. Its transaction can't end meanwhile, so no later one of the connection is hit;
 * a call that begins meanwhile is over its time too. */
static void
reaper_poke(tenon_db *db, tenon_txn *txn, uint64_t now_ns)
{
    if ((db->capabilities & TENON_CAP_INTERRUPT) == 0)
        return;
    atomic_store(&txn->poked, true);
    tni_step();
    if (atomic_load(&txn->word) == TNI_INSIDE && !txn->grouped &&
        atomic_load(&txn->deadline_ns) + REAPER_POKE_NS <= now_ns) {
        tni_step();
        db->driver->admin->interrupt(txn->conn->drv);
    }
    atomic_store(&txn->poked, false);
}

/* Look at one handle. @return when to look again */
static uint64_t
reaper_look(tenon_db *db, tenon_txn *txn, uint64_t now_ns)
{
    unsigned int word = atomic_load(&txn->word);
    uint64_t deadline_ns;

    if (word != TNI_IDLE && word != TNI_INSIDE)
        return UINT64_MAX;
    deadline_ns = atomic_load(&txn->deadline_ns);
    if (deadline_ns > now_ns)
        return deadline_ns;
    tni_step();
    if (word == TNI_INSIDE) {
        reaper_poke(db, txn, now_ns);
        return now_ns + REAPER_AGAIN_NS;
    }
    if (!atomic_compare_exchange_strong(&txn->word, &word, TNI_TAKEN))
        return now_ns + REAPER_AGAIN_NS;
    deadline_ns = atomic_load(&txn->deadline_ns);
    if (deadline_ns > now_ns) { /* another transaction by now */
        atomic_store(&txn->word, TNI_IDLE);
        return deadline_ns;
    }
    tni_txn_reap(txn);
    return UINT64_MAX;
}

static uint64_t
reaper_scan(tenon_db *db, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;

    for (tni_conn *c = atomic_load(&db->pool.all); c != NULL; c = c->older) {
        const uint64_t at_ns = reaper_look(db, &c->txn, now_ns);

        if (at_ns < next_ns)
            next_ns = at_ns;
    }
    return next_ns;
}

static void
reaper_main(void *arg)
{
    tenon_db *db = arg;
    tni_reaper *r = &db->reaper;
    tni_background *b = &r->background;

    tni_mutex_lock(&b->lock);
    while (!b->stopping) {
        /* Who begins from here on finds a time later than his deadline, and says so. */
        atomic_store(&r->next_ns, UINT64_MAX);
        atomic_store(&r->next_ns, reaper_scan(db, tni_monotonic_ns()));
        while (!b->stopping && tni_monotonic_ns() < atomic_load(&r->next_ns))
            (void)tni_cond_wait(&b->wake, &b->lock, atomic_load(&r->next_ns));
    }
    tni_mutex_unlock(&b->lock);
}

tenon_status
tni_reaper_start(tenon_db *db, tenon_error *err)
{
    atomic_init(&db->reaper.next_ns, 0);
    return tni_background_start(&db->reaper.background, reaper_main, db, "deadlines", err);
}

void
tni_reaper_wake(tni_reaper *reaper, uint64_t deadline_ns)
{
    tni_mutex_lock(&reaper->background.lock);
    if (deadline_ns < atomic_load(&reaper->next_ns)) {
        atomic_store(&reaper->next_ns, deadline_ns);
        tni_cond_signal(&reaper->background.wake);
    }
    tni_mutex_unlock(&reaper->background.lock);
}

void
tni_reaper_wait(tni_reaper *reaper)
{
    tni_mutex_lock(&reaper->background.lock);
    tni_mutex_unlock(&reaper->background.lock);
}
