/** @file db.h A database: opened by a URL, used by any number of threads. */
#ifndef TENON_DB_H
#define TENON_DB_H

#include "tenon/query.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tenon_db tenon_db;

/** What of an acknowledged commit survives. Numbers are part of the ABI. */
enum {
    TENON_DURABLE_POWER = 0, /**< A power cut: every acknowledged commit. The default. */
    TENON_DURABLE_OS =
        1, /**< A crash of the process: all; a power cut: a consistent, older state. */
    TENON_DURABLE_PROCESS = 2, /**< A crash of the process only. */
    TENON_DURABLE_NONE = 3     /**< Nothing is promised. */
};

/** What a driver's database can do: a set bit says that it works. Part of the ABI; bits are
 * appended. */
#define TENON_CAP_PERSISTENT UINT64_C(1)         /**< Data outlives the process. */
#define TENON_CAP_SINGLE_WRITER UINT64_C(2)      /**< One write transaction at a time. */
#define TENON_CAP_MULTI_PROCESS UINT64_C(4)      /**< Several processes may open it at once. */
#define TENON_CAP_SAVEPOINTS UINT64_C(8)         /**< Savepoints, nested. */
#define TENON_CAP_TRANSACTIONAL_DDL UINT64_C(16) /**< Schema changes roll back. */
#define TENON_CAP_SQL UINT64_C(32)               /**< tenon_sql works. */
#define TENON_CAP_TWO_PHASE UINT64_C(64)         /**< Prepared transactions. */
#define TENON_CAP_READ_COMMITTED                                                                   \
    UINT64_C(128) /**< Offers that level itself (else a stronger one). */
#define TENON_CAP_SNAPSHOT UINT64_C(256)
#define TENON_CAP_SERIALIZABLE UINT64_C(512)
#define TENON_CAP_DURABLE_POWER UINT64_C(1024)
#define TENON_CAP_DURABLE_OS UINT64_C(2048)
#define TENON_CAP_DURABLE_PROCESS UINT64_C(4096)
#define TENON_CAP_DURABLE_NONE UINT64_C(8192)
#define TENON_CAP_INTERRUPT                                                                        \
    UINT64_C(16384) /**< A running statement can be stopped from outside.                          \
                     */

/** A report of a transaction that took long; see stats.h. */
typedef struct tenon_slow tenon_slow;

/** Told of a slow transaction, after its end, on the thread that ended it, or on one of Tenon's. It
 * holds nothing then, so Tenon may be called. */
typedef void (*tenon_slow_fn)(void *arg, const tenon_slow *slow);

/** Bounds of the length of tenon_open_options.audit_key. */
#define TENON_AUDIT_KEY_MIN_BYTES 16
#define TENON_AUDIT_KEY_MAX_BYTES 64

/** How to open. Set `size` to sizeof(tenon_open_options); zero in any other field means its
 * default. */
