/* Opening, sharing, growing. The rules stand in lmdb.h: an environment is opened once per process,
 * and its map is resized only while the process has no transaction in it. */
#include "store.h"

#include "length.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint32_t lmdb_max_readers = 1024;
/* What LMDB makes of its lock file: a cache line for each reader, and less than a page for the
 * rest. */
static const off_t lmdb_lock_file_bytes = 1024 * 64 + 4096;
/* For another process's turn, where a file has to be mended first. */
static const uint64_t lmdb_longest_to_open_ns = UINT64_C(30000000000);

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static tenon_kv_store *registry;

static tenon_status
lmdb_status(int rc)
{
    switch (rc) {
    case MDB_MAP_FULL:
    case MDB_MAP_RESIZED:
        return TENON_CONFLICT;
    case MDB_READERS_FULL:
        return TENON_BUSY;
    case MDB_TXN_FULL:
        return TENON_FULL;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        return TENON_CORRUPT;
    case MDB_BAD_VALSIZE:
        return TENON_INVALID;
    case MDB_BAD_TXN:
    case MDB_BAD_DBI:
    case EINVAL:
        return TENON_INTERNAL;
    default:
        return tenon_posix_status(rc);
    }
}

tenon_status
lmdb_fail(tenon_error *err, const tenon_kv_store *store, int rc, uint8_t effect, const char *what)
{
    return tenon_kv_fail(err, lmdb_status(rc), rc, effect, NULL, "%s: %s: %s", store->path, what,
                         mdb_strerror(rc));
}

/*
 * LMDB writes its lock file through a map: SIGBUS on a full disk. Blocks allocated beforehand turn
 * that into an error. Only done while this process has not opened the environment: closing the
 * descriptor would drop the locks that LMDB holds on the file.
 */
