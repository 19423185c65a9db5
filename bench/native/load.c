/*
 * Each thread has a room of its own with an owner of its own, so that threads meet in the engine
 * and not in the rules of the chat.
 */
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const load_names[LOAD_OPERATIONS] = {
    [LOAD_REGISTER] = "register", [LOAD_INVITE] = "invite",   [LOAD_CREATE_ROOM] = "create-room",
    [LOAD_SAY] = "say",           [LOAD_SESSION] = "session", [LOAD_PAGE] = "page",
    [LOAD_EMPTY] = "empty",
};

const char *
load_name(load_operation operation)
{
    return load_names[operation];
}

load_operation
load_named(const char *name)
{
    int i = 0;

    while (i < LOAD_OPERATIONS && strcmp(load_names[i], name) != 0)
        i++;
    return (load_operation)i;
}

bool
load_can(const side *with, load_operation operation)
{
    return with->register_user != NULL || operation == LOAD_EMPTY;
}

/* ---- One operation ---- */

static bool
load_register(load_worker *w, const char *kind, side_user *user)
{
    (void)snprintf(user->name, sizeof user->name, "%s_%" PRIu32 "_%" PRIu64, kind, w->number,
                   w->serial++);
    w->done.users++;
    w->done.sessions++;
    w->done.audit_logs++;
    return w->load->with->register_user(w->conn, user);
}

static bool
load_create_room(load_worker *w, tenon_uuid *room)
{
    char name[48];

    (void)snprintf(name, sizeof name, "room_%" PRIu32 "_%" PRIu64, w->number, w->serial++);
    w->done.rooms++;
    w->done.memberships++;
    w->done.audit_logs++;
    return w->load->with->create_room(w->conn, &w->owner, name, room);
}

/* Nobody can be invited twice, so after all users there has to be another room. It takes one
 * transaction in 400, and is part of the slice. */
static bool
load_invite(load_worker *w)
{
    if (w->invited == LOAD_USERS) {
        w->invited = 0;
        if (!load_create_room(w, &w->room))
            return false;
    }
    w->done.memberships++;
    w->done.invitations++;
    w->done.audit_logs += 2;
    return w->load->with->invite(w->conn, &w->room, &w->owner, &w->load->users[w->invited++]);
}

static bool
load_say(load_worker *w)
{
    char text[96];

    (void)snprintf(text, sizeof text,
                   "message %" PRIu64 " of thread %" PRIu32 ", about as long as one is on IRC",
                   w->serial++, w->number);
    w->done.messages++;
    return w->load->with->say(w->conn, &w->room, &w->owner, text);
}

static bool
load_find_session(load_worker *w)
{
    const side_user *user = &w->load->users[w->serial++ * 7 % LOAD_USERS];
    chat_session found = { .is_active = false };

    if (!w->load->with->find_session(w->conn, user->token, &found))
        return false;
    if (memcmp(&found.user_id, &user->id, sizeof found.user_id) == 0)
        return true;
    (void)fprintf(stderr, "%s: a session of another user was found\n", w->load->with->name);
    return false;
}

/* From the newest message to the oldest, page by page, and again. */
static bool
load_page(load_worker *w)
{
    side_page page = { .count = 0 };

    if (w->read.count % LOAD_MESSAGES == 0)
        memset(&w->at, 0, sizeof w->at);
    if (!w->load->with->read_page(w->conn, &w->room, &w->owner, &w->at, &page))
        return false;
    w->read.count += page.count;
    w->read.sum += page.sum;
    w->at = page.last;
    if (page.count == SIDE_PAGE)
        return true;
    (void)fprintf(stderr, "%s: a page of %" PRIu32 " messages\n", w->load->with->name, page.count);
    return false;
}