typedef struct tenon_open_options {
    uint32_t size;
    uint32_t max_connections; /**< Default 32. */
    const tenon_schema
        *schema;          /**< Borrowed for the life of the database; NULL = whatever is stored. */
    bool no_auto_migrate; /**< Refuse an older schema (TENON_SCHEMA) and do not create a missing
                             one. */
    bool read_only;       /**< Open for reading; nothing is created. */
    uint32_t connection_timeout_ms; /**< Longest wait for a connection. Default 30,000. */
    uint32_t max_retry_attempts; /**< Retries of tenon_run after a conflict. Default 3; UINT32_MAX =
                                    none. */
    const char
        *driver_path; /**< Folders to look for plugins in, absolute, ':' between; may be NULL. */
    uint32_t min_connections;     /**< Opened ahead and kept. Default 4; UINT32_MAX = none. */
    uint32_t max_concurrent;      /**< Transactions at once, those that wait for a connection
                                     included; further ones wait to be admitted. Default 100. */
    uint32_t default_timeout_ms;  /**< Of transactions that say nothing else. Default 30,000. */
    uint32_t idle_timeout_ms;     /**< After which a connection above the minimum is closed. Default
                                     600,000. */
    uint32_t max_lifetime_ms;     /**< After which a connection is replaced, less up to 2.5 % by
                                     chance. Default 1,800,000. */
    uint32_t cleanup_interval_ms; /**< Between two looks after connections. Default 60,000. */
    uint32_t retry_budget_percent; /**< Retries of all calls together, in per cent of the calls,
                                      above a reserve of 100. Default 20; UINT32_MAX = no bound. */
    uint32_t rate_per_second;      /**< Calls that all callers together may begin; 0 = no limit. */
    uint32_t rate_burst;           /**< Of these, at once. Default: one second's. */
    uint32_t
        caller_rate_per_second; /**< The same for each caller apart (tenon_txn_options.caller). */
    uint32_t caller_rate_burst;
    uint32_t breaker_failures;  /**< Failures of the engine in a row (can't be reached, I/O, no
                                   space, unknown outcome; damage counts as all of them) that open
                                   the circuit breaker. Default 5; UINT32_MAX = it never opens. */
    uint32_t breaker_open_ms;   /**< For how long it refuses calls the first time; each probe that
                                   fails doubles it, up to a minute. Default 1,000. */
    bool no_deadlock_detection; /**< Let threads that wait for each other's transactions wait until
                                   their deadlines. */
    bool no_retry_on_deadlock;  /**< Do not retry what the engine ended because of a deadlock. */
    bool audit;                 /**< Each write transaction leaves a row of audit; see audit.h. */
    bool audit_by_hand;         /**< Make its tables, for those that call tenon_audit. */
    uint32_t audit_key_bytes;   /**< TENON_AUDIT_KEY_MIN_BYTES and more; 0 = no key. */
    const void *audit_key;      /**< Borrowed for the call. */
    uint64_t idempotency_keep_ms; /**< For how long idempotency keys are kept. Default: a week. */
    uint32_t slow_ms;             /**< Transactions that take at least so long are told to `slow`;
                                     `slow` NULL = none. */
    tenon_slow_fn slow;
    void *slow_arg;
    bool no_group_commit; /**< On an engine with one writer, commit each transaction apart, though
                             many wait: each pays for a flush of its own. */
} tenon_open_options;

/**
 * Open a database. The URL is `DRIVER:PLACE?key=value&…`; `durability=power|os|process|none` and
 * the names of settings.h are understood with every driver, the rest by the driver named. The
 * plugin is loaded when first needed and never unloaded. The schema is created or migrated as
 * `options` say. Blocks.
 *
 * @param[in]  url     borrowed for the call; a password in it is masked wherever it is shown
 * @param[in]  options borrowed for the call; NULL = defaults
 * @param[out] out     owned by the caller until tenon_close; NULL on failure
 * @param[out] err     may be NULL
 * @retval TENON_OK, TENON_CONFIG (URL or option), TENON_NOT_FOUND (no such driver or database),
 *         TENON_ABI, TENON_DENIED (a plugin in an unsafe place), TENON_SCHEMA, TENON_INVALID (a
 *         schema that breaks a rule), TENON_CORRUPT, TENON_IO, TENON_FULL, TENON_BUSY,
 *         TENON_READ_ONLY, TENON_UNSUPPORTED (a durability that the engine lacks), TENON_NO_MEMORY
 */
TENON_API tenon_status tenon_open(const char *url, const tenon_open_options *options,
                                  tenon_db **out, tenon_error *err);

/**
 * Close: waits for transactions in progress to end, at the latest at their deadlines, then frees.
 * New ones are refused meanwhile. NULL is accepted. A handle whose transaction was rolled back at
 * its deadline may still be ended afterwards; until then, its calls return TENON_TIMEOUT.
 */
TENON_API void tenon_close(tenon_db *db);

/**
 * As tenon_close, but gives up where transactions are still in progress when the time is over: then
 * the database goes on as before.
 *
 * @retval TENON_OK closed; TENON_BUSY not closed: `err` names a transaction that is in progress and
 *         where it was begun
 */
TENON_API tenon_status tenon_db_close(tenon_db *db, uint32_t timeout_ms, tenon_error *err);

