/* tenon replay: a trace, event by event, through the operations of the chat server. */
#include "replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "repeat.h"
#include "schedule.h"
#include "stop.h"
#include "tenon/chat/tables.h"
#include "tool.h"

/* Several processes may write at once: conflicts are no reason to end, the deadline is. */
#define REPLAY_MAX_RETRIES 10000

static const char replay_details[] =
    "TRACE is a file of JSON lines, plain or gzip, or - for standard input. Each line is an\n"
    "event with `at` (seconds since the epoch), `op` and the fields of that kind: register\n"
    "(user; email), create_room (room, user), join (room, user, by), leave (room, user), kick\n"
    "(room, user, by), role (room, user, by, role), rename (user, to), say (room, user, text),\n"
    "delete_user (user). Ids depend on the number of the line only, so that the same trace gives\n"
    "the same content on every engine and with any number of threads.\n\n"
    "An event that a rule refuses is counted, and the replay goes on. A line that is no event,\n"
    "or a failure of the engine, ends it with the name of the line; what was acknowledged before\n"
    "stays (a join is two transactions: the first of them may stay alone). SIGINT and SIGTERM\n"
    "end it after the events that have begun: a message says which line was the last, and --skip\n"
    "goes on from there.\n\n"
    "TRACE may also be what trace+URL has recorded with trace_values=1: the statements are\n"
    "repeated, transaction by transaction in the order in which they ended, whatever the engine,\n"
    "and their answers compared with the recorded ones. Tables that are not there are made.\n"
    "--limit then counts transactions; there is no --threads and no --skip.\n";

uint64_t
replay_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Apply an event and count it. A schedule_fn. */
static bool
replay_apply(void *arg, unsigned worker, const event *e)
{
    replay *r = (replay *)arg;
    replay_totals *totals = &r->totals[worker];
    const uint64_t start_ns = replay_now_ns();
    apply_result result;

    apply_event(r->db, e, &result);
    totals->commit_count += result.commit_count;
    if (result.status != TENON_OK && !apply_is_refusal(result.status)) {
        (void)pthread_mutex_lock(&r->lock);
        if (r->failed_line == 0 || e->line < r->failed_line) {
            r->failed_line = e->line;
            r->failed = result;
        }
        (void)pthread_mutex_unlock(&r->lock);
        return false;
    }
    histogram_add(&totals->latency_ns, replay_now_ns() - start_ns);
    if (result.status == TENON_OK)
        totals->applied_count++;
    else
        totals->refused_counts[result.status]++;
    return true;
}

/* Read the next event that is to be applied. REPLAY_ALL: there is none. */
static bool
replay_read(replay *r, event *e, size_t *bytes)
{
    const char *line;

    while (r->taken_count < r->limit && !stop_requested()) {
        switch (trace_next(r->trace, &line, bytes)) {
        case TRACE_LINE:
            if (trace_line(r->trace) <= r->skip)
                continue;
            if (event_parse(r->trace, line, *bytes, e))
                return true;
            r->end = REPLAY_BAD_TRACE;
            return false;
        case TRACE_END:
            return false;
        case TRACE_STOPPED:
            break;
        default:
            r->end = REPLAY_BAD_TRACE;
            return false;
        }
    }
    if (r->taken_count < r->limit)
        r->end = REPLAY_INTERRUPTED;
    return false;
}

/* Note an event as given to a worker. */
static void
replay_take(replay *r, uint64_t line)
{
    r->taken_count++;
    r->last_line = line;
    replay_progress(r);
}

/* On this thread: nothing between the trace and the database. */
static void
replay_direct(replay *r)
{
    bool ok = true;
    event e;
    size_t bytes;

    while (ok && replay_read(r, &e, &bytes)) {
        ok = replay_apply(r, 0, &e);
        if (ok)
            replay_take(r, e.line);
        event_free(&e);
    }
}

static bool
replay_threads(replay *r)
{
    schedule *s = schedule_new((unsigned)r->thread_count, replay_apply, r);
    bool ok = s != NULL;
    event e;
    size_t bytes;

    while (ok && replay_read(r, &e, &bytes)) {
        const uint64_t line = e.line;

        ok = schedule_add(s, &e, bytes);
        if (ok)
            replay_take(r, line);
    }
    if (s != NULL)
        schedule_drain(s);
    schedule_free(s);
    return s != NULL;
}

static bool
replay_events(replay *r)
{
    bool ok = true;

    r->last_line = r->skip;
    r->start_ns = replay_now_ns();
    if (r->thread_count == 1)
        replay_direct(r);
    else
        ok = replay_threads(r);
    r->end_ns = replay_now_ns();
    replay_progress_end(r);
    for (uint64_t i = 1; i < r->thread_count; i++) {
        replay_totals *into = &r->totals[0], *from = &r->totals[i];

        into->applied_count += from->applied_count;
        into->commit_count += from->commit_count;
        for (unsigned status = 0; status < REPLAY_STATUSES; status++)
            into->refused_counts[status] += from->refused_counts[status];
        histogram_merge(&into->latency_ns, &from->latency_ns);
    }
    if (r->failed_line != 0)
        r->end = REPLAY_ENGINE;
    return ok;
}

