/* What callers are told: conflicts with their SQLSTATE, names of what is concerned, isolation as it
 * was asked for, and no passwords. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "talk.h"

enum { OWNER_ID };
enum { PET_ID, PET_OWNER, PET_NAME, PET_AGE };

static const tenon_column owner_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
};
static const tenon_table owner_table = {
    .name = "owner",
    .columns = owner_columns,
    .column_count = 1,
    .primary_key = TENON_COLUMNS(OWNER_ID),
};
static const tenon_column pet_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "owner", .type = TENON_INT, .not_null = true },
    { .name = "name", .type = TENON_TEXT, .not_null = true, .max_bytes = 64 },
    { .name = "age", .type = TENON_INT, .not_null = true },
};
static const tenon_index pet_indexes[] = {
    { .name = "pet_by_name", .columns = TENON_COLUMNS(PET_NAME), .unique = true },
};
static const tenon_foreign_key pet_keys[] = {
    { .name = "pet_has_owner", .columns = TENON_COLUMNS(PET_OWNER), .references = "owner" },
};
static const tenon_table pet_table = {
    .name = "pet",
    .columns = pet_columns,
    .column_count = 4,
    .primary_key = TENON_COLUMNS(PET_ID),
    .indexes = pet_indexes,
    .index_count = 1,
    .foreign_keys = pet_keys,
    .foreign_key_count = 1,
};
static const tenon_table *const errors_tables[] = { &owner_table, &pet_table };
static const tenon_schema errors_schema = {
    .name = "errors", .version = 1, .tables = errors_tables, .table_count = 2
};

static const tenon_query insert_owner = {
    .name = "insert_owner",
    .kind = TENON_INSERT,
    .table = &owner_table,
    .columns = TENON_COLUMNS(OWNER_ID),
};
static const tenon_query insert_pet = {
    .name = "insert_pet",
    .kind = TENON_INSERT,
    .table = &pet_table,
    .columns = TENON_COLUMNS(PET_ID, PET_OWNER, PET_NAME, PET_AGE),
};
static const tenon_query count_by_owner = {
    .name = "count_by_owner",
    .kind = TENON_COUNT,
    .table = &pet_table,
    .where = TENON_WHERE(TENON_EQ(PET_OWNER, 0)),
};
static const tenon_query age_pet = {
    .name = "age_pet",
    .kind = TENON_UPDATE,
    .table = &pet_table,
    .set = TENON_SET(TENON_PLUS(PET_AGE, 1)),
    .where = TENON_WHERE(TENON_EQ(PET_ID, 0)),
};

static pg_server *errors_server;
static tenon_db *errors_db;

static tenon_status
errors_pet(tenon_txn *txn, int64_t id, int64_t owner, const char *name, int64_t age, bool wait,
           tenon_error *err)
{
    const tenon_value row[] = { tenon_int(id), tenon_int(owner), tenon_text(name), tenon_int(age) };
    uint64_t affected;

    return tenon_exec(txn, &insert_pet, row, wait ? &affected : NULL, err);
}

static tenon_status
errors_age(tenon_txn *txn, int64_t id, tenon_error *err)
{
    const tenon_value params[] = { tenon_int(id), tenon_int(1) };
    uint64_t affected;

    return tenon_exec(txn, &age_pet, params, &affected, err);
}

static uint64_t
errors_count(tenon_txn *txn, int64_t owner, tenon_status *st, tenon_error *err)
{
    const tenon_value id = tenon_int(owner);
    uint64_t count = 0;

    *st = tenon_count(txn, &count_by_owner, &id, &count, err);
    return count;
}

static tenon_txn *
errors_begin(uint32_t isolation)
{
    const tenon_txn_options options = { .size = sizeof options,
                                        .isolation = isolation,
                                        .timeout_ms = 10000 };
    tenon_error err = { 0 };
    tenon_txn *txn = NULL;

    talk_is(tenon_begin(errors_db, &options, &txn, &err), &err, TENON_OK);
    return txn;
}

static int
errors_setup(void **state)
{
    static const char *const settings[] = { "deadlock_timeout=50ms", NULL };
    const tenon_open_options options = { .size = sizeof options,
                                         .schema = &errors_schema,
                                         .min_connections = UINT32_MAX,
                                         .max_connections = 4 };
    tenon_error err = { 0 };
    char url[256];

    (void)state;
    errors_server = pg_server_new(settings);
    if (errors_server == NULL)
        return -1;
    pg_server_url(errors_server, "postgres", true, url, sizeof url);
    if (tenon_open(url, &options, &errors_db, &err) != TENON_OK) {
        print_error("%s\n", err.message);
        pg_server_free(errors_server);
        return -1;
    }
    return 0;
}

static int
errors_teardown(void **state)
{
    (void)state;
    tenon_close(errors_db);
    pg_server_free(errors_server);
    return 0;
}

/* Empty tables but for one owner and two pets. */
static void
errors_fill(void)
{
    talk_do(errors_server, "TRUNCATE owner, pet");
    talk_do(errors_server, "INSERT INTO owner VALUES (1), (2)");
    talk_do(errors_server, "INSERT INTO pet VALUES (1, 1, 'a', 1), (2, 1, 'b', 1)");
}

