/* Plans and cursors. A plan keeps its statements; each run takes one, so that several cursors of
 * one plan may be open at once. */
#include <stdio.h>
#include <stdlib.h>

#include "conn.h"

struct tenon_drv_plan {
    tenon_drv_conn *conn;
    const tenon_drv_query *query;
    sql_query_text text;
    tenon_drv_cursor *idle;           /* prepared, not running */
    tenon_drv_cursor *require;        /* sees that there is a row; NULL: not needed yet */
    uint8_t types[TENON_MAX_COLUMNS]; /* of the columns of its rows */
};

struct tenon_drv_cursor {
    tenon_drv_plan *plan; /* NULL: the user's own text */
    tenon_drv_conn *conn;
    tenon_sql_stmt *stmt;
    tenon_drv_cursor *next;
    char *prefix_end; /* what each prefix ends before; lives as long as it is bound */
    size_t prefix_room;
    uint32_t column_count;
    uint32_t reserved;
    tenon_value row[];
};

static tenon_status
sql_no_memory(tenon_error *err)
{
    return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
}

static void
sql_cursor_free(tenon_drv_cursor *cursor)
{
    if (cursor == NULL)
        return;
    cursor->conn->engine->finalize(cursor->stmt);
    free(cursor->prefix_end);
    free(cursor);
}

static tenon_status
sql_cursor_new(tenon_drv_conn *conn, tenon_drv_plan *plan, tenon_sql_stmt *stmt, uint32_t columns,
               tenon_drv_cursor **out, tenon_error *err)
{
    tenon_drv_cursor *cursor = calloc(1, sizeof *cursor + columns * sizeof cursor->row[0]);

    *out = cursor;
    if (cursor == NULL) {
        conn->engine->finalize(stmt);
        return sql_no_memory(err);
    }
    cursor->plan = plan;
    cursor->conn = conn;
    cursor->stmt = stmt;
    cursor->column_count = columns;
    return TENON_OK;
}

/* A statement with the parameters of the plan. */
static tenon_status
sql_prepare_plan(const tenon_drv_plan *plan, const char *sql, uint32_t use, tenon_sql_stmt **out,
                 tenon_error *err)
{
    const tenon_sql_source source = {
        .sql = sql,
        .query = plan->query,
        .types = plan->text.types,
        .type_count = plan->text.bind_count,
        .use = use,
    };

    return plan->conn->engine->prepare(plan->conn->raw, &source, out, err);
}

/* A statement of the plan that is not running. */
static tenon_status
sql_take(tenon_drv_plan *plan, tenon_drv_cursor **out, tenon_error *err)
{
    tenon_drv_conn *conn = plan->conn;
    const uint32_t columns = plan->query->kind == TENON_COUNT ? 1 : plan->query->column_count;
    tenon_sql_stmt *stmt = NULL;
    tenon_status st;

    *out = plan->idle;
    if (*out != NULL) {
        plan->idle = (*out)->next;
        return TENON_OK;
    }
    st = sql_prepare_plan(plan, plan->text.text.data, TENON_SQL_LASTING, &stmt, err);
    if (st == TENON_OK)
        st = sql_cursor_new(conn, plan, stmt, columns, out, err);
    return st;
}

static void
sql_give_back(tenon_drv_cursor *cursor)
{
    cursor->conn->engine->reset(cursor->stmt);
    cursor->next = cursor->plan->idle;
    cursor->plan->idle = cursor;
}

void
tenon_sql_conn_settle(tenon_drv_conn *conn)
{
    if (conn->fetched != NULL)
        sql_give_back(conn->fetched);
    conn->fetched = NULL;
}

bool
tenon_sql_end_reading(tenon_drv_conn *conn)
{
    const bool never_begun = conn->begin_sql != NULL;

    tenon_sql_conn_settle(conn);
    if (conn->holder != NULL)
        sql_give_back(conn->holder);
    conn->holder = NULL;
    conn->begin_sql = NULL;
    return never_begun;
}

/* Room for the ends of all prefixes: none may move once it is bound. */
static tenon_status
sql_reserve_prefixes(tenon_drv_cursor *cursor, const tenon_value *params, tenon_error *err)
{
    const sql_query_text *text = &cursor->plan->text;
    size_t room = 0;
    char *bytes;

    for (uint32_t i = 0; i < text->bind_count; i++) {
        if (text->binds[i].how == SQL_BIND_PREFIX_END)
            room += params[text->binds[i].param].len + SQL_PREFIX_ROOM;
    }
    if (room <= cursor->prefix_room)
        return TENON_OK;
    bytes = realloc(cursor->prefix_end, room);
    if (bytes == NULL)
        return sql_no_memory(err);
    cursor->prefix_end = bytes;
    cursor->prefix_room = room;
    return TENON_OK;
}

