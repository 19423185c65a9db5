/* A signal sets a flag for those who work, and writes a byte for who waits for input. */
#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* Lock-free, so that a handler may write it; other threads read it all the time. */
static atomic_int stop_flag;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal's handler may wait for no lock");
static int stop_pipe[2];

static void
stop_handle(int number)
{
    const int saved = errno;

    (void)number;
    atomic_store_explicit(&stop_flag, 1, memory_order_relaxed);
    if (write(stop_pipe[1], "", 1) < 0) {
        /* The pipe is full: it is readable, which is all that is wanted. */
    }
    errno = saved;
}

int
stop_install(void)
{
    /* An engine's call in progress is to go on: SA_RESTART. */
    struct sigaction action = { .sa_handler = stop_handle, .sa_flags = SA_RESTART };

    if (pipe(stop_pipe) != 0)
        goto failed;
    for (int i = 0; i < 2; i++)
        if (fcntl(stop_pipe[i], F_SETFD, FD_CLOEXEC) != 0 ||
            fcntl(stop_pipe[i], F_SETFL, O_NONBLOCK) != 0)
            goto failed;
    (void)sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0)
        return stop_pipe[0];

failed:
    tool_error("signals", "%s", strerror(errno));
    return -1;
}

bool
stop_requested(void)
{
    return atomic_load_explicit(&stop_flag, memory_order_relaxed) != 0;
}
