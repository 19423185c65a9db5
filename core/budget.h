/** @file budget.h A bound on retries of all calls together, so that a storm of conflicts does not
 * feed itself. */
#ifndef TENON_CORE_BUDGET_H
#define TENON_CORE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** Hundredths of a retry that a new database may spend, and the most that are saved up. */
#define TNI_BUDGET_RESERVE 10000

/** Each call earns some hundredths of a retry. */
typedef struct tni_budget {
    atomic_int_fast64_t hundredths;
    uint32_t percent; /* earned by a call; 0: no bound */
} tni_budget;

static inline void
tni_budget_init(tni_budget *budget, uint32_t percent)
{
    atomic_init(&budget->hundredths, TNI_BUDGET_RESERVE);
    budget->percent = percent;
}

/** A call has begun. */
static inline void
tni_budget_call(tni_budget *budget)
{
    if (atomic_load_explicit(&budget->hundredths, memory_order_relaxed) < TNI_BUDGET_RESERVE)
        (void)atomic_fetch_add_explicit(&budget->hundredths, budget->percent, memory_order_relaxed);
}

/** Pay for a retry. @return false: there is not enough */
static inline bool
tni_budget_take(tni_budget *budget)
{
    if (budget->percent == 0)
        return true;
    if (atomic_fetch_sub_explicit(&budget->hundredths, 100, memory_order_relaxed) >= 100)
        return true;
    (void)atomic_fetch_add_explicit(&budget->hundredths, 100, memory_order_relaxed);
    return false;
}

#endif
