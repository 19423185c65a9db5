#include "group.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "given.h"
#include "live.h"
#include "pace.h"
#include "settings.h"
#include "stop.h"
#include "tool.h"

__attribute__((format(printf, 3, 4))) static void
group_drop_out(side *s, side_state state, const char *format, ...)
{
    va_list args;

    if (s->state != SIDE_FINE)
        return;
    s->state = state;
    va_start(args, format);
    (void)vsnprintf(s->why, sizeof s->why, format, args);
    va_end(args);
}

/* ---- Opening ---- */

static void
group_open_failed(const plan *p, side *s)
{
    if (s->target.status == TENON_UNSUPPORTED)
        group_drop_out(s, SIDE_ABSENT, "it does not offer durability=%s",
                       tool_durability(p->durability));
    else
        group_drop_out(s, SIDE_BROKEN, "%s", s->target.why);
}

/* Seconds since `*at`, which is now then. */
static double
group_lap(uint64_t *at)
{
    const uint64_t now_ns = crew_now_ns();
    const double seconds = (double)(now_ns - *at) / 1e9;

    *at = now_ns;
    return seconds;
}

/* Whether any part of it is an open loop. */
static bool
group_is_open(const plan *p, const workload *w)
{
    bool open = p->rate > 0;

    for (uint32_t i = 0; i < w->phase_count; i++)
        open = open || w->phases[i].rate > 0;
    return open;
}

static bool
group_fill(pace *paced, side *s)
{
    target *t = &s->target;
    const workload *w = t->workload;
    uint64_t at = crew_now_ns();

    if (!w->scenario->fill(t)) {
        group_drop_out(s, SIDE_BROKEN, "%s", t->why);
        return false;
    }
    if (w->scenario->fill_commits != NULL)
        pace_note(paced, s->driver, PACE_COMMIT, group_lap(&at),
                  w->scenario->fill_commits(t->worker_count));
    else
        pace_note(paced, s->driver, PACE_FILL, group_lap(&at), pace_fill_units(w));
    return true;
}

static bool
group_open_side(const plan *p, pace *paced, const char *folder, const workload *w, uint32_t number,
                side *s)
{
    target *t = &s->target;
    uint64_t at = crew_now_ns();

    t->workload = w;
    t->records = w->records;
    t->seed = p->seed;
    t->isolation = p->isolation;
    if (!place_make(s->driver, folder, number, p->durability, &t->place)) {
        group_drop_out(s, SIDE_BROKEN, "no place for its database");
        return false;
    }
    if (!target_prepare(t, p->threads[p->thread_count - 1], true, group_is_open(p, w))) {
        group_open_failed(p, s);
        return false;
    }
    if (tenon_db_durability(t->db) != p->durability) {
        group_drop_out(s, SIDE_INVALID, "durability=%s was asked for, and it says %s",
                       tool_durability(p->durability), tool_durability(tenon_db_durability(t->db)));
        return false;
    }
    if (!given_is_empty(t)) {
        group_drop_out(s, SIDE_BROKEN, "%s", t->why);
        return false;
    }
    pace_note(paced, s->driver, PACE_OPEN, group_lap(&at), 1);
    pace_note_lasting(paced, s->driver, (tenon_db_capabilities(t->db) & TENON_CAP_PERSISTENT) != 0);
    return group_fill(paced, s);
}

static void
group_sides(const plan *p, group *g)
{
    for (uint32_t i = 0; i < p->driver_count; i++)
        g->sides[g->side_count++].driver = &p->drivers[i];
    if (!p->has_control || !place_can_repeat(&p->drivers[0]))
        return;
    g->sides[g->side_count].driver = &p->drivers[0];
    g->sides[g->side_count++].is_control = true;
}

static void
group_check(pace *paced, side *s, scenario_check *out)
{
    target *t = &s->target;
    uint64_t at = crew_now_ns();

    if (s->state == SIDE_BROKEN || s->state == SIDE_ABSENT || t->db == NULL)
        return;
    if (!t->workload->scenario->check(t, out))
        group_drop_out(s, SIDE_BROKEN, "%s", t->why);
    else if (!out->ok)
        group_drop_out(s, SIDE_INVALID, "%s", out->what);
    pace_note(paced, s->driver, PACE_LOOK, group_lap(&at), (double)out->rows);
}

