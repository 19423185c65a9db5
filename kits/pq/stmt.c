/* Statements: the engine under kits/sql. */
#include <stdio.h>
#include <stdlib.h>

#include "link.h"
#include "value.h"

#define PQ_STREAM_ROWS 1000 /* a query that may give more is read row by row */

/* A result, or a row of one that streamed on when something else was sent. */
typedef struct pq_rows {
    struct pq_rows *next;
    PGresult *result;
} pq_rows;

/* A statement. `numbers` and the four below are one block. */
struct tenon_pq_stmt {
    tenon_pq_conn *c;
    char *sql;
    const tenon_drv_query *query;
    pq_rows *rows, *last; /* not read yet; the first is being read */
    uint64_t *numbers; /* those of `values` that are no bytes of the caller's, in network order */
    const char **values;
    int *lengths, *formats;
    Oid *types;
    uint64_t parsed[2]; /* ids of the links that know its name */
    uint32_t param_count, use;

    int row;
    bool running, explains;
    char name[16];
};

static tenon_pq_stmt *
pq_stmt_of(tenon_sql_stmt *stmt)
{
    return (tenon_pq_stmt *)(void *)stmt;
}

static tenon_status
pq_no_memory(tenon_error *err)
{
    return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_MUST_ROLL_BACK, NULL, "no memory");
}

void
pq_stmt_take(tenon_pq_stmt *stmt, PGresult *result)
{
    pq_rows *rows = calloc(1, sizeof *rows);

    if (rows == NULL) {
        PQclear(result);
        stmt->c->now->dead = true;
        return;
    }
    rows->result = result;
    if (stmt->last == NULL)
        stmt->rows = rows;
    else
        stmt->last->next = rows;
    stmt->last = rows;
}

void
pq_stmt_unparsed(tenon_pq_stmt *stmt, const tenon_pq_link *link)
{
    stmt->parsed[link->number] = 0;
}

static void
pq_pop_rows(tenon_pq_stmt *stmt)
{
    pq_rows *rows = stmt->rows;

    stmt->rows = rows->next;
    if (stmt->rows == NULL)
        stmt->last = NULL;
    stmt->row = -1;
    PQclear(rows->result);
    free(rows);
}

static void
pq_reset(tenon_sql_stmt *handle)
{
    tenon_pq_stmt *stmt = pq_stmt_of(handle);

    if (stmt->running && stmt->c->now->streaming == stmt)
        pq_forget(stmt->c->now, stmt);
    while (stmt->rows != NULL)
        pq_pop_rows(stmt);
    stmt->row = -1;
    stmt->running = false;
}

static void
pq_finalize(tenon_sql_stmt *handle)
{
    tenon_pq_stmt *stmt = pq_stmt_of(handle);

    if (stmt == NULL)
        return;
    pq_reset(handle);
    pq_forget(stmt->c->main, stmt);
    if (stmt->c->replica != NULL)
        pq_forget(stmt->c->replica, stmt);
    stmt->c->main->worn += stmt->parsed[0] != 0;
    free(stmt->numbers);
    free(stmt->sql);
    free(stmt);
}

/* ---- Parameters ---- */

/* Room for `count` parameters; those that are set stay. */
static bool
pq_reserve(tenon_pq_stmt *stmt, uint32_t count)
{
    const size_t each = sizeof(uint64_t) + sizeof(char *) + 2 * sizeof(int) + sizeof(Oid);
    const uint32_t old = stmt->param_count;
    tenon_pq_stmt next = { .numbers = calloc(count + 1, each) };

    if (next.numbers == NULL)
        return false;
    next.values = (const char **)(void *)(next.numbers + count);
    next.lengths = (int *)(void *)(next.values + count);
    next.formats = next.lengths + count;
    next.types = (Oid *)(void *)(next.formats + count);
    for (uint32_t i = 0; i < old; i++) {
        const bool is_number = stmt->values[i] == (const char *)&stmt->numbers[i];

        next.numbers[i] = stmt->numbers[i];
        next.values[i] = is_number ? (const char *)&next.numbers[i] : stmt->values[i];
        next.lengths[i] = stmt->lengths[i];
        next.types[i] = stmt->types[i];
    }
    for (uint32_t i = 0; i < count; i++)
        next.formats[i] = 1;
    free(stmt->numbers);
    stmt->numbers = next.numbers;
    stmt->values = next.values;
    stmt->lengths = next.lengths;
    stmt->formats = next.formats;
    stmt->types = next.types;
    stmt->param_count = count;
    return true;
}

