/* Databases: how options reach the pool and the driver, and what closing waits for. */
#include "fake.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/env.h"

static const tenon_value one[] = { { .type = TENON_INT, .as = { .i = 1 } } };

static tenon_status
try_open(const char *url, const tenon_open_options *options, tenon_error *err)
{
    tenon_db *db = (tenon_db *)(void *)&fake;
    tenon_status st = tenon_open(url, options, &db, err);

    if (st != TENON_OK)
        assert_null(db);
    tenon_close(db);
    return st;
}

static void
options_are_checked(void **state)
{
    const tenon_open_options unset = { .max_connections = 1 };
    const tenon_open_options older = { .size = sizeof(uint32_t) };
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(try_open("fake:", &unset, &err), TENON_MISUSE);
    assert_int_equal(try_open("fake:", &older, &err), TENON_OK);
    assert_int_equal(try_open(NULL, NULL, &err), TENON_CONFIG);
    assert_int_equal(try_open("fake", NULL, &err), TENON_CONFIG);
    assert_int_equal(try_open("fake:?durability=power", NULL, &err), TENON_UNSUPPORTED);
    assert_string_equal(err.object, "durability");
    assert_int_equal(try_open("fake:?durability=none", NULL, &err), TENON_OK);
    tenon_close(NULL);
}

static void
a_database_says_what_it_is(void **state)
{
    tenon_db *db = fake_open("fake:user:s3cret@host", NULL);
    tenon_db_info info = { .size = offsetof(tenon_db_info, committed_count) };

    (void)state;
    assert_string_equal(tenon_db_driver(db), "fake");
    assert_string_equal(tenon_db_url(db), "fake:user:***@host");
    assert_int_equal(tenon_db_durability(db), TENON_DURABLE_NONE);
    assert_int_equal(tenon_db_capabilities(db), fake.capabilities);
    tenon_rollback(fake_begin(db, NULL));
    info.committed_count = 77;
    assert_int_equal(tenon_db_get_info(db, &info, NULL), TENON_OK);
    assert_int_equal(info.begun_count, 1);
    assert_int_equal(info.committed_count, 77); /* of an older caller: not its own */
    info.size = 0;
    assert_int_equal(tenon_db_get_info(db, &info, NULL), TENON_MISUSE);
    tenon_close(db);
}

static uint32_t
most_connections(uint32_t of_engine, uint32_t of_options)
{
    const tenon_open_options o = { .size = sizeof o, .max_connections = of_options };
    tenon_txn *txns[64], *txn;
    tenon_db *db;
    uint32_t count = 0;

    fake.max_connections = of_engine;
    db = fake_open("fake:", &o);
    while (count < UNIT_COUNT(txns) && tenon_begin(db, NULL, &txn, NULL) == TENON_OK)
        txns[count++] = txn; /* ends with TENON_MISUSE: all of them are this thread's own */
    for (uint32_t i = 0; i < count; i++)
        tenon_rollback(txns[i]);
    tenon_close(db);
    return count;
}

static void
the_smaller_number_of_connections_holds(void **state)
{
    (void)state;
    assert_int_equal(most_connections(0, 0), 32);
    assert_int_equal(most_connections(0, 3), 3);
    assert_int_equal(most_connections(2, 3), 2);
    assert_int_equal(most_connections(40, 3), 3);
    assert_int_equal(most_connections(5, 0), 5);
}

static void
an_engine_with_one_writer_has_one(void **state)
{
    const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    tenon_txn *writer, *reader, *none;
    tenon_error err = { 0 };
    tenon_db *db;

    (void)state;
    fake.capabilities |= TENON_CAP_SINGLE_WRITER;
    db = fake_open("fake:", NULL);
    writer = fake_begin(db, NULL);
    reader = fake_begin(db, &reading);
    assert_int_equal(tenon_begin(db, NULL, &none, &err), TENON_MISUSE);
    assert_null(none);
    tenon_rollback(reader);
    assert_int_equal(tenon_begin(db, NULL, &none, &err), TENON_MISUSE);
    tenon_rollback(writer);
    tenon_rollback(fake_begin(db, NULL));
    tenon_close(db);
}

static void
plans_are_freed_before_their_connection(void **state)
{
    tenon_db *db = fake_open("fake:", NULL);
    tenon_txn *txn = fake_begin(db, NULL);

    (void)state;
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, NULL), TENON_OK);
    fake_fail(FAKE_RESET, TENON_IO, TENON_EFFECT_OPEN, 1);
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 1);
    assert_int_equal(fake.calls[FAKE_FREE], 1);
    txn = fake_begin(db, NULL); /* on a new one, where nothing is compiled */
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, NULL), TENON_OK);
    assert_int_equal(fake.calls[FAKE_PREPARE], 2);
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    tenon_close(db);
    assert_false(fake.plans_left);
    assert_int_equal(fake.calls[FAKE_FREE], 2);
}

static void
a_filter_finds_others_where_this_one_was_found(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .driver_path = "/some/folder" };

    (void)state;
    assert_int_equal(try_open("fake:", &o, NULL), TENON_OK);
    assert_string_equal(fake.driver_path, "/some/folder");
    assert_int_equal(try_open("fake:", NULL, NULL), TENON_OK);
    assert_string_equal(fake.driver_path, "");
}

static void
writers_bound_to_threads_go_one_at_a_time(void **state)
{
    tenon_error err = { 0 };

    (void)state;
    assert_int_equal(try_open("bound:", NULL, &err), TENON_ABI);
    fake.capabilities |= TENON_CAP_SINGLE_WRITER;
    assert_int_equal(try_open("bound:", NULL, &err), TENON_OK);
}

/* ---- Closing ---- */

typedef struct holder {
    pthread_t thread;
    tenon_db *db;
    atomic_bool has_begun, has_ended;
} holder;

static void *
holder_main(void *arg)
{
    holder *h = arg;
    tenon_txn *txn = fake_begin(h->db, NULL);

    atomic_store(&h->has_begun, true);
    tni_sleep_until_ns(tni_monotonic_ns() + UINT64_C(50000000));
    atomic_store(&h->has_ended, true);
    tenon_rollback(txn);
    return NULL;
}

static void
closing_waits_for_transactions_of_others(void **state)
{
    holder h = { .db = fake_open("fake:", NULL) };

    (void)state;
    assert_int_equal(pthread_create(&h.thread, NULL, holder_main, &h), 0);
    while (!atomic_load(&h.has_begun))
        tni_sleep_until_ns(tni_monotonic_ns() + UINT64_C(1000000));
    tenon_close(h.db);
    assert_true(atomic_load(&h.has_ended));
    assert_int_equal(fake.calls[FAKE_ROLLBACK], 1);
    assert_int_equal(fake.calls[FAKE_CONN_CLOSE], 1);
    assert_int_equal(pthread_join(h.thread, NULL), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_CASE(options_are_checked),
        FAKE_CASE(a_database_says_what_it_is),
        FAKE_CASE(the_smaller_number_of_connections_holds),
        FAKE_CASE(an_engine_with_one_writer_has_one),
        FAKE_CASE(plans_are_freed_before_their_connection),
        FAKE_CASE(a_filter_finds_others_where_this_one_was_found),
        FAKE_CASE(writers_bound_to_threads_go_one_at_a_time),
        FAKE_CASE(closing_waits_for_transactions_of_others),
    };

    return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
