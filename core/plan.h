/** @file plan.h Queries found by their address: normalised once per database, compiled once per
 * connection. */
#ifndef TENON_CORE_PLAN_H
#define TENON_CORE_PLAN_H

#include "core/env.h"
#include "core/model.h"

/** An open-addressing table from addresses to values. All zero is an empty one. */
typedef struct tni_map {
    struct tni_map_slot {
        const void *key; /* NULL: free */
        void *value;
    } * slots;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
} tni_map;

/** The tables and queries of a database, normalised. Any thread. */
typedef struct tni_models {
    tni_mutex lock;
    tni_map tables;  /* tenon_table -> tenon_drv_table */
    tni_map queries; /* tenon_query -> tni_query */
} tni_models;

void tni_models_init(tni_models *models);
void tni_models_fini(tni_models *models);

/**
 * The normalised form of a query.
 *
 * @param[out] out borrowed from `models`; NULL on failure
 * @retval TENON_OK, TENON_INVALID (a rule is broken), TENON_NO_MEMORY
 */
tenon_status tni_models_query(tni_models *models, const tenon_query *query, const tni_query **out,
                              tenon_error *err);

/** A query on one connection. The driver's plans are made when first needed. */
typedef struct tni_plan {
    const tenon_query *source; /* NULL: a free slot */
    const tni_query *query;
    uint64_t serial;       /* of the transaction that used it last */
    uint64_t uses;         /* in that transaction */
    tenon_drv_plan *first; /* without the keyset's condition */
    tenon_drv_plan *after; /* with it */
} tni_plan;

/** The plans of one connection. All zero is empty. */
typedef struct tni_plans {
    tni_plan *slots;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
} tni_plans;

/** Where the search for an address begins. */
static inline uint32_t
tni_map_start(const void *key, uint32_t capacity)
{
    /* Addresses of static data are multiples of 8 or more, close to each other: the product's upper
     * half spreads them. */
    return (uint32_t)(((uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) &
           (capacity - 1);
}

/** The plan of a query, NULL if it has none yet. Valid until the next tni_plans_add or _clear. */
static inline tni_plan *
tni_plans_find(const tni_plans *plans, const tenon_query *query)
{
    uint32_t i;

    if (plans->capacity == 0)
        return NULL;
    i = tni_map_start(query, plans->capacity);
    while (plans->slots[i].source != NULL) {
        if (plans->slots[i].source == query)
            return &plans->slots[i];
        i = (i + 1) & (plans->capacity - 1);
    }
    return NULL;
}

/** Add a plan for a query that has none. @return NULL where there is no memory */
tni_plan *tni_plans_add(tni_plans *plans, const tni_query *query);

/** Free all plans, keep the room. Their cursors are closed. */
void tni_plans_clear(tni_plans *plans, const tenon_drv_query_ops *ops);

/** Free the room too. */
void tni_plans_fini(tni_plans *plans, const tenon_drv_query_ops *ops);

#endif
