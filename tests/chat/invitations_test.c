/** @file invitations_test.c Invitations: every check, every transition. */
#include "fixture.h"

typedef struct cast {
    tenon_uuid owner, admin, member, guest, stranger, room;
} cast;

static cast
make_cast(fixture *f)
{
    cast c;

    c.owner = make_user(f, "owner");
    c.admin = make_user(f, "admin");
    c.member = make_user(f, "member");
    c.guest = make_user(f, "guest");
    c.stranger = make_user(f, "stranger");
    c.room = make_room(f, "room", &c.owner);
    make_member(f, &c.room, &c.owner, &c.admin, CHAT_ROOM_ADMIN);
    make_member(f, &c.room, &c.owner, &c.member, CHAT_ROOM_MEMBER);
    return c;
}

static tenon_status
answer(fixture *f, const tenon_uuid *actor, const tenon_uuid *invitation, uint32_t status,
       chat_invited *out)
{
    chat_context ctx = actor == NULL ? as_system(f) : as(f, actor);
    chat_invitation_update in = { .invitation = *invitation, .status = status };

    return do_answer(f, &ctx, &in, out);
}

static void
an_invitation_comes_with_a_pending_membership(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_context ctx = as(f, &c.admin);
    chat_new_invitation in = { .room = c.room, .recipient = c.guest, .message = "join us" };
    chat_invited out;
    chat_membership membership;

    OK(f, do_invite(f, &ctx, &in, &out));
    assert_true(same_id(&out.invitation.room_id, &c.room));
    assert_true(same_id(&out.invitation.sender_user_id, &c.admin));
    assert_true(same_id(&out.invitation.recipient_user_id, &c.guest));
    assert_int_equal(out.invitation.status, CHAT_INVITATION_PENDING);
    assert_int_equal(out.invitation.expires_at_us, T0 + CHAT_INVITATION_LIFETIME_US);
    assert_int_equal(out.invitation.responded_at_us, 0);
    membership = membership_of(f, &c.room, &c.guest);
    assert_true(same_id(&membership.id, &out.membership.id));
    assert_int_equal(membership.status, CHAT_MEMBERSHIP_PENDING);
    assert_int_equal(membership.role, CHAT_ROOM_MEMBER);
    assert_int_equal(fixture_audits(f, "invitation.create"), 1);
    assert_true(fixture_is_sound(f));
}

static void
invitations_are_checked_in_order(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    tenon_uuid nobody = no_such_id();
    chat_context ctx = as(f, &c.stranger);
    chat_new_invitation in = { .room = nobody, .recipient = nobody, .message = "" };
    chat_invited out;

    /* Everything is wrong; each line mends one thing, and the next check speaks. */
    in.expires_at_us = T0;
    set_room_active(f, &c.room, false);
    set_user_active(f, &c.guest, false);
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_INVALID, "message");
    in.message = "x";
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_NOT_FOUND, "room");
    in.room = c.room;
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_CONSTRAINT, "room.is_active");
    set_room_active(f, &c.room, true);
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_DENIED, "sender");
    ctx = as(f, &c.member);
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_DENIED, "sender");
    ctx = as(f, &c.owner);
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_NOT_FOUND, "recipient");
    in.recipient = c.guest;
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_CONSTRAINT, "recipient.is_active");
    in.recipient = c.member;
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_EXISTS, "membership");
    in.recipient = c.owner;
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_EXISTS, "membership");
    set_user_active(f, &c.guest, true);
    in.recipient = c.guest;
    (void)make_invitation(f, &c.room, &c.owner, &c.guest);
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_EXISTS, "invitation");
    in.expires_at_us = T0 + 1;
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_EXISTS, "invitation");
    in.recipient = c.member;
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_EXISTS, "membership");
    in.recipient = c.stranger;
    in.expires_at_us = T0;
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_INVALID, "expires_at");
    in.expires_at_us = T0 + 1;
    OK(f, do_invite(f, &ctx, &in, &out));
    /* Who is only invited may not invite. */
    ctx = as(f, &c.guest);
    in.recipient = make_user(f, "another");
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_DENIED, "sender");
}

