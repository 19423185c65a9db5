/* INSERT, UPDATE, DELETE. A statement that fails has no effect: what can be checked is checked
 * before the first change, and the log undoes the rest. */
#include <math.h>
#include <stdio.h>

#include "read.h"

/* ---- New values ---- */

static const tenon_value *
write_operand(const tenon_drv_assign *a, const tenon_value *params)
{
    return a->param == TENON_DRV_NONE ? &a->constant : &params[a->param];
}

static tenon_status
write_add(const tenon_drv_plan *plan, uint16_t column, tenon_value *v, const tenon_value *addend,
          tenon_error *err)
{
    const kv_column *c = &plan->table->columns[column];
    char object[sizeof err->object];

    if (v->type == TENON_NULL || addend->type == TENON_NULL) {
        *v = tenon_null();
        return TENON_OK;
    }
    if (c->type == TENON_REAL) {
        v->as.d += addend->as.d;
        if (isnan(v->as.d))
            *v = tenon_null(); /* as SQL engines have it; not allowed in a NOT NULL column */
        return TENON_OK;
    }
    if (addend->as.i > 0 ? v->as.i <= INT64_MAX - addend->as.i
                         : v->as.i >= INT64_MIN - addend->as.i) {
        v->as.i += addend->as.i;
        return TENON_OK;
    }
    (void)snprintf(object, sizeof object, "%s.%s", plan->table->name, c->name);
    return kv_fail(err, TENON_INVALID, object, "%s: the sum is beyond 64 bits", object);
}

static tenon_status
write_set(const tenon_drv_plan *plan, const tenon_value *params, tenon_value *values,
          tenon_error *err)
{
    tenon_status st = TENON_OK;

    for (uint32_t i = 0; i < plan->query->set_count && st == TENON_OK; i++) {
        const tenon_drv_assign *a = &plan->query->set[i];
        const uint16_t column = plan->map[a->column];

        if (a->how == TENON_SET_TO_NULL)
            values[column] = tenon_null();
        else if (a->how == TENON_SET_ADD)
            st = write_add(plan, column, &values[column], write_operand(a, params), err);
        else
            values[column] = *write_operand(a, params);
    }
    return st;
}

/* Set the row that `old` holds. */
static tenon_status
write_update_row(tenon_drv_plan *plan, const tenon_value *params, tenon_kv_bytes row_key,
                 tenon_kv_bytes old, tenon_error *err)
{
    tenon_value old_values[TENON_MAX_COLUMNS], values[TENON_MAX_COLUMNS];
    tenon_status st = kv_row_values(plan->table, old, old_values, err);

    if (st != TENON_OK)
        return st;
    memcpy(values, old_values, sizeof values[0] * plan->table->column_count);
    st = write_set(plan, params, values, err);
    if (st == TENON_OK)
        st = kv_check_values(plan->table, values, err);
    if (st == TENON_OK)
        st = kv_row_replace(plan->conn, plan->table, row_key, old, old_values, values, err);
    return st;
}

/* ---- INSERT ---- */

static void
write_new_values(const tenon_drv_plan *plan, const tenon_value *params, tenon_value *values)
{
    const tenon_drv_query *q = plan->query;

    /* A column that this program does not know yet. */
    for (uint32_t i = 0; i < plan->table->column_count; i++)
        values[i] = plan->table->columns[i].default_value;
    for (uint32_t i = 0; i < q->table->column_count; i++)
        values[plan->map[q->insert[i].column]] = *write_operand(&q->insert[i], params);
}

/* The row there is has the key of the new one: what now? */
static tenon_status
write_conflict(tenon_drv_plan *plan, const tenon_value *params, uint32_t which, tenon_kv_bytes at,
               uint64_t *affected, tenon_error *err)
{
    const kv_table *table = plan->table;
    const kv_index *index = which < table->index_count ? &table->indexes[which] : NULL;
    tenon_kv_bytes old;
    tenon_status st;

    if (plan->query->on_conflict == TENON_ON_CONFLICT_IGNORE)
        return TENON_OK;
    if (plan->query->on_conflict != TENON_ON_CONFLICT_UPDATE || index != plan->conflict)
        return kv_fail_conflict(table, which, err);
    st = kv_get(plan->conn, at, &old, err);
    if (st == TENON_NOT_FOUND)
        return kv_corrupt(err, index == NULL ? table->name : index->name,
                          "an entry of an index without its row");
    if (st == TENON_OK)
        st = write_update_row(plan, params, at, old, err);
    *affected = st == TENON_OK ? 1 : 0;
    return st;
}

/* The key that an upsert is about goes first: where a row has it, no other one counts. */
static uint32_t
write_first_key(const tenon_drv_plan *plan)
{
    if (plan->query->on_conflict != TENON_ON_CONFLICT_UPDATE)
        return UINT32_MAX;
    return plan->conflict == NULL ? plan->table->index_count
                                  : (uint32_t)(plan->conflict - plan->table->indexes);
}

