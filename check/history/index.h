/** @file index.h A history by keys: who wrote each element, and in which order. For the checker's
 * own files. */
#ifndef TENON_CHECK_HISTORY_INDEX_H
#define TENON_CHECK_HISTORY_INDEX_H

#include "check/history/check.h"

/** No operation, transaction or key. */
#define INDEX_NONE SIZE_MAX

/** Numbers of operations, bucketed by key: those of key k are at list[first[k]] … list[first[k + 1]
 * - 1], in the order of the history. */
typedef struct index_buckets {
    size_t *first;
    size_t *list;
} index_buckets;

/** A history by keys. Keys are numbered in their order. */
typedef struct history_index {
    const history *h;
    int64_t *keys;
    size_t key_count;
    size_t *op_txn; /**< By operation: its transaction. */
    size_t
        *op_key; /**< By operation: its key's number; INDEX_NONE for what is no READ or APPEND. */
    bool *committed; /**< By transaction: it has happened, by its outcome or by being seen. */
    bool *writes;    /**< By transaction: it appends. */
    size_t *slots;   /**< Hash table of APPENDs by key and element. */
    size_t slot_mask;
    index_buckets reads;   /**< By committed transactions. */
    index_buckets appends; /**< By committed transactions. */
    size_t *trunk;         /**< By key: the READ with the longest list; INDEX_NONE: never read. */
    bool *plain; /**< By key: no committed transaction reads it before it appends to it. */
} history_index;

/** @return false: see `message`; index_fini must follow all the same */
bool index_init(history_index *x, const history *h, char message[HISTORY_MESSAGE_BYTES]);
void index_fini(history_index *x);

/** The APPEND of an element to the key with that number; INDEX_NONE: nobody's. */
size_t index_appender(const history_index *x, size_t key, int64_t element);
/** The number of the lowest key that is not below `key`; key_count: there is none. */
size_t index_key_from(const history_index *x, int64_t key);
/** The list that a READ found. */
const int64_t *index_list(const history_index *x, size_t op);
/** Whether the transaction has appended to the READ's or APPEND's key before it. */
bool index_own_before(const history_index *x, size_t op);
/** The last APPEND to the APPEND's key before it in its transaction; INDEX_NONE: it is the first.
 */
size_t index_append_before(const history_index *x, size_t op);
/** The last READ of the APPEND's key before it in its transaction, if no other APPEND to that key
 * comes before it; else INDEX_NONE. */
size_t index_read_before(const history_index *x, size_t op);
/** How many elements of the key's longest list the READ has, if its list is a part of it; else
 * INDEX_NONE. */
size_t index_version(const history_index *x, size_t read);

#endif
