/* One transaction of a trace again, statement by statement, and what comes of each beside what was
 * recorded. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repeat_inside.h"
#include "tool.h"

#define REPEAT_SHOWN 10   /* differences that are shown */
#define REPEAT_CURSORS 64 /* at once */
#define REPEAT_TIMEOUT_MS UINT32_MAX

/* Rows of a cursor, as they were and as they are: without an order of their own they may come in
 * another one, so what is compared is a sum that does not depend on it. */
typedef struct repeat_cursor {
    uint64_t number; /* 0: free */
    tenon_cursor *cursor;
    const recorded_query *query;
    const json_t *params; /* of a COUNT, which is read when its row is */
    uint64_t was, is;
} repeat_cursor;

/* A transaction in progress. */
typedef struct repeat_run_state {
    repeat *r;
    tenon_txn *txn;
    uint32_t savepoints[TENON_MAX_SAVEPOINTS + 2];
    repeat_cursor cursors[REPEAT_CURSORS];
    uint64_t line;
    bool alone;        /* nobody else has committed since it began */
    bool committed;    /* in the recording */
    tenon_status late; /* failed now, and when it was recorded a later call told of it */
    uint64_t late_line;
    tenon_error err;
    tenon_value params[RECORDED_MOST_PARAMS];
} repeat_run_state;

static bool
repeat_is_answer(tenon_status st)
{
    return st == TENON_OK || st == TENON_NOT_FOUND || st == TENON_EXISTS ||
           st == TENON_CONSTRAINT || st == TENON_INVALID;
}

__attribute__((format(printf, 2, 3))) static void
repeat_differs(repeat_run_state *s, const char *format, ...)
{
    char text[300];
    va_list args;

    if (s->r->difference_count++ >= REPEAT_SHOWN)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    trace_error(s->r->trace, s->line, "%s", text);
}

static bool
repeat_was_ok(const json_t *line)
{
    return json_integer_value(json_object_get(line, "status")) == TENON_OK;
}

static const char *
repeat_call(const json_t *line)
{
    const char *call = json_string_value(json_object_get(line, "call"));

    return call != NULL ? call : "";
}

/* Compare a status. @return whether to compare what came with it */
static bool
repeat_same_status(repeat_run_state *s, const json_t *line, tenon_status st)
{
    const tenon_status was = (tenon_status)json_integer_value(json_object_get(line, "status"));
    const char *query = json_string_value(json_object_get(line, "query"));

    s->r->compared_count++;
    if (was != st)
        repeat_differs(s, "%s %s: %s when it was recorded, %s now", repeat_call(line),
                       query != NULL ? query : "", tenon_status_name(was), tenon_status_name(st));
    return was == st && st == TENON_OK;
}

/* The recorded parameters of a statement, in `s->params`. */
static bool
repeat_params(repeat_run_state *s, const recorded_query *q, const json_t *params)
{
    if (recorded_values(&s->r->recorded, params, q->params, q->param_count, s->params))
        return true;
    trace_error(s->r->trace, s->line, "%s", s->r->recorded.why);
    return false;
}

/* ---- Rows ---- */

static uint64_t
repeat_hash(uint64_t hash, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return hash;
}

static uint64_t
repeat_hash_row(const tenon_value *row, uint32_t count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (uint32_t i = 0; i < count; i++) {
        hash = repeat_hash(hash, &row[i].type, sizeof row[i].type);
        hash = repeat_hash(hash, &row[i].len, sizeof row[i].len);
        if (row[i].type == TENON_TEXT || row[i].type == TENON_BLOB || row[i].type == TENON_UUID)
            hash = repeat_hash(hash, row[i].as.data, row[i].len);
        else if (row[i].type != TENON_NULL)
            hash = repeat_hash(hash, &row[i].as, sizeof row[i].as);
    }
    return hash;
}

static uint32_t
repeat_width(const recorded_query *q)
{
    return q->query.kind == TENON_COUNT ? 1 : q->query.columns.count;
}

