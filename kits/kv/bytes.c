/* Keys that sort as their values do, rows, and the memory of a statement. */
#include <stdlib.h>

#include "kv.h"

#define KV_CHUNK_BYTES 16384

/* ---- Memory ---- */

bool
kv_grow(kv_buffer *b, size_t more)
{
    size_t room = b->room > 0 ? b->room : 128;
    unsigned char *grown;

    while (room - b->len < more)
        room *= 2;
    grown = realloc(b->data, room);
    if (grown == NULL)
        return false;
    b->data = grown;
    b->room = room;
    return true;
}

bool
kv_append(kv_buffer *b, const void *data, size_t len)
{
    if (!kv_reserve(b, len))
        return false;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    return true;
}

void
kv_buffer_free(kv_buffer *b)
{
    free(b->data);
    memset(b, 0, sizeof *b);
}

struct kv_chunk {
    struct kv_chunk *next;
    size_t used, room;
    uint64_t bytes[];
};

void *
kv_take(kv_arena *arena, size_t bytes)
{
    struct kv_chunk *chunk = arena->chunks;
    const size_t rounded = (bytes + 7) / 8 * 8;
    void *piece;

    if (chunk == NULL || chunk->room - chunk->used < rounded) {
        const size_t room = rounded > KV_CHUNK_BYTES ? rounded : KV_CHUNK_BYTES;

        chunk = malloc(sizeof *chunk + room);
        if (chunk == NULL)
            return NULL;
        chunk->next = arena->chunks;
        chunk->used = 0;
        chunk->room = room;
        arena->chunks = chunk;
    }
    piece = (unsigned char *)chunk->bytes + chunk->used;
    chunk->used += rounded;
    return piece;
}

tenon_kv_bytes
kv_copy(kv_arena *arena, tenon_kv_bytes bytes)
{
    void *piece = kv_take(arena, bytes.len > 0 ? (size_t)bytes.len : 1);

    if (piece != NULL && bytes.len > 0)
        memcpy(piece, bytes.data, (size_t)bytes.len);
    return (tenon_kv_bytes){ .data = piece, .len = bytes.len };
}

void
kv_arena_reset(kv_arena *arena)
{
    while (arena->chunks != NULL && arena->chunks->next != NULL) {
        struct kv_chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        free(chunk);
    }
    if (arena->chunks != NULL)
        arena->chunks->used = 0;
}

void
kv_arena_free(kv_arena *arena)
{
    while (arena->chunks != NULL) {
        struct kv_chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        free(chunk);
    }
}

/* ---- Numbers ---- */

uint32_t
kv_read_u32(const unsigned char *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void
bytes_write_u64(unsigned char *to, uint64_t n)
{
    kv_write_u32(to, (uint32_t)(n >> 32));
    kv_write_u32(to + 4, (uint32_t)n);
}

/* A double so that greater ones are greater as unsigned numbers. */
static uint64_t
bytes_of_real(double d)
{
    uint64_t bits;

    d += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &d, sizeof bits);
    return (bits >> 63) != 0 ? ~bits : bits | UINT64_C(1) << 63;
}

/* ---- Keys: for each value a tag, NULL before all others, then bytes that sort ---- */

enum { KV_TAG_NULL = 1, KV_TAG_VALUE = 2 };

bool
kv_key_tree(kv_buffer *b, uint32_t tree)
{
    if (!kv_reserve(b, KV_TREE_BYTES))
        return false;
    kv_write_u32(b->data + b->len, tree);
    b->len += KV_TREE_BYTES;
    return true;
}

/* Text and bytes: a zero byte becomes 00 FF, the end is 00 00, which no longer value comes before.
 */
static unsigned char *
bytes_put_escaped(unsigned char *to, const unsigned char *from, size_t len)
{
    while (len > 0) {
        const unsigned char *zero = memchr(from, 0, len);
        const size_t part = zero == NULL ? len : (size_t)(zero - from) + 1;

        memcpy(to, from, part);
        to += part;
        from += part;
        len -= part;
        if (zero != NULL)
            *to++ = 0xFF;
    }
    return to;
}

