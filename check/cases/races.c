/* Short transactions of many threads at once, for as long as it takes that a lock which is missing,
 * or is taken too late, or given back too early, is met. */
#include "check/conf.h"

#include <pthread.h>
#include <stdatomic.h>

#define RACES_READERS 4
#define RACES_SUM 1000

typedef struct races_reader {
    tenon_db *db;
    atomic_bool *over;
    pthread_t thread;
    uint64_t rounds;
    int64_t seen; /* a sum that is not RACES_SUM */
    tenon_status status;
    tenon_error err;
} races_reader;

static const tenon_txn_options races_reading = { .size = sizeof races_reading,
                                                 .timeout_ms = 300000,
                                                 .read_only = true };
static const tenon_txn_options races_writing = { .size = sizeof races_writing,
                                                 .timeout_ms = 300000 };

/* Both rows, whose sum is the same in every state. */
static tenon_status
races_sum(races_reader *r)
{
    const tenon_value *row;
    tenon_txn *txn = NULL;
    int64_t sum = 0;
    tenon_status st = tenon_begin(r->db, &races_reading, &txn, &r->err);

    for (int64_t id = 1; id <= 2 && st == TENON_OK; id++) {
        st = tenon_fetch(txn, &item_get_n, P(I(id)), &row, &r->err);
        sum += st == TENON_OK ? row[0].as.i : 0;
    }
    if (st == TENON_OK && sum != RACES_SUM)
        r->seen = sum;
    tenon_rollback(txn);
    return st;
}

static void *
races_read(void *arg)
{
    races_reader *r = arg;

    while (!atomic_load(r->over) && r->seen == RACES_SUM &&
           (r->status == TENON_OK || tenon_status_retryable(r->status))) {
        r->status = races_sum(r);
        r->rounds++;
    }
    return NULL;
}

/* From 1 to 2, and a further row in and out, so that more than one place is changed. */
static tenon_status
races_move(tenon_txn *txn, void *arg, tenon_error *err)
{
    const int64_t id = *(const int64_t *)arg;
    tenon_status st = tenon_exec(txn, &item_add_n, P(I(1), I(-1)), NULL, err);

    if (st == TENON_OK)
        st = tenon_exec(txn, &item_add_n, P(I(2), I(1)), NULL, err);
    if (st == TENON_OK)
        st = tenon_exec(txn, &item_insert, P(I(1000 + id), NIL, NIL), NULL, err);
    return st == TENON_OK && id > 8 ? tenon_exec(txn, &item_delete, P(I(992 + id)), NULL, err) : st;
}

static void
races_of_short_readers(conf *c)
{
    const int64_t commits = conf_effort() == CONF_FULL ? 60000 : 6000;
    races_reader readers[RACES_READERS];
    atomic_bool over = false;

    NEEDS(TENON_CAP_SNAPSHOT);
    OK(c, conf_try_open(
              c, conf_can(TENON_CAP_DURABLE_NONE) ? "durability=none" : NULL,
              &(tenon_open_options){ .size = sizeof(tenon_open_options), .schema = &item_schema }));
    BEGIN(c);
    ITEM(c, 1, RACES_SUM);
    ITEM(c, 2, 0);
    COMMIT(c);
    for (int i = 0; i < RACES_READERS; i++) {
        readers[i] = (races_reader){ .db = c->db, .over = &over, .seen = RACES_SUM };
        CHECK_INT(pthread_create(&readers[i].thread, NULL, races_read, &readers[i]), 0);
    }
    for (int64_t i = 1; i <= commits; i++)
        OK(c, tenon_run(c->db, &races_writing, races_move, &i, &c->err));
    atomic_store(&over, true);
    for (int i = 0; i < RACES_READERS; i++)
        CHECK_INT(pthread_join(readers[i].thread, NULL), 0);
    for (int i = 0; i < RACES_READERS; i++) {
        if (readers[i].seen != RACES_SUM)
            conf_failed(CONF_HERE, "a reader sees one state: a sum of 1000", "%lld",
                        (long long)readers[i].seen);
        c->err = readers[i].err;
        if (!tenon_status_retryable(readers[i].status))
            OK(c, readers[i].status);
    }
    conf_verify(c);
}

static const conf_case races_cases[] = {
    SLOW_CASE(races_of_short_readers,
              "readers that come and go beside a busy writer each see one state"),
};

CONF_GROUP(races, "races",
           "Something that threads share is read or written without its lock, or counted without "
           "an atomic: build the driver with -fsanitize=thread, and run this case again.");
