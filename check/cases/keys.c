/* Foreign keys. */
#include "check/conf.h"

/*
 * Of each kind one key per table, so that every engine can tell which one it was:
 *
 *   owner ← pet (cascade) ← toy (cascade) ← scratch (restrict)
 *   owner ← note (set null), owner ← lease (restrict), person ← person (self, restrict)
 *   branch ← branch (self, cascade), flat (two columns) ← tenant (cascade)
 */
enum { ROW_ID, ROW_REF, ROW_OTHER };

static const tenon_column owner_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "n", .type = TENON_INT },
};

static const tenon_table owner_table = {
    .name = "owner",
    .columns = owner_columns,
    .column_count = 2,
    .primary_key = TENON_COLUMNS(ROW_ID),
};

static const tenon_column child_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "ref", .type = TENON_INT },
};

#define KEYS_CHILD(name_, key, to, action)                                                         \
    static const tenon_foreign_key name_##_keys[] = {                                              \
        { .name = key, .columns = TENON_COLUMNS(ROW_REF), .references = to, .on_delete = action }, \
    };                                                                                             \
    static const tenon_table name_##_table = {                                                     \
        .name = #name_,                                                                            \
        .columns = child_columns,                                                                  \
        .column_count = 2,                                                                         \
        .primary_key = TENON_COLUMNS(ROW_ID),                                                      \
        .foreign_keys = name_##_keys,                                                              \
        .foreign_key_count = 1,                                                                    \
    }

KEYS_CHILD(pet, "pet_owner", "owner", TENON_CASCADE);
KEYS_CHILD(toy, "toy_pet", "pet", TENON_CASCADE);
KEYS_CHILD(scratch, "scratch_toy", "toy", TENON_RESTRICT);
KEYS_CHILD(note, "note_owner", "owner", TENON_SET_NULL);
KEYS_CHILD(lease, "lease_owner", "owner", TENON_RESTRICT);
KEYS_CHILD(person, "person_boss", "person", TENON_RESTRICT);
KEYS_CHILD(branch, "branch_parent", "branch", TENON_CASCADE);
KEYS_CHILD(leaf, "leaf_parent", "leaf", TENON_SET_NULL);

static const tenon_column flat_columns[] = {
    { .name = "house", .type = TENON_TEXT, .not_null = true, .max_bytes = 20 },
    { .name = "door", .type = TENON_INT, .not_null = true },
};

static const tenon_table flat_table = {
    .name = "flat",
    .columns = flat_columns,
    .column_count = 2,
    .primary_key = TENON_COLUMNS(0, 1),
};

static const tenon_column tenant_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "door", .type = TENON_INT },
    { .name = "house", .type = TENON_TEXT, .max_bytes = 20 },
};

static const tenon_foreign_key tenant_keys[] = {
    { .name = "tenant_flat",
      .columns = TENON_COLUMNS(2, 1),
      .references = "flat",
      .on_delete = TENON_CASCADE },
};

static const tenon_table tenant_table = {
    .name = "tenant",
    .columns = tenant_columns,
    .column_count = 3,
    .primary_key = TENON_COLUMNS(0),
    .foreign_keys = tenant_keys,
    .foreign_key_count = 1,
};

static const tenon_table *const keys_tables[] = {
    &scratch_table, &toy_table,    &pet_table,  &owner_table, &note_table,   &lease_table,
    &person_table,  &branch_table, &leaf_table, &flat_table,  &tenant_table,
};

static const tenon_schema keys_schema = {
    .name = "keys",
    .version = 1,
    .tables = keys_tables,
    .table_count = sizeof keys_tables / sizeof keys_tables[0],
};

