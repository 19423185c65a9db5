/* The pipeline. */
#include "link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define PQ_NS_PER_MS 1000000
#define LINK_NAME_BYTES 60

bool
pq_init(tenon_pq_link *link, PGconn *pg)
{
    static atomic_uint_fast64_t last_id;

    link->pg = pg;
    link->id = atomic_fetch_add(&last_id, 1) + 1;
    link->deadline_ns = UINT64_MAX;
    link->wake = pq_wake_new();
    return link->wake != NULL && PQsetnonblocking(pg, 1) == 0 && PQenterPipelineMode(pg) == 1;
}

void
pq_fini(tenon_pq_link *link)
{
    pq_wake_free(link->wake);
    PQfinish(link->pg);
}

/* ---- Waiting ---- */

static void *
link_send_cancel(void *arg)
{
    char why[256];

    (void)PQcancel(arg, why, sizeof why);
    PQfreeCancel(arg);
    return NULL;
}

/* Ask the server to stop. It may take as long as a connection takes, so not on this thread. */
static void
link_cancel(tenon_pq_link *link)
{
    PGcancel *cancel = link->cancelled ? NULL : PQgetCancel(link->pg);
    pthread_t thread;

    link->cancelled = true;
    if (cancel == NULL)
        return;
    if (pthread_create(&thread, NULL, link_send_cancel, cancel) == 0)
        (void)pthread_detach(thread);
    else
        PQfreeCancel(cancel);
}

/* How long poll may wait; -1: for ever. */
static int
link_timeout(uint64_t until_ns)
{
    const uint64_t now_ns = tenon_sql_host->monotonic_ns();

    if (until_ns == UINT64_MAX)
        return -1;
    if (now_ns >= until_ns)
        return 0;
    return (int)((until_ns - now_ns) / PQ_NS_PER_MS < 3600000
                     ? (until_ns - now_ns + PQ_NS_PER_MS - 1) / PQ_NS_PER_MS
                     : 3600000);
}

bool
pq_wait(tenon_pq_link *link, bool for_write)
{
    struct pollfd fds[2] = { { .fd = PQsocket(link->pg), .events = POLLIN },
                             { .fd = pq_wake_fd(link->wake), .events = POLLIN } };
    uint64_t until_ns = link->deadline_ns;
    int rc;

    fds[0].events = for_write ? POLLIN | POLLOUT : POLLIN;
    if (link->cancelled && until_ns != UINT64_MAX)
        until_ns += PQ_GRACE_NS;
    if (fds[0].fd < 0)
        return false;
    rc = poll(fds, link->cancelled ? 1 : 2, link_timeout(until_ns));
    if (rc < 0 && errno != EINTR)
        return false;
    if (rc == 0 && link->cancelled && tenon_sql_host->monotonic_ns() >= until_ns)
        return false;
    if (rc == 0 && tenon_sql_host->monotonic_ns() >= until_ns)
        link_cancel(link);
    if (rc > 0 && (fds[1].revents & POLLIN) != 0 && !link->cancelled && pq_wake_take(link->wake))
        link_cancel(link);
    return true;
}

/* The next result; NULL: that was all of the first item. */
static bool
link_result(tenon_pq_link *link, PGresult **out)
{
    *out = NULL;
    for (;;) {
        const int unsent = PQflush(link->pg);

        if (unsent < 0)
            (void)PQconsumeInput(link->pg); /* what the server said before it went */
        if (!PQisBusy(link->pg))
            break;
        if (unsent < 0 || !pq_wait(link, unsent > 0) || PQconsumeInput(link->pg) != 1) {
            if (!PQisBusy(link->pg))
                break;
            return false;
        }
    }
    *out = PQgetResult(link->pg);
    return true;
}

/* ---- Items ---- */

static void
link_pop(tenon_pq_link *link)
{
    link->first = (link->first + 1) % TENON_PQ_ITEMS;
    link->count--;
    if (link->count == 0)
        link->shown = 0;
}

