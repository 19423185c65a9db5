/* The URL of a database: parts, percent-encoding, and passwords that are not shown. */
#include "core/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

static const char *const url_durabilities[] = {
    [TENON_DURABLE_POWER] = "power",
    [TENON_DURABLE_OS] = "os",
    [TENON_DURABLE_PROCESS] = "process",
    [TENON_DURABLE_NONE] = "none",
};

static int
url_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Length of the name that a text begins with, whatever follows it. 0: none, or too long. */
static size_t
url_name_len(const char *text)
{
    size_t len = 0;

    if (text[0] < 'a' || text[0] > 'z')
        return 0;
    while ((text[len] >= 'a' && text[len] <= 'z') || (text[len] >= '0' && text[len] <= '9'))
        len++;
    return len <= TNI_DRIVER_NAME_BYTES ? len : 0;
}

bool
tni_is_driver_name(const char *text)
{
    const size_t len = text == NULL ? 0 : url_name_len(text);

    return len > 0 && text[len] == '\0';
}

/* The parameters follow the struct in its block. */
static tenon_drv_param *
url_own_params(tni_url *url)
{
    return (tenon_drv_param *)(void *)(url + 1);
}

void
tni_url_drop_param(tni_url *url, uint32_t number)
{
    tenon_drv_param *params = url_own_params(url);

    url->param_count--;
    memmove(&params[number], &params[number + 1], (url->param_count - number) * sizeof *params);
}

/* What is being taken apart, and where its decoded texts go. */
typedef struct url_reader {
    const char *url;
    char *out;
    tenon_error *err;
} url_reader;

