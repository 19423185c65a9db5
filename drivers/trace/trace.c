/*
 * A filter that records the calls of a driver: trace+URL?trace_file=PATH. One JSON object in a line
 * for each call; `tenon trace PATH` reads them. Values are left out unless the URL asks for them:
 * they may be secret.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorded.h"

#define TRACE_VERSION 1
#define TRACE_BUFFER_BYTES 65536

/* A database that is traced. */
typedef struct trace_db {
    pthread_mutex_t lock; /* guards the file */
    FILE *file;
    uint64_t from_ns;
    atomic_uint_fast64_t conn_count;
    bool with_values;
    bool with_begins; /* a line before each call, too */
    bool failed;      /* the file could not be written: said once */
} trace_db;

static const char *const trace_kinds[] = { "", "select", "insert", "update", "delete", "count" };

/* ---- Opening ---- */

/* What the URL says. */
typedef struct trace_choice {
    const char *path;
    bool with_values;
    bool flush; /* each line at once, and one before each call: of use where one never returns */
} trace_choice;

static tenon_status
trace_read(const tenon_drv_param *params, uint32_t param_count, trace_choice *choice,
           tenon_error *err)
{
    *choice = (trace_choice){ .path = NULL };
    for (uint32_t i = 0; i < param_count; i++) {
        const char *value = params[i].value;

        const bool values = strcmp(params[i].key, "trace_values") == 0;

        if (strcmp(params[i].key, "trace_file") == 0)
            choice->path = value;
        else if (!values && strcmp(params[i].key, "trace_flush") != 0)
            return tenon_filter_bad_param(err, params[i].key,
                                          "is no parameter of the trace filter");
        else if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
            return tenon_filter_bad_param(err, params[i].key, "is 0 or 1");
        else
            *(values ? &choice->with_values : &choice->flush) = value[0] == '1';
    }
    return choice->path != NULL && choice->path[0] != '\0'
               ? TENON_OK
               : tenon_filter_bad_param(err, "trace_file", "is missing: where to record to");
}

/* A line. The lock is held, or nobody else is there. */
static void
trace_write(trace_db *t, json_t *line)
{
    const bool done = line != NULL && json_dumpf(line, t->file, JSON_COMPACT) == 0 &&
                      fputc('\n', t->file) != EOF;

    json_decref(line);
    if (!done && !t->failed)
        tenon_filter_host->log(TENON_LOG_ERROR, "trace", "the trace can't be written");
    t->failed = t->failed || !done;
}

/* Appends, so that a database that is opened anew goes on in the same file. Its owner alone may
 * read it. */
