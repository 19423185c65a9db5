/* The handle of a transaction: its owner's calls, and the reaper who may take it between them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db.h"
#include "core/error.h"
#include "core/host.h"
#include "core/txn_driver.h"

/* ---- How a transaction is doomed ---- */

/* Whether the row in the way may be newer than all that the transaction sees. */
static bool
handle_is_hidden(const tenon_txn *txn, tenon_status status)
{
    return status == TENON_EXISTS && txn->isolation >= TENON_SNAPSHOT &&
           (txn->db->capabilities & TENON_CAP_SINGLE_WRITER) == 0;
}

tenon_status
tni_txn_failed(tenon_txn *txn, tenon_status status, const tenon_error *err)
{
    if (tni_txn_may_succeed(status, err)) {
        txn->retryable = true;
        txn->cause = *err;
        txn->cause.status = status;
    } else if (!txn->retryable && handle_is_hidden(txn, status)) {
        txn->hidden = true;
        txn->cause = *err;
        txn->cause.status = TENON_CONFLICT;
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
    if (status == TENON_CANCELLED && tni_monotonic_ns() >= atomic_load(&txn->deadline_ns))
        status = TENON_TIMEOUT; /* it was the reaper who has stopped it */
    (void)tni_db_failed(txn->db, status, &txn->last);
    (void)tni_txn_failed(txn, status, &txn->last);
    if (err != NULL)
        *err = txn->last;
    return status;
}

static tenon_status
handle_doomed(const tenon_txn *txn, tenon_error *err)
{
    if (err != NULL)
        *err = txn->doom;
    return txn->doom.status;
}

tenon_status
tni_txn_doom(tenon_txn *txn, tenon_status status, const char *why, tenon_error *err)
{
    if (txn->state == TENON_TXN_ACTIVE) {
        (void)tni_fail(&txn->doom, status, atomic_load(&txn->op)->name, "%s", why);
        txn->doom.effect = TENON_EFFECT_MUST_ROLL_BACK;
        txn->effect = TENON_EFFECT_MUST_ROLL_BACK;
        txn->final = true;
        txn->state = TENON_TXN_DOOMED;
    }
    return handle_doomed(txn, err);
}

/* ---- The owner's calls ---- */

/* Rows that were lent are no longer read: their owner is back. */
static tenon_status
handle_reaped(tenon_txn *txn, tenon_error *err)
{
    unsigned int word = TNI_REAPED;

    if (txn->pinned && atomic_compare_exchange_strong(&txn->word, &word, TNI_ENDING)) {
        tni_txn_unpin(txn);
        atomic_store(&txn->word, TNI_REAPED);
    }
    return handle_doomed(txn, err);
}

/* The handle is not IDLE, but `word`. @return TENON_OK: it may be by now */
__attribute__((cold)) static tenon_status
handle_busy(tenon_txn *txn, unsigned int word, tenon_error *err)
{
    switch (word) {
    case TNI_FREE:
        return tni_fail(err, TENON_MISUSE, NULL, "the transaction has ended");
    case TNI_TAKEN:
        tni_reaper_wait(&txn->db->reaper);
        return TENON_OK;
    case TNI_REAPED:
    case TNI_ORPHAN:
        return handle_reaped(txn, err);
    default:
        return tni_fail(err, TENON_MISUSE, NULL,
                        "the transaction is in use by another call, which has not returned");
    }
}

/* Change the word of an IDLE handle, waiting for the reaper where it has it. On the path of every
 * call: inlined. */
static inline tenon_status
handle_take(tenon_txn *txn, unsigned int to, tenon_error *err)
{
    unsigned int word = TNI_IDLE;

    tni_step();
    while (!atomic_compare_exchange_strong(&txn->word, &word, to)) {
        const tenon_status st = handle_busy(txn, word, err);

        if (st != TENON_OK)
            return st;
        word = TNI_IDLE;
        tni_step();
    }
    return TENON_OK;
}

/* The word first, then the flag; the reaper does the opposite. So either he sees that no call is
 * INSIDE, or it is seen here that he may be stopping one. */
tenon_status
tni_txn_take_to_end(tenon_txn *txn, tenon_error *err)
{
    const tenon_status st = handle_take(txn, TNI_ENDING, err);

    tni_step();
    if (st == TENON_OK && atomic_load(&txn->poked))
        tni_reaper_wait(&txn->db->reaper);
    return st;
}

/* Whether a call may go on whose handle was taken; else it is left. `looks`: at the clock. */
static tenon_status
handle_check(tenon_txn *txn, bool looks, tenon_error *err)
{
    tenon_status st = TENON_OK;

    if (txn->state == TENON_TXN_DOOMED)
        st = handle_doomed(txn, err);
    else if (looks && tni_is_past(atomic_load_explicit(&txn->deadline_ns, memory_order_relaxed)))
        st = tni_txn_doom(txn, TENON_TIMEOUT, "the transaction's deadline has passed", err);
    if (st != TENON_OK)
        tni_txn_leave(txn);
    return st;
}

tenon_status
tni_txn_enter(tenon_txn *txn, tenon_error *err)
{
    tenon_status st;

    if (txn == NULL)
        return tni_fail(err, TENON_MISUSE, NULL, "no transaction");
    st = handle_take(txn, TNI_INSIDE, err);
    return st == TENON_OK ? handle_check(txn, true, err) : st;
}

tenon_status
tni_txn_enter_row(tenon_txn *txn, uint32_t *row_count, tenon_error *err)
{
    const tenon_status st = handle_take(txn, TNI_INSIDE, err);

    return st == TENON_OK ? handle_check(txn, (*row_count)++ % TNI_ROWS_BETWEEN_LOOKS == 0, err)
                          : st;
}

tenon_status
tni_txn_enter_rollback(tenon_txn *txn, tenon_error *err)
{
    tenon_status st;

    if (txn == NULL)
        return tni_fail(err, TENON_MISUSE, NULL, "no transaction");
    st = handle_take(txn, TNI_INSIDE, err);
    if (st != TENON_OK)
        return st;
    if (txn->state == TENON_TXN_DOOMED && !txn->final && txn->effect == TENON_EFFECT_MUST_ROLL_BACK)
        return TENON_OK;
    tni_txn_leave(txn);
    return tni_txn_enter(txn, err);
}

bool
tni_txn_hold(tenon_txn *txn)
{
    return handle_take(txn, TNI_INSIDE, NULL) == TENON_OK;
}

/* ---- The reaper's ---- */

static void
handle_log(const tenon_txn *txn, uint32_t level, const char *what)
{
    const char *where = atomic_load(&txn->where);
    char text[256];

    (void)snprintf(text, sizeof text, "transaction %s, begun at %s: %s",
                   atomic_load(&txn->op)->name, where != NULL ? where : "(place unknown)", what);
    tni_log(level, txn->db->driver->name, text);
}

void
tni_txn_reap(tenon_txn *txn)
{
    txn->state =
        TENON_TXN_ACTIVE; /* whatever has happened before, this is the answer from now on */
    (void)tni_txn_doom(
        txn, TENON_TIMEOUT,
        "the transaction was rolled back: its deadline has passed and its owner did nothing", NULL);
    if (txn->bound) { /* to its owner's thread: nobody else can end it */
        handle_log(txn, TENON_LOG_WARNING,
                   "its body does nothing, keeps this engine's writer, and only its own thread can "
                   "end it; see may_wait in tenon_txn_options");
        atomic_store(&txn->deadline_ns, UINT64_MAX);
        atomic_store(&txn->word, TNI_IDLE);
        return;
    }
    handle_log(txn, TENON_LOG_WARNING, "its owner did nothing until its deadline: rolled back");
    tni_txn_part(txn);
    atomic_store(&txn->word, TNI_REAPED);
}

bool
tni_txn_disown(tenon_txn *txn)
{
    unsigned int word = TNI_REAPED;

    if (atomic_load(&txn->word) != TNI_REAPED)
        return false;
    handle_log(txn, TENON_LOG_ERROR, "its owner has not ended it before the database was closed");
    return atomic_compare_exchange_strong(&txn->word, &word, TNI_ORPHAN);
}
