/* SQLSTATE classes as statuses; what a text says before it is sent; parameters in words. */
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "text.h"

/* The longest match counts, so that a class follows its exceptions. */
static const struct sqlstate_class {
    const char *prefix;
    tenon_status status;
} sqlstate_classes[] = {
    { "08P01", TENON_INTERNAL },   { "08", TENON_UNAVAILABLE },    { "0A", TENON_UNSUPPORTED },
    { "21", TENON_INVALID },       { "22", TENON_INVALID },        { "23505", TENON_EXISTS },
    { "23", TENON_CONSTRAINT },    { "25006", TENON_READ_ONLY },   { "25P03", TENON_UNAVAILABLE },
    { "25P04", TENON_TIMEOUT },    { "25", TENON_INTERNAL },       { "28", TENON_DENIED },
    { "2B", TENON_CONSTRAINT },    { "3D", TENON_NOT_FOUND },      { "3F", TENON_SCHEMA },
    { "40002", TENON_CONSTRAINT }, { "40003", TENON_UNAVAILABLE }, { "40", TENON_CONFLICT },
    { "42501", TENON_DENIED },     { "42P04", TENON_EXISTS },      { "42P06", TENON_EXISTS },
    { "42P07", TENON_EXISTS },     { "42701", TENON_EXISTS },      { "42710", TENON_EXISTS },
    { "42", TENON_SCHEMA },        { "44", TENON_CONSTRAINT },     { "53100", TENON_FULL },
    { "53200", TENON_NO_MEMORY },  { "53300", TENON_BUSY },        { "53400", TENON_FULL },
    { "53", TENON_FULL },          { "54", TENON_INVALID },        { "55006", TENON_BUSY },
    { "55P03", TENON_BUSY },       { "55", TENON_UNSUPPORTED },    { "57014", TENON_CANCELLED },
    { "57", TENON_UNAVAILABLE },   { "58P01", TENON_CORRUPT },     { "58", TENON_IO },
    { "72", TENON_CONFLICT },      { "F0", TENON_CONFIG },         { "P0", TENON_CONSTRAINT },
    { "XX001", TENON_CORRUPT },    { "XX002", TENON_CORRUPT },
};

tenon_status
tenon_sql_state_status(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof sqlstate_classes / sizeof sqlstate_classes[0]; i++) {
        const struct sqlstate_class *c = &sqlstate_classes[i];

        if (strncmp(sqlstate, c->prefix, strlen(c->prefix)) == 0)
            return c->status;
    }
    return TENON_INTERNAL;
}

/* After blanks and comments; those of SQL nest. */
static const char *
sqlstate_skip(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n\f;");
        if (strncmp(at, "--", 2) == 0) {
            at += strcspn(at, "\n");
        } else if (strncmp(at, "/*", 2) == 0) {
            uint32_t depth = 1;

            for (at += 2; *at != '\0' && depth > 0; at++) {
                if (strncmp(at, "*/", 2) == 0)
                    depth--, at++;
                else if (strncmp(at, "/*", 2) == 0)
                    depth++, at++;
            }
        } else {
            return at;
        }
    }
}

bool
tenon_sql_ends_transaction(const char *sql)
{
    static const char *const words[] = { "BEGIN",     "START",   "COMMIT",  "END",  "ROLLBACK",
                                         "SAVEPOINT", "RELEASE", "PREPARE", "ABORT" };
    const char *at = sqlstate_skip(sql);
    size_t len = 0;

    while ((at[len] | 0x20) >= 'a' && (at[len] | 0x20) <= 'z')
        len++;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) == len && strncasecmp(at, words[i], len) == 0)
            return true;
    }
    return false;
}

/* Whether people may see a text: one that rows are found by. Others (hashes of passwords among
 * them) are told by their length. */
static bool
sqlstate_is_key(const tenon_drv_table *table, uint16_t column)
{
    for (uint32_t i = 0; i < table->key_column_count; i++) {
        if (table->key_columns[i] == column)
            return true;
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        for (uint32_t j = 0; j < table->indexes[i].column_count; j++) {
            if (table->indexes[i].columns[j] == column)
                return true;
        }
    }
    return false;
}

/* The column that a parameter is for; NULL: none. */
static const tenon_drv_column *
sqlstate_column(const tenon_drv_query *query, uint32_t param, bool *shown)
{
    const tenon_drv_table *table = query->table;
    uint16_t column = TENON_DRV_NONE;

    for (uint32_t i = 0; query->insert != NULL && i < table->column_count; i++) {
        if (query->insert[i].param == param)
            column = query->insert[i].column;
    }
    for (uint32_t i = 0; i < query->set_count; i++) {
        if (query->set[i].param == param)
            column = query->set[i].column;
    }
    for (uint32_t i = 0; i < query->where_count; i++) {
        const tenon_drv_cond *cond = &query->where[i];

        if (cond->param != TENON_DRV_NONE && param >= cond->param &&
            param - cond->param < cond->param_count)
            column = cond->column;
    }
    if (column == TENON_DRV_NONE)
        return NULL;
    *shown = sqlstate_is_key(table, column);
    return &table->columns[column];
}

static int
sqlstate_put_value(const tenon_value *v, bool shown, char *out, size_t out_bytes)
{
    const unsigned char *b = v->as.data;

    switch (v->type) {
    case TENON_NULL:
        return snprintf(out, out_bytes, "NULL");
    case TENON_REAL:
        return snprintf(out, out_bytes, "%.17g", v->as.d);
    case TENON_UUID:
        return snprintf(out, out_bytes,
                        "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                        "%02x%02x%02x%02x%02x%02x",
                        b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                        b[12], b[13], b[14], b[15]);
    case TENON_TEXT:
        if (shown)
            return snprintf(out, out_bytes, "'%.*s'",
                            (int)(v->len < TENON_SQL_SHOWN_BYTES ? v->len : TENON_SQL_SHOWN_BYTES),
                            (const char *)v->as.data);
        return snprintf(out, out_bytes, "(%u bytes)", v->len);
    case TENON_BLOB:
        return snprintf(out, out_bytes, "(%u bytes)", v->len);
    default:
        return snprintf(out, out_bytes, "%" PRId64, v->as.i);
    }
}

void
tenon_sql_show_params(const tenon_drv_query *query, const tenon_value *params, char *out,
                      size_t out_bytes)
{
    size_t len = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < query->param_count && len + 1 < out_bytes; i++) {
        bool shown = false;
        const tenon_drv_column *column = sqlstate_column(query, i, &shown);

        len += (size_t)snprintf(out + len, out_bytes - len, "%s%s=", i == 0 ? "" : ", ",
                                column == NULL ? "?" : column->name);
        if (len + 1 < out_bytes)
            len += (size_t)sqlstate_put_value(&params[i], shown, out + len, out_bytes - len);
    }
}
