#include "settings.h"

#include <stdio.h>
#include <string.h>
#include <tenon/txn.h>

#include "tool.h"

static const struct {
    const char *driver, *name, *sql;
} settings[] = {
    { "sqlite", "journal_mode", "PRAGMA journal_mode" },
    { "sqlite", "synchronous", "PRAGMA synchronous" },
    { "sqlite", "page_size", "PRAGMA page_size" },
    { "sqlite", "cache_size", "PRAGMA cache_size" },
    { "sqlite", "mmap_size", "PRAGMA mmap_size" },
    { "sqlite", "wal_autocheckpoint", "PRAGMA wal_autocheckpoint" },
    { "sqlite", "version", "SELECT sqlite_version()" },
    { "postgres", "version", "SELECT version()" },
    { "postgres", "fsync", "SHOW fsync" },
    { "postgres", "synchronous_commit", "SHOW synchronous_commit" },
    { "postgres", "full_page_writes", "SHOW full_page_writes" },
    { "postgres", "wal_sync_method", "SHOW wal_sync_method" },
    { "postgres", "shared_buffers", "SHOW shared_buffers" },
    { "postgres", "max_wal_size", "SHOW max_wal_size" },
    { "postgres", "commit_delay", "SHOW commit_delay" },
};

/* One to ask for. */
typedef struct settings_question {
    const char *sql;
    char answer[160];
} settings_question;

static tenon_status
settings_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    settings_question *q = arg;
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    tenon_status st = tenon_sql(txn, q->sql, NULL, 0, &cursor, err);

    if (st == TENON_OK)
        st = tenon_next(cursor, &row, err);
    if (st == TENON_OK && row[0].type == TENON_INT)
        (void)snprintf(q->answer, sizeof q->answer, "%lld", (long long)row[0].as.i);
    else if (st == TENON_OK && row[0].type == TENON_TEXT)
        (void)snprintf(q->answer, sizeof q->answer, "%.*s", (int)row[0].len,
                       (const char *)row[0].as.data);
    tenon_cursor_close(cursor);
    return st;
}

json_t *
settings_read(tenon_db *db)
{
    const tenon_txn_options options = { .size = sizeof options, .read_only = true };
    json_t *out = json_pack("{s:s}", "durability", tool_durability(tenon_db_durability(db)));
    const bool has_sql = (tenon_db_capabilities(db) & TENON_CAP_SQL) != 0;

    for (size_t i = 0; i < sizeof settings / sizeof settings[0] && has_sql; i++) {
        settings_question q = { .sql = settings[i].sql, .answer = "" };
        tenon_error err;

        if (strstr(tenon_db_driver(db), settings[i].driver) == NULL)
            continue;
        if (tenon_run(db, &options, settings_body, &q, &err) == TENON_OK && q.answer[0] != '\0')
            (void)json_object_set_new(out, settings[i].name, json_string(q.answer));
    }
    return out;
}
