/* Choosing how a query finds its rows. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "read.h"

/* ---- Conditions ---- */

/* The first condition on a column with one of two operators that is not used yet. */
static uint16_t
plan_find(const tenon_drv_plan *plan, uint16_t column, uint8_t op, uint8_t other)
{
    for (uint32_t i = 0; i < plan->cond_count; i++) {
        const kv_cond *c = &plan->conds[i];

        if (c->column == column && (c->op == op || c->op == other))
            return (uint16_t)i;
    }
    return TENON_DRV_NONE;
}

/* Whether the conditions of the query hold only for rows that are in the index. */
static bool
plan_implies(const tenon_drv_plan *plan, const kv_predicate *p)
{
    for (uint32_t i = 0; i < plan->cond_count; i++) {
        const kv_cond *c = &plan->conds[i];

        if (c->column != p->column)
            continue;
        if (p->op == TENON_OP_NOT_NULL && c->op != TENON_OP_IS_NULL)
            return true; /* a comparison with NULL is not true */
        if (p->op == TENON_OP_IS_NULL && c->op == TENON_OP_IS_NULL)
            return true;
        if (p->op == TENON_OP_EQ && c->op == TENON_OP_EQ && c->param == TENON_DRV_NONE &&
            kv_compare(&c->constant, TENON_OP_EQ, &p->constant))
            return true;
    }
    return false;
}

static bool
plan_can_use(const tenon_drv_plan *plan, const kv_index *index)
{
    for (uint32_t i = 0; i < index->where_count; i++) {
        if (!plan_implies(plan, &index->where[i]))
            return false;
    }
    return true;
}

/* ---- Order ---- */

/* Columns of the keys of an index, or of the table's own; `out` has room for all. */
static uint32_t
plan_key_columns(const kv_table *table, const kv_index *index,
                 uint16_t out[2 * TENON_MAX_KEY_COLUMNS])
{
    uint32_t count = 0;

    for (uint32_t i = 0; index != NULL && i < index->column_count; i++)
        out[count++] = index->columns[i];
    for (uint32_t i = 0; i < table->key_column_count; i++)
        out[count++] = table->key_columns[i];
    return count;
}

static bool
plan_holds(const uint16_t *columns, uint32_t count, uint16_t column)
{
    for (uint32_t i = 0; i < count; i++) {
        if (columns[i] == column)
            return true;
    }
    return false;
}

static bool
plan_is_equal(const tenon_drv_plan *plan, const kv_path *path, uint16_t column)
{
    for (uint32_t i = 0; i < path->equal_count; i++) {
        if (plan->conds[path->equal[i]].column == column)
            return true;
    }
    return false;
}

/* Whether the keys come in the order asked for, forwards or backwards. */
static void
plan_match_order(const tenon_drv_plan *plan, kv_path *path)
{
    uint16_t keys[2 * TENON_MAX_KEY_COLUMNS];
    const uint32_t key_count = plan_key_columns(plan->table, path->index, keys);
    uint32_t at = path->equal_count;
    bool first = true;

    path->ordered = plan->order_count == 0;
    if (path->ordered || path->in != TENON_DRV_NONE)
        return;
    for (uint32_t i = 0; i < plan->order_count; i++) {
        const tenon_drv_order *o = &plan->order[i];

        if (plan_is_equal(plan, path, o->column) || plan_holds(keys, at, o->column))
            continue; /* all rows at hand have the same value there */
        while (at < key_count && plan_holds(keys, at, keys[at]))
            at++;
        if (at == key_count)
            break; /* the primary key decides before this column is looked at */
        if (keys[at] != o->column || (!first && path->backward != (o->descending != 0)))
            return;
        path->backward = o->descending != 0;
        first = false;
        at++;
    }
    path->ordered = true;
}

/* Whether reading can begin right behind the last row of the page before. */
static void
plan_match_keyset(const tenon_drv_plan *plan, kv_path *path)
{
    uint16_t keys[2 * TENON_MAX_KEY_COLUMNS];
    uint32_t key_count = plan_key_columns(plan->table, path->index, keys);

    if (plan->query->after_param == TENON_DRV_NONE || !path->ordered)
        return;
    if (path->index != NULL && path->index->unique)
        key_count = path->index->column_count; /* its keys may end there */
    if (path->equal_count + plan->order_count > key_count)
        return;
    for (uint32_t i = 0; i < plan->order_count; i++) {
        if (plan->order[i].column != keys[path->equal_count + i])
            return;
    }
    path->seek_after = true;
}

/* ---- Ways ---- */

static void
plan_match_range(const tenon_drv_plan *plan, kv_path *path, uint16_t column)
{
    path->in = plan_find(plan, column, TENON_OP_IN, TENON_OP_IN);
    if (path->in != TENON_DRV_NONE)
        return;
    path->prefix = plan_find(plan, column, TENON_OP_PREFIX, TENON_OP_PREFIX);
    if (path->prefix != TENON_DRV_NONE)
        return;
    path->low = plan_find(plan, column, TENON_OP_GT, TENON_OP_GE);
    path->high = plan_find(plan, column, TENON_OP_LT, TENON_OP_LE);
}

