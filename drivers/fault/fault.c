/*
 * A filter that makes calls of a driver fail: fault+URL. It leaves the engine as an engine would be
 * left by what it reports, so whoever runs on it may be asked whether what they were told is true.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tenon/kit/filter.h"

#define FAULT_MILLION UINT64_C(1000000)
#define FAULT_MOST_DELAY_US UINT64_C(60000000)

/** X(symbol, name): what can be done to a call. */
#define FAULT_KINDS(X)                                                                             \
    X(CONFLICT, "conflict")                                                                        \
    X(BUSY, "busy")                                                                                \
    X(TIMEOUT, "timeout")                                                                          \
    X(IO, "io")                                                                                    \
    X(FULL, "full")                                                                                \
    X(MEMORY, "memory")                                                                            \
    X(CORRUPT, "corrupt")                                                                          \
    X(LOST, "lost")             /* the connection, before the call */                              \
    X(LOST_AFTER, "lost_after") /* the connection, with the answer: done, and nobody knows */      \
    X(UNKNOWN, "unknown")       /* of a commit: not done, and nobody knows; else as `lost` */      \
    X(DELAY, "delay")                                                                              \
    X(SPIN, "spin")                                                                                \
    X(KILL, "kill") /* the process, before the call */                                             \
    X(KILL_AFTER, "kill_after")                                                                    \
    X(LIE, "lie") /* of a commit: "done", but rolled back; else nothing */                         \
    X(END, "end") /* of rows: they end here, as if there were no more; else nothing */

enum {
#define FAULT_SYMBOL(symbol, name) FAULT_##symbol,
    FAULT_KINDS(FAULT_SYMBOL)
#undef FAULT_SYMBOL
        FAULT_KIND_COUNT
};

static const char *const fault_kinds[] = {
#define FAULT_NAME(symbol, name) name,
    FAULT_KINDS(FAULT_NAME)
#undef FAULT_NAME
};

/* Bits of a connection's state. */
enum { FAULT_DEAD = 1, FAULT_DUE_AFTER = 2 };

/* What a URL asks for, and how far it has come. It is kept as long as the process, since a database
 * may be closed and opened anew between two faults. */
typedef struct fault_plan {
    struct fault_plan *next;
    pthread_mutex_t lock;
    uint64_t identity;
    uint64_t at, times, ppm, delay_us;
    uint64_t calls, done, random;
    uint32_t slot, kind;
    char log[1024]; /* path; "": none */
} fault_plan;

static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER;
static fault_plan *fault_plans;

/* ---- Parameters ---- */

static tenon_status
fault_read_number(const tenon_drv_param *param, uint64_t most, uint64_t *out, tenon_error *err)
{
    char *end;

    errno = 0;
    *out = strtoull(param->value, &end, 10);
    if (param->value[0] < '0' || param->value[0] > '9' || *end != '\0' || errno != 0 || *out > most)
        return tenon_filter_bad_param(err, param->key, "is no such number");
    return TENON_OK;
}

static tenon_status
fault_read(fault_plan *plan, const tenon_drv_param *param, tenon_error *err)
{
    const char *key = param->key + strlen("fault_");

    if (strcmp(key, "at") == 0)
        return fault_read_number(param, UINT64_MAX, &plan->at, err);
    if (strcmp(key, "times") == 0)
        return fault_read_number(param, UINT64_MAX, &plan->times, err);
    if (strcmp(key, "ppm") == 0)
        return fault_read_number(param, FAULT_MILLION, &plan->ppm, err);
    if (strcmp(key, "seed") == 0)
        return fault_read_number(param, UINT64_MAX, &plan->random, err);
    if (strcmp(key, "delay_us") == 0)
        return fault_read_number(param, FAULT_MOST_DELAY_US, &plan->delay_us, err);
    if (strcmp(key, "slot") == 0) {
        plan->slot = tenon_filter_slot_find(param->value);
        return tenon_filter_slot_can_fail(plan->slot)
                   ? TENON_OK
                   : tenon_filter_bad_param(err, param->key, "is no slot that can fail");
    }
    if (strcmp(key, "kind") == 0) {
        plan->kind = 0;
        while (plan->kind < FAULT_KIND_COUNT && strcmp(fault_kinds[plan->kind], param->value) != 0)
            plan->kind++;
        return plan->kind < FAULT_KIND_COUNT
                   ? TENON_OK
                   : tenon_filter_bad_param(err, param->key, "is no kind of fault");
    }
    if (strcmp(key, "log") == 0) {
        if (strlen(param->value) >= sizeof plan->log)
            return tenon_filter_bad_param(err, param->key, "is too long");
        (void)snprintf(plan->log, sizeof plan->log, "%s", param->value);
        return TENON_OK;
    }
    return tenon_filter_bad_param(err, param->key, "is no parameter of the fault filter");
}

