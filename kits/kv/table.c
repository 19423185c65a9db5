/* Tables as bytes: how the catalogue stores them. */
#include "kv.h"

/* ---- Writing ---- */

static bool
put_u32(kv_buffer *b, uint32_t n)
{
    unsigned char bytes[4];

    kv_write_u32(bytes, n);
    return kv_append(b, bytes, sizeof bytes);
}

static bool
put_bytes(kv_buffer *b, const void *data, size_t len)
{
    return put_u32(b, (uint32_t)len) && kv_append(b, data, len);
}

static bool
put_text(kv_buffer *b, const char *text)
{
    return put_bytes(b, text, strlen(text));
}

static bool
put_value(kv_buffer *b, const tenon_value *v)
{
    if (!put_u32(b, v->type))
        return false;
    if (v->type == TENON_TEXT || v->type == TENON_BLOB || v->type == TENON_UUID)
        return put_bytes(b, v->as.data, v->len);
    return put_u32(b, (uint32_t)((uint64_t)v->as.i >> 32)) && put_u32(b, (uint32_t)v->as.i);
}

static bool
put_numbers(kv_buffer *b, const uint16_t *numbers, uint32_t count)
{
    bool ok = put_u32(b, count);

    for (uint32_t i = 0; i < count && ok; i++)
        ok = put_u32(b, numbers[i]);
    return ok;
}

static bool
put_index(kv_buffer *b, const kv_index *index)
{
    bool ok = put_text(b, index->name) && put_u32(b, index->tree) && put_u32(b, index->unique) &&
              put_u32(b, index->hidden) && put_numbers(b, index->columns, index->column_count) &&
              put_u32(b, index->where_count);

    for (uint32_t i = 0; i < index->where_count && ok; i++)
        ok = put_u32(b, index->where[i].column) && put_u32(b, index->where[i].op) &&
             put_value(b, &index->where[i].constant);
    return ok;
}

bool
kv_table_write(kv_buffer *b, const kv_table *t)
{
    bool ok = put_u32(b, t->tree) && put_u32(b, t->field_count) && put_u32(b, t->column_count);

    for (uint32_t i = 0; i < t->column_count && ok; i++) {
        const kv_column *c = &t->columns[i];

        ok = put_text(b, c->name) && put_u32(b, c->type) && put_u32(b, c->not_null) &&
             put_u32(b, c->field) && put_u32(b, c->max_bytes) && put_value(b, &c->default_value);
    }
    ok = ok && put_numbers(b, t->key_columns, t->key_column_count) && put_u32(b, t->index_count);
    for (uint32_t i = 0; i < t->index_count && ok; i++)
        ok = put_index(b, &t->indexes[i]);
    ok = ok && put_u32(b, t->foreign_key_count);
    for (uint32_t i = 0; i < t->foreign_key_count && ok; i++) {
        const kv_foreign_key *k = &t->foreign_keys[i];

        ok = put_text(b, k->name) && put_text(b, k->references) && put_u32(b, k->on_delete) &&
             put_u32(b, k->index) && put_numbers(b, k->columns, k->column_count);
    }
    return ok;
}

/* ---- Reading: nothing that is stored is trusted ---- */

typedef struct reader {
    const unsigned char *at;
    size_t left;
    kv_arena *arena;
    bool damaged;
    bool no_memory;
} reader;

static uint32_t
get_u32(reader *r)
{
    uint32_t n;

    if (r->left < 4) {
        r->damaged = true;
        return 0;
    }
    n = kv_read_u32(r->at);
    r->at += 4;
    r->left -= 4;
    return n;
}

/* A number below `limit`. */
static uint32_t
get_below(reader *r, uint32_t limit)
{
    const uint32_t n = get_u32(r);

    if (n < limit)
        return n;
    r->damaged = true;
    return 0;
}

static void *
get_room(reader *r, size_t count, size_t size)
{
    void *room = kv_take(r->arena, count * size + 1);

    if (room == NULL)
        r->no_memory = true;
    else
        memset(room, 0, count * size + 1);
    return room;
}

static bool
get_failed(const reader *r)
{
    return r->damaged || r->no_memory;
}

/* Bytes, with a NUL behind them. */
static const char *
get_bytes(reader *r, uint32_t *len)
{
    char *copy;

    *len = get_u32(r);
    if (*len > r->left)
        r->damaged = true;
    if (get_failed(r))
        return "";
    copy = get_room(r, *len, 1);
    if (copy == NULL)
        return "";
    memcpy(copy, r->at, *len);
    r->at += *len;
    r->left -= *len;
    return copy;
}

static const char *
get_text(reader *r)
{
    uint32_t len;

    return get_bytes(r, &len);
}

