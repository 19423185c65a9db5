/* What a schema promises: keys, unique and partial indexes, defaults, NOT NULL, longest values. */
#include "check/conf.h"

#include <stdio.h>

enum { SEAT_HALL, SEAT_ROW, SEAT_NO, SEAT_CODE, SEAT_GUEST, SEAT_STATE, SEAT_NOTE };

static const tenon_column seat_columns[] = {
    [SEAT_HALL] = { .name = "hall", .type = TENON_TEXT, .not_null = true, .max_bytes = 20 },
    [SEAT_ROW] = { .name = "row", .type = TENON_INT, .not_null = true },
    [SEAT_NO] = { .name = "no", .type = TENON_INT, .not_null = true },
    [SEAT_CODE] = { .name = "code", .type = TENON_TEXT, .max_bytes = 30 },
    [SEAT_GUEST] = { .name = "guest", .type = TENON_INT },
    [SEAT_STATE] = { .name = "state",
                     .type = TENON_INT,
                     .not_null = true,
                     .default_value = { .type = TENON_INT, .as = { .i = 7 } } },
    [SEAT_NOTE] = { .name = "note",
                    .type = TENON_TEXT,
                    .default_value = { .type = TENON_TEXT, .len = 4, .as = { .data = "it's" } } },
};

/* Names such as "row" and "no" are words of SQL: they are names here like any other. */
static const tenon_index seat_indexes[] = {
    { .name = "seat_code", .columns = TENON_COLUMNS(SEAT_CODE), .unique = true },
    { .name = "seat_guest_note", .columns = TENON_COLUMNS(SEAT_GUEST, SEAT_NOTE), .unique = true },
    { .name = "seat_taken",
      .columns = TENON_COLUMNS(SEAT_GUEST),
      .unique = true,
      .where = TENON_WHERE(TENON_EQ_INT(SEAT_STATE, 1)) },
    { .name = "seat_free_row",
      .columns = TENON_COLUMNS(SEAT_ROW),
      .unique = true,
      .where = TENON_WHERE(TENON_IS_NULL(SEAT_GUEST), TENON_NOT_NULL(SEAT_CODE)) },
};

static const tenon_table seat_table = {
    .name = "seat",
    .columns = seat_columns,
    .column_count = 7,
    .primary_key = TENON_COLUMNS(SEAT_HALL, SEAT_ROW, SEAT_NO),
    .indexes = seat_indexes,
    .index_count = 4,
};

static const tenon_table *const seat_tables[] = { &seat_table };

static const tenon_schema seat_schema = {
    .name = "seats",
    .version = 1,
    .tables = seat_tables,
    .table_count = 1,
};

/* All but note, which then has its default. */
static const tenon_query seat_insert = {
    .kind = TENON_INSERT,
    .table = &seat_table,
    .columns = TENON_COLUMNS(SEAT_HALL, SEAT_ROW, SEAT_NO, SEAT_CODE, SEAT_GUEST, SEAT_STATE),
};

static const tenon_query seat_insert_note = {
    .kind = TENON_INSERT,
    .table = &seat_table,
    .columns = TENON_COLUMNS(SEAT_HALL, SEAT_ROW, SEAT_NO, SEAT_GUEST, SEAT_NOTE),
};

static const tenon_query seat_insert_key = {
    .kind = TENON_INSERT,
    .table = &seat_table,
    .columns = TENON_COLUMNS(SEAT_NO, SEAT_ROW, SEAT_HALL),
};

static const tenon_query seat_update = {
    .kind = TENON_UPDATE,
    .table = &seat_table,
    .set = TENON_SET(TENON_TO(SEAT_GUEST, 1), TENON_TO(SEAT_STATE, 2)),
    .where = TENON_WHERE(TENON_EQ(SEAT_NO, 0)),
};

static const tenon_query seat_set_code = {
    .kind = TENON_UPDATE,
    .table = &seat_table,
    .set = TENON_SET(TENON_TO(SEAT_CODE, 1)),
    .where = TENON_WHERE(TENON_GE(SEAT_NO, 0)),
};

