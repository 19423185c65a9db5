/** @file result_read.h A result from a file, which anybody may have written. */
#ifndef BENCH_ENGINES_RESULT_READ_H
#define BENCH_ENGINES_RESULT_READ_H

#include <jansson.h>

/** Read it. Owned by the caller. @return NULL: said on stderr */
json_t *result_read(const char *path);

/** Text of a member; "" where there is none. Borrowed from `object`, which may be NULL. */
const char *result_text(const json_t *object, const char *key);

/** The entry of a list whose `key` is that text. @return NULL: there is none */
const json_t *result_find(const json_t *list, const char *key, const char *text);

/** The run of a workload with as many threads, and in the same phase, as that one of another
 * result.
 * @return NULL: there is none */
const json_t *result_find_run(const json_t *load, const json_t *like);

/** The figures of a driver in a run; the control's are not looked at. @return NULL */
const json_t *result_find_driver(const json_t *run, const char *driver);

#endif
