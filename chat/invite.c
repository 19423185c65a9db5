/** @file invite.c Invitations and the memberships that belong to them. */
#include "internal.h"

static const tenon_query invite_insert = {
    .name = "invitation_insert",
    .kind = TENON_INSERT,
    .table = &chat_invitations,
    .columns = TENON_COLUMNS(CHAT_INVITATIONS_ID, CHAT_INVITATIONS_ROOM_ID,
                             CHAT_INVITATIONS_SENDER_USER_ID, CHAT_INVITATIONS_RECIPIENT_USER_ID,
                             CHAT_INVITATIONS_STATUS, CHAT_INVITATIONS_MESSAGE,
                             CHAT_INVITATIONS_CREATED_AT, CHAT_INVITATIONS_EXPIRES_AT),
};
static const tenon_query invite_by_id = {
    .name = "invitation_by_id",
    .kind = TENON_SELECT,
    .table = &chat_invitations,
    .columns = TENON_COLUMNS(CHAT_INVITATIONS_ID, CHAT_INVITATIONS_ROOM_ID,
                             CHAT_INVITATIONS_SENDER_USER_ID, CHAT_INVITATIONS_RECIPIENT_USER_ID,
                             CHAT_INVITATIONS_STATUS, CHAT_INVITATIONS_CREATED_AT,
                             CHAT_INVITATIONS_EXPIRES_AT, CHAT_INVITATIONS_RESPONDED_AT),
    .where = TENON_WHERE(TENON_EQ(CHAT_INVITATIONS_ID, 0)),
};
static const tenon_query invite_end = {
    .name = "invitation_end",
    .kind = TENON_UPDATE,
    .table = &chat_invitations,
    .set = TENON_SET(TENON_TO(CHAT_INVITATIONS_STATUS, 1),
                     TENON_TO(CHAT_INVITATIONS_RESPONDED_AT, 2)),
    .where = TENON_WHERE(TENON_EQ(CHAT_INVITATIONS_ID, 0)),
};
static const tenon_query invite_insert_membership = {
    .name = "membership_insert",
    .kind = TENON_INSERT,
    .table = &chat_room_memberships,
    .columns = TNI_MEMBERSHIP_COLUMNS,
};
static const tenon_query invite_activate = {
    .name = "membership_activate",
    .kind = TENON_UPDATE,
    .table = &chat_room_memberships,
    .set = TENON_SET(TENON_TO(CHAT_MEMBERSHIPS_STATUS, 1), TENON_TO(CHAT_MEMBERSHIPS_JOINED_AT, 2)),
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ID, 0)),
};
static const tenon_query invite_delete_membership = {
    .name = "membership_delete",
    .kind = TENON_DELETE,
    .table = &chat_room_memberships,
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ID, 0)),
};
static const tenon_query invite_delete_pending = {
    .name = "membership_delete_pending",
    .kind = TENON_DELETE,
    .table = &chat_room_memberships,
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ROOM_ID, 0),
                         TENON_EQ(CHAT_MEMBERSHIPS_USER_ID, 1),
                         TENON_EQ_TEXT(CHAT_MEMBERSHIPS_STATUS, "pending")),
};

static const tenon_query invite_room = {
    .name = "invitation_room",
    .kind = TENON_SELECT,
    .table = &chat_rooms,
    .columns = TENON_COLUMNS(CHAT_ROOMS_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_ID, 0), TENON_EQ_BOOL(CHAT_ROOMS_IS_ACTIVE, true)),
};
static const tenon_query invite_sender = {
    .name = "invitation_sender",
    .kind = TENON_SELECT,
    .table = &chat_room_memberships,
    .columns = TENON_COLUMNS(CHAT_MEMBERSHIPS_ID),
    .where = TENON_WHERE(
        TENON_EQ(CHAT_MEMBERSHIPS_ROOM_ID, 0), TENON_EQ(CHAT_MEMBERSHIPS_USER_ID, 1),
        TENON_EQ_TEXT(CHAT_MEMBERSHIPS_STATUS, "active"), TENON_IN(CHAT_MEMBERSHIPS_ROLE, 2, 2)),
};
static const tenon_query invite_recipient = {
    .name = "invitation_recipient",
    .kind = TENON_SELECT,
    .table = &chat_users,
    .columns = TENON_COLUMNS(CHAT_USERS_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0), TENON_EQ_BOOL(CHAT_USERS_IS_ACTIVE, true)),
};

