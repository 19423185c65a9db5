/** @file model.h Random schemas and statements, run on several engines that must agree. */
#ifndef TENON_CHECK_MODEL_MODEL_H
#define TENON_CHECK_MODEL_MODEL_H

#include <stdio.h>

#include "tenon/tenon.h"

enum { EQ_MAX_TABLES = 5, EQ_MAX_PARAMS = 48, EQ_MAX_QUERIES = 64, EQ_MAX_ENGINES = 4 };

/** Numbers that a seed determines. */
typedef struct eq_random {
    uint64_t state;
} eq_random;

uint64_t eq_next(eq_random *random);
/** A number from 0 to n - 1. */
uint32_t eq_below(eq_random *random, uint32_t n);
bool eq_chance(eq_random *random, uint32_t percent);

/** Memory that lives as long as a schema and the databases opened with it. */
typedef struct eq_arena {
    struct eq_block *blocks;
} eq_arena;

/** Zeroed memory; ends the program where there is none. */
void *eq_take(eq_arena *arena, size_t bytes);
char *eq_name(eq_arena *arena, const char *kind, uint32_t number);
void eq_arena_free(eq_arena *arena);

/** What a parameter of a query stands for. */
typedef struct eq_param {
    uint16_t column;
    bool limit;
    bool keyset; /**< Of the order's columns; all NULL or none. */
    bool addend; /**< Is added to the column. */
} eq_param;

/** A query, and what is known of its results. */
typedef struct eq_query {
    tenon_query query; /**< First, and never moved: it is found by its address. */
    eq_param params[EQ_MAX_PARAMS];
    uint32_t param_count;
    uint32_t order_count; /**< The first columns of a row are those that it is ordered by. */
    bool total;           /**< The order leaves no choice. */
    bool one_reason;      /**< A failure can have one reason only, on any engine. */
    bool uncounted; /**< How many rows it affects itself, and how many by cascades, is open. */
    bool named;     /**< That every engine names in the same way, if it is EXISTS. */
} eq_query;

/** A schema with its queries. */
typedef struct eq_world {
    eq_arena arena;
    eq_random random;
    tenon_schema schema;
    tenon_table *tables[EQ_MAX_TABLES];
    eq_query *queries[EQ_MAX_QUERIES];
    uint32_t query_count;
    bool modest; /**< No sum of REALs overflows, and no table has a key that restricts beside
 one that cascades: see drivers/postgres/README.md. */
} eq_world;

/** @param[in] modest leave out what a server is known to do in another way */
void eq_world_make(eq_world *world, uint64_t seed, bool modest);
void eq_world_free(eq_world *world);
/** A query of that world, new or used before. */
eq_query *eq_query_pick(eq_world *world);
/** Every row and column of a table by its key. */
eq_query *eq_query_dump(eq_world *world, uint32_t table);
/** Parameters for a query; some are bad. They live as long as the world. */
void eq_params_make(eq_world *world, const eq_query *query, tenon_value *out);
/** A value of a type, of few, so that they meet again. Never longer than `max_bytes` (0 = any). */
tenon_value eq_value(eq_random *random, tenon_type type, uint32_t max_bytes);

/** Write things so that a failure can be read. */
void eq_show_value(FILE *out, const tenon_value *v);
void eq_show_query(FILE *out, const tenon_query *query);
void eq_show_schema(FILE *out, const tenon_schema *schema);

/** What a case does. */
enum { EQ_STATEMENT, EQ_COMMIT, EQ_ROLL_BACK, EQ_SAVEPOINT, EQ_RELEASE, EQ_UNDO, EQ_KINDS };

typedef struct eq_case {
    uint32_t kind;
    const eq_query *query;
    tenon_value params[EQ_MAX_PARAMS];
    uint32_t depth; /**< EQ_RELEASE, EQ_UNDO: which savepoint, from 0 on. */
} eq_case;

/** A row that was read. */
typedef struct eq_row {
    char *key; /**< What it is ordered by. */
    char *text;
} eq_row;

/** What an engine answered. */
typedef struct eq_answer {
    tenon_status status;
    tenon_error err;
    uint64_t affected;
    uint32_t state; /**< Of the transaction after it. */
    eq_row *rows;
    size_t row_count, row_room;
} eq_answer;

/** A case with its parameters, a line each. */
void eq_show_case(FILE *out, const eq_case *run);
/** What an engine answered, its rows too. */
void eq_show_answer(FILE *out, const char *name, const eq_answer *answer);

/** An engine with its database and its transaction. */
typedef struct eq_engine {
    const char *name;
    tenon_db *db;
    tenon_txn *txn;
    uint32_t savepoints[TENON_MAX_SAVEPOINTS];
    uint32_t savepoint_count;
    eq_answer answer;
} eq_engine;

/** Choose what comes next. `set`: savepoints that are set; UINT32_MAX: there can be none. */
void eq_case_pick(eq_world *world, uint32_t set, eq_case *run);
/** Whether all of the tables is to be compared after it, the `number`th of its schema. */
bool eq_case_calls_for_dump(const eq_case *run, uint64_t number);
/** Open an empty database with the schema, and begin. @return TENON_OK, or why not */
tenon_status eq_engine_open(eq_engine *engine, const char *url, const tenon_schema *schema);
void eq_engine_close(eq_engine *engine);
/** Run a case; the answer is in the engine. */
void eq_engine_run(eq_engine *engine, const eq_case *run);
/** tenon_db_verify, with the transaction committed; says what it finds on stdout. @return problems
 */
uint64_t eq_engine_verify(eq_engine *engine);
void eq_answer_clear(eq_answer *answer);
/** What is different between `a`, the one that names least of what it refuses, and `b`. @return
 * NULL where nothing is */
const char *eq_compare(const eq_case *run, const eq_answer *a, const eq_answer *b);

#endif
