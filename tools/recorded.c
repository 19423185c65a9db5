/* Tables, queries and values from a trace of calls. It comes from outside: every number has its
 * bounds; what else is wrong with a query the library finds. */
#include "recorded.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct recorded_block {
    struct recorded_block *next;
    max_align_t bytes[];
} recorded_block;

static void *
recorded_alloc(recorded *r, size_t bytes)
{
    recorded_block *block = calloc(1, sizeof *block + bytes);

    if (block == NULL) {
        r->why = "there is no memory left";
        return NULL;
    }
    block->next = r->blocks;
    r->blocks = block;
    return block->bytes;
}

void
recorded_rewind(recorded *r, recorded_block *mark)
{
    while (r->blocks != mark) {
        recorded_block *block = r->blocks;

        r->blocks = block->next;
        free(block);
    }
    r->why = NULL;
}

void
recorded_fini(recorded *r)
{
    recorded_rewind(r, NULL);
    json_decref(r->kept);
    r->kept = NULL;
}

static bool
recorded_keep(recorded *r, json_t *json)
{
    if (r->kept == NULL)
        r->kept = json_array();
    if (json_array_append(r->kept, json) == 0)
        return true;
    r->why = "there is no memory left";
    return false;
}

/* ---- Parts of objects ---- */

static void
recorded_bad(recorded *r, const char *why)
{
    if (r->why == NULL)
        r->why = why;
}

static uint64_t
recorded_number(recorded *r, const json_t *of, const char *key, uint64_t most)
{
    const json_t *number = json_object_get(of, key);

    if (json_is_integer(number) && json_integer_value(number) >= 0 &&
        (uint64_t)json_integer_value(number) <= most)
        return (uint64_t)json_integer_value(number);
    recorded_bad(r, "a number is missing or too large");
    return 0;
}

static const char *
recorded_text(recorded *r, const json_t *of, const char *key)
{
    const char *text = json_string_value(json_object_get(of, key));

    if (text == NULL)
        recorded_bad(r, "a name is missing");
    return text != NULL ? text : "";
}

/* The elements of an array, at most `most`. */
static uint32_t
recorded_count(recorded *r, const json_t *array, uint32_t most)
{
    const size_t count = json_array_size(array);

    if (json_is_array(array) && count <= most)
        return (uint32_t)count;
    recorded_bad(r, "a list is missing or too long");
    return 0;
}

static tenon_columns
recorded_columns(recorded *r, const json_t *of, const char *key)
{
    const json_t *array = json_object_get(of, key);
    const uint32_t count = recorded_count(r, array, TENON_MAX_COLUMNS);
    tenon_column_no *list = recorded_alloc(r, (count + 1) * sizeof *list);

    for (uint32_t i = 0; list != NULL && i < count; i++) {
        const json_int_t column = json_integer_value(json_array_get(array, i));

        if (column < 0 || column >= TENON_MAX_COLUMNS)
            recorded_bad(r, "this is no column");
        list[i] = (tenon_column_no)column;
    }
    return (tenon_columns){ list, list != NULL ? count : 0 };
}

/* ---- Values ---- */

static int
recorded_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
recorded_bytes(recorded *r, const json_t *hex, tenon_type type, tenon_value *out)
{
    const char *text = json_string_value(hex);
    const size_t len = json_string_length(hex) / 2;
    unsigned char *bytes = text == NULL ? NULL : recorded_alloc(r, len + 1);

    if (bytes == NULL || json_string_length(hex) % 2 != 0 || len > UINT32_MAX ||
        (type == TENON_UUID && len != sizeof(tenon_uuid))) {
        recorded_bad(r, "this is no value");
        return;
    }
    for (size_t i = 0; i < len; i++) {
        const int high = recorded_digit(text[2 * i]), low = recorded_digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            recorded_bad(r, "this is no value");
        bytes[i] = (unsigned char)(high * 16 + low);
    }
    *out = tenon_blob(bytes, len);
    out->type = type;
}

