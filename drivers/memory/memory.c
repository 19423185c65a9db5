/*
 * A store in memory, as an engine of kits/kv: the smallest driver, and the one to begin from when
 * you write your own. An engine is an ordered map with transactions; tables, indexes, constraints
 * and plans are the kit's.
 */
#include <pthread.h>
#include <stdlib.h>

#include "tree.h"

struct tenon_kv_store {
    pthread_mutex_t lock; /* guards all below */
    tree_node *root;      /* what is committed */
    uint64_t last_owner;
    bool writing;
};

struct tenon_kv_txn {
    tenon_kv_store *store;
    tree_node *root;
    uint64_t owner; /* 0: reads only */
    tree_node *savepoints[TENON_DRV_MAX_SAVEPOINTS];
    uint32_t depth;
};

struct tenon_kv_cursor {
    tenon_kv_txn *txn;
    tree_place place;
};

static const uint64_t memory_capabilities = TENON_CAP_SINGLE_WRITER | TENON_CAP_SNAPSHOT |
                                            TENON_CAP_SERIALIZABLE | TENON_CAP_DURABLE_NONE;

static tenon_status
memory_full(tenon_error *err, uint8_t effect)
{
    return tenon_kv_fail(err, TENON_NO_MEMORY, 0, effect, NULL, "no memory");
}

/* ---- Stores ---- */

static tenon_status
memory_open(const tenon_drv_open *options, tenon_kv_store **out, tenon_error *err)
{
    *out = NULL;
    if (options->place[0] != '\0')
        return tenon_kv_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, NULL,
                             "memory: takes no place, each one opened is a database of its own");
    if (options->param_count > 0)
        return tenon_kv_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, options->params[0].key,
                             "memory: has no parameter %s", options->params[0].key);
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return memory_full(err, TENON_EFFECT_OPEN);
    (void)pthread_mutex_init(&(*out)->lock, NULL);
    return TENON_OK;
}

static void
memory_close(tenon_kv_store *store)
{
    if (store == NULL)
        return;
    tree_release(store->root);
    (void)pthread_mutex_destroy(&store->lock);
    free(store);
}

static tenon_status
memory_info(tenon_kv_store *store, tenon_drv_info *info, tenon_error *err)
{
    (void)store, (void)err;
    info->durability = TENON_DURABLE_NONE;
    return TENON_OK;
}

/* ---- Transactions: each has a tree of its own, which at first is the committed one ---- */

