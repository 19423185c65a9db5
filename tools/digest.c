/* What a database holds, hashed row by row. */
#include "digest.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "tenon/txn.h"

#define DIGEST_BYTES 32
#define DIGEST_OWN_TABLES "tenon_" /* of the library itself: they differ between engines */

struct digest_table {
    char name[TENON_MAX_NAME_BYTES + 1];
    const tenon_table *table;
    uint64_t row_count;
    tenon_column_no columns[TENON_MAX_COLUMNS]; /* sorted by name */
    tenon_order order[TENON_MAX_KEY_COLUMNS];
    tenon_query query;
};

/* A hash that is being made. Small pieces are gathered first. */
typedef struct digest_state {
    crypto_generichash_state hash;
    size_t len;
    unsigned char text[4096];
} digest_state;

/* ---- Bytes ---- */

static void
digest_flush(digest_state *s)
{
    (void)crypto_generichash_update(&s->hash, s->text, s->len);
    s->len = 0;
}

static void
digest_put(digest_state *s, const void *data, size_t len)
{
    if (s->len + len > sizeof s->text)
        digest_flush(s);
    if (len > sizeof s->text) {
        (void)crypto_generichash_update(&s->hash, (const unsigned char *)data, len);
    } else if (len > 0) {
        memcpy(s->text + s->len, data, len);
        s->len += len;
    }
}

/* The low `bytes` bytes of a number, the highest first. */
static void
digest_put_number(digest_state *s, uint64_t n, unsigned bytes)
{
    unsigned char text[8];

    for (unsigned i = 0; i < bytes; i++)
        text[i] = (unsigned char)(n >> (8 * (bytes - 1 - i)));
    digest_put(s, text, bytes);
}

static void
digest_put_text(digest_state *s, const char *text)
{
    const size_t len = strlen(text);

    digest_put_number(s, len, 4);
    digest_put(s, text, len);
}

static void
digest_put_value(digest_state *s, const tenon_value *v)
{
    uint64_t bits;

    digest_put_number(s, v->type, 1);
    switch (v->type) {
    case TENON_NULL:
        digest_put_number(s, 0, 4);
        break;
    case TENON_TEXT:
    case TENON_BLOB:
    case TENON_UUID:
        digest_put_number(s, v->len, 4);
        digest_put(s, v->as.data, v->len);
        break;
    case TENON_REAL:
        memcpy(&bits, &v->as.d, sizeof bits);
        digest_put_number(s, 8, 4);
        digest_put_number(s, bits, 8);
        break;
    default:
        digest_put_number(s, 8, 4);
        digest_put_number(s, (uint64_t)v->as.i, 8);
        break;
    }
}

/* ---- Tables ---- */

static void
digest_sort_columns(digest_table *t)
{
    const tenon_column *columns = t->table->columns;

    for (uint32_t i = 0; i < t->table->column_count; i++) {
        uint32_t at = i;

        for (; at > 0 && strcmp(columns[t->columns[at - 1]].name, columns[i].name) > 0; at--)
            t->columns[at] = t->columns[at - 1];
        t->columns[at] = (tenon_column_no)i;
    }
}

static void
digest_prepare(digest_table *t, const tenon_table *table)
{
    const tenon_columns *key = &table->primary_key;

    t->table = table;
    (void)snprintf(t->name, sizeof t->name, "%s", table->name);
    digest_sort_columns(t);
    for (uint32_t i = 0; i < key->count; i++)
        t->order[i] = (tenon_order){ .column = key->list[i] };
    t->query = (tenon_query){
        .name = "digest",
        .kind = TENON_SELECT,
        .table = table,
        .columns = { t->columns, table->column_count },
        .order = { t->order, key->count },
    };
}

static tenon_status
digest_read_table(tenon_txn *txn, digest_state *s, digest_table *t, tenon_error *err)
{
    const uint32_t count = t->table->column_count;
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    tenon_status status;

    t->row_count = 0;
    digest_put_text(s, t->name);
    digest_put_number(s, count, 4);
    for (uint32_t i = 0; i < count; i++)
        digest_put_text(s, t->table->columns[t->columns[i]].name);
    status = tenon_select(txn, &t->query, NULL, &cursor, err);
    while (status == TENON_OK) {
        status = tenon_next(cursor, &row, err);
        if (status != TENON_OK)
            break;
        digest_put_number(s, 1, 1);
        for (uint32_t i = 0; i < count; i++)
            digest_put_value(s, &row[i]);
        t->row_count++;
    }
    tenon_cursor_close(cursor);
    digest_put_number(s, 0, 1);
    return status == TENON_NOT_FOUND ? TENON_OK : status;
}

static tenon_status
digest_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    digest *d = (digest *)arg;
    unsigned char hash[DIGEST_BYTES];
    tenon_status status = TENON_OK;
    digest_state s;

    s.len = 0;
    d->row_count = 0;
    (void)crypto_generichash_init(&s.hash, NULL, 0, sizeof hash);
    for (uint32_t i = 0; i < d->table_count && status == TENON_OK; i++) {
        status = digest_read_table(txn, &s, &d->tables[i], err);
        d->row_count += d->tables[i].row_count;
    }
    digest_flush(&s);
    (void)crypto_generichash_final(&s.hash, hash, sizeof hash);
    (void)sodium_bin2hex(d->text, sizeof d->text, hash, sizeof hash);
    return status;
}

tenon_status
digest_database(tenon_db *db, digest *out, tenon_error *err)
{
    /* As long as it takes: the longest time that there is. */
    const tenon_txn_options options = {
        .size = sizeof options, .name = "digest", .timeout_ms = UINT32_MAX, .read_only = true
    };
    const tenon_table *const *tables = NULL;
    uint32_t count = 0;
    tenon_status status;

    memset(out, 0, sizeof *out);
    if (sodium_init() < 0) {
        err->status = TENON_INTERNAL;
        (void)snprintf(err->message, sizeof err->message, "libsodium can't be used here");
        return TENON_INTERNAL;
    }
    status = tenon_db_tables(db, &tables, &count, err);
    if (status != TENON_OK)
        return status;
    out->tables = (digest_table *)calloc(count > 0 ? count : 1, sizeof *out->tables);
    if (out->tables == NULL)
        return TENON_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) /* they are sorted by name */
        if (strncmp(tables[i]->name, DIGEST_OWN_TABLES, strlen(DIGEST_OWN_TABLES)) != 0)
            digest_prepare(&out->tables[out->table_count++], tables[i]);
    return tenon_run(db, &options, digest_body, out, err);
}

void
digest_free(digest *d)
{
    free(d->tables);
    memset(d, 0, sizeof *d);
}

const char *
digest_table_name(const digest *d, uint32_t i)
{
    return d->tables[i].name;
}

uint64_t
digest_table_rows(const digest *d, uint32_t i)
{
    return d->tables[i].row_count;
}
