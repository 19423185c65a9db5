/** @file replay.h A replay: what it was asked, what it has counted. */
#ifndef TENON_TOOLS_REPLAY_H
#define TENON_TOOLS_REPLAY_H

#include <pthread.h>
#include <stdio.h>

#include "apply.h"
#include "digest.h"
#include "histogram.h"

/** Statuses that events are refused with: their numbers are below this. */
#define REPLAY_STATUSES 8

/** What one worker has counted. */
typedef struct replay_totals {
    uint64_t applied_count;
    uint64_t refused_counts[REPLAY_STATUSES];
    uint64_t commit_count;
    histogram latency_ns;
} replay_totals;

/** Why it ended. */
typedef enum replay_end {
    REPLAY_ALL,         /**< The trace, or the limit. */
    REPLAY_INTERRUPTED, /**< A signal. */
    REPLAY_BAD_TRACE,   /**< A line that is none, told on stderr. */
    REPLAY_ENGINE       /**< A failure of the engine: `failed`. */
} replay_end;

/** A replay. */
typedef struct replay {
    const char *trace_path;
    uint64_t thread_count, limit, skip;
    bool quiet, verify;
    tenon_db *db;
    trace *trace;
    replay_totals *totals; /**< Of each worker; merged into the first at the end. */
    uint64_t taken_count;  /**< Events read and given to a worker. */
    uint64_t last_line;    /**< Of the last of them. */
    uint64_t start_ns, end_ns;
    replay_end end;
    pthread_mutex_t lock; /**< Of what follows. */
    uint64_t failed_line; /**< The first line with a failure of the engine; 0 = none. */
    apply_result failed;
} replay;

/** CLOCK_MONOTONIC in nanoseconds. */
uint64_t replay_now_ns(void);

/** Show on a terminal how far it is, now and then; `replay_progress_end` takes it away. */
void replay_progress(const replay *r);
void replay_progress_end(const replay *r);

/** Print the summary. `d` may be NULL: there is no digest. @return TOOL_GO_ON or TOOL_FAILED */
int replay_print(const replay *r, const digest *d);

/** The same as JSON; `place` is what `out` is called. @return TOOL_GO_ON or TOOL_FAILED */
int replay_print_json(const replay *r, const digest *d, FILE *out, const char *place);

#endif