/* The hash of a recorded row. */
static bool
repeat_recorded_row(repeat_run_state *s, const json_t *line, const recorded_query *q, uint64_t *out)
{
    tenon_value row[TENON_MAX_COLUMNS];

    if (!recorded_values(&s->r->recorded, json_object_get(line, "row"), NULL, repeat_width(q),
                         row)) {
        trace_error(s->r->trace, s->line, "%s", s->r->recorded.why);
        return false;
    }
    *out = repeat_hash_row(row, repeat_width(q));
    return true;
}

/* Whether a query has one row at most, or its rows an order: the first one is then the same
 * everywhere. That ties have an order is the query's own affair. */
static bool
repeat_first_is_told(const recorded_query *q)
{
    const tenon_columns *key = &q->query.table->primary_key;
    uint32_t found = 0;

    if (q->query.kind == TENON_COUNT || q->query.order.count > 0)
        return true;
    for (uint32_t k = 0; k < key->count; k++)
        for (uint32_t i = 0; i < q->query.where.count; i++)
            if (q->query.where.list[i].op == TENON_OP_EQ &&
                q->query.where.list[i].column == key->list[k]) {
                found++;
                break;
            }
    return found == key->count;
}

static tenon_status
repeat_fetch(repeat_run_state *s, const json_t *line, const recorded_query *q, const json_t *params,
             bool *bad)
{
    const tenon_value *row = NULL;
    uint64_t was = 0;
    tenon_status st;

    *bad = !repeat_params(s, q, params);
    if (*bad)
        return TENON_OK;
    st = tenon_fetch(s->txn, &q->query, s->params, &row, &s->err);
    if (!repeat_is_answer(st))
        return st;
    s->r->row_count += st == TENON_OK;
    if (!s->alone || !repeat_same_status(s, line, st) || !repeat_first_is_told(q))
        return TENON_OK;
    *bad = !repeat_recorded_row(s, line, q, &was);
    if (!*bad && was != repeat_hash_row(row, repeat_width(q)))
        repeat_differs(s, "%s: another row than when it was recorded",
                       q->query.name != NULL ? q->query.name : "a query");
    return TENON_OK;
}

static repeat_cursor *
repeat_find_cursor(repeat_run_state *s, uint64_t number)
{
    for (size_t i = 0; i < REPEAT_CURSORS; i++)
        if (s->cursors[i].number == number)
            return &s->cursors[i];
    return NULL;
}

static tenon_status
repeat_open(repeat_run_state *s, const json_t *line, const recorded_query *q, bool *bad)
{
    repeat_cursor *c = repeat_find_cursor(s, 0);
    const json_t *params = json_object_get(line, "params");
    tenon_status st = TENON_OK;

    if (c == NULL) {
        trace_error(s->r->trace, s->line, "more than %d cursors are open", REPEAT_CURSORS);
        *bad = true;
        return TENON_OK;
    }
    *bad = !repeat_params(s, q, params);
    if (*bad)
        return TENON_OK;
    *c = (repeat_cursor){ .number = repeat_number(line, "cursor"), .query = q, .params = params };
    if (q->query.kind != TENON_COUNT)
        st = tenon_select(s->txn, &q->query, s->params, &c->cursor, &s->err);
    if (st != TENON_OK)
        c->number = 0;
    return st;
}

static tenon_status
repeat_next(repeat_run_state *s, const json_t *line, bool *bad)
{
    repeat_cursor *c = repeat_find_cursor(s, repeat_number(line, "cursor"));
    const tenon_status was = (tenon_status)json_integer_value(json_object_get(line, "status"));
    const tenon_value *row = NULL;
    uint64_t hash = 0;
    tenon_status st;

    if (c == NULL || c->number == 0)
        return TENON_OK; /* its opening was not repeated */
    if (c->query->query.kind == TENON_COUNT) {
        st = was == TENON_OK ? repeat_fetch(s, line, c->query, c->params, bad) : TENON_OK;
        return st;
    }
    st = tenon_next(c->cursor, &row, &s->err);
    if (!repeat_is_answer(st))
        return st;
    if (st == TENON_OK) {
        s->r->row_count++;
        c->is += repeat_hash_row(row, repeat_width(c->query));
    }
    if (!s->alone || !repeat_same_status(s, line, st)) {
        if (s->alone && was == TENON_NOT_FOUND && st == was && c->was != c->is)
            repeat_differs(s, "%s: other rows than when it was recorded",
                           c->query->query.name != NULL ? c->query->query.name : "a query");
        return TENON_OK;
    }
    *bad = !repeat_recorded_row(s, line, c->query, &hash);
    c->was += hash;
    return TENON_OK;
}

