/* Random queries. */
#include "check/model/model.h"

#include <string.h>

/* A query while it is made. */
typedef struct maker {
    eq_world *world;
    eq_query *q;
    const tenon_table *table;
    bool by_key; /* one row at most */
} maker;

static uint16_t
maker_param(maker *m, uint32_t column)
{
    m->q->params[m->q->param_count] = (eq_param){ .column = (uint16_t)column };
    return (uint16_t)m->q->param_count++;
}

static void *
maker_keep(maker *m, const void *list, size_t bytes)
{
    void *copy = eq_take(&m->world->arena, bytes > 0 ? bytes : 1);

    if (bytes > 0)
        memcpy(copy, list, bytes);
    return copy;
}

static bool
maker_lists(const tenon_columns *columns, uint32_t column)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        if (columns->list[i] == column)
            return true;
    }
    return false;
}

/* ---- Conditions ---- */

static uint8_t
maker_operator(maker *m, tenon_type type)
{
    eq_random *random = &m->world->random;
    uint8_t op;

    do
        op = (uint8_t)(TENON_OP_EQ + eq_below(random, 10));
    while ((op == TENON_OP_PREFIX && type != TENON_TEXT && type != TENON_BLOB) ||
           (type == TENON_BOOL && op > TENON_OP_NE && op < TENON_OP_IS_NULL));
    return op;
}

static tenon_condition
maker_condition(maker *m)
{
    eq_random *random = &m->world->random;
    const uint32_t column = eq_below(random, m->table->column_count);
    const tenon_column *c = &m->table->columns[column];
    tenon_condition condition;

    memset(&condition, 0, sizeof condition);
    condition.column = (tenon_column_no)column;
    condition.op = maker_operator(m, c->type);
    condition.param = TENON_NO_PARAM;
    if (condition.op == TENON_OP_IN) {
        condition.count = (uint16_t)(1 + eq_below(random, 4));
        condition.param = maker_param(m, column);
        for (uint32_t i = 1; i < condition.count; i++)
            (void)maker_param(m, column);
    } else if (condition.op < TENON_OP_IS_NULL) {
        if (eq_chance(random, 20))
            condition.constant = eq_value(random, c->type, c->max_bytes);
        else
            condition.param = maker_param(m, column);
    }
    return condition;
}

/* The row with the key, or up to three conditions. */
static void
maker_where(maker *m, bool by_key)
{
    tenon_condition list[TENON_MAX_KEY_COLUMNS];
    uint32_t count = 0;

    memset(list, 0, sizeof list);
    m->by_key = by_key;
    if (by_key) {
        for (; count < m->table->primary_key.count; count++) {
            list[count].column = m->table->primary_key.list[count];
            list[count].op = TENON_OP_EQ;
            list[count].param = maker_param(m, list[count].column);
        }
    } else {
        for (uint32_t wanted = eq_below(&m->world->random, 4); count < wanted; count++)
            list[count] = maker_condition(m);
    }
    m->q->query.where = (tenon_where){ (tenon_condition *)maker_keep(m, list, count * sizeof *list),
                                       count };
}

/* ---- Changes ---- */

/* Whether a change of the column changes what an index holds, or which rows it covers. */
static bool
maker_index_has(const tenon_index *index, uint32_t column)
{
    for (uint32_t i = 0; i < index->where.count; i++) {
        if (index->where.list[i].column == column)
            return true;
    }
    return maker_lists(&index->columns, column);
}

static bool
maker_unique_has(const tenon_table *table, uint32_t column)
{
    for (uint32_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i].unique && maker_index_has(&table->indexes[i], column))
            return true;
    }
    return false;
}

static bool
maker_set_has(const tenon_assignments *set, const tenon_columns *columns)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (maker_lists(columns, set->list[i].column))
            return true;
    }
    return false;
}

/* How many kinds of failure the assignments may lead to. */
static uint32_t
maker_reasons(const maker *m)
{
    const tenon_assignments *set = &m->q->query.set;
    uint32_t reasons = 0;

    for (uint32_t i = 0; i < m->table->index_count; i++) {
        bool touched = false;

        for (uint32_t j = 0; j < set->count; j++)
            touched = touched || maker_index_has(&m->table->indexes[i], set->list[j].column);
        reasons += touched && m->table->indexes[i].unique;
    }
    for (uint32_t i = 0; i < m->table->foreign_key_count; i++)
        reasons += maker_set_has(set, &m->table->foreign_keys[i].columns);
    for (uint32_t i = 0; i < set->count; i++)
        reasons += set->list[i].how == TENON_SET_ADD;
    return reasons;
}

