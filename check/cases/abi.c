/* The driver's own table: structs of older and newer cores, each at a guard; what it must leave
 * alone; what it can do without saying so. */
#include "check/raw.h"

#include <pthread.h>
#include <stdlib.h>

#define KNOWN_CAPABILITIES ((TENON_CAP_INTERRUPT << 1) - 1)
#define KNOWN_FLAGS ((TENON_DRV_FILTER << 1) - 1)
/* Bytes that a core of the future may have appended. */
#define MORE_BYTES 64

/* ---- The descriptor ---- */

static bool
abi_is_name(const char *name)
{
    const size_t len = name != NULL ? strlen(name) : 0;

    return len > 0 && len <= 16 && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") == len;
}

static void
abi_descriptor(conf *c)
{
    const tenon_driver *d;
    raw r;

    raw_load(c, &r);
    d = r.driver;
    CHECK_INT(d->magic, TENON_DRIVER_MAGIC);
    CHECK_INT(d->abi_major, TENON_DRIVER_ABI_MAJOR);
    CHECK_RANGE(d->abi_minor, 0, TENON_DRIVER_ABI_MINOR);
    CHECK_RANGE(d->size, offsetof(tenon_driver, flags), sizeof *d);
    CHECK_INT(d->reserved, 0);
    CHECK(abi_is_name(d->name));
    CHECK(d->version != NULL && d->version[0] != '\0');
    CHECK_INT(d->capabilities & ~KNOWN_CAPABILITIES, 0);
    CHECK_INT(conf_capabilities() & ~d->capabilities, 0);
    if (d->size < sizeof *d)
        return;
    CHECK_INT(d->flags & ~KNOWN_FLAGS, 0);
    CHECK_INT(d->reserved2, 0);
    if ((d->flags & (TENON_DRV_THREAD_BOUND | TENON_DRV_GROUPS)) != 0)
        CHECK((d->capabilities & TENON_CAP_SINGLE_WRITER) != 0);
    if ((d->flags & TENON_DRV_GROUPS) != 0)
        CHECK((d->capabilities & TENON_CAP_SAVEPOINTS) != 0);
}

static void
abi_null_is_accepted(conf *c)
{
    raw r;

    raw_open(c, &r);
    r.query.close(NULL);
    r.query.free(NULL);
    r.connection.close(NULL);
    r.database.close(NULL);
    raw_close(&r);
}

/* ---- Structs of other cores ---- */

static void
abi_larger_structs(conf *c)
{
    struct {
        tenon_drv_open options;
        char more[MORE_BYTES];
    } *open = raw_guarded(sizeof *open);
    struct {
        tenon_drv_begin how;
        char more[MORE_BYTES];
    } *begin = raw_guarded(sizeof *begin);
    raw r;

    raw_load(c, &r);
    open->options = *r.options;
    open->options.size = sizeof *open;
    RAW_OK(&r, r.database.open(&open->options, &r.db, r.err));
    r.conn = raw_connect(&r);
    begin->how = (tenon_drv_begin){ .size = sizeof *begin,
                                    .deadline_ns = UINT64_MAX,
                                    .isolation = conf_can(TENON_CAP_SERIALIZABLE)
                                                     ? TENON_SERIALIZABLE
                                                 : conf_can(TENON_CAP_SNAPSHOT)
                                                     ? TENON_SNAPSHOT
                                                     : TENON_READ_COMMITTED };
    RAW_OK(&r, r.transaction.begin(r.conn, &begin->how, r.err));
    RAW_OK(&r, r.transaction.rollback(r.conn, r.err));
    raw_close(&r);
}

/* An older core knows no `shared`. */
static void
abi_smaller_structs(conf *c)
{
    raw r;

    raw_open(c, &r);
    raw_make_item(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, offsetof(tenon_drv_begin, shared)));
    RAW_OK(&r, raw_insert(&r, r.conn, 1, "one"));
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    CHECK_INT(raw_count(&r, r.conn), 1);
    raw_close(&r);
}

