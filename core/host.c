/* The services that plugins get from the core. */
#include "core/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/env.h"
#include "core/loader.h"

static const char *const host_levels[] = {
    [TENON_LOG_DEBUG] = "debug",
    [TENON_LOG_INFO] = "info",
    [TENON_LOG_WARNING] = "warning",
    [TENON_LOG_ERROR] = "error",
};
#define HOST_LEVEL_COUNT (sizeof host_levels / sizeof host_levels[0])

void
tni_log(uint32_t level, const char *source, const char *text)
{
    const char *wanted = getenv("TENON_LOG");
    uint32_t threshold = 0;

    if (wanted == NULL || level >= HOST_LEVEL_COUNT)
        return;
    while (threshold < HOST_LEVEL_COUNT && strcmp(wanted, host_levels[threshold]) != 0)
        threshold++;
    if (level >= threshold) /* an unknown name is above them all */
        (void)fprintf(stderr, "tenon: %s: %s: %s\n", host_levels[level],
                      source != NULL ? source : "?", text != NULL ? text : "");
}

static void *
host_reallocate(void *ptr, uint64_t bytes)
{
    if (bytes > SIZE_MAX)
        return NULL;
    return realloc(ptr, bytes > 0 ? (size_t)bytes : 1);
}

static void
host_random(void *out, uint64_t bytes)
{
    tni_random(out, (size_t)bytes);
}

static tenon_status
host_find_driver(const char *name, const tenon_driver **out, tenon_error *err)
{
    return name != NULL && name[0] == '/'
               ? tni_driver_find_by_path(name, out, err)
               : tni_driver_find_by_name(name, tni_loader_path(), out, err);
}

const tenon_host tni_host = {
    .size = sizeof tni_host,
    .reallocate = host_reallocate,
    .release = free,
    .log = tni_log,
    .monotonic_ns = tni_monotonic_ns,
    .wall_us = tni_wall_us,
    .random = host_random,
    .find_driver = host_find_driver,
};
