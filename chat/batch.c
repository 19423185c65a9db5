/** @file batch.c Several operations on rooms, all or none. */
#include <inttypes.h>
#include <stdio.h>

#include "internal.h"

static const tenon_query batch_update_room = {
    .name = "room_update",
    .kind = TENON_UPDATE,
    .table = &chat_rooms,
    .set = TENON_SET(TENON_TO(CHAT_ROOMS_NAME, 1), TENON_TO(CHAT_ROOMS_DESCRIPTION, 2),
                     TENON_TO(CHAT_ROOMS_IS_PUBLIC, 3), TENON_TO(CHAT_ROOMS_IS_ACTIVE, 4),
                     TENON_TO(CHAT_ROOMS_UPDATED_AT, 5)),
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_ID, 0)),
};
static const tenon_query batch_delete_room = {
    .name = "room_delete",
    .kind = TENON_DELETE,
    .table = &chat_rooms,
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_ID, 0)),
};
static const tenon_query batch_set_role = {
    .name = "membership_set_role",
    .kind = TENON_UPDATE,
    .table = &chat_room_memberships,
    .set = TENON_SET(TENON_TO(CHAT_MEMBERSHIPS_ROLE, 1)),
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ID, 0)),
};
static const tenon_query batch_pending_invitation = {
    .name = "invitation_pending_of_recipient",
    .kind = TENON_SELECT,
    .table = &chat_invitations,
    .columns = TENON_COLUMNS(CHAT_INVITATIONS_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_INVITATIONS_ROOM_ID, 0),
                         TENON_EQ(CHAT_INVITATIONS_RECIPIENT_USER_ID, 1),
                         TENON_EQ_TEXT(CHAT_INVITATIONS_STATUS, "pending")),
};

/** Names of the kinds, in errors and audit rows. */
static const char *const batch_kinds[] = {
    [CHAT_CREATE_ROOM] = "create_room",     [CHAT_UPDATE_ROOM] = "update_room",
    [CHAT_DELETE_ROOM] = "delete_room",     [CHAT_ADD_MEMBER] = "add_member",
    [CHAT_REMOVE_MEMBER] = "remove_member", [CHAT_UPDATE_ROLE] = "update_role",
};
enum { BATCH_KINDS = CHAT_UPDATE_ROLE + 1 };

/** Put the operation's place before the object of a failure. @return `status` */
static tenon_status
batch_failed(tenon_error *err, uint32_t index, tenon_status status)
{
    char object[sizeof err->object];

    if (err != NULL && status != TENON_OK) {
        memcpy(object, err->object, sizeof object);
        (void)snprintf(err->object, sizeof err->object, "operations[%" PRIu32 "]%s%.*s", index,
                       object[0] == '\0' ? "" : ".", (int)sizeof object - 20, object);
    }
    return status;
}

/* ---- Checks of the input ---- */

static tenon_status
batch_check_room_of(const chat_room_batch *in, uint32_t index, tenon_error *err)
{
    uint32_t from = in->operations[index].room_of;

    if (in->operations[index].kind == CHAT_CREATE_ROOM || from == 0)
        return TENON_OK;
    if (from > index || in->operations[from - 1].kind != CHAT_CREATE_ROOM)
        return tni_chat_fail(err, TENON_INVALID, "room_of",
                             "room_of must name an operation before that creates a room");
    return TENON_OK;
}

static tenon_status
batch_check_texts(const chat_room_operation *op, tenon_error *err)
{
    bool create = op->kind == CHAT_CREATE_ROOM;
    bool update = op->kind == CHAT_UPDATE_ROOM;
    tenon_status status = TENON_OK;

    if (create || (update && (op->set & CHAT_SET_NAME)))
        status = tni_chat_check_room_name(op->name, "name", err);
    if (status == TENON_OK && (create || (update && (op->set & CHAT_SET_DESCRIPTION))))
        status = tni_chat_check_description(op->description, "description", err);
    return status;
}