/* ---- Shared with other files ---- */

/** TENON_EXISTS where the user is in the room or invited to it, else TENON_OK. */
static tenon_status
invite_check_free(tenon_txn *txn, const tenon_uuid *room, const tenon_uuid *user, tenon_error *err)
{
    chat_membership found = { .status = 0 };
    tenon_status status = tni_chat_membership(txn, room, user, &found, err);

    if (status == TENON_OK && found.status == CHAT_MEMBERSHIP_ACTIVE)
        status = tni_chat_fail(err, TENON_EXISTS, "membership", "the user is a member already");
    else if (status == TENON_OK && found.status == CHAT_MEMBERSHIP_PENDING)
        status = tni_chat_fail(err, TENON_EXISTS, "invitation", "the user is invited already");
    return status;
}

static tenon_status
invite_write_membership(tni_call *call, const chat_membership *membership, uint64_t *affected,
                        tenon_error *err)
{
    tenon_value params[] = {
        tenon_id(&membership->id),
        tenon_id(&membership->room_id),
        tenon_id(&membership->user_id),
        tni_chat_room_role(membership->role),
        tni_chat_membership_status(membership->status),
        tenon_time(membership->joined_at_us),
    };

    return tenon_exec(call->txn, &invite_insert_membership, params, affected, err);
}

tenon_status
tni_chat_put_membership(tni_call *call, const chat_membership *membership, tenon_error *err)
{
    return invite_write_membership(call, membership, NULL, err);
}

tenon_status
tni_chat_add_membership(tni_call *call, const chat_membership *membership, tenon_error *err)
{
    uint64_t affected = 0;
    tenon_status status = invite_write_membership(call, membership, &affected, err);

    if (status == TENON_EXISTS) {
        status = invite_check_free(call->txn, &membership->room_id, &membership->user_id, err);
        if (status == TENON_OK)
            status = tni_chat_fail(err, TENON_EXISTS, "membership",
                                   "a membership with that id exists already");
    }
    return status;
}

tenon_status
tni_chat_remove_membership(tenon_txn *txn, const tenon_uuid *id, uint64_t *removed,
                           tenon_error *err)
{
    tenon_value param = tenon_id(id);

    return tenon_exec(txn, &invite_delete_membership, &param, removed, err);
}

tenon_status
tni_chat_end_invitation(const tni_call *call, const tenon_uuid *id, uint32_t new_status,
                        tenon_error *err)
{
    tenon_value params[] = { tenon_id(id), tni_chat_invitation_status(new_status),
                             tenon_time(call->ctx->now_us) };

    return tenon_exec(call->txn, &invite_end, params, NULL, err);
}

tenon_status
tni_chat_remove_pending(tenon_txn *txn, const tenon_uuid *room, const tenon_uuid *user,
                        uint64_t *removed, tenon_error *err)
{
    tenon_value params[] = { tenon_id(room), tenon_id(user) };

    return tenon_exec(txn, &invite_delete_pending, params, removed, err);
}

/* ---- Creating ---- */

static tenon_status
invite_create_check(const chat_context *ctx, const void *arg, tenon_error *err)
{
    (void)ctx;
    return tni_chat_check_note(((const chat_new_invitation *)arg)->message, "message", err);
}

static int64_t
invite_expires_at(const tni_call *call, const chat_new_invitation *in)
{
    return in->expires_at_us != 0 ? in->expires_at_us
                                  : call->ctx->now_us + CHAT_INVITATION_LIFETIME_US;
}

