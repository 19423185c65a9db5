/** @file error.h Filling in a tenon_error. */
#ifndef TENON_CORE_ERROR_H
#define TENON_CORE_ERROR_H

#include "tenon/status.h"

/**
 * Fill `err` (may be NULL) with effect OPEN and return `status`. A text too long for its field is
 * cut between UTF-8 characters.
 *
 * @param[in] object may be NULL
 */
__attribute__((cold, format(printf, 4, 5))) tenon_status
tni_fail(tenon_error *err, tenon_status status, const char *object, const char *format, ...);

/** Fill `err` for a failed allocation of `what`. @return TENON_NO_MEMORY */
__attribute__((cold)) tenon_status tni_no_memory(tenon_error *err, const char *what);

/** Make ready to be filled by a driver: nothing left of an earlier failure. Most of it is room,
 * which is left alone. */
static inline void
tni_error_clear(tenon_error *err)
{
    err->status = TENON_OK;
    err->native = 0;
    err->effect = TENON_EFFECT_OPEN;
    err->sqlstate[0] = '\0';
    err->driver[0] = '\0';
    err->object[0] = '\0';
    err->message[0] = '\0';
}

#endif
