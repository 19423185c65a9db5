/*
 * loops.c: the loops of LevelDB's db_bench (readrandom, overwrite, fillseq), on SQLite's and LMDB's
 * own APIs: nothing is checked, no latency is taken. Their figures are compared with those of
 * `tenon bench`, see loops.sh. One thread, one operation in each transaction, keys of 16 bytes and
 * values of 100.
 */
#include <inttypes.h>
#include <lmdb.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEY_BYTES = 16, VALUE_BYTES = 100, FILL_BATCH = 1000, CLOCK_EVERY = 64 };

/* What a row holds beside its key: as many columns as `tenon bench` writes. */
typedef struct row {
    int64_t version, nonce;
    uint8_t value[VALUE_BYTES];
} row;

typedef struct engine {
    const char *name;
    bool (*open)(const char *folder, bool durable);
    bool (*begin)(void);
    bool (*commit)(void);
    bool (*put)(const uint8_t *key, const row *r);
    bool (*update)(const uint8_t *key, const row *r); /* in a transaction of its own */
    bool (*insert)(const uint8_t *key, const row *r); /* as well */
    bool (*read)(const uint8_t *key, row *r);         /* as well */
} engine;

/* ---- SQLite ---- */

static sqlite3 *sql;
enum { SQL_BEGIN, SQL_COMMIT, SQL_INSERT, SQL_UPDATE, SQL_READ, SQL_COUNT };
static sqlite3_stmt *statements[SQL_COUNT];

static bool
sql_open(const char *folder, bool durable)
{
    static const char *const texts[SQL_COUNT] = {
        [SQL_BEGIN] = "BEGIN IMMEDIATE",
        [SQL_COMMIT] = "COMMIT",
        [SQL_INSERT] = "INSERT INTO rows VALUES (?, ?, ?, ?)",
        [SQL_UPDATE] =
            "UPDATE rows SET version = version + ?2, nonce = ?3, value = ?4 WHERE key = ?1",
        [SQL_READ] = "SELECT key, version, nonce, value FROM rows WHERE key = ?",
    };
    char path[4096];
    bool ok;

    (void)snprintf(path, sizeof path, "%s/loops.db", folder);
    ok = sqlite3_open_v2(path, &sql,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                         NULL) == SQLITE_OK &&
         sqlite3_exec(sql,
                      durable ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"
                              : "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF",
                      NULL, NULL, NULL) == SQLITE_OK &&
         sqlite3_exec(sql,
                      "CREATE TABLE rows (key BLOB NOT NULL PRIMARY KEY, version INTEGER NOT NULL, "
                      "nonce INTEGER NOT NULL, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
                      NULL, NULL, NULL) == SQLITE_OK;
    for (int i = 0; i < SQL_COUNT && ok; i++)
        ok = sqlite3_prepare_v3(sql, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i],
                                NULL) == SQLITE_OK;
    return ok;
}

static bool
sql_run(sqlite3_stmt *s)
{
    const bool ok = sqlite3_step(s) == SQLITE_DONE;

    return sqlite3_reset(s) == SQLITE_OK && ok;
}

static bool
sql_begin(void)
{
    return sql_run(statements[SQL_BEGIN]);
}

static bool
sql_commit(void)
{
    return sql_run(statements[SQL_COMMIT]);
}

static bool
sql_write(int which, const uint8_t *key, const row *r)
{
    sqlite3_stmt *s = statements[which];

    (void)sqlite3_bind_blob(s, 1, key, KEY_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 2, r->version);
    (void)sqlite3_bind_int64(s, 3, r->nonce);
    (void)sqlite3_bind_blob(s, 4, r->value, VALUE_BYTES, SQLITE_STATIC);
    return sql_run(s);
}

static bool
sql_insert(const uint8_t *key, const row *r)
{
    return sql_write(SQL_INSERT, key, r);
}

static bool
sql_update(const uint8_t *key, const row *r)
{
    return sql_write(SQL_UPDATE, key, r);
}

static bool
sql_read(const uint8_t *key, row *r)
{
    sqlite3_stmt *s = statements[SQL_READ];
    bool ok;

    (void)sqlite3_bind_blob(s, 1, key, KEY_BYTES, SQLITE_STATIC);
    ok = sqlite3_step(s) == SQLITE_ROW && sqlite3_column_bytes(s, 3) == VALUE_BYTES;
    if (ok) {
        r->version = sqlite3_column_int64(s, 1);
        r->nonce = sqlite3_column_int64(s, 2);
        memcpy(r->value, sqlite3_column_blob(s, 3), VALUE_BYTES);
    }
    return sqlite3_reset(s) == SQLITE_OK && ok;
}

/* ---- LMDB ---- */

static MDB_env *env;
static MDB_dbi dbi;
static MDB_txn *writer, *reader;

static bool
lmdb_begin(void)
{
    return mdb_txn_begin(env, NULL, 0, &writer) == 0;
}

static bool
lmdb_commit(void)
{
    return mdb_txn_commit(writer) == 0;
}

