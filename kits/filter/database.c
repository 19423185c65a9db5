/* Databases and connections of a filter. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pass.h"

const tenon_host *tenon_filter_host;

/* ---- Slots and calls ---- */

static const char *const filter_names[] = {
#define FILTER_NAME(symbol, name, kind) name,
    TENON_FILTER_SLOTS(FILTER_NAME)
#undef FILTER_NAME
};

enum { CAN_FAIL = 1, QUIET = 0 };

static const bool filter_kinds[] = {
#define FILTER_KIND(symbol, name, kind) kind,
    TENON_FILTER_SLOTS(FILTER_KIND)
#undef FILTER_KIND
};

const char *
tenon_filter_slot_name(uint32_t slot)
{
    return slot < TENON_FILTER_SLOT_COUNT ? filter_names[slot] : "?";
}

uint32_t
tenon_filter_slot_find(const char *name)
{
    uint32_t slot = 0;

    while (slot < TENON_FILTER_SLOT_COUNT && strcmp(filter_names[slot], name) != 0)
        slot++;
    return slot;
}

bool
tenon_filter_slot_can_fail(uint32_t slot)
{
    return slot < TENON_FILTER_SLOT_COUNT && filter_kinds[slot];
}

tenon_status
tenon_filter_fail(tenon_error *err, tenon_status status, uint32_t effect, const char *format, ...)
{
    va_list args;

    memset(err, 0, sizeof *err);
    err->status = status;
    err->effect = effect;
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return status;
}

tenon_status
tenon_filter_bad_param(tenon_error *err, const char *key, const char *why)
{
    (void)tenon_filter_fail(err, TENON_CONFIG, TENON_EFFECT_OPEN, "%s %s", key, why);
    (void)snprintf(err->object, sizeof err->object, "%s", key);
    return TENON_CONFIG;
}

tenon_filter_call
filter_call(uint32_t slot, tenon_drv_conn *conn)
{
    return (tenon_filter_call){ .size = sizeof(tenon_filter_call),
                                .slot = slot,
                                .filter = conn->db->filter,
                                .conn = conn,
                                .state = &conn->state };
}

bool
filter_passes(tenon_filter_call *call, tenon_status *st, tenon_error *err)
{
    *st = tenon_filter_own->before == NULL ? TENON_OK : tenon_filter_own->before(call, err);
    return (*st == TENON_OK && !call->answered) || !filter_kinds[call->slot];
}

tenon_status
filter_ends(const tenon_filter_call *call, tenon_status st, tenon_error *err)
{
    return tenon_filter_own->after == NULL ? st : tenon_filter_own->after(call, st, err);
}

/* ---- The URL ---- */

/* Where a URL's own part of the filter ends: behind "name+". */
static const char *
filter_inner_url(const char *url)
{
    return url + strcspn(url, "+") + 1;
}

static bool
filter_owns(const char *key)
{
    const size_t len = strlen(tenon_filter_name);

    return strncmp(key, tenon_filter_name, len) == 0 && key[len] == '_';
}

/* The inner URL, without the parameters of this filter, whose keys nobody encodes. Owned by the
 * caller until free(). */
static char *
filter_strip_url(const char *url)
{
    const char *from = filter_inner_url(url);
    char *out = calloc(1, strlen(from) + 1), *to = out;
    size_t len = strcspn(from, "?");
    char between = '?';

    if (out == NULL)
        return NULL;
    memcpy(to, from, len);
    to += len;
    for (from += len; *from != '\0'; from += len) { /* at '?' or '&' */
        from++;
        len = strcspn(from, "&");
        if (filter_owns(from))
            continue;
        *to++ = between;
        memcpy(to, from, len);
        to += len;
        between = '&';
    }
    return out;
}

/* The name of the inner driver, "sqlite", "trace+sqlite", "/folder/x.so". Owned by the caller. */
static char *
filter_inner_name(const char *inner_url)
{
    const char *path = strchr(inner_url, '/'), *colon = strchr(inner_url, ':');
    size_t len = strcspn(inner_url, ":");
    char *name;

    if (path != NULL && path < colon && (path == inner_url || path[-1] == '+'))
        len = (size_t)(strstr(path, ".so:") - inner_url) +
              3; /* the core has seen that it is there */
    name = calloc(1, len + 1);
    if (name != NULL)
        memcpy(name, inner_url, len);
    return name;
}

