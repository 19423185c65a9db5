/** @file crew.c Threads at work on one database, all at once. */
#include "crew.h"

#include <stdio.h>

static void *
crew_thread(void *arg)
{
    worker *w = (worker *)arg;

    (void)pthread_barrier_wait(w->start);
    w->work(w);
    return NULL;
}

void
crew_run(fixture *f, void (*work)(worker *w), void *job)
{
    static worker crew[CREW];
    pthread_barrier_t start;
    unsigned failures = 0;

    assert_int_equal(pthread_barrier_init(&start, NULL, CREW), 0);
    memset(crew, 0, sizeof crew);
    for (unsigned i = 0; i < CREW; i++) {
        crew[i].db = f->db;
        crew[i].inside = f->inside;
        crew[i].number = i;
        crew[i].job = job;
        crew[i].work = work;
        crew[i].start = &start;
        assert_int_equal(pthread_create(&crew[i].thread, NULL, crew_thread, &crew[i]), 0);
    }
    for (unsigned i = 0; i < CREW; i++)
        assert_int_equal(pthread_join(crew[i].thread, NULL), 0);
    (void)pthread_barrier_destroy(&start);
    for (unsigned i = 0; i < CREW; i++) {
        const tenon_error *err = &crew[i].unexpected;

        if (!crew[i].failed)
            continue;
        print_error("thread %u, %s: %s '%s': %s\n", i, crew[i].where,
                    tenon_status_name(err->status), err->object, err->message);
        failures++;
    }
    assert_int_equal(failures, 0);
}

chat_context
crew_as(const tenon_uuid *actor)
{
    chat_context ctx = { .size = sizeof ctx, .now_us = T0, .timeout_ms = 120000 };

    if (actor != NULL)
        ctx.actor = *actor;
    return ctx;
}

/** Note the last error, unless there was one before. */
static void
crew_note(worker *w, const char *what, tenon_status status)
{
    if (w->failed)
        return;
    w->failed = true;
    w->where = what;
    w->unexpected = w->err;
    w->unexpected.status = status;
}

bool
crew_expect(worker *w, const char *what, tenon_status status)
{
    if (status != TENON_OK)
        crew_note(w, what, status);
    return status == TENON_OK;
}

bool
crew_may(worker *w, const char *what, tenon_status status, tenon_status refusal, const char *object)
{
    if (status != TENON_OK && (status != refusal || strcmp(w->err.object, object) != 0))
        crew_note(w, what, status);
    return status == TENON_OK;
}

/* ---- The operations ---- */

/** What an operation inside a transaction is given. */
typedef struct crew_call {
    const chat_context *ctx;
    const void *in;
    void *out;
} crew_call;

static tenon_status
crew_within(worker *w, const chat_context *ctx, tenon_txn_fn body, const void *in, void *out)
{
    crew_call call = { ctx, in, out };
    tenon_txn_options options = { .size = sizeof options, .timeout_ms = ctx->timeout_ms };

    return tenon_run(w->db, &options, body, &call, &w->err);
}

#define BOTH_FORMS(name, in_txn, on_its_own, in_type, out_type)                                    \
    static tenon_status name##_body(tenon_txn *txn, void *arg, tenon_error *err)                   \
    {                                                                                              \
        const crew_call *call = (const crew_call *)arg;                                            \
        return in_txn(txn, call->ctx, (const in_type *)call->in, (out_type *)call->out, err);      \
    }                                                                                              \
    tenon_status name(worker *w, const chat_context *ctx, const in_type *in, out_type *out)        \
    {                                                                                              \
        return w->inside ? crew_within(w, ctx, name##_body, in, out)                               \
                         : on_its_own(w->db, ctx, in, out, &w->err);                               \
    }

BOTH_FORMS(crew_register, chat_user_registration_transaction, chat_register_user_atomically,
           chat_registration, chat_registered)
BOTH_FORMS(crew_delete_user, chat_user_deletion_transaction, chat_delete_user_atomically,
           chat_deletion, chat_deleted)
BOTH_FORMS(crew_create_room, chat_create_room_with_membership, chat_create_room_atomically,
           chat_new_room, chat_created_room)
BOTH_FORMS(crew_invite, chat_create_invitation_with_membership, chat_create_invitation_atomically,
           chat_new_invitation, chat_invited)
BOTH_FORMS(crew_answer, chat_update_invitation_and_membership, chat_update_invitation_atomically,
           chat_invitation_update, chat_invited)
BOTH_FORMS(crew_post, chat_post_message, chat_post_message_atomically, chat_new_message,
           chat_message)
BOTH_FORMS(crew_delete_message, chat_delete_message, chat_delete_message_atomically, tenon_uuid,
           chat_message)
BOTH_FORMS(crew_rename, chat_rename_user, chat_rename_user_atomically, chat_rename, chat_user)

static tenon_status
crew_batch_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const crew_call *call = (const crew_call *)arg;

    return chat_batch_room_operations(txn, call->ctx, (const chat_room_batch *)call->in,
                                      (chat_room_result *)call->out, err);
}

tenon_status
crew_batch(worker *w, const chat_context *ctx, const chat_room_operation *op, chat_room_result *out)
{
    chat_room_batch in = { .operations = op, .count = 1 };

    return w->inside ? crew_within(w, ctx, crew_batch_body, &in, out)
                     : chat_batch_room_operations_atomically(w->db, ctx, &in, out, &w->err);
}
