/* Plugins that do not fit, or lie where others could have put them, are refused with the reason. */
#define _XOPEN_SOURCE 700 /* for chown and setenv beside mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tenon/driver.h"
#include "tenon/tenon.h"

static const char *plugins;  /* folder of the broken ones */
static const char *elevated; /* the program that is run set-uid */
static char folder[64];      /* of the test's own */

enum { NOBODY = 65534 };

static tenon_status
open_from(const char *url, const char *driver_path, tenon_db **db, tenon_error *err)
{
    const tenon_open_options options = { .size = sizeof options, .driver_path = driver_path };

    memset(err, 0, sizeof *err);
    *db = NULL;
    return tenon_open(url, &options, db, err);
}

/* The URL is refused with that status, and the message holds all of the words. */
static void
refused(const char *url, const char *driver_path, tenon_status status, const char *const *words)
{
    tenon_error err;
    tenon_db *db;
    tenon_status st = open_from(url, driver_path, &db, &err);

    if (st != status)
        fail_msg("%s: %s instead of %s: %s", url, tenon_status_name(st), tenon_status_name(status),
                 err.message);
    assert_null(db);
    assert_int_equal(err.status, status);
    for (; *words != NULL; words++) {
        if (strstr(err.message, *words) == NULL)
            fail_msg("%s: no \"%s\" in: %s", url, *words, err.message);
    }
}

#define REFUSED(url, path, status, ...)                                                            \
    refused((url), (path), (status), (const char *const[]){ __VA_ARGS__, NULL })

static void
accepted(const char *url, const char *driver_path)
{
    tenon_error err;
    tenon_db *db;

    if (open_from(url, driver_path, &db, &err) != TENON_OK)
        fail_msg("%s: %s", url, err.message);
    tenon_close(db);
}

/* ---- What does not fit ---- */

#define ABI_TEXT(number) #number
#define ABI_TEXT_OF(macro) ABI_TEXT(macro)
#define ABI_MINOR ABI_TEXT_OF(TENON_DRIVER_ABI_MINOR)

static void
plugins_that_do_not_fit_are_refused_with_the_reason(void **state)
{
    static const struct {
        const char *name, *why, *object;
    } broken[] = {
        { "nosymbol", "has no symbol tenon_driver_v1", "" },
        { "nodescriptor", "returned no descriptor", "" },
        { "nolibrary", "no_library_has_this_function", "" },
        { "wrongmagic", "magic 00000001", "" },
        { "wrongmajor", "made for ABI 2." ABI_MINOR ", this library has 1." ABI_MINOR, "" },
        { "shortdescriptor", "descriptor is too short", "" },
        { "tinydescriptor", "descriptor is too short: 4 bytes", "" },
        { "shorttable", "table query is too short", "" },
        { "reservedset", "reserved word of table schema", "" },
        { "othername", "its name is \"another\", not \"othername\"", "" },
        { "badname", "its name is not a driver's name", "" },
        { "noversion", "it has no version", "" },
        { "notable", "table schema is missing", "" },
        { "nodatabaseopen", "slot database.open is missing", "database.open" },
        { "noconnclose", "slot connection.close is missing", "connection.close" },
        { "nocommit", "slot transaction.commit is missing", "transaction.commit" },
        { "noexec", "slot query.exec is missing", "query.exec" },
        { "nodropindex", "slot schema.drop_index is missing", "schema.drop_index" },
        { "halfsavepoints", "slot transaction.savepoint_release is missing beside others",
          "transaction.savepoint_release" },
        { "claimssql", "slot query.sql is missing, but claimed", "query.sql" },
        { "claimssavepoints", "slot transaction.savepoint is missing, but claimed",
          "transaction.savepoint" },
    };
    char url[64], file[64];
    tenon_error err;
    tenon_db *db;

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        for (int twice = 0; twice < 2; twice++) { /* the refusal is remembered, too */
            (void)snprintf(url, sizeof url, "%s:", broken[i].name);
            (void)snprintf(file, sizeof file, "/%s.so", broken[i].name);
            REFUSED(url, plugins, TENON_ABI, broken[i].why, file);
            (void)open_from(url, plugins, &db, &err);
            assert_string_equal(err.object, broken[i].object);
            assert_string_equal(err.driver, broken[i].name);
        }
    }
}

static void
older_and_newer_plugins_are_accepted(void **state)
{
    (void)state;
    accepted("sound:", plugins);
    accepted("newerminor:", plugins);
    accepted("largertables:", plugins);
    accepted("olddescriptor:", plugins);
    accepted("oldtable:", plugins);
}

static const tenon_column columns[] = { { .name = "id", .type = TENON_INT, .not_null = true } };
static const tenon_table table = {
    .name = "t", .columns = columns, .column_count = 1, .primary_key = TENON_COLUMNS(0)
};
static const tenon_query query = { .kind = TENON_SELECT,
                                   .table = &table,
                                   .columns = TENON_COLUMNS(0) };

