/* Statements and rows through a filter. */
#include <stdlib.h>

#include "pass.h"

/* Values of a row. */
static uint32_t
filter_width(const tenon_drv_query *query)
{
    return query->kind == TENON_COUNT ? 1 : query->column_count;
}

static tenon_filter_call
filter_statement(uint32_t slot, const tenon_drv_plan *plan, const tenon_value *params)
{
    tenon_filter_call call = filter_call(slot, plan->conn);

    call.query = plan->query;
    call.params = params;
    call.param_count = plan->query->param_count;
    call.plan = plan->number;
    return call;
}

static tenon_filter_call
filter_reading(uint32_t slot, const tenon_drv_cursor *cursor)
{
    tenon_filter_call call = filter_call(slot, cursor->conn);

    call.query = cursor->query;
    call.plan = cursor->plan;
    call.cursor = cursor->number;
    return call;
}

static void
filter_free(tenon_drv_plan *plan)
{
    tenon_filter_call call;
    tenon_error ignored;
    tenon_status st;

    if (plan == NULL)
        return;
    call = filter_statement(TENON_FILTER_FREE, plan, NULL);
    (void)filter_passes(&call, &st, &ignored);
    plan->conn->db->driver->query->free(plan->inner);
    (void)filter_ends(&call, TENON_OK, &ignored);
    free(plan);
}

static tenon_status
filter_prepare(tenon_drv_conn *conn, const tenon_drv_query *query, tenon_drv_plan **out,
               tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_PREPARE, conn);
    tenon_drv_plan *plan = calloc(1, sizeof *plan);
    tenon_status st;

    *out = NULL;
    if (plan == NULL)
        return filter_no_memory(err);
    *plan = (tenon_drv_plan){ .conn = conn, .query = query, .number = ++conn->plan_count };
    call.query = query;
    call.plan = plan->number;
    if (filter_passes(&call, &st, err)) {
        st = conn->db->driver->query->prepare(conn->inner, query, &plan->inner, err);
        st = filter_ends(&call, st, err);
    }
    if (st == TENON_OK) {
        *out = plan;
        return TENON_OK;
    }
    conn->db->driver->query->free(plan->inner);
    free(plan);
    return st;
}

static tenon_status
filter_exec(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected, tenon_error *err)
{
    tenon_filter_call call = filter_statement(TENON_FILTER_EXEC, plan, params);
    tenon_status st;

    if (!filter_passes(&call, &st, err))
        return st;
    st = plan->conn->db->driver->query->exec(plan->inner, params, affected, err);
    call.number = st == TENON_OK ? *affected : 0;
    return filter_ends(&call, st, err);
}

static tenon_status
filter_exec_later(tenon_drv_plan *plan, const tenon_value *params, tenon_error *err)
{
    tenon_filter_call call = filter_statement(TENON_FILTER_EXEC_LATER, plan, params);
    tenon_status st;

    if (!filter_passes(&call, &st, err))
        return st;
    st = plan->conn->db->driver->query->exec_later(plan->inner, params, err);
    return filter_ends(&call, st, err);
}

static tenon_status
filter_require(tenon_drv_plan *plan, const tenon_value *params, tenon_error *err)
{
    tenon_filter_call call = filter_statement(TENON_FILTER_REQUIRE, plan, params);
    tenon_status st;

    if (!filter_passes(&call, &st, err))
        return st;
    st = plan->conn->db->driver->query->require(plan->inner, params, err);
    return filter_ends(&call, st, err);
}

/* ---- Rows ---- */

static void
filter_cursor_close(tenon_drv_cursor *cursor)
{
    tenon_filter_call call;
    tenon_error ignored;
    tenon_status st;

    if (cursor == NULL)
        return;
    call = filter_reading(TENON_FILTER_CLOSE, cursor);
    (void)filter_passes(&call, &st, &ignored);
    cursor->conn->db->driver->query->close(cursor->inner);
    (void)filter_ends(&call, TENON_OK, &ignored);
    free(cursor);
}

/* Keep a cursor that was opened, or free it. */
static tenon_status
filter_keep_cursor(tenon_drv_cursor *cursor, tenon_status st, tenon_drv_cursor **out)
{
    if (st == TENON_OK) {
        *out = cursor;
        return st;
    }
    cursor->conn->db->driver->query->close(cursor->inner);
    free(cursor);
    return st;
}

