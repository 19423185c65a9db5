/**
 * @file group.h Group commit, for engines with one writer. While somebody writes, the bodies of
 * tenon_run that come in wait in the writers' queue; then one thread, the grouper, runs them back
 * to back in one transaction of the engine, each inside a savepoint, commits once, and answers all
 * of them. A group is what has queued up meanwhile: nobody is waited for. Who finds no writer runs
 * alone, on his own thread.
 *
 * Nobody is answered before the commit: a member sees what the ones before it have written, so that
 * what it returns holds only if they are committed. Where the commit fails, or a member takes the
 * engine's transaction with it, all of them are run again: in halves, or without the culprit, who
 * then runs alone.
 */
#ifndef TENON_CORE_GROUP_H
#define TENON_CORE_GROUP_H

#include "core/env.h"
#include "core/histogram.h"
#include "core/txn_state.h"

/** The grouper of a database. All zero: there is none. */
typedef struct tni_grouper {
    tni_mutex lock; /* around its start */
    tni_thread thread;
    atomic_bool started;
    bool wanted; /* the engine can, and nobody has said no */
    atomic_uint_fast64_t reruns;
    tni_histogram sizes; /* members of each group that was committed */
} tni_grouper;

void tni_grouper_init(tni_grouper *grouper);

/** End its thread. Nobody waits for it. */
void tni_grouper_stop(tenon_db *db);
void tni_grouper_fini(tni_grouper *grouper);

/** Whether a call is to join a group. */
bool tni_group_takes(tenon_db *db, const tni_txn_how *how);

/** Run one attempt as a member of a group. Waits. @retval as tenon_run without retries */
tenon_status tni_group_join(tenon_db *db, tni_txn_how *how, uint32_t attempt, tenon_txn_fn fn,
                            void *arg, tni_attempt *a);

#endif