static void
an_overdue_invitation_still_blocks_until_it_is_ended(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_invited first = make_invitation(f, &c.room, &c.owner, &c.guest);
    chat_new_invitation in = { .room = c.room, .recipient = c.guest };
    chat_context ctx;
    chat_invited out;

    f->now_us = T0 + CHAT_INVITATION_LIFETIME_US;
    ctx = as(f, &c.owner);
    REFUSED(f, do_invite(f, &ctx, &in, &out), TENON_EXISTS, "invitation");
    OK(f, answer(f, &c.owner, &first.invitation.id, CHAT_INVITATION_REVOKED, &out));
    OK(f, do_invite(f, &ctx, &in, &out));
}

static void
accepting_makes_the_membership_active(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_invited made = make_invitation(f, &c.room, &c.owner, &c.guest);
    chat_invited out;
    chat_membership membership;

    f->now_us += SECOND;
    OK(f, answer(f, &c.guest, &made.invitation.id, CHAT_INVITATION_ACCEPTED, &out));
    assert_int_equal(out.invitation.status, CHAT_INVITATION_ACCEPTED);
    assert_int_equal(out.invitation.responded_at_us, T0 + SECOND);
    assert_int_equal(out.invitation.created_at_us, T0);
    assert_true(same_id(&out.membership.id, &made.membership.id));
    assert_int_equal(out.membership.status, CHAT_MEMBERSHIP_ACTIVE);
    membership = membership_of(f, &c.room, &c.guest);
    assert_int_equal(membership.status, CHAT_MEMBERSHIP_ACTIVE);
    assert_int_equal(membership.joined_at_us, T0 + SECOND);
    assert_int_equal(fixture_audits(f, "invitation.accept"), 1);
    assert_true(fixture_is_sound(f));
}

/** Who ends an invitation how. */
typedef struct ending {
    const char *action;
    uint32_t status;
    size_t actor; /**< Offset in cast; SIZE_MAX = the system. */
} ending;

static void
other_answers_remove_the_membership_and_allow_another_invitation(void **state)
{
    static const ending endings[] = {
        { "invitation.decline", CHAT_INVITATION_DECLINED, offsetof(cast, guest) },
        { "invitation.revoke", CHAT_INVITATION_REVOKED, offsetof(cast, admin) },
        { "invitation.revoke", CHAT_INVITATION_REVOKED, offsetof(cast, owner) },
        { "invitation.expire", CHAT_INVITATION_EXPIRED, SIZE_MAX },
    };
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_invited out;

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        const ending *e = &endings[i];
        chat_invited made = make_invitation(f, &c.room, &c.admin, &c.guest);
        const tenon_uuid *actor = e->actor == SIZE_MAX
                                      ? NULL
                                      : (const tenon_uuid *)(const void *)((const char *)&c +
                                                                           e->actor);

        if (actor == NULL)
            f->now_us += CHAT_INVITATION_LIFETIME_US;
        OK(f, answer(f, actor, &made.invitation.id, e->status, &out));
        assert_int_equal(out.invitation.status, e->status);
        assert_int_equal(out.membership.status, CHAT_MEMBERSHIP_REMOVED);
        assert_int_equal(membership_of(f, &c.room, &c.guest).status, 0);
        assert_true(fixture_audits(f, e->action) >= 1);
        assert_true(fixture_is_sound(f));
    }
    (void)make_invitation(f, &c.room, &c.admin, &c.guest);
}

