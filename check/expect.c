/* Checks, and values as text. */
#include "check/inside.h"

#include <stdarg.h>

/* ---- How a case ends ---- */

static void
expect_place(conf_at at, run_report *report)
{
    const char *file = NULL;

    for (const char *found = strstr(at.file, "check/"); found != NULL;
         found = strstr(found + 1, "check/"))
        file = found; /* the last one: the tree may lie in a folder of that name */
    (void)snprintf(report->place, sizeof report->place, "%s:%d", file != NULL ? file : at.file,
                   at.line);
}

void
conf_failed(conf_at at, const char *expected, const char *seen, ...)
{
    run_report report = { .outcome = SUITE_FAILED };
    va_list args;

    expect_place(at, &report);
    (void)snprintf(report.expected, sizeof report.expected, "%s", expected);
    va_start(args, seen);
    (void)vsnprintf(report.seen, sizeof report.seen, seen, args);
    va_end(args);
    run_end(&report);
}

void
conf_skip(const char *why)
{
    run_report report = { .outcome = SUITE_SKIPPED };

    (void)snprintf(report.expected, sizeof report.expected, "%s", why);
    run_end(&report);
}

static const struct {
    uint64_t bit;
    const char *name;
} expect_capabilities[] = {
    { TENON_CAP_PERSISTENT, "PERSISTENT" },
    { TENON_CAP_SINGLE_WRITER, "SINGLE_WRITER" },
    { TENON_CAP_MULTI_PROCESS, "MULTI_PROCESS" },
    { TENON_CAP_SAVEPOINTS, "SAVEPOINTS" },
    { TENON_CAP_TRANSACTIONAL_DDL, "TRANSACTIONAL_DDL" },
    { TENON_CAP_SQL, "SQL" },
    { TENON_CAP_TWO_PHASE, "TWO_PHASE" },
    { TENON_CAP_READ_COMMITTED, "READ_COMMITTED" },
    { TENON_CAP_SNAPSHOT, "SNAPSHOT" },
    { TENON_CAP_SERIALIZABLE, "SERIALIZABLE" },
    { TENON_CAP_DURABLE_POWER, "DURABLE_POWER" },
    { TENON_CAP_DURABLE_OS, "DURABLE_OS" },
    { TENON_CAP_DURABLE_PROCESS, "DURABLE_PROCESS" },
    { TENON_CAP_DURABLE_NONE, "DURABLE_NONE" },
    { TENON_CAP_INTERRUPT, "INTERRUPT" },
};

const char *
conf_capability_name(uint64_t capability)
{
    for (size_t i = 0; i < sizeof expect_capabilities / sizeof expect_capabilities[0]; i++) {
        if (expect_capabilities[i].bit == capability)
            return expect_capabilities[i].name;
    }
    return "?";
}

void
conf_skip_for(uint64_t capability, bool has)
{
    char why[96];

    (void)snprintf(why, sizeof why, "%s TENON_CAP_%s", has ? "it has" : "it does not claim",
                   conf_capability_name(capability));
    conf_skip(why);
}

/* ---- Calls ---- */

void
conf_ok(conf *c, tenon_status status, const char *call, conf_at at)
{
    if (status == TENON_OK)
        return;
    conf_failed(at, call, "%s, object '%s': %s", tenon_status_name(status), c->err.object,
                c->err.message);
}

void
conf_fails(conf *c, tenon_status status, tenon_status expected, const char *object,
           const char *call, conf_at at)
{
    char text[SUITE_TEXT_BYTES];

    if (status == expected && c->err.status == expected && c->err.message[0] != '\0' &&
        (object == NULL || strcmp(c->err.object, object) == 0))
        return;
    (void)snprintf(text, sizeof text, "%s, object '%s', with a message, from %s",
                   tenon_status_name(expected), object != NULL ? object : "*", call);
    if (status == TENON_OK)
        conf_failed(at, text, "success");
    conf_failed(at, text, "%s; the error says %s, object '%s': %s", tenon_status_name(status),
                tenon_status_name(c->err.status), c->err.object, c->err.message);
}

static const char *
expect_query_name(const tenon_query *query)
{
    static const char *const kinds[] = { "?", "SELECT", "INSERT", "UPDATE", "DELETE", "COUNT" };

    return query->name != NULL && query->name[0] != '\0'          ? query->name
           : (size_t)query->kind < sizeof kinds / sizeof kinds[0] ? kinds[query->kind]
                                                                  : "?";
}

void
conf_exec(conf *c, uint64_t affected, const tenon_query *query, const tenon_value *params,
          conf_at at)
{
    const tenon_status st = tenon_exec(c->txn, query, params, &c->affected, &c->err);
    char call[256];

    (void)snprintf(call, sizeof call, "%s of table %s: %llu rows affected",
                   expect_query_name(query), query->table->name, (unsigned long long)affected);
    conf_ok(c, st, call, at);
    if (c->affected != affected)
        conf_failed(at, call, "%llu rows affected", (unsigned long long)c->affected);
}

static tenon_status
expect_read(conf *c, tenon_txn *txn, const tenon_query *query, const tenon_value *params,
            char *text, size_t text_bytes)
{
    const uint32_t columns = query->kind == TENON_COUNT ? 1 : query->columns.count;
    tenon_cursor *cursor = NULL;
    const tenon_value *row = NULL;
    size_t len = 0;
    tenon_status st = tenon_select(txn, query, params, &cursor, &c->err);

    text[0] = '\0';
    while (st == TENON_OK && (st = tenon_next(cursor, &row, &c->err)) == TENON_OK) {
        if (len > 0 && len < text_bytes - 1)
            text[len++] = ';';
        len += conf_show_row(row, columns, text + len, text_bytes - len);
    }
    if (st == TENON_NOT_FOUND)
        st = row == NULL ? TENON_OK : TENON_INTERNAL;
    tenon_cursor_close(cursor);
    return st;
}

