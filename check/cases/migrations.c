/* Migrations: each kind of step, and what is refused. */
#include "check/cases/shop.h"

/* Migrations are between two openings, which only a persistent database has. */
static void
migrations_begin(conf *c)
{
    NEEDS(TENON_CAP_PERSISTENT);
    conf_open(c, &shop_v1);
    shop_fill(c);
    conf_close(c);
    shop_data_runs = 0;
}

static tenon_status
migrations_try(conf *c, const tenon_schema *schema)
{
    const tenon_open_options options = { .size = sizeof options, .schema = schema };

    return conf_try_open(c, NULL, &options);
}

static void
migrations_version(conf *c, uint32_t expected)
{
    uint32_t version = 0;

    conf_open(c, NULL);
    OK(c, tenon_db_schema_version(c->db, "shop", &version, &c->err));
    CHECK_INT(version, expected);
    conf_verify(c);
    conf_close(c);
}

static void
migrations_one_by_one(conf *c)
{
    migrations_begin(c);
    migrations_version(c, 1);
    conf_open(c, &shop_v2);
    CHECK_INT(shop_data_runs, 1);
    conf_verify(c);
    conf_close(c);
    migrations_version(c, 2);
    conf_open(c, &shop_v3);
    CHECK_INT(shop_data_runs, 1);
    shop_check(c);
    conf_close(c);
    conf_open(c, &shop_v3); /* and is then what was asked for */
    shop_check(c);
}

static void
migrations_all_at_once(conf *c)
{
    migrations_begin(c);
    conf_open(c, &shop_v3);
    CHECK_INT(shop_data_runs, 1);
    shop_check(c);
    conf_close(c);
    migrations_version(c, 3);
}

/* A new database gets the tables as they stand, and no step is run. */
static void
migrations_of_nothing(conf *c)
{
    uint32_t version = 0;

    shop_data_runs = 0;
    conf_open(c, &shop_v3);
    CHECK_INT(shop_data_runs, 0);
    OK(c, tenon_db_schema_version(c->db, "shop", &version, &c->err));
    CHECK_INT(version, 3);
    BEGIN(c);
    OK(c, shop_witness(c->txn, 3, &c->err));
    ROWS(c, "3", &shop_witnesses, NULL);
    COMMIT(c);
    conf_verify(c);
}

static void
migrations_refused_to_older_programs(conf *c)
{
    migrations_begin(c);
    conf_open(c, &shop_v3);
    conf_close(c);
    FAILS(c, TENON_SCHEMA, NULL, migrations_try(c, &shop_v2));
    CHECK(c->db == NULL);
    FAILS(c, TENON_SCHEMA, NULL, migrations_try(c, &shop_v1));
    conf_open(c, &shop_v3);
    shop_check(c);
}

static tenon_status
migrations_nothing_to_do(tenon_txn *txn, tenon_error *err)
{
    (void)txn;
    (void)err;
    return TENON_OK;
}

/* Also where the tables are the same: what the rows mean may have changed. */
static void
migrations_refused_by_number_alone(conf *c)
{
    const tenon_step steps[] = {
        { .version = 2, .kind = TENON_DATA_STEP, .run = migrations_nothing_to_do },
    };
    tenon_schema newer = shop_v1;

    migrations_begin(c);
    newer.version = 2;
    newer.steps = steps;
    newer.step_count = 1;
    conf_open(c, &newer);
    conf_close(c);
    migrations_version(c, 2);
    FAILS(c, TENON_SCHEMA, NULL, migrations_try(c, &shop_v1));
    CHECK(c->db == NULL);
    migrations_version(c, 2);
}

static void
migrations_refused_where_not_allowed(conf *c)
{
    const tenon_open_options as_it_is = { .size = sizeof as_it_is,
                                          .schema = &shop_v2,
                                          .no_auto_migrate = true };
    const tenon_open_options reading = { .size = sizeof reading,
                                         .schema = &shop_v2,
                                         .read_only = true };

    migrations_begin(c);
    FAILS(c, TENON_SCHEMA, NULL, conf_try_open(c, NULL, &as_it_is));
    FAILS(c, TENON_SCHEMA, NULL, conf_try_open(c, NULL, &reading));
    CHECK_INT(shop_data_runs, 0);
    migrations_version(c, 1);
    conf_open(c, &shop_v2);
    conf_close(c);
    OK(c, conf_try_open(c, NULL, &as_it_is));
    conf_close(c);
    OK(c, conf_try_open(c, NULL, &reading));
}

