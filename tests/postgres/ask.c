#include "ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const ask_how ask_reading = { TENON_SNAPSHOT, true, 5000 };
const ask_how ask_writing = { TENON_READ_COMMITTED, false, 5000 };

typedef struct ask_question {
    const char *sql;
    char *out;
    size_t out_bytes;
} ask_question;

static tenon_status
ask_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const ask_question *q = arg;
    const tenon_value *row;
    tenon_cursor *cursor = NULL;
    tenon_status st = tenon_sql(txn, q->sql, NULL, 0, &cursor, err);

    q->out[0] = '\0';
    if (st == TENON_OK)
        st = tenon_next(cursor, &row, err);
    if (st == TENON_OK && row[0].type == TENON_TEXT)
        (void)snprintf(q->out, q->out_bytes, "%.*s", (int)row[0].len, (const char *)row[0].as.data);
    tenon_cursor_close(cursor);
    return st;
}

tenon_status
ask_try(tenon_db *db, const ask_how *how, const char *sql, char *out, size_t out_bytes,
        tenon_error *err)
{
    const tenon_txn_options options = { .size = sizeof options,
                                        .isolation = how->isolation,
                                        .timeout_ms = how->timeout_ms,
                                        .read_only = how->read_only };
    ask_question q = { sql, out, out_bytes };

    return tenon_run(db, &options, ask_body, &q, err);
}

const char *
ask(tenon_db *db, const ask_how *how, const char *sql, char *out, size_t out_bytes)
{
    tenon_error err = { 0 };

    if (ask_try(db, how, sql, out, out_bytes, &err) != TENON_OK)
        fail_msg("%s: %s: %s", sql, tenon_status_name(err.status), err.message);
    return out;
}

bool
ask_file_has(const char *path, const char *words)
{
    FILE *file = fopen(path, "r");
    char line[4096];
    bool has = false;

    if (file == NULL)
        fail_msg("%s can't be read", path);
    while (!has && fgets(line, sizeof line, file) != NULL)
        has = strstr(line, words) != NULL;
    (void)fclose(file);
    return has;
}

void
ask_refused(const char *url, tenon_status status, const char *const *words)
{
    const tenon_open_options options = { .size = sizeof options };
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    const tenon_status st = tenon_open(url, &options, &db, &err);

    if (st != status) {
        tenon_close(db);
        fail_msg("%s instead of %s: %s", tenon_status_name(st), tenon_status_name(status),
                 err.message);
    }
    for (; *words != NULL; words++) {
        if (strstr(err.message, *words) == NULL)
            fail_msg("no \"%s\" in: %s", *words, err.message);
    }
}