/* In an old plugin, what came later is not there: UNSUPPORTED, not a crash. */
static void
slots_that_a_plugin_lacks_are_unsupported(void **state)
{
    const tenon_value *row;
    uint64_t problems;
    uint32_t savepoint;
    tenon_error err;
    tenon_db *db;
    tenon_txn *txn;
    char words[16];

    (void)state;
    assert_int_equal(open_from("oldtable:", plugins, &db, &err), TENON_OK);
    assert_int_equal(tenon_begin(db, NULL, &txn, &err), TENON_OK);
    assert_int_equal(tenon_explain(txn, &query, words, sizeof words, &err), TENON_UNSUPPORTED);
    assert_int_equal(tenon_sql(txn, "SELECT 1", NULL, 0, NULL, &err), TENON_UNSUPPORTED);
    assert_int_equal(tenon_savepoint(txn, &savepoint, &err), TENON_UNSUPPORTED);
    assert_int_equal(tenon_fetch(txn, &query, NULL, &row, &err), TENON_NOT_FOUND); /* by a cursor */
    assert_int_equal(tenon_commit(txn, &err), TENON_OK);
    assert_int_equal(tenon_db_verify(db, NULL, NULL, &problems, &err), TENON_OK);
    tenon_close(db);
}

/* ---- Where it lies ---- */

