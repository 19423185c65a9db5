/*
 * A process that was forked from one with threads may not do much. So a maker is forked at the
 * beginning, and forks a process for each probe.
 */
#include "probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe_child.h"
#include "tool.h"

typedef struct probe_request {
    uint32_t workload, driver, number;
} probe_request;

/* @return false: the other end is gone */
static bool
probe_read(int fd, void *out, size_t bytes)
{
    size_t done = 0;

    while (done < bytes) {
        const ssize_t n = read(fd, (char *)out + done, bytes - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static bool
probe_write(int fd, const void *data, size_t bytes)
{
    size_t done = 0;

    while (done < bytes) {
        const ssize_t n = write(fd, (const char *)data + done, bytes - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* ---- The maker ---- */

static void
probe_make(int answer, const plan *p, const char *folder, const probe_request *r)
{
    probe_result result;
    const int pid = fork();
    int status = 0;

    memset(&result, 0, sizeof result);
    if (pid == 0) {
        probe_child(p, &p->workloads[r->workload], &p->drivers[r->driver], folder, r->number,
                    &result);
        (void)fflush(NULL);
        _exit(probe_write(answer, &result, sizeof result) ? 0 : 1);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    (void)snprintf(result.why, sizeof result.why, "the process of the probe has died");
    (void)probe_write(answer, &result, sizeof result);
}

static void
probe_serve(int ask, int answer, const plan *p, const char *folder)
{
    probe_request request;

    /* Ctrl-C is for the process that was started; a probe ends by itself, and removes its files. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    while (probe_read(ask, &request, sizeof request))
        probe_make(answer, p, folder, &request);
    _exit(0);
}

bool
probe_start(probe_maker *m, const plan *p, const char *folder)
{
    int ask[2] = { -1, -1 }, answer[2] = { -1, -1 };

    (void)fflush(NULL);
    m->pid = pipe(ask) != 0 || pipe(answer) != 0 ? -1 : fork();
    if (m->pid == 0) {
        (void)close(ask[1]);
        (void)close(answer[0]);
        probe_serve(ask[0], answer[1], p, folder);
    }
    (void)close(ask[0]);
    (void)close(answer[1]);
    m->ask = ask[1];
    m->answer = answer[0];
    if (m->pid > 0)
        return true;
    tool_error("bench", "a process can't be made: %s", strerror(errno));
    (void)close(ask[1]);
    (void)close(answer[0]);
    m->pid = 0;
    return false;
}

void
probe_stop(probe_maker *m)
{
    if (m->pid <= 0)
        return;
    (void)close(m->ask);
    (void)close(m->answer);
    while (waitpid(m->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    m->pid = 0;
}

/* ---- Who asks ---- */

void
probe_run(const probe_maker *m, uint32_t load, uint32_t driver, uint32_t number, probe_result *out)
{
    const probe_request request = { load, driver, number };

    memset(out, 0, sizeof *out);
    if (probe_write(m->ask, &request, sizeof request) && probe_read(m->answer, out, sizeof *out))
        return;
    memset(out, 0, sizeof *out);
    (void)snprintf(out->why, sizeof out->why, "the maker of probes has died");
}

bool
probe_is_kept(const probe_result *r, uint32_t durability, char *why, size_t why_bytes)
{
    const double each = r->proof_flushes / (r->proof_commits > 0 ? r->proof_commits : 1);

    if (!r->done || r->proof_flushes < 0 || r->proof_commits <= 0)
        return true; /* nothing is known: said where the figure would stand */
    if (durability == TENON_DURABLE_POWER && each < 0.99) {
        (void)snprintf(why, why_bytes,
                       "durability=power is not kept: %.0f commits, one after the other, were "
                       "acknowledged after %.0f flushes",
                       r->proof_commits, r->proof_flushes);
        return false;
    }
    if (durability >= TENON_DURABLE_PROCESS && each > 0.5) {
        (void)snprintf(why, why_bytes,
                       "it does more than durability=%s asks for: %.2f flushes for each commit",
                       tool_durability(durability), each);
        return false;
    }
    return true;
}
