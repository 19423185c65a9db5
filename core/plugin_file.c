/* The file of a plugin: code that runs with all rights of the process, so nobody else may have had
 * a hand in it. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/plugin.h"

bool
tni_process_is_elevated(void)
{
    return getuid() != geteuid() || getgid() != getegid();
}

/* Whether only root and this user may write what `st` describes. A sticky bit changes nothing: it
 * keeps others from replacing a file, but not from putting one there first. */
static tenon_status
file_check_rights(const struct stat *st, const char *what, tni_reason *reason)
{
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return tni_refuse(reason, TENON_DENIED, "%s belongs to user %lu, neither root nor you",
                          what, (unsigned long)st->st_uid);
    if ((st->st_mode & S_IWOTH) != 0)
        return tni_refuse(reason, TENON_DENIED, "%s is writable by others", what);
    if ((st->st_mode & S_IWGRP) != 0)
        return tni_refuse(reason, TENON_DENIED, "%s is writable by its group", what);
    return TENON_OK;
}

/* Check the folder that holds `path`, an absolute path. */
static tenon_status
file_check_folder(const char *path, const char *what, tni_reason *reason)
{
    tenon_status st = TENON_OK;
    struct stat folder;
    char *name = strdup(path);

    if (name == NULL)
        return tni_refuse(reason, TENON_NO_MEMORY, "no memory");
    *(strrchr(name, '/') + 1) = '\0'; /* "/" where the file lies there */
    if (stat(name, &folder) != 0)
        st = tni_refuse(reason, TENON_DENIED, "%s can't be examined: %s", what, strerror(errno));
    else
        st = file_check_rights(&folder, what, reason);
    free(name);
    return st;
}

/*
 * Check the file itself, through a descriptor, so that what is checked is one file throughout. The
 * loader opens it once more by its path; nobody can put another one there in between, as only root
 * and this user may write to its folder.
 */
static tenon_status
file_check_open(const char *real, tni_reason *reason)
{
    tenon_status st = TENON_OK;
    struct stat file;
    int fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW); /* a pipe must not block */

    if (fd < 0)
        return tni_refuse(reason, TENON_DENIED, "can't be opened: %s", strerror(errno));
    if (fstat(fd, &file) != 0)
        st = tni_refuse(reason, TENON_DENIED, "can't be examined: %s", strerror(errno));
    else if (!S_ISREG(file.st_mode))
        st = tni_refuse(reason, TENON_DENIED, "not a regular file");
    else
        st = file_check_rights(&file, "file", reason);
    (void)close(fd);
    return st;
}

tenon_status
tni_plugin_file_check(const char *path, char **real, tni_reason *reason)
{
    tenon_status st;
    char *target;

    *real = NULL;
    if (path[0] != '/')
        return tni_refuse(reason, TENON_DENIED, "a relative path");
    target = realpath(path, NULL);
    if (target == NULL && (errno == ENOENT || errno == ENOTDIR))
        return tni_refuse(reason, TENON_NOT_FOUND, "no such file");
    if (target == NULL && errno == ENOMEM)
        return tni_refuse(reason, TENON_NO_MEMORY, "no memory");
    if (target == NULL)
        return tni_refuse(reason, TENON_DENIED, "can't be reached: %s", strerror(errno));
    st = file_check_folder(path, "folder", reason);
    if (st == TENON_OK && strcmp(path, target) != 0)
        st = file_check_folder(target, "folder of the link's target", reason);
    if (st == TENON_OK)
        st = file_check_open(target, reason);
    if (st != TENON_OK)
        goto done;
    *real = target;
    target = NULL;

done:
    free(target);
    return st;
}
