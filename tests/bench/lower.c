/*
 * To be preloaded: engines that lower their durability, and say that they have not. SQLite is set
 * to synchronous=OFF whatever is asked for, LMDB is opened with MDB_NOSYNC.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <lmdb.h>
#include <sqlite3.h>
#include <string.h>

#define LOWER_OWN __attribute__((visibility("default")))

static void *
lower_real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

LOWER_OWN int
sqlite3_prepare_v3(sqlite3 *db, const char *sql, int bytes, unsigned int flags, sqlite3_stmt **out,
                   const char **rest)
{
    int (*real)(sqlite3 *, const char *, int, unsigned int, sqlite3_stmt **, const char **);
    void *found = lower_real("sqlite3_prepare_v3");

    memcpy(&real, &found, sizeof real);
    if (strstr(sql, "PRAGMA synchronous") != NULL) {
        sql = strchr(sql, '=') != NULL ? "PRAGMA synchronous=0" : "SELECT 2";
        bytes = -1;
    }
    return real(db, sql, bytes, flags, out, rest);
}

LOWER_OWN int
mdb_env_open(MDB_env *env, const char *path, unsigned int flags, mdb_mode_t mode)
{
    int (*real)(MDB_env *, const char *, unsigned int, mdb_mode_t);
    void *found = lower_real("mdb_env_open");

    memcpy(&real, &found, sizeof real);
    return real(env, path, flags | MDB_NOSYNC, mode);
}

LOWER_OWN int
mdb_env_get_flags(MDB_env *env, unsigned int *flags)
{
    int (*real)(MDB_env *, unsigned int *);
    void *found = lower_real("mdb_env_get_flags");
    int rc;

    memcpy(&real, &found, sizeof real);
    rc = real(env, flags);
    *flags &= ~(unsigned int)MDB_NOSYNC;
    return rc;
}
