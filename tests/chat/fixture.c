/** @file fixture.c A database per test, and what tests make and look at. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *fixture_driver;
static bool fixture_inside;
static char fixture_folder[64];

/* ---- Life ---- */

/* On a server tables are emptied, which takes a tenth of the time that new ones do. */
static const char *
fixture_server(void)
{
    return strcmp(fixture_driver, "postgres") == 0 ? getenv("TENON_POSTGRES_URL") : NULL;
}

static void
fixture_url(char *out, size_t out_bytes)
{
    if (strcmp(fixture_driver, "memory") == 0)
        (void)snprintf(out, out_bytes, "memory:");
    else if (fixture_server() != NULL)
        (void)snprintf(out, out_bytes, "%s&durability=process", fixture_server());
    else
        (void)snprintf(out, out_bytes, "%s:%s/chat.db?durability=process", fixture_driver,
                       fixture_folder);
}

static void
fixture_remove_files(void)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", "-lock", "-journal" };
    char path[128];

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/chat.db%s", fixture_folder, suffixes[i]);
        (void)unlink(path);
    }
}

static tenon_status
fixture_open(tenon_db **out, tenon_error *err)
{
    /* Where several write at once, a crew on one room is in its own way all the time. */
    tenon_open_options options = { .size = sizeof options,
                                   .schema = chat_schema(),
                                   .max_retry_attempts = 10000,
                                   .retry_budget_percent = UINT32_MAX };
    char url[512];

    if (fixture_server() != NULL)
        options.min_connections = UINT32_MAX; /* each one is a process of the server's */
    fixture_url(url, sizeof url);
    return tenon_open(url, &options, out, err);
}

#define ALL_ROWS(of)                                                                               \
    {                                                                                              \
        .kind = TENON_DELETE, .table = &(of)                                                       \
    }
static const tenon_query fixture_removals[] = {
    ALL_ROWS(chat_messages),   ALL_ROWS(chat_invitations), ALL_ROWS(chat_room_memberships),
    ALL_ROWS(chat_rooms),      ALL_ROWS(chat_sessions),    ALL_ROWS(chat_users),
    ALL_ROWS(chat_audit_logs),
};

static tenon_status
fixture_remove_rows(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_status status = TENON_OK;

    (void)arg;
    for (size_t i = 0;
         i < sizeof fixture_removals / sizeof fixture_removals[0] && status == TENON_OK; i++)
        status = tenon_exec(txn, &fixture_removals[i], NULL, NULL, err);
    return status;
}

/* Close, and leave nothing to the next test. */
static bool
fixture_close(tenon_db *db)
{
    tenon_error err = { 0 };
    bool ok = true;

    if (db != NULL && fixture_server() != NULL)
        ok = tenon_run(db, NULL, fixture_remove_rows, NULL, &err) == TENON_OK;
    tenon_close(db);
    fixture_remove_files();
    return ok;
}

int
fixture_setup(void **state)
{
    fixture *f = (fixture *)calloc(1, sizeof *f);

    *state = f;
    if (f == NULL)
        return -1;
    f->now_us = T0;
    f->inside = fixture_inside;
    if (fixture_open(&f->db, &f->err) != TENON_OK) {
        print_error("%s: %s (%s)\n", fixture_driver, f->err.message, f->err.object);
        free(f);
        *state = NULL;
        return -1;
    }
    return 0;
}

static void
fixture_problem(void *arg, const char *where, const char *what)
{
    (void)arg;
    print_error("%s: %s\n", where, what);
}

int
fixture_teardown(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t problems = 0;

    if (f != NULL) {
        if (tenon_db_verify(f->db, fixture_problem, NULL, &problems, &f->err) != TENON_OK) {
            print_error("verify: %s: %s\n", f->err.object, f->err.message);
            problems++;
        }
        problems += fixture_close(f->db) ? 0 : 1;
    }
    free(f);
    return problems == 0 ? 0 : -1;
}

void
fixture_anew(fixture *f)
{
    assert_true(fixture_close(f->db));
    f->db = NULL;
    OK(f, fixture_open(&f->db, &f->err));
    f->now_us = T0;
}

int
fixture_main(int argc, char **argv, const char *group, const struct CMUnitTest *tests, size_t count)
{
    char name[96];
    tenon_db *db = NULL;
    tenon_error err = { 0 };
    tenon_status status;
    int failed = 0;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s DRIVER\n", argv[0]);
        return 2;
    }
    fixture_driver = argv[1];
    (void)snprintf(fixture_folder, sizeof fixture_folder, "/tmp/tenon-chat-XXXXXX");
    if (mkdtemp(fixture_folder) == NULL)
        return 2;
    status = fixture_open(&db, &err);
    (void)fixture_close(db);
    if (status == TENON_NOT_FOUND) {
        (void)printf("SKIPPED: no driver %s: %s\n", fixture_driver, err.message);
        (void)rmdir(fixture_folder);
        return 77;
    }
    for (int inside = 0; inside < 2; inside++) {
        fixture_inside = inside == 1;
        (void)snprintf(name, sizeof name, "chat %s, %s, %s", group, fixture_driver,
                       inside == 1 ? "inside a transaction" : "on their own");
        failed += _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    }
    (void)rmdir(fixture_folder);
    return failed == 0 ? 0 : 1;
}

