/* Accounts: whatever was transferred, their total stays, and no customer owes more than he has. */
#include "check/history/finder.h"

static void
bank_total(finder *f, size_t op, int64_t total)
{
    const history *h = f->x->h;
    const int64_t expected = (int64_t)h->account_count * h->opening;
    FILE *out;

    if (total == expected)
        return;
    out = finder_begin(f, HISTORY_WRONG_TOTAL, &f->x->op_txn[op], 1);
    if (out != NULL)
        (void)fprintf(out, "T%zu read a total of %lld, not %lld\n", f->x->op_txn[op] + 1,
                      (long long)total, (long long)expected);
    finder_end(f, HISTORY_WRONG_TOTAL, out);
}

static void
bank_customer(finder *f, size_t op, uint32_t account)
{
    const int64_t *balances = index_list(f->x, op);
    FILE *out;

    if (balances[account] + balances[account + 1] >= 0)
        return;
    out = finder_begin(f, HISTORY_OVERDRAWN, &f->x->op_txn[op], 1);
    if (out != NULL)
        (void)fprintf(out,
                      "T%zu read %lld in account %lu and %lld in account %lu, one customer's\n",
                      f->x->op_txn[op] + 1, (long long)balances[account], (unsigned long)account,
                      (long long)balances[account + 1], (unsigned long)account + 1);
    finder_end(f, HISTORY_OVERDRAWN, out);
}

void
bank_find(finder *f)
{
    const history *h = f->x->h;

    for (size_t i = 0; i < h->op_count; i++) {
        int64_t total = 0;

        if (h->ops[i].kind != HISTORY_BALANCES || !f->x->committed[f->x->op_txn[i]])
            continue;
        for (uint32_t a = 0; a < h->ops[i].count; a++)
            total += index_list(f->x, i)[a];
        bank_total(f, i, total);
        for (uint32_t a = 0; a + 1 < h->ops[i].count; a += 2)
            bank_customer(f, i, a);
    }
}
