/* From a URL to a connection. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "link.h"

#define PQ_CONNECT_NS UINT64_C(5000000000) /* that opening waits, unless the URL says otherwise */
#define PQ_HOST_NS UINT64_C(2000000000)    /* that one of several hosts is waited for */
#define PQ_PAUSE_NS UINT64_C(20000000)     /* before all hosts are asked again, doubled each time */
#define PQ_MAX_PAUSE_NS UINT64_C(320000000) /* up to this: a server in trouble forks for each */

struct tenon_pq_found {
    atomic_uint host; /* a number in the list of hosts */
};

/* ---- URLs ---- */

/* What stands behind the driver, as it was written. */
static const char *
config_place(const char *url)
{
    const char *end = url[0] == '/' ? strstr(url, ".so:") : strchr(url, ':');

    return end == NULL ? url : end + (url[0] == '/' ? 4 : 1);
}

/* Append percent-encoded. */
static char *
config_encode(char *to, const char *text)
{
    for (; *text != '\0'; text++)
        to += sprintf(to, "%%%02X", (unsigned)(unsigned char)*text);
    return to;
}

/* The URL as libpq wants it: without the parameters that are ours. Freed by the caller. */
static tenon_status
config_text(const tenon_drv_open *options, tenon_pq_own_fn own_fn, void *arg, char **out,
            tenon_error *err)
{
    const char *place = config_place(options->url);
    const size_t len = strcspn(place, "?");
    size_t room = strlen(options->url) * 4 + 16;
    const bool is_url = strncmp(place, "//", 2) == 0;
    tenon_status st = TENON_OK;
    bool any = false;
    char *to;

    for (uint32_t i = 0; i < options->param_count; i++)
        room += 3 * (strlen(options->params[i].key) + strlen(options->params[i].value)) + 4;
    *out = to = malloc(room);
    if (to == NULL)
        return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    to += is_url ? sprintf(to, "postgresql:%.*s", (int)len, place)
                 : sprintf(to, "%s", options->place);
    for (uint32_t i = 0; i < options->param_count && st == TENON_OK; i++) {
        const tenon_drv_param *param = &options->params[i];
        bool own = false;

        st = own_fn(arg, param, &own, err);
        if (st != TENON_OK || own)
            continue;
        if (!is_url)
            return tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, param->key,
                                  "unknown parameter %s", param->key);
        *to++ = any ? '&' : '?';
        any = true;
        to = config_encode(to, param->key);
        *to++ = '=';
        to = config_encode(to, param->value);
    }
    return st;
}

static const char *
config_option(const tenon_pq_config *config, const char *key)
{
    for (const PQconninfoOption *o = config->options; o != NULL && o->keyword != NULL; o++) {
        if (strcmp(o->keyword, key) == 0)
            return o->val;
    }
    return NULL;
}

/* The first parameter that neither the driver nor libpq knows; NULL: all are known, or what looks
 * like one may be a part of a password that holds a '?'. */
static const char *
config_unknown(const tenon_drv_open *options, tenon_pq_own_fn own_fn, void *arg)
{
    const char *query = strchr(options->url, '?');
    PQconninfoOption *known = query == NULL || strchr(query, '@') != NULL ? NULL : PQconndefaults();
    const char *unknown = NULL;

    for (uint32_t i = 0; i < options->param_count && known != NULL && unknown == NULL; i++) {
        const PQconninfoOption *o = known;
        tenon_error ignored;
        bool own = false;

        while (o->keyword != NULL && strcmp(o->keyword, options->params[i].key) != 0)
            o++;
        if (o->keyword == NULL && own_fn(arg, &options->params[i], &own, &ignored) == TENON_OK &&
            !own)
            unknown = options->params[i].key;
    }
    PQconninfoFree(known);
    return unknown;
}

/* libpq can't read the URL. Its own words may hold the text, and so a password. */
static tenon_status
config_refuse(const tenon_drv_open *options, tenon_pq_own_fn own, void *arg, tenon_error *err)
{
    const char *unknown = config_unknown(options, own, arg);

    if (unknown != NULL)
        return tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, unknown,
                              "the URL has a parameter that libpq does not know: %.60s", unknown);
    return tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, NULL,
                          "libpq can't read the URL");
}