static void
repeat_close(repeat_run_state *s, const json_t *line)
{
    repeat_cursor *c = repeat_find_cursor(s, repeat_number(line, "cursor"));

    if (c == NULL || c->number == 0)
        return;
    tenon_cursor_close(c->cursor);
    *c = (repeat_cursor){ 0 };
}

/* ---- Statements and savepoints ---- */

/* Whether a statement that was sent later than called fails already here. */
static bool
repeat_is_late(repeat_run_state *s, const json_t *line, tenon_status st)
{
    if (st == TENON_OK || !repeat_was_ok(line))
        return false;
    s->late = st;
    s->late_line = s->line;
    return true;
}

static tenon_status
repeat_write(repeat_run_state *s, const json_t *line, const recorded_query *q, bool *bad)
{
    /* What was refused at once is to be so here. */
    const bool later = strcmp(repeat_call(line), "query.exec_later") == 0 && repeat_was_ok(line);
    uint64_t affected = 0;
    const uint64_t was = json_object_get(line, "number") == NULL ? 0
                                                                 : repeat_number(line, "number");
    tenon_status st;

    *bad = !repeat_params(s, q, json_object_get(line, "params"));
    if (*bad)
        return TENON_OK;
    st = tenon_exec(s->txn, &q->query, s->params, later ? NULL : &affected, &s->err);
    if (!repeat_is_answer(st))
        return st;
    if (later && repeat_is_late(s, line, st))
        return TENON_OK;
    if (!s->committed && !s->alone)
        return TENON_OK;
    if (repeat_same_status(s, line, st) && !later && affected != was)
        repeat_differs(s, "%s: %llu rows when it was recorded, %llu now",
                       q->query.name != NULL ? q->query.name : "a query", (unsigned long long)was,
                       (unsigned long long)affected);
    return TENON_OK;
}

static tenon_status
repeat_require(repeat_run_state *s, const json_t *line, const recorded_query *q, bool *bad)
{
    const tenon_value *row;
    tenon_status st;

    *bad = !repeat_params(s, q, json_object_get(line, "params"));
    if (*bad)
        return TENON_OK;
    st = repeat_was_ok(line) ? tenon_require(s->txn, &q->query, s->params, &s->err)
                             : tenon_fetch(s->txn, &q->query, s->params, &row, &s->err);
    if (!repeat_is_answer(st))
        return st;
    if (!repeat_is_late(s, line, st) && s->alone)
        (void)repeat_same_status(s, line, st);
    return TENON_OK;
}

static tenon_status
repeat_savepoint(repeat_run_state *s, const json_t *line, const char *what, bool *bad)
{
    const uint64_t depth = repeat_number(line, "number");
    tenon_status st;

    *bad = depth == 0 || depth > TENON_MAX_SAVEPOINTS + 1;
    if (*bad) {
        trace_error(s->r->trace, s->line, "this is no savepoint");
        return TENON_OK;
    }
    if (strcmp(what, "savepoint") != 0 && s->savepoints[depth] == 0) {
        s->r->left_out_count++; /* as it was when it was set */
        return TENON_OK;
    }
    if (strcmp(what, "savepoint") == 0)
        st = tenon_savepoint(s->txn, &s->savepoints[depth], &s->err);
    else if (strcmp(what, "savepoint_release") == 0)
        st = tenon_savepoint_release(s->txn, s->savepoints[depth], &s->err);
    else
        st = tenon_savepoint_rollback(s->txn, s->savepoints[depth], &s->err);
    if (!repeat_is_answer(st))
        return st;
    if (st == TENON_OK && strcmp(what, "savepoint") != 0)
        memset(&s->savepoints[depth], 0, sizeof s->savepoints - depth * sizeof s->savepoints[0]);
    (void)repeat_same_status(s, line, st); /* it may tell of a statement that was sent later */
    return TENON_OK;
}

