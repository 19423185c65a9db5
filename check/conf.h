/** @file conf.h What a case of the conformance suite is written with: a database of its own,
 * checks, the table that most cases use. */
#ifndef TENON_CHECK_CONF_H
#define TENON_CHECK_CONF_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tenon/tenon.h"

#define CONF_URL_BYTES 768

/** A case's own place for a database. */
typedef struct conf {
    tenon_db *db;
    tenon_txn *txn;   /**< What the macros below work on; ended with the case if it is left. */
    tenon_txn *other; /**< A second one beside it. */
    tenon_error err;
    uint64_t affected; /**< By the last statement. */
    char folder[160];
    char url[CONF_URL_BYTES];
} conf;

/** A case runs where at least so much is asked for. */
enum { CONF_QUICK, CONF_NORMAL, CONF_FULL };

/** A promise that is tried. Its id is its group's name, a dot, and the rest of its function's. */
typedef struct conf_case {
    const char *name;  /**< Of its function: GROUP_REST. */
    const char *title; /**< The promise, as a sentence without its full stop. */
    void (*run)(conf *c);
    uint32_t effort;
    const char *hint; /**< Where to look when it fails; NULL: the group's. */
    bool timed;       /**< It has to be done in some time, which a busy machine may need for
                           itself: has failed where it fails each of three times. */
} conf_case;

#define CASE(function, text)                                                                       \
    {                                                                                              \
#function, text, function, CONF_QUICK, NULL, false                                         \
    }
#define CASE_HINT(function, text, where)                                                           \
    {                                                                                              \
#function, text, function, CONF_QUICK, where, false                                        \
    }
/** One that takes more than a second: not in a quick run. */
#define SLOW_CASE(function, text)                                                                  \
    {                                                                                              \
#function, text, function, CONF_NORMAL, NULL, false                                        \
    }

/** One that has deadlines of less than a second. */
#define TIMED_CASE(function, how_much, text)                                                       \
    {                                                                                              \
        .name = #function, .title = text, .run = function, .effort = how_much, .timed = true       \
    }

/** The cases of one file. */
typedef struct conf_group {
    const char *name;
    const char *title;
    const char *hint; /**< Where to look when one of them fails. */
    const conf_case *cases;
    size_t count;
} conf_group;

#define CONF_GROUP(group, text, where)                                                             \
    const conf_group conf_##group##_group = { #group, text, where, group##_cases,                  \
                                              sizeof(group##_cases) / sizeof((group##_cases)[0]) }

/* ---- The run ---- */

/** TENON_CAP_ bits of the driver's databases. */
uint64_t conf_capabilities(void);
bool conf_can(uint64_t capability);
/** CONF_QUICK … CONF_FULL. */
uint32_t conf_effort(void);
/** What random choices come from; the same for each case of a run. */
uint64_t conf_seed(void);
/** CLOCK_MONOTONIC. */
uint64_t conf_monotonic_ns(void);
/** Whether the URL names a place in the file system. */
bool conf_has_files(void);
/** The path that the URL of the case names. Only where conf_has_files(). */
void conf_path(const conf *c, char *out, size_t out_bytes);
/** The case's URL with a further `key=value`; NULL: without. */
void conf_url(const conf *c, const char *param, char out[CONF_URL_BYTES]);
/** Close, and go on with an empty place. */
void conf_renew(conf *c);

/* ---- Open and close ---- */

/** Open the case's database with a schema (NULL = none); the case has failed where that fails. */
void conf_open(conf *c, const tenon_schema *schema);
/** Open it as `options` say; into c->db. `param` is added to the URL. */
tenon_status conf_try_open(conf *c, const char *param, const tenon_open_options *options);
void conf_close(conf *c);

/* ---- Children: this program again, with another main ---- */

/** A child's body: commands come on standard input, answers go to standard output. */
typedef int (*conf_role_fn)(const char *url);

int conf_role_crash(const char *url);
int conf_role_migrate(const char *url);
int conf_role_neighbour(const char *url);
int conf_role_holder(const char *url);

typedef struct conf_child {
    int pid;
    int to;   /**< Its standard input. */
    int from; /**< Its standard output. */
} conf_child;

void conf_spawn(conf *c, const char *role, const char *url, conf_child *child);
/** Kill with SIGKILL, which nothing can catch, and wait until it is gone. `from` stays readable. */
void conf_kill(conf_child *child);
/** Wait for its end. @return exit status, -1 where a signal ended it */
int conf_wait(conf_child *child);
/** All bytes or the end. @return bytes read */
size_t conf_read(int fd, void *out, size_t bytes);

/* ---- Checks: the first that does not hold ends the case ---- */

/** A place in the source. */
typedef struct conf_at {
    const char *file;
    int line;
} conf_at;

#define CONF_HERE ((conf_at){ __FILE__, __LINE__ })

/** The case has failed: what was expected, and what was seen. */
_Noreturn void conf_failed(conf_at at, const char *expected, const char *seen, ...)
    __attribute__((format(printf, 3, 4)));
/** The case can't be tried on this driver. */
_Noreturn void conf_skip(const char *why);
/** The name of a TENON_CAP_ bit: "SAVEPOINTS". */
const char *conf_capability_name(uint64_t capability);
_Noreturn void conf_skip_for(uint64_t capability, bool has);

void conf_ok(conf *c, tenon_status status, const char *call, conf_at at);
void conf_fails(conf *c, tenon_status status, tenon_status expected, const char *object,
                const char *call, conf_at at);
void conf_exec(conf *c, uint64_t affected, const tenon_query *query, const tenon_value *params,
               conf_at at);
void conf_rows(conf *c, tenon_txn *txn, const char *expected, const tenon_query *query,
               const tenon_value *params, conf_at at);
void conf_check_int(int64_t seen, int64_t expected, const char *what, conf_at at);
void conf_check_status(tenon_status seen, tenon_status expected, const char *what, conf_at at);
void conf_check_text(const char *seen, const char *expected, const char *what, conf_at at);
void conf_check_range(int64_t seen, int64_t from, int64_t to, const char *what, conf_at at);

/** A row as text: values with spaces between; NULL is ~, a TIME @n, bytes x0a1b. */
size_t conf_show_row(const tenon_value *row, uint32_t count, char *out, size_t out_bytes);

/** The driver must have that ability for this case, or must not have it. */
#define NEEDS(capability)                                                                          \
    do {                                                                                           \
        if (!conf_can(capability))                                                                 \
            conf_skip_for((capability), false);                                                    \
    } while (0)
#define EXCEPT(capability)                                                                         \
    do {                                                                                           \
        if (conf_can(capability))                                                                  \
            conf_skip_for((capability), true);                                                     \
    } while (0)
#define SKIP(why) conf_skip(why)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            conf_failed(CONF_HERE, #condition, "it is not so");                                    \
    } while (0)