/* info fills what there is room for, and nothing else. */
static void
abi_info_of_any_size(conf *c)
{
    const size_t bytes = sizeof(tenon_drv_info) + MORE_BYTES;
    unsigned char *memory = raw_guarded(bytes);
    tenon_drv_info *info = (tenon_drv_info *)(void *)memory;
    raw r;

    raw_open(c, &r);
    info->size = (uint32_t)bytes;
    info->reserved = 0;
    RAW_OK(&r, r.database.info(r.db, info, r.err));
    CHECK_INT(info->size, bytes);
    CHECK_INT(info->capabilities, conf_capabilities());
    CHECK_INT(info->durability, r.options->durability);
    for (size_t i = sizeof *info; i < bytes; i++)
        CHECK_INT(memory[i], 0xEE);
    /* Any struct of any core ends at a multiple of 8. */
    for (size_t room = offsetof(tenon_drv_info, capabilities); room < sizeof *info; room += 8) {
        info = raw_guarded(room); /* what it writes behind it ends the process */
        info->size = (uint32_t)room;
        info->reserved = 0;
        RAW_OK(&r, r.database.info(r.db, info, r.err));
        CHECK_INT(info->size, room);
    }
    raw_close(&r);
}

/* ---- Failures and successes ---- */

static void
abi_unknown_parameter(conf *c)
{
    tenon_drv_param params[20];
    tenon_drv_db *db = (tenon_drv_db *)(void *)c;
    raw r;

    raw_load(c, &r);
    for (uint32_t i = 0; i < r.options->param_count; i++)
        params[i] = r.options->params[i];
    params[r.options->param_count++] = (tenon_drv_param){ "no_such_setting", "1" };
    r.options->params = raw_copy(params, r.options->param_count * sizeof *params);
    RAW_FAILS(&r, TENON_CONFIG, r.database.open(r.options, &db, r.err));
    CHECK(db == NULL);
    if (strstr(r.err->message, "no_such_setting") == NULL &&
        strcmp(r.err->object, "no_such_setting") != 0)
        conf_failed(CONF_HERE, "the error names the parameter no_such_setting", "%s",
                    r.err->message);
}

