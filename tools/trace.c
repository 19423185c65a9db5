/* Reading a trace line by line, in constant memory. */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tool.h"

#define TRACE_INPUT_BYTES ((size_t)1 << 16)
#define TRACE_GZIP_WINDOW (15 + 16) /* zlib: the largest window, gzip headers only */

struct trace {
    const char *name;
    int fd, stop_fd;
    bool is_file, at_end, is_gzip;
    bool in_member; /* of gzip data: its end was not seen yet */
    bool is_full;   /* there was no room for all that the input unpacks to */
    uint64_t line, read_bytes, all_bytes;
    z_stream z;
    size_t len, at;  /* bytes at `text`, and where the next line begins */
    size_t searched; /* no newline from `at` to here */
    unsigned char input[TRACE_INPUT_BYTES];
    char text[TRACE_MAX_LINE + TRACE_INPUT_BYTES + 1]; /* and a NUL */
};

const char *
trace_name(const trace *t)
{
    return t->name;
}

uint64_t
trace_line(const trace *t)
{
    return t->line;
}

void
trace_progress(const trace *t, uint64_t *read_bytes, uint64_t *all_bytes)
{
    *read_bytes = t->read_bytes - t->z.avail_in;
    *all_bytes = t->all_bytes;
}

void
trace_error(const trace *t, uint64_t line, const char *format, ...)
{
    char place[TOOL_URL_BYTES];
    char message[512];
    va_list args;

    (void)snprintf(place, sizeof place, "%s:%llu", t->name, (unsigned long long)line);
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    tool_error(place, "%s", message);
}

trace *
trace_open(const char *path, int stop_fd)
{
    trace *t = (trace *)calloc(1, sizeof *t);
    struct stat st;

    if (t == NULL) {
        tool_error(path, "out of memory");
        return NULL;
    }
    t->stop_fd = stop_fd;
    t->fd = STDIN_FILENO;
    t->name = "stdin";
    if (strcmp(path, "-") != 0) {
        t->name = path;
        t->fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (t->fd < 0 || fstat(t->fd, &st) != 0) {
        tool_error(path, "can't be read: %s", strerror(errno));
        goto failed;
    }
    if (S_ISDIR(st.st_mode)) {
        tool_error(path, "can't be read: %s", strerror(EISDIR));
        goto failed;
    }
    t->is_file = S_ISREG(st.st_mode);
    if (t->is_file && st.st_size > 0)
        t->all_bytes = (uint64_t)st.st_size;
    return t;

failed:
    trace_close(t);
    return NULL;
}

void
trace_close(trace *t)
{
    if (t == NULL)
        return;
    if (t->is_gzip)
        (void)inflateEnd(&t->z);
    if (t->fd > STDIN_FILENO)
        (void)close(t->fd);
    free(t);
}

/* Wait until there is input, or the wait is to end. */
static trace_result
trace_wait(const trace *t)
{
    struct pollfd fds[2] = { { .fd = t->fd, .events = POLLIN },
                             { .fd = t->stop_fd, .events = POLLIN } };

    if (t->is_file) /* a file never waits */
        return TRACE_LINE;
    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR)
            return TRACE_LINE; /* read() says what is wrong */
    return fds[1].revents != 0 ? TRACE_STOPPED : TRACE_LINE;
}

/* Read more input. TRACE_END: there is none. */
static trace_result
trace_fill(trace *t)
{
    trace_result waited = trace_wait(t);
    ssize_t n;

    if (waited != TRACE_LINE)
        return waited;
    do {
        n = read(t->fd, t->input, sizeof t->input);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        trace_error(t, t->line + 1, "can't be read: %s", strerror(errno));
        return TRACE_BAD;
    }
    t->z.next_in = t->input;
    t->z.avail_in = (uInt)n;
    t->read_bytes += (uint64_t)n;
    return n == 0 ? TRACE_END : TRACE_LINE;
}

/* Gzip or plain, by the first two bytes. */
static trace_result
trace_begin(trace *t)
{
    trace_result filled = trace_fill(t);

    if (filled != TRACE_LINE)
        return filled;
    if (t->input[0] != 0x1f || (t->z.avail_in > 1 && t->input[1] != 0x8b))
        return TRACE_LINE;
    if (inflateInit2(&t->z, TRACE_GZIP_WINDOW) != Z_OK) {
        trace_error(t, 1, "out of memory");
        return TRACE_BAD;
    }
    t->is_gzip = t->in_member = true;
    return TRACE_LINE;
}

/* Unpack what there is of the input into the room behind `text`. */
static trace_result
trace_unpack(trace *t)
{
    const size_t room = sizeof t->text - 1 - t->len;
    int rc;

    if (!t->in_member) /* a further member may follow, nothing else */
        (void)inflateReset(&t->z);
    t->in_member = true;
    t->z.next_out = (unsigned char *)t->text + t->len;
    t->z.avail_out = (uInt)room;
    rc = inflate(&t->z, Z_NO_FLUSH);
    t->len += room - t->z.avail_out;
    t->is_full = t->z.avail_out == 0;
    if (rc == Z_STREAM_END)
        t->in_member = false;
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR)
        return TRACE_LINE;
    trace_error(t, t->line + 1, "the gzip data is damaged: %s",
                t->z.msg != NULL ? t->z.msg : "out of memory");
    return TRACE_BAD;
}

/* More text. TRACE_END: there is none. */
static trace_result
trace_more(trace *t)
{
    trace_result result = TRACE_LINE;

    if (t->at > 0) {
        memmove(t->text, t->text + t->at, t->len - t->at);
        t->len -= t->at;
        t->searched -= t->at;
        t->at = 0;
    }
    if (t->read_bytes == 0)
        result = trace_begin(t);
    else if (t->z.avail_in == 0 && !t->is_full)
        result = trace_fill(t);
    if (result == TRACE_END && t->in_member) {
        trace_error(t, t->line + 1, "the gzip data ends too early: the file is truncated");
        return TRACE_BAD;
    }
    if (result != TRACE_LINE)
        return result;
    if (t->is_gzip)
        return trace_unpack(t);
    /* There is room: a line that is too long has ended the reading before. */
    memcpy(t->text + t->len, t->z.next_in, t->z.avail_in);
    t->len += t->z.avail_in;
    t->z.avail_in = 0;
    return TRACE_LINE;
}

trace_result
trace_next(trace *t, const char **line, size_t *len)
{
    trace_result more;
    char *newline;

    for (;;) {
        newline = (char *)memchr(t->text + t->searched, '\n', t->len - t->searched);
        t->searched = t->len;
        if (newline != NULL || t->at_end)
            break;
        if (t->len - t->at > TRACE_MAX_LINE)
            break;
        more = trace_more(t);
        if (more == TRACE_END)
            t->at_end = true;
        else if (more != TRACE_LINE)
            return more;
    }
    *len = newline != NULL ? (size_t)(newline - (t->text + t->at)) : t->len - t->at;
    if (newline == NULL && *len == 0)
        return TRACE_END;
    t->line++;
    if (*len > TRACE_MAX_LINE) {
        trace_error(t, t->line, "the line is longer than %zu bytes", TRACE_MAX_LINE);
        return TRACE_BAD;
    }
    *line = t->text + t->at;
    t->text[t->at + *len] = '\0';
    t->at += *len + (newline != NULL ? 1 : 0);
    t->searched = t->at;
    return TRACE_LINE;
}