static tenon_status
pq_bind(void *raw, tenon_sql_stmt *handle, uint32_t number, const tenon_value *value,
        tenon_error *err)
{
    tenon_pq_stmt *stmt = pq_stmt_of(handle);
    const uint32_t i = number - 1;

    (void)raw;
    if (number > stmt->param_count && !pq_reserve(stmt, number))
        return pq_no_memory(err);
    if (stmt->use == TENON_SQL_USER)
        stmt->types[i] = pq_types[value->type];
    switch (value->type) {
    case TENON_NULL:
        stmt->values[i] = NULL;
        break;
    case TENON_TEXT:
    case TENON_BLOB:
    case TENON_UUID:
        stmt->values[i] = value->len == 0 ? "" : value->as.data;
        stmt->lengths[i] = (int)value->len;
        break;
    default:
        stmt->values[i] = (const char *)&stmt->numbers[i];
        stmt->lengths[i] = pq_put_value(value, &stmt->numbers[i]);
        break;
    }
    return TENON_OK;
}

static tenon_pq_params
pq_params_of(const tenon_pq_stmt *stmt)
{
    return (tenon_pq_params){ (int)stmt->param_count, stmt->types, stmt->values, stmt->lengths,
                              stmt->formats };
}

static void
pq_column(tenon_sql_stmt *handle, uint32_t number, tenon_type type, tenon_value *out)
{
    const tenon_pq_stmt *stmt = pq_stmt_of(handle);

    (void)type;
    pq_get_value(stmt->rows->result, stmt->row, (int)number, out);
}

/* ---- Statements ---- */

static tenon_status
pq_prepare(void *raw, const tenon_sql_source *source, tenon_sql_stmt **out, tenon_error *err)
{
    tenon_pq_stmt *stmt;

    *out = NULL;
    if (source->use == TENON_SQL_USER && tenon_sql_ends_transaction(source->sql))
        return tenon_sql_fail(err, TENON_DENIED, 0, TENON_EFFECT_OPEN, NULL,
                              "a transaction is begun and ended by Tenon only");
    stmt = calloc(1, sizeof *stmt);
    if (stmt == NULL)
        return pq_no_memory(err);
    stmt->c = raw;
    stmt->query = source->query;
    stmt->use = source->use;
    stmt->row = -1;
    stmt->sql = strdup(source->sql);
    if (stmt->sql == NULL || !pq_reserve(stmt, source->type_count)) {
        pq_finalize((tenon_sql_stmt *)(void *)stmt);
        return pq_no_memory(err);
    }
    for (uint32_t i = 0; i < source->type_count; i++)
        stmt->types[i] = pq_types[source->types[i]];
    stmt->explains = source->query != NULL && strncmp(source->sql, PQ_EXPLAIN, 8) == 0;
    *out = (tenon_sql_stmt *)(void *)stmt;
    return TENON_OK;
}

/* Send a statement: with its name where it has one, or gets one now. */
static tenon_status
pq_send(tenon_pq_stmt *stmt, tenon_pq_item item, tenon_error *err)
{
    tenon_pq_link *link = stmt->c->now;
    const tenon_pq_params params = pq_params_of(stmt);
    tenon_status st = TENON_OK;

    if (stmt->use != TENON_SQL_LASTING || stmt->c->config->pooler)
        return tenon_pq_send(link, item, stmt->sql, &params, err);
    if (stmt->parsed[link->number] != link->id) {
        const tenon_pq_item parse = { .kind = TENON_PQ_PARSE, .stmt = stmt, .query = item.query };

        if (stmt->name[0] == '\0')
            (void)snprintf(stmt->name, sizeof stmt->name, "t%u", (unsigned)++stmt->c->main->names);
        st = pq_parse(link, parse, stmt->name, stmt->sql, &params, err);
        stmt->parsed[link->number] = st == TENON_OK ? link->id : 0;
    }
    return st != TENON_OK ? st : pq_send_named(link, item, stmt->name, &params, err);
}

