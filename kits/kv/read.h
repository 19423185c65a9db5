/** @file read.h Finding rows: how a query is served, and the rows themselves. */
#ifndef TENON_KITS_KV_READ_H
#define TENON_KITS_KV_READ_H

#include "kv.h"

/** A condition with its column as the stored table numbers it. */
typedef struct kv_cond {
    tenon_value constant;
    uint16_t column, param, param_count;
    uint8_t op;
    bool served; /**< By the way that the rows are found: not to be looked at again. */
} kv_cond;

/** How the rows of a query are found. */
typedef struct kv_path {
    const kv_index *index; /**< NULL: by primary key. */
    uint32_t equal_count;  /**< Leading columns that are equal to something, or NULL. */
    uint16_t equal[TENON_MAX_KEY_COLUMNS]; /**< Conditions that say so. */
    uint16_t in;                           /**< Condition whose values are tried one by one. */
    uint16_t low, high, prefix; /**< Conditions on the column behind; TENON_DRV_NONE = none. */
    bool unique;                /**< At most one row. */
    bool ordered;               /**< In the order that the query asks for. */
    bool backward;
    bool seek_after; /**< The keyset's start is where reading begins. */
} kv_path;

/** A query made ready. */
struct tenon_drv_plan {
    tenon_drv_conn *conn;
    const tenon_drv_query *query;
    kv_schema *schema; /**< That all below was made for; held. NULL: to be made. */
    const kv_table *table;
    kv_path path;
    kv_cond *conds;
    uint32_t cond_count, order_count;
    kv_field fields[TENON_MAX_COLUMNS]; /**< Columns that a SELECT gives. */
    uint32_t row_key_bytes;             /**< As kv_fixed_key_bytes. */
    uint16_t map[TENON_MAX_COLUMNS];    /**< Columns of the query's table -> of the stored one. */
    tenon_drv_order order[TENON_MAX_COLUMNS];
    const kv_index *conflict; /**< Upsert's index; NULL: the primary key. */
    uint32_t pending;         /**< Conditions that are not served by the path. */
    bool only_entries;        /**< The entries that are found need only be counted. */
    tenon_drv_cursor *idle;   /**< Cursors to be used again. */
};

/** See that the plan is made for the tables as they are now. */
tenon_status kv_plan_ready(tenon_drv_plan *plan, tenon_error *err);

/** Choose the way; `plan` has its table and conditions. */
void kv_plan_choose(tenon_drv_plan *plan);

/** How, in words. */
void kv_plan_explain(const tenon_drv_plan *plan, char *out, size_t out_bytes);

/** A row that waits to be sorted. */
typedef struct kv_sorted {
    tenon_kv_bytes key, row;
} kv_sorted;

/** Rows that are being read. */
struct tenon_drv_cursor {
    _Alignas(128) tenon_drv_plan *plan;
    tenon_drv_conn *conn;
    tenon_drv_cursor *next; /**< among those to be used again */
    const tenon_value *params;
    tenon_kv_cursor *raw; /**< NULL while nothing but single keys is read */
    kv_buffer low, high;  /**< keys of this range: from, up to but not including */
    kv_buffer at;         /**< key of the last entry, while it may be needed to go on */
    kv_buffer row_key;    /**< that an entry of an index stands for */
    const void *held;     /**< bytes that kv_get has returned for the row, or NULL */
    uint64_t held_count;  /**< write_count of the connection then: a write takes them away */
    uint64_t write_count; /**< of the connection, when `raw` was positioned */
    uint64_t left;        /**< rows that the limit still allows */
    uint32_t try_at;      /**< value of IN that is being tried */
    uint32_t try_count;
    uint16_t *tries; /**< parameters of IN, each value once */
    uint32_t tries_room;
    bool in_range;  /**< `low` and `high` are set */
    bool started;   /**< `at` is set */
    bool collected; /**< `sorted` holds all rows */
    kv_sorted *sorted;
    size_t sorted_count, sorted_at, sorted_room;
    kv_arena arena; /**< of the sorted rows */
    tenon_value row[];
};

/** Start reading the rows of a plan. @param[in] params borrowed until the cursor is closed */
tenon_status kv_rows_open(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out,
                          tenon_error *err);
/** Next row that meets all conditions, as it is stored. Both are borrowed until the next call or
 * write. */
tenon_status kv_rows_next(tenon_drv_cursor *cursor, tenon_kv_bytes *row_key, tenon_kv_bytes *row,
                          tenon_error *err);
/** How many rows there are, without regard to the limit. Ends the reading. */
tenon_status kv_rows_count(tenon_drv_cursor *cursor, int64_t *out, tenon_error *err);
/** Stop, and keep the cursor with its plan. Accepts NULL. */
void kv_rows_close(tenon_drv_cursor *cursor);
/** Free a cursor that is kept. */
void kv_rows_free(tenon_drv_cursor *cursor);

/** Give up what the last fetch has lent. */
void kv_fetched_close(tenon_drv_conn *conn);

/** As the driver's slots. */
tenon_status kv_exec(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected,
                     tenon_error *err);
tenon_status kv_verify(tenon_drv_conn *conn, tenon_problem_fn fn, void *arg, tenon_error *err);

#endif
