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
} repeat_conn;

/** A repetition. */
typedef struct repeat {
    const repeat_options *options;
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
    uint64_t committed_ns; /**< End of the last commit, by the clock of the recording. */
    uint64_t commit_count, rollback_count, statement_count, row_count, left_out_count;
    uint64_t compared_count, difference_count;
    uint64_t start_ns, end_ns;
} repeat;

/** Read a number of a line; UINT64_MAX: it is none. */
uint64_t repeat_number(const json_t *line, const char *key);

/** Repeat a transaction: its lines, and how it has ended. @return TOOL_GO_ON or the exit status */
int repeat_transaction(repeat *r, repeat_conn *c, bool committed, uint64_t end_line);

#endif
