/* What a session is set to, and what a server says of itself. */
#include <stdio.h>
#include <stdlib.h>

#include "link.h"

/* Settings of the session, so that a server notices a client that is gone. Not all servers know all
 * of them. */
tenon_status
tenon_pq_set_up(const tenon_pq_config *config, tenon_pq_link *link, tenon_error *err)
{
    static const char *const texts[] = { "SET tcp_keepalives_idle = 15",
                                         "SET tcp_keepalives_interval = 5",
                                         "SET tcp_keepalives_count = 3",
                                         "SET client_connection_check_interval = '5s'" };
    static const tenon_pq_item plain = { .kind = TENON_PQ_PLAIN };
    static const tenon_pq_item on = { .kind = TENON_PQ_CHECK, .tag = "on" };
    static const tenon_pq_item off = { .kind = TENON_PQ_CHECK, .tag = "off" };
    const bool none = config->durability == TENON_DURABLE_NONE;
    tenon_error ignored;
    tenon_status st;

    if (config->pooler)
        return TENON_OK;
    st = tenon_pq_send(link, plain,
                       none ? "SET synchronous_commit = off" : "SET synchronous_commit = on", NULL,
                       err);
    if (st == TENON_OK)
        st = tenon_pq_send(link, none ? off : on, "SHOW synchronous_commit", NULL, err);
    if (st == TENON_OK)
        st = tenon_pq_run(link, NULL, err);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && st == TENON_OK; i++) {
        st = tenon_pq_send(link, plain, texts[i], NULL, err);
        if (st == TENON_OK)
            st = tenon_pq_flush(link, err);
    }
    if (st == TENON_OK)
        (void)tenon_pq_drain(link, &ignored);
    return link->dead ? tenon_pq_lost(link, err) : st;
}

/* A setting as text; "" where the server does not know it. */
const char *
tenon_pq_setting(tenon_pq_link *link, const char *name)
{
    tenon_error ignored;
    char sql[96];

    (void)snprintf(sql, sizeof sql, "SELECT current_setting('%s', true)", name);
    (void)tenon_pq_ask(link, sql, &ignored);
    return link->answer;
}

tenon_status
tenon_pq_disk_bytes(tenon_pq_config *config, uint64_t *out, tenon_error *err)
{
    tenon_pq_link *link = NULL;
    tenon_status st = tenon_pq_connect(
        config, false, tenon_sql_host->monotonic_ns() + config->connect_ns, &link, err);

    if (st == TENON_OK)
        st = tenon_pq_ask(link, "SELECT pg_database_size(current_database())::text", err);
    if (st == TENON_OK)
        *out = strtoull(link->answer, NULL, 10);
    tenon_pq_disconnect(link);
    return st;
}
