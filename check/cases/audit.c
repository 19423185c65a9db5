/* The audit: a row with each transaction, chains that show what was changed. */
#include "check/conf.h"

#include "check/cases/audit_tables.h"

#include <pthread.h>
#include <stdio.h>

static const uint8_t audit_key[16] = "a key of 16 byte";

static const tenon_query audit_change = { .name = "change",
                                          .kind = TENON_UPDATE,
                                          .table = &audit_table,
                                          .set = TENON_SET(TENON_TO(ROW_DETAILS, 1)),
                                          .where = TENON_WHERE(TENON_EQ(ROW_NUMBER, 0)) };
static const tenon_query audit_redate = { .name = "redate",
                                          .kind = TENON_UPDATE,
                                          .table = &audit_table,
                                          .set = TENON_SET(TENON_TO(ROW_AT, 1)),
                                          .where = TENON_WHERE(TENON_EQ(ROW_NUMBER, 0)) };
static const tenon_query audit_remove = { .name = "remove",
                                          .kind = TENON_DELETE,
                                          .table = &audit_table,
                                          .where = TENON_WHERE(TENON_EQ(ROW_NUMBER, 0)) };
static const tenon_query audit_remove_all = { .name = "remove all",
                                              .kind = TENON_DELETE,
                                              .table = &audit_table };
static const tenon_query chain_shorten = {
    .name = "shorten", .kind = TENON_UPDATE, .table = &chain_table, .set = TENON_SET(TENON_TO(1, 0))
};
static const tenon_query chain_remove = { .name = "remove chain",
                                          .kind = TENON_DELETE,
                                          .table = &chain_table };

static void
audit_open(conf *c, bool on, bool keyed)
{
    const tenon_open_options o = { .size = sizeof o,
                                   .schema = &item_schema,
                                   .audit = on,
                                   .audit_by_hand = true,
                                   .audit_key = audit_key,
                                   .audit_key_bytes = keyed ? sizeof audit_key : 0 };

    OK(c, conf_try_open(c, NULL, &o));
}

typedef struct audit_log {
    char text[2000];
    uint64_t count;
} audit_log;

static void
audit_note(void *arg, const tenon_audit_row *row)
{
    audit_log *log = arg;
    const size_t len = strlen(log->text);

    (void)snprintf(log->text + len, sizeof log->text - len, "%s%s|%s|%s|%s", len > 0 ? ";" : "",
                   row->actor, row->action, row->object, row->details);
    log->count++;
    CHECK(row->at_us > INT64_C(1600000000000000));
}

static void
audit_is(conf *c, const char *expected)
{
    audit_log log = { .text = "" };

    OK(c, tenon_db_audit(c->db, audit_note, &log, &c->err));
    CHECK_TEXT(log.text, expected);
}

static tenon_status
audit_add_item(tenon_txn *txn, void *arg, tenon_error *err)
{
    const int64_t *id = arg;

    return tenon_exec(txn, &item_insert, P(I(*id), I(*id), NIL), NULL, err);
}

static void
audit_run(conf *c, int64_t id, const char *name, const char *actor, const char *details)
{
    const tenon_txn_options o = {
        .size = sizeof o, .name = name, .actor = actor, .details = details
    };

    OK(c, tenon_run(c->db, &o, audit_add_item, &id, &c->err));
}

static void
audit_each_change_leaves_a_row(conf *c)
{
    const tenon_txn_options o = { .size = sizeof o, .name = "by hand", .actor = "ann" };
    const tenon_audit_entry entry = { .size = sizeof entry, .object = "item 3", .details = "sold" };
    const tenon_audit_entry other = { .size = sizeof other, .actor = "bob", .action = "look" };

    audit_open(c, true, false);
    audit_is(c, "");
    audit_run(c, 1, "first", "ann", "to begin with");
    audit_run(c, 2, "second", NULL, NULL);
    BEGIN(c); /* nothing is changed */
    ROWS(c, "1 1;2 2", &item_all, NULL);
    COMMIT(c);
    BEGIN(c); /* nothing is left */
    ITEM(c, 3, 3);
    ROLLBACK(c);
    OK(c, tenon_begin(c->db, &o, &c->txn, &c->err));
    ITEM(c, 3, 3);
    OK(c, tenon_audit(c->txn, &entry, &c->err));
    OK(c, tenon_audit(c->txn, &other, &c->err));
    COMMIT(c);
    audit_is(c, "ann|first||to begin with;|second||;ann|by hand|item 3|sold;bob|look||");
    conf_verify(c);
}

