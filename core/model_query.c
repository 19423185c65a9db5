/* Queries: their rules and their parameters. */
#include "core/model_query.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/model_check.h"

/* Most conditions of one query, and most parameters: far above what is of use, and low enough that
 * no number or sum below can overflow. */
#define QUERY_MAX_CONDITIONS 64
#define QUERY_MAX_PARAMS 16384

/* A query while it is checked. */
typedef struct query_check {
    const tenon_query *query;
    const tenon_drv_table *table;
    tni_param *params; /* `param_count` of them, type 0 until one is met */
    uint32_t param_count;
    tenon_error *err;
} query_check;

static inline uint32_t
query_max(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

uint32_t
tenon_query_param_count(const tenon_query *query)
{
    uint32_t count = query->kind == TENON_INSERT ? query->columns.count : 0;
    uint32_t i;

    for (i = 0; i < query->set.count; i++) {
        if (query->set.list[i].how != TENON_SET_TO_NULL)
            count = query_max(count, query->set.list[i].param + 1u);
    }
    for (i = 0; i < query->where.count; i++) {
        const tenon_condition *condition = &query->where.list[i];

        if (condition->param == TENON_NO_PARAM)
            continue;
        count = query_max(count,
                          condition->param +
                              (condition->op == TENON_OP_IN ? query_max(condition->count, 1) : 1u));
    }
    if (query->after_param > 0)
        count = query_max(count, query->after_param - 1u + query->order.count);
    return query_max(count, query->limit_param); /* 0 = none, else its number + 1 */
}

__attribute__((format(printf, 3, 4))) static tenon_status
query_refuse(const query_check *check, const char *column, const char *format, ...)
{
    char object[sizeof check->err->object];
    char rule[sizeof check->err->message];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(rule, sizeof rule, format, args);
    va_end(args);
    (void)snprintf(object, sizeof object, "%.48s%s%.30s", check->table->name,
                   column != NULL ? "." : "", column != NULL ? column : "");
    return tni_fail(check->err, TENON_INVALID, object, "query %.60s on table %s: %s",
                    check->query->name != NULL ? check->query->name : "?", check->table->name,
                    rule);
}

/* Note that parameter `number` is what `want` says. */
static tenon_status
query_note(query_check *check, uint32_t number, const tni_param *want)
{
    const char *name = check->table->columns[want->column].name;
    tni_param *param;

    if (number >= check->param_count)
        return query_refuse(check, name, "parameter %u is beyond the %d that a query may have",
                            (unsigned)number, QUERY_MAX_PARAMS);
    param = &check->params[number];
    if (param->type == TENON_NULL) {
        *param = *want;
        return TENON_OK;
    }
    if (param->type != want->type)
        return query_refuse(check, name, "parameter %u is used as %s and as %s", (unsigned)number,
                            tenon_type_name(param->type), tenon_type_name(want->type));
    /* Errors name the column that is hardest to satisfy. */
    if ((want->not_null && !param->not_null) || want->max_bytes < param->max_bytes)
        param->column = want->column;
    param->not_null |= want->not_null;
    param->limit |= want->limit;
    param->finite |= want->finite;
    param->keyset |= want->keyset;
    if (want->max_bytes < param->max_bytes)
        param->max_bytes = want->max_bytes;
    return TENON_OK;
}

/* What a parameter for a column must be, in any use of it. */
static tni_param
query_param_of(const query_check *check, uint32_t column)
{
    const tenon_drv_column *c = &check->table->columns[column];
    tni_param param;

    memset(&param, 0, sizeof param);
    param.type = c->type;
    param.column = (uint16_t)column;
    param.max_bytes = c->max_bytes > 0 ? c->max_bytes : UINT32_MAX;
    return param;
}

static tenon_status
query_check_column(const query_check *check, uint32_t column, const char *where)
{
    if (column >= check->table->column_count)
        return query_refuse(check, NULL, "%s names column %u, which does not exist", where,
                            (unsigned)column);
    return TENON_OK;
}

static bool
query_is_key(const tenon_drv_table *table, uint32_t column)
{
    uint32_t i;

    for (i = 0; i < table->key_column_count; i++) {
        if (table->key_columns[i] == column)
            return true;
    }
    return false;
}

/* Which fields belong to which kind. */
static tenon_status
query_check_fields(const query_check *check)
{
    const tenon_query *q = check->query;
    const bool upsert = q->kind == TENON_INSERT && q->on_conflict == TENON_ON_CONFLICT_UPDATE;

    if (q->kind < TENON_SELECT || q->kind > TENON_COUNT)
        return query_refuse(check, NULL, "there is no kind %u", (unsigned)q->kind);
    if (q->kind != TENON_SELECT && q->kind != TENON_INSERT && q->columns.count > 0)
        return query_refuse(check, NULL, "columns are for SELECT and INSERT");
    if (q->kind != TENON_INSERT && q->on_conflict != TENON_ON_CONFLICT_FAIL)
        return query_refuse(check, NULL, "on_conflict is for INSERT");
    if (q->on_conflict > TENON_ON_CONFLICT_UPDATE)
        return query_refuse(check, NULL, "there is no on_conflict %u", (unsigned)q->on_conflict);
    if (q->kind != TENON_UPDATE && !upsert && q->set.count > 0)
        return query_refuse(check, NULL, "set is for UPDATE, and INSERT with ON_CONFLICT_UPDATE");
    if ((q->kind == TENON_UPDATE || upsert) && q->set.count == 0)
        return query_refuse(check, NULL, "set is empty");
    if (q->conflict_index != NULL && !upsert)
        return query_refuse(check, NULL, "conflict_index is for INSERT with ON_CONFLICT_UPDATE");
    if (q->kind == TENON_INSERT && q->where.count > 0)
        return query_refuse(check, NULL, "an INSERT has no where");
    if (q->kind != TENON_SELECT && q->order.count > 0)
        return query_refuse(check, NULL, "order is for SELECT");
    if (q->kind != TENON_SELECT && (q->limit > 0 || q->limit_param > 0))
        return query_refuse(check, NULL, "limit and limit_param are for SELECT");
    if (q->kind != TENON_SELECT && q->after_param > 0)
        return query_refuse(check, NULL, "after_param is for SELECT");
    if (q->limit > 0 && q->limit_param > 0)
        return query_refuse(check, NULL, "limit and limit_param are both given");
    return TENON_OK;
}

/* Lists within bounds, so that numbers of parameters can be computed. */
static tenon_status
query_check_lists(const query_check *check)
{
    const tenon_query *q = check->query;

    if (q->columns.count > TENON_MAX_COLUMNS || (q->columns.count > 0 && q->columns.list == NULL))
        return query_refuse(check, NULL, "columns has %u entries, more than %d or none listed",
                            (unsigned)q->columns.count, TENON_MAX_COLUMNS);
    if (q->set.count > TENON_MAX_COLUMNS || (q->set.count > 0 && q->set.list == NULL))
        return query_refuse(check, NULL, "set has %u entries, more than %d or none listed",
                            (unsigned)q->set.count, TENON_MAX_COLUMNS);
    if (q->order.count > TENON_MAX_COLUMNS || (q->order.count > 0 && q->order.list == NULL))
        return query_refuse(check, NULL, "order has %u entries, more than %d or none listed",
                            (unsigned)q->order.count, TENON_MAX_COLUMNS);
    if (q->where.count > QUERY_MAX_CONDITIONS || (q->where.count > 0 && q->where.list == NULL))
        return query_refuse(check, NULL, "where has %u entries, more than %d or none listed",
                            (unsigned)q->where.count, QUERY_MAX_CONDITIONS);
    return TENON_OK;
}

static tenon_status
query_check_select(const query_check *check)
{
    tenon_status st = TENON_OK;
    uint32_t i;

    if (check->query->columns.count == 0)
        return query_refuse(check, NULL, "a SELECT needs a column");
    for (i = 0; st == TENON_OK && i < check->query->columns.count; i++)
        st = query_check_column(check, check->query->columns.list[i], "columns");
    return st;
}

static tenon_status
query_check_insert(query_check *check)
{
    const tenon_columns *given = &check->query->columns;
    tenon_status st = TENON_OK;
    uint64_t seen = 0;
    uint32_t i;

    for (i = 0; st == TENON_OK && i < given->count; i++) {
        tni_param param;

        st = query_check_column(check, given->list[i], "columns");
        if (st != TENON_OK)
            break;
        param = query_param_of(check, given->list[i]);
        param.not_null = check->table->columns[given->list[i]].not_null;
        if ((seen >> given->list[i] & 1) != 0)
            return query_refuse(check, check->table->columns[given->list[i]].name,
                                "columns names %s twice",
                                check->table->columns[given->list[i]].name);
        seen |= UINT64_C(1) << given->list[i];
        st = query_note(check, i, &param);
    }
    for (i = 0; st == TENON_OK && i < check->table->column_count; i++) {
        const tenon_drv_column *column = &check->table->columns[i];

        if ((seen >> i & 1) == 0 && column->not_null && column->default_value.type == TENON_NULL)
            st = query_refuse(check, column->name,
                              "%s is not given, is not_null and has no default value",
                              column->name);
    }
    return st;
}

static tenon_status
query_check_assignment(query_check *check, const tenon_assignment *assignment, uint64_t *seen)
{
    const tenon_drv_column *column;
    tenon_status st = query_check_column(check, assignment->column, "set");
    tni_param param;

    if (st != TENON_OK)
        return st;
    column = &check->table->columns[assignment->column];
    if (query_is_key(check->table, assignment->column))
        return query_refuse(check, column->name, "set changes %s, part of the primary key",
                            column->name);
    if ((*seen >> assignment->column & 1) != 0)
        return query_refuse(check, column->name, "set changes %s twice", column->name);
    *seen |= UINT64_C(1) << assignment->column;
    param = query_param_of(check, assignment->column);
    param.not_null = column->not_null;
    switch (assignment->how) {
    case TENON_SET_PARAM:
        return query_note(check, assignment->param, &param);
    case TENON_SET_ADD:
        if (column->type != TENON_INT && column->type != TENON_REAL)
            return query_refuse(check, column->name, "set adds to %s, which is %s, not int or real",
                                column->name, tenon_type_name(column->type));
        param.finite = 1;
        return query_note(check, assignment->param, &param);
    case TENON_SET_TO_NULL:
        if (column->not_null)
            return query_refuse(check, column->name, "set makes %s NULL, which is not_null",
                                column->name);
        if (assignment->param != 0)
            return query_refuse(check, column->name, "set makes %s NULL and names a parameter",
                                column->name);
        return TENON_OK;
    default:
        return query_refuse(check, column->name, "set of %s: there is no way %u", column->name,
                            (unsigned)assignment->how);
    }
}

/* Number of the index that an upsert is for. */
static tenon_status
query_find_conflict(const query_check *check, uint16_t *out)
{
    const char *name = check->query->conflict_index;
    uint32_t i;

    *out = TENON_DRV_NONE;
    if (name == NULL)
        return TENON_OK;
    for (i = 0; i < check->table->index_count; i++) {
        const tenon_drv_index *index = &check->table->indexes[i];

        if (strcmp(index->name, name) != 0)
            continue;
        if (!index->unique)
            return query_refuse(check, NULL, "conflict_index %s is not unique", name);
        if (index->where_count > 0)
            return query_refuse(check, NULL, "conflict_index %s covers some rows only", name);
        *out = (uint16_t)i;
        return TENON_OK;
    }
    return query_refuse(check, NULL, "conflict_index %.48s does not exist", name);
}

/* Whether the operator may be applied to the column. */
static tenon_status
query_check_operator(const query_check *check, const tenon_drv_column *column, uint8_t op)
{
    if (op < TENON_OP_EQ || op > TENON_OP_NOT_NULL)
        return query_refuse(check, column->name, "where: there is no operator %u", (unsigned)op);
    if (op == TENON_OP_PREFIX && column->type != TENON_TEXT && column->type != TENON_BLOB)
        return query_refuse(check, column->name, "where: PREFIX is for text and blob, and %s is %s",
                            column->name, tenon_type_name(column->type));
    if (column->type == TENON_BOOL && op != TENON_OP_EQ && op != TENON_OP_NE &&
        op < TENON_OP_IS_NULL)
        return query_refuse(check, column->name,
                            "where: %s is bool, which has only = and !=", column->name);
    return TENON_OK;
}

static tenon_status
query_check_condition(query_check *check, const tenon_condition *condition)
{
    const tenon_drv_column *column;
    tenon_status st = query_check_column(check, condition->column, "where");
    const char *problem;
    tni_param param;
    uint32_t i;

    if (st != TENON_OK)
        return st;
    column = &check->table->columns[condition->column];
    st = query_check_operator(check, column, condition->op);
    if (st != TENON_OK)
        return st;
    if (condition->op != TENON_OP_IN && condition->count > 1)
        return query_refuse(check, column->name, "where: count on %s is for IN", column->name);
    if (condition->op == TENON_OP_IS_NULL || condition->op == TENON_OP_NOT_NULL) {
        if (condition->param != TENON_NO_PARAM)
            return query_refuse(check, column->name,
                                "where: IS NULL and NOT NULL of %s take no parameter",
                                column->name);
        return TENON_OK;
    }
    param = query_param_of(check, condition->column);
    if (condition->op == TENON_OP_IN) {
        if (condition->param == TENON_NO_PARAM || condition->count == 0)
            return query_refuse(check, column->name, "where: IN of %s needs parameters",
                                column->name);
        for (i = 0; st == TENON_OK && i < condition->count; i++)
            st = query_note(check, condition->param + i, &param);
        return st;
    }
    if (condition->param != TENON_NO_PARAM)
        return query_note(check, condition->param, &param);
    problem = tni_value_problem(&condition->constant, column->type, column->max_bytes);
    if (problem != NULL)
        return query_refuse(check, column->name, "where: the constant for %s %s", column->name,
                            problem);
    return TENON_OK;
}

static tenon_status
query_check_order(query_check *check)
{
    const tenon_query *q = check->query;
    tenon_status st = TENON_OK;
    uint64_t seen = 0;
    uint32_t i;

    if (q->after_param > 0 && q->order.count == 0)
        return query_refuse(check, NULL, "after_param needs an order");
    for (i = 0; st == TENON_OK && i < q->order.count; i++) {
        const tenon_order *order = &q->order.list[i];
        const tenon_drv_column *column;
        tni_param param;

        st = query_check_column(check, order->column, "order");
        if (st != TENON_OK)
            break;
        column = &check->table->columns[order->column];
        if ((seen >> order->column & 1) != 0)
            return query_refuse(check, column->name, "order names %s twice", column->name);
        seen |= UINT64_C(1) << order->column;
        if (q->after_param == 0)
            continue;
        if (order->descending != q->order.list[0].descending)
            return query_refuse(check, column->name,
                                "after_param needs an order of one direction, and %s has the other",
                                column->name);
        if (!column->not_null)
            return query_refuse(
                check, column->name,
                "after_param needs an order without nullable columns, and %s is one", column->name);
        param = query_param_of(check, order->column);
        param.keyset = 1;
        st = query_note(check, q->after_param - 1u + i, &param);
    }
    return st;
}

static tenon_status
query_check_limit(query_check *check)
{
    tni_param param;

    if (check->query->limit_param == 0)
        return TENON_OK;
    memset(&param, 0, sizeof param);
    param.type = TENON_INT;
    param.limit = 1;
    param.max_bytes = UINT32_MAX;
    return query_note(check, check->query->limit_param - 1u, &param);
}

/* Check everything and fill the parameters. */
static tenon_status
query_check_all(query_check *check)
{
    const tenon_query *q = check->query;
    tenon_status st = TENON_OK;
    uint64_t seen = 0;
    uint32_t i;

    if (q->kind == TENON_SELECT)
        st = query_check_select(check);
    else if (q->kind == TENON_INSERT)
        st = query_check_insert(check);
    for (i = 0; st == TENON_OK && i < q->set.count; i++)
        st = query_check_assignment(check, &q->set.list[i], &seen);
    for (i = 0; st == TENON_OK && i < q->where.count; i++)
        st = query_check_condition(check, &q->where.list[i]);
    if (st == TENON_OK)
        st = query_check_order(check);
    if (st == TENON_OK)
        st = query_check_limit(check);
    for (i = 0; st == TENON_OK && i < check->param_count; i++) {
        if (check->params[i].type == TENON_NULL)
            st = query_refuse(check, NULL, "parameter %u is not used, and %u is", (unsigned)i,
                              (unsigned)check->param_count - 1);
    }
    return st;
}

tenon_status
tni_query_check(const tenon_query *query, const tenon_drv_table *table, tni_query_facts *facts,
                tenon_error *err)
{
    query_check check = { .query = query, .table = table, .err = err };
    uint16_t conflict_index = TENON_DRV_NONE;
    tenon_status st;

    memset(facts, 0, sizeof *facts);
    st = query_check_fields(&check);
    if (st == TENON_OK)
        st = query_check_lists(&check);
    if (st != TENON_OK)
        goto done;
    check.param_count = tenon_query_param_count(query);
    if (check.param_count > QUERY_MAX_PARAMS)
        check.param_count = QUERY_MAX_PARAMS;
    if (check.param_count > 0) {
        check.params = calloc(check.param_count, sizeof *check.params);
        if (check.params == NULL) {
            st = tni_no_memory(err, "the parameters of a query");
            goto done;
        }
    }
    st = query_check_all(&check);
    if (st == TENON_OK)
        st = query_find_conflict(&check, &conflict_index);
    if (st != TENON_OK)
        goto done;
    facts->params = check.params;
    facts->param_count = check.param_count;
    facts->conflict_index = conflict_index;
    check.params = NULL;

done:
    free(check.params);
    return st;
}
