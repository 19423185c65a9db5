/* The descriptor of a plugin: what it must hold, and the core's own copy. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/plugin.h"
#include "core/url.h"

tenon_status
tni_refuse(tni_reason *reason, tenon_status status, const char *format, ...)
{
    va_list args;

    memset(reason, 0, sizeof *reason);
    reason->status = status;
    va_start(args, format);
    (void)vsnprintf(reason->text, sizeof reason->text, format, args);
    va_end(args);
    return status;
}

/* ---- Stubs of the optional slots ---- */

static tenon_status
plugin_unsupported(tenon_error *err, const char *slot)
{
    return tni_fail(err, TENON_UNSUPPORTED, slot, "this driver does not offer %s", slot);
}

static tenon_status
plugin_no_reset(tenon_drv_conn *conn, tenon_error *err)
{
    (void)conn;
    (void)err;
    return TENON_OK; /* a driver without it has nothing to bring back */
}

static tenon_status
plugin_no_savepoint(tenon_drv_conn *conn, uint32_t depth, tenon_error *err)
{
    (void)conn;
    (void)depth;
    return plugin_unsupported(err, "savepoints");
}

static tenon_status
plugin_no_fetch(tenon_drv_plan *plan, const tenon_value *params, const tenon_value **row,
                tenon_error *err)
{
    (void)plan;
    (void)params;
    *row = NULL;
    return plugin_unsupported(err, "query.fetch");
}

static tenon_status
plugin_no_explain(tenon_drv_plan *plan, char *out, uint64_t out_bytes, tenon_error *err)
{
    (void)plan;
    if (out_bytes > 0)
        out[0] = '\0';
    return plugin_unsupported(err, "explain");
}

static tenon_status
plugin_no_sql(tenon_drv_conn *conn, const char *sql, const tenon_value *params,
              uint32_t param_count, tenon_drv_cursor **out, uint32_t *column_count,
              tenon_error *err)
{
    (void)conn;
    (void)sql;
    (void)params;
    (void)param_count;
    if (out != NULL)
        *out = NULL;
    if (column_count != NULL)
        *column_count = 0;
    return plugin_unsupported(err, "SQL text");
}

static tenon_status
plugin_no_two_phase(tenon_drv_conn *conn, const char *gid, tenon_error *err)
{
    (void)conn;
    (void)gid;
    return plugin_unsupported(err, "two-phase commit");
}

static tenon_status
plugin_no_list(tenon_drv_conn *conn, tenon_drv_prepared_fn fn, void *arg, tenon_error *err)
{
    (void)conn;
    (void)fn;
    (void)arg;
    return plugin_unsupported(err, "two-phase commit");
}

static tenon_status
plugin_no_verify(tenon_drv_conn *conn, tenon_problem_fn fn, void *arg, tenon_error *err)
{
    (void)conn;
    (void)fn;
    (void)arg;
    return plugin_unsupported(err, "checks of its own");
}

static void
plugin_no_interrupt(tenon_drv_conn *conn)
{
    (void)conn;
}

static tenon_status
plugin_no_checkpoint(tenon_drv_db *db, tenon_error *err)
{
    (void)db;
    return plugin_unsupported(err, "checkpoints");
}

bool
tni_driver_has_fetch(const tenon_driver *driver)
{
    return driver->query->fetch != plugin_no_fetch;
}

/* ---- The parts of a driver ---- */

/* Slots are copied and compared as bytes, since they have many types. */
typedef void (*plugin_slot_fn)(void);

#define PLUGIN_SLOT_BYTES sizeof(plugin_slot_fn)
#define PLUGIN_MAX_SLOTS 12

/* A table of slots. Slots begin after `size` and `reserved`; the first `required` of them must be
 * there; of the `grouped` next ones all or none, which `capability` needs. Each further one is
 * optional by itself: what is appended to a table joins no group, or older drivers would have half
 * of it. */
