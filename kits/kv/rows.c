/* Reading rows: ranges of keys, conditions, sorting, cursors. */
#include <stdlib.h>

#include "read.h"

/* Sorted rows are cut down to the limit whenever they are this many times as many. */
#define ROWS_SORT_SLACK 4

static const tenon_value rows_null = { .type = TENON_NULL };

/* ---- Operands ---- */

static const tenon_value *
rows_operand(const tenon_drv_cursor *c, const kv_cond *cond)
{
    return cond->param == TENON_DRV_NONE ? &cond->constant : &c->params[cond->param];
}

static bool
rows_meet(const tenon_drv_cursor *c, const kv_cond *cond, const tenon_value *v)
{
    if (cond->op != TENON_OP_IN)
        return kv_compare(v, cond->op, rows_operand(c, cond));
    for (uint32_t i = 0; i < cond->param_count; i++) {
        if (kv_compare(v, TENON_OP_EQ, &c->params[cond->param + i]))
            return true;
    }
    return false;
}

/* Order of two values as it was asked for. */
static int
rows_order(const tenon_value *a, const tenon_value *b, bool descending)
{
    int order;

    if (a->type == TENON_NULL || b->type == TENON_NULL)
        order = (a->type != TENON_NULL) - (b->type != TENON_NULL);
    else
        order = kv_compare(a, TENON_OP_LT, b) ? -1 : kv_compare(a, TENON_OP_GT, b) ? 1 : 0;
    return descending ? -order : order;
}

/* Whether a row meets what the path has not seen to. */
static tenon_status
rows_filter(const tenon_drv_cursor *c, tenon_kv_bytes bytes, bool *meets, tenon_error *err)
{
    const tenon_drv_plan *plan = c->plan;
    const bool keyset = plan->query->after_param != TENON_DRV_NONE && !plan->path.seek_after;
    tenon_value v;
    kv_row row;
    int order = 0;

    *meets = true;
    if (plan->pending == 0 && !keyset)
        return TENON_OK;
    if (!kv_row_open(bytes, &row))
        return kv_corrupt(err, plan->table->name, "a row is not whole");
    for (uint32_t i = 0; i < plan->cond_count && *meets; i++) {
        if (plan->conds[i].served)
            continue;
        if (!kv_row_value(&row, &plan->table->columns[plan->conds[i].column], &v))
            return kv_corrupt(err, plan->table->name, "a value is not whole");
        *meets = rows_meet(c, &plan->conds[i], &v);
    }
    for (uint32_t i = 0; keyset && *meets && i < plan->order_count && order == 0; i++) {
        if (!kv_row_value(&row, &plan->table->columns[plan->order[i].column], &v))
            return kv_corrupt(err, plan->table->name, "a value is not whole");
        order = rows_order(&v, &c->params[plan->query->after_param + i],
                           plan->order[i].descending != 0);
    }
    *meets = *meets && (!keyset || order > 0);
    return TENON_OK;
}

/* ---- Ranges ---- */

/* Append an operand; no row meets a condition on NULL. */
static bool
rows_put_equal(tenon_drv_cursor *c, const kv_cond *cond, bool *nothing)
{
    const tenon_value *v = cond->op == TENON_OP_IS_NULL ? &rows_null : rows_operand(c, cond);

    *nothing = *nothing || (cond->op != TENON_OP_IS_NULL && v->type == TENON_NULL);
    return kv_key_value(&c->low, v);
}

static bool
rows_set(kv_buffer *to, const kv_buffer *from)
{
    to->len = 0;
    return kv_append(to, from->data, from->len);
}

/* `high` behind all keys that begin with `low`. There is always a key behind: trees end below it.
 */
static bool
rows_end_of_low(tenon_drv_cursor *c)
{
    return rows_set(&c->high, &c->low) && kv_key_after(&c->high);
}

