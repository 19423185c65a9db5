/**
 * @file ledger.h What the tests of faults write and how they tell whether it is all there: an entry
 * with an id of its own, and a counter that grows with it, in one transaction.
 */
#ifndef TENON_TESTS_POSTGRES_LEDGER_H
#define TENON_TESTS_POSTGRES_LEDGER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <tenon/stats.h>
#include <tenon/tenon.h>

#include "proxy.h"
#include "server.h"

extern const tenon_schema ledger_schema;

/** How an entry is written. */
enum {
    LEDGER_AT_ONCE = 0, /**< In one round trip. */
    LEDGER_STEPS = 1    /**< Each statement is waited for. */
};

/** An entry to write. */
typedef struct ledger_entry {
    tenon_uuid id;
    int64_t counter; /**< Which counter grows. */
    int how;
} ledger_entry;

/** The body of a transaction that writes a ledger_entry. */
tenon_status ledger_write(tenon_txn *txn, void *entry, tenon_error *err);

/** Write by hand, without retries. */
tenon_status ledger_write_once(tenon_db *db, const ledger_entry *entry, uint32_t timeout_ms,
                               tenon_error *err);

/** Open; fails the test where that fails. */
tenon_db *ledger_open(const char *url, uint32_t connections);

/** How many entries have this id: 0 or 1. */
int ledger_count(tenon_db *db, const tenon_uuid *id);

/** Whether every counter is the number of its entries. */
void ledger_check(tenon_db *db);

/** Milliseconds of a clock that only goes forward. */
uint64_t ledger_now_ms(void);

/** Threads that write without pause, and remember what they were told. */
typedef struct ledger_load ledger_load;
ledger_load *ledger_load_start(tenon_db *db, int threads, uint32_t timeout_ms);
/** Entries that were acknowledged so far. */
uint64_t ledger_load_acknowledged(const ledger_load *load);
/** Stop, and see on `db` that every acknowledged entry is there once, that none is that was
 * refused, and that no call was late. @return how many gave up before their deadline, with an
 * unknown outcome: only who has asked until then may say that he doesn't know */
uint64_t ledger_load_stop(ledger_load *load, tenon_db *db);

#endif
