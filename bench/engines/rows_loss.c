#include "rows.h"

enum { LOSS_CHECK_MS = 3600000 };

typedef struct loss_sight {
    const rows_model *model;
    rows_loss *loss;
    uint64_t found; /* acknowledged inserts and updates that are there */
} loss_sight;

/* Inserts and updates that were acknowledged. */
static uint32_t
loss_acknowledged(uint32_t state)
{
    return state < ROWS_UNSURE ? state : 0;
}

static void
loss_look(loss_sight *s, const tenon_value *row)
{
    const rows_model *m = s->model;
    const uint64_t record = row[ROWS_KEY].len < 8 ? UINT64_MAX
                                                  : rows_record(m, row[ROWS_KEY].as.data);
    uint32_t acknowledged;
    int64_t there;

    if (record >= atomic_load(&m->tail) || !rows_is_right(m, row, record, 0)) {
        s->loss->damaged++;
        return;
    }
    acknowledged = loss_acknowledged(atomic_load(&m->states[record]));
    there = row[ROWS_VERSION].as.i + 1;
    /* One more may be there than was acknowledged: it was under way. */
    s->found += there < (int64_t)acknowledged ? (uint64_t)there : acknowledged;
}

static tenon_status
loss_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    loss_sight *s = arg;
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    tenon_status st;

    s->found = s->loss->damaged = 0;
    st = tenon_select(txn, &rows_all, NULL, &cursor, err);
    while (st == TENON_OK && (st = tenon_next(cursor, &row, err)) == TENON_OK)
        loss_look(s, row);
    tenon_cursor_close(cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

bool
rows_find_losses(target *t, rows_loss *out)
{
    const tenon_txn_options options = { .size = sizeof options,
                                        .read_only = true,
                                        .timeout_ms = LOSS_CHECK_MS };
    const rows_model *m = t->model;
    loss_sight sight = { .model = m, .loss = out };
    tenon_error err = { 0 };
    tenon_status st;

    memset(out, 0, sizeof *out);
    for (uint64_t i = 0; i < atomic_load(&m->tail); i++)
        out->acknowledged += loss_acknowledged(atomic_load(&m->states[i]));
    st = tenon_run(t->db, &options, loss_body, &sight, &err);
    if (st != TENON_OK)
        return target_failed(t, "check", st, &err);
    out->lost = out->acknowledged - sight.found;
    return true;
}
