/** @file register.c Registration. */
#include "internal.h"

static const tenon_query register_insert_user = {
    .name = "user_insert",
    .kind = TENON_INSERT,
    .table = &chat_users,
    .columns = TENON_COLUMNS(CHAT_USERS_ID, CHAT_USERS_USERNAME, CHAT_USERS_USERNAME_KEY,
                             CHAT_USERS_EMAIL, CHAT_USERS_PASSWORD_HASH, CHAT_USERS_ROLE,
                             CHAT_USERS_CREATED_AT, CHAT_USERS_UPDATED_AT, CHAT_USERS_LAST_SEEN,
                             CHAT_USERS_IS_ACTIVE),
};
static const tenon_query register_count_name = {
    .name = "user_name_taken",
    .kind = TENON_COUNT,
    .table = &chat_users,
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_USERNAME_KEY, 0)),
};
static const tenon_query register_count_email = {
    .name = "user_email_taken",
    .kind = TENON_COUNT,
    .table = &chat_users,
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_EMAIL, 0), TENON_NOT_NULL(CHAT_USERS_EMAIL)),
};

static tenon_status
register_check(const chat_context *ctx, const void *arg, tenon_error *err)
{
    const chat_registration *in = (const chat_registration *)arg;
    tenon_status status = tni_chat_check_username(in->username, "username", err);

    if (status == TENON_OK && in->email != NULL)
        status = tni_chat_check_email(in->email, "email", err);
    if (status == TENON_OK && in->password != NULL && in->password_hash != NULL)
        status = tni_chat_fail(err, TENON_INVALID, "password_hash",
                               "give a password or a ready hash, not both");
    if (status == TENON_OK && in->password_hash == NULL)
        status = tni_chat_check_password(in->password, "password", err);
    if (status == TENON_OK && in->password_hash != NULL)
        status = tni_chat_check_hash(in->password_hash, "password_hash", err);
    if (status == TENON_OK && in->role > CHAT_USER_GUEST)
        status = tni_chat_fail(err, TENON_INVALID, "role", "there is no role %u",
                               (unsigned)in->role);
    if (status == TENON_OK)
        status = tni_chat_check_expiry(ctx, in->session_expires_at_us, err);
    if (status == TENON_OK && in->role != 0 && in->role != CHAT_USER_USER && !ctx->system)
        status = tni_chat_fail(err, TENON_DENIED, "role", "only the system gives that role");
    return status;
}

/** Say what of a new user is taken: the name first. */
static tenon_status
register_diagnose(tni_call *call, const void *arg, tenon_error *err)
{
    const chat_registration *in = (const chat_registration *)arg;
    char key[CHAT_MAX_USERNAME_BYTES + 1];
    tenon_value name, email = tenon_text(in->email);
    uint64_t found = 0;
    tenon_status status;

    tni_chat_make_key(in->username, key);
    name = tenon_text(key);
    status = tenon_count(call->txn, &register_count_name, &name, &found, err);
    if (status == TENON_OK && found > 0)
        return tni_chat_fail(err, TENON_EXISTS, "username", "that user name is taken");
    if (status == TENON_OK && in->email != NULL)
        status = tenon_count(call->txn, &register_count_email, &email, &found, err);
    if (status == TENON_OK && found > 0)
        return tni_chat_fail(err, TENON_EXISTS, "email", "that e-mail address is taken");
    if (status == TENON_OK && tni_chat_is_repeated(call))
        status = tni_chat_fail(err, TENON_EXISTS, "user", "a user with that id exists already");
    return status;
}

static tenon_status
register_user(tni_call *call, const chat_registration *in, const char *hash, chat_user *user,
              tenon_error *err)
{
    char key[CHAT_MAX_USERNAME_BYTES + 1];
    tenon_value now = tenon_time(call->ctx->now_us);

    user->id = tni_chat_id(call);
    user->role = in->role != 0 ? in->role : CHAT_USER_USER;
    user->is_active = true;
    memcpy(user->username, in->username, strlen(in->username) + 1);
    if (in->email != NULL)
        memcpy(user->email, in->email, strlen(in->email) + 1);
    user->created_at_us = user->updated_at_us = user->last_seen_us = call->ctx->now_us;
    tni_chat_make_key(in->username, key);
    {
        tenon_value params[] = {
            tenon_id(&user->id),
            tenon_text(in->username),
            tenon_text(key),
            tenon_text(in->email),
            tenon_text(hash),
            tni_chat_user_role(user->role),
            now,
            now,
            now,
            tenon_bool(true),
        };

        return tenon_exec(call->txn, &register_insert_user, params, NULL, err);
    }
}

static tenon_status
register_run(tni_call *call, const void *arg, void *result, tenon_error *err)
{
    const chat_registration *in = (const chat_registration *)arg;
    chat_registered *out = (chat_registered *)result;
    char made[CHAT_HASH_TEXT_BYTES] = "";
    const char *hash = in->password_hash;
    tenon_status status = TENON_OK;

    if (hash == NULL) {
        status = chat_password_hash(call->ctx, in->password, made, err);
        hash = made;
    }
    if (status == TENON_OK)
        status = register_user(call, in, hash, &out->user, err);
    if (status == TENON_OK)
        status = tni_chat_open_session(call, &out->user.id, in->session_expires_at_us,
                                       &out->session, out->token, err);
    if (status == TENON_OK)
        status = tni_chat_audit(call, &out->user.id, "user.register", "user", &out->user.id, NULL,
                                err);
    tni_chat_forget(made, sizeof made);
    return status;
}

static const tni_operation register_operation = {
    .name = "chat.register_user",
    .check = register_check,
    .run = register_run,
    .diagnose = register_diagnose,
    .anonymous = true,
    .blind = true,
};

tenon_status
chat_user_registration_transaction(tenon_txn *txn, const chat_context *ctx,
                                   const chat_registration *in, chat_registered *out,
                                   tenon_error *err)
{
    return tni_chat_within(txn, &register_operation, ctx, in, out, sizeof *out, err);
}

tenon_status
chat_register_user_atomically(tenon_db *db, const chat_context *ctx, const chat_registration *in,
                              chat_registered *out, tenon_error *err)
{
    char made[CHAT_HASH_TEXT_BYTES] = "";
    chat_registration hashed;
    chat_context full;
    tenon_status status;

    if (in == NULL || out == NULL || in->password == NULL || in->password_hash != NULL)
        return tni_chat_run(db, &register_operation, ctx, in, out, sizeof *out, err);
    memset(out, 0, sizeof *out);
    hashed = *in;
    status = tni_chat_context(ctx, true, &full, err);
    if (status == TENON_OK)
        status = register_check(&full, in, err);
    if (status == TENON_OK)
        status = chat_password_hash(&full, in->password, made, err);
    if (status == TENON_OK) {
        hashed.password = NULL;
        hashed.password_hash = made;
        status = tni_chat_run(db, &register_operation, &full, &hashed, out, sizeof *out, err);
    }
    tni_chat_forget(made, sizeof made);
    return status;
}
