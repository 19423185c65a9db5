/** @file load.h The operations that are timed, and what each side's database must hold afterwards.
 */
#ifndef BENCH_NATIVE_LOAD_H
#define BENCH_NATIVE_LOAD_H

#include "side.h"

/** An operation; LOAD_OPERATIONS of them. */
typedef enum load_operation {
    LOAD_REGISTER,
    LOAD_INVITE,
    LOAD_CREATE_ROOM,
    LOAD_SAY,
    LOAD_SESSION,
    LOAD_PAGE,
    LOAD_EMPTY,
    LOAD_OPERATIONS
} load_operation;

enum {
    LOAD_USERS = 200,   /**< To be invited, and to be looked up. */
    LOAD_MESSAGES = 500 /**< Of each thread's room, where pages are read. */
};

/** One thread on one side. Each begins on a pair of cache lines of its own: neighbours that count
 * in one line would slow each other down, and that is neither side's cost. */
typedef struct load_worker {
    _Alignas(128) struct load *load;
    void *conn;
    side_user owner; /**< Of the room; who says, reads and invites. */
    tenon_uuid room;
    chat_position at; /**< Where the next page begins. */
    uint64_t serial;  /**< Makes its names distinct. */
    uint32_t number, invited;
    side_counts done; /**< Rows that it has added. */
    side_page read;   /**< All that it has read in pages. */
} load_worker;

/** One side's database under load. */
typedef struct load {
    const side *with;
    void *db;
    side_place place;
    side_user users[LOAD_USERS];
    load_worker *workers;
} load;

/** Name as on the command line. */
const char *load_name(load_operation operation);
/** @return LOAD_OPERATIONS where there is none of that name */
load_operation load_named(const char *name);

/** Whether the side knows the operation. */
bool load_can(const side *with, load_operation operation);

/** Open a new database and fill it with what the operation needs (LOAD_OPERATIONS: all of them).
 * `place` is borrowed. load_close releases what was made, whatever this returns. */
bool load_open(load *l, const side *with, const side_place *place, load_operation operation);
void load_close(load *l);

/** Close the database but keep what the workers know of it, and open it again. */
void load_pause(load *l);
bool load_resume(load *l);

/** Run the operation once. */
bool load_once(load_worker *worker, load_operation operation);

/** Whether the database holds the rows that the workers have added, and no others. */
bool load_check(const load *l);

#endif
