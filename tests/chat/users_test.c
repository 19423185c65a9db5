/** @file users_test.c Registration, deletion, renaming, finding users. */
#include "fixture.h"

#include <stdio.h>

/* ---- Registration ---- */

static void
registration_returns_user_session_and_token(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registration in = { .username = "Alice", .email = "a@b", .password_hash = READY_HASH };
    chat_registered out;
    chat_counts counts;

    OK(f, do_register(f, NULL, &in, &out));
    assert_true(out.user.created_at_us > T0);
    {
        chat_context ctx = as(f, NULL);

        in.username = "Bob";
        in.email = NULL;
        OK(f, do_register(f, &ctx, &in, &out));
    }
    assert_string_equal(out.user.username, "Bob");
    assert_string_equal(out.user.email, "");
    assert_int_equal(out.user.role, CHAT_USER_USER);
    assert_true(out.user.is_active);
    assert_int_equal(out.user.created_at_us, T0);
    assert_int_equal(out.user.last_seen_us, T0);
    assert_true(same_id(&out.session.user_id, &out.user.id));
    assert_int_equal(out.session.expires_at_us, T0 + CHAT_SESSION_LIFETIME_US);
    assert_true(out.session.is_active);
    assert_int_equal(strlen(out.token), CHAT_TOKEN_TEXT_BYTES - 1);
    OK(f, do_count(f, &counts));
    assert_int_equal(counts.users_count, 2);
    assert_int_equal(counts.sessions_count, 2);
    assert_int_equal(counts.audit_logs_count, 2);
    assert_int_equal(fixture_audits(f, "user.register"), 2);
}

static void
user_names_are_unique_without_regard_to_ascii_case(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_registration in = { .username = "Alice", .password_hash = READY_HASH };
    chat_registered out;

    OK(f, do_register(f, &ctx, &in, &out));
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_EXISTS, "username");
    in.username = "aLICE";
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_EXISTS, "username");
    assert_string_equal(out.token, "");
    in.username = "J\xc3\x9cRGEN";
    OK(f, do_register(f, &ctx, &in, &out));
    in.username = "j\xc3\x9crgen";
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_EXISTS, "username");
    in.username = "j\xc3\xbcrgen"; /* a small u with diaeresis: another byte, another name */
    OK(f, do_register(f, &ctx, &in, &out));
}

static void
email_addresses_are_unique_where_present(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_registration in = { .username = "one", .password_hash = READY_HASH, .email = "x@y" };
    chat_registered out;

    OK(f, do_register(f, &ctx, &in, &out));
    in.username = "two";
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_EXISTS, "email");
    /* Both are taken: the name comes first. */
    in.username = "ONE";
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_EXISTS, "username");
    in.email = NULL;
    in.username = "three";
    OK(f, do_register(f, &ctx, &in, &out));
    in.username = "four";
    OK(f, do_register(f, &ctx, &in, &out));
}

static void
only_the_system_gives_other_roles(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_context system = as_system(f);
    chat_registration in = { .username = "root",
                             .password_hash = READY_HASH,
                             .role = CHAT_USER_ADMIN };
    chat_registered out;

    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_DENIED, "role");
    OK(f, do_register(f, &system, &in, &out));
    assert_int_equal(out.user.role, CHAT_USER_ADMIN);
    in.username = "other";
    in.role = 5;
    REFUSED(f, do_register(f, &system, &in, &out), TENON_INVALID, "role");
    in.role = CHAT_USER_USER;
    OK(f, do_register(f, &ctx, &in, &out));
}

static void
a_first_session_must_expire_in_the_future(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_registration in = { .username = "a",
                             .password_hash = READY_HASH,
                             .session_expires_at_us = T0 };
    chat_registered out;

    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "session_expires_at");
    in.session_expires_at_us = T0 + 1;
    OK(f, do_register(f, &ctx, &in, &out));
    assert_int_equal(out.session.expires_at_us, T0 + 1);
}

/* ---- Deletion ---- */

static chat_deleted
delete_ok(fixture *f, const chat_context *ctx, const tenon_uuid *user, const tenon_uuid *heir)
{
    chat_deletion in = { .user = *user };
    chat_deleted out;

    if (heir != NULL)
        in.transfer_to = *heir;
    OK(f, do_delete_user(f, ctx, &in, &out));
    assert_true(fixture_is_sound(f));
    return out;
}

