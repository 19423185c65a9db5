/* The operations as an application of Tenon runs them. */
#include <stdio.h>

#include "side.h"
#include "tool.h"

#define TENON_SIDE_RETRIES 1000

static bool
tenon_done(tenon_status st, const tenon_error *err, const char *what)
{
    if (st != TENON_OK)
        fprintf(stderr, "tenon: %s: %s: %s\n", what, tenon_status_name(st), err->message);
    return st == TENON_OK;
}

/* A URL may have parameters of its own already. */
static bool
tenon_side_open(const char *scheme, const side_place *place, void **out)
{
    static const char *const names[] = { "power", "os", "process", "none" };
    const tenon_open_options options = {
        .size = sizeof options,
        .schema = chat_schema(),
        .driver_path = tool_driver_path(),
        .max_connections = place->threads > 32 ? place->threads : 0,
        .max_concurrent = place->threads > 100 ? place->threads : 0,
        .max_retry_attempts = TENON_SIDE_RETRIES, /* the side by hand never gives up either */
        .retry_budget_percent = UINT32_MAX,
    };
    tenon_db *db = NULL;
    tenon_error err = { 0 };
    tenon_status st;
    char url[8192];

    (void)snprintf(url, sizeof url, "%s%s%cdurability=%s", scheme, place->where,
                   strchr(place->where, '?') == NULL ? '?' : '&', names[place->durability]);
    st = tenon_open(url, &options, &db, &err);
    *out = db;
    return tenon_done(st, &err, "open");
}

static bool
tenon_open_sqlite(const side_place *place, void **out)
{
    return tenon_side_open("sqlite:", place, out);
}

static bool
tenon_open_lmdb(const side_place *place, void **out)
{
    return tenon_side_open("lmdb:", place, out);
}

static bool
tenon_open_postgres(const side_place *place, void **out)
{
    return tenon_side_open("", place, out);
}

static void
tenon_side_close(void *db)
{
    tenon_close(db);
}

/* One database is shared by all threads. */
static bool
tenon_side_connect(void *db, void **out)
{
    *out = db;
    return true;
}

static void
tenon_side_disconnect(void *conn)
{
    (void)conn;
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
    memcpy(user->token, out.token, sizeof user->token);
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
tenon_invite(void *db, const tenon_uuid *room, const side_user *sender, const side_user *recipient)
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
tenon_say(void *db, const tenon_uuid *room, const side_user *author, const char *text)
{
    const chat_context ctx = tenon_actor(&author->id);
    const chat_new_message in = { .room = *room, .content = text };
    chat_message out;
    tenon_error err;

    return tenon_done(chat_post_message_atomically(db, &ctx, &in, &out, &err), &err, "say");
}

static bool
tenon_find_session(void *db, const char *token, chat_session *out)
{
    tenon_error err;

    return tenon_done(chat_find_session_atomically(db, NULL, token, out, NULL, &err), &err,
                      "session");
}

static tenon_status
tenon_take_message(void *arg, const chat_message_row *row)
{
    side_take(arg, row);
    return TENON_OK;
}

static bool
tenon_read_page(void *db, const tenon_uuid *room, const side_user *reader,
                const chat_position *after, side_page *out)
{
    const chat_context ctx = tenon_actor(&reader->id);
    const chat_page in = { .room = *room, .after = *after, .limit = SIDE_PAGE };
    chat_position next;
    tenon_error err;

    return tenon_done(
        chat_page_messages_atomically(db, &ctx, &in, tenon_take_message, out, &next, &err), &err,
        "page");
}

static const tenon_query tenon_user_by_id = {
    .name = "user_by_id",
    .kind = TENON_SELECT,
    .table = &chat_users,
    .columns = TENON_COLUMNS(CHAT_USERS_IS_ACTIVE),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0)),
};

static tenon_status
tenon_read_user(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value param = tenon_id(arg);
    const tenon_value *row;

    return tenon_fetch(txn, &tenon_user_by_id, &param, &row, err);
}

static bool
tenon_empty(void *db, const tenon_uuid *user)
{
    tenon_uuid id = *user;
    tenon_error err;

    return tenon_done(tenon_run(db, NULL, tenon_read_user, &id, &err), &err, "empty");
}

static bool
tenon_side_count(void *db, side_counts *out)
{
    chat_counts counts;
    tenon_error err;
    tenon_status st = chat_count_atomically(db, &counts, &err);

    *out = (side_counts){ counts.users_count,       counts.sessions_count,    counts.rooms_count,
                          counts.memberships_count, counts.invitations_count, counts.messages_count,
                          counts.audit_logs_count };
    return tenon_done(st, &err, "count");
}

#define TENON_SIDE_OPERATIONS                                                                      \
    .close = tenon_side_close, .connect = tenon_side_connect, .disconnect = tenon_side_disconnect, \
    .register_user = tenon_register_user, .create_room = tenon_create_room,                        \
    .invite = tenon_invite, .say = tenon_say, .find_session = tenon_find_session,                  \
    .read_page = tenon_read_page, .empty = tenon_empty, .count = tenon_side_count

const side side_tenon_sqlite = { .name = "tenon on sqlite",
                                 .open = tenon_open_sqlite,
                                 TENON_SIDE_OPERATIONS };
const side side_tenon_lmdb = { .name = "tenon on lmdb",
                               .open = tenon_open_lmdb,
                               TENON_SIDE_OPERATIONS };
const side side_tenon_postgres = { .name = "tenon on postgres",
                                   .open = tenon_open_postgres,
                                   TENON_SIDE_OPERATIONS };
