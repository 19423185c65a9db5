/** @file manager.h The two sides of the comparison. */
#ifndef TENON_BENCH_MANAGER_H
#define TENON_BENCH_MANAGER_H

#include "tenon/driver.h"
#include "tenon/tenon.h"

#define MANAGER_ROWS 1000

/** Calls of malloc, calloc and realloc by this process so far. */
uint64_t allocations(void);

/** The driver `memory` of a folder, opened without the library. Ends the program where that fails.
 */
void direct_open(const char *folder);
void direct_close(void);

/** A transaction by the driver's own calls: begin, one statement, commit. */
void direct_read(int64_t id);
void direct_write(int64_t id);

#endif