static tenon_status
fault_new(const tenon_drv_param *params, uint32_t param_count, uint64_t identity, fault_plan **out,
          tenon_error *err)
{
    fault_plan *plan = calloc(1, sizeof *plan);
    tenon_status st = TENON_OK;

    *out = NULL;
    if (plan == NULL)
        return tenon_filter_fail(err, TENON_NO_MEMORY, TENON_EFFECT_OPEN, "no memory");
    plan->identity = identity;
    plan->slot = TENON_FILTER_SLOT_COUNT; /* any */
    plan->kind = FAULT_IO;
    plan->times = 1;
    for (uint32_t i = 0; i < param_count && st == TENON_OK; i++)
        st = fault_read(plan, &params[i], err);
    if (st != TENON_OK) {
        free(plan);
        return st;
    }
    (void)pthread_mutex_init(&plan->lock, NULL);
    *out = plan;
    return TENON_OK;
}

static tenon_status
fault_open(const tenon_drv_param *params, uint32_t param_count, uint64_t identity, void **out,
           tenon_error *err)
{
    fault_plan *plan;
    tenon_status st = TENON_OK;

    (void)pthread_mutex_lock(&fault_lock);
    plan = fault_plans;
    while (plan != NULL && plan->identity != identity)
        plan = plan->next;
    if (plan == NULL && (st = fault_new(params, param_count, identity, &plan, err)) == TENON_OK) {
        plan->next = fault_plans;
        fault_plans = plan;
    }
    (void)pthread_mutex_unlock(&fault_lock);
    *out = plan;
    return st;
}

static void
fault_close(void *filter)
{
    (void)filter; /* the next one to open the same URL goes on with it */
}

/* ---- Faults ---- */

/* SplitMix64: the same seed gives the same faults, on one thread. */
static uint64_t
fault_random(fault_plan *plan)
{
    uint64_t x = plan->random + UINT64_C(0x9e3779b97f4a7c15);

    plan->random = x;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* A line for each fault, written before it happens. */
static void
fault_note(const fault_plan *plan, uint32_t slot)
{
    char line[128];
    const int len = snprintf(line, sizeof line, "%" PRIu64 " %s %s\n", plan->calls,
                             tenon_filter_slot_name(slot), fault_kinds[plan->kind]);
    const int fd = plan->log[0] == '\0'
                       ? -1
                       : open(plan->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0)
        return;
    if (write(fd, line, (size_t)len) != len)
        tenon_filter_host->log(TENON_LOG_WARNING, "fault", "the log can't be written");
    (void)close(fd);
}

/* Count a call. @return whether it is to meet a fault */
static bool
fault_is_due(fault_plan *plan, uint32_t slot)
{
    bool due = false;

    if (!tenon_filter_slot_can_fail(slot) ||
        (plan->slot != TENON_FILTER_SLOT_COUNT && plan->slot != slot))
        return false;
    (void)pthread_mutex_lock(&plan->lock);
    plan->calls++;
    if (plan->done < plan->times)
        due = plan->at != 0 ? plan->calls >= plan->at
                            : fault_random(plan) % FAULT_MILLION < plan->ppm;
    if (due) {
        plan->done++;
        fault_note(plan, slot);
    }
    (void)pthread_mutex_unlock(&plan->lock);
    return due;
}

/* The statuses of refusals, and what they leave of a transaction. */
static const struct fault_refusal {
    tenon_status status;
    uint32_t effect;
} fault_refusals[] = {
    [FAULT_CONFLICT] = { TENON_CONFLICT, TENON_EFFECT_MUST_ROLL_BACK },
    [FAULT_BUSY] = { TENON_BUSY, TENON_EFFECT_MUST_ROLL_BACK },
    [FAULT_TIMEOUT] = { TENON_TIMEOUT, TENON_EFFECT_MUST_ROLL_BACK },
    [FAULT_IO] = { TENON_IO, TENON_EFFECT_MUST_ROLL_BACK },
    [FAULT_FULL] = { TENON_FULL, TENON_EFFECT_OPEN },
    [FAULT_MEMORY] = { TENON_NO_MEMORY, TENON_EFFECT_OPEN },
    [FAULT_CORRUPT] = { TENON_CORRUPT, TENON_EFFECT_MUST_ROLL_BACK },
};

static tenon_status
fault_lost(const tenon_filter_call *call, tenon_error *err)
{
    if (call->state != NULL)
        *call->state |= FAULT_DEAD;
    return tenon_filter_fail(err, TENON_UNAVAILABLE, TENON_EFFECT_ROLLED_BACK,
                             "fault: the connection was lost in %s",
                             tenon_filter_slot_name(call->slot));
}

static tenon_status
fault_unknown(const tenon_filter_call *call, tenon_error *err)
{
    if (call->state != NULL)
        *call->state |= FAULT_DEAD;
    return tenon_filter_fail(err, TENON_UNKNOWN_OUTCOME, TENON_EFFECT_UNKNOWN,
                             "fault: the connection was lost in the commit");
}

/* Refuse a call, which is then not made. After a commit, whatever its end, nothing is open. */
static tenon_status
fault_refuse(const tenon_filter_call *call, uint32_t kind, tenon_error *err)
{
    const struct fault_refusal *r = &fault_refusals[kind];
    const bool ends = call->slot == TENON_FILTER_COMMIT || call->slot == TENON_FILTER_BEGIN;

    if (call->slot == TENON_FILTER_COMMIT || call->slot == TENON_FILTER_ROLLBACK)
        tenon_filter_roll_back(call->conn);
    return tenon_filter_fail(err, r->status, ends ? TENON_EFFECT_ROLLED_BACK : r->effect,
                             "fault: %s", tenon_filter_slot_name(call->slot));
}

/* Whether what the call does outlives its transaction. */
static bool
fault_commits(uint32_t slot)
{
    return slot == TENON_FILTER_COMMIT || slot == TENON_FILTER_PREPARE_TXN ||
           slot == TENON_FILTER_COMMIT_PREPARED;
}

static void
fault_sleep(uint64_t us)
{
    struct timespec left = { (time_t)(us / FAULT_MILLION), (long)(us % FAULT_MILLION * 1000) };

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* As a slower engine would: who sleeps for some microseconds gives its processor away for longer.
 */
static void
fault_spin(uint64_t us)
{
    struct timespec from, now;

    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    do
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - from.tv_sec) * INT64_C(1000000000) + now.tv_nsec - from.tv_nsec <
           (int64_t)us * 1000);
}

