/**
 * @file checkpoint.h What moves the log into the file, off the callers' path.
 *
 * SQLite's own way is that the commit which finds the log long moves it, and waits for two flushes.
 * Here a thread with a connection of its own does that, beside readers and writers. It is started
 * when the log is long for the first time. Since SQLite begins the log anew only when a writer
 * finds all of it moved, writers of this process are now and then kept out for the last few pages.
 */
#ifndef TENON_SQLITE_CHECKPOINT_H
#define TENON_SQLITE_CHECKPOINT_H

#include <stdatomic.h>

#include "engine.h"

/** Pages by which the log grows between two checkpoints. */
#define SQLITE_LOG_STEP 4000
/** Pages in the log from which on it is begun anew. */
#define SQLITE_LOG_MOST 8000
/** Pages from which on writers wait for a checkpoint that is under way. */
#define SQLITE_LOG_LIMIT 16000

typedef struct sqlite_log {
    tenon_drv_db *db;   /**< Borrowed, for connections. NULL: SQLite itself looks after the log. */
    tenon_turn *turn;   /**< Among processes. */
    tenon_gate gate;    /**< Writers are inside. */
    tenon_gate moving;  /**< Closed while a checkpoint runs beside them. */
    atomic_bool held;   /**< The last one could not move what was there: not worth a wait. */
    atomic_int frames;  /**< Pages in the log after the last commit of this process. */
    atomic_int moved;   /**< Of them, those that the next checkpoint need not look at. */
    atomic_bool called; /**< The thread has work. */
    pthread_mutex_t lock;   /**< Guards all below. */
    pthread_cond_t changed; /**< `stopping` or `called` has been set. */
    pthread_t thread;
    bool started, stopping;
    bool has_failed, has_warned; /**< Logged once. */
    sqlite3 *raw;                /**< Of the thread, to be interrupted. */
} sqlite_log;

/** Prepare. @param[in] db NULL: SQLite looks after the log; all calls do nothing then */
void sqlite_log_init(sqlite_log *log, tenon_drv_db *db, tenon_turn *turn);

/** Stop the thread, and wait for it. Other connections are closed, but for the probe. */
void sqlite_log_fini(sqlite_log *log);

/** Count the pages that a connection writes into the log. */
void sqlite_log_watch(sqlite_log *log, sqlite3 *raw);

/** Before a write transaction, and after it. @return false: the deadline has passed */
bool sqlite_log_enter(sqlite_log *log, uint64_t deadline_ns);
void sqlite_log_leave(sqlite_log *log);

#endif
