/** @file delete.c Removing a user. */
#include "internal.h"

/* Of all the user's, by the user's id in parameter 0. */
#define DELETE_ALL_OF(query_name, from, column)                                                    \
    {                                                                                              \
        .name = (query_name), .kind = TENON_DELETE, .table = &(from),                              \
        .where = TENON_WHERE(TENON_EQ(column, 0))                                                  \
    }

static const tenon_query delete_user_row = DELETE_ALL_OF("user_delete", chat_users, CHAT_USERS_ID);
static const tenon_query delete_sessions = DELETE_ALL_OF("session_delete_of_user", chat_sessions,
                                                         CHAT_SESSIONS_USER_ID);
static const tenon_query delete_messages = DELETE_ALL_OF("message_delete_of_user", chat_messages,
                                                         CHAT_MESSAGES_USER_ID);
static const tenon_query delete_memberships = DELETE_ALL_OF(
    "membership_delete_of_user", chat_room_memberships, CHAT_MEMBERSHIPS_USER_ID);
static const tenon_query delete_invitation = DELETE_ALL_OF("invitation_delete", chat_invitations,
                                                           CHAT_INVITATIONS_ID);
static const tenon_query delete_invitations_sent = DELETE_ALL_OF(
    "invitation_delete_sent", chat_invitations, CHAT_INVITATIONS_SENDER_USER_ID);
static const tenon_query delete_invitations_received = DELETE_ALL_OF(
    "invitation_delete_received", chat_invitations, CHAT_INVITATIONS_RECIPIENT_USER_ID);
static const tenon_query delete_room_row = DELETE_ALL_OF("room_delete", chat_rooms, CHAT_ROOMS_ID);
static const tenon_query delete_room_messages = DELETE_ALL_OF("message_delete_of_room",
                                                              chat_messages, CHAT_MESSAGES_ROOM_ID);
static const tenon_query delete_room_memberships = DELETE_ALL_OF(
    "membership_delete_of_room", chat_room_memberships, CHAT_MEMBERSHIPS_ROOM_ID);
static const tenon_query delete_room_invitations = DELETE_ALL_OF(
    "invitation_delete_of_room", chat_invitations, CHAT_INVITATIONS_ROOM_ID);

static const tenon_query delete_anonymise = {
    .name = "audit_anonymise",
    .kind = TENON_UPDATE,
    .table = &chat_audit_logs,
    .set = TENON_SET(TENON_TO_NULL(CHAT_AUDIT_ACTOR_ID)),
    .where = TENON_WHERE(TENON_EQ(CHAT_AUDIT_ACTOR_ID, 0)),
};
static const tenon_query delete_owned = {
    .name = "membership_owned_by_user",
    .kind = TENON_SELECT,
    .table = &chat_room_memberships,
    .columns = TENON_COLUMNS(CHAT_MEMBERSHIPS_ID, CHAT_MEMBERSHIPS_ROOM_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_USER_ID, 0),
                         TENON_EQ_TEXT(CHAT_MEMBERSHIPS_ROLE, "owner")),
};
static const tenon_query delete_others_in = {
    .name = "membership_of_others",
    .kind = TENON_SELECT,
    .table = &chat_room_memberships,
    .columns = TENON_COLUMNS(CHAT_MEMBERSHIPS_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ROOM_ID, 0),
                         TENON_NE(CHAT_MEMBERSHIPS_USER_ID, 1),
                         TENON_EQ_TEXT(CHAT_MEMBERSHIPS_STATUS, "active")),
    .limit = 1,
};
static const tenon_query delete_make_owner = {
    .name = "membership_make_owner",
    .kind = TENON_UPDATE,
    .table = &chat_room_memberships,
    .set = TENON_SET(TENON_TO(CHAT_MEMBERSHIPS_ROLE, 2)),
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ROOM_ID, 0),
                         TENON_EQ(CHAT_MEMBERSHIPS_USER_ID, 1)),
};
static const tenon_query delete_created = {
    .name = "room_created_by_user",
    .kind = TENON_SELECT,
    .table = &chat_rooms,
    .columns = TENON_COLUMNS(CHAT_ROOMS_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_CREATED_BY, 0)),
    .limit = 1,
};
static const tenon_query delete_owner_of = {
    .name = "membership_of_owner",
    .kind = TENON_SELECT,
    .table = &chat_room_memberships,
    .columns = TENON_COLUMNS(CHAT_MEMBERSHIPS_USER_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ROOM_ID, 0),
                         TENON_EQ_TEXT(CHAT_MEMBERSHIPS_ROLE, "owner")),
};
static const tenon_query delete_set_creator = {
    .name = "room_set_creator",
    .kind = TENON_UPDATE,
    .table = &chat_rooms,
    .set = TENON_SET(TENON_TO(CHAT_ROOMS_CREATED_BY, 1), TENON_TO(CHAT_ROOMS_UPDATED_AT, 2)),
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_ID, 0)),
};
static const tenon_query delete_pending_sent = {
    .name = "invitation_pending_of_sender",
    .kind = TENON_SELECT,
    .table = &chat_invitations,
    .columns = TENON_COLUMNS(CHAT_INVITATIONS_ID, CHAT_INVITATIONS_ROOM_ID,
                             CHAT_INVITATIONS_RECIPIENT_USER_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_INVITATIONS_SENDER_USER_ID, 0),
                         TENON_EQ_TEXT(CHAT_INVITATIONS_STATUS, "pending")),
    .limit = 32,
};

