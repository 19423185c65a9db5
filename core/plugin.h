/** @file plugin.h What makes a plugin fit: its file, and its descriptor. */
#ifndef TENON_CORE_PLUGIN_H
#define TENON_CORE_PLUGIN_H

#include "tenon/driver.h"

/** Room for a path in a refusal. */
#define TNI_REASON_BYTES 256

/** Why something can't be used, without its path. */
typedef struct tni_reason {
    tenon_status status;
    char object[40]; /**< The slot concerned ("query.exec"), or empty. */
    char text[TNI_REASON_BYTES];
} tni_reason;

/** Set a reason. @return its status */
__attribute__((format(printf, 3, 4))) tenon_status
tni_refuse(tni_reason *reason, tenon_status status, const char *format, ...);

/**
 * Check that nobody but root and the user of this process could have put a file there or changed
 * it: the file, the folder that names it, and, through a symbolic link, the target's too.
 *
 * @param[in]  path   absolute
 * @param[out] real   the file without symbolic links, owned by the caller until free(); NULL on
 *                    failure
 * @retval TENON_OK, TENON_NOT_FOUND, TENON_DENIED, TENON_NO_MEMORY
 */
tenon_status tni_plugin_file_check(const char *path, char **real, tni_reason *reason);

/** Whether the process runs with more rights than the user who started it (set-uid, set-gid). */
bool tni_process_is_elevated(void);

/** A driver as the core keeps it: every table of the newest size, every slot set. */
typedef struct tni_plugin {
    tenon_driver driver;
    tenon_drv_database_ops database;
    tenon_drv_connection_ops connection;
    tenon_drv_transaction_ops transaction;
    tenon_drv_query_ops query;
    tenon_drv_schema_ops schema;
    tenon_drv_two_phase_ops two_phase;
    tenon_drv_admin_ops admin;
} tni_plugin;

/**
 * Check a descriptor and copy it. Optional slots that are absent return TENON_UNSUPPORTED.
 *
 * @param[in]  descriptor lives as long as the process; may be NULL (refused)
 * @param[out] out        points into itself: must not move; undefined on failure
 * @retval TENON_OK, TENON_ABI
 */
tenon_status tni_plugin_normalise(const tenon_driver *descriptor, tni_plugin *out,
                                  tni_reason *reason);

/**
 * A filter over another driver: slots that the inner one lacks are absent, and name, capabilities
 * and flags are its own.
 *
 * @param[in]  filter, inner normalised
 * @param[out] out           points into itself: must not move
 */
void tni_plugin_over(const tni_plugin *filter, const tni_plugin *inner, tni_plugin *out);

/** Whether the driver fetches a row in one call; else its slot is not to be called. */
bool tni_driver_has_fetch(const tenon_driver *driver);

#endif