static tenon_status
batch_check_one(const chat_room_batch *in, uint32_t index, tenon_error *err)
{
    const uint32_t all = CHAT_SET_NAME | CHAT_SET_DESCRIPTION | CHAT_SET_PUBLIC | CHAT_SET_ACTIVE;
    const chat_room_operation *op = &in->operations[index];
    tenon_status status;

    if (op->kind < CHAT_CREATE_ROOM || op->kind > CHAT_UPDATE_ROLE)
        return tni_chat_fail(err, TENON_INVALID, "kind", "there is no kind %" PRIu32, op->kind);
    status = batch_check_room_of(in, index, err);
    if (status == TENON_OK)
        status = batch_check_texts(op, err);
    if (status == TENON_OK && op->kind == CHAT_UPDATE_ROOM && (op->set == 0 || (op->set & ~all)))
        status = tni_chat_fail(err, TENON_INVALID, "set", "set must name what to change");
    if (status == TENON_OK && op->kind == CHAT_ADD_MEMBER && op->role != 0 &&
        op->role != CHAT_ROOM_ADMIN && op->role != CHAT_ROOM_MEMBER)
        status = tni_chat_fail(err, TENON_INVALID, "role", "role must be admin or member");
    if (status == TENON_OK && op->kind == CHAT_UPDATE_ROLE &&
        (op->role < CHAT_ROOM_OWNER || op->role > CHAT_ROOM_MEMBER))
        status = tni_chat_fail(err, TENON_INVALID, "role", "role must be owner, admin or member");
    return status;
}

static tenon_status
batch_check(const chat_context *ctx, const void *arg, tenon_error *err)
{
    const chat_room_batch *in = (const chat_room_batch *)arg;
    tenon_status status = TENON_OK;

    (void)ctx;
    if (in->operations == NULL || in->count < 1 || in->count > CHAT_MAX_BATCH)
        return tni_chat_fail(err, TENON_INVALID, "operations", "a batch has 1 to %d operations",
                             CHAT_MAX_BATCH);
    for (uint32_t i = 0; i < in->count && status == TENON_OK; i++)
        status = batch_failed(err, i, batch_check_one(in, i, err));
    return status;
}

/* ---- The operations. Each gets the room that is meant, and fills its result. ---- */

/** One operation at work. */
typedef struct batch_step {
    tni_call *call;
    const chat_room_operation *op;
    tenon_uuid room;
    chat_room_result *result;
} batch_step;

static tenon_status
batch_deny(tenon_error *err, const char *what)
{
    return tni_chat_fail(err, TENON_DENIED, "actor", "%s", what);
}

/**
 * The membership of the actor, if it is active. Otherwise TENON_NOT_FOUND ("room") or TENON_DENIED.
 */
static tenon_status
batch_actor(const batch_step *s, chat_membership *out, tenon_error *err)
{
    tni_room_state room = { false, false };
    tenon_status status = tni_chat_membership(s->call->txn, &s->room, &s->call->ctx->actor, out,
                                              err);

    if (status != TENON_OK || out->status == CHAT_MEMBERSHIP_ACTIVE)
        return status;
    /* A membership proves that there is a room; only where there is none it must be asked. */
    status = tni_chat_room_state(s->call->txn, &s->room, "room", &room, err);
    if (status == TENON_OK)
        status = batch_deny(err, "the actor is no active member of the room");
    return status;
}

static bool
batch_leads(const chat_membership *membership)
{
    return membership->role == CHAT_ROOM_OWNER || membership->role == CHAT_ROOM_ADMIN;
}

static tenon_status
batch_run_create(const batch_step *s, tenon_error *err)
{
    chat_new_room in = { s->op->name, s->op->description, s->op->is_public };
    chat_created_room made;
    tenon_status status;

    memset(&made, 0, sizeof made);
    status = tni_chat_part(s->call, &tni_chat_room_part, &in, &made, err);
    s->result->room = made.room.id;
    s->result->membership = made.membership.id;
    s->result->role = made.membership.role;
    s->result->status = made.membership.status;
    return status;
}

