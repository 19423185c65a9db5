/* Keyset paging: page by page in both directions, each row once, whatever comes in between. */
#include "check/conf.h"

#include <stdio.h>

enum { POST_ID, POST_ROOM, POST_AT, POST_TITLE };

static const tenon_column post_columns[] = {
    [POST_ID] = { .name = "id", .type = TENON_UUID, .not_null = true },
    [POST_ROOM] = { .name = "room", .type = TENON_INT, .not_null = true },
    [POST_AT] = { .name = "at", .type = TENON_TIME, .not_null = true },
    [POST_TITLE] = { .name = "title", .type = TENON_TEXT, .not_null = true },
};

static const tenon_index post_indexes[] = {
    { .name = "post_by_room", .columns = TENON_COLUMNS(POST_ROOM, POST_AT, POST_ID) },
};

static const tenon_table post_table = {
    .name = "post",
    .columns = post_columns,
    .column_count = 4,
    .primary_key = TENON_COLUMNS(POST_ID),
    .indexes = post_indexes,
    .index_count = 1,
};

static const tenon_table *const post_tables[] = { &post_table };

static const tenon_schema post_schema = {
    .name = "posts",
    .version = 1,
    .tables = post_tables,
    .table_count = 1,
};

static const tenon_query post_insert = {
    .kind = TENON_INSERT,
    .table = &post_table,
    .columns = TENON_COLUMNS(POST_ID, POST_ROOM, POST_AT, POST_TITLE),
};

#define POST_COLUMNS .kind = TENON_SELECT, .table = &post_table, .columns = TENON_COLUMNS(2, 0)

/* room, at, id, limit; the index serves it */
static const tenon_query post_up = {
    POST_COLUMNS,
    .where = TENON_WHERE(TENON_EQ(POST_ROOM, 0)),
    .order = TENON_ORDER(TENON_ASC(POST_AT), TENON_ASC(POST_ID)),
    .after_param = TENON_PARAM(1),
    .limit_param = TENON_PARAM(3),
};

static const tenon_query post_down = {
    POST_COLUMNS,
    .where = TENON_WHERE(TENON_EQ(POST_ROOM, 0)),
    .order = TENON_ORDER(TENON_DESC(POST_AT), TENON_DESC(POST_ID)),
    .after_param = TENON_PARAM(1),
    .limit_param = TENON_PARAM(3),
};

/* The same by the title, which no index helps with. */
static const tenon_query post_up_title = {
    .kind = TENON_SELECT,
    .table = &post_table,
    .columns = TENON_COLUMNS(POST_TITLE, POST_ID),
    .where = TENON_WHERE(TENON_EQ(POST_ROOM, 0)),
    .order = TENON_ORDER(TENON_ASC(POST_TITLE), TENON_ASC(POST_ID)),
    .after_param = TENON_PARAM(1),
    .limit_param = TENON_PARAM(3),
};

static const tenon_query post_down_title = {
    .kind = TENON_SELECT,
    .table = &post_table,
    .columns = TENON_COLUMNS(POST_TITLE, POST_ID),
    .where = TENON_WHERE(TENON_EQ(POST_ROOM, 0)),
    .order = TENON_ORDER(TENON_DESC(POST_TITLE), TENON_DESC(POST_ID)),
    .after_param = TENON_PARAM(1),
    .limit_param = TENON_PARAM(3),
};

#define POSTS 23

/* Post `number`: several have the same time and title. */
static void
paging_post(conf *c, int number)
{
    tenon_uuid id = { { 0 } };
    char title[8];

    id.bytes[0] = (uint8_t)(number * 37);
    id.bytes[15] = (uint8_t)number;
    (void)snprintf(title, sizeof title, "%c", "bac"[number % 3]);
    EXEC(c, 1, &post_insert, P(tenon_id(&id), I(number % 2), tenon_time(number / 4), T(title)));
}

/* Read all of room 1 in pages of `page` rows. @return rows */
static int
paging_read(conf *c, const tenon_query *query, int page, bool up)
{
    char last_text[16] = "";
    tenon_value last = NIL;
    tenon_uuid last_id = { { 0 } };
    int found = 0, in_page;

    do {
        const bool first = found == 0;
        tenon_cursor *cursor = NULL;
        const tenon_value *row;
        tenon_status st;

        in_page = 0;
        OK(c, tenon_select(c->txn, query,
                           P(I(1), first ? NIL : last, first ? NIL : tenon_id(&last_id), I(page)),
                           &cursor, &c->err));
        while ((st = tenon_next(cursor, &row, &c->err)) == TENON_OK) {
            tenon_value before_id = tenon_id(&last_id);
            int order = found == 0 ? 0 : tenon_value_compare(&last, &row[0]);

            if (found > 0 && order == 0)
                order = tenon_value_compare(&before_id, &row[1]);
            if (found > 0 && order == 0)
                conf_failed(CONF_HERE, "a page begins after the last row of the page before",
                            "row %d is that row again, in pages of %d", found, page);
            if (found > 0 && (up ? order > 0 : order < 0))
                conf_failed(CONF_HERE, "rows come in the query's order",
                            "row %d is on the other side of the row before, in pages of %d", found,
                            page);
            last = row[0];
            if (last.type == TENON_TEXT) {
                memcpy(last_text, last.as.data, last.len);
                last.as.data = last_text;
            }
            last_id = tenon_value_id(&row[1]);
            found++;
            in_page++;
        }
        CHECK_STATUS(st, TENON_NOT_FOUND);
        tenon_cursor_close(cursor);
        if (in_page > page)
            conf_failed(CONF_HERE, "a page has no more rows than its limit",
                        "%d with a limit of %d", in_page, page);
    } while (in_page == page);
    return found;
}

