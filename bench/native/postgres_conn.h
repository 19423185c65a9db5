/** @file postgres_conn.h The side by hand on PostgreSQL: its statements, and how they are run. */
#ifndef BENCH_NATIVE_POSTGRES_CONN_H
#define BENCH_NATIVE_POSTGRES_CONN_H

#include <libpq-fe.h>

#include "side.h"

/** Microseconds from 1970 to 2000, where PostgreSQL counts from. */
#define PG_EPOCH_US INT64_C(946684800000000)

/** Statements that each connection prepares. */
enum {
    PG_ADD_USER,
    PG_ADD_SESSION,
    PG_ADD_AUDIT,
    PG_ADD_ROOM,
    PG_ADD_MEMBERSHIP,
    PG_ADD_INVITATION,
    PG_ADD_MESSAGE,
    PG_FIND_ROOM,
    PG_FIND_MEMBERSHIP,
    PG_FIND_USER,
    PG_FIND_INVITATION,
    PG_ANSWER_INVITATION,
    PG_JOIN,
    PG_FIND_SESSION,
    PG_FIRST_PAGE,
    PG_NEXT_PAGE,
    PG_COUNT_ROWS,
    PG_STATEMENTS
};

/** Their texts. */
extern const char *const pg_texts[PG_STATEMENTS];

/** The tables and indexes of chat/tables.c. */
extern const char pg_schema[];

/** A thread's connection. */
typedef struct pg_db {
    PGconn *raw;
    bool lost; /**< The transaction lost to another: it is to be run again. */
} pg_db;

enum { PG_MAX_PARAMS = 8 };

/** Parameters of a statement, binary. What they point at is borrowed. */
typedef struct pg_params {
    const char *values[PG_MAX_PARAMS];
    int lengths[PG_MAX_PARAMS], formats[PG_MAX_PARAMS];
    char numbers[PG_MAX_PARAMS][8];
    int count;
} pg_params;

/** Add the next parameter. */
void pg_put(pg_params *p, const void *data, size_t bytes);
void pg_put_id(pg_params *p, const tenon_uuid *id);
void pg_put_text(pg_params *p, const char *text);
void pg_put_number(pg_params *p, int64_t value);
void pg_put_time(pg_params *p, int64_t us);

/** A number of 8 bytes in a result; a time in microseconds since 2000. */
int64_t pg_number(const PGresult *r, int row, int column);

/** Run a prepared statement. NULL where it failed; else cleared by the caller. */
PGresult *pg_query(pg_db *db, int which, const pg_params *p);
/** Run one that changes one row. */
bool pg_run(pg_db *db, int which, const pg_params *p);

/** How transactions begin. */
#define PG_WRITE_ONLY "BEGIN ISOLATION LEVEL READ COMMITTED"
#define PG_READ_WRITE "BEGIN ISOLATION LEVEL SERIALIZABLE"
#define PG_READ_ONLY "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

/** What a transaction does. @return false to roll back */
typedef bool pg_body(pg_db *db, void *arg);

/** Run a transaction, and again until it does not lose to another. */
bool pg_transaction(pg_db *db, const char *begin, pg_body *body, void *arg, const char *what);

/** As in `side`. */
bool pg_open(const side_place *where, void **out);
void pg_close(void *place);
bool pg_connect(void *arg, void **out);
void pg_disconnect(void *arg);

#endif
