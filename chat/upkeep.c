/** @file upkeep.c Renaming, clean-up, counts. */
#include <inttypes.h>
#include <stdio.h>

#include "internal.h"

/* ---- Renaming ---- */

static const tenon_query upkeep_rename = {
    .name = "user_rename",
    .kind = TENON_UPDATE,
    .table = &chat_users,
    .set = TENON_SET(TENON_TO(CHAT_USERS_USERNAME, 1), TENON_TO(CHAT_USERS_USERNAME_KEY, 2),
                     TENON_TO(CHAT_USERS_UPDATED_AT, 3)),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0)),
};

static tenon_status
upkeep_rename_check(const chat_context *ctx, const void *arg, tenon_error *err)
{
    (void)ctx;
    return tni_chat_check_username(((const chat_rename *)arg)->username, "username", err);
}

static tenon_status
upkeep_rename_run(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    const chat_rename *in = (const chat_rename *)arg;
    chat_user *out = (chat_user *)result;
    char key[CHAT_MAX_USERNAME_BYTES + 1];
    uint64_t affected = 0;
    tenon_status status = tni_chat_may_act_for(call, &in->user, err);

    if (status == TENON_OK)
        status = tni_chat_user(call->txn, &in->user, "user", out, err);
    if (status == TENON_OK) {
        tenon_value params[4];

        tni_chat_make_key(in->username, key);
        params[0] = tenon_id(&in->user);
        params[1] = tenon_text(in->username);
        params[2] = tenon_text(key);
        params[3] = tenon_time(call->ctx->now_us);
        status = tenon_exec(call->txn, &upkeep_rename, params, &affected, err);
    }
    if (status == TENON_EXISTS)
        status = tni_chat_fail(err, TENON_EXISTS, "username", "that user name is taken");
    if (status == TENON_OK)
        status = tni_chat_audit(call, tni_chat_actor(call), "user.rename", "user", &in->user, NULL,
                                err);
    if (status == TENON_OK) {
        memcpy(out->username, in->username, strlen(in->username) + 1);
        out->updated_at_us = call->ctx->now_us;
    }
    return status;
}

static const tni_operation upkeep_rename_operation = {
    .name = "chat.rename_user",
    .check = upkeep_rename_check,
    .run = upkeep_rename_run,
};

tenon_status
chat_rename_user(tenon_txn *txn, const chat_context *ctx, const chat_rename *in, chat_user *out,
                 tenon_error *err)
{
    return tni_chat_within(txn, &upkeep_rename_operation, ctx, in, out, sizeof *out, err);
}

tenon_status
chat_rename_user_atomically(tenon_db *db, const chat_context *ctx, const chat_rename *in,
                            chat_user *out, tenon_error *err)
{
    return tni_chat_run(db, &upkeep_rename_operation, ctx, in, out, sizeof *out, err);
}

/* ---- Clean-up ---- */

/** Rows that are collected before any is changed. */
enum { UPKEEP_CHUNK = 64 };

static const tenon_query upkeep_expired_sessions = {
    .name = "session_expired",
    .kind = TENON_SELECT,
    .table = &chat_sessions,
    .columns = TENON_COLUMNS(CHAT_SESSIONS_ID),
    .where = TENON_WHERE(TENON_LE(CHAT_SESSIONS_EXPIRES_AT, 0)),
    .order = TENON_ORDER(TENON_ASC(CHAT_SESSIONS_EXPIRES_AT)),
    .limit_param = TENON_PARAM(1),
};
static const tenon_query upkeep_delete_session = {
    .name = "session_delete",
    .kind = TENON_DELETE,
    .table = &chat_sessions,
    .where = TENON_WHERE(TENON_EQ(CHAT_SESSIONS_ID, 0)),
};
static const tenon_query upkeep_overdue = {
    .name = "invitation_overdue",
    .kind = TENON_SELECT,
    .table = &chat_invitations,
    .columns = TENON_COLUMNS(CHAT_INVITATIONS_ID, CHAT_INVITATIONS_ROOM_ID,
                             CHAT_INVITATIONS_RECIPIENT_USER_ID),
    .where = TENON_WHERE(TENON_EQ_TEXT(CHAT_INVITATIONS_STATUS, "pending"),
                         TENON_LE(CHAT_INVITATIONS_EXPIRES_AT, 0)),
    .order = TENON_ORDER(TENON_ASC(CHAT_INVITATIONS_EXPIRES_AT)),
    .limit_param = TENON_PARAM(1),
};

/** Ends one row, by the ids that its query gave. */
typedef tenon_status (*upkeep_end_fn)(tni_call *call, const tenon_uuid ids[3], tenon_error *err);

static tenon_status
upkeep_end_session(tni_call *call, const tenon_uuid ids[3], tenon_error *err)
{
    tenon_value param = tenon_id(&ids[0]);

    return tenon_exec(call->txn, &upkeep_delete_session, &param, NULL, err);
}

static tenon_status
upkeep_end_invitation(tni_call *call, const tenon_uuid ids[3], tenon_error *err)
{
    tenon_status status = tni_chat_remove_pending(call->txn, &ids[1], &ids[2], NULL, err);

    if (status == TENON_OK)
        status = tni_chat_end_invitation(call, &ids[0], CHAT_INVITATION_EXPIRED, err);
    return status;
}

