/* tenon generate: a history with the shape of the real one, the same for the same arguments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

enum {
    GENERATE_MAX_ROOMS = 32,  /**< Bits of generate_user.rooms. */
    GENERATE_NAME_BYTES = 48, /**< A user's or a room's name, its NUL included. */
    GENERATE_TRIES = 16,      /**< Picks until one fits, before something else is done. */
    GENERATE_MAX_WORDS = 24,  /**< Of a message. */
    GENERATE_MAX_PAUSE_S = 8, /**< Between two events, exclusive. */
    GENERATE_MIN_USERS = 64   /**< With fewer there, nobody is deleted. */
};

#define GENERATE_FIRST_AT UINT64_C(1100000000)
#define GENERATE_AT_SPREAD UINT64_C(400000000)

/* How many of 1,000 events are of each kind; the rest are messages. The real history has no roles
 * and kicks, and one room. */
enum {
    GENERATE_JOIN = 85,
    GENERATE_REGISTER = 83,
    GENERATE_DELETE = 80,
    GENERATE_LEAVE = 8,
    GENERATE_RENAME = 3,
    GENERATE_ROLE = 1,
    GENERATE_KICK = 1,
    GENERATE_CREATE_ROOM = 1
};

/* A user who is there. */
typedef struct generate_user {
    uint64_t name;  /* number of its name */
    uint32_t rooms; /* bit i: is in room i */
    uint32_t owned; /* bit i: owns room i */
} generate_user;

/* What has happened so far. */
typedef struct generate_state {
    uint64_t seed, random, at, name_count;
    generate_user *users;
    size_t user_count, user_room;
    uint32_t room_count;
    uint64_t owners[GENERATE_MAX_ROOMS]; /* names */
} generate_state;

/* ---- Chance and names ---- */

/* splitmix64 of a number. */
static uint64_t
generate_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* A number from 0 to `below` - 1. That some are likelier by 2^-40 does not matter here. */
static uint64_t
generate_below(generate_state *g, uint64_t below)
{
    g->random += UINT64_C(0x9e3779b97f4a7c15);
    return generate_mix(g->random) % below;
}

static bool
generate_one_in(generate_state *g, uint64_t n)
{
    return generate_below(g, n) == 0;
}

/* Syllables that belong to a number. */
static void
generate_syllables(uint64_t bits, unsigned count, char *out)
{
    static const char first[] = "bdfghjklmnprstvz", second[] = "aeiouyao";

    for (unsigned i = 0; i < count; i++, bits >>= 7) {
        *out++ = first[bits & 15];
        *out++ = second[bits >> 4 & 7];
    }
    *out = '\0';
}

/* Name number `no` of this seed. Other seeds have others, but for rare chance. */
static void
generate_user_name(const generate_state *g, uint64_t no, char out[GENERATE_NAME_BYTES])
{
    const uint64_t bits = generate_mix(g->seed ^ generate_mix(no));
    char syllables[16];

    generate_syllables(bits, 4, syllables);
    if ((bits >> 40 & 3) == 0)
        syllables[0] = (char)(syllables[0] - 'a' + 'A');
    (void)snprintf(out, GENERATE_NAME_BYTES, "%s%s%llu%s", syllables,
                   (bits >> 42 & 7) == 0 ? "_" : "", (unsigned long long)no,
                   (bits >> 45 & 15) == 0 ? "é" : "");
}

static void
generate_room_name(const generate_state *g, uint32_t room, char out[GENERATE_NAME_BYTES])
{
    char syllables[16];

    generate_syllables(generate_mix(~g->seed), 4, syllables);
    (void)snprintf(out, GENERATE_NAME_BYTES, "#%s-%u", syllables, room);
}

/* ---- Lines ---- */

/* The beginning of a line, up to its user. */
static void
generate_begin(generate_state *g, const char *op, int room, uint64_t user)
{
    char name[GENERATE_NAME_BYTES];

    g->at += generate_below(g, GENERATE_MAX_PAUSE_S);
    (void)printf("{\"at\": %llu, \"op\": \"%s\"", (unsigned long long)g->at, op);
    if (room >= 0) {
        generate_room_name(g, (uint32_t)room, name);
        (void)printf(", \"room\": \"%s\"", name);
    }
    generate_user_name(g, user, name);
    (void)printf(", \"user\": \"%s\"", name);
}

