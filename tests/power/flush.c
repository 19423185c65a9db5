#define _GNU_SOURCE /* syscall */
#include "flush.h"

#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static power_page *flush_page;

void
flush_begin(power_page *page)
{
    flush_page = page;
}

#ifndef POWER_SANITIZED

/* @return whether to do it */
static bool
flush_before(void)
{
    if (flush_page == NULL)
        return true;
    (void)atomic_fetch_add(&flush_page->flushes, 1);
    if (flush_page->manner.flush_us > 0)
        (void)nanosleep(&(struct timespec){ .tv_nsec = (long)flush_page->manner.flush_us * 1000 },
                        NULL);
    return !flush_page->manner.no_flush;
}

__attribute__((visibility("default"))) int
fsync(int fd)
{
    return flush_before() ? (int)syscall(SYS_fsync, fd) : 0;
}

__attribute__((visibility("default"))) int
fdatasync(int fd)
{
    return flush_before() ? (int)syscall(SYS_fdatasync, fd) : 0;
}

__attribute__((visibility("default"))) int
msync(void *at, size_t bytes, int flags)
{
    return flush_before() ? (int)syscall(SYS_msync, at, bytes, flags) : 0;
}

#endif
