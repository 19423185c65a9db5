#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tenon/kit/posix.h"

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
    const size_t a_bytes = strlen(a), b_bytes = strlen(b) + 1;
    char *text = malloc(a_bytes + b_bytes);

    if (text != NULL) {
        memcpy(text, a, a_bytes);
        memcpy(text + a_bytes, b, b_bytes);
    }
    return text;
}

static int
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
int
tenon_posix_make_private(const char *path, bool create, bool read_only, struct stat *st)
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
    if (rc == 0 && !S_ISREG(st->st_mode))
        rc = EINVAL;
    if (rc == 0 && faccessat(AT_FDCWD, path, read_only ? R_OK : R_OK | W_OK, AT_EACCESS) != 0)
        rc = errno;
    return rc;
}

uint64_t
tenon_posix_disk_bytes(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

bool
tenon_posix_is_full(const char *path)
{
    struct statvfs fs;

    return statvfs(path, &fs) == 0 && fs.f_bavail == 0;
}

bool
tenon_posix_read_u64(const char *text, uint64_t *out)
{
    char *end = NULL;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}
