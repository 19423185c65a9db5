/* Statements: what is checked before a driver is called, and what its answer means. */
#include <string.h>

#include "core/db.h"
#include "core/error.h"

tenon_status
tni_txn_no_row(tenon_error *err)
{
    static const char text[] = "no such row";

    if (err != NULL) { /* an ordinary result: set without formatting */
        err->status = TENON_NOT_FOUND;
        err->native = 0;
        err->effect = TENON_EFFECT_OPEN;
        err->sqlstate[0] = '\0';
        err->driver[0] = '\0';
        err->object[0] = '\0';
        memcpy(err->message, text, sizeof text);
    }
    return TENON_NOT_FOUND;
}

/* A query on this connection, compiled or to be compiled. */
static tenon_status
statement_plan(tenon_txn *txn, const tenon_query *query, tni_plan **out, tenon_error *err)
{
    const tni_query *normal = NULL;
    tenon_status st;

    *out = tni_plans_find(&txn->conn->plans, query);
    if (*out != NULL)
        return TENON_OK;
    st = tni_models_query(&txn->db->models, query, &normal, err);
    if (st != TENON_OK)
        return st;
    *out = tni_plans_add(&txn->conn->plans, normal);
    return *out != NULL ? TENON_OK : tni_no_memory(err, "the plans of a connection");
}

static tenon_status
statement_compile(tenon_txn *txn, const tenon_drv_query *query, tenon_drv_plan **out,
                  tenon_error *err)
{
    tenon_status st = txn->ops->prepare(txn->conn->drv, query, out, tni_txn_err(txn));

    if (st == TENON_OK)
        return st;
    *out = NULL;
    return tni_txn_driver_failed(txn, st, err);
}

/* The driver's plan for these parameters: a keyset is compared with unless it is at the start. */
static tenon_status
statement_compiled(tenon_txn *txn, tni_plan *plan, const tenon_value *params, tenon_drv_plan **out,
                   tenon_error *err)
{
    const tni_query *q = plan->query;
    const bool after = q->after_param != TENON_DRV_NONE && params != NULL &&
                       params[q->after_param].type != TENON_NULL;
    tenon_drv_plan **compiled = after ? &plan->after : &plan->first;
    tenon_status st = TENON_OK;

    if (*compiled == NULL)
        st = statement_compile(txn, after ? &q->drv_after : &q->drv, compiled, err);
    *out = *compiled;
    return st;
}

/* Note a statement for those who ask what the transaction does. */
static void
statement_count(tenon_txn *txn, tni_plan *plan)
{
    const uint64_t serial = atomic_load_explicit(&txn->serial, memory_order_relaxed);
    const uint32_t count = atomic_load_explicit(&txn->statement_count, memory_order_relaxed);

    plan->uses = plan->serial == serial ? plan->uses + 1 : 1;
    plan->serial = serial;
    atomic_store_explicit(&txn->recent[count % TNI_RECENT], plan->query, memory_order_relaxed);
    atomic_store_explicit(&txn->statement_count, count + 1, memory_order_relaxed);
}

/* Everything before the call of the driver's slot. */
static tenon_status
statement_enter(tenon_txn *txn, const tenon_query *query, const tenon_value *params, bool writes,
                const tni_query **normal, tenon_drv_plan **compiled, tenon_error *err)
{
    tni_plan *plan;
    tenon_status st;

    tni_cursors_drop_fetched(txn);
    if (query == NULL)
        return tni_fail(err, TENON_MISUSE, NULL, "no query");
    st = statement_plan(txn, query, &plan, err);
    if (st != TENON_OK)
        return st;
    *normal = plan->query;
    statement_count(txn, plan);
    if ((plan->query->writes != 0) != writes)
        return tni_fail(err, TENON_MISUSE, query->name,
                        writes ? "tenon_exec does not read; use tenon_fetch or tenon_select"
                               : "this call does not write; use tenon_exec");
    if (writes && txn->read_only)
        return tni_fail(err, TENON_READ_ONLY, query->name, "the transaction is read-only");
    if (params == NULL && plan->query->param_count > 0)
        return tni_fail(err, TENON_MISUSE, query->name, "the query takes %u parameters, not none",
                        plan->query->param_count);
    st = tni_params_check(plan->query, params, err);
    if (st == TENON_OK)
        st = statement_compiled(txn, plan, params, compiled, err);
    return st;
}

/* About how much a statement writes: a group that has much to commit takes no more members. */
static uint64_t
statement_bytes(const tni_query *query, const tenon_value *params)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < query->param_count; i++)
        bytes += params[i].type >= TENON_TEXT && params[i].type <= TENON_BLOB ? params[i].len : 16;
    return bytes;
}

