/* Entries of the catalogue: tables built from definitions. The text comes from the database, so
 * nothing in it is trusted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/block.h"
#include "core/catalogue.h"
#include "core/error.h"
#include "core/model_check.h"

/* A part of a definition. */
typedef struct read_part {
    const char *text;
    size_t len;
} read_part;

/* Cut the part before the next `mark`, or all there is. False: nothing is left. */
static bool
read_cut(read_part *rest, char mark, read_part *out)
{
    const char *end;

    if (rest->text == NULL)
        return false;
    end = memchr(rest->text, mark, rest->len);
    out->text = rest->text;
    if (end == NULL) {
        out->len = rest->len;
        rest->text = NULL;
        rest->len = 0;
    } else {
        out->len = (size_t)(end - rest->text);
        rest->text = end + 1;
        rest->len -= out->len + 1;
    }
    return true;
}

static bool
read_is(read_part part, const char *word)
{
    return part.len == strlen(word) && memcmp(part.text, word, part.len) == 0;
}

/* A decimal number, without blanks and signs but a minus. */
static bool
read_int(read_part part, int64_t *out)
{
    const bool negative = part.len > 0 && part.text[0] == '-';
    const uint64_t limit = negative ? UINT64_C(1) << 63 : INT64_MAX;
    size_t i = negative ? 1 : 0;
    uint64_t x = 0;

    if (i == part.len)
        return false;
    for (; i < part.len; i++) {
        const uint64_t digit = (uint64_t)((unsigned char)part.text[i] - '0');

        if (digit > 9 || x > (limit - digit) / 10)
            return false;
        x = x * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - x) : (int64_t)x;
    return true;
}

