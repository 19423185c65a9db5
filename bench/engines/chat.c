/*
 * The operations of the chat server, include/tenon/chat.h. Each thread has a room of its own with
 * an owner of its own, so that threads meet in the engine and not in the rules of the chat; users
 * who are invited and looked up are shared. Every user has the same ready password hash: Argon2
 * would hide all else.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/chat.h>

#include "target.h"

enum { CHAT_USERS = 200, CHAT_MESSAGES = 200, CHAT_PAGE = 50 };

#define CHAT_HASH "$argon2id$v=19$m=65536,t=2,p=1$bench$bench"

/* Rows that must be there. */
typedef struct chat_rows {
    uint64_t users, sessions, rooms, memberships, invitations, messages, audit_logs;
} chat_rows;

typedef struct chat_person {
    tenon_uuid id;
    char token[CHAT_TOKEN_TEXT_BYTES];
} chat_person;

typedef struct chat_model {
    chat_person users[CHAT_USERS];
} chat_model;

typedef struct chat_worker {
    const chat_model *model;
    chat_person owner;
    tenon_uuid room;
    chat_position at; /* where the next page begins */
    uint64_t serial;  /* makes its names distinct */
    uint32_t invited;
    uint64_t seen; /* messages of a page */
    uint32_t page_count;
    bool wrong;
    chat_rows rows;
    uint64_t unknown; /* commits that may have happened */
    char sample[64];  /* a message, for the generator alone */
} chat_worker;

static chat_context
chat_actor(const tenon_uuid *actor)
{
    const chat_context context = { .size = sizeof context, .actor = *actor };

    return context;
}

/* ---- Operations ---- */

static tenon_status
chat_register(worker *w, const char *kind, chat_person *user)
{
    chat_worker *c = w->own;
    chat_registered out;
    char name[48];
    const chat_registration in = { .username = name, .password_hash = CHAT_HASH };
    tenon_status st;

    (void)snprintf(name, sizeof name, "%s_%" PRIu32 "_%" PRIu64, kind, w->number, c->serial++);
    if (w->target->db == NULL)
        return TENON_OK;
    st = chat_register_user_atomically(w->target->db, NULL, &in, &out, &w->last);
    if (st != TENON_OK)
        return st;
    user->id = out.user.id;
    memcpy(user->token, out.token, sizeof user->token);
    c->rows.users++;
    c->rows.sessions++;
    c->rows.audit_logs++;
    return TENON_OK;
}

static tenon_status
chat_make_room(worker *w, tenon_uuid *room)
{
    chat_worker *c = w->own;
    const chat_context context = chat_actor(&c->owner.id);
    char name[48];
    const chat_new_room in = { .name = name };
    chat_created_room out;
    tenon_status st;

    (void)snprintf(name, sizeof name, "room_%" PRIu32 "_%" PRIu64, w->number, c->serial++);
    if (w->target->db == NULL)
        return TENON_OK;
    st = chat_create_room_atomically(w->target->db, &context, &in, &out, &w->last);
    if (st != TENON_OK)
        return st;
    *room = out.room.id;
    c->rows.rooms++;
    c->rows.memberships++;
    c->rows.audit_logs++;
    return TENON_OK;
}

/* Nobody can be invited twice, so after all users there has to be another room. */
static tenon_status
chat_next_guest(worker *w, tenon_uuid *guest)
{
    chat_worker *c = w->own;
    tenon_status st = TENON_OK;

    if (c->invited == CHAT_USERS) {
        st = chat_make_room(w, &c->room);
        c->invited = st == TENON_OK ? 0 : c->invited;
    }
    if (st == TENON_OK)
        *guest = c->model->users[c->invited++].id;
    return st;
}

static tenon_status
chat_invite(worker *w)
{
    chat_worker *c = w->own;
    const chat_context sends = chat_actor(&c->owner.id);
    chat_new_invitation in = { .recipient = { { 0 } } };
    chat_invitation_update update = { .status = CHAT_INVITATION_ACCEPTED };
    chat_context accepts;
    chat_invited out;
    tenon_status st = chat_next_guest(w, &in.recipient);

    if (st != TENON_OK || w->target->db == NULL)
        return st;
    in.room = c->room;
    accepts = chat_actor(&in.recipient);
    st = chat_create_invitation_atomically(w->target->db, &sends, &in, &out, &w->last);
    if (st != TENON_OK)
        return st;
    c->rows.invitations++;
    c->rows.audit_logs++;
    update.invitation = out.invitation.id;
    st = chat_update_invitation_atomically(w->target->db, &accepts, &update, &out, &w->last);
    if (st != TENON_OK)
        return st;
    c->rows.memberships++;
    c->rows.audit_logs++;
    return TENON_OK;
}

