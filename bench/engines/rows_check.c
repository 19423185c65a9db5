/* The table is filled, and looked at as a whole. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

enum { ROWS_FILL_BATCH = 500, ROWS_CHECK_MS = 3600000 };

size_t
rows_model_bytes(uint64_t capacity)
{
    return sizeof(rows_model) + capacity * sizeof(uint32_t);
}

static rows_model *
rows_make_model(const target *t)
{
    const uint64_t capacity = t->shared == NULL
                                  ? t->records + ROWS_HEADROOM
                                  : (t->shared_bytes - sizeof(rows_model)) / sizeof(uint32_t);
    rows_model *m = t->shared == NULL ? calloc(1, rows_model_bytes(capacity)) : t->shared;

    if (m == NULL)
        return NULL;
    m->workload = t->workload;
    m->capacity = capacity;
    m->is_shared = t->shared != NULL;
    m->states = (_Atomic uint32_t *)(m + 1);
    return m;
}

bool
rows_prepare(target *t)
{
    const size_t value_words = t->workload->value_bytes.max / 8 + 1;
    rows_model *m = rows_make_model(t);

    t->model = m;
    if (m == NULL)
        return target_failed(t, "memory", TENON_NO_MEMORY, NULL);
    for (uint32_t i = 0; i < t->worker_count; i++) {
        rows_worker *r = calloc(1, sizeof *r);

        t->workers[i].own = r;
        if (r == NULL)
            return target_failed(t, "memory", TENON_NO_MEMORY, NULL);
        r->model = m;
        r->stream = &t->workers[i].stream;
        r->value = calloc(value_words, 8);
        if (r->value == NULL || (t->db == NULL && !rows_sample_make(r, t)))
            return target_failed(t, "memory", TENON_NO_MEMORY, NULL);
    }
    return true;
}

void
rows_release(target *t)
{
    rows_model *m = t->model;

    for (uint32_t i = 0; i < t->worker_count; i++) {
        rows_worker *r = t->workers[i].own;

        if (r != NULL) {
            free(r->value);
            rows_sample_free(r);
        }
        free(r);
        t->workers[i].own = NULL;
    }
    if (m != NULL && !m->is_shared)
        free(m);
    t->model = NULL;
}

bool
rows_fill(target *t)
{
    rows_worker *r = t->workers[0].own;
    draw_stream stream = { .random = draw_hash(t->seed ^ UINT64_C(0xf111)) };
    draw_stream *worker_stream = r->stream;
    tenon_status st = TENON_OK;
    tenon_error err = { 0 };

    r->stream = &stream;
    for (uint64_t done = 0; done < t->records && st == TENON_OK; done += r->count) {
        const uint64_t left = t->records - done;

        (void)rows_take_new(r, t->model, left < ROWS_FILL_BATCH ? (uint32_t)left : ROWS_FILL_BATCH);
        if (t->db != NULL)
            st = tenon_run(t->db, NULL, rows_insert_body, r, &err);
        if (st == TENON_OK)
            (void)rows_note_new(r, t->model);
    }
    r->stream = worker_stream;
    return st == TENON_OK || target_failed(t, "fill", st, &err);
}

/* ---- Check ---- */

typedef struct rows_sight {
    const rows_model *model;
    scenario_check *check;
    crypto_generichash_state hash;
} rows_sight;

static void
rows_complain(scenario_check *check, const char *what, uint64_t record)
{
    if (check->ok)
        (void)snprintf(check->what, sizeof check->what, "record %" PRIu64 " %s", record, what);
    check->ok = false;
}

static void
rows_digest(rows_sight *s, const tenon_value *row)
{
    for (int i = 0; i < ROWS_COLUMNS; i++) {
        const bool bytes = row[i].type == TENON_BLOB;
        const uint64_t number = bytes ? row[i].len : (uint64_t)row[i].as.i;

        (void)crypto_generichash_update(&s->hash, (const uint8_t *)&number, sizeof number);
        if (bytes && row[i].len > 0)
            (void)crypto_generichash_update(&s->hash, row[i].as.data, row[i].len);
    }
}

static void
rows_look(rows_sight *s, const tenon_value *row)
{
    const rows_model *m = s->model;
    const uint64_t record = row[ROWS_KEY].len < 8 ? UINT64_MAX
                                                  : rows_record(m, row[ROWS_KEY].as.data);
    const uint64_t tail = atomic_load(&m->tail);
    const uint32_t state = record < tail ? atomic_load(&m->states[record]) : 0;

    s->check->rows++;
    s->check->bytes += row[ROWS_KEY].len + row[ROWS_VALUE].len;
    rows_digest(s, row);
    if (state == 0)
        rows_complain(s->check, "is there and was not inserted", record);
    else if (state == ROWS_GONE)
        rows_complain(s->check, "is there and was deleted", record);
    else if (!rows_is_right(m, row, record, 0))
        rows_complain(s->check, "is not what was written", record);
    else if (state != ROWS_UNSURE && row[ROWS_VERSION].as.i != (int64_t)state - 1)
        rows_complain(s->check, "has not as many updates as were acknowledged", record);
}

static tenon_status
rows_check_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    rows_sight *s = arg;
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    tenon_status st;

    memset(s->check, 0, sizeof *s->check);
    s->check->ok = true;
    (void)crypto_generichash_init(&s->hash, NULL, 0, SCENARIO_DIGEST_BYTES);
    st = tenon_select(txn, &rows_all, NULL, &cursor, err);
    while (st == TENON_OK && (st = tenon_next(cursor, &row, err)) == TENON_OK)
        rows_look(s, row);
    tenon_cursor_close(cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

/* Rows that must be there, and those that may. */
static void
rows_count(const rows_model *m, uint64_t *must, uint64_t *may)
{
    const uint64_t tail = atomic_load(&m->tail);

    *must = *may = 0;
    for (uint64_t i = 0; i < tail; i++) {
        const uint32_t state = atomic_load_explicit(&m->states[i], memory_order_relaxed);

        *must += state != 0 && state < ROWS_UNSURE;
        *may += state == ROWS_UNSURE;
    }
}

bool
rows_check(target *t, scenario_check *out)
{
    const tenon_txn_options options = {
        .size = sizeof options, .name = "check", .read_only = true, .timeout_ms = ROWS_CHECK_MS
    };
    rows_sight sight = { .model = t->model, .check = out };
    tenon_error err = { 0 };
    tenon_status st = tenon_run(t->db, &options, rows_check_body, &sight, &err);
    uint64_t must, may;

    if (st != TENON_OK)
        return target_failed(t, "check", st, &err);
    rows_count(t->model, &must, &may);
    if (out->ok && (out->rows < must || out->rows > must + may)) {
        out->ok = false;
        (void)snprintf(out->what, sizeof out->what,
                       "%" PRIu64 " rows are there, not the %" PRIu64 " that were acknowledged",
                       out->rows, must);
    }
    out->has_digest = true;
    (void)crypto_generichash_final(&sight.hash, out->digest, sizeof out->digest);
    return true;
}
