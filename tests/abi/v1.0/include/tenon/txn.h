/** @file txn.h Transactions, statements, cursors. */
#ifndef TENON_TXN_H
#define TENON_TXN_H

#include "tenon/db.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A transaction. Used by one thread at a time. */
typedef struct tenon_txn tenon_txn;
/** The rows of a query that is being read. Belongs to its transaction. */
typedef struct tenon_cursor tenon_cursor;

/** Isolation levels; a driver gives the level asked for or a stronger one. Part of the ABI. */
enum {
    TENON_ISOLATION_DEFAULT = 0, /**< TENON_SERIALIZABLE where offered, else the strongest. */
    TENON_READ_COMMITTED = 1,
    TENON_SNAPSHOT = 2,
    TENON_SERIALIZABLE = 3
};

/** States of a transaction. */
enum {
    TENON_TXN_ACTIVE = 1,
    TENON_TXN_DOOMED =
        2, /**< Only a rollback is possible; calls return the status that doomed it. */
    TENON_TXN_COMMITTING = 3,
    TENON_TXN_COMMITTED = 4,
    TENON_TXN_ROLLED_BACK = 5,
    TENON_TXN_UNKNOWN = 6
};

/** How to run. Set `size` to sizeof(tenon_txn_options); zero in any other field means its default.
 */
typedef struct tenon_txn_options {
    uint32_t size;
    uint32_t isolation; /**< TENON_ISOLATION_DEFAULT … TENON_SERIALIZABLE. */
    const char *name;   /**< For statistics and errors; borrowed until the end; may be NULL. */
    uint32_t
        timeout_ms; /**< From the call to the end of commit, retries included. Default 30,000. */
    bool read_only; /**< Writes are refused with TENON_READ_ONLY. */
} tenon_txn_options;

/**
 * The body of a transaction. May run more than once, so it touches `arg` and `txn` only, and sets
 * what it returns in `arg` anew each time.
 *
 * @return TENON_OK to commit; any other status rolls back and is what tenon_run returns, unless
 *         the engine reported a conflict, which runs the body again
 */
typedef tenon_status (*tenon_txn_fn)(tenon_txn *txn, void *arg, tenon_error *err);

/**
 * Run a body in a transaction: begin, commit or roll back, and run all of it again after a
 * conflict (at most `max_retry_attempts` times, with full jitter, never past the deadline). Blocks.
 *
 * @param[in]  options borrowed; NULL = defaults
 * @param[out] err     may be NULL
 * @retval TENON_OK committed; TENON_UNKNOWN_OUTCOME the commit may have happened; TENON_TIMEOUT,
 *         TENON_CONFLICT, TENON_BUSY (after all retries), what the body or the engine returned:
 *         nothing has happened
 */
TENON_API tenon_status tenon_run(tenon_db *db, const tenon_txn_options *options, tenon_txn_fn fn,
                                 void *arg, tenon_error *err);

/**
 * Begin a transaction by hand; never retried. Blocks until a connection (and, to write on a
 * single-writer engine, the writer's turn) is free.
 *
 * @param[out] out owned by the caller until tenon_commit or tenon_rollback; NULL on failure
 * @retval TENON_OK, TENON_TIMEOUT, TENON_BUSY, TENON_UNSUPPORTED (isolation), TENON_READ_ONLY,
 *         TENON_MISUSE (this thread holds the writer already), TENON_IO, TENON_NO_MEMORY
 */
TENON_API tenon_status tenon_begin(tenon_db *db, const tenon_txn_options *options, tenon_txn **out,
                                   tenon_error *err);

/**
 * Commit. Consumes `txn` on every outcome; cursors still open are closed.
 *
 * @retval TENON_OK; TENON_UNKNOWN_OUTCOME; any other: rolled back (TENON_CONFLICT, TENON_FULL,
 *         TENON_IO, TENON_TIMEOUT where the deadline had passed, the status that doomed it)
 */
TENON_API tenon_status tenon_commit(tenon_txn *txn, tenon_error *err);

/** Roll back. Consumes `txn`; NULL is accepted. */
TENON_API void tenon_rollback(tenon_txn *txn);

/** State: TENON_TXN_ACTIVE or TENON_TXN_DOOMED, as long as the handle lives. */
TENON_API uint32_t tenon_txn_state(const tenon_txn *txn);

/** The transaction's own id, a UUIDv7; another for each attempt. */
TENON_API tenon_uuid tenon_txn_id(const tenon_txn *txn);

/** Which attempt of tenon_run this is, from 1 on. */
TENON_API uint32_t tenon_txn_attempt(const tenon_txn *txn);

/** The database of the transaction. Borrowed. */
TENON_API tenon_db *tenon_txn_db(const tenon_txn *txn);

/** Most savepoints open at once. */
#define TENON_MAX_SAVEPOINTS 64

