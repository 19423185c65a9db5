#include "fake.h"

#include "core/env.h"
#include "core/loader.h"

fake_engine fake;

enum { FAKE_CURSORS = 16 };

struct tenon_drv_cursor {
    bool in_use;
    uint32_t at;
    const tenon_value *params; /* borrowed until it is closed */
    tenon_value row;
};

static struct tenon_drv_cursor cursors[FAKE_CURSORS];
static int something; /* what databases and connections point to */

/* A plan is the query that it was made of. */
static const tenon_drv_query *
query_of(const tenon_drv_plan *plan)
{
    return (const tenon_drv_query *)(const void *)plan;
}

/* What a slot does now. */
static tenon_status
answer(int slot, tenon_error *err)
{
    fake_answer *a = &fake.answers[slot];
    static const char said[] = "the fake was told to fail";

    fake.calls[slot]++;
    if (a->times == 0)
        return TENON_OK;
    if (a->times != UINT32_MAX)
        a->times--;
    err->effect = a->effect;
    if (fake.mute)
        return a->status;
    err->status = a->status;
    err->native = 4711;
    memcpy(err->message, said, sizeof said);
    if (fake.sqlstate != NULL)
        (void)snprintf(err->sqlstate, sizeof err->sqlstate, "%s", fake.sqlstate);
    return a->status;
}

static tenon_status
db_open(const tenon_drv_open *options, tenon_drv_db **out, tenon_error *err)
{
    const char *path = tni_loader_path();

    (void)options, (void)err;
    (void)snprintf(fake.driver_path, sizeof fake.driver_path, "%s", path != NULL ? path : "");
    *out = (tenon_drv_db *)(void *)&something;
    return TENON_OK;
}

static void
db_close(tenon_drv_db *db)
{
    (void)db;
}

static tenon_status
db_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    (void)db, (void)err;
    info->capabilities = fake.capabilities;
    info->durability = TENON_DURABLE_NONE;
    info->max_connections = fake.max_connections;
    return TENON_OK;
}

static tenon_status
conn_open(tenon_drv_db *db, tenon_drv_conn **out, tenon_error *err)
{
    (void)db;
    *out = (tenon_drv_conn *)(void *)&something;
    return answer(FAKE_CONN_OPEN, err);
}

static tenon_status
conn_open_until(tenon_drv_db *db, uint64_t deadline_ns, tenon_drv_conn **out, tenon_error *err)
{
    fake.open_until_ns = deadline_ns;
    return conn_open(db, out, err);
}

static tenon_status
conn_check(tenon_drv_conn *conn, uint64_t deadline_ns, tenon_error *err)
{
    (void)conn;
    fake.check_until_ns = deadline_ns;
    return answer(FAKE_CHECK, err);
}

static void
conn_close(tenon_drv_conn *conn)
{
    fake.calls[FAKE_CONN_CLOSE] += conn != NULL ? 1 : 0;
    fake.plans_left = fake.plans_left || fake.calls[FAKE_FREE] < fake.calls[FAKE_PREPARE];
}

static tenon_status
conn_reset(tenon_drv_conn *conn, tenon_error *err)
{
    (void)conn;
    return answer(FAKE_RESET, err);
}

static tenon_status
txn_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    (void)conn;
    fake.isolation = how->isolation;
    fake.read_only = how->read_only;
    fake.deadline_ns = how->deadline_ns;
    fake.begun_by = pthread_self();
    return answer(FAKE_BEGIN, err);
}

static tenon_status
txn_commit(tenon_drv_conn *conn, tenon_error *err)
{
    (void)conn;
    fake.strayed = fake.strayed || !pthread_equal(fake.begun_by, pthread_self());
    return answer(FAKE_COMMIT, err);
}

static tenon_status
txn_rollback(tenon_drv_conn *conn, tenon_error *err)
{
    (void)conn;
    fake.strayed = fake.strayed || !pthread_equal(fake.begun_by, pthread_self());
    return answer(FAKE_ROLLBACK, err);
}

