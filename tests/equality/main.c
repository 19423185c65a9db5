/* equality [--seed S] [--cases N] [--schema K]: what several engines answer to the same cases. */
#include "equality.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Cases of one schema. */
#define EQ_CASES_PER_SCHEMA 250

/* A run as a whole. */
typedef struct eq_program {
    uint64_t seed, cases, only; /* `only`: number of the one schema to run, UINT64_MAX = all */
    uint64_t done, met[32][2];  /* statuses: of what reads, of what writes */
    uint64_t kinds[EQ_KINDS];
    char folder[64];
    eq_engine engines[EQ_MAX_ENGINES];
    uint32_t engine_count;
} eq_program;

static bool
main_reads(const eq_case *run)
{
    return run->kind == EQ_STATEMENT &&
           (run->query->query.kind == TENON_SELECT || run->query->query.kind == TENON_COUNT);
}

static void
main_show_answer(const eq_engine *engine)
{
    const eq_answer *a = &engine->answer;

    (void)printf(
        "%-7s %s, object '%s', native %d, effect %u, state %u, %llu affected, %zu rows: %s\n",
        engine->name, tenon_status_name(a->status), a->err.object, (int)a->err.native,
        (unsigned)a->err.effect, (unsigned)a->state, (unsigned long long)a->affected, a->row_count,
        a->err.message);
    for (size_t i = 0; i < a->row_count; i++)
        (void)printf("    %s\n", a->rows[i].text);
}

/* Print all that is needed to see what went wrong, and to run it again. */
static void
main_show(const eq_program *p, const eq_world *world, const eq_case *run, uint64_t schema,
          uint64_t number, const char *what)
{
    static const char *const kinds[] = { "",          "COMMIT",  "ROLLBACK",
                                         "SAVEPOINT", "RELEASE", "ROLLBACK TO" };

    (void)printf("DIFFERENT: %s\nseed %llu, schema %llu, case %llu of it; again with: "
                 "--seed %llu --schema %llu\n",
                 what, (unsigned long long)p->seed, (unsigned long long)schema,
                 (unsigned long long)number, (unsigned long long)p->seed,
                 (unsigned long long)schema);
    eq_show_schema(stdout, &world->schema);
    if (run->kind == EQ_STATEMENT) {
        eq_show_query(stdout, &run->query->query);
        for (uint32_t i = 0; i < run->query->param_count; i++) {
            (void)printf("    ?%u = ", (unsigned)i);
            eq_show_value(stdout, &run->params[i]);
            (void)putchar('\n');
        }
    } else {
        (void)printf("%s %u\n", kinds[run->kind], (unsigned)run->depth);
    }
    for (uint32_t i = 0; i < p->engine_count; i++)
        main_show_answer(&p->engines[i]);
}

/* Run a case everywhere. @return NULL, or what is different */
static const char *
main_run(eq_program *p, const eq_case *run)
{
    const char *what = NULL;
    eq_answer *first = &p->engines[0].answer;

    for (uint32_t i = 0; i < p->engine_count; i++)
        eq_engine_run(&p->engines[i], run);
    for (uint32_t i = 1; i < p->engine_count && what == NULL; i++)
        what = eq_compare(run, first, &p->engines[i].answer);
    p->met[first->status & 31][main_reads(run) ? 0 : 1]++;
    p->kinds[run->kind]++;
    return what;
}

/* What comes next. */
static void
main_pick(eq_program *p, eq_world *world, eq_case *run)
{
    const uint32_t set = p->engines[0].savepoint_count;
    const uint32_t kind = eq_below(&world->random, 100);

    memset(run, 0, sizeof *run);
    if (kind < 3) {
        run->kind = EQ_COMMIT;
    } else if (kind < 5) {
        run->kind = EQ_ROLL_BACK;
    } else if (kind < 10 && set < 8) {
        run->kind = EQ_SAVEPOINT;
    } else if (kind < 16 && set > 0) {
        run->kind = kind < 12 ? EQ_RELEASE : EQ_UNDO;
        run->depth = eq_below(&world->random, set);
    } else {
        run->query = eq_query_pick(world);
        eq_params_make(world, run->query, run->params);
    }
}

/* All tables of all engines hold the same. */
static const char *
main_dump(eq_program *p, eq_world *world, eq_query **dumps, eq_case *run)
{
    const char *what = NULL;

    for (uint32_t i = 0; i < world->schema.table_count && what == NULL; i++) {
        memset(run, 0, sizeof *run);
        run->query = dumps[i];
        what = main_run(p, run);
    }
    return what;
}

static bool
main_verify(eq_program *p)
{
    uint64_t problems = 0;

    for (uint32_t i = 0; i < p->engine_count; i++)
        problems += eq_engine_verify(&p->engines[i]);
    return problems == 0;
}

static bool
main_open(eq_program *p, const eq_world *world)
{
    for (uint32_t i = 0; i < p->engine_count; i++) {
        eq_engine *engine = &p->engines[i];

        if (eq_engine_open(engine, p->folder, &world->schema) != TENON_OK) {
            (void)printf("DIFFERENT: %s does not take the schema: %s\n", engine->name,
                         engine->answer.err.message);
            eq_show_schema(stdout, &world->schema);
            return false;
        }
    }
    return true;
}

