/* SQLite as a driver: databases, connections, transactions. Statements are in engine.c, SQL in
 * kits/sql. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine.h"

#define SQLITE_PROGRESS_OPS 1000 /* of SQLite's machine between two looks at the clock */

struct tenon_drv_db {
    char *path, *wal_path, *shm_path; /* absolute */
    uint32_t durability, read_only;
    uint64_t cache_kib, wal_autocheckpoint; /* UINT64_MAX = SQLite's default */
    pthread_mutex_t lock;                   /* guards `probe` */
    sqlite_conn probe; /* open as long as the database, so that the log outlives connections */
};

static const uint64_t sqlite_capabilities = TENON_CAP_PERSISTENT | TENON_CAP_SINGLE_WRITER |
                                            TENON_CAP_MULTI_PROCESS | TENON_CAP_SAVEPOINTS |
                                            TENON_CAP_TRANSACTIONAL_DDL | TENON_CAP_SQL |
                                            TENON_CAP_SNAPSHOT | TENON_CAP_SERIALIZABLE |
                                            TENON_CAP_DURABLE_POWER | TENON_CAP_DURABLE_OS |
                                            TENON_CAP_DURABLE_PROCESS | TENON_CAP_DURABLE_NONE |
                                            TENON_CAP_INTERRUPT;

/* PRAGMA synchronous for each durability: FULL flushes the log at every commit, NORMAL only before
 * a checkpoint, OFF never. */
static const int sqlite_synchronous[] = { 2, 1, 0, 0 };

static tenon_status
sqlite_no_memory(tenon_error *err)
{
    return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_ROLLED_BACK, NULL, "no memory");
}

/* ---- Connections ---- */

/* Run a PRAGMA, with its number where it has one, and read what it answers into `out`. */
static tenon_status
sqlite_pragma(sqlite_conn *c, const char *text, int64_t number, char *out, size_t out_bytes,
              tenon_error *err)
{
    sqlite3_stmt *stmt = NULL;
    char sql[96];
    int rc;

    if (number == INT64_MAX)
        (void)snprintf(sql, sizeof sql, "PRAGMA %s", text);
    else
        (void)snprintf(sql, sizeof sql, "PRAGMA %s = %lld", text, (long long)number);
    out[0] = '\0';
    rc = sqlite3_prepare_v2(c->raw, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        (void)snprintf(out, out_bytes, "%s", (const char *)sqlite3_column_text(stmt, 0));
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        rc = SQLITE_OK;
    if (sqlite3_finalize(stmt) != SQLITE_OK || rc != SQLITE_OK)
        return sqlite_fail(c, NULL, err);
    return TENON_OK;
}

/* Set a number and see that SQLite has taken it: it ignores what it does not know. */
static tenon_status
sqlite_set(sqlite_conn *c, const char *name, int64_t number, tenon_error *err)
{
    char answer[32], expected[32];
    tenon_status st = sqlite_pragma(c, name, number, answer, sizeof answer, err);

    if (st == TENON_OK)
        st = sqlite_pragma(c, name, INT64_MAX, answer, sizeof answer, err);
    (void)snprintf(expected, sizeof expected, "%lld", (long long)number);
    if (st == TENON_OK && strcmp(answer, expected) != 0)
        st = tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, name,
                            "SQLite has %s at %s instead of %s", name, answer, expected);
    return st;
}

static bool
sqlite_harden(sqlite3 *raw)
{
    int on = 0;

    return sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, &on) == SQLITE_OK && on == 1 &&
           sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &on) == SQLITE_OK && on == 0 &&
           sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DML, 0, &on) == SQLITE_OK && on == 0 &&
           sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DDL, 0, &on) == SQLITE_OK && on == 0 &&
           sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_FKEY, 1, &on) == SQLITE_OK && on == 1;
}

static void
sqlite_disconnect(sqlite_conn *c)
{
    for (int i = 0; i < SQLITE_TXN_STATEMENTS; i++)
        sqlite3_finalize(c->txn[i]);
    for (int i = 0; i < SQLITE_SAVEPOINT_STATEMENTS; i++) {
        for (int depth = 0; depth < TENON_MAX_SAVEPOINTS; depth++)
            sqlite3_finalize(c->savepoints[i][depth]);
    }
    tenon_sql_conn_free(c->conn);
    sqlite3_close(c->raw);
    c->raw = NULL;
}