/**
 * Set a savepoint inside the ones already set. Cursors stay open.
 *
 * @param[out] out its number, for the two calls below
 * @retval TENON_OK, TENON_MISUSE (too many), TENON_UNSUPPORTED, the status that doomed `txn`
 */
TENON_API tenon_status tenon_savepoint(tenon_txn *txn, uint32_t *out, tenon_error *err);

/** Forget a savepoint and those inside it; their changes stay. @retval TENON_OK, TENON_MISUSE (not
 * set) */
TENON_API tenon_status tenon_savepoint_release(tenon_txn *txn, uint32_t savepoint,
                                               tenon_error *err);

/**
 * Undo everything since the savepoint, which is then gone, with those inside it. Open cursors are
 * closed (their next call returns TENON_MISUSE).
 *
 * @retval TENON_OK, TENON_MISUSE (not set), TENON_CONFLICT or another engine failure: doomed
 */
TENON_API tenon_status tenon_savepoint_rollback(tenon_txn *txn, uint32_t savepoint,
                                                tenon_error *err);

/**
 * Run an INSERT, UPDATE or DELETE. A failed statement leaves no trace, and the transaction goes on
 * unless the status is one of the engine's hard failures (then tenon_txn_state says DOOMED).
 *
 * @param[in]  params   tenon_query_param_count values, borrowed for the call; NULL where there are
 * none
 * @param[out] affected rows changed; NULL lets the driver send the statement later, and report its
 *                      failure at the next call that waits, at the latest at commit
 * @retval TENON_OK, TENON_EXISTS, TENON_CONSTRAINT, TENON_INVALID (type, length, UTF-8, a query
 *         that breaks a rule), TENON_READ_ONLY, TENON_CONFLICT, TENON_TIMEOUT, TENON_FULL,
 * TENON_IO, TENON_CORRUPT, TENON_NO_MEMORY, TENON_MISUSE
 */
TENON_API tenon_status tenon_exec(tenon_txn *txn, const tenon_query *query,
                                  const tenon_value *params, uint64_t *affected, tenon_error *err);

/**
 * Read the first row of a SELECT or COUNT.
 *
 * @param[out] row `query->columns.count` values, borrowed until the next call on `txn`; NULL on
 * failure
 * @retval TENON_OK, TENON_NOT_FOUND (no row), and as tenon_exec
 */
TENON_API tenon_status tenon_fetch(tenon_txn *txn, const tenon_query *query,
                                   const tenon_value *params, const tenon_value **row,
                                   tenon_error *err);

/** The number that a COUNT gives. @retval as tenon_fetch */
TENON_API tenon_status tenon_count(tenon_txn *txn, const tenon_query *query,
                                   const tenon_value *params, uint64_t *count, tenon_error *err);

/**
 * Start reading the rows of a SELECT. What the same transaction writes while the cursor is open
 * may or may not be seen by it, but never makes it fail or return a row twice that was not changed.
 *
 * @param[out] out belongs to `txn`; ends with tenon_cursor_close or with the transaction
 * @retval as tenon_fetch, without TENON_NOT_FOUND
 */
TENON_API tenon_status tenon_select(tenon_txn *txn, const tenon_query *query,
                                    const tenon_value *params, tenon_cursor **out,
                                    tenon_error *err);

/**
 * The next row.
 *
 * @param[out] row borrowed until the next call on the same cursor, or the next write or end of its
 *                 transaction; NULL at the end
 * @retval TENON_OK, TENON_NOT_FOUND (no further row), and as tenon_exec
 */
TENON_API tenon_status tenon_next(tenon_cursor *cursor, const tenon_value **row, tenon_error *err);

/** Stop reading. Consumes `cursor`; NULL is accepted. */
TENON_API void tenon_cursor_close(tenon_cursor *cursor);

/**
 * How this engine serves the query: a line such as "search users by index user_by_name
 * (username=)", the engine's own words where it plans itself.
 *
 * @param[in] out_bytes room at `out`, its NUL included; a longer text is cut
 */
TENON_API tenon_status tenon_explain(tenon_txn *txn, const tenon_query *query, char *out,
                                     size_t out_bytes, tenon_error *err);

/**
 * Run SQL text in the engine's own dialect; parameters as that engine writes them. Only where
 * TENON_CAP_SQL is set. For what the query language lacks; never build the text from input.
 *
 * @param[out] out rows to read with tenon_next; NULL to run to the end without reading
 * @retval TENON_UNSUPPORTED (no SQL engine), TENON_DENIED (a statement that would begin or end a
 *         transaction), and as tenon_exec
 */
TENON_API tenon_status tenon_sql(tenon_txn *txn, const char *sql, const tenon_value *params,
                                 uint32_t param_count, tenon_cursor **out, tenon_error *err);

#ifdef __cplusplus
}
#endif
#endif