static tenon_status
batch_run_update(const batch_step *s, tenon_error *err)
{
    const chat_room_operation *op = s->op;
    chat_membership actor = { .status = 0 };
    chat_room room;
    tenon_status status = batch_actor(s, &actor, err);
    tenon_value params[6];
    uint64_t affected = 0;

    if (status == TENON_OK && !batch_leads(&actor))
        status = batch_deny(err, "only an owner or admin changes a room");
    if (status == TENON_OK && (op->set & CHAT_SET_ACTIVE) && actor.role != CHAT_ROOM_OWNER)
        status = batch_deny(err, "only the owner archives a room");
    if (status == TENON_OK)
        status = tni_chat_room(s->call->txn, &s->room, "room", &room, err);
    if (status != TENON_OK)
        return status;
    params[0] = tenon_id(&s->room);
    params[1] = tenon_text(op->set & CHAT_SET_NAME ? op->name : room.name);
    params[2] = tni_chat_optional_text(op->set & CHAT_SET_DESCRIPTION ? op->description
                                                                      : room.description);
    params[3] = tenon_bool(op->set & CHAT_SET_PUBLIC ? op->is_public : room.is_public);
    params[4] = tenon_bool(op->set & CHAT_SET_ACTIVE ? op->is_active : room.is_active);
    params[5] = tenon_time(s->call->ctx->now_us);
    status = tenon_exec(s->call->txn, &batch_update_room, params, &affected, err);
    if (status == TENON_EXISTS)
        status = tni_chat_fail(err, TENON_EXISTS, "name", "that room name is taken");
    return status;
}

static tenon_status
batch_run_delete(const batch_step *s, tenon_error *err)
{
    chat_membership actor = { .status = 0 };
    tenon_value param = tenon_id(&s->room);
    tenon_status status = batch_actor(s, &actor, err);

    if (status == TENON_OK && actor.role != CHAT_ROOM_OWNER)
        status = batch_deny(err, "only the owner deletes a room");
    if (status == TENON_OK)
        status = tenon_exec(s->call->txn, &batch_delete_room, &param, NULL, err);
    return status;
}

static void
batch_tell(const batch_step *s, const chat_membership *membership)
{
    s->result->membership = membership->id;
    s->result->role = membership->role;
    s->result->status = membership->status;
}

static tenon_status
batch_run_add(const batch_step *s, tenon_error *err)
{
    chat_membership actor = { .status = 0 };
    tni_room_state room = { false, false };
    tni_user_state user = { false, 0 };
    chat_membership added = {
        .room_id = s->room,
        .user_id = s->op->user,
        .role = s->op->role != 0 ? s->op->role : CHAT_ROOM_MEMBER,
        .status = CHAT_MEMBERSHIP_ACTIVE,
        .joined_at_us = s->call->ctx->now_us,
    };
    tenon_status status = batch_actor(s, &actor, err);

    if (status == TENON_OK && !batch_leads(&actor))
        status = batch_deny(err, "only an owner or admin adds members");
    if (status == TENON_OK && added.role == CHAT_ROOM_ADMIN && actor.role != CHAT_ROOM_OWNER)
        status = batch_deny(err, "only the owner makes admins");
    if (status == TENON_OK)
        status = tni_chat_room_state(s->call->txn, &s->room, "room", &room, err);
    if (status == TENON_OK && !room.is_active)
        status = tni_chat_fail(err, TENON_CONSTRAINT, "room.is_active", "the room is not active");
    if (status == TENON_OK)
        status = tni_chat_user_state(s->call->txn, &s->op->user, "user", &user, err);
    if (status == TENON_OK && !user.is_active)
        status = tni_chat_fail(err, TENON_CONSTRAINT, "user.is_active", "the user is not active");
    if (status == TENON_OK) {
        added.id = tni_chat_id(s->call);
        status = tni_chat_add_membership(s->call, &added, err);
    }
    if (status == TENON_OK)
        batch_tell(s, &added);
    return status;
}

/** The actor's and the user's memberships, for the two operations below. */
static tenon_status
batch_pair(const batch_step *s, chat_membership *actor, chat_membership *user, tenon_error *err)
{
    tenon_status status = batch_actor(s, actor, err);

    if (status != TENON_OK)
        return status;
    if (tni_chat_same_id(&s->op->user, &s->call->ctx->actor))
        *user = *actor;
    else
        status = tni_chat_membership(s->call->txn, &s->room, &s->op->user, user, err);
    if (status == TENON_OK && user->status == 0)
        status = tni_chat_fail(err, TENON_NOT_FOUND, "membership", "the user is not in the room");
    return status;
}

/** The membership that its own user ends: pending ones too, and for whom is none, NOT_FOUND. */
static tenon_status
batch_own(const batch_step *s, chat_membership *user, tenon_error *err)
{
    tni_room_state room = { false, false };
    tenon_status status = tni_chat_membership(s->call->txn, &s->room, &s->op->user, user, err);

    if (status != TENON_OK || user->status != 0)
        return status;
    status = tni_chat_room_state(s->call->txn, &s->room, "room", &room, err);
    if (status == TENON_OK)
        status = tni_chat_fail(err, TENON_NOT_FOUND, "membership", "the user is not in the room");
    return status;
}

