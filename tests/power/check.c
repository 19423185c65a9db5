/* What is there after a fault, compared with what the page says. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "ledger_tables.h"

/* What was read of one writer; of writer 0: of all. */
typedef struct check_writer {
    uint64_t entries, marks, total;
    tenon_uuid newest, last; /* of the entries; as the total says */
} check_writer;

typedef struct check {
    power_page *page;
    check_writer writers[POWER_MOST_THREADS + 1];
    unsigned char *turns; /* which turns were seen */
    uint64_t turn_count;
} check;

static const tenon_query check_entries = {
    .name = "all entries",
    .kind = TENON_SELECT,
    .table = &entry_table,
    .columns = TENON_COLUMNS(ENTRY_ID, ENTRY_WRITER, ENTRY_SERIAL, ENTRY_TURN, ENTRY_KEPT,
                             ENTRY_BODY),
    .order = TENON_ORDER(TENON_ASC(ENTRY_WRITER), TENON_ASC(ENTRY_SERIAL)),
};
static const tenon_query check_totals = {
    .name = "all totals",
    .kind = TENON_SELECT,
    .table = &total_table,
    .columns = TENON_COLUMNS(TOTAL_WRITER, TOTAL_N, TOTAL_LAST),
};
static const tenon_query check_marks = {
    .name = "all marks",
    .kind = TENON_SELECT,
    .table = &mark_table,
    .columns = TENON_COLUMNS(MARK_WRITER, MARK_SERIAL, MARK_ENTRY),
    .order = TENON_ORDER(TENON_ASC(MARK_WRITER), TENON_ASC(MARK_SERIAL)),
};
static const tenon_query check_entry_count = { .name = "count entries",
                                               .kind = TENON_COUNT,
                                               .table = &entry_table };

/* A sign of something that is there in part, or should not be there. */
__attribute__((format(printf, 2, 3))) static void
check_partial(check *c, const char *format, ...)
{
    power_verdict *v = &c->page->verdict;
    va_list args;

    if (v->partial++ > 0 || v->lost > 0)
        return;
    va_start(args, format);
    (void)vsnprintf(v->text, sizeof v->text, format, args);
    va_end(args);
}

static check_writer *
check_writer_of(check *c, int64_t writer)
{
    if (writer >= 0 && writer <= (int64_t)c->page->manner.writers)
        return &c->writers[writer];
    check_partial(c, "a row of writer %lld, who does not exist", (long long)writer);
    return NULL;
}

static void
check_turn(check *c, int64_t writer, int64_t turn)
{
    if (turn < 1 || (uint64_t)turn > c->turn_count || c->turns[turn - 1] != 0)
        check_partial(c, "turn %lld of writer %lld is a second one, or beyond the %llu entries",
                      (long long)turn, (long long)writer, (unsigned long long)c->turn_count);
    else
        c->turns[turn - 1] = 1;
}

static void
check_entry(check *c, const tenon_value *row)
{
    const int64_t writer = row[1].as.i, serial = row[2].as.i;
    check_writer *w = check_writer_of(c, writer);
    unsigned char body[LEDGER_BODY_BYTES];

    if (w == NULL)
        return;
    w->entries++;
    w->newest = tenon_value_id(&row[0]);
    if (serial != (int64_t)w->entries)
        check_partial(c, "writer %lld has the serial %lld as its entry number %llu",
                      (long long)writer, (long long)serial, (unsigned long long)w->entries);
    if (row[4].as.i == 0)
        check_partial(c, "the call of writer %lld for serial %lld has failed, its entry is there",
                      (long long)writer, (long long)serial);
    if (row[5].len != ledger_body(writer, serial, body) ||
        (row[5].len > 0 && memcmp(row[5].as.data, body, row[5].len) != 0))
        check_partial(c, "entry %lld of writer %lld has another body", (long long)serial,
                      (long long)writer);
    check_turn(c, writer, row[3].as.i);
}

