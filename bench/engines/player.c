#include "player.h"

#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "repeat_inside.h"
#include "tenon/chat/tables.h"
#include "tool.h"

struct player_history {
    const char *path;
    uint64_t limit, first_ns;
    player_facts facts;
    tenon_schema schema; /* of calls */
    repeat calls;
};

struct player {
    const player_history *history;
    uint64_t read_count;
    player_counts counts;
    bool is_over;
    trace *trace; /* of the chat server */
    event event;
    repeat calls;
};

/* ---- One after the other ---- */

/* @return TOOL_GO_ON: there is one, TOOL_DONE: there is none */
static int
player_read_event(player *p, uint64_t *at_ns)
{
    const char *line;
    size_t len;

    event_free(&p->event);
    switch (trace_next(p->trace, &line, &len)) {
    case TRACE_LINE:
        if (!event_parse(p->trace, line, len, &p->event))
            return TOOL_FAILED;
        *at_ns = (uint64_t)p->event.now_us * 1000;
        return TOOL_GO_ON;
    case TRACE_END:
        return TOOL_DONE;
    default:
        return TOOL_FAILED;
    }
}

static int
player_read_calls(player *p, uint64_t *at_ns)
{
    int rc;

    if (p->calls.ready != NULL) /* it was read, and not played */
        repeat_skip(&p->calls);
    rc = repeat_advance(&p->calls);
    if (rc != TOOL_GO_ON)
        return rc;
    if (p->calls.ready == NULL)
        return TOOL_DONE;
    *at_ns = repeat_due_ns(&p->calls);
    return TOOL_GO_ON;
}

static int
player_read(player *p, uint64_t *at_ns)
{
    int rc;

    if (p->read_count == p->history->limit)
        return TOOL_DONE;
    rc = p->history->facts.is_calls ? player_read_calls(p, at_ns) : player_read_event(p, at_ns);
    p->read_count += rc == TOOL_GO_ON;
    return rc;
}

bool
player_next(player *p, uint64_t *at_ns)
{
    uint64_t ns = 0;

    p->is_over = p->is_over || player_read(p, &ns) != TOOL_GO_ON;
    /* Of calls one may have begun before the first that has ended. */
    *at_ns = ns > p->history->first_ns ? ns - p->history->first_ns : 0;
    return !p->is_over;
}

/* ---- Playing ---- */

static tenon_status
player_play_event(player *p, tenon_db *db, tenon_error *err)
{
    apply_result result;

    apply_event(db, &p->event, &result);
    p->counts.commits += result.commit_count;
    if (result.status == TENON_OK) {
        p->counts.applied++;
    } else if (apply_is_refusal(result.status)) {
        p->counts.refused[result.status]++;
    } else {
        p->counts.failed_line = p->event.line;
        *err = result.err;
        return result.status;
    }
    return TENON_OK;
}

static tenon_status
player_play_calls(player *p, tenon_db *db)
{
    repeat *r = &p->calls;
    const uint64_t line = r->ready->end_line;
    int rc;

    r->db = db;
    rc = repeat_do(r);
    p->counts.commits = r->commit_count;
    p->counts.compared = r->compared_count;
    p->counts.differences = r->difference_count;
    p->counts.left_out = r->left_out_count;
    p->counts.applied += rc == TOOL_GO_ON;
    if (rc != TOOL_GO_ON)
        p->counts.failed_line = line;
    return rc == TOOL_GO_ON ? TENON_OK : TENON_INTERNAL; /* it was told on stderr */
}

tenon_status
player_play(player *p, tenon_db *db, tenon_error *err)
{
    const tenon_status st = p->history->facts.is_calls ? player_play_calls(p, db)
                                                       : player_play_event(p, db, err);

    p->counts.played += st == TENON_OK;
    p->is_over = st != TENON_OK;
    return st;
}

const player_counts *
player_count(const player *p)
{
    return &p->counts;
}

/* ---- Beginning and end ---- */

player *
player_new(const player_history *h)
{
    player *p = calloc(1, sizeof *p);
    bool ok = p != NULL;

    if (!ok) {
        tool_error(h->path, "out of memory");
        return NULL;
    }
    p->history = h;
    if (h->facts.is_calls)
        ok = repeat_borrow(&p->calls, &h->calls) == TOOL_GO_ON;
    else
        ok = (p->trace = trace_open(h->path, -1)) != NULL;
    if (ok)
        return p;
    player_free(p);
    return NULL;
}

void
player_free(player *p)
{
    if (p == NULL)
        return;
    event_free(&p->event);
    trace_close(p->trace);
    repeat_fini(&p->calls);
    free(p);
}

/* Read all of it. */
static int
player_survey(player_history *h)
{
    player *p = player_new(h);
    uint64_t at_ns = 0, last_ns = 0;
    int rc = p == NULL ? TOOL_FAILED : TOOL_GO_ON;

    while (rc == TOOL_GO_ON && (rc = player_read(p, &at_ns)) == TOOL_GO_ON) {
        if (h->facts.count++ == 0)
            h->first_ns = at_ns;
        last_ns = at_ns > last_ns ? at_ns : last_ns;
    }
    player_free(p);
    h->facts.span_ns = last_ns > h->first_ns ? last_ns - h->first_ns : 0;
    if (rc == TOOL_DONE && h->facts.count == 0) {
        tool_error(h->path, "nothing is in it");
        return TOOL_USAGE;
    }
    return rc == TOOL_DONE ? TOOL_GO_ON : rc;
}

static bool
player_is_readable(const char *path)
{
    trace *t;

    if (strcmp(path, "-") == 0) {
        tool_error(path, "each database reads the trace by itself: it must be a file");
        return false;
    }
    t = trace_open(path, -1);
    trace_close(t);
    return t != NULL;
}

int
player_look(const char *path, uint64_t limit, player_history **out)
{
    player_history *h = calloc(1, sizeof *h);
    int rc = TOOL_GO_ON;

    *out = h;
    if (h == NULL) {
        tool_error(path, "out of memory");
        return TOOL_FAILED;
    }
    if (!player_is_readable(path))
        return TOOL_USAGE;
    h->path = path;
    h->limit = limit;
    h->facts.is_calls = repeat_is_recorded(path);
    h->facts.schema = chat_schema();
    h->calls.path = path;
    h->calls.stop_fd = -1;
    if (h->facts.is_calls) {
        rc = repeat_learn(&h->calls);
        h->schema = (tenon_schema){ .name = "replay",
                                    .version = 1,
                                    .tables = h->calls.tables,
                                    .table_count = h->calls.table_count };
        h->facts.schema = &h->schema;
    }
    return rc == TOOL_GO_ON ? player_survey(h) : rc;
}

const player_facts *
player_known(const player_history *h)
{
    return &h->facts;
}

void
player_forget(player_history *h)
{
    if (h == NULL)
        return;
    repeat_fini(&h->calls);
    free(h);
}