static void
only_the_user_or_an_administrator_deletes_a_user(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid a = make_user(f, "a");
    tenon_uuid b = make_user(f, "b");
    tenon_uuid c = make_user(f, "c");
    tenon_uuid moderator = make_user_of_role(f, "moderator", CHAT_USER_MODERATOR);
    tenon_uuid admin = make_user_of_role(f, "admin", CHAT_USER_ADMIN);
    tenon_uuid nobody = no_such_id();
    chat_deletion in = { .user = a };
    chat_deleted out;
    chat_context ctx = as(f, &b);

    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_DENIED, "actor");
    ctx = as(f, &moderator);
    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_DENIED, "actor");
    ctx = as(f, NULL);
    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_DENIED, "actor");
    ctx = as(f, &nobody);
    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_DENIED, "actor");
    set_user_active(f, &admin, false);
    ctx = as(f, &admin);
    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_DENIED, "actor");
    set_user_active(f, &admin, true);
    (void)delete_ok(f, &ctx, &a, NULL);
    ctx = as(f, &b);
    (void)delete_ok(f, &ctx, &b, NULL);
    ctx = as_system(f);
    (void)delete_ok(f, &ctx, &c, NULL);
    assert_int_equal(fixture_audits(f, "user.delete"), 3);
}

static void
deletion_checks_its_input_and_that_the_users_exist(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid a = make_user(f, "a");
    tenon_uuid nobody = no_such_id();
    chat_deletion in = { .user = nobody };
    chat_deleted out;
    chat_context ctx = as_system(f);

    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_NOT_FOUND, "user");
    ctx = as(f, &nobody);
    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_NOT_FOUND, "user");
    memset(&in.user, 0, sizeof in.user);
    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_INVALID, "user");
    in.user = in.transfer_to = a;
    ctx = as(f, &a);
    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_INVALID, "transfer_to");
    in.transfer_to = nobody;
    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_NOT_FOUND, "transfer_to");
}

static void
rooms_that_others_are_in_need_someone_to_take_them_over(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid owner = make_user(f, "owner");
    tenon_uuid heir = make_user(f, "heir");
    tenon_uuid invited = make_user(f, "invited");
    tenon_uuid room = make_room(f, "shared", &owner);
    tenon_uuid lonely = make_room(f, "lonely", &owner);
    tenon_uuid second;
    chat_context ctx = as(f, &owner);
    chat_deletion in = { .user = owner };
    chat_deleted out;
    chat_membership membership;

    make_member(f, &room, &owner, &heir, 0);
    (void)make_invitation(f, &room, &owner, &invited);
    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_CONSTRAINT, "room");
    in.transfer_to = invited; /* pending is not in */
    REFUSED(f, do_delete_user(f, &ctx, &in, &out), TENON_CONSTRAINT, "transfer_to");
    out = delete_ok(f, &ctx, &owner, &heir);
    assert_int_equal(out.rooms_transferred_count, 1);
    assert_int_equal(out.rooms_removed_count, 1);
    assert_int_equal(out.memberships_count, 3); /* two of its own, one that waited */
    assert_int_equal(out.invitations_sent_count, 1);
    membership = membership_of(f, &room, &heir);
    assert_int_equal(membership.role, CHAT_ROOM_OWNER);
    assert_int_equal(membership_of(f, &room, &invited).status, 0);
    assert_int_equal(membership_of(f, &lonely, &owner).status, 0);
    /* The room is the heir's entirely: it can be removed with it. */
    second = make_room(f, "lonely", &heir);
    ctx = as(f, &heir);
    out = delete_ok(f, &ctx, &heir, NULL);
    assert_int_equal(out.rooms_removed_count, 2);
    assert_int_equal(membership_of(f, &second, &heir).status, 0);
}

static void
rooms_created_but_owned_by_others_stay(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid creator = make_user(f, "creator");
    tenon_uuid owner = make_user(f, "owner");
    tenon_uuid room = make_room(f, "room", &creator);
    chat_context ctx = as(f, &creator);
    chat_room_operation op = {
        .kind = CHAT_UPDATE_ROLE, .room = room, .user = owner, .role = CHAT_ROOM_OWNER
    };
    chat_room_batch batch = { .operations = &op, .count = 1 };
    chat_room_result result;
    chat_deleted out;
    chat_room found;

    make_member(f, &room, &creator, &owner, 0);
    OK(f, do_batch(f, &ctx, &batch, &result));
    out = delete_ok(f, &ctx, &creator, NULL);
    assert_int_equal(out.rooms_removed_count + out.rooms_transferred_count, 0);
    assert_int_equal(out.memberships_count, 1);
    OK(f, chat_find_room_by_name_atomically(f->db, "room", &found, &f->err));
    assert_true(same_id(&found.created_by, &owner));
}

