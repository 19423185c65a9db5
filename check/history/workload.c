/* The threads of the workload. */
#include "check/history/workload.h"

#include <pthread.h>
#include <stdlib.h>

#include "check/history/worker.h"

#define WORKLOAD_IN_A_ROW 1000u /* failures after which a thread gives up */
#define WORKLOAD_MOST_THREADS 256u
#define WORKLOAD_TRIES 10
#define WORKLOAD_TIMEOUT_MS 20000u

static tenon_status
workload_by_hand(worker *k, const tenon_txn_options *options)
{
    tenon_txn *txn = NULL;
    tenon_status st = tenon_begin(k->w->db, options, &txn, &k->err);

    if (st == TENON_OK)
        st = worker_body(txn, k, &k->err);
    if (st == TENON_OK)
        return tenon_commit(txn, &k->err);
    tenon_rollback(txn);
    return st;
}

static void
workload_one(worker *k)
{
    tenon_txn_options options = { .size = sizeof options,
                                  .name = "history",
                                  .isolation = k->w->isolation,
                                  .timeout_ms = WORKLOAD_TIMEOUT_MS };
    const bool by_hand = worker_below(k, 4) == 0;

    worker_make_plan(k);
    options.read_only = k->plan.read_only;
    k->attempted = false;
    history_begin(k->h, k->process, worker_now_ns());
    k->status = by_hand ? workload_by_hand(k, &options)
                        : tenon_run(k->w->db, &options, worker_body, k, &k->err);
    if (k->status == TENON_OK && !k->plan.read_only)
        (void)atomic_fetch_add(k->commits, 1);
    history_end(k->h,
                k->status == TENON_OK                ? HISTORY_OK
                : k->status == TENON_UNKNOWN_OUTCOME ? HISTORY_UNKNOWN
                                                     : HISTORY_FAILED,
                worker_now_ns());
}

static void *
workload_thread(void *arg)
{
    worker *k = (worker *)arg;
    const int64_t until_ns = worker_now_ns() + (int64_t)k->w->time_ms * 1000000;
    uint32_t failed = 0;

    for (uint32_t i = 0; i < k->w->transactions && failed < WORKLOAD_IN_A_ROW; i++) {
        workload_one(k);
        failed = k->status == TENON_OK ? 0 : failed + 1;
        if (worker_now_ns() > until_ns || k->h->out_of_memory)
            break;
    }
    if (failed < WORKLOAD_IN_A_ROW)
        k->status = TENON_OK;
    return NULL;
}

/* Run the threads. @return those that were started */
static uint32_t
workload_threads(worker *workers, uint32_t count)
{
    pthread_t threads[WORKLOAD_MOST_THREADS];
    uint32_t started = 0;

    while (started < count &&
           pthread_create(&threads[started], NULL, workload_thread, &workers[started]) == 0)
        started++;
    for (uint32_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    return started;
}

/* Empty the tables and open the accounts: again where it has failed, for a database that fails now
 * and then is to be tried as well. */
static tenon_status
workload_open(const workload *w, tenon_error *err)
{
    tenon_status st = TENON_OK;

    for (int i = 0; i < WORKLOAD_TRIES; i++) {
        st = tenon_run(w->db, NULL, worker_open, &(worker){ .w = w }, err);
        if (st == TENON_OK)
            break;
    }
    return st;
}

/* As one more process, when the others are done. */
static tenon_status
workload_read_all(const workload *w, history *h, tenon_error *err)
{
    const tenon_txn_options options = { .size = sizeof options,
                                        .name = "history reads all",
                                        .isolation = w->isolation,
                                        .timeout_ms = WORKLOAD_TIMEOUT_MS,
                                        .read_only = true };
    worker last = { .w = w, .h = h, .process = w->threads };
    tenon_status st = TENON_OK;

    for (int i = 0; i < WORKLOAD_TRIES; i++) {
        last.attempted = false;
        history_begin(h, last.process, worker_now_ns());
        st = tenon_run(w->db, &options, worker_read_all, &last, err);
        history_end(h, st == TENON_OK ? HISTORY_OK : HISTORY_FAILED, worker_now_ns());
        if (st == TENON_OK)
            break;
    }
    return st;
}

static void
workload_defaults(workload *w)
{
    w->threads = w->threads == 0 ? 8 : w->threads;
    w->threads = w->threads > WORKLOAD_MOST_THREADS ? WORKLOAD_MOST_THREADS : w->threads;
    w->keys = w->keys == 0 ? 4 : w->keys;
    w->accounts = w->accounts == 0 ? 8 : w->accounts & ~1u;
    w->accounts = w->accounts > WORKER_ROOM ? WORKER_ROOM : w->accounts;
    w->transactions = w->transactions == 0 ? UINT32_MAX : w->transactions;
    w->time_ms = w->time_ms == 0 ? 1000 : w->time_ms;
    w->kinds = w->kinds == 0 ? WORKLOAD_LISTS | WORKLOAD_BANK : w->kinds;
}

static tenon_status
workload_prepare(const workload *w, worker *workers, atomic_ulong *commits)
{
    for (uint32_t i = 0; i < w->threads; i++) {
        workers[i] = (worker){ .w = w,
                               .h = history_new(),
                               .commits = commits,
                               .process = i,
                               .random = w->seed * WORKLOAD_MOST_THREADS + i,
                               .element = i };
        if (workers[i].h == NULL)
            return TENON_NO_MEMORY;
    }
    return TENON_OK;
}

/* Put the threads' histories together. @return the failure of one that gave up */
static tenon_status
workload_gather(worker *workers, uint32_t count, history *h, tenon_error *err)
{
    tenon_status st = TENON_OK;

    for (uint32_t i = 0; i < count; i++) {
        if (st == TENON_OK && workers[i].status != TENON_OK) {
            st = workers[i].status;
            if (err != NULL)
                *err = workers[i].err;
        }
        if (workers[i].h != NULL)
            history_join(h, workers[i].h);
        history_free(workers[i].h);
    }
    return st;
}

tenon_status
workload_run(const workload *asked, history *h, tenon_error *err)
{
    workload w = *asked;
    atomic_ulong commits = 0;
    worker *workers;
    tenon_status st, gathered;

    workload_defaults(&w);
    h->seed = w.seed;
    if ((w.kinds & WORKLOAD_BANK) != 0) {
        h->account_count = w.accounts;
        h->opening = WORKER_OPENING;
    }
    workers = (worker *)calloc(w.threads, sizeof *workers);
    st = workers == NULL ? TENON_NO_MEMORY : workload_prepare(&w, workers, &commits);
    if (st == TENON_OK)
        st = workload_open(&w, err);
    if (st == TENON_OK && workload_threads(workers, w.threads) < w.threads)
        st = TENON_NO_MEMORY;
    gathered = workers == NULL ? st : workload_gather(workers, w.threads, h, err);
    if (st == TENON_OK)
        st = gathered;
    free(workers);
    if (st == TENON_OK)
        st = workload_read_all(&w, h, err);
    history_sort(h);
    return h->out_of_memory && st == TENON_OK ? TENON_NO_MEMORY : st;
}
