/* PostgreSQL as a driver: what a server can do, connections, commits. The protocol is in kits/pq,
 * SQL in kits/sql. */
#include <stdio.h>
#include <stdlib.h>

#include "postgres.h"

/* What any server has, and what is found out at connect. */
#define PG_ALWAYS                                                                                  \
    (TENON_CAP_PERSISTENT | TENON_CAP_MULTI_PROCESS | TENON_CAP_SAVEPOINTS |                       \
     TENON_CAP_TRANSACTIONAL_DDL | TENON_CAP_SQL | TENON_CAP_DURABLE_NONE | TENON_CAP_INTERRUPT)
#define PG_PERHAPS                                                                                 \
    (TENON_CAP_TWO_PHASE | TENON_CAP_READ_COMMITTED | TENON_CAP_SNAPSHOT |                         \
     TENON_CAP_SERIALIZABLE | TENON_CAP_DURABLE_POWER | TENON_CAP_DURABLE_PROCESS)

static pg_conn *
pg_of(const tenon_drv_conn *conn)
{
    return tenon_sql_conn_raw(conn);
}

/* ---- The URL ---- */

static tenon_status
pg_own(void *arg, const tenon_drv_param *param, bool *own, tenon_error *err)
{
    tenon_drv_db *db = arg;
    const char *value = param->value;
    const bool replica = strcmp(param->key, "replica") == 0;

    *own = replica || strcmp(param->key, "pooler") == 0;
    if (!*own || strcmp(value, "none") == 0)
        return TENON_OK;
    if (replica) {
        db->replica = strcmp(value, "prefer") == 0;
    } else {
        db->config.pooler = strcmp(value, "transaction") == 0;
        db->pools_sessions = strcmp(value, "session") == 0;
    }
    if (replica ? db->replica : db->config.pooler || db->pools_sessions)
        return TENON_OK;
    return tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, param->key, "%s=%s: %s",
                          param->key, value,
                          replica ? "prefer or none" : "transaction, session or none");
}

/* ---- What a server can do ---- */

/* The table of marks, where it is there or may be made. */
static void
pg_probe_marks(tenon_drv_db *db, tenon_pq_link *link, bool create)
{
    tenon_error ignored;

    if (create)
        (void)tenon_pq_ask(link,
                           "CREATE TABLE IF NOT EXISTS tenon_commit (session uuid, number bigint, "
                           "asked boolean NOT NULL DEFAULT false, "
                           "at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (session, number))",
                           &ignored);
    /* of a list of privileges, one would be enough for the server */
    if (tenon_pq_ask(link,
                     "SELECT bool_and(has_table_privilege('tenon_commit', p))::text "
                     "FROM unnest(ARRAY['SELECT', 'INSERT', 'DELETE']) p",
                     &ignored) != TENON_OK)
        return;
    db->has_marks = strcmp(link->answer, "true") == 0;
    (void)tenon_pq_ask(link, "DELETE FROM tenon_commit WHERE at < now() - interval '1 day'",
                       &ignored);
}

/* What of a commit survives is the server's to say. */
static tenon_status
pg_probe_durability(tenon_drv_db *db, tenon_pq_link *link, tenon_error *err)
{
    const bool safe = strcmp(tenon_pq_setting(link, "fsync"), "off") != 0 &&
                      strcmp(tenon_pq_setting(link, "full_page_writes"), "off") != 0;
    const uint32_t best = safe ? TENON_DURABLE_POWER : TENON_DURABLE_PROCESS;

    db->capabilities |= safe ? TENON_CAP_DURABLE_POWER : TENON_CAP_DURABLE_PROCESS;
    if (db->config.durability == best || db->config.durability == TENON_DURABLE_NONE)
        return TENON_OK;
    return tenon_sql_fail(err, TENON_UNSUPPORTED, 0, TENON_EFFECT_OPEN, "durability",
                          safe ? "this server flushes every commit: durability is power or none"
                               : "this server does not flush (fsync, full_page_writes): durability "
                                 "is process or none");
}

