/* Events as operations: each is one transaction, in which names become ids first; a join is two. */
#include "apply.h"

#include <stdio.h>
#include <string.h>

#include "tenon/chat.h"

/* A ready hash, the same for everyone: what Argon2 costs is measured elsewhere. Of no password. */
#define APPLY_PASSWORD_HASH "$replay$no-password"

static const tenon_query apply_user_by_name = {
    .name = "replay_user_by_name",
    .kind = TENON_SELECT,
    .table = &chat_users,
    .columns = TENON_COLUMNS(CHAT_USERS_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_USERNAME_KEY, 0)),
};

static const tenon_query apply_room_by_name = {
    .name = "replay_room_by_name",
    .kind = TENON_SELECT,
    .table = &chat_rooms,
    .columns = TENON_COLUMNS(CHAT_ROOMS_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_NAME, 0)),
};

/* What the body of a transaction works on. */
typedef struct apply_call {
    const event *event;
    chat_context ctx;
    tenon_uuid invitation; /* of a join's first part */
} apply_call;

bool
apply_is_refusal(tenon_status status)
{
    switch (status) {
    case TENON_NOT_FOUND:
    case TENON_EXISTS:
    case TENON_CONSTRAINT:
    case TENON_INVALID:
    case TENON_DENIED:
        return true;
    default:
        return false;
    }
}

static tenon_status
apply_refuse(tenon_error *err, tenon_status status, const char *object, const char *message)
{
    memset(err, 0, sizeof *err);
    err->status = status;
    (void)snprintf(err->object, sizeof err->object, "%s", object);
    (void)snprintf(err->message, sizeof err->message, "%s", message);
    return status;
}

/* ---- Names as ids ---- */

static tenon_status
apply_find(tenon_txn *txn, const tenon_query *query, const char *name, tenon_uuid *out,
           const char *object, tenon_error *err)
{
    const tenon_value param = tenon_text(name);
    const tenon_value *row = NULL;
    tenon_status status = tenon_fetch(txn, query, &param, &row, err);

    if (status == TENON_OK)
        *out = tenon_value_id(&row[0]);
    else if (status == TENON_NOT_FOUND)
        return apply_refuse(err, status, object, "there is none of that name");
    return status;
}

static tenon_status
apply_find_user(tenon_txn *txn, const char *name, tenon_uuid *out, tenon_error *err)
{
    char key[CHAT_MAX_USERNAME_BYTES + 1];

    if (chat_username_key(name, key) != TENON_OK)
        return apply_refuse(err, TENON_INVALID, "username", "this is no user name");
    return apply_find(txn, &apply_user_by_name, key, out, "user", err);
}

static tenon_status
apply_find_room(tenon_txn *txn, const char *name, tenon_uuid *out, tenon_error *err)
{
    if (name[0] == '\0' || strlen(name) > CHAT_MAX_ROOM_NAME_BYTES)
        return apply_refuse(err, TENON_INVALID, "name", "this is no name of a room");
    return apply_find(txn, &apply_room_by_name, name, out, "room", err);
}

/* ---- Operations, inside a transaction ---- */

static tenon_status
apply_create_room(tenon_txn *txn, apply_call *call, tenon_error *err)
{
    const chat_new_room in = { .name = call->event->fields[EVENT_ROOM], .is_public = true };
    chat_created_room out;

    return chat_create_room_with_membership(txn, &call->ctx, &in, &out, err);
}

static tenon_status
apply_say(tenon_txn *txn, apply_call *call, const tenon_uuid *room, tenon_error *err)
{
    const chat_new_message in = {
        .room = *room,
        .content = call->event->fields[EVENT_TEXT],
        .content_bytes = (uint32_t)call->event->text_bytes,
    };
    chat_message out;

    return chat_post_message(txn, &call->ctx, &in, &out, err);
}

static tenon_status
apply_invite(tenon_txn *txn, apply_call *call, const tenon_uuid *room, const tenon_uuid *user,
             tenon_error *err)
{
    const chat_new_invitation in = { .room = *room, .recipient = *user };
    chat_invited out;
    tenon_status status = chat_create_invitation_with_membership(txn, &call->ctx, &in, &out, err);

    call->invitation = out.invitation.id;
    return status;
}

static tenon_status
apply_accept(tenon_txn *txn, apply_call *call, tenon_error *err)
{
    const chat_invitation_update in = { .invitation = call->invitation,
                                        .status = CHAT_INVITATION_ACCEPTED };
    chat_invited out;

    return chat_update_invitation_and_membership(txn, &call->ctx, &in, &out, err);
}