static tenon_status
sql_bind_all(tenon_drv_cursor *cursor, const tenon_value *params, tenon_error *err)
{
    const tenon_drv_conn *conn = cursor->conn;
    const sql_query_text *text = &cursor->plan->text;
    tenon_status st = sql_reserve_prefixes(cursor, params, err);
    char *end = cursor->prefix_end;

    for (uint32_t i = 0; i < text->bind_count && st == TENON_OK; i++) {
        const tenon_value *value = &params[text->binds[i].param];
        tenon_value made;

        if (text->binds[i].how == SQL_BIND_PREFIX_END) {
            made = sql_prefix_end(value, conn->engine->dialect->valid_text != 0, end);
            end += value->len + SQL_PREFIX_ROOM;
            value = &made;
        } else if (text->binds[i].how == SQL_BIND_PREFIX_LENGTH) {
            made = value->type == TENON_NULL ? tenon_null() : tenon_int(value->len);
            value = &made;
        }
        st = conn->engine->bind(conn->raw, cursor->stmt, i + 1, value, err);
    }
    return st;
}

static tenon_status
sql_start(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out, tenon_error *err)
{
    tenon_status st;

    tenon_sql_conn_settle(plan->conn);
    st = sql_take(plan, out, err);
    if (st != TENON_OK)
        return st;
    st = sql_bind_all(*out, params, err);
    if (st != TENON_OK) {
        sql_give_back(*out);
        *out = NULL;
    }
    return st;
}

/* Whether a value is what its column holds: the file may have been written by anybody. */
static bool
sql_fits(const tenon_value *v, tenon_type type)
{
    return v->type == TENON_NULL ||
           (v->type == type && (type != TENON_UUID || v->len == sizeof(tenon_uuid)));
}

/* What a row of a query consists of. */
static void
sql_list_types(tenon_drv_plan *plan)
{
    const tenon_drv_query *query = plan->query;

    plan->types[0] = TENON_INT; /* the number of a COUNT */
    for (uint32_t i = 0; i < query->column_count && query->kind != TENON_COUNT; i++)
        plan->types[i] = query->table->columns[query->columns[i]].type;
}

static tenon_status
sql_misfit(const tenon_drv_query *query, uint32_t number, tenon_error *err)
{
    const char *column = query->kind == TENON_COUNT
                             ? ""
                             : query->table->columns[query->columns[number]].name;

    return tenon_sql_fail(err, TENON_CORRUPT, 0, TENON_EFFECT_MUST_ROLL_BACK, column,
                          "stored data is damaged: %s.%s holds what is no value of its type",
                          query->table->name, column);
}

static tenon_status
sql_read_row(tenon_drv_cursor *cursor, tenon_error *err)
{
    const tenon_sql_engine *engine = cursor->conn->engine;
    const tenon_drv_plan *plan = cursor->plan;

    if (plan != NULL && engine->row != NULL) {
        engine->row(cursor->stmt, plan->types, cursor->column_count, cursor->row);
    } else {
        for (uint32_t i = 0; i < cursor->column_count; i++)
            engine->column(cursor->stmt, i, plan == NULL ? TENON_NULL : plan->types[i],
                           &cursor->row[i]);
    }
    for (uint32_t i = 0; plan != NULL && i < cursor->column_count; i++) {
        if (!sql_fits(&cursor->row[i], plan->types[i]))
            return sql_misfit(plan->query, i, err);
    }
    return TENON_OK;
}

static tenon_status
sql_step(tenon_drv_cursor *cursor, const tenon_value *params, tenon_error *err)
{
    const tenon_drv_conn *conn = cursor->conn;
    const tenon_drv_query *query = cursor->plan == NULL ? NULL : cursor->plan->query;

    return conn->engine->step(conn->raw, cursor->stmt, query, params, err);
}

static tenon_status
sql_plan_prepare(tenon_drv_conn *conn, const tenon_drv_query *query, tenon_drv_plan **out,
                 tenon_error *err)
{
    tenon_drv_plan *plan = calloc(1, sizeof *plan);
    tenon_drv_cursor *first = NULL;
    tenon_status st;

    *out = NULL;
    if (plan == NULL)
        return sql_no_memory(err);
    tenon_sql_conn_settle(conn);
    plan->conn = conn;
    plan->query = query;
    sql_list_types(plan);
    st = sql_query_write(&plan->text, conn->engine->dialect, query, err);
    if (st == TENON_OK)
        st = sql_take(plan, &first, err);
    if (st != TENON_OK) {
        sql_query_text_fini(&plan->text);
        free(plan);
        return st;
    }
    plan->idle = first;
    *out = plan;
    return TENON_OK;
}

