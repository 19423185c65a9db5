/** @file more.h The driver of version 1.3. */
#ifndef MORE_H
#define MORE_H

#include "tenon/driver.h"

const tenon_driver *store_v1_3(const tenon_host *host);

#endif
