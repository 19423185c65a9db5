/* Tables by themselves: their rules, and the copy that drivers get. */
#include <math.h>
#include <string.h>

#include "core/block.h"
#include "core/error.h"
#include "core/model_check.h"

bool
tni_is_name(const char *text)
{
    size_t len;

    if (text == NULL || text[0] < 'a' || text[0] > 'z')
        return false;
    for (len = 0; text[len] != '\0'; len++) {
        const char c = text[len];

        if (len == TENON_MAX_NAME_BYTES)
            return false;
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

bool
tni_is_reserved(const char *name)
{
    return strncmp(name, TNI_RESERVED_PREFIX, sizeof TNI_RESERVED_PREFIX - 1) == 0;
}

const char *
tni_value_problem(const tenon_value *v, uint8_t type, uint32_t max_bytes)
{
    if (v->type != type)
        return "does not have the column's type";
    switch (type) {
    case TENON_BOOL:
        return v->as.i == 0 || v->as.i == 1 ? NULL : "is a bool that is neither 0 nor 1";
    case TENON_REAL:
        return isnan(v->as.d) ? "is not a number" : NULL;
    case TENON_TEXT:
    case TENON_BLOB:
        if (v->as.data == NULL && v->len > 0)
            return "has a length but no bytes";
        if (max_bytes > 0 && v->len > max_bytes)
            return "is longer than the column's max_bytes";
        if (type == TENON_TEXT && !tni_is_text(v->as.data, v->len))
            return "is not UTF-8, or holds a NUL byte";
        return NULL;
    case TENON_UUID:
        return v->as.data != NULL && v->len == sizeof(tenon_uuid) ? NULL : "does not have 16 bytes";
    case TENON_TIME:
        return v->as.i >= TENON_MIN_TIME_US ? NULL : "is a time before 4714 BC";
    default:
        return NULL;
    }
}

/* A name as it may be shown, whatever it is. */
static const char *
table_shown(const char *name)
{
    return name != NULL ? name : "(null)";
}

tenon_status
tni_column_check(const char *table, const tenon_column *column, tenon_error *err)
{
    const char *problem;

    if (!tni_is_name(column->name))
        return tni_fail(err, TENON_INVALID, table, "table %s: \"%.60s\" is no name for a column",
                        table, table_shown(column->name));
    if (column->type < TENON_INT || column->type > TENON_TIME)
        return tni_fail(err, TENON_INVALID, column->name, "column %s.%s: there is no type %u",
                        table, column->name, (unsigned)column->type);
    if (column->max_bytes > 0 && column->type != TENON_TEXT && column->type != TENON_BLOB)
        return tni_fail(err, TENON_INVALID, column->name,
                        "column %s.%s: max_bytes is for text and blob, not for %s", table,
                        column->name, tenon_type_name(column->type));
    if (column->default_value.type == TENON_NULL)
        return TENON_OK;
    problem = tni_value_problem(&column->default_value, column->type, column->max_bytes);
    if (problem != NULL)
        return tni_fail(err, TENON_INVALID, column->name, "column %s.%s: its default value %s",
                        table, column->name, problem);
    return TENON_OK;
}

/* Check a list of columns of a key, an index or a foreign key; `what` names it. */
static tenon_status
table_check_list(const tenon_table *table, const tenon_columns *columns, const char *what,
                 const char *name, tenon_error *err)
{
    uint64_t seen = 0;
    uint32_t i;

    static_assert(TENON_MAX_COLUMNS <= 64, "columns are counted in a word");
    if (columns->count == 0 || columns->list == NULL)
        return tni_fail(err, TENON_INVALID, name, "table %s: %s %s has no columns", table->name,
                        what, name);
    if (columns->count > TENON_MAX_KEY_COLUMNS)
        return tni_fail(err, TENON_INVALID, name, "table %s: %s %s has %u columns, more than %d",
                        table->name, what, name, (unsigned)columns->count, TENON_MAX_KEY_COLUMNS);
    for (i = 0; i < columns->count; i++) {
        const tenon_column_no column = columns->list[i];

        if (column >= table->column_count)
            return tni_fail(err, TENON_INVALID, name, "table %s: %s %s: there is no column %u",
                            table->name, what, name, (unsigned)column);
        if ((seen >> column & 1) != 0)
            return tni_fail(err, TENON_INVALID, name, "table %s: %s %s holds column %s twice",
                            table->name, what, name, table->columns[column].name);
        seen |= UINT64_C(1) << column;
    }
    return TENON_OK;
}

static tenon_status
table_check_columns(const tenon_table *table, tenon_error *err)
{
    tenon_status st = TENON_OK;
    uint32_t i, j;

    if (table->column_count == 0 || table->columns == NULL)
        return tni_fail(err, TENON_INVALID, table->name, "table %s has no columns", table->name);
    if (table->column_count > TENON_MAX_COLUMNS)
        return tni_fail(err, TENON_INVALID, table->name, "table %s has %u columns, more than %d",
                        table->name, (unsigned)table->column_count, TENON_MAX_COLUMNS);
    for (i = 0; st == TENON_OK && i < table->column_count; i++) {
        st = tni_column_check(table->name, &table->columns[i], err);
        for (j = 0; st == TENON_OK && j < i; j++) {
            if (strcmp(table->columns[i].name, table->columns[j].name) == 0)
                st = tni_fail(err, TENON_INVALID, table->columns[i].name,
                              "table %s has two columns %s", table->name, table->columns[i].name);
        }
    }
    return st;
}

static tenon_status
table_check_key(const tenon_table *table, tenon_error *err)
{
    tenon_status st = table_check_list(table, &table->primary_key, "key", "primary", err);
    uint32_t i;

    for (i = 0; st == TENON_OK && i < table->primary_key.count; i++) {
        const tenon_column *column = &table->columns[table->primary_key.list[i]];

        if (!column->not_null)
            st = tni_fail(err, TENON_INVALID, column->name,
                          "table %s: column %s of the primary key is not declared not_null",
                          table->name, column->name);
    }
    return st;
}

/* One condition of a partial index. */
static tenon_status
table_check_condition(const tenon_table *table, const tenon_index *index,
                      const tenon_condition *condition, tenon_error *err)
{
    const tenon_column *column;
    const char *problem;

    if (condition->column >= table->column_count)
        return tni_fail(err, TENON_INVALID, index->name,
                        "index %s of table %s: its condition is on column %u, which does not exist",
                        index->name, table->name, (unsigned)condition->column);
    column = &table->columns[condition->column];
    if (condition->op != TENON_OP_EQ && condition->op != TENON_OP_IS_NULL &&
        condition->op != TENON_OP_NOT_NULL)
        return tni_fail(err, TENON_INVALID, index->name,
                        "index %s of table %s: its condition on %s is none of = constant, IS NULL, "
                        "NOT NULL",
                        index->name, table->name, column->name);
    if (condition->param != TENON_NO_PARAM || condition->count > 0)
        return tni_fail(err, TENON_INVALID, index->name,
                        "index %s of table %s: its condition on %s takes a parameter", index->name,
                        table->name, column->name);
    if (condition->op != TENON_OP_EQ)
        return TENON_OK;
    problem = tni_value_problem(&condition->constant, column->type, column->max_bytes);
    if (problem != NULL)
        return tni_fail(err, TENON_INVALID, index->name,
                        "index %s of table %s: the constant of its condition on %s %s", index->name,
                        table->name, column->name, problem);
    return TENON_OK;
}

static tenon_status
table_check_index(const tenon_table *table, uint32_t number, tenon_error *err)
{
    const tenon_index *index = &table->indexes[number];
    tenon_status st;
    uint32_t i;

    if (!tni_is_name(index->name))
        return tni_fail(err, TENON_INVALID, table->name,
                        "table %s: \"%.60s\" is no name for an index", table->name,
                        table_shown(index->name));
    for (i = 0; i < number; i++) {
        if (strcmp(index->name, table->indexes[i].name) == 0)
            return tni_fail(err, TENON_INVALID, index->name, "table %s has two indexes %s",
                            table->name, index->name);
    }
    if (index->where.count > TENON_MAX_KEY_COLUMNS ||
        (index->where.count > 0 && index->where.list == NULL))
        return tni_fail(err, TENON_INVALID, index->name,
                        "index %s of table %s has %u conditions, more than %d or none listed",
                        index->name, table->name, (unsigned)index->where.count,
                        TENON_MAX_KEY_COLUMNS);
    st = table_check_list(table, &index->columns, "index", index->name, err);
    for (i = 0; st == TENON_OK && i < index->where.count; i++)
        st = table_check_condition(table, index, &index->where.list[i], err);
    return st;
}

static tenon_status
table_check_foreign_key(const tenon_table *table, uint32_t number, tenon_error *err)
{
    const tenon_foreign_key *key = &table->foreign_keys[number];
    tenon_status st;
    uint32_t i;

    if (!tni_is_name(key->name))
        return tni_fail(err, TENON_INVALID, table->name,
                        "table %s: \"%.60s\" is no name for a foreign key", table->name,
                        table_shown(key->name));
    for (i = 0; i < number; i++) {
        if (strcmp(key->name, table->foreign_keys[i].name) == 0)
            return tni_fail(err, TENON_INVALID, key->name, "table %s has two foreign keys %s",
                            table->name, key->name);
    }
    if (!tni_is_name(key->references))
        return tni_fail(err, TENON_INVALID, key->name,
                        "foreign key %s of table %s refers to \"%.60s\", which is no name",
                        key->name, table->name, table_shown(key->references));
    if (key->on_delete > TENON_SET_NULL)
        return tni_fail(err, TENON_INVALID, key->name,
                        "foreign key %s of table %s: there is no on_delete %u", key->name,
                        table->name, (unsigned)key->on_delete);
    st = table_check_list(table, &key->columns, "foreign key", key->name, err);
    for (i = 0; st == TENON_OK && i < key->columns.count; i++) {
        const tenon_column *column = &table->columns[key->columns.list[i]];

        if (key->on_delete == TENON_SET_NULL && column->not_null)
            st = tni_fail(err, TENON_INVALID, key->name,
                          "foreign key %s of table %s sets column %s to NULL, which is not_null",
                          key->name, table->name, column->name);
    }
    return st;
}

tenon_status
tni_table_check(const tenon_table *table, tenon_error *err)
{
    tenon_status st;
    uint32_t i;

    if (!tni_is_name(table->name))
        return tni_fail(err, TENON_INVALID, NULL, "\"%.60s\" is no name for a table",
                        table_shown(table->name));
    st = table_check_columns(table, err);
    if (st == TENON_OK)
        st = table_check_key(table, err);
    if (st == TENON_OK && (table->index_count > TENON_MAX_INDEXES ||
                           (table->index_count > 0 && table->indexes == NULL)))
        st = tni_fail(err, TENON_INVALID, table->name,
                      "table %s has %u indexes, more than %d or none listed", table->name,
                      (unsigned)table->index_count, TENON_MAX_INDEXES);
    for (i = 0; st == TENON_OK && i < table->index_count; i++)
        st = table_check_index(table, i, err);
    if (st == TENON_OK && (table->foreign_key_count > TENON_MAX_FOREIGN_KEYS ||
                           (table->foreign_key_count > 0 && table->foreign_keys == NULL)))
        st = tni_fail(err, TENON_INVALID, table->name,
                      "table %s has %u foreign keys, more than %d or none listed", table->name,
                      (unsigned)table->foreign_key_count, TENON_MAX_FOREIGN_KEYS);
    for (i = 0; st == TENON_OK && i < table->foreign_key_count; i++)
        st = table_check_foreign_key(table, i, err);
    return st;
}

static size_t
table_room(const tenon_table *table)
{
    size_t room = tni_block_room(1, sizeof(tenon_drv_table)) + tni_block_room_text(table->name);
    uint32_t i, j;

    room += tni_block_room(table->column_count, sizeof(tenon_drv_column));
    for (i = 0; i < table->column_count; i++)
        room += tni_block_room_text(table->columns[i].name) +
                tni_block_room_value(&table->columns[i].default_value);
    room += tni_block_room(table->primary_key.count, sizeof(uint16_t));
    room += tni_block_room(table->index_count, sizeof(tenon_drv_index));
    for (i = 0; i < table->index_count; i++) {
        const tenon_index *index = &table->indexes[i];

        room += tni_block_room_text(index->name) +
                tni_block_room(index->columns.count, sizeof(uint16_t)) +
                tni_block_room(index->where.count, sizeof(tenon_drv_cond));
        for (j = 0; j < index->where.count; j++)
            room += tni_block_room_value(&index->where.list[j].constant);
    }
    room += tni_block_room(table->foreign_key_count, sizeof(tenon_drv_foreign_key));
    for (i = 0; i < table->foreign_key_count; i++)
        room += tni_block_room_text(table->foreign_keys[i].name) +
                tni_block_room_text(table->foreign_keys[i].references) +
                tni_block_room(table->foreign_keys[i].columns.count, sizeof(uint16_t));
    return room;
}

static const tenon_drv_column *
table_copy_columns(tni_block *block, const tenon_table *table)
{
    tenon_drv_column *columns = tni_block_take(block, table->column_count, sizeof *columns);
    uint32_t i;

    for (i = 0; i < table->column_count; i++) {
        const tenon_column *column = &table->columns[i];

        columns[i].name = tni_block_text(block, column->name);
        columns[i].type = column->type;
        columns[i].not_null = column->not_null;
        columns[i].max_bytes = column->max_bytes;
        if (column->default_value.type != TENON_NULL)
            columns[i].default_value = tni_block_value(block, &column->default_value);
    }
    return columns;
}

static const tenon_drv_index *
table_copy_indexes(tni_block *block, const tenon_table *table)
{
    tenon_drv_index *indexes = tni_block_take(block, table->index_count, sizeof *indexes);
    uint32_t i, j;

    for (i = 0; i < table->index_count; i++) {
        const tenon_index *index = &table->indexes[i];
        tenon_drv_cond *where = tni_block_take(block, index->where.count, sizeof *where);

        indexes[i].name = tni_block_text(block, index->name);
        indexes[i].columns = tni_block_copy(block, index->columns.list, index->columns.count,
                                            sizeof(uint16_t));
        indexes[i].column_count = index->columns.count;
        indexes[i].unique = index->unique;
        indexes[i].where = where;
        indexes[i].where_count = index->where.count;
        for (j = 0; j < index->where.count; j++) {
            const tenon_condition *condition = &index->where.list[j];

            where[j].column = condition->column;
            where[j].op = condition->op;
            where[j].param = TENON_DRV_NONE;
            if (condition->op == TENON_OP_EQ)
                where[j].constant = tni_block_value(block, &condition->constant);
        }
    }
    return indexes;
}

static const tenon_drv_foreign_key *
table_copy_foreign_keys(tni_block *block, const tenon_table *table)
{
    tenon_drv_foreign_key *keys = tni_block_take(block, table->foreign_key_count, sizeof *keys);
    uint32_t i;

    for (i = 0; i < table->foreign_key_count; i++) {
        const tenon_foreign_key *key = &table->foreign_keys[i];

        keys[i].name = tni_block_text(block, key->name);
        keys[i].references = tni_block_text(block, key->references);
        keys[i].columns = tni_block_copy(block, key->columns.list, key->columns.count,
                                         sizeof(uint16_t));
        keys[i].column_count = key->columns.count;
        keys[i].on_delete = key->on_delete;
    }
    return keys;
}

tenon_status
tni_table_new(const tenon_table *table, tenon_drv_table **out, tenon_error *err)
{
    tenon_drv_table *copy;
    tenon_status st;
    tni_block block;

    *out = NULL;
    st = tni_table_check(table, err);
    if (st != TENON_OK)
        return st;
    if (tni_block_new(&block, table_room(table)) == NULL)
        return tni_no_memory(err, "the description of a table");
    copy = tni_block_take(&block, 1, sizeof *copy);
    copy->size = sizeof *copy;
    copy->name = tni_block_text(&block, table->name);
    copy->columns = table_copy_columns(&block, table);
    copy->column_count = table->column_count;
    copy->key_columns = tni_block_copy(&block, table->primary_key.list, table->primary_key.count,
                                       sizeof(uint16_t));
    copy->key_column_count = table->primary_key.count;
    copy->indexes = table_copy_indexes(&block, table);
    copy->index_count = table->index_count;
    copy->foreign_keys = table_copy_foreign_keys(&block, table);
    copy->foreign_key_count = table->foreign_key_count;
    *out = copy;
    return TENON_OK;
}
