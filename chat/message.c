/** @file message.c Messages. */
#include "internal.h"

/** Most messages of a page. */
enum { MESSAGE_MAX_PAGE = 1000 };

static const tenon_query message_room = {
    .name = "message_room",
    .kind = TENON_SELECT,
    .table = &chat_rooms,
    .columns = TENON_COLUMNS(CHAT_ROOMS_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_ID, 0), TENON_EQ_BOOL(CHAT_ROOMS_IS_ACTIVE, true)),
};
static const tenon_query message_author = {
    .name = "message_author",
    .kind = TENON_SELECT,
    .table = &chat_room_memberships,
    .columns = TENON_COLUMNS(CHAT_MEMBERSHIPS_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ROOM_ID, 0),
                         TENON_EQ(CHAT_MEMBERSHIPS_USER_ID, 1),
                         TENON_EQ_TEXT(CHAT_MEMBERSHIPS_STATUS, "active")),
};
static const tenon_query message_insert = {
    .name = "message_insert",
    .kind = TENON_INSERT,
    .table = &chat_messages,
    .columns = TENON_COLUMNS(CHAT_MESSAGES_ID, CHAT_MESSAGES_ROOM_ID, CHAT_MESSAGES_USER_ID,
                             CHAT_MESSAGES_CONTENT, CHAT_MESSAGES_MESSAGE_TYPE,
                             CHAT_MESSAGES_CREATED_AT, CHAT_MESSAGES_IS_DELETED),
};
static const tenon_query message_by_id = {
    .name = "message_by_id",
    .kind = TENON_SELECT,
    .table = &chat_messages,
    .columns = TENON_COLUMNS(CHAT_MESSAGES_ID, CHAT_MESSAGES_USER_ID, CHAT_MESSAGES_CREATED_AT,
                             CHAT_MESSAGES_EDITED_AT, CHAT_MESSAGES_IS_DELETED,
                             CHAT_MESSAGES_ROOM_ID),
    .where = TENON_WHERE(TENON_EQ(CHAT_MESSAGES_ID, 0)),
};
static const tenon_query message_update = {
    .name = "message_edit",
    .kind = TENON_UPDATE,
    .table = &chat_messages,
    .set = TENON_SET(TENON_TO(CHAT_MESSAGES_CONTENT, 1), TENON_TO(CHAT_MESSAGES_EDITED_AT, 2)),
    .where = TENON_WHERE(TENON_EQ(CHAT_MESSAGES_ID, 0)),
};
static const tenon_query message_mark_deleted = {
    .name = "message_delete",
    .kind = TENON_UPDATE,
    .table = &chat_messages,
    .set = TENON_SET(TENON_TO(CHAT_MESSAGES_CONTENT, 1), TENON_TO(CHAT_MESSAGES_IS_DELETED, 2)),
    .where = TENON_WHERE(TENON_EQ(CHAT_MESSAGES_ID, 0)),
};
static const tenon_query message_newest_first = {
    .name = "message_page",
    .kind = TENON_SELECT,
    .table = &chat_messages,
    .columns = TENON_COLUMNS(CHAT_MESSAGES_ID, CHAT_MESSAGES_USER_ID, CHAT_MESSAGES_CREATED_AT,
                             CHAT_MESSAGES_EDITED_AT, CHAT_MESSAGES_IS_DELETED,
                             CHAT_MESSAGES_CONTENT, CHAT_MESSAGES_MESSAGE_TYPE),
    .where = TENON_WHERE(TENON_EQ(CHAT_MESSAGES_ROOM_ID, 0)),
    .order = TENON_ORDER(TENON_DESC(CHAT_MESSAGES_CREATED_AT), TENON_DESC(CHAT_MESSAGES_ID)),
    .after_param = TENON_PARAM(1),
    .limit_param = TENON_PARAM(3),
};

