/** @file kv.h The kit's inside: tables as they are stored, rows and keys as bytes, connections. */
#ifndef TENON_KITS_KV_KV_H
#define TENON_KITS_KV_KV_H

#include <pthread.h>
#include <stdatomic.h>

#include "tenon/kit/kv.h"

/** Bytes that grow. All zero is empty. */
typedef struct kv_buffer {
    unsigned char *data;
    size_t len, room;
} kv_buffer;

/** Make a buffer larger by `more` bytes at least. False: no memory. */
bool kv_grow(kv_buffer *b, size_t more);

/** Make room for `more` bytes. False: no memory. */
static inline bool
kv_reserve(kv_buffer *b, size_t more)
{
    return b->room - b->len >= more || kv_grow(b, more);
}

/** Append. False: no memory. */
bool kv_append(kv_buffer *b, const void *data, size_t len);

void kv_buffer_free(kv_buffer *b);

/** Memory of one statement: taken piece by piece, given back as a whole. All zero is empty. */
typedef struct kv_arena {
    struct kv_chunk *chunks;
} kv_arena;

/** @return NULL where there is no memory */
void *kv_take(kv_arena *arena, size_t bytes);
/** A copy in the arena. `data` of the result is NULL where there is no memory. */
tenon_kv_bytes kv_copy(kv_arena *arena, tenon_kv_bytes bytes);
/** Forget all pieces; keeps one chunk for the next statement. */
void kv_arena_reset(kv_arena *arena);
void kv_arena_free(kv_arena *arena);

/* ---- Tables as they are stored ---- */

/** A column. `field` is its place in stored rows; that of a dropped column is never used again. */
typedef struct kv_column {
    const char *name;
    tenon_value default_value;
    uint32_t max_bytes;
    uint16_t field;
    uint8_t type, not_null;
} kv_column;

/** A condition of a partial index: IS NULL, NOT NULL, or equal to a constant. */
typedef struct kv_predicate {
    tenon_value constant;
    uint16_t column;
    uint8_t op;
} kv_predicate;

/** An index. The hidden ones serve foreign keys that no other index serves, and come last. */
typedef struct kv_index {
    const char *name;
    kv_predicate *where;
    uint32_t tree, column_count, where_count;
    uint16_t columns[TENON_MAX_KEY_COLUMNS];
    bool unique, hidden;
} kv_index;

typedef struct kv_table kv_table;

/** A foreign key. */
typedef struct kv_foreign_key {
    const char *name, *references;
    const kv_table *parent; /**< NULL until it is created. */
    uint32_t column_count, on_delete;
    uint32_t index; /**< Whose first columns are those of the key; UINT32_MAX: the primary key. */
    uint16_t columns[TENON_MAX_KEY_COLUMNS];
} kv_foreign_key;

/** A foreign key that refers to a table, seen from there. */
typedef struct kv_reference {
    const kv_table *child;
    const kv_foreign_key *key;
} kv_reference;

/** A table. Rows are in `tree` by their primary key. */
struct kv_table {
    const char *name;
    kv_column *columns;
    kv_index *indexes;
    kv_foreign_key *foreign_keys;
    kv_reference *references;
    uint32_t tree, field_count;
    uint32_t column_count, index_count, foreign_key_count, reference_count, key_column_count;
    uint16_t key_columns[TENON_MAX_KEY_COLUMNS];
};

/** All tables in one state of the catalogue. Never changed once it is read; shared. */
typedef struct kv_schema {
    atomic_uint use_count;
    uint64_t version;
    uint32_t table_count;
    kv_table **tables;
    kv_arena arena; /**< All of it. */
} kv_schema;

void kv_schema_release(kv_schema *schema);

/** NULL: there is none. */
const kv_table *kv_find_table(const kv_schema *schema, const char *name);

/** Number of a column, or UINT32_MAX. */
uint32_t kv_find_column(const kv_table *table, const char *name);

/* ---- Connections ---- */

struct tenon_drv_db {
    const tenon_kv_engine *engine;
    tenon_kv_store *store;
    uint64_t max_key_bytes; /**< UINT64_MAX = no limit. */
    bool read_only;         /**< It was opened so: the engine is asked for no writer. */
    pthread_mutex_t lock;
    kv_schema *schema; /**< The newest that a transaction has seen committed. */
};

