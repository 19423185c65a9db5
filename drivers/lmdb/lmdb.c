/* LMDB as an engine of kits/kv. Facts relied on were tried with LMDB 0.9.24; see README.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

/* Where a key was not beside the last one, that is not tried again for so many. */
#define LMDB_DETOUR 15

struct tenon_kv_txn {
    _Alignas(128) tenon_kv_store *store;
    MDB_txn *raw;          /* a reader's stays while it rests, with its slot in the reader table */
    tenon_kv_cursor *kept; /* a reader's, to be used again */
    MDB_cursor *finder;    /* a reader's, for single keys */
    lmdb_lane *lane;       /* through which it goes inside the gate */
    bool read_only;
    bool resting;
    bool in_range;  /* reads one; until it rests */
    bool backward;  /* the range */
    bool finds;     /* `finder` is in this transaction */
    uint8_t detour; /* keys that are not to be looked for beside the last one */
};

struct tenon_kv_cursor {
    MDB_cursor *raw;
    tenon_kv_txn *txn;
};

static const uint64_t lmdb_capabilities = TENON_CAP_PERSISTENT | TENON_CAP_SINGLE_WRITER |
                                          TENON_CAP_MULTI_PROCESS | TENON_CAP_SNAPSHOT |
                                          TENON_CAP_SERIALIZABLE | TENON_CAP_DURABLE_POWER |
                                          TENON_CAP_DURABLE_OS | TENON_CAP_DURABLE_PROCESS |
                                          TENON_CAP_DURABLE_NONE;

static MDB_val
lmdb_val(tenon_kv_bytes bytes)
{
    /* MDB_val is used for both directions, so it lacks the const that its use here has. */
    const union {
        const void *in;
        void *out;
    } data = { bytes.data };

    return (MDB_val){ .mv_size = (size_t)bytes.len, .mv_data = data.out };
}

static tenon_kv_bytes
lmdb_bytes(MDB_val v)
{
    return (tenon_kv_bytes){ .data = v.mv_data, .len = v.mv_size };
}

/* A statement's failure. LMDB marks the transaction as broken for all but a few of its codes. */
static tenon_status
lmdb_statement_fail(tenon_kv_txn *txn, int rc, const char *what, tenon_error *err)
{
    if (rc == MDB_MAP_FULL)
        lmdb_store_map_full(txn->store);
    return lmdb_fail(err, txn->store, rc,
                     rc == MDB_BAD_VALSIZE ? TENON_EFFECT_OPEN : TENON_EFFECT_MUST_ROLL_BACK, what);
}

static tenon_status
lmdb_info(tenon_kv_store *store, tenon_drv_info *info, tenon_error *err)
{
    unsigned int flags = 0;
    int rc = mdb_env_get_flags(store->env, &flags);

    if (rc != 0)
        return lmdb_fail(err, store, rc, TENON_EFFECT_OPEN, "flags");
    if ((flags & MDB_NOSYNC) != 0)
        info->durability = store->durability == TENON_DURABLE_NONE ? TENON_DURABLE_NONE
                                                                   : TENON_DURABLE_PROCESS;
    else
        info->durability = (flags & MDB_NOMETASYNC) != 0 ? TENON_DURABLE_OS : TENON_DURABLE_POWER;
    info->disk_bytes = tenon_posix_disk_bytes(store->path, "") +
                       tenon_posix_disk_bytes(store->path, "-lock");
    return TENON_OK;
}

static void
lmdb_cursor_free(tenon_kv_cursor *cursor)
{
    if (cursor == NULL)
        return;
    mdb_cursor_close(cursor->raw);
    free(cursor);
}

static void
lmdb_txn_free(tenon_kv_txn *txn)
{
    lmdb_cursor_free(txn->kept);
    if (txn->finder != NULL)
        mdb_cursor_close(txn->finder);
    if (txn->raw != NULL)
        mdb_txn_abort(txn->raw);
    free(txn);
}

