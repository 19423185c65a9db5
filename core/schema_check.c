/* A schema as a whole: what its tables owe each other, and the steps to its version. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/model_check.h"

/* A name that is taken, and by what. */
typedef struct schema_name {
    const char *name;
    const char *kind;
    const char *table;
} schema_name;

static int
schema_order(const void *a, const void *b)
{
    return strcmp(((const schema_name *)a)->name, ((const schema_name *)b)->name);
}

static tenon_status
schema_check_reserved(const char *kind, const char *name, tenon_error *err)
{
    if (!tni_is_reserved(name))
        return TENON_OK;
    return tni_fail(err, TENON_INVALID, name, "%s %s: names that begin with \"%s\" are reserved",
                    kind, name, TNI_RESERVED_PREFIX);
}

/* Tables, indexes and foreign keys: no two of one name in the schema, since errors name them. */
static tenon_status
schema_check_names(const tenon_schema *schema, tenon_error *err)
{
    tenon_status st = TENON_OK;
    schema_name *names;
    size_t room = 0, count = 0;
    uint32_t i, j;

    for (i = 0; i < schema->table_count; i++)
        room += 1u + schema->tables[i]->index_count + schema->tables[i]->foreign_key_count;
    names = calloc(room > 0 ? room : 1, sizeof *names);
    if (names == NULL)
        return tni_no_memory(err, "the names of a schema");
    for (i = 0; i < schema->table_count; i++) {
        const tenon_table *table = schema->tables[i];

        names[count++] = (schema_name){ table->name, "table", table->name };
        for (j = 0; j < table->index_count; j++)
            names[count++] = (schema_name){ table->indexes[j].name, "index", table->name };
        for (j = 0; j < table->foreign_key_count; j++)
            names[count++] = (schema_name){ table->foreign_keys[j].name, "foreign key",
                                            table->name };
    }
    qsort(names, count, sizeof *names, schema_order);
    for (i = 0; st == TENON_OK && i < count; i++) {
        st = schema_check_reserved(names[i].kind, names[i].name, err);
        if (st == TENON_OK && i > 0 && strcmp(names[i - 1].name, names[i].name) == 0)
            st = tni_fail(err, TENON_INVALID, names[i].name,
                          "the name %s is used twice: %s of table %s, %s of table %s",
                          names[i].name, names[i - 1].kind, names[i - 1].table, names[i].kind,
                          names[i].table);
    }
    free(names);
    return st;
}

static const tenon_table *
schema_find(const tenon_schema *schema, const char *name)
{
    uint32_t i;

    for (i = 0; i < schema->table_count; i++) {
        if (strcmp(schema->tables[i]->name, name) == 0)
            return schema->tables[i];
    }
    return NULL;
}

/* A foreign key against the primary key that it refers to. */
static tenon_status
schema_check_reference(const tenon_schema *schema, const tenon_table *table,
                       const tenon_foreign_key *key, tenon_error *err)
{
    const tenon_table *target = schema_find(schema, key->references);
    uint32_t i;

    if (target == NULL)
        return tni_fail(err, TENON_INVALID, key->name,
                        "foreign key %s of table %s refers to table %s, which the schema lacks",
                        key->name, table->name, key->references);
    if (target->primary_key.count != key->columns.count)
        return tni_fail(err, TENON_INVALID, key->name,
                        "foreign key %s of table %s has %u columns, the primary key of %s has %u",
                        key->name, table->name, (unsigned)key->columns.count, target->name,
                        (unsigned)target->primary_key.count);
    for (i = 0; i < key->columns.count; i++) {
        const tenon_column *from = &table->columns[key->columns.list[i]];
        const tenon_column *to = &target->columns[target->primary_key.list[i]];

        if (from->type != to->type)
            return tni_fail(err, TENON_INVALID, key->name,
                            "foreign key %s: column %s.%s is %s, and %s.%s is %s", key->name,
                            table->name, from->name, tenon_type_name(from->type), target->name,
                            to->name, tenon_type_name(to->type));
    }
    return TENON_OK;
}

/* Which fields of a step may be set. */
enum {
    SCHEMA_TABLE_NAME = 1,
    SCHEMA_TABLE = 2,
    SCHEMA_COLUMN = 4,
    SCHEMA_NAME = 8,
    SCHEMA_RUN = 16
};

static const struct {
    const char *text;
    uint32_t fields;
} schema_kinds[] = {
    [TENON_ADD_TABLE] = { "ADD_TABLE", SCHEMA_TABLE },
    [TENON_DROP_TABLE] = { "DROP_TABLE", SCHEMA_TABLE_NAME },
    [TENON_ADD_COLUMN] = { "ADD_COLUMN", SCHEMA_TABLE_NAME | SCHEMA_COLUMN },
    [TENON_DROP_COLUMN] = { "DROP_COLUMN", SCHEMA_TABLE_NAME | SCHEMA_NAME },
    [TENON_ADD_INDEX] = { "ADD_INDEX", SCHEMA_TABLE | SCHEMA_NAME },
    [TENON_DROP_INDEX] = { "DROP_INDEX", SCHEMA_TABLE_NAME | SCHEMA_NAME },
    [TENON_DATA_STEP] = { "DATA_STEP", SCHEMA_RUN },
};

const char *
tni_step_kind(uint8_t kind)
{
    return schema_kinds[kind].text;
}

