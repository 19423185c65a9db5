/** @file orders.h Whether a small history has a serial order, by trying them all. */
#ifndef TENON_TESTS_HISTORY_ORDERS_H
#define TENON_TESTS_HISTORY_ORDERS_H

#include "check/history/history.h"

/** Most transactions, keys, and elements of a list that orders_exist can do with. */
enum { ORDERS_TXNS = 12, ORDERS_KEYS = 8, ORDERS_LIST = 64 };

/** Whether the transactions of a history of lists could have run one by one, each between its begin
 * and its end; those that failed not at all, those of unknown outcome at any later time or not. */
bool orders_exist(const history *h);

#endif
