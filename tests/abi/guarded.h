/** @file guarded.h Memory that ends where nothing may be read or written. */
#ifndef GUARDED_H
#define GUARDED_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/** Where a block of so many bytes begins in its pages. */
static inline size_t
guarded_offset(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (page - bytes % page) % page;
}

/**
 * `bytes` zeroes; whoever touches the byte after them gets SIGSEGV. A struct of the ABI has a whole
 * number of words, so that its copy is aligned.
 *
 * @return never NULL; ends with guarded_free, or with the process
 */
static inline void *
guarded_new(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t used = guarded_offset(bytes) + bytes;
    const int zero = open("/dev/zero", O_RDWR);
    unsigned char *pages = MAP_FAILED;

    if (zero >= 0)
        pages = mmap(NULL, used + page, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    if (pages == MAP_FAILED || bytes % 8 != 0 || mprotect(pages + used, page, PROT_NONE) != 0) {
        perror("guarded memory");
        abort();
    }
    (void)close(zero);
    return pages + guarded_offset(bytes);
}

/** A copy of a struct that begins with its size. @return NULL for NULL */
static inline void *
guarded_copy(const void *from)
{
    uint32_t size;
    void *copy;

    if (from == NULL)
        return NULL;
    memcpy(&size, from, sizeof size);
    copy = guarded_new(size);
    memcpy(copy, from, size);
    return copy;
}

/** Give a copy of `bytes` back. */
static inline void
guarded_free(void *block, size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    (void)munmap((unsigned char *)block - guarded_offset(bytes),
                 guarded_offset(bytes) + bytes + page);
}

#endif
