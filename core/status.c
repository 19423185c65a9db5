/* Names, texts and retryability of statuses, all from the one map in status.h. */
#include "tenon/status.h"

const char *
tenon_status_name(tenon_status status)
{
    switch (status) {
#define STATUS_NAME(symbol, number, retryable, text)                                               \
    case (number):                                                                                 \
        return #symbol;
        TENON_STATUS_MAP(STATUS_NAME)
#undef STATUS_NAME
    default:
        return "?";
    }
}

const char *
tenon_status_text(tenon_status status)
{
    switch (status) {
#define STATUS_TEXT(symbol, number, retryable, text)                                               \
    case (number):                                                                                 \
        return text;
        TENON_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
    default:
        return "an unknown status";
    }
}

bool
tenon_status_retryable(tenon_status status)
{
    switch (status) {
#define STATUS_RETRYABLE(symbol, number, retryable, text)                                          \
    case (number):                                                                                 \
        return (retryable);
        TENON_STATUS_MAP(STATUS_RETRYABLE)
#undef STATUS_RETRYABLE
    default:
        return false;
    }
}
