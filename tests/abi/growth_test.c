/*
 * Drivers of one version of the ABI in a core of another. Built twice: with the core and the
 * headers as they are, and with TENON_FUTURE, with both as future.sh makes them. Arguments: the
 * plugins, behind guard.c where they are not filters, and where each keeps its data (a name, or
 * "-").
 */
#define _XOPEN_SOURCE 700 /* for mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/host.h"
#include "core/loader.h"
#include "core/plugin.h"
#include "guarded.h"
#include "tenon/tenon.h"

static char **subjects; /* path, place, path, place, … */
static int subject_count;
static const char *greedy; /* a driver that reads what it was not given */
static char folder[64];

/* ---- What each driver has to do ---- */

enum { OWNER_NAME, OWNER_PLACE };
enum { PET_ID, PET_OWNER, PET_NAME, PET_MEALS };
enum { OWNERS = 4, MEALS = 25 };

static const tenon_column owner_columns[] = {
    { .name = "name", .type = TENON_TEXT, .not_null = true, .max_bytes = 40 },
    { .name = "place", .type = TENON_TEXT },
};
static const tenon_table owners = { .name = "owners",
                                    .columns = owner_columns,
                                    .column_count = 2,
                                    .primary_key = TENON_COLUMNS(OWNER_NAME) };
static const tenon_column pet_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "owner", .type = TENON_TEXT, .max_bytes = 40 },
    { .name = "name", .type = TENON_TEXT, .not_null = true, .max_bytes = 40 },
    { .name = "meals", .type = TENON_INT, .not_null = true },
};
static const tenon_index pet_indexes[] = {
    { .name = "pet_by_name", .columns = TENON_COLUMNS(PET_NAME), .unique = true }
};
static const tenon_foreign_key pet_keys[] = { { .name = "pet_has_owner",
                                                .columns = TENON_COLUMNS(PET_OWNER),
                                                .references = "owners",
                                                .on_delete = TENON_CASCADE } };
static const tenon_table pets = { .name = "pets",
                                  .columns = pet_columns,
                                  .column_count = 4,
                                  .primary_key = TENON_COLUMNS(PET_ID),
                                  .indexes = pet_indexes,
                                  .index_count = 1,
                                  .foreign_keys = pet_keys,
                                  .foreign_key_count = 1 };
static const tenon_table *const tables[] = { &owners, &pets };
static const tenon_schema schema = {
    .name = "zoo", .version = 1, .tables = tables, .table_count = 2
};

static const tenon_query add_owner = { .name = "add_owner",
                                       .kind = TENON_INSERT,
                                       .table = &owners,
                                       .columns = TENON_COLUMNS(OWNER_NAME) };
static const tenon_query remove_owner = { .name = "remove_owner",
                                          .kind = TENON_DELETE,
                                          .table = &owners,
                                          .where = TENON_WHERE(TENON_EQ(OWNER_NAME, 0)) };
static const tenon_query find_owner = { .name = "find_owner",
                                        .kind = TENON_SELECT,
                                        .table = &owners,
                                        .columns = TENON_COLUMNS(OWNER_NAME, OWNER_PLACE),
                                        .where = TENON_WHERE(TENON_EQ(OWNER_NAME, 0)) };
static const tenon_query add_pet = { .name = "add_pet",
                                     .kind = TENON_INSERT,
                                     .table = &pets,
                                     .columns = TENON_COLUMNS(PET_ID, PET_OWNER, PET_NAME,
                                                              PET_MEALS) };
static const tenon_query list_pets = { .name = "list_pets",
                                       .kind = TENON_SELECT,
                                       .table = &pets,
                                       .columns = TENON_COLUMNS(PET_NAME),
                                       .order = TENON_ORDER(TENON_DESC(PET_NAME)) };
static const tenon_query feed = { .name = "feed",
                                  .kind = TENON_UPDATE,
                                  .table = &pets,
                                  .set = TENON_SET(TENON_PLUS(PET_MEALS, 1)),
                                  .where = TENON_WHERE(TENON_EQ(PET_ID, 0)) };