static void
abi_errors(conf *c)
{
    raw r;

    raw_open(c, &r);
    raw_make_item(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_OK(&r, raw_insert(&r, r.conn, 1, "one"));
    RAW_FAILS(&r, TENON_EXISTS, raw_insert(&r, r.conn, 1, "another"));
    CHECK_TEXT(r.err->object, "item.primary");
    CHECK_INT(r.err->effect, TENON_EFFECT_OPEN);
    RAW_FAILS(&r, TENON_EXISTS, raw_insert(&r, r.conn, 2, "one"));
    CHECK_TEXT(r.err->object, "item_by_label");
    CHECK_INT(r.err->effect, TENON_EFFECT_OPEN);
    RAW_FAILS(&r, TENON_EXISTS, r.schema.create_table(r.conn, raw_item(), r.err));
    RAW_OK(&r, r.transaction.rollback(r.conn, r.err));
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_FAILS(&r, TENON_NOT_FOUND, r.schema.drop_table(r.conn, "nowhere", r.err));
    RAW_OK(&r, r.transaction.rollback(r.conn, r.err));
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_FAILS(&r, TENON_NOT_FOUND, r.schema.drop_index(r.conn, "item", "nowhere", r.err));
    RAW_OK(&r, r.transaction.rollback(r.conn, r.err));
    raw_close(&r);
}

/* What succeeds leaves the error alone; the end of the rows does, too. */
static void
abi_success_is_quiet(conf *c)
{
    tenon_drv_cursor *cursor = NULL;
    tenon_drv_plan *plan = NULL;
    const tenon_value *row = NULL;
    uint32_t found = 7;
    raw r;

    raw_open(c, &r);
    raw_make_item(&r);
    RAW_QUIET(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_QUIET(&r, raw_insert(&r, r.conn, 1, "one"));
    RAW_QUIET(&r, r.schema.has_table(r.conn, "item", &found, r.err));
    CHECK_INT(found, 1);
    RAW_QUIET(&r, r.schema.has_table(r.conn, "nowhere", &found, r.err));
    CHECK_INT(found, 0);
    RAW_QUIET(&r, r.query.prepare(r.conn, raw_item_all(), &plan, r.err));
    RAW_QUIET(&r, r.query.open(plan, NULL, &cursor, r.err));
    RAW_QUIET(&r, r.query.next(cursor, &row, r.err));
    CHECK_INT(row[0].as.i, 1);
    CHECK_INT(row[1].as.i, 10);
    CHECK_INT(row[2].len, 3);
    memset(r.err, 0xEE, sizeof *r.err);
    CHECK_STATUS(r.query.next(cursor, &row, r.err), TENON_NOT_FOUND);
    raw_untouched(&r, "next at the end of the rows", CONF_HERE);
    r.query.close(cursor);
    r.query.free(plan);
    RAW_QUIET(&r, r.transaction.commit(r.conn, r.err));
    raw_close(&r);
}

static void
abi_explain_is_cut(conf *c)
{
    tenon_drv_plan *plan = NULL;
    raw r;

    raw_open(c, &r);
    if (r.query.explain == NULL)
        SKIP("it does not explain");
    raw_make_item(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, true, 0));
    RAW_OK(&r, r.query.prepare(r.conn, raw_item_all(), &plan, r.err));
    for (size_t bytes = 1; bytes < 40; bytes++) {
        char *text = raw_guarded(bytes);

        RAW_OK(&r, r.query.explain(plan, text, bytes, r.err));
        CHECK(memchr(text, '\0', bytes) != NULL);
    }
    r.query.free(plan);
    RAW_OK(&r, r.transaction.rollback(r.conn, r.err));
    raw_close(&r);
}

/* ---- Connections ---- */

static void
abi_close_rolls_back(conf *c)
{
    raw r;

    raw_open(c, &r);
    raw_make_item(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_OK(&r, raw_insert(&r, r.conn, 1, "one"));
    r.connection.close(r.conn);
    r.conn = raw_connect(&r);
    CHECK_INT(raw_count(&r, r.conn), 0);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0)); /* and its lock is free */
    RAW_OK(&r, raw_insert(&r, r.conn, 2, "two"));
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    CHECK_INT(raw_count(&r, r.conn), 1);
    raw_close(&r);
}

