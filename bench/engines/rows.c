#include "rows.h"

#include <string.h>

/* ---- The table ---- */

static const tenon_column rows_columns[ROWS_COLUMNS] = {
    [ROWS_KEY] = { "key", TENON_BLOB, .not_null = true, .max_bytes = WORKLOAD_MOST_KEY_BYTES },
    [ROWS_VERSION] = { "version", TENON_INT, .not_null = true },
    [ROWS_NONCE] = { "nonce", TENON_INT, .not_null = true },
    [ROWS_VALUE] = { "value", TENON_BLOB, .not_null = true },
};

const tenon_table rows_table = {
    .name = "bench_rows",
    .columns = rows_columns,
    .column_count = ROWS_COLUMNS,
    .primary_key = TENON_COLUMNS(ROWS_KEY),
};

static const tenon_table *const rows_tables[] = { &rows_table };

static const tenon_schema rows_schema = {
    .name = "bench_rows",
    .version = 1,
    .tables = rows_tables,
    .table_count = 1,
};

static const tenon_schema *
rows_get_schema(void)
{
    return &rows_schema;
}

#define ROWS_ALL TENON_COLUMNS(ROWS_KEY, ROWS_VERSION, ROWS_NONCE, ROWS_VALUE)

static const tenon_query rows_by_key = {
    .name = "bench_read",
    .kind = TENON_SELECT,
    .table = &rows_table,
    .columns = ROWS_ALL,
    .where = TENON_WHERE(TENON_EQ(ROWS_KEY, 0)),
};

static const tenon_query rows_from_key = {
    .name = "bench_scan",
    .kind = TENON_SELECT,
    .table = &rows_table,
    .columns = ROWS_ALL,
    .where = TENON_WHERE(TENON_GE(ROWS_KEY, 0)),
    .order = TENON_ORDER(TENON_ASC(ROWS_KEY)),
    .limit_param = TENON_PARAM(1),
};

const tenon_query rows_all = {
    .name = "bench_all",
    .kind = TENON_SELECT,
    .table = &rows_table,
    .columns = ROWS_ALL,
    .order = TENON_ORDER(TENON_ASC(ROWS_KEY)),
};

const tenon_query rows_insert = {
    .name = "bench_insert",
    .kind = TENON_INSERT,
    .table = &rows_table,
    .columns = ROWS_ALL,
};

static const tenon_query rows_update = {
    .name = "bench_update",
    .kind = TENON_UPDATE,
    .table = &rows_table,
    .set = TENON_SET(TENON_PLUS(ROWS_VERSION, 1), TENON_TO(ROWS_NONCE, 2), TENON_TO(ROWS_VALUE, 3)),
    .where = TENON_WHERE(TENON_EQ(ROWS_KEY, 0)),
};

static const tenon_query rows_delete = {
    .name = "bench_delete",
    .kind = TENON_DELETE,
    .table = &rows_table,
    .where = TENON_WHERE(TENON_EQ(ROWS_KEY, 0)),
};

/* ---- What is known ---- */

static bool
rows_is_there(uint32_t state)
{
    return state != 0 && state < ROWS_UNSURE;
}

/* Updates that were acknowledged. */
static uint32_t
rows_acknowledged(uint32_t state)
{
    return rows_is_there(state) ? state - 1 : 0;
}

/* Positive, since it is stored as an INT. */
static uint64_t
rows_nonce(draw_stream *stream)
{
    return draw_below(stream, UINT64_C(1) << 63);
}

/* A record that is there, as far as is known; near the one drawn where that one is not. */
static void
rows_pick(worker *w, uint32_t at)
{
    rows_worker *r = w->own;
    const rows_model *m = r->model;
    const uint64_t head = atomic_load_explicit(&m->head, memory_order_relaxed);
    const uint64_t tail = atomic_load_explicit(&m->tail, memory_order_relaxed);
    uint64_t record = tail > head ? draw_key(&w->target->now->keys, r->stream, head, tail)
                                  : tail - (tail > 0);
    uint32_t state = atomic_load_explicit(&m->states[record], memory_order_acquire);

    while (!rows_is_there(state) && record > head) {
        record--;
        state = atomic_load_explicit(&m->states[record], memory_order_acquire);
    }
    r->records[at] = record;
    r->least[at] = rows_acknowledged(state);
    r->nonces[at] = rows_nonce(r->stream);
}