static tenon_status
trace_open(const tenon_drv_param *params, uint32_t param_count, uint64_t identity, void **out,
           tenon_error *err)
{
    trace_db *t = calloc(1, sizeof *t);
    trace_choice choice = { .path = NULL };
    int fd = -1;
    tenon_status st = t == NULL
                          ? tenon_filter_fail(err, TENON_NO_MEMORY, TENON_EFFECT_OPEN, "no memory")
                          : trace_read(params, param_count, &choice, err);

    *out = NULL;
    (void)identity;
    if (st != TENON_OK)
        goto failed;
    fd = open(choice.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    t->file = fd < 0 ? NULL : fdopen(fd, "a");
    if (t->file == NULL) {
        if (fd >= 0)
            (void)close(fd);
        (void)tenon_filter_bad_param(err, "trace_file", "can't be opened");
        st = TENON_CONFIG;
        goto failed;
    }
    (void)setvbuf(t->file, NULL, choice.flush ? _IOLBF : _IOFBF, TRACE_BUFFER_BYTES);
    t->with_values = choice.with_values;
    t->with_begins = choice.flush;
    (void)pthread_mutex_init(&t->lock, NULL);
    t->from_ns = tenon_filter_host->monotonic_ns();
    trace_write(t, json_pack("{si, sI, sb}", "tenon_trace", TRACE_VERSION, "wall_us",
                             (json_int_t)tenon_filter_host->wall_us(), "values", t->with_values));
    *out = t;
    return TENON_OK;

failed:
    free(t);
    return st;
}

static void
trace_close(void *filter)
{
    trace_db *t = filter;

    if (fclose(t->file) != 0 && !t->failed)
        tenon_filter_host->log(TENON_LOG_ERROR, "trace", "the trace can't be written");
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
}

/* ---- Calls ---- */

/* What is called. */
static void
trace_name(json_t *line, const trace_db *t, const tenon_filter_call *call)
{
    if (call->query != NULL) {
        (void)json_object_set_new(line, "query", json_string(call->query->name));
        (void)json_object_set_new(line, "table", json_string(call->query->table->name));
        if (call->query->kind < sizeof trace_kinds / sizeof trace_kinds[0])
            (void)json_object_set_new(line, "kind", json_string(trace_kinds[call->query->kind]));
    }
    if (call->text != NULL)
        (void)json_object_set_new(line, "text", json_string(call->text));
    if (call->number != 0)
        (void)json_object_set_new(line, "number", json_integer((json_int_t)call->number));
    if (t->with_values && call->params != NULL)
        (void)json_object_set_new(line, "params", recorded_values(call->params, call->param_count));
}

/* What is known of it at its end. */
static void
trace_describe(json_t *line, const trace_db *t, const tenon_filter_call *call)
{
    trace_name(line, t, call);
    if (call->plan != 0)
        (void)json_object_set_new(line, "plan", json_integer((json_int_t)call->plan));
    if (call->cursor != 0)
        (void)json_object_set_new(line, "cursor", json_integer((json_int_t)call->cursor));
    if (t->with_values && call->table != NULL)
        (void)json_object_set_new(line, "table_is", recorded_table(call->table));
    if (t->with_values && call->slot == TENON_FILTER_PREPARE) {
        (void)json_object_set_new(line, "query_is", recorded_query(call->query));
        (void)json_object_set_new(line, "table_is", recorded_table(call->query->table));
    }
    if (call->begin != NULL) {
        (void)json_object_set_new(line, "isolation", json_integer(call->begin->isolation));
        (void)json_object_set_new(line, "read_only", json_boolean(call->begin->read_only != 0));
    }
    if (t->with_values && call->row != NULL)
        (void)json_object_set_new(line, "row", recorded_values(call->row, call->column_count));
}

static void
trace_add(trace_db *t, const tenon_filter_call *call, json_t *line,
          void (*describe)(json_t *line, const trace_db *t, const tenon_filter_call *call))
{
    if (line != NULL)
        describe(line, t, call);
    (void)pthread_mutex_lock(&t->lock);
    trace_write(t, line);
    (void)pthread_mutex_unlock(&t->lock);
}

static json_int_t
trace_conn(const tenon_filter_call *call)
{
    return (json_int_t)(call->state == NULL ? 0 : *call->state);
}

static tenon_status
trace_before(tenon_filter_call *call, tenon_error *err)
{
    trace_db *t = call->filter;

    (void)err;
    if (call->state != NULL && *call->state == 0) /* its number, from 1 on */
        *call->state = atomic_fetch_add(&t->conn_count, 1) + 1;
    if (t->with_begins)
        trace_add(t, call,
                  json_pack("{sI, sI, ss}", "at_ns",
                            (json_int_t)(tenon_filter_host->monotonic_ns() - t->from_ns), "conn",
                            trace_conn(call), "begun", tenon_filter_slot_name(call->slot)),
                  trace_name);
    call->scratch = tenon_filter_host->monotonic_ns();
    return TENON_OK;
}

static tenon_status
trace_after(const tenon_filter_call *call, tenon_status st, tenon_error *err)
{
    const uint64_t took_ns = tenon_filter_host->monotonic_ns() - call->scratch;
    trace_db *t = call->filter;

    (void)err;
    trace_add(t, call,
              json_pack("{sI, sI, sI, ss, si}", "at_ns", (json_int_t)(call->scratch - t->from_ns),
                        "took_ns", (json_int_t)took_ns, "conn", trace_conn(call), "call",
                        tenon_filter_slot_name(call->slot), "status", (int)st),
              trace_describe);
    return st;
}

static const tenon_filter_hooks trace_hooks = {
    .size = sizeof trace_hooks,
    .open = trace_open,
    .close = trace_close,
    .before = trace_before,
    .after = trace_after,
};

TENON_FILTER_DRIVER(trace, "1.0", trace_hooks);
