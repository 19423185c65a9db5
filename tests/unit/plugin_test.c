/* Descriptors, slot by slot: what must be there, what may be missing, what may not be half there.
 * Plugins that are really built and loaded are tested in tests/abi. */
#include "unit.h"

#include <stdlib.h>

#include "core/loader.h"
#include "core/plugin.h"

/* Nobody calls a slot of these; they only have to be there. */
static void
slot(void)
{
    fail();
}

enum { DATABASE, CONNECTION, TRANSACTION, QUERY, SCHEMA, TWO_PHASE, ADMIN, TABLES };

#define MAX_SLOTS 12

typedef struct slot_table {
    uint32_t size, reserved;
    void (*slots[MAX_SLOTS])(void);
} slot_table;

/* Names of the slots in their order; `required` of them must be there. */
static const struct {
    const char *name;
    uint32_t required;
    bool group; /* the others: all or none */
    const char *slots[MAX_SLOTS];
} shapes[TABLES] = {
    { "database", 3, false, { "open", "close", "info" } },
    { "connection", 2, false, { "open", "close", "reset", "open_until", "check", "round_trips" } },
    { "transaction",
      3,
      true,
      { "begin", "commit", "rollback", "savepoint", "savepoint_release", "savepoint_rollback" } },
    { "query",
      6,
      false,
      { "prepare", "free", "exec", "open", "next", "close", "fetch", "explain", "sql", "exec_later",
        "require" } },
    { "schema",
      7,
      false,
      { "has_table", "create_table", "drop_table", "add_column", "drop_column", "create_index",
        "drop_index" } },
    { "two_phase", 0, true, { "prepare", "commit", "rollback", "list" } },
    { "admin", 0, false, { "verify", "interrupt", "checkpoint" } },
};

static slot_table tables[TABLES];
static tenon_driver driver;
static tni_plugin plugin;
static tni_reason reason;

static uint32_t
slot_count(int t)
{
    uint32_t count = 0;

    while (count < MAX_SLOTS && shapes[t].slots[count] != NULL)
        count++;
    return count;
}

/* A sound descriptor with every slot. */
static void
make_sound(void)
{
    memset(tables, 0, sizeof tables);
    for (int t = 0; t < TABLES; t++) {
        const uint32_t count = slot_count(t);

        tables[t].size = (uint32_t)(8 + count * sizeof(void *));
        for (uint32_t i = 0; i < count; i++)
            tables[t].slots[i] = slot;
    }
    driver = (tenon_driver){
        .size = sizeof driver,
        .magic = TENON_DRIVER_MAGIC,
        .abi_major = TENON_DRIVER_ABI_MAJOR,
        .abi_minor = TENON_DRIVER_ABI_MINOR,
        .name = "sound",
        .version = "1",
        .database = (const void *)&tables[DATABASE],
        .connection = (const void *)&tables[CONNECTION],
        .transaction = (const void *)&tables[TRANSACTION],
        .query = (const void *)&tables[QUERY],
        .schema = (const void *)&tables[SCHEMA],
        .two_phase = (const void *)&tables[TWO_PHASE],
        .admin = (const void *)&tables[ADMIN],
    };
}

static void
check_accepted(void)
{
    if (tni_plugin_normalise(&driver, &plugin, &reason) != TENON_OK)
        fail_msg("%s", reason.text);
}