/* A plan is of its connection, for any number of transactions. */
static void
abi_plans_outlive_transactions(conf *c)
{
    tenon_drv_cursor *cursor = NULL;
    tenon_drv_plan *plan = NULL;
    const tenon_value *row = NULL, *id;
    raw r;

    raw_open(c, &r);
    raw_make_item(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_OK(&r, raw_insert(&r, r.conn, 1, "one"));
    RAW_OK(&r, r.query.prepare(r.conn, raw_item_get(), &plan, r.err));
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    for (int64_t i = 1; i <= 3; i++) {
        const tenon_value wanted = tenon_int(i);

        id = raw_copy(&wanted, sizeof wanted);
        RAW_OK(&r, raw_begin(&r, r.conn, 60000, true, 0));
        RAW_OK(&r, r.query.open(plan, id, &cursor, r.err));
        CHECK_STATUS(r.query.next(cursor, &row, r.err), i == 1 ? TENON_OK : TENON_NOT_FOUND);
        r.query.close(cursor);
        RAW_OK(&r, r.transaction.rollback(r.conn, r.err));
        if (r.connection.reset != NULL)
            RAW_OK(&r, r.connection.reset(r.conn, r.err));
    }
    r.query.free(plan);
    raw_close(&r);
}

/* ---- What works without being claimed, or is claimed without working ---- */

static void
abi_unclaimed_slots(conf *c)
{
    raw r;

    raw_load(c, &r);
    if (!conf_can(TENON_CAP_SAVEPOINTS) && r.transaction.savepoint != NULL)
        conf_failed(CONF_HERE, "TENON_CAP_SAVEPOINTS is claimed, or the slots are not there",
                    "transaction.savepoint is there, the capability is not claimed");
    if (!conf_can(TENON_CAP_SQL) && r.query.sql != NULL)
        conf_failed(CONF_HERE, "TENON_CAP_SQL is claimed, or the slot is not there",
                    "query.sql is there, the capability is not claimed");
    if (!conf_can(TENON_CAP_INTERRUPT) && r.admin.interrupt != NULL)
        conf_failed(CONF_HERE, "TENON_CAP_INTERRUPT is claimed, or the slot is not there",
                    "admin.interrupt is there, the capability is not claimed");
    if (conf_can(TENON_CAP_INTERRUPT))
        CHECK(r.admin.interrupt != NULL);
    if (conf_can(TENON_CAP_TWO_PHASE))
        CHECK(r.two_phase.prepare != NULL && r.two_phase.commit != NULL &&
              r.two_phase.rollback != NULL && r.two_phase.list != NULL);
}

static void
abi_transactional_ddl(conf *c)
{
    uint32_t found = 0;
    raw r;

    raw_open(c, &r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_OK(&r, r.schema.create_table(r.conn, raw_item(), r.err));
    RAW_OK(&r, r.transaction.rollback(r.conn, r.err));
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, true, 0));
    RAW_OK(&r, r.schema.has_table(r.conn, "item", &found, r.err));
    RAW_OK(&r, r.transaction.rollback(r.conn, r.err));
    if (conf_can(TENON_CAP_TRANSACTIONAL_DDL) && found != 0)
        conf_failed(CONF_HERE, "TENON_CAP_TRANSACTIONAL_DDL: a rolled back table is gone",
                    "it is there");
    if (!conf_can(TENON_CAP_TRANSACTIONAL_DDL) && found == 0)
        conf_failed(CONF_HERE, "TENON_CAP_TRANSACTIONAL_DDL is claimed, since it works",
                    "it is not claimed, and a rolled back table is gone");
    raw_close(&r);
}

/* A second writer beside the first. */
typedef struct abi_writer {
    raw r; /* its own connection and error */
    tenon_status status;
} abi_writer;

static void *
abi_second_writer(void *arg)
{
    abi_writer *w = arg;

    w->status = raw_begin(&w->r, w->r.conn, 300, false, 0);
    if (w->status != TENON_OK)
        return NULL;
    w->status = raw_insert(&w->r, w->r.conn, 2, "two");
    if (w->status == TENON_OK)
        w->status = w->r.transaction.commit(w->r.conn, w->r.err);
    else
        (void)w->r.transaction.rollback(w->r.conn, w->r.err);
    return NULL;
}

