/* Transactions: begin, the way they are doomed, commit, rollback. */
#include <string.h>

#include "core/db.h"
#include "core/env.h"
#include "core/error.h"
#include "core/host.h"
#include "core/txn_driver.h"

#define TXN_DEFAULT_TIMEOUT_MS 30000
#define TXN_NS_PER_MS UINT64_C(1000000)

tenon_status
tni_txn_how_read(const tenon_txn_options *options, tni_txn_how *how, tenon_error *err)
{
    tenon_txn_options o = { .size = sizeof o };

    if (options != NULL) {
        if (options->size < sizeof options->size)
            return tni_fail(err, TENON_MISUSE, NULL, "size of tenon_txn_options is not set");
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    }
    if (o.timeout_ms == 0)
        o.timeout_ms = TXN_DEFAULT_TIMEOUT_MS;
    *how = (tni_txn_how){
        .name = o.name,
        .deadline_ns = tni_monotonic_ns() + o.timeout_ms * TXN_NS_PER_MS,
        .isolation = o.isolation,
        .read_only = o.read_only,
    };
    return TENON_OK;
}

/* Set up the handle that lies in the connection. Field by field: most of it is room for errors. */
static tenon_txn *
txn_init(tenon_db *db, tni_conn *conn, const tni_txn_how *how, uint32_t attempt)
{
    tenon_txn *txn = &conn->txn;

    conn->has_id = false;
    conn->forget_plans = false;
    txn->db = db;
    txn->conn = conn;
    txn->ops = db->driver->query;
    txn->deadline_ns = how->deadline_ns;
    txn->state = TENON_TXN_ACTIVE;
    txn->isolation = db->isolation[how->isolation];
    txn->attempt = attempt;
    txn->savepoint_count = 0;
    txn->savepoint_last = 0;
    txn->read_only = how->read_only;
    txn->bound = db->thread_bound && !how->read_only;
    txn->managed = how->managed;
    txn->final = false;
    txn->retryable = false;
    txn->effect = TENON_EFFECT_OPEN;
    txn->thread = pthread_self();
    txn->name = how->name;
    txn->cursors = NULL;
    txn->fetch_cursor = NULL;
    return txn;
}

/* Give the connection back. The handle is not to be used from here on. */
static void
txn_end(tenon_txn *txn, bool broken)
{
    txn->state = 0;
    tni_db_release(txn->db, txn->conn, !txn->read_only, broken);
}

tenon_status
tni_txn_begin(tenon_db *db, const tni_txn_how *how, uint32_t attempt, tenon_txn **out,
              tenon_error *err)
{
    tenon_drv_begin begin = { .size = sizeof begin, .deadline_ns = how->deadline_ns };
    tni_conn *conn = NULL;
    tenon_txn *txn;
    tenon_status st;

    *out = NULL;
    if (!how->read_only && db->read_only)
        return tni_fail(err, TENON_READ_ONLY, NULL, "the database was opened for reading only");
    if (how->isolation > TENON_SERIALIZABLE || db->isolation[how->isolation] == 0)
        return tni_fail(err, TENON_UNSUPPORTED, NULL,
                        "this engine offers neither that isolation level nor a stronger one");
    st = tni_db_lease(db, !how->read_only, how->deadline_ns, &conn, err);
    if (st != TENON_OK)
        return st;
    txn = txn_init(db, conn, how, attempt);
    begin.isolation = txn->isolation;
    begin.read_only = how->read_only;
    st = db->driver->transaction->begin(conn->drv, &begin, tni_txn_err(txn));
    if (st != TENON_OK) {
        st = tni_txn_driver_failed(txn, st, err);
        txn_end(txn, st == TENON_UNAVAILABLE);
        return st;
    }
    tni_count(&db->counts.begun);
    *out = txn;
    return TENON_OK;
}

tenon_status
tenon_begin(tenon_db *db, const tenon_txn_options *options, tenon_txn **out, tenon_error *err)
{
    tni_txn_how how;
    tenon_status st;

    *out = NULL;
    st = tni_txn_how_read(options, &how, err);
    if (st == TENON_OK)
        st = tni_txn_begin(db, &how, 1, out, err);
    return st;
}

/* ---- How a transaction is doomed ---- */

tenon_status
tni_txn_failed(tenon_txn *txn, tenon_status status, const tenon_error *err)
{
    if (tenon_status_retryable(status)) {
        txn->retryable = true;
        txn->cause = *err;
        txn->cause.status = status;
    }
    if (err->effect != TENON_EFFECT_OPEN && txn->state != TENON_TXN_DOOMED) {
        txn->state = TENON_TXN_DOOMED;
        txn->effect = err->effect;
        txn->doom = *err;
        txn->doom.status = status;
    }
    return status;
}

tenon_status
tni_txn_driver_failed(tenon_txn *txn, tenon_status status, tenon_error *err)
{
    (void)tni_db_failed(txn->db, status, &txn->last);
    (void)tni_txn_failed(txn, status, &txn->last);
    if (err != NULL)
        *err = txn->last;
    return status;
}

static tenon_status
txn_doomed(const tenon_txn *txn, tenon_error *err)
{
    if (err != NULL)
        *err = txn->doom;
    return txn->doom.status;
}

/* Doom a transaction for what the core has found. */
static tenon_status
txn_doom(tenon_txn *txn, tenon_status status, const char *why, tenon_error *err)
{
    if (txn->state == TENON_TXN_ACTIVE) {
        (void)tni_fail(&txn->doom, status, txn->name, "%s", why);
        txn->doom.effect = TENON_EFFECT_MUST_ROLL_BACK;
        txn->effect = TENON_EFFECT_MUST_ROLL_BACK;
        txn->final = true;
        txn->state = TENON_TXN_DOOMED;
    }
    return txn_doomed(txn, err);
}

