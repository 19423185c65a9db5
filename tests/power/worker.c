#include "worker.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "flush.h"
#include "ledger.h"

#define WORKER_PAUSE_NS 500000 /* of a reader, so that writers get most of the processors */

typedef struct worker_thread {
    pthread_t thread;
    power_page *page;
    tenon_db *db;
    uint32_t number; /* of a writer from 1 on; 0 = a reader */
    uint64_t random;
    bool started;
} worker_thread;

static uint64_t
worker_random(worker_thread *t, uint64_t below)
{
    t->random ^= t->random << 13;
    t->random ^= t->random >> 7;
    t->random ^= t->random << 17;
    return (t->random >> 11) % below;
}

/* Something that must not be, unless the power is gone. @return whether to go on */
static bool
worker_wrong(worker_thread *t, const char *what, tenon_status st, const char *words)
{
    power_page *page = t->page;

    if (st != TENON_OK && atomic_load(&page->cut))
        return false;
    if (!atomic_exchange(&page->failed, true))
        (void)snprintf(page->text, sizeof page->text, "%s %u: %s: %s: %s",
                       t->number > 0 ? "writer" : "reader", t->number, what, tenon_status_name(st),
                       words);
    return false;
}

static const uint32_t worker_kinds[] = { POWER_KEPT,   POWER_KEPT,    POWER_KEPT,    POWER_KEPT,
                                         POWER_UNDONE, POWER_STUMBLE, POWER_REFUSED, POWER_BROKEN };
static const char *const worker_kind_names[POWER_KINDS] = { "a call", "a call with a savepoint",
                                                            "a call with a failed statement",
                                                            "a call that is refused",
                                                            "a call that is broken" };

/* One call. @return whether to go on */
static bool
worker_call(worker_thread *t, ledger_call *call)
{
    const bool kept = call->kind != POWER_REFUSED && call->kind != POWER_BROKEN;
    const tenon_status want = call->kind == POWER_REFUSED  ? TENON_DENIED
                              : call->kind == POWER_BROKEN ? TENON_CONSTRAINT
                                                           : TENON_OK;
    power_writer *told = &t->page->writers[t->number];
    tenon_error err = { 0 };
    tenon_status st;

    if (kept)
        atomic_store(&told->attempted, (uint64_t)call->serial);
    call->half = kept && t->page->manner.torn ? 1 : 0;
    st = tenon_run(t->db, NULL, ledger_write, call, &err);
    if (st == TENON_OK && call->half == 1) {
        call->half = 2;
        st = tenon_run(t->db, NULL, ledger_write, call, &err);
    }
    if (st != want)
        return worker_wrong(t, worker_kind_names[call->kind], st, err.message);
    if (kept)
        atomic_store(&told->acked, (uint64_t)call->serial);
    (void)atomic_fetch_add(&t->page->calls[call->kind], 1);
    return true;
}

static void *
worker_write(void *arg)
{
    worker_thread *t = arg;
    ledger_call call = { .page = t->page,
                         .writer = t->number,
                         .serial = (int64_t)t->page->writers[t->number].present + 1 };

    do {
        call.kind = worker_kinds[worker_random(t, sizeof worker_kinds / sizeof worker_kinds[0])];
        if (!worker_call(t, &call))
            break;
        call.serial += call.kind != POWER_REFUSED && call.kind != POWER_BROKEN;
    } while (!atomic_load(&t->page->failed));
    return NULL;
}

/* What was acknowledged before a reader begins is there; what is there was tried. */
static bool
worker_peek(worker_thread *t, uint32_t writer)
{
    const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    power_writer *told = &t->page->writers[writer];
    const uint64_t acked = atomic_load(&told->acked);
    ledger_look look = { .writer = writer };
    tenon_error err = { 0 };
    tenon_status st = tenon_run(t->db, &reading, ledger_peek, &look, &err);

    if (st != TENON_OK)
        return worker_wrong(t, "a look", st, err.message);
    if (look.wrong[0] != '\0')
        return worker_wrong(t, "a look", TENON_OK, look.wrong);
    if (look.count < acked || look.count > atomic_load(&told->attempted))
        return worker_wrong(t, "a look", TENON_OK,
                            look.count < acked ? "what was acknowledged is not to be seen"
                                               : "what was never tried is there");
    (void)atomic_fetch_add(&t->page->reads, 1);
    return true;
}

static void *
worker_read(void *arg)
{
    worker_thread *t = arg;

    while (!atomic_load(&t->page->failed)) {
        if (!worker_peek(t, 1 + (uint32_t)worker_random(t, t->page->manner.writers)))
            break;
        (void)nanosleep(&(struct timespec){ .tv_nsec = WORKER_PAUSE_NS }, NULL);
    }
    return NULL;
}

static int
worker_work(tenon_db *db, power_page *page)
{
    static worker_thread threads[2 * POWER_MOST_THREADS];
    const uint32_t writers = page->manner.writers, count = writers + page->manner.readers;

    for (uint32_t i = 0; i < count; i++) {
        worker_thread *t = &threads[i];

        t->page = page;
        t->db = db;
        t->number = i < writers ? i + 1 : 0;
        t->random = page->manner.seed * UINT64_C(0x9e3779b97f4a7c15) + i * UINT64_C(0x2545f491) + 1;
        t->started = pthread_create(&t->thread, NULL, i < writers ? worker_write : worker_read,
                                    t) == 0;
        if (!t->started)
            (void)worker_wrong(t, "start", TENON_NO_MEMORY, "no thread");
    }
    for (uint32_t i = 0; i < count; i++) {
        if (threads[i].started)
            (void)pthread_join(threads[i].thread, NULL);
    }
    return atomic_load(&page->cut) && !atomic_load(&page->failed) ? 0 : 1;
}

int
worker_main(const char *url, power_page *page)
{
    worker_thread self = { .page = page };
    tenon_error err = { 0 };
    tenon_db *db;
    tenon_status st;

    flush_begin(page);
    st = ledger_open(url, &db, &err);
    if (st == TENON_OK)
        return worker_work(db, page); /* its end is that of the process */
    (void)worker_wrong(&self, "open", st, err.message);
    return 1;
}

int
checker_main(const char *url, power_page *page)
{
    tenon_error err = { 0 };
    tenon_db *db;
    tenon_status st = ledger_open(url, &db, &err);

    memset(&page->verdict, 0, sizeof page->verdict);
    if (st == TENON_OK)
        st = ledger_check(db, page, &err);
    if (st != TENON_OK)
        (void)snprintf(page->verdict.text, sizeof page->verdict.text, "%s: %s",
                       tenon_status_name(st), err.message);
    tenon_close(db);
    return 0;
}
