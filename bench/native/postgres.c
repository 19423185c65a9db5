/*
 * The operations as a good engineer writes them with libpq: a connection for each thread, named
 * prepared statements, binary parameters, one round trip for each statement. What reads before it
 * writes is serializable, as on the other side, and run again where it lost; what reads nothing is
 * READ COMMITTED.
 */
#include "postgres_conn.h"

/* ---- Parts of operations ---- */

/* Whether a row is there whose first column is true. */
static bool
pg_find_active(pg_db *db, int which, const tenon_uuid *id)
{
    pg_params p = { .count = 0 };
    PGresult *r;
    bool found;

    pg_put_id(&p, id);
    r = pg_query(db, which, &p);
    found = r != NULL && PQntuples(r) == 1 && PQgetvalue(r, 0, 0)[0] == 1;
    PQclear(r);
    return found;
}

/* 0: no membership, 1: one that is active, 2: one that may invite, -1: pending, -2: failed. */
static int
pg_find_membership(pg_db *db, const tenon_uuid *room, const tenon_uuid *user)
{
    pg_params p = { .count = 0 };
    int found = 0;
    PGresult *r;

    pg_put_id(&p, room);
    pg_put_id(&p, user);
    r = pg_query(db, PG_FIND_MEMBERSHIP, &p);
    if (r == NULL)
        return -2;
    if (PQntuples(r) == 1) {
        const char *role = PQgetvalue(r, 0, 0);

        found = strcmp(PQgetvalue(r, 0, 1), "active") == 0 ? 1 : -1;
        if (found == 1 && (strcmp(role, "owner") == 0 || strcmp(role, "admin") == 0))
            found = 2;
    }
    PQclear(r);
    return found;
}

static bool
pg_audit(pg_db *db, const tenon_uuid *actor, const char *action, const char *type,
         const tenon_uuid *target, int64_t now_us)
{
    const tenon_uuid id = tenon_uuid_new(), txn_id = tenon_uuid_new();
    pg_params p = { .count = 0 };

    pg_put_id(&p, &id);
    pg_put_id(&p, &txn_id);
    pg_put_id(&p, actor);
    pg_put_text(&p, action);
    pg_put_text(&p, type);
    pg_put_id(&p, target);
    pg_put_time(&p, now_us);
    return pg_run(db, PG_ADD_AUDIT, &p);
}

static bool
pg_add_membership(pg_db *db, const tenon_uuid *room, const tenon_uuid *user, const char *role,
                  const char *status, int64_t now_us)
{
    const tenon_uuid id = tenon_uuid_new();
    pg_params p = { .count = 0 };

    pg_put_id(&p, &id);
    pg_put_id(&p, room);
    pg_put_id(&p, user);
    pg_put_text(&p, role);
    pg_put_text(&p, status);
    pg_put_time(&p, now_us);
    return pg_run(db, PG_ADD_MEMBERSHIP, &p);
}

/* ---- Registration ---- */

static bool
pg_register_body(pg_db *db, void *arg)
{
    side_user *user = arg;
    const int64_t now_us = tenon_now_us();
    const tenon_uuid session = tenon_uuid_new();
    uint8_t token_hash[SIDE_HASH_BYTES];
    pg_params p = { .count = 0 }, s = { .count = 0 };

    user->id = tenon_uuid_new();
    side_new_token(user->token, token_hash);
    pg_put_id(&p, &user->id);
    pg_put_text(&p, user->name);
    pg_put_text(&p, user->name);
    pg_put_text(&p, SIDE_PASSWORD_HASH);
    pg_put_time(&p, now_us);
    pg_put_id(&s, &session);
    pg_put_id(&s, &user->id);
    pg_put(&s, token_hash, sizeof token_hash);
    pg_put_time(&s, now_us);
    pg_put_time(&s, now_us + CHAT_SESSION_LIFETIME_US);
    return pg_run(db, PG_ADD_USER, &p) && pg_run(db, PG_ADD_SESSION, &s) &&
           pg_audit(db, &user->id, "user.register", "user", &user->id, now_us);
}

static bool
pg_register_user(void *conn, side_user *user)
{
    return pg_transaction(conn, PG_WRITE_ONLY, pg_register_body, user, "register");
}

/* ---- Rooms ---- */

typedef struct pg_new_room {
    const side_user *owner;
    const char *name;
    tenon_uuid *room;
} pg_new_room;

static bool
pg_create_room_body(pg_db *db, void *arg)
{
    const pg_new_room *in = arg;
    const int64_t now_us = tenon_now_us();
    pg_params p = { .count = 0 };

    *in->room = tenon_uuid_new();
    pg_put_id(&p, in->room);
    pg_put_text(&p, in->name);
    pg_put_id(&p, &in->owner->id);
    pg_put_time(&p, now_us);
    return pg_find_active(db, PG_FIND_USER, &in->owner->id) && pg_run(db, PG_ADD_ROOM, &p) &&
           pg_add_membership(db, in->room, &in->owner->id, "owner", "active", now_us) &&
           pg_audit(db, &in->owner->id, "room.create", "room", in->room, now_us);
}

