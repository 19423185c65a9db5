/** @file audit.h Rows of the audit, and the check of their chains. */
#ifndef TENON_CORE_AUDIT_H
#define TENON_CORE_AUDIT_H

#include "core/env.h"
#include "tenon/audit.h"

/** What a database has of it. */
typedef struct tni_audit {
    bool ready; /* the tables are there */
    bool on;    /* each transaction leaves a row */
    uint8_t key[TENON_AUDIT_KEY_MAX_BYTES];
    uint32_t key_bytes; /* 0: none */
} tni_audit;

/** Set up. @retval TENON_OK, TENON_CONFIG (the key), TENON_INTERNAL (no hashes to be had) */
tenon_status tni_audit_init(tni_audit *audit, const tenon_open_options *options, tenon_error *err);
void tni_audit_fini(tni_audit *audit);

/** See that there are tables for it. Called once, while the database is opened. */
tenon_status tni_audit_prepare(tenon_db *db, tenon_error *err);

/** Write the row that a transaction leaves, if it is to leave one and has written none. */
tenon_status tni_audit_commit(tenon_txn *txn, tenon_error *err);

/** Check all chains. @param[in] fn told of each problem */
tenon_status tni_audit_verify(tenon_txn *txn, tenon_problem_fn fn, void *arg, tenon_error *err);

#endif
