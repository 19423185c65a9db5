/*
 * RocksDB as an engine of kits/kv. A write transaction is one of RocksDB's TransactionDB; since the
 * kit has one at a time, it never waits for a lock. Readers read a snapshot. Facts relied on were
 * tried with RocksDB 7.8.3; see README.md.
 */
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/kit/kv.h>
#include <tenon/kit/posix.h>

struct tenon_kv_store {
    tenon_posix_shared shared; /* first: the registry's */
    rocksdb_transactiondb_t *db;
    rocksdb_t *read_only; /* where `db` is NULL */
    rocksdb_writeoptions_t *write_options;
    rocksdb_transaction_options_t *txn_options;
    tenon_gate writer;             /* closed by the one transaction that writes */
    atomic_uint_fast64_t changing; /* raised before each commit, and after it */
};

struct tenon_kv_txn {
    tenon_kv_store *store;
    rocksdb_transaction_t *raw;          /* NULL: the store is only read */
    const rocksdb_snapshot_t *snapshot;  /* of a reader; NULL: it writes */
    rocksdb_readoptions_t *read_options; /* with it */
    uint64_t state;
    tenon_kv_loans loans;                     /* values that the kit has got and not given back */
    uint32_t below[TENON_DRV_MAX_SAVEPOINTS]; /* RocksDB's savepoints under each of the kit's */
    uint32_t savepoint_count;                 /* of RocksDB's, which can't be released */
};

struct tenon_kv_cursor {
    rocksdb_iterator_t *raw;
    tenon_kv_txn *txn;
};

static const uint64_t rocks_capabilities = TENON_CAP_PERSISTENT | TENON_CAP_SINGLE_WRITER |
                                           TENON_CAP_SNAPSHOT | TENON_CAP_SERIALIZABLE |
                                           TENON_CAP_DURABLE_POWER | TENON_CAP_DURABLE_OS |
                                           TENON_CAP_DURABLE_PROCESS | TENON_CAP_DURABLE_NONE;

/* ---- Failures: RocksDB's C interface tells them as text, whose beginning is the class ---- */

static const struct rocks_class {
    const char *begins;
    tenon_status status;
} rocks_classes[] = {
    { "IO error: No space left on device", TENON_FULL },
    { "IO error", TENON_IO },
    { "Corruption", TENON_CORRUPT },
    { "Resource busy", TENON_CONFLICT },
    { "Operation timed out", TENON_CONFLICT },
    { "Not implemented", TENON_UNSUPPORTED },
};

/* Fill `err` from RocksDB's text, and free that. */
static tenon_status
rocks_fail(tenon_error *err, const tenon_kv_store *store, char *text, uint8_t effect,
           const char *what)
{
    tenon_status status = TENON_INTERNAL;

    for (size_t i = 0; i < sizeof rocks_classes / sizeof rocks_classes[0]; i++) {
        if (strncmp(text, rocks_classes[i].begins, strlen(rocks_classes[i].begins)) == 0) {
            status = rocks_classes[i].status;
            break;
        }
    }
    (void)tenon_kv_fail(err, status, 0, effect, NULL, "%s: %s: %s", store->shared.path, what, text);
    rocksdb_free(text);
    return status;
}

static tenon_status
rocks_no_memory(tenon_error *err, uint8_t effect)
{
    return tenon_kv_fail(err, TENON_NO_MEMORY, 0, effect, NULL, "no memory");
}

/* ---- Stores ---- */

static void
rocks_store_close(tenon_posix_shared *shared)
{
    tenon_kv_store *store = (tenon_kv_store *)shared;

    if (store->db != NULL)
        rocksdb_transactiondb_close(store->db);
    if (store->read_only != NULL)
        rocksdb_close(store->read_only);
    rocksdb_writeoptions_destroy(store->write_options);
    rocksdb_transaction_options_destroy(store->txn_options);
    tenon_gate_fini(&store->writer);
}

/* What is written is kept in memory, beside the log, until so much of it is moved into a table. */
static tenon_status
rocks_params(const tenon_drv_open *options, uint64_t *buffer_kib, tenon_error *err)
{
    const tenon_posix_param known = { "buffer_kib", buffer_kib, 64, 1 << 20 };

    *buffer_kib = 64 * 1024;
    return tenon_posix_read_params(options, &known, 1, err);
}

