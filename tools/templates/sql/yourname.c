/*
 * yourname: a driver for Tenon on kits/sql. A function that is not written yet says so by its name,
 * in what `tenon check` tells; docs/writing-a-driver.md of Tenon goes through them by their steps.
 */
#include <stdlib.h>

#include <tenon/kit/posix.h>
#include <tenon/kit/sql.h>

/* ---- Step 2: what a database and a connection are made of ---- */

struct tenon_drv_db {
    char *path; /* of the file; a server has something else here */
    uint32_t durability, read_only;
};

typedef struct yourname_conn {
    tenon_drv_db *db;
    tenon_drv_conn *conn; /* the kit's */
    uint64_t deadline_ns; /* of the transaction; UINT64_MAX = none */
} yourname_conn;

/* Step 6: what works, and nothing else. SQL and INTERRUPT are slots that TENON_SQL_DRIVER fills. */
static const uint64_t yourname_capabilities = TENON_CAP_PERSISTENT | TENON_CAP_SINGLE_WRITER |
                                              TENON_CAP_SAVEPOINTS | TENON_CAP_TRANSACTIONAL_DDL |
                                              TENON_CAP_SERIALIZABLE | TENON_CAP_DURABLE_POWER |
                                              TENON_CAP_SQL | TENON_CAP_INTERRUPT;

/* A failure names what was tried, and where; `effect` says what became of the transaction. */
static tenon_status
yourname_unwritten(tenon_error *err, const char *function, int step)
{
    return tenon_sql_fail(err, TENON_UNSUPPORTED, 0, TENON_EFFECT_MUST_ROLL_BACK, function,
                          "yourname.c: %s is not written yet: see docs/writing-a-driver.md, "
                          "SQL step %d",
                          function, step);
}

/* ---- Step 2: databases ---- */

static void
yourname_close(tenon_drv_db *db)
{
    if (db == NULL)
        return;
    free(db->path);
    free(db);
}

/* Find the file, or make an empty one where options->create says so. Unknown parameters are
 * refused. What is no database of the engine is TENON_CORRUPT. */
static tenon_status
yourname_open(const tenon_drv_open *options, tenon_drv_db **out, tenon_error *err)
{
    tenon_drv_db *db = calloc(1, sizeof *db);
    struct stat file;
    tenon_status st;

    *out = NULL;
    if (db == NULL)
        return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    db->durability = options->durability;
    db->read_only = options->read_only;
    st = tenon_posix_read_params(options, NULL, 0, err);
    if (st == TENON_OK)
        st = tenon_posix_find_file(options, &db->path, &file, err);
    if (st == TENON_OK)
        st = yourname_unwritten(err, __func__, 2); /* see that it is the engine's */
    if (st == TENON_OK)
        *out = db;
    else
        yourname_close(db);
    return st;
}

/* Step 6: durability as the engine has it. */
static tenon_status
yourname_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    (void)err;
    info->capabilities = yourname_capabilities;
    info->durability = db->durability;
    info->disk_bytes = tenon_posix_disk_bytes(db->path, "");
    return TENON_OK;
}

/* ---- Step 4: statements ---- */

static tenon_status
yourname_prepare(void *raw, const tenon_sql_source *source, tenon_sql_stmt **out, tenon_error *err)
{
    (void)raw, (void)source;
    *out = NULL;
    return yourname_unwritten(err, __func__, 4);
}

static void
yourname_finalize(tenon_sql_stmt *stmt)
{
    (void)stmt;
}

static tenon_status
yourname_bind(void *raw, tenon_sql_stmt *stmt, uint32_t number, const tenon_value *value,
              tenon_error *err)
{
    (void)raw, (void)stmt, (void)number, (void)value;
    return yourname_unwritten(err, __func__, 4);
}

/* TENON_OK with a row, TENON_NOT_FOUND at the end. A violated key or constraint names itself in
 * err->object. */
static tenon_status
yourname_step(void *raw, tenon_sql_stmt *stmt, const tenon_drv_query *query,
              const tenon_value *params, tenon_error *err)
{
    (void)raw, (void)stmt, (void)query, (void)params;
    return yourname_unwritten(err, __func__, 4);
}

static void
yourname_column(tenon_sql_stmt *stmt, uint32_t number, tenon_type type, tenon_value *out)
{
    (void)stmt, (void)number, (void)type;
    *out = tenon_null();
}

static tenon_status
yourname_column_count(tenon_sql_stmt *stmt, uint32_t *out, tenon_error *err)
{
    (void)stmt;
    *out = 0;
    return yourname_unwritten(err, __func__, 4);
}

