#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SERVER_ARGS = 64, SERVER_WAIT_MS = 60000, SERVER_STEP_MS = 5 };

struct pg_server {
    char folder[64];
    char settings[24][128]; /* "name=value" */
    int setting_count;
    int port;
    pid_t postmaster, pooler; /* 0: not running */
};

/* ---- Programs, as the user that may run a server ---- */

/* The newest installed version's folder; "" where there is none. */
static const char *
server_programs(void)
{
    static char folder[256];
    glob_t found;

    if (folder[0] == '\0' && glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0) {
        const char *last = found.gl_pathv[found.gl_pathc - 1];

        (void)snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(last, '/') - last), last);
        globfree(&found);
    }
    return folder;
}

bool
pg_server_found(void)
{
    return server_programs()[0] != '\0';
}

/* A server refuses to be run by root. */
static const struct passwd *
server_user(void)
{
    const struct passwd *user;

    if (geteuid() != 0)
        return NULL;
    user = getpwnam("postgres");
    return user != NULL ? user : getpwnam("nobody");
}

static void
server_become(const char *folder)
{
    const struct passwd *user = server_user();
    int log;

    if (user != NULL && (initgroups(user->pw_name, user->pw_gid) != 0 ||
                         setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(127);
    if (chdir(folder) != 0)
        _exit(127);
    log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(127);
    (void)setenv("HOME", folder, 1);
}

/* Start a program. @return 0: failed */
static pid_t
server_spawn(const char *folder, const char *const *argv)
{
    union {
        const char *const *in;
        char *const *out;
    } args = { argv };
    const pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        server_become(folder);
        (void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
        if (getppid() == parent)
            (void)execvp(argv[0], args.out);
        _exit(127);
    }
    return pid < 0 ? 0 : pid;
}

static bool
server_run(const char *folder, const char *const *argv)
{
    const pid_t pid = server_spawn(folder, argv);
    int status = -1;

    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    (void)fprintf(stderr, "%s failed; see %s/log\n", argv[0], folder);
    return false;
}

static const char *
server_program(const char *name, char *out, size_t out_bytes)
{
    (void)snprintf(out, out_bytes, "%s/%s", server_programs(), name);
    return out;
}

static void
server_pause(void)
{
    const struct timespec step = { 0, SERVER_STEP_MS * 1000000L };

    (void)nanosleep(&step, NULL);
}

/* A port that nobody listens on. */
static int
server_free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    int port = 0;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        port = ntohs(at.sin_port);
    if (fd >= 0)
        (void)close(fd);
    return port;
}

/* ---- Making and removing ---- */

static pg_server *
server_make(void)
{
    const struct passwd *user = server_user();
    pg_server *server = calloc(1, sizeof *server);

    if (server == NULL)
        return NULL;
    (void)snprintf(server->folder, sizeof server->folder, "/tmp/tenon-pg-XXXXXX");
    server->port = server_free_port();
    if (mkdtemp(server->folder) == NULL || server->port == 0 ||
        (user != NULL && chown(server->folder, user->pw_uid, user->pw_gid) != 0)) {
        perror(server->folder);
        free(server);
        return NULL;
    }
    return server;
}

static void
server_set(pg_server *server, const char *setting)
{
    (void)snprintf(server->settings[server->setting_count++], sizeof server->settings[0], "%s",
                   setting);
}

void
pg_server_free(pg_server *server)
{
    if (server == NULL)
        return;
    if (server->pooler > 0) {
        (void)kill(server->pooler, SIGKILL);
        (void)waitpid(server->pooler, NULL, 0);
    }
    (void)pg_server_stop(server, PG_STOP_AT_ONCE);
    {
        const char *const argv[] = { "rm", "-rf", server->folder, NULL };
        const pid_t pid = server_spawn("/tmp", argv);

        (void)waitpid(pid, NULL, 0);
        (void)rmdir(server->folder);
    }
    free(server);
}

pg_server *
pg_server_new(const char *const *settings)
{
    pg_server *server = server_make();
    char program[300];
    const char *const argv[] = { server_program("initdb", program, sizeof program),
                                 "-D",
                                 "d",
                                 "-N",
                                 "-A",
                                 "trust",
                                 "-U",
                                 "tenon",
                                 "-E",
                                 "UTF8",
                                 "--locale=C",
                                 NULL };

    if (server == NULL)
        return NULL;
    for (; settings != NULL && *settings != NULL; settings++)
        server_set(server, *settings);
    if (server_run(server->folder, argv) && pg_server_start(server))
        return server;
    pg_server_free(server);
    return NULL;
}

pg_server *
pg_server_new_standby(pg_server *primary)
{
    pg_server *server = server_make();
    char program[300], port[16];
    const char *const argv[] = { server_program("pg_basebackup", program, sizeof program),
                                 "-h",
                                 primary->folder,
                                 "-p",
                                 port,
                                 "-U",
                                 "tenon",
                                 "-D",
                                 "d",
                                 "-R",
                                 "-X",
                                 "stream",
                                 "-c",
                                 "fast",
                                 NULL };

    if (server == NULL)
        return NULL;
    (void)snprintf(port, sizeof port, "%d", primary->port);
    memcpy(server->settings, primary->settings, sizeof server->settings);
    server->setting_count = primary->setting_count;
    if (server_run(server->folder, argv) && pg_server_start(server))
        return server;
    pg_server_free(server);
    return NULL;
}

/* ---- Starting and stopping ---- */

bool
pg_server_start_only(pg_server *server)
{
    const char *argv[SERVER_ARGS];
    char program[300], port[16];
    int n = 0;

    (void)snprintf(port, sizeof port, "%d", server->port);
    argv[n++] = server_program("postgres", program, sizeof program);
    argv[n++] = "-D";
    argv[n++] = "d";
    argv[n++] = "-p";
    argv[n++] = port;
    argv[n++] = "-k";
    argv[n++] = server->folder;
    argv[n++] = "-c";
    argv[n++] = "listen_addresses=127.0.0.1";
    for (int i = 0; i < server->setting_count; i++) {
        argv[n++] = "-c";
        argv[n++] = server->settings[i];
    }
    argv[n] = NULL;
    server->postmaster = server_spawn(server->folder, argv);
    return server->postmaster > 0;
}

static void
server_conninfo(const pg_server *server, const char *database, char *out, size_t out_bytes)
{
    (void)snprintf(out, out_bytes, "host=%s port=%d user=tenon dbname=%s connect_timeout=10",
                   server->folder, server->port, database);
}

bool
pg_server_start(pg_server *server)
{
    char info[200];
    int waited_ms = 0;

    server_conninfo(server, "postgres", info, sizeof info);
    if (!pg_server_start_only(server))
        return false;
    for (; waited_ms < SERVER_WAIT_MS; waited_ms += SERVER_STEP_MS) {
        if (PQping(info) == PQPING_OK)
            return true;
        if (waitpid(server->postmaster, NULL, WNOHANG) == server->postmaster) {
            /* what a killed one has left in memory may still be in use for a moment */
            server_pause();
            if (!pg_server_start_only(server))
                return false;
        }
        server_pause();
    }
    (void)fprintf(stderr, "no server after %d ms; see %s/log\n", waited_ms, server->folder);
    return false;
}

/* Kill a process and all that it has started. */
static void
server_kill_all(pid_t postmaster)
{
    char path[80], list[4096] = "";
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)postmaster,
                   (int)postmaster);
    (void)kill(postmaster, SIGSTOP); /* so that it starts no other */
    file = fopen(path, "r");
    if (file != NULL && fgets(list, sizeof list, file) == NULL)
        list[0] = '\0';
    if (file != NULL)
        (void)fclose(file);
    (void)kill(postmaster, SIGKILL);
    for (char *rest = list, *end; *rest != '\0'; rest = end) {
        const long pid = strtol(rest, &end, 10);

        if (end == rest)
            break;
        if (pid > 1)
            (void)kill((pid_t)pid, SIGKILL);
    }
}