static tenon_status
rocks_store_open(tenon_posix_shared *shared, const tenon_drv_open *options, bool is_new,
                 tenon_error *err)
{
    tenon_kv_store *store = (tenon_kv_store *)shared;
    rocksdb_transactiondb_options_t *locks = rocksdb_transactiondb_options_create();
    rocksdb_options_t *how = rocksdb_options_create();
    uint64_t buffer_kib;
    char *text = NULL;

    (void)rocks_params(options, &buffer_kib, err);
    rocksdb_options_set_write_buffer_size(how, (size_t)buffer_kib * 1024);
    tenon_gate_init(&store->writer);
    store->write_options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(store->write_options, shared->durability == TENON_DURABLE_POWER);
    rocksdb_writeoptions_disable_WAL(store->write_options,
                                     shared->durability == TENON_DURABLE_NONE);
    store->txn_options = rocksdb_transaction_options_create();
    rocksdb_options_set_create_if_missing(how, is_new && options->create);
    rocksdb_options_set_keep_log_file_num(how, 2);
    rocksdb_options_set_max_file_opening_threads(how, 1); /* else 16 are made and ended */
    if (shared->read_only)
        store->read_only = rocksdb_open_for_read_only(how, shared->path, 0, &text);
    else
        store->db = rocksdb_transactiondb_open(how, locks, shared->path, &text);
    rocksdb_transactiondb_options_destroy(locks);
    rocksdb_options_destroy(how);
    if (text == NULL)
        return TENON_OK;
    rocks_store_close(shared);
    return rocks_fail(err, store, text, TENON_EFFECT_OPEN, "can't be opened");
}

static tenon_posix_registry rocks_registry = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .store_bytes = sizeof(tenon_kv_store),
    .in_folder = true,
    .one_process = true, /* RocksDB itself lets others read beside who writes, an old state */
    .open = rocks_store_open,
    .close = rocks_store_close,
};

static tenon_status
rocks_open(const tenon_drv_open *options, tenon_kv_store **out, tenon_error *err)
{
    tenon_posix_shared *shared = NULL;
    uint64_t buffer_kib;
    tenon_status st = rocks_params(options, &buffer_kib, err);

    if (st == TENON_OK)
        st = tenon_posix_share(&rocks_registry, options, &shared, err);
    *out = (tenon_kv_store *)shared;
    return st;
}

static void
rocks_close(tenon_kv_store *store)
{
    tenon_posix_unshare(&rocks_registry, store == NULL ? NULL : &store->shared);
}

/* Without a flush at each commit the log is written all the same: `process` gets what `os` does. */
static tenon_status
rocks_info(tenon_kv_store *store, tenon_drv_info *info, tenon_error *err)
{
    (void)err;
    if (rocksdb_writeoptions_get_disable_WAL(store->write_options))
        info->durability = TENON_DURABLE_NONE;
    else if (rocksdb_writeoptions_get_sync(store->write_options))
        info->durability = TENON_DURABLE_POWER;
    else
        info->durability = store->shared.durability;
    info->disk_bytes = tenon_posix_folder_bytes(store->shared.path);
    return TENON_OK;
}

/* ---- Transactions ---- */

static void
rocks_give_back(tenon_kv_txn *txn, const void *data)
{
    tenon_kv_take_back(&txn->loans, data);
}

static void
rocks_end(tenon_kv_txn *txn)
{
    tenon_kv_store *store = txn->store;

    rocks_give_back(txn, NULL);
    if (txn->raw != NULL)
        rocksdb_transaction_destroy(txn->raw);
    if (txn->snapshot == NULL)
        tenon_gate_open(&store->writer);
    else if (store->db != NULL)
        rocksdb_transactiondb_release_snapshot(store->db, txn->snapshot);
    else
        rocksdb_release_snapshot(store->read_only, txn->snapshot);
    rocksdb_readoptions_destroy(txn->read_options);
    free(txn);
}

/* A reader's state has a number where nobody commits while it is taken. */
static void
rocks_look(tenon_kv_txn *txn)
{
    tenon_kv_store *store = txn->store;
    const uint64_t before = atomic_load(&store->changing);

    txn->snapshot = store->db != NULL ? rocksdb_transactiondb_create_snapshot(store->db)
                                      : rocksdb_create_snapshot(store->read_only);
    rocksdb_readoptions_set_snapshot(txn->read_options, txn->snapshot);
    if (before % 2 == 0 && atomic_load(&store->changing) == before)
        txn->state = before + 1;
}