static bool
pg_create_room(void *conn, const side_user *owner, const char *name, tenon_uuid *room)
{
    pg_new_room in = { owner, name, room };

    return pg_transaction(conn, PG_READ_WRITE, pg_create_room_body, &in, "create room");
}

/* ---- Invitations ---- */

typedef struct pg_invitation {
    const tenon_uuid *room;
    const side_user *sender, *recipient;
    tenon_uuid id;
} pg_invitation;

static bool
pg_send_body(pg_db *db, void *arg)
{
    pg_invitation *in = arg;
    const int64_t now_us = tenon_now_us();
    pg_params p = { .count = 0 };

    in->id = tenon_uuid_new();
    pg_put_id(&p, &in->id);
    pg_put_id(&p, in->room);
    pg_put_id(&p, &in->sender->id);
    pg_put_id(&p, &in->recipient->id);
    pg_put_time(&p, now_us);
    pg_put_time(&p, now_us + CHAT_INVITATION_LIFETIME_US);
    return pg_find_active(db, PG_FIND_ROOM, in->room) &&
           pg_find_membership(db, in->room, &in->sender->id) == 2 &&
           pg_find_active(db, PG_FIND_USER, &in->recipient->id) &&
           pg_add_membership(db, in->room, &in->recipient->id, "member", "pending", now_us) &&
           pg_run(db, PG_ADD_INVITATION, &p) &&
           pg_audit(db, &in->sender->id, "invitation.create", "invitation", &in->id, now_us);
}

/* The room of an invitation that the recipient may accept now. */
static bool
pg_find_invitation(pg_db *db, const pg_invitation *in, int64_t now_us, tenon_uuid *room)
{
    pg_params p = { .count = 0 };
    PGresult *r;
    bool ok;

    pg_put_id(&p, &in->id);
    r = pg_query(db, PG_FIND_INVITATION, &p);
    ok = r != NULL && PQntuples(r) == 1 &&
         memcmp(PQgetvalue(r, 0, 1), &in->recipient->id, sizeof in->recipient->id) == 0 &&
         strcmp(PQgetvalue(r, 0, 2), "pending") == 0 && pg_number(r, 0, 3) + PG_EPOCH_US > now_us;
    if (ok)
        memcpy(room, PQgetvalue(r, 0, 0), sizeof *room);
    PQclear(r);
    return ok;
}

static bool
pg_accept_body(pg_db *db, void *arg)
{
    const pg_invitation *in = arg;
    const int64_t now_us = tenon_now_us();
    pg_params answer = { .count = 0 }, join = { .count = 0 };
    tenon_uuid room;

    if (!pg_find_invitation(db, in, now_us, &room))
        return false;
    pg_put_id(&answer, &in->id);
    pg_put_time(&answer, now_us);
    pg_put_id(&join, &room);
    pg_put_id(&join, &in->recipient->id);
    pg_put_time(&join, now_us);
    return pg_run(db, PG_ANSWER_INVITATION, &answer) && pg_run(db, PG_JOIN, &join) &&
           pg_audit(db, &in->recipient->id, "invitation.accept", "invitation", &in->id, now_us);
}

static bool
pg_invite(void *conn, const tenon_uuid *room, const side_user *sender, const side_user *recipient)
{
    pg_invitation in = { .room = room, .sender = sender, .recipient = recipient };

    return pg_transaction(conn, PG_READ_WRITE, pg_send_body, &in, "invite") &&
           pg_transaction(conn, PG_READ_WRITE, pg_accept_body, &in, "accept");
}

/* ---- Messages ---- */

typedef struct pg_message {
    const tenon_uuid *room;
    const side_user *author;
    const char *text;
} pg_message;

static bool
pg_say_body(pg_db *db, void *arg)
{
    const pg_message *in = arg;
    const tenon_uuid id = tenon_uuid_new();
    pg_params p = { .count = 0 };

    pg_put_id(&p, &id);
    pg_put_id(&p, in->room);
    pg_put_id(&p, &in->author->id);
    pg_put_text(&p, in->text);
    pg_put_time(&p, tenon_now_us());
    return pg_find_active(db, PG_FIND_ROOM, in->room) &&
           pg_find_membership(db, in->room, &in->author->id) > 0 && pg_run(db, PG_ADD_MESSAGE, &p);
}

static bool
pg_post(void *conn, const tenon_uuid *room, const side_user *author, const char *text)
{
    pg_message in = { room, author, text };

    return pg_transaction(conn, PG_READ_WRITE, pg_say_body, &in, "say");
}

