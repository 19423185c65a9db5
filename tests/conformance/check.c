/* Checks, and values as text. */
#include "conf.h"

#include <stdio.h>

void
conf_ok(conf *c, tenon_status status, const char *file, int line)
{
    if (status == TENON_OK)
        return;
    print_error("%s:%d: %s, object '%s': %s\n", file, line, tenon_status_name(status),
                c->err.object, c->err.message);
    _fail(file, line);
}

void
conf_fails(conf *c, tenon_status status, tenon_status expected, const char *object,
           const char *file, int line)
{
    if (status == expected && c->err.status == expected && c->err.message[0] != '\0' &&
        (object == NULL || strcmp(c->err.object, object) == 0))
        return;
    print_error("%s:%d: expected %s, object '%s'; got %s; err: %s, object '%s': %s\n", file, line,
                tenon_status_name(expected), object != NULL ? object : "*",
                tenon_status_name(status), tenon_status_name(c->err.status), c->err.object,
                c->err.message);
    _fail(file, line);
}

void
conf_exec(conf *c, uint64_t affected, const tenon_query *query, const tenon_value *params,
          const char *file, int line)
{
    conf_ok(c, tenon_exec(c->txn, query, params, &c->affected, &c->err), file, line);
    if (c->affected == affected)
        return;
    print_error("%s:%d: %llu rows affected, not %llu\n", file, line,
                (unsigned long long)c->affected, (unsigned long long)affected);
    _fail(file, line);
}

static size_t
conf_put(char *out, size_t out_bytes, size_t len)
{
    (void)out;
    return len < out_bytes ? len : out_bytes - 1;
}

static size_t
conf_show_bytes(const tenon_value *v, char *out, size_t out_bytes)
{
    const unsigned char *bytes = (const unsigned char *)v->as.data;
    size_t len = conf_put(out, out_bytes, (size_t)snprintf(out, out_bytes, "x"));

    for (uint32_t i = 0; i < v->len; i++)
        len += conf_put(out + len, out_bytes - len,
                        (size_t)snprintf(out + len, out_bytes - len, "%02x", bytes[i]));
    return len;
}

static size_t
conf_show(const tenon_value *v, char *out, size_t out_bytes)
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
        return conf_show_bytes(v, out, out_bytes);
    default:
        len = snprintf(out, out_bytes, "type %u", (unsigned)v->type);
    }
    return conf_put(out, out_bytes, (size_t)len);
}

size_t
conf_show_row(const tenon_value *row, uint32_t count, char *out, size_t out_bytes)
{
    size_t len = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            len += conf_put(out + len, out_bytes - len,
                            (size_t)snprintf(out + len, out_bytes - len, " "));
        len += conf_show(&row[i], out + len, out_bytes - len);
    }
    return len;
}

void
conf_rows(conf *c, tenon_txn *txn, const char *expected, const tenon_query *query,
          const tenon_value *params, const char *file, int line)
{
    const uint32_t columns = query->kind == TENON_COUNT ? 1 : query->columns.count;
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    char text[4096];
    size_t len = 0;
    tenon_status st;

    text[0] = '\0';
    conf_ok(c, tenon_select(txn, query, params, &cursor, &c->err), file, line);
    while ((st = tenon_next(cursor, &row, &c->err)) == TENON_OK) {
        if (len > 0 && len < sizeof text - 1)
            text[len++] = ';';
        len += conf_show_row(row, columns, text + len, sizeof text - len);
    }
    if (st != TENON_NOT_FOUND || row != NULL)
        conf_ok(c, st != TENON_NOT_FOUND ? st : TENON_INTERNAL, file, line);
    tenon_cursor_close(cursor);
    if (strcmp(text, expected) == 0)
        return;
    print_error("%s:%d: rows are '%s', not '%s'\n", file, line, text, expected);
    _fail(file, line);
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

static void
conf_problem(void *arg, const char *where, const char *what)
{
    (void)arg;
    print_error("verify: %s: %s\n", where, what);
}

void
conf_verify(conf *c)
{
    uint64_t problems = 0;

    OK(c, tenon_db_verify(c->db, conf_problem, NULL, &problems, &c->err));
    assert_int_equal(problems, 0);
}
