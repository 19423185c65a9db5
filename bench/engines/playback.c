#include "playback.h"

#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "player.h"
#include "stop.h"
#include "target.h"
#include "tool.h"

#define PLAYBACK_NS_PER_S 1e9
#define PLAYBACK_MOST_PACE 1e12
#define PLAYBACK_PROOF "update" /* what durability is proved with */

/* The only one of this process, and whether its events have times. */
static player_history *playback_history;
static bool playback_has_pace;

/* Of one database. */
typedef struct playback_state {
    player *player;
    digest digest;
    tenon_status failed; /* of the event that the engine could not do */
    tenon_error error;
} playback_state;

/* ---- The scenario ---- */

static const tenon_schema *
playback_schema(void)
{
    return player_known(playback_history)->schema;
}

static bool
playback_prepare(target *t)
{
    playback_state *s;

    if (t->db == NULL) /* it is no cost of the generator's to read what is recorded */
        return true;
    t->model = s = calloc(1, sizeof *s);
    if (s != NULL)
        s->player = player_new(playback_history);
    return (s != NULL && s->player != NULL) || target_failed(t, "the trace", TENON_NO_MEMORY, NULL);
}

/* It begins with nothing. */
static bool
playback_fill(target *t)
{
    (void)t;
    return true;
}

static bool
playback_next(worker *w, uint64_t *at_ns)
{
    playback_state *s = w->target->model;

    return s != NULL && player_next(s->player, at_ns);
}

static tenon_status
playback_run(worker *w, operation op)
{
    playback_state *s = w->target->model;
    const uint64_t before = player_count(s->player)->commits;
    const tenon_status st = player_play(s->player, w->target->db, &w->last);

    (void)op;
    w->sum.commits += player_count(s->player)->commits - before;
    if (st != TENON_OK) {
        s->failed = st;
        s->error = w->last;
    }
    return st;
}

static void
playback_release(target *t)
{
    playback_state *s = t->model;

    target_disconnect(t); /* it knows queries by their address */
    t->model = NULL;
    if (s == NULL)
        return;
    player_free(s->player);
    digest_free(&s->digest);
    free(s);
}

/* ---- In the end ---- */

static json_t *
playback_refused(const player_counts *c)
{
    json_t *refused = json_object();

    for (int i = 0; i < PLAYER_STATUSES; i++)
        if (c->refused[i] > 0)
            (void)json_object_set_new(refused, tenon_status_name((tenon_status)i),
                                      json_integer((json_int_t)c->refused[i]));
    return refused;
}

static json_t *
playback_lag(uint64_t ns)
{
    return playback_has_pace ? json_real((double)ns / 1e3) : json_null();
}

static json_t *
playback_details(const target *t, const playback_state *s)
{
    const player_counts *c = player_count(s->player);
    const worker *w = &t->workers[0];
    uint64_t refused = 0;

    for (int i = 0; i < PLAYER_STATUSES; i++)
        refused += c->refused[i];
    return json_pack("{s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:s}", "events",
                     (json_int_t)c->played, "applied", (json_int_t)c->applied, "refused_events",
                     (json_int_t)refused, "refused", playback_refused(c), "transactions",
                     (json_int_t)c->commits, "compared", (json_int_t)c->compared, "differences",
                     (json_int_t)c->differences, "left_out", (json_int_t)c->left_out, "most_lag_us",
                     playback_lag(w->most_lag_ns), "last_lag_us", playback_lag(w->lag_ns), "digest",
                     s->digest.text);
}

static void
playback_judge(const player_counts *c, scenario_check *out)
{
    const unsigned long long played = c->played, all = player_known(playback_history)->count;

    out->ok = true;
    if (c->differences > 0)
        (void)snprintf(out->what, sizeof out->what,
                       "%llu answers are others than when it was recorded",
                       (unsigned long long)c->differences);
    else if (played < all && !stop_requested())
        (void)snprintf(out->what, sizeof out->what,
                       "it ended after %llu of %llu events: the file is no longer what it was",
                       played, all);
    out->ok = out->what[0] == '\0';
}

static bool
playback_check(target *t, scenario_check *out)
{
    playback_state *s = t->model;
    const player_counts *c = player_count(s->player);
    tenon_error err = { 0 };
    tenon_status st;
    size_t len = 0;
    char what[64];

    memset(out, 0, sizeof *out);
    if (c->failed_line != 0) {
        (void)snprintf(what, sizeof what, "line %llu", (unsigned long long)c->failed_line);
        return target_failed(t, what, s->failed, &s->error);
    }
    st = digest_database(t->db, &s->digest, &err);
    if (st != TENON_OK)
        return target_failed(t, "digest", st, &err);
    playback_judge(c, out);
    out->rows = s->digest.row_count;
    out->has_digest = sodium_hex2bin(out->digest, sizeof out->digest, s->digest.text,
                                     strlen(s->digest.text), NULL, &len, NULL) == 0;
    out->details = playback_details(t, s);
    return true;
}

