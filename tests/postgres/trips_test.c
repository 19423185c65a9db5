/* How often each operation of the chat waits for the server, as the statistics count it; and that a
 * slow network makes it that many times as slow. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <tenon/chat.h>

#include "ledger.h"

enum { TRIPS_USERS = 64, TRIPS_ROUNDS = 6, TRIPS_TIMED = 30, TRIPS_DELAY_US = 500 };
enum { TRIPS_ANY = 1000 };

typedef struct trips {
    pg_server *server;
    pg_proxy *proxy;
    tenon_db *db;
    chat_registered users[TRIPS_USERS];
    uint32_t user_count, invited;
    chat_created_room room;
    chat_invited invitation;
    chat_message message;
    tenon_error err;
} trips;

static tenon_db *
trips_open(const char *url)
{
    const tenon_open_options options = {
        .size = sizeof options, .schema = chat_schema(), .min_connections = 1, .max_connections = 1
    };
    tenon_error err = { 0 };
    tenon_db *db = NULL;

    if (tenon_open(url, &options, &db, &err) != TENON_OK)
        fail_msg("%s: %s", tenon_status_name(err.status), err.message);
    return db;
}

static int
trips_setup(void **state)
{
    static const char *const settings[] = { "max_connections=20", "fsync=off", NULL };
    trips *t = calloc(1, sizeof *t);
    char url[256];

    *state = t;
    t->server = pg_server_new(settings);
    assert_non_null(t->server);
    t->proxy = pg_proxy_new(pg_server_port(t->server));
    assert_non_null(t->proxy);
    (void)snprintf(url, sizeof url,
                   "postgres://tenon@127.0.0.1:%d/postgres?sslmode=disable"
                   "&durability=process",
                   pg_proxy_port(t->proxy));
    t->db = trips_open(url);
    return 0;
}

static int
trips_teardown(void **state)
{
    trips *t = *state;

    tenon_close(t->db);
    pg_proxy_free(t->proxy);
    pg_server_free(t->server);
    free(t);
    return 0;
}

static chat_context
trips_as(const tenon_uuid *actor)
{
    chat_context ctx = { .size = sizeof ctx };

    if (actor != NULL)
        ctx.actor = *actor;
    return ctx;
}

/* ---- The operations ---- */

static tenon_status
do_register(trips *t)
{
    char name[32], email[40];
    const chat_registration in = { .username = name, .email = email, .password_hash = "$ready" };
    chat_registered *out = &t->users[t->user_count % TRIPS_USERS];

    (void)snprintf(name, sizeof name, "user%u", t->user_count++);
    (void)snprintf(email, sizeof email, "%s@here", name);
    return chat_register_user_atomically(t->db, NULL, &in, out, &t->err);
}

static tenon_status
do_create_room(trips *t)
{
    static uint32_t made;
    const chat_context ctx = trips_as(&t->users[0].user.id);
    char name[32];
    const chat_new_room in = { .name = name };

    (void)snprintf(name, sizeof name, "room%u", made++);
    return chat_create_room_atomically(t->db, &ctx, &in, &t->room, &t->err);
}

/* Each is invited into the newest room, one after the other. */
static tenon_status
do_invite(trips *t)
{
    const chat_context ctx = trips_as(&t->users[0].user.id);
    const chat_new_invitation in = { .room = t->room.room.id,
                                     .recipient = t->users[1 + t->invited++].user.id };

    return chat_create_invitation_atomically(t->db, &ctx, &in, &t->invitation, &t->err);
}

static tenon_status
do_accept(trips *t)
{
    const chat_context ctx = trips_as(&t->invitation.invitation.recipient_user_id);
    const chat_invitation_update in = { .invitation = t->invitation.invitation.id,
                                        .status = CHAT_INVITATION_ACCEPTED };

    return chat_update_invitation_atomically(t->db, &ctx, &in, &t->invitation, &t->err);
}

static tenon_status
do_say(trips *t)
{
    const chat_context ctx = trips_as(&t->users[0].user.id);
    const chat_new_message in = { .room = t->room.room.id, .content = "hello" };

    return chat_post_message_atomically(t->db, &ctx, &in, &t->message, &t->err);
}

static tenon_status
do_edit(trips *t)
{
    const chat_context ctx = trips_as(&t->users[0].user.id);
    const chat_message_edit in = { .message = t->message.id, .content = "hello again" };
    chat_message out;

    return chat_edit_message_atomically(t->db, &ctx, &in, &out, &t->err);
}

static tenon_status
do_delete_message(trips *t)
{
    const chat_context ctx = trips_as(&t->users[0].user.id);
    chat_message out;

    return chat_delete_message_atomically(t->db, &ctx, &t->message.id, &out, &t->err);
}

static tenon_status
do_find_session(trips *t)
{
    chat_session session;

    return chat_find_session_atomically(t->db, NULL, t->users[0].token, &session, NULL, &t->err);
}

static tenon_status
do_log_out(trips *t)
{
    const uint32_t last = (t->user_count - 1) % TRIPS_USERS;
    const chat_context ctx = trips_as(&t->users[last].user.id);

    return chat_log_out_atomically(t->db, &ctx, t->users[last].token, &t->err);
}

static tenon_status
take_message(void *arg, const chat_message_row *row)
{
    (void)arg;
    (void)row;
    return TENON_OK;
}

static tenon_status
do_page(trips *t)
{
    const chat_context ctx = trips_as(&t->users[0].user.id);
    const chat_page in = { .room = t->room.room.id, .limit = 50 };
    chat_position next;

    return chat_page_messages_atomically(t->db, &ctx, &in, take_message, NULL, &next, &t->err);
}

