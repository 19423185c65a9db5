/* Opening, reopening, and what a URL may say. */
#include "check/raw.h"

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
open_keeps_what_it_says(conf *c)
{
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
open_describes_itself(conf *c)
{
    tenon_db_info info = { .size = sizeof info }, unset = { 0 };
    const tenon_table *const *tables = NULL;
    uint32_t count = 0, version = 9;

    conf_open(c, &item_schema);
    CHECK(strlen(tenon_db_driver(c->db)) > 0);
    CHECK(strlen(tenon_db_url(c->db)) > 0);
    CHECK_INT(tenon_db_capabilities(c->db), conf_capabilities());
    OK(c, tenon_db_schema_version(c->db, "items", &version, &c->err));
    CHECK_INT(version, 1);
    OK(c, tenon_db_schema_version(c->db, "nothing", &version, &c->err));
    CHECK_INT(version, 0);
    OK(c, tenon_db_tables(c->db, &tables, &count, &c->err));
    CHECK_INT(count, 1);
    CHECK_TEXT(tables[0]->name, "item");
    CHECK_INT(tables[0]->column_count, 3);
    CHECK_TEXT(tables[0]->indexes[0].name, "item_by_n");
    FAILS(c, TENON_MISUSE, NULL, tenon_db_get_info(c->db, &unset, &c->err));
    OK(c, tenon_db_get_info(c->db, &info, &c->err));
    CHECK_INT(info.begun_count, info.committed_count + info.rolled_back_count);
    if (conf_can(TENON_CAP_PERSISTENT) && conf_has_files())
        CHECK(info.disk_bytes > 0);
    if (!conf_can(TENON_CAP_PERSISTENT))
        CHECK_INT(info.disk_bytes, 0);
}

static void
open_counts_transactions(conf *c)
{
    tenon_db_info before = { .size = sizeof before }, after = { .size = sizeof after };

    conf_open(c, &item_schema);
    OK(c, tenon_db_get_info(c->db, &before, &c->err));
    conf_make_items(c, 1);
    BEGIN(c);
    ROLLBACK(c);
    OK(c, tenon_db_get_info(c->db, &after, &c->err));
    CHECK_INT(after.begun_count, before.begun_count + 2);
    CHECK_INT(after.committed_count, before.committed_count + 1);
    CHECK_INT(after.rolled_back_count, before.rolled_back_count + 1);
    CHECK(after.connection_count >= 1);
}

static void
open_two_schemas(conf *c)
{
    uint32_t version = 0;

    NEEDS(TENON_CAP_PERSISTENT);
    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    conf_close(c);
    conf_open(c, &box_schema);
    OK(c, tenon_db_schema_version(c->db, "items", &version, &c->err));
    CHECK_INT(version, 1);
    OK(c, tenon_db_schema_version(c->db, "boxes", &version, &c->err));
    CHECK_INT(version, 3);
    BEGIN(c);
    ROWS(c, "1 10", &item_all, NULL); /* of the schema that it was not opened with */
    ROLLBACK(c);
    conf_verify(c);
}

static void
open_missing(conf *c)
{
    const tenon_open_options reading = { .size = sizeof reading, .read_only = true };
    const tenon_open_options as_it_is = { .size = sizeof as_it_is, .no_auto_migrate = true };
    char path[CONF_URL_BYTES];

    NEEDS(TENON_CAP_PERSISTENT);
    if (!conf_has_files())
        SKIP("no file: its place is not in the file system");
    FAILS(c, TENON_NOT_FOUND, NULL, conf_try_open(c, NULL, &reading));
    CHECK(c->db == NULL);
    FAILS(c, TENON_NOT_FOUND, NULL, conf_try_open(c, NULL, &as_it_is));
    CHECK(c->db == NULL);
    conf_path(c, path, sizeof path);
    CHECK(access(path, F_OK) != 0);
}

static void
open_read_only(conf *c)
{
    const tenon_open_options reading = { .size = sizeof reading,
                                         .schema = &item_schema,
                                         .read_only = true };

    NEEDS(TENON_CAP_PERSISTENT);
    conf_open(c, &item_schema);
    conf_make_items(c, 2);
    conf_close(c);
    OK(c, conf_try_open(c, NULL, &reading));
    FAILS(c, TENON_READ_ONLY, NULL, tenon_begin(c->db, NULL, &c->txn, &c->err));
    CHECK(c->txn == NULL);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10;2 20", &item_all, NULL);
    REFUSED(c, TENON_READ_ONLY, NULL, &item_delete, P(I(1)));
    COMMIT(c);
    conf_verify(c);
}

/* By the driver's table: the core would not even begin. */
static void
open_read_only_by_the_driver(conf *c)
{
    tenon_status st;
    raw r;

    NEEDS(TENON_CAP_PERSISTENT);
    if (!conf_has_files())
        SKIP("no file: its place is not in the file system");
    raw_open(c, &r);
    raw_make_item(&r);
    raw_close(&r);
    r.options->read_only = 1;
    r.options->create = 0;
    RAW_OK(&r, r.database.open(r.options, &r.db, r.err));
    r.conn = raw_connect(&r);
    CHECK_INT(raw_count(&r, r.conn), 0);
    st = raw_begin(&r, r.conn, 60000, false, 0);
    if (st == TENON_OK)
        st = raw_insert(&r, r.conn, 1, "one");
    if (st == TENON_OK)
        st = r.transaction.commit(r.conn, r.err);
    else
        (void)r.transaction.rollback(r.conn, r.err);
    if (st == TENON_OK)
        conf_failed(CONF_HERE, "a database that was opened read-only is not written", "it is");
    raw_close(&r);
}

/* A program that may only read must not make a schema that is missing. */
static void
open_read_only_without_schema(conf *c)
{
    const tenon_open_options reading = { .size = sizeof reading,
                                         .schema = &item_schema,
                                         .read_only = true };
    const tenon_open_options as_it_is = { .size = sizeof as_it_is,
                                          .schema = &item_schema,
                                          .no_auto_migrate = true };

    NEEDS(TENON_CAP_PERSISTENT);
    conf_open(c, NULL);
    conf_close(c);
    FAILS(c, TENON_SCHEMA, NULL, conf_try_open(c, NULL, &reading));
    FAILS(c, TENON_SCHEMA, NULL, conf_try_open(c, NULL, &as_it_is));
    conf_open(c, &item_schema);
}

/* What is no database is said to be none, and is left as it is. */
static void
open_refuses_garbage(conf *c)
{
    char path[CONF_URL_BYTES], line[64], found[64];
    FILE *file;

    NEEDS(TENON_CAP_PERSISTENT);
    if (!conf_has_files())
        SKIP("no file: its place is not in the file system");
    conf_path(c, path, sizeof path);
    file = fopen(path, "wb");
    CHECK(file != NULL);
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 1024; i++)
        CHECK_INT(fwrite(line, sizeof line, 1, file), 1);
    CHECK_INT(fclose(file), 0);
    FAILS(c, TENON_CORRUPT, NULL, conf_try_open(c, NULL, NULL));
    CHECK(c->db == NULL);
    file = fopen(path, "rb");
    CHECK(file != NULL);
    for (int i = 0; i < 1024; i++) {
        CHECK_INT(fread(found, sizeof found, 1, file), 1);
        CHECK_BYTES(found, line, sizeof line);
    }
    CHECK_INT(fgetc(file), EOF);
    CHECK_INT(fclose(file), 0);
}

