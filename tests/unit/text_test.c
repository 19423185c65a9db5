/* What is a TEXT. */
#include "unit.h"

#include <stdlib.h>

#include "core/model.h"

static void
every_character_of_unicode_is_text_and_no_surrogate(void **state)
{
    uint32_t c;

    (void)state;
    for (c = 0; c <= 0x110010; c++) {
        unsigned char bytes[4];
        size_t len;

        if (c < 0x80) {
            len = 1;
            bytes[0] = (unsigned char)c;
        } else if (c < 0x800) {
            len = 2;
            bytes[0] = (unsigned char)(0xc0 | c >> 6);
        } else if (c < 0x10000) {
            len = 3;
            bytes[0] = (unsigned char)(0xe0 | c >> 12);
            bytes[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        } else {
            len = 4;
            bytes[0] = (unsigned char)(0xf0 | c >> 18);
            bytes[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
            bytes[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        }
        if (len > 1)
            bytes[len - 1] = (unsigned char)(0x80 | (c & 0x3f));
        assert_int_equal(tni_is_text(bytes, len),
                         c != 0 && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff));
    }
}

static const struct {
    const char *what;
    const char *bytes;
    size_t len;
    bool is_text;
} text_cases[] = {
    { "nothing", "", 0, true },
    { "a word", "word", 4, true },
    { "a NUL byte", "\0", 1, false },
    { "an overlong NUL", "\xc0\x80", 2, false },
    { "an overlong slash of 2 bytes", "\xc0\xaf", 2, false },
    { "an overlong slash of 3 bytes", "\xe0\x80\xaf", 3, false },
    { "an overlong slash of 4 bytes", "\xf0\x80\x80\xaf", 4, false },
    { "the last overlong form of 3 bytes", "\xe0\x9f\xbf", 3, false },
    { "the last overlong form of 4 bytes", "\xf0\x8f\xbf\xbf", 4, false },
    { "the first surrogate", "\xed\xa0\x80", 3, false },
    { "the last surrogate", "\xed\xbf\xbf", 3, false },
    { "above U+10FFFF", "\xf4\x90\x80\x80", 4, false },
    { "a lead byte of 5 bytes", "\xf8\x88\x80\x80\x80", 5, false },
    { "0xFF", "\xff", 1, false },
    { "a lone continuation", "\x80", 1, false },
    { "2 bytes cut short", "\xc3", 1, false },
    { "3 bytes cut short", "\xe2\x82", 2, false },
    { "4 bytes cut short", "\xf0\x9f\x98", 3, false },
    { "a lead byte before a letter", "\xe2\x82z", 3, false },
    { "a lead byte before a letter, of 4", "\xf0\x9f\x98z", 4, false },
    { "the byte order mark", "\xef\xbb\xbf", 3, true },
    { "a smiley", "\xf0\x9f\x98\x80", 4, true },
};

static void
damaged_utf8_is_no_text_wherever_it_stands(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(text_cases); i++) {
        size_t before, after;

        for (before = 0; before < 20; before++) {
            for (after = 0; after < 20; after++) {
                const size_t len = before + text_cases[i].len + after;
                char *bytes = malloc(len > 0 ? len : 1); /* exact, for the address sanitizer */

                assert_non_null(bytes);
                memset(bytes, 'x', len);
                memcpy(bytes + before, text_cases[i].bytes, text_cases[i].len);
                if (tni_is_text(bytes, len) != text_cases[i].is_text)
                    fail_msg("%s after %zu and before %zu bytes", text_cases[i].what, before,
                             after);
                free(bytes);
            }
        }
    }
}

static void
nothing_at_no_address_is_text(void **state)
{
    (void)state;
    assert_true(tni_is_text(NULL, 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_of_unicode_is_text_and_no_surrogate),
        cmocka_unit_test(damaged_utf8_is_no_text_wherever_it_stands),
        cmocka_unit_test(nothing_at_no_address_is_text),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