/* EXPLAIN of a statement whose parameters are not known: the plan for any. */
static tenon_status
pq_send_explain(tenon_pq_stmt *stmt, tenon_pq_item item, tenon_error *err)
{
    static const char *const names[] = { "",      "bigint", "double precision", "boolean", "text",
                                         "bytea", "uuid",   "timestamptz" };
    static const tenon_pq_item plain = { .kind = TENON_PQ_PLAIN };
    const size_t room = strlen(stmt->sql) + 64 + (size_t)stmt->param_count * 20;
    char *text = malloc(room), *end = text;
    tenon_pq_link *link = stmt->c->now;
    tenon_status st;

    if (text == NULL)
        return pq_no_memory(err);
    end += sprintf(end, "PREPARE tenon_explain");
    for (uint32_t i = 0; i < stmt->param_count; i++) {
        uint32_t type = 1;

        while (pq_types[type] != stmt->types[i])
            type++;
        end += sprintf(end, "%s%s", i == 0 ? "(" : ", ", names[type]);
    }
    (void)sprintf(end, "%s AS %s", stmt->param_count > 0 ? ")" : "",
                  stmt->sql + strlen(PQ_EXPLAIN));
    st = tenon_pq_send(link, plain, "SET LOCAL plan_cache_mode = force_generic_plan", NULL, err);
    if (st == TENON_OK)
        st = tenon_pq_send(link, plain, text, NULL, err);
    end = text + sprintf(text, "EXPLAIN EXECUTE tenon_explain");
    for (uint32_t i = 0; i < stmt->param_count; i++)
        end += sprintf(end, "%sNULL", i == 0 ? "(" : ", ");
    (void)sprintf(end, "%s", stmt->param_count > 0 ? ")" : "");
    if (st == TENON_OK)
        st = tenon_pq_send(link, item, text, NULL, err);
    if (st == TENON_OK)
        st = tenon_pq_send(link, plain, "DEALLOCATE tenon_explain", NULL, err);
    if (st == TENON_OK)
        st = tenon_pq_send(link, plain, "SET LOCAL plan_cache_mode = auto", NULL, err);
    free(text);
    return st;
}

/* Whether a statement that was sent with a savepoint around it can be undone alone. */
static bool
pq_can_undo(tenon_status st)
{
    switch (st) {
    case TENON_CONFLICT:
    case TENON_BUSY:
    case TENON_TIMEOUT:
    case TENON_CANCELLED:
    case TENON_UNAVAILABLE:
    case TENON_NO_MEMORY:
    case TENON_FULL:
    case TENON_IO:
    case TENON_CORRUPT:
    case TENON_INTERNAL:
        return false;
    default:
        return true;
    }
}

/* Send what was prepared and wait. A statement whose failure the transaction is to survive travels
 * between a savepoint and its release. */
static tenon_status
pq_run(tenon_pq_stmt *stmt, const tenon_pq_item *item, bool guarded, bool stream, tenon_error *err)
{
    static const tenon_pq_item plain = { .kind = TENON_PQ_PLAIN };
    tenon_pq_conn *c = stmt->c;
    tenon_pq_link *link = c->now;
    uint32_t guard;
    tenon_status st = TENON_OK;

    if (guarded)
        st = tenon_pq_send_lasting(link, plain, PQ_GUARD, "SAVEPOINT tenon_s", NULL, err);
    guard = link->serial;
    if (st == TENON_OK)
        st = stmt->explains ? pq_send_explain(stmt, *item, err) : pq_send(stmt, *item, err);
    if (st == TENON_OK && c->wrote) /* before the release, so that its failure is undone too */
        st = tenon_pq_send_xid(c, err);
    if (st == TENON_OK && guarded)
        st = tenon_pq_send_lasting(link, plain, PQ_GUARD_RELEASE, "RELEASE tenon_s", NULL, err);
    if (st == TENON_OK)
        st = tenon_pq_run(link, stream ? stmt : NULL, err);
    if (st == TENON_OK || !guarded || link->dead || link->failed_serial <= guard ||
        !pq_can_undo(st))
        return st;
    {
        tenon_error lost;

        if (tenon_pq_send_lasting(link, plain, PQ_GUARD_ROLLBACK, "ROLLBACK TO tenon_s", NULL,
                                  &lost) == TENON_OK &&
            tenon_pq_send_lasting(link, plain, PQ_GUARD_RELEASE, "RELEASE tenon_s", NULL, &lost) ==
                TENON_OK)
            err->effect = TENON_EFFECT_OPEN;
        link->failed_serial = 0;
    }
    return st;
}