/* A failure of the engine was no answer: what was not done is not done again. */
static bool
repeat_leaves_out(repeat_run_state *s, const json_t *line)
{
    const json_t *status = json_object_get(line, "status");

    if (repeat_is_answer((tenon_status)json_integer_value(status)))
        return false;
    s->r->left_out_count++;
    return true;
}

static tenon_status
repeat_line(repeat_run_state *s, const repeat_conn *c, const json_t *line, bool *bad)
{
    const char *call = repeat_call(line);
    const uint64_t plan = repeat_number(line, "plan");
    const recorded_query *q = plan < c->plan_room ? c->plans[plan] : NULL;

    if (repeat_leaves_out(s, line))
        return TENON_OK;
    if (s->late != TENON_OK && strcmp(call, "query.next") != 0 &&
        json_integer_value(json_object_get(line, "status")) == s->late) {
        if (strcmp(call, "query.fetch") != 0) /* which may have an end of its own */
            s->late = TENON_OK;               /* here it was told of */
        return TENON_OK;
    }
    if (strncmp(call, "transaction.", 12) == 0)
        return repeat_savepoint(s, line, call + 12, bad);
    if (strcmp(call, "query.next") == 0)
        return repeat_next(s, line, bad);
    if (strcmp(call, "query.close") == 0) {
        repeat_close(s, line);
        return TENON_OK;
    }
    s->r->statement_count++;
    if (q == NULL) {
        trace_error(s->r->trace, s->line, "its plan was not prepared");
        *bad = true;
        return TENON_OK;
    }
    if (strcmp(call, "query.open") == 0)
        return repeat_open(s, line, q, bad);
    if (strcmp(call, "query.fetch") == 0)
        return repeat_fetch(s, line, q, json_object_get(line, "params"), bad);
    return strcmp(call, "query.require") == 0 ? repeat_require(s, line, q, bad)
                                              : repeat_write(s, line, q, bad);
}

/* ---- The whole ---- */

static tenon_status
repeat_end(repeat_run_state *s)
{
    tenon_status st = TENON_OK;

    if (s->committed && s->late != TENON_OK) {
        s->line = s->late_line;
        repeat_differs(s, "a statement: OK when it was recorded, %s now",
                       tenon_status_name(s->late));
    }
    for (size_t i = 0; i < REPEAT_CURSORS; i++)
        tenon_cursor_close(s->cursors[i].cursor);
    if (s->committed)
        st = tenon_commit(s->txn, &s->err);
    else
        tenon_rollback(s->txn);
    s->txn = NULL;
    s->r->commit_count += s->committed;
    s->r->rollback_count += !s->committed;
    return st;
}

int
repeat_transaction(repeat *r, repeat_conn *c, bool committed, uint64_t end_line)
{
    const tenon_txn_options how = { .size = sizeof how,
                                    .isolation = c->isolation,
                                    .timeout_ms = REPEAT_TIMEOUT_MS,
                                    .read_only = c->read_only };
    struct recorded_block *mark = r->recorded.blocks;
    repeat_run_state *s = calloc(1, sizeof *s);
    bool bad = s == NULL;
    tenon_status st = TENON_OK;
    const json_t *line;
    size_t i;

    if (s == NULL) {
        tool_error("memory", "there is none left");
        return TOOL_FAILED;
    }
    s->r = r;
    s->committed = committed;
    s->alone = c->begun_ns >= r->committed_ns;
    s->line = end_line;
    st = tenon_begin(r->db, &how, &s->txn, &s->err);
    json_array_foreach(c->lines, i, line)
    {
        if (st != TENON_OK || bad)
            break;
        s->line = repeat_number(line, "line");
        st = repeat_line(s, c, line, &bad);
        recorded_rewind(&r->recorded, mark);
    }
    if (st == TENON_OK && !bad) {
        s->line = end_line;
        st = repeat_end(s);
    }
    if (st != TENON_OK)
        trace_error(r->trace, s->line, "can't be repeated: %s: %s", tenon_status_name(st),
                    s->err.message);
    tenon_rollback(s->txn);
    free(s);
    return st == TENON_OK && !bad ? TOOL_GO_ON : TOOL_FAILED;
}
