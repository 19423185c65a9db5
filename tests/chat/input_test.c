/** @file input_test.c What inputs are refused, field by field. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

/** `len` times `c`. */
static const char *
run_of(char c, size_t len)
{
    static char text[20000];

    assert_true(len < sizeof text);
    memset(text, c, len);
    text[len] = '\0';
    return text;
}

typedef struct text_case {
    const char *text;
    bool valid;
} text_case;

static const text_case username_cases[] = {
    { "a", true },
    { "|trey|", true },
    { "J\xc3\xbcrgen", true },
    { "\xf0\x9f\x98\x80", true },
    { "1234567890123456789012345678901234567890123456789012345678901234", true },
    { "12345678901234567890123456789012345678901234567890123456789012345", false },
    { "", false },
    { "a b", false },
    { "a\tb", false },
    { "a\n", false },
    { "\x7f", false },
    { "a\xc2\x85", false },        /* U+0085, C1 */
    { "a\xc2\xa0z", false },       /* U+00A0 */
    { "a\xe1\x9a\x80z", false },   /* U+1680 */
    { "a\xe2\x80\x80z", false },   /* U+2000 */
    { "a\xe2\x80\x8az", false },   /* U+200A */
    { "a\xe2\x80\xa8z", false },   /* U+2028 */
    { "a\xe2\x80\xafz", false },   /* U+202F */
    { "a\xe2\x81\x9fz", false },   /* U+205F */
    { "a\xe3\x80\x80z", false },   /* U+3000 */
    { "a\xe2\x80\x8bz", false },   /* U+200B, no width */
    { "a\xe2\x80\xaez", false },   /* U+202E, direction */
    { "a\xc2\xa1z", true },        /* U+00A1 */
    { "a\xe2\x80\x90z", true },    /* U+2010, a hyphen */
    { "\x80", false },             /* continuation alone */
    { "a\xc3", false },            /* cut */
    { "a\xe2\x82", false },        /* cut */
    { "\xc0\xaf", false },         /* overlong */
    { "\xe0\x80\xaf", false },     /* overlong */
    { "\xf0\x80\x80\xaf", false }, /* overlong */
    { "\xed\xa0\x80", false },     /* surrogate */
    { "\xf4\x8f\xbf\xbf", true },  /* U+10FFFF */
    { "\xf4\x90\x80\x80", false }, /* beyond */
    { "\xf8\x88\x80\x80\x80", false },
    { "\xff", false },
};

static void
user_names_are_valid_or_not(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    char key[CHAT_MAX_USERNAME_BYTES + 1];

    for (size_t i = 0; i < sizeof username_cases / sizeof username_cases[0]; i++) {
        const text_case *c = &username_cases[i];
        chat_registration in = { .username = c->text, .password_hash = READY_HASH };
        chat_registered out;

        if (c->valid) {
            OK(f, do_register(f, &ctx, &in, &out));
            assert_string_equal(out.user.username, c->text);
        } else {
            REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "username");
            assert_string_equal(out.user.username, "");
        }
        assert_int_equal(chat_username_key(c->text, key), c->valid ? TENON_OK : TENON_INVALID);
    }
    assert_int_equal(chat_username_key(NULL, key), TENON_INVALID);
}

static void
only_ascii_capitals_become_small(void **state)
{
    char key[CHAT_MAX_USERNAME_BYTES + 1];

    (void)state;
    assert_int_equal(chat_username_key("AZaz[`{@0\xc3\x9c", key), TENON_OK);
    assert_string_equal(key, "azaz[`{@0\xc3\x9c");
}

