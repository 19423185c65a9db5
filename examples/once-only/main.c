/* Work that is done once, however often it is asked for, and that leaves a trace: once-only FILE.
 */
#include <stdio.h>

#include <tenon/config.h>
#include <tenon/tenon.h>

enum { STOCK_ARTICLE, STOCK_LEFT };

static const tenon_column stock_columns[] = {
    [STOCK_ARTICLE] = { .name = "article", .type = TENON_TEXT, .not_null = true, .max_bytes = 40 },
    [STOCK_LEFT] = { .name = "left", .type = TENON_INT, .not_null = true },
};
static const tenon_table stock = { .name = "stock",
                                   .columns = stock_columns,
                                   .column_count = 2,
                                   .primary_key = TENON_COLUMNS(STOCK_ARTICLE) };
static const tenon_table *const tables[] = { &stock };
static const tenon_schema schema = {
    .name = "shop", .version = 1, .tables = tables, .table_count = 1
};
static const tenon_query put_article = { .name = "put_article",
                                         .kind = TENON_INSERT,
                                         .table = &stock,
                                         .columns = TENON_COLUMNS(STOCK_ARTICLE, STOCK_LEFT) };
static const tenon_query take_one = { .name = "take_one",
                                      .kind = TENON_UPDATE,
                                      .table = &stock,
                                      .set = TENON_SET(TENON_PLUS(STOCK_LEFT, 1)),
                                      .where = TENON_WHERE(TENON_EQ(STOCK_ARTICLE, 0)) };

static tenon_status
fill(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value row[] = { tenon_text("lamp"), tenon_int(10) };

    (void)arg;
    return tenon_exec(txn, &put_article, row, NULL, err);
}

static tenon_status
sell_lamp(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value params[] = { tenon_text("lamp"), tenon_int(-1) };

    (void)arg;
    return tenon_exec(txn, &take_one, params, NULL, err);
}

/* Once for each order, however often the customer's browser sends it. */
static tenon_status
order_lamp(tenon_db *db, const char *order, tenon_error *err)
{
    const tenon_txn_options options = {
        .size = sizeof options,
        .name = "order lamp",
        .idempotency_key = order,
        .actor = "ann",
        .details = order,
    };

    return tenon_run(db, &options, sell_lamp, NULL, err);
}

static void
show_row(void *arg, const tenon_audit_row *row)
{
    (void)arg;
    if (row->details[0] != '\0')
        printf("%d %s %s\n", row->actor[0] != '\0', row->actor, row->details);
}

static tenon_status
work(tenon_db *db, tenon_error *err)
{
    uint32_t state = TENON_TXN_UNKNOWN;
    tenon_status st = tenon_run(db, NULL, fill, NULL, err);

    if (st != TENON_OK)
        return st;
    printf("order 7: %s\n", tenon_status_name(order_lamp(db, "order 7", err)));
    printf("order 7: %s\n", tenon_status_name(order_lamp(db, "order 7", err)));
    st = tenon_txn_resolve(db, "order 7", 0, &state, err);
    printf("%s\n", state == TENON_TXN_COMMITTED ? "committed" : "not committed");
    return st == TENON_OK ? tenon_db_audit(db, show_row, NULL, err) : st;
}

int
main(int argc, char **argv)
{
    tenon_error err = { .message = "give a configuration file" };
    tenon_config *config = NULL;
    tenon_open_options options;
    tenon_db *db = NULL;
    tenon_status st = argc == 2 ? tenon_config_read(argv[1], &config, &err) : TENON_MISUSE;

    if (st == TENON_OK) {
        options = *tenon_config_options(config);
        options.schema = &schema;
        st = tenon_open(tenon_config_url(config), &options, &db, &err);
    }
    if (st == TENON_OK)
        st = work(db, &err);
    if (st != TENON_OK)
        fprintf(stderr, "once-only: %s: %s\n", tenon_status_name(st), err.message);
    tenon_close(db);
    tenon_config_free(config);
    return st == TENON_OK ? 0 : 1;
}
