/* SQLite as a driver: databases, connections, transactions. Statements are in engine.c, SQL in
 * kits/sql. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "checkpoint.h"

/* Statements that a connection keeps. */
enum { KEPT_BEGIN, KEPT_BEGIN_READ, KEPT_COMMIT, KEPT_ROLLBACK };

#define SQLITE_CACHE_KIB 8000
/* Of a log that one transaction has made long, this much of the file is kept. */
#define SQLITE_LOG_KEPT_BYTES INT64_C(67108864)
#define SQLITE_PROBE_NS UINT64_C(5000000000) /* that opening waits for others who use the file */

struct tenon_drv_db {
    char *path; /* absolute */
    uint32_t durability, read_only;
    uint64_t cache_kib, wal_autocheckpoint; /* UINT64_MAX = SQLite's default, or `log` */
    sqlite_log log;
    tenon_turn turn;      /* of the core's one writer, among processes; -1: only reading */
    pthread_mutex_t lock; /* guards `probe` */
    sqlite_conn probe;    /* open as long as the database, so that the log outlives connections */
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
static const int64_t sqlite_synchronous[] = { 2, 1, 0, 0 };

static tenon_status
sqlite_no_memory(tenon_error *err)
{
    return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_ROLLED_BACK, NULL, "no memory");
}

/* ---- Connections ---- */

/* Set a number and see that SQLite has taken it: it ignores what it does not know. */
static tenon_status
sqlite_set(sqlite_conn *c, const char *name, int64_t number, tenon_error *err)
{
    char sql[96], answer[32], expected[32];
    tenon_status st;

    (void)snprintf(expected, sizeof expected, "%lld", (long long)number);
    (void)snprintf(sql, sizeof sql, "PRAGMA %s = %s", name, expected);
    st = tenon_sql_ask(c->conn, sql, answer, sizeof answer, err);
    (void)snprintf(sql, sizeof sql, "PRAGMA %s", name);
    if (st == TENON_OK)
        st = tenon_sql_ask(c->conn, sql, answer, sizeof answer, err);
    if (st == TENON_OK && strcmp(answer, expected) != 0)
        st = tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, name,
                            "SQLite has %s at %s instead of %s", name, answer, expected);
    return st;
}

static bool
sqlite_config(sqlite3 *raw, int option, int wanted)
{
    int set = -1;

    return sqlite3_db_config(raw, option, wanted, &set) == SQLITE_OK && set == wanted;
}

static bool
sqlite_harden(sqlite3 *raw)
{
    return sqlite_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1) &&
           sqlite_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0) &&
           sqlite_config(raw, SQLITE_DBCONFIG_DQS_DML, 0) &&
           sqlite_config(raw, SQLITE_DBCONFIG_DQS_DDL, 0) &&
           sqlite_config(raw, SQLITE_DBCONFIG_ENABLE_FKEY, 1);
}

void
sqlite_disconnect(sqlite_conn *c)
{
    tenon_sql_conn_free(c->conn);
    sqlite3_close(c->raw);
    c->raw = NULL;
}

static tenon_status
sqlite_set_all(sqlite_conn *c, const tenon_drv_db *db, tenon_error *err)
{
    const uint64_t autocheckpoint = db->log.db != NULL ? 0 : db->wal_autocheckpoint;
    tenon_status st = sqlite_set(c, "synchronous", sqlite_synchronous[db->durability], err);

    if (st == TENON_OK)
        st = sqlite_set(c, "temp_store", 2, err); /* memory */
    if (st == TENON_OK)
        st = sqlite_set(c, "cache_size", -(int64_t)db->cache_kib, err);
    if (st == TENON_OK)
        st = sqlite_set(c, "journal_size_limit", SQLITE_LOG_KEPT_BYTES, err);
    if (st == TENON_OK && autocheckpoint != UINT64_MAX)
        st = sqlite_set(c, "wal_autocheckpoint", (int64_t)autocheckpoint, err);
    return st;
}

