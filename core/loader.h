/** @file loader.h Finding drivers: by name in the search path, or by the path of a plugin. */
#ifndef TENON_CORE_LOADER_H
#define TENON_CORE_LOADER_H

#include "tenon/driver.h"

/**
 * The driver of a name: one that was registered, else the first plugin NAME.so that can be used in
 * the folders of `driver_path`, TENON_DRIVER_PATH (not in a set-uid or set-gid process) and the
 * installation. Loads it when first asked for. Any thread.
 *
 * @param[in]  driver_path folders, absolute, ':' between; may be NULL
 * @param[out] out         the core's own normalised table; lives as long as the process
 * @retval TENON_OK, TENON_NOT_FOUND (in no folder), TENON_DENIED (unsafe place), TENON_ABI,
 *         TENON_CONFIG (no name of a driver), TENON_NO_MEMORY; `err` lists the places
 */
tenon_status tni_driver_find_by_name(const char *name, const char *driver_path,
                                     const tenon_driver **out, tenon_error *err);

/** The driver in the plugin at an absolute path. @retval as above */
tenon_status tni_driver_find_by_path(const char *path, const tenon_driver **out, tenon_error *err);

/**
 * Make a driver known that is part of the program; it goes before plugins of the same name.
 *
 * @param[in] descriptor lives as long as the process
 * @retval TENON_OK, TENON_ABI, TENON_EXISTS (the name is taken by another one), TENON_NO_MEMORY
 */
tenon_status tni_driver_register(const tenon_driver *descriptor, tenon_error *err);

/** Set the `driver_path` that a driver finds others in while this thread opens a database; NULL
 * afterwards. Borrowed. */
void tni_loader_set_path(const char *driver_path);

/** The path set by this thread, or NULL. */
const char *tni_loader_path(void);

#endif