/* ---- Conflicts ---- */

static void
errors_is_conflict(tenon_status st, const tenon_error *err, const char *sqlstate)
{
    talk_is(st, err, TENON_CONFLICT);
    assert_string_equal(err->sqlstate, sqlstate);
    assert_string_equal(err->driver, "postgres");
    assert_true(tenon_status_retryable(st));
}

static void
a_row_changed_by_another_is_a_conflict_at_the_statement(void **state)
{
    tenon_error err = { 0 };
    tenon_txn *txn, *other;
    tenon_status st;

    (void)state;
    errors_fill();
    txn = errors_begin(TENON_SNAPSHOT);
    (void)errors_count(txn, 1, &st, &err);
    assert_int_equal(st, TENON_OK);
    other = errors_begin(TENON_SNAPSHOT);
    assert_int_equal(errors_age(other, 1, &err), TENON_OK);
    assert_int_equal(tenon_commit(other, &err), TENON_OK);
    errors_is_conflict(errors_age(txn, 1, &err), &err, "40001");
    assert_int_equal(tenon_txn_state(txn), TENON_TXN_DOOMED);
    errors_is_conflict(tenon_commit(txn, &err), &err, "40001");
}

/* Each reads what the other one writes. */
static void
write_skew_is_a_conflict_at_commit(void **state)
{
    tenon_error err = { 0 };
    tenon_txn *txns[2];
    tenon_status st;

    (void)state;
    errors_fill();
    for (int i = 0; i < 2; i++) {
        txns[i] = errors_begin(TENON_SERIALIZABLE);
        (void)errors_count(txns[i], 1 + i, &st, &err);
        assert_int_equal(st, TENON_OK);
    }
    talk_is(errors_pet(txns[0], 10, 2, "x", 1, true, &err), &err, TENON_OK);
    talk_is(errors_pet(txns[1], 11, 1, "y", 1, true, &err), &err, TENON_OK);
    talk_is(tenon_commit(txns[0], &err), &err, TENON_OK);
    errors_is_conflict(tenon_commit(txns[1], &err), &err, "40001");
    talk_wait(errors_server, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM pet", "1 2 10");
}

/* A thread that wants the first pet while it has the second. */
typedef struct errors_crossing {
    tenon_txn *txn;
    tenon_status st;
    tenon_error err;
    pthread_t thread;
} errors_crossing;

static void *
errors_cross(void *arg)
{
    errors_crossing *other = arg;

    other->st = errors_age(other->txn, 1, &other->err);
    if (other->st != TENON_OK)
        tenon_rollback(other->txn); /* so that the other one gets its row */
    return NULL;
}

static void
a_deadlock_is_a_conflict_of_one_of_the_two(void **state)
{
    errors_crossing other = { .st = TENON_OK };
    tenon_error err = { 0 };
    tenon_txn *txn;
    tenon_status st;

    (void)state;
    errors_fill();
    txn = errors_begin(TENON_READ_COMMITTED);
    other.txn = errors_begin(TENON_READ_COMMITTED);
    assert_int_equal(errors_age(txn, 1, &err), TENON_OK);
    assert_int_equal(errors_age(other.txn, 2, &err), TENON_OK);
    assert_int_equal(pthread_create(&other.thread, NULL, errors_cross, &other), 0);
    talk_wait(errors_server,
              "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1");
    st = errors_age(txn, 2, &err);
    if (st != TENON_OK) {
        errors_is_conflict(st, &err, "40P01");
        tenon_rollback(txn);
    }
    assert_int_equal(pthread_join(other.thread, NULL), 0);
    if (st == TENON_OK) {
        errors_is_conflict(other.st, &other.err, "40P01");
        talk_is(tenon_commit(txn, &err), &err, TENON_OK);
    } else {
        talk_is(other.st, &other.err, TENON_OK);
        talk_is(tenon_commit(other.txn, &err), &err, TENON_OK);
    }
    talk_wait(errors_server, "SELECT sum(age)::text FROM pet", "4");
}

/* How a body gets into a conflict at its first attempt. */
typedef struct errors_retry {
    bool at_commit;
    uint32_t attempts;
    bool failed; /* the one beside it */
} errors_retry;

static tenon_status
errors_retry_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    errors_retry *retry = arg;
    tenon_txn *other = NULL;
    tenon_error own = { 0 };
    tenon_status st;

    retry->attempts = tenon_txn_attempt(txn);
    (void)errors_count(txn, 1, &st, err);
    if (st != TENON_OK)
        return st;
    if (retry->attempts == 1) {
        other = errors_begin(TENON_SERIALIZABLE);
        (void)errors_count(other, 2, &st, &own);
        if (retry->at_commit)
            st = errors_pet(other, 20, 1, "other", 1, true, &own);
        else
            st = errors_age(other, 1, &own);
    }
    if (other != NULL && !retry->at_commit)
        retry->failed = tenon_commit(other, &own) != TENON_OK;
    st = retry->at_commit ? errors_pet(txn, 21, 2, "own", 1, true, err) : errors_age(txn, 1, err);
    if (other != NULL && retry->at_commit)
        retry->failed = tenon_commit(other, &own) != TENON_OK;
    return st;
}

