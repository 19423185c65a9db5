/** @file flushes.h Physical flushes, counted where the engines' libraries call libc. */
#ifndef BENCH_KIT_FLUSHES_H
#define BENCH_KIT_FLUSHES_H

#include <stdint.h>

/**
 * Flushes of this process so far: fsync, fdatasync, msync with MS_SYNC, sync_file_range, and each
 * write to a file that was opened with O_SYNC or O_DSYNC, which is how LMDB writes its meta pages.
 */
uint64_t flushes(void);

#endif
