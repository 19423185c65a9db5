/**
 * @file kv.h For the author of a driver on an ordered key-value engine.
 *
 * The kit (kits/kv, a static library) turns an ordered store into a driver: typed tables, indexes,
 * constraints, plans, statement atomicity and savepoints. The author fills in a tenon_kv_engine and
 * writes TENON_KV_DRIVER once. One store is one ordered map from bytes to bytes, compared by
 * memcmp, then length; the kit keeps everything in it, under keys of its own.
 *
 * Threads: as in driver.h; one tenon_kv_txn with its cursors is used by one thread at a time.
 */
#ifndef TENON_KIT_KV_H
#define TENON_KIT_KV_H

#include "tenon/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Borrowed bytes. */
typedef struct tenon_kv_bytes {
    const void *data;
    uint64_t len;
} tenon_kv_bytes;

/** An open store, a transaction in it, a position in a transaction. Each engine defines its own. */
typedef struct tenon_kv_store tenon_kv_store;
typedef struct tenon_kv_txn tenon_kv_txn;
typedef struct tenon_kv_cursor tenon_kv_cursor;

/** Where a cursor goes. */
enum {
    TENON_KV_SEEK = 0,        /**< The first entry whose key is `key` or greater. */
    TENON_KV_SEEK_BEFORE = 1, /**< The last entry whose key is less than `key`. */
    TENON_KV_NEXT = 2,        /**< The next entry. */
    TENON_KV_PREV = 3         /**< The entry before. */
};

/**
 * An engine. All slots are required unless they say otherwise. A slot that fails fills `err` (never
 * NULL) with status, native code and effect; TENON_NOT_FOUND leaves `err` alone. Bytes that get
 * returns are borrowed until the next put or remove in that transaction, or its end, or until they
 * are given back; those of a cursor no longer than it stays where it is. Keys are 1 to
 * `max_key_bytes` long, values 0 to 2^32 - 1.
 *
 * The kit relies on one write transaction at a time in a store (TENON_CAP_SINGLE_WRITER): what it
 * has looked for, such as the row that a foreign key refers to, is still so when it commits.
 */
typedef struct tenon_kv_engine {
    uint32_t size, reserved;
    /** TENON_CAP_ bits that every store has; the kit adds SAVEPOINTS and TRANSACTIONAL_DDL. */
    uint64_t capabilities;
    uint64_t max_key_bytes; /**< Longest key; 0 = no limit. */
    /** Open a store. @param[out] out owned by the kit until close */
    tenon_status (*open)(const tenon_drv_open *options, tenon_kv_store **out, tenon_error *err);
    /** Close. No transaction is open. Accepts NULL. */
    void (*close)(tenon_kv_store *store);
    /** Durability as read back, bytes on disk; `capabilities` is set by the kit and may be reduced.
     */
    tenon_status (*info)(tenon_kv_store *store, tenon_drv_info *info, tenon_error *err);
    /** Begin. Readers see one state of the store throughout. @param[out] out ends with commit or
     * abort */
    tenon_status (*begin)(tenon_kv_store *store, const tenon_drv_begin *how, tenon_kv_txn **out,
                          tenon_error *err);
    /** Commit. Consumes `txn` on every outcome. */
    tenon_status (*commit)(tenon_kv_txn *txn, tenon_error *err);
    /** Undo. Consumes `txn`. */
    void (*abort)(tenon_kv_txn *txn);
    /** The value of a key. @retval TENON_OK, TENON_NOT_FOUND */
    tenon_status (*get)(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_kv_bytes *value,
                        tenon_error *err);
    /** Set the value of a key, whether or not it has one. `value` is no pointer into the store. */
    tenon_status (*put)(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_kv_bytes value,
                        tenon_error *err);
    /** Remove a key. @retval TENON_OK, TENON_NOT_FOUND: it is not there; damage is found by this,
     * so an engine that says TENON_OK then is refused when a store is made */
    tenon_status (*remove)(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_error *err);
    /** A cursor, without a position. A put or remove in the transaction takes its position away. */
    tenon_status (*cursor_open)(tenon_kv_txn *txn, tenon_kv_cursor **out, tenon_error *err);
    /** Close. Always before the end of the transaction. Accepts NULL. */
    void (*cursor_close)(tenon_kv_cursor *cursor);
    /**
     * Go to an entry.
     *
     * @param[in]     how   a TENON_KV_ value
     * @param[in,out] key   where to go, for the two that seek; the key found
     * @param[out]    value its value
     * @retval TENON_OK, TENON_NOT_FOUND
     */
    tenon_status (*cursor_go)(tenon_kv_cursor *cursor, uint32_t how, tenon_kv_bytes *key,
                              tenon_kv_bytes *value, tenon_error *err);
    /**
     * Savepoints at a cost that does not depend on what follows; the three together, or none: the
     * kit then keeps a log of what to undo. Set savepoint `depth` (1, 2, …); forget it; undo the
     * changes since it and forget it. Deeper ones are forgotten with it.
     */
    tenon_status (*savepoint)(tenon_kv_txn *txn, uint32_t depth, tenon_error *err);
    tenon_status (*savepoint_release)(tenon_kv_txn *txn, uint32_t depth, tenon_error *err);
    tenon_status (*savepoint_rollback)(tenon_kv_txn *txn, uint32_t depth, tenon_error *err);
    /** The engine's own checks. Optional. */
    tenon_status (*verify)(tenon_kv_txn *txn, tenon_problem_fn fn, void *arg, tenon_error *err);
    /** As tenon_drv_admin_ops.checkpoint. Optional. */
    tenon_status (*checkpoint)(tenon_kv_store *store, tenon_error *err);
    /** End a read transaction, but keep what it is made of: it rests until renew begins it again,
     * or abort frees it. The two together, or none: the kit then begins each one anew. */
    void (*rest)(tenon_kv_txn *txn);
    /** Begin a resting transaction again. A failure consumes `txn`. */
    tenon_status (*renew)(tenon_kv_txn *txn, const tenon_drv_begin *how, tenon_error *err);
    /** Number of the committed state that a transaction has begun from: equal numbers, equal bytes,
     * as long as the store is open. 0 = not known. Optional: the kit looks into the store instead.
     */
    uint64_t (*state)(tenon_kv_txn *txn);
    /** Bytes that get has returned are no longer needed: those at `data`, or with NULL all that it
     * has returned in this transaction. Optional: for an engine whose get makes copies. */
    void (*give_back)(tenon_kv_txn *txn, const void *data);
} tenon_kv_engine;

