/*
 * What became of a commit whose answer was lost. A transaction that writes leaves a row of its own,
 * a mark, with a key that nobody else has. To insert that key is to ask, to wait for whoever is in
 * the middle of it, and to keep him out from then on.
 *
 * Where the table of marks is not allowed, pg_xact_status has to do. A transaction that travels as
 * a whole can't know its id. And an id may be given twice: what a server had in memory only when it
 * crashed, it gives again, to somebody whose commit is not ours. So "committed" counts only from a
 * server that has not started anew since.
 *
 * Where a server waits for standbys, committed is what they have too.
 */
#include <stdio.h>
#include <time.h>

#include "postgres.h"

#define OUTCOME_TRIM_EVERY 64
#define OUTCOME_PAUSE_NS 5000000L          /* before another one is asked */
#define OUTCOME_LATE_NS UINT64_C(20000000) /* to ask, where the deadline has passed */

static const tenon_pq_item outcome_plain = { .kind = TENON_PQ_PLAIN };

/* What is sent often. */
enum { OUTCOME_MARK, OUTCOME_TRIM, OUTCOME_ONCE };

/* Send a text with this connection's session and a number of a mark. */
static tenon_status
outcome_send_mark(const pg_conn *c, tenon_pq_link *link, tenon_pq_item item, uint32_t which,
                  const char *sql, uint64_t number, tenon_error *err)
{
    static const Oid types[] = { 2950, 20 };
    static const int lengths[] = { 16, 8 }, formats[] = { 1, 1 };
    unsigned char big[8];
    const char *const values[] = { (const char *)c->session.bytes, (const char *)big };
    const tenon_pq_params params = { 2, types, values, lengths, formats };

    for (int i = 0; i < 8; i++)
        big[i] = (unsigned char)(number >> (56 - 8 * i));
    return which == OUTCOME_ONCE ? tenon_pq_send(link, item, sql, &params, err)
                                 : tenon_pq_send_lasting(link, item, which, sql, &params, err);
}

/* When the server was started, and when it last began to count anew, which it does after it has
 * recovered from a crash of one of its processes. */
static tenon_status
outcome_ask_life(tenon_pq_link *link, tenon_error *err)
{
    return tenon_pq_ask(link,
                        "SELECT extract(epoch FROM pg_postmaster_start_time())::text || ' ' || "
                        "coalesce(extract(epoch FROM stats_reset)::text, '') FROM pg_stat_bgwriter",
                        err);
}

tenon_status
pg_outcome_begin(pg_conn *c, tenon_pq_link *link, tenon_error *err)
{
    tenon_status st;

    if (c->db->has_marks || !c->db->has_xid)
        return TENON_OK;
    st = outcome_ask_life(link, err);
    (void)snprintf(c->life, sizeof c->life, "%s", link->answer);
    return st;
}

tenon_status
pg_outcome_prepare(pg_conn *c, tenon_error *err)
{
    tenon_pq_link *link = c->pq.now;
    tenon_status st;

    c->marked = c->db->has_marks;
    if (c->marked)
        return outcome_send_mark(c, link, outcome_plain, OUTCOME_MARK,
                                 "INSERT INTO tenon_commit (session, number) VALUES ($1, $2)",
                                 ++c->mark, err);
    if (link->xid[0] != '\0' || !c->db->has_xid)
        return TENON_OK;
    st = tenon_pq_send_xid(&c->pq, err);
    return st == TENON_OK ? tenon_pq_run(link, NULL, err) : st;
}

/* Forget marks that are no longer needed: in the round trip of the next transaction, before it, and
 * with nobody waiting for a flush. */
tenon_status
pg_outcome_trim(pg_conn *c, tenon_error *err)
{
    static const char *const texts[] = { "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
                                         "SET LOCAL synchronous_commit = off", NULL, "COMMIT" };
    tenon_status st = TENON_OK;

    if (!c->db->has_marks || c->mark % OUTCOME_TRIM_EVERY != 0 || c->mark == c->trimmed)
        return TENON_OK;
    c->trimmed = c->mark;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && st == TENON_OK; i++)
        st = texts[i] != NULL
                 ? tenon_pq_send(c->pq.now, outcome_plain, texts[i], NULL, err)
                 : outcome_send_mark(c, c->pq.now, outcome_plain, OUTCOME_TRIM,
                                     "DELETE FROM tenon_commit WHERE session = $1 AND number < $2",
                                     c->mark, err);
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

/* Who lost his connection while the server waited for its standbys finds his commit there before
 * they have it. Something small that is written after it is confirmed after it. */
