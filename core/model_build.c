/* Queries in the form that drivers get: checked, with every default filled in, in one block. */
#include <stdlib.h>
#include <string.h>

#include "core/block.h"
#include "core/error.h"
#include "core/model_query.h"

static size_t
build_room(const tenon_query *query, const tenon_drv_table *table, uint32_t param_count)
{
    size_t room = tni_block_room(1, sizeof(tni_query));
    uint32_t i;

    room += tni_block_room_text(query->name != NULL ? query->name : "");
    room += tni_block_room(param_count, sizeof(tni_param));
    room += tni_block_room(param_count, sizeof(uint8_t));
    room += tni_block_room(query->columns.count, sizeof(uint16_t));
    room += tni_block_room(query->set.count, sizeof(tenon_drv_assign));
    room += tni_block_room(query->order.count, sizeof(tenon_drv_order));
    room += tni_block_room(query->where.count, sizeof(tenon_drv_cond));
    for (i = 0; i < query->where.count; i++)
        room += tni_block_room_value(&query->where.list[i].constant);
    if (query->kind == TENON_INSERT)
        room += tni_block_room(table->column_count, sizeof(tenon_drv_assign));
    return room;
}

/* One assignment for each column of the table; constants stay in the table. */
static const tenon_drv_assign *
build_insert(tni_block *block, const tenon_query *query, const tenon_drv_table *table)
{
    tenon_drv_assign *insert = tni_block_take(block, table->column_count, sizeof *insert);
    uint32_t i;

    for (i = 0; i < table->column_count; i++) {
        insert[i].column = (uint16_t)i;
        insert[i].how = TENON_SET_PARAM;
        insert[i].param = TENON_DRV_NONE;
        insert[i].constant = table->columns[i].default_value;
    }
    for (i = 0; i < query->columns.count; i++) {
        tenon_drv_assign *assign = &insert[query->columns.list[i]];

        assign->param = (uint16_t)i;
        assign->constant = tenon_null();
    }
    return insert;
}

static const tenon_drv_assign *
build_set(tni_block *block, const tenon_assignments *assignments)
{
    tenon_drv_assign *set = tni_block_take(block, assignments->count, sizeof *set);
    uint32_t i;

    for (i = 0; i < assignments->count; i++) {
        const tenon_assignment *assignment = &assignments->list[i];

        set[i].column = assignment->column;
        set[i].how = assignment->how;
        set[i].param = assignment->how == TENON_SET_TO_NULL ? TENON_DRV_NONE : assignment->param;
    }
    return set;
}

static const tenon_drv_cond *
build_where(tni_block *block, const tenon_where *conditions)
{
    tenon_drv_cond *where = tni_block_take(block, conditions->count, sizeof *where);
    uint32_t i;

    for (i = 0; i < conditions->count; i++) {
        const tenon_condition *condition = &conditions->list[i];
        const bool has_operand = condition->op != TENON_OP_IS_NULL &&
                                 condition->op != TENON_OP_NOT_NULL;

        where[i].column = condition->column;
        where[i].op = condition->op;
        where[i].param = condition->param;
        if (condition->op == TENON_OP_IN)
            where[i].param_count = condition->count;
        else if (condition->param != TENON_NO_PARAM)
            where[i].param_count = 1;
        else if (has_operand)
            where[i].constant = tni_block_value(block, &condition->constant);
    }
    return where;
}

static const tenon_drv_order *
build_order(tni_block *block, const tenon_ordering *ordering)
{
    tenon_drv_order *order = tni_block_take(block, ordering->count, sizeof *order);
    uint32_t i;

    for (i = 0; i < ordering->count; i++) {
        order[i].column = ordering->list[i].column;
        order[i].descending = ordering->list[i].descending;
    }
    return order;
}

static void
build_drv(tni_block *block, const tenon_query *query, const tenon_drv_table *table,
          const tni_query_facts *facts, tenon_drv_query *drv)
{
    uint8_t *types = tni_block_take(block, facts->param_count, sizeof *types);
    uint32_t i;

    for (i = 0; i < facts->param_count; i++)
        types[i] = facts->params[i].type;
    drv->size = sizeof *drv;
    drv->name = tni_block_text(block, query->name != NULL ? query->name : "");
    drv->table = table;
    drv->kind = query->kind;
    drv->on_conflict = query->on_conflict;
    drv->after_param = TENON_DRV_NONE;
    drv->limit_param = query->limit_param > 0 ? (uint16_t)(query->limit_param - 1) : TENON_DRV_NONE;
    drv->conflict_index = facts->conflict_index;
    if (query->kind == TENON_SELECT) {
        drv->columns = tni_block_copy(block, query->columns.list, query->columns.count,
                                      sizeof(uint16_t));
        drv->column_count = query->columns.count;
    }
    if (query->kind == TENON_INSERT)
        drv->insert = build_insert(block, query, table);
    drv->set = build_set(block, &query->set);
    drv->set_count = query->set.count;
    drv->where = build_where(block, &query->where);
    drv->where_count = query->where.count;
    drv->order = build_order(block, &query->order);
    drv->order_count = query->order.count;
    drv->limit = query->limit > 0 ? query->limit : UINT64_MAX;
    drv->param_types = types;
    drv->param_count = facts->param_count;
}

tenon_status
tni_query_new(const tenon_query *query, const tenon_drv_table *table, tni_query **out,
              tenon_error *err)
{
    tni_query_facts facts;
    tenon_status st;
    tni_query *built;
    tni_block block;

    *out = NULL;
    st = tni_query_check(query, table, &facts, err);
    if (st != TENON_OK)
        goto done;
    if (tni_block_new(&block, build_room(query, table, facts.param_count)) == NULL) {
        st = tni_no_memory(err, "a query");
        goto done;
    }
    built = tni_block_take(&block, 1, sizeof *built);
    built->source = query;
    built->params = tni_block_copy(&block, facts.params, facts.param_count, sizeof *facts.params);
    built->param_count = facts.param_count;
    built->after_param = query->after_param > 0 ? (uint16_t)(query->after_param - 1)
                                                : TENON_DRV_NONE;
    built->writes = query->kind == TENON_INSERT || query->kind == TENON_UPDATE ||
                    query->kind == TENON_DELETE;
    build_drv(&block, query, table, &facts, &built->drv);
    if (built->after_param != TENON_DRV_NONE) {
        built->drv_after = built->drv;
        built->drv_after.after_param = built->after_param;
    }
    *out = built;

done:
    free(facts.params);
    return st;
}
