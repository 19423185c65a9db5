/*
 * The operations as a good engineer writes them with SQLite's own API: a connection for each
 * thread, statements prepared once, BEGIN IMMEDIATE, the same checks, the tables that Tenon made,
 * so that both sides have the same schema to keep.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "side.h"

enum {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_BEGIN_READ,
    SQL_ADD_USER,
    SQL_ADD_SESSION,
    SQL_ADD_AUDIT,
    SQL_ADD_ROOM,
    SQL_ADD_MEMBERSHIP,
    SQL_ADD_INVITATION,
    SQL_ADD_MESSAGE,
    SQL_FIND_ROOM,
    SQL_FIND_MEMBERSHIP,
    SQL_FIND_USER,
    SQL_FIND_INVITATION,
    SQL_ANSWER_INVITATION,
    SQL_JOIN,
    SQL_FIND_SESSION,
    SQL_FIRST_PAGE,
    SQL_NEXT_PAGE,
    SQL_COUNT_OF_STATEMENTS
};

#define SQL_PAGE                                                                                   \
    "SELECT id, user_id, created_at, edited_at, is_deleted, message_type, content FROM messages"   \
    " WHERE room_id = ?1"
#define SQL_PAGE_ORDER " ORDER BY created_at DESC, id DESC LIMIT ?2"

static const char *const sql_texts[SQL_COUNT_OF_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_ADD_USER] =
        "INSERT INTO users (id, username, username_key, password_hash, role, created_at,"
        " updated_at, last_seen, is_active) VALUES (?1, ?2, ?3, ?4, 'user', ?5, ?5, ?5, 1)",
    [SQL_ADD_SESSION] = "INSERT INTO sessions (id, user_id, token_hash, created_at, expires_at,"
                        " last_activity, is_active) VALUES (?1, ?2, ?3, ?4, ?5, ?4, 1)",
    [SQL_ADD_AUDIT] =
        "INSERT INTO audit_logs (id, txn_id, actor_id, action, target_type, target_id,"
        " created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_ADD_ROOM] = "INSERT INTO rooms (id, name, is_public, created_by, created_at, updated_at,"
                     " is_active) VALUES (?1, ?2, 0, ?3, ?4, ?4, 1)",
    [SQL_ADD_MEMBERSHIP] =
        "INSERT INTO room_memberships (id, room_id, user_id, role, status, joined_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_ADD_INVITATION] =
        "INSERT INTO invitations (id, room_id, sender_user_id, recipient_user_id,"
        " status, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6)",
    [SQL_ADD_MESSAGE] =
        "INSERT INTO messages (id, room_id, user_id, content, message_type, created_at,"
        " is_deleted) VALUES (?1, ?2, ?3, ?4, 'text', ?5, 0)",
    [SQL_FIND_ROOM] = "SELECT is_active FROM rooms WHERE id = ?1",
    [SQL_FIND_MEMBERSHIP] =
        "SELECT role, status FROM room_memberships WHERE room_id = ?1 AND user_id = ?2",
    [SQL_FIND_USER] = "SELECT is_active FROM users WHERE id = ?1",
    [SQL_FIND_INVITATION] = "SELECT room_id, recipient_user_id, status, expires_at FROM invitations"
                            " WHERE id = ?1",
    [SQL_ANSWER_INVITATION] =
        "UPDATE invitations SET status = 'accepted', responded_at = ?2 WHERE id = ?1",
    [SQL_JOIN] = "UPDATE room_memberships SET status = 'active', joined_at = ?3"
                 " WHERE room_id = ?1 AND user_id = ?2",
    [SQL_FIND_SESSION] = "SELECT s.id, s.user_id, s.created_at, s.expires_at, s.last_activity"
                         " FROM sessions s JOIN users u ON u.id = s.user_id"
                         " WHERE s.token_hash = ?1 AND s.is_active AND s.expires_at > ?2"
                         " AND u.is_active",
    [SQL_FIRST_PAGE] = SQL_PAGE SQL_PAGE_ORDER,
    [SQL_NEXT_PAGE] = SQL_PAGE " AND (created_at, id) < (?3, ?4)" SQL_PAGE_ORDER,
};

typedef struct sql_place {
    char path[4096];
    uint32_t durability;
} sql_place;

/* A thread's connection. */
typedef struct sql_db {
    sqlite3 *raw;
    sqlite3_stmt *statements[SQL_COUNT_OF_STATEMENTS];
} sql_db;