static tenon_status
fault_strike(tenon_filter_call *call, const fault_plan *plan, tenon_error *err)
{
    const bool commits = call->slot == TENON_FILTER_COMMIT;

    switch (plan->kind) {
    case FAULT_DELAY:
        fault_sleep(plan->delay_us);
        return TENON_OK;
    case FAULT_SPIN:
        fault_spin(plan->delay_us);
        return TENON_OK;
    case FAULT_KILL:
        (void)raise(SIGKILL);
        return TENON_OK;
    case FAULT_LOST_AFTER:
    case FAULT_KILL_AFTER:
        if (call->state != NULL) {
            *call->state |= FAULT_DUE_AFTER;
            return TENON_OK;
        }
        return plan->kind == FAULT_LOST_AFTER ? fault_lost(call, err) : TENON_OK;
    case FAULT_LIE:
        if (!commits)
            return TENON_OK;
        tenon_filter_roll_back(call->conn);
        call->answered = 1;
        return TENON_OK;
    case FAULT_END:
        return call->slot == TENON_FILTER_NEXT || call->slot == TENON_FILTER_FETCH ? TENON_NOT_FOUND
                                                                                   : TENON_OK;
    case FAULT_LOST:
    case FAULT_UNKNOWN:
        if (commits || call->slot == TENON_FILTER_ROLLBACK)
            tenon_filter_roll_back(call->conn);
        return commits && plan->kind == FAULT_UNKNOWN ? fault_unknown(call, err)
                                                      : fault_lost(call, err);
    default:
        return fault_refuse(call, plan->kind, err);
    }
}

/* Over a connection that was lost nothing comes through any more; the engine rolls back. */
static tenon_status
fault_before(tenon_filter_call *call, tenon_error *err)
{
    fault_plan *plan = call->filter;

    if (call->state != NULL && (*call->state & FAULT_DEAD) != 0) {
        if (call->slot == TENON_FILTER_ROLLBACK)
            tenon_filter_roll_back(call->conn);
        return tenon_filter_slot_can_fail(call->slot) ? fault_lost(call, err) : TENON_OK;
    }
    return fault_is_due(plan, call->slot) ? fault_strike(call, plan, err) : TENON_OK;
}

static tenon_status
fault_after(const tenon_filter_call *call, tenon_status st, tenon_error *err)
{
    const fault_plan *plan = call->filter;

    if (call->state == NULL || (*call->state & FAULT_DUE_AFTER) == 0)
        return st;
    *call->state &= ~(uint64_t)FAULT_DUE_AFTER;
    if (plan->kind == FAULT_KILL_AFTER)
        (void)raise(SIGKILL);
    return fault_commits(call->slot) && (st == TENON_OK || st == TENON_UNKNOWN_OUTCOME)
               ? fault_unknown(call, err)
               : fault_lost(call, err);
}

static const tenon_filter_hooks fault_hooks = {
    .size = sizeof fault_hooks,
    .open = fault_open,
    .close = fault_close,
    .before = fault_before,
    .after = fault_after,
};

TENON_FILTER_DRIVER(fault, "1.0", fault_hooks);
