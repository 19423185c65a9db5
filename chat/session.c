/** @file session.c Sessions: log-in, log-out, look-up. */
#include "internal.h"

static const tenon_query session_insert = {
    .name = "session_insert",
    .kind = TENON_INSERT,
    .table = &chat_sessions,
    .columns = TENON_COLUMNS(CHAT_SESSIONS_ID, CHAT_SESSIONS_USER_ID, CHAT_SESSIONS_TOKEN_HASH,
                             CHAT_SESSIONS_CREATED_AT, CHAT_SESSIONS_EXPIRES_AT,
                             CHAT_SESSIONS_LAST_ACTIVITY, CHAT_SESSIONS_IS_ACTIVE),
};
static const tenon_query session_by_token = {
    .name = "session_by_token",
    .kind = TENON_SELECT,
    .table = &chat_sessions,
    .columns = TENON_COLUMNS(CHAT_SESSIONS_ID, CHAT_SESSIONS_USER_ID, CHAT_SESSIONS_TOKEN_HASH,
                             CHAT_SESSIONS_CREATED_AT, CHAT_SESSIONS_EXPIRES_AT,
                             CHAT_SESSIONS_LAST_ACTIVITY, CHAT_SESSIONS_IS_ACTIVE),
    .where = TENON_WHERE(TENON_EQ(CHAT_SESSIONS_TOKEN_HASH, 0)),
};
static const tenon_query session_end = {
    .name = "session_end",
    .kind = TENON_UPDATE,
    .table = &chat_sessions,
    .set = TENON_SET(TENON_TO(CHAT_SESSIONS_IS_ACTIVE, 1),
                     TENON_TO(CHAT_SESSIONS_LAST_ACTIVITY, 2)),
    .where = TENON_WHERE(TENON_EQ(CHAT_SESSIONS_ID, 0)),
};
static const tenon_query session_user_seen = {
    .name = "user_seen",
    .kind = TENON_UPDATE,
    .table = &chat_users,
    .set = TENON_SET(TENON_TO(CHAT_USERS_LAST_SEEN, 1)),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0)),
};
static const tenon_query session_credentials_by_name = {
    .name = "credentials_by_name",
    .kind = TENON_SELECT,
    .table = &chat_users,
    .columns = TENON_COLUMNS(CHAT_USERS_ID, CHAT_USERS_PASSWORD_HASH, CHAT_USERS_IS_ACTIVE),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_USERNAME_KEY, 0)),
};
static const tenon_query session_credentials_by_id = {
    .name = "credentials_by_id",
    .kind = TENON_SELECT,
    .table = &chat_users,
    .columns = TENON_COLUMNS(CHAT_USERS_ID, CHAT_USERS_PASSWORD_HASH, CHAT_USERS_IS_ACTIVE),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0)),
};

/* ---- Opening ---- */

tenon_status
tni_chat_check_expiry(const chat_context *ctx, int64_t expires_at_us, tenon_error *err)
{
    if (expires_at_us != 0 && expires_at_us <= ctx->now_us)
        return tni_chat_fail(err, TENON_INVALID, "session_expires_at",
                             "session_expires_at must be in the future");
    return TENON_OK;
}

tenon_status
tni_chat_open_session(tni_call *call, const tenon_uuid *user, int64_t expires_at_us,
                      chat_session *out, char token[CHAT_TOKEN_TEXT_BYTES], tenon_error *err)
{
    uint8_t hash[TNI_TOKEN_BYTES];
    int64_t now = call->ctx->now_us;
    tenon_status status;

    out->id = tni_chat_id(call);
    out->user_id = *user;
    out->created_at_us = out->last_activity_us = now;
    out->expires_at_us = expires_at_us != 0 ? expires_at_us : now + CHAT_SESSION_LIFETIME_US;
    out->is_active = true;
    status = tni_chat_token(call->ctx, &out->id, token, hash, err);
    if (status == TENON_OK) {
        tenon_value params[] = {
            tenon_id(&out->id),
            tenon_id(user),
            tenon_blob(hash, sizeof hash),
            tenon_time(now),
            tenon_time(out->expires_at_us),
            tenon_time(now),
            tenon_bool(true),
        };

        status = tenon_exec(call->txn, &session_insert, params, NULL, err);
    }
    return status;
}

