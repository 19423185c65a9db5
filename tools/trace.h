/** @file trace.h Lines of a trace: a file, plain or gzip, or standard input. */
#ifndef TENON_TOOLS_TRACE_H
#define TENON_TOOLS_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest line, its newline not counted. */
#define TRACE_MAX_LINE ((size_t)1 << 20)

typedef struct trace trace;

/** What trace_next gives. */
typedef enum trace_result {
    TRACE_LINE,
    TRACE_END,
    TRACE_STOPPED, /**< `stop_fd` became readable while it waited for input. */
    TRACE_BAD      /**< Told on stderr, with file and line. */
} trace_result;

/**
 * Open; `-` is standard input. What fails is told on stderr.
 *
 * @param[in] stop_fd becomes readable when waiting for input is to end; -1 = none
 * @return NULL where it can't be read
 */
trace *trace_open(const char *path, int stop_fd);

/** The next line, without its newline; borrowed until the next call, ended by NUL. */
trace_result trace_next(trace *t, const char **line, size_t *len);

/** Number of the last line given, from 1 on. */
uint64_t trace_line(const trace *t);

/** What to call it in messages. Borrowed. */
const char *trace_name(const trace *t);

/** `tenon: FILE:LINE: message` of the last line given. */
void trace_error(const trace *t, uint64_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Bytes read from the file so far, and in all (0 = unknown). */
void trace_progress(const trace *t, uint64_t *read_bytes, uint64_t *all_bytes);

/** NULL is accepted. */
void trace_close(trace *t);

#endif