static void
tenon_run_runs_again_after_a_conflict(void **state)
{
    const tenon_txn_options options = { .size = sizeof options, .isolation = TENON_SERIALIZABLE };

    (void)state;
    for (int at_commit = 0; at_commit < 2; at_commit++) {
        errors_retry retry = { .at_commit = at_commit };
        tenon_error err = { 0 };

        errors_fill();
        talk_is(tenon_run(errors_db, &options, errors_retry_body, &retry, &err), &err, TENON_OK);
        assert_false(retry.failed);
        assert_int_equal(retry.attempts, 2);
        talk_wait(errors_server, "SELECT count(*) || ' ' || sum(age) FROM pet",
                  at_commit ? "4 4" : "2 4");
    }
}

/* ---- Isolation ---- */

static void
the_server_says_the_level_that_was_asked_for(void **state)
{
    static const char *const levels[] = { "serializable", "read committed", "repeatable read",
                                          "serializable" };

    (void)state;
    for (int i = 0; i < 16; i++) {
        const tenon_txn_options options = { .size = sizeof options,
                                            .isolation = (uint32_t)i % 4,
                                            .read_only = i / 4 % 2 == 1 };
        const char *const wanted[] = { levels[i % 4], options.read_only ? "on" : "off" };
        static const char *const shows[] = { "SHOW transaction_isolation",
                                             "SHOW transaction_read_only" };
        tenon_error err = { 0 };
        tenon_txn *txn = NULL;

        assert_int_equal(tenon_begin(errors_db, &options, &txn, &err), TENON_OK);
        for (int j = 0; j < 2; j++) {
            const tenon_value *row;
            tenon_cursor *cursor;

            talk_is(tenon_sql(txn, shows[j], NULL, 0, &cursor, &err), &err, TENON_OK);
            talk_is(tenon_next(cursor, &row, &err), &err, TENON_OK);
            assert_int_equal(row[0].len, strlen(wanted[j]));
            assert_memory_equal(row[0].as.data, wanted[j], row[0].len);
            tenon_cursor_close(cursor);
        }
        talk_is(tenon_commit(txn, &err), &err, TENON_OK);
    }
}

