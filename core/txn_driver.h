/** @file txn_driver.h What the migration needs of a transaction beyond the public API. */
#ifndef TENON_CORE_TXN_DRIVER_H
#define TENON_CORE_TXN_DRIVER_H

#include "core/txn_state.h"
#include "tenon/driver.h"

/** The driver's normalised table, every slot set. Borrowed. */
const tenon_driver *tni_txn_driver(const tenon_txn *txn);

/** The driver's connection under a transaction. Borrowed until its end. */
tenon_drv_conn *tni_txn_conn(tenon_txn *txn);

/** Note the effect that a failed driver call reported, so that the transaction's state follows.
 * @return `status` */
tenon_status tni_txn_failed(tenon_txn *txn, tenon_status status, const tenon_error *err);

/** Forget all compiled queries of this transaction's connection: tables are about to change. */
void tni_txn_forget_plans(tenon_txn *txn);

#endif