static tenon_status
rocks_begin(tenon_kv_store *store, const tenon_drv_begin *how, tenon_kv_txn **out, tenon_error *err)
{
    tenon_kv_txn *txn;

    *out = NULL;
    if (!how->read_only && !tenon_gate_close(&store->writer, how->deadline_ns))
        return tenon_kv_fail(err, TENON_TIMEOUT, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                             "%s: another transaction writes", store->shared.path);
    txn = calloc(1, sizeof *txn);
    if (txn == NULL) {
        if (!how->read_only)
            tenon_gate_open(&store->writer);
        return rocks_no_memory(err, TENON_EFFECT_ROLLED_BACK);
    }
    txn->store = store;
    txn->read_options = rocksdb_readoptions_create();
    if (how->read_only)
        rocks_look(txn);
    else
        txn->state = atomic_load(&store->changing) + 1;
    if (store->db != NULL)
        txn->raw = rocksdb_transaction_begin(store->db, store->write_options, store->txn_options,
                                             NULL);
    *out = txn;
    return TENON_OK;
}

static uint64_t
rocks_state(tenon_kv_txn *txn)
{
    return txn->state;
}

/* A commit appends to RocksDB's log and flushes it; what a failure leaves there is seen when the
 * store is opened anew. */
static tenon_status
rocks_commit(tenon_kv_txn *txn, tenon_error *err)
{
    char *text = NULL;
    tenon_status st = TENON_OK;

    if (txn->snapshot == NULL) {
        (void)atomic_fetch_add(&txn->store->changing, 1);
        rocksdb_transaction_commit(txn->raw, &text);
        (void)atomic_fetch_add(&txn->store->changing, 1);
    }
    if (text != NULL) {
        (void)rocks_fail(err, txn->store, text, TENON_EFFECT_UNKNOWN, "commit");
        st = err->status = TENON_UNKNOWN_OUTCOME;
    }
    rocks_end(txn);
    return st;
}

/* ---- Savepoints: RocksDB's are a stack that only a rollback pops ---- */

static tenon_status
rocks_savepoint(tenon_kv_txn *txn, uint32_t depth, tenon_error *err)
{
    (void)err;
    txn->below[depth - 1] = txn->savepoint_count;
    if (txn->raw != NULL) {
        rocksdb_transaction_set_savepoint(txn->raw);
        txn->savepoint_count++;
    }
    return TENON_OK;
}

static tenon_status
rocks_savepoint_release(tenon_kv_txn *txn, uint32_t depth, tenon_error *err)
{
    (void)txn, (void)depth, (void)err;
    return TENON_OK;
}

static tenon_status
rocks_savepoint_rollback(tenon_kv_txn *txn, uint32_t depth, tenon_error *err)
{
    char *text = NULL;

    while (txn->savepoint_count > txn->below[depth - 1] && text == NULL) {
        rocksdb_transaction_rollback_to_savepoint(txn->raw, &text);
        txn->savepoint_count--;
    }
    return text == NULL ? TENON_OK
                        : rocks_fail(err, txn->store, text, TENON_EFFECT_MUST_ROLL_BACK,
                                     "rollback to a savepoint");
}

/* ---- Keys ---- */

static void
rocks_release(void *slice)
{
    rocksdb_pinnableslice_destroy(slice);
}

static tenon_status
rocks_get(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_kv_bytes *value, tenon_error *err)
{
    rocksdb_pinnableslice_t *slice;
    const char *data;
    char *text = NULL;
    size_t len;

    if (txn->raw != NULL)
        slice = rocksdb_transaction_get_pinned(txn->raw, txn->read_options, key.data,
                                               (size_t)key.len, &text);
    else
        slice = rocksdb_get_pinned(txn->store->read_only, txn->read_options, key.data,
                                   (size_t)key.len, &text);
    if (text != NULL)
        return rocks_fail(err, txn->store, text, TENON_EFFECT_OPEN, "get");
    if (slice == NULL)
        return TENON_NOT_FOUND;
    data = rocksdb_pinnableslice_value(slice, &len);
    return tenon_kv_adopt(&txn->loans, data, len, slice, rocks_release, value, err);
}

