/* What tenon_db_verify makes of a driver that answers with what no column can hold. The drivers of
 * this project refuse such values themselves; damaged files are in tests/damage. */
#include "unit.h"

#include "core/loader.h"
#include "tenon/driver.h"
#include "tenon/tenon.h"

enum { THING_ID, THING_WEIGHT, THING_TAG, THING_COLUMNS };

static const tenon_column thing_columns[] = {
    [THING_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [THING_WEIGHT] = { .name = "weight", .type = TENON_REAL, .not_null = true },
    [THING_TAG] = { .name = "tag", .type = TENON_UUID },
};
static const tenon_table things = {
    .name = "things",
    .columns = thing_columns,
    .column_count = THING_COLUMNS,
    .primary_key = TENON_COLUMNS(THING_ID),
};
static const tenon_schema thing_schema = {
    .name = "things",
    .version = 1,
    .tables = (const tenon_table *const[]){ &things },
    .table_count = 1,
};
static const tenon_query add_thing = {
    .kind = TENON_INSERT,
    .table = &things,
    .columns = TENON_COLUMNS(THING_ID, THING_WEIGHT, THING_TAG),
};

/* The id of the only row: no other table has a row that begins with it. */
#define THING_NUMBER 424242

/* ---- A driver like memory, but for the rows that a lie has changed ---- */

typedef enum liar_lie { LIAR_NONE, LIAR_TYPE, LIAR_NULL, LIAR_UUID, LIAR_MUTE_FAILURE } liar_lie;

static liar_lie lie;
static const tenon_driver *honest;

static tenon_status
liar_next(tenon_drv_cursor *cursor, const tenon_value **row, tenon_error *err)
{
    static tenon_value changed[THING_COLUMNS];
    const tenon_status st = honest->query->next(cursor, row, err);

    if (st != TENON_OK || (*row)[0].type != TENON_INT || (*row)[0].as.i != THING_NUMBER)
        return st;
    memcpy(changed, *row, sizeof changed);
    *row = changed;
    if (lie == LIAR_TYPE)
        changed[THING_WEIGHT] = tenon_bool(true);
    else if (lie == LIAR_NULL)
        changed[THING_WEIGHT] = tenon_null();
    else if (lie == LIAR_UUID)
        changed[THING_TAG].len = 2;
    return lie == LIAR_MUTE_FAILURE ? TENON_CORRUPT : TENON_OK;
}

static int
liar_register(void **state)
{
    static tenon_driver liar;
    static tenon_drv_query_ops query;
    tenon_error err = { 0 };

    (void)state;
    if (tni_driver_find_by_name("memory", NULL, &honest, &err) != TENON_OK) {
        print_message("%s\n", err.message);
        return -1;
    }
    query = *honest->query;
    query.next = liar_next;
    liar = *honest;
    liar.name = "liar";
    liar.query = &query;
    return tni_driver_register(&liar, &err) == TENON_OK ? 0 : -1;
}

static tenon_status
add_the_thing(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_uuid tag = tenon_uuid_new();
    const tenon_value row[] = { tenon_int(THING_NUMBER), tenon_real(1.5), tenon_id(&tag) };

    (void)arg;
    return tenon_exec(txn, &add_thing, row, NULL, err);
}

/* ---- */

static void
keep_problem(void *arg, const char *where, const char *what)
{
    (void)snprintf((char *)arg, 200, "%s: %s", where, what);
}

static void
a_value_that_its_column_can_not_hold_is_told(void **state)
{
    static const char *const problems[] = {
        [LIAR_NONE] = "",
        [LIAR_TYPE] = "things.weight: a value of type bool in a column of type real",
        [LIAR_NULL] = "things.weight: NULL where there must be a value",
        [LIAR_UUID] = "things.tag: a UUID of 2 bytes",
        [LIAR_MUTE_FAILURE] = "things: can't be read: stored data is damaged or is no database",
    };
    const tenon_open_options options = { .size = sizeof options, .schema = &thing_schema };
    tenon_error err = { 0 };
    char problem[200];
    uint64_t count;
    tenon_db *db;

    (void)state;
    assert_int_equal(tenon_open("liar:", &options, &db, &err), TENON_OK);
    assert_int_equal(tenon_run(db, NULL, add_the_thing, NULL, &err), TENON_OK);
    for (lie = LIAR_NONE; lie <= LIAR_MUTE_FAILURE; lie++) {
        problem[0] = '\0';
        assert_int_equal(tenon_db_verify(db, keep_problem, problem, &count, &err), TENON_OK);
        assert_string_equal(problem, problems[lie]);
        assert_int_equal(count, lie == LIAR_NONE ? 0 : 1);
    }
    tenon_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_that_its_column_can_not_hold_is_told),
    };

    return cmocka_run_group_tests_name("unit.verify", tests, liar_register, NULL);
}
