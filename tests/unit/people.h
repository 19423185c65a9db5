/** @file people.h A table that tests of the model are about, and short forms for writing tables. */
#ifndef TENON_TESTS_UNIT_PEOPLE_H
#define TENON_TESTS_UNIT_PEOPLE_H

#include "unit.h"

#include <stdlib.h>

#include "core/model.h"

#define ID                                                                                         \
    {                                                                                              \
        .name = "id", .type = TENON_UUID, .not_null = true                                         \
    }
#define COLUMNS(...)                                                                               \
    .columns = (const tenon_column[]){ __VA_ARGS__ },                                              \
    .column_count = sizeof((const tenon_column[]){ __VA_ARGS__ }) / sizeof(tenon_column)
#define KEY(...) .primary_key = TENON_COLUMNS(__VA_ARGS__)
#define INDEXES(...)                                                                               \
    .indexes = (const tenon_index[]){ __VA_ARGS__ },                                               \
    .index_count = sizeof((const tenon_index[]){ __VA_ARGS__ }) / sizeof(tenon_index)
#define FOREIGN_KEYS(...)                                                                          \
    .foreign_keys = (const tenon_foreign_key[]){ __VA_ARGS__ },                                    \
    .foreign_key_count = sizeof((const tenon_foreign_key[]){ __VA_ARGS__ }) /                      \
                         sizeof(tenon_foreign_key)

enum { P_ID, P_NAME, P_AGE, P_OK, P_SCORE, P_DATA, P_AT, P_NICK };

static const tenon_column people_columns[] = {
    [P_ID] = ID,
    [P_NAME] = { .name = "name", .type = TENON_TEXT, .not_null = true, .max_bytes = 8 },
    [P_AGE] = { .name = "age", .type = TENON_INT },
    [P_OK] = { .name = "ok", .type = TENON_BOOL },
    [P_SCORE] = { .name = "score",
                  .type = TENON_REAL,
                  .not_null = true,
                  .default_value = { .type = TENON_REAL, .as = { .d = -0.0 } } },
    [P_DATA] = { .name = "data", .type = TENON_BLOB, .max_bytes = 4 },
    [P_AT] = { .name = "at", .type = TENON_TIME, .not_null = true },
    [P_NICK] = { .name = "nick",
                 .type = TENON_TEXT,
                 .default_value = { .type = TENON_TEXT, .len = 4, .as = { .data = "none" } } },
};

static const tenon_index people_indexes[] = {
    { .name = "by_name", .columns = TENON_COLUMNS(P_NAME), .unique = true },
    { .name = "by_age", .columns = TENON_COLUMNS(P_AGE, P_ID) },
    { .name = "by_nick",
      .columns = TENON_COLUMNS(P_NICK),
      .unique = true,
      .where = TENON_WHERE(TENON_EQ_BOOL(P_OK, true), TENON_EQ_TEXT(P_NAME, "me"),
                           TENON_NOT_NULL(P_DATA), TENON_IS_NULL(P_AGE)) },
};

static const tenon_foreign_key people_keys[] = {
    { .name = "people_self",
      .columns = TENON_COLUMNS(P_ID),
      .references = "people",
      .on_delete = TENON_CASCADE },
};

static const tenon_table people = {
    .name = "people",
    .columns = people_columns,
    .column_count = UNIT_COUNT(people_columns),
    .primary_key = TENON_COLUMNS(P_ID),
    .indexes = people_indexes,
    .index_count = UNIT_COUNT(people_indexes),
    .foreign_keys = people_keys,
    .foreign_key_count = UNIT_COUNT(people_keys),
};

/* Its normalised form, to be freed. */
static inline tenon_drv_table *
people_table(void)
{
    tenon_drv_table *table;

    assert_int_equal(tni_table_new(&people, &table, NULL), TENON_OK);
    return table;
}

#endif
