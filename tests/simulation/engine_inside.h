/** @file engine_inside.h What the files of the engine share. */
#ifndef TENON_TESTS_SIMULATION_ENGINE_INSIDE_H
#define TENON_TESTS_SIMULATION_ENGINE_INSIDE_H

#include "tests/simulation/engine.h"

#define ENGINE_TXN_MARKS 64

struct tenon_drv_conn {
    bool used, in_call, in_txn, read_only, interrupted;
    bool excused;  /* lends a row, or can only be ended by its own thread */
    uint32_t task; /* that began to write */
    uint64_t deadline_ns;
    uint32_t marks[ENGINE_TXN_MARKS], mark_count;
    bool shared, parted, has_part;   /* by several; one of them is at work */
    uint32_t part_mark_count, parts; /* marks before it; those that are done */
    uint32_t plans, cursors;
};

struct tenon_drv_plan {
    tenon_drv_conn *conn;
};

struct tenon_drv_cursor {
    tenon_drv_conn *conn;
    tenon_value row[1];
    int64_t at;
};

/** A call begins. */
void engine_enter(tenon_drv_conn *conn, const char *slot);
/** The same of one that takes time and may fail. */
tenon_status engine_call(tenon_drv_conn *conn, const char *slot, tenon_error *err);
/** A call ends. @return `st` */
tenon_status engine_leave(tenon_drv_conn *conn, tenon_status st);
tenon_status engine_fail(tenon_error *err, tenon_status status, uint8_t effect);

extern const tenon_drv_query_ops engine_query_ops;

#endif
