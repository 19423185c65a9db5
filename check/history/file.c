/* Histories as JSON Lines. */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "check/history/check.h"

#define FILE_MOST INT64_C(1000000000) /* in an account: all together are no overflow */

/* A file that is being read. */
typedef struct file_reader {
    history *h;
    uint32_t line;
    char *message; /* HISTORY_MESSAGE_BYTES */
} file_reader;

static bool file_refuse(const file_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* @return false */
static bool
file_refuse(const file_reader *r, const char *format, ...)
{
    va_list args;
    int len = snprintf(r->message, HISTORY_MESSAGE_BYTES, "line %lu: ", (unsigned long)r->line);

    va_start(args, format);
    (void)vsnprintf(r->message + len, HISTORY_MESSAGE_BYTES - (size_t)len, format, args);
    va_end(args);
    return false;
}

/* ---- Operations ---- */

/* Whether `op` has `count` parts, those from 1 to `ints` integers. */
static bool
file_parts(const file_reader *r, const json_t *op, size_t count, size_t ints)
{
    const char *name = json_string_value(json_array_get(op, 0));

    if (json_array_size(op) != count)
        return file_refuse(r, "\"%s\" has %zu parts, not %zu", name, json_array_size(op), count);
    for (size_t i = 1; i <= ints; i++)
        if (!json_is_integer(json_array_get(op, i)))
            return file_refuse(r, "part %zu of \"%s\" is no integer", i + 1, name);
    return true;
}

static int64_t
file_int(const json_t *op, size_t part)
{
    return (int64_t)json_integer_value(json_array_get(op, part));
}

/* An array of integers. *out is the caller's to free, and may be NULL for an empty one. */
static bool
file_list(const file_reader *r, const json_t *list, int64_t **out, uint32_t *count)
{
    const size_t size = json_array_size(list);
    int64_t *values;

    *out = NULL;
    *count = 0;
    if (!json_is_array(list))
        return file_refuse(r, "what was read is no array of integers");
    values = (int64_t *)malloc((size + 1) * sizeof *values);
    if (values == NULL || size > UINT32_MAX) {
        free(values);
        return file_refuse(r, "out of memory");
    }
    for (size_t i = 0; i < size; i++) {
        if (!json_is_integer(json_array_get(list, i))) {
            free(values);
            return file_refuse(r, "element %zu of what was read is no integer", i + 1);
        }
        values[i] = file_int(list, i);
    }
    *out = values;
    *count = (uint32_t)size;
    return true;
}

static bool
file_append(const file_reader *r, const json_t *op)
{
    if (!file_parts(r, op, 3, 2))
        return false;
    history_append(r->h, file_int(op, 1), file_int(op, 2));
    return true;
}

/* A key and its list, from part `first` of `op` on. */
static bool
file_read_key(const file_reader *r, const json_t *op, size_t first,
              void (*add)(history *h, int64_t key, const int64_t *list, uint32_t count))
{
    int64_t *list = NULL;
    uint32_t count = 0;

    if (!file_list(r, json_array_get(op, first + 1), &list, &count))
        return false;
    add(r->h, file_int(op, first), list, count);
    free(list);
    return true;
}

static bool
file_read(const file_reader *r, const json_t *op)
{
    return file_parts(r, op, 3, 1) && file_read_key(r, op, 1, history_read);
}

static bool
file_scan(const file_reader *r, const json_t *op)
{
    const json_t *found = json_array_get(op, 3);

    if (!file_parts(r, op, 4, 2))
        return false;
    if (!json_is_array(found) || json_array_size(found) > UINT32_MAX)
        return file_refuse(r, "what a \"scan\" found is no array");
    if (file_int(op, 1) > file_int(op, 2))
        return file_refuse(r, "the range of a \"scan\" ends before it begins");
    history_scan(r->h, file_int(op, 1), file_int(op, 2));
    for (size_t i = 0; i < json_array_size(found); i++) {
        const json_t *pair = json_array_get(found, i);

        if (json_array_size(pair) != 2 || !json_is_integer(json_array_get(pair, 0)))
            return file_refuse(r, "what a \"scan\" found is no list of [key, [element, ...]]");
        if (file_int(pair, 0) < file_int(op, 1) || file_int(pair, 0) > file_int(op, 2))
            return file_refuse(r, "a \"scan\" found key %lld, which is not in its range",
                               (long long)file_int(pair, 0));
        if (!file_read_key(r, pair, 0, history_found))
            return false;
    }
    return true;
}

static bool
file_transfer(const file_reader *r, const json_t *op)
{
    const int64_t most = (int64_t)r->h->account_count - 1;

    if (!file_parts(r, op, 4, 3))
        return false;
    for (size_t i = 1; i <= 2; i++)
        if (file_int(op, i) < 0 || file_int(op, i) > most)
            return file_refuse(r, "there is no account %lld", (long long)file_int(op, i));
    history_transfer(r->h, (uint32_t)file_int(op, 1), (uint32_t)file_int(op, 2), file_int(op, 3));
    return true;
}

static bool
file_balances(const file_reader *r, const json_t *op)
{
    int64_t *list = NULL;
    uint32_t count = 0;

    if (!file_parts(r, op, 2, 0) || !file_list(r, json_array_get(op, 1), &list, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (list[i] >= -FILE_MOST && list[i] <= FILE_MOST)
            continue;
        free(list);
        return file_refuse(r, "a balance is a number up to %lld", (long long)FILE_MOST);
    }
    if (count == r->h->account_count && count > 0)
        history_balances(r->h, list, count);
    free(list);
    if (count != r->h->account_count || count == 0)
        return file_refuse(r, "\"balances\" of %lu accounts; line 1 says that there are %lu",
                           (unsigned long)count, (unsigned long)r->h->account_count);
    return true;
}

static bool
file_op(const file_reader *r, const json_t *op)
{
    static const struct {
        const char *name;
        bool (*read)(const file_reader *r, const json_t *op);
    } known[] = {
        { "append", file_append },     { "read", file_read },         { "scan", file_scan },
        { "transfer", file_transfer }, { "balances", file_balances },
    };
    const char *name = json_string_value(json_array_get(op, 0));

    if (name == NULL)
        return file_refuse(r, "an operation is an array that begins with its name");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].read(r, op);
    return file_refuse(r, "there is no operation \"%.60s\"", name);
}

/* ---- Lines ---- */

static bool
file_outcome(const char *name, history_outcome *out)
{
    for (*out = HISTORY_OK; *out <= HISTORY_UNKNOWN; (*out)++)
        if (strcmp(history_outcome_name(*out), name) == 0)
            return true;
    return false;
}

static bool
file_txn(const file_reader *r, json_t *line)
{
    json_int_t process = 0, begin = 0, end = INT64_MAX;
    const char *outcome_name = NULL;
    history_outcome outcome;
    json_t *ops = NULL;
    json_error_t error;

    if (json_unpack_ex(line, &error, JSON_STRICT, "{s:I, s:I, s?I, s:s, s:o}", "process", &process,
                       "begin", &begin, "end", &end, "outcome", &outcome_name, "ops", &ops) != 0)
        return file_refuse(r, "no transaction: %s", error.text);
    if (!file_outcome(outcome_name, &outcome))
        return file_refuse(r, "the outcome is \"ok\", \"failed\" or \"unknown\", not \"%.60s\"",
                           outcome_name);
    if (process < 0 || process > (json_int_t)UINT32_MAX)
        return file_refuse(r, "the process is a number from 0 to 4294967295");
    if (outcome != HISTORY_UNKNOWN && json_object_get(line, "end") == NULL)
        return file_refuse(r, "\"end\" is missing");
    if (end < begin)
        return file_refuse(r, "the transaction ends before it begins");
    if (!json_is_array(ops))
        return file_refuse(r, "\"ops\" is no array");
    history_begin(r->h, (uint32_t)process, begin);
    for (size_t i = 0; i < json_array_size(ops); i++)
        if (!file_op(r, json_array_get(ops, i)))
            return false;
    history_end(r->h, outcome, end);
    if (r->h->out_of_memory)
        return file_refuse(r, "out of memory");
    r->h->txns[r->h->txn_count - 1].line = r->line;
    return true;
}

static bool
file_header(const file_reader *r, json_t *line)
{
    json_int_t version = 0, accounts = 0, opening = 0, seed = 0;
    const char *level = "";
    json_error_t error;

    if (json_unpack_ex(line, &error, JSON_STRICT, "{s:I, s?s, s?I, s?I, s?I}", "tenon_history",
                       &version, "level", &level, "seed", &seed, "accounts", &accounts, "opening",
                       &opening) != 0)
        return file_refuse(r, "no history: %s", error.text);
    if (version != 1)
        return file_refuse(r, "a history of version %lld; this program reads version 1",
                           (long long)version);
    if (accounts < 0 || accounts > 1000000 || accounts % 2 != 0)
        return file_refuse(r, "\"accounts\" is an even number up to 1000000");
    if (opening < -FILE_MOST || opening > FILE_MOST)
        return file_refuse(r, "\"opening\" is a number up to %lld", (long long)FILE_MOST);
    if (level[0] != '\0' && history_level_named(level) == HISTORY_NO_LEVEL)
        return file_refuse(r, "there is no level \"%.60s\"", level);
    (void)snprintf(r->h->level, sizeof r->h->level, "%s", level);
    r->h->seed = (uint64_t)seed;
    r->h->account_count = (uint32_t)accounts;
    r->h->opening = opening;
    return true;
}

static bool
file_line(file_reader *r, const char *text, size_t len)
{
    json_error_t error;
    json_t *line;
    bool ok;

    r->line++;
    line = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (line == NULL)
        return file_refuse(r, "no JSON: %s", error.text);
    ok = r->line == 1 ? file_header(r, line) : file_txn(r, line);
    json_decref(line);
    return ok;
}

bool
history_load(FILE *in, history *h, char message[HISTORY_MESSAGE_BYTES])
{
    file_reader r = { .h = h, .message = message };
    char *text = NULL;
    size_t room = 0;
    ssize_t len;
    bool ok = true;

    errno = 0;
    while (ok && (len = getline(&text, &room, in)) >= 0)
        ok = file_line(&r, text, (size_t)len);
    free(text);
    r.line++; /* the one that could not be had */
    if (ok && ferror(in) != 0)
        return file_refuse(&r, "can't be read: %s", strerror(errno));
    if (ok && r.line == 1)
        return file_refuse(&r, "no history: the file is empty");
    return ok;
}

/* ---- Writing ---- */

static void
file_write_list(const history *h, const history_op *op, FILE *out)
{
    (void)fputc('[', out);
    for (uint32_t i = 0; i < op->count; i++)
        (void)fprintf(out, "%s%lld", i > 0 ? "," : "", (long long)h->values[op->first + i]);
    (void)fputc(']', out);
}

/* Operation `at` of `txn`. @return operations written: with a scan, what it found */
static uint32_t
file_write_op(const history *h, const history_txn *txn, uint32_t at, FILE *out)
{
    const history_op *op = &h->ops[txn->first_op + at];
    const long long key = op->key, to = op->to, value = op->value;

    switch (op->kind) {
    case HISTORY_APPEND:
        (void)fprintf(out, "[\"append\",%lld,%lld]", key, value);
        break;
    case HISTORY_READ:
        (void)fprintf(out, "[\"read\",%lld,", key);
        file_write_list(h, op, out);
        (void)fputc(']', out);
        break;
    case HISTORY_SCAN:
        (void)fprintf(out, "[\"scan\",%lld,%lld,[", key, to);
        for (uint32_t i = 1; i <= op->count && at + i < txn->op_count; i++) {
            (void)fprintf(out, "%s[%lld,", i > 1 ? "," : "", (long long)op[i].key);
            file_write_list(h, &op[i], out);
            (void)fputc(']', out);
        }
        (void)fputs("]]", out);
        return 1 + op->count;
    case HISTORY_TRANSFER:
        (void)fprintf(out, "[\"transfer\",%lld,%lld,%lld]", key, to, value);
        break;
    case HISTORY_BALANCES:
        (void)fputs("[\"balances\",", out);
        file_write_list(h, op, out);
        (void)fputc(']', out);
        break;
    }
    return 1;
}

bool
history_save(const history *h, FILE *out)
{
    (void)fputs("{\"tenon_history\":1", out);
    if (h->level[0] != '\0')
        (void)fprintf(out, ",\"level\":\"%s\"", h->level);
    if (h->seed != 0)
        (void)fprintf(out, ",\"seed\":%llu", (unsigned long long)h->seed);
    if (h->account_count > 0)
        (void)fprintf(out, ",\"accounts\":%lu,\"opening\":%lld", (unsigned long)h->account_count,
                      (long long)h->opening);
    (void)fputs("}\n", out);
    for (size_t i = 0; i < h->txn_count; i++) {
        const history_txn *txn = &h->txns[i];

        (void)fprintf(out, "{\"process\":%lu,\"begin\":%lld", (unsigned long)txn->process,
                      (long long)txn->begin_ns);
        if (txn->outcome != HISTORY_UNKNOWN)
            (void)fprintf(out, ",\"end\":%lld", (long long)txn->end_ns);
        (void)fprintf(out, ",\"outcome\":\"%s\",\"ops\":[", history_outcome_name(txn->outcome));
        for (uint32_t at = 0; at < txn->op_count;) {
            if (at > 0)
                (void)fputc(',', out);
            at += file_write_op(h, txn, at, out);
        }
        (void)fputs("]}\n", out);
    }
    return !h->out_of_memory && fflush(out) == 0 && ferror(out) == 0;
}
