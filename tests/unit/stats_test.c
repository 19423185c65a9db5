/* What is counted and timed, who is alive, what a slow transaction has done. */
#include "fake.h"

#include <stdlib.h>

#include "core/db.h"

static const tenon_value one[] = { { .type = TENON_INT, .as.i = 1 } };

/* ---- Histograms ---- */

static void
percentiles_are_within_a_sixteenth(void **state)
{
    static tni_histogram h;
    static tni_histogram_sum sum;

    (void)state;
    for (uint64_t v = 1; v <= 1000000; v++)
        tni_histogram_add(&h, v);
    tni_histogram_merge(&sum, &h);
    assert_int_equal(sum.count, 1000000);
    assert_int_equal(sum.max, 1000000);
    assert_int_equal(sum.sum, UINT64_C(500000500000));
    assert_in_range(tni_histogram_value(&sum, 5000), 500000, 500000 * 17 / 16);
    assert_in_range(tni_histogram_value(&sum, 9900), 990000, 1000000);
    assert_in_range(tni_histogram_value(&sum, 9999), 999900, 1000000);
    assert_int_equal(tni_histogram_value(&sum, 10000), 1000000);
}

static void
extremes_have_a_place(void **state)
{
    static tni_histogram h;
    static tni_histogram_sum sum;

    (void)state;
    assert_int_equal(tni_histogram_value(&sum, 5000), 0);
    tni_histogram_add(&h, 0);
    tni_histogram_add(&h, UINT64_MAX);
    tni_histogram_merge(&sum, &h);
    assert_int_equal(tni_histogram_value(&sum, 5000), 0);
    assert_true(tni_histogram_value(&sum, 9999) == UINT64_MAX);
    for (uint64_t v = 0; v < 64; v++) { /* each small value is exact */
        static tni_histogram small;
        static tni_histogram_sum small_sum;

        memset(&small, 0, sizeof small);
        memset(&small_sum, 0, sizeof small_sum);
        tni_histogram_add(&small, v);
        tni_histogram_merge(&small_sum, &small);
        assert_int_equal(tni_histogram_value(&small_sum, 5000), v);
    }
}

static void
a_full_place_keeps_the_proportions(void **state)
{
    static tni_histogram h;
    static tni_histogram_sum sum;

    (void)state;
    atomic_store(&h.places[3], UINT32_MAX);
    atomic_store(&h.places[7], UINT32_MAX / 3);
    tni_histogram_add(&h, 3);
    tni_histogram_merge(&sum, &h);
    assert_in_range(sum.places[3], UINT32_MAX / 2, UINT32_MAX / 2 + 2);
    assert_in_range(sum.places[7], UINT32_MAX / 6 - 1, UINT32_MAX / 6 + 1);
}

/* ---- Names ---- */

static void
names_are_found_by_their_text(void **state)
{
    char a[] = "same", b[] = "same", longer[200];
    static tni_ops ops;
    tni_op *op;

    (void)state;
    assert_true(tni_ops_init(&ops));
    op = tni_ops_find(&ops, a);
    assert_string_equal(op->name, "same");
    assert_ptr_equal(tni_ops_find(&ops, b), op);
    a[0] = 't'; /* another text at the same address */
    assert_string_equal(tni_ops_find(&ops, a)->name, "tame");
    assert_ptr_equal(tni_ops_find(&ops, b), op);
    assert_string_equal(tni_ops_find(&ops, NULL)->name, "(unnamed)");
    assert_string_equal(tni_ops_find(&ops, "")->name, "(unnamed)");
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    op = tni_ops_find(&ops, longer);
    assert_int_equal(strlen(op->name), TNI_OP_NAME_BYTES);
    assert_ptr_equal(tni_ops_find(&ops, longer), op);
    tni_ops_fini(&ops);
}

static void
names_beyond_the_most_share_one(void **state)
{
    static char names[400][8];
    static tni_ops ops;
    uint32_t others = 0;

    (void)state;
    assert_true(tni_ops_init(&ops));
    for (int round = 0; round < 2; round++) {
        others = 0;
        for (int i = 0; i < 400; i++) {
            (void)snprintf(names[i], sizeof names[i], "op%d", i);
            others += strcmp(tni_ops_find(&ops, names[i])->name, "(others)") == 0;
        }
        assert_int_equal(others, 400 - (TNI_MAX_OPS - 2));
    }
    tni_ops_fini(&ops);
}

