/* Connections: the statements that they keep, and savepoints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"

const tenon_host *tenon_sql_host;

tenon_status
tenon_sql_conn_new(const tenon_sql_engine *engine, void *raw, tenon_drv_conn **out,
                   tenon_error *err)
{
    *out = aligned_alloc(_Alignof(tenon_drv_conn), sizeof **out);
    if (*out == NULL)
        return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    memset(*out, 0, sizeof **out);
    (*out)->engine = engine;
    (*out)->raw = raw;
    return TENON_OK;
}

void *
tenon_sql_conn_raw(const tenon_drv_conn *conn)
{
    return conn->raw;
}

void
tenon_sql_conn_forget(tenon_drv_conn *conn)
{
    while (conn->waiting != NULL) {
        sql_waiting *waiting = conn->waiting;

        conn->waiting = waiting->next;
        sql_text_fini(&waiting->text);
        free(waiting);
    }
}

void
tenon_sql_conn_free(tenon_drv_conn *conn)
{
    if (conn == NULL)
        return;
    tenon_sql_conn_forget(conn);
    for (uint32_t i = 0; i < TENON_SQL_KEPT; i++)
        conn->engine->finalize(conn->kept[i]);
    for (uint32_t depth = 0; depth < TENON_DRV_MAX_SAVEPOINTS; depth++) {
        for (uint32_t i = 0; i < sizeof conn->savepoints / sizeof conn->savepoints[0]; i++)
            conn->engine->finalize(conn->savepoints[i][depth]);
    }
    free(conn);
}

tenon_status
sql_prepare(tenon_drv_conn *conn, const char *sql, uint32_t use, tenon_sql_stmt **out,
            tenon_error *err)
{
    const tenon_sql_source source = { .sql = sql, .use = use };

    return conn->engine->prepare(conn->raw, &source, out, err);
}

/* Run a statement that is compiled when it is first needed. */
static tenon_status
conn_run(tenon_drv_conn *conn, tenon_sql_stmt **stmt, const char *sql, tenon_error *err)
{
    tenon_status st = TENON_OK;

    tenon_sql_conn_settle(conn);
    if (*stmt == NULL)
        st = sql_prepare(conn, sql, TENON_SQL_LASTING, stmt, err);
    if (st != TENON_OK)
        return st;
    st = conn->engine->step(conn->raw, *stmt, NULL, NULL, err);
    conn->engine->reset(*stmt);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

tenon_status
tenon_sql_run_kept(tenon_drv_conn *conn, uint32_t number, const char *sql, tenon_error *err)
{
    return conn_run(conn, &conn->kept[number], sql, err);
}

void
tenon_sql_begin_later(tenon_drv_conn *conn, uint32_t number, const char *sql)
{
    conn->begin_number = number;
    conn->begin_sql = sql;
}

tenon_status
sql_conn_begin(tenon_drv_conn *conn, tenon_error *err)
{
    const char *sql = conn->begin_sql;

    conn->begin_sql = NULL;
    return sql == NULL ? TENON_OK : conn_run(conn, &conn->kept[conn->begin_number], sql, err);
}

/* The first value of a row, a text or a number, as text; "" for others. */
static void
conn_read_text(const tenon_drv_conn *conn, tenon_sql_stmt *stmt, char *out, size_t out_bytes)
{
    tenon_value v;
    bool is_text;

    conn->engine->column(stmt, 0, TENON_NULL, &v);
    is_text = v.type == TENON_TEXT && v.len > 0;
    if (v.type == TENON_INT)
        (void)snprintf(out, out_bytes, "%lld", (long long)v.as.i);
    else
        (void)snprintf(out, out_bytes, "%.*s", is_text ? (int)v.len : 0,
                       is_text ? (const char *)v.as.data : "");
}

tenon_status
tenon_sql_ask(tenon_drv_conn *conn, const char *sql, char *out, size_t out_bytes, tenon_error *err)
{
    tenon_sql_stmt *stmt = NULL;
    tenon_status st;

    out[0] = '\0';
    tenon_sql_conn_settle(conn);
    st = sql_prepare(conn, sql, TENON_SQL_ONCE, &stmt, err);
    if (st == TENON_OK)
        st = conn->engine->step(conn->raw, stmt, NULL, NULL, err);
    if (st == TENON_OK)
        conn_read_text(conn, stmt, out, out_bytes);
    conn->engine->finalize(stmt);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

tenon_status
tenon_sql_check(tenon_drv_conn *conn, const char *sql, const char *where, tenon_problem_fn fn,
                void *arg, tenon_error *err)
{
    tenon_sql_stmt *stmt = NULL;
    char text[256];
    tenon_status st;

    tenon_sql_conn_settle(conn);
    st = sql_prepare(conn, sql, TENON_SQL_ONCE, &stmt, err);
    while (st == TENON_OK) {
        st = conn->engine->step(conn->raw, stmt, NULL, NULL, err);
        if (st != TENON_OK)
            break;
        conn_read_text(conn, stmt, text, sizeof text);
        if (strcmp(text, "ok") != 0)
            fn(arg, where, text);
    }
    conn->engine->finalize(stmt);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
conn_at_savepoint(tenon_drv_conn *conn, uint32_t what, uint32_t depth, tenon_error *err)
{
    static const char *const words[] = { "SAVEPOINT", "RELEASE", "ROLLBACK TO" };
    tenon_sql_stmt **stmt = &conn->savepoints[what][depth - 1];
    const tenon_status st = sql_conn_begin(conn, err);
    char sql[32] = "";

    if (st != TENON_OK)
        return st;
    if (*stmt == NULL)
        (void)snprintf(sql, sizeof sql, "%s s%u", words[what], (unsigned)depth);
    return conn_run(conn, stmt, sql, err);
}

tenon_status
tenon_sql_savepoint(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    return conn_at_savepoint(conn, 0, depth, err);
}

tenon_status
tenon_sql_savepoint_release(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    return conn_at_savepoint(conn, 1, depth, err);
}

tenon_status
tenon_sql_savepoint_rollback(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    tenon_status st = conn_at_savepoint(conn, 2, depth, err);

    return st == TENON_OK ? conn_at_savepoint(conn, 1, depth, err) : st;
}

static bool
conn_is_key(const tenon_drv_table *table, const uint16_t *columns, uint32_t count,
            const char *listed)
{
    char expected[(TENON_MAX_NAME_BYTES * 2 + 4) * TENON_MAX_KEY_COLUMNS];
    size_t len = 0;

    for (uint32_t i = 0; i < count && len < sizeof expected; i++)
        len += (size_t)snprintf(expected + len, sizeof expected - len, "%s%s.%s",
                                i == 0 ? "" : ", ", table->name, table->columns[columns[i]].name);
    return strcmp(listed, expected) == 0;
}

void
tenon_sql_name_key(const tenon_drv_table *table, const char *columns, char *out, size_t out_bytes)
{
    if (conn_is_key(table, table->key_columns, table->key_column_count, columns)) {
        (void)snprintf(out, out_bytes, "%s.primary", table->name);
        return;
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        const tenon_drv_index *index = &table->indexes[i];

        if (index->unique && conn_is_key(table, index->columns, index->column_count, columns)) {
            (void)snprintf(out, out_bytes, "%s", index->name);
            return;
        }
    }
}
