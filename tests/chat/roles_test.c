/** @file roles_test.c Who may remove whom from a room, and give whom which role: every pair. */
#include "batch.h"

/* Actors are the people of a cast, and the system last: its permissions end at a room's door. */
enum { ACTOR_SYSTEM = BATCH_PEOPLE, ACTORS };

/* What becomes of an operation. */
enum {
    DONE = 'k',
    DENIED = 'd',
    NOT_THERE = 'n',
    IS_OWNER = 'o',  /* the owner can't go, nor become less */
    IS_INVITED = 'i' /* has no role yet */
};

static const tenon_uuid *
person(const batch_cast *c, int who)
{
    const tenon_uuid *const people[] = { &c->owner,        &c->admin,   &c->other_admin, &c->member,
                                         &c->other_member, &c->invited, &c->stranger };

    return who == ACTOR_SYSTEM ? NULL : people[who];
}

static uint32_t
role_of(int who)
{
    return who == BATCH_OWNER                               ? CHAT_ROOM_OWNER
           : who == BATCH_ADMIN || who == BATCH_OTHER_ADMIN ? CHAT_ROOM_ADMIN
                                                            : CHAT_ROOM_MEMBER;
}

/** The operation must fail as `outcome` says, and change nothing. */
static void
check_outcome(fixture *f, const tenon_uuid *actor, const chat_room_operation *op, char outcome)
{
    switch (outcome) {
    case DENIED:
        REFUSED_ONE(f, actor, op, TENON_DENIED, "actor");
        break;
    case NOT_THERE:
        REFUSED_ONE(f, actor, op, TENON_NOT_FOUND, "membership");
        break;
    case IS_OWNER:
        REFUSED_ONE(f, actor, op, TENON_CONSTRAINT, "membership.role");
        break;
    case IS_INVITED:
        REFUSED_ONE(f, actor, op, TENON_CONSTRAINT, "membership.status");
        break;
    default:
        fail_msg("no such outcome: %c", outcome);
    }
}

/* ---- Removing ---- */

/* Owner, admin, other admin, member, other member, invited, stranger. */
static const char *const removals[ACTORS] = {
    [BATCH_OWNER] = "okkkkkn",    [BATCH_ADMIN] = "dkdkkkn",        [BATCH_OTHER_ADMIN] = "ddkkkkn",
    [BATCH_MEMBER] = "dddkddn",   [BATCH_OTHER_MEMBER] = "ddddkdn", [BATCH_INVITED] = "dddddkd",
    [BATCH_STRANGER] = "ddddddn", [ACTOR_SYSTEM] = "ddddddd",
};

/** A removal that succeeds; then things are as before. */
static void
check_removal(fixture *f, batch_cast *c, int by, int who, const chat_room_operation *op)
{
    const tenon_uuid *user = person(c, who);
    chat_membership before = membership_of(f, &c->room, user);
    chat_room_result result;

    OK(f, batch_one(f, person(c, by), op, &result));
    assert_true(same_id(&result.room, &c->room));
    assert_true(same_id(&result.membership, &before.id));
    assert_int_equal(result.role, before.role);
    assert_int_equal(result.status, CHAT_MEMBERSHIP_REMOVED);
    assert_int_equal(membership_of(f, &c->room, user).status, 0);
    if (who == BATCH_INVITED) {
        assert_true(invitation_is(f, &c->invitation, by == who ? "declined" : "revoked"));
        c->invitation = make_invitation(f, &c->room, &c->owner, user).invitation.id;
    } else {
        make_member(f, &c->room, &c->owner, user, role_of(who));
    }
}

static void
who_may_remove_whom(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    uint64_t done = 0;

    for (int by = 0; by < ACTORS; by++) {
        for (int who = 0; who < BATCH_PEOPLE; who++) {
            chat_room_operation op = { .kind = CHAT_REMOVE_MEMBER,
                                       .room = c.room,
                                       .user = *person(&c, who) };

            print_message("%d removes %d\n", by, who);
            if (removals[by][who] == DONE) {
                check_removal(f, &c, by, who, &op);
                done++;
            } else {
                check_outcome(f, person(&c, by), &op, removals[by][who]);
            }
        }
    }
    assert_int_equal(fixture_audits(f, "room.remove_member"), done);
    assert_true(fixture_is_sound(f));
}

static void
removing_from_a_room_that_is_not_there(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    chat_room_operation op = { .kind = CHAT_REMOVE_MEMBER, .user = c.member };

    REFUSED_ONE(f, &c.owner, &op, TENON_NOT_FOUND, "room");
    REFUSED_ONE(f, &c.member, &op, TENON_NOT_FOUND, "room"); /* oneself, too */
    op.room = no_such_id();
    REFUSED_ONE(f, &c.member, &op, TENON_NOT_FOUND, "room");
    REFUSED_ONE(f, NULL, &op, TENON_NOT_FOUND, "room");
}

