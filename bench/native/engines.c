/* The engines. One more is one more row. */
#include "engines.h"

#include <stdio.h>
#include <unistd.h>

static bool
file_make(const char *root, int port, const char *name, char where[ENGINES_WHERE_BYTES])
{
    const int len = snprintf(where, ENGINES_WHERE_BYTES, "%s/%s.db", root, name);

    (void)port;
    return len > 0 && len < ENGINES_WHERE_BYTES;
}

static void
file_drop(const char *root, const char *name)
{
    static const char *const endings[] = { "", "-lock", "-wal", "-shm" };
    char path[ENGINES_WHERE_BYTES + 8];

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s.db%s", root, name, endings[i]);
        (void)unlink(path);
    }
}

static const engine engines[] = {
    { .name = "sqlite",
      .tenon = &side_tenon_sqlite,
      .native = &side_sqlite,
      .max_threads = 256,
      .make = file_make,
      .drop = file_drop },
    { .name = "lmdb",
      .tenon = &side_tenon_lmdb,
      .native = &side_lmdb,
      .max_threads = 256,
      .make = file_make,
      .drop = file_drop },
    { .name = "memory", .tenon = &side_tenon_memory, .native = &side_memory, .max_threads = 1 },
    { .name = "postgres",
      .tenon = &side_tenon_postgres,
      .native = &side_postgres,
      .max_threads = 256,
      .make = postgres_make,
      .drop = postgres_drop,
      .server_flushes = postgres_flushes,
      .port = postgres_port },
};

const char engine_names[] = "sqlite, lmdb, memory or postgres";

const engine *
engine_named(const char *name)
{
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
        if (strcmp(engines[i].name, name) == 0)
            return &engines[i];
    return NULL;
}
