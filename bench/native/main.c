/*
 * bench-native: Tenon beside the same operations written by hand, in one process, round by round,
 * so that whatever disturbs the machine disturbs both. Each round times a block of registrations,
 * of invitations with acceptance, and of messages, first on one side, then on the other; who comes
 * first alternates. The figure is the median over the rounds of (time by hand / time by Tenon).
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "side.h"

enum { KIND_REGISTER, KIND_INVITE, KIND_POST, KIND_COUNT };
enum { BY_TENON, BY_HAND, SIDE_COUNT };
enum { MAX_ROUNDS = 1000, USERS_PER_ROUND = 200, POSTS_PER_USER = 5 };

static const char *const kind_names[KIND_COUNT] = { "registration", "invitation + acceptance",
                                                    "message" };
static const uint32_t kind_operations[KIND_COUNT] = { USERS_PER_ROUND, USERS_PER_ROUND,
                                                      USERS_PER_ROUND *POSTS_PER_USER };

typedef struct options {
    uint32_t rounds;
    uint32_t durability;
    const char *folder;
    const char *engine; /* NULL = both */
    bool check;         /* compare the row counts only; print no ratio */
} options;

/* One side's run: its users of this round and its room. */
typedef struct runner {
    const side *side;
    void *db;
    side_user owner;
    side_user users[USERS_PER_ROUND];
    tenon_uuid room;
    char path[4096];
} runner;

typedef struct timings {
    double seconds[MAX_ROUNDS][KIND_COUNT][SIDE_COUNT];
} timings;

static double
now_seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool
run_kind(runner *r, int kind, uint32_t round)
{
    char text[96];
    bool ok = true;

    for (uint32_t i = 0; i < kind_operations[kind] && ok; i++) {
        side_user *user = &r->users[i % USERS_PER_ROUND];

        if (kind == KIND_REGISTER) {
            snprintf(user->name, sizeof user->name, "user_%" PRIu32 "_%" PRIu32, round, i);
            ok = r->side->register_user(r->db, user);
        } else if (kind == KIND_INVITE) {
            ok = r->side->invite_and_accept(r->db, &r->room, &r->owner, user);
        } else {
            snprintf(text, sizeof text,
                     "message %" PRIu32 " of round %" PRIu32 ", about as long as one is on IRC", i,
                     round);
            ok = r->side->post(r->db, &r->room, user, text);
        }
    }
    return ok;
}

static bool
run_rounds(runner runners[SIDE_COUNT], uint32_t rounds, timings *out)
{
    for (uint32_t round = 0; round < rounds; round++) {
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            for (uint32_t turn = 0; turn < SIDE_COUNT; turn++) {
                const uint32_t who = (turn + round) % SIDE_COUNT;
                const double start = now_seconds();

                if (!run_kind(&runners[who], kind, round))
                    return false;
                out->seconds[round][kind][who] = now_seconds() - start;
            }
        }
    }
    return true;
}

static int
compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
print_ratio(const char *name, double *ratios, uint32_t count, double tenon_rate, double hand_rate)
{
    qsort(ratios, count, sizeof *ratios, compare_doubles);
    printf("  %-24s %10.0f/s %10.0f/s   %.3f  (%.3f - %.3f)\n", name, tenon_rate, hand_rate,
           ratios[count / 2], ratios[count / 10], ratios[count - 1 - count / 10]);
}

static void
print_results(const timings *t, uint32_t rounds)
{
    static double ratios[MAX_ROUNDS];
    double all_seconds[SIDE_COUNT] = { 0, 0 };
    double operations = 0;

    printf("  %-24s %12s %12s   ratio, median (p10 - p90 of %" PRIu32 " rounds)\n", "", "tenon",
           "by hand", rounds);
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        double seconds[SIDE_COUNT] = { 0, 0 };
        const double done = (double)kind_operations[kind] * rounds;

        for (uint32_t round = 0; round < rounds; round++) {
            ratios[round] = t->seconds[round][kind][BY_HAND] / t->seconds[round][kind][BY_TENON];
            for (int who = 0; who < SIDE_COUNT; who++)
                seconds[who] += t->seconds[round][kind][who];
        }
        print_ratio(kind_names[kind], ratios, rounds, done / seconds[BY_TENON],
                    done / seconds[BY_HAND]);
        all_seconds[BY_TENON] += seconds[BY_TENON];
        all_seconds[BY_HAND] += seconds[BY_HAND];
        operations += done;
    }
    for (uint32_t round = 0; round < rounds; round++) {
        double seconds[SIDE_COUNT] = { 0, 0 };

        for (int kind = 0; kind < KIND_COUNT; kind++)
            for (int who = 0; who < SIDE_COUNT; who++)
                seconds[who] += t->seconds[round][kind][who];
        ratios[round] = seconds[BY_HAND] / seconds[BY_TENON];
    }
    print_ratio("all", ratios, rounds, operations / all_seconds[BY_TENON],
                operations / all_seconds[BY_HAND]);
}

