/** @file sessions_test.c Log-in, log-out, sessions by token. */
#include "fixture.h"

#include <stdio.h>

#define PASSWORD "correct horse"

static const tenon_uuid no_id;

/** A user with a password, and its first session. */
static chat_registered
make_user_with_password(fixture *f, const char *name)
{
    chat_context ctx = as(f, NULL);
    chat_registration in = { .username = name, .password = PASSWORD };
    chat_registered out;

    OK(f, do_register(f, &ctx, &in, &out));
    return out;
}

static tenon_status
log_in(fixture *f, const char *name, const char *password, chat_registered *out)
{
    chat_context ctx = as(f, NULL);
    chat_log_in in = { .username = name, .password = password };

    return do_log_in(f, &ctx, &in, out);
}

static tenon_status
find(fixture *f, const char *token, chat_session *session, chat_user *user)
{
    chat_context ctx = as(f, NULL);

    return do_find_session(f, &ctx, token, session, user);
}

/* ---- What is stored of a token and of a password ---- */

/** Input and output of the two bodies below. */
typedef struct secret_look {
    tenon_uuid id;
    char text[CHAT_MAX_HASH_BYTES + 1];
    uint8_t hash[32];
    const char *new_hash;
} secret_look;

static const tenon_query sessions_hash = {
    .kind = TENON_SELECT,
    .table = &chat_sessions,
    .columns = TENON_COLUMNS(CHAT_SESSIONS_TOKEN_HASH),
    .where = TENON_WHERE(TENON_EQ(CHAT_SESSIONS_ID, 0)),
};
static const tenon_query users_hash = {
    .kind = TENON_SELECT,
    .table = &chat_users,
    .columns = TENON_COLUMNS(CHAT_USERS_PASSWORD_HASH),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0)),
};
static const tenon_query users_set_hash = {
    .kind = TENON_UPDATE,
    .table = &chat_users,
    .set = TENON_SET(TENON_TO(CHAT_USERS_PASSWORD_HASH, 1)),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0)),
};

static tenon_status
read_token_hash(tenon_txn *txn, void *arg, tenon_error *err)
{
    secret_look *look = (secret_look *)arg;
    tenon_value param = tenon_id(&look->id);
    const tenon_value *row = NULL;
    tenon_status status = tenon_fetch(txn, &sessions_hash, &param, &row, err);

    if (status == TENON_OK) {
        assert_int_equal(row[0].len, sizeof look->hash);
        memcpy(look->hash, row[0].as.data, sizeof look->hash);
    }
    return status;
}

static tenon_status
read_password_hash(tenon_txn *txn, void *arg, tenon_error *err)
{
    secret_look *look = (secret_look *)arg;
    tenon_value param = tenon_id(&look->id);
    const tenon_value *row = NULL;
    tenon_status status = tenon_fetch(txn, &users_hash, &param, &row, err);

    if (status == TENON_OK)
        (void)snprintf(look->text, sizeof look->text, "%.*s", (int)row[0].len,
                       (const char *)row[0].as.data);
    return status;
}

static tenon_status
write_password_hash(tenon_txn *txn, void *arg, tenon_error *err)
{
    const secret_look *look = (const secret_look *)arg;
    tenon_value params[] = { tenon_id(&look->id), tenon_text(look->new_hash) };

    return tenon_exec(txn, &users_set_hash, params, NULL, err);
}

/** 32 bytes as base64url without padding. */
static void
base64url(const uint8_t bytes[32], char out[CHAT_TOKEN_TEXT_BYTES])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0;
    unsigned held = 0;
    size_t used = 0;

    for (unsigned i = 0; i < 32; i++) {
        bits = (bits << 8 | bytes[i]) & 0xffff;
        for (held += 8; held >= 6; held -= 6)
            out[used++] = digits[bits >> (held - 6) & 63];
    }
    out[used++] = digits[bits << (6 - held) & 63];
    out[used] = '\0';
    assert_int_equal(used, CHAT_TOKEN_TEXT_BYTES - 1);
}

static void
neither_token_nor_password_is_stored(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registered made = make_user_with_password(f, "alice");
    secret_look look = { .id = made.session.id };
    char text[CHAT_TOKEN_TEXT_BYTES];

    OK(f, tenon_run(f->db, NULL, read_token_hash, &look, &f->err));
    base64url(look.hash, text);
    assert_string_not_equal(text, made.token);
    look.id = made.user.id;
    OK(f, tenon_run(f->db, NULL, read_password_hash, &look, &f->err));
    assert_memory_equal(look.text, "$argon2id$", 10);
    assert_null(strstr(look.text, PASSWORD));
    /* What is stored opens nothing. */
    REFUSED(f, log_in(f, "alice", look.text, &made), TENON_DENIED, "password");
}

