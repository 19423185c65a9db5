/* An engine: its database, and what it answers to a case. */
#include "check/model/model.h"

#include <stdlib.h>
#include <string.h>

static tenon_status
engine_begin(eq_engine *engine, tenon_error *err)
{
    static const tenon_txn_options options = { .size = sizeof options, .timeout_ms = 600000 };

    engine->savepoint_count = 0;
    return tenon_begin(engine->db, &options, &engine->txn, err);
}

tenon_status
eq_engine_open(eq_engine *engine, const char *url, const tenon_schema *schema)
{
    const tenon_open_options options = { .size = sizeof options,
                                         .schema = schema,
                                         .min_connections = UINT32_MAX };
    tenon_error *err = &engine->answer.err;
    const tenon_status st = tenon_open(url, &options, &engine->db, err);

    return st == TENON_OK ? engine_begin(engine, err) : st;
}

void
eq_engine_close(eq_engine *engine)
{
    eq_answer_clear(&engine->answer);
    tenon_rollback(engine->txn);
    engine->txn = NULL;
    tenon_close(engine->db);
    engine->db = NULL;
}

/* ---- Answers ---- */

void
eq_answer_clear(eq_answer *answer)
{
    for (size_t i = 0; i < answer->row_count; i++) {
        free(answer->rows[i].key);
        free(answer->rows[i].text);
    }
    free(answer->rows);
    memset(answer, 0, sizeof *answer);
}

/* The values as text. */
static char *
answer_text(const tenon_value *values, uint32_t count)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    if (out == NULL)
        abort();
    for (uint32_t i = 0; i < count; i++) {
        (void)fputc(' ', out);
        eq_show_value(out, &values[i]);
    }
    (void)fclose(out);
    return text;
}

static void
answer_add_row(eq_answer *answer, const eq_query *query, const tenon_value *row)
{
    const uint32_t columns = query->query.kind == TENON_COUNT ? 1 : query->query.columns.count;

    if (answer->row_count == answer->row_room) {
        answer->row_room = answer->row_room * 2 + 16;
        answer->rows = (eq_row *)realloc(answer->rows, answer->row_room * sizeof *answer->rows);
        if (answer->rows == NULL)
            abort();
    }
    answer->rows[answer->row_count].key = answer_text(row, query->order_count);
    answer->rows[answer->row_count++].text = answer_text(row, columns);
}

static void
engine_read(eq_engine *engine, const eq_case *run)
{
    eq_answer *answer = &engine->answer;
    tenon_cursor *cursor = NULL;
    const tenon_value *row;

    answer->status = tenon_select(engine->txn, &run->query->query, run->params, &cursor,
                                  &answer->err);
    while (answer->status == TENON_OK) {
        answer->status = tenon_next(cursor, &row, &answer->err);
        if (answer->status == TENON_OK)
            answer_add_row(answer, run->query, row);
    }
    if (answer->status == TENON_NOT_FOUND)
        answer->status = TENON_OK;
    tenon_cursor_close(cursor);
}

static void
engine_savepoint(eq_engine *engine, const eq_case *run)
{
    eq_answer *answer = &engine->answer;

    if (run->kind == EQ_SAVEPOINT) {
        answer->status = tenon_savepoint(engine->txn, &engine->savepoints[engine->savepoint_count],
                                         &answer->err);
        engine->savepoint_count += answer->status == TENON_OK;
        return;
    }
    if (run->kind == EQ_RELEASE)
        answer->status = tenon_savepoint_release(engine->txn, engine->savepoints[run->depth],
                                                 &answer->err);
    else
        answer->status = tenon_savepoint_rollback(engine->txn, engine->savepoints[run->depth],
                                                  &answer->err);
    if (answer->status == TENON_OK)
        engine->savepoint_count = run->depth;
}

static void
engine_end(eq_engine *engine, bool commit)
{
    eq_answer *answer = &engine->answer;

    if (commit)
        answer->status = tenon_commit(engine->txn, &answer->err);
    else
        tenon_rollback(engine->txn);
    engine->txn = NULL;
    if (answer->status == TENON_OK)
        answer->status = engine_begin(engine, &answer->err);
}

void
eq_engine_run(eq_engine *engine, const eq_case *run)
{
    eq_answer *answer = &engine->answer;

    eq_answer_clear(answer);
    if (run->kind == EQ_COMMIT || run->kind == EQ_ROLL_BACK)
        engine_end(engine, run->kind == EQ_COMMIT);
    else if (run->kind != EQ_STATEMENT)
        engine_savepoint(engine, run);
    else if (run->query->query.kind == TENON_SELECT || run->query->query.kind == TENON_COUNT)
        engine_read(engine, run);
    else
        answer->status = tenon_exec(engine->txn, &run->query->query, run->params, &answer->affected,
                                    &answer->err);
    answer->state = engine->txn != NULL ? tenon_txn_state(engine->txn) : 0;
}

