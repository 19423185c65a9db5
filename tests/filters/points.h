/**
 * @file points.h A fault at each call of the driver, in turn: something is run on
 * `strict+fault+URL`, where strict.c sees to it that the core goes on as driver.h says, and then on
 * the URL alone it is looked at whether what was told is what is there.
 */
#ifndef POINTS_H
#define POINTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <tenon/tenon.h>

enum { POINTS_MOST = 600, POINTS_CALLERS = 4, POINTS_PATH = 256, POINTS_URL = 2048 };

/** What was told. */
typedef struct points_run {
    tenon_status opened;
    tenon_status told[POINTS_CALLERS]; /**< UNKNOWN_OUTCOME of a process that was killed. */
    uint64_t attempts[POINTS_CALLERS]; /**< As the runner counts them. */
    tenon_error err;
} points_run;

/** The fault. */
typedef struct points_fault {
    const char *kind;
    int at;
    bool struck;
    char slot[64]; /**< Where; "" = nowhere. */
} points_fault;

/** What is run. */
typedef struct points_subject {
    const char *name;
    int callers; /**< How many of `told` are used. */
    void *arg;
    /** On the plain database, before. */
    void (*prepare)(tenon_db *db, void *arg);
    /** On the one with the fault; sets `told`. Perhaps in a process of its own. */
    void (*run)(tenon_db *db, void *arg, points_run *run);
    /** On the plain one, afterwards: is it so? Says what is not where `tell` is set. */
    bool (*agrees)(tenon_db *db, void *arg, const points_run *run, const points_fault *fault,
                   bool tell);
} points_subject;

extern tenon_open_options points_options; /**< With the schema; set by the program. */
extern bool points_long;                  /**< Every kind at every call, those of opening too. */
extern char points_folder[64];

/** The URL, with "@DIR@" replaced; as strict+fault+URL with further parameters where `more` has
 * any. */
void points_url(const char *more, char out[POINTS_URL]);

tenon_status points_try_open(const char *url, tenon_db **out, tenon_error *err);
tenon_db *points_open_plain(void);

/** It has succeeded, or the test fails. */
void points_must(tenon_status st, const tenon_error *err);

/**
 * A fault at each call in turn, from `first` on, until none is left.
 *
 * @param[in]     first  0: the first one after those of opening, once it is known how many they are
 * @param[in]     more   further parameters, "&fault_times=2", or ""; then differences are not shown
 * @param[in,out] faults gets the number of faults added
 * @return how often what was told was not so
 */
int points_each(const points_subject *subject, const char *kind, int first, const char *more,
                int *faults);

/** The same for several. Opening is the same for all of them: its calls are gone through once. */
void points_all(const points_subject *subjects, size_t count, const char *kind);

/** Read the arguments: URL [--long]. @return false: wrong usage, which was told */
bool points_arguments(int argc, char **argv);

/** A folder for all tests of the program. */
int points_setup(void **state);
int points_teardown(void **state);

#endif