static void
link_note(tenon_pq_link *link, const tenon_pq_item *item, const tenon_error *err)
{
    if (item->serial <= link->ended_serial) /* it was rolled back before its answer came */
        return;
    link->failed = true;
    if (link->failed_serial != 0) /* what follows from the first failure says less */
        return;
    link->failed_serial = item->serial;
    link->failure = *err;
}

static void
link_copy_value(const PGresult *result, char *out, size_t out_bytes)
{
    const bool there = PQntuples(result) == 1 && !PQgetisnull(result, 0, 0);

    (void)snprintf(out, out_bytes, "%.*s", there ? PQgetlength(result, 0, 0) : 0,
                   there ? PQgetvalue(result, 0, 0) : "");
}

/* A setting that is not what was asked for: the connection is of no use. */
static void
link_check(tenon_pq_link *link, const tenon_pq_item *item, const PGresult *result)
{
    tenon_error err;

    link_copy_value(result, link->answer, sizeof link->answer);
    if (strcmp(link->answer, item->tag) == 0)
        return;
    (void)tenon_sql_fail(&err, TENON_UNSUPPORTED, 0, TENON_EFFECT_ROLLED_BACK, NULL,
                         "the server answers \"%s\" where \"%s\" was asked for", link->answer,
                         item->tag);
    link_note(link, item, &err);
    link->dead = true;
}

/* What a result means that is no failure. */
static void
link_take(tenon_pq_link *link, const tenon_pq_item *item, PGresult *result)
{
    switch (item->kind) {
    case TENON_PQ_EXEC:
        link->changes = strtoull(PQcmdTuples(result), NULL, 10);
        break;
    case TENON_PQ_COMMIT:
        link->commit_sent = false;
        link->tag = strcmp(PQcmdStatus(result), item->tag) == 0 ? item->tag : "";
        break;
    case TENON_PQ_CHECK:
        link_check(link, item, result);
        break;
    case TENON_PQ_TEXT:
        link_copy_value(result, link->answer, sizeof link->answer);
        break;
    case TENON_PQ_XID:
        link_copy_value(result, link->xid, sizeof link->xid);
        break;
    case TENON_PQ_LSN:
        link_copy_value(result, link->lsn, sizeof link->lsn);
        break;
    default:
        break;
    }
    if (item->kind == TENON_PQ_ROWS && item->stmt != NULL)
        pq_stmt_take(item->stmt, result);
    else
        PQclear(result);
}

/* One result of the first item. @return false: dead */
static bool
link_judge(tenon_pq_link *link, PGresult *result)
{
    const tenon_pq_item *item = &link->items[link->first];
    tenon_error err;

    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
        PQclear(result);
        link_pop(link);
        return true;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
        link_take(link, item, result);
        return true;
    case PGRES_PIPELINE_ABORTED:
        break;
    default:
        (void)pq_error(link, result, item, &err);
        link_note(link, item, &err);
        link->dead = link->dead || err.effect == TENON_EFFECT_ROLLED_BACK;
        if (item->kind == TENON_PQ_COMMIT && !link->dead)
            link->commit_sent = false;
        if (err.status == TENON_READ_ONLY) /* a server that does not write any more */
            link->worn = UINT32_MAX;
        break;
    }
    if (item->kind == TENON_PQ_COMMIT && PQresultStatus(result) == PGRES_PIPELINE_ABORTED)
        link->commit_sent = false;
    if (item->kind == TENON_PQ_PARSE && item->stmt != NULL)
        pq_stmt_unparsed(item->stmt, link);
    else if (item->kind == TENON_PQ_PARSE)
        link->lasting &= ~(1u << item->number);
    PQclear(result);
    return !link->dead;
}

