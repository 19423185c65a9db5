/** @file machine.h The machine: what it is, what else it was doing, what a server's processes use.
 */
#ifndef BENCH_ENGINES_MACHINE_H
#define BENCH_ENGINES_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <tenon/db.h>

/** What disturbs a measurement, between two looks. */
typedef struct machine_noise {
    double seconds;
    double steal_percent; /**< CPU time that a hypervisor gave to others. */
    double other_percent; /**< CPU time of other processes. */
    double load;          /**< Average of the last minute, at the end. */
    double cpu_pressure, io_pressure, memory_pressure; /**< Percent of the time in which somebody
                                                          waited; below 0: not known. */
} machine_noise;

/** A look. */
typedef struct machine_look {
    uint64_t at_ns;
    double total, idle, steal, own; /**< Seconds of all processors; of this process. */
    double pressures[3];            /**< Seconds; below 0: not known. */
} machine_look;

void machine_watch(machine_look *out);
void machine_compare(const machine_look *before, machine_noise *out);

/** Kernel, processors, memory, file system and so on. NULL: no memory. */
json_t *machine_environment(const char *folder);

/** Bytes of memory that this process may use: the machine's, or its control group's. */
uint64_t machine_memory_bytes(void);

/** Processes of a server on this machine; pid 0: none are known. */
typedef struct machine_server {
    int pid;
} machine_server;

/** Find those behind a database; none where they are elsewhere, or there are none. */
machine_server machine_find_server(tenon_db *db);

/** CPU time of all of them so far; below 0: not known. */
double machine_server_cpu_seconds(const machine_server *server);

/** Bytes that this process has given to calls that write; below 0: not known. What is written by
 * way of a mapped file is not among them. (The kernel's own count of what goes to disks is of no
 * use: since file systems keep files in large folios, Linux counts all of one, up to megabytes, for
 * each page that is written.) */
double machine_written_bytes(void);

/** Resident memory of this process. */
uint64_t machine_resident_bytes(void);

#endif
