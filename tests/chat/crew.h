/**
 * @file crew.h Threads at work on one database, all at once. A thread never ends a test: it notes
 * the first thing that was not expected, and the test's own thread looks at that afterwards.
 */
#ifndef TENON_TESTS_CHAT_CREW_H
#define TENON_TESTS_CHAT_CREW_H

#include <pthread.h>

#include "fixture.h"

enum { CREW = 6 };

/** One thread. */
typedef struct worker {
    tenon_db *db;
    bool inside;     /**< Operations run inside a transaction of tenon_run. */
    unsigned number; /**< 0 … CREW - 1 */
    void *job;       /**< What all work on. */
    tenon_error err; /**< Of the last operation. */
    bool failed;
    tenon_error unexpected; /**< Where `failed`: what went wrong, */
    const char *where;      /**< and at what. */
    pthread_t thread;
    void (*work)(struct worker *w);
    pthread_barrier_t *start;
} worker;

/** Run `work` in CREW threads that start together, wait for all, and fail if anything was
 * unexpected. */
void crew_run(fixture *f, void (*work)(worker *w), void *job);

/** A context: as the fixture's, with a deadline that only a deadlock reaches. */
chat_context crew_as(const tenon_uuid *actor);

/** Note what is not expected. @return whether the status is TENON_OK */
bool crew_expect(worker *w, const char *what, tenon_status status);
/** The same; TENON_OK and one refusal are expected. */
bool crew_may(worker *w, const char *what, tenon_status status, tenon_status refusal,
              const char *object);

/* The operations in the form that the crew's fixture says. */
tenon_status crew_register(worker *w, const chat_context *ctx, const chat_registration *in,
                           chat_registered *out);
tenon_status crew_delete_user(worker *w, const chat_context *ctx, const chat_deletion *in,
                              chat_deleted *out);
tenon_status crew_create_room(worker *w, const chat_context *ctx, const chat_new_room *in,
                              chat_created_room *out);
tenon_status crew_invite(worker *w, const chat_context *ctx, const chat_new_invitation *in,
                         chat_invited *out);
tenon_status crew_answer(worker *w, const chat_context *ctx, const chat_invitation_update *in,
                         chat_invited *out);
tenon_status crew_batch(worker *w, const chat_context *ctx, const chat_room_operation *op,
                        chat_room_result *out);
tenon_status crew_post(worker *w, const chat_context *ctx, const chat_new_message *in,
                       chat_message *out);
tenon_status crew_delete_message(worker *w, const chat_context *ctx, const tenon_uuid *in,
                                 chat_message *out);
tenon_status crew_rename(worker *w, const chat_context *ctx, const chat_rename *in, chat_user *out);

#endif
