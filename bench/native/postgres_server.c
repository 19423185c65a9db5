/* The server that the databases of both sides are made on, and how often it flushes. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "engines.h"
#include "tool.h"

#define SERVER_TRIES 500
#define SERVER_PAUSE_NS 20000000L

/* The same server, another database: the last one of a parameter counts. */
static bool
server_url(const char *root, const char *name, char where[ENGINES_WHERE_BYTES])
{
    const int len = snprintf(where, ENGINES_WHERE_BYTES, "%s%cdbname=%s_%ld", root,
                             strchr(root, '?') == NULL ? '?' : '&', name, (long)getpid());

    return len > 0 && len < ENGINES_WHERE_BYTES;
}

static bool
server_failed(const char *root, const PGconn *pg)
{
    const char *said = PQerrorMessage(pg);

    tool_error(root, "%.*s", (int)strcspn(said, "\n"), said);
    return false;
}

/* Run a command in the database that the URL names. @param[out] out one value; may be NULL */
static bool
server_run(const char *root, const char *command, char *out, size_t out_bytes)
{
    PGconn *pg = PQconnectdb(root);
    PGresult *result = NULL;
    bool ok = PQstatus(pg) == CONNECTION_OK;

    if (ok) {
        result = PQexec(pg, command);
        ok = PQresultStatus(result) == PGRES_COMMAND_OK ||
             PQresultStatus(result) == PGRES_TUPLES_OK;
    }
    if (ok && out != NULL)
        (void)snprintf(out, out_bytes, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    if (!ok)
        (void)server_failed(root, pg);
    PQclear(result);
    PQfinish(pg);
    return ok;
}

bool
postgres_make(const char *root, const char *name, char where[ENGINES_WHERE_BYTES])
{
    char command[128];

    (void)snprintf(command, sizeof command, "CREATE DATABASE %s_%ld", name, (long)getpid());
    return server_url(root, name, where) && server_run(root, command, NULL, 0);
}

void
postgres_drop(const char *root, const char *name)
{
    char command[128];

    (void)snprintf(command, sizeof command, "DROP DATABASE IF EXISTS %s_%ld WITH (FORCE)", name,
                   (long)getpid());
    (void)server_run(root, command, NULL, 0);
}

/* A server process tells of its flushes when it ends, at the latest; so it has to be gone. */
static bool
server_is_quiet(const char *root)
{
    const struct timespec pause = { 0, SERVER_PAUSE_NS };
    char command[160], left[32] = "?";

    (void)snprintf(command, sizeof command,
                   "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'tenon_bench%%_%ld'",
                   (long)getpid());
    for (int i = 0; i < SERVER_TRIES; i++) {
        if (!server_run(root, command, left, sizeof left))
            return false;
        if (strcmp(left, "0") == 0)
            return true;
        (void)nanosleep(&pause, NULL);
    }
    tool_error(root, "%s connections to the benchmark's databases have not ended", left);
    return false;
}

bool
postgres_flushes(const char *root, uint64_t *out)
{
    char count[32];

    if (!server_is_quiet(root) ||
        !server_run(root, "SELECT wal_sync FROM pg_stat_wal", count, sizeof count))
        return false;
    *out = strtoull(count, NULL, 10);
    return true;
}