/* ---- A stored schema that is not the one that was asked for ---- */

/* `table` instead of the table of the same name in version 1. */
static void
migrations_refuse_table(conf *c, const tenon_table *table)
{
    const tenon_table *tables[3];
    tenon_schema schema = shop_v1;

    for (uint32_t i = 0; i < 3; i++) {
        tables[i] = shop_v1.tables[i];
        if (strcmp(tables[i]->name, table->name) == 0)
            tables[i] = table;
    }
    schema.tables = tables;
    FAILS(c, TENON_SCHEMA, NULL, migrations_try(c, &schema));
    CHECK(c->db == NULL);
}

static const tenon_index by_nick[] = {
    { .name = "by_nick", .columns = TENON_COLUMNS(2) },
};

static void
migrations_of_another_schema(conf *c)
{
    const tenon_table *person = shop_v1.tables[0];
    tenon_column columns[3];
    tenon_table table = *person;
    tenon_schema fewer = shop_v1;

    migrations_begin(c);
    memcpy(columns, person->columns, sizeof columns);
    table.columns = columns;
    columns[1].max_bytes++;
    migrations_refuse_table(c, &table);
    columns[1] = person->columns[1];
    columns[2].type = TENON_INT;
    migrations_refuse_table(c, &table);
    columns[2] = person->columns[2];
    columns[2].name = "alias";
    migrations_refuse_table(c, &table);
    columns[2] = person->columns[2];
    columns[2].not_null = true;
    migrations_refuse_table(c, &table);
    columns[2] = person->columns[2];
    table.column_count = 2;
    migrations_refuse_table(c, &table);
    table.column_count = 3;
    table.indexes = by_nick;
    table.index_count = 1;
    migrations_refuse_table(c, &table);
    fewer.table_count = 2;
    FAILS(c, TENON_SCHEMA, NULL, migrations_try(c, &fewer));
    conf_open(c, &shop_v1);
}

/* Steps that do not lead to the declared tables are refused before anything has changed. */
static void
migrations_that_miss_their_aim(conf *c)
{
    tenon_step steps[SHOP_STEPS];
    tenon_schema schema = shop_v2;

    migrations_begin(c);
    schema.step_count = SHOP_V3 - 2; /* without the index */
    FAILS(c, TENON_SCHEMA, NULL, migrations_try(c, &schema));
    memcpy(steps, shop_steps, sizeof steps);
    schema.steps = steps;
    schema.step_count = SHOP_V3;
    steps[3] = steps[2]; /* the column twice */
    FAILS(c, TENON_SCHEMA, NULL, migrations_try(c, &schema));
    schema = shop_v3;
    schema.steps = steps;
    memcpy(steps, shop_steps, sizeof steps);
    steps[8].table_name = "person"; /* club refers to it */
    FAILS(c, TENON_SCHEMA, NULL, migrations_try(c, &schema));
    steps[8] = shop_steps[8];
    steps[7].name = "name"; /* the index is on it */
    FAILS(c, TENON_SCHEMA, NULL, migrations_try(c, &schema));
    CHECK_INT(shop_data_runs, 0);
    migrations_version(c, 1);
    conf_open(c, &shop_v1);
    conf_close(c);
    conf_open(c, &shop_v3);
    shop_check(c);
}

/* A unique index over rows that are not unique: the step is undone, and can be taken later. */
static void
migrations_of_duplicates(conf *c)
{
    migrations_begin(c);
    conf_open(c, &shop_v1);
    BEGIN(c);
    EXEC(c, 1, &shop_add_person, P(I(9), T("bo"), NIL));
    COMMIT(c);
    conf_close(c);
    FAILS(c, TENON_EXISTS, "person_name", migrations_try(c, &shop_v3));
    CHECK(c->db == NULL);
    migrations_version(c, 2);
    conf_open(c, &shop_v2);
    conf_verify(c);
    BEGIN(c);
    EXEC(c, 1, &shop_remove_person, P(I(9)));
    COMMIT(c);
    conf_close(c);
    conf_open(c, &shop_v3);
    shop_check(c);
}

