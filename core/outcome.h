/**
 * @file outcome.h Idempotency keys: a row written in the transaction itself, which says afterwards
 * whether it was committed, to whoever asks.
 */
#ifndef TENON_CORE_OUTCOME_H
#define TENON_CORE_OUTCOME_H

#include <stdatomic.h>

#include "core/env.h"
#include "tenon/txn.h"

/** What a database knows of its keys. */
typedef struct tni_outcomes {
    atomic_bool ready;  /* the table is there */
    atomic_uint marked; /* transactions with a key */
    uint64_t keep_ms;   /* age at which a key is forgotten */
} tni_outcomes;

/** See that there is a table for keys, before the first transaction with one begins. */
tenon_status tni_outcome_prepare(tenon_db *db, const char *key, tenon_error *err);

/** Write the key into a transaction that has just begun. @retval TENON_OK, TENON_DONE_BEFORE, and
 * as tenon_exec */
tenon_status tni_outcome_mark(tenon_txn *txn, const char *key, tenon_error *err);

/**
 * Find out what became of the transaction with a key. Nobody can be about to commit it any more
 * when the answer is no.
 *
 * @param[in] admitted the caller has been admitted already, and stays so
 * @retval TENON_OK: `*committed` is the answer; else it is still not known
 */
tenon_status tni_outcome_resolve(tenon_db *db, const char *key, uint64_t deadline_ns, bool admitted,
                                 bool *committed, tenon_error *err);

#endif
