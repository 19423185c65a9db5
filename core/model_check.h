/** @file model_check.h Rules that tables, queries, schemas and the catalogue share. */
#ifndef TENON_CORE_MODEL_CHECK_H
#define TENON_CORE_MODEL_CHECK_H

#include "core/model.h"

/** Names that begin so belong to the core. */
#define TNI_RESERVED_PREFIX "tenon_"

/** Whether the text is a name: lower-case letters, digits and `_`, a letter first. NULL is none. */
bool tni_is_name(const char *text);

/** Whether a name is one of the core's own. */
bool tni_is_reserved(const char *name);

/**
 * What is wrong with a value that must have the type, NULL excluded: end of a sentence that begins
 * with what the value is for. NULL: nothing.
 */
const char *tni_value_problem(const tenon_value *v, uint8_t type, uint32_t max_bytes);

/** Check a column by itself. `table` is for the error. */
tenon_status tni_column_check(const char *table, const tenon_column *column, tenon_error *err);

/** Check a table by itself; what tni_table_new does before it copies. */
tenon_status tni_table_check(const tenon_table *table, tenon_error *err);

/** Word for a kind of step ("ADD_TABLE"), which is one of TENON_ADD_TABLE … TENON_DATA_STEP. */
const char *tni_step_kind(uint8_t kind);

#endif
