/**
 * @file store.h A store in memory: tables are arrays of rows in the order of their keys, a
 * transaction has a copy of them, and so has a statement until it has succeeded. A complete driver
 * that knows nothing but the headers beside it; frozen with them, see ../frozen.sh.
 */
#ifndef STORE_H
#define STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "tenon/driver.h"

#define STORE_NAME_BYTES (TENON_MAX_NAME_BYTES + 1)
#define STORE_SAVEPOINTS (TENON_MAX_SAVEPOINTS + 1)

/** A row. Never changed once others may see it; the bytes of its values stand behind them. */
typedef struct store_row {
    atomic_uint use_count;
    uint64_t made_by; /**< The statement. */
    tenon_value values[];
} store_row;

/** A foreign key. */
typedef struct store_key {
    char name[STORE_NAME_BYTES], parent[STORE_NAME_BYTES];
    uint16_t columns[TENON_MAX_KEY_COLUMNS];
    uint32_t column_count, on_delete;
} store_key;

/** A table. Of its indexes the names only: queries bring the rest. */
typedef struct store_table {
    char name[STORE_NAME_BYTES];
    char columns[TENON_MAX_COLUMNS][STORE_NAME_BYTES];
    char indexes[TENON_MAX_INDEXES][STORE_NAME_BYTES];
    uint16_t key[TENON_MAX_KEY_COLUMNS];
    store_key keys[TENON_MAX_FOREIGN_KEYS];
    uint32_t column_count, index_count, key_column_count, key_count;
    bool not_null[TENON_MAX_COLUMNS];
    store_row **rows;
    size_t row_count, row_room;
} store_table;

/** All tables at one time. */
typedef struct store_state {
    store_table **tables; /**< Room for one more. */
    size_t table_count;
} store_state;

struct tenon_drv_db {
    pthread_mutex_t lock; /**< Guards all below. */
    store_state committed;
    uint64_t statements;
    bool writing;
};

struct tenon_drv_conn {
    tenon_drv_db *db;
    store_state now, saved[STORE_SAVEPOINTS];
    uint64_t deadline_ns;
    uint32_t depth;
    bool in_txn, writes;
};

struct tenon_drv_plan {
    tenon_drv_conn *conn;
    const tenon_drv_query *query;
};

struct tenon_drv_cursor {
    const tenon_drv_query *query;
    store_row **rows;
    size_t row_count, next;
    tenon_value values[TENON_MAX_COLUMNS];
};

/** The host of this plugin. */
extern const tenon_host *store_host;

/** Memory that is all zero, or NULL. */
void *store_alloc(size_t bytes);

/** Fill an error. @return `status` */
__attribute__((format(printf, 5, 6))) tenon_status store_fail(tenon_error *err, tenon_status status,
                                                              uint8_t effect, const char *object,
                                                              const char *format, ...);
tenon_status store_no_memory(tenon_error *err);
tenon_status store_exists(tenon_error *err, const char *index);

/** Whether the transaction has run out of time. */
bool store_is_late(const tenon_drv_conn *conn, tenon_error *err);

/** A row of copies. @return NULL: no memory */
store_row *store_row_new(const tenon_value *values, uint32_t count, uint64_t made_by);
store_row *store_row_hold(store_row *row);
void store_row_release(store_row *row);
int store_compare(const tenon_value *a, const tenon_value *b);

store_table *store_find(const store_state *state, const char *name);
void store_table_free(store_table *table);
bool store_state_copy(const store_state *from, store_state *to);
void store_state_free(store_state *state);

/** The first row whose key is not before that in `values`, whose columns are `columns`. */
size_t store_place(const store_table *table, const tenon_value *values, const uint16_t *columns,
                   bool *found);
/** Insert a row. False: no memory. */
bool store_put(store_table *table, size_t at, store_row *row);
void store_take_out(store_table *table, size_t at);

bool store_matches(const tenon_drv_cond *list, uint32_t count, const tenon_value *row,
                   const tenon_value *params);
/** The row other than `row` that has its key in a unique index. @return row_count: none */
size_t store_clash(const store_table *table, const tenon_drv_index *index, const tenon_value *row);
/** Rows made by the statement have keys of their own. */
tenon_status store_check_unique(const tenon_drv_conn *conn, const store_table *table,
                                const tenon_drv_table *is, uint64_t made_by, tenon_error *err);

/** The driver. */
const tenon_driver *store_v1_0(const tenon_host *host);

/** The slot query.exec. */
tenon_status store_exec(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected,
                        tenon_error *err);

#endif
