/** @file host.h What plugins get from the core. */
#ifndef TENON_CORE_HOST_H
#define TENON_CORE_HOST_H

#include "tenon/driver.h"

/** The one table of host services. */
extern const tenon_host tni_host;

/**
 * Write a line to standard error, if the environment variable TENON_LOG names this level or a lower
 * one: debug, info, warning, error. `text` must hold no secret.
 */
void tni_log(uint32_t level, const char *source, const char *text);

#endif
