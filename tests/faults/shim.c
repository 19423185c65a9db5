/*
 * System calls that write, counted, and one of them spoilt: shim_arm(n, what) spoils the n-th from
 * then on. Calls on the first three descriptors do not count.
 */
#define _GNU_SOURCE /* syscall */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim.h"

static atomic_int shim_left, shim_what, shim_fired;

#define SHIM_API __attribute__((visibility("default")))

SHIM_API void
shim_arm(int n, int what)
{
    atomic_store(&shim_fired, 0);
    atomic_store(&shim_what, what);
    atomic_store(&shim_left, n);
}

SHIM_API int
shim_has_fired(void)
{
    return atomic_load(&shim_fired);
}

/* Whether this call is the one. */
static int
shim_turn(int fd)
{
    if (fd <= STDERR_FILENO || atomic_load(&shim_left) == 0 || atomic_fetch_sub(&shim_left, 1) != 1)
        return 0;
    atomic_store(&shim_fired, 1);
    return atomic_load(&shim_what);
}

static void
shim_die(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

/* Before the call. @return true: it is to fail */
static bool
shim_before(int what)
{
    if (what == SHIM_KILL_BEFORE)
        shim_die();
    if (what == SHIM_EIO || what == SHIM_ENOSPC) {
        errno = what == SHIM_EIO ? EIO : ENOSPC;
        return true;
    }
    return false;
}

static void
shim_after(int what)
{
    if (what == SHIM_KILL_AFTER)
        shim_die();
}

static ssize_t
shim_pwrite(int fd, const void *data, size_t bytes, off_t at)
{
    const int what = shim_turn(fd);
    ssize_t written;

    if (shim_before(what))
        return -1;
    if (what == SHIM_KILL_INSIDE) {
        (void)syscall(SYS_pwrite64, fd, data, bytes / 2, at);
        shim_die();
    }
    written = syscall(SYS_pwrite64, fd, data, bytes, at);
    shim_after(what);
    return written;
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at);
ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t at);

SHIM_API ssize_t
pwrite(int fd, const void *data, size_t bytes, off_t at)
{
    return shim_pwrite(fd, data, bytes, at);
}

SHIM_API ssize_t
pwrite64(int fd, const void *data, size_t bytes, off_t at)
{
    return shim_pwrite(fd, data, bytes, at);
}

SHIM_API ssize_t
write(int fd, const void *data, size_t bytes)
{
    const int what = shim_turn(fd);
    ssize_t written;

    if (shim_before(what))
        return -1;
    if (what == SHIM_KILL_INSIDE) {
        (void)syscall(SYS_write, fd, data, bytes / 2);
        shim_die();
    }
    written = syscall(SYS_write, fd, data, bytes);
    shim_after(what);
    return written;
}

SHIM_API ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    const int what = shim_turn(fd);
    ssize_t written;

    if (shim_before(what))
        return -1;
    if (what == SHIM_KILL_INSIDE) {
        (void)syscall(SYS_pwritev, fd, parts, count / 2 > 0 ? count / 2 : 1, at, 0);
        shim_die();
    }
    written = syscall(SYS_pwritev, fd, parts, count, at, 0);
    shim_after(what);
    return written;
}

static int
shim_flush(long call, int fd)
{
    const int what = shim_turn(fd);
    int rc;

    if (shim_before(what))
        return -1;
    if (what == SHIM_KILL_INSIDE)
        shim_die();
    rc = (int)syscall(call, fd);
    shim_after(what);
    return rc;
}

SHIM_API int
fsync(int fd)
{
    return shim_flush(SYS_fsync, fd);
}

SHIM_API int
fdatasync(int fd)
{
    return shim_flush(SYS_fdatasync, fd);
}
