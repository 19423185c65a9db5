/* A table and its queries as the core hands them to a driver, each piece ending at a guard. */
#include "check/raw.h"

enum { ITEM_ID, ITEM_N, ITEM_LABEL, ITEM_COLUMNS };

static tenon_drv_assign
raw_given(uint16_t column)
{
    return (tenon_drv_assign){ .column = column, .how = TENON_SET_PARAM, .param = column };
}

const tenon_drv_table *
raw_item(void)
{
    static const tenon_drv_table *made;
    const tenon_drv_column columns[ITEM_COLUMNS] = {
        { .name = "id", .type = TENON_INT, .not_null = 1 },
        { .name = "n", .type = TENON_INT },
        { .name = "label", .type = TENON_TEXT, .max_bytes = 40 },
    };
    const uint16_t key = ITEM_ID, label = ITEM_LABEL;
    const tenon_drv_index index = { .name = "item_by_label",
                                    .columns = raw_copy(&label, sizeof label),
                                    .column_count = 1,
                                    .unique = 1 };
    tenon_drv_table table = { .size = sizeof table,
                              .name = "item",
                              .column_count = ITEM_COLUMNS,
                              .key_column_count = 1,
                              .index_count = 1 };

    if (made == NULL) {
        table.columns = raw_copy(columns, sizeof columns);
        table.key_columns = raw_copy(&key, sizeof key);
        table.indexes = raw_copy(&index, sizeof index);
        made = raw_copy(&table, sizeof table);
    }
    return made;
}

static tenon_drv_query
raw_query(const char *name, uint8_t kind)
{
    return (tenon_drv_query){ .size = sizeof(tenon_drv_query),
                              .name = name,
                              .table = raw_item(),
                              .kind = kind,
                              .after_param = TENON_DRV_NONE,
                              .limit_param = TENON_DRV_NONE,
                              .conflict_index = TENON_DRV_NONE,
                              .limit = UINT64_MAX };
}

const tenon_drv_query *
raw_item_insert(void)
{
    const tenon_drv_assign given[ITEM_COLUMNS] = { raw_given(ITEM_ID), raw_given(ITEM_N),
                                                   raw_given(ITEM_LABEL) };
    const uint8_t types[ITEM_COLUMNS] = { TENON_INT, TENON_INT, TENON_TEXT };
    tenon_drv_query query = raw_query("item insert", TENON_INSERT);

    query.insert = raw_copy(given, sizeof given);
    query.param_types = raw_copy(types, sizeof types);
    query.param_count = ITEM_COLUMNS;
    return raw_copy(&query, sizeof query);
}

const tenon_drv_query *
raw_item_all(void)
{
    const uint16_t columns[ITEM_COLUMNS] = { ITEM_ID, ITEM_N, ITEM_LABEL };
    const tenon_drv_order order = { .column = ITEM_ID };
    tenon_drv_query query = raw_query("items", TENON_SELECT);

    query.columns = raw_copy(columns, sizeof columns);
    query.column_count = ITEM_COLUMNS;
    query.order = raw_copy(&order, sizeof order);
    query.order_count = 1;
    return raw_copy(&query, sizeof query);
}

const tenon_drv_query *
raw_item_get(void)
{
    const uint16_t columns[] = { ITEM_N, ITEM_LABEL };
    const uint8_t type = TENON_INT;
    const tenon_drv_cond cond = { .column = ITEM_ID, .op = TENON_OP_EQ, .param_count = 1 };
    tenon_drv_query query = raw_query("item n", TENON_SELECT);

    query.columns = raw_copy(columns, sizeof columns);
    query.column_count = 2;
    query.where = raw_copy(&cond, sizeof cond);
    query.where_count = 1;
    query.param_types = raw_copy(&type, sizeof type);
    query.param_count = 1;
    return raw_copy(&query, sizeof query);
}

/* ---- Transactions ---- */

static uint32_t
raw_level(void)
{
    return conf_can(TENON_CAP_SERIALIZABLE) ? TENON_SERIALIZABLE
           : conf_can(TENON_CAP_SNAPSHOT)   ? TENON_SNAPSHOT
                                            : TENON_READ_COMMITTED;
}

tenon_status
raw_begin(raw *r, tenon_drv_conn *conn, uint64_t timeout_ms, bool read_only, size_t size_bytes)
{
    const tenon_drv_begin how = { .size = (uint32_t)(size_bytes > 0 ? size_bytes : sizeof how),
                                  .deadline_ns = conf_monotonic_ns() + timeout_ms * 1000000,
                                  .isolation = raw_level(),
                                  .read_only = read_only };

    return r->transaction.begin(conn, raw_copy(&how, how.size), r->err);
}

void
raw_make_item(raw *r)
{
    RAW_OK(r, raw_begin(r, r->conn, 60000, false, 0));
    RAW_OK(r, r->schema.create_table(r->conn, raw_item(), r->err));
    RAW_OK(r, r->transaction.commit(r->conn, r->err));
}

tenon_status
raw_insert(raw *r, tenon_drv_conn *conn, int64_t id, const char *label)
{
    const tenon_value params[ITEM_COLUMNS] = { tenon_int(id), tenon_int(id * 10), raw_text(label) };
    tenon_drv_plan *plan = NULL;
    uint64_t *affected = raw_guarded(sizeof *affected);
    tenon_status st = r->query.prepare(conn, raw_item_insert(), &plan, r->err);

    if (st == TENON_OK)
        st = r->query.exec(plan, raw_copy(params, sizeof params), affected, r->err);
    if (st == TENON_OK)
        CHECK_INT(*affected, 1);
    r->query.free(plan);
    return st;
}

uint64_t
raw_count(raw *r, tenon_drv_conn *conn)
{
    tenon_drv_cursor *cursor = NULL;
    tenon_drv_plan *plan = NULL;
    const tenon_value *row = NULL;
    uint64_t count = 0;
    tenon_status st;

    RAW_OK(r, raw_begin(r, conn, 60000, true, 0));
    RAW_OK(r, r->query.prepare(conn, raw_item_all(), &plan, r->err));
    RAW_OK(r, r->query.open(plan, NULL, &cursor, r->err));
    while ((st = r->query.next(cursor, &row, r->err)) == TENON_OK)
        count++;
    CHECK_STATUS(st, TENON_NOT_FOUND);
    r->query.close(cursor);
    r->query.free(plan);
    RAW_OK(r, r->transaction.rollback(conn, r->err));
    return count;
}
