/** @file rooms_test.c Creating rooms; lists of rooms and members; clean-up. */
#include "fixture.h"

#include <stdio.h>

static void
a_room_comes_with_its_owner(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid owner = make_user(f, "owner");
    chat_context ctx = as(f, &owner);
    chat_new_room in = { .name = "#ubuntu", .description = "help", .is_public = true };
    chat_created_room out;
    chat_room found;
    chat_membership membership;

    OK(f, do_create_room(f, &ctx, &in, &out));
    assert_string_equal(out.room.name, "#ubuntu");
    assert_string_equal(out.room.description, "help");
    assert_true(out.room.is_public);
    assert_true(out.room.is_active);
    assert_int_equal(out.room.created_at_us, T0);
    assert_true(same_id(&out.room.created_by, &owner));
    assert_true(same_id(&out.membership.room_id, &out.room.id));
    assert_true(same_id(&out.membership.user_id, &owner));
    assert_int_equal(out.membership.role, CHAT_ROOM_OWNER);
    assert_int_equal(out.membership.status, CHAT_MEMBERSHIP_ACTIVE);
    OK(f, chat_find_room_by_name_atomically(f->db, "#ubuntu", &found, &f->err));
    assert_memory_equal(&found.id, &out.room.id, sizeof found.id);
    assert_string_equal(found.description, "help");
    membership = membership_of(f, &out.room.id, &owner);
    assert_memory_equal(&membership.id, &out.membership.id, sizeof membership.id);
    assert_int_equal(fixture_audits(f, "room.create"), 1);
    assert_true(fixture_is_sound(f));
}

static void
a_creator_exists_is_active_and_no_guest(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid user = make_user(f, "user");
    tenon_uuid guest = make_user_of_role(f, "guest", CHAT_USER_GUEST);
    tenon_uuid nobody = no_such_id();
    chat_context ctx = as(f, &nobody);
    chat_new_room in = { .name = "room" };
    chat_created_room out;

    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_NOT_FOUND, "creator");
    ctx = as(f, NULL);
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_NOT_FOUND, "creator");
    ctx = as(f, &guest);
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_DENIED, "creator.role");
    set_user_active(f, &user, false);
    ctx = as(f, &user);
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_DENIED, "creator.is_active");
    set_user_active(f, &user, true);
    OK(f, do_create_room(f, &ctx, &in, &out));
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_EXISTS, "name");
    /* The creator is looked at before the name. */
    ctx = as(f, &guest);
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_DENIED, "creator.role");
    /* The input is looked at before the creator. */
    in.name = "";
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_INVALID, "name");
}

/* ---- Lists ---- */

typedef struct seen {
    unsigned count;
    unsigned pending;
    unsigned stop_at;
    char names[8][CHAT_MAX_ROOM_NAME_BYTES + 1];
} seen;

static tenon_status
see(seen *s, const char *name, const chat_membership *membership)
{
    if (s->stop_at != 0 && s->count == s->stop_at)
        return TENON_CANCELLED;
    assert_true(s->count < 8);
    (void)snprintf(s->names[s->count], sizeof s->names[0], "%s", name);
    s->count++;
    s->pending += membership->status == CHAT_MEMBERSHIP_PENDING ? 1 : 0;
    return TENON_OK;
}

static tenon_status
see_room(void *arg, const chat_room *room, const chat_membership *membership)
{
    assert_memory_equal(&room->id, &membership->room_id, sizeof room->id);
    return see((seen *)arg, room->name, membership);
}

static tenon_status
see_member(void *arg, const chat_user *user, const chat_membership *membership)
{
    assert_memory_equal(&user->id, &membership->user_id, sizeof user->id);
    return see((seen *)arg, user->username, membership);
}

static void
a_users_rooms_are_listed_in_the_order_of_joining(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid user = make_user(f, "user");
    tenon_uuid other = make_user(f, "other");
    tenon_uuid admin = make_user_of_role(f, "admin", CHAT_USER_ADMIN);
    tenon_uuid nobody = no_such_id();
    tenon_uuid theirs = make_room(f, "theirs", &other);
    chat_context ctx = as(f, &user);
    seen s = { .count = 0 };

    OK(f, do_list_rooms(f, &ctx, &user, see_room, &s));
    assert_int_equal(s.count, 0);
    (void)make_room(f, "zebra", &user);
    (void)make_invitation(f, &theirs, &other, &user);
    (void)make_room(f, "ape", &user);
    OK(f, do_list_rooms(f, &ctx, &user, see_room, &s));
    assert_int_equal(s.count, 3);
    assert_int_equal(s.pending, 1);
    assert_string_equal(s.names[0], "zebra");
    assert_string_equal(s.names[1], "theirs");
    assert_string_equal(s.names[2], "ape");
    s = (seen){ .stop_at = 2 };
    assert_int_equal(do_list_rooms(f, &ctx, &user, see_room, &s), TENON_CANCELLED);
    assert_int_equal(s.count, 2);
    ctx = as(f, &other);
    REFUSED(f, do_list_rooms(f, &ctx, &user, see_room, &s), TENON_DENIED, "actor");
    ctx = as(f, &admin);
    s = (seen){ .count = 0 };
    OK(f, do_list_rooms(f, &ctx, &user, see_room, &s));
    assert_int_equal(s.count, 3);
    REFUSED(f, do_list_rooms(f, &ctx, &nobody, see_room, &s), TENON_NOT_FOUND, "user");
    REFUSED(f, do_list_rooms(f, &ctx, NULL, see_room, &s), TENON_MISUSE, "chat.list_rooms");
}