/* Assign to up to three columns outside of the key. @return false where there are none */
static bool
maker_set(maker *m, bool many_rows)
{
    eq_random *random = &m->world->random;
    tenon_assignment list[3];
    uint32_t count = 0;

    memset(list, 0, sizeof list);
    for (uint32_t tries = 1 + eq_below(random, 4); tries > 0 && count < 3; tries--) {
        const uint32_t column = eq_below(random, m->table->column_count);
        const tenon_column *c = &m->table->columns[column];
        bool taken = maker_lists(&m->table->primary_key, column);

        for (uint32_t i = 0; i < count; i++)
            taken = taken || list[i].column == column;
        if (taken)
            continue;
        list[count].column = (tenon_column_no)column;
        list[count].how = TENON_SET_PARAM;
        /* With many rows it is open which sums an engine compares on the way. */
        if ((c->type == TENON_INT || c->type == TENON_REAL) && eq_chance(random, 50) &&
            !(many_rows && maker_unique_has(m->table, column)))
            list[count].how = TENON_SET_ADD;
        else if (!c->not_null && eq_chance(random, 15))
            list[count].how = TENON_SET_TO_NULL;
        if (list[count].how != TENON_SET_TO_NULL) {
            list[count].param = maker_param(m, column);
            m->q->params[list[count].param].addend = list[count].how == TENON_SET_ADD;
        }
        count++;
    }
    m->q->query.set = (tenon_assignments){
        (tenon_assignment *)maker_keep(m, list, count * sizeof *list), count
    };
    return count > 0;
}

static void
maker_insert(maker *m)
{
    eq_random *random = &m->world->random;
    tenon_column_no list[TENON_MAX_COLUMNS];
    tenon_query *q = &m->q->query;
    uint32_t count = 0;

    q->kind = TENON_INSERT;
    for (uint32_t i = 0; i < m->table->column_count; i++) {
        const tenon_column *c = &m->table->columns[i];

        if ((c->not_null && c->default_value.type == TENON_NULL) || eq_chance(random, 80)) {
            list[count++] = (tenon_column_no)i;
            (void)maker_param(m, i);
        }
    }
    q->columns = (tenon_columns){ (tenon_column_no *)maker_keep(m, list, count * sizeof *list),
                                  count };
    m->q->one_reason = true;
    m->q->named = true;
    if (eq_chance(random, 60))
        return;
    q->on_conflict = TENON_ON_CONFLICT_IGNORE;
    if (eq_chance(random, 30) || !maker_set(m, false))
        return;
    q->on_conflict = TENON_ON_CONFLICT_UPDATE;
    for (uint32_t i = 0; i < m->table->index_count; i++) {
        const tenon_index *index = &m->table->indexes[i];

        if (index->unique && index->where.count == 0 && eq_chance(random, 60))
            q->conflict_index = index->name;
    }
}

/* A removal from a table that cascades to itself: a row may be met before or after the cascade. */
static void
maker_delete(maker *m)
{
    m->q->query.kind = TENON_DELETE;
    m->q->one_reason = true;
    for (uint32_t i = 0; i < m->table->foreign_key_count; i++) {
        const tenon_foreign_key *key = &m->table->foreign_keys[i];

        if (key->on_delete == TENON_CASCADE && strcmp(key->references, m->table->name) == 0)
            m->q->uncounted = true;
    }
    maker_where(m, eq_chance(&m->world->random, 50));
}

static void
maker_update(maker *m)
{
    const bool by_key = eq_chance(&m->world->random, 50);

    if (m->table->primary_key.count == m->table->column_count) { /* nothing to set */
        maker_delete(m);
        return;
    }
    m->q->query.kind = TENON_UPDATE;
    while (!maker_set(m, !by_key))
        ;
    m->q->one_reason = by_key || maker_reasons(m) <= 1;
    m->q->named = m->q->one_reason;
    maker_where(m, by_key);
}

/* ---- Reading ---- */

