/** @file threads_test.c Several threads at once: no rule is broken, nothing acknowledged is lost.
 */
#include "crew.h"

#include <stdio.h>

/* ---- The same name, the same address ---- */

enum { NAMES = 40 };

/** Which thread has got which name. */
typedef struct name_job {
    bool by_email;
    bool won[CREW][NAMES];
} name_job;

static void
work_on_names(worker *w)
{
    name_job *job = (name_job *)w->job;

    for (unsigned i = 0; i < NAMES; i++) {
        char name[32];
        char email[32];
        chat_registration in = { .username = name, .email = email, .password_hash = READY_HASH };
        chat_context ctx = crew_as(NULL);
        chat_registered out;

        (void)snprintf(email, sizeof email, "%u@somewhere", i);
        if (job->by_email)
            (void)snprintf(name, sizeof name, "u%u-%u", i, w->number);
        else
            (void)snprintf(name, sizeof name, "%c%u", w->number % 2 == 0 ? 'u' : 'U', i);
        job->won[w->number][i] = crew_may(w, "register", crew_register(w, &ctx, &in, &out),
                                          TENON_EXISTS, job->by_email ? "email" : "username");
    }
}

static void
each_name_and_each_address_is_given_once(void **state)
{
    fixture *f = (fixture *)*state;

    for (int by_email = 0; by_email < 2; by_email++) {
        name_job job = { .by_email = by_email == 1 };
        chat_counts counts;

        fixture_anew(f);
        crew_run(f, work_on_names, &job);
        for (unsigned i = 0; i < NAMES; i++) {
            unsigned winners = 0;

            for (unsigned w = 0; w < CREW; w++)
                winners += job.won[w][i] ? 1 : 0;
            assert_int_equal(winners, 1);
        }
        OK(f, do_count(f, &counts));
        assert_int_equal(counts.users_count, NAMES);
        assert_int_equal(counts.sessions_count, NAMES);
        assert_int_equal(fixture_audits(f, "user.register"), NAMES);
    }
}

/* ---- The same invitation, and its answers ---- */

enum { GUESTS = 30 };

typedef struct invitation_job {
    tenon_uuid room;
    tenon_uuid admins[CREW];
    tenon_uuid guests[GUESTS];
    tenon_uuid invitations[CREW][GUESTS]; /**< That the thread has made. */
    tenon_uuid pending[GUESTS];
    unsigned invited[GUESTS];
    unsigned outcomes[CREW][GUESTS]; /**< The status that the thread has given it; 0 = none. */
} invitation_job;

static void
work_on_inviting(worker *w)
{
    invitation_job *job = (invitation_job *)w->job;
    chat_context ctx = crew_as(&job->admins[w->number]);

    for (unsigned i = 0; i < GUESTS; i++) {
        chat_new_invitation in = { .room = job->room, .recipient = job->guests[i] };
        chat_invited out;

        if (crew_may(w, "invite", crew_invite(w, &ctx, &in, &out), TENON_EXISTS, "invitation"))
            job->invitations[w->number][i] = out.invitation.id;
    }
}

/** Two threads accept, two decline, two revoke. */
static void
work_on_answers(worker *w)
{
    static const uint32_t answers[] = { CHAT_INVITATION_ACCEPTED, CHAT_INVITATION_DECLINED,
                                        CHAT_INVITATION_REVOKED };
    invitation_job *job = (invitation_job *)w->job;
    uint32_t to = answers[w->number % 3];

    for (unsigned i = 0; i < GUESTS; i++) {
        chat_context ctx = crew_as(to == CHAT_INVITATION_REVOKED ? &job->admins[w->number]
                                                                 : &job->guests[i]);
        chat_invitation_update in = { .invitation = job->pending[i], .status = to };
        chat_invited out;

        if (crew_may(w, "answer", crew_answer(w, &ctx, &in, &out), TENON_CONSTRAINT,
                     "invitation.status"))
            job->outcomes[w->number][i] = to;
    }
}