static tenon_status
rocks_put(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_kv_bytes value, tenon_error *err)
{
    char *text = NULL;

    rocksdb_transaction_put(txn->raw, key.data, (size_t)key.len, value.data, (size_t)value.len,
                            &text);
    rocks_give_back(txn, NULL);
    return text == NULL ? TENON_OK
                        : rocks_fail(err, txn->store, text, TENON_EFFECT_MUST_ROLL_BACK, "put");
}

static tenon_status
rocks_remove(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_error *err)
{
    tenon_kv_bytes value;
    char *text = NULL;
    tenon_status st = rocks_get(txn, key, &value, err); /* RocksDB does not say */

    if (st != TENON_OK)
        return st;
    rocksdb_transaction_delete(txn->raw, key.data, (size_t)key.len, &text);
    rocks_give_back(txn, NULL);
    return text == NULL ? TENON_OK
                        : rocks_fail(err, txn->store, text, TENON_EFFECT_MUST_ROLL_BACK, "remove");
}

/* ---- Cursors: a transaction's iterator sees what it has written itself ---- */

static tenon_status
rocks_cursor_open(tenon_kv_txn *txn, tenon_kv_cursor **out, tenon_error *err)
{
    tenon_kv_cursor *cursor = calloc(1, sizeof *cursor);

    *out = cursor;
    if (cursor == NULL)
        return rocks_no_memory(err, TENON_EFFECT_OPEN);
    cursor->txn = txn;
    cursor->raw = txn->raw != NULL
                      ? rocksdb_transaction_create_iterator(txn->raw, txn->read_options)
                      : rocksdb_create_iterator(txn->store->read_only, txn->read_options);
    return TENON_OK;
}

static void
rocks_cursor_close(tenon_kv_cursor *cursor)
{
    if (cursor == NULL)
        return;
    rocksdb_iter_destroy(cursor->raw);
    free(cursor);
}

static void
rocks_seek_before(rocksdb_iterator_t *it, tenon_kv_bytes key)
{
    const char *found;
    size_t len = 0;

    rocksdb_iter_seek_for_prev(it, key.data, (size_t)key.len);
    if (!rocksdb_iter_valid(it))
        return;
    found = rocksdb_iter_key(it, &len);
    if (len == key.len && memcmp(found, key.data, len) == 0)
        rocksdb_iter_prev(it);
}

static tenon_status
rocks_cursor_go(tenon_kv_cursor *cursor, uint32_t how, tenon_kv_bytes *key, tenon_kv_bytes *value,
                tenon_error *err)
{
    rocksdb_iterator_t *it = cursor->raw;
    char *text = NULL;
    size_t len;

    if (how == TENON_KV_SEEK)
        rocksdb_iter_seek(it, key->data, (size_t)key->len);
    else if (how == TENON_KV_SEEK_BEFORE)
        rocks_seek_before(it, *key);
    else if (how == TENON_KV_NEXT)
        rocksdb_iter_next(it);
    else
        rocksdb_iter_prev(it);
    if (!rocksdb_iter_valid(it)) {
        rocksdb_iter_get_error(it, &text);
        return text == NULL
                   ? TENON_NOT_FOUND
                   : rocks_fail(err, cursor->txn->store, text, TENON_EFFECT_OPEN, "cursor");
    }
    key->data = rocksdb_iter_key(it, &len);
    key->len = len;
    value->data = rocksdb_iter_value(it, &len);
    value->len = len;
    return TENON_OK;
}

static const tenon_kv_engine rocks_engine = {
    .size = sizeof rocks_engine,
    .capabilities = rocks_capabilities,
    .open = rocks_open,
    .close = rocks_close,
    .info = rocks_info,
    .begin = rocks_begin,
    .commit = rocks_commit,
    .abort = rocks_end,
    .get = rocks_get,
    .put = rocks_put,
    .remove = rocks_remove,
    .cursor_open = rocks_cursor_open,
    .cursor_close = rocks_cursor_close,
    .cursor_go = rocks_cursor_go,
    .savepoint = rocks_savepoint,
    .savepoint_release = rocks_savepoint_release,
    .savepoint_rollback = rocks_savepoint_rollback,
    .state = rocks_state,
    .give_back = rocks_give_back,
};

TENON_KV_DRIVER("rocksdb", "1.0 (RocksDB)", rocks_engine, rocks_capabilities,
                TENON_DRV_REOPEN | TENON_DRV_GROUPS);
