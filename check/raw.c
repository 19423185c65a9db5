/* The driver by its own table. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "check/raw.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define RAW_PARAMS 16

/* ---- Memory that ends at a guard ---- */

void *
raw_guarded(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t room = (bytes + page - 1) / page * page;
    char *memory = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                        0);

    if (memory == MAP_FAILED || mprotect(memory + room, page, PROT_NONE) != 0)
        conf_failed(CONF_HERE, "memory", "none");
    memset(memory, 0xEE, room);
    return memory + room - bytes;
}

void *
raw_copy(const void *data, size_t bytes)
{
    return memcpy(raw_guarded(bytes), data, bytes);
}

tenon_value
raw_text(const char *text)
{
    return tenon_text_n(raw_copy(text, strlen(text)), (uint32_t)strlen(text));
}

/* ---- A host ---- */

static void *
raw_reallocate(void *ptr, uint64_t bytes)
{
    return realloc(ptr, bytes > 0 ? (size_t)bytes : 1);
}

static void
raw_log(uint32_t level, const char *driver, const char *text)
{
    (void)level;
    (void)driver;
    (void)text;
}

static int64_t
raw_wall_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
raw_random(void *out, uint64_t bytes)
{
    if (getrandom(out, (size_t)bytes, 0) != (ssize_t)bytes)
        abort();
}

static tenon_status
raw_find_driver(const char *name, const tenon_driver **out, tenon_error *err)
{
    (void)name;
    *out = NULL;
    memset(err, 0, sizeof *err);
    err->status = TENON_NOT_FOUND;
    return TENON_NOT_FOUND;
}

static const tenon_host raw_host = {
    .size = sizeof raw_host,
    .reallocate = raw_reallocate,
    .release = free,
    .log = raw_log,
    .monotonic_ns = conf_monotonic_ns,
    .wall_us = raw_wall_us,
    .random = raw_random,
    .find_driver = raw_find_driver,
};

/* ---- The plugin and the URL ---- */

typedef struct raw_search {
    const char *name;
    char path[512];
} raw_search;

static void
raw_see(void *arg, const tenon_driver_info *info)
{
    raw_search *search = arg;

    if (info->refused == NULL && strcmp(info->name, search->name) == 0)
        (void)snprintf(search->path, sizeof search->path, "%s", info->path);
}

/* The path of the plugin that a URL names, which ends at `end`. */
static void
raw_plugin(const char *url, const char *end, char *out, size_t out_bytes)
{
    raw_search search = { .path = "" };
    char name[32];

    (void)snprintf(out, out_bytes, "%.*s", (int)(end - url), url);
    if (url[0] == '/')
        return;
    (void)snprintf(name, sizeof name, "%.*s", (int)(end - url), url);
    search.name = name;
    (void)tenon_drivers(NULL, raw_see, &search, NULL);
    (void)snprintf(out, out_bytes, "%s", search.path);
    if (out[0] == '\0')
        conf_skip("its plugin is not in the search path");
}

/* Percent-decode up to one of `ends`. @return behind it */
static const char *
raw_decode(const char *from, const char *ends, char **out)
{
    const size_t len = strcspn(from, ends);
    char *to = raw_guarded(len + 1), hex[3] = "";

    *out = to;
    for (size_t i = 0; i < len; i++) {
        if (from[i] == '%' && i + 2 < len) {
            memcpy(hex, from + i + 1, 2);
            *to++ = (char)strtol(hex, NULL, 16);
            i += 2;
        } else {
            *to++ = from[i];
        }
    }
    *to = '\0';
    return from + len + (from[len] != '\0');
}

/* What the core would make of the URL, at guards. */
static tenon_drv_open *
raw_options(const char *url, const char *end)
{
    tenon_drv_param params[RAW_PARAMS];
    tenon_drv_open *options = raw_guarded(sizeof *options);
    uint32_t count = 0;
    char *text;
    const char *at = raw_decode(end + 1, "?", &text);

    *options = (tenon_drv_open){
        .size = sizeof *options,
        .url = url,
        .place = text,
        .durability = conf_can(TENON_CAP_DURABLE_PROCESS) ? TENON_DURABLE_PROCESS
                      : conf_can(TENON_CAP_DURABLE_NONE)  ? TENON_DURABLE_NONE
                      : conf_can(TENON_CAP_DURABLE_OS)    ? TENON_DURABLE_OS
                                                          : TENON_DURABLE_POWER,
        .create = 1
    };
    while (*at != '\0' && count < RAW_PARAMS) {
        char *value;

        at = raw_decode(at, "=", &text);
        at = raw_decode(at, "&", &value);
        if (strcmp(text, "durability") != 0) /* the core's own */
            params[count++] = (tenon_drv_param){ .key = text, .value = value };
    }
    options->params = raw_copy(params, count * sizeof *params);
    options->param_count = count;
    return options;
}

