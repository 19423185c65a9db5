/**
 * @file settings.h Every option of a database by its name: as it stands in a URL
 * (`?max_connections=8`) and in a configuration file.
 *
 * What a URL says goes before what the program says in tenon_open_options. A duration is a number
 * of milliseconds; a switch is `true` or `false`.
 */
#ifndef TENON_SETTINGS_H
#define TENON_SETTINGS_H

#include "tenon/db.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a setting's value is. */
enum { TENON_SETTING_SWITCH = 0, TENON_SETTING_NUMBER = 1 };

/** A setting. Static. */
typedef struct tenon_setting {
    const char *name;
    const char *section; /**< Of a configuration file: "storage", "database.transactions", … */
    const char *text;    /**< What it does, in one line. */
    uint32_t kind;       /**< A TENON_SETTING_ value. */
    uint32_t reserved;
    uint64_t least, most; /**< Of a number. */
    uint64_t standard;    /**< Its default; of a switch 0 or 1. */
} tenon_setting;

/** All settings, by section. Static. @param[out] count may not be NULL */
TENON_API const tenon_setting *tenon_settings(uint32_t *count);

/** The setting of a name, NULL where there is none. Static. */
TENON_API const tenon_setting *tenon_setting_find(const char *name);

/**
 * Set the option that a setting stands for.
 *
 * @param[in] options their `size` is sizeof(tenon_open_options)
 * @retval TENON_OK, TENON_CONFIG (out of its range), TENON_MISUSE (`size`)
 */
TENON_API tenon_status tenon_setting_apply(const tenon_setting *setting, uint64_t value,
                                           tenon_open_options *options, tenon_error *err);

/** The same from text, as in a URL. @retval as above, TENON_CONFIG also for what is no number or
 * switch */
TENON_API tenon_status tenon_setting_parse(const tenon_setting *setting, const char *text,
                                           tenon_open_options *options, tenon_error *err);

#ifdef __cplusplus
}
#endif
#endif
