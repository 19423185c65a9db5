/* Tasks, a seeded scheduler, a virtual clock. */
#include "tests/simulation/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "core/env.h"

#define WORLD_TASKS 64
#define WORLD_STACK_BYTES (256 * 1024)
#define WORLD_STEPS 2000000 /* a run that takes more goes round in circles */
#define WORLD_EPOCH_US INT64_C(1700000000000000)

enum { TASK_NONE, TASK_READY, TASK_MUTEX, TASK_COND, TASK_SLEEP, TASK_JOIN, TASK_DONE };

typedef struct world_task_state {
    ucontext_t context;
    void *stack;
    uint32_t state;
    const void *on;    /* what it waits for */
    uint64_t until_ns; /* UINT64_MAX: without limit */
    bool late;
    uint64_t out_until; /* step before which it is not picked, if there are others */
    void (*fn)(void *arg);
    void *arg;
} world_task_state;

static struct {
    world_task_state tasks[WORLD_TASKS];
    uint32_t count, running;
    uint64_t seed, random[2];
    uint64_t now_ns, steps, hash;
    world_watch_fn watch;
    void *watch_arg;
} world;

/* ---- Chance ---- */

/* xorshift128+ */
static uint64_t
world_next(void)
{
    uint64_t x = world.random[0];
    const uint64_t y = world.random[1];

    world.random[0] = y;
    x ^= x << 23;
    world.random[1] = x ^ y ^ (x >> 17) ^ (y >> 26);
    return world.random[1] + y;
}

uint64_t
world_random(uint64_t below)
{
    return below <= 1 ? 0 : world_next() % below;
}

bool
world_chance(uint64_t of)
{
    return world_random(of) == 0;
}

uint64_t
world_steps(void)
{
    return world.hash;
}

uint64_t
world_now_ns(void)
{
    return world.now_ns;
}

uint32_t
world_task(void)
{
    return world.running;
}

void
world_violation(const char *format, ...)
{
    va_list args;

    (void)fprintf(stdout, "seed %llu, step %llu, %.6f s: ", (unsigned long long)world.seed,
                  (unsigned long long)world.steps, (double)world.now_ns / 1e9);
    va_start(args, format);
    (void)vfprintf(stdout, format, args);
    va_end(args);
    (void)fprintf(stdout, "\n");
    (void)fflush(stdout);
    _Exit(1);
}

/* ---- The scheduler ---- */

/* Let those go on whose time has come. */
static void
world_wake_late(void)
{
    for (uint32_t i = 0; i < world.count; i++) {
        world_task_state *t = &world.tasks[i];

        if ((t->state == TASK_COND || t->state == TASK_SLEEP) && t->until_ns <= world.now_ns) {
            t->late = true;
            t->state = TASK_READY;
        }
    }
}

/* When the first of those who wait has to go on. */
static uint64_t
world_next_time(void)
{
    uint64_t next_ns = UINT64_MAX;

    for (uint32_t i = 0; i < world.count; i++) {
        const world_task_state *t = &world.tasks[i];

        if ((t->state == TASK_COND || t->state == TASK_SLEEP) && t->until_ns < next_ns)
            next_ns = t->until_ns;
    }
    return next_ns;
}

static uint32_t
world_pick(void)
{
    uint32_t ready[WORLD_TASKS], count = 0, out = 0;

    for (;;) {
        for (uint32_t i = 0; i < world.count; i++) {
            if (world.tasks[i].state != TASK_READY)
                continue;
            ready[count++] = i;
            if (world.tasks[i].out_until <= world.steps) { /* to the front */
                ready[count - 1] = ready[out];
                ready[out++] = i;
            }
        }
        if (count > 0)
            return ready[world_random(out > 0 ? out : count)];
        if (world_next_time() == UINT64_MAX)
            world_violation("nobody can go on: a wake-up was lost");
        world.now_ns = world_next_time();
        world_wake_late();
    }
}

/* Let somebody else go on, or the same task again. */
static void
world_switch(void)
{
    const uint32_t from = world.running;
    uint32_t to;

    if (world_chance(40)) /* as if the machine had forgotten it */
        world.tasks[from].out_until = world.steps + world_random(300);
    if (++world.steps > WORLD_STEPS)
        world_violation("it goes round in circles");
    world.now_ns += world_chance(64) ? world_random(500000) : world_random(2000);
    world_wake_late();
    if (world.watch != NULL)
        world.watch(world.watch_arg);
    to = world_pick();
    world.hash = (world.hash ^ to) * UINT64_C(1099511628211) ^ world.now_ns;
    if (to == from)
        return;
    world.running = to;
    if (swapcontext(&world.tasks[from].context, &world.tasks[to].context) != 0)
        abort();
}

void
tni_step(void)
{
    if (world_chance(3))
        world_switch();
}

static void
world_block(uint32_t state, const void *on, uint64_t until_ns)
{
    world_task_state *t = &world.tasks[world.running];

    t->state = state;
    t->on = on;
    t->until_ns = until_ns;
    t->late = false;
    world_switch();
}

static void
world_wake(uint32_t state, const void *on)
{
    for (uint32_t i = 0; i < world.count; i++) {
        if (world.tasks[i].state == state && world.tasks[i].on == on)
            world.tasks[i].state = TASK_READY;
    }
}

/* ---- Tasks ---- */

static void
world_task_main(void)
{
    world_task_state *t = &world.tasks[world.running];

    t->fn(t->arg);
    t->state = TASK_DONE;
    world_wake(TASK_JOIN, t);
    world_switch();
    abort(); /* nobody wakes the dead */
}

