/* One step of a migration: on the entries of the catalogue, and in the database. */
#include "core/migrate_steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/model_check.h"
#include "core/txn_driver.h"

__attribute__((format(printf, 4, 5))) static tenon_status
step_refuse(const tenon_schema *schema, uint32_t number, tenon_error *err, const char *format, ...)
{
    const tenon_step *step = &schema->steps[number];
    char why[200];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return tni_fail(err, TENON_SCHEMA, schema->name, "schema %s, step %u (%s, to version %u): %s",
                    schema->name, (unsigned)number, tni_step_kind(step->kind),
                    (unsigned)step->version, why);
}

static bool
step_has_table(const tni_entries *entries, const char *name)
{
    return tni_entries_find(entries, name, TNI_ENTRY_TABLE, name) != NULL;
}

static bool
step_schema_has_table(const tenon_schema *schema, const char *name)
{
    uint32_t i;

    for (i = 0; i < schema->table_count; i++) {
        if (strcmp(schema->tables[i]->name, name) == 0)
            return true;
    }
    return false;
}

static tenon_status
step_add_table(const tenon_schema *schema, uint32_t number, tni_entries *entries, tenon_error *err)
{
    const tenon_table *table = schema->steps[number].table;
    uint32_t i;

    if (step_has_table(entries, table->name))
        return step_refuse(schema, number, err, "table %s is there already", table->name);
    for (i = 0; i < table->foreign_key_count; i++) {
        const tenon_foreign_key *key = &table->foreign_keys[i];

        /* The target may come with a later step, for tables may refer to each other. */
        if (strcmp(key->references, table->name) != 0 &&
            !step_has_table(entries, key->references) &&
            !step_schema_has_table(schema, key->references))
            return step_refuse(schema, number, err,
                               "foreign key %s of table %s refers to table %s, which is not there",
                               key->name, table->name, key->references);
    }
    return tni_entries_add_table(entries, table, err);
}

static tenon_status
step_drop_table(const tenon_schema *schema, uint32_t number, tni_entries *entries, tenon_error *err)
{
    const char *name = schema->steps[number].table_name;
    const tenon_table **tables = NULL;
    tenon_status st = TENON_OK;
    uint32_t i, j, count;

    if (!step_has_table(entries, name))
        return step_refuse(schema, number, err, "there is no table %s", name);
    st = tni_entries_tables(entries, &tables, &count, err);
    for (i = 0; st == TENON_OK && i < count; i++) {
        if (strcmp(tables[i]->name, name) == 0)
            continue;
        for (j = 0; st == TENON_OK && j < tables[i]->foreign_key_count; j++) {
            if (strcmp(tables[i]->foreign_keys[j].references, name) == 0)
                st = step_refuse(schema, number, err,
                                 "foreign key %s of table %s refers to table %s",
                                 tables[i]->foreign_keys[j].name, tables[i]->name, name);
        }
    }
    if (st == TENON_OK)
        tni_entries_remove_table(entries, name);
    free(tables);
    return st;
}

/* Entries of one kind in a table. */
static uint32_t
step_count(const tni_entries *entries, const char *table, uint8_t kind)
{
    uint32_t i, count = 0;

    for (i = 0; i < entries->count; i++) {
        if (entries->list[i].kind == kind && strcmp(entries->list[i].table, table) == 0)
            count++;
    }
    return count;
}

static tenon_status
step_add_column(const tenon_schema *schema, uint32_t number, tni_entries *entries, tenon_error *err)
{
    const tenon_step *step = &schema->steps[number];

    if (!step_has_table(entries, step->table_name))
        return step_refuse(schema, number, err, "there is no table %s", step->table_name);
    if (tni_entries_find(entries, step->table_name, TNI_ENTRY_COLUMN, step->column->name) != NULL)
        return step_refuse(schema, number, err, "column %s.%s is there already", step->table_name,
                           step->column->name);
    if (step_count(entries, step->table_name, TNI_ENTRY_COLUMN) == TENON_MAX_COLUMNS)
        return step_refuse(schema, number, err, "table %s has %d columns already", step->table_name,
                           TENON_MAX_COLUMNS);
    return tni_entries_add_column(entries, step->table_name, step->column, err);
}