static void
recorded_real(recorded *r, const json_t *value, tenon_value *out)
{
    const char *text = json_string_value(value);

    if (json_is_number(value))
        *out = tenon_real(json_number_value(value));
    else if (text != NULL && (strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0))
        *out = tenon_real(text[0] == '-' ? -INFINITY : INFINITY);
    else
        recorded_bad(r, "this is no value");
}

static void
recorded_value(recorded *r, const json_t *is, tenon_value *out)
{
    const json_t *value;

    *out = tenon_null();
    if (json_is_null(is))
        return;
    if ((value = json_object_get(is, "int")) != NULL && json_is_integer(value))
        *out = tenon_int(json_integer_value(value));
    else if ((value = json_object_get(is, "time")) != NULL && json_is_integer(value))
        *out = tenon_time(json_integer_value(value));
    else if ((value = json_object_get(is, "bool")) != NULL && json_is_boolean(value))
        *out = tenon_bool(json_is_true(value));
    else if ((value = json_object_get(is, "real")) != NULL)
        recorded_real(r, value, out);
    else if ((value = json_object_get(is, "text")) != NULL && json_is_string(value))
        *out = tenon_text_n(json_string_value(value), json_string_length(value));
    else if ((value = json_object_get(is, "blob")) != NULL)
        recorded_bytes(r, value, TENON_BLOB, out);
    else if ((value = json_object_get(is, "uuid")) != NULL)
        recorded_bytes(r, value, TENON_UUID, out);
    else
        recorded_bad(r, "this is no value");
}

bool
recorded_values(recorded *r, const json_t *array, const uint16_t *which, uint32_t count,
                tenon_value *out)
{
    for (uint32_t i = 0; i < count; i++) {
        const json_t *is = json_array_get(array, which != NULL ? which[i] : i);

        if (is == NULL)
            recorded_bad(r, "values are missing");
        else
            recorded_value(r, is, &out[i]);
    }
    return r->why == NULL;
}

/* ---- Conditions ---- */

/* `to`: the new number of each parameter. */
static tenon_where
recorded_where(recorded *r, const json_t *of, const uint16_t *to)
{
    const json_t *array = json_object_get(of, "where");
    const uint32_t count = recorded_count(r, array, RECORDED_MOST_PARAMS);
    tenon_condition *list = recorded_alloc(r, (count + 1) * sizeof *list);

    for (uint32_t i = 0; list != NULL && i < count; i++) {
        const json_t *is = json_array_get(array, i);

        list[i].column = (tenon_column_no)recorded_number(r, is, "column", TENON_MAX_COLUMNS - 1);
        list[i].op = (uint8_t)recorded_number(r, is, "op", UINT8_MAX);
        list[i].param = TENON_NO_PARAM;
        if (json_object_get(is, "param") == NULL) {
            recorded_value(r, json_object_get(is, "constant"), &list[i].constant);
            continue;
        }
        if (list[i].op == TENON_OP_IN)
            list[i].count = (uint16_t)recorded_number(r, is, "count", RECORDED_MOST_PARAMS);
        list[i].param = (uint16_t)recorded_number(r, is, "param", RECORDED_MOST_PARAMS - 1);
        if (to != NULL)
            list[i].param = to[list[i].param];
    }
    return (tenon_where){ list, list != NULL ? count : 0 };
}

/* ---- Tables ---- */

static const tenon_column *
recorded_table_columns(recorded *r, const json_t *array, uint32_t count)
{
    tenon_column *columns = recorded_alloc(r, (count + 1) * sizeof *columns);

    for (uint32_t i = 0; columns != NULL && i < count; i++) {
        const json_t *is = json_array_get(array, i);

        columns[i].name = recorded_text(r, is, "name");
        columns[i].type = (tenon_type)recorded_number(r, is, "type", UINT8_MAX);
        columns[i].not_null = json_is_true(json_object_get(is, "not_null"));
        columns[i].max_bytes = (uint32_t)recorded_number(r, is, "max_bytes", UINT32_MAX);
        recorded_value(r, json_object_get(is, "default"), &columns[i].default_value);
    }
    return columns;
}