static void
audit_only_by_hand(conf *c)
{
    const tenon_audit_entry entry = { .size = sizeof entry, .object = "x" };
    const tenon_audit_entry unset = { .size = 0 };
    char longer[300];
    const tenon_audit_entry too_long = { .size = sizeof too_long, .actor = longer };

    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    audit_open(c, false, false);
    audit_run(c, 1, "quiet", NULL, NULL);
    BEGIN_READ(c, &c->txn);
    FAILS(c, TENON_READ_ONLY, NULL, tenon_audit(c->txn, &entry, &c->err));
    COMMIT(c);
    BEGIN(c);
    FAILS(c, TENON_MISUSE, NULL, tenon_audit(c->txn, &unset, &c->err));
    FAILS(c, TENON_INVALID, NULL, tenon_audit(c->txn, &too_long, &c->err));
    OK(c, tenon_audit(c->txn, &entry, &c->err));
    COMMIT(c);
    audit_is(c, "|(unnamed)|x|");
    conf_verify(c);
    conf_close(c);
    conf_open(c, &item_schema); /* neither on nor by hand */
    BEGIN(c);
    FAILS(c, TENON_MISUSE, NULL, tenon_audit(c->txn, &entry, &c->err));
    ROLLBACK(c);
}

/* ---- Tampering ---- */

typedef struct audit_found {
    uint64_t count;
    char first[200];
} audit_found;

static void
audit_find(void *arg, const char *where, const char *what)
{
    audit_found *found = arg;

    if (found->count++ == 0)
        (void)snprintf(found->first, sizeof found->first, "%s: %s", strstr(where, "row"), what);
}

static void
audit_finds(conf *c, const char *expected)
{
    audit_found found = { .count = 0 };
    uint64_t problems;

    OK(c, tenon_db_verify(c->db, audit_find, &found, &problems, &c->err));
    CHECK_TEXT(found.first, expected);
    CHECK_INT(problems, found.count);
}

static void
audit_tamper(conf *c, const tenon_query *query, const tenon_value *params)
{
    const tenon_open_options o = { .size = sizeof o, .schema = &item_schema };

    conf_close(c);
    OK(c, conf_try_open(c, NULL, &o));
    BEGIN(c);
    OK(c, tenon_exec(c->txn, query, params, NULL, &c->err));
    COMMIT(c);
    conf_close(c);
}

typedef struct audit_crime {
    const tenon_query *query, *second;
    tenon_value params[2];
    const char *finding;
} audit_crime;

static void
audit_changes_are_found(conf *c)
{
    const audit_crime crimes[] = {
        { &audit_change,
          NULL,
          { I(3), T("nothing at all") },
          "row 3: has been changed, or the one before it has" },
        { &audit_redate,
          NULL,
          { I(5), tenon_time(1) },
          "row 5: has been changed, or the one before it has" },
        { &audit_remove, NULL, { I(2), NIL }, "row 2: has been taken away" },
        { &audit_remove, NULL, { I(1), NIL }, "row 1: has been taken away" },
        { &audit_remove, NULL, { I(5), NIL }, "row 5: and what followed have been taken away" },
        { &audit_remove_all, NULL, { NIL, NIL }, "row 1: and what followed have been taken away" },
        { &audit_remove,
          &chain_shorten,
          { I(5), NIL },
          "row 4: is not the end that the chain was sealed with" },
        { &chain_remove, NULL, { NIL, NIL }, "row 1: its chain has been taken away" },
    };

    NEEDS(TENON_CAP_PERSISTENT);
    NEEDS(TENON_CAP_SINGLE_WRITER);
    for (size_t i = 0; i < 2 * sizeof crimes / sizeof crimes[0]; i++) {
        const audit_crime *crime = &crimes[i / 2];
        const bool keyed = i % 2 != 0;

        audit_open(c, true, keyed);
        for (int64_t id = 1; id <= 5; id++)
            audit_run(c, (int64_t)i * 10 + id, "work", "ann", "as agreed");
        conf_verify(c);
        audit_tamper(c, crime->query, crime->params);
        if (crime->second != NULL)
            audit_tamper(c, crime->second, P(I(4)));
        audit_open(c, true, keyed);
        audit_finds(c, crime->finding);
        conf_close(c);
        audit_tamper(c, &audit_remove_all, NULL);
        audit_tamper(c, &chain_remove, NULL);
    }
}

