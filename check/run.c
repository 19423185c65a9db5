/* Each case in a process of its own: what it crashes, leaks, locks or hangs in ends with it. */
#define _XOPEN_SOURCE 700 /* mkdtemp beside kill and setpgid */
#include "check/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How often it is looked whether the run was stopped, or a case's time is over. */
#define RUN_TRIES 3 /* of a case that has little time */
#define RUN_LOOK_MS 100

run_state run = { .report = -1 };

static bool (*run_stop)(void); /* whether the run is to end; NULL: it is not asked */

static const struct {
    const char *name;
    conf_role_fn run;
} run_roles[] = {
    { "crash", conf_role_crash },
    { "migrate", conf_role_migrate },
    { "neighbour", conf_role_neighbour },
    { "holder", conf_role_holder },
};

/* Every group, in the order in which they are run. */
#define RUN_GROUPS(X)                                                                              \
    X(abi)                                                                                         \
    X(open)                                                                                        \
    X(types)                                                                                       \
    X(order)                                                                                       \
    X(schema)                                                                                      \
    X(keys)                                                                                        \
    X(statements)                                                                                  \
    X(constants)                                                                                   \
    X(paging)                                                                                      \
    X(cursors)                                                                                     \
    X(savepoints)                                                                                  \
    X(transactions)                                                                                \
    X(threads)                                                                                     \
    X(isolation)                                                                                   \
    X(histories)                                                                                   \
    X(races)                                                                                       \
    X(changes)                                                                                     \
    X(migrations)                                                                                  \
    X(interrupted)                                                                                 \
    X(abilities)                                                                                   \
    X(crash)                                                                                       \
    X(deadlines)                                                                                   \
    X(stops)                                                                                       \
    X(outcomes)                                                                                    \
    X(audit)                                                                                       \
    X(groups)                                                                                      \
    X(resources)                                                                                   \
    X(model)                                                                                       \
    X(two_phase)                                                                                   \
    X(durability)                                                                                  \
    X(disk)

#define RUN_DECLARE(group) extern const conf_group conf_##group##_group;
#define RUN_LIST(group) &conf_##group##_group,

RUN_GROUPS(RUN_DECLARE)

const conf_group *const suite_groups[] = { RUN_GROUPS(RUN_LIST) NULL };

uint64_t
conf_capabilities(void)
{
    return run.capabilities;
}

bool
conf_can(uint64_t capability)
{
    return (run.capabilities & capability) != 0;
}

uint32_t
conf_effort(void)
{
    return run.effort;
}

uint64_t
conf_monotonic_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t
conf_seed(void)
{
    return run.seed;
}

int
suite_role(const char *role, const char *url)
{
    for (size_t i = 0; i < sizeof run_roles / sizeof run_roles[0]; i++) {
        if (strcmp(run_roles[i].name, role) == 0)
            return run_roles[i].run(url);
    }
    return 2;
}

/* ---- The process ---- */

void
run_end(const run_report *report)
{
    const ssize_t written = write(run.report, report, sizeof *report);

    _exit(written == (ssize_t)sizeof *report ? 1 : 2);
}

/* A process that runs `body`, and what it reported. */
typedef struct run_process {
    pid_t pid;
    int from;
} run_process;

static bool
run_start(run_process *p, void (*body)(const void *arg), const void *arg)
{
    int report[2];

    if (pipe(report) != 0)
        return false;
    (void)fflush(NULL);
    p->pid = fork();
    if (p->pid == 0) {
        (void)setpgid(0, 0); /* so that its own children end with it */
        (void)close(report[0]);
        (void)fcntl(report[1], F_SETFD, FD_CLOEXEC);
        run.report = report[1];
        body(arg);
        exit(0); /* not _exit: a sanitizer looks for leaks here */
    }
    (void)close(report[1]);
    p->from = report[0];
    if (p->pid > 0)
        return true;
    (void)close(report[0]);
    return false;
}

/* Read the report until the process has ended, or its time, or the run was stopped: a driver may
 * hang at the process's exit, too. @return bytes */
static size_t
run_listen(const run_process *p, uint32_t limit_s, void *out, size_t bytes, bool *hangs)
{
    const uint64_t until_ns = conf_monotonic_ns() + (uint64_t)limit_s * 1000000000;
    struct pollfd poll_fd = { .fd = p->from, .events = POLLIN };
    size_t len = 0;
    char more;

    *hangs = false;
    for (;;) {
        const int ready = poll(&poll_fd, 1, RUN_LOOK_MS);
        ssize_t got;

        *hangs = conf_monotonic_ns() >= until_ns || (run_stop != NULL && run_stop());
        if (*hangs)
            return len;
        if (ready == 0)
            continue;
        got = ready < 0     ? -1
              : len < bytes ? read(p->from, (char *)out + len, bytes - len)
                            : read(p->from, &more, 1);
        if (got == 0 || (got < 0 && errno != EINTR))
            return len;
        len += got > 0 && len < bytes ? (size_t)got : 0;
    }
}