/* ---- Counts ---- */

static tenon_status
exec_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    (void)arg;
    return tenon_exec(txn, &fake_insert, one, NULL, err);
}

static void
find_counts(void *arg, const char *name, const tenon_counts *counts)
{
    tenon_counts *out = arg;

    if (strcmp(name, "wanted") == 0)
        *out = *counts;
}

static void
each_end_is_counted_by_its_kind_and_name(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .max_retry_attempts = 1 };
    const tenon_txn_options wanted = { .size = sizeof wanted, .name = "wanted" };
    tenon_db *db = fake_open("fake:", &o);
    tenon_counts n = { 0 };
    tenon_txn *txn;

    (void)state;
    assert_int_equal(tenon_run(db, &wanted, exec_body, NULL, NULL), TENON_OK);
    assert_int_equal(tenon_run(db, NULL, exec_body, NULL, NULL), TENON_OK); /* of another name */
    tenon_rollback(fake_begin(db, &wanted));
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, 1);
    assert_int_equal(tenon_run(db, &wanted, exec_body, NULL, NULL),
                     TENON_OK); /* 1 failed, 1 retry */
    fake_fail(FAKE_EXEC, TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK, 2);
    assert_int_equal(tenon_run(db, &wanted, exec_body, NULL, NULL), TENON_CONFLICT);
    fake_fail(FAKE_COMMIT, TENON_UNKNOWN_OUTCOME, TENON_EFFECT_UNKNOWN, 1);
    assert_int_equal(tenon_run(db, &wanted, exec_body, NULL, NULL), TENON_UNKNOWN_OUTCOME);
    fake_fail(FAKE_BEGIN, TENON_TIMEOUT, TENON_EFFECT_ROLLED_BACK, 1);
    assert_int_equal(tenon_run(db, &wanted, exec_body, NULL, NULL), TENON_TIMEOUT);
    txn = fake_begin(db, &wanted);
    assert_int_equal(tenon_db_operations(db, find_counts, &n, NULL), TENON_OK);
    assert_int_equal(n.begun, 9);
    assert_int_equal(n.committed, 2);
    assert_int_equal(n.rolled_back, 1);
    assert_int_equal(n.failed, 3);
    assert_int_equal(n.timed_out, 1);
    assert_int_equal(n.unknown, 1);
    assert_int_equal(n.active, 1);
    assert_int_equal(n.retried, 2);
    assert_int_equal(n.exhausted, 1);
    assert_int_equal(n.wait.count, 7); /* each call once */
    assert_int_equal(n.commit.count, 2);
    assert_int_equal(n.wait.p50_ns, 0); /* too few to say */
    assert_true(n.run.max_ns > 0);
    tenon_rollback(txn);
    tenon_close(db);
}

/* ---- The live ones ---- */

typedef struct seen {
    tenon_live live[4];
    uint32_t count;
} seen;

static void
see(void *arg, const tenon_live *live)
{
    seen *s = arg;

    assert_true(s->count < 4);
    s->live[s->count++] = *live;
}

static void
live_ones_say_what_they_do(void **state)
{
    const tenon_txn_options named = { .size = sizeof named, .name = "busy", .timeout_ms = 20000 };
    tenon_db *db = fake_open("fake:", NULL);
    seen s = { .count = 0 };
    tenon_txn *txn;

    (void)state;
    tenon_db_transactions(db, see, &s);
    assert_int_equal(s.count, 0);
    assert_int_equal(tenon_begin(db, &named, &txn, NULL), TENON_OK);
    tenon_db_transactions(db, see, &s);
    assert_int_equal(s.count, 1);
    assert_string_equal(s.live[0].name, "busy");
    assert_non_null(strstr(s.live[0].where, "stats_test.c:"));
    assert_null(s.live[0].last_statement);
    assert_int_equal(s.live[0].doing, TENON_DOING_NOTHING);
    assert_in_range(s.live[0].left_us, 10000000, 20000000);
    assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, NULL), TENON_OK);
    s.count = 0;
    tenon_db_transactions(db, see, &s);
    assert_string_equal(s.live[0].last_statement, "add");
    assert_int_equal(s.live[0].statement_count, 1);
    assert_int_equal(s.live[0].attempt, 1);
    tenon_rollback(txn);
    s.count = 0;
    tenon_db_transactions(db, see, &s);
    assert_int_equal(s.count, 0);
    tenon_close(db);
}

