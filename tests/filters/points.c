/* Faults at each call. */
#include "points.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

tenon_open_options points_options;
char points_folder[64];
bool points_long;
static const char *points_plain; /* the URL as it was given */
static int points_opening;       /* calls that opening takes, once it is known */

/* ---- URLs ---- */

void
points_url(const char *more, char out[POINTS_URL])
{
    const char *mark = strstr(points_plain, "@DIR@");
    const int before = mark == NULL ? 0 : (int)(mark - points_plain);
    const char *rest = mark == NULL ? points_plain : mark + 5;
    const int len = snprintf(out, POINTS_URL, "%s%.*s%s%s%s%s",
                             more[0] == '\0' ? "" : "strict+fault+", before, points_plain,
                             mark == NULL ? "" : points_folder, rest,
                             more[0] == '\0'             ? ""
                             : strchr(rest, '?') == NULL ? "?"
                                                         : "&",
                             more);

    assert_in_range(len, 1, POINTS_URL - 1);
}

tenon_status
points_try_open(const char *url, tenon_db **out, tenon_error *err)
{
    points_options.driver_path = POINTS_DRIVERS; /* beside those of the build */
    return tenon_open(url, &points_options, out, err);
}

tenon_db *
points_open_plain(void)
{
    char url[POINTS_URL];
    tenon_error err = { 0 };
    tenon_db *db = NULL;

    points_url("", url);
    points_must(points_try_open(url, &db, &err), &err);
    return db;
}

void
points_must(tenon_status st, const tenon_error *err)
{
    if (st != TENON_OK)
        fail_msg("%s: %s", tenon_status_name(st), err->message);
}

/* ---- Faults ---- */

/* Whether the fault has happened: it is then written in its log, as "NUMBER SLOT KIND". */
static bool
points_struck(const char *log, char slot[64])
{
    FILE *file = fopen(log, "r");
    const bool struck = file != NULL && fscanf(file, "%*u %63s", slot) == 1;

    if (file != NULL)
        (void)fclose(file);
    (void)unlink(log);
    return struck;
}

static points_run
points_run_once(const points_subject *subject, const char *url)
{
    points_run run = { TENON_OK, { TENON_OK }, { 0 }, { 0 } };
    tenon_db *db = NULL;

    run.opened = points_try_open(url, &db, &run.err);
    if (run.opened == TENON_OK)
        subject->run(db, subject->arg, &run);
    tenon_close(db);
    return run;
}

/* In a process of its own, which may be killed. What it was told does not come out of it then. */
static points_run
points_run_apart(const points_subject *subject, const char *url)
{
    points_run run;
    int ends[2], status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run = points_run_once(subject, url);
        _exit(write(ends[1], &run, sizeof run) == (ssize_t)sizeof run ? 0 : 1);
    }
    (void)close(ends[1]);
    if (read(ends[0], &run, sizeof run) != (ssize_t)sizeof run) {
        memset(&run, 0, sizeof run);
        for (int i = 0; i < POINTS_CALLERS; i++)
            run.told[i] = TENON_UNKNOWN_OUTCOME;
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGKILL); /* strict.c aborts */
    return run;
}

static void
points_tell(const points_subject *subject, const points_run *run, const points_fault *fault)
{
    print_message("  %s, %s at call %d (%s): opened %s, told", subject->name, fault->kind,
                  fault->at, fault->slot, tenon_status_name(run->opened));
    for (int i = 0; i < subject->callers; i++)
        print_message(" %s", tenon_status_name(run->told[i]));
    print_message(" (%s)\n", run->err.message);
}

static bool
points_all_well(const points_subject *subject, const points_run *run)
{
    for (int i = 0; i < subject->callers; i++)
        if (run->told[i] != TENON_OK)
            return false;
    return run->opened == TENON_OK;
}

int
points_each(const points_subject *subject, const char *kind, int first, const char *more,
            int *faults)
{
    static uint32_t number; /* of the URL: the faults of another one are counted anew */
    const bool apart = strncmp(kind, "kill", 4) == 0;
    /* What forks must not hold it, and LMDB can be opened once in a process. */
    const bool alone = apart || strncmp(points_plain, "lmdb:", 5) == 0;
    points_fault fault = { .kind = kind,
                           .at = first > 0     ? first
                                 : points_long ? 1
                                               : points_opening + 1,
                           .struck = true };
    char log[POINTS_PATH], params[POINTS_PATH * 2], url[POINTS_URL];
    tenon_db *db = points_open_plain();
    int wrong = 0;

    (void)snprintf(log, sizeof log, "%s/log", points_folder);
    for (; fault.struck; fault.at++) {
        points_run run;

        assert_true(fault.at < POINTS_MOST);
        subject->prepare(db, subject->arg);
        if (alone)
            tenon_close(db);
        (void)snprintf(params, sizeof params,
                       "fault_at=%d&fault_kind=%s&fault_seed=%u&fault_log=%s%s", fault.at, kind,
                       (unsigned)++number, log, more);
        points_url(params, url);
        run = apart ? points_run_apart(subject, url) : points_run_once(subject, url);
        fault.struck = points_struck(log, fault.slot);
        if (alone)
            db = points_open_plain();
        *faults += fault.struck;
        if (run.opened != TENON_OK && fault.at > points_opening)
            points_opening = fault.at;
        if (!fault.struck && !points_all_well(subject, &run)) {
            points_tell(subject, &run, &fault);
            fail_msg("it fails without a fault");
        }
        if (!subject->agrees(db, subject->arg, &run, &fault, more[0] == '\0')) {
            if (more[0] == '\0')
                points_tell(subject, &run, &fault);
            wrong++;
        }
    }
    tenon_close(db);
    return wrong;
}

void
points_all(const points_subject *subjects, size_t count, const char *kind)
{
    int faults = 0, wrong = 0;

    for (size_t i = 0; i < count; i++)
        wrong += points_each(&subjects[i], kind, 0, "", &faults);
    print_message("  %d faults\n", faults);
    assert_int_equal(wrong, 0);
    assert_true(faults > 20);
}

/* ---- Programs ---- */

bool
points_arguments(int argc, char **argv)
{
    points_long = argc == 3 && strcmp(argv[2], "--long") == 0;
    if (argc == 2 || points_long) {
        points_plain = argv[1];
        return true;
    }
    (void)fprintf(stderr, "usage: %s URL [--long]\n", argv[0]);
    return false;
}

int
points_setup(void **state)
{
    (void)state;
    (void)snprintf(points_folder, sizeof points_folder, "/tmp/tenon-points-XXXXXX");
    return mkdtemp(points_folder) == NULL ? -1 : 0;
}

int
points_teardown(void **state)
{
    char command[96];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf %s", points_folder);
    return system(command);
}
