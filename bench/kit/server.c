/* The server that the databases of both sides are made on, and how often it flushes. */
#include "server.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define SERVER_TRIES 500
#define SERVER_PAUSE_NS 20000000L

/* Append key=value, percent-encoded, as far as there is room. */
static void
server_put(char where[SERVER_URL_BYTES], const char *key, const char *value)
{
    size_t len = strlen(where);

    len += (size_t)snprintf(where + len, SERVER_URL_BYTES - len,
                            "%c%s=", strchr(where, '?') == NULL ? '?' : '&', key);
    for (; *value != '\0' && len + 4 < SERVER_URL_BYTES; value++)
        len += (size_t)snprintf(where + len, SERVER_URL_BYTES - len, "%%%02X",
                                (unsigned)(unsigned char)*value);
}

/* The same server, perhaps through a proxy, another database. */
static bool
server_url(const char *root, int port, const char *name, char where[SERVER_URL_BYTES])
{
    PQconninfoOption *options = PQconninfoParse(root, NULL);
    char text[64];

    if (options == NULL || strlen(root) * 4 + 200 > SERVER_URL_BYTES) {
        tool_error(root, "no URL of a server");
        PQconninfoFree(options);
        return false;
    }
    (void)snprintf(where, SERVER_URL_BYTES, "postgres://");
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
        const bool place = strcmp(o->keyword, "host") == 0 || strcmp(o->keyword, "hostaddr") == 0 ||
                           strcmp(o->keyword, "port") == 0;

        if (o->val != NULL && strcmp(o->keyword, "dbname") != 0 && !(place && port != 0))
            server_put(where, o->keyword, o->val);
    }
    if (port != 0) {
        (void)snprintf(text, sizeof text, "%d", port);
        server_put(where, "host", "127.0.0.1");
        server_put(where, "port", text);
    }
    (void)snprintf(text, sizeof text, "%s_%ld", name, (long)getpid());
    server_put(where, "dbname", text);
    PQconninfoFree(options);
    return true;
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
postgres_make(const char *root, int port, const char *name, char where[SERVER_URL_BYTES])
{
    char command[128];

    (void)snprintf(command, sizeof command, "CREATE DATABASE %s_%ld", name, (long)getpid());
    return server_url(root, port, name, where) && server_run(root, command, NULL, 0);
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

/* The checkpointer tells of its pages after it has answered: before it begins the second one. */
double
postgres_written_bytes(const char *root)
{
    char bytes[32];

    if (!server_is_quiet(root) || !server_run(root, "CHECKPOINT", NULL, 0) ||
        !server_run(root, "CHECKPOINT", NULL, 0) ||
        !server_run(root,
                    "SELECT wal_bytes + current_setting('block_size')::bigint * "
                    "(buffers_checkpoint + buffers_clean + buffers_backend) "
                    "FROM pg_stat_wal, pg_stat_bgwriter",
                    bytes, sizeof bytes))
        return -1;
    return strtod(bytes, NULL);
}

int
postgres_port(const char *root)
{
    PGconn *pg = PQconnectdb(root);
    const char *host = PQstatus(pg) == CONNECTION_OK ? PQhost(pg) : NULL;
    int port = 0;

    if (host == NULL)
        (void)server_failed(root, pg);
    else if (host[0] == '/' || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "localhost") == 0)
        port = (int)strtol(PQport(pg), NULL, 10);
    else
        tool_error(root, "a proxy can stand before a server on this machine only");
    PQfinish(pg);
    return port;
}
