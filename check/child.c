/* Children: this program again, with another main. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "check/inside.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void
child_become(const char *role, const char *url, const int to[2], const int from[2])
{
    char self[512], command[] = "check", option[] = "--child", *role_copy = strdup(role),
                    *url_copy = strdup(url);
    char *argv[] = { self, command, option, role_copy, url_copy, NULL };

    if (role_copy == NULL || url_copy == NULL || realpath("/proc/self/exe", self) == NULL ||
        dup2(to[0], STDIN_FILENO) < 0 || dup2(from[1], STDOUT_FILENO) < 0)
        _exit(126);
    (void)close(to[0]);
    (void)close(to[1]);
    (void)close(from[0]);
    (void)close(from[1]);
    (void)execv(self, argv);
    _exit(127);
}

void
conf_spawn(conf *c, const char *role, const char *url, conf_child *child)
{
    int to[2], from[2];

    (void)c;
    CHECK_INT(pipe(to), 0);
    CHECK_INT(pipe(from), 0);
    (void)fflush(stdout);
    child->pid = (int)fork();
    CHECK(child->pid >= 0);
    if (child->pid == 0)
        child_become(role, url, to, from);
    (void)close(to[0]);
    (void)close(from[1]);
    child->to = to[1];
    child->from = from[0];
}

int
conf_wait(conf_child *child)
{
    int status = 0;

    (void)close(child->to);
    while (waitpid((pid_t)child->pid, &status, 0) < 0)
        CHECK_INT(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void
conf_kill(conf_child *child)
{
    CHECK_INT(kill((pid_t)child->pid, SIGKILL), 0);
    CHECK_INT(conf_wait(child), -1);
}

size_t
conf_read(int fd, void *out, size_t bytes)
{
    size_t len = 0;

    while (len < bytes) {
        const ssize_t got = read(fd, (char *)out + len, bytes - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    return len;
}