static void
deletion_counts_everything_and_leaves_nothing(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid user = make_user(f, "user");
    tenon_uuid other = make_user(f, "other");
    tenon_uuid third = make_user(f, "third");
    tenon_uuid mine = make_room(f, "mine", &user);
    tenon_uuid theirs = make_room(f, "theirs", &other);
    tenon_uuid away = make_room(f, "away", &third);
    chat_context ctx = as(f, &user);
    chat_room_operation leave = { .kind = CHAT_REMOVE_MEMBER, .room = mine, .user = other };
    chat_room_batch batch = { .operations = &leave, .count = 1 };
    chat_room_result result;
    chat_deleted out;
    chat_counts before;
    chat_counts after;

    make_member(f, &theirs, &other, &user, CHAT_ROOM_ADMIN);
    make_member(f, &mine, &user, &other, 0);
    (void)make_message(f, &mine, &other, "in a room that goes");
    (void)make_message(f, &mine, &user, "one");
    (void)make_message(f, &theirs, &user, "two");
    (void)make_message(f, &theirs, &other, "stays");
    OK(f, do_batch(f, &ctx, &batch, &result));
    for (unsigned i = 0; i < 70; i++) { /* more than are taken at a time */
        char name[16];
        tenon_uuid guest;

        (void)snprintf(name, sizeof name, "guest%u", i);
        guest = make_user(f, name);
        (void)make_invitation(f, &theirs, &user, &guest);
    }
    (void)make_invitation(f, &away, &third, &user);
    OK(f, do_count(f, &before));
    out = delete_ok(f, &ctx, &user, NULL);
    OK(f, do_count(f, &after));
    assert_int_equal(out.sessions_count, 1);
    assert_int_equal(out.messages_count, 3);
    assert_int_equal(out.memberships_count, 1 + 1 + 70 + 1); /* mine, theirs, invited, away */
    assert_int_equal(out.invitations_sent_count, 70);
    assert_int_equal(out.invitations_received_count, 1);
    assert_int_equal(out.invitations_other_count, 0);
    assert_int_equal(out.rooms_removed_count, 1);
    /* registered, created a room, added, removed, invited 70 times */
    assert_int_equal(out.audit_logs_count, 74);
    assert_int_equal(before.users_count - after.users_count, 1);
    assert_int_equal(before.sessions_count - after.sessions_count, out.sessions_count);
    assert_int_equal(before.messages_count - after.messages_count, out.messages_count);
    assert_int_equal(before.memberships_count - after.memberships_count, out.memberships_count);
    assert_int_equal(before.invitations_count - after.invitations_count,
                     out.invitations_sent_count + out.invitations_received_count);
    assert_int_equal(before.rooms_count - after.rooms_count, 1);
    assert_int_equal(after.audit_logs_count, before.audit_logs_count + 1);
    assert_int_equal(after.messages_count, 1);
}

static const tenon_query users_audit_of_actor = {
    .kind = TENON_COUNT,
    .table = &chat_audit_logs,
    .where = TENON_WHERE(TENON_EQ(CHAT_AUDIT_ACTOR_ID, 0)),
};

static tenon_status
audit_of_actor(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_value param = tenon_id((const tenon_uuid *)arg);
    uint64_t count = 1;
    tenon_status status = tenon_count(txn, &users_audit_of_actor, &param, &count, err);

    return status == TENON_OK && count != 0 ? TENON_EXISTS : status;
}

static void
no_audit_row_names_a_deleted_actor(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid user = make_user(f, "user");
    chat_context ctx = as(f, &user);

    assert_int_equal(tenon_run(f->db, NULL, audit_of_actor, &user, NULL), TENON_EXISTS);
    (void)delete_ok(f, &ctx, &user, NULL);
    OK(f, tenon_run(f->db, NULL, audit_of_actor, &user, &f->err));
    assert_int_equal(fixture_audits(f, "user.register"), 1);
    assert_int_equal(fixture_audits(f, "user.delete"), 1);
}

static void
a_deleted_users_name_and_address_are_free_again(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_registration in = { .username = "a", .email = "a@b", .password_hash = READY_HASH };
    chat_registered out;

    OK(f, do_register(f, &ctx, &in, &out));
    ctx = as(f, &out.user.id);
    (void)delete_ok(f, &ctx, &out.user.id, NULL);
    OK(f, do_register(f, &ctx, &in, &out));
}

/* ---- Renaming and finding ---- */