/** An index's place in a statement. */
typedef struct kv_key {
    tenon_kv_bytes key;
    tenon_kv_bytes value;
    bool covered;  /**< The row is in the index. */
    bool has_null; /**< Then the key ends with the primary key and is never a duplicate. */
} kv_key;

struct tenon_drv_conn {
    _Alignas(128) const tenon_kv_engine *engine;
    tenon_drv_db *db;
    tenon_kv_txn *txn;      /**< NULL: no transaction. */
    tenon_kv_txn *resting;  /**< A read transaction to be renewed, or NULL. */
    kv_schema *schema;      /**< Of the transaction. */
    uint64_t schema_state;  /**< Of the store, in which `schema` was the one; 0 = not known. */
    tenon_kv_cursor *spare; /**< An engine's cursor of the transaction that nobody uses. */
    uint64_t deadline_ns;
    uint64_t write_count; /**< Cursors see by it that their positions are gone. */
    uint32_t steps;       /**< Since the clock was last looked at. */
    uint32_t depth;       /**< Savepoints that are set. */
    bool read_only;       /**< The transaction. */
    bool schema_changed;  /**< In this transaction. */
    bool logging;
    kv_buffer log; /**< How to undo what the statement, or a savepoint's transaction, has done. */
    size_t marks[TENON_DRV_MAX_SAVEPOINTS]; /**< Length of the log at each savepoint. */
    kv_arena arena;                         /**< Of the running statement. */
    kv_buffer row;                          /**< The row that is being written. */
    tenon_drv_cursor *fetched;              /**< Holds the row of the last fetch. */
};

/** Fill `err` for a lack of memory. */
__attribute__((cold)) tenon_status kv_no_memory(tenon_error *err);

/** Fill `err` for stored bytes that no version of the kit has written. */
__attribute__((cold)) tenon_status kv_corrupt(tenon_error *err, const char *object,
                                              const char *what);

/** Fill `err` for a status that leaves the transaction open. */
#define kv_fail(err, status, object, ...)                                                          \
    tenon_kv_fail((err), (status), 0, TENON_EFFECT_OPEN, (object), __VA_ARGS__)

/** Now and then, in loops over rows: has the deadline passed? */
tenon_status kv_check_deadline(tenon_drv_conn *conn, tenon_error *err);

/** The value of a key. @retval TENON_OK, TENON_NOT_FOUND */
static inline tenon_status
kv_get(tenon_drv_conn *conn, tenon_kv_bytes key, tenon_kv_bytes *value, tenon_error *err)
{
    return conn->engine->get(conn->txn, key, value, err);
}

/** Bytes that kv_get has returned are no longer needed. */
static inline void
kv_give_back(const tenon_drv_conn *conn, tenon_kv_bytes value)
{
    if (conn->engine->give_back != NULL)
        conn->engine->give_back(conn->txn, value.data);
}

/** Go to the first entry whose key is `from` or greater. @retval TENON_OK, TENON_NOT_FOUND */
static inline tenon_status
kv_seek(const tenon_drv_conn *conn, tenon_kv_cursor *cursor, tenon_kv_bytes from,
        tenon_kv_bytes *key, tenon_kv_bytes *value, tenon_error *err)
{
    *key = from;
    return conn->engine->cursor_go(cursor, TENON_KV_SEEK, key, value, err);
}

/** Go to the next entry. @retval TENON_OK, TENON_NOT_FOUND */
static inline tenon_status
kv_next(const tenon_drv_conn *conn, tenon_kv_cursor *cursor, tenon_kv_bytes *key,
        tenon_kv_bytes *value, tenon_error *err)
{
    return conn->engine->cursor_go(cursor, TENON_KV_NEXT, key, value, err);
}

/** Set the value of a key. @param[in] old its value until now, NULL: it has none */
tenon_status kv_put(tenon_drv_conn *conn, tenon_kv_bytes key, tenon_kv_bytes value,
                    const tenon_kv_bytes *old, tenon_error *err);

/** Remove a key that is there with the value `old`. */
tenon_status kv_remove(tenon_drv_conn *conn, tenon_kv_bytes key, tenon_kv_bytes old,
                       tenon_error *err);

/** Remember where a statement begins, and log what it does from here on. */
size_t kv_statement_begin(tenon_drv_conn *conn, bool may_need_undo);

/** End a statement: undo it where `st` is a failure that leaves the transaction open. @return `st`,
 * or why it can't be undone */
tenon_status kv_statement_end(tenon_drv_conn *conn, size_t mark, tenon_status st, tenon_error *err);

