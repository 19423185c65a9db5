/*
 * Two or three transactions side by side, as the Hermitage suite of Martin Kleppmann has them, with
 * its names: at each level that the driver offers, what the level forbids must not show; and where
 * a weaker level is offered by itself, what only a stronger one forbids must.
 */
#include "play.h"

/* A scenario: its steps, and whether its anomaly has shown. */
typedef struct isolation_scenario {
    const char *name, *text;
    uint32_t forbidden_from; /* the weakest level that forbids it */
    bool shows_below;        /* a level below, offered by itself, shows it for certain */
    bool (*shown)(const play_outcome *o);
    play_step steps[PLAY_STEPS];
} isolation_scenario;

static const struct {
    uint32_t level;
    uint64_t capability;
    const char *name;
} isolation_levels[] = {
    { TENON_READ_COMMITTED, TENON_CAP_READ_COMMITTED, "READ COMMITTED" },
    { TENON_SNAPSHOT, TENON_CAP_SNAPSHOT, "SNAPSHOT" },
    { TENON_SERIALIZABLE, TENON_CAP_SERIALIZABLE, "SERIALIZABLE" },
};

/* Of a scenario, how many sessions there are, and how many write. */
static void
isolation_count(const isolation_scenario *s, int *sessions, int *writers)
{
    unsigned used = 0, writes = 0;

    for (const play_step *step = s->steps; step->act != PLAY_END; step++) {
        used |= 1u << step->session;
        if (step->act >= PLAY_SET && step->act < PLAY_COMMIT)
            writes |= 1u << step->session;
    }
    *sessions = *writers = 0;
    for (unsigned i = 1; i <= PLAY_SESSIONS; i++) {
        *sessions += (used >> i & 1u) != 0;
        *writers += (writes >> i & 1u) != 0;
    }
}

/* Judge what came of it at a level. @param[in] alone whether one session at most may write */
static void
isolation_judge(const isolation_scenario *s, const play_outcome *o, size_t at, bool alone)
{
    const bool forbidden = isolation_levels[at].level >= s->forbidden_from;
    /* A single writer keeps others out, whatever the level. */
    const bool must_show = !forbidden && s->shows_below &&
                           (alone || !conf_can(TENON_CAP_SINGLE_WRITER));
    const bool shown = s->shown(o);
    char expected[160], seen[800];

    if (forbidden ? !shown : shown || !must_show)
        return;
    (void)snprintf(expected, sizeof expected, "%s %s %s (%s)", isolation_levels[at].name,
                   forbidden ? "forbids" : "claimed by itself shows", s->name, s->text);
    play_show(s->steps, o, seen, sizeof seen);
    conf_failed(CONF_HERE, expected, "%s", seen);
}

/* Play it at each level that is offered; where some only read, as read-only ones too. */
static void
isolation_try(conf *c, const isolation_scenario *s)
{
    play_outcome outcome;
    int sessions, writers;

    isolation_count(s, &sessions, &writers);
    conf_open(c, &item_schema);
    for (size_t i = 0; i < sizeof isolation_levels / sizeof isolation_levels[0]; i++) {
        if (!conf_can(isolation_levels[i].capability))
            continue;
        for (int read_only = 0; read_only <= (sessions > writers); read_only++) {
            play(c, s->steps, isolation_levels[i].level, read_only == 1, &outcome);
            isolation_judge(s, &outcome, i, read_only == 1 && writers == 1);
        }
    }
    conf_verify(c);
}

/* Whether a step was done, and read just those rows. */
static bool
isolation_read(const play_outcome *o, int step, const char *rows)
{
    return o->steps[step].done && o->steps[step].status == TENON_OK &&
           strcmp(o->steps[step].rows, rows) == 0;
}

static bool
isolation_both(const play_outcome *o)
{
    return o->committed[1] && o->committed[2];
}

/* ---- Writes that are not committed ---- */

static bool
isolation_g0_shown(const play_outcome *o)
{
    return isolation_both(o) && strcmp(o->left, "1 11;2 21") != 0 &&
           strcmp(o->left, "1 12;2 22") != 0;
}

