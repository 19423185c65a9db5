/** @file check.c Validation of inputs. */
#include "internal.h"

/** Length of a text that is too long, or the bytes before its NUL. */
static size_t
check_length(const char *text, size_t most)
{
    const char *end = (const char *)memchr(text, '\0', most + 1);

    return end == NULL ? most + 1 : (size_t)(end - text);
}

/**
 * Decode one character of UTF-8: no overlong forms, no surrogates, at most U+10FFFF.
 *
 * @return its bytes; 0 where it is none
 */
static size_t
check_decode(const unsigned char *at, size_t left, uint32_t *out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t c = at[0];
    size_t bytes = c < 0x80 ? 1 : (c & 0xe0) == 0xc0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : 4;

    if (bytes == 4 && (c & 0xf8) != 0xf0)
        return 0;
    if (bytes > left)
        return 0;
    if (bytes > 1)
        c &= 0x7fu >> bytes;
    for (size_t i = 1; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (at[i] & 0x3fu);
    }
    if (c < least[bytes] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return bytes;
}

/** C0, DEL, C1, line and paragraph separators, and those that steer the direction of writing. */
static bool
check_is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 || c == 0x61c ||
           c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

/** Unicode's White_Space that is no control character, and the blanks of no width. */
static bool
check_is_blank(uint32_t c)
{
    return c == 0x20 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200b) || c == 0x202f ||
           c == 0x205f || c == 0x2060 || c == 0x3000 || c == 0xfeff;
}

/** What a text may not contain. */
enum { CHECK_ANY = 0, CHECK_NO_CONTROL = 1, CHECK_NO_BLANK = 2 };

/** How many bytes at `at` are ASCII and no NUL, in steps of eight. */
static size_t
check_skip_ascii(const char *at, size_t left)
{
    size_t done = 0;
    uint64_t word;

    while (left - done >= sizeof word) {
        memcpy(&word, at + done, sizeof word);
        if (((word - UINT64_C(0x0101010101010101)) | word) & UINT64_C(0x8080808080808080))
            break;
        done += sizeof word;
    }
    return done;
}

/** UTF-8 without NUL and without what `rules` forbid. */
static tenon_status
check_text(const char *text, size_t len, unsigned rules, const char *field, tenon_error *err)
{
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t c = 0;
    size_t step;

    for (size_t i = rules == CHECK_ANY ? check_skip_ascii(text, len) : 0; i < len; i += step) {
        step = check_decode(bytes + i, len - i, &c);
        if (step == 0 || c == 0)
            return tni_chat_fail(err, TENON_INVALID, field, "%s is not valid UTF-8 (byte %zu)",
                                 field, i + 1);
        if ((rules & CHECK_NO_CONTROL) && check_is_control(c))
            return tni_chat_fail(err, TENON_INVALID, field,
                                 "%s contains a control character (U+%04X)", field, (unsigned)c);
        if ((rules & CHECK_NO_BLANK) && check_is_blank(c))
            return tni_chat_fail(err, TENON_INVALID, field, "%s contains a blank (U+%04X)", field,
                                 (unsigned)c);
        if (rules == CHECK_ANY)
            step += check_skip_ascii(text + i + step, len - i - step);
    }
    return TENON_OK;
}

/** A text of `least` to `most` bytes. */
static tenon_status
check_sized(const char *text, size_t least, size_t most, unsigned rules, const char *field,
            tenon_error *err)
{
    size_t len;

    if (text == NULL)
        return tni_chat_fail(err, TENON_INVALID, field, "%s is missing", field);
    len = check_length(text, most);
    if (len < least || len > most)
        return tni_chat_fail(err, TENON_INVALID, field, "%s must have %zu to %zu bytes", field,
                             least, most);
    return check_text(text, len, rules, field, err);
}

tenon_status
tni_chat_check_username(const char *text, const char *field, tenon_error *err)
{
    return check_sized(text, 1, CHAT_MAX_USERNAME_BYTES, CHECK_NO_CONTROL | CHECK_NO_BLANK, field,
                       err);
}

