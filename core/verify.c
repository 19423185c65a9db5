/* Checking what is stored: each row against its table, each key against its row and its parent. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/catalogue.h"
#include "core/db.h"
#include "core/error.h"
#include "core/txn_driver.h"

/* Columns of an index and of a primary key behind it. */
#define VERIFY_MOST_COLUMNS (2 * TENON_MAX_KEY_COLUMNS)

typedef struct verify_job {
    tenon_txn *txn;
    tenon_problem_fn fn;
    void *arg;
    uint64_t problem_count;
    bool complete; /* everything was looked at */
} verify_job;

/* A query that is not kept: compiled, run, freed. */
typedef struct verify_query {
    verify_job *job;
    tenon_query query;
    tenon_column_no columns[VERIFY_MOST_COLUMNS];
    tenon_order order[VERIFY_MOST_COLUMNS];
    tenon_condition where[TENON_MAX_KEY_COLUMNS];
    tenon_drv_table *table;
    tni_query *normal;
    tenon_drv_plan *plan;
    tenon_drv_cursor *cursor;
} verify_query;

/* Everything about one table while its rows are read. */
typedef struct verify_table {
    verify_job *job;
    const tenon_table *table;
    uint64_t row_count;
    uint64_t expected_counts[TENON_MAX_INDEXES]; /* rows that each index should cover */
    verify_query parents[TENON_MAX_FOREIGN_KEYS];
    tenon_value last_key[TENON_MAX_KEY_COLUMNS];
    unsigned char *last_bytes; /* that last_key points to */
    size_t last_room;
} verify_table;

__attribute__((format(printf, 4, 5))) static void
verify_problem(verify_job *job, const char *table, const char *name, const char *format, ...)
{
    char where[2 * TENON_MAX_NAME_BYTES + 4];
    char what[160];
    va_list args;

    (void)snprintf(where, sizeof where, "%s%s%s", table, name[0] == '\0' ? "" : ".", name);
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    job->problem_count++;
    if (job->fn != NULL)
        job->fn(job->arg, where, what);
}

/* For the driver's own checks, which are counted too. */
static void
verify_driver_problem(void *arg, const char *where, const char *what)
{
    verify_job *job = arg;

    job->problem_count++;
    if (job->fn != NULL)
        job->fn(job->arg, where, what);
}

/* ---- Queries ---- */

/*
 * A failure of the driver. What it can't make sense of is a problem like others, and the check goes
 * on behind it: the transaction is not to be doomed.
 *
 * @return `st`; TENON_CORRUPT: the problem has been told
 */
static tenon_status
verify_failed(verify_job *job, const char *table, tenon_status st, tenon_error *err)
{
    if (st != TENON_CORRUPT)
        return tni_txn_driver_failed(job->txn, st, err);
    (void)tni_db_failed(job->txn->db, st, &job->txn->last);
    verify_problem(job, table, "", "can't be read: %s", job->txn->last.message);
    return st;
}

static tenon_status
verify_go_on(tenon_status st)
{
    return st == TENON_CORRUPT ? TENON_OK : st;
}

static tenon_status
verify_prepare(verify_query *q, tenon_error *err)
{
    tenon_txn *txn = q->job->txn;
    tenon_status st = tni_table_new(q->query.table, &q->table, err);

    if (st == TENON_OK)
        st = tni_query_new(&q->query, q->table, &q->normal, err);
    if (st != TENON_OK)
        return st;
    st = txn->ops->prepare(txn->conn->drv, &q->normal->drv, &q->plan, tni_txn_err(txn));
    return st == TENON_OK ? st : verify_failed(q->job, q->query.table->name, st, err);
}

static tenon_status
verify_open(verify_query *q, const tenon_value *params, tenon_error *err)
{
    tenon_txn *txn = q->job->txn;
    tenon_status st = txn->ops->open(q->plan, params, &q->cursor, tni_txn_err(txn));

    if (st == TENON_OK)
        return st;
    q->cursor = NULL;
    return verify_failed(q->job, q->query.table->name, st, err);
}

static tenon_status
verify_next(verify_query *q, const tenon_value **row, tenon_error *err)
{
    tenon_txn *txn = q->job->txn;
    tenon_status st = txn->ops->next(q->cursor, row, tni_txn_err(txn));

    return st == TENON_OK || st == TENON_NOT_FOUND
               ? st
               : verify_failed(q->job, q->query.table->name, st, err);
}