/* Begin to read. Renewing a transaction that has rested keeps its slot in the reader table. */
static int
lmdb_begin_reader(tenon_kv_txn *txn)
{
    MDB_env *env = txn->store->env;
    int dead = 0;
    int rc;

    if (txn->raw != NULL) {
        rc = mdb_txn_renew(txn->raw);
        if (rc != 0) {
            mdb_txn_abort(txn->raw);
            txn->raw = NULL;
        }
        return rc;
    }
    rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn->raw);
    if (rc == MDB_READERS_FULL && mdb_reader_check(env, &dead) == 0 && dead > 0)
        rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn->raw);
    return rc;
}

/* Begin, inside the gate. */
static tenon_status
lmdb_start(tenon_kv_txn *txn, uint64_t deadline_ns, tenon_error *err)
{
    tenon_kv_store *store = txn->store;
    tenon_status st = TENON_OK;
    int rc = MDB_MAP_RESIZED; /* until a try says otherwise */

    while (rc == MDB_MAP_RESIZED && st == TENON_OK) {
        st = lmdb_store_enter(store, txn->lane, deadline_ns, err);
        if (st != TENON_OK)
            return st;
        rc = txn->read_only ? lmdb_begin_reader(txn)
                            : mdb_txn_begin(store->env, NULL, 0, &txn->raw);
        if (rc != 0)
            lmdb_lanes_leave(&store->gate, txn->lane);
        if (rc == MDB_MAP_RESIZED) /* by another process: take over its size */
            st = lmdb_store_resize(store, 0, deadline_ns, err);
    }
    if (st == TENON_OK && rc != 0) {
        txn->raw = NULL;
        st = lmdb_fail(err, store, rc, TENON_EFFECT_ROLLED_BACK, "begin");
    }
    return st;
}

static tenon_status
lmdb_begin(tenon_kv_store *store, const tenon_drv_begin *how, tenon_kv_txn **out, tenon_error *err)
{
    tenon_kv_txn *txn = aligned_alloc(_Alignof(tenon_kv_txn), sizeof *txn);
    tenon_status st = TENON_OK;

    *out = NULL;
    if (txn == NULL)
        return lmdb_fail(err, store, ENOMEM, TENON_EFFECT_ROLLED_BACK, "begin");
    memset(txn, 0, sizeof *txn);
    txn->store = store;
    txn->lane = lmdb_lanes_choose(&store->gate);
    txn->read_only = how->read_only != 0;
    if (!txn->read_only)
        st = lmdb_store_take_turn(store, how->deadline_ns, err);
    if (st != TENON_OK) {
        free(txn);
        return st;
    }
    st = lmdb_start(txn, how->deadline_ns, err);
    if (st == TENON_OK) {
        *out = txn;
        return st;
    }
    if (!txn->read_only)
        lmdb_store_give_turn(store);
    lmdb_txn_free(txn);
    return st;
}

static void
lmdb_rest(tenon_kv_txn *txn)
{
    mdb_txn_reset(txn->raw);
    txn->resting = true;
    txn->in_range = false;
    txn->finds = false;
    lmdb_lanes_leave(&txn->store->gate, txn->lane);
}

static tenon_status
lmdb_renew(tenon_kv_txn *txn, const tenon_drv_begin *how, tenon_error *err)
{
    const tenon_status st = lmdb_start(txn, how->deadline_ns, err);

    txn->resting = false;
    if (st != TENON_OK)
        lmdb_txn_free(txn);
    return st;
}

/* A writer's own number is the next one. */
static uint64_t
lmdb_state(tenon_kv_txn *txn)
{
    return mdb_txn_id(txn->raw) - (txn->read_only ? 0 : 1);
}

/* End, by an abort of what is not over; outside the gate nothing may be open. */
static void
lmdb_abort(tenon_kv_txn *txn)
{
    tenon_kv_store *store = txn->store;
    const bool read_only = txn->read_only, resting = txn->resting;
    lmdb_lane *lane = txn->lane;

    lmdb_txn_free(txn);
    if (!resting)
        lmdb_lanes_leave(&store->gate, lane);
    if (!read_only)
        lmdb_store_give_turn(store);
}