static void
maker_order(maker *m, bool total, bool keyset)
{
    eq_random *random = &m->world->random;
    const bool descending = eq_chance(random, 50);
    tenon_order list[4 + TENON_MAX_KEY_COLUMNS];
    uint32_t count = 0, covered = 0;
    uint64_t seen = 0;

    memset(list, 0, sizeof list);
    for (uint32_t tries = eq_below(random, 4); tries > 0; tries--) {
        const uint32_t column = eq_below(random, m->table->column_count);

        if ((seen >> column & 1) != 0 || (keyset && !m->table->columns[column].not_null))
            continue;
        seen |= UINT64_C(1) << column;
        list[count++].column = (tenon_column_no)column;
    }
    for (uint32_t i = 0; i < m->table->primary_key.count; i++) {
        const uint32_t column = m->table->primary_key.list[i];

        if ((seen >> column & 1) == 0 && (total || (keyset && count == 0)))
            list[count++].column = (tenon_column_no)column;
        covered += total || (seen >> column & 1) != 0;
    }
    for (uint32_t i = 0; i < count; i++)
        list[i].descending = keyset ? descending : eq_chance(random, 40);
    m->q->query.order = (tenon_ordering){ (tenon_order *)maker_keep(m, list, count * sizeof *list),
                                          count };
    m->q->order_count = count;
    m->q->total = covered == m->table->primary_key.count;
}

/* The order's columns first, then others. */
static void
maker_columns(maker *m)
{
    eq_random *random = &m->world->random;
    tenon_column_no list[4 + TENON_MAX_KEY_COLUMNS + 8];
    uint32_t count = 0;

    for (; count < m->q->order_count; count++)
        list[count] = m->q->query.order.list[count].column;
    for (uint32_t more = 1 + eq_below(random, 7); more > 0; more--)
        list[count++] = (tenon_column_no)eq_below(random, m->table->column_count);
    m->q->query.columns = (tenon_columns){
        (tenon_column_no *)maker_keep(m, list, count * sizeof *list), count
    };
}

static void
maker_select(maker *m)
{
    eq_random *random = &m->world->random;
    const bool limit = eq_chance(random, 40), keyset = eq_chance(random, 25);
    tenon_query *q = &m->q->query;

    q->kind = TENON_SELECT;
    maker_where(m, eq_chance(random, 15));
    maker_order(m, limit || eq_chance(random, 30), keyset);
    maker_columns(m);
    if (keyset) {
        q->after_param = TENON_PARAM(m->q->param_count);
        for (uint32_t i = 0; i < m->q->order_count; i++)
            m->q->params[maker_param(m, q->order.list[i].column)].keyset = true;
    }
    if (limit && eq_chance(random, 50)) {
        q->limit_param = TENON_PARAM(m->q->param_count);
        m->q->params[maker_param(m, 0)].limit = true;
    } else if (limit) {
        q->limit = 1 + eq_below(random, 6);
    }
}

static eq_query *
maker_make(eq_world *world)
{
    const uint32_t kind = eq_below(&world->random, 100);
    maker m = { .world = world };

    m.q = (eq_query *)eq_take(&world->arena, sizeof *m.q);
    m.table = world->tables[eq_below(&world->random, world->schema.table_count)];
    m.q->query.table = m.table;
    m.q->query.name = eq_name(&world->arena, "q", world->query_count);
    if (kind < 40) {
        maker_insert(&m);
    } else if (kind < 60) {
        maker_update(&m);
    } else if (kind < 68) {
        maker_delete(&m);
    } else if (kind < 75) {
        m.q->query.kind = TENON_COUNT;
        maker_where(&m, false);
        m.q->total = true;
    } else {
        maker_select(&m);
    }
    return m.q;
}

eq_query *
eq_query_pick(eq_world *world)
{
    if (world->query_count == EQ_MAX_QUERIES ||
        (world->query_count > 12 && eq_chance(&world->random, 60)))
        return world->queries[eq_below(&world->random, world->query_count)];
    world->queries[world->query_count] = maker_make(world);
    return world->queries[world->query_count++];
}

eq_query *
eq_query_dump(eq_world *world, uint32_t table)
{
    maker m = { .world = world, .table = world->tables[table] };
    tenon_column_no columns[TENON_MAX_COLUMNS];
    tenon_order order[TENON_MAX_KEY_COLUMNS];

    m.q = (eq_query *)eq_take(&world->arena, sizeof *m.q);
    memset(order, 0, sizeof order);
    for (uint32_t i = 0; i < m.table->column_count; i++)
        columns[i] = (tenon_column_no)i;
    for (uint32_t i = 0; i < m.table->primary_key.count; i++)
        order[i].column = m.table->primary_key.list[i];
    m.q->query = (tenon_query){
        .name = "dump",
        .kind = TENON_SELECT,
        .table = m.table,
        .columns = { (tenon_column_no *)maker_keep(&m, columns,
                                                   m.table->column_count * sizeof *columns),
                     m.table->column_count },
        .order = { (tenon_order *)maker_keep(&m, order, m.table->primary_key.count * sizeof *order),
                   m.table->primary_key.count },
    };
    m.q->total = true;
    return m.q;
}
