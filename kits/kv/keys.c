/* Rows with their entries in indexes: written, replaced, and looked at for conflicts. */
#include "kv.h"

#include <stdio.h>

/* An encoded key, copied out of a buffer that is used again. */
static tenon_status
keys_copy(tenon_drv_conn *conn, const kv_buffer *b, const char *name, tenon_kv_bytes *out,
          tenon_error *err)
{
    if (b->len > conn->db->max_key_bytes)
        return kv_fail(err, TENON_INVALID, name,
                       "a key of %s takes %llu bytes in the store, %llu is the most", name,
                       (unsigned long long)b->len, (unsigned long long)conn->db->max_key_bytes);
    *out = kv_copy(&conn->arena, (tenon_kv_bytes){ .data = b->data, .len = b->len });
    return out->data == NULL ? kv_no_memory(err) : TENON_OK;
}

tenon_status
kv_make_row_key(tenon_drv_conn *conn, const kv_table *table, const tenon_value *values,
                tenon_kv_bytes *out, tenon_error *err)
{
    char name[sizeof err->object];
    kv_buffer *b = &conn->row; /* not in use yet */

    b->len = 0;
    if (!kv_row_key(table, values, b))
        return kv_no_memory(err);
    if (b->len <= conn->db->max_key_bytes)
        return keys_copy(conn, b, "", out, err);
    (void)snprintf(name, sizeof name, "%s.primary", table->name);
    return keys_copy(conn, b, name, out, err);
}

static tenon_status
keys_make(tenon_drv_conn *conn, const kv_table *table, const kv_index *index,
          const tenon_value *values, tenon_kv_bytes row_key, kv_key *out, tenon_error *err)
{
    const unsigned char *own = (const unsigned char *)row_key.data + KV_TREE_BYTES;
    const size_t own_len = (size_t)row_key.len - KV_TREE_BYTES;
    kv_buffer *b = &conn->row;

    memset(out, 0, sizeof *out);
    out->covered = kv_is_covered(index, values);
    if (!out->covered)
        return TENON_OK;
    b->len = 0;
    if (!kv_index_key(table, index, values, b, &out->has_null))
        return kv_no_memory(err);
    if (index->unique && !out->has_null)
        out->value = (tenon_kv_bytes){ .data = own, .len = own_len };
    else if (!kv_append(b, own, own_len))
        return kv_no_memory(err);
    return keys_copy(conn, b, index->name, &out->key, err);
}

tenon_status
kv_row_keys(tenon_drv_conn *conn, const kv_table *table, const tenon_value *values,
            tenon_kv_bytes row_key, kv_key **out, tenon_error *err)
{
    kv_key *keys = kv_take(&conn->arena, (table->index_count + 1) * sizeof *keys);
    tenon_status st = TENON_OK;

    if (keys == NULL)
        return kv_no_memory(err);
    for (uint32_t i = 0; i < table->index_count && st == TENON_OK; i++)
        st = keys_make(conn, table, &table->indexes[i], values, row_key, &keys[i], err);
    *out = keys;
    return st;
}

/* Behind the columns of an index, where the primary key begins. @return false: damaged */
static bool
keys_skip_index(const kv_table *table, const kv_index *index, const unsigned char **at,
                size_t *left)
{
    size_t len = *left < KV_TREE_BYTES ? 0 : KV_TREE_BYTES;

    for (uint32_t i = 0; i < index->column_count && len > 0; i++) {
        *at += len;
        *left -= len;
        len = kv_key_skip((tenon_kv_bytes){ .data = *at, .len = *left },
                          table->columns[index->columns[i]].type);
    }
    *at += len;
    *left -= len;
    return len > 0;
}

uint32_t
kv_fixed_key_bytes(const kv_table *table)
{
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < table->key_column_count; i++) {
        const kv_column *column = &table->columns[table->key_columns[i]];

        if (!column->not_null || column->type == TENON_TEXT || column->type == TENON_BLOB)
            return 0;
        bytes += kv_type_key_bytes(column->type);
    }
    return bytes;
}

tenon_status
kv_entry_row_key(const kv_table *table, const kv_index *index, uint32_t fixed_bytes,
                 tenon_kv_bytes key, tenon_kv_bytes value, kv_buffer *out, tenon_error *err)
{
    const unsigned char *at = key.data;
    size_t left = (size_t)key.len;

    if (value.len > 0) { /* a unique key without NULL */
        at = value.data;
        left = (size_t)value.len;
    } else if (fixed_bytes > 0 && left > KV_TREE_BYTES + fixed_bytes) {
        at += left - fixed_bytes;
        left = fixed_bytes;
    } else if (!keys_skip_index(table, index, &at, &left)) {
        return kv_corrupt(err, index->name, "an entry of an index is not whole");
    }
    out->len = 0;
    if (!kv_reserve(out, KV_TREE_BYTES + left))
        return kv_no_memory(err);
    kv_write_u32(out->data, table->tree);
    memcpy(out->data + KV_TREE_BYTES, at, left);
    out->len = KV_TREE_BYTES + left;
    return TENON_OK;
}

