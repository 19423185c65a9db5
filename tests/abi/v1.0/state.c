/* Rows, tables, and what conditions say of them. */
#include "store.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- Memory and errors ---- */

void *
store_alloc(size_t bytes)
{
    void *got = store_host->reallocate(NULL, bytes);

    if (got != NULL)
        memset(got, 0, bytes);
    return got;
}

tenon_status
store_fail(tenon_error *err, tenon_status status, uint8_t effect, const char *object,
           const char *format, ...)
{
    va_list args;

    memset(err, 0, sizeof *err);
    err->status = status;
    err->effect = effect;
    (void)snprintf(err->object, sizeof err->object, "%s", object != NULL ? object : "");
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return status;
}

tenon_status
store_no_memory(tenon_error *err)
{
    return store_fail(err, TENON_NO_MEMORY, TENON_EFFECT_OPEN, NULL, "no memory");
}

bool
store_is_late(const tenon_drv_conn *conn, tenon_error *err)
{
    if (store_host->monotonic_ns() < conn->deadline_ns)
        return false;
    (void)store_fail(err, TENON_TIMEOUT, TENON_EFFECT_MUST_ROLL_BACK, NULL,
                     "the deadline has passed");
    return true;
}

/* ---- Rows ---- */

static bool
store_has_bytes(const tenon_value *v)
{
    return v->type == TENON_TEXT || v->type == TENON_BLOB || v->type == TENON_UUID;
}

store_row *
store_row_new(const tenon_value *values, uint32_t count, uint64_t made_by)
{
    size_t bytes = sizeof(store_row) + count * sizeof *values;
    unsigned char *end;
    store_row *row;

    for (uint32_t i = 0; i < count; i++)
        bytes += store_has_bytes(&values[i]) ? values[i].len : 0;
    row = store_alloc(bytes);
    if (row == NULL)
        return NULL;
    atomic_init(&row->use_count, 1);
    row->made_by = made_by;
    end = (unsigned char *)&row->values[count];
    for (uint32_t i = 0; i < count; i++) {
        row->values[i] = values[i];
        if (values[i].type == TENON_REAL && values[i].as.d == 0)
            row->values[i].as.d = 0; /* not -0.0 */
        if (!store_has_bytes(&values[i]))
            continue;
        if (values[i].len > 0)
            memcpy(end, values[i].as.data, values[i].len);
        row->values[i].as.data = end;
        end += values[i].len;
    }
    return row;
}

store_row *
store_row_hold(store_row *row)
{
    (void)atomic_fetch_add(&row->use_count, 1);
    return row;
}

void
store_row_release(store_row *row)
{
    if (row != NULL && atomic_fetch_sub(&row->use_count, 1) == 1)
        store_host->release(row);
}

int
store_compare(const tenon_value *a, const tenon_value *b)
{
    const uint32_t len = a->len < b->len ? a->len : b->len;
    int order;

    if (a->type != b->type)
        return a->type < b->type ? -1 : 1; /* NULL comes first */
    if (a->type == TENON_REAL)
        return a->as.d < b->as.d ? -1 : a->as.d > b->as.d;
    if (!store_has_bytes(a))
        return a->type == TENON_NULL ? 0 : a->as.i < b->as.i ? -1 : a->as.i > b->as.i;
    order = len > 0 ? memcmp(a->as.data, b->as.data, len) : 0;
    return order != 0 ? order : a->len < b->len ? -1 : a->len > b->len;
}

/* ---- Tables ---- */

store_table *
store_find(const store_state *state, const char *name)
{
    for (size_t i = 0; i < state->table_count; i++) {
        if (strcmp(state->tables[i]->name, name) == 0)
            return state->tables[i];
    }
    return NULL;
}

void
store_table_free(store_table *table)
{
    for (size_t i = 0; table != NULL && i < table->row_count; i++)
        store_row_release(table->rows[i]);
    if (table != NULL)
        store_host->release(table->rows);
    store_host->release(table);
}

void
store_state_free(store_state *state)
{
    for (size_t i = 0; i < state->table_count; i++)
        store_table_free(state->tables[i]);
    store_host->release(state->tables);
    memset(state, 0, sizeof *state);
}

bool
store_state_copy(const store_state *from, store_state *to)
{
    memset(to, 0, sizeof *to);
    to->tables = store_alloc((from->table_count + 1) * sizeof *to->tables); /* and one more */
    for (size_t i = 0; to->tables != NULL && i < from->table_count; i++) {
        const store_table *old = from->tables[i];
        store_table *table = store_alloc(sizeof *table);
        store_row **rows = store_alloc((old->row_count + 1) * sizeof *rows);

        if (table == NULL || rows == NULL) {
            store_host->release(table);
            store_host->release(rows);
            store_state_free(to);
            return false;
        }
        *table = *old;
        table->rows = rows;
        table->row_room = old->row_count + 1;
        for (size_t k = 0; k < old->row_count; k++)
            rows[k] = store_row_hold(old->rows[k]);
        to->tables[to->table_count++] = table;
    }
    return to->tables != NULL;
}

