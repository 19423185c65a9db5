/*
 * The catalogue: what tables there are, as the store itself says. Under tree 0:
 *   f        the format
 *   v        version of the catalogue, raised with every change
 *   n        number of the last tree
 *   t NAME   a table
 */
#include <stdlib.h>

#include "kv.h"

static const char catalogue_format[] = "tenon kv 1";

/* ---- Schemas in memory ---- */

void
kv_schema_release(kv_schema *schema)
{
    if (schema == NULL || atomic_fetch_sub(&schema->use_count, 1) > 1)
        return;
    kv_arena_free(&schema->arena);
    free(schema->tables);
    free(schema);
}

const kv_table *
kv_find_table(const kv_schema *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->table_count; i++) {
        if (strcmp(schema->tables[i]->name, name) == 0)
            return schema->tables[i];
    }
    return NULL;
}

uint32_t
kv_find_column(const kv_table *table, const char *name)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0)
            return i;
    }
    return UINT32_MAX;
}

/* Connect foreign keys with the tables that they refer to, both ways. */
static tenon_status
catalogue_connect(kv_schema *schema, tenon_error *err)
{
    for (uint32_t i = 0; i < schema->table_count; i++) {
        kv_table *child = schema->tables[i];

        for (uint32_t k = 0; k < child->foreign_key_count; k++) {
            kv_foreign_key *key = &child->foreign_keys[k];

            key->parent = kv_find_table(schema, key->references);
            /* None yet: of two tables that refer to each other one is created first. */
            if (key->parent != NULL && key->parent->key_column_count != key->column_count)
                return kv_corrupt(err, key->name, "a foreign key does not fit its table");
        }
    }
    for (uint32_t i = 0; i < schema->table_count; i++) {
        kv_table *parent = schema->tables[i];
        uint32_t room = 0;

        for (uint32_t c = 0; c < schema->table_count; c++)
            room += schema->tables[c]->foreign_key_count;
        parent->references = kv_take(&schema->arena, room * sizeof *parent->references + 1);
        if (parent->references == NULL)
            return kv_no_memory(err);
        for (uint32_t c = 0; c < schema->table_count; c++) {
            const kv_table *child = schema->tables[c];

            for (uint32_t k = 0; k < child->foreign_key_count; k++) {
                if (child->foreign_keys[k].parent == parent)
                    parent->references[parent->reference_count++] = (kv_reference){
                        .child = child, .key = &child->foreign_keys[k]
                    };
            }
        }
    }
    return TENON_OK;
}

/* ---- Entries ---- */

typedef struct catalogue_key {
    unsigned char bytes[KV_TREE_BYTES + 1 + TENON_MAX_NAME_BYTES];
    size_t len;
} catalogue_key;

static tenon_kv_bytes
catalogue_name(catalogue_key *key, char kind, const char *name)
{
    size_t len = strlen(name);

    if (len > TENON_MAX_NAME_BYTES)
        len = TENON_MAX_NAME_BYTES;
    kv_write_u32(key->bytes, KV_CATALOGUE_TREE);
    key->bytes[KV_TREE_BYTES] = (unsigned char)kind;
    memcpy(key->bytes + KV_TREE_BYTES + 1, name, len);
    key->len = KV_TREE_BYTES + 1 + len;
    return (tenon_kv_bytes){ .data = key->bytes, .len = key->len };
}

/* A number of the catalogue; 0 where it is not stored. */
static tenon_status
catalogue_number(tenon_drv_conn *conn, char kind, uint64_t *out, tenon_error *err)
{
    catalogue_key key;
    tenon_kv_bytes value;
    tenon_status st = kv_get(conn, catalogue_name(&key, kind, ""), &value, err);

    *out = 0;
    if (st == TENON_NOT_FOUND)
        return TENON_OK;
    if (st == TENON_OK && value.len != 8)
        return kv_corrupt(err, NULL, "a number of the catalogue");
    if (st == TENON_OK) {
        const unsigned char *at = value.data;

        *out = (uint64_t)kv_read_u32(at) << 32 | kv_read_u32(at + 4);
    }
    return st;
}

static tenon_status
catalogue_set_number(tenon_drv_conn *conn, char kind, uint64_t old, uint64_t number,
                     tenon_error *err)
{
    unsigned char bytes[8], old_bytes[8];
    const tenon_kv_bytes before = { .data = old_bytes, .len = sizeof old_bytes };
    catalogue_key key;

    kv_write_u32(bytes, (uint32_t)(number >> 32));
    kv_write_u32(bytes + 4, (uint32_t)number);
    kv_write_u32(old_bytes, (uint32_t)(old >> 32));
    kv_write_u32(old_bytes + 4, (uint32_t)old);
    return kv_put(conn, catalogue_name(&key, kind, ""),
                  (tenon_kv_bytes){ .data = bytes, .len = sizeof bytes }, old == 0 ? NULL : &before,
                  err);
}

