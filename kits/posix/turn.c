/*
 * Turns between processes, by locks on two bytes far behind any data. Who holds the first one
 * stands at the front of the line; who holds the second one has the turn. A lock can only be tried
 * for, since waiting in fcntl has no limit in time: what makes it fair is the line.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "tenon/kit/posix.h"

#define TURN_NS_PER_S UINT64_C(1000000000)
/* A process that has the turn again and again looks this often whether somebody stands in line. */
#define TURN_SPELL_NS UINT64_C(2000000)
/* Between two tries: short, since a transaction is; then longer, since this one is long. */
#define TURN_SHORTEST_NS UINT64_C(50000)
#define TURN_LONGEST_NS UINT64_C(500000)
#define TURN_TRIES_A_STEP 8

enum { TURN_FRONT, TURN_ITSELF };

static int
turn_lock(int fd, int which, short type)
{
    struct flock byte = {
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = ((off_t)1 << (sizeof(off_t) * CHAR_BIT - 3)) + which,
        .l_len = 1,
    };
    const int rc = fcntl(fd, F_SETLK, &byte) == 0 ? 0 : errno;

    return rc == EACCES || rc == EINTR ? EAGAIN : rc;
}

static uint64_t
turn_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * TURN_NS_PER_S + (uint64_t)now.tv_nsec;
}

void
tenon_turn_init(tenon_turn *turn, int fd)
{
    turn->fd = fd;
    turn->in_front = 0;
    turn->looked_ns = 0;
}

bool
tenon_turn_pause(uint32_t tries, uint64_t deadline_ns)
{
    const uint32_t doublings = tries / TURN_TRIES_A_STEP;
    uint64_t wait_ns = doublings < 4 ? TURN_SHORTEST_NS << doublings : TURN_LONGEST_NS;
    const uint64_t now_ns = turn_now_ns();

    if (now_ns >= deadline_ns)
        return false;
    if (deadline_ns - now_ns < wait_ns)
        wait_ns = deadline_ns - now_ns;
    (void)nanosleep(&(struct timespec){ .tv_nsec = (long)wait_ns }, NULL);
    return true;
}

int
tenon_turn_line_up(tenon_turn *turn, uint64_t deadline_ns)
{
    int rc = 0;

    if (turn->in_front || turn->fd < 0)
        return 0;
    for (uint32_t tries = 0; (rc = turn_lock(turn->fd, TURN_FRONT, F_WRLCK)) == EAGAIN; tries++) {
        if (!tenon_turn_pause(tries, deadline_ns))
            return ETIMEDOUT;
    }
    turn->in_front = rc == 0;
    return rc;
}

int
tenon_turn_give_way(tenon_turn *turn, uint64_t deadline_ns)
{
    if (turn->fd < 0 || turn_now_ns() - turn->looked_ns < TURN_SPELL_NS)
        return 0;
    return tenon_turn_line_up(turn, deadline_ns);
}

void
tenon_turn_step_out(tenon_turn *turn)
{
    if (!turn->in_front)
        return;
    (void)turn_lock(turn->fd, TURN_FRONT, F_UNLCK);
    turn->in_front = 0;
    turn->looked_ns = turn_now_ns();
}

int
tenon_turn_take(tenon_turn *turn, uint64_t deadline_ns)
{
    int rc = tenon_turn_give_way(turn, deadline_ns);

    for (uint32_t tries = 0; rc == 0 && (rc = turn_lock(turn->fd, TURN_ITSELF, F_WRLCK)) == EAGAIN;
         tries++) {
        rc = tenon_turn_line_up(turn, deadline_ns);
        if (rc == 0 && !tenon_turn_pause(tries, deadline_ns))
            rc = ETIMEDOUT;
    }
    tenon_turn_step_out(turn);
    return rc;
}

void
tenon_turn_give(tenon_turn *turn)
{
    (void)turn_lock(turn->fd, TURN_ITSELF, F_UNLCK);
}
