/* Statements that write, on a copy of the tables that takes their place where they succeed. */
#include "store.h"

#include <stdio.h>

/* A statement that runs. */
typedef struct store_change {
    const tenon_drv_query *query;
    const tenon_value *params;
    const tenon_drv_conn *conn;
    store_state state; /* as it becomes */
    store_table *table;
    uint64_t number;
    tenon_error *err;
} store_change;

static tenon_status
store_plus(const tenon_drv_table *table, uint16_t column, tenon_value *value,
           const tenon_value *more, tenon_error *err)
{
    char name[2 * STORE_NAME_BYTES];

    if (value->type == TENON_NULL || more->type == TENON_NULL) {
        *value = tenon_null();
    } else if (value->type == TENON_REAL) {
        value->as.d += more->as.d;
    } else if (more->as.i > 0 ? value->as.i > INT64_MAX - more->as.i
                              : value->as.i < INT64_MIN - more->as.i) {
        (void)snprintf(name, sizeof name, "%s.%s", table->name, table->columns[column].name);
        return store_fail(err, TENON_INVALID, TENON_EFFECT_OPEN, name, "%s would overflow", name);
    } else {
        value->as.i += more->as.i;
    }
    return TENON_OK;
}

/* Set what `query->set` says in the row at `at`. */
static tenon_status
store_set(store_change *change, size_t at)
{
    store_table *table = change->table;
    tenon_value values[TENON_MAX_COLUMNS];
    tenon_status st = TENON_OK;
    store_row *row;

    memcpy(values, table->rows[at]->values, table->column_count * sizeof *values);
    for (uint32_t i = 0; st == TENON_OK && i < change->query->set_count; i++) {
        const tenon_drv_assign *a = &change->query->set[i];
        const tenon_value *given = a->param == TENON_DRV_NONE ? &a->constant
                                                              : &change->params[a->param];

        if (a->how == TENON_SET_ADD)
            st = store_plus(change->query->table, a->column, &values[a->column], given,
                            change->err);
        else
            values[a->column] = a->how == TENON_SET_TO_NULL ? tenon_null() : *given;
    }
    if (st != TENON_OK)
        return st;
    row = store_row_new(values, table->column_count, change->number);
    if (row == NULL)
        return store_no_memory(change->err);
    store_row_release(table->rows[at]);
    table->rows[at] = row;
    return TENON_OK;
}

/* The row that has the key of a new one in an index; NONE is the primary key. */
static bool
store_has_key(const store_change *change, const tenon_value *values, uint16_t index, size_t *at)
{
    bool found;

    if (index == TENON_DRV_NONE) {
        *at = store_place(change->table, values, change->table->key, &found);
        return found;
    }
    *at = store_clash(change->table, &change->query->table->indexes[index], values);
    return *at < change->table->row_count;
}

/* What is in the way of a new row, in which index: that of an upsert first, the primary key last.
 * `*at` is where the row goes if nothing is. */
static bool
store_in_the_way(const store_change *change, const tenon_value *values, size_t *at, uint16_t *index)
{
    const tenon_drv_query *q = change->query;

    *index = q->conflict_index;
    if (q->on_conflict == TENON_ON_CONFLICT_UPDATE && store_has_key(change, values, *index, at))
        return true;
    for (*index = 0; *index < q->table->index_count; ++*index) {
        if (store_has_key(change, values, *index, at))
            return true;
    }
    *index = TENON_DRV_NONE;
    return store_has_key(change, values, *index, at);
}

static tenon_status
store_insert(store_change *change, uint64_t *affected)
{
    const tenon_drv_query *q = change->query;
    tenon_value values[TENON_MAX_COLUMNS];
    char primary[STORE_NAME_BYTES + sizeof ".primary"];
    store_row *row;
    uint16_t index;
    size_t at;

    for (uint32_t i = 0; i < q->table->column_count; i++)
        values[i] = q->insert[i].param == TENON_DRV_NONE ? q->insert[i].constant
                                                         : change->params[q->insert[i].param];
    *affected = 1;
    if (store_in_the_way(change, values, &at, &index)) {
        if (q->on_conflict == TENON_ON_CONFLICT_IGNORE) {
            *affected = 0;
            return TENON_OK;
        }
        if (q->on_conflict == TENON_ON_CONFLICT_UPDATE && index == q->conflict_index)
            return store_set(change, at);
        (void)snprintf(primary, sizeof primary, "%s.primary", q->table->name);
        return store_exists(change->err,
                            index == TENON_DRV_NONE ? primary : q->table->indexes[index].name);
    }
    row = store_row_new(values, q->table->column_count, change->number);
    if (row != NULL && store_put(change->table, at, row))
        return TENON_OK;
    store_row_release(row);
    return store_no_memory(change->err);
}