/* ---- Names ---- */

static void
errors_is(tenon_status st, tenon_status wanted, const tenon_error *err, const char *sqlstate,
          const char *object, const char *words)
{
    if (st != wanted || strcmp(err->sqlstate, sqlstate) != 0 || strcmp(err->object, object) != 0 ||
        strstr(err->message, words) == NULL)
        fail_msg("%s, \"%s\", \"%s\": %s", tenon_status_name(st), err->sqlstate, err->object,
                 err->message);
}

static void
errors_name_constraint_and_table_and_leave_the_transaction_open(void **state)
{
    tenon_error err = { 0 };
    tenon_txn *txn;

    (void)state;
    errors_fill();
    talk_do(errors_server, "ALTER TABLE pet ADD CONSTRAINT pet_is_born CHECK (age >= 0)");
    txn = errors_begin(TENON_READ_COMMITTED);
    errors_is(errors_pet(txn, 3, 1, "a", 1, true, &err), TENON_EXISTS, &err, "23505", "pet_by_name",
              "insert_pet");
    errors_is(errors_pet(txn, 1, 1, "c", 1, true, &err), TENON_EXISTS, &err, "23505", "pet.primary",
              "insert_pet");
    errors_is(errors_pet(txn, 3, 9, "c", 1, true, &err), TENON_CONSTRAINT, &err, "23503",
              "pet_has_owner", "owner=9");
    errors_is(errors_pet(txn, 3, 1, "c", -1, true, &err), TENON_CONSTRAINT, &err, "23514",
              "pet_is_born", "age=-1");
    errors_is(tenon_sql(txn, "INSERT INTO pet VALUES (3, 1, NULL, 1)", NULL, 0, NULL, &err),
              TENON_CONSTRAINT, &err, "23502", "pet.name", "null value");
    errors_is(tenon_sql(txn, "DELETE FROM owner WHERE id = 1", NULL, 0, NULL, &err),
              TENON_CONSTRAINT, &err, "23503", "pet_has_owner", "violates");
    talk_is(errors_pet(txn, 3, 1, "c", 1, true, &err), &err, TENON_OK);
    talk_is(tenon_commit(txn, &err), &err, TENON_OK);
    talk_wait(errors_server, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM pet", "1 2 3");
    talk_do(errors_server, "ALTER TABLE pet DROP CONSTRAINT pet_is_born");
}

/* Nobody waited for it: then the next call that waits tells of it, and not of what came after. */
static void
a_failure_in_the_middle_of_a_pipeline_is_told_with_its_name(void **state)
{
    (void)state;
    for (int at_commit = 0; at_commit < 2; at_commit++) {
        const tenon_value owner = tenon_int(3);
        tenon_error err = { 0 };
        tenon_status st;
        tenon_txn *txn;

        errors_fill();
        txn = errors_begin(TENON_READ_COMMITTED);
        talk_is(tenon_exec(txn, &insert_owner, &owner, NULL, &err), &err, TENON_OK);
        talk_is(errors_pet(txn, 7, 3, "first", 1, false, &err), &err, TENON_OK);
        talk_is(errors_pet(txn, 8, 3, "b", 1, false, &err), &err, TENON_OK); /* the name is taken */
        talk_is(errors_pet(txn, 9, 77, "third", 1, false, &err), &err, TENON_OK);
        if (at_commit == 0) {
            (void)errors_count(txn, 1, &st, &err);
            errors_is(st, TENON_EXISTS, &err, "23505", "pet_by_name", "insert_pet: ");
            assert_int_equal(tenon_txn_state(txn), TENON_TXN_DOOMED);
        }
        st = tenon_commit(txn, &err);
        errors_is(st, TENON_EXISTS, &err, "23505", "pet_by_name", "id=8, owner=3, name='b'");
        talk_wait(errors_server,
                  "SELECT (SELECT count(*) FROM owner) || ' ' || (SELECT count(*) FROM pet)",
                  "2 2");
    }
}

/* ---- Passwords ---- */

static void
errors_hides(const char *url, tenon_status wanted)
{
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    const uint64_t began_ms = ledger_now_ms();

    talk_is(tenon_open(url, NULL, &db, &err), &err, wanted);
    talk_in_time(began_ms, 0, 1000);
    if (strstr(err.message, "hunter") != NULL || strstr(err.object, "hunter") != NULL)
        fail_msg("%s", err.message);
    assert_true(err.message[0] != '\0');
}

static void
no_error_shows_a_password(void **state)
{
    const int port = pg_server_port(errors_server);
    char rules[160], url[300];
    const tenon_open_options options = { .size = sizeof options, .min_connections = UINT32_MAX };
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    FILE *file;

    (void)state;
    talk_do(errors_server, "CREATE ROLE guarded LOGIN PASSWORD 'hunter2'");
    talk_do(errors_server, "GRANT ALL ON SCHEMA public TO guarded");
    (void)snprintf(rules, sizeof rules, "%s/d/pg_hba.conf", pg_server_folder(errors_server));
    file = fopen(rules, "w");
    assert_non_null(file);
    (void)fprintf(file, "host all guarded 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 "
                        "trust\nlocal all all trust\n");
    (void)fclose(file);
    talk_do(errors_server, "SELECT pg_reload_conf()");
    talk_wait(errors_server, "SELECT count(*)::text FROM pg_hba_file_rules", "3");

    (void)snprintf(url, sizeof url, "postgres://guarded:hunter2@127.0.0.1:%d/postgres", port);
    talk_is(tenon_open(url, &options, &db, &err), &err, TENON_OK);
    assert_null(strstr(tenon_db_url(db), "hunter"));
    tenon_close(db);
    (void)snprintf(url, sizeof url, "postgres://guarded:hunter3@127.0.0.1:%d/postgres", port);
    errors_hides(url, TENON_DENIED); /* at once: to ask again does not help */
    (void)snprintf(url, sizeof url,
                   "postgres://guarded@127.0.0.1:%d/postgres?password=hunter3&connect_timeout=1",
                   port);
    errors_hides(url, TENON_DENIED);
    errors_hides("postgres://guarded:hunter3@127.0.0.1:1/postgres?connect_timeout=1",
                 TENON_UNAVAILABLE);
    errors_hides("postgres:host=127.0.0.1 port=1 password=hunter3 connect_timeout=1",
                 TENON_UNAVAILABLE);
    errors_hides("postgres://guarded:hunter3@127.0.0.1:1/postgres?key=hunter3", TENON_CONFIG);
    errors_hides("postgres://guarded:a?hunter3=b@127.0.0.1:1/postgres", TENON_CONFIG);
    errors_hides("postgres:host=127.0.0.1 password='hunter3", TENON_CONFIG);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_changed_by_another_is_a_conflict_at_the_statement),
        cmocka_unit_test(write_skew_is_a_conflict_at_commit),
        cmocka_unit_test(a_deadlock_is_a_conflict_of_one_of_the_two),
        cmocka_unit_test(tenon_run_runs_again_after_a_conflict),
        cmocka_unit_test(the_server_says_the_level_that_was_asked_for),
        cmocka_unit_test(errors_name_constraint_and_table_and_leave_the_transaction_open),
        cmocka_unit_test(a_failure_in_the_middle_of_a_pipeline_is_told_with_its_name),
        cmocka_unit_test(no_error_shows_a_password),
    };

    if (!pg_server_found()) {
        (void)printf("SKIPPED: no PostgreSQL is installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, errors_setup, errors_teardown);
}
