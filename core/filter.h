/** @file filter.h Filters: drivers that work over another driver. */
#ifndef TENON_CORE_FILTER_H
#define TENON_CORE_FILTER_H

#include "tenon/driver.h"

/**
 * The driver of a name with filters before it: "fault+x", "fault+trace+/folder/x.so". As
 * tni_driver_find_by_name; further, TENON_CONFIG where what stands before '+' is no filter, or too
 * many are.
 */
tenon_status tni_filter_find(const char *name, const char *driver_path, const tenon_driver **out,
                             tenon_error *err);

#endif
