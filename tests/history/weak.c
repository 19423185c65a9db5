/*
 * weak: a filter that breaks the isolation of the driver under it and says nothing of it. Whoever
 * checks isolation must find it.
 *
 * weak_kind=level: each transaction is READ COMMITTED. weak_kind=split: each statement of one
 * that only reads sees what is there then.
 */
#include "pass.h"

#include <string.h>

/* What `filter` points to. */
static const char weak_level[] = "level", weak_split[] = "split";

/* Bits of a connection's state: it is in a transaction that is to be split, one of its statements
 * has run. Above them its level. */
enum { WEAK_SPLIT = 1, WEAK_HAS_RUN = 2, WEAK_LEVEL = 4 };

static tenon_status
weak_open(const tenon_drv_param *params, uint32_t count, uint64_t identity, void **out,
          tenon_error *err)
{
    const char *kind = count == 1 ? params[0].value : "";

    (void)identity;
    *out = strcmp(kind, weak_level) == 0   ? (void *)(uintptr_t)weak_level
           : strcmp(kind, weak_split) == 0 ? (void *)(uintptr_t)weak_split
                                           : NULL;
    return *out != NULL ? TENON_OK : tenon_filter_bad_param(err, "weak_kind", "is level or split");
}

static void
weak_close(void *filter)
{
    (void)filter;
}

static tenon_status
weak_begin(tenon_drv_conn *conn, uint32_t isolation, bool read_only, tenon_error *err)
{
    const tenon_drv_begin how = { .size = sizeof how,
                                  .deadline_ns = UINT64_MAX,
                                  .isolation = isolation,
                                  .read_only = read_only };

    return conn->db->driver->transaction->begin(conn->inner, &how, err);
}

/* End what has been read so far, and go on in another transaction. */
static tenon_status
weak_split_here(tenon_drv_conn *conn, uint64_t state, tenon_error *err)
{
    const tenon_status st = conn->db->driver->transaction->commit(conn->inner, err);

    return st == TENON_OK ? weak_begin(conn, (uint32_t)(state / WEAK_LEVEL), true, err) : st;
}

static tenon_status
weak_before(tenon_filter_call *call, tenon_error *err)
{
    uint64_t *state = call->state;

    switch (call->slot) {
    case TENON_FILTER_BEGIN:
        *state = 0;
        if (call->filter == weak_split) {
            if (call->begin->read_only != 0)
                *state = WEAK_SPLIT | (uint64_t)call->begin->isolation * WEAK_LEVEL;
            return TENON_OK;
        }
        call->answered = 1;
        return weak_begin(call->conn, TENON_READ_COMMITTED, call->begin->read_only != 0, err);
    case TENON_FILTER_OPEN:
    case TENON_FILTER_FETCH:
        if ((*state & WEAK_SPLIT) == 0)
            return TENON_OK;
        if ((*state & WEAK_HAS_RUN) != 0)
            return weak_split_here(call->conn, *state, err);
        *state |= WEAK_HAS_RUN;
        return TENON_OK;
    default:
        return TENON_OK;
    }
}

static const tenon_filter_hooks weak_hooks = {
    .size = sizeof weak_hooks,
    .open = weak_open,
    .close = weak_close,
    .before = weak_before,
};

TENON_FILTER_DRIVER(weak, "a control", weak_hooks);