static const tenon_query read_meals = { .name = "read_meals",
                                        .kind = TENON_SELECT,
                                        .table = &pets,
                                        .columns = TENON_COLUMNS(PET_MEALS),
                                        .where = TENON_WHERE(TENON_EQ(PET_ID, 0)) };

static void
must(tenon_status st, tenon_status wanted, const tenon_error *err, const char *what)
{
    if (st != wanted)
        fail_msg("%s: %s instead of %s: %s", what, tenon_status_name(st), tenon_status_name(wanted),
                 err->message);
}

static tenon_status
put_pet(tenon_txn *txn, int64_t id, const char *owner, const char *name, tenon_error *err)
{
    const tenon_value row[] = { tenon_int(id), tenon_text(owner), tenon_text(name), tenon_int(0) };
    uint64_t affected;

    return tenon_exec(txn, &add_pet, row, &affected, err);
}

/* Rows come in, in two tables; nobody waits for the first. */
static tenon_status
fill(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value name = tenon_text("ann");
    tenon_status st = tenon_exec(txn, &add_owner, &name, NULL, err);

    (void)arg;
    if (st == TENON_OK)
        st = tenon_require(txn, &find_owner, &name, err);
    if (st == TENON_OK)
        st = put_pet(txn, 1, "ann", "rex", err);
    if (st == TENON_OK)
        st = put_pet(txn, 2, NULL, "tom", err);
    return st;
}

/* The names of all pets in order, "tom rex ". */
static void
names_are(tenon_txn *txn, const char *wanted)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    tenon_error err = { 0 };
    char names[200] = "";
    tenon_status st;

    must(tenon_select(txn, &list_pets, NULL, &cursor, &err), TENON_OK, &err, "select");
    while ((st = tenon_next(cursor, &row, &err)) == TENON_OK)
        (void)snprintf(names + strlen(names), sizeof names - strlen(names), "%.*s ", (int)row->len,
                       (const char *)row->as.data);
    must(st, TENON_NOT_FOUND, &err, "next");
    tenon_cursor_close(cursor);
    assert_string_equal(names, wanted);
}

static void
a_statement_that_fails_leaves_no_trace(tenon_txn *txn)
{
    tenon_error err = { 0 };

    must(put_pet(txn, 3, NULL, "rex", &err), TENON_EXISTS, &err, "a name twice");
    assert_string_equal(err.object, "pet_by_name");
    must(put_pet(txn, 2, NULL, "leo", &err), TENON_EXISTS, &err, "a key twice");
    assert_string_equal(err.object, "pets.primary");
    must(put_pet(txn, 3, "eve", "leo", &err), TENON_CONSTRAINT, &err, "no such owner");
    assert_string_equal(err.object, "pet_has_owner");
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_ACTIVE);
    names_are(txn, "tom rex ");
}

static void
savepoints_undo(tenon_db *db, tenon_txn *txn)
{
    uint32_t outer, inner;
    tenon_error err = { 0 };

    if ((tenon_db_capabilities(db) & TENON_CAP_SAVEPOINTS) == 0)
        return;
    must(tenon_savepoint(txn, &outer, &err), TENON_OK, &err, "savepoint");
    must(put_pet(txn, 3, NULL, "leo", &err), TENON_OK, &err, "insert");
    must(tenon_savepoint(txn, &inner, &err), TENON_OK, &err, "savepoint");
    must(put_pet(txn, 4, NULL, "kim", &err), TENON_OK, &err, "insert");
    must(tenon_savepoint_rollback(txn, inner, &err), TENON_OK, &err, "rollback to a savepoint");
    names_are(txn, "tom rex leo ");
    must(tenon_savepoint_rollback(txn, outer, &err), TENON_OK, &err, "rollback to a savepoint");
    names_are(txn, "tom rex ");
    must(tenon_savepoint(txn, &outer, &err), TENON_OK, &err, "savepoint");
    must(tenon_savepoint_release(txn, outer, &err), TENON_OK, &err, "release");
}

