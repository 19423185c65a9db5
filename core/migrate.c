/*
 * From the stored version of a schema to the declared one.
 *
 * A new schema is created in one transaction; an older one takes one step per transaction, which
 * also notes how far it is, so that whatever stops the migration, the next run goes on at the right
 * step. Before each step all that are left are tried on the catalogue's entries in memory: steps
 * that do not lead to the declared tables are refused before anything has changed. An engine whose
 * schema changes are not undone with their transaction may be left with a table or an index that
 * the catalogue does not know, or without one that it knows; that is taken as done.
 */
#include "core/migrate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/catalogue.h"
#include "core/error.h"
#include "core/migrate_steps.h"
#include "core/model.h"
#include "core/txn_state.h"

/* What a run of the transaction's body is to do, and how far it came. */
typedef struct migrate_job {
    const tenon_schema *schema;
    bool may_change;
    tni_progress seen; /* where it was found */
    bool write;        /* The transaction can write. */
    bool agrees;
} migrate_job;

/* Refuse the first difference between what is (or will be) stored and what is declared. */
static tenon_status
migrate_compare(const tenon_schema *schema, const tni_entries *stored, const char *when,
                tenon_error *err)
{
    tni_entries declared = { 0 };
    tenon_status st = TENON_OK;
    uint32_t i;

    for (i = 0; st == TENON_OK && i < schema->table_count; i++)
        st = tni_entries_add_table(&declared, schema->tables[i], err);
    for (i = 0; st == TENON_OK && (i < stored->count || i < declared.count); i++) {
        const tni_entry *a = i < stored->count ? &stored->list[i] : NULL;
        const tni_entry *b = i < declared.count ? &declared.list[i] : NULL;
        const int order = a == NULL ? 1 : b == NULL ? -1 : tni_entry_compare(a, b);
        const tni_entry *first = order <= 0 ? a : b;

        if (order != 0)
            st = tni_fail(
                err, TENON_SCHEMA, first->name, "schema %s, version %u: %s %s of table %s is %s%s",
                schema->name, (unsigned)schema->version, tni_entry_kind(first->kind), first->name,
                first->table, order < 0 ? "not declared, and stored" : "declared, and not stored",
                when);
        else if (strcmp(a->definition, b->definition) != 0)
            st = tni_fail(err, TENON_SCHEMA, first->name,
                          "schema %s, version %u: %s %s of table %s is stored as \"%.60s\" and "
                          "declared as \"%.60s\"%s",
                          schema->name, (unsigned)schema->version, tni_entry_kind(a->kind), a->name,
                          a->table, a->definition, b->definition, when);
    }
    tni_entries_fini(&declared);
    return st;
}

/* Try the steps from `first` on in memory. */
static tenon_status
migrate_try(const tenon_schema *schema, const tni_entries *entries, uint32_t first,
            tenon_error *err)
{
    tni_entries after = { 0 };
    tenon_status st = tni_entries_copy(entries, &after, err);
    uint32_t i;

    for (i = first; st == TENON_OK && i < schema->step_count; i++)
        st = tni_step_apply(schema, i, &after, err);
    if (st == TENON_OK)
        st = migrate_compare(schema, &after, " after all steps", err);
    tni_entries_fini(&after);
    return st;
}

/* Number of the step to take next. */
static tenon_status
migrate_next(const tenon_schema *schema, tni_progress progress, uint32_t *out, tenon_error *err)
{
    uint32_t first = 0;

    while (first < schema->step_count && schema->steps[first].version <= progress.version)
        first++;
    if (progress.done > schema->step_count - first)
        return tni_fail(err, TENON_SCHEMA, schema->name,
                        "schema %s: %u steps after version %u are done, and the program knows %u",
                        schema->name, (unsigned)progress.done, (unsigned)progress.version,
                        (unsigned)(schema->step_count - first));
    *out = first + progress.done;
    return TENON_OK;
}

