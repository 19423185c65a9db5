/* A pipe, since a call waits in poll; and a flag, so that the next call does not take a wake-up
 * that has come too late for its own. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "link.h"

struct tenon_pq_wake {
    int fds[2];
    atomic_bool wanted;
};

tenon_pq_wake *
pq_wake_new(void)
{
    tenon_pq_wake *wake = calloc(1, sizeof *wake);
    bool ok = true;

    if (wake == NULL || pipe(wake->fds) != 0) {
        free(wake);
        return NULL;
    }
    for (int i = 0; i < 2; i++)
        ok = ok && fcntl(wake->fds[i], F_SETFL, O_NONBLOCK) == 0 &&
             fcntl(wake->fds[i], F_SETFD, FD_CLOEXEC) == 0;
    if (ok)
        return wake;
    pq_wake_free(wake);
    return NULL;
}

void
pq_wake_free(tenon_pq_wake *wake)
{
    if (wake == NULL)
        return;
    (void)close(wake->fds[0]);
    (void)close(wake->fds[1]);
    free(wake);
}

int
pq_wake_fd(const tenon_pq_wake *wake)
{
    return wake == NULL ? -1 : wake->fds[0];
}

void
pq_wake_up(tenon_pq_wake *wake)
{
    atomic_store(&wake->wanted, true);
    (void)!write(wake->fds[1], "!", 1);
}

bool
pq_wake_take(tenon_pq_wake *wake)
{
    char ignored[16];

    while (read(wake->fds[0], ignored, sizeof ignored) > 0)
        ;
    return atomic_exchange(&wake->wanted, false);
}

void
pq_wake_forget(tenon_pq_wake *wake)
{
    (void)atomic_exchange(&wake->wanted, false);
}
