/* Databases, connections, transactions, savepoints, and the log that undoes statements. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kv.h"
#include "read.h"

#define KV_STEPS_BETWEEN_LOOKS 256

const tenon_host *tenon_kv_host;

/* ---- Failures ---- */

tenon_status
tenon_kv_fail(tenon_error *err, tenon_status status, int32_t native, uint8_t effect,
              const char *object, const char *format, ...)
{
    va_list args;

    err->status = status;
    err->native = native;
    err->effect = effect;
    err->sqlstate[0] = '\0';
    err->driver[0] = '\0';
    (void)snprintf(err->object, sizeof err->object, "%s", object == NULL ? "" : object);
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return status;
}

tenon_status
kv_no_memory(tenon_error *err)
{
    return kv_fail(err, TENON_NO_MEMORY, NULL, "no memory");
}

tenon_status
kv_corrupt(tenon_error *err, const char *object, const char *what)
{
    return kv_fail(err, TENON_CORRUPT, object, "stored data is damaged: %s", what);
}

tenon_status
kv_check_deadline(tenon_drv_conn *conn, tenon_error *err)
{
    if (++conn->steps % KV_STEPS_BETWEEN_LOOKS != 0 || conn->deadline_ns == UINT64_MAX ||
        tenon_kv_host->monotonic_ns() < conn->deadline_ns)
        return TENON_OK;
    return kv_fail(err, TENON_TIMEOUT, NULL, "the transaction's deadline has passed");
}

/* ---- Databases ---- */

tenon_status
tenon_kv_open(const tenon_kv_engine *engine, const tenon_drv_open *options, tenon_drv_db **out,
              tenon_error *err)
{
    tenon_drv_db *db = calloc(1, sizeof *db);
    tenon_status st;

    *out = NULL;
    if (db == NULL)
        return kv_no_memory(err);
    db->engine = engine;
    db->read_only = options->read_only != 0;
    db->max_key_bytes = engine->max_key_bytes == 0 ? UINT64_MAX : engine->max_key_bytes;
    (void)pthread_mutex_init(&db->lock, NULL);
    st = engine->open(options, &db->store, err);
    if (st == TENON_OK)
        st = kv_catalogue_open(db, options->read_only == 0, err);
    if (st == TENON_OK)
        *out = db;
    else
        tenon_kv_close(db);
    return st;
}

void
tenon_kv_close(tenon_drv_db *db)
{
    if (db == NULL)
        return;
    kv_schema_release(db->schema);
    db->engine->close(db->store);
    (void)pthread_mutex_destroy(&db->lock);
    free(db);
}

tenon_status
tenon_kv_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    tenon_drv_info full = { .size = sizeof full,
                            .capabilities = db->engine->capabilities | TENON_KV_CAPABILITIES };
    const tenon_status st = db->engine->info(db->store, &full, err);

    if (st == TENON_OK)
        tenon_drv_give_info(info, &full);
    return st;
}

/* ---- Connections ---- */

static tenon_status
store_connect(tenon_drv_db *db, tenon_drv_conn **out, tenon_error *err)
{
    *out = aligned_alloc(_Alignof(tenon_drv_conn), sizeof **out);
    if (*out == NULL)
        return kv_no_memory(err);
    memset(*out, 0, sizeof **out);
    (*out)->engine = db->engine;
    (*out)->db = db;
    return TENON_OK;
}

/* What a transaction has used is given up before its end. */
static void
store_settle(tenon_drv_conn *conn)
{
    kv_fetched_close(conn);
    if (conn->spare != NULL)
        conn->engine->cursor_close(conn->spare);
    conn->spare = NULL;
}

/* A read transaction ends: nothing is undone or kept but what it is made of. @return false: the
 * engine knows no rest */
static bool
store_rest(tenon_drv_conn *conn)
{
    if (!conn->read_only || conn->engine->rest == NULL)
        return false;
    conn->engine->rest(conn->txn);
    conn->resting = conn->txn;
    return true;
}

/* The transaction is over: nothing of it is left to be undone. */
static void
store_end(tenon_drv_conn *conn)
{
    conn->txn = NULL;
    conn->depth = 0;
    conn->log.len = 0;
    conn->logging = false;
    conn->schema_changed = false;
    kv_arena_reset(&conn->arena);
}

static void
store_forget_schema(tenon_drv_conn *conn)
{
    kv_schema_release(conn->schema);
    conn->schema = NULL;
}

static void
store_abort(tenon_drv_conn *conn)
{
    if (conn->txn == NULL)
        return;
    store_settle(conn);
    if (!store_rest(conn))
        conn->engine->abort(conn->txn);
    if (conn->schema_changed)
        store_forget_schema(conn);
    store_end(conn);
}