static bool
pq_writes(const tenon_drv_query *query)
{
    return query != NULL && query->kind != TENON_SELECT && query->kind != TENON_COUNT;
}

/* Whether it may have more rows than are to be held at once. */
static bool
pq_streams(const tenon_pq_stmt *stmt, const tenon_drv_query *query, const tenon_value *params)
{
    if (query == NULL || query->kind != TENON_SELECT || stmt->explains)
        return false;
    if (query->limit <= PQ_STREAM_ROWS)
        return false;
    return query->limit_param == TENON_DRV_NONE || params == NULL ||
           params[query->limit_param].as.i > PQ_STREAM_ROWS;
}

static tenon_status
pq_start(tenon_pq_stmt *stmt, const tenon_drv_query *query, const tenon_value *params,
         tenon_error *err)
{
    const bool writes = pq_writes(query) && !stmt->explains;
    const bool stream = pq_streams(stmt, query, params);
    const tenon_pq_item item = { .kind = writes ? TENON_PQ_EXEC : TENON_PQ_ROWS,
                                 .stmt = stmt,
                                 .query = query,
                                 .params = params };
    tenon_pq_conn *c = stmt->c;
    tenon_status st = tenon_pq_begin_now(c, err);

    if (st != TENON_OK)
        return st;
    c->wrote = c->wrote || (!c->read_only && (query == NULL || writes));
    stmt->running = true;
    return pq_run(stmt, &item, writes || stmt->use == TENON_SQL_USER, stream, err);
}

static tenon_status
pq_step(void *raw, tenon_sql_stmt *handle, const tenon_drv_query *query, const tenon_value *params,
        tenon_error *err)
{
    tenon_pq_stmt *stmt = pq_stmt_of(handle);
    tenon_pq_conn *c = raw;
    tenon_status st = stmt->running ? TENON_OK : pq_start(stmt, query, params, err);

    while (st == TENON_OK) {
        if (stmt->rows != NULL && ++stmt->row < PQntuples(stmt->rows->result))
            return TENON_OK;
        if (stmt->rows != NULL) {
            pq_pop_rows(stmt);
        } else if (c->now->streaming == stmt) {
            PGresult *result;

            st = pq_next(c->now, &result, err);
            if (result != NULL)
                pq_stmt_take(stmt, result);
        } else {
            return TENON_NOT_FOUND;
        }
    }
    return st;
}

static tenon_status
pq_post(void *raw, tenon_sql_stmt *handle, const tenon_drv_query *query, const tenon_value *params,
        tenon_error *err)
{
    tenon_pq_stmt *stmt = pq_stmt_of(handle);
    tenon_pq_conn *c = raw;
    tenon_status st = tenon_pq_begin_now(c, err);
    tenon_pq_item item = { .kind = pq_writes(query) ? TENON_PQ_EXEC : TENON_PQ_REQUIRE,
                           .stmt = NULL,
                           .query = query };

    if (st != TENON_OK)
        return st;
    c->wrote = c->wrote || pq_writes(query);
    item.params = pq_keep(c->now, params, query->param_count);
    return pq_send(stmt, item, err);
}

/* The columns are the server's to know, and it is asked best by running the text. */
static tenon_status
pq_column_count(tenon_sql_stmt *handle, uint32_t *out, tenon_error *err)
{
    tenon_pq_stmt *stmt = pq_stmt_of(handle);
    tenon_status st = pq_start(stmt, NULL, NULL, err);

    *out = st != TENON_OK || stmt->rows == NULL ? 0 : (uint32_t)PQnfields(stmt->rows->result);
    return st;
}

static uint64_t
pq_changes(void *raw)
{
    return ((const tenon_pq_conn *)raw)->now->changes;
}

const tenon_sql_engine tenon_pq_engine = {
    .size = sizeof tenon_pq_engine,
    .dialect = &pq_dialect,
    .prepare = pq_prepare,
    .finalize = pq_finalize,
    .bind = pq_bind,
    .step = pq_step,
    .column = pq_column,
    .column_count = pq_column_count,
    .reset = pq_reset,
    .changes = pq_changes,
    .post = pq_post,
};
