/* Files of databases. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fail.h"

tenon_status
tenon_posix_status(int error_no)
{
    switch (error_no) {
    case ENOENT:
    case ENOTDIR:
        return TENON_NOT_FOUND;
    case EACCES:
    case EPERM:
        return TENON_DENIED;
    case EROFS:
        return TENON_READ_ONLY;
    case ENOSPC:
    case EDQUOT:
        return TENON_FULL;
    case ENOMEM:
        return TENON_NO_MEMORY;
    default:
        return TENON_IO;
    }
}

char *
tenon_posix_concat(const char *a, const char *b)
{
    const size_t bytes = strlen(a) + strlen(b) + 1;
    char *text = malloc(bytes);

    if (text != NULL)
        (void)snprintf(text, bytes, "%s%s", a, b);
    return text;
}

int
posix_sync_folder(const char *path)
{
    char *folder = tenon_posix_concat(path, "");
    char *slash = folder == NULL ? NULL : strrchr(folder, '/');
    int rc = folder == NULL ? ENOMEM : 0;
    int fd = -1;

    if (rc != 0)
        goto done;
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    fd = open(slash == NULL ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        rc = errno;

done:
    if (fd >= 0)
        close(fd);
    free(folder);
    return rc;
}

/*
 * A file that is there already is looked at without being opened: to close any descriptor of a file
 * gives up all of the process's fcntl locks on it, those of an engine that has it open too.
 */
static int
posix_make_private(const char *path, bool create, bool read_only, struct stat *st)
{
    int rc = 0;

    if (create) {
        const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);

        if (fd >= 0) {
            rc = posix_sync_folder(path);
            close(fd);
        } else if (errno != EEXIST) {
            return errno;
        }
    }
    if (rc == 0 && stat(path, st) != 0)
        rc = errno;
    if (rc == 0 && S_ISREG(st->st_mode) &&
        faccessat(AT_FDCWD, path, read_only ? R_OK : R_OK | W_OK, AT_EACCESS) != 0)
        rc = errno;
    return rc;
}

tenon_status
posix_fail(tenon_error *err, tenon_status status, int error_no, const char *format, ...)
{
    va_list args;

    *err = (tenon_error){ .status = status, .native = error_no };
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return status;
}

tenon_status
tenon_posix_find_file(const tenon_drv_open *options, char **path, struct stat *st, tenon_error *err)
{
    const char *place = options->place;
    int rc;

    *path = NULL;
    if (place[0] == '\0' || place[0] == ':')
        return posix_fail(err, TENON_CONFIG, 0, "the URL names no file");
    rc = posix_make_private(place, options->create != 0, options->read_only != 0, st);
    if (rc == 0 && !S_ISREG(st->st_mode))
        return posix_fail(err, TENON_CORRUPT, 0, "%s: no regular file", place);
    if (rc == 0)
        *path = realpath(place, NULL);
    if (rc == 0 && *path == NULL)
        rc = errno;
    return rc == 0 ? TENON_OK
                   : posix_fail(err, tenon_posix_status(rc), rc, "%s: %s", place, strerror(rc));
}

static bool
posix_read_u64(const char *text, uint64_t *out)
{
    char *end = NULL;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static const tenon_posix_param *
posix_find_param(const tenon_posix_param *known, uint32_t known_count, const char *key)
{
    for (uint32_t i = 0; i < known_count; i++) {
        if (strcmp(known[i].key, key) == 0)
            return &known[i];
    }
    return NULL;
}

tenon_status
tenon_posix_read_params(const tenon_drv_open *options, const tenon_posix_param *known,
                        uint32_t known_count, tenon_error *err)
{
    for (uint32_t i = 0; i < options->param_count; i++) {
        const char *key = options->params[i].key;
        const tenon_posix_param *param = posix_find_param(known, known_count, key);
        uint64_t number;

        if (param == NULL) {
            (void)posix_fail(err, TENON_CONFIG, 0, "this driver has no parameter %s", key);
        } else if (!posix_read_u64(options->params[i].value, &number) || number < param->least ||
                   number > param->most) {
            (void)posix_fail(err, TENON_CONFIG, 0, "%s must be a number from %llu to %llu", key,
                             (unsigned long long)param->least, (unsigned long long)param->most);
        } else {
            *param->out = number;
            continue;
        }
        (void)snprintf(err->object, sizeof err->object, "%s", key);
        return TENON_CONFIG;
    }
    return TENON_OK;
}

uint64_t
tenon_posix_disk_bytes(const char *path, const char *suffix)
{
    char *whole = tenon_posix_concat(path, suffix);
    struct stat st;
    uint64_t bytes = 0;

    if (whole != NULL && stat(whole, &st) == 0)
        bytes = (uint64_t)st.st_blocks * 512;
    free(whole);
    return bytes;
}

bool
tenon_posix_is_full(const char *path)
{
    struct statvfs fs;

    return statvfs(path, &fs) == 0 && fs.f_bavail == 0;
}
