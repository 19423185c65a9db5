/** @file server.h A PostgreSQL server that databases of a benchmark are made on. Failures are told
 * on stderr. */
#ifndef BENCH_KIT_SERVER_H
#define BENCH_KIT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SERVER_URL_BYTES = 4400 };

/** Make a database of that name, and this process's number, beside the one that `root` names.
 * @param[in] port of a proxy before the server; 0: none. @param[out] where its URL */
bool postgres_make(const char *root, int port, const char *name, char where[SERVER_URL_BYTES]);

/** Remove it. */
void postgres_drop(const char *root, const char *name);

/** Flushes of the log so far, after all server processes of this process's databases have told of
 * theirs: nobody is connected to them by then. */
bool postgres_flushes(const char *root, uint64_t *out);

/** Bytes that the server has written so far, to its log and to its tables, after a checkpoint;
 * nobody is connected to this process's databases by then. Below 0: not known, since the user may
 * not have a checkpoint, or it is a version whose views are others (17 and later). */
double postgres_written_bytes(const char *root);

/** The server's port on this machine's 127.0.0.1, for a proxy before it; 0: there is none. */
int postgres_port(const char *root);

#endif
