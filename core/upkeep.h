/**
 * @file upkeep.h The thread of a database that closes connections that nobody needs and opens those
 * that are missing. Opening may take long where the engine is far away: so neither those who wait
 * for a connection nor the reaper do it beside their work.
 */
#ifndef TENON_CORE_UPKEEP_H
#define TENON_CORE_UPKEEP_H

#include "tenon/db.h"

/** Start; tni_background_stop ends it. @retval TENON_OK, TENON_NO_MEMORY: no thread to be had */
tenon_status tni_upkeep_start(tenon_db *db, tenon_error *err);

#endif
