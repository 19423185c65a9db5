/* A query as SQL. Placeholders are numbered as they come; a parameter used twice is bound twice. */
#include <stdlib.h>

#include "text.h"

typedef struct query_writer {
    sql_query_text *out;
    sql_text *text;
    const tenon_sql_dialect *dialect;
    const tenon_drv_query *query;
} query_writer;

/* Room for more placeholders. */
static bool
query_grow(sql_query_text *out)
{
    const uint32_t room = out->bind_room * 2 + 8;
    sql_bind *binds = realloc(out->binds, room * sizeof *binds);
    uint8_t *types;

    if (binds == NULL)
        return false;
    out->binds = binds;
    types = realloc(out->types, room);
    if (types == NULL)
        return false;
    out->types = types;
    out->bind_room = room;
    return true;
}

static void
query_put_bind(query_writer *w, uint16_t param, uint16_t how)
{
    sql_query_text *out = w->out;
    const char mark[2] = { w->dialect->placeholder, '\0' };

    if (out->bind_count == out->bind_room && !query_grow(out)) {
        w->text->failed = true;
        return;
    }
    out->types[out->bind_count] = how == SQL_BIND_PREFIX_LENGTH ? (uint8_t)TENON_INT
                                                                : w->query->param_types[param];
    out->binds[out->bind_count++] = (sql_bind){ .param = param, .how = how };
    sql_put(w->text, mark);
    sql_put_number(w->text, out->bind_count);
}

static const char *
query_op(uint8_t op)
{
    switch (op) {
    case TENON_OP_EQ:
        return " = ";
    case TENON_OP_NE:
        return " <> ";
    case TENON_OP_LT:
        return " < ";
    case TENON_OP_LE:
        return " <= ";
    case TENON_OP_GT:
        return " > ";
    default:
        return " >= ";
    }
}

/* How long a constant prefix is to substr(): in characters of a TEXT, in bytes of a BLOB. */
static uint32_t
query_prefix_length(const tenon_value *prefix)
{
    const unsigned char *bytes = prefix->as.data;
    uint32_t length = 0;

    for (uint32_t i = 0; i < prefix->len; i++)
        length += prefix->type == TENON_BLOB || (bytes[i] & 0xC0) != 0x80;
    return length;
}

static void
query_put_operand(query_writer *w, const tenon_drv_cond *cond)
{
    if (cond->param == TENON_DRV_NONE)
        sql_put_literal(w->text, w->dialect, &cond->constant);
    else
        query_put_bind(w, cond->param, SQL_BIND_PARAM);
}

/* Where the end must be valid text too, there may be none: then it is NULL, and nothing is beyond
 * it. */
static void
query_put_prefix_end(query_writer *w, uint16_t param, const char *column)
{
    sql_put(w->text, w->dialect->valid_text ? "(" : "");
    sql_put_name(w->text, column);
    sql_put(w->text, " < ");
    query_put_bind(w, param, SQL_BIND_PREFIX_END);
    if (!w->dialect->valid_text)
        return;
    sql_put(w->text, " OR ");
    query_put_bind(w, param, SQL_BIND_PREFIX_END);
    sql_put(w->text, " IS NULL)");
}

/* TEXT never holds the byte 0xFF, so that a prefix has an end; a BLOB's prefix may have none. */
static void
query_put_prefix(query_writer *w, const tenon_drv_cond *cond)
{
    const tenon_drv_column *column = &w->query->table->columns[cond->column];
    const bool is_text = column->type == TENON_TEXT;

    sql_put_name(w->text, column->name);
    sql_put(w->text, " >= ");
    query_put_operand(w, cond);
    sql_put(w->text, " AND ");
    if (is_text && cond->param != TENON_DRV_NONE) {
        query_put_prefix_end(w, cond->param, column->name);
        return;
    }
    /* In SQLite a part of no bytes is NULL. */
    sql_put(w->text, is_text ? "substr(" : "coalesce(substr(");
    sql_put_name(w->text, column->name);
    sql_put(w->text, ", 1, ");
    if (cond->param == TENON_DRV_NONE)
        sql_put_number(w->text, query_prefix_length(&cond->constant));
    else
        query_put_bind(w, cond->param, SQL_BIND_PREFIX_LENGTH);
    if (cond->param != TENON_DRV_NONE && w->dialect->length_suffix != NULL)
        sql_put(w->text, w->dialect->length_suffix);
    if (!is_text) {
        sql_put(w->text, "), ");
        sql_put(w->text, w->dialect->blob_prefix);
        sql_put(w->text, w->dialect->blob_suffix);
    }
    sql_put(w->text, ") = ");
    query_put_operand(w, cond);
}

