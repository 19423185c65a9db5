/**
 * @file config.h Options from a TOML file. A library of its own, libtenon-config, so that libtenon
 * stays plain C.
 *
 *     [storage]
 *     url = "sqlite:app.db"
 *     max_connections = 16
 *
 *     [database.transactions]
 *     default_timeout = 5000      # milliseconds
 *
 * Sections and names are those of settings.h; `[storage]` also has `url`, and `[database.audit]`
 * has `audit_key_file`, a file whose bytes are the key, relative to the configuration's own folder.
 */
#ifndef TENON_CONFIG_H
#define TENON_CONFIG_H

#include "tenon/db.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a file says. Owned by the caller until tenon_config_free. */
typedef struct tenon_config tenon_config;

/**
 * Read a file. What it does not know is refused: an unknown section or name, a wrong type, a number
 * out of its range, each with file, line and column.
 *
 * @param[out] out NULL on failure
 * @retval TENON_OK, TENON_NOT_FOUND, TENON_IO, TENON_CONFIG, TENON_NO_MEMORY
 */
TENON_API tenon_status tenon_config_read(const char *path, tenon_config **out, tenon_error *err);

/** The same from text. @param[in] name shown in the place of a file's name */
TENON_API tenon_status tenon_config_parse(const char *text, size_t bytes, const char *name,
                                          tenon_config **out, tenon_error *err);

/** Free. NULL is accepted. */
TENON_API void tenon_config_free(tenon_config *config);

/** The URL, NULL where the file has none. Borrowed. It may hold a password. */
TENON_API const char *tenon_config_url(const tenon_config *config);

/** The options, for tenon_open; what the file leaves out is zero, the default. The program may copy
 * them and add its schema. Borrowed, as what they point to. */
TENON_API const tenon_open_options *tenon_config_options(const tenon_config *config);

#ifdef __cplusplus
}
#endif
#endif
