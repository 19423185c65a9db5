/* Random schemas and statements, answered as a driver that is known to be right answers them. */
#include "check/conf.h"

#include <stdlib.h>

#include "check/model/model.h"

/* Statements with one schema. */
#define MODEL_PER_SCHEMA 250
#define MODEL_FULL_NS UINT64_C(60000000000)

/* The driver and its reference. */
typedef struct model_pair {
    eq_world world;
    eq_engine engine, reference;
    eq_query *dumps[EQ_MAX_TABLES];
    uint64_t schema;  /* its number */
    bool named_least; /* by the engine, not by the reference */
    char url[CONF_URL_BYTES];
} model_pair;

/* The one of another kind: SQL for a driver that keeps its own rows, and the other way round. */
static void
model_open_reference(conf *c, model_pair *p)
{
    char url[CONF_URL_BYTES];
    tenon_status st;

    p->named_least = strcmp(tenon_db_driver(c->db), "sqlite") == 0;
    if (p->named_least)
        (void)snprintf(url, sizeof url, "memory:");
    else
        (void)snprintf(url, sizeof url, "sqlite:%s/reference.db?durability=none", c->folder);
    st = eq_engine_open(&p->reference, url, &p->world.schema);
    if (st == TENON_NOT_FOUND || st == TENON_CONFIG)
        SKIP("there is no driver to compare with: sqlite, or memory for sqlite itself");
    if (st != TENON_OK)
        conf_failed(CONF_HERE, "the reference takes the schema", "%s: %s", tenon_status_name(st),
                    p->reference.answer.err.message);
}

static void
model_open(conf *c, model_pair *p, uint64_t number)
{
    eq_random seeds = { .state = conf_seed() + number * UINT64_C(0x632be59bd9b4e019) };
    const bool modest = conf_can(TENON_CAP_PERSISTENT) && !conf_has_files(); /* a server */

    memset(p, 0, sizeof *p);
    p->schema = number;
    eq_world_make(&p->world, eq_next(&seeds), modest);
    for (uint32_t t = 0; t < p->world.schema.table_count; t++)
        p->dumps[t] = eq_query_dump(&p->world, t);
    conf_open(c, NULL);
    model_open_reference(c, p);
    conf_close(c);
    conf_url(c,
             conf_can(TENON_CAP_DURABLE_NONE) && strstr(c->url, "durability=") == NULL
                 ? "durability=none"
                 : NULL,
             p->url);
    if (eq_engine_open(&p->engine, p->url, &p->world.schema) != TENON_OK)
        conf_failed(CONF_HERE, "a valid schema is taken", "schema %llu: %s",
                    (unsigned long long)number, p->engine.answer.err.message);
}

static void
model_close(model_pair *p)
{
    eq_engine_close(&p->engine);
    eq_engine_close(&p->reference);
    eq_world_free(&p->world);
}

static _Noreturn void
model_differs(const model_pair *p, const eq_case *run, uint64_t number, const char *what)
{
    char *expected = NULL, *seen = NULL;
    size_t expected_bytes = 0, seen_bytes = 0;
    FILE *out = open_memstream(&expected, &expected_bytes);

    CHECK(out != NULL);
    (void)fprintf(out, "schema %llu, statement %llu: ", (unsigned long long)p->schema,
                  (unsigned long long)number);
    eq_show_case(out, run);
    eq_show_answer(out, "  gives", &p->reference.answer);
    (void)fclose(out);
    out = open_memstream(&seen, &seen_bytes);
    CHECK(out != NULL);
    (void)fprintf(out, "another %s: ", what);
    eq_show_answer(out, "", &p->engine.answer);
    (void)fclose(out);
    conf_failed(CONF_HERE, expected, "%s", seen);
}

static void
model_run(model_pair *p, const eq_case *run, uint64_t number)
{
    const char *what;

    eq_engine_run(&p->reference, run);
    eq_engine_run(&p->engine, run);
    what = p->named_least ? eq_compare(run, &p->engine.answer, &p->reference.answer)
                          : eq_compare(run, &p->reference.answer, &p->engine.answer);
    if (what != NULL)
        model_differs(p, run, number, what);
}

/* All rows of all tables are the same. */
static void
model_dump(model_pair *p, uint64_t number)
{
    eq_case run = { 0 };

    for (uint32_t t = 0; t < p->world.schema.table_count; t++) {
        run.query = p->dumps[t];
        model_run(p, &run, number);
    }
}

/* What was committed is the same in a database that is opened anew. */
static void
model_reopen(model_pair *p)
{
    const eq_case commit = { .kind = EQ_COMMIT };

    model_run(p, &commit, MODEL_PER_SCHEMA);
    if (!conf_can(TENON_CAP_PERSISTENT))
        return;
    eq_engine_close(&p->engine);
    if (eq_engine_open(&p->engine, p->url, &p->world.schema) != TENON_OK)
        conf_failed(CONF_HERE, "the database opens again", "schema %llu: %s",
                    (unsigned long long)p->schema, p->engine.answer.err.message);
    model_dump(p, MODEL_PER_SCHEMA);
}

static void
model_schema(conf *c, uint64_t number, bool savepoints)
{
    model_pair p;
    eq_case run;

    model_open(c, &p, number);
    for (uint64_t i = 0; i < MODEL_PER_SCHEMA; i++) {
        eq_case_pick(&p.world, savepoints ? p.reference.savepoint_count : UINT32_MAX, &run);
        model_run(&p, &run, i);
        if (eq_case_calls_for_dump(&run, i))
            model_dump(&p, i);
    }
    model_reopen(&p);
    if (eq_engine_verify(&p.engine) != 0)
        conf_failed(CONF_HERE, "what is stored is sound", "schema %llu: verify finds problems",
                    (unsigned long long)number);
    model_close(&p);
    conf_renew(c);
}

static void
model_random_statements(conf *c)
{
    static const uint64_t schemas[] = { [CONF_QUICK] = 3, [CONF_NORMAL] = 24, [CONF_FULL] = 400 };

    const uint64_t until_ns = conf_monotonic_ns() + MODEL_FULL_NS;

    /* On a server, where each statement is a round trip, a full run ends by the clock. */
    for (uint64_t i = 0;
         i < schemas[conf_effort()] && (i < schemas[CONF_NORMAL] || conf_monotonic_ns() < until_ns);
         i++)
        model_schema(c, i, conf_can(TENON_CAP_SAVEPOINTS));
}

static const conf_case model_cases[] = {
    CASE(model_random_statements, "random statements on random schemas are answered as another "
                                  "driver answers them"),
};

CONF_GROUP(model, "a reference",
           "The statement and both answers are above; the seed repeats them. The other driver is "
           "sqlite, or memory where sqlite is tried.");
