/* The driver: transactions, reading, changes of the schema, the descriptor. */
#include "store.h"

#include <stdio.h>

const tenon_host *store_host;

#define STORE_CAPABILITIES                                                                         \
    (TENON_CAP_SINGLE_WRITER | TENON_CAP_SAVEPOINTS | TENON_CAP_TRANSACTIONAL_DDL |                \
     TENON_CAP_SNAPSHOT | TENON_CAP_SERIALIZABLE | TENON_CAP_DURABLE_NONE)

/* ---- Databases and connections ---- */

static tenon_status
store_open(const tenon_drv_open *options, tenon_drv_db **out, tenon_error *err)
{
    *out = NULL;
    if (options->place[0] != '\0' || options->param_count > 0)
        return store_fail(err, TENON_CONFIG, TENON_EFFECT_OPEN, NULL,
                          "this store takes no place and no parameters");
    *out = store_alloc(sizeof **out);
    if (*out == NULL)
        return store_no_memory(err);
    (void)pthread_mutex_init(&(*out)->lock, NULL);
    return TENON_OK;
}

static void
store_close(tenon_drv_db *db)
{
    if (db == NULL)
        return;
    store_state_free(&db->committed);
    (void)pthread_mutex_destroy(&db->lock);
    store_host->release(db);
}

static tenon_status
store_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    (void)db, (void)err;
    info->capabilities = STORE_CAPABILITIES;
    info->durability = TENON_DURABLE_NONE;
    return TENON_OK;
}

static tenon_status
store_conn_open(tenon_drv_db *db, tenon_drv_conn **out, tenon_error *err)
{
    *out = store_alloc(sizeof **out);
    if (*out == NULL)
        return store_no_memory(err);
    (*out)->db = db;
    return TENON_OK;
}

/* ---- Transactions ---- */

static void
store_forget(tenon_drv_conn *conn, uint32_t depth)
{
    while (conn->depth >= depth)
        store_state_free(&conn->saved[--conn->depth]);
}

static tenon_status
store_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    tenon_drv_db *db = conn->db;
    bool busy, copied = false;

    (void)pthread_mutex_lock(&db->lock);
    busy = !how->read_only && db->writing;
    if (!busy)
        copied = store_state_copy(&db->committed, &conn->now);
    if (copied && !how->read_only)
        db->writing = true;
    (void)pthread_mutex_unlock(&db->lock);
    if (busy)
        return store_fail(err, TENON_BUSY, TENON_EFFECT_ROLLED_BACK, NULL,
                          "another transaction writes");
    if (!copied)
        return store_fail(err, TENON_NO_MEMORY, TENON_EFFECT_ROLLED_BACK, NULL, "no memory");
    conn->deadline_ns = how->deadline_ns;
    conn->in_txn = true;
    conn->writes = !how->read_only;
    return TENON_OK;
}

static void
store_end(tenon_drv_conn *conn, bool commit)
{
    store_state gone = conn->now;

    if (!conn->in_txn)
        return;
    store_forget(conn, 1);
    if (conn->writes) {
        (void)pthread_mutex_lock(&conn->db->lock);
        if (commit) {
            gone = conn->db->committed;
            conn->db->committed = conn->now;
        }
        conn->db->writing = false;
        (void)pthread_mutex_unlock(&conn->db->lock);
    }
    memset(&conn->now, 0, sizeof conn->now);
    conn->in_txn = false;
    store_state_free(&gone);
}

static tenon_status
store_commit(tenon_drv_conn *conn, tenon_error *err)
{
    (void)err;
    store_end(conn, true);
    return TENON_OK;
}

static tenon_status
store_rollback(tenon_drv_conn *conn, tenon_error *err)
{
    (void)err;
    store_end(conn, false);
    return TENON_OK;
}

static void
store_conn_close(tenon_drv_conn *conn)
{
    if (conn != NULL)
        store_end(conn, false);
    store_host->release(conn);
}

static tenon_status
store_savepoint(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    if (!store_state_copy(&conn->now, &conn->saved[depth - 1]))
        return store_no_memory(err);
    conn->depth = depth;
    return TENON_OK;
}

static tenon_status
store_savepoint_release(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    (void)err;
    store_forget(conn, depth);
    return TENON_OK;
}

static tenon_status
store_savepoint_rollback(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    (void)err;
    store_state_free(&conn->now);
    conn->now = conn->saved[depth - 1];
    memset(&conn->saved[depth - 1], 0, sizeof conn->saved[0]);
    store_forget(conn, depth);
    return TENON_OK;
}

