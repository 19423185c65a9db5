/* The workloads that are known by a name. YCSB A-F are those of Cooper et al., "Benchmarking cloud
 * serving systems with YCSB", 2010, with one column of 1,000 bytes for their ten of 100. */
#include "workload.h"

#include <string.h>

#include "scenario.h"

#define WORKLOAD_DEFAULT_SCAN                                                                      \
    {                                                                                              \
        .min = 1, .max = 100                                                                       \
    }
#define WORKLOAD_SIZE(n)                                                                           \
    {                                                                                              \
        .min = (n), .max = (n)                                                                     \
    }
#define WORKLOAD_ROWS                                                                              \
    .key_bytes = WORKLOAD_SIZE(16), .value_bytes = WORKLOAD_SIZE(100),                             \
    .scan_rows = WORKLOAD_DEFAULT_SCAN, .batch = 100
#define WORKLOAD_YCSB                                                                              \
    .key_bytes = WORKLOAD_SIZE(23), .value_bytes = WORKLOAD_SIZE(1000),                            \
    .scan_rows = WORKLOAD_DEFAULT_SCAN, .batch = 100, .hashed = true

static const struct {
    const char *keys;
    workload as;
} workloads[] = {
    { "uniform",
      { .name = "read",
        .summary = "one row by its key",
        .weights = { [OPERATION_READ] = 1 },
        WORKLOAD_ROWS } },
    { "uniform",
      { .name = "update",
        .summary = "one row by its key",
        .weights = { [OPERATION_UPDATE] = 1 },
        WORKLOAD_ROWS } },
    { "uniform",
      { .name = "insert",
        .summary = "one new row",
        .weights = { [OPERATION_INSERT] = 1 },
        WORKLOAD_ROWS } },
    { "uniform",
      { .name = "delete",
        .summary = "the oldest row, and as many inserts",
        .weights = { [OPERATION_DELETE] = 1, [OPERATION_INSERT] = 1 },
        WORKLOAD_ROWS } },
    { "uniform",
      { .name = "scan",
        .summary = "1 to 100 rows in the order of their keys",
        .weights = { [OPERATION_SCAN] = 1 },
        WORKLOAD_ROWS } },
    { "uniform",
      { .name = "modify",
        .summary = "read a row, then update it, in one transaction",
        .weights = { [OPERATION_MODIFY] = 1 },
        WORKLOAD_ROWS } },
    { "uniform",
      { .name = "batch",
        .summary = "100 inserts in one transaction",
        .weights = { [OPERATION_BATCH] = 1 },
        WORKLOAD_ROWS } },
    { "uniform",
      { .name = "multi",
        .summary = "3 reads and 3 updates in one transaction, 10 of 100 rolled back",
        .weights = { [OPERATION_MULTI] = 1 },
        .key_bytes = WORKLOAD_SIZE(16),
        .value_bytes = WORKLOAD_SIZE(100),
        .scan_rows = WORKLOAD_DEFAULT_SCAN,
        .batch = 3,
        .abort_percent = 10 } },
    { "zipfian",
      { .name = "mixed",
        .summary = "80 reads, 15 updates, 5 inserts",
        .weights = { [OPERATION_READ] = 80, [OPERATION_UPDATE] = 15, [OPERATION_INSERT] = 5 },
        WORKLOAD_ROWS } },
    { "uniform",
      { .name = "transfer",
        .summary = "an account, a teller, a branch change, a row of history; as in TPC-B",
        .weights = { [OPERATION_TRANSFER] = 1 } } },
    { "uniform",
      { .name = "balance",
        .summary = "one account of these by its number",
        .weights = { [OPERATION_BALANCE] = 1 } } },
    { "uniform",
      { .name = "register",
        .summary = "chat: a user, its first session, a row of audit",
        .weights = { [OPERATION_REGISTER] = 1 } } },
    { "uniform",
      { .name = "invite",
        .summary = "chat: an invitation, then its acceptance: two transactions",
        .weights = { [OPERATION_INVITE] = 1 } } },
    { "uniform",
      { .name = "create-room",
        .summary = "chat: a room with its owner",
        .weights = { [OPERATION_CREATE_ROOM] = 1 } } },
    { "uniform",
      { .name = "say", .summary = "chat: a message", .weights = { [OPERATION_SAY] = 1 } } },
    { "uniform",
      { .name = "session",
        .summary = "chat: a session looked up by its token",
        .weights = { [OPERATION_SESSION] = 1 } } },
    { "uniform",
      { .name = "page", .summary = "chat: 50 messages", .weights = { [OPERATION_PAGE] = 1 } } },
    { "uniform",
      { .name = "chat",
        .summary = "45 sessions, 30 pages, 20 messages, 2 registrations, 2 invitations, 1 room",
        .weights = { [OPERATION_SESSION] = 45,
                     [OPERATION_PAGE] = 30,
                     [OPERATION_SAY] = 20,
                     [OPERATION_REGISTER] = 2,
                     [OPERATION_INVITE] = 2,
                     [OPERATION_CREATE_ROOM] = 1 } } },
    { "zipfian",
      { .name = "ycsb-a",
        .summary = "50 reads, 50 updates",
        .weights = { [OPERATION_READ] = 50, [OPERATION_UPDATE] = 50 },
        WORKLOAD_YCSB } },
    { "zipfian",
      { .name = "ycsb-b",
        .summary = "95 reads, 5 updates",
        .weights = { [OPERATION_READ] = 95, [OPERATION_UPDATE] = 5 },
        WORKLOAD_YCSB } },
    { "zipfian",
      { .name = "ycsb-c",
        .summary = "reads",
        .weights = { [OPERATION_READ] = 1 },
        WORKLOAD_YCSB } },
    { "latest",
      { .name = "ycsb-d",
        .summary = "95 reads of the newest, 5 inserts",
        .weights = { [OPERATION_READ] = 95, [OPERATION_INSERT] = 5 },
        WORKLOAD_YCSB } },
    { "zipfian",
      { .name = "ycsb-e",
        .summary = "95 scans of 1 to 100 rows, 5 inserts",
        .weights = { [OPERATION_SCAN] = 95, [OPERATION_INSERT] = 5 },
        WORKLOAD_YCSB } },
    { "zipfian",
      { .name = "ycsb-f",
        .summary = "50 reads, 50 read-modify-writes",
        .weights = { [OPERATION_READ] = 50, [OPERATION_MODIFY] = 50 },
        WORKLOAD_YCSB } },
};