static void
a_rooms_members_are_listed_to_its_members(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid owner = make_user(f, "owner");
    tenon_uuid member = make_user(f, "member");
    tenon_uuid invited = make_user(f, "invited");
    tenon_uuid stranger = make_user(f, "stranger");
    tenon_uuid room = make_room(f, "room", &owner);
    tenon_uuid nobody = no_such_id();
    chat_context ctx = as(f, &member);
    seen s = { .count = 0 };

    make_member(f, &room, &owner, &member, 0);
    (void)make_invitation(f, &room, &owner, &invited);
    OK(f, do_list_members(f, &ctx, &room, see_member, &s));
    assert_int_equal(s.count, 3);
    assert_int_equal(s.pending, 1);
    assert_string_equal(s.names[0], "owner"); /* ids are in the order of registration */
    assert_string_equal(s.names[2], "invited");
    ctx = as(f, &invited);
    REFUSED(f, do_list_members(f, &ctx, &room, see_member, &s), TENON_DENIED, "actor");
    ctx = as(f, &stranger);
    REFUSED(f, do_list_members(f, &ctx, &room, see_member, &s), TENON_DENIED, "actor");
    REFUSED(f, do_list_members(f, &ctx, &nobody, see_member, &s), TENON_NOT_FOUND, "room");
    ctx = as_system(f);
    s.count = 0;
    OK(f, do_list_members(f, &ctx, &room, see_member, &s));
}

/* ---- Clean-up ---- */

static void
clean_up_removes_expired_sessions_and_lets_overdue_invitations_expire(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid owner = make_user(f, "owner");
    tenon_uuid late = make_user(f, "late");
    tenon_uuid early = make_user(f, "early");
    tenon_uuid room = make_room(f, "room", &owner);
    chat_context ctx = as(f, &owner);
    chat_new_invitation in = { .room = room, .recipient = late, .expires_at_us = T0 + SECOND };
    chat_invited out;
    chat_cleaned cleaned;
    chat_counts counts;

    OK(f, do_invite(f, &ctx, &in, &out));
    in.recipient = early;
    in.expires_at_us = T0 + 2 * SECOND;
    OK(f, do_invite(f, &ctx, &in, &out));
    REFUSED(f, do_clean_up(f, &ctx, 0, &cleaned), TENON_DENIED, "actor");
    ctx = as_system(f);
    OK(f, do_clean_up(f, &ctx, 0, &cleaned));
    assert_int_equal(cleaned.sessions_count + cleaned.invitations_count, 0);
    assert_int_equal(fixture_audits(f, "chat.clean_up"), 0);
    f->now_us = T0 + SECOND;
    ctx = as_system(f);
    OK(f, do_clean_up(f, &ctx, 0, &cleaned));
    assert_int_equal(cleaned.invitations_count, 1);
    assert_int_equal(membership_of(f, &room, &late).status, 0);
    assert_int_equal(membership_of(f, &room, &early).status, CHAT_MEMBERSHIP_PENDING);
    assert_true(fixture_is_sound(f));
    f->now_us = T0 + CHAT_SESSION_LIFETIME_US;
    ctx = as_system(f);
    OK(f, do_clean_up(f, &ctx, 2, &cleaned));
    assert_int_equal(cleaned.sessions_count, 2);
    assert_int_equal(cleaned.invitations_count, 1);
    OK(f, do_clean_up(f, &ctx, 2, &cleaned));
    assert_int_equal(cleaned.sessions_count, 1);
    assert_int_equal(fixture_audits(f, "chat.clean_up"), 3);
    OK(f, do_count(f, &counts));
    assert_int_equal(counts.sessions_count, 0);
    assert_int_equal(counts.invitations_count, 2);
    /* Whoever was invited in vain may be invited again. */
    (void)make_invitation(f, &room, &owner, &late);
}

static void
clean_up_goes_on_beyond_one_chunk(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx;
    chat_cleaned cleaned;
    char name[16];

    for (unsigned i = 0; i < 130; i++) {
        (void)snprintf(name, sizeof name, "u%u", i);
        (void)make_user(f, name);
    }
    f->now_us = T0 + CHAT_SESSION_LIFETIME_US;
    ctx = as_system(f);
    OK(f, do_clean_up(f, &ctx, 100, &cleaned));
    assert_int_equal(cleaned.sessions_count, 100);
    OK(f, do_clean_up(f, &ctx, 0, &cleaned));
    assert_int_equal(cleaned.sessions_count, 30);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(a_room_comes_with_its_owner),
        CASE(a_creator_exists_is_active_and_no_guest),
        CASE(a_users_rooms_are_listed_in_the_order_of_joining),
        CASE(a_rooms_members_are_listed_to_its_members),
        CASE(clean_up_removes_expired_sessions_and_lets_overdue_invitations_expire),
        CASE(clean_up_goes_on_beyond_one_chunk),
    };

    return fixture_main(argc, argv, "rooms", tests, sizeof tests / sizeof tests[0]);
}