bool
pg_server_stop(pg_server *server, int how)
{
    int status = 0;

    if (server->postmaster <= 0)
        return true;
    if (how == PG_STOP_BY_KILLING)
        server_kill_all(server->postmaster);
    else
        (void)kill(server->postmaster, how == PG_STOP_FAST ? SIGINT : SIGQUIT);
    while (waitpid(server->postmaster, &status, 0) < 0 && errno == EINTR)
        ;
    server->postmaster = 0;
    return true;
}

bool
pg_server_promote(pg_server *server)
{
    char answer[8] = "";

    return pg_server_sql(server, "postgres", "SELECT pg_promote(true, 60)::text", answer,
                         sizeof answer) &&
           strcmp(answer, "true") == 0;
}

/* ---- Talking to it ---- */

bool
pg_server_sql(pg_server *server, const char *database, const char *sql, char *out, size_t out_bytes)
{
    char info[200];
    PGconn *conn;
    PGresult *result;
    bool ok;

    server_conninfo(server, database, info, sizeof info);
    conn = PQconnectdb(info);
    result = PQexec(conn, sql);
    ok = PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!ok)
        (void)fprintf(stderr, "%s: %s", sql, PQerrorMessage(conn));
    if (out != NULL)
        (void)snprintf(out, out_bytes, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(conn);
    return ok;
}