/* Digits of base 16, lower case. */
static bool
read_hex(read_part part, uint64_t *out)
{
    size_t i;

    *out = 0;
    if (part.len == 0 || part.len > 16)
        return false;
    for (i = 0; i < part.len; i++) {
        const char c = part.text[i];

        if (c >= '0' && c <= '9')
            *out = *out << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *out = *out << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    return true;
}

/* Bytes in which %XX stands for one. */
static bool
read_bytes(tni_block *block, read_part part, tenon_value *out)
{
    unsigned char *bytes = tni_block_take(block, part.len, 1);
    uint32_t len = 0;
    size_t i;

    for (i = 0; i < part.len; i++) {
        uint64_t byte = (unsigned char)part.text[i];

        if (byte == '%') {
            if (part.len - i < 3 || !read_hex((read_part){ part.text + i + 1, 2 }, &byte))
                return false;
            i += 2;
        }
        bytes[len++] = (unsigned char)byte;
    }
    out->as.data = bytes;
    out->len = len;
    return true;
}

/* A constant of the type. */
static bool
read_value(tni_block *block, read_part part, tenon_type type, tenon_value *out)
{
    char text[TENON_UUID_TEXT_BYTES];
    tenon_uuid *id;
    uint64_t bits;

    *out = tenon_null();
    out->type = type;
    switch (type) {
    case TENON_REAL:
        if (!read_hex(part, &bits))
            return false;
        memcpy(&out->as.d, &bits, sizeof bits);
        return true;
    case TENON_TEXT:
    case TENON_BLOB:
        return read_bytes(block, part, out);
    case TENON_UUID:
        id = tni_block_take(block, 1, sizeof *id);
        if (part.len != sizeof text - 1)
            return false;
        memcpy(text, part.text, part.len);
        text[part.len] = '\0';
        out->as.data = id;
        out->len = sizeof *id;
        return tenon_uuid_parse(text, id) == TENON_OK;
    default:
        return read_int(part, &out->as.i);
    }
}

static bool
read_type(read_part part, tenon_type *out)
{
    int type;

    for (type = TENON_INT; type <= TENON_TIME; type++) {
        if (read_is(part, tenon_type_name((tenon_type)type))) {
            *out = (tenon_type)type;
            return true;
        }
    }
    return false;
}

/* Number of a column of the table by its name. */
static bool
read_column_no(const tenon_table *table, read_part name, tenon_column_no *out)
{
    uint32_t i;

    for (i = 0; i < table->column_count; i++) {
        if (read_is(name, table->columns[i].name)) {
            *out = (tenon_column_no)i;
            return true;
        }
    }
    return false;
}

/* Names with ',' between. */
static bool
read_columns(tni_block *block, const tenon_table *table, read_part rest, tenon_columns *out)
{
    tenon_column_no *list = tni_block_take(block, TENON_MAX_KEY_COLUMNS, sizeof *list);
    read_part name;

    out->list = list;
    out->count = 0;
    while (read_cut(&rest, ',', &name)) {
        if (out->count == TENON_MAX_KEY_COLUMNS || !read_column_no(table, name, &list[out->count]))
            return false;
        out->count++;
    }
    return true;
}

/* `COLUMN:null`, `COLUMN:notnull`, `COLUMN:eq:VALUE` */
static bool
read_condition(tni_block *block, const tenon_table *table, read_part rest, tenon_condition *out)
{
    read_part name, op;

    if (!read_cut(&rest, ':', &name) || !read_cut(&rest, ':', &op) ||
        !read_column_no(table, name, &out->column))
        return false;
    out->param = TENON_NO_PARAM;
    if (read_is(op, "null"))
        out->op = TENON_OP_IS_NULL;
    else if (read_is(op, "notnull"))
        out->op = TENON_OP_NOT_NULL;
    else if (read_is(op, "eq"))
        out->op = TENON_OP_EQ;
    else
        return false;
    if (out->op != TENON_OP_EQ)
        return rest.text == NULL;
    return rest.text != NULL &&
           read_value(block, rest, table->columns[out->column].type, &out->constant);
}

static bool
read_column(tni_block *block, const tni_entry *entry, tenon_column *out)
{
    read_part rest = { entry->definition, strlen(entry->definition) }, word, key;
    int64_t number;

    out->name = tni_block_text(block, entry->name);
    while (read_cut(&rest, ' ', &word)) {
        if (!read_cut(&word, '=', &key))
            return false;
        if (read_is(key, "type") && word.text != NULL) {
            if (!read_type(word, &out->type))
                return false;
        } else if (read_is(key, "notnull") && word.text == NULL) {
            out->not_null = true;
        } else if (read_is(key, "max") && word.text != NULL) {
            if (!read_int(word, &number) || number < 1 || number > UINT32_MAX)
                return false;
            out->max_bytes = (uint32_t)number;
        } else if (read_is(key, "default") && word.text != NULL && out->type != TENON_NULL &&
                   out->default_value.type == TENON_NULL) {
            if (!read_value(block, word, out->type, &out->default_value))
                return false;
        } else {
            return false;
        }
    }
    return out->type != TENON_NULL;
}

static bool
read_index(tni_block *block, const tenon_table *table, const tni_entry *entry, tenon_index *out)
{
    read_part rest = { entry->definition, strlen(entry->definition) }, word, key;
    tenon_condition *where = tni_block_take(block, TENON_MAX_KEY_COLUMNS, sizeof *where);

    out->name = tni_block_text(block, entry->name);
    out->where.list = where;
    while (read_cut(&rest, ' ', &word)) {
        if (!read_cut(&word, '=', &key))
            return false;
        if (read_is(key, "columns") && word.text != NULL && out->columns.count == 0) {
            if (!read_columns(block, table, word, &out->columns))
                return false;
        } else if (read_is(key, "unique") && word.text == NULL) {
            out->unique = true;
        } else if (read_is(key, "where") && word.text != NULL) {
            if (out->where.count == TENON_MAX_KEY_COLUMNS ||
                !read_condition(block, table, word, &where[out->where.count]))
                return false;
            out->where.count++;
        } else {
            return false;
        }
    }
    return out->columns.count > 0;
}

static bool
read_foreign_key(tni_block *block, const tenon_table *table, const tni_entry *entry,
                 tenon_foreign_key *out)
{
    read_part rest = { entry->definition, strlen(entry->definition) }, word, key;
    char *references;

    out->name = tni_block_text(block, entry->name);
    while (read_cut(&rest, ' ', &word)) {
        if (!read_cut(&word, '=', &key) || word.text == NULL)
            return false;
        if (read_is(key, "columns") && out->columns.count == 0) {
            if (!read_columns(block, table, word, &out->columns))
                return false;
        } else if (read_is(key, "references") && out->references == NULL) {
            references = tni_block_take(block, word.len + 1, 1);
            memcpy(references, word.text, word.len);
            out->references = references;
        } else if (read_is(key, "on_delete")) {
            if (read_is(word, "restrict"))
                out->on_delete = TENON_RESTRICT;
            else if (read_is(word, "cascade"))
                out->on_delete = TENON_CASCADE;
            else if (read_is(word, "set_null"))
                out->on_delete = TENON_SET_NULL;
            else
                return false;
        } else {
            return false;
        }
    }
    return out->columns.count > 0 && out->references != NULL;
}

static bool
read_key(tni_block *block, const tni_entry *entry, tenon_table *table)
{
    read_part rest = { entry->definition, strlen(entry->definition) }, key;

    return read_cut(&rest, '=', &key) && read_is(key, "key") && rest.text != NULL &&
           read_columns(block, table, rest, &table->primary_key);
}

static tenon_status
read_refuse(const tni_entry *entry, tenon_error *err)
{
    return tni_fail(err, TENON_CORRUPT, entry->name,
                    "the catalogue is damaged: %s %s of table %s can't be read: \"%.100s\"",
                    tni_entry_kind(entry->kind), entry->name, entry->table, entry->definition);
}

/* Room that the entry takes at most. */
static size_t
read_room(const tni_entry *entry)
{
    static const size_t parts[TNI_ENTRY_KINDS] = {
        [TNI_ENTRY_TABLE] = sizeof(tenon_table),
        [TNI_ENTRY_COLUMN] = sizeof(tenon_column) + sizeof(tenon_uuid),
        [TNI_ENTRY_INDEX] = sizeof(tenon_index) +
                            TENON_MAX_KEY_COLUMNS * (sizeof(tenon_condition) + sizeof(tenon_uuid)),
        [TNI_ENTRY_FOREIGN_KEY] = sizeof(tenon_foreign_key),
    };
    /* At most two parts per condition, and six others, are rounded up. */
    const size_t rounding = (size_t)(2 * TENON_MAX_KEY_COLUMNS + 6) * TNI_BLOCK_ALIGN;

    return parts[entry->kind] + TENON_MAX_KEY_COLUMNS * sizeof(tenon_column_no) +
           tni_block_room_text(entry->name) + tni_block_room_text(entry->definition) + rounding;
}

/* The entry of a kind, among `count`, with the `n`th lowest position. */
static const tni_entry *
read_nth(const tni_entry *entries, uint32_t count, uint8_t kind, uint32_t n)
{
    uint32_t i, j;

    for (i = 0; i < count; i++) {
        uint32_t before = 0;

        if (entries[i].kind != kind)
            continue;
        for (j = 0; j < count; j++) {
            if (entries[j].kind == kind && (entries[j].position < entries[i].position ||
                                            (entries[j].position == entries[i].position && j < i)))
                before++;
        }
        if (before == n)
            return &entries[i];
    }
    return NULL;
}

/* Build one table of its `count` entries. */
static tenon_status
read_table(tni_block *block, const tni_entry *entries, uint32_t count, const tenon_table **out,
           tenon_error *err)
{
    tenon_table *table = tni_block_take(block, 1, sizeof *table);
    uint32_t counts[TNI_ENTRY_KINDS] = { 0 };
    tenon_foreign_key *keys;
    tenon_column *columns;
    tenon_index *indexes;
    tenon_error found;
    uint32_t i;

    for (i = 0; i < count; i++)
        counts[entries[i].kind]++;
    if (entries[0].kind != TNI_ENTRY_TABLE || counts[TNI_ENTRY_TABLE] != 1 ||
        strcmp(entries[0].name, entries[0].table) != 0)
        return read_refuse(&entries[0], err);
    columns = tni_block_take(block, counts[TNI_ENTRY_COLUMN], sizeof *columns);
    indexes = tni_block_take(block, counts[TNI_ENTRY_INDEX], sizeof *indexes);
    keys = tni_block_take(block, counts[TNI_ENTRY_FOREIGN_KEY], sizeof *keys);
    table->name = tni_block_text(block, entries[0].name);
    table->columns = columns;
    table->indexes = indexes;
    table->foreign_keys = keys;
    for (i = 0; i < counts[TNI_ENTRY_COLUMN]; i++, table->column_count++) {
        const tni_entry *entry = read_nth(entries, count, TNI_ENTRY_COLUMN, i);

        if (!read_column(block, entry, &columns[i]))
            return read_refuse(entry, err);
    }
    if (!read_key(block, &entries[0], table))
        return read_refuse(&entries[0], err);
    for (i = 0; i < counts[TNI_ENTRY_INDEX]; i++, table->index_count++) {
        const tni_entry *entry = read_nth(entries, count, TNI_ENTRY_INDEX, i);

        if (!read_index(block, table, entry, &indexes[i]))
            return read_refuse(entry, err);
    }
    for (i = 0; i < counts[TNI_ENTRY_FOREIGN_KEY]; i++, table->foreign_key_count++) {
        const tni_entry *entry = read_nth(entries, count, TNI_ENTRY_FOREIGN_KEY, i);

        if (!read_foreign_key(block, table, entry, &keys[i]))
            return read_refuse(entry, err);
    }
    if (tni_table_check(table, &found) != TENON_OK)
        return tni_fail(err, TENON_CORRUPT, table->name, "the catalogue is damaged: %s",
                        found.message);
    *out = table;
    return TENON_OK;
}

/* Build the tables of the entries from `first` to before `end`. */
static tenon_status
read_range(const tni_entries *entries, uint32_t first, uint32_t end, const tenon_table ***out,
           uint32_t *count, tenon_error *err)
{
    const tenon_table **tables = NULL;
    tenon_status st = TENON_OK;
    uint32_t i, next, table_count = 0;
    size_t room = 0;
    tni_block block;

    *out = NULL;
    *count = 0;
    for (i = first; i < end; i++) {
        room += read_room(&entries->list[i]);
        if (i == first || strcmp(entries->list[i - 1].table, entries->list[i].table) != 0)
            table_count++;
    }
    room += tni_block_room(table_count + 1, sizeof *tables);
    if (tni_block_new(&block, room) == NULL)
        return tni_no_memory(err, "the tables of a catalogue");
    tables = tni_block_take(&block, table_count + 1, sizeof *tables);
    for (i = first, table_count = 0; st == TENON_OK && i < end; i = next, table_count++) {
        for (next = i + 1; next < end; next++) {
            if (strcmp(entries->list[next].table, entries->list[i].table) != 0)
                break;
        }
        st = read_table(&block, &entries->list[i], next - i, &tables[table_count], err);
    }
    if (st != TENON_OK) {
        free(tables);
        return st;
    }
    *out = tables;
    *count = table_count;
    return TENON_OK;
}

tenon_status
tni_entries_tables(const tni_entries *entries, const tenon_table ***out, uint32_t *count,
                   tenon_error *err)
{
    return read_range(entries, 0, entries->count, out, count, err);
}

tenon_status
tni_entries_table(const tni_entries *entries, const char *name, const tenon_table ***out,
                  tenon_error *err)
{
    uint32_t first, end, count;

    for (first = 0; first < entries->count; first++) {
        if (strcmp(entries->list[first].table, name) == 0)
            break;
    }
    for (end = first; end < entries->count; end++) {
        if (strcmp(entries->list[end].table, name) != 0)
            break;
    }
    *out = NULL;
    if (first == end)
        return tni_fail(err, TENON_CORRUPT, name, "the catalogue has no table %s", name);
    return read_range(entries, first, end, out, &count, err);
}
