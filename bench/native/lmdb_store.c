/* The tables of the side by hand on LMDB: opening, transactions, records and index entries. */
#include "lmdb_store.h"

#include <stdio.h>
#include <stdlib.h>

enum { INDEX = MDB_DUPSORT | MDB_DUPFIXED };

/* Addresses, not memory: room for what a long run writes. */
#define LMDB_MAP_BYTES ((size_t)64 << 30)

static const struct {
    const char *name;
    unsigned int flags;
} lmdb_databases[DB_COUNT] = {
    [DB_USERS] = { "users", 0 },
    [DB_USERS_BY_NAME] = { "users_by_name", 0 },
    [DB_USERS_BY_EMAIL] = { "users_by_email", 0 },
    [DB_SESSIONS] = { "sessions", 0 },
    [DB_SESSIONS_BY_TOKEN] = { "sessions_by_token", 0 },
    [DB_SESSIONS_BY_USER] = { "sessions_by_user", INDEX },
    [DB_SESSIONS_BY_EXPIRY] = { "sessions_by_expiry", INDEX },
    [DB_ROOMS] = { "rooms", 0 },
    [DB_ROOMS_BY_NAME] = { "rooms_by_name", 0 },
    [DB_ROOMS_BY_CREATOR] = { "rooms_by_creator", INDEX },
    [DB_MEMBERSHIPS] = { "memberships", 0 },
    [DB_MEMBERSHIPS_BY_ROOM_USER] = { "memberships_by_room_user", 0 },
    [DB_MEMBERSHIPS_BY_USER] = { "memberships_by_user", INDEX },
    [DB_INVITATIONS] = { "invitations", 0 },
    [DB_INVITATIONS_PENDING] = { "invitations_pending", 0 },
    [DB_INVITATIONS_BY_ROOM] = { "invitations_by_room", INDEX },
    [DB_INVITATIONS_BY_SENDER] = { "invitations_by_sender", INDEX },
    [DB_INVITATIONS_BY_RECIPIENT] = { "invitations_by_recipient", INDEX },
    [DB_INVITATIONS_BY_EXPIRY] = { "invitations_by_expiry", INDEX },
    [DB_MESSAGES] = { "messages", 0 },
    [DB_MESSAGES_BY_ROOM] = { "messages_by_room", 0 },
    [DB_MESSAGES_BY_USER] = { "messages_by_user", INDEX },
    [DB_AUDIT] = { "audit", 0 },
    [DB_AUDIT_BY_ACTOR] = { "audit_by_actor", INDEX },
    [DB_AUDIT_BY_TARGET] = { "audit_by_target", INDEX },
};

typedef struct lmdb_place {
    MDB_env *env;
    MDB_dbi dbi[DB_COUNT];
} lmdb_place;

bool
lmdb_done(int rc, const char *what)
{
    if (rc != 0)
        fprintf(stderr, "lmdb: %s: %s\n", what, mdb_strerror(rc));
    return rc == 0;
}

void
lmdb_close(void *arg)
{
    lmdb_place *place = arg;

    if (place != NULL)
        mdb_env_close(place->env);
    free(place);
}

bool
lmdb_open(const side_place *where, void **out)
{
    static const unsigned int flags[] = { 0, MDB_NOMETASYNC, MDB_NOSYNC, MDB_NOSYNC };
    lmdb_place *place = calloc(1, sizeof *place);
    int rc = place == NULL ? MDB_PANIC : mdb_env_create(&place->env);
    MDB_txn *txn = NULL;

    *out = place;
    if (rc == 0)
        rc = mdb_env_set_mapsize(place->env, LMDB_MAP_BYTES);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(place->env, DB_COUNT);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(place->env, where->threads + 1);
    if (rc == 0)
        rc = mdb_env_open(place->env, where->where,
                          MDB_NOSUBDIR | MDB_NOTLS | flags[where->durability], 0600);
    if (rc == 0)
        rc = mdb_txn_begin(place->env, NULL, 0, &txn);
    for (size_t i = 0; i < DB_COUNT && rc == 0; i++)
        rc = mdb_dbi_open(txn, lmdb_databases[i].name, MDB_CREATE | lmdb_databases[i].flags,
                          &place->dbi[i]);
    if (rc == 0)
        rc = mdb_txn_commit(txn);
    return lmdb_done(rc, "open");
}

