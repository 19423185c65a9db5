/* All serial orders of a few transactions. */
#include "orders.h"

#include <stdlib.h>
#include <string.h>

/* What the transactions that have run so far have left. */
typedef struct orders_state {
    int64_t lists[ORDERS_KEYS][ORDERS_LIST];
    uint32_t counts[ORDERS_KEYS];
    bool done[ORDERS_TXNS];
} orders_state;

static bool
orders_read_fits(const history *h, const orders_state *s, const history_op *op)
{
    return op->count == s->counts[op->key] &&
           (op->count == 0 ||
            memcmp(h->values + op->first, s->lists[op->key], op->count * sizeof(int64_t)) == 0);
}

/* A key that was not found is empty. Those that were are read by the operations that follow. */
static bool
orders_scan_fits(const orders_state *s, const history_op *op)
{
    for (int64_t key = op->key; key <= op->to && key < ORDERS_KEYS; key++) {
        bool found = false;

        for (uint32_t i = 1; i <= op->count; i++)
            found |= op[i].key == key;
        if (!found && s->counts[key] > 0)
            return false;
    }
    return true;
}

/* Run a transaction. @return whether it reads what it says */
static bool
orders_run(const history *h, orders_state *s, size_t txn)
{
    for (uint32_t i = 0; i < h->txns[txn].op_count; i++) {
        const history_op *op = &h->ops[h->txns[txn].first_op + i];

        if (op->kind == HISTORY_READ && !orders_read_fits(h, s, op))
            return false;
        if (op->kind == HISTORY_SCAN && !orders_scan_fits(s, op))
            return false;
        if (op->kind == HISTORY_APPEND)
            s->lists[op->key][s->counts[op->key]++] = op->value;
    }
    s->done[txn] = true;
    return true;
}

/* Whether it may be the next one: none that was done before it began is still to come. */
static bool
orders_may_run(const history *h, const orders_state *s, size_t txn)
{
    if (s->done[txn] || h->txns[txn].outcome == HISTORY_FAILED)
        return false;
    for (size_t i = 0; i < h->txn_count; i++)
        if (!s->done[i] && h->txns[i].outcome == HISTORY_OK &&
            h->txns[i].end_ns < h->txns[txn].begin_ns)
            return false;
    return true;
}

static bool
orders_try(const history *h, const orders_state *s)
{
    bool all = true;

    for (size_t i = 0; i < h->txn_count; i++)
        all &= s->done[i] || h->txns[i].outcome != HISTORY_OK;
    for (size_t i = 0; !all && i < h->txn_count; i++) {
        orders_state next = *s;

        if (orders_may_run(h, s, i) && orders_run(h, &next, i) && orders_try(h, &next))
            return true;
    }
    return all;
}

bool
orders_exist(const history *h)
{
    const orders_state empty = { .counts = { 0 } };

    return orders_try(h, &empty);
}
