/* A first operation: money moves from one account to another, on any engine, or not at all. */
#include <stdio.h>
#include <stdlib.h>

#include <tenon/tenon.h>

/* The schema: columns by number, a table, and all of it in version 1. */
enum { ACCOUNT_ID, ACCOUNT_OWNER, ACCOUNT_BALANCE };

static const tenon_column account_columns[] = {
    [ACCOUNT_ID] = { .name = "id", .type = TENON_UUID, .not_null = true },
    [ACCOUNT_OWNER] = { .name = "owner", .type = TENON_TEXT, .not_null = true, .max_bytes = 64 },
    [ACCOUNT_BALANCE] = { .name = "balance", .type = TENON_INT, .not_null = true },
};

static const tenon_index account_indexes[] = {
    { .name = "account_by_owner", .columns = TENON_COLUMNS(ACCOUNT_OWNER), .unique = true },
};

static const tenon_table account_table = {
    .name = "account",
    .columns = account_columns,
    .column_count = 3,
    .primary_key = TENON_COLUMNS(ACCOUNT_ID),
    .indexes = account_indexes,
    .index_count = 1,
};

static const tenon_schema bank_schema = {
    .name = "bank",
    .version = 1,
    .tables = (const tenon_table *const[]){ &account_table },
    .table_count = 1,
};

/* The queries: constant data too. Each is checked once and compiled once per connection. */
static const tenon_query account_insert = {
    .kind = TENON_INSERT,
    .table = &account_table,
    .columns = TENON_COLUMNS(ACCOUNT_ID, ACCOUNT_OWNER, ACCOUNT_BALANCE),
};

static const tenon_query account_by_owner = {
    .kind = TENON_SELECT,
    .table = &account_table,
    .columns = TENON_COLUMNS(ACCOUNT_BALANCE),
    .where = TENON_WHERE(TENON_EQ(ACCOUNT_OWNER, 0)),
};

static const tenon_query account_add = {
    .kind = TENON_UPDATE,
    .table = &account_table,
    .set = TENON_SET(TENON_PLUS(ACCOUNT_BALANCE, 1)),
    .where = TENON_WHERE(TENON_EQ(ACCOUNT_OWNER, 0)),
};

static const tenon_query account_list = {
    .kind = TENON_SELECT,
    .table = &account_table,
    .columns = TENON_COLUMNS(ACCOUNT_OWNER, ACCOUNT_BALANCE),
    .order = TENON_ORDER(TENON_ASC(ACCOUNT_OWNER)),
};

typedef struct transfer {
    const char *from, *to;
    int64_t amount;
} transfer;

/* One side of it. A body may run more than once, so it keeps nothing but what it writes. */
static tenon_status
account_change(tenon_txn *txn, const char *owner, int64_t amount, tenon_error *err)
{
    const tenon_value params[] = { tenon_text(owner), tenon_int(amount) };
    uint64_t affected;
    tenon_status st = tenon_exec(txn, &account_add, params, &affected, err);

    return st == TENON_OK && affected == 0 ? TENON_NOT_FOUND : st;
}

static tenon_status
transfer_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const transfer *t = arg;
    const tenon_value from[] = { tenon_text(t->from) };
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &account_by_owner, from, &row, err);

    if (st != TENON_OK)
        return st;
    if (row[0].as.i < t->amount) {
        *err = (tenon_error){ .status = TENON_CONSTRAINT,
                              .object = "account.balance",
                              .message = "not enough money" };
        return TENON_CONSTRAINT;
    }
    st = account_change(txn, t->from, -t->amount, err);
    if (st == TENON_OK)
        st = account_change(txn, t->to, t->amount, err);
    return st;
}

/* The operation: begin, run, commit; run again after a conflict; roll back after a failure. */
static tenon_status
transfer_money(tenon_db *db, const char *from, const char *to, int64_t amount, tenon_error *err)
{
    transfer t = { .from = from, .to = to, .amount = amount };

    return tenon_run(db, NULL, transfer_body, &t, err);
}

static tenon_status
open_accounts(tenon_txn *txn, void *arg, tenon_error *err)
{
    static const char *const owners[] = { "alice", "bob" };
    tenon_status st = TENON_OK;

    (void)arg;
    for (int i = 0; i < 2 && st == TENON_OK; i++) {
        const tenon_uuid id = tenon_uuid_new();
        const tenon_value params[] = { tenon_id(&id), tenon_text(owners[i]),
                                       tenon_int(i == 0 ? 100 : 0) };

        st = tenon_exec(txn, &account_insert, params, NULL, err);
    }
    return st;
}

static tenon_status
print_accounts(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_cursor *cursor;
    const tenon_value *row;
    tenon_status st = tenon_select(txn, &account_list, NULL, &cursor, err);

    (void)arg;
    while (st == TENON_OK) {
        st = tenon_next(cursor, &row, err);
        if (st == TENON_OK)
            printf("%.*s %lld\n", (int)row[0].len, (const char *)row[0].as.data,
                   (long long)row[1].as.i);
    }
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

int
main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "memory:";
    const tenon_open_options options = { .size = sizeof options, .schema = &bank_schema };
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    tenon_status st = tenon_open(url, &options, &db, &err);

    if (st == TENON_OK)
        st = tenon_run(db, NULL, open_accounts, NULL, &err);
    if (st == TENON_OK)
        st = transfer_money(db, "alice", "bob", 40, &err);
    if (st == TENON_OK)
        st = tenon_run(db, NULL, print_accounts, NULL, &err);
    if (st != TENON_OK)
        fprintf(stderr, "%s: %s\n", tenon_status_name(st), err.message);
    else if (transfer_money(db, "alice", "bob", 100, &err) != TENON_OK)
        printf("refused: %s %s: %s\n", tenon_status_name(err.status), err.object, err.message);
    tenon_close(db);
    return st == TENON_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
