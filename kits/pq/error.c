/* What an error says: of a lost connection, of a statement that the server refused. */
#include <stdio.h>

#include "link.h"

#define PQ_DIVISION_BY_ZERO "22012"

tenon_status
tenon_pq_lost(tenon_pq_link *link, tenon_error *err)
{
    const bool late = tenon_sql_host->monotonic_ns() >= link->deadline_ns;
    const char *said = PQerrorMessage(link->pg);
    const int len = (int)strcspn(said, "\n");

    link->dead = true;
    return tenon_sql_fail(
        err, late ? TENON_TIMEOUT : TENON_UNAVAILABLE, 0, TENON_EFFECT_ROLLED_BACK, NULL, "%s%.*s",
        late ? "no answer by the deadline: " : "the connection was lost: ", len > 200 ? 200 : len,
        said);
}

/* Whether the server has ended the session with its answer. */
static bool
error_is_end(const char *sqlstate)
{
    return strncmp(sqlstate, "57P", 3) == 0 || strncmp(sqlstate, "08", 2) == 0 ||
           strcmp(sqlstate, "25P03") == 0 || strcmp(sqlstate, "25P04") == 0;
}

/* The name by which people know what is concerned. */
static void
error_name_object(const PGresult *result, const tenon_pq_item *item, tenon_status status, char *out,
                  size_t out_bytes)
{
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
    const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
    const tenon_drv_table *known = item->query == NULL ? NULL : item->query->table;

    out[0] = '\0';
    if (table != NULL)
        (void)snprintf(out, out_bytes, "%s%s%s", table, column == NULL ? "" : ".",
                       column == NULL ? "" : column);
    if (constraint == NULL)
        return;
    (void)snprintf(out, out_bytes, "%s", constraint);
    if (status != TENON_EXISTS || known == NULL || table == NULL || strcmp(table, known->name) != 0)
        return;
    for (uint32_t i = 0; i < known->index_count; i++) {
        if (strcmp(known->indexes[i].name, constraint) == 0)
            return;
    }
    (void)snprintf(out, out_bytes, "%s.primary", table);
}

static tenon_status
error_status(const tenon_pq_link *link, const char *sqlstate, const tenon_pq_item *item)
{
    tenon_status status = tenon_sql_state_status(sqlstate);

    if (item->kind == TENON_PQ_REQUIRE && strcmp(sqlstate, PQ_DIVISION_BY_ZERO) == 0)
        return TENON_NOT_FOUND;
    if (status == TENON_SCHEMA && item->query == NULL)
        return TENON_INVALID;
    if (status == TENON_CANCELLED &&
        (!link->cancelled || tenon_sql_host->monotonic_ns() >= link->deadline_ns))
        return TENON_TIMEOUT; /* the server's own limit, or ours */
    return status;
}

tenon_status
pq_error(const tenon_pq_link *link, const PGresult *result, const tenon_pq_item *item,
         tenon_error *err)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const bool named = item->query != NULL && item->query->name[0] != '\0';
    const char *name = named ? item->query->name : "";
    char object[sizeof err->object], params[160] = "";
    tenon_status status;

    if (sqlstate == NULL)
        sqlstate = "08006";
    status = error_status(link, sqlstate, item);
    error_name_object(result, item, status, object, sizeof object);
    if (item->query != NULL && item->params != NULL)
        tenon_sql_show_params(item->query, item->params, params, sizeof params);
    if (status == TENON_NOT_FOUND)
        said = "there is no such row";
    (void)tenon_sql_fail(err, status, 0,
                         error_is_end(sqlstate) ? TENON_EFFECT_ROLLED_BACK
                                                : TENON_EFFECT_MUST_ROLL_BACK,
                         status == TENON_NOT_FOUND ? name : object, "%s%s%s%s%s%s", name,
                         named ? ": " : "", said == NULL ? PQresultErrorMessage(result) : said,
                         params[0] == '\0' ? "" : " (", params, params[0] == '\0' ? "" : ")");
    (void)snprintf(err->sqlstate, sizeof err->sqlstate, "%s", sqlstate);
    return status;
}

const tenon_value *
pq_keep(tenon_pq_link *link, const tenon_value *params, uint32_t count)
{
    size_t bytes = count * sizeof *params;
    unsigned char *data = (unsigned char *)link->shown_params + link->shown;
    tenon_value *kept = (tenon_value *)(void *)data;

    for (uint32_t i = 0; i < count; i++) {
        if (params[i].type >= TENON_TEXT && params[i].type <= TENON_UUID)
            bytes += params[i].len < TENON_SQL_SHOWN_BYTES ? params[i].len : TENON_SQL_SHOWN_BYTES;
    }
    bytes = (bytes + sizeof *kept - 1) / sizeof *kept * sizeof *kept;
    if (params == NULL || link->shown + bytes > sizeof link->shown_params)
        return NULL;
    data += count * sizeof *kept;
    for (uint32_t i = 0; i < count; i++) {
        kept[i] = params[i];
        if (params[i].type < TENON_TEXT || params[i].type > TENON_UUID || params[i].len == 0)
            continue;
        kept[i].as.data = data;
        if (params[i].type != TENON_BLOB) {
            const size_t len = params[i].len < TENON_SQL_SHOWN_BYTES ? params[i].len
                                                                     : TENON_SQL_SHOWN_BYTES;

            memcpy(data, params[i].as.data, len);
            data += len;
        }
    }
    link->shown += bytes;
    return kept;
}
