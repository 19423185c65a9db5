/* What a prefix ends before. */
#include "text.h"

/* Replace a character by the next one, in UTF-8, which leaves out D800 to DFFF. @return its bytes,
 * one more at most */
static uint32_t
prefix_next_character(unsigned char *b, uint32_t len)
{
    static const struct {
        const char *last, *next;
    } gaps[] = { { "\x7F", "\xC2\x80" },
                 { "\xDF\xBF", "\xE0\xA0\x80" },
                 { "\xED\x9F\xBF", "\xEE\x80\x80" },
                 { "\xEF\xBF\xBF", "\xF0\x90\x80\x80" } };
    uint32_t at = len - 1;

    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
        if (strlen(gaps[i].last) == len && memcmp(b, gaps[i].last, len) == 0) {
            memcpy(b, gaps[i].next, strlen(gaps[i].next));
            return (uint32_t)strlen(gaps[i].next);
        }
    }
    while (at > 0 && b[at] == 0xBF)
        b[at--] = 0x80;
    b[at]++;
    return len;
}

/* The least text above all that begin with `prefix`, as valid UTF-8: the last character that has a
 * next one is replaced by it. None has: NULL. */
static tenon_value
prefix_end_text(const tenon_value *prefix, char *bytes)
{
    tenon_value end = *prefix;
    unsigned char *b = (unsigned char *)bytes;
    uint32_t at = prefix->len, last;

    if (prefix->type == TENON_NULL)
        return end;
    if (prefix->len > 0)
        memcpy(bytes, prefix->as.data, prefix->len);
    for (;;) {
        if (at == 0)
            return tenon_null();
        for (last = at - 1; last > 0 && (b[last] & 0xC0) == 0x80; last--)
            ;
        if (at - last < 4 || memcmp(b + last, "\xF4\x8F\xBF\xBF", 4) != 0)
            break;
        at = last;
    }
    end.as.data = bytes;
    end.len = last + prefix_next_character(b + last, at - last);
    return end;
}

/*
 * The least text above all that begin with `prefix`, made at `bytes`: its last byte is one greater.
 * The engine compares bytes, so it need not be UTF-8 any more. An empty prefix ends where no text
 * can be, at 0xFF, and takes one byte.
 */
static tenon_value
prefix_end_bytes(const tenon_value *prefix, char *bytes)
{
    tenon_value end = *prefix;

    if (prefix->type == TENON_NULL)
        return end;
    end.as.data = bytes;
    if (prefix->len == 0) {
        bytes[0] = (char)0xFF;
        end.len = 1;
        return end;
    }
    memcpy(bytes, prefix->as.data, prefix->len);
    bytes[prefix->len - 1]++; /* below 0xF5 in UTF-8, so there is no carry */
    return end;
}

tenon_value
sql_prefix_end(const tenon_value *prefix, bool valid_text, char *bytes)
{
    return valid_text ? prefix_end_text(prefix, bytes) : prefix_end_bytes(prefix, bytes);
}