const scenario scenario_playback = {
    .name = "recorded",
    .operations = UINT64_C(1) << OPERATION_EVENT,
    .proof = OPERATION_EVENT,
    .schema = playback_schema,
    .prepare = playback_prepare,
    .fill = playback_fill,
    .run = playback_run,
    .next = playback_next,
    .check = playback_check,
    .release = playback_release,
};

/* ---- The plan ---- */

static void
playback_time(double seconds, char *out, size_t out_bytes)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = { { "years", 31557600 }, { "days", 86400 }, { "hours", 3600 }, { "min", 60 } };
    size_t i = 0;

    while (i < sizeof units / sizeof units[0] && seconds < 2 * units[i].seconds)
        i++;
    if (i < sizeof units / sizeof units[0])
        (void)snprintf(out, out_bytes, "%.1f %s", seconds / units[i].seconds, units[i].name);
    else
        (void)snprintf(out, out_bytes, "%.3g s", seconds);
}

/* Before it begins: years may lie between two events. */
static void
playback_announce(const plan *p, const char *path, const player_facts *f)
{
    const double span = (double)f->span_ns / PLAYBACK_NS_PER_S;
    const unsigned sides = plan_sides(p);
    char recorded[32], one[32], all[32];

    playback_time(span, recorded, sizeof recorded);
    (void)fprintf(stderr, "%s: %llu %s of %s; ", path, (unsigned long long)f->count,
                  f->is_calls ? "transactions" : "events", recorded);
    if (p->pace <= 0) {
        (void)fprintf(stderr, "%u databases take them as fast as they can\n", sides);
        return;
    }
    playback_time(span / p->pace, one, sizeof one);
    playback_time(span / p->pace * sides, all, sizeof all);
    (void)fprintf(stderr, "at pace %g they take %s on each of %u databases, %s in all\n", p->pace,
                  one, sides, all);
}

static int
playback_pace(const char *pace, const player_facts *f, plan *p)
{
    char *end;
    const double n = strtod(pace, &end);

    if (strcmp(pace, "max") == 0)
        return TOOL_GO_ON;
    if (end == pace || *end != '\0' || !(n > 0 && n <= PLAYBACK_MOST_PACE)) {
        tool_error("bench", "--pace must be max, 1, or how many times faster, not '%s'", pace);
        return TOOL_USAGE;
    }
    if (f->span_ns == 0) {
        tool_error("bench", "--pace: all of the trace was at one time; --pace max plays it");
        return TOOL_USAGE;
    }
    p->pace = n;
    playback_has_pace = true;
    p->rate = (double)f->count / ((double)f->span_ns / PLAYBACK_NS_PER_S / n);
    return TOOL_GO_ON;
}

int
playback_plan(const char *path, const char *pace, plan *p)
{
    const uint64_t limit = p->operations > 0 ? p->operations : UINT64_MAX;
    const char *slash = strrchr(path, '/');
    workload *w = &p->workloads[0];
    const player_facts *facts;
    int rc = player_look(path, limit, &playback_history);

    if (rc != TOOL_GO_ON)
        return rc;
    facts = player_known(playback_history);
    rc = playback_pace(pace, facts, p);
    if (rc != TOOL_GO_ON)
        return rc;
    p->workload_count = 1;
    memset(w, 0, sizeof *w);
    (void)snprintf(w->name, sizeof w->name, "%.47s", slash == NULL ? path : slash + 1);
    w->summary = facts->is_calls ? "recorded transactions" : "recorded events of the chat server";
    w->scenario = &scenario_playback;
    w->weights[OPERATION_EVENT] = 1;
    (void)workload_named(PLAYBACK_PROOF, strlen(PLAYBACK_PROOF), &p->workloads[1]);
    p->workloads[1].records = p->records;
    draw_keys_prepare(&p->workloads[1].keys, p->records);
    p->is_recorded = true;
    p->operations = facts->count;
    p->warm_ms = 0;
    playback_announce(p, path, facts);
    return TOOL_GO_ON;
}

void
playback_forget(void)
{
    player_forget(playback_history);
    playback_history = NULL;
}
