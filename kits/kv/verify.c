/* Checking a store: every row has its entry in every index, and there are no others. */
#include <stdio.h>

#include "read.h"

typedef struct verify_job {
    tenon_drv_conn *conn;
    tenon_problem_fn fn;
    void *arg;
    uint64_t expected[TENON_MAX_INDEXES + TENON_MAX_FOREIGN_KEYS]; /* entries of each index */
} verify_job;

static void
verify_tell(const verify_job *job, const kv_table *table, const char *index, const char *what)
{
    char where[2 * TENON_MAX_NAME_BYTES + 4];

    (void)snprintf(where, sizeof where, "%s%s%s", table->name, index == NULL ? "" : ".",
                   index == NULL ? "" : index);
    job->fn(job->arg, where, what);
}

static tenon_status
verify_row(verify_job *job, const kv_table *table, tenon_kv_bytes key, tenon_kv_bytes row,
           tenon_error *err)
{
    tenon_drv_conn *conn = job->conn;
    tenon_value values[TENON_MAX_COLUMNS];
    tenon_kv_bytes own, found;
    kv_key *keys = NULL;
    tenon_status st;

    if (kv_row_values(table, row, values, err) != TENON_OK) {
        verify_tell(job, table, NULL, "a row is not whole");
        return TENON_OK;
    }
    kv_arena_reset(&conn->arena);
    st = kv_make_row_key(conn, table, values, &own, err);
    if (st == TENON_OK)
        st = kv_row_keys(conn, table, values, key, &keys, err);
    if (st != TENON_OK)
        return st;
    if (own.len != key.len || memcmp(own.data, key.data, (size_t)key.len) != 0)
        verify_tell(job, table, "primary", "a row is stored under another key than its own");
    for (uint32_t i = 0; i < table->index_count && st == TENON_OK; i++) {
        if (!keys[i].covered)
            continue;
        job->expected[i]++;
        st = kv_get(conn, keys[i].key, &found, err);
        if (st == TENON_NOT_FOUND)
            verify_tell(job, table, table->indexes[i].name, "a row has no entry");
        else if (st == TENON_OK && (found.len != keys[i].value.len ||
                                    (found.len > 0 && memcmp(found.data, keys[i].value.data,
                                                             (size_t)found.len) != 0)))
            verify_tell(job, table, table->indexes[i].name, "an entry is of another row");
        if (st == TENON_OK)
            kv_give_back(conn, found);
        st = st == TENON_NOT_FOUND ? TENON_OK : st;
    }
    return st;
}

/* Each entry of a tree: a row of a table, or (`table` NULL) one to be counted. */
static tenon_status
verify_tree(verify_job *job, uint32_t tree, const kv_table *table, uint64_t *count,
            tenon_error *err)
{
    unsigned char prefix[KV_TREE_BYTES];
    tenon_kv_cursor *cursor = NULL;
    tenon_kv_bytes key, value;
    tenon_status st;

    *count = 0;
    kv_write_u32(prefix, tree);
    st = kv_cursor_take(job->conn, &cursor, err);
    if (st == TENON_OK)
        st = kv_seek(job->conn, cursor, (tenon_kv_bytes){ .data = prefix, .len = sizeof prefix },
                     &key, &value, err);
    while (st == TENON_OK && key.len >= sizeof prefix &&
           memcmp(key.data, prefix, sizeof prefix) == 0) {
        ++*count;
        if (table != NULL)
            st = verify_row(job, table, key, value, err);
        if (st == TENON_OK)
            st = kv_check_deadline(job->conn, err);
        if (st == TENON_OK)
            st = kv_next(job->conn, cursor, &key, &value, err);
    }
    kv_cursor_give(job->conn, cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
verify_table(verify_job *job, const kv_table *table, tenon_error *err)
{
    uint64_t count = 0;
    tenon_status st;

    memset(job->expected, 0, sizeof job->expected);
    st = verify_tree(job, table->tree, table, &count, err);
    for (uint32_t i = 0; i < table->index_count && st == TENON_OK; i++) {
        st = verify_tree(job, table->indexes[i].tree, NULL, &count, err);
        if (st == TENON_OK && count != job->expected[i])
            verify_tell(job, table, table->indexes[i].name,
                        "there are more or fewer entries than rows");
    }
    return st;
}

tenon_status
kv_verify(tenon_drv_conn *conn, tenon_problem_fn fn, void *arg, tenon_error *err)
{
    verify_job job = { .conn = conn, .fn = fn, .arg = arg };
    tenon_status st = TENON_OK;

    kv_fetched_close(conn);
    if (conn->engine->verify != NULL)
        st = conn->engine->verify(conn->txn, fn, arg, err);
    for (uint32_t i = 0; i < conn->schema->table_count && st == TENON_OK; i++)
        st = verify_table(&job, conn->schema->tables[i], err);
    return st;
}
