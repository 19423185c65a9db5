/* equality [--seed S] [--cases N] [--schema K]: what several engines answer to the same cases. */
#include "check/model/model.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "database.h"

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

/* ---- Places ---- */

static bool
main_has_file(const eq_engine *engine)
{
    return strcmp(engine->name, "memory") != 0 && strcmp(engine->name, "postgres") != 0;
}

/* An empty database each time. */
static tenon_status
main_open_engine(const eq_program *p, eq_engine *engine, const tenon_schema *schema)
{
    static unsigned made;
    char name[32], place[256], url[320];

    if (strcmp(engine->name, "postgres") == 0) {
        (void)snprintf(name, sizeof name, "equality_%u", ++made);
        if (!pg_database_make(getenv("TENON_POSTGRES_URL"), name, place, sizeof place))
            return TENON_UNAVAILABLE;
        (void)snprintf(url, sizeof url, "%s&durability=none", place);
    } else if (main_has_file(engine)) {
        (void)snprintf(url, sizeof url, "%s:%s/%s.db?durability=none", engine->name, p->folder,
                       engine->name);
    } else {
        (void)snprintf(url, sizeof url, "%s:", engine->name);
    }
    return eq_engine_open(engine, url, schema);
}

static void
main_close_engine(const eq_program *p, eq_engine *engine)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", "-lock", "-journal" };
    char path[256];

    eq_engine_close(engine);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0] && main_has_file(engine); i++) {
        (void)snprintf(path, sizeof path, "%s/%s.db%s", p->folder, engine->name, suffixes[i]);
        (void)unlink(path);
    }
}

/* ---- Cases ---- */

static bool
main_reads(const eq_case *run)
{
    return run->kind == EQ_STATEMENT &&
           (run->query->query.kind == TENON_SELECT || run->query->query.kind == TENON_COUNT);
}

/* Print all that is needed to see what went wrong, and to run it again. */
static void
main_show(const eq_program *p, const eq_world *world, const eq_case *run, uint64_t schema,
          uint64_t number, const char *what)
{
    (void)printf("DIFFERENT: %s\nseed %llu, schema %llu, case %llu of it; again with: "
                 "--seed %llu --schema %llu\n",
                 what, (unsigned long long)p->seed, (unsigned long long)schema,
                 (unsigned long long)number, (unsigned long long)p->seed,
                 (unsigned long long)schema);
    eq_show_schema(stdout, &world->schema);
    eq_show_case(stdout, run);
    for (uint32_t i = 0; i < p->engine_count; i++)
        eq_show_answer(stdout, p->engines[i].name, &p->engines[i].answer);
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

        if (main_open_engine(p, engine, &world->schema) != TENON_OK) {
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
        modest = modest || strcmp(p->engines[e].name, "postgres") == 0;
    eq_world_make(&world, eq_next(&seeds), modest);
    for (uint32_t t = 0; t < world.schema.table_count; t++)
        dumps[t] = eq_query_dump(&world, t);
    same = main_open(p, &world);
    for (i = 0; same && i < cases && what == NULL; i++) {
        eq_case_pick(&world, p->engines[0].savepoint_count, &run);
        what = main_run(p, &run);
        if (what == NULL && eq_case_calls_for_dump(&run, i))
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
        main_close_engine(p, &p->engines[e]);
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

        if (strcmp(names[i], "postgres") == 0 && getenv("TENON_POSTGRES_URL") == NULL)
            continue;
        st = main_open_engine(p, &engine, NULL);
        if (st == TENON_NOT_FOUND)
            (void)printf("no driver %s: %s\n", engine.name, engine.answer.err.message);
        else
            p->engines[p->engine_count++] = (eq_engine){ .name = names[i] };
        main_close_engine(p, &engine);
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
