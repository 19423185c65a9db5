/*
 * This program's own fsync and its like stand before libc's for everything that is loaded into it,
 * libsqlite3 and liblmdb too: they count, then call libc's.
 */
#define _GNU_SOURCE /* RTLD_NEXT, sync_file_range, open64 */
#include "flushes.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define FLUSHES_FILES 65536 /* descriptors that are known; engines open few */
#define FLUSHES_OWN __attribute__((visibility("default")))

static atomic_uint_fast64_t flushes_count;
static atomic_bool flushes_synced[FLUSHES_FILES]; /* opened so that each write is a flush */

uint64_t
flushes(void)
{
    return atomic_load(&flushes_count);
}

static void
flushes_add(void)
{
    (void)atomic_fetch_add_explicit(&flushes_count, 1, memory_order_relaxed);
}

static void
flushes_add_write(int fd)
{
    if (fd >= 0 && fd < FLUSHES_FILES &&
        atomic_load_explicit(&flushes_synced[fd], memory_order_relaxed))
        flushes_add();
}

/* Every open says it anew, so a close has nothing to say. */
static int
flushes_opened(int fd, int flags)
{
    if (fd >= 0 && fd < FLUSHES_FILES)
        atomic_store_explicit(&flushes_synced[fd], (flags & O_DSYNC) != 0, memory_order_relaxed);
    return fd;
}

/* Look up libc's function of that name, once: threads that do it at once find the same. */
#define FLUSHES_REAL(type, name)                                                                   \
    static type *_Atomic found;                                                                    \
    type *real = atomic_load_explicit(&found, memory_order_relaxed);                               \
                                                                                                   \
    if (real == NULL) {                                                                            \
        void *symbol = dlsym(RTLD_NEXT, name);                                                     \
                                                                                                   \
        memcpy(&real, &symbol, sizeof real);                                                       \
        atomic_store_explicit(&found, real, memory_order_relaxed);                                 \
    }

typedef int flushes_of_file(int);
typedef int flushes_of_memory(void *, size_t, int);
typedef int flushes_of_range(int, off64_t, off64_t, unsigned int);
typedef int flushes_opens(const char *, int, ...);
typedef ssize_t flushes_writes(int, const void *, size_t);
typedef ssize_t flushes_writes_at(int, const void *, size_t, off64_t);
typedef ssize_t flushes_writes_parts(int, const struct iovec *, int);
typedef ssize_t flushes_writes_parts_at(int, const struct iovec *, int, off64_t);

FLUSHES_OWN int
fsync(int fd)
{
    FLUSHES_REAL(flushes_of_file, "fsync")
    flushes_add();
    return real(fd);
}

FLUSHES_OWN int
fdatasync(int fd)
{
    FLUSHES_REAL(flushes_of_file, "fdatasync")
    flushes_add();
    return real(fd);
}

FLUSHES_OWN int
msync(void *at, size_t bytes, int flags)
{
    FLUSHES_REAL(flushes_of_memory, "msync")
    if ((flags & MS_SYNC) != 0)
        flushes_add();
    return real(at, bytes, flags);
}

FLUSHES_OWN int
sync_file_range(int fd, off64_t from, off64_t bytes, unsigned int flags)
{
    FLUSHES_REAL(flushes_of_range, "sync_file_range")
    flushes_add();
    return real(fd, from, bytes, flags);
}

static mode_t
flushes_mode(int flags, va_list args)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

FLUSHES_OWN int
open(const char *path, int flags, ...)
{
    FLUSHES_REAL(flushes_opens, "open")
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = flushes_mode(flags, args);
    va_end(args);
    return flushes_opened(real(path, flags, mode), flags);
}

FLUSHES_OWN int
open64(const char *path, int flags, ...)
{
    FLUSHES_REAL(flushes_opens, "open64")
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = flushes_mode(flags, args);
    va_end(args);
    return flushes_opened(real(path, flags, mode), flags);
}

FLUSHES_OWN ssize_t
write(int fd, const void *data, size_t bytes)
{
    FLUSHES_REAL(flushes_writes, "write")
    flushes_add_write(fd);
    return real(fd, data, bytes);
}

FLUSHES_OWN ssize_t
pwrite(int fd, const void *data, size_t bytes, off_t at)
{
    FLUSHES_REAL(flushes_writes_at, "pwrite")
    flushes_add_write(fd);
    return real(fd, data, bytes, at);
}

FLUSHES_OWN ssize_t
pwrite64(int fd, const void *data, size_t bytes, off64_t at)
{
    FLUSHES_REAL(flushes_writes_at, "pwrite64")
    flushes_add_write(fd);
    return real(fd, data, bytes, at);
}

FLUSHES_OWN ssize_t
writev(int fd, const struct iovec *parts, int count)
{
    FLUSHES_REAL(flushes_writes_parts, "writev")
    flushes_add_write(fd);
    return real(fd, parts, count);
}

FLUSHES_OWN ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    FLUSHES_REAL(flushes_writes_parts_at, "pwritev")
    flushes_add_write(fd);
    return real(fd, parts, count, at);
}
