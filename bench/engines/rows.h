/**
 * @file rows.h The table of rows, and what must be in it.
 *
 * A row's value is a function of its record and of a number that is stored beside it, and its
 * version counts its updates. So whoever reads a row knows whether its bytes are those that were
 * written, and whether it is older than what was acknowledged before; in the end each row's version
 * must be the number of updates that were acknowledged, lost ones and doubled ones included.
 */
#ifndef BENCH_ENGINES_ROWS_H
#define BENCH_ENGINES_ROWS_H

#include "target.h"

enum { ROWS_KEY, ROWS_VERSION, ROWS_NONCE, ROWS_VALUE, ROWS_COLUMNS };

/** What is known of a record: 0 = it is not there, n + 1 = it is, with n updates. */
#define ROWS_GONE UINT32_MAX         /* removed, or about to be */
#define ROWS_UNSURE (UINT32_MAX - 1) /* a commit's outcome is unknown */

enum { ROWS_HEADROOM = 1 << 25 }; /* records that can be inserted; memory is taken when used */

/** What must be in the table. */
typedef struct rows_model {
    const workload *workload;
    atomic_uint_fast64_t head,
        tail; /**< Records from head to tail - 1 were inserted, or are being. */
    uint64_t capacity;
    bool is_shared; /**< Not to be freed. */
    _Atomic uint32_t *states;
} rows_model;

/** One worker's memory. A body touches this only, for it may run elsewhere and more than once. */
typedef struct rows_worker {
    const rows_model *model;
    draw_stream *stream;
    uint64_t records[WORKLOAD_MOST_BATCH];
    uint64_t nonces[WORKLOAD_MOST_BATCH];
    uint32_t least[WORKLOAD_MOST_BATCH]; /**< Versions acknowledged before it began. */
    uint32_t count;                      /**< Rows of this operation. */
    uint64_t read_rows, affected;
    bool missed, wrong, abort;
    uint8_t key[WORKLOAD_MOST_KEY_BYTES];
    uint8_t *value;             /**< WORKLOAD_MOST_VALUE_BYTES at most, in whole words. */
    struct rows_sample *sample; /**< NULL where there is a database. */
} rows_worker;

/** The key of the row before, in a scan. */
typedef struct rows_last {
    uint8_t key[WORKLOAD_MOST_KEY_BYTES];
    uint32_t bytes;
} rows_last;

extern const tenon_table rows_table;
extern const tenon_query rows_insert, rows_all;

/** The key of a record. @return its bytes */
uint32_t rows_key(const rows_model *m, uint64_t record, uint8_t out[WORKLOAD_MOST_KEY_BYTES]);

/** The record of a key, which may be none of ours. */
uint64_t rows_record(const rows_model *m, const uint8_t *key);

/** What a value's bytes, and how many they are, come from. */
uint64_t rows_seed(uint64_t record, uint64_t nonce);
uint32_t rows_value_bytes(const rows_model *m, uint64_t seed);

/** The value of a record with that nonce. @return its bytes */
uint32_t rows_value(const rows_model *m, uint64_t record, uint64_t nonce, uint8_t *out);

/** Whether a row, as read, is one that was written for `record`, with at least that version. */
bool rows_is_right(const rows_model *m, const tenon_value *row, uint64_t record, uint32_t least);

/** Look at a row of a scan; sets the worker's `wrong` where it isn't what was written, or comes
 * before the one before. */
void rows_look_in_order(rows_worker *r, const tenon_value *row, rows_last *last);

/* rows_generator.c */

/** What an operation does of itself, without an engine: keys and values of `made` rows, then a look
 * at `read` ones, `in_order` or one by one. */
void rows_generate(rows_worker *r, uint32_t made, uint32_t read, bool in_order);
bool rows_sample_make(rows_worker *r, const target *t); /**< @return false: no memory */
void rows_sample_free(rows_worker *r);

/** Insert the worker's `records`. */
tenon_status rows_insert_body(tenon_txn *txn, void *arg, tenon_error *err);

/** Draw new records with their nonces. @return false: there is no headroom left */
bool rows_take_new(rows_worker *r, rows_model *m, uint32_t count);

/** They are there now. @return bytes of their keys and values */
uint64_t rows_note_new(const rows_worker *r, rows_model *m);

/** What a crash has left. */
typedef struct rows_loss {
    uint64_t acknowledged; /**< Inserts and updates. */
    uint64_t lost;         /**< Of these: not there. */
    uint64_t damaged;      /**< Rows that hold what nobody has written. */
} rows_loss;

/** Bytes of a model of so many records. */
size_t rows_model_bytes(uint64_t capacity);

/* rows_loss.c */

/** Look at every row of a database that nobody works on any more. Commits that were under way when
 * it ended may be there or not. @return false: it can't be read, see `t->why` */
bool rows_find_losses(target *t, rows_loss *out);

/* rows_check.c */
bool rows_prepare(target *t);
bool rows_fill(target *t);
bool rows_check(target *t, scenario_check *out);
void rows_release(target *t);

#endif