chat_context
as(const fixture *f, const tenon_uuid *actor)
{
    chat_context ctx = { .size = sizeof ctx, .now_us = f->now_us };

    if (actor != NULL)
        ctx.actor = *actor;
    /* The cheapest that libsodium offers: what is tested is not its strength. */
    ctx.pwhash_ops = 1;
    ctx.pwhash_bytes = 8192;
    return ctx;
}

chat_context
as_system(const fixture *f)
{
    chat_context ctx = as(f, NULL);

    ctx.system = true;
    return ctx;
}

/* ---- Checks ---- */

void
check_ok(fixture *f, tenon_status status, const char *file, int line)
{
    if (status == TENON_OK)
        return;
    print_error("%s:%d: %s, object '%s': %s\n", file, line, tenon_status_name(status),
                f->err.object, f->err.message);
    _fail(file, line);
}

void
check_refused(fixture *f, tenon_status status, tenon_status expected, const char *object,
              uint64_t before, const char *file, int line)
{
    if (status == expected && strcmp(f->err.object, object) == 0 && f->err.status == expected &&
        f->err.message[0] != '\0') {
        if (fixture_digest(f) == before)
            return;
        print_error("%s:%d: refused, but rows have changed\n", file, line);
    } else {
        print_error("%s:%d: expected %s '%s', got %s '%s': %s\n", file, line,
                    tenon_status_name(expected), object, tenon_status_name(status), f->err.object,
                    f->err.message);
    }
    _fail(file, line);
}

/* ---- What is stored ---- */

static void
fixture_hash(uint64_t *hash, const void *data, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)data;

    for (size_t i = 0; i < bytes; i++)
        *hash = (*hash ^ at[i]) * UINT64_C(1099511628211);
}

/** The same on every machine. */
static void
fixture_hash_number(uint64_t *hash, uint64_t number)
{
    unsigned char bytes[8];

    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(number >> 8 * i);
    fixture_hash(hash, bytes, sizeof bytes);
}

static void
fixture_hash_value(uint64_t *hash, const tenon_value *value)
{
    fixture_hash_number(hash, value->type);
    if (value->type == TENON_TEXT || value->type == TENON_BLOB || value->type == TENON_UUID) {
        fixture_hash_number(hash, value->len);
        fixture_hash(hash, value->as.data, value->len);
    } else if (value->type != TENON_NULL) {
        fixture_hash_number(hash, (uint64_t)value->as.i);
    }
}

#define EVERY_COLUMN                                                                               \
    (const tenon_column_no[])                                                                      \
    {                                                                                              \
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9                                                               \
    }
#define EVERY_ROW(of, count)                                                                       \
    {                                                                                              \
        .name = "every_row", .kind = TENON_SELECT, .table = &(of),                                 \
        .columns = { EVERY_COLUMN, (count) }, .order = TENON_ORDER(TENON_ASC(0))                   \
    }
static const tenon_query fixture_tables[] = {
    EVERY_ROW(chat_users, CHAT_USERS_COLUMNS),
    EVERY_ROW(chat_sessions, CHAT_SESSIONS_COLUMNS),
    EVERY_ROW(chat_rooms, CHAT_ROOMS_COLUMNS),
    EVERY_ROW(chat_room_memberships, CHAT_MEMBERSHIPS_COLUMNS),
    EVERY_ROW(chat_invitations, CHAT_INVITATIONS_COLUMNS),
    EVERY_ROW(chat_messages, CHAT_MESSAGES_COLUMNS),
    EVERY_ROW(chat_audit_logs, CHAT_AUDIT_COLUMNS),
};

static tenon_status
digest_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    uint64_t *hash = (uint64_t *)arg;
    const tenon_value *row = NULL;
    tenon_cursor *cursor = NULL;
    tenon_status status = TENON_OK;

    *hash = UINT64_C(14695981039346656037);
    for (size_t t = 0; t < sizeof fixture_tables / sizeof fixture_tables[0]; t++) {
        fixture_hash_number(hash, t);
        status = tenon_select(txn, &fixture_tables[t], NULL, &cursor, err);
        while (status == TENON_OK && (status = tenon_next(cursor, &row, err)) == TENON_OK) {
            for (uint32_t i = 0; i < fixture_tables[t].columns.count; i++)
                fixture_hash_value(hash, &row[i]);
        }
        tenon_cursor_close(cursor);
        cursor = NULL;
        if (status != TENON_NOT_FOUND)
            return status;
    }
    return TENON_OK;
}

