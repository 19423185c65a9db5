/**
 * @file talk.h What tests of a server's states and limits say to it, and how they wait for what
 * they have caused. Whatever fails, fails the test.
 */
#ifndef TENON_TESTS_POSTGRES_TALK_H
#define TENON_TESTS_POSTGRES_TALK_H

#include <pthread.h>

#include "ledger.h"

/** Run SQL as the superuser. */
void talk_do(pg_server *server, const char *sql);

/** Wait until SQL of the superuser is answered with `wanted`. */
void talk_wait(pg_server *server, const char *sql, const char *wanted);

/** Change a setting of the whole server; NULL = its default. Returns when sessions know. */
void talk_set(pg_server *server, const char *name, const char *value);

/** A role of this name that may do everything in the database `postgres`, but is no superuser. */
void talk_add_role(pg_server *server, const char *name);

/** The URL of the database `postgres` over TCP, as a role, with further parameters ("?…") or "". */
void talk_url(const pg_server *server, const char *role, const char *more, char *out,
              size_t out_bytes);

/** Connections of Tenon's that the server has. */
void talk_wait_connections(pg_server *server, int wanted);

/** Open without a schema and without connections ahead; fails the test unless the status is
 * `wanted`. @param[out] err may be NULL */
tenon_db *talk_open(const char *url, tenon_status wanted, tenon_error *err);

/** Run a text in a transaction of its own, by hand, and commit. */
tenon_status talk_once(tenon_db *db, const char *sql, uint32_t timeout_ms, tenon_error *err);

/** That a call which has begun at `began_ms` has not returned before `from_ms`, nor more than 100
 * ms after `until_ms`. */
void talk_in_time(uint64_t began_ms, uint64_t from_ms, uint64_t until_ms);

/** That a status is one of those. */
#define talk_is(st, err, ...)                                                                      \
    talk_is_one(__FILE__, __LINE__, st, err, (const tenon_status[]){ __VA_ARGS__, -1 })
void talk_is_one(const char *file, int line, tenon_status st, const tenon_error *err,
                 const tenon_status *wanted);

/** A call on a thread of its own. */
typedef struct talk_call {
    tenon_db *db;
    const char *sql;           /**< Of talk_once; NULL: `entry` is written. */
    const ledger_entry *entry; /**< By hand. */
    uint32_t timeout_ms;
    tenon_status st;
    tenon_error err;
    uint64_t took_ms;
    pthread_t thread;
} talk_call;
void talk_call_start(talk_call *call);
/** Wait for its end. @return its status */
tenon_status talk_call_end(talk_call *call);

#endif