static bool
step_lists(const tenon_columns *columns, uint32_t column)
{
    uint32_t i;

    for (i = 0; i < columns->count; i++) {
        if (columns->list[i] == column)
            return true;
    }
    return false;
}

/* What uses a column of its table: kind and name. NULL: nothing. */
static const char *
step_user_of(const tenon_table *table, uint32_t column, const char **name)
{
    uint32_t i, j;

    *name = table->name;
    if (step_lists(&table->primary_key, column))
        return "the primary key of table";
    for (i = 0; i < table->index_count; i++) {
        *name = table->indexes[i].name;
        if (step_lists(&table->indexes[i].columns, column))
            return "index";
        for (j = 0; j < table->indexes[i].where.count; j++) {
            if (table->indexes[i].where.list[j].column == column)
                return "the condition of index";
        }
    }
    for (i = 0; i < table->foreign_key_count; i++) {
        *name = table->foreign_keys[i].name;
        if (step_lists(&table->foreign_keys[i].columns, column))
            return "foreign key";
    }
    return NULL;
}

/* Number of a column by its name; `column_count` where there is none. */
static uint32_t
step_column_no(const tenon_table *table, const char *name)
{
    uint32_t i;

    for (i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0)
            break;
    }
    return i;
}

static tenon_status
step_drop_column(const tenon_schema *schema, uint32_t number, tni_entries *entries,
                 tenon_error *err)
{
    const tenon_step *step = &schema->steps[number];
    const tenon_table **tables = NULL;
    const char *user, *name;
    const tni_entry *entry;
    tenon_status st;

    if (!step_has_table(entries, step->table_name))
        return step_refuse(schema, number, err, "there is no table %s", step->table_name);
    entry = tni_entries_find(entries, step->table_name, TNI_ENTRY_COLUMN, step->name);
    if (entry == NULL)
        return step_refuse(schema, number, err, "there is no column %s.%.48s", step->table_name,
                           step->name);
    st = tni_entries_table(entries, step->table_name, &tables, err);
    if (st != TENON_OK)
        goto done;
    user = step_user_of(tables[0], step_column_no(tables[0], step->name), &name);
    if (user != NULL) {
        st = step_refuse(schema, number, err, "%s %s uses column %s.%s", user, name,
                         step->table_name, step->name);
        goto done;
    }
    tni_entries_remove(entries, entry);

done:
    free(tables);
    return st;
}

/* A column that the index of the step needs must be there as the step describes it. */
static tenon_status
step_check_indexed(const tenon_schema *schema, uint32_t number, const tenon_table *stored,
                   uint32_t column, tenon_error *err)
{
    const tenon_step *step = &schema->steps[number];
    const tenon_column *wanted = &step->table->columns[column];
    const uint32_t no = step_column_no(stored, wanted->name);

    if (no == stored->column_count)
        return step_refuse(schema, number, err, "there is no column %s.%s for index %s",
                           stored->name, wanted->name, step->name);
    if (stored->columns[no].type != wanted->type)
        return step_refuse(schema, number, err, "column %s.%s is %s, and for index %s it is %s",
                           stored->name, wanted->name, tenon_type_name(stored->columns[no].type),
                           step->name, tenon_type_name(wanted->type));
    return TENON_OK;
}