/* The fields that a step's kind needs, and no others. */
static tenon_status
schema_check_step_fields(const tenon_schema *schema, uint32_t number, tenon_error *err)
{
    const tenon_step *step = &schema->steps[number];
    const struct {
        uint32_t field;
        bool is_set;
        const char *name;
    } fields[] = {
        { SCHEMA_TABLE_NAME, step->table_name != NULL, "table_name" },
        { SCHEMA_TABLE, step->table != NULL, "table" },
        { SCHEMA_COLUMN, step->column != NULL, "column" },
        { SCHEMA_NAME, step->name != NULL, "name" },
        { SCHEMA_RUN, step->run != NULL, "run" },
    };
    uint32_t i;

    if (step->kind < TENON_ADD_TABLE || step->kind > TENON_DATA_STEP)
        return tni_fail(err, TENON_INVALID, schema->name, "schema %s, step %u: there is no kind %u",
                        schema->name, (unsigned)number, (unsigned)step->kind);
    for (i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const bool wanted = (schema_kinds[step->kind].fields & fields[i].field) != 0;

        if (fields[i].is_set != wanted)
            return tni_fail(err, TENON_INVALID, schema->name, "schema %s, step %u: %s %s %s",
                            schema->name, (unsigned)number, schema_kinds[step->kind].text,
                            wanted ? "needs" : "has no", fields[i].name);
    }
    return TENON_OK;
}

/* The index of an ADD_INDEX must be one of its table. */
static tenon_status
schema_check_step_index(const tenon_schema *schema, uint32_t number, tenon_error *err)
{
    const tenon_step *step = &schema->steps[number];
    uint32_t i;

    for (i = 0; i < step->table->index_count; i++) {
        if (strcmp(step->table->indexes[i].name, step->name) == 0)
            return TENON_OK;
    }
    return tni_fail(err, TENON_INVALID, step->table->name,
                    "schema %s, step %u: table %s has no index %.60s", schema->name,
                    (unsigned)number, step->table->name, step->name);
}

static tenon_status
schema_check_step(const tenon_schema *schema, uint32_t number, tenon_error *err)
{
    const tenon_step *step = &schema->steps[number];
    tenon_status st = schema_check_step_fields(schema, number, err);

    if (st != TENON_OK)
        return st;
    if (step->version < 2 || step->version > schema->version)
        return tni_fail(err, TENON_INVALID, schema->name,
                        "schema %s, step %u: its version %u is not within 2 and %u", schema->name,
                        (unsigned)number, (unsigned)step->version, (unsigned)schema->version);
    if (number > 0 && step->version < schema->steps[number - 1].version)
        return tni_fail(err, TENON_INVALID, schema->name,
                        "schema %s, step %u: its version %u comes after version %u", schema->name,
                        (unsigned)number, (unsigned)step->version,
                        (unsigned)schema->steps[number - 1].version);
    if (step->table_name != NULL && !tni_is_name(step->table_name))
        return tni_fail(err, TENON_INVALID, schema->name,
                        "schema %s, step %u: \"%.60s\" is no name for a table", schema->name,
                        (unsigned)number, step->table_name);
    if (step->table_name != NULL)
        st = schema_check_reserved("table", step->table_name, err);
    if (st == TENON_OK && step->table != NULL)
        st = tni_table_check(step->table, err);
    if (st == TENON_OK && step->table != NULL)
        st = schema_check_reserved("table", step->table->name, err);
    if (st == TENON_OK && step->kind == TENON_ADD_INDEX)
        st = schema_check_step_index(schema, number, err);
    if (st == TENON_OK && step->column != NULL)
        st = tni_column_check(step->table_name, step->column, err);
    if (st == TENON_OK && step->column != NULL && step->column->not_null &&
        step->column->default_value.type == TENON_NULL)
        st = tni_fail(err, TENON_INVALID, step->column->name,
                      "schema %s, step %u: column %s.%s is not_null and has no default value for "
                      "the rows that are there",
                      schema->name, (unsigned)number, step->table_name, step->column->name);
    return st;
}

tenon_status
tni_schema_check(const tenon_schema *schema, tenon_error *err)
{
    tenon_status st = TENON_OK;
    uint32_t i, j;

    if (!tni_is_name(schema->name))
        return tni_fail(err, TENON_INVALID, NULL, "\"%.60s\" is no name for a schema",
                        schema->name != NULL ? schema->name : "(null)");
    st = schema_check_reserved("schema", schema->name, err);
    if (st != TENON_OK)
        return st;
    if (schema->version == 0)
        return tni_fail(err, TENON_INVALID, schema->name, "schema %s: versions begin at 1",
                        schema->name);
    if (schema->table_count > TENON_MAX_TABLES ||
        (schema->table_count > 0 && schema->tables == NULL))
        return tni_fail(err, TENON_INVALID, schema->name,
                        "schema %s has %u tables, more than %d or none listed", schema->name,
                        (unsigned)schema->table_count, TENON_MAX_TABLES);
    if (schema->step_count > 0 && schema->steps == NULL)
        return tni_fail(err, TENON_INVALID, schema->name, "schema %s has %u steps, none listed",
                        schema->name, (unsigned)schema->step_count);
    for (i = 0; st == TENON_OK && i < schema->table_count; i++) {
        if (schema->tables[i] == NULL)
            st = tni_fail(err, TENON_INVALID, schema->name, "schema %s: table %u is NULL",
                          schema->name, (unsigned)i);
        else
            st = tni_table_check(schema->tables[i], err);
    }
    if (st == TENON_OK)
        st = schema_check_names(schema, err);
    for (i = 0; st == TENON_OK && i < schema->table_count; i++) {
        const tenon_table *table = schema->tables[i];

        for (j = 0; st == TENON_OK && j < table->foreign_key_count; j++)
            st = schema_check_reference(schema, table, &table->foreign_keys[j], err);
    }
    for (i = 0; st == TENON_OK && i < schema->step_count; i++)
        st = schema_check_step(schema, i, err);
    return st;
}