/** The host of this plugin. Set before any slot is called. */
extern const tenon_host *tenon_kv_host;

/** The kit's half of a driver; used by TENON_KV_DRIVER. */
tenon_status tenon_kv_open(const tenon_kv_engine *engine, const tenon_drv_open *options,
                           tenon_drv_db **out, tenon_error *err);
void tenon_kv_close(tenon_drv_db *db);
tenon_status tenon_kv_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err);
extern const tenon_drv_connection_ops tenon_kv_connection_ops;
extern const tenon_drv_transaction_ops tenon_kv_transaction_ops;
extern const tenon_drv_query_ops tenon_kv_query_ops;
extern const tenon_drv_schema_ops tenon_kv_schema_ops;
extern const tenon_drv_admin_ops tenon_kv_admin_ops;

/**
 * Fill `err` and return `status`: one line for an engine's failures.
 *
 * @param[in] native the engine's code @param[in] effect a TENON_EFFECT_ value @param[in] object may
 * be NULL
 */
#if defined(__GNUC__)
__attribute__((cold, format(printf, 6, 7)))
#endif
tenon_status
tenon_kv_fail(tenon_error *err, tenon_status status, int32_t native, uint8_t effect,
              const char *object, const char *format, ...);

/** Values that an engine's get has copied for the kit, or handed over to it. All zero is none. */
typedef struct tenon_kv_loans {
    struct tenon_kv_loan *newest;
} tenon_kv_loans;

/** Copy a value that the engine itself does not keep. @param[out] value the copy, borrowed until it
 * is taken back @retval TENON_OK, TENON_NO_MEMORY */
tenon_status tenon_kv_lend(tenon_kv_loans *loans, const void *data, uint64_t len,
                           tenon_kv_bytes *value, tenon_error *err);

/**
 * Lend a value that the engine has allocated, without a copy of it: as tenon_kv_lend, but `data`
 * must stay where it is until `release` is called with `owner`. That is when it is taken back; on
 * failure, at once.
 *
 * @param[in] owner what `release` frees: the memory at `data` itself, or what holds it
 */
tenon_status tenon_kv_adopt(tenon_kv_loans *loans, const void *data, uint64_t len, void *owner,
                            void (*release)(void *owner), tenon_kv_bytes *value, tenon_error *err);

/** Free the value that was lent at `data`, if it is one, or with NULL all: what give_back asks for,
 * and what put, remove and the end of a transaction do. */
void tenon_kv_take_back(tenon_kv_loans *loans, const void *data);

/** Capabilities that the kit adds to those of the engine. */
#define TENON_KV_CAPABILITIES (TENON_CAP_SAVEPOINTS | TENON_CAP_TRANSACTIONAL_DDL)

/**
 * Define the plugin's entry point for `engine`, a `static const tenon_kv_engine`.
 *
 * @param driver_name string, as in URLs @param driver_version string @param engine its name
 * @param caps TENON_CAP_ bits of the engine again (a constant expression) @param drv_flags
 * TENON_DRV_ bits
 */
#define TENON_KV_DRIVER(driver_name, driver_version, engine, caps, drv_flags)                      \
    static tenon_status kv_driver_open(const tenon_drv_open *options, tenon_drv_db **out,          \
                                       tenon_error *err)                                           \
    {                                                                                              \
        return tenon_kv_open(&(engine), options, out, err);                                        \
    }                                                                                              \
    static const tenon_drv_database_ops kv_driver_database = {                                     \
        .size = sizeof kv_driver_database,                                                         \
        .open = kv_driver_open,                                                                    \
        .close = tenon_kv_close,                                                                   \
        .info = tenon_kv_info,                                                                     \
    };                                                                                             \
    static const tenon_driver kv_driver = {                                                        \
        .size = sizeof kv_driver,                                                                  \
        .magic = TENON_DRIVER_MAGIC,                                                               \
        .abi_major = TENON_DRIVER_ABI_MAJOR,                                                       \
        .abi_minor = TENON_DRIVER_ABI_MINOR,                                                       \
        .name = (driver_name),                                                                     \
        .version = (driver_version),                                                               \
        .capabilities = (caps) | TENON_KV_CAPABILITIES,                                            \
        .database = &kv_driver_database,                                                           \
        .connection = &tenon_kv_connection_ops,                                                    \
        .transaction = &tenon_kv_transaction_ops,                                                  \
        .query = &tenon_kv_query_ops,                                                              \
        .schema = &tenon_kv_schema_ops,                                                            \
        .admin = &tenon_kv_admin_ops,                                                              \
        .flags = (drv_flags),                                                                      \
    };                                                                                             \
    const tenon_driver *tenon_driver_v1(const tenon_host *host)                                    \
    {                                                                                              \
        tenon_kv_host = host;                                                                      \
        return &kv_driver;                                                                         \
    }                                                                                              \
    extern const tenon_host *tenon_kv_host

#ifdef __cplusplus
}
#endif
#endif
