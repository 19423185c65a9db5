/** @file conf.h A database per test, and what the tests of a driver are written with. */
#ifndef TENON_TESTS_CONFORMANCE_CONF_H
#define TENON_TESTS_CONFORMANCE_CONF_H

/* cmocka.h needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tenon/tenon.h"

#define CONF_URL_BYTES 768

/** A test's own place for a database. */
typedef struct conf {
    tenon_db *db;
    tenon_txn *txn;   /**< What the macros below work on; ended by the teardown if it is left. */
    tenon_txn *other; /**< A second one beside it. */
    tenon_error err;
    uint64_t affected; /**< By the last statement. */
    char folder[160];
    char url[CONF_URL_BYTES];
} conf;

int conf_setup(void **state);
int conf_teardown(void **state);

/** A test with a place of its own. */
#define CASE(test) cmocka_unit_test_setup_teardown(test, conf_setup, conf_teardown)

/** The tests of one file. */
typedef struct conf_group {
    const char *name;
    const struct CMUnitTest *tests;
    size_t count;
} conf_group;

#define CONF_GROUP(variable, text, list)                                                           \
    const conf_group variable = { text, list, sizeof(list) / sizeof((list)[0]) }

extern const conf_group conf_open_group, conf_types_group, conf_order_group, conf_schema_group,
    conf_keys_group, conf_statements_group, conf_paging_group, conf_cursors_group,
    conf_savepoints_group, conf_transactions_group, conf_threads_group, conf_migrations_group,
    conf_interrupted_group, conf_abilities_group, conf_crash_group, conf_deadlines_group,
    conf_outcomes_group, conf_audit_group, conf_groups_group;

/* ---- The driver ---- */

/** TENON_CAP_ bits of the driver's databases. */
uint64_t conf_capabilities(void);
bool conf_can(uint64_t capability);
/** Whether the URL names a place in the file system. */
bool conf_has_files(void);
/** The path that the URL of the test names. Only where conf_has_files(). */
void conf_path(const conf *c, char *out, size_t out_bytes);
/** The test's URL with a further `key=value`; NULL: without. */
void conf_url(const conf *c, const char *param, char out[CONF_URL_BYTES]);

/* ---- Open and close ---- */

/** Open the test's database with a schema (NULL = none); fails the test where that fails. */
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

/* ---- Checks ---- */

void conf_ok(conf *c, tenon_status status, const char *file, int line);
void conf_fails(conf *c, tenon_status status, tenon_status expected, const char *object,
                const char *file, int line);
void conf_exec(conf *c, uint64_t affected, const tenon_query *query, const tenon_value *params,
               const char *file, int line);
void conf_rows(conf *c, tenon_txn *txn, const char *expected, const tenon_query *query,
               const tenon_value *params, const char *file, int line);

/** A row as text: values with spaces between; NULL is ~, a TIME @n, bytes x0a1b. */
size_t conf_show_row(const tenon_value *row, uint32_t count, char *out, size_t out_bytes);

#define P(...) ((const tenon_value[]){ __VA_ARGS__ })
#define I(n) tenon_int(n)
#define T(text) tenon_text(text)
#define NIL tenon_null()

/** The call succeeds. */
#define OK(c, call) conf_ok((c), (call), __FILE__, __LINE__)
/** The call fails with that status; `object` NULL: whatever it names. */
#define FAILS(c, status, object, call)                                                             \
    do {                                                                                           \
        memset(&(c)->err, 0, sizeof(c)->err);                                                      \
        conf_fails((c), (call), (status), (object), __FILE__, __LINE__);                           \
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
#define EXEC(c, affected, query, params)                                                           \
    conf_exec((c), (affected), (query), (params), __FILE__, __LINE__)
/** Run one that fails. */
#define REFUSED(c, status, object, query, params)                                                  \
    FAILS((c), (status), (object),                                                                 \
          tenon_exec((c)->txn, (query), (params), &(c)->affected, &(c)->err))
/** Read rows: "1 a;2 b". */
#define ROWS(c, expected, query, params)                                                           \
    conf_rows((c), (c)->txn, (expected), (query), (params), __FILE__, __LINE__)
#define ROWS_IN(c, txn, expected, query, params)                                                   \
    conf_rows((c), (txn), (expected), (query), (params), __FILE__, __LINE__)

/** Commit c->txn, which is then NULL. */
tenon_status conf_commit(conf *c);
void conf_rollback(conf *c);
/** tenon_db_verify finds nothing. */
void conf_verify(conf *c);

/* ---- The table that most tests use: item (id, n, label), with an index on n ---- */

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
