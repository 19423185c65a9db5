/** @file schema.h Tables, indexes, foreign keys and schema versions, as `static const` data. */
#ifndef TENON_SCHEMA_H
#define TENON_SCHEMA_H

#include "tenon/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Limits of a schema; a schema beyond them is refused with TENON_INVALID. */
enum {
    TENON_MAX_NAME_BYTES = 48,   /**< A name: lower-case letters, digits and `_`, a letter first. */
    TENON_MAX_COLUMNS = 64,      /**< Columns of a table. */
    TENON_MAX_KEY_COLUMNS = 8,   /**< Columns of a primary key or an index. */
    TENON_MAX_INDEXES = 32,      /**< Secondary indexes of a table. */
    TENON_MAX_FOREIGN_KEYS = 16, /**< Foreign keys of a table. */
    TENON_MAX_TABLES = 256       /**< Tables of a schema. */
};

/** Number of a column in its table's array. */
typedef uint16_t tenon_column_no;

/** A list of columns; write it with TENON_COLUMNS. */
typedef struct tenon_columns {
    const tenon_column_no *list;
    uint32_t count;
} tenon_columns;

/** `TENON_COLUMNS(USER_ID, USER_NAME)`: a constant list of columns. */
#define TENON_COLUMNS(...)                                                                         \
    {                                                                                              \
        (const tenon_column_no[]){ __VA_ARGS__ },                                                  \
            sizeof((const tenon_column_no[]){ __VA_ARGS__ }) / sizeof(tenon_column_no)             \
    }

/** A column. */
typedef struct tenon_column {
    const char *name;
    tenon_type type;
    bool not_null;
    uint32_t max_bytes; /**< Longest TEXT or BLOB, in bytes; 0 = no limit of its own. */
    /**
     * Value where an INSERT does not name the column, and in rows older than the column.
     * TENON_NULL (all zero) = none. A column added to a table with `not_null` needs one.
     */
    tenon_value default_value;
} tenon_column;

/** Comparisons. Numbers are part of the ABI. */
enum {
    TENON_OP_EQ = 1,
    TENON_OP_NE = 2,
    TENON_OP_LT = 3,
    TENON_OP_LE = 4,
    TENON_OP_GT = 5,
    TENON_OP_GE = 6,
    TENON_OP_IN = 7,     /**< Equal to one of `count` parameters from `param` on. */
    TENON_OP_PREFIX = 8, /**< TEXT or BLOB that begins with the operand. */
    TENON_OP_IS_NULL = 9,
    TENON_OP_NOT_NULL = 10
};

/** Operand of a condition that stands in the condition itself, not in a parameter. */
#define TENON_NO_PARAM UINT16_MAX

/**
 * One comparison of a column with a parameter or a constant. As in SQL, a comparison with NULL is
 * not true, NE included.
 */
typedef struct tenon_condition {
    tenon_column_no column;
    uint8_t op; /**< A TENON_OP_ value. */
    uint8_t reserved;
    uint16_t param; /**< First parameter, or TENON_NO_PARAM: then `constant` is the operand. */
    uint16_t count; /**< Parameters of TENON_OP_IN. */
    tenon_value constant;
} tenon_condition;

/** A conjunction of conditions; write it with TENON_WHERE. */
typedef struct tenon_where {
    const tenon_condition *list;
    uint32_t count;
} tenon_where;

/** `TENON_WHERE(TENON_EQ(USER_NAME, 0), TENON_IS_NULL(USER_EMAIL))` */
#define TENON_WHERE(...)                                                                           \
    {                                                                                              \
        (const tenon_condition[]){ __VA_ARGS__ },                                                  \
            sizeof((const tenon_condition[]){ __VA_ARGS__ }) / sizeof(tenon_condition)             \
    }

#define TENON_COMPARE(col, o, p)                                                                   \
    {                                                                                              \
        .column = (col), .op = (o), .param = (p)                                                   \
    }
#define TENON_EQ(col, p) TENON_COMPARE(col, TENON_OP_EQ, p)
#define TENON_NE(col, p) TENON_COMPARE(col, TENON_OP_NE, p)
#define TENON_LT(col, p) TENON_COMPARE(col, TENON_OP_LT, p)
#define TENON_LE(col, p) TENON_COMPARE(col, TENON_OP_LE, p)
#define TENON_GT(col, p) TENON_COMPARE(col, TENON_OP_GT, p)
#define TENON_GE(col, p) TENON_COMPARE(col, TENON_OP_GE, p)
#define TENON_PREFIX(col, p) TENON_COMPARE(col, TENON_OP_PREFIX, p)
#define TENON_IN(col, first_param, n)                                                              \
    {                                                                                              \
        .column = (col), .op = TENON_OP_IN, .param = (first_param), .count = (n)                   \
    }
#define TENON_IS_NULL(col)                                                                         \
    {                                                                                              \
        .column = (col), .op = TENON_OP_IS_NULL, .param = TENON_NO_PARAM                           \
    }