/* ---- Checks ---- */

static tenon_status
keys_fail_column(const kv_table *table, const kv_column *column, tenon_status status,
                 const char *what, tenon_error *err)
{
    char object[sizeof err->object];

    (void)snprintf(object, sizeof object, "%s.%s", table->name, column->name);
    return kv_fail(err, status, object, "%s: %s", object, what);
}

tenon_status
kv_check_values(const kv_table *table, const tenon_value *values, tenon_error *err)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        const kv_column *c = &table->columns[i];
        const tenon_value *v = &values[i];

        if (v->type == TENON_NULL) {
            if (c->not_null)
                return keys_fail_column(table, c, TENON_CONSTRAINT, "NULL is not allowed", err);
            continue;
        }
        if (v->type != c->type)
            return keys_fail_column(table, c, TENON_INVALID, "a value of another type", err);
        if (c->max_bytes > 0 && v->len > c->max_bytes)
            return keys_fail_column(table, c, TENON_INVALID, "longer than its limit", err);
    }
    return TENON_OK;
}

static bool
keys_are_equal(tenon_kv_bytes a, tenon_kv_bytes b)
{
    return a.len == b.len && memcmp(a.data, b.data, (size_t)a.len) == 0;
}

/* The key of a row, from what its unique keys have as value. */
static tenon_status
keys_row_of(tenon_drv_conn *conn, const kv_table *table, tenon_kv_bytes own, tenon_kv_bytes *out,
            tenon_error *err)
{
    unsigned char *to = kv_take(&conn->arena, KV_TREE_BYTES + (size_t)own.len);

    if (to == NULL)
        return kv_no_memory(err);
    kv_write_u32(to, table->tree);
    memcpy(to + KV_TREE_BYTES, own.data, (size_t)own.len);
    *out = (tenon_kv_bytes){ .data = to, .len = KV_TREE_BYTES + own.len };
    return TENON_OK;
}

/* Whether there is a row with the same key in index `number`, `index_count` being the primary key.
 */
static tenon_status
keys_find_in(tenon_drv_conn *conn, const kv_table *table, const kv_key *keys,
             const kv_key *old_keys, tenon_kv_bytes row_key, uint32_t number, tenon_kv_bytes *at,
             tenon_error *err)
{
    tenon_kv_bytes found;
    tenon_status st;

    if (number == table->index_count) {
        if (old_keys != NULL)
            return TENON_NOT_FOUND;
        *at = row_key;
        return kv_get(conn, row_key, &found, err);
    }
    if (!table->indexes[number].unique || !keys[number].covered || keys[number].has_null ||
        (old_keys != NULL && old_keys[number].covered &&
         keys_are_equal(keys[number].key, old_keys[number].key)))
        return TENON_NOT_FOUND;
    st = kv_get(conn, keys[number].key, &found, err);
    return st == TENON_OK ? keys_row_of(conn, table, found, at, err) : st;
}