/* ---- Tables that refer to each other ---- */

static const tenon_column pair_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "partner", .type = TENON_INT },
};

static const tenon_foreign_key pair_left_keys[] = {
    { .name = "left_partner",
      .columns = TENON_COLUMNS(1),
      .references = "pair_right",
      .on_delete = TENON_SET_NULL },
};

static const tenon_foreign_key pair_right_keys[] = {
    { .name = "right_partner",
      .columns = TENON_COLUMNS(1),
      .references = "pair_left",
      .on_delete = TENON_CASCADE },
};

static const tenon_table pair_left = {
    .name = "pair_left",
    .columns = pair_columns,
    .column_count = 2,
    .primary_key = TENON_COLUMNS(0),
    .foreign_keys = pair_left_keys,
    .foreign_key_count = 1,
};

static const tenon_table pair_right = {
    .name = "pair_right",
    .columns = pair_columns,
    .column_count = 2,
    .primary_key = TENON_COLUMNS(0),
    .foreign_keys = pair_right_keys,
    .foreign_key_count = 1,
};

static const tenon_table *const pair_tables[] = { &pair_left, &pair_right };

static const tenon_schema pair_schema = {
    .name = "pairs", .version = 1, .tables = pair_tables, .table_count = 2
};

static const tenon_query left_insert = { .kind = TENON_INSERT,
                                         .table = &pair_left,
                                         .columns = TENON_COLUMNS(0, 1) };
static const tenon_query right_insert = { .kind = TENON_INSERT,
                                          .table = &pair_right,
                                          .columns = TENON_COLUMNS(0, 1) };
static const tenon_query left_set = { .kind = TENON_UPDATE,
                                      .table = &pair_left,
                                      .set = TENON_SET(TENON_TO(1, 1)),
                                      .where = TENON_WHERE(TENON_EQ(0, 0)) };
static const tenon_query left_delete = { .kind = TENON_DELETE, .table = &pair_left };
static const tenon_query right_all = { .kind = TENON_SELECT,
                                       .table = &pair_right,
                                       .columns = TENON_COLUMNS(0, 1) };

static void
migrations_of_a_circle(conf *c)
{
    conf_open(c, &pair_schema);
    BEGIN(c);
    REFUSED(c, TENON_CONSTRAINT, "left_partner", &left_insert, P(I(1), I(2)));
    EXEC(c, 1, &left_insert, P(I(1), NIL));
    EXEC(c, 1, &right_insert, P(I(2), I(1)));
    EXEC(c, 1, &left_set, P(I(1), I(2)));
    EXEC(c, 1, &left_delete, NULL);
    ROWS(c, "", &right_all, NULL);
    COMMIT(c);
    conf_verify(c);
}

static const conf_case migrations_cases[] = {
    SLOW_CASE(migrations_one_by_one, "a database is migrated version by version"),
    SLOW_CASE(migrations_all_at_once, "a database is migrated over two versions at once"),
    SLOW_CASE(migrations_of_nothing,
              "a new database gets the tables as declared, and runs no step"),
    SLOW_CASE(migrations_refused_to_older_programs, "an older program is refused"),
    SLOW_CASE(migrations_refused_by_number_alone, "the version alone refuses an older program"),
    SLOW_CASE(migrations_refused_where_not_allowed,
              "nothing is migrated where that is not allowed"),
    SLOW_CASE(migrations_of_another_schema, "another schema of the same name is refused"),
    SLOW_CASE(
        migrations_that_miss_their_aim,
        "steps that do not lead to the declared tables are refused before anything has changed"),
    SLOW_CASE(migrations_of_duplicates,
              "a unique index over rows that are not unique is undone, and can be made later"),
    SLOW_CASE(migrations_of_a_circle, "tables that refer to each other are migrated"),
};

CONF_GROUP(migrations, "migrations",
           "schema.add_column, drop_column, create_index, drop_index and drop_table, and what "
           "becomes of the rows that are there.");
