/** @file migrate_steps.h One step of a migration: on the entries of the catalogue, and in the
 * database. */
#ifndef TENON_CORE_MIGRATE_STEPS_H
#define TENON_CORE_MIGRATE_STEPS_H

#include "core/catalogue.h"

/**
 * Change the entries as step `number` changes the tables. Touches nothing else.
 *
 * @retval TENON_OK, TENON_NO_MEMORY, TENON_SCHEMA: the step does not fit the tables as they are
 */
tenon_status tni_step_apply(const tenon_schema *schema, uint32_t number, tni_entries *entries,
                            tenon_error *err);

/**
 * Change the database as the step says: one call of the driver, or the step's function.
 *
 * @param[in] after the entries as tni_step_apply has left them
 */
tenon_status tni_step_run(tenon_txn *txn, const tenon_schema *schema, uint32_t number,
                          const tni_entries *after, tenon_error *err);

/** Create a table that is not in the catalogue. TENON_SCHEMA where one of that name is there. */
tenon_status tni_create_table(tenon_txn *txn, const tenon_table *table, tenon_error *err);

#endif