/** Rows that are collected before any is changed: `limit` of delete_pending_sent, and of owned
 * rooms at a time. */
enum { DELETE_CHUNK = 32 };

/** One deletion at work. */
typedef struct delete_work {
    tni_call *call;
    const chat_deletion *in;
    chat_deleted *out;
    tenon_error *err;
} delete_work;

/** Run a statement with one id, and add the rows that it changed. */
static tenon_status
delete_by(const delete_work *w, const tenon_query *query, const tenon_uuid *id, uint64_t *sum)
{
    tenon_value param = tenon_id(id);
    uint64_t affected = 0;
    tenon_status status = tenon_exec(w->call->txn, query, &param, &affected, w->err);

    if (status == TENON_OK)
        *sum += affected;
    return status;
}

static tenon_status
delete_others_are_in(const delete_work *w, const tenon_uuid *room, bool *out)
{
    tenon_value params[] = { tenon_id(room), tenon_id(&w->in->user) };
    const tenon_value *row = NULL;
    tenon_status status = tenon_fetch(w->call->txn, &delete_others_in, params, &row, w->err);

    *out = status == TENON_OK;
    return status == TENON_NOT_FOUND ? TENON_OK : status;
}

/* ---- Checks ---- */

static tenon_status
delete_check(const chat_context *ctx, const void *arg, tenon_error *err)
{
    const chat_deletion *in = (const chat_deletion *)arg;

    (void)ctx;
    if (tni_chat_no_id(&in->user))
        return tni_chat_fail(err, TENON_INVALID, "user", "no user is given");
    if (tni_chat_same_id(&in->user, &in->transfer_to))
        return tni_chat_fail(err, TENON_INVALID, "transfer_to",
                             "rooms can't pass to the user that is removed");
    return TENON_OK;
}

/** One owned room: empty, or there is someone to take it over. */
static tenon_status
delete_check_room(const delete_work *w, const tenon_uuid *room)
{
    chat_membership heir = { .status = 0 };
    char text[TENON_UUID_TEXT_BYTES];
    bool others = false;
    tenon_status status = delete_others_are_in(w, room, &others);

    if (status != TENON_OK || !others)
        return status;
    tenon_uuid_text(room, text);
    if (tni_chat_no_id(&w->in->transfer_to))
        return tni_chat_fail(w->err, TENON_CONSTRAINT, "room",
                             "the user owns room %s, which others are in", text);
    status = tni_chat_membership(w->call->txn, room, &w->in->transfer_to, &heir, w->err);
    if (status == TENON_OK && heir.status != CHAT_MEMBERSHIP_ACTIVE)
        status = tni_chat_fail(w->err, TENON_CONSTRAINT, "transfer_to",
                               "transfer_to is no active member of room %s", text);
    return status;
}

