/* URLs: every form that is taken, every one that is refused, and passwords that are not shown. */
#include "unit.h"

#include <stdlib.h>

#include "core/url.h"

static tni_url *
taken(const char *url)
{
    tni_url *u = NULL;
    tenon_error err = { 0 };

    if (tni_url_parse(url, &u, &err) != TENON_OK)
        fail_msg("%s: %s", url, err.message);
    return u;
}

static void
check_taken(const char *url, const char *driver, const char *place, uint32_t param_count)
{
    tni_url *u = taken(url);

    assert_string_equal(u->driver, driver);
    assert_string_equal(u->place, place);
    assert_int_equal(u->param_count, param_count);
    assert_int_equal(u->has_path, driver[0] == '/');
    free(u);
}

static void
driver_and_place_are_told_apart(void **state)
{
    (void)state;
    check_taken("a:", "a", "", 0);
    check_taken("memory:", "memory", "", 0);
    check_taken("sqlite:/var/lib/x.db", "sqlite", "/var/lib/x.db", 0);
    check_taken("sqlite:relative.db", "sqlite", "relative.db", 0);
    check_taken("abcdefghijklmno9:x", "abcdefghijklmno9", "x", 0);
    check_taken("pg2://host:5432/base", "pg2", "//host:5432/base", 0);
    check_taken("a:b:c", "a", "b:c", 0);
    check_taken("a:b&c=d", "a", "b&c=d", 0);
    check_taken("a:b+c#d", "a", "b+c#d", 0);
}

static void
a_plugin_is_named_by_its_path(void **state)
{
    (void)state;
    check_taken("/opt/x.so:place", "/opt/x.so", "place", 0);
    check_taken("/opt/x.so:", "/opt/x.so", "", 0);
    check_taken("/opt/a:b.so:c", "/opt/a:b.so", "c", 0);
    check_taken("/x.so:y.so:z", "/x.so", "y.so:z", 0);
    check_taken("/my%20drivers/x.so:p%3a", "/my drivers/x.so", "p:", 0);
    check_taken("/x.so:p?a=b", "/x.so", "p", 1);
}

static void
percent_escapes_are_decoded(void **state)
{
    tni_url *u = taken("a:%2F%2f%25%3F?a%3Db=c%26%20d&%65=");

    (void)state;
    assert_string_equal(u->place, "//%?");
    assert_int_equal(u->param_count, 2);
    assert_string_equal(u->params[0].key, "a=b");
    assert_string_equal(u->params[0].value, "c& d");
    assert_string_equal(u->params[1].key, "e");
    assert_string_equal(u->params[1].value, "");
    free(u);
    check_taken("a:%ff%C3%a4", "a", "\xff\xc3\xa4", 0);
}

static void
parameters_keep_their_order(void **state)
{
    tni_url *u = taken("a:p?one=1&two=a=b?c&three=");

    (void)state;
    assert_string_equal(u->place, "p");
    assert_int_equal(u->param_count, 3);
    assert_string_equal(u->params[0].key, "one");
    assert_string_equal(u->params[0].value, "1");
    assert_string_equal(u->params[1].key, "two");
    assert_string_equal(u->params[1].value, "a=b?c");
    assert_string_equal(u->params[2].key, "three");
    assert_string_equal(u->params[2].value, "");
    free(u);
    check_taken("a:p?", "a", "p", 0);
    check_taken("a:p?x=1&", "a", "p", 1);
    check_taken("a:?x=1", "a", "", 1);
}

