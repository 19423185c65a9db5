/** @file lmdb_store.h The tables of the side by hand on LMDB, and how they are read and written. */
#ifndef BENCH_NATIVE_LMDB_STORE_H
#define BENCH_NATIVE_LMDB_STORE_H

#include <lmdb.h>

#include "side.h"

/** A named database for each table and each index. */
enum {
    DB_USERS,
    DB_USERS_BY_NAME,
    DB_USERS_BY_EMAIL,
    DB_SESSIONS,
    DB_SESSIONS_BY_TOKEN,
    DB_SESSIONS_BY_USER,
    DB_SESSIONS_BY_EXPIRY,
    DB_ROOMS,
    DB_ROOMS_BY_NAME,
    DB_ROOMS_BY_CREATOR,
    DB_MEMBERSHIPS,
    DB_MEMBERSHIPS_BY_ROOM_USER,
    DB_MEMBERSHIPS_BY_USER,
    DB_INVITATIONS,
    DB_INVITATIONS_PENDING,
    DB_INVITATIONS_BY_ROOM,
    DB_INVITATIONS_BY_SENDER,
    DB_INVITATIONS_BY_RECIPIENT,
    DB_INVITATIONS_BY_EXPIRY,
    DB_MESSAGES,
    DB_MESSAGES_BY_ROOM,
    DB_MESSAGES_BY_USER,
    DB_AUDIT,
    DB_AUDIT_BY_ACTOR,
    DB_AUDIT_BY_TARGET,
    DB_COUNT
};

/* Records. Texts of any length follow the struct, each with its NUL. */
/** A user; then its name, the name's key, the password's hash. */
typedef struct user_record {
    int64_t created_at, updated_at, last_seen;
    uint8_t role, is_active;
} user_record;

/** A session. */
typedef struct session_record {
    tenon_uuid user;
    uint8_t token_hash[SIDE_HASH_BYTES];
    int64_t created_at, expires_at, last_activity;
    uint8_t is_active;
} session_record;

/** A room; then its name. */
typedef struct room_record {
    tenon_uuid created_by;
    int64_t created_at, updated_at;
    uint8_t is_public, is_active;
} room_record;

/** A membership. */
typedef struct membership_record {
    tenon_uuid room, user;
    int64_t joined_at;
    uint8_t role, status;
} membership_record;

/** An invitation. */
typedef struct invitation_record {
    tenon_uuid room, sender, recipient;
    int64_t created_at, expires_at, responded_at;
    uint8_t status;
} invitation_record;

/** A message; then its text and its type. */
typedef struct message_record {
    tenon_uuid room, user;
    int64_t created_at, edited_at;
    uint8_t is_deleted;
} message_record;

/** A row of audit; then the action and the kind of its target. */
typedef struct audit_record {
    tenon_uuid txn, actor, target;
    int64_t created_at;
} audit_record;

/** Key of an index on two ids. */
typedef struct pair_key {
    tenon_uuid a, b;
} pair_key;

/** Key of the index that pages are read by. */
typedef struct message_key {
    tenon_uuid room;
    uint8_t created_at[8];
    tenon_uuid id;
} message_key;

/** Key of the index of what was done to somebody. */
typedef struct target_key {
    tenon_uuid target;
    uint8_t created_at[8];
} target_key;

/** A thread's handle, on cache lines of its own. The file is one for all of them. */
typedef struct lmdb_db {
    _Alignas(128) MDB_env *env;
    const MDB_dbi *dbi;
    MDB_txn *txn;    /**< The one in progress. */
    MDB_txn *reader; /**< Kept, and renewed each time. */
    int rc;          /**< First failure of the transaction. */
} lmdb_db;

/** As in `side`. */
bool lmdb_open(const side_place *where, void **out);
void lmdb_close(void *arg);
bool lmdb_connect(void *arg, void **out);
void lmdb_disconnect(void *arg);

/** Whether that is no failure, which is told of otherwise. */
bool lmdb_done(int rc, const char *what);

/** A time so that the order of bytes is that of time. */
void lmdb_big_endian(int64_t value, uint8_t out[8]);
MDB_val lmdb_val(const void *data, size_t len);

/** Begin to write, and end: commit where all went well, else abort. */
bool lmdb_begin(lmdb_db *db);
bool lmdb_end(lmdb_db *db, bool ok, const char *what);
/** The same of a transaction that reads. */
bool lmdb_begin_read(lmdb_db *db);
bool lmdb_end_read(lmdb_db *db, bool ok, const char *what);

/** Put; a failure is kept in `rc`, and nothing more is done after one. `which` is DB_USERS … */
void lmdb_put(lmdb_db *db, int which, const void *key, size_t key_len, const void *value,
              size_t len, unsigned int flags);
/** A new record and the texts that follow it. */
void lmdb_put_record(lmdb_db *db, int which, const tenon_uuid *id, const void *record, size_t len,
                     const char *const *texts, size_t text_count);
/** An entry of an index. */
void lmdb_put_id(lmdb_db *db, int which, const void *key, size_t key_len, const tenon_uuid *id,
                 bool unique);

/** The record of a key, copied; false where there is none. */
bool lmdb_get(lmdb_db *db, int which, const void *key, size_t key_len, void *out, size_t len);
bool lmdb_get_by_id(lmdb_db *db, int which, const tenon_uuid *id, void *out, size_t len);

#endif