static void
engine_problem(void *arg, const char *where, const char *what)
{
    const eq_engine *engine = (const eq_engine *)arg;

    (void)printf("%s: verify: %s: %s\n", engine->name, where, what);
}

uint64_t
eq_engine_verify(eq_engine *engine)
{
    uint64_t problems = 0;
    tenon_error err = { 0 };
    tenon_status st = tenon_commit(engine->txn, &err);

    engine->txn = NULL;
    if (st == TENON_OK)
        st = tenon_db_verify(engine->db, engine_problem, engine, &problems, &err);
    if (st == TENON_OK)
        return problems;
    (void)printf("%s: %s: %s\n", engine->name, tenon_status_name(st), err.message);
    return 1;
}

/* ---- What comes next ---- */

void
eq_case_pick(eq_world *world, uint32_t set, eq_case *run)
{
    const uint32_t kind = eq_below(&world->random, 100);

    memset(run, 0, sizeof *run);
    if (kind < 3) {
        run->kind = EQ_COMMIT;
    } else if (kind < 5) {
        run->kind = EQ_ROLL_BACK;
    } else if (kind < 10 && set < 8) {
        run->kind = EQ_SAVEPOINT;
    } else if (kind < 16 && set > 0 && set != UINT32_MAX) {
        run->kind = kind < 12 ? EQ_RELEASE : EQ_UNDO;
        run->depth = eq_below(&world->random, set);
    } else {
        run->query = eq_query_pick(world);
        eq_params_make(world, run->query, run->params);
    }
}

/* After what undoes things and now and then all is looked at, not what was asked for. */
bool
eq_case_calls_for_dump(const eq_case *run, uint64_t number)
{
    return run->kind == EQ_UNDO || run->kind == EQ_ROLL_BACK || number % 25 == 24;
}

/* ---- Comparing ---- */

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(((const eq_row *)a)->text, ((const eq_row *)b)->text);
}

/* The same rows, in whatever order. */
static const char *
compare_sorted(const eq_answer *a, const eq_answer *b, size_t count)
{
    const size_t bytes = count * sizeof *a->rows;
    eq_row *both = (eq_row *)malloc(bytes * 2);
    bool same = true;

    if (both == NULL)
        abort();
    memcpy(both, a->rows, bytes);
    memcpy(both + count, b->rows, bytes);
    qsort(both, count, sizeof *both, compare_texts);
    qsort(both + count, count, sizeof *both, compare_texts);
    for (size_t i = 0; i < count && same; i++)
        same = strcmp(both[i].text, both[count + i].text) == 0;
    free(both);
    return same ? NULL : "rows";
}

/* In order where that leaves no choice; else the order's columns in order, and the same rows. */
static const char *
compare_rows(const eq_case *run, const eq_answer *a, const eq_answer *b)
{
    const size_t count = a->row_count;

    if (count != b->row_count)
        return "number of rows";
    for (size_t i = 0; i < count; i++) {
        if (strcmp(a->rows[i].key, b->rows[i].key) != 0)
            return "order of rows";
        if (run->query->total && strcmp(a->rows[i].text, b->rows[i].text) != 0)
            return "rows, whose order is total";
    }
    return count == 0 || run->query->total ? NULL : compare_sorted(a, b, count);
}

/* Whether SQLite, if it is `a`, names exactly what it is about. */
static bool
compare_is_named(const eq_case *run, const eq_answer *a)
{
    const tenon_table *table = run->query->query.table;

    if (a->status == TENON_EXISTS)
        return run->query->named;
    if (a->status == TENON_CONSTRAINT && strchr(a->err.object, '.') == NULL)
        return run->query->query.kind != TENON_DELETE && table->foreign_key_count == 1;
    /* Which column's sum is too large only Tenon's own engines say. */
    return a->status != TENON_INVALID || a->err.native == 0;
}

const char *
eq_compare(const eq_case *run, const eq_answer *a, const eq_answer *b)
{
    const bool one_reason = run->kind != EQ_STATEMENT || run->query->one_reason ||
                            run->query->query.kind == TENON_SELECT ||
                            run->query->query.kind == TENON_COUNT;

    if ((a->status == TENON_OK) != (b->status == TENON_OK))
        return "success";
    if (one_reason && a->status != b->status)
        return "status";
    if (a->state != b->state)
        return "state of the transaction";
    if (a->err.effect != b->err.effect)
        return "effect";
    if (run->kind != EQ_STATEMENT)
        return NULL;
    if (a->affected != b->affected && !run->query->uncounted)
        return "rows affected";
    if (a->status != TENON_OK) {
        if (one_reason && compare_is_named(run, a) && strcmp(a->err.object, b->err.object) != 0)
            return "object";
        return NULL;
    }
    return compare_rows(run, a, b);
}
