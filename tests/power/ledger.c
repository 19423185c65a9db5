#include "ledger.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ledger_tables.h"

enum { LEDGER_FAR = 1000000000, LEDGER_EARLY_NS = 500000 };

static const tenon_column entry_columns[] = {
    [ENTRY_ID] = { .name = "id", .type = TENON_UUID, .not_null = true },
    [ENTRY_WRITER] = { .name = "writer", .type = TENON_INT, .not_null = true },
    [ENTRY_SERIAL] = { .name = "serial", .type = TENON_INT, .not_null = true },
    [ENTRY_TURN] = { .name = "turn", .type = TENON_INT, .not_null = true },
    [ENTRY_KEPT] = { .name = "kept", .type = TENON_BOOL, .not_null = true },
    [ENTRY_BODY] = { .name = "body", .type = TENON_BLOB, .not_null = true },
};
static const tenon_index entry_indexes[] = {
    { .name = "entry_by_serial",
      .columns = TENON_COLUMNS(ENTRY_WRITER, ENTRY_SERIAL),
      .unique = true },
};
const tenon_table entry_table = { .name = "entry",
                                  .columns = entry_columns,
                                  .column_count = ENTRY_COLUMNS,
                                  .primary_key = TENON_COLUMNS(ENTRY_ID),
                                  .indexes = entry_indexes,
                                  .index_count = 1 };
static const tenon_column total_columns[] = {
    [TOTAL_WRITER] = { .name = "writer", .type = TENON_INT, .not_null = true },
    [TOTAL_N] = { .name = "n", .type = TENON_INT, .not_null = true },
    [TOTAL_LAST] = { .name = "last", .type = TENON_UUID, .not_null = true },
};
const tenon_table total_table = { .name = "total",
                                  .columns = total_columns,
                                  .column_count = TOTAL_COLUMNS,
                                  .primary_key = TENON_COLUMNS(TOTAL_WRITER) };
static const tenon_column mark_columns[] = {
    [MARK_WRITER] = { .name = "writer", .type = TENON_INT, .not_null = true },
    [MARK_SERIAL] = { .name = "serial", .type = TENON_INT, .not_null = true },
    [MARK_ENTRY] = { .name = "entry", .type = TENON_UUID, .not_null = true },
};
static const tenon_foreign_key mark_keys[] = {
    { .name = "mark_of_entry", .columns = TENON_COLUMNS(MARK_ENTRY), .references = "entry" },
};
const tenon_table mark_table = { .name = "mark",
                                 .columns = mark_columns,
                                 .column_count = MARK_COLUMNS,
                                 .primary_key = TENON_COLUMNS(MARK_WRITER, MARK_SERIAL),
                                 .foreign_keys = mark_keys,
                                 .foreign_key_count = 1 };
static const tenon_table *const ledger_tables[] = { &entry_table, &total_table, &mark_table };
static const tenon_schema ledger_schema = {
    .name = "ledger", .version = 1, .tables = ledger_tables, .table_count = 3
};

static const tenon_query entry_insert = { .name = "insert entry",
                                          .kind = TENON_INSERT,
                                          .table = &entry_table,
                                          .columns = TENON_COLUMNS(ENTRY_ID, ENTRY_WRITER,
                                                                   ENTRY_SERIAL, ENTRY_TURN,
                                                                   ENTRY_KEPT, ENTRY_BODY) };
static const tenon_query mark_insert = { .name = "insert mark",
                                         .kind = TENON_INSERT,
                                         .table = &mark_table,
                                         .columns = TENON_COLUMNS(MARK_WRITER, MARK_SERIAL,
                                                                  MARK_ENTRY) };
static const tenon_query total_get = { .name = "get total",
                                       .kind = TENON_SELECT,
                                       .table = &total_table,
                                       .columns = TENON_COLUMNS(TOTAL_N, TOTAL_LAST),
                                       .where = TENON_WHERE(TENON_EQ(TOTAL_WRITER, 0)) };
static const tenon_query total_put = {
    .name = "put total",
    .kind = TENON_INSERT,
    .on_conflict = TENON_ON_CONFLICT_UPDATE,
    .table = &total_table,
    .columns = TENON_COLUMNS(TOTAL_WRITER, TOTAL_N, TOTAL_LAST),
    .set = TENON_SET(TENON_TO(TOTAL_N, 1), TENON_TO(TOTAL_LAST, 2)),
};
static const tenon_query total_add = {
    .name = "add to total",
    .kind = TENON_INSERT,
    .on_conflict = TENON_ON_CONFLICT_UPDATE,
    .table = &total_table,
    .columns = TENON_COLUMNS(TOTAL_WRITER, TOTAL_N, TOTAL_LAST),
    .set = TENON_SET(TENON_PLUS(TOTAL_N, 1), TENON_TO(TOTAL_LAST, 2)),
};
static const tenon_query entry_get = { .name = "get entry",
                                       .kind = TENON_SELECT,
                                       .table = &entry_table,
                                       .columns = TENON_COLUMNS(ENTRY_ID, ENTRY_TURN),
                                       .where = TENON_WHERE(TENON_EQ(ENTRY_WRITER, 0),
                                                            TENON_EQ(ENTRY_SERIAL, 1)) };
