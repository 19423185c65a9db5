/**
 * @file pq.h For the author of a driver for a server that speaks PostgreSQL's protocol: connections
 * as pipelines, statements and values under kits/sql, the URL, transactions. kits/pq, a static
 * library on libpq; used together with kit/sql.h.
 *
 * What is sent waits in libpq's buffer until somebody needs an answer, and then travels in one
 * round trip: BEGIN with the first statement, statements that nobody waits for with the next one,
 * COMMIT with all of them. An error comes back to the item that failed, and what came after it in
 * the same part of the pipeline was skipped by the server.
 *
 * Threads: as in driver.h; a link is used by one thread at a time, but for tenon_pq_interrupt.
 */
#ifndef TENON_KIT_PQ_H
#define TENON_KIT_PQ_H

#include <libpq-fe.h>

#include "tenon/kit/sql.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Pipelines ---- */

/** Items of a pipeline that may wait at once; then they are sent. */
#define TENON_PQ_ITEMS 64
/** Room for the parameters that errors may have to show. */
#define TENON_PQ_SHOWN_BYTES 16384

/** What an item of the pipeline is, and so what is done with its result. */
enum {
    TENON_PQ_PLAIN,   /**< Has to succeed, nothing else. */
    TENON_PQ_PARSE,   /**< A named statement. */
    TENON_PQ_EXEC,    /**< Counts the rows that it changed. */
    TENON_PQ_ROWS,    /**< Its rows are the statement's. */
    TENON_PQ_REQUIRE, /**< Divides by zero where there is no row. */
    TENON_PQ_COMMIT,  /**< Its tag must be `tag`. */
    TENON_PQ_CHECK,   /**< Its one value must be `tag`. */
    TENON_PQ_TEXT,    /**< One value, as text, into the link's `answer`. */
    TENON_PQ_XID,     /**< The same, into `xid`. */
    TENON_PQ_LSN,     /**< The same, into `lsn`. */
    TENON_PQ_SYNC     /**< The end of a part. */
};

/** A statement of the kit's. */
typedef struct tenon_pq_stmt tenon_pq_stmt;

/** What was sent. */
typedef struct tenon_pq_item {
    uint32_t kind;                /**< A TENON_PQ_ value. */
    uint32_t serial;              /**< Set when it is sent; grows. */
    tenon_pq_stmt *stmt;          /**< NULL: none, or freed meanwhile. */
    const tenon_drv_query *query; /**< To name it by; may be NULL. */
    const tenon_value *params;    /**< To show; lives until the answer; may be NULL. */
    const char *tag;              /**< Static; see the kinds. */
    uint32_t number;              /**< Of a TENON_PQ_PARSE without `stmt`: of the text. */
} tenon_pq_item;

/** The kit's own: a call that waits, and whoever wants it to stop. */
typedef struct tenon_pq_wake tenon_pq_wake;

/** A connection to one server. */
typedef struct tenon_pq_link {
    PGconn *pg;
    uint64_t id;         /**< Another one for each link of the process. */
    uint32_t number;     /**< 0: to a server that writes, 1: to a standby. */
    tenon_pq_wake *wake; /**< By which another thread stops the running call. */
    bool shares;         /**< Its sessions are the pooler's: nothing of them may be used. */
    uint32_t lasting;    /**< Bits of the texts that are prepared. */
    bool cancelled;   /**< A cancel is on its way and may hit what comes next: only to be closed. */
    bool dead;        /**< The server is gone, or what it does is not known. */
    bool failed;      /**< Something has failed that nobody was told of yet. */
    bool commit_sent; /**< A TENON_PQ_COMMIT has no answer yet. */
    bool unconfirmed; /**< Committed, but the standbys that the server was to wait for have not
                         said that they have it. */
    uint64_t deadline_ns; /**< CLOCK_MONOTONIC, of whatever waits; UINT64_MAX = none. */
    uint64_t trips;       /**< Round trips so far. */
    uint64_t changes;     /**< Rows that the last TENON_PQ_EXEC has changed. */
    uint64_t replayed;    /**< Of a standby: what it is known to have. */
    tenon_pq_item items[TENON_PQ_ITEMS];
    uint32_t first, count, serial;
    uint32_t ended_serial;  /**< The last that was sent before this transaction: nobody is told of
                               its failure, which was undone. */
    uint32_t failed_serial; /**< Of what has failed in this transaction, and was not undone; 0. */
    tenon_error failure;
    tenon_pq_stmt *streaming; /**< Whose rows are still coming in. */
    const char *tag;          /**< What the last TENON_PQ_COMMIT was answered with; NULL, "". */
    char answer[64], xid[24], lsn[24];
    uint32_t limit_ms;    /**< The server's own limits of the session; 0: not set. */
    uint32_t levels_seen; /**< Bits of the isolation levels that were read back. */
    uint32_t names;       /**< Statements named so far. */
    uint32_t worn;        /**< Of these, those that nobody uses any more. */
    size_t shown;         /**< Bytes used of the next. */
    tenon_value shown_params[TENON_PQ_SHOWN_BYTES / sizeof(tenon_value)];
} tenon_pq_link;

