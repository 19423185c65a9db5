/** @file transfer.h The tables of transfers, and what must be in them. */
#ifndef BENCH_ENGINES_TRANSFER_H
#define BENCH_ENGINES_TRANSFER_H

#include "target.h"

/** Columns of accounts, tellers and branches. */
enum { TRANSFER_ID, TRANSFER_BRANCH, TRANSFER_BALANCE, TRANSFER_FILLER, TRANSFER_COLUMNS };

enum {
    HISTORY_ID,
    HISTORY_ACCOUNT,
    HISTORY_TELLER,
    HISTORY_BRANCH,
    HISTORY_AMOUNT,
    HISTORY_COLUMNS
};

enum {
    TRANSFER_ACCOUNT_BYTES = 3 * 8 + 84,
    TRANSFER_WRITTEN_BYTES = 3 * 8 + 5 * 8 /**< Three balances, a row of history. */
};

extern const tenon_table transfer_accounts, transfer_tellers, transfer_branches, transfer_history;

/** One worker's memory. */
typedef struct transfer_worker {
    int64_t account, teller, branch, amount, id; /**< Of the operation that runs. */
    bool wrong;
    int64_t serial;
    int64_t sum;            /**< Of amounts that were acknowledged, */
    uint64_t done, unknown; /**< and how many, and how many may have happened. */
} transfer_worker;

/* transfer_check.c */
bool transfer_check(target *t, scenario_check *out);

#endif
