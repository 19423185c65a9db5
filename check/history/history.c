/* Recording: three arrays that grow. */
#include "check/history/history.h"

#include <stdlib.h>
#include <string.h>

history *
history_new(void)
{
    return (history *)calloc(1, sizeof(history));
}

void
history_free(history *h)
{
    if (h == NULL)
        return;
    free(h->txns);
    free(h->ops);
    free(h->values);
    free(h);
}

/* Room for `more` items of `bytes` behind `count`; NULL: there is no memory. */
static void *
history_grow(history *h, void *items, size_t count, size_t more, size_t *room, size_t bytes)
{
    size_t wanted = *room == 0 ? 64 : *room;
    void *grown;

    if (count + more <= *room)
        return items;
    while (wanted < count + more)
        wanted *= 2;
    grown = wanted <= SIZE_MAX / 2 / bytes ? realloc(items, wanted * bytes) : NULL;
    if (grown == NULL)
        h->out_of_memory = true;
    else
        *room = wanted;
    return grown;
}

void
history_begin(history *h, uint32_t process, int64_t begin_ns)
{
    history_txn *grown = (history_txn *)history_grow(h, h->txns, h->txn_count, 1, &h->txn_room,
                                                     sizeof *h->txns);

    if (grown == NULL)
        return;
    h->txns = grown;
    h->txns[h->txn_count++] = (history_txn){ .process = process,
                                             .outcome = HISTORY_UNKNOWN,
                                             .begin_ns = begin_ns,
                                             .end_ns = INT64_MAX,
                                             .first_op = h->op_count };
}

static void
history_add_op(history *h, const history_op *op)
{
    history_op *grown = (history_op *)history_grow(h, h->ops, h->op_count, 1, &h->op_room,
                                                   sizeof *h->ops);

    if (grown == NULL)
        return;
    h->ops = grown;
    h->ops[h->op_count++] = *op;
    if (h->txn_count > 0)
        h->txns[h->txn_count - 1].op_count++;
}

static size_t
history_add_values(history *h, const int64_t *values, uint32_t count)
{
    const size_t first = h->value_count;
    int64_t *grown = (int64_t *)history_grow(h, h->values, h->value_count, count, &h->value_room,
                                             sizeof *h->values);

    if (grown == NULL)
        return 0;
    h->values = grown;
    if (count > 0)
        memcpy(h->values + first, values, count * sizeof *values);
    h->value_count += count;
    return first;
}

void
history_append(history *h, int64_t key, int64_t element)
{
    history_add_op(h, &(history_op){ .kind = HISTORY_APPEND, .key = key, .value = element });
}

void
history_read(history *h, int64_t key, const int64_t *list, uint32_t count)
{
    history_op op = { .kind = HISTORY_READ, .key = key, .count = count };

    op.first = history_add_values(h, list, count);
    history_add_op(h, &op);
}

void
history_scan(history *h, int64_t lowest, int64_t highest)
{
    h->last_scan = h->op_count;
    history_add_op(h, &(history_op){ .kind = HISTORY_SCAN, .key = lowest, .to = highest });
}

void
history_found(history *h, int64_t key, const int64_t *list, uint32_t count)
{
    history_read(h, key, list, count);
    if (!h->out_of_memory)
        h->ops[h->last_scan].count++;
}

void
history_transfer(history *h, uint32_t from, uint32_t to, int64_t amount)
{
    history_add_op(
        h, &(history_op){ .kind = HISTORY_TRANSFER, .key = from, .to = to, .value = amount });
}

void
history_balances(history *h, const int64_t *balances, uint32_t count)
{
    history_op op = { .kind = HISTORY_BALANCES, .count = count };

    op.first = history_add_values(h, balances, count);
    history_add_op(h, &op);
}

void
history_end(history *h, history_outcome outcome, int64_t end_ns)
{
    history_txn *txn;

    if (h->txn_count == 0)
        return;
    txn = &h->txns[h->txn_count - 1];
    txn->outcome = outcome;
    txn->end_ns = outcome == HISTORY_UNKNOWN ? INT64_MAX : end_ns;
}

static void
history_join_op(history *h, const history *from, const history_op *op)
{
    history_op copy = *op;

    if (op->kind == HISTORY_READ || op->kind == HISTORY_BALANCES)
        copy.first = history_add_values(h, op->count > 0 ? from->values + op->first : NULL,
                                        op->count);
    history_add_op(h, &copy);
}

void
history_join(history *h, const history *from)
{
    h->out_of_memory |= from->out_of_memory;
    for (size_t i = 0; i < from->txn_count && !h->out_of_memory; i++) {
        const history_txn *txn = &from->txns[i];

        history_begin(h, txn->process, txn->begin_ns);
        for (uint32_t o = 0; o < txn->op_count && !h->out_of_memory; o++)
            history_join_op(h, from, &from->ops[txn->first_op + o]);
        history_end(h, txn->outcome, txn->end_ns);
        if (h->txn_count > 0)
            h->txns[h->txn_count - 1].line = txn->line;
    }
}

static int
history_compare_begins(const void *a, const void *b)
{
    const history_txn *x = (const history_txn *)a, *y = (const history_txn *)b;

    if (x->begin_ns != y->begin_ns)
        return x->begin_ns < y->begin_ns ? -1 : 1;
    return x->first_op < y->first_op ? -1 : x->first_op > y->first_op;
}

void
history_sort(history *h)
{
    if (h->txn_count > 0)
        qsort(h->txns, h->txn_count, sizeof *h->txns, history_compare_begins);
}

const char *
history_outcome_name(history_outcome outcome)
{
    return outcome == HISTORY_OK ? "ok" : outcome == HISTORY_FAILED ? "failed" : "unknown";
}