static void
sql_plan_free(tenon_drv_plan *plan)
{
    if (plan == NULL)
        return;
    tenon_sql_conn_settle(plan->conn);
    if (plan->conn->holder != NULL && plan->conn->holder->plan == plan) {
        sql_give_back(plan->conn->holder);
        plan->conn->holder = NULL;
    }
    while (plan->idle != NULL) {
        tenon_drv_cursor *cursor = plan->idle;

        plan->idle = cursor->next;
        sql_cursor_free(cursor);
    }
    sql_cursor_free(plan->require);
    sql_query_text_fini(&plan->text);
    free(plan);
}

static tenon_status
sql_exec(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected, tenon_error *err)
{
    tenon_drv_cursor *cursor = NULL;
    tenon_status st = sql_start(plan, params, &cursor, err);

    if (st != TENON_OK)
        return st;
    st = sql_step(cursor, params, err);
    if (st == TENON_NOT_FOUND) {
        *affected = plan->conn->engine->changes(plan->conn->raw);
        st = TENON_OK;
    }
    sql_give_back(cursor);
    return st;
}

static tenon_status
sql_exec_later(tenon_drv_plan *plan, const tenon_value *params, tenon_error *err)
{
    const tenon_drv_conn *conn = plan->conn;
    tenon_drv_cursor *cursor = NULL;
    uint64_t ignored;
    tenon_status st;

    if (conn->engine->post == NULL)
        return sql_exec(plan, params, &ignored, err);
    st = sql_start(plan, params, &cursor, err);
    if (st != TENON_OK)
        return st;
    st = conn->engine->post(conn->raw, cursor->stmt, plan->query, params, err);
    sql_give_back(cursor);
    return st;
}

static tenon_status
sql_open(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out, tenon_error *err)
{
    const tenon_status st = sql_conn_need_state(plan->conn, err);

    *out = NULL;
    return st == TENON_OK ? sql_start(plan, params, out, err) : st;
}

static tenon_status
sql_next(tenon_drv_cursor *cursor, const tenon_value **row, tenon_error *err)
{
    tenon_status st = sql_step(cursor, NULL, err);

    if (st == TENON_OK)
        st = sql_read_row(cursor, err);
    *row = st == TENON_OK ? cursor->row : NULL;
    return st;
}

static void
sql_close(tenon_drv_cursor *cursor)
{
    if (cursor == NULL)
        return;
    if (cursor->plan == NULL)
        sql_cursor_free(cursor);
    else
        sql_give_back(cursor);
}

/* The first row, with the cursor that holds it; without a row there is no cursor. */
static tenon_status
sql_first_row(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out,
              const tenon_value **row, tenon_error *err)
{
    tenon_status st = sql_start(plan, params, out, err);

    if (st != TENON_OK)
        return st;
    st = sql_next(*out, row, err);
    if (st == TENON_OK)
        return st;
    sql_give_back(*out);
    *out = NULL;
    return st;
}

static tenon_status
sql_fetch(tenon_drv_plan *plan, const tenon_value *params, const tenon_value **row,
          tenon_error *err)
{
    tenon_drv_conn *conn = plan->conn;
    const bool is_first = conn->begin_sql != NULL && conn->holder == NULL;
    tenon_drv_cursor *cursor = NULL;
    tenon_status st;

    *row = NULL;
    st = sql_first_row(plan, params, &cursor, row, err);
    if (is_first && st == TENON_OK) {
        conn->holder = cursor; /* runs to the transaction's end */
        return st;
    }
    if (is_first && st == TENON_NOT_FOUND) { /* nothing holds the state that has no such row */
        st = sql_conn_begin(conn, err);
        if (st == TENON_OK)
            st = sql_first_row(plan, params, &cursor, row, err);
    }
    conn->fetched = cursor; /* reset when the row is no longer borrowed */
    return st;
}

/* The statement that fails where the query finds nothing. */
static tenon_status
sql_require_compile(tenon_drv_plan *plan, tenon_error *err)
{
    const tenon_sql_dialect *dialect = plan->conn->engine->dialect;
    tenon_sql_stmt *stmt = NULL;
    sql_text text = { 0 };
    tenon_status st;

    sql_put(&text, dialect->require_prefix);
    sql_put(&text, plan->text.text.data);
    sql_put(&text, dialect->require_suffix);
    st = text.failed ? sql_no_memory(err)
                     : sql_prepare_plan(plan, text.data, TENON_SQL_LASTING, &stmt, err);
    if (st == TENON_OK)
        st = sql_cursor_new(plan->conn, plan, stmt, 0, &plan->require, err);
    sql_text_fini(&text);
    return st;
}

