#include "machine.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <tenon/txn.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"

enum { MACHINE_TEXT_BYTES = 4096 };

/* A small file of /proc or /sys. @return false: it can't be read */
static bool
machine_read(const char *path, char *out, size_t out_bytes)
{
    FILE *file = fopen(path, "r");
    size_t len;

    if (file == NULL)
        return false;
    len = fread(out, 1, out_bytes - 1, file);
    out[len] = '\0';
    (void)fclose(file);
    return len > 0;
}

/* The number after a word. @return false: the word is not there */
static bool
machine_number(const char *text, const char *word, double *out)
{
    const char *at = strstr(text, word);

    if (at == NULL)
        return false;
    *out = strtod(at + strlen(word), NULL);
    return true;
}

/* ---- Noise ---- */

static const char *const machine_pressures[] = { "/proc/pressure/cpu", "/proc/pressure/io",
                                                 "/proc/pressure/memory" };

static double
machine_pressure(const char *path)
{
    char text[MACHINE_TEXT_BYTES];
    double us;

    if (!machine_read(path, text, sizeof text) || !machine_number(text, "total=", &us))
        return -1;
    return us / 1e6;
}

void
machine_watch(machine_look *out)
{
    char text[MACHINE_TEXT_BYTES];
    const double ticks = (double)sysconf(_SC_CLK_TCK);
    double fields[8] = { 0 };
    char *at = text;

    memset(out, 0, sizeof *out);
    out->at_ns = crew_now_ns();
    out->own = crew_cpu_seconds();
    if (machine_read("/proc/stat", text, sizeof text) && strncmp(text, "cpu ", 4) == 0) {
        at += 4;
        for (int i = 0; i < 8; i++) {
            fields[i] = strtod(at, &at) / ticks;
            out->total += fields[i];
        }
        out->idle = fields[3] + fields[4];
        out->steal = fields[7];
    }
    for (int i = 0; i < 3; i++)
        out->pressures[i] = machine_pressure(machine_pressures[i]);
}

void
machine_compare(const machine_look *before, machine_noise *out)
{
    machine_look now;
    double total, *pressures[3] = { &out->cpu_pressure, &out->io_pressure, &out->memory_pressure };
    double load[1] = { 0 };

    machine_watch(&now);
    memset(out, 0, sizeof *out);
    out->seconds = (double)(now.at_ns - before->at_ns) / 1e9;
    total = now.total - before->total;
    if (total > 0) {
        const double idle = now.idle - before->idle, steal = now.steal - before->steal;
        const double other = total - idle - steal - (now.own - before->own);

        out->steal_percent = 100 * steal / total;
        out->other_percent = other > 0 ? 100 * other / total : 0;
    }
    for (int i = 0; i < 3; i++)
        *pressures[i] = now.pressures[i] < 0 || out->seconds <= 0
                            ? -1
                            : 100 * (now.pressures[i] - before->pressures[i]) / out->seconds;
    {
        char text[MACHINE_TEXT_BYTES];

        if (machine_read("/proc/loadavg", text, sizeof text))
            load[0] = strtod(text, NULL);
    }
    out->load = load[0];
}

/* ---- What it is ---- */

static void
machine_processor(char *out, size_t out_bytes)
{
    char text[MACHINE_TEXT_BYTES];
    const char *at;

    (void)snprintf(out, out_bytes, "unknown");
    if (!machine_read("/proc/cpuinfo", text, sizeof text))
        return;
    at = strstr(text, "model name");
    at = at == NULL ? NULL : strchr(at, ':');
    if (at != NULL)
        (void)snprintf(out, out_bytes, "%.*s", (int)strcspn(at + 2, "\n"), at + 2);
}

/* The least limit of a group and of all that it is in. A container shows them without their names,
 * so the root is looked at whatever the name is. */
static uint64_t
machine_group_bytes(const char *root, const char *name, const char *file, uint64_t bytes)
{
    char group[512], path[1024], text[64];
    char *slash = group;

    (void)snprintf(group, sizeof group, "%.*s", (int)strcspn(name, "\n"), name);
    while (slash != NULL) {
        (void)snprintf(path, sizeof path, "%s%s/%s", root, group, file);
        if (machine_read(path, text, sizeof text) && text[0] >= '1' && text[0] <= '9') {
            const uint64_t limit = strtoull(text, NULL, 10);

            bytes = limit < bytes ? limit : bytes;
        }
        slash = strrchr(group, '/');
        if (slash != NULL)
            *slash = '\0';
    }
    return bytes;
}

uint64_t
machine_memory_bytes(void)
{
    uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    char groups[MACHINE_TEXT_BYTES] = "";
    const char *old, *now;

    if (!machine_read("/proc/self/cgroup", groups, sizeof groups))
        groups[0] = '\0';
    now = strstr(groups, "0::/");
    old = strstr(groups, ":memory:/");
    bytes = machine_group_bytes("/sys/fs/cgroup", now == NULL ? "" : now + strlen("0::"),
                                "memory.max", bytes);
    return machine_group_bytes("/sys/fs/cgroup/memory", old == NULL ? "" : old + strlen(":memory:"),
                               "memory.limit_in_bytes", bytes);
}

