/** @file reopen.h An engine that failed in the middle of a commit is closed and opened anew: what
 * it holds in memory is no longer what it has stored. */
#ifndef TENON_CORE_REOPEN_H
#define TENON_CORE_REOPEN_H

#include <stdatomic.h>

#include "core/env.h"
#include "core/url.h"
#include "tenon/db.h"

/** What it takes to open again. */
typedef struct tni_reopen {
    tni_mutex lock;
    atomic_bool suspect; /* to be opened anew before the next transaction */
    char *url;           /* as given, password included */
    tni_url *parsed;
    uint32_t durability;
    bool may_create, read_only;
} tni_reopen;

void tni_reopen_init(tni_reopen *reopen);
void tni_reopen_fini(tni_reopen *reopen);

/** Open the engine the first time. Takes `parsed` over. */
tenon_status tni_reopen_first(tenon_db *db, const char *url, tni_url *parsed, uint32_t durability,
                              const tenon_open_options *options, tenon_error *err);

/** Close and open the engine, if it is suspect and nobody else has done so: waits until no
 * transaction is open, at most until the deadline. The caller has no connection. */
tenon_status tni_reopen_now(tenon_db *db, uint64_t deadline_ns, tenon_error *err);

#endif