/** Run in a read-only transaction; fails the test where that fails. */
static void
fixture_read(fixture *f, tenon_txn_fn body, void *arg)
{
    tenon_txn_options options = { .size = sizeof options, .read_only = true };
    tenon_error err = { 0 };
    tenon_status status = tenon_run(f->db, &options, body, arg, &err);

    if (status != TENON_OK)
        print_error("reading: %s %s: %s\n", tenon_status_name(status), err.object, err.message);
    assert_int_equal(status, TENON_OK);
}

uint64_t
fixture_digest(fixture *f)
{
    uint64_t hash = 0;

    fixture_read(f, digest_body, &hash);
    return hash;
}

/** A count with one text. */
typedef struct audit_count {
    const char *action;
    uint64_t count;
} audit_count;

static const tenon_query fixture_count_audits = {
    .kind = TENON_COUNT,
    .table = &chat_audit_logs,
    .where = TENON_WHERE(TENON_EQ(CHAT_AUDIT_ACTION, 0)),
};

static tenon_status
audit_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    audit_count *count = (audit_count *)arg;
    tenon_value param = tenon_text(count->action);

    return tenon_count(txn, &fixture_count_audits, &param, &count->count, err);
}

uint64_t
fixture_audits(fixture *f, const char *action)
{
    audit_count count = { action, 0 };

    fixture_read(f, audit_body, &count);
    return count.count;
}

static const tenon_query fixture_rooms = {
    .kind = TENON_SELECT,
    .table = &chat_rooms,
    .columns = TENON_COLUMNS(CHAT_ROOMS_ID),
};
static const tenon_query fixture_owners = {
    .kind = TENON_COUNT,
    .table = &chat_room_memberships,
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ROOM_ID, 0),
                         TENON_EQ_TEXT(CHAT_MEMBERSHIPS_ROLE, "owner"),
                         TENON_EQ_TEXT(CHAT_MEMBERSHIPS_STATUS, "active")),
};
static const tenon_query fixture_pending_invitations = {
    .kind = TENON_SELECT,
    .table = &chat_invitations,
    .columns = TENON_COLUMNS(CHAT_INVITATIONS_ROOM_ID, CHAT_INVITATIONS_RECIPIENT_USER_ID),
    .where = TENON_WHERE(TENON_EQ_TEXT(CHAT_INVITATIONS_STATUS, "pending")),
};
static const tenon_query fixture_pending_membership = {
    .kind = TENON_COUNT,
    .table = &chat_room_memberships,
    .where = TENON_WHERE(TENON_EQ(CHAT_MEMBERSHIPS_ROOM_ID, 0),
                         TENON_EQ(CHAT_MEMBERSHIPS_USER_ID, 1),
                         TENON_EQ_TEXT(CHAT_MEMBERSHIPS_STATUS, "pending")),
};
static const tenon_query fixture_pending_memberships = {
    .kind = TENON_COUNT,
    .table = &chat_room_memberships,
    .where = TENON_WHERE(TENON_EQ_TEXT(CHAT_MEMBERSHIPS_STATUS, "pending")),
};

/** Count what `counter` finds for each row of `rows`; false unless it is 1 each time. */
static tenon_status
sound_each(tenon_txn *txn, const tenon_query *rows, const tenon_query *counter, uint64_t *row_count,
           bool *sound, tenon_error *err)
{
    tenon_uuid ids[2];
    tenon_value params[2];
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    uint64_t count = 0;
    tenon_status status = tenon_select(txn, rows, NULL, &cursor, err);

    while (status == TENON_OK && (status = tenon_next(cursor, &row, err)) == TENON_OK) {
        for (uint32_t i = 0; i < rows->columns.count; i++) {
            ids[i] = tenon_value_id(&row[i]);
            params[i] = tenon_id(&ids[i]);
        }
        status = tenon_count(txn, counter, params, &count, err);
        *sound = *sound && count == 1;
        ++*row_count;
    }
    tenon_cursor_close(cursor);
    return status == TENON_NOT_FOUND ? TENON_OK : status;
}

static tenon_status
sound_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    bool *sound = (bool *)arg;
    uint64_t rooms = 0;
    uint64_t invitations = 0;
    uint64_t memberships = 0;
    tenon_status status;

    *sound = true;
    status = sound_each(txn, &fixture_rooms, &fixture_owners, &rooms, sound, err);
    if (status == TENON_OK)
        status = sound_each(txn, &fixture_pending_invitations, &fixture_pending_membership,
                            &invitations, sound, err);
    if (status == TENON_OK)
        status = tenon_count(txn, &fixture_pending_memberships, NULL, &memberships, err);
    *sound = *sound && memberships == invitations;
    return status;
}

