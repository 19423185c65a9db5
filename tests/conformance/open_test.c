/* Opening, reopening, and what a URL may say. */
#include "conf.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const tenon_column box_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
};

static const tenon_table box_table = {
    .name = "box",
    .columns = box_columns,
    .column_count = 1,
    .primary_key = TENON_COLUMNS(0),
};

static const tenon_table *const box_tables[] = { &box_table };

static const tenon_schema box_schema = {
    .name = "boxes",
    .version = 3,
    .tables = box_tables,
    .table_count = 1,
};

static void
open_keeps_what_it_says(void **state)
{
    conf *c = (conf *)*state;

    conf_open(c, &item_schema);
    conf_make_items(c, 3);
    conf_close(c);
    conf_open(c, &item_schema);
    OK(c, tenon_begin(c->db, NULL, &c->txn, &c->err));
    if (conf_can(TENON_CAP_PERSISTENT))
        ROWS(c, "1 10;2 20;3 30", &item_all, NULL);
    else
        ROWS(c, "", &item_all, NULL);
    ROLLBACK(c);
    conf_verify(c);
}

static void
open_describes_itself(void **state)
{
    conf *c = (conf *)*state;
    tenon_db_info info = { .size = sizeof info }, unset = { 0 };
    const tenon_table *const *tables = NULL;
    uint32_t count = 0, version = 9;

    conf_open(c, &item_schema);
    assert_true(strlen(tenon_db_driver(c->db)) > 0);
    assert_true(strlen(tenon_db_url(c->db)) > 0);
    assert_int_equal(tenon_db_capabilities(c->db), conf_capabilities());
    OK(c, tenon_db_schema_version(c->db, "items", &version, &c->err));
    assert_int_equal(version, 1);
    OK(c, tenon_db_schema_version(c->db, "nothing", &version, &c->err));
    assert_int_equal(version, 0);
    OK(c, tenon_db_tables(c->db, &tables, &count, &c->err));
    assert_int_equal(count, 1);
    assert_string_equal(tables[0]->name, "item");
    assert_int_equal(tables[0]->column_count, 3);
    assert_string_equal(tables[0]->indexes[0].name, "item_by_n");
    FAILS(c, TENON_MISUSE, NULL, tenon_db_get_info(c->db, &unset, &c->err));
    OK(c, tenon_db_get_info(c->db, &info, &c->err));
    assert_int_equal(info.begun_count, info.committed_count + info.rolled_back_count);
    if (conf_can(TENON_CAP_PERSISTENT) && conf_has_files())
        assert_true(info.disk_bytes > 0);
    if (!conf_can(TENON_CAP_PERSISTENT))
        assert_int_equal(info.disk_bytes, 0);
}

static void
open_counts_transactions(void **state)
{
    conf *c = (conf *)*state;
    tenon_db_info before = { .size = sizeof before }, after = { .size = sizeof after };

    conf_open(c, &item_schema);
    OK(c, tenon_db_get_info(c->db, &before, &c->err));
    conf_make_items(c, 1);
    BEGIN(c);
    ROLLBACK(c);
    OK(c, tenon_db_get_info(c->db, &after, &c->err));
    assert_int_equal(after.begun_count, before.begun_count + 2);
    assert_int_equal(after.committed_count, before.committed_count + 1);
    assert_int_equal(after.rolled_back_count, before.rolled_back_count + 1);
    assert_true(after.connection_count >= 1);
}

static void
open_two_schemas(void **state)
{
    conf *c = (conf *)*state;
    uint32_t version = 0;

    if (!conf_can(TENON_CAP_PERSISTENT))
        skip();
    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    conf_close(c);
    conf_open(c, &box_schema);
    OK(c, tenon_db_schema_version(c->db, "items", &version, &c->err));
    assert_int_equal(version, 1);
    OK(c, tenon_db_schema_version(c->db, "boxes", &version, &c->err));
    assert_int_equal(version, 3);
    BEGIN(c);
    ROWS(c, "1 10", &item_all, NULL); /* of the schema that it was not opened with */
    ROLLBACK(c);
    conf_verify(c);
}

