/* Closed, opened, half-open. */
#include "core/breaker.h"

#include "core/error.h"
#include "tenon/stats.h"

#define BREAKER_LONGEST_MS 60000
#define BREAKER_PROBE_NS (100 * TNI_NS_PER_MS) /* between two probes */

void
tni_breaker_init(tni_breaker *breaker, uint32_t threshold, uint32_t open_ms)
{
    tni_mutex_init(&breaker->lock);
    atomic_init(&breaker->state, TENON_CIRCUIT_CLOSED);
    atomic_init(&breaker->failures, 0);
    breaker->threshold = threshold;
    breaker->open_ms = open_ms;
    breaker->last = TENON_OK;
    breaker->last_open_ms = 0;
    breaker->until_ns = 0;
}

void
tni_breaker_fini(tni_breaker *breaker)
{
    tni_mutex_fini(&breaker->lock);
}

/* How much a failure counts: damage opens at once, what is no fault of the engine's not at all. */
static uint32_t
breaker_weight(const tni_breaker *breaker, tenon_status status)
{
    switch (status) {
    case TENON_CORRUPT:
        return breaker->threshold;
    case TENON_UNAVAILABLE:
    case TENON_IO:
    case TENON_FULL:
    case TENON_UNKNOWN_OUTCOME:
        return 1;
    default:
        return 0;
    }
}

uint32_t
tni_breaker_state(tni_breaker *breaker)
{
    return atomic_load_explicit(&breaker->state, memory_order_relaxed);
}

tenon_status
tni_breaker_pass(tni_breaker *breaker, tenon_error *err)
{
    uint64_t now_ns, wait_ms;
    uint32_t failures;
    tenon_status last;
    bool passes;

    if (tni_breaker_state(breaker) == TENON_CIRCUIT_CLOSED)
        return TENON_OK;
    tni_mutex_lock(&breaker->lock);
    now_ns = tni_monotonic_ns();
    passes = tni_breaker_state(breaker) == TENON_CIRCUIT_CLOSED || now_ns >= breaker->until_ns;
    wait_ms = passes ? 0 : (breaker->until_ns - now_ns) / TNI_NS_PER_MS + 1;
    if (passes && tni_breaker_state(breaker) != TENON_CIRCUIT_CLOSED) { /* a probe */
        atomic_store_explicit(&breaker->state, TENON_CIRCUIT_HALF_OPEN, memory_order_relaxed);
        breaker->until_ns = now_ns + BREAKER_PROBE_NS;
    }
    failures = atomic_load_explicit(&breaker->failures, memory_order_relaxed);
    last = breaker->last;
    tni_mutex_unlock(&breaker->lock);
    if (passes)
        return TENON_OK;
    (void)tni_fail(
        err, TENON_CIRCUIT_OPEN, NULL,
        "the database has failed %u times in a row, at last with %s; next try in %llu ms", failures,
        tenon_status_name(last), (unsigned long long)wait_ms);
    if (err != NULL)
        err->native = (int32_t)wait_ms;
    return TENON_CIRCUIT_OPEN;
}

/* The lock is held. */
static void
breaker_open(tni_breaker *breaker)
{
    breaker->last_open_ms = breaker->last_open_ms == 0 ? breaker->open_ms
                                                       : breaker->last_open_ms * 2;
    if (breaker->last_open_ms > BREAKER_LONGEST_MS)
        breaker->last_open_ms = BREAKER_LONGEST_MS;
    breaker->until_ns = tni_after_ms(tni_monotonic_ns(), breaker->last_open_ms);
    atomic_store_explicit(&breaker->state, TENON_CIRCUIT_OPENED, memory_order_relaxed);
}

static void
breaker_failed(tni_breaker *breaker, tenon_status status, uint32_t weight)
{
    uint32_t state, failures;

    tni_mutex_lock(&breaker->lock);
    breaker->last = status;
    state = tni_breaker_state(breaker);
    failures = atomic_load_explicit(&breaker->failures, memory_order_relaxed) + weight;
    atomic_store_explicit(&breaker->failures, failures, memory_order_relaxed);
    if (state == TENON_CIRCUIT_HALF_OPEN ||
        (state == TENON_CIRCUIT_CLOSED && failures >= breaker->threshold))
        breaker_open(breaker);
    tni_mutex_unlock(&breaker->lock);
}

void
tni_breaker_note(tni_breaker *breaker, tenon_status status)
{
    const uint32_t weight = breaker_weight(breaker, status);

    if (breaker->threshold == 0)
        return;
    if (weight > 0) {
        breaker_failed(breaker, status, weight);
        return;
    }
    if (status == TENON_TIMEOUT ||
        atomic_load_explicit(&breaker->failures, memory_order_relaxed) == 0)
        return; /* a timeout says nothing of the engine */
    tni_mutex_lock(&breaker->lock);
    if (tni_breaker_state(breaker) != TENON_CIRCUIT_OPENED) { /* else of a call from before */
        atomic_store_explicit(&breaker->failures, 0, memory_order_relaxed);
        atomic_store_explicit(&breaker->state, TENON_CIRCUIT_CLOSED, memory_order_relaxed);
        breaker->last_open_ms = 0;
    }
    tni_mutex_unlock(&breaker->lock);
}