static void
check_refused(const char *object, const char *text)
{
    assert_int_equal(tni_plugin_normalise(&driver, &plugin, &reason), TENON_ABI);
    assert_int_equal(reason.status, TENON_ABI);
    assert_string_equal(reason.object, object);
    if (strstr(reason.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", reason.text, text);
}

static void
the_tables_are_those_of_the_header(void **state)
{
    (void)state;
    make_sound();
    check_accepted();
    assert_int_equal(tables[DATABASE].size, sizeof plugin.database);
    assert_int_equal(tables[CONNECTION].size, sizeof plugin.connection);
    assert_int_equal(tables[TRANSACTION].size, sizeof plugin.transaction);
    assert_int_equal(tables[QUERY].size, sizeof plugin.query);
    assert_int_equal(tables[SCHEMA].size, sizeof plugin.schema);
    assert_int_equal(tables[TWO_PHASE].size, sizeof plugin.two_phase);
    assert_int_equal(tables[ADMIN].size, sizeof plugin.admin);
    assert_memory_equal(&plugin.query, &tables[QUERY], tables[QUERY].size);
    assert_ptr_equal(plugin.driver.query, &plugin.query); /* the core's own */
    assert_true(tni_driver_has_fetch(&plugin.driver));
}

static void
every_required_slot_must_be_there(void **state)
{
    char object[64];

    (void)state;
    for (int t = 0; t < TABLES; t++) {
        for (uint32_t i = 0; i < slot_count(t); i++) {
            make_sound();
            tables[t].slots[i] = NULL;
            (void)snprintf(object, sizeof object, "%s.%s", shapes[t].name, shapes[t].slots[i]);
            if (i < shapes[t].required)
                check_refused(object, "is missing");
            else if (shapes[t].group)
                check_refused(object, "is missing beside others of its group");
            else
                check_accepted();
        }
    }
}

static void
a_table_may_end_after_what_is_required(void **state)
{
    (void)state;
    for (int t = 0; t < TABLES; t++) {
        const uint32_t count = slot_count(t);

        for (uint32_t i = 0; i < count; i++) { /* slots that are there, the words after them too */
            make_sound();
            tables[t].size = (uint32_t)(8 + i * sizeof(void *));
            if (i < shapes[t].required)
                check_refused("", "is too short");
            else if (!shapes[t].group || i == shapes[t].required)
                check_accepted();
            else
                check_refused(reason.object, "is missing beside others of its group");
        }
        make_sound();
        tables[t].size = 0;
        if (shapes[t].required > 0)
            check_refused("", "is too short");
        make_sound();
        tables[t].reserved = 1;
        check_refused("", "is not 0");
    }
}

/* What lies behind the end of a table is not the driver's. */
static void
nothing_is_read_behind_the_end(void **state)
{
    tenon_error err = { 0 };

    (void)state;
    make_sound();
    tables[QUERY].size = offsetof(tenon_drv_query_ops, fetch);
    tables[TRANSACTION].size = offsetof(tenon_drv_transaction_ops, savepoint);
    tables[CONNECTION].size = offsetof(tenon_drv_connection_ops, reset);
    tables[ADMIN].size = offsetof(tenon_drv_admin_ops, verify);
    tables[TWO_PHASE].size = offsetof(tenon_drv_two_phase_ops, prepare);
    check_accepted();
    assert_false(tni_driver_has_fetch(&plugin.driver));
    assert_int_equal(plugin.connection.reset(NULL, &err), TENON_OK);
    assert_null(plugin.connection.open_until);
    assert_null(plugin.connection.check);
    assert_int_equal(plugin.transaction.savepoint(NULL, 1, &err), TENON_UNSUPPORTED);
    assert_int_equal(plugin.transaction.savepoint_release(NULL, 1, &err), TENON_UNSUPPORTED);
    assert_int_equal(plugin.transaction.savepoint_rollback(NULL, 1, &err), TENON_UNSUPPORTED);
    assert_int_equal(plugin.query.sql(NULL, "", NULL, 0, NULL, NULL, &err), TENON_UNSUPPORTED);
    assert_int_equal(plugin.query.explain(NULL, NULL, 0, &err), TENON_UNSUPPORTED);
    assert_int_equal(plugin.two_phase.prepare(NULL, "", &err), TENON_UNSUPPORTED);
    assert_int_equal(plugin.two_phase.commit(NULL, "", &err), TENON_UNSUPPORTED);
    assert_int_equal(plugin.two_phase.rollback(NULL, "", &err), TENON_UNSUPPORTED);
    assert_int_equal(plugin.two_phase.list(NULL, NULL, NULL, &err), TENON_UNSUPPORTED);
    assert_int_equal(plugin.admin.verify(NULL, NULL, NULL, &err), TENON_UNSUPPORTED);
    assert_int_equal(plugin.admin.checkpoint(NULL, &err), TENON_UNSUPPORTED);
    plugin.admin.interrupt(NULL);
}

/* A newer driver's table is longer than the core's own, which it must not run over. */
static void
what_is_newer_is_not_copied(void **state)
{
    static struct {
        tni_plugin plugin;
        unsigned char guard[sizeof(slot_table)];
    } kept;
    static const unsigned char zeros[sizeof kept.guard];
    tenon_error err = { 0 };

    (void)state;
    make_sound();
    for (int t = 0; t < TABLES; t++) {
        for (uint32_t i = slot_count(t); i < MAX_SLOTS; i++)
            tables[t].slots[i] = slot;
        tables[t].size = sizeof tables[t];
    }
    assert_int_equal(tni_plugin_normalise(&driver, &kept.plugin, &reason), TENON_OK);
    assert_memory_equal(kept.guard, zeros, sizeof zeros);
    assert_int_equal(kept.plugin.query.size, sizeof kept.plugin.query);
    driver.admin = NULL; /* the one before must not have run into its place */
    assert_int_equal(tni_plugin_normalise(&driver, &kept.plugin, &reason), TENON_OK);
    assert_int_equal(kept.plugin.admin.verify(NULL, NULL, NULL, &err), TENON_UNSUPPORTED);
}

static void
tables_that_may_be_missing(void **state)
{
    (void)state;
    make_sound();
    driver.two_phase = NULL;
    driver.admin = NULL;
    check_accepted();
    driver.size = offsetof(tenon_driver, two_phase);
    check_accepted();
    make_sound();
    driver.database = NULL;
    check_refused("", "table database is missing");
    make_sound();
    driver.schema = NULL;
    check_refused("", "table schema is missing");
}

static void
what_is_claimed_must_be_there(void **state)
{
    (void)state;
    make_sound();
    driver.capabilities = UINT64_MAX;
    check_accepted();
    tables[QUERY].size = offsetof(tenon_drv_query_ops, sql);
    check_refused("query.sql", "claimed to work");
    make_sound();
    driver.capabilities = TENON_CAP_INTERRUPT;
    driver.admin = NULL;
    check_refused("admin.interrupt", "claimed to work");
    make_sound();
    driver.capabilities = TENON_CAP_TWO_PHASE;
    driver.two_phase = NULL;
    check_refused("two_phase.prepare", "claimed to work");
    make_sound();
    driver.capabilities = TENON_CAP_SAVEPOINTS;
    tables[TRANSACTION].size = offsetof(tenon_drv_transaction_ops, savepoint);
    check_refused("transaction.savepoint", "claimed to work");
}

static void
the_head_is_judged_first(void **state)
{
    const uint32_t tiny = 4;
    void *alone = malloc(sizeof tiny); /* so that a sanitizer sees a byte too many read */
    char versions[64];
    tni_reason why;

    (void)state;
    assert_non_null(alone);
    memcpy(alone, &tiny, sizeof tiny);
    assert_int_equal(tni_plugin_normalise(alone, &plugin, &why), TENON_ABI);
    assert_non_null(strstr(why.text, "too short: 4 bytes"));
    free(alone);
    assert_int_equal(tni_plugin_normalise(NULL, &plugin, &why), TENON_ABI);
    make_sound();
    driver.magic++;
    check_refused("", "magic");
    make_sound();
    driver.abi_major++;
    driver.size = offsetof(tenon_driver, version); /* another major may be shorter */
    (void)snprintf(versions, sizeof versions, "made for ABI 2.%d, this library has 1.%d",
                   TENON_DRIVER_ABI_MINOR, TENON_DRIVER_ABI_MINOR);
    check_refused("", versions);
    make_sound();
    driver.abi_minor += 7;
    check_accepted();
    make_sound();
    driver.size = offsetof(tenon_driver, schema);
    check_refused("", "too short");
    make_sound();
    driver.reserved = 1;
    check_refused("", "reserved word of the descriptor");
    make_sound();
    driver.reserved2 = 1;
    check_refused("", "second reserved word");
    make_sound();
    driver.name = NULL;
    check_refused("", "name");
    make_sound();
    driver.version = NULL;
    check_refused("", "version");
}

/* ---- The loader, as far as it needs no file ---- */

static void
a_registered_name_is_taken(void **state)
{
    const tenon_driver *found = NULL;
    tenon_error err = { 0 };

    (void)state;
    make_sound();
    assert_int_equal(tni_driver_register(&driver, &err), TENON_OK);
    assert_int_equal(tni_driver_register(&driver, &err), TENON_EXISTS);
    assert_string_equal(err.object, "sound");
    assert_int_equal(tni_driver_find_by_name("sound", NULL, &found, &err), TENON_OK);
    assert_string_equal(found->name, "sound");
    driver.name = "spoilt";
    driver.schema = NULL;
    assert_int_equal(tni_driver_register(&driver, &err), TENON_ABI);
    assert_int_equal(tni_driver_find_by_name("Sound", NULL, &found, &err), TENON_CONFIG);
    assert_null(found);
    assert_int_equal(tni_driver_find_by_name("../sound", NULL, &found, &err), TENON_CONFIG);
}

static void
every_place_is_in_the_account(void **state)
{
    const tenon_driver *found;
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(
        tni_driver_find_by_name("absent", "/no/folder:relative/one:/no/other", &found, &err),
        TENON_DENIED); /* says more than that a file is not there */
    assert_non_null(strstr(err.message, "driver absent: relative/one: a relative path"));
    assert_non_null(strstr(err.message, "/no/folder/absent.so: no such file"));
    assert_non_null(strstr(err.message, "/no/other/absent.so: no such file"));
    assert_string_equal(err.driver, "absent");
}

static void
note_folder(void *arg, const tenon_driver_info *info)
{
    if (strcmp(info->path, "relative/one") == 0 && info->refused != NULL)
        ++*(int *)arg;
}

static void
a_folder_that_is_not_looked_at_is_listed(void **state)
{
    int count = 0;

    (void)state;
    assert_int_equal(tenon_drivers("relative/one", note_folder, &count, NULL), TENON_OK);
    assert_int_equal(count, 1);
    assert_int_equal(tenon_drivers(NULL, NULL, NULL, NULL), TENON_MISUSE);
}

static void
a_relative_path_is_no_plugin(void **state)
{
    char *real = (char *)&reason;

    (void)state;
    assert_int_equal(tni_plugin_file_check("x.so", &real, &reason), TENON_DENIED);
    assert_null(real);
    assert_string_equal(reason.text, "a relative path");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_are_those_of_the_header),
        cmocka_unit_test(every_required_slot_must_be_there),
        cmocka_unit_test(a_table_may_end_after_what_is_required),
        cmocka_unit_test(nothing_is_read_behind_the_end),
        cmocka_unit_test(what_is_newer_is_not_copied),
        cmocka_unit_test(tables_that_may_be_missing),
        cmocka_unit_test(what_is_claimed_must_be_there),
        cmocka_unit_test(the_head_is_judged_first),
        cmocka_unit_test(a_registered_name_is_taken),
        cmocka_unit_test(every_place_is_in_the_account),
        cmocka_unit_test(a_folder_that_is_not_looked_at_is_listed),
        cmocka_unit_test(a_relative_path_is_no_plugin),
    };

    return cmocka_run_group_tests_name("plugin", tests, NULL, NULL);
}
