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
__attribute__((format(printf, 4, 5))) tenon_status
tni_fail(tenon_error *err, tenon_status status, const char *object, const char *format, ...);

/** Fill `err` for a failed allocation of `what`. @return TENON_NO_MEMORY */
tenon_status tni_no_memory(tenon_error *err, const char *what);

#endif