/** The room, the sender, the recipient are what they have to be. */
static tenon_status
invite_require(const tni_call *call, const chat_new_invitation *in, tenon_error *err)
{
    tenon_value room = tenon_id(&in->room), recipient = tenon_id(&in->recipient);
    tenon_value sender[] = { room, tenon_id(&call->ctx->actor), tni_chat_room_role(CHAT_ROOM_OWNER),
                             tni_chat_room_role(CHAT_ROOM_ADMIN) };
    tenon_status status = tenon_require(call->txn, &invite_room, &room, err);

    if (status == TENON_OK)
        status = tenon_require(call->txn, &invite_sender, sender, err);
    if (status == TENON_OK)
        status = tenon_require(call->txn, &invite_recipient, &recipient, err);
    return status;
}

/** Everything that may stand in the way of an invitation, in order. */
static tenon_status
invite_diagnose(tni_call *call, const void *arg, tenon_error *err)
{
    const chat_new_invitation *in = (const chat_new_invitation *)arg;
    tni_room_state room = { false, false };
    tni_user_state recipient = { false, 0 };
    chat_membership sender = { .status = 0 };
    tenon_status status = tni_chat_room_state(call->txn, &in->room, "room", &room, err);

    if (status == TENON_OK && !room.is_active)
        status = tni_chat_fail(err, TENON_CONSTRAINT, "room.is_active", "the room is not active");
    if (status == TENON_OK)
        status = tni_chat_membership(call->txn, &in->room, &call->ctx->actor, &sender, err);
    if (status == TENON_OK && (sender.status != CHAT_MEMBERSHIP_ACTIVE ||
                               (sender.role != CHAT_ROOM_OWNER && sender.role != CHAT_ROOM_ADMIN)))
        status = tni_chat_fail(err, TENON_DENIED, "sender",
                               "only an owner or admin of the room may invite");
    if (status == TENON_OK)
        status = tni_chat_user_state(call->txn, &in->recipient, "recipient", &recipient, err);
    if (status == TENON_OK && !recipient.is_active)
        status = tni_chat_fail(err, TENON_CONSTRAINT, "recipient.is_active",
                               "the recipient is not active");
    if (status == TENON_OK)
        status = invite_check_free(call->txn, &in->room, &in->recipient, err);
    if (status == TENON_OK && invite_expires_at(call, in) <= call->ctx->now_us)
        status = tni_chat_fail(err, TENON_INVALID, "expires_at",
                               "expires_at must be in the future");
    if (status == TENON_OK && tni_chat_is_repeated(call))
        status = tni_chat_fail(err, TENON_EXISTS, "membership",
                               "a membership with that id exists already");
    return status;
}

static tenon_status
invite_insert_row(tni_call *call, const char *message, chat_invitation *invitation,
                  tenon_error *err)
{
    tenon_value params[] = {
        tenon_id(&invitation->id),
        tenon_id(&invitation->room_id),
        tenon_id(&invitation->sender_user_id),
        tenon_id(&invitation->recipient_user_id),
        tni_chat_invitation_status(invitation->status),
        tenon_text(message),
        tenon_time(invitation->created_at_us),
        tenon_time(invitation->expires_at_us),
    };

    return tenon_exec(call->txn, &invite_insert, params, NULL, err);
}

static tenon_status
invite_create(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    const chat_new_invitation *in = (const chat_new_invitation *)arg;
    chat_invited *out = (chat_invited *)result;
    int64_t now = call->ctx->now_us;
    int64_t expires = invite_expires_at(call, in);
    tenon_status status;

    if (expires <= now)
        return invite_diagnose(call, arg, err); /* what ranks above it comes first */
    status = invite_require(call, in, err);
    if (status != TENON_OK)
        return status;
    out->membership = (chat_membership){
        .id = tni_chat_id(call),
        .room_id = in->room,
        .user_id = in->recipient,
        .role = CHAT_ROOM_MEMBER,
        .status = CHAT_MEMBERSHIP_PENDING,
        .joined_at_us = now,
    };
    out->invitation = (chat_invitation){
        .id = tni_chat_id(call),
        .room_id = in->room,
        .sender_user_id = call->ctx->actor,
        .recipient_user_id = in->recipient,
        .status = CHAT_INVITATION_PENDING,
        .created_at_us = now,
        .expires_at_us = expires,
    };
    status = tni_chat_put_membership(call, &out->membership, err);
    if (status == TENON_OK)
        status = invite_insert_row(call, in->message, &out->invitation, err);
    if (status == TENON_OK)
        status = tni_chat_audit(call, &call->ctx->actor, "invitation.create", "invitation",
                                &out->invitation.id, NULL, err);
    return status;
}