static tenon_status
step_add_index(const tenon_schema *schema, uint32_t number, tni_entries *entries, tenon_error *err)
{
    const tenon_step *step = &schema->steps[number];
    const char *table = step->table->name;
    const tenon_table **tables = NULL;
    const tenon_index *index;
    tenon_status st;
    uint32_t i;

    for (index = step->table->indexes; strcmp(index->name, step->name) != 0; index++)
        ; /* tni_schema_check has seen it */
    if (!step_has_table(entries, table))
        return step_refuse(schema, number, err, "there is no table %s", table);
    for (i = 0; i < entries->count; i++) {
        if (entries->list[i].kind == TNI_ENTRY_INDEX &&
            strcmp(entries->list[i].name, step->name) == 0)
            return step_refuse(schema, number, err, "index %s is there already, of table %s",
                               step->name, entries->list[i].table);
    }
    if (step_count(entries, table, TNI_ENTRY_INDEX) == TENON_MAX_INDEXES)
        return step_refuse(schema, number, err, "table %s has %d indexes already", table,
                           TENON_MAX_INDEXES);
    st = tni_entries_table(entries, table, &tables, err);
    for (i = 0; st == TENON_OK && i < index->columns.count; i++)
        st = step_check_indexed(schema, number, tables[0], index->columns.list[i], err);
    for (i = 0; st == TENON_OK && i < index->where.count; i++)
        st = step_check_indexed(schema, number, tables[0], index->where.list[i].column, err);
    if (st == TENON_OK)
        st = tni_entries_add_index(entries, step->table, index, err);
    free(tables);
    return st;
}

static tenon_status
step_drop_index(const tenon_schema *schema, uint32_t number, tni_entries *entries, tenon_error *err)
{
    const tenon_step *step = &schema->steps[number];
    const tni_entry *entry = tni_entries_find(entries, step->table_name, TNI_ENTRY_INDEX,
                                              step->name);

    if (entry == NULL)
        return step_refuse(schema, number, err, "table %s has no index %.48s", step->table_name,
                           step->name);
    tni_entries_remove(entries, entry);
    return TENON_OK;
}

tenon_status
tni_step_apply(const tenon_schema *schema, uint32_t number, tni_entries *entries, tenon_error *err)
{
    switch (schema->steps[number].kind) {
    case TENON_ADD_TABLE:
        return step_add_table(schema, number, entries, err);
    case TENON_DROP_TABLE:
        return step_drop_table(schema, number, entries, err);
    case TENON_ADD_COLUMN:
        return step_add_column(schema, number, entries, err);
    case TENON_DROP_COLUMN:
        return step_drop_column(schema, number, entries, err);
    case TENON_ADD_INDEX:
        return step_add_index(schema, number, entries, err);
    case TENON_DROP_INDEX:
        return step_drop_index(schema, number, entries, err);
    default: /* data only */
        return TENON_OK;
    }
}

/* Whether a step that was cut short may have left its table or index behind, or have taken it away:
 * only on an engine that can't undo it. Then it is done, rather than an error. */
static bool
step_may_be_done(tenon_txn *txn)
{
    return (tenon_db_capabilities(tenon_txn_db(txn)) & TENON_CAP_TRANSACTIONAL_DDL) == 0;
}

/* End of a driver's call: pass a failure on. */
static tenon_status
step_finish(tenon_txn *txn, tenon_status st, const tenon_error *found, tenon_error *err)
{
    if (st == TENON_OK)
        return st;
    if (err != NULL)
        *err = *found;
    return tni_txn_failed(txn, st, found);
}

static tenon_status
step_create_table(tenon_txn *txn, const tenon_table *table, tenon_error *err)
{
    const tenon_driver *driver = tni_txn_driver(txn);
    tenon_drv_table *drv = NULL;
    tenon_error found = { 0 };
    uint32_t has = 0;
    tenon_status st;

    st = tni_table_new(table, &drv, err);
    if (st != TENON_OK)
        goto done;
    st = step_finish(txn, driver->schema->has_table(tni_txn_conn(txn), table->name, &has, &found),
                     &found, err);
    if (st != TENON_OK)
        goto done;
    if (has != 0) {
        if (!step_may_be_done(txn))
            st = tni_fail(err, TENON_SCHEMA, table->name,
                          "the database holds a table %s that is not of this schema", table->name);
        goto done;
    }
    tni_txn_forget_plans(txn);
    st = step_finish(txn, driver->schema->create_table(tni_txn_conn(txn), drv, &found), &found,
                     err);

done:
    free(drv);
    return st;
}

