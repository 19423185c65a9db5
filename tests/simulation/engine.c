/* The engine of the simulation. */
#include "tests/simulation/engine_inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/env.h"
#include "tests/simulation/world.h"

#define ENGINE_CONNS 64
#define ENGINE_IDLE_NS (100 * TNI_NS_PER_MS) /* after a deadline: the reaper's time */

static struct {
    engine_nature nature;
    tenon_drv_conn conns[ENGINE_CONNS];
    uint32_t opening; /* connections, now */
    bool committed[ENGINE_MARKS];
    bool application[64]; /* by task */
    uint32_t next_mark, commits, writers;
} engine;

void
engine_begin(const engine_nature *nature)
{
    memset(&engine, 0, sizeof engine);
    engine.nature = *nature;
}

void
engine_mark_application(bool is)
{
    engine.application[world_task()] = is;
}

bool
engine_is_called(const tenon_drv_conn *conn)
{
    return conn->in_call;
}

uint32_t
engine_opening(void)
{
    return engine.opening;
}

uint32_t
engine_connections(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < ENGINE_CONNS; i++)
        count += engine.conns[i].used;
    return count;
}

void
engine_end(void)
{
    if (engine_connections() != 0)
        world_violation("%u connections are left open", engine_connections());
}

uint32_t
engine_new_mark(void)
{
    if (engine.next_mark == ENGINE_MARKS)
        abort();
    return engine.next_mark++;
}

bool
engine_has(uint32_t mark)
{
    return engine.committed[mark];
}

uint32_t
engine_commits(void)
{
    return engine.commits;
}

void
engine_watch(uint64_t now_ns)
{
    for (uint32_t i = 0; i < ENGINE_CONNS; i++) {
        const tenon_drv_conn *c = &engine.conns[i];

        if (c->used && c->in_txn && !c->in_call && !c->excused &&
            c->deadline_ns + ENGINE_IDLE_NS < now_ns)
            world_violation("connection %u is idle in a transaction %llu ms after its deadline", i,
                            (unsigned long long)((now_ns - c->deadline_ns) / TNI_NS_PER_MS));
    }
}

/* ---- Calls ---- */

void
engine_enter(tenon_drv_conn *conn, const char *slot)
{
    if (!conn->used)
        world_violation("%s on a connection that is closed", slot);
    if (conn->in_call)
        world_violation("%s while another call is in progress on the same connection", slot);
    conn->in_call = true;
}

tenon_status
engine_fail(tenon_error *err, tenon_status status, uint8_t effect)
{
    static const char text[] = "as the seed wanted";

    err->status = status;
    err->effect = effect;
    memcpy(err->message, text, sizeof text);
    return status;
}

/* Do not see the deadline, but an interrupt; be done soon, perhaps. */
static tenon_status
engine_overrun(tenon_drv_conn *conn, tenon_error *err)
{
    const uint64_t done_ns = world_chance(2) ? UINT64_MAX
                                             : conn->deadline_ns + world_random(40 * TNI_NS_PER_MS);

    conn->interrupted = false;
    while (!conn->interrupted && tni_monotonic_ns() < done_ns) {
        if (tni_monotonic_ns() > conn->deadline_ns + ENGINE_IDLE_NS)
            world_violation("a call goes on %llu ms after its deadline",
                            (unsigned long long)(ENGINE_IDLE_NS / TNI_NS_PER_MS));
        tni_sleep_until_ns(tni_monotonic_ns() + world_random(TNI_NS_PER_MS));
    }
    return conn->interrupted ? engine_fail(err, TENON_CANCELLED, TENON_EFFECT_MUST_ROLL_BACK)
                             : TENON_OK;
}

/* Take some time, up to the deadline; whatever ends no transaction may take longer. */
static tenon_status
engine_take_time(tenon_drv_conn *conn, tenon_error *err)
{
    uint64_t until_ns;

    tni_step();
    if (!world_chance(engine.nature.slow_of))
        return TENON_OK;
    until_ns = tni_monotonic_ns() +
               world_random((conn->deadline_ns == UINT64_MAX ? 10 : 40) * TNI_NS_PER_MS);
    if (until_ns < conn->deadline_ns) {
        tni_sleep_until_ns(until_ns);
        return TENON_OK;
    }
    if (engine.nature.interrupts && conn->in_txn && world_chance(2))
        return engine_overrun(conn, err);
    tni_sleep_until_ns(conn->deadline_ns + world_random(5 * TNI_NS_PER_MS));
    return engine_fail(err, TENON_TIMEOUT,
                       world_chance(2) ? TENON_EFFECT_ROLLED_BACK : TENON_EFFECT_MUST_ROLL_BACK);
}