/* Read answers until no item is left, or until `stream` comes first. @return false: dead */
static bool
link_collect(tenon_pq_link *link, tenon_pq_stmt *stream)
{
    PGresult *result;

    while (link->count > 0) {
        const tenon_pq_item *item = &link->items[link->first];

        if (stream != NULL && item->kind == TENON_PQ_ROWS && item->stmt == stream) {
            (void)PQsetSingleRowMode(link->pg);
            link->streaming = stream;
            return true;
        }
        if (!link_result(link, &result))
            return false;
        if (result == NULL) {
            if (PQstatus(link->pg) != CONNECTION_OK)
                return false;
            link_pop(link);
        } else if (!link_judge(link, result)) {
            return false;
        }
    }
    return true;
}

/* ---- Sending ---- */

static tenon_status
link_push(tenon_pq_link *link, tenon_pq_item item, int sent, tenon_error *err)
{
    if (sent != 1)
        return tenon_pq_lost(link, err);
    item.serial = ++link->serial;
    link->items[(link->first + link->count++) % TENON_PQ_ITEMS] = item;
    link->commit_sent = link->commit_sent || item.kind == TENON_PQ_COMMIT;
    return TENON_OK;
}

/* Whether there is room for one more and a sync behind it; rows that stream are read to their end
 * first. */
static tenon_status
link_ready(tenon_pq_link *link, tenon_error *err)
{
    tenon_status st = TENON_OK;

    if (link->dead)
        return tenon_pq_lost(link, err);
    if (link->streaming != NULL)
        st = tenon_pq_drain(link, err);
    if (st == TENON_OK && link->count + 3 >= TENON_PQ_ITEMS)
        st = tenon_pq_run(link, NULL, err);
    return st;
}

static const tenon_pq_params pq_no_params = { 0, NULL, NULL, NULL, NULL };

tenon_status
tenon_pq_send(tenon_pq_link *link, tenon_pq_item item, const char *sql,
              const tenon_pq_params *params, tenon_error *err)
{
    const int format = item.kind == TENON_PQ_ROWS || item.kind == TENON_PQ_EXEC;
    tenon_status st = link_ready(link, err);

    if (params == NULL)
        params = &pq_no_params;
    return st != TENON_OK ? st
                          : link_push(link, item,
                                      PQsendQueryParams(link->pg, sql, params->count, params->types,
                                                        params->values, params->lengths,
                                                        params->formats, format),
                                      err);
}

tenon_status
pq_send_named(tenon_pq_link *link, tenon_pq_item item, const char *name,
              const tenon_pq_params *params, tenon_error *err)
{
    tenon_status st = link_ready(link, err);

    if (params == NULL)
        params = &pq_no_params;
    return st != TENON_OK
               ? st
               : link_push(link, item,
                           PQsendQueryPrepared(link->pg, name, params->count, params->values,
                                               params->lengths, params->formats, 1),
                           err);
}

tenon_status
pq_parse(tenon_pq_link *link, tenon_pq_item item, const char *name, const char *sql,
         const tenon_pq_params *params, tenon_error *err)
{
    tenon_status st = link_ready(link, err);

    if (params == NULL)
        params = &pq_no_params;
    return st != TENON_OK
               ? st
               : link_push(link, item,
                           PQsendPrepare(link->pg, name, sql, params->count, params->types), err);
}

tenon_status
tenon_pq_send_lasting(tenon_pq_link *link, tenon_pq_item item, uint32_t number, const char *sql,
                      const tenon_pq_params *params, tenon_error *err)
{
    const tenon_pq_item parse = { .kind = TENON_PQ_PARSE, .number = number };
    char name[LINK_NAME_BYTES]; /* the text itself where that is short: what servers log is for
                                 * people
                                 */
    tenon_status st = TENON_OK;

    if (link->shares)
        return tenon_pq_send(link, item, sql, params, err);
    if (snprintf(name, sizeof name, "%s", sql) >= LINK_NAME_BYTES)
        (void)snprintf(name, sizeof name, "tenon_%u", (unsigned)number);
    if ((link->lasting & 1u << number) == 0) {
        st = pq_parse(link, parse, name, sql, params, err);
        link->lasting |= st == TENON_OK ? 1u << number : 0;
    }
    return st == TENON_OK ? pq_send_named(link, item, name, params, err) : st;
}

