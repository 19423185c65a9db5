#include "ledger.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ENTRY_ID, ENTRY_COUNTER };
enum { COUNTER_ID, COUNTER_N };
enum { LEDGER_MOST = 200000, LEDGER_SLACK_MS = 100 };

static const tenon_column entry_columns[] = {
    { .name = "id", .type = TENON_UUID, .not_null = true },
    { .name = "counter", .type = TENON_INT, .not_null = true },
};
static const tenon_index entry_indexes[] = {
    { .name = "entry_by_counter", .columns = TENON_COLUMNS(ENTRY_COUNTER) },
};
static const tenon_table entry_table = {
    .name = "entry",
    .columns = entry_columns,
    .column_count = 2,
    .primary_key = TENON_COLUMNS(ENTRY_ID),
    .indexes = entry_indexes,
    .index_count = 1,
};
static const tenon_column counter_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "n", .type = TENON_INT, .not_null = true },
};
static const tenon_table counter_table = {
    .name = "counter",
    .columns = counter_columns,
    .column_count = 2,
    .primary_key = TENON_COLUMNS(COUNTER_ID),
};
static const tenon_table *const ledger_tables[] = { &entry_table, &counter_table };
const tenon_schema ledger_schema = {
    .name = "ledger", .version = 1, .tables = ledger_tables, .table_count = 2
};

static const tenon_query insert_entry = {
    .name = "insert_entry",
    .kind = TENON_INSERT,
    .table = &entry_table,
    .columns = TENON_COLUMNS(ENTRY_ID, ENTRY_COUNTER),
};
static const tenon_query grow = {
    .name = "grow",
    .kind = TENON_INSERT,
    .table = &counter_table,
    .columns = TENON_COLUMNS(COUNTER_ID, COUNTER_N),
    .on_conflict = TENON_ON_CONFLICT_UPDATE,
    .set = TENON_SET(TENON_PLUS(COUNTER_N, 1)),
};
static const tenon_query count_entry = {
    .kind = TENON_COUNT,
    .table = &entry_table,
    .where = TENON_WHERE(TENON_EQ(ENTRY_ID, 0)),
};
static const tenon_query count_entries = {
    .kind = TENON_COUNT,
    .table = &entry_table,
    .where = TENON_WHERE(TENON_EQ(ENTRY_COUNTER, 0)),
};
static const tenon_query all_counters = {
    .kind = TENON_SELECT,
    .table = &counter_table,
    .columns = TENON_COLUMNS(COUNTER_ID, COUNTER_N),
    .order = TENON_ORDER(TENON_ASC(COUNTER_ID)),
    .limit = 100,
};

tenon_status
ledger_write(tenon_txn *txn, void *arg, tenon_error *err)
{
    const ledger_entry *entry = arg;
    const tenon_value row[] = { tenon_id(&entry->id), tenon_int(entry->counter) };
    const tenon_value counter[] = { tenon_int(entry->counter), tenon_int(1) };
    uint64_t affected;
    uint64_t *wait = entry->how == LEDGER_STEPS ? &affected : NULL;
    tenon_status st = tenon_exec(txn, &insert_entry, row, wait, err);

    return st == TENON_OK ? tenon_exec(txn, &grow, counter, wait, err) : st;
}

tenon_status
ledger_write_once(tenon_db *db, const ledger_entry *entry, uint32_t timeout_ms, tenon_error *err)
{
    const tenon_txn_options options = { .size = sizeof options,
                                        .isolation = TENON_READ_COMMITTED,
                                        .timeout_ms = timeout_ms };
    ledger_entry copy = *entry;
    tenon_txn *txn = NULL;
    tenon_status st = tenon_begin(db, &options, &txn, err);

    if (st != TENON_OK)
        return st;
    st = ledger_write(txn, &copy, err);
    if (st == TENON_OK)
        return tenon_commit(txn, err);
    tenon_rollback(txn);
    return st;
}

tenon_db *
ledger_open(const char *url, uint32_t connections)
{
    const tenon_open_options options = { .size = sizeof options,
                                         .schema = &ledger_schema,
                                         .min_connections = 1,
                                         .max_connections = connections,
                                         .breaker_failures = UINT32_MAX,
                                         .retry_budget_percent = UINT32_MAX };
    tenon_error err = { 0 };
    tenon_db *db = NULL;

    if (tenon_open(url, &options, &db, &err) != TENON_OK)
        fail_msg("%s: %s", tenon_status_name(err.status), err.message);
    return db;
}

typedef struct ledger_question {
    const tenon_uuid *id;
    uint64_t count;
} ledger_question;

static tenon_status
ledger_ask(tenon_txn *txn, void *arg, tenon_error *err)
{
    ledger_question *q = arg;
    const tenon_value id = tenon_id(q->id);

    return tenon_count(txn, &count_entry, &id, &q->count, err);
}

static void
ledger_run(tenon_db *db, tenon_txn_fn fn, void *arg)
{
    const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    tenon_error err = { 0 };

    if (tenon_run(db, &reading, fn, arg, &err) != TENON_OK)
        fail_msg("%s: %s", tenon_status_name(err.status), err.message);
}