/* Whether somebody stands between. He has told us a process number of his own. */
static tenon_status
pg_probe_pooler(const tenon_drv_db *db, tenon_pq_link *link, tenon_error *err)
{
    tenon_status st = tenon_pq_ask(link, "SELECT pg_backend_pid()::text", err);
    bool between;

    if (st != TENON_OK || !db->has_xid) /* other servers number as they like */
        return st;
    between = strtol(link->answer, NULL, 10) != PQbackendPID(link->pg);
    if (between && !db->config.pooler && !db->pools_sessions)
        return tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, "pooler",
                              "a pooler stands before the server: say pooler=transaction, or "
                              "pooler=session where each client keeps its server connection");
    if (!between && db->config.pooler)
        return tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, "pooler",
                              "the URL says pooler=transaction, and no pooler stands before the "
                              "server");
    return TENON_OK;
}

static tenon_status
pg_probe(tenon_drv_db *db, tenon_pq_link *link, bool create, tenon_error *err)
{
    tenon_error ignored;
    tenon_status st;

    db->capabilities = PG_ALWAYS;
    db->has_xid = tenon_pq_ask(link, PG_ASK_XID, &ignored) == TENON_OK;
    if (strtol(tenon_pq_setting(link, "max_prepared_transactions"), NULL, 10) > 0)
        db->capabilities |= TENON_CAP_TWO_PHASE;
    st = pg_probe_pooler(db, link, err);
    if (st == TENON_OK)
        st = pg_probe_durability(db, link, err);
    if (st == TENON_OK)
        st = tenon_pq_probe_levels(link, &db->capabilities, err);
    if (st == TENON_OK && !db->config.read_only)
        pg_probe_marks(db, link, create);
    return st;
}

/* ---- Databases ---- */

static void
postgres_close(tenon_drv_db *db)
{
    if (db == NULL)
        return;
    tenon_pq_disconnect(db->spare);
    tenon_pq_config_fini(&db->config);
    (void)pthread_mutex_destroy(&db->lock);
    free(db);
}

static tenon_status
postgres_open(const tenon_drv_open *options, tenon_drv_db **out, tenon_error *err)
{
    tenon_drv_db *db = calloc(1, sizeof *db);
    tenon_status st;

    *out = NULL;
    if (db == NULL)
        return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    (void)pthread_mutex_init(&db->lock, NULL);
    db->config.durability = options->durability;
    db->config.read_only = options->read_only != 0;
    st = tenon_pq_config_read(&db->config, options, pg_own, db, err);
    if (st == TENON_OK)
        st = tenon_pq_connect(&db->config, false,
                              tenon_sql_host->monotonic_ns() + db->config.connect_ns, &db->spare,
                              err);
    if (st == TENON_OK)
        st = pg_probe(db, db->spare, options->create != 0, err);
    if (st != TENON_OK) {
        postgres_close(db);
        return st;
    }
    *out = db;
    return TENON_OK;
}

static tenon_status
postgres_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    tenon_drv_info full = { .size = sizeof full,
                            .capabilities = db->capabilities,
                            .durability = db->config.durability };
    const tenon_status st = tenon_pq_disk_bytes(&db->config, &full.disk_bytes, err);

    if (st == TENON_OK)
        tenon_drv_give_info(info, &full);
    return st;
}

/* ---- Connections ---- */

static void
postgres_conn_close(tenon_drv_conn *conn)
{
    pg_conn *c;

    if (conn == NULL)
        return;
    c = pg_of(conn);
    tenon_sql_conn_settle(conn);
    tenon_sql_conn_free(conn);
    tenon_pq_disconnect(c->pq.main);
    tenon_pq_disconnect(c->pq.replica);
    free(c);
}