static tenon_status
write_insert(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected, tenon_error *err)
{
    tenon_value values[TENON_MAX_COLUMNS];
    tenon_drv_conn *conn = plan->conn;
    tenon_kv_bytes row_key, at;
    kv_key *keys = NULL;
    uint32_t which = UINT32_MAX;
    tenon_status st;

    write_new_values(plan, params, values);
    st = kv_check_values(plan->table, values, err);
    if (st == TENON_OK)
        st = kv_make_row_key(conn, plan->table, values, &row_key, err);
    if (st == TENON_OK)
        st = kv_row_keys(conn, plan->table, values, row_key, &keys, err);
    if (st == TENON_OK)
        st = kv_find_conflict(conn, plan->table, keys, NULL, row_key, write_first_key(plan), &which,
                              &at, err);
    if (st != TENON_OK)
        return st;
    if (which != UINT32_MAX)
        return write_conflict(plan, params, which, at, affected, err);
    st = kv_row_add(conn, plan->table, row_key, values, keys, err);
    *affected = st == TENON_OK ? 1 : 0;
    return st;
}

/* ---- UPDATE and DELETE: first find all rows, then change them ---- */

typedef struct write_row {
    struct write_row *next;
    tenon_kv_bytes row_key;
} write_row;

static tenon_status
write_collect(tenon_drv_plan *plan, const tenon_value *params, write_row **out, tenon_error *err)
{
    tenon_drv_cursor *cursor = NULL;
    tenon_kv_bytes row_key, row;
    write_row **last = out;
    tenon_status st = kv_rows_open(plan, params, &cursor, err);

    *out = NULL;
    while (st == TENON_OK) {
        write_row *found;

        st = kv_rows_next(cursor, &row_key, &row, err);
        if (st != TENON_OK)
            break;
        found = kv_take(&plan->conn->arena, sizeof *found);
        if (found == NULL) {
            st = kv_no_memory(err);
            break;
        }
        found->next = NULL;
        found->row_key = kv_copy(&plan->conn->arena, row_key);
        if (found->row_key.data == NULL)
            st = kv_no_memory(err);
        *last = found;
        last = &found->next;
    }
    kv_rows_close(cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
write_update(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected, tenon_error *err)
{
    write_row *rows = NULL;
    uint64_t count = 0;
    tenon_status st = write_collect(plan, params, &rows, err);

    for (; rows != NULL && st == TENON_OK; rows = rows->next) {
        tenon_kv_bytes old;

        st = kv_get(plan->conn, rows->row_key, &old, err);
        if (st == TENON_OK)
            st = write_update_row(plan, params, rows->row_key, old, err);
        if (st == TENON_OK)
            st = kv_check_deadline(plan->conn, err);
        count++;
    }
    *affected = st == TENON_OK ? count : 0;
    return st == TENON_NOT_FOUND ? kv_corrupt(err, plan->table->name, "a row is gone") : st;
}

static tenon_status
write_delete(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected, tenon_error *err)
{
    kv_restricted *restricted = NULL;
    write_row *rows = NULL;
    uint64_t count = 0;
    tenon_status st = write_collect(plan, params, &rows, err);

    for (; rows != NULL && st == TENON_OK; rows = rows->next) {
        bool found = false;

        st = kv_row_delete(plan->conn, plan->table, rows->row_key, &restricted, &found, err);
        if (st == TENON_OK)
            st = kv_check_deadline(plan->conn, err);
        count += found ? 1 : 0;
    }
    if (st == TENON_OK)
        st = kv_check_restricted(plan->conn, restricted, err);
    *affected = st == TENON_OK ? count : 0;
    return st;
}

/* ---- The slot ---- */

/* Parameters may lie in rows that the store lends until the first write. */
static tenon_status
write_copy_params(tenon_drv_plan *plan, const tenon_value *params, const tenon_value **out,
                  tenon_error *err)
{
    const uint32_t count = plan->query->param_count;
    tenon_value *copy = kv_take(&plan->conn->arena, count * sizeof *copy + 1);

    if (copy == NULL)
        return kv_no_memory(err);
    *out = copy;
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = params[i];
        if (copy[i].type != TENON_TEXT && copy[i].type != TENON_BLOB && copy[i].type != TENON_UUID)
            continue;
        copy[i].as.data = kv_copy(&plan->conn->arena, (tenon_kv_bytes){ .data = params[i].as.data,
                                                                        .len = params[i].len })
                              .data;
        if (copy[i].as.data == NULL)
            return kv_no_memory(err);
    }
    return TENON_OK;
}

tenon_status
kv_exec(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected, tenon_error *err)
{
    const bool plain = plan->query->kind == TENON_INSERT &&
                       plan->query->on_conflict != TENON_ON_CONFLICT_UPDATE;
    tenon_drv_conn *conn = plan->conn;
    tenon_status st = kv_plan_ready(plan, err);
    size_t mark;

    *affected = 0;
    if (st != TENON_OK)
        return st;
    /* A plain INSERT has encoded everything before it writes, and checked everything. */
    mark = kv_statement_begin(conn, !plain);
    if (!plain)
        st = write_copy_params(plan, params, &params, err);
    if (st == TENON_OK && plan->query->kind == TENON_INSERT)
        st = write_insert(plan, params, affected, err);
    else if (st == TENON_OK && plan->query->kind == TENON_UPDATE)
        st = write_update(plan, params, affected, err);
    else if (st == TENON_OK)
        st = write_delete(plan, params, affected, err);
    kv_fetched_close(conn);
    return kv_statement_end(conn, mark, st, err);
}