/* ---- Reading ---- */

static tenon_status
store_prepare(tenon_drv_conn *conn, const tenon_drv_query *query, tenon_drv_plan **out,
              tenon_error *err)
{
    *out = store_alloc(sizeof **out);
    if (*out == NULL)
        return store_no_memory(err);
    (*out)->conn = conn;
    (*out)->query = query;
    return TENON_OK;
}

static void
store_free(tenon_drv_plan *plan)
{
    store_host->release(plan);
}

/* Order of a row and another one, or the parameters that paging goes on after. */
static int
store_order(const tenon_drv_query *q, const tenon_value *row, const tenon_value *other,
            const tenon_value *after)
{
    int order = 0;

    for (uint32_t i = 0; order == 0 && i < q->order_count; i++) {
        const uint16_t column = q->order[i].column;

        order = store_compare(&row[column], after != NULL ? &after[i] : &other[column]);
        if (q->order[i].descending)
            order = -order;
    }
    return order;
}

static void
store_cursor_close(tenon_drv_cursor *cursor)
{
    for (size_t i = 0; cursor != NULL && i < cursor->row_count; i++)
        store_row_release(cursor->rows[i]);
    if (cursor != NULL)
        store_host->release(cursor->rows);
    store_host->release(cursor);
}

/* Rows that match, in order. */
static tenon_status
store_collect(const tenon_drv_conn *conn, const store_table *table, const tenon_value *params,
              tenon_drv_cursor *cursor, tenon_error *err)
{
    const tenon_drv_query *q = cursor->query;

    for (size_t i = 0; i < table->row_count; i++) {
        store_row *row = table->rows[i];
        size_t at = cursor->row_count;

        if (store_is_late(conn, err))
            return TENON_TIMEOUT;
        if (!store_matches(q->where, q->where_count, row->values, params))
            continue;
        if (q->after_param != TENON_DRV_NONE &&
            store_order(q, row->values, NULL, &params[q->after_param]) <= 0)
            continue;
        while (at > 0 && store_order(q, cursor->rows[at - 1]->values, row->values, NULL) > 0) {
            cursor->rows[at] = cursor->rows[at - 1];
            at--;
        }
        cursor->rows[at] = store_row_hold(row);
        cursor->row_count++;
    }
    return TENON_OK;
}

static tenon_status
store_cursor_open(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out,
                  tenon_error *err)
{
    const store_table *table = store_find(&plan->conn->now, plan->query->table->name);
    tenon_drv_cursor *cursor;

    *out = NULL;
    if (table == NULL)
        return store_fail(err, TENON_NOT_FOUND, TENON_EFFECT_OPEN, plan->query->table->name,
                          "there is no table %s", plan->query->table->name);
    cursor = store_alloc(sizeof *cursor);
    if (cursor != NULL)
        cursor->rows = store_alloc((table->row_count + 1) * sizeof *cursor->rows);
    if (cursor == NULL || cursor->rows == NULL) {
        store_host->release(cursor);
        return store_no_memory(err);
    }
    cursor->query = plan->query;
    if (store_collect(plan->conn, table, params, cursor, err) != TENON_OK) {
        store_cursor_close(cursor);
        return err->status;
    }
    while (cursor->row_count > plan->query->limit ||
           (plan->query->limit_param != TENON_DRV_NONE &&
            cursor->row_count > (uint64_t)params[plan->query->limit_param].as.i))
        store_row_release(cursor->rows[--cursor->row_count]);
    *out = cursor;
    return TENON_OK;
}

static tenon_status
store_next(tenon_drv_cursor *cursor, const tenon_value **row, tenon_error *err)
{
    (void)err;
    *row = cursor->values;
    if (cursor->query->kind == TENON_COUNT && cursor->next++ == 0) {
        cursor->values[0] = tenon_int((int64_t)cursor->row_count);
        return TENON_OK;
    }
    if (cursor->query->kind == TENON_COUNT || cursor->next == cursor->row_count)
        return TENON_NOT_FOUND;
    for (uint32_t i = 0; i < cursor->query->column_count; i++)
        cursor->values[i] = cursor->rows[cursor->next]->values[cursor->query->columns[i]];
    cursor->next++;
    return TENON_OK;
}

static tenon_status
store_explain(tenon_drv_plan *plan, char *out, uint64_t out_bytes, tenon_error *err)
{
    (void)err;
    (void)snprintf(out, out_bytes, "look at each row of %s", plan->query->table->name);
    return TENON_OK;
}

