/**
 * @file proxy.h Something between a client and a server on loopback: a thread that forwards bytes,
 * late, or not at all, or cuts connections at a chosen moment. The benchmark makes a network of it,
 * tests make trouble. Functions may be called by any thread.
 */
#ifndef BENCH_NATIVE_PROXY_H
#define BENCH_NATIVE_PROXY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct pg_proxy pg_proxy;

/** When to cut, once. */
enum {
    PG_CUT_NEVER,
    PG_CUT_BEFORE,  /**< The words have come from the client, and are not forwarded. */
    PG_CUT_AT_ONCE, /**< They were forwarded; nobody waits for what the server makes of them. */
    PG_CUT_BEFORE_ANSWER /**< The server has answered, and the answer is not forwarded. */
};

/** Directions. */
enum { PG_TO_SERVER = 1, PG_TO_CLIENT = 2 };

/** A proxy to a port of 127.0.0.1. @return NULL: failed */
pg_proxy *pg_proxy_new(int to_port);
/** Cut all, and end. Accepts NULL. */
void pg_proxy_free(pg_proxy *proxy);
/** Its own port. */
int pg_proxy_port(const pg_proxy *proxy);

/** Forward to another port, from the next connection on. */
void pg_proxy_redirect(pg_proxy *proxy, int to_port);
/** Hold every byte back for so long, in each direction. */
void pg_proxy_delay(pg_proxy *proxy, uint32_t delay_us);
/** Cut every connection now, with a reset. */
void pg_proxy_cut(pg_proxy *proxy);
/** Cut the first connection whose client sends `words`, as whole words ("COMMIT" is not in
 * "COMMITTED"). @param[in] words static */
void pg_proxy_cut_at(pg_proxy *proxy, int when, const char *words);
/** Forward nothing in these directions, and close nothing; 0 = go on. */
void pg_proxy_hold(pg_proxy *proxy, int directions);
/** Cut connections as soon as they come in. */
void pg_proxy_refuse(pg_proxy *proxy, bool refuse);

/** Whether a rule of pg_proxy_cut_at still waits. */
bool pg_proxy_is_armed(const pg_proxy *proxy);
/** Connections that are open through it. */
int pg_proxy_open(const pg_proxy *proxy);

#endif