/** An engine's cursor, and back. */
tenon_status kv_cursor_take(tenon_drv_conn *conn, tenon_kv_cursor **out, tenon_error *err);
void kv_cursor_give(tenon_drv_conn *conn, tenon_kv_cursor *cursor);

/* ---- Bytes ---- */

/** Trees of the one ordered map: the first four bytes of every key. */
#define KV_TREE_BYTES 4
#define KV_CATALOGUE_TREE 0
/** Columns that a table may have had in its life. */
#define KV_MOST_FIELDS 255

/** Big-endian, so that smaller numbers come first. */
static inline void
kv_write_u32(unsigned char *to, uint32_t n)
{
    to[0] = (unsigned char)(n >> 24);
    to[1] = (unsigned char)(n >> 16);
    to[2] = (unsigned char)(n >> 8);
    to[3] = (unsigned char)n;
}

uint32_t kv_read_u32(const unsigned char *from);

/** Begin a key. False: no memory. */
bool kv_key_tree(kv_buffer *b, uint32_t tree);

/** Append one value so that memcmp orders keys as tenon_value_compare orders values. */
bool kv_key_value(kv_buffer *b, const tenon_value *v);

/** Append what a TEXT or BLOB begins with: as kv_key_value without its end. */
bool kv_key_prefix(kv_buffer *b, const tenon_value *v);

/** Bytes that a value takes in a key, that is neither NULL nor TEXT nor BLOB. */
uint32_t kv_type_key_bytes(tenon_type type);

/** Bytes that the first value of `key` takes, given its type; 0: damaged. */
size_t kv_key_skip(tenon_kv_bytes key, tenon_type type);

/** Turn a key into the least one above all that begin with it. False: there is none. */
bool kv_key_after(kv_buffer *b);

/** Key of the row with these values (numbered as the table's columns). False: no memory. */
bool kv_row_key(const kv_table *table, const tenon_value *values, kv_buffer *b);

/** Key of an index for these values, without the primary key. */
bool kv_index_key(const kv_table *table, const kv_index *index, const tenon_value *values,
                  kv_buffer *b, bool *has_null);

/** Whether a row is in an index. */
bool kv_is_covered(const kv_index *index, const tenon_value *values);

/** The row as bytes. False: no memory. */
bool kv_row_encode(const kv_table *table, const tenon_value *values, kv_buffer *b);

/** A stored row, checked to be whole. */
typedef struct kv_row {
    const unsigned char *ends, *nulls, *data;
    size_t bytes; /**< At `data`. */
    uint32_t field_count;
    bool wide;
} kv_row;

/** @return false: damaged */
bool kv_row_open(tenon_kv_bytes bytes, kv_row *row);

/** Value of a column, borrowed from the row's bytes. @return false: damaged */
bool kv_row_value(const kv_row *row, const kv_column *column, tenon_value *out);

/** What reading a column of a stored row takes: few bytes, since a query has them side by side. */
typedef struct kv_field {
    const tenon_value *default_value; /**< Of rows that are older than the column. Borrowed. */
    uint16_t number;
    uint8_t type;
    uint8_t null_bit; /**< In the byte of its NULL. */
} kv_field;

static inline kv_field
kv_field_of(const kv_column *column)
{
    return (kv_field){ .default_value = &column->default_value,
                       .number = column->field,
                       .type = column->type,
                       .null_bit = (uint8_t)(1U << column->field % 8) };
}

/** Values of some columns of a stored row, as kv_row_value. @return false: damaged */
bool kv_row_read(tenon_kv_bytes bytes, const kv_field *fields, uint32_t count, tenon_value *out);

/** All columns of a row. @retval TENON_OK, TENON_CORRUPT */
tenon_status kv_row_values(const kv_table *table, tenon_kv_bytes bytes, tenon_value *out,
                           tenon_error *err);

/** Whether a condition holds. A comparison with NULL does not. */
bool kv_compare(const tenon_value *v, uint8_t op, const tenon_value *operand);

/* ---- Rows ---- */

/** Bytes that the primary key takes at the end of a row's key or an index's entry, where all of
 * them take as many; 0: they do not. */
uint32_t kv_fixed_key_bytes(const kv_table *table);

/** Key of the row that an entry of an index stands for, in `out`. @param[in] fixed_bytes of
 * kv_fixed_key_bytes, or 0 */
