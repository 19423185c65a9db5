/**
 * @file history.h A record of transactions: what each one read and wrote, when, and what became of
 * it.
 *
 * Two kinds of data. Lists: append(key, element) and read(key) give the order of all versions of a
 * key away, since a list holds what was appended before; each element is appended to its key once.
 * A bank: transfers between accounts, whose total stays what it was.
 *
 * Threads: a history belongs to one thread at a time. Threads record into one of their own each,
 * and history_join puts them together.
 */
#ifndef TENON_CHECK_HISTORY_H
#define TENON_CHECK_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** What became of a transaction. */
typedef enum history_outcome {
    HISTORY_OK = 0,     /**< Committed. */
    HISTORY_FAILED = 1, /**< Nothing of it has happened. */
    HISTORY_UNKNOWN = 2 /**< Committed or not: if others see what it wrote, it was. */
} history_outcome;

typedef enum history_kind {
    HISTORY_APPEND,
    HISTORY_READ,
    HISTORY_SCAN, /**< Read all keys of a range. The keys found follow as `count` HISTORY_READs. */
    HISTORY_TRANSFER,
    HISTORY_BALANCES /**< Read all accounts. */
} history_kind;

/** What a transaction did, in its order. */
typedef struct history_op {
    history_kind kind;
    uint32_t count; /**< READ, BALANCES: values; SCAN: reads that follow. */
    int64_t key;    /**< APPEND, READ; SCAN: the lowest; TRANSFER: the account that pays. */
    int64_t to;     /**< SCAN: the highest key; TRANSFER: the account that is paid. */
    int64_t value;  /**< APPEND: the element; TRANSFER: the amount. */
    size_t first;   /**< READ, BALANCES: in history.values. */
} history_op;

typedef struct history_txn {
    uint32_t process; /**< Who ran it, one transaction after the other: a thread, a session. */
    uint32_t line;    /**< In the file that it was read from; 0 = none. */
    history_outcome outcome;
    int64_t begin_ns; /**< Not after its begin. Any clock, the same for all processes. */
    int64_t end_ns;   /**< Not before its end; INT64_MAX where its outcome is unknown. */
    size_t first_op;  /**< In history.ops. */
    uint32_t op_count;
} history_txn;

/** Most elements that a transaction may append. */
#define HISTORY_MAX_APPENDS 4096

typedef struct history {
    history_txn *txns;
    history_op *ops;
    int64_t *values;
    size_t txn_count, op_count, value_count;
    size_t txn_room, op_room, value_room;
    size_t last_scan;   /**< In `ops`: where history_found counts. */
    bool out_of_memory; /**< Something is missing: sticks, and history_check says so. */

    /* The bank: account 2n and 2n + 1 are one customer's, who may not owe more than he has. */
    uint32_t account_count; /**< 0 = there is none. */
    int64_t opening;        /**< In each account at first. */

    char level[24]; /**< What was asked for, as the file says; "" = nothing. */
    uint64_t seed;  /**< Of the workload, for the reader. */
} history;

/** @return owned by the caller until history_free; NULL where there is no memory */
history *history_new(void);
/** NULL is accepted. */
void history_free(history *h);

/* ---- Recording: nothing is formatted or locked. Values are copied. ---- */

void history_begin(history *h, uint32_t process, int64_t begin_ns);
void history_append(history *h, int64_t key, int64_t element);
void history_read(history *h, int64_t key, const int64_t *list, uint32_t count);
/** Read a range; what is found follows, each key with history_found. */
void history_scan(history *h, int64_t lowest, int64_t highest);
void history_found(history *h, int64_t key, const int64_t *list, uint32_t count);
void history_transfer(history *h, uint32_t from, uint32_t to, int64_t amount);
void history_balances(history *h, const int64_t *balances, uint32_t count);
/** End the transaction that was begun last. @param[in] end_ns not used where it is unknown */
void history_end(history *h, history_outcome outcome, int64_t end_ns);

/** Add what `from` holds. It stays the caller's. */
void history_join(history *h, const history *from);
/** Put the transactions into the order in which they began. */
void history_sort(history *h);

/* ---- Files: JSON Lines ---- */

/** Room for what the functions below say. */
#define HISTORY_MESSAGE_BYTES 256

/**
 * Read a file: a line that says what it is, then a line for each transaction.
 *
 *     {"tenon_history": 1}
 *     {"process": 0, "begin": 10, "end": 20, "outcome": "ok",
 *      "ops": [["append", 1, 5], ["read", 1, [5]], ["scan", 0, 9, [[1, [5]]]]]}
 *
 * The first line may hold "level", "seed", and for a bank "accounts" and "opening"; then "ops" may
 * be
 * ["transfer", from, to, amount] and ["balances", [n, ...]]. An unknown outcome needs no "end".
 *
 * @param[out] message what is wrong, with the line; for a false result
 * @return whether all was understood; else `h` holds a part of it
 */
bool history_load(FILE *in, history *h, char message[HISTORY_MESSAGE_BYTES]);

/** Write what history_load reads. @return false: `out` failed, or there is no memory */
bool history_save(const history *h, FILE *out);

/** The name of an outcome in files: "ok". Static. */
const char *history_outcome_name(history_outcome outcome);

#endif