bool
fixture_is_sound(fixture *f)
{
    bool sound = false;

    fixture_read(f, sound_body, &sound);
    return sound;
}

/* ---- Making things ---- */

tenon_uuid
make_user_of_role(fixture *f, const char *name, uint32_t role)
{
    chat_context ctx = as_system(f);
    chat_registration in = { .username = name, .password_hash = READY_HASH, .role = role };
    chat_registered out;

    OK(f, do_register(f, &ctx, &in, &out));
    return out.user.id;
}

tenon_uuid
make_user(fixture *f, const char *name)
{
    return make_user_of_role(f, name, CHAT_USER_USER);
}

tenon_uuid
make_room(fixture *f, const char *name, const tenon_uuid *owner)
{
    chat_context ctx = as(f, owner);
    chat_new_room in = { .name = name };
    chat_created_room out;

    OK(f, do_create_room(f, &ctx, &in, &out));
    return out.room.id;
}

chat_invited
make_invitation(fixture *f, const tenon_uuid *room, const tenon_uuid *sender,
                const tenon_uuid *recipient)
{
    chat_context ctx = as(f, sender);
    chat_new_invitation in = { .room = *room, .recipient = *recipient };
    chat_invited out;

    OK(f, do_invite(f, &ctx, &in, &out));
    return out;
}

void
make_member(fixture *f, const tenon_uuid *room, const tenon_uuid *owner, const tenon_uuid *user,
            uint32_t role)
{
    chat_context ctx = as(f, owner);
    chat_room_operation op = {
        .kind = CHAT_ADD_MEMBER, .room = *room, .user = *user, .role = role
    };
    chat_room_batch in = { .operations = &op, .count = 1 };
    chat_room_result out;

    OK(f, do_batch(f, &ctx, &in, &out));
}

tenon_uuid
make_message(fixture *f, const tenon_uuid *room, const tenon_uuid *author, const char *text)
{
    chat_context ctx = as(f, author);
    chat_new_message in = { .room = *room, .content = text };
    chat_message out;

    OK(f, do_post(f, &ctx, &in, &out));
    return out.id;
}

/** An id and a flag, for a query. */
typedef struct flag_change {
    const tenon_query *query;
    const tenon_uuid *id;
    bool flag;
} flag_change;

static const tenon_query fixture_user_flag = {
    .kind = TENON_UPDATE,
    .table = &chat_users,
    .set = TENON_SET(TENON_TO(CHAT_USERS_IS_ACTIVE, 1)),
    .where = TENON_WHERE(TENON_EQ(CHAT_USERS_ID, 0)),
};
static const tenon_query fixture_room_flag = {
    .kind = TENON_UPDATE,
    .table = &chat_rooms,
    .set = TENON_SET(TENON_TO(CHAT_ROOMS_IS_ACTIVE, 1)),
    .where = TENON_WHERE(TENON_EQ(CHAT_ROOMS_ID, 0)),
};

static tenon_status
flag_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const flag_change *change = (const flag_change *)arg;
    tenon_value params[] = { tenon_id(change->id), tenon_bool(change->flag) };
    uint64_t affected = 0;
    tenon_status status = tenon_exec(txn, change->query, params, &affected, err);

    return status == TENON_OK && affected != 1 ? TENON_NOT_FOUND : status;
}

void
set_user_active(fixture *f, const tenon_uuid *user, bool active)
{
    flag_change change = { &fixture_user_flag, user, active };

    OK(f, tenon_run(f->db, NULL, flag_body, &change, &f->err));
}

void
set_room_active(fixture *f, const tenon_uuid *room, bool active)
{
    flag_change change = { &fixture_room_flag, room, active };

    OK(f, tenon_run(f->db, NULL, flag_body, &change, &f->err));
}

tenon_uuid
no_such_id(void)
{
    return tenon_uuid_new();
}

bool
same_id(const tenon_uuid *a, const tenon_uuid *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/** Input and output of membership_of. */
typedef struct membership_look {
    const tenon_uuid *room;
    const tenon_uuid *user;
    chat_membership out;
} membership_look;

static tenon_status
membership_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    membership_look *look = (membership_look *)arg;
    tenon_status status = chat_find_membership(txn, look->room, look->user, &look->out, err);

    return status == TENON_NOT_FOUND ? TENON_OK : status;
}

chat_membership
membership_of(fixture *f, const tenon_uuid *room, const tenon_uuid *user)
{
    membership_look look = { .room = room, .user = user };

    fixture_read(f, membership_body, &look);
    return look.out;
}
