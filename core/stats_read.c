/* Reading the statistics: every connection's part is added up, while it goes on growing. */
#include <stdlib.h>
#include <string.h>

#include "core/breaker.h"
#include "core/db.h"
#include "core/error.h"

/* Sums of one operation, or of all. */
typedef struct stats_sum {
    uint64_t counts[TNI_COUNTS];
    uint64_t refused[TNI_REFUSALS];
    uint64_t exhausted;
    tni_histogram_sum phases[TNI_PHASES];
} stats_sum;

static uint64_t
stats_load(const atomic_uint_fast64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

/* What one connection has counted for an operation; NULL: nothing. */
static const tni_op_stats *
stats_of_conn(const tni_conn *conn, const tni_op *op)
{
    const tni_shard *shard = atomic_load_explicit(&conn->shard, memory_order_acquire);

    return shard == NULL ? NULL
                         : atomic_load_explicit(&shard->by_op[op->number], memory_order_acquire);
}

/* Ends are read before begins, so that no more seem to have ended than have begun. */
static void
stats_add_counts(uint64_t *into, const tni_op_stats *stats)
{
    for (uint32_t i = 0; i < TNI_COUNTS; i++) {
        into[i] += stats_load(&stats->counts[i]);
        atomic_thread_fence(memory_order_acquire);
    }
}

static void
stats_add_op(tenon_db *db, const tni_op *op, stats_sum *into)
{
    for (tni_conn *c = atomic_load(&db->pool.all); c != NULL; c = c->older) {
        const tni_op_stats *stats = stats_of_conn(c, op);

        if (stats == NULL)
            continue;
        stats_add_counts(into->counts, stats);
        for (uint32_t i = 0; i < TNI_PHASES; i++)
            tni_histogram_merge(&into->phases[i], &stats->phases[i]);
    }
    for (uint32_t i = 0; i < TNI_REFUSALS; i++)
        into->refused[i] += stats_load(&op->refused[i]);
    into->exhausted += stats_load(&op->exhausted);
}

static const tni_op *
stats_op(tenon_db *db, uint32_t number)
{
    return atomic_load_explicit(&db->ops.list[number], memory_order_acquire);
}

void
tni_stats_totals(tenon_db *db, uint64_t totals[TNI_COUNTS])
{
    const uint32_t count = atomic_load_explicit(&db->ops.count, memory_order_acquire);

    memset(totals, 0, TNI_COUNTS * sizeof *totals);
    for (tni_conn *c = atomic_load(&db->pool.all); c != NULL; c = c->older) {
        for (uint32_t i = 0; i < count; i++) {
            const tni_op_stats *stats = stats_of_conn(c, stats_op(db, i));

            if (stats != NULL)
                stats_add_counts(totals, stats);
        }
    }
}

/* ---- What the application gets ---- */

static uint64_t
stats_percentile(const tni_histogram_sum *h, uint32_t part, uint64_t needed)
{
    return h->count < needed ? 0 : tni_histogram_value(h, part);
}

static void
stats_durations(const tni_histogram_sum *h, tenon_durations *out)
{
    out->count = h->count;
    out->sum_ns = h->sum;
    out->p50_ns = stats_percentile(h, 5000, 20);
    out->p90_ns = stats_percentile(h, 9000, 100);
    out->p99_ns = stats_percentile(h, 9900, 1000);
    out->p99_9_ns = stats_percentile(h, 9990, 10000);
    out->p99_99_ns = stats_percentile(h, 9999, 100000);
    out->max_ns = h->max;
}

static void
stats_fill(const stats_sum *sum, tenon_counts *out)
{
    const uint64_t *n = sum->counts;

    out->begun = n[TNI_BEGUN];
    out->committed = n[TNI_COMMITTED];
    out->rolled_back = n[TNI_ROLLED_BACK];
    out->failed = n[TNI_FAILED];
    out->timed_out = n[TNI_TIMED_OUT];
    out->unknown = n[TNI_UNKNOWN];
    out->active = n[TNI_BEGUN] - n[TNI_COMMITTED] - n[TNI_ROLLED_BACK] - n[TNI_FAILED] -
                  n[TNI_TIMED_OUT] - n[TNI_UNKNOWN];
    out->retried = n[TNI_RETRIED];
    out->round_trips = n[TNI_TRIPS];
    out->exhausted = sum->exhausted;
    out->refused_late = sum->refused[TNI_REFUSED_LATE];
    out->refused_rate = sum->refused[TNI_REFUSED_RATE];
    out->refused_circuit = sum->refused[TNI_REFUSED_CIRCUIT];
    out->refused_other = sum->refused[TNI_REFUSED_OTHER];
    stats_durations(&sum->phases[TNI_WAIT], &out->wait);
    stats_durations(&sum->phases[TNI_RUN], &out->run);
    stats_durations(&sum->phases[TNI_COMMIT], &out->commit);
    stats_durations(&sum->phases[TNI_ROLLBACK], &out->rollback);
}

static void
stats_fill_pool(tenon_db *db, tenon_db_stats *out)
{
    tni_pool *pool = &db->pool;
    uint32_t parked;

    tni_mutex_lock(&pool->lock);
    parked = tni_parking_count(&pool->parking);
    out->connections = pool->leased_count + pool->idle_count;
    out->connections_idle = pool->idle_count + parked;
    out->admitted = pool->admitted_count - parked;
    out->waiting_admission = pool->queues[TNI_WAIT_ADMISSION].count;
    out->waiting_turn = pool->queues[TNI_WAIT_TURN].count;
    out->waiting_connection = pool->queues[TNI_WAIT_CONNECTION].count;
    tni_mutex_unlock(&pool->lock);
    for (tni_conn *c = atomic_load(&pool->all); c != NULL; c = c->older)
        out->parted += atomic_load(&c->txn.word) == TNI_REAPED;
    out->circuit = tni_breaker_state(&db->breaker);
}

static void
stats_fill_groups(const tenon_db *db, tenon_db_stats *out)
{
    tni_histogram_sum sizes = { 0 };

    tni_histogram_merge(&sizes, &db->grouper.sizes);
    out->group_commit = db->grouper.wanted;
    out->groups = sizes.count;
    out->grouped = sizes.sum;
    out->group_reruns = stats_load(&db->grouper.reruns);
    out->group_p50 = stats_percentile(&sizes, 5000, 20);
    out->group_max = sizes.max;
}

tenon_status
tenon_db_get_stats(tenon_db *db, tenon_db_stats *stats, tenon_error *err)
{
    const uint32_t size = stats->size;
    const uint32_t count = atomic_load_explicit(&db->ops.count, memory_order_acquire);
    tenon_db_stats filled = { .size = size };
    stats_sum *sum;

    if (size < sizeof stats->size)
        return tni_fail(err, TENON_MISUSE, NULL, "size of tenon_db_stats is not set");
    sum = calloc(1, sizeof *sum);
    if (sum == NULL)
        return tni_no_memory(err, "statistics");
    for (uint32_t i = 0; i < count; i++)
        stats_add_op(db, stats_op(db, i), sum);
    stats_fill(sum, &filled.all);
    free(sum);
    stats_fill_pool(db, &filled);
    stats_fill_groups(db, &filled);
    memcpy(stats, &filled, size < sizeof filled ? size : sizeof filled);
    return TENON_OK;
}

tenon_status
tenon_db_operations(tenon_db *db, tenon_operation_fn fn, void *arg, tenon_error *err)
{
    const uint32_t count = atomic_load_explicit(&db->ops.count, memory_order_acquire);
    stats_sum *sum = malloc(sizeof *sum);

    if (sum == NULL)
        return tni_no_memory(err, "statistics");
    for (uint32_t i = 0; i < count; i++) {
        const tni_op *op = stats_op(db, i);
        tenon_counts counts = { 0 };

        memset(sum, 0, sizeof *sum);
        stats_add_op(db, op, sum);
        stats_fill(sum, &counts);
        if (counts.begun + counts.refused_late + counts.refused_rate + counts.refused_circuit +
                counts.refused_other >
            0)
            fn(arg, op->name, &counts);
    }
    free(sum);
    return TENON_OK;
}

/* ---- Who lives ---- */

static uint32_t
stats_doing(unsigned int word)
{
    switch (word) {
    case TNI_IDLE:
        return TENON_DOING_NOTHING;
    case TNI_INSIDE:
        return TENON_DOING_STATEMENT;
    case TNI_ENDING:
        return TENON_DOING_ENDING;
    default:
        return TENON_DOING_OVERDUE;
    }
}

static uint64_t
stats_since_us(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0;
}

/* Read a handle while others use it. @return false: no transaction, or another one by now */
static bool
stats_read_live(const tenon_txn *txn, uint64_t now_ns, tenon_live *out)
{
    const uint64_t serial = atomic_load(&txn->serial);
    const unsigned int word = atomic_load(&txn->word);
    const tni_query *last;
    uint32_t count;

    if (word == TNI_FREE)
        return false;
    count = atomic_load(&txn->statement_count);
    last = count == 0 ? NULL : atomic_load(&txn->recent[(count - 1) % TNI_RECENT]);
    *out = (tenon_live){
        .name = atomic_load(&txn->op)->name,
        .where = atomic_load(&txn->where),
        .last_statement = last == NULL || last->drv.name[0] == '\0' ? NULL : last->drv.name,
        .age_us = stats_since_us(atomic_load(&txn->began_ns), now_ns),
        .left_us = stats_since_us(now_ns, atomic_load(&txn->deadline_ns)),
        .doing = stats_doing(word),
        .attempt = atomic_load(&txn->attempt),
        .statement_count = count,
    };
    return atomic_load(&txn->serial) == serial && atomic_load(&txn->word) != TNI_FREE;
}

/* Those who wait, under the lock that they wait for. */
static void
stats_waiting(tni_pool *pool, uint64_t now_ns, tenon_live_fn fn, void *arg)
{
    tni_mutex_lock(&pool->lock);
    for (uint32_t kind = 0; kind < TNI_WAITS; kind++) {
        for (const tni_waiter *w = pool->queues[kind].first; w != NULL; w = w->next) {
            const tenon_live live = {
                .name = w->op != NULL ? w->op->name : "(unnamed)",
                .age_us = stats_since_us(w->since_ns, now_ns),
                .doing = kind,
            };

            fn(arg, &live);
        }
    }
    tni_mutex_unlock(&pool->lock);
}

void
tenon_db_transactions(tenon_db *db, tenon_live_fn fn, void *arg)
{
    const uint64_t now_ns = tni_monotonic_ns();
    tenon_live live;

    for (tni_conn *c = atomic_load(&db->pool.all); c != NULL; c = c->older) {
        if (stats_read_live(&c->txn, now_ns, &live))
            fn(arg, &live);
    }
    stats_waiting(&db->pool, now_ns, fn, arg);
}