/* insert (id, ref), move id to ref, delete id, delete all, all rows */
#define KEYS_QUERIES(name_)                                                                        \
    static const tenon_query name_##_insert = { .kind = TENON_INSERT,                              \
                                                .table = &name_##_table,                           \
                                                .columns = TENON_COLUMNS(ROW_ID, 1) };             \
    static const tenon_query name_##_move = { .kind = TENON_UPDATE,                                \
                                              .table = &name_##_table,                             \
                                              .set = TENON_SET(TENON_TO(1, 1)),                    \
                                              .where = TENON_WHERE(TENON_EQ(ROW_ID, 0)) };         \
    static const tenon_query name_##_delete = { .kind = TENON_DELETE,                              \
                                                .table = &name_##_table,                           \
                                                .where = TENON_WHERE(TENON_EQ(ROW_ID, 0)) };       \
    static const tenon_query name_##_clear = { .kind = TENON_DELETE, .table = &name_##_table };    \
    static const tenon_query name_##_all = { .kind = TENON_SELECT,                                 \
                                             .table = &name_##_table,                              \
                                             .columns = TENON_COLUMNS(ROW_ID, 1),                  \
                                             .order = TENON_ORDER(TENON_ASC(ROW_ID)) };            \
    static const tenon_query *const name_##_queries[] = { &name_##_insert, &name_##_move,          \
                                                          &name_##_delete, &name_##_clear,         \
                                                          &name_##_all }

enum { INSERT, MOVE, DELETE, CLEAR, ALL };

KEYS_QUERIES(owner);
KEYS_QUERIES(pet);
KEYS_QUERIES(toy);
KEYS_QUERIES(scratch);
KEYS_QUERIES(note);
KEYS_QUERIES(lease);
KEYS_QUERIES(person);
KEYS_QUERIES(branch);
KEYS_QUERIES(leaf);

static const tenon_query flat_insert = { .kind = TENON_INSERT,
                                         .table = &flat_table,
                                         .columns = TENON_COLUMNS(0, 1) };
static const tenon_query flat_delete = { .kind = TENON_DELETE,
                                         .table = &flat_table,
                                         .where = TENON_WHERE(TENON_EQ(0, 0)) };
static const tenon_query tenant_insert = { .kind = TENON_INSERT,
                                           .table = &tenant_table,
                                           .columns = TENON_COLUMNS(0, 1, 2) };
static const tenon_query tenant_all = { .kind = TENON_SELECT,
                                        .table = &tenant_table,
                                        .columns = TENON_COLUMNS(0, 1, 2),
                                        .order = TENON_ORDER(TENON_ASC(0)) };

static const tenon_query branch_count = { .kind = TENON_COUNT, .table = &branch_table };

/* Begin with owners 1 to 3. */
static void
keys_begin(conf *c)
{
    conf_open(c, &keys_schema);
    BEGIN(c);
    for (int id = 1; id <= 3; id++)
        EXEC(c, 1, owner_queries[INSERT], P(I(id), I(0)));
}

/* A removal from `table` that a key forbids. Some engines name the table, not the key. */
static void
keys_refused(conf *c, const char *key, const char *table, const tenon_query *query,
             const tenon_value *params)
{
    FAILS(c, TENON_CONSTRAINT, NULL, tenon_exec(c->txn, query, params, &c->affected, &c->err));
    if (strcmp(c->err.object, key) != 0 && strcmp(c->err.object, table) != 0)
        conf_failed(CONF_HERE, key, "refused by '%s'", c->err.object);
}

static void
keys_end(conf *c)
{
    COMMIT(c);
    conf_verify(c);
}

static void
keys_missing_parent(conf *c)
{
    keys_begin(c);
    REFUSED(c, TENON_CONSTRAINT, "pet_owner", pet_queries[INSERT], P(I(1), I(9)));
    EXEC(c, 1, pet_queries[INSERT], P(I(1), I(1)));
    EXEC(c, 1, pet_queries[INSERT], P(I(2), NIL)); /* refers to nobody */
    REFUSED(c, TENON_CONSTRAINT, "pet_owner", pet_queries[MOVE], P(I(1), I(9)));
    EXEC(c, 1, pet_queries[MOVE], P(I(1), I(2)));
    EXEC(c, 1, pet_queries[MOVE], P(I(2), I(3)));
    EXEC(c, 1, pet_queries[MOVE], P(I(2), NIL));
    EXEC(c, 1, owner_queries[MOVE], P(I(2), I(5))); /* what is no key may change */
    ROWS(c, "1 2;2 ~", pet_queries[ALL], NULL);
    keys_end(c);
}

