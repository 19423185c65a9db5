/* Queries found by their address. */
#include "core/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#define PLAN_FIRST_CAPACITY 32

/* ---- Tables from addresses to values ---- */

static void *
plan_map_find(const tni_map *map, const void *key)
{
    uint32_t i;

    if (map->capacity == 0)
        return NULL;
    i = tni_map_start(key, map->capacity);
    while (map->slots[i].key != NULL && map->slots[i].key != key)
        i = (i + 1) & (map->capacity - 1);
    return map->slots[i].value;
}

static void
plan_map_put(tni_map *map, const void *key, void *value)
{
    uint32_t i = tni_map_start(key, map->capacity);

    while (map->slots[i].key != NULL)
        i = (i + 1) & (map->capacity - 1);
    map->slots[i].key = key;
    map->slots[i].value = value;
    map->count++;
}

/* Make room for one more; at most half of the slots are taken, so that searches are short. */
static bool
plan_map_reserve(tni_map *map)
{
    tni_map larger = { .slots = NULL, .capacity = PLAN_FIRST_CAPACITY, .count = 0 };

    if (map->capacity > 0 && map->count < map->capacity / 2)
        return true;
    if (map->capacity > 0)
        larger.capacity = map->capacity * 2;
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (uint32_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].key != NULL)
            plan_map_put(&larger, map->slots[i].key, map->slots[i].value);
    }
    free(map->slots);
    *map = larger;
    return true;
}

static void
plan_map_fini(tni_map *map)
{
    for (uint32_t i = 0; i < map->capacity; i++)
        free(map->slots[i].value);
    free(map->slots);
    memset(map, 0, sizeof *map);
}

/* ---- Normalised queries of a database ---- */

void
tni_models_init(tni_models *models)
{
    memset(models, 0, sizeof *models);
    tni_mutex_init(&models->lock);
}

void
tni_models_fini(tni_models *models)
{
    plan_map_fini(&models->queries);
    plan_map_fini(&models->tables);
    tni_mutex_fini(&models->lock);
}

static tenon_status
plan_table(tni_models *models, const tenon_table *table, const tenon_drv_table **out,
           tenon_error *err)
{
    tenon_drv_table *made = NULL;
    tenon_status st;

    *out = plan_map_find(&models->tables, table);
    if (*out != NULL)
        return TENON_OK;
    if (!plan_map_reserve(&models->tables))
        return tni_no_memory(err, "the tables in use");
    st = tni_table_new(table, &made, err);
    if (st != TENON_OK)
        return st;
    plan_map_put(&models->tables, table, made);
    *out = made;
    return TENON_OK;
}

/* The lock is held. */
static tenon_status
plan_query(tni_models *models, const tenon_query *query, const tni_query **out, tenon_error *err)
{
    const tenon_drv_table *table = NULL;
    tni_query *made = NULL;
    tenon_status st;

    *out = plan_map_find(&models->queries, query);
    if (*out != NULL)
        return TENON_OK;
    if (!plan_map_reserve(&models->queries))
        return tni_no_memory(err, "the queries in use");
    st = plan_table(models, query->table, &table, err);
    if (st == TENON_OK)
        st = tni_query_new(query, table, &made, err);
    if (st != TENON_OK)
        return st;
    plan_map_put(&models->queries, query, made);
    *out = made;
    return TENON_OK;
}

tenon_status
tni_models_query(tni_models *models, const tenon_query *query, const tni_query **out,
                 tenon_error *err)
{
    tenon_status st;

    *out = NULL;
    if (query->table == NULL)
        return tni_fail(err, TENON_INVALID, query->name, "a query names no table");
    tni_mutex_lock(&models->lock);
    st = plan_query(models, query, out, err);
    tni_mutex_unlock(&models->lock);
    return st;
}

/* ---- Plans of a connection ---- */

static tni_plan *
plans_put(tni_plans *plans, const tni_plan *plan)
{
    uint32_t i = tni_map_start(plan->source, plans->capacity);

    while (plans->slots[i].source != NULL)
        i = (i + 1) & (plans->capacity - 1);
    plans->slots[i] = *plan;
    plans->count++;
    return &plans->slots[i];
}

static bool
plans_reserve(tni_plans *plans)
{
    tni_plans larger = { .slots = NULL, .capacity = PLAN_FIRST_CAPACITY, .count = 0 };

    if (plans->capacity > 0 && plans->count < plans->capacity / 2)
        return true;
    if (plans->capacity > 0)
        larger.capacity = plans->capacity * 2;
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (uint32_t i = 0; i < plans->capacity; i++) {
        if (plans->slots[i].source != NULL)
            (void)plans_put(&larger, &plans->slots[i]);
    }
    free(plans->slots);
    *plans = larger;
    return true;
}

tni_plan *
tni_plans_add(tni_plans *plans, const tni_query *query)
{
    const tni_plan plan = { .source = query->source, .query = query };

    return plans_reserve(plans) ? plans_put(plans, &plan) : NULL;
}

void
tni_plans_clear(tni_plans *plans, const tenon_drv_query_ops *ops)
{
    for (uint32_t i = 0; i < plans->capacity; i++) {
        ops->free(plans->slots[i].first);
        ops->free(plans->slots[i].after);
        memset(&plans->slots[i], 0, sizeof plans->slots[i]);
    }
    plans->count = 0;
}

void
tni_plans_fini(tni_plans *plans, const tenon_drv_query_ops *ops)
{
    tni_plans_clear(plans, ops);
    free(plans->slots);
    memset(plans, 0, sizeof *plans);
}
