/* The store of v1.3 as a later version may have it: with slots that the core of today does not
 * know, and must not call. GREEDY: it reads what that core does not give. */
#include <stdlib.h>

#include "v1.3/more.c"

static tenon_status
store_future(void)
{
    abort();
}

#ifdef GREEDY
static tenon_status
store_begin_greedy(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    if (how->future != 0) /* without a look at its size */
        return store_no_memory(err);
    return store_begin_shared(conn, how, err);
}
#endif

static tenon_drv_database_ops future_database;
static tenon_drv_schema_ops future_schema;
static const tenon_drv_two_phase_ops future_two_phase = { .size = sizeof future_two_phase,
                                                          .future = store_future };
static const tenon_drv_admin_ops future_admin = { .size = sizeof future_admin,
                                                  .future = store_future };

const tenon_driver *
tenon_driver_v1(const tenon_host *host)
{
    static tenon_driver driver;

    driver = *store_v1_3(host);
    future_database = store_database;
    future_schema = store_schema;
    future_database.future = store_future;
    future_schema.future = store_future;
    store_connection_more.future = store_future;
    store_transaction_more.future = store_future;
    store_query_more.future = store_future;
#ifdef GREEDY
    store_transaction_more.begin = store_begin_greedy;
#endif
    driver.name = "future";
    driver.future = 1;
    driver.database = &future_database;
    driver.schema = &future_schema;
    driver.two_phase = &future_two_phase;
    driver.admin = &future_admin;
    return &driver;
}