static const tenon_index *
recorded_indexes(recorded *r, const json_t *array, uint32_t count)
{
    tenon_index *indexes = recorded_alloc(r, (count + 1) * sizeof *indexes);

    for (uint32_t i = 0; indexes != NULL && i < count; i++) {
        const json_t *is = json_array_get(array, i);

        indexes[i].name = recorded_text(r, is, "name");
        indexes[i].columns = recorded_columns(r, is, "columns");
        indexes[i].unique = json_is_true(json_object_get(is, "unique"));
        indexes[i].where = recorded_where(r, is, NULL);
    }
    return indexes;
}

static const tenon_foreign_key *
recorded_keys(recorded *r, const json_t *array, uint32_t count)
{
    tenon_foreign_key *keys = recorded_alloc(r, (count + 1) * sizeof *keys);

    for (uint32_t i = 0; keys != NULL && i < count; i++) {
        const json_t *is = json_array_get(array, i);

        keys[i].name = recorded_text(r, is, "name");
        keys[i].columns = recorded_columns(r, is, "columns");
        keys[i].references = recorded_text(r, is, "references");
        keys[i].on_delete = (uint8_t)recorded_number(r, is, "on_delete", UINT8_MAX);
    }
    return keys;
}

const tenon_table *
recorded_table(recorded *r, json_t *is)
{
    const json_t *columns = json_object_get(is, "columns"),
                 *indexes = json_object_get(is, "indexes"),
                 *keys = json_object_get(is, "foreign_keys");
    tenon_table *table = recorded_alloc(r, sizeof *table);

    if (table == NULL || !recorded_keep(r, is))
        return NULL;
    table->name = recorded_text(r, is, "name");
    table->column_count = recorded_count(r, columns, TENON_MAX_COLUMNS);
    table->columns = recorded_table_columns(r, columns, table->column_count);
    table->primary_key = recorded_columns(r, is, "key");
    table->index_count = recorded_count(r, indexes, TENON_MAX_INDEXES);
    table->indexes = recorded_indexes(r, indexes, table->index_count);
    table->foreign_key_count = recorded_count(r, keys, TENON_MAX_FOREIGN_KEYS);
    table->foreign_keys = recorded_keys(r, keys, table->foreign_key_count);
    return r->why == NULL ? table : NULL;
}

/* ---- Queries: their parameters are numbered anew, as a query uses all of its own ---- */

static void
recorded_use(recorded *r, bool *used, const json_t *of, const char *key, uint64_t count)
{
    uint64_t first;

    if (json_object_get(of, key) == NULL)
        return;
    first = recorded_number(r, of, key, RECORDED_MOST_PARAMS - 1);
    if (count > RECORDED_MOST_PARAMS - first) {
        recorded_bad(r, "there are too many parameters");
        return;
    }
    while (count > 0)
        used[first + --count] = true;
}

static void
recorded_use_list(recorded *r, bool *used, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *is = json_array_get(array, i);
        const json_int_t count = json_integer_value(json_object_get(is, "count"));

        recorded_use(r, used, is, "param", count > 1 ? (uint64_t)count : 1);
    }
}

/* Which parameters are used; `to`: the number that each of them gets. */
static void
recorded_renumber(recorded *r, const json_t *is, recorded_query *q, uint16_t *to)
{
    bool used[RECORDED_MOST_PARAMS] = { false };

    recorded_use_list(r, used, json_object_get(is, "insert"));
    recorded_use_list(r, used, json_object_get(is, "set"));
    recorded_use_list(r, used, json_object_get(is, "where"));
    recorded_use(r, used, is, "after_param", json_array_size(json_object_get(is, "order")));
    recorded_use(r, used, is, "limit_param", 1);
    for (uint16_t i = 0; i < RECORDED_MOST_PARAMS; i++) {
        to[i] = (uint16_t)q->param_count;
        if (used[i])
            q->params[q->param_count++] = i;
    }
}