static kv_path
plan_path(const tenon_drv_plan *plan, const kv_index *index)
{
    kv_path path = { .index = index,
                     .in = TENON_DRV_NONE,
                     .low = TENON_DRV_NONE,
                     .high = TENON_DRV_NONE,
                     .prefix = TENON_DRV_NONE };
    const uint16_t *columns = index != NULL ? index->columns : plan->table->key_columns;
    const uint32_t count = index != NULL ? index->column_count : plan->table->key_column_count;
    bool with_null = false;

    while (path.equal_count < count) {
        const uint16_t cond = plan_find(plan, columns[path.equal_count], TENON_OP_EQ,
                                        TENON_OP_IS_NULL);

        if (cond == TENON_DRV_NONE)
            break;
        with_null = with_null || plan->conds[cond].op == TENON_OP_IS_NULL;
        path.equal[path.equal_count++] = cond;
    }
    if (path.equal_count < count)
        plan_match_range(plan, &path, columns[path.equal_count]);
    path.unique = path.equal_count + (path.in != TENON_DRV_NONE ? 1 : 0) == count && !with_null &&
                  (index == NULL || index->unique);
    if (path.unique && path.in == TENON_DRV_NONE) {
        path.ordered = true; /* one row at most */
        return path;
    }
    plan_match_order(plan, &path);
    plan_match_keyset(plan, &path);
    return path;
}

/* Higher is better. A unique match beats all; then the more a key says; an order spares a sort. */
static int
plan_score(const tenon_drv_plan *plan, const kv_path *path)
{
    int score = (int)path->equal_count * 20;

    if (path->unique)
        score += path->in == TENON_DRV_NONE ? 1000 : 500;
    if (path->in != TENON_DRV_NONE)
        score += 12;
    if (path->prefix != TENON_DRV_NONE)
        score += 12;
    if (path->low != TENON_DRV_NONE)
        score += 6;
    if (path->high != TENON_DRV_NONE)
        score += 6;
    if (plan->order_count > 0 && path->ordered)
        score += 10;
    if (path->index == NULL)
        score += 3; /* one lookup for each row instead of two */
    else
        score += (int)path->index->where_count; /* fewer entries */
    return score;
}

/* Conditions that hold for every row which the path finds. */
static void
plan_mark_served(tenon_drv_plan *plan)
{
    const kv_path *path = &plan->path;
    const uint16_t others[] = { path->in, path->low, path->high, path->prefix };

    for (uint32_t i = 0; i < plan->cond_count; i++)
        plan->conds[i].served = false;
    for (uint32_t i = 0; i < path->equal_count; i++)
        plan->conds[path->equal[i]].served = true;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i] != TENON_DRV_NONE)
            plan->conds[others[i]].served = true;
    }
    plan->pending = 0;
    for (uint32_t i = 0; i < plan->cond_count; i++)
        plan->pending += plan->conds[i].served ? 0 : 1;
    plan->only_entries = plan->query->kind == TENON_COUNT && plan->pending == 0 &&
                         plan->query->after_param == TENON_DRV_NONE;
}

void
kv_plan_choose(tenon_drv_plan *plan)
{
    int best;

    plan->path = plan_path(plan, NULL);
    best = plan_score(plan, &plan->path);
    for (uint32_t i = 0; i < plan->table->index_count; i++) {
        const kv_index *index = &plan->table->indexes[i];
        kv_path path;

        if (!plan_can_use(plan, index))
            continue;
        path = plan_path(plan, index);
        /* Without anything to look for, the rows themselves are read. */
        if (path.equal_count == 0 && path.in == TENON_DRV_NONE && path.low == TENON_DRV_NONE &&
            path.high == TENON_DRV_NONE && path.prefix == TENON_DRV_NONE &&
            index->where_count == 0 && (plan->order_count == 0 || !path.ordered))
            continue;
        if (plan_score(plan, &path) > best) {
            best = plan_score(plan, &path);
            plan->path = path;
        }
    }
    plan_mark_served(plan);
}

/* ---- Making a plan for the tables as they are ---- */

static tenon_status
plan_no_table(const tenon_drv_plan *plan, const char *column, tenon_error *err)
{
    const char *table = plan->query->table->name;

    if (column == NULL)
        return kv_fail(err, TENON_SCHEMA, table, "the store has no table %s", table);
    return kv_fail(err, TENON_SCHEMA, table, "the stored table %s has no column %s", table, column);
}

static tenon_status
plan_map_columns(tenon_drv_plan *plan, tenon_error *err)
{
    const tenon_drv_table *table = plan->query->table;

    for (uint32_t i = 0; i < table->column_count; i++) {
        const uint32_t column = kv_find_column(plan->table, table->columns[i].name);

        if (column == UINT32_MAX || plan->table->columns[column].type != table->columns[i].type)
            return plan_no_table(plan, table->columns[i].name, err);
        plan->map[i] = (uint16_t)column;
    }
    return TENON_OK;
}

