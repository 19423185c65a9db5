/** @file query.h Queries, as `static const` data: checked when first used, compiled once per
 * connection. */
#ifndef TENON_QUERY_H
#define TENON_QUERY_H

#include "tenon/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of queries. Numbers are part of the ABI. */
enum {
    TENON_SELECT = 1,
    TENON_INSERT = 2, /**< One row: parameter i is the value of `columns.list[i]`. */
    TENON_UPDATE = 3,
    TENON_DELETE = 4,
    TENON_COUNT = 5 /**< One row with one INT. */
};

/** What an INSERT does where a row with the same key exists. Numbers are part of the ABI. */
enum {
    TENON_ON_CONFLICT_FAIL = 0,   /**< TENON_EXISTS, with the name of the index. */
    TENON_ON_CONFLICT_IGNORE = 1, /**< Nothing: 0 rows affected. For any unique index. */
    TENON_ON_CONFLICT_UPDATE = 2  /**< `set` on the row with the same `conflict_index` key. */
};

/** How a column gets its new value. Numbers are part of the ABI. */
enum {
    TENON_SET_PARAM = 1, /**< Becomes the parameter. */
    TENON_SET_ADD = 2, /**< INT or REAL plus the parameter; TENON_INVALID on integer overflow. A sum
                          of REALs that overflows is infinite, or TENON_INVALID on a server. */
    TENON_SET_TO_NULL = 3
};

/** One assignment of an UPDATE or an upsert. */
typedef struct tenon_assignment {
    tenon_column_no column;
    uint8_t how; /**< TENON_SET_PARAM, TENON_SET_ADD, TENON_SET_TO_NULL. */
    uint8_t reserved;
    uint16_t param;
} tenon_assignment;

/** A list of assignments; write it with TENON_SET. */
typedef struct tenon_assignments {
    const tenon_assignment *list;
    uint32_t count;
} tenon_assignments;

/** `TENON_SET(TENON_TO(USER_NAME, 1), TENON_PLUS(COUNTER_N, 2), TENON_TO_NULL(USER_EMAIL))` */
#define TENON_SET(...)                                                                             \
    {                                                                                              \
        (const tenon_assignment[]){ __VA_ARGS__ },                                                 \
            sizeof((const tenon_assignment[]){ __VA_ARGS__ }) / sizeof(tenon_assignment)           \
    }
#define TENON_TO(col, p)                                                                           \
    {                                                                                              \
        .column = (col), .how = TENON_SET_PARAM, .param = (p)                                      \
    }
#define TENON_PLUS(col, p)                                                                         \
    {                                                                                              \
        .column = (col), .how = TENON_SET_ADD, .param = (p)                                        \
    }
#define TENON_TO_NULL(col)                                                                         \
    {                                                                                              \
        .column = (col), .how = TENON_SET_TO_NULL                                                  \
    }

/** One column of an order. NULLs come first in ascending order, last in descending order. */
typedef struct tenon_order {
    tenon_column_no column;
    bool descending;
} tenon_order;

/** An order; write it with TENON_ORDER. */
typedef struct tenon_ordering {
    const tenon_order *list;
    uint32_t count;
} tenon_ordering;

/** Ascending, descending by a column. */
#define TENON_ASC(col)                                                                             \
    {                                                                                              \
        .column = (col), .descending = false                                                       \
    }
#define TENON_DESC(col)                                                                            \
    {                                                                                              \
        .column = (col), .descending = true                                                        \
    }

/** `TENON_ORDER(TENON_DESC(MESSAGE_CREATED), TENON_DESC(MESSAGE_ID))` */
#define TENON_ORDER(...)                                                                           \
    {                                                                                              \
        (const tenon_order[]){ __VA_ARGS__ },                                                      \
            sizeof((const tenon_order[]){ __VA_ARGS__ }) / sizeof(tenon_order)                     \
    }

/** In `limit_param` and `after_param`: parameter number `p` (0 there means "none"). */
#define TENON_PARAM(p) ((uint16_t)((p) + 1))

/**
 * A query. It must live as long as the database that it is used with (make it `static const`), for
 * its compiled form is found by its address.
 */
typedef struct tenon_query {
    const char *name;    /**< For statistics and errors; may be NULL. */
    uint8_t kind;        /**< TENON_SELECT … TENON_COUNT. */
    uint8_t on_conflict; /**< INSERT: a TENON_ON_CONFLICT_ value. */
    const tenon_table *table;
    tenon_columns
        columns; /**< SELECT: the row's columns, in that order. INSERT: the columns given. */
    tenon_assignments set; /**< UPDATE, upsert. */
    tenon_where where;     /**< SELECT, UPDATE, DELETE, COUNT. Empty = every row. */
    tenon_ordering order;  /**< SELECT. Empty = any order. */
    /**
     * Keyset paging: the order's columns (all in one direction, none nullable) come after the
     * parameters from this one on; a first parameter of NULL starts at the beginning.
     */
    uint16_t after_param;
    uint16_t limit_param; /**< Parameter (INT, at least 0) with the most rows to return. */
    uint32_t limit;       /**< The same as a constant; 0 = all. */
    const char
        *conflict_index; /**< Upsert: a unique index without `where`; NULL = the primary key. */
} tenon_query;

/** How many parameters the query takes. */
TENON_API uint32_t tenon_query_param_count(const tenon_query *query);

#ifdef __cplusplus
}
#endif
#endif