static void
verify_stop(verify_query *q)
{
    q->job->txn->ops->close(q->cursor);
    q->cursor = NULL;
}

static void
verify_free(verify_query *q)
{
    if (q->job == NULL)
        return;
    verify_stop(q);
    q->job->txn->ops->free(q->plan);
    free(q->normal);
    free(q->table);
}

static void
verify_add_column(verify_query *q, tenon_column_no column)
{
    for (uint32_t i = 0; i < q->query.columns.count; i++) {
        if (q->columns[i] == column)
            return;
    }
    q->columns[q->query.columns.count] = column;
    q->order[q->query.columns.count] = (tenon_order)TENON_ASC(column);
    q->query.columns.count++;
    q->query.order.count++;
}

/* ---- Rows ---- */

static void
verify_value(verify_table *t, const tenon_column *column, const tenon_value *v)
{
    const char *table = t->table->name;

    if (v->type == TENON_NULL) {
        if (column->not_null)
            verify_problem(t->job, table, column->name, "NULL where there must be a value");
        return;
    }
    if (v->type != column->type)
        verify_problem(t->job, table, column->name, "a value of type %s in a column of type %s",
                       tenon_type_name(v->type), tenon_type_name(column->type));
    else if (column->max_bytes > 0 && v->len > column->max_bytes)
        verify_problem(t->job, table, column->name, "%u bytes, %u is the most", v->len,
                       column->max_bytes);
    else if (v->type == TENON_TEXT && !tni_is_text(v->as.data, v->len))
        verify_problem(t->job, table, column->name, "text that is not UTF-8");
    else if (v->type == TENON_UUID && v->len != sizeof(tenon_uuid))
        verify_problem(t->job, table, column->name, "a UUID of %u bytes", v->len);
}

static bool
verify_has_null(const tenon_value *row, const tenon_columns *columns)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        if (row[columns->list[i]].type == TENON_NULL)
            return true;
    }
    return false;
}

/* Order of a key, in a row that begins with its columns, and the one before. */
static int
verify_compare(const tenon_value *a, const tenon_value *b, uint32_t count)
{
    int order = 0;

    for (uint32_t i = 0; i < count && order == 0; i++)
        order = tenon_value_compare(&a[i], &b[i]);
    return order;
}

/* Keep a copy of a key, whose bytes are gone at the next row. */
static tenon_status
verify_keep(verify_table *t, const tenon_value *key, uint32_t count, tenon_error *err)
{
    unsigned char *at;
    size_t bytes = 0;

    for (uint32_t i = 0; i < count; i++)
        bytes += key[i].len;
    if (bytes > t->last_room) {
        at = realloc(t->last_bytes, bytes);
        if (at == NULL)
            return tni_no_memory(err, "a key");
        t->last_bytes = at;
        t->last_room = bytes;
    }
    at = t->last_bytes;
    for (uint32_t i = 0; i < count; i++) {
        t->last_key[i] = key[i];
        if (key[i].len == 0)
            continue;
        memcpy(at, key[i].as.data, key[i].len);
        t->last_key[i].as.data = at;
        at += key[i].len;
    }
    return TENON_OK;
}

static bool
verify_is_covered(const tenon_index *index, const tenon_value *row)
{
    for (uint32_t i = 0; i < index->where.count; i++) {
        const tenon_condition *c = &index->where.list[i];
        const tenon_value *v = &row[c->column];
        const bool is_null = v->type == TENON_NULL;

        if (c->op == TENON_OP_IS_NULL
                ? !is_null
                : is_null || (c->op == TENON_OP_EQ && tenon_value_compare(v, &c->constant) != 0))
            return false;
    }
    return true;
}

/* The row that a foreign key refers to. */
static tenon_status
verify_parent(verify_table *t, uint32_t number, const tenon_value *row, tenon_error *err)
{
    const tenon_foreign_key *fk = &t->table->foreign_keys[number];
    tenon_value params[TENON_MAX_KEY_COLUMNS];
    verify_query *q = &t->parents[number];
    const tenon_value *found;
    tenon_status st;

    if (q->plan == NULL || verify_has_null(row, &fk->columns))
        return TENON_OK;
    for (uint32_t i = 0; i < fk->columns.count; i++)
        params[i] = row[fk->columns.list[i]];
    st = verify_open(q, params, err);
    if (st == TENON_OK)
        st = verify_next(q, &found, err);
    if (st == TENON_NOT_FOUND)
        verify_problem(t->job, t->table->name, fk->name, "a row refers to no row of %s",
                       fk->references);
    verify_stop(q);
    return st == TENON_NOT_FOUND ? TENON_OK : verify_go_on(st);
}

