/* Statements, and what their failures mean. The classes follow SQLite's documentation of its result
 * codes. */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

const tenon_host *sqlite_host;

static bool
sqlite_is_late(const sqlite_conn *c)
{
    return c->deadline_ns != UINT64_MAX && sqlite_host->monotonic_ns() >= c->deadline_ns;
}

/* Waits in steps that grow to 4 ms, and never past the deadline. */
int
sqlite_on_busy(void *arg, int times)
{
    struct timespec step = { .tv_nsec = 1000000L << (times < 2 ? times : 2) };

    if (sqlite_is_late(arg))
        return 0;
    (void)nanosleep(&step, NULL);
    return 1;
}

int
sqlite_on_progress(void *arg)
{
    return sqlite_is_late(arg) ? 1 : 0;
}

int
sqlite_on_prepare(void *arg, int action, const char *a, const char *b, const char *database,
                  const char *trigger)
{
    const sqlite_conn *c = arg;

    (void)a, (void)database, (void)trigger;
    if (!c->user_text)
        return SQLITE_OK;
    if (action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT || action == SQLITE_ATTACH ||
        action == SQLITE_DETACH || (action == SQLITE_PRAGMA && b != NULL))
        return SQLITE_DENY;
    return SQLITE_OK;
}

static tenon_status
sqlite_io_status(sqlite_conn *c)
{
    const int error_no = sqlite3_system_errno(c->raw);

    return error_no == ENOSPC || error_no == EDQUOT ? TENON_FULL : TENON_IO;
}

static tenon_status
sqlite_error_status(sqlite_conn *c, const tenon_drv_query *query)
{
    if (query == NULL)
        return TENON_INVALID;
    return strncmp(sqlite3_errmsg(c->raw), "no such", 7) == 0 ? TENON_SCHEMA : TENON_INTERNAL;
}

static tenon_status
sqlite_status(sqlite_conn *c, int code, const tenon_drv_query *query)
{
    switch (code) {
    case SQLITE_BUSY_SNAPSHOT:
    case SQLITE_LOCKED_SHAREDCACHE:
        return TENON_CONFLICT;
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return TENON_EXISTS;
    case SQLITE_CONSTRAINT_DATATYPE:
        return TENON_INVALID;
    default:
        break;
    }
    switch (code & 0xFF) {
    case SQLITE_BUSY:
        return sqlite_is_late(c) ? TENON_TIMEOUT : TENON_BUSY;
    case SQLITE_INTERRUPT:
        return sqlite_is_late(c) ? TENON_TIMEOUT : TENON_CANCELLED;
    case SQLITE_CONSTRAINT:
        return TENON_CONSTRAINT;
    case SQLITE_FULL:
        return TENON_FULL;
    case SQLITE_IOERR:
        return sqlite_io_status(c);
    case SQLITE_CANTOPEN:
        return tenon_posix_status(sqlite3_system_errno(c->raw));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return TENON_CORRUPT;
    case SQLITE_READONLY:
        return TENON_READ_ONLY;
    case SQLITE_NOMEM:
        return TENON_NO_MEMORY;
    case SQLITE_AUTH:
        return TENON_DENIED;
    case SQLITE_TOOBIG:
    case SQLITE_RANGE:
        return TENON_INVALID;
    case SQLITE_ERROR:
        return sqlite_error_status(c, query);
    default:
        return TENON_INTERNAL;
    }
}

/* What is left of the transaction. SQLite rolls back by itself after some failures: ask it. */
static uint8_t
sqlite_effect(const sqlite_conn *c, int code)
{
    if (c->in_txn && sqlite3_get_autocommit(c->raw))
        return TENON_EFFECT_ROLLED_BACK;
    switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
    case SQLITE_TOOBIG:
    case SQLITE_RANGE:
        return TENON_EFFECT_OPEN;
    default:
        return TENON_EFFECT_MUST_ROLL_BACK;
    }
}

static bool
sqlite_names_columns(const char *named, const tenon_drv_table *table, const uint16_t *columns,
                     uint32_t count)
{
    char expected[(TENON_MAX_NAME_BYTES * 2 + 4) * TENON_MAX_KEY_COLUMNS];
    size_t len = 0;

    for (uint32_t i = 0; i < count && len < sizeof expected; i++)
        len += (size_t)snprintf(expected + len, sizeof expected - len, "%s%s.%s",
                                i == 0 ? "" : ", ", table->name, table->columns[columns[i]].name);
    return strcmp(named, expected) == 0;
}