tenon_status
sqlite_connect(sqlite_conn *c, tenon_drv_db *db, uint64_t deadline_ns, tenon_error *err)
{
    const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                      (db->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    const int rc = sqlite3_open_v2(db->path, &c->raw, flags, NULL);
    tenon_status st;

    c->db = db;
    c->deadline_ns = deadline_ns;
    if (c->raw == NULL)
        return sqlite_no_memory(err);
    sqlite_set_handlers(c);
    st = rc == SQLITE_OK ? tenon_sql_conn_new(&sqlite_engine, c, &c->conn, err)
                         : sqlite_fail(c, NULL, err);
    if (st == TENON_OK && !sqlite_harden(c->raw))
        st = tenon_sql_fail(err, TENON_UNSUPPORTED, 0, TENON_EFFECT_OPEN, NULL,
                            "this SQLite can't be secured as Tenon needs it");
    if (st == TENON_OK)
        st = sqlite_set_all(c, db, err);
    if (st == TENON_OK)
        sqlite_log_watch(&db->log, c->raw);
    else
        sqlite_disconnect(c);
    return st;
}

static tenon_status
sqlite_conn_open_until(tenon_drv_db *db, uint64_t deadline_ns, tenon_drv_conn **out,
                       tenon_error *err)
{
    sqlite_conn *c = calloc(1, sizeof *c);
    tenon_status st = c == NULL ? sqlite_no_memory(err) : sqlite_connect(c, db, deadline_ns, err);

    *out = NULL;
    if (st != TENON_OK) {
        free(c);
        return st;
    }
    c->deadline_ns = UINT64_MAX;
    *out = c->conn;
    return TENON_OK;
}

/* The write transaction is over. */
static void
sqlite_leave(sqlite_conn *c)
{
    if (c->is_inside)
        sqlite_log_leave(&c->db->log);
    c->is_inside = false;
}

static void
sqlite_conn_close(tenon_drv_conn *conn)
{
    if (conn != NULL) {
        sqlite_conn *c = tenon_sql_conn_raw(conn);

        tenon_sql_conn_settle(conn);
        sqlite_leave(c);
        sqlite_disconnect(c);
        free(c);
    }
}

static tenon_status
sqlite_conn_reset(tenon_drv_conn *conn, tenon_error *err)
{
    sqlite_conn *c = tenon_sql_conn_raw(conn);

    tenon_sql_conn_settle(conn);
    c->deadline_ns = UINT64_MAX;
    if (sqlite3_get_autocommit(c->raw) && sqlite3_txn_state(c->raw, NULL) == SQLITE_TXN_NONE)
        return TENON_OK;
    return tenon_sql_fail(err, TENON_INTERNAL, 0, TENON_EFFECT_OPEN, NULL,
                          "a statement or transaction is still open");
}

/* ---- Databases ---- */

static void
sqlite_close(tenon_drv_db *db)
{
    if (db == NULL)
        return;
    sqlite_log_fini(&db->log);
    if (db->turn.fd >= 0)
        (void)close(db->turn.fd);
    if (db->probe.raw != NULL)
        sqlite_disconnect(&db->probe);
    (void)pthread_mutex_destroy(&db->lock);
    free(db->path);
    free(db);
}

/* The first look at the file; a new one gets its log here. */
static tenon_status
sqlite_probe(tenon_drv_db *db, tenon_error *err)
{
    const uint64_t until_ns = tenon_sql_host->monotonic_ns() + SQLITE_PROBE_NS;
    char answer[16] = "";
    tenon_status st = sqlite_connect(&db->probe, db, until_ns, err);

    if (st == TENON_OK && !db->read_only) {
        /* Where two begin the log at once, SQLite tells one of them to come back. */
        while ((st = tenon_sql_ask(db->probe.conn, "PRAGMA journal_mode = WAL", answer,
                                   sizeof answer, err)) == TENON_BUSY)
            (void)sqlite3_sleep(1);
    }
    if (st == TENON_OK && !db->read_only && strcmp(answer, "wal") != 0)
        st = tenon_sql_fail(err, TENON_UNSUPPORTED, 0, TENON_EFFECT_OPEN, NULL,
                            "SQLite can't keep a write-ahead log here: journal mode %s", answer);
    if (st == TENON_OK) /* reads the header */
        st = tenon_sql_ask(db->probe.conn, "PRAGMA schema_version", answer, sizeof answer, err);
    db->probe.deadline_ns = UINT64_MAX;
    if (st != TENON_OK) { /* SQLite names no file */
        char message[sizeof err->message];

        memcpy(message, err->message, sizeof message);
        (void)tenon_sql_fail(err, st, err->native, TENON_EFFECT_OPEN, NULL, "%s: %s", db->path,
                             message);
    }
    return st;
}

/*
 * Processes stand in line at the log's file, which is there while the probe is open. SQLite locks
 * nothing in it, so it can be opened and closed beside SQLite; a connection that is closed loses us
 * our place in the line, which is all. Without it nothing but fairness is lost.
 */
static void
sqlite_find_line(tenon_drv_db *db)
{
    char *path = db->read_only ? NULL : tenon_posix_concat(db->path, "-wal");

    if (path != NULL)
        tenon_turn_init(&db->turn, open(path, O_RDWR | O_CLOEXEC));
    free(path);
}

static tenon_status
sqlite_open(const tenon_drv_open *options, tenon_drv_db **out, tenon_error *err)
{
    tenon_drv_db *db = calloc(1, sizeof *db);
    struct stat file;
    tenon_status st;

    *out = NULL;
    if (db == NULL)
        return sqlite_no_memory(err);
    (void)pthread_mutex_init(&db->lock, NULL);
    db->durability = options->durability;
    db->read_only = options->read_only;
    db->cache_kib = SQLITE_CACHE_KIB;
    db->wal_autocheckpoint = UINT64_MAX;
    st = tenon_posix_read_params(
        options,
        (const tenon_posix_param[]){
            { "cache_kib", &db->cache_kib, 0, INT32_MAX },
            { "wal_autocheckpoint", &db->wal_autocheckpoint, 0, INT32_MAX } },
        2, err);
    sqlite_log_init(&db->log, db->wal_autocheckpoint == UINT64_MAX && !db->read_only ? db : NULL,
                    &db->turn);
    tenon_turn_init(&db->turn, -1);
    if (st == TENON_OK)
        st = tenon_posix_find_file(options, &db->path, &file, err);
    if (st == TENON_OK)
        st = sqlite_probe(db, err);
    if (st == TENON_OK) {
        sqlite_find_line(db);
        *out = db;
    } else {
        sqlite_close(db);
    }
    return st;
}

static tenon_status
sqlite_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    tenon_drv_info full = { .size = sizeof full, .capabilities = sqlite_capabilities };
    char level[16];
    tenon_status st;

    (void)pthread_mutex_lock(&db->lock);
    st = tenon_sql_ask(db->probe.conn, "PRAGMA synchronous", level, sizeof level, err);
    (void)pthread_mutex_unlock(&db->lock);
    if (st != TENON_OK)
        return st;
    full.durability = level[0] == '2'   ? TENON_DURABLE_POWER
                      : level[0] == '1' ? TENON_DURABLE_OS
                                        : db->durability;
    full.disk_bytes = tenon_posix_disk_bytes(db->path, "") +
                      tenon_posix_disk_bytes(db->path, "-wal") +
                      tenon_posix_disk_bytes(db->path, "-shm");
    tenon_drv_give_info(info, &full);
    return TENON_OK;
}

