/* Prepared transactions, through the driver's table. */
#include "check/raw.h"

#define GID "tenon-check-1"

typedef struct two_phase_found {
    uint32_t count, named;
} two_phase_found;

static void
two_phase_note(void *arg, const char *gid)
{
    two_phase_found *found = arg;

    found->count++;
    found->named += strcmp(gid, GID) == 0;
}

static void
two_phase_expect(raw *r, uint32_t named)
{
    two_phase_found found = { 0 };

    RAW_OK(r, r->two_phase.list(r->conn, two_phase_note, &found, r->err));
    CHECK_INT(found.named, named);
}

/* A transaction with row 1 is prepared; its connection is free. */
static void
two_phase_prepare(conf *c, raw *r)
{
    NEEDS(TENON_CAP_TWO_PHASE);
    raw_open(c, r);
    raw_make_item(r);
    two_phase_expect(r, 0);
    RAW_OK(r, raw_begin(r, r->conn, 60000, false, 0));
    RAW_OK(r, raw_insert(r, r->conn, 1, "one"));
    RAW_OK(r, r->two_phase.prepare(r->conn, GID, r->err));
    two_phase_expect(r, 1);
    CHECK_INT(raw_count(r, r->conn), 0);
}

static void
two_phase_commits(conf *c)
{
    raw r;

    two_phase_prepare(c, &r);
    RAW_OK(&r, r.two_phase.commit(r.conn, GID, r.err));
    two_phase_expect(&r, 0);
    CHECK_INT(raw_count(&r, r.conn), 1);
    raw_close(&r);
}

static void
two_phase_rolls_back(conf *c)
{
    raw r;

    two_phase_prepare(c, &r);
    RAW_OK(&r, r.two_phase.rollback(r.conn, GID, r.err));
    two_phase_expect(&r, 0);
    CHECK_INT(raw_count(&r, r.conn), 0);
    RAW_OK(&r, raw_begin(&r, r.conn, 60000, false, 0)); /* the key is free */
    RAW_OK(&r, raw_insert(&r, r.conn, 1, "one"));
    RAW_OK(&r, r.transaction.commit(r.conn, r.err));
    raw_close(&r);
}

/* Whoever has prepared may be gone: another connection, of a database opened anew, ends it. */
static void
two_phase_outlives_its_connection(conf *c)
{
    raw r;

    two_phase_prepare(c, &r);
    raw_close(&r);
    RAW_OK(&r, r.database.open(r.options, &r.db, r.err));
    r.conn = raw_connect(&r);
    two_phase_expect(&r, 1);
    RAW_OK(&r, r.two_phase.commit(r.conn, GID, r.err));
    CHECK_INT(raw_count(&r, r.conn), 1);
    raw_close(&r);
}

static void
two_phase_unknown_id(conf *c)
{
    raw r;

    NEEDS(TENON_CAP_TWO_PHASE);
    raw_open(c, &r);
    RAW_FAILS(&r, TENON_NOT_FOUND, r.two_phase.commit(r.conn, "tenon-check-none", r.err));
    RAW_FAILS(&r, TENON_NOT_FOUND, r.two_phase.rollback(r.conn, "tenon-check-none", r.err));
    raw_close(&r);
}

static const conf_case two_phase_cases[] = {
    CASE(two_phase_commits, "a prepared transaction is seen by nobody, then committed by its id"),
    CASE(two_phase_rolls_back, "a prepared transaction is rolled back by its id"),
    CASE(two_phase_outlives_its_connection,
         "a prepared transaction outlives connection and database"),
    CASE(two_phase_unknown_id, "an id that nothing was prepared under is refused"),
};

CONF_GROUP(two_phase, "two-phase commit", "The table two_phase of the driver.");