/* ---- Log-in ---- */

static void
a_password_opens_a_session(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registered made = make_user_with_password(f, "Alice");
    chat_registered out;
    chat_session session;
    chat_user user;
    chat_counts counts;

    f->now_us += SECOND;
    OK(f, log_in(f, "aLICE", PASSWORD, &out));
    assert_true(same_id(&out.user.id, &made.user.id));
    assert_string_equal(out.user.username, "Alice");
    assert_int_equal(out.user.last_seen_us, T0 + SECOND);
    assert_int_equal(out.user.created_at_us, T0);
    assert_int_equal(out.user.updated_at_us, T0);
    assert_false(same_id(&out.session.id, &made.session.id));
    assert_true(same_id(&out.session.user_id, &made.user.id));
    assert_int_equal(out.session.created_at_us, T0 + SECOND);
    assert_int_equal(out.session.last_activity_us, T0 + SECOND);
    assert_int_equal(out.session.expires_at_us, T0 + SECOND + CHAT_SESSION_LIFETIME_US);
    assert_true(out.session.is_active);
    assert_string_not_equal(out.token, made.token);
    OK(f, find(f, out.token, &session, &user));
    assert_true(same_id(&session.id, &out.session.id));
    assert_int_equal(session.expires_at_us, out.session.expires_at_us);
    assert_int_equal(session.last_activity_us, T0 + SECOND);
    assert_true(session.is_active);
    assert_true(same_id(&user.id, &made.user.id));
    assert_int_equal(user.last_seen_us, T0 + SECOND);
    OK(f, find(f, made.token, &session, NULL)); /* the first one goes on */
    assert_true(same_id(&session.id, &made.session.id));
    OK(f, do_count(f, &counts));
    assert_int_equal(counts.sessions_count, 2);
    assert_int_equal(fixture_audits(f, "user.log_in"), 1);
}

static void
whatever_is_wrong_the_answer_is_the_same(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registered made = make_user_with_password(f, "alice");
    chat_registered sleeper = make_user_with_password(f, "sleeper");
    chat_registered broken = make_user_with_password(f, "broken");
    secret_look cut = { .id = broken.user.id, .new_hash = "$argon2id$v=19$m=8,t=1" };
    char message[sizeof f->err.message];
    chat_registered out;

    (void)make_user(f, "ready"); /* its hash is that of no password */
    OK(f, tenon_run(f->db, NULL, write_password_hash, &cut, &f->err));
    set_user_active(f, &sleeper.user.id, false);
    REFUSED(f, log_in(f, "alice", PASSWORD " ", &out), TENON_DENIED, "password");
    memcpy(message, f->err.message, sizeof message);
    assert_true(same_id(&out.user.id, &no_id));
    assert_string_equal(out.token, "");
    REFUSED(f, log_in(f, "nobody", PASSWORD, &out), TENON_DENIED, "password");
    assert_string_equal(f->err.message, message);
    REFUSED(f, log_in(f, "sleeper", PASSWORD, &out), TENON_DENIED, "password");
    assert_string_equal(f->err.message, message);
    REFUSED(f, log_in(f, "ready", READY_HASH, &out), TENON_DENIED, "password");
    assert_string_equal(f->err.message, message);
    REFUSED(f, log_in(f, "broken", PASSWORD, &out), TENON_DENIED, "password");
    assert_string_equal(f->err.message, message);
    set_user_active(f, &sleeper.user.id, true);
    OK(f, log_in(f, "sleeper", PASSWORD, &out));
    OK(f, log_in(f, "alice", PASSWORD, &out));
    assert_true(same_id(&out.user.id, &made.user.id));
    assert_int_equal(fixture_audits(f, "user.log_in"), 2);
}