/* A row that was not found: somebody has removed it meanwhile, or it is lost. */
static void
rows_note_missing(rows_worker *r, uint32_t at)
{
    const uint32_t state = atomic_load_explicit(&r->model->states[r->records[at]],
                                                memory_order_acquire);

    if (rows_is_there(state))
        r->wrong = true;
    else
        r->missed = true;
}

static void
rows_note_updated(const rows_model *m, uint64_t record)
{
    uint32_t state = atomic_load_explicit(&m->states[record], memory_order_relaxed);

    while (rows_is_there(state) &&
           !atomic_compare_exchange_weak_explicit(&m->states[record], &state, state + 1,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

bool
rows_take_new(rows_worker *r, rows_model *m, uint32_t count)
{
    const uint64_t first = atomic_fetch_add_explicit(&m->tail, count, memory_order_relaxed);

    if (first + count > m->capacity) {
        (void)atomic_fetch_sub_explicit(&m->tail, count, memory_order_relaxed);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        r->records[i] = first + i;
        r->nonces[i] = rows_nonce(r->stream);
    }
    r->count = count;
    return true;
}

uint64_t
rows_note_new(const rows_worker *r, rows_model *m)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < r->count; i++) {
        bytes += draw_size(&m->workload->key_bytes, draw_hash(r->records[i]));
        bytes += rows_value_bytes(m, rows_seed(r->records[i], r->nonces[i]));
        atomic_store_explicit(&m->states[r->records[i]], 1, memory_order_release);
    }
    return bytes;
}

/* ---- Bodies ---- */

static tenon_value
rows_key_of(rows_worker *r, uint32_t at)
{
    return tenon_blob(r->key, rows_key(r->model, r->records[at], r->key));
}

static tenon_value
rows_value_of(rows_worker *r, uint32_t at)
{
    return tenon_blob(r->value, rows_value(r->model, r->records[at], r->nonces[at], r->value));
}

static tenon_status
rows_fetch(rows_worker *r, tenon_txn *txn, uint32_t at, tenon_error *err)
{
    const tenon_value key = rows_key_of(r, at);
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &rows_by_key, &key, &row, err);

    if (st == TENON_NOT_FOUND) {
        rows_note_missing(r, at);
        return TENON_OK;
    }
    if (st == TENON_OK && !rows_is_right(r->model, row, r->records[at], r->least[at]))
        r->wrong = true;
    return st;
}

static tenon_status
rows_change(rows_worker *r, tenon_txn *txn, uint32_t at, tenon_error *err)
{
    const tenon_value params[] = { rows_key_of(r, at), tenon_int(1),
                                   tenon_int((int64_t)r->nonces[at]), rows_value_of(r, at) };
    const bool deletes = r->model->workload->weights[OPERATION_DELETE] > 0;
    uint64_t affected = 1;
    tenon_status st = tenon_exec(txn, &rows_update, params, deletes ? &affected : NULL, err);

    if (st == TENON_OK && affected == 0)
        rows_note_missing(r, at);
    return st;
}

static void
rows_begin(rows_worker *r)
{
    r->missed = r->wrong = r->abort = false;
    r->read_rows = 0;
}

static tenon_status
rows_read_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    rows_begin(arg);
    return rows_fetch(arg, txn, 0, err);
}

static tenon_status
rows_update_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    rows_begin(arg);
    return rows_change(arg, txn, 0, err);
}

static tenon_status
rows_modify_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_status st;

    rows_begin(arg);
    st = rows_fetch(arg, txn, 0, err);
    return st == TENON_OK ? rows_change(arg, txn, 0, err) : st;
}

static tenon_status
rows_delete_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    rows_worker *r = arg;
    const tenon_value key = rows_key_of(r, 0);
    uint64_t affected = 0;
    tenon_status st;

    rows_begin(r);
    st = tenon_exec(txn, &rows_delete, &key, &affected, err);
    r->missed = affected == 0;
    return st;
}

tenon_status
rows_insert_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    rows_worker *r = arg;
    tenon_status st = TENON_OK;

    rows_begin(r);
    for (uint32_t i = 0; i < r->count && st == TENON_OK; i++) {
        const tenon_value params[] = { rows_key_of(r, i), tenon_int(0),
                                       tenon_int((int64_t)r->nonces[i]), rows_value_of(r, i) };

        st = tenon_exec(txn, &rows_insert, params, NULL, err);
    }
    return st;
}