/* Fail now and then. */
static tenon_status
engine_chance(tenon_error *err)
{
    static const tenon_status statuses[] = { TENON_CONFLICT, TENON_CONFLICT, TENON_BUSY,
                                             TENON_IO,       TENON_FULL,     TENON_UNAVAILABLE };
    const tenon_status st = statuses[world_random(sizeof statuses / sizeof statuses[0])];

    if (engine.nature.fails_of == 0 || !world_chance(engine.nature.fails_of))
        return TENON_OK;
    return engine_fail(err, st,
                       st == TENON_UNAVAILABLE || world_chance(3) ? TENON_EFFECT_ROLLED_BACK
                                                                  : TENON_EFFECT_MUST_ROLL_BACK);
}

tenon_status
engine_call(tenon_drv_conn *conn, const char *slot, tenon_error *err)
{
    tenon_status st;

    engine_enter(conn, slot);
    st = engine_take_time(conn, err);
    if (st == TENON_OK)
        st = engine_chance(err);
    return st;
}

tenon_status
engine_leave(tenon_drv_conn *conn, tenon_status st)
{
    conn->in_call = false;
    return st;
}

/* ---- Databases and connections ---- */

static tenon_status
engine_db_open(const tenon_drv_open *options, tenon_drv_db **out, tenon_error *err)
{
    (void)options, (void)err;
    *out = (tenon_drv_db *)(void *)&engine;
    return TENON_OK;
}

static void
engine_db_close(tenon_drv_db *db)
{
    (void)db;
}

static tenon_status
engine_db_info(tenon_drv_db *db, tenon_drv_info *info, tenon_error *err)
{
    (void)db, (void)err;
    info->capabilities = TENON_CAP_SERIALIZABLE | TENON_CAP_DURABLE_NONE;
    if (engine.nature.single_writer)
        info->capabilities |= TENON_CAP_SINGLE_WRITER;
    if (engine.nature.groups)
        info->capabilities |= TENON_CAP_SAVEPOINTS;
    if (engine.nature.interrupts)
        info->capabilities |= TENON_CAP_INTERRUPT;
    info->durability = TENON_DURABLE_NONE;
    return TENON_OK;
}

static tenon_status
engine_conn_open(tenon_drv_db *db, tenon_drv_conn **out, tenon_error *err)
{
    uint32_t i = 0;

    (void)db;
    *out = NULL;
    tni_step();
    if (engine.nature.fails_of != 0 && world_chance(engine.nature.fails_of))
        return engine_fail(err, TENON_UNAVAILABLE, TENON_EFFECT_ROLLED_BACK);
    while (engine.conns[i].used)
        i++;
    memset(&engine.conns[i], 0, sizeof engine.conns[i]);
    engine.conns[i].used = true;
    engine.conns[i].deadline_ns = UINT64_MAX;
    *out = &engine.conns[i];
    return TENON_OK;
}

static tenon_status
engine_conn_open_until(tenon_drv_db *db, uint64_t deadline_ns, tenon_drv_conn **out,
                       tenon_error *err)
{
    tenon_drv_conn none = { .deadline_ns = deadline_ns };
    tenon_status st;

    *out = NULL;
    engine.opening++;
    st = engine_take_time(&none, err);
    engine.opening--;
    return st == TENON_OK ? engine_conn_open(db, out, err) : st;
}

static void
engine_forget(tenon_drv_conn *conn)
{
    if (conn->in_txn && !conn->read_only)
        engine.writers--;
    conn->in_txn = false;
    conn->excused = false;
    conn->deadline_ns = UINT64_MAX;
    conn->mark_count = 0;
}

static void
engine_conn_close(tenon_drv_conn *conn)
{
    if (conn == NULL)
        return;
    engine_enter(conn, "close");
    if (conn->plans != 0 || conn->cursors != 0)
        world_violation("a connection is closed with %u plans and %u cursors", conn->plans,
                        conn->cursors);
    engine_forget(conn);
    conn->in_call = false;
    conn->used = false;
}

static tenon_status
engine_conn_reset(tenon_drv_conn *conn, tenon_error *err)
{
    tenon_status st = TENON_OK;

    engine_enter(conn, "reset");
    if (conn->in_txn)
        world_violation("a connection comes back with an open transaction");
    if (engine.nature.fails_of != 0 && world_chance(engine.nature.fails_of * 2))
        st = engine_fail(err, TENON_IO, TENON_EFFECT_OPEN);
    return engine_leave(conn, st);
}

static tenon_status
engine_conn_check(tenon_drv_conn *conn, uint64_t deadline_ns, tenon_error *err)
{
    tenon_status st;

    engine_enter(conn, "check");
    if (conn->in_txn)
        world_violation("a connection is asked for within a transaction");
    conn->deadline_ns = deadline_ns;
    st = engine_take_time(conn, err);
    conn->deadline_ns = UINT64_MAX;
    if (st == TENON_OK && engine.nature.fails_of != 0 && world_chance(2))
        st = engine_fail(err, TENON_UNAVAILABLE, TENON_EFFECT_ROLLED_BACK);
    return engine_leave(conn, st);
}

