/** @file ledger_tables.h The tables of the ledger, for ledger.c and check.c. */
#ifndef TENON_TESTS_POWER_LEDGER_TABLES_H
#define TENON_TESTS_POWER_LEDGER_TABLES_H

#include "tenon/tenon.h"

enum {
    ENTRY_ID,
    ENTRY_WRITER,
    ENTRY_SERIAL,
    ENTRY_TURN, /**< Which operation of all it is. */
    ENTRY_KEPT, /**< False: written by a call that must leave nothing. */
    ENTRY_BODY,
    ENTRY_COLUMNS
};
/** How many operations a writer has done; writer 0: all of them together. */
enum { TOTAL_WRITER, TOTAL_N, TOTAL_LAST, TOTAL_COLUMNS };
enum { MARK_WRITER, MARK_SERIAL, MARK_ENTRY, MARK_COLUMNS };

extern const tenon_table entry_table, total_table, mark_table;

/** Room for the longest body. */
enum { LEDGER_BODY_BYTES = 9000 };

/** The body that the entry with this serial has. @return its length */
uint32_t ledger_body(int64_t writer, int64_t serial, unsigned char out[LEDGER_BODY_BYTES]);

#endif
