/* Checkpoints in a thread of their own. */
#include "checkpoint.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>

#define LOG_CONNECT_NS UINT64_C(5000000000) /* for a connection of the thread's own */
#define LOG_CLOSE_NS UINT64_C(100000000)    /* for a transaction in progress to end */
#define LOG_ALONE_NS UINT64_C(10000000)     /* for readers and other processes, writers kept out */
#define LOG_PASSES_UNTIL (SQLITE_LOG_MOST + SQLITE_LOG_STEP) /* beside writers, then without */
#define LOG_SHORT 200 /* pages for which they may be at once */

/* ---- Called by writers ---- */

static void log_call(sqlite_log *log);

/* After each commit. The number falls where the log was begun anew, by any process. */
static int
log_on_commit(void *arg, sqlite3 *raw, const char *name, int frames)
{
    sqlite_log *log = arg;

    (void)raw, (void)name;
    atomic_store(&log->frames, frames);
    if (frames < atomic_load(&log->moved))
        atomic_store(&log->moved, 0);
    if (frames - atomic_load(&log->moved) >= SQLITE_LOG_STEP &&
        !atomic_exchange(&log->called, true))
        log_call(log);
    return SQLITE_OK;
}

void
sqlite_log_watch(sqlite_log *log, sqlite3 *raw)
{
    if (log->db != NULL)
        (void)sqlite3_wal_hook(raw, log_on_commit, log);
}

bool
sqlite_log_enter(sqlite_log *log, uint64_t deadline_ns)
{
    if (log->db == NULL)
        return true;
    if (atomic_load(&log->frames) >= SQLITE_LOG_LIMIT && !atomic_load(&log->held)) {
        if (!tenon_gate_enter(&log->moving, deadline_ns))
            return false;
        tenon_gate_leave(&log->moving);
    }
    return tenon_gate_enter(&log->gate, deadline_ns);
}

void
sqlite_log_leave(sqlite_log *log)
{
    if (log->db != NULL)
        tenon_gate_leave(&log->gate);
}

/* ---- The thread ---- */

/* Busy is normal: somebody else moves the log, or reads or writes it. The rest is told once. */
static bool
log_is_done(sqlite_log *log, sqlite3 *raw, int rc)
{
    char text[256];

    if (rc == SQLITE_OK)
        return true;
    if ((rc & 0xFF) == SQLITE_BUSY || (rc & 0xFF) == SQLITE_INTERRUPT || log->has_failed)
        return false;
    log->has_failed = true;
    (void)snprintf(text, sizeof text, "a checkpoint failed, more will be tried: %s",
                   sqlite3_errmsg(raw));
    tenon_sql_host->log(TENON_LOG_WARNING, "sqlite", text);
    return false;
}

static void
log_warn_of_length(sqlite_log *log)
{
    char text[160];

    if (log->has_warned || atomic_load(&log->frames) < 4 * SQLITE_LOG_MOST)
        return;
    log->has_warned = true;
    (void)snprintf(text, sizeof text,
                   "the log has grown to %d pages: a transaction that reads for long, or another "
                   "process, keeps it from being begun anew",
                   atomic_load(&log->frames));
    tenon_sql_host->log(TENON_LOG_WARNING, "sqlite", text);
}

/* Move what is there, beside readers and writers. @param[out] left pages to move now, those that
 * were written meanwhile included @return false: it failed, or somebody reads an old state */