static tenon_status
txn_savepoint(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    (void)conn;
    fake.depth = depth;
    return answer(FAKE_SAVEPOINT, err);
}

static tenon_status
txn_release(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    (void)conn;
    fake.depth = depth;
    return answer(FAKE_RELEASE, err);
}

static tenon_status
txn_rollback_to(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    (void)conn;
    fake.depth = depth;
    return answer(FAKE_ROLLBACK_TO, err);
}

static tenon_status
query_prepare(tenon_drv_conn *conn, const tenon_drv_query *query, tenon_drv_plan **out,
              tenon_error *err)
{
    (void)conn;
    memcpy(out, &query, sizeof *out);
    return answer(FAKE_PREPARE, err);
}

static void
query_free(tenon_drv_plan *plan)
{
    fake.calls[FAKE_FREE] += plan != NULL ? 1 : 0;
}

/* Wait for the interrupt. */
static tenon_status
query_hang(tenon_error *err)
{
    while (!atomic_load(&fake.interrupted))
        tni_sleep_until_ns(tni_monotonic_ns() + TNI_NS_PER_MS);
    atomic_store(&fake.interrupted, false);
    fake.hangs = false;
    err->status = TENON_CANCELLED;
    return TENON_CANCELLED;
}

static tenon_status
query_exec(tenon_drv_plan *plan, const tenon_value *params, uint64_t *affected, tenon_error *err)
{
    (void)plan, (void)params;
    *affected = 1;
    if (fake.hangs)
        return query_hang(err);
    return answer(FAKE_EXEC, err);
}

static tenon_drv_cursor *
cursor_take(const tenon_value *params)
{
    int i = 0;

    while (cursors[i].in_use)
        i++;
    assert_true(i < FAKE_CURSORS);
    cursors[i] = (struct tenon_drv_cursor){ .in_use = true, .params = params };
    fake.open_cursors++;
    return &cursors[i];
}

static tenon_status
query_open(tenon_drv_plan *plan, const tenon_value *params, tenon_drv_cursor **out,
           tenon_error *err)
{
    tenon_status st = answer(FAKE_OPEN, err);

    fake.after = query_of(plan)->after_param != TENON_DRV_NONE;
    *out = st == TENON_OK ? cursor_take(query_of(plan)->param_count > 0 ? params : NULL) : NULL;
    return st;
}

static tenon_status
query_next(tenon_drv_cursor *cursor, const tenon_value **row, tenon_error *err)
{
    static const tenon_value stale = { .type = TENON_INT };
    tenon_status st = answer(FAKE_NEXT, err);

    *row = &stale; /* what a failure leaves there is of no value */
    if (st != TENON_OK)
        return st;
    if (cursor->params != NULL && cursor->params[0].type == TENON_TEXT)
        (void)snprintf(fake.text, sizeof fake.text, "%.*s", (int)cursor->params[0].len,
                       (const char *)cursor->params[0].as.data);
    if (cursor->at == fake.row_count)
        return TENON_NOT_FOUND;
    cursor->row = tenon_int(cursor->at++);
    *row = &cursor->row;
    return TENON_OK;
}

static void
query_close(tenon_drv_cursor *cursor)
{
    if (cursor == NULL)
        return;
    assert_true(cursor->in_use);
    cursor->in_use = false;
    fake.open_cursors--;
    fake.calls[FAKE_CLOSE]++;
}

/* What a fetch lends stays where it is. */
static tenon_status
query_fetch(tenon_drv_plan *plan, const tenon_value *params, const tenon_value **row,
            tenon_error *err)
{
    static tenon_value lent;
    tenon_status st = answer(FAKE_NEXT, err);

    (void)params;
    *row = &lent; /* what a failure leaves there is of no value */
    if (st != TENON_OK)
        return st;
    if (fake.row_count == 0)
        return TENON_NOT_FOUND;
    lent = tenon_int(query_of(plan)->kind == TENON_COUNT ? (int64_t)fake.row_count : 0);
    return TENON_OK;
}