int
ledger_count(tenon_db *db, const tenon_uuid *id)
{
    ledger_question q = { id, 0 };

    ledger_run(db, ledger_ask, &q);
    return (int)q.count;
}

static tenon_status
ledger_compare(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_value ids[100];
    int64_t numbers[100];
    uint32_t count = 0;
    const tenon_value *row;
    tenon_cursor *cursor;
    tenon_status st = tenon_select(txn, &all_counters, NULL, &cursor, err);

    (void)arg;
    while (st == TENON_OK && (st = tenon_next(cursor, &row, err)) == TENON_OK) {
        ids[count] = row[0];
        numbers[count++] = row[1].as.i;
    }
    st = st == TENON_NOT_FOUND ? TENON_OK : st;
    for (uint32_t i = 0; i < count && st == TENON_OK; i++) {
        uint64_t entries = 0;

        st = tenon_count(txn, &count_entries, &ids[i], &entries, err);
        if (st == TENON_OK)
            assert_int_equal(entries, numbers[i]);
    }
    return st;
}

void
ledger_check(tenon_db *db)
{
    ledger_run(db, ledger_compare, NULL);
}

uint64_t
ledger_now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- Load ---- */

typedef struct ledger_said {
    tenon_uuid id;
    tenon_status st;
    bool early; /* returned before its deadline */
} ledger_said;

typedef struct ledger_thread {
    ledger_load *load;
    pthread_t thread;
    int number;
    uint64_t late_ms; /* the latest return after a deadline */
} ledger_thread;

struct ledger_load {
    tenon_db *db;
    uint32_t timeout_ms;
    int thread_count;
    atomic_bool over;
    atomic_uint_fast64_t acknowledged, count;
    ledger_thread threads[32];
    ledger_said said[LEDGER_MOST];
};

static void *
load_main(void *arg)
{
    ledger_thread *t = arg;
    ledger_load *load = t->load;
    const tenon_txn_options options = { .size = sizeof options,
                                        .isolation = TENON_READ_COMMITTED,
                                        .timeout_ms = load->timeout_ms };

    for (int i = 0; !atomic_load(&load->over); i++) {
        ledger_entry entry = { tenon_uuid_new(), t->number, i % 2 };
        const uint64_t began_ms = ledger_now_ms();
        tenon_error err;
        const tenon_status st = i % 3 == 0
                                    ? ledger_write_once(load->db, &entry, load->timeout_ms, &err)
                                    : tenon_run(load->db, &options, ledger_write, &entry, &err);
        const uint64_t took_ms = ledger_now_ms() - began_ms;
        const uint64_t place = atomic_fetch_add(&load->count, 1);

        if (took_ms > load->timeout_ms && took_ms - load->timeout_ms > t->late_ms)
            t->late_ms = took_ms - load->timeout_ms;
        if (place >= LEDGER_MOST)
            break;
        load->said[place] = (ledger_said){ entry.id, st, took_ms < load->timeout_ms };
        if (st == TENON_OK)
            (void)atomic_fetch_add(&load->acknowledged, 1);
    }
    return NULL;
}

ledger_load *
ledger_load_start(tenon_db *db, int threads, uint32_t timeout_ms)
{
    ledger_load *load = calloc(1, sizeof *load);

    assert_non_null(load);
    load->db = db;
    load->timeout_ms = timeout_ms;
    load->thread_count = threads;
    for (int i = 0; i < threads; i++) {
        load->threads[i] = (ledger_thread){ .load = load, .number = i };
        assert_int_equal(
            pthread_create(&load->threads[i].thread, NULL, load_main, &load->threads[i]), 0);
    }
    return load;
}

uint64_t
ledger_load_acknowledged(const ledger_load *load)
{
    return atomic_load(&load->acknowledged);
}

uint64_t
ledger_load_stop(ledger_load *load, tenon_db *db)
{
    uint64_t unknown = 0, late_ms = 0, count;
    uint64_t kinds[32] = { 0 };

    atomic_store(&load->over, true);
    for (int i = 0; i < load->thread_count; i++) {
        assert_int_equal(pthread_join(load->threads[i].thread, NULL), 0);
        if (load->threads[i].late_ms > late_ms)
            late_ms = load->threads[i].late_ms;
    }
    count = atomic_load(&load->count) < LEDGER_MOST ? atomic_load(&load->count) : LEDGER_MOST;
    for (uint64_t i = 0; i < count; i++) {
        const ledger_said *said = &load->said[i];

        kinds[said->st]++;
        unknown += said->st == TENON_UNKNOWN_OUTCOME && said->early;
        if (said->st != TENON_UNKNOWN_OUTCOME)
            assert_int_equal(ledger_count(db, &said->id), said->st == TENON_OK);
    }
    ledger_check(db);
    for (int i = 0; i < 32; i++) {
        if (kinds[i] > 0)
            print_message("  %-16s %llu\n", tenon_status_name(i), (unsigned long long)kinds[i]);
    }
    print_message("  latest return after a deadline: %llu ms\n", (unsigned long long)late_ms);
    assert_true(late_ms <= LEDGER_SLACK_MS);
    free(load);
    return unknown;
}
