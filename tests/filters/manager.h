/** @file manager.h What the tests of the transaction manager run, and what is there of it. */
#ifndef MANAGER_H
#define MANAGER_H

#include <pthread.h>

#include "points.h"

enum { MANAGER_PARTS = 4, MANAGER_RETRIES = 10, MANAGER_FEW = 2, MANAGER_WRITTEN = 7 };

/** What the database holds of a run. */
typedef struct manager_state {
    int64_t tally, audit;
    int64_t values[MANAGER_PARTS]; /**< Of the marks; 0: not there. */
} manager_state;

/** A run. */
typedef struct manager_scene {
    int64_t number;
    manager_state before;
    uint32_t timeout_ms;
    bool keyed, savepoints;
    int poison; /**< The caller who asks for an explanation; 0: nobody. */
    int timed_out_count;
} manager_scene;

/** One caller of tenon_run. */
typedef struct manager_caller {
    tenon_db *db;
    const manager_scene *scene;
    int part;
    uint64_t attempts;
    tenon_status told;
    tenon_error err;
    pthread_t thread;
} manager_caller;

extern const tenon_schema manager_schema;

/** A scene's next run; the state before it. A points_subject's `prepare`. */
void manager_prepare(tenon_db *db, void *arg);

/** What is there of it. */
manager_state manager_see(tenon_db *db, const manager_scene *scene);

/** Run one caller. @return NULL */
void *manager_call(void *arg);

/** A points_subject's `run`: one caller; as many as there are parts, at once. */
void manager_run_one(tenon_db *db, void *arg, points_run *run);
void manager_run_group(tenon_db *db, void *arg, points_run *run);

#endif