bool
lmdb_connect(void *arg, void **out)
{
    const lmdb_place *place = arg;
    lmdb_db *db = aligned_alloc(_Alignof(lmdb_db), sizeof *db);
    int rc;

    *out = db;
    if (db == NULL)
        return false;
    memset(db, 0, sizeof *db);
    db->env = place->env;
    db->dbi = place->dbi;
    rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &db->reader);
    if (rc == 0)
        mdb_txn_reset(db->reader);
    return lmdb_done(rc, "connect");
}

void
lmdb_disconnect(void *arg)
{
    lmdb_db *db = arg;

    if (db != NULL)
        mdb_txn_abort(db->reader);
    free(db);
}

void
lmdb_big_endian(int64_t value, uint8_t out[8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
}

bool
lmdb_begin(lmdb_db *db)
{
    db->rc = mdb_txn_begin(db->env, NULL, 0, &db->txn);
    return lmdb_done(db->rc, "begin");
}

bool
lmdb_end(lmdb_db *db, bool ok, const char *what)
{
    if (ok && db->rc == 0)
        return lmdb_done(mdb_txn_commit(db->txn), what);
    mdb_txn_abort(db->txn);
    return lmdb_done(db->rc == 0 ? MDB_KEYEXIST : db->rc, what);
}

MDB_val
lmdb_val(const void *data, size_t len)
{
    MDB_val v = { .mv_size = len };

    memcpy(&v.mv_data, &data, sizeof data); /* MDB_val knows no const */
    return v;
}

void
lmdb_put(lmdb_db *db, int which, const void *key, size_t key_len, const void *value, size_t len,
         unsigned int flags)
{
    MDB_val k = lmdb_val(key, key_len), v = lmdb_val(value, len);

    if (db->rc == 0)
        db->rc = mdb_put(db->txn, db->dbi[which], &k, &v, flags);
}

/* A record and the texts that follow it. */
void
lmdb_put_record(lmdb_db *db, int which, const tenon_uuid *id, const void *record, size_t len,
                const char *const *texts, size_t text_count)
{
    size_t bytes = len;
    MDB_val k = lmdb_val(id, sizeof *id), v;
    uint8_t *at;

    for (size_t i = 0; i < text_count; i++)
        bytes += strlen(texts[i]) + 1;
    v = lmdb_val(NULL, bytes);
    if (db->rc == 0)
        db->rc = mdb_put(db->txn, db->dbi[which], &k, &v, MDB_RESERVE | MDB_NOOVERWRITE);
    if (db->rc != 0)
        return;
    at = v.mv_data;
    memcpy(at, record, len);
    at += len;
    for (size_t i = 0; i < text_count; i++) {
        memcpy(at, texts[i], strlen(texts[i]) + 1);
        at += strlen(texts[i]) + 1;
    }
}

void
lmdb_put_id(lmdb_db *db, int which, const void *key, size_t key_len, const tenon_uuid *id,
            bool unique)
{
    lmdb_put(db, which, key, key_len, id, sizeof *id, unique ? MDB_NOOVERWRITE : 0);
}

/* The record of a key, copied; false where there is none. */
bool
lmdb_get(lmdb_db *db, int which, const void *key, size_t key_len, void *out, size_t len)
{
    MDB_val k = lmdb_val(key, key_len), v;
    int rc = db->rc == 0 ? mdb_get(db->txn, db->dbi[which], &k, &v) : MDB_NOTFOUND;

    if (rc == 0)
        memcpy(out, v.mv_data, len);
    else if (rc != MDB_NOTFOUND)
        db->rc = rc;
    return rc == 0;
}

bool
lmdb_get_by_id(lmdb_db *db, int which, const tenon_uuid *id, void *out, size_t len)
{
    return lmdb_get(db, which, id, sizeof *id, out, len);
}

bool
lmdb_begin_read(lmdb_db *db)
{
    db->rc = mdb_txn_renew(db->reader);
    db->txn = db->reader;
    return lmdb_done(db->rc, "begin");
}

bool
lmdb_end_read(lmdb_db *db, bool ok, const char *what)
{
    mdb_txn_reset(db->reader);
    return lmdb_done(ok ? db->rc : db->rc == 0 ? MDB_NOTFOUND : db->rc, what);
}
