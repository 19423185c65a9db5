/** @file churn_test.c Everything at once, while people come and go: the rows still add up. */
#include "crew.h"

#include <stdio.h>

enum { ROUNDS = 40, PEOPLE = CREW * ROUNDS };

/** People come and go, and others deal with them meanwhile. */
typedef struct churn_job {
    pthread_mutex_t lock; /**< Of the people. */
    tenon_uuid keeper;
    tenon_uuid room;
    tenon_uuid people[PEOPLE];
    bool deleted[PEOPLE]; /**< Acknowledged. */
    unsigned people_count;
    chat_counts due[CREW]; /**< Rows that the thread's operations have made, less those removed. */
    uint32_t random[CREW];
} churn_job;

static unsigned
churn_random(worker *w, unsigned below)
{
    uint32_t *seed = &((churn_job *)w->job)->random[w->number];

    *seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return (*seed >> 16) % below;
}

/** Anyone who was ever there, deleted or not. */
static unsigned
churn_anyone(worker *w, tenon_uuid *out)
{
    churn_job *job = (churn_job *)w->job;
    unsigned who;

    (void)pthread_mutex_lock(&job->lock);
    who = churn_random(w, job->people_count);
    *out = job->people[who];
    (void)pthread_mutex_unlock(&job->lock);
    return who;
}

/** Any refusal is as good as success; failures of other kinds are not. */
static bool
churn_done(worker *w, const char *what, tenon_status status)
{
    bool refused = status == TENON_NOT_FOUND || status == TENON_EXISTS || status == TENON_DENIED ||
                   status == TENON_CONSTRAINT;

    return refused ? false : crew_expect(w, what, status);
}

static void
churn_register(worker *w, unsigned round)
{
    churn_job *job = (churn_job *)w->job;
    chat_counts *due = &job->due[w->number];
    char name[32];
    chat_registration in = { .username = name, .password_hash = READY_HASH };
    chat_context ctx = crew_as(NULL);
    chat_registered out;

    (void)snprintf(name, sizeof name, "u%u-%u", w->number, round);
    if (!crew_expect(w, "register", crew_register(w, &ctx, &in, &out)))
        return;
    due->users_count++;
    due->sessions_count++;
    due->audit_logs_count++;
    (void)pthread_mutex_lock(&job->lock);
    job->people[job->people_count++] = out.user.id;
    (void)pthread_mutex_unlock(&job->lock);
}

static void
churn_join_and_say(worker *w)
{
    churn_job *job = (churn_job *)w->job;
    chat_counts *due = &job->due[w->number];
    tenon_uuid user;
    chat_context ctx = crew_as(&job->keeper);
    chat_new_invitation invite = { .room = job->room };
    chat_invitation_update accept = { .status = CHAT_INVITATION_ACCEPTED };
    chat_new_message post = { .room = job->room, .content = "text" };
    chat_invited invited;
    chat_message message;

    (void)churn_anyone(w, &user);
    invite.recipient = user;
    if (churn_done(w, "invite", crew_invite(w, &ctx, &invite, &invited))) {
        due->invitations_count++;
        due->memberships_count++;
        due->audit_logs_count++;
        accept.invitation = invited.invitation.id;
        ctx = crew_as(&user);
        due->audit_logs_count += churn_done(w, "accept", crew_answer(w, &ctx, &accept, &invited));
    }
    ctx = crew_as(&user);
    for (unsigned i = 0; i < 3; i++)
        due->messages_count += churn_done(w, "post", crew_post(w, &ctx, &post, &message));
}

static void
churn_room(worker *w, unsigned round)
{
    churn_job *job = (churn_job *)w->job;
    chat_counts *due = &job->due[w->number];
    char name[32];
    tenon_uuid owner;
    chat_new_room in = { .name = name };
    chat_room_operation op = { .kind = CHAT_ADD_MEMBER };
    chat_created_room out;
    chat_room_result result;
    chat_context ctx;

    (void)snprintf(name, sizeof name, "r%u-%u", w->number, round);
    (void)churn_anyone(w, &owner);
    ctx = crew_as(&owner);
    if (!churn_done(w, "create room", crew_create_room(w, &ctx, &in, &out)))
        return;
    due->rooms_count++;
    due->memberships_count++;
    due->audit_logs_count++;
    op.room = out.room.id;
    (void)churn_anyone(w, &op.user);
    if (churn_done(w, "add member", crew_batch(w, &ctx, &op, &result))) {
        due->memberships_count++;
        due->audit_logs_count++;
    }
    op = (chat_room_operation){ .kind = CHAT_REMOVE_MEMBER, .room = job->room };
    (void)churn_anyone(w, &op.user);
    ctx = crew_as(&job->keeper);
    if (churn_done(w, "remove member", crew_batch(w, &ctx, &op, &result))) {
        due->memberships_count--;
        due->audit_logs_count++;
    }
}

