/** @file settings.h What an engine says about itself. */
#ifndef BENCH_ENGINES_SETTINGS_H
#define BENCH_ENGINES_SETTINGS_H

#include <jansson.h>
#include <tenon/db.h>

/** Its durability as read back, and the settings that speed depends on, where it has SQL to ask
 * for them. Owned by the caller. NULL: no memory. */
json_t *settings_read(tenon_db *db);

#endif
