/* Statements, and what their failures mean. The classes follow SQLite's documentation of its result
 * codes. */
#include "engine.h"

#include <errno.h>
#include <stdio.h>

#define SQLITE_PROGRESS_OPS 1000 /* of SQLite's machine between two looks at the clock */

/* ---- Handlers ---- */

static bool
sqlite_is_late(const sqlite_conn *c)
{
    return c->deadline_ns != UINT64_MAX && tenon_sql_host->monotonic_ns() >= c->deadline_ns;
}

/* Never past the deadline. Who begins to write stands in line with other processes. */
static int
sqlite_on_busy(void *arg, int times)
{
    const sqlite_conn *c = arg;

    if (sqlite_is_late(c))
        return 0;
    if (times == 0 && c->turn != NULL)
        return tenon_turn_line_up(c->turn, c->deadline_ns) != ETIMEDOUT;
    return tenon_turn_pause((uint32_t)times, c->deadline_ns);
}

static int
sqlite_on_progress(void *arg)
{
    return sqlite_is_late(arg) ? 1 : 0;
}

static int
sqlite_on_prepare(void *arg, int action, const char *a, const char *b, const char *database,
                  const char *trigger)
{
    const sqlite_conn *c = arg;

    (void)a, (void)database, (void)trigger;
    if (c->user_text &&
        (action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT || action == SQLITE_ATTACH ||
         action == SQLITE_DETACH || (action == SQLITE_PRAGMA && b != NULL)))
        return SQLITE_DENY;
    return SQLITE_OK;
}

void
sqlite_set_handlers(sqlite_conn *c)
{
    (void)sqlite3_busy_handler(c->raw, sqlite_on_busy, c);
    sqlite3_progress_handler(c->raw, SQLITE_PROGRESS_OPS, sqlite_on_progress, c);
    (void)sqlite3_set_authorizer(c->raw, sqlite_on_prepare, c);
}

/* ---- Failures ---- */

/* Extended codes first; what is not listed is TENON_INTERNAL. */
static const struct sqlite_class {
    int code;
    tenon_status status;
} sqlite_classes[] = {
    { SQLITE_BUSY_SNAPSHOT, TENON_CONFLICT },
    { SQLITE_LOCKED_SHAREDCACHE, TENON_CONFLICT },
    { SQLITE_CONSTRAINT_UNIQUE, TENON_EXISTS },
    { SQLITE_CONSTRAINT_PRIMARYKEY, TENON_EXISTS },
    { SQLITE_CONSTRAINT_ROWID, TENON_EXISTS },
    { SQLITE_CONSTRAINT_DATATYPE, TENON_INVALID },
    { SQLITE_CONSTRAINT, TENON_CONSTRAINT },
    { SQLITE_BUSY, TENON_BUSY },
    { SQLITE_INTERRUPT, TENON_CANCELLED },
    { SQLITE_FULL, TENON_FULL },
    { SQLITE_IOERR, TENON_IO },
    { SQLITE_CORRUPT, TENON_CORRUPT },
    { SQLITE_NOTADB, TENON_CORRUPT },
    { SQLITE_READONLY, TENON_READ_ONLY },
    { SQLITE_NOMEM, TENON_NO_MEMORY },
    { SQLITE_AUTH, TENON_DENIED },
    { SQLITE_TOOBIG, TENON_INVALID },
    { SQLITE_RANGE, TENON_INVALID },
};

