/* The driver's table, called as the library calls it, and nothing else. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manager.h"

struct direct_db {
    const tenon_driver *driver;
    tenon_drv_db *db;
    tenon_drv_conn *conn;
    tenon_drv_plan *read, *write;
};

/* ---- A host of its own ---- */

static void *
host_reallocate(void *ptr, uint64_t bytes)
{
    return realloc(ptr, (size_t)bytes);
}

static void
host_log(uint32_t level, const char *driver, const char *text)
{
    (void)level;
    (void)fprintf(stderr, "%s: %s\n", driver, text);
}

static uint64_t
host_monotonic_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int64_t
host_wall_us(void)
{
    return 0;
}

static void
host_random(void *out, uint64_t bytes)
{
    memset(out, 7, (size_t)bytes);
}

static tenon_status
host_find_driver(const char *name, const tenon_driver **out, tenon_error *err)
{
    (void)name, (void)err;
    *out = NULL;
    return TENON_NOT_FOUND;
}

static const tenon_host direct_host = { .size = sizeof direct_host,
                                        .reallocate = host_reallocate,
                                        .release = free,
                                        .log = host_log,
                                        .monotonic_ns = host_monotonic_ns,
                                        .wall_us = host_wall_us,
                                        .random = host_random,
                                        .find_driver = host_find_driver };

/* ---- The table and the queries in the driver's form ---- */

static const tenon_drv_column direct_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = 1 },
    { .name = "n", .type = TENON_INT },
};
static const uint16_t direct_key[] = { 0 };
static const tenon_drv_table direct_table = { .size = sizeof direct_table,
                                              .name = "item",
                                              .columns = direct_columns,
                                              .key_columns = direct_key,
                                              .column_count = 2,
                                              .key_column_count = 1 };
static const tenon_drv_cond direct_where[] = {
    { .column = 0, .op = TENON_OP_EQ, .param = 0, .param_count = 1 }
};
static const tenon_drv_assign direct_insert_values[] = {
    { .column = 0, .how = TENON_SET_PARAM, .param = 0 },
    { .column = 1, .how = TENON_SET_PARAM, .param = 1 },
};
static const tenon_drv_assign direct_set[] = {
    { .column = 1, .how = TENON_SET_PARAM, .param = 1 }
};
static const uint16_t direct_read_columns[] = { 1 };
static const uint8_t direct_types[] = { TENON_INT, TENON_INT };

#define DIRECT_QUERY                                                                               \
    .size = sizeof(tenon_drv_query), .table = &direct_table, .after_param = TENON_DRV_NONE,        \
    .limit_param = TENON_DRV_NONE, .conflict_index = TENON_DRV_NONE, .limit = UINT64_MAX,          \
    .param_types = direct_types

static const tenon_drv_query direct_insert_query = { DIRECT_QUERY, .name = "insert",
                                                     .kind = TENON_INSERT,
                                                     .insert = direct_insert_values,
                                                     .param_count = 2 };
static const tenon_drv_query direct_read_query = {
    DIRECT_QUERY,      .name = "read",        .kind = TENON_SELECT, .columns = direct_read_columns,
    .column_count = 1, .where = direct_where, .where_count = 1,     .param_count = 1
};
static const tenon_drv_query direct_write_query = { DIRECT_QUERY,         .name = "write",
                                                    .kind = TENON_UPDATE, .set = direct_set,
                                                    .set_count = 1,       .where = direct_where,
                                                    .where_count = 1,     .param_count = 2 };

static void
direct_check(tenon_status st, const tenon_error *err)
{
    if (st == TENON_OK)
        return;
    (void)fprintf(stderr, "directly: %s: %s\n", tenon_status_name(st), err->message);
    exit(1);
}

static void
direct_begin(direct_db *db, bool read_only)
{
    const tenon_drv_begin how = { .size = sizeof how,
                                  .deadline_ns = UINT64_MAX,
                                  .isolation = TENON_SERIALIZABLE,
                                  .read_only = read_only };
    tenon_error err;

    direct_check(db->driver->transaction->begin(db->conn, &how, &err), &err);
}

static void
direct_commit(direct_db *db)
{
    tenon_error err;

    direct_check(db->driver->transaction->commit(db->conn, &err), &err);
}

static void
direct_fill(direct_db *db)
{
    const tenon_drv_query_ops *query = db->driver->query;
    tenon_drv_plan *insert;
    tenon_error err;
    uint64_t affected;

    direct_begin(db, false);
    direct_check(db->driver->schema->create_table(db->conn, &direct_table, &err), &err);
    direct_check(query->prepare(db->conn, &direct_insert_query, &insert, &err), &err);
    for (int64_t id = 0; id < MANAGER_ROWS; id++) {
        const tenon_value params[] = { tenon_int(id), tenon_int(id) };

        direct_check(query->exec(insert, params, &affected, &err), &err);
    }
    query->free(insert);
    direct_commit(db);
    direct_begin(db, false);
    direct_check(query->prepare(db->conn, &direct_read_query, &db->read, &err), &err);
    direct_check(query->prepare(db->conn, &direct_write_query, &db->write, &err), &err);
    direct_commit(db);
}

direct_db *
direct_open(const char *folder)
{
    const tenon_drv_open how = { .size = sizeof how,
                                 .url = "memory:",
                                 .place = "",
                                 .durability = TENON_DURABLE_NONE,
                                 .create = 1 };
    const tenon_driver *(*entry)(const tenon_host *);
    direct_db *db = calloc(1, sizeof *db);
    char path[512];
    tenon_error err;
    void *plugin, *symbol;

    (void)snprintf(path, sizeof path, "%s/memory.so", folder);
    plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    symbol = plugin == NULL ? NULL : dlsym(plugin, TENON_DRIVER_ENTRY);
    if (db == NULL || symbol == NULL) {
        (void)fprintf(stderr, "directly: %s\n", dlerror());
        exit(1);
    }
    memcpy(&entry, &symbol, sizeof entry);
    db->driver = entry(&direct_host);
    direct_check(db->driver->database->open(&how, &db->db, &err), &err);
    direct_check(db->driver->connection->open(db->db, &db->conn, &err), &err);
    direct_fill(db);
    return db;
}

void
direct_close(direct_db *db)
{
    db->driver->query->free(db->read);
    db->driver->query->free(db->write);
    db->driver->connection->close(db->conn);
    db->driver->database->close(db->db);
    free(db);
}

static void
direct_read_as(direct_db *db, bool read_only, int64_t id)
{
    const tenon_value params[] = { tenon_int(id) };
    const tenon_value *row;
    tenon_error err;

    direct_begin(db, read_only);
    direct_check(db->driver->query->fetch(db->read, params, &row, &err), &err);
    if (row[0].as.i < 0)
        exit(1);
    direct_commit(db);
}

void
direct_read(direct_db *db, int64_t id)
{
    direct_read_as(db, true, id);
}

void
direct_look(direct_db *db, int64_t id)
{
    direct_read_as(db, false, id);
}

void
direct_write(direct_db *db, int64_t id)
{
    const tenon_value params[] = { tenon_int(id), tenon_int(id + 1) };
    uint64_t affected;
    tenon_error err;

    direct_begin(db, false);
    direct_check(db->driver->query->exec(db->write, params, &affected, &err), &err);
    direct_commit(db);
}