/* Type and device of the mount that a folder is on: the longest that it begins with. */
static void
machine_mount(const char *folder, char *out, size_t out_bytes)
{
    FILE *mounts = fopen("/proc/self/mounts", "r");
    char line[MACHINE_TEXT_BYTES], device[512], where[512], type[64];
    size_t longest = 0;

    (void)snprintf(out, out_bytes, "unknown");
    while (mounts != NULL && fgets(line, sizeof line, mounts) != NULL) {
        size_t len;

        if (sscanf(line, "%511s %511s %63s", device, where, type) != 3)
            continue;
        len = strlen(where);
        if (strncmp(folder, where, len) == 0 && len >= longest) {
            longest = len;
            (void)snprintf(out, out_bytes, "%s on %s", type, device);
        }
    }
    if (mounts != NULL)
        (void)fclose(mounts);
}

json_t *
machine_environment(const char *folder)
{
    struct utsname system;
    char processor[128], mount[640], host[128] = "";

    (void)uname(&system);
    (void)gethostname(host, sizeof host - 1);
    machine_processor(processor, sizeof processor);
    machine_mount(folder, mount, sizeof mount);
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "host", host, "system", system.sysname,
                     "kernel", system.release, "processor", processor, "processors",
                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "memory_bytes",
                     (json_int_t)machine_memory_bytes(), "file_system", mount);
}

/* ---- Processes ---- */

/* State, parent and CPU time of a process, that of its ended children included. */
static bool
machine_process(int pid, int *parent, double *seconds)
{
    char path[64], text[MACHINE_TEXT_BYTES];
    unsigned long long user, kernel, child_user, child_kernel;
    const char *at;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (!machine_read(path, text, sizeof text))
        return false;
    at = strrchr(text, ')'); /* its name may hold anything */
    if (at == NULL ||
        sscanf(at + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu", parent,
               &user, &kernel, &child_user, &child_kernel) != 5)
        return false;
    *seconds = (double)(user + kernel + child_user + child_kernel) / (double)sysconf(_SC_CLK_TCK);
    return true;
}

/* Of its first process and of that one's children that live: those that have ended are counted with
 * it. */
double
machine_server_cpu_seconds(const machine_server *server)
{
    const struct dirent *entry;
    double sum, seconds;
    int parent;
    DIR *dir;

    if (server->pid == 0 || !machine_process(server->pid, &parent, &sum))
        return -1;
    dir = opendir("/proc");
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        const int child = (int)strtol(entry->d_name, NULL, 10);

        if (child > 0 && machine_process(child, &parent, &seconds) && parent == server->pid)
            sum += seconds;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return sum;
}

double
machine_written_bytes(void)
{
    char text[MACHINE_TEXT_BYTES];
    double bytes;

    if (!machine_read("/proc/self/io", text, sizeof text) ||
        !machine_number(text, "\nwchar: ", &bytes))
        return -1;
    return bytes;
}

uint64_t
machine_resident_bytes(void)
{
    char text[MACHINE_TEXT_BYTES];
    char *at = text;

    if (!machine_read("/proc/self/statm", text, sizeof text))
        return 0;
    (void)strtoull(text, &at, 10);
    return strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- Servers ---- */

static tenon_status
machine_backend_body(tenon_txn *txn, void *arg, tenon_error *err)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    tenon_status st = tenon_sql(txn, "SELECT pg_backend_pid()", NULL, 0, &cursor, err);

    if (st == TENON_OK)
        st = tenon_next(cursor, &row, err);
    if (st == TENON_OK)
        *(int *)arg = (int)row[0].as.i;
    tenon_cursor_close(cursor);
    return st;
}

/* A server elsewhere has a process of that number too, which here is somebody else's: both have to
 * be called as PostgreSQL's are. */
static bool
machine_is_postgres(int pid)
{
    char path[64], text[64];

    (void)snprintf(path, sizeof path, "/proc/%d/comm", pid);
    return machine_read(path, text, sizeof text) && strncmp(text, "postgres", 8) == 0;
}

machine_server
machine_find_server(tenon_db *db)
{
    const tenon_txn_options options = { .size = sizeof options, .read_only = true };
    machine_server server = { 0 };
    tenon_error err;
    double seconds;
    int backend = 0, parent = 0;

    if (strstr(tenon_db_driver(db), "postgres") == NULL ||
        (tenon_db_capabilities(db) & TENON_CAP_SQL) == 0 ||
        tenon_run(db, &options, machine_backend_body, &backend, &err) != TENON_OK)
        return server;
    if (machine_is_postgres(backend) && machine_process(backend, &parent, &seconds) &&
        machine_is_postgres(parent))
        server.pid = parent;
    return server;
}
