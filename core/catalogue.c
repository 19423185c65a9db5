/* Where the catalogue is stored: two tables of the core's own, used like an application's. */
#include "core/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/migrate.h"
#include "core/model.h"
#include "core/txn_driver.h"

#define CATALOGUE_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CATALOGUE_NAME(text)                                                                       \
    {                                                                                              \
        .name = (text), .type = TENON_TEXT, .not_null = true, .max_bytes = TENON_MAX_NAME_BYTES    \
    }

enum { ENTRY_SCHEMA, ENTRY_TABLE, ENTRY_KIND, ENTRY_NAME, ENTRY_POSITION, ENTRY_DEFINITION };
enum { VERSION_SCHEMA, VERSION_VERSION, VERSION_DONE };

static const tenon_column entry_columns[] = {
    [ENTRY_SCHEMA] = CATALOGUE_NAME("schema_name"),
    [ENTRY_TABLE] = CATALOGUE_NAME("table_name"),
    [ENTRY_KIND] = CATALOGUE_NAME("kind"),
    [ENTRY_NAME] = CATALOGUE_NAME("name"),
    [ENTRY_POSITION] = { .name = "position", .type = TENON_INT, .not_null = true },
    [ENTRY_DEFINITION] = { .name = "definition", .type = TENON_TEXT, .not_null = true },
};

static const tenon_table entry_table = {
    .name = "tenon_schema",
    .columns = entry_columns,
    .column_count = CATALOGUE_COUNT(entry_columns),
    .primary_key = TENON_COLUMNS(ENTRY_SCHEMA, ENTRY_TABLE, ENTRY_KIND, ENTRY_NAME),
};

static const tenon_column version_columns[] = {
    [VERSION_SCHEMA] = CATALOGUE_NAME("schema_name"),
    [VERSION_VERSION] = { .name = "version", .type = TENON_INT, .not_null = true },
    [VERSION_DONE] = { .name = "steps_done", .type = TENON_INT, .not_null = true },
};

static const tenon_table version_table = {
    .name = "tenon_version",
    .columns = version_columns,
    .column_count = CATALOGUE_COUNT(version_columns),
    .primary_key = TENON_COLUMNS(VERSION_SCHEMA),
};

#define ENTRY_ALL                                                                                  \
    TENON_COLUMNS(ENTRY_SCHEMA, ENTRY_TABLE, ENTRY_KIND, ENTRY_NAME, ENTRY_POSITION,               \
                  ENTRY_DEFINITION)

static const tenon_query read_every_entry = {
    .name = "tenon_read_every_entry",
    .kind = TENON_SELECT,
    .table = &entry_table,
    .columns = ENTRY_ALL,
};

static const tenon_query read_entries = {
    .name = "tenon_read_entries",
    .kind = TENON_SELECT,
    .table = &entry_table,
    .columns = ENTRY_ALL,
    .where = TENON_WHERE(TENON_EQ(ENTRY_SCHEMA, 0)),
};

static const tenon_query add_entry = {
    .name = "tenon_add_entry",
    .kind = TENON_INSERT,
    .table = &entry_table,
    .columns = ENTRY_ALL,
};

static const tenon_query remove_entry = {
    .name = "tenon_remove_entry",
    .kind = TENON_DELETE,
    .table = &entry_table,
    .where = TENON_WHERE(TENON_EQ(ENTRY_SCHEMA, 0), TENON_EQ(ENTRY_TABLE, 1),
                         TENON_EQ(ENTRY_KIND, 2), TENON_EQ(ENTRY_NAME, 3)),
};

static const tenon_query read_progress = {
    .name = "tenon_read_progress",
    .kind = TENON_SELECT,
    .table = &version_table,
    .columns = TENON_COLUMNS(VERSION_VERSION, VERSION_DONE),
    .where = TENON_WHERE(TENON_EQ(VERSION_SCHEMA, 0)),
};

static const tenon_query set_progress = {
    .name = "tenon_set_progress",
    .kind = TENON_INSERT,
    .table = &version_table,
    .columns = TENON_COLUMNS(VERSION_SCHEMA, VERSION_VERSION, VERSION_DONE),
    .on_conflict = TENON_ON_CONFLICT_UPDATE,
    .set = TENON_SET(TENON_TO(VERSION_VERSION, 1), TENON_TO(VERSION_DONE, 2)),
};

static tenon_status
catalogue_has(tenon_txn *txn, const char *table, bool *out, tenon_error *err)
{
    const tenon_driver *driver = tni_txn_driver(txn);
    tenon_error found = { 0 };
    uint32_t has = 0;
    tenon_status st;

    *out = false;
    st = tni_txn_enter(txn, err);
    if (st != TENON_OK)
        return st;
    st = driver->schema->has_table(tni_txn_conn(txn), table, &has, &found);
    *out = has != 0;
    if (st != TENON_OK) {
        if (err != NULL)
            *err = found;
        st = tni_txn_failed(txn, st, &found);
    }
    tni_txn_leave(txn);
    return st;
}