static int
lmdb_make_lock_file(const tenon_kv_store *store)
{
    int fd = open(store->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    int rc;

    if (fd < 0)
        return store->read_only ? 0 : errno;
    rc = posix_fallocate(fd, 0, lmdb_lock_file_bytes);
    close(fd);
    return rc;
}

static void
lmdb_store_free(tenon_kv_store *store)
{
    if (store == NULL)
        return;
    mdb_env_close(store->env);
    if (store->turn_fd >= 0)
        close(store->turn_fd);
    pthread_mutex_destroy(&store->lock);
    lmdb_lanes_fini(&store->gate);
    tenon_gate_fini(&store->writers);
    free(store->path);
    free(store->lock_path);
    free(store);
}

static unsigned int
lmdb_flags(const tenon_kv_store *store)
{
    unsigned int flags = MDB_NOTLS | MDB_NOSUBDIR;

    if (store->read_only)
        flags |= MDB_RDONLY;
    if (store->durability == TENON_DURABLE_OS)
        flags |= MDB_NOMETASYNC;
    else if (store->durability != TENON_DURABLE_POWER)
        flags |= MDB_NOSYNC;
    return flags;
}

/* Begin while the file is being opened: of the size that another process may just have made it. */
static int
lmdb_begin_first(MDB_env *env, unsigned int flags, MDB_txn **txn)
{
    int rc = mdb_txn_begin(env, NULL, flags, txn);

    while (rc == MDB_MAP_RESIZED && (rc = mdb_env_set_mapsize(env, 0)) == 0)
        rc = mdb_txn_begin(env, NULL, flags, txn);
    return rc;
}

/* A reader: another process may be writing. */
static int
lmdb_check_short(const tenon_kv_store *store)
{
    int rc = MDB_BAD_TXN; /* until it is one and the same state that was looked at */

    while (rc == MDB_BAD_TXN) {
        MDB_txn *txn = NULL;
        size_t bytes;

        rc = lmdb_begin_first(store->env, MDB_RDONLY, &txn);
        if (rc == 0)
            rc = lmdb_length_check(store->env, mdb_txn_id(txn), &bytes);
        mdb_txn_abort(txn);
    }
    return rc;
}

/* With LMDB's lock for writers: nobody else puts anything at the end meanwhile. */
static int
lmdb_lengthen(const tenon_kv_store *store)
{
    MDB_txn *txn = NULL;
    struct stat st;
    size_t bytes;
    int fd = -1;
    int rc = lmdb_begin_first(store->env, 0, &txn);

    if (rc == 0)
        rc = lmdb_length_check(store->env, mdb_txn_id(txn) - 1, &bytes);
    if (rc == 0)
        rc = mdb_env_get_fd(store->env, &fd);
    if (rc == 0 &&
        (fstat(fd, &st) != 0 || ((size_t)st.st_size < bytes && ftruncate(fd, (off_t)bytes) != 0)))
        rc = errno;
    mdb_txn_abort(txn);
    return rc;
}

static int
lmdb_check_length(tenon_kv_store *store)
{
    int rc;

    if (lmdb_length_fits(store->env, &rc) || rc != 0)
        return rc;
    if (store->read_only)
        return lmdb_check_short(store);
    rc = tenon_turn_take(&store->turn, tenon_kv_host->monotonic_ns() + lmdb_longest_to_open_ns);
    if (rc != 0)
        return rc;
    rc = lmdb_lengthen(store);
    tenon_turn_give(&store->turn);
    return rc;
}

static int
lmdb_env_open(tenon_kv_store *store, uint64_t map_bytes)
{
    MDB_txn *txn = NULL;
    int dead = 0;
    int rc = lmdb_make_lock_file(store);

    if (rc == 0)
        rc = mdb_env_create(&store->env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(store->env, (size_t)map_bytes);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(store->env, lmdb_max_readers);
    if (rc == 0)
        rc = mdb_env_open(store->env, store->path, lmdb_flags(store), 0600);
    if (rc == 0 && !store->read_only) {
        store->turn_fd = open(store->path, O_RDWR | O_CLOEXEC);
        rc = store->turn_fd < 0 ? errno : 0;
        tenon_turn_init(&store->turn, store->turn_fd);
    }
    if (rc == 0)
        rc = lmdb_check_length(store);
    if (rc == 0)
        rc = mdb_reader_check(store->env, &dead);
    if (rc == 0)
        rc = lmdb_begin_first(store->env, MDB_RDONLY, &txn);
    if (rc == 0)
        rc = mdb_dbi_open(txn, NULL, 0, &store->dbi);
    mdb_txn_abort(txn);
    return rc;
}

/* A store that is described, but not open. */
static tenon_status
lmdb_store_new(const tenon_drv_open *options, tenon_kv_store **out, struct stat *file,
               tenon_error *err)
{
    tenon_kv_store *store = calloc(1, sizeof *store);
    tenon_status st;

    *out = store;
    if (store == NULL)
        return tenon_kv_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    store->durability = options->durability;
    store->read_only = options->read_only;
    store->use_count = 1;
    store->turn_fd = -1;
    tenon_gate_init(&store->writers);
    lmdb_lanes_init(&store->gate);
    (void)pthread_mutex_init(&store->lock, NULL);
    st = tenon_posix_find_file(options, &store->path, file, err);
    if (st != TENON_OK)
        return st;
    store->dev = file->st_dev;
    store->ino = file->st_ino;
    store->lock_path = tenon_posix_concat(store->path, "-lock");
    return store->lock_path == NULL ? lmdb_fail(err, store, ENOMEM, TENON_EFFECT_OPEN, "open")
                                    : TENON_OK;
}

/* The store of this process that has the same file open, if it was opened in the same way. */
static tenon_status
lmdb_share(const tenon_kv_store *like, tenon_kv_store **out, tenon_error *err)
{
    tenon_kv_store *s = registry;

    *out = NULL;
    while (s != NULL && (s->dev != like->dev || s->ino != like->ino))
        s = s->next;
    if (s == NULL)
        return TENON_NOT_FOUND;
    if (s->durability != like->durability || s->read_only != like->read_only)
        return tenon_kv_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, NULL,
                             "%s: open in this process with other settings", like->path);
    s->use_count++;
    *out = s;
    return TENON_OK;
}

tenon_status
lmdb_store_open(const tenon_drv_open *options, tenon_kv_store **out, tenon_error *err)
{
    uint64_t map_bytes = UINT64_C(1) << 28; /* address space only: most databases never grow it */
    const tenon_posix_param known = { "map_bytes", &map_bytes, 1 << 16, SIZE_MAX / 2 };
    tenon_kv_store *store = NULL;
    struct stat file = { 0 };
    tenon_status st;
    int rc;

    *out = NULL;
    (void)pthread_mutex_lock(&registry_lock);
    st = tenon_posix_read_params(options, &known, 1, err);
    if (st == TENON_OK)
        st = lmdb_store_new(options, &store, &file, err);
    if (st != TENON_OK)
        goto done;
    st = lmdb_share(store, out, err);
    if (st != TENON_NOT_FOUND)
        goto done;
    rc = file.st_size == 0 && !options->create ? MDB_INVALID : lmdb_env_open(store, map_bytes);
    st = rc == 0 ? TENON_OK : lmdb_fail(err, store, rc, TENON_EFFECT_OPEN, "can't be opened");
    if (st == TENON_OK) {
        store->next = registry;
        registry = *out = store;
        store = NULL; /* owned by the registry now */
    }

done:
    lmdb_store_free(store);
    (void)pthread_mutex_unlock(&registry_lock);
    return st;
}

void
lmdb_store_close(tenon_kv_store *store)
{
    tenon_kv_store **link = &registry;

    if (store == NULL)
        return;
    pthread_mutex_lock(&registry_lock);
    if (--store->use_count == 0) {
        while (*link != store)
            link = &(*link)->next;
        *link = store->next;
        lmdb_store_free(store);
    }
    pthread_mutex_unlock(&registry_lock);
}

tenon_status
lmdb_store_resize(tenon_kv_store *store, uint64_t bytes, uint64_t deadline_ns, tenon_error *err)
{
    int rc;

    if (!lmdb_lanes_close(&store->gate, deadline_ns))
        return tenon_kv_fail(err, TENON_TIMEOUT, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                             "%s: open transactions keep the map from being resized", store->path);
    rc = mdb_env_set_mapsize(store->env, (size_t)bytes);
    pthread_mutex_lock(&store->lock);
    store->wanted_bytes = 0;
    pthread_mutex_unlock(&store->lock);
    lmdb_lanes_open(&store->gate);
    return rc == 0 ? TENON_OK
                   : lmdb_fail(err, store, rc, TENON_EFFECT_ROLLED_BACK, "map can't be resized");
}

tenon_status
lmdb_store_take_turn(tenon_kv_store *store, uint64_t deadline_ns, tenon_error *err)
{
    int rc;

    if (!tenon_gate_close(&store->writers, deadline_ns))
        return tenon_kv_fail(err, TENON_TIMEOUT, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                             "%s: another database of this process writes", store->path);
    rc = tenon_turn_take(&store->turn, deadline_ns);
    if (rc == 0)
        return TENON_OK;
    tenon_gate_open(&store->writers);
    if (rc == ETIMEDOUT)
        return tenon_kv_fail(err, TENON_TIMEOUT, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                             "%s: another process writes", store->path);
    return lmdb_fail(err, store, rc, TENON_EFFECT_ROLLED_BACK, "the writer's turn");
}

void
lmdb_store_give_turn(tenon_kv_store *store)
{
    tenon_turn_give(&store->turn);
    tenon_gate_open(&store->writers);
}

tenon_status
lmdb_store_enter(tenon_kv_store *store, lmdb_lane *lane, uint64_t deadline_ns, tenon_error *err)
{
    const uint64_t wanted_bytes = atomic_load_explicit(&store->wanted_bytes, memory_order_relaxed);
    tenon_status st = TENON_OK;

    if (wanted_bytes != 0)
        st = lmdb_store_resize(store, wanted_bytes, deadline_ns, err);
    if (st != TENON_OK)
        return st;
    if (!lmdb_lanes_enter(&store->gate, lane, deadline_ns))
        st = tenon_kv_fail(err, TENON_TIMEOUT, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                           "%s: the map is being resized", store->path);
    return st;
}

void
lmdb_store_map_full(tenon_kv_store *store)
{
    MDB_envinfo info;
    int dead = 0;

    mdb_reader_check(store->env, &dead); /* a dead reader may be what kept pages from reuse */
    mdb_env_info(store->env, &info);
    pthread_mutex_lock(&store->lock);
    /* Twice as much; eight times where that was not enough for one and the same transaction. */
    store->wanted_bytes = (uint64_t)info.me_mapsize * (store->full_count == 0 ? 2 : 8);
    store->full_count++;
    pthread_mutex_unlock(&store->lock);
}