static bool
rows_bound(tenon_drv_cursor *c, bool *nothing)
{
    const kv_path *path = &c->plan->path;
    const kv_cond *conds = c->plan->conds;
    const size_t prefix = c->low.len;
    const tenon_value *v;
    bool ok;

    if (path->prefix != TENON_DRV_NONE) {
        v = rows_operand(c, &conds[path->prefix]);
        *nothing = *nothing || v->type == TENON_NULL;
        return kv_key_prefix(&c->low, v) && rows_end_of_low(c);
    }
    ok = rows_end_of_low(c);
    if (path->high != TENON_DRV_NONE && ok) {
        v = rows_operand(c, &conds[path->high]);
        *nothing = *nothing || v->type == TENON_NULL;
        ok = rows_set(&c->high, &c->low) && kv_key_value(&c->high, v);
        if (ok && conds[path->high].op == TENON_OP_LE)
            ok = kv_key_after(&c->high);
        if (ok && path->low == TENON_DRV_NONE) /* not the NULLs, which come first */
            ok = kv_key_value(&c->low, &rows_null) && kv_key_after(&c->low);
    }
    if (path->low != TENON_DRV_NONE && ok) {
        v = rows_operand(c, &conds[path->low]);
        *nothing = *nothing || v->type == TENON_NULL;
        c->low.len = prefix;
        ok = kv_key_value(&c->low, v);
        if (ok && conds[path->low].op == TENON_OP_GT)
            ok = kv_key_after(&c->low);
    }
    return ok;
}

static int
rows_compare_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
    const int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Begin behind the last row of the page before. `prefix` bytes of `low` say what is equal. */
static bool
rows_bound_keyset(tenon_drv_cursor *c, size_t prefix)
{
    const tenon_drv_plan *plan = c->plan;
    kv_buffer *key = &c->at; /* not in use yet */
    bool ok;

    key->len = 0;
    ok = kv_append(key, c->low.data, prefix);
    for (uint32_t i = 0; i < plan->order_count && ok; i++)
        ok = kv_key_value(key, &c->params[plan->query->after_param + i]);
    if (!ok)
        return false;
    if (plan->path.backward)
        return rows_compare_bytes(key->data, key->len, c->high.data, c->high.len) >= 0 ||
               rows_set(&c->high, key);
    return !kv_key_after(key) ||
           rows_compare_bytes(key->data, key->len, c->low.data, c->low.len) <= 0 ||
           rows_set(&c->low, key);
}

/* The next range: the only one, or that of the next value of IN. TENON_NOT_FOUND: no more. */
static tenon_status
rows_next_range(tenon_drv_cursor *c, tenon_error *err)
{
    const tenon_drv_plan *plan = c->plan;
    const kv_path *path = &plan->path;
    bool nothing = false;
    size_t prefix;
    bool ok;

    if (c->try_at == c->try_count)
        return TENON_NOT_FOUND;
    c->low.len = 0;
    ok = kv_key_tree(&c->low, path->index != NULL ? path->index->tree : plan->table->tree);
    for (uint32_t i = 0; i < path->equal_count && ok; i++)
        ok = rows_put_equal(c, &plan->conds[path->equal[i]], &nothing);
    if (ok && path->in != TENON_DRV_NONE)
        ok = kv_key_value(&c->low, &c->params[c->tries[c->try_at]]);
    c->try_at++;
    prefix = c->low.len;
    if (ok && !path->unique)
        ok = rows_bound(c, &nothing);
    if (ok && path->seek_after && !path->unique)
        ok = rows_bound_keyset(c, prefix);
    if (!ok)
        return kv_no_memory(err);
    c->in_range = !nothing;
    c->started = false;
    return nothing ? TENON_NOT_FOUND : TENON_OK;
}

/* ---- Entries of a range ---- */

static tenon_status
rows_seek(tenon_drv_cursor *c, tenon_kv_bytes *key, tenon_kv_bytes *value, tenon_error *err)
{
    const kv_buffer *from = c->started ? &c->at : c->plan->path.backward ? &c->high : &c->low;
    const tenon_kv_bytes where = { .data = from->data, .len = from->len };
    tenon_status st;

    c->write_count = c->conn->write_count;
    *key = where;
    if (c->plan->path.backward)
        return c->conn->engine->cursor_go(c->raw, TENON_KV_SEEK_BEFORE, key, value, err);
    st = kv_seek(c->conn, c->raw, where, key, value, err);
    if (st == TENON_OK && c->started && key->len == where.len &&
        memcmp(key->data, where.data, (size_t)where.len) == 0)
        st = kv_next(c->conn, c->raw, key, value, err);
    return st;
}