static void
store_disconnect(tenon_drv_conn *conn)
{
    if (conn == NULL)
        return;
    store_abort(conn);
    if (conn->resting != NULL)
        conn->engine->abort(conn->resting);
    store_forget_schema(conn);
    kv_arena_free(&conn->arena);
    kv_buffer_free(&conn->log);
    kv_buffer_free(&conn->row);
    free(conn);
}

/* ---- Transactions ---- */

static tenon_status
store_begin_in_engine(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    tenon_kv_txn *resting = conn->resting;
    tenon_status st;

    if (!how->read_only && conn->db->read_only)
        return tenon_kv_fail(err, TENON_READ_ONLY, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                             "the database was opened to be read only");
    if (how->read_only && resting != NULL) {
        conn->resting = NULL;
        st = conn->engine->renew(resting, how, err);
        conn->txn = st == TENON_OK ? resting : NULL;
        return st;
    }
    st = conn->engine->begin(conn->db->store, how, &conn->txn, err);
    if (st != TENON_OK)
        conn->txn = NULL;
    return st;
}

/* The tables, as they are now: read only where the store is not as this connection last saw it. */
static tenon_status
store_load_schema(tenon_drv_conn *conn, tenon_error *err)
{
    const uint64_t state = conn->engine->state == NULL ? 0 : conn->engine->state(conn->txn);
    tenon_status st;

    if (state != 0 && state == conn->schema_state && conn->schema != NULL)
        return TENON_OK;
    st = kv_catalogue_load(conn, err);
    conn->schema_state = st == TENON_OK ? state : 0;
    return st;
}

static tenon_status
store_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    tenon_status st = store_begin_in_engine(conn, how, err);

    if (st != TENON_OK)
        return st;
    conn->read_only = how->read_only != 0;
    conn->deadline_ns = tenon_drv_is_shared(how) ? UINT64_MAX : how->deadline_ns;
    st = store_load_schema(conn, err);
    if (st != TENON_OK) {
        err->effect = TENON_EFFECT_ROLLED_BACK;
        store_abort(conn);
    }
    return st;
}

static tenon_status
store_commit(tenon_drv_conn *conn, tenon_error *err)
{
    tenon_status st;

    store_settle(conn);
    st = store_rest(conn) ? TENON_OK : conn->engine->commit(conn->txn, err);
    if (st != TENON_OK && conn->schema_changed)
        store_forget_schema(conn);
    store_end(conn);
    return st;
}

static tenon_status
store_rollback(tenon_drv_conn *conn, tenon_error *err)
{
    (void)err;
    store_abort(conn);
    return TENON_OK;
}

/* ---- The log: for each change the key and what it had before ---- */

typedef struct log_entry {
    uint64_t key_bytes, old_bytes;
    uint64_t begin; /* of the entry's bytes in the log, which its end is found by */
    uint64_t had;   /* a value before */
} log_entry;

static bool
log_add(tenon_drv_conn *conn, tenon_kv_bytes key, const tenon_kv_bytes *old)
{
    kv_buffer *log = &conn->log;
    log_entry entry = { .key_bytes = key.len, .begin = log->len };

    if (!conn->logging)
        return true;
    if (old != NULL) {
        entry.had = 1;
        entry.old_bytes = old->len;
    }
    if (!kv_append(log, key.data, (size_t)key.len) ||
        !kv_append(log, old == NULL ? NULL : old->data, (size_t)entry.old_bytes) ||
        !kv_append(log, &entry, sizeof entry)) {
        log->len = (size_t)entry.begin;
        return false;
    }
    return true;
}

/* Undo the last change. */
static tenon_status
log_undo(tenon_drv_conn *conn, tenon_error *err)
{
    kv_buffer *log = &conn->log;
    log_entry entry;
    tenon_kv_bytes key, old;
    tenon_status st;

    memcpy(&entry, log->data + log->len - sizeof entry, sizeof entry);
    key = (tenon_kv_bytes){ .data = log->data + entry.begin, .len = entry.key_bytes };
    old = (tenon_kv_bytes){ .data = log->data + entry.begin + entry.key_bytes,
                            .len = entry.old_bytes };
    st = entry.had ? conn->engine->put(conn->txn, key, old, err)
                   : conn->engine->remove(conn->txn, key, err);
    log->len = (size_t)entry.begin;
    if (st == TENON_NOT_FOUND) /* the change itself had failed */
        st = TENON_OK;
    return st;
}

static tenon_status
log_undo_to(tenon_drv_conn *conn, size_t mark, tenon_error *err)
{
    tenon_status st = TENON_OK;

    conn->write_count++;
    while (st == TENON_OK && conn->log.len > mark)
        st = log_undo(conn, err);
    if (st != TENON_OK && err->effect == TENON_EFFECT_OPEN)
        err->effect = TENON_EFFECT_MUST_ROLL_BACK;
    return st;
}

