/* Findings, and their text. */
#include "check/history/finder.h"

#include <stdlib.h>
#include <string.h>

/* How much of a long list and of a long transaction is shown. */
#define FINDER_ELEMENTS 8u
#define FINDER_OPS 12u

void
finder_list(const finder *f, FILE *out, size_t op)
{
    const uint32_t count = f->x->h->ops[op].count;
    const uint32_t first = count > FINDER_ELEMENTS ? count - FINDER_ELEMENTS : 0;

    (void)fputs(first > 0 ? "[... " : "[", out);
    for (uint32_t i = first; i < count; i++)
        (void)fprintf(out, "%s%lld", i > first ? " " : "", (long long)index_list(f->x, op)[i]);
    (void)fputc(']', out);
}

static void
finder_op(const finder *f, FILE *out, size_t at)
{
    const history_op *op = &f->x->h->ops[at];
    const long long key = op->key, to = op->to, value = op->value;

    switch (op->kind) {
    case HISTORY_APPEND:
        (void)fprintf(out, "append %lld to key %lld", value, key);
        break;
    case HISTORY_READ:
        (void)fprintf(out, "read key %lld: ", key);
        finder_list(f, out, at);
        break;
    case HISTORY_SCAN:
        (void)fprintf(out, "read keys %lld to %lld, found %lu", key, to, (unsigned long)op->count);
        break;
    case HISTORY_TRANSFER:
        (void)fprintf(out, "transfer %lld from account %lld to %lld", value, key, to);
        break;
    case HISTORY_BALANCES:
        (void)fputs("read all accounts: ", out);
        finder_list(f, out, at);
        break;
    }
}

static void
finder_txn(const finder *f, FILE *out, size_t txn)
{
    const history_txn *t = &f->x->h->txns[txn];

    (void)fprintf(out, "T%zu", txn + 1);
    if (t->line > 0)
        (void)fprintf(out, ", line %lu", (unsigned long)t->line);
    (void)fprintf(out, ", process %lu, %s, from %lld", (unsigned long)t->process,
                  history_outcome_name(t->outcome), (long long)t->begin_ns);
    if (t->outcome != HISTORY_UNKNOWN)
        (void)fprintf(out, " to %lld", (long long)t->end_ns);
    for (uint32_t i = 0; i < t->op_count && i < FINDER_OPS; i++) {
        (void)fputs(i == 0 ? ": " : "; ", out);
        finder_op(f, out, t->first_op + i);
    }
    (void)fputs(t->op_count > FINDER_OPS ? "; ...\n" : "\n", out);
}

FILE *
finder_begin(finder *f, history_anomaly anomaly, const size_t *txns, size_t txn_count)
{
    history_finding *found = &f->report->found[anomaly];
    const bool keep = found->count == 0 || txn_count < found->txn_count;
    size_t *copy;
    FILE *out;

    found->count++;
    if (!keep)
        return NULL;
    copy = (size_t *)malloc(txn_count * sizeof *copy);
    free(found->text);
    found->text = NULL;
    out = copy != NULL ? open_memstream(&found->text, &f->text_bytes) : NULL;
    if (out == NULL) {
        free(copy);
        f->out_of_memory = true;
        return NULL;
    }
    memcpy(copy, txns, txn_count * sizeof *copy);
    free(found->txns);
    found->txns = copy;
    found->txn_count = txn_count;
    for (size_t i = 0; i < txn_count && i < FINDER_LINES; i++)
        finder_txn(f, out, txns[i]);
    if (txn_count > FINDER_LINES)
        (void)fprintf(out, "and %zu more\n", txn_count - FINDER_LINES);
    found->why = (size_t)ftell(out);
    return out;
}

void
finder_end(finder *f, history_anomaly anomaly, FILE *out)
{
    if (out != NULL && (fclose(out) != 0 || f->report->found[anomaly].text == NULL))
        f->out_of_memory = true;
}
