/*
 * Reading from a standby. The database remembers how far the primary's log was at the last commit
 * that anybody has been told of; a standby serves a reader once it has replayed that much. Waiting
 * for it has an end, and then the primary serves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "postgres.h"

#define REPLICA_WAIT_NS UINT64_C(100000000)     /* for a standby to catch up */
#define REPLICA_CONNECT_NS UINT64_C(1000000000) /* for one that answers */
#define REPLICA_REST_NS UINT64_C(2000000000)    /* before one that has failed is tried again */
#define REPLICA_UNKNOWN (UINT64_C(1) << 63)     /* less: how far; else: not known, since then */
#define REPLICA_FLUSHED "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::text"
#define REPLICA_WRITTEN "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text"
#define REPLICA_REPLAYED "SELECT (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::text"

static const tenon_pq_item replica_lsn = { .kind = TENON_PQ_LSN };

static tenon_status
replica_run(tenon_pq_link *link, const char *sql, uint64_t *out, tenon_error *err)
{
    tenon_status st = tenon_pq_send(link, replica_lsn, sql, NULL, err);

    if (st == TENON_OK)
        st = tenon_pq_run(link, NULL, err);
    if (st == TENON_OK)
        *out = strtoull(link->lsn, NULL, 10);
    return st;
}

/* How far the log is. A commit that waits for no flush is in it all the same. */
static const char *
replica_question(const tenon_drv_db *db)
{
    return db->config.durability == TENON_DURABLE_NONE ? REPLICA_WRITTEN : REPLICA_FLUSHED;
}

/* Only what was known before the question is corrected: later commits know better. */
tenon_status
pg_replica_begin(tenon_drv_db *db, tenon_pq_link *link, tenon_error *err)
{
    uint_fast64_t known = atomic_load(&db->lsn);
    uint64_t reached = 0;
    tenon_status st = replica_run(link, replica_question(db), &reached, err);

    if (st == TENON_OK && reached < known)
        (void)atomic_compare_exchange_strong(&db->lsn, &known, reached);
    return st;
}

tenon_status
pg_replica_ask(pg_conn *c, tenon_error *err)
{
    c->pq.now->lsn[0] = '\0';
    return tenon_pq_send(c->pq.now, replica_lsn, replica_question(c->db), NULL, err);
}

/* Where the answer was lost, with the connection, whoever reads next asks again. */
void
pg_replica_note(pg_conn *c)
{
    uint_fast64_t known = atomic_load(&c->db->lsn);
    const uint64_t reached = c->pq.now->lsn[0] == '\0'
                                 ? REPLICA_UNKNOWN | tenon_sql_host->monotonic_ns()
                                 : strtoull(c->pq.now->lsn, NULL, 10);

    if (!c->pq.wrote || !c->db->replica)
        return;
    while (known < reached && !atomic_compare_exchange_weak(&c->db->lsn, &known, reached))
        ;
}

void
pg_replica_rest(pg_conn *c)
{
    c->replica_retry_ns = tenon_sql_host->monotonic_ns() + REPLICA_REST_NS;
    if (c->pq.now == c->pq.replica)
        c->pq.now = c->pq.main;
    tenon_pq_disconnect(c->pq.replica);
    c->pq.replica = NULL;
}

/* Whether the standby has all that was committed, or gets it in time. */
static bool
replica_is_fresh(pg_conn *c, uint64_t until_ns)
{
    const uint64_t wanted = atomic_load(&c->db->lsn);
    struct timespec pause = { 0, 200000 };
    tenon_error ignored;

    c->pq.replica->deadline_ns = until_ns;
    while (c->pq.replica->replayed < wanted) {
        if (replica_run(c->pq.replica, REPLICA_REPLAYED, &c->pq.replica->replayed, &ignored) !=
            TENON_OK)
            return false;
        if (c->pq.replica->replayed >= wanted)
            break;
        if (tenon_sql_host->monotonic_ns() + (uint64_t)pause.tv_nsec >= until_ns)
            return false;
        (void)nanosleep(&pause, NULL);
        if (pause.tv_nsec < 10000000)
            pause.tv_nsec *= 2;
    }
    return true;
}

/* By when something must be done that may take `most_ns`, and a quarter of what the caller has. */
static uint64_t
replica_until(const tenon_drv_begin *how, uint64_t most_ns)
{
    const uint64_t now_ns = tenon_sql_host->monotonic_ns();
    const uint64_t left_ns = how->deadline_ns > now_ns ? how->deadline_ns - now_ns : 0;

    return now_ns + (left_ns / 4 < most_ns ? left_ns / 4 : most_ns);
}

tenon_pq_link *
pg_replica_choose(pg_conn *c, const tenon_drv_begin *how)
{
    tenon_error ignored;

    /* A standby has snapshots only. */
    if (!c->db->replica || !how->read_only || how->isolation == TENON_SERIALIZABLE ||
        tenon_sql_host->monotonic_ns() < c->replica_retry_ns)
        return c->pq.main;
    c->pq.main->deadline_ns = how->deadline_ns;
    if (c->pq.replica == NULL &&
        tenon_pq_connect(&c->db->config, true, replica_until(how, REPLICA_CONNECT_NS),
                         &c->pq.replica, &ignored) != TENON_OK) {
        pg_replica_rest(c);
    } else if (atomic_load(&c->db->lsn) < REPLICA_UNKNOWN ||
               pg_replica_begin(c->db, c->pq.main, &ignored) == TENON_OK) {
        if (replica_is_fresh(c, replica_until(how, REPLICA_WAIT_NS)))
            return c->pq.replica;
        pg_replica_rest(c);
    }
    return c->pq.main;
}
