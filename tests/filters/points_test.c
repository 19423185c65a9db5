/*
 * Each operation of the chat server, with a fault at each call that it makes of the driver, in
 * turn: what its caller was told is what the database holds. points URL; "@DIR@" in it becomes a
 * folder of its own.
 */
#include "points.h"

#include <stdio.h>
#include <string.h>

#include <tenon/chat.h>

enum { POINTS_COLUMNS = 8 };

#define POINTS_HASH "$argon2id$v=19$m=65536,t=2,p=1$points$points"

/* What an operation may change: rows of each table, and the guest's membership. */
typedef struct points_state {
    int64_t counts[POINTS_COLUMNS];
} points_state;

/* People and things, made anew for each run. */
typedef struct points_scene {
    uint32_t number;
    tenon_uuid owner, guest, third, room, invitation;
} points_scene;

typedef struct points_operation {
    const char *name;
    tenon_status (*run)(tenon_db *db, const points_scene *scene, tenon_error *err);
    points_scene scene;
    points_state before, whole; /* `whole`: what it changes where nothing goes wrong */
} points_operation;

/* ---- Operations ---- */

static chat_context
points_as(const tenon_uuid *actor)
{
    return (chat_context){ .size = sizeof(chat_context), .actor = *actor };
}

static tenon_status
points_register(tenon_db *db, const points_scene *scene, tenon_error *err)
{
    char name[40];
    const chat_registration in = { .username = name, .password_hash = POINTS_HASH };
    chat_registered out;

    (void)snprintf(name, sizeof name, "new%u", (unsigned)scene->number);
    return chat_register_user_atomically(db, NULL, &in, &out, err);
}

static tenon_status
points_create_room(tenon_db *db, const points_scene *scene, tenon_error *err)
{
    char name[40];
    const chat_context ctx = points_as(&scene->owner);
    const chat_new_room in = { .name = name };
    chat_created_room out;

    (void)snprintf(name, sizeof name, "room%u", (unsigned)scene->number);
    return chat_create_room_atomically(db, &ctx, &in, &out, err);
}

static tenon_status
points_invite(tenon_db *db, const points_scene *scene, tenon_error *err)
{
    const chat_context ctx = points_as(&scene->owner);
    const chat_new_invitation in = { .room = scene->room, .recipient = scene->third };
    chat_invited out;

    return chat_create_invitation_atomically(db, &ctx, &in, &out, err);
}

static tenon_status
points_accept(tenon_db *db, const points_scene *scene, tenon_error *err)
{
    const chat_context ctx = points_as(&scene->guest);
    const chat_invitation_update in = { scene->invitation, CHAT_INVITATION_ACCEPTED, 0 };
    chat_invited out;

    return chat_update_invitation_atomically(db, &ctx, &in, &out, err);
}

static tenon_status
points_post(tenon_db *db, const points_scene *scene, tenon_error *err)
{
    const chat_context ctx = points_as(&scene->owner);
    const chat_new_message in = { .room = scene->room, .content = "hello" };
    chat_message out;

    return chat_post_message_atomically(db, &ctx, &in, &out, err);
}

static tenon_status
points_delete(tenon_db *db, const points_scene *scene, tenon_error *err)
{
    const chat_context ctx = points_as(&scene->owner);
    const chat_deletion in = { .user = scene->owner };
    chat_deleted out;

    return chat_delete_user_atomically(db, &ctx, &in, &out, err);
}

enum { POINTS_OPERATIONS = 6 };

static points_operation points_operations[POINTS_OPERATIONS] = {
    { .name = "register", .run = points_register },
    { .name = "create_room", .run = points_create_room },
    { .name = "invite", .run = points_invite },
    { .name = "accept", .run = points_accept },
    { .name = "post", .run = points_post },
    { .name = "delete", .run = points_delete },
};

/* ---- Scenes and states ---- */

static tenon_uuid
points_user(tenon_db *db, const char *role, uint32_t number)
{
    char name[40];
    const chat_registration in = { .username = name, .password_hash = POINTS_HASH };
    chat_registered out;
    tenon_error err = { 0 };

    (void)snprintf(name, sizeof name, "%s%u", role, (unsigned)number);
    points_must(chat_register_user_atomically(db, NULL, &in, &out, &err), &err);
    return out.user.id;
}