static void
renaming_follows_the_rules_of_names(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid a = make_user(f, "Alice");
    tenon_uuid b = make_user(f, "Bob");
    tenon_uuid admin = make_user_of_role(f, "root", CHAT_USER_ADMIN);
    tenon_uuid nobody = no_such_id();
    chat_context ctx = as(f, &a);
    chat_rename in = { .user = a, .username = "BOB" };
    chat_user out;

    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_EXISTS, "username");
    in.username = "b b";
    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_INVALID, "username");
    f->now_us += SECOND;
    ctx = as(f, &a);
    in.username = "ALICE";
    OK(f, do_rename(f, &ctx, &in, &out));
    assert_string_equal(out.username, "ALICE");
    assert_int_equal(out.updated_at_us, T0 + SECOND);
    assert_int_equal(out.created_at_us, T0);
    in.user = b;
    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_DENIED, "actor");
    ctx = as(f, &admin);
    in.username = "Carol";
    OK(f, do_rename(f, &ctx, &in, &out));
    in.user = nobody;
    REFUSED(f, do_rename(f, &ctx, &in, &out), TENON_NOT_FOUND, "user");
    assert_int_equal(fixture_audits(f, "user.rename"), 2);
    OK(f, chat_find_user_by_name_atomically(f->db, "cAROL", &out, &f->err));
    assert_true(same_id(&out.id, &b));
    REFUSED(f, chat_find_user_by_name_atomically(f->db, "bob", &out, &f->err), TENON_NOT_FOUND,
            "user");
    REFUSED(f, chat_find_user_by_name_atomically(f->db, "", &out, &f->err), TENON_INVALID,
            "username");
}

/** Looks that need a transaction. */
typedef struct finding {
    tenon_uuid user;
    tenon_uuid room;
    tenon_uuid nobody;
} finding;

static tenon_status
find_by_id(tenon_txn *txn, void *arg, tenon_error *err)
{
    const finding *in = (const finding *)arg;
    chat_user user;
    chat_room room;
    chat_membership membership;

    assert_int_equal(chat_find_user(txn, &in->user, &user, err), TENON_OK);
    assert_string_equal(user.username, "a");
    assert_int_equal(chat_find_user(txn, &in->nobody, &user, err), TENON_NOT_FOUND);
    assert_string_equal(err->object, "user");
    assert_int_equal(chat_find_room(txn, &in->room, &room, err), TENON_OK);
    assert_string_equal(room.name, "r");
    assert_int_equal(chat_find_room(txn, &in->nobody, &room, err), TENON_NOT_FOUND);
    assert_string_equal(err->object, "room");
    assert_int_equal(chat_find_membership(txn, &in->room, &in->user, &membership, err), TENON_OK);
    assert_int_equal(membership.role, CHAT_ROOM_OWNER);
    assert_int_equal(chat_find_membership(txn, &in->room, &in->nobody, &membership, err),
                     TENON_NOT_FOUND);
    assert_string_equal(err->object, "membership");
    assert_int_equal(chat_find_user_by_name(txn, "A", &user, err), TENON_OK);
    assert_int_equal(chat_find_room_by_name(txn, "r", &room, err), TENON_OK);
    assert_int_equal(chat_find_room_by_name(txn, "R", &room, err), TENON_NOT_FOUND);
    assert_int_equal(chat_find_user(txn, NULL, &user, err), TENON_MISUSE);
    assert_int_equal(chat_find_room(txn, NULL, &room, err), TENON_MISUSE);
    assert_int_equal(chat_find_membership(txn, NULL, NULL, &membership, err), TENON_MISUSE);
    return TENON_OK;
}

static void
users_rooms_and_memberships_are_found(void **state)
{
    fixture *f = (fixture *)*state;
    finding in;

    in.user = make_user(f, "a");
    in.room = make_room(f, "r", &in.user);
    in.nobody = no_such_id();
    OK(f, tenon_run(f->db, NULL, find_by_id, &in, &f->err));
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(registration_returns_user_session_and_token),
        CASE(user_names_are_unique_without_regard_to_ascii_case),
        CASE(email_addresses_are_unique_where_present),
        CASE(only_the_system_gives_other_roles),
        CASE(a_first_session_must_expire_in_the_future),
        CASE(only_the_user_or_an_administrator_deletes_a_user),
        CASE(deletion_checks_its_input_and_that_the_users_exist),
        CASE(rooms_that_others_are_in_need_someone_to_take_them_over),
        CASE(rooms_created_but_owned_by_others_stay),
        CASE(deletion_counts_everything_and_leaves_nothing),
        CASE(no_audit_row_names_a_deleted_actor),
        CASE(a_deleted_users_name_and_address_are_free_again),
        CASE(renaming_follows_the_rules_of_names),
        CASE(users_rooms_and_memberships_are_found),
    };

    return fixture_main(argc, argv, "users", tests, sizeof tests / sizeof tests[0]);
}