static void
run(const char *command)
{
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

/* A folder of its own with a sound plugin in it. */
static void
make_place(const char *name, char place[128])
{
    char command[512];

    (void)snprintf(place, 128, "%s/%s", folder, name);
    (void)snprintf(
        command, sizeof command,
        "mkdir %s && cp %s/sound.so %s/sound.so && chmod 755 %s && chmod 644 %s/sound.so", place,
        plugins, place, place, place);
    run(command);
}

static void
change_mode(const char *place, const char *file, mode_t mode)
{
    char path[192];

    (void)snprintf(path, sizeof path, "%s%s", place, file);
    assert_int_equal(chmod(path, mode), 0);
}

static void
a_plugin_that_others_may_write_is_refused(void **state)
{
    char place[128], url[192];

    (void)state;
    make_place("rights", place);
    accepted("sound:", place);
    change_mode(place, "/sound.so", 0646);
    REFUSED("sound:", place, TENON_DENIED, "file is writable by others", "/rights/sound.so");
    change_mode(place, "/sound.so", 0664);
    REFUSED("sound:", place, TENON_DENIED, "file is writable by its group");
    change_mode(place, "/sound.so", 0644);
    change_mode(place, "", 0757);
    REFUSED("sound:", place, TENON_DENIED, "folder is writable by others");
    change_mode(place, "", 0775);
    REFUSED("sound:", place, TENON_DENIED, "folder is writable by its group");
    (void)snprintf(url, sizeof url, "%s/sound.so:", place); /* by its path: the same */
    REFUSED(url, NULL, TENON_DENIED, "folder is writable by its group");
    change_mode(place, "", 0755);
    accepted(url, NULL);
}

static void
a_link_is_judged_by_where_it_leads(void **state)
{
    char place[128], target[128], command[512];

    (void)state;
    make_place("target", target);
    (void)snprintf(place, sizeof place, "%s/link", folder);
    (void)snprintf(command, sizeof command, "mkdir %s && ln -s %s/sound.so %s/sound.so", place,
                   target, place);
    run(command);
    accepted("sound:", place);
    change_mode(target, "", 0777);
    REFUSED("sound:", place, TENON_DENIED, "folder of the link's target is writable");
}

static void
a_plugin_of_another_user_is_refused(void **state)
{
    char place[128], path[192];

    (void)state;
    if (geteuid() != 0) {
        print_message("only root can give a file to another user\n");
        skip();
    }
    make_place("foreign", place);
    (void)snprintf(path, sizeof path, "%s/sound.so", place);
    assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    REFUSED("sound:", place, TENON_DENIED, "file belongs to user 65534, neither root nor you");
    assert_int_equal(chown(path, 0, 0), 0);
    assert_int_equal(chown(place, NOBODY, NOBODY), 0);
    REFUSED("sound:", place, TENON_DENIED, "folder belongs to user 65534");
}

static void
relative_paths_are_refused(void **state)
{
    (void)state;
    REFUSED("sound:", "plugins", TENON_DENIED, "plugins: a relative path");
    REFUSED("./sound.so:", NULL, TENON_CONFIG, "");
    REFUSED("../plugins/sound.so:", NULL, TENON_CONFIG, "");
}

static void
what_is_no_library_is_refused(void **state)
{
    char place[128], command[512];

    (void)state;
    make_place("nolibrary", place);
    (void)snprintf(command, sizeof command, "echo 'no library' > %s/sound.so", place);
    run(command);
    REFUSED("sound:", place, TENON_ABI, "can't be loaded");
    (void)snprintf(command, sizeof command, "rm %s/sound.so && mkfifo -m 644 %s/sound.so", place,
                   place);
    run(command);
    REFUSED("sound:", place, TENON_DENIED, "not a regular file");
    (void)snprintf(command, sizeof command, "rm %s/sound.so && mkdir %s/sound.so", place, place);
    run(command);
    REFUSED("sound:", place, TENON_DENIED, "not a regular file");
}

static void
every_place_is_listed_with_its_reason(void **state)
{
    char first[128], second[128], path[300];

    (void)state;
    make_place("first", first);
    make_place("second", second);
    change_mode(first, "/sound.so", 0666);
    change_mode(second, "", 0777);
    (void)snprintf(path, sizeof path, "%s:%s:/nowhere", first, second);
    assert_int_equal(setenv("TENON_DRIVER_PATH", "/in/the/environment", 1), 0);
    REFUSED("sound:", path, TENON_DENIED, "/first/sound.so: file is writable", "also tried",
            "/second/sound.so: folder is writable", "/nowhere/sound.so: no such file",
            "/in/the/environment/sound.so: no such file");
    REFUSED("missing:", "/nowhere", TENON_NOT_FOUND, "/nowhere/missing.so: no such file",
            "/in/the/environment/missing.so", "/drivers/missing.so");
    assert_int_equal(unsetenv("TENON_DRIVER_PATH"), 0);
}

/* The first one that can be used is used, wherever others lie. */
static void
a_refused_plugin_does_not_hide_a_later_one(void **state)
{
    char first[128], path[400];

    (void)state;
    make_place("hidden", first);
    change_mode(first, "/sound.so", 0666);
    (void)snprintf(path, sizeof path, "%s:%s", first, plugins);
    accepted("sound:", path);
}

static void
a_set_uid_program_ignores_the_environment(void **state)
{
    char command[700], line[512] = "";
    FILE *answer;

    (void)state;
    if (geteuid() != 0) {
        print_message("only root can make a program of another user\n");
        skip();
    }
    (void)snprintf(
        command, sizeof command,
        "cp %s %s/elevated && chown 65534 %s/elevated && chmod 4755 %s/elevated && chmod "
        "755 %s && TENON_DRIVER_PATH=%s %s/elevated sound",
        elevated, folder, folder, folder, folder, plugins, folder);
    answer = popen(command, "r");
    assert_non_null(answer);
    (void)fgets(line, sizeof line, answer);
    assert_int_equal(pclose(answer), 0);
    if (strstr(line, "ignored in a set-uid or set-gid process") == NULL)
        fail_msg("%s", line);
    (void)snprintf(command, sizeof command, "TENON_DRIVER_PATH=%s %s sound", plugins, elevated);
    answer = popen(command, "r"); /* the same without the bit */
    assert_non_null(answer);
    (void)fgets(line, sizeof line, answer);
    assert_int_equal(pclose(answer), 0);
    assert_string_equal(line, "OK: opened\n");
}

/* ---- The list ---- */

typedef struct listed {
    bool sound, magic, slot;
} listed;

static void
note(void *arg, const tenon_driver_info *info)
{
    listed *l = arg;

    if (strcmp(info->name, "sound") == 0)
        l->sound = info->refused == NULL && strcmp(info->version, "1.0") == 0 &&
                   info->abi_major == 1 && strstr(info->path, "/sound.so") != NULL;
    if (strcmp(info->name, "wrongmagic") == 0)
        l->magic = info->refused != NULL && strstr(info->refused, "magic") != NULL;
    if (strcmp(info->name, "noexec") == 0)
        l->slot = info->refused != NULL && strstr(info->refused, "query.exec") != NULL;
}

static void
the_list_of_drivers_has_the_refused_ones_with_their_reasons(void **state)
{
    tenon_error err = { 0 };
    listed l = { 0 };

    (void)state;
    assert_int_equal(tenon_drivers(plugins, note, &l, &err), TENON_OK);
    assert_true(l.sound);
    assert_true(l.magic);
    assert_true(l.slot);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plugins_that_do_not_fit_are_refused_with_the_reason),
        cmocka_unit_test(older_and_newer_plugins_are_accepted),
        cmocka_unit_test(slots_that_a_plugin_lacks_are_unsupported),
        cmocka_unit_test(a_plugin_that_others_may_write_is_refused),
        cmocka_unit_test(a_link_is_judged_by_where_it_leads),
        cmocka_unit_test(a_plugin_of_another_user_is_refused),
        cmocka_unit_test(relative_paths_are_refused),
        cmocka_unit_test(what_is_no_library_is_refused),
        cmocka_unit_test(every_place_is_listed_with_its_reason),
        cmocka_unit_test(a_refused_plugin_does_not_hide_a_later_one),
        cmocka_unit_test(a_set_uid_program_ignores_the_environment),
        cmocka_unit_test(the_list_of_drivers_has_the_refused_ones_with_their_reasons),
    };
    char command[128];
    int failed;

    if (argc != 3)
        return EXIT_FAILURE;
    plugins = argv[1];
    elevated = argv[2];
    (void)umask(022);
    (void)unsetenv("TENON_DRIVER_PATH");
    (void)snprintf(folder, sizeof folder, "/tmp/tenon-abi-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return EXIT_FAILURE;
    failed = cmocka_run_group_tests_name("abi", tests, NULL, NULL);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? failed : EXIT_FAILURE;
}