static const tenon_query mark_get = { .name = "get mark",
                                      .kind = TENON_SELECT,
                                      .table = &mark_table,
                                      .columns = TENON_COLUMNS(MARK_ENTRY),
                                      .where = TENON_WHERE(TENON_EQ(MARK_WRITER, 0),
                                                           TENON_EQ(MARK_SERIAL, 1)) };

tenon_status
ledger_open(const char *url, tenon_db **out, tenon_error *err)
{
    const tenon_open_options o = { .size = sizeof o,
                                   .schema = &ledger_schema,
                                   .min_connections = UINT32_MAX,
                                   .breaker_failures = UINT32_MAX };

    return tenon_open(url, &o, out, err);
}

/* ---- Bodies of entries: what is in them follows from whose they are ---- */

uint32_t
ledger_body(int64_t writer, int64_t serial, unsigned char out[LEDGER_BODY_BYTES])
{
    const uint64_t mixed = ((uint64_t)writer * 1000003 + (uint64_t)serial) *
                           UINT64_C(0x9e3779b97f4a7c15);
    const uint32_t len = mixed >> 60 == 0 ? LEDGER_BODY_BYTES : (uint32_t)(mixed >> 32) % 300;

    memset(out, (int)(mixed >> 40 & 0xff), len);
    return len;
}

/* ---- Writing ---- */

static tenon_status
ledger_put_entry(tenon_txn *txn, const tenon_uuid *id, int64_t writer, int64_t serial, int64_t turn,
                 bool kept, tenon_error *err)
{
    unsigned char body[LEDGER_BODY_BYTES];
    const uint32_t len = ledger_body(writer, serial, body);
    const tenon_value row[] = { tenon_id(id),    tenon_int(writer), tenon_int(serial),
                                tenon_int(turn), tenon_bool(kept),  tenon_blob(body, len) };
    uint64_t affected;

    return tenon_exec(txn, &entry_insert, row, &affected, err);
}

/* A statement that a constraint forbids: a second entry with a serial that is taken, or a mark of
 * an entry that is not there. @return what it returned, MISUSE where it was let through */
static tenon_status
ledger_violate(tenon_txn *txn, const ledger_call *call, int64_t taken, tenon_error *err)
{
    const tenon_uuid other = tenon_uuid_new();
    const tenon_value mark[] = { tenon_int(call->writer), tenon_int(LEDGER_FAR + call->serial),
                                 tenon_id(&other) };
    tenon_status want = TENON_CONSTRAINT, st;
    uint64_t affected;

    if (taken > 0 && call->serial % 4 < 2) {
        want = TENON_EXISTS;
        st = ledger_put_entry(txn, &other, call->writer, taken, 0, false, err);
    } else {
        st = tenon_exec(txn, &mark_insert, mark, &affected, err);
    }
    return st == TENON_OK ? TENON_MISUSE : st == want ? TENON_CONSTRAINT : st;
}

/* What a call does before its own writes, and nothing of which may stay. */
static tenon_status
ledger_detour(tenon_txn *txn, const ledger_call *call, tenon_error *err)
{
    const tenon_uuid other = tenon_uuid_new();
    uint32_t savepoint;
    tenon_status st = TENON_OK;

    if (call->kind == POWER_STUMBLE) {
        st = ledger_violate(txn, call, call->serial - 1, err);
        return st == TENON_CONSTRAINT ? TENON_OK : st;
    }
    if (call->kind != POWER_UNDONE)
        return TENON_OK;
    st = tenon_savepoint(txn, &savepoint, err);
    if (st == TENON_OK)
        st = ledger_put_entry(txn, &other, call->writer, call->serial, 0, false, err);
    if (st == TENON_OK)
        st = tenon_savepoint_rollback(txn, savepoint, err);
    return st;
}

/* The turn is read, then written: members of a group must see each other's. */
static tenon_status
ledger_put_totals(tenon_txn *txn, const ledger_call *call, int64_t turn, tenon_error *err)
{
    const tenon_value own[] = { tenon_int(call->writer), tenon_int(1), tenon_id(&call->id) };
    const tenon_value all[] = { tenon_int(0), tenon_int(turn), tenon_id(&call->id) };
    tenon_status st = tenon_exec(txn, &total_add, own, NULL, err);

    return st == TENON_OK ? tenon_exec(txn, &total_put, all, NULL, err) : st;
}

