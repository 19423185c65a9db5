/* Capabilities: each that is claimed is tried, each that is not is refused. Explain, verify, SQL.
 */
#include "check/raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const tenon_query ability_by_n = {
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(0),
    .where = TENON_WHERE(TENON_EQ(1, 0)),
};

/* ---- What a database says of itself ---- */

static void
abilities_fit_together(conf *c)
{
    const uint64_t known = (TENON_CAP_INTERRUPT << 1) - 1;
    const uint64_t durable = TENON_CAP_DURABLE_POWER | TENON_CAP_DURABLE_OS |
                             TENON_CAP_DURABLE_PROCESS;

    (void)c;
    CHECK_INT(conf_capabilities() & ~known, 0);
    CHECK(conf_can(TENON_CAP_READ_COMMITTED | TENON_CAP_SNAPSHOT | TENON_CAP_SERIALIZABLE));
    CHECK(conf_can(durable | TENON_CAP_DURABLE_NONE));
    if (conf_can(durable))
        CHECK(conf_can(TENON_CAP_PERSISTENT));
    if (conf_can(TENON_CAP_SINGLE_WRITER) && conf_can(TENON_CAP_SNAPSHOT) &&
        !conf_can(TENON_CAP_SERIALIZABLE))
        conf_failed(CONF_HERE,
                    "TENON_CAP_SERIALIZABLE is claimed: writers come one after the other, and each "
                    "reader has one state",
                    "it is not, beside SINGLE_WRITER and SNAPSHOT");
}

typedef struct abilities_seen {
    const char *name;
    uint64_t capabilities;
    bool found;
} abilities_seen;

static void
abilities_see(void *arg, const tenon_driver_info *info)
{
    abilities_seen *seen = (abilities_seen *)arg;

    if (strcmp(info->name, seen->name) != 0 || info->refused != NULL)
        return;
    seen->found = info->version != NULL && info->path != NULL;
    seen->capabilities = info->capabilities;
}

/* The database has no ability that its driver does not announce. */
static void
abilities_are_announced(conf *c)
{
    abilities_seen seen = { 0 };

    conf_open(c, &item_schema);
    seen.name = tenon_db_driver(c->db);
    OK(c, tenon_drivers(NULL, abilities_see, &seen, &c->err));
    if (!seen.found)
        SKIP("its plugin is outside of the search path");
    CHECK_INT(conf_capabilities() & ~seen.capabilities, 0);
}

/* ---- Explain and verify ---- */

static void
abilities_explain(conf *c)
{
    const tenon_query *const queries[] = { &ability_by_n, &item_all,   &item_count,
                                           &item_insert,  &item_set_n, &item_delete };
    char text[512], few[5];

    conf_open(c, &item_schema);
    BEGIN(c);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        OK(c, tenon_explain(c->txn, queries[i], text, sizeof text, &c->err));
        if (queries[i]->kind != TENON_INSERT && text[0] == '\0')
            conf_failed(CONF_HERE, "explain tells how the query is served", "nothing for %s",
                        queries[i]->name != NULL ? queries[i]->name : "a query without a name");
    }
    OK(c, tenon_explain(c->txn, &ability_by_n, text, sizeof text, &c->err));
    if (strstr(text, "item_by_n") == NULL)
        conf_failed(CONF_HERE, "explain names index item_by_n, which serves the query", "'%s'",
                    text);
    memset(few, 'x', sizeof few);
    OK(c, tenon_explain(c->txn, &ability_by_n, few, sizeof few, &c->err));
    if (memchr(few, '\0', sizeof few) == NULL || strlen(few) != sizeof few - 1)
        conf_failed(CONF_HERE, "explain fills the room that there is, with its NUL",
                    "%zu bytes of %zu", strnlen(few, sizeof few), sizeof few);
    COMMIT(c);
}