/* ---- Log-in ---- */

/** The one answer for all that is wrong with a name and a password. */
static tenon_status
session_refuse(tenon_error *err)
{
    return tni_chat_fail(err, TENON_DENIED, "password", "user name or password is wrong");
}

static tenon_status
session_read_credentials(tenon_txn *txn, const tenon_query *query, const tenon_value *param,
                         chat_credentials *out, tenon_error *err)
{
    const tenon_value *row = NULL;
    tenon_status status = tenon_fetch(txn, query, param, &row, err);

    memset(out, 0, sizeof *out);
    if (status == TENON_OK) {
        out->user = tenon_value_id(&row[0]);
        tni_chat_copy_text(out->password_hash, sizeof out->password_hash, &row[1]);
        out->is_active = row[2].as.i != 0;
    }
    return status == TENON_NOT_FOUND ? TENON_OK : status;
}

static tenon_status
session_read_check(const chat_context *ctx, const void *username, tenon_error *err)
{
    (void)ctx;
    return tni_chat_check_username((const char *)username, "username", err);
}

static tenon_status
session_read_run(tni_call *call, const void *username, void *out, tenon_error *err)
{
    char key[CHAT_MAX_USERNAME_BYTES + 1];
    tenon_value param;

    tni_chat_make_key((const char *)username, key);
    param = tenon_text(key);
    return session_read_credentials(call->txn, &session_credentials_by_name, &param,
                                    (chat_credentials *)out, err);
}

static const tni_operation session_read_operation = {
    .name = "chat.log_in_read",
    .check = session_read_check,
    .run = session_read_run,
    .read_only = true,
    .anonymous = true,
};

tenon_status
chat_log_in_read(tenon_txn *txn, const char *username, chat_credentials *out, tenon_error *err)
{
    return tni_chat_within(txn, &session_read_operation, NULL, username, out, sizeof *out, err);
}

/** A password that may be that of a user; nothing is said about any user. */
static tenon_status
session_check_password(const char *password, tenon_error *err)
{
    return tni_chat_check_password(password, "password", err);
}

tenon_status
chat_log_in_verify(const chat_context *ctx, const chat_credentials *credentials,
                   const char *password, tenon_error *err)
{
    chat_context full;
    bool same = false;
    tenon_status status;

    if (credentials == NULL)
        return tni_chat_fail(err, TENON_MISUSE, "chat.log_in_verify",
                             "chat.log_in_verify: a null pointer was given");
    status = tni_chat_context(ctx, true, &full, err);
    if (status == TENON_OK)
        status = session_check_password(password, err);
    if (status == TENON_OK)
        status = tni_chat_password_is(&full, credentials->password_hash, password, &same, err);
    if (status == TENON_OK &&
        (!same || !credentials->is_active || tni_chat_no_id(&credentials->user)))
        status = session_refuse(err);
    return status;
}

/** Input of the third part. */
typedef struct session_open {
    const chat_credentials *credentials;
    int64_t expires_at_us;
} session_open;

static tenon_status
session_open_check(const chat_context *ctx, const void *arg, tenon_error *err)
{
    return tni_chat_check_expiry(ctx, ((const session_open *)arg)->expires_at_us, err);
}

static tenon_status
session_open_run(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    const session_open *in = (const session_open *)arg;
    chat_registered *out = (chat_registered *)result;
    tenon_value params[] = { tenon_id(&in->credentials->user), tenon_time(call->ctx->now_us) };
    chat_credentials stored;
    tenon_status status = session_read_credentials(call->txn, &session_credentials_by_id, params,
                                                   &stored, err);

    if (status == TENON_OK &&
        (tni_chat_no_id(&stored.user) || !stored.is_active ||
         !tni_chat_same_secret(stored.password_hash, in->credentials->password_hash,
                               sizeof stored.password_hash)))
        status = session_refuse(err);
    if (status == TENON_OK)
        status = tenon_exec(call->txn, &session_user_seen, params, NULL, err);
    if (status == TENON_OK)
        status = tni_chat_user(call->txn, &in->credentials->user, "user", &out->user, err);
    if (status == TENON_OK)
        status = tni_chat_open_session(call, &out->user.id, in->expires_at_us, &out->session,
                                       out->token, err);
    if (status == TENON_OK)
        status = tni_chat_audit(call, &out->user.id, "user.log_in", "session", &out->session.id,
                                NULL, err);
    tni_chat_forget(&stored, sizeof stored);
    return status;
}

