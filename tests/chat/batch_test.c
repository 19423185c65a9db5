/** @file batch_test.c Batches of room operations: each kind and its checks. */
#include "batch.h"

#include <stdio.h>

/* ---- Creating ---- */

static void
create_gives_the_room_and_its_owner(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid user = make_user(f, "user");
    chat_room_operation op = { .kind = CHAT_CREATE_ROOM,
                               .room_of = 7, /* not looked at */
                               .name = "room",
                               .description = "what it is for",
                               .is_public = true };
    chat_room_result result;
    chat_membership membership;
    chat_room room;

    OK(f, batch_one(f, &user, &op, &result));
    OK(f, chat_find_room_by_name_atomically(f->db, "room", &room, &f->err));
    assert_true(same_id(&room.id, &result.room));
    assert_true(same_id(&room.created_by, &user));
    assert_string_equal(room.description, "what it is for");
    assert_true(room.is_public);
    assert_true(room.is_active);
    membership = membership_of(f, &room.id, &user);
    assert_true(same_id(&membership.id, &result.membership));
    assert_int_equal(membership.role, CHAT_ROOM_OWNER);
    assert_int_equal(result.role, CHAT_ROOM_OWNER);
    assert_int_equal(result.status, CHAT_MEMBERSHIP_ACTIVE);
    assert_int_equal(fixture_audits(f, "room.create_room"), 1);
    assert_true(fixture_is_sound(f));
}

static void
create_checks_the_creator_then_the_name(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid user = make_user(f, "user");
    tenon_uuid guest = make_user_of_role(f, "guest", CHAT_USER_GUEST);
    tenon_uuid nobody = no_such_id();
    chat_room_operation op = { .kind = CHAT_CREATE_ROOM, .name = "taken" };
    chat_room_result result;

    (void)make_room(f, "taken", &user);
    REFUSED_ONE(f, NULL, &op, TENON_NOT_FOUND, "creator");
    REFUSED_ONE(f, &nobody, &op, TENON_NOT_FOUND, "creator");
    REFUSED_ONE(f, &guest, &op, TENON_DENIED, "creator.role");
    set_user_active(f, &guest, false);
    REFUSED_ONE(f, &guest, &op, TENON_DENIED, "creator.is_active");
    REFUSED_ONE(f, &user, &op, TENON_EXISTS, "name");
    op.name = "Taken"; /* room names are compared byte by byte */
    OK(f, batch_one(f, &user, &op, &result));
}

/* ---- Updating ---- */

static void
update_changes_only_what_is_set(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    chat_room_operation op = { .kind = CHAT_UPDATE_ROOM,
                               .room = c.room,
                               .set = CHAT_SET_DESCRIPTION,
                               .name = "not looked at",
                               .description = "new",
                               .is_public = true };
    chat_room_result result;
    chat_room room;

    f->now_us += SECOND;
    OK(f, batch_one(f, &c.admin, &op, &result));
    assert_true(same_id(&result.room, &c.room));
    assert_int_equal(result.role, 0);
    assert_int_equal(result.status, 0);
    room = find_room(f, &c.room);
    assert_string_equal(room.name, "room");
    assert_string_equal(room.description, "new");
    assert_false(room.is_public);
    assert_true(room.is_active);
    assert_int_equal(room.created_at_us, T0);
    assert_int_equal(room.updated_at_us, T0 + SECOND);
    op.set = CHAT_SET_NAME | CHAT_SET_PUBLIC;
    op.name = "renamed";
    OK(f, batch_one(f, &c.admin, &op, &result));
    room = find_room(f, &c.room);
    assert_string_equal(room.name, "renamed");
    assert_string_equal(room.description, "new");
    assert_true(room.is_public);
    assert_true(room.is_active);
    op.set = CHAT_SET_DESCRIPTION;
    op.description = NULL;
    OK(f, batch_one(f, &c.owner, &op, &result));
    assert_string_equal(find_room(f, &c.room).description, "");
    op.set = CHAT_SET_ACTIVE;
    OK(f, batch_one(f, &c.owner, &op, &result));
    assert_false(find_room(f, &c.room).is_active);
    op.is_active = true; /* who archives a room can bring it back */
    OK(f, batch_one(f, &c.owner, &op, &result));
    assert_true(find_room(f, &c.room).is_active);
    assert_int_equal(fixture_audits(f, "room.update_room"), 5);
    assert_true(fixture_is_sound(f));
}

