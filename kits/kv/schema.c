/* Changes of tables. A change that fails midway leaves a transaction that can only be rolled back.
 */
#include "kv.h"

/* Entries that are read before some are written, which takes a cursor's position away. */
#define SCHEMA_BATCH 256

/* A table that is being changed, with room for one more of everything. */
typedef struct schema_draft {
    kv_table table;
    kv_column columns[TENON_MAX_COLUMNS + 1];
    kv_index indexes[TENON_MAX_INDEXES + TENON_MAX_FOREIGN_KEYS + 1];
    kv_foreign_key foreign_keys[TENON_MAX_FOREIGN_KEYS + 1];
} schema_draft;

static tenon_status
schema_missing(const char *what, const char *name, tenon_error *err)
{
    return kv_fail(err, TENON_NOT_FOUND, name, "there is no %s %s", what, name);
}

/* A draft in the arena: of a table there is, or an empty one. */
static tenon_status
schema_draft_new(tenon_drv_conn *conn, const kv_table *from, schema_draft **out, tenon_error *err)
{
    schema_draft *d = kv_take(&conn->arena, sizeof *d);

    *out = d;
    if (d == NULL)
        return kv_no_memory(err);
    memset(d, 0, sizeof *d);
    if (from != NULL) {
        d->table = *from;
        memcpy(d->columns, from->columns, from->column_count * sizeof d->columns[0]);
        memcpy(d->indexes, from->indexes, from->index_count * sizeof d->indexes[0]);
        memcpy(d->foreign_keys, from->foreign_keys,
               from->foreign_key_count * sizeof d->foreign_keys[0]);
    }
    d->table.columns = d->columns;
    d->table.indexes = d->indexes;
    d->table.foreign_keys = d->foreign_keys;
    return TENON_OK;
}

static tenon_status
schema_open(tenon_drv_conn *conn, const char *name, schema_draft **out, tenon_error *err)
{
    const kv_table *table = kv_find_table(conn->schema, name);

    return table == NULL ? schema_missing("table", name, err)
                         : schema_draft_new(conn, table, out, err);
}

/* ---- Batches of a tree's entries ---- */

typedef struct schema_entry {
    tenon_kv_bytes key, value;
} schema_entry;

typedef struct schema_walk {
    tenon_drv_conn *conn;
    unsigned char tree[KV_TREE_BYTES];
    kv_buffer after; /* the last key that was read */
    kv_arena arena;  /* of the batch */
    schema_entry batch[SCHEMA_BATCH];
    uint32_t count;
} schema_walk;

static tenon_status
schema_walk_new(tenon_drv_conn *conn, uint32_t tree, schema_walk **out, tenon_error *err)
{
    schema_walk *w = kv_take(&conn->arena, sizeof *w);

    *out = w;
    if (w == NULL)
        return kv_no_memory(err);
    memset(w, 0, sizeof *w);
    w->conn = conn;
    kv_write_u32(w->tree, tree);
    return TENON_OK;
}

static void
schema_walk_free(schema_walk *w)
{
    kv_buffer_free(&w->after);
    kv_arena_free(&w->arena);
}

static tenon_status
schema_walk_keep(schema_walk *w, tenon_kv_bytes key, tenon_kv_bytes value, tenon_error *err)
{
    schema_entry *entry = &w->batch[w->count++];

    entry->key = kv_copy(&w->arena, key);
    entry->value = kv_copy(&w->arena, value);
    w->after.len = 0;
    if (entry->key.data == NULL || entry->value.data == NULL ||
        !kv_append(&w->after, key.data, (size_t)key.len))
        return kv_no_memory(err);
    return TENON_OK;
}