static tenon_status
sqlite_status(sqlite_conn *c, int code, const tenon_drv_query *query)
{
    const int error_no = sqlite3_system_errno(c->raw);

    if ((code & 0xFF) == SQLITE_CANTOPEN)
        return tenon_posix_status(error_no);
    if ((code & 0xFF) == SQLITE_IOERR && (error_no == ENOSPC || error_no == EDQUOT))
        return TENON_FULL;
    if ((code == SQLITE_BUSY || (code & 0xFF) == SQLITE_INTERRUPT) && sqlite_is_late(c))
        return TENON_TIMEOUT;
    if (code == SQLITE_ERROR && query == NULL)
        return TENON_INVALID; /* the user's text */
    if (code == SQLITE_ERROR && strncmp(sqlite3_errmsg(c->raw), "no such", 7) == 0)
        return TENON_SCHEMA;
    for (size_t i = 0; i < sizeof sqlite_classes / sizeof sqlite_classes[0]; i++) {
        if (sqlite_classes[i].code == code || sqlite_classes[i].code == (code & 0xFF))
            return sqlite_classes[i].status;
    }
    return TENON_INTERNAL;
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

/* SQLite does not say which foreign key it was: its name where there is only one, else the table's.
 */
static const char *
sqlite_foreign_key(const tenon_drv_query *query)
{
    const tenon_drv_table *table = query->table;

    return query->kind == TENON_DELETE || table->foreign_key_count != 1
               ? table->name
               : table->foreign_keys[0].name;
}

/* "UNIQUE constraint failed: t.a, t.b", "cannot store TEXT value in INTEGER column t.a" */
static void
sqlite_name_object(sqlite_conn *c, int code, const tenon_drv_query *query, char *out,
                   size_t out_bytes)
{
    const char *message = sqlite3_errmsg(c->raw);
    const char *named = strstr(message, ": ");
    const char *last_word = strrchr(message, ' ');

    out[0] = '\0';
    if ((code & 0xFF) != SQLITE_CONSTRAINT)
        return;
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY && query != NULL)
        (void)snprintf(out, out_bytes, "%s", sqlite_foreign_key(query));
    else if (code == SQLITE_CONSTRAINT_DATATYPE && last_word != NULL)
        (void)snprintf(out, out_bytes, "%s", last_word + 1);
    else if (named != NULL)
        (void)snprintf(out, out_bytes, "%s", named + 2);
    if (query != NULL && named != NULL && sqlite_status(c, code, query) == TENON_EXISTS)
        tenon_sql_name_key(query->table, named + 2, out, out_bytes);
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

/* ---- Statements ---- */

static sqlite3_stmt *
sqlite_stmt_of(tenon_sql_stmt *stmt)
{
    return (sqlite3_stmt *)stmt;
}

static tenon_status
sqlite_prepare(void *raw, const tenon_sql_source *source, tenon_sql_stmt **out, tenon_error *err)
{
    const unsigned int flags = source->use == TENON_SQL_LASTING ? SQLITE_PREPARE_PERSISTENT : 0;
    sqlite_conn *c = raw;
    sqlite3_stmt *stmt = NULL;
    const char *rest = NULL;
    bool whole, allowed;
    int rc;

    *out = NULL;
    c->user_text = source->use == TENON_SQL_USER;
    rc = sqlite3_prepare_v3(c->raw, source->sql, -1, flags, &stmt, &rest);
    c->user_text = false;
    if (rc != SQLITE_OK)
        return sqlite_fail(c, source->query, err);
    whole = stmt != NULL && rest[strspn(rest, " \t\r\n;")] == '\0';
    allowed = !c->read_only || source->use != TENON_SQL_USER || sqlite3_stmt_readonly(stmt);
    if (whole && allowed) {
        *out = (tenon_sql_stmt *)stmt;
        return TENON_OK;
    }
    sqlite3_finalize(stmt);
    return tenon_sql_fail(err, whole ? TENON_READ_ONLY : TENON_INVALID, 0, TENON_EFFECT_OPEN, NULL,
                          whole ? "the transaction is read-only" : "the text is not one statement");
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
    const void *data = value->len == 0 ? "" : value->as.data;
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
        rc = sqlite3_bind_text64(s, n, data, value->len, SQLITE_STATIC, SQLITE_UTF8);
        break;
    case TENON_BLOB:
    case TENON_UUID:
        rc = sqlite3_bind_blob64(s, n, data, value->len, SQLITE_STATIC);
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

/* A value of the current row: one look-up for all that is asked of it. It is this thread's alone,
 * so it needs no lock. */
static inline void
sqlite_value(sqlite3_value *v, tenon_type type, tenon_value *out)
{
    static const tenon_type types[] = { [SQLITE_INTEGER] = TENON_INT,
                                        [SQLITE_FLOAT] = TENON_REAL,
                                        [SQLITE_TEXT] = TENON_TEXT,
                                        [SQLITE_BLOB] = TENON_BLOB,
                                        [SQLITE_NULL] = TENON_NULL };
    static const int classes[] = {
        [TENON_INT] = SQLITE_INTEGER,  [TENON_REAL] = SQLITE_FLOAT, [TENON_BOOL] = SQLITE_INTEGER,
        [TENON_TEXT] = SQLITE_TEXT,    [TENON_BLOB] = SQLITE_BLOB,  [TENON_UUID] = SQLITE_BLOB,
        [TENON_TIME] = SQLITE_INTEGER, [TENON_NULL] = SQLITE_NULL
    };
    const int stored = sqlite3_value_type(v);

    *out = tenon_null();
    if (stored == SQLITE_NULL)
        return;
    out->type = stored == classes[type] ? type : types[stored];
    if (out->type == TENON_REAL) {
        out->as.d = sqlite3_value_double(v);
    } else if (out->type == TENON_TEXT || out->type == TENON_BLOB || out->type == TENON_UUID) {
        out->as.data = out->type == TENON_TEXT ? (const void *)sqlite3_value_text(v)
                                               : sqlite3_value_blob(v);
        out->len = (uint32_t)sqlite3_value_bytes(v);
    } else {
        out->as.i = sqlite3_value_int64(v);
    }
}

static void
sqlite_column(tenon_sql_stmt *stmt, uint32_t number, tenon_type type, tenon_value *out)
{
    sqlite_value(sqlite3_column_value(sqlite_stmt_of(stmt), (int)number), type, out);
}

static void
sqlite_row(tenon_sql_stmt *stmt, const uint8_t *types, uint32_t count, tenon_value *out)
{
    sqlite3_stmt *s = sqlite_stmt_of(stmt);

    for (uint32_t i = 0; i < count; i++)
        sqlite_value(sqlite3_column_value(s, (int)i), types[i], &out[i]);
}

static tenon_status
sqlite_column_count(tenon_sql_stmt *stmt, uint32_t *out, tenon_error *err)
{
    (void)err;
    *out = (uint32_t)sqlite3_column_count(sqlite_stmt_of(stmt));
    return TENON_OK;
}

static void
sqlite_reset(tenon_sql_stmt *stmt)
{
    sqlite3_reset(sqlite_stmt_of(stmt));
}

static uint64_t
sqlite_changes(void *raw)
{
    return (uint64_t)sqlite3_changes64(((const sqlite_conn *)raw)->raw);
}

/* A sum is no constant to ALTER TABLE; SQLite reads the least number as one. */
static int
sqlite_literal(const tenon_value *value, char *out, size_t out_bytes)
{
    const bool is_whole = value->type == TENON_INT || value->type == TENON_TIME;

    return is_whole && value->as.i == INT64_MIN
               ? snprintf(out, out_bytes, "%lld", (long long)value->as.i)
               : 0;
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
    .literal = sqlite_literal,
    /* A sum that overflows becomes a REAL, which the STRICT table refuses; but SQLite keeps what
     * an UPDATE needs to be undone only where it sees that it can fail: a function call says so. */
    .addend_prefix = "nullif(",
    .addend_suffix = ", NULL)",
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
    .row = sqlite_row,
};
