/*
 * A plugin around another one (GUARDED, its path): each table that the core gets from it, and each
 * struct that it gets from the core, is a copy that ends where memory ends. Who reads or writes
 * beyond the size that the other side has declared, crashes.
 */
#include <dlfcn.h>

#include "guarded.h"
#include "tenon/driver.h"

static const tenon_driver *guard_inner;

static tenon_status
guard_open(const tenon_drv_open *options, tenon_drv_db **out, tenon_error *err)
{
    tenon_drv_open *copy = guarded_copy(options);
    const tenon_status st = guard_inner->database->open(copy, out, err);

    guarded_free(copy, options->size);
    return st;
}

static tenon_status
guard_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    tenon_drv_info *copy = guarded_copy(info);
    const tenon_status st = guard_inner->database->info(db, copy, err);

    memcpy(info, copy, info->size);
    guarded_free(copy, info->size);
    return st;
}

static tenon_status
guard_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    tenon_drv_begin *copy = guarded_copy(how);
    const tenon_status st = guard_inner->transaction->begin(conn, copy, err);

    guarded_free(copy, how->size);
    return st;
}

/* A query and its table outlive the plan: the copies are kept until the process ends. */
static tenon_status
guard_prepare(tenon_drv_conn *conn, const tenon_drv_query *query, tenon_drv_plan **out,
              tenon_error *err)
{
    tenon_drv_query *copy = guarded_copy(query);

    copy->table = guarded_copy(query->table);
    return guard_inner->query->prepare(conn, copy, out, err);
}

static tenon_status
guard_create_table(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    tenon_drv_table *copy = guarded_copy(table);
    const tenon_status st = guard_inner->schema->create_table(conn, copy, err);

    guarded_free(copy, table->size);
    return st;
}

static tenon_status
guard_add_column(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    tenon_drv_table *copy = guarded_copy(table);
    const tenon_status st = guard_inner->schema->add_column(conn, copy, err);

    guarded_free(copy, table->size);
    return st;
}

static tenon_status
guard_create_index(tenon_drv_conn *conn, const tenon_drv_table *table, uint32_t index,
                   tenon_error *err)
{
    tenon_drv_table *copy = guarded_copy(table);
    const tenon_status st = guard_inner->schema->create_index(conn, copy, index, err);

    guarded_free(copy, table->size);
    return st;
}

/* The tables of the inner one, with the slots above in the place of its own. All of these slots
 * are as old as the ABI. */
static const tenon_driver *
guard_driver(const tenon_driver *inner)
{
    tenon_driver *driver = guarded_copy(inner);
    tenon_drv_database_ops *database = guarded_copy(inner->database);
    tenon_drv_transaction_ops *transaction = guarded_copy(inner->transaction);
    tenon_drv_query_ops *query = guarded_copy(inner->query);
    tenon_drv_schema_ops *schema = guarded_copy(inner->schema);

    database->open = guard_open;
    database->info = guard_info;
    transaction->begin = guard_begin;
    query->prepare = guard_prepare;
    schema->create_table = guard_create_table;
    schema->add_column = guard_add_column;
    schema->create_index = guard_create_index;
    driver->database = database;
    driver->connection = guarded_copy(inner->connection);
    driver->transaction = transaction;
    driver->query = query;
    driver->schema = schema;
    driver->two_phase = guarded_copy(inner->two_phase);
    driver->admin = guarded_copy(inner->admin);
    return driver;
}

const tenon_driver *
tenon_driver_v1(const tenon_host *host)
{
    const tenon_driver *(*entry)(const tenon_host *host) = NULL;
    void *library = dlopen(GUARDED, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library != NULL ? dlsym(library, TENON_DRIVER_ENTRY) : NULL;

    if (symbol == NULL) {
        host->log(TENON_LOG_ERROR, "guard", dlerror());
        return NULL;
    }
    memcpy(&entry, &symbol, sizeof entry);
    guard_inner = entry(guarded_copy(host));
    return guard_inner != NULL ? guard_driver(guard_inner) : NULL;
}