static bool
sql_done(sql_db *db, bool ok, const char *what)
{
    if (!ok)
        fprintf(stderr, "sqlite: %s: %s\n", what, sqlite3_errmsg(db->raw));
    return ok;
}

static void
sql_disconnect(void *arg)
{
    sql_db *db = arg;

    if (db == NULL)
        return;
    for (size_t i = 0; i < SQL_COUNT_OF_STATEMENTS; i++)
        sqlite3_finalize(db->statements[i]);
    sqlite3_close(db->raw);
    free(db);
}

static bool
sql_connect(void *arg, void **out)
{
    static const char *const synchronous[] = { "PRAGMA synchronous = FULL",
                                               "PRAGMA synchronous = NORMAL",
                                               "PRAGMA synchronous = OFF",
                                               "PRAGMA synchronous = OFF" };
    const sql_place *place = arg;
    sql_db *db = calloc(1, sizeof *db);
    bool ok;

    *out = db;
    if (db == NULL)
        return false;
    ok = sqlite3_open_v2(place->path, &db->raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                         NULL) == 0 &&
         sqlite3_busy_timeout(db->raw, 60000) == 0 &&
         sqlite3_exec(db->raw, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) == 0 &&
         sqlite3_exec(db->raw, synchronous[place->durability], NULL, NULL, NULL) == 0 &&
         sqlite3_exec(db->raw, "PRAGMA foreign_keys = ON", NULL, NULL, NULL) == 0;
    for (size_t i = 0; i < SQL_COUNT_OF_STATEMENTS && ok; i++)
        ok = sqlite3_prepare_v3(db->raw, sql_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &db->statements[i], NULL) == 0;
    return sql_done(db, ok, "open");
}

static bool
sql_open(const side_place *place, void **out)
{
    sql_place *db = calloc(1, sizeof *db);
    void *made = NULL;
    bool ok;

    *out = db;
    if (db == NULL)
        return false;
    (void)snprintf(db->path, sizeof db->path, "%s", place->where);
    db->durability = place->durability;
    if (!place->is_new)
        return true;
    ok = side_tenon_sqlite.open(place, &made);
    side_tenon_sqlite.close(made);
    return ok;
}

static void
sql_close(void *db)
{
    free(db);
}

static void
sql_bind_id(sqlite3_stmt *s, int n, const tenon_uuid *id)
{
    sqlite3_bind_blob(s, n, id->bytes, sizeof id->bytes, SQLITE_STATIC);
}

static void
sql_bind_text(sqlite3_stmt *s, int n, const char *text)
{
    sqlite3_bind_text(s, n, text, -1, SQLITE_STATIC);
}

/* A statement that gives no rows. */
static bool
sql_run(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);

    sqlite3_reset(s);
    return rc == SQLITE_DONE;
}

static bool
sql_begin(sql_db *db)
{
    return sql_run(db->statements[SQL_BEGIN]);
}

static bool
sql_end(sql_db *db, bool ok, const char *what)
{
    ok = sql_done(db, ok, what);
    return sql_run(db->statements[ok ? SQL_COMMIT : SQL_ROLLBACK]) && ok;
}

/* Whether the row's first column is the text given. */
static bool
sql_is(sqlite3_stmt *s, int column, const char *text)
{
    const unsigned char *value = sqlite3_column_text(s, column);

    return value != NULL && strcmp((const char *)value, text) == 0;
}

static bool
sql_find_active(sqlite3_stmt *s, const tenon_uuid *id)
{
    bool found;

    sql_bind_id(s, 1, id);
    found = sqlite3_step(s) == SQLITE_ROW && sqlite3_column_int(s, 0) == 1;
    sqlite3_reset(s);
    return found;
}

