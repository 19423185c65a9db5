/* A bucket is a time: that at which it will be full again. A token moves it by 1 / rate. */
#include "core/rate.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#define RATE_SET 8 /* buckets that a caller may be in */

bool
tni_rates_init(tni_rates *rates, tni_rate all, tni_rate caller)
{
    memset(rates, 0, sizeof *rates);
    tni_mutex_init(&rates->lock);
    rates->all = all;
    rates->caller = caller;
    if (caller.per_second > 0)
        rates->callers = calloc(TNI_RATE_CALLERS, sizeof *rates->callers);
    return caller.per_second == 0 || rates->callers != NULL;
}

void
tni_rates_fini(tni_rates *rates)
{
    free(rates->callers);
    tni_mutex_fini(&rates->lock);
}

static uint64_t
rate_token_ns(tni_rate rate)
{
    return TNI_NS_PER_S / rate.per_second;
}

/* How long until the bucket has a token. 0: it has. */
static uint64_t
rate_wait_ns(const tni_bucket *bucket, tni_rate rate, uint64_t now_ns)
{
    const uint64_t room_ns = rate.burst * rate_token_ns(rate);
    const uint64_t from_ns = bucket->full_ns > now_ns ? bucket->full_ns : now_ns;
    const uint64_t full_ns = from_ns + rate_token_ns(rate);

    return full_ns > now_ns + room_ns ? full_ns - now_ns - room_ns : 0;
}

static void
rate_take(tni_bucket *bucket, tni_rate rate, uint64_t now_ns)
{
    if (bucket->full_ns < now_ns)
        bucket->full_ns = now_ns;
    bucket->full_ns += rate_token_ns(rate);
}

/* FNV-1a. */
static uint32_t
rate_hash(const char *name)
{
    uint32_t h = 2166136261u;

    while (*name != '\0')
        h = (h ^ (unsigned char)*name++) * 16777619u;
    return h;
}

/* The caller's bucket; a new one takes the place of the one in its set that is the fullest. */
static tni_bucket *
rate_find(tni_rates *rates, const char *caller)
{
    const size_t number = rate_hash(caller) % (TNI_RATE_CALLERS / RATE_SET);
    tni_bucket *set = &rates->callers[number * RATE_SET];
    tni_bucket *fullest = set;

    for (uint32_t i = 0; i < RATE_SET; i++) {
        if (strncmp(set[i].name, caller, TNI_RATE_NAME_BYTES) == 0 && set[i].name[0] != '\0')
            return &set[i];
        if (set[i].full_ns < fullest->full_ns)
            fullest = &set[i];
    }
    memset(fullest, 0, sizeof *fullest);
    memcpy(fullest->name, caller, strnlen(caller, TNI_RATE_NAME_BYTES));
    return fullest;
}

static tenon_status
rate_limited(const char *who, uint64_t wait_ns, tenon_error *err)
{
    const uint64_t wait_ms = wait_ns / TNI_NS_PER_MS + 1;

    (void)tni_fail(err, TENON_RATE_LIMITED, NULL,
                   "the rate limit of %s is reached; next try in %llu ms", who,
                   (unsigned long long)wait_ms);
    if (err != NULL)
        err->native = wait_ms < INT32_MAX ? (int32_t)wait_ms : INT32_MAX;
    return TENON_RATE_LIMITED;
}

tenon_status
tni_rates_pass(tni_rates *rates, const char *caller, tenon_error *err)
{
    uint64_t now_ns, all_ns = 0, caller_ns = 0;
    tni_bucket *own = NULL;

    if (rates->all.per_second == 0 && (rates->callers == NULL || caller == NULL))
        return TENON_OK;
    tni_mutex_lock(&rates->lock);
    now_ns = tni_monotonic_ns();
    if (rates->callers != NULL && caller != NULL && caller[0] != '\0') {
        own = rate_find(rates, caller);
        caller_ns = rate_wait_ns(own, rates->caller, now_ns);
    }
    if (rates->all.per_second > 0)
        all_ns = rate_wait_ns(&rates->bucket, rates->all, now_ns);
    if (caller_ns == 0 && all_ns == 0) {
        if (own != NULL)
            rate_take(own, rates->caller, now_ns);
        if (rates->all.per_second > 0)
            rate_take(&rates->bucket, rates->all, now_ns);
    }
    tni_mutex_unlock(&rates->lock);
    if (caller_ns > 0)
        return rate_limited("this caller", caller_ns, err);
    return all_ns > 0 ? rate_limited("the database", all_ns, err) : TENON_OK;
}