/** Collect up to `most` rows of a query that are due now. */
static tenon_status
upkeep_collect(tni_call *call, const tenon_query *query, uint32_t most,
               tenon_uuid ids[UPKEEP_CHUNK][3], uint32_t *count, tenon_error *err)
{
    tenon_value params[] = { tenon_time(call->ctx->now_us), tenon_int(most) };
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    tenon_status status = tenon_select(call->txn, query, params, &cursor, err);

    *count = 0;
    while (status == TENON_OK && *count < most) {
        status = tenon_next(cursor, &row, err);
        if (status != TENON_OK)
            break;
        for (uint32_t i = 0; i < query->columns.count; i++)
            ids[*count][i] = tenon_value_id(&row[i]);
        ++*count;
    }
    tenon_cursor_close(cursor);
    return status == TENON_NOT_FOUND ? TENON_OK : status;
}

/** End all rows of a query, in chunks, so that no cursor is open while rows change. */
static tenon_status
upkeep_end_all(tni_call *call, const tenon_query *query, uint32_t limit, upkeep_end_fn end,
               uint64_t *done, tenon_error *err)
{
    tenon_uuid ids[UPKEEP_CHUNK][3];
    tenon_status status = TENON_OK;
    uint32_t most;
    uint32_t count;

    do {
        most = UPKEEP_CHUNK;
        if (limit != 0 && limit - *done < most)
            most = limit - (uint32_t)*done;
        status = upkeep_collect(call, query, most, ids, &count, err);
        for (uint32_t i = 0; i < count && status == TENON_OK; i++)
            status = end(call, ids[i], err);
        *done += count;
    } while (status == TENON_OK && count == UPKEEP_CHUNK && *done != limit);
    return status;
}

static tenon_status
upkeep_clean_run(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    uint32_t limit = *(const uint32_t *)arg;
    chat_cleaned *out = (chat_cleaned *)result;
    char details[80];
    tenon_status status = tni_chat_may_act_for(call, NULL, err);

    if (status == TENON_OK)
        status = upkeep_end_all(call, &upkeep_expired_sessions, limit, upkeep_end_session,
                                &out->sessions_count, err);
    if (status == TENON_OK)
        status = upkeep_end_all(call, &upkeep_overdue, limit, upkeep_end_invitation,
                                &out->invitations_count, err);
    if (status == TENON_OK && out->sessions_count + out->invitations_count > 0) {
        (void)snprintf(details, sizeof details, "sessions=%" PRIu64 " invitations=%" PRIu64,
                       out->sessions_count, out->invitations_count);
        status = tni_chat_audit(call, tni_chat_actor(call), "chat.clean_up", "chat", NULL, details,
                                err);
    }
    return status;
}

static const tni_operation upkeep_clean_operation = {
    .name = "chat.clean_up",
    .run = upkeep_clean_run,
};

tenon_status
chat_clean_up(tenon_txn *txn, const chat_context *ctx, uint32_t limit, chat_cleaned *out,
              tenon_error *err)
{
    return tni_chat_within(txn, &upkeep_clean_operation, ctx, &limit, out, sizeof *out, err);
}

tenon_status
chat_clean_up_atomically(tenon_db *db, const chat_context *ctx, uint32_t limit, chat_cleaned *out,
                         tenon_error *err)
{
    return tni_chat_run(db, &upkeep_clean_operation, ctx, &limit, out, sizeof *out, err);
}

/* ---- Counts ---- */

#define UPKEEP_COUNT(of)                                                                           \
    {                                                                                              \
        .name = "count", .kind = TENON_COUNT, .table = &(of)                                       \
    }

static const tenon_query upkeep_count_users = UPKEEP_COUNT(chat_users);
static const tenon_query upkeep_count_sessions = UPKEEP_COUNT(chat_sessions);
static const tenon_query upkeep_count_rooms = UPKEEP_COUNT(chat_rooms);
static const tenon_query upkeep_count_memberships = UPKEEP_COUNT(chat_room_memberships);
static const tenon_query upkeep_count_invitations = UPKEEP_COUNT(chat_invitations);
static const tenon_query upkeep_count_messages = UPKEEP_COUNT(chat_messages);
static const tenon_query upkeep_count_audit_logs = UPKEEP_COUNT(chat_audit_logs);

static tenon_status
upkeep_count_run(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    chat_counts *out = (chat_counts *)result;
    const struct {
        const tenon_query *query;
        uint64_t *count;
    } all[] = {
        { &upkeep_count_users, &out->users_count },
        { &upkeep_count_sessions, &out->sessions_count },
        { &upkeep_count_rooms, &out->rooms_count },
        { &upkeep_count_memberships, &out->memberships_count },
        { &upkeep_count_invitations, &out->invitations_count },
        { &upkeep_count_messages, &out->messages_count },
        { &upkeep_count_audit_logs, &out->audit_logs_count },
    };
    tenon_status status = TENON_OK;

    (void)arg;
    for (size_t i = 0; i < sizeof all / sizeof all[0] && status == TENON_OK; i++)
        status = tenon_count(call->txn, all[i].query, NULL, all[i].count, err);
    return status;
}

static const tni_operation upkeep_count_operation = {
    .name = "chat.count",
    .run = upkeep_count_run,
    .read_only = true,
    .anonymous = true,
};

tenon_status
chat_count(tenon_txn *txn, chat_counts *out, tenon_error *err)
{
    return tni_chat_within(txn, &upkeep_count_operation, NULL, "", out, sizeof *out, err);
}

tenon_status
chat_count_atomically(tenon_db *db, chat_counts *out, tenon_error *err)
{
    return tni_chat_run(db, &upkeep_count_operation, NULL, "", out, sizeof *out, err);
}