/* 0: no membership, 1: one that is active, 2: one that may invite, -1: pending. */
static int
sql_find_membership(sql_db *db, const tenon_uuid *room, const tenon_uuid *user)
{
    sqlite3_stmt *s = db->statements[SQL_FIND_MEMBERSHIP];
    int found = 0;

    sql_bind_id(s, 1, room);
    sql_bind_id(s, 2, user);
    if (sqlite3_step(s) == SQLITE_ROW) {
        found = sql_is(s, 1, "active") ? 1 : -1;
        if (found == 1 && (sql_is(s, 0, "owner") || sql_is(s, 0, "admin")))
            found = 2;
    }
    sqlite3_reset(s);
    return found;
}

static bool
sql_audit(sql_db *db, const tenon_uuid *actor, const char *action, const char *type,
          const tenon_uuid *target, int64_t now_us)
{
    const tenon_uuid id = tenon_uuid_new(), txn_id = tenon_uuid_new();
    sqlite3_stmt *s = db->statements[SQL_ADD_AUDIT];

    sql_bind_id(s, 1, &id);
    sql_bind_id(s, 2, &txn_id);
    sql_bind_id(s, 3, actor);
    sql_bind_text(s, 4, action);
    sql_bind_text(s, 5, type);
    sql_bind_id(s, 6, target);
    sqlite3_bind_int64(s, 7, now_us);
    return sql_run(s);
}

static bool
sql_add_membership(sql_db *db, const tenon_uuid *room, const tenon_uuid *user, const char *role,
                   const char *status, int64_t now_us)
{
    const tenon_uuid id = tenon_uuid_new();
    sqlite3_stmt *s = db->statements[SQL_ADD_MEMBERSHIP];

    sql_bind_id(s, 1, &id);
    sql_bind_id(s, 2, room);
    sql_bind_id(s, 3, user);
    sql_bind_text(s, 4, role);
    sql_bind_text(s, 5, status);
    sqlite3_bind_int64(s, 6, now_us);
    return sql_run(s);
}

static bool
sql_register_user(void *arg, side_user *user)
{
    sql_db *db = arg;
    const int64_t now_us = tenon_now_us();
    const tenon_uuid session = tenon_uuid_new();
    uint8_t token_hash[SIDE_HASH_BYTES];
    sqlite3_stmt *s = db->statements[SQL_ADD_USER];
    bool ok;

    user->id = tenon_uuid_new();
    side_new_token(user->token, token_hash);
    if (!sql_begin(db))
        return sql_done(db, false, "begin");
    sql_bind_id(s, 1, &user->id);
    sql_bind_text(s, 2, user->name);
    sql_bind_text(s, 3, user->name);
    sql_bind_text(s, 4, SIDE_PASSWORD_HASH);
    sqlite3_bind_int64(s, 5, now_us);
    ok = sql_run(s);
    s = db->statements[SQL_ADD_SESSION];
    sql_bind_id(s, 1, &session);
    sql_bind_id(s, 2, &user->id);
    sqlite3_bind_blob(s, 3, token_hash, sizeof token_hash, SQLITE_STATIC);
    sqlite3_bind_int64(s, 4, now_us);
    sqlite3_bind_int64(s, 5, now_us + CHAT_SESSION_LIFETIME_US);
    ok = ok && sql_run(s) && sql_audit(db, &user->id, "user.register", "user", &user->id, now_us);
    return sql_end(db, ok, "register");
}

static bool
sql_create_room(void *arg, const side_user *owner, const char *name, tenon_uuid *room)
{
    sql_db *db = arg;
    const int64_t now_us = tenon_now_us();
    sqlite3_stmt *s = db->statements[SQL_ADD_ROOM];
    bool ok;

    *room = tenon_uuid_new();
    if (!sql_begin(db))
        return sql_done(db, false, "begin");
    sql_bind_id(s, 1, room);
    sql_bind_text(s, 2, name);
    sql_bind_id(s, 3, &owner->id);
    sqlite3_bind_int64(s, 4, now_us);
    ok = sql_find_active(db->statements[SQL_FIND_USER], &owner->id) && sql_run(s) &&
         sql_add_membership(db, room, &owner->id, "owner", "active", now_us) &&
         sql_audit(db, &owner->id, "room.create", "room", room, now_us);
    return sql_end(db, ok, "create room");
}

