/*
 * `memory` has no interface of its own to write anything by hand with: what stands against Tenon is
 * the driver's table, called directly, as bench-manager does it too. So this is the price of the
 * transaction manager alone.
 */
#include <stdlib.h>

#include "../manager/manager.h"
#include "side.h"
#include "tool.h"

/* One of the two is there. */
typedef struct memory_db {
    direct_db *direct;
    tenon_db *managed;
    int64_t next;
} memory_db;

static bool
memory_open_direct(const side_place *place, void **out)
{
    const char *folder = getenv("TENON_DRIVER_PATH");
    memory_db *db = calloc(1, sizeof *db);

    (void)place;
    *out = db;
    if (folder == NULL || folder[0] == '\0')
        folder = tool_driver_path();
    if (db == NULL || folder == NULL) {
        tool_error("memory", "the driver is not found; say TENON_DRIVER_PATH=FOLDER");
        return false;
    }
    db->direct = direct_open(folder);
    return true;
}

static bool
memory_open_managed(const side_place *place, void **out)
{
    memory_db *db = calloc(1, sizeof *db);

    (void)place;
    *out = db;
    if (db == NULL)
        return false;
    db->managed = managed_open(tool_driver_path(), false);
    return true;
}

static void
memory_close(void *arg)
{
    memory_db *db = arg;

    if (db == NULL)
        return;
    if (db->direct != NULL)
        direct_close(db->direct);
    tenon_close(db->managed);
    free(db);
}

static bool
memory_connect(void *db, void **out)
{
    *out = db;
    return true;
}

static void
memory_disconnect(void *conn)
{
    (void)conn;
}

static bool
memory_empty_direct(void *conn, const tenon_uuid *user)
{
    memory_db *db = conn;

    (void)user;
    direct_look(db->direct, db->next++ * 7 % MANAGER_ROWS);
    return true;
}

static bool
memory_empty_managed(void *conn, const tenon_uuid *user)
{
    memory_db *db = conn;

    (void)user;
    managed_look(db->managed, db->next++ * 7 % MANAGER_ROWS);
    return true;
}

const side side_memory = {
    .name = "the driver's own calls",
    .open = memory_open_direct,
    .close = memory_close,
    .connect = memory_connect,
    .disconnect = memory_disconnect,
    .empty = memory_empty_direct,
};

const side side_tenon_memory = {
    .name = "tenon on memory",
    .open = memory_open_managed,
    .close = memory_close,
    .connect = memory_connect,
    .disconnect = memory_disconnect,
    .empty = memory_empty_managed,
};