static void
each_answer_has_its_actors(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_invited made = make_invitation(f, &c.room, &c.owner, &c.guest);
    const tenon_uuid *id = &made.invitation.id;
    tenon_uuid nobody = no_such_id();
    chat_invited out;

    REFUSED(f, answer(f, &c.guest, &nobody, CHAT_INVITATION_ACCEPTED, &out), TENON_NOT_FOUND,
            "invitation");
    REFUSED(f, answer(f, &c.guest, id, CHAT_INVITATION_PENDING, &out), TENON_INVALID, "status");
    REFUSED(f, answer(f, &c.guest, id, 0, &out), TENON_INVALID, "status");
    REFUSED(f, answer(f, &c.guest, id, 6, &out), TENON_INVALID, "status");
    REFUSED(f, answer(f, &c.owner, id, CHAT_INVITATION_ACCEPTED, &out), TENON_DENIED, "actor");
    REFUSED(f, answer(f, NULL, id, CHAT_INVITATION_ACCEPTED, &out), TENON_DENIED, "actor");
    REFUSED(f, answer(f, &c.owner, id, CHAT_INVITATION_DECLINED, &out), TENON_DENIED, "actor");
    REFUSED(f, answer(f, &c.guest, id, CHAT_INVITATION_REVOKED, &out), TENON_DENIED, "actor");
    REFUSED(f, answer(f, &c.member, id, CHAT_INVITATION_REVOKED, &out), TENON_DENIED, "actor");
    REFUSED(f, answer(f, &c.stranger, id, CHAT_INVITATION_REVOKED, &out), TENON_DENIED, "actor");
    REFUSED(f, answer(f, &c.owner, id, CHAT_INVITATION_EXPIRED, &out), TENON_DENIED, "actor");
    REFUSED(f, answer(f, NULL, id, CHAT_INVITATION_EXPIRED, &out), TENON_CONSTRAINT,
            "invitation.expires_at");
    OK(f, answer(f, &c.guest, id, CHAT_INVITATION_ACCEPTED, &out));
}

static void
a_sender_revokes_even_when_no_longer_in_the_room(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_invited made = make_invitation(f, &c.room, &c.admin, &c.guest);
    chat_context ctx = as(f, &c.admin);
    chat_room_operation leave = { .kind = CHAT_REMOVE_MEMBER, .room = c.room, .user = c.admin };
    chat_room_batch batch = { .operations = &leave, .count = 1 };
    chat_room_result result;
    chat_invited out;

    OK(f, do_batch(f, &ctx, &batch, &result));
    OK(f, answer(f, &c.admin, &made.invitation.id, CHAT_INVITATION_REVOKED, &out));
}

static void
an_answered_invitation_is_final(void **state)
{
    static const uint32_t first[] = { CHAT_INVITATION_ACCEPTED, CHAT_INVITATION_DECLINED };
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_invited out;

    for (size_t i = 2; i-- > 0;) {
        chat_invited made = make_invitation(f, &c.room, &c.owner, &c.guest);
        const tenon_uuid *id = &made.invitation.id;

        OK(f, answer(f, &c.guest, id, first[i], &out));
        for (uint32_t to = CHAT_INVITATION_ACCEPTED; to <= CHAT_INVITATION_DECLINED; to++)
            REFUSED(f, answer(f, &c.guest, id, to, &out), TENON_CONSTRAINT, "invitation.status");
        REFUSED(f, answer(f, &c.owner, id, CHAT_INVITATION_REVOKED, &out), TENON_CONSTRAINT,
                "invitation.status");
        REFUSED(f, answer(f, NULL, id, CHAT_INVITATION_EXPIRED, &out), TENON_CONSTRAINT,
                "invitation.status");
    }
}

static void
an_overdue_invitation_cannot_be_accepted(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_invited made = make_invitation(f, &c.room, &c.owner, &c.guest);
    chat_invited out;

    f->now_us = made.invitation.expires_at_us;
    REFUSED(f, answer(f, &c.guest, &made.invitation.id, CHAT_INVITATION_ACCEPTED, &out),
            TENON_CONSTRAINT, "invitation.expires_at");
    f->now_us--;
    OK(f, answer(f, &c.guest, &made.invitation.id, CHAT_INVITATION_ACCEPTED, &out));
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(an_invitation_comes_with_a_pending_membership),
        CASE(invitations_are_checked_in_order),
        CASE(an_overdue_invitation_still_blocks_until_it_is_ended),
        CASE(accepting_makes_the_membership_active),
        CASE(other_answers_remove_the_membership_and_allow_another_invitation),
        CASE(each_answer_has_its_actors),
        CASE(a_sender_revokes_even_when_no_longer_in_the_room),
        CASE(an_answered_invitation_is_final),
        CASE(an_overdue_invitation_cannot_be_accepted),
    };

    return fixture_main(argc, argv, "invitations", tests, sizeof tests / sizeof tests[0]);
}