/* ---- Answering ---- */

static tenon_status
invite_update_check(const chat_context *ctx, const void *arg, tenon_error *err)
{
    uint32_t to = ((const chat_invitation_update *)arg)->status;

    (void)ctx;
    if (to <= CHAT_INVITATION_PENDING || to > CHAT_INVITATION_REVOKED)
        return tni_chat_fail(err, TENON_INVALID, "status",
                             "status must be accepted, declined, expired or revoked");
    return TENON_OK;
}

static tenon_status
invite_fetch(tenon_txn *txn, const tenon_uuid *id, chat_invitation *out, tenon_error *err)
{
    tenon_value param = tenon_id(id);
    const tenon_value *row = NULL;
    tenon_status status = tenon_fetch(txn, &invite_by_id, &param, &row, err);

    if (status == TENON_NOT_FOUND)
        return tni_chat_fail(err, TENON_NOT_FOUND, "invitation", "there is no such invitation");
    if (status == TENON_OK) {
        out->id = tenon_value_id(&row[0]);
        out->room_id = tenon_value_id(&row[1]);
        out->sender_user_id = tenon_value_id(&row[2]);
        out->recipient_user_id = tenon_value_id(&row[3]);
        out->status = tni_chat_invitation_status_number(&row[4]);
        out->created_at_us = row[5].as.i;
        out->expires_at_us = row[6].as.i;
        out->responded_at_us = row[7].type == TENON_NULL ? 0 : row[7].as.i;
    }
    return status;
}

/** Whether this actor may bring the invitation to status `to`. */
static tenon_status
invite_check_actor(const tni_call *call, const chat_invitation *invitation, uint32_t to,
                   tenon_error *err)
{
    const tenon_uuid *actor = &call->ctx->actor;
    chat_membership membership = { .status = 0 };
    tenon_status status = TENON_OK;
    bool may;

    if (to == CHAT_INVITATION_EXPIRED) {
        may = call->ctx->system;
    } else if (to != CHAT_INVITATION_REVOKED) {
        may = tni_chat_same_id(actor, &invitation->recipient_user_id);
    } else {
        may = tni_chat_same_id(actor, &invitation->sender_user_id);
        if (!may)
            status = tni_chat_membership(call->txn, &invitation->room_id, actor, &membership, err);
        may = may || (membership.status == CHAT_MEMBERSHIP_ACTIVE &&
                      (membership.role == CHAT_ROOM_OWNER || membership.role == CHAT_ROOM_ADMIN));
    }
    if (status == TENON_OK && !may)
        status = tni_chat_fail(err, TENON_DENIED, "actor", "the actor may not set it to %s",
                               chat_invitation_status_name(to));
    return status;
}

/** Whether the invitation is in a state that leads to `to`. */
static tenon_status
invite_check_state(const tni_call *call, const chat_invitation *invitation, uint32_t to,
                   tenon_error *err)
{
    bool overdue = invitation->expires_at_us <= call->ctx->now_us;

    if (invitation->status != CHAT_INVITATION_PENDING)
        return tni_chat_fail(err, TENON_CONSTRAINT, "invitation.status",
                             "the invitation is %s, no longer pending",
                             chat_invitation_status_name(invitation->status));
    if (to == CHAT_INVITATION_ACCEPTED && overdue)
        return tni_chat_fail(err, TENON_CONSTRAINT, "invitation.expires_at",
                             "the invitation has expired");
    if (to == CHAT_INVITATION_EXPIRED && !overdue)
        return tni_chat_fail(err, TENON_CONSTRAINT, "invitation.expires_at",
                             "the invitation has not expired yet");
    return TENON_OK;
}