tenon_status
tni_create_table(tenon_txn *txn, const tenon_table *table, tenon_error *err)
{
    tenon_status st = tni_txn_enter(txn, err);

    if (st != TENON_OK)
        return st;
    st = step_create_table(txn, table, err);
    tni_txn_leave(txn);
    return st;
}

/* The driver's part of a step that adds to a table: the table is given as it will be. */
static tenon_status
step_extend(tenon_txn *txn, const tenon_step *step, const tni_entries *after, tenon_error *err)
{
    const char *name = step->kind == TENON_ADD_INDEX ? step->table->name : step->table_name;
    const tenon_driver *driver = tni_txn_driver(txn);
    const tenon_table **tables = NULL;
    tenon_drv_table *drv = NULL;
    tenon_error found = { 0 };
    tenon_status st;
    uint32_t index;

    st = tni_entries_table(after, name, &tables, err);
    if (st == TENON_OK)
        st = tni_table_new(tables[0], &drv, err);
    if (st != TENON_OK)
        goto done;
    if (step->kind == TENON_ADD_COLUMN) {
        st = driver->schema->add_column(tni_txn_conn(txn), drv, &found);
    } else {
        for (index = 0; strcmp(drv->indexes[index].name, step->name) != 0; index++)
            ; /* tni_step_apply has put it there */
        st = driver->schema->create_index(tni_txn_conn(txn), drv, index, &found);
    }
    st = step_finish(txn, st, &found, err);

done:
    free(drv);
    free(tables);
    return st;
}

static tenon_status
step_run_data(tenon_txn *txn, const tenon_schema *schema, uint32_t number, tenon_error *err)
{
    const tenon_step *step = &schema->steps[number];
    tenon_error found = { 0 };
    tenon_status st = step->run(txn, &found);

    if (st == TENON_OK)
        return st;
    if (found.status != st)
        return tni_fail(err, st, schema->name, "schema %s, step %u (%s, to version %u) failed: %s",
                        schema->name, (unsigned)number, tni_step_kind(step->kind),
                        (unsigned)step->version, tenon_status_text(st));
    if (err != NULL)
        *err = found;
    return st;
}

static tenon_status
step_change(tenon_txn *txn, const tenon_step *step, const tni_entries *after, tenon_error *err)
{
    const tenon_driver *driver = tni_txn_driver(txn);
    tenon_drv_conn *conn = tni_txn_conn(txn);
    tenon_error found = { 0 };
    tenon_status st;

    tni_txn_forget_plans(txn);
    switch (step->kind) {
    case TENON_ADD_COLUMN:
    case TENON_ADD_INDEX:
        return step_extend(txn, step, after, err);
    case TENON_DROP_TABLE:
        st = driver->schema->drop_table(conn, step->table_name, &found);
        break;
    case TENON_DROP_COLUMN:
        st = driver->schema->drop_column(conn, step->table_name, step->name, &found);
        break;
    default: /* TENON_DROP_INDEX */
        st = driver->schema->drop_index(conn, step->table_name, step->name, &found);
    }
    if (st == TENON_NOT_FOUND && step_may_be_done(txn))
        return TENON_OK;
    return step_finish(txn, st, &found, err);
}

tenon_status
tni_step_run(tenon_txn *txn, const tenon_schema *schema, uint32_t number, const tni_entries *after,
             tenon_error *err)
{
    const tenon_step *step = &schema->steps[number];
    tenon_status st;

    if (step->kind == TENON_DATA_STEP)
        return step_run_data(txn, schema, number, err);
    if (step->kind == TENON_ADD_TABLE)
        return tni_create_table(txn, step->table, err);
    st = tni_txn_enter(txn, err);
    if (st != TENON_OK)
        return st;
    st = step_change(txn, step, after, err);
    tni_txn_leave(txn);
    return st;
}
