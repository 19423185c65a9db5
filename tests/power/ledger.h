/**
 * @file ledger.h What is written: for each operation an entry with an id of its own, the count of
 * its writer, the count of all, and with every other one a mark that refers to the entry.
 */
#ifndef TENON_TESTS_POWER_LEDGER_H
#define TENON_TESTS_POWER_LEDGER_H

#include "page.h"
#include "tenon/tenon.h"

/** One call of a writer. */
typedef struct ledger_call {
    power_page *page;
    int64_t writer, serial;
    uint32_t kind;
    uint32_t half; /**< 0 = all of it; 1, 2 = the entry only, the counts only. */
    tenon_uuid id; /**< Of the entry; made by the body. */
} ledger_call;

/** Open the database at `url`, making it where it is not there. */
tenon_status ledger_open(const char *url, tenon_db **out, tenon_error *err);

/** The body of a transaction that writes a ledger_call. */
tenon_status ledger_write(tenon_txn *txn, void *call, tenon_error *err);

/** What one look at a writer found. */
typedef struct ledger_look {
    int64_t writer;
    uint64_t count;               /**< Out: operations that are there. */
    char wrong[POWER_TEXT_BYTES]; /**< Out: what does not belong together; empty = all is well. */
} ledger_look;

/** The body of a reading transaction that looks whether the newest operation of a writer is there
 * as a whole. */
tenon_status ledger_peek(tenon_txn *txn, void *look, tenon_error *err);

/** Compare all that is there with what the page says, and fill its verdict. */
tenon_status ledger_check(tenon_db *db, power_page *page, tenon_error *err);

#endif
