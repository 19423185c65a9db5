/** @file room.c Creating a room. */
#include "internal.h"

static const tenon_query room_insert = {
    .name = "room_insert",
    .kind = TENON_INSERT,
    .table = &chat_rooms,
    .columns = TENON_COLUMNS(CHAT_ROOMS_ID, CHAT_ROOMS_NAME, CHAT_ROOMS_DESCRIPTION,
                             CHAT_ROOMS_IS_PUBLIC, CHAT_ROOMS_CREATED_BY, CHAT_ROOMS_CREATED_AT,
                             CHAT_ROOMS_UPDATED_AT, CHAT_ROOMS_IS_ACTIVE),
};

static const tenon_query room_creator = {
    .name = "room_creator",
    .kind = TENON_SELECT,
    .table = &chat_users,
    .columns = TENON_COLUMNS(CHAT_USERS_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0), TENON_EQ_BOOL(CHAT_USERS_IS_ACTIVE, true),
                         TENON_NE(CHAT_USERS_ROLE, 1)),
};
static const tenon_query room_count_name = {
    .name = "room_name_taken",
    .kind = TENON_COUNT,
    .table = &chat_rooms,
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_NAME, 0)),
};

static tenon_status
room_check(const chat_context *ctx, const void *arg, tenon_error *err)
{
    const chat_new_room *in = (const chat_new_room *)arg;
    tenon_status status = tni_chat_check_room_name(in->name, "name", err);

    (void)ctx;
    if (status == TENON_OK)
        status = tni_chat_check_description(in->description, "description", err);
    return status;
}

static tenon_status
room_require_creator(const tni_call *call, tenon_error *err)
{
    tenon_value params[] = { tenon_id(&call->ctx->actor), tni_chat_user_role(CHAT_USER_GUEST) };

    return tenon_require(call->txn, &room_creator, params, err);
}

/** The creator exists, is active, is no guest; the name is free. */
static tenon_status
room_diagnose(tni_call *call, const void *arg, tenon_error *err)
{
    const chat_new_room *in = (const chat_new_room *)arg;
    tenon_value name = tenon_text(in->name);
    tni_user_state state = { false, 0 };
    uint64_t found = 0;
    tenon_status status = tni_chat_user_state(call->txn, &call->ctx->actor, "creator", &state, err);

    if (status == TENON_OK && !state.is_active)
        status = tni_chat_fail(err, TENON_DENIED, "creator.is_active", "the creator is not active");
    if (status == TENON_OK && state.role == CHAT_USER_GUEST)
        status = tni_chat_fail(err, TENON_DENIED, "creator.role", "guests may not create rooms");
    if (status == TENON_OK)
        status = tenon_count(call->txn, &room_count_name, &name, &found, err);
    if (status == TENON_OK && found > 0)
        status = tni_chat_fail(err, TENON_EXISTS, "name", "that room name is taken");
    if (status == TENON_OK && tni_chat_is_repeated(call))
        status = tni_chat_fail(err, TENON_EXISTS, "room", "a room with that id exists already");
    return status;
}

static tenon_status
room_insert_row(tni_call *call, const chat_new_room *in, chat_room *room, tenon_error *err)
{
    tenon_value now = tenon_time(call->ctx->now_us);

    room->id = tni_chat_id(call);
    room->created_by = call->ctx->actor;
    room->is_public = in->is_public;
    room->is_active = true;
    memcpy(room->name, in->name, strlen(in->name) + 1);
    if (in->description != NULL)
        memcpy(room->description, in->description, strlen(in->description) + 1);
    room->created_at_us = room->updated_at_us = call->ctx->now_us;
    {
        tenon_value params[] = {
            tenon_id(&room->id),
            tenon_text(in->name),
            tni_chat_optional_text(in->description),
            tenon_bool(in->is_public),
            tenon_id(&room->created_by),
            now,
            now,
            tenon_bool(true),
        };

        return tenon_exec(call->txn, &room_insert, params, NULL, err);
    }
}

static tenon_status
room_create(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    const chat_new_room *in = (const chat_new_room *)arg;
    chat_created_room *out = (chat_created_room *)result;
    tenon_status status = room_require_creator(call, err);

    if (status == TENON_OK)
        status = room_insert_row(call, in, &out->room, err);
    if (status == TENON_OK) {
        out->membership = (chat_membership){
            .id = tni_chat_id(call),
            .room_id = out->room.id,
            .user_id = call->ctx->actor,
            .role = CHAT_ROOM_OWNER,
            .status = CHAT_MEMBERSHIP_ACTIVE,
            .joined_at_us = call->ctx->now_us,
        };
        status = tni_chat_put_membership(call, &out->membership, err);
    }
    return status;
}

static tenon_status
room_run(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    chat_created_room *out = (chat_created_room *)result;
    tenon_status status = room_create(call, arg, result, err);

    if (status == TENON_OK)
        status = tni_chat_audit(call, &call->ctx->actor, "room.create", "room", &out->room.id, NULL,
                                err);
    return status;
}

static const tni_operation room_operation = {
    .name = "chat.create_room",
    .check = room_check,
    .run = room_run,
    .diagnose = room_diagnose,
};

const tni_operation tni_chat_room_part = {
    .name = "chat.create_room",
    .run = room_create,
    .diagnose = room_diagnose,
};

tenon_status
chat_create_room_with_membership(tenon_txn *txn, const chat_context *ctx, const chat_new_room *in,
                                 chat_created_room *out, tenon_error *err)
{
    return tni_chat_within(txn, &room_operation, ctx, in, out, sizeof *out, err);
}

tenon_status
chat_create_room_atomically(tenon_db *db, const chat_context *ctx, const chat_new_room *in,
                            chat_created_room *out, tenon_error *err)
{
    return tni_chat_run(db, &room_operation, ctx, in, out, sizeof *out, err);
}
