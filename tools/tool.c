/* Errors, opening and output of all commands. */
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOOL_DRIVER_FOLDER "/lib/tenon/drivers"

void
tool_error(const char *place, const char *format, ...)
{
    char shown[TOOL_URL_BYTES];
    char message[1024];
    va_list args;

    tenon_url_mask(place, shown, sizeof shown);
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    /* Traces and databases are others' data: what a terminal would obey is not shown to it. */
    for (char *c = message; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    (void)fflush(stdout);
    (void)fprintf(stderr, "tenon: %s: %s\n", shown, message);
}

int
tool_failed(const char *place, tenon_status status, const tenon_error *err)
{
    const bool filled = err->status == status && err->message[0] != '\0';
    const bool named = filled && err->object[0] != '\0';

    tool_error(place, "%s [%s%s%s]", filled ? err->message : tenon_status_text(status),
               tenon_status_name(status), named ? " " : "", named ? err->object : "");
    switch (status) {
    case TENON_CONFIG:
    case TENON_ABI:
    case TENON_UNSUPPORTED:
        return TOOL_USAGE;
    default:
        return TOOL_FAILED;
    }
}

/* ---- Plugins ---- */

bool
tool_prefix(char *out, size_t out_bytes)
{
    const ssize_t len = readlink("/proc/self/exe", out, out_bytes);

    if (len <= 0 || (size_t)len >= out_bytes)
        return false;
    out[len] = '\0';
    for (int i = 0; i < 2; i++) { /* the program, then its folder */
        char *slash = strrchr(out, '/');

        if (slash == NULL)
            return false;
        *slash = '\0';
    }
    return true;
}

const char *
tool_driver_path(void)
{
    static char path[4096];
    const char *from_environment = getenv("TENON_DRIVER_PATH");

    /* The library looks into `driver_path` first, and what the user says goes first. */
    if (from_environment != NULL && from_environment[0] != '\0')
        return NULL;
    /* ':' would end the folder's name in a list of folders. */
    if (!tool_prefix(path, sizeof path - sizeof TOOL_DRIVER_FOLDER) || strchr(path, ':') != NULL)
        return NULL;
    memcpy(strchr(path, '\0'), TOOL_DRIVER_FOLDER, sizeof TOOL_DRIVER_FOLDER);
    return access(path, F_OK) == 0 ? path : NULL;
}

/* Whether there is a driver of the name that a URL begins with. */
typedef struct tool_search {
    const char *name;
    size_t len;
    bool found;
} tool_search;

static void
tool_match(void *arg, const tenon_driver_info *info)
{
    tool_search *search = (tool_search *)arg;

    if (info->refused == NULL && strlen(info->name) == search->len &&
        memcmp(info->name, search->name, search->len) == 0)
        search->found = true;
}

bool
tool_has_driver(const char *url, const char *driver_path)
{
    tool_search search = { .name = url, .len = strcspn(url, ":") };
    tenon_error err = { 0 };

    if (memchr(url, '/', search.len) != NULL) { /* a plugin by its path */
        char *path = strndup(url, search.len);

        search.found = path != NULL && access(path, F_OK) == 0;
        free(path);
        return search.found;
    }
    (void)tenon_drivers(driver_path, tool_match, &search, &err);
    return search.found;
}

/* ---- Opening ---- */

static int
tool_open_as(const char *url, tenon_open_options *options, bool may_be_missing, tenon_db **out)
{
    tenon_error err = { 0 };
    tenon_status status;

    options->size = sizeof *options;
    options->driver_path = tool_driver_path();
    options->min_connections = UINT32_MAX;  /* a tool runs for a short time, */
    options->breaker_failures = UINT32_MAX; /* and tells of the first failure, not of the fifth */
    status = tenon_open(url, options, out, &err);
    if (status == TENON_OK)
        return TOOL_GO_ON;
    if (status == TENON_NOT_FOUND && !tool_has_driver(url, options->driver_path)) {
        (void)tool_failed(url, status, &err);
        return TOOL_USAGE;
    }
    if (status == TENON_NOT_FOUND && may_be_missing)
        return TOOL_GO_ON;
    return tool_failed(url, status, &err);
}

int
tool_open(const char *url, tenon_open_options *options, tenon_db **out)
{
    return tool_open_as(url, options, false, out);
}

int
tool_open_existing(const char *url, tenon_open_options *options, tenon_db **out)
{
    return tool_open_as(url, options, true, out);
}

/* ---- Output ---- */

int
tool_print_json(json_t *root, FILE *out, const char *place)
{
    bool ok;

    if (root == NULL) {
        tool_error(place, "out of memory");
        return TOOL_FAILED;
    }
    errno = 0;
    ok = json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0 &&
         fputc('\n', out) != EOF && fflush(out) == 0;
    json_decref(root);
    if (ok)
        return TOOL_GO_ON;
    tool_error(place, "can't be written: %s", strerror(errno));
    return TOOL_FAILED;
}

int
tool_flush(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    tool_error("stdout", "can't be written: %s", errno != 0 ? strerror(errno) : "write error");
    return TOOL_FAILED;
}

const char *
tool_durability(uint32_t durability)
{
    static const char *const names[] = { "power", "os", "process", "none" };

    return durability < sizeof names / sizeof names[0] ? names[durability] : "?";
}