static tenon_status
rows_entry(tenon_drv_cursor *c, tenon_kv_bytes *key, tenon_kv_bytes *value, tenon_error *err)
{
    const bool backward = c->plan->path.backward;
    tenon_status st = TENON_OK;

    if (c->raw == NULL)
        st = kv_cursor_take(c->conn, &c->raw, err);
    if (st != TENON_OK)
        return st;
    if (!c->started || c->write_count != c->conn->write_count)
        st = rows_seek(c, key, value, err);
    else
        st = c->conn->engine->cursor_go(c->raw, backward ? TENON_KV_PREV : TENON_KV_NEXT, key,
                                        value, err);
    if (st != TENON_OK)
        return st;
    if (backward ? rows_compare_bytes(key->data, (size_t)key->len, c->low.data, c->low.len) < 0
                 : rows_compare_bytes(key->data, (size_t)key->len, c->high.data, c->high.len) >= 0)
        return TENON_NOT_FOUND;
    c->started = true;
    if (c->conn->read_only) /* nothing can take the position away */
        return TENON_OK;
    c->at.len = 0;
    return kv_append(&c->at, key->data, (size_t)key->len) ? TENON_OK : kv_no_memory(err);
}

/* The value of a key, for as long as the cursor stays with it. */
static tenon_status
rows_get(tenon_drv_cursor *c, tenon_kv_bytes key, tenon_kv_bytes *value, tenon_error *err)
{
    const tenon_status st = kv_get(c->conn, key, value, err);

    if (st == TENON_OK) {
        c->held = value->data;
        c->held_count = c->conn->write_count;
    }
    return st;
}

static void
rows_let_go(tenon_drv_cursor *c)
{
    if (c->held != NULL && c->held_count == c->conn->write_count)
        kv_give_back(c->conn, (tenon_kv_bytes){ .data = c->held });
    c->held = NULL;
}

/* The only entry that a unique key may have. */
static tenon_status
rows_point(tenon_drv_cursor *c, tenon_kv_bytes *key, tenon_kv_bytes *value, tenon_error *err)
{
    if (c->started)
        return TENON_NOT_FOUND;
    c->started = true;
    *key = (tenon_kv_bytes){ .data = c->low.data, .len = c->low.len };
    return rows_get(c, *key, value, err);
}

/* The row that an entry of an index stands for. */
static tenon_status
rows_follow(tenon_drv_cursor *c, tenon_kv_bytes *key, tenon_kv_bytes *value, tenon_error *err)
{
    const tenon_drv_plan *plan = c->plan;
    tenon_status st;

    if (plan->path.index == NULL)
        return TENON_OK;
    st = kv_entry_row_key(plan->table, plan->path.index, plan->row_key_bytes, *key, *value,
                          &c->row_key, err);
    if (st != TENON_OK)
        return st;
    *key = (tenon_kv_bytes){ .data = c->row_key.data, .len = c->row_key.len };
    st = rows_get(c, *key, value, err);
    return st == TENON_NOT_FOUND
               ? kv_corrupt(err, plan->path.index->name, "an entry of an index without its row")
               : st;
}

/* Next row in the order of the keys that meets all conditions, without regard to the limit. */
static tenon_status
rows_find(tenon_drv_cursor *c, tenon_kv_bytes *key, tenon_kv_bytes *row, tenon_error *err)
{
    bool meets = false;
    tenon_status st;

    while (!meets) {
        rows_let_go(c);
        st = c->in_range ? TENON_OK : rows_next_range(c, err);
        if (st != TENON_OK)
            return st;
        st = c->plan->path.unique ? rows_point(c, key, row, err) : rows_entry(c, key, row, err);
        if (st == TENON_NOT_FOUND) {
            c->in_range = false;
            continue;
        }
        meets = c->plan->only_entries;
        if (st == TENON_OK && !meets)
            st = rows_follow(c, key, row, err);
        if (st == TENON_OK && !meets)
            st = rows_filter(c, *row, &meets, err);
        if (st == TENON_OK)
            st = kv_check_deadline(c->conn, err);
        if (st != TENON_OK)
            return st;
    }
    return TENON_OK;
}

/* ---- Sorting ---- */

