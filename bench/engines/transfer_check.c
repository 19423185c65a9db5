/* The four sums, and a digest of all rows. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "transfer.h"

enum { TRANSFER_TABLES = 4, TRANSFER_CHECK_MS = 3600000 };

#define TRANSFER_ALL(of)                                                                           \
    {                                                                                              \
        .name = "transfer_all", .kind = TENON_SELECT, .table = &(of),                              \
        .columns = TENON_COLUMNS(TRANSFER_ID, TRANSFER_BRANCH, TRANSFER_BALANCE, TRANSFER_FILLER), \
        .order = TENON_ORDER(TENON_ASC(TRANSFER_ID))                                               \
    }

static const tenon_query transfer_all[TRANSFER_TABLES] = {
    TRANSFER_ALL(transfer_accounts),
    TRANSFER_ALL(transfer_tellers),
    TRANSFER_ALL(transfer_branches),
    { .name = "history_all",
      .kind = TENON_SELECT,
      .table = &transfer_history,
      .columns = TENON_COLUMNS(HISTORY_ID, HISTORY_ACCOUNT, HISTORY_TELLER, HISTORY_BRANCH,
                               HISTORY_AMOUNT),
      .order = TENON_ORDER(TENON_ASC(HISTORY_ID)) },
};

typedef struct transfer_sight {
    uint64_t rows[TRANSFER_TABLES], bytes;
    int64_t sums[TRANSFER_TABLES];
    crypto_generichash_state hash;
} transfer_sight;

static void
transfer_look(transfer_sight *s, int table, const tenon_value *row)
{
    const bool is_history = table == TRANSFER_TABLES - 1;

    s->rows[table]++;
    s->sums[table] += row[is_history ? HISTORY_AMOUNT : TRANSFER_BALANCE].as.i;
    for (uint32_t i = 0; i < transfer_all[table].columns.count; i++) {
        const bool text = row[i].type == TENON_TEXT;

        s->bytes += text ? row[i].len : sizeof row[i].as.i;
        (void)crypto_generichash_update(&s->hash,
                                        text ? row[i].as.data : (const void *)&row[i].as.i,
                                        text ? row[i].len : sizeof row[i].as.i);
    }
}

static tenon_status
transfer_check_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    transfer_sight *s = arg;
    tenon_status st = TENON_OK;

    memset(s, 0, sizeof *s);
    (void)crypto_generichash_init(&s->hash, NULL, 0, SCENARIO_DIGEST_BYTES);
    for (int i = 0; i < TRANSFER_TABLES && st == TENON_OK; i++) {
        tenon_cursor *cursor = NULL;
        const tenon_value *row;

        st = tenon_select(txn, &transfer_all[i], NULL, &cursor, err);
        while (st == TENON_OK && (st = tenon_next(cursor, &row, err)) == TENON_OK)
            transfer_look(s, i, row);
        tenon_cursor_close(cursor);
        st = st == TENON_NOT_FOUND ? TENON_OK : st;
    }
    return st;
}

static void
transfer_judge(const target *t, const transfer_sight *s, scenario_check *out)
{
    const int history = TRANSFER_TABLES - 1;
    uint64_t done = 0, unknown = 0;
    int64_t sum = 0;

    for (uint32_t i = 0; i < t->worker_count; i++) {
        const transfer_worker *r = t->workers[i].own;

        done += r->done;
        unknown += r->unknown;
        sum += r->sum;
    }
    out->ok = true;
    for (int i = 0; i < history && out->ok; i++) {
        out->ok = s->sums[i] == s->sums[history];
        if (!out->ok)
            (void)snprintf(out->what, sizeof out->what,
                           "the sum of %s is %" PRId64 ", that of the history %" PRId64,
                           transfer_all[i].table->name, s->sums[i], s->sums[history]);
    }
    if (out->ok && (s->rows[history] < done || s->rows[history] > done + unknown ||
                    (unknown == 0 && s->sums[history] != sum))) {
        out->ok = false;
        (void)snprintf(out->what, sizeof out->what,
                       "%" PRIu64 " transfers of %" PRId64 " in all are there, not the %" PRIu64
                       " of %" PRId64 " that were acknowledged",
                       s->rows[history], s->sums[history], done, sum);
    }
    if (out->ok && s->rows[0] != t->records) {
        out->ok = false;
        (void)snprintf(out->what, sizeof out->what, "%" PRIu64 " accounts are there", s->rows[0]);
    }
}

bool
transfer_check(target *t, scenario_check *out)
{
    const tenon_txn_options options = {
        .size = sizeof options, .name = "check", .read_only = true, .timeout_ms = TRANSFER_CHECK_MS
    };
    transfer_sight sight;
    tenon_error err = { 0 };
    tenon_status st = tenon_run(t->db, &options, transfer_check_body, &sight, &err);

    memset(out, 0, sizeof *out);
    if (st != TENON_OK)
        return target_failed(t, "check", st, &err);
    for (int i = 0; i < TRANSFER_TABLES; i++)
        out->rows += sight.rows[i];
    out->bytes = sight.bytes;
    transfer_judge(t, &sight, out);
    out->has_digest = true;
    (void)crypto_generichash_final(&sight.hash, out->digest, sizeof out->digest);
    return true;
}