static points_scene
points_set(tenon_db *db)
{
    static uint32_t number;
    points_scene s = { .number = ++number };
    char name[40];
    const chat_new_room room = { .name = name };
    chat_new_invitation invitation = { 0 };
    chat_created_room made;
    chat_invited invited;
    tenon_error err = { 0 };
    chat_context ctx;

    s.owner = points_user(db, "owner", number);
    s.guest = points_user(db, "guest", number);
    s.third = points_user(db, "third", number);
    ctx = points_as(&s.owner);
    (void)snprintf(name, sizeof name, "the room of owner%u", (unsigned)number);
    points_must(chat_create_room_atomically(db, &ctx, &room, &made, &err), &err);
    s.room = made.room.id;
    invitation.room = s.room;
    invitation.recipient = s.guest;
    points_must(chat_create_invitation_atomically(db, &ctx, &invitation, &invited, &err), &err);
    s.invitation = invited.invitation.id;
    return s;
}

typedef struct points_look {
    const points_scene *scene;
    points_state state;
} points_look;

static tenon_status
points_look_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    points_look *look = arg;
    chat_membership m = { 0 };
    chat_counts n;
    tenon_status st = chat_count(txn, &n, err);

    if (st != TENON_OK)
        return st;
    look->state = (points_state){ { (int64_t)n.users_count, (int64_t)n.sessions_count,
                                    (int64_t)n.rooms_count, (int64_t)n.memberships_count,
                                    (int64_t)n.invitations_count, (int64_t)n.messages_count,
                                    (int64_t)n.audit_logs_count, 0 } };
    st = chat_find_membership(txn, &look->scene->room, &look->scene->guest, &m, err);
    look->state.counts[POINTS_COLUMNS - 1] = st == TENON_OK ? m.status : 0;
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static points_state
points_see(tenon_db *db, const points_scene *scene)
{
    const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    points_look look = { .scene = scene };
    tenon_error err = { 0 };

    points_must(tenon_run(db, &reading, points_look_body, &look, &err), &err);
    return look.state;
}

static points_state
points_change(const points_state *from, const points_state *to)
{
    points_state change;

    for (int i = 0; i < POINTS_COLUMNS; i++)
        change.counts[i] = to->counts[i] - from->counts[i];
    return change;
}

/* What an operation changes where nothing goes wrong. */
static points_state
points_whole(const points_operation *op)
{
    tenon_db *db = points_open_plain();
    const points_scene scene = points_set(db);
    const points_state before = points_see(db, &scene);
    tenon_error err = { 0 };
    points_state after;

    points_must(op->run(db, &scene, &err), &err);
    after = points_see(db, &scene);
    tenon_close(db);
    return points_change(&before, &after);
}

/* ---- As subjects ---- */

static void
points_prepare(tenon_db *db, void *arg)
{
    points_operation *op = arg;

    op->scene = points_set(db);
    op->before = points_see(db, &op->scene);
}

static void
points_operate(tenon_db *db, void *arg, points_run *run)
{
    const points_operation *op = arg;

    run->told[0] = op->run(db, &op->scene, &run->err);
}

/* Whether what was told is what is there. */
static bool
points_agree(const points_run *run, const points_state *change, const points_state *whole)
{
    static const points_state nothing;
    const bool is_whole = memcmp(change, whole, sizeof *change) == 0;
    const bool is_nothing = memcmp(change, &nothing, sizeof *change) == 0;

    if (run->opened != TENON_OK)
        return is_nothing;
    if (run->told[0] == TENON_OK)
        return is_whole;
    return run->told[0] == TENON_UNKNOWN_OUTCOME ? is_whole || is_nothing : is_nothing;
}

static bool
points_is_so(tenon_db *db, void *arg, const points_run *run, const points_fault *fault, bool tell)
{
    const points_operation *op = arg;
    const points_state after = points_see(db, &op->scene);
    const points_state change = points_change(&op->before, &after);

    (void)fault;
    if (points_agree(run, &change, &op->whole))
        return true;
    for (int i = 0; tell && i < POINTS_COLUMNS; i++)
        print_message("%s%lld", i == 0 ? "  changes " : " ", (long long)change.counts[i]);
    if (tell)
        print_message("\n");
    return false;
}

static points_subject points_subjects[POINTS_OPERATIONS];

static void
points_make_subjects(void)
{
    for (size_t i = 0; i < POINTS_OPERATIONS; i++) {
        points_operations[i].whole = points_whole(&points_operations[i]);
        points_subjects[i] = (points_subject){ .name = points_operations[i].name,
                                               .callers = 1,
                                               .arg = &points_operations[i],
                                               .prepare = points_prepare,
                                               .run = points_operate,
                                               .agrees = points_is_so };
    }
}

