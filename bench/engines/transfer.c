/*
 * A transfer as in TPC-B: an account, its teller and its branch change by an amount, and a row of
 * history is written. The sums of all four tables are the sum of the amounts that were
 * acknowledged. One branch for each 100,000 accounts, ten tellers for each branch.
 */
#include "transfer.h"

#include <stdlib.h>
#include <string.h>

enum {
    TRANSFER_PER_BRANCH = 100000,
    TRANSFER_TELLERS = 10,
    TRANSFER_MOST = 5000, /* amounts are from -5,000 to 5,000 */
    TRANSFER_FILL_BATCH = 500,
    TRANSFER_SERIAL_BITS = 40 /* of a row of history; above: its thread */
};

/* ---- Tables ---- */

static const tenon_column transfer_balance_columns[TRANSFER_COLUMNS] = {
    [TRANSFER_ID] = { "id", TENON_INT, .not_null = true },
    [TRANSFER_BRANCH] = { "branch", TENON_INT, .not_null = true },
    [TRANSFER_BALANCE] = { "balance", TENON_INT, .not_null = true },
    [TRANSFER_FILLER] = { "filler", TENON_TEXT, .not_null = true, .max_bytes = 100 },
};

static const tenon_column transfer_history_columns[HISTORY_COLUMNS] = {
    [HISTORY_ID] = { "id", TENON_INT, .not_null = true },
    [HISTORY_ACCOUNT] = { "account", TENON_INT, .not_null = true },
    [HISTORY_TELLER] = { "teller", TENON_INT, .not_null = true },
    [HISTORY_BRANCH] = { "branch", TENON_INT, .not_null = true },
    [HISTORY_AMOUNT] = { "amount", TENON_INT, .not_null = true },
};

#define TRANSFER_TABLE(symbol, text)                                                               \
    const tenon_table symbol = {                                                                   \
        .name = text,                                                                              \
        .columns = transfer_balance_columns,                                                       \
        .column_count = TRANSFER_COLUMNS,                                                          \
        .primary_key = TENON_COLUMNS(TRANSFER_ID),                                                 \
    }

TRANSFER_TABLE(transfer_accounts, "bench_accounts");
TRANSFER_TABLE(transfer_tellers, "bench_tellers");
TRANSFER_TABLE(transfer_branches, "bench_branches");

const tenon_table transfer_history = {
    .name = "bench_history",
    .columns = transfer_history_columns,
    .column_count = HISTORY_COLUMNS,
    .primary_key = TENON_COLUMNS(HISTORY_ID),
};

static const tenon_table *const transfer_tables[] = { &transfer_accounts, &transfer_tellers,
                                                      &transfer_branches, &transfer_history };

static const tenon_schema transfer_schema = {
    .name = "bench_transfer",
    .version = 1,
    .tables = transfer_tables,
    .table_count = 4,
};

static const tenon_schema *
transfer_get_schema(void)
{
    return &transfer_schema;
}

/* ---- Queries ---- */

#define TRANSFER_CHANGE(symbol, of)                                                                \
    static const tenon_query symbol = {                                                            \
        .name = #symbol,                                                                           \
        .kind = TENON_UPDATE,                                                                      \
        .table = &(of),                                                                            \
        .set = TENON_SET(TENON_PLUS(TRANSFER_BALANCE, 1)),                                         \
        .where = TENON_WHERE(TENON_EQ(TRANSFER_ID, 0)),                                            \
    }

TRANSFER_CHANGE(transfer_change_account, transfer_accounts);
TRANSFER_CHANGE(transfer_change_teller, transfer_tellers);
TRANSFER_CHANGE(transfer_change_branch, transfer_branches);

static const tenon_query transfer_read_account = {
    .name = "transfer_read_account",
    .kind = TENON_SELECT,
    .table = &transfer_accounts,
    .columns = TENON_COLUMNS(TRANSFER_ID, TRANSFER_BRANCH, TRANSFER_BALANCE, TRANSFER_FILLER),
    .where = TENON_WHERE(TENON_EQ(TRANSFER_ID, 0)),
};