/* All rows, in pages of that size. */
static void
paging_expect(conf *c, const tenon_query *query, int page, bool up)
{
    const int found = paging_read(c, query, page, up);

    if (found != POSTS / 2)
        conf_failed(CONF_HERE, "the pages hold each row once", "%d of %d rows in pages of %d, %s",
                    found, POSTS / 2, page, up ? "up" : "down");
}

static void
paging_both_ways(conf *c)
{
    static const int pages[] = { 1, 2, 3, 5, 11, 12, 100 };

    conf_open(c, &post_schema);
    BEGIN(c);
    for (int i = 0; i < POSTS; i++)
        paging_post(c, i);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        paging_expect(c, &post_up, pages[i], true);
        paging_expect(c, &post_down, pages[i], false);
        paging_expect(c, &post_up_title, pages[i], true);
        paging_expect(c, &post_down_title, pages[i], false);
    }
    COMMIT(c);
}

/* A position need not be that of a row: it may be gone, or never have been. */
static void
paging_from_anywhere(conf *c)
{
    const tenon_uuid low = { { 0 } };
    tenon_uuid high;

    memset(&high, 0xff, sizeof high);
    conf_open(c, &post_schema);
    BEGIN(c);
    for (int i = 1; i < 9; i += 2)
        paging_post(c, i);
    ROWS(c, "@1 x03000000000000000000000000000007;@1 xb9000000000000000000000000000005", &post_up,
         P(I(1), tenon_time(0), tenon_id(&high), I(9)));
    ROWS(c, "", &post_up, P(I(1), tenon_time(1), tenon_id(&high), I(9)));
    ROWS(c, "", &post_down, P(I(1), tenon_time(0), tenon_id(&low), I(9)));
    ROWS(c, "", &post_up, P(I(1), tenon_time(0), tenon_id(&low), I(0)));
    ROWS(c, "", &post_up, P(I(5), NIL, NIL, I(9)));
    COMMIT(c);
}

/* The first parameter decides; a NULL after it has no meaning. */
static void
paging_with_half_a_position(conf *c)
{
    const tenon_uuid low = { { 0 } };
    const tenon_value *row;

    conf_open(c, &post_schema);
    BEGIN(c);
    paging_post(c, 1);
    FAILS(c, TENON_INVALID, NULL,
          tenon_fetch(c->txn, &post_up, P(I(1), tenon_time(0), NIL, I(9)), &row, &c->err));
    ROWS(c, "@0 x25000000000000000000000000000001", &post_up, P(I(1), NIL, tenon_id(&low), I(9)));
    ROWS(c, "@0 x25000000000000000000000000000001", &post_up, P(I(1), NIL, NIL, I(9)));
    COMMIT(c);
}

/* Rows that come in between neither repeat nor hide those that were there. */
static void
paging_beside_writes(conf *c)
{
    tenon_uuid id = { { 0 } };
    int64_t at = 0;
    const tenon_value *row;
    tenon_value position[2] = { NIL, NIL };
    int found = 0;

    conf_open(c, &post_schema);
    BEGIN(c);
    for (int i = 1; i < 41; i += 2)
        paging_post(c, i);
    while (tenon_fetch(c->txn, &post_up, P(I(1), position[0], position[1], I(1)), &row, &c->err) ==
           TENON_OK) {
        at = row[0].as.i;
        id = tenon_value_id(&row[1]);
        position[0] = tenon_time(at);
        position[1] = tenon_id(&id);
        found++;
        paging_post(c, 100 + 2 * found); /* of the other room */
    }
    CHECK_INT(found, 20);
    COMMIT(c);
    conf_verify(c);
}

static const conf_case paging_cases[] = {
    CASE(paging_both_ways, "pages follow each other without gap or repetition, up and down"),
    CASE(paging_from_anywhere, "a page may begin after a row that is not there"),
    CASE(paging_with_half_a_position, "the first parameter of a position decides"),
    CASE(paging_beside_writes, "rows that come in between neither repeat nor hide others"),
};

CONF_GROUP(
    paging, "keyset paging",
    "after_param of tenon_drv_query: rows strictly after the position, in the query's order.");