tenon_status
tenon_exec(tenon_txn *txn, const tenon_query *query, const tenon_value *params, uint64_t *affected,
           tenon_error *err)
{
    const tni_query *normal;
    tenon_drv_plan *plan;
    uint64_t count = 0;
    tenon_status st;

    if (affected != NULL)
        *affected = 0;
    st = tni_txn_enter(txn, err);
    if (st != TENON_OK)
        return st;
    st = statement_enter(txn, query, params, true, &normal, &plan, err);
    if (st == TENON_OK) {
        txn->wrote = true;
        if (txn->grouped)
            txn->written_bytes += statement_bytes(normal, params);
        if (affected == NULL && txn->ops->exec_later != NULL)
            st = txn->ops->exec_later(plan, params, tni_txn_err(txn));
        else
            st = txn->ops->exec(plan, params, &count, tni_txn_err(txn));
        if (st != TENON_OK)
            st = tni_txn_driver_failed(txn, st, err);
        else if (affected != NULL)
            *affected = count;
    }
    tni_txn_leave(txn);
    return st;
}

/* Read the first row, by way of a cursor where the driver has no shorter one. */
static tenon_status
statement_fetch(tenon_txn *txn, const tni_query *query, tenon_drv_plan *plan,
                const tenon_value *params, const tenon_value **row, tenon_error *err)
{
    const uint32_t count = query->drv.kind == TENON_COUNT ? 1 : query->drv.column_count;
    tenon_status st;

    if (txn->db->has_fetch) {
        st = txn->ops->fetch(plan, params, row, tni_txn_err(txn));
    } else { /* the cursor stays open to hold the row */
        st = tni_cursor_open(txn, query, plan, params, &txn->fetch_cursor, err);
        if (st != TENON_OK)
            return st;
        st = txn->ops->next(txn->fetch_cursor->drv, row, tni_txn_err(txn));
    }
    if (st == TENON_OK && tni_txn_copies_rows(txn)) {
        if (tni_values_copy(&txn->conn->fetched, *row, count))
            *row = txn->conn->fetched.values;
        else
            st = tni_no_memory(&txn->last, "a row");
    }
    txn->lent = st == TENON_OK;
    if (st == TENON_OK)
        return st;
    *row = NULL;
    tni_cursors_drop_fetched(txn);
    return st == TENON_NOT_FOUND ? tni_txn_no_row(err) : tni_txn_driver_failed(txn, st, err);
}

tenon_status
tenon_fetch(tenon_txn *txn, const tenon_query *query, const tenon_value *params,
            const tenon_value **row, tenon_error *err)
{
    const tni_query *normal;
    tenon_drv_plan *plan;
    tenon_status st;

    *row = NULL;
    st = tni_txn_enter(txn, err);
    if (st != TENON_OK)
        return st;
    st = statement_enter(txn, query, params, false, &normal, &plan, err);
    if (st == TENON_OK)
        st = statement_fetch(txn, normal, plan, params, row, err);
    tni_txn_leave(txn);
    return st;
}

/* What tells one check of a transaction from another is the query's name. */
static tenon_status
statement_not_met(const tni_query *query, tenon_error *err)
{
    return tni_fail(err, TENON_NOT_FOUND, query->drv.name, "%s: there is no such row",
                    query->drv.name);
}

static tenon_status
statement_require(tenon_txn *txn, const tni_query *query, tenon_drv_plan *plan,
                  const tenon_value *params, tenon_error *err)
{
    const tenon_value *row;
    tenon_status st;

    if (txn->ops->require != NULL) {
        st = txn->ops->require(plan, params, tni_txn_err(txn));
        return st == TENON_OK ? st : tni_txn_driver_failed(txn, st, err);
    }
    st = statement_fetch(txn, query, plan, params, &row, err);
    tni_cursors_drop_fetched(txn);
    return st == TENON_NOT_FOUND ? statement_not_met(query, err) : st;
}

tenon_status
tenon_require(tenon_txn *txn, const tenon_query *query, const tenon_value *params, tenon_error *err)
{
    const tni_query *normal;
    tenon_drv_plan *plan;
    tenon_status st;

    st = tni_txn_enter(txn, err);
    if (st != TENON_OK)
        return st;
    st = statement_enter(txn, query, params, false, &normal, &plan, err);
    if (st == TENON_OK)
        st = statement_require(txn, normal, plan, params, err);
    tni_txn_leave(txn);
    return st;
}

tenon_status
tenon_count(tenon_txn *txn, const tenon_query *query, const tenon_value *params, uint64_t *count,
            tenon_error *err)
{
    const tenon_value *row;
    tenon_status st;

    *count = 0;
    if (query != NULL && query->kind != TENON_COUNT)
        return tni_fail(err, TENON_MISUSE, query->name, "tenon_count takes a COUNT");
    st = tenon_fetch(txn, query, params, &row, err);
    if (st == TENON_OK)
        *count = (uint64_t)row[0].as.i;
    return st;
}