typedef struct pg_page {
    const tenon_uuid *room;
    const side_user *reader;
    const chat_position *after;
    side_page *out;
} pg_page;

static bool
pg_page_body(pg_db *db, void *arg)
{
    const pg_page *in = arg;
    const bool first = in->after->created_at_us == 0;
    pg_params p = { .count = 0 };
    PGresult *r;

    pg_put_id(&p, in->room);
    pg_put_number(&p, SIDE_PAGE);
    if (!first) {
        pg_put_time(&p, in->after->created_at_us);
        pg_put_id(&p, &in->after->id);
    }
    if (!pg_find_active(db, PG_FIND_ROOM, in->room) ||
        pg_find_membership(db, in->room, &in->reader->id) <= 0)
        return false;
    r = pg_query(db, first ? PG_FIRST_PAGE : PG_NEXT_PAGE, &p);
    memset(in->out, 0, sizeof *in->out);
    for (int i = 0; r != NULL && i < PQntuples(r); i++) {
        chat_message_row row = {
            .message = { .room_id = *in->room,
                         .created_at_us = pg_number(r, i, 2) + PG_EPOCH_US,
                         .edited_at_us = PQgetisnull(r, i, 3) ? 0
                                                              : pg_number(r, i, 3) + PG_EPOCH_US,
                         .is_deleted = PQgetvalue(r, i, 4)[0] != 0 },
            .message_type = PQgetvalue(r, i, 5),
            .message_type_bytes = (uint32_t)PQgetlength(r, i, 5),
            .content = PQgetvalue(r, i, 6),
            .content_bytes = (uint32_t)PQgetlength(r, i, 6),
        };

        memcpy(&row.message.id, PQgetvalue(r, i, 0), sizeof row.message.id);
        memcpy(&row.message.user_id, PQgetvalue(r, i, 1), sizeof row.message.user_id);
        side_take(in->out, &row);
    }
    PQclear(r);
    return r != NULL;
}

static bool
pg_read_page(void *conn, const tenon_uuid *room, const side_user *reader,
             const chat_position *after, side_page *out)
{
    pg_page in = { room, reader, after, out };

    return pg_transaction(conn, PG_READ_ONLY, pg_page_body, &in, "page");
}

/* ---- The rest ---- */

/* One statement is a transaction. */
static bool
pg_find_session(void *conn, const char *token, chat_session *out)
{
    uint8_t hash[SIDE_HASH_BYTES];
    pg_params p = { .count = 0 };
    PGresult *r;
    bool ok;

    if (!side_hash_token(token, hash))
        return false;
    pg_put(&p, hash, sizeof hash);
    pg_put_time(&p, tenon_now_us());
    r = pg_query(conn, PG_FIND_SESSION, &p);
    ok = r != NULL && PQntuples(r) == 1;
    if (ok) {
        memcpy(&out->id, PQgetvalue(r, 0, 0), sizeof out->id);
        memcpy(&out->user_id, PQgetvalue(r, 0, 1), sizeof out->user_id);
        out->created_at_us = pg_number(r, 0, 2) + PG_EPOCH_US;
        out->expires_at_us = pg_number(r, 0, 3) + PG_EPOCH_US;
        out->last_activity_us = pg_number(r, 0, 4) + PG_EPOCH_US;
        out->is_active = true;
    }
    PQclear(r);
    return ok;
}

static bool
pg_empty_body(pg_db *db, void *user)
{
    return pg_find_active(db, PG_FIND_USER, user);
}

static bool
pg_empty(void *conn, const tenon_uuid *user)
{
    tenon_uuid id = *user;

    return pg_transaction(conn, PG_READ_WRITE, pg_empty_body, &id, "empty");
}

static bool
pg_count(void *conn, side_counts *out)
{
    uint64_t *counts[] = { &out->users,       &out->sessions, &out->rooms,     &out->memberships,
                           &out->invitations, &out->messages, &out->audit_logs };
    const pg_params none = { .count = 0 };
    PGresult *r = pg_query(conn, PG_COUNT_ROWS, &none);

    for (int i = 0; r != NULL && i < 7; i++)
        *counts[i] = (uint64_t)pg_number(r, 0, i);
    PQclear(r);
    return r != NULL;
}

const side side_postgres = {
    .name = "postgres by hand",
    .open = pg_open,
    .close = pg_close,
    .connect = pg_connect,
    .disconnect = pg_disconnect,
    .register_user = pg_register_user,
    .create_room = pg_create_room,
    .invite = pg_invite,
    .say = pg_post,
    .find_session = pg_find_session,
    .read_page = pg_read_page,
    .empty = pg_empty,
    .count = pg_count,
};