static void
update_is_for_owners_and_admins_archiving_for_owners(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    tenon_uuid nowhere = no_such_id();
    chat_room_operation op = {
        .kind = CHAT_UPDATE_ROOM, .room = nowhere, .set = CHAT_SET_NAME, .name = "taken"
    };
    chat_room_result result;

    (void)make_room(f, "taken", &c.stranger);
    REFUSED_ONE(f, &c.owner, &op, TENON_NOT_FOUND, "room");
    REFUSED_ONE(f, NULL, &op, TENON_NOT_FOUND, "room");
    op.room = c.room;
    REFUSED_ONE(f, NULL, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.stranger, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.invited, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.member, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.admin, &op, TENON_EXISTS, "name");
    op.set = CHAT_SET_NAME | CHAT_SET_ACTIVE;
    REFUSED_ONE(f, &c.admin, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.owner, &op, TENON_EXISTS, "name");
    op.name = "room"; /* its own name is not taken */
    OK(f, batch_one(f, &c.owner, &op, &result));
    assert_false(find_room(f, &c.room).is_active);
    op.set = CHAT_SET_NAME;
    op.name = "free";
    OK(f, batch_one(f, &c.admin, &op, &result));
    op.name = "room"; /* free again */
    OK(f, batch_one(f, &c.admin, &op, &result));
}

/* ---- Deleting ---- */

static void
delete_is_for_owners_and_takes_everything_along(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    tenon_uuid other = make_room(f, "other", &c.owner);
    chat_room_operation op = { .kind = CHAT_DELETE_ROOM, .room = c.room };
    chat_room_result result;
    chat_counts counts;

    (void)make_message(f, &c.room, &c.member, "goes");
    (void)make_message(f, &other, &c.owner, "stays");
    REFUSED_ONE(f, NULL, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.stranger, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.invited, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.member, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.admin, &op, TENON_DENIED, "actor");
    OK(f, batch_one(f, &c.owner, &op, &result));
    assert_true(same_id(&result.room, &c.room));
    assert_int_equal(result.role, 0);
    OK(f, do_count(f, &counts));
    assert_int_equal(counts.rooms_count, 1);
    assert_int_equal(counts.memberships_count, 1);
    assert_int_equal(counts.invitations_count, 0);
    assert_int_equal(counts.messages_count, 1);
    assert_int_equal(fixture_audits(f, "room.delete_room"), 1);
    REFUSED_ONE(f, &c.owner, &op, TENON_NOT_FOUND, "room");
    (void)make_room(f, "room", &c.stranger);
    assert_true(fixture_is_sound(f));
}

/* ---- Adding ---- */

static void
add_makes_an_active_member_at_once(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    tenon_uuid guest = make_user_of_role(f, "guest", CHAT_USER_GUEST);
    chat_room_operation op = { .kind = CHAT_ADD_MEMBER, .room = c.room, .user = c.stranger };
    chat_room_result result;
    chat_membership membership;

    f->now_us += SECOND;
    OK(f, batch_one(f, &c.admin, &op, &result));
    membership = membership_of(f, &c.room, &c.stranger);
    assert_true(same_id(&membership.id, &result.membership));
    assert_int_equal(membership.role, CHAT_ROOM_MEMBER);
    assert_int_equal(membership.status, CHAT_MEMBERSHIP_ACTIVE);
    assert_int_equal(membership.joined_at_us, T0 + SECOND);
    assert_int_equal(result.role, CHAT_ROOM_MEMBER);
    assert_int_equal(result.status, CHAT_MEMBERSHIP_ACTIVE);
    op.user = guest;
    op.role = CHAT_ROOM_ADMIN;
    OK(f, batch_one(f, &c.owner, &op, &result));
    assert_int_equal(result.role, CHAT_ROOM_ADMIN);
    assert_int_equal(membership_of(f, &c.room, &guest).role, CHAT_ROOM_ADMIN);
    assert_true(fixture_is_sound(f));
}

static void
add_is_checked_in_order(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    tenon_uuid nobody = no_such_id();
    tenon_uuid sleeper = make_user(f, "sleeper");
    chat_room_operation op = { .kind = CHAT_ADD_MEMBER, .room = nobody, .user = nobody };

    set_user_active(f, &sleeper, false);
    set_user_active(f, &c.member, false);
    set_room_active(f, &c.room, false);
    REFUSED_ONE(f, &c.owner, &op, TENON_NOT_FOUND, "room");
    op.room = c.room;
    REFUSED_ONE(f, NULL, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.stranger, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.invited, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.member, &op, TENON_DENIED, "actor");
    op.role = CHAT_ROOM_ADMIN;
    REFUSED_ONE(f, &c.admin, &op, TENON_DENIED, "actor");
    REFUSED_ONE(f, &c.owner, &op, TENON_CONSTRAINT, "room.is_active");
    set_room_active(f, &c.room, true);
    REFUSED_ONE(f, &c.owner, &op, TENON_NOT_FOUND, "user");
    op.user = c.member; /* not active, and a member: the first of them counts */
    REFUSED_ONE(f, &c.owner, &op, TENON_CONSTRAINT, "user.is_active");
    op.user = sleeper;
    REFUSED_ONE(f, &c.owner, &op, TENON_CONSTRAINT, "user.is_active");
    op.user = c.other_admin;
    REFUSED_ONE(f, &c.owner, &op, TENON_EXISTS, "membership");
    op.user = c.owner;
    REFUSED_ONE(f, &c.owner, &op, TENON_EXISTS, "membership");
    op.user = c.invited;
    REFUSED_ONE(f, &c.owner, &op, TENON_EXISTS, "invitation");
}