/** The first columns of both queries; the room is known otherwise. */
static void
message_of(const tenon_value *row, chat_message *out)
{
    out->id = tenon_value_id(&row[0]);
    out->user_id = tenon_value_id(&row[1]);
    out->created_at_us = row[2].as.i;
    out->edited_at_us = row[3].type == TENON_NULL ? 0 : row[3].as.i;
    out->is_deleted = row[4].as.i != 0;
}

static tenon_status
message_fetch(tenon_txn *txn, const tenon_uuid *id, chat_message *out, tenon_error *err)
{
    tenon_value param = tenon_id(id);
    const tenon_value *row = NULL;
    tenon_status status = tenon_fetch(txn, &message_by_id, &param, &row, err);

    if (status == TENON_OK) {
        message_of(row, out);
        out->room_id = tenon_value_id(&row[5]);
    } else if (status == TENON_NOT_FOUND) {
        status = tni_chat_fail(err, TENON_NOT_FOUND, "message", "there is no such message");
    }
    return status;
}

static tenon_value
message_text(const char *content, uint32_t bytes)
{
    return bytes == 0 ? tenon_text(content) : tenon_text_n(content, bytes);
}

/* ---- Posting ---- */

static tenon_status
message_post_check(const chat_context *ctx, const void *arg, tenon_error *err)
{
    const chat_new_message *in = (const chat_new_message *)arg;
    tenon_status status = tni_chat_check_message(in->content, in->content_bytes, "content", err);

    (void)ctx;
    if (status == TENON_OK)
        status = tni_chat_check_message_type(in->message_type, "message_type", err);
    return status;
}

/** The room is there and active, the author its member. */
static tenon_status
message_require(const tni_call *call, const tenon_uuid *room, tenon_error *err)
{
    tenon_value params[] = { tenon_id(room), tenon_id(&call->ctx->actor) };
    tenon_status status = tenon_require(call->txn, &message_room, params, err);

    return status == TENON_OK ? tenon_require(call->txn, &message_author, params, err) : status;
}

static tenon_status
message_post_diagnose(tni_call *call, const void *arg, tenon_error *err)
{
    const chat_new_message *in = (const chat_new_message *)arg;
    tni_room_state room = { false, false };
    chat_membership author = { .status = 0 };
    tenon_status status = tni_chat_room_state(call->txn, &in->room, "room", &room, err);

    if (status == TENON_OK && !room.is_active)
        status = tni_chat_fail(err, TENON_CONSTRAINT, "room.is_active", "the room is not active");
    if (status == TENON_OK)
        status = tni_chat_membership(call->txn, &in->room, &call->ctx->actor, &author, err);
    if (status == TENON_OK && author.status != CHAT_MEMBERSHIP_ACTIVE)
        status = tni_chat_fail(err, TENON_DENIED, "actor", "only members may post in a room");
    if (status == TENON_OK && tni_chat_is_repeated(call))
        status = tni_chat_fail(err, TENON_EXISTS, "message",
                               "a message with that id exists already");
    return status;
}

static tenon_status
message_post(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    const chat_new_message *in = (const chat_new_message *)arg;
    chat_message *out = (chat_message *)result;
    tenon_status status = message_require(call, &in->room, err);

    if (status != TENON_OK)
        return status;
    out->id = tni_chat_id(call);
    out->room_id = in->room;
    out->user_id = call->ctx->actor;
    out->created_at_us = call->ctx->now_us;
    {
        tenon_value params[] = {
            tenon_id(&out->id),
            tenon_id(&out->room_id),
            tenon_id(&out->user_id),
            message_text(in->content, in->content_bytes),
            tenon_text(in->message_type != NULL ? in->message_type : "text"),
            tenon_time(out->created_at_us),
            tenon_bool(false),
        };

        return tenon_exec(call->txn, &message_insert, params, NULL, err);
    }
}

/* ---- Changing ---- */

static tenon_status
message_edit_check(const chat_context *ctx, const void *arg, tenon_error *err)
{
    const chat_message_edit *in = (const chat_message_edit *)arg;

    (void)ctx;
    return tni_chat_check_message(in->content, in->content_bytes, "content", err);
}

