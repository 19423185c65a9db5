/** @file upkeep_test.c Clean-up, renaming, counts, and what the audit tells. */
#include "fixture.h"

#include <stdio.h>

/* ---- Clean-up ---- */

static void
only_administrators_clean_up(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid user = make_user(f, "user");
    tenon_uuid moderator = make_user_of_role(f, "moderator", CHAT_USER_MODERATOR);
    tenon_uuid admin = make_user_of_role(f, "admin", CHAT_USER_ADMIN);
    tenon_uuid nobody = no_such_id();
    chat_context ctx;
    chat_cleaned cleaned;

    f->now_us += CHAT_SESSION_LIFETIME_US;
    ctx = as(f, NULL);
    REFUSED(f, do_clean_up(f, &ctx, 0, &cleaned), TENON_DENIED, "actor");
    ctx = as(f, &nobody);
    REFUSED(f, do_clean_up(f, &ctx, 0, &cleaned), TENON_DENIED, "actor");
    ctx = as(f, &user);
    REFUSED(f, do_clean_up(f, &ctx, 0, &cleaned), TENON_DENIED, "actor");
    ctx = as(f, &moderator);
    REFUSED(f, do_clean_up(f, &ctx, 0, &cleaned), TENON_DENIED, "actor");
    set_user_active(f, &admin, false);
    ctx = as(f, &admin);
    REFUSED(f, do_clean_up(f, &ctx, 0, &cleaned), TENON_DENIED, "actor");
    REFUSED(f, do_clean_up(f, &ctx, 0, NULL), TENON_MISUSE, "chat.clean_up");
    REFUSED(f, do_clean_up(f, NULL, 0, &cleaned), TENON_MISUSE, "context");
    set_user_active(f, &admin, true);
    OK(f, do_clean_up(f, &ctx, 0, &cleaned));
    assert_int_equal(cleaned.sessions_count, 3);
}

static void
clean_up_takes_the_oldest_first_up_to_the_limit(void **state)
{
    fixture *f = (fixture *)*state;
    const chat_context then = as(f, NULL);
    chat_context ctx = then;
    chat_registered made[6];
    chat_cleaned cleaned;
    chat_session session;
    char name[16];

    for (unsigned i = 0; i < 6; i++) {
        chat_registration in = { .username = name, .password_hash = READY_HASH };

        (void)snprintf(name, sizeof name, "u%u", i);
        in.session_expires_at_us = T0 + (int64_t)(i * 5 % 6 + 1) * SECOND; /* not in order */
        OK(f, do_register(f, &ctx, &in, &made[i]));
    }
    OK(f, do_log_out(f, &ctx, made[1].token)); /* ended, but not expired */
    f->now_us = T0 + 4 * SECOND;
    ctx = as_system(f);
    OK(f, do_clean_up(f, &ctx, 3, &cleaned));
    assert_int_equal(cleaned.sessions_count, 3);
    OK(f, do_find_session(f, &then, made[3].token, &session, NULL)); /* the latest of four */
    OK(f, do_clean_up(f, &ctx, 3, &cleaned));
    assert_int_equal(cleaned.sessions_count, 1);
    OK(f, do_clean_up(f, &ctx, 0, &cleaned));
    assert_int_equal(cleaned.sessions_count, 0);
    for (unsigned i = 0; i < 6; i++) {
        bool there = made[i].session.expires_at_us > T0 + 4 * SECOND && i != 1;

        assert_int_equal(do_find_session(f, &then, made[i].token, &session, NULL),
                         there ? TENON_OK : TENON_NOT_FOUND);
    }
    f->now_us = T0 + 6 * SECOND;
    ctx = as_system(f);
    OK(f, do_clean_up(f, &ctx, 1, &cleaned));
    assert_int_equal(cleaned.sessions_count, 1);
    OK(f, do_clean_up(f, &ctx, 1, &cleaned));
    assert_int_equal(cleaned.sessions_count, 1);
    assert_int_equal(fixture_audits(f, "chat.clean_up"), 4);
}

