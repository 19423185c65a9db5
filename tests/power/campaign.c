#define _GNU_SOURCE
#include "campaign.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define CAMPAIGN_AGE 40    /* cycles on one database: what is stored makes each check longer */
#define CAMPAIGN_VERIFY 10 /* cycles from one check of all that is stored to the next */
#define CAMPAIGN_WAIT_US 30000000
#define CAMPAIGN_WORK_US 10000  /* longest time from the first acknowledgement to the fault */
#define CAMPAIGN_MIDDLE_US 5000 /* longest wait for a group to be in its middle */
#define CAMPAIGN_GROUP 3 /* that so many wait: two may be one in its commit and one just told */
#define CAMPAIGN_SKIPPED 77

static volatile sig_atomic_t campaign_stopped;

static void
campaign_stop(int number)
{
    campaign_stopped = number;
}

static uint64_t
campaign_now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
campaign_sleep_us(uint64_t us)
{
    (void)nanosleep(&(struct timespec){ .tv_sec = (time_t)(us / 1000000),
                                        .tv_nsec = (long)(us % 1000000) * 1000 },
                    NULL);
}

static uint64_t
campaign_random(campaign *c, uint64_t below)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return (c->random >> 11) % below;
}

/* ---- Processes ---- */

/* A child that does not outlive this process. */
static pid_t
campaign_fork(const campaign *c, int (*child)(const char *url, power_page *page))
{
    const char *at = strstr(c->url, "@DIR@");
    const pid_t parent = getpid();
    char url[1024];
    pid_t pid;

    (void)snprintf(url, sizeof url, "%.*s%s%s", (int)(at - c->url), c->url, c->place, at + 5);
    (void)fflush(NULL);
    pid = fork();
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    _exit(child(url, c->page));
}

