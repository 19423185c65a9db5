/* What trace+URL has recorded, read twice: to see whether it can be repeated and with which tables,
 * then transaction by transaction, in the order in which they ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repeat_inside.h"
#include "stop.h"
#include "tool.h"

#define REPEAT_OWN_TABLES "tenon_" /* what the library keeps for itself, it keeps there too */
#define REPEAT_MOST_NUMBERS ((uint64_t)1 << 24)

static bool
repeat_is_head(const json_t *line)
{
    return json_is_integer(json_object_get(line, "tenon_trace"));
}

bool
repeat_is_recorded(const char *path)
{
    static const char begins[] = "{\"tenon_trace\":";
    const char *text;
    size_t len;
    trace *t;
    bool is;

    if (strcmp(path, "-") == 0)
        return false;
    t = trace_open(path, -1);
    is = t != NULL && trace_next(t, &text, &len) == TRACE_LINE &&
         strncmp(text, begins, sizeof begins - 1) == 0;
    trace_close(t);
    return is;
}

uint64_t
repeat_number(const json_t *line, const char *key)
{
    const json_t *number = json_object_get(line, key);

    return json_is_integer(number) && json_integer_value(number) >= 0
               ? (uint64_t)json_integer_value(number)
               : UINT64_MAX;
}

static const char *
repeat_text(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));

    return text != NULL ? text : "";
}

static bool
repeat_is_own(const char *table)
{
    return strncmp(table, REPEAT_OWN_TABLES, strlen(REPEAT_OWN_TABLES)) == 0;
}

static int
repeat_no_memory(void)
{
    tool_error("memory", "there is none left");
    return TOOL_FAILED;
}

/* What is done with each line. @return TOOL_GO_ON or the exit status */
typedef int (*repeat_fn)(repeat *r, json_t *line);

/* Read on until a transaction is ready. */
static int
repeat_read(repeat *r, repeat_fn fn)
{
    int rc = TOOL_GO_ON;
    trace_result got = TRACE_LINE;
    const char *text;
    size_t len;

    while (rc == TOOL_GO_ON && r->ready == NULL &&
           (got = trace_next(r->trace, &text, &len)) == TRACE_LINE) {
        json_t *line = json_loadb(text, len, 0, NULL);

        if (line != NULL && repeat_text(line, "begun")[0] != '\0') {
            ; /* it is done again when it has come back */
        } else if (line == NULL ||
                   (!repeat_is_head(line) && repeat_text(line, "call")[0] == '\0')) {
            trace_error(r->trace, trace_line(r->trace),
                        "this is no call that trace+URL has recorded");
            rc = TOOL_FAILED;
        } else if (stop_requested()) {
            rc = TOOL_INTERRUPTED;
        } else {
            rc = fn(r, line);
        }
        json_decref(line);
    }
    return rc == TOOL_GO_ON && got == TRACE_BAD ? TOOL_FAILED : rc;
}

/* ---- First: can it be repeated, and with which tables? ---- */

static int
repeat_refuse(repeat *r, const char *why)
{
    trace_error(r->trace, trace_line(r->trace), "%s", why);
    return TOOL_USAGE;
}

static int
repeat_learn_table(repeat *r, json_t *is)
{
    const char *name = repeat_text(is, "name");
    const tenon_table *table;

    if (repeat_is_own(name))
        return TOOL_GO_ON;
    for (uint32_t i = 0; i < r->table_count; i++) {
        if (strcmp(r->tables[i]->name, name) != 0)
            continue;
        return json_equal(r->definitions[i], is)
                   ? TOOL_GO_ON
                   : repeat_refuse(r, "a table is another one than before: a schema that changes "
                                      "can't be repeated");
    }
    table = r->table_count == TENON_MAX_TABLES ? NULL : recorded_table(&r->recorded, is);
    if (table == NULL)
        return repeat_refuse(r, r->recorded.why != NULL ? r->recorded.why
                                                        : "there are too many tables");
    r->definitions[r->table_count] = is;
    r->tables[r->table_count++] = table;
    return TOOL_GO_ON;
}

/* Calls that can't be done again elsewhere. */
static int
repeat_look(repeat *r, json_t *line)
{
    const char *call = repeat_text(line, "call"), *name = repeat_text(line, "text");
    json_t *table = json_object_get(line, "table_is");

    if (repeat_is_head(line))
        return json_is_true(json_object_get(line, "values"))
                   ? TOOL_GO_ON
                   : repeat_refuse(r, "it was recorded without values, which are needed to repeat "
                                      "it: record with trace_values=1");
    if (strncmp(call, "schema.", 7) == 0 && strcmp(call, "schema.has_table") != 0 &&
        strcmp(call, "schema.create_table") != 0 && !repeat_is_own(name))
        return repeat_refuse(r, "the schema is changed, which can't be repeated");
    if (strcmp(call, "query.sql") == 0)
        return repeat_refuse(r, "SQL text is of one engine only and can't be repeated");
    if (strncmp(call, "two_phase.", 10) == 0)
        return repeat_refuse(r, "two-phase commits can't be repeated");
    if (strcmp(call, "transaction.commit") == 0 &&
        repeat_number(line, "status") == TENON_UNKNOWN_OUTCOME)
        return repeat_refuse(r, "what became of this commit is not known");
    return table != NULL ? repeat_learn_table(r, table) : TOOL_GO_ON;
}

