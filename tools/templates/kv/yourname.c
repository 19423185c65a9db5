/*
 * yourname: a driver for Tenon on kits/kv. A function that is not written yet says so by its name,
 * in what `tenon check` tells; docs/writing-a-driver.md of Tenon goes through them by their steps.
 */
#include <stdlib.h>

#include <tenon/kit/kv.h>
#include <tenon/kit/posix.h>

/* ---- Step 2: what a store, a transaction and a cursor are made of ---- */

struct tenon_kv_store {
    tenon_posix_shared shared; /* first. The path and the settings, see tenon/kit/posix.h */
    tenon_gate writer;         /* closed by the one transaction that writes */
};

struct tenon_kv_txn {
    tenon_kv_store *store;
    bool read_only;
};

struct tenon_kv_cursor {
    tenon_kv_txn *txn;
};

/* Step 6: what works, and nothing else. */
static const uint64_t yourname_capabilities = TENON_CAP_PERSISTENT | TENON_CAP_SINGLE_WRITER |
                                              TENON_CAP_SNAPSHOT | TENON_CAP_SERIALIZABLE |
                                              TENON_CAP_DURABLE_POWER;

/* A failure names what was tried, and where; `effect` says what became of the transaction. */
static tenon_status
yourname_unwritten(tenon_error *err, const char *function, int step)
{
    return tenon_kv_fail(err, TENON_UNSUPPORTED, 0, TENON_EFFECT_MUST_ROLL_BACK, function,
                         "yourname.c: %s is not written yet: see docs/writing-a-driver.md, step %d",
                         function, step);
}

/* ---- Step 2: stores ---- */

/* Open the engine's store at shared->path, with shared->durability, as shared->read_only says. It
 * is called once for each place, however often a program opens that. */
static tenon_status
yourname_open_store(tenon_posix_shared *shared, const tenon_drv_open *options, bool is_new,
                    tenon_error *err)
{
    tenon_kv_store *store = (tenon_kv_store *)shared;
    tenon_status st = yourname_unwritten(err, __func__, 2);

    (void)options, (void)is_new;
    if (st == TENON_OK)
        tenon_gate_init(&store->writer);
    return st;
}

/* What was opened is closed; `shared` itself is the kit's. */
static void
yourname_close_store(tenon_posix_shared *shared)
{
    tenon_kv_store *store = (tenon_kv_store *)shared;

    tenon_gate_fini(&store->writer);
}

static tenon_posix_registry yourname_registry = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .store_bytes = sizeof(tenon_kv_store),
    .in_folder = true,   /* the place is a folder of its own; false: a file */
    .one_process = true, /* others are refused; not where the engine shares its files */
    .open = yourname_open_store,
    .close = yourname_close_store,
};

static tenon_status
yourname_open(const tenon_drv_open *options, tenon_kv_store **out, tenon_error *err)
{
    tenon_posix_shared *shared = NULL;
    tenon_status st = tenon_posix_read_params(options, NULL, 0, err);

    if (st == TENON_OK)
        st = tenon_posix_share(&yourname_registry, options, &shared, err);
    *out = (tenon_kv_store *)shared;
    return st;
}

static void
yourname_close(tenon_kv_store *store)
{
    tenon_posix_unshare(&yourname_registry, store == NULL ? NULL : &store->shared);
}

/* Step 6: durability as the engine has it. */
static tenon_status
yourname_info(tenon_kv_store *store, tenon_drv_info *info, tenon_error *err)
{
    (void)err;
    info->durability = store->shared.durability;
    info->disk_bytes = tenon_posix_folder_bytes(store->shared.path);
    return TENON_OK;
}

/* ---- Step 3: transactions ---- */

/* A reader sees one state of the store until its end. A writer waits for its turn, by the deadline,
 * and sees what it has written itself. */
static tenon_status
yourname_begin(tenon_kv_store *store, const tenon_drv_begin *how, tenon_kv_txn **out,
               tenon_error *err)
{
    (void)store, (void)how;
    *out = NULL;
    return yourname_unwritten(err, __func__, 3);
}

/* What was written is in the store, as durable as it was opened; `txn` is freed, whatever comes of
 * it. */
static tenon_status
yourname_commit(tenon_kv_txn *txn, tenon_error *err)
{
    free(txn);
    return yourname_unwritten(err, __func__, 3);
}

/* Nothing of it is left; `txn` is freed. Who begins in `yourname_begin` what is not memory gives it
 * back here. */
static void
yourname_abort(tenon_kv_txn *txn)
{
    free(txn);
}

/* ---- Step 4: keys ---- */

/* TENON_NOT_FOUND where there is no such key; then `err` is left alone. The value stays where it is
 * until the next put or remove: of an engine that does not keep it so long, tenon_kv_lend keeps a
 * copy. */
static tenon_status
yourname_get(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_kv_bytes *value, tenon_error *err)
{
    (void)txn, (void)key, (void)value;
    return yourname_unwritten(err, __func__, 4);
}

static tenon_status
yourname_put(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_kv_bytes value, tenon_error *err)
{
    (void)txn, (void)key, (void)value;
    return yourname_unwritten(err, __func__, 4);
}

/* TENON_NOT_FOUND where there is no such key. */
static tenon_status
yourname_remove(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_error *err)
{
    (void)txn, (void)key;
    return yourname_unwritten(err, __func__, 4);
}

/* ---- Step 5: cursors ---- */

static tenon_status
yourname_cursor_open(tenon_kv_txn *txn, tenon_kv_cursor **out, tenon_error *err)
{
    (void)txn;
    *out = NULL;
    return yourname_unwritten(err, __func__, 5);
}

static void
yourname_cursor_close(tenon_kv_cursor *cursor)
{
    free(cursor);
}

/* To the first entry at `key` or behind it, to the last one before it, or one further. */
static tenon_status
yourname_cursor_go(tenon_kv_cursor *cursor, uint32_t how, tenon_kv_bytes *key,
                   tenon_kv_bytes *value, tenon_error *err)
{
    (void)cursor, (void)how, (void)key, (void)value;
    return yourname_unwritten(err, __func__, 5);
}

static const tenon_kv_engine yourname_engine = {
    .size = sizeof yourname_engine,
    .capabilities = yourname_capabilities,
    .max_key_bytes = 0, /* no limit */
    .open = yourname_open,
    .close = yourname_close,
    .info = yourname_info,
    .begin = yourname_begin,
    .commit = yourname_commit,
    .abort = yourname_abort,
    .get = yourname_get,
    .put = yourname_put,
    .remove = yourname_remove,
    .cursor_open = yourname_cursor_open,
    .cursor_close = yourname_cursor_close,
    .cursor_go = yourname_cursor_go,
};

TENON_KV_DRIVER("yourname", "0.1", yourname_engine, yourname_capabilities, 0);