/* "UNIQUE constraint failed: t.a, t.b" says which columns; errors of Tenon's name the index. */
static void
sqlite_name_unique(const char *named, const tenon_drv_table *table, char *out, size_t out_bytes)
{
    if (sqlite_names_columns(named, table, table->key_columns, table->key_column_count)) {
        (void)snprintf(out, out_bytes, "%s.primary", table->name);
        return;
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        const tenon_drv_index *index = &table->indexes[i];

        if (index->unique &&
            sqlite_names_columns(named, table, index->columns, index->column_count)) {
            (void)snprintf(out, out_bytes, "%s", index->name);
            return;
        }
    }
}

/* SQLite does not say which foreign key it was: its name where there is only one, else the table's.
 */
static const char *
sqlite_foreign_key(const tenon_drv_query *query)
{
    const tenon_drv_table *table = query->table;

    if (query->kind == TENON_DELETE || table->foreign_key_count != 1)
        return table->name;
    return table->foreign_keys[0].name;
}

static void
sqlite_name_object(sqlite_conn *c, int code, const tenon_drv_query *query, char *out,
                   size_t out_bytes)
{
    const char *message = sqlite3_errmsg(c->raw);
    const char *named = strstr(message, ": ");
    const char *last_word = strrchr(message, ' ');

    out[0] = '\0';
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY && query != NULL)
        (void)snprintf(out, out_bytes, "%s", sqlite_foreign_key(query));
    else if (code == SQLITE_CONSTRAINT_DATATYPE && last_word != NULL)
        (void)snprintf(out, out_bytes, "%s", last_word + 1);
    else if ((code & 0xFF) == SQLITE_CONSTRAINT && named != NULL)
        (void)snprintf(out, out_bytes, "%s", named + 2);
    if (query != NULL && named != NULL &&
        (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY))
        sqlite_name_unique(named + 2, query->table, out, out_bytes);
}

tenon_status
sqlite_fail(sqlite_conn *c, const tenon_drv_query *query, tenon_error *err)
{
    const int code = sqlite3_extended_errcode(c->raw);
    char object[sizeof err->object];

    sqlite_name_object(c, code, query, object, sizeof object);
    return tenon_sql_fail(err, sqlite_status(c, code, query), code, sqlite_effect(c, code), object,
                          "%s%s%s", query == NULL ? "" : query->name,
                          query == NULL || query->name[0] == '\0' ? "" : ": ",
                          sqlite3_errmsg(c->raw));
}

static sqlite3_stmt *
sqlite_stmt_of(tenon_sql_stmt *stmt)
{
    return (sqlite3_stmt *)stmt;
}

static tenon_status
sqlite_prepare(void *raw, const char *sql, bool lasting, const tenon_drv_query *query,
               tenon_sql_stmt **out, tenon_error *err)
{
    sqlite_conn *c = raw;
    sqlite3_stmt *stmt = NULL;
    const char *rest = NULL;
    int rc;

    c->user_text = query == NULL;
    rc = sqlite3_prepare_v3(c->raw, sql, -1, lasting ? SQLITE_PREPARE_PERSISTENT : 0, &stmt, &rest);
    c->user_text = false;
    *out = (tenon_sql_stmt *)stmt;
    if (rc != SQLITE_OK)
        return sqlite_fail(c, query, err);
    if (stmt != NULL && rest[strspn(rest, " \t\r\n;")] == '\0' &&
        (query != NULL || !c->read_only || sqlite3_stmt_readonly(stmt)))
        return TENON_OK;
    *out = NULL;
    if (stmt != NULL && query == NULL && c->read_only && !sqlite3_stmt_readonly(stmt)) {
        sqlite3_finalize(stmt);
        return tenon_sql_fail(err, TENON_READ_ONLY, 0, TENON_EFFECT_OPEN, NULL,
                              "the transaction is read-only");
    }
    sqlite3_finalize(stmt);
    return tenon_sql_fail(err, TENON_INVALID, 0, TENON_EFFECT_OPEN, NULL,
                          "the text is not one statement");
}

static void
sqlite_finalize(tenon_sql_stmt *stmt)
{
    sqlite3_finalize(sqlite_stmt_of(stmt));
}

