/* Schemas, queries and values as text. */
#include "check/model/model.h"

static const char *const show_ops[] = { "?",  "=",  "<>",     "<",       "<=",      ">",
                                        ">=", "IN", "PREFIX", "IS NULL", "NOT NULL" };

void
eq_show_value(FILE *out, const tenon_value *v)
{
    const unsigned char *bytes = (const unsigned char *)v->as.data;

    switch (v->type) {
    case TENON_NULL:
        (void)fputs("NULL", out);
        return;
    case TENON_REAL:
        (void)fprintf(out, "%.17g", v->as.d);
        return;
    case TENON_INT:
    case TENON_BOOL:
    case TENON_TIME:
        (void)fprintf(out, "%s%lld",
                      v->type == TENON_INT    ? ""
                      : v->type == TENON_BOOL ? "b"
                                              : "@",
                      (long long)v->as.i);
        return;
    default:
        (void)fprintf(out, "%s'", v->type == TENON_TEXT ? "" : v->type == TENON_BLOB ? "x" : "u");
        for (uint32_t i = 0; i < v->len; i++)
            (void)fprintf(
                out, v->type == TENON_TEXT && bytes[i] > ' ' && bytes[i] < 0x7f ? "%c" : "%02x",
                bytes[i]);
        (void)fputc('\'', out);
    }
}

static void
show_columns(FILE *out, const tenon_table *table, const tenon_columns *columns)
{
    for (uint32_t i = 0; i < columns->count; i++)
        (void)fprintf(out, "%s%s", i == 0 ? "(" : ", ", table->columns[columns->list[i]].name);
    (void)fputc(')', out);
}

static void
show_operand(FILE *out, uint16_t param, const tenon_value *constant)
{
    if (param == TENON_NO_PARAM)
        eq_show_value(out, constant);
    else
        (void)fprintf(out, "?%u", (unsigned)param);
}

static void
show_where(FILE *out, const tenon_table *table, const tenon_where *where)
{
    for (uint32_t i = 0; i < where->count; i++) {
        const tenon_condition *c = &where->list[i];

        (void)fprintf(out, "%s%s %s ", i == 0 ? " WHERE " : " AND ", table->columns[c->column].name,
                      show_ops[c->op]);
        if (c->op < TENON_OP_IS_NULL)
            show_operand(out, c->param, &c->constant);
        if (c->op == TENON_OP_IN)
            (void)fprintf(out, " … %u of them", (unsigned)c->count);
    }
}

static void
show_set(FILE *out, const tenon_table *table, const tenon_assignments *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const tenon_assignment *a = &set->list[i];
        const char *name = table->columns[a->column].name;

        (void)fprintf(out, "%s%s = ", i == 0 ? " SET " : ", ", name);
        if (a->how == TENON_SET_TO_NULL)
            (void)fputs("NULL", out);
        else
            (void)fprintf(out, "%s%s?%u", a->how == TENON_SET_ADD ? name : "",
                          a->how == TENON_SET_ADD ? " + " : "", (unsigned)a->param);
    }
}

void
eq_show_query(FILE *out, const tenon_query *q)
{
    static const char *const kinds[] = { "?", "SELECT", "INSERT", "UPDATE", "DELETE", "COUNT" };
    static const char *const conflicts[] = { "", " OR IGNORE", " OR UPDATE" };

    (void)fprintf(out, "%s%s %s", kinds[q->kind], conflicts[q->on_conflict], q->table->name);
    if (q->columns.count > 0)
        show_columns(out, q->table, &q->columns);
    if (q->conflict_index != NULL)
        (void)fprintf(out, " ON %s", q->conflict_index);
    show_set(out, q->table, &q->set);
    show_where(out, q->table, &q->where);
    for (uint32_t i = 0; i < q->order.count; i++)
        (void)fprintf(out, "%s%s%s", i == 0 ? " ORDER BY " : ", ",
                      q->table->columns[q->order.list[i].column].name,
                      q->order.list[i].descending ? " DESC" : "");
    if (q->after_param > 0)
        (void)fprintf(out, " AFTER ?%u", q->after_param - 1u);
    if (q->limit_param > 0)
        (void)fprintf(out, " LIMIT ?%u", q->limit_param - 1u);
    if (q->limit > 0)
        (void)fprintf(out, " LIMIT %u", (unsigned)q->limit);
    (void)fputc('\n', out);
}

static void
show_table(FILE *out, const tenon_table *table)
{
    static const char *const actions[] = { "RESTRICT", "CASCADE", "SET NULL" };

    (void)fprintf(out, "TABLE %s PRIMARY KEY ", table->name);
    show_columns(out, table, &table->primary_key);
    (void)fputc('\n', out);
    for (uint32_t i = 0; i < table->column_count; i++) {
        const tenon_column *c = &table->columns[i];

        (void)fprintf(out, "    %s %s%s", c->name, tenon_type_name(c->type),
                      c->not_null ? " NOT NULL" : "");
        if (c->max_bytes > 0)
            (void)fprintf(out, " MAX %u", (unsigned)c->max_bytes);
        if (c->default_value.type != TENON_NULL) {
            (void)fputs(" DEFAULT ", out);
            eq_show_value(out, &c->default_value);
        }
        (void)fputc('\n', out);
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        (void)fprintf(out, "    %sINDEX %s ", table->indexes[i].unique ? "UNIQUE " : "",
                      table->indexes[i].name);
        show_columns(out, table, &table->indexes[i].columns);
        show_where(out, table, &table->indexes[i].where);
        (void)fputc('\n', out);
    }
    for (uint32_t i = 0; i < table->foreign_key_count; i++) {
        (void)fprintf(out, "    KEY %s ", table->foreign_keys[i].name);
        show_columns(out, table, &table->foreign_keys[i].columns);
        (void)fprintf(out, " TO %s %s\n", table->foreign_keys[i].references,
                      actions[table->foreign_keys[i].on_delete]);
    }
}

void
eq_show_schema(FILE *out, const tenon_schema *schema)
{
    for (uint32_t i = 0; i < schema->table_count; i++)
        show_table(out, schema->tables[i]);
}

void
eq_show_case(FILE *out, const eq_case *run)
{
    static const char *const kinds[] = { "",          "COMMIT",  "ROLLBACK",
                                         "SAVEPOINT", "RELEASE", "ROLLBACK TO" };

    if (run->kind != EQ_STATEMENT) {
        (void)fprintf(out, "%s %u\n", kinds[run->kind], (unsigned)run->depth);
        return;
    }
    eq_show_query(out, &run->query->query);
    for (uint32_t i = 0; i < run->query->param_count; i++) {
        (void)fprintf(out, "    ?%u = ", (unsigned)i);
        eq_show_value(out, &run->params[i]);
        (void)fputc('\n', out);
    }
}

void
eq_show_answer(FILE *out, const char *name, const eq_answer *answer)
{
    (void)fprintf(
        out, "%-7s %s, object '%s', native %d, effect %u, state %u, %llu affected, %zu rows: %s\n",
        name, tenon_status_name(answer->status), answer->err.object, (int)answer->err.native,
        (unsigned)answer->err.effect, (unsigned)answer->state, (unsigned long long)answer->affected,
        answer->row_count, answer->err.message);
    for (size_t i = 0; i < answer->row_count; i++)
        (void)fprintf(out, "    %s\n", answer->rows[i].text);
}