/* The first row whose key is not before `key`, whose columns are `columns`. */
size_t
store_place(const store_table *table, const tenon_value *key, const uint16_t *columns, bool *found)
{
    size_t low = 0, high = table->row_count;

    *found = false;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        int order = 0;

        for (uint32_t i = 0; order == 0 && i < table->key_column_count; i++)
            order = store_compare(&table->rows[middle]->values[table->key[i]], &key[columns[i]]);
        *found = *found || order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool
store_put(store_table *table, size_t at, store_row *row)
{
    if (table->row_count == table->row_room) {
        const size_t room = table->row_room * 2 + 8;
        store_row **rows = store_host->reallocate(table->rows, room * sizeof *rows);

        if (rows == NULL)
            return false;
        table->rows = rows;
        table->row_room = room;
    }
    memmove(&table->rows[at + 1], &table->rows[at], (table->row_count - at) * sizeof row);
    table->rows[at] = row;
    table->row_count++;
    return true;
}

void
store_take_out(store_table *table, size_t at)
{
    store_row_release(table->rows[at]);
    table->row_count--;
    memmove(&table->rows[at], &table->rows[at + 1], (table->row_count - at) * sizeof *table->rows);
}

/* ---- Conditions ---- */

static const tenon_value *
store_operand(const tenon_drv_cond *c, const tenon_value *params, uint32_t number)
{
    return c->param == TENON_DRV_NONE ? &c->constant : &params[c->param + number];
}

static bool
store_is(const tenon_drv_cond *c, const tenon_value *value, const tenon_value *operand)
{
    int order;

    if (value->type == TENON_NULL || operand->type == TENON_NULL)
        return false;
    if (c->op == TENON_OP_PREFIX)
        return value->len >= operand->len &&
               (operand->len == 0 || memcmp(value->as.data, operand->as.data, operand->len) == 0);
    order = store_compare(value, operand);
    switch (c->op) {
    case TENON_OP_NE:
        return order != 0;
    case TENON_OP_LT:
        return order < 0;
    case TENON_OP_LE:
        return order <= 0;
    case TENON_OP_GT:
        return order > 0;
    case TENON_OP_GE:
        return order >= 0;
    default: /* EQ, IN */
        return order == 0;
    }
}

bool
store_matches(const tenon_drv_cond *list, uint32_t count, const tenon_value *row,
              const tenon_value *params)
{
    for (uint32_t i = 0; i < count; i++) {
        const tenon_value *value = &row[list[i].column];
        bool is = false;

        if (list[i].op == TENON_OP_IS_NULL || list[i].op == TENON_OP_NOT_NULL)
            is = (value->type == TENON_NULL) == (list[i].op == TENON_OP_IS_NULL);
        else
            for (uint32_t k = 0; !is && (k == 0 || k < list[i].param_count); k++)
                is = store_is(&list[i], value, store_operand(&list[i], params, k));
        if (!is)
            return false;
    }
    return true;
}

/* Whether two rows have the same key in an index. */
static bool
store_same_key(const tenon_drv_index *index, const tenon_value *a, const tenon_value *b)
{
    for (uint32_t i = 0; i < index->column_count; i++) {
        const tenon_value *value = &a[index->columns[i]];

        if (value->type == TENON_NULL || store_compare(value, &b[index->columns[i]]) != 0)
            return false;
    }
    return store_matches(index->where, index->where_count, a, NULL) &&
           store_matches(index->where, index->where_count, b, NULL);
}

/* The row other than `row` that has its key in a unique index. @return row_count: none */
size_t
store_clash(const store_table *table, const tenon_drv_index *index, const tenon_value *row)
{
    size_t i = 0;

    while (i < table->row_count && (!index->unique || table->rows[i]->values == row ||
                                    !store_same_key(index, row, table->rows[i]->values)))
        i++;
    return i;
}

tenon_status
store_exists(tenon_error *err, const char *index)
{
    return store_fail(err, TENON_EXISTS, TENON_EFFECT_OPEN, index,
                      "a row with the same key of %s exists", index);
}

/* Rows that the statement has made have keys of their own. */
tenon_status
store_check_unique(const tenon_drv_conn *conn, const store_table *table, const tenon_drv_table *is,
                   uint64_t made_by, tenon_error *err)
{
    for (size_t i = 0; i < table->row_count; i++) {
        if (store_is_late(conn, err))
            return TENON_TIMEOUT;
        for (uint32_t k = 0; table->rows[i]->made_by == made_by && k < is->index_count; k++) {
            if (store_clash(table, &is->indexes[k], table->rows[i]->values) < table->row_count)
                return store_exists(err, is->indexes[k].name);
        }
    }
    return TENON_OK;
}