static tenon_status
query_sql(tenon_drv_conn *conn, const char *sql, const tenon_value *params, uint32_t param_count,
          tenon_drv_cursor **out, uint32_t *column_count, tenon_error *err)
{
    tenon_status st = answer(FAKE_SQL, err);

    (void)conn, (void)sql;
    fake.param_count = param_count;
    if (column_count != NULL)
        *column_count = 1;
    if (out != NULL)
        *out = st == TENON_OK ? cursor_take(param_count > 0 ? params : NULL) : NULL;
    return st;
}

static tenon_status
schema_has(tenon_drv_conn *conn, const char *name, uint32_t *out, tenon_error *err)
{
    (void)conn, (void)name, (void)err;
    *out = 0;
    return TENON_OK;
}

static tenon_status
schema_table(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    (void)conn, (void)table, (void)err;
    return TENON_OK;
}

static tenon_status
schema_drop(tenon_drv_conn *conn, const char *name, tenon_error *err)
{
    (void)conn, (void)name, (void)err;
    return TENON_OK;
}

static tenon_status
schema_part(tenon_drv_conn *conn, const char *table, const char *part, tenon_error *err)
{
    (void)conn, (void)table, (void)part, (void)err;
    return TENON_OK;
}

static tenon_status
schema_index(tenon_drv_conn *conn, const tenon_drv_table *table, uint32_t index, tenon_error *err)
{
    (void)conn, (void)table, (void)index, (void)err;
    return TENON_OK;
}

static void
admin_interrupt(tenon_drv_conn *conn)
{
    (void)conn;
    atomic_store(&fake.interrupted, true);
}

static const tenon_drv_admin_ops admin = { .size = sizeof admin, .interrupt = admin_interrupt };
static const tenon_drv_database_ops database = {
    .size = sizeof database, .open = db_open, .close = db_close, .info = db_info
};
static const tenon_drv_connection_ops connection = {
    .size = sizeof connection, .open = conn_open, .close = conn_close, .reset = conn_reset
};
static const tenon_drv_connection_ops far_connection = { .size = sizeof far_connection,
                                                         .open = conn_open,
                                                         .close = conn_close,
                                                         .reset = conn_reset,
                                                         .open_until = conn_open_until,
                                                         .check = conn_check };
static const tenon_drv_transaction_ops transaction = { .size = sizeof transaction,
                                                       .begin = txn_begin,
                                                       .commit = txn_commit,
                                                       .rollback = txn_rollback,
                                                       .savepoint = txn_savepoint,
                                                       .savepoint_release = txn_release,
                                                       .savepoint_rollback = txn_rollback_to };
static const tenon_drv_transaction_ops bare_transaction = { .size = sizeof bare_transaction,
                                                            .begin = txn_begin,
                                                            .commit = txn_commit,
                                                            .rollback = txn_rollback };
static const tenon_drv_query_ops query = { .size = sizeof query,
                                           .prepare = query_prepare,
                                           .free = query_free,
                                           .exec = query_exec,
                                           .open = query_open,
                                           .next = query_next,
                                           .close = query_close,
                                           .fetch = query_fetch,
                                           .sql = query_sql };
static const tenon_drv_query_ops bare_query = { .size = sizeof bare_query,
                                                .prepare = query_prepare,
                                                .free = query_free,
                                                .exec = query_exec,
                                                .open = query_open,
                                                .next = query_next,
                                                .close = query_close };
static const tenon_drv_schema_ops schema = { .size = sizeof schema,
                                             .has_table = schema_has,
                                             .create_table = schema_table,
                                             .drop_table = schema_drop,
                                             .add_column = schema_table,
                                             .drop_column = schema_part,
                                             .create_index = schema_index,
                                             .drop_index = schema_part };