static tenon_status
outcome_is_confirmed(tenon_pq_link *link, tenon_error *err)
{
    tenon_error why;
    const tenon_status st = tenon_pq_ask(
        link, "SELECT pg_logical_emit_message(true, 'tenon', '')::text", &why);

    if (st != TENON_OK)
        return outcome_unknown(why.message, err);
    return link->unconfirmed ? tenon_pq_unconfirmed(err) : TENON_OK;
}

/* Who asks leaves a mark of his own where there is none, and says so in it: he may have to ask
 * again, when his answer is lost too. */
static tenon_status
outcome_by_mark(const pg_conn *c, tenon_pq_link *link, tenon_error *err)
{
    static const tenon_pq_item text = { .kind = TENON_PQ_TEXT };
    tenon_error why;
    tenon_status st = tenon_pq_send(link, outcome_plain, tenon_pq_begins[TENON_READ_COMMITTED][0],
                                    NULL, &why);

    if (st == TENON_OK)
        st = outcome_send_mark(c, link, outcome_plain, OUTCOME_ONCE,
                               "INSERT INTO tenon_commit (session, number, asked) VALUES "
                               "($1, $2, true) ON CONFLICT DO NOTHING",
                               c->mark, &why);
    if (st == TENON_OK)
        st = outcome_send_mark(c, link, text, OUTCOME_ONCE,
                               "SELECT asked::text FROM tenon_commit WHERE session = $1 AND "
                               "number = $2",
                               c->mark, &why);
    if (st == TENON_OK)
        st = tenon_pq_send(link, outcome_plain, "COMMIT", NULL, &why);
    if (st == TENON_OK)
        st = tenon_pq_run(link, NULL, &why);
    if (st != TENON_OK)
        return outcome_unknown(why.message, err);
    return strcmp(link->answer, "false") == 0 ? TENON_OK : outcome_rolled_back(err);
}

static tenon_status
outcome_is_same_life(const pg_conn *c, tenon_pq_link *link, tenon_error *err)
{
    tenon_error why;
    const tenon_status st = outcome_ask_life(link, &why);

    if (st != TENON_OK)
        return outcome_unknown(why.message, err);
    return strcmp(link->answer, c->life) == 0
               ? TENON_OK
               : outcome_unknown("it has started anew and may have given the id again", err);
}

static tenon_status
outcome_by_xid(const pg_conn *c, tenon_pq_link *link, tenon_error *err)
{
    static const tenon_pq_item text = { .kind = TENON_PQ_TEXT };
    struct timespec pause = { 0, 1000000 };
    char sql[80];
    tenon_error why;

    (void)snprintf(sql, sizeof sql, "SELECT pg_xact_status('%s'::xid8)", c->pq.now->xid);
    for (;;) {
        tenon_status st = tenon_pq_send(link, text, sql, NULL, &why);

        if (st == TENON_OK)
            st = tenon_pq_run(link, NULL, &why);
        if (st != TENON_OK)
            return outcome_unknown(why.message, err);
        if (strcmp(link->answer, "committed") == 0)
            return outcome_is_same_life(c, link, err);
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

/* Ask once. `*again`: who was asked has gone himself. */
static tenon_status
outcome_ask_once(pg_conn *c, uint64_t until_ns, bool *again, tenon_error *err)
{
    tenon_pq_link *link = NULL;
    tenon_error why;
    tenon_status st = tenon_pq_connect(&c->db->config, false, until_ns, &link, &why);

    *again = false;
    if (st != TENON_OK) /* has tried until then */
        return outcome_unknown(why.message, err);
    st = c->marked ? outcome_by_mark(c, link, err) : outcome_by_xid(c, link, err);
    if (st == TENON_OK && c->db->has_xid)
        st = outcome_is_confirmed(link, err);
    *again = st == TENON_UNKNOWN_OUTCOME && link->dead;
    tenon_pq_disconnect(link);
    return st;
}

tenon_status
pg_outcome_ask(pg_conn *c, tenon_error *err)
{
    const struct timespec pause = { 0, OUTCOME_PAUSE_NS };
    uint64_t until_ns = c->pq.now->deadline_ns;
    bool again = true;
    tenon_status st = TENON_OK;

    if (!c->pq.wrote) /* nothing to lose */
        return outcome_rolled_back(err);
    if (!c->marked && (c->pq.now->xid[0] == '\0' || c->db->config.host_count > 1))
        return outcome_unknown("it has no name for it", err);
    if (until_ns < tenon_sql_host->monotonic_ns() + OUTCOME_LATE_NS)
        until_ns = tenon_sql_host->monotonic_ns() + OUTCOME_LATE_NS;
    while (again) {
        st = outcome_ask_once(c, until_ns, &again, err);
        if (again && tenon_sql_host->monotonic_ns() + OUTCOME_PAUSE_NS >= until_ns)
            break;
        if (again)
            (void)nanosleep(&pause, NULL);
    }
    return st;
}
