/* Idempotency keys: work that is done once, and an answer to "was it committed?". */
#include "check/conf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static tenon_status
outcomes_add(tenon_txn *txn, void *arg, tenon_error *err)
{
    (void)arg;
    return tenon_exec(txn, &item_add_n, P(I(1), I(1)), NULL, err);
}

static tenon_status
outcomes_refuse(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_status st = outcomes_add(txn, arg, err);

    return st == TENON_OK ? TENON_DENIED : st;
}

static tenon_txn_options
outcomes_keyed(const char *key)
{
    return (tenon_txn_options){ .size = sizeof(tenon_txn_options), .idempotency_key = key };
}

static void
outcomes_are(conf *c, const char *key, uint32_t expected)
{
    uint32_t state = 0;

    OK(c, tenon_txn_resolve(c->db, key, 0, &state, &c->err));
    CHECK_INT(state, expected);
}

static void
outcomes_once(conf *c)
{
    const tenon_txn_options first = outcomes_keyed("first"), second = outcomes_keyed("second");

    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    OK(c, tenon_run(c->db, &first, outcomes_add, NULL, &c->err));
    FAILS(c, TENON_DONE_BEFORE, "idempotency_key",
          tenon_run(c->db, &first, outcomes_add, NULL, &c->err));
    FAILS(c, TENON_DONE_BEFORE, "idempotency_key", tenon_begin(c->db, &first, &c->txn, &c->err));
    CHECK(c->txn == NULL);
    OK(c, tenon_run(c->db, &second, outcomes_add, NULL, &c->err));
    BEGIN(c);
    ROWS(c, "1 12", &item_all, NULL);
    COMMIT(c);
    outcomes_are(c, "first", TENON_TXN_COMMITTED);
    outcomes_are(c, "third", TENON_TXN_ROLLED_BACK);
    conf_verify(c);
}

/* A key belongs to what was committed: work that was rolled back may be done again under it. */
static void
outcomes_rolled_back(conf *c)
{
    const tenon_txn_options keyed = outcomes_keyed("again");

    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    FAILS(c, TENON_DENIED, NULL, tenon_run(c->db, &keyed, outcomes_refuse, NULL, &c->err));
    outcomes_are(c, "again", TENON_TXN_ROLLED_BACK);
    OK(c, tenon_begin(c->db, &keyed, &c->txn, &c->err));
    EXEC(c, 1, &item_add_n, P(I(1), I(1)));
    ROLLBACK(c);
    outcomes_are(c, "again", TENON_TXN_ROLLED_BACK);
    OK(c, tenon_begin(c->db, &keyed, &c->txn, &c->err));
    EXEC(c, 1, &item_add_n, P(I(1), I(1)));
    COMMIT(c);
    outcomes_are(c, "again", TENON_TXN_COMMITTED);
    BEGIN(c);
    ROWS(c, "1 11", &item_all, NULL);
    COMMIT(c);
}

static void
outcomes_survive(conf *c)
{
    const tenon_txn_options keyed = outcomes_keyed("kept");

    NEEDS(TENON_CAP_PERSISTENT);
    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    OK(c, tenon_run(c->db, &keyed, outcomes_add, NULL, &c->err));
    conf_close(c);
    conf_open(c, &item_schema);
    outcomes_are(c, "kept", TENON_TXN_COMMITTED);
    FAILS(c, TENON_DONE_BEFORE, NULL, tenon_run(c->db, &keyed, outcomes_add, NULL, &c->err));
}

static void
outcomes_bad_keys(conf *c)
{
    static const char *const bad[] = { "", "\xff\xfe" };
    char longest[TENON_MAX_KEY_BYTES + 2];
    uint32_t answer;

    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const tenon_txn_options keyed = outcomes_keyed(bad[i]);

        FAILS(c, TENON_INVALID, "idempotency_key",
              tenon_run(c->db, &keyed, outcomes_add, NULL, &c->err));
        FAILS(c, TENON_INVALID, NULL, tenon_txn_resolve(c->db, bad[i], 0, &answer, &c->err));
        CHECK_INT(answer, TENON_TXN_UNKNOWN);
    }
    FAILS(c, TENON_MISUSE, NULL, tenon_txn_resolve(c->db, NULL, 0, &answer, &c->err));
    memset(longest, 'k', sizeof longest);
    longest[TENON_MAX_KEY_BYTES + 1] = '\0';
    {
        const tenon_txn_options keyed = outcomes_keyed(longest);

        FAILS(c, TENON_INVALID, NULL, tenon_run(c->db, &keyed, outcomes_add, NULL, &c->err));
        longest[TENON_MAX_KEY_BYTES] = '\0';
        OK(c, tenon_run(c->db, &keyed, outcomes_add, NULL, &c->err));
    }
}