#define FAKE_DRIVER(driver_name, connection_ops, transaction_ops, query_ops, driver_flags)         \
    {                                                                                              \
        .size = sizeof(tenon_driver), .magic = TENON_DRIVER_MAGIC,                                 \
        .abi_major = TENON_DRIVER_ABI_MAJOR, .abi_minor = TENON_DRIVER_ABI_MINOR,                  \
        .name = (driver_name), .version = "1.0", .capabilities = TENON_CAP_DURABLE_NONE,           \
        .database = &database, .connection = (connection_ops), .transaction = (transaction_ops),   \
        .query = (query_ops), .schema = &schema, .admin = &admin, .flags = (driver_flags)          \
    }

static const tenon_driver drivers[] = {
    FAKE_DRIVER("fake", &connection, &transaction, &query, 0),
    FAKE_DRIVER("bound", &connection, &transaction, &query, TENON_DRV_THREAD_BOUND),
    FAKE_DRIVER("bare", &connection, &bare_transaction, &bare_query, 0),
    FAKE_DRIVER("nofetch", &connection, &transaction, &bare_query, 0),
    FAKE_DRIVER("far", &far_connection, &transaction, &query, 0),
};

static const tenon_column columns[] = { { .name = "id", .type = TENON_INT, .not_null = true },
                                        { .name = "name", .type = TENON_TEXT } };
static const tenon_table table = {
    .name = "t", .columns = columns, .column_count = 2, .primary_key = TENON_COLUMNS(0)
};
const tenon_query fake_insert = {
    .name = "add", .kind = TENON_INSERT, .table = &table, .columns = TENON_COLUMNS(0)
};
const tenon_query fake_select = {
    .name = "list", .kind = TENON_SELECT, .table = &table, .columns = TENON_COLUMNS(0)
};
const tenon_query fake_number = { .name = "number", .kind = TENON_COUNT, .table = &table };
const tenon_query fake_page = { .name = "page",
                                .kind = TENON_SELECT,
                                .table = &table,
                                .columns = TENON_COLUMNS(0),
                                .order = TENON_ORDER(TENON_ASC(0)),
                                .after_param = TENON_PARAM(0) };
const tenon_query fake_named = { .name = "named",
                                 .kind = TENON_SELECT,
                                 .table = &table,
                                 .columns = TENON_COLUMNS(0),
                                 .where = TENON_WHERE(TENON_EQ(1, 0)) };

void
fake_reset(void)
{
    memset(&fake, 0, sizeof fake);
    fake.capabilities = TENON_CAP_SAVEPOINTS | TENON_CAP_SERIALIZABLE | TENON_CAP_SNAPSHOT |
                        TENON_CAP_DURABLE_NONE;
    fake.row_count = 3;
}

int
fake_setup(void **state)
{
    static bool registered;

    (void)state;
    fake_reset();
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0] && !registered; i++)
        assert_int_equal(tni_driver_register(&drivers[i], NULL), TENON_OK);
    registered = true;
    return 0;
}

void
fake_fail(int slot, tenon_status status, uint8_t effect, uint32_t times)
{
    fake.answers[slot] = (fake_answer){ .status = status, .effect = effect, .times = times };
}

tenon_db *
fake_open(const char *url, const tenon_open_options *options)
{
    tenon_open_options o = { .size = sizeof o };
    tenon_error err = { 0 };
    tenon_db *db;

    if (options != NULL)
        o = *options;
    if (o.min_connections == 0)
        o.min_connections = UINT32_MAX; /* nothing happens but what the test does */
    if (o.breaker_failures == 0)
        o.breaker_failures = UINT32_MAX;
    if (strncmp(url, "bound:", 6) == 0)
        fake.capabilities |= TENON_CAP_SINGLE_WRITER; /* one needs the other */
    if (tenon_open(url, &o, &db, &err) != TENON_OK)
        fail_msg("%s", err.message);
    return db;
}

tenon_txn *
fake_begin(tenon_db *db, const tenon_txn_options *options)
{
    tenon_error err = { 0 };
    tenon_txn *txn;

    if (tenon_begin(db, options, &txn, &err) != TENON_OK)
        fail_msg("%s", err.message);
    return txn;
}
