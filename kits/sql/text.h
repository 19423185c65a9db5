/** @file text.h SQL text: a buffer that grows, and what is written into it. */
#ifndef TENON_KITS_SQL_TEXT_H
#define TENON_KITS_SQL_TEXT_H

#include "tenon/kit/sql.h"

/** A text that grows. A failed allocation sticks: `failed` is looked at once, at the end. */
typedef struct sql_text {
    char *data;
    size_t len, room;
    bool failed;
} sql_text;

/** What a placeholder is bound to. */
enum {
    SQL_BIND_PARAM,        /**< Parameter `param`. */
    SQL_BIND_PREFIX_END,   /**< The first text that is greater than all that begin with it. */
    SQL_BIND_PREFIX_LENGTH /**< Its length in bytes. */
};

typedef struct sql_bind {
    uint16_t param;
    uint16_t how;
} sql_bind;

/** The text of a query, and what to bind to its placeholders, in order. */
typedef struct sql_query_text {
    sql_text text;
    sql_bind *binds;
    uint8_t *types; /**< Of each placeholder. */
    uint32_t bind_count;
    uint32_t bind_room;
} sql_query_text;

void sql_text_fini(sql_text *text);

/** Append a text, a quoted name, a number, a literal. */
void sql_put(sql_text *text, const char *words);
void sql_put_name(sql_text *text, const char *name);
void sql_put_number(sql_text *text, uint64_t number);
void sql_put_literal(sql_text *text, const tenon_sql_dialect *dialect, const tenon_value *value);

/** Append the names of columns, with commas, in parentheses. */
void sql_put_columns(sql_text *text, const tenon_drv_table *table, const uint16_t *columns,
                     uint32_t count);

/** Write a query's text. @param[out] out zeroed before; sql_query_text_fini on every outcome */
tenon_status sql_query_write(sql_query_text *out, const tenon_sql_dialect *dialect,
                             const tenon_drv_query *query, tenon_error *err);
void sql_query_text_fini(sql_query_text *text);

/** How many bytes longer than a prefix its end may be. */
#define SQL_PREFIX_ROOM 4u

/** The least text above all that begin with `prefix`, made at `bytes`; NULL where there is none.
 * @param[in] valid_text it must be UTF-8 */
tenon_value sql_prefix_end(const tenon_value *prefix, bool valid_text, char *bytes);

/** Write CREATE TABLE, CREATE INDEX, ADD COLUMN. */
void sql_write_table(sql_text *out, const tenon_sql_dialect *dialect, const tenon_drv_table *table);
void sql_write_index(sql_text *out, const tenon_sql_dialect *dialect, const tenon_drv_table *table,
                     const tenon_drv_index *index);
/** The same of the keys of a table that was written without them. */
void sql_write_primary_key(sql_text *out, const tenon_drv_table *table);
void sql_write_foreign_key(sql_text *out, const tenon_sql_dialect *dialect,
                           const tenon_drv_table *table, const tenon_drv_foreign_key *fk);
void sql_write_add_column(sql_text *out, const tenon_sql_dialect *dialect,
                          const tenon_drv_table *table);

#endif
