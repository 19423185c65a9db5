#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "given.h"
#include "tool.h"

/* Conflicts are retried as long as it takes: a workload that gives up is another one. */
#define TARGET_RETRIES 1000

enum { TARGET_CONNECTIONS = 32, TARGET_CONCURRENT = 100 }; /* defaults of tenon_open_options */

void
tally_add(tally *to, const tally *from)
{
    to->done += from->done;
    to->commits += from->commits;
    to->missed += from->missed;
    to->aborted += from->aborted;
    to->failed += from->failed;
    to->unknown += from->unknown;
    to->wrong += from->wrong;
    to->late += from->late;
    to->unserved += from->unserved;
    to->rows += from->rows;
    to->written_bytes += from->written_bytes;
}

bool
target_failed(target *t, const char *what, tenon_status status, const tenon_error *err)
{
    const bool filled = err != NULL && err->message[0] != '\0';

    if (t->why[0] != '\0')
        return false;
    t->status = status;
    (void)snprintf(t->why, sizeof t->why, "%s: %.160s [%s]", what,
                   filled ? err->message : tenon_status_text(status), tenon_status_name(status));
    return false;
}

bool
target_connect(target *t)
{
    const uint32_t threads = t->worker_count;
    const tenon_open_options options = {
        .size = sizeof options,
        .schema = t->workload->scenario->schema(),
        .driver_path = tool_driver_path(),
        .max_connections = threads > TARGET_CONNECTIONS ? threads : 0,
        .max_concurrent = threads > TARGET_CONCURRENT ? threads : 0,
        .max_retry_attempts = TARGET_RETRIES,
        .retry_budget_percent = UINT32_MAX,
        .breaker_failures = UINT32_MAX,
    };
    tenon_error err = { 0 };
    tenon_status st = tenon_open(t->place.url, &options, &t->db, &err);

    return st == TENON_OK || target_failed(t, "open", st, &err);
}

void
target_disconnect(target *t)
{
    tenon_close(t->db);
    t->db = NULL;
}

static bool
target_worker(target *t, uint32_t number, bool open_loop)
{
    worker *w = &t->workers[number];

    w->target = t;
    w->number = number;
    w->stream.random = draw_hash(t->seed + number);
    w->stream.serial = t->records / t->worker_count * number;
    for (int op = 0; op < OPERATIONS; op++) {
        if (t->workload->weights[op] == 0)
            continue;
        w->service[op] = calloc(1, sizeof *w->service[op]);
        w->response[op] = open_loop ? calloc(1, sizeof *w->response[op]) : NULL;
        if (w->service[op] == NULL || (open_loop && w->response[op] == NULL))
            return false;
    }
    return true;
}

bool
target_prepare(target *t, uint32_t threads, bool with_place, bool open_loop)
{
    t->now = t->workload;
    t->workers = calloc(threads, sizeof *t->workers);
    t->worker_count = t->workers == NULL ? 0 : threads;
    for (uint32_t i = 0; i < t->worker_count; i++)
        if (!target_worker(t, i, open_loop))
            return target_failed(t, "memory", TENON_NO_MEMORY, NULL);
    if (t->workers == NULL)
        return target_failed(t, "memory", TENON_NO_MEMORY, NULL);
    if (with_place && !target_connect(t))
        return false;
    return t->workload->scenario->prepare(t);
}

void
target_reset(target *t)
{
    for (uint32_t i = 0; i < t->worker_count; i++) {
        worker *w = &t->workers[i];

        memset(&w->sum, 0, sizeof w->sum);
        memset(&w->error, 0, sizeof w->error);
        for (int op = 0; op < OPERATIONS; op++) {
            if (w->service[op] != NULL)
                memset(w->service[op], 0, sizeof *w->service[op]);
            if (w->response[op] != NULL)
                memset(w->response[op], 0, sizeof *w->response[op]);
        }
    }
}

void
target_release(target *t)
{
    t->workload->scenario->release(t);
    target_disconnect(t);
    given_release(t);
    for (uint32_t i = 0; i < t->worker_count; i++)
        for (int op = 0; op < OPERATIONS; op++) {
            free(t->workers[i].service[op]);
            free(t->workers[i].response[op]);
        }
    free(t->workers);
    t->workers = NULL;
    t->worker_count = 0;
}

tally
target_sum(const target *t)
{
    tally sum = { 0 };

    for (uint32_t i = 0; i < t->worker_count; i++)
        tally_add(&sum, &t->workers[i].sum);
    return sum;
}