/* The parts of a list with commas; *count grows to the number of them. */
static void
config_split(const char *list, char **copy, const char **parts, uint32_t *count)
{
    uint32_t n = 0;
    char *at;

    if (list == NULL || list[0] == '\0' || (*copy = strdup(list)) == NULL)
        return;
    for (at = *copy; at != NULL && n < TENON_PQ_MAX_HOSTS; n++) {
        char *comma = strchr(at, ',');

        parts[n] = at;
        if (comma != NULL)
            *comma++ = '\0';
        at = comma;
    }
    *count = n > *count ? n : *count;
}

/* The hosts of the URL, each with its address and port. One port may be meant for all. */
static tenon_status
config_hosts(tenon_pq_config *config, tenon_error *err)
{
    const char *hosts[TENON_PQ_MAX_HOSTS] = { NULL }, *addresses[TENON_PQ_MAX_HOSTS] = { NULL },
               *ports[TENON_PQ_MAX_HOSTS] = { NULL };
    const char *host = config_option(config, "host"), *port = config_option(config, "port");
    uint32_t port_count = 0;

    /* Of a password that is not encoded, libpq takes the rest for a host or a port: it must not be
     * shown. */
    if ((host != NULL && strchr(host, '@') != NULL) ||
        (port != NULL && port[strspn(port, "0123456789,")] != '\0'))
        return tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, NULL,
                              "the URL has no valid host or port; in a password, '@' is written "
                              "%%40, '/' %%2F and ':' %%3A");
    config->host_count = 1;
    config_split(host, &config->host, hosts, &config->host_count);
    config_split(config_option(config, "hostaddr"), &config->hostaddr, addresses,
                 &config->host_count);
    config_split(port, &config->port, ports, &port_count);
    if (port_count > 1 && port_count != config->host_count)
        return tenon_sql_fail(err, TENON_CONFIG, 0, TENON_EFFECT_OPEN, NULL,
                              "the URL has %u ports for %u hosts", port_count, config->host_count);
    for (uint32_t i = 0; i < config->host_count; i++)
        config->hosts[i] = (tenon_pq_host){ hosts[i], addresses[i],
                                            ports[port_count == 1 ? 0 : i] };
    return TENON_OK;
}

tenon_status
tenon_pq_config_read(tenon_pq_config *config, const tenon_drv_open *options, tenon_pq_own_fn own,
                     void *arg, tenon_error *err)
{
    char *text = NULL;
    const char *seconds;
    tenon_status st = config_text(options, own, arg, &text, err);

    config->found = calloc(1, sizeof *config->found);
    if (st == TENON_OK && config->found == NULL)
        st = tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    if (st == TENON_OK) {
        config->options = PQconninfoParse(text, NULL);
        if (config->options == NULL)
            st = config_refuse(options, own, arg, err);
    }
    free(text);
    if (st != TENON_OK)
        return st;
    st = config_hosts(config, err);
    if (st != TENON_OK)
        return st;
    seconds = config_option(config, "connect_timeout");
    config->connect_ns = seconds != NULL && strtoul(seconds, NULL, 10) > 0
                             ? strtoul(seconds, NULL, 10) * UINT64_C(1000000000)
                             : PQ_CONNECT_NS;
    return TENON_OK;
}

void
tenon_pq_config_fini(tenon_pq_config *config)
{
    PQconninfoFree(config->options);
    free(config->found);
    free(config->host);
    free(config->hostaddr);
    free(config->port);
}

/* ---- Connecting ---- */

#define PQ_MAX_OPTIONS 64