/*
 * What a failed commit has left behind. LMDB writes pages, flushes, then writes one of two meta
 * pages; only if that last write failed is the outcome open, and then LMDB refuses all further
 * transactions (MDB_PANIC). A short write on a full disk shows as EIO.
 */
static tenon_status
lmdb_commit_fail(tenon_kv_store *store, int rc, tenon_error *err)
{
    MDB_txn *probe = NULL;
    int probe_rc;

    if (rc == MDB_MAP_FULL)
        lmdb_store_map_full(store);
    probe_rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &probe);
    if (probe != NULL)
        mdb_txn_abort(probe);
    if (probe_rc == MDB_PANIC)
        return tenon_kv_fail(err, TENON_UNKNOWN_OUTCOME, rc, TENON_EFFECT_UNKNOWN, NULL,
                             "%s: the write that makes the commit valid failed: %s", store->path,
                             mdb_strerror(rc));
    if (rc == EIO && tenon_posix_is_full(store->path))
        rc = ENOSPC;
    return lmdb_fail(err, store, rc, TENON_EFFECT_ROLLED_BACK, "commit");
}

static tenon_status
lmdb_commit(tenon_kv_txn *txn, tenon_error *err)
{
    tenon_kv_store *store = txn->store;
    tenon_status st = TENON_OK;
    int rc;

    if (txn->read_only) {
        lmdb_abort(txn);
        return TENON_OK;
    }
    rc = mdb_txn_commit(txn->raw);
    txn->raw = NULL;
    if (rc != 0)
        st = lmdb_commit_fail(store, rc, err);
    pthread_mutex_lock(&store->lock);
    if (rc == 0)
        store->full_count = 0;
    pthread_mutex_unlock(&store->lock);
    lmdb_abort(txn);
    return st;
}

/* Find a key beside the one found last, in the direction that the range is read in. */
static bool
lmdb_find_beside(tenon_kv_txn *txn, const MDB_val *key, MDB_val *value)
{
    MDB_val k;
    bool found;

    if (txn->detour > 0) {
        txn->detour--;
        return false;
    }
    found = mdb_cursor_get(txn->finder, &k, value, txn->backward ? MDB_PREV : MDB_NEXT) == 0 &&
            k.mv_size == key->mv_size && memcmp(k.mv_data, key->mv_data, k.mv_size) == 0;
    txn->detour = found ? 0 : LMDB_DETOUR;
    return found;
}

/*
 * The value of a key. Where a reader goes through a range, the keys that it looks for often lie in
 * one page, even side by side: a cursor that stays there finds the next one without going down the
 * tree.
 */
static int
lmdb_find(tenon_kv_txn *txn, MDB_val *key, MDB_val *value)
{
    int rc = 0;

    if (!txn->in_range)
        return mdb_get(txn->raw, txn->store->dbi, key, value);
    if (txn->finds && lmdb_find_beside(txn, key, value))
        return 0;
    if (!txn->finds) {
        rc = txn->finder == NULL ? mdb_cursor_open(txn->raw, txn->store->dbi, &txn->finder)
                                 : mdb_cursor_renew(txn->raw, txn->finder);
        txn->finds = rc == 0;
        txn->detour = 0;
    }
    return rc == 0 ? mdb_cursor_get(txn->finder, key, value, MDB_SET) : rc;
}

static tenon_status
lmdb_get(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_kv_bytes *value, tenon_error *err)
{
    MDB_val k = lmdb_val(key), v;
    int rc = lmdb_find(txn, &k, &v);

    if (rc == MDB_NOTFOUND)
        return TENON_NOT_FOUND;
    if (rc != 0)
        return lmdb_statement_fail(txn, rc, "get", err);
    *value = lmdb_bytes(v);
    return TENON_OK;
}

static tenon_status
lmdb_put(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_kv_bytes value, tenon_error *err)
{
    MDB_val k = lmdb_val(key), v = lmdb_val(value);
    int rc = mdb_put(txn->raw, txn->store->dbi, &k, &v, 0);

    return rc == 0 ? TENON_OK : lmdb_statement_fail(txn, rc, "put", err);
}