static void
query_put_cond(query_writer *w, const tenon_drv_cond *cond)
{
    const char *name = w->query->table->columns[cond->column].name;

    if (cond->op == TENON_OP_PREFIX) {
        query_put_prefix(w, cond);
        return;
    }
    sql_put_name(w->text, name);
    if (cond->op == TENON_OP_IS_NULL) {
        sql_put(w->text, " IS NULL");
    } else if (cond->op == TENON_OP_NOT_NULL) {
        sql_put(w->text, " IS NOT NULL");
    } else if (cond->op == TENON_OP_IN) {
        for (uint16_t i = 0; i < cond->param_count; i++) {
            sql_put(w->text, i == 0 ? " IN (" : ", ");
            query_put_bind(w, (uint16_t)(cond->param + i), SQL_BIND_PARAM);
        }
        sql_put(w->text, ")");
    } else {
        sql_put(w->text, query_op(cond->op));
        query_put_operand(w, cond);
    }
}

/* (a, b) > (x, y) in the order asked for: the rows after the last one of the page before. */
static void
query_put_after(query_writer *w)
{
    const tenon_drv_query *q = w->query;

    sql_put(w->text, "(");
    for (uint32_t i = 0; i < q->order_count; i++) {
        sql_put(w->text, i == 0 ? "" : ", ");
        sql_put_name(w->text, q->table->columns[q->order[i].column].name);
    }
    sql_put(w->text, q->order[0].descending ? ") < (" : ") > (");
    for (uint32_t i = 0; i < q->order_count; i++) {
        sql_put(w->text, i == 0 ? "" : ", ");
        query_put_bind(w, (uint16_t)(q->after_param + i), SQL_BIND_PARAM);
    }
    sql_put(w->text, ")");
}

static void
query_put_where(query_writer *w)
{
    const tenon_drv_query *q = w->query;
    bool any = false;

    for (uint32_t i = 0; i < q->where_count; i++, any = true) {
        sql_put(w->text, any ? " AND " : " WHERE ");
        query_put_cond(w, &q->where[i]);
    }
    if (q->after_param != TENON_DRV_NONE) {
        sql_put(w->text, any ? " AND " : " WHERE ");
        query_put_after(w);
    }
}

static void
query_put_order(query_writer *w)
{
    const tenon_drv_query *q = w->query;
    const tenon_sql_dialect *d = w->dialect;

    for (uint32_t i = 0; i < q->order_count; i++) {
        sql_put(w->text, i == 0 ? " ORDER BY " : ", ");
        sql_put_name(w->text, q->table->columns[q->order[i].column].name);
        sql_put(w->text, q->order[i].descending ? " DESC" : "");
        if (d->nulls_first != NULL && !q->table->columns[q->order[i].column].not_null)
            sql_put(w->text, q->order[i].descending ? d->nulls_last : d->nulls_first);
    }
}

static void
query_put_limit(query_writer *w)
{
    const tenon_drv_query *q = w->query;

    if (q->limit_param != TENON_DRV_NONE && q->limit != UINT64_MAX) {
        sql_put(w->text, " LIMIT CASE WHEN ");
        query_put_bind(w, q->limit_param, SQL_BIND_PARAM);
        sql_put(w->text, " < ");
        sql_put_number(w->text, q->limit);
        sql_put(w->text, " THEN ");
        query_put_bind(w, q->limit_param, SQL_BIND_PARAM);
        sql_put(w->text, " ELSE ");
        sql_put_number(w->text, q->limit);
        sql_put(w->text, " END");
    } else if (q->limit_param != TENON_DRV_NONE) {
        sql_put(w->text, " LIMIT ");
        query_put_bind(w, q->limit_param, SQL_BIND_PARAM);
    } else if (q->limit != UINT64_MAX) {
        sql_put(w->text, " LIMIT ");
        sql_put_number(w->text, q->limit);
    }
}

