/** @file engine.h An engine that remembers what it was told, fails as the seed wants, and minds the
 * rules of the driver's ABI. */
#ifndef TENON_TESTS_SIMULATION_ENGINE_H
#define TENON_TESTS_SIMULATION_ENGINE_H

#include "tenon/driver.h"
#include "tenon/tenon.h"

#define ENGINE_MARKS 16384

/** How this run's engine is. */
typedef struct engine_nature {
    bool single_writer, bound, groups, interrupts;
    uint32_t fails_of; /**< A slot fails once in so many calls; 0: never. */
    uint32_t slow_of;  /**< A slot takes long once in so many calls. */
} engine_nature;

/** Forget everything. */
void engine_begin(const engine_nature *nature);

/** Check that nothing is left open. */
void engine_end(void);

/** A mark that no transaction has written yet. */
uint32_t engine_new_mark(void);

/** Whether a mark is committed. */
bool engine_has(uint32_t mark);

/** Transactions that were committed so far, as the engine has said; those that share a commit
 * apart.
 */
uint32_t engine_commits(void);

/** Look at the transactions that are open: none may be idle long after its deadline. */
void engine_watch(uint64_t now_ns);

/** The running task is one of the application's: what it begins on an engine that binds writers,
 * only it can end. */
void engine_mark_application(bool is);

/** Whether a call is in progress on a connection. */
bool engine_is_called(const tenon_drv_conn *conn);

/** Connections that are being opened. */
uint32_t engine_opening(void);

/** Open connections. */
uint32_t engine_connections(void);

/** "sim"; "simbound": writers belong to their threads; "simgroup", "simboth": writers may share a
 * commit. */
extern const tenon_driver engine_drivers[4];
extern const tenon_query engine_insert; /**< One parameter: the mark. */
extern const tenon_query engine_select; /**< Three rows. */

#endif