static void
open_refuses_settings(conf *c)
{
    const tenon_open_options unset = { 0 };

    FAILS(c, TENON_CONFIG, NULL, conf_try_open(c, "no_such_setting=1", NULL));
    CHECK(c->db == NULL);
    FAILS(c, TENON_CONFIG, NULL, conf_try_open(c, "durability=perhaps", NULL));
    CHECK(c->db == NULL);
    FAILS(c, TENON_MISUSE, NULL, conf_try_open(c, NULL, &unset));
    FAILS(c, TENON_CONFIG, NULL, tenon_open("no colon", NULL, &c->db, &c->err));
    FAILS(c, TENON_NOT_FOUND, NULL, tenon_open("nosuchdriver:x", NULL, &c->db, &c->err));
    CHECK(c->db == NULL);
    OK(c, conf_try_open(c, NULL, NULL)); /* nothing of that is in the way */
}

static void
open_durabilities(conf *c)
{
    static const char *const words[] = { "durability=power", "durability=os", "durability=process",
                                         "durability=none" };
    const tenon_open_options options = { .size = sizeof options, .schema = &item_schema };

    if (strstr(c->url, "durability=") != NULL)
        SKIP("the URL says which durability");
    for (uint32_t level = TENON_DURABLE_POWER; level <= TENON_DURABLE_NONE; level++) {
        if (!conf_can(TENON_CAP_DURABLE_POWER << level)) {
            FAILS(c, TENON_UNSUPPORTED, NULL, conf_try_open(c, words[level], &options));
            continue;
        }
        OK(c, conf_try_open(c, words[level], &options));
        CHECK_INT(tenon_db_durability(c->db), level);
        BEGIN(c);
        EXEC(c, 1, &item_insert, P(I(level), NIL, NIL));
        COMMIT(c);
        conf_close(c);
    }
    OK(c, conf_try_open(c, NULL, &options));
    if (conf_can(TENON_CAP_DURABLE_POWER))
        CHECK_INT(tenon_db_durability(c->db), TENON_DURABLE_POWER);
    else if (!conf_can(TENON_CAP_PERSISTENT))
        CHECK_INT(tenon_db_durability(c->db), TENON_DURABLE_NONE);
}

