/* Transactions, changes of the schema and two-phase commit through a filter. */
#include "pass.h"

void
tenon_filter_roll_back(tenon_drv_conn *conn)
{
    tenon_error ignored;

    (void)conn->db->driver->transaction->rollback(conn->inner, &ignored);
}

static tenon_status
filter_begin(tenon_drv_conn *conn, const tenon_drv_begin *how, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_BEGIN, conn);
    tenon_status st;

    call.begin = how;
    if (!filter_passes(&call, &st, err))
        return st;
    st = conn->db->driver->transaction->begin(conn->inner, how, err);
    if (st == TENON_OK) {
        st = filter_ends(&call, st, err);
        if (st != TENON_OK) /* it leaves no transaction */
            tenon_filter_roll_back(conn);
        return st;
    }
    return filter_ends(&call, st, err);
}

static tenon_status
filter_commit(tenon_drv_conn *conn, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_COMMIT, conn);

    FILTER_PASS(&call, transaction, commit, err);
}

static tenon_status
filter_rollback(tenon_drv_conn *conn, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_ROLLBACK, conn);

    FILTER_PASS(&call, transaction, rollback, err);
}

#define FILTER_SAVEPOINT(name, symbol)                                                             \
    static tenon_status filter_##name(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)      \
    {                                                                                              \
        tenon_filter_call call = filter_call(TENON_FILTER_##symbol, conn);                         \
                                                                                                   \
        call.number = depth;                                                                       \
        FILTER_PASS(&call, transaction, name, depth, err);                                         \
    }

FILTER_SAVEPOINT(savepoint, SAVEPOINT)
FILTER_SAVEPOINT(savepoint_release, SAVEPOINT_RELEASE)
FILTER_SAVEPOINT(savepoint_rollback, SAVEPOINT_ROLLBACK)

const tenon_drv_transaction_ops tenon_filter_transaction_ops = {
    .size = sizeof tenon_filter_transaction_ops,
    .begin = filter_begin,
    .commit = filter_commit,
    .rollback = filter_rollback,
    .savepoint = filter_savepoint,
    .savepoint_release = filter_savepoint_release,
    .savepoint_rollback = filter_savepoint_rollback,
};

/* ---- The schema ---- */

static tenon_status
filter_has_table(tenon_drv_conn *conn, const char *name, uint32_t *out, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_HAS_TABLE, conn);

    call.text = name;
    FILTER_PASS(&call, schema, has_table, name, out, err);
}

static tenon_status
filter_create_table(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_CREATE_TABLE, conn);

    call.text = table->name;
    call.table = table;
    FILTER_PASS(&call, schema, create_table, table, err);
}

static tenon_status
filter_drop_table(tenon_drv_conn *conn, const char *name, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_DROP_TABLE, conn);

    call.text = name;
    FILTER_PASS(&call, schema, drop_table, name, err);
}

static tenon_status
filter_add_column(tenon_drv_conn *conn, const tenon_drv_table *table, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_ADD_COLUMN, conn);

    call.text = table->name;
    call.table = table;
    FILTER_PASS(&call, schema, add_column, table, err);
}

static tenon_status
filter_drop_column(tenon_drv_conn *conn, const char *table, const char *column, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_DROP_COLUMN, conn);

    call.text = table;
    FILTER_PASS(&call, schema, drop_column, table, column, err);
}

static tenon_status
filter_create_index(tenon_drv_conn *conn, const tenon_drv_table *table, uint32_t index,
                    tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_CREATE_INDEX, conn);

    call.text = table->indexes[index].name;
    call.table = table;
    FILTER_PASS(&call, schema, create_index, table, index, err);
}

static tenon_status
filter_drop_index(tenon_drv_conn *conn, const char *table, const char *index, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_DROP_INDEX, conn);

    call.text = index;
    FILTER_PASS(&call, schema, drop_index, table, index, err);
}

const tenon_drv_schema_ops tenon_filter_schema_ops = {
    .size = sizeof tenon_filter_schema_ops,
    .has_table = filter_has_table,
    .create_table = filter_create_table,
    .drop_table = filter_drop_table,
    .add_column = filter_add_column,
    .drop_column = filter_drop_column,
    .create_index = filter_create_index,
    .drop_index = filter_drop_index,
};

/* ---- Two-phase commit ---- */

#define FILTER_TWO_PHASE(name, symbol)                                                             \
    static tenon_status filter_two_phase_##name(tenon_drv_conn *conn, const char *gid,             \
                                                tenon_error *err)                                  \
    {                                                                                              \
        tenon_filter_call call = filter_call(TENON_FILTER_##symbol, conn);                         \
                                                                                                   \
        call.text = gid;                                                                           \
        FILTER_PASS(&call, two_phase, name, gid, err);                                             \
    }

FILTER_TWO_PHASE(prepare, PREPARE_TXN)
FILTER_TWO_PHASE(commit, COMMIT_PREPARED)
FILTER_TWO_PHASE(rollback, ROLLBACK_PREPARED)

static tenon_status
filter_two_phase_list(tenon_drv_conn *conn, tenon_drv_prepared_fn fn, void *arg, tenon_error *err)
{
    tenon_filter_call call = filter_call(TENON_FILTER_LIST_PREPARED, conn);

    FILTER_PASS(&call, two_phase, list, fn, arg, err);
}

const tenon_drv_two_phase_ops tenon_filter_two_phase_ops = {
    .size = sizeof tenon_filter_two_phase_ops,
    .prepare = filter_two_phase_prepare,
    .commit = filter_two_phase_commit,
    .rollback = filter_two_phase_rollback,
    .list = filter_two_phase_list,
};