typedef struct plugin_table {
    const char *name;
    size_t in_descriptor; /* where the descriptor points to it */
    size_t in_plugin;     /* where the copy stands */
    size_t bytes;         /* of the newest */
    uint64_t capability;
    uint8_t slot_count, required, grouped;
    uint8_t optional; /* may be missing as a whole */
    const char *slots[PLUGIN_MAX_SLOTS];
} plugin_table;

#define PLUGIN_TABLE(field, type)                                                                  \
    .name = #field, .in_descriptor = offsetof(tenon_driver, field),                                \
    .in_plugin = offsetof(tni_plugin, field), .bytes = sizeof(type),                               \
    .slot_count = (sizeof(type) - 8) / PLUGIN_SLOT_BYTES

static const plugin_table plugin_tables[] = {
    { PLUGIN_TABLE(database, tenon_drv_database_ops), .required = 3,
      .slots = { "open", "close", "info" } },
    { PLUGIN_TABLE(connection, tenon_drv_connection_ops), .required = 2,
      .slots = { "open", "close", "reset", "open_until", "check", "round_trips" } },
    { PLUGIN_TABLE(transaction, tenon_drv_transaction_ops), .required = 3, .grouped = 3,
      .capability = TENON_CAP_SAVEPOINTS,
      .slots = { "begin", "commit", "rollback", "savepoint", "savepoint_release",
                 "savepoint_rollback" } },
    { PLUGIN_TABLE(query, tenon_drv_query_ops), .required = 6,
      .slots = { "prepare", "free", "exec", "open", "next", "close", "fetch", "explain", "sql",
                 "exec_later", "require" } },
    { PLUGIN_TABLE(schema, tenon_drv_schema_ops), .required = 7,
      .slots = { "has_table", "create_table", "drop_table", "add_column", "drop_column",
                 "create_index", "drop_index" } },
    { PLUGIN_TABLE(two_phase, tenon_drv_two_phase_ops), .optional = 1, .grouped = 4,
      .capability = TENON_CAP_TWO_PHASE, .slots = { "prepare", "commit", "rollback", "list" } },
    { PLUGIN_TABLE(admin, tenon_drv_admin_ops), .optional = 1,
      .slots = { "verify", "interrupt", "checkpoint" } },
};

/* What comes before the first pointer, and the required part of the first released descriptor. */
#define PLUGIN_HEAD_BYTES offsetof(tenon_driver, name)
#define PLUGIN_REQUIRED_BYTES offsetof(tenon_driver, two_phase)

static bool
plugin_has_slot(const void *table, size_t slot)
{
    static const unsigned char none[PLUGIN_SLOT_BYTES];

    return memcmp((const unsigned char *)table + 8 + slot * PLUGIN_SLOT_BYTES, none, sizeof none) !=
           0;
}

/* How much of a struct of `size` bytes is copied: a size that ends within a slot does not have it.
 */
static size_t
plugin_whole_slots(uint32_t size, size_t newest)
{
    return size < newest ? size / PLUGIN_SLOT_BYTES * PLUGIN_SLOT_BYTES : newest;
}

static tenon_status
plugin_refuse_slot(tni_reason *reason, const plugin_table *t, size_t slot, const char *why)
{
    (void)tni_refuse(reason, TENON_ABI, "slot %s.%s %s", t->name, t->slots[slot], why);
    (void)snprintf(reason->object, sizeof reason->object, "%s.%s", t->name, t->slots[slot]);
    return TENON_ABI;
}

