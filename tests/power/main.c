/*
 * No acknowledged operation is ever lost, and none is there in part: power kill|cut URL CYCLES.
 *
 * A worker writes with many threads, and says in shared memory what it tries and what it was told.
 * It is killed (kill), or the file system under it loses its power (cut, as root), at a moment that
 * a seed and the machine choose. Then another process opens the database and looks: everything
 * that was acknowledged before the fault is there, each writer's serials have no gap, totals and
 * marks fit the entries, and nothing is left of calls that failed.
 *
 * Options: --seed N; --writers N, --readers N (12 and 4); --middle N: go on until so many faults
 * came in the middle of a group, several bodies having ended and nobody having been told;
 * --flush-us N: flushes take so much longer; --cut-how N (0, 1, 2: disk.h).
 *
 * Controls: --ack-early, --torn, --no-flush make the worker do it wrongly; --expect lost|partial:
 * the check finds it, --expect seen: the worker's own readers do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "campaign.h"

static bool
main_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    char *end;

    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *out >= least && *out <= most;
}

/* An option without a value. */
static bool
main_flag(campaign *c, const char *name)
{
    bool *flag = strcmp(name, "--ack-early") == 0  ? &c->manner.ack_early
                 : strcmp(name, "--torn") == 0     ? &c->manner.torn
                 : strcmp(name, "--no-flush") == 0 ? &c->manner.no_flush
                                                   : NULL;

    if (flag != NULL)
        *flag = true;
    return flag != NULL;
}

/* An option with a number. */
static bool
main_count(campaign *c, const char *name, const char *text)
{
    const struct {
        const char *name;
        uint32_t *out;
        uint64_t least, most;
    } counts[] = {
        { "--writers", &c->manner.writers, 1, POWER_MOST_THREADS },
        { "--readers", &c->manner.readers, 0, POWER_MOST_THREADS },
        { "--middle", &c->middle, 0, 1000000 },
        { "--flush-us", &c->manner.flush_us, 0, 999999 },
        { "--cut-how", &c->cut_how, DISK_CUT_AFTER_SYNC, DISK_CUT_NOW },
    };
    uint64_t n;

    if (strcmp(name, "--seed") == 0)
        return main_number(text, 0, UINT64_MAX, &c->seed);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (strcmp(name, counts[i].name) != 0)
            continue;
        if (!main_number(text, counts[i].least, counts[i].most, &n))
            return false;
        *counts[i].out = (uint32_t)n;
        return true;
    }
    return false;
}

static bool
main_expect(campaign *c, const char *what)
{
    c->expect = strcmp(what, "lost") == 0      ? CAMPAIGN_LOST
                : strcmp(what, "partial") == 0 ? CAMPAIGN_PARTIAL
                : strcmp(what, "seen") == 0    ? CAMPAIGN_SEEN
                                               : CAMPAIGN_NOTHING;
    return c->expect != CAMPAIGN_NOTHING;
}

static bool
main_options(campaign *c, int argc, char **argv)
{
    uint64_t cycles;

    if (argc < 4 || (strcmp(argv[1], "kill") != 0 && strcmp(argv[1], "cut") != 0) ||
        strstr(argv[2], "@DIR@") == NULL || !main_number(argv[3], 1, 10000000, &cycles))
        return false;
    c->cuts = strcmp(argv[1], "cut") == 0;
    c->url = argv[2];
    c->cycles = (uint32_t)cycles;
    for (int i = 4; i < argc; i++) {
        if (main_flag(c, argv[i]))
            continue;
        if (i + 1 == argc)
            return false;
        if (strcmp(argv[i], "--expect") == 0 ? !main_expect(c, argv[i + 1])
                                             : !main_count(c, argv[i], argv[i + 1]))
            return false;
        i++;
    }
    return true;
}

int
main(int argc, char **argv)
{
    static campaign c = { .manner = { .writers = 12, .readers = 4 }, .cut_how = DISK_CUT_NOW };
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    c.seed = ((uint64_t)now.tv_sec << 20 ^ (uint64_t)now.tv_nsec ^ (uint64_t)getpid()) & 0xffffffff;
    if (!main_options(&c, argc, argv)) {
        (void)fprintf(stderr, "usage: %s kill|cut URL-WITH-@DIR@ CYCLES [OPTION]...\n", argv[0]);
        return 2;
    }
    (void)printf("seed %llu\n", (unsigned long long)c.seed);
    return campaign_run(&c);
}
