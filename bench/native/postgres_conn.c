/* Connections of the side by hand on PostgreSQL: opening, statements, transactions. */
#include "postgres_conn.h"

#include <stdio.h>
#include <stdlib.h>

/* A database, as its connections need to know it. */
typedef struct pg_place {
    char url[4400];
    uint32_t durability;
} pg_place;

/* ---- Statements ---- */

void
pg_put(pg_params *p, const void *data, size_t bytes)
{
    p->values[p->count] = data;
    p->lengths[p->count] = (int)bytes;
    p->formats[p->count++] = 1;
}

void
pg_put_id(pg_params *p, const tenon_uuid *id)
{
    pg_put(p, id->bytes, sizeof id->bytes);
}

void
pg_put_text(pg_params *p, const char *text)
{
    pg_put(p, text, strlen(text));
}

void
pg_put_number(pg_params *p, int64_t value)
{
    char *out = p->numbers[p->count];

    for (int i = 0; i < 8; i++)
        out[i] = (char)(uint8_t)((uint64_t)value >> (56 - 8 * i));
    pg_put(p, out, 8);
}

void
pg_put_time(pg_params *p, int64_t us)
{
    pg_put_number(p, us - PG_EPOCH_US);
}

int64_t
pg_number(const PGresult *r, int row, int column)
{
    const uint8_t *at = (const uint8_t *)PQgetvalue(r, row, column);
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

static bool
pg_done(pg_db *db, const PGresult *r, const char *what)
{
    const ExecStatusType st = PQresultStatus(r);
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

    if (st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK)
        return true;
    db->lost = state != NULL && (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0);
    if (!db->lost)
        (void)fprintf(stderr, "postgres: %s: %s", what, PQerrorMessage(db->raw));
    return false;
}

/* A text of no parameters and no rows. */
static bool
pg_say(pg_db *db, const char *text)
{
    PGresult *r = PQexec(db->raw, text);
    const bool ok = pg_done(db, r, text);

    PQclear(r);
    return ok;
}

PGresult *
pg_query(pg_db *db, int which, const pg_params *p)
{
    char name[8];
    PGresult *r;

    (void)snprintf(name, sizeof name, "s%d", which);
    r = PQexecPrepared(db->raw, name, p->count, p->values, p->lengths, p->formats, 1);
    if (pg_done(db, r, pg_texts[which]))
        return r;
    PQclear(r);
    return NULL;
}

bool
pg_run(pg_db *db, int which, const pg_params *p)
{
    PGresult *r = pg_query(db, which, p);
    const bool ok = r != NULL && strcmp(PQcmdTuples(r), "1") == 0;

    PQclear(r);
    return ok;
}

/* ---- Transactions ---- */

bool
pg_transaction(pg_db *db, const char *begin, pg_body *body, void *arg, const char *what)
{
    bool ok;

    do {
        db->lost = false;
        ok = pg_say(db, begin);
        if (ok && body(db, arg))
            ok = pg_say(db, "COMMIT");
        else if (ok) {
            const bool lost = db->lost;

            (void)pg_say(db, "ROLLBACK");
            db->lost = lost;
            ok = false;
        }
    } while (!ok && db->lost);
    if (!ok)
        (void)fprintf(stderr, "postgres: %s failed\n", what);
    return ok;
}

/* ---- Opening ---- */

void
pg_disconnect(void *arg)
{
    pg_db *db = arg;

    if (db != NULL)
        PQfinish(db->raw);
    free(db);
}

/* What survives is the server's to say: a setting that is not there is refused, as by Tenon. */
static bool
pg_set_durability(pg_db *db, uint32_t durability)
{
    PGresult *r = PQexec(db->raw, "SELECT current_setting('fsync') = 'on' AND "
                                  "current_setting('full_page_writes') = 'on'");
    const bool ok = pg_done(db, r, "settings");
    const bool flushes = ok && strcmp(PQgetvalue(r, 0, 0), "t") == 0;
    const uint32_t best = flushes ? TENON_DURABLE_POWER : TENON_DURABLE_PROCESS;

    PQclear(r);
    if (ok && durability != best && durability != TENON_DURABLE_NONE) {
        (void)fprintf(stderr, "postgres: this server offers durability %s or none\n",
                      flushes ? "power" : "process (fsync is off)");
        return false;
    }
    return ok && pg_say(db, durability == TENON_DURABLE_NONE ? "SET synchronous_commit = off"
                                                             : "SET synchronous_commit = on");
}

bool
pg_connect(void *arg, void **out)
{
    const pg_place *place = arg;
    pg_db *db = calloc(1, sizeof *db);
    bool ok;

    *out = db;
    if (db == NULL)
        return false;
    db->raw = PQconnectdb(place->url);
    ok = PQstatus(db->raw) == CONNECTION_OK && pg_set_durability(db, place->durability);
    for (int i = 0; i < PG_STATEMENTS && ok; i++) {
        char name[8];
        PGresult *r;

        (void)snprintf(name, sizeof name, "s%d", i);
        r = PQprepare(db->raw, name, pg_texts[i], 0, NULL);
        ok = pg_done(db, r, pg_texts[i]);
        PQclear(r);
    }
    if (!ok)
        (void)fprintf(stderr, "postgres: connect: %s\n", PQerrorMessage(db->raw));
    return ok;
}

void
pg_close(void *place)
{
    free(place);
}

bool
pg_open(const side_place *where, void **out)
{
    pg_place *place = calloc(1, sizeof *place);
    pg_db db = { .raw = NULL };
    bool ok;

    *out = place;
    if (place == NULL)
        return false;
    (void)snprintf(place->url, sizeof place->url, "%s", where->where);
    place->durability = where->durability;
    if (!where->is_new)
        return true;
    db.raw = PQconnectdb(place->url);
    ok = PQstatus(db.raw) == CONNECTION_OK;
    if (!ok)
        (void)fprintf(stderr, "postgres: %s", PQerrorMessage(db.raw));
    ok = ok && pg_say(&db, "SET client_min_messages = warning") && pg_say(&db, pg_schema);
    PQfinish(db.raw);
    return ok;
}