static bool
sql_send_invitation(sql_db *db, const tenon_uuid *room, const side_user *sender,
                    const side_user *recipient, tenon_uuid *invitation)
{
    const int64_t now_us = tenon_now_us();
    sqlite3_stmt *s = db->statements[SQL_ADD_INVITATION];
    bool ok;

    *invitation = tenon_uuid_new();
    if (!sql_begin(db))
        return sql_done(db, false, "begin");
    ok = sql_find_active(db->statements[SQL_FIND_ROOM], room) &&
         sql_find_membership(db, room, &sender->id) == 2 &&
         sql_find_active(db->statements[SQL_FIND_USER], &recipient->id) &&
         sql_find_membership(db, room, &recipient->id) == 0;
    sql_bind_id(s, 1, invitation);
    sql_bind_id(s, 2, room);
    sql_bind_id(s, 3, &sender->id);
    sql_bind_id(s, 4, &recipient->id);
    sqlite3_bind_int64(s, 5, now_us);
    sqlite3_bind_int64(s, 6, now_us + CHAT_INVITATION_LIFETIME_US);
    ok = ok && sql_run(s) &&
         sql_add_membership(db, room, &recipient->id, "member", "pending", now_us) &&
         sql_audit(db, &sender->id, "invitation.create", "invitation", invitation, now_us);
    return sql_end(db, ok, "invite");
}

static bool
sql_accept(sql_db *db, const tenon_uuid *invitation, const side_user *recipient)
{
    const int64_t now_us = tenon_now_us();
    sqlite3_stmt *s = db->statements[SQL_FIND_INVITATION];
    tenon_uuid room = { { 0 } };
    bool ok;

    if (!sql_begin(db))
        return sql_done(db, false, "begin");
    sql_bind_id(s, 1, invitation);
    ok = sqlite3_step(s) == SQLITE_ROW &&
         memcmp(sqlite3_column_blob(s, 1), &recipient->id, sizeof recipient->id) == 0 &&
         sql_is(s, 2, "pending") && sqlite3_column_int64(s, 3) > now_us;
    if (ok)
        memcpy(&room, sqlite3_column_blob(s, 0), sizeof room);
    sqlite3_reset(s);
    s = db->statements[SQL_ANSWER_INVITATION];
    sql_bind_id(s, 1, invitation);
    sqlite3_bind_int64(s, 2, now_us);
    ok = ok && sql_run(s) && sqlite3_changes(db->raw) == 1;
    s = db->statements[SQL_JOIN];
    sql_bind_id(s, 1, &room);
    sql_bind_id(s, 2, &recipient->id);
    sqlite3_bind_int64(s, 3, now_us);
    ok = ok && sql_run(s) && sqlite3_changes(db->raw) == 1 &&
         sql_audit(db, &recipient->id, "invitation.accept", "invitation", invitation, now_us);
    return sql_end(db, ok, "accept");
}

static bool
sql_invite(void *arg, const tenon_uuid *room, const side_user *sender, const side_user *recipient)
{
    tenon_uuid invitation;

    return sql_send_invitation(arg, room, sender, recipient, &invitation) &&
           sql_accept(arg, &invitation, recipient);
}

static bool
sql_say(void *arg, const tenon_uuid *room, const side_user *author, const char *text)
{
    sql_db *db = arg;
    const tenon_uuid id = tenon_uuid_new();
    sqlite3_stmt *s = db->statements[SQL_ADD_MESSAGE];
    bool ok;

    if (!sql_begin(db))
        return sql_done(db, false, "begin");
    ok = sql_find_active(db->statements[SQL_FIND_ROOM], room) &&
         sql_find_membership(db, room, &author->id) > 0;
    sql_bind_id(s, 1, &id);
    sql_bind_id(s, 2, room);
    sql_bind_id(s, 3, &author->id);
    sql_bind_text(s, 4, text);
    sqlite3_bind_int64(s, 5, tenon_now_us());
    return sql_end(db, ok && sql_run(s), "say");
}

