/**
 * @file reaper.h The thread of a database that looks after deadlines: it rolls back transactions
 * whose owners have gone silent, and stops calls that run over their time.
 */
#ifndef TENON_CORE_REAPER_H
#define TENON_CORE_REAPER_H

#include <stdatomic.h>

#include "core/background.h"
#include "tenon/db.h"

/** The reaper of a database. Its lock is held while it has a handle. */
typedef struct tni_reaper {
    tni_background background;
    atomic_uint_fast64_t next_ns; /* when it will look */
} tni_reaper;

/** Start; tni_background_stop ends it. @retval TENON_OK, TENON_NO_MEMORY: no thread to be had */
tenon_status tni_reaper_start(tenon_db *db, tenon_error *err);

/** See that it looks at `deadline_ns`, which it has to learn of, since it is earlier than all. */
void tni_reaper_wake(tni_reaper *reaper, uint64_t deadline_ns);

/** A transaction with this deadline has begun: its handle is IDLE already. */
static inline void
tni_reaper_expect(tni_reaper *reaper, uint64_t deadline_ns)
{
    if (deadline_ns < atomic_load(&reaper->next_ns))
        tni_reaper_wake(reaper, deadline_ns);
}

/** Wait until it has let go of the handle that it has. */
void tni_reaper_wait(tni_reaper *reaper);

#endif
