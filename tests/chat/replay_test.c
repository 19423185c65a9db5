/** @file replay_test.c Replays: the same calls with the same contexts give the same rows. */
#include "fixture.h"

#include <inttypes.h>
#include <stdio.h>

/** The context of an event, a second after that of the event before. */
static chat_context
event(const fixture *f, const tenon_uuid *actor, uint64_t number, uint32_t part)
{
    chat_context ctx = as(f, actor);

    ctx.event = number;
    ctx.part = part;
    ctx.now_us = T0 + (int64_t)number * SECOND;
    return ctx;
}

/** What the events returned: everything that ids and tokens went into. */
typedef struct outcome {
    chat_registered users[4];
    chat_created_room rooms[2];
    chat_invited invited[2];
    chat_room_result results[3];
    chat_registered logged_in;
    chat_message message;
} outcome;

static chat_registered
replay_user(fixture *f, const char *name, uint64_t number)
{
    chat_context ctx = event(f, NULL, number, 0);
    chat_registration in = { .username = name, .password_hash = READY_HASH };
    chat_registered out;

    OK(f, do_register(f, &ctx, &in, &out));
    return out;
}

static chat_created_room
replay_room(fixture *f, const char *name, const tenon_uuid *owner, uint64_t number)
{
    chat_context ctx = event(f, owner, number, 0);
    chat_new_room in = { .name = name, .description = name };
    chat_created_room out;

    OK(f, do_create_room(f, &ctx, &in, &out));
    return out;
}

/** One event, two transactions. */
static chat_invited
replay_join(fixture *f, const tenon_uuid *room, const tenon_uuid *by, const tenon_uuid *user,
            uint64_t number)
{
    chat_context ctx = event(f, by, number, 0);
    chat_new_invitation in = { .room = *room, .recipient = *user };
    chat_invitation_update answer = { .status = CHAT_INVITATION_ACCEPTED };
    chat_invited out;

    OK(f, do_invite(f, &ctx, &in, &out));
    ctx = event(f, user, number, 1);
    answer.invitation = out.invitation.id;
    OK(f, do_answer(f, &ctx, &answer, &out));
    return out;
}

static chat_message
replay_say(fixture *f, const tenon_uuid *room, const tenon_uuid *user, uint64_t number)
{
    chat_context ctx = event(f, user, number, 0);
    chat_new_message in = { .room = *room, .content = "text" };
    chat_message out;

    OK(f, do_post(f, &ctx, &in, &out));
    return out;
}

/** Things that change what is there: a batch, an edit, two names, a message gone. */
static void
replay_changes(fixture *f, outcome *out)
{
    const tenon_uuid *owner = &out->users[0].user.id;
    chat_context ctx = event(f, owner, 20, 0);
    chat_room_operation ops[3] = {
        { .kind = CHAT_CREATE_ROOM, .name = "third" },
        { .kind = CHAT_ADD_MEMBER, .room_of = 1, .user = out->users[2].user.id },
        { .kind = CHAT_UPDATE_ROLE,
          .room = out->rooms[0].room.id,
          .user = out->users[1].user.id,
          .role = CHAT_ROOM_ADMIN },
    };
    chat_room_batch batch = { .operations = ops, .count = 3 };
    chat_message_edit edit = { .message = out->message.id, .content = "edited" };
    chat_rename rename = { .user = *owner, .username = "Renamed" };
    tenon_uuid gone = replay_say(f, &out->rooms[0].room.id, &out->users[1].user.id, 21).id;
    chat_message message;
    chat_user user;

    OK(f, do_batch(f, &ctx, &batch, out->results));
    ctx = event(f, owner, 22, 0);
    OK(f, do_edit(f, &ctx, &edit, &message));
    ctx = event(f, owner, 23, 0);
    OK(f, do_rename(f, &ctx, &rename, &user));
    ctx = event(f, owner, 24, 0);
    OK(f, do_delete_message(f, &ctx, &gone, &message));
}

/** Operations that the rules refuse, each an event of its own. */
static void
replay_refused(fixture *f, const outcome *out)
{
    const tenon_uuid *owner = &out->users[0].user.id;
    chat_context ctx = event(f, NULL, 40, 0);
    chat_registration registration = { .username = "B", .password_hash = READY_HASH };
    chat_new_room room = { .name = "first" };
    chat_new_invitation invitation = { .room = out->rooms[0].room.id, .recipient = *owner };
    chat_new_message post = { .room = out->rooms[1].room.id, .content = "text" };
    chat_registered registered;
    chat_created_room created;
    chat_invited invited;
    chat_message message;

    REFUSED(f, do_register(f, &ctx, &registration, &registered), TENON_EXISTS, "username");
    ctx = event(f, owner, 41, 0);
    REFUSED(f, do_create_room(f, &ctx, &room, &created), TENON_EXISTS, "name");
    ctx = event(f, owner, 42, 0);
    REFUSED(f, do_invite(f, &ctx, &invitation, &invited), TENON_EXISTS, "membership");
    ctx = event(f, &out->users[3].user.id, 43, 0);
    REFUSED(f, do_post(f, &ctx, &post, &message), TENON_DENIED, "actor");
}

