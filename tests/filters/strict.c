/*
 * A filter that holds the core to what driver.h says of the order of calls: strict+URL. Whoever
 * breaks it ends the process, with the call and the rule on stderr. It stands outside of the
 * filter that makes calls fail, and so sees what the core does after each failure.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tenon/kit/filter.h"

/* The state of a connection. */
#define STRICT_IN_TXN UINT64_C(1)
#define STRICT_DOOMED UINT64_C(2) /* only a rollback is possible */
#define STRICT_GONE UINT64_C(4)   /* the engine has rolled it back already */
#define STRICT_BROKEN UINT64_C(8) /* only to be closed */
#define STRICT_DEPTH_SHIFT 8
#define STRICT_CURSORS_SHIFT 16
#define STRICT_PLANS_SHIFT 32

static uint64_t
strict_part(uint64_t state, unsigned shift, uint64_t mask)
{
    return (state >> shift) & mask;
}

static uint64_t
strict_depth(uint64_t state)
{
    return strict_part(state, STRICT_DEPTH_SHIFT, 0xff);
}

static uint64_t
strict_cursors(uint64_t state)
{
    return strict_part(state, STRICT_CURSORS_SHIFT, 0xffff);
}

static uint64_t
strict_plans(uint64_t state)
{
    return strict_part(state, STRICT_PLANS_SHIFT, 0xffffffff);
}

static void
strict_set_depth(uint64_t *state, uint64_t depth)
{
    *state = (*state & ~(UINT64_C(0xff) << STRICT_DEPTH_SHIFT)) | depth << STRICT_DEPTH_SHIFT;
}

static void
strict_require(const tenon_filter_call *call, bool holds, const char *rule)
{
    if (holds)
        return;
    (void)fprintf(stderr, "strict: %s (state %llx, number %llu): %s\n",
                  tenon_filter_slot_name(call->slot), (unsigned long long)*call->state,
                  (unsigned long long)call->number, rule);
    abort();
}

static tenon_status
strict_open(const tenon_drv_param *params, uint32_t param_count, uint64_t identity, void **out,
            tenon_error *err)
{
    (void)identity;
    *out = NULL;
    return param_count == 0
               ? TENON_OK
               : tenon_filter_bad_param(err, params[0].key, "is no parameter of the strict filter");
}

static void
strict_close(void *filter)
{
    (void)filter;
}

/* ---- Before a call ---- */

static void
strict_savepoint(const tenon_filter_call *call, uint64_t s)
{
    if (call->slot == TENON_FILTER_SAVEPOINT) {
        strict_require(call, (s & STRICT_DOOMED) == 0, "after a failure only a rollback");
        strict_require(call, call->number == strict_depth(s) + 1,
                       "each savepoint is one deeper than the one before");
        return;
    }
    strict_require(call, call->number >= 1 && call->number <= strict_depth(s),
                   "the savepoint is not set");
    if (call->slot == TENON_FILTER_SAVEPOINT_ROLLBACK)
        strict_require(call, strict_cursors(s) == 0, "no cursor is open");
    else
        strict_require(call, (s & STRICT_DOOMED) == 0, "after a failure only a rollback");
}