static void
abi_single_writer(conf *c)
{
    pthread_t thread;
    abi_writer w;
    raw r;

    raw_open(c, &r);
    raw_make_item(&r);
    w.r = r;
    w.r.err = raw_guarded(sizeof *r.err);
    w.r.conn = raw_connect(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_OK(&r, raw_insert(&r, r.conn, 1, "one"));
    CHECK_INT(pthread_create(&thread, NULL, abi_second_writer, &w), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    if (conf_can(TENON_CAP_SINGLE_WRITER) && w.status == TENON_OK)
        conf_failed(CONF_HERE, "TENON_CAP_SINGLE_WRITER: a second writer waits for the first",
                    "both have written at once");
    if (!conf_can(TENON_CAP_SINGLE_WRITER) && w.status != TENON_OK)
        conf_failed(CONF_HERE, "TENON_CAP_SINGLE_WRITER is claimed, since writers wait",
                    "it is not claimed, and a writer of another row was told %s",
                    tenon_status_name(w.status));
    if (w.status != TENON_OK)
        CHECK(w.status == TENON_TIMEOUT || w.status == TENON_BUSY);
    r.connection.close(w.r.conn);
    raw_close(&r);
}

/* ---- Threads ---- */

typedef struct abi_thread {
    raw r;
    pthread_t thread;
    uint64_t rows;
} abi_thread;

static void *
abi_read_body(void *arg)
{
    abi_thread *t = arg;

    for (int i = 0; i < 50; i++) {
        t->r.conn = raw_connect(&t->r);
        t->rows += raw_count(&t->r, t->r.conn);
        t->r.connection.close(t->r.conn);
    }
    return NULL;
}

static void
abi_connections_in_parallel(conf *c)
{
    abi_thread threads[4];
    raw r;

    raw_open(c, &r);
    raw_make_item(&r);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0));
    RAW_OK(&r, raw_insert(&r, r.conn, 1, "one"));
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    (void)raw_count(&r, r.conn); /* the queries are made before the threads */
    for (size_t i = 0; i < 4; i++) {
        threads[i] = (abi_thread){ .r = r };
        threads[i].r.err = raw_guarded(sizeof *r.err);
        CHECK_INT(pthread_create(&threads[i].thread, NULL, abi_read_body, &threads[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        CHECK_INT(pthread_join(threads[i].thread, NULL), 0);
        CHECK_INT(threads[i].rows, 50);
    }
    raw_close(&r);
}

static const conf_case abi_cases[] = {
    CASE_HINT(abi_descriptor, "the descriptor is complete and says nothing unknown",
              "The tenon_driver that tenon_driver_v1 returns."),
    CASE_HINT(abi_null_is_accepted,
              "database.close, connection.close, query.free and close accept NULL",
              "Return at once where the pointer is NULL."),
    CASE_HINT(abi_larger_structs, "structs of a newer core are read as far as they are known",
              "A size larger than sizeof is right: it is a newer core's struct."),
    CASE_HINT(abi_smaller_structs, "structs of an older core are read no further than their size",
              "Look at `size` before a field that was appended: see tenon_drv_is_shared."),
    CASE_HINT(abi_info_of_any_size, "database.info fills what there is room for, and nothing else",
              "Fill a tenon_drv_info of your own and copy the smaller of the two sizes."),
    CASE_HINT(abi_unknown_parameter, "an unknown parameter of a URL is refused by name",
              "database.open: TENON_CONFIG for each key that it does not know; *out is NULL then."),
    CASE_HINT(
        abi_errors, "failures fill the error: status, object, effect, a message",
        "TENON_EXISTS names the index, or TABLE.primary; the effect of a refused statement is "
        "TENON_EFFECT_OPEN."),
    CASE_HINT(abi_success_is_quiet, "what succeeds leaves the error alone",
              "Fill err on failure only; the end of the rows is no failure."),
    CASE_HINT(abi_explain_is_cut, "explain is cut to the room that there is, with its NUL",
              "snprintf with out_bytes."),
    CASE_HINT(abi_close_rolls_back, "closing a connection rolls back what it has open",
              "connection.close: roll back, and free the lock of the writer."),
    CASE_HINT(abi_plans_outlive_transactions, "a plan works in every transaction of its connection",
              "A plan must not keep what belongs to one transaction."),
    CASE_HINT(abi_unclaimed_slots, "an optional slot is there where its capability is claimed",
              "Claim the capability, or leave the slot NULL."),
    CASE_HINT(abi_transactional_ddl,
              "TENON_CAP_TRANSACTIONAL_DDL is claimed where it works, and only there",
              "Whether a table made in a transaction is gone after its rollback."),
    CASE_HINT(abi_single_writer,
              "TENON_CAP_SINGLE_WRITER is claimed where it is so, and only there",
              "transaction.begin of a second writer: does it wait, up to its deadline?"),
    CASE_HINT(abi_connections_in_parallel, "connections are opened, used and closed in parallel",
              "What is kept for the database needs a lock."),
};

CONF_GROUP(abi, "the driver's table",
           "tenon/driver.h: structs, sizes, and what each slot may be called with.");