/* A table of the driver's; what it is too short for stays NULL. */
static void
raw_table(void *out, size_t bytes, const void *table)
{
    uint32_t size = 0;

    memset(out, 0, bytes);
    if (table == NULL)
        return;
    memcpy(&size, table, sizeof size);
    memcpy(out, table, size < bytes ? size : bytes);
}

void
raw_load(conf *c, raw *r)
{
    const char *path = c->url[0] == '/' ? strstr(c->url, ".so:") : NULL;
    const char *end = path != NULL ? path + strlen(".so") : strchr(c->url, ':');
    const tenon_driver *(*entry)(const tenon_host *host) = NULL;
    char plugin[600];
    void *library, *symbol;

    memset(r, 0, sizeof *r);
    if (memchr(c->url, '+', (size_t)(end - c->url)) != NULL)
        conf_skip("a filter is called through the core, with what it stands over");
    raw_plugin(c->url, end, plugin, sizeof plugin);
    library = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
    symbol = library != NULL ? dlsym(library, TENON_DRIVER_ENTRY) : NULL;
    if (symbol == NULL)
        conf_failed(CONF_HERE, "a plugin that exports " TENON_DRIVER_ENTRY, "%s", dlerror());
    memcpy(&entry, &symbol, sizeof entry);
    r->driver = entry(raw_copy(&raw_host, sizeof raw_host));
    CHECK(r->driver != NULL);
    raw_table(&r->database, sizeof r->database, r->driver->database);
    raw_table(&r->connection, sizeof r->connection, r->driver->connection);
    raw_table(&r->transaction, sizeof r->transaction, r->driver->transaction);
    raw_table(&r->query, sizeof r->query, r->driver->query);
    raw_table(&r->schema, sizeof r->schema, r->driver->schema);
    raw_table(&r->two_phase, sizeof r->two_phase, r->driver->two_phase);
    raw_table(&r->admin, sizeof r->admin, r->driver->admin);
    r->options = raw_options(c->url, end);
    r->err = raw_guarded(sizeof *r->err);
}

tenon_drv_conn *
raw_connect(raw *r)
{
    tenon_drv_conn *conn = NULL;

    if (r->connection.open_until != NULL)
        RAW_OK(r, r->connection.open_until(r->db, UINT64_MAX, &conn, r->err));
    else
        RAW_OK(r, r->connection.open(r->db, &conn, r->err));
    CHECK(conn != NULL);
    return conn;
}

void
raw_open(conf *c, raw *r)
{
    raw_load(c, r);
    RAW_OK(r, r->database.open(r->options, &r->db, r->err));
    CHECK(r->db != NULL);
    r->conn = raw_connect(r);
}

void
raw_close(raw *r)
{
    r->connection.close(r->conn);
    r->database.close(r->db);
    r->conn = NULL;
    r->db = NULL;
}

/* ---- Checks ---- */

void
raw_ok(raw *r, tenon_status status, const char *call, conf_at at)
{
    const tenon_error *err = r->err;

    if (status == TENON_NOT_FOUND) /* which may leave err as it was */
        conf_failed(at, call, "NOT_FOUND");
    if (status != TENON_OK)
        conf_failed(at, call, "%s, object '%.*s': %.*s", tenon_status_name(status),
                    (int)sizeof err->object, err->object, (int)sizeof err->message, err->message);
}

void
raw_fails(raw *r, tenon_status status, tenon_status expected, const char *call, conf_at at)
{
    const tenon_error *err = r->err;
    char text[512];

    (void)snprintf(text, sizeof text, "%s fails with %s", call, tenon_status_name(expected));
    if (status != expected)
        conf_failed(at, text, "%s instead of %s", tenon_status_name(status),
                    tenon_status_name(expected));
    if (memchr(err->message, '\0', sizeof err->message) == NULL ||
        memchr(err->object, '\0', sizeof err->object) == NULL)
        conf_failed(at, text, "err was not filled: its texts do not end");
    if (err->status != expected || err->message[0] == '\0')
        conf_failed(at, text, "err says %s: '%s'", tenon_status_name(err->status), err->message);
    if (err->effect > TENON_EFFECT_UNKNOWN)
        conf_failed(at, text, "err->effect is %u, which means nothing", (unsigned)err->effect);
}

void
raw_untouched(raw *r, const char *call, conf_at at)
{
    const unsigned char *bytes = (const unsigned char *)r->err;

    for (size_t i = 0; i < sizeof *r->err; i++) {
        if (bytes[i] != 0xEE)
            conf_failed(at, "err is filled on failure only", "%s has written to it, byte %zu", call,
                        i);
    }
}