static tenon_status
memory_begin(tenon_kv_store *store, const tenon_drv_begin *how, tenon_kv_txn **out,
             tenon_error *err)
{
    tenon_kv_txn *txn = calloc(1, sizeof *txn);
    bool busy;

    *out = NULL;
    if (txn == NULL)
        return memory_full(err, TENON_EFFECT_ROLLED_BACK);
    (void)pthread_mutex_lock(&store->lock);
    busy = !how->read_only && store->writing;
    if (!busy) {
        txn->root = tree_hold(store->root);
        if (!how->read_only) {
            txn->owner = ++store->last_owner;
            store->writing = true;
        }
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (busy) {
        free(txn);
        return tenon_kv_fail(err, TENON_BUSY, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                             "another transaction writes");
    }
    txn->store = store;
    *out = txn;
    return TENON_OK;
}

/* Forget savepoints from `depth` on. */
static void
memory_forget(tenon_kv_txn *txn, uint32_t depth)
{
    while (txn->depth >= depth)
        tree_release(txn->savepoints[--txn->depth]);
}

static void
memory_end(tenon_kv_txn *txn, bool commit)
{
    tenon_kv_store *store = txn->store;
    tree_node *gone = txn->root;

    memory_forget(txn, 1);
    if (txn->owner != 0) {
        (void)pthread_mutex_lock(&store->lock);
        if (commit) {
            gone = store->root;
            store->root = txn->root;
        }
        store->writing = false;
        (void)pthread_mutex_unlock(&store->lock);
    }
    tree_release(gone);
    free(txn);
}

static tenon_status
memory_commit(tenon_kv_txn *txn, tenon_error *err)
{
    (void)err;
    memory_end(txn, true);
    return TENON_OK;
}

static void
memory_abort(tenon_kv_txn *txn)
{
    memory_end(txn, false);
}

/* ---- Savepoints: the tree as it is now, kept ---- */

/* From here on, what the transaction has made so far is shared and is not changed in place. */
static void
memory_new_owner(tenon_kv_txn *txn)
{
    (void)pthread_mutex_lock(&txn->store->lock);
    if (txn->owner != 0)
        txn->owner = ++txn->store->last_owner;
    (void)pthread_mutex_unlock(&txn->store->lock);
}

static tenon_status
memory_savepoint(tenon_kv_txn *txn, uint32_t depth, tenon_error *err)
{
    (void)err;
    txn->savepoints[depth - 1] = tree_hold(txn->root);
    txn->depth = depth;
    memory_new_owner(txn);
    return TENON_OK;
}

static tenon_status
memory_savepoint_release(tenon_kv_txn *txn, uint32_t depth, tenon_error *err)
{
    (void)err;
    memory_forget(txn, depth);
    return TENON_OK;
}

static tenon_status
memory_savepoint_rollback(tenon_kv_txn *txn, uint32_t depth, tenon_error *err)
{
    (void)err;
    tree_release(txn->root);
    txn->root = tree_hold(txn->savepoints[depth - 1]);
    memory_forget(txn, depth);
    memory_new_owner(txn);
    return TENON_OK;
}

/* ---- Keys ---- */

static tenon_kv_bytes
memory_key(const tree_item *item)
{
    return (tenon_kv_bytes){ .data = item->bytes, .len = item->key_len };
}

static tenon_kv_bytes
memory_value(const tree_item *item)
{
    return (tenon_kv_bytes){ .data = item->bytes + item->key_len, .len = item->value_len };
}

static tenon_status
memory_get(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_kv_bytes *value, tenon_error *err)
{
    const tree_item *item = tree_find(txn->root, key);

    (void)err;
    if (item == NULL)
        return TENON_NOT_FOUND;
    *value = memory_value(item);
    return TENON_OK;
}

static tenon_status
memory_put(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_kv_bytes value, tenon_error *err)
{
    return tree_put(&txn->root, txn->owner, key, value)
               ? TENON_OK
               : memory_full(err, TENON_EFFECT_MUST_ROLL_BACK);
}

static tenon_status
memory_remove(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_error *err)
{
    if (tree_find(txn->root, key) == NULL)
        return TENON_NOT_FOUND;
    return tree_remove(&txn->root, txn->owner, key) ? TENON_OK
                                                    : memory_full(err, TENON_EFFECT_MUST_ROLL_BACK);
}

/* ---- Cursors ---- */

static tenon_status
memory_cursor_open(tenon_kv_txn *txn, tenon_kv_cursor **out, tenon_error *err)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return memory_full(err, TENON_EFFECT_OPEN);
    (*out)->txn = txn;
    return TENON_OK;
}

static void
memory_cursor_close(tenon_kv_cursor *cursor)
{
    free(cursor);
}

static tenon_status
memory_cursor_go(tenon_kv_cursor *cursor, uint32_t how, tenon_kv_bytes *key, tenon_kv_bytes *value,
                 tenon_error *err)
{
    const tree_item *item;

    (void)err;
    if (how == TENON_KV_SEEK)
        tree_seek(&cursor->place, cursor->txn->root, *key);
    else if (how == TENON_KV_SEEK_BEFORE)
        tree_seek_before(&cursor->place, cursor->txn->root, *key);
    else
        tree_step(&cursor->place, how == TENON_KV_NEXT ? 1 : 0);
    item = tree_at(&cursor->place);
    if (item == NULL)
        return TENON_NOT_FOUND;
    *key = memory_key(item);
    *value = memory_value(item);
    return TENON_OK;
}

static const tenon_kv_engine memory_engine = {
    .size = sizeof memory_engine,
    .capabilities = memory_capabilities,
    .open = memory_open,
    .close = memory_close,
    .info = memory_info,
    .begin = memory_begin,
    .commit = memory_commit,
    .abort = memory_abort,
    .get = memory_get,
    .put = memory_put,
    .remove = memory_remove,
    .cursor_open = memory_cursor_open,
    .cursor_close = memory_cursor_close,
    .cursor_go = memory_cursor_go,
    .savepoint = memory_savepoint,
    .savepoint_release = memory_savepoint_release,
    .savepoint_rollback = memory_savepoint_rollback,
};

TENON_KV_DRIVER("memory", "1.0", memory_engine, memory_capabilities, TENON_DRV_GROUPS);