/* FNV-1a: of a URL, which must not be kept. */
static uint64_t
filter_identity(const char *url)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *url != '\0'; url++)
        hash = (hash ^ (unsigned char)*url) * UINT64_C(0x100000001b3);
    return hash;
}

/* ---- Databases ---- */

tenon_status
filter_no_memory(tenon_error *err)
{
    return tenon_filter_fail(err, TENON_NO_MEMORY, TENON_EFFECT_OPEN, "no memory");
}

/* Parameters of the filter first, then those of the inner driver. @return how many are the first */
static uint32_t
filter_sort(const tenon_drv_open *options, tenon_drv_param *out)
{
    uint32_t count = 0, own;

    for (uint32_t i = 0; i < options->param_count; i++) {
        if (filter_owns(options->params[i].key))
            out[count++] = options->params[i];
    }
    own = count;
    for (uint32_t i = 0; i < options->param_count; i++) {
        if (!filter_owns(options->params[i].key))
            out[count++] = options->params[i];
    }
    return own;
}

static void
filter_close(tenon_drv_db *db)
{
    if (db == NULL)
        return;
    if (db->opened) {
        tenon_filter_call call = { .size = sizeof call,
                                   .slot = TENON_FILTER_DB_CLOSE,
                                   .filter = db->filter };
        tenon_error ignored;
        tenon_status st;

        (void)filter_passes(&call, &st, &ignored);
        if (db->driver != NULL)
            db->driver->database->close(db->inner);
        (void)filter_ends(&call, TENON_OK, &ignored);
        tenon_filter_own->close(db->filter);
    }
    free(db);
}

/* Open the inner driver's database, as one call. */
static tenon_status
filter_open_inner(tenon_drv_db *db, const tenon_drv_open *inner, tenon_error *err)
{
    tenon_filter_call call = { .size = sizeof call,
                               .slot = TENON_FILTER_DB_OPEN,
                               .filter = db->filter };
    tenon_status st;

    if (!filter_passes(&call, &st, err))
        return st;
    st = db->driver->database->open(inner, &db->inner, err);
    return filter_ends(&call, st, err);
}

static tenon_status
filter_open(const tenon_drv_open *options, tenon_drv_db **out, tenon_error *err)
{
    tenon_drv_param *params = calloc(options->param_count + 1, sizeof *params);
    tenon_drv_db *db = calloc(1, sizeof *db);
    char *url = filter_strip_url(options->url), *name = url == NULL ? NULL : filter_inner_name(url);
    tenon_drv_open inner = { .size = sizeof inner };
    tenon_status st = TENON_OK;
    uint32_t own;

    *out = NULL;
    if (params == NULL || db == NULL || name == NULL) {
        st = filter_no_memory(err);
        goto done;
    }
    own = filter_sort(options, params);
    if (options->size < inner.size) /* of another core: what both know */
        inner.size = options->size;
    memcpy((unsigned char *)&inner + sizeof inner.size,
           (const unsigned char *)options + sizeof inner.size, inner.size - sizeof inner.size);
    inner.url = url;
    inner.params = params + own;
    inner.param_count = options->param_count - own;
    st = tenon_filter_own->open(params, own, filter_identity(options->url), &db->filter, err);
    db->opened = st == TENON_OK;
    if (st == TENON_OK)
        st = tenon_filter_host->find_driver(name, &db->driver, err);
    if (st == TENON_OK)
        st = filter_open_inner(db, &inner, err);
    if (st == TENON_OK) {
        *out = db;
        db = NULL;
    }

done:
    filter_close(db);
    free(params);
    free(name);
    if (url != NULL) /* it may hold a password */
        memset(url, 0, strlen(url));
    free(url);
    return st;
}

static tenon_status
filter_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    tenon_filter_call call = { .size = sizeof call,
                               .slot = TENON_FILTER_DB_INFO,
                               .filter = db->filter };
    tenon_status st;

    if (!filter_passes(&call, &st, err))
        return st;
    return filter_ends(&call, db->driver->database->info(db->inner, info, err), err);
}

