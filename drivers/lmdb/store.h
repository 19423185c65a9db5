/** @file store.h One LMDB environment: opened once per process, its map resized while nobody looks.
 */
#ifndef TENON_LMDB_STORE_H
#define TENON_LMDB_STORE_H

#include <lmdb.h>

#include "lanes.h"
#include "tenon/kit/kv.h"
#include "tenon/kit/posix.h"

struct tenon_kv_store {
    MDB_env *env;
    MDB_dbi dbi;
    uint32_t durability, read_only;
    char *path, *lock_path; /**< Absolute. */
    dev_t dev;              /**< With `ino`, what tells that a file is open already. */
    ino_t ino;
    uint32_t use_count; /**< Guarded by the registry's lock, as `next`. */
    tenon_kv_store *next;
    tenon_gate writers;   /**< Closed by the writer of this process: LMDB's own lock waits without a
                             limit, and for itself where one thread asks twice. */
    int turn_fd;          /**< Of the file, for `turn`; -1: only reading. */
    tenon_turn turn;      /**< Among processes. Used by who has closed `writers`. */
    lmdb_lanes gate;      /**< Transactions are inside; the map is resized with it closed. */
    pthread_mutex_t lock; /**< Guards changes of all below. */
    atomic_uint_fast64_t
        wanted_bytes;    /**< Size of the map that the next one to begin sets; 0 = as it is. */
    uint32_t full_count; /**< Times the map was full since the last commit. */
};

/** Fill `err` for LMDB's code `rc` (or an errno), with what was tried and where. */
__attribute__((cold)) tenon_status lmdb_fail(tenon_error *err, const tenon_kv_store *store, int rc,
                                             uint8_t effect, const char *what);

/** Open, or share the store of this process that has the file open already. */
tenon_status lmdb_store_open(const tenon_drv_open *options, tenon_kv_store **out, tenon_error *err);

/** Give up a store; the last user closes it. Accepts NULL. */
void lmdb_store_close(tenon_kv_store *store);

/** Wait for the writer's turn in this process, then among processes. */
tenon_status lmdb_store_take_turn(tenon_kv_store *store, uint64_t deadline_ns, tenon_error *err);

/** Give both back. */
void lmdb_store_give_turn(tenon_kv_store *store);

/** Go inside the gate by a lane, after resizing the map where that was asked for. */
tenon_status lmdb_store_enter(tenon_kv_store *store, lmdb_lane *lane, uint64_t deadline_ns,
                              tenon_error *err);

/** Set the size of the map while nobody is inside: `bytes`, or 0 for what another process has made
 * it. */
tenon_status lmdb_store_resize(tenon_kv_store *store, uint64_t bytes, uint64_t deadline_ns,
                               tenon_error *err);

/** Note that the map is full: the next one to enter resizes it. */
void lmdb_store_map_full(tenon_kv_store *store);

#endif
