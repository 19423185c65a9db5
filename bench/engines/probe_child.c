#include "probe_child.h"

#include <stdio.h>
#include <string.h>
#include <tenon/stats.h>

#include "flushes.h"
#include "given.h"
#include "loop.h"
#include "machine.h"
#include "server.h"
#include "tool.h"

enum { PROBE_PROOF_COMMITS = 300, PROBE_PROOF_MS = 1000, PROBE_COST_MS = 1000 };

typedef struct probe_work {
    target target;
    crew *crew;
    const char *root; /* URL of the server; NULL: the engine is in this process */
    probe_result *out;
} probe_work;

static bool
probe_failed(probe_work *w, const char *why)
{
    w->out->done = false;
    (void)snprintf(w->out->why, sizeof w->out->why, "%.230s", why);
    return false;
}

/* The operation alone, or the workload as it is. */
static tally
probe_operate(probe_work *w, operation only, uint32_t ms, uint64_t count)
{
    const loop l = { .target = &w->target,
                     .threads = 1,
                     .for_ns = (uint64_t)ms * 1000000,
                     .count = count,
                     .only = only };
    slice done;

    target_reset(&w->target);
    loop_run(w->crew, &l, &done);
    return target_sum(&w->target);
}

/* What opening and closing alone flushes is not the commits'. */
static bool
probe_server_flushes(probe_work *w, operation only, uint64_t *flushed, tally *done)
{
    uint64_t before, after;
    bool ok;

    target_disconnect(&w->target);
    ok = postgres_flushes(w->root, &before) && target_connect(&w->target);
    if (ok && only != OPERATIONS)
        *done = probe_operate(w, only, PROBE_PROOF_MS, PROBE_PROOF_COMMITS);
    target_disconnect(&w->target);
    ok = ok && postgres_flushes(w->root, &after) && target_connect(&w->target);
    *flushed = ok ? after - before : 0;
    return ok || probe_failed(w, w->target.why[0] != '\0' ? w->target.why : "pg_stat_wal");
}

/* An engine that answers from elsewhere flushes there, where nobody counts. */
static bool
probe_is_elsewhere(const probe_work *w)
{
    tenon_db_stats stats = { .size = sizeof stats };
    tenon_error err;

    (void)tenon_db_get_stats(w->target.db, &stats, &err);
    return stats.all.round_trips > 0;
}

static bool
probe_prove(probe_work *w)
{
    const operation proof = w->target.workload->scenario->proof;
    uint64_t opening = 0, flushed = 0;
    tally done = { 0 };
    bool is_seen = true;

    if (w->root == NULL) {
        flushed = flushes();
        done = probe_operate(w, proof, PROBE_PROOF_MS, PROBE_PROOF_COMMITS);
        flushed = flushes() - flushed;
        is_seen = !probe_is_elsewhere(w);
    } else if (!probe_server_flushes(w, OPERATIONS, &opening, &done) ||
               !probe_server_flushes(w, proof, &flushed, &done)) {
        return false;
    }
    w->out->proof_commits = (double)done.commits;
    if (is_seen)
        w->out->proof_flushes = flushed > opening ? (double)(flushed - opening) : 0;
    return done.commits > 0 || probe_failed(w, w->target.workers[0].error.message);
}

/* After all that the engine has put off is written. */
static double
probe_written(probe_work *w)
{
    if (w->root == NULL)
        return machine_written_bytes();
    return postgres_written_bytes(w->root);
}

static bool
probe_cost(probe_work *w)
{
    double written, after, resident;
    tally done;

    target_disconnect(&w->target);
    written = probe_written(w);
    resident = (double)machine_resident_bytes();
    if (!target_connect(&w->target))
        return probe_failed(w, w->target.why);
    done = probe_operate(w, OPERATIONS, PROBE_COST_MS, 0);
    w->out->memory_bytes = w->root == NULL ? (double)machine_resident_bytes() - resident : -1;
    if (w->out->memory_bytes < 0)
        w->out->memory_bytes = -1;
    /* What is only in memory would be lost by closing it, and has nothing to write. */
    if ((tenon_db_capabilities(w->target.db) & TENON_CAP_PERSISTENT) != 0)
        target_disconnect(&w->target);
    after = probe_written(w);
    w->out->written_bytes = written < 0 || after < 0 ? -1 : after - written;
    w->out->operations = (double)done.done;
    w->out->user_bytes = (double)done.written_bytes;
    return true;
}

static bool
probe_work_on(probe_work *w)
{
    target *t = &w->target;

    if (!target_prepare(t, 1, true, false) || !given_is_empty(t) || !t->workload->scenario->fill(t))
        return probe_failed(w, t->why);
    w->crew = crew_new(1);
    if (w->crew == NULL)
        return probe_failed(w, "no thread");
    if ((tenon_db_capabilities(t->db) & TENON_CAP_PERSISTENT) == 0) {
        w->out->done = false;
        return probe_failed(w, "its data end with the process");
    }
    return probe_prove(w) && probe_cost(w);
}

void
probe_child(const plan *p, const workload *w, const place_driver *driver, const char *folder,
            uint32_t number, probe_result *out)
{
    probe_work work = { .root = driver->server, .out = out };

    memset(out, 0, sizeof *out);
    out->proof_flushes = out->written_bytes = out->memory_bytes = -1;
    work.target.workload = w;
    work.target.records = w->records;
    work.target.seed = p->seed;
    work.target.isolation = p->isolation;
    if (!place_make(driver, folder, number, p->durability, &work.target.place)) {
        (void)probe_failed(&work, "no place for its database");
        return;
    }
    out->done = probe_work_on(&work);
    if (out->done && work.target.given != NULL &&
        (work.target.db != NULL || target_connect(&work.target)))
        (void)given_clear(&work.target);
    crew_free(work.crew);
    target_release(&work.target);
    place_drop(&work.target.place);
}
