/*
 * bench-steady: what is read again and again allocates nothing. Fails where an operation that reads
 * does, once all is warm. Debian's SQLite allocates at each step by itself, by hand as well, so it
 * has memory of its own here, which is not counted.
 */
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../manager/manager.h"
#include "engines.h"
#include "load.h"

enum { STEADY_WARM = 200, STEADY_COUNTED = 2000 };

/* ---- Memory of SQLite ---- */

static sqlite3_mem_methods steady_real;

static void *
steady_malloc(int bytes)
{
    void *p;

    allocations_pause(true);
    p = steady_real.xMalloc(bytes);
    allocations_pause(false);
    return p;
}

static void *
steady_realloc(void *old, int bytes)
{
    void *p;

    allocations_pause(true);
    p = steady_real.xRealloc(old, bytes);
    allocations_pause(false);
    return p;
}

static bool
steady_keep_sqlite_apart(void)
{
    sqlite3_mem_methods own;

    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &steady_real) != SQLITE_OK)
        return false;
    own = steady_real;
    own.xMalloc = steady_malloc;
    own.xRealloc = steady_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &own) == SQLITE_OK;
}

/* ---- The operations ---- */

static bool
steady_repeat(load *l, load_operation operation, int times)
{
    bool ok = true;

    for (int i = 0; i < times && ok; i++)
        ok = load_once(&l->workers[0], operation);
    return ok;
}

static bool
steady_run(const engine *e, const char *root, load_operation operation)
{
    char where[ENGINES_WHERE_BYTES];
    const side_place place = { .where = where, .durability = TENON_DURABLE_PROCESS, .threads = 1 };
    uint64_t before = 0, counted = UINT64_MAX;
    load l = { .with = NULL };
    bool ok = e->make(root, 0, "steady", where) && load_open(&l, e->tenon, &place, operation) &&
              steady_repeat(&l, operation, STEADY_WARM);

    before = allocations();
    if (ok && steady_repeat(&l, operation, STEADY_COUNTED))
        counted = allocations() - before;
    load_close(&l);
    e->drop(root, "steady");
    if (counted == UINT64_MAX)
        return false;
    (void)printf("%s %s: %llu allocations in %d operations\n", e->name, load_name(operation),
                 (unsigned long long)counted, STEADY_COUNTED);
    return counted == 0;
}

int
main(void)
{
    static const char *const names[] = { "sqlite", "lmdb" };
    static const load_operation operations[] = { LOAD_SESSION, LOAD_PAGE };
    char root[] = "/tmp/tenon-steady-XXXXXX";
    bool ok = steady_keep_sqlite_apart() && sodium_init() >= 0 && mkdtemp(root) != NULL;

    if (!ok)
        return 2;
    for (size_t e = 0; e < sizeof names / sizeof names[0]; e++)
        for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
            ok = steady_run(engine_named(names[e]), root, operations[i]) && ok;
    (void)rmdir(root);
    return ok ? 0 : 1;
}