static void
an_invitation_is_made_once_and_answered_once(void **state)
{
    static invitation_job job;
    fixture *f = (fixture *)*state;
    tenon_uuid owner = make_user(f, "owner");
    char name[16];

    memset(&job, 0, sizeof job);
    job.room = make_room(f, "room", &owner);
    for (unsigned i = 0; i < CREW; i++) {
        (void)snprintf(name, sizeof name, "admin%u", i);
        job.admins[i] = make_user(f, name);
        make_member(f, &job.room, &owner, &job.admins[i], CHAT_ROOM_ADMIN);
    }
    for (unsigned i = 0; i < GUESTS; i++) {
        (void)snprintf(name, sizeof name, "guest%u", i);
        job.guests[i] = make_user(f, name);
    }
    crew_run(f, work_on_inviting, &job);
    for (unsigned i = 0; i < GUESTS; i++)
        for (unsigned w = 0; w < CREW; w++)
            if (!same_id(&job.invitations[w][i], &(tenon_uuid){ { 0 } })) {
                job.pending[i] = job.invitations[w][i];
                job.invited[i]++;
            }
    assert_true(fixture_is_sound(f));
    assert_int_equal(fixture_audits(f, "invitation.create"), GUESTS);
    crew_run(f, work_on_answers, &job);
    for (unsigned i = 0; i < GUESTS; i++) {
        chat_membership membership = membership_of(f, &job.room, &job.guests[i]);
        unsigned answered = 0;
        uint32_t to = 0;

        for (unsigned w = 0; w < CREW; w++) {
            answered += job.outcomes[w][i] != 0 ? 1 : 0;
            to += job.outcomes[w][i];
        }
        assert_int_equal(job.invited[i], 1);
        assert_int_equal(answered, 1);
        assert_int_equal(membership.status,
                         to == CHAT_INVITATION_ACCEPTED ? CHAT_MEMBERSHIP_ACTIVE : 0);
    }
    assert_true(fixture_is_sound(f));
}

/* ---- Messages ---- */

enum { POSTS = 150 };

/** What each thread was told of its messages. */
typedef struct message_job {
    tenon_uuid room;
    tenon_uuid people[CREW];
    tenon_uuid posted[CREW][POSTS]; /**< All zero: not acknowledged. */
    bool deleted[CREW][POSTS];
} message_job;

/** A reader's view: strictly newest first. */
typedef struct page_view {
    unsigned count;
    bool sorted;
    chat_message last;
} page_view;

static tenon_status
view_message(void *arg, const chat_message_row *row)
{
    page_view *view = (page_view *)arg;
    const chat_message *m = &row->message;

    if (view->count > 0 && (m->created_at_us > view->last.created_at_us ||
                            (m->created_at_us == view->last.created_at_us &&
                             memcmp(&m->id, &view->last.id, sizeof m->id) >= 0)))
        view->sorted = false;
    if (m->is_deleted != (row->content_bytes == 0))
        view->sorted = false; /* a deleted message has no text, any other has */
    view->last = *m;
    view->count++;
    return TENON_OK;
}

/** Read the room in pages, in a transaction each. @return messages seen */
static unsigned
view_pages(worker *w, const tenon_uuid *room, const tenon_uuid *reader)
{
    page_view view = { .sorted = true };
    chat_page in = { .room = *room, .limit = 37 };
    chat_context ctx = crew_as(reader);
    chat_position next;
    unsigned before;

    do {
        before = view.count;
        if (!crew_expect(w, "page",
                         chat_page_messages_atomically(w->db, &ctx, &in, view_message, &view, &next,
                                                       &w->err)))
            return 0;
        in.after = next;
    } while (view.count > before);
    if (!view.sorted)
        (void)crew_expect(w, "order of a page", TENON_INTERNAL);
    return view.count;
}

static void
work_on_messages(worker *w)
{
    message_job *job = (message_job *)w->job;
    const tenon_uuid *me = &job->people[w->number];
    chat_context ctx = crew_as(me);
    char text[32];
    unsigned seen = 0;

    for (unsigned i = 0; i < POSTS; i++) {
        chat_new_message in = { .room = job->room, .content = text };
        chat_message out;

        (void)snprintf(text, sizeof text, "%u-%u", w->number, i);
        ctx.now_us = T0 + (int64_t)(i / 4) * SECOND; /* several at the same time */
        if (crew_expect(w, "post", crew_post(w, &ctx, &in, &out)))
            job->posted[w->number][i] = out.id;
        if (i % 5 == 4)
            job->deleted[w->number][i - 2] = crew_expect(
                w, "delete message",
                crew_delete_message(w, &ctx, &job->posted[w->number][i - 2], &out));
        if (i % 50 == 49) {
            unsigned count = view_pages(w, &job->room, me);

            /* Its own are there at least, and none of those seen before is gone. */
            if (count < i + 1 || count < seen)
                (void)crew_expect(w, "messages seen before", TENON_INTERNAL);
            seen = count;
        }
    }
}

/** Look for each acknowledged message in the room. */
typedef struct message_search {
    const message_job *job;
    unsigned found[CREW][POSTS];
    unsigned unknown;
    unsigned wrong; /**< Not as the thread was told. */
} message_search;

