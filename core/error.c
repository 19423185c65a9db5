/* Filling in a tenon_error. */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copy a text into a field; what does not fit is cut before the character that would be split. */
static void
error_copy(char *out, size_t out_bytes, const char *text)
{
    size_t len = strlen(text);

    if (len >= out_bytes) {
        len = out_bytes - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

tenon_status
tni_fail(tenon_error *err, tenon_status status, const char *object, const char *format, ...)
{
    char message[sizeof err->message + 8]; /* longer, so that a cut is seen */
    char name[sizeof err->object];
    va_list args;
    int len;

    if (err == NULL)
        return status;
    /* By way of local copies: the arguments may lie in `err`, as where a message is extended. */
    name[0] = '\0';
    if (object != NULL)
        error_copy(name, sizeof name, object);
    va_start(args, format);
    len = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (len < 0)
        message[0] = '\0';
    memset(err, 0, sizeof *err);
    err->status = status;
    err->effect = TENON_EFFECT_OPEN;
    memcpy(err->object, name, sizeof name);
    error_copy(err->message, sizeof err->message, message);
    return status;
}

tenon_status
tni_no_memory(tenon_error *err, const char *what)
{
    return tni_fail(err, TENON_NO_MEMORY, NULL, "no memory for %s", what);
}
