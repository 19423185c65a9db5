/* What a thread of the workload does in its transactions. */
#include "check/history/worker.h"

#include <time.h>

int64_t
worker_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint32_t
worker_below(worker *k, uint32_t bound)
{
    uint64_t n = (k->random += UINT64_C(0x9e3779b97f4a7c15));

    n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((n ^ (n >> 31)) % bound);
}

#define WORKER_PAUSE_NS 20000
#define WORKER_PAUSES 50 /* then nobody is going to commit: all wait for this one, say */

/* Wait until another one has committed, if this transaction is to do so. */
static void
worker_pause(const worker *k)
{
    const unsigned long before = k->plan.pauses ? atomic_load(k->commits) : 0;

    for (int i = 0; k->plan.pauses && i < WORKER_PAUSES && atomic_load(k->commits) == before; i++)
        (void)nanosleep(&(struct timespec){ .tv_nsec = WORKER_PAUSE_NS }, NULL);
}

/* ---- Plans ---- */

static void
worker_plan_bank(worker *k)
{
    const uint32_t accounts = k->w->accounts;

    k->plan.read_only = worker_below(k, 4) == 0;
    k->plan.by_item = worker_below(k, 2) == 0;
    k->plan.from = worker_below(k, accounts);
    do
        k->plan.to = worker_below(k, accounts);
    while (accounts > 2 && k->plan.to / 2 == k->plan.from / 2);
    k->plan.amount = 1 + worker_below(k, 2 * WORKER_OPENING);
}

static void
worker_plan_lists(worker *k)
{
    k->plan.read_only = worker_below(k, 5) == 0;
    k->plan.upserts = worker_below(k, 2) == 0;
    k->plan.op_count = 1 + worker_below(k, WORKER_OPS);
    for (uint32_t i = 0; i < k->plan.op_count; i++) {
        const uint32_t chance = worker_below(k, 8);

        k->plan.ops[i].key = k->base + worker_below(k, k->w->keys);
        k->plan.ops[i].kind = chance == 0                       ? WORKER_SCAN
                              : chance < 4 || k->plan.read_only ? WORKER_READ
                                                                : WORKER_APPEND;
    }
}

void
worker_make_plan(worker *k)
{
    k->plan = (worker_plan){ .is_bank = k->w->kinds == WORKLOAD_BANK ||
                                        (k->w->kinds != WORKLOAD_LISTS &&
                                         worker_below(k, 2) == 0) };
    if (k->plan.is_bank)
        worker_plan_bank(k);
    else
        worker_plan_lists(k);
    /* While a single writer pauses nobody commits. */
    k->plan.pauses = k->plan.read_only ||
                     (tenon_db_capabilities(k->w->db) & TENON_CAP_SINGLE_WRITER) == 0;
    k->plan.pauses &= worker_below(k, k->plan.read_only ? 4 : 8) == 0;
}

/* ---- Lists ---- */

/* The elements of a row. @return how many */
static uint32_t
worker_elements(worker *k, int64_t key, const tenon_value *elements, int64_t list[WORKER_ROOM])
{
    const uint32_t count = elements->len / (uint32_t)sizeof *list;

    memcpy(list, elements->as.data, count * sizeof *list);
    if (count >= WORKER_LONGEST && key >= k->base)
        k->base = key + 1;
    return count;
}

static tenon_status
worker_read(worker *k, tenon_txn *txn, int64_t key, int64_t list[WORKER_ROOM], uint32_t *count,
            tenon_error *err)
{
    const tenon_value *row;
    const tenon_status st = tenon_fetch(txn, &worker_get, (const tenon_value[]){ tenon_int(key) },
                                        &row, err);

    *count = st == TENON_OK ? worker_elements(k, key, &row[0], list) : 0;
    if (st != TENON_OK && st != TENON_NOT_FOUND)
        return st;
    history_read(k->h, key, list, *count);
    return TENON_OK;
}

static tenon_status
worker_append(worker *k, tenon_txn *txn, int64_t key, tenon_error *err)
{
    int64_t list[WORKER_ROOM];
    uint64_t affected = 0;
    uint32_t count;
    tenon_status st = worker_read(k, txn, key, list, &count, err);

    if (st != TENON_OK || count == WORKER_ROOM)
        return st;
    worker_pause(k);
    list[count] = k->element;
    k->element += WORKER_THREADS; /* another one in each attempt, and no other thread's */
    st = tenon_exec(
        txn,
        count > 0         ? &worker_put
        : k->plan.upserts ? &worker_upsert
                          : &worker_make,
        (const tenon_value[]){ tenon_int(key), tenon_blob(list, (count + 1) * sizeof *list) },
        &affected, err);
    if (st == TENON_EXISTS) /* another one has made it since it was looked for */
        return TENON_CONFLICT;
    if (st == TENON_OK && affected == 1)
        history_append(k->h, key, list[count]);
    return st;
}

