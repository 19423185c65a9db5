/* Keys of transactions, and what became of them. */
#include "core/outcome.h"

#include <string.h>

#include "core/db.h"
#include "core/error.h"
#include "core/migrate.h"

#define OUTCOME_TRIM_EVERY 256 /* transactions with a key */
#define OUTCOME_US_PER_MS 1000

enum { OUTCOME_KEY, OUTCOME_TXN, OUTCOME_AT };

static const tenon_column outcome_columns[] = {
    [OUTCOME_KEY] = { .name = "key",
                      .type = TENON_TEXT,
                      .not_null = true,
                      .max_bytes = TENON_MAX_KEY_BYTES },
    [OUTCOME_TXN] = { .name = "txn", .type = TENON_UUID, .not_null = true },
    [OUTCOME_AT] = { .name = "at", .type = TENON_TIME, .not_null = true },
};

static const tenon_index outcome_indexes[] = {
    { .name = "tenon_outcome_by_at", .columns = TENON_COLUMNS(OUTCOME_AT) },
};

static const tenon_table outcome_table = {
    .name = "tenon_outcome",
    .columns = outcome_columns,
    .column_count = 3,
    .primary_key = TENON_COLUMNS(OUTCOME_KEY),
    .indexes = outcome_indexes,
    .index_count = 1,
};

static const tenon_table *const outcome_tables[] = { &outcome_table };

static const tenon_schema outcome_schema = {
    .name = "tenon_outcome",
    .version = 1,
    .tables = outcome_tables,
    .table_count = 1,
};

static const tenon_query outcome_insert = {
    .name = "tenon_mark_outcome",
    .kind = TENON_INSERT,
    .table = &outcome_table,
    .columns = TENON_COLUMNS(OUTCOME_KEY, OUTCOME_TXN, OUTCOME_AT),
};

static const tenon_query outcome_find = {
    .name = "tenon_find_outcome",
    .kind = TENON_SELECT,
    .table = &outcome_table,
    .columns = TENON_COLUMNS(OUTCOME_TXN),
    .where = TENON_WHERE(TENON_EQ(OUTCOME_KEY, 0)),
};

static const tenon_query outcome_remove = {
    .name = "tenon_remove_outcome",
    .kind = TENON_DELETE,
    .table = &outcome_table,
    .where = TENON_WHERE(TENON_EQ(OUTCOME_KEY, 0)),
};

static const tenon_query outcome_trim = {
    .name = "tenon_trim_outcomes",
    .kind = TENON_DELETE,
    .table = &outcome_table,
    .where = TENON_WHERE(TENON_LT(OUTCOME_AT, 0)),
};

tenon_status
tni_outcome_prepare(tenon_db *db, const char *key, tenon_error *err)
{
    const size_t len = strlen(key);
    tenon_status st = TENON_OK;

    if (len == 0 || len > TENON_MAX_KEY_BYTES || !tni_is_text(key, len))
        return tni_fail(err, TENON_INVALID, "idempotency_key",
                        "an idempotency key is a text of 1 to %d bytes of UTF-8",
                        TENON_MAX_KEY_BYTES);
    if (!atomic_load(&db->outcomes.ready)) { /* several may look: one of them creates it */
        st = tni_migrate_own(db, &outcome_schema, err);
        if (st == TENON_UNKNOWN_OUTCOME) /* of the tables, not of the caller's work */
            st = tni_migrate_own(db, &outcome_schema, err);
        if (st == TENON_UNKNOWN_OUTCOME)
            st = tni_fail(err, TENON_UNAVAILABLE, NULL,
                          "it is not known whether the tables of the keys are there");
        atomic_store(&db->outcomes.ready, st == TENON_OK);
    }
    return st;
}