/* Half of the rows are read, the other half updated. */
static tenon_status
rows_multi_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    rows_worker *r = arg;
    const bool abort = r->abort;
    tenon_status st = TENON_OK;

    rows_begin(r);
    r->abort = abort;
    for (uint32_t i = 0; i < r->count && st == TENON_OK; i++)
        st = i < r->count / 2 ? rows_fetch(r, txn, i, err) : rows_change(r, txn, i, err);
    return st == TENON_OK && abort ? TENON_CANCELLED : st;
}

void
rows_look_in_order(rows_worker *r, const tenon_value *row, rows_last *last)
{
    const tenon_value before = tenon_blob(last->key, last->bytes), *key = &row[ROWS_KEY];

    r->wrong = r->wrong || key->len < 8 || key->len > WORKLOAD_MOST_KEY_BYTES ||
               tenon_value_compare(&before, key) >= 0 ||
               !rows_is_right(r->model, row, rows_record(r->model, key->as.data), 0);
    if (r->wrong)
        return;
    last->bytes = key->len;
    memcpy(last->key, key->as.data, key->len);
    r->read_rows++;
}

static tenon_status
rows_scan_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    rows_worker *r = arg;
    const tenon_value params[] = { rows_key_of(r, 0), tenon_int(r->count) };
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    rows_last last = { .bytes = 0 };
    tenon_status st;

    rows_begin(r);
    st = tenon_select(txn, &rows_from_key, params, &cursor, err);
    while (st == TENON_OK && !r->wrong && (st = tenon_next(cursor, &row, err)) == TENON_OK)
        rows_look_in_order(r, row, &last);
    r->wrong = r->wrong || r->read_rows > r->count;
    tenon_cursor_close(cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

/* ---- Operations ---- */

/* What the operation would do around its engine. */
static void
rows_pretend(rows_worker *r, tenon_txn_fn body)
{
    if (body == rows_scan_body || body == rows_read_body)
        rows_generate(r, 0, r->count, body == rows_scan_body);
    else if (body == rows_multi_body)
        rows_generate(r, r->count / 2, r->count / 2, false);
    else if (body == rows_modify_body)
        rows_generate(r, 1, 1, false);
    else if (body == rows_delete_body)
        (void)rows_key_of(r, 0);
    else
        rows_generate(r, r->count, 0, false);
}

static tenon_status
rows_transact(worker *w, tenon_txn_fn body, const char *name, bool read_only)
{
    const tenon_txn_options options = { .size = sizeof options,
                                        .isolation = w->target->isolation,
                                        .name = name,
                                        .read_only = read_only };
    rows_worker *r = w->own;
    tenon_status st;

    if (w->target->db == NULL) { /* the generator alone */
        rows_begin(r);
        rows_pretend(r, body);
        return TENON_OK;
    }
    st = tenon_run(w->target->db, &options, body, r, &w->last);
    w->sum.wrong += r->wrong;
    w->sum.missed += st == TENON_OK && r->missed;
    w->sum.rows += r->read_rows;
    w->sum.commits += st == TENON_OK && !read_only;
    return st;
}

/* After a write of existing rows, from `first` on. */
static void
rows_wrote(worker *w, uint32_t first, tenon_status st)
{
    const rows_worker *r = w->own;
    const rows_model *m = r->model;

    for (uint32_t i = first; i < r->count; i++) {
        if (st == TENON_UNKNOWN_OUTCOME)
            atomic_store_explicit(&m->states[r->records[i]], ROWS_UNSURE, memory_order_relaxed);
        if (st != TENON_OK || r->missed)
            continue;
        rows_note_updated(m, r->records[i]);
        w->sum.written_bytes += rows_value_bytes(m, rows_seed(r->records[i], r->nonces[i]));
    }
}

static tenon_status
rows_run_insert(worker *w, uint32_t count, const char *name)
{
    rows_worker *r = w->own;
    rows_model *m = w->target->model;
    tenon_status st;

    if (!rows_take_new(r, m, count))
        return TENON_FULL;
    st = rows_transact(w, rows_insert_body, name, false);
    if (st == TENON_OK)
        w->sum.written_bytes += rows_note_new(r, m);
    for (uint32_t i = 0; i < count && st == TENON_UNKNOWN_OUTCOME; i++)
        atomic_store_explicit(&m->states[r->records[i]], ROWS_UNSURE, memory_order_relaxed);
    return st;
}

/* The oldest record, which is then this thread's to delete. @return false: there is none, or its
 * insert is not acknowledged yet */
static bool
rows_take_oldest(rows_model *m, uint64_t *out)
{
    uint64_t head = atomic_load_explicit(&m->head, memory_order_relaxed);

    while (head < atomic_load_explicit(&m->tail, memory_order_relaxed) &&
           rows_is_there(atomic_load_explicit(&m->states[head], memory_order_acquire))) {
        if (atomic_compare_exchange_weak_explicit(&m->head, &head, head + 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            *out = head;
            return true;
        }
    }
    return false;
}

static tenon_status
rows_run_delete(worker *w)
{
    rows_worker *r = w->own;
    rows_model *m = w->target->model;
    uint64_t record = m->capacity; /* never there */
    uint32_t before = ROWS_GONE;
    const bool taken = rows_take_oldest(m, &record);
    tenon_status st;

    r->records[0] = record;
    if (taken)
        before = atomic_exchange_explicit(&m->states[record], ROWS_GONE, memory_order_acq_rel);
    st = rows_transact(w, rows_delete_body, "delete", false);
    if (!taken)
        return st;
    if (st == TENON_OK && r->missed && w->target->db != NULL)
        w->sum.wrong++;
    if (st == TENON_UNKNOWN_OUTCOME)
        atomic_store_explicit(&m->states[record], ROWS_UNSURE, memory_order_relaxed);
    else if (st != TENON_OK) /* it is still there */
        atomic_store_explicit(&m->states[record], before, memory_order_relaxed);
    return st;
}

static tenon_status
rows_run_multi(worker *w)
{
    rows_worker *r = w->own;
    const workload *load = w->target->now;
    tenon_status st;

    r->count = 2 * load->batch;
    for (uint32_t i = 0; i < r->count; i++)
        rows_pick(w, i);
    r->abort = draw_below(r->stream, 100) < load->abort_percent;
    st = rows_transact(w, rows_multi_body, "multi", false);
    if (st == TENON_CANCELLED && r->abort) {
        w->sum.aborted++;
        return TENON_OK;
    }
    rows_wrote(w, r->count / 2, st);
    return st;
}

static tenon_status
rows_run(worker *w, operation op)
{
    rows_worker *r = w->own;
    const workload *load = w->target->now;
    tenon_status st;

    if (op == OPERATION_INSERT)
        return rows_run_insert(w, 1, "insert");
    if (op == OPERATION_BATCH)
        return rows_run_insert(w, load->batch, "batch");
    if (op == OPERATION_MULTI)
        return rows_run_multi(w);
    r->count = 1;
    if (op == OPERATION_DELETE)
        return rows_run_delete(w);
    rows_pick(w, 0);
    if (op == OPERATION_READ)
        return rows_transact(w, rows_read_body, "read", true);
    if (op == OPERATION_SCAN) {
        r->count = draw_size(&load->scan_rows, rows_nonce(r->stream));
        return rows_transact(w, rows_scan_body, "scan", true);
    }
    st = rows_transact(w, op == OPERATION_UPDATE ? rows_update_body : rows_modify_body,
                       operation_name(op), false);
    rows_wrote(w, 0, st);
    return st;
}

static double
rows_record_bytes(const workload *w)
{
    return draw_sizes_mean(&w->key_bytes) + draw_sizes_mean(&w->value_bytes);
}

#define ROWS_BIT(symbol) (UINT64_C(1) << OPERATION_##symbol)

const scenario scenario_rows = {
    .name = "rows",
    .operations = ROWS_BIT(READ) | ROWS_BIT(UPDATE) | ROWS_BIT(INSERT) | ROWS_BIT(DELETE) |
                  ROWS_BIT(SCAN) | ROWS_BIT(MODIFY) | ROWS_BIT(BATCH) | ROWS_BIT(MULTI),
    .proof = OPERATION_UPDATE,
    .schema = rows_get_schema,
    .record_bytes = rows_record_bytes,
    .prepare = rows_prepare,
    .fill = rows_fill,
    .run = rows_run,
    .check = rows_check,
    .release = rows_release,
};