static void
log_in_checks_its_input_first(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registered made = make_user_with_password(f, "alice");
    chat_log_in in = { .username = "al ice", .password = "short", .session_expires_at_us = T0 };
    chat_context ctx = as(f, NULL);
    chat_registered out;
    char long_password[CHAT_MAX_PASSWORD_BYTES + 2];

    memset(long_password, 'x', sizeof long_password - 1);
    long_password[sizeof long_password - 1] = '\0';
    REFUSED(f, do_log_in(f, &ctx, &in, &out), TENON_INVALID, "username");
    in.username = "alice";
    REFUSED(f, do_log_in(f, &ctx, &in, &out), TENON_INVALID, "password");
    in.password = NULL;
    REFUSED(f, do_log_in(f, &ctx, &in, &out), TENON_INVALID, "password");
    in.password = long_password;
    REFUSED(f, do_log_in(f, &ctx, &in, &out), TENON_INVALID, "password");
    in.password = PASSWORD;
    REFUSED(f, do_log_in(f, &ctx, &in, &out), TENON_INVALID, "session_expires_at");
    in.password = "another one";
    if (!f->inside) /* three calls otherwise: the password comes in the second of them */
        REFUSED(f, do_log_in(f, &ctx, &in, &out), TENON_INVALID, "session_expires_at");
    in.password = PASSWORD;
    in.session_expires_at_us = T0 + 1;
    OK(f, do_log_in(f, &ctx, &in, &out));
    assert_int_equal(out.session.expires_at_us, T0 + 1);
    OK(f, find(f, out.token, &made.session, NULL));
    in.username = NULL;
    REFUSED(f, do_log_in(f, &ctx, &in, &out), TENON_MISUSE, "chat.log_in_read");
    in.username = "alice";
    in.session_expires_at_us = 0;
    ctx.pwhash_ops = UINT64_MAX;
    REFUSED(f, do_log_in(f, &ctx, &in, &out), TENON_CONFIG, "pwhash");
}

/** The third part of a log-in alone. */
typedef struct opening {
    const chat_context *ctx;
    const chat_credentials *credentials;
    chat_registered out;
} opening;

static tenon_status
open_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    opening *o = (opening *)arg;

    return chat_log_in_open(txn, o->ctx, o->credentials, 0, &o->out, err);
}

static tenon_status
read_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    return chat_log_in_read(txn, "alice", (chat_credentials *)arg, err);
}

static void
a_session_is_opened_for_what_was_verified_only(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registered made = make_user_with_password(f, "alice");
    secret_look look = { .id = made.user.id, .new_hash = READY_HASH };
    chat_context ctx = as(f, NULL);
    chat_credentials credentials;
    opening o = { .ctx = &ctx, .credentials = &credentials };
    chat_deletion deletion = { .user = made.user.id };
    chat_deleted deleted;

    OK(f, tenon_run(f->db, NULL, read_body, &credentials, &f->err));
    OK(f, chat_log_in_verify(&ctx, &credentials, PASSWORD, &f->err));
    credentials.is_active = false;
    REFUSED(f, chat_log_in_verify(&ctx, &credentials, PASSWORD, &f->err), TENON_DENIED, "password");
    credentials.is_active = true;
    set_user_active(f, &made.user.id, false);
    REFUSED(f, tenon_run(f->db, NULL, open_body, &o, &f->err), TENON_DENIED, "password");
    set_user_active(f, &made.user.id, true);
    OK(f, tenon_run(f->db, NULL, open_body, &o, &f->err));
    OK(f, tenon_run(f->db, NULL, write_password_hash, &look, &f->err));
    REFUSED(f, tenon_run(f->db, NULL, open_body, &o, &f->err), TENON_DENIED, "password");
    look.new_hash = credentials.password_hash;
    OK(f, tenon_run(f->db, NULL, write_password_hash, &look, &f->err));
    OK(f, tenon_run(f->db, NULL, open_body, &o, &f->err));
    ctx = as(f, &made.user.id);
    OK(f, do_delete_user(f, &ctx, &deletion, &deleted));
    assert_int_equal(deleted.sessions_count, 3);
    REFUSED(f, tenon_run(f->db, NULL, open_body, &o, &f->err), TENON_DENIED, "password");
    assert_int_equal(chat_log_in_verify(&ctx, NULL, PASSWORD, &f->err), TENON_MISUSE);
}