static tenon_status
worker_scan(worker *k, tenon_txn *txn, int64_t lowest, int64_t highest, tenon_error *err)
{
    const tenon_value params[] = { tenon_int(lowest), tenon_int(highest) };
    int64_t list[WORKER_ROOM];
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    tenon_status st = tenon_select(txn, &worker_range, params, &cursor, err);

    if (st != TENON_OK)
        return st;
    history_scan(k->h, lowest, highest);
    while ((st = tenon_next(cursor, &row, err)) == TENON_OK) {
        const uint32_t count = worker_elements(k, row[0].as.i, &row[1], list);

        history_found(k->h, row[0].as.i, list, count);
    }
    tenon_cursor_close(cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
worker_lists(worker *k, tenon_txn *txn, tenon_error *err)
{
    int64_t list[WORKER_ROOM];
    const int64_t base = k->base;
    tenon_status st = TENON_OK;
    uint32_t count;

    for (uint32_t i = 0; i < k->plan.op_count && st == TENON_OK; i++) {
        const int64_t key = k->plan.ops[i].key;

        if (i > 0)
            worker_pause(k);
        if (k->plan.ops[i].kind == WORKER_READ)
            st = worker_read(k, txn, key, list, &count, err);
        else if (k->plan.ops[i].kind == WORKER_APPEND)
            st = worker_append(k, txn, key, err);
        else
            st = worker_scan(k, txn, base, base + k->w->keys - 1, err);
    }
    return st;
}

/* ---- The bank ---- */

static tenon_status
worker_balances(worker *k, tenon_txn *txn, tenon_error *err)
{
    int64_t balances[WORKER_ROOM];
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    uint32_t count = 0;
    tenon_status st = tenon_select(txn, &worker_all, NULL, &cursor, err);

    while (st == TENON_OK && (st = tenon_next(cursor, &row, err)) == TENON_OK)
        if (count < WORKER_ROOM)
            balances[count++] = row[0].as.i;
    tenon_cursor_close(cursor);
    if (st == TENON_NOT_FOUND)
        history_balances(k->h, balances, count);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
worker_get_balance(tenon_txn *txn, uint32_t id, int64_t *out, tenon_error *err)
{
    const tenon_value *row;
    const tenon_status st = tenon_fetch(txn, &worker_balance,
                                        (const tenon_value[]){ tenon_int(id) }, &row, err);

    *out = st == TENON_OK ? row[0].as.i : 0;
    return st;
}

static tenon_status
worker_set_balance(tenon_txn *txn, uint32_t id, int64_t n, tenon_error *err)
{
    uint64_t affected;

    return tenon_exec(txn, &worker_book, (const tenon_value[]){ tenon_int(id), tenon_int(n) },
                      &affected, err);
}

/* The same, one by one. */
static tenon_status
worker_balances_by_item(worker *k, tenon_txn *txn, tenon_error *err)
{
    int64_t balances[WORKER_ROOM];
    tenon_status st = TENON_OK;

    for (uint32_t i = 0; i < k->w->accounts && st == TENON_OK; i++) {
        if (i > 0)
            worker_pause(k);
        st = worker_get_balance(txn, i, &balances[i], err);
    }
    if (st == TENON_OK)
        history_balances(k->h, balances, k->w->accounts);
    return st;
}

/* Who pays must have enough in both accounts together. */
static tenon_status
worker_transfer(worker *k, tenon_txn *txn, tenon_error *err)
{
    const worker_plan *p = &k->plan;
    int64_t from, beside, to;
    tenon_status st = worker_get_balance(txn, p->from, &from, err);

    if (st == TENON_OK)
        st = worker_get_balance(txn, p->from ^ 1u, &beside, err);
    if (st == TENON_OK)
        st = worker_get_balance(txn, p->to, &to, err);
    if (st != TENON_OK || from + beside < p->amount || p->from / 2 == p->to / 2)
        return st;
    worker_pause(k);
    st = worker_set_balance(txn, p->from, from - p->amount, err);
    if (st == TENON_OK)
        st = worker_set_balance(txn, p->to, to + p->amount, err);
    if (st == TENON_OK)
        history_transfer(k->h, p->from, p->to, p->amount);
    return st;
}

/* ---- Bodies ---- */

tenon_status
worker_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    worker *k = (worker *)arg;

    if (k->attempted) { /* what the last attempt did has not happened */
        const int64_t now_ns = worker_now_ns();

        history_end(k->h, HISTORY_FAILED, now_ns);
        history_begin(k->h, k->process, now_ns);
    }
    k->attempted = true;
    if (!k->plan.is_bank)
        return worker_lists(k, txn, err);
    if (!k->plan.read_only)
        return worker_transfer(k, txn, err);
    return k->plan.by_item ? worker_balances_by_item(k, txn, err) : worker_balances(k, txn, err);
}

tenon_status
worker_open(tenon_txn *txn, void *arg, tenon_error *err)
{
    const worker *k = (const worker *)arg;
    tenon_status st = tenon_exec(txn, &worker_no_lists, NULL, NULL, err);

    if (st == TENON_OK)
        st = tenon_exec(txn, &worker_no_accounts, NULL, NULL, err);
    for (uint32_t i = 0; i < k->w->accounts && st == TENON_OK; i++)
        st = tenon_exec(txn, &worker_account,
                        (const tenon_value[]){ tenon_int(i), tenon_int(WORKER_OPENING) }, NULL,
                        err);
    return st;
}

tenon_status
worker_read_all(tenon_txn *txn, void *arg, tenon_error *err)
{
    worker *k = (worker *)arg;
    tenon_status st = TENON_OK;

    if (k->attempted) {
        history_end(k->h, HISTORY_FAILED, worker_now_ns());
        history_begin(k->h, k->process, worker_now_ns());
    }
    k->attempted = true;
    if ((k->w->kinds & WORKLOAD_LISTS) != 0)
        st = worker_scan(k, txn, 0, INT64_MAX, err);
    if (st == TENON_OK && (k->w->kinds & WORKLOAD_BANK) != 0)
        st = worker_balances(k, txn, err);
    return st;
}