/* How far the schema is once step `number` is done. */
static tni_progress
migrate_after(const tenon_schema *schema, tni_progress progress, uint32_t number)
{
    if (number + 1 >= schema->step_count)
        return (tni_progress){ .version = schema->version };
    if (schema->steps[number].version < schema->steps[number + 1].version)
        return (tni_progress){ .version = schema->steps[number].version };
    progress.done++;
    return progress;
}

/* Take one step, or note the version where no step is left. */
static tenon_status
migrate_step(tenon_txn *txn, migrate_job *job, tni_progress progress, tenon_error *err)
{
    const tenon_schema *schema = job->schema;
    tni_entries before = { 0 }, after = { 0 };
    uint32_t next = 0;
    tenon_status st;

    st = migrate_next(schema, progress, &next, err);
    if (st == TENON_OK)
        st = tni_catalogue_read(txn, schema->name, &before, err);
    if (st == TENON_OK)
        st = migrate_try(schema, &before, next, err);
    if (st != TENON_OK || !job->write)
        goto done;
    if (next < schema->step_count) {
        st = tni_entries_copy(&before, &after, err);
        if (st == TENON_OK)
            st = tni_step_apply(schema, next, &after, err);
        if (st == TENON_OK)
            st = tni_step_run(txn, schema, next, &after, err);
        if (st == TENON_OK)
            st = tni_catalogue_write(txn, schema->name, &before, &after, err);
    }
    if (st != TENON_OK)
        goto done;
    progress = migrate_after(schema, progress, next);
    st = tni_catalogue_set_progress(txn, schema->name, progress, err);
    job->agrees = progress.version == schema->version;

done:
    tni_entries_fini(&before);
    tni_entries_fini(&after);
    return st;
}

/* Whether all tables that a table refers to are among those of the schema that are marked. */
static bool
migrate_may_create(const tenon_schema *schema, const bool *created, const tenon_table *table)
{
    uint32_t i, j;

    for (i = 0; i < table->foreign_key_count; i++) {
        for (j = 0; j < schema->table_count; j++) {
            if (!created[j] && schema->tables[j] != table &&
                strcmp(schema->tables[j]->name, table->foreign_keys[i].references) == 0)
                return false;
        }
    }
    return true;
}

/* Create all tables, the ones referred to before those that refer; in a circle as declared. */
static tenon_status
migrate_create_tables(tenon_txn *txn, const tenon_schema *schema, tenon_error *err)
{
    bool created[TENON_MAX_TABLES] = { false };
    tenon_status st = TENON_OK;
    uint32_t i, left;

    for (left = schema->table_count; st == TENON_OK && left > 0; left--) {
        uint32_t next = schema->table_count;

        for (i = schema->table_count; i > 0; i--) {
            if (!created[i - 1] && migrate_may_create(schema, created, schema->tables[i - 1]))
                next = i - 1;
        }
        for (i = 0; next == schema->table_count; i++) {
            if (!created[i])
                next = i;
        }
        st = tni_create_table(txn, schema->tables[next], err);
        created[next] = true;
    }
    return st;
}

static tenon_status
migrate_create(tenon_txn *txn, migrate_job *job, tenon_error *err)
{
    const tenon_schema *schema = job->schema;
    tni_entries before = { 0 }, after = { 0 };
    tenon_status st;
    uint32_t i;

    st = migrate_create_tables(txn, schema, err);
    if (st == TENON_OK)
        st = tni_catalogue_create(txn, err);
    for (i = 0; st == TENON_OK && i < schema->table_count; i++)
        st = tni_entries_add_table(&after, schema->tables[i], err);
    if (st == TENON_OK)
        st = tni_catalogue_write(txn, schema->name, &before, &after, err);
    if (st == TENON_OK)
        st = tni_catalogue_set_progress(txn, schema->name,
                                        (tni_progress){ .version = schema->version }, err);
    tni_entries_fini(&after);
    job->agrees = true;
    return st;
}

