/**
 * @file posix.h For the author of a driver that keeps its data in local files: private files, errno
 * as a status, sizes, and a gate for work that needs a store to itself. kits/posix, a static
 * library.
 */
#ifndef TENON_KIT_POSIX_H
#define TENON_KIT_POSIX_H

#include <pthread.h>
#include <sys/stat.h>

#include "tenon/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The status of an errno of file operations; TENON_IO for those that are not listed. */
tenon_status tenon_posix_status(int error_no);

/** `a` and `b` in one string, owned by the caller until free(); NULL where there is no memory. */
char *tenon_posix_concat(const char *a, const char *b);

/**
 * See that a regular file is there and can be opened; make it where asked to, readable by its owner
 * only, and flush the folder, so that a new file outlives a power cut.
 *
 * @param[out] st of the file
 * @return 0 or an errno; ENOENT where it is missing and not `create`, EINVAL where it is no regular
 * file
 */
int tenon_posix_make_private(const char *path, bool create, bool read_only, struct stat *st);

/** Bytes that a file takes on disk (allocated blocks); 0 where there is none. */
uint64_t tenon_posix_disk_bytes(const char *path);

/** Whether the file system that holds `path` has no space left for this user. */
bool tenon_posix_is_full(const char *path);

/** Read a decimal number. False: it is none, or does not fit. */
bool tenon_posix_read_u64(const char *text, uint64_t *out);

/**
 * A gate: many may be inside, or one may have it to itself. Who wants it to itself goes before
 * those who come later. Unlike a read-write lock it may be left by another thread than the one that
 * entered.
 */
typedef struct tenon_gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t inside_count;
    uint32_t closed; /**< Somebody has, or waits for, the gate to itself. */
} tenon_gate;

void tenon_gate_init(tenon_gate *gate);
void tenon_gate_fini(tenon_gate *gate);

/** Go inside. @param[in] deadline_ns CLOCK_MONOTONIC; UINT64_MAX = none @return false: too late */
bool tenon_gate_enter(tenon_gate *gate, uint64_t deadline_ns);

/** Leave. */
void tenon_gate_leave(tenon_gate *gate);

/** Wait until nobody is inside and keep everybody out. The caller is not inside. @return false: too
 * late */
bool tenon_gate_close(tenon_gate *gate, uint64_t deadline_ns);

/** Let them in again. */
void tenon_gate_open(tenon_gate *gate);

#ifdef __cplusplus
}
#endif
#endif
