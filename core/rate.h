/** @file rate.h Rate limits: token buckets, one for all calls and one for each caller. */
#ifndef TENON_CORE_RATE_H
#define TENON_CORE_RATE_H

#include "core/env.h"
#include "tenon/status.h"

/** Callers that are remembered. One that is forgotten begins with a full bucket, so only those with
 * the fullest are. */
#define TNI_RATE_CALLERS 4096
/** Longest name of a caller that counts. */
#define TNI_RATE_NAME_BYTES 63

/** One bucket. */
typedef struct tni_bucket {
    uint64_t full_ns; /* when it will be full; earlier than now: it is */
    char name[TNI_RATE_NAME_BYTES + 1];
} tni_bucket;

/** A limit. `per_second` 0: none. */
typedef struct tni_rate {
    uint32_t per_second;
    uint32_t burst; /* calls at once */
} tni_rate;

/** All limits of a database. */
typedef struct tni_rates {
    tni_mutex lock;
    tni_rate all, caller;
    tni_bucket bucket;
    tni_bucket *callers; /* TNI_RATE_CALLERS, in sets; NULL: no limit for callers */
} tni_rates;

/** @return false: no memory */
bool tni_rates_init(tni_rates *rates, tni_rate all, tni_rate caller);
void tni_rates_fini(tni_rates *rates);

/** Take a token from each bucket concerned. @param[in] caller NULL: nobody in particular @retval
 * TENON_OK, TENON_RATE_LIMITED with the time to wait; then no token was taken */
tenon_status tni_rates_pass(tni_rates *rates, const char *caller, tenon_error *err);

#endif
