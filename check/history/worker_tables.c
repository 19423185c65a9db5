/* The tables of the workload, and all that is asked of them. */
#include "check/history/worker.h"

enum { LIST_KEY, LIST_ELEMENTS };
enum { ACCOUNT_ID, ACCOUNT_BALANCE };

static const tenon_column list_columns[] = {
    [LIST_KEY] = { .name = "key", .type = TENON_INT, .not_null = true },
    [LIST_ELEMENTS] = { .name = "elements",
                        .type = TENON_BLOB,
                        .not_null = true,
                        .max_bytes = WORKER_ROOM * sizeof(int64_t) },
};

static const tenon_table list_table = {
    .name = "history_list",
    .columns = list_columns,
    .column_count = 2,
    .primary_key = TENON_COLUMNS(LIST_KEY),
};

static const tenon_column account_columns[] = {
    [ACCOUNT_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [ACCOUNT_BALANCE] = { .name = "balance", .type = TENON_INT, .not_null = true },
};

static const tenon_table account_table = {
    .name = "history_account",
    .columns = account_columns,
    .column_count = 2,
    .primary_key = TENON_COLUMNS(ACCOUNT_ID),
};

static const tenon_table *const workload_table_list[] = { &list_table, &account_table };

const tenon_schema workload_schema = {
    .name = "history",
    .version = 1,
    .tables = workload_table_list,
    .table_count = 2,
};

const tenon_query worker_get = {
    .name = "history get list",
    .kind = TENON_SELECT,
    .table = &list_table,
    .columns = TENON_COLUMNS(LIST_ELEMENTS),
    .where = TENON_WHERE(TENON_EQ(LIST_KEY, 0)),
};

const tenon_query worker_make = {
    .name = "history make list",
    .kind = TENON_INSERT,
    .table = &list_table,
    .columns = TENON_COLUMNS(LIST_KEY, LIST_ELEMENTS),
};

const tenon_query worker_upsert = {
    .name = "history upsert list",
    .kind = TENON_INSERT,
    .on_conflict = TENON_ON_CONFLICT_UPDATE,
    .table = &list_table,
    .columns = TENON_COLUMNS(LIST_KEY, LIST_ELEMENTS),
    .set = TENON_SET(TENON_TO(LIST_ELEMENTS, 1)),
};

const tenon_query worker_put = {
    .name = "history put list",
    .kind = TENON_UPDATE,
    .table = &list_table,
    .set = TENON_SET(TENON_TO(LIST_ELEMENTS, 1)),
    .where = TENON_WHERE(TENON_EQ(LIST_KEY, 0)),
};

const tenon_query worker_range = {
    .name = "history range of lists",
    .kind = TENON_SELECT,
    .table = &list_table,
    .columns = TENON_COLUMNS(LIST_KEY, LIST_ELEMENTS),
    .where = TENON_WHERE(TENON_GE(LIST_KEY, 0), TENON_LE(LIST_KEY, 1)),
    .order = TENON_ORDER(TENON_ASC(LIST_KEY)),
};

const tenon_query worker_account = {
    .name = "history open account",
    .kind = TENON_INSERT,
    .table = &account_table,
    .columns = TENON_COLUMNS(ACCOUNT_ID, ACCOUNT_BALANCE),
};

const tenon_query worker_balance = {
    .name = "history balance",
    .kind = TENON_SELECT,
    .table = &account_table,
    .columns = TENON_COLUMNS(ACCOUNT_BALANCE),
    .where = TENON_WHERE(TENON_EQ(ACCOUNT_ID, 0)),
};

const tenon_query worker_book = {
    .name = "history book",
    .kind = TENON_UPDATE,
    .table = &account_table,
    .set = TENON_SET(TENON_TO(ACCOUNT_BALANCE, 1)),
    .where = TENON_WHERE(TENON_EQ(ACCOUNT_ID, 0)),
};

const tenon_query worker_all = {
    .name = "history balances",
    .kind = TENON_SELECT,
    .table = &account_table,
    .columns = TENON_COLUMNS(ACCOUNT_BALANCE),
    .order = TENON_ORDER(TENON_ASC(ACCOUNT_ID)),
};

const tenon_query worker_no_lists = {
    .name = "history empty lists",
    .kind = TENON_DELETE,
    .table = &list_table,
};

const tenon_query worker_no_accounts = {
    .name = "history empty accounts",
    .kind = TENON_DELETE,
    .table = &account_table,
};