/* The engine has no such statement: read. */
static tenon_status
sql_require_row(tenon_drv_plan *plan, const tenon_value *params, tenon_error *err)
{
    const char *name = plan->query->name;
    const tenon_value *row;
    tenon_status st = sql_fetch(plan, params, &row, err);

    tenon_sql_conn_settle(plan->conn);
    return st != TENON_NOT_FOUND ? st
                                 : tenon_sql_fail(err, st, 0, TENON_EFFECT_OPEN, name,
                                                  "%s: there is no such row", name);
}

static tenon_status
sql_require(tenon_drv_plan *plan, const tenon_value *params, tenon_error *err)
{
    const tenon_sql_engine *engine = plan->conn->engine;
    tenon_status st = TENON_OK;

    if (engine->dialect->require_prefix == NULL || engine->post == NULL)
        return sql_require_row(plan, params, err);
    tenon_sql_conn_settle(plan->conn);
    if (plan->require == NULL)
        st = sql_require_compile(plan, err);
    if (st == TENON_OK)
        st = sql_bind_all(plan->require, params, err);
    if (st == TENON_OK)
        st = engine->post(plan->conn->raw, plan->require->stmt, plan->query, params, err);
    if (plan->require != NULL)
        engine->reset(plan->require->stmt);
    return st;
}

static tenon_status
sql_explain(tenon_drv_plan *plan, char *out, uint64_t out_bytes, tenon_error *err)
{
    const tenon_drv_conn *conn = plan->conn;
    const tenon_sql_engine *engine = conn->engine;
    tenon_sql_stmt *stmt = NULL;
    sql_text text = { 0 };
    uint64_t len = 0;
    tenon_status st;

    tenon_sql_conn_settle(plan->conn);
    sql_put(&text, engine->dialect->explain_prefix);
    sql_put(&text, plan->text.text.data);
    st = text.failed ? sql_no_memory(err)
                     : sql_prepare_plan(plan, text.data, TENON_SQL_ONCE, &stmt, err);
    if (out_bytes > 0)
        out[0] = '\0';
    while (st == TENON_OK) {
        tenon_value words;

        st = engine->step(conn->raw, stmt, plan->query, NULL, err);
        if (st != TENON_OK)
            break;
        engine->column(stmt, engine->dialect->explain_column, TENON_TEXT, &words);
        if (len + 1 < out_bytes)
            len += (uint64_t)snprintf(out + len, out_bytes - len, "%s%.*s", len > 0 ? "\n" : "",
                                      (int)words.len, (const char *)words.as.data);
    }
    engine->finalize(stmt);
    sql_text_fini(&text);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
sql_bind_user(tenon_drv_conn *conn, tenon_sql_stmt *stmt, const tenon_value *params,
              uint32_t param_count, tenon_error *err)
{
    tenon_status st = TENON_OK;

    for (uint32_t i = 0; i < param_count && st == TENON_OK; i++)
        st = conn->engine->bind(conn->raw, stmt, i + 1, &params[i], err);
    return st;
}

static tenon_status
sql_user_text(tenon_drv_conn *conn, const char *sql, const tenon_value *params,
              uint32_t param_count, tenon_drv_cursor **out, uint32_t *column_count,
              tenon_error *err)
{
    tenon_drv_cursor *cursor = NULL;
    tenon_sql_stmt *stmt = NULL;
    uint32_t columns = 0;
    tenon_status st;

    if (out != NULL)
        *out = NULL;
    tenon_sql_conn_settle(conn);
    st = sql_conn_need_state(conn, err);
    if (st == TENON_OK)
        st = sql_prepare(conn, sql, TENON_SQL_USER, &stmt, err);
    if (st != TENON_OK)
        return st;
    st = sql_bind_user(conn, stmt, params, param_count, err);
    if (st == TENON_OK)
        st = conn->engine->column_count(stmt, &columns, err);
    if (st != TENON_OK)
        conn->engine->finalize(stmt);
    else
        st = sql_cursor_new(conn, NULL, stmt, columns, &cursor, err);
    if (st == TENON_OK && column_count != NULL)
        *column_count = cursor->column_count;
    if (st == TENON_OK && out != NULL) {
        *out = cursor;
        return TENON_OK;
    }
    while (st == TENON_OK)
        st = sql_step(cursor, params, err);
    sql_cursor_free(cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

const tenon_drv_query_ops tenon_sql_query_ops = {
    .size = sizeof tenon_sql_query_ops,
    .prepare = sql_plan_prepare,
    .free = sql_plan_free,
    .exec = sql_exec,
    .open = sql_open,
    .next = sql_next,
    .close = sql_close,
    .fetch = sql_fetch,
    .explain = sql_explain,
    .sql = sql_user_text,
    .exec_later = sql_exec_later,
    .require = sql_require,
};