static void
churn_delete(worker *w)
{
    churn_job *job = (churn_job *)w->job;
    chat_counts *due = &job->due[w->number];
    chat_deletion in;
    chat_deleted out;
    chat_context ctx;
    unsigned who = churn_anyone(w, &in.user);

    (void)churn_anyone(w, &in.transfer_to);
    if (same_id(&in.user, &in.transfer_to) || churn_random(w, 2) == 0)
        memset(&in.transfer_to, 0, sizeof in.transfer_to);
    ctx = crew_as(&in.user);
    if (!churn_done(w, "delete user", crew_delete_user(w, &ctx, &in, &out)))
        return;
    due->users_count--;
    due->sessions_count -= out.sessions_count;
    due->messages_count -= out.messages_count;
    due->memberships_count -= out.memberships_count;
    due->invitations_count -= out.invitations_sent_count + out.invitations_received_count +
                              out.invitations_other_count;
    due->rooms_count -= out.rooms_removed_count;
    due->audit_logs_count++;
    (void)pthread_mutex_lock(&job->lock);
    if (job->deleted[who])
        (void)crew_expect(w, "deleted once", TENON_INTERNAL);
    job->deleted[who] = true;
    (void)pthread_mutex_unlock(&job->lock);
}

static void
work_on_churn(worker *w)
{
    churn_job *job = (churn_job *)w->job;

    for (unsigned round = 0; round < ROUNDS; round++) {
        chat_rename rename = { .username = "somebody" };
        chat_user out;
        chat_context ctx;

        churn_register(w, round);
        churn_join_and_say(w);
        churn_room(w, round);
        (void)churn_anyone(w, &rename.user);
        ctx = crew_as(&rename.user);
        job->due[w->number].audit_logs_count += churn_done(w, "rename",
                                                           crew_rename(w, &ctx, &rename, &out));
        if (round % 2 == 1)
            churn_delete(w);
    }
}

static tenon_status
churn_see_user(tenon_txn *txn, void *arg, tenon_error *err)
{
    chat_user user;

    return chat_find_user(txn, (const tenon_uuid *)arg, &user, err);
}

static void
rows_are_as_many_as_were_acknowledged(void **state)
{
    static churn_job job;
    fixture *f = (fixture *)*state;
    chat_counts counts;
    chat_counts due;

    memset(&job, 0, sizeof job);
    assert_int_equal(pthread_mutex_init(&job.lock, NULL), 0);
    job.keeper = make_user(f, "keeper");
    job.room = make_room(f, "room", &job.keeper);
    for (unsigned i = 0; i < CREW; i++)
        job.random[i] = i;
    OK(f, do_count(f, &due));
    crew_run(f, work_on_churn, &job);
    (void)pthread_mutex_destroy(&job.lock);
    for (unsigned i = 0; i < CREW; i++) {
        due.users_count += job.due[i].users_count;
        due.sessions_count += job.due[i].sessions_count;
        due.rooms_count += job.due[i].rooms_count;
        due.memberships_count += job.due[i].memberships_count;
        due.invitations_count += job.due[i].invitations_count;
        due.messages_count += job.due[i].messages_count;
        due.audit_logs_count += job.due[i].audit_logs_count;
    }
    OK(f, do_count(f, &counts));
    assert_int_equal(counts.users_count, due.users_count);
    assert_int_equal(counts.sessions_count, due.sessions_count);
    assert_int_equal(counts.rooms_count, due.rooms_count);
    assert_int_equal(counts.memberships_count, due.memberships_count);
    assert_int_equal(counts.invitations_count, due.invitations_count);
    assert_int_equal(counts.messages_count, due.messages_count);
    assert_int_equal(counts.audit_logs_count, due.audit_logs_count);
    assert_true(counts.users_count < PEOPLE); /* some have gone */
    assert_true(counts.messages_count > 0);
    for (unsigned i = 0; i < job.people_count; i++)
        assert_int_equal(tenon_run(f->db, NULL, churn_see_user, &job.people[i], &f->err),
                         job.deleted[i] ? TENON_NOT_FOUND : TENON_OK);
    assert_true(fixture_is_sound(f));
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { CASE(rows_are_as_many_as_were_acknowledged) };

    return fixture_main(argc, argv, "churn", tests, sizeof tests / sizeof tests[0]);
}