/* Copy one table of a driver into the core's, and check it. */
static tenon_status
plugin_copy_table(const plugin_table *t, const void *from, uint64_t capabilities, tni_plugin *out,
                  tni_reason *reason)
{
    unsigned char *copy = (unsigned char *)out + t->in_plugin;
    const uint32_t newest = (uint32_t)t->bytes;
    const size_t group_end = (size_t)t->required + t->grouped;
    uint32_t head[2] = { 0, 0 };
    size_t set_count = 0;

    if (from == NULL && !t->optional)
        return tni_refuse(reason, TENON_ABI, "table %s is missing", t->name);
    if (from != NULL)
        memcpy(head, from, sizeof head);
    if (from != NULL && head[0] < 8 + t->required * PLUGIN_SLOT_BYTES)
        return tni_refuse(reason, TENON_ABI, "table %s is too short: %u bytes, %zu needed", t->name,
                          head[0], 8 + t->required * PLUGIN_SLOT_BYTES);
    if (head[1] != 0)
        return tni_refuse(reason, TENON_ABI, "reserved word of table %s is not 0", t->name);
    if (from != NULL)
        memcpy(copy, from, plugin_whole_slots(head[0], newest));
    memcpy(copy, &newest, sizeof newest);
    for (size_t i = 0; i < t->required; i++) {
        if (!plugin_has_slot(copy, i))
            return plugin_refuse_slot(reason, t, i, "is missing");
    }
    for (size_t i = t->required; i < group_end; i++)
        set_count += plugin_has_slot(copy, i);
    for (size_t i = t->required; i < group_end; i++) {
        if (set_count > 0 && !plugin_has_slot(copy, i))
            return plugin_refuse_slot(reason, t, i, "is missing beside others of its group");
    }
    if (t->capability != 0 && set_count == 0 && (capabilities & t->capability) != 0)
        return plugin_refuse_slot(reason, t, t->required, "is missing, but claimed to work");
    return TENON_OK;
}

/* Set the optional slots that are absent. */
#define PLUGIN_FILL(slot, stub)                                                                    \
    do {                                                                                           \
        if ((slot) == NULL)                                                                        \
            (slot) = (stub);                                                                       \
    } while (0)

static void
plugin_fill(tni_plugin *p)
{
    PLUGIN_FILL(p->connection.reset, plugin_no_reset);
    PLUGIN_FILL(p->transaction.savepoint, plugin_no_savepoint);
    PLUGIN_FILL(p->transaction.savepoint_release, plugin_no_savepoint);
    PLUGIN_FILL(p->transaction.savepoint_rollback, plugin_no_savepoint);
    PLUGIN_FILL(p->query.fetch, plugin_no_fetch);
    PLUGIN_FILL(p->query.explain, plugin_no_explain);
    PLUGIN_FILL(p->query.sql, plugin_no_sql);
    PLUGIN_FILL(p->two_phase.prepare, plugin_no_two_phase);
    PLUGIN_FILL(p->two_phase.commit, plugin_no_two_phase);
    PLUGIN_FILL(p->two_phase.rollback, plugin_no_two_phase);
    PLUGIN_FILL(p->two_phase.list, plugin_no_list);
    PLUGIN_FILL(p->admin.verify, plugin_no_verify);
    PLUGIN_FILL(p->admin.interrupt, plugin_no_interrupt);
    PLUGIN_FILL(p->admin.checkpoint, plugin_no_checkpoint);
    p->driver.database = &p->database;
    p->driver.connection = &p->connection;
    p->driver.transaction = &p->transaction;
    p->driver.query = &p->query;
    p->driver.schema = &p->schema;
    p->driver.two_phase = &p->two_phase;
    p->driver.admin = &p->admin;
}

/* What can be judged before any pointer of the descriptor is followed. */
static tenon_status
plugin_check_head(const tenon_driver *d, tni_reason *reason)
{
    if (d == NULL)
        return tni_refuse(reason, TENON_ABI, "%s returned no descriptor: it can't work here",
                          TENON_DRIVER_ENTRY);
    if (d->size < PLUGIN_HEAD_BYTES)
        return tni_refuse(reason, TENON_ABI, "descriptor is too short: %u bytes, %zu needed",
                          d->size, PLUGIN_REQUIRED_BYTES);
    if (d->magic != TENON_DRIVER_MAGIC)
        return tni_refuse(reason, TENON_ABI, "descriptor begins with magic %08x, not %08x",
                          d->magic, TENON_DRIVER_MAGIC);
    if (d->abi_major != TENON_DRIVER_ABI_MAJOR)
        return tni_refuse(reason, TENON_ABI, "made for ABI %u.%u, this library has %u.%u",
                          (unsigned)d->abi_major, (unsigned)d->abi_minor, TENON_DRIVER_ABI_MAJOR,
                          TENON_DRIVER_ABI_MINOR);
    if (d->size < PLUGIN_REQUIRED_BYTES)
        return tni_refuse(reason, TENON_ABI, "descriptor is too short: %u bytes, %zu needed",
                          d->size, PLUGIN_REQUIRED_BYTES);
    if (d->reserved != 0)
        return tni_refuse(reason, TENON_ABI, "reserved word of the descriptor is not 0");
    return TENON_OK;
}