static void
rolled_back(tenon_db *db)
{
    const tenon_value ann = tenon_text("ann");
    tenon_error err = { 0 };
    tenon_txn *txn = NULL;
    uint64_t affected;

    must(tenon_begin(db, NULL, &txn, &err), TENON_OK, &err, "begin");
    a_statement_that_fails_leaves_no_trace(txn);
    savepoints_undo(db, txn);
    must(tenon_exec(txn, &remove_owner, &ann, &affected, &err), TENON_OK, &err, "delete");
    assert_int_equal(affected, 1);
    names_are(txn, "tom "); /* the cascade */
    tenon_rollback(txn);
    must(tenon_begin(db,
                     &(tenon_txn_options){ .size = sizeof(tenon_txn_options), .read_only = true },
                     &txn, &err),
         TENON_OK, &err, "begin");
    names_are(txn, "tom rex ");
    must(tenon_commit(txn, &err), TENON_OK, &err, "commit");
}

static tenon_status
feed_one(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value params[] = { tenon_int(1), tenon_int(1) };

    (void)arg;
    return tenon_exec(txn, &feed, params, NULL, err);
}

static void *
feeder(void *arg)
{
    tenon_error err = { 0 };
    uintptr_t failed = 0;

    for (int i = 0; i < MEALS; i++)
        failed += tenon_run((tenon_db *)arg, NULL, feed_one, NULL, &err) != TENON_OK;
    return (void *)failed; /* NOLINT: a count */
}

/* Many at once: where the driver and the core know of groups, they share transactions. */
static void
many_write(tenon_db *db)
{
    const tenon_value id = tenon_int(1);
    pthread_t threads[OWNERS];
    const tenon_value *row = NULL;
    tenon_error err = { 0 };
    tenon_txn *txn = NULL;
    void *failed;

    for (int i = 0; i < OWNERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, feeder, db), 0);
    for (int i = 0; i < OWNERS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    must(tenon_begin(db, NULL, &txn, &err), TENON_OK, &err, "begin");
    must(tenon_fetch(txn, &read_meals, &id, &row, &err), TENON_OK, &err, "fetch");
    assert_int_equal(row[0].as.i, OWNERS * MEALS);
    must(tenon_commit(txn, &err), TENON_OK, &err, "commit");
}

/* ---- The drivers ---- */

static void
url_of(int subject, const char *before, char *out, size_t out_bytes)
{
    const char *place = subjects[2 * subject + 1];

    if (strcmp(place, "-") == 0)
        (void)snprintf(out, out_bytes, "%s%s:", before, subjects[2 * subject]);
    else
        (void)snprintf(out, out_bytes, "%s%s:%s/%s%d%c?durability=process", before,
                       subjects[2 * subject], folder, place, subject,
                       before[0] != '\0' ? before[0] : '-');
}

static void
works(const char *url)
{
    const tenon_open_options options = { .size = sizeof options, .schema = &schema };
    tenon_db_info info = { .size = sizeof info };
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    uint64_t problems = 0;

    (void)signal(SIGSEGV, SIG_DFL); /* cmocka would go on, with a lock held */
    print_message("%s\n", url);
    must(tenon_open(url, &options, &db, &err), TENON_OK, &err, url);
    must(tenon_run(db, NULL, fill, NULL, &err), TENON_OK, &err, "fill");
    rolled_back(db);
    many_write(db);
    must(tenon_db_get_info(db, &info, &err), TENON_OK, &err, "info");
    must(tenon_db_verify(db, NULL, NULL, &problems, &err), TENON_OK, &err, "verify");
    assert_int_equal(problems, 0);
    tenon_close(db);
}

static void
every_driver_does_all_of_its_work(void **state)
{
    char url[400];

    (void)state;
    for (int i = 0; i < subject_count; i++) {
        url_of(i, "", url, sizeof url);
        works(url);
    }
}

/* As they are, or behind a filter of today, which knows of no later slot either. */
static void
and_so_it_does_behind_a_filter(void **state)
{
    char url[400];

    (void)state;
    for (int i = 0; i < subject_count; i++) {
        url_of(i, "fault+", url, sizeof url);
        works(url);
    }
}

