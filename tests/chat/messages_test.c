/** @file messages_test.c Messages: posting, editing, deleting, paging. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct cast {
    tenon_uuid owner, admin, member, other, invited, stranger, room;
} cast;

static cast
make_cast(fixture *f)
{
    cast c;

    c.owner = make_user(f, "owner");
    c.admin = make_user(f, "admin");
    c.member = make_user(f, "member");
    c.other = make_user(f, "other");
    c.invited = make_user(f, "invited");
    c.stranger = make_user(f, "stranger");
    c.room = make_room(f, "room", &c.owner);
    make_member(f, &c.room, &c.owner, &c.admin, CHAT_ROOM_ADMIN);
    make_member(f, &c.room, &c.owner, &c.member, CHAT_ROOM_MEMBER);
    make_member(f, &c.room, &c.owner, &c.other, CHAT_ROOM_MEMBER);
    (void)make_invitation(f, &c.room, &c.owner, &c.invited);
    return c;
}

static void
leave(fixture *f, const tenon_uuid *room, const tenon_uuid *user)
{
    chat_context ctx = as(f, user);
    chat_room_operation op = { .kind = CHAT_REMOVE_MEMBER, .room = *room, .user = *user };
    chat_room_batch in = { .operations = &op, .count = 1 };
    chat_room_result out;

    OK(f, do_batch(f, &ctx, &in, &out));
}

/* ---- What a page tells ---- */

enum { MOST_SEEN = 1200, TEXT_SEEN = 64 };

/** Messages seen, in the order told. */
typedef struct seen {
    unsigned count;
    unsigned stop_at; /**< 0 = never. */
    tenon_status stop_with;
    chat_message messages[MOST_SEEN];
    char texts[MOST_SEEN][TEXT_SEEN];
    char types[MOST_SEEN][TEXT_SEEN];
} seen;

static seen told;

static tenon_status
see(void *arg, const chat_message_row *row)
{
    seen *s = (seen *)arg;

    if (s->stop_at != 0 && s->count == s->stop_at)
        return s->stop_with;
    assert_true(s->count < MOST_SEEN);
    s->messages[s->count] = row->message;
    (void)snprintf(s->texts[s->count], TEXT_SEEN, "%.*s", (int)row->content_bytes, row->content);
    (void)snprintf(s->types[s->count], TEXT_SEEN, "%.*s", (int)row->message_type_bytes,
                   row->message_type);
    s->count++;
    return TENON_OK;
}

/** The newest messages of a room, as the system sees them. */
static void
see_all(fixture *f, const tenon_uuid *room)
{
    chat_context ctx = as_system(f);
    chat_page in = { .room = *room, .limit = 1000 };
    chat_position next;

    memset(&told, 0, sizeof told);
    OK(f, do_page(f, &ctx, &in, see, &told, &next));
}

static void
check_same_message(const chat_message *a, const chat_message *b)
{
    assert_true(same_id(&a->id, &b->id));
    assert_true(same_id(&a->room_id, &b->room_id));
    assert_true(same_id(&a->user_id, &b->user_id));
    assert_int_equal(a->created_at_us, b->created_at_us);
    assert_int_equal(a->edited_at_us, b->edited_at_us);
    assert_int_equal(a->is_deleted, b->is_deleted);
}

/* ---- Posting ---- */

static void
a_message_is_stored_as_it_was_posted(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_context ctx = as(f, &c.member);
    chat_new_message in = { .room = c.room, .content = "first" };
    chat_message first;
    chat_message second;
    chat_counts before;
    chat_counts after;

    OK(f, do_count(f, &before));
    OK(f, do_post(f, &ctx, &in, &first));
    assert_true(same_id(&first.room_id, &c.room));
    assert_true(same_id(&first.user_id, &c.member));
    assert_int_equal(first.created_at_us, T0);
    assert_int_equal(first.edited_at_us, 0);
    assert_false(first.is_deleted);
    f->now_us += SECOND;
    ctx = as(f, &c.owner);
    in.content = "second, cut here";
    in.content_bytes = 6;
    in.message_type = "notice_2";
    OK(f, do_post(f, &ctx, &in, &second));
    see_all(f, &c.room);
    assert_int_equal(told.count, 2);
    assert_string_equal(told.texts[0], "second");
    assert_string_equal(told.types[0], "notice_2");
    assert_string_equal(told.texts[1], "first");
    assert_string_equal(told.types[1], "text");
    check_same_message(&told.messages[0], &second);
    check_same_message(&told.messages[1], &first);
    OK(f, do_count(f, &after));
    assert_int_equal(after.messages_count, before.messages_count + 2);
    assert_int_equal(after.audit_logs_count, before.audit_logs_count);
}