/* ---- Transactions ---- */

static tenon_status
engine_txn_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    tenon_status st;

    conn->deadline_ns = how->deadline_ns;
    st = engine_call(conn, "begin", err);
    if (conn->in_txn)
        world_violation("begin inside a transaction");
    if (st != TENON_OK) {
        conn->deadline_ns = UINT64_MAX;
        return engine_leave(conn, st);
    }
    conn->in_txn = true;
    conn->read_only = how->read_only;
    conn->shared = how->shared != 0;
    conn->parted = conn->has_part = false;
    conn->parts = 0;
    conn->task = world_task();
    conn->excused = engine.nature.bound && !conn->read_only && engine.application[conn->task];
    if (conn->shared) {
        conn->deadline_ns = UINT64_MAX;
        conn->excused = true;
    }
    if (!conn->read_only)
        engine.writers++;
    if (engine.nature.single_writer && engine.writers > 1)
        world_violation("%u writers on an engine with one", engine.writers);
    return engine_leave(conn, TENON_OK);
}

static void
engine_check_thread(const tenon_drv_conn *conn, const char *slot)
{
    if (engine.nature.bound && conn->in_txn && !conn->read_only && conn->task != world_task())
        world_violation("%s by another thread than begin", slot);
}

static void
engine_apply(tenon_drv_conn *conn)
{
    for (uint32_t i = 0; i < conn->mark_count; i++) {
        if (engine.committed[conn->marks[i]])
            world_violation("mark %u is committed twice", conn->marks[i]);
        engine.committed[conn->marks[i]] = true;
    }
}

static tenon_status
engine_txn_commit(tenon_drv_conn *conn, tenon_error *err)
{
    tenon_status st;

    engine_check_thread(conn, "commit");
    if (!conn->in_txn)
        world_violation("commit without a transaction");
    if (conn->cursors != 0)
        world_violation("commit with open cursors");
    if (conn->has_part)
        world_violation("commit in the middle of a member's part");
    conn->deadline_ns = UINT64_MAX; /* can't be stopped */
    st = engine_call(conn, "commit", err);
    if (st == TENON_IO && world_chance(2)) {
        if (world_chance(2))
            engine_apply(conn);
        st = engine_fail(err, TENON_UNKNOWN_OUTCOME, TENON_EFFECT_UNKNOWN);
    } else if (st == TENON_OK) {
        engine_apply(conn);
        engine.commits += conn->parted ? conn->parts : 1;
    }
    engine_forget(conn);
    return engine_leave(conn, st);
}

static tenon_status
engine_txn_rollback(tenon_drv_conn *conn, tenon_error *err)
{
    tenon_status st;

    engine_check_thread(conn, "rollback");
    if (conn->cursors != 0)
        world_violation("rollback with open cursors");
    conn->deadline_ns = UINT64_MAX;
    st = engine_call(conn, "rollback", err);
    engine_forget(conn);
    return engine_leave(conn, st);
}

/* ---- Parts of a transaction that is shared: the only savepoints here ---- */

static tenon_status
engine_savepoint(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    tenon_status st;

    engine_check_thread(conn, "savepoint");
    if (!conn->shared || depth != 1 || conn->has_part || conn->cursors != 0)
        world_violation("a member begins inside of another");
    st = engine_call(conn, "savepoint", err);
    conn->has_part = st == TENON_OK;
    conn->parted = conn->parted || conn->has_part;
    conn->part_mark_count = conn->mark_count;
    return engine_leave(conn, st);
}

static tenon_status
engine_savepoint_release(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    tenon_status st;

    engine_check_thread(conn, "release");
    if (depth != 1 || !conn->has_part || conn->cursors != 0)
        world_violation("a part ends that has not begun");
    st = engine_call(conn, "release", err);
    if (st == TENON_OK) {
        conn->has_part = false;
        conn->parts++;
    }
    return engine_leave(conn, st);
}

static tenon_status
engine_savepoint_rollback(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    tenon_status st;

    engine_check_thread(conn, "rollback to");
    if (depth != 1 || conn->cursors != 0)
        world_violation("a part is undone that has not begun");
    st = engine_call(conn, "rollback to", err);
    if (st == TENON_OK && conn->has_part) {
        conn->has_part = false;
        conn->mark_count = conn->part_mark_count;
    } else if (st == TENON_OK) {
        st = engine_fail(err, TENON_INTERNAL, TENON_EFFECT_MUST_ROLL_BACK);
    }
    return engine_leave(conn, st);
}

/* ---- The rest ---- */