static tenon_status
chat_say(worker *w)
{
    chat_worker *c = w->own;
    const chat_context context = chat_actor(&c->owner.id);
    char text[96];
    const chat_new_message in = { .room = c->room, .content = text };
    chat_message out;
    tenon_status st;

    (void)snprintf(text, sizeof text,
                   "message %" PRIu64 " of thread %" PRIu32 ", about as long as one is on IRC",
                   c->serial++, w->number);
    if (w->target->db == NULL)
        return TENON_OK;
    st = chat_post_message_atomically(w->target->db, &context, &in, &out, &w->last);
    c->rows.messages += st == TENON_OK;
    return st;
}

static tenon_status
chat_look_up(worker *w)
{
    const chat_worker *c = w->own;
    const chat_person *user = &c->model->users[draw_below(&w->stream, CHAT_USERS)];
    chat_session found;
    tenon_status st;

    if (w->target->db == NULL)
        return TENON_OK;
    st = chat_find_session_atomically(w->target->db, NULL, user->token, &found, NULL, &w->last);
    if (st == TENON_NOT_FOUND ||
        (st == TENON_OK && memcmp(&found.user_id, &user->id, sizeof user->id) != 0))
        w->sum.wrong++;
    return st;
}

/* Whoever reads has to look at the bytes. */
static tenon_status
chat_see(void *arg, const chat_message_row *row)
{
    chat_worker *c = arg;

    c->wrong = c->wrong || memchr(row->content, '\0', row->content_bytes) != NULL;
    c->page_count++;
    return TENON_OK;
}

/* The generator alone: a look at as many messages as a page has. */
static void
chat_pretend_page(chat_worker *c)
{
    const chat_message_row row = { .content = c->sample, .content_bytes = sizeof c->sample };

    for (int i = 0; i < CHAT_PAGE; i++)
        (void)chat_see(c, &row);
}

/* From the newest message to the oldest, page by page, and again. */
static tenon_status
chat_read_page(worker *w)
{
    chat_worker *c = w->own;
    const chat_context context = chat_actor(&c->owner.id);
    chat_page in = { .room = c->room, .limit = CHAT_PAGE };
    chat_position next;
    tenon_status st;

    if (w->target->db == NULL) {
        chat_pretend_page(c);
        return TENON_OK;
    }
    if (c->seen >= CHAT_MESSAGES) {
        c->seen = 0;
        memset(&c->at, 0, sizeof c->at);
    }
    in.after = c->at;
    c->page_count = 0;
    c->wrong = false;
    st = chat_page_messages_atomically(w->target->db, &context, &in, chat_see, c, &next, &w->last);
    if (st != TENON_OK)
        return st;
    c->at = next;
    c->seen = c->page_count == CHAT_PAGE ? c->seen + CHAT_PAGE : CHAT_MESSAGES;
    w->sum.rows += c->page_count;
    w->sum.wrong += c->wrong || c->page_count > CHAT_PAGE;
    return TENON_OK;
}

static tenon_status
chat_run(worker *w, operation op)
{
    chat_worker *c = w->own;
    chat_person user;
    tenon_uuid room;
    tenon_status st;

    switch (op) {
    case OPERATION_REGISTER:
        st = chat_register(w, "new", &user);
        break;
    case OPERATION_CREATE_ROOM:
        st = chat_make_room(w, &room);
        break;
    case OPERATION_INVITE:
        st = chat_invite(w);
        break;
    case OPERATION_SAY:
        st = chat_say(w);
        break;
    case OPERATION_SESSION:
        return chat_look_up(w);
    default:
        return chat_read_page(w);
    }
    c->unknown += st == TENON_UNKNOWN_OUTCOME;
    w->sum.commits += st == TENON_OK ? 1 + (op == OPERATION_INVITE) : 0;
    return st;
}

/* ---- Databases ---- */