/** Bring the membership to where the invitation is. */
static tenon_status
invite_settle(const tni_call *call, uint32_t to, chat_membership *membership, tenon_error *err)
{
    tenon_status status;

    if (membership->status != CHAT_MEMBERSHIP_PENDING)
        return tni_chat_fail(err, TENON_CORRUPT, "membership",
                             "a pending invitation has no pending membership");
    if (to == CHAT_INVITATION_ACCEPTED) {
        tenon_value params[] = { tenon_id(&membership->id),
                                 tni_chat_membership_status(CHAT_MEMBERSHIP_ACTIVE),
                                 tenon_time(call->ctx->now_us) };

        membership->status = CHAT_MEMBERSHIP_ACTIVE;
        membership->joined_at_us = call->ctx->now_us;
        status = tenon_exec(call->txn, &invite_activate, params, NULL, err);
    } else {
        membership->status = CHAT_MEMBERSHIP_REMOVED;
        status = tni_chat_remove_membership(call->txn, &membership->id, NULL, err);
    }
    return status;
}

static tenon_status
invite_update(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    static const char *const actions[] = {
        [CHAT_INVITATION_ACCEPTED] = "invitation.accept",
        [CHAT_INVITATION_DECLINED] = "invitation.decline",
        [CHAT_INVITATION_EXPIRED] = "invitation.expire",
        [CHAT_INVITATION_REVOKED] = "invitation.revoke",
    };
    const chat_invitation_update *in = (const chat_invitation_update *)arg;
    chat_invited *out = (chat_invited *)result;
    chat_invitation *invitation = &out->invitation;
    tenon_status status = invite_fetch(call->txn, &in->invitation, invitation, err);

    if (status == TENON_OK)
        status = invite_check_actor(call, invitation, in->status, err);
    if (status == TENON_OK)
        status = invite_check_state(call, invitation, in->status, err);
    if (status == TENON_OK)
        status = tni_chat_membership(call->txn, &invitation->room_id,
                                     &invitation->recipient_user_id, &out->membership, err);
    if (status == TENON_OK)
        status = invite_settle(call, in->status, &out->membership, err);
    if (status == TENON_OK)
        status = tni_chat_end_invitation(call, &invitation->id, in->status, err);
    if (status == TENON_OK)
        status = tni_chat_audit(call, tni_chat_actor(call), actions[in->status], "invitation",
                                &invitation->id, NULL, err);
    if (status == TENON_OK) {
        invitation->status = in->status;
        invitation->responded_at_us = call->ctx->now_us;
    }
    return status;
}

/* ---- The two forms ---- */

static const tni_operation invite_create_operation = {
    .name = "chat.create_invitation",
    .check = invite_create_check,
    .run = invite_create,
    .diagnose = invite_diagnose,
};
static const tni_operation invite_update_operation = {
    .name = "chat.update_invitation",
    .check = invite_update_check,
    .run = invite_update,
};

tenon_status
chat_create_invitation_with_membership(tenon_txn *txn, const chat_context *ctx,
                                       const chat_new_invitation *in, chat_invited *out,
                                       tenon_error *err)
{
    return tni_chat_within(txn, &invite_create_operation, ctx, in, out, sizeof *out, err);
}

tenon_status
chat_create_invitation_atomically(tenon_db *db, const chat_context *ctx,
                                  const chat_new_invitation *in, chat_invited *out,
                                  tenon_error *err)
{
    return tni_chat_run(db, &invite_create_operation, ctx, in, out, sizeof *out, err);
}

tenon_status
chat_update_invitation_and_membership(tenon_txn *txn, const chat_context *ctx,
                                      const chat_invitation_update *in, chat_invited *out,
                                      tenon_error *err)
{
    return tni_chat_within(txn, &invite_update_operation, ctx, in, out, sizeof *out, err);
}

tenon_status
chat_update_invitation_atomically(tenon_db *db, const chat_context *ctx,
                                  const chat_invitation_update *in, chat_invited *out,
                                  tenon_error *err)
{
    return tni_chat_run(db, &invite_update_operation, ctx, in, out, sizeof *out, err);
}
