/**
 * @file disk.h A file system of its own, ext4 in a file, whose power can be cut: what was not
 * flushed is then lost, as with a machine that stops. The file is mounted in a mount namespace of
 * this process, so that nothing stays mounted whatever becomes of it.
 */
#ifndef TENON_TESTS_POWER_DISK_H
#define TENON_TESTS_POWER_DISK_H

#include <stdbool.h>
#include <stdint.h>

enum { DISK_PATH_BYTES = 128 };

/** What a cut does with the file system's own log. Numbers are the kernel's. */
enum {
    DISK_CUT_AFTER_SYNC = 0, /**< Everything is written first: nothing may be lost. */
    DISK_CUT_AFTER_LOG = 1,  /**< The log is written first, data are not. */
    DISK_CUT_NOW = 2         /**< Nothing is written any more, as with a power cut. */
};

typedef struct disk {
    char image[DISK_PATH_BYTES], place[DISK_PATH_BYTES];
    int fd; /**< Of `place` while it is mounted, else -1. */
} disk;

/**
 * Make a file system in `folder` and mount it at `folder`/disk.
 *
 * @return NULL, or why that is not possible here (static)
 */
const char *disk_init(disk *d, const char *folder);

/** Write everything that is in memory. */
bool disk_sync(disk *d);

/** Cut the power. Files that are open stay so, and fail. */
bool disk_cut(disk *d, uint32_t how);

/** Take the disk out and in again, once nobody has a file of it open. */
bool disk_remount(disk *d);

/** Unmount and remove. Safe after a failed disk_init. */
void disk_fini(disk *d);

#endif
