/* The operations as an application of Tenon runs them. */
#include <stdio.h>

#include "side.h"

static bool
tenon_done(tenon_status st, const tenon_error *err, const char *what)
{
    if (st != TENON_OK)
        fprintf(stderr, "tenon: %s: %s: %s\n", what, tenon_status_name(st), err->message);
    return st == TENON_OK;
}

static bool
tenon_side_open(const char *driver, const char *path, uint32_t durability, void **out)
{
    static const char *const names[] = { "power", "os", "process", "none" };
    const tenon_open_options options = { .size = sizeof options, .schema = chat_schema() };
    tenon_db *db = NULL;
    tenon_error err = { 0 };
    tenon_status st;
    char url[4200];

    snprintf(url, sizeof url, "%s:%s?durability=%s", driver, path, names[durability]);
    st = tenon_open(url, &options, &db, &err);
    *out = db;
    return tenon_done(st, &err, "open");
}

static bool
tenon_open_sqlite(const char *path, uint32_t durability, void **out)
{
    return tenon_side_open("sqlite", path, durability, out);
}

static bool
tenon_open_lmdb(const char *path, uint32_t durability, void **out)
{
    return tenon_side_open("lmdb", path, durability, out);
}

static void
tenon_side_close(void *db)
{
    tenon_close(db);
}

static chat_context
tenon_actor(const tenon_uuid *actor)
{
    chat_context ctx = { .size = sizeof ctx };

    if (actor != NULL)
        ctx.actor = *actor;
    return ctx;
}

static bool
tenon_register_user(void *db, side_user *user)
{
    const chat_registration in = { .username = user->name, .password_hash = SIDE_PASSWORD_HASH };
    chat_registered out;
    tenon_error err;
    tenon_status st = chat_register_user_atomically(db, NULL, &in, &out, &err);

    user->id = out.user.id;
    return tenon_done(st, &err, "register");
}

static bool
tenon_create_room(void *db, const side_user *owner, const char *name, tenon_uuid *room)
{
    const chat_context ctx = tenon_actor(&owner->id);
    const chat_new_room in = { .name = name };
    chat_created_room out;
    tenon_error err;
    tenon_status st = chat_create_room_atomically(db, &ctx, &in, &out, &err);

    *room = out.room.id;
    return tenon_done(st, &err, "create room");
}

static bool
tenon_invite_and_accept(void *db, const tenon_uuid *room, const side_user *sender,
                        const side_user *recipient)
{
    const chat_context sends = tenon_actor(&sender->id), accepts = tenon_actor(&recipient->id);
    const chat_new_invitation in = { .room = *room, .recipient = recipient->id };
    chat_invitation_update update = { .status = CHAT_INVITATION_ACCEPTED };
    chat_invited out;
    tenon_error err;
    tenon_status st = chat_create_invitation_atomically(db, &sends, &in, &out, &err);

    if (!tenon_done(st, &err, "invite"))
        return false;
    update.invitation = out.invitation.id;
    st = chat_update_invitation_atomically(db, &accepts, &update, &out, &err);
    return tenon_done(st, &err, "accept");
}

static bool
tenon_post(void *db, const tenon_uuid *room, const side_user *author, const char *text)
{
    const chat_context ctx = tenon_actor(&author->id);
    const chat_new_message in = { .room = *room, .content = text };
    chat_message out;
    tenon_error err;

    return tenon_done(chat_post_message_atomically(db, &ctx, &in, &out, &err), &err, "post");
}

static tenon_status
tenon_count_all(tenon_txn *txn, void *arg, tenon_error *err)
{
    static const tenon_query users = { .kind = TENON_COUNT, .table = &chat_users };
    static const tenon_query sessions = { .kind = TENON_COUNT, .table = &chat_sessions };
    static const tenon_query rooms = { .kind = TENON_COUNT, .table = &chat_rooms };
    static const tenon_query memberships = { .kind = TENON_COUNT, .table = &chat_room_memberships };
    static const tenon_query invitations = { .kind = TENON_COUNT, .table = &chat_invitations };
    static const tenon_query messages = { .kind = TENON_COUNT, .table = &chat_messages };
    static const tenon_query audit_logs = { .kind = TENON_COUNT, .table = &chat_audit_logs };
    side_counts *out = arg;
    const struct {
        const tenon_query *query;
        uint64_t *count;
    } all[] = {
        { &users, &out->users },
        { &sessions, &out->sessions },
        { &rooms, &out->rooms },
        { &memberships, &out->memberships },
        { &invitations, &out->invitations },
        { &messages, &out->messages },
        { &audit_logs, &out->audit_logs },
    };
    tenon_status st = TENON_OK;

    for (size_t i = 0; i < sizeof all / sizeof all[0] && st == TENON_OK; i++)
        st = tenon_count(txn, all[i].query, NULL, all[i].count, err);
    return st;
}

static bool
tenon_side_count(void *db, side_counts *out)
{
    const tenon_txn_options read_only = { .size = sizeof read_only, .read_only = true };
    tenon_error err;

    return tenon_done(tenon_run(db, &read_only, tenon_count_all, out, &err), &err, "count");
}

const side side_tenon_sqlite = {
    .name = "tenon on sqlite",
    .open = tenon_open_sqlite,
    .close = tenon_side_close,
    .register_user = tenon_register_user,
    .create_room = tenon_create_room,
    .invite_and_accept = tenon_invite_and_accept,
    .post = tenon_post,
    .count = tenon_side_count,
};

const side side_tenon_lmdb = {
    .name = "tenon on lmdb",
    .open = tenon_open_lmdb,
    .close = tenon_side_close,
    .register_user = tenon_register_user,
    .create_room = tenon_create_room,
    .invite_and_accept = tenon_invite_and_accept,
    .post = tenon_post,
    .count = tenon_side_count,
};