/** End the pending invitation that belongs to a pending membership. */
static tenon_status
batch_end_invitation(const batch_step *s, uint32_t to, tenon_error *err)
{
    tenon_value params[] = { tenon_id(&s->room), tenon_id(&s->op->user) };
    const tenon_value *row = NULL;
    tenon_uuid id;
    tenon_status status = tenon_fetch(s->call->txn, &batch_pending_invitation, params, &row, err);

    if (status == TENON_NOT_FOUND)
        return tni_chat_fail(err, TENON_CORRUPT, "invitation",
                             "a pending membership has no pending invitation");
    if (status == TENON_OK) {
        id = tenon_value_id(&row[0]);
        status = tni_chat_end_invitation(s->call, &id, to, err);
    }
    return status;
}

static tenon_status
batch_run_remove(const batch_step *s, tenon_error *err)
{
    bool own = tni_chat_same_id(&s->op->user, &s->call->ctx->actor);
    chat_membership actor = { .status = 0 };
    chat_membership user = { .status = 0 };
    tenon_status status = own ? batch_own(s, &user, err) : batch_pair(s, &actor, &user, err);

    if (status == TENON_OK && !own && !batch_leads(&actor))
        status = batch_deny(err, "only an owner or admin removes members");
    if (status == TENON_OK && !own && actor.role == CHAT_ROOM_ADMIN &&
        user.role != CHAT_ROOM_MEMBER)
        status = batch_deny(err, "an admin can't act on an owner or another admin");
    if (status == TENON_OK && user.role == CHAT_ROOM_OWNER)
        status = tni_chat_fail(err, TENON_CONSTRAINT, "membership.role",
                               "the owner can't leave: pass ownership on, or delete the room");
    if (status == TENON_OK && user.status == CHAT_MEMBERSHIP_PENDING)
        status = batch_end_invitation(s, own ? CHAT_INVITATION_DECLINED : CHAT_INVITATION_REVOKED,
                                      err);
    if (status == TENON_OK)
        status = tni_chat_remove_membership(s->call->txn, &user.id, NULL, err);
    if (status == TENON_OK) {
        user.status = CHAT_MEMBERSHIP_REMOVED;
        batch_tell(s, &user);
    }
    return status;
}

static tenon_status
batch_write_role(const batch_step *s, const tenon_uuid *membership, uint32_t role, tenon_error *err)
{
    tenon_value params[] = { tenon_id(membership), tni_chat_room_role(role) };

    return tenon_exec(s->call->txn, &batch_set_role, params, NULL, err);
}

/** Whether someone who leads the room may give `user` that role. */
static tenon_status
batch_may_set_role(const chat_membership *actor, const chat_membership *user, uint32_t role,
                   tenon_error *err)
{
    bool own = tni_chat_same_id(&actor->id, &user->id);

    if (!batch_leads(actor))
        return batch_deny(err, "only an owner or admin changes roles");
    if (actor->role == CHAT_ROOM_ADMIN && !own && user->role != CHAT_ROOM_MEMBER)
        return batch_deny(err, "an admin can't act on an owner or another admin");
    if (actor->role == CHAT_ROOM_ADMIN && role != CHAT_ROOM_MEMBER && role != user->role)
        return batch_deny(err, "only the owner makes admins and passes ownership on");
    return TENON_OK;
}

static tenon_status
batch_run_role(const batch_step *s, tenon_error *err)
{
    uint32_t role = s->op->role;
    chat_membership actor = { .status = 0 };
    chat_membership user = { .status = 0 };
    tenon_status status = batch_pair(s, &actor, &user, err);

    if (status == TENON_OK)
        status = batch_may_set_role(&actor, &user, role, err);
    if (status == TENON_OK && user.status != CHAT_MEMBERSHIP_ACTIVE)
        status = tni_chat_fail(err, TENON_CONSTRAINT, "membership.status",
                               "the user has not accepted the invitation yet");
    if (status == TENON_OK && user.role == CHAT_ROOM_OWNER && role != CHAT_ROOM_OWNER)
        status = tni_chat_fail(err, TENON_CONSTRAINT, "membership.role",
                               "the owner must pass ownership on to another member");
    if (status == TENON_OK && role != user.role) {
        if (role == CHAT_ROOM_OWNER)
            status = batch_write_role(s, &actor.id, CHAT_ROOM_ADMIN, err);
        if (status == TENON_OK)
            status = batch_write_role(s, &user.id, role, err);
        user.role = role;
    }
    if (status == TENON_OK)
        batch_tell(s, &user);
    return status;
}