/* Wait for its end, and end what it has left behind. @return its wait status */
static int
run_reap(const run_process *p, bool hangs)
{
    int status = 0;

    if (hangs)
        (void)kill(p->pid, SIGKILL);
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)kill(-p->pid, SIGKILL);
    (void)close(p->from);
    return status;
}

/* What a process that has reported nothing has to say by its end. `said`: it has, but did not end.
 */
static void
run_judge(int status, bool hangs, bool said, uint32_t limit_s, run_report *report)
{
    memset(report, 0, sizeof *report);
    report->outcome = SUITE_FAILED;
    (void)snprintf(report->expected, sizeof report->expected, "the case comes to its end");
    if (hangs)
        (void)snprintf(report->seen, sizeof report->seen, "it hangs: killed after %u seconds, %s",
                       (unsigned)limit_s,
                       said ? "at the exit of its process" : "in a call that does not return");
    else if (WIFSIGNALED(status))
        (void)snprintf(report->seen, sizeof report->seen, "the process was ended by signal %d (%s)",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        (void)snprintf(report->seen, sizeof report->seen,
                       "the process ended with status %d; what it said is above",
                       WEXITSTATUS(status));
}

/* Run a body in a process. @return false: there can be none */
static bool
run_apart(void (*body)(const void *arg), const void *arg, uint32_t limit_s, void *out, size_t bytes,
          run_report *report)
{
    run_process p;
    bool hangs;
    size_t len;
    int status;

    if (!run_start(&p, body, arg))
        return false;
    len = run_listen(&p, limit_s, out, bytes, &hangs);
    status = run_reap(&p, hangs);
    /* One that says that it has passed may leak, or crash at its exit, yet. */
    if (hangs || len != bytes ||
        (report->outcome == SUITE_PASSED && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)))
        run_judge(status, hangs, len == bytes, limit_s, report);
    return true;
}

/* ---- Asking the driver ---- */

typedef struct run_answer {
    suite_driver driver;
    char why[SUITE_TEXT_BYTES];
} run_answer;

static void
run_probe_body(const void *arg)
{
    const char *root = arg;
    run_answer answer = { .why = "" };
    tenon_error err = { 0 };
    conf c;
    tenon_status st;

    if (!place_make(&c, root)) {
        (void)snprintf(answer.why, sizeof answer.why, "%s: no empty place can be made", root);
    } else if ((st = tenon_open(c.url, NULL, &c.db, &err)) != TENON_OK) {
        (void)snprintf(answer.why, sizeof answer.why, "%s: %s", tenon_status_name(st), err.message);
    } else {
        (void)snprintf(answer.driver.name, sizeof answer.driver.name, "%s", tenon_db_driver(c.db));
        answer.driver.capabilities = tenon_db_capabilities(c.db);
        answer.driver.durability = tenon_db_durability(c.db);
        conf_close(&c);
    }
    if (write(run.report, &answer, sizeof answer) != (ssize_t)sizeof answer)
        _exit(2);
}

/* Everything of the options that a process of a case looks at. @return the run's folder or NULL */
static char *
run_prepare(const suite_options *options)
{
    const char *folder = getenv("TMPDIR");
    static char root[96];

    if (strlen(options->url) >= sizeof run.url)
        return NULL;
    (void)snprintf(run.url, sizeof run.url, "%s", options->url);
    run.fresh = options->fresh;
    run.effort = options->effort;
    run.seed = options->seed;
    if (options->driver_path != NULL)
        (void)setenv("TENON_DRIVER_PATH", options->driver_path, 0);
    (void)snprintf(root, sizeof root, "%s/tenon-check-XXXXXX",
                   folder != NULL && strlen(folder) < 48 ? folder : "/tmp");
    return mkdtemp(root);
}

bool
suite_probe(const suite_options *options, suite_driver *driver, char why[SUITE_TEXT_BYTES])
{
    char *root = run_prepare(options), folder[128];
    run_answer answer = { .why = "" };
    run_report report = { .outcome = SUITE_PASSED };

    if (root == NULL) {
        (void)snprintf(why, SUITE_TEXT_BYTES, "no folder for databases can be made");
        return false;
    }
    (void)snprintf(folder, sizeof folder, "%s/probe", root);
    if (!run_apart(run_probe_body, folder, options->limit_s, &answer, sizeof answer, &report))
        (void)snprintf(answer.why, sizeof answer.why, "no process can be made");
    else if (report.outcome == SUITE_FAILED)
        (void)snprintf(answer.why, sizeof answer.why, "opening it: %.900s", report.seen);
    place_remove(root);
    *driver = answer.driver;
    memcpy(why, answer.why, SUITE_TEXT_BYTES);
    return why[0] == '\0';
}

/* ---- Cases ---- */

typedef struct run_case {
    const conf_case *one;
    const char *folder;
    const char *trace; /* record the calls to this file; or NULL */
} run_case;

