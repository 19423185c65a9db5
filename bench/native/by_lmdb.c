/*
 * The operations as a good engineer writes them with LMDB's own API: a named database for each
 * table and each index, records as structs, only the checks that the operations need (an index is
 * looked at where it can refuse, a parent where nothing has proved it yet).
 */
#include <lmdb.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "side.h"

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

enum { INDEX = MDB_DUPSORT | MDB_DUPFIXED };

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

/* Records. Variable texts follow the struct, each with its NUL. */
typedef struct user_record {
    int64_t created_at, updated_at, last_seen;
    uint8_t role, is_active;
} user_record;

typedef struct session_record {
    tenon_uuid user;
    uint8_t token_hash[32];
    int64_t created_at, expires_at, last_activity;
    uint8_t is_active;
} session_record;

typedef struct room_record {
    tenon_uuid created_by;
    int64_t created_at, updated_at;
    uint8_t is_public, is_active;
} room_record;

typedef struct membership_record {
    tenon_uuid room, user;
    int64_t joined_at;
    uint8_t role, status;
} membership_record;

typedef struct invitation_record {
    tenon_uuid room, sender, recipient;
    int64_t created_at, expires_at, responded_at;
    uint8_t status;
} invitation_record;

typedef struct message_record {
    tenon_uuid room, user;
    int64_t created_at, edited_at;
    uint8_t is_deleted;
} message_record;

typedef struct audit_record {
    tenon_uuid txn, actor, target;
    int64_t created_at;
} audit_record;

typedef struct pair_key {
    tenon_uuid a, b;
} pair_key;

typedef struct message_key {
    tenon_uuid room;
    uint8_t created_at[8];
    tenon_uuid id;
} message_key;

typedef struct target_key {
    tenon_uuid target;
    uint8_t created_at[8];
} target_key;

typedef struct lmdb_db {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi[DB_COUNT];
    int rc; /* first failure of the transaction */
} lmdb_db;

static bool
lmdb_done(int rc, const char *what)
{
    if (rc != 0)
        fprintf(stderr, "lmdb: %s: %s\n", what, mdb_strerror(rc));
    return rc == 0;
}

static void
lmdb_close(void *arg)
{
    lmdb_db *db = arg;

    if (db != NULL)
        mdb_env_close(db->env);
    free(db);
}

static bool
lmdb_open(const char *path, uint32_t durability, void **out)
{
    static const unsigned int flags[] = { 0, MDB_NOMETASYNC, MDB_NOSYNC, MDB_NOSYNC };
    lmdb_db *db = calloc(1, sizeof *db);
    int rc = db == NULL ? MDB_PANIC : mdb_env_create(&db->env);

    *out = db;
    if (rc == 0)
        rc = mdb_env_set_mapsize(db->env, (size_t)1 << 30);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(db->env, DB_COUNT);
    if (rc == 0)
        rc = mdb_env_open(db->env, path, MDB_NOSUBDIR | MDB_NOTLS | flags[durability], 0600);
    if (rc == 0)
        rc = mdb_txn_begin(db->env, NULL, 0, &db->txn);
    for (size_t i = 0; i < DB_COUNT && rc == 0; i++)
        rc = mdb_dbi_open(db->txn, lmdb_databases[i].name, MDB_CREATE | lmdb_databases[i].flags,
                          &db->dbi[i]);
    if (rc == 0)
        rc = mdb_txn_commit(db->txn);
    return lmdb_done(rc, "open");
}