/* Operations by one thread. @param[in] paced NULL: how long they take is not noted */
static void
group_do(pace *paced, crew *c, side *s, operation only, uint64_t count)
{
    const loop l = {
        .target = &s->target, .threads = 1, .for_ns = UINT64_MAX / 4, .count = count, .only = only
    };
    slice done;

    loop_run(c, &l, &done);
    if (paced != NULL)
        pace_note(paced, s->driver, PACE_COMMIT, done.seconds,
                  (double)target_sum(&s->target).commits);
}

/* The same operations by one thread on each: then all have to hold the same. */
static void
group_agree(const plan *p, pace *paced, group *g, crew *c)
{
    const bool writes = workload_writes(g->workload);
    const side *base = NULL;

    for (uint32_t i = 0; i < g->side_count && !stop_requested(); i++) {
        side *s = &g->sides[i];

        if (s->state != SIDE_FINE)
            continue;
        if (!writes && p->operations == 0) {
            group_do(NULL, c, s, g->workload->scenario->proof, GROUP_COMMITS);
            target_reset(&s->target); /* the first ones, which take longer, tell nothing */
            group_do(paced, c, s, g->workload->scenario->proof, GROUP_COMMITS);
            target_reset(&s->target);
        }
        group_do(paced, c, s, OPERATIONS, GROUP_ALIKE);
        group_check(paced, s, &s->first);
        target_reset(&s->target);
        if (s->state != SIDE_FINE || !s->first.has_digest)
            continue;
        if (base == NULL)
            base = s;
        else if (memcmp(base->first.digest, s->first.digest, SCENARIO_DIGEST_BYTES) != 0)
            group_drop_out(s, SIDE_INVALID, "after %d operations it holds other rows than %s",
                           GROUP_ALIKE, base->driver->label);
    }
}

static bool
group_open(const plan *p, pace *paced, const char *folder, const workload *w, uint32_t first,
           group *g)
{
    target *none = &g->generator;

    group_sides(p, g);
    for (uint32_t i = 0; i < g->side_count && !stop_requested(); i++) {
        side *s = &g->sides[i];

        if (!group_open_side(p, paced, folder, w, first + i, s))
            continue;
        s->server = machine_find_server(s->target.db);
        g->settings[i] = settings_read(s->target.db);
    }
    none->workload = w;
    none->records = w->records;
    none->seed = p->seed;
    return target_prepare(none, p->threads[p->thread_count - 1], false, false) &&
           w->scenario->fill(none);
}

/* ---- Afterwards ---- */

static void
group_compare_ends(group *g)
{
    const side *base = NULL;

    for (uint32_t i = 0; i < g->side_count; i++) {
        side *s = &g->sides[i];

        if (s->state != SIDE_FINE || !s->last.has_digest)
            continue;
        if (base == NULL)
            base = s;
        else if (memcmp(base->last.digest, s->last.digest, SCENARIO_DIGEST_BYTES) != 0)
            group_drop_out(s, SIDE_INVALID, "in the end it holds other rows than %s",
                           base->driver->label);
        else if (!json_equal(json_object_get(base->last.details, "refused"),
                             json_object_get(s->last.details, "refused")) &&
                 s->last.details != NULL)
            group_drop_out(s, SIDE_INVALID, "it refused other events than %s", base->driver->label);
    }
}

static void
group_end(const plan *p, pace *paced, group *g)
{
    for (uint32_t i = 0; i < g->side_count; i++)
        group_check(paced, &g->sides[i], &g->sides[i].last);
    if (plan_is_deterministic(p, g->workload) && !stop_requested())
        group_compare_ends(g);
    for (uint32_t i = 0; i < g->side_count; i++) {
        side *s = &g->sides[i];
        tenon_db_info info = { .size = sizeof info };
        tenon_error err;

        for (uint32_t k = 0; k < g->cell_count; k++)
            if (g->cells[k].sides[i].tally.wrong > 0)
                group_drop_out(s, SIDE_INVALID, "%llu answers were wrong",
                               (unsigned long long)g->cells[k].sides[i].tally.wrong);
        if (s->target.db != NULL && tenon_db_get_info(s->target.db, &info, &err) == TENON_OK)
            g->disk_bytes[i] = info.disk_bytes;
    }
}

