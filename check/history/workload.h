/**
 * @file workload.h Transactions of many threads on few rows, through Tenon's API, and their
 * history.
 *
 * Lists: a row for each key, its elements in a BLOB, which an append reads and writes anew. Keys
 * are left for new ones when their lists are long. The bank: a transfer reads both accounts of who
 * pays, and writes one of them and one of another customer; each balance is written as a whole.
 * Both lose updates where the engine lets them.
 */
#ifndef TENON_CHECK_HISTORY_WORKLOAD_H
#define TENON_CHECK_HISTORY_WORKLOAD_H

#include "check/history/history.h"
#include "tenon/tenon.h"

/** What is done, as bits. */
enum { WORKLOAD_LISTS = 1, WORKLOAD_BANK = 2 };

/** A workload. Zero in a field from `threads` on means its default. */
typedef struct workload {
    tenon_db *db; /**< Opened with workload_schema; its tables are emptied. Borrowed. */
    uint32_t kinds;
    uint32_t isolation;    /**< A TENON_ level. */
    uint32_t threads;      /**< Default 8. */
    uint32_t keys;         /**< Lists in use at once. Default 4. */
    uint32_t accounts;     /**< An even number. Default 8. */
    uint32_t transactions; /**< By each thread, at most. Default: as many as the time allows. */
    uint32_t time_ms;      /**< Default 1,000. */
    uint64_t seed;         /**< Of what each thread does; not of the order between them. */
} workload;

/** The tables. */
extern const tenon_schema workload_schema;

/**
 * Run it, and record what was read and written, by whom and when; retries of tenon_run as
 * transactions of their own, which have failed. Most transactions run by tenon_run, some by
 * tenon_begin and tenon_commit; some are read-only. In the end one reads all. Blocks.
 *
 * @param[out] h   empty before; process n is thread n, the one that reads all comes after them
 * @param[out] err may be NULL
 * @retval TENON_OK; else the failure because of which a thread gave up, after several in a row
 */
tenon_status workload_run(const workload *w, history *h, tenon_error *err);

#endif
