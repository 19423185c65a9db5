/*
 * The manager under a simulated clock and a seeded scheduler: simulation FIRST COUNT [--again].
 *
 * Each seed is a world of its own: an engine that fails and dawdles, some threads that run bodies,
 * begin by hand, fall asleep over an open transaction, wait for each other. After every step the
 * invariants are checked; at the end everything must have been given back, each transaction must
 * have had exactly one outcome, and what callers were told must be what the engine holds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db.h"
#include "core/loader.h"
#include "tests/simulation/engine.h"
#include "tests/simulation/world.h"

#define SIM_WORKERS 8
#define SIM_ATTEMPTS 64
#define SIM_WASTE_NS (20 * TNI_NS_PER_MS) /* of a connection on its way to who was granted it */
#define SIM_SLACK_NS                                                                               \
    (60 * TNI_NS_PER_MS) /* of a call after its deadline, besides its owner's sleep */
#define SIM_GROUP_SLACK_NS                                                                         \
    (60 * TNI_NS_PER_MS) /* and of a member, whose group is at work: the last one's slow calls */

/* One world. */
typedef struct sim {
    tenon_db *db;
    uint32_t workers, rounds;
    uint32_t max_concurrent, max_count;
    bool single_writer, groups;
    uint64_t calls, committed, unknown; /* as callers were told */
    uint64_t wasted_since_ns;           /* a connection is leased and in no use; 0: none is */
} sim;

static sim run;

/* Of all worlds: groups that were committed, their members, members that were run again. */
static uint64_t sim_groups, sim_members, sim_reruns;

/* ---- Invariants between two steps ---- */

static void
sim_check_queue(uint32_t kind, bool may_go)
{
    if (run.db->pool.queues[kind].count > 0 && may_go)
        world_violation("somebody waits in queue %u for what is there", kind);
}

/* A connection that was handed to somebody who does not wake up. */
static void
sim_check_waste(const tni_pool *pool)
{
    const uint64_t now_ns = world_now_ns();
    const bool wanted = pool->queues[TNI_WAIT_ADMISSION].count > 0 ||
                        pool->queues[TNI_WAIT_CONNECTION].count > 0;
    uint32_t used = engine_opening();

    if (!wanted) /* else it is wasted in its place */
        used += tni_parking_count(&pool->parking);
    for (const tni_conn *c = atomic_load(&pool->all); c != NULL; c = c->older) {
        const unsigned int word = atomic_load(&c->txn.word);

        used += word == TNI_FREE ? c->drv != NULL && engine_is_called(c->drv) : word < TNI_REAPED;
    }
    if (pool->leased_count <= used)
        run.wasted_since_ns = 0;
    else if (run.wasted_since_ns == 0)
        run.wasted_since_ns = now_ns;
    else if (now_ns - run.wasted_since_ns > SIM_WASTE_NS)
        world_violation("%u connections are leased, %u are used", pool->leased_count, used);
}

static void
sim_watch(void *arg)
{
    const tni_pool *pool = run.db == NULL ? NULL : &run.db->pool;

    (void)arg;
    if (pool == NULL)
        return;
    engine_watch(world_now_ns());
    sim_check_waste(pool);
    if (pool->lock.owner != 0)
        return; /* somebody is about to change it */
    if (pool->admitted_count > run.max_concurrent)
        world_violation("%u transactions at once", pool->admitted_count);
    if (pool->leased_count + pool->idle_count > run.max_count)
        world_violation("%u connections at once", pool->leased_count + pool->idle_count);
    sim_check_queue(TNI_WAIT_ADMISSION, pool->admitted_count < run.max_concurrent);
    sim_check_queue(TNI_WAIT_TURN, pool->writer == 0);
    sim_check_queue(TNI_WAIT_CONNECTION, pool->leased_count < run.max_count);
}

/* ---- What callers do ---- */

/* One call, as its caller sees it. */
typedef struct sim_call {
    uint32_t marks[SIM_ATTEMPTS], attempts; /* each attempt writes a mark of its own */
    uint64_t deadline_ns;
    uint64_t busy_ns; /* until then its owner kept it busy with something else */
    bool reads, may_wait;
} sim_call;