/** Play the events. @return the digest of all rows */
static uint64_t
play(fixture *f, bool with_refused, outcome *out)
{
    chat_context ctx;
    chat_deletion deletion;
    chat_deleted deleted;

    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < 4; i++) {
        char name[2] = { (char)('a' + i), '\0' };

        out->users[i] = replay_user(f, name, i + 1);
    }
    out->rooms[0] = replay_room(f, "first", &out->users[0].user.id, 10);
    out->rooms[1] = replay_room(f, "second", &out->users[1].user.id, 11);
    out->invited[0] = replay_join(f, &out->rooms[0].room.id, &out->users[0].user.id,
                                  &out->users[1].user.id, 12);
    out->invited[1] = replay_join(f, &out->rooms[1].room.id, &out->users[1].user.id,
                                  &out->users[2].user.id, 13);
    out->message = replay_say(f, &out->rooms[0].room.id, &out->users[0].user.id, 14);
    replay_changes(f, out);
    if (with_refused)
        replay_refused(f, out);
    ctx = event(f, NULL, 50, 0);
    OK(f, do_log_out(f, &ctx, out->users[3].token));
    deletion = (chat_deletion){ .user = out->users[1].user.id,
                                .transfer_to = out->users[2].user.id };
    ctx = event(f, &deletion.user, 51, 0);
    OK(f, do_delete_user(f, &ctx, &deletion, &deleted));
    assert_true(fixture_is_sound(f));
    return fixture_digest(f);
}

static void
check_same_outcome(const outcome *a, const outcome *b)
{
    for (unsigned i = 0; i < 4; i++) {
        assert_true(same_id(&a->users[i].user.id, &b->users[i].user.id));
        assert_true(same_id(&a->users[i].session.id, &b->users[i].session.id));
        assert_string_equal(a->users[i].token, b->users[i].token);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_true(same_id(&a->rooms[i].room.id, &b->rooms[i].room.id));
        assert_true(same_id(&a->rooms[i].membership.id, &b->rooms[i].membership.id));
        assert_true(same_id(&a->invited[i].invitation.id, &b->invited[i].invitation.id));
        assert_true(same_id(&a->invited[i].membership.id, &b->invited[i].membership.id));
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_true(same_id(&a->results[i].room, &b->results[i].room));
        assert_true(same_id(&a->results[i].membership, &b->results[i].membership));
    }
    assert_true(same_id(&a->message.id, &b->message.id));
}

/** The digest of what `play` leaves, on every engine and machine. It changes with the tables, with
 * what operations write, and with how ids and tokens are derived: then, and then only, this does.
 */
#define PLAYED UINT64_C(0x9eb2d0f801a2a81d)

static void
the_same_events_give_the_same_rows_in_both_forms(void **state)
{
    fixture *f = (fixture *)*state;
    outcome first;
    outcome again;
    uint64_t digest = play(f, false, &first);

    fixture_anew(f);
    assert_true(play(f, false, &again) == digest);
    check_same_outcome(&first, &again);
    fixture_anew(f);
    f->inside = !f->inside;
    assert_true(play(f, false, &again) == digest);
    check_same_outcome(&first, &again);
    if (digest != PLAYED)
        print_error("the digest is 0x%016" PRIx64 "\n", digest);
    assert_true(digest == PLAYED);
}

static void
events_that_are_refused_leave_no_trace(void **state)
{
    fixture *f = (fixture *)*state;
    outcome first;
    outcome again;
    uint64_t digest = play(f, false, &first);

    fixture_anew(f);
    assert_true(play(f, true, &again) == digest);
    check_same_outcome(&first, &again);
}

/* ---- Ids ---- */

/** `count` bits of an id, from bit `from` on, counted from its first byte's highest. */
static uint64_t
bits_of(const tenon_uuid *id, unsigned from, unsigned count)
{
    uint64_t bits = 0;

    for (unsigned i = from; i < from + count; i++)
        bits = bits << 1 | (id->bytes[i / 8] >> (7 - i % 8) & 1);
    return bits;
}

static void
check_id(const tenon_uuid *id, const chat_context *ctx, uint64_t number)
{
    assert_int_equal(bits_of(id, 0, 48), ctx->now_us / 1000);
    assert_int_equal(bits_of(id, 48, 4), 7); /* version */
    assert_int_equal(bits_of(id, 64, 2), 2); /* variant */
    assert_int_equal(bits_of(id, 52, 12) << 36 | bits_of(id, 66, 36), ctx->event);
    assert_int_equal(bits_of(id, 102, 8), ctx->part);
    assert_int_equal(bits_of(id, 110, 18), number);
}

static void
ids_are_made_of_time_event_part_and_number(void **state)
{
    static const struct {
        uint64_t event;
        uint32_t part;
    } cases[] = {
        { 1, 0 },   { 1, 1 },
        { 2, 0 },   { UINT64_C(0x123456789abc), 77 },
        { 1, 255 }, { (UINT64_C(1) << 48) - 1, 255 },
    };
    fixture *f = (fixture *)*state;
    chat_registration in = { .password_hash = READY_HASH };
    char name[2] = "a";

    in.username = name;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        chat_context ctx = as(f, NULL);
        chat_registered out;

        ctx.event = cases[i].event;
        ctx.part = cases[i].part;
        OK(f, do_register(f, &ctx, &in, &out));
        check_id(&out.user.id, &ctx, 1);
        check_id(&out.session.id, &ctx, 2);
        name[0]++;
    }
}

