/** @file batch.c What the tests of batches share. */
#include "batch.h"

batch_cast
make_batch_cast(fixture *f)
{
    batch_cast c;

    c.owner = make_user(f, "owner");
    c.admin = make_user(f, "admin");
    c.other_admin = make_user(f, "other_admin");
    c.member = make_user(f, "member");
    c.other_member = make_user(f, "other_member");
    c.invited = make_user(f, "invited");
    c.stranger = make_user(f, "stranger");
    c.room = make_room(f, "room", &c.owner);
    make_member(f, &c.room, &c.owner, &c.admin, CHAT_ROOM_ADMIN);
    make_member(f, &c.room, &c.owner, &c.other_admin, CHAT_ROOM_ADMIN);
    make_member(f, &c.room, &c.owner, &c.member, CHAT_ROOM_MEMBER);
    make_member(f, &c.room, &c.owner, &c.other_member, CHAT_ROOM_MEMBER);
    c.invitation = make_invitation(f, &c.room, &c.owner, &c.invited).invitation.id;
    return c;
}

tenon_status
batch_one(fixture *f, const tenon_uuid *actor, const chat_room_operation *op,
          chat_room_result *result)
{
    chat_context ctx = actor == NULL ? as_system(f) : as(f, actor);
    chat_room_batch in = { .operations = op, .count = 1 };

    memset(result, 0xff, sizeof *result);
    return do_batch(f, &ctx, &in, result);
}

bool
batch_is_zero(const chat_room_result *results, size_t count)
{
    const unsigned char *at = (const unsigned char *)results;

    for (size_t i = 0; i < count * sizeof *results; i++)
        if (at[i] != 0)
            return false;
    return true;
}

/** Input and output of find_room. */
typedef struct room_look {
    const tenon_uuid *id;
    chat_room out;
} room_look;

static tenon_status
room_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    room_look *look = (room_look *)arg;

    return chat_find_room(txn, look->id, &look->out, err);
}

chat_room
find_room(fixture *f, const tenon_uuid *id)
{
    room_look look = { .id = id };

    OK(f, tenon_run(f->db, NULL, room_body, &look, &f->err));
    return look.out;
}

/** An invitation, and the status that it should have. */
typedef struct invitation_look {
    const tenon_uuid *id;
    const char *status;
    uint64_t count;
} invitation_look;

static const tenon_query batch_invitation = {
    .kind = TENON_COUNT,
    .table = &chat_invitations,
    .where = TENON_WHERE(TENON_EQ(CHAT_INVITATIONS_ID, 0), TENON_EQ(CHAT_INVITATIONS_STATUS, 1)),
};

static tenon_status
invitation_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    invitation_look *look = (invitation_look *)arg;
    tenon_value params[] = { tenon_id(look->id), tenon_text(look->status) };

    return tenon_count(txn, &batch_invitation, params, &look->count, err);
}

bool
invitation_is(fixture *f, const tenon_uuid *id, const char *status)
{
    invitation_look look = { .id = id, .status = status };

    OK(f, tenon_run(f->db, NULL, invitation_body, &look, &f->err));
    return look.count == 1;
}