/* The columns that an INSERT gives, in the order of its parameters. */
static tenon_columns
recorded_given(recorded *r, const json_t *is, const uint16_t *to)
{
    const json_t *array = json_object_get(is, "insert");
    const uint32_t count = recorded_count(r, array, TENON_MAX_COLUMNS);
    tenon_column_no *list = recorded_alloc(r, (TENON_MAX_COLUMNS + 1) * sizeof *list);
    uint32_t given = 0;

    for (uint32_t i = 0; list != NULL && i < count; i++) {
        const json_t *one = json_array_get(array, i);
        uint16_t at;

        if (json_object_get(one, "param") == NULL)
            continue; /* its default */
        at = to[recorded_number(r, one, "param", RECORDED_MOST_PARAMS - 1)];
        if (at >= TENON_MAX_COLUMNS) {
            recorded_bad(r, "there are too many parameters");
            break;
        }
        list[at] = (tenon_column_no)recorded_number(r, one, "column", TENON_MAX_COLUMNS - 1);
        given++;
    }
    return (tenon_columns){ list, list != NULL ? given : 0 };
}

static tenon_assignments
recorded_set(recorded *r, const json_t *is, const uint16_t *to)
{
    const json_t *array = json_object_get(is, "set");
    const uint32_t count = recorded_count(r, array, TENON_MAX_COLUMNS);
    tenon_assignment *list = recorded_alloc(r, (count + 1) * sizeof *list);

    for (uint32_t i = 0; list != NULL && i < count; i++) {
        const json_t *one = json_array_get(array, i);

        list[i].column = (tenon_column_no)recorded_number(r, one, "column", TENON_MAX_COLUMNS - 1);
        list[i].how = (uint8_t)recorded_number(r, one, "how", UINT8_MAX);
        if (list[i].how != TENON_SET_TO_NULL)
            list[i].param = to[recorded_number(r, one, "param", RECORDED_MOST_PARAMS - 1)];
    }
    return (tenon_assignments){ list, list != NULL ? count : 0 };
}

static tenon_ordering
recorded_order(recorded *r, const json_t *is)
{
    const json_t *array = json_object_get(is, "order");
    const uint32_t count = recorded_count(r, array, TENON_MAX_COLUMNS);
    tenon_order *list = recorded_alloc(r, (count + 1) * sizeof *list);

    for (uint32_t i = 0; list != NULL && i < count; i++) {
        const json_t *one = json_array_get(array, i);

        list[i].column = (tenon_column_no)recorded_number(r, one, "column", TENON_MAX_COLUMNS - 1);
        list[i].descending = json_is_true(json_object_get(one, "descending"));
    }
    return (tenon_ordering){ list, list != NULL ? count : 0 };
}

const recorded_query *
recorded_query_new(recorded *r, json_t *line, const tenon_table *table)
{
    const json_t *is = json_object_get(line, "query_is");
    recorded_query *q = recorded_alloc(r, sizeof *q);
    uint16_t to[RECORDED_MOST_PARAMS];

    if (q == NULL || !recorded_keep(r, line))
        return NULL;
    recorded_renumber(r, is, q, to);
    q->query.name = json_string_value(json_object_get(line, "query"));
    q->query.table = table;
    q->query.kind = (uint8_t)recorded_number(r, is, "kind", UINT8_MAX);
    q->query.on_conflict = (uint8_t)recorded_number(r, is, "on_conflict", UINT8_MAX);
    q->query.columns = q->query.kind == TENON_INSERT ? recorded_given(r, is, to)
                                                     : recorded_columns(r, is, "columns");
    q->query.set = recorded_set(r, is, to);
    q->query.where = recorded_where(r, is, to);
    q->query.order = recorded_order(r, is);
    q->query.conflict_index = json_string_value(json_object_get(is, "conflict_index"));
    if (json_object_get(is, "after_param") != NULL)
        q->query.after_param = TENON_PARAM(
            to[recorded_number(r, is, "after_param", RECORDED_MOST_PARAMS - 1)]);
    if (json_object_get(is, "limit_param") != NULL)
        q->query.limit_param = TENON_PARAM(
            to[recorded_number(r, is, "limit_param", RECORDED_MOST_PARAMS - 1)]);
    else if (json_object_get(is, "limit") != NULL)
        q->query.limit = (uint32_t)recorded_number(r, is, "limit", UINT32_MAX);
    return r->why == NULL ? q : NULL;
}