static void
email_addresses_are_valid_or_not(void **state)
{
    static const text_case cases[] = {
        { "a@b", true },     { "a@", false },          { "@b", false },
        { "ab", false },     { "abc", false },         { "a@b@c", false },
        { "@@@", false },    { "a@b c", false },       { "a@b\xc2\xa0", false },
        { "a@\x01", false }, { "a@b.\xc3\xa4", true }, { "a@b\xff", false },
        { "", false },
    };
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_registration in = { .password_hash = READY_HASH };
    chat_registered out;
    char name[16];
    char longest[300];

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(name, sizeof name, "user%u", i);
        in.username = name;
        in.email = cases[i].text;
        if (cases[i].valid)
            OK(f, do_register(f, &ctx, &in, &out));
        else
            REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "email");
    }
    in.username = "longest";
    (void)snprintf(longest, sizeof longest, "a@%.252s", run_of('b', 252));
    in.email = longest;
    OK(f, do_register(f, &ctx, &in, &out));
    assert_int_equal(strlen(out.user.email), 254);
    in.username = "longer";
    (void)snprintf(longest, sizeof longest, "a@%.253s", run_of('c', 253));
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "email");
}

static void
passwords_have_8_to_128_bytes(void **state)
{
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_registration in = { .username = "someone" };
    chat_registered out;
    char hash[CHAT_HASH_TEXT_BYTES];

    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "password");
    in.password = "1234567";
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "password");
    in.password = "1234567\xff";
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "password");
    in.password = run_of('p', 129);
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "password");
    in.password = run_of('p', 128);
    OK(f, do_register(f, &ctx, &in, &out));
    in.username = "other";
    in.password = "12345678";
    OK(f, do_register(f, &ctx, &in, &out));
    assert_int_equal(chat_password_hash(&ctx, "1234567", hash, &f->err), TENON_INVALID);
    assert_string_equal(f->err.object, "password");
}

static void
ready_hashes_are_printable_and_instead_of_a_password(void **state)
{
    static const char *const bad[] = { "", "$", "plain", "$a b", "$a\n", "$\xc3\xa4" };
    fixture *f = (fixture *)*state;
    chat_context ctx = as(f, NULL);
    chat_registration in = { .username = "someone" };
    chat_registered out;
    char text[300];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        in.password_hash = bad[i];
        REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "password_hash");
    }
    (void)snprintf(text, sizeof text, "$%.255s", run_of('h', 255));
    in.password_hash = text;
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "password_hash");
    in.password = "12345678";
    in.password_hash = READY_HASH;
    REFUSED(f, do_register(f, &ctx, &in, &out), TENON_INVALID, "password_hash");
    in.password = NULL;
    text[255] = '\0';
    in.password_hash = text;
    OK(f, do_register(f, &ctx, &in, &out));
}

static void
room_names_have_1_to_128_bytes_without_control_characters(void **state)
{
    static const char *const bad[] = { "", "a\tb", "a\x7f", "a\xc2\x80", "a\xe2\x80\xa9", "\xc3" };
    fixture *f = (fixture *)*state;
    tenon_uuid owner = make_user(f, "owner");
    chat_context ctx = as(f, &owner);
    chat_new_room in = { .name = NULL };
    chat_created_room out;

    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_INVALID, "name");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        in.name = bad[i];
        REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_INVALID, "name");
    }
    in.name = run_of('r', 129);
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_INVALID, "name");
    in.name = "a room with blanks";
    OK(f, do_create_room(f, &ctx, &in, &out));
    in.name = run_of('r', 128);
    OK(f, do_create_room(f, &ctx, &in, &out));
    assert_string_equal(out.room.name, in.name);
    in.name = "described";
    in.description = "\xff";
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_INVALID, "description");
    in.description = run_of('d', 1025);
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_INVALID, "description");
    in.description = run_of('d', 1024);
    OK(f, do_create_room(f, &ctx, &in, &out));
    assert_int_equal(strlen(out.room.description), 1024);
}

