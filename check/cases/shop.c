/*
 * A schema in three versions. Person (id, name, nick) gets an age and an index on it, then loses
 * nick and that index; club comes with a foreign key to person; old_log goes.
 */
#include "check/cases/shop.h"

int shop_data_runs;

static const tenon_column person_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "name", .type = TENON_TEXT, .not_null = true, .max_bytes = 40 },
    { .name = "nick", .type = TENON_TEXT },
    { .name = "age",
      .type = TENON_INT,
      .not_null = true,
      .default_value = { .type = TENON_INT, .as = { .i = 18 } } },
};

static const tenon_column person_columns_v3[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "name", .type = TENON_TEXT, .not_null = true, .max_bytes = 40 },
    { .name = "age",
      .type = TENON_INT,
      .not_null = true,
      .default_value = { .type = TENON_INT, .as = { .i = 18 } } },
};

static const tenon_index person_indexes_v2[] = {
    { .name = "person_age", .columns = TENON_COLUMNS(3) },
};

static const tenon_index person_indexes_v3[] = {
    { .name = "person_name", .columns = TENON_COLUMNS(1), .unique = true },
};

#define PERSON(columns_, count, ...)                                                               \
    {                                                                                              \
        .name = "person", .columns = columns_, .column_count = count,                              \
        .primary_key = TENON_COLUMNS(0), __VA_ARGS__                                               \
    }

static const tenon_table person_v1 = PERSON(person_columns, 3, .index_count = 0);
static const tenon_table person_v2 = PERSON(person_columns, 4, .indexes = person_indexes_v2,
                                            .index_count = 1);
/* As it is when the unique index comes, before nick goes. */
static const tenon_table person_named = PERSON(person_columns, 4, .indexes = person_indexes_v3,
                                               .index_count = 1);
static const tenon_table person_v3 = PERSON(person_columns_v3, 3, .indexes = person_indexes_v3,
                                            .index_count = 1);

static const tenon_column club_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "head", .type = TENON_INT },
    { .name = "motto", .type = TENON_TEXT },
};

static const tenon_foreign_key club_keys[] = {
    { .name = "club_head",
      .columns = TENON_COLUMNS(1),
      .references = "person",
      .on_delete = TENON_CASCADE },
};

#define CLUB(count)                                                                                \
    {                                                                                              \
        .name = "club", .columns = club_columns, .column_count = count,                            \
        .primary_key = TENON_COLUMNS(0), .foreign_keys = club_keys, .foreign_key_count = 1         \
    }

static const tenon_table club_added = CLUB(2);
static const tenon_table club_table = CLUB(3);

#define ONLY_AN_ID(name_)                                                                          \
    {                                                                                              \
        .name = name_, .columns = club_columns, .column_count = 1, .primary_key = TENON_COLUMNS(0) \
    }

static const tenon_table witness_table = ONLY_AN_ID("witness");
static const tenon_table old_log_table = ONLY_AN_ID("old_log");

static const tenon_table *const tables_v1[] = { &person_v1, &witness_table, &old_log_table };
static const tenon_table *const tables_v2[] = { &person_v2, &witness_table, &old_log_table,
                                                &club_table };
static const tenon_table *const tables_v3[] = { &club_table, &person_v3, &witness_table };

/* ---- Queries ---- */

const tenon_query shop_add_person = { .kind = TENON_INSERT,
                                      .table = &person_v1,
                                      .columns = TENON_COLUMNS(0, 1, 2) };
static const tenon_query insert_v3 = { .kind = TENON_INSERT,
                                       .table = &person_v3,
                                       .columns = TENON_COLUMNS(0, 1) };
static const tenon_query raise_v2 = { .kind = TENON_UPDATE,
                                      .table = &person_v2,
                                      .set = TENON_SET(TENON_PLUS(3, 0)),
                                      .where = TENON_WHERE(TENON_EQ(3, 1)) };
static const tenon_query people_v3 = { .kind = TENON_SELECT,
                                       .table = &person_v3,
                                       .columns = TENON_COLUMNS(0, 1, 2),
                                       .order = TENON_ORDER(TENON_ASC(0)) };
static const tenon_query find_v3 = { .kind = TENON_SELECT,
                                     .table = &person_v3,
                                     .columns = TENON_COLUMNS(0),
                                     .where = TENON_WHERE(TENON_EQ(1, 0)) };
static const tenon_query delete_v3 = { .kind = TENON_DELETE,
                                       .table = &person_v3,
                                       .where = TENON_WHERE(TENON_EQ(0, 0)) };
