/** @file schedule.h Events on several threads, in an order that can't be told from that of one. */
#ifndef TENON_TOOLS_SCHEDULE_H
#define TENON_TOOLS_SCHEDULE_H

#include "event.h"

enum {
    SCHEDULE_MAX_THREADS = 256,
    SCHEDULE_EVENTS = 1024,    /**< Most events between begun and added. */
    SCHEDULE_BYTES = 16 << 20, /**< And most bytes of their lines, unless it is one alone. */
};

typedef struct schedule schedule;

/** Apply an event on worker number `worker`. False: it failed, and no event of a later line is
 * begun from now on. */
typedef bool (*schedule_fn)(void *arg, unsigned worker, const event *e);

/** Start `threads` workers. NULL: told on stderr. */
schedule *schedule_new(unsigned threads, schedule_fn fn, void *arg);

/** Add the next event of the trace, of a line of `bytes`; waits for room. Takes over `*e`, which is
 * all zero afterwards. False: an event failed before, and this one is dropped. */
bool schedule_add(schedule *s, event *e, size_t bytes);

/** Wait until all that was added has ended. */
void schedule_drain(schedule *s);

/** Drain, end the workers, free. NULL is accepted. */
void schedule_free(schedule *s);

#endif
