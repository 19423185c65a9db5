/* Names of operations, and where they are counted. */
#include "core/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plan.h"

#define STATS_PROBES 4
enum { STATS_UNNAMED = 0, STATS_OTHER = 1 };

static tni_op *
stats_add(tni_ops *ops, const char *name)
{
    const uint32_t number = atomic_load_explicit(&ops->count, memory_order_relaxed);
    tni_op *op = calloc(1, sizeof *op);

    if (op == NULL)
        return NULL;
    op->number = number;
    (void)snprintf(op->name, sizeof op->name, "%s", name); /* a longer one is cut */
    atomic_store_explicit(&ops->list[number], op, memory_order_release);
    atomic_store_explicit(&ops->count, number + 1, memory_order_release);
    return op;
}

bool
tni_ops_init(tni_ops *ops)
{
    memset(ops, 0, sizeof *ops);
    tni_mutex_init(&ops->lock);
    return stats_add(ops, "(unnamed)") != NULL && stats_add(ops, "(others)") != NULL;
}

void
tni_ops_fini(tni_ops *ops)
{
    for (uint32_t i = 0; i < TNI_MAX_OPS; i++)
        free(atomic_load(&ops->list[i]));
    tni_mutex_fini(&ops->lock);
}

static bool
stats_is(const tni_op *op, const char *name)
{
    return strncmp(op->name, name, TNI_OP_NAME_BYTES) == 0;
}

/* By its text. The lock is held. */
static tni_op *
stats_find(tni_ops *ops, const char *name)
{
    const uint32_t count = atomic_load_explicit(&ops->count, memory_order_relaxed);
    tni_op *other = atomic_load_explicit(&ops->list[STATS_OTHER], memory_order_relaxed);
    tni_op *op = NULL;

    for (uint32_t i = 0; i < count; i++) {
        op = atomic_load_explicit(&ops->list[i], memory_order_relaxed);
        if (stats_is(op, name))
            return op;
    }
    op = count < TNI_MAX_OPS ? stats_add(ops, name) : NULL;
    return op != NULL ? op : other;
}

/* Let it be found by its address from now on, if there is a free place. */
static void
stats_remember(tni_ops *ops, const char *name, tni_op *op)
{
    uint32_t i = tni_map_start(name, 2 * TNI_MAX_OPS);

    for (uint32_t probe = 0; probe < STATS_PROBES; probe++) {
        tni_op_place *place = &ops->places[(i + probe) % (2 * TNI_MAX_OPS)];
        const char *key = atomic_load_explicit(&place->key, memory_order_relaxed);

        if (key == NULL || key == name) {
            atomic_store_explicit(&place->op, op, memory_order_release);
            atomic_store_explicit(&place->key, name, memory_order_release);
            return;
        }
    }
}

tni_op *
tni_ops_find(tni_ops *ops, const char *name)
{
    tni_op *op;
    uint32_t i;

    if (name == NULL || name[0] == '\0')
        return atomic_load_explicit(&ops->list[STATS_UNNAMED], memory_order_relaxed);
    i = tni_map_start(name, 2 * TNI_MAX_OPS);
    for (uint32_t probe = 0; probe < STATS_PROBES; probe++) {
        tni_op_place *place = &ops->places[(i + probe) % (2 * TNI_MAX_OPS)];

        if (atomic_load_explicit(&place->key, memory_order_acquire) == name) {
            op = atomic_load_explicit(&place->op, memory_order_acquire);
            if (stats_is(op, name))
                return op;
            break; /* another text at the same address */
        }
    }
    tni_mutex_lock(&ops->lock);
    op = stats_find(ops, name);
    stats_remember(ops, name, op);
    tni_mutex_unlock(&ops->lock);
    return op;
}

tni_op_stats *
tni_shard_of(_Atomic(tni_shard *) *shard, const tni_op *op)
{
    tni_shard *own = atomic_load_explicit(shard, memory_order_relaxed);
    tni_op_stats *stats;

    if (own == NULL) {
        own = calloc(1, sizeof *own);
        atomic_store_explicit(shard, own, memory_order_release);
    }
    if (own == NULL)
        return NULL;
    stats = atomic_load_explicit(&own->by_op[op->number], memory_order_relaxed);
    if (stats == NULL) {
        stats = aligned_alloc(_Alignof(tni_op_stats), sizeof *stats);
        if (stats != NULL)
            memset(stats, 0, sizeof *stats);
        atomic_store_explicit(&own->by_op[op->number], stats, memory_order_release);
    }
    return stats;
}

void
tni_shard_free(tni_shard *shard)
{
    if (shard == NULL)
        return;
    for (uint32_t i = 0; i < TNI_MAX_OPS; i++)
        free(atomic_load(&shard->by_op[i]));
    free(shard);
}

void
tni_count_end(tni_op_stats *stats, uint32_t end, const tni_times *times)
{
    if (stats == NULL)
        return;
    tni_histogram_add(&stats->phases[TNI_RUN], times->ended_ns - times->leased_ns);
    if (end != TNI_COMMITTED && end != TNI_UNKNOWN)
        tni_histogram_add(&stats->phases[TNI_ROLLBACK], times->done_ns - times->ended_ns);
    else if (end == TNI_COMMITTED && times->done_ns != times->ended_ns) /* not a reader's */
        tni_histogram_add(&stats->phases[TNI_COMMIT], times->done_ns - times->ended_ns);
    tni_bump(&stats->counts[end]);
}

void
tni_op_refused(tni_op *op, int32_t status)
{
    uint32_t why = TNI_REFUSED_OTHER;

    if (status == TENON_TIMEOUT)
        why = TNI_REFUSED_LATE;
    else if (status == TENON_RATE_LIMITED)
        why = TNI_REFUSED_RATE;
    else if (status == TENON_CIRCUIT_OPEN)
        why = TNI_REFUSED_CIRCUIT;
    (void)atomic_fetch_add_explicit(&op->refused[why], 1, memory_order_relaxed);
}

void
tni_op_exhausted(tni_op *op)
{
    (void)atomic_fetch_add_explicit(&op->exhausted, 1, memory_order_relaxed);
}