static tenon_status
delete_check_rooms(const delete_work *w)
{
    tenon_value user = tenon_id(&w->in->user);
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    tenon_uuid room;
    tenon_status status = tenon_select(w->call->txn, &delete_owned, &user, &cursor, w->err);

    while (status == TENON_OK) {
        status = tenon_next(cursor, &row, w->err);
        if (status == TENON_OK) {
            room = tenon_value_id(&row[1]);
            status = delete_check_room(w, &room);
        } else if (status == TENON_NOT_FOUND) {
            status = TENON_OK;
            break;
        }
    }
    tenon_cursor_close(cursor);
    return status;
}

static tenon_status
delete_permit(const delete_work *w)
{
    tni_user_state state = { false, 0 };
    tenon_status status = tni_chat_may_act_for(w->call, &w->in->user, w->err);

    if (status == TENON_OK)
        status = tni_chat_user_state(w->call->txn, &w->in->user, "user", &state, w->err);
    if (status == TENON_OK && !tni_chat_no_id(&w->in->transfer_to))
        status = tni_chat_user_state(w->call->txn, &w->in->transfer_to, "transfer_to", &state,
                                     w->err);
    if (status == TENON_OK)
        status = delete_check_rooms(w);
    return status;
}

/* ---- Removal ---- */

/** Invitations that wait for an answer go with the memberships that wait with them. */
static tenon_status
delete_pending_invitations(const delete_work *w)
{
    tenon_uuid ids[DELETE_CHUNK][3];
    tenon_value user = tenon_id(&w->in->user);
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    tenon_status status = TENON_OK;
    uint64_t removed = 0;
    unsigned count;

    do {
        count = 0;
        status = tenon_select(w->call->txn, &delete_pending_sent, &user, &cursor, w->err);
        while (status == TENON_OK && count < DELETE_CHUNK &&
               (status = tenon_next(cursor, &row, w->err)) == TENON_OK) {
            for (unsigned i = 0; i < 3; i++)
                ids[count][i] = tenon_value_id(&row[i]);
            count++;
        }
        if (status == TENON_NOT_FOUND)
            status = TENON_OK;
        tenon_cursor_close(cursor);
        cursor = NULL;
        for (unsigned i = 0; i < count && status == TENON_OK; i++) {
            status = tni_chat_remove_pending(w->call->txn, &ids[i][1], &ids[i][2], &removed,
                                             w->err);
            w->out->memberships_count += status == TENON_OK ? removed : 0;
            if (status == TENON_OK)
                status = delete_by(w, &delete_invitation, &ids[i][0],
                                   &w->out->invitations_sent_count);
        }
    } while (status == TENON_OK && count == DELETE_CHUNK);
    return status;
}

static tenon_status
delete_room(const delete_work *w, const tenon_uuid *room)
{
    tenon_status status = delete_by(w, &delete_room_messages, room, &w->out->messages_count);

    if (status == TENON_OK)
        status = delete_by(w, &delete_room_memberships, room, &w->out->memberships_count);
    if (status == TENON_OK)
        status = delete_by(w, &delete_room_invitations, room, &w->out->invitations_other_count);
    if (status == TENON_OK)
        status = delete_by(w, &delete_room_row, room, &w->out->rooms_removed_count);
    return status;
}

/** Pass a room on; the user's own membership goes at once, so that there is never a second owner.
 */
static tenon_status
delete_transfer(const delete_work *w, const tenon_uuid *membership, const tenon_uuid *room)
{
    tenon_value params[] = { tenon_id(room), tenon_id(&w->in->transfer_to),
                             tni_chat_room_role(CHAT_ROOM_OWNER) };
    uint64_t removed = 0;
    tenon_status status = tni_chat_remove_membership(w->call->txn, membership, &removed, w->err);

    if (status == TENON_OK)
        status = tenon_exec(w->call->txn, &delete_make_owner, params, NULL, w->err);
    if (status == TENON_OK) {
        w->out->memberships_count += removed;
        w->out->rooms_transferred_count++;
    }
    return status;
}