/* Say why it ended. @return the exit status */
static int
replay_say_end(const replay *r)
{
    char place[TOOL_URL_BYTES];

    switch (r->end) {
    case REPLAY_ENGINE:
        (void)snprintf(place, sizeof place, "%s:%llu", trace_name(r->trace),
                       (unsigned long long)r->failed_line);
        (void)tool_failed(place, r->failed.status, &r->failed.err);
        return TOOL_FAILED;
    case REPLAY_BAD_TRACE:
        return TOOL_FAILED;
    case REPLAY_INTERRUPTED:
        trace_error(r->trace, r->last_line, "stopped by a signal; --skip %llu goes on after it",
                    (unsigned long long)r->last_line);
        return TOOL_INTERRUPTED;
    default:
        return TOOL_DONE;
    }
}

/* Summary and JSON. What ended the replay decides the exit status, else what fails here. */
static int
replay_report(const replay *r, const char *json_path, FILE *json, digest *d)
{
    int rc = replay_say_end(r);
    tenon_error err = { 0 };
    tenon_status status = digest_database(r->db, d, &err);

    if (status != TENON_OK) {
        int failed = tool_failed(tenon_db_url(r->db), status, &err);

        rc = rc == TOOL_DONE ? failed : rc;
    }
    if (!r->quiet && json != stdout && replay_print(r, status == TENON_OK ? d : NULL) != TOOL_GO_ON)
        rc = TOOL_FAILED;
    if (json != NULL &&
        replay_print_json(r, status == TENON_OK ? d : NULL, json, json_path) != TOOL_GO_ON)
        rc = TOOL_FAILED;
    if (r->verify && tool_verify_database(r->db, stderr) != TOOL_DONE)
        rc = TOOL_FAILED;
    return tool_flush(rc);
}

/* Everything that can be wrong before the first event is. */
static int
replay_prepare(replay *r, const char *url, const char *json_path, FILE **json)
{
    tenon_open_options options = {
        .schema = chat_schema(),
        .max_connections = (uint32_t)r->thread_count + 1, /* and the digest */
        .max_retry_attempts = REPLAY_MAX_RETRIES,
    };
    int stop_fd = stop_install();

    if (stop_fd < 0)
        return TOOL_FAILED;
    r->trace = trace_open(r->trace_path, stop_fd);
    if (r->trace == NULL)
        return TOOL_USAGE;
    if (json_path != NULL) {
        *json = strcmp(json_path, "-") == 0 ? stdout : fopen(json_path, "w");
        if (*json == NULL) {
            tool_error(json_path, "can't be written: %s", strerror(errno));
            return TOOL_USAGE;
        }
    }
    r->totals = (replay_totals *)calloc(r->thread_count, sizeof *r->totals);
    if (r->totals == NULL) {
        tool_error("--threads", "out of memory");
        return TOOL_FAILED;
    }
    return tool_open(url, &options, &r->db);
}

/* A trace of calls. */
static int
replay_recorded(const replay *r, const char *const *arguments, const char *json_path)
{
    const repeat_options options = { .path = arguments[0],
                                     .url = arguments[1],
                                     .json_path = json_path,
                                     .limit = r->limit,
                                     .quiet = r->quiet,
                                     .verify = r->verify };

    if (r->thread_count != 1 || r->skip != 0) {
        tool_error(r->thread_count != 1 ? "--threads" : "--skip",
                   "what trace+URL has recorded is repeated as a whole, by one thread");
        return TOOL_USAGE;
    }
    return repeat_run(&options);
}

static int
replay_command(const tool_command *command, int argc, char **argv)
{
    replay r = { .thread_count = 1, .limit = UINT64_MAX };
    const char *arguments[TOOL_MAX_ARGUMENTS], *json_path = NULL;
    const tool_option options[] = {
        { "--threads", TOOL_NUMBER, &r.thread_count, 1, SCHEDULE_MAX_THREADS, "N",
          "threads that apply events (default 1)" },
        { "--limit", TOOL_NUMBER, &r.limit, 0, UINT64_MAX, "N", "apply at most N events" },
        { "--skip", TOOL_NUMBER, &r.skip, 0, UINT64_MAX, "N", "leave out the first N lines" },
        { "--json", TOOL_TEXT, &json_path, 0, 0, "FILE",
          "write the summary as JSON too; - = to stdout, without the table" },
        { "--verify", TOOL_FLAG, &r.verify, 0, 0, NULL,
          "check all that is stored at the end, as `tenon verify` does; problems go to stderr" },
        { "--quiet", TOOL_FLAG, &r.quiet, 0, 0, NULL, "no progress, no table" },
    };
    digest d = { .tables = NULL };
    FILE *json = NULL;
    int rc = tool_parse(command, options, sizeof options / sizeof options[0], argc, argv,
                        arguments);

    if (rc != TOOL_GO_ON)
        return rc;
    if (repeat_is_recorded(arguments[0]))
        return replay_recorded(&r, arguments, json_path);
    r.trace_path = arguments[0];
    (void)pthread_mutex_init(&r.lock, NULL);
    rc = replay_prepare(&r, arguments[1], json_path, &json);
    if (rc == TOOL_GO_ON)
        rc = replay_events(&r) ? replay_report(&r, json_path, json, &d) : TOOL_FAILED;
    tenon_close(r.db);
    digest_free(&d);
    if (json != NULL && json != stdout)
        (void)fclose(json); /* what was written is flushed, and its failures are told */
    free(r.totals);
    trace_close(r.trace);
    (void)pthread_mutex_destroy(&r.lock);
    return rc;
}

const tool_command tool_replay = {
    .name = "replay",
    .summary = "Apply a recorded history; print rate, latencies, statuses and the digest.",
    .arguments = { "TRACE", "URL" },
    .details = replay_details,
    .run = replay_command,
};
