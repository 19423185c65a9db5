#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server.h"
#include "tool.h"

/* The driver under all filters: what stands after the last '+'. */
static const char *
place_inner(const char *scheme)
{
    const char *plus = strrchr(scheme, '+');

    return plus == NULL ? scheme : plus + 1;
}

static bool
place_is_server(const char *scheme)
{
    const char *inner = place_inner(scheme);

    return strcmp(inner, "postgres") == 0 || strcmp(inner, "postgresql") == 0;
}

static bool
place_is_memory(const char *scheme)
{
    return strcmp(place_inner(scheme), "memory") == 0;
}

static bool
place_put(char *out, size_t out_bytes, const char *text, size_t len)
{
    if (len >= out_bytes)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

const char *
place_parse(const char *text, bool is_url, const char *server, place_driver *out)
{
    const size_t len = strcspn(text, is_url ? ":" : "?");
    const char *slash;

    memset(out, 0, sizeof *out);
    if (len == 0)
        return "a driver has a name";
    if (!place_put(out->scheme, sizeof out->scheme, text, len) ||
        (!is_url && text[len] == '?' &&
         !place_put(out->params, sizeof out->params, text + len + 1, strlen(text + len + 1))))
        return "it is too long";
    if (is_url && text[len] != ':')
        return "it is no URL";
    slash = strrchr(out->scheme, '/');
    (void)snprintf(out->label, sizeof out->label, "%.50s", slash == NULL ? out->scheme : slash + 1);
    if (place_is_server(out->scheme)) {
        out->server = is_url ? strstr(text, place_inner(out->scheme)) : server;
        return out->server != NULL ? NULL : "it needs a server: --server postgres://host/db";
    }
    out->given = is_url && !place_is_memory(out->scheme) ? text : NULL;
    return NULL;
}

bool
place_can_repeat(const place_driver *driver)
{
    return driver->given == NULL;
}

bool
place_has_files(const place_driver *driver)
{
    return driver->given == NULL && driver->server == NULL && !place_is_memory(driver->scheme);
}

/* ---- Making ---- */

/* `&` or `?` before a further parameter. */
static void
place_param(place *p, const char *text)
{
    const size_t len = strlen(p->url);

    (void)snprintf(p->url + len, sizeof p->url - len, "%c%s",
                   strchr(p->url, '?') == NULL ? '?' : '&', text);
}

static bool
place_make_server(place *p, uint32_t number)
{
    char where[SERVER_URL_BYTES];
    const char *inner = place_inner(p->driver->scheme);
    const int filters = (int)(inner - p->driver->scheme);

    (void)snprintf(p->name, sizeof p->name, "tenon_bench_%u", (unsigned)number);
    if (!postgres_make(p->driver->server, 0, p->name, where)) {
        p->name[0] = '\0';
        return false;
    }
    (void)snprintf(p->url, sizeof p->url, "%.*s%s", filters, p->driver->scheme, where);
    return true;
}

static bool
place_make_files(place *p, const char *root, uint32_t number)
{
    const int len = snprintf(p->folder, sizeof p->folder, "%.400s/%u", root, (unsigned)number);

    if (len < 0 || mkdir(p->folder, 0700) != 0) {
        tool_error(p->folder, "can't be made: %s", strerror(errno));
        p->folder[0] = '\0';
        return false;
    }
    (void)snprintf(p->url, sizeof p->url, "%s:%s/data", p->driver->scheme, p->folder);
    return true;
}

bool
place_make(const place_driver *driver, const char *root, uint32_t number, uint32_t durability,
           place *out)
{
    char tier[48];
    bool ok = true;

    memset(out, 0, sizeof *out);
    out->driver = driver;
    if (driver->given != NULL)
        (void)snprintf(out->url, sizeof out->url, "%s", driver->given);
    else if (driver->server != NULL)
        ok = place_make_server(out, number);
    else if (place_is_memory(driver->scheme))
        (void)snprintf(out->url, sizeof out->url, "%s:", driver->scheme);
    else
        ok = place_make_files(out, root, number);
    if (!ok)
        return false;
    (void)snprintf(tier, sizeof tier, "durability=%s", tool_durability(durability));
    place_param(out, tier);
    if (driver->params[0] != '\0')
        place_param(out, driver->params);
    return true;
}

/* ---- Files ---- */

typedef void place_file_fn(const char *path, void *arg);

static void
place_each(const place *p, place_file_fn *fn, void *arg)
{
    DIR *dir = p->folder[0] == '\0' ? NULL : opendir(p->folder);
    const struct dirent *entry;
    char path[PLACE_PART_BYTES + 264];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", p->folder, entry->d_name);
        fn(path, arg);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

static void
place_remove(const char *path, void *arg)
{
    (void)arg;
    (void)unlink(path);
}

static void
place_measure(const char *path, void *arg)
{
    struct stat about;

    if (stat(path, &about) == 0)
        *(uint64_t *)arg += (uint64_t)about.st_blocks * 512;
}

void
place_drop(place *p)
{
    place_each(p, place_remove, NULL);
    if (p->folder[0] != '\0')
        (void)rmdir(p->folder);
    if (p->name[0] != '\0')
        postgres_drop(p->driver->server, p->name);
    p->folder[0] = p->name[0] = '\0';
}

uint64_t
place_disk_bytes(const place *p)
{
    uint64_t bytes = 0;

    place_each(p, place_measure, &bytes);
    return bytes;
}