tenon_status
tni_chat_check_email(const char *text, const char *field, tenon_error *err)
{
    tenon_status status = check_sized(text, CHAT_MIN_EMAIL_BYTES, CHAT_MAX_EMAIL_BYTES,
                                      CHECK_NO_CONTROL | CHECK_NO_BLANK, field, err);
    const char *at;

    if (status != TENON_OK)
        return status;
    at = strchr(text, '@');
    if (at == NULL || at == text || at[1] == '\0' || strchr(at + 1, '@') != NULL)
        return tni_chat_fail(err, TENON_INVALID, field,
                             "%s must have one @, neither first nor last", field);
    return TENON_OK;
}

tenon_status
tni_chat_check_password(const char *text, const char *field, tenon_error *err)
{
    return check_sized(text, CHAT_MIN_PASSWORD_BYTES, CHAT_MAX_PASSWORD_BYTES, CHECK_ANY, field,
                       err);
}

tenon_status
tni_chat_check_hash(const char *text, const char *field, tenon_error *err)
{
    size_t len = text == NULL ? 0 : check_length(text, CHAT_MAX_HASH_BYTES);
    bool good = len > 1 && len <= CHAT_MAX_HASH_BYTES && text[0] == '$';

    for (size_t i = 0; good && i < len; i++)
        good = text[i] > ' ' && text[i] < 0x7f;
    if (!good)
        return tni_chat_fail(err, TENON_INVALID, field,
                             "%s must begin with $ and be 2 to %d printable ASCII characters",
                             field, CHAT_MAX_HASH_BYTES);
    return TENON_OK;
}

tenon_status
tni_chat_check_room_name(const char *text, const char *field, tenon_error *err)
{
    return check_sized(text, 1, CHAT_MAX_ROOM_NAME_BYTES, CHECK_NO_CONTROL, field, err);
}

tenon_status
tni_chat_check_description(const char *text, const char *field, tenon_error *err)
{
    return text == NULL ? TENON_OK
                        : check_sized(text, 0, CHAT_MAX_DESCRIPTION_BYTES, CHECK_ANY, field, err);
}

tenon_status
tni_chat_check_note(const char *text, const char *field, tenon_error *err)
{
    return text == NULL ? TENON_OK
                        : check_sized(text, 1, CHAT_MAX_NOTE_BYTES, CHECK_ANY, field, err);
}

tenon_status
tni_chat_check_message(const char *text, size_t bytes, const char *field, tenon_error *err)
{
    if (text == NULL || bytes == 0)
        return check_sized(text, 1, CHAT_MAX_MESSAGE_BYTES, CHECK_ANY, field, err);
    if (bytes > CHAT_MAX_MESSAGE_BYTES)
        return tni_chat_fail(err, TENON_INVALID, field, "%s must have 1 to %d bytes", field,
                             CHAT_MAX_MESSAGE_BYTES);
    return check_text(text, bytes, CHECK_ANY, field, err);
}

tenon_status
tni_chat_check_message_type(const char *text, const char *field, tenon_error *err)
{
    size_t len = text == NULL ? 1 : check_length(text, CHAT_MAX_MESSAGE_TYPE_BYTES);
    bool good = len >= 1 && len <= CHAT_MAX_MESSAGE_TYPE_BYTES;

    for (size_t i = 0; text != NULL && good && i < len; i++)
        good = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
               text[i] == '_';
    if (!good)
        return tni_chat_fail(err, TENON_INVALID, field, "%s must be 1 to %d of a-z, 0-9 and _",
                             field, CHAT_MAX_MESSAGE_TYPE_BYTES);
    return TENON_OK;
}

static char
check_lower(char c)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz";

    if (c < 'A' || c > 'Z')
        return c;
    return lower[c - 'A'];
}

void
tni_chat_make_key(const char *username, char out[CHAT_MAX_USERNAME_BYTES + 1])
{
    size_t i;

    for (i = 0; i < CHAT_MAX_USERNAME_BYTES && username[i] != '\0'; i++)
        out[i] = check_lower(username[i]);
    out[i] = '\0';
}

tenon_status
chat_username_key(const char *username, char out[CHAT_MAX_USERNAME_BYTES + 1])
{
    tenon_status status = tni_chat_check_username(username, "username", NULL);

    out[0] = '\0';
    if (status == TENON_OK)
        tni_chat_make_key(username, out);
    return status;
}
