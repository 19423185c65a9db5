/* What is a TEXT: UTF-8 without NUL bytes. */
#include <string.h>

#include "core/model.h"

#define TEXT_ONES UINT64_C(0x0101010101010101)
#define TEXT_HIGHS UINT64_C(0x8080808080808080)

/* Whether 8 bytes are all ASCII and none is NUL. */
static inline bool
text_is_plain(const unsigned char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    /* Where no high bit is set, subtracting 1 from each byte sets one only for a zero byte. */
    return (((word - TEXT_ONES) | word) & TEXT_HIGHS) == 0;
}

/* Bytes of the character at `p`, 0 where there is none (RFC 3629, section 4). */
static size_t
text_character(const unsigned char *p, size_t len)
{
    unsigned char low = 0x80, high = 0xbf; /* limits of the second byte */
    size_t bytes, i;

    if (p[0] < 0x80)
        return p[0] != 0 ? 1 : 0;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    bytes = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (bytes > len)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0; /* overlong */
    else if (p[0] == 0xed)
        high = 0x9f; /* surrogates */
    else if (p[0] == 0xf0)
        low = 0x90; /* overlong */
    else if (p[0] == 0xf4)
        high = 0x8f; /* above U+10FFFF */
    if (p[1] < low || p[1] > high)
        return 0;
    for (i = 2; i < bytes; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return bytes;
}

bool
tni_is_text(const void *data, size_t len)
{
    const unsigned char *p = data;
    size_t at = 0;

    while (at < len) {
        size_t bytes;

        if (len - at >= 8) {
            if (text_is_plain(p + at)) {
                at += 8;
                continue;
            }
        } else if (len >= 8 && text_is_plain(p + len - 8)) {
            return true; /* the rest, with some of what was checked already */
        }
        bytes = text_character(p + at, len - at);
        if (bytes == 0)
            return false;
        at += bytes;
    }
    return true;
}
