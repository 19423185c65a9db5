/**
 * @file server.h A private PostgreSQL for tests: Debian's programs in a folder of its own, run by a
 * user without privileges, on a Unix socket in that folder and on 127.0.0.1. Whatever fails says so
 * on stderr.
 */
#ifndef TENON_TESTS_POSTGRES_SERVER_H
#define TENON_TESTS_POSTGRES_SERVER_H

#include <stdbool.h>
#include <stddef.h>

/** A server. Dies with the process that made it. */
typedef struct pg_server pg_server;

/** How to stop. */
enum {
    PG_STOP_FAST,      /**< Roll back what is open, then end. */
    PG_STOP_AT_ONCE,   /**< Without a checkpoint: the next start recovers. */
    PG_STOP_BY_KILLING /**< SIGKILL to all of its processes. */
};

/** Whether PostgreSQL is installed. A test says so and returns 77 where it is not. */
bool pg_server_found(void);

/** A new server, started. @param[in] settings "name=value", ended by NULL; may be NULL @return
 * owned by the caller until pg_server_free; NULL on failure */
pg_server *pg_server_new(const char *const *settings);

/** A standby that streams from `primary`, started. @return as pg_server_new */
pg_server *pg_server_new_standby(pg_server *primary);

/** Stop and remove all that is left of it. Accepts NULL. */
void pg_server_free(pg_server *server);

/** Start again; returns when it answers. */
bool pg_server_start(pg_server *server);
/** The same, and don't wait. */
bool pg_server_start_only(pg_server *server);
bool pg_server_stop(pg_server *server, int how);

/** Make a standby the primary; returns when it writes. */
bool pg_server_promote(pg_server *server);

/** Run SQL as the superuser. @param[out] out first value of the answer; may be NULL */
bool pg_server_sql(pg_server *server, const char *database, const char *sql, char *out,
                   size_t out_bytes);

/** Make a certificate for 127.0.0.1 and turn TLS on. @param[out] certificate path of it */
bool pg_server_use_tls(pg_server *server, char *certificate, size_t out_bytes);

/** The URL of a database, over the socket or over TCP. */
void pg_server_url(const pg_server *server, const char *database, bool tcp, char *out,
                   size_t out_bytes);

/** Its TCP port on 127.0.0.1. */
int pg_server_port(const pg_server *server);

/** Its folder, which the test may write to. */
const char *pg_server_folder(const pg_server *server);

/** Start pgbouncer before it, in transaction mode. @return its port on 127.0.0.1; 0: not installed,
 * -1: failed. Ends with the server */
int pg_server_pool(pg_server *server, int connections);

#endif
