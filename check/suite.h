/** @file suite.h The conformance suite as the tool runs it: each case in a process of its own. */
#ifndef TENON_CHECK_SUITE_H
#define TENON_CHECK_SUITE_H

#include "check/conf.h"

#define SUITE_TEXT_BYTES 1024
#define SUITE_ID_BYTES 96

/** What is to be run. Pointers are borrowed for the run. */
typedef struct suite_options {
    const char *url;         /**< With @DIR@ for the folder of a case, where it has files. */
    const char *driver_path; /**< As tenon_open_options.driver_path. */
    const char *fresh;       /**< Shell command that empties the database of a server, or NULL. */
    const char *only;        /**< An id, a group, or either with * at its end; NULL: all. */
    uint32_t effort;         /**< CONF_QUICK … CONF_FULL. */
    uint32_t limit_s;        /**< What takes longer hangs, and is killed. */
    bool stop_at_failure;    /**< Run no case after one that has failed. */
    uint64_t seed;
} suite_options;

typedef enum suite_outcome { SUITE_PASSED, SUITE_FAILED, SUITE_SKIPPED } suite_outcome;

/** What became of a case. */
typedef struct suite_result {
    char id[SUITE_ID_BYTES];
    const char *title;
    const char *hint;
    suite_outcome outcome;
    double seconds;
    char place[160];                 /**< FILE:LINE of the check that did not hold. */
    char expected[SUITE_TEXT_BYTES]; /**< A failure; of a skipped one the reason. */
    char seen[SUITE_TEXT_BYTES];
    const char *trace; /**< A file with the calls that led there, as drivers/trace records them;
                          NULL: they could not be recorded. Gone after the call of the receiver. */
} suite_result;

/** What a driver said of itself. */
typedef struct suite_driver {
    char name[64], version[64];
    uint64_t capabilities;
    uint32_t durability; /**< What a URL without one gives, a TENON_DURABLE_ value. */
} suite_driver;

/**
 * Open a database and ask it what it can do, in a process of its own. Waits for it.
 *
 * @param[out] why text of what failed, with the name of its status
 * @return whether it could be opened
 */
bool suite_probe(const suite_options *options, suite_driver *driver, char why[SUITE_TEXT_BYTES]);

/**
 * Run the cases, one after the other. Blocks for as long as that takes.
 *
 * @param[in] stop     asked now and then: the case that runs is killed and not told of; may be NULL
 * @param[in] receiver called after each case; what it is given is borrowed for the call
 * @return cases that `only` has chosen
 */
uint32_t suite_run(const suite_options *options, const suite_driver *driver, bool (*stop)(void),
                   void (*receiver)(void *arg, const suite_result *result), void *arg);

/** All groups, in the order in which they are run; ends with NULL. */
extern const conf_group *const suite_groups[];

/** The id of a case. */
void suite_id(const conf_group *group, const conf_case *one, char out[SUITE_ID_BYTES]);

/** What a child of conf_spawn is called for. @return its exit status */
int suite_role(const char *role, const char *url);

#endif