static void
a_log_in_needs_no_context(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registered made = make_user_with_password(f, "alice");
    chat_log_in in = { .username = "alice", .password = PASSWORD };
    chat_registration registration = { .username = "bob", .password = PASSWORD };
    chat_session session;
    chat_registered out;

    OK(f, do_log_in(f, NULL, &in, &out));
    assert_true(out.session.created_at_us > T0);
    OK(f, do_register(f, NULL, &registration, &out)); /* at libsodium's own limits */
    in.username = "bob";
    OK(f, do_log_in(f, NULL, &in, &out));
    OK(f, do_find_session(f, NULL, out.token, &session, NULL));
    REFUSED(f, do_find_session(f, NULL, made.token, &session, NULL), TENON_NOT_FOUND,
            "session"); /* of 2023 */
    OK(f, do_log_out(f, NULL, out.token));
}

/* ---- Look-up and log-out ---- */

static void
a_session_that_is_over_is_not_found(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registered made = make_user_with_password(f, "alice");
    chat_context ctx = as(f, &made.user.id);
    chat_deletion deletion = { .user = made.user.id };
    chat_deleted deleted;
    chat_session session;
    chat_user user;

    f->now_us = made.session.expires_at_us - 1;
    OK(f, find(f, made.token, &session, &user));
    f->now_us = made.session.expires_at_us;
    REFUSED(f, find(f, made.token, &session, &user), TENON_NOT_FOUND, "session");
    assert_true(same_id(&session.id, &no_id));
    assert_true(same_id(&user.id, &no_id));
    f->now_us = T0;
    set_user_active(f, &made.user.id, false);
    REFUSED(f, find(f, made.token, &session, NULL), TENON_NOT_FOUND, "session");
    set_user_active(f, &made.user.id, true);
    OK(f, find(f, made.token, &session, NULL));
    OK(f, do_delete_user(f, &ctx, &deletion, &deleted));
    REFUSED(f, find(f, made.token, &session, &user), TENON_NOT_FOUND, "session");
}

static void
what_is_no_token_is_refused(void **state)
{
    /* Too short, too long, a foreign digit, bits beyond the last byte. */
    static const char *const bad[] = {
        "",
        "x",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
        NULL,
    };
    static const char never_issued[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    fixture *f = (fixture *)*state;
    chat_registered made = make_user_with_password(f, "alice");
    chat_context ctx = as(f, NULL);
    chat_session session;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        REFUSED(f, find(f, bad[i], &session, NULL), TENON_INVALID, "token");
        REFUSED(f, do_log_out(f, &ctx, bad[i]), TENON_INVALID, "token");
    }
    REFUSED(f, find(f, never_issued, &session, NULL), TENON_NOT_FOUND, "session");
    REFUSED(f, do_log_out(f, &ctx, never_issued), TENON_NOT_FOUND, "session");
    REFUSED(f, find(f, made.token, NULL, NULL), TENON_MISUSE, "chat.find_session");
    OK(f, find(f, made.token, &session, NULL));
}

static void
a_log_out_ends_one_session(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registered first = make_user_with_password(f, "alice");
    chat_registered second;
    chat_context ctx;
    chat_session session;
    chat_counts counts;
    chat_user user;

    OK(f, log_in(f, "alice", PASSWORD, &second));
    f->now_us += SECOND;
    ctx = as(f, NULL);
    OK(f, do_log_out(f, &ctx, first.token));
    REFUSED(f, find(f, first.token, &session, NULL), TENON_NOT_FOUND, "session");
    REFUSED(f, do_log_out(f, &ctx, first.token), TENON_NOT_FOUND, "session");
    OK(f, find(f, second.token, &session, &user));
    assert_int_equal(user.last_seen_us, T0 + SECOND);
    OK(f, do_count(f, &counts));
    assert_int_equal(counts.sessions_count, 2); /* ended, and still there until clean-up */
    assert_int_equal(fixture_audits(f, "user.log_out"), 1);
    f->now_us = second.session.expires_at_us;
    ctx = as(f, NULL);
    REFUSED(f, do_log_out(f, &ctx, second.token), TENON_NOT_FOUND, "session");
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(neither_token_nor_password_is_stored),
        CASE(a_password_opens_a_session),
        CASE(whatever_is_wrong_the_answer_is_the_same),
        CASE(log_in_checks_its_input_first),
        CASE(a_session_is_opened_for_what_was_verified_only),
        CASE(a_log_in_needs_no_context),
        CASE(a_session_that_is_over_is_not_found),
        CASE(what_is_no_token_is_refused),
        CASE(a_log_out_ends_one_session),
    };

    return fixture_main(argc, argv, "sessions", tests, sizeof tests / sizeof tests[0]);
}