static const tenon_query insert_club = { .kind = TENON_INSERT,
                                         .table = &club_table,
                                         .columns = TENON_COLUMNS(0, 1, 2) };
static const tenon_query all_clubs = { .kind = TENON_SELECT,
                                       .table = &club_table,
                                       .columns = TENON_COLUMNS(0, 1, 2),
                                       .order = TENON_ORDER(TENON_ASC(0)) };
static const tenon_query insert_witness = { .kind = TENON_INSERT,
                                            .table = &witness_table,
                                            .columns = TENON_COLUMNS(0) };
const tenon_query shop_witnesses = { .kind = TENON_SELECT,
                                     .table = &witness_table,
                                     .columns = TENON_COLUMNS(0),
                                     .order = TENON_ORDER(TENON_ASC(0)) };
const tenon_query shop_remove_person = { .kind = TENON_DELETE,
                                         .table = &person_v2,
                                         .where = TENON_WHERE(TENON_EQ(0, 0)) };

/* ---- Versions ---- */

/* Everyone is a year older, found by the index that the step before has built; a club is founded.
 */
static tenon_status
shop_data(tenon_txn *txn, tenon_error *err)
{
    uint64_t affected = 0;
    tenon_status st = tenon_exec(txn, &raise_v2, P(I(1), I(18)), &affected, err);

    shop_data_runs++;
    if (st == TENON_OK && affected > 0)
        st = tenon_exec(txn, &insert_club, P(I(1), I(2), T("all")), NULL, err);
    return st;
}

const tenon_step shop_steps[SHOP_STEPS] = {
    { .version = 2, .kind = TENON_ADD_TABLE, .table = &club_added },
    { .version = 2, .kind = TENON_ADD_COLUMN, .table_name = "club", .column = &club_columns[2] },
    { .version = 2,
      .kind = TENON_ADD_COLUMN,
      .table_name = "person",
      .column = &person_columns[3] },
    { .version = 2, .kind = TENON_ADD_INDEX, .table = &person_v2, .name = "person_age" },
    { .version = 2, .kind = TENON_DATA_STEP, .run = shop_data },
    { .version = 3, .kind = TENON_ADD_INDEX, .table = &person_named, .name = "person_name" },
    { .version = 3, .kind = TENON_DROP_INDEX, .table_name = "person", .name = "person_age" },
    { .version = 3, .kind = TENON_DROP_COLUMN, .table_name = "person", .name = "nick" },
    { .version = 3, .kind = TENON_DROP_TABLE, .table_name = "old_log" },
};

const tenon_schema shop_v1 = {
    .name = "shop", .version = 1, .tables = tables_v1, .table_count = 3
};
const tenon_schema shop_v2 = { .name = "shop",
                               .version = 2,
                               .tables = tables_v2,
                               .table_count = 4,
                               .steps = shop_steps,
                               .step_count = SHOP_V3 };
const tenon_schema shop_v3 = { .name = "shop",
                               .version = 3,
                               .tables = tables_v3,
                               .table_count = 3,
                               .steps = shop_steps,
                               .step_count = SHOP_STEPS };

tenon_status
shop_witness(tenon_txn *txn, int64_t id, tenon_error *err)
{
    return tenon_exec(txn, &insert_witness, P(I(id)), NULL, err);
}

void
shop_fill(conf *c)
{
    static const char *const names[] = { "ada", "bo", "cy", "dee" };

    BEGIN(c);
    for (int i = 0; i < 4; i++)
        EXEC(c, 1, &shop_add_person, P(I(i + 1), T(names[i]), i % 2 == 0 ? NIL : T("nick")));
    OK(c, shop_witness(c->txn, 1, &c->err));
    COMMIT(c);
}

void
shop_check(conf *c)
{
    BEGIN(c);
    ROWS(c, "1 ada 19;2 bo 19;3 cy 19;4 dee 19", &people_v3, NULL);
    ROWS(c, "3", &find_v3, P(T("cy")));
    ROWS(c, "1 2 all", &all_clubs, NULL);
    EXEC(c, 1, &insert_v3, P(I(5), T("ed")));
    ROWS(c, "1 ada 19;2 bo 19;3 cy 19;4 dee 19;5 ed 18", &people_v3, NULL);
    REFUSED(c, TENON_EXISTS, "person_name", &insert_v3, P(I(6), T("bo")));
    REFUSED(c, TENON_CONSTRAINT, "club_head", &insert_club, P(I(2), I(77), NIL));
    EXEC(c, 1, &delete_v3, P(I(2)));
    ROWS(c, "", &all_clubs, NULL);
    ROLLBACK(c);
    conf_verify(c);
}