/* ---- The schema ---- */

static tenon_status
store_missing(tenon_error *err, const char *name)
{
    return store_fail(err, TENON_NOT_FOUND, TENON_EFFECT_OPEN, name, "there is no %s", name);
}

static void
store_name(char out[STORE_NAME_BYTES], const char *name)
{
    (void)snprintf(out, STORE_NAME_BYTES, "%s", name);
}

static tenon_status
store_has_table(tenon_drv_conn *conn, const char *name, uint32_t *out, tenon_error *err)
{
    (void)err;
    *out = store_find(&conn->now, name) != NULL;
    return TENON_OK;
}

static void
store_describe(store_table *table, const tenon_drv_table *is)
{
    store_name(table->name, is->name);
    table->column_count = is->column_count;
    table->key_column_count = is->key_column_count;
    table->index_count = is->index_count;
    table->key_count = is->foreign_key_count;
    for (uint32_t i = 0; i < is->column_count; i++) {
        store_name(table->columns[i], is->columns[i].name);
        table->not_null[i] = is->columns[i].not_null != 0;
    }
    for (uint32_t i = 0; i < is->key_column_count; i++) {
        table->key[i] = is->key_columns[i];
        table->not_null[is->key_columns[i]] = true;
    }
    for (uint32_t i = 0; i < is->index_count; i++)
        store_name(table->indexes[i], is->indexes[i].name);
    for (uint32_t i = 0; i < is->foreign_key_count; i++) {
        const tenon_drv_foreign_key *from = &is->foreign_keys[i];
        store_key *key = &table->keys[i];

        store_name(key->name, from->name);
        store_name(key->parent, from->references);
        memcpy(key->columns, from->columns, from->column_count * sizeof *key->columns);
        key->column_count = from->column_count;
        key->on_delete = from->on_delete;
    }
}

static tenon_status
store_create_table(tenon_drv_conn *conn, const tenon_drv_table *is, tenon_error *err)
{
    store_state more;
    store_table *table;

    if (store_find(&conn->now, is->name) != NULL)
        return store_fail(err, TENON_EXISTS, TENON_EFFECT_OPEN, is->name, "table %s exists",
                          is->name);
    table = store_alloc(sizeof *table);
    if (table == NULL || !store_state_copy(&conn->now, &more)) {
        store_host->release(table);
        return store_no_memory(err);
    }
    store_describe(table, is);
    more.tables[more.table_count++] = table;
    store_state_free(&conn->now);
    conn->now = more;
    return TENON_OK;
}

static tenon_status
store_drop_table(tenon_drv_conn *conn, const char *name, tenon_error *err)
{
    store_state *now = &conn->now;

    for (size_t i = 0; i < now->table_count; i++) {
        if (strcmp(now->tables[i]->name, name) != 0)
            continue;
        store_table_free(now->tables[i]);
        now->tables[i] = now->tables[--now->table_count];
        return TENON_OK;
    }
    return store_missing(err, name);
}

/* Make each row anew, with `added` behind it or without column `dropped`. A failure is found
 * before anything is changed. */
static tenon_status
store_reshape(store_table *table, const tenon_value *added, uint32_t dropped, tenon_error *err)
{
    const uint32_t count = added != NULL ? table->column_count + 1 : table->column_count - 1;
    store_row **rows = store_alloc((table->row_count + 1) * sizeof *rows);
    tenon_value values[TENON_MAX_COLUMNS];
    size_t i = 0;

    for (; rows != NULL && i < table->row_count; i++) {
        uint32_t to = 0;

        for (uint32_t from = 0; from < table->column_count; from++) {
            if (added != NULL || from != dropped)
                values[to++] = table->rows[i]->values[from];
        }
        if (added != NULL)
            values[to] = *added;
        rows[i] = store_row_new(values, count, 0);
        if (rows[i] == NULL)
            break;
    }
    if (rows == NULL || i < table->row_count) {
        while (i > 0)
            store_row_release(rows[--i]);
        store_host->release(rows);
        return store_no_memory(err);
    }
    for (i = 0; i < table->row_count; i++)
        store_row_release(table->rows[i]);
    store_host->release(table->rows);
    table->rows = rows;
    table->row_room = table->row_count + 1;
    table->column_count = count;
    return TENON_OK;
}