static void
isolation_g0(conf *c)
{
    static const isolation_scenario scenario = {
        "G0",
        "write cycle",
        TENON_READ_COMMITTED,
        false,
        isolation_g0_shown,
        {
            { 1, PLAY_SET, 1, 11, false },
            { 2, PLAY_SET, 1, 12, true },
            { 1, PLAY_SET, 2, 21, false },
            { 1, PLAY_COMMIT, 0, 0, false },
            { 2, PLAY_SET, 2, 22, false },
            { 2, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

static bool
isolation_g1a_shown(const play_outcome *o)
{
    return isolation_read(o, 1, "1 101;2 20") || isolation_read(o, 3, "1 101;2 20");
}

static void
isolation_g1a(conf *c)
{
    static const isolation_scenario scenario = {
        "G1a",
        "aborted read",
        TENON_READ_COMMITTED,
        false,
        isolation_g1a_shown,
        {
            { 1, PLAY_SET, 1, 101, false },
            { 2, PLAY_READ_ALL, 0, 0, false },
            { 1, PLAY_ROLLBACK, 0, 0, false },
            { 2, PLAY_READ_ALL, 0, 0, false },
            { 2, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

static bool
isolation_g1b_shown(const play_outcome *o)
{
    return isolation_read(o, 1, "1 101;2 20") || isolation_read(o, 4, "1 101;2 20");
}

static void
isolation_g1b(conf *c)
{
    static const isolation_scenario scenario = {
        "G1b",
        "intermediate read",
        TENON_READ_COMMITTED,
        false,
        isolation_g1b_shown,
        {
            { 1, PLAY_SET, 1, 101, false },
            { 2, PLAY_READ_ALL, 0, 0, false },
            { 1, PLAY_SET, 1, 11, false },
            { 1, PLAY_COMMIT, 0, 0, false },
            { 2, PLAY_READ_ALL, 0, 0, false },
            { 2, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

static bool
isolation_g1c_shown(const play_outcome *o)
{
    return isolation_both(o) && isolation_read(o, 2, "22") && isolation_read(o, 3, "11");
}

static void
isolation_g1c(conf *c)
{
    static const isolation_scenario scenario = {
        "G1c",
        "circular information flow",
        TENON_READ_COMMITTED,
        false,
        isolation_g1c_shown,
        {
            { 1, PLAY_SET, 1, 11, false },
            { 2, PLAY_SET, 2, 22, false },
            { 1, PLAY_READ, 2, 0, false },
            { 2, PLAY_READ, 1, 0, false },
            { 1, PLAY_COMMIT, 0, 0, false },
            { 2, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

/* T3 has seen what T2 wrote, and after that what T2 had overwritten. */
static bool
isolation_otv_shown(const play_outcome *o)
{
    bool second = false;

    for (int i = 0; i < PLAY_STEPS; i++) {
        const bool of_second = isolation_read(o, i, "12") || isolation_read(o, i, "18");
        const bool of_first = isolation_read(o, i, "11") || isolation_read(o, i, "19");

        if (second && of_first)
            return true;
        second |= of_second;
    }
    return false;
}

static void
isolation_otv(conf *c)
{
    static const isolation_scenario scenario = {
        "OTV",
        "observed transaction vanishes",
        TENON_READ_COMMITTED,
        false,
        isolation_otv_shown,
        {
            { 1, PLAY_SET, 1, 11, false },
            { 1, PLAY_SET, 2, 19, false },
            { 2, PLAY_SET, 1, 12, true },
            { 1, PLAY_COMMIT, 0, 0, false },
            { 3, PLAY_READ, 1, 0, false },
            { 2, PLAY_SET, 2, 18, false },
            { 3, PLAY_READ, 2, 0, false },
            { 2, PLAY_COMMIT, 0, 0, false },
            { 3, PLAY_READ, 2, 0, false },
            { 3, PLAY_READ, 1, 0, false },
            { 3, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

/* ---- Predicates ---- */

static bool
isolation_pmp_shown(const play_outcome *o)
{
    return isolation_read(o, 0, "") && isolation_read(o, 3, "3 30");
}

static void
isolation_pmp(conf *c)
{
    static const isolation_scenario scenario = {
        "PMP",
        "predicate-many-preceders",
        TENON_SNAPSHOT,
        true,
        isolation_pmp_shown,
        {
            { 1, PLAY_READ_N, 0, 30, false },
            { 2, PLAY_INSERT, 3, 30, false },
            { 2, PLAY_COMMIT, 0, 0, false },
            { 1, PLAY_READ_FROM, 0, 30, false },
            { 1, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

/* Before T1 row 2 has n = 20, after it row 1: one of them must go. */
static bool
isolation_pmp_write_shown(const play_outcome *o)
{
    return isolation_both(o) && strcmp(o->left, "1 20;2 30") == 0;
}

static void
isolation_pmp_write(conf *c)
{
    static const isolation_scenario scenario = {
        "PMP-write",
        "predicate-many-preceders of a write",
        TENON_SNAPSHOT,
        false,
        isolation_pmp_write_shown,
        {
            { 1, PLAY_ADD_ALL, 0, 10, false },
            { 2, PLAY_DELETE_WHERE, 0, 20, true },
            { 1, PLAY_COMMIT, 0, 0, false },
            { 2, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

/* ---- Updates and reads that do not fit ---- */

static bool
isolation_p4_shown(const play_outcome *o)
{
    return isolation_both(o) && isolation_read(o, 0, "10") && isolation_read(o, 1, "10");
}

static void
isolation_p4(conf *c)
{
    static const isolation_scenario scenario = {
        "P4",
        "lost update",
        TENON_SNAPSHOT,
        true,
        isolation_p4_shown,
        {
            { 1, PLAY_READ, 1, 0, false },
            { 2, PLAY_READ, 1, 0, false },
            { 1, PLAY_SET, 1, 11, false },
            { 2, PLAY_SET, 1, 12, true },
            { 1, PLAY_COMMIT, 0, 0, false },
            { 2, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

static bool
isolation_g_single_shown(const play_outcome *o)
{
    return isolation_read(o, 0, "10") && isolation_read(o, 4, "18");
}

static void
isolation_g_single(conf *c)
{
    static const isolation_scenario scenario = {
        "G-single",
        "read skew",
        TENON_SNAPSHOT,
        true,
        isolation_g_single_shown,
        {
            { 1, PLAY_READ, 1, 0, false },
            { 2, PLAY_SET, 1, 12, false },
            { 2, PLAY_SET, 2, 18, false },
            { 2, PLAY_COMMIT, 0, 0, false },
            { 1, PLAY_READ, 2, 0, false },
            { 1, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

static bool
isolation_g_single_predicate_shown(const play_outcome *o)
{
    return isolation_read(o, 0, "1 10") && isolation_read(o, 3, "1 12");
}

static void
isolation_g_single_predicate(conf *c)
{
    static const isolation_scenario scenario = {
        "G-single-predicate",
        "read skew by a predicate",
        TENON_SNAPSHOT,
        true,
        isolation_g_single_predicate_shown,
        {
            { 1, PLAY_READ_N, 0, 10, false },
            { 2, PLAY_SET_WHERE, 10, 12, false },
            { 2, PLAY_COMMIT, 0, 0, false },
            { 1, PLAY_READ_N, 0, 12, false },
            { 1, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

/* T1 comes before T2, for it has read 10; then there is a row with n = 20 to delete. */
static bool
isolation_g_single_write_shown(const play_outcome *o)
{
    return isolation_both(o) && isolation_read(o, 0, "10") && isolation_read(o, 1, "1 10;2 20") &&
           o->steps[5].affected == 0;
}

static void
isolation_g_single_write(conf *c)
{
    static const isolation_scenario scenario = {
        "G-single-write",
        "read skew by a write's predicate",
        TENON_SNAPSHOT,
        true,
        isolation_g_single_write_shown,
        {
            { 1, PLAY_READ, 1, 0, false },
            { 2, PLAY_READ_ALL, 0, 0, false },
            { 2, PLAY_SET, 1, 12, false },
            { 2, PLAY_SET, 2, 18, false },
            { 2, PLAY_COMMIT, 0, 0, false },
            { 1, PLAY_DELETE_WHERE, 0, 20, false },
            { 1, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

/* ---- Write skew ---- */

static bool
isolation_g2_item_shown(const play_outcome *o)
{
    return isolation_both(o) && isolation_read(o, 0, "1 10;2 20") &&
           isolation_read(o, 1, "1 10;2 20");
}

static void
isolation_g2_item(conf *c)
{
    static const isolation_scenario scenario = {
        "G2-item",
        "write skew",
        TENON_SERIALIZABLE,
        true,
        isolation_g2_item_shown,
        {
            { 1, PLAY_READ_ALL, 0, 0, false },
            { 2, PLAY_READ_ALL, 0, 0, false },
            { 1, PLAY_SET, 1, 11, false },
            { 2, PLAY_SET, 2, 21, false },
            { 1, PLAY_COMMIT, 0, 0, false },
            { 2, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

static bool
isolation_g2_shown(const play_outcome *o)
{
    return isolation_both(o) && isolation_read(o, 0, "") && isolation_read(o, 1, "");
}

static void
isolation_g2(conf *c)
{
    static const isolation_scenario scenario = {
        "G2",
        "write skew by a predicate",
        TENON_SERIALIZABLE,
        true,
        isolation_g2_shown,
        {
            { 1, PLAY_READ_FROM, 0, 30, false },
            { 2, PLAY_READ_FROM, 0, 30, false },
            { 1, PLAY_INSERT, 3, 30, false },
            { 2, PLAY_INSERT, 4, 42, false },
            { 1, PLAY_COMMIT, 0, 0, false },
            { 2, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

/* T3 has seen T2 and not T1, and T1 has not seen T2. */
static bool
isolation_g2_read_only_shown(const play_outcome *o)
{
    return isolation_both(o) && o->committed[3] && isolation_read(o, 0, "1 10;2 20") &&
           isolation_read(o, 3, "1 10;2 25");
}

static void
isolation_g2_read_only(conf *c)
{
    static const isolation_scenario scenario = {
        "G2-read-only",
        "write skew that only a reader sees (Fekete)",
        TENON_SERIALIZABLE,
        true,
        isolation_g2_read_only_shown,
        {
            { 1, PLAY_READ_ALL, 0, 0, false },
            { 2, PLAY_SET, 2, 25, false },
            { 2, PLAY_COMMIT, 0, 0, false },
            { 3, PLAY_READ_ALL, 0, 0, false },
            { 3, PLAY_COMMIT, 0, 0, false },
            { 1, PLAY_SET, 1, 0, false },
            { 1, PLAY_COMMIT, 0, 0, false },
        },
    };

    isolation_try(c, &scenario);
}

static const conf_case isolation_cases[] = {
    SLOW_CASE(isolation_g0,
              "G0: two transactions do not overwrite each other's writes in a circle"),
    SLOW_CASE(isolation_g1a, "G1a: what was rolled back is read by nobody"),
    SLOW_CASE(isolation_g1b, "G1b: what a transaction has overwritten itself is read by nobody"),
    SLOW_CASE(isolation_g1c, "G1c: two transactions do not both see what the other wrote"),
    SLOW_CASE(isolation_otv, "OTV: a transaction that was seen does not vanish"),
    SLOW_CASE(isolation_pmp, "PMP: a snapshot finds no row that was inserted after it"),
    SLOW_CASE(isolation_pmp_write, "PMP-write: a write by a predicate finds rows of one moment"),
    SLOW_CASE(isolation_p4, "P4: a snapshot loses no update"),
    SLOW_CASE(isolation_g_single, "G-single: what a snapshot reads is of one moment"),
    SLOW_CASE(isolation_g_single_predicate, "G-single: by a predicate too"),
    SLOW_CASE(isolation_g_single_write, "G-single: what it writes by a predicate, too"),
    SLOW_CASE(isolation_g2_item, "G2-item: SERIALIZABLE forbids write skew"),
    SLOW_CASE(isolation_g2, "G2: SERIALIZABLE forbids write skew by a predicate"),
    SLOW_CASE(isolation_g2_read_only,
              "G2: SERIALIZABLE forbids write skew that only a reader can see"),
};

CONF_GROUP(isolation, "levels of isolation",
           "Look at what begin makes of the level that it is given, at where a snapshot is taken, "
           "and at conflicts that must be told at a write or at the commit.");