static tenon_status
sqlite_set_up(sqlite_conn *c, const tenon_drv_db *db, tenon_error *err)
{
    tenon_status st = TENON_OK;

    (void)sqlite3_busy_handler(c->raw, sqlite_on_busy, c);
    sqlite3_progress_handler(c->raw, SQLITE_PROGRESS_OPS, sqlite_on_progress, c);
    if (!sqlite_harden(c->raw))
        return tenon_sql_fail(err, TENON_UNSUPPORTED, 0, TENON_EFFECT_OPEN, NULL,
                              "this SQLite can't be secured as Tenon needs it");
    st = sqlite_set(c, "synchronous", sqlite_synchronous[db->durability], err);
    if (st == TENON_OK && db->cache_kib != UINT64_MAX)
        st = sqlite_set(c, "cache_size", -(int64_t)db->cache_kib, err);
    if (st == TENON_OK && db->wal_autocheckpoint != UINT64_MAX)
        st = sqlite_set(c, "wal_autocheckpoint", (int64_t)db->wal_autocheckpoint, err);
    if (st == TENON_OK)
        (void)sqlite3_set_authorizer(c->raw, sqlite_on_prepare, c);
    return st;
}

/* Open into `c`, which is all zero. */
static tenon_status
sqlite_connect(sqlite_conn *c, const tenon_drv_db *db, tenon_error *err)
{
    const int flags = db->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    tenon_status st = TENON_OK;
    int rc = sqlite3_open_v2(db->path, &c->raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                             NULL);

    c->deadline_ns = UINT64_MAX;
    if (c->raw == NULL)
        return sqlite_no_memory(err);
    st = rc == SQLITE_OK ? sqlite_set_up(c, db, err) : sqlite_fail(c, NULL, err);
    if (st != TENON_OK)
        sqlite_disconnect(c);
    return st;
}

static tenon_status
sqlite_conn_open(tenon_drv_db *db, tenon_drv_conn **out, tenon_error *err)
{
    sqlite_conn *c = calloc(1, sizeof *c);
    tenon_status st;

    *out = NULL;
    if (c == NULL)
        return sqlite_no_memory(err);
    st = sqlite_connect(c, db, err);
    if (st == TENON_OK) {
        st = tenon_sql_conn_new(&sqlite_engine, c, &c->conn, err);
        if (st != TENON_OK)
            sqlite_disconnect(c);
    }
    if (st != TENON_OK) {
        free(c);
        return st;
    }
    *out = c->conn;
    return TENON_OK;
}

static void
sqlite_conn_close(tenon_drv_conn *conn)
{
    sqlite_conn *c;

    if (conn == NULL)
        return;
    c = tenon_sql_conn_raw(conn);
    tenon_sql_conn_settle(conn);
    sqlite_disconnect(c);
    free(c);
}

static tenon_status
sqlite_conn_reset(tenon_drv_conn *conn, tenon_error *err)
{
    sqlite_conn *c = tenon_sql_conn_raw(conn);

    tenon_sql_conn_settle(conn);
    c->deadline_ns = UINT64_MAX;
    if (!c->in_txn && sqlite3_get_autocommit(c->raw) &&
        sqlite3_txn_state(c->raw, NULL) == SQLITE_TXN_NONE)
        return TENON_OK;
    return tenon_sql_fail(err, TENON_INTERNAL, 0, TENON_EFFECT_OPEN, NULL,
                          "a statement or transaction is still open");
}

/* ---- Databases ---- */

static tenon_status
sqlite_read_params(tenon_drv_db *db, const tenon_drv_open *options, tenon_error *err)
{
    db->cache_kib = UINT64_MAX;
    db->wal_autocheckpoint = UINT64_MAX;
    for (uint32_t i = 0; i < options->param_count; i++) {
        const tenon_drv_param *p = &options->params[i];
        uint64_t *to = strcmp(p->key, "cache_kib") == 0            ? &db->cache_kib
                       : strcmp(p->key, "wal_autocheckpoint") == 0 ? &db->wal_autocheckpoint
                                                                   : NULL;

        if (to == NULL)
            return tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, p->key,
                                  "there is no parameter %s; sqlite has cache_kib and "
                                  "wal_autocheckpoint",
                                  p->key);
        if (!tenon_posix_read_u64(p->value, to) || *to > INT32_MAX)
            return tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, p->key,
                                  "%s needs a number from 0 to %d", p->key, INT32_MAX);
    }
    return TENON_OK;
}