static bool
chat_prepare(target *t)
{
    t->model = calloc(1, sizeof(chat_model));
    for (uint32_t i = 0; i < t->worker_count && t->model != NULL; i++) {
        chat_worker *c = calloc(1, sizeof *c);

        t->workers[i].own = c;
        if (c == NULL)
            return target_failed(t, "memory", TENON_NO_MEMORY, NULL);
        c->model = t->model;
        memset(c->sample, 'm', sizeof c->sample);
    }
    return t->model != NULL || target_failed(t, "memory", TENON_NO_MEMORY, NULL);
}

static void
chat_release(target *t)
{
    for (uint32_t i = 0; i < t->worker_count; i++) {
        free(t->workers[i].own);
        t->workers[i].own = NULL;
    }
    free(t->model);
    t->model = NULL;
}

static bool
chat_fill(target *t)
{
    chat_model *m = t->model;
    worker *first = &t->workers[0];
    tenon_status st = TENON_OK;

    for (uint32_t i = 0; i < CHAT_USERS && st == TENON_OK; i++)
        st = chat_register(first, "user", &m->users[i]);
    for (uint32_t k = 0; k < t->worker_count && st == TENON_OK; k++) {
        worker *w = &t->workers[k];
        chat_worker *c = w->own;

        first = w;
        st = chat_register(w, "owner", &c->owner);
        if (st == TENON_OK)
            st = chat_make_room(w, &c->room);
        for (uint32_t i = 0; i < CHAT_MESSAGES && st == TENON_OK; i++)
            st = chat_say(w);
    }
    return st == TENON_OK || target_failed(t, "fill", st, &first->last);
}

static double
chat_fill_commits(uint32_t workers)
{
    return CHAT_USERS + (double)workers * (CHAT_MESSAGES + 2);
}

static chat_rows
chat_wanted(const target *t, uint64_t *unknown)
{
    chat_rows sum = { .users = 0 };

    *unknown = 0;
    for (uint32_t i = 0; i < t->worker_count; i++) {
        const chat_worker *c = t->workers[i].own;

        sum.users += c->rows.users;
        sum.sessions += c->rows.sessions;
        sum.rooms += c->rows.rooms;
        sum.memberships += c->rows.memberships;
        sum.invitations += c->rows.invitations;
        sum.messages += c->rows.messages;
        sum.audit_logs += c->rows.audit_logs;
        *unknown += c->unknown;
    }
    return sum;
}

static bool
chat_check(target *t, scenario_check *out)
{
    uint64_t unknown;
    const chat_rows wanted = chat_wanted(t, &unknown);
    tenon_error err = { 0 };
    chat_counts held;
    tenon_status st = chat_count_atomically(t->db, &held, &err);
    const uint64_t pairs[][2] = {
        { held.users_count, wanted.users },
        { held.sessions_count, wanted.sessions },
        { held.rooms_count, wanted.rooms },
        { held.memberships_count, wanted.memberships },
        { held.invitations_count, wanted.invitations },
        { held.messages_count, wanted.messages },
        { held.audit_logs_count, wanted.audit_logs },
    };
    static const char *const names[] = { "users",       "sessions", "rooms",        "memberships",
                                         "invitations", "messages", "rows of audit" };

    memset(out, 0, sizeof *out);
    if (st != TENON_OK)
        return target_failed(t, "check", st, &err);
    out->ok = true;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        out->rows += pairs[i][0];
        if (!out->ok || (pairs[i][0] >= pairs[i][1] && pairs[i][0] <= pairs[i][1] + 2 * unknown))
            continue;
        out->ok = false;
        (void)snprintf(out->what, sizeof out->what,
                       "%" PRIu64 " %s are there, not the %" PRIu64 " that were acknowledged",
                       pairs[i][0], names[i], pairs[i][1]);
    }
    return true;
}

#define CHAT_BIT(symbol) (UINT64_C(1) << OPERATION_##symbol)

const scenario scenario_chat = {
    .name = "chat",
    .operations = CHAT_BIT(REGISTER) | CHAT_BIT(INVITE) | CHAT_BIT(CREATE_ROOM) | CHAT_BIT(SAY) |
                  CHAT_BIT(SESSION) | CHAT_BIT(PAGE),
    .proof = OPERATION_SAY,
    .schema = chat_schema,
    .prepare = chat_prepare,
    .fill = chat_fill,
    .fill_commits = chat_fill_commits,
    .run = chat_run,
    .check = chat_check,
    .release = chat_release,
};