/* ---- Transactions ---- */

/* End whatever is left of a transaction. */
static tenon_status
sqlite_rollback(tenon_drv_conn *conn, tenon_error *err)
{
    sqlite_conn *c = tenon_sql_conn_raw(conn);
    tenon_status st = TENON_OK;

    (void)tenon_sql_end_reading(conn);
    c->in_txn = false;
    c->read_only = false;
    c->deadline_ns = UINT64_MAX; /* which may have passed; this must not be stopped */
    if (!sqlite3_get_autocommit(c->raw))
        st = tenon_sql_run_kept(conn, KEPT_ROLLBACK, "ROLLBACK", err);
    sqlite_leave(c);
    return st;
}

/* Past the checkpoint's gate, then past other processes. */
static tenon_status
sqlite_begin_write(sqlite_conn *c, tenon_error *err)
{
    tenon_turn *turn = &c->db->turn;
    tenon_status st;

    c->is_inside = sqlite_log_enter(&c->db->log, c->deadline_ns);
    if (!c->is_inside || tenon_turn_give_way(turn, c->deadline_ns) == ETIMEDOUT)
        return tenon_sql_fail(err, TENON_TIMEOUT, SQLITE_BUSY, TENON_EFFECT_ROLLED_BACK, NULL,
                              "the file is locked");
    c->turn = turn;
    st = tenon_sql_run_kept(c->conn, KEPT_BEGIN, "BEGIN IMMEDIATE", err);
    c->turn = NULL;
    tenon_turn_step_out(turn);
    return st;
}

