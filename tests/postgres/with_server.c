/*
 * with-postgres [--setting NAME=VALUE]... [--tcp] -- COMMAND ARGUMENT...
 *
 * Runs a command beside a PostgreSQL of its own: "@URL@" in its arguments, and the variable
 * TENON_POSTGRES_URL, are the URL of an empty database. Its exit status; 77 where no PostgreSQL is
 * installed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server.h"

/* An argument with the URL in it; never freed: the program ends with it. */
static char *
with_url(const char *text, const char *url)
{
    const char *mark = strstr(text, "@URL@");
    const size_t room = strlen(text) + strlen(url) + 1;
    char *out = malloc(room);

    if (out != NULL && mark == NULL)
        (void)snprintf(out, room, "%s", text);
    else if (out != NULL)
        (void)snprintf(out, room, "%.*s%s%s", (int)(mark - text), text, url, mark + 5);
    return out;
}

static int
with_run(char **argv, const char *url)
{
    int status = 0;
    pid_t pid;

    for (char **arg = argv; *arg != NULL; arg++)
        *arg = with_url(*arg, url);
    (void)setenv("TENON_POSTGRES_URL", url, 1);
    pid = fork();
    if (pid == 0) {
        (void)execvp(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int
main(int argc, char **argv)
{
    const char *settings[20] = { "max_prepared_transactions=16", "max_connections=200" };
    int count = 2, at = 1, status = 1;
    bool tcp = false;
    pg_server *server;
    char url[256];

    for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
        if (strcmp(argv[at], "--tcp") == 0)
            tcp = true;
        else if (strcmp(argv[at], "--setting") == 0 && at + 1 < argc && count < 19)
            settings[count++] = argv[++at];
        else
            break;
    }
    if (at + 1 >= argc || strcmp(argv[at], "--") != 0) {
        (void)fprintf(stderr, "usage: %s [--setting NAME=VALUE]... [--tcp] -- COMMAND...\n",
                      argv[0]);
        return 2;
    }
    if (!pg_server_found()) {
        (void)printf("SKIPPED: no PostgreSQL is installed\n");
        return 77;
    }
    server = pg_server_new(settings);
    if (server != NULL && pg_server_sql(server, "postgres", "CREATE DATABASE test", NULL, 0)) {
        pg_server_url(server, "test", tcp, url, sizeof url);
        status = with_run(argv + at + 1, url);
    }
    pg_server_free(server);
    return status;
}
