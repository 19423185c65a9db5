/**
 * @file play.h A few transactions side by side, step by step: each session has a thread of its own,
 * and the next step comes when the last one is done, or waits for another session.
 */
#ifndef TENON_CHECK_CASES_PLAY_H
#define TENON_CHECK_CASES_PLAY_H

#include "check/conf.h"

enum { PLAY_SESSIONS = 3, PLAY_STEPS = 16, PLAY_TEXT = 96 };

/** What a session does; on the table item. */
typedef enum play_act {
    PLAY_END = 0,      /**< No further step. */
    PLAY_READ,         /**< The row `id`: its n. */
    PLAY_READ_ALL,     /**< id and n of all. */
    PLAY_READ_N,       /**< id and n of those whose n is `n`. */
    PLAY_READ_FROM,    /**< id and n of those whose n is at least `n`. */
    PLAY_SET,          /**< The n of row `id`. */
    PLAY_SET_WHERE,    /**< The n of those whose n is `id`. */
    PLAY_ADD_ALL,      /**< Add `n` to the n of all. */
    PLAY_INSERT,       /**< A row. */
    PLAY_DELETE_WHERE, /**< Those whose n is `n`. */
    PLAY_COMMIT,
    PLAY_ROLLBACK
} play_act;

/** A step of a session. */
typedef struct play_step {
    uint8_t session; /**< 1 … PLAY_SESSIONS. */
    play_act act;
    int64_t id, n;
    bool may_wait; /**< It writes what another session has written, which may have to end first. */
} play_step;

/** What came of a step. A session that has failed takes no further one. */
typedef struct play_result {
    bool done;
    tenon_status status;
    uint64_t affected;
    char rows[PLAY_TEXT]; /**< As the macro ROWS has them; of PLAY_READ its n alone. */
} play_result;

/** What came of it all. */
typedef struct play_outcome {
    play_result steps[PLAY_STEPS];
    bool committed[PLAY_SESSIONS + 1];
    tenon_status failed[PLAY_SESSIONS + 1]; /**< Why a session could not go on. */
    char left[PLAY_TEXT];                   /**< All rows at the end. */
} play_outcome;

/**
 * Play the steps on the rows "1 10;2 20". All sessions begin before the first step, in their order.
 *
 * @param[in] isolation a TENON_ level
 * @param[in] read_only those that only read say so
 */
void play(conf *c, const play_step *steps, uint32_t isolation, bool read_only, play_outcome *out);

/** The act in words, with what came of it, for a failure: "T1 reads 1: 10". */
void play_show(const play_step *steps, const play_outcome *outcome, char *out, size_t out_bytes);

#endif