static void
generate_name_field(const generate_state *g, const char *field, uint64_t user)
{
    char name[GENERATE_NAME_BYTES];

    generate_user_name(g, user, name);
    (void)printf(", \"%s\": \"%s\"", field, name);
}

static void
generate_end(void)
{
    (void)printf("}\n");
}

/* Words; some of them are what a reader of JSON and of UTF-8 has to take care of. */
static void
generate_text(generate_state *g)
{
    static const char *const odd[] = { "\\\"quoted\\\"", "C:\\\\path", "naïve", "日本語",
                                       "\\u00fcber",     "tab\\there", ":-)",   "🙂" };
    uint64_t words = generate_one_in(g, 512) ? 0 : 1 + generate_below(g, GENERATE_MAX_WORDS);
    char word[16];

    (void)printf(", \"text\": \"");
    for (uint64_t i = 0; i < words; i++) {
        const uint64_t bits = generate_below(g, UINT64_MAX);

        generate_syllables(bits, 1 + (unsigned)(bits >> 50 & 3), word);
        (void)printf("%s%s", i > 0 ? " " : "", (bits >> 40) % 40 == 0 ? odd[bits >> 32 & 7] : word);
    }
    (void)printf("\"");
}

/* ---- Picks ---- */

static generate_user *
generate_pick(generate_state *g)
{
    return &g->users[generate_below(g, g->user_count)];
}

/* Most of it happens in the first room. */
static uint32_t
generate_pick_room(generate_state *g)
{
    return generate_one_in(g, 4) ? (uint32_t)generate_below(g, g->room_count) : 0;
}

/* A user who is in the room, or is not; one that owns it only where `owner` allows. NULL: none was
 * met. */
static generate_user *
generate_pick_in(generate_state *g, uint32_t room, bool in, bool owner)
{
    for (int i = 0; i < GENERATE_TRIES; i++) {
        generate_user *user = generate_pick(g);

        if ((user->rooms >> room & 1) == (in ? 1 : 0) && (owner || (user->owned >> room & 1) == 0))
            return user;
    }
    return NULL;
}

/* ---- Events ---- */

static bool
generate_register(generate_state *g)
{
    generate_user *grown;

    if (g->user_count > 0 && generate_one_in(g, 64)) { /* refused: the name is taken */
        generate_begin(g, "register", -1, generate_pick(g)->name);
        generate_end();
        return true;
    }
    if (g->user_count == g->user_room) {
        const size_t room = g->user_room > 0 ? g->user_room * 2 : 256;

        grown = (generate_user *)realloc(g->users, room * sizeof *grown);
        if (grown == NULL)
            return false;
        g->users = grown;
        g->user_room = room;
    }
    g->users[g->user_count++] = (generate_user){ .name = g->name_count };
    generate_begin(g, "register", -1, g->name_count++);
    generate_end();
    return true;
}

static void
generate_create_room(generate_state *g)
{
    generate_user *user = generate_pick(g);
    const bool taken = g->room_count == GENERATE_MAX_ROOMS ||
                       (g->room_count > 0 && generate_one_in(g, 4));

    generate_begin(g, "create_room", taken ? 0 : (int)g->room_count, user->name);
    generate_end();
    if (taken)
        return;
    user->rooms |= UINT32_C(1) << g->room_count;
    user->owned |= UINT32_C(1) << g->room_count;
    g->owners[g->room_count++] = user->name;
}

static void
generate_say(generate_state *g)
{
    const uint32_t room = generate_pick_room(g);
    const generate_user *user = generate_pick_in(g, room, !generate_one_in(g, 128), true);
    uint64_t name = user != NULL ? user->name : g->owners[room];

    if (generate_one_in(g, 256)) /* of anyone who was ever there */
        name = generate_below(g, g->name_count);
    generate_begin(g, "say", (int)room, name);
    generate_text(g);
    generate_end();
}

/* Invited by the owner; now and then by anyone, who may not. */
static void
generate_join(generate_state *g)
{
    const uint32_t room = generate_pick_room(g);
    const bool by_owner = !generate_one_in(g, 64);
    generate_user *user = generate_pick_in(g, room, false, true);

    if (user == NULL)
        user = generate_pick(g); /* refused: is in the room already */
    generate_begin(g, "join", (int)room, user->name);
    generate_name_field(g, "by", by_owner ? g->owners[room] : generate_pick(g)->name);
    generate_end();
    if (by_owner)
        user->rooms |= UINT32_C(1) << room;
}

