/** @file list.c Finding and listing users, rooms and memberships. */
#include "internal.h"

static const tenon_query list_user_by_name = {
    .name = "user_by_name",
    .kind = TENON_SELECT,
    .table = &chat_users,
    .columns = TNI_USER_COLUMNS,
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_USERNAME_KEY, 0)),
};
static const tenon_query list_room_by_name = {
    .name = "room_by_name",
    .kind = TENON_SELECT,
    .table = &chat_rooms,
    .columns = TNI_ROOM_COLUMNS,
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_NAME, 0)),
};
static const tenon_query list_of_user = {
    .name = "memberships_of_user",
    .kind = TENON_SELECT,
    .table = &chat_room_memberships,
    .columns = TNI_MEMBERSHIP_COLUMNS,
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_USER_ID, 0)),
    .order = TENON_ORDER(TENON_ASC(CHAT_MEMBERSHIPS_ID)),
};
static const tenon_query list_of_room = {
    .name = "memberships_of_room",
    .kind = TENON_SELECT,
    .table = &chat_room_memberships,
    .columns = TNI_MEMBERSHIP_COLUMNS,
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ROOM_ID, 0)),
    .order = TENON_ORDER(TENON_ASC(CHAT_MEMBERSHIPS_USER_ID)),
};

/* ---- By id ---- */

static tenon_status
list_missing(const void *a, const void *b, const char *name, tenon_error *err)
{
    return a != NULL && b != NULL
               ? TENON_OK
               : tni_chat_fail(err, TENON_MISUSE, name, "%s: a null pointer was given", name);
}

tenon_status
chat_find_user(tenon_txn *txn, const tenon_uuid *id, chat_user *out, tenon_error *err)
{
    tenon_status status = list_missing(id, out, "chat_find_user", err);

    if (status == TENON_OK) {
        memset(out, 0, sizeof *out);
        status = tni_chat_user(txn, id, "user", out, err);
    }
    return status;
}

tenon_status
chat_find_room(tenon_txn *txn, const tenon_uuid *id, chat_room *out, tenon_error *err)
{
    tenon_status status = list_missing(id, out, "chat_find_room", err);

    if (status == TENON_OK) {
        memset(out, 0, sizeof *out);
        status = tni_chat_room(txn, id, "room", out, err);
    }
    return status;
}

tenon_status
chat_find_membership(tenon_txn *txn, const tenon_uuid *room, const tenon_uuid *user,
                     chat_membership *out, tenon_error *err)
{
    tenon_status status = list_missing(room, user, "chat_find_membership", err);

    if (status == TENON_OK)
        status = list_missing(out, out, "chat_find_membership", err);
    if (status != TENON_OK)
        return status;
    memset(out, 0, sizeof *out);
    status = tni_chat_membership(txn, room, user, out, err);
    if (status == TENON_OK && out->status == 0)
        status = tni_chat_fail(err, TENON_NOT_FOUND, "membership", "the user is not in the room");
    return status;
}

/* ---- By name ---- */

static tenon_status
list_user_check(const chat_context *ctx, const void *name, tenon_error *err)
{
    (void)ctx;
    return tni_chat_check_username((const char *)name, "username", err);
}

static tenon_status
list_user_run(tni_call *call, const void *name, void *out, tenon_error *err)
{
    char key[CHAT_MAX_USERNAME_BYTES + 1];
    const tenon_value *row = NULL;
    tenon_value param;
    tenon_status status;

    tni_chat_make_key((const char *)name, key);
    param = tenon_text(key);
    status = tenon_fetch(call->txn, &list_user_by_name, &param, &row, err);
    if (status == TENON_OK)
        tni_chat_user_of(row, (chat_user *)out);
    else if (status == TENON_NOT_FOUND)
        status = tni_chat_fail(err, TENON_NOT_FOUND, "user", "there is no user of that name");
    return status;
}

static tenon_status
list_room_check(const chat_context *ctx, const void *name, tenon_error *err)
{
    (void)ctx;
    return tni_chat_check_room_name((const char *)name, "name", err);
}

static tenon_status
list_room_run(tni_call *call, const void *name, void *out, tenon_error *err)
{
    tenon_value param = tenon_text((const char *)name);
    const tenon_value *row = NULL;
    tenon_status status = tenon_fetch(call->txn, &list_room_by_name, &param, &row, err);

    if (status == TENON_OK)
        tni_chat_room_of(row, (chat_room *)out);
    else if (status == TENON_NOT_FOUND)
        status = tni_chat_fail(err, TENON_NOT_FOUND, "room", "there is no room of that name");
    return status;
}

static const tni_operation list_user_operation = {
    .name = "chat.find_user_by_name",
    .check = list_user_check,
    .run = list_user_run,
    .read_only = true,
    .anonymous = true,
};
static const tni_operation list_room_operation = {
    .name = "chat.find_room_by_name",
    .check = list_room_check,
    .run = list_room_run,
    .read_only = true,
    .anonymous = true,
};

tenon_status
chat_find_user_by_name(tenon_txn *txn, const char *username, chat_user *out, tenon_error *err)
{
    return tni_chat_within(txn, &list_user_operation, NULL, username, out, sizeof *out, err);
}

