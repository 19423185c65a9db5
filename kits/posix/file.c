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

int
tenon_posix_make_private(const char *path, bool create, bool read_only, struct stat *st)
{
    const int access = (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;
    int fd = -1;
    int rc = 0;

    if (create) {
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (fd >= 0)
            rc = posix_sync_folder(path);
        else if (errno != EEXIST)
            return errno;
    }
    if (fd < 0)
        fd = open(path, access);
    if (fd < 0)
        return errno;
    if (rc == 0 && fstat(fd, st) != 0)
        rc = errno;
    if (rc == 0 && !S_ISREG(st->st_mode))
        rc = EINVAL;
    close(fd);
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
