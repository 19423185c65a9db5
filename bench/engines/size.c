#include "size.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "machine.h"
#include "scenario.h"
#include "tool.h"

/* Allocated bytes for each byte of keys and values, of each record besides, and of logs: rather
 * more than SQLite and LMDB have been seen to take. */
#define SIZE_SPACE 2.5
#define SIZE_RECORD_BYTES 100
#define SIZE_LOG_BYTES 64e6

#define SIZE_GB 1e9

static const struct {
    const char *name;
    double part;
} size_names[] = { { "cache", 0.1 }, { "memory", 1 }, { "beyond", 2 } };

const char size_known[] = "cache, memory, beyond, or a part of the memory such as 0.5";

bool
size_parse(const char *text, double *out)
{
    char *end;

    for (size_t i = 0; i < sizeof size_names / sizeof size_names[0]; i++) {
        if (strcmp(text, size_names[i].name) == 0) {
            *out = size_names[i].part;
            return true;
        }
    }
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out > 0 && *out <= 100;
}

uint64_t
size_memory_bytes(const plan *p)
{
    return p->memory_bytes > 0 ? p->memory_bytes : machine_memory_bytes();
}

static double
size_record_bytes(const workload *w)
{
    return w->scenario->record_bytes == NULL ? 0 : w->scenario->record_bytes(w);
}

uint64_t
size_records(const plan *p, const workload *w)
{
    const double each = size_record_bytes(w);
    double records;

    if (p->data_size <= 0)
        return p->records;
    if (each <= 0) {
        tool_error("bench", "--data-size: %s makes data of its own, of one size", w->name);
        return 0;
    }
    records = p->data_size * (double)size_memory_bytes(p) / each;
    if (records <= UINT32_MAX)
        return (uint64_t)fmax(records, SIZE_LEAST_RECORDS);
    tool_error("bench", "--data-size: that would be %.3g records of %s, more than %lu", records,
               w->name, (unsigned long)UINT32_MAX);
    return 0;
}

bool
size_has_room(const plan *p, const char *folder)
{
    struct statvfs about;
    double most = 0, wanted;
    uint32_t sides = p->has_control && place_has_files(&p->drivers[0]);

    for (uint32_t i = 0; i < p->driver_count; i++)
        sides += place_has_files(&p->drivers[i]);
    for (uint32_t i = 0; i < p->workload_count; i++) {
        const workload *w = &p->workloads[i];
        const double bytes = size_record_bytes(w);

        if (bytes > 0)
            most = fmax(most, (double)w->records * (bytes * SIZE_SPACE + SIZE_RECORD_BYTES));
    }
    wanted = (most + SIZE_LOG_BYTES) * sides;
    if (statvfs(folder, &about) != 0) {
        tool_error(folder, "can't be looked at: %s", strerror(errno));
        return false;
    }
    if (wanted <= (double)about.f_bavail * (double)about.f_frsize)
        return true;
    tool_error(folder,
               "has room for %.3g GB, and %u databases may take %.3g GB: less --records, a "
               "smaller --data-size, or another --dir",
               (double)about.f_bavail * (double)about.f_frsize / SIZE_GB, (unsigned)sides,
               wanted / SIZE_GB);
    return false;
}