static tenon_status
ledger_read_total(tenon_txn *txn, int64_t writer, int64_t *n, tenon_uuid *last, tenon_error *err)
{
    const tenon_value key[] = { tenon_int(writer) };
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &total_get, key, &row, err);

    *n = 0;
    if (st == TENON_NOT_FOUND)
        return TENON_OK;
    if (st == TENON_OK) {
        *n = row[0].as.i;
        *last = tenon_value_id(&row[1]);
    }
    return st;
}

static tenon_status
ledger_end(tenon_txn *txn, const ledger_call *call, tenon_error *err)
{
    power_writer *w = &call->page->writers[call->writer];

    if (call->kind == POWER_REFUSED)
        return TENON_DENIED;
    if (call->kind == POWER_BROKEN)
        return ledger_violate(txn, call, call->serial, err);
    if (call->half == 1)
        return TENON_OK;
    atomic_store(&w->written, (uint64_t)call->serial);
    if (call->page->manner.ack_early) { /* as a member of a group whose turn is long over */
        atomic_store(&w->acked, (uint64_t)call->serial);
        (void)nanosleep(&(struct timespec){ .tv_nsec = LEDGER_EARLY_NS }, NULL);
    }
    return TENON_OK;
}

tenon_status
ledger_write(tenon_txn *txn, void *arg, tenon_error *err)
{
    ledger_call *call = arg;
    const bool kept = call->kind != POWER_REFUSED && call->kind != POWER_BROKEN;
    const tenon_value mark[] = { tenon_int(call->writer), tenon_int(call->serial),
                                 tenon_id(&call->id) };
    tenon_uuid last;
    int64_t turn = 0;
    tenon_status st = call->half == 2 ? TENON_OK : ledger_detour(txn, call, err);

    if (call->half != 2)
        call->id = tenon_uuid_new();
    if (st == TENON_OK)
        st = ledger_read_total(txn, 0, &turn, &last, err);
    if (st == TENON_OK && call->half != 2)
        st = ledger_put_entry(txn, &call->id, call->writer, call->serial, turn + 1, kept, err);
    if (st == TENON_OK && call->half != 1)
        st = ledger_put_totals(txn, call, turn + 1, err);
    if (st == TENON_OK && call->half != 2 && call->serial % 2 == 0)
        st = tenon_exec(txn, &mark_insert, mark, NULL, err);
    return st == TENON_OK ? ledger_end(txn, call, err) : st;
}

/* ---- Reading beside the writers ---- */

/* Whether entry and mark number `serial` are there. */
static tenon_status
ledger_find(tenon_txn *txn, int64_t writer, int64_t serial, tenon_uuid *entry, tenon_uuid *mark,
            tenon_error *err)
{
    const tenon_value key[] = { tenon_int(writer), tenon_int(serial) };
    const tenon_value *row;
    tenon_status st = tenon_fetch(txn, &entry_get, key, &row, err);

    memset(entry, 0, sizeof *entry);
    memset(mark, 0, sizeof *mark);
    if (st == TENON_OK)
        *entry = tenon_value_id(&row[0]);
    if (st == TENON_OK || st == TENON_NOT_FOUND)
        st = tenon_fetch(txn, &mark_get, key, &row, err);
    if (st == TENON_OK)
        *mark = tenon_value_id(&row[0]);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

tenon_status
ledger_peek(tenon_txn *txn, void *arg, tenon_error *err)
{
    static const tenon_uuid none;
    ledger_look *look = arg;
    tenon_uuid last = none, entry = none, mark = none, next = none, next_mark = none;
    int64_t n;
    tenon_status st = ledger_read_total(txn, look->writer, &n, &last, err);

    look->wrong[0] = '\0';
    if (st == TENON_OK && n > 0)
        st = ledger_find(txn, look->writer, n, &entry, &mark, err);
    if (st == TENON_OK)
        st = ledger_find(txn, look->writer, n + 1, &next, &next_mark, err);
    if (st != TENON_OK)
        return st;
    look->count = (uint64_t)n;
    if (memcmp(&entry, &last, sizeof entry) != 0 || memcmp(&next, &none, sizeof next) != 0 ||
        memcmp(&mark, n % 2 == 0 ? &entry : &none, sizeof mark) != 0 ||
        memcmp(&next_mark, &none, sizeof next_mark) != 0)
        (void)snprintf(
            look->wrong, sizeof look->wrong,
            "writer %lld counts %lld: its entry, the mark or the one after it do not fit",
            (long long)look->writer, (long long)n);
    return TENON_OK;
}