static tenon_status
sqlite_bind(void *raw, tenon_sql_stmt *stmt, uint32_t number, const tenon_value *value,
            tenon_error *err)
{
    sqlite3_stmt *s = sqlite_stmt_of(stmt);
    const int n = (int)number;
    int rc;

    switch (value->type) {
    case TENON_NULL:
        rc = sqlite3_bind_null(s, n);
        break;
    case TENON_REAL:
        rc = sqlite3_bind_double(s, n, value->as.d + 0.0); /* -0.0 becomes 0.0 */
        break;
    case TENON_TEXT:
        rc = sqlite3_bind_text64(s, n, value->len == 0 ? "" : value->as.data, value->len,
                                 SQLITE_STATIC, SQLITE_UTF8);
        break;
    case TENON_BLOB:
    case TENON_UUID:
        rc = sqlite3_bind_blob64(s, n, value->len == 0 ? "" : value->as.data, value->len,
                                 SQLITE_STATIC);
        break;
    default:
        rc = sqlite3_bind_int64(s, n, value->as.i);
        break;
    }
    return rc == SQLITE_OK ? TENON_OK : sqlite_fail(raw, NULL, err);
}

static tenon_status
sqlite_step(void *raw, tenon_sql_stmt *stmt, const tenon_drv_query *query,
            const tenon_value *params, tenon_error *err)
{
    const int rc = sqlite3_step(sqlite_stmt_of(stmt));

    (void)params;
    if (rc == SQLITE_ROW)
        return TENON_OK;
    return rc == SQLITE_DONE ? TENON_NOT_FOUND : sqlite_fail(raw, query, err);
}

static tenon_type
sqlite_type(sqlite3_stmt *s, int n)
{
    switch (sqlite3_column_type(s, n)) {
    case SQLITE_INTEGER:
        return TENON_INT;
    case SQLITE_FLOAT:
        return TENON_REAL;
    case SQLITE_TEXT:
        return TENON_TEXT;
    case SQLITE_BLOB:
        return TENON_BLOB;
    default:
        return TENON_NULL;
    }
}

static void
sqlite_column(tenon_sql_stmt *stmt, uint32_t number, tenon_type type, tenon_value *out)
{
    sqlite3_stmt *s = sqlite_stmt_of(stmt);
    const int n = (int)number;

    *out = tenon_null();
    if (type == TENON_NULL)
        type = sqlite_type(s, n);
    else if (sqlite3_column_type(s, n) == SQLITE_NULL)
        return;
    out->type = type;
    switch (type) {
    case TENON_NULL:
        break;
    case TENON_REAL:
        out->as.d = sqlite3_column_double(s, n);
        break;
    case TENON_TEXT:
        out->as.data = sqlite3_column_text(s, n);
        out->len = (uint32_t)sqlite3_column_bytes(s, n);
        break;
    case TENON_BLOB:
    case TENON_UUID:
        out->as.data = sqlite3_column_blob(s, n);
        out->len = (uint32_t)sqlite3_column_bytes(s, n);
        break;
    default:
        out->as.i = sqlite3_column_int64(s, n);
        break;
    }
}

static uint32_t
sqlite_column_count(tenon_sql_stmt *stmt)
{
    return (uint32_t)sqlite3_column_count(sqlite_stmt_of(stmt));
}

static void
sqlite_reset(tenon_sql_stmt *stmt)
{
    sqlite3_reset(sqlite_stmt_of(stmt));
}

static uint64_t
sqlite_changes(void *raw)
{
    const sqlite_conn *c = raw;

    return (uint64_t)sqlite3_changes64(c->raw);
}

static tenon_status
sqlite_run(void *raw, const char *sql, tenon_error *err)
{
    sqlite_conn *c = raw;

    return sqlite3_exec(c->raw, sql, NULL, NULL, NULL) == SQLITE_OK ? TENON_OK
                                                                    : sqlite_fail(c, NULL, err);
}

static const tenon_sql_dialect sqlite_dialect = {
    .size = sizeof sqlite_dialect,
    .types = { "", "INTEGER", "REAL", "INTEGER", "TEXT", "BLOB", "BLOB", "INTEGER" },
    .true_text = "1",
    .false_text = "0",
    .blob_prefix = "X'",
    .blob_suffix = "'",
    .restrict_text = "NO ACTION", /* RESTRICT would refuse before the statement's end */
    .table_suffix = " STRICT, WITHOUT ROWID",
    .table_query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1",
    .index_query = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1",
    .explain_prefix = "EXPLAIN QUERY PLAN ",
    .explain_column = 3,
    .placeholder = '?',
};

const tenon_sql_engine sqlite_engine = {
    .size = sizeof sqlite_engine,
    .dialect = &sqlite_dialect,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .bind = sqlite_bind,
    .step = sqlite_step,
    .column = sqlite_column,
    .column_count = sqlite_column_count,
    .reset = sqlite_reset,
    .changes = sqlite_changes,
    .run = sqlite_run,
};