static tenon_status
txn_refuse_foreign(tenon_error *err)
{
    return tni_fail(err, TENON_MISUSE, NULL,
                    "this engine's write transactions belong to the thread that began them");
}

tenon_status
tni_txn_enter(tenon_txn *txn, tenon_error *err)
{
    if (txn == NULL || txn->state == 0)
        return tni_fail(err, TENON_MISUSE, NULL, "the transaction has ended");
    if (tni_txn_is_foreign(txn))
        return txn_refuse_foreign(err);
    if (txn->state == TENON_TXN_DOOMED)
        return txn_doomed(txn, err);
    if (tni_monotonic_ns() < txn->deadline_ns)
        return TENON_OK;
    return txn_doom(txn, TENON_TIMEOUT, "the transaction's deadline has passed", err);
}

/* ---- The end ---- */

/* Roll back what is open in the engine and give the connection back. */
static void
txn_undo(tenon_txn *txn, tenon_error *cause)
{
    const bool lost = txn->state == TENON_TXN_DOOMED && txn->doom.status == TENON_UNAVAILABLE;
    tenon_db *db = txn->db;
    tenon_status st;

    if (cause != NULL && txn->retryable)
        *cause = txn->cause;
    tni_cursors_end(txn);
    st = db->driver->transaction->rollback(txn->conn->drv, tni_txn_err(txn));
    tni_count(&db->counts.rolled_back);
    txn_end(txn, st != TENON_OK || lost);
}

/* Commit in the engine and give the connection back. */
static tenon_status
txn_commit(tenon_txn *txn, tenon_error *cause, tenon_error *err)
{
    tenon_db *db = txn->db;
    tenon_status st;

    tni_cursors_end(txn);
    txn->state = TENON_TXN_COMMITTING;
    st = db->driver->transaction->commit(txn->conn->drv, tni_txn_err(txn));
    if (st == TENON_OK) {
        tni_count(&db->counts.committed);
        txn_end(txn, false);
        return st;
    }
    if (txn->last.effect == TENON_EFFECT_UNKNOWN || st == TENON_UNKNOWN_OUTCOME) {
        st = TENON_UNKNOWN_OUTCOME;
        txn->last.effect = TENON_EFFECT_UNKNOWN;
    } else {
        txn->last.effect = TENON_EFFECT_ROLLED_BACK; /* after any outcome nothing is open */
        tni_count(&db->counts.rolled_back);
    }
    st = tni_txn_driver_failed(txn, st, err);
    if (cause != NULL && tenon_status_retryable(st))
        *cause = txn->cause;
    txn_end(txn, st == TENON_UNKNOWN_OUTCOME || st == TENON_UNAVAILABLE);
    return st;
}

tenon_status
tni_txn_commit(tenon_txn *txn, tenon_error *cause, tenon_error *err)
{
    tenon_status st = tni_txn_enter(txn, err);

    if (st == TENON_OK)
        st = txn_commit(txn, cause, err);
    else if (txn->state != 0 && !tni_txn_is_foreign(txn))
        txn_undo(txn, cause);
    return st;
}

void
tni_txn_rollback(tenon_txn *txn, tenon_error *cause)
{
    txn_undo(txn, cause);
}

tenon_status
tenon_commit(tenon_txn *txn, tenon_error *err)
{
    static const char why[] = "tenon_run ends its transaction itself";

    if (txn == NULL)
        return tni_fail(err, TENON_MISUSE, NULL, "no transaction to commit");
    if (txn->state != 0 && txn->managed) {
        (void)txn_doom(txn, TENON_MISUSE, why, NULL);
        return tni_fail(err, TENON_MISUSE, NULL, "%s", why);
    }
    return tni_txn_commit(txn, NULL, err);
}

void
tenon_rollback(tenon_txn *txn)
{
    if (txn == NULL || txn->state == 0)
        return;
    if (txn->managed) {
        (void)txn_doom(txn, TENON_MISUSE, "tenon_run ends its transaction itself", NULL);
        return;
    }
    if (tni_txn_is_foreign(txn)) {
        /* To end it here would leave the engine's lock with a thread that does not hold it. */
        tni_log(TENON_LOG_ERROR, txn->db->driver->name,
                "tenon_rollback on another thread than tenon_begin: not rolled back");
        return;
    }
    txn_undo(txn, NULL);
}

/* ---- What a handle says ---- */

uint32_t
tenon_txn_state(const tenon_txn *txn)
{
    return txn->state;
}

tenon_uuid
tenon_txn_id(const tenon_txn *txn)
{
    if (!txn->conn->has_id) {
        txn->conn->id = tenon_uuid_new();
        txn->conn->has_id = true;
    }
    return txn->conn->id;
}

uint32_t
tenon_txn_attempt(const tenon_txn *txn)
{
    return txn->attempt;
}

tenon_db *
tenon_txn_db(const tenon_txn *txn)
{
    return txn->db;
}

/* ---- For the migration ---- */

const tenon_driver *
tni_txn_driver(const tenon_txn *txn)
{
    return txn->db->driver;
}

tenon_drv_conn *
tni_txn_conn(tenon_txn *txn)
{
    return txn->conn->drv;
}

void
tni_txn_forget_plans(tenon_txn *txn)
{
    tni_cursors_undo(txn);
    tni_plans_clear(&txn->conn->plans, txn->ops);
    txn->conn->forget_plans = true; /* those made from now on too, once the change is undone */
}