static void
clean_up_ends_invitations_up_to_the_limit_beyond_a_chunk(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid owner = make_user(f, "owner");
    tenon_uuid answered = make_user(f, "answered");
    tenon_uuid room = make_room(f, "room", &owner);
    chat_invited invited = make_invitation(f, &room, &owner, &answered);
    chat_invitation_update decline = { .invitation = invited.invitation.id,
                                       .status = CHAT_INVITATION_DECLINED };
    chat_context ctx = as(f, &answered);
    chat_cleaned cleaned;
    chat_counts before;
    chat_counts after;
    char name[16];

    OK(f, do_answer(f, &ctx, &decline, &invited));
    for (unsigned i = 0; i < 150; i++) {
        tenon_uuid guest;

        (void)snprintf(name, sizeof name, "g%u", i);
        guest = make_user(f, name);
        (void)make_invitation(f, &room, &owner, &guest);
    }
    f->now_us += CHAT_INVITATION_LIFETIME_US;
    ctx = as_system(f);
    OK(f, do_count(f, &before));
    OK(f, do_clean_up(f, &ctx, 128, &cleaned)); /* two chunks, and not one more */
    assert_int_equal(cleaned.invitations_count, 128);
    assert_int_equal(cleaned.sessions_count, 0);
    assert_true(fixture_is_sound(f));
    OK(f, do_clean_up(f, &ctx, 128, &cleaned));
    assert_int_equal(cleaned.invitations_count, 22);
    OK(f, do_count(f, &after));
    assert_int_equal(after.invitations_count, before.invitations_count);
    assert_int_equal(after.memberships_count, before.memberships_count - 150);
    assert_int_equal(after.audit_logs_count, before.audit_logs_count + 2);
    assert_true(fixture_is_sound(f));
}

/* ---- Renaming ---- */

static void
names_differ_by_more_than_ascii_case(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid alice = make_user(f, "Alice");
    tenon_uuid bob = make_user(f, "Bob");
    chat_rename in = { .user = bob, .username = "aLiCe" };
    chat_context ctx = as(f, &bob);
    chat_user out;

    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_EXISTS, "username");
    assert_string_equal(out.username, "");
    in.username = "Bob"; /* the same in every byte */
    OK(f, do_rename(f, &ctx, &in, &out));
    in.username = "\xc3\x84lice";
    OK(f, do_rename(f, &ctx, &in, &out));
    in.username = "\xc3\xa4lice"; /* other capitals than ASCII's are other letters */
    OK(f, do_rename(f, &ctx, &in, &out));
    in = (chat_rename){ .user = alice, .username = "\xc3\x84LICE" };
    ctx = as(f, &alice);
    OK(f, do_rename(f, &ctx, &in, &out));
    in.username = "BOB"; /* free since */
    OK(f, do_rename(f, &ctx, &in, &out));
    assert_int_equal(fixture_audits(f, "user.rename"), 5);
    (void)make_user(f, "alice");
}

static void
renaming_is_checked_in_order(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid alice = make_user(f, "alice");
    tenon_uuid admin = make_user_of_role(f, "admin", CHAT_USER_ADMIN);
    tenon_uuid moderator = make_user_of_role(f, "moderator", CHAT_USER_MODERATOR);
    tenon_uuid nobody = no_such_id();
    chat_rename in = { .user = nobody, .username = NULL };
    chat_context ctx = as(f, &moderator);
    chat_user out;

    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_INVALID, "username");
    in.username = "ALICE";
    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_DENIED, "actor");
    set_user_active(f, &admin, false);
    ctx = as(f, &admin);
    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_DENIED, "actor");
    ctx = as(f, NULL);
    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_DENIED, "actor");
    ctx = as(f, &nobody); /* oneself, but one is not there */
    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_NOT_FOUND, "user");
    ctx = as_system(f);
    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_NOT_FOUND, "user");
    in.user = moderator;
    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_EXISTS, "username");
    in.user = alice;
    OK(f, do_rename(f, &ctx, &in, &out));
    REFUSED(f, do_rename(f, &ctx, NULL, &out), TENON_MISUSE, "chat.rename_user");
    REFUSED(f, do_rename(f, &ctx, &in, NULL), TENON_MISUSE, "chat.rename_user");
}

/* ---- Counts ---- */

static void
counts_are_those_of_each_table(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_registration registration = { .username = "owner", .password = "password" };
    chat_log_in log_in = { .username = "owner", .password = "password" };
    chat_registered made;
    chat_counts counts;
    tenon_uuid owner;
    tenon_uuid guest;
    tenon_uuid room;

    OK(f, do_count(f, &counts));
    assert_int_equal(counts.users_count + counts.sessions_count + counts.rooms_count +
                         counts.memberships_count + counts.invitations_count +
                         counts.messages_count + counts.audit_logs_count,
                     0);
    OK(f, do_register(f, &ctx, &registration, &made));
    owner = made.user.id;
    guest = make_user(f, "guest");
    room = make_room(f, "room", &owner);
    (void)make_invitation(f, &room, &owner, &guest);
    for (unsigned i = 0; i < 4; i++)
        (void)make_message(f, &room, &owner, "text");
    OK(f, do_log_in(f, &ctx, &log_in, &made));
    OK(f, do_count(f, &counts));
    assert_int_equal(counts.users_count, 2);
    assert_int_equal(counts.sessions_count, 3);
    assert_int_equal(counts.rooms_count, 1);
    assert_int_equal(counts.memberships_count, 2);
    assert_int_equal(counts.invitations_count, 1);
    assert_int_equal(counts.messages_count, 4);
    assert_int_equal(counts.audit_logs_count, 5);
    assert_int_equal(do_count(f, NULL), TENON_MISUSE);
}