/* Damaged rows compare equal; they are reported when they are read. */
static int
rows_compare_sorted(const tenon_drv_plan *plan, const kv_sorted *a, const kv_sorted *b)
{
    kv_row row_a, row_b;
    int order = 0;

    if (!kv_row_open(a->row, &row_a) || !kv_row_open(b->row, &row_b))
        return 0;
    for (uint32_t i = 0; i < plan->order_count && order == 0; i++) {
        const kv_column *column = &plan->table->columns[plan->order[i].column];
        tenon_value v, w;

        if (kv_row_value(&row_a, column, &v) && kv_row_value(&row_b, column, &w))
            order = rows_order(&v, &w, plan->order[i].descending != 0);
    }
    if (order == 0)
        order = rows_compare_bytes(a->key.data, (size_t)a->key.len, b->key.data,
                                   (size_t)b->key.len);
    return order;
}

/* Heap sort: qsort gives its comparison no way to know the plan. */
static void
rows_sift(const tenon_drv_plan *plan, kv_sorted *rows, size_t at, size_t count)
{
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        kv_sorted swap;

        if (child + 1 < count && rows_compare_sorted(plan, &rows[child], &rows[child + 1]) < 0)
            child++;
        if (rows_compare_sorted(plan, &rows[at], &rows[child]) >= 0)
            return;
        swap = rows[at];
        rows[at] = rows[child];
        rows[child] = swap;
        at = child;
    }
}

static void
rows_sort(const tenon_drv_plan *plan, kv_sorted *rows, size_t count)
{
    for (size_t i = count / 2; i > 0; i--)
        rows_sift(plan, rows, i - 1, count);
    for (size_t i = count; i > 1; i--) {
        const kv_sorted swap = rows[0];

        rows[0] = rows[i - 1];
        rows[i - 1] = swap;
        rows_sift(plan, rows, 0, i - 1);
    }
}

static bool
rows_keep(kv_arena *arena, kv_sorted *to, tenon_kv_bytes key, tenon_kv_bytes row)
{
    to->key = kv_copy(arena, key);
    to->row = kv_copy(arena, row);
    return to->key.data != NULL && to->row.data != NULL;
}

/* Sort what there is, keep as many as the limit allows, and their bytes only. */
static bool
rows_cut(tenon_drv_cursor *c)
{
    kv_arena kept = { 0 };
    bool ok = true;

    rows_sort(c->plan, c->sorted, c->sorted_count);
    if (c->sorted_count > c->left)
        c->sorted_count = (size_t)c->left;
    for (size_t i = 0; i < c->sorted_count && ok; i++)
        ok = rows_keep(&kept, &c->sorted[i], c->sorted[i].key, c->sorted[i].row);
    kv_arena_free(&c->arena);
    c->arena = kept;
    return ok;
}

static bool
rows_add_sorted(tenon_drv_cursor *c, tenon_kv_bytes key, tenon_kv_bytes row)
{
    if (c->sorted_count == c->sorted_room) {
        const size_t room = c->sorted_room > 0 ? 2 * c->sorted_room : 64;
        kv_sorted *grown;

        if (c->left < c->sorted_count / ROWS_SORT_SLACK && !rows_cut(c))
            return false;
        if (c->sorted_count == c->sorted_room) {
            grown = realloc(c->sorted, room * sizeof *grown);
            if (grown == NULL)
                return false;
            c->sorted = grown;
            c->sorted_room = room;
        }
    }
    return rows_keep(&c->arena, &c->sorted[c->sorted_count++], key, row);
}

static tenon_status
rows_collect(tenon_drv_cursor *c, tenon_error *err)
{
    tenon_kv_bytes key, row;
    tenon_status st = TENON_OK;

    while (st == TENON_OK) {
        st = rows_find(c, &key, &row, err);
        if (st == TENON_OK && !rows_add_sorted(c, key, row))
            st = kv_no_memory(err);
    }
    if (st != TENON_NOT_FOUND)
        return st;
    rows_sort(c->plan, c->sorted, c->sorted_count);
    c->collected = true;
    return TENON_OK;
}