static void
yourname_reset(tenon_sql_stmt *stmt)
{
    (void)stmt;
}

/* Rows that the last statement changed. */
static uint64_t
yourname_changes(void *raw)
{
    (void)raw;
    return 0;
}

/* Step 6: how the engine's SQL differs from this. */
static const tenon_sql_dialect yourname_dialect = {
    .size = sizeof yourname_dialect,
    .types = { "", "BIGINT", "DOUBLE PRECISION", "BOOLEAN", "TEXT", "BLOB", "BLOB", "BIGINT" },
    .true_text = "TRUE",
    .false_text = "FALSE",
    .blob_prefix = "X'",
    .blob_suffix = "'",
    .restrict_text = "NO ACTION",
    .table_suffix = "",
    .table_query = "SELECT 1 FROM information_schema.tables WHERE table_name = ?1",
    .index_query = "SELECT 1 FROM information_schema.statistics WHERE index_name = ?1",
    .explain_prefix = "EXPLAIN ",
    .explain_column = 0,
    .placeholder = '?',
};

static const tenon_sql_engine yourname_engine = {
    .size = sizeof yourname_engine,
    .dialect = &yourname_dialect,
    .prepare = yourname_prepare,
    .finalize = yourname_finalize,
    .bind = yourname_bind,
    .step = yourname_step,
    .column = yourname_column,
    .column_count = yourname_column_count,
    .reset = yourname_reset,
    .changes = yourname_changes,
};

/* ---- Step 3: connections ---- */

/* Open the engine's connection, by the deadline c->deadline_ns. */
static tenon_status
yourname_connect(yourname_conn *c, tenon_error *err)
{
    (void)c;
    return yourname_unwritten(err, __func__, 3);
}

static void
yourname_disconnect(yourname_conn *c)
{
    (void)c;
}

static tenon_status
yourname_conn_open_until(tenon_drv_db *db, uint64_t deadline_ns, tenon_drv_conn **out,
                         tenon_error *err)
{
    yourname_conn *c = calloc(1, sizeof *c);
    tenon_status st;

    *out = NULL;
    if (c == NULL)
        return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    c->db = db;
    c->deadline_ns = deadline_ns;
    st = tenon_sql_conn_new(&yourname_engine, c, &c->conn, err);
    if (st == TENON_OK)
        st = yourname_connect(c, err);
    if (st == TENON_OK) {
        *out = c->conn;
        return st;
    }
    tenon_sql_conn_free(c->conn);
    free(c);
    return st;
}

static void
yourname_conn_close(tenon_drv_conn *conn)
{
    yourname_conn *c;

    if (conn == NULL)
        return;
    c = tenon_sql_conn_raw(conn);
    tenon_sql_conn_settle(conn);
    tenon_sql_conn_free(conn);
    yourname_disconnect(c);
    free(c);
}

static tenon_status
yourname_conn_reset(tenon_drv_conn *conn, tenon_error *err)
{
    (void)err;
    tenon_sql_conn_settle(conn);
    return TENON_OK;
}

/* ---- Step 5: transactions ---- */

/* A writer waits for its turn, by how->deadline_ns. `TENON_SQL_KEPT` texts are compiled once:
 * tenon_sql_run_kept(conn, 0, "BEGIN", err). */
static tenon_status
yourname_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    (void)how;
    tenon_sql_conn_settle(conn);
    return yourname_unwritten(err, __func__, 5);
}

/* TENON_UNKNOWN_OUTCOME where it may or may not have happened. */
static tenon_status
yourname_commit(tenon_drv_conn *conn, tenon_error *err)
{
    tenon_sql_conn_settle(conn);
    return yourname_unwritten(err, __func__, 5);
}

static tenon_status
yourname_rollback(tenon_drv_conn *conn, tenon_error *err)
{
    tenon_sql_conn_settle(conn);
    return yourname_unwritten(err, __func__, 5);
}

/* ---- Step 6: upkeep, where the engine has it ---- */

static tenon_status
yourname_verify(tenon_drv_conn *conn, tenon_problem_fn fn, void *arg, tenon_error *err)
{
    (void)conn, (void)fn, (void)arg, (void)err;
    return TENON_OK;
}

/* Stops the running statement, from another thread. */
static void
yourname_interrupt(tenon_drv_conn *conn)
{
    (void)conn;
}

static tenon_status
yourname_checkpoint(tenon_drv_db *db, tenon_error *err)
{
    (void)db, (void)err;
    return TENON_OK;
}

/* Whether the engine's library can be used here; log why not. */
static bool
yourname_can_run(void)
{
    return true;
}

TENON_SQL_DRIVER(yourname, "0.1", yourname_capabilities, 0);