static tenon_value
get_value(reader *r)
{
    tenon_value v = tenon_null();
    uint64_t high;

    v.type = (tenon_type)get_below(r, TENON_TIME + 1);
    if (v.type == TENON_TEXT || v.type == TENON_BLOB || v.type == TENON_UUID) {
        v.as.data = get_bytes(r, &v.len);
        if (v.type == TENON_UUID && v.len != sizeof(tenon_uuid))
            r->damaged = true;
    } else {
        high = get_u32(r);
        v.as.i = (int64_t)(high << 32 | get_u32(r));
    }
    return v;
}

static uint32_t
get_numbers(reader *r, uint32_t limit, uint16_t out[TENON_MAX_KEY_COLUMNS])
{
    const uint32_t count = get_below(r, TENON_MAX_KEY_COLUMNS + 1);

    for (uint32_t i = 0; i < count; i++)
        out[i] = (uint16_t)get_below(r, limit);
    return count;
}

static void
get_index(reader *r, const kv_table *t, kv_index *index)
{
    index->name = get_text(r);
    index->tree = get_u32(r);
    index->unique = get_below(r, 2) != 0;
    index->hidden = get_below(r, 2) != 0;
    index->column_count = get_numbers(r, t->column_count, index->columns);
    index->where_count = get_below(r, TENON_MAX_COLUMNS + 1);
    index->where = get_room(r, index->where_count, sizeof *index->where);
    for (uint32_t i = 0; i < index->where_count && !get_failed(r); i++) {
        index->where[i].column = (uint16_t)get_below(r, t->column_count);
        index->where[i].op = (uint8_t)get_below(r, TENON_OP_NOT_NULL + 1);
        index->where[i].constant = get_value(r);
    }
}

static void
get_columns(reader *r, kv_table *t)
{
    t->tree = get_u32(r);
    t->field_count = get_below(r, KV_MOST_FIELDS + 1);
    t->column_count = get_below(r, TENON_MAX_COLUMNS + 1);
    t->columns = get_room(r, t->column_count, sizeof *t->columns);
    for (uint32_t i = 0; i < t->column_count && !get_failed(r); i++) {
        kv_column *c = &t->columns[i];

        c->name = get_text(r);
        c->type = (uint8_t)get_below(r, TENON_TIME + 1);
        c->not_null = (uint8_t)get_below(r, 2);
        c->field = (uint16_t)get_below(r, t->field_count);
        c->max_bytes = get_u32(r);
        c->default_value = get_value(r);
    }
}

static void
get_table(reader *r, kv_table *t)
{
    get_columns(r, t);
    t->key_column_count = get_numbers(r, t->column_count, t->key_columns);
    t->index_count = get_below(r, TENON_MAX_INDEXES + TENON_MAX_FOREIGN_KEYS + 1);
    t->indexes = get_room(r, t->index_count, sizeof *t->indexes);
    for (uint32_t i = 0; i < t->index_count && !get_failed(r); i++)
        get_index(r, t, &t->indexes[i]);
    t->foreign_key_count = get_below(r, TENON_MAX_FOREIGN_KEYS + 1);
    t->foreign_keys = get_room(r, t->foreign_key_count, sizeof *t->foreign_keys);
    for (uint32_t i = 0; i < t->foreign_key_count && !get_failed(r); i++) {
        kv_foreign_key *k = &t->foreign_keys[i];

        k->name = get_text(r);
        k->references = get_text(r);
        k->on_delete = get_below(r, TENON_SET_NULL + 1);
        k->index = get_u32(r);
        if (k->index != UINT32_MAX && k->index >= t->index_count)
            r->damaged = true;
        k->column_count = get_numbers(r, t->column_count, k->columns);
    }
    if (r->left != 0 || t->key_column_count == 0)
        r->damaged = true;
}

tenon_status
kv_table_read(kv_arena *arena, const char *name, tenon_kv_bytes bytes, kv_table **out,
              tenon_error *err)
{
    reader r = { .at = bytes.data, .left = (size_t)bytes.len, .arena = arena };
    const size_t name_bytes = strlen(name) + 1;
    kv_table *t = get_room(&r, 1, sizeof *t);
    char *own_name = get_room(&r, name_bytes, 1);

    *out = t;
    if (t == NULL || own_name == NULL)
        return kv_no_memory(err);
    memcpy(own_name, name, name_bytes);
    t->name = own_name;
    get_table(&r, t);
    if (r.no_memory)
        return kv_no_memory(err);
    return r.damaged ? kv_corrupt(err, name, "the catalogue's entry of a table") : TENON_OK;
}