static void
events_and_parts_have_limits_and_need_a_time(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registration in = { .username = "a", .password_hash = READY_HASH };
    chat_context ctx = as(f, NULL);
    chat_registered out;

    ctx.event = UINT64_C(1) << 48;
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "event");
    ctx.event = 1;
    ctx.part = 256;
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "part");
    ctx.part = 0;
    ctx.now_us = 0;
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "now_us");
    ctx.now_us = -1;
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "now_us");
}

static void
ids_begin_anew_at_each_attempt(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registration in = { .username = "a", .password_hash = READY_HASH };
    chat_context ctx = event(f, NULL, 1, 0);
    uint64_t empty = fixture_digest(f);
    chat_registered first;
    chat_registered again;
    tenon_txn *txn = NULL;

    OK(f, tenon_begin(f->db, NULL, &txn, &f->err));
    OK(f, chat_user_registration_transaction(txn, &ctx, &in, &first, &f->err));
    tenon_rollback(txn);
    assert_true(fixture_digest(f) == empty);
    OK(f, do_register(f, &ctx, &in, &again));
    assert_true(same_id(&first.user.id, &again.user.id));
    assert_true(same_id(&first.session.id, &again.session.id));
    assert_string_equal(first.token, again.token);
}

static void
without_an_event_no_two_databases_are_alike(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_registration in = { .username = "a", .password_hash = READY_HASH };
    chat_registered first;
    chat_registered again;
    uint64_t digest;

    OK(f, do_register(f, &ctx, &in, &first));
    digest = fixture_digest(f);
    fixture_anew(f);
    OK(f, do_register(f, &ctx, &in, &again));
    assert_true(fixture_digest(f) != digest);
    assert_false(same_id(&first.user.id, &again.user.id));
    assert_string_not_equal(first.token, again.token);
}

static void
tokens_of_a_replay_open_their_sessions(void **state)
{
    fixture *f = (fixture *)*state;
    chat_registered a = replay_user(f, "a", 1);
    chat_registered b = replay_user(f, "b", 2);
    chat_context ctx = event(f, NULL, 3, 0);
    chat_session session;

    assert_string_not_equal(a.token, b.token);
    OK(f, do_find_session(f, &ctx, a.token, &session, NULL));
    assert_true(same_id(&session.id, &a.session.id));
    OK(f, do_find_session(f, &ctx, b.token, &session, NULL));
    assert_true(same_id(&session.id, &b.session.id));
}

/* ---- Order ---- */

enum { GROUPS = 5 };

/** All that happens to one group: it shares nothing with the others. */
static void
replay_group(fixture *f, unsigned group)
{
    uint64_t first = 100 * (uint64_t)(group + 1);
    char name[3][16];
    chat_registered owner;
    chat_registered guest;
    chat_created_room room;
    chat_context ctx;
    chat_room_operation op = { .kind = CHAT_REMOVE_MEMBER };
    chat_room_batch batch = { .operations = &op, .count = 1 };
    chat_room_result result;

    for (unsigned i = 0; i < 3; i++)
        (void)snprintf(name[i], sizeof name[i], "%c%u", "ogr"[i], group);
    owner = replay_user(f, name[0], first);
    guest = replay_user(f, name[1], first + 1);
    room = replay_room(f, name[2], &owner.user.id, first + 2);
    (void)replay_join(f, &room.room.id, &owner.user.id, &guest.user.id, first + 3);
    (void)replay_say(f, &room.room.id, &guest.user.id, first + 4);
    op.room = room.room.id;
    op.user = guest.user.id;
    ctx = event(f, &guest.user.id, first + 5, 0);
    OK(f, do_batch(f, &ctx, &batch, &result));
    (void)replay_say(f, &room.room.id, &owner.user.id, first + 6);
}

static void
events_that_share_nothing_may_run_in_any_order(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t digest;

    for (unsigned i = 0; i < GROUPS; i++)
        replay_group(f, i);
    digest = fixture_digest(f);
    fixture_anew(f);
    for (unsigned i = GROUPS; i-- > 0;)
        replay_group(f, i);
    assert_true(fixture_digest(f) == digest);
    assert_true(fixture_is_sound(f));
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(the_same_events_give_the_same_rows_in_both_forms),
        CASE(events_that_are_refused_leave_no_trace),
        CASE(ids_are_made_of_time_event_part_and_number),
        CASE(events_and_parts_have_limits_and_need_a_time),
        CASE(ids_begin_anew_at_each_attempt),
        CASE(without_an_event_no_two_databases_are_alike),
        CASE(tokens_of_a_replay_open_their_sessions),
        CASE(events_that_share_nothing_may_run_in_any_order),
    };

    return fixture_main(argc, argv, "replay", tests, sizeof tests / sizeof tests[0]);
}