bool
pg_server_use_tls(pg_server *server, char *certificate, size_t out_bytes)
{
    static const char *const argv[] = {
        "openssl",  "req",           "-x509",   "-newkey",
        "rsa:2048", "-nodes",        "-days",   "2",
        "-subj",    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout",  "d/server.key",  "-out",    "d/server.crt",
        NULL
    };

    (void)snprintf(certificate, out_bytes, "%s/d/server.crt", server->folder);
    if (!server_run(server->folder, argv) || !pg_server_stop(server, PG_STOP_FAST))
        return false;
    server_set(server, "ssl=on");
    return pg_server_start(server);
}

void
pg_server_url(const pg_server *server, const char *database, bool tcp, char *out, size_t out_bytes)
{
    if (tcp)
        (void)snprintf(out, out_bytes, "postgres://tenon@127.0.0.1:%d/%s", server->port, database);
    else
        (void)snprintf(out, out_bytes, "postgres:///%s?host=%s&port=%d&user=tenon", database,
                       server->folder, server->port);
}

int
pg_server_port(const pg_server *server)
{
    return server->port;
}

const char *
pg_server_folder(const pg_server *server)
{
    return server->folder;
}

/* ---- A pooler before it ---- */

static bool
server_write_pooler(const pg_server *server, int port, int connections)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/pool.ini", server->folder);
    file = fopen(path, "w");
    if (file == NULL)
        return false;
    (void)fprintf(file,
                  "[databases]\n* = host=%s port=%d user=tenon\n[pgbouncer]\n"
                  "listen_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"
                  "auth_type = any\npool_mode = transaction\ndefault_pool_size = %d\n"
                  "max_client_conn = 500\n",
                  server->folder, server->port, port, connections);
    (void)fclose(file);
    return chmod(path, 0644) == 0;
}

int
pg_server_pool(pg_server *server, int connections)
{
    static const char *const argv[] = { "/usr/sbin/pgbouncer", "pool.ini", NULL };
    const int port = server_free_port();
    char info[160];

    if (access(argv[0], X_OK) != 0)
        return 0;
    if (port == 0 || !server_write_pooler(server, port, connections))
        return -1;
    server->pooler = server_spawn(server->folder, argv);
    (void)snprintf(info, sizeof info, "host=127.0.0.1 port=%d user=tenon dbname=postgres", port);
    for (int waited_ms = 0; server->pooler > 0 && waited_ms < SERVER_WAIT_MS;
         waited_ms += SERVER_STEP_MS) {
        if (PQping(info) == PQPING_OK)
            return port;
        if (waitpid(server->pooler, NULL, WNOHANG) == server->pooler)
            break;
        server_pause();
    }
    server->pooler = 0;
    return -1;
}