static void
abilities_verify(conf *c)
{
    conf_open(c, &item_schema);
    conf_verify(c);
    conf_make_items(c, 200);
    conf_verify(c);
    BEGIN(c);
    for (int id = 1; id <= 200; id += 3)
        EXEC(c, 1, &item_delete, P(I(id)));
    for (int id = 2; id <= 200; id += 3)
        EXEC(c, 1, &item_set_n, P(I(id), NIL));
    COMMIT(c);
    conf_verify(c);
}

#define ABILITY_MARK "a mark to be found again"

static void
abilities_note_problem(void *arg, const char *where, const char *what)
{
    (void)where;
    (void)what;
    ++*(uint64_t *)arg;
}

/* The whole of a file; SKIP where there is none. */
static char *
abilities_read_file(const char *path, size_t *len)
{
    struct stat file;
    FILE *in = fopen(path, "rb");
    char *bytes;

    if (in == NULL || fstat(fileno(in), &file) != 0 || !S_ISREG(file.st_mode))
        SKIP("its data is not in the one file that the URL names");
    bytes = malloc((size_t)file.st_size + 1);
    CHECK(bytes != NULL);
    *len = fread(bytes, 1, (size_t)file.st_size, in);
    (void)fclose(in);
    return bytes;
}

static void
abilities_write_byte(const char *path, size_t at, char byte)
{
    FILE *out = fopen(path, "r+b");

    CHECK(out != NULL);
    CHECK_INT(fseek(out, (long)at, SEEK_SET), 0);
    CHECK_INT(fputc(byte, out), byte);
    CHECK_INT(fclose(out), 0);
}

/* Whether the driver says that something is wrong, at whichever call. */
static bool
abilities_notices(conf *c, raw *r)
{
    uint64_t problems = 0;
    tenon_status st;

    raw_load(c, r);
    st = r->database.open(r->options, &r->db, r->err);
    if (st == TENON_OK) {
        r->conn = raw_connect(r);
        st = raw_begin(r, r->conn, 60000, true, 0);
        if (st == TENON_OK)
            st = r->admin.verify(r->conn, abilities_note_problem, &problems, r->err);
        (void)r->transaction.rollback(r->conn, r->err);
    }
    raw_close(r);
    return st != TENON_OK || problems > 0;
}

/* A value in a unique index is stored twice. Where one of the two is changed behind the driver's
 * back, the index does not fit its table. */