tenon_status
kv_rows_next(tenon_drv_cursor *c, tenon_kv_bytes *row_key, tenon_kv_bytes *row, tenon_error *err)
{
    tenon_status st = TENON_OK;

    if (c->left == 0)
        return TENON_NOT_FOUND;
    if (c->plan->path.ordered) {
        st = rows_find(c, row_key, row, err);
    } else {
        if (!c->collected)
            st = rows_collect(c, err);
        if (st == TENON_OK && c->sorted_at == c->sorted_count)
            st = TENON_NOT_FOUND;
        if (st == TENON_OK) {
            *row_key = c->sorted[c->sorted_at].key;
            *row = c->sorted[c->sorted_at++].row;
        }
    }
    if (st == TENON_OK)
        c->left--;
    return st;
}

tenon_status
kv_rows_count(tenon_drv_cursor *c, int64_t *out, tenon_error *err)
{
    tenon_kv_bytes key, row;
    tenon_status st = TENON_OK;

    *out = 0;
    while (st == TENON_OK) {
        st = rows_find(c, &key, &row, err);
        *out += st == TENON_OK ? 1 : 0;
    }
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

/* ---- Cursors ---- */

/* Values of IN, sorted, each once; NULL is equal to nothing. */
static bool
rows_list_tries(tenon_drv_cursor *c)
{
    const kv_cond *cond = &c->plan->conds[c->plan->path.in];

    c->try_count = 0;
    if (cond->param_count > c->tries_room) {
        uint16_t *grown = realloc(c->tries, cond->param_count * sizeof *grown);

        if (grown == NULL)
            return false;
        c->tries = grown;
        c->tries_room = cond->param_count;
    }
    for (uint32_t i = 0; i < cond->param_count; i++) {
        const uint16_t param = (uint16_t)(cond->param + i);
        uint32_t at = 0;

        if (c->params[param].type == TENON_NULL)
            continue;
        while (at < c->try_count &&
               rows_order(&c->params[c->tries[at]], &c->params[param], false) < 0)
            at++;
        if (at < c->try_count &&
            rows_order(&c->params[c->tries[at]], &c->params[param], false) == 0)
            continue;
        memmove(&c->tries[at + 1], &c->tries[at], (c->try_count - at) * sizeof c->tries[0]);
        c->tries[at] = param;
        c->try_count++;
    }
    return true;
}

static tenon_drv_cursor *
rows_take(tenon_drv_plan *plan)
{
    tenon_drv_cursor *c = plan->idle;
    uint32_t columns = plan->query->column_count;
    size_t bytes;

    if (c != NULL) {
        plan->idle = c->next;
        return c;
    }
    if (columns == 0)
        columns = 1; /* the number of a COUNT */
    bytes = sizeof *c + columns * sizeof c->row[0];
    bytes += -bytes % _Alignof(tenon_drv_cursor);
    c = aligned_alloc(_Alignof(tenon_drv_cursor), bytes);
    if (c != NULL) {
        memset(c, 0, bytes);
        c->plan = plan;
        c->conn = plan->conn;
    }
    return c;
}

tenon_status
kv_rows_open(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out,
             tenon_error *err)
{
    const tenon_drv_query *q = plan->query;
    tenon_drv_cursor *c;
    tenon_status st = kv_plan_ready(plan, err);

    *out = NULL;
    if (st != TENON_OK)
        return st;
    c = rows_take(plan);
    if (c == NULL)
        return kv_no_memory(err);
    c->params = params;
    c->left = q->limit;
    if (q->limit_param != TENON_DRV_NONE && (uint64_t)params[q->limit_param].as.i < c->left)
        c->left = (uint64_t)params[q->limit_param].as.i;
    c->try_at = 0;
    c->try_count = 1;
    c->in_range = false;
    c->collected = false;
    c->sorted_count = 0;
    c->sorted_at = 0;
    if (plan->path.in != TENON_DRV_NONE && !rows_list_tries(c)) {
        kv_rows_close(c);
        return kv_no_memory(err);
    }
    *out = c;
    return TENON_OK;
}

void
kv_rows_close(tenon_drv_cursor *c)
{
    if (c == NULL)
        return;
    rows_let_go(c);
    kv_cursor_give(c->conn, c->raw);
    c->raw = NULL;
    kv_arena_reset(&c->arena);
    c->next = c->plan->idle;
    c->plan->idle = c;
}