static const tenon_query transfer_note = {
    .name = "transfer_note",
    .kind = TENON_INSERT,
    .table = &transfer_history,
    .columns = TENON_COLUMNS(HISTORY_ID, HISTORY_ACCOUNT, HISTORY_TELLER, HISTORY_BRANCH,
                             HISTORY_AMOUNT),
};

#define TRANSFER_INSERT(of)                                                                        \
    {                                                                                              \
        .name = "transfer_fill", .kind = TENON_INSERT, .table = &(of),                             \
        .columns = TENON_COLUMNS(TRANSFER_ID, TRANSFER_BRANCH, TRANSFER_BALANCE, TRANSFER_FILLER)  \
    }

static const tenon_query transfer_inserts[] = { TRANSFER_INSERT(transfer_branches),
                                                TRANSFER_INSERT(transfer_tellers),
                                                TRANSFER_INSERT(transfer_accounts) };

/* 84 characters, as in TPC-B. */
static const char transfer_filler[] =
    "                                                                                    ";

/* ---- Filling ---- */

static uint64_t
transfer_branch_count(uint64_t accounts)
{
    return (accounts + TRANSFER_PER_BRANCH - 1) / TRANSFER_PER_BRANCH;
}

typedef struct transfer_batch {
    const tenon_query *insert;
    uint64_t from, to, per_branch;
} transfer_batch;

static tenon_status
transfer_fill_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const transfer_batch *b = arg;
    tenon_status st = TENON_OK;

    for (uint64_t id = b->from; id < b->to && st == TENON_OK; id++) {
        const tenon_value params[] = { tenon_int((int64_t)id),
                                       tenon_int((int64_t)(id / b->per_branch)), tenon_int(0),
                                       tenon_text_n(transfer_filler, sizeof transfer_filler - 1) };

        st = tenon_exec(txn, b->insert, params, NULL, err);
    }
    return st;
}

static bool
transfer_fill_table(target *t, const tenon_query *insert, uint64_t count, uint64_t per_branch)
{
    tenon_error err = { 0 };
    tenon_status st = TENON_OK;

    for (uint64_t from = 0; from < count && st == TENON_OK && t->db != NULL;
         from += TRANSFER_FILL_BATCH) {
        transfer_batch b = { insert, from, from + TRANSFER_FILL_BATCH, per_branch };

        b.to = b.to > count ? count : b.to;
        st = tenon_run(t->db, NULL, transfer_fill_body, &b, &err);
    }
    return st == TENON_OK || target_failed(t, "fill", st, &err);
}

static bool
transfer_fill(target *t)
{
    const uint64_t branches = transfer_branch_count(t->records);

    return transfer_fill_table(t, &transfer_inserts[0], branches, 1) &&
           transfer_fill_table(t, &transfer_inserts[1], branches * TRANSFER_TELLERS,
                               TRANSFER_TELLERS) &&
           transfer_fill_table(t, &transfer_inserts[2], t->records, TRANSFER_PER_BRANCH);
}

/* ---- Operations ---- */

static bool
transfer_is_right(const transfer_worker *r, const tenon_value *row)
{
    const tenon_value *filler = &row[TRANSFER_FILLER];

    return row[TRANSFER_ID].as.i == r->account &&
           row[TRANSFER_BRANCH].as.i == r->account / TRANSFER_PER_BRANCH &&
           filler->len == sizeof transfer_filler - 1 &&
           memcmp(filler->as.data, transfer_filler, filler->len) == 0;
}

static tenon_status
transfer_read(transfer_worker *r, tenon_txn *txn, tenon_error *err)
{
    const tenon_value key = tenon_int(r->account);
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &transfer_read_account, &key, &row, err);

    r->wrong = st == TENON_NOT_FOUND || (st == TENON_OK && !transfer_is_right(r, row));
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
transfer_balance_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    return transfer_read(arg, txn, err);
}