static void
durability_is_the_core_s(void **state)
{
    static const struct {
        const char *url;
        uint32_t durability;
        bool given;
    } cases[] = {
        { "a:p", TENON_DURABLE_POWER, false },
        { "a:p?durability=power", TENON_DURABLE_POWER, true },
        { "a:p?durability=os", TENON_DURABLE_OS, true },
        { "a:p?durability=process", TENON_DURABLE_PROCESS, true },
        { "a:p?durability=none", TENON_DURABLE_NONE, true },
        { "a:p?durability=%6Eone", TENON_DURABLE_NONE, true },
        { "a:p?%64urability=os", TENON_DURABLE_OS, true },
    };
    tni_url *u;
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(cases); i++) {
        u = taken(cases[i].url);
        assert_int_equal(u->durability, cases[i].durability);
        assert_int_equal(u->has_durability, cases[i].given);
        assert_int_equal(u->param_count, 0);
        free(u);
    }
    u = taken("a:p?x=1&durability=os&y=2");
    assert_int_equal(u->param_count, 2);
    assert_string_equal(u->params[0].key, "x");
    assert_string_equal(u->params[1].key, "y");
    assert_string_equal(u->params[1].value, "2");
    free(u);
}

/* Each URL is refused; after the driver's part every one holds "s3cret" somewhere. */
static void
check_refused(const char *url, const char *needle)
{
    tni_url *u = (tni_url *)(void *)&u;
    tenon_error err = { 0 };

    if (tni_url_parse(url, &u, &err) != TENON_CONFIG)
        fail_msg("%s was taken", url);
    assert_null(u);
    assert_int_equal(err.status, TENON_CONFIG);
    if (strstr(err.message, needle) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", url, err.message, needle);
    assert_null(strstr(err.message, "s3cret"));
    assert_null(strstr(err.object, "s3cret"));
    assert_int_equal(tni_url_parse(url, &u, NULL), TENON_CONFIG);
}

static void
what_names_no_driver_is_refused(void **state)
{
    static const char *const urls[] = {
        "",          ":s3cret",        "s3cret",          "sqlite",     "Sqlite:s3cret",
        "9a:s3cret", "a_b:s3cret",     "a b:s3cret",      " a:s3cret",  "abcdefghijklmnopq:s3cret",
        "a%62:x",    "./x.so:s3cret",  "x.so:s3cret",     "/x:s3cret",  "/x.sop:s3cret",
        "/x.so",     "/x?s3cret.so:p", "/x?k=s3.so:cret", "\xc3\xa4:x",
    };
    uint32_t i;

    (void)state;
    check_refused(NULL, "no URL");
    for (i = 0; i < UNIT_COUNT(urls); i++)
        check_refused(urls[i], "begins with a driver's name");
}

static void
bad_escapes_are_refused_with_their_place(void **state)
{
    (void)state;
    check_refused("a:s3cret%", "byte 9");
    check_refused("a:s3cret%4", "byte 9");
    check_refused("a:s3cret%4g", "byte 9");
    check_refused("a:s3cret%g4", "byte 9");
    check_refused("a:%00s3cret", "byte 3");
    check_refused("a:s3cret%?ab=c", "byte 9");
    check_refused("a:s3cret%4?b=c", "byte 9");
    check_refused("a:s3cret?k%4=41", "byte 11");
    check_refused("a:s3cret?k=%4&1=b", "byte 12");
    check_refused("a:s3cret?k=%00", "byte 12");
    check_refused("/%zz/x.so:s3cret", "byte 2");
}

static void
bad_parameters_are_refused_with_their_place(void **state)
{
    (void)state;
    check_refused("a:p?s3cret", "byte 5 is not of the form key=value");
    check_refused("a:p?=s3cret", "byte 5 is not of the form key=value");
    check_refused("a:p?x=1&s3cret", "byte 9 is not of the form key=value");
    check_refused("a:p?x=1&&s3cret=2", "byte 9 is not of the form key=value");
    check_refused("a:p?&s3cret=2", "byte 5 is not of the form key=value");
    check_refused("a:p?x=1&x=s3cret", "twice, again at byte 9");
    check_refused("a:p?s3cret=1&s3cret=2", "twice, again at byte 14");
    check_refused("a:p?x=1&%78=s3cret", "twice, again at byte 9");
    check_refused("a:p?durability=os&durability=os", "twice, again at byte 19");
    check_refused("a:p?durability=", "power, os, process or none");
    check_refused("a:p?durability=OS", "power, os, process or none");
    check_refused("a:p?durability=s3cret", "power, os, process or none");
}

static void
names_of_drivers(void **state)
{
    (void)state;
    assert_true(tni_is_driver_name("a"));
    assert_true(tni_is_driver_name("z9"));
    assert_true(tni_is_driver_name("abcdefghijklmnop"));
    assert_false(tni_is_driver_name(NULL));
    assert_false(tni_is_driver_name(""));
    assert_false(tni_is_driver_name("9"));
    assert_false(tni_is_driver_name("A"));
    assert_false(tni_is_driver_name("a-b"));
    assert_false(tni_is_driver_name("a:"));
    assert_false(tni_is_driver_name("abcdefghijklmnopq"));
}

/* ---- Masking ---- */

static void
check_masked(const char *url, const char *masked)
{
    char out[256];

    memset(out, 0x5a, sizeof out);
    tenon_url_mask(url, out, sizeof out);
    assert_string_equal(out, masked);
}

static void
what_holds_no_password_stays(void **state)
{
    static const char *const urls[] = {
        "",
        "a:",
        "sqlite:/var/lib/x.db",
        "sqlite:/x.db?durability=os&cache_mb=16",
        "pg://host:5432/base",
        "pg://user@host/base",
        "pg://host/base?user=a&sslmode=require",
        "pg:host=h dbname=d user='a b'",
        "/opt/x.so:place?a=b",
        "a:%zz%",
        "a:passage",
        "pg://host/base?x=a:b@c",
        "a:pass word",
    };
    uint32_t i;

    (void)state;
    for (i = 0; i < UNIT_COUNT(urls); i++)
        check_masked(urls[i], urls[i]);
    check_masked(NULL, "");
}

static void
the_password_of_a_user_is_masked(void **state)
{
    (void)state;
    check_masked("pg://user:s3cret@host/base", "pg://user:***@host/base");
    check_masked("pg://user:@host", "pg://user:@host");
    check_masked("pg://:s3cret@host", "pg://:***@host");
    check_masked("pg:user:s3cret@host", "pg:user:***@host");
    check_masked("pg://user:s3@cret@host", "pg://user:***@host");
    check_masked("pg://user:s3/cret@host", "pg://user:***@host");
    check_masked("pg://user:s3?cret@host", "pg://user:***@host");
    check_masked("pg://user:s3:cret@host:5432/b", "pg://user:***@host:5432/b");
    check_masked("pg://user%3as3cret%40host", "pg://user%3a***%40host");
    check_masked("pg://a:s3@h1,b:cret@h2/base", "pg://a:***@h2/base");
    check_masked("/opt/x.so:pg://user:s3cret@host", "/opt/x.so:pg:***@host");
    check_masked("/opt/x.so://user:s3cret@host", "/opt/x.so://user:***@host");
}

static void
an_url_without_a_driver_is_masked_too(void **state)
{
    (void)state;
    check_masked("//user:s3cret@host", "//user:***@host");
    check_masked("/x:s3cret@host", "/x:***@host");
    check_masked("Pg://user:s3cret@host", "Pg:***@host");
    check_masked("some one:s3cret@host", "some one:***@host");
    check_masked("password=s3cret", "password=***");
    check_masked("x?token=s3cret", "x?token=***");
}

static void
secret_parameters_are_masked(void **state)
{
    (void)state;
    check_masked("a:p?password=s3cret", "a:p?password=***");
    check_masked("a:p?password=", "a:p?password=***");
    check_masked("a:p?x=1&password=s3cret&y=2", "a:p?x=1&password=***&y=2");
    check_masked("a:p?PassWord=s3 cret'\\ x&y=2", "a:p?PassWord=***&y=2");
    check_masked("a:p?sslpassword=s3&passphrase=cret", "a:p?sslpassword=***&passphrase=***");
    check_masked("a:p?pwd=s3cret", "a:p?pwd=***");
    check_masked("a:p?client_secret=s3cret", "a:p?client_secret=***");
    check_masked("a:p?auth-token=s3cret", "a:p?auth-token=***");
    check_masked("a:p?api.key=s3cret", "a:p?api.key=***");
    check_masked("a:p?credentials=s3cret", "a:p?credentials=***");
    check_masked("a:p?p%61ssword=s3cret", "a:p?p%61ssword=***");
    check_masked("a:p?password%3Ds3cret", "a:p?password%3D***");
    check_masked("a:p?x=%26password=s3cret", "a:p?x=%26password=***");
    check_masked(
        "a:p?a_very_long_name_of_a_parameter_that_goes_on_and_on_up_to_the_password=s3cret",
        "a:p?a_very_long_name_of_a_parameter_that_goes_on_and_on_up_to_the_password=***");
    check_masked("pg://u:s3@h?password=cret", "pg://u:***@h?password=***");
}

static void
secrets_in_a_place_of_words_are_masked(void **state)
{
    (void)state;
    check_masked("pg:password=s3cret host=h", "pg:password=*** host=h");
    check_masked("pg:host=h password=s3cret", "pg:host=h password=***");
    check_masked("pg:password = s3cret host=h", "pg:password = *** host=h");
    check_masked("pg:password='s3 cret' host=h", "pg:password=***' host=h");
    check_masked("pg:password='s3\\' cret' host=h", "pg:password=***' host=h");
    check_masked("pg:password=s3\\ cret host=h", "pg:password=*** host=h");
    check_masked("pg:password='s3 cret", "pg:password=***");
    check_masked("pg:password=s3?cret host=h", "pg:password=*** host=h");
    check_masked("pg:password%20=%20s3cret%20host=h", "pg:password%20=%20***%20host=h");
    check_masked("pg:password=%27s3 cret%27 host=h", "pg:password=***%27 host=h");
    check_masked("pg:host=h%20passfile=%2Fs3cret", "pg:host=h%20passfile=***");
}

static void
a_masked_url_fits_its_room(void **state)
{
    static const char url[] = "pg://user:s3cret@host?password=s3cret";
    char whole[64], *out;
    size_t room;

    (void)state;
    tenon_url_mask(url, whole, sizeof whole);
    for (room = 0; room < sizeof whole; room++) {
        out = malloc(room > 0 ? room : 1); /* so that a sanitizer sees a byte too many */
        assert_non_null(out);
        out[0] = 'x';
        tenon_url_mask(url, out, room);
        if (room == 0)
            assert_int_equal(out[0], 'x');
        else
            assert_int_equal(strncmp(out, whole, room - 1), 0);
        if (room > 0)
            assert_int_equal(strlen(out), room - 1 < strlen(whole) ? room - 1 : strlen(whole));
        free(out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(driver_and_place_are_told_apart),
        cmocka_unit_test(a_plugin_is_named_by_its_path),
        cmocka_unit_test(percent_escapes_are_decoded),
        cmocka_unit_test(parameters_keep_their_order),
        cmocka_unit_test(durability_is_the_core_s),
        cmocka_unit_test(what_names_no_driver_is_refused),
        cmocka_unit_test(bad_escapes_are_refused_with_their_place),
        cmocka_unit_test(bad_parameters_are_refused_with_their_place),
        cmocka_unit_test(names_of_drivers),
        cmocka_unit_test(what_holds_no_password_stays),
        cmocka_unit_test(the_password_of_a_user_is_masked),
        cmocka_unit_test(an_url_without_a_driver_is_masked_too),
        cmocka_unit_test(secret_parameters_are_masked),
        cmocka_unit_test(secrets_in_a_place_of_words_are_masked),
        cmocka_unit_test(a_masked_url_fits_its_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
