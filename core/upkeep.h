/**
 * @file upkeep.h The thread of a database that closes connections that nobody needs and opens those
 * that are missing. Opening may take long where the engine is far away: so neither those who wait
 * for a connection nor the reaper do it beside their work.
 */
#ifndef TENON_CORE_UPKEEP_H
#define TENON_CORE_UPKEEP_H

#include "core/env.h"
#include "tenon/db.h"

/** The upkeep of a database's connections. */
typedef struct tni_upkeep {
    tni_mutex lock;
    tni_cond wake;
    tni_thread thread;
    bool started, stopping;
} tni_upkeep;

/** Set up and start. @retval TENON_OK, TENON_NO_MEMORY: no thread to be had */
tenon_status tni_upkeep_start(tenon_db *db, tenon_error *err);

/** Stop, after what is under way. Accepts one that was not started. */
void tni_upkeep_stop(tenon_db *db);

#endif
