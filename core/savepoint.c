/* Savepoints. */
#include "core/db.h"
#include "core/error.h"
#include "core/txn_driver.h"

static const tenon_drv_transaction_ops *
savepoint_ops(const tenon_txn *txn)
{
    return txn->db->driver->transaction;
}

/* How deep a savepoint lies, from 1 on; 0: it is not set. */
static uint32_t
savepoint_depth(const tenon_txn *txn, uint32_t savepoint)
{
    uint32_t depth = txn->savepoint_count;

    while (depth > 0 && txn->savepoints[depth - 1] != savepoint)
        depth--;
    return depth;
}

static tenon_status
savepoint_not_set(uint32_t savepoint, tenon_error *err)
{
    return tni_fail(err, TENON_MISUSE, NULL, "savepoint %u is not set", savepoint);
}

static tenon_status
savepoint_set(tenon_txn *txn, uint32_t *out, tenon_error *err)
{
    tenon_status st;

    if ((txn->db->capabilities & TENON_CAP_SAVEPOINTS) == 0)
        return tni_fail(err, TENON_UNSUPPORTED, NULL, "this engine has no savepoints");
    if (txn->savepoint_count == TENON_MAX_SAVEPOINTS)
        return tni_fail(err, TENON_MISUSE, NULL, "%d savepoints are set, the most there may be",
                        TENON_MAX_SAVEPOINTS);
    tni_cursors_drop_fetched(txn);
    st = savepoint_ops(txn)->savepoint(
        txn->conn->drv, txn->savepoint_base + txn->savepoint_count + 1, tni_txn_err(txn));
    if (st != TENON_OK)
        return tni_txn_driver_failed(txn, st, err);
    txn->savepoints[txn->savepoint_count++] = ++txn->savepoint_last;
    *out = txn->savepoint_last;
    return TENON_OK;
}

tenon_status
tenon_savepoint(tenon_txn *txn, uint32_t *out, tenon_error *err)
{
    tenon_status st;

    *out = 0;
    st = tni_txn_enter(txn, err);
    if (st != TENON_OK)
        return st;
    st = savepoint_set(txn, out, err);
    tni_txn_leave(txn);
    return st;
}

static tenon_status
savepoint_release(tenon_txn *txn, uint32_t savepoint, tenon_error *err)
{
    const uint32_t depth = savepoint_depth(txn, savepoint);
    tenon_status st;

    if (depth == 0)
        return savepoint_not_set(savepoint, err);
    tni_cursors_drop_fetched(txn);
    st = savepoint_ops(txn)->savepoint_release(txn->conn->drv, txn->savepoint_base + depth,
                                               tni_txn_err(txn));
    if (st != TENON_OK)
        return tni_txn_driver_failed(txn, st, err);
    txn->savepoint_count = depth - 1;
    return TENON_OK;
}

tenon_status
tenon_savepoint_release(tenon_txn *txn, uint32_t savepoint, tenon_error *err)
{
    tenon_status st = tni_txn_enter(txn, err);

    if (st != TENON_OK)
        return st;
    st = savepoint_release(txn, savepoint, err);
    tni_txn_leave(txn);
    return st;
}

static tenon_status
savepoint_rollback(tenon_txn *txn, uint32_t savepoint, tenon_error *err)
{
    const uint32_t depth = savepoint_depth(txn, savepoint);
    tenon_status st;

    if (depth == 0)
        return savepoint_not_set(savepoint, err);
    tni_cursors_undo(txn);
    st = savepoint_ops(txn)->savepoint_rollback(txn->conn->drv, txn->savepoint_base + depth,
                                                tni_txn_err(txn));
    if (st != TENON_OK) {
        if (txn->last.effect == TENON_EFFECT_OPEN) /* what is undone and what is not? */
            txn->last.effect = TENON_EFFECT_MUST_ROLL_BACK;
        txn->effect = txn->last.effect;
        return tni_txn_driver_failed(txn, st, err);
    }
    txn->savepoint_count = depth - 1;
    txn->state = TENON_TXN_ACTIVE;
    txn->effect = TENON_EFFECT_OPEN;
    return TENON_OK;
}

tenon_status
tenon_savepoint_rollback(tenon_txn *txn, uint32_t savepoint, tenon_error *err)
{
    tenon_status st = tni_txn_enter_rollback(txn, err);

    if (st != TENON_OK)
        return st;
    st = savepoint_rollback(txn, savepoint, err);
    tni_txn_leave(txn);
    return st;
}
