/* Random schemas. */
#include "check/model/model.h"

#include <stdlib.h>
#include <string.h>

enum { EQ_MAX_COLUMNS = 20, EQ_MAX_INDEXES = 5, EQ_MAX_KEYS = 3 };

/* A table while it is made. */
typedef struct eq_draft {
    eq_world *world;
    uint32_t number;
    tenon_column columns[EQ_MAX_COLUMNS];
    tenon_foreign_key keys[EQ_MAX_KEYS];
    tenon_index indexes[EQ_MAX_INDEXES];
    tenon_columns primary;
    uint32_t column_count, key_count, index_count;
} eq_draft;

static void *
draft_keep(eq_draft *d, const void *list, size_t bytes)
{
    void *copy = eq_take(&d->world->arena, bytes > 0 ? bytes : 1);

    if (bytes > 0)
        memcpy(copy, list, bytes);
    return copy;
}

static void
draft_add_column(eq_draft *d, tenon_type type)
{
    eq_random *random = &d->world->random;
    tenon_column *column = &d->columns[d->column_count];

    *column = (tenon_column){ .name = eq_name(&d->world->arena, "c", d->column_count),
                              .type = type,
                              .not_null = eq_chance(random, 30) };
    if ((type == TENON_TEXT || type == TENON_BLOB) && eq_chance(random, 40))
        column->max_bytes = 1 + eq_below(random, 4);
    d->column_count++;
}

/* A foreign key on new columns to a table whose primary key is `target`'s. */
static void
draft_add_key(eq_draft *d, const char *name, const tenon_column *columns,
              const tenon_columns *target)
{
    tenon_column_no list[TENON_MAX_KEY_COLUMNS];
    const bool not_null = eq_chance(&d->world->random, 20);

    if (d->key_count == EQ_MAX_KEYS || d->column_count + target->count > EQ_MAX_COLUMNS)
        return;
    for (uint32_t i = 0; i < target->count; i++) {
        list[i] = (tenon_column_no)d->column_count;
        draft_add_column(d, columns[target->list[i]].type);
        d->columns[list[i]].max_bytes = 0;
        d->columns[list[i]].not_null = not_null;
    }
    d->keys[d->key_count] = (tenon_foreign_key){
        .name = eq_name(&d->world->arena, "fk", d->number * EQ_MAX_KEYS + d->key_count),
        .columns = { (tenon_column_no *)draft_keep(d, list, target->count * sizeof *list),
                     target->count },
        .references = name,
    };
    d->key_count++;
}

static bool
draft_lists(const tenon_columns *columns, uint32_t column)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        if (columns->list[i] == column)
            return true;
    }
    return false;
}

/* Different columns of the table, at most `most`. */
static tenon_columns
draft_pick_columns(eq_draft *d, uint32_t most)
{
    eq_random *random = &d->world->random;
    tenon_column_no list[TENON_MAX_KEY_COLUMNS];
    tenon_columns picked = { list, 0 };
    const uint32_t wanted = 1 + eq_below(random, most);

    for (uint32_t tries = 0; tries < 8 && picked.count < wanted; tries++) {
        const uint32_t column = eq_below(random, d->column_count);

        if (!draft_lists(&picked, column))
            list[picked.count++] = (tenon_column_no)column;
    }
    picked.list = (tenon_column_no *)draft_keep(d, list, picked.count * sizeof *list);
    return picked;
}

static void
draft_pick_primary(eq_draft *d)
{
    d->primary = draft_pick_columns(d, 2);
    for (uint32_t i = 0; i < d->primary.count; i++)
        d->columns[d->primary.list[i]].not_null = true;
}

/* What a removal does; NULL can't be set where it is not allowed. */
static void
draft_pick_actions(eq_draft *d)
{
    bool restricts = false;

    for (uint32_t k = 0; k < d->key_count; k++) {
        tenon_foreign_key *key = &d->keys[k];

        key->on_delete = (uint8_t)eq_below(&d->world->random, 3);
        for (uint32_t i = 0; i < key->columns.count; i++) {
            if (key->on_delete == TENON_SET_NULL && d->columns[key->columns.list[i]].not_null)
                key->on_delete = TENON_CASCADE;
        }
        restricts = restricts || key->on_delete == TENON_RESTRICT;
    }
    for (uint32_t k = 0; k < d->key_count && d->world->modest && restricts; k++)
        d->keys[k].on_delete = TENON_RESTRICT;
}

static bool
draft_may_become_null(const eq_draft *d, uint32_t column)
{
    for (uint32_t k = 0; k < d->key_count; k++) {
        if (d->keys[k].on_delete == TENON_SET_NULL && draft_lists(&d->keys[k].columns, column))
            return true;
    }
    return false;
}