tenon_status
chat_find_user_by_name_atomically(tenon_db *db, const char *username, chat_user *out,
                                  tenon_error *err)
{
    return tni_chat_run(db, &list_user_operation, NULL, username, out, sizeof *out, err);
}

tenon_status
chat_find_room_by_name(tenon_txn *txn, const char *name, chat_room *out, tenon_error *err)
{
    return tni_chat_within(txn, &list_room_operation, NULL, name, out, sizeof *out, err);
}

tenon_status
chat_find_room_by_name_atomically(tenon_db *db, const char *name, chat_room *out, tenon_error *err)
{
    return tni_chat_run(db, &list_room_operation, NULL, name, out, sizeof *out, err);
}

/* ---- Lists ---- */

/** Of whom or what, and whom to tell: one of the two functions. */
typedef struct list_reading {
    const tenon_uuid *id;
    chat_room_fn room_fn;
    chat_member_fn member_fn;
    void *arg;
} list_reading;

/** Tell of one membership, with what stands at its other end. */
static tenon_status
list_tell(const tni_call *call, const list_reading *in, const chat_membership *membership,
          tenon_error *err)
{
    chat_room room;
    chat_user user;
    tenon_status status;

    if (in->room_fn != NULL) {
        status = tni_chat_room(call->txn, &membership->room_id, "room", &room, err);
        if (status == TENON_OK)
            status = in->room_fn(in->arg, &room, membership);
    } else {
        status = tni_chat_user(call->txn, &membership->user_id, "user", &user, err);
        if (status == TENON_OK)
            status = in->member_fn(in->arg, &user, membership);
    }
    return status;
}

static tenon_status
list_read(const tni_call *call, const list_reading *in, const tenon_query *query, tenon_error *err)
{
    tenon_value param = tenon_id(in->id);
    chat_membership membership;
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    tenon_status status = tenon_select(call->txn, query, &param, &cursor, err);

    while (status == TENON_OK) {
        status = tenon_next(cursor, &row, err);
        if (status == TENON_NOT_FOUND) {
            status = TENON_OK;
            break;
        }
        if (status == TENON_OK) {
            tni_chat_membership_of(row, &membership);
            status = list_tell(call, in, &membership, err);
        }
    }
    tenon_cursor_close(cursor);
    return status;
}

static tenon_status
list_rooms_run(tni_call *call, const void *arg, void *out, tenon_error *err)
{
    const list_reading *in = (const list_reading *)arg;
    tni_user_state state = { false, 0 };
    tenon_status status = tni_chat_may_act_for(call, in->id, err);

    (void)out;
    if (status == TENON_OK)
        status = tni_chat_user_state(call->txn, in->id, "user", &state, err);
    return status == TENON_OK ? list_read(call, in, &list_of_user, err) : status;
}

static tenon_status
list_members_run(tni_call *call, const void *arg, void *out, tenon_error *err)
{
    const list_reading *in = (const list_reading *)arg;
    tenon_status status = tni_chat_may_read(call, in->id, err);

    (void)out;
    return status == TENON_OK ? list_read(call, in, &list_of_room, err) : status;
}

static const tni_operation list_rooms_operation = {
    .name = "chat.list_rooms",
    .run = list_rooms_run,
    .read_only = true,
};
static const tni_operation list_members_operation = {
    .name = "chat.list_members",
    .run = list_members_run,
    .read_only = true,
};

tenon_status
chat_list_rooms(tenon_txn *txn, const chat_context *ctx, const tenon_uuid *user, chat_room_fn fn,
                void *arg, tenon_error *err)
{
    list_reading in = { .id = user, .room_fn = fn, .arg = arg };

    return tni_chat_within(txn, &list_rooms_operation, ctx, user == NULL || fn == NULL ? NULL : &in,
                           NULL, 0, err);
}

tenon_status
chat_list_rooms_atomically(tenon_db *db, const chat_context *ctx, const tenon_uuid *user,
                           chat_room_fn fn, void *arg, tenon_error *err)
{
    list_reading in = { .id = user, .room_fn = fn, .arg = arg };

    return tni_chat_run(db, &list_rooms_operation, ctx, user == NULL || fn == NULL ? NULL : &in,
                        NULL, 0, err);
}

tenon_status
chat_list_members(tenon_txn *txn, const chat_context *ctx, const tenon_uuid *room,
                  chat_member_fn fn, void *arg, tenon_error *err)
{
    list_reading in = { .id = room, .member_fn = fn, .arg = arg };

    return tni_chat_within(txn, &list_members_operation, ctx,
                           room == NULL || fn == NULL ? NULL : &in, NULL, 0, err);
}

tenon_status
chat_list_members_atomically(tenon_db *db, const chat_context *ctx, const tenon_uuid *room,
                             chat_member_fn fn, void *arg, tenon_error *err)
{
    list_reading in = { .id = room, .member_fn = fn, .arg = arg };

    return tni_chat_run(db, &list_members_operation, ctx, room == NULL || fn == NULL ? NULL : &in,
                        NULL, 0, err);
}