static void
posting_is_checked_in_order(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    tenon_uuid nobody = no_such_id();
    chat_context ctx = as(f, &c.stranger);
    chat_new_message in = { .room = nobody, .content = "", .message_type = "No" };
    chat_message out;

    set_room_active(f, &c.room, false);
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "content");
    in.content = NULL;
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "content");
    in.content = "text";
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_INVALID, "message_type");
    in.message_type = NULL;
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_NOT_FOUND, "room");
    in.room = c.room;
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_CONSTRAINT, "room.is_active");
    set_room_active(f, &c.room, true);
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_DENIED, "actor");
    ctx = as(f, &c.invited);
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_DENIED, "actor");
    ctx = as(f, &nobody);
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_DENIED, "actor");
    ctx = as_system(f);
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_DENIED, "actor");
    leave(f, &c.room, &c.member);
    ctx = as(f, &c.member);
    REFUSED(f, do_post(f, &ctx, &in, &out), TENON_DENIED, "actor");
    assert_true(same_id(&out.id, &(tenon_uuid){ { 0 } }));
    REFUSED(f, do_post(f, &ctx, NULL, &out), TENON_MISUSE, "chat.post_message");
    REFUSED(f, do_post(f, &ctx, &in, NULL), TENON_MISUSE, "chat.post_message");
    REFUSED(f, do_post(f, NULL, &in, &out), TENON_MISUSE, "context");
}

/* ---- Editing ---- */

static void
an_edited_message_has_its_new_text_and_its_old_place(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    tenon_uuid message = make_message(f, &c.room, &c.member, "old");
    chat_message_edit in = { .message = message, .content = "newer", .content_bytes = 3 };
    chat_context ctx;
    chat_message out;

    (void)make_message(f, &c.room, &c.owner, "after it");
    f->now_us += SECOND;
    ctx = as(f, &c.member);
    OK(f, do_edit(f, &ctx, &in, &out));
    assert_true(same_id(&out.id, &message));
    assert_int_equal(out.created_at_us, T0);
    assert_int_equal(out.edited_at_us, T0 + SECOND);
    see_all(f, &c.room);
    assert_int_equal(told.count, 2);
    assert_string_equal(told.texts[1], "new");
    check_same_message(&told.messages[1], &out);
    set_room_active(f, &c.room, false); /* archived: nobody posts, but a text can be mended */
    in.content_bytes = 0;
    OK(f, do_edit(f, &ctx, &in, &out));
    see_all(f, &c.room);
    assert_string_equal(told.texts[1], "newer");
}

static void
only_its_author_in_the_room_edits_a_message(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_message_edit in = { .message = no_such_id(), .content = "" };
    chat_context ctx = as(f, &c.member);
    chat_message out;

    REFUSED(f, do_edit(f, &ctx, &in, &out), TENON_INVALID, "content");
    in.content = "\xc3";
    REFUSED(f, do_edit(f, &ctx, &in, &out), TENON_INVALID, "content");
    in.content = "new";
    REFUSED(f, do_edit(f, &ctx, &in, &out), TENON_NOT_FOUND, "message");
    in.message = make_message(f, &c.room, &c.member, "old");
    ctx = as(f, &c.other);
    REFUSED(f, do_edit(f, &ctx, &in, &out), TENON_DENIED, "actor");
    ctx = as(f, &c.owner);
    REFUSED(f, do_edit(f, &ctx, &in, &out), TENON_DENIED, "actor");
    ctx = as_system(f);
    REFUSED(f, do_edit(f, &ctx, &in, &out), TENON_DENIED, "actor");
    leave(f, &c.room, &c.member);
    ctx = as(f, &c.member);
    REFUSED(f, do_edit(f, &ctx, &in, &out), TENON_DENIED, "actor");
    (void)make_invitation(f, &c.room, &c.owner, &c.member);
    REFUSED(f, do_edit(f, &ctx, &in, &out), TENON_DENIED, "actor"); /* not yet back */
    assert_true(same_id(&out.id, &(tenon_uuid){ { 0 } }));
    REFUSED(f, do_edit(f, &ctx, NULL, &out), TENON_MISUSE, "chat.edit_message");
}

/* ---- Deleting ---- */