static tenon_status
sqlite_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    sqlite_conn *c = tenon_sql_conn_raw(conn);
    tenon_error ignored;
    tenon_status st;

    c->deadline_ns = how->deadline_ns;
    c->read_only = how->read_only != 0;
    if (how->read_only) {
        tenon_sql_begin_later(conn, KEPT_BEGIN_READ, "BEGIN");
        return TENON_OK;
    }
    st = sqlite_begin_write(c, err);
    c->in_txn = st == TENON_OK;
    if (tenon_drv_is_shared(how))
        c->deadline_ns = UINT64_MAX;
    if (st != TENON_OK) {
        err->effect = TENON_EFFECT_ROLLED_BACK;
        (void)sqlite_rollback(conn, &ignored);
    }
    return st;
}

/*
 * A commit appends to the log and flushes it. If a write failed, its last frame is not whole and
 * recovery passes it over; if a flush or anything later failed, the frames may be there or not.
 */
static tenon_status
sqlite_commit(tenon_drv_conn *conn, tenon_error *err)
{
    sqlite_conn *c = tenon_sql_conn_raw(conn);
    tenon_status st = TENON_OK;
    tenon_error ignored;

    if (!tenon_sql_end_reading(conn))
        st = tenon_sql_run_kept(conn, KEPT_COMMIT, "COMMIT", err);

    if (st == TENON_OK) {
        c->in_txn = false;
        c->read_only = false;
        sqlite_leave(c);
        return st;
    }
    err->effect = TENON_EFFECT_ROLLED_BACK;
    if (st == TENON_IO && err->native != SQLITE_IOERR_WRITE) {
        st = TENON_UNKNOWN_OUTCOME;
        err->status = st;
        err->effect = TENON_EFFECT_UNKNOWN;
    }
    (void)sqlite_rollback(conn, &ignored);
    return st;
}

/* ---- Upkeep ---- */

/*
 * Without its complaints of NULLs, which the core looks for itself: SQLite 3.40 finds them where
 * there are none, in every row of a table WITHOUT ROWID whose key stands at the end.
 */
static tenon_status
sqlite_verify(tenon_drv_conn *conn, tenon_problem_fn fn, void *arg, tenon_error *err)
{
    tenon_status st = tenon_sql_check(
        conn,
        "SELECT integrity_check FROM pragma_integrity_check(2147483647) "
        "WHERE integrity_check NOT GLOB 'NULL value in *'",
        "integrity_check", fn, arg, err);

    if (st == TENON_OK)
        st = tenon_sql_check(conn, "SELECT \"table\" FROM pragma_foreign_key_check",
                             "a row without its parent in", fn, arg, err);
    return st;
}

static void
sqlite_interrupt(tenon_drv_conn *conn)
{
    sqlite3_interrupt(((const sqlite_conn *)tenon_sql_conn_raw(conn))->raw);
}

static tenon_status
sqlite_checkpoint(tenon_drv_db *db, tenon_error *err)
{
    char busy[8];
    tenon_status st;

    (void)pthread_mutex_lock(&db->lock);
    st = tenon_sql_ask(db->probe.conn, "PRAGMA wal_checkpoint(PASSIVE)", busy, sizeof busy, err);
    (void)pthread_mutex_unlock(&db->lock);
    return st;
}

static bool
sqlite_can_run(void)
{
    if (sqlite3_threadsafe() != 0 && sqlite3_libversion_number() >= 3037000)
        return true;
    tenon_sql_host->log(TENON_LOG_ERROR, "sqlite", "needs SQLite 3.37 or newer, built for threads");
    return false;
}

TENON_SQL_DRIVER(sqlite, "1.0 (SQLite " SQLITE_VERSION ")", sqlite_capabilities,
                 TENON_DRV_REOPEN | TENON_DRV_GROUPS);
