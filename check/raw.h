/** @file raw.h The driver by its own table, without the core: as a core of another version, or a
 * careless one, might call it. */
#ifndef TENON_CHECK_RAW_H
#define TENON_CHECK_RAW_H

#include "check/conf.h"
#include "tenon/driver.h"

/** The driver with its tables copied: slots that it does not have are NULL. */
typedef struct raw {
    const tenon_driver *driver; /**< As the plugin gave it. */
    tenon_drv_database_ops database;
    tenon_drv_connection_ops connection;
    tenon_drv_transaction_ops transaction;
    tenon_drv_query_ops query;
    tenon_drv_schema_ops schema;
    tenon_drv_two_phase_ops two_phase;
    tenon_drv_admin_ops admin;
    tenon_drv_open *options; /**< Of the case's URL. */
    tenon_error *err;
    tenon_drv_db *db;
    tenon_drv_conn *conn;
} raw;

/** Memory that ends where nothing may be read or written; filled with a pattern, kept until the
 * process ends. */
void *raw_guarded(size_t bytes);
/** A copy that ends there. */
void *raw_copy(const void *data, size_t bytes);
/** A value whose bytes end there. */
tenon_value raw_text(const char *text);

/** Load the plugin of the case's URL and read its descriptor; skips the case for a filter. */
void raw_load(conf *c, raw *r);
/** The same, with a database and a connection opened. */
void raw_open(conf *c, raw *r);
/** Close both. */
void raw_close(raw *r);
/** A further connection. */
tenon_drv_conn *raw_connect(raw *r);

/** The call succeeds. */
#define RAW_OK(r, call) raw_ok((r), (call), #call " succeeds", CONF_HERE)
void raw_ok(raw *r, tenon_status status, const char *call, conf_at at);
/** It fails with that status, says so in the error, with text that ends, and an effect. */
#define RAW_FAILS(r, status, call)                                                                 \
    do {                                                                                           \
        memset((r)->err, 0xEE, sizeof *(r)->err);                                                  \
        raw_fails((r), (call), (status), #call, CONF_HERE);                                        \
    } while (0)
void raw_fails(raw *r, tenon_status status, tenon_status expected, const char *call, conf_at at);
/** It succeeds and leaves the error alone. */
#define RAW_QUIET(r, call)                                                                         \
    do {                                                                                           \
        memset((r)->err, 0xEE, sizeof *(r)->err);                                                  \
        raw_ok((r), (call), #call " succeeds", CONF_HERE);                                         \
        raw_untouched((r), #call, CONF_HERE);                                                      \
    } while (0)
void raw_untouched(raw *r, const char *call, conf_at at);

/* ---- The table item (id, n, label), unique in label; all of it ends at guards ---- */

const tenon_drv_table *raw_item(void);
const tenon_drv_query *raw_item_insert(void); /**< id, n, label */
const tenon_drv_query *raw_item_all(void);    /**< id n label, in the order of id */
const tenon_drv_query *raw_item_get(void);    /**< id; gives n label */

/** Begin on a connection. `size_bytes` 0: all of today's. */
tenon_status raw_begin(raw *r, tenon_drv_conn *conn, uint64_t timeout_ms, bool read_only,
                       size_t size_bytes);
/** Create the table, in a transaction of its own. */
void raw_make_item(raw *r);
/** Insert (id, id * 10, label) on a connection, in the transaction that it is in. */
tenon_status raw_insert(raw *r, tenon_drv_conn *conn, int64_t id, const char *label);
/** Rows of item, read in a transaction of its own on that connection. */
uint64_t raw_count(raw *r, tenon_drv_conn *conn);

#endif