/* ---- The batch ---- */

/** One row for the whole batch; for a single operation it says what and on whom. */
static tenon_status
batch_audit(tni_call *call, const chat_room_batch *in, const chat_room_result *results,
            tenon_error *err)
{
    const chat_room_operation *op = &in->operations[0];
    uint32_t counts[BATCH_KINDS] = { 0 };
    char action[32] = "room.batch";
    char user[TENON_UUID_TEXT_BYTES];
    char details[256] = "";
    size_t used = 0;
    bool same_room = true;

    for (uint32_t i = 0; i < in->count; i++) {
        counts[in->operations[i].kind]++;
        same_room = same_room && tni_chat_same_id(&results[i].room, &results[0].room);
    }
    if (in->count == 1) {
        (void)snprintf(action, sizeof action, "room.%s", batch_kinds[op->kind]);
        tenon_uuid_text(&op->user, user);
        if (op->kind >= CHAT_ADD_MEMBER)
            (void)snprintf(details, sizeof details, "user=%s role=%s", user,
                           chat_room_role_name(results[0].role));
    } else {
        for (unsigned kind = CHAT_CREATE_ROOM; kind < BATCH_KINDS; kind++)
            if (counts[kind] > 0)
                used += (size_t)snprintf(details + used, sizeof details - used, "%s%s=%" PRIu32,
                                         used > 0 ? " " : "", batch_kinds[kind], counts[kind]);
    }
    return tni_chat_audit(call, tni_chat_actor(call), action, "room",
                          same_room ? &results[0].room : NULL, details[0] == '\0' ? NULL : details,
                          err);
}

static tenon_status
batch_run(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    static tenon_status (*const runs[])(const batch_step *, tenon_error *) = {
        [CHAT_CREATE_ROOM] = batch_run_create,   [CHAT_UPDATE_ROOM] = batch_run_update,
        [CHAT_DELETE_ROOM] = batch_run_delete,   [CHAT_ADD_MEMBER] = batch_run_add,
        [CHAT_REMOVE_MEMBER] = batch_run_remove, [CHAT_UPDATE_ROLE] = batch_run_role,
    };
    const chat_room_batch *in = (const chat_room_batch *)arg;
    chat_room_result *results = (chat_room_result *)result;
    tenon_status status = TENON_OK;

    for (uint32_t i = 0; i < in->count && status == TENON_OK; i++) {
        const chat_room_operation *op = &in->operations[i];
        batch_step step = { call, op, op->room, &results[i] };

        if (op->kind != CHAT_CREATE_ROOM && op->room_of != 0)
            step.room = results[op->room_of - 1].room;
        results[i].room = step.room;
        status = batch_failed(err, i, runs[op->kind](&step, err));
    }
    if (status == TENON_OK)
        status = batch_audit(call, in, results, err);
    return status;
}

static const tni_operation batch_operation = {
    .name = "chat.batch_rooms",
    .check = batch_check,
    .run = batch_run,
};

/** Bytes at `results`; 0 for a batch whose size is refused. */
static size_t
batch_bytes(const chat_room_batch *in)
{
    return in == NULL || in->count > CHAT_MAX_BATCH ? 0 : in->count * sizeof(chat_room_result);
}

tenon_status
chat_batch_room_operations(tenon_txn *txn, const chat_context *ctx, const chat_room_batch *in,
                           chat_room_result *results, tenon_error *err)
{
    return tni_chat_within(txn, &batch_operation, ctx, in, results, batch_bytes(in), err);
}

tenon_status
chat_batch_room_operations_atomically(tenon_db *db, const chat_context *ctx,
                                      const chat_room_batch *in, chat_room_result *results,
                                      tenon_error *err)
{
    return tni_chat_run(db, &batch_operation, ctx, in, results, batch_bytes(in), err);
}