static void
abilities_verify_finds_damage(conf *c)
{
    char path[CONF_URL_BYTES], label[40], *bytes;
    size_t len = 0, copies = 0, noticed = 0;
    raw r;

    NEEDS(TENON_CAP_PERSISTENT);
    if (!conf_has_files())
        SKIP("no file: its place is not in the file system");
    raw_open(c, &r);
    if (r.admin.verify == NULL)
        SKIP("the driver leaves verifying to the core");
    raw_make_item(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    for (int i = 1; i <= 20; i++) {
        (void)snprintf(label, sizeof label, ABILITY_MARK " %d.", i);
        RAW_OK(&r, raw_insert(&r, r.conn, i, label));
    }
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    raw_close(&r);
    CHECK(!abilities_notices(c, &r)); /* as it is, it is sound */
    conf_path(c, path, sizeof path);
    bytes = abilities_read_file(path, &len);
    for (size_t i = 0; i + sizeof ABILITY_MARK + 2 < len; i++) {
        if (memcmp(bytes + i, ABILITY_MARK " 7.", sizeof ABILITY_MARK + 2) != 0)
            continue;
        copies++;
        abilities_write_byte(path, i, 'b');
        noticed += abilities_notices(c, &r) ? 1 : 0;
        abilities_write_byte(path, i, bytes[i]);
    }
    free(bytes);
    if (copies < 2)
        SKIP("its file does not hold values as they are");
    if (noticed == 0)
        conf_failed(CONF_HERE, "verify finds an index that does not fit its table",
                    "it finds nothing, though each of %zu copies of a value was changed in turn",
                    copies);
}

/* ---- SQL ---- */

static void
abilities_no_sql(conf *c)
{
    tenon_cursor *cursor = NULL;

    EXCEPT(TENON_CAP_SQL);
    conf_open(c, &item_schema);
    BEGIN(c);
    FAILS(c, TENON_UNSUPPORTED, NULL, tenon_sql(c->txn, "SELECT 1", NULL, 0, &cursor, &c->err));
    CHECK(cursor == NULL);
    ITEM(c, 1, 10);
    COMMIT(c);
}

static void
abilities_sql(conf *c)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;

    NEEDS(TENON_CAP_SQL);
    conf_open(c, &item_schema);
    conf_make_items(c, 3);
    BEGIN(c);
    OK(c,
       tenon_sql(c->txn, "SELECT n FROM item WHERE id > 1 ORDER BY id", NULL, 0, &cursor, &c->err));
    OK(c, tenon_next(cursor, &row, &c->err));
    CHECK_INT(row[0].as.i, 20);
    OK(c, tenon_next(cursor, &row, &c->err));
    CHECK_INT(row[0].as.i, 30);
    FAILS(c, TENON_NOT_FOUND, "", tenon_next(cursor, &row, &c->err));
    tenon_cursor_close(cursor);
    OK(c, tenon_sql(c->txn, "UPDATE item SET n = 7 WHERE id = 2", NULL, 0, NULL, &c->err));
    ROWS(c, "1 10;2 7;3 30", &item_all, NULL);
    FAILS(c, TENON_INVALID, NULL, tenon_sql(c->txn, "SELEKT", NULL, 0, NULL, &c->err));
    FAILS(c, TENON_MISUSE, NULL, tenon_sql(c->txn, NULL, NULL, 0, NULL, &c->err));
    FAILS(c, TENON_MISUSE, NULL, tenon_sql(c->txn, "SELECT 1", NULL, 1, NULL, &c->err));
    ROLLBACK(c);
    BEGIN(c);
    ROWS(c, "1 10;2 20;3 30", &item_all, NULL);
    COMMIT(c);
}

static const tenon_column ability_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "owner", .type = TENON_INT },
    { .name = "code", .type = TENON_TEXT, .not_null = true },
};
static const tenon_index ability_indexes[] = {
    { .name = "paper_code", .columns = TENON_COLUMNS(2), .unique = true },
};
static const tenon_foreign_key ability_keys[] = {
    { .name = "paper_owner", .columns = TENON_COLUMNS(1), .references = "paper" },
};
static const tenon_table ability_table = { .name = "paper",
                                           .columns = ability_columns,
                                           .column_count = 3,
                                           .primary_key = TENON_COLUMNS(0),
                                           .indexes = ability_indexes,
                                           .index_count = 1,
                                           .foreign_keys = ability_keys,
                                           .foreign_key_count = 1 };
static const tenon_table *const ability_tables[] = { &ability_table };
static const tenon_schema ability_schema = {
    .name = "papers", .version = 1, .tables = ability_tables, .table_count = 1
};
static const tenon_query ability_all = { .name = "papers",
                                         .kind = TENON_SELECT,
                                         .table = &ability_table,
                                         .columns = TENON_COLUMNS(0, 1, 2),
                                         .order = TENON_ORDER(TENON_ASC(0)) };