/* In the order of declaration, the primary key last: as SQLite does. */
tenon_status
kv_find_conflict(tenon_drv_conn *conn, const kv_table *table, const kv_key *keys,
                 const kv_key *old_keys, tenon_kv_bytes row_key, uint32_t first, uint32_t *which,
                 tenon_kv_bytes *at, tenon_error *err)
{
    tenon_status st = TENON_NOT_FOUND;

    *which = first;
    if (first != UINT32_MAX)
        st = keys_find_in(conn, table, keys, old_keys, row_key, first, at, err);
    for (uint32_t i = 0; i <= table->index_count && st == TENON_NOT_FOUND; i++) {
        *which = i;
        st = keys_find_in(conn, table, keys, old_keys, row_key, i, at, err);
    }
    if (st == TENON_OK)
        return st;
    *which = UINT32_MAX;
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

tenon_status
kv_fail_conflict(const kv_table *table, uint32_t which, tenon_error *err)
{
    char object[sizeof err->object];

    if (which < table->index_count)
        return kv_fail(err, TENON_EXISTS, table->indexes[which].name,
                       "a row with the same key in unique index %s exists",
                       table->indexes[which].name);
    (void)snprintf(object, sizeof object, "%s.primary", table->name);
    return kv_fail(err, TENON_EXISTS, object, "a row of %s with the same primary key exists",
                   table->name);
}

/* See that the rows which foreign keys refer to are there. @param[in] old values, where only those
 * that differ need a look; may be NULL */
static tenon_status
keys_check_parents(tenon_drv_conn *conn, const kv_table *table, tenon_kv_bytes row_key,
                   const tenon_value *old, const tenon_value *values, tenon_error *err)
{
    kv_buffer *b = &conn->row;

    for (uint32_t k = 0; k < table->foreign_key_count; k++) {
        const kv_foreign_key *key = &table->foreign_keys[k];
        bool wanted = true, changed = old == NULL;
        tenon_kv_bytes found;
        tenon_status st;

        b->len = 0;
        if (key->parent != NULL && !kv_key_tree(b, key->parent->tree))
            return kv_no_memory(err);
        for (uint32_t i = 0; i < key->column_count && wanted; i++) {
            const tenon_value *v = &values[key->columns[i]];

            wanted = v->type != TENON_NULL;
            changed = changed || !kv_compare(&old[key->columns[i]], TENON_OP_EQ, v);
            if (!kv_key_value(b, v))
                return kv_no_memory(err);
        }
        if (!wanted || !changed ||
            (key->parent == table && b->len == row_key.len &&
             memcmp(b->data, row_key.data, b->len) == 0)) /* itself */
            continue;
        st = key->parent == NULL
                 ? TENON_NOT_FOUND
                 : kv_get(conn, (tenon_kv_bytes){ .data = b->data, .len = b->len }, &found, err);
        if (st == TENON_NOT_FOUND)
            return kv_fail(err, TENON_CONSTRAINT, key->name,
                           "no row of %s has the key that foreign key %s refers to",
                           key->references, key->name);
        if (st != TENON_OK)
            return st;
    }
    return TENON_OK;
}

/* ---- Writing ---- */

static tenon_kv_bytes
keys_row_bytes(const tenon_drv_conn *conn)
{
    return (tenon_kv_bytes){ .data = conn->row.data, .len = conn->row.len };
}

tenon_status
kv_row_add(tenon_drv_conn *conn, const kv_table *table, tenon_kv_bytes row_key,
           const tenon_value *values, const kv_key *keys, tenon_error *err)
{
    tenon_status st = keys_check_parents(conn, table, row_key, NULL, values, err);

    if (st != TENON_OK)
        return st;
    if (!kv_row_encode(table, values, &conn->row))
        return kv_no_memory(err);
    st = kv_put(conn, row_key, keys_row_bytes(conn), NULL, err);
    for (uint32_t i = 0; i < table->index_count && st == TENON_OK; i++) {
        if (keys[i].covered)
            st = kv_put(conn, keys[i].key, keys[i].value, NULL, err);
    }
    return st;
}

static tenon_status
keys_replace(tenon_drv_conn *conn, const kv_key *before, const kv_key *after, tenon_error *err)
{
    tenon_status st = TENON_OK;

    if (before->covered && after->covered && keys_are_equal(before->key, after->key))
        return st;
    if (before->covered)
        st = kv_remove(conn, before->key, before->value, err);
    if (after->covered && st == TENON_OK)
        st = kv_put(conn, after->key, after->value, NULL, err);
    return st;
}

tenon_status
kv_row_replace(tenon_drv_conn *conn, const kv_table *table, tenon_kv_bytes row_key,
               tenon_kv_bytes old, const tenon_value *old_values, const tenon_value *values,
               tenon_error *err)
{
    kv_key *before = NULL, *after = NULL;
    tenon_kv_bytes other;
    uint32_t which = UINT32_MAX;
    tenon_status st = kv_row_keys(conn, table, old_values, row_key, &before, err);

    if (st == TENON_OK)
        st = kv_row_keys(conn, table, values, row_key, &after, err);
    if (st == TENON_OK)
        st = kv_find_conflict(conn, table, after, before, row_key, UINT32_MAX, &which, &other, err);
    if (st == TENON_OK && which != UINT32_MAX)
        st = kv_fail_conflict(table, which, err);
    if (st == TENON_OK)
        st = keys_check_parents(conn, table, row_key, old_values, values, err);
    if (st == TENON_OK && !kv_row_encode(table, values, &conn->row))
        st = kv_no_memory(err);
    if (st == TENON_OK)
        st = kv_put(conn, row_key, keys_row_bytes(conn), &old, err);
    for (uint32_t i = 0; i < table->index_count && st == TENON_OK; i++)
        st = keys_replace(conn, &before[i], &after[i], err);
    return st;
}
