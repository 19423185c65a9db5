/** @file model_query.h The two halves of tni_query_new: checking, and building what drivers get. */
#ifndef TENON_CORE_MODEL_QUERY_H
#define TENON_CORE_MODEL_QUERY_H

#include "core/model.h"

/** What the check of a query finds out beside its rules. */
typedef struct tni_query_facts {
    tni_param *params; /**< Owned by the caller until free(); NULL where there are none. */
    uint32_t param_count;
    uint16_t conflict_index; /**< As tenon_drv_query.conflict_index. */
} tni_query_facts;

/**
 * Check a query against its table.
 *
 * @param[out] facts all zero on failure
 * @retval TENON_OK, TENON_INVALID, TENON_NO_MEMORY
 */
tenon_status tni_query_check(const tenon_query *query, const tenon_drv_table *table,
                             tni_query_facts *facts, tenon_error *err);

#endif