bool
load_once(load_worker *worker, load_operation operation)
{
    side_user user;
    tenon_uuid room;

    switch (operation) {
    case LOAD_REGISTER:
        return load_register(worker, "new", &user);
    case LOAD_CREATE_ROOM:
        return load_create_room(worker, &room);
    case LOAD_INVITE:
        return load_invite(worker);
    case LOAD_SAY:
        return load_say(worker);
    case LOAD_SESSION:
        return load_find_session(worker);
    case LOAD_PAGE:
        return load_page(worker);
    default:
        return worker->load->with->empty(worker->conn, &worker->owner.id);
    }
}

/* ---- Databases ---- */

static bool
load_fill(load *l, load_operation operation)
{
    const bool all = operation == LOAD_OPERATIONS;
    const bool with_users = all || operation == LOAD_INVITE || operation == LOAD_SESSION;
    bool ok = true;

    for (uint32_t t = 0; t < l->place.threads && ok; t++) {
        load_worker *w = &l->workers[t];

        ok = load_register(w, "owner", &w->owner) && load_create_room(w, &w->room);
        for (uint32_t i = 0; i < LOAD_MESSAGES && ok && (all || operation == LOAD_PAGE); i++)
            ok = load_say(w);
    }
    for (uint32_t i = 0; i < LOAD_USERS && ok && with_users; i++)
        ok = load_register(&l->workers[0], "user", &l->users[i]);
    return ok;
}

bool
load_resume(load *l)
{
    bool ok = l->with->open(&l->place, &l->db);

    for (uint32_t t = 0; t < l->place.threads && ok; t++)
        ok = l->with->connect(l->db, &l->workers[t].conn);
    return ok;
}

void
load_pause(load *l)
{
    for (uint32_t t = 0; t < l->place.threads && l->workers != NULL; t++) {
        l->with->disconnect(l->workers[t].conn);
        l->workers[t].conn = NULL;
    }
    l->with->close(l->db);
    l->db = NULL;
}

bool
load_open(load *l, const side *with, const side_place *place, load_operation operation)
{
    l->with = with;
    l->place = *place;
    l->place.is_new = true;
    l->workers = aligned_alloc(_Alignof(load_worker), place->threads * sizeof *l->workers);
    if (l->workers == NULL)
        return false;
    memset(l->workers, 0, place->threads * sizeof *l->workers);
    for (uint32_t t = 0; t < place->threads; t++) {
        l->workers[t].load = l;
        l->workers[t].number = t;
    }
    if (!load_resume(l))
        return false;
    l->place.is_new = false;
    return with->register_user == NULL || load_fill(l, operation);
}

void
load_close(load *l)
{
    if (l->with != NULL)
        load_pause(l);
    free(l->workers);
    l->workers = NULL;
}

static void
load_add(side_counts *to, const side_counts *from)
{
    to->users += from->users;
    to->sessions += from->sessions;
    to->rooms += from->rooms;
    to->memberships += from->memberships;
    to->invitations += from->invitations;
    to->messages += from->messages;
    to->audit_logs += from->audit_logs;
}

bool
load_check(const load *l)
{
    side_counts wanted = { .users = 0 }, held = { .users = 0 };

    if (l->with->count == NULL)
        return true;
    for (uint32_t t = 0; t < l->place.threads; t++)
        load_add(&wanted, &l->workers[t].done);
    if (!l->with->count(l->workers[0].conn, &held))
        return false;
    if (memcmp(&wanted, &held, sizeof held) == 0)
        return true;
    (void)fprintf(stderr,
                  "%s: rows of users, sessions, rooms, memberships, invitations, messages, audit: "
                  "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                  ", not as many as were added (%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                  " %" PRIu64 " %" PRIu64 " %" PRIu64 ")\n",
                  l->with->name, held.users, held.sessions, held.rooms, held.memberships,
                  held.invitations, held.messages, held.audit_logs, wanted.users, wanted.sessions,
                  wanted.rooms, wanted.memberships, wanted.invitations, wanted.messages,
                  wanted.audit_logs);
    return false;
}