static bool
bytes_put_value(kv_buffer *b, const tenon_value *v, bool with_end)
{
    unsigned char *to;

    if (!kv_reserve(b, 1 + 2 * (size_t)v->len + 16))
        return false;
    to = b->data + b->len;
    *to++ = v->type == TENON_NULL ? KV_TAG_NULL : KV_TAG_VALUE;
    switch (v->type) {
    case TENON_NULL:
        break;
    case TENON_BOOL:
        *to++ = v->as.i != 0;
        break;
    case TENON_REAL:
        bytes_write_u64(to, bytes_of_real(v->as.d));
        to += 8;
        break;
    case TENON_UUID:
        memcpy(to, v->as.data, sizeof(tenon_uuid));
        to += sizeof(tenon_uuid);
        break;
    case TENON_TEXT:
    case TENON_BLOB:
        to = bytes_put_escaped(to, v->as.data, v->len);
        if (with_end) {
            *to++ = 0;
            *to++ = 0;
        }
        break;
    default:
        bytes_write_u64(to, (uint64_t)v->as.i ^ UINT64_C(1) << 63);
        to += 8;
        break;
    }
    b->len = (size_t)(to - b->data);
    return true;
}

bool
kv_key_value(kv_buffer *b, const tenon_value *v)
{
    return bytes_put_value(b, v, true);
}

bool
kv_key_prefix(kv_buffer *b, const tenon_value *v)
{
    return bytes_put_value(b, v, false);
}

uint32_t
kv_type_key_bytes(tenon_type type)
{
    return type == TENON_BOOL ? 1 + 1 : type == TENON_UUID ? 1 + sizeof(tenon_uuid) : 1 + 8;
}

size_t
kv_key_skip(tenon_kv_bytes key, tenon_type type)
{
    const unsigned char *at = key.data;
    size_t len = 1;

    if (key.len == 0)
        return 0;
    if (at[0] == KV_TAG_NULL)
        return 1;
    if (type != TENON_TEXT && type != TENON_BLOB) {
        len = kv_type_key_bytes(type);
    } else {
        while (len + 1 < key.len && (at[len] != 0 || at[len + 1] != 0))
            len += at[len] == 0 ? 2 : 1;
        len += 2;
    }
    return len <= key.len ? len : 0;
}

bool
kv_key_after(kv_buffer *b)
{
    while (b->len > 0 && b->data[b->len - 1] == 0xFF)
        b->len--;
    if (b->len == 0)
        return false;
    b->data[b->len - 1]++;
    return true;
}

bool
kv_row_key(const kv_table *table, const tenon_value *values, kv_buffer *b)
{
    bool ok = kv_key_tree(b, table->tree);

    for (uint32_t i = 0; i < table->key_column_count && ok; i++)
        ok = kv_key_value(b, &values[table->key_columns[i]]);
    return ok;
}

bool
kv_index_key(const kv_table *table, const kv_index *index, const tenon_value *values, kv_buffer *b,
             bool *has_null)
{
    bool ok = kv_key_tree(b, index->tree);

    (void)table;
    *has_null = false;
    for (uint32_t i = 0; i < index->column_count && ok; i++) {
        const tenon_value *v = &values[index->columns[i]];

        *has_null = *has_null || v->type == TENON_NULL;
        ok = kv_key_value(b, v);
    }
    return ok;
}

/* ---- Rows: a flag, the count of fields, a bit for each NULL, the end of each field, the fields.
 * Numbers are little-endian. ---- */

enum { KV_ROW_NARROW = 0, KV_ROW_WIDE = 1, KV_ROW_HEADER = 3 };

static size_t
row_value_bytes(const tenon_value *v)
{
    switch (v->type) {
    case TENON_NULL:
        return 0;
    case TENON_BOOL:
        return 1;
    case TENON_TEXT:
    case TENON_BLOB:
        return v->len;
    case TENON_UUID:
        return sizeof(tenon_uuid);
    default:
        return 8;
    }
}

static void
row_put_value(unsigned char *to, const tenon_value *v)
{
    uint64_t bits;

    switch (v->type) {
    case TENON_NULL:
        break;
    case TENON_BOOL:
        to[0] = v->as.i != 0;
        break;
    case TENON_TEXT:
    case TENON_BLOB:
    case TENON_UUID:
        if (v->len > 0)
            memcpy(to, v->as.data, v->len);
        break;
    default:
        if (v->type == TENON_REAL) {
            const double d = v->as.d + 0.0; /* -0.0 becomes 0.0 */

            memcpy(&bits, &d, sizeof bits);
        } else {
            bits = (uint64_t)v->as.i;
        }
        for (int i = 0; i < 8; i++)
            to[i] = (unsigned char)(bits >> (8 * i));
        break;
    }
}