/** Parameters of a statement, as libpq takes them. */
typedef struct tenon_pq_params {
    int count;
    const Oid *types;
    const char *const *values;
    const int *lengths, *formats;
} tenon_pq_params;

/** Send a text. @param[in] params may be NULL @retval TENON_OK, TENON_UNAVAILABLE, TENON_TIMEOUT
 * (dead), an earlier failure where the pipeline was full */
tenon_status tenon_pq_send(tenon_pq_link *link, tenon_pq_item item, const char *sql,
                           const tenon_pq_params *params, tenon_error *err);

/** Numbers of the texts that a link keeps prepared; the kit uses those from TENON_PQ_OWN on. */
#define TENON_PQ_LASTING 32
#define TENON_PQ_OWN 16

/** Send a text that is sent again and again: prepared when it is sent for the first time, but for
 * servers behind a pooler. @param[in] number below TENON_PQ_OWN, always with the same text @retval
 * as tenon_pq_send */
tenon_status tenon_pq_send_lasting(tenon_pq_link *link, tenon_pq_item item, uint32_t number,
                                   const char *sql, const tenon_pq_params *params,
                                   tenon_error *err);

/** End the part of the pipeline that a failure skips, and send all; wait for nothing. */
tenon_status tenon_pq_flush(tenon_pq_link *link, tenon_error *err);

/** Send all and wait for all answers: one round trip. @param[in] stream whose rows come one by one;
 * may be NULL @retval of the first failure */
tenon_status tenon_pq_run(tenon_pq_link *link, tenon_pq_stmt *stream, tenon_error *err);

/** Wait for what is still to come, without sending anything. @retval as tenon_pq_run */
tenon_status tenon_pq_drain(tenon_pq_link *link, tenon_error *err);

/** Send a text and read the one value of its answer into `answer`. */
tenon_status tenon_pq_ask(tenon_pq_link *link, const char *sql, tenon_error *err);

/** Mark the link dead, and say so. @retval TENON_UNAVAILABLE; TENON_TIMEOUT after the deadline */
tenon_status tenon_pq_lost(tenon_pq_link *link, tenon_error *err);

/** Whether a link that nobody waits on was not closed by its server, as far as that is known here:
 * asks nobody. */
bool tenon_pq_is_alive(tenon_pq_link *link);

/** Stop the running call, from another thread. */
void tenon_pq_interrupt(tenon_pq_link *link);

/* ---- Servers ---- */

/** Most hosts of a URL. */
#define TENON_PQ_MAX_HOSTS 16

/** A host of the URL; parts that are NULL were not given. */
typedef struct tenon_pq_host {
    const char *host, *hostaddr, *port;
} tenon_pq_host;

/** The kit's own: what all who connect know of the hosts. */
typedef struct tenon_pq_found tenon_pq_found;

/** A URL, read. Zeroed before; `read_only` and `durability` are set by the driver. */
typedef struct tenon_pq_config {
    PQconninfoOption *options;
    char *host, *hostaddr, *port;
    tenon_pq_host hosts[TENON_PQ_MAX_HOSTS];
    uint32_t host_count;
    tenon_pq_found *found; /**< Where a server that writes was found last. */
    uint32_t durability;
    bool read_only;
    bool pooler;         /**< No state of the session may be used: transactions change servers. */
    uint64_t connect_ns; /**< Longest wait for a connection: connect_timeout, or 5 s. */
} tenon_pq_config;

/** Whether a parameter of the URL is the driver's own. @param[out] own then libpq is not told of it
 * @retval TENON_OK, TENON_CONFIG */
typedef tenon_status (*tenon_pq_own_fn)(void *arg, const tenon_drv_param *param, bool *own,
                                        tenon_error *err);

/** Read a URL: all that libpq accepts, with or without "//". @retval TENON_OK, TENON_CONFIG,
 * TENON_NO_MEMORY */
tenon_status tenon_pq_config_read(tenon_pq_config *config, const tenon_drv_open *options,
                                  tenon_pq_own_fn own, void *arg, tenon_error *err);
/** Free what it holds. */
void tenon_pq_config_fini(tenon_pq_config *config);