static void
run_case_body(const void *arg)
{
    static const run_report passed = { .outcome = SUITE_PASSED };
    const run_case *what = arg;
    char url[CONF_URL_BYTES];
    conf c;

    if (what->trace != NULL) {
        const int len = snprintf(url, sizeof url,
                                 "trace+%s%strace_file=%s&trace_values=1&trace_flush=1", run.url,
                                 strchr(run.url, '?') != NULL ? "&" : "?", what->trace);

        if (len < 0 || (size_t)len >= sizeof url)
            conf_failed(CONF_HERE, "a URL with room for the trace's parameters", "it is too long");
        memcpy(run.url, url, sizeof url);
    }
    if (!place_make(&c, what->folder))
        conf_failed(CONF_HERE, "an empty place for the case", "none can be made");
    what->one->run(&c);
    conf_close(&c);
    if (write(run.report, &passed, sizeof passed) != (ssize_t)sizeof passed)
        _exit(2);
}

void
suite_id(const conf_group *group, const conf_case *one, char out[SUITE_ID_BYTES])
{
    const size_t len = strlen(group->name);
    const bool named = strncmp(one->name, group->name, len) == 0 && one->name[len] == '_';

    (void)snprintf(out, SUITE_ID_BYTES, "%s.%s", group->name,
                   named ? one->name + len + 1 : one->name);
}

static bool
run_chosen(const suite_options *options, const conf_group *group, const char *id)
{
    const char *only = options->only;
    const size_t len = only != NULL ? strlen(only) : 0;

    if (only == NULL || strcmp(only, group->name) == 0 || strcmp(only, id) == 0)
        return true;
    return len > 0 && only[len - 1] == '*' && strncmp(only, id, len - 1) == 0;
}

static void
run_one(const suite_options *options, const run_case *what, run_report *report)
{
    memset(report, 0, sizeof *report);
    if (!run_apart(run_case_body, what, options->limit_s, report, sizeof *report, report)) {
        report->outcome = SUITE_FAILED;
        (void)snprintf(report->seen, sizeof report->seen, "no process can be made");
    }
    place_remove(what->folder);
}

/* @return whether it fails, each time that it may be tried */
static bool
run_until_it_passes(const suite_options *options, const run_case *what, run_report *report)
{
    const int most = what->one->timed ? RUN_TRIES : 1;

    for (int i = 0; i < most; i++) {
        run_one(options, what, report);
        if (report->outcome != SUITE_FAILED || (run_stop != NULL && run_stop()))
            return false;
    }
    return true;
}

/* The same again, with its calls recorded. @return whether there are any */
static bool
run_trace(const suite_options *options, const char *root, run_case what, char *file,
          size_t file_bytes, suite_result *result)
{
    run_report again;

    (void)snprintf(file, file_bytes, "%s/calls.jsonl", root);
    (void)unlink(file);
    what.trace = file;
    run_one(options, &what, &again);
    if (access(file, R_OK) != 0)
        return false;
    if (again.outcome == SUITE_PASSED) {
        const size_t len = strlen(result->seen);

        (void)snprintf(result->seen + len, sizeof result->seen - len,
                       " (not the second time, with its calls recorded)");
    }
    return true;
}

/* @return whether it has failed */
static bool
run_tell(const suite_options *options, const char *root, const conf_group *group,
         const run_case *what, void (*receiver)(void *arg, const suite_result *result), void *arg)
{
    const uint64_t from_ns = conf_monotonic_ns();
    suite_result result = { .title = what->one->title };
    run_report report;
    char file[160];
    bool fails;

    suite_id(group, what->one, result.id);
    fails = run_until_it_passes(options, what, &report);
    if (run_stop != NULL && run_stop())
        return false; /* killed in the middle: nothing is known of it */
    result.seconds = (double)(conf_monotonic_ns() - from_ns) / 1e9;
    result.hint = what->one->hint != NULL ? what->one->hint : group->hint;
    result.outcome = report.outcome;
    memcpy(result.place, report.place, sizeof result.place);
    memcpy(result.expected, report.expected, sizeof result.expected);
    memcpy(result.seen, report.seen, sizeof result.seen);
    if (fails && run_trace(options, root, *what, file, sizeof file, &result))
        result.trace = file;
    receiver(arg, &result);
    return fails;
}

uint32_t
suite_run(const suite_options *options, const suite_driver *driver, bool (*stop)(void),
          void (*receiver)(void *arg, const suite_result *result), void *arg)
{
    const char *root = run_prepare(options);
    char id[SUITE_ID_BYTES], folder[128];
    uint32_t chosen = 0;
    bool over = false;

    if (root == NULL)
        return 0;
    run_stop = stop;
    run.capabilities = driver->capabilities;
    (void)snprintf(folder, sizeof folder, "%s/case", root);
    for (size_t g = 0; suite_groups[g] != NULL; g++) {
        const conf_group *group = suite_groups[g];

        for (size_t i = 0; i < group->count && !over && (stop == NULL || !stop()); i++) {
            const run_case what = { .one = &group->cases[i], .folder = folder };

            suite_id(group, what.one, id);
            if (what.one->effort > options->effort || !run_chosen(options, group, id))
                continue;
            chosen++;
            over = run_tell(options, root, group, &what, receiver, arg) && options->stop_at_failure;
        }
    }
    place_remove(root);
    return chosen;
}
