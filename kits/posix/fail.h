/** @file fail.h What the files of kits/posix share. */
#ifndef TENON_KITS_POSIX_FAIL_H
#define TENON_KITS_POSIX_FAIL_H

#include "tenon/kit/posix.h"

/** Fill `err` and return `status`. */
__attribute__((format(printf, 4, 5))) tenon_status
posix_fail(tenon_error *err, tenon_status status, int error_no, const char *format, ...);

/** Flush the folder that `path` is in. @return 0, or an errno */
int posix_sync_folder(const char *path);

#endif