/* Now and then, forget keys that are old. */
static tenon_status
outcome_forget(tenon_txn *txn, int64_t now_us, tenon_error *err)
{
    tni_outcomes *outcomes = &txn->db->outcomes;
    const bool due = (atomic_fetch_add(&outcomes->marked, 1) + 1) % OUTCOME_TRIM_EVERY == 0;
    tenon_value before = { .type = TENON_TIME };

    before.as.i = now_us - (int64_t)(outcomes->keep_ms * OUTCOME_US_PER_MS);
    return due ? tenon_exec(txn, &outcome_trim, &before, NULL, err) : TENON_OK;
}

tenon_status
tni_outcome_mark(tenon_txn *txn, const char *key, tenon_error *err)
{
    const tenon_uuid id = tenon_txn_id(txn);
    const int64_t now_us = tni_wall_us();
    const tenon_value params[] = { tenon_text(key), tenon_id(&id), tenon_time(now_us) };
    uint64_t affected;
    tenon_status st = outcome_forget(txn, now_us, err);

    if (st == TENON_OK)
        st = tenon_exec(txn, &outcome_insert, params, &affected, err);
    if (st == TENON_EXISTS)
        st = tni_fail(err, TENON_DONE_BEFORE, "idempotency_key",
                      "a transaction with the idempotency key %s has been committed before", key);
    return st;
}

/* ---- What became of it ---- */

typedef struct outcome_question {
    const char *key;
    bool committed;
} outcome_question;

/*
 * Look for the row as a writer. With one writer at a time, nobody else is in the middle of a commit
 * then. With several, somebody may be: to insert the key waits for him, and fails if he commits.
 * Where the answer is no, something is committed over it, so that what an unfinished commit may
 * have left in a log can never come back.
 */
static tenon_status
outcome_ask(tenon_txn *txn, void *arg, tenon_error *err)
{
    outcome_question *q = arg;
    const tenon_uuid id = tenon_txn_id(txn);
    const tenon_value params[] = { tenon_text(q->key), tenon_id(&id), tenon_time(tni_wall_us()) };
    const tenon_value *row;
    uint64_t affected;
    tenon_status st = tenon_fetch(txn, &outcome_find, params, &row, err);

    q->committed = st == TENON_OK;
    if (st != TENON_NOT_FOUND)
        return st;
    st = tenon_exec(txn, &outcome_insert, params, &affected, err);
    if (st == TENON_EXISTS) {
        q->committed = true;
        return TENON_OK;
    }
    if (st == TENON_OK)
        st = tenon_exec(txn, &outcome_remove, params, &affected, err);
    return st;
}

tenon_status
tni_outcome_resolve(tenon_db *db, const char *key, uint64_t deadline_ns, bool admitted,
                    bool *committed, tenon_error *err)
{
    outcome_question q = { .key = key };
    tni_txn_how how = { .op = tni_ops_find(&db->ops, "tenon outcome"),
                        .began_ns = tni_monotonic_ns(),
                        .deadline_ns = deadline_ns,
                        .managed = true,
                        .own = true,
                        .stays = admitted,
                        .admitted = admitted };
    tenon_status st = tni_run_attempts(db, &how, outcome_ask, &q, err);

    if (!admitted && how.admitted && st != TENON_OK)
        tni_pool_leave(&db->pool);
    *committed = st == TENON_OK && q.committed;
    return st;
}

tenon_status
tenon_txn_resolve(tenon_db *db, const char *idempotency_key, uint32_t timeout_ms, uint32_t *state,
                  tenon_error *err)
{
    const uint64_t deadline_ns = tni_after_ms(
        tni_monotonic_ns(), timeout_ms != 0 ? timeout_ms : db->default_timeout_ms);
    bool committed = false;
    tenon_status st;

    *state = TENON_TXN_UNKNOWN;
    if (idempotency_key == NULL)
        return tni_fail(err, TENON_MISUSE, NULL, "no idempotency key");
    st = tni_outcome_prepare(db, idempotency_key, err);
    if (st == TENON_OK)
        st = tni_outcome_resolve(db, idempotency_key, deadline_ns, false, &committed, err);
    if (st == TENON_OK)
        *state = committed ? TENON_TXN_COMMITTED : TENON_TXN_ROLLED_BACK;
    return st;
}