/* One table's entry. */
static tenon_status
catalogue_read_table(kv_schema *schema, tenon_kv_bytes key, tenon_kv_bytes value, tenon_error *err)
{
    const size_t head = KV_TREE_BYTES + 1, name_len = (size_t)key.len - head;
    kv_table **grown = realloc(schema->tables, (schema->table_count + 1) * sizeof *grown);
    char name[TENON_MAX_NAME_BYTES + 1] = "";
    tenon_status st;

    if (grown == NULL)
        return kv_no_memory(err);
    schema->tables = grown;
    if (name_len > TENON_MAX_NAME_BYTES)
        return kv_corrupt(err, NULL, "the name of a table");
    memcpy(name, (const unsigned char *)key.data + head, name_len);
    st = kv_table_read(&schema->arena, name, value, &schema->tables[schema->table_count], err);
    schema->table_count += st == TENON_OK ? 1 : 0;
    return st;
}

static tenon_status
catalogue_read_tables(tenon_drv_conn *conn, kv_schema *schema, tenon_error *err)
{
    catalogue_key first;
    tenon_kv_bytes start = catalogue_name(&first, 't', ""), key, value;
    tenon_kv_cursor *cursor = NULL;
    tenon_status st = kv_cursor_take(conn, &cursor, err);

    if (st == TENON_OK)
        st = kv_seek(conn, cursor, start, &key, &value, err);
    while (st == TENON_OK && key.len > start.len &&
           memcmp(key.data, start.data, (size_t)start.len) == 0) {
        st = catalogue_read_table(schema, key, value, err);
        if (st == TENON_OK)
            st = kv_next(conn, cursor, &key, &value, err);
    }
    kv_cursor_give(conn, cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
catalogue_read(tenon_drv_conn *conn, uint64_t version, kv_schema **out, tenon_error *err)
{
    kv_schema *schema = calloc(1, sizeof *schema);
    tenon_status st;

    *out = NULL;
    if (schema == NULL)
        return kv_no_memory(err);
    atomic_init(&schema->use_count, 1);
    schema->version = version;
    st = catalogue_read_tables(conn, schema, err);
    if (st == TENON_OK)
        st = catalogue_connect(schema, err);
    if (st == TENON_OK)
        *out = schema;
    else
        kv_schema_release(schema);
    return st;
}

/* Take over the database's schema if it is the one looked for. */
static bool
catalogue_share(tenon_drv_conn *conn, uint64_t version)
{
    tenon_drv_db *db = conn->db;
    bool found;

    (void)pthread_mutex_lock(&db->lock);
    found = db->schema != NULL && db->schema->version == version;
    if (found) {
        kv_schema_release(conn->schema);
        conn->schema = db->schema;
        (void)atomic_fetch_add(&conn->schema->use_count, 1);
    }
    (void)pthread_mutex_unlock(&db->lock);
    return found;
}

/* What a transaction without changes of the schema has read is committed: others may use it. */
static void
catalogue_publish(tenon_drv_conn *conn)
{
    tenon_drv_db *db = conn->db;

    (void)pthread_mutex_lock(&db->lock);
    if (db->schema == NULL || db->schema->version < conn->schema->version) {
        kv_schema_release(db->schema);
        db->schema = conn->schema;
        (void)atomic_fetch_add(&conn->schema->use_count, 1);
    }
    (void)pthread_mutex_unlock(&db->lock);
}

tenon_status
kv_catalogue_load(tenon_drv_conn *conn, tenon_error *err)
{
    kv_schema *schema = NULL;
    uint64_t version = 0;
    tenon_status st = catalogue_number(conn, 'v', &version, err);

    if (st != TENON_OK || (conn->schema != NULL && conn->schema->version == version))
        return st;
    if (!conn->schema_changed && catalogue_share(conn, version))
        return TENON_OK;
    st = catalogue_read(conn, version, &schema, err);
    if (st != TENON_OK)
        return st;
    kv_schema_release(conn->schema);
    conn->schema = schema;
    if (!conn->schema_changed)
        catalogue_publish(conn);
    return TENON_OK;
}

/* ---- Changes ---- */

tenon_status
kv_catalogue_write(tenon_drv_conn *conn, const kv_table *table, bool remove, tenon_error *err)
{
    catalogue_key key;
    const tenon_kv_bytes name = catalogue_name(&key, 't', table->name);
    tenon_kv_bytes old = { 0 };
    kv_buffer bytes = { 0 };
    uint64_t version = 0;
    bool had;
    tenon_status st = kv_get(conn, name, &old, err);

    had = st == TENON_OK;
    if (st != TENON_OK && st != TENON_NOT_FOUND)
        return st;
    if (remove)
        st = kv_remove(conn, name, old, err);
    else if (!kv_table_write(&bytes, table))
        st = kv_no_memory(err);
    else
        st = kv_put(conn, name, (tenon_kv_bytes){ .data = bytes.data, .len = bytes.len },
                    had ? &old : NULL, err);
    kv_buffer_free(&bytes);
    if (st == TENON_OK)
        st = catalogue_number(conn, 'v', &version, err);
    if (st == TENON_OK)
        st = catalogue_set_number(conn, 'v', version, version + 1, err);
    conn->schema_changed = true;
    return st == TENON_OK ? kv_catalogue_load(conn, err) : st;
}

tenon_status
kv_catalogue_new_tree(tenon_drv_conn *conn, uint32_t *out, tenon_error *err)
{
    uint64_t last = 0;
    tenon_status st = catalogue_number(conn, 'n', &last, err);

    if (st == TENON_OK && last >= UINT32_MAX - 1)
        st = kv_fail(err, TENON_FULL, NULL, "the store has had as many tables as it can");
    if (st == TENON_OK)
        st = catalogue_set_number(conn, 'n', last, last + 1, err);
    *out = (uint32_t)last + 1;
    return st;
}

/* ---- Opening a store ---- */

/* Whether the store is the kit's, is empty, or is another's. */
static tenon_status
catalogue_look(tenon_drv_conn *conn, bool *is_new, tenon_error *err)
{
    catalogue_key key;
    tenon_kv_bytes value, found;
    tenon_kv_cursor *cursor = NULL;
    tenon_status st = kv_get(conn, catalogue_name(&key, 'f', ""), &value, err);

    *is_new = false;
    if (st == TENON_OK && (value.len != sizeof catalogue_format - 1 ||
                           memcmp(value.data, catalogue_format, (size_t)value.len) != 0))
        return kv_fail(err, TENON_CORRUPT, NULL,
                       "the store was written in another format than \"%s\"", catalogue_format);
    if (st != TENON_NOT_FOUND)
        return st;
    st = kv_cursor_take(conn, &cursor, err);
    if (st == TENON_OK)
        st = kv_seek(conn, cursor, (tenon_kv_bytes){ .data = "", .len = 1 }, &found, &value, err);
    kv_cursor_give(conn, cursor);
    if (st == TENON_OK)
        return kv_fail(err, TENON_CORRUPT, NULL,
                       "the store holds data, but nothing that says it is Tenon's");
    *is_new = st == TENON_NOT_FOUND;
    return *is_new ? TENON_OK : st;
}

static tenon_status
catalogue_begin(tenon_drv_conn *conn, bool read_only, tenon_error *err)
{
    const tenon_drv_begin how = {
        .size = sizeof how,
        .deadline_ns = tenon_kv_host->monotonic_ns() + UINT64_C(30000000000),
        .isolation = TENON_SERIALIZABLE,
        .read_only = read_only,
    };

    return conn->engine->begin(conn->db->store, &how, &conn->txn, err);
}

static void
catalogue_abort(tenon_drv_conn *conn)
{
    conn->engine->cursor_close(conn->spare);
    conn->spare = NULL;
    conn->engine->abort(conn->txn);
}

/* Where an index has lost an entry, the engine's `remove` tells (kv_remove). One that never does is
 * found in an empty store, where nothing is lost yet. */
static tenon_status
catalogue_try_remove(tenon_drv_conn *conn, tenon_error *err)
{
    catalogue_key key;
    const tenon_status st = conn->engine->remove(conn->txn, catalogue_name(&key, 'f', ""), err);

    if (st == TENON_OK)
        return kv_fail(err, TENON_INTERNAL, "remove",
                       "the engine's remove says OK of a key that is not there, not NOT_FOUND");
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

/* Another process may have been faster: look again as the writer. */
static tenon_status
catalogue_create(tenon_drv_conn *conn, tenon_error *err)
{
    const tenon_kv_bytes format = { .data = catalogue_format, .len = sizeof catalogue_format - 1 };
    catalogue_key key;
    bool is_new = false;
    tenon_status st = catalogue_begin(conn, false, err);

    if (st != TENON_OK)
        return st;
    st = catalogue_look(conn, &is_new, err);
    if (st == TENON_OK && is_new)
        st = catalogue_try_remove(conn, err);
    if (st == TENON_OK && is_new)
        st = kv_put(conn, catalogue_name(&key, 'f', ""), format, NULL, err);
    if (st != TENON_OK || !is_new) {
        catalogue_abort(conn);
        return st;
    }
    conn->engine->cursor_close(conn->spare);
    conn->spare = NULL;
    return conn->engine->commit(conn->txn, err);
}

tenon_status
kv_catalogue_open(tenon_drv_db *db, bool may_create, tenon_error *err)
{
    tenon_drv_conn conn = { .engine = db->engine, .db = db };
    bool is_new = false;
    tenon_status st = catalogue_begin(&conn, true, err);

    if (st != TENON_OK)
        return st;
    st = catalogue_look(&conn, &is_new, err);
    catalogue_abort(&conn);
    if (st == TENON_OK && is_new && may_create)
        st = catalogue_create(&conn, err);
    return st;
}
