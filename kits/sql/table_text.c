#include "text.h"

static void
table_put_column(sql_text *out, const tenon_sql_dialect *dialect, const tenon_drv_column *column)
{
    sql_put_name(out, column->name);
    sql_put(out, " ");
    sql_put(out, dialect->types[column->type]);
    if (column->not_null)
        sql_put(out, " NOT NULL");
    if (column->default_value.type != TENON_NULL) {
        sql_put(out, " DEFAULT ");
        sql_put_literal(out, dialect, &column->default_value);
    }
}

static void
table_put_foreign_key(sql_text *out, const tenon_sql_dialect *dialect, const tenon_drv_table *table,
                      const tenon_drv_foreign_key *fk)
{
    sql_put(out, "CONSTRAINT ");
    sql_put_name(out, fk->name);
    sql_put(out, " FOREIGN KEY ");
    sql_put_columns(out, table, fk->columns, fk->column_count);
    sql_put(out, " REFERENCES ");
    sql_put_name(out, fk->references);
    sql_put(out, " ON DELETE ");
    if (fk->on_delete == TENON_CASCADE)
        sql_put(out, "CASCADE");
    else if (fk->on_delete == TENON_SET_NULL)
        sql_put(out, "SET NULL");
    else
        sql_put(out, dialect->restrict_text);
}

static void
table_put_primary_key(sql_text *out, const tenon_drv_table *table)
{
    sql_put(out, "PRIMARY KEY ");
    sql_put_columns(out, table, table->key_columns, table->key_column_count);
}

void
sql_write_table(sql_text *out, const tenon_sql_dialect *dialect, const tenon_drv_table *table)
{
    sql_put(out, "CREATE TABLE ");
    sql_put_name(out, table->name);
    for (uint32_t i = 0; i < table->column_count; i++) {
        sql_put(out, i == 0 ? " (" : ", ");
        table_put_column(out, dialect, &table->columns[i]);
    }
    if (!dialect->keys_last) {
        sql_put(out, ", ");
        table_put_primary_key(out, table);
    }
    for (uint32_t i = 0; i < table->foreign_key_count && !dialect->keys_last; i++) {
        sql_put(out, ", ");
        table_put_foreign_key(out, dialect, table, &table->foreign_keys[i]);
    }
    sql_put(out, ")");
    sql_put(out, dialect->table_suffix);
}

static void
table_put_add(sql_text *out, const tenon_drv_table *table)
{
    sql_put(out, "ALTER TABLE ");
    sql_put_name(out, table->name);
    sql_put(out, " ADD ");
}

void
sql_write_primary_key(sql_text *out, const tenon_drv_table *table)
{
    table_put_add(out, table);
    table_put_primary_key(out, table);
}

void
sql_write_foreign_key(sql_text *out, const tenon_sql_dialect *dialect, const tenon_drv_table *table,
                      const tenon_drv_foreign_key *fk)
{
    table_put_add(out, table);
    table_put_foreign_key(out, dialect, table, fk);
}

void
sql_write_index(sql_text *out, const tenon_sql_dialect *dialect, const tenon_drv_table *table,
                const tenon_drv_index *index)
{
    sql_put(out, index->unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
    sql_put_name(out, index->name);
    sql_put(out, " ON ");
    sql_put_name(out, table->name);
    for (uint32_t i = 0; i < index->column_count; i++) {
        const tenon_drv_column *column = &table->columns[index->columns[i]];

        sql_put(out, i == 0 ? " (" : ", ");
        sql_put_name(out, column->name);
        if (dialect->nulls_first != NULL && !column->not_null)
            sql_put(out, dialect->nulls_first);
    }
    sql_put(out, ")");
    for (uint32_t i = 0; i < index->where_count; i++) {
        const tenon_drv_cond *cond = &index->where[i];

        sql_put(out, i == 0 ? " WHERE " : " AND ");
        sql_put_name(out, table->columns[cond->column].name);
        if (cond->op == TENON_OP_IS_NULL) {
            sql_put(out, " IS NULL");
        } else if (cond->op == TENON_OP_NOT_NULL) {
            sql_put(out, " IS NOT NULL");
        } else {
            sql_put(out, " = ");
            sql_put_literal(out, dialect, &cond->constant);
        }
    }
}

void
sql_write_add_column(sql_text *out, const tenon_sql_dialect *dialect, const tenon_drv_table *table)
{
    sql_put(out, "ALTER TABLE ");
    sql_put_name(out, table->name);
    sql_put(out, " ADD COLUMN ");
    table_put_column(out, dialect, &table->columns[table->column_count - 1]);
}