typedef struct outcomes_caller {
    pthread_t thread;
    tenon_db *db;
    atomic_uint *runs;
    tenon_status st;
} outcomes_caller;

static tenon_status
outcomes_count(tenon_txn *txn, void *arg, tenon_error *err)
{
    (void)atomic_fetch_add((atomic_uint *)arg, 1);
    return outcomes_add(txn, NULL, err);
}

static void *
outcomes_main(void *arg)
{
    outcomes_caller *caller = arg;
    const tenon_txn_options keyed = outcomes_keyed("everybody's");

    do
        caller->st = tenon_run(caller->db, &keyed, outcomes_count, caller->runs, NULL);
    while (tenon_status_retryable(caller->st));
    return NULL;
}

/* Several callers with one key: one of them does the work. */
static void
outcomes_many_callers(conf *c)
{
    outcomes_caller callers[8];
    atomic_uint runs = 0;
    int done = 0;

    conf_open(c, &item_schema);
    conf_make_items(c, 1);
    for (int i = 0; i < 8; i++) {
        callers[i] = (outcomes_caller){ .db = c->db, .runs = &runs };
        CHECK_INT(pthread_create(&callers[i].thread, NULL, outcomes_main, &callers[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        CHECK_INT(pthread_join(callers[i].thread, NULL), 0);
        done += callers[i].st == TENON_OK;
        CHECK(callers[i].st == TENON_OK || callers[i].st == TENON_DONE_BEFORE);
    }
    CHECK_INT(done, 1);
    BEGIN(c);
    ROWS(c, "1 11", &item_all, NULL);
    COMMIT(c);
}

/* Keys are forgotten by age, now and then, by those who write new ones. */
static void
outcomes_old_ones_are_forgotten(conf *c)
{
    const tenon_open_options o = { .size = sizeof o,
                                   .schema = &item_schema,
                                   .idempotency_keep_ms = 1 };
    uint32_t forgotten = 0, answer;
    char key[32];

    OK(c, conf_try_open(c, NULL, &o));
    conf_make_items(c, 1);
    for (int i = 0; i < 600; i++) {
        const tenon_txn_options keyed = outcomes_keyed(key);

        if (i == 500) /* so that those before are old when it is looked for old ones */
            (void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
        (void)snprintf(key, sizeof key, "key %d", i);
        OK(c, tenon_run(c->db, &keyed, outcomes_add, NULL, &c->err));
    }
    for (int i = 0; i < 600; i += 50) {
        (void)snprintf(key, sizeof key, "key %d", i);
        OK(c, tenon_txn_resolve(c->db, key, 0, &answer, &c->err));
        forgotten += answer == TENON_TXN_ROLLED_BACK;
    }
    CHECK(forgotten >= 8);
    CHECK_INT(answer, TENON_TXN_COMMITTED); /* those since the last look are still there */
    conf_verify(c);
}

static void
outcomes_readers_have_none(conf *c)
{
    tenon_txn_options keyed = outcomes_keyed("reader");

    conf_open(c, &item_schema);
    keyed.read_only = true;
    FAILS(c, TENON_READ_ONLY, NULL, tenon_begin(c->db, &keyed, &c->txn, &c->err));
    CHECK(c->txn == NULL);
}

static const conf_case outcomes_cases[] = {
    SLOW_CASE(outcomes_once, "work under an idempotency key is done once"),
    SLOW_CASE(outcomes_rolled_back, "work that was rolled back may be done again under its key"),
    SLOW_CASE(outcomes_survive, "an outcome is still known after the database was opened again"),
    SLOW_CASE(outcomes_bad_keys, "bad idempotency keys are refused"),
    SLOW_CASE(outcomes_many_callers, "of several callers with one key one does the work"),
    SLOW_CASE(outcomes_old_ones_are_forgotten, "outcomes are forgotten by age"),
    SLOW_CASE(outcomes_readers_have_none, "a reader has no outcome"),
};

CONF_GROUP(outcomes, "outcomes",
           "Outcomes are rows of the transaction itself: look at transaction.commit and rollback, "
           "and at unique keys between connections.");