static tenon_status
message_check_not_deleted(const chat_message *message, tenon_error *err)
{
    return !message->is_deleted ? TENON_OK
                                : tni_chat_fail(err, TENON_CONSTRAINT, "message.is_deleted",
                                                "the message was deleted before");
}

static tenon_status
message_edit(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    const chat_message_edit *in = (const chat_message_edit *)arg;
    chat_message *out = (chat_message *)result;
    const tenon_uuid *actor = &call->ctx->actor;
    chat_membership author = { .status = 0 };
    tenon_status status = message_fetch(call->txn, &in->message, out, err);

    if (status == TENON_OK && tni_chat_same_id(&out->user_id, actor))
        status = tni_chat_membership(call->txn, &out->room_id, actor, &author, err);
    if (status == TENON_OK && author.status != CHAT_MEMBERSHIP_ACTIVE)
        status = tni_chat_fail(err, TENON_DENIED, "actor",
                               "only its author, as a member of the room, may edit a message");
    if (status == TENON_OK)
        status = message_check_not_deleted(out, err);
    if (status == TENON_OK) {
        tenon_value params[] = { tenon_id(&in->message),
                                 message_text(in->content, in->content_bytes),
                                 tenon_time(call->ctx->now_us) };

        out->edited_at_us = call->ctx->now_us;
        status = tenon_exec(call->txn, &message_update, params, NULL, err);
    }
    return status;
}

static tenon_status
message_delete(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    const tenon_uuid *id = (const tenon_uuid *)arg;
    chat_message *out = (chat_message *)result;
    const tenon_uuid *actor = &call->ctx->actor;
    chat_membership membership = { .status = 0 };
    tenon_status status = message_fetch(call->txn, id, out, err);
    bool may = call->ctx->system || tni_chat_same_id(&out->user_id, actor);

    if (status == TENON_OK && !may)
        status = tni_chat_membership(call->txn, &out->room_id, actor, &membership, err);
    may = may || (membership.status == CHAT_MEMBERSHIP_ACTIVE &&
                  (membership.role == CHAT_ROOM_OWNER || membership.role == CHAT_ROOM_ADMIN));
    if (status == TENON_OK && !may)
        status = tni_chat_fail(err, TENON_DENIED, "actor",
                               "only its author, an owner or admin may delete a message");
    if (status == TENON_OK)
        status = message_check_not_deleted(out, err);
    if (status == TENON_OK) {
        tenon_value params[] = { tenon_id(id), tenon_text(""), tenon_bool(true) };

        out->is_deleted = true;
        status = tenon_exec(call->txn, &message_mark_deleted, params, NULL, err);
    }
    if (status == TENON_OK)
        status = tni_chat_audit(call, tni_chat_actor(call), "message.delete", "message", id, NULL,
                                err);
    return status;
}

/* ---- Reading ---- */

/** A page, and whom to tell. */
typedef struct message_reading {
    const chat_page *page;
    chat_message_fn fn;
    void *arg;
} message_reading;

static tenon_status
message_page_check(const chat_context *ctx, const void *arg, tenon_error *err)
{
    uint32_t limit = ((const message_reading *)arg)->page->limit;

    (void)ctx;
    if (limit < 1 || limit > MESSAGE_MAX_PAGE)
        return tni_chat_fail(err, TENON_INVALID, "limit", "limit must be 1 to %d",
                             MESSAGE_MAX_PAGE);
    return TENON_OK;
}

static tenon_status
message_tell(const message_reading *in, const tenon_value *row, chat_position *last)
{
    chat_message_row told = {
        .message.room_id = in->page->room,
        .content = (const char *)row[5].as.data,
        .content_bytes = row[5].len,
        .message_type = (const char *)row[6].as.data,
        .message_type_bytes = row[6].len,
    };

    message_of(row, &told.message);
    last->created_at_us = told.message.created_at_us;
    last->id = told.message.id;
    return in->fn(in->arg, &told);
}