#define TENON_NOT_NULL(col)                                                                        \
    {                                                                                              \
        .column = (col), .op = TENON_OP_NOT_NULL, .param = TENON_NO_PARAM                          \
    }
/** Column = a constant of the program; what a partial index needs to be used. */
#define TENON_EQ_TEXT(col, text)                                                                   \
    {                                                                                              \
        .column = (col), .op = TENON_OP_EQ, .param = TENON_NO_PARAM, .constant = {                 \
            .type = TENON_TEXT,                                                                    \
            .len = sizeof(text) - 1,                                                               \
            .as = { .data = (text) }                                                               \
        }                                                                                          \
    }
#define TENON_EQ_BOOL(col, b)                                                                      \
    {                                                                                              \
        .column = (col), .op = TENON_OP_EQ, .param = TENON_NO_PARAM, .constant = {                 \
            .type = TENON_BOOL,                                                                    \
            .as = { .i = (b) ? 1 : 0 }                                                             \
        }                                                                                          \
    }
#define TENON_EQ_INT(col, n)                                                                       \
    {                                                                                              \
        .column = (col), .op = TENON_OP_EQ, .param = TENON_NO_PARAM, .constant = {                 \
            .type = TENON_INT,                                                                     \
            .as = { .i = (n) }                                                                     \
        }                                                                                          \
    }

/** A secondary index. Its name is unique in the schema: errors name it. NULLs are distinct, as in
 * SQL. */
typedef struct tenon_index {
    const char *name;
    tenon_columns columns;
    bool unique;
    /** Rows that it covers: `= constant`, IS NULL, NOT NULL only. Empty = all. */
    tenon_where where;
} tenon_index;

/** What the removal of the row referred to does to the rows that refer to it. */
enum {
    TENON_RESTRICT = 0, /**< Refused with TENON_CONSTRAINT. Checked at the end of the statement. */
    TENON_CASCADE = 1,  /**< They are removed too. */
    TENON_SET_NULL = 2  /**< Their columns become NULL. */
};

/** A foreign key: `columns` refer to the primary key of another table, or are NULL (any of them).
 */
typedef struct tenon_foreign_key {
    const char *name; /**< Unique in the schema: errors name it. */
    tenon_columns columns;
    const char
        *references; /**< Name of a table; its primary key has the same types in the same order. */
    uint8_t on_delete; /**< TENON_RESTRICT, TENON_CASCADE or TENON_SET_NULL. */
} tenon_foreign_key;

/** A table. Its primary key columns are NOT NULL and can't be updated. */
typedef struct tenon_table {
    const char *name;
    const tenon_column *columns;
    uint32_t column_count;
    tenon_columns primary_key;
    const tenon_index *indexes;
    uint32_t index_count;
    const tenon_foreign_key *foreign_keys;
    uint32_t foreign_key_count;
} tenon_table;

typedef struct tenon_txn tenon_txn;

/**
 * A step that changes data: runs inside the step's transaction.
 *
 * @param[in]  txn borrowed; statements only, neither committed nor rolled back by the function
 * @param[out] err filled on failure
 * @return TENON_OK, or the status that makes the migration stop, with this step undone
 */
typedef tenon_status (*tenon_step_fn)(tenon_txn *txn, tenon_error *err);

enum {
    TENON_ADD_TABLE = 1,   /**< `table`, as it was in that version. */
    TENON_DROP_TABLE = 2,  /**< `table_name`. Refused while a foreign key refers to it. */
    TENON_ADD_COLUMN = 3,  /**< `column` to `table_name`. */
    TENON_DROP_COLUMN = 4, /**< `name` of `table_name`. Refused while a key or an index uses it. */
    TENON_ADD_INDEX = 5,   /**< Index `name` of `table`, built over the rows there are. */
    TENON_DROP_INDEX = 6,  /**< Index `name` of `table_name`. */
    TENON_DATA_STEP = 7    /**< `run`. */
};

/** One step towards a version of the schema. Steps stand in order of their versions. */
typedef struct tenon_step {
    uint32_t
        version;  /**< The version that the schema has once all steps of that number are done. */
    uint8_t kind; /**< TENON_ADD_TABLE … TENON_DATA_STEP. */
    const char *table_name;
    const tenon_table *table;
    const tenon_column *column;
    const char *name;
    tenon_step_fn run;
} tenon_step;

/**
 * A schema: the tables as they are in `version`, and the steps from version 1 on. A new database
 * gets the tables as they stand; an older one runs the steps of later versions, each in a
 * transaction of its own; a newer one is refused with TENON_SCHEMA.
 */
typedef struct tenon_schema {
    const char *name; /**< Several schemas may live in one database, each with its own version. */
    uint32_t version; /**< From 1 on. */
    const tenon_table *const *tables;
    uint32_t table_count;
    const tenon_step *steps;
    uint32_t step_count;
} tenon_schema;

#ifdef __cplusplus
}
#endif
#endif