/* ---- All or nothing ---- */

enum { WHOLE = 9 };

/** Nine operations of all kinds, each in need of some before it, that the owner may do. */
static void
fill_whole(const batch_cast *c, chat_room_operation ops[WHOLE])
{
    const chat_room_operation all[WHOLE] = {
        { .kind = CHAT_CREATE_ROOM, .name = "new" },
        { .kind = CHAT_ADD_MEMBER, .room_of = 1, .user = c->member },
        { .kind = CHAT_UPDATE_ROLE, .room_of = 1, .user = c->member, .role = CHAT_ROOM_ADMIN },
        { .kind = CHAT_UPDATE_ROOM, .room = c->room, .set = CHAT_SET_NAME, .name = "old" },
        { .kind = CHAT_UPDATE_ROOM, .room_of = 1, .set = CHAT_SET_NAME, .name = "room" },
        { .kind = CHAT_REMOVE_MEMBER, .room = c->room, .user = c->invited },
        { .kind = CHAT_ADD_MEMBER, .room = c->room, .user = c->invited, .role = CHAT_ROOM_ADMIN },
        { .kind = CHAT_CREATE_ROOM, .name = "short" },
        { .kind = CHAT_DELETE_ROOM, .room_of = 8 },
    };

    memcpy(ops, all, sizeof all);
}

static void
a_batch_is_done_in_order(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    chat_context ctx = as(f, &c.owner);
    chat_room_operation ops[WHOLE];
    chat_room_batch in = { .operations = ops, .count = WHOLE };
    chat_room_result results[WHOLE];
    chat_counts before;
    chat_counts after;

    fill_whole(&c, ops);
    OK(f, do_count(f, &before));
    OK(f, do_batch(f, &ctx, &in, results));
    OK(f, do_count(f, &after));
    assert_string_equal(find_room(f, &c.room).name, "old");
    assert_string_equal(find_room(f, &results[0].room).name, "room");
    for (unsigned i = 1; i < WHOLE; i++)
        if (ops[i].room_of != 0)
            assert_true(same_id(&results[i].room, &results[ops[i].room_of - 1].room));
    assert_int_equal(membership_of(f, &results[0].room, &c.member).role, CHAT_ROOM_ADMIN);
    assert_true(same_id(&results[1].membership, &results[2].membership));
    assert_int_equal(results[1].role, CHAT_ROOM_MEMBER);
    assert_int_equal(results[2].role, CHAT_ROOM_ADMIN);
    assert_int_equal(results[5].status, CHAT_MEMBERSHIP_REMOVED);
    assert_int_equal(membership_of(f, &c.room, &c.invited).status, CHAT_MEMBERSHIP_ACTIVE);
    assert_true(invitation_is(f, &c.invitation, "revoked"));
    assert_int_equal(after.rooms_count, before.rooms_count + 1);
    assert_int_equal(after.memberships_count, before.memberships_count + 2);
    assert_int_equal(after.audit_logs_count, before.audit_logs_count + 1);
    assert_int_equal(fixture_audits(f, "room.batch"), 1);
    assert_true(fixture_is_sound(f));
}

static void
one_that_fails_undoes_all_and_is_named(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    chat_context ctx = as(f, &c.owner);
    chat_room_operation ops[WHOLE + 1];
    chat_room_batch in = { .operations = ops, .count = WHOLE + 1 };
    chat_room_result results[WHOLE + 1];
    char object[64];

    for (unsigned at = 0; at <= WHOLE; at++) {
        chat_room_operation all[WHOLE];

        fill_whole(&c, all);
        memcpy(ops, all, at * sizeof *ops);
        ops[at] = (chat_room_operation){ .kind = CHAT_REMOVE_MEMBER,
                                         .room = c.room,
                                         .user = c.stranger };
        for (unsigned i = at; i < WHOLE; i++) {
            ops[i + 1] = all[i];
            ops[i + 1].room_of += all[i].room_of > at ? 1 : 0;
        }
        memset(results, 0xff, sizeof results);
        (void)snprintf(object, sizeof object, "operations[%u].membership", at);
        REFUSED(f, do_batch(f, &ctx, &in, results), TENON_NOT_FOUND, object);
        assert_true(batch_is_zero(results, WHOLE + 1));
    }
    assert_int_equal(fixture_audits(f, "room.batch"), 0);
}