static const tenon_query seat_all = {
    .kind = TENON_SELECT,
    .table = &seat_table,
    .columns = TENON_COLUMNS(SEAT_HALL, SEAT_ROW, SEAT_NO, SEAT_CODE, SEAT_GUEST, SEAT_STATE,
                             SEAT_NOTE),
    .order = TENON_ORDER(TENON_ASC(SEAT_HALL), TENON_ASC(SEAT_ROW), TENON_ASC(SEAT_NO)),
};

#define SEAT(hall, row, no, code, guest, state) P(T(hall), I(row), I(no), code, guest, I(state))

static void
schema_composite_key(conf *c)
{
    conf_open(c, &seat_schema);
    BEGIN(c);
    EXEC(c, 1, &seat_insert, SEAT("b", 1, 1, NIL, NIL, 0));
    EXEC(c, 1, &seat_insert, SEAT("a", 2, 1, NIL, NIL, 0));
    EXEC(c, 1, &seat_insert, SEAT("a", 1, 2, NIL, NIL, 0));
    EXEC(c, 1, &seat_insert, SEAT("a", -1, 2, NIL, NIL, 0));
    EXEC(c, 1, &seat_insert, SEAT("ab", 1, 1, NIL, NIL, 0));
    REFUSED(c, TENON_EXISTS, "seat.primary", &seat_insert, SEAT("a", 1, 2, NIL, NIL, 0));
    ROWS(c,
         "a -1 2 ~ ~ 0 it's;a 1 2 ~ ~ 0 it's;a 2 1 ~ ~ 0 it's;ab 1 1 ~ ~ 0 it's;"
         "b 1 1 ~ ~ 0 it's",
         &seat_all, NULL);
    COMMIT(c);
    conf_verify(c);
}

static void
schema_unique(conf *c)
{
    conf_open(c, &seat_schema);
    BEGIN(c);
    EXEC(c, 1, &seat_insert, SEAT("a", 1, 1, T("x"), I(1), 0));
    REFUSED(c, TENON_EXISTS, "seat_code", &seat_insert, SEAT("a", 1, 2, T("x"), I(2), 0));
    EXEC(c, 1, &seat_insert, SEAT("a", 1, 2, T("X"), I(2), 0)); /* case counts */
    REFUSED(c, TENON_EXISTS, "seat_code", &seat_set_code, P(I(2), T("x")));
    EXEC(c, 1, &seat_set_code, P(I(2), T("X"))); /* to what it is */
    REFUSED(c, TENON_EXISTS, "seat_guest_note", &seat_insert_note,
            P(T("a"), I(5), I(5), I(1), T("it's")));
    EXEC(c, 1, &seat_insert_note, P(T("a"), I(5), I(5), I(1), T("its")));
    ROWS(c, "a 1 1 x 1 0 it's;a 1 2 X 2 0 it's;a 5 5 ~ 1 7 its", &seat_all, NULL);
    COMMIT(c);
    conf_verify(c);
}

static const tenon_query seat_delete = {
    .kind = TENON_DELETE,
    .table = &seat_table,
    .where = TENON_WHERE(TENON_EQ(SEAT_NO, 0)),
};

/* A value belongs to the row that has it now: not to one that is gone, has another, or was undone.
 */
static void
schema_unique_is_freed(conf *c)
{
    conf_open(c, &seat_schema);
    BEGIN(c);
    EXEC(c, 1, &seat_insert, SEAT("a", 1, 1, T("x"), I(1), 1));
    EXEC(c, 1, &seat_delete, P(I(1)));
    EXEC(c, 1, &seat_insert, SEAT("b", 1, 2, T("x"), I(1), 1)); /* of one that is gone */
    EXEC(c, 1, &seat_set_code, P(I(2), T("y")));
    EXEC(c, 1, &seat_insert, SEAT("a", 1, 1, T("x"), I(2), 1)); /* of one that has another now */
    REFUSED(c, TENON_EXISTS, "seat_code", &seat_insert, SEAT("c", 1, 3, T("y"), I(3), 1));
    COMMIT(c);
    BEGIN(c);
    EXEC(c, 1, &seat_insert, SEAT("c", 1, 3, T("z"), I(3), 1));
    ROLLBACK(c);
    BEGIN(c);
    EXEC(c, 1, &seat_insert, SEAT("d", 1, 4, T("z"), I(3), 1)); /* of one that never was */
    EXEC(c, 1, &seat_delete, P(I(1)));
    COMMIT(c);
    BEGIN(c);
    EXEC(c, 1, &seat_insert, SEAT("a", 1, 1, T("x"), I(2), 1)); /* in a later transaction */
    ROWS(c, "a 1 1 x 2 1 it's;b 1 2 y 1 1 it's;d 1 4 z 3 1 it's", &seat_all, NULL);
    COMMIT(c);
    conf_verify(c);
}