tenon_status kv_entry_row_key(const kv_table *table, const kv_index *index, uint32_t fixed_bytes,
                              tenon_kv_bytes key, tenon_kv_bytes value, kv_buffer *out,
                              tenon_error *err);

/** Key of a row, in the arena. TENON_INVALID where it is too long for the engine. */
tenon_status kv_make_row_key(tenon_drv_conn *conn, const kv_table *table, const tenon_value *values,
                             tenon_kv_bytes *out, tenon_error *err);

/** Keys of a row in all indexes of its table: `index_count` of them, in the arena.
 * TENON_INVALID where one is too long for the engine. */
tenon_status kv_row_keys(tenon_drv_conn *conn, const kv_table *table, const tenon_value *values,
                         tenon_kv_bytes row_key, kv_key **out, tenon_error *err);

/** Check a row before it is written: NULL, types, lengths. */
tenon_status kv_check_values(const kv_table *table, const tenon_value *values, tenon_error *err);

/** Which unique key a new row has in common with another: number of an index, `index_count` for the
 * primary key, UINT32_MAX for none. @param[in] first to be looked at before the others, or
 * UINT32_MAX @param[out] at key of the other's row, in the arena */
tenon_status kv_find_conflict(tenon_drv_conn *conn, const kv_table *table, const kv_key *keys,
                              const kv_key *old_keys, tenon_kv_bytes row_key, uint32_t first,
                              uint32_t *which, tenon_kv_bytes *at, tenon_error *err);

/** Fill `err` for a conflict. */
tenon_status kv_fail_conflict(const kv_table *table, uint32_t which, tenon_error *err);

/** Write a row with these values over the one that `old` holds. Its key stays. */
tenon_status kv_row_replace(tenon_drv_conn *conn, const kv_table *table, tenon_kv_bytes row_key,
                            tenon_kv_bytes old, const tenon_value *old_values,
                            const tenon_value *values, tenon_error *err);

/** Write a new row. The conflicts have been looked for; `keys` are its own. */
tenon_status kv_row_add(tenon_drv_conn *conn, const kv_table *table, tenon_kv_bytes row_key,
                        const tenon_value *values, const kv_key *keys, tenon_error *err);

/** A row that is gone, though a foreign key forbids it while others refer to it. */
typedef struct kv_restricted kv_restricted;

/** Delete a row, if it is there, with all that foreign keys demand. @param[out] found may be NULL
 */
tenon_status kv_row_delete(tenon_drv_conn *conn, const kv_table *table, tenon_kv_bytes row_key,
                           kv_restricted **restricted, bool *found, tenon_error *err);

/** At the end of a statement: does a row still refer to one that is gone? */
tenon_status kv_check_restricted(tenon_drv_conn *conn, const kv_restricted *restricted,
                                 tenon_error *err);

/** Each row that a foreign key binds to the row whose key (without its tree) is `parent`. `fn` gets
 * its key, which it must copy. TENON_NOT_FOUND of `fn` ends the walk. */
typedef tenon_status (*kv_child_fn)(void *arg, tenon_kv_bytes row_key, tenon_error *err);
tenon_status kv_each_child(tenon_drv_conn *conn, const kv_reference *reference,
                           tenon_kv_bytes parent, kv_child_fn fn, void *arg, tenon_error *err);

/* ---- The catalogue ---- */

/** Append a table as it is stored. False: no memory. */
bool kv_table_write(kv_buffer *b, const kv_table *table);

/** Read one; nothing in `bytes` is trusted. @param[out] out in the arena @retval TENON_OK,
 * TENON_CORRUPT, TENON_NO_MEMORY */
tenon_status kv_table_read(kv_arena *arena, const char *name, tenon_kv_bytes bytes, kv_table **out,
                           tenon_error *err);

/** See that a store is one of the kit's; write the first entries into an empty one. */
tenon_status kv_catalogue_open(tenon_drv_db *db, bool may_create, tenon_error *err);

/** The tables as the transaction of a connection sees them. */
tenon_status kv_catalogue_load(tenon_drv_conn *conn, tenon_error *err);

/** Store a table and read the catalogue anew. `table` is gone where `remove`. */
tenon_status kv_catalogue_write(tenon_drv_conn *conn, const kv_table *table, bool remove,
                                tenon_error *err);

/** Number of a new tree. */
tenon_status kv_catalogue_new_tree(tenon_drv_conn *conn, uint32_t *out, tenon_error *err);

#endif