/* A link to a server that writes, ready to be used. */
static tenon_status
pg_conn_link(pg_conn *c, uint64_t deadline_ns, tenon_pq_link **out, tenon_error *err)
{
    tenon_drv_db *db = c->db;
    const uint64_t longest_ns = tenon_sql_host->monotonic_ns() + db->config.connect_ns;
    tenon_pq_link *link;
    tenon_status st = TENON_OK;

    (void)pthread_mutex_lock(&db->lock);
    link = db->spare;
    db->spare = NULL;
    (void)pthread_mutex_unlock(&db->lock);
    if (link == NULL || !tenon_pq_is_alive(link)) {
        tenon_pq_disconnect(link);
        st = tenon_pq_connect(&db->config, false,
                              deadline_ns < longest_ns ? deadline_ns : longest_ns, &link, err);
    }
    if (st == TENON_OK) {
        link->deadline_ns = deadline_ns;
        st = tenon_pq_set_up(&db->config, link, err);
    }
    if (st == TENON_OK)
        st = pg_outcome_begin(c, link, err);
    if (st == TENON_OK && db->replica)
        st = pg_replica_begin(db, link, err);
    if (st != TENON_OK) {
        tenon_pq_disconnect(link);
        link = NULL;
    }
    *out = link;
    return st;
}

static tenon_status
postgres_conn_open_until(tenon_drv_db *db, uint64_t deadline_ns, tenon_drv_conn **out,
                         tenon_error *err)
{
    pg_conn *c = calloc(1, sizeof *c);
    tenon_status st;

    *out = NULL;
    if (c == NULL)
        return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    c->db = db;
    c->pq.config = &db->config;
    c->pq.ask_xid = db->has_xid && !db->has_marks ? PG_ASK_XID : NULL;
    tenon_sql_host->random(&c->session, sizeof c->session);
    st = pg_conn_link(c, deadline_ns, &c->pq.main, err);
    c->pq.now = c->pq.main;
    if (st == TENON_OK)
        st = tenon_sql_conn_new(&tenon_pq_engine, c, &c->pq.conn, err);
    if (st != TENON_OK) {
        tenon_pq_disconnect(c->pq.main);
        free(c);
        return st;
    }
    *out = c->pq.conn;
    return TENON_OK;
}

static tenon_status
postgres_conn_open(tenon_drv_db *db, tenon_drv_conn **out, tenon_error *err)
{
    return postgres_conn_open_until(db, UINT64_MAX, out, err);
}

/* A connection that something may still hit, or that has seen too much, is not used again. */
static tenon_status
postgres_conn_reset(tenon_drv_conn *conn, tenon_error *err)
{
    pg_conn *c = pg_of(conn);

    tenon_sql_conn_settle(conn);
    if (c->pq.replica != NULL && (c->pq.replica->dead || c->pq.replica->cancelled))
        pg_replica_rest(c);
    if (c->pq.main->dead || c->pq.main->cancelled || c->pq.main->worn > 256)
        return tenon_sql_fail(err, TENON_UNAVAILABLE, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                              "the connection is not to be used again");
    return TENON_OK;
}

static tenon_status
postgres_conn_check(tenon_drv_conn *conn, uint64_t deadline_ns, tenon_error *err)
{
    pg_conn *c = pg_of(conn);

    c->pq.main->deadline_ns = deadline_ns;
    return tenon_pq_ask(c->pq.main, "SELECT 1", err);
}

static uint64_t
postgres_round_trips(const tenon_drv_conn *conn)
{
    const pg_conn *c = pg_of(conn);

    return c->pq.main->trips + (c->pq.replica == NULL ? 0 : c->pq.replica->trips);
}

/* ---- Transactions ---- */

/* Before anything is sent, a connection that the server has closed is replaced by another one. */
static tenon_status
pg_reconnect(pg_conn *c, uint64_t deadline_ns, tenon_error *err)
{
    tenon_pq_link *link = NULL;
    tenon_status st = pg_conn_link(c, deadline_ns, &link, err);

    if (st != TENON_OK)
        return st;
    link->trips += c->pq.main->trips;
    link->names = c->pq.main->names;
    tenon_pq_disconnect(c->pq.main);
    c->pq.main = c->pq.now = link;
    return TENON_OK;
}

static tenon_status
postgres_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    pg_conn *c = pg_of(conn);

    tenon_status st = TENON_OK;

    tenon_sql_conn_settle(conn);
    if (!tenon_pq_is_alive(c->pq.main))
        st = pg_reconnect(c, how->deadline_ns, err);
    if (st != TENON_OK)
        return st;
    c->pq.now = pg_replica_choose(c, how);
    tenon_pq_begin(&c->pq, how);
    c->marked = false;
    return how->read_only ? TENON_OK : pg_outcome_trim(c, err);
}