/* Decode `url[from, to)` into the block. */
static tenon_status
url_decode(url_reader *r, size_t from, size_t to, const char **out)
{
    size_t i = from;

    *out = r->out;
    while (i < to) {
        int high, low;

        if (r->url[i] != '%') {
            *r->out++ = r->url[i++];
            continue;
        }
        high = to - i >= 3 ? url_hex(r->url[i + 1]) : -1;
        low = to - i >= 3 ? url_hex(r->url[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return tni_fail(r->err, TENON_CONFIG, NULL,
                            "the URL has a bad percent escape at byte %zu", i + 1);
        *r->out++ = (char)(high * 16 + low);
        i += 3;
    }
    *r->out++ = '\0';
    return TENON_OK;
}

/* Where the driver's part ends: the position of its ':'. SIZE_MAX: there is none. */
static size_t
url_driver_end(const char *url)
{
    const size_t query = strcspn(url, "?");
    const char *end;
    size_t from = 0; /* of the last name, behind those of the filters */

    while (url[from] != '/') {
        const size_t len = url_name_len(url + from);

        if (len > 0 && url[from + len] == ':')
            return from + len;
        if (len == 0 || url[from + len] != '+')
            return SIZE_MAX;
        from += len + 1;
    }
    end = strstr(url + from, ".so:");
    if (end == NULL || (size_t)(end - url) > query)
        return SIZE_MAX;
    return (size_t)(end - url) + 3;
}

static tenon_status
url_durability(url_reader *r, tni_url *u, const char *value)
{
    for (uint32_t d = 0; d <= TENON_DURABLE_NONE; d++) {
        if (strcmp(value, url_durabilities[d]) == 0) {
            u->durability = d;
            u->has_durability = true;
            return TENON_OK;
        }
    }
    return tni_fail(r->err, TENON_CONFIG, "durability",
                    "durability in the URL is power, os, process or none");
}

/* One `key=value` at `url[from, to)`. */
static tenon_status
url_param(url_reader *r, tni_url *u, tenon_drv_param *params, size_t from, size_t to)
{
    const char *equals = memchr(r->url + from, '=', to - from);
    tenon_drv_param param;
    tenon_status st;

    if (equals == NULL || equals == r->url + from)
        return tni_fail(r->err, TENON_CONFIG, NULL,
                        "the URL's parameter at byte %zu is not of the form key=value", from + 1);
    st = url_decode(r, from, (size_t)(equals - r->url), &param.key);
    if (st == TENON_OK)
        st = url_decode(r, (size_t)(equals - r->url) + 1, to, &param.value);
    if (st != TENON_OK)
        return st;
    for (uint32_t i = 0; i < u->param_count; i++) {
        if (strcmp(params[i].key, param.key) == 0)
            return tni_fail(r->err, TENON_CONFIG, NULL,
                            "the URL gives a parameter twice, again at byte %zu", from + 1);
    }
    if (strcmp(param.key, "durability") != 0) {
        params[u->param_count++] = param;
        return TENON_OK;
    }
    if (u->has_durability)
        return tni_fail(r->err, TENON_CONFIG, "durability",
                        "the URL gives a parameter twice, again at byte %zu", from + 1);
    return url_durability(r, u, param.value);
}

static tenon_status
url_params(url_reader *r, tni_url *u, tenon_drv_param *params, size_t from)
{
    tenon_status st = TENON_OK;

    while (st == TENON_OK && r->url[from] != '\0') {
        const size_t to = from + strcspn(r->url + from, "&");

        st = url_param(r, u, params, from, to);
        from = r->url[to] == '&' ? to + 1 : to;
    }
    return st;
}

tenon_status
tni_url_parse(const char *url, tni_url **out, tenon_error *err)
{
    tenon_status st = TENON_OK;
    tenon_drv_param *params;
    url_reader r = { .url = url, .out = NULL, .err = err };
    tni_url *u = NULL;
    size_t len, colon, question, count = 1;

    *out = NULL;
    if (url == NULL)
        return tni_fail(err, TENON_CONFIG, NULL, "no URL");
    colon = url_driver_end(url);
    if (colon == SIZE_MAX)
        return tni_fail(err, TENON_CONFIG, NULL,
                        "a URL begins with a driver's name, or the absolute path of a plugin that "
                        "ends in .so, and ':'");
    len = strlen(url);
    question = colon + strcspn(url + colon, "?");
    for (size_t i = question; i < len; i++)
        count += url[i] == '&';
    /* Decoded texts are no longer than the encoded ones; each NUL takes a separator's place, but
     * for those of the last text and of the place. */
    u = calloc(1, sizeof *u + count * sizeof *params + len + 3);
    if (u == NULL)
        return tni_no_memory(err, "a URL");
    params = url_own_params(u);
    r.out = (char *)(params + count);
    u->params = params;
    u->has_path = url[0] == '/';
    st = url_decode(&r, 0, colon, &u->driver);
    if (st == TENON_OK)
        st = url_decode(&r, colon + 1, question, &u->place);
    if (st == TENON_OK && url[question] == '?')
        st = url_params(&r, u, params, question + 1);
    if (st != TENON_OK)
        goto done;
    *out = u;
    u = NULL;

done:
    free(u);
    return st;
}

/* ---- Masking. It must not fail, and it must not be outwitted: where a text could be read in two
 * ways, the one that hides more is taken. ---- */

/* Where a masked text goes. */
typedef struct url_writer {
    char *out;
    size_t left; /* with room for the NUL */
} url_writer;

static void
url_put(url_writer *w, const char *text, size_t len)
{
    if (w->left == 0)
        return;
    if (len > w->left - 1)
        len = w->left - 1;
    memcpy(w->out, text, len);
    w->out += len;
    w->left -= len;
    *w->out = '\0';
}

/* The byte at `at`, decoded; `*len` is what it takes in the text. */
static char
url_peek(const char *at, size_t *len)
{
    *len = at[0] != '\0' ? 1 : 0;
    if (at[0] == '%' && url_hex(at[1]) >= 0 && url_hex(at[2]) >= 0) {
        *len = 3;
        return (char)(url_hex(at[1]) * 16 + url_hex(at[2]));
    }
    return at[0];
}

static bool
url_is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* Whether the name of a parameter says that its value is a secret, or where one is kept. */
static bool
url_is_secret(const char *word)
{
    static const char *const parts[] = { "pass", "pwd", "secret", "token", "key", "credential" };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(word, parts[i]) != NULL)
            return true;
    }
    return false;
}

