/** @file ask.h A question to whatever server a transaction runs on. */
#ifndef TENON_TESTS_POSTGRES_ASK_H
#define TENON_TESTS_POSTGRES_ASK_H

#include "ledger.h"

/** Where and how long to ask. */
typedef struct ask_how {
    uint32_t isolation; /**< A TENON_ level. */
    bool read_only;
    uint32_t timeout_ms;
} ask_how;

/** The ways that tests use most. */
extern const ask_how ask_reading, ask_writing;

/** Run a text in a transaction of its own. @param[out] out its one value, which is a text @retval
 * as tenon_run */
tenon_status ask_try(tenon_db *db, const ask_how *how, const char *sql, char *out, size_t out_bytes,
                     tenon_error *err);

/** The same; fails the test where that fails. @return `out` */
const char *ask(tenon_db *db, const ask_how *how, const char *sql, char *out, size_t out_bytes);

/** Whether a file has the words in it. A file that can't be read fails the test. */
bool ask_file_has(const char *path, const char *words);

/** Fail the test unless opening fails so, with all of the words (NULL at the end) in the message.
 */
void ask_refused(const char *url, tenon_status status, const char *const *words);

#endif
