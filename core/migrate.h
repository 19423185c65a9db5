/** @file migrate.h The catalogue of a database, and the way from one version of a schema to the
 * next. */
#ifndef TENON_CORE_MIGRATE_H
#define TENON_CORE_MIGRATE_H

#include "tenon/txn.h"

/**
 * Make the stored schema the one declared: create it, run its steps, or find that they agree.
 *
 * @param[in] may_change false: only compare
 * @retval TENON_OK; TENON_SCHEMA newer or different than declared, older or missing and not
 * `may_change`; TENON_INVALID a schema that breaks a rule; and what the engine or a data step
 * returned
 */
tenon_status tni_migrate(tenon_db *db, const tenon_schema *schema, bool may_change,
                         tenon_error *err);

/** As tni_migrate, for a schema of the library's own, whose names are reserved. */
tenon_status tni_migrate_own(tenon_db *db, const tenon_schema *schema, tenon_error *err);

/** Tables of the stored catalogue in one block, sorted by name. @param[out] out owned by the caller
 * until free() */
tenon_status tni_catalogue_tables(tenon_db *db, const tenon_table ***out, uint32_t *count,
                                  tenon_error *err);

/** Version of a stored schema, 0 where there is none. */
tenon_status tni_catalogue_version(tenon_txn *txn, const char *name, uint32_t *out,
                                   tenon_error *err);

#endif