static tenon_status
filter_cursor_open(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out,
                   tenon_error *err)
{
    tenon_filter_call call = filter_statement(TENON_FILTER_OPEN, plan, params);
    tenon_drv_cursor *cursor = calloc(1, sizeof *cursor);
    tenon_status st;

    *out = NULL;
    if (cursor == NULL)
        return filter_no_memory(err);
    *cursor = (tenon_drv_cursor){ .conn = plan->conn,
                                  .query = plan->query,
                                  .column_count = filter_width(plan->query),
                                  .plan = plan->number,
                                  .number = ++plan->conn->cursor_count };
    call.cursor = cursor->number;
    if (filter_passes(&call, &st, err)) {
        st = plan->conn->db->driver->query->open(plan->inner, params, &cursor->inner, err);
        st = filter_ends(&call, st, err);
    }
    return filter_keep_cursor(cursor, st, out);
}

static tenon_status
filter_next(tenon_drv_cursor *cursor, const tenon_value **row, tenon_error *err)
{
    tenon_filter_call call = filter_reading(TENON_FILTER_NEXT, cursor);
    tenon_status st;

    *row = NULL;
    if (!filter_passes(&call, &st, err))
        return st;
    st = cursor->conn->db->driver->query->next(cursor->inner, row, err);
    call.row = st == TENON_OK ? *row : NULL;
    call.column_count = cursor->column_count;
    return filter_ends(&call, st, err);
}

static tenon_status
filter_fetch(tenon_drv_plan *plan, const tenon_value *params, const tenon_value **row,
             tenon_error *err)
{
    tenon_filter_call call = filter_statement(TENON_FILTER_FETCH, plan, params);
    tenon_status st;

    *row = NULL;
    if (!filter_passes(&call, &st, err))
        return st;
    st = plan->conn->db->driver->query->fetch(plan->inner, params, row, err);
    call.row = st == TENON_OK ? *row : NULL;
    call.column_count = filter_width(plan->query);
    return filter_ends(&call, st, err);
}

static tenon_status
filter_explain(tenon_drv_plan *plan, char *out, uint64_t out_bytes, tenon_error *err)
{
    tenon_filter_call call = filter_statement(TENON_FILTER_EXPLAIN, plan, NULL);
    tenon_status st;

    if (!filter_passes(&call, &st, err))
        return st;
    st = plan->conn->db->driver->query->explain(plan->inner, out, out_bytes, err);
    return filter_ends(&call, st, err);
}

static tenon_status
filter_sql(tenon_drv_conn *conn, const char *sql, const tenon_value *params, uint32_t param_count,
           tenon_drv_cursor **out, uint32_t *column_count, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_SQL, conn);
    tenon_drv_cursor *cursor = calloc(1, sizeof *cursor);
    uint32_t columns = 0;
    tenon_status st;

    if (cursor == NULL)
        return filter_no_memory(err);
    if (out != NULL)
        *out = NULL;
    cursor->conn = conn;
    cursor->number = ++conn->cursor_count;
    call.cursor = cursor->number;
    call.text = sql;
    call.params = params;
    call.param_count = param_count;
    if (filter_passes(&call, &st, err)) {
        st = conn->db->driver->query->sql(conn->inner, sql, params, param_count,
                                          out == NULL ? NULL : &cursor->inner, &columns, err);
        st = filter_ends(&call, st, err);
    }
    cursor->column_count = columns;
    if (column_count != NULL)
        *column_count = columns;
    if (out != NULL)
        return filter_keep_cursor(cursor, st, out);
    free(cursor);
    return st;
}

const tenon_drv_query_ops tenon_filter_query_ops = {
    .size = sizeof tenon_filter_query_ops,
    .prepare = filter_prepare,
    .free = filter_free,
    .exec = filter_exec,
    .open = filter_cursor_open,
    .next = filter_next,
    .close = filter_cursor_close,
    .fetch = filter_fetch,
    .explain = filter_explain,
    .sql = filter_sql,
    .exec_later = filter_exec_later,
    .require = filter_require,
};
