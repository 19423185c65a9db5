/*
 * Each operation of the chat server, with a fault at each call that it makes of the driver, in
 * turn: what its caller was told is what the database holds. points URL; "@DIR@" in it becomes a
 * folder of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tenon/chat.h>
#include <tenon/tenon.h>

enum { POINTS_MOST = 400, POINTS_COLUMNS = 8, POINTS_PATH = 256, POINTS_URL = 2048 };

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

/* How it went. */
typedef struct points_run {
    tenon_status opened, told;
    tenon_error err;
} points_run;

typedef struct points_operation {
    const char *name;
    tenon_status (*run)(tenon_db *db, const points_scene *scene, tenon_error *err);
} points_operation;

static char points_folder[64];
static const char *points_plain; /* the URL as it was given */
static bool points_long;         /* every kind at every call, those of opening too */
static int points_opening;       /* calls that opening takes, once it is known */

/* ---- URLs ---- */

static void
points_url(const char *more, char out[POINTS_URL])
{
    const char *mark = strstr(points_plain, "@DIR@");
    const int before = mark == NULL ? 0 : (int)(mark - points_plain);
    const char *rest = mark == NULL ? points_plain : mark + 5;
    const int len = snprintf(out, POINTS_URL, "%s%.*s%s%s%s%s", more[0] == '\0' ? "" : "fault+",
                             before, points_plain, mark == NULL ? "" : points_folder, rest,
                             more[0] == '\0'             ? ""
                             : strchr(rest, '?') == NULL ? "?"
                                                         : "&",
                             more);

    assert_in_range(len, 1, POINTS_URL - 1);
}

static tenon_status
points_try_open(const char *url, tenon_db **out, tenon_error *err)
{
    const tenon_open_options options = { .size = sizeof options,
                                         .schema = chat_schema(),
                                         .min_connections = UINT32_MAX,
                                         .max_connections = 4,
                                         .default_timeout_ms = 5000,
                                         .retry_budget_percent = UINT32_MAX,
                                         .breaker_failures = UINT32_MAX };

    return tenon_open(url, &options, out, err);
}

static tenon_db *
points_open_plain(void)
{
    char url[POINTS_URL];
    tenon_error err = { 0 };
    tenon_db *db = NULL;

    points_url("", url);
    if (points_try_open(url, &db, &err) != TENON_OK)
        fail_msg("%s: %s", tenon_status_name(err.status), err.message);
    return db;
}

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

static const points_operation points_operations[] = {
    { "register", points_register }, { "create_room", points_create_room },
    { "invite", points_invite },     { "accept", points_accept },
    { "post", points_post },         { "delete", points_delete },
};

/* ---- Scenes and states ---- */

static void
points_must(tenon_status st, const tenon_error *err)
{
    if (st != TENON_OK)
        fail_msg("%s: %s", tenon_status_name(st), err->message);
}

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

/* ---- Faults ---- */

/* Whether the fault has happened: it is then written in its log, as "NUMBER SLOT KIND". */
static bool
points_struck(const char *log, char slot[64])
{
    FILE *file = fopen(log, "r");
    const bool struck = file != NULL && fscanf(file, "%*u %63s", slot) == 1;

    if (file != NULL)
        (void)fclose(file);
    (void)unlink(log);
    return struck;
}

static points_run
points_run_once(const points_operation *op, const points_scene *scene, const char *url)
{
    points_run run = { TENON_OK, TENON_OK, { 0 } };
    tenon_db *db = NULL;

    run.opened = points_try_open(url, &db, &run.err);
    if (run.opened == TENON_OK)
        run.told = op->run(db, scene, &run.err);
    tenon_close(db);
    return run;
}

/* In a process of its own, which may be killed. What it was told does not come out of it then. */
static points_run
points_run_apart(const points_operation *op, const points_scene *scene, const char *url)
{
    points_run run = { TENON_OK, TENON_UNKNOWN_OUTCOME, { 0 } };
    int ends[2], status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run = points_run_once(op, scene, url);
        _exit(write(ends[1], &run, sizeof run) == (ssize_t)sizeof run ? 0 : 1);
    }
    (void)close(ends[1]);
    if (read(ends[0], &run, sizeof run) != (ssize_t)sizeof run)
        run = (points_run){ TENON_OK, TENON_UNKNOWN_OUTCOME, { 0 } };
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return run;
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
    if (run->told == TENON_OK)
        return is_whole;
    return run->told == TENON_UNKNOWN_OUTCOME ? is_whole || is_nothing : is_nothing;
}

