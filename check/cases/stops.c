/* Calls that take long: stopped by the driver itself at the transaction's deadline, and from
 * another thread. Called by the driver's table, so that the core does neither. */
#include "check/raw.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define STOPS_FIRST_ROWS 20000
#define STOPS_MOST_ROWS 2560000
#define STOPS_LONG_NS UINT64_C(400000000)
#define STOPS_DEADLINE_MS 50

/* What runs, and how it ended. */
typedef struct stops_call {
    raw *r;
    tenon_drv_plan *raise;
    tenon_status status;
    atomic_bool done;
} stops_call;

/* n = n + 1 in every row. */
static const tenon_drv_query *
stops_raise(void)
{
    const tenon_drv_assign set = { .column = 1, .how = TENON_SET_ADD, .param = 0 };
    const uint8_t type = TENON_INT;
    tenon_drv_query query = { .size = sizeof query,
                              .name = "raise",
                              .table = raw_item(),
                              .kind = TENON_UPDATE,
                              .after_param = TENON_DRV_NONE,
                              .limit_param = TENON_DRV_NONE,
                              .conflict_index = TENON_DRV_NONE,
                              .limit = UINT64_MAX,
                              .set_count = 1,
                              .param_count = 1 };

    query.set = raw_copy(&set, sizeof set);
    query.param_types = raw_copy(&type, sizeof type);
    return raw_copy(&query, sizeof query);
}

static tenon_status
stops_run(stops_call *call)
{
    const tenon_value one = tenon_int(1);
    uint64_t affected = 0;

    return call->r->query.exec(call->raise, &one, &affected, call->r->err);
}

static void
stops_fill(raw *r, int64_t from, int64_t to)
{
    tenon_drv_plan *plan = NULL;
    uint64_t affected;

    RAW_OK(r, raw_begin(r, r->conn, 600000, false, 0));
    RAW_OK(r, r->query.prepare(r->conn, raw_item_insert(), &plan, r->err));
    for (int64_t id = from; id < to; id++) {
        const tenon_value params[] = { tenon_int(id), tenon_int(0), tenon_null() };

        RAW_OK(r, r->query.exec(plan, params, &affected, r->err));
    }
    r->query.free(plan);
    RAW_OK(r, r->transaction.commit(r->conn, r->err));
}

/* As many rows as it takes for the statement to take long. @return nanoseconds of it */
static uint64_t
stops_begin(conf *c, raw *r, stops_call *call)
{
    int64_t rows = 0, more = STOPS_FIRST_ROWS;
    uint64_t taken_ns = 0;

    *call = (stops_call){ .r = r };
    raw_open(c, r);
    raw_make_item(r);
    while (taken_ns < STOPS_LONG_NS) {
        if (rows >= STOPS_MOST_ROWS)
            SKIP("no statement takes long enough here to be stopped");
        stops_fill(r, rows, rows + more);
        rows += more;
        more = rows;
        RAW_OK(r, raw_begin(r, r->conn, 600000, false, 0));
        RAW_OK(r, r->query.prepare(r->conn, stops_raise(), &call->raise, r->err));
        taken_ns = conf_monotonic_ns();
        RAW_OK(r, stops_run(call));
        taken_ns = conf_monotonic_ns() - taken_ns;
        r->query.free(call->raise);
        RAW_OK(r, r->transaction.rollback(r->conn, r->err));
    }
    return taken_ns;
}

/* Nothing of the statement is there, and the connection works; or it says that it does not, and is
 * closed. */
static void
stops_end(raw *r)
{
    const tenon_value *row = NULL;
    const tenon_value id = tenon_int(1);
    tenon_drv_cursor *cursor = NULL;
    tenon_drv_plan *plan = NULL;

    if (r->transaction.rollback(r->conn, r->err) != TENON_OK) {
        r->connection.close(r->conn);
        r->conn = raw_connect(r);
    }
    RAW_OK(r, raw_begin(r, r->conn, 60000, false, 0));
    RAW_OK(r, r->query.prepare(r->conn, raw_item_get(), &plan, r->err));
    RAW_OK(r, r->query.open(plan, &id, &cursor, r->err));
    RAW_OK(r, r->query.next(cursor, &row, r->err));
    CHECK_INT(row[0].as.i, 0);
    r->query.close(cursor);
    r->query.free(plan);
    RAW_OK(r, raw_insert(r, r->conn, -1, "after it"));
    RAW_OK(r, r->transaction.commit(r->conn, r->err));
    raw_close(r);
}

static void
stops_at_the_deadline(conf *c)
{
    stops_call call;
    tenon_status st;
    raw r;
    const uint64_t alone_ns = stops_begin(c, &r, &call);

    RAW_OK(&r, raw_begin(&r, r.conn, STOPS_DEADLINE_MS, false, 0));
    st = r.query.prepare(r.conn, stops_raise(), &call.raise, r.err);
    if (st == TENON_OK)
        st = stops_run(&call);
    if (st != TENON_TIMEOUT)
        conf_failed(CONF_HERE, "a statement is stopped at the deadline: TIMEOUT",
                    "%s, of one that takes %llu ms and had %d", tenon_status_name(st),
                    (unsigned long long)alone_ns / 1000000, STOPS_DEADLINE_MS);
    r.query.free(call.raise);
    stops_end(&r);
}

static void *
stops_body(void *arg)
{
    stops_call *call = arg;

    call->status = stops_run(call);
    atomic_store(&call->done, true);
    return NULL;
}

static void
stops_by_interrupt(conf *c)
{
    stops_call call;
    pthread_t thread;
    raw r;

    NEEDS(TENON_CAP_INTERRUPT);
    (void)stops_begin(c, &r, &call);
    RAW_OK(&r, raw_begin(&r, r.conn, 600000, false, 0));
    RAW_OK(&r, r.query.prepare(r.conn, stops_raise(), &call.raise, r.err));
    CHECK_INT(pthread_create(&thread, NULL, stops_body, &call), 0);
    while (!atomic_load(&call.done)) { /* one that comes before the call runs stops nothing */
        (void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
        r.admin.interrupt(r.conn);
    }
    CHECK_INT(pthread_join(thread, NULL), 0);
    if (call.status != TENON_CANCELLED)
        conf_failed(CONF_HERE, "admin.interrupt stops the call that runs: CANCELLED", "%s",
                    tenon_status_name(call.status));
    r.query.free(call.raise);
    stops_end(&r);
}

static const conf_case stops_cases[] = {
    TIMED_CASE(stops_at_the_deadline, CONF_NORMAL,
               "a driver stops a long statement at the deadline by itself"),
    TIMED_CASE(stops_by_interrupt, CONF_NORMAL,
               "interrupt stops the statement that runs, and leaves no trace"),
};

CONF_GROUP(stops, "stopping",
           "Look at the clock now and then in every loop over rows (deadline_ns of "
           "tenon_drv_begin), or hand the deadline to the engine; admin.interrupt must reach the "
           "engine, or not be claimed.");
