/* The table that most tests use. */
#include "check/conf.h"

enum { ITEM_ID, ITEM_N, ITEM_LABEL };

static const tenon_column item_columns[] = {
    [ITEM_ID] = { .name = "id", .type = TENON_INT, .not_null = true },
    [ITEM_N] = { .name = "n", .type = TENON_INT },
    [ITEM_LABEL] = { .name = "label", .type = TENON_TEXT, .max_bytes = 40 },
};

static const tenon_index item_indexes[] = {
    { .name = "item_by_n", .columns = TENON_COLUMNS(ITEM_N) },
};

const tenon_table item_table = {
    .name = "item",
    .columns = item_columns,
    .column_count = 3,
    .primary_key = TENON_COLUMNS(ITEM_ID),
    .indexes = item_indexes,
    .index_count = 1,
};

static const tenon_table *const item_tables[] = { &item_table };

const tenon_schema item_schema = {
    .name = "items",
    .version = 1,
    .tables = item_tables,
    .table_count = 1,
};

const tenon_query item_insert = {
    .name = "item insert",
    .kind = TENON_INSERT,
    .table = &item_table,
    .columns = TENON_COLUMNS(ITEM_ID, ITEM_N, ITEM_LABEL),
};

const tenon_query item_set_n = {
    .name = "item set n",
    .kind = TENON_UPDATE,
    .table = &item_table,
    .set = TENON_SET(TENON_TO(ITEM_N, 1)),
    .where = TENON_WHERE(TENON_EQ(ITEM_ID, 0)),
};

const tenon_query item_add_n = {
    .name = "item add n",
    .kind = TENON_UPDATE,
    .table = &item_table,
    .set = TENON_SET(TENON_PLUS(ITEM_N, 1)),
    .where = TENON_WHERE(TENON_EQ(ITEM_ID, 0)),
};

const tenon_query item_delete = {
    .name = "item delete",
    .kind = TENON_DELETE,
    .table = &item_table,
    .where = TENON_WHERE(TENON_EQ(ITEM_ID, 0)),
};

const tenon_query item_get_n = {
    .name = "item n",
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(ITEM_N),
    .where = TENON_WHERE(TENON_EQ(ITEM_ID, 0)),
};

const tenon_query item_all = {
    .name = "items",
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(ITEM_ID, ITEM_N),
    .order = TENON_ORDER(TENON_ASC(ITEM_ID)),
};

const tenon_query item_count = {
    .name = "item count",
    .kind = TENON_COUNT,
    .table = &item_table,
};

void
conf_make_items(conf *c, int count)
{
    BEGIN(c);
    for (int i = 1; i <= count; i++)
        ITEM(c, i, INT64_C(10) * i);
    COMMIT(c);
}
