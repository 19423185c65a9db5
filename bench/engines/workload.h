/** @file workload.h What is run: operations, how often each, on which keys, of which sizes. */
#ifndef BENCH_ENGINES_WORKLOAD_H
#define BENCH_ENGINES_WORKLOAD_H

#include "draw.h"

/** Operations: symbol, name, whether it writes. */
#define OPERATION_LIST(X)                                                                          \
    X(READ, "read", false)                                                                         \
    X(UPDATE, "update", true)                                                                      \
    X(INSERT, "insert", true)                                                                      \
    X(DELETE, "delete", true)                                                                      \
    X(SCAN, "scan", false)                                                                         \
    X(MODIFY, "modify", true)                                                                      \
    X(BATCH, "batch", true)                                                                        \
    X(MULTI, "multi", true)                                                                        \
    X(TRANSFER, "transfer", true)                                                                  \
    X(BALANCE, "balance", false)                                                                   \
    X(REGISTER, "register", true)                                                                  \
    X(INVITE, "invite", true)                                                                      \
    X(CREATE_ROOM, "create-room", true)                                                            \
    X(SAY, "say", true)                                                                            \
    X(SESSION, "session", false)                                                                   \
    X(PAGE, "page", false)                                                                         \
    X(EVENT, "event", true)

typedef enum operation {
#define OPERATION_SYMBOL(symbol, name, writes) OPERATION_##symbol,
    OPERATION_LIST(OPERATION_SYMBOL)
#undef OPERATION_SYMBOL
        OPERATIONS
} operation;

/** Name as in results and workload files. */
const char *operation_name(operation op);
/** @return OPERATIONS where there is none of that name */
operation operation_named(const char *name, size_t len);
bool operation_writes(operation op);

struct scenario;

enum {
    WORKLOAD_NAME_BYTES = 48,
    WORKLOAD_MOST_KEY_BYTES = 256,
    WORKLOAD_LEAST_KEY_BYTES = 8,
    WORKLOAD_MOST_VALUE_BYTES = 1 << 20,
    WORKLOAD_MOST_BATCH = 1000,
    WORKLOAD_MOST_PHASES = 16
};

/** A workload. */
typedef struct workload {
    char name[WORKLOAD_NAME_BYTES];
    const char *summary;
    const struct scenario *scenario;
    uint32_t weights[OPERATIONS];
    draw_keys keys;
    draw_sizes key_bytes, value_bytes, scan_rows;
    uint32_t batch;                /**< Rows of a batch; statements of each kind of a `multi`. */
    uint32_t abort_percent;        /**< Of a `multi`. */
    bool hashed;                   /**< Keys are inserted in no order. */
    struct workload_phase *phases; /**< Done one after the other, on the same rows. */
    uint32_t phase_count;          /**< 0: all of it is done all the time. */
    uint64_t records;              /**< To begin with. */
} workload;

/** A part of a run, with operations of its own. How long it is, one of three tells. */
typedef struct workload_phase {
    workload load;    /**< Sizes of keys and values are the whole's. */
    uint32_t share;   /**< Of all that is divided among the phases that say it. */
    uint32_t seconds; /**< Or so long, */
    uint64_t count;   /**< or so many operations. */
    double rate;      /**< Open loop; 0: as for the whole run. */
    bool poisson;
} workload_phase;

/** What is done in part `n` of a run: the phase's, or the whole. */
const workload *workload_part(const workload *w, uint32_t n);
/** How many parts there are; 1 without phases. */
uint32_t workload_parts(const workload *w);

/** Give a workload with phases their operations, each phase counting alike, and its scenario.
 * @return false: they belong to more than one */
bool workload_mix(workload *w);

/** Copy the workload of that name. @return false: there is none */
bool workload_named(const char *name, size_t len, workload *out);

/** The n-th one known, by its name and summary. @return NULL past the last */
const char *workload_known(size_t n, const char **summary);

/** Which operation is next, by the weights. */
operation workload_draw(const workload *w, draw_stream *stream);

/** Whether its operations write. */
bool workload_writes(const workload *w);

/** The part of its operations that write, from 0 to 1. */
double workload_write_part(const workload *w);

/** Its scenario, from its weights. @return false: they belong to more than one, or there are none
 */
bool workload_settle(workload *w);

#endif
