/* The driver's slots for queries. */
#include <stdlib.h>

#include "read.h"

static tenon_status
query_prepare(tenon_drv_conn *conn, const tenon_drv_query *query, tenon_drv_plan **out,
              tenon_error *err)
{
    tenon_drv_plan *plan = calloc(1, sizeof *plan);
    tenon_status st;

    *out = NULL;
    if (plan != NULL)
        plan->conds = calloc(query->where_count + 1, sizeof *plan->conds);
    if (plan == NULL || plan->conds == NULL) {
        free(plan);
        return kv_no_memory(err);
    }
    plan->conn = conn;
    plan->query = query;
    st = kv_plan_ready(plan, err);
    if (st == TENON_OK)
        *out = plan;
    else
        tenon_kv_query_ops.free(plan);
    return st;
}

void
kv_fetched_close(tenon_drv_conn *conn)
{
    kv_rows_close(conn->fetched);
    conn->fetched = NULL;
}

void
kv_rows_free(tenon_drv_cursor *c)
{
    kv_buffer_free(&c->low);
    kv_buffer_free(&c->high);
    kv_buffer_free(&c->at);
    kv_buffer_free(&c->row_key);
    kv_arena_free(&c->arena);
    free(c->tries);
    free(c->sorted);
    free(c);
}

static void
query_free(tenon_drv_plan *plan)
{
    if (plan == NULL)
        return;
    if (plan->conn->fetched != NULL && plan->conn->fetched->plan == plan)
        kv_fetched_close(plan->conn);
    while (plan->idle != NULL) {
        tenon_drv_cursor *c = plan->idle;

        plan->idle = c->next;
        kv_rows_free(c);
    }
    kv_schema_release(plan->schema);
    free(plan->conds);
    free(plan);
}

/* The one row of a COUNT. */
static tenon_status
query_count(tenon_drv_cursor *c, const tenon_value **row, tenon_error *err)
{
    int64_t count = 0;
    tenon_status st;

    if (c->left == 0)
        return TENON_NOT_FOUND;
    st = kv_rows_count(c, &count, err);
    if (st != TENON_OK)
        return st;
    c->left = 0;
    c->row[0] = tenon_int(count);
    *row = c->row;
    return TENON_OK;
}

static tenon_status
query_next(tenon_drv_cursor *c, const tenon_value **row, tenon_error *err)
{
    const tenon_drv_plan *plan = c->plan;
    tenon_kv_bytes key, bytes;
    tenon_status st;

    if (plan->query->kind == TENON_COUNT)
        return query_count(c, row, err);
    st = kv_rows_next(c, &key, &bytes, err);
    if (st != TENON_OK)
        return st;
    if (!kv_row_read(bytes, plan->fields, plan->query->column_count, c->row))
        return kv_corrupt(err, plan->table->name, "a row is not whole");
    *row = c->row;
    return TENON_OK;
}

static tenon_status
query_open(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out,
           tenon_error *err)
{
    kv_fetched_close(plan->conn);
    return kv_rows_open(plan, params, out, err);
}

static tenon_status
query_fetch(tenon_drv_plan *plan, const tenon_value *params, const tenon_value **row,
            tenon_error *err)
{
    tenon_status st;

    kv_fetched_close(plan->conn);
    st = kv_rows_open(plan, params, &plan->conn->fetched, err);
    if (st == TENON_OK)
        st = query_next(plan->conn->fetched, row, err);
    if (st != TENON_OK)
        kv_fetched_close(plan->conn);
    return st;
}

static tenon_status
query_explain(tenon_drv_plan *plan, char *out, uint64_t out_bytes, tenon_error *err)
{
    tenon_status st = kv_plan_ready(plan, err);

    if (st == TENON_OK)
        kv_plan_explain(plan, out, (size_t)out_bytes);
    return st;
}

const tenon_drv_query_ops tenon_kv_query_ops = {
    .size = sizeof tenon_kv_query_ops,
    .prepare = query_prepare,
    .free = query_free,
    .exec = kv_exec,
    .open = query_open,
    .next = query_next,
    .close = kv_rows_close,
    .fetch = query_fetch,
    .explain = query_explain,
};
