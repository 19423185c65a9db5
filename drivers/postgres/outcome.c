/*
 * What became of a commit whose answer was lost. A transaction that took several round trips has
 * got its id from the server before: pg_xact_status knows the rest. One that travels as a whole
 * can't know its id, and several hosts may give the same id to different transactions after a
 * failover: such a one leaves a row of its own, a mark, with a key that nobody else has. To insert
 * that key is to ask, to wait for whoever is in the middle of it, and to keep him out from then on.
 */
#include <stdio.h>
#include <time.h>

#include "postgres.h"

#define OUTCOME_TRIM_EVERY 64
#define OUTCOME_LATE_NS UINT64_C(30000000) /* to ask, where the deadline has passed */

static const tenon_pq_item outcome_plain = { .kind = TENON_PQ_PLAIN };

/* Run a text with this connection's session and a number of a mark. */
static tenon_status
outcome_send_mark(const pg_conn *c, tenon_pq_link *link, tenon_pq_item item, const char *sql,
                  uint64_t number, tenon_error *err)
{
    static const Oid types[] = { 2950, 20 };
    static const int lengths[] = { 16, 8 }, formats[] = { 1, 1 };
    unsigned char big[8];
    const char *const values[] = { (const char *)c->session.bytes, (const char *)big };
    const tenon_pq_params params = { 2, types, values, lengths, formats };

    for (int i = 0; i < 8; i++)
        big[i] = (unsigned char)(number >> (56 - 8 * i));
    return tenon_pq_send(link, item, sql, &params, err);
}

tenon_status
pg_outcome_prepare(pg_conn *c, tenon_error *err)
{
    static const tenon_pq_item xid = { .kind = TENON_PQ_XID };
    tenon_pq_link *link = c->pq.now;
    tenon_status st = TENON_OK;

    c->marked = c->db->has_marks && (c->db->config.host_count > 1 || link->xid[0] == '\0');
    if (c->marked)
        return outcome_send_mark(c, link, outcome_plain,
                                 "INSERT INTO tenon_commit (session, number) VALUES ($1, $2)",
                                 ++c->mark, err);
    if (link->xid[0] != '\0' || !c->db->has_xid)
        return TENON_OK;
    st = tenon_pq_send(link, xid, PG_ASK_XID, NULL, err);
    return st == TENON_OK ? tenon_pq_run(link, NULL, err) : st;
}

/* Forget marks that are no longer needed, before the next transaction and in its round trip. */
tenon_status
pg_outcome_trim(pg_conn *c, tenon_error *err)
{
    tenon_status st;

    if (!c->db->has_marks || c->mark % OUTCOME_TRIM_EVERY != 0 || c->mark == c->trimmed)
        return TENON_OK;
    c->trimmed = c->mark;
    st = outcome_send_mark(c, c->pq.now, outcome_plain,
                           "DELETE FROM tenon_commit WHERE session = $1 AND number < $2", c->mark,
                           err);
    return st == TENON_OK ? tenon_pq_flush(c->pq.now, err) : st;
}

static tenon_status
outcome_rolled_back(tenon_error *err)
{
    return tenon_sql_fail(err, TENON_UNAVAILABLE, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                          "the connection was lost in the commit, which was rolled back");
}

static tenon_status
outcome_unknown(const char *why, tenon_error *err)
{
    return tenon_sql_fail(err, TENON_UNKNOWN_OUTCOME, 0, TENON_EFFECT_UNKNOWN, NULL,
                          "the connection was lost in the commit, and the server can't tell what "
                          "became of it: %s",
                          why);
}

static tenon_status
outcome_by_mark(const pg_conn *c, tenon_pq_link *link, tenon_error *err)
{
    const tenon_pq_item insert = { .kind = TENON_PQ_EXEC };
    tenon_error why;
    tenon_status st = outcome_send_mark(c, link, insert,
                                        "INSERT INTO tenon_commit (session, number) VALUES "
                                        "($1, $2) ON CONFLICT DO NOTHING",
                                        c->mark, &why);

    if (st == TENON_OK)
        st = tenon_pq_run(link, NULL, &why);
    if (st != TENON_OK)
        return outcome_unknown(why.message, err);
    return link->changes == 0 ? TENON_OK : outcome_rolled_back(err);
}

static tenon_status
outcome_by_xid(const char *xid, tenon_pq_link *link, tenon_error *err)
{
    static const tenon_pq_item text = { .kind = TENON_PQ_TEXT };
    struct timespec pause = { 0, 1000000 };
    char sql[80];
    tenon_error why;

    (void)snprintf(sql, sizeof sql, "SELECT pg_xact_status('%s'::xid8)", xid);
    for (;;) {
        tenon_status st = tenon_pq_send(link, text, sql, NULL, &why);

        if (st == TENON_OK)
            st = tenon_pq_run(link, NULL, &why);
        if (st != TENON_OK)
            return outcome_unknown(why.message, err);
        if (strcmp(link->answer, "committed") == 0)
            return TENON_OK;
        if (strcmp(link->answer, "aborted") == 0)
            return outcome_rolled_back(err);
        if (link->answer[0] == '\0')
            return outcome_unknown("it is too long ago", err);
        if (tenon_sql_host->monotonic_ns() + (uint64_t)pause.tv_nsec >= link->deadline_ns)
            return outcome_unknown("it is still in progress", err);
        (void)nanosleep(&pause, NULL);
        if (pause.tv_nsec < 50000000)
            pause.tv_nsec *= 2;
    }
}

tenon_status
pg_outcome_ask(pg_conn *c, tenon_error *err)
{
    const uint64_t now_ns = tenon_sql_host->monotonic_ns();
    uint64_t until_ns = c->pq.now->deadline_ns;
    tenon_pq_link *link = NULL;
    tenon_error why;
    tenon_status st;

    if (!c->pq.wrote) /* nothing to lose */
        return outcome_rolled_back(err);
    if (!c->marked && c->pq.now->xid[0] == '\0')
        return outcome_unknown("it has no name for it", err);
    if (until_ns < now_ns + OUTCOME_LATE_NS)
        until_ns = now_ns + OUTCOME_LATE_NS;
    st = tenon_pq_connect(&c->db->config, false, until_ns, &link, &why);
    if (st != TENON_OK)
        return outcome_unknown(why.message, err);
    st = c->marked ? outcome_by_mark(c, link, err) : outcome_by_xid(c->pq.now->xid, link, err);
    tenon_pq_disconnect(link);
    return st;
}
