/*
 * The process that works and the one that looks at the end share the model of the rows: a commit is
 * noted there as soon as it is acknowledged, so a kill takes nothing of it.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "crash.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "numbers.h"
#include "rows.h"
#include "tool.h"

enum {
    CRASH_LEAST_MS = 200, /* of work before the kill, */
    CRASH_SPAN_MS = 500,  /* and by chance up to so much more */
    CRASH_HEADROOM = 4000000
};

/* What the processes share; the model of the rows comes after it. */
typedef struct crash_shared {
    atomic_bool at_work, absent, done;
    char why[SCENARIO_TEXT_BYTES];
    rows_loss loss;
} crash_shared;

typedef struct crash_case {
    const plan *plan;
    place place;
    crash_shared *shared;
    void *model;
    size_t bytes;
} crash_case;

static bool
crash_open(const crash_case *c, target *t)
{
    memset(t, 0, sizeof *t);
    t->workload = &c->plan->workloads[0];
    t->place = c->place;
    t->records = c->plan->workloads[0].records;
    t->seed = c->plan->seed;
    t->shared = c->model;
    t->shared_bytes = c->bytes - sizeof *c->shared;
    if (target_prepare(t, c->plan->threads[0], true, false))
        return true;
    c->shared->absent = t->status == TENON_UNSUPPORTED;
    (void)snprintf(c->shared->why, sizeof c->shared->why, "%s", t->why);
    return false;
}

/* ---- The two processes ---- */

static void
crash_work(const crash_case *c)
{
    target t;
    const loop l = {
        .target = &t, .threads = c->plan->threads[0], .for_ns = UINT64_MAX / 4, .only = OPERATIONS
    };
    crew *threads;
    slice done;

    if (!crash_open(c, &t))
        return;
    if ((tenon_db_capabilities(t.db) & TENON_CAP_PERSISTENT) == 0) {
        c->shared->absent = true;
        return;
    }
    threads = crew_new(l.threads);
    if (!t.workload->scenario->fill(&t) || threads == NULL) {
        (void)snprintf(c->shared->why, sizeof c->shared->why, "%s", t.why);
        return;
    }
    c->shared->at_work = true;
    loop_run(threads, &l, &done);
}

static void
crash_look(const crash_case *c)
{
    target t;

    if (!crash_open(c, &t))
        return;
    c->shared->done = rows_find_losses(&t, &c->shared->loss);
    if (!c->shared->done)
        (void)snprintf(c->shared->why, sizeof c->shared->why, "%s", t.why);
    target_release(&t);
}

static int
crash_fork(const crash_case *c, void (*run)(const crash_case *))
{
    int pid;

    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        run(c);
        (void)fflush(NULL);
        _exit(0);
    }
    return pid;
}

static void
crash_pause_ms(long ms)
{
    const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

    (void)nanosleep(&pause, NULL);
}

/* Until it works, or has ended. @return whether it works */
static bool
crash_wait(const crash_case *c, int pid)
{
    while (!c->shared->at_work) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return false;
        crash_pause_ms(1);
    }
    return true;
}

static void
crash_kill(const crash_case *c, uint64_t *chance)
{
    const int pid = crash_fork(c, crash_work);

    if (pid < 0 || !crash_wait(c, pid))
        return;
    crash_pause_ms(CRASH_LEAST_MS + (long)(numbers_random(chance) % CRASH_SPAN_MS));
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

/* ---- One driver at one durability ---- */

/* @return whether all is there that has to be */
static bool
crash_print(const crash_case *c, uint32_t durability)
{
    const rows_loss *l = &c->shared->loss;
    const bool promised = durability != TENON_DURABLE_NONE;

    (void)printf("  %-16s %-8s ", c->place.driver->label, tool_durability(durability));
    if (c->shared->absent) {
        (void)printf("n/a\n");
        return true;
    }
    if (!c->shared->done) {
        (void)printf("broken: %s\n", c->shared->why);
        return !promised;
    }
    (void)printf("%12llu %8llu %8llu  %s\n", (unsigned long long)l->acknowledged,
                 (unsigned long long)l->lost, (unsigned long long)l->damaged,
                 l->damaged > 0            ? "DAMAGED"
                 : l->lost > 0 && promised ? "LOST"
                 : l->lost > 0             ? "lost, as may be"
                                           : "all there");
    return !promised || (l->lost == 0 && l->damaged == 0);
}

static bool
crash_one(crash_case *c, const place_driver *driver, const char *folder, uint32_t durability,
          uint64_t *chance)
{
    static uint32_t number;
    void *memory;
    bool ok;

    c->bytes = sizeof(crash_shared) +
               rows_model_bytes(c->plan->workloads[0].records + CRASH_HEADROOM);
    memory = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        tool_error("bench", "no memory: %s", strerror(errno));
        return false;
    }
    c->shared = memory;
    c->model = c->shared + 1;
    ok = place_make(driver, folder, number++, durability, &c->place);
    if (ok) {
        crash_kill(c, chance);
        if (c->shared->at_work) {
            const int pid = crash_fork(c, crash_look);

            (void)waitpid(pid, NULL, 0);
        }
        ok = crash_print(c, durability);
        place_drop(&c->place);
    }
    (void)munmap(memory, c->bytes);
    return ok;
}

int
crash_run(const plan *p, const char *folder)
{
    crash_case c = { .plan = p };
    uint64_t chance = p->seed;
    bool ok = true;

    (void)printf("%s, threads: %u; killed after %d to %d ms\n  %-16s %-8s %12s %8s %8s\n",
                 p->workloads[0].name, (unsigned)p->threads[0], CRASH_LEAST_MS,
                 CRASH_LEAST_MS + CRASH_SPAN_MS, "driver", "survives", "acknowledged", "lost",
                 "damaged");
    for (uint32_t i = 0; i < p->driver_count; i++)
        for (uint32_t tier = TENON_DURABLE_POWER; tier <= TENON_DURABLE_NONE; tier++)
            ok = crash_one(&c, &p->drivers[i], folder, tier, &chance) && ok;
    (void)printf("A kill takes no power away: what only the kernel holds survives it.\n");
    return ok ? TOOL_DONE : TOOL_FAILED;
}
