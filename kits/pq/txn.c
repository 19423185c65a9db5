/* Transactions: begun with their first statement, ended without waiting where nobody has to know.
 */
#include <stdio.h>

#include "link.h"

#define PQ_SLACK_MS                                                                                \
    1000 /* of the server's own limits, which are for those whose process is gone                  \
          */

static const tenon_pq_item pq_plain = { .kind = TENON_PQ_PLAIN };

const char *const tenon_pq_levels[] = { "", "read committed", "repeatable read", "serializable" };
const char *const tenon_pq_begins[][2] = {
    { NULL, NULL },
    { "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
      "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY" },
    { "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE",
      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
    { "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
      "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY" },
};

tenon_status
tenon_pq_probe_levels(tenon_pq_link *link, uint64_t *capabilities, tenon_error *err)
{
    static const uint64_t caps[] = { 0, TENON_CAP_READ_COMMITTED, TENON_CAP_SNAPSHOT,
                                     TENON_CAP_SERIALIZABLE };
    tenon_status st = TENON_OK;

    for (uint32_t level = TENON_READ_COMMITTED; level <= TENON_SERIALIZABLE; level++) {
        st = tenon_pq_send(link, pq_plain, tenon_pq_begins[level][1], NULL, err);
        if (st == TENON_OK)
            st = tenon_pq_ask(link, "SHOW transaction_isolation", err);
        if (st == TENON_OK && strcmp(link->answer, tenon_pq_levels[level]) == 0)
            *capabilities |= caps[level];
        if (st == TENON_OK || !link->dead)
            st = tenon_pq_ask(link, "ROLLBACK", err);
        if (st != TENON_OK)
            break;
    }
    return st;
}

static tenon_pq_conn *
pq_conn_of(const tenon_drv_conn *conn)
{
    return tenon_sql_conn_raw(conn);
}

void
tenon_pq_begin(tenon_pq_conn *c, const tenon_drv_begin *how)
{
    tenon_pq_link *link = c->now;

    link->deadline_ns = how->deadline_ns;
    link->failed = false;
    link->failed_serial = 0;
    link->ended_serial = link->serial;
    link->xid[0] = '\0';
    link->tag = NULL;
    link->commit_sent = link->unconfirmed = false;
    pq_wake_forget(link->wake);
    c->isolation = how->isolation;
    c->read_only = how->read_only != 0;
    c->in_txn = true;
    c->begun = c->wrote = false;
    tenon_sql_conn_forget(c->conn);
}

/* The server's own limits are for those who can't stop it any more: longer than ours, and set again
 * only where they would be too short or much too long. */
static tenon_status
pq_set_limits(tenon_pq_conn *c, tenon_error *err)
{
    const uint64_t now_ns = tenon_sql_host->monotonic_ns();
    const uint64_t left_ms = c->now->deadline_ns <= now_ns
                                 ? 0
                                 : (c->now->deadline_ns - now_ns) / UINT64_C(1000000) + PQ_SLACK_MS;
    uint32_t limit_ms = 2048;
    char sql[128];
    tenon_status st;

    while (limit_ms < left_ms && limit_ms < UINT32_C(1) << 30)
        limit_ms *= 2;
    if (limit_ms == c->now->limit_ms && !c->config->pooler)
        return TENON_OK;
    c->now->limit_ms = limit_ms;
    (void)snprintf(sql, sizeof sql, "SET %sstatement_timeout = %u",
                   c->config->pooler ? "LOCAL " : "", (unsigned)limit_ms);
    st = tenon_pq_send(c->now, pq_plain, sql, NULL, err);
    (void)snprintf(sql, sizeof sql, "SET %sidle_in_transaction_session_timeout = %u",
                   c->config->pooler ? "LOCAL " : "", (unsigned)limit_ms);
    if (st == TENON_OK)
        st = tenon_pq_send(c->now, pq_plain, sql, NULL, err);
    return st != TENON_OK || c->config->pooler ? st : tenon_pq_flush(c->now, err);
}

/* In the settings of a pooler's session nobody may trust: they go into the transaction. */
static tenon_status
pq_set_local(tenon_pq_conn *c, tenon_error *err)
{
    tenon_status st = tenon_pq_send(c->now, pq_plain,
                                    c->config->durability == TENON_DURABLE_NONE
                                        ? "SET LOCAL synchronous_commit = off"
                                        : "SET LOCAL synchronous_commit = on",
                                    NULL, err);

    return st == TENON_OK ? pq_set_limits(c, err) : st;
}

tenon_status
tenon_pq_begin_now(tenon_pq_conn *c, tenon_error *err)
{
    const tenon_pq_item level = { .kind = TENON_PQ_CHECK, .tag = tenon_pq_levels[c->isolation] };
    const uint32_t bit = 1u << c->isolation;
    tenon_status st = TENON_OK;

    if (c->begun)
        return TENON_OK;
    if (!c->in_txn)
        return tenon_sql_fail(err, TENON_MISUSE, 0, TENON_EFFECT_OPEN, NULL, "no transaction");
    if (!c->config->pooler)
        st = pq_set_limits(c, err);
    if (st == TENON_OK)
        st = tenon_pq_send_lasting(c->now, pq_plain, PQ_BEGIN + 2 * c->isolation + c->read_only,
                                   tenon_pq_begins[c->isolation][c->read_only], NULL, err);
    if (st == TENON_OK && (c->now->levels_seen & bit) == 0)
        st = tenon_pq_send(c->now, level, "SHOW transaction_isolation", NULL, err);
    if (st == TENON_OK && c->config->pooler)
        st = pq_set_local(c, err);
    if (st == TENON_OK && !c->config->pooler)
        c->now->levels_seen |= bit;
    c->begun = st == TENON_OK;
    return st;
}

tenon_status
tenon_pq_send_xid(tenon_pq_conn *c, tenon_error *err)
{
    static const tenon_pq_item item = { .kind = TENON_PQ_XID };

    if (c->ask_xid == NULL || c->now->xid[0] != '\0')
        return TENON_OK;
    return tenon_pq_send_lasting(c->now, item, PQ_ASK_XID, c->ask_xid, NULL, err);
}

tenon_status
tenon_pq_send_commit(tenon_pq_conn *c, tenon_error *err)
{
    static const tenon_pq_item item = { .kind = TENON_PQ_COMMIT, .tag = "COMMIT" };

    return tenon_pq_send_lasting(c->now, item, PQ_COMMIT, item.tag, NULL, err);
}

/* End what is open on the server, without waiting: what follows waits anyway. */
tenon_status
tenon_pq_end(tenon_pq_conn *c, bool commit, tenon_error *err)
{
    tenon_status st = TENON_OK;

    if (c->begun && c->now->count > 0)
        st = tenon_pq_flush(c->now, err); /* a failure skips the rest of its part only */
    if (!commit)
        c->now->ended_serial = c->now->serial;
    if (c->begun && st == TENON_OK)
        st = commit ? tenon_pq_send_lasting(c->now, pq_plain, PQ_COMMIT, "COMMIT", NULL, err)
                    : tenon_pq_send_lasting(c->now, pq_plain, PQ_ROLLBACK, "ROLLBACK", NULL, err);
    if (c->begun && st == TENON_OK)
        st = tenon_pq_flush(c->now, err);
    c->in_txn = c->begun = false;
    return st;
}

/* Whether something has been sent whose failure nobody knows yet. */
bool
tenon_pq_owes(const tenon_pq_link *link)
{
    return link->count > 0 || link->failed;
}

tenon_status
tenon_pq_rollback(tenon_drv_conn *conn, tenon_error *err)
{
    tenon_pq_conn *c = pq_conn_of(conn);

    tenon_sql_conn_settle(conn);
    c->now->failed = false;
    if (c->now->dead || c->now->cancelled) {
        c->in_txn = c->begun = false;
        return tenon_sql_fail(err, TENON_UNAVAILABLE, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                              "the connection is closed, which rolls back");
    }
    return tenon_pq_end(c, false, err);
}

/* ---- Savepoints ---- */

static tenon_status
pq_at_savepoint(tenon_pq_conn *c, const char *words, uint32_t depth, tenon_error *err)
{
    char sql[32];

    (void)snprintf(sql, sizeof sql, "%s s%u", words, (unsigned)depth);
    return tenon_pq_send(c->now, pq_plain, sql, NULL, err);
}

tenon_status
tenon_pq_savepoint(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    tenon_pq_conn *c = pq_conn_of(conn);
    tenon_status st;

    tenon_sql_conn_settle(conn);
    st = tenon_pq_begin_now(c, err);
    if (st == TENON_OK)
        st = pq_at_savepoint(c, "SAVEPOINT", depth, err);
    c->set_at[depth] = c->now->serial;
    return st;
}

/* Waits: who keeps what is inside wants to know that it has succeeded. */
tenon_status
tenon_pq_savepoint_release(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    tenon_pq_conn *c = pq_conn_of(conn);
    tenon_status st;

    tenon_sql_conn_settle(conn);
    st = pq_at_savepoint(c, "RELEASE", depth, err);
    return st == TENON_OK ? tenon_pq_run(c->now, NULL, err) : st;
}

tenon_status
tenon_pq_savepoint_rollback(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    tenon_pq_conn *c = pq_conn_of(conn);
    tenon_status st = TENON_OK;

    tenon_sql_conn_settle(conn);
    if (tenon_pq_owes(c->now))
        st = tenon_pq_run(c->now, NULL, err);
    else if (c->now->failed_serial != 0) {
        *err = c->now->failure; /* somebody was told of it already */
        st = err->status;
    }
    /* What has failed inside is undone; what has failed before it, or all of the transaction, is
     * not. */
    if (st != TENON_OK &&
        (c->now->dead || st == TENON_CONFLICT || c->now->failed_serial <= c->set_at[depth]))
        return st;
    c->now->failed_serial = 0;
    st = pq_at_savepoint(c, "ROLLBACK TO", depth, err);
    return st == TENON_OK ? pq_at_savepoint(c, "RELEASE", depth, err) : st;
}

/* ---- Two-phase commit, upkeep ---- */

tenon_status
tenon_pq_unconfirmed(tenon_error *err)
{
    return tenon_sql_fail(err, TENON_UNKNOWN_OUTCOME, 0, TENON_EFFECT_UNKNOWN, NULL,
                          "the server has committed, but its standbys did not confirm that they "
                          "have it too");
}

static tenon_status
pq_run_tagged(tenon_pq_conn *c, const char *words, const char *gid, const char *tag,
              tenon_error *err)
{
    const tenon_pq_item item = { .kind = TENON_PQ_COMMIT, .tag = tag };
    char *quoted = PQescapeLiteral(c->main->pg, gid, strlen(gid));
    char sql[512];
    tenon_status st;

    if (quoted == NULL || strlen(quoted) > 420) {
        PQfreemem(quoted);
        return tenon_sql_fail(err, TENON_INVALID, 0, TENON_EFFECT_OPEN, "gid", "no valid gid");
    }
    (void)snprintf(sql, sizeof sql, "%s %s", words, quoted);
    PQfreemem(quoted);
    c->main->tag = NULL;
    c->main->unconfirmed = false;
    st = tenon_pq_send(c->main, item, sql, NULL, err);
    if (st == TENON_OK)
        st = tenon_pq_run(c->main, NULL, err);
    if (c->main->dead && c->main->commit_sent)
        return tenon_sql_fail(err, TENON_UNKNOWN_OUTCOME, 0, TENON_EFFECT_UNKNOWN, gid,
                              "the connection was lost in %s", words);
    if (st == TENON_INVALID && strcmp(err->sqlstate, "42704") == 0) /* undefined_object */
        return tenon_sql_fail(err, TENON_NOT_FOUND, 0, TENON_EFFECT_OPEN, gid,
                              "no transaction is prepared under that id");
    if (st == TENON_OK && c->main->tag != tag)
        st = tenon_sql_fail(err, TENON_CONFLICT, 0, TENON_EFFECT_ROLLED_BACK, gid,
                            "the server has rolled back instead");
    return st == TENON_OK && c->main->unconfirmed ? tenon_pq_unconfirmed(err) : st;
}

static tenon_status
pq_two_phase_prepare(tenon_drv_conn *conn, const char *gid, tenon_error *err)
{
    static const char words[] = "PREPARE TRANSACTION";
    tenon_pq_conn *c = pq_conn_of(conn);
    tenon_error ignored;
    tenon_status st = tenon_pq_begin_now(c, err);

    tenon_sql_conn_settle(conn);
    if (st == TENON_OK)
        st = pq_run_tagged(c, words, gid, words, err);
    if (st != TENON_OK && !c->main->dead)
        (void)tenon_pq_end(c, false, &ignored);
    c->in_txn = c->begun = false;
    return st;
}

static tenon_status
pq_two_phase_commit(tenon_drv_conn *conn, const char *gid, tenon_error *err)
{
    return pq_run_tagged(pq_conn_of(conn), "COMMIT PREPARED", gid, "COMMIT PREPARED", err);
}

static tenon_status
pq_two_phase_rollback(tenon_drv_conn *conn, const char *gid, tenon_error *err)
{
    return pq_run_tagged(pq_conn_of(conn), "ROLLBACK PREPARED", gid, "ROLLBACK PREPARED", err);
}

/* Whom to tell of a prepared transaction. */
typedef struct pq_listing {
    tenon_drv_prepared_fn fn;
    void *arg;
} pq_listing;

static void
pq_tell_prepared(void *arg, const char *where, const char *gid)
{
    const pq_listing *listing = arg;

    (void)where;
    listing->fn(listing->arg, gid);
}

static tenon_status
pq_two_phase_list(tenon_drv_conn *conn, tenon_drv_prepared_fn fn, void *arg, tenon_error *err)
{
    const tenon_drv_begin how = { .deadline_ns = UINT64_MAX,
                                  .isolation = TENON_READ_COMMITTED,
                                  .read_only = 1 };
    tenon_pq_conn *c = pq_conn_of(conn);
    pq_listing listing = { fn, arg };
    tenon_error ignored;
    tenon_status st;

    c->now = c->main;
    tenon_pq_begin(c, &how);
    st = tenon_sql_check(conn,
                         "SELECT gid FROM pg_prepared_xacts WHERE database = "
                         "current_database()",
                         "", pq_tell_prepared, &listing, err);
    (void)tenon_pq_rollback(conn, &ignored);
    return st;
}

const tenon_drv_two_phase_ops tenon_pq_two_phase_ops = {
    .size = sizeof tenon_pq_two_phase_ops,
    .prepare = pq_two_phase_prepare,
    .commit = pq_two_phase_commit,
    .rollback = pq_two_phase_rollback,
    .list = pq_two_phase_list,
};
