/** @file engines.h The engines, and where each side's database is put. */
#ifndef BENCH_NATIVE_ENGINES_H
#define BENCH_NATIVE_ENGINES_H

#include "server.h"
#include "side.h"

enum { ENGINES_WHERE_BYTES = SERVER_URL_BYTES };

/** An engine. */
typedef struct engine {
    const char *name;
    const side *tenon, *native;
    uint32_t max_threads; /**< That make sense. */
    /** Make a place for a database of that name, in a folder or on a server; NULL: none is needed.
     * `port`: of the proxy before the server that `where` goes through; 0: none. */
    bool (*make)(const char *root, int port, const char *name, char where[ENGINES_WHERE_BYTES]);
    /** Remove what is there. */
    void (*drop)(const char *root, const char *name);
    /**
     * Flushes by a server so far, after it has been told of all of them; NULL where this process
     * itself is the one who flushes, see flushes.h. Nobody is connected to the databases by then.
     */
    bool (*server_flushes)(const char *root, uint64_t *out);
    /** The server's port on this machine's 127.0.0.1, for a proxy before it; 0: said on stderr why
     * not. NULL: there is no server. */
    int (*port)(const char *root);
} engine;

/** @return NULL where there is none of that name */
const engine *engine_named(const char *name);

/** The names, with blanks between, for a message. */
extern const char engine_names[];

#endif