bool
kv_row_encode(const kv_table *table, const tenon_value *values, kv_buffer *b)
{
    const uint32_t fields = table->field_count;
    const tenon_value *by_field[UINT8_MAX + 1] = { NULL };
    unsigned char *nulls, *ends, *data;
    size_t bytes = 0, at = 0, end_bytes, head;
    bool wide;

    for (uint32_t i = 0; i < table->column_count; i++) {
        by_field[table->columns[i].field] = &values[i];
        bytes += row_value_bytes(&values[i]);
    }
    wide = bytes > UINT16_MAX;
    end_bytes = wide ? 4 : 2;
    head = KV_ROW_HEADER + (fields + 7) / 8 + fields * end_bytes;
    b->len = 0;
    if (bytes > UINT32_MAX - head || !kv_reserve(b, head + bytes))
        return false;
    memset(b->data, 0, head);
    b->data[0] = wide ? KV_ROW_WIDE : KV_ROW_NARROW;
    b->data[1] = (unsigned char)fields;
    b->data[2] = (unsigned char)(fields >> 8);
    nulls = b->data + KV_ROW_HEADER;
    ends = nulls + (fields + 7) / 8;
    data = b->data + head;
    for (uint32_t i = 0; i < fields; i++) {
        if (by_field[i] == NULL || by_field[i]->type == TENON_NULL) {
            nulls[i / 8] |= (unsigned char)(1U << i % 8);
        } else {
            row_put_value(data + at, by_field[i]);
            at += row_value_bytes(by_field[i]);
        }
        for (size_t k = 0; k < end_bytes; k++)
            ends[i * end_bytes + k] = (unsigned char)(at >> (8 * k));
    }
    b->len = head + bytes;
    return true;
}

/* The end of a field, from where the fields begin. */
__attribute__((always_inline)) static inline size_t
row_end(const unsigned char *ends, uint32_t field, bool wide)
{
    const unsigned char *at = ends + (size_t)field * (wide ? 4 : 2);

    if (!wide)
        return (size_t)at[0] | (size_t)at[1] << 8;
    return (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
}

__attribute__((always_inline)) static inline bool
row_open(tenon_kv_bytes bytes, kv_row *row)
{
    const unsigned char *at = bytes.data;
    size_t head;

    if (bytes.len < KV_ROW_HEADER || at[0] > KV_ROW_WIDE)
        return false;
    row->wide = at[0] == KV_ROW_WIDE;
    row->field_count = (uint32_t)at[1] | (uint32_t)at[2] << 8;
    head = KV_ROW_HEADER + (row->field_count + 7) / 8 +
           (size_t)row->field_count * (row->wide ? 4 : 2);
    if (bytes.len < head)
        return false;
    row->nulls = at + KV_ROW_HEADER;
    row->ends = row->nulls + (row->field_count + 7) / 8;
    row->data = at + head;
    row->bytes = (size_t)bytes.len - head;
    return row->bytes ==
           (row->field_count == 0 ? 0 : row_end(row->ends, row->field_count - 1, row->wide));
}

bool
kv_row_open(tenon_kv_bytes bytes, kv_row *row)
{
    return row_open(bytes, row);
}

/* A number of a field's bytes, little-endian. */
__attribute__((always_inline)) static inline uint64_t
row_number(const unsigned char *from)
{
    return (uint64_t)from[0] | (uint64_t)from[1] << 8 | (uint64_t)from[2] << 16 |
           (uint64_t)from[3] << 24 | (uint64_t)from[4] << 32 | (uint64_t)from[5] << 40 |
           (uint64_t)from[6] << 48 | (uint64_t)from[7] << 56;
}

/* What `len` bytes of a field hold. */
__attribute__((always_inline)) static inline bool
row_field(const unsigned char *from, size_t len, tenon_type type, tenon_value *out)
{
    uint64_t bits;

    memset(out, 0, sizeof *out);
    out->type = type;
    if (type == TENON_TEXT || type == TENON_BLOB || type == TENON_UUID) {
        out->as.data = from;
        out->len = (uint32_t)len;
        return type != TENON_UUID || len == sizeof(tenon_uuid);
    }
    if (type == TENON_BOOL) {
        out->as.i = len == 1 && from[0] != 0;
        return len == 1;
    }
    if (len != 8)
        return false;
    bits = row_number(from);
    memcpy(&out->as, &bits, sizeof out->as); /* an integer, or the bits of a REAL */
    return true;
}

/* On the path of every row that is read: inlined, so that all of the row stays in registers.
 * `wide` is the row's, known when this is compiled. */
__attribute__((always_inline)) static inline bool
row_value(const kv_row *row, bool wide, const kv_field *field, tenon_value *out)
{
    const uint32_t number = field->number;
    size_t begin, end;

    if (number >= row->field_count) { /* the row is older than the column */
        *out = *field->default_value;
        return true;
    }
    if ((row->nulls[number >> 3] & field->null_bit) != 0) {
        memset(out, 0, sizeof *out);
        return true;
    }
    begin = number == 0 ? 0 : row_end(row->ends, number - 1, wide);
    end = row_end(row->ends, number, wide);
    return begin <= end && end <= row->bytes &&
           row_field(row->data + begin, end - begin, field->type, out);
}

bool
kv_row_value(const kv_row *row, const kv_column *column, tenon_value *out)
{
    const kv_field field = kv_field_of(column);

    return row_value(row, row->wide, &field, out);
}

__attribute__((always_inline)) static inline bool
row_values(const kv_row *row, bool wide, const kv_field *fields, uint32_t count, tenon_value *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!row_value(row, wide, &fields[i], &out[i]))
            return false;
    }
    return true;
}

