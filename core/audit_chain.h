/** @file audit_chain.h What the writing, the reading and the check of the audit share. */
#ifndef TENON_CORE_AUDIT_CHAIN_H
#define TENON_CORE_AUDIT_CHAIN_H

#include "core/audit.h"

/** Columns of a row, as tni_audit_rows gives them. */
enum {
    AUDIT_CHAIN,
    AUDIT_NUMBER,
    AUDIT_AT,
    AUDIT_TXN,
    AUDIT_ACTOR,
    AUDIT_ACTION,
    AUDIT_OBJECT,
    AUDIT_DETAILS,
    AUDIT_HASH,
    AUDIT_COLUMNS
};

/** Columns of a chain, as tni_audit_chains gives them. */
enum { CHAIN_ID, CHAIN_LENGTH, CHAIN_HEAD, CHAIN_SEAL, CHAIN_KEYED, CHAIN_COLUMNS };

extern const tenon_query tni_audit_rows;   /**< All rows, by chain and number. */
extern const tenon_query tni_audit_chains; /**< All chains. */

/** Hash of a row that follows one with the hash `before` (zeros for the first). */
void tni_audit_hash_row(const tni_audit *audit, bool keyed, const uint8_t *before,
                        const tenon_value *row, uint8_t *out);

/** Hash of how far a chain is. */
void tni_audit_hash_chain(const tni_audit *audit, bool keyed, const tenon_uuid *chain,
                          int64_t length, const uint8_t *head, uint8_t *out);

#endif
