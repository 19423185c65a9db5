/** @file player.h A recorded history, of the chat server or of calls, event by event on a database:
 * when, its caller says. */
#ifndef BENCH_ENGINES_PLAYER_H
#define BENCH_ENGINES_PLAYER_H

#include "tenon/db.h"

/** Statuses that events are refused with: their numbers are below this. */
#define PLAYER_STATUSES 8

/** A history that was looked at. */
typedef struct player_history player_history;

/** What is in it. */
typedef struct player_facts {
    uint64_t count;             /**< Events; transactions of a trace of calls. */
    uint64_t span_ns;           /**< From the first one to the last one. */
    bool is_calls;              /**< What trace+URL has recorded. */
    const tenon_schema *schema; /**< Of a database for it. */
} player_facts;

/** What has been done so far. */
typedef struct player_counts {
    uint64_t played, applied, commits;
    uint64_t refused[PLAYER_STATUSES]; /**< Events that a rule of the chat server refuses. */
    uint64_t compared, differences;    /**< Answers to calls, and those other than recorded. */
    uint64_t left_out;                 /**< Calls that failed when they were recorded. */
    uint64_t failed_line;              /**< Where the engine failed; 0: nowhere. */
} player_counts;

/** One database's way through it. */
typedef struct player player;

/**
 * Read a file to its end, or `limit` events of it; what is wrong with it is told on stderr.
 *
 * @param[out] out owned by the caller until player_forget, also after a failure
 * @return TOOL_GO_ON or the exit status
 */
int player_look(const char *path, uint64_t limit, player_history **out);
const player_facts *player_known(const player_history *h);
void player_forget(player_history *h); /**< NULL is accepted. */

/** Begin. `h` outlives it. NULL: told on stderr. */
player *player_new(const player_history *h);
void player_free(player *p); /**< After its database is closed. NULL is accepted. */

/** Read on to the next event. @param[out] at_ns when it was, since the first one. @return false:
 * there is none, or one before it has failed, or the file is no longer what it was */
bool player_next(player *p, uint64_t *at_ns);

/** Do it. An event that is refused is TENON_OK, and counted. */
tenon_status player_play(player *p, tenon_db *db, tenon_error *err);

const player_counts *player_count(const player *p);

#endif