static void
query_write_select(query_writer *w)
{
    const tenon_drv_query *q = w->query;

    sql_put(w->text, q->kind == TENON_COUNT ? "SELECT count(*)" : "SELECT ");
    for (uint32_t i = 0; i < q->column_count && q->kind == TENON_SELECT; i++) {
        sql_put(w->text, i == 0 ? "" : ", ");
        sql_put_name(w->text, q->table->columns[q->columns[i]].name);
    }
    sql_put(w->text, " FROM ");
    sql_put_name(w->text, q->table->name);
    query_put_where(w);
    query_put_order(w);
    query_put_limit(w);
}

static void
query_put_set(query_writer *w)
{
    const tenon_drv_query *q = w->query;

    for (uint32_t i = 0; i < q->set_count; i++) {
        const tenon_drv_assign *set = &q->set[i];
        const char *name = q->table->columns[set->column].name;
        const bool guarded = set->how == TENON_SET_ADD && w->dialect->addend_prefix != NULL &&
                             q->table->columns[set->column].type == TENON_INT;

        sql_put(w->text, i == 0 ? " SET " : ", ");
        sql_put_name(w->text, name);
        sql_put(w->text, " = ");
        if (set->how == TENON_SET_TO_NULL) {
            sql_put(w->text, "NULL");
            continue;
        }
        if (set->how == TENON_SET_ADD) {
            sql_put_name(w->text, q->table->name);
            sql_put(w->text, ".");
            sql_put_name(w->text, name);
            sql_put(w->text, " + ");
        }
        if (guarded)
            sql_put(w->text, w->dialect->addend_prefix);
        if (set->param == TENON_DRV_NONE)
            sql_put_literal(w->text, w->dialect, &set->constant);
        else
            query_put_bind(w, set->param, SQL_BIND_PARAM);
        if (guarded)
            sql_put(w->text, w->dialect->addend_suffix);
    }
}

static void
query_put_conflict(query_writer *w)
{
    const tenon_drv_query *q = w->query;

    if (q->on_conflict == TENON_ON_CONFLICT_IGNORE) {
        sql_put(w->text, " ON CONFLICT DO NOTHING");
    } else if (q->on_conflict == TENON_ON_CONFLICT_UPDATE) {
        sql_put(w->text, " ON CONFLICT ");
        if (q->conflict_index == TENON_DRV_NONE)
            sql_put_columns(w->text, q->table, q->table->key_columns, q->table->key_column_count);
        else
            sql_put_columns(w->text, q->table, q->table->indexes[q->conflict_index].columns,
                            q->table->indexes[q->conflict_index].column_count);
        sql_put(w->text, " DO UPDATE");
        query_put_set(w);
    }
}

static void
query_write_insert(query_writer *w)
{
    const tenon_drv_query *q = w->query;

    sql_put(w->text, "INSERT INTO ");
    sql_put_name(w->text, q->table->name);
    for (uint32_t i = 0; i < q->table->column_count; i++) {
        sql_put(w->text, i == 0 ? " (" : ", ");
        sql_put_name(w->text, q->table->columns[q->insert[i].column].name);
    }
    for (uint32_t i = 0; i < q->table->column_count; i++) {
        sql_put(w->text, i == 0 ? ") VALUES (" : ", ");
        if (q->insert[i].param == TENON_DRV_NONE)
            sql_put_literal(w->text, w->dialect, &q->insert[i].constant);
        else
            query_put_bind(w, q->insert[i].param, SQL_BIND_PARAM);
    }
    sql_put(w->text, ")");
    query_put_conflict(w);
}

tenon_status
sql_query_write(sql_query_text *out, const tenon_sql_dialect *dialect, const tenon_drv_query *query,
                tenon_error *err)
{
    query_writer w = { .out = out, .text = &out->text, .dialect = dialect, .query = query };

    switch (query->kind) {
    case TENON_INSERT:
        query_write_insert(&w);
        break;
    case TENON_UPDATE:
        sql_put(w.text, "UPDATE ");
        sql_put_name(w.text, query->table->name);
        query_put_set(&w);
        query_put_where(&w);
        break;
    case TENON_DELETE:
        sql_put(w.text, "DELETE FROM ");
        sql_put_name(w.text, query->table->name);
        query_put_where(&w);
        break;
    default:
        query_write_select(&w);
        break;
    }
    if (out->text.failed)
        return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    return TENON_OK;
}
