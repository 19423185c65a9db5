/** @file model.h Schemas and queries: checked once, and turned into the form that drivers get. */
#ifndef TENON_CORE_MODEL_H
#define TENON_CORE_MODEL_H

#include "tenon/driver.h"
#include "tenon/schema.h"

/**
 * Check a table by itself (names, limits, types, keys, defaults, index conditions) and copy it,
 * names and constants included, into one block.
 *
 * @param[out] out owned by the caller until free(); NULL on failure
 * @retval TENON_OK, TENON_INVALID (the rule and the place in `err`), TENON_NO_MEMORY
 */
tenon_status tni_table_new(const tenon_table *table, tenon_drv_table **out, tenon_error *err);

/**
 * Check a schema as a whole: each table, unique names of tables, indexes and foreign keys, types of
 * foreign keys against the primary keys they refer to, SET NULL on nullable columns, order and
 * contents of steps.
 */
tenon_status tni_schema_check(const tenon_schema *schema, tenon_error *err);

/** What a parameter must be. */
typedef struct tni_param {
    uint8_t type;     /**< TENON_INT … TENON_TIME. */
    uint8_t not_null; /**< Where it goes into a NOT NULL column: NULL is TENON_CONSTRAINT. */
    uint8_t limit;    /**< A limit: INT of 0 or more, not NULL. */
    uint8_t finite;   /**< An addend: not infinite. */
    uint8_t keyset;   /**< Of a keyset: NULL only if the first one is. */
    uint8_t reserved;
    uint16_t column;    /**< Its column, for errors. */
    uint32_t max_bytes; /**< 0 = none; UINT32_MAX for none too. */
} tni_param;

/** A query after its checks. One block; the driver's forms point into it and into `table`. */
typedef struct tni_query {
    const tenon_query *source;
    tenon_drv_query drv;       /**< Without keyset condition. */
    tenon_drv_query drv_after; /**< With it; only if `after_param` is set. */
    const tni_param *params;
    uint32_t param_count;
    uint16_t after_param; /**< First keyset parameter; TENON_DRV_NONE: none. */
    uint8_t writes;       /**< INSERT, UPDATE, DELETE. */
    uint8_t reserved;
} tni_query;

/**
 * Check a query against its table and normalise it.
 *
 * @param[in]  table outlives the result
 * @param[out] out   owned by the caller until free(); NULL on failure
 * @retval TENON_OK, TENON_INVALID (the rule and the place in `err`), TENON_NO_MEMORY
 */
tenon_status tni_query_new(const tenon_query *query, const tenon_drv_table *table, tni_query **out,
                           tenon_error *err);

/**
 * Check parameters: types, lengths, UTF-8, NaN, NULL. Allocates nothing. A REAL of -0.0 can't be
 * changed in place, so drivers store it as 0.0.
 *
 * @retval TENON_OK, TENON_INVALID, TENON_CONSTRAINT (NULL where NOT NULL; object "table.column")
 */
tenon_status tni_params_check(const tni_query *query, const tenon_value *params, tenon_error *err);

/** Whether the bytes are UTF-8 (no surrogates, no overlong forms, at most U+10FFFF) without NUL
 * bytes. */
bool tni_is_text(const void *data, size_t len);

#endif
