/** @file inside.h What the parts of the suite know of each other. */
#ifndef TENON_CHECK_INSIDE_H
#define TENON_CHECK_INSIDE_H

#include "check/suite.h"

/** The run, as a case's process sees it. */
typedef struct run_state {
    char url[CONF_URL_BYTES]; /**< With @DIR@ still in it. */
    const char *fresh;
    uint64_t capabilities;
    uint64_t seed;
    uint32_t effort;
    int report; /**< Where a check that does not hold writes a run_report. */
} run_state;

extern run_state run;

/** What a process has to say at its end. One that says nothing has not passed, whatever its exit
 * status: a driver may have ended it. */
typedef struct run_report {
    suite_outcome outcome;
    char place[160];
    char expected[SUITE_TEXT_BYTES];
    char seen[SUITE_TEXT_BYTES];
} run_report;

/** Remove a folder with all that is in it. */
void place_remove(const char *folder);
/** The URL with `folder` for every @DIR@. */
void place_expand(const char *url, const char *folder, char out[CONF_URL_BYTES]);
/** An empty place in the folder, for a case. @return false: it can't be made */
bool place_make(conf *c, const char *folder);
/** Close what is open. */
void place_leave(conf *c);

/** Give a report and end this process. */
_Noreturn void run_end(const run_report *report);

#endif