static void
lmdb_big_endian(int64_t value, uint8_t out[8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
}

static bool
lmdb_begin(lmdb_db *db)
{
    db->rc = mdb_txn_begin(db->env, NULL, 0, &db->txn);
    return lmdb_done(db->rc, "begin");
}

static bool
lmdb_end(lmdb_db *db, bool ok, const char *what)
{
    if (ok && db->rc == 0)
        return lmdb_done(mdb_txn_commit(db->txn), what);
    mdb_txn_abort(db->txn);
    return lmdb_done(db->rc == 0 ? MDB_KEYEXIST : db->rc, what);
}

static MDB_val
lmdb_val(const void *data, size_t len)
{
    MDB_val v = { .mv_size = len };

    memcpy(&v.mv_data, &data, sizeof data); /* MDB_val knows no const */
    return v;
}

static void
lmdb_put(lmdb_db *db, int which, const void *key, size_t key_len, const void *value, size_t len,
         unsigned int flags)
{
    MDB_val k = lmdb_val(key, key_len), v = lmdb_val(value, len);

    if (db->rc == 0)
        db->rc = mdb_put(db->txn, db->dbi[which], &k, &v, flags);
}

/* A record and the texts that follow it. */
static void
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

static void
lmdb_put_id(lmdb_db *db, int which, const void *key, size_t key_len, const tenon_uuid *id,
            bool unique)
{
    lmdb_put(db, which, key, key_len, id, sizeof *id, unique ? MDB_NOOVERWRITE : 0);
}

/* The record of a key, copied; false where there is none. */
static bool
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

static bool
lmdb_get_by_id(lmdb_db *db, int which, const tenon_uuid *id, void *out, size_t len)
{
    return lmdb_get(db, which, id, sizeof *id, out, len);
}

static bool
lmdb_find_membership(lmdb_db *db, const tenon_uuid *room, const tenon_uuid *user, tenon_uuid *id,
                     membership_record *out)
{
    const pair_key key = { *room, *user };

    return lmdb_get(db, DB_MEMBERSHIPS_BY_ROOM_USER, &key, sizeof key, id, sizeof *id) &&
           lmdb_get_by_id(db, DB_MEMBERSHIPS, id, out, sizeof *out);
}

static void
lmdb_audit(lmdb_db *db, const tenon_uuid *actor, const char *action, const char *type,
           const tenon_uuid *target, int64_t now_us)
{
    const tenon_uuid id = tenon_uuid_new();
    const audit_record record = { tenon_uuid_new(), *actor, *target, now_us };
    const char *const texts[] = { action, type };
    target_key key = { .target = *target };

    lmdb_big_endian(now_us, key.created_at);
    lmdb_put_record(db, DB_AUDIT, &id, &record, sizeof record, texts, 2);
    lmdb_put_id(db, DB_AUDIT_BY_ACTOR, actor, sizeof *actor, &id, false);
    lmdb_put_id(db, DB_AUDIT_BY_TARGET, &key, sizeof key, &id, false);
}

static void
lmdb_add_membership(lmdb_db *db, const tenon_uuid *room, const tenon_uuid *user, uint8_t role,
                    uint8_t status, int64_t now_us)
{
    const tenon_uuid id = tenon_uuid_new();
    const membership_record record = { *room, *user, now_us, role, status };
    const pair_key key = { *room, *user };

    lmdb_put_record(db, DB_MEMBERSHIPS, &id, &record, sizeof record, NULL, 0);
    lmdb_put_id(db, DB_MEMBERSHIPS_BY_ROOM_USER, &key, sizeof key, &id, true);
    lmdb_put_id(db, DB_MEMBERSHIPS_BY_USER, user, sizeof *user, &id, false);
}

static bool
lmdb_register_user(void *arg, side_user *user)
{
    lmdb_db *db = arg;
    const int64_t now_us = tenon_now_us();
    const tenon_uuid session_id = tenon_uuid_new();
    const user_record record = { now_us, now_us, now_us, CHAT_USER_USER, 1 };
    session_record session = { .created_at = now_us,
                               .last_activity = now_us,
                               .expires_at = now_us + CHAT_SESSION_LIFETIME_US,
                               .is_active = 1 };
    const char *const texts[] = { user->name, user->name, SIDE_PASSWORD_HASH };
    uint8_t token[32], expiry[8];

    session.user = user->id = tenon_uuid_new();
    randombytes_buf(token, sizeof token);
    crypto_generichash(session.token_hash, sizeof session.token_hash, token, sizeof token, NULL, 0);
    lmdb_big_endian(session.expires_at, expiry);
    if (!lmdb_begin(db))
        return false;
    lmdb_put_record(db, DB_USERS, &user->id, &record, sizeof record, texts, 3);
    lmdb_put_id(db, DB_USERS_BY_NAME, user->name, strlen(user->name), &user->id, true);
    lmdb_put_record(db, DB_SESSIONS, &session_id, &session, sizeof session, NULL, 0);
    lmdb_put_id(db, DB_SESSIONS_BY_TOKEN, session.token_hash, sizeof session.token_hash,
                &session_id, true);
    lmdb_put_id(db, DB_SESSIONS_BY_USER, &user->id, sizeof user->id, &session_id, false);
    lmdb_put_id(db, DB_SESSIONS_BY_EXPIRY, expiry, sizeof expiry, &session_id, false);
    lmdb_audit(db, &user->id, "user.register", "user", &user->id, now_us);
    return lmdb_end(db, true, "register");
}

static bool
lmdb_create_room(void *arg, const side_user *owner, const char *name, tenon_uuid *room)
{
    lmdb_db *db = arg;
    const int64_t now_us = tenon_now_us();
    const room_record record = { owner->id, now_us, now_us, 0, 1 };
    user_record user;
    bool ok;

    *room = tenon_uuid_new();
    if (!lmdb_begin(db))
        return false;
    ok = lmdb_get_by_id(db, DB_USERS, &owner->id, &user, sizeof user) && user.is_active;
    lmdb_put_record(db, DB_ROOMS, room, &record, sizeof record, &name, 1);
    lmdb_put_id(db, DB_ROOMS_BY_NAME, name, strlen(name), room, true);
    lmdb_put_id(db, DB_ROOMS_BY_CREATOR, &owner->id, sizeof owner->id, room, false);
    lmdb_add_membership(db, room, &owner->id, CHAT_ROOM_OWNER, CHAT_MEMBERSHIP_ACTIVE, now_us);
    lmdb_audit(db, &owner->id, "room.create", "room", room, now_us);
    return lmdb_end(db, ok, "create room");
}

static bool
lmdb_invite(lmdb_db *db, const tenon_uuid *room, const side_user *sender,
            const side_user *recipient, tenon_uuid *id)
{
    const int64_t now_us = tenon_now_us();
    const invitation_record record = { .room = *room,
                                       .sender = sender->id,
                                       .recipient = recipient->id,
                                       .created_at = now_us,
                                       .expires_at = now_us + CHAT_INVITATION_LIFETIME_US,
                                       .status = CHAT_INVITATION_PENDING };
    const pair_key pending = { *room, recipient->id };
    membership_record member;
    room_record in_room;
    user_record user;
    tenon_uuid membership;
    uint8_t expiry[8];
    bool ok;

    *id = tenon_uuid_new();
    lmdb_big_endian(record.expires_at, expiry);
    if (!lmdb_begin(db))
        return false;
    ok = lmdb_get_by_id(db, DB_ROOMS, room, &in_room, sizeof in_room) && in_room.is_active &&
         lmdb_find_membership(db, room, &sender->id, &membership, &member) &&
         member.status == CHAT_MEMBERSHIP_ACTIVE && member.role != CHAT_ROOM_MEMBER &&
         lmdb_get_by_id(db, DB_USERS, &recipient->id, &user, sizeof user) && user.is_active &&
         !lmdb_find_membership(db, room, &recipient->id, &membership, &member);
    lmdb_put_record(db, DB_INVITATIONS, id, &record, sizeof record, NULL, 0);
    lmdb_put_id(db, DB_INVITATIONS_PENDING, &pending, sizeof pending, id, true);
    lmdb_put_id(db, DB_INVITATIONS_BY_ROOM, room, sizeof *room, id, false);
    lmdb_put_id(db, DB_INVITATIONS_BY_SENDER, &sender->id, sizeof sender->id, id, false);
    lmdb_put_id(db, DB_INVITATIONS_BY_RECIPIENT, &recipient->id, sizeof recipient->id, id, false);
    lmdb_put_id(db, DB_INVITATIONS_BY_EXPIRY, expiry, sizeof expiry, id, false);
    lmdb_add_membership(db, room, &recipient->id, CHAT_ROOM_MEMBER, CHAT_MEMBERSHIP_PENDING,
                        now_us);
    lmdb_audit(db, &sender->id, "invitation.create", "invitation", id, now_us);
    return lmdb_end(db, ok, "invite");
}

static void
lmdb_delete(lmdb_db *db, int which, const void *key, size_t key_len, const tenon_uuid *id)
{
    MDB_val k = lmdb_val(key, key_len), v = lmdb_val(id, sizeof *id);

    if (db->rc == 0)
        db->rc = mdb_del(db->txn, db->dbi[which], &k, &v);
}

static bool
lmdb_accept(lmdb_db *db, const tenon_uuid *id, const side_user *recipient)
{
    const int64_t now_us = tenon_now_us();
    invitation_record record;
    membership_record member;
    tenon_uuid membership;
    pair_key pending;
    uint8_t expiry[8];
    bool ok;

    if (!lmdb_begin(db))
        return false;
    ok = lmdb_get_by_id(db, DB_INVITATIONS, id, &record, sizeof record) &&
         memcmp(&record.recipient, &recipient->id, sizeof recipient->id) == 0 &&
         record.status == CHAT_INVITATION_PENDING && record.expires_at > now_us &&
         lmdb_find_membership(db, &record.room, &recipient->id, &membership, &member);
    if (!ok)
        return lmdb_end(db, false, "accept");
    record.status = CHAT_INVITATION_ACCEPTED;
    record.responded_at = now_us;
    member.status = CHAT_MEMBERSHIP_ACTIVE;
    member.joined_at = now_us;
    pending.a = record.room;
    pending.b = recipient->id;
    lmdb_big_endian(record.expires_at, expiry);
    lmdb_put(db, DB_INVITATIONS, id, sizeof *id, &record, sizeof record, 0);
    lmdb_delete(db, DB_INVITATIONS_PENDING, &pending, sizeof pending, id);
    lmdb_delete(db, DB_INVITATIONS_BY_EXPIRY, expiry, sizeof expiry, id);
    lmdb_put(db, DB_MEMBERSHIPS, &membership, sizeof membership, &member, sizeof member, 0);
    lmdb_audit(db, &recipient->id, "invitation.accept", "invitation", id, now_us);
    return lmdb_end(db, true, "accept");
}

static bool
lmdb_invite_and_accept(void *arg, const tenon_uuid *room, const side_user *sender,
                       const side_user *recipient)
{
    tenon_uuid invitation;

    return lmdb_invite(arg, room, sender, recipient, &invitation) &&
           lmdb_accept(arg, &invitation, recipient);
}

static bool
lmdb_post(void *arg, const tenon_uuid *room, const side_user *author, const char *text)
{
    lmdb_db *db = arg;
    const tenon_uuid id = tenon_uuid_new();
    const message_record record = { .room = *room,
                                    .user = author->id,
                                    .created_at = tenon_now_us() };
    const char *const texts[] = { text, "text" };
    message_key key = { .room = *room, .id = id };
    membership_record member;
    room_record in_room;
    tenon_uuid membership;
    bool ok;

    lmdb_big_endian(record.created_at, key.created_at);
    if (!lmdb_begin(db))
        return false;
    ok = lmdb_get_by_id(db, DB_ROOMS, room, &in_room, sizeof in_room) && in_room.is_active &&
         lmdb_find_membership(db, room, &author->id, &membership, &member) &&
         member.status == CHAT_MEMBERSHIP_ACTIVE;
    lmdb_put_record(db, DB_MESSAGES, &id, &record, sizeof record, texts, 2);
    lmdb_put(db, DB_MESSAGES_BY_ROOM, &key, sizeof key, NULL, 0, 0);
    lmdb_put_id(db, DB_MESSAGES_BY_USER, &author->id, sizeof author->id, &id, false);
    return lmdb_end(db, ok, "post");
}

static bool
lmdb_count(void *arg, side_counts *out)
{
    const struct {
        int which;
        uint64_t *count;
    } all[] = {
        { DB_USERS, &out->users },
        { DB_SESSIONS, &out->sessions },
        { DB_ROOMS, &out->rooms },
        { DB_MEMBERSHIPS, &out->memberships },
        { DB_INVITATIONS, &out->invitations },
        { DB_MESSAGES, &out->messages },
        { DB_AUDIT, &out->audit_logs },
    };
    lmdb_db *db = arg;
    MDB_stat stat;
    int rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &db->txn);

    for (size_t i = 0; i < sizeof all / sizeof all[0] && rc == 0; i++) {
        rc = mdb_stat(db->txn, db->dbi[all[i].which], &stat);
        *all[i].count = stat.ms_entries;
    }
    mdb_txn_abort(db->txn);
    return lmdb_done(rc, "count");
}

const side side_lmdb = {
    .name = "lmdb by hand",
    .open = lmdb_open,
    .close = lmdb_close,
    .register_user = lmdb_register_user,
    .create_room = lmdb_create_room,
    .invite_and_accept = lmdb_invite_and_accept,
    .post = lmdb_post,
    .count = lmdb_count,
};