/* ---- Audit rows ---- */

/** The audit rows of an action, and what the last of them tells. */
typedef struct audit_look {
    const char *action;
    uint64_t count;
    tenon_uuid txn, actor, target; /* all zero = NULL */
    int64_t created_at_us;
    char type[32];
    char details[256];
} audit_look;

static const tenon_query audit_of_action = {
    .kind = TENON_SELECT,
    .table = &chat_audit_logs,
    .columns = TENON_COLUMNS(CHAT_AUDIT_TXN_ID, CHAT_AUDIT_ACTOR_ID, CHAT_AUDIT_TARGET_ID,
                             CHAT_AUDIT_CREATED_AT, CHAT_AUDIT_TARGET_TYPE, CHAT_AUDIT_DETAILS),
    .where = TENON_WHERE(TENON_EQ(CHAT_AUDIT_ACTION, 0)),
    .order = TENON_ORDER(TENON_ASC(CHAT_AUDIT_ID)),
};

static tenon_uuid
audit_id(const tenon_value *value)
{
    return value->type == TENON_NULL ? (tenon_uuid){ { 0 } } : tenon_value_id(value);
}

static void
audit_text(char *out, size_t out_bytes, const tenon_value *value)
{
    (void)snprintf(out, out_bytes, "%.*s", value->type == TENON_NULL ? 0 : (int)value->len,
                   value->type == TENON_NULL ? "" : (const char *)value->as.data);
}

static tenon_status
audit_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    audit_look *look = (audit_look *)arg;
    tenon_value param = tenon_text(look->action);
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    tenon_status status = tenon_select(txn, &audit_of_action, &param, &cursor, err);

    look->count = 0;
    while (status == TENON_OK && (status = tenon_next(cursor, &row, err)) == TENON_OK) {
        look->count++;
        look->txn = audit_id(&row[0]);
        look->actor = audit_id(&row[1]);
        look->target = audit_id(&row[2]);
        look->created_at_us = row[3].as.i;
        audit_text(look->type, sizeof look->type, &row[4]);
        audit_text(look->details, sizeof look->details, &row[5]);
    }
    tenon_cursor_close(cursor);
    return status == TENON_NOT_FOUND ? TENON_OK : status;
}

/** There is one row of that action, and it says that. @param[in] actor, target NULL = none */
static void
check_audit(fixture *f, const char *action, const tenon_uuid *actor, const char *type,
            const tenon_uuid *target, const char *details)
{
    static const tenon_uuid none;
    audit_look look = { .action = action };

    print_message("%s\n", action);
    OK(f, tenon_run(f->db, NULL, audit_body, &look, &f->err));
    assert_int_equal(look.count, 1);
    assert_false(same_id(&look.txn, &none));
    assert_true(same_id(&look.actor, actor == NULL ? &none : actor));
    assert_string_equal(look.type, type);
    assert_true(same_id(&look.target, target == NULL ? &none : target));
    assert_string_equal(look.details, details);
    assert_int_equal(look.created_at_us, f->now_us);
}

static void
audit_rows_of_users_and_sessions(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_registration registration = { .username = "a", .password = "password" };
    chat_log_in log_in = { .username = "a", .password = "password" };
    chat_registered made;
    chat_rename rename = { .username = "b" };
    chat_deletion deletion;
    chat_deleted deleted;
    chat_cleaned cleaned;
    tenon_uuid user;
    chat_user out;

    OK(f, do_register(f, &ctx, &registration, &made));
    user = made.user.id;
    check_audit(f, "user.register", &user, "user", &user, "");
    OK(f, do_log_in(f, &ctx, &log_in, &made));
    check_audit(f, "user.log_in", &user, "session", &made.session.id, "");
    OK(f, do_log_out(f, &ctx, made.token));
    check_audit(f, "user.log_out", &user, "session", &made.session.id, "");
    rename.user = user;
    ctx = as_system(f);
    OK(f, do_rename(f, &ctx, &rename, &out));
    check_audit(f, "user.rename", NULL, "user", &user, "");
    f->now_us += CHAT_SESSION_LIFETIME_US;
    ctx = as_system(f);
    OK(f, do_clean_up(f, &ctx, 0, &cleaned));
    check_audit(f, "chat.clean_up", NULL, "chat", NULL, "sessions=2 invitations=0");
    deletion = (chat_deletion){ .user = user };
    ctx = as(f, &user);
    OK(f, do_delete_user(f, &ctx, &deletion, &deleted));
    check_audit(f, "user.delete", NULL, "user", &user, ""); /* the actor is gone */
}