static void *
begin_main(void *arg)
{
    const tenon_txn_options named = { .size = sizeof named, .name = "patient" };
    tenon_txn *txn;

    assert_int_equal(tenon_begin((tenon_db *)arg, &named, &txn, NULL), TENON_OK);
    tenon_rollback(txn);
    return NULL;
}

static void
those_who_wait_say_for_what(void **state)
{
    const tenon_open_options o = { .size = sizeof o, .max_connections = 1 };
    tenon_db *db = fake_open("fake:", &o);
    tenon_txn *txn = fake_begin(db, NULL);
    seen s = { .count = 0 };
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, begin_main, db), 0);
    while (s.count < 2) {
        s.count = 0;
        tenon_db_transactions(db, see, &s);
    }
    assert_string_equal(s.live[1].name, "patient");
    assert_int_equal(s.live[1].doing, TENON_DOING_CONNECTION);
    tenon_rollback(txn);
    assert_int_equal(pthread_join(thread, NULL), 0);
    tenon_close(db);
}

/* ---- Slow ones ---- */

typedef struct slow_log {
    tenon_slow last;
    char name[16];
    uint32_t count;
    tenon_db *db;
} slow_log;

static void
note_slow(void *arg, const tenon_slow *slow)
{
    slow_log *log = arg;

    log->last = *slow;
    (void)snprintf(log->name, sizeof log->name, "%s", slow->name);
    log->count++;
    if (log->db != NULL) /* it holds nothing: Tenon may be called */
        assert_int_equal(tenon_db_health(log->db, 0, NULL, NULL), TENON_OK);
}

static void
a_slow_one_is_reported_with_what_it_did(void **state)
{
    slow_log log = { .count = 0 };
    const tenon_open_options o = {
        .size = sizeof o, .slow_ms = 20, .slow = note_slow, .slow_arg = &log
    };
    const tenon_txn_options named = { .size = sizeof named, .name = "slow one" };
    const tenon_value *row;
    tenon_txn *txn;

    (void)state;
    log.db = fake_open("fake:", &o);
    assert_int_equal(tenon_run(log.db, &named, exec_body, NULL, NULL), TENON_OK);
    assert_int_equal(log.count, 0);
    assert_int_equal(tenon_begin(log.db, &named, &txn, NULL), TENON_OK);
    for (int i = 0; i < 9; i++)
        assert_int_equal(tenon_exec(txn, &fake_insert, one, NULL, NULL), TENON_OK);
    assert_int_equal(tenon_fetch(txn, &fake_select, NULL, &row, NULL), TENON_OK);
    tni_sleep_until_ns(tni_monotonic_ns() + 25 * TNI_NS_PER_MS);
    assert_int_equal(tenon_commit(txn, NULL), TENON_OK);
    assert_int_equal(log.count, 1);
    assert_string_equal(log.name, "slow one");
    assert_non_null(strstr(log.last.where, "stats_test.c:"));
    assert_int_equal(log.last.status, TENON_OK);
    assert_true(log.last.run_ns >= 25 * TNI_NS_PER_MS);
    assert_int_equal(log.last.statement_count, 10);
    assert_int_equal(log.last.statements_len, 2);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(log.last.statements[i].count,
                         strcmp(log.last.statements[i].name, "add") == 0 ? 9 : 1);
    assert_int_equal(log.last.last_len, TENON_REPORT_LAST);
    assert_string_equal(log.last.last[TENON_REPORT_LAST - 1], "list");
    assert_string_equal(log.last.last[0], "add");
    tenon_close(log.db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_CASE(percentiles_are_within_a_sixteenth),
        FAKE_CASE(extremes_have_a_place),
        FAKE_CASE(a_full_place_keeps_the_proportions),
        FAKE_CASE(names_are_found_by_their_text),
        FAKE_CASE(names_beyond_the_most_share_one),
        FAKE_CASE(each_end_is_counted_by_its_kind_and_name),
        FAKE_CASE(live_ones_say_what_they_do),
        FAKE_CASE(those_who_wait_say_for_what),
        FAKE_CASE(a_slow_one_is_reported_with_what_it_did),
    };

    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
