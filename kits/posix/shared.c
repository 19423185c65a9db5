/* Folders of databases, and stores that are opened once per process. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"

/* ---- Folders ---- */

/* What is in a folder. @return 0, or an errno */
static int
folder_look(const char *path, bool *marked, bool *others, uint64_t *bytes)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    struct stat st;

    *marked = *others = false;
    *bytes = 0;
    if (dir == NULL)
        return errno;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (strcmp(entry->d_name, TENON_POSIX_MARK) == 0)
            *marked = true;
        else
            *others = true;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            *bytes += (uint64_t)st.st_blocks * 512;
    }
    (void)closedir(dir);
    return 0;
}

/* Mark a folder as Tenon's, so that it stays so after a power cut. @return 0, or an errno */
static int
folder_mark(const char *path)
{
    char *mark = tenon_posix_concat(path, "/" TENON_POSIX_MARK);
    int rc = mark == NULL ? ENOMEM : 0;
    int fd = -1;

    if (rc == 0)
        fd = open(mark, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (rc == 0)
        rc = fd < 0 ? errno : posix_sync_folder(mark);
    if (fd >= 0)
        close(fd);
    free(mark);
    return rc;
}

/* Find a folder that is Tenon's, or make it so. @return 0, or an errno; EEXIST: somebody else's */
static int
folder_find(const tenon_drv_open *options, char **path, struct stat *st, bool *is_new)
{
    bool marked, others;
    uint64_t bytes;
    int rc = 0;

    if (options->create && mkdir(options->place, S_IRWXU) == 0)
        rc = posix_sync_folder(options->place);
    else if (options->create && errno != EEXIST)
        rc = errno;
    if (rc == 0 && stat(options->place, st) != 0)
        rc = errno;
    if (rc == 0 && !S_ISDIR(st->st_mode))
        return EEXIST;
    if (rc == 0)
        *path = realpath(options->place, NULL);
    if (rc == 0 && *path == NULL)
        rc = errno;
    if (rc == 0)
        rc = folder_look(*path, &marked, &others, &bytes);
    if (rc != 0)
        return rc;
    *is_new = !others;
    if (marked)
        return !options->create && !others ? ENOENT : 0;
    if (others)
        return EEXIST;
    return options->create ? folder_mark(*path) : ENOENT;
}

tenon_status
tenon_posix_find_folder(const tenon_drv_open *options, char **path, struct stat *st, bool *is_new,
                        tenon_error *err)
{
    int rc;

    *path = NULL;
    *is_new = false;
    if (options->place[0] == '\0' || options->place[0] == ':')
        return posix_fail(err, TENON_CONFIG, 0, "the URL names no folder");
    rc = folder_find(options, path, st, is_new);
    if (rc == 0)
        return TENON_OK;
    free(*path);
    *path = NULL;
    if (rc == EEXIST)
        return posix_fail(err, TENON_CORRUPT, 0, "%s: no folder of a database, \"%s\" is not in it",
                          options->place, TENON_POSIX_MARK);
    return posix_fail(err, tenon_posix_status(rc), rc, "%s: %s", options->place, strerror(rc));
}

uint64_t
tenon_posix_folder_bytes(const char *path)
{
    bool marked, others;
    uint64_t bytes;

    return folder_look(path, &marked, &others, &bytes) == 0 ? bytes : 0;
}

/* ---- Stores ---- */

static void
shared_free(tenon_posix_shared *store)
{
    if (store == NULL)
        return;
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    free(store->path);
    free(store);
}

/* A store that is described, but not open. @param[out] out shared_free frees it */
static tenon_status
shared_new(const tenon_posix_registry *registry, const tenon_drv_open *options,
           tenon_posix_shared **out, bool *is_new, tenon_error *err)
{
    tenon_posix_shared *store = calloc(1, registry->store_bytes);
    struct stat st = { 0 };
    tenon_status status;

    *out = store;
    if (store == NULL)
        return posix_fail(err, TENON_NO_MEMORY, ENOMEM, "no memory");
    store->lock_fd = -1;
    if (registry->in_folder) {
        status = tenon_posix_find_folder(options, &store->path, &st, is_new, err);
    } else {
        status = tenon_posix_find_file(options, &store->path, &st, err);
        *is_new = st.st_size == 0;
    }
    store->dev = st.st_dev;
    store->ino = st.st_ino;
    store->durability = options->durability;
    store->read_only = options->read_only;
    store->use_count = 1;
    return status;
}

/* The store that has the same place open. @retval TENON_OK, TENON_NOT_FOUND, TENON_CONFIG */
static tenon_status
shared_find(const tenon_posix_registry *registry, const tenon_posix_shared *like,
            tenon_posix_shared **out, tenon_error *err)
{
    tenon_posix_shared *s = registry->first;

    while (s != NULL && (s->dev != like->dev || s->ino != like->ino))
        s = s->next;
    if (s == NULL)
        return TENON_NOT_FOUND;
    if (s->durability != like->durability || s->read_only != like->read_only)
        return posix_fail(err, TENON_CONFIG, 0, "%s: open in this process with other settings",
                          like->path);
    s->use_count++;
    *out = s;
    return TENON_OK;
}

/* Keep other processes out, until the store is closed. */
static tenon_status
shared_lock(tenon_posix_shared *store, tenon_error *err)
{
    struct flock whole = { .l_type = store->read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };
    char *mark = tenon_posix_concat(store->path, "/" TENON_POSIX_MARK);
    int rc = mark == NULL ? ENOMEM : 0;

    if (rc == 0)
        store->lock_fd = open(mark, (store->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (rc == 0 && (store->lock_fd < 0 || fcntl(store->lock_fd, F_SETLK, &whole) != 0))
        rc = errno;
    free(mark);
    if (store->lock_fd >= 0 && (rc == EACCES || rc == EAGAIN))
        return posix_fail(err, TENON_BUSY, rc, "%s: open in another process", store->path);
    return rc == 0
               ? TENON_OK
               : posix_fail(err, tenon_posix_status(rc), rc, "%s: %s", store->path, strerror(rc));
}

/* Share the store that has the same place open, or open this one, which is the registry's then. */
static tenon_status
shared_open(tenon_posix_registry *registry, const tenon_drv_open *options, bool is_new,
            tenon_posix_shared **store, tenon_posix_shared **out, tenon_error *err)
{
    tenon_status st = shared_find(registry, *store, out, err);

    if (st != TENON_NOT_FOUND)
        return st;
    st = registry->one_process ? shared_lock(*store, err) : TENON_OK;
    if (st == TENON_OK)
        st = registry->open(*store, options, is_new, err);
    if (st != TENON_OK)
        return st;
    (*store)->next = registry->first;
    registry->first = *out = *store;
    *store = NULL;
    return TENON_OK;
}

tenon_status
tenon_posix_share(tenon_posix_registry *registry, const tenon_drv_open *options,
                  tenon_posix_shared **out, tenon_error *err)
{
    tenon_posix_shared *store = NULL;
    bool is_new = false;
    tenon_status st;

    *out = NULL;
    (void)pthread_mutex_lock(&registry->lock);
    st = shared_new(registry, options, &store, &is_new, err);
    if (st == TENON_OK)
        st = shared_open(registry, options, is_new, &store, out, err);
    shared_free(store);
    (void)pthread_mutex_unlock(&registry->lock);
    return st;
}

void
tenon_posix_unshare(tenon_posix_registry *registry, tenon_posix_shared *store)
{
    tenon_posix_shared **link = &registry->first;

    if (store == NULL)
        return;
    (void)pthread_mutex_lock(&registry->lock);
    if (--store->use_count == 0) {
        while (*link != store)
            link = &(*link)->next;
        *link = store->next;
        registry->close(store);
        shared_free(store);
    }
    (void)pthread_mutex_unlock(&registry->lock);
}