static tenon_status
search_message(void *arg, const chat_message_row *row)
{
    message_search *s = (message_search *)arg;
    char text[32];

    for (unsigned w = 0; w < CREW; w++)
        for (unsigned i = 0; i < POSTS; i++)
            if (same_id(&s->job->posted[w][i], &row->message.id)) {
                s->found[w][i]++;
                (void)snprintf(text, sizeof text, "%u-%u", w, i);
                if (s->job->deleted[w][i])
                    text[0] = '\0';
                if (row->message.is_deleted != s->job->deleted[w][i] ||
                    row->content_bytes != strlen(text) ||
                    memcmp(row->content, text, strlen(text)) != 0)
                    s->wrong++;
                return TENON_OK;
            }
    s->unknown++;
    return TENON_OK;
}

static void
no_acknowledged_message_is_lost(void **state)
{
    static message_job job;
    static message_search search;
    fixture *f = (fixture *)*state;
    chat_context ctx;
    chat_page in = { .limit = 1000 };
    chat_position next;
    char name[16];

    memset(&job, 0, sizeof job);
    memset(&search, 0, sizeof search);
    for (unsigned i = 0; i < CREW; i++) {
        (void)snprintf(name, sizeof name, "u%u", i);
        job.people[i] = make_user(f, name);
        if (i == 0)
            job.room = make_room(f, "room", &job.people[0]);
        else
            make_member(f, &job.room, &job.people[0], &job.people[i], 0);
    }
    crew_run(f, work_on_messages, &job);
    search.job = &job;
    in.room = job.room;
    ctx = as_system(f);
    OK(f, do_page(f, &ctx, &in, search_message, &search, &next));
    assert_int_equal(search.unknown, 0);
    assert_int_equal(search.wrong, 0);
    for (unsigned w = 0; w < CREW; w++)
        for (unsigned i = 0; i < POSTS; i++)
            assert_int_equal(search.found[w][i], 1);
}

/* ---- Ownership ---- */

enum { PASSES = 120 };

typedef struct owner_job {
    tenon_uuid room;
    tenon_uuid people[CREW];
    unsigned passed[CREW];
} owner_job;

static tenon_status
count_owner(void *arg, const chat_user *user, const chat_membership *membership)
{
    (void)user;
    *(unsigned *)arg += membership->role == CHAT_ROOM_OWNER ? 1 : 0;
    return TENON_OK;
}

/** A room and the number of its owners in one look. */
typedef struct owner_look {
    const chat_context *ctx;
    const tenon_uuid *room;
    unsigned owners;
} owner_look;

static tenon_status
owner_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    owner_look *look = (owner_look *)arg;

    look->owners = 0;
    return chat_list_members(txn, look->ctx, look->room, count_owner, &look->owners, err);
}

static void
work_on_owners(worker *w)
{
    owner_job *job = (owner_job *)w->job;
    chat_context ctx = crew_as(&job->people[w->number]);
    tenon_txn_options read = { .size = sizeof read, .read_only = true, .timeout_ms = 120000 };

    for (unsigned i = 0; i < PASSES; i++) {
        chat_room_operation op = { .kind = CHAT_UPDATE_ROLE,
                                   .room = job->room,
                                   .user = job->people[(w->number + 1 + i % (CREW - 1)) % CREW],
                                   .role = CHAT_ROOM_OWNER };
        chat_room_result result;
        owner_look look = { .ctx = &ctx, .room = &job->room };

        if (crew_may(w, "pass ownership on", crew_batch(w, &ctx, &op, &result), TENON_DENIED,
                     "operations[0].actor"))
            job->passed[w->number]++;
        if (crew_expect(w, "list", tenon_run(w->db, &read, owner_body, &look, &w->err)) &&
            look.owners != 1)
            (void)crew_expect(w, "one owner", TENON_INTERNAL);
    }
}

static void
a_room_has_one_owner_whoever_looks_whenever(void **state)
{
    fixture *f = (fixture *)*state;
    owner_job job = { .passed = { 0 } };
    unsigned passed = 0;
    char name[16];

    for (unsigned i = 0; i < CREW; i++) {
        (void)snprintf(name, sizeof name, "u%u", i);
        job.people[i] = make_user(f, name);
        if (i == 0)
            job.room = make_room(f, "room", &job.people[0]);
        else
            make_member(f, &job.room, &job.people[0], &job.people[i], CHAT_ROOM_ADMIN);
    }
    crew_run(f, work_on_owners, &job);
    for (unsigned i = 0; i < CREW; i++)
        passed += job.passed[i];
    assert_true(passed > 0);
    assert_int_equal(fixture_audits(f, "room.update_role"), passed);
    assert_true(fixture_is_sound(f));
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(each_name_and_each_address_is_given_once),
        CASE(an_invitation_is_made_once_and_answered_once),
        CASE(no_acknowledged_message_is_lost),
        CASE(a_room_has_one_owner_whoever_looks_whenever),
    };

    return fixture_main(argc, argv, "threads", tests, sizeof tests / sizeof tests[0]);
}
