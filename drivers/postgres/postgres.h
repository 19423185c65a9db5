/** @file postgres.h What the files of the driver share. */
#ifndef TENON_DRIVERS_POSTGRES_H
#define TENON_DRIVERS_POSTGRES_H

#include <pthread.h>
#include <stdatomic.h>

#include "tenon/kit/pq.h"

struct tenon_drv_db {
    tenon_pq_config config;
    bool replica;        /**< Readers may go to a standby. */
    bool pools_sessions; /**< A pooler is known to stand between. */
    bool has_xid;        /**< Transactions have numbers that can be asked for. */
    bool has_marks;      /**< The table of marks is there. */
    uint64_t capabilities;
    atomic_uint_fast64_t lsn; /**< Everything up to it may have been seen by this caller. */
    pthread_mutex_t lock;     /**< Guards `spare`. */
    tenon_pq_link *spare;     /**< Made when the database was opened, for the first to ask. */
};

/** A connection as the kit's `raw`. */
typedef struct pg_conn {
    tenon_pq_conn pq; /**< First. */
    tenon_drv_db *db;
    uint64_t replica_retry_ns; /**< When a standby may be looked for again. */
    tenon_uuid session;        /**< Names this connection's marks. */
    uint64_t mark;             /**< Number of the last one. */
    uint64_t trimmed;          /**< The last one that others were removed at. */
    bool marked;               /**< This transaction has one. */
    char life[80];             /**< Of the server, where there are no marks; see outcome.c. */
} pg_conn;

/** The transaction's id, where it has one: who only read has none. */
#define PG_ASK_XID "SELECT pg_current_xact_id_if_assigned()::text"

/** replica.c: where a transaction is to run: on a standby that is fresh enough, else on the
 * primary. */
tenon_pq_link *pg_replica_choose(pg_conn *c, const tenon_drv_begin *how);
/** replica.c: leave the standby alone for a while. */
void pg_replica_rest(pg_conn *c);
/** replica.c: ask with a commit how far the log is. */
tenon_status pg_replica_ask(pg_conn *c, tenon_error *err);
/** replica.c: what the answer means for those who read after it. */
void pg_replica_note(pg_conn *c);
/** replica.c: another primary may be behind what the last one has said. */
tenon_status pg_replica_begin(tenon_drv_db *db, tenon_pq_link *link, tenon_error *err);

/** outcome.c: when a connection is new. */
tenon_status pg_outcome_begin(pg_conn *c, tenon_pq_link *link, tenon_error *err);
/** outcome.c: before a commit, send what its outcome can be found out by. */
tenon_status pg_outcome_prepare(pg_conn *c, tenon_error *err);
/** outcome.c: before a transaction begins, forget marks that nobody will ask for. */
tenon_status pg_outcome_trim(pg_conn *c, tenon_error *err);
/** outcome.c: after the connection was lost in a commit. */
tenon_status pg_outcome_ask(pg_conn *c, tenon_error *err);

#endif