static void
what_a_driver_does_not_have_reads_as_null(void **state)
{
    (void)state;
    for (int i = 0; i < subject_count; i++) {
        const bool future = strstr(subjects[2 * i], "future") != NULL;
        const bool oldest = strstr(subjects[2 * i], "store10") != NULL;
        const tenon_driver *driver = NULL;
        tenon_error err = { 0 };

        must(tni_driver_find_by_path(subjects[2 * i], &driver, &err), TENON_OK, &err, "find");
        assert_int_equal(driver->size, sizeof *driver);
        assert_int_equal(driver->query->size, sizeof *driver->query);
        if (oldest) {
            assert_null(driver->connection->open_until);
            assert_null(driver->connection->round_trips);
            assert_null(driver->query->require);
        }
#ifdef TENON_FUTURE
        if (future) /* but for those of memory, compiled with slots that it does not set */
            continue;
        assert_int_equal(driver->future, 0);
        assert_null(driver->database->future);
        assert_null(driver->connection->future);
        assert_null(driver->transaction->future);
        assert_null(driver->query->future);
        assert_null(driver->schema->future);
        assert_null(driver->two_phase->future);
        assert_null(driver->admin->future);
#else
        assert_int_equal(driver->abi_minor > TENON_DRIVER_ABI_MINOR, future);
#endif
    }
}

/* What a plugin itself hands out. */
static const tenon_driver *
descriptor(const char *path)
{
    const tenon_driver *(*entry)(const tenon_host *host) = NULL;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library != NULL ? dlsym(library, TENON_DRIVER_ENTRY) : NULL;

    assert_non_null(symbol);
    memcpy(&entry, &symbol, sizeof entry);
    return entry(&tni_host);
}

/* The core's copy ends where memory ends: it takes no more of a longer table than it knows. */
static void
a_copy_holds_what_the_core_knows(void **state)
{
    (void)state;
    for (int i = 0; i < subject_count; i++) {
        tni_plugin *plugin = guarded_new(sizeof *plugin);
        tni_reason reason;

        assert_int_equal(tni_plugin_normalise(descriptor(subjects[2 * i]), plugin, &reason),
                         TENON_OK);
        assert_int_equal(plugin->admin.size, sizeof plugin->admin);
        guarded_free(plugin, sizeof *plugin);
    }
}

/* What is told of the sizes of the other side holds for either. */
static void
a_shared_begin_is_known_by_its_own_size(void **state)
{
    tenon_drv_begin how = { .size = offsetof(tenon_drv_begin, reserved2) + sizeof how.reserved2,
                            .shared = 1 };

    (void)state;
    assert_true(tenon_drv_is_shared(&how));
    how.size = offsetof(tenon_drv_begin, shared); /* a core of 1.0 */
    assert_false(tenon_drv_is_shared(&how));
}

/* The guard guards: a driver that reads a member that this core does not have dies of it. */
static void
who_reads_beyond_a_struct_crashes(void **state)
{
    char url[400];
    int status;
    pid_t child;

    (void)state;
    (void)snprintf(url, sizeof url, "%s:", greedy);
    (void)fflush(NULL);
    child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        const tenon_open_options options = { .size = sizeof options, .schema = &schema };
        tenon_db *db = NULL;

        (void)signal(SIGSEGV, SIG_DFL); /* cmocka has a handler of its own */
        _Exit(tenon_open(url, &options, &db, NULL) == TENON_OK ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
#ifdef TENON_FUTURE
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS); /* it has it */
#else
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
#endif
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_driver_does_all_of_its_work),
        cmocka_unit_test(and_so_it_does_behind_a_filter),
        cmocka_unit_test(what_a_driver_does_not_have_reads_as_null),
        cmocka_unit_test(a_copy_holds_what_the_core_knows),
        cmocka_unit_test(a_shared_begin_is_known_by_its_own_size),
        cmocka_unit_test(who_reads_beyond_a_struct_crashes),
    };
    char command[128];
    int failed;

    if (argc < 4 || argc % 2 != 0)
        return EXIT_FAILURE;
    greedy = argv[1];
    subjects = argv + 2;
    subject_count = (argc - 2) / 2;
    (void)snprintf(folder, sizeof folder, "/tmp/tenon-abi-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return EXIT_FAILURE;
    failed = cmocka_run_group_tests_name("abi growth", tests, NULL, NULL);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? failed : EXIT_FAILURE;
}