static tenon_status
filter_checkpoint(tenon_drv_db *db, tenon_error *err)
{
    tenon_filter_call call = { .size = sizeof call,
                               .slot = TENON_FILTER_CHECKPOINT,
                               .filter = db->filter };
    tenon_status st;

    if (!filter_passes(&call, &st, err))
        return st;
    return filter_ends(&call, db->driver->admin->checkpoint(db->inner, err), err);
}

/* ---- Connections ---- */

static void
filter_conn_close(tenon_drv_conn *conn)
{
    tenon_error ignored;
    tenon_filter_call call;
    tenon_status st;

    if (conn == NULL)
        return;
    call = filter_call(TENON_FILTER_CONN_CLOSE, conn);
    (void)filter_passes(&call, &st, &ignored);
    conn->db->driver->connection->close(conn->inner);
    (void)filter_ends(&call, TENON_OK, &ignored);
    free(conn);
}

/* `until_ns` 0: the inner driver takes no time to open one. */
static tenon_status
filter_connect(tenon_drv_db *db, uint64_t until_ns, tenon_drv_conn **out, tenon_error *err)
{
    const tenon_drv_connection_ops *ops = db->driver->connection;
    tenon_drv_conn *conn = calloc(1, sizeof *conn);
    tenon_filter_call call;
    tenon_status st;

    *out = NULL;
    if (conn == NULL)
        return filter_no_memory(err);
    conn->db = db;
    call = filter_call(TENON_FILTER_CONN_OPEN, conn);
    if (!filter_passes(&call, &st, err)) {
        free(conn);
        return st;
    }
    st = until_ns == 0 ? ops->open(db->inner, &conn->inner, err)
                       : ops->open_until(db->inner, until_ns, &conn->inner, err);
    st = filter_ends(&call, st, err);
    if (st == TENON_OK) {
        *out = conn;
        return TENON_OK;
    }
    ops->close(conn->inner); /* it may have been opened, and its answer lost */
    free(conn);
    return st;
}

static tenon_status
filter_conn_open(tenon_drv_db *db, tenon_drv_conn **out, tenon_error *err)
{
    return filter_connect(db, 0, out, err);
}

static tenon_status
filter_conn_open_until(tenon_drv_db *db, uint64_t deadline_ns, tenon_drv_conn **out,
                       tenon_error *err)
{
    return filter_connect(db, deadline_ns, out, err);
}

static tenon_status
filter_conn_reset(tenon_drv_conn *conn, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_CONN_RESET, conn);
    tenon_status st;

    if (!filter_passes(&call, &st, err))
        return st;
    return filter_ends(&call, conn->db->driver->connection->reset(conn->inner, err), err);
}

static tenon_status
filter_conn_check(tenon_drv_conn *conn, uint64_t deadline_ns, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_CONN_CHECK, conn);

    FILTER_PASS(&call, connection, check, deadline_ns, err);
}

static uint64_t
filter_round_trips(const tenon_drv_conn *conn)
{
    return conn->db->driver->connection->round_trips(conn->inner);
}

static tenon_status
filter_verify(tenon_drv_conn *conn, tenon_problem_fn fn, void *arg, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_VERIFY, conn);

    FILTER_PASS(&call, admin, verify, fn, arg, err);
}

/* Beside a running call: the hooks are not told, since a connection's are not called at once. */
static void
filter_interrupt(tenon_drv_conn *conn)
{
    conn->db->driver->admin->interrupt(conn->inner);
}

const tenon_drv_database_ops tenon_filter_database_ops = {
    .size = sizeof tenon_filter_database_ops,
    .open = filter_open,
    .close = filter_close,
    .info = filter_info,
};
const tenon_drv_connection_ops tenon_filter_connection_ops = {
    .size = sizeof tenon_filter_connection_ops,
    .open = filter_conn_open,
    .close = filter_conn_close,
    .reset = filter_conn_reset,
    .open_until = filter_conn_open_until,
    .check = filter_conn_check,
    .round_trips = filter_round_trips,
};
const tenon_drv_admin_ops tenon_filter_admin_ops = {
    .size = sizeof tenon_filter_admin_ops,
    .verify = filter_verify,
    .interrupt = filter_interrupt,
    .checkpoint = filter_checkpoint,
};
