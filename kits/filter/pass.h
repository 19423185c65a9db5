/** @file pass.h What the parts of the kit share: the wrappers around what the inner driver gives.
 */
#ifndef TENON_KITS_FILTER_PASS_H
#define TENON_KITS_FILTER_PASS_H

#include "tenon/kit/filter.h"

struct tenon_drv_db {
    const tenon_driver *driver; /* the inner one */
    tenon_drv_db *inner;
    void *filter;
    bool opened; /* by the filter, which may have made nothing */
};

struct tenon_drv_conn {
    tenon_drv_db *db;
    tenon_drv_conn *inner;
    uint64_t state, plan_count, cursor_count;
};

struct tenon_drv_plan {
    tenon_drv_conn *conn;
    tenon_drv_plan *inner;
    const tenon_drv_query *query;
    uint64_t number;
};

struct tenon_drv_cursor {
    tenon_drv_conn *conn;
    tenon_drv_cursor *inner;
    const tenon_drv_query *query; /* NULL: of SQL text */
    uint32_t column_count;
    uint64_t plan, number;
};

/** A call of a connection. */
tenon_filter_call filter_call(uint32_t slot, tenon_drv_conn *conn);

/** Whether a call may be passed on; else its answer is `*st`. */
bool filter_passes(tenon_filter_call *call, tenon_status *st, tenon_error *err);

/** What the caller is told of a call that has ended with `st`. */
tenon_status filter_ends(const tenon_filter_call *call, tenon_status st, tenon_error *err);

/** @retval TENON_NO_MEMORY */
tenon_status filter_no_memory(tenon_error *err);

/** Pass on a call of a connection, with nothing further to be told. */
#define FILTER_PASS(call, table, slot_name, ...)                                                   \
    do {                                                                                           \
        tenon_status pass_st = TENON_OK;                                                           \
                                                                                                   \
        if (!filter_passes((call), &pass_st, err))                                                 \
            return pass_st;                                                                        \
        pass_st = conn->db->driver->table->slot_name(conn->inner, __VA_ARGS__);                    \
        return filter_ends((call), pass_st, err);                                                  \
    } while (0)

#endif