static void
check_total(check *c, const tenon_value *row)
{
    check_writer *w = check_writer_of(c, row[0].as.i);

    if (w == NULL)
        return;
    w->total = (uint64_t)row[1].as.i;
    w->last = tenon_value_id(&row[2]);
}

static void
check_mark(check *c, const tenon_value *row)
{
    check_writer *w = check_writer_of(c, row[0].as.i);

    if (w == NULL)
        return;
    w->marks++;
    if (row[1].as.i != 2 * (int64_t)w->marks)
        check_partial(c, "writer %lld has a mark at serial %lld as number %llu",
                      (long long)row[0].as.i, (long long)row[1].as.i, (unsigned long long)w->marks);
}

static tenon_status
check_rows(tenon_txn *txn, check *c, const tenon_query *query,
           void (*fn)(check *c, const tenon_value *row), tenon_error *err)
{
    const tenon_value *row;
    tenon_cursor *cursor;
    tenon_status st = tenon_select(txn, query, NULL, &cursor, err);

    while (st == TENON_OK && (st = tenon_next(cursor, &row, err)) == TENON_OK)
        fn(c, row);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

/* Runs once: who reads is never asked to run again. */
static tenon_status
check_read(tenon_txn *txn, void *arg, tenon_error *err)
{
    check *c = arg;
    tenon_status st = tenon_count(txn, &check_entry_count, NULL, &c->turn_count, err);

    if (st != TENON_OK)
        return st;
    c->turns = calloc(c->turn_count + 1, 1);
    if (c->turns == NULL)
        return TENON_NO_MEMORY;
    st = check_rows(txn, c, &check_entries, check_entry, err);
    if (st == TENON_OK)
        st = check_rows(txn, c, &check_totals, check_total, err);
    if (st == TENON_OK)
        st = check_rows(txn, c, &check_marks, check_mark, err);
    return st;
}

static void
check_compare(check *c, uint32_t number)
{
    const check_writer *w = &c->writers[number];
    power_writer *told = &c->page->writers[number];
    power_verdict *v = &c->page->verdict;

    told->present = w->entries;
    if (w->entries < told->owed) {
        if (v->lost == 0 && v->partial == 0)
            (void)snprintf(v->text, sizeof v->text,
                           "writer %u was told that serial %llu is committed, and has %llu entries",
                           number, (unsigned long long)told->owed, (unsigned long long)w->entries);
        v->lost += told->owed - w->entries;
    }
    if (w->entries > atomic_load(&told->attempted))
        check_partial(c, "writer %u has %llu entries, and has tried %llu", number,
                      (unsigned long long)w->entries,
                      (unsigned long long)atomic_load(&told->attempted));
    if (w->entries != w->total || w->marks != w->entries / 2 ||
        memcmp(&w->newest, &w->last, sizeof w->last) != 0)
        check_partial(c, "writer %u counts %llu, and has %llu entries and %llu marks%s", number,
                      (unsigned long long)w->total, (unsigned long long)w->entries,
                      (unsigned long long)w->marks,
                      memcmp(&w->newest, &w->last, sizeof w->last) == 0 ? "" : ", another last");
}

static void
check_problem(void *arg, const char *where, const char *what)
{
    check_partial(arg, "verify: %s: %s", where, what);
}

tenon_status
ledger_check(tenon_db *db, power_page *page, tenon_error *err)
{
    const tenon_txn_options reading = { .size = sizeof reading, .read_only = true };
    check c = { .page = page };
    uint64_t problems;
    tenon_status st = tenon_run(db, &reading, check_read, &c, err);

    if (st == TENON_OK && page->verify)
        st = tenon_db_verify(db, check_problem, &c, &problems, err);
    if (st != TENON_OK)
        goto done;
    for (uint32_t i = 1; i <= page->manner.writers; i++)
        check_compare(&c, i);
    if (c.writers[0].total != c.turn_count)
        check_partial(&c, "all together count %llu, and have %llu entries",
                      (unsigned long long)c.writers[0].total, (unsigned long long)c.turn_count);
    page->verdict.done = true;

done:
    free(c.turns);
    return st;
}