/* Somebody leaves, is sent away, or gets a role. Refused where it is the owner. */
static void
generate_member(generate_state *g, const char *op)
{
    const uint32_t room = generate_pick_room(g);
    const bool is_role = strcmp(op, "role") == 0;
    generate_user *user = generate_pick_in(g, room, true, generate_one_in(g, 8));

    if (user == NULL) {
        generate_say(g);
        return;
    }
    generate_begin(g, op, (int)room, user->name);
    if (strcmp(op, "leave") != 0)
        generate_name_field(g, "by", g->owners[room]);
    if (is_role)
        (void)printf(", \"role\": \"%s\"", generate_one_in(g, 3) ? "member" : "admin");
    generate_end();
    if (!is_role && (user->owned >> room & 1) == 0)
        user->rooms &= ~(UINT32_C(1) << room);
}

static void
generate_rename(generate_state *g)
{
    generate_user *user = generate_pick(g);

    generate_begin(g, "rename", -1, user->name);
    if (generate_one_in(g, 8) || user->owned != 0) { /* refused, unless it is its own */
        generate_name_field(g, "to", generate_pick(g)->name);
    } else {
        user->name = g->name_count++;
        generate_name_field(g, "to", user->name);
    }
    generate_end();
}

/* Not of those who own a room: their rooms would go with them, or keep them. */
static void
generate_delete(generate_state *g)
{
    generate_user *user = generate_pick(g);

    for (int i = 0; i < GENERATE_TRIES && user->owned != 0; i++)
        user = generate_pick(g);
    if (user->owned != 0 || g->user_count < GENERATE_MIN_USERS) {
        generate_say(g);
        return;
    }
    generate_begin(g, "delete_user", -1, user->name);
    generate_end();
    *user = g->users[--g->user_count];
}

static bool
generate_event(generate_state *g)
{
    uint64_t n;

    if (g->name_count == 0)
        return generate_register(g);
    if (g->room_count == 0) {
        generate_create_room(g);
        return true;
    }
    n = generate_below(g, 1000);
    if (n < GENERATE_REGISTER)
        return generate_register(g);
    n -= GENERATE_REGISTER;
    if (n < GENERATE_JOIN)
        generate_join(g);
    else if ((n -= GENERATE_JOIN) < GENERATE_DELETE)
        generate_delete(g);
    else if ((n -= GENERATE_DELETE) < GENERATE_LEAVE)
        generate_member(g, "leave");
    else if ((n -= GENERATE_LEAVE) < GENERATE_RENAME)
        generate_rename(g);
    else if ((n -= GENERATE_RENAME) < GENERATE_ROLE)
        generate_member(g, "role");
    else if ((n -= GENERATE_ROLE) < GENERATE_KICK)
        generate_member(g, "kick");
    else if (n - GENERATE_KICK < GENERATE_CREATE_ROOM)
        generate_create_room(g);
    else
        generate_say(g);
    return true;
}

static int
generate_command(const tool_command *command, int argc, char **argv)
{
    uint64_t event_count = 10000;
    generate_state g = { .seed = 1 };
    const char *arguments[TOOL_MAX_ARGUMENTS];
    const tool_option options[] = {
        { "--events", TOOL_NUMBER, &event_count, 0, UINT64_C(1) << 40, "N",
          "events (default 10000)" },
        { "--seed", TOOL_NUMBER, &g.seed, 0, UINT64_MAX, "S", "another history (default 1)" },
    };
    bool ok = true;
    int rc = tool_parse(command, options, sizeof options / sizeof options[0], argc, argv,
                        arguments);

    if (rc != TOOL_GO_ON)
        return rc;
    g.random = generate_mix(g.seed);
    g.at = GENERATE_FIRST_AT + generate_below(&g, GENERATE_AT_SPREAD);
    for (uint64_t i = 0; i < event_count && ok && !ferror(stdout); i++)
        ok = generate_event(&g);
    free(g.users);
    if (!ok) {
        tool_error("generate", "out of memory");
        return TOOL_FAILED;
    }
    return tool_flush(TOOL_DONE);
}

const tool_command tool_generate = {
    .name = "generate",
    .summary = "Print a made-up history for replay, the same for the same arguments.",
    .details =
        "Of 1,000 events about 738 are messages, 85 joins, 83 registrations, 80 deletions of\n"
        "users, 8 leave, 3 rename; some roles, kicks and further rooms. A few are refused.\n",
    .run = generate_command,
};
