/** @file url.h The URL of a database, taken apart. */
#ifndef TENON_CORE_URL_H
#define TENON_CORE_URL_H

#include "tenon/driver.h"

/** Longest name of a driver, in bytes. */
#define TNI_DRIVER_NAME_BYTES 16

/** A URL: `DRIVER:PLACE?key=value&…`. One block, texts included. */
typedef struct tni_url {
    const char *driver;            /**< Name, or absolute path of a plugin. */
    const char *place;             /**< Percent-decoded. */
    const tenon_drv_param *params; /**< Percent-decoded, without those of the core. */
    uint32_t param_count;
    uint32_t durability; /**< A TENON_DURABLE_ value; TENON_DURABLE_POWER where none was given. */
    bool has_durability;
    bool has_path; /**< `driver` is a path. */
} tni_url;

/**
 * Take a URL apart. A driver given by its path (`/folder/x.so:PLACE`) ends with the first ".so:".
 * No error shows any text of the URL after the driver: it may hold a password.
 *
 * @param[out] out owned by the caller until free(); NULL on failure
 * @retval TENON_OK, TENON_CONFIG (the position is in `err`), TENON_NO_MEMORY
 */
tenon_status tni_url_parse(const char *url, tni_url **out, tenon_error *err);

/** Take a parameter out of the list: it is for somebody else than the driver. */
void tni_url_drop_param(tni_url *url, uint32_t number);

/** Whether a text is a driver's name: a lower-case letter, then letters and digits, 16 at most. */
bool tni_is_driver_name(const char *text);

#endif