/* SQL that a rule of the schema forbids is refused, and leaves nothing. */
static void
abilities_sql_keeps_the_rules(conf *c)
{
    static const struct {
        const char *text, *rule;
        tenon_status status;
    } bad[] = {
        { "INSERT INTO paper (id, code) VALUES (2, NULL)", "NOT NULL", TENON_CONSTRAINT },
        { "UPDATE paper SET code = NULL", "NOT NULL", TENON_CONSTRAINT },
        { "INSERT INTO paper (id, code) VALUES (2, 'a')", "the unique index", TENON_EXISTS },
        { "INSERT INTO paper (id, code) VALUES (1, 'b')", "the primary key", TENON_EXISTS },
    };

    NEEDS(TENON_CAP_SQL);
    conf_open(c, &ability_schema);
    BEGIN(c);
    OK(c,
       tenon_sql(c->txn, "INSERT INTO paper (id, code) VALUES (1, 'a')", NULL, 0, NULL, &c->err));
    COMMIT(c);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tenon_status st;

        BEGIN(c);
        st = tenon_sql(c->txn, bad[i].text, NULL, 0, NULL, &c->err);
        ROLLBACK(c);
        if (st != bad[i].status)
            conf_failed(CONF_HERE, "SQL is refused where the schema forbids what it does",
                        "%s for %s, which violates %s", tenon_status_name(st), bad[i].text,
                        bad[i].rule);
    }
    BEGIN(c);
    ROWS(c, "1 ~ a", &ability_all, NULL);
    COMMIT(c);
    conf_verify(c);
}

/* An engine may take one statement at a time; what it does not run it must not pass over. */
static void
abilities_sql_of_two_statements(conf *c)
{
    tenon_status st;

    NEEDS(TENON_CAP_SQL);
    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    BEGIN(c);
    st = tenon_sql(c->txn, "UPDATE item SET n = 11; UPDATE item SET n = 12", NULL, 0, NULL,
                   &c->err);
    if (st == TENON_OK)
        COMMIT(c);
    else
        ROLLBACK(c);
    BEGIN_READ(c, &c->txn);
    ROWS(c, st == TENON_OK ? "1 12" : "1 10", &item_all, NULL);
    COMMIT(c);
}

/* Transactions are Tenon's: text that would begin or end one is refused, and nothing happens. */
static void
abilities_sql_without_transactions(conf *c)
{
    static const char *const texts[] = { "COMMIT",          "BEGIN",          "ROLLBACK",
                                         "SAVEPOINT a",     "commit",         " COMMIT",
                                         "/* x */ END",     "-- x\nROLLBACK", "RELEASE a",
                                         "BEGIN IMMEDIATE", "COMMIT; BEGIN",  "ROLLBACK TO a",
                                         "END TRANSACTION" };
    tenon_cursor *cursor = NULL;

    NEEDS(TENON_CAP_SQL);
    conf_open(c, &item_schema);
    BEGIN(c);
    ITEM(c, 1, 10);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        FAILS(c, TENON_DENIED, NULL, tenon_sql(c->txn, texts[i], NULL, 0, NULL, &c->err));
        FAILS(c, TENON_DENIED, NULL, tenon_sql(c->txn, texts[i], NULL, 0, &cursor, &c->err));
        CHECK(cursor == NULL);
    }
    ROWS(c, "1 10", &item_all, NULL);
    ROLLBACK(c);
    BEGIN(c);
    ROWS(c, "", &item_all, NULL);
    COMMIT(c);
}

static void
abilities_sql_reads_only(conf *c)
{
    NEEDS(TENON_CAP_SQL);
    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    BEGIN_READ(c, &c->txn);
    FAILS(c, TENON_READ_ONLY, NULL, tenon_sql(c->txn, "DELETE FROM item", NULL, 0, NULL, &c->err));
    ROLLBACK(c);
    BEGIN(c);
    ROWS(c, "1 10", &item_all, NULL);
    COMMIT(c);
}

/* Schema changes that roll back. */
static void
abilities_transactional_ddl(conf *c)
{
    NEEDS(TENON_CAP_SQL);
    NEEDS(TENON_CAP_TRANSACTIONAL_DDL);
    conf_open(c, &item_schema);
    BEGIN(c);
    OK(c, tenon_sql(c->txn, "CREATE TABLE brief (id INTEGER)", NULL, 0, NULL, &c->err));
    OK(c, tenon_sql(c->txn, "INSERT INTO brief VALUES (1)", NULL, 0, NULL, &c->err));
    ROLLBACK(c);
    BEGIN(c);
    CHECK(tenon_sql(c->txn, "SELECT id FROM brief", NULL, 0, NULL, &c->err) != TENON_OK);
    ROLLBACK(c);
}

