/* Each run has a number, each of its callers writes a mark of his own. */
#include "manager.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- What is written: each run has a number, each of its callers writes a mark of his own ---- */

enum { TALLY_ID, TALLY_N };
enum { MARK_RUN, MARK_PART, MARK_VALUE };

static const tenon_column tally_columns[] = {
    { .name = "id", .type = TENON_INT, .not_null = true },
    { .name = "n", .type = TENON_INT, .not_null = true },
};
static const tenon_table tally = { .name = "tally",
                                   .columns = tally_columns,
                                   .column_count = 2,
                                   .primary_key = TENON_COLUMNS(TALLY_ID) };
static const tenon_column mark_columns[] = {
    { .name = "run", .type = TENON_INT, .not_null = true },
    { .name = "part", .type = TENON_INT, .not_null = true },
    { .name = "value", .type = TENON_INT, .not_null = true },
};
static const tenon_table mark = { .name = "mark",
                                  .columns = mark_columns,
                                  .column_count = 3,
                                  .primary_key = TENON_COLUMNS(MARK_RUN, MARK_PART) };
static const tenon_table *const manager_tables[] = { &tally, &mark };
const tenon_schema manager_schema = {
    .name = "manager", .version = 1, .tables = manager_tables, .table_count = 2
};

static const tenon_query count_up = { .name = "count_up",
                                      .kind = TENON_INSERT,
                                      .table = &tally,
                                      .columns = TENON_COLUMNS(TALLY_ID, TALLY_N),
                                      .on_conflict = TENON_ON_CONFLICT_UPDATE,
                                      .set = TENON_SET(TENON_PLUS(TALLY_N, 1)) };
static const tenon_query read_tally = { .name = "read_tally",
                                        .kind = TENON_SELECT,
                                        .table = &tally,
                                        .columns = TENON_COLUMNS(TALLY_N),
                                        .where = TENON_WHERE(TENON_EQ(TALLY_ID, 0)) };
static const tenon_query add_mark = { .name = "add_mark",
                                      .kind = TENON_INSERT,
                                      .table = &mark,
                                      .columns = TENON_COLUMNS(MARK_RUN, MARK_PART, MARK_VALUE) };
static const tenon_query change_mark = { .name = "change_mark",
                                         .kind = TENON_UPDATE,
                                         .table = &mark,
                                         .set = TENON_SET(TENON_TO(MARK_VALUE, 2)),
                                         .where = TENON_WHERE(TENON_EQ(MARK_RUN, 0),
                                                              TENON_EQ(MARK_PART, 1)) };
static const tenon_query list_marks = { .name = "list_marks",
                                        .kind = TENON_SELECT,
                                        .table = &mark,
                                        .columns = TENON_COLUMNS(MARK_PART, MARK_VALUE),
                                        .where = TENON_WHERE(TENON_EQ(MARK_RUN, 0)),
                                        .order = TENON_ORDER(TENON_ASC(MARK_PART)) };

/* ---- Bodies ---- */

static tenon_status
manager_write(tenon_txn *txn, const manager_scene *scene, int part, tenon_error *err)
{
    const tenon_value one[] = { tenon_int(1), tenon_int(1) };
    const tenon_value row[] = { tenon_int(scene->number), tenon_int(part), tenon_int(1) };
    tenon_status st = tenon_exec(txn, &count_up, one, NULL, err);

    return st == TENON_OK ? tenon_exec(txn, &add_mark, row, NULL, err) : st;
}