static tenon_status
verify_row(verify_table *t, const tenon_value *row, tenon_error *err)
{
    const tenon_table *table = t->table;
    const tenon_columns *key = &table->primary_key;
    tenon_value key_values[TENON_MAX_KEY_COLUMNS];
    tenon_status st = TENON_OK;

    for (uint32_t i = 0; i < table->column_count; i++)
        verify_value(t, &table->columns[i], &row[i]);
    for (uint32_t i = 0; i < key->count; i++)
        key_values[i] = row[key->list[i]];
    if (t->row_count > 0 && verify_compare(t->last_key, key_values, key->count) >= 0)
        verify_problem(t->job, table->name, "primary", "a key is there twice, or out of order");
    t->row_count++;
    for (uint32_t i = 0; i < table->index_count; i++)
        t->expected_counts[i] += verify_is_covered(&table->indexes[i], row) ? 1 : 0;
    for (uint32_t i = 0; i < table->foreign_key_count && st == TENON_OK; i++)
        st = verify_parent(t, i, row, err);
    return st == TENON_OK ? verify_keep(t, key_values, key->count, err) : st;
}

/* ---- Tables and indexes ---- */

static tenon_status
verify_prepare_parent(verify_table *t, uint32_t number, const tenon_table *parent, tenon_error *err)
{
    verify_query *q = &t->parents[number];

    q->job = t->job;
    q->query = (tenon_query){ .name = "verify parents",
                              .kind = TENON_SELECT,
                              .table = parent,
                              .columns = parent->primary_key,
                              .where = { .list = q->where, .count = parent->primary_key.count } };
    for (uint32_t i = 0; i < parent->primary_key.count; i++)
        q->where[i] = (tenon_condition)TENON_EQ(parent->primary_key.list[i], (uint16_t)i);
    return verify_prepare(q, err);
}

static tenon_status
verify_rows(verify_table *t, tenon_error *err)
{
    tenon_column_no columns[TENON_MAX_COLUMNS];
    verify_query q = { .job = t->job };
    const tenon_value *row;
    tenon_status st;

    for (uint32_t i = 0; i < t->table->column_count; i++)
        columns[i] = (tenon_column_no)i;
    for (uint32_t i = 0; i < t->table->primary_key.count; i++)
        q.order[i] = (tenon_order)TENON_ASC(t->table->primary_key.list[i]);
    q.query = (tenon_query){ .name = "verify rows",
                             .kind = TENON_SELECT,
                             .table = t->table,
                             .columns = { .list = columns, .count = t->table->column_count },
                             .order = { .list = q.order, .count = t->table->primary_key.count } };
    st = verify_prepare(&q, err);
    if (st == TENON_OK)
        st = verify_open(&q, NULL, err);
    while (st == TENON_OK) {
        st = verify_next(&q, &row, err);
        if (st == TENON_OK)
            st = verify_row(t, row, err);
    }
    verify_free(&q);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

/* Read by way of an index: as many rows as it should cover, and no key twice in a unique one. */
static tenon_status
verify_index(verify_table *t, uint32_t number, tenon_error *err)
{
    const tenon_index *index = &t->table->indexes[number];
    verify_query q = { .job = t->job };
    uint64_t count = 0;
    const tenon_value *row;
    tenon_status st;

    q.query = (tenon_query){ .name = "verify index",
                             .kind = TENON_SELECT,
                             .table = t->table,
                             .columns = { .list = q.columns },
                             .order = { .list = q.order },
                             .where = index->where };
    for (uint32_t i = 0; i < index->columns.count; i++)
        verify_add_column(&q, index->columns.list[i]);
    for (uint32_t i = 0; i < t->table->primary_key.count; i++)
        verify_add_column(&q, t->table->primary_key.list[i]);
    st = verify_prepare(&q, err);
    if (st == TENON_OK)
        st = verify_open(&q, NULL, err);
    while (st == TENON_OK) {
        st = verify_next(&q, &row, err);
        if (st != TENON_OK)
            break;
        bool has_null = false;

        for (uint32_t i = 0; i < index->columns.count; i++)
            has_null = has_null || row[i].type == TENON_NULL;
        if (count > 0 && index->unique && !has_null &&
            verify_compare(t->last_key, row, index->columns.count) == 0)
            verify_problem(t->job, t->table->name, index->name, "a unique key is there twice");
        count++;
        st = verify_keep(t, row, index->columns.count, err);
    }
    if (st == TENON_NOT_FOUND && count != t->expected_counts[number])
        verify_problem(t->job, t->table->name, index->name,
                       "%llu rows by the index, %llu by the table", (unsigned long long)count,
                       (unsigned long long)t->expected_counts[number]);
    verify_free(&q);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static const tenon_table *
verify_find(const tenon_table *const *tables, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(tables[i]->name, name) == 0)
            return tables[i];
    }
    return NULL;
}