static void
group_close(pace *paced, group *g)
{
    for (uint32_t i = 0; i < g->side_count; i++) {
        side *s = &g->sides[i];
        uint64_t at = crew_now_ns();

        if (s->target.workload == NULL)
            continue;
        if (s->last.ok) /* else the rows may be others, or tell what went wrong */
            (void)given_clear(&s->target);
        target_release(&s->target);
        place_drop(&s->target.place);
        pace_note(paced, s->driver, PACE_CLOSE, group_lap(&at), 1);
    }
    target_release(&g->generator);
}

/* Each driver alone, after all have been closed. */
static void
group_probe(const plan *p, pace *paced, const probe_maker *m, uint32_t first, group *g)
{
    /* A history has a workload behind it, to prove the durability with. */
    const uint32_t number = (uint32_t)(g->workload - p->workloads) + p->is_recorded;
    char why[PROBE_TEXT_BYTES];

    for (uint32_t i = 0; i < p->driver_count && !stop_requested(); i++) {
        side *s = &g->sides[i];
        uint64_t at = crew_now_ns();

        if (s->state != SIDE_FINE)
            continue;
        probe_run(m, number, i, first + PLAN_MOST_SIDES + i, &g->probes[i]);
        pace_note(paced, s->driver, PACE_PROBE, group_lap(&at),
                  pace_probe(paced, s->driver, g->workload));
        if (p->is_recorded) /* other operations' */
            g->probes[i].written_bytes = g->probes[i].memory_bytes = -1;
        if (!probe_is_kept(&g->probes[i], p->durability, why, sizeof why))
            group_drop_out(s, SIDE_INVALID, "%s", why);
    }
}

/* With one number of threads: the workload, or its phases. All sides are in the same one. */
static bool
group_parts(const plan *p, crew *c, live *l, pace *t, uint32_t threads, group *g)
{
    const workload *w = g->workload;
    const double stretch = pace_stretch(t, g);
    uint32_t before_ms = 0;
    bool ok = true;

    for (uint32_t n = 0; n < workload_parts(w) && ok && !stop_requested(); n++) {
        const workload *part = workload_part(w, n);
        cell *out = &g->cells[g->cell_count++];
        plan its;

        plan_part(p, w, n, before_ms, &its);
        g->generator.now = part;
        for (uint32_t i = 0; i < g->side_count; i++)
            g->sides[i].target.now = part;
        live_show(l, g, part->name);
        ok = cell_run(&its, c, g->sides, g->side_count, &g->generator, threads,
                      stretch * (double)its.for_ms / 1000, out);
        live_show(l, NULL, NULL);
        out->phase = w->phase_count > 0 ? part : NULL;
        before_ms = out->slice_ms;
    }
    return ok;
}

bool
group_run(const plan *p, crew *c, const probe_maker *m, live *l, pace *t, const char *folder,
          const workload *w, uint32_t first, group *out)
{
    bool ok;

    memset(out, 0, sizeof *out);
    out->workload = w;
    out->cells = calloc((size_t)p->thread_count * workload_parts(w), sizeof *out->cells);
    if (out->cells == NULL)
        return false;
    ok = group_open(p, t, folder, w, first, out);
    if (ok && w->scenario->next == NULL)
        group_agree(p, t, out, c);
    if (ok && w == p->workloads)
        live_announce(l, pace_announce(t, out));
    for (uint32_t i = 0; i < p->thread_count && ok && !stop_requested(); i++)
        ok = group_parts(p, c, l, t, p->threads[i], out);
    group_end(p, t, out);
    group_close(t, out);
    if (ok && m != NULL)
        group_probe(p, t, m, first, out);
    for (uint32_t i = 0; i < out->side_count; i++)
        out->has_failed = out->has_failed || out->sides[i].state == SIDE_BROKEN ||
                          out->sides[i].state == SIDE_INVALID;
    return ok;
}

void
group_free(group *g)
{
    for (uint32_t i = 0; i < g->cell_count; i++)
        cell_free(&g->cells[i]);
    free(g->cells);
    for (uint32_t i = 0; i < g->side_count; i++) {
        json_decref(g->settings[i]);
        json_decref(g->sides[i].first.details);
        json_decref(g->sides[i].last.details);
    }
    memset(g, 0, sizeof *g);
}
