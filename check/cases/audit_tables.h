/** @file audit_tables.h The audit's own tables, to be tampered with; see core/audit.c. */
#ifndef TENON_CHECK_CASES_AUDIT_TABLES_H
#define TENON_CHECK_CASES_AUDIT_TABLES_H

#include "tenon/schema.h"

/** Columns of the rows. */
enum { ROW_CHAIN, ROW_NUMBER, ROW_AT, ROW_TXN, ROW_ACTOR, ROW_ACTION, ROW_OBJECT, ROW_DETAILS };

static const tenon_column audit_columns[] = {
    { .name = "chain", .type = TENON_UUID, .not_null = true },
    { .name = "number", .type = TENON_INT, .not_null = true },
    { .name = "at", .type = TENON_TIME, .not_null = true },
    { .name = "txn", .type = TENON_UUID, .not_null = true },
    { .name = "actor", .type = TENON_TEXT, .max_bytes = 200 },
    { .name = "action", .type = TENON_TEXT, .max_bytes = 200 },
    { .name = "object", .type = TENON_TEXT, .max_bytes = 200 },
    { .name = "details", .type = TENON_TEXT, .max_bytes = 4000 },
    { .name = "hash", .type = TENON_BLOB, .not_null = true, .max_bytes = 32 },
};
static const tenon_table audit_table = { .name = "tenon_audit",
                                         .columns = audit_columns,
                                         .column_count = 9,
                                         .primary_key = TENON_COLUMNS(0, 1) };
static const tenon_column chain_columns[] = {
    { .name = "chain", .type = TENON_UUID, .not_null = true },
    { .name = "length", .type = TENON_INT, .not_null = true },
    { .name = "head", .type = TENON_BLOB, .not_null = true, .max_bytes = 32 },
    { .name = "seal", .type = TENON_BLOB, .not_null = true, .max_bytes = 32 },
    { .name = "keyed", .type = TENON_BOOL, .not_null = true },
};
static const tenon_table chain_table = { .name = "tenon_audit_chain",
                                         .columns = chain_columns,
                                         .column_count = 5,
                                         .primary_key = TENON_COLUMNS(0) };
#endif
