/*
 * The operations as a good engineer writes them with LMDB's own API: a named database for each
 * table and each index, records as structs, only the checks that the operations need (an index is
 * looked at where it can refuse, a parent where nothing has proved it yet). Threads share the
 * environment; each has a read transaction that it renews, writers wait for LMDB's own lock.
 */
#include "lmdb_store.h"

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
    uint8_t expiry[8];

    session.user = user->id = tenon_uuid_new();
    side_new_token(user->token, session.token_hash);
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
lmdb_send_invitation(lmdb_db *db, const tenon_uuid *room, const side_user *sender,
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
lmdb_invite(void *arg, const tenon_uuid *room, const side_user *sender, const side_user *recipient)
{
    tenon_uuid invitation;

    return lmdb_send_invitation(arg, room, sender, recipient, &invitation) &&
           lmdb_accept(arg, &invitation, recipient);
}

static bool
lmdb_say(void *arg, const tenon_uuid *room, const side_user *author, const char *text)
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
    return lmdb_end(db, ok, "say");
}

/* ---- Reading ---- */

static bool
lmdb_find_session(void *arg, const char *token, chat_session *out)
{
    lmdb_db *db = arg;
    uint8_t hash[SIDE_HASH_BYTES];
    session_record session;
    user_record user;
    tenon_uuid id;
    bool ok;

    if (!side_hash_token(token, hash) || !lmdb_begin_read(db))
        return false;
    ok = lmdb_get(db, DB_SESSIONS_BY_TOKEN, hash, sizeof hash, &id, sizeof id) &&
         lmdb_get_by_id(db, DB_SESSIONS, &id, &session, sizeof session) && session.is_active &&
         session.expires_at > tenon_now_us() &&
         lmdb_get_by_id(db, DB_USERS, &session.user, &user, sizeof user) && user.is_active;
    if (ok)
        *out = (chat_session){ .id = id,
                               .user_id = session.user,
                               .created_at_us = session.created_at,
                               .expires_at_us = session.expires_at,
                               .last_activity_us = session.last_activity,
                               .is_active = true };
    return lmdb_end_read(db, ok, "session");
}

/* One message of a page. Its text follows the record, then its type. */
static void
lmdb_take_message(lmdb_db *db, const message_key *key, side_page *out)
{
    MDB_val k = lmdb_val(&key->id, sizeof key->id), v;
    chat_message_row row = { .message.id = key->id };
    message_record record;

    db->rc = mdb_get(db->txn, db->dbi[DB_MESSAGES], &k, &v);
    if (db->rc != 0)
        return;
    memcpy(&record, v.mv_data, sizeof record);
    row.message.room_id = record.room;
    row.message.user_id = record.user;
    row.message.created_at_us = record.created_at;
    row.message.edited_at_us = record.edited_at;
    row.message.is_deleted = record.is_deleted != 0;
    row.content = (const char *)v.mv_data + sizeof record;
    row.content_bytes = (uint32_t)strlen(row.content);
    row.message_type = row.content + row.content_bytes + 1;
    row.message_type_bytes = (uint32_t)(v.mv_size - sizeof record - row.content_bytes - 2);
    side_take(out, &row);
}

/* Backwards in the index, from the room's last message or from before a position. */
static void
lmdb_take_page(lmdb_db *db, const tenon_uuid *room, const chat_position *after, side_page *out)
{
    message_key from = { .room = *room, .id = after->id };
    MDB_val k = lmdb_val(&from, sizeof from), v;
    MDB_cursor *cursor = NULL;

    if (after->created_at_us == 0)
        memset(from.created_at, 0xff, sizeof from.created_at);
    else
        lmdb_big_endian(after->created_at_us, from.created_at);
    db->rc = mdb_cursor_open(db->txn, db->dbi[DB_MESSAGES_BY_ROOM], &cursor);
    if (db->rc == 0)
        db->rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    if (db->rc == 0 || db->rc == MDB_NOTFOUND)
        db->rc = mdb_cursor_get(cursor, &k, &v, db->rc == 0 ? MDB_PREV : MDB_LAST);
    while (db->rc == 0 && out->count < SIDE_PAGE && memcmp(k.mv_data, room, sizeof *room) == 0) {
        lmdb_take_message(db, k.mv_data, out);
        if (db->rc == 0)
            db->rc = mdb_cursor_get(cursor, &k, &v, MDB_PREV);
    }
    if (db->rc == MDB_NOTFOUND)
        db->rc = 0;
    mdb_cursor_close(cursor);
}

static bool
lmdb_read_page(void *arg, const tenon_uuid *room, const side_user *reader,
               const chat_position *after, side_page *out)
{
    lmdb_db *db = arg;
    membership_record member;
    room_record in_room;
    tenon_uuid membership;
    bool ok;

    if (!lmdb_begin_read(db))
        return false;
    ok = lmdb_get_by_id(db, DB_ROOMS, room, &in_room, sizeof in_room) &&
         lmdb_find_membership(db, room, &reader->id, &membership, &member) &&
         member.status == CHAT_MEMBERSHIP_ACTIVE;
    if (ok)
        lmdb_take_page(db, room, after, out);
    return lmdb_end_read(db, ok, "page");
}

static bool
lmdb_empty(void *arg, const tenon_uuid *id)
{
    lmdb_db *db = arg;
    user_record user;
    bool ok;

    if (!lmdb_begin(db))
        return false;
    ok = lmdb_get_by_id(db, DB_USERS, id, &user, sizeof user);
    return lmdb_end(db, ok, "empty");
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
    int rc = 0;

    if (!lmdb_begin_read(db))
        return false;
    for (size_t i = 0; i < sizeof all / sizeof all[0] && rc == 0; i++) {
        rc = mdb_stat(db->txn, db->dbi[all[i].which], &stat);
        *all[i].count = stat.ms_entries;
    }
    return lmdb_end_read(db, rc == 0, "count");
}

const side side_lmdb = {
    .name = "lmdb by hand",
    .open = lmdb_open,
    .close = lmdb_close,
    .connect = lmdb_connect,
    .disconnect = lmdb_disconnect,
    .register_user = lmdb_register_user,
    .create_room = lmdb_create_room,
    .invite = lmdb_invite,
    .say = lmdb_say,
    .find_session = lmdb_find_session,
    .read_page = lmdb_read_page,
    .empty = lmdb_empty,
    .count = lmdb_count,
};
