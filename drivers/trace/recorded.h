/** @file recorded.h What a trace holds as JSON; NULL where there is no memory. */
#ifndef TENON_TRACE_RECORDED_H
#define TENON_TRACE_RECORDED_H

#include <jansson.h>

#include "tenon/kit/filter.h"

/** Values as [{"type": value}, ...]; NULL as null, bytes in hexadecimal digits. */
json_t *recorded_values(const tenon_value *values, uint32_t count);

/** A table, as much as is needed to make one like it. */
json_t *recorded_table(const tenon_drv_table *table);

/** A query, without its table. Columns are numbers in it. */
json_t *recorded_query(const tenon_drv_query *query);

#endif