static PGconn *
connect_start(const tenon_pq_config *config, const tenon_pq_host *host, bool standby)
{
    const char *keys[PQ_MAX_OPTIONS + 8], *values[PQ_MAX_OPTIONS + 8];
    const char *const own[][2] = {
        { "host", host->host },
        { "hostaddr", host->hostaddr },
        { "port", host->port },
        { "client_encoding", "UTF8" },
        { "fallback_application_name", "tenon" },
        { "target_session_attrs", standby             ? "standby"
                                  : config->read_only ? "any"
                                                      : "read-write" },
    };
    const size_t own_count = sizeof own / sizeof own[0];
    size_t n = 0;

    for (const PQconninfoOption *o = config->options; o->keyword != NULL && n < PQ_MAX_OPTIONS;
         o++) {
        bool is_own = o->val == NULL;

        for (size_t i = 0; i < own_count; i++)
            is_own = is_own || strcmp(own[i][0], o->keyword) == 0;
        if (is_own)
            continue;
        keys[n] = o->keyword;
        values[n++] = o->val;
    }
    for (size_t i = 0; i < own_count; i++) {
        keys[n] = own[i][0];
        values[n++] = own[i][1];
    }
    keys[n] = NULL;
    values[n] = NULL;
    return PQconnectStartParams(keys, values, 0);
}

/* The status of a connection that was refused. Only the text says why. */
static tenon_status
connect_status(const char *said)
{
    static const struct {
        const char *words;
        tenon_status status;
    } known[] = {
        { "too many connections", TENON_BUSY }, /* for role "…", for database "…" */
        { "password authentication failed", TENON_DENIED },
        { "no password supplied", TENON_DENIED },
        { "no pg_hba.conf entry", TENON_DENIED },
        { "role \"", TENON_DENIED },
        { "permission denied", TENON_DENIED },
        { "database \"", TENON_NOT_FOUND },
        { "session is read-only", TENON_READ_ONLY },
        { "server is in hot standby mode", TENON_READ_ONLY },
        { "too many clients", TENON_BUSY },
        { "remaining connection slots", TENON_BUSY },
        { "no more connections allowed", TENON_BUSY },
        { "invalid ", TENON_CONFIG },
        { "root certificate file", TENON_CONFIG },
        { "certificate", TENON_DENIED },
        { "SSL", TENON_CONFIG },
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strstr(said, known[i].words) != NULL)
            return known[i].status;
    }
    return TENON_UNAVAILABLE;
}

static tenon_status
connect_failed(const PGconn *pg, bool late, tenon_error *err)
{
    const char *said = pg == NULL ? "no memory" : PQerrorMessage(pg);
    const tenon_status st = late ? TENON_TIMEOUT : connect_status(said);
    const char *reason = strstr(said, "FATAL:");
    int len;

    said = reason == NULL ? said : reason;
    len = (int)strcspn(said, "\n");
    return tenon_sql_fail(err, st, 0, TENON_EFFECT_OPEN, NULL,
                          "connecting to host %s port %s: %.*s",
                          pg == NULL || PQhost(pg) == NULL ? "?" : PQhost(pg),
                          pg == NULL || PQport(pg) == NULL ? "?" : PQport(pg),
                          late        ? 20
                          : len > 200 ? 200
                                      : len,
                          late ? "no answer in time" : said);
}

/* One host. */
static tenon_status
connect_host(tenon_pq_config *config, const tenon_pq_host *host, bool standby, uint64_t until_ns,
             PGconn **out, tenon_error *err)
{
    tenon_pq_link wait = { .pg = connect_start(config, host, standby), .cancelled = true };
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    bool late = false;

    wait.deadline_ns = until_ns > PQ_GRACE_NS ? until_ns - PQ_GRACE_NS : 0;
    while (wait.pg != NULL && PQstatus(wait.pg) != CONNECTION_BAD && next != PGRES_POLLING_OK &&
           next != PGRES_POLLING_FAILED && !late) {
        late = !pq_wait(&wait, next == PGRES_POLLING_WRITING);
        if (!late)
            next = PQconnectPoll(wait.pg);
    }
    *out = wait.pg;
    if (wait.pg != NULL && PQstatus(wait.pg) == CONNECTION_OK && next == PGRES_POLLING_OK)
        return TENON_OK;
    (void)connect_failed(wait.pg, late, err);
    PQfinish(wait.pg);
    *out = NULL;
    return err->status;
}

/* Notices are nobody's business, but for a commit that the server has by itself only. Its words may
 * be in any language, so where they come from counts. */