/* The next batch; `count` 0 at the end. */
static tenon_status
schema_walk_next(schema_walk *w, tenon_error *err)
{
    const bool first = w->after.len == 0;
    const tenon_kv_bytes from = { .data = first ? w->tree : w->after.data,
                                  .len = first ? sizeof w->tree : w->after.len };
    tenon_kv_cursor *cursor = NULL;
    tenon_kv_bytes key, value;
    tenon_status st = kv_cursor_take(w->conn, &cursor, err);

    kv_arena_reset(&w->arena);
    w->count = 0;
    if (st == TENON_OK)
        st = kv_seek(w->conn, cursor, from, &key, &value, err);
    if (st == TENON_OK && !first && key.len == from.len &&
        memcmp(key.data, from.data, (size_t)from.len) == 0)
        st = kv_next(w->conn, cursor, &key, &value, err);
    while (st == TENON_OK && w->count < SCHEMA_BATCH && key.len >= sizeof w->tree &&
           memcmp(key.data, w->tree, sizeof w->tree) == 0) {
        st = schema_walk_keep(w, key, value, err);
        if (st == TENON_OK)
            st = kv_check_deadline(w->conn, err);
        if (st == TENON_OK)
            st = kv_next(w->conn, cursor, &key, &value, err);
    }
    kv_cursor_give(w->conn, cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
schema_clear_tree(tenon_drv_conn *conn, uint32_t tree, tenon_error *err)
{
    schema_walk *w = NULL;
    tenon_status st = schema_walk_new(conn, tree, &w, err);

    if (st != TENON_OK)
        return st;
    do {
        st = schema_walk_next(w, err);
        for (uint32_t i = 0; i < w->count && st == TENON_OK; i++)
            st = kv_remove(conn, w->batch[i].key, w->batch[i].value, err);
    } while (st == TENON_OK && w->count > 0);
    schema_walk_free(w);
    return st;
}

/* ---- Indexes ---- */

/* The entry of one row in a new index. Its keys are made in the arena of the batch's statement. */
static tenon_status
schema_index_row(tenon_drv_conn *conn, const kv_table *single, const schema_entry *row,
                 tenon_error *err)
{
    tenon_value values[TENON_MAX_COLUMNS];
    kv_key *keys = NULL;
    tenon_kv_bytes found;
    tenon_status st = kv_row_values(single, row->value, values, err);

    if (st == TENON_OK)
        st = kv_row_keys(conn, single, values, row->key, &keys, err);
    if (st != TENON_OK || !keys[0].covered)
        return st;
    if (single->indexes[0].unique && !keys[0].has_null) {
        st = kv_get(conn, keys[0].key, &found, err);
        if (st == TENON_OK)
            return kv_fail(err, TENON_EXISTS, single->indexes[0].name,
                           "rows of %s have the same key in unique index %s", single->name,
                           single->indexes[0].name);
        if (st != TENON_NOT_FOUND)
            return st;
    }
    return kv_put(conn, keys[0].key, keys[0].value, NULL, err);
}

/* Fill a new index from the rows there are. */
static tenon_status
schema_build_index(tenon_drv_conn *conn, const kv_table *table, uint32_t number, tenon_error *err)
{
    kv_table single = *table; /* the same rows, with this index alone */
    kv_arena statement;
    schema_walk *w = NULL;
    tenon_status st = schema_walk_new(conn, table->tree, &w, err);

    single.indexes = &table->indexes[number];
    single.index_count = 1;
    if (st != TENON_OK)
        return st;
    statement = conn->arena;
    conn->arena = (kv_arena){ 0 }; /* one that can be emptied after each batch */
    do {
        st = schema_walk_next(w, err);
        for (uint32_t i = 0; i < w->count && st == TENON_OK; i++)
            st = schema_index_row(conn, &single, &w->batch[i], err);
        kv_arena_reset(&conn->arena);
    } while (st == TENON_OK && w->count > 0);
    kv_arena_free(&conn->arena);
    conn->arena = statement;
    schema_walk_free(w);
    return st;
}

static bool
schema_begins_with(const uint16_t *columns, uint32_t count, const kv_foreign_key *key)
{
    if (count < key->column_count)
        return false;
    for (uint32_t i = 0; i < key->column_count; i++) {
        if (columns[i] != key->columns[i])
            return false;
    }
    return true;
}

/* Give a foreign key an index to find its rows by: one there is, or a hidden one of its own. */
static tenon_status
schema_serve_key(tenon_drv_conn *conn, schema_draft *d, kv_foreign_key *key, bool *is_new,
                 tenon_error *err)
{
    kv_table *t = &d->table;
    kv_index *index;
    tenon_status st;

    *is_new = false;
    key->index = UINT32_MAX;
    if (schema_begins_with(t->key_columns, t->key_column_count, key))
        return TENON_OK;
    for (uint32_t i = 0; i < t->index_count; i++) {
        if (d->indexes[i].where_count == 0 &&
            schema_begins_with(d->indexes[i].columns, d->indexes[i].column_count, key)) {
            key->index = i;
            return TENON_OK;
        }
    }
    *is_new = true;
    key->index = t->index_count;
    index = &d->indexes[t->index_count++];
    memset(index, 0, sizeof *index);
    index->name = key->name;
    index->hidden = true;
    index->column_count = key->column_count;
    memcpy(index->columns, key->columns, sizeof index->columns);
    st = kv_catalogue_new_tree(conn, &index->tree, err);
    return st;
}

static tenon_status
schema_describe_index(tenon_drv_conn *conn, const kv_table *t, const tenon_drv_table *table,
                      const tenon_drv_index *from, kv_index *index, tenon_error *err)
{
    memset(index, 0, sizeof *index);
    index->name = from->name;
    index->unique = from->unique != 0;
    index->column_count = from->column_count;
    index->where_count = from->where_count;
    index->where = kv_take(&conn->arena, from->where_count * sizeof *index->where + 1);
    if (index->where == NULL)
        return kv_no_memory(err);
    for (uint32_t i = 0; i < from->column_count; i++) {
        const uint32_t column = kv_find_column(t, table->columns[from->columns[i]].name);

        if (column == UINT32_MAX)
            return schema_missing("column", table->columns[from->columns[i]].name, err);
        index->columns[i] = (uint16_t)column;
    }
    for (uint32_t i = 0; i < from->where_count; i++) {
        const uint32_t column = kv_find_column(t, table->columns[from->where[i].column].name);

        if (column == UINT32_MAX)
            return schema_missing("column", table->columns[from->where[i].column].name, err);
        index->where[i] = (kv_predicate){ .constant = from->where[i].constant,
                                          .column = (uint16_t)column,
                                          .op = from->where[i].op };
    }
    return kv_catalogue_new_tree(conn, &index->tree, err);
}

/* ---- Columns ---- */

static void
schema_describe_column(kv_table *t, const tenon_drv_column *from)
{
    t->columns[t->column_count++] = (kv_column){ .name = from->name,
                                                 .default_value = from->default_value,
                                                 .max_bytes = from->max_bytes,
                                                 .field = (uint16_t)t->field_count++,
                                                 .type = from->type,
                                                 .not_null = from->not_null };
}

/* ---- Slots ---- */

/* Failures before the first change leave the transaction as it was; later ones do not. */
static tenon_status
schema_done(tenon_drv_conn *conn, size_t mark, uint64_t write_count, tenon_status st,
            tenon_error *err)
{
    if (st != TENON_OK && err->effect == TENON_EFFECT_OPEN && conn->write_count != write_count)
        err->effect = TENON_EFFECT_MUST_ROLL_BACK;
    return kv_statement_end(conn, mark, st, err);
}

static tenon_status
schema_has_table(tenon_drv_conn *conn, const char *name, uint32_t *out, tenon_error *err)
{
    (void)err;
    *out = kv_find_table(conn->schema, name) != NULL;
    return TENON_OK;
}

static tenon_status
schema_describe_keys(tenon_drv_conn *conn, schema_draft *d, const tenon_drv_table *table,
                     tenon_error *err)
{
    tenon_status st = TENON_OK;

    for (uint32_t i = 0; i < table->foreign_key_count && st == TENON_OK; i++) {
        const tenon_drv_foreign_key *from = &table->foreign_keys[i];
        kv_foreign_key *key = &d->foreign_keys[i];
        bool is_new;

        key->name = from->name;
        key->references = from->references;
        key->on_delete = from->on_delete;
        key->column_count = from->column_count;
        memcpy(key->columns, from->columns, from->column_count * sizeof key->columns[0]);
        d->table.foreign_key_count++;
        st = schema_serve_key(conn, d, key, &is_new, err);
    }
    return st;
}

static tenon_status
schema_create(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    schema_draft *d = NULL;
    tenon_status st;

    if (kv_find_table(conn->schema, table->name) != NULL)
        return kv_fail(err, TENON_EXISTS, table->name, "there is a table %s already", table->name);
    st = schema_draft_new(conn, NULL, &d, err);
    if (st == TENON_OK)
        st = kv_catalogue_new_tree(conn, &d->table.tree, err);
    if (st != TENON_OK)
        return st;
    d->table.name = table->name;
    for (uint32_t i = 0; i < table->column_count; i++)
        schema_describe_column(&d->table, &table->columns[i]);
    d->table.key_column_count = table->key_column_count;
    memcpy(d->table.key_columns, table->key_columns,
           table->key_column_count * sizeof d->table.key_columns[0]);
    for (uint32_t i = 0; i < table->index_count && st == TENON_OK; i++) {
        st = schema_describe_index(conn, &d->table, table, &table->indexes[i], &d->indexes[i], err);
        d->table.index_count++;
    }
    if (st == TENON_OK)
        st = schema_describe_keys(conn, d, table, err);
    return st == TENON_OK ? kv_catalogue_write(conn, &d->table, false, err) : st;
}

static tenon_status
schema_create_table(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    const uint64_t before = conn->write_count;
    const size_t mark = kv_statement_begin(conn, false);

    return schema_done(conn, mark, before, schema_create(conn, table, err), err);
}

static tenon_status
schema_drop(tenon_drv_conn *conn, const char *name, tenon_error *err)
{
    const kv_table *table = kv_find_table(conn->schema, name);
    tenon_status st;

    if (table == NULL)
        return schema_missing("table", name, err);
    st = schema_clear_tree(conn, table->tree, err);
    for (uint32_t i = 0; i < table->index_count && st == TENON_OK; i++)
        st = schema_clear_tree(conn, table->indexes[i].tree, err);
    return st == TENON_OK ? kv_catalogue_write(conn, table, true, err) : st;
}

static tenon_status
schema_drop_table(tenon_drv_conn *conn, const char *name, tenon_error *err)
{
    const uint64_t before = conn->write_count;
    const size_t mark = kv_statement_begin(conn, false);

    return schema_done(conn, mark, before, schema_drop(conn, name, err), err);
}

static tenon_status
schema_add_column(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    const tenon_drv_column *column = &table->columns[table->column_count - 1];
    const uint64_t before = conn->write_count;
    const size_t mark = kv_statement_begin(conn, false);
    schema_draft *d = NULL;
    tenon_status st = schema_open(conn, table->name, &d, err);

    if (st == TENON_OK && kv_find_column(&d->table, column->name) != UINT32_MAX)
        st = kv_fail(err, TENON_EXISTS, column->name, "table %s has a column %s already",
                     table->name, column->name);
    if (st == TENON_OK &&
        (d->table.field_count == KV_MOST_FIELDS || d->table.column_count == TENON_MAX_COLUMNS))
        st = kv_fail(err, TENON_UNSUPPORTED, table->name,
                     "table %s has had %u columns in its life, no more can be added", table->name,
                     (unsigned)d->table.field_count);
    if (st == TENON_OK) {
        schema_describe_column(&d->table, column);
        st = kv_catalogue_write(conn, &d->table, false, err);
    }
    return schema_done(conn, mark, before, st, err);
}

static void
schema_close_gap(uint16_t *columns, uint32_t count, uint32_t gone)
{
    for (uint32_t i = 0; i < count; i++)
        columns[i] = (uint16_t)(columns[i] - (columns[i] > gone ? 1 : 0));
}

/* The column's field stays in rows, unread, and its number is not used again. */
static tenon_status
schema_remove_column(tenon_drv_conn *conn, schema_draft *d, uint32_t column, tenon_error *err)
{
    kv_table *t = &d->table;

    memmove(&t->columns[column], &t->columns[column + 1],
            (t->column_count - column - 1) * sizeof t->columns[0]);
    t->column_count--;
    schema_close_gap(t->key_columns, t->key_column_count, column);
    for (uint32_t i = 0; i < t->index_count; i++) {
        kv_index *index = &t->indexes[i];
        kv_predicate *where = kv_take(&conn->arena, index->where_count * sizeof *index->where + 1);

        if (where == NULL)
            return kv_no_memory(err);
        schema_close_gap(index->columns, index->column_count, column);
        for (uint32_t k = 0; k < index->where_count; k++) {
            where[k] = index->where[k];
            schema_close_gap(&where[k].column, 1, column);
        }
        index->where = where;
    }
    for (uint32_t i = 0; i < t->foreign_key_count; i++)
        schema_close_gap(t->foreign_keys[i].columns, t->foreign_keys[i].column_count, column);
    return kv_catalogue_write(conn, t, false, err);
}

static tenon_status
schema_drop_column(tenon_drv_conn *conn, const char *table, const char *column, tenon_error *err)
{
    const uint64_t before = conn->write_count;
    const size_t mark = kv_statement_begin(conn, false);
    schema_draft *d = NULL;
    uint32_t number = UINT32_MAX;
    tenon_status st = schema_open(conn, table, &d, err);

    if (st == TENON_OK) {
        number = kv_find_column(&d->table, column);
        st = number == UINT32_MAX ? schema_missing("column", column, err)
                                  : schema_remove_column(conn, d, number, err);
    }
    return schema_done(conn, mark, before, st, err);
}

/* Indexes of the table's own come before the hidden ones. */
static uint32_t
schema_first_hidden(const kv_table *t)
{
    uint32_t number = 0;

    while (number < t->index_count && !t->indexes[number].hidden)
        number++;
    return number;
}

static tenon_status
schema_add_index(tenon_drv_conn *conn, const tenon_drv_table *table, uint32_t index,
                 tenon_error *err)
{
    schema_draft *d = NULL;
    uint32_t number;
    tenon_status st = schema_open(conn, table->name, &d, err);

    if (st != TENON_OK)
        return st;
    number = schema_first_hidden(&d->table);
    for (uint32_t i = 0; i < number; i++) {
        if (strcmp(d->indexes[i].name, table->indexes[index].name) == 0)
            return kv_fail(err, TENON_EXISTS, d->indexes[i].name, "there is an index %s already",
                           d->indexes[i].name);
    }
    memmove(&d->indexes[number + 1], &d->indexes[number],
            (d->table.index_count - number) * sizeof d->indexes[0]);
    for (uint32_t i = 0; i < d->table.foreign_key_count; i++) {
        if (d->foreign_keys[i].index != UINT32_MAX && d->foreign_keys[i].index >= number)
            d->foreign_keys[i].index++;
    }
    d->table.index_count++;
    st = schema_describe_index(conn, &d->table, table, &table->indexes[index], &d->indexes[number],
                               err);
    if (st == TENON_OK)
        st = schema_build_index(conn, &d->table, number, err);
    return st == TENON_OK ? kv_catalogue_write(conn, &d->table, false, err) : st;
}

static tenon_status
schema_create_index(tenon_drv_conn *conn, const tenon_drv_table *table, uint32_t index,
                    tenon_error *err)
{
    const uint64_t before = conn->write_count;
    const size_t mark = kv_statement_begin(conn, false);

    return schema_done(conn, mark, before, schema_add_index(conn, table, index, err), err);
}

/* Foreign keys that the index has served get another one. */
static tenon_status
schema_remove_index(tenon_drv_conn *conn, schema_draft *d, uint32_t number, tenon_error *err)
{
    kv_table *t = &d->table;
    tenon_status st = schema_clear_tree(conn, t->indexes[number].tree, err);

    memmove(&t->indexes[number], &t->indexes[number + 1],
            (t->index_count - number - 1) * sizeof t->indexes[0]);
    t->index_count--;
    for (uint32_t i = 0; i < t->foreign_key_count && st == TENON_OK; i++) {
        kv_foreign_key *key = &t->foreign_keys[i];
        bool is_new = false;

        if (key->index == UINT32_MAX || key->index < number)
            continue;
        if (key->index > number) {
            key->index--;
            continue;
        }
        st = schema_serve_key(conn, d, key, &is_new, err);
        if (st == TENON_OK && is_new)
            st = schema_build_index(conn, t, key->index, err);
    }
    return st == TENON_OK ? kv_catalogue_write(conn, t, false, err) : st;
}

static tenon_status
schema_drop_index(tenon_drv_conn *conn, const char *table, const char *index, tenon_error *err)
{
    const uint64_t before = conn->write_count;
    const size_t mark = kv_statement_begin(conn, false);
    schema_draft *d = NULL;
    uint32_t number = 0;
    tenon_status st = schema_open(conn, table, &d, err);

    if (st == TENON_OK) {
        const uint32_t end = schema_first_hidden(&d->table);

        while (number < end && strcmp(d->indexes[number].name, index) != 0)
            number++;
        st = number == end ? schema_missing("index", index, err)
                           : schema_remove_index(conn, d, number, err);
    }
    return schema_done(conn, mark, before, st, err);
}

const tenon_drv_schema_ops tenon_kv_schema_ops = {
    .size = sizeof tenon_kv_schema_ops,
    .has_table = schema_has_table,
    .create_table = schema_create_table,
    .drop_table = schema_drop_table,
    .add_column = schema_add_column,
    .drop_column = schema_drop_column,
    .create_index = schema_create_index,
    .drop_index = schema_drop_index,
};