static tenon_status
sqlite_find_file(tenon_drv_db *db, const tenon_drv_open *options, tenon_error *err)
{
    struct stat file;
    int rc;

    if (options->place[0] == '\0' || options->place[0] == ':')
        return tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, NULL,
                              "sqlite needs the path of a file; for data in memory there is the "
                              "driver memory");
    rc = tenon_posix_make_private(options->place, options->create != 0, options->read_only != 0,
                                  &file);
    if (rc == 0) {
        db->path = realpath(options->place, NULL);
        rc = db->path == NULL ? errno : 0;
    }
    if (rc == EINVAL)
        return tenon_sql_fail(err, TENON_CORRUPT, rc, TENON_EFFECT_OPEN, options->place,
                              "%s is no regular file", options->place);
    if (rc != 0)
        return tenon_sql_fail(err, tenon_posix_status(rc), rc, TENON_EFFECT_OPEN, options->place,
                              "%s: %s", options->place, strerror(rc));
    db->wal_path = tenon_posix_concat(db->path, "-wal");
    db->shm_path = tenon_posix_concat(db->path, "-shm");
    return db->wal_path == NULL || db->shm_path == NULL ? sqlite_no_memory(err) : TENON_OK;
}

/* The first look at the file; a new one gets its log here. */
static tenon_status
sqlite_probe(tenon_drv_db *db, tenon_error *err)
{
    char mode[16] = "";
    tenon_status st = sqlite_connect(&db->probe, db, err);

    if (st != TENON_OK)
        return st;
    st = sqlite_pragma(&db->probe, db->read_only ? "journal_mode" : "journal_mode = WAL", INT64_MAX,
                       mode, sizeof mode, err);
    if (st == TENON_OK && !db->read_only && strcmp(mode, "wal") != 0)
        st = tenon_sql_fail(err, TENON_UNSUPPORTED, 0, TENON_EFFECT_OPEN, db->path,
                            "SQLite can't keep a write-ahead log here: journal mode %s", mode);
    if (st == TENON_OK) /* reads the header */
        st = sqlite_pragma(&db->probe, "schema_version", INT64_MAX, mode, sizeof mode, err);
    return st;
}

static void
sqlite_close(tenon_drv_db *db)
{
    if (db == NULL)
        return;
    if (db->probe.raw != NULL)
        sqlite_disconnect(&db->probe);
    pthread_mutex_destroy(&db->lock);
    free(db->path);
    free(db->wal_path);
    free(db->shm_path);
    free(db);
}

static tenon_status
sqlite_open(const tenon_drv_open *options, tenon_drv_db **out, tenon_error *err)
{
    tenon_drv_db *db = calloc(1, sizeof *db);
    tenon_status st;

    *out = NULL;
    if (db == NULL)
        return sqlite_no_memory(err);
    pthread_mutex_init(&db->lock, NULL);
    db->durability = options->durability;
    db->read_only = options->read_only;
    st = sqlite_read_params(db, options, err);
    if (st == TENON_OK)
        st = sqlite_find_file(db, options, err);
    if (st == TENON_OK)
        st = sqlite_probe(db, err);
    if (st == TENON_OK) {
        *out = db;
        return st;
    }
    if (db->path != NULL && strstr(err->message, db->path) == NULL) { /* SQLite names no file */
        char message[sizeof err->message];

        memcpy(message, err->message, sizeof message);
        (void)tenon_sql_fail(err, st, err->native, TENON_EFFECT_OPEN, options->place, "%s: %s",
                             options->place, message);
    }
    sqlite_close(db);
    return st;
}

static tenon_status
sqlite_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    char level[16];
    tenon_status st;

    pthread_mutex_lock(&db->lock);
    st = sqlite_pragma(&db->probe, "synchronous", INT64_MAX, level, sizeof level, err);
    pthread_mutex_unlock(&db->lock);
    if (st != TENON_OK)
        return st;
    info->capabilities = sqlite_capabilities;
    info->durability = level[0] == '2'                        ? TENON_DURABLE_POWER
                       : level[0] == '1'                      ? TENON_DURABLE_OS
                       : db->durability == TENON_DURABLE_NONE ? TENON_DURABLE_NONE
                                                              : TENON_DURABLE_PROCESS;
    info->disk_bytes = tenon_posix_disk_bytes(db->path) + tenon_posix_disk_bytes(db->wal_path) +
                       tenon_posix_disk_bytes(db->shm_path);
    return TENON_OK;
}

