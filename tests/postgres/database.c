#include "database.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

bool
pg_database_make(const char *server, const char *name, char *url, size_t url_bytes)
{
    PGconn *conn = PQconnectdb(server);
    PGresult *result;
    char command[160];
    bool ok;

    (void)snprintf(url, url_bytes, "%s%coptions=-csearch_path%%3D%s", server,
                   strchr(server, '?') == NULL ? '?' : '&', name);
    (void)snprintf(command, sizeof command, "CREATE SCHEMA %s", name);
    result = PQexec(conn, command);
    ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!ok)
        (void)fprintf(stderr, "%s: %s", command, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    return ok;
}