static const tni_operation session_open_operation = {
    .name = "chat.log_in_open",
    .check = session_open_check,
    .run = session_open_run,
    .anonymous = true,
};

tenon_status
chat_log_in_open(tenon_txn *txn, const chat_context *ctx, const chat_credentials *credentials,
                 int64_t expires_at_us, chat_registered *out, tenon_error *err)
{
    session_open in = { credentials, expires_at_us };

    return tni_chat_within(txn, &session_open_operation, ctx, credentials == NULL ? NULL : &in, out,
                           sizeof *out, err);
}

tenon_status
chat_log_in_atomically(tenon_db *db, const chat_context *ctx, const chat_log_in *in,
                       chat_registered *out, tenon_error *err)
{
    chat_credentials credentials;
    session_open open = { &credentials, 0 };
    chat_context full;
    tenon_status status;

    memset(&credentials, 0, sizeof credentials);
    if (out != NULL)
        memset(out, 0, sizeof *out);
    if (in == NULL || out == NULL || in->username == NULL)
        return tni_chat_run(db, &session_read_operation, ctx, NULL, NULL, 0, err);
    status = tni_chat_context(ctx, true, &full, err);
    if (status == TENON_OK)
        status = tni_chat_check_username(in->username, "username", err);
    if (status == TENON_OK)
        status = session_check_password(in->password, err);
    if (status == TENON_OK)
        status = tni_chat_check_expiry(&full, in->session_expires_at_us, err);
    if (status == TENON_OK)
        status = tni_chat_run(db, &session_read_operation, &full, in->username, &credentials,
                              sizeof credentials, err);
    if (status == TENON_OK)
        status = chat_log_in_verify(&full, &credentials, in->password, err);
    open.expires_at_us = in->session_expires_at_us;
    if (status == TENON_OK)
        status = tni_chat_run(db, &session_open_operation, &full, &open, out, sizeof *out, err);
    tni_chat_forget(&credentials, sizeof credentials);
    return status;
}

/* ---- Look-up and log-out ---- */

/** Input: a token's hash, computed once. */
typedef struct session_token {
    uint8_t hash[TNI_TOKEN_BYTES];
    bool ends;       /**< A log-out: the user may be inactive. */
    chat_user *user; /**< To be told; NULL: need only be active. */
} session_token;

static const tenon_query session_user_is_active = {
    .name = "user_is_active",
    .kind = TENON_SELECT,
    .table = &chat_users,
    .columns = TENON_COLUMNS(CHAT_USERS_IS_ACTIVE),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0)),
};

/** TENON_NOT_FOUND where the user is not active. */
static tenon_status
session_check_user(tenon_txn *txn, const tenon_uuid *id, chat_user *out, tenon_error *err)
{
    tenon_value param = tenon_id(id);
    const tenon_value *row = NULL;
    bool is_active = false;
    tenon_status status;

    if (out != NULL) {
        status = tni_chat_user(txn, id, "user", out, err);
        is_active = out->is_active;
    } else {
        status = tenon_fetch(txn, &session_user_is_active, &param, &row, err);
        is_active = status == TENON_OK && row[0].as.i != 0;
    }
    return status == TENON_OK && !is_active ? TENON_NOT_FOUND : status;
}