static void
sim_sleep(sim_call *call, uint64_t longest_ms)
{
    call->busy_ns = tni_monotonic_ns() + world_random(longest_ms * TNI_NS_PER_MS);
    tni_sleep_until_ns(call->busy_ns);
}

static tenon_status
sim_write(tenon_txn *txn, sim_call *call, tenon_error *err)
{
    tenon_value params[1] = { { .type = TENON_INT } };
    uint32_t mark;

    if (call->attempts == SIM_ATTEMPTS)
        abort();
    mark = engine_new_mark();
    call->marks[call->attempts++] = mark;
    params[0].as.i = mark;
    return tenon_exec(txn, &engine_insert, params, NULL, err);
}

static tenon_status
sim_read(tenon_txn *txn, sim_call *call, tenon_error *err)
{
    const tenon_value *row;
    tenon_cursor *cursor;
    int64_t expected = 0;
    tenon_status st = tenon_select(txn, &engine_select, NULL, &cursor, err);

    if (st != TENON_OK)
        return st;
    while ((st = tenon_next(cursor, &row, err)) == TENON_OK) {
        if (world_chance(6))
            sim_sleep(call, 300);
        if (row[0].as.i != expected++)
            world_violation("a row has changed while it was lent");
    }
    if (world_chance(2))
        tenon_cursor_close(cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
sim_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    sim_call *call = arg;
    const bool sleeps = !run.groups || call->reads || call->may_wait; /* who sleeps says so */
    tenon_status st;

    if (sleeps && world_chance(8))
        sim_sleep(call, 300);
    st = call->reads ? sim_read(txn, call, err) : sim_write(txn, call, err);
    if (sleeps && world_chance(8))
        sim_sleep(call, 300);
    if (world_chance(10))
        return TENON_DENIED;
    return world_chance(20) ? TENON_OK : st; /* some bodies do not look */
}

/* What the caller was told against what the engine holds. */
static void
sim_check(const sim_call *call, tenon_status st, const char *what)
{
    const uint64_t now_ns = tni_monotonic_ns();
    const uint64_t latest_ns = call->busy_ns > call->deadline_ns ? call->busy_ns
                                                                 : call->deadline_ns;
    uint32_t there = 0;

    for (uint32_t i = 0; i < call->attempts; i++)
        there += engine_has(call->marks[i]);
    if (there > 1)
        world_violation("%s: %u attempts are committed", what, there);
    if (st == TENON_OK && !call->reads && there != 1)
        world_violation("%s: an acknowledged commit is lost", what);
    if (st != TENON_OK && st != TENON_UNKNOWN_OUTCOME && there != 0)
        world_violation("%s: told %s, and it is committed", what, tenon_status_name(st));
    if (st == TENON_TIMEOUT && now_ns < call->deadline_ns)
        world_violation("%s: told TIMEOUT %llu us before its deadline", what,
                        (unsigned long long)((call->deadline_ns - now_ns) / 1000));
    if (now_ns > latest_ns + SIM_SLACK_NS + (run.groups ? SIM_GROUP_SLACK_NS : 0))
        world_violation("%s: returned %llu ms late with %s", what,
                        (unsigned long long)((now_ns - latest_ns) / TNI_NS_PER_MS),
                        tenon_status_name(st));
    run.committed += st == TENON_OK;
    run.unknown += st == TENON_UNKNOWN_OUTCOME;
}

static tenon_txn_options
sim_options(sim_call *call)
{
    static const char *const names[] = { NULL, "a", "b", "c" };
    const uint32_t timeout_ms = 1 + (uint32_t)world_random(world_chance(3) ? 400 : 60);

    memset(call, 0, sizeof *call);
    call->reads = world_chance(run.groups ? 8 : 3); /* groups need many who write at once */
    call->may_wait = world_chance(run.groups ? 6 : 2);
    call->deadline_ns = tni_monotonic_ns() + timeout_ms * TNI_NS_PER_MS;
    run.calls++;
    return (tenon_txn_options){ .size = sizeof(tenon_txn_options),
                                .name = names[world_random(4)],
                                .timeout_ms = timeout_ms,
                                .read_only = call->reads,
                                .may_wait = call->may_wait };
}

static void
sim_run(void)
{
    sim_call call;
    const tenon_txn_options options = sim_options(&call);
    tenon_status st = tenon_run(run.db, &options, sim_body, &call, NULL);

    sim_check(&call, st, "tenon_run");
}

/* A transaction by hand, perhaps with another one inside it. */
static void
sim_by_hand(uint32_t depth)
{
    sim_call call;
    const tenon_txn_options options = sim_options(&call);
    tenon_txn *txn;
    tenon_status st = tenon_begin(run.db, &options, &txn, NULL);

    if (st != TENON_OK) {
        sim_check(&call, st, "tenon_begin");
        return;
    }
    st = call.reads ? sim_read(txn, &call, NULL) : sim_write(txn, &call, NULL);
    if (depth < 3 && world_chance(4)) {
        sim_by_hand(depth + 1);
        call.busy_ns = tni_monotonic_ns();
    }
    if (world_chance(4))
        sim_sleep(&call, 400);
    if (world_chance(3)) {
        tenon_rollback(txn);
        st = TENON_CANCELLED;
    } else {
        const uint64_t deadline_ns = atomic_load(&txn->deadline_ns), before_ns = world_now_ns();
        const tenon_status ended = tenon_commit(txn, NULL);

        if (ended == TENON_OK && before_ns >= deadline_ns)
            world_violation("a commit after the deadline succeeded");
        st = ended == TENON_OK && st != TENON_OK ? TENON_CANCELLED : ended;
    }
    sim_check(&call, st, "by hand");
}

static void
sim_live(void *arg, const tenon_live *live)
{
    (void)arg;
    if (live->name == NULL || live->doing > TENON_DOING_OVERDUE)
        world_violation("a live transaction makes no sense");
}

static void
sim_look(void)
{
    tenon_db_stats stats = { .size = sizeof stats };

    tenon_db_transactions(run.db, sim_live, NULL);
    if (tenon_db_get_stats(run.db, &stats, NULL) != TENON_OK || stats.all.active > 64)
        world_violation("statistics do not add up while they grow");
}

static void
sim_worker(void *arg)
{
    (void)arg;
    engine_mark_application(true);
    for (uint32_t i = 0; i < run.rounds; i++) {
        if (world_chance(24)) /* connections are trusted for half a second */
            tni_sleep_until_ns(tni_monotonic_ns() + 600 * TNI_NS_PER_MS);
        switch (world_random(run.groups ? 24 : 8)) {
        case 0:
            sim_look();
            break;
        case 1:
        case 2:
        case 3:
            sim_by_hand(0);
            break;
        default:
            sim_run();
        }
    }
    engine_mark_application(false);
}

/* ---- A world ---- */

static void
sim_check_end(void)
{
    tenon_db_stats s = { .size = sizeof s };
    const tenon_counts *n = &s.all;

    if (tenon_db_get_stats(run.db, &s, NULL) != TENON_OK)
        world_violation("no statistics");
    if (n->active != 0 || s.admitted != 0 || s.parted != 0 || s.connections != s.connections_idle)
        world_violation("left: %llu active, %llu admitted, %llu parted, %llu leased",
                        (unsigned long long)n->active, (unsigned long long)s.admitted,
                        (unsigned long long)s.parted,
                        (unsigned long long)(s.connections - s.connections_idle));
    if (n->committed != engine_commits())
        world_violation("%llu commits counted, %u done", (unsigned long long)n->committed,
                        engine_commits());
    if (n->committed < run.committed || n->unknown != run.unknown)
        world_violation("callers were told of %llu commits and %llu unknown ones, counted %llu and "
                        "%llu",
                        (unsigned long long)run.committed, (unsigned long long)run.unknown,
                        (unsigned long long)n->committed, (unsigned long long)n->unknown);
}

static uint64_t
sim_seed(uint64_t seed)
{
    tni_thread threads[SIM_WORKERS];
    static const char *const urls[2][2] = { { "sim:", "simbound:" }, { "simgroup:", "simboth:" } };
    engine_nature nature;
    tenon_open_options o = { .size = sizeof o, .idle_timeout_ms = 100 };
    uint64_t hash;

    memset(&run, 0, sizeof run);
    world_begin(seed, sim_watch, NULL);
    nature = (engine_nature){ .single_writer = world_chance(2),
                              .bound = false,
                              .interrupts = world_chance(2),
                              .fails_of = world_chance(3) ? 0 : 8 + (uint32_t)world_random(40),
                              .slow_of = 2 + (uint32_t)world_random(30) };
    nature.bound = nature.single_writer && world_chance(2);
    nature.groups = nature.single_writer && world_chance(2);
    engine_begin(&nature);
    run.workers = 2 + (uint32_t)world_random(SIM_WORKERS - 1);
    run.rounds = 2 + (uint32_t)world_random(6);
    run.max_count = 1 + (uint32_t)world_random(5);
    run.max_concurrent = 1 + (uint32_t)world_random(8);
    run.single_writer = nature.single_writer;
    run.groups = nature.groups;
    o.cleanup_interval_ms = world_chance(2) ? 50 : 60000;
    o.max_connections = run.max_count;
    o.max_concurrent = run.max_concurrent;
    o.min_connections = world_chance(2) ? 2 : UINT32_MAX;
    o.max_lifetime_ms = world_chance(2) ? 80 : 0;
    o.breaker_failures = world_chance(2) ? 4 : UINT32_MAX;
    o.breaker_open_ms = 20;
    o.no_deadlock_detection = world_chance(4);
    if (tenon_open(urls[nature.groups][nature.bound], &o, &run.db, NULL) != TENON_OK)
        world_violation("the database can't be opened");
    for (uint32_t i = 0; i < run.workers; i++)
        (void)tni_thread_start(&threads[i], sim_worker, NULL);
    for (uint32_t i = 0; i < run.workers; i++)
        tni_thread_join(&threads[i]);
    tni_background_stop(&run.db->upkeep); /* which may be about to open or close one more */
    tni_grouper_stop(run.db);             /* which may be about to give its connection back */
    sim_check_end();
    sim_groups += atomic_load(&run.db->grouper.sizes.count);
    sim_members += atomic_load(&run.db->grouper.sizes.sum);
    sim_reruns += atomic_load(&run.db->grouper.reruns);
    tenon_close(run.db);
    run.db = NULL;
    engine_end();
    hash = world_steps();
    world_end();
    return hash;
}

int
main(int argc, char **argv)
{
    uint64_t first, count, calls = 0, committed = 0;

    if (argc < 3 || argc > 4) {
        (void)fprintf(stderr, "usage: %s FIRST COUNT [--again]\n", argv[0]);
        return 2;
    }
    first = strtoull(argv[1], NULL, 10);
    count = strtoull(argv[2], NULL, 10);
    for (uint32_t i = 0; i < 4; i++) {
        if (tni_driver_register(&engine_drivers[i], NULL) != TENON_OK)
            return 2;
    }
    for (uint64_t seed = first; seed < first + count; seed++) {
        const uint64_t hash = sim_seed(seed);

        if (argc == 4 && sim_seed(seed) != hash)
            world_violation("the same seed did not give the same run");
        calls += run.calls;
        committed += run.committed;
    }
    (void)printf(
        "seeds %llu to %llu: %llu calls, %llu of them committed, %llu groups of %llu, %llu "
        "run again, no violation\n",
        (unsigned long long)first, (unsigned long long)(first + count - 1),
        (unsigned long long)calls, (unsigned long long)committed, (unsigned long long)sim_groups,
        (unsigned long long)sim_members, (unsigned long long)sim_reruns);
    return 0;
}