/* The statement that violates several is refused by the first one declared, the key last. */
static void
schema_first_violation(conf *c)
{
    conf_open(c, &seat_schema);
    BEGIN(c);
    EXEC(c, 1, &seat_insert, SEAT("a", 1, 1, T("x"), I(1), 1));
    REFUSED(c, TENON_EXISTS, "seat_code", &seat_insert, SEAT("a", 1, 1, T("x"), I(1), 1));
    REFUSED(c, TENON_EXISTS, "seat_guest_note", &seat_insert, SEAT("a", 1, 1, T("y"), I(1), 1));
    REFUSED(c, TENON_EXISTS, "seat.primary", &seat_insert, SEAT("a", 1, 1, T("y"), I(2), 1));
    COMMIT(c);
}

static void
schema_nulls_are_distinct(conf *c)
{
    conf_open(c, &seat_schema);
    BEGIN(c);
    for (int i = 1; i <= 3; i++)
        EXEC(c, 1, &seat_insert, SEAT("a", i, i, NIL, NIL, 1));
    EXEC(c, 1, &seat_insert_note, P(T("b"), I(1), I(9), NIL, T("same")));
    EXEC(c, 1, &seat_insert_note, P(T("b"), I(2), I(9), NIL, T("same")));
    EXEC(c, 1, &seat_insert_note, P(T("b"), I(3), I(9), I(4), NIL));
    EXEC(c, 1, &seat_insert_note, P(T("b"), I(4), I(9), I(4), NIL));
    EXEC(c, 4, &seat_set_code, P(I(9), NIL));
    COMMIT(c);
    conf_verify(c);
}

static const tenon_query seat_of_guest = {
    .name = "seats of a guest",
    .kind = TENON_SELECT,
    .table = &seat_table,
    .columns = TENON_COLUMNS(SEAT_NO),
    .where = TENON_WHERE(TENON_EQ(SEAT_GUEST, 0)),
    .order = TENON_ORDER(TENON_ASC(SEAT_NO)),
};

static void
schema_partial_unique(conf *c)
{
    conf_open(c, &seat_schema);
    BEGIN(c);
    EXEC(c, 1, &seat_insert_note, P(T("a"), I(1), I(1), I(4), T("p")));
    EXEC(c, 1, &seat_insert_note, P(T("a"), I(1), I(2), I(4), T("q")));
    EXEC(c, 1, &seat_update, P(I(1), I(4), I(1)));
    REFUSED(c, TENON_EXISTS, "seat_taken", &seat_update, P(I(2), I(4), I(1)));
    EXEC(c, 1, &seat_update, P(I(1), I(4), I(2))); /* leaves the index */
    EXEC(c, 1, &seat_update, P(I(2), I(4), I(1))); /* so that this one may enter */
    REFUSED(c, TENON_EXISTS, "seat_taken", &seat_update, P(I(1), I(4), I(1)));
    ROWS(c, "1;2", &seat_of_guest, P(I(4))); /* also those that the index leaves out */
    EXEC(c, 1, &seat_insert, SEAT("b", 3, 3, T("k"), NIL, 0));
    REFUSED(c, TENON_EXISTS, "seat_free_row", &seat_insert, SEAT("c", 3, 4, T("l"), NIL, 0));
    EXEC(c, 1, &seat_insert, SEAT("c", 3, 4, NIL, NIL, 0));
    EXEC(c, 1, &seat_insert, SEAT("c", 3, 5, T("l"), I(9), 0));
    COMMIT(c);
    conf_verify(c);
}

static const tenon_query schema_shift = {
    .kind = TENON_UPDATE,
    .table = &item_table,
    .set = TENON_SET(TENON_PLUS(1, 0)),
};

