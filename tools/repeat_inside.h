/** @file repeat_inside.h What the parts of a repetition share. */
#ifndef TENON_TOOLS_REPEAT_INSIDE_H
#define TENON_TOOLS_REPEAT_INSIDE_H

#include "recorded.h"
#include "repeat.h"
#include "trace.h"

/** A table of the trace. */
typedef struct repeat_table {
    const json_t *is; /**< Kept by `recorded`. */
    const tenon_table *table;
} repeat_table;

/** A connection of the trace. */
typedef struct repeat_conn {
    const recorded_query **plans; /**< By their numbers; NULL: the core's own. */
    size_t plan_room;
    json_t *lines; /**< Of its transaction; NULL: it has none. */
    uint64_t begun_ns;
    bool read_only;
    uint32_t isolation;
    bool committed;    /**< How it has ended, */
    uint64_t ended_ns; /**< when, 0 = unknown, */
    uint64_t end_line; /**< and which line says so. */
} repeat_conn;

/** A repetition. */
typedef struct repeat {
    const repeat_options *options; /**< Of who prints what came of it. */
    const char *path;
    int stop_fd; /**< As of trace_open. */
    trace *trace;
    tenon_db *db;
    recorded recorded;
    json_t *queries; /**< What was compiled: text of its definition -> number in `compiled`. */
    const recorded_query **compiled;
    size_t compiled_count, compiled_room;
    const tenon_table *tables[TENON_MAX_TABLES];
    const json_t *definitions[TENON_MAX_TABLES];
    uint32_t table_count;
    repeat_conn *conns; /**< By their numbers. */
    size_t conn_room;
    repeat_conn *ready; /**< Whose transaction is next to be repeated; NULL: the trace has ended. */
    uint64_t wall_us;   /**< Of the first opening; 0 = unknown. */
    uint64_t opened_ns; /**< When the present opening was, since the first one; */
    uint64_t latest_ns; /**< the latest end of a transaction, by the same clock. */
    uint64_t committed_ns; /**< End of the last commit, by the clock of the recording. */
    uint64_t commit_count, rollback_count, statement_count, row_count, left_out_count;
    uint64_t compared_count, difference_count;
    uint64_t start_ns, end_ns;
} repeat;

/** First: see whether it can be repeated, and with which tables. @return TOOL_GO_ON or the exit
 * status */
int repeat_learn(repeat *r);

/** The same from one that has learned it, and outlives it. */
int repeat_borrow(repeat *r, const repeat *learned);

/** Then, again and again: read on until a transaction can be repeated: `r->ready`. @return
 * TOOL_GO_ON or the exit status */
int repeat_advance(repeat *r);

/** When that one has begun, in nanoseconds since the first opening. */
uint64_t repeat_due_ns(const repeat *r);

/** Repeat it, or leave it out. @return TOOL_GO_ON or the exit status */
int repeat_do(repeat *r);
void repeat_skip(repeat *r);

/** Free all but the database. */
void repeat_fini(repeat *r);

/** Read a number of a line; UINT64_MAX: it is none. */
uint64_t repeat_number(const json_t *line, const char *key);

/** Repeat a transaction: its lines, and how it has ended. @return TOOL_GO_ON or the exit status */
int repeat_transaction(repeat *r, repeat_conn *c, bool committed, uint64_t end_line);

#endif