tenon_status
tni_catalogue_exists(tenon_txn *txn, bool *out, tenon_error *err)
{
    return catalogue_has(txn, version_table.name, out, err); /* the one that is made last */
}

static tenon_status
catalogue_create_table(tenon_txn *txn, const tenon_table *table, tenon_error *err)
{
    const tenon_driver *driver = tni_txn_driver(txn);
    tenon_drv_table *drv = NULL;
    tenon_error found = { 0 };
    tenon_status st;
    bool has;

    st = catalogue_has(txn, table->name, &has, err);
    if (st != TENON_OK || has)
        goto done;
    st = tni_table_new(table, &drv, err);
    if (st != TENON_OK)
        goto done;
    st = tni_txn_enter(txn, err);
    if (st != TENON_OK)
        goto done;
    tni_txn_forget_plans(txn);
    st = driver->schema->create_table(tni_txn_conn(txn), drv, &found);
    if (st != TENON_OK) {
        if (err != NULL)
            *err = found;
        st = tni_txn_failed(txn, st, &found);
    }
    tni_txn_leave(txn);

done:
    free(drv);
    return st;
}

tenon_status
tni_catalogue_create(tenon_txn *txn, tenon_error *err)
{
    tenon_status st = catalogue_create_table(txn, &entry_table, err);

    if (st == TENON_OK)
        st = catalogue_create_table(txn, &version_table, err);
    return st;
}

tenon_status
tni_catalogue_progress(tenon_txn *txn, const char *schema, tni_progress *out, tenon_error *err)
{
    const tenon_value params[] = { tenon_text(schema) };
    const tenon_value *row;
    tenon_status st;
    bool exists;

    memset(out, 0, sizeof *out);
    st = tni_catalogue_exists(txn, &exists, err);
    if (st != TENON_OK || !exists)
        return st;
    st = tenon_fetch(txn, &read_progress, params, &row, err);
    if (st == TENON_NOT_FOUND)
        return TENON_OK;
    if (st != TENON_OK)
        return st;
    if (row[0].type != TENON_INT || row[0].as.i < 1 || row[0].as.i > UINT32_MAX ||
        row[1].type != TENON_INT || row[1].as.i < 0 || row[1].as.i > UINT32_MAX)
        return tni_fail(err, TENON_CORRUPT, schema,
                        "the catalogue is damaged: the version of schema %s", schema);
    out->version = (uint32_t)row[0].as.i;
    out->done = (uint32_t)row[1].as.i;
    return TENON_OK;
}

tenon_status
tni_catalogue_set_progress(tenon_txn *txn, const char *schema, tni_progress progress,
                           tenon_error *err)
{
    const tenon_value params[] = { tenon_text(schema), tenon_int(progress.version),
                                   tenon_int(progress.done) };
    uint64_t affected;

    return tenon_exec(txn, &set_progress, params, &affected, err);
}

/* Copy a name out of a row. False: it is none. */
static bool
catalogue_name(const tenon_value *v, char *out, size_t out_bytes)
{
    if (v->type != TENON_TEXT || v->len == 0 || v->len >= out_bytes)
        return false;
    memcpy(out, v->as.data, v->len);
    out[v->len] = '\0';
    return true;
}

/* Add the entry that a row holds. */
static tenon_status
catalogue_add_row(const tenon_value *row, tni_entries *entries, tenon_error *err)
{
    tni_entry entry = { 0 };
    char kind[TENON_MAX_NAME_BYTES + 1] = "";
    tenon_status st;

    if (!catalogue_name(&row[ENTRY_TABLE], entry.table, sizeof entry.table) ||
        !catalogue_name(&row[ENTRY_KIND], kind, sizeof kind) ||
        !catalogue_name(&row[ENTRY_NAME], entry.name, sizeof entry.name))
        return tni_fail(err, TENON_CORRUPT, entry.table,
                        "the catalogue is damaged: an entry of table %s has no usable name",
                        entry.table);
    while (entry.kind < TNI_ENTRY_KINDS && strcmp(tni_entry_kind(entry.kind), kind) != 0)
        entry.kind++;
    if (entry.kind == TNI_ENTRY_KINDS || row[ENTRY_POSITION].type != TENON_INT ||
        row[ENTRY_POSITION].as.i < 0 || row[ENTRY_POSITION].as.i >= UINT32_MAX ||
        row[ENTRY_DEFINITION].type != TENON_TEXT)
        return tni_fail(err, TENON_CORRUPT, entry.name,
                        "the catalogue is damaged: %s %s of table %s can't be read", kind,
                        entry.name, entry.table);
    entry.position = (uint32_t)row[ENTRY_POSITION].as.i;
    entry.definition = malloc(row[ENTRY_DEFINITION].len + (size_t)1);
    if (entry.definition == NULL)
        return tni_no_memory(err, "the catalogue");
    memcpy(entry.definition, row[ENTRY_DEFINITION].as.data, row[ENTRY_DEFINITION].len);
    entry.definition[row[ENTRY_DEFINITION].len] = '\0';
    st = tni_entries_put(entries, &entry, err);
    free(entry.definition);
    return st;
}