static const tenon_query schema_by_n = {
    .name = "items with n",
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(0),
    .where = TENON_WHERE(TENON_EQ(1, 0)),
};

/* What an index finds is what the table holds. */
static void
schema_index_follows(conf *c)
{
    conf_open(c, &item_schema);
    conf_make_items(c, 3);
    BEGIN(c);
    EXEC(c, 1, &item_set_n, P(I(1), I(11)));
    ROWS(c, "", &schema_by_n, P(I(10)));
    ROWS(c, "1", &schema_by_n, P(I(11)));
    EXEC(c, 1, &item_set_n, P(I(1), NIL));
    ROWS(c, "", &schema_by_n, P(I(11)));
    EXEC(c, 1, &item_set_n, P(I(1), I(10)));
    EXEC(c, 1, &item_set_n, P(I(1), I(10))); /* to what it is */
    ROWS(c, "1", &schema_by_n, P(I(10)));
    EXEC(c, 1, &item_delete, P(I(2)));
    ROWS(c, "", &schema_by_n, P(I(20)));
    ITEM(c, 2, 25);
    ROWS(c, "2", &schema_by_n, P(I(25)));
    REFUSED(c, TENON_EXISTS, "item.primary", &item_insert, P(I(3), I(40), NIL));
    ROWS(c, "", &schema_by_n, P(I(40)));
    ROLLBACK(c);
    BEGIN(c);
    ROWS(c, "2", &schema_by_n, P(I(20)));
    ROWS(c, "3", &schema_by_n, P(I(30)));
    COMMIT(c);
    conf_verify(c);
}

/* Rows that move within the index that they could be found by are met once each. */
static void
schema_update_along_an_index(conf *c)
{
    conf_open(c, &item_schema);
    conf_make_items(c, 9);
    BEGIN(c);
    EXEC(c, 9, &schema_shift, P(I(10)));
    ROWS(c, "1 20;2 30;3 40;4 50;5 60;6 70;7 80;8 90;9 100", &item_all, NULL);
    COMMIT(c);
    conf_verify(c);
}

static void
schema_defaults(conf *c)
{
    conf_open(c, &seat_schema);
    BEGIN(c);
    EXEC(c, 1, &seat_insert_key, P(I(1), I(2), T("h")));
    EXEC(c, 1, &seat_insert_note, P(T("h"), I(2), I(2), NIL, NIL)); /* NULL is given, and stays */
    ROWS(c, "h 2 1 ~ ~ 7 it's;h 2 2 ~ ~ 7 ~", &seat_all, NULL);
    COMMIT(c);
    conf_verify(c);
}

static void
schema_not_null_and_max_bytes(conf *c)
{
    conf_open(c, &seat_schema);
    BEGIN(c);
    REFUSED(c, TENON_CONSTRAINT, "seat.hall", &seat_insert_key, P(I(1), I(2), NIL));
    REFUSED(c, TENON_CONSTRAINT, "seat.state", &seat_update, P(I(1), I(2), NIL));
    REFUSED(c, TENON_INVALID, "seat.hall", &seat_insert_key,
            P(I(1), I(2), T("123456789012345678901")));
    EXEC(c, 1, &seat_insert_key, P(I(1), I(2), T("12345678901234567890")));
    REFUSED(c, TENON_INVALID, "seat.code", &seat_set_code,
            P(I(1), T("1234567890123456789012345678901")));
    ROWS(c, "12345678901234567890 2 1 ~ ~ 7 it's", &seat_all, NULL);
    COMMIT(c);
}

/* ---- As large as a schema may be ---- */

#define BIG_TABLES 40

static char big_names[BIG_TABLES + TENON_MAX_INDEXES][TENON_MAX_NAME_BYTES + 1];
static tenon_column big_columns[TENON_MAX_INDEXES + TENON_MAX_KEY_COLUMNS];
static char big_column_names[TENON_MAX_INDEXES + TENON_MAX_KEY_COLUMNS][8];
static tenon_column_no big_numbers[TENON_MAX_INDEXES + TENON_MAX_KEY_COLUMNS];
static tenon_index big_indexes[TENON_MAX_INDEXES];
static tenon_table big_tables[BIG_TABLES];
static const tenon_table *big_list[BIG_TABLES];