static void
each_operation_sees_what_those_before_it_did(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    chat_context ctx = as(f, &c.owner);
    chat_room_operation ops[3] = {
        { .kind = CHAT_UPDATE_ROLE, .room = c.room, .user = c.admin, .role = CHAT_ROOM_OWNER },
        { .kind = CHAT_UPDATE_ROLE, .room = c.room, .user = c.member, .role = CHAT_ROOM_ADMIN },
    };
    chat_room_batch in = { .operations = ops, .count = 2 };
    chat_room_result results[3];

    /* Who has passed ownership on is an admin. */
    REFUSED(f, do_batch(f, &ctx, &in, results), TENON_DENIED, "operations[1].actor");
    ops[1] = (chat_room_operation){ .kind = CHAT_DELETE_ROOM, .room = c.room };
    REFUSED(f, do_batch(f, &ctx, &in, results), TENON_DENIED, "operations[1].actor");
    /* Who has left can do nothing more. */
    ops[1] = (chat_room_operation){ .kind = CHAT_REMOVE_MEMBER, .room = c.room, .user = c.owner };
    ops[2] = (chat_room_operation){ .kind = CHAT_ADD_MEMBER, .room = c.room, .user = c.stranger };
    in.count = 3;
    REFUSED(f, do_batch(f, &ctx, &in, results), TENON_DENIED, "operations[2].actor");
    in.count = 2;
    OK(f, do_batch(f, &ctx, &in, results));
    assert_int_equal(membership_of(f, &c.room, &c.admin).role, CHAT_ROOM_OWNER);
    assert_int_equal(membership_of(f, &c.room, &c.owner).status, 0);
    assert_true(fixture_is_sound(f));
    /* A room that is deleted is not there; its name is free. */
    ctx = as(f, &c.admin);
    ops[0] = (chat_room_operation){ .kind = CHAT_DELETE_ROOM, .room = c.room };
    ops[1] = (chat_room_operation){ .kind = CHAT_CREATE_ROOM, .name = "room" };
    ops[2] = (chat_room_operation){ .kind = CHAT_DELETE_ROOM, .room = c.room };
    in.count = 3;
    REFUSED(f, do_batch(f, &ctx, &in, results), TENON_NOT_FOUND, "operations[2].room");
    ops[2] = (chat_room_operation){ .kind = CHAT_CREATE_ROOM, .name = "room" };
    REFUSED(f, do_batch(f, &ctx, &in, results), TENON_EXISTS, "operations[2].name");
    ops[2].name = "second";
    OK(f, do_batch(f, &ctx, &in, results));
    assert_true(fixture_is_sound(f));
}

/* ---- The input ---- */

/** Run ops[0 … count) as somebody who may do nothing: input is checked before that. */
static void
check_input(fixture *f, const chat_room_operation *ops, uint32_t count, const char *object)
{
    chat_context ctx = as(f, NULL);
    chat_room_batch in = { .operations = ops, .count = count };
    chat_room_result results[4];

    REFUSED(f, do_batch(f, &ctx, &in, results), TENON_INVALID, object);
    assert_true(batch_is_zero(results, count));
}

static void
inputs_are_checked_in_order_before_anything_is_done(void **state)
{
    fixture *f = (fixture *)*state;
    chat_room_operation ops[2] = { { .kind = CHAT_DELETE_ROOM }, { .kind = 7, .room_of = 3 } };
    char long_text[CHAT_MAX_DESCRIPTION_BYTES + 2];

    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    check_input(f, ops, 2, "operations[1].kind");
    ops[1].kind = 0;
    check_input(f, ops, 2, "operations[1].kind");
    ops[1] = (chat_room_operation){
        .kind = CHAT_UPDATE_ROOM, .room_of = 2, .set = 31, .name = "", .description = long_text
    };
    check_input(f, ops, 2, "operations[1].room_of"); /* itself */
    ops[1].room_of = 3;
    check_input(f, ops, 2, "operations[1].room_of"); /* not there */
    ops[1].room_of = 1;
    check_input(f, ops, 2, "operations[1].room_of"); /* creates nothing */
    ops[1].room_of = 0;
    check_input(f, ops, 2, "operations[1].name");
    ops[1].name = NULL;
    check_input(f, ops, 2, "operations[1].name");
    ops[1].name = "a";
    check_input(f, ops, 2, "operations[1].description");
    ops[1].description = "b";
    check_input(f, ops, 2, "operations[1].set");
    ops[1].set = 0;
    check_input(f, ops, 2, "operations[1].set");
    ops[1].kind = CHAT_CREATE_ROOM;
    ops[1].name = "\n";
    check_input(f, ops, 2, "operations[1].name");
    ops[1].name = "a";
    ops[1].description = "\xff";
    check_input(f, ops, 2, "operations[1].description");
}

