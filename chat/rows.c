/** @file rows.c Rows as structs, texts as numbers, and the reads that several operations make. */
#include "internal.h"

/* ---- Names ---- */

#define ROWS_COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

/** Place 0 is no name. */
static const char *const rows_user_roles[] = { "?", "admin", "moderator", "user", "guest" };
static const char *const rows_room_roles[] = { "?", "owner", "admin", "member" };
static const char *const rows_membership_statuses[] = { "?", "pending", "active", "removed" };
static const char *const rows_invitation_statuses[] = { "?",        "pending", "accepted",
                                                        "declined", "expired", "revoked" };

static const char *
rows_name(const char *const *names, uint32_t count, uint32_t number)
{
    return names[number < count ? number : 0];
}

/** The number of a text; 0 where it is none of the names. */
static uint32_t
rows_number(const char *const *names, uint32_t count, const tenon_value *text)
{
    const char *bytes = (const char *)text->as.data;

    for (uint32_t i = 1; i < count && text->type == TENON_TEXT; i++)
        if (strncmp(names[i], bytes, text->len) == 0 && names[i][text->len] == '\0')
            return i;
    return 0;
}

const char *
chat_user_role_name(uint32_t role)
{
    return rows_name(rows_user_roles, ROWS_COUNT(rows_user_roles), role);
}

const char *
chat_room_role_name(uint32_t role)
{
    return rows_name(rows_room_roles, ROWS_COUNT(rows_room_roles), role);
}

const char *
chat_membership_status_name(uint32_t status)
{
    return rows_name(rows_membership_statuses, ROWS_COUNT(rows_membership_statuses), status);
}

const char *
chat_invitation_status_name(uint32_t status)
{
    return rows_name(rows_invitation_statuses, ROWS_COUNT(rows_invitation_statuses), status);
}

tenon_value
tni_chat_user_role(uint32_t role)
{
    return tenon_text(chat_user_role_name(role));
}

tenon_value
tni_chat_room_role(uint32_t role)
{
    return tenon_text(chat_room_role_name(role));
}

tenon_value
tni_chat_membership_status(uint32_t status)
{
    return tenon_text(chat_membership_status_name(status));
}

tenon_value
tni_chat_invitation_status(uint32_t status)
{
    return tenon_text(chat_invitation_status_name(status));
}

uint32_t
tni_chat_room_role_number(const tenon_value *text)
{
    return rows_number(rows_room_roles, ROWS_COUNT(rows_room_roles), text);
}

uint32_t
tni_chat_invitation_status_number(const tenon_value *text)
{
    return rows_number(rows_invitation_statuses, ROWS_COUNT(rows_invitation_statuses), text);
}

/* ---- Rows ---- */

void
tni_chat_copy_text(char *out, size_t out_bytes, const tenon_value *text)
{
    size_t len = text->type != TENON_TEXT ? 0 : text->len < out_bytes ? text->len : out_bytes - 1;

    if (len > 0)
        memcpy(out, text->as.data, len);
    out[len] = '\0';
}

tenon_value
tni_chat_optional_text(const char *text)
{
    return text == NULL || text[0] == '\0' ? tenon_null() : tenon_text(text);
}

void
tni_chat_user_of(const tenon_value *row, chat_user *out)
{
    out->id = tenon_value_id(&row[0]);
    tni_chat_copy_text(out->username, sizeof out->username, &row[1]);
    tni_chat_copy_text(out->email, sizeof out->email, &row[2]);
    out->role = rows_number(rows_user_roles, ROWS_COUNT(rows_user_roles), &row[3]);
    out->created_at_us = row[4].as.i;
    out->updated_at_us = row[5].as.i;
    out->last_seen_us = row[6].type == TENON_NULL ? 0 : row[6].as.i;
    out->is_active = row[7].as.i != 0;
}

void
tni_chat_room_of(const tenon_value *row, chat_room *out)
{
    out->id = tenon_value_id(&row[0]);
    tni_chat_copy_text(out->name, sizeof out->name, &row[1]);
    tni_chat_copy_text(out->description, sizeof out->description, &row[2]);
    out->is_public = row[3].as.i != 0;
    out->created_by = tenon_value_id(&row[4]);
    out->created_at_us = row[5].as.i;
    out->updated_at_us = row[6].as.i;
    out->is_active = row[7].as.i != 0;
}

void
tni_chat_membership_of(const tenon_value *row, chat_membership *out)
{
    out->id = tenon_value_id(&row[0]);
    out->room_id = tenon_value_id(&row[1]);
    out->user_id = tenon_value_id(&row[2]);
    out->role = tni_chat_room_role_number(&row[3]);
    out->status = rows_number(rows_membership_statuses, ROWS_COUNT(rows_membership_statuses),
                              &row[4]);
    out->joined_at_us = row[5].as.i;
}

/* ---- Reads ---- */

