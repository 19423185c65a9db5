/*
 * Migrations that are cut short after each of their steps: by a data step that fails, and by the
 * end of the process. The next one to open the database completes them.
 */
#include "check/cases/shop.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What the data step put in between does. */
enum { BOMB_QUIET, BOMB_FAILS, BOMB_WAITS };

static int bomb_mode;
static int64_t bomb_id; /* of its witness */

static tenon_status
interrupted_bomb(tenon_txn *txn, tenon_error *err)
{
    tenon_status st = shop_witness(txn, bomb_id, err);
    char answer = 0;

    if (st != TENON_OK || bomb_mode == BOMB_QUIET)
        return st;
    if (bomb_mode == BOMB_FAILS)
        return TENON_DENIED;
    if (write(STDOUT_FILENO, "!", 1) == 1)
        (void)conf_read(STDIN_FILENO, &answer, 1); /* until it is killed */
    return TENON_INTERNAL;
}

/* The schema of version 3 with the bomb before step `at`. */
static const tenon_schema *
interrupted_schema(int at)
{
    static tenon_step steps[SHOP_STEPS + 1];
    static tenon_schema schema;

    for (int i = 0; i < SHOP_STEPS; i++)
        steps[i < at ? i : i + 1] = shop_steps[i];
    steps[at] = (tenon_step){ .version = at < SHOP_V3 ? 2 : 3,
                              .kind = TENON_DATA_STEP,
                              .run = interrupted_bomb };
    schema = shop_v3;
    schema.steps = steps;
    schema.step_count = SHOP_STEPS + 1;
    bomb_id = 100 + at;
    return &schema;
}

static tenon_status
interrupted_open(conf *c, const tenon_schema *schema)
{
    const tenon_open_options options = { .size = sizeof options, .schema = schema };

    return conf_try_open(c, NULL, &options);
}

static uint32_t
interrupted_version(conf *c)
{
    uint32_t version = 0;

    conf_open(c, NULL);
    OK(c, tenon_db_schema_version(c->db, "shop", &version, &c->err));
    BEGIN_READ(c, &c->txn);
    ROWS(c, "1", &shop_witnesses, NULL); /* what the step had written is gone with it */
    COMMIT(c);
    conf_verify(c);
    conf_close(c);
    return version;
}

/* Once the bomb is quiet, all is done, and each thing once. */
static void
interrupted_complete(conf *c, int at)
{
    char witnesses[32];

    bomb_mode = BOMB_QUIET;
    OK(c, interrupted_open(c, interrupted_schema(at)));
    (void)snprintf(witnesses, sizeof witnesses, "1;%d", 100 + at);
    BEGIN_READ(c, &c->txn);
    ROWS(c, witnesses, &shop_witnesses, NULL);
    COMMIT(c);
    shop_check(c);
    conf_close(c);
}

/* A fresh database in version 1, with the test's folder for it. */
static void
interrupted_begin(conf *c)
{
    conf_open(c, &shop_v1);
    shop_fill(c);
    conf_close(c);
}

static void
interrupted_by_failure(conf *c)
{
    NEEDS(TENON_CAP_PERSISTENT);
    for (int at = 0; at <= SHOP_STEPS; at++) {
        /* A version is complete with the last of its steps; the bomb belongs to one of the two. */
        const uint32_t expected = at < SHOP_V3 ? 1 : 2;

        interrupted_begin(c);
        bomb_mode = BOMB_FAILS;
        for (int again = 0; again < 2; again++) {
            FAILS(c, TENON_DENIED, NULL, interrupted_open(c, interrupted_schema(at)));
            CHECK(c->db == NULL);
            CHECK_INT(interrupted_version(c), expected);
        }
        interrupted_complete(c, at);
        conf_renew(c);
    }
}

/* The child: migrates until the bomb, and says so. */
int
conf_role_migrate(const char *url)
{
    const char *at = getenv("TENON_TEST_BOMB");
    const tenon_open_options options = {
        .size = sizeof options,
        .schema = interrupted_schema(at != NULL ? atoi(at) : 0),
    };
    tenon_db *db = NULL;

    bomb_mode = BOMB_WAITS;
    return tenon_open(url, &options, &db, NULL) == TENON_OK ? 0 : 1;
}

static void
interrupted_by_kill(conf *c)
{
    NEEDS(TENON_CAP_PERSISTENT);
    for (int at = 0; at <= SHOP_STEPS; at++) {
        char number[8], answer = 0;
        conf_child child;

        interrupted_begin(c);
        (void)snprintf(number, sizeof number, "%d", at);
        CHECK_INT(setenv("TENON_TEST_BOMB", number, 1), 0);
        conf_spawn(c, "migrate", c->url, &child);
        CHECK_INT(conf_read(child.from, &answer, 1), 1);
        conf_kill(&child);
        (void)close(child.from);
        CHECK_INT(interrupted_version(c), at < SHOP_V3 ? 1 : 2);
        interrupted_complete(c, at);
        conf_renew(c);
    }
}

/* Between two versions neither the older nor the newer program may use it as it is. */
static void
interrupted_between_versions(conf *c)
{
    NEEDS(TENON_CAP_PERSISTENT);
    interrupted_begin(c);
    bomb_mode = BOMB_FAILS;
    FAILS(c, TENON_DENIED, NULL, interrupted_open(c, interrupted_schema(2)));
    FAILS(c, TENON_SCHEMA, NULL, interrupted_open(c, &shop_v1));
    CHECK_INT(interrupted_version(c), 1);
    interrupted_complete(c, 2);
}

/* A data step that returns a failure of the database hands it on as it is. */
static tenon_status
interrupted_collision(tenon_txn *txn, tenon_error *err)
{
    return shop_witness(txn, 1, err);
}

static void
interrupted_hands_on_its_reason(conf *c)
{
    const tenon_step steps[] = {
        { .version = 2, .kind = TENON_DATA_STEP, .run = interrupted_collision },
    };
    tenon_schema schema = shop_v1;

    NEEDS(TENON_CAP_PERSISTENT);
    interrupted_begin(c);
    schema.version = 2;
    schema.steps = steps;
    schema.step_count = 1;
    FAILS(c, TENON_EXISTS, "witness.primary", interrupted_open(c, &schema));
    CHECK_INT(interrupted_version(c), 1);
    conf_open(c, &shop_v1);
}

static const conf_case interrupted_cases[] = {
    SLOW_CASE(interrupted_by_failure,
              "a migration that fails at any step leaves a whole version, and goes on later"),
    SLOW_CASE(interrupted_by_kill,
              "a migration that is killed at any step leaves a whole version, and goes on later"),
    CASE(interrupted_between_versions, "between two versions no program may use the database"),
    CASE(interrupted_hands_on_its_reason, "the reason why a step failed reaches the caller"),
};

CONF_GROUP(interrupted, "migrations cut short",
           "schema.* belongs to the transaction where TENON_CAP_TRANSACTIONAL_DDL is claimed; else "
           "each step must be whole or not there.");