static void
open_refuses_bad_schemas(conf *c)
{
    tenon_table table = box_table;
    const tenon_table *const tables[] = { &table };
    const tenon_schema schema = { .name = "bad", .version = 1, .tables = tables, .table_count = 1 };
    const tenon_open_options options = { .size = sizeof options, .schema = &schema };

    table.name = "Box";
    FAILS(c, TENON_INVALID, NULL, conf_try_open(c, NULL, &options));
    table = box_table;
    table.primary_key.count = 0;
    FAILS(c, TENON_INVALID, NULL, conf_try_open(c, NULL, &options));
    CHECK(c->db == NULL);
    tenon_close(NULL);
}

/* Few connections are enough: each transaction gives its own back. */
static void
open_with_one_connection(conf *c)
{
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
open_twice_at_once(conf *c)
{
    const tenon_open_options options = { .size = sizeof options, .schema = &item_schema };
    const tenon_txn_options brief = { .size = sizeof brief, .timeout_ms = 50 };
    tenon_db *again = NULL;
    tenon_txn *none = NULL;
    tenon_status st;

    NEEDS(TENON_CAP_PERSISTENT);
    conf_open(c, &item_schema);
    OK(c, tenon_open(tenon_db_url(c->db), &options, &again, &c->err));
    BEGIN(c);
    EXEC(c, 1, &item_insert, P(I(1), I(1), NIL));
    if (conf_can(TENON_CAP_SINGLE_WRITER)) { /* this thread would wait for itself: not for ever */
        st = tenon_begin(again, &brief, &none, &c->err);
        CHECK(st == TENON_TIMEOUT || st == TENON_BUSY);
        CHECK(none == NULL);
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

static const conf_case open_cases[] = {
    CASE(open_keeps_what_it_says,
         "the database opens, tells its name and keeps its URL without secrets"),
    CASE(open_twice_at_once, "a database opened twice in one process sees the other's commits"),
    CASE(open_describes_itself, "a database tells which schemas and tables it has"),
    CASE(open_counts_transactions, "a database counts its transactions"),
    CASE(open_two_schemas, "a database opened with one schema, then another, keeps both"),
    CASE(open_missing, "what is missing is not made where that is not asked for"),
    CASE(open_read_only, "a database opened read-only refuses writers and writes nothing"),
    CASE_HINT(open_read_only_by_the_driver,
              "a driver that was told to open read-only writes nothing",
              "read_only of tenon_drv_open: open the engine so, or refuse what writes."),
    CASE(open_read_only_without_schema, "opening read-only makes no schema that is missing"),
    CASE(open_refuses_garbage, "what is no database is called CORRUPT and left as it is"),
    CASE(open_refuses_settings, "unknown and bad settings of a URL are refused by name"),
    CASE(open_durabilities, "each durability that is claimed is read back, each other one refused"),
    CASE(open_refuses_bad_schemas, "a schema that breaks the rules is refused"),
    CASE(open_with_one_connection, "one connection is enough"),
};

CONF_GROUP(open, "opening", "database.open, close and info.");