static int
campaign_wait(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* ---- One cycle ---- */

/* Writers whose newest body has ended, and who are not acknowledged: many of them share a commit.
 */
static uint32_t
campaign_unanswered(const campaign *c)
{
    uint32_t count = 0;

    for (uint32_t i = 1; i <= c->manner.writers; i++) {
        const power_writer *w = &c->page->writers[i];

        count += atomic_load(&w->written) > atomic_load(&w->acked);
    }
    return count;
}

static bool
campaign_has_begun(const campaign *c)
{
    for (uint32_t i = 1; i <= c->manner.writers; i++) {
        const power_writer *w = &c->page->writers[i];

        if (atomic_load(&w->acked) > w->present)
            return true;
    }
    return false;
}

/* Wait for the moment of the fault: one in eight while the database is being opened, three at any
 * moment of the work, four when several bodies have ended and nobody was told. */
static bool
campaign_await(campaign *c)
{
    const uint64_t kind = campaign_random(c, 8), work_us = campaign_random(c, CAMPAIGN_WORK_US);
    const uint64_t from_us = campaign_now_us();
    uint64_t until_us;

    while (kind > 0 && !campaign_has_begun(c) && !atomic_load(&c->page->failed)) {
        if (campaign_now_us() - from_us > CAMPAIGN_WAIT_US) {
            (void)printf("FAILED: nothing was acknowledged within %d s\n",
                         CAMPAIGN_WAIT_US / 1000000);
            return false;
        }
        campaign_sleep_us(100);
    }
    campaign_sleep_us(work_us);
    until_us = campaign_now_us() + CAMPAIGN_MIDDLE_US;
    while (kind >= 4 && campaign_unanswered(c) < CAMPAIGN_GROUP && campaign_now_us() < until_us)
        campaign_sleep_us(20);
    return true;
}

/* What was acknowledged until now is owed. */
static void
campaign_owe(campaign *c)
{
    for (uint32_t i = 1; i <= c->manner.writers; i++)
        c->page->writers[i].owed = atomic_load(&c->page->writers[i].acked);
}

/* Work, and the fault. @return whether it went as planned */
static bool
campaign_fault(campaign *c)
{
    const pid_t pid = campaign_fork(c, worker_main);
    bool cut = true;
    int status;

    if (pid < 0 || !campaign_await(c)) {
        if (pid > 0)
            (void)kill(pid, SIGKILL), (void)campaign_wait(pid);
        return false;
    }
    if (c->cuts) {
        /* Errors may come from here on, so that the page is told first; what is owed is what was
         * acknowledged before the cut began; what comes during it is neither owed nor wrong. */
        atomic_store(&c->page->cut, true);
        campaign_owe(c);
        c->middles += campaign_unanswered(c) >= CAMPAIGN_GROUP;
        cut = disk_cut(&c->disk, c->cut_how);
    }
    (void)kill(pid, SIGKILL);
    status = campaign_wait(pid);
    if (!c->cuts) {
        campaign_owe(c);
        c->middles += campaign_unanswered(c) >= CAMPAIGN_GROUP;
    }
    if (atomic_load(&c->page->failed) || !cut ||
        (!c->cuts && (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL))) {
        if (c->seen == 0)
            (void)printf("%s: %s\n", c->expect == CAMPAIGN_SEEN ? "found" : "FAILED",
                         atomic_load(&c->page->failed) ? c->page->text
                         : !cut                        ? "the file system can't be shut down"
                                                       : "the worker ended before it was killed");
        return false;
    }
    return true;
}

/* Look at what is there; one in eight times that is interrupted too, and done again. */
static bool
campaign_check(campaign *c)
{
    power_verdict *v = &c->page->verdict;
    pid_t pid;

    memset(v, 0, sizeof *v);
    c->page->verify = c->done % CAMPAIGN_VERIFY == 0;
    if (campaign_random(c, 8) == 0) {
        pid = campaign_fork(c, checker_main);
        if (pid < 0)
            return false;
        campaign_sleep_us(campaign_random(c, 4000));
        (void)kill(pid, SIGKILL);
        (void)campaign_wait(pid);
        c->interrupted++;
        memset(v, 0, sizeof *v);
    }
    pid = campaign_fork(c, checker_main);
    if (pid < 0)
        return false;
    (void)campaign_wait(pid);
    return true;
}

/* An empty folder with a name of its own, on the disk before the next fault. */
static bool
campaign_fresh(campaign *c)
{
    char command[2 * DISK_PATH_BYTES];
    const char *under = c->cuts ? c->disk.place : c->folder;

    (void)snprintf(command, sizeof command, "rm -rf '%s'", c->place);
    if (c->place[0] != '\0' && system(command) != 0)
        return false;
    (void)snprintf(c->place, sizeof c->place, "%s/%u", under, ++c->generation);
    c->age = 1;
    memset(c->page->writers, 0, sizeof c->page->writers);
    return mkdir(c->place, 0700) == 0 && (!c->cuts || disk_sync(&c->disk));
}

/* Add up one cycle, and make what was found what the next one begins with. */
static void
campaign_count(campaign *c)
{
    power_verdict *v = &c->page->verdict;

    if (!v->done) { /* what can't be read is lost as a whole */
        c->unreadable++;
        for (uint32_t i = 1; i <= c->manner.writers; i++)
            v->lost += c->page->writers[i].owed;
    }
    c->lost += v->lost;
    c->partial += v->partial;
    for (uint32_t k = 0; k < POWER_KINDS; k++) {
        c->calls[k] += atomic_exchange(&c->page->calls[k], 0);
    }
    c->reads += atomic_exchange(&c->page->reads, 0);
    c->flushes += atomic_exchange(&c->page->flushes, 0);
    for (uint32_t i = 1; i <= c->manner.writers; i++) {
        power_writer *w = &c->page->writers[i];

        c->unacked += w->present > w->owed ? w->present - w->owed : 0;
        atomic_store(&w->attempted, w->present);
        atomic_store(&w->written, w->present);
        atomic_store(&w->acked, w->present);
    }
}

static void
campaign_count_acked(campaign *c)
{
    for (uint32_t i = 1; i <= c->manner.writers; i++) {
        const power_writer *w = &c->page->writers[i];

        c->acked += w->owed > w->present ? w->owed - w->present : 0;
    }
}

/* The database as it was found, for whoever wants to know why. */
static void
campaign_keep(const campaign *c)
{
    char command[4 * DISK_PATH_BYTES];

    (void)snprintf(command, sizeof command, "mkdir -p '%s/found' && cp -a '%s/.' '%s/found'",
                   c->folder, c->place, c->folder);
    if (system(command) == 0)
        (void)printf("FAILED: the database is kept in %s/found\n", c->folder);
}

/* A cycle that did not go as planned. @return whether to go on */
static bool
campaign_saw(campaign *c)
{
    if (c->expect != CAMPAIGN_SEEN || !atomic_exchange(&c->page->failed, false))
        return false;
    c->seen++;
    c->done++;
    c->age = 0;
    return !c->cuts || disk_remount(&c->disk);
}

/* @return whether to go on */
static bool
campaign_cycle(campaign *c)
{
    power_verdict *v = &c->page->verdict;

    if (c->age == 0 || c->age++ >= CAMPAIGN_AGE) {
        if (!campaign_fresh(c))
            return false;
    }
    c->page->manner = c->manner;
    c->page->manner.seed = c->seed + c->done;
    atomic_store(&c->page->cut, false);
    if (!campaign_fault(c))
        return campaign_saw(c);
    campaign_count_acked(c);
    if ((c->cuts && !disk_remount(&c->disk)) || !campaign_check(c))
        return false;
    campaign_count(c);
    c->done++;
    if (v->done && v->lost == 0 && v->partial == 0)
        return true;
    c->age = 0; /* what follows from this is not to be found again */
    if (c->convicted++ == 0)
        (void)printf("%s: cycle %u: %llu lost, %llu in part: %s\n",
                     c->expect == CAMPAIGN_NOTHING ? "FAILED" : "found", c->done,
                     (unsigned long long)v->lost, (unsigned long long)v->partial, v->text);
    return c->expect != CAMPAIGN_NOTHING;
}

/* ---- All of them ---- */

static void
campaign_report(const campaign *c, uint64_t took_us)
{
    (void)printf(
        "%s %.6s: %u cycles on %u databases, %.1f ms each; %u in the middle of a group, %u checks "
        "interrupted\n",
        c->cuts ? "power cut" : "kill", c->url, c->done, c->generation,
        c->done > 0 ? (double)took_us / 1e3 / c->done : 0.0, c->middles, c->interrupted);
    (void)printf("acknowledged %llu, lost %llu; in part %llu; databases that can't be read %u; "
                 "committed and not acknowledged %llu; cycles in which the worker saw it %u\n",
                 (unsigned long long)c->acked, (unsigned long long)c->lost,
                 (unsigned long long)c->partial, c->unreadable, (unsigned long long)c->unacked,
                 c->seen);
    (void)printf(
        "calls: %llu plain, %llu with a savepoint, %llu with a failed statement, %llu "
        "refused, %llu broken; %llu looks; %llu flushes\n",
        (unsigned long long)c->calls[POWER_KEPT], (unsigned long long)c->calls[POWER_UNDONE],
        (unsigned long long)c->calls[POWER_STUMBLE], (unsigned long long)c->calls[POWER_REFUSED],
        (unsigned long long)c->calls[POWER_BROKEN], (unsigned long long)c->reads,
        (unsigned long long)c->flushes);
}

static bool
campaign_has_shown(const campaign *c, bool ended_well)
{
    if (!ended_well)
        return false;
    if (c->expect == CAMPAIGN_LOST)
        return c->lost > 0;
    if (c->expect == CAMPAIGN_PARTIAL)
        return c->partial > 0;
    if (c->expect == CAMPAIGN_SEEN)
        return c->seen > 0;
    return c->convicted == 0 && c->acked > 0;
}

static int
campaign_loop(campaign *c)
{
    const uint64_t from_us = campaign_now_us();
    bool well = true;
    int result;

    while (well && campaign_stopped == 0 && (c->done < c->cycles || c->middles < c->middle))
        well = campaign_cycle(c);
    campaign_report(c, campaign_now_us() - from_us);
    result = campaign_has_shown(c, well && campaign_stopped == 0) ? 0 : 1;
    if (result != 0 && c->expect != CAMPAIGN_NOTHING && well)
        (void)printf("FAILED: the defect was not found\n");
    if (!well)
        campaign_keep(c);
    return result;
}

static bool
campaign_begin(campaign *c)
{
    const struct sigaction stop = { .sa_handler = campaign_stop };
    const char *under = getenv("TMPDIR");

    (void)snprintf(c->folder, sizeof c->folder, "%s/tenon-power-XXXXXX",
                   under != NULL && strlen(under) < DISK_PATH_BYTES / 2 ? under : "/tmp");
    c->random = c->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    c->page = mmap(NULL, sizeof *c->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                   0);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGTERM, &stop, NULL);
    return c->page != MAP_FAILED && mkdtemp(c->folder) != NULL;
}

int
campaign_run(campaign *c)
{
    char command[2 * DISK_PATH_BYTES];
    const char *why = NULL;
    int result = CAMPAIGN_SKIPPED;

    if (!campaign_begin(c))
        return 2;
    if (c->cuts && (why = disk_init(&c->disk, c->folder)) != NULL)
        (void)printf("SKIPPED: %s\n", why);
    else
        result = campaign_loop(c);
    if (c->cuts)
        disk_fini(&c->disk);
    (void)snprintf(command, sizeof command,
                   result == 1 ? "cd '%s' && rm -rf [0-9]* image && rmdir disk . 2>/dev/null; true"
                               : "rm -rf '%s'",
                   c->folder);
    return system(command) == 0 ? result : 2;
}