/*
 * A `word =` at `at`, in a query or in a place of the form "host=a password=b".
 *
 * Returns its length up to the value, 0 where the word is followed by something else or its value
 * is no secret.
 */
static size_t
url_secret_key(const char *at)
{
    char word[64];
    size_t len = 0, used = 0, step;
    char c;

    while (url_is_word(c = url_peek(at + len, &step))) {
        if (used == sizeof word - 1) { /* keep the end of a long one */
            memmove(word, word + 1, used - 1);
            used--;
        }
        word[used++] = (char)tolower((unsigned char)c);
        len += step;
    }
    word[used] = '\0';
    while (isspace((unsigned char)(c = url_peek(at + len, &step))))
        len += step;
    if (used == 0 || c != '=' || !url_is_secret(word))
        return 0;
    len += step;
    while (isspace((unsigned char)url_peek(at + len, &step)))
        len += step;
    return len;
}

/* Length of the value at `at`. In a place it ends at white space, or at the quote it began with. */
static size_t
url_secret_len(const char *at, bool in_query)
{
    size_t len = 0, step;
    char quote = url_peek(at, &step), c;

    if (in_query)
        return strcspn(at, "&");
    if (quote == '\'')
        len += step;
    while ((c = url_peek(at + len, &step)) != '\0' && at[len] != '&') {
        if (quote == '\'' ? c == '\'' : isspace((unsigned char)c))
            break;
        len += step;
        if (c == '\\' && url_peek(at + len, &step) != '\0') /* what it escapes belongs to it */
            len += step;
    }
    return len;
}

/*
 * The password of a `user:password@`: from after the first ':' of the place to the last '@' of all,
 * since a password may hold an '@', a '/' or a '?' that somebody forgot to encode. *from == *to:
 * there is none.
 */
static void
url_find_password(const char *place, const char **from, const char **to)
{
    const char *first = NULL, *last = NULL;
    bool in_query = false;
    size_t step;

    for (const char *at = place; *at != '\0'; at += step) {
        const char c = url_peek(at, &step);

        if (c == ':' && first == NULL && !in_query)
            first = at + step;
        else if (c == '@' && first != NULL)
            last = at;
        in_query = in_query || *at == '?';
    }
    *from = *to = place;
    if (last != NULL) {
        *from = first;
        *to = last;
    }
}

void
tenon_url_mask(const char *url, char *out, size_t out_bytes)
{
    url_writer w = { .out = out, .left = out_bytes };
    const char *at, *place, *from, *to;
    bool in_query = false, in_word = false;
    size_t colon, step;

    if (out_bytes == 0)
        return;
    out[0] = '\0';
    if (url == NULL)
        return;
    colon = url_driver_end(url);
    place = colon != SIZE_MAX ? url + colon + 1 : url; /* no URL: a password may be anywhere */
    url_find_password(place, &from, &to);
    url_put(&w, url, (size_t)(place - url));
    for (at = place; *at != '\0'; at += step) {
        const size_t key = in_word ? 0 : url_secret_key(at);
        char c;

        if (at == from && from != to) {
            url_put(&w, "***", 3);
            step = (size_t)(to - from);
            in_word = false;
            continue;
        }
        if (key > 0) {
            url_put(&w, at, key);
            url_put(&w, "***", 3);
            step = key + url_secret_len(at + key, in_query);
            in_word = false;
            continue;
        }
        c = url_peek(at, &step);
        in_query = in_query || *at == '?';
        in_word = url_is_word(c);
        url_put(&w, at, step);
    }
}