tenon_status
tenon_select(tenon_txn *txn, const tenon_query *query, const tenon_value *params,
             tenon_cursor **out, tenon_error *err)
{
    const tni_query *normal;
    tenon_drv_plan *plan;
    tenon_status st;

    *out = NULL;
    st = tni_txn_enter(txn, err);
    if (st != TENON_OK)
        return st;
    st = statement_enter(txn, query, params, false, &normal, &plan, err);
    if (st == TENON_OK)
        st = tni_cursor_open(txn, normal, plan, params, out, err);
    tni_txn_leave(txn);
    return st;
}

static tenon_status
statement_explain(tenon_txn *txn, const tenon_query *query, char *out, size_t out_bytes,
                  tenon_error *err)
{
    tenon_drv_plan *compiled;
    tni_plan *plan;
    tenon_status st;

    tni_cursors_drop_fetched(txn);
    if (query == NULL)
        return tni_fail(err, TENON_MISUSE, NULL, "no query");
    st = statement_plan(txn, query, &plan, err);
    if (st == TENON_OK)
        st = statement_compiled(txn, plan, NULL, &compiled, err);
    if (st != TENON_OK)
        return st;
    st = txn->ops->explain(compiled, out, out_bytes, tni_txn_err(txn));
    return st == TENON_OK ? st : tni_txn_driver_failed(txn, st, err);
}

tenon_status
tenon_explain(tenon_txn *txn, const tenon_query *query, char *out, size_t out_bytes,
              tenon_error *err)
{
    tenon_status st;

    if (out_bytes > 0)
        out[0] = '\0';
    st = tni_txn_enter(txn, err);
    if (st != TENON_OK)
        return st;
    st = statement_explain(txn, query, out, out_bytes, err);
    tni_txn_leave(txn);
    return st;
}

/* Parameters of SQL text have no column to be checked against, but they must be values. */
static tenon_status
statement_check_sql(const tenon_value *params, uint32_t param_count, tenon_error *err)
{
    if (params == NULL && param_count > 0)
        return tni_fail(err, TENON_MISUSE, NULL, "%u parameters announced, none given",
                        param_count);
    for (uint32_t i = 0; i < param_count; i++) {
        const tenon_value *v = &params[i];

        if (v->type > TENON_TIME)
            return tni_fail(err, TENON_INVALID, NULL, "parameter %u has no type that there is", i);
        if (v->type == TENON_TEXT && !tni_is_text(v->as.data, v->len))
            return tni_fail(err, TENON_INVALID, NULL, "parameter %u is not UTF-8", i);
        if (v->type == TENON_UUID && v->len != sizeof(tenon_uuid))
            return tni_fail(err, TENON_INVALID, NULL, "parameter %u is no UUID: %u bytes", i,
                            v->len);
        if (v->type == TENON_TIME && v->as.i < TENON_MIN_TIME_US)
            return tni_fail(err, TENON_INVALID, NULL, "parameter %u is a time before 4714 BC", i);
        if (v->type == TENON_REAL && v->as.d != v->as.d)
            return tni_fail(err, TENON_INVALID, NULL, "parameter %u is not a number", i);
    }
    return TENON_OK;
}

static tenon_status
statement_sql(tenon_txn *txn, const char *sql, const tenon_value *params, uint32_t param_count,
              tenon_cursor **out, tenon_error *err)
{
    tenon_status st;

    tni_cursors_drop_fetched(txn);
    if ((txn->db->capabilities & TENON_CAP_SQL) == 0)
        return tni_fail(err, TENON_UNSUPPORTED, NULL, "this engine knows no SQL");
    if (sql == NULL)
        return tni_fail(err, TENON_MISUSE, NULL, "no SQL text");
    st = statement_check_sql(params, param_count, err);
    if (st != TENON_OK)
        return st;
    txn->wrote = true; /* perhaps */
    if (out != NULL)
        return tni_cursor_sql(txn, sql, params, param_count, out, err);
    st = txn->ops->sql(txn->conn->drv, sql, params, param_count, NULL, NULL, tni_txn_err(txn));
    return st == TENON_OK ? st : tni_txn_driver_failed(txn, st, err);
}

tenon_status
tenon_sql(tenon_txn *txn, const char *sql, const tenon_value *params, uint32_t param_count,
          tenon_cursor **out, tenon_error *err)
{
    tenon_status st;

    if (out != NULL)
        *out = NULL;
    st = tni_txn_enter(txn, err);
    if (st != TENON_OK)
        return st;
    st = statement_sql(txn, sql, params, param_count, out, err);
    tni_txn_leave(txn);
    return st;
}
