/* Deleting rows, with what foreign keys demand: rows that go with them, that lose their reference,
 * or that forbid it. */
#include "kv.h"

/* A row that is to be deleted. */
typedef struct delete_item {
    struct delete_item *next;
    const kv_table *table;
    tenon_kv_bytes row_key;
} delete_item;

struct kv_restricted {
    kv_restricted *next;
    const kv_reference *reference;
    tenon_kv_bytes parent;
};

typedef struct delete_job {
    tenon_drv_conn *conn;
    delete_item *first, *last; /* still to do */
    kv_restricted **restricted;
} delete_job;

/* ---- Children ---- */

typedef struct children {
    tenon_drv_conn *conn;
    const kv_table *child;
    const kv_index *index; /* NULL: the primary key */
    kv_child_fn fn;
    void *arg;
} children;

static tenon_status
children_read(const children *c, const kv_buffer *prefix, tenon_kv_cursor *cursor, kv_buffer *row,
              tenon_error *err)
{
    const tenon_kv_bytes start = { .data = prefix->data, .len = prefix->len };
    tenon_kv_bytes key, value;
    tenon_status st = kv_seek(c->conn, cursor, start, &key, &value, err);

    while (st == TENON_OK) {
        tenon_kv_bytes found = key;

        if (key.len < start.len || memcmp(key.data, start.data, (size_t)start.len) != 0)
            return TENON_OK;
        if (c->index != NULL) {
            st = kv_entry_row_key(c->child, c->index, 0, key, value, row, err);
            found = (tenon_kv_bytes){ .data = row->data, .len = row->len };
        }
        if (st == TENON_OK)
            st = c->fn(c->arg, found, err);
        if (st == TENON_OK)
            st = kv_check_deadline(c->conn, err);
        if (st == TENON_OK)
            st = kv_next(c->conn, cursor, &key, &value, err);
    }
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

tenon_status
kv_each_child(tenon_drv_conn *conn, const kv_reference *reference, tenon_kv_bytes parent,
              kv_child_fn fn, void *arg, tenon_error *err)
{
    const kv_foreign_key *key = reference->key;
    const kv_index *index = key->index == UINT32_MAX ? NULL
                                                     : &reference->child->indexes[key->index];
    const children c = {
        .conn = conn, .child = reference->child, .index = index, .fn = fn, .arg = arg
    };
    kv_buffer prefix = { 0 }, row = { 0 };
    tenon_kv_cursor *cursor = NULL;
    tenon_status st;

    /* A parent's key is encoded as the columns that refer to it are in the child's index. */
    if (!kv_key_tree(&prefix, index != NULL ? index->tree : reference->child->tree) ||
        !kv_append(&prefix, parent.data, (size_t)parent.len)) {
        st = kv_no_memory(err);
        goto done;
    }
    st = kv_cursor_take(conn, &cursor, err);
    if (st == TENON_OK)
        st = children_read(&c, &prefix, cursor, &row, err);
done:
    kv_cursor_give(conn, cursor);
    kv_buffer_free(&prefix);
    kv_buffer_free(&row);
    return st;
}

/* ---- What becomes of them ---- */

static tenon_status
delete_add(delete_job *job, const kv_table *table, tenon_kv_bytes row_key, tenon_error *err)
{
    delete_item *item = kv_take(&job->conn->arena, sizeof *item);

    if (item == NULL)
        return kv_no_memory(err);
    item->next = NULL;
    item->table = table;
    item->row_key = kv_copy(&job->conn->arena, row_key);
    if (item->row_key.data == NULL)
        return kv_no_memory(err);
    if (job->last != NULL)
        job->last->next = item;
    else
        job->first = item;
    job->last = item;
    return TENON_OK;
}

/* Rows that are found, to be dealt with once the walk is over. */
typedef struct delete_found {
    delete_job job;
    const kv_table *table;
} delete_found;

static tenon_status
delete_note(void *arg, tenon_kv_bytes row_key, tenon_error *err)
{
    delete_found *found = arg;

    return delete_add(&found->job, found->table, row_key, err);
}

static tenon_status
delete_set_null(tenon_drv_conn *conn, const kv_reference *reference, tenon_kv_bytes row_key,
                tenon_error *err)
{
    tenon_value old_values[TENON_MAX_COLUMNS], values[TENON_MAX_COLUMNS];
    const kv_foreign_key *key = reference->key;
    tenon_kv_bytes old;
    tenon_status st = kv_get(conn, row_key, &old, err);

    if (st != TENON_OK)
        return st == TENON_NOT_FOUND ? TENON_OK : st; /* deleted by another way */
    st = kv_row_values(reference->child, old, old_values, err);
    if (st != TENON_OK)
        return st;
    memcpy(values, old_values, sizeof values[0] * reference->child->column_count);
    for (uint32_t i = 0; i < key->column_count; i++)
        values[key->columns[i]] = tenon_null();
    return kv_row_replace(conn, reference->child, row_key, old, old_values, values, err);
}

static tenon_status
delete_follow(delete_job *job, const kv_reference *reference, tenon_kv_bytes parent,
              tenon_error *err)
{
    delete_found found = { .job = { .conn = job->conn }, .table = reference->child };
    tenon_status st;

    if (reference->key->on_delete == TENON_RESTRICT) {
        kv_restricted *r = kv_take(&job->conn->arena, sizeof *r);

        if (r == NULL)
            return kv_no_memory(err);
        *r = (kv_restricted){ .next = *job->restricted, .reference = reference, .parent = parent };
        *job->restricted = r;
        return TENON_OK;
    }
    st = kv_each_child(job->conn, reference, parent, delete_note, &found, err);
    for (delete_item *item = found.job.first; item != NULL && st == TENON_OK;) {
        delete_item *next = item->next;

        if (reference->key->on_delete == TENON_CASCADE)
            st = delete_add(job, item->table, item->row_key, err);
        else
            st = delete_set_null(job->conn, reference, item->row_key, err);
        item = next;
    }
    return st;
}

/* One row with its entries, then what refers to it. */
static tenon_status
delete_one(delete_job *job, const kv_table *table, tenon_kv_bytes row_key, bool *found,
           tenon_error *err)
{
    tenon_drv_conn *conn = job->conn;
    const tenon_kv_bytes parent = { .data = (const unsigned char *)row_key.data + KV_TREE_BYTES,
                                    .len = row_key.len - KV_TREE_BYTES };
    tenon_value values[TENON_MAX_COLUMNS];
    kv_key *keys = NULL;
    tenon_kv_bytes old;
    tenon_status st = kv_get(conn, row_key, &old, err);

    *found = st == TENON_OK;
    if (st == TENON_NOT_FOUND)
        return TENON_OK;
    if (st == TENON_OK)
        st = kv_row_values(table, old, values, err);
    if (st == TENON_OK)
        st = kv_row_keys(conn, table, values, row_key, &keys, err);
    if (st == TENON_OK)
        st = kv_remove(conn, row_key, old, err);
    for (uint32_t i = 0; i < table->index_count && st == TENON_OK; i++) {
        if (keys[i].covered)
            st = kv_remove(conn, keys[i].key, keys[i].value, err);
    }
    for (uint32_t i = 0; i < table->reference_count && st == TENON_OK; i++)
        st = delete_follow(job, &table->references[i], parent, err);
    return st;
}

tenon_status
kv_row_delete(tenon_drv_conn *conn, const kv_table *table, tenon_kv_bytes row_key,
              kv_restricted **restricted, bool *found, tenon_error *err)
{
    delete_job job = { .conn = conn, .restricted = restricted };
    bool here = false;
    tenon_status st = delete_one(&job, table, row_key, &here, err);

    if (found != NULL)
        *found = here;
    for (delete_item *item = job.first; item != NULL && st == TENON_OK; item = item->next)
        st = delete_one(&job, item->table, item->row_key, &here, err);
    return st;
}

static tenon_status
delete_refuse(void *arg, tenon_kv_bytes row_key, tenon_error *err)
{
    const kv_reference *reference = arg;

    (void)row_key;
    return kv_fail(err, TENON_CONSTRAINT, reference->key->name,
                   "a row of %s refers to the row by foreign key %s", reference->child->name,
                   reference->key->name);
}

tenon_status
kv_check_restricted(tenon_drv_conn *conn, const kv_restricted *restricted, tenon_error *err)
{
    tenon_status st = TENON_OK;

    for (; restricted != NULL && st == TENON_OK; restricted = restricted->next) {
        kv_reference reference = *restricted->reference;

        st = kv_each_child(conn, restricted->reference, restricted->parent, delete_refuse,
                           &reference, err);
    }
    return st;
}
