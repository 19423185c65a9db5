#include "given.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool.h"

enum { GIVEN_CLEAR_MS = 3600000 };

/* Compiled forms are found by a query's address, so they live as long as the database is open. */
typedef struct given_table {
    tenon_query count, clear;
} given_table;

typedef struct given_work {
    const tenon_query *query;
    uint64_t rows;
} given_work;

static tenon_status
given_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    given_work *w = arg;

    return w->query->kind == TENON_COUNT ? tenon_count(txn, w->query, NULL, &w->rows, err)
                                         : tenon_exec(txn, w->query, NULL, &w->rows, err);
}

static bool
given_run(target *t, const tenon_query *query, uint64_t *rows)
{
    const tenon_txn_options options = { .size = sizeof options,
                                        .name = query->name,
                                        .read_only = query->kind == TENON_COUNT,
                                        .timeout_ms = GIVEN_CLEAR_MS };
    given_work work = { .query = query };
    tenon_error err = { 0 };
    const tenon_status st = tenon_run(t->db, &options, given_body, &work, &err);

    *rows = work.rows;
    return st == TENON_OK || target_failed(t, query->name, st, &err);
}

static bool
given_prepare(target *t, const tenon_schema *schema)
{
    if (t->given == NULL)
        t->given = calloc(schema->table_count, sizeof *t->given);
    for (uint32_t i = 0; i < schema->table_count && t->given != NULL; i++) {
        t->given[i].count = (tenon_query){ .name = "bench_count",
                                           .kind = TENON_COUNT,
                                           .table = schema->tables[i] };
        t->given[i].clear = (tenon_query){ .name = "bench_clear",
                                           .kind = TENON_DELETE,
                                           .table = schema->tables[i] };
    }
    return t->given != NULL || target_failed(t, "memory", TENON_NO_MEMORY, NULL);
}

bool
given_is_empty(target *t)
{
    const tenon_schema *schema = t->workload->scenario->schema();
    uint64_t rows;

    if (t->place.driver->given == NULL)
        return true;
    if (!given_prepare(t, schema))
        return false;
    for (uint32_t i = 0; i < schema->table_count; i++) {
        if (!given_run(t, &t->given[i].count, &rows))
            return false;
        if (rows == 0)
            continue;
        (void)snprintf(t->why, sizeof t->why,
                       "it is not empty: its table %s has %" PRIu64
                       " rows, which may be somebody's",
                       schema->tables[i]->name, rows);
        return false;
    }
    return true;
}

/* Who refers to others comes after them. */
bool
given_clear(target *t)
{
    const tenon_schema *schema = t->workload->scenario->schema();
    uint64_t rows;

    if (t->given == NULL || t->db == NULL)
        return true;
    for (uint32_t i = schema->table_count; i-- > 0;) {
        if (given_run(t, &t->given[i].clear, &rows))
            continue;
        tool_error(t->place.driver->label, "the run's rows are left in table %s: %s",
                   schema->tables[i]->name, t->why);
        return false;
    }
    return true;
}

void
given_release(target *t)
{
    free(t->given);
    t->given = NULL;
}