static void
keys_restrict(conf *c)
{
    keys_begin(c);
    EXEC(c, 1, lease_queries[INSERT], P(I(1), I(2)));
    keys_refused(c, "lease_owner", "owner", owner_queries[DELETE], P(I(2)));
    keys_refused(c, "lease_owner", "owner", owner_queries[CLEAR], NULL);
    ROWS(c, "1 0;2 0;3 0", owner_queries[ALL], NULL); /* none is gone */
    EXEC(c, 1, owner_queries[DELETE], P(I(1)));
    EXEC(c, 1, lease_queries[MOVE], P(I(1), I(3)));
    EXEC(c, 1, owner_queries[DELETE], P(I(2)));
    EXEC(c, 1, lease_queries[DELETE], P(I(1)));
    EXEC(c, 1, owner_queries[CLEAR], NULL);
    keys_end(c);
}

static void
keys_cascade(conf *c)
{
    keys_begin(c);
    EXEC(c, 1, pet_queries[INSERT], P(I(1), I(1)));
    EXEC(c, 1, pet_queries[INSERT], P(I(2), I(1)));
    EXEC(c, 1, pet_queries[INSERT], P(I(3), I(2)));
    for (int id = 1; id <= 6; id++)
        EXEC(c, 1, toy_queries[INSERT], P(I(id), I((id + 1) / 2)));
    EXEC(c, 1, owner_queries[DELETE], P(I(1))); /* one: cascades are not counted */
    ROWS(c, "3 2", pet_queries[ALL], NULL);
    ROWS(c, "5 3;6 3", toy_queries[ALL], NULL);
    keys_end(c);
}

/* A cascade that meets a key that forbids it undoes all that it has done. */
static void
keys_cascade_forbidden(conf *c)
{
    keys_begin(c);
    EXEC(c, 1, pet_queries[INSERT], P(I(1), I(1)));
    EXEC(c, 1, toy_queries[INSERT], P(I(1), I(1)));
    EXEC(c, 1, toy_queries[INSERT], P(I(2), I(1)));
    EXEC(c, 1, note_queries[INSERT], P(I(1), I(1)));
    EXEC(c, 1, scratch_queries[INSERT], P(I(1), I(2)));
    REFUSED(c, TENON_CONSTRAINT, NULL, owner_queries[DELETE], P(I(1)));
    ROWS(c, "1 0;2 0;3 0", owner_queries[ALL], NULL);
    ROWS(c, "1 1", pet_queries[ALL], NULL);
    ROWS(c, "1 1;2 1", toy_queries[ALL], NULL);
    ROWS(c, "1 1", note_queries[ALL], NULL);
    EXEC(c, 1, scratch_queries[DELETE], P(I(1)));
    EXEC(c, 1, owner_queries[DELETE], P(I(1)));
    ROWS(c, "", toy_queries[ALL], NULL);
    ROWS(c, "1 ~", note_queries[ALL], NULL);
    keys_end(c);
}

static void
keys_set_null(conf *c)
{
    keys_begin(c);
    for (int id = 1; id <= 4; id++)
        EXEC(c, 1, note_queries[INSERT], P(I(id), I((id + 1) / 2)));
    EXEC(c, 1, owner_queries[DELETE], P(I(1)));
    ROWS(c, "1 ~;2 ~;3 2;4 2", note_queries[ALL], NULL);
    EXEC(c, 2, owner_queries[CLEAR], NULL);
    ROWS(c, "1 ~;2 ~;3 ~;4 ~", note_queries[ALL], NULL);
    keys_end(c);
}

/* What is checked is the state after the statement, not each row of it. */
static void
keys_to_itself(conf *c)
{
    keys_begin(c);
    EXEC(c, 1, person_queries[INSERT], P(I(1), I(1))); /* its own boss */
    EXEC(c, 1, person_queries[INSERT], P(I(2), I(1)));
    EXEC(c, 1, person_queries[INSERT], P(I(3), I(2)));
    REFUSED(c, TENON_CONSTRAINT, "person_boss", person_queries[INSERT], P(I(4), I(5)));
    keys_refused(c, "person_boss", "person", person_queries[DELETE], P(I(2)));
    EXEC(c, 1, person_queries[DELETE], P(I(3)));
    EXEC(c, 2, person_queries[CLEAR], NULL); /* all at once: nobody is left to refer */
    ROWS(c, "", person_queries[ALL], NULL);
    EXEC(c, 1, person_queries[INSERT], P(I(1), I(1)));
    EXEC(c, 1, person_queries[DELETE], P(I(1)));
    keys_end(c);
}