static void
a_deleted_message_stays_without_its_text(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    tenon_uuid first = make_message(f, &c.room, &c.member, "first");
    tenon_uuid second = make_message(f, &c.room, &c.member, "second");
    chat_message_edit edit = { .message = second, .content = "again" };
    chat_context ctx = as(f, &c.member);
    chat_counts counts;
    chat_message out;

    OK(f, do_delete_message(f, &ctx, &second, &out));
    assert_true(same_id(&out.id, &second));
    assert_true(out.is_deleted);
    see_all(f, &c.room);
    assert_int_equal(told.count, 2);
    for (unsigned i = 0; i < 2; i++) {
        bool deleted = same_id(&told.messages[i].id, &second);

        assert_int_equal(told.messages[i].is_deleted, deleted);
        assert_string_equal(told.texts[i], deleted ? "" : "first");
        assert_string_equal(told.types[i], "text");
    }
    OK(f, do_count(f, &counts));
    assert_int_equal(counts.messages_count, 2);
    assert_int_equal(fixture_audits(f, "message.delete"), 1);
    REFUSED(f, do_delete_message(f, &ctx, &second, &out), TENON_CONSTRAINT, "message.is_deleted");
    REFUSED(f, do_edit(f, &ctx, &edit, &out), TENON_CONSTRAINT, "message.is_deleted");
    ctx = as(f, &c.other); /* whose message it is comes before what became of it */
    REFUSED(f, do_delete_message(f, &ctx, &second, &out), TENON_DENIED, "actor");
    REFUSED(f, do_edit(f, &ctx, &edit, &out), TENON_DENIED, "actor");
    (void)first;
}

static void
messages_are_deleted_by_authors_and_those_who_lead_the_room(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    tenon_uuid root = make_user_of_role(f, "root", CHAT_USER_ADMIN);
    tenon_uuid nobody = no_such_id();
    tenon_uuid ids[4];
    chat_context ctx = as(f, &c.owner);
    chat_message out;

    for (unsigned i = 0; i < 4; i++)
        ids[i] = make_message(f, &c.room, i == 0 ? &c.owner : &c.member, "text");
    REFUSED(f, do_delete_message(f, &ctx, &nobody, &out), TENON_NOT_FOUND, "message");
    REFUSED(f, do_delete_message(f, &ctx, NULL, &out), TENON_MISUSE, "chat.delete_message");
    ctx = as(f, NULL);
    REFUSED(f, do_delete_message(f, &ctx, &ids[0], &out), TENON_DENIED, "actor");
    ctx = as(f, &c.stranger);
    REFUSED(f, do_delete_message(f, &ctx, &ids[0], &out), TENON_DENIED, "actor");
    ctx = as(f, &c.invited);
    REFUSED(f, do_delete_message(f, &ctx, &ids[0], &out), TENON_DENIED, "actor");
    ctx = as(f, &c.other);
    REFUSED(f, do_delete_message(f, &ctx, &ids[0], &out), TENON_DENIED, "actor");
    ctx = as(f, &root); /* administers the server, not this room */
    REFUSED(f, do_delete_message(f, &ctx, &ids[0], &out), TENON_DENIED, "actor");
    ctx = as(f, &c.admin);
    OK(f, do_delete_message(f, &ctx, &ids[0], &out));
    ctx = as(f, &c.owner);
    OK(f, do_delete_message(f, &ctx, &ids[1], &out));
    ctx = as_system(f);
    OK(f, do_delete_message(f, &ctx, &ids[2], &out));
    leave(f, &c.room, &c.member);
    ctx = as(f, &c.member); /* out of the room, and still its author */
    OK(f, do_delete_message(f, &ctx, &ids[3], &out));
    leave(f, &c.room, &c.admin);
    ctx = as(f, &c.admin);
    ids[0] = make_message(f, &c.room, &c.owner, "text");
    REFUSED(f, do_delete_message(f, &ctx, &ids[0], &out), TENON_DENIED, "actor");
    assert_int_equal(fixture_audits(f, "message.delete"), 4);
}

/* ---- Paging ---- */

/** Whether `a` comes before `b` in a page: newer, or as new with the greater id. */
static bool
comes_before(const chat_message *a, const chat_message *b)
{
    if (a->created_at_us != b->created_at_us)
        return a->created_at_us > b->created_at_us;
    return memcmp(&a->id, &b->id, sizeof a->id) > 0;
}

static int
by_place(const void *a, const void *b)
{
    return comes_before((const chat_message *)a, (const chat_message *)b) ? -1 : 1;
}

enum { POSTED = 60 };