/* Compare with the stored entries of the same version. */
static tenon_status
migrate_check(tenon_txn *txn, migrate_job *job, tenon_error *err)
{
    tni_entries stored = { 0 };
    tenon_status st = tni_catalogue_read(txn, job->schema->name, &stored, err);

    if (st == TENON_OK)
        st = migrate_compare(job->schema, &stored, "", err);
    tni_entries_fini(&stored);
    job->agrees = true;
    return st;
}

/* Look where the schema is, and do the next thing. Another process may have been faster. */
static tenon_status
migrate_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    migrate_job *job = arg;
    const tenon_schema *schema = job->schema;
    tni_progress progress;
    tenon_status st;

    job->agrees = false;
    st = tni_catalogue_progress(txn, schema->name, &progress, err);
    if (st != TENON_OK)
        return st;
    job->seen = progress;
    if (progress.version == 0) {
        if (!job->may_change)
            return tni_fail(err, TENON_SCHEMA, schema->name,
                            "the database has no schema %s, and may not be changed", schema->name);
        return job->write ? migrate_create(txn, job, err) : TENON_OK;
    }
    if (progress.version > schema->version)
        return tni_fail(err, TENON_SCHEMA, schema->name,
                        "schema %s is stored in version %u, newer than version %u of the program",
                        schema->name, (unsigned)progress.version, (unsigned)schema->version);
    if (progress.version == schema->version && progress.done > 0)
        return tni_fail(err, TENON_SCHEMA, schema->name,
                        "schema %s is stored with %u steps beyond version %u of the program",
                        schema->name, (unsigned)progress.done, (unsigned)schema->version);
    if (progress.version == schema->version)
        return migrate_check(txn, job, err);
    if (!job->may_change)
        return tni_fail(err, TENON_SCHEMA, schema->name,
                        "schema %s is stored in version %u, older than version %u of the program, "
                        "and may not be changed",
                        schema->name, (unsigned)progress.version, (unsigned)schema->version);
    return migrate_step(txn, job, progress, err);
}

/* Look: that all is well takes no writer's turn, and no write access. */
static tenon_status
migrate_look(tenon_db *db, migrate_job *job, tenon_error *err)
{
    static const tenon_txn_options reading = {
        .size = sizeof reading,
        .name = "tenon schema",
        .read_only = true,
    };

    job->write = false;
    return tni_run_own(db, &reading, migrate_body, job, err);
}

/* Do the next thing. Where several may write at once, another program may have done it meanwhile:
 * then its traces are what has made ours fail. */
static tenon_status
migrate_write(tenon_db *db, migrate_job *job, tenon_error *err)
{
    static const tenon_txn_options writing = {
        .size = sizeof writing,
        .name = "tenon migration",
        .timeout_ms = UINT32_MAX, /* building an index takes as long as it takes */
    };
    const tni_progress before = job->seen;
    tenon_error why;
    tenon_status st;

    job->write = true;
    st = tni_run_own(db, &writing, migrate_body, job, &why);
    if (st == TENON_OK)
        return st;
    if ((tenon_db_capabilities(db) & TENON_CAP_SINGLE_WRITER) == 0 &&
        migrate_look(db, job, NULL) == TENON_OK &&
        (job->seen.version != before.version || job->seen.done != before.done))
        return TENON_OK;
    if (err != NULL)
        *err = why;
    return st;
}

static tenon_status
migrate_run(tenon_db *db, const tenon_schema *schema, bool may_change, tenon_error *err)
{
    migrate_job job = { .schema = schema, .may_change = may_change };
    tenon_status st = migrate_look(db, &job, err);

    while (st == TENON_OK && !job.agrees)
        st = migrate_write(db, &job, err);
    return st;
}

tenon_status
tni_migrate(tenon_db *db, const tenon_schema *schema, bool may_change, tenon_error *err)
{
    tenon_status st = tni_schema_check(schema, err);

    return st == TENON_OK ? migrate_run(db, schema, may_change, err) : st;
}

tenon_status
tni_migrate_own(tenon_db *db, const tenon_schema *schema, tenon_error *err)
{
    return migrate_run(db, schema, true, err);
}