/* Read what was written, row by row. */
static tenon_status
manager_read(tenon_txn *txn, int64_t run, int64_t values[MANAGER_PARTS], tenon_error *err)
{
    const tenon_value param = tenon_int(run);
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    tenon_status st = tenon_select(txn, &list_marks, &param, &cursor, err);

    memset(values, 0, MANAGER_PARTS * sizeof *values);
    if (st != TENON_OK)
        return st;
    while ((st = tenon_next(cursor, &row, err)) == TENON_OK)
        if (row[0].as.i >= 0 && row[0].as.i < MANAGER_PARTS)
            values[row[0].as.i] = row[1].as.i;
    tenon_cursor_close(cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

/* Two marks stay, one is undone, and so is what an inner savepoint did to the first. */
static tenon_status
manager_nest(tenon_txn *txn, const manager_scene *scene, tenon_error *err)
{
    const tenon_value change[] = { tenon_int(scene->number), tenon_int(0), tenon_int(99) };
    const tenon_value second[] = { tenon_int(scene->number), tenon_int(1), tenon_int(1) };
    const tenon_value third[] = { tenon_int(scene->number), tenon_int(2), tenon_int(1) };
    uint32_t outer, inner;
    uint64_t affected;
    tenon_status st = tenon_savepoint(txn, &outer, err);

    if (st == TENON_OK)
        st = tenon_exec(txn, &add_mark, second, NULL, err);
    if (st == TENON_OK)
        st = tenon_savepoint(txn, &inner, err);
    if (st == TENON_OK)
        st = tenon_exec(txn, &change_mark, change, &affected, err);
    if (st == TENON_OK)
        st = tenon_exec(txn, &add_mark, third, NULL, err);
    if (st == TENON_OK)
        st = tenon_savepoint_rollback(txn, inner, err);
    return st == TENON_OK ? tenon_savepoint_release(txn, outer, err) : st;
}

static tenon_status
manager_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value one = tenon_int(1);
    manager_caller *caller = arg;
    const tenon_value mine[] = { tenon_int(caller->scene->number), tenon_int(caller->part),
                                 tenon_int(MANAGER_WRITTEN) };
    const tenon_value *row;
    uint64_t affected;
    char text[100];
    tenon_status st;

    caller->attempts++;
    st = tenon_fetch(txn, &read_tally, &one, &row, err);
    if (st == TENON_OK || st == TENON_NOT_FOUND)
        st = manager_write(txn, caller->scene, caller->part, err);
    if (st == TENON_OK && caller->scene->savepoints)
        st = manager_nest(txn, caller->scene, err);
    if (st == TENON_OK && caller->scene->poison != 0 && caller->scene->poison == caller->part)
        st = tenon_explain(txn, &list_marks, text, sizeof text, err); /* as nobody else does */
    return st == TENON_OK ? tenon_exec(txn, &change_mark, mine, &affected, err) : st;
}

/* ---- Running ---- */

void *
manager_call(void *arg)
{
    manager_caller *caller = arg;
    char key[40];
    const tenon_txn_options options = { .size = sizeof options,
                                        .name = "manager",
                                        .timeout_ms = caller->scene->timeout_ms,
                                        .actor = "tester",
                                        .idempotency_key = caller->scene->keyed ? key : NULL };

    (void)snprintf(key, sizeof key, "run %lld", (long long)caller->scene->number);
    caller->told = tenon_run(caller->db, &options, manager_body, caller, &caller->err);
    return NULL;
}

void
manager_run_one(tenon_db *db, void *arg, points_run *run)
{
    manager_caller caller = { .db = db, .scene = arg };

    (void)manager_call(&caller);
    run->told[0] = caller.told;
    run->attempts[0] = caller.attempts;
    run->err = caller.err;
}

static bool
manager_waits(tenon_db *db, uint64_t count)
{
    tenon_db_stats stats = { .size = sizeof stats };

    return tenon_db_get_stats(db, &stats, NULL) != TENON_OK || stats.waiting_turn >= count;
}

/* All of them wait while a transaction by hand keeps the writer: they come as a group, unless the
 * fault hits that one. Where there are many writers they run side by side. */
void
manager_run_group(tenon_db *db, void *arg, points_run *run)
{
    const bool takes_turns = (tenon_db_capabilities(db) & TENON_CAP_SINGLE_WRITER) != 0;
    const struct timespec pause = { .tv_nsec = 200000 };
    manager_caller callers[MANAGER_PARTS];
    tenon_error err = { 0 };
    tenon_txn *holder = NULL;

    if (takes_turns && tenon_begin(db, NULL, &holder, &err) != TENON_OK)
        holder = NULL;
    for (int i = 0; i < MANAGER_PARTS; i++) {
        callers[i] = (manager_caller){ .db = db, .scene = arg, .part = i };
        assert_int_equal(pthread_create(&callers[i].thread, NULL, manager_call, &callers[i]), 0);
        while (holder != NULL && !manager_waits(db, (uint64_t)i + 1))
            (void)nanosleep(&pause, NULL);
    }
    tenon_rollback(holder);
    for (int i = 0; i < MANAGER_PARTS; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        run->told[i] = callers[i].told;
        run->attempts[i] = callers[i].attempts;
        if (callers[i].told != TENON_OK)
            run->err = callers[i].err;
    }
}

/* ---- Looking ---- */

typedef struct manager_look {
    int64_t run;
    manager_state state;
} manager_look;

static tenon_status
manager_look_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_value one = tenon_int(1);
    manager_look *look = arg;
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &read_tally, &one, &row, err);

    look->state.tally = st == TENON_OK ? row[0].as.i : 0;
    return st == TENON_OK || st == TENON_NOT_FOUND
               ? manager_read(txn, look->run, look->state.values, err)
               : st;
}

static void
manager_count_audit(void *arg, const tenon_audit_row *row)
{
    (void)row;
    ++*(int64_t *)arg;
}

manager_state
manager_see(tenon_db *db, const manager_scene *scene)
{
    const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    manager_look look = { .run = scene->number };
    tenon_error err = { 0 };

    points_must(tenon_run(db, &reading, manager_look_body, &look, &err), &err);
    points_must(tenon_db_audit(db, manager_count_audit, &look.state.audit, &err), &err);
    return look.state;
}

void
manager_prepare(tenon_db *db, void *arg)
{
    static int64_t number;
    manager_scene *scene = arg;

    scene->number = ++number;
    scene->before = manager_see(db, scene);
}