/** Remove or pass on every owned room. Each that is done is no longer among them. */
static tenon_status
delete_owned_rooms(const delete_work *w)
{
    tenon_value user = tenon_id(&w->in->user);
    const tenon_value *row = NULL;
    tenon_uuid membership;
    tenon_uuid room;
    bool others = false;
    tenon_status status;

    while ((status = tenon_fetch(w->call->txn, &delete_owned, &user, &row, w->err)) == TENON_OK) {
        membership = tenon_value_id(&row[0]);
        room = tenon_value_id(&row[1]);
        status = delete_others_are_in(w, &room, &others);
        if (status == TENON_OK)
            status = others ? delete_transfer(w, &membership, &room) : delete_room(w, &room);
        if (status != TENON_OK)
            return status;
    }
    return status == TENON_NOT_FOUND ? TENON_OK : status;
}

/** Rooms that the user created and others own: their owner is named as creator. */
static tenon_status
delete_created_rooms(const delete_work *w)
{
    tenon_value user = tenon_id(&w->in->user);
    const tenon_value *row = NULL;
    tenon_uuid room;
    tenon_uuid owner;
    tenon_status status;

    while ((status = tenon_fetch(w->call->txn, &delete_created, &user, &row, w->err)) == TENON_OK) {
        tenon_value params[3];

        room = tenon_value_id(&row[0]);
        params[0] = tenon_id(&room);
        status = tenon_fetch(w->call->txn, &delete_owner_of, params, &row, w->err);
        if (status == TENON_NOT_FOUND)
            return tni_chat_fail(w->err, TENON_CORRUPT, "room", "a room has no owner");
        if (status != TENON_OK)
            return status;
        owner = tenon_value_id(&row[0]);
        params[1] = tenon_id(&owner);
        params[2] = tenon_time(w->call->ctx->now_us);
        status = tenon_exec(w->call->txn, &delete_set_creator, params, NULL, w->err);
        if (status != TENON_OK)
            return status;
    }
    return status == TENON_NOT_FOUND ? TENON_OK : status;
}

static tenon_status
delete_rows(const delete_work *w)
{
    const tenon_uuid *user = &w->in->user;
    chat_deleted *out = w->out;
    uint64_t users = 0;
    tenon_status status = delete_pending_invitations(w);

    if (status == TENON_OK)
        status = delete_by(w, &delete_invitations_sent, user, &out->invitations_sent_count);
    if (status == TENON_OK)
        status = delete_by(w, &delete_invitations_received, user, &out->invitations_received_count);
    if (status == TENON_OK)
        status = delete_owned_rooms(w);
    if (status == TENON_OK)
        status = delete_created_rooms(w);
    if (status == TENON_OK)
        status = delete_by(w, &delete_sessions, user, &out->sessions_count);
    if (status == TENON_OK)
        status = delete_by(w, &delete_messages, user, &out->messages_count);
    if (status == TENON_OK)
        status = delete_by(w, &delete_memberships, user, &out->memberships_count);
    if (status == TENON_OK)
        status = delete_by(w, &delete_anonymise, user, &out->audit_logs_count);
    if (status == TENON_OK)
        status = delete_by(w, &delete_user_row, user, &users);
    return status;
}

static tenon_status
delete_run(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    const chat_deletion *in = (const chat_deletion *)arg;
    delete_work work = { call, in, (chat_deleted *)result, err };
    const tenon_uuid *actor = tni_chat_actor(call);
    tenon_status status = delete_permit(&work);

    if (status == TENON_OK)
        status = delete_rows(&work);
    /* A user that removes itself is no longer there to be named. */
    if (actor != NULL && tni_chat_same_id(actor, &in->user))
        actor = NULL;
    if (status == TENON_OK)
        status = tni_chat_audit(call, actor, "user.delete", "user", &in->user, NULL, err);
    return status;
}

static const tni_operation delete_operation = {
    .name = "chat.delete_user",
    .check = delete_check,
    .run = delete_run,
};

tenon_status
chat_user_deletion_transaction(tenon_txn *txn, const chat_context *ctx, const chat_deletion *in,
                               chat_deleted *out, tenon_error *err)
{
    return tni_chat_within(txn, &delete_operation, ctx, in, out, sizeof *out, err);
}

tenon_status
chat_delete_user_atomically(tenon_db *db, const chat_context *ctx, const chat_deletion *in,
                            chat_deleted *out, tenon_error *err)
{
    return tni_chat_run(db, &delete_operation, ctx, in, out, sizeof *out, err);
}
