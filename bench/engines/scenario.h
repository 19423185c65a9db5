/** @file scenario.h The tables that operations work on, and what must be in them afterwards. */
#ifndef BENCH_ENGINES_SCENARIO_H
#define BENCH_ENGINES_SCENARIO_H

#include <tenon/txn.h>

#include "workload.h"

typedef struct target target;
typedef struct worker worker;

enum { SCENARIO_DIGEST_BYTES = 32, SCENARIO_TEXT_BYTES = 240 };

/** What a check of the whole state found. */
typedef struct scenario_check {
    bool ok;
    char what[SCENARIO_TEXT_BYTES]; /**< What is wrong first. */
    uint64_t rows, bytes;           /**< Rows, and bytes of their keys and values. */
    bool has_digest;                /**< The state depends on the operations alone. */
    uint8_t digest[SCENARIO_DIGEST_BYTES];
    struct json_t *details; /**< What else is to be told; owned. NULL: nothing. */
} scenario_check;

/**
 * Tables with their operations. A target belongs to one scenario, which keeps what the rows must be
 * in `target->model`. What fails says so in the target's `why`.
 */
typedef struct scenario {
    const char *name;
    uint64_t operations; /**< A bit for each operation that is its own. */
    operation proof;     /**< One that commits a write each time, to count flushes by. */
    const tenon_schema *(*schema)(void);
    /** Bytes of keys and values of one record, to tell how large the data are; 0: not known. */
    double (*record_bytes)(const workload *w);
    /** Make the model, and each worker's own memory. `target->db` may be NULL: then operations draw
     * and make all that they would send, and send nothing. */
    bool (*prepare)(target *t);
    /** Fill a new database with `target->records`. */
    bool (*fill)(target *t);
    /** Single commits that `fill` takes for so many workers; NULL: it fills in batches. */
    double (*fill_commits)(uint32_t workers);
    /** Run one operation. Allocates nothing. @return as tenon_run; an abort that was meant is OK */
    tenon_status (*run)(worker *w, operation op);
    /** Of a recorded history: read on to the next operation, and when it was, from its beginning
     * on. False: it has ended. NULL: operations are drawn. */
    bool (*next)(worker *w, uint64_t *at_ns);
    /** Look at every row. Nobody works meanwhile. */
    bool (*check)(target *t, scenario_check *out);
    void (*release)(target *t); /**< Also after a `prepare` that failed. */
} scenario;

extern const scenario scenario_rows, scenario_transfer, scenario_chat, scenario_playback;

#endif