static void
audit_a_key_is_needed_where_there_is_one(conf *c)
{
    const tenon_open_options shorter = {
        .size = sizeof shorter, .audit = true, .audit_key = audit_key, .audit_key_bytes = 3
    };
    int64_t id = 2;

    NEEDS(TENON_CAP_PERSISTENT);
    FAILS(c, TENON_CONFIG, "audit_key", conf_try_open(c, NULL, &shorter));
    audit_open(c, true, true);
    audit_run(c, 1, "work", NULL, NULL);
    conf_verify(c);
    conf_close(c);
    audit_open(c, true, false);
    audit_finds(c, "row 1: can't be checked: its chain has a key, and none was given");
    if (conf_can(TENON_CAP_SINGLE_WRITER))
        FAILS(c, TENON_CONFIG, "audit_key", tenon_run(c->db, NULL, audit_add_item, &id, &c->err));
    conf_close(c);
    audit_open(c, true, true);
    audit_run(c, 2, "work", NULL, NULL);
    conf_verify(c);
}

/* ---- Many writers ---- */

typedef struct audit_writer {
    pthread_t thread;
    tenon_db *db;
    int64_t from;
    tenon_status st;
} audit_writer;

#define AUDIT_WRITERS 8
#define AUDIT_EACH 20

static void *
audit_writer_main(void *arg)
{
    audit_writer *w = arg;
    const tenon_txn_options o = { .size = sizeof o, .name = "crowd" };

    for (int64_t id = w->from; id < w->from + AUDIT_EACH && w->st == TENON_OK; id++) {
        do
            w->st = tenon_run(w->db, &o, audit_add_item, &id, NULL);
        while (tenon_status_retryable(w->st));
    }
    return NULL;
}

static void
audit_count_chain(void *arg, const tenon_audit_chain *chain)
{
    uint64_t *rows = arg;

    *rows += chain->length;
}

static void
audit_of_many_writers(conf *c)
{
    audit_writer writers[AUDIT_WRITERS];
    audit_log log = { .text = "" };
    uint64_t rows = 0;

    audit_open(c, true, true);
    for (int i = 0; i < AUDIT_WRITERS; i++) {
        writers[i] = (audit_writer){ .db = c->db, .from = INT64_C(1000) * i, .st = TENON_OK };
        CHECK_INT(pthread_create(&writers[i].thread, NULL, audit_writer_main, &writers[i]), 0);
    }
    for (int i = 0; i < AUDIT_WRITERS; i++) {
        CHECK_INT(pthread_join(writers[i].thread, NULL), 0);
        CHECK_STATUS(writers[i].st, TENON_OK);
    }
    OK(c, tenon_db_audit(c->db, audit_note, &log, &c->err));
    OK(c, tenon_db_audit_chains(c->db, audit_count_chain, &rows, &c->err));
    CHECK_INT(log.count, AUDIT_WRITERS * AUDIT_EACH);
    CHECK_INT(rows, AUDIT_WRITERS * AUDIT_EACH);
    conf_verify(c);
}

static const conf_case audit_cases[] = {
    SLOW_CASE(audit_each_change_leaves_a_row,
              "each change leaves an audit row in its own transaction"),
    SLOW_CASE(audit_only_by_hand, "the audit alone writes its rows"),
    SLOW_CASE(audit_changes_are_found, "a row of the audit that was changed is found"),
    SLOW_CASE(audit_a_key_is_needed_where_there_is_one,
              "a keyed audit is not checked without its key"),
    SLOW_CASE(audit_of_many_writers, "the audit of many writers holds each change once"),
};

CONF_GROUP(audit, "the audit",
           "The audit is rows of the transaction itself: look at transaction.commit, at unique "
           "keys, and at query.exec of TEXT and BLOB columns.");
