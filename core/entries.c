/* Entries of the catalogue: the list, and definitions written from tables. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/catalogue.h"
#include "core/error.h"

/* A definition while it is written. Without memory `data` is NULL, and nothing more is added. */
typedef struct entries_text {
    char *data;
    size_t len, room;
} entries_text;

const char *
tni_entry_kind(uint8_t kind)
{
    static const char *const words[] = {
        [TNI_ENTRY_TABLE] = "table",
        [TNI_ENTRY_COLUMN] = "column",
        [TNI_ENTRY_INDEX] = "index",
        [TNI_ENTRY_FOREIGN_KEY] = "foreign_key",
    };

    return words[kind];
}

void
tni_entries_fini(tni_entries *entries)
{
    uint32_t i;

    for (i = 0; i < entries->count; i++)
        free(entries->list[i].definition);
    free(entries->list);
    memset(entries, 0, sizeof *entries);
}

int
tni_entry_compare(const tni_entry *a, const tni_entry *b)
{
    int order = strcmp(a->table, b->table);

    if (order == 0)
        order = (int)a->kind - (int)b->kind;
    if (order == 0)
        order = strcmp(a->name, b->name);
    return order;
}

/* Number of the first entry that is not before `key`. */
static uint32_t
entries_search(const tni_entries *entries, const tni_entry *key)
{
    uint32_t low = 0, high = entries->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (tni_entry_compare(&entries->list[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Fill an entry without definition. */
static void
entries_key(tni_entry *entry, const char *table, uint8_t kind, const char *name)
{
    memset(entry, 0, sizeof *entry);
    (void)snprintf(entry->table, sizeof entry->table, "%s", table);
    (void)snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->kind = kind;
}

const tni_entry *
tni_entries_find(const tni_entries *entries, const char *table, uint8_t kind, const char *name)
{
    tni_entry key;
    uint32_t at;

    entries_key(&key, table, kind, name);
    at = entries_search(entries, &key);
    if (at == entries->count || tni_entry_compare(&entries->list[at], &key) != 0)
        return NULL;
    return &entries->list[at];
}

/* Put an entry, whose definition is then the list's; freed on failure. */
static tenon_status
entries_take(tni_entries *entries, const tni_entry *entry, tenon_error *err)
{
    uint32_t at;

    if (entry->definition == NULL)
        return tni_no_memory(err, "the catalogue");
    if (entries->count == entries->room) {
        const uint32_t room = entries->room > 0 ? entries->room * 2 : 64;
        tni_entry *list = realloc(entries->list, room * sizeof *list);

        if (list == NULL) {
            free(entry->definition);
            return tni_no_memory(err, "the catalogue");
        }
        entries->list = list;
        entries->room = room;
    }
    at = entries_search(entries, entry);
    memmove(&entries->list[at + 1], &entries->list[at],
            (entries->count - at) * sizeof *entries->list);
    entries->list[at] = *entry;
    entries->count++;
    return TENON_OK;
}

tenon_status
tni_entries_put(tni_entries *entries, const tni_entry *entry, tenon_error *err)
{
    const size_t bytes = strlen(entry->definition) + 1;
    tni_entry copy = *entry;

    copy.definition = malloc(bytes);
    if (copy.definition != NULL)
        memcpy(copy.definition, entry->definition, bytes);
    return entries_take(entries, &copy, err);
}

void
tni_entries_remove(tni_entries *entries, const tni_entry *entry)
{
    const uint32_t at = (uint32_t)(entry - entries->list);

    free(entries->list[at].definition);
    entries->count--;
    memmove(&entries->list[at], &entries->list[at + 1],
            (entries->count - at) * sizeof *entries->list);
}

void
tni_entries_remove_table(tni_entries *entries, const char *table)
{
    uint32_t i, kept = 0;

    for (i = 0; i < entries->count; i++) {
        if (strcmp(entries->list[i].table, table) == 0)
            free(entries->list[i].definition);
        else
            entries->list[kept++] = entries->list[i];
    }
    entries->count = kept;
}

tenon_status
tni_entries_copy(const tni_entries *from, tni_entries *to, tenon_error *err)
{
    tenon_status st = TENON_OK;
    uint32_t i;

    for (i = 0; st == TENON_OK && i < from->count; i++)
        st = tni_entries_put(to, &from->list[i], err);
    return st;
}

static void
entries_text_init(entries_text *text)
{
    text->len = 0;
    text->room = 128;
    text->data = malloc(text->room);
    if (text->data != NULL)
        text->data[0] = '\0';
}

static void
entries_append(entries_text *text, const char *data, size_t len)
{
    if (text->data == NULL)
        return;
    if (text->len + len + 1 > text->room) {
        const size_t room = (text->len + len + 1) * 2;
        char *more = realloc(text->data, room);

        if (more == NULL) {
            free(text->data);
            text->data = NULL;
            return;
        }
        text->data = more;
        text->room = room;
    }
    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}

static void
entries_word(entries_text *text, const char *word)
{
    entries_append(text, word, strlen(word));
}

/* Bytes with all but letters, digits and a few marks written as %XX: no blank, no ':'. */
static void
entries_bytes(entries_text *text, const unsigned char *bytes, uint32_t len)
{
    uint32_t i;

    for (i = 0; i < len; i++) {
        const unsigned char c = bytes[i];
        char escape[4];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '_' || c == '-' || c == '.' || c == '@' || c == '/') {
            escape[0] = (char)c;
            entries_append(text, escape, 1);
        } else {
            (void)snprintf(escape, sizeof escape, "%%%02x", (unsigned)c);
            entries_append(text, escape, 3);
        }
    }
}

/* A constant; its type is that of its column. */
static void
entries_value(entries_text *text, const tenon_value *v)
{
    char number[TENON_UUID_TEXT_BYTES];
    tenon_uuid id;
    uint64_t bits;
    double real;

    switch (v->type) {
    case TENON_REAL:
        real = v->as.d == 0.0 ? 0.0 : v->as.d;
        memcpy(&bits, &real, sizeof bits); /* its bits: no rounding, no locale */
        (void)snprintf(number, sizeof number, "%016" PRIx64, bits);
        break;
    case TENON_TEXT:
    case TENON_BLOB:
        entries_bytes(text, v->as.data, v->len);
        return;
    case TENON_UUID:
        id = tenon_value_id(v);
        tenon_uuid_text(&id, number);
        break;
    default:
        (void)snprintf(number, sizeof number, "%" PRId64, v->as.i);
    }
    entries_word(text, number);
}

static void
entries_columns(entries_text *text, const char *word, const tenon_table *table,
                const tenon_columns *columns)
{
    uint32_t i;

    entries_word(text, word);
    for (i = 0; i < columns->count; i++) {
        if (i > 0)
            entries_word(text, ",");
        entries_word(text, table->columns[columns->list[i]].name);
    }
}

static tenon_status
entries_put_table(tni_entries *entries, const tenon_table *table, tenon_error *err)
{
    entries_text text;
    tni_entry entry;

    entries_text_init(&text);
    entries_columns(&text, "key=", table, &table->primary_key);
    entries_key(&entry, table->name, TNI_ENTRY_TABLE, table->name);
    entry.definition = text.data;
    return entries_take(entries, &entry, err);
}

static tenon_status
entries_put_column(tni_entries *entries, const char *table, const tenon_column *column,
                   uint32_t position, tenon_error *err)
{
    entries_text text;
    tni_entry entry;
    char max[24];

    entries_text_init(&text);
    entries_word(&text, "type=");
    entries_word(&text, tenon_type_name(column->type));
    if (column->not_null)
        entries_word(&text, " notnull");
    if (column->max_bytes > 0) {
        (void)snprintf(max, sizeof max, " max=%" PRIu32, column->max_bytes);
        entries_word(&text, max);
    }
    if (column->default_value.type != TENON_NULL) {
        entries_word(&text, " default=");
        entries_value(&text, &column->default_value);
    }
    entries_key(&entry, table, TNI_ENTRY_COLUMN, column->name);
    entry.position = position;
    entry.definition = text.data;
    return entries_take(entries, &entry, err);
}

static tenon_status
entries_put_index(tni_entries *entries, const tenon_table *table, const tenon_index *index,
                  uint32_t position, tenon_error *err)
{
    entries_text text;
    tni_entry entry;
    uint32_t i;

    entries_text_init(&text);
    entries_columns(&text, "columns=", table, &index->columns);
    if (index->unique)
        entries_word(&text, " unique");
    for (i = 0; i < index->where.count; i++) {
        const tenon_condition *condition = &index->where.list[i];

        entries_word(&text, " where=");
        entries_word(&text, table->columns[condition->column].name);
        if (condition->op == TENON_OP_EQ) {
            entries_word(&text, ":eq:");
            entries_value(&text, &condition->constant);
        } else {
            entries_word(&text, condition->op == TENON_OP_IS_NULL ? ":null" : ":notnull");
        }
    }
    entries_key(&entry, table->name, TNI_ENTRY_INDEX, index->name);
    entry.position = position;
    entry.definition = text.data;
    return entries_take(entries, &entry, err);
}

static tenon_status
entries_put_foreign_key(tni_entries *entries, const tenon_table *table, uint32_t number,
                        tenon_error *err)
{
    static const char *const words[] = {
        [TENON_RESTRICT] = " on_delete=restrict",
        [TENON_CASCADE] = " on_delete=cascade",
        [TENON_SET_NULL] = " on_delete=set_null",
    };
    const tenon_foreign_key *key = &table->foreign_keys[number];
    entries_text text;
    tni_entry entry;

    entries_text_init(&text);
    entries_columns(&text, "columns=", table, &key->columns);
    entries_word(&text, " references=");
    entries_word(&text, key->references);
    entries_word(&text, words[key->on_delete]);
    entries_key(&entry, table->name, TNI_ENTRY_FOREIGN_KEY, key->name);
    entry.position = number;
    entry.definition = text.data;
    return entries_take(entries, &entry, err);
}

tenon_status
tni_entries_add_table(tni_entries *entries, const tenon_table *table, tenon_error *err)
{
    tenon_status st = entries_put_table(entries, table, err);
    uint32_t i;

    for (i = 0; st == TENON_OK && i < table->column_count; i++)
        st = entries_put_column(entries, table->name, &table->columns[i], i, err);
    for (i = 0; st == TENON_OK && i < table->index_count; i++)
        st = entries_put_index(entries, table, &table->indexes[i], i, err);
    for (i = 0; st == TENON_OK && i < table->foreign_key_count; i++)
        st = entries_put_foreign_key(entries, table, i, err);
    return st;
}

/* The position after all entries of a kind in a table. */
static uint32_t
entries_next_position(const tni_entries *entries, const char *table, uint8_t kind)
{
    uint32_t i, next = 0;

    for (i = 0; i < entries->count; i++) {
        const tni_entry *entry = &entries->list[i];

        if (entry->kind == kind && entry->position >= next && strcmp(entry->table, table) == 0)
            next = entry->position + 1;
    }
    return next;
}

tenon_status
tni_entries_add_column(tni_entries *entries, const char *table, const tenon_column *column,
                       tenon_error *err)
{
    return entries_put_column(entries, table, column,
                              entries_next_position(entries, table, TNI_ENTRY_COLUMN), err);
}

tenon_status
tni_entries_add_index(tni_entries *entries, const tenon_table *table, const tenon_index *index,
                      tenon_error *err)
{
    return entries_put_index(entries, table, index,
                             entries_next_position(entries, table->name, TNI_ENTRY_INDEX), err);
}
