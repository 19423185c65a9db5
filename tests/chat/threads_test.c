/** @file threads_test.c Several threads at once: no rule is broken, nothing acknowledged is lost.
 */
#include "crew.h"

#include <stdio.h>
#include <stdlib.h>

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

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(each_name_and_each_address_is_given_once),
        CASE(an_invitation_is_made_once_and_answered_once),
    };

    return fixture_main(argc, argv, "threads", tests, sizeof tests / sizeof tests[0]);
}
