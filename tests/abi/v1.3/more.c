/* The store of v1.0, with all that version 1.3 has more. Frozen with the headers beside it. */
#include "more.h"

#include "../v1.0/store.c"

static tenon_status
store_open_until(tenon_drv_db *db, uint64_t deadline_ns, tenon_drv_conn **out, tenon_error *err)
{
    (void)deadline_ns; /* nothing waits */
    return store_conn_open(db, out, err);
}

static tenon_status
store_check(tenon_drv_conn *conn, uint64_t deadline_ns, tenon_error *err)
{
    (void)deadline_ns;
    return conn->in_txn ? store_fail(err, TENON_INTERNAL, TENON_EFFECT_OPEN, NULL,
                                     "a connection that is handed out is in a transaction")
                        : TENON_OK;
}

static uint64_t
store_round_trips(const tenon_drv_conn *conn)
{
    (void)conn;
    return 0;
}

/* What the core may not have: `shared` came with 1.3. */
static tenon_status
store_begin_shared(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    if (tenon_drv_is_shared(how) && how->read_only)
        return store_fail(err, TENON_INTERNAL, TENON_EFFECT_ROLLED_BACK, NULL,
                          "a reader is not shared");
    return store_begin(conn, how, err);
}

static tenon_status
store_exec_later(tenon_drv_plan *plan, const tenon_value *params, tenon_error *err)
{
    uint64_t affected;

    return store_exec(plan, params, &affected, err);
}

static tenon_status
store_require(tenon_drv_plan *plan, const tenon_value *params, tenon_error *err)
{
    tenon_drv_cursor *cursor;
    const tenon_value *row;
    tenon_status st = store_cursor_open(plan, params, &cursor, err);

    if (st == TENON_OK && store_next(cursor, &row, err) == TENON_NOT_FOUND)
        st = store_fail(err, TENON_NOT_FOUND, TENON_EFFECT_OPEN, plan->query->name,
                        "%s finds no row", plan->query->name);
    store_cursor_close(cursor);
    return st;
}

static tenon_drv_connection_ops store_connection_more;
static tenon_drv_transaction_ops store_transaction_more;
static tenon_drv_query_ops store_query_more;
static tenon_driver store_driver_more;

const tenon_driver *
store_v1_3(const tenon_host *host)
{
    store_driver_more = *store_v1_0(host);
    store_connection_more = store_connection;
    store_connection_more.open_until = store_open_until;
    store_connection_more.check = store_check;
    store_connection_more.round_trips = store_round_trips;
    store_transaction_more = store_transaction;
    store_transaction_more.begin = store_begin_shared;
    store_query_more = store_query;
    store_query_more.exec_later = store_exec_later;
    store_query_more.require = store_require;
    store_driver_more.name = "store13";
    store_driver_more.version = "1.3";
    store_driver_more.connection = &store_connection_more;
    store_driver_more.transaction = &store_transaction_more;
    store_driver_more.query = &store_query_more;
    store_driver_more.flags = TENON_DRV_GROUPS;
    return &store_driver_more;
}