static bool
log_move(sqlite_log *log, sqlite3 *raw, int *left)
{
    int frames = 0, moved = 0, rc;
    bool is_moved;

    (void)tenon_gate_close(&log->moving, UINT64_MAX);
    rc = sqlite3_wal_checkpoint_v2(raw, "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
    is_moved = log_is_done(log, raw, rc) && frames - moved < SQLITE_LOG_STEP;
    atomic_store(&log->held, !is_moved);
    tenon_gate_open(&log->moving);
    *left = atomic_load(&log->frames) - moved;
    return is_moved;
}

/* Move the rest with the writers kept out, and see that nobody reads from the log any more: the
 * next writer begins it anew. */
static bool
log_begin_anew(sqlite_log *log, sqlite_conn *c)
{
    int frames = 0, moved = 0, rc;

    if (!tenon_gate_close(&log->gate, tenon_sql_host->monotonic_ns() + LOG_CLOSE_NS))
        return false;
    c->deadline_ns = tenon_sql_host->monotonic_ns() + LOG_ALONE_NS;
    c->turn = log->turn; /* which no writer of this process uses now */
    rc = sqlite3_wal_checkpoint_v2(c->raw, "main", SQLITE_CHECKPOINT_RESTART, &frames, &moved);
    c->turn = NULL;
    tenon_turn_step_out(log->turn);
    tenon_gate_open(&log->gate);
    c->deadline_ns = UINT64_MAX;
    return log_is_done(log, c->raw, rc);
}

/* Whatever comes of it, the next call comes after SQLITE_LOG_STEP more pages. To keep writers out
 * is of no use while somebody reads an old state; where they write faster than the log is moved,
 * there is no other way. */
static void
log_keep(sqlite_log *log, sqlite_conn *c)
{
    const int begun = atomic_load(&log->frames);
    int left = 0, before = INT_MAX;
    bool moved = log_move(log, c->raw, &left);

    if (begun >= SQLITE_LOG_MOST) {
        while (moved && left > LOG_SHORT && left < before &&
               atomic_load(&log->frames) < LOG_PASSES_UNTIL) {
            before = left;
            moved = log_move(log, c->raw, &left);
        }
        if (moved)
            (void)log_begin_anew(log, c);
        log_warn_of_length(log);
    }
    atomic_store(&log->moved, begun);
    atomic_store(&log->called, false);
}

static bool
log_connect(sqlite_log *log, sqlite_conn *c)
{
    const uint64_t until_ns = tenon_sql_host->monotonic_ns() + LOG_CONNECT_NS;
    tenon_error err = { 0 };
    char version[16];
    tenon_status st;

    if (c->raw != NULL)
        return true;
    st = sqlite_connect(c, log->db, until_ns, &err);
    if (st == TENON_OK) { /* reads the header: before that, SQLite knows of no log */
        st = tenon_sql_ask(c->conn, "PRAGMA schema_version", version, sizeof version, &err);
        if (st != TENON_OK)
            sqlite_disconnect(c);
    }
    c->deadline_ns = UINT64_MAX;
    if (st == TENON_OK) {
        (void)pthread_mutex_lock(&log->lock);
        log->raw = c->raw;
        (void)pthread_mutex_unlock(&log->lock);
        return true;
    }
    if (!log->has_failed)
        tenon_sql_host->log(TENON_LOG_WARNING, "sqlite", err.message);
    log->has_failed = true;
    atomic_store(&log->moved, atomic_load(&log->frames));
    atomic_store(&log->called, false);
    return false;
}

static void *
log_run(void *arg)
{
    sqlite_log *log = arg;
    sqlite_conn c = { 0 };
    bool stopping = false;

    while (!stopping) {
        (void)pthread_mutex_lock(&log->lock);
        while (!log->stopping && !atomic_load(&log->called))
            (void)pthread_cond_wait(&log->changed, &log->lock);
        stopping = log->stopping;
        (void)pthread_mutex_unlock(&log->lock);
        if (!stopping && log_connect(log, &c))
            log_keep(log, &c);
    }
    (void)pthread_mutex_lock(&log->lock);
    log->raw = NULL;
    (void)pthread_mutex_unlock(&log->lock);
    if (c.raw != NULL)
        sqlite_disconnect(&c);
    return NULL;
}

/* ---- Beginning and end ---- */

/* Signals are the application's. */
static void
log_start(sqlite_log *log)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    log->started = pthread_create(&log->thread, NULL, log_run, log) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!log->started) { /* tried again when the log has grown */
        atomic_store(&log->moved, atomic_load(&log->frames));
        atomic_store(&log->called, false);
    }
}

static void
log_call(sqlite_log *log)
{
    (void)pthread_mutex_lock(&log->lock);
    if (log->started)
        (void)pthread_cond_signal(&log->changed);
    else if (!log->stopping)
        log_start(log);
    (void)pthread_mutex_unlock(&log->lock);
}

void
sqlite_log_init(sqlite_log *log, tenon_drv_db *db, tenon_turn *turn)
{
    log->db = db;
    log->turn = turn;
    atomic_init(&log->frames, 0);
    atomic_init(&log->moved, 0);
    atomic_init(&log->called, false);
    atomic_init(&log->held, false);
    tenon_gate_init(&log->gate);
    tenon_gate_init(&log->moving);
    (void)pthread_mutex_init(&log->lock, NULL);
    (void)pthread_cond_init(&log->changed, NULL);
}

void
sqlite_log_fini(sqlite_log *log)
{
    (void)pthread_mutex_lock(&log->lock);
    log->stopping = true;
    if (log->raw != NULL)
        sqlite3_interrupt(log->raw);
    (void)pthread_cond_signal(&log->changed);
    (void)pthread_mutex_unlock(&log->lock);
    if (log->started)
        (void)pthread_join(log->thread, NULL);
    tenon_gate_fini(&log->gate);
    tenon_gate_fini(&log->moving);
    (void)pthread_cond_destroy(&log->changed);
    (void)pthread_mutex_destroy(&log->lock);
}