static tenon_status
plan_map_conflict(tenon_drv_plan *plan, tenon_error *err)
{
    const tenon_drv_query *q = plan->query;
    const char *name;

    plan->conflict = NULL;
    if (q->on_conflict != TENON_ON_CONFLICT_UPDATE || q->conflict_index == TENON_DRV_NONE)
        return TENON_OK;
    name = q->table->indexes[q->conflict_index].name;
    for (uint32_t i = 0; i < plan->table->index_count; i++) {
        if (!plan->table->indexes[i].hidden && strcmp(plan->table->indexes[i].name, name) == 0)
            plan->conflict = &plan->table->indexes[i];
    }
    if (plan->conflict == NULL)
        return kv_fail(err, TENON_SCHEMA, name, "the stored table %s has no index %s",
                       plan->table->name, name);
    return TENON_OK;
}

static tenon_status
plan_make(tenon_drv_plan *plan, tenon_error *err)
{
    const tenon_drv_query *q = plan->query;
    tenon_status st;

    plan->table = kv_find_table(plan->conn->schema, q->table->name);
    if (plan->table == NULL)
        return plan_no_table(plan, NULL, err);
    st = plan_map_columns(plan, err);
    if (st == TENON_OK)
        st = plan_map_conflict(plan, err);
    if (st != TENON_OK)
        return st;
    plan->row_key_bytes = kv_fixed_key_bytes(plan->table);
    for (uint32_t i = 0; i < q->column_count; i++)
        plan->fields[i] = kv_field_of(&plan->table->columns[plan->map[q->columns[i]]]);
    plan->cond_count = q->where_count;
    for (uint32_t i = 0; i < q->where_count; i++) {
        const tenon_drv_cond *c = &q->where[i];

        plan->conds[i] = (kv_cond){ .constant = c->constant,
                                    .column = plan->map[c->column],
                                    .param = c->param,
                                    .param_count = c->param_count,
                                    .op = c->op };
    }
    plan->order_count = q->order_count;
    for (uint32_t i = 0; i < q->order_count; i++)
        plan->order[i] = (tenon_drv_order){ .column = plan->map[q->order[i].column],
                                            .descending = q->order[i].descending };
    kv_plan_choose(plan);
    return TENON_OK;
}

tenon_status
kv_plan_ready(tenon_drv_plan *plan, tenon_error *err)
{
    kv_schema *schema = plan->conn->schema;
    tenon_status st;

    if (plan->schema == schema)
        return TENON_OK;
    kv_schema_release(plan->schema);
    plan->schema = NULL;
    st = plan_make(plan, err);
    if (st == TENON_OK) {
        (void)atomic_fetch_add(&schema->use_count, 1);
        plan->schema = schema;
    }
    return st;
}

/* ---- Words ---- */

typedef struct plan_text {
    char *at;
    size_t left;
} plan_text;

__attribute__((format(printf, 2, 3))) static void
plan_say(plan_text *t, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    if (len < 0)
        return;
    if ((size_t)len >= t->left)
        len = t->left > 0 ? (int)t->left - 1 : 0;
    t->at += len;
    t->left -= (size_t)len;
}

static void
plan_say_cond(plan_text *t, const tenon_drv_plan *plan, uint16_t cond, const char **before)
{
    static const char *const ops[] = { "",   "=",   "<>",      "<",        "<=",          ">",
                                       ">=", " in", " begins", " is null", " is not null" };

    if (cond == TENON_DRV_NONE)
        return;
    plan_say(t, "%s%s%s", *before, plan->table->columns[plan->conds[cond].column].name,
             ops[plan->conds[cond].op]);
    *before = ", ";
}

void
kv_plan_explain(const tenon_drv_plan *plan, char *out, size_t out_bytes)
{
    const kv_path *path = &plan->path;
    const char *before = " (";
    plan_text t = { .at = out, .left = out_bytes };
    const bool found = path->equal_count > 0 || path->in != TENON_DRV_NONE ||
                       path->low != TENON_DRV_NONE || path->high != TENON_DRV_NONE ||
                       path->prefix != TENON_DRV_NONE;

    if (out_bytes == 0)
        return;
    if (plan->query->kind == TENON_INSERT) {
        plan_say(&t, "insert into %s", plan->table->name);
        return;
    }
    plan_say(&t, "%s %s by %s%s", found ? "search" : "scan", plan->table->name,
             path->index == NULL ? "primary key" : "index ",
             path->index == NULL ? "" : path->index->name);
    for (uint32_t i = 0; i < path->equal_count; i++)
        plan_say_cond(&t, plan, path->equal[i], &before);
    plan_say_cond(&t, plan, path->in, &before);
    plan_say_cond(&t, plan, path->low, &before);
    plan_say_cond(&t, plan, path->high, &before);
    plan_say_cond(&t, plan, path->prefix, &before);
    plan_say(&t, "%s%s", found ? ")" : "", path->backward && path->ordered ? " backwards" : "");
    before = "; filter ";
    for (uint32_t i = 0; i < plan->cond_count; i++) {
        if (!plan->conds[i].served)
            plan_say_cond(&t, plan, (uint16_t)i, &before);
    }
    if (!path->ordered)
        plan_say(&t, "; sort");
}