/**
 * Connect by the deadline: to a server that writes, or to a standby. While no host does, all are
 * asked again.
 *
 * @param[out] out owned by the caller until tenon_pq_disconnect; NULL on failure
 * @retval TENON_OK, TENON_UNAVAILABLE, TENON_BUSY (full), TENON_TIMEOUT, TENON_DENIED,
 *         TENON_NOT_FOUND (no such database), TENON_CONFIG, TENON_NO_MEMORY
 */
tenon_status tenon_pq_connect(tenon_pq_config *config, bool standby, uint64_t deadline_ns,
                              tenon_pq_link **out, tenon_error *err);
/** Close. Accepts NULL. */
void tenon_pq_disconnect(tenon_pq_link *link);

/** Set up a session: synchronous_commit by the durability and read back, and what lets a server
 * notice a client that is gone. Of a pooler's session nothing is set. */
tenon_status tenon_pq_set_up(const tenon_pq_config *config, tenon_pq_link *link, tenon_error *err);

/** A setting as text; "" where the server does not know it. Borrowed until the next call. */
const char *tenon_pq_setting(tenon_pq_link *link, const char *name);

/** Size of the database, asked on a connection of its own. */
tenon_status tenon_pq_disk_bytes(tenon_pq_config *config, uint64_t *out, tenon_error *err);

/* ---- Connections and transactions of a driver ---- */

/** A connection, as kits/sql has it in `raw`. A driver may put it first into a struct of its own.
 */
typedef struct tenon_pq_conn {
    tenon_pq_config *config;
    tenon_drv_conn *conn;   /**< The kit's. */
    tenon_pq_link *main;    /**< To a server that writes. */
    tenon_pq_link *replica; /**< To a standby; NULL: none. */
    tenon_pq_link *now;     /**< Of the two, where the transaction is. */
    const char *ask_xid; /**< Asks for the transaction's id where it has one; NULL: not offered. */
    uint32_t isolation;
    bool in_txn; /**< Between the slots begin and commit or rollback. */
    bool begun;  /**< The server was told. */
    bool read_only;
    bool wrote; /**< Something was sent that may have changed a row. */
    uint32_t set_at[TENON_MAX_SAVEPOINTS + 1]; /**< Serial of each savepoint. */
} tenon_pq_conn;

/** The statements of kits/sql, for a `raw` that begins with a tenon_pq_conn. */
extern const tenon_sql_engine tenon_pq_engine;

/** What the server calls the levels, by their TENON_ number. */
extern const char *const tenon_pq_levels[TENON_SERIALIZABLE + 1];
/** The texts that begin a transaction: of writers, of readers. */
extern const char *const tenon_pq_begins[TENON_SERIALIZABLE + 1][2];

/** Find out which levels are what they are called. @param[in,out] capabilities gets their bits */
tenon_status tenon_pq_probe_levels(tenon_pq_link *link, uint64_t *capabilities, tenon_error *err);

/** Begin on `c->now`, without telling the server yet. */
void tenon_pq_begin(tenon_pq_conn *c, const tenon_drv_begin *how);
/** Tell the server where that was not done yet: BEGIN, limits, the level read back. Sends only. */
tenon_status tenon_pq_begin_now(tenon_pq_conn *c, tenon_error *err);
/** End the transaction, without waiting. */
tenon_status tenon_pq_end(tenon_pq_conn *c, bool commit, tenon_error *err);
/** Ask for the transaction's id, where that is offered and it is not known yet. Sends only. */
tenon_status tenon_pq_send_xid(tenon_pq_conn *c, tenon_error *err);
/** Send COMMIT. */
tenon_status tenon_pq_send_commit(tenon_pq_conn *c, tenon_error *err);
/** Report a commit that the server has and its standbys may not: a failover would lose it.
 * @retval TENON_UNKNOWN_OUTCOME */
tenon_status tenon_pq_unconfirmed(tenon_error *err);
/** Whether something was sent whose failure nobody knows yet. */
bool tenon_pq_owes(const tenon_pq_link *link);

/** The slots of tenon_drv_transaction_ops. Only the release waits. */
tenon_status tenon_pq_rollback(tenon_drv_conn *conn, tenon_error *err);
tenon_status tenon_pq_savepoint(tenon_drv_conn *conn, uint32_t depth, tenon_error *err);
tenon_status tenon_pq_savepoint_release(tenon_drv_conn *conn, uint32_t depth, tenon_error *err);
tenon_status tenon_pq_savepoint_rollback(tenon_drv_conn *conn, uint32_t depth, tenon_error *err);

/** PREPARE TRANSACTION and what follows it. */
extern const tenon_drv_two_phase_ops tenon_pq_two_phase_ops;

#ifdef __cplusplus
}
#endif
#endif
