/** @file repeat.h What trace+URL has recorded, done again on another database. */
#ifndef TENON_TOOLS_REPEAT_H
#define TENON_TOOLS_REPEAT_H

#include <stdbool.h>
#include <stdint.h>

/** Whether a file begins as trace+URL writes it. False too where it can't be read. */
bool repeat_is_recorded(const char *path);

/** What is asked for. */
typedef struct repeat_options {
    const char *path, *url, *json_path; /**< `json_path` may be NULL. */
    uint64_t limit;                     /**< Most transactions. */
    bool quiet, verify;
} repeat_options;

/** Do it, say what came of it. @return the exit status */
int repeat_run(const repeat_options *options);

#endif