/** Post messages, several at the same time, and put them in the order in which they are read. */
static void
post_many(fixture *f, const tenon_uuid *room, const tenon_uuid *author, chat_message out[POSTED])
{
    for (unsigned i = 0; i < POSTED; i++) {
        chat_context ctx;
        chat_new_message in = { .room = *room, .content = "text" };

        f->now_us = T0 + (int64_t)(i * 7 % 20) * SECOND; /* not in the order of time */
        ctx = as(f, author);
        OK(f, do_post(f, &ctx, &in, &out[i]));
    }
    qsort(out, POSTED, sizeof *out, by_place);
}

/** Read all pages of a room into `told`. @return pages that told of something */
static unsigned
read_pages(fixture *f, const chat_context *ctx, const tenon_uuid *room, uint32_t limit)
{
    chat_page in = { .room = *room, .limit = limit };
    chat_position next;
    unsigned pages = 0;

    memset(&told, 0, sizeof told);
    for (;;) {
        unsigned before = told.count;

        OK(f, do_page(f, ctx, &in, see, &told, &next));
        if (told.count == before) {
            assert_int_equal(next.created_at_us, 0);
            assert_true(same_id(&next.id, &(tenon_uuid){ { 0 } }));
            return pages;
        }
        assert_true(told.count - before <= limit);
        assert_int_equal(next.created_at_us, told.messages[told.count - 1].created_at_us);
        assert_true(same_id(&next.id, &told.messages[told.count - 1].id));
        in.after = next;
        pages++;
    }
}

static void
pages_of_any_size_tell_of_each_message_once_newest_first(void **state)
{
    static const uint32_t limits[] = { 1, 2, 7, 30, POSTED - 1, POSTED, POSTED + 1, 1000 };
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    tenon_uuid other_room = make_room(f, "other", &c.owner);
    chat_message posted[POSTED];
    chat_context ctx = as(f, &c.member);

    assert_int_equal(read_pages(f, &ctx, &c.room, 10), 0);
    (void)make_message(f, &other_room, &c.owner, "elsewhere");
    post_many(f, &c.room, &c.member, posted);
    (void)make_message(f, &other_room, &c.owner, "elsewhere");
    for (unsigned l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        assert_int_equal(read_pages(f, &ctx, &c.room, limits[l]),
                         (POSTED + limits[l] - 1) / limits[l]);
        assert_int_equal(told.count, POSTED);
        for (unsigned i = 0; i < POSTED; i++) {
            assert_true(same_id(&told.messages[i].id, &posted[i].id));
            assert_int_equal(told.messages[i].created_at_us, posted[i].created_at_us);
            assert_true(same_id(&told.messages[i].user_id, &c.member));
            assert_true(same_id(&told.messages[i].room_id, &c.room));
        }
    }
}

static void
a_page_goes_on_where_the_last_one_ended_whatever_happens_meanwhile(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_message posted[POSTED];
    chat_page in = { .room = c.room, .limit = 20 };
    chat_position next;
    chat_message out;
    chat_context ctx;

    post_many(f, &c.room, &c.member, posted);
    f->now_us = T0 + 100 * SECOND;
    ctx = as(f, &c.member);
    memset(&told, 0, sizeof told);
    OK(f, do_page(f, &ctx, &in, see, &told, &in.after));
    (void)make_message(f, &c.room, &c.member, "newer");
    /* The message that the page ended with is deleted; then it goes altogether, with its author. */
    OK(f, do_delete_message(f, &ctx, &posted[19].id, &out));
    OK(f, do_page(f, &ctx, &in, see, &told, &next));
    assert_int_equal(told.count, 40);
    for (unsigned i = 0; i < 40; i++)
        assert_true(same_id(&told.messages[i].id, &posted[i].id));
    ctx = as(f, &c.owner);
    in.after = next;
    (void)make_message(f, &c.room, &c.owner, "stays");
    {
        chat_context own = as(f, &c.member);
        chat_deletion deletion = { .user = c.member };
        chat_deleted deleted;

        OK(f, do_delete_user(f, &own, &deletion, &deleted));
        assert_int_equal(deleted.messages_count, POSTED + 1);
    }
    OK(f, do_page(f, &ctx, &in, see, &told, &next));
    assert_int_equal(told.count, 40);
    see_all(f, &c.room);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.texts[0], "stays");
}