static tenon_status
session_find_run(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    const session_token *in = (const session_token *)arg;
    chat_session *session = (chat_session *)result;
    tenon_value param = tenon_blob(in->hash, sizeof in->hash);
    const tenon_value *row = NULL;
    tenon_status status = tenon_fetch(call->txn, &session_by_token, &param, &row, err);

    if (status == TENON_OK) {
        bool same = row[2].len == sizeof in->hash &&
                    tni_chat_same_secret(row[2].as.data, in->hash, sizeof in->hash);

        session->id = tenon_value_id(&row[0]);
        session->user_id = tenon_value_id(&row[1]);
        session->created_at_us = row[3].as.i;
        session->expires_at_us = row[4].as.i;
        session->last_activity_us = row[5].as.i;
        session->is_active = row[6].as.i != 0;
        if (!same || !session->is_active || session->expires_at_us <= call->ctx->now_us)
            status = TENON_NOT_FOUND;
    }
    if (status == TENON_OK && !in->ends)
        status = session_check_user(call->txn, &session->user_id, in->user, err);
    return status != TENON_NOT_FOUND
               ? status
               : tni_chat_fail(err, TENON_NOT_FOUND, "session", "there is no such session");
}

static const tni_operation session_find_operation = {
    .name = "chat.find_session",
    .run = session_find_run,
    .read_only = true,
    .anonymous = true,
};

/** chat_find_session in `txn`, or in a transaction of its own where that is NULL. */
static tenon_status
session_find(tenon_db *db, tenon_txn *txn, const chat_context *ctx, const char *token,
             chat_session *session, chat_user *user, tenon_error *err)
{
    session_token in = { .user = user };
    tenon_status status;

    if (session == NULL)
        return tni_chat_fail(err, TENON_MISUSE, session_find_operation.name,
                             "%s: a null pointer was given", session_find_operation.name);
    memset(session, 0, sizeof *session);
    if (user != NULL)
        memset(user, 0, sizeof *user);
    status = tni_chat_token_hash(token, in.hash, err);
    if (status != TENON_OK)
        return status;
    status = txn != NULL ? tni_chat_within(txn, &session_find_operation, ctx, &in, session,
                                           sizeof *session, err)
                         : tni_chat_run(db, &session_find_operation, ctx, &in, session,
                                        sizeof *session, err);
    if (status != TENON_OK && user != NULL)
        memset(user, 0, sizeof *user);
    return status;
}

tenon_status
chat_find_session(tenon_txn *txn, const chat_context *ctx, const char *token, chat_session *session,
                  chat_user *user, tenon_error *err)
{
    return session_find(NULL, txn, ctx, token, session, user, err);
}

tenon_status
chat_find_session_atomically(tenon_db *db, const chat_context *ctx, const char *token,
                             chat_session *session, chat_user *user, tenon_error *err)
{
    return session_find(db, NULL, ctx, token, session, user, err);
}

static tenon_status
session_log_out_run(tni_call *call, const void *arg, void *out, tenon_error *err)
{
    chat_session found = { .is_active = false };
    tenon_value now = tenon_time(call->ctx->now_us);
    tenon_status status = session_find_run(call, arg, &found, err);

    (void)out;
    if (status == TENON_OK) {
        tenon_value params[] = { tenon_id(&found.id), tenon_bool(false), now };

        status = tenon_exec(call->txn, &session_end, params, NULL, err);
    }
    if (status == TENON_OK) {
        tenon_value params[] = { tenon_id(&found.user_id), now };

        status = tenon_exec(call->txn, &session_user_seen, params, NULL, err);
    }
    if (status == TENON_OK)
        status = tni_chat_audit(call, &found.user_id, "user.log_out", "session", &found.id, NULL,
                                err);
    return status;
}

static const tni_operation session_log_out_operation = {
    .name = "chat.log_out",
    .run = session_log_out_run,
    .anonymous = true,
};

tenon_status
chat_log_out(tenon_txn *txn, const chat_context *ctx, const char *token, tenon_error *err)
{
    session_token in = { .ends = true };
    tenon_status status = tni_chat_token_hash(token, in.hash, err);

    if (status == TENON_OK)
        status = tni_chat_within(txn, &session_log_out_operation, ctx, &in, NULL, 0, err);
    return status;
}

tenon_status
chat_log_out_atomically(tenon_db *db, const chat_context *ctx, const char *token, tenon_error *err)
{
    session_token in = { .ends = true };
    tenon_status status = tni_chat_token_hash(token, in.hash, err);

    if (status == TENON_OK)
        status = tni_chat_run(db, &session_log_out_operation, ctx, &in, NULL, 0, err);
    return status;
}