static tenon_status
pg_commit_wait(pg_conn *c, tenon_error *err)
{
    tenon_error ignored;
    tenon_status st = c->pq.wrote ? pg_outcome_prepare(c, err) : TENON_OK;
    bool answered;

    if (st == TENON_OK)
        st = tenon_pq_send_commit(&c->pq, err);
    if (st == TENON_OK && c->pq.wrote && c->db->replica)
        st = pg_replica_ask(c, err);
    if (st == TENON_OK)
        st = tenon_pq_run(c->pq.now, NULL, err);
    answered = c->pq.now->tag != NULL && c->pq.now->tag[0] != '\0';
    if (answered) /* whatever became of the connection after that */
        st = c->pq.now->unconfirmed ? tenon_pq_unconfirmed(err) : TENON_OK;
    else if (c->pq.now->dead)
        st = c->pq.now->commit_sent ? pg_outcome_ask(c, err) : st;
    else if (st == TENON_OK)
        st = tenon_sql_fail(err, TENON_INTERNAL, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                            "the server has rolled back instead of committing");
    if (st == TENON_OK)
        pg_replica_note(c);
    if (answered || c->pq.now->dead) {
        c->pq.in_txn = c->pq.begun = false;
        return st;
    }
    (void)tenon_pq_end(&c->pq, false, &ignored);
    return st;
}

static tenon_status
postgres_commit(tenon_drv_conn *conn, tenon_error *err)
{
    pg_conn *c = pg_of(conn);

    tenon_sql_conn_settle(conn);
    if (!c->pq.begun) { /* nobody has asked the server for anything */
        c->pq.in_txn = false;
        return TENON_OK;
    }
    /* What a reader has seen at these levels stays true whatever becomes of its end. */
    if (c->pq.read_only && c->pq.isolation != TENON_SERIALIZABLE && !tenon_pq_owes(c->pq.now))
        return tenon_pq_end(&c->pq, true, err);
    return pg_commit_wait(c, err);
}

/* ---- Upkeep ---- */

static void
postgres_interrupt(tenon_drv_conn *conn)
{
    tenon_pq_interrupt(pg_of(conn)->pq.now);
}

/* ---- The plugin ---- */

static const tenon_drv_database_ops postgres_database = {
    .size = sizeof postgres_database,
    .open = postgres_open,
    .close = postgres_close,
    .info = postgres_info,
};
static const tenon_drv_connection_ops postgres_connection = {
    .size = sizeof postgres_connection,
    .open = postgres_conn_open,
    .close = postgres_conn_close,
    .reset = postgres_conn_reset,
    .open_until = postgres_conn_open_until,
    .check = postgres_conn_check,
    .round_trips = postgres_round_trips,
};
static const tenon_drv_transaction_ops postgres_transaction = {
    .size = sizeof postgres_transaction,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = tenon_pq_rollback,
    .savepoint = tenon_pq_savepoint,
    .savepoint_release = tenon_pq_savepoint_release,
    .savepoint_rollback = tenon_pq_savepoint_rollback,
};
static const tenon_drv_admin_ops postgres_admin = {
    .size = sizeof postgres_admin,
    .interrupt = postgres_interrupt,
};
static const tenon_driver postgres_driver = {
    .size = sizeof postgres_driver,
    .magic = TENON_DRIVER_MAGIC,
    .abi_major = TENON_DRIVER_ABI_MAJOR,
    .abi_minor = TENON_DRIVER_ABI_MINOR,
    .name = "postgres",
    .version = "1.0",
    .capabilities = PG_ALWAYS | PG_PERHAPS,
    .database = &postgres_database,
    .connection = &postgres_connection,
    .transaction = &postgres_transaction,
    .query = &tenon_sql_query_ops,
    .schema = &tenon_sql_schema_ops,
    .two_phase = &tenon_pq_two_phase_ops,
    .admin = &postgres_admin,
};

const tenon_driver *
tenon_driver_v1(const tenon_host *host)
{
    tenon_sql_host = host;
    return &postgres_driver;
}
