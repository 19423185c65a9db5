/** @file live.h A line each second on what is going on. */
#ifndef BENCH_ENGINES_LIVE_H
#define BENCH_ENGINES_LIVE_H

#include "group.h"

typedef struct live live;

/** Begin to watch: a line each second on stderr, until live_stop. NULL: no thread is to be had,
 * which is told on stderr */
live *live_start(void);
void live_stop(live *l); /**< NULL is accepted. */

/** Tell how long it takes as a whole, from live_start on. */
void live_announce(live *l, double total_seconds);

/** Seconds since live_start. */
double live_seconds(const live *l);

/** What is run now; borrowed until the next call. NULL: nothing is. */
void live_show(live *l, const group *g, const char *what);

#endif
