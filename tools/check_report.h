/** @file check_report.h What `tenon check` tells: a line for each case, and all of it as JSON. */
#ifndef TENON_TOOLS_CHECK_REPORT_H
#define TENON_TOOLS_CHECK_REPORT_H

#include <jansson.h>

#include "check/suite.h"

typedef struct check_report {
    json_t *root, *cases;
    const char *driver;
    const suite_options *options;
    bool brief;         /**< Print no line for what has not failed. */
    uint32_t counts[3]; /**< By suite_outcome. */
    double seconds;
    char unwritten[SUITE_TEXT_BYTES]; /**< What was said already of functions that the driver's
                                         author has not written yet; "": nothing. */
} check_report;

/** Begin, and print what is checked. Pointers are borrowed until the end. */
void check_report_begin(check_report *report, const char *driver, const suite_options *options,
                        const suite_driver *about, bool brief);
/** A case has ended. `arg` is the report; a receiver of suite_run. */
void check_report_case(void *arg, const suite_result *result);
/** Print the counts, write the JSON file (NULL: none), and free. @return exit status */
int check_report_end(check_report *report, const char *json, bool stopped);
void check_report_free(check_report *report);

#endif
