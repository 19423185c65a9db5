/* A disk without room: files may not grow beyond a limit, which a process may set itself. */
#define _XOPEN_SOURCE 700 /* RLIMIT_FSIZE, SIGXFSZ */
#include "check/conf.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Rows that are committed together. */
#define ROWS_EACH 50
#define ROOM_BYTES (256 << 10)
/* More than fit into any such room. */
#define MOST_COMMITS 4000

static rlim_t
disk_largest_file(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[512];
    rlim_t largest = 0;
    struct stat st;

    CHECK(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (rlim_t)st.st_size > largest)
            largest = (rlim_t)st.st_size;
    }
    (void)closedir(dir);
    return largest;
}

static void
disk_limit(rlim_t bytes)
{
    struct rlimit limit;

    CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Insert a batch. @return its commit's status, or that of the statement that failed */
static tenon_status
disk_batch(conf *c, int64_t first)
{
    tenon_status st = tenon_begin(c->db, NULL, &c->txn, &c->err);

    for (int64_t i = 0; i < ROWS_EACH && st == TENON_OK; i++)
        st = tenon_exec(c->txn, &item_insert,
                        P(I(first + i), I(i), T("as many bytes as a label may have, 40.")), NULL,
                        &c->err);
    if (st == TENON_OK)
        return conf_commit(c);
    conf_rollback(c);
    return st;
}

static uint64_t
disk_rows(conf *c)
{
    uint64_t count = 0;

    BEGIN_READ(c, &c->txn);
    OK(c, tenon_count(c->txn, &item_count, NULL, &count, &c->err));
    ROLLBACK(c);
    return count;
}

/* What was acknowledged, and no part of what was not. */
static void
disk_expect(conf *c, int64_t batches, tenon_status st)
{
    const uint64_t rows = disk_rows(c), sure = (uint64_t)batches * ROWS_EACH;

    if (rows != sure && !(st == TENON_UNKNOWN_OUTCOME && rows == sure + ROWS_EACH))
        conf_failed(CONF_HERE, "every acknowledged batch is there, and no other",
                    "%llu rows, %llu were acknowledged; the last batch was told %s",
                    (unsigned long long)rows, (unsigned long long)sure, tenon_status_name(st));
}

static void
disk_full(conf *c)
{
    tenon_status st = TENON_OK;
    int64_t batches = 0;

    NEEDS(TENON_CAP_PERSISTENT);
    if (!conf_has_files())
        SKIP("its files are a server's");
    (void)signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit is then refused by EFBIG */
    conf_open(c, &item_schema);
    disk_limit(disk_largest_file(c->folder) + ROOM_BYTES);
    while (batches < MOST_COMMITS && (st = disk_batch(c, batches * ROWS_EACH)) == TENON_OK)
        batches++;
    if (st == TENON_OK)
        SKIP("its files do not grow, or not by write");
    if (st != TENON_FULL && st != TENON_IO && st != TENON_UNKNOWN_OUTCOME)
        conf_failed(CONF_HERE, "FULL or IO where no file may grow", "%s: %s", tenon_status_name(st),
                    c->err.message);
    disk_limit(RLIM_INFINITY);
    conf_close(c);
    conf_open(c, &item_schema);
    disk_expect(c, batches, st);
    conf_verify(c);
    OK(c, disk_batch(c, INT64_C(1) * MOST_COMMITS * ROWS_EACH)); /* with room again it goes on */
}

/* The same without closing: once there is room, the next writer works. */
static void
disk_has_room_again(conf *c)
{
    tenon_status st = TENON_OK;
    int64_t batches = 0;

    NEEDS(TENON_CAP_PERSISTENT);
    if (!conf_has_files())
        SKIP("its files are a server's");
    (void)signal(SIGXFSZ, SIG_IGN);
    conf_open(c, &item_schema);
    disk_limit(disk_largest_file(c->folder) + ROOM_BYTES);
    while (batches < MOST_COMMITS && (st = disk_batch(c, batches * ROWS_EACH)) == TENON_OK)
        batches++;
    if (st == TENON_OK)
        SKIP("its files do not grow, or not by write");
    disk_limit(RLIM_INFINITY);
    disk_expect(c, batches, st);
    OK(c, disk_batch(c, INT64_C(1) * MOST_COMMITS * ROWS_EACH));
    conf_verify(c);
}

static const conf_case disk_cases[] = {
    CASE(disk_full, "on a full disk writers are refused, and what was acknowledged is kept whole"),
    CASE(disk_has_room_again, "once a full disk has room again the next writer works"),
};

CONF_GROUP(disk, "a full disk",
           "A write that the system refuses (ENOSPC, EFBIG) is TENON_FULL or TENON_IO, with the "
           "effect that the transaction can only be rolled back.");