static void
keys_cascade_to_itself(conf *c)
{
    keys_begin(c);
    EXEC(c, 1, branch_queries[INSERT], P(I(1), NIL));
    for (int id = 2; id <= 15; id++)
        EXEC(c, 1, branch_queries[INSERT], P(I(id), I(id / 2)));
    EXEC(c, 1, branch_queries[DELETE], P(I(2)));
    ROWS(c, "1 ~;3 1;6 3;7 3;12 6;13 6;14 7;15 7", branch_queries[ALL], NULL);
    EXEC(c, 1, branch_queries[MOVE], P(I(1), I(15))); /* a circle */
    EXEC(c, 1, branch_queries[DELETE], P(I(7)));
    ROWS(c, "", branch_queries[ALL], NULL);
    EXEC(c, 1, leaf_queries[INSERT], P(I(1), I(1)));
    EXEC(c, 1, leaf_queries[INSERT], P(I(2), I(1)));
    EXEC(c, 1, leaf_queries[DELETE], P(I(1)));
    ROWS(c, "2 ~", leaf_queries[ALL], NULL);
    keys_end(c);
}

/* A long chain: the cascade must not need a stack as deep. */
static void
keys_cascade_far(conf *c)
{
    uint64_t left = 0;

    keys_begin(c);
    EXEC(c, 1, branch_queries[INSERT], P(I(1), NIL));
    for (int id = 2; id <= 500; id++)
        EXEC(c, 1, branch_queries[INSERT], P(I(id), I(id - 1)));
    EXEC(c, 1, branch_queries[DELETE], P(I(2)));
    OK(c, tenon_count(c->txn, &branch_count, NULL, &left, &c->err));
    CHECK_INT(left, 1);
    keys_end(c);
}

/* Two columns, in another order than in the table; one of them NULL refers to nothing. */
static void
keys_of_two_columns(conf *c)
{
    keys_begin(c);
    EXEC(c, 1, &flat_insert, P(T("x"), I(1)));
    EXEC(c, 1, &flat_insert, P(T("y"), I(1)));
    EXEC(c, 1, &tenant_insert, P(I(1), I(1), T("x")));
    EXEC(c, 1, &tenant_insert, P(I(2), I(1), T("y")));
    EXEC(c, 1, &tenant_insert, P(I(3), I(7), NIL));
    EXEC(c, 1, &tenant_insert, P(I(4), NIL, T("z")));
    REFUSED(c, TENON_CONSTRAINT, "tenant_flat", &tenant_insert, P(I(5), I(2), T("x")));
    EXEC(c, 1, &flat_delete, P(T("x")));
    ROWS(c, "2 1 y;3 7 ~;4 ~ z", &tenant_all, NULL);
    keys_end(c);
}

static const conf_case keys_cases[] = {
    CASE(keys_missing_parent, "a row whose parent is missing is refused"),
    CASE(keys_restrict, "a parent with children is not deleted where the key restricts"),
    CASE(keys_cascade, "children go with their parent where the key cascades"),
    CASE(keys_cascade_forbidden,
         "a cascade that meets a restricting key undoes all that it has done"),
    CASE(keys_set_null, "children lose their reference where the key says so"),
    CASE(keys_to_itself, "keys within one table hold after the statement, not after each row"),
    CASE(keys_cascade_to_itself, "a cascade within one table takes all that hangs on a row"),
    SLOW_CASE(keys_cascade_far, "a cascade along a long chain works without a deep stack"),
    CASE(keys_of_two_columns, "a key of two columns refers to nothing where one of them is NULL"),
};

CONF_GROUP(keys, "foreign keys",
           "The driver, or its kit, checks foreign keys at the end of each statement: see "
           "foreign_keys of tenon_drv_table.");
