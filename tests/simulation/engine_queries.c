/* Queries of the engine of the simulation. */
#include "tests/simulation/engine_inside.h"

#include <stdlib.h>

#include "tests/simulation/world.h"

static tenon_status
engine_prepare(tenon_drv_conn *conn, const tenon_drv_query *query, tenon_drv_plan **out,
               tenon_error *err)
{
    tenon_status st = engine_call(conn, "prepare", err);

    (void)query;
    *out = st == TENON_OK ? malloc(sizeof **out) : NULL;
    if (*out != NULL) {
        (*out)->conn = conn;
        conn->plans++;
    }
    return engine_leave(conn, st);
}

static void
engine_plan_free(tenon_drv_plan *plan)
{
    if (plan == NULL)
        return;
    engine_enter(plan->conn, "free");
    plan->conn->plans--;
    (void)engine_leave(plan->conn, TENON_OK);
    free(plan);
}

static tenon_status
engine_exec(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected, tenon_error *err)
{
    tenon_drv_conn *conn = plan->conn;
    tenon_status st = engine_call(conn, "exec", err);

    if (!conn->in_txn || conn->read_only)
        world_violation("exec without a write transaction");
    if (st == TENON_OK) {
        if (conn->mark_count == ENGINE_TXN_MARKS)
            abort();
        conn->marks[conn->mark_count++] = (uint32_t)params[0].as.i;
        *affected = 1;
    }
    return engine_leave(conn, st);
}

static tenon_status
engine_open(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out,
            tenon_error *err)
{
    tenon_drv_conn *conn = plan->conn;
    tenon_status st = engine_call(conn, "open", err);

    (void)params;
    *out = st == TENON_OK ? calloc(1, sizeof **out) : NULL;
    if (*out != NULL) {
        (*out)->conn = conn;
        conn->cursors++;
    }
    return engine_leave(conn, st);
}

static tenon_status
engine_next(tenon_drv_cursor *cursor, const tenon_value **row, tenon_error *err)
{
    tenon_drv_conn *conn = cursor->conn;
    tenon_status st = engine_call(conn, "next", err);

    if (!conn->in_txn)
        world_violation("next without a transaction");
    if (st == TENON_OK && cursor->at == 3)
        st = TENON_NOT_FOUND;
    if (conn->read_only)
        conn->excused = st == TENON_OK; /* the row is lent */
    cursor->row[0] = (tenon_value){ .type = TENON_INT, .as.i = cursor->at++ };
    *row = cursor->row;
    return engine_leave(conn, st);
}

static void
engine_cursor_close(tenon_drv_cursor *cursor)
{
    if (cursor == NULL)
        return;
    engine_enter(cursor->conn, "close");
    cursor->conn->cursors--;
    (void)engine_leave(cursor->conn, TENON_OK);
    free(cursor);
}

const tenon_drv_query_ops engine_query_ops = { .size = sizeof engine_query_ops,
                                               .prepare = engine_prepare,
                                               .free = engine_plan_free,
                                               .exec = engine_exec,
                                               .open = engine_open,
                                               .next = engine_next,
                                               .close = engine_cursor_close };
