/* Values, tables and queries as JSON. */
#include "recorded.h"

#include <math.h>
#include <stdlib.h>

/* ---- Values ---- */

static json_t *
recorded_hex(const unsigned char *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(2 * len + 1);
    json_t *out;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    out = json_stringn(text, 2 * len);
    free(text);
    return out;
}

/* A value as {"type": value}; NULL as null. */
static json_t *
recorded_value(const tenon_value *v)
{
    switch (v->type) {
    case TENON_INT:
        return json_pack("{sI}", "int", (json_int_t)v->as.i);
    case TENON_BOOL:
        return json_pack("{sb}", "bool", v->as.i != 0);
    case TENON_TIME:
        return json_pack("{sI}", "time", (json_int_t)v->as.i);
    case TENON_REAL:
        return isfinite(v->as.d) ? json_pack("{sf}", "real", v->as.d)
                                 : json_pack("{ss}", "real", v->as.d > 0 ? "inf" : "-inf");
    case TENON_TEXT:
        return json_pack("{so}", "text", json_stringn((const char *)v->as.data, v->len));
    case TENON_BLOB:
        return json_pack("{so}", "blob", recorded_hex(v->as.data, v->len));
    case TENON_UUID:
        return json_pack("{so}", "uuid", recorded_hex(v->as.data, v->len));
    default:
        return json_null();
    }
}

json_t *
recorded_values(const tenon_value *values, uint32_t count)
{
    json_t *out = json_array();

    for (uint32_t i = 0; i < count; i++)
        (void)json_array_append_new(out, recorded_value(&values[i]));
    return out;
}

/* ---- Tables and queries ---- */

static json_t *
recorded_columns(const uint16_t *columns, uint32_t count)
{
    json_t *out = json_array();

    for (uint32_t i = 0; i < count; i++)
        (void)json_array_append_new(out, json_integer(columns[i]));
    return out;
}

/* Where a value comes from: a parameter, or a constant. */
static void
recorded_source(json_t *out, uint16_t param, const tenon_value *constant)
{
    if (param != TENON_DRV_NONE)
        (void)json_object_set_new(out, "param", json_integer(param));
    else
        (void)json_object_set_new(out, "constant", recorded_value(constant));
}

static json_t *
recorded_where(const tenon_drv_cond *list, uint32_t count)
{
    json_t *out = json_array();

    for (uint32_t i = 0; i < count; i++) {
        json_t *one = json_pack("{si, si, si}", "column", list[i].column, "op", list[i].op, "count",
                                list[i].param_count);

        recorded_source(one, list[i].param, &list[i].constant);
        (void)json_array_append_new(out, one);
    }
    return out;
}

static json_t *
recorded_assignments(const tenon_drv_assign *list, uint32_t count)
{
    json_t *out = json_array();

    for (uint32_t i = 0; list != NULL && i < count; i++) {
        json_t *one = json_pack("{si, si}", "column", list[i].column, "how", list[i].how);

        recorded_source(one, list[i].param, &list[i].constant);
        (void)json_array_append_new(out, one);
    }
    return out;
}

json_t *
recorded_table(const tenon_drv_table *t)
{
    json_t *columns = json_array(), *indexes = json_array(), *keys = json_array();

    for (uint32_t i = 0; i < t->column_count; i++)
        (void)json_array_append_new(
            columns, json_pack("{ss, si, sb, sI, so}", "name", t->columns[i].name, "type",
                               t->columns[i].type, "not_null", t->columns[i].not_null, "max_bytes",
                               (json_int_t)t->columns[i].max_bytes, "default",
                               recorded_value(&t->columns[i].default_value)));
    for (uint32_t i = 0; i < t->index_count; i++)
        (void)json_array_append_new(
            indexes, json_pack("{ss, so, sb, so}", "name", t->indexes[i].name, "columns",
                               recorded_columns(t->indexes[i].columns, t->indexes[i].column_count),
                               "unique", t->indexes[i].unique, "where",
                               recorded_where(t->indexes[i].where, t->indexes[i].where_count)));
    for (uint32_t i = 0; i < t->foreign_key_count; i++)
        (void)json_array_append_new(
            keys,
            json_pack("{ss, ss, so, sI}", "name", t->foreign_keys[i].name, "references",
                      t->foreign_keys[i].references, "columns",
                      recorded_columns(t->foreign_keys[i].columns, t->foreign_keys[i].column_count),
                      "on_delete", (json_int_t)t->foreign_keys[i].on_delete));
    return json_pack("{ss, so, so, so, so}", "name", t->name, "columns", columns, "key",
                     recorded_columns(t->key_columns, t->key_column_count), "indexes", indexes,
                     "foreign_keys", keys);
}

json_t *
recorded_query(const tenon_drv_query *q)
{
    const uint32_t insert_count = q->kind == TENON_INSERT ? q->table->column_count : 0;
    json_t *order = json_array(), *out;

    for (uint32_t i = 0; i < q->order_count; i++)
        (void)json_array_append_new(order, json_pack("{si, sb}", "column", q->order[i].column,
                                                     "descending", q->order[i].descending));
    out = json_pack("{si, si, so, so, so, so, so}", "kind", q->kind, "on_conflict", q->on_conflict,
                    "columns", recorded_columns(q->columns, q->column_count), "insert",
                    recorded_assignments(q->insert, insert_count), "set",
                    recorded_assignments(q->set, q->set_count), "where",
                    recorded_where(q->where, q->where_count), "order", order);
    if (q->kind == TENON_INSERT && q->conflict_index != TENON_DRV_NONE)
        (void)json_object_set_new(out, "conflict_index",
                                  json_string(q->table->indexes[q->conflict_index].name));
    if (q->after_param != TENON_DRV_NONE)
        (void)json_object_set_new(out, "after_param", json_integer(q->after_param));
    if (q->limit_param != TENON_DRV_NONE)
        (void)json_object_set_new(out, "limit_param", json_integer(q->limit_param));
    if (q->limit != UINT64_MAX)
        (void)json_object_set_new(out, "limit", json_integer((json_int_t)q->limit));
    return out;
}
