/* A plugin whose slots all succeed without doing anything, spoilt in one place by BREAK. */
#include <stddef.h>

#include "tenon/driver.h"

#ifndef PLUGIN_NAME
#define PLUGIN_NAME "sound"
#endif

#ifdef NEEDS_MISSING
extern int no_library_has_this_function(void);
#endif

static int something;

static tenon_status
db_open(const tenon_drv_open *options, tenon_drv_db **out, tenon_error *err)
{
    (void)options, (void)err;
    *out = (tenon_drv_db *)&something;
#ifdef NEEDS_MISSING
    return no_library_has_this_function();
#else
    return TENON_OK;
#endif
}

static void
db_close(tenon_drv_db *db)
{
    (void)db;
}

static tenon_status
db_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    (void)db, (void)err;
    info->capabilities = TENON_CAP_SERIALIZABLE | TENON_CAP_DURABLE_NONE;
    info->durability = TENON_DURABLE_NONE;
    return TENON_OK;
}

static tenon_status
conn_open(tenon_drv_db *db, tenon_drv_conn **out, tenon_error *err)
{
    (void)db, (void)err;
    *out = (tenon_drv_conn *)&something;
    return TENON_OK;
}

static void
conn_close(tenon_drv_conn *conn)
{
    (void)conn;
}

static tenon_status
txn_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    (void)conn, (void)how, (void)err;
    return TENON_OK;
}

static tenon_status
txn_end(tenon_drv_conn *conn, tenon_error *err)
{
    (void)conn, (void)err;
    return TENON_OK;
}

static tenon_status
txn_savepoint(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    (void)conn, (void)depth, (void)err;
    return TENON_OK;
}

static tenon_status
query_prepare(tenon_drv_conn *conn, const tenon_drv_query *q, tenon_drv_plan **out,
              tenon_error *err)
{
    (void)conn, (void)q, (void)err;
    *out = (tenon_drv_plan *)&something;
    return TENON_OK;
}

static void
query_free(tenon_drv_plan *plan)
{
    (void)plan;
}

static tenon_status
query_exec(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected, tenon_error *err)
{
    (void)plan, (void)params, (void)err;
    *affected = 1;
    return TENON_OK;
}

static tenon_status
query_open(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out,
           tenon_error *err)
{
    (void)plan, (void)params, (void)err;
    *out = (tenon_drv_cursor *)&something;
    return TENON_OK;
}

static tenon_status
query_next(tenon_drv_cursor *cursor, const tenon_value **row, tenon_error *err)
{
    (void)cursor, (void)row, (void)err;
    return TENON_NOT_FOUND;
}

static void
query_close(tenon_drv_cursor *cursor)
{
    (void)cursor;
}

static tenon_status
schema_has(tenon_drv_conn *conn, const char *name, uint32_t *out, tenon_error *err)
{
    (void)conn, (void)name, (void)err;
    *out = 0;
    return TENON_OK;
}

static tenon_status
schema_table(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    (void)conn, (void)table, (void)err;
    return TENON_OK;
}

static tenon_status
schema_drop(tenon_drv_conn *conn, const char *name, tenon_error *err)
{
    (void)conn, (void)name, (void)err;
    return TENON_OK;
}

static tenon_status
schema_drop_part(tenon_drv_conn *conn, const char *table, const char *part, tenon_error *err)
{
    (void)conn, (void)table, (void)part, (void)err;
    return TENON_OK;
}

static tenon_status
schema_index(tenon_drv_conn *conn, const tenon_drv_table *table, uint32_t index, tenon_error *err)
{
    (void)conn, (void)table, (void)index, (void)err;
    return TENON_OK;
}

static tenon_drv_database_ops database = {
    .size = sizeof database, .open = db_open, .close = db_close, .info = db_info
};
static tenon_drv_connection_ops connection = { .size = sizeof connection,
                                               .open = conn_open,
                                               .close = conn_close };
static tenon_drv_transaction_ops transaction = { .size = sizeof transaction,
                                                 .begin = txn_begin,
                                                 .commit = txn_end,
                                                 .rollback = txn_end,
                                                 .savepoint = txn_savepoint,
                                                 .savepoint_release = txn_savepoint,
                                                 .savepoint_rollback = txn_savepoint };
static tenon_drv_query_ops query = { .size = sizeof query,
                                     .prepare = query_prepare,
                                     .free = query_free,
                                     .exec = query_exec,
                                     .open = query_open,
                                     .next = query_next,
                                     .close = query_close };
static tenon_drv_schema_ops schema = { .size = sizeof schema,
                                       .has_table = schema_has,
                                       .create_table = schema_table,
                                       .drop_table = schema_drop,
                                       .add_column = schema_table,
                                       .drop_column = schema_drop_part,
                                       .create_index = schema_index,
                                       .drop_index = schema_drop_part };
static tenon_driver driver = { .size = sizeof driver,
                               .magic = TENON_DRIVER_MAGIC,
                               .abi_major = TENON_DRIVER_ABI_MAJOR,
                               .abi_minor = TENON_DRIVER_ABI_MINOR,
                               .name = PLUGIN_NAME,
                               .version = "1.0",
                               .capabilities = TENON_CAP_SERIALIZABLE | TENON_CAP_DURABLE_NONE,
                               .database = &database,
                               .connection = &connection,
                               .transaction = &transaction,
                               .query = &query,
                               .schema = &schema };

#ifdef NO_SYMBOL
#define tenon_driver_v1 another_symbol
TENON_API const tenon_driver *another_symbol(const tenon_host *host);
#endif

const tenon_driver *
tenon_driver_v1(const tenon_host *host)
{
    (void)host;
#ifdef BREAK
    BREAK;
#endif
#ifdef CLAIMS_SAVEPOINTS /* and has none */
    driver.capabilities |= TENON_CAP_SAVEPOINTS;
    transaction.savepoint = NULL;
    transaction.savepoint_release = NULL;
    transaction.savepoint_rollback = NULL;
#endif
    return &driver;
}