/* ---- Several processes ---- */

/* The child: writes item 2, and says how that went. */
int
conf_role_neighbour(const char *url)
{
    const tenon_open_options options = { .size = sizeof options, .schema = &item_schema };
    tenon_db *db = NULL;
    tenon_txn *txn = NULL;
    int32_t st = tenon_open(url, &options, &db, NULL);

    if (st == TENON_OK)
        st = tenon_begin(db, NULL, &txn, NULL);
    if (st == TENON_OK)
        st = tenon_exec(txn, &item_insert, P(I(2), I(20), NIL), NULL, NULL);
    if (st == TENON_OK) {
        st = tenon_commit(txn, NULL);
        txn = NULL;
    }
    tenon_rollback(txn);
    tenon_close(db);
    return write(STDOUT_FILENO, &st, sizeof st) == (ssize_t)sizeof st ? 0 : 1;
}

static void
abilities_several_processes(conf *c)
{
    char url[CONF_URL_BYTES];
    int32_t answer = -1;
    conf_child child;

    NEEDS(TENON_CAP_PERSISTENT);
    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1 10", &item_all, NULL);
    (void)snprintf(url, sizeof url, "%s", tenon_db_url(c->db));
    conf_spawn(c, "neighbour", url, &child);
    CHECK_INT(conf_read(child.from, &answer, sizeof answer), sizeof answer);
    CHECK_INT(conf_wait(&child), 0);
    (void)close(child.from);
    ROWS(c, "1 10", &item_all, NULL);
    COMMIT(c);
    BEGIN(c);
    if (conf_can(TENON_CAP_MULTI_PROCESS)) {
        CHECK_STATUS(answer, TENON_OK);
        ROWS(c, "1 10;2 20", &item_all, NULL);
    } else {
        CHECK(answer != TENON_OK);
        ROWS(c, "1 10", &item_all, NULL);
    }
    COMMIT(c);
    conf_verify(c);
}

static const conf_case abilities_cases[] = {
    CASE(abilities_fit_together, "capabilities are known ones that fit together"),
    CASE(abilities_are_announced, "a database has no ability that its driver does not announce"),
    CASE(abilities_explain, "explain tells how a query is served, by an index where there is one"),
    CASE(abilities_verify, "verify finds nothing wrong with what was stored and changed"),
    CASE_HINT(abilities_verify_finds_damage, "verify finds an index that does not fit its table",
              "admin.verify: compare each row with its entries in the indexes, and count both."),
    CASE(abilities_no_sql, "SQL is refused where it is not claimed, and the transaction goes on"),
    CASE(abilities_sql, "SQL reads, writes and fails as part of the transaction"),
    CASE(abilities_sql_of_two_statements, "SQL is run whole, or refused"),
    CASE_HINT(abilities_sql_keeps_the_rules, "SQL is bound by the rules of the schema",
              "schema.create_table: NOT NULL, keys and unique indexes belong to the engine's own "
              "table, since SQL does not come through the core."),
    CASE(abilities_sql_without_transactions, "SQL that begins or ends a transaction is denied"),
    CASE(abilities_sql_reads_only, "SQL changes nothing in a read-only transaction"),
    CASE(abilities_transactional_ddl, "a table made in a transaction is gone after its rollback"),
    CASE(abilities_several_processes, "another process may write, or is kept out, as claimed"),
};

CONF_GROUP(abilities, "capabilities",
           "A capability is claimed that does not work, or works and is not claimed: see "
           "capabilities in the driver's table and in database.info.");
