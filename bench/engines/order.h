/** @file order.h Orders of the sides of a round, balanced. */
#ifndef BENCH_ENGINES_ORDER_H
#define BENCH_ENGINES_ORDER_H

#include <stdint.h>

/** How many orders are needed for so many sides: a run has a multiple of it in rounds. */
uint32_t order_count(uint32_t sides);

/**
 * The side at a place of an order. Over all orders each side comes at each place equally often, and
 * follows each other side equally often.
 */
uint32_t order_side(uint32_t sides, uint32_t order, uint32_t place);

#endif