static bool
runner_open(runner *r, const side *with, const options *o, const char *file)
{
    r->side = with;
    snprintf(r->path, sizeof r->path, "%s/%s", o->folder, file);
    snprintf(r->owner.name, sizeof r->owner.name, "owner");
    return with->open(r->path, o->durability, &r->db) && with->register_user(r->db, &r->owner) &&
           with->create_room(r->db, &r->owner, "room", &r->room);
}

static void
runner_close(runner *r)
{
    static const char *const endings[] = { "", "-lock", "-wal", "-shm" };
    char path[sizeof r->path + 8];

    if (r->db != NULL)
        r->side->close(r->db);
    r->db = NULL;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        snprintf(path, sizeof path, "%s%s", r->path, endings[i]);
        unlink(path);
    }
}

static bool
same_counts(runner runners[SIDE_COUNT])
{
    side_counts counts[SIDE_COUNT];

    if (!runners[BY_TENON].side->count(runners[BY_TENON].db, &counts[BY_TENON]) ||
        !runners[BY_HAND].side->count(runners[BY_HAND].db, &counts[BY_HAND]))
        return false;
    if (memcmp(&counts[BY_TENON], &counts[BY_HAND], sizeof counts[BY_TENON]) == 0 &&
        counts[BY_TENON].messages > 0)
        return true;
    fprintf(stderr, "the two sides hold different numbers of rows\n");
    return false;
}

static bool
compare_sides(const side *tenon, const side *hand, const options *o)
{
    static runner runners[SIDE_COUNT];
    static timings t;
    bool ok;

    memset(runners, 0, sizeof runners);
    ok = runner_open(&runners[BY_TENON], tenon, o, "tenon.db") &&
         runner_open(&runners[BY_HAND], hand, o, "hand.db") && run_rounds(runners, o->rounds, &t) &&
         same_counts(runners);
    if (ok)
        printf("%s, %s: %" PRIu32 " rounds, the same rows on both sides\n", tenon->name, hand->name,
               o->rounds);
    if (ok && !o->check)
        print_results(&t, o->rounds);
    runner_close(&runners[BY_TENON]);
    runner_close(&runners[BY_HAND]);
    return ok;
}

static const char usage[] =
    "usage: bench-native [--rounds N] [--durability power|os|process|none] [--engine sqlite|lmdb]\n"
    "                    [--dir FOLDER] [--check]\n"
    "Times Tenon's operations beside the same written by hand with the engine's own API.\n"
    "--check compares the rows that both sides leave and prints no times.\n";

static bool
read_options(int argc, char **argv, options *o)
{
    static const char *const durabilities[] = { "power", "os", "process", "none" };

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--check") == 0) {
            o->check = true;
            continue;
        }
        if (strcmp(argv[i], "--rounds") == 0)
            o->rounds = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--dir") == 0)
            o->folder = value;
        else if (strcmp(argv[i], "--engine") == 0)
            o->engine = value;
        else if (strcmp(argv[i], "--durability") == 0)
            for (o->durability = 0;
                 o->durability < 4 && strcmp(value, durabilities[o->durability]) != 0;)
                o->durability++;
        else
            return false;
        i++;
    }
    return o->rounds > 0 && o->rounds <= MAX_ROUNDS && o->durability < 4 &&
           (o->engine == NULL || strcmp(o->engine, "sqlite") == 0 ||
            strcmp(o->engine, "lmdb") == 0);
}

int
main(int argc, char **argv)
{
    options o = { .rounds = 50, .durability = TENON_DURABLE_PROCESS };
    char folder[] = "/tmp/tenon-bench-XXXXXX";
    bool ok = true;

    if (!read_options(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    if (sodium_init() < 0)
        return 1;
    if (o.folder == NULL && (o.folder = mkdtemp(folder)) == NULL) {
        fprintf(stderr, "bench-native: %s: %s\n", folder, strerror(errno));
        return 1;
    }
    if (o.engine == NULL || strcmp(o.engine, "sqlite") == 0)
        ok = compare_sides(&side_tenon_sqlite, &side_sqlite, &o);
    if (ok && (o.engine == NULL || strcmp(o.engine, "lmdb") == 0))
        ok = compare_sides(&side_tenon_lmdb, &side_lmdb, &o);
    if (o.folder == folder)
        rmdir(folder);
    return ok ? 0 : 1;
}
