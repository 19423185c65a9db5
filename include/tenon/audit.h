/**
 * @file audit.h Who did what, written in the same transaction: it can neither be lost nor stay
 * behind when the transaction is rolled back. Rows are chained by hashes, so that one that is
 * changed or taken away later is found (tenon_db_verify, `tenon verify`).
 *
 * Where a database is opened with tenon_open_options.audit, each write transaction that changes
 * something and commits leaves a row, with the actor and the details of its options. tenon_audit
 * writes more of them, in databases without that option too.
 *
 * Chains. On an engine with one writer at a time there is one chain. On others each connection has
 * a chain of its own, so that no writer waits for another one's row. A hash without a key finds
 * what was changed by accident or by hand; it does not stop somebody who computes all later hashes
 * anew. With tenon_open_options.audit_key nobody can who does not know the key. What no chain can
 * show is that its end, or all of it, was put back to an older state: for that, keep what
 * tenon_db_audit_chains says somewhere else.
 */
#ifndef TENON_AUDIT_H
#define TENON_AUDIT_H

#include "tenon/txn.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Longest texts, in bytes. */
enum { TENON_MAX_ACTOR_BYTES = 200, TENON_MAX_OBJECT_BYTES = 200, TENON_MAX_DETAILS_BYTES = 4000 };

/** Bytes of a hash. */
#define TENON_AUDIT_HASH_BYTES 32

/** One row. Texts are UTF-8; NULL: nothing to say. */
typedef struct tenon_audit_entry {
    uint32_t size; /**< sizeof(tenon_audit_entry). */
    uint32_t reserved;
    const char *actor;   /**< Who; NULL = that of the transaction's options. */
    const char *action;  /**< What; NULL = the name of the transaction. */
    const char *object;  /**< On what. */
    const char *details; /**< NULL = those of the transaction's options. */
} tenon_audit_entry;

/**
 * Write a row into a write transaction; it then gets none of its own at commit.
 *
 * @param[in] entry borrowed for the call
 * @retval TENON_OK, TENON_INVALID (a text that is too long or no UTF-8), TENON_READ_ONLY, and as
 *         tenon_exec
 */
TENON_API tenon_status tenon_audit(tenon_txn *txn, const tenon_audit_entry *entry,
                                   tenon_error *err);

/** A row that is read. Pointers are borrowed for the call. */
typedef struct tenon_audit_row {
    tenon_uuid chain;
    uint64_t number;                               /**< In its chain, from 1 on. */
    int64_t at_us;                                 /**< When: microseconds since the epoch. */
    tenon_uuid txn;                                /**< The transaction that wrote it. */
    const char *actor, *action, *object, *details; /**< Empty: nothing. */
} tenon_audit_row;

typedef void (*tenon_audit_fn)(void *arg, const tenon_audit_row *row);

/** Tell `fn` of all rows, chain by chain, oldest first. @retval as tenon_run */
TENON_API tenon_status tenon_db_audit(tenon_db *db, tenon_audit_fn fn, void *arg, tenon_error *err);

/** How far a chain is. */
typedef struct tenon_audit_chain {
    tenon_uuid chain;
    uint64_t length;
    uint8_t head[TENON_AUDIT_HASH_BYTES]; /**< Hash of its last row. */
} tenon_audit_chain;

typedef void (*tenon_audit_chain_fn)(void *arg, const tenon_audit_chain *chain);

/** Tell `fn` of each chain. @retval as tenon_run */
TENON_API tenon_status tenon_db_audit_chains(tenon_db *db, tenon_audit_chain_fn fn, void *arg,
                                             tenon_error *err);

#ifdef __cplusplus
}
#endif
#endif
