/* Allocations of the whole process, plugins included, counted. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"

static atomic_uint_fast64_t allocations_count;

/* What dlsym itself allocates before the real functions are known. */
static _Alignas(16) unsigned char allocations_early[4096];
static size_t allocations_early_used;

static _Thread_local bool allocations_paused;

void
allocations_pause(bool paused)
{
    allocations_paused = paused;
}

static void
allocations_add(void)
{
    if (!allocations_paused)
        (void)atomic_fetch_add_explicit(&allocations_count, 1, memory_order_relaxed);
}

uint64_t
allocations(void)
{
    return atomic_load(&allocations_count);
}

static void *
allocations_take_early(size_t bytes)
{
    void *at = allocations_early + allocations_early_used;

    allocations_early_used += (bytes + 15) / 16 * 16;
    return allocations_early_used <= sizeof allocations_early ? at : NULL;
}

static void *
allocations_find(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

__attribute__((visibility("default"))) void *
malloc(size_t bytes)
{
    static void *(*real)(size_t);

    allocations_add();
    if (real == NULL) {
        void *found = allocations_find("malloc");

        memcpy(&real, &found, sizeof real);
    }
    return real(bytes);
}

__attribute__((visibility("default"))) void *
calloc(size_t count, size_t bytes)
{
    static void *(*real)(size_t, size_t);
    static bool finding;

    allocations_add();
    if (real == NULL) {
        void *found;

        if (finding)
            return allocations_take_early(count * bytes);
        finding = true;
        found = allocations_find("calloc");
        memcpy(&real, &found, sizeof real);
    }
    return real(count, bytes);
}

__attribute__((visibility("default"))) void *
realloc(void *ptr, size_t bytes)
{
    static void *(*real)(void *, size_t);

    allocations_add();
    if (real == NULL) {
        void *found = allocations_find("realloc");

        memcpy(&real, &found, sizeof real);
    }
    return real(ptr, bytes);
}

__attribute__((visibility("default"))) void
free(void *ptr)
{
    static void (*real)(void *);
    const unsigned char *at = ptr;

    if (at >= allocations_early && at < allocations_early + sizeof allocations_early)
        return;
    if (real == NULL) {
        void *found = allocations_find("free");

        memcpy(&real, &found, sizeof real);
    }
    real(ptr);
}