static void
messages_have_1_to_16384_bytes(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid user = make_user(f, "user");
    tenon_uuid room = make_room(f, "room", &user);
    chat_context ctx = as(f, &user);
    chat_new_message in = { .room = room };
    chat_message out;
    char text[64];

    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "content");
    in.content = "";
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "content");
    in.content = run_of('m', 16385);
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "content");
    in.content_bytes = 16385;
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "content");
    in.content_bytes = 16384;
    OK(f, do_post(f, &ctx, &in, &out));
    in.content = "a\0b";
    in.content_bytes = 3;
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "content");
    /* A broken character at every place of a word of eight, and behind it. */
    for (unsigned at = 0; at < 20; at++) {
        memset(text, 'x', sizeof text);
        text[at] = '\x80';
        in.content = text;
        in.content_bytes = 20;
        REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "content");
        text[at] = '\0';
        REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "content");
        text[at] = '\x02'; /* control characters are part of some protocols' texts */
        OK(f, do_post(f, &ctx, &in, &out));
    }
}

static void
message_types_are_short_words(void **state)
{
    static const char *const bad[] = { "", "Text", "a b", "a-b", "\xc3\xa4" };
    fixture *f = (fixture *)*state;
    tenon_uuid user = make_user(f, "user");
    tenon_uuid room = make_room(f, "room", &user);
    chat_context ctx = as(f, &user);
    chat_new_message in = { .room = room, .content = "hello" };
    chat_message out;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        in.message_type = bad[i];
        REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "message_type");
    }
    in.message_type = run_of('t', 33);
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "message_type");
    in.message_type = run_of('t', 32);
    OK(f, do_post(f, &ctx, &in, &out));
}

static void
contexts_are_checked(void **state)
{
    fixture *f = (fixture *)*state;
    tenon_uuid user = make_user(f, "user");
    chat_context ctx = as(f, &user);
    chat_new_room in = { .name = "room" };
    chat_created_room out;

    REFUSED(f, do_create_room(f, NULL, &in, &out), TENON_MISUSE, "context");
    ctx.size = 0;
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_MISUSE, "context");
    ctx = as(f, &user);
    REFUSED(f, do_create_room(f, &ctx, NULL, &out), TENON_MISUSE, "chat.create_room");
    ctx.now_us = -1;
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_INVALID, "now_us");
    ctx.now_us = INT64_MAX;
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_INVALID, "now_us");
    ctx.now_us = 0;
    ctx.event = 1;
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_INVALID, "now_us");
    ctx.now_us = T0;
    ctx.event = UINT64_C(1) << 48;
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_INVALID, "event");
    ctx.event = 1;
    ctx.part = 256;
    REFUSED(f, do_create_room(f, &ctx, &in, &out), TENON_INVALID, "part");
    ctx = as(f, &user);
    ctx.now_us = 0;
    OK(f, do_create_room(f, &ctx, &in, &out));
    assert_true(out.room.created_at_us > T0);
}

static void
names_of_numbers_round_trip(void **state)
{
    (void)state;
    assert_string_equal(chat_user_role_name(CHAT_USER_ADMIN), "admin");
    assert_string_equal(chat_user_role_name(CHAT_USER_GUEST), "guest");
    assert_string_equal(chat_user_role_name(5), "?");
    assert_string_equal(chat_room_role_name(CHAT_ROOM_MEMBER), "member");
    assert_string_equal(chat_room_role_name(0), "?");
    assert_string_equal(chat_membership_status_name(CHAT_MEMBERSHIP_PENDING), "pending");
    assert_string_equal(chat_invitation_status_name(CHAT_INVITATION_REVOKED), "revoked");
    assert_string_equal(chat_invitation_status_name(UINT32_MAX), "?");
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(user_names_are_valid_or_not),
        cmocka_unit_test(only_ascii_capitals_become_small),
        CASE(email_addresses_are_valid_or_not),
        CASE(passwords_have_8_to_128_bytes),
        CASE(ready_hashes_are_printable_and_instead_of_a_password),
        CASE(room_names_have_1_to_128_bytes_without_control_characters),
        CASE(messages_have_1_to_16384_bytes),
        CASE(message_types_are_short_words),
        CASE(contexts_are_checked),
        cmocka_unit_test(names_of_numbers_round_trip),
    };

    return fixture_main(argc, argv, "input", tests, sizeof tests / sizeof tests[0]);
}
