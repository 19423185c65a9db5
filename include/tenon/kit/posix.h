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
 * Find the file that a URL names; make a missing one where asked to, readable by its owner only,
 * and flush the folder, so that it outlives a power cut. It is not left open, and one that is there
 * is not opened at all.
 *
 * @param[out] path absolute, without symbolic links, owned by the caller until free(); NULL on
 *                  failure
 * @param[out] st   of the file
 * @retval TENON_OK, TENON_CONFIG (the URL names none), TENON_CORRUPT (no regular file), and what
 *         tenon_posix_status makes of an errno
 */
tenon_status tenon_posix_find_file(const tenon_drv_open *options, char **path, struct stat *st,
                                   tenon_error *err);

/** The file that tenon_posix_find_folder makes in a folder. */
#define TENON_POSIX_MARK "tenon"

/**
 * As tenon_posix_find_file, for an engine that keeps its files in a folder of its own. A folder is
 * marked by an empty file TENON_POSIX_MARK before the engine sees it: one that is not marked and
 * not empty is somebody else's.
 *
 * @param[out] is_new nothing but the mark is in it: the engine has never made a database there, or
 *                    was stopped before it began
 * @retval TENON_OK, TENON_CONFIG (the URL names none), TENON_NOT_FOUND (none, and `create` is not
 *         set), TENON_CORRUPT (no folder, or without a mark), and what tenon_posix_status makes of
 *         an errno
 */
tenon_status tenon_posix_find_folder(const tenon_drv_open *options, char **path, struct stat *st,
                                     bool *is_new, tenon_error *err);

/** Bytes that the files in a folder take on disk; folders in it are left out. */
uint64_t tenon_posix_folder_bytes(const char *path);

/**
 * What the store of an engine begins with that must be opened once per process, however many
 * databases name it (it locks its files, or keeps a cache of them). Set by tenon_posix_share; not
 * to be changed.
 */
typedef struct tenon_posix_shared {
    struct tenon_posix_shared *next;
    char *path; /**< Absolute. */
    dev_t dev;
    ino_t ino;
    uint32_t use_count, durability, read_only;
    int lock_fd; /**< Of the mark, where `one_process`; -1 = none. */
} tenon_posix_shared;

/** The stores of a driver that are open in this process: one static object. */
typedef struct tenon_posix_registry {
    pthread_mutex_t lock; /**< PTHREAD_MUTEX_INITIALIZER. Held while a store is opened or closed. */
    tenon_posix_shared *first;
    size_t store_bytes; /**< Of the engine's struct, which begins with a tenon_posix_shared. */
    uint32_t in_folder; /**< The place is a folder, not a file. */
    /** Only with `in_folder`: one process may write, or several may read. Others are refused with
     * TENON_BUSY, by a lock on the mark that a process which is killed gives back. */
    uint32_t one_process;
    /** Open the engine's store; all behind `store` is zero. A failure leaves nothing open.
     * @param[in] is_new the file is empty, or the folder is */
    tenon_status (*open)(tenon_posix_shared *store, const tenon_drv_open *options, bool is_new,
                         tenon_error *err);
    /** Close it. `store` itself is the registry's. */
    void (*close)(tenon_posix_shared *store);
} tenon_posix_registry;

/**
 * Open the store that a URL names, or share the one that is open already.
 *
 * @param[out] out owned by the caller until tenon_posix_unshare; NULL on failure
 * @retval TENON_OK, TENON_CONFIG (also: it is open with another durability, or to be read only or
 *         not), and those of tenon_posix_find_file, tenon_posix_find_folder and `open`
 */
tenon_status tenon_posix_share(tenon_posix_registry *registry, const tenon_drv_open *options,
                               tenon_posix_shared **out, tenon_error *err);

/** Give it up; the last user closes it. Accepts NULL. */
void tenon_posix_unshare(tenon_posix_registry *registry, tenon_posix_shared *store);

/** A parameter of URLs that is a number. */
typedef struct tenon_posix_param {
    const char *key;
    uint64_t *out; /**< Left alone where the URL does not have it. */
    uint64_t least, most;
} tenon_posix_param;

/** Read the parameters of a URL. @retval TENON_OK, TENON_CONFIG (unknown, or no such number) */
tenon_status tenon_posix_read_params(const tenon_drv_open *options, const tenon_posix_param *known,
                                     uint32_t known_count, tenon_error *err);

/** Bytes that the file `path` with `suffix` behind takes on disk (allocated blocks); 0 where there
 * is none. */
uint64_t tenon_posix_disk_bytes(const char *path, const char *suffix);

/** Whether the file system that holds `path` has no space left for this user. */
bool tenon_posix_is_full(const char *path);

/**
 * Turns between processes, for engines with one writer whose own lock waits without a limit, or is
 * won by whoever asks in the right moment. Processes stand in line: who is in front is the next to
 * have the turn, and a process that has it again and again looks every 2 ms whether somebody is in
 * line, and then lets him go first.
 *
 * Threads of one process do not exclude each other by it: one at a time may be in a call, or
 * between tenon_turn_take and tenon_turn_give. A process that ends gives all of it back.
 */
typedef struct tenon_turn {
    int fd;             /**< -1: nothing is waited for. */
    uint32_t in_front;  /**< This process stands in front. */
    uint64_t looked_ns; /**< When it was last known who stands in line. */
} tenon_turn;

/**
 * Prepare.
 *
 * @param[in] fd borrowed, open for writing for as long as the turn matters: closing any descriptor
 *               of the file gives the turn of the process back (POSIX record locks)
 */
void tenon_turn_init(tenon_turn *turn, int fd);

/**
 * Wait until no other process has the turn, and take it.
 *
 * @param[in] deadline_ns CLOCK_MONOTONIC; UINT64_MAX = none
 * @return 0; ETIMEDOUT; another errno
 */
int tenon_turn_take(tenon_turn *turn, uint64_t deadline_ns);

/** Give it back. */
void tenon_turn_give(tenon_turn *turn);

/**
 * The line alone, for an engine with a lock of its own that can be tried for: give way before
 * trying, line up when it is taken, pause between further tries, step out once it is ours or given
 * up.
 *
 * @return 0; ETIMEDOUT; another errno: there is no line here, and fairness is all that is lost
 */
int tenon_turn_give_way(tenon_turn *turn, uint64_t deadline_ns);
int tenon_turn_line_up(tenon_turn *turn, uint64_t deadline_ns);
void tenon_turn_step_out(tenon_turn *turn);

/** Sleep between two tries, 50 us at first, then up to 500 us. @return false: the deadline has
 * passed */
bool tenon_turn_pause(uint32_t tries, uint64_t deadline_ns);

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