bool
tni_thread_start(tni_thread *thread, void (*fn)(void *arg), void *arg)
{
    world_task_state *t;
    uint32_t i = 1;

    while (i < world.count && world.tasks[i].state != TASK_NONE)
        i++;
    if (i == WORLD_TASKS)
        abort();
    if (i == world.count)
        world.count++;
    t = &world.tasks[i];
    if (t->stack == NULL)
        t->stack = malloc(WORLD_STACK_BYTES);
    if (t->stack == NULL || getcontext(&t->context) != 0)
        abort();
    t->context.uc_stack.ss_sp = t->stack;
    t->context.uc_stack.ss_size = WORLD_STACK_BYTES;
    t->context.uc_link = NULL;
    t->fn = fn;
    t->arg = arg;
    t->out_until = 0;
    t->state = TASK_READY;
    makecontext(&t->context, world_task_main, 0);
    thread->task = i;
    tni_step();
    return true;
}

void
tni_thread_join(tni_thread *thread)
{
    world_task_state *t = &world.tasks[thread->task];

    while (t->state != TASK_DONE)
        world_block(TASK_JOIN, t, UINT64_MAX);
    t->state = TASK_NONE;
}

void
world_begin(uint64_t seed, world_watch_fn watch, void *arg)
{
    for (uint32_t i = 0; i < WORLD_TASKS; i++)
        world.tasks[i].state = TASK_NONE;
    world.count = 1;
    world.running = 0;
    world.tasks[0].state = TASK_READY;
    world.tasks[0].out_until = 0;
    world.seed = seed;
    world.random[0] = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    world.random[1] = seed ^ UINT64_C(0xd1b54a32d192ed03);
    world.now_ns = 1000 * TNI_NS_PER_S;
    world.steps = 0;
    world.hash = 0;
    world.watch = watch;
    world.watch_arg = arg;
    for (int i = 0; i < 8; i++)
        (void)world_next();
}

void
world_end(void)
{
    world.watch = NULL;
    for (uint32_t i = 1; i < world.count; i++) {
        if (world.tasks[i].state != TASK_NONE)
            world_violation("a thread is left behind");
    }
}

/* ---- What core/env.h promises ---- */

uintptr_t
tni_self(void)
{
    return world.running + 1;
}

uint64_t
tni_monotonic_ns(void)
{
    tni_step();
    return world.now_ns;
}

bool
tni_is_past(uint64_t until_ns)
{
    return tni_monotonic_ns() >= until_ns;
}

int64_t
tni_wall_us(void)
{
    return WORLD_EPOCH_US + (int64_t)(world.now_ns / 1000);
}

void
tni_sleep_until_ns(uint64_t until_ns)
{
    world_block(TASK_SLEEP, NULL, until_ns);
}

void
tni_random(void *out, size_t bytes)
{
    unsigned char *at = out;

    while (bytes-- > 0)
        *at++ = (unsigned char)world_next();
}

uint64_t
tni_random_below(uint64_t below)
{
    return world_random(below);
}

uint32_t
tni_process_epoch(void)
{
    return 1;
}

void
tni_mutex_init(tni_mutex *mutex)
{
    mutex->owner = 0;
}

void
tni_mutex_fini(tni_mutex *mutex)
{
    if (mutex->owner != 0)
        world_violation("a lock is destroyed while somebody holds it");
}

void
tni_mutex_lock(tni_mutex *mutex)
{
    tni_step();
    if (mutex->owner == world.running + 1)
        world_violation("a thread takes a lock twice");
    while (mutex->owner != 0)
        world_block(TASK_MUTEX, mutex, UINT64_MAX);
    mutex->owner = world.running + 1;
}

void
tni_mutex_unlock(tni_mutex *mutex)
{
    if (mutex->owner != world.running + 1)
        world_violation("a thread gives back a lock that it does not hold");
    mutex->owner = 0;
    world_wake(TASK_MUTEX, mutex);
    tni_step();
}

void
tni_cond_init(tni_cond *cond)
{
    cond->waiting = 0;
}

void
tni_cond_fini(tni_cond *cond)
{
    if (cond->waiting != 0)
        world_violation("somebody waits for what is destroyed");
}

bool
tni_cond_wait(tni_cond *cond, tni_mutex *mutex, uint64_t until_ns)
{
    bool late;

    if (mutex->owner != world.running + 1)
        world_violation("a thread waits without the lock");
    if (world_chance(50)) { /* for no reason */
        tni_mutex_unlock(mutex);
        tni_mutex_lock(mutex);
        return true;
    }
    mutex->owner = 0;
    world_wake(TASK_MUTEX, mutex);
    cond->waiting++;
    world_block(TASK_COND, cond, until_ns);
    cond->waiting--;
    late = world.tasks[world.running].late;
    while (mutex->owner != 0)
        world_block(TASK_MUTEX, mutex, UINT64_MAX);
    mutex->owner = world.running + 1;
    return !late;
}

void
tni_cond_signal(tni_cond *cond)
{
    uint32_t waiting[WORLD_TASKS], count = 0;

    for (uint32_t i = 0; i < world.count; i++) {
        if (world.tasks[i].state == TASK_COND && world.tasks[i].on == cond)
            waiting[count++] = i;
    }
    if (count > 0)
        world.tasks[waiting[world_random(count)]].state = TASK_READY;
    tni_step();
}

void
tni_cond_broadcast(tni_cond *cond)
{
    world_wake(TASK_COND, cond);
    tni_step();
}