/* @return whether all agreed */
static bool
main_schema(eq_program *p, uint64_t number, uint64_t cases)
{
    eq_random seeds = { .state = p->seed + number * UINT64_C(0x632be59bd9b4e019) };
    eq_query *dumps[EQ_MAX_TABLES];
    const char *what = NULL;
    eq_world world;
    eq_case run = { 0 };
    bool modest = false, same;
    uint64_t i;

    for (uint32_t e = 0; e < p->engine_count; e++)
        modest = modest || eq_engine_is_far(&p->engines[e]);
    eq_world_make(&world, eq_next(&seeds), modest);
    for (uint32_t t = 0; t < world.schema.table_count; t++)
        dumps[t] = eq_query_dump(&world, t);
    same = main_open(p, &world);
    for (i = 0; same && i < cases && what == NULL; i++) {
        main_pick(p, &world, &run);
        what = main_run(p, &run);
        /* After what undoes things and now and then all is looked at, not what was asked for. */
        if (what == NULL && (run.kind == EQ_UNDO || run.kind == EQ_ROLL_BACK || i % 25 == 24))
            what = main_dump(p, &world, dumps, &run);
    }
    if (what != NULL) {
        main_show(p, &world, &run, number, i, what);
        same = false;
    }
    p->done += i;
    if (same && !main_verify(p)) {
        (void)printf("DIFFERENT: seed %llu, schema %llu: what is stored is not sound\n",
                     (unsigned long long)p->seed, (unsigned long long)number);
        eq_show_schema(stdout, &world.schema);
        same = false;
    }
    for (uint32_t e = 0; e < p->engine_count; e++)
        eq_engine_close(&p->engines[e], p->folder);
    eq_world_free(&world);
    return same;
}

/* Say what was met; a run that met too little has tested nothing. */
static bool
main_summary(const eq_program *p)
{
    static const tenon_status expected[] = { TENON_OK, TENON_EXISTS, TENON_CONSTRAINT,
                                             TENON_INVALID };
    bool enough = true;

    (void)printf("seed %llu: %llu cases are the same on", (unsigned long long)p->seed,
                 (unsigned long long)p->done);
    for (uint32_t i = 0; i < p->engine_count; i++)
        (void)printf(" %s", p->engines[i].name);
    (void)putchar('\n');
    for (int st = 0; st < 32; st++) {
        if (p->met[st][0] + p->met[st][1] > 0)
            (void)printf("    %s: %llu reads, %llu others\n", tenon_status_name(st),
                         (unsigned long long)p->met[st][0], (unsigned long long)p->met[st][1]);
    }
    for (size_t i = 0; i < sizeof expected / sizeof expected[0] && p->done >= 5000; i++)
        enough = enough && p->met[expected[i]][1] > p->done / 200;
    for (uint32_t kind = 0; kind < EQ_KINDS && p->done >= 5000; kind++)
        enough = enough && p->kinds[kind] > 0;
    if (!enough)
        (void)printf("FAILED: too few of some kind\n");
    return enough;
}

static bool
main_read_args(eq_program *p, int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        uint64_t *to = strcmp(argv[i], "--seed") == 0     ? &p->seed
                       : strcmp(argv[i], "--cases") == 0  ? &p->cases
                       : strcmp(argv[i], "--schema") == 0 ? &p->only
                                                          : NULL;
        char *end = NULL;

        if (to == NULL || i + 1 == argc)
            return false;
        *to = strtoull(argv[i + 1], &end, 10);
        if (end == argv[i + 1] || *end != '\0')
            return false;
    }
    return true;
}

/* The engines of this build. SQLite comes first: the others are compared with it. */
static void
main_find_engines(eq_program *p)
{
    static const char *const names[] = { "sqlite", "memory", "lmdb", "postgres" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        eq_engine engine = { .name = names[i] };
        tenon_status st;

        if (eq_engine_is_far(&engine) && getenv("TENON_POSTGRES_URL") == NULL)
            continue;
        st = eq_engine_open(&engine, p->folder, NULL);
        if (st == TENON_NOT_FOUND)
            (void)printf("no driver %s: %s\n", engine.name, engine.answer.err.message);
        else
            p->engines[p->engine_count++] = (eq_engine){ .name = names[i] };
        eq_engine_close(&engine, p->folder);
    }
}

int
main(int argc, char **argv)
{
    eq_program p = { .seed = 1, .cases = 10000, .only = UINT64_MAX };
    bool same = true;

    if (!main_read_args(&p, argc, argv)) {
        (void)fprintf(stderr, "usage: %s [--seed S] [--cases N] [--schema K]\n", argv[0]);
        return 2;
    }
    (void)snprintf(p.folder, sizeof p.folder, "/tmp/tenon-equality-XXXXXX");
    if (mkdtemp(p.folder) == NULL)
        return 2;
    main_find_engines(&p);
    if (p.engine_count < 2) {
        (void)printf("SKIPPED: nothing to compare with\n");
        (void)rmdir(p.folder);
        return 77;
    }
    if (p.only != UINT64_MAX)
        same = main_schema(&p, p.only, EQ_CASES_PER_SCHEMA);
    for (uint64_t schema = 0; p.only == UINT64_MAX && same && p.done < p.cases; schema++)
        same = main_schema(&p, schema, EQ_CASES_PER_SCHEMA);
    (void)rmdir(p.folder);
    return same && main_summary(&p) ? 0 : 1;
}