static tenon_status
strict_before(tenon_filter_call *call, tenon_error *err)
{
    const uint64_t s = call->state == NULL ? 0 : *call->state;

    (void)err;
    if (call->state == NULL)
        return TENON_OK;
    if (call->slot != TENON_FILTER_CONN_CLOSE && call->slot != TENON_FILTER_FREE &&
        call->slot != TENON_FILTER_CLOSE && call->slot != TENON_FILTER_INTERRUPT)
        strict_require(call, (s & STRICT_BROKEN) == 0,
                       "a connection whose rollback has failed is only closed");
    switch (call->slot) {
    case TENON_FILTER_CONN_CLOSE:
        strict_require(call, strict_plans(s) == 0, "plans are freed before");
        strict_require(call, strict_cursors(s) == 0, "cursors are closed before");
        break;
    case TENON_FILTER_CONN_RESET:
    case TENON_FILTER_CONN_CHECK:
    case TENON_FILTER_BEGIN:
        strict_require(call, (s & STRICT_IN_TXN) == 0, "there is no transaction");
        break;
    case TENON_FILTER_COMMIT:
        strict_require(call, (s & STRICT_IN_TXN) != 0, "there is a transaction");
        strict_require(call, (s & (STRICT_DOOMED | STRICT_GONE)) == 0,
                       "after a failure only a rollback");
        strict_require(call, strict_cursors(s) == 0, "cursors are closed before");
        break;
    case TENON_FILTER_ROLLBACK:
        strict_require(call, strict_cursors(s) == 0, "cursors are closed before");
        break;
    case TENON_FILTER_SAVEPOINT:
    case TENON_FILTER_SAVEPOINT_RELEASE:
    case TENON_FILTER_SAVEPOINT_ROLLBACK:
        strict_require(call, (s & STRICT_IN_TXN) != 0, "there is a transaction");
        strict_require(call, (s & STRICT_GONE) == 0, "the engine has rolled back already");
        strict_savepoint(call, s);
        break;
    case TENON_FILTER_EXEC:
    case TENON_FILTER_EXEC_LATER:
    case TENON_FILTER_REQUIRE:
    case TENON_FILTER_OPEN:
    case TENON_FILTER_NEXT:
    case TENON_FILTER_FETCH:
    case TENON_FILTER_SQL:
    case TENON_FILTER_CREATE_TABLE:
        strict_require(call, (s & STRICT_IN_TXN) != 0, "there is a transaction");
        strict_require(call, (s & (STRICT_DOOMED | STRICT_GONE)) == 0,
                       "after a failure only a rollback");
        break;
    case TENON_FILTER_CLOSE:
        strict_require(call, strict_cursors(s) > 0, "a cursor is open");
        *call->state -= UINT64_C(1) << STRICT_CURSORS_SHIFT;
        break;
    case TENON_FILTER_FREE:
        strict_require(call, strict_plans(s) > 0, "a plan is there");
        *call->state -= UINT64_C(1) << STRICT_PLANS_SHIFT;
        break;
    default:
        break;
    }
    return TENON_OK;
}

/* ---- After it ---- */

static void
strict_failed(const tenon_filter_call *call, uint64_t *s, const tenon_error *err)
{
    switch (call->slot) {
    case TENON_FILTER_BEGIN:
        break; /* a failure leaves none */
    case TENON_FILTER_COMMIT:
        *s &= ~(STRICT_IN_TXN | STRICT_DOOMED | STRICT_GONE); /* nor does any commit */
        strict_set_depth(s, 0);
        break;
    case TENON_FILTER_ROLLBACK:
        *s |= STRICT_BROKEN;
        break;
    default:
        if (err->effect == TENON_EFFECT_MUST_ROLL_BACK)
            *s |= STRICT_DOOMED;
        else if (err->effect != TENON_EFFECT_OPEN)
            *s |= STRICT_GONE;
        break;
    }
}

static void
strict_done(const tenon_filter_call *call, uint64_t *s)
{
    switch (call->slot) {
    case TENON_FILTER_BEGIN:
        *s |= STRICT_IN_TXN;
        break;
    case TENON_FILTER_COMMIT:
    case TENON_FILTER_ROLLBACK:
        *s &= ~(STRICT_IN_TXN | STRICT_DOOMED | STRICT_GONE);
        strict_set_depth(s, 0);
        break;
    case TENON_FILTER_SAVEPOINT:
        strict_set_depth(s, call->number);
        break;
    case TENON_FILTER_SAVEPOINT_ROLLBACK:
        *s &= ~STRICT_DOOMED;
        strict_set_depth(s, call->number - 1);
        break;
    case TENON_FILTER_SAVEPOINT_RELEASE:
        strict_set_depth(s, call->number - 1);
        break;
    case TENON_FILTER_OPEN:
        *s += UINT64_C(1) << STRICT_CURSORS_SHIFT;
        break;
    case TENON_FILTER_PREPARE:
        *s += UINT64_C(1) << STRICT_PLANS_SHIFT;
        break;
    default:
        break;
    }
}

static tenon_status
strict_after(const tenon_filter_call *call, tenon_status st, tenon_error *err)
{
    if (call->state == NULL)
        return st;
    if (st == TENON_OK)
        strict_done(call, call->state);
    else if (call->slot != TENON_FILTER_NEXT && call->slot != TENON_FILTER_FETCH)
        strict_failed(call, call->state, err);
    else if (st != TENON_NOT_FOUND) /* the end of the rows leaves `err` alone */
        strict_failed(call, call->state, err);
    return st;
}

static const tenon_filter_hooks strict_hooks = {
    .size = sizeof strict_hooks,
    .open = strict_open,
    .close = strict_close,
    .before = strict_before,
    .after = strict_after,
};

TENON_FILTER_DRIVER(strict, "1.0", strict_hooks);