/* ---- Then: again ---- */

static repeat_conn *
repeat_find_conn(repeat *r, const json_t *line)
{
    const uint64_t number = repeat_number(line, "conn");

    if (number >= REPEAT_MOST_NUMBERS)
        return NULL;
    if (number >= r->conn_room) {
        const size_t room = (size_t)number * 2 + 8;
        repeat_conn *conns = realloc(r->conns, room * sizeof *conns);

        if (conns == NULL)
            return NULL;
        memset(conns + r->conn_room, 0, (room - r->conn_room) * sizeof *conns);
        r->conns = conns;
        r->conn_room = room;
    }
    return &r->conns[number];
}

static void
repeat_forget(repeat_conn *c)
{
    json_decref(c->lines);
    free(c->plans);
    memset(c, 0, sizeof *c);
}

/* The query of a plan; the same one for all plans that say the same. */
static int
repeat_compile(repeat *r, json_t *line, const recorded_query **out)
{
    json_t *key = json_pack("[O, O?, O?]", json_object_get(line, "query_is"),
                            json_object_get(line, "query"), json_object_get(line, "table"));
    char *text = key == NULL ? NULL : json_dumps(key, JSON_COMPACT | JSON_SORT_KEYS);
    const json_t *number = text == NULL ? NULL : json_object_get(r->queries, text);
    const tenon_table *table = NULL;
    int rc = TOOL_GO_ON;

    json_decref(key);
    if (text == NULL)
        return repeat_refuse(r, "what the plan is, is not recorded");
    if (number != NULL) {
        *out = r->compiled[json_integer_value(number)];
        goto done;
    }
    for (uint32_t i = 0; i < r->table_count; i++)
        if (strcmp(r->tables[i]->name, repeat_text(line, "table")) == 0)
            table = r->tables[i];
    *out = table == NULL ? NULL : recorded_query_new(&r->recorded, line, table);
    if (*out == NULL) {
        rc = repeat_refuse(r, r->recorded.why != NULL ? r->recorded.why : "its table is unknown");
        goto done;
    }
    if (r->compiled_count == r->compiled_room) {
        const size_t room = r->compiled_room * 2 + 64;
        const recorded_query **more = realloc(r->compiled, room * sizeof(const recorded_query *));

        if (more == NULL) {
            rc = repeat_no_memory();
            goto done;
        }
        r->compiled = more;
        r->compiled_room = room;
    }
    r->compiled[r->compiled_count] = *out;
    if (json_object_set_new(r->queries, text, json_integer((json_int_t)r->compiled_count++)) != 0)
        rc = repeat_no_memory();

done:
    free(text);
    return rc;
}

static int
repeat_plan(repeat *r, repeat_conn *c, json_t *line)
{
    const uint64_t number = repeat_number(line, "plan");

    if (number >= REPEAT_MOST_NUMBERS)
        return repeat_refuse(r, "this is no plan");
    if (number >= c->plan_room) {
        const size_t room = (size_t)number * 2 + 8;
        const recorded_query **plans = realloc(c->plans, room * sizeof(const recorded_query *));

        if (plans == NULL)
            return repeat_no_memory();
        memset(plans + c->plan_room, 0, (room - c->plan_room) * sizeof(const recorded_query *));
        c->plans = plans;
        c->plan_room = room;
    }
    return repeat_compile(r, line, &c->plans[number]);
}

static void
repeat_end_transaction(repeat *r, repeat_conn *c)
{
    json_decref(c->lines);
    c->lines = NULL;
    if (c->committed && !c->read_only && c->ended_ns > r->committed_ns)
        r->committed_ns = c->ended_ns;
    if (r->opened_ns + c->ended_ns > r->latest_ns)
        r->latest_ns = r->opened_ns + c->ended_ns;
}

static int
repeat_finish(repeat *r, repeat_conn *c, const json_t *line, bool committed)
{
    const uint64_t at_ns = repeat_number(line, "at_ns"), took_ns = repeat_number(line, "took_ns");

    c->committed = committed;
    c->ended_ns = at_ns == UINT64_MAX || took_ns == UINT64_MAX ? 0 : at_ns + took_ns;
    c->end_line = trace_line(r->trace);
    if (json_array_size(c->lines) > 0)
        r->ready = c;
    else
        repeat_end_transaction(r, c);
    return TOOL_GO_ON;
}