/* One statement is a transaction. */
static bool
sql_find_session(void *arg, const char *token, chat_session *out)
{
    sql_db *db = arg;
    sqlite3_stmt *s = db->statements[SQL_FIND_SESSION];
    uint8_t hash[SIDE_HASH_BYTES];
    bool ok = side_hash_token(token, hash);

    sqlite3_bind_blob(s, 1, hash, sizeof hash, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, tenon_now_us());
    ok = ok && sqlite3_step(s) == SQLITE_ROW;
    if (ok) {
        memcpy(&out->id, sqlite3_column_blob(s, 0), sizeof out->id);
        memcpy(&out->user_id, sqlite3_column_blob(s, 1), sizeof out->user_id);
        out->created_at_us = sqlite3_column_int64(s, 2);
        out->expires_at_us = sqlite3_column_int64(s, 3);
        out->last_activity_us = sqlite3_column_int64(s, 4);
        out->is_active = true;
    }
    ok = sql_done(db, ok, "session");
    sqlite3_reset(s);
    return ok;
}

/* The rows of a page, columns and all, as whoever shows them needs them. */
static bool
sql_take_page(sqlite3_stmt *s, const tenon_uuid *room, side_page *out)
{
    chat_message_row row = { .message.room_id = *room };
    int rc;

    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        memcpy(&row.message.id, sqlite3_column_blob(s, 0), sizeof row.message.id);
        memcpy(&row.message.user_id, sqlite3_column_blob(s, 1), sizeof row.message.user_id);
        row.message.created_at_us = sqlite3_column_int64(s, 2);
        row.message.edited_at_us = sqlite3_column_int64(s, 3); /* 0 where it is NULL */
        row.message.is_deleted = sqlite3_column_int(s, 4) != 0;
        row.message_type = (const char *)sqlite3_column_text(s, 5);
        row.message_type_bytes = (uint32_t)sqlite3_column_bytes(s, 5);
        row.content = (const char *)sqlite3_column_text(s, 6);
        row.content_bytes = (uint32_t)sqlite3_column_bytes(s, 6);
        side_take(out, &row);
    }
    return rc == SQLITE_DONE;
}

static bool
sql_read_page(void *arg, const tenon_uuid *room, const side_user *reader,
              const chat_position *after, side_page *out)
{
    sql_db *db = arg;
    sqlite3_stmt *s = db->statements[after->created_at_us == 0 ? SQL_FIRST_PAGE : SQL_NEXT_PAGE];
    bool ok;

    if (!sql_run(db->statements[SQL_BEGIN_READ]))
        return sql_done(db, false, "begin");
    sql_bind_id(s, 1, room);
    sqlite3_bind_int(s, 2, SIDE_PAGE);
    if (after->created_at_us != 0) {
        sqlite3_bind_int64(s, 3, after->created_at_us);
        sql_bind_id(s, 4, &after->id);
    }
    ok = sql_find_active(db->statements[SQL_FIND_ROOM], room) &&
         sql_find_membership(db, room, &reader->id) > 0 && sql_take_page(s, room, out);
    sqlite3_reset(s);
    return sql_end(db, ok, "page");
}

static bool
sql_empty(void *arg, const tenon_uuid *user)
{
    sql_db *db = arg;

    if (!sql_begin(db))
        return sql_done(db, false, "begin");
    return sql_end(db, sql_find_active(db->statements[SQL_FIND_USER], user), "empty");
}

static bool
sql_count(void *arg, side_counts *out)
{
    static const char text[] =
        "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM sessions),"
        " (SELECT count(*) FROM rooms), (SELECT count(*) FROM room_memberships),"
        " (SELECT count(*) FROM invitations), (SELECT count(*) FROM messages),"
        " (SELECT count(*) FROM audit_logs)";
    uint64_t *counts[] = { &out->users,       &out->sessions, &out->rooms,     &out->memberships,
                           &out->invitations, &out->messages, &out->audit_logs };
    sql_db *db = arg;
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(db->raw, text, -1, &s, NULL) == 0 && sqlite3_step(s) == SQLITE_ROW;

    for (int i = 0; i < 7 && ok; i++)
        *counts[i] = (uint64_t)sqlite3_column_int64(s, i);
    sqlite3_finalize(s);
    return sql_done(db, ok, "count");
}

const side side_sqlite = {
    .name = "sqlite by hand",
    .open = sql_open,
    .close = sql_close,
    .connect = sql_connect,
    .disconnect = sql_disconnect,
    .register_user = sql_register_user,
    .create_room = sql_create_room,
    .invite = sql_invite,
    .say = sql_say,
    .find_session = sql_find_session,
    .read_page = sql_read_page,
    .empty = sql_empty,
    .count = sql_count,
};