static void
audit_rows_of_invitations_and_messages(void **state)
{
    static const char *const actions[] = { "invitation.accept", "invitation.decline",
                                           "invitation.expire", "invitation.revoke" };
    fixture *f = (fixture *)*state;
    tenon_uuid owner = make_user(f, "owner");
    tenon_uuid guests[4];
    tenon_uuid room = make_room(f, "room", &owner);
    tenon_uuid message = make_message(f, &room, &owner, "text");
    chat_context ctx = as(f, &owner);
    chat_message deleted;

    check_audit(f, "room.create", &owner, "room", &room, "");
    OK(f, do_delete_message(f, &ctx, &message, &deleted));
    check_audit(f, "message.delete", &owner, "message", &message, "");
    for (uint32_t i = 0; i < 4; i++) {
        char name[2] = { (char)('a' + i), '\0' };
        uint32_t to = CHAT_INVITATION_ACCEPTED + i;
        chat_invited invited;
        chat_invitation_update in = { .status = to };
        bool expire = to == CHAT_INVITATION_EXPIRED;
        const tenon_uuid *by = expire ? NULL : to == CHAT_INVITATION_REVOKED ? &owner : &guests[i];

        guests[i] = make_user(f, name);
        invited = make_invitation(f, &room, &owner, &guests[i]);
        if (i == 0)
            check_audit(f, "invitation.create", &owner, "invitation", &invited.invitation.id, "");
        f->now_us = expire ? invited.invitation.expires_at_us : f->now_us;
        ctx = expire ? as_system(f) : as(f, by);
        in.invitation = invited.invitation.id;
        OK(f, do_answer(f, &ctx, &in, &invited));
        check_audit(f, actions[i], by, "invitation", &in.invitation, "");
    }
}

static void
audit_rows_of_batches(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid owner = make_user(f, "owner");
    tenon_uuid user = make_user(f, "user");
    tenon_uuid room = make_room(f, "room", &owner);
    tenon_uuid other = make_room(f, "other", &owner);
    chat_room_operation ops[3] = { { .kind = CHAT_ADD_MEMBER, .room = room, .user = user } };
    chat_room_batch in = { .operations = ops, .count = 1 };
    chat_room_result results[3];
    chat_context ctx = as(f, &owner);
    char id[TENON_UUID_TEXT_BYTES];
    char details[96];

    tenon_uuid_text(&user, id);
    OK(f, do_batch(f, &ctx, &in, results));
    (void)snprintf(details, sizeof details, "user=%s role=member", id);
    check_audit(f, "room.add_member", &owner, "room", &room, details);
    ops[0].kind = CHAT_UPDATE_ROLE;
    ops[0].role = CHAT_ROOM_ADMIN;
    OK(f, do_batch(f, &ctx, &in, results));
    (void)snprintf(details, sizeof details, "user=%s role=admin", id);
    check_audit(f, "room.update_role", &owner, "room", &room, details);
    ops[0].kind = CHAT_REMOVE_MEMBER;
    OK(f, do_batch(f, &ctx, &in, results));
    check_audit(f, "room.remove_member", &owner, "room", &room, details);
    ops[0] = (chat_room_operation){ .kind = CHAT_UPDATE_ROOM,
                                    .room = room,
                                    .set = CHAT_SET_PUBLIC };
    OK(f, do_batch(f, &ctx, &in, results));
    check_audit(f, "room.update_room", &owner, "room", &room, "");
    ops[1] = (chat_room_operation){ .kind = CHAT_CREATE_ROOM, .name = "third" };
    ops[2] = (chat_room_operation){ .kind = CHAT_UPDATE_ROOM,
                                    .room = other,
                                    .set = CHAT_SET_PUBLIC };
    in.count = 3;
    OK(f, do_batch(f, &ctx, &in, results));
    check_audit(f, "room.batch", &owner, "room", NULL, "create_room=1 update_room=2");
    check_audit(f, "room.update_room", &owner, "room", &room, "");
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(only_administrators_clean_up),
        CASE(clean_up_takes_the_oldest_first_up_to_the_limit),
        CASE(clean_up_ends_invitations_up_to_the_limit_beyond_a_chunk),
        CASE(names_differ_by_more_than_ascii_case),
        CASE(renaming_is_checked_in_order),
        CASE(counts_are_those_of_each_table),
        CASE(audit_rows_of_users_and_sessions),
        CASE(audit_rows_of_invitations_and_messages),
        CASE(audit_rows_of_batches),
    };

    return fixture_main(argc, argv, "upkeep", tests, sizeof tests / sizeof tests[0]);
}