static tenon_status
verify_one(verify_job *job, const tenon_table *const *tables, uint32_t count, uint32_t number,
           tenon_error *err)
{
    verify_table *t = calloc(1, sizeof *t);
    const tenon_table *table = tables[number];
    tenon_status st = TENON_OK;

    if (t == NULL)
        return tni_no_memory(err, "the check of a table");
    t->job = job;
    t->table = table;
    for (uint32_t i = 0; i < table->foreign_key_count && st == TENON_OK; i++) {
        const tenon_table *parent = verify_find(tables, count, table->foreign_keys[i].references);

        if (parent == NULL)
            verify_problem(job, table->name, table->foreign_keys[i].name,
                           "the catalogue has no table %s", table->foreign_keys[i].references);
        else
            st = verify_prepare_parent(t, i, parent, err);
    }
    if (st == TENON_OK)
        st = verify_rows(t, err);
    for (uint32_t i = 0; i < table->index_count && st == TENON_OK; i++)
        st = verify_go_on(verify_index(t, i, err));
    for (uint32_t i = 0; i < table->foreign_key_count; i++)
        verify_free(&t->parents[i]);
    free(t->last_bytes);
    free(t);
    return verify_go_on(st);
}

/* The engine's own checks, where it has any. */
static tenon_status
verify_engine(verify_job *job, tenon_error *err)
{
    tenon_txn *txn = job->txn;
    tenon_status st = tni_txn_enter(txn, err);

    if (st != TENON_OK)
        return st;
    st = txn->db->driver->admin->verify(txn->conn->drv, verify_driver_problem, job,
                                        tni_txn_err(txn));
    if (st == TENON_OK || st == TENON_UNSUPPORTED)
        st = TENON_OK;
    else
        st = verify_go_on(verify_failed(job, txn->db->driver->name, st, err));
    tni_txn_leave(txn);
    return st;
}

/* The chains of the audit, where there is one. */
static tenon_status
verify_audit(verify_job *job, const tenon_table **tables, uint32_t count, tenon_error *err)
{
    if (verify_find(tables, count, "tenon_audit") == NULL)
        return TENON_OK;
    return verify_go_on(tni_audit_verify(job->txn, verify_driver_problem, job, err));
}

static tenon_status
verify_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    verify_job *job = arg;
    const tenon_table **tables = NULL;
    tni_entries entries = { 0 };
    uint32_t count = 0;
    tenon_status st;

    job->txn = txn;
    job->problem_count = 0;
    job->complete = false;
    st = verify_engine(job, err);
    if (st == TENON_OK)
        st = tni_catalogue_read(txn, NULL, &entries, err);
    if (st == TENON_OK)
        st = tni_entries_tables(&entries, &tables, &count, err);
    for (uint32_t i = 0; i < count && st == TENON_OK; i++)
        st = verify_one(job, tables, count, i, err);
    if (st == TENON_OK)
        st = verify_audit(job, tables, count, err);
    free(tables);
    tni_entries_fini(&entries);
    job->complete = st == TENON_OK;
    return st;
}

tenon_status
tenon_db_verify(tenon_db *db, tenon_problem_fn fn, void *arg, uint64_t *problem_count,
                tenon_error *err)
{
    static const tenon_txn_options reading = {
        .size = sizeof reading,
        .name = "tenon verify",
        .timeout_ms = UINT32_MAX, /* everything is read: it takes as long as it takes */
        .read_only = true,
    };
    verify_job job = { .fn = fn, .arg = arg };
    tenon_status st = tni_run_own(db, &reading, verify_body, &job, err);

    if (st == TENON_CORRUPT && job.complete)
        st = TENON_OK; /* the end of a transaction that only read: nothing that was not told yet */
    *problem_count = job.problem_count;
    return st;
}