static tenon_status
transfer_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    transfer_worker *r = arg;
    const tenon_value amount = tenon_int(r->amount);
    const tenon_value account[] = { tenon_int(r->account), amount };
    const tenon_value teller[] = { tenon_int(r->teller), amount };
    const tenon_value branch[] = { tenon_int(r->branch), amount };
    const tenon_value note[] = { tenon_int(r->id), account[0], teller[0], branch[0], amount };
    tenon_status st = tenon_exec(txn, &transfer_change_account, account, NULL, err);

    if (st == TENON_OK)
        st = transfer_read(r, txn, err);
    if (st == TENON_OK)
        st = tenon_exec(txn, &transfer_change_teller, teller, NULL, err);
    if (st == TENON_OK)
        st = tenon_exec(txn, &transfer_change_branch, branch, NULL, err);
    return st == TENON_OK ? tenon_exec(txn, &transfer_note, note, NULL, err) : st;
}

static void
transfer_draw(worker *w, bool writes)
{
    transfer_worker *r = w->own;
    const uint64_t accounts = w->target->records;
    const uint64_t tellers = transfer_branch_count(accounts) * TRANSFER_TELLERS;

    r->wrong = false;
    r->account = (int64_t)draw_key(&w->target->now->keys, &w->stream, 0, accounts);
    if (!writes)
        return;
    r->teller = (int64_t)draw_below(&w->stream, tellers);
    r->branch = r->teller / TRANSFER_TELLERS;
    r->amount = (int64_t)draw_below(&w->stream, 2 * TRANSFER_MOST + 1) - TRANSFER_MOST;
    r->id = ((int64_t)w->number << TRANSFER_SERIAL_BITS) + r->serial++;
}

/* The generator alone: a look at a row as an engine would give it. */
static void
transfer_pretend(transfer_worker *r)
{
    char filler[sizeof transfer_filler];
    const tenon_value row[TRANSFER_COLUMNS] = {
        [TRANSFER_ID] = tenon_int(r->account),
        [TRANSFER_BRANCH] = tenon_int(r->account / TRANSFER_PER_BRANCH),
        [TRANSFER_FILLER] = tenon_text_n(filler, sizeof filler - 1),
    };

    memcpy(filler, transfer_filler, sizeof filler);
    r->wrong = !transfer_is_right(r, row);
}

static tenon_status
transfer_run(worker *w, operation op)
{
    const bool writes = op == OPERATION_TRANSFER;
    const tenon_txn_options options = { .size = sizeof options,
                                        .isolation = w->target->isolation,
                                        .name = operation_name(op),
                                        .read_only = !writes };
    transfer_worker *r = w->own;
    tenon_status st;

    transfer_draw(w, writes);
    if (w->target->db == NULL) {
        transfer_pretend(r);
        return TENON_OK;
    }
    st = tenon_run(w->target->db, &options, writes ? transfer_body : transfer_balance_body, r,
                   &w->last);
    w->sum.wrong += r->wrong;
    if (st == TENON_UNKNOWN_OUTCOME)
        r->unknown++;
    if (st != TENON_OK || !writes)
        return st;
    r->done++;
    r->sum += r->amount;
    w->sum.commits++;
    w->sum.written_bytes += TRANSFER_WRITTEN_BYTES;
    return st;
}

/* ---- Workers ---- */

static bool
transfer_prepare(target *t)
{
    for (uint32_t i = 0; i < t->worker_count; i++) {
        t->workers[i].own = calloc(1, sizeof(transfer_worker));
        if (t->workers[i].own == NULL)
            return target_failed(t, "memory", TENON_NO_MEMORY, NULL);
    }
    return true;
}

static void
transfer_release(target *t)
{
    for (uint32_t i = 0; i < t->worker_count; i++) {
        free(t->workers[i].own);
        t->workers[i].own = NULL;
    }
}

static double
transfer_record_bytes(const workload *w)
{
    (void)w;
    return TRANSFER_ACCOUNT_BYTES;
}

const scenario scenario_transfer = {
    .name = "transfer",
    .operations = UINT64_C(1) << OPERATION_TRANSFER | UINT64_C(1) << OPERATION_BALANCE,
    .proof = OPERATION_TRANSFER,
    .schema = transfer_get_schema,
    .record_bytes = transfer_record_bytes,
    .prepare = transfer_prepare,
    .fill = transfer_fill,
    .run = transfer_run,
    .check = transfer_check,
    .release = transfer_release,
};
