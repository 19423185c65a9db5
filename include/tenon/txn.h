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
    bool may_wait;  /**< Of tenon_run: the body may wait for something else than the database (a
                       network, a person). Then it shares no commit with others, who would wait with
                       it, and it is rolled back at its deadline while it waits; on an engine that
                       binds a write transaction to its thread that costs two hand-overs. A body
                       that waits and does not say so may keep the writer of an engine that has one
                       until it returns, and the others of its group past their deadlines. */
    const char *caller; /**< On whose behalf: rate limits count for each caller apart (the first 63
                           bytes); borrowed for the call; NULL = nobody in particular. */
    const char *actor;  /**< For the audit row: who (at most 200 bytes of UTF-8); borrowed until the
                           end; may be NULL. */
    const char *details; /**< For the audit row: at most 4,000 bytes of UTF-8, as `actor`. */
    const char
        *idempotency_key; /**< A text of 1 to 255 bytes that this piece of work, and no other,
                             has: written in the transaction itself. A second transaction with
                             the key is refused with TENON_DONE_BEFORE; tenon_run finds out by
                             it what became of a commit whose outcome is unknown. Borrowed for
                             the call; NULL = none. Not with read_only. */
} tenon_txn_options;

/** Longest idempotency key. */
#define TENON_MAX_KEY_BYTES 255

#define TENON_TEXT_OF(x) #x
#define TENON_LINE_TEXT(x) TENON_TEXT_OF(x)
/** The place in the source, as a constant string. */
#define TENON_HERE __FILE__ ":" TENON_LINE_TEXT(__LINE__)

/**
 * The body of a transaction. May run more than once, and on another thread than the caller's, so it
 * touches `arg` and `txn` only, and sets what it returns in `arg` anew each time. On an engine with
 * one writer, bodies that wait for it together run back to back and share one commit; each is
 * undone alone where it fails, and nobody is answered before that commit.
 *
 * @return TENON_OK to commit; any other status rolls back and is what tenon_run returns, unless
 *         the engine reported a conflict, which runs the body again. On an engine with several
 *         writers a snapshot need not show the row that TENON_EXISTS was for: a body that has
 *         looked for it and found none returns TENON_CONFLICT, and is run again too
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

/** As tenon_run. @param[in] where TENON_HERE, for reports; static; may be NULL */
TENON_API tenon_status tenon_run_at(const char *where, tenon_db *db,
                                    const tenon_txn_options *options, tenon_txn_fn fn, void *arg,
                                    tenon_error *err);
#define tenon_run(...) tenon_run_at(TENON_HERE, __VA_ARGS__)

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

/** As tenon_begin. @param[in] where TENON_HERE, for reports; static; may be NULL */
TENON_API tenon_status tenon_begin_at(const char *where, tenon_db *db,
                                      const tenon_txn_options *options, tenon_txn **out,
                                      tenon_error *err);
#define tenon_begin(...) tenon_begin_at(TENON_HERE, __VA_ARGS__)

/**
 * Commit. Consumes `txn` on every outcome; cursors still open are closed.
 *
 * @retval TENON_OK; TENON_UNKNOWN_OUTCOME; any other: rolled back (TENON_CONFLICT, TENON_FULL,
 *         TENON_IO, TENON_TIMEOUT where the deadline had passed, the status that doomed it)
 */
TENON_API tenon_status tenon_commit(tenon_txn *txn, tenon_error *err);

/** Roll back. Consumes `txn`; NULL is accepted. */
TENON_API void tenon_rollback(tenon_txn *txn);

/**
 * Find out what became of the transaction with an idempotency key, after TENON_UNKNOWN_OUTCOME or
 * after a crash. Waits as a writer does; where the answer is ROLLED_BACK, nobody can be in the
 * middle of a commit with that key any more, so that the work may be done again. Keys are forgotten
 * after tenon_open_options.idempotency_keep_ms.
 *
 * @param[in]  timeout_ms 0 = the default timeout
 * @param[out] state      TENON_TXN_COMMITTED, TENON_TXN_ROLLED_BACK; TENON_TXN_UNKNOWN where the
 * call fails
 * @retval TENON_OK, TENON_MISUSE, TENON_INVALID (the key), and as tenon_run: ask again later
 */
TENON_API tenon_status tenon_txn_resolve(tenon_db *db, const char *idempotency_key,
                                         uint32_t timeout_ms, uint32_t *state, tenon_error *err);

/** State: TENON_TXN_ACTIVE or TENON_TXN_DOOMED, as long as the handle lives. */
TENON_API uint32_t tenon_txn_state(const tenon_txn *txn);

/** The transaction's own id, a UUIDv7; another for each attempt. */
TENON_API tenon_uuid tenon_txn_id(tenon_txn *txn);

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
 * @param[out] affected rows changed, those of cascades not counted; NULL lets the driver send the
 * statement later, and report its failure at a later call, at the latest at the release of the
 * savepoint that it is in or at commit; that failure may doom the transaction, and names the
 * statement and its parameters
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

/**
 * See that a SELECT finds a row, without reading it. The driver may send it later, as tenon_exec
 * without `affected`, so that several checks and the writes that depend on them take one round
 * trip.
 *
 * @retval TENON_OK; TENON_NOT_FOUND, then or later: there is none, and `err->object` is the query's
 *         name; as tenon_exec
 */
TENON_API tenon_status tenon_require(tenon_txn *txn, const tenon_query *query,
                                     const tenon_value *params, tenon_error *err);

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
 * The next row. The clock is looked at for one of 16 rows: that many may still come after the
 * deadline.
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
