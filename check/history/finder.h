/** @file finder.h Putting down what is found. For the checker's own files. */
#ifndef TENON_CHECK_HISTORY_FINDER_H
#define TENON_CHECK_HISTORY_FINDER_H

#include "check/history/index.h"

/** Of a long cycle so many transactions are shown, and so many edges. */
#define FINDER_LINES 16u

/** What the parts of the checker share. */
typedef struct finder {
    const history_index *x;
    history_report *report;
    bool *seen; /**< By operation: an APPEND whose element a committed transaction has read. */
    bool *lost; /**< By operation: an APPEND of a lost update. */
    size_t text_bytes; /**< Of the text that is being written. */
    bool out_of_memory;
} finder;

/**
 * Count an anomaly. Where it is the first of its kind, or shorter than the one that is kept, begin
 * its text with a line for each of its transactions.
 *
 * @return where to write its edges, for finder_end; NULL: it is not kept
 */
FILE *finder_begin(finder *f, history_anomaly anomaly, const size_t *txns, size_t txn_count);
/** Keep the text. @param[in] out of finder_begin; may be NULL */
void finder_end(finder *f, history_anomaly anomaly, FILE *out);

/** A list, its beginning cut where it is long: "[... 7 8 9]". */
void finder_list(const finder *f, FILE *out, size_t op);

/** Look at each list and each version by itself: all that needs no cycle. */
void direct_find(finder *f);
/** The same for accounts. */
void bank_find(finder *f);

#endif