#define CHECK_INT(seen, expected)                                                                  \
    conf_check_int((int64_t)(seen), (int64_t)(expected), #seen, CONF_HERE)
#define CHECK_STATUS(seen, expected) conf_check_status((seen), (expected), #seen, CONF_HERE)
#define CHECK_TEXT(seen, expected) conf_check_text((seen), (expected), #seen, CONF_HERE)
#define CHECK_RANGE(seen, from, to)                                                                \
    conf_check_range((int64_t)(seen), (int64_t)(from), (int64_t)(to), #seen, CONF_HERE)
#define CHECK_BYTES(seen, expected, bytes)                                                         \
    do {                                                                                           \
        if (memcmp((seen), (expected), (bytes)) != 0)                                              \
            conf_failed(CONF_HERE, #seen " holds " #expected, "other bytes");                      \
    } while (0)

#define P(...) ((const tenon_value[]){ __VA_ARGS__ })
#define I(n) tenon_int(n)
#define T(text) tenon_text(text)
#define NIL tenon_null()

/** The call succeeds. */
#define OK(c, call) conf_ok((c), (call), #call " succeeds", CONF_HERE)
/** The call fails with that status; `object` NULL: whatever it names. */
#define FAILS(c, status, object, call)                                                             \
    do {                                                                                           \
        memset(&(c)->err, 0, sizeof(c)->err);                                                      \
        conf_fails((c), (call), (status), (object), #call, CONF_HERE);                             \
    } while (0)

#define BEGIN(c) OK((c), tenon_begin((c)->db, NULL, &(c)->txn, &(c)->err))
#define BEGIN_READ(c, out)                                                                         \
    OK((c),                                                                                        \
       tenon_begin((c)->db,                                                                        \
                   &(tenon_txn_options){ .size = sizeof(tenon_txn_options), .read_only = true },   \
                   (out), &(c)->err))
#define COMMIT(c) OK((c), conf_commit(c))
#define ROLLBACK(c) conf_rollback(c)
/** Run a statement that affects so many rows. */
#define EXEC(c, affected, query, params) conf_exec((c), (affected), (query), (params), CONF_HERE)
/** Run one that fails. */
#define REFUSED(c, status, object, query, params)                                                  \
    FAILS((c), (status), (object),                                                                 \
          tenon_exec((c)->txn, (query), (params), &(c)->affected, &(c)->err))
/** Read rows: "1 a;2 b". */
#define ROWS(c, expected, query, params)                                                           \
    conf_rows((c), (c)->txn, (expected), (query), (params), CONF_HERE)
#define ROWS_IN(c, txn, expected, query, params)                                                   \
    conf_rows((c), (txn), (expected), (query), (params), CONF_HERE)

/** Commit c->txn, which is then NULL. */
tenon_status conf_commit(conf *c);
void conf_rollback(conf *c);
/** tenon_db_verify finds nothing. */
void conf_verify(conf *c);

/* ---- The table that most cases use: item (id, n, label), with an index on n ---- */

extern const tenon_table item_table;
extern const tenon_schema item_schema;
extern const tenon_query item_insert; /**< id, n, label */
extern const tenon_query item_set_n;  /**< id, n */
extern const tenon_query item_add_n;  /**< id, n */
extern const tenon_query item_delete; /**< id */
extern const tenon_query item_get_n;  /**< id */
extern const tenon_query item_all;    /**< id n, in the order of id */
extern const tenon_query item_count;

/** Insert item (id, n, NULL). */
#define ITEM(c, id, n) EXEC((c), 1, &item_insert, P(I(id), I(n), NIL))
/** Commit a transaction with items 1 … count, n = id * 10. */
void conf_make_items(conf *c, int count);

#endif