tenon_status
tenon_pq_flush(tenon_pq_link *link, tenon_error *err)
{
    const tenon_pq_item sync = { .kind = TENON_PQ_SYNC };
    tenon_status st = link_ready(link, err);

    if (st == TENON_OK)
        st = link_push(link, sync, PQpipelineSync(link->pg), err);
    if (st == TENON_OK && PQflush(link->pg) < 0)
        st = tenon_pq_lost(link, err);
    return st;
}

/* The first failure, told once. */
static tenon_status
link_outcome(tenon_pq_link *link, bool alive, tenon_error *err)
{
    if (!alive && !link->failed)
        return tenon_pq_lost(link, err);
    link->dead = link->dead || !alive;
    if (!link->failed)
        return TENON_OK;
    link->failed = false;
    *err = link->failure;
    return err->status;
}

tenon_status
tenon_pq_run(tenon_pq_link *link, tenon_pq_stmt *stream, tenon_error *err)
{
    const tenon_pq_item sync = { .kind = TENON_PQ_SYNC };
    tenon_status st;

    if (link->dead)
        return tenon_pq_lost(link, err);
    st = link_push(link, sync, PQpipelineSync(link->pg), err);
    if (st != TENON_OK)
        return st;
    link->trips++;
    return link_outcome(link, link_collect(link, stream), err);
}

tenon_status
tenon_pq_drain(tenon_pq_link *link, tenon_error *err)
{
    PGresult *result;
    tenon_status st = TENON_OK;

    while (link->streaming != NULL && st == TENON_OK) {
        tenon_pq_stmt *stmt = link->streaming;

        st = pq_next(link, &result, err);
        if (result != NULL)
            pq_stmt_take(stmt, result);
    }
    return st != TENON_OK ? st : link_outcome(link, link_collect(link, NULL), err);
}

tenon_status
pq_next(tenon_pq_link *link, PGresult **out, tenon_error *err)
{
    bool alive = link_result(link, out);

    if (alive && *out != NULL && PQresultStatus(*out) == PGRES_SINGLE_TUPLE)
        return TENON_OK;
    link->streaming = NULL;
    if (alive && *out != NULL) {
        alive = link_judge(link, *out); /* the end, or a failure */
        *out = NULL;
    }
    return link_outcome(link, alive && link_collect(link, NULL), err);
}

void
pq_forget(tenon_pq_link *link, const tenon_pq_stmt *stmt)
{
    if (link->streaming == stmt) {
        tenon_error ignored;

        (void)tenon_pq_drain(link, &ignored);
    }
    for (uint32_t i = 0; i < link->count; i++) {
        tenon_pq_item *item = &link->items[(link->first + i) % TENON_PQ_ITEMS];

        if (item->stmt == stmt)
            item->stmt = NULL;
    }
}

bool
tenon_pq_is_alive(tenon_pq_link *link)
{
    struct pollfd fd = { .fd = PQsocket(link->pg), .events = POLLIN };

    /* A server that goes says so first, so that there is something to read. */
    while (!link->dead && fd.fd >= 0 && poll(&fd, 1, 0) > 0) {
        if (PQconsumeInput(link->pg) != 1)
            link->dead = true;
    }
    return !link->dead && fd.fd >= 0;
}

tenon_status
tenon_pq_ask(tenon_pq_link *link, const char *sql, tenon_error *err)
{
    static const tenon_pq_item text = { .kind = TENON_PQ_TEXT };
    tenon_status st = tenon_pq_send(link, text, sql, NULL, err);

    link->answer[0] = '\0';
    link->failed_serial = 0;
    return st == TENON_OK ? tenon_pq_run(link, NULL, err) : st;
}

void
tenon_pq_interrupt(tenon_pq_link *link)
{
    pq_wake_up(link->wake);
}
