/** @file manager.h The two sides of the comparison: a table of numbers in memory. */
#ifndef TENON_BENCH_MANAGER_H
#define TENON_BENCH_MANAGER_H

#include "tenon/driver.h"
#include "tenon/tenon.h"

/** Rows; their keys are 0 … MANAGER_ROWS - 1. */
#define MANAGER_ROWS 1000

/** Calls of malloc, calloc and realloc by this process so far. */
uint64_t allocations(void);

/** Whether the calling thread's further ones are not counted. */
void allocations_pause(bool paused);

/* ---- The driver's own calls. Any of them ends the program where it fails. ---- */

/** A database of the driver `memory`, opened without the library. */
typedef struct direct_db direct_db;

/** Open it with the plugin of a folder. */
direct_db *direct_open(const char *folder);
void direct_close(direct_db *db);

/** A transaction: begin, one statement, commit. One thread at a time. */
void direct_read(direct_db *db, int64_t id);  /**< Read only. */
void direct_look(direct_db *db, int64_t id);  /**< The same, but it might write. */
void direct_write(direct_db *db, int64_t id); /**< Update one row. */

/* ---- The same through the transaction manager ---- */

/** Open a database on `memory:`. @param[in] driver_path as in tenon_open_options */
tenon_db *managed_open(const char *driver_path, bool audit);

/** With tenon_run. */
void managed_read(tenon_db *db, int64_t id);
void managed_look(tenon_db *db, int64_t id);
void managed_write(tenon_db *db, int64_t id);
/** The same with an actor and details, for an audited database. */
void managed_audited_write(tenon_db *db, int64_t id);
/** With tenon_begin and tenon_commit. */
void managed_read_by_hand(tenon_db *db, int64_t id);
void managed_write_by_hand(tenon_db *db, int64_t id);

#endif
