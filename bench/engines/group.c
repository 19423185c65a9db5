#include "group.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"
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

static bool
group_open_side(const plan *p, const char *folder, const workload *w, uint32_t number, side *s)
{
    target *t = &s->target;

    t->workload = w;
    t->records = p->records;
    t->seed = p->seed;
    t->isolation = p->isolation;
    if (!place_make(s->driver, folder, number, p->durability, &t->place)) {
        group_drop_out(s, SIDE_BROKEN, "no place for its database");
        return false;
    }
    if (!target_prepare(t, p->threads[p->thread_count - 1], true, p->rate > 0)) {
        group_open_failed(p, s);
        return false;
    }
    if (tenon_db_durability(t->db) != p->durability) {
        group_drop_out(s, SIDE_INVALID, "durability=%s was asked for, and it says %s",
                       tool_durability(p->durability), tool_durability(tenon_db_durability(t->db)));
        return false;
    }
    if (w->scenario->fill(t))
        return true;
    group_drop_out(s, SIDE_BROKEN, "%s", t->why);
    return false;
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
group_check(side *s, scenario_check *out)
{
    target *t = &s->target;

    if (s->state == SIDE_BROKEN || s->state == SIDE_ABSENT || t->db == NULL)
        return;
    if (!t->workload->scenario->check(t, out))
        group_drop_out(s, SIDE_BROKEN, "%s", t->why);
    else if (!out->ok)
        group_drop_out(s, SIDE_INVALID, "%s", out->what);
}

/* The same operations by one thread on each: then all have to hold the same. */
static void
group_agree(group *g, crew *c)
{
    const side *base = NULL;

    for (uint32_t i = 0; i < g->side_count && !stop_requested(); i++) {
        side *s = &g->sides[i];
        const loop l = { .target = &s->target,
                         .threads = 1,
                         .for_ns = UINT64_MAX / 4,
                         .count = GROUP_ALIKE,
                         .only = OPERATIONS };
        slice done;

        if (s->state != SIDE_FINE)
            continue;
        loop_run(c, &l, &done);
        group_check(s, &s->first);
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
group_open(const plan *p, const char *folder, const workload *w, uint32_t first, group *g)
{
    target *none = &g->generator;

    group_sides(p, g);
    for (uint32_t i = 0; i < g->side_count && !stop_requested(); i++) {
        side *s = &g->sides[i];

        if (!group_open_side(p, folder, w, first + i, s))
            continue;
        s->server = machine_find_server(s->target.db);
        g->settings[i] = settings_read(s->target.db);
    }
    none->workload = w;
    none->records = p->records;
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
    }
}

static void
group_end(const plan *p, group *g)
{
    for (uint32_t i = 0; i < g->side_count; i++)
        group_check(&g->sides[i], &g->sides[i].last);
    if (plan_is_deterministic(p) && !stop_requested())
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

/* Each driver alone, after all have been closed. */
static void
group_probe(const plan *p, const probe_maker *m, uint32_t first, group *g)
{
    const uint32_t number = (uint32_t)(g->workload - p->workloads);
    char why[PROBE_TEXT_BYTES];

    for (uint32_t i = 0; i < p->driver_count && !stop_requested(); i++) {
        side *s = &g->sides[i];

        if (s->state != SIDE_FINE || !place_can_repeat(s->driver))
            continue;
        probe_run(m, number, i, first + PLAN_MOST_SIDES + i, &g->probes[i]);
        if (!probe_is_kept(&g->probes[i], p->durability, why, sizeof why))
            group_drop_out(s, SIDE_INVALID, "%s", why);
    }
}

bool
group_run(const plan *p, crew *c, const probe_maker *m, live *l, const char *folder,
          const workload *w, uint32_t first, group *out)
{
    bool ok;

    memset(out, 0, sizeof *out);
    out->workload = w;
    ok = group_open(p, folder, w, first, out);
    if (ok)
        group_agree(out, c);
    /* Filling takes as long for the others as for the first. */
    if (ok && l != NULL && w == p->workloads && plan_seconds(p) > 0)
        live_announce(l, plan_seconds(p) + live_seconds(l) * p->workload_count);
    for (uint32_t i = 0; i < p->thread_count && ok && !stop_requested(); i++) {
        live_show(l, out, w->name);
        ok = cell_run(p, c, out->sides, out->side_count, &out->generator, p->threads[i],
                      &out->cells[i]);
        live_show(l, NULL, NULL);
        out->cell_count++;
    }
    group_end(p, out);
    for (uint32_t i = 0; i < out->side_count; i++)
        if (out->sides[i].target.workload != NULL) {
            target_release(&out->sides[i].target);
            place_drop(&out->sides[i].target.place);
        }
    target_release(&out->generator);
    if (ok && m != NULL)
        group_probe(p, m, first, out);
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
    for (uint32_t i = 0; i < g->side_count; i++)
        json_decref(g->settings[i]);
    memset(g, 0, sizeof *g);
}