/** Name of the driver ("sqlite"). Borrowed from `db`. */
TENON_API const char *tenon_db_driver(const tenon_db *db);

/** TENON_CAP_ bits of the opened database. */
TENON_API uint64_t tenon_db_capabilities(const tenon_db *db);

/** The durability in force, as read back from the engine: TENON_DURABLE_POWER … TENON_DURABLE_NONE.
 */
TENON_API uint32_t tenon_db_durability(const tenon_db *db);

/** The URL with any password masked. Borrowed from `db`. */
TENON_API const char *tenon_db_url(const tenon_db *db);

/**
 * Copy `url` into `out` with its password replaced by `***`.
 *
 * @param[in] out_bytes room at `out`, its NUL included; a longer URL is cut
 */
TENON_API void tenon_url_mask(const char *url, char *out, size_t out_bytes);

/** Version of the stored schema `name`, 0 where there is none. @retval TENON_OK and those of
 * tenon_run */
TENON_API tenon_status tenon_db_schema_version(tenon_db *db, const char *name, uint32_t *out,
                                               tenon_error *err);

/**
 * The tables that the database holds, all schemas together, as its own catalogue describes them.
 * For tools that know no schema; an application uses its own `static const` tables.
 *
 * @param[out] out   borrowed from `db` until it is closed, sorted by name; each call makes it anew
 * @param[out] count tables at `*out`
 * @retval TENON_OK, TENON_CORRUPT (a catalogue that is damaged) and those of tenon_run
 */
TENON_API tenon_status tenon_db_tables(tenon_db *db, const tenon_table *const **out,
                                       uint32_t *count, tenon_error *err);

/** Sizes and counts of a database. Set `size` to sizeof(tenon_db_info). */
typedef struct tenon_db_info {
    uint32_t size;
    uint32_t reserved;
    uint64_t
        disk_bytes; /**< Allocated blocks of its files (st_blocks), logs included; 0 in memory. */
    uint64_t begun_count; /**< Transactions begun, retries included. */
    uint64_t committed_count;
    uint64_t rolled_back_count;
    uint64_t retried_count;    /**< Attempts of tenon_run after the first. */
    uint64_t connection_count; /**< Connections open now. */
} tenon_db_info;

/** Fill `*info`. Any thread. @retval TENON_OK, TENON_IO, TENON_MISUSE (`size` unset) */
TENON_API tenon_status tenon_db_get_info(tenon_db *db, tenon_db_info *info, tenon_error *err);

/** A problem that tenon_db_verify found. `where` and `what` are borrowed for the call. */
typedef void (*tenon_problem_fn)(void *arg, const char *where, const char *what);

/**
 * Check what is stored: the engine's own checks, every constraint, every index against its rows.
 * Runs in one read-only transaction; blocks for as long as it takes to read everything twice.
 *
 * @param[out] problem_count problems found; `fn` (may be NULL) was told of each
 * @retval TENON_OK also where problems were found, or a table can't be read; TENON_CORRUPT where
 *         the list of tables can't be read; else as tenon_run
 */
TENON_API tenon_status tenon_db_verify(tenon_db *db, tenon_problem_fn fn, void *arg,
                                       uint64_t *problem_count, tenon_error *err);

/** A driver that was looked at; pointers are borrowed for the call. */
typedef struct tenon_driver_info {
    const char *name;
    const char *version; /**< Of the driver and its engine, NULL where it was refused. */
    const char *path;
    const char *refused;   /**< NULL, or why it can't be used. */
    uint64_t capabilities; /**< TENON_CAP_ bits that its databases may have. */
    uint32_t abi_major, abi_minor;
} tenon_driver_info;

typedef void (*tenon_driver_fn)(void *arg, const tenon_driver_info *info);

/** Tell `fn` of every plugin in the search path, refused ones included. @param[in] driver_path as
 * in the options, may be NULL */
TENON_API tenon_status tenon_drivers(const char *driver_path, tenon_driver_fn fn, void *arg,
                                     tenon_error *err);

#ifdef __cplusplus
}
#endif
#endif