void
conf_rows(conf *c, tenon_txn *txn, const char *expected, const tenon_query *query,
          const tenon_value *params, conf_at at)
{
    char text[4096], wanted[SUITE_TEXT_BYTES];
    const tenon_status st = expect_read(c, txn, query, params, text, sizeof text);

    (void)snprintf(wanted, sizeof wanted, "%s of table %s gives '%s'", expect_query_name(query),
                   query->table->name, expected);
    conf_ok(c, st, wanted, at);
    if (strcmp(text, expected) != 0)
        conf_failed(at, wanted, "'%s'", text);
}

/* ---- Values of the program ---- */

void
conf_check_int(int64_t seen, int64_t expected, const char *what, conf_at at)
{
    char text[SUITE_TEXT_BYTES];

    if (seen == expected)
        return;
    (void)snprintf(text, sizeof text, "%s is %lld", what, (long long)expected);
    conf_failed(at, text, "%lld", (long long)seen);
}

void
conf_check_status(tenon_status seen, tenon_status expected, const char *what, conf_at at)
{
    char text[SUITE_TEXT_BYTES];

    if (seen == expected)
        return;
    (void)snprintf(text, sizeof text, "%s is %s", what, tenon_status_name(expected));
    conf_failed(at, text, "%s", tenon_status_name(seen));
}

void
conf_check_text(const char *seen, const char *expected, const char *what, conf_at at)
{
    char text[SUITE_TEXT_BYTES];

    if (strcmp(seen, expected) == 0)
        return;
    (void)snprintf(text, sizeof text, "%s is '%s'", what, expected);
    conf_failed(at, text, "'%s'", seen);
}

void
conf_check_range(int64_t seen, int64_t from, int64_t to, const char *what, conf_at at)
{
    char text[SUITE_TEXT_BYTES];

    if (seen >= from && seen <= to)
        return;
    (void)snprintf(text, sizeof text, "%s is from %lld to %lld", what, (long long)from,
                   (long long)to);
    conf_failed(at, text, "%lld", (long long)seen);
}

/* ---- Values of a row ---- */

static size_t
expect_put(char *out, size_t out_bytes, size_t len)
{
    (void)out;
    return len < out_bytes ? len : out_bytes - 1;
}

static size_t
expect_show_bytes(const tenon_value *v, char *out, size_t out_bytes)
{
    const unsigned char *bytes = (const unsigned char *)v->as.data;
    size_t len = expect_put(out, out_bytes, (size_t)snprintf(out, out_bytes, "x"));

    for (uint32_t i = 0; i < v->len; i++)
        len += expect_put(out + len, out_bytes - len,
                          (size_t)snprintf(out + len, out_bytes - len, "%02x", bytes[i]));
    return len;
}

static size_t
expect_show(const tenon_value *v, char *out, size_t out_bytes)
{
    int len = 0;

    switch (v->type) {
    case TENON_NULL:
        len = snprintf(out, out_bytes, "~");
        break;
    case TENON_INT:
        len = snprintf(out, out_bytes, "%lld", (long long)v->as.i);
        break;
    case TENON_BOOL:
        len = snprintf(out, out_bytes, "%s", v->as.i == 1 ? "yes" : v->as.i == 0 ? "no" : "?");
        break;
    case TENON_TIME:
        len = snprintf(out, out_bytes, "@%lld", (long long)v->as.i);
        break;
    case TENON_REAL:
        len = snprintf(out, out_bytes, "%.17g", v->as.d);
        break;
    case TENON_TEXT:
        len = snprintf(out, out_bytes, "%.*s", (int)v->len, (const char *)v->as.data);
        break;
    case TENON_BLOB:
    case TENON_UUID:
        return expect_show_bytes(v, out, out_bytes);
    default:
        len = snprintf(out, out_bytes, "type %u", (unsigned)v->type);
    }
    return expect_put(out, out_bytes, (size_t)len);
}

size_t
conf_show_row(const tenon_value *row, uint32_t count, char *out, size_t out_bytes)
{
    size_t len = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            len += expect_put(out + len, out_bytes - len,
                              (size_t)snprintf(out + len, out_bytes - len, " "));
        len += expect_show(&row[i], out + len, out_bytes - len);
    }
    return len;
}

tenon_status
conf_commit(conf *c)
{
    tenon_txn *txn = c->txn;

    c->txn = NULL;
    return tenon_commit(txn, &c->err);
}

void
conf_rollback(conf *c)
{
    tenon_rollback(c->txn);
    c->txn = NULL;
}

/* Kept for the message: the first of them is enough to look for the rest. */
static void
expect_problem(void *arg, const char *where, const char *what)
{
    char *first = arg;

    if (first[0] == '\0')
        (void)snprintf(first, SUITE_TEXT_BYTES, "%s: %s", where, what);
}

void
conf_verify(conf *c)
{
    char first[SUITE_TEXT_BYTES] = "";
    uint64_t problems = 0;

    OK(c, tenon_db_verify(c->db, expect_problem, first, &problems, &c->err));
    if (problems != 0)
        conf_failed(CONF_HERE, "what is stored is sound: tenon_db_verify finds nothing",
                    "%llu problems, such as %s", (unsigned long long)problems, first);
}
