/** @file fixture.h A database per test, the operations in both forms, and what tests look at. */
#ifndef TENON_TESTS_CHAT_FIXTURE_H
#define TENON_TESTS_CHAT_FIXTURE_H

/* cmocka.h needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tenon/chat.h"

/** The time of all tests, unless they set another: 2023-11-14. */
#define T0 INT64_C(1700000000000000)
#define SECOND INT64_C(1000000)
/** A ready hash that no password has. */
#define READY_HASH "$ready$hash"

typedef struct fixture {
    tenon_db *db;
    bool inside; /**< Operations run inside a transaction of the test's. */
    tenon_error err;
    int64_t now_us;
} fixture;

int fixture_setup(void **state);
int fixture_teardown(void **state);

/** Close the test's database, and open another, empty one. */
void fixture_anew(fixture *f);

/** A test with a database of its own, which is verified at its end. */
#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/** Run the tests in both forms on the driver that argv names. @return exit status; 77 = no such
 * driver */
int fixture_main(int argc, char **argv, const char *group, const struct CMUnitTest *tests,
                 size_t count);

/** A context: acts for `actor` (NULL = nobody) at the fixture's time. */
chat_context as(const fixture *f, const tenon_uuid *actor);
/** The same for the system. */
chat_context as_system(const fixture *f);

/** A hash of every row of every table. */
uint64_t fixture_digest(fixture *f);
/** Audit rows with that action. */
uint64_t fixture_audits(fixture *f, const char *action);
/** Whether each room has exactly one owner, and pending memberships and invitations match. */
bool fixture_is_sound(fixture *f);

/** Make things; they fail the test where that fails. */
tenon_uuid make_user(fixture *f, const char *name);
tenon_uuid make_user_of_role(fixture *f, const char *name, uint32_t role);
tenon_uuid make_room(fixture *f, const char *name, const tenon_uuid *owner);
chat_invited make_invitation(fixture *f, const tenon_uuid *room, const tenon_uuid *sender,
                             const tenon_uuid *recipient);
void make_member(fixture *f, const tenon_uuid *room, const tenon_uuid *owner,
                 const tenon_uuid *user, uint32_t role);
tenon_uuid make_message(fixture *f, const tenon_uuid *room, const tenon_uuid *author,
                        const char *text);
void set_user_active(fixture *f, const tenon_uuid *user, bool active);
void set_room_active(fixture *f, const tenon_uuid *room, bool active);
tenon_uuid no_such_id(void);
bool same_id(const tenon_uuid *a, const tenon_uuid *b);
/** The membership of a user; status 0 where there is none. */
chat_membership membership_of(fixture *f, const tenon_uuid *room, const tenon_uuid *user);

/* The operations, in the form that the fixture says. A failure inside is committed, too: it must
 * have left nothing behind. */
tenon_status do_register(fixture *f, const chat_context *ctx, const chat_registration *in,
                         chat_registered *out);
tenon_status do_delete_user(fixture *f, const chat_context *ctx, const chat_deletion *in,
                            chat_deleted *out);
tenon_status do_create_room(fixture *f, const chat_context *ctx, const chat_new_room *in,
                            chat_created_room *out);
tenon_status do_invite(fixture *f, const chat_context *ctx, const chat_new_invitation *in,
                       chat_invited *out);
tenon_status do_answer(fixture *f, const chat_context *ctx, const chat_invitation_update *in,
                       chat_invited *out);
tenon_status do_batch(fixture *f, const chat_context *ctx, const chat_room_batch *in,
                      chat_room_result *out);
tenon_status do_post(fixture *f, const chat_context *ctx, const chat_new_message *in,
                     chat_message *out);
tenon_status do_edit(fixture *f, const chat_context *ctx, const chat_message_edit *in,
                     chat_message *out);
tenon_status do_delete_message(fixture *f, const chat_context *ctx, const tenon_uuid *in,
                               chat_message *out);
tenon_status do_rename(fixture *f, const chat_context *ctx, const chat_rename *in, chat_user *out);
tenon_status do_page(fixture *f, const chat_context *ctx, const chat_page *in, chat_message_fn fn,
                     void *arg, chat_position *next);
tenon_status do_list_rooms(fixture *f, const chat_context *ctx, const tenon_uuid *user,
                           chat_room_fn fn, void *arg);
tenon_status do_list_members(fixture *f, const chat_context *ctx, const tenon_uuid *room,
                             chat_member_fn fn, void *arg);
tenon_status do_log_in(fixture *f, const chat_context *ctx, const chat_log_in *in,
                       chat_registered *out);
tenon_status do_log_out(fixture *f, const chat_context *ctx, const char *token);
tenon_status do_find_session(fixture *f, const chat_context *ctx, const char *token,
                             chat_session *session, chat_user *user);
tenon_status do_clean_up(fixture *f, const chat_context *ctx, uint32_t limit, chat_cleaned *out);
tenon_status do_count(fixture *f, chat_counts *out);

void check_ok(fixture *f, tenon_status status, const char *file, int line);
void check_refused(fixture *f, tenon_status status, tenon_status expected, const char *object,
                   uint64_t before, const char *file, int line);

/** The call succeeds. */
#define OK(f, call) check_ok((f), (call), __FILE__, __LINE__)

/** The call fails with that status and object, and changes nothing. */
#define REFUSED(f, call, status, object)                                                           \
    do {                                                                                           \
        uint64_t before_ = fixture_digest(f);                                                      \
        check_refused((f), (call), (status), (object), before_, __FILE__, __LINE__);               \
    } while (0)

#endif