/* ---- Transactions ---- */

/* Run a statement that is prepared when first needed. */
static int
sqlite_run_cached(sqlite_conn *c, sqlite3_stmt **stmt, const char *sql)
{
    int rc = SQLITE_OK;

    if (*stmt == NULL)
        rc = sqlite3_prepare_v3(c->raw, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(*stmt);
    (void)sqlite3_reset(*stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* End whatever is left of a transaction. */
static int
sqlite_undo(sqlite_conn *c)
{
    int rc = SQLITE_OK;

    c->in_txn = false;
    c->read_only = false;
    if (!sqlite3_get_autocommit(c->raw))
        rc = sqlite_run_cached(c, &c->txn[SQLITE_ROLLBACK_IT], "ROLLBACK");
    return rc;
}

static tenon_status
sqlite_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    sqlite_conn *c = tenon_sql_conn_raw(conn);
    tenon_status st = TENON_OK;
    int rc;

    tenon_sql_conn_settle(conn);
    c->deadline_ns = how->deadline_ns;
    c->read_only = how->read_only != 0;
    rc = how->read_only ? sqlite_run_cached(c, &c->txn[SQLITE_BEGIN_READ], "BEGIN")
                        : sqlite_run_cached(c, &c->txn[SQLITE_BEGIN_WRITE], "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK) {
        c->in_txn = true;
        return st;
    }
    st = sqlite_fail(c, NULL, err);
    err->effect = TENON_EFFECT_ROLLED_BACK;
    (void)sqlite_undo(c);
    return st;
}

/*
 * A commit appends to the log and flushes it. If a write failed, its last frame is not whole and
 * recovery passes it over; if a flush or anything later failed, the frames may be there or not.
 */
static tenon_status
sqlite_commit_fail(sqlite_conn *c, int rc, tenon_error *err)
{
    tenon_status st = sqlite_fail(c, NULL, err);

    err->effect = TENON_EFFECT_ROLLED_BACK;
    if ((rc & 0xFF) == SQLITE_IOERR && rc != SQLITE_IOERR_WRITE && st != TENON_FULL) {
        st = TENON_UNKNOWN_OUTCOME;
        err->status = st;
        err->effect = TENON_EFFECT_UNKNOWN;
    }
    (void)sqlite_undo(c);
    return st;
}

static tenon_status
sqlite_commit(tenon_drv_conn *conn, tenon_error *err)
{
    sqlite_conn *c = tenon_sql_conn_raw(conn);
    int rc;

    tenon_sql_conn_settle(conn);
    rc = sqlite_run_cached(c, &c->txn[SQLITE_COMMIT_IT], "COMMIT");
    if (rc != SQLITE_OK)
        return sqlite_commit_fail(c, rc, err);
    c->in_txn = false;
    c->read_only = false;
    return TENON_OK;
}

static tenon_status
sqlite_rollback(tenon_drv_conn *conn, tenon_error *err)
{
    sqlite_conn *c = tenon_sql_conn_raw(conn);

    tenon_sql_conn_settle(conn);
    c->deadline_ns = UINT64_MAX; /* which may have passed; this must not be stopped */
    return sqlite_undo(c) == SQLITE_OK ? TENON_OK : sqlite_fail(c, NULL, err);
}

static tenon_status
sqlite_at_savepoint(tenon_drv_conn *conn, int statement, uint32_t depth, tenon_error *err)
{
    static const char *const words[] = { "SAVEPOINT", "RELEASE", "ROLLBACK TO" };
    sqlite_conn *c = tenon_sql_conn_raw(conn);
    char sql[32] = "";

    tenon_sql_conn_settle(conn);
    if (c->savepoints[statement][depth - 1] == NULL)
        (void)snprintf(sql, sizeof sql, "%s s%u", words[statement], (unsigned)depth);
    return sqlite_run_cached(c, &c->savepoints[statement][depth - 1], sql) == SQLITE_OK
               ? TENON_OK
               : sqlite_fail(c, NULL, err);
}

static tenon_status
sqlite_savepoint(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    return sqlite_at_savepoint(conn, SQLITE_SET, depth, err);
}

static tenon_status
sqlite_savepoint_release(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    return sqlite_at_savepoint(conn, SQLITE_RELEASE, depth, err);
}

static tenon_status
sqlite_savepoint_rollback(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    tenon_status st = sqlite_at_savepoint(conn, SQLITE_ROLLBACK_TO, depth, err);

    return st == TENON_OK ? sqlite_at_savepoint(conn, SQLITE_RELEASE, depth, err) : st;
}

/* ---- Upkeep ---- */

/* Each row of a check is a problem, but for "ok". */
static tenon_status
sqlite_check(sqlite_conn *c, const char *sql, const char *what, tenon_problem_fn fn, void *arg,
             tenon_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(c->raw, sql, -1, &stmt, NULL);

    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
            fn(arg, what, (const char *)sqlite3_column_text(stmt, 0));
    }
    if (sqlite3_finalize(stmt) != SQLITE_OK || rc != SQLITE_DONE)
        return sqlite_fail(c, NULL, err);
    return TENON_OK;
}

static tenon_status
sqlite_verify(tenon_drv_conn *conn, tenon_problem_fn fn, void *arg, tenon_error *err)
{
    sqlite_conn *c = tenon_sql_conn_raw(conn);
    tenon_status st;

    tenon_sql_conn_settle(conn);
    st = sqlite_check(c, "PRAGMA integrity_check", "integrity_check", fn, arg, err);
    if (st == TENON_OK)
        st = sqlite_check(c, "SELECT \"table\" FROM pragma_foreign_key_check",
                          "a row without its parent in", fn, arg, err);
    return st;
}

static void
sqlite_interrupt(tenon_drv_conn *conn)
{
    const sqlite_conn *c = tenon_sql_conn_raw(conn);

    sqlite3_interrupt(c->raw);
}

static tenon_status
sqlite_checkpoint(tenon_drv_db *db, tenon_error *err)
{
    tenon_status st = TENON_OK;

    pthread_mutex_lock(&db->lock);
    if (sqlite3_wal_checkpoint_v2(db->probe.raw, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) !=
        SQLITE_OK)
        st = sqlite_fail(&db->probe, NULL, err);
    pthread_mutex_unlock(&db->lock);
    return st;
}

static const tenon_drv_database_ops sqlite_database_ops = {
    .size = sizeof sqlite_database_ops,
    .open = sqlite_open,
    .close = sqlite_close,
    .info = sqlite_info,
};

static const tenon_drv_connection_ops sqlite_connection_ops = {
    .size = sizeof sqlite_connection_ops,
    .open = sqlite_conn_open,
    .close = sqlite_conn_close,
    .reset = sqlite_conn_reset,
};

static const tenon_drv_transaction_ops sqlite_transaction_ops = {
    .size = sizeof sqlite_transaction_ops,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .savepoint = sqlite_savepoint,
    .savepoint_release = sqlite_savepoint_release,
    .savepoint_rollback = sqlite_savepoint_rollback,
};

static const tenon_drv_admin_ops sqlite_admin_ops = {
    .size = sizeof sqlite_admin_ops,
    .verify = sqlite_verify,
    .interrupt = sqlite_interrupt,
    .checkpoint = sqlite_checkpoint,
};

static const tenon_driver sqlite_driver = {
    .size = sizeof sqlite_driver,
    .magic = TENON_DRIVER_MAGIC,
    .abi_major = TENON_DRIVER_ABI_MAJOR,
    .abi_minor = TENON_DRIVER_ABI_MINOR,
    .name = "sqlite",
    .version = "1.0 (SQLite " SQLITE_VERSION ")",
    .capabilities = sqlite_capabilities,
    .database = &sqlite_database_ops,
    .connection = &sqlite_connection_ops,
    .transaction = &sqlite_transaction_ops,
    .query = &tenon_sql_query_ops,
    .schema = &tenon_sql_schema_ops,
    .admin = &sqlite_admin_ops,
};

const tenon_driver *
tenon_driver_v1(const tenon_host *host)
{
    if (sqlite3_threadsafe() == 0 || sqlite3_libversion_number() < 3037000) {
        host->log(TENON_LOG_ERROR, "sqlite", "needs SQLite 3.37 or newer, built for threads");
        return NULL;
    }
    sqlite_host = host;
    return &sqlite_driver;
}