static const tenon_query big_insert = {
    .kind = TENON_INSERT,
    .table = &big_tables[0],
    .columns = { big_numbers, TENON_MAX_INDEXES + TENON_MAX_KEY_COLUMNS },
};

static const tenon_query big_read = {
    .kind = TENON_SELECT,
    .table = &big_tables[0],
    .columns = TENON_COLUMNS(TENON_MAX_INDEXES + TENON_MAX_KEY_COLUMNS - 1),
};

static void
big_make(void)
{
    const uint32_t columns = TENON_MAX_INDEXES + TENON_MAX_KEY_COLUMNS;

    for (uint32_t i = 0; i < columns; i++) {
        (void)snprintf(big_column_names[i], sizeof big_column_names[i], "c%u", i);
        big_columns[i] = (tenon_column){ .name = big_column_names[i],
                                         .type = TENON_INT,
                                         .not_null = i < TENON_MAX_KEY_COLUMNS };
        big_numbers[i] = (tenon_column_no)i;
    }
    for (uint32_t i = 0; i < TENON_MAX_INDEXES; i++) {
        (void)snprintf(big_names[i], sizeof big_names[i], "i%02u_%0*d", i, TENON_MAX_NAME_BYTES - 4,
                       0);
        big_indexes[i] = (tenon_index){ .name = big_names[i],
                                        .unique = i % 2 == 0,
                                        .columns = { &big_numbers[1 + i], TENON_MAX_KEY_COLUMNS } };
    }
    for (uint32_t i = 0; i < BIG_TABLES; i++) {
        char *name = big_names[TENON_MAX_INDEXES + i];

        (void)snprintf(name, sizeof big_names[0], "t%02u_%0*d", i, TENON_MAX_NAME_BYTES - 4, 0);
        big_tables[i] = (tenon_table){ .name = name,
                                       .columns = big_columns,
                                       .column_count = columns,
                                       .primary_key = { big_numbers, TENON_MAX_KEY_COLUMNS } };
        big_list[i] = &big_tables[i];
    }
    big_tables[0].indexes = big_indexes;
    big_tables[0].index_count = TENON_MAX_INDEXES;
}

static void
schema_as_large_as_allowed(conf *c)
{
    const tenon_schema schema = {
        .name = "big", .version = 1, .tables = big_list, .table_count = BIG_TABLES
    };
    tenon_value row[TENON_MAX_INDEXES + TENON_MAX_KEY_COLUMNS];

    big_make();
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        row[i] = I((int64_t)i);
    conf_open(c, &schema);
    BEGIN(c);
    EXEC(c, 1, &big_insert, row);
    row[0] = I(-1); /* another key; all unique indexes collide, and the first one says so */
    REFUSED(c, TENON_EXISTS, big_names[0], &big_insert, row);
    ROWS(c, "39", &big_read, NULL);
    COMMIT(c);
    conf_verify(c);
    conf_close(c);
    conf_open(c, &schema); /* is found to be the same */
}

static const conf_case schema_cases[] = {
    CASE(schema_composite_key, "a key of several columns is unique as a whole"),
    CASE(schema_unique, "a unique index refuses a second row, and follows updates"),
    CASE_HINT(
        schema_unique_is_freed, "a unique value is free when the row that had it is gone",
        "A delete, an update and a rollback must take the old entry out of each unique index."),
    CASE(schema_first_violation,
         "of several violations the first declared is named, the primary key last"),
    CASE(schema_nulls_are_distinct, "NULLs in a unique index are distinct"),
    CASE(schema_partial_unique, "a partial unique index holds for the rows that it covers only"),
    CASE_HINT(schema_index_follows, "an index finds what the table holds, whatever was changed",
              "An insert, update or delete, and whatever undoes it, changes every index with the "
              "row."),
    CASE(schema_update_along_an_index,
         "an update that moves rows along its own index changes each once"),
    CASE(schema_defaults, "a column that was not given has its default"),
    CASE(schema_not_null_and_max_bytes, "NOT NULL and max_bytes are kept"),
    SLOW_CASE(schema_as_large_as_allowed, "a schema as large as allowed works"),
};

CONF_GROUP(schema, "schemas",
           "Keys and unique indexes, partial ones too: see tenon_drv_index, and err->object of "
           "TENON_EXISTS.");