#define WORKLOAD_MIXED UINT64_C(1000) /* the sum of a phase's weights among all phases' */

#define WORKLOAD_COUNT (sizeof workloads / sizeof workloads[0])

static const struct {
    const char *name;
    bool writes;
} operations[OPERATIONS] = {
#define OPERATION_ROW(symbol, text, does) [OPERATION_##symbol] = { text, does },
    OPERATION_LIST(OPERATION_ROW)
#undef OPERATION_ROW
};

const char *
operation_name(operation op)
{
    return operations[op].name;
}

operation
operation_named(const char *name, size_t len)
{
    int op = 0;

    while (op < OPERATIONS &&
           (strlen(operations[op].name) != len || memcmp(operations[op].name, name, len) != 0))
        op++;
    return (operation)op;
}

bool
operation_writes(operation op)
{
    return operations[op].writes;
}

bool
workload_named(const char *name, size_t len, workload *out)
{
    for (size_t i = 0; i < WORKLOAD_COUNT; i++) {
        if (strlen(workloads[i].as.name) != len || memcmp(workloads[i].as.name, name, len) != 0)
            continue;
        *out = workloads[i].as;
        return draw_keys_parse(workloads[i].keys, &out->keys) && workload_settle(out);
    }
    return false;
}

const char *
workload_known(size_t n, const char **summary)
{
    if (n >= WORKLOAD_COUNT)
        return NULL;
    *summary = workloads[n].as.summary;
    return workloads[n].as.name;
}

operation
workload_draw(const workload *w, draw_stream *stream)
{
    uint32_t sum = 0, at;
    int op = 0;

    for (int i = 0; i < OPERATIONS; i++)
        sum += w->weights[i];
    at = (uint32_t)draw_below(stream, sum);
    while (at >= w->weights[op])
        at -= w->weights[op++];
    return (operation)op;
}

const workload *
workload_part(const workload *w, uint32_t n)
{
    return w->phase_count > 0 ? &w->phases[n].load : w;
}

uint32_t
workload_parts(const workload *w)
{
    return w->phase_count > 0 ? w->phase_count : 1;
}

bool
workload_mix(workload *w)
{
    memset(w->weights, 0, sizeof w->weights);
    for (uint32_t i = 0; i < w->phase_count; i++) {
        const uint32_t *weights = w->phases[i].load.weights;
        uint64_t sum = 0;

        for (int op = 0; op < OPERATIONS; op++)
            sum += weights[op];
        for (int op = 0; op < OPERATIONS; op++)
            if (weights[op] > 0)
                w->weights[op] += (uint32_t)(WORKLOAD_MIXED * weights[op] / sum) + 1;
    }
    if (!workload_settle(w))
        return false;
    for (uint32_t i = 0; i < w->phase_count; i++)
        w->phases[i].load.scenario = w->scenario;
    return true;
}

bool
workload_writes(const workload *w)
{
    bool writes = false;

    for (int op = 0; op < OPERATIONS; op++)
        writes = writes || (w->weights[op] > 0 && operations[op].writes);
    return writes;
}

double
workload_write_part(const workload *w)
{
    double writes = 0, all = 0;

    for (int op = 0; op < OPERATIONS; op++) {
        writes += operations[op].writes ? w->weights[op] : 0;
        all += w->weights[op];
    }
    return all > 0 ? writes / all : 0;
}

bool
workload_settle(workload *w)
{
    static const scenario *const scenarios[] = { &scenario_rows, &scenario_transfer,
                                                 &scenario_chat };
    uint64_t wanted = 0;

    for (int op = 0; op < OPERATIONS; op++)
        wanted |= w->weights[op] > 0 ? UINT64_C(1) << op : 0;
    w->scenario = NULL;
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0] && wanted != 0; i++)
        if ((wanted & ~scenarios[i]->operations) == 0)
            w->scenario = scenarios[i];
    return w->scenario != NULL;
}