static tenon_status
lmdb_remove(tenon_kv_txn *txn, tenon_kv_bytes key, tenon_error *err)
{
    MDB_val k = lmdb_val(key);
    int rc = mdb_del(txn->raw, txn->store->dbi, &k, NULL);

    if (rc == MDB_NOTFOUND)
        return TENON_NOT_FOUND;
    return rc == 0 ? TENON_OK : lmdb_statement_fail(txn, rc, "remove", err);
}

static tenon_status
lmdb_cursor_open(tenon_kv_txn *txn, tenon_kv_cursor **out, tenon_error *err)
{
    tenon_kv_cursor *cursor = txn->kept;
    int rc;

    *out = NULL;
    txn->kept = NULL;
    txn->in_range = txn->read_only;
    if (cursor != NULL && mdb_cursor_renew(txn->raw, cursor->raw) == 0) {
        *out = cursor;
        return TENON_OK;
    }
    lmdb_cursor_free(cursor);
    cursor = calloc(1, sizeof *cursor);
    rc = cursor == NULL ? ENOMEM : mdb_cursor_open(txn->raw, txn->store->dbi, &cursor->raw);
    if (rc != 0) {
        free(cursor);
        return lmdb_fail(err, txn->store, rc, TENON_EFFECT_OPEN, "cursor");
    }
    cursor->txn = txn;
    *out = cursor;
    return TENON_OK;
}

static void
lmdb_cursor_close(tenon_kv_cursor *cursor)
{
    if (cursor != NULL && cursor->txn->read_only && cursor->txn->kept == NULL)
        cursor->txn->kept = cursor;
    else
        lmdb_cursor_free(cursor);
}

static tenon_status
lmdb_cursor_go(tenon_kv_cursor *cursor, uint32_t how, tenon_kv_bytes *key, tenon_kv_bytes *value,
               tenon_error *err)
{
    static const MDB_cursor_op ops[] = { MDB_SET_RANGE, MDB_SET_RANGE, MDB_NEXT, MDB_PREV };
    MDB_val k = lmdb_val(*key), v = { 0 };
    int rc;

    cursor->txn->backward = how == TENON_KV_PREV || how == TENON_KV_SEEK_BEFORE;
    rc = mdb_cursor_get(cursor->raw, &k, &v, ops[how]);

    if (how == TENON_KV_SEEK_BEFORE)
        rc = mdb_cursor_get(cursor->raw, &k, &v, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    if (rc == MDB_NOTFOUND)
        return TENON_NOT_FOUND;
    if (rc != 0)
        return lmdb_fail(err, cursor->txn->store, rc, TENON_EFFECT_MUST_ROLL_BACK, "cursor");
    *key = lmdb_bytes(k);
    *value = lmdb_bytes(v);
    return TENON_OK;
}

static tenon_status
lmdb_checkpoint(tenon_kv_store *store, tenon_error *err)
{
    int rc = mdb_env_sync(store->env, 1);

    return rc == 0 ? TENON_OK : lmdb_fail(err, store, rc, TENON_EFFECT_OPEN, "sync");
}

static const tenon_kv_engine lmdb_engine = {
    .size = sizeof lmdb_engine,
    .capabilities = lmdb_capabilities,
    .max_key_bytes = 511, /* MDB_MAXKEYSIZE of Debian's build */
    .open = lmdb_store_open,
    .close = lmdb_store_close,
    .info = lmdb_info,
    .begin = lmdb_begin,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .get = lmdb_get,
    .put = lmdb_put,
    .remove = lmdb_remove,
    .cursor_open = lmdb_cursor_open,
    .cursor_close = lmdb_cursor_close,
    .cursor_go = lmdb_cursor_go,
    .checkpoint = lmdb_checkpoint,
    .rest = lmdb_rest,
    .renew = lmdb_renew,
    .state = lmdb_state,
};

TENON_KV_DRIVER("lmdb", "1.0 (LMDB)", lmdb_engine, lmdb_capabilities,
                TENON_DRV_THREAD_BOUND | TENON_DRV_REOPEN | TENON_DRV_GROUPS);