/* Capabilities that need one optional slot. */
static tenon_status
plugin_check_claims(const tni_plugin *p, tni_reason *reason)
{
    const char *missing = NULL;

    if ((p->driver.capabilities & TENON_CAP_SQL) != 0 && p->query.sql == NULL)
        missing = "query.sql";
    else if ((p->driver.capabilities & TENON_CAP_INTERRUPT) != 0 && p->admin.interrupt == NULL)
        missing = "admin.interrupt";
    if (missing == NULL)
        return TENON_OK;
    (void)tni_refuse(reason, TENON_ABI, "slot %s is missing, but claimed to work", missing);
    (void)snprintf(reason->object, sizeof reason->object, "%s", missing);
    return TENON_ABI;
}

tenon_status
tni_plugin_normalise(const tenon_driver *descriptor, tni_plugin *out, tni_reason *reason)
{
    tenon_status st = plugin_check_head(descriptor, reason);

    memset(out, 0, sizeof *out);
    if (st != TENON_OK)
        return st;
    memcpy(&out->driver, descriptor, plugin_whole_slots(descriptor->size, sizeof out->driver));
    out->driver.size = sizeof out->driver;
    if (out->driver.reserved2 != 0)
        return tni_refuse(reason, TENON_ABI, "second reserved word of the descriptor is not 0");
    if (!tni_is_driver_name(out->driver.name))
        return tni_refuse(reason, TENON_ABI, "its name is not a driver's name");
    if (out->driver.version == NULL)
        return tni_refuse(reason, TENON_ABI, "it has no version");
    for (size_t i = 0; i < sizeof plugin_tables / sizeof plugin_tables[0]; i++) {
        const void *table;

        memcpy(&table, (const unsigned char *)&out->driver + plugin_tables[i].in_descriptor,
               sizeof table);
        st = plugin_copy_table(&plugin_tables[i], table, out->driver.capabilities, out, reason);
        if (st != TENON_OK)
            return st;
    }
    st = plugin_check_claims(out, reason);
    if (st == TENON_OK)
        plugin_fill(out);
    return st;
}

void
tni_plugin_over(const tni_plugin *filter, const tni_plugin *inner, tni_plugin *out)
{
    tni_plugin lacking; /* as a driver's copy that has no optional slot */

    memset(&lacking, 0, sizeof lacking);
    plugin_fill(&lacking);
    *out = *filter;
    for (size_t i = 0; i < sizeof plugin_tables / sizeof plugin_tables[0]; i++) {
        const plugin_table *t = &plugin_tables[i];

        for (size_t slot = t->required; slot < t->slot_count; slot++) {
            const size_t at = t->in_plugin + 8 + slot * PLUGIN_SLOT_BYTES;
            const unsigned char *none = (const unsigned char *)&lacking + at;

            if (memcmp((const unsigned char *)inner + at, none, PLUGIN_SLOT_BYTES) == 0)
                memcpy((unsigned char *)out + at, none, PLUGIN_SLOT_BYTES);
        }
    }
    plugin_fill(out); /* its tables are where it is */
    out->driver.name = inner->driver.name;
    out->driver.version = inner->driver.version;
    out->driver.capabilities = inner->driver.capabilities;
    out->driver.flags = inner->driver.flags;
}
