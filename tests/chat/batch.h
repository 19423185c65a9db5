/** @file batch.h What the tests of batches share. */
#ifndef TENON_TESTS_CHAT_BATCH_H
#define TENON_TESTS_CHAT_BATCH_H

#include "fixture.h"

/** One of each that can be in a room, and two who are not. */
enum {
    BATCH_OWNER,
    BATCH_ADMIN,
    BATCH_OTHER_ADMIN,
    BATCH_MEMBER,
    BATCH_OTHER_MEMBER,
    BATCH_INVITED,
    BATCH_STRANGER,
    BATCH_PEOPLE
};

/** They, and their room, "room". */
typedef struct batch_cast {
    tenon_uuid owner, admin, other_admin, member, other_member, invited, stranger;
    tenon_uuid room;
    tenon_uuid invitation; /**< Of the one invited, by the owner. */
} batch_cast;

batch_cast make_batch_cast(fixture *f);

/** Run one operation. @param[in] actor NULL = the system */
tenon_status batch_one(fixture *f, const tenon_uuid *actor, const chat_room_operation *op,
                       chat_room_result *result);

/** As REFUSED, for a batch of one operation; its result must be all zero. */
#define REFUSED_ONE(f, actor, op, status, object)                                                  \
    do {                                                                                           \
        chat_room_result result_;                                                                  \
        REFUSED((f), batch_one((f), (actor), (op), &result_), (status), "operations[0]." object);  \
        assert_true(batch_is_zero(&result_, 1));                                                   \
    } while (0)

bool batch_is_zero(const chat_room_result *results, size_t count);

/** The room with an id; fails the test where there is none. */
chat_room find_room(fixture *f, const tenon_uuid *id);

/** Whether the invitation has that status, in its stored form. */
bool invitation_is(fixture *f, const tenon_uuid *id, const char *status);

#endif