#define POINTS_TEST(kind)                                                                          \
    static void what_is_told_is_so_where_the_engine_says_##kind(void **state)                      \
    {                                                                                              \
        (void)state;                                                                               \
        points_all(points_subjects, POINTS_OPERATIONS, #kind);                                     \
    }

POINTS_TEST(conflict)
POINTS_TEST(busy)
POINTS_TEST(timeout)
POINTS_TEST(io)
POINTS_TEST(full)
POINTS_TEST(memory)
POINTS_TEST(lost)
POINTS_TEST(lost_after)
POINTS_TEST(unknown)
POINTS_TEST(kill)
POINTS_TEST(kill_after)

/* A driver that says "committed" and has rolled back must be found, at each operation. */
static void
a_commit_that_is_not_one_is_found(void **state)
{
    int faults = 0;

    (void)state;
    for (size_t i = 0; i < POINTS_OPERATIONS; i++)
        assert_int_equal(
            points_each(&points_subjects[i], "lie", 1, "&fault_slot=transaction.commit", &faults),
            1);
}

static void
parameters_that_mean_nothing_are_refused(void **state)
{
    static const char *const bad[] = { "fault_kind=rain",        "fault_at=-1",
                                       "fault_slot=query.close", "fault_ppm=1000001",
                                       "fault_color=red",        "fault_times=" };
    char url[POINTS_URL];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tenon_error err = { 0 };
        tenon_db *db = NULL;

        points_url(bad[i], url);
        assert_int_equal(points_try_open(url, &db, &err), TENON_CONFIG);
        assert_null(db);
        assert_int_equal(strncmp(err.object, bad[i], strlen(err.object)), 0);
    }
}

static void
what_is_no_filter_is_refused_before_another_driver(void **state)
{
    static const char many[] = "fault+fault+fault+fault+fault+fault+fault+fault+fault+memory:";
    static const char *const bad[] = { "fault:x",  "memory+memory:", "fault+fault:x",  "fault+:x",
                                       "+memory:", "fault+absent:x", "fault++memory:", many };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tenon_error err = { 0 };
        tenon_db *db = NULL;
        const tenon_status st = points_try_open(bad[i], &db, &err);

        assert_null(db);
        if (st != TENON_CONFIG && st != TENON_NOT_FOUND)
            fail_msg("%s: %s", bad[i], tenon_status_name(st));
    }
}

static void
filters_stand_on_filters(void **state)
{
    tenon_error err = { 0 };
    tenon_db *db = NULL;

    (void)state;
    points_must(points_try_open("fault+fault+memory:", &db, &err), &err);
    (void)points_set(db);
    tenon_close(db);
}

/* ---- */

static int
points_chat_setup(void **state)
{
    if (points_setup(state) != 0)
        return -1;
    points_make_subjects();
    return 0;
}

int
main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_that_mean_nothing_are_refused),
        cmocka_unit_test(what_is_no_filter_is_refused_before_another_driver),
        cmocka_unit_test(filters_stand_on_filters),
        cmocka_unit_test(what_is_told_is_so_where_the_engine_says_full),
        cmocka_unit_test(what_is_told_is_so_where_the_engine_says_lost),
        cmocka_unit_test(what_is_told_is_so_where_the_engine_says_conflict),
        cmocka_unit_test(what_is_told_is_so_where_the_engine_says_lost_after),
        cmocka_unit_test(what_is_told_is_so_where_the_engine_says_unknown),
        cmocka_unit_test(what_is_told_is_so_where_the_engine_says_kill),
        cmocka_unit_test(what_is_told_is_so_where_the_engine_says_kill_after),
        cmocka_unit_test(a_commit_that_is_not_one_is_found),
    };
    /* Which are met as conflicts and full disks are. */
    static const struct CMUnitTest further[] = {
        cmocka_unit_test(what_is_told_is_so_where_the_engine_says_busy),
        cmocka_unit_test(what_is_told_is_so_where_the_engine_says_timeout),
        cmocka_unit_test(what_is_told_is_so_where_the_engine_says_io),
        cmocka_unit_test(what_is_told_is_so_where_the_engine_says_memory),
    };
    int failed;

    if (!points_arguments(argc, argv))
        return 2;
    points_options = (tenon_open_options){ .size = sizeof points_options,
                                           .schema = chat_schema(),
                                           .min_connections = UINT32_MAX,
                                           .max_connections = 4,
                                           .default_timeout_ms = 5000,
                                           .retry_budget_percent = UINT32_MAX,
                                           .breaker_failures = UINT32_MAX };
    failed = cmocka_run_group_tests(tests, points_chat_setup, points_teardown);
    if (points_long)
        failed += cmocka_run_group_tests(further, points_chat_setup, points_teardown);
    return failed;
}