static tenon_where
draft_pick_where(eq_draft *d)
{
    eq_random *random = &d->world->random;
    tenon_condition list[2];
    const uint32_t count = 1 + eq_below(random, 2);

    memset(list, 0, sizeof list);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t column = eq_below(random, d->column_count);
        const uint32_t how = eq_below(random, 3);

        list[i].column = (tenon_column_no)column;
        list[i].param = TENON_NO_PARAM;
        list[i].op = how == 0 ? TENON_OP_IS_NULL : how == 1 ? TENON_OP_NOT_NULL : TENON_OP_EQ;
        /* A removal must not bring rows into a unique index: which of them first is open. */
        if (how == 0 && draft_may_become_null(d, column))
            list[i].op = TENON_OP_NOT_NULL;
        if (list[i].op == TENON_OP_EQ)
            list[i].constant = eq_value(random, d->columns[column].type,
                                        d->columns[column].max_bytes);
    }
    return (tenon_where){ (tenon_condition *)draft_keep(d, list, count * sizeof *list), count };
}

static bool
draft_same(const tenon_columns *a, const tenon_columns *b)
{
    return a->count == b->count && memcmp(a->list, b->list, a->count * sizeof *a->list) == 0;
}

static void
draft_add_index(eq_draft *d)
{
    eq_random *random = &d->world->random;
    tenon_index index = {
        .name = eq_name(&d->world->arena, "ix", d->number * EQ_MAX_INDEXES + d->index_count),
        .columns = draft_pick_columns(d, 3),
        .unique = eq_chance(random, 50),
    };

    if (eq_chance(random, 30))
        index.where = draft_pick_where(d);
    /* SQLite names columns, not the index: those of two must not be the same. */
    if (draft_same(&index.columns, &d->primary))
        index.unique = false;
    for (uint32_t i = 0; i < d->index_count; i++) {
        if (draft_same(&index.columns, &d->indexes[i].columns))
            index.unique = false;
    }
    d->indexes[d->index_count++] = index;
}

static void
draft_pick_defaults(eq_draft *d)
{
    eq_random *random = &d->world->random;

    for (uint32_t i = 0; i < d->column_count; i++) {
        if (eq_chance(random, 25))
            d->columns[i].default_value = eq_value(random, d->columns[i].type,
                                                   d->columns[i].max_bytes);
    }
}

static tenon_table *
draft_finish(eq_draft *d)
{
    tenon_table *table = (tenon_table *)eq_take(&d->world->arena, sizeof *table);

    table->name = eq_name(&d->world->arena, "t", d->number);
    table->columns = (tenon_column *)draft_keep(d, d->columns,
                                                d->column_count * sizeof *d->columns);
    table->column_count = d->column_count;
    table->primary_key = d->primary;
    table->indexes = (tenon_index *)draft_keep(d, d->indexes, d->index_count * sizeof *d->indexes);
    table->index_count = d->index_count;
    table->foreign_keys = (tenon_foreign_key *)draft_keep(d, d->keys,
                                                          d->key_count * sizeof *d->keys);
    table->foreign_key_count = d->key_count;
    return table;
}

static tenon_table *
world_make_table(eq_world *world, uint32_t number)
{
    eq_random *random = &world->random;
    eq_draft d = { .world = world, .number = number };
    const uint32_t base = 2 + eq_below(random, 5);
    const uint32_t keys = number == 0 ? 0 : eq_below(random, 3);

    for (uint32_t i = 0; i < base; i++)
        draft_add_column(&d, (tenon_type)(TENON_INT + eq_below(random, 7)));
    for (uint32_t i = 0; i < keys; i++) {
        const tenon_table *target = world->tables[eq_below(random, number)];

        draft_add_key(&d, target->name, target->columns, &target->primary_key);
    }
    draft_pick_primary(&d);
    if (eq_chance(random, 30)) /* to itself */
        draft_add_key(&d, eq_name(&world->arena, "t", number), d.columns, &d.primary);
    draft_pick_actions(&d);
    draft_pick_defaults(&d);
    for (uint32_t i = eq_below(random, EQ_MAX_INDEXES); i > 0; i--)
        draft_add_index(&d);
    return draft_finish(&d);
}

void
eq_world_make(eq_world *world, uint64_t seed, bool modest)
{
    const tenon_table **tables;
    uint32_t count;

    memset(world, 0, sizeof *world);
    world->random.state = seed;
    world->modest = modest;
    count = 1 + eq_below(&world->random, EQ_MAX_TABLES);
    tables = (const tenon_table **)eq_take(&world->arena, count * sizeof *tables);
    for (uint32_t i = 0; i < count; i++) {
        world->tables[i] = world_make_table(world, i);
        tables[i] = world->tables[i];
    }
    world->schema = (tenon_schema){
        .name = "equality", .version = 1, .tables = tables, .table_count = count
    };
}

void
eq_world_free(eq_world *world)
{
    eq_arena_free(&world->arena);
}
