/* Changes of the schema. */
#include <stdio.h>
#include <stdlib.h>

#include "conn.h"

/* Run what was written, and free it. */
static tenon_status
schema_run(tenon_drv_conn *conn, sql_text *text, tenon_error *err)
{
    char ignored[8];
    tenon_status st;

    if (text->failed)
        st = tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    else
        st = tenon_sql_ask(conn, text->data, ignored, sizeof ignored, err);
    sql_text_fini(text);
    return st;
}

static tenon_status
schema_has(tenon_drv_conn *conn, const char *question, const char *name, uint32_t *out,
           tenon_error *err)
{
    const tenon_sql_engine *engine = conn->engine;
    static const uint8_t type = TENON_TEXT;
    const tenon_sql_source source = { .sql = question, .types = &type, .type_count = 1 };
    const tenon_value value = tenon_text(name);
    tenon_sql_stmt *stmt = NULL;
    tenon_status st;

    *out = 0;
    tenon_sql_conn_settle(conn);
    st = engine->prepare(conn->raw, &source, &stmt, err);
    if (st == TENON_OK)
        st = engine->bind(conn->raw, stmt, 1, &value, err);
    if (st == TENON_OK)
        st = engine->step(conn->raw, stmt, NULL, NULL, err);
    *out = st == TENON_OK;
    engine->finalize(stmt);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
schema_has_table(tenon_drv_conn *conn, const char *name, uint32_t *out, tenon_error *err)
{
    return schema_has(conn, conn->engine->dialect->table_query, name, out, err);
}

static tenon_status
schema_need(tenon_drv_conn *conn, const char *name, bool there, tenon_error *err)
{
    uint32_t found = 0;
    tenon_status st = schema_has_table(conn, name, &found, err);

    if (st == TENON_OK && there && !found)
        st = tenon_sql_fail(err, TENON_NOT_FOUND, 0, TENON_EFFECT_OPEN, name, "no table %s", name);
    else if (st == TENON_OK && !there && found)
        st = tenon_sql_fail(err, TENON_EXISTS, 0, TENON_EFFECT_OPEN, name,
                            "there is a table %s already", name);
    return st;
}

/* Write a foreign key down for when the table that it refers to is there. */
static tenon_status
schema_wait(tenon_drv_conn *conn, const tenon_drv_foreign_key *fk, sql_text *text, tenon_error *err)
{
    sql_waiting *waiting = calloc(1, sizeof *waiting);

    if (waiting == NULL || text->failed) {
        free(waiting);
        sql_text_fini(text);
        return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    }
    (void)snprintf(waiting->references, sizeof waiting->references, "%s", fk->references);
    waiting->text = *text;
    waiting->next = conn->waiting;
    conn->waiting = waiting;
    return TENON_OK;
}

/* Make the foreign keys that have waited for this table. */
static tenon_status
schema_arrive(tenon_drv_conn *conn, const char *name, tenon_error *err)
{
    tenon_status st = TENON_OK;

    for (sql_waiting **at = &conn->waiting; *at != NULL && st == TENON_OK;) {
        sql_waiting *waiting = *at;

        if (strcmp(waiting->references, name) != 0) {
            at = &waiting->next;
            continue;
        }
        *at = waiting->next;
        st = schema_run(conn, &waiting->text, err);
        free(waiting);
    }
    return st;
}

static tenon_status
schema_create_keys(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    sql_text text = { 0 };
    tenon_status st;

    sql_write_primary_key(&text, table);
    st = schema_run(conn, &text, err);
    for (uint32_t i = 0; i < table->foreign_key_count && st == TENON_OK; i++) {
        const tenon_drv_foreign_key *fk = &table->foreign_keys[i];
        uint32_t found = 0;

        st = schema_has_table(conn, fk->references, &found, err);
        if (st != TENON_OK)
            break;
        memset(&text, 0, sizeof text);
        sql_write_foreign_key(&text, conn->engine->dialect, table, fk);
        st = found ? schema_run(conn, &text, err) : schema_wait(conn, fk, &text, err);
    }
    return st == TENON_OK ? schema_arrive(conn, table->name, err) : st;
}

/* Made in the order in which the engine checks them: the first index is checked first, the primary
 * key last. */
static tenon_status
schema_create_table(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    const tenon_sql_dialect *dialect = conn->engine->dialect;
    sql_text text = { 0 };
    tenon_status st = schema_need(conn, table->name, false, err);

    if (st == TENON_OK) {
        sql_write_table(&text, dialect, table);
        st = schema_run(conn, &text, err);
    }
    for (uint32_t i = 0; i < table->index_count && st == TENON_OK; i++) {
        const uint32_t next = dialect->keys_last ? i : table->index_count - 1 - i;

        sql_write_index(&text, dialect, table, &table->indexes[next]);
        st = schema_run(conn, &text, err);
    }
    return st == TENON_OK && dialect->keys_last ? schema_create_keys(conn, table, err) : st;
}

static tenon_status
schema_drop_table(tenon_drv_conn *conn, const char *name, tenon_error *err)
{
    sql_text text = { 0 };
    tenon_status st = schema_need(conn, name, true, err);

    if (st != TENON_OK)
        return st;
    sql_put(&text, "DROP TABLE ");
    sql_put_name(&text, name);
    return schema_run(conn, &text, err);
}

static tenon_status
schema_add_column(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    sql_text text = { 0 };

    sql_write_add_column(&text, conn->engine->dialect, table);
    return schema_run(conn, &text, err);
}

static tenon_status
schema_drop_column(tenon_drv_conn *conn, const char *table, const char *column, tenon_error *err)
{
    sql_text text = { 0 };

    sql_put(&text, "ALTER TABLE ");
    sql_put_name(&text, table);
    sql_put(&text, " DROP COLUMN ");
    sql_put_name(&text, column);
    return schema_run(conn, &text, err);
}

static tenon_status
schema_create_index(tenon_drv_conn *conn, const tenon_drv_table *table, uint32_t index,
                    tenon_error *err)
{
    sql_text text = { 0 };
    tenon_status st;

    sql_write_index(&text, conn->engine->dialect, table, &table->indexes[index]);
    st = schema_run(conn, &text, err);
    if (st == TENON_EXISTS)
        (void)tenon_sql_fail(err, st, err->native, err->effect, table->indexes[index].name,
                             "rows of %s have the same key in unique index %s", table->name,
                             table->indexes[index].name);
    return st;
}

static tenon_status
schema_drop_index(tenon_drv_conn *conn, const char *table, const char *index, tenon_error *err)
{
    sql_text text = { 0 };
    uint32_t found = 0;
    tenon_status st = schema_has(conn, conn->engine->dialect->index_query, index, &found, err);

    if (st == TENON_OK && !found)
        st = tenon_sql_fail(err, TENON_NOT_FOUND, 0, TENON_EFFECT_OPEN, index,
                            "table %s has no index %s", table, index);
    if (st != TENON_OK)
        return st;
    sql_put(&text, "DROP INDEX ");
    sql_put_name(&text, index);
    return schema_run(conn, &text, err);
}

const tenon_drv_schema_ops tenon_sql_schema_ops = {
    .size = sizeof tenon_sql_schema_ops,
    .has_table = schema_has_table,
    .create_table = schema_create_table,
    .drop_table = schema_drop_table,
    .add_column = schema_add_column,
    .drop_column = schema_drop_column,
    .create_index = schema_create_index,
    .drop_index = schema_drop_index,
};