static int
repeat_begin(repeat_conn *c, const json_t *line)
{
    json_decref(c->lines);
    c->lines = json_array();
    c->begun_ns = repeat_number(line, "at_ns");
    c->read_only = json_is_true(json_object_get(line, "read_only"));
    c->isolation = (uint32_t)repeat_number(line, "isolation");
    return c->lines != NULL ? TOOL_GO_ON : repeat_no_memory();
}

/* A new opening: what was not ended is rolled back, and the clock begins anew. */
static void
repeat_reopen(repeat *r, const json_t *head)
{
    const uint64_t wall_us = repeat_number(head, "wall_us");

    if (r->wall_us == 0)
        r->wall_us = wall_us;
    r->opened_ns = wall_us != UINT64_MAX && wall_us > r->wall_us ? (wall_us - r->wall_us) * 1000
                                                                 : 0;
    if (r->opened_ns < r->latest_ns)
        r->opened_ns = r->latest_ns;
    for (size_t i = 0; i < r->conn_room; i++)
        repeat_forget(&r->conns[i]);
    r->committed_ns = 0;
}

static int
repeat_again(repeat *r, json_t *line)
{
    const char *call = repeat_text(line, "call");
    const bool ok = repeat_number(line, "status") == TENON_OK;
    repeat_conn *c;

    if (repeat_is_head(line)) {
        repeat_reopen(r, line);
        return TOOL_GO_ON;
    }
    c = repeat_find_conn(r, line);
    if (c == NULL)
        return repeat_refuse(r, "this is no connection");
    if (strcmp(call, "transaction.begin") == 0)
        return ok ? repeat_begin(c, line) : TOOL_GO_ON;
    if (strcmp(call, "transaction.commit") == 0 || strcmp(call, "transaction.rollback") == 0 ||
        strcmp(call, "connection.close") == 0)
        return repeat_finish(r, c, line, ok && strcmp(call, "transaction.commit") == 0);
    if (repeat_is_own(repeat_text(line, "table")))
        return TOOL_GO_ON;
    if (strcmp(call, "query.prepare") == 0)
        return ok ? repeat_plan(r, c, line) : TOOL_GO_ON;
    if (c->lines == NULL || strcmp(call, "query.free") == 0 || strcmp(call, "query.explain") == 0 ||
        (strncmp(call, "query.", 6) != 0 && strncmp(call, "transaction.savepoint", 21) != 0))
        return TOOL_GO_ON;
    if (json_object_set_new(line, "line", json_integer((json_int_t)trace_line(r->trace))) != 0 ||
        json_array_append(c->lines, line) != 0)
        return repeat_no_memory();
    return TOOL_GO_ON;
}

/* ---- For who repeats ---- */

static int
repeat_rewind(repeat *r)
{
    trace_close(r->trace);
    r->trace = trace_open(r->path, r->stop_fd);
    return r->trace != NULL ? TOOL_GO_ON : TOOL_USAGE;
}

int
repeat_learn(repeat *r)
{
    int rc;

    r->queries = json_object();
    if (r->queries == NULL)
        return repeat_no_memory();
    rc = repeat_rewind(r);
    if (rc == TOOL_GO_ON)
        rc = repeat_read(r, repeat_look);
    return rc == TOOL_GO_ON ? repeat_rewind(r) : rc;
}

int
repeat_borrow(repeat *r, const repeat *learned)
{
    r->path = learned->path;
    r->stop_fd = learned->stop_fd;
    memcpy(r->tables, learned->tables, sizeof r->tables);
    r->table_count = learned->table_count;
    r->queries = json_object();
    return r->queries != NULL ? repeat_rewind(r) : repeat_no_memory();
}

int
repeat_advance(repeat *r)
{
    return repeat_read(r, repeat_again);
}

uint64_t
repeat_due_ns(const repeat *r)
{
    return r->opened_ns + r->ready->begun_ns;
}

int
repeat_do(repeat *r)
{
    repeat_conn *c = r->ready;
    const int rc = repeat_transaction(r, c, c->committed, c->end_line);

    repeat_skip(r);
    return rc;
}

void
repeat_skip(repeat *r)
{
    repeat_end_transaction(r, r->ready);
    r->ready = NULL;
}

void
repeat_fini(repeat *r)
{
    for (size_t i = 0; i < r->conn_room; i++)
        repeat_forget(&r->conns[i]);
    free(r->conns);
    free(r->compiled);
    json_decref(r->queries);
    recorded_fini(&r->recorded);
    trace_close(r->trace);
}