static tenon_status
message_page(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    const message_reading *in = (const message_reading *)arg;
    const chat_position *after = &in->page->after;
    bool first = after->created_at_us == 0 && tni_chat_no_id(&after->id);
    tenon_value params[] = {
        tenon_id(&in->page->room),
        first ? tenon_null() : tenon_time(after->created_at_us),
        first ? tenon_null() : tenon_id(&after->id),
        tenon_int(in->page->limit),
    };
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    tenon_status status = tni_chat_may_read(call, &in->page->room, err);

    if (status == TENON_OK)
        status = tenon_select(call->txn, &message_newest_first, params, &cursor, err);
    while (status == TENON_OK) {
        status = tenon_next(cursor, &row, err);
        if (status == TENON_NOT_FOUND) {
            status = TENON_OK;
            break;
        }
        if (status == TENON_OK)
            status = message_tell(in, row, (chat_position *)result);
    }
    tenon_cursor_close(cursor);
    return status;
}

/* ---- The two forms ---- */

static const tni_operation message_post_operation = {
    .name = "chat.post_message",
    .check = message_post_check,
    .run = message_post,
    .diagnose = message_post_diagnose,
};
static const tni_operation message_edit_operation = {
    .name = "chat.edit_message",
    .check = message_edit_check,
    .run = message_edit,
};
static const tni_operation message_delete_operation = {
    .name = "chat.delete_message",
    .run = message_delete,
};
static const tni_operation message_page_operation = {
    .name = "chat.page_messages",
    .check = message_page_check,
    .run = message_page,
    .read_only = true,
};

tenon_status
chat_post_message(tenon_txn *txn, const chat_context *ctx, const chat_new_message *in,
                  chat_message *out, tenon_error *err)
{
    return tni_chat_within(txn, &message_post_operation, ctx, in, out, sizeof *out, err);
}

tenon_status
chat_post_message_atomically(tenon_db *db, const chat_context *ctx, const chat_new_message *in,
                             chat_message *out, tenon_error *err)
{
    return tni_chat_run(db, &message_post_operation, ctx, in, out, sizeof *out, err);
}

tenon_status
chat_edit_message(tenon_txn *txn, const chat_context *ctx, const chat_message_edit *in,
                  chat_message *out, tenon_error *err)
{
    return tni_chat_within(txn, &message_edit_operation, ctx, in, out, sizeof *out, err);
}

tenon_status
chat_edit_message_atomically(tenon_db *db, const chat_context *ctx, const chat_message_edit *in,
                             chat_message *out, tenon_error *err)
{
    return tni_chat_run(db, &message_edit_operation, ctx, in, out, sizeof *out, err);
}

tenon_status
chat_delete_message(tenon_txn *txn, const chat_context *ctx, const tenon_uuid *message,
                    chat_message *out, tenon_error *err)
{
    return tni_chat_within(txn, &message_delete_operation, ctx, message, out, sizeof *out, err);
}

tenon_status
chat_delete_message_atomically(tenon_db *db, const chat_context *ctx, const tenon_uuid *message,
                               chat_message *out, tenon_error *err)
{
    return tni_chat_run(db, &message_delete_operation, ctx, message, out, sizeof *out, err);
}

tenon_status
chat_page_messages(tenon_txn *txn, const chat_context *ctx, const chat_page *in, chat_message_fn fn,
                   void *arg, chat_position *next, tenon_error *err)
{
    message_reading reading = { in, fn, arg };

    return tni_chat_within(txn, &message_page_operation, ctx,
                           in == NULL || fn == NULL ? NULL : &reading, next, sizeof *next, err);
}

tenon_status
chat_page_messages_atomically(tenon_db *db, const chat_context *ctx, const chat_page *in,
                              chat_message_fn fn, void *arg, chat_position *next, tenon_error *err)
{
    message_reading reading = { in, fn, arg };

    return tni_chat_run(db, &message_page_operation, ctx,
                        in == NULL || fn == NULL ? NULL : &reading, next, sizeof *next, err);
}