static const tenon_query rows_user = {
    .name = "user_by_id",
    .kind = TENON_SELECT,
    .table = &chat_users,
    .columns = TNI_USER_COLUMNS,
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0)),
};
static const tenon_query rows_user_state = {
    .name = "user_state",
    .kind = TENON_SELECT,
    .table = &chat_users,
    .columns = TENON_COLUMNS(CHAT_USERS_IS_ACTIVE, CHAT_USERS_ROLE),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0)),
};
static const tenon_query rows_room = {
    .name = "room_by_id",
    .kind = TENON_SELECT,
    .table = &chat_rooms,
    .columns = TNI_ROOM_COLUMNS,
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_ID, 0)),
};
static const tenon_query rows_room_state = {
    .name = "room_state",
    .kind = TENON_SELECT,
    .table = &chat_rooms,
    .columns = TENON_COLUMNS(CHAT_ROOMS_IS_ACTIVE, CHAT_ROOMS_IS_PUBLIC),
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_ID, 0)),
};
static const tenon_query rows_membership_status = {
    .name = "membership_status",
    .kind = TENON_SELECT,
    .table = &chat_room_memberships,
    .columns = TENON_COLUMNS(CHAT_MEMBERSHIPS_STATUS),
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ROOM_ID, 0),
                         TENON_EQ(CHAT_MEMBERSHIPS_USER_ID, 1)),
};
static const tenon_query rows_room_visible = {
    .name = "room_visible",
    .kind = TENON_SELECT,
    .table = &chat_rooms,
    .columns = TENON_COLUMNS(CHAT_ROOMS_IS_PUBLIC),
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_ID, 0)),
};
static const tenon_query rows_membership = {
    .name = "membership_by_room_and_user",
    .kind = TENON_SELECT,
    .table = &chat_room_memberships,
    .columns = TNI_MEMBERSHIP_COLUMNS,
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ROOM_ID, 0),
                         TENON_EQ(CHAT_MEMBERSHIPS_USER_ID, 1)),
};

/** The row with an id. */
static tenon_status
rows_by_id(tenon_txn *txn, const tenon_query *query, const tenon_uuid *id, const char *object,
           const tenon_value **row, tenon_error *err)
{
    tenon_value param = tenon_id(id);
    tenon_status status = tenon_fetch(txn, query, &param, row, err);

    if (status == TENON_NOT_FOUND)
        return tni_chat_fail(err, TENON_NOT_FOUND, object, "there is no such %s", object);
    return status;
}

tenon_status
tni_chat_user(tenon_txn *txn, const tenon_uuid *id, const char *object, chat_user *out,
              tenon_error *err)
{
    const tenon_value *row = NULL;
    tenon_status status = rows_by_id(txn, &rows_user, id, object, &row, err);

    if (status == TENON_OK)
        tni_chat_user_of(row, out);
    return status;
}

tenon_status
tni_chat_room(tenon_txn *txn, const tenon_uuid *id, const char *object, chat_room *out,
              tenon_error *err)
{
    const tenon_value *row = NULL;
    tenon_status status = rows_by_id(txn, &rows_room, id, object, &row, err);

    if (status == TENON_OK)
        tni_chat_room_of(row, out);
    return status;
}

tenon_status
tni_chat_user_state(tenon_txn *txn, const tenon_uuid *id, const char *object, tni_user_state *out,
                    tenon_error *err)
{
    const tenon_value *row = NULL;
    tenon_status status = rows_by_id(txn, &rows_user_state, id, object, &row, err);

    if (status == TENON_OK) {
        out->is_active = row[0].as.i != 0;
        out->role = rows_number(rows_user_roles, ROWS_COUNT(rows_user_roles), &row[1]);
    }
    return status;
}

tenon_status
tni_chat_room_state(tenon_txn *txn, const tenon_uuid *id, const char *object, tni_room_state *out,
                    tenon_error *err)
{
    const tenon_value *row = NULL;
    tenon_status status = rows_by_id(txn, &rows_room_state, id, object, &row, err);

    if (status == TENON_OK) {
        out->is_active = row[0].as.i != 0;
        out->is_public = row[1].as.i != 0;
    }
    return status;
}

tenon_status
tni_chat_membership(tenon_txn *txn, const tenon_uuid *room, const tenon_uuid *user,
                    chat_membership *out, tenon_error *err)
{
    tenon_value params[] = { tenon_id(room), tenon_id(user) };
    const tenon_value *row = NULL;
    tenon_status status = tenon_fetch(txn, &rows_membership, params, &row, err);

    if (status == TENON_OK) {
        tni_chat_membership_of(row, out);
    } else if (status == TENON_NOT_FOUND) {
        memset(out, 0, sizeof *out);
        status = TENON_OK;
    }
    return status;
}

/* ---- Permissions ---- */

tenon_status
tni_chat_may_act_for(const tni_call *call, const tenon_uuid *user, tenon_error *err)
{
    const tenon_uuid *actor = tni_chat_actor(call);
    tni_user_state state = { false, 0 };
    tenon_status status = TENON_OK;

    if (call->ctx->system || (actor != NULL && user != NULL && tni_chat_same_id(actor, user)))
        return TENON_OK;
    if (actor != NULL)
        status = tni_chat_user_state(call->txn, actor, "actor", &state, err);
    if (status != TENON_OK && status != TENON_NOT_FOUND)
        return status;
    if (!state.is_active || state.role != CHAT_USER_ADMIN)
        return tni_chat_fail(err, TENON_DENIED, "actor", "only an administrator may do that%s",
                             user == NULL ? "" : " to another user");
    return TENON_OK;
}

tenon_status
tni_chat_may_read(const tni_call *call, const tenon_uuid *room, tenon_error *err)
{
    tenon_value params[] = { tenon_id(room), tenon_id(&call->ctx->actor) };
    const tenon_value *row = NULL;
    bool may = call->ctx->system;
    tenon_status status = rows_by_id(call->txn, &rows_room_visible, room, "room", &row, err);

    if (status != TENON_OK || may || row[0].as.i != 0)
        return status;
    status = tenon_fetch(call->txn, &rows_membership_status, params, &row, err);
    if (status == TENON_OK)
        may = rows_number(rows_membership_statuses, ROWS_COUNT(rows_membership_statuses),
                          &row[0]) == CHAT_MEMBERSHIP_ACTIVE;
    if ((status == TENON_OK || status == TENON_NOT_FOUND) && !may)
        status = tni_chat_fail(err, TENON_DENIED, "actor", "only members may read this room");
    return status;
}
