/** @file given.h A database that the user named: it may be somebody's, so it has to be empty, and
 * what was put in is taken out again. */
#ifndef BENCH_ENGINES_GIVEN_H
#define BENCH_ENGINES_GIVEN_H

#include "target.h"

/** Whether the workload's tables have no rows. True for a place that was made. @return false: see
 * the target's `why` */
bool given_is_empty(target *t);

/** Remove all rows of the workload's tables; they are known to be ours. Nothing for a place that
 * was made. @return false: said on stderr */
bool given_clear(target *t);

/** Forget; the database is closed by then. */
void given_release(target *t);

#endif