static void
roles_and_counts_are_checked(void **state)
{
    fixture *f = (fixture *)*state;
    chat_room_operation op = { .kind = CHAT_ADD_MEMBER, .role = CHAT_ROOM_OWNER };

    check_input(f, &op, 1, "operations[0].role"); /* ownership is passed on, never given */
    op.role = CHAT_ROOM_MEMBER + 1;
    check_input(f, &op, 1, "operations[0].role");
    op.kind = CHAT_UPDATE_ROLE;
    check_input(f, &op, 1, "operations[0].role");
    op.role = 0;
    check_input(f, &op, 1, "operations[0].role");
    check_input(f, &op, 0, "operations");
    check_input(f, NULL, 1, "operations");
}

static void
a_batch_has_up_to_a_thousand_operations(void **state)
{
    static chat_room_operation ops[CHAT_MAX_BATCH + 1];
    static chat_room_result results[CHAT_MAX_BATCH + 1];
    static char names[CHAT_MAX_BATCH + 1][16];
    fixture *f = (fixture *)*state;
    tenon_uuid user = make_user(f, "user");
    chat_context ctx = as(f, &user);
    chat_room_batch in = { .operations = ops, .count = CHAT_MAX_BATCH + 1 };
    chat_counts counts;

    for (unsigned i = 0; i <= CHAT_MAX_BATCH; i++) {
        (void)snprintf(names[i], sizeof names[i], "r%u", i);
        ops[i] = (chat_room_operation){ .kind = CHAT_CREATE_ROOM, .name = names[i] };
    }
    REFUSED(f, do_batch(f, &ctx, &in, results), TENON_INVALID, "operations");
    in.count = CHAT_MAX_BATCH;
    ops[CHAT_MAX_BATCH - 1].name = "r0";
    REFUSED(f, do_batch(f, &ctx, &in, results), TENON_EXISTS, "operations[999].name");
    ops[CHAT_MAX_BATCH - 1].name = "r999";
    OK(f, do_batch(f, &ctx, &in, results));
    OK(f, do_count(f, &counts));
    assert_int_equal(counts.rooms_count, CHAT_MAX_BATCH);
    assert_int_equal(counts.memberships_count, CHAT_MAX_BATCH);
    assert_true(fixture_is_sound(f));
}

static void
null_pointers_are_misuse(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_room_operation op = { .kind = CHAT_DELETE_ROOM };
    chat_room_batch in = { .operations = &op, .count = 1 };
    chat_room_result result;

    REFUSED(f, do_batch(f, &ctx, NULL, &result), TENON_MISUSE, "chat.batch_rooms");
    REFUSED(f, do_batch(f, &ctx, &in, NULL), TENON_MISUSE, "chat.batch_rooms");
    REFUSED(f, do_batch(f, NULL, &in, &result), TENON_MISUSE, "context");
    ctx.size = 0;
    REFUSED(f, do_batch(f, &ctx, &in, &result), TENON_MISUSE, "context");
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(create_gives_the_room_and_its_owner),
        CASE(create_checks_the_creator_then_the_name),
        CASE(update_changes_only_what_is_set),
        CASE(update_is_for_owners_and_admins_archiving_for_owners),
        CASE(delete_is_for_owners_and_takes_everything_along),
        CASE(add_makes_an_active_member_at_once),
        CASE(add_is_checked_in_order),
        CASE(a_batch_is_done_in_order),
        CASE(one_that_fails_undoes_all_and_is_named),
        CASE(each_operation_sees_what_those_before_it_did),
        CASE(inputs_are_checked_in_order_before_anything_is_done),
        CASE(roles_and_counts_are_checked),
        CASE(a_batch_has_up_to_a_thousand_operations),
        CASE(null_pointers_are_misuse),
    };

    return fixture_main(argc, argv, "batch", tests, sizeof tests / sizeof tests[0]);
}