tenon_status
tni_catalogue_read(tenon_txn *txn, const char *schema, tni_entries *out, tenon_error *err)
{
    const tenon_value params[] = { tenon_text(schema) };
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    tenon_status st;
    bool exists;

    st = tni_catalogue_exists(txn, &exists, err);
    if (st != TENON_OK || !exists)
        goto done;
    st = schema != NULL ? tenon_select(txn, &read_entries, params, &cursor, err)
                        : tenon_select(txn, &read_every_entry, NULL, &cursor, err);
    while (st == TENON_OK) {
        st = tenon_next(cursor, &row, err);
        if (st == TENON_OK)
            st = catalogue_add_row(row, out, err);
    }
    if (st == TENON_NOT_FOUND)
        st = TENON_OK;

done:
    tenon_cursor_close(cursor);
    return st;
}

static tenon_status
catalogue_insert(tenon_txn *txn, const char *schema, const tni_entry *entry, tenon_error *err)
{
    const tenon_value params[] = {
        [ENTRY_SCHEMA] = tenon_text(schema),
        [ENTRY_TABLE] = tenon_text(entry->table),
        [ENTRY_KIND] = tenon_text(tni_entry_kind(entry->kind)),
        [ENTRY_NAME] = tenon_text(entry->name),
        [ENTRY_POSITION] = tenon_int(entry->position),
        [ENTRY_DEFINITION] = tenon_text(entry->definition),
    };
    uint64_t affected;

    return tenon_exec(txn, &add_entry, params, &affected, err);
}

static tenon_status
catalogue_delete(tenon_txn *txn, const char *schema, const tni_entry *entry, tenon_error *err)
{
    const tenon_value params[] = { tenon_text(schema), tenon_text(entry->table),
                                   tenon_text(tni_entry_kind(entry->kind)),
                                   tenon_text(entry->name) };
    uint64_t affected;

    return tenon_exec(txn, &remove_entry, params, &affected, err);
}

tenon_status
tni_catalogue_write(tenon_txn *txn, const char *schema, const tni_entries *before,
                    const tni_entries *after, tenon_error *err)
{
    tenon_status st = TENON_OK;
    uint32_t i = 0, j = 0;

    while (st == TENON_OK && (i < before->count || j < after->count)) {
        const tni_entry *old = i < before->count ? &before->list[i] : NULL;
        const tni_entry *now = j < after->count ? &after->list[j] : NULL;
        const int order = old == NULL ? 1 : now == NULL ? -1 : tni_entry_compare(old, now);
        const bool same = order == 0 && old->position == now->position &&
                          strcmp(old->definition, now->definition) == 0;

        if (order <= 0) {
            if (!same)
                st = catalogue_delete(txn, schema, old, err);
            i++;
        }
        if (order >= 0) {
            if (st == TENON_OK && !same)
                st = catalogue_insert(txn, schema, now, err);
            j++;
        }
    }
    return st;
}

tenon_status
tni_catalogue_version(tenon_txn *txn, const char *name, uint32_t *out, tenon_error *err)
{
    tni_progress progress;
    tenon_status st = tni_catalogue_progress(txn, name, &progress, err);

    *out = progress.version;
    return st;
}

/* What reading all tables needs and gives; made anew at each attempt. */
typedef struct catalogue_reading {
    const tenon_table **tables;
    uint32_t count;
} catalogue_reading;

static tenon_status
catalogue_read_tables(tenon_txn *txn, void *arg, tenon_error *err)
{
    catalogue_reading *reading = arg;
    tni_entries entries = { 0 };
    tenon_status st;

    free(reading->tables);
    reading->tables = NULL;
    st = tni_catalogue_read(txn, NULL, &entries, err);
    if (st == TENON_OK)
        st = tni_entries_tables(&entries, &reading->tables, &reading->count, err);
    tni_entries_fini(&entries);
    return st;
}

tenon_status
tni_catalogue_tables(tenon_db *db, const tenon_table ***out, uint32_t *count, tenon_error *err)
{
    static const tenon_txn_options options = {
        .size = sizeof options,
        .name = "tenon catalogue",
        .read_only = true,
    };
    catalogue_reading reading = { 0 };
    tenon_status st;

    *out = NULL;
    *count = 0;
    st = tni_run_own(db, &options, catalogue_read_tables, &reading, err);
    if (st != TENON_OK) {
        free(reading.tables);
        return st;
    }
    *out = reading.tables;
    *count = reading.count;
    return TENON_OK;
}
