/* Turns between processes, by a lock on a byte far behind any data. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "tenon/kit/posix.h"

#define TURN_NS_PER_MS UINT64_C(1000000)
#define TURN_NS_PER_S UINT64_C(1000000000)
#define TURN_LONGEST_MS 4 /* between two tries */

static int
turn_lock(int fd, short type)
{
    struct flock byte = {
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = (off_t)1 << (sizeof(off_t) * CHAR_BIT - 3),
        .l_len = 1,
    };

    return fcntl(fd, F_SETLK, &byte) == 0 ? 0 : errno;
}

static uint64_t
turn_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * TURN_NS_PER_S + (uint64_t)now.tv_nsec;
}

int
tenon_posix_take_turn(int fd, uint64_t deadline_ns)
{
    int rc = turn_lock(fd, F_WRLCK);

    for (uint64_t wait_ms = 1; rc == EACCES || rc == EAGAIN || rc == EINTR;
         wait_ms = wait_ms < TURN_LONGEST_MS ? wait_ms * 2 : wait_ms) {
        const uint64_t now_ns = turn_now_ns();
        uint64_t wait_ns = wait_ms * TURN_NS_PER_MS;

        if (now_ns >= deadline_ns)
            return ETIMEDOUT;
        if (deadline_ns - now_ns < wait_ns)
            wait_ns = deadline_ns - now_ns;
        (void)nanosleep(&(struct timespec){ .tv_nsec = (long)wait_ns }, NULL);
        rc = turn_lock(fd, F_WRLCK);
    }
    return rc;
}

void
tenon_posix_give_turn(int fd)
{
    (void)turn_lock(fd, F_UNLCK);
}
