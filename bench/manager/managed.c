/* Tenon's side. */
#include <stdio.h>
#include <stdlib.h>

#include "manager.h"

enum { ITEM_ID, ITEM_N };

static const tenon_column item_columns[] = {
    [ITEM_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [ITEM_N] = { .name = "n", .type = TENON_INT },
};
static const tenon_table item_table = { .name = "item",
                                        .columns = item_columns,
                                        .column_count = 2,
                                        .primary_key = TENON_COLUMNS(ITEM_ID) };
static const tenon_table *const item_tables[] = { &item_table };
static const tenon_schema item_schema = {
    .name = "items", .version = 1, .tables = item_tables, .table_count = 1
};
static const tenon_query item_insert = { .name = "insert",
                                         .kind = TENON_INSERT,
                                         .table = &item_table,
                                         .columns = TENON_COLUMNS(ITEM_ID, ITEM_N) };
static const tenon_query item_read = { .name = "read",
                                       .kind = TENON_SELECT,
                                       .table = &item_table,
                                       .columns = TENON_COLUMNS(ITEM_N),
                                       .where = TENON_WHERE(TENON_EQ(ITEM_ID, 0)) };
static const tenon_query item_write = { .name = "write",
                                        .kind = TENON_UPDATE,
                                        .table = &item_table,
                                        .set = TENON_SET(TENON_TO(ITEM_N, 1)),
                                        .where = TENON_WHERE(TENON_EQ(ITEM_ID, 0)) };

static void
managed_check(tenon_status st, const tenon_error *err)
{
    if (st == TENON_OK)
        return;
    (void)fprintf(stderr, "managed: %s: %s\n", tenon_status_name(st), err->message);
    exit(1);
}

static tenon_status
fill_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_status st = TENON_OK;

    (void)arg;
    for (int64_t id = 0; id < MANAGER_ROWS && st == TENON_OK; id++) {
        const tenon_value params[] = { tenon_int(id), tenon_int(id) };

        st = tenon_exec(txn, &item_insert, params, NULL, err);
    }
    return st;
}

static tenon_status
read_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const int64_t *id = arg;
    const tenon_value params[] = { tenon_int(*id) };
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &item_read, params, &row, err);

    if (st == TENON_OK && row[0].as.i < 0)
        exit(1);
    return st;
}

static tenon_status
write_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const int64_t *id = arg;
    const tenon_value params[] = { tenon_int(*id), tenon_int(*id + 1) };

    return tenon_exec(txn, &item_write, params, NULL, err);
}

static const tenon_txn_options reading = { .size = sizeof reading,
                                           .name = "read",
                                           .read_only = true };
static const tenon_txn_options looking = { .size = sizeof looking, .name = "look" };
static const tenon_txn_options writing = { .size = sizeof writing, .name = "write" };

tenon_db *
managed_open(const char *driver_path, bool audit)
{
    const tenon_open_options options = {
        .size = sizeof options, .schema = &item_schema, .driver_path = driver_path, .audit = audit
    };
    tenon_error err;
    tenon_db *db;

    managed_check(tenon_open("memory:", &options, &db, &err), &err);
    managed_check(tenon_run(db, NULL, fill_body, NULL, &err), &err);
    return db;
}

static void
managed_run(tenon_db *db, const tenon_txn_options *options, tenon_txn_fn body, int64_t id)
{
    tenon_error err;

    managed_check(tenon_run(db, options, body, &id, &err), &err);
}

void
managed_read(tenon_db *db, int64_t id)
{
    managed_run(db, &reading, read_body, id);
}

void
managed_look(tenon_db *db, int64_t id)
{
    managed_run(db, &looking, read_body, id);
}

void
managed_write(tenon_db *db, int64_t id)
{
    managed_run(db, &writing, write_body, id);
}

void
managed_audited_write(tenon_db *db, int64_t id)
{
    static const tenon_txn_options by_ann = {
        .size = sizeof by_ann, .name = "write", .actor = "ann", .details = "a new number"
    };

    managed_run(db, &by_ann, write_body, id);
}

static void
managed_by_hand(tenon_db *db, const tenon_txn_options *options, tenon_txn_fn body, int64_t id)
{
    tenon_error err;
    tenon_txn *txn;

    managed_check(tenon_begin(db, options, &txn, &err), &err);
    managed_check(body(txn, &id, &err), &err);
    managed_check(tenon_commit(txn, &err), &err);
}

void
managed_read_by_hand(tenon_db *db, int64_t id)
{
    managed_by_hand(db, &reading, read_body, id);
}

void
managed_write_by_hand(tenon_db *db, int64_t id)
{
    managed_by_hand(db, &writing, write_body, id);
}