static void
open_missing(void **state)
{
    conf *c = (conf *)*state;
    const tenon_open_options reading = { .size = sizeof reading, .read_only = true };
    const tenon_open_options as_it_is = { .size = sizeof as_it_is, .no_auto_migrate = true };
    char path[CONF_URL_BYTES];

    if (!conf_can(TENON_CAP_PERSISTENT) || !conf_has_files())
        skip();
    FAILS(c, TENON_NOT_FOUND, NULL, conf_try_open(c, NULL, &reading));
    assert_null(c->db);
    FAILS(c, TENON_NOT_FOUND, NULL, conf_try_open(c, NULL, &as_it_is));
    assert_null(c->db);
    conf_path(c, path, sizeof path);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void
open_read_only(void **state)
{
    conf *c = (conf *)*state;
    const tenon_open_options reading = { .size = sizeof reading,
                                         .schema = &item_schema,
                                         .read_only = true };

    if (!conf_can(TENON_CAP_PERSISTENT))
        skip();
    conf_open(c, &item_schema);
    conf_make_items(c, 2);
    conf_close(c);
    OK(c, conf_try_open(c, NULL, &reading));
    FAILS(c, TENON_READ_ONLY, NULL, tenon_begin(c->db, NULL, &c->txn, &c->err));
    assert_null(c->txn);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10;2 20", &item_all, NULL);
    REFUSED(c, TENON_READ_ONLY, NULL, &item_delete, P(I(1)));
    COMMIT(c);
    conf_verify(c);
}

/* A program that may only read must not make a schema that is missing. */
static void
open_read_only_without_schema(void **state)
{
    conf *c = (conf *)*state;
    const tenon_open_options reading = { .size = sizeof reading,
                                         .schema = &item_schema,
                                         .read_only = true };
    const tenon_open_options as_it_is = { .size = sizeof as_it_is,
                                          .schema = &item_schema,
                                          .no_auto_migrate = true };

    if (!conf_can(TENON_CAP_PERSISTENT))
        skip();
    conf_open(c, NULL);
    conf_close(c);
    FAILS(c, TENON_SCHEMA, NULL, conf_try_open(c, NULL, &reading));
    FAILS(c, TENON_SCHEMA, NULL, conf_try_open(c, NULL, &as_it_is));
    conf_open(c, &item_schema);
}

/* What is no database is said to be none, and is left as it is. */
static void
open_refuses_garbage(void **state)
{
    conf *c = (conf *)*state;
    char path[CONF_URL_BYTES], line[64], found[64];
    FILE *file;

    if (!conf_can(TENON_CAP_PERSISTENT) || !conf_has_files())
        skip();
    conf_path(c, path, sizeof path);
    file = fopen(path, "wb");
    assert_non_null(file);
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 1024; i++)
        assert_int_equal(fwrite(line, sizeof line, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    FAILS(c, TENON_CORRUPT, NULL, conf_try_open(c, NULL, NULL));
    assert_null(c->db);
    file = fopen(path, "rb");
    assert_non_null(file);
    for (int i = 0; i < 1024; i++) {
        assert_int_equal(fread(found, sizeof found, 1, file), 1);
        assert_memory_equal(found, line, sizeof line);
    }
    assert_int_equal(fgetc(file), EOF);
    assert_int_equal(fclose(file), 0);
}

static void
open_refuses_settings(void **state)
{
    conf *c = (conf *)*state;
    const tenon_open_options unset = { 0 };

    FAILS(c, TENON_CONFIG, NULL, conf_try_open(c, "no_such_setting=1", NULL));
    assert_null(c->db);
    FAILS(c, TENON_CONFIG, NULL, conf_try_open(c, "durability=perhaps", NULL));
    assert_null(c->db);
    FAILS(c, TENON_MISUSE, NULL, conf_try_open(c, NULL, &unset));
    FAILS(c, TENON_CONFIG, NULL, tenon_open("no colon", NULL, &c->db, &c->err));
    FAILS(c, TENON_NOT_FOUND, NULL, tenon_open("nosuchdriver:x", NULL, &c->db, &c->err));
    assert_null(c->db);
    OK(c, conf_try_open(c, NULL, NULL)); /* nothing of that is in the way */
}

static void
open_durabilities(void **state)
{
    conf *c = (conf *)*state;
    static const char *const words[] = { "durability=power", "durability=os", "durability=process",
                                         "durability=none" };
    const tenon_open_options options = { .size = sizeof options, .schema = &item_schema };

    if (strstr(c->url, "durability=") != NULL)
        skip();
    for (uint32_t level = TENON_DURABLE_POWER; level <= TENON_DURABLE_NONE; level++) {
        if (!conf_can(TENON_CAP_DURABLE_POWER << level)) {
            FAILS(c, TENON_UNSUPPORTED, NULL, conf_try_open(c, words[level], &options));
            continue;
        }
        OK(c, conf_try_open(c, words[level], &options));
        assert_int_equal(tenon_db_durability(c->db), level);
        BEGIN(c);
        EXEC(c, 1, &item_insert, P(I(level), NIL, NIL));
        COMMIT(c);
        conf_close(c);
    }
    OK(c, conf_try_open(c, NULL, &options));
    if (conf_can(TENON_CAP_DURABLE_POWER))
        assert_int_equal(tenon_db_durability(c->db), TENON_DURABLE_POWER);
    else if (!conf_can(TENON_CAP_PERSISTENT))
        assert_int_equal(tenon_db_durability(c->db), TENON_DURABLE_NONE);
}

static void
open_refuses_bad_schemas(void **state)
{
    conf *c = (conf *)*state;
    tenon_table table = box_table;
    const tenon_table *const tables[] = { &table };
    const tenon_schema schema = { .name = "bad", .version = 1, .tables = tables, .table_count = 1 };
    const tenon_open_options options = { .size = sizeof options, .schema = &schema };

    table.name = "Box";
    FAILS(c, TENON_INVALID, NULL, conf_try_open(c, NULL, &options));
    table = box_table;
    table.primary_key.count = 0;
    FAILS(c, TENON_INVALID, NULL, conf_try_open(c, NULL, &options));
    assert_null(c->db);
    tenon_close(NULL);
}

/* Few connections are enough: each transaction gives its own back. */
static void
open_with_one_connection(void **state)
{
    conf *c = (conf *)*state;
    const tenon_open_options options = { .size = sizeof options,
                                         .schema = &item_schema,
                                         .max_connections = 1 };

    OK(c, conf_try_open(c, NULL, &options));
    for (int i = 1; i <= 5; i++) {
        BEGIN(c);
        ITEM(c, i, i);
        COMMIT(c);
        BEGIN_READ(c, &c->txn);
        COMMIT(c);
    }
    conf_verify(c);
}

/* One file, opened twice in one process: two databases that see each other's commits, one writer.
 */
static void
open_twice_at_once(void **state)
{
    const tenon_open_options options = { .size = sizeof options, .schema = &item_schema };
    const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 50 };
    conf *c = (conf *)*state;
    tenon_db *again = NULL;
    tenon_txn *none = NULL;
    tenon_status st;

    if (!conf_can(TENON_CAP_PERSISTENT))
        skip();
    conf_open(c, &item_schema);
    OK(c, tenon_open(tenon_db_url(c->db), &options, &again, &c->err));
    BEGIN(c);
    EXEC(c, 1, &item_insert, P(I(1), I(1), NIL));
    if (conf_can(TENON_CAP_SINGLE_WRITER)) { /* this thread would wait for itself: not for ever */
        st = tenon_begin(again, &brief, &none, &c->err);
        assert_true(st == TENON_TIMEOUT || st == TENON_BUSY);
        assert_null(none);
    }
    COMMIT(c);
    OK(c, tenon_begin(again, NULL, &c->other, &c->err));
    ROWS_IN(c, c->other, "1 1", &item_all, NULL);
    OK(c, tenon_exec(c->other, &item_insert, P(I(2), I(2), NIL), NULL, &c->err));
    OK(c, tenon_commit(c->other, &c->err));
    c->other = NULL;
    BEGIN(c);
    ROWS(c, "1 1;2 2", &item_all, NULL);
    COMMIT(c);
    tenon_close(again); /* the first one stays open */
    BEGIN(c);
    EXEC(c, 1, &item_insert, P(I(3), I(3), NIL));
    COMMIT(c);
    conf_verify(c);
}

static const struct CMUnitTest open_tests[] = {
    CASE(open_keeps_what_it_says),  CASE(open_twice_at_once),
    CASE(open_describes_itself),    CASE(open_counts_transactions),
    CASE(open_two_schemas),         CASE(open_missing),
    CASE(open_read_only),           CASE(open_read_only_without_schema),
    CASE(open_refuses_garbage),     CASE(open_refuses_settings),
    CASE(open_durabilities),        CASE(open_refuses_bad_schemas),
    CASE(open_with_one_connection),
};

CONF_GROUP(conf_open_group, "opening", open_tests);