/* leave, kick, role: one operation on a member. */
static tenon_status
apply_member(tenon_txn *txn, apply_call *call, const tenon_uuid *room, const tenon_uuid *user,
             tenon_error *err)
{
    const bool is_role = call->event->op == EVENT_ROLE;
    const chat_room_operation operation = {
        .kind = is_role ? CHAT_UPDATE_ROLE : CHAT_REMOVE_MEMBER,
        .room = *room,
        .user = *user,
        .role = is_role ? call->event->room_role : 0,
    };
    const chat_room_batch in = { .operations = &operation, .count = 1 };
    chat_room_result out;

    return chat_batch_room_operations(txn, &call->ctx, &in, &out, err);
}

static tenon_status
apply_rename(tenon_txn *txn, apply_call *call, const tenon_uuid *user, tenon_error *err)
{
    const chat_rename in = { .user = *user, .username = call->event->fields[EVENT_TO] };
    chat_user out;

    return chat_rename_user(txn, &call->ctx, &in, &out, err);
}

static tenon_status
apply_delete(tenon_txn *txn, apply_call *call, const tenon_uuid *user, tenon_error *err)
{
    const chat_deletion in = { .user = *user };
    chat_deleted out;

    return chat_user_deletion_transaction(txn, &call->ctx, &in, &out, err);
}

/* ---- Transactions ---- */

/* The ids of the room, of the user and of who acts: `by` where the event has it, else the user. */
static tenon_status
apply_names(tenon_txn *txn, apply_call *call, tenon_uuid *room, tenon_uuid *user, tenon_error *err)
{
    const event *e = call->event;
    tenon_status status = TENON_OK;

    if (e->fields[EVENT_ROOM] != NULL && e->op != EVENT_CREATE_ROOM)
        status = apply_find_room(txn, e->fields[EVENT_ROOM], room, err);
    if (status == TENON_OK)
        status = apply_find_user(txn, e->fields[EVENT_USER], user, err);
    if (status != TENON_OK)
        return status;
    call->ctx.actor = *user;
    return e->fields[EVENT_BY] != NULL
               ? apply_find_user(txn, e->fields[EVENT_BY], &call->ctx.actor, err)
               : TENON_OK;
}

static tenon_status
apply_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    apply_call *call = (apply_call *)arg;
    tenon_uuid room, user;
    tenon_status status = apply_names(txn, call, &room, &user, err);

    if (status != TENON_OK)
        return status;
    switch (call->event->op) {
    case EVENT_CREATE_ROOM:
        return apply_create_room(txn, call, err);
    case EVENT_JOIN:
        return apply_invite(txn, call, &room, &user, err);
    case EVENT_LEAVE:
    case EVENT_KICK:
    case EVENT_ROLE:
        return apply_member(txn, call, &room, &user, err);
    case EVENT_RENAME:
        return apply_rename(txn, call, &user, err);
    case EVENT_SAY:
        return apply_say(txn, call, &room, err);
    case EVENT_DELETE_USER:
        return apply_delete(txn, call, &user, err);
    default:
        return apply_refuse(err, TENON_INTERNAL, "op", "an event without an operation");
    }
}

/* The second transaction of a join: the one invited accepts. */
static tenon_status
apply_accept_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    apply_call *call = (apply_call *)arg;
    tenon_status status = apply_find_user(txn, call->event->fields[EVENT_USER], &call->ctx.actor,
                                          err);

    return status == TENON_OK ? apply_accept(txn, call, err) : status;
}

static tenon_status
apply_register(tenon_db *db, const apply_call *call, tenon_error *err)
{
    const chat_registration in = {
        .username = call->event->fields[EVENT_USER],
        .email = call->event->fields[EVENT_EMAIL],
        .password_hash = APPLY_PASSWORD_HASH,
    };
    chat_registered out;

    return chat_register_user_atomically(db, &call->ctx, &in, &out, err);
}

void
apply_event(tenon_db *db, const event *e, apply_result *out)
{
    const tenon_txn_options options = { .size = sizeof options, .name = "replay" };
    apply_call call = {
        .event = e,
        .ctx = { .size = sizeof call.ctx, .event = e->line, .now_us = e->now_us },
    };

    memset(&out->err, 0, sizeof out->err);
    out->commit_count = 0;
    if (e->op == EVENT_REGISTER)
        out->status = apply_register(db, &call, &out->err);
    else
        out->status = tenon_run(db, &options, apply_body, &call, &out->err);
    if (out->status != TENON_OK)
        return;
    out->commit_count++;
    if (e->op != EVENT_JOIN)
        return;
    call.ctx.part = 1;
    out->status = tenon_run(db, &options, apply_accept_body, &call, &out->err);
    if (out->status == TENON_OK)
        out->commit_count++;
}