static tenon_status
engine_has_table(tenon_drv_conn *conn, const char *name, uint32_t *out, tenon_error *err)
{
    (void)conn, (void)name, (void)err;
    *out = 0;
    return TENON_OK;
}

static tenon_status
engine_table(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    (void)conn, (void)table;
    return engine_fail(err, TENON_UNSUPPORTED, TENON_EFFECT_OPEN);
}

static tenon_status
engine_drop(tenon_drv_conn *conn, const char *name, tenon_error *err)
{
    (void)conn, (void)name;
    return engine_fail(err, TENON_UNSUPPORTED, TENON_EFFECT_OPEN);
}

static tenon_status
engine_part(tenon_drv_conn *conn, const char *table, const char *part, tenon_error *err)
{
    (void)conn, (void)table, (void)part;
    return engine_fail(err, TENON_UNSUPPORTED, TENON_EFFECT_OPEN);
}

static tenon_status
engine_index(tenon_drv_conn *conn, const tenon_drv_table *table, uint32_t index, tenon_error *err)
{
    (void)conn, (void)table, (void)index;
    return engine_fail(err, TENON_UNSUPPORTED, TENON_EFFECT_OPEN);
}

/* As slow as asking a server may be. */
static void
engine_interrupt(tenon_drv_conn *conn)
{
    if (world_chance(2))
        tni_sleep_until_ns(tni_monotonic_ns() + world_random(5 * TNI_NS_PER_MS));
    if (!conn->used || !conn->in_txn)
        world_violation("interrupt of a connection in no transaction");
    if (tni_monotonic_ns() < conn->deadline_ns)
        world_violation("interrupt of what is not over its time");
    conn->interrupted = true;
}

static const tenon_drv_database_ops engine_database = { .size = sizeof engine_database,
                                                        .open = engine_db_open,
                                                        .close = engine_db_close,
                                                        .info = engine_db_info };
static const tenon_drv_connection_ops engine_connection = { .size = sizeof engine_connection,
                                                            .open = engine_conn_open,
                                                            .close = engine_conn_close,
                                                            .reset = engine_conn_reset,
                                                            .open_until = engine_conn_open_until,
                                                            .check = engine_conn_check };
static const tenon_drv_transaction_ops engine_transaction = {
    .size = sizeof engine_transaction,
    .begin = engine_txn_begin,
    .commit = engine_txn_commit,
    .rollback = engine_txn_rollback,
    .savepoint = engine_savepoint,
    .savepoint_release = engine_savepoint_release,
    .savepoint_rollback = engine_savepoint_rollback
};
static const tenon_drv_schema_ops engine_schema = { .size = sizeof engine_schema,
                                                    .has_table = engine_has_table,
                                                    .create_table = engine_table,
                                                    .drop_table = engine_drop,
                                                    .add_column = engine_table,
                                                    .drop_column = engine_part,
                                                    .create_index = engine_index,
                                                    .drop_index = engine_part };
static const tenon_drv_admin_ops engine_admin = { .size = sizeof engine_admin,
                                                  .interrupt = engine_interrupt };

#define ENGINE_DRIVER(driver_name, driver_flags)                                                   \
    {                                                                                              \
        .size = sizeof(tenon_driver), .magic = TENON_DRIVER_MAGIC,                                 \
        .abi_major = TENON_DRIVER_ABI_MAJOR, .abi_minor = TENON_DRIVER_ABI_MINOR,                  \
        .name = (driver_name), .version = "1.0", .capabilities = TENON_CAP_DURABLE_NONE,           \
        .database = &engine_database, .connection = &engine_connection,                            \
        .transaction = &engine_transaction, .query = &engine_query_ops, .schema = &engine_schema,  \
        .admin = &engine_admin, .flags = (driver_flags)                                            \
    }

const tenon_driver engine_drivers[4] = {
    ENGINE_DRIVER("sim", 0),
    ENGINE_DRIVER("simbound", TENON_DRV_THREAD_BOUND),
    ENGINE_DRIVER("simgroup", TENON_DRV_GROUPS),
    ENGINE_DRIVER("simboth", TENON_DRV_THREAD_BOUND | TENON_DRV_GROUPS),
};

static const tenon_column engine_columns[] = {
    { .name = "mark", .type = TENON_INT, .not_null = true }
};
static const tenon_table engine_marks = {
    .name = "marks", .columns = engine_columns, .column_count = 1, .primary_key = TENON_COLUMNS(0)
};
const tenon_query engine_insert = {
    .name = "insert", .kind = TENON_INSERT, .table = &engine_marks, .columns = TENON_COLUMNS(0)
};
const tenon_query engine_select = {
    .name = "select", .kind = TENON_SELECT, .table = &engine_marks, .columns = TENON_COLUMNS(0)
};