static tenon_status
store_add_column(tenon_drv_conn *conn, const tenon_drv_table *is, tenon_error *err)
{
    store_table *table = store_find(&conn->now, is->name);
    const tenon_drv_column *column = &is->columns[is->column_count - 1];
    tenon_status st;

    if (table == NULL)
        return store_missing(err, is->name);
    st = store_reshape(table, &column->default_value, 0, err);
    if (st == TENON_OK) {
        store_name(table->columns[table->column_count - 1], column->name);
        table->not_null[table->column_count - 1] = column->not_null != 0;
    }
    return st;
}

static tenon_status
store_drop_column(tenon_drv_conn *conn, const char *name, const char *column, tenon_error *err)
{
    store_table *table = store_find(&conn->now, name);
    uint32_t number = 0;
    tenon_status st;

    while (table != NULL && number < table->column_count &&
           strcmp(table->columns[number], column) != 0)
        number++;
    if (table == NULL || number == table->column_count)
        return store_missing(err, column);
    st = store_reshape(table, NULL, number, err);
    if (st != TENON_OK)
        return st;
    for (uint32_t i = number; i < table->column_count; i++) {
        memcpy(table->columns[i], table->columns[i + 1], STORE_NAME_BYTES);
        table->not_null[i] = table->not_null[i + 1];
    }
    for (uint32_t i = 0; i < table->key_column_count; i++)
        table->key[i] = (uint16_t)(table->key[i] - (table->key[i] > number));
    for (uint32_t k = 0; k < table->key_count; k++) {
        uint16_t *columns = table->keys[k].columns;

        for (uint32_t i = 0; i < table->keys[k].column_count; i++)
            columns[i] = (uint16_t)(columns[i] - (columns[i] > number));
    }
    return TENON_OK;
}

static tenon_status
store_create_index(tenon_drv_conn *conn, const tenon_drv_table *is, uint32_t index,
                   tenon_error *err)
{
    store_table *table = store_find(&conn->now, is->name);

    if (table == NULL)
        return store_missing(err, is->name);
    for (size_t i = 0; i < table->row_count; i++) {
        if (store_clash(table, &is->indexes[index], table->rows[i]->values) < table->row_count)
            return store_exists(err, is->indexes[index].name);
    }
    store_name(table->indexes[table->index_count++], is->indexes[index].name);
    return TENON_OK;
}

static tenon_status
store_drop_index(tenon_drv_conn *conn, const char *name, const char *index, tenon_error *err)
{
    store_table *table = store_find(&conn->now, name);

    for (uint32_t i = 0; table != NULL && i < table->index_count; i++) {
        if (strcmp(table->indexes[i], index) != 0)
            continue;
        memcpy(table->indexes[i], table->indexes[--table->index_count], STORE_NAME_BYTES);
        return TENON_OK;
    }
    return store_missing(err, index);
}

/* ---- The descriptor ---- */

static const tenon_drv_database_ops store_database = {
    .size = sizeof store_database,
    .open = store_open,
    .close = store_close,
    .info = store_info,
};
static const tenon_drv_connection_ops store_connection = {
    .size = sizeof store_connection,
    .open = store_conn_open,
    .close = store_conn_close,
};
static const tenon_drv_transaction_ops store_transaction = {
    .size = sizeof store_transaction,
    .begin = store_begin,
    .commit = store_commit,
    .rollback = store_rollback,
    .savepoint = store_savepoint,
    .savepoint_release = store_savepoint_release,
    .savepoint_rollback = store_savepoint_rollback,
};
static const tenon_drv_query_ops store_query = {
    .size = sizeof store_query,
    .prepare = store_prepare,
    .free = store_free,
    .exec = store_exec,
    .open = store_cursor_open,
    .next = store_next,
    .close = store_cursor_close,
    .explain = store_explain,
};
static const tenon_drv_schema_ops store_schema = {
    .size = sizeof store_schema,
    .has_table = store_has_table,
    .create_table = store_create_table,
    .drop_table = store_drop_table,
    .add_column = store_add_column,
    .drop_column = store_drop_column,
    .create_index = store_create_index,
    .drop_index = store_drop_index,
};
static const tenon_driver store_driver = {
    .size = sizeof store_driver,
    .magic = TENON_DRIVER_MAGIC,
    .abi_major = TENON_DRIVER_ABI_MAJOR,
    .abi_minor = TENON_DRIVER_ABI_MINOR,
    .name = "store10",
    .version = "1.0",
    .capabilities = STORE_CAPABILITIES,
    .database = &store_database,
    .connection = &store_connection,
    .transaction = &store_transaction,
    .query = &store_query,
    .schema = &store_schema,
};

const tenon_driver *
store_v1_0(const tenon_host *host)
{
    store_host = host;
    return &store_driver;
}