tenon_status
kv_put(tenon_drv_conn *conn, tenon_kv_bytes key, tenon_kv_bytes value, const tenon_kv_bytes *old,
       tenon_error *err)
{
    conn->write_count++;
    return log_add(conn, key, old) ? conn->engine->put(conn->txn, key, value, err)
                                   : kv_no_memory(err);
}

tenon_status
kv_remove(tenon_drv_conn *conn, tenon_kv_bytes key, tenon_kv_bytes old, tenon_error *err)
{
    tenon_status st;

    conn->write_count++;
    if (!log_add(conn, key, &old))
        return kv_no_memory(err);
    st = conn->engine->remove(conn->txn, key, err);
    return st == TENON_NOT_FOUND ? kv_corrupt(err, NULL, "an index lacks an entry") : st;
}

size_t
kv_statement_begin(tenon_drv_conn *conn, bool may_need_undo)
{
    kv_arena_reset(&conn->arena);
    conn->logging = may_need_undo || (conn->depth > 0 && conn->engine->savepoint == NULL);
    return conn->log.len;
}

tenon_status
kv_statement_end(tenon_drv_conn *conn, size_t mark, tenon_status st, tenon_error *err)
{
    tenon_error undo = { 0 };

    if (st != TENON_OK && err->effect == TENON_EFFECT_OPEN && conn->log.len > mark &&
        log_undo_to(conn, mark, &undo) != TENON_OK) {
        *err = undo;
        st = undo.status;
    }
    if (conn->depth == 0 || conn->engine->savepoint != NULL)
        conn->log.len = 0;
    conn->logging = false;
    if (conn->engine->give_back != NULL) { /* rows that were lent end with the statement */
        conn->engine->give_back(conn->txn, NULL);
        conn->write_count++;
    }
    return st;
}

/* ---- Savepoints ---- */

static tenon_status
store_savepoint(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    tenon_status st = TENON_OK;

    kv_fetched_close(conn);
    if (conn->engine->savepoint != NULL)
        st = conn->engine->savepoint(conn->txn, depth, err);
    if (st == TENON_OK) {
        conn->marks[depth - 1] = conn->log.len;
        conn->depth = depth;
    }
    return st;
}

static tenon_status
store_savepoint_release(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    tenon_status st = TENON_OK;

    kv_fetched_close(conn);
    if (conn->engine->savepoint_release != NULL)
        st = conn->engine->savepoint_release(conn->txn, depth, err);
    if (st == TENON_OK) {
        conn->depth = depth - 1;
        if (conn->depth == 0)
            conn->log.len = 0;
    }
    return st;
}

static tenon_status
store_savepoint_rollback(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    tenon_status st;

    store_settle(conn);
    conn->write_count++;
    st = conn->engine->savepoint_rollback != NULL
             ? conn->engine->savepoint_rollback(conn->txn, depth, err)
             : log_undo_to(conn, conn->marks[depth - 1], err);
    if (st != TENON_OK)
        return st;
    conn->depth = depth - 1;
    if (conn->schema_changed) { /* as it was before, or not: read it anew */
        store_forget_schema(conn);
        st = kv_catalogue_load(conn, err);
    }
    return st;
}

/* ---- Engine cursors ---- */

tenon_status
kv_cursor_take(tenon_drv_conn *conn, tenon_kv_cursor **out, tenon_error *err)
{
    *out = conn->spare;
    conn->spare = NULL;
    return *out != NULL ? TENON_OK : conn->engine->cursor_open(conn->txn, out, err);
}

void
kv_cursor_give(tenon_drv_conn *conn, tenon_kv_cursor *cursor)
{
    if (cursor == NULL)
        return;
    if (conn->spare == NULL && conn->txn != NULL)
        conn->spare = cursor;
    else
        conn->engine->cursor_close(cursor);
}

/* ---- Upkeep ---- */

static tenon_status
store_checkpoint(tenon_drv_db *db, tenon_error *err)
{
    return db->engine->checkpoint == NULL ? TENON_OK : db->engine->checkpoint(db->store, err);
}

const tenon_drv_connection_ops tenon_kv_connection_ops = {
    .size = sizeof tenon_kv_connection_ops,
    .open = store_connect,
    .close = store_disconnect,
};

const tenon_drv_transaction_ops tenon_kv_transaction_ops = {
    .size = sizeof tenon_kv_transaction_ops,
    .begin = store_begin,
    .commit = store_commit,
    .rollback = store_rollback,
    .savepoint = store_savepoint,
    .savepoint_release = store_savepoint_release,
    .savepoint_rollback = store_savepoint_rollback,
};

const tenon_drv_admin_ops tenon_kv_admin_ops = {
    .size = sizeof tenon_kv_admin_ops,
    .verify = kv_verify,
    .checkpoint = store_checkpoint,
};