/* UPDATE, DELETE. */
static tenon_status
store_modify(store_change *change, uint64_t *affected)
{
    const tenon_drv_query *q = change->query;
    store_table *table = change->table;
    tenon_status st = TENON_OK;
    size_t i = 0;

    *affected = 0;
    while (st == TENON_OK && i < table->row_count) {
        if (store_is_late(change->conn, change->err))
            return TENON_TIMEOUT;
        if (!store_matches(q->where, q->where_count, table->rows[i]->values, change->params)) {
            i++;
            continue;
        }
        ++*affected;
        if (q->kind == TENON_DELETE)
            store_take_out(table, i);
        else
            st = store_set(change, i++);
    }
    return st;
}

/* ---- Foreign keys ---- */

/* Whether a row refers to one that is not there. */
static bool
store_is_orphan(const store_state *state, const store_key *key, const tenon_value *row)
{
    const store_table *parent = store_find(state, key->parent);
    bool found = true;

    for (uint32_t i = 0; i < key->column_count; i++) {
        if (row[key->columns[i]].type == TENON_NULL)
            return false;
    }
    if (parent != NULL)
        (void)store_place(parent, row, key->columns, &found);
    return !found;
}

/* Do to an orphan what its key says. @return TENON_OK: something has changed */
static tenon_status
store_adopt(store_change *change, store_table *table, const store_key *key, size_t at)
{
    tenon_value values[TENON_MAX_COLUMNS];
    char name[2 * STORE_NAME_BYTES];
    store_row *row;

    if (key->on_delete == TENON_CASCADE) {
        store_take_out(table, at);
        return TENON_OK;
    }
    memcpy(values, table->rows[at]->values, table->column_count * sizeof *values);
    for (uint32_t i = 0; i < key->column_count; i++) {
        const uint16_t column = key->columns[i];

        (void)snprintf(name, sizeof name, "%s.%s", table->name, table->columns[column]);
        if (table->not_null[column])
            return store_fail(change->err, TENON_CONSTRAINT, TENON_EFFECT_OPEN, name,
                              "%s may not become NULL", name);
        values[column] = tenon_null();
    }
    row = store_row_new(values, table->column_count, change->number);
    if (row == NULL)
        return store_no_memory(change->err);
    store_row_release(table->rows[at]);
    table->rows[at] = row;
    return TENON_OK;
}

/* One look at all rows that may refer to others. `orphans` of a delete are dealt with. */
static tenon_status
store_look(store_change *change, bool *changed, const char **broken)
{
    tenon_status st = TENON_OK;

    *changed = false;
    *broken = NULL;
    for (size_t t = 0; t < change->state.table_count; t++) {
        store_table *table = change->state.tables[t];

        for (uint32_t k = 0; k < table->key_count; k++) {
            const store_key *key = &table->keys[k];

            for (size_t i = table->row_count; st == TENON_OK && i-- > 0;) {
                if (!store_is_orphan(&change->state, key, table->rows[i]->values))
                    continue;
                if (change->query->kind == TENON_DELETE && key->on_delete != TENON_RESTRICT) {
                    st = store_adopt(change, table, key, i);
                    *changed = true;
                } else {
                    *broken = key->name;
                }
            }
        }
    }
    return st;
}

/* Foreign keys hold, or are made to. */
static tenon_status
store_settle(store_change *change)
{
    tenon_status st = TENON_OK;
    const char *broken = NULL;
    bool changed = true;

    while (st == TENON_OK && changed)
        st = store_look(change, &changed, &broken);
    if (st == TENON_OK && broken != NULL)
        st = store_fail(change->err, TENON_CONSTRAINT, TENON_EFFECT_OPEN, broken,
                        "foreign key %s refers to a row that is not there", broken);
    return st;
}

/* ---- The slot ---- */

tenon_status
store_exec(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected, tenon_error *err)
{
    tenon_drv_conn *conn = plan->conn;
    store_change change = { .query = plan->query, .params = params, .conn = conn, .err = err };
    tenon_status st;

    *affected = 0;
    if (!store_state_copy(&conn->now, &change.state))
        return store_no_memory(err);
    (void)pthread_mutex_lock(&conn->db->lock);
    change.number = ++conn->db->statements;
    (void)pthread_mutex_unlock(&conn->db->lock);
    change.table = store_find(&change.state, plan->query->table->name);
    if (change.table == NULL)
        st = store_fail(err, TENON_NOT_FOUND, TENON_EFFECT_OPEN, plan->query->table->name,
                        "there is no table %s", plan->query->table->name);
    else if (plan->query->kind == TENON_INSERT)
        st = store_insert(&change, affected);
    else
        st = store_modify(&change, affected);
    if (st == TENON_OK)
        st = store_check_unique(conn, change.table, plan->query->table, change.number, err);
    if (st == TENON_OK)
        st = store_settle(&change);
    if (st == TENON_OK) {
        store_state_free(&conn->now);
        conn->now = change.state;
    } else {
        store_state_free(&change.state);
    }
    return st;
}
