/* A process that is killed: what it had acknowledged is there, and nothing is there by half. */
#include "check/conf.h"

#include <stdio.h>
#include <unistd.h>

/* Acknowledged commits to wait for before the kill. */
#define CRASH_COMMITS 60
/* Twins are written together: item n and item n + CRASH_TWIN. */
#define CRASH_TWIN 1000000
/* Times that the database is opened while the other process writes. */
#define CRASH_OPENINGS 200

/* ---- The child: commits pairs, and says so after each commit ---- */

int
conf_role_crash(const char *url)
{
    const tenon_open_options options = { .size = sizeof options, .schema = &item_schema };
    tenon_db *db = NULL;

    if (tenon_open(url, &options, &db, NULL) != TENON_OK)
        return 1;
    for (int32_t id = 1; id < CRASH_TWIN; id++) {
        tenon_txn *txn = NULL;

        if (tenon_begin(db, NULL, &txn, NULL) != TENON_OK ||
            tenon_exec(txn, &item_insert, P(I(id), I(id), T("first")), NULL, NULL) != TENON_OK ||
            tenon_exec(txn, &item_insert, P(I(id + CRASH_TWIN), I(id), T("second")), NULL, NULL) !=
                TENON_OK ||
            tenon_commit(txn, NULL) != TENON_OK)
            return 1;
        if (write(STDOUT_FILENO, &id, sizeof id) != (ssize_t)sizeof id)
            return 1;
    }
    return 0;
}

/* ---- The parent ---- */

/* Rows 1 … n with their twins, no gap, at least `acknowledged`, at most one more. */
static void
crash_check(conf *c, int32_t acknowledged)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    int64_t found = 0, twins = 0;
    tenon_status st;

    BEGIN_READ(c, &c->txn);
    OK(c, tenon_select(c->txn, &item_all, NULL, &cursor, &c->err));
    while ((st = tenon_next(cursor, &row, &c->err)) == TENON_OK) {
        if (row[0].as.i < CRASH_TWIN)
            CHECK_INT(row[0].as.i, ++found);
        else
            CHECK_INT(row[0].as.i, CRASH_TWIN + ++twins);
    }
    CHECK_STATUS(st, TENON_NOT_FOUND);
    CHECK_INT(found, twins);
    CHECK_RANGE(found, acknowledged, acknowledged + 1);
    ROLLBACK(c);
}

/* Kill it, open the database, and find what it has acknowledged, `last` and what is unread yet. */
static void
crash_kill_and_check(conf *c, conf_child *child, const char *durability, int32_t last)
{
    const tenon_open_options options = { .size = sizeof options, .schema = &item_schema };
    int32_t id = 0;

    conf_kill(child);
    while (conf_read(child->from, &id, sizeof id) == sizeof id)
        last = id;
    (void)close(child->from);
    OK(c, conf_try_open(c, durability, &options));
    crash_check(c, last);
    conf_verify(c);
}

static void
crash_once(conf *c, const char *durability)
{
    char url[CONF_URL_BYTES];
    int32_t id = 0, last = 0;
    conf_child child;

    conf_url(c, durability, url);
    conf_spawn(c, "crash", url, &child);
    while (last < CRASH_COMMITS && conf_read(child.from, &id, sizeof id) == sizeof id)
        last = id;
    CHECK_INT(last, CRASH_COMMITS);
    crash_kill_and_check(c, &child, durability, last);
    BEGIN(c); /* and it can be written to */
    ITEM(c, INT64_C(9) * CRASH_TWIN, 0);
    COMMIT(c);
    conf_close(c);
}

static void
crash_at(conf *c, uint64_t capability, const char *durability)
{

    NEEDS(TENON_CAP_PERSISTENT);
    NEEDS(capability);
    if (strstr(c->url, "durability=") != NULL)
        SKIP("the URL says which durability");
    crash_once(c, durability);
}

static void
crash_with_power(conf *c)
{
    crash_at(c, TENON_CAP_DURABLE_POWER, "durability=power");
}

static void
crash_with_os(conf *c)
{
    crash_at(c, TENON_CAP_DURABLE_OS, "durability=os");
}

static void
crash_with_process(conf *c)
{
    crash_at(c, TENON_CAP_DURABLE_PROCESS, "durability=process");
}

/* What the child has acknowledged since the last time, and at least one commit. */
static void
crash_follow(const conf_child *child, int32_t *last)
{
    static int32_t ids[16384]; /* as many as a pipe holds: the child is not to wait for us */
    const ssize_t got = read(child->from, ids, sizeof ids);

    if (got < (ssize_t)sizeof ids[0])
        conf_failed(CONF_HERE, "who writes goes on while another opens the database",
                    "it has ended");
    *last = ids[(size_t)got / sizeof ids[0] - 1];
}

static void
crash_beside_who_opens(conf *c)
{
    const tenon_open_options options = { .size = sizeof options, .schema = &item_schema };
    const bool may_choose = conf_can(TENON_CAP_DURABLE_PROCESS) &&
                            strstr(c->url, "durability=") == NULL;
    const char *const durability = may_choose ? "durability=process"
                                              : NULL; /* the quicker writer */
    char url[CONF_URL_BYTES];
    int32_t last = 0;
    conf_child child;

    NEEDS(TENON_CAP_PERSISTENT);
    NEEDS(TENON_CAP_MULTI_PROCESS);
    conf_url(c, durability, url);
    conf_spawn(c, "crash", url, &child);
    for (int i = 0; i < CRASH_OPENINGS; i++) {
        crash_follow(&child, &last);
        OK(c, conf_try_open(c, durability, &options));
        conf_close(c);
    }
    crash_follow(&child, &last); /* it has gone on */
    crash_kill_and_check(c, &child, durability, last);
    conf_close(c);
}

static const conf_case crash_cases[] = {
    SLOW_CASE(
        crash_with_power,
        "after a kill -9 every acknowledged commit is there and none by half, at durability=power"),
    SLOW_CASE(
        crash_with_os,
        "after a kill -9 every acknowledged commit is there and none by half, at durability=os"),
    CASE(crash_with_process, "after a kill -9 every acknowledged commit is there and none by half, "
                             "at durability=process"),
    CASE_HINT(
        crash_beside_who_opens,
        "who opens and closes the database while another process writes takes nothing from it",
        "database.open: what is mended there may be another process's work in progress. Mend "
        "with the engine's lock for writers held."),
};

CONF_GROUP(crash, "a process that is killed",
           "transaction.commit answers before the engine has what it needs to bring the "
           "transaction back, or brings back a part of it.");
