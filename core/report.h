/** @file report.h Reports of transactions that took long. */
#ifndef TENON_CORE_REPORT_H
#define TENON_CORE_REPORT_H

#include "tenon/stats.h"

/** A report in the making. Filled only where the database asks for reports and it took long. */
typedef struct tni_report {
    uint64_t ended_ns;
    bool wanted;
    tenon_slow slow;
} tni_report;

/** The work of a transaction is done, its end is about to begin, or has: gather what it did, as
 * long as the connection is its own. */
void tni_report_begin(tni_report *report, tenon_txn *txn, tenon_status status, uint64_t ended_ns,
                      uint64_t now_ns);

/** Gather all the same, since nobody knows yet how long it will take in all. */
void tni_report_keep(tni_report *report, tenon_txn *txn, uint64_t ended_ns);

/** Now that is known. */
void tni_report_settle(tni_report *report, const tenon_db *db, tenon_status status,
                       uint64_t now_ns);

/** It is over and holds nothing any more: tell the application, if it took long. */
void tni_report_end(tni_report *report, tenon_db *db, uint64_t now_ns);

#endif