static void
connect_notice(void *arg, const PGresult *result)
{
    const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    tenon_pq_link *link = arg;

    if (function != NULL && strcmp(function, "SyncRepWaitForLSN") == 0)
        link->unconfirmed = true;
}

/* Whether to ask again may help: a server that starts, that is full, that is about to take over. */
static bool
connect_may_change(tenon_status st)
{
    return st == TENON_UNAVAILABLE || st == TENON_BUSY || st == TENON_TIMEOUT ||
           st == TENON_READ_ONLY;
}

/* Wait, but leave time to ask once more. */
static void
connect_pause(uint64_t pause_ns, uint64_t until_ns)
{
    const uint64_t now_ns = tenon_sql_host->monotonic_ns();
    struct timespec pause = { 0 };

    if (now_ns < until_ns)
        pause.tv_nsec = (long)(pause_ns < until_ns - now_ns ? pause_ns : until_ns - now_ns);
    (void)nanosleep(&pause, NULL);
}

/* One that says nothing must leave time for those that come after it. */
static uint64_t
connect_until(uint64_t now_ns, uint64_t deadline_ns, uint32_t hosts_left)
{
    uint64_t share_ns = PQ_HOST_NS;

    if (hosts_left == 1 || deadline_ns <= now_ns)
        return deadline_ns;
    if ((deadline_ns - now_ns) / hosts_left < share_ns)
        share_ns = (deadline_ns - now_ns) / hosts_left;
    return now_ns + share_ns;
}

/* Ask each host, beginning where the primary was last, and all of them again while that may help.
 */
static tenon_status
connect_any(tenon_pq_config *config, bool standby, uint64_t deadline_ns, PGconn **out,
            tenon_error *err)
{
    const uint32_t first = standby ? 0 : atomic_load(&config->found->host);
    uint64_t pause_ns = PQ_PAUSE_NS;
    tenon_status st = TENON_UNAVAILABLE;
    tenon_error failure = { 0 };
    bool answered = false;

    for (;; pause_ns = pause_ns < PQ_MAX_PAUSE_NS ? 2 * pause_ns : pause_ns) {
        for (uint32_t i = 0; i < config->host_count; i++) {
            const uint32_t number = (first + i) % config->host_count;
            const uint64_t now_ns = tenon_sql_host->monotonic_ns();
            const uint64_t until_ns = connect_until(now_ns, deadline_ns, config->host_count - i);

            st = connect_host(config, &config->hosts[number], standby, until_ns, out, &failure);
            /* that the time was over says less than why it was needed */
            if ((i == 0 || st != TENON_UNAVAILABLE) && (st != TENON_TIMEOUT || !answered))
                *err = failure;
            answered = answered || st != TENON_TIMEOUT;
            if (st == TENON_OK && !standby)
                atomic_store(&config->found->host, number);
            if (st == TENON_OK)
                return st;
        }
        if (standby || !connect_may_change(err->status))
            return err->status;
        if (tenon_sql_host->monotonic_ns() + PQ_PAUSE_NS >= deadline_ns)
            return err->status;
        connect_pause(pause_ns, deadline_ns - PQ_PAUSE_NS);
    }
}

tenon_status
tenon_pq_connect(tenon_pq_config *config, bool standby, uint64_t deadline_ns, tenon_pq_link **out,
                 tenon_error *err)
{
    PGconn *pg = NULL;
    tenon_status st = connect_any(config, standby, deadline_ns, &pg, err);

    *out = NULL;
    if (st != TENON_OK)
        return st;
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        PQfinish(pg);
        return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL, "no memory");
    }
    (void)PQsetNoticeReceiver(pg, connect_notice, *out);
    (*out)->number = standby;
    (*out)->shares = config->pooler;
    if (pq_init(*out, pg)) {
        (*out)->deadline_ns = deadline_ns;
        return TENON_OK;
    }
    tenon_pq_disconnect(*out);
    *out = NULL;
    return tenon_sql_fail(err, TENON_NO_MEMORY, 0, TENON_EFFECT_OPEN, NULL,
                          "a connection could not be set up");
}

void
tenon_pq_disconnect(tenon_pq_link *link)
{
    if (link == NULL)
        return;
    pq_fini(link);
    free(link);
}