static tenon_status
do_rename(trips *t)
{
    static uint32_t made;
    char name[32];
    const chat_context ctx = trips_as(&t->users[0].user.id);
    const chat_rename in = { .user = t->users[0].user.id, .username = name };
    chat_user out;

    (void)snprintf(name, sizeof name, "renamed%u", made++);
    return chat_rename_user_atomically(t->db, &ctx, &in, &out, &t->err);
}

static tenon_status
do_batch(trips *t)
{
    const chat_context ctx = trips_as(&t->users[0].user.id);
    const chat_room_operation op = { .kind = CHAT_REMOVE_MEMBER,
                                     .room = t->room.room.id,
                                     .user = t->users[t->invited].user.id };
    const chat_room_batch in = { .operations = &op, .count = 1 };
    chat_room_result out;

    return chat_batch_room_operations_atomically(t->db, &ctx, &in, &out, &t->err);
}

static tenon_status
do_delete_user(trips *t)
{
    const tenon_uuid id = t->users[t->invited].user.id;
    const chat_context ctx = trips_as(&id);
    const chat_deletion in = { .user = id };
    chat_deleted out;

    return chat_delete_user_atomically(t->db, &ctx, &in, &out, &t->err);
}

/* In an order in which each has what it needs. */
static const struct {
    const char *name;
    tenon_status (*run)(trips *t);
    uint64_t least, most; /* round trips */
} operations[] = {
    { "registration", do_register, 1, 2 },
    { "room", do_create_room, 1, 2 },
    { "invitation", do_invite, 1, 3 },
    { "  its acceptance", do_accept, 1, 3 },
    { "message", do_say, 1, 1 },
    { "  its edit", do_edit, 1, TRIPS_ANY },
    { "  its deletion", do_delete_message, 1, TRIPS_ANY },
    { "page of messages", do_page, 1, TRIPS_ANY },
    { "session, found", do_find_session, 1, TRIPS_ANY },
    { "session, ended", do_log_out, 1, TRIPS_ANY },
    { "rename", do_rename, 1, TRIPS_ANY },
    { "batch: remove one", do_batch, 1, TRIPS_ANY },
    { "deletion of a user", do_delete_user, 1, TRIPS_ANY },
};

enum { OPERATIONS = sizeof operations / sizeof operations[0] };

static void
trips_do(trips *t, size_t which)
{
    const tenon_status st = operations[which].run(t);

    if (st != TENON_OK)
        fail_msg("%s: %s %s: %s", operations[which].name, tenon_status_name(st), t->err.object,
                 t->err.message);
}

static uint64_t
trips_count(trips *t)
{
    tenon_db_stats stats = { .size = sizeof stats };

    assert_int_equal(tenon_db_get_stats(t->db, &stats, &t->err), TENON_OK);
    return stats.all.round_trips;
}

/* ---- The tests ---- */

static void
operations_wait_for_the_server_so_often(void **state)
{
    trips *t = *state;
    uint64_t most[OPERATIONS] = { 0 };

    for (int i = 0; i < 32; i++)
        trips_do(t, 0);
    for (int round = 0; round <= TRIPS_ROUNDS; round++) {
        for (size_t i = 0; i < OPERATIONS; i++) {
            const uint64_t before = trips_count(t);

            trips_do(t, i);
            /* In the first round statements are prepared. */
            if (round > 0 && trips_count(t) - before > most[i])
                most[i] = trips_count(t) - before;
        }
    }
    for (size_t i = 0; i < OPERATIONS; i++) {
        print_message("  %-20s %llu\n", operations[i].name, (unsigned long long)most[i]);
        assert_true(most[i] >= operations[i].least);
        assert_true(most[i] <= operations[i].most);
    }
}

static uint64_t
trips_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The fastest of many: the machine may have been busy with something else during the others. */
static void
a_slow_network_costs_one_way_and_back_for_each(void **state)
{
    static const size_t timed[] = { 0, 1, 4 };
    trips *t = *state;

    for (size_t i = 0; i < sizeof timed / sizeof timed[0]; i++) {
        uint64_t fastest_us = UINT64_MAX, made;

        pg_proxy_delay(t->proxy, TRIPS_DELAY_US);
        made = trips_count(t);
        for (int n = 0; n < TRIPS_TIMED; n++) {
            const uint64_t began_us = trips_now_us();
            uint64_t took_us;

            trips_do(t, timed[i]);
            took_us = trips_now_us() - began_us;
            fastest_us = took_us < fastest_us ? took_us : fastest_us;
        }
        made = (trips_count(t) - made) / TRIPS_TIMED;
        pg_proxy_delay(t->proxy, 0);
        print_message("  %-20s %llu us, %llu of them for the ways\n", operations[timed[i]].name,
                      (unsigned long long)fastest_us,
                      (unsigned long long)made * 2 * TRIPS_DELAY_US);
        assert_true(fastest_us >= made * 2 * TRIPS_DELAY_US);
        if (getenv("TENON_TEST_SLOW") == NULL)
            assert_true(fastest_us < (made + 2) * 2 * TRIPS_DELAY_US);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_wait_for_the_server_so_often),
        cmocka_unit_test(a_slow_network_costs_one_way_and_back_for_each),
    };

    if (!pg_server_found()) {
        (void)printf("SKIPPED: no PostgreSQL is installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, trips_setup, trips_teardown);
}
