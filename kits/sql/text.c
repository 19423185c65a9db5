#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

tenon_status
tenon_sql_fail(tenon_error *err, tenon_status status, int32_t native, uint8_t effect,
               const char *object, const char *format, ...)
{
    va_list args;

    memset(err, 0, sizeof *err);
    err->status = status;
    err->native = native;
    err->effect = effect;
    if (object != NULL)
        (void)snprintf(err->object, sizeof err->object, "%s", object);
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return status;
}

void
sql_text_fini(sql_text *text)
{
    free(text->data);
    memset(text, 0, sizeof *text);
}

static void
sql_put_n(sql_text *text, const char *bytes, size_t len)
{
    if (text->failed)
        return;
    if (text->len + len + 1 > text->room) {
        const size_t room = (text->len + len + 1) * 2;
        char *data = realloc(text->data, room);

        if (data == NULL) {
            text->failed = true;
            return;
        }
        text->data = data;
        text->room = room;
    }
    memcpy(text->data + text->len, bytes, len);
    text->len += len;
    text->data[text->len] = '\0';
}

void
sql_put(sql_text *text, const char *words)
{
    sql_put_n(text, words, strlen(words));
}

void
sql_put_name(sql_text *text, const char *name)
{
    /* The core lets lower-case letters, digits and '_' through: nothing to double. */
    sql_put(text, "\"");
    sql_put(text, name);
    sql_put(text, "\"");
}

void
sql_put_number(sql_text *text, uint64_t number)
{
    char digits[24];

    (void)snprintf(digits, sizeof digits, "%" PRIu64, number);
    sql_put(text, digits);
}

static void
sql_put_bytes(sql_text *text, const tenon_sql_dialect *dialect, const tenon_value *value)
{
    const uint8_t *bytes = value->as.data;
    char hex[3];

    sql_put(text, dialect->blob_prefix);
    for (uint32_t i = 0; i < value->len; i++) {
        (void)snprintf(hex, sizeof hex, "%02x", bytes[i]);
        sql_put_n(text, hex, 2);
    }
    sql_put(text, dialect->blob_suffix);
}

static void
sql_put_string(sql_text *text, const tenon_value *value)
{
    const char *bytes = value->as.data;

    sql_put(text, "'");
    for (uint32_t i = 0; i < value->len; i++) {
        if (bytes[i] == '\'')
            sql_put(text, "'");
        sql_put_n(text, bytes + i, 1);
    }
    sql_put(text, "'");
}

void
sql_put_literal(sql_text *text, const tenon_sql_dialect *dialect, const tenon_value *value)
{
    char number[48];

    if (dialect->literal != NULL && dialect->literal(value, number, sizeof number) > 0) {
        sql_put(text, number);
        return;
    }
    switch (value->type) {
    case TENON_INT:
    case TENON_TIME:
        /* The least number can't be written as minus and a number. */
        if (value->as.i == INT64_MIN)
            (void)snprintf(number, sizeof number, "(-9223372036854775807 - 1)");
        else
            (void)snprintf(number, sizeof number, "%" PRId64, value->as.i);
        sql_put(text, number);
        break;
    case TENON_REAL:
        if (value->as.d > 1.7976931348623157e308)
            (void)snprintf(number, sizeof number, "9e999");
        else if (value->as.d < -1.7976931348623157e308)
            (void)snprintf(number, sizeof number, "-9e999");
        else
            (void)snprintf(number, sizeof number, "%.17e", value->as.d);
        sql_put(text, number);
        break;
    case TENON_BOOL:
        sql_put(text, value->as.i != 0 ? dialect->true_text : dialect->false_text);
        break;
    case TENON_TEXT:
        sql_put_string(text, value);
        break;
    case TENON_BLOB:
    case TENON_UUID:
        sql_put_bytes(text, dialect, value);
        break;
    default:
        sql_put(text, "NULL");
        break;
    }
}

void
sql_put_columns(sql_text *text, const tenon_drv_table *table, const uint16_t *columns,
                uint32_t count)
{
    sql_put(text, "(");
    for (uint32_t i = 0; i < count; i++) {
        sql_put(text, i == 0 ? "" : ", ");
        sql_put_name(text, table->columns[columns[i]].name);
    }
    sql_put(text, ")");
}

void
sql_query_text_fini(sql_query_text *text)
{
    sql_text_fini(&text->text);
    free(text->binds);
    free(text->types);
    text->binds = NULL;
    text->types = NULL;
}
