/** @file apply.h An event as operations of the chat server. */
#ifndef TENON_TOOLS_APPLY_H
#define TENON_TOOLS_APPLY_H

#include "event.h"
#include "tenon/txn.h"

/** What came of an event. */
typedef struct apply_result {
    tenon_status status;
    uint32_t commit_count; /**< Transactions that were acknowledged. */
    tenon_error err;       /**< Where `status` is not TENON_OK. */
} apply_result;

/**
 * Apply an event. All that it writes depends on its line's number and its fields only. Any thread.
 * Blocks.
 */
void apply_event(tenon_db *db, const event *e, apply_result *out);

/** Whether the status is one that a rule of the chat server gives: the event is refused, and the
 * replay goes on. */
bool apply_is_refusal(tenon_status status);

#endif