static void
points_tell(const points_operation *op, const char *kind, int at, const char *slot,
            const points_run *run, const points_state *change)
{
    print_message("  %s, %s at call %d (%s): opened %s, told %s (%s), changes", op->name, kind, at,
                  slot, tenon_status_name(run->opened), tenon_status_name(run->told),
                  run->err.message);
    for (int i = 0; i < POINTS_COLUMNS; i++)
        print_message(" %lld", (long long)change->counts[i]);
    print_message("\n");
}

/* A fault at each call in turn from `first` on, until none is left. @return how often what was told
 * was not so */
static int
points_each(const points_operation *op, const char *kind, int first, const char *only, int *faults)
{
    const points_state whole = points_whole(op);
    const bool apart = strncmp(kind, "kill", 4) == 0;
    char log[POINTS_PATH], more[POINTS_PATH * 2], url[POINTS_URL], slot[64] = "";
    /* What forks must not hold it, and LMDB can be opened once in a process. */
    const bool alone = apart || strncmp(points_plain, "lmdb:", 5) == 0;
    bool struck = true;
    int wrong = 0;
    tenon_db *db;

    (void)snprintf(log, sizeof log, "%s/log", points_folder);
    db = points_open_plain();
    for (int at = first; struck; at++) {
        const points_scene scene = points_set(db);
        const points_state before = points_see(db, &scene);
        points_state after, change;
        points_run run;

        assert_true(at < POINTS_MOST);
        if (alone)
            tenon_close(db);
        (void)snprintf(more, sizeof more, "fault_at=%d&fault_kind=%s&fault_seed=%u&fault_log=%s%s",
                       at, kind, (unsigned)scene.number, log, only);
        points_url(more, url);
        run = apart ? points_run_apart(op, &scene, url) : points_run_once(op, &scene, url);
        struck = points_struck(log, slot);
        if (alone)
            db = points_open_plain();
        after = points_see(db, &scene);
        change = points_change(&before, &after);
        *faults += struck;
        if (run.opened != TENON_OK && at > points_opening)
            points_opening = at;
        if (!struck && (run.opened != TENON_OK || run.told != TENON_OK)) {
            points_tell(op, kind, at, "none", &run, &change);
            fail_msg("it fails without a fault");
        }
        if (!points_agree(&run, &change, &whole)) {
            if (only[0] == '\0')
                points_tell(op, kind, at, slot, &run, &change);
            wrong++;
        }
    }
    tenon_close(db);
    return wrong;
}

/* Opening is the same for all of them: its calls are gone through once. */
static void
points_all(const char *kind)
{
    int faults = 0, wrong = 0;

    for (size_t i = 0; i < sizeof points_operations / sizeof points_operations[0]; i++)
        wrong += points_each(&points_operations[i], kind,
                             points_long || points_opening == 0 ? 1 : points_opening + 1, "",
                             &faults);
    print_message("  %d faults\n", faults);
    assert_int_equal(wrong, 0);
    assert_true(faults > 20);
}

#define POINTS_TEST(kind)                                                                          \
    static void what_is_told_is_so_where_the_engine_says_##kind(void **state)                      \
    {                                                                                              \
        (void)state;                                                                               \
        points_all(#kind);                                                                         \
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
    for (size_t i = 0; i < sizeof points_operations / sizeof points_operations[0]; i++)
        assert_int_equal(
            points_each(&points_operations[i], "lie", 1, "&fault_slot=transaction.commit", &faults),
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
points_setup(void **state)
{
    (void)state;
    (void)snprintf(points_folder, sizeof points_folder, "/tmp/tenon-points-XXXXXX");
    return mkdtemp(points_folder) == NULL ? -1 : 0;
}

static int
points_teardown(void **state)
{
    char command[96];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf %s", points_folder);
    return system(command);
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

    points_long = argc == 3 && strcmp(argv[2], "--long") == 0;
    if (argc != 2 && !points_long) {
        (void)fprintf(stderr, "usage: %s URL [--long]\n", argv[0]);
        return 2;
    }
    points_plain = argv[1];
    failed = cmocka_run_group_tests(tests, points_setup, points_teardown);
    if (points_long)
        failed += cmocka_run_group_tests(further, points_setup, points_teardown);
    return failed;
}