static bool
lmdb_open(const char *folder, bool durable)
{
    bool ok = mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, (size_t)16 << 30) == 0 &&
              mdb_env_open(env, folder, MDB_NOTLS | (durable ? 0 : MDB_NOSYNC), 0600) == 0 &&
              lmdb_begin() && mdb_dbi_open(writer, NULL, 0, &dbi) == 0 && lmdb_commit() &&
              mdb_txn_begin(env, NULL, MDB_RDONLY, &reader) == 0;

    if (ok)
        mdb_txn_reset(reader);
    return ok;
}

static bool
lmdb_put_flagged(const uint8_t *key, const row *r, unsigned int flags)
{
    MDB_val k = { KEY_BYTES, (void *)(uintptr_t)key }, v = { sizeof *r, (void *)(uintptr_t)r };

    return mdb_put(writer, dbi, &k, &v, flags) == 0;
}

static bool
lmdb_put(const uint8_t *key, const row *r)
{
    return lmdb_put_flagged(key, r, MDB_NOOVERWRITE);
}

static bool
lmdb_insert(const uint8_t *key, const row *r)
{
    return lmdb_begin() && lmdb_put(key, r) && lmdb_commit();
}

static bool
lmdb_update(const uint8_t *key, const row *r)
{
    MDB_val k = { KEY_BYTES, (void *)(uintptr_t)key }, v;
    row changed = *r;

    if (!lmdb_begin() || mdb_get(writer, dbi, &k, &v) != 0 || v.mv_size != sizeof changed)
        return false;
    memcpy(&changed.version, v.mv_data, sizeof changed.version);
    changed.version += r->version;
    return lmdb_put_flagged(key, &changed, 0) && lmdb_commit();
}

static bool
lmdb_read(const uint8_t *key, row *r)
{
    MDB_val k = { KEY_BYTES, (void *)(uintptr_t)key }, v;
    bool ok = mdb_txn_renew(reader) == 0 && mdb_get(reader, dbi, &k, &v) == 0 &&
              v.mv_size == sizeof *r;

    if (ok)
        memcpy(r, v.mv_data, sizeof *r);
    mdb_txn_reset(reader);
    return ok;
}

/* ---- Loops ---- */

static const engine engines[] = {
    { "sqlite", sql_open, sql_begin, sql_commit, sql_insert, sql_update, sql_insert, sql_read },
    { "lmdb", lmdb_open, lmdb_begin, lmdb_commit, lmdb_put, lmdb_update, lmdb_insert, lmdb_read },
};

static uint64_t state = 88172645463325252u;

static uint64_t
draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* In the order of the numbers. */
static void
make_key(uint64_t number, uint8_t key[KEY_BYTES])
{
    for (int i = 0; i < 8; i++) {
        key[i] = (uint8_t)(number >> (56 - 8 * i));
        key[8 + i] = (uint8_t)(number >> (8 * i));
    }
}

static void
make_row(row *r)
{
    r->version = 1;
    r->nonce = (int64_t)(draw() >> 1);
    for (int i = 0; i < VALUE_BYTES; i += 4) {
        const uint32_t word = (uint32_t)draw();

        memcpy(r->value + i, &word, sizeof word);
    }
}

static double
now_seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool
fill(const engine *e, uint64_t records)
{
    uint8_t key[KEY_BYTES];
    bool ok = true;
    row r;

    for (uint64_t i = 0; i < records && ok; i++) {
        make_key(i, key);
        make_row(&r);
        ok = (i % FILL_BATCH != 0 || e->begin()) && e->put(key, &r) &&
             ((i + 1) % FILL_BATCH != 0 && i + 1 < records ? true : e->commit());
    }
    return ok;
}

static bool
once(const engine *e, char operation, uint64_t *records)
{
    uint8_t key[KEY_BYTES];
    row r;

    make_key(operation == 'i' ? (*records)++ : draw() % *records, key);
    if (operation == 'r')
        return e->read(key, &r);
    make_row(&r);
    return operation == 'i' ? e->insert(key, &r) : e->update(key, &r);
}

int
main(int argc, char **argv)
{
    const engine *e = NULL;
    uint64_t records, count = 0;
    double from, until, now;
    bool ok;

    for (size_t i = 0; i < sizeof engines / sizeof engines[0] && argc == 7; i++)
        if (strcmp(engines[i].name, argv[1]) == 0)
            e = &engines[i];
    if (e == NULL || strchr("riu", argv[2][0]) == NULL) {
        (void)fprintf(stderr,
                      "usage: %s sqlite|lmdb read|insert|update FOLDER power|process "
                      "RECORDS SECONDS\n",
                      argv[0]);
        return 2;
    }
    records = strtoull(argv[5], NULL, 10);
    ok = records > 0 && e->open(argv[3], strcmp(argv[4], "power") == 0) && fill(e, records);
    from = now = now_seconds();
    until = from + strtod(argv[6], NULL);
    while (ok && now < until) {
        for (int i = 0; i < CLOCK_EVERY && ok; i++)
            ok = once(e, argv[2][0], &records);
        count += CLOCK_EVERY;
        now = now_seconds();
    }
    if (!ok) {
        (void)fprintf(stderr, "%s: an operation has failed\n", e->name);
        return 1;
    }
    (void)printf("%.0f\n", (double)count / (now - from));
    return 0;
}
