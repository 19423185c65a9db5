/** @file call.c How operations are run; errors, ids, audit rows. */
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

/** The largest `event` and `part` that fit into an id. */
#define CALL_MAX_EVENT ((UINT64_C(1) << 48) - 1)
#define CALL_MAX_PART UINT32_C(255)
/** The end of the year 9999: lifetimes can be added to any time before it, and its milliseconds fit
 * into an id. */
#define CALL_MAX_TIME_US INT64_C(253402300799999999)

/** How often an operation is run that was refused for what is no longer so. */
#define CALL_TRIES 4

static const tenon_uuid call_no_id;

tenon_status
tni_chat_fail(tenon_error *err, tenon_status status, const char *object, const char *format, ...)
{
    va_list args;

    if (err != NULL) {
        memset(err, 0, sizeof *err);
        err->status = status;
        err->effect = TENON_EFFECT_OPEN;
        (void)snprintf(err->object, sizeof err->object, "%s", object);
        va_start(args, format);
        (void)vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return status;
}

bool
tni_chat_same_id(const tenon_uuid *a, const tenon_uuid *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

bool
tni_chat_no_id(const tenon_uuid *id)
{
    return tni_chat_same_id(id, &call_no_id);
}

const tenon_uuid *
tni_chat_actor(const tni_call *call)
{
    return tni_chat_no_id(&call->ctx->actor) ? NULL : &call->ctx->actor;
}

bool
tni_chat_is_repeated(const tni_call *call)
{
    return call->refused == TENON_EXISTS && call->ctx->event != 0;
}

tenon_status
tni_chat_context(const chat_context *ctx, bool anonymous, chat_context *out, tenon_error *err)
{
    memset(out, 0, sizeof *out);
    if (ctx == NULL && !anonymous)
        return tni_chat_fail(err, TENON_MISUSE, "context", "this operation needs a context");
    if (ctx != NULL && ctx->size < offsetof(chat_context, part))
        return tni_chat_fail(err, TENON_MISUSE, "context", "the context's size is not set");
    if (ctx != NULL)
        memcpy(out, ctx, ctx->size < sizeof *out ? ctx->size : sizeof *out);
    out->size = sizeof *out;
    if (out->event > CALL_MAX_EVENT)
        return tni_chat_fail(err, TENON_INVALID, "event", "event must be below 2^48");
    if (out->part > CALL_MAX_PART)
        return tni_chat_fail(err, TENON_INVALID, "part", "part must be at most 255");
    if (out->now_us < 0 || out->now_us > CALL_MAX_TIME_US)
        return tni_chat_fail(err, TENON_INVALID, "now_us", "now_us must be in 1970 to 9999");
    if (out->event != 0 && out->now_us == 0)
        return tni_chat_fail(err, TENON_INVALID, "now_us", "now_us must be set where event is");
    if (out->now_us == 0)
        out->now_us = tenon_now_us();
    return TENON_OK;
}

/**
 * A UUIDv7 whose 74 free bits are event (48), part (8) and number (18): distinct, and in the order
 * of events within a millisecond.
 */
static tenon_uuid
call_derive_id(const chat_context *ctx, uint32_t number)
{
    uint64_t high = (uint64_t)(ctx->now_us / 1000) << 16 | UINT64_C(0x7000) | ctx->event >> 36;
    uint64_t low = UINT64_C(1) << 63 | (ctx->event & ((UINT64_C(1) << 36) - 1)) << 26 |
                   (uint64_t)ctx->part << 18 | number;
    tenon_uuid id;

    for (unsigned i = 0; i < 8; i++) {
        id.bytes[i] = (uint8_t)(high >> (56 - 8 * i));
        id.bytes[8 + i] = (uint8_t)(low >> (56 - 8 * i));
    }
    return id;
}

tenon_uuid
tni_chat_id(tni_call *call)
{
    /* Number 0 is the transaction's own: see tni_chat_audit. */
    return call->ctx->event == 0 ? tenon_uuid_new() : call_derive_id(call->ctx, ++call->id_count);
}

static const tenon_query call_insert_audit = {
    .name = "audit_insert",
    .kind = TENON_INSERT,
    .table = &chat_audit_logs,
    .columns = TENON_COLUMNS(CHAT_AUDIT_ID, CHAT_AUDIT_TXN_ID, CHAT_AUDIT_ACTOR_ID,
                             CHAT_AUDIT_ACTION, CHAT_AUDIT_TARGET_TYPE, CHAT_AUDIT_TARGET_ID,
                             CHAT_AUDIT_DETAILS, CHAT_AUDIT_CREATED_AT),
};

tenon_status
tni_chat_audit(tni_call *call, const tenon_uuid *actor, const char *action, const char *target_type,
               const tenon_uuid *target, const char *details, tenon_error *err)
{
    tenon_uuid id = tni_chat_id(call);
    tenon_uuid txn_id = call->ctx->event == 0 ? tenon_txn_id(call->txn)
                                              : call_derive_id(call->ctx, 0);
    tenon_value params[] = {
        tenon_id(&id),           tenon_id(&txn_id),
        tenon_id(actor),         tenon_text(action),
        tenon_text(target_type), tenon_id(target),
        tenon_text(details),     tenon_time(call->ctx->now_us),
    };

    return tenon_exec(call->txn, &call_insert_audit, params, NULL, err);
}

/** Zero `out`, complete the context, check the input. */
static tenon_status
call_prepare(const tni_operation *op, const chat_context *ctx, const void *in, void *out,
             size_t out_bytes, chat_context *full, tenon_error *err)
{
    tenon_status status;

    if (out != NULL && out_bytes > 0)
        memset(out, 0, out_bytes);
    if ((out == NULL && out_bytes > 0) || in == NULL) {
        (void)tni_chat_fail(err, TENON_MISUSE, op->name, "%s: a null pointer was given", op->name);
        return TENON_MISUSE;
    }
    status = tni_chat_context(ctx, op->anonymous, full, err);
    if (status == TENON_OK && op->check != NULL)
        status = op->check(full, in, err);
    return status;
}

/** Whether somebody has to be told why. */
static bool
call_needs_diagnosis(const tni_operation *op, tenon_status status)
{
    return op->diagnose != NULL &&
           (status == TENON_NOT_FOUND || status == TENON_EXISTS || status == TENON_CONSTRAINT);
}

/** What was refused was in nobody's way when it was looked at, again and again. */
static tenon_status
call_unsettled(const tni_operation *op, tenon_error *err)
{
    return tni_chat_fail(err, TENON_CONFLICT, op->name, "%s: what it depends on keeps changing",
                         op->name);
}

tenon_status
tni_chat_part(tni_call *call, const tni_operation *op, const void *in, void *out, tenon_error *err)
{
    tenon_txn *txn = call->txn;
    uint32_t savepoint = 0;
    tenon_status status;

    if (op->read_only)
        return op->run(call, in, out, err);
    status = tenon_savepoint(txn, &savepoint, err);
    if (status != TENON_OK)
        return status;
    status = op->run(call, in, out, err);
    if (status == TENON_OK)
        status = tenon_savepoint_release(txn, savepoint, err);
    if (status == TENON_OK)
        return status;
    if (tenon_savepoint_rollback(txn, savepoint, NULL) != TENON_OK)
        return status; /* `txn` is doomed */
    if (call_needs_diagnosis(op, status)) {
        call->refused = status;
        status = op->diagnose(call, in, err);
        if (status == TENON_OK)
            status = call_unsettled(op, err);
    }
    return status;
}

tenon_status
tni_chat_within(tenon_txn *txn, const tni_operation *op, const chat_context *ctx, const void *in,
                void *out, size_t out_bytes, tenon_error *err)
{
    chat_context full;
    tni_call call = { .txn = txn, .ctx = &full };
    tenon_status status = call_prepare(op, ctx, in, out, out_bytes, &full, err);

    if (status != TENON_OK)
        return status;
    status = tni_chat_part(&call, op, in, out, err);
    if (status != TENON_OK && out_bytes > 0)
        memset(out, 0, out_bytes);
    return status;
}

/** What the closure of tni_chat_run needs. */
typedef struct call_closure {
    const tni_operation *op;
    const chat_context *ctx;
    const void *in;
    void *out;
    size_t out_bytes;
    bool has_run; /**< `out` may hold something of an earlier attempt. */
    tenon_status refused;
} call_closure;

static tenon_status
call_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    call_closure *closure = (call_closure *)arg;
    tni_call call = { .txn = txn, .ctx = closure->ctx };

    if (closure->has_run && closure->out_bytes > 0)
        memset(closure->out, 0, closure->out_bytes);
    closure->has_run = true;
    return closure->op->run(&call, closure->in, closure->out, err);
}

/** Say why, in a transaction that reads. */
static tenon_status
call_diagnose(tenon_txn *txn, void *arg, tenon_error *err)
{
    const call_closure *closure = (const call_closure *)arg;
    tni_call call = { .txn = txn, .ctx = closure->ctx, .refused = closure->refused };

    return closure->op->diagnose(&call, closure->in, err);
}

/** What is left of the caller's time, for a further transaction. 0: the database's own default. */
static uint32_t
call_left_ms(const chat_context *ctx, int64_t began_us)
{
    int64_t spent_ms;

    if (ctx->timeout_ms == 0)
        return 0;
    spent_ms = (tenon_now_us() - began_us) / 1000;
    return spent_ms < 0 || spent_ms >= ctx->timeout_ms ? 1 : ctx->timeout_ms - (uint32_t)spent_ms;
}

/** Run an operation that its own rules may refuse, and find out why where they did. */
static tenon_status
call_run(tenon_db *db, tenon_txn_options *options, call_closure *closure, tenon_error *err)
{
    const tni_operation *op = closure->op;
    const int64_t began_us = closure->ctx->timeout_ms == 0 ? 0 : tenon_now_us();
    tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    tenon_status status;

    for (int tries = 0; tries < CALL_TRIES; tries++) {
        options->timeout_ms = call_left_ms(closure->ctx, began_us);
        status = tenon_run(db, options, call_body, closure, err);
        if (!call_needs_diagnosis(op, status))
            return status;
        closure->refused = status;
        reading.name = options->name;
        reading.timeout_ms = call_left_ms(closure->ctx, began_us);
        status = tenon_run(db, &reading, call_diagnose, closure, err);
        if (status != TENON_OK)
            return status;
    }
    return call_unsettled(op, err);
}

tenon_status
tni_chat_run(tenon_db *db, const tni_operation *op, const chat_context *ctx, const void *in,
             void *out, size_t out_bytes, tenon_error *err)
{
    chat_context full;
    call_closure closure = { .op = op, .ctx = &full, .in = in, .out = out, .out_bytes = out_bytes };
    tenon_txn_options options = { .size = sizeof options };
    tenon_status status = call_prepare(op, ctx, in, out, out_bytes, &full, err);

    if (status != TENON_OK)
        return status;
    options.name = op->name;
    options.read_only = op->read_only;
    options.isolation = op->blind       ? TENON_READ_COMMITTED
                        : op->read_only ? TENON_SNAPSHOT
                                        : TENON_ISOLATION_DEFAULT;
    status = call_run(db, &options, &closure, err);
    if (status != TENON_OK && out_bytes > 0)
        memset(out, 0, out_bytes);
    return status;
}