static void
people_leave_archived_rooms_too(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    chat_room_operation op = { .kind = CHAT_REMOVE_MEMBER, .room = c.room, .user = c.member };
    chat_room_result result;

    set_room_active(f, &c.room, false);
    OK(f, batch_one(f, &c.member, &op, &result));
    op.user = c.invited;
    OK(f, batch_one(f, &c.owner, &op, &result));
    assert_true(invitation_is(f, &c.invitation, "revoked"));
    assert_true(fixture_is_sound(f));
}

/* ---- Roles ---- */

/* For the same people: made owner, admin, member. */
static const char *const promotions[ACTORS][BATCH_PEOPLE] = {
    [BATCH_OWNER] = { "koo", "kkk", "kkk", "kkk", "kkk", "iii", "nnn" },
    [BATCH_ADMIN] = { "ddd", "dkk", "ddd", "ddk", "ddk", "ddi", "nnn" },
    [BATCH_OTHER_ADMIN] = { "ddd", "ddd", "dkk", "ddk", "ddk", "ddi", "nnn" },
    [BATCH_MEMBER] = { "ddd", "ddd", "ddd", "ddd", "ddd", "ddd", "nnn" },
    [BATCH_OTHER_MEMBER] = { "ddd", "ddd", "ddd", "ddd", "ddd", "ddd", "nnn" },
    [BATCH_INVITED] = { "ddd", "ddd", "ddd", "ddd", "ddd", "ddd", "ddd" },
    [BATCH_STRANGER] = { "ddd", "ddd", "ddd", "ddd", "ddd", "ddd", "ddd" },
    [ACTOR_SYSTEM] = { "ddd", "ddd", "ddd", "ddd", "ddd", "ddd", "ddd" },
};

/** A change of role that succeeds; then things are as before. @return operations done */
static unsigned
check_promotion(fixture *f, const batch_cast *c, int by, int who, chat_room_operation *op)
{
    const tenon_uuid *user = person(c, who);
    chat_membership before = membership_of(f, &c->room, user);
    chat_membership after;
    chat_room_result result;
    unsigned done = 1;

    OK(f, batch_one(f, person(c, by), op, &result));
    after = membership_of(f, &c->room, user);
    assert_true(same_id(&result.membership, &before.id));
    assert_true(same_id(&after.id, &before.id));
    assert_int_equal(after.role, op->role);
    assert_int_equal(after.joined_at_us, before.joined_at_us);
    assert_int_equal(result.role, op->role);
    assert_int_equal(result.status, CHAT_MEMBERSHIP_ACTIVE);
    if (op->role == CHAT_ROOM_OWNER && who != BATCH_OWNER) {
        assert_int_equal(membership_of(f, &c->room, &c->owner).role, CHAT_ROOM_ADMIN);
        assert_true(fixture_is_sound(f));
        op->user = c->owner; /* and back */
        OK(f, batch_one(f, user, op, &result));
        op->user = *user;
        assert_int_equal(membership_of(f, &c->room, user).role, CHAT_ROOM_ADMIN);
        done++;
    }
    assert_int_equal(membership_of(f, &c->room, &c->owner).role, CHAT_ROOM_OWNER);
    assert_true(fixture_is_sound(f));
    if (membership_of(f, &c->room, user).role != before.role) {
        op->role = before.role;
        OK(f, batch_one(f, &c->owner, op, &result));
        done++;
    }
    return done;
}

static void
who_may_give_whom_which_role(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    uint64_t done = 0;

    for (int by = 0; by < ACTORS; by++) {
        for (int who = 0; who < BATCH_PEOPLE; who++) {
            for (uint32_t role = CHAT_ROOM_OWNER; role <= CHAT_ROOM_MEMBER; role++) {
                char outcome = promotions[by][who][role - CHAT_ROOM_OWNER];
                chat_room_operation op = {
                    .kind = CHAT_UPDATE_ROLE, .room = c.room, .user = *person(&c, who), .role = role
                };

                print_message("%d makes %d %s\n", by, who, chat_room_role_name(role));
                if (outcome == DONE)
                    done += check_promotion(f, &c, by, who, &op);
                else
                    check_outcome(f, person(&c, by), &op, outcome);
            }
        }
    }
    assert_int_equal(fixture_audits(f, "room.update_role"), done);
}

static void
roles_in_a_room_that_is_not_there(void **state)
{
    fixture *f = (fixture *)*state;
    batch_cast c = make_batch_cast(f);
    chat_room_operation op = { .kind = CHAT_UPDATE_ROLE,
                               .user = c.member,
                               .role = CHAT_ROOM_ADMIN };

    REFUSED_ONE(f, &c.owner, &op, TENON_NOT_FOUND, "room");
    op.room = no_such_id();
    REFUSED_ONE(f, &c.owner, &op, TENON_NOT_FOUND, "room");
    REFUSED_ONE(f, NULL, &op, TENON_NOT_FOUND, "room");
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(who_may_remove_whom),
        CASE(removing_from_a_room_that_is_not_there),
        CASE(people_leave_archived_rooms_too),
        CASE(who_may_give_whom_which_role),
        CASE(roles_in_a_room_that_is_not_there),
    };

    return fixture_main(argc, argv, "roles", tests, sizeof tests / sizeof tests[0]);
}
