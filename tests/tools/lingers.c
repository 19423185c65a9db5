/* A filter whose process does not come to its end once a write transaction was begun. */
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "tenon/kit/filter.h"

static bool lingers_wrote;

static tenon_status
lingers_open(const tenon_drv_param *params, uint32_t param_count, uint64_t identity, void **out,
             tenon_error *err)
{
    (void)params, (void)param_count, (void)identity, (void)err;
    *out = NULL;
    return TENON_OK;
}

static void
lingers_close(void *filter)
{
    (void)filter;
}

static tenon_status
lingers_before(tenon_filter_call *call, tenon_error *err)
{
    (void)err;
    if (call->begin != NULL && !call->begin->read_only)
        lingers_wrote = true;
    return TENON_OK;
}

static __attribute__((destructor)) void
lingers_at_exit(void)
{
    while (lingers_wrote)
        (void)pause();
}

static const tenon_filter_hooks lingers_hooks = {
    .size = sizeof lingers_hooks,
    .open = lingers_open,
    .close = lingers_close,
    .before = lingers_before,
};

TENON_FILTER_DRIVER(lingers, "1.0", lingers_hooks);