bool
kv_row_read(tenon_kv_bytes bytes, const kv_field *fields, uint32_t count, tenon_value *out)
{
    kv_row row;

    if (!row_open(bytes, &row))
        return false;
    return row.wide ? row_values(&row, true, fields, count, out)
                    : row_values(&row, false, fields, count, out); /* nearly all are narrow */
}

tenon_status
kv_row_values(const kv_table *table, tenon_kv_bytes bytes, tenon_value *out, tenon_error *err)
{
    kv_row row;

    if (!kv_row_open(bytes, &row))
        return kv_corrupt(err, table->name, "a row is not whole");
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (!kv_row_value(&row, &table->columns[i], &out[i]))
            return kv_corrupt(err, table->columns[i].name, "a value is not whole");
    }
    return TENON_OK;
}

/* ---- Conditions ---- */

static int
bytes_compare(const tenon_value *a, const tenon_value *b)
{
    const uint32_t len = a->len < b->len ? a->len : b->len;
    int order;

    switch (a->type) {
    case TENON_TEXT:
    case TENON_BLOB:
    case TENON_UUID:
        order = len == 0 ? 0 : memcmp(a->as.data, b->as.data, len);
        return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
    case TENON_REAL:
        return (a->as.d > b->as.d) - (a->as.d < b->as.d);
    default:
        return (a->as.i > b->as.i) - (a->as.i < b->as.i);
    }
}

bool
kv_compare(const tenon_value *v, uint8_t op, const tenon_value *operand)
{
    int order;

    if (op == TENON_OP_IS_NULL)
        return v->type == TENON_NULL;
    if (op == TENON_OP_NOT_NULL)
        return v->type != TENON_NULL;
    if (v->type == TENON_NULL || operand->type == TENON_NULL)
        return false;
    if (op == TENON_OP_PREFIX)
        return v->len >= operand->len &&
               (operand->len == 0 || memcmp(v->as.data, operand->as.data, operand->len) == 0);
    order = bytes_compare(v, operand);
    switch (op) {
    case TENON_OP_EQ:
    case TENON_OP_IN:
        return order == 0;
    case TENON_OP_NE:
        return order != 0;
    case TENON_OP_LT:
        return order < 0;
    case TENON_OP_LE:
        return order <= 0;
    case TENON_OP_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

bool
kv_is_covered(const kv_index *index, const tenon_value *values)
{
    for (uint32_t i = 0; i < index->where_count; i++) {
        const kv_predicate *p = &index->where[i];

        if (!kv_compare(&values[p->column], p->op, &p->constant))
            return false;
    }
    return true;
}