static void
limits_are_1_to_1000(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_page in = { .room = no_such_id(), .limit = 0 };
    chat_context ctx = as(f, &c.stranger);
    chat_position next;

    memset(&told, 0, sizeof told);
    for (unsigned i = 0; i < 1001; i++)
        (void)make_message(f, &c.room, &c.member, "text");
    REFUSED(f, do_page(f, &ctx, &in, see, &told, &next), TENON_INVALID, "limit");
    in.limit = 1001;
    REFUSED(f, do_page(f, &ctx, &in, see, &told, &next), TENON_INVALID, "limit");
    in.limit = UINT32_MAX;
    REFUSED(f, do_page(f, &ctx, &in, see, &told, &next), TENON_INVALID, "limit");
    assert_int_equal(told.count, 0);
    in.limit = 1000;
    in.room = c.room;
    ctx = as(f, &c.member);
    OK(f, do_page(f, &ctx, &in, see, &told, &next));
    assert_int_equal(told.count, 1000);
    in.after = next;
    OK(f, do_page(f, &ctx, &in, see, &told, &next));
    assert_int_equal(told.count, 1001);
}

static void
members_read_a_room_and_everybody_a_public_one(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    tenon_uuid nobody = no_such_id();
    chat_page in = { .room = nobody, .limit = 10 };
    chat_context ctx = as(f, &c.stranger);
    chat_room_operation op = {
        .kind = CHAT_UPDATE_ROOM, .room = c.room, .set = CHAT_SET_PUBLIC, .is_public = true
    };
    chat_room_batch batch = { .operations = &op, .count = 1 };
    chat_room_result result;
    chat_position next;

    memset(&told, 0, sizeof told);
    (void)make_message(f, &c.room, &c.owner, "text");
    REFUSED(f, do_page(f, &ctx, &in, see, &told, &next), TENON_NOT_FOUND, "room");
    in.room = c.room;
    REFUSED(f, do_page(f, &ctx, &in, see, &told, &next), TENON_DENIED, "actor");
    ctx = as(f, &c.invited);
    REFUSED(f, do_page(f, &ctx, &in, see, &told, &next), TENON_DENIED, "actor");
    ctx = as(f, NULL);
    REFUSED(f, do_page(f, &ctx, &in, see, &told, &next), TENON_DENIED, "actor");
    leave(f, &c.room, &c.other);
    ctx = as(f, &c.other);
    REFUSED(f, do_page(f, &ctx, &in, see, &told, &next), TENON_DENIED, "actor");
    assert_int_equal(told.count, 0);
    ctx = as_system(f);
    OK(f, do_page(f, &ctx, &in, see, &told, &next));
    assert_int_equal(told.count, 1);
    ctx = as(f, &c.owner);
    OK(f, do_batch(f, &ctx, &batch, &result));
    set_room_active(f, &c.room, false); /* an archive is there to be read */
    ctx = as(f, NULL);
    OK(f, do_page(f, &ctx, &in, see, &told, &next));
    assert_int_equal(told.count, 2);
    REFUSED(f, do_page(f, &ctx, &in, NULL, &told, &next), TENON_MISUSE, "chat.page_messages");
    REFUSED(f, do_page(f, &ctx, NULL, see, &told, &next), TENON_MISUSE, "chat.page_messages");
    REFUSED(f, do_page(f, &ctx, &in, see, &told, NULL), TENON_MISUSE, "chat.page_messages");
    REFUSED(f, do_page(f, NULL, &in, see, &told, &next), TENON_MISUSE, "context");
}

static void
a_reader_can_stop(void **state)
{
    fixture *f = (fixture *)*state;
    cast c = make_cast(f);
    chat_page in = { .room = c.room, .limit = 10 };
    chat_context ctx = as(f, &c.owner);
    chat_position next;

    for (unsigned i = 0; i < 5; i++)
        (void)make_message(f, &c.room, &c.owner, "text");
    for (unsigned i = 0; i < 2; i++) {
        memset(&told, 0, sizeof told);
        told.stop_at = 3;
        told.stop_with = i == 0 ? TENON_CANCELLED : TENON_NOT_FOUND;
        assert_int_equal(do_page(f, &ctx, &in, see, &told, &next), told.stop_with);
        assert_int_equal(told.count, 3);
        assert_int_equal(next.created_at_us, 0);
    }
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(a_message_is_stored_as_it_was_posted),
        CASE(posting_is_checked_in_order),
        CASE(an_edited_message_has_its_new_text_and_its_old_place),
        CASE(only_its_author_in_the_room_edits_a_message),
        CASE(a_deleted_message_stays_without_its_text),
        CASE(messages_are_deleted_by_authors_and_those_who_lead_the_room),
        CASE(pages_of_any_size_tell_of_each_message_once_newest_first),
        CASE(a_page_goes_on_where_the_last_one_ended_whatever_happens_meanwhile),
        CASE(limits_are_1_to_1000),
        CASE(members_read_a_room_and_everybody_a_public_one),
        CASE(a_reader_can_stop),
    };

    return fixture_main(argc, argv, "messages", tests, sizeof tests / sizeof tests[0]);
}
