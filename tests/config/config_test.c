/* Configuration files and settings in URLs: what they set, and where they are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tenon/config.h"
#include "tenon/settings.h"
#include "tenon/tenon.h"

static tenon_status
parse(const char *text, tenon_config **out, tenon_error *err)
{
    memset(err, 0, sizeof *err);
    return tenon_config_parse(text, strlen(text), "app.toml", out, err);
}

static void
a_file_sets_what_it_names(void **state)
{
    static const char text[] = "[storage]\n"
                               "url = \"memory:\"\n"
                               "auto_migrate = false\n"
                               "max_connections = 7\n"
                               "min_connections = 0\n"
                               "connection_timeout = 111\n"
                               "idle_timeout = 222\n"
                               "[database.transactions]\n"
                               "default_timeout = 333\n"
                               "max_concurrent = 44\n"
                               "cleanup_interval = 555\n"
                               "enable_deadlock_detection = false\n"
                               "retry_on_deadlock = false\n"
                               "max_retry_attempts = 0\n"
                               "idempotency_keep = 86400000000\n"
                               "[database.audit]\n"
                               "audit = true\n";
    const tenon_open_options *o;
    tenon_config *config;
    tenon_error err;

    (void)state;
    assert_int_equal(parse(text, &config, &err), TENON_OK);
    assert_string_equal(tenon_config_url(config), "memory:");
    o = tenon_config_options(config);
    assert_int_equal(o->size, sizeof *o);
    assert_true(o->no_auto_migrate);
    assert_int_equal(o->max_connections, 7);
    assert_int_equal(o->min_connections, UINT32_MAX);
    assert_int_equal(o->connection_timeout_ms, 111);
    assert_int_equal(o->idle_timeout_ms, 222);
    assert_int_equal(o->default_timeout_ms, 333);
    assert_int_equal(o->max_concurrent, 44);
    assert_int_equal(o->cleanup_interval_ms, 555);
    assert_true(o->no_deadlock_detection);
    assert_true(o->no_retry_on_deadlock);
    assert_int_equal(o->max_retry_attempts, UINT32_MAX);
    assert_int_equal(o->idempotency_keep_ms, UINT64_C(86400000000));
    assert_true(o->audit);
    assert_int_equal(o->max_lifetime_ms, 0); /* not named: the default */
    tenon_config_free(config);
}

static void
an_empty_file_is_all_defaults(void **state)
{
    const tenon_open_options nothing = { .size = sizeof nothing };
    tenon_config *config;
    tenon_error err;

    (void)state;
    assert_int_equal(parse("", &config, &err), TENON_OK);
    assert_null(tenon_config_url(config));
    assert_memory_equal(tenon_config_options(config), &nothing, sizeof nothing);
    tenon_config_free(config);
    tenon_config_free(NULL);
}

static void
what_is_wrong_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "[storage]\nmax_conections = 3\n",
          "app.toml:2:1: there is no setting max_conections in [storage]" },
        { "[storage]\n  max_connections = \"3\"\n",
          "app.toml:2:21: max_connections is a whole number" },
        { "[storage]\nmax_connections = 3.5\n",
          "app.toml:2:19: max_connections is a whole number" },
        { "[storage]\nmax_connections = 0\n",
          "app.toml:2:19: max_connections is a number from 1 to 1000000" },
        { "[storage]\nmax_connections = -1\n", "app.toml:2:19: max_connections is not negative" },
        { "[storage]\nauto_migrate = 1\n", "app.toml:2:16: auto_migrate is true or false" },
        { "[storage]\nurl = 5\n", "app.toml:2:7: url is a text" },
        { "[storage]\nurl = \"a\\u0000b\"\n", "app.toml:2:7: url holds a NUL byte" },
        { "[storage]\ndefault_timeout = 5\n",
          "app.toml:2:1: default_timeout belongs to the section [database.transactions]" },
        { "[storag]\nurl = \"memory:\"\n", "app.toml:1:2: there is no section [storag]" },
        { "[database.nothing]\n", "app.toml:1:11: there is no section [database.nothing]" },
        { "[storage.deeper]\n", "app.toml:1:10: there is no section [storage.deeper]" },
        { "[[storage]]\n", "app.toml:1:3: there is no setting storage in []" },
        { "url = \"memory:\"\n", "app.toml:1:1: there is no setting url in []" },
        { "[database.audit]\naudit_key_file = \"/nowhere/key\"\n",
          "app.toml:2:18: /nowhere/key can't be read" },
    };
    tenon_config *config;
    tenon_error err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i].text, &config, &err), TENON_CONFIG);
        assert_null(config);
        assert_string_equal(err.message, cases[i].message);
    }
    assert_int_equal(parse("[storage\n", &config, &err), TENON_CONFIG); /* toml++ says the rest */
    assert_memory_equal(err.message, "app.toml:1:", 11);
    assert_int_equal(parse("[storage]\nurl = \"a\"\nurl = \"b\"\n", &config, &err), TENON_CONFIG);
    assert_memory_equal(err.message, "app.toml:3:", 11);
}

static void
a_secret_is_not_shown(void **state)
{
    tenon_config *config;
    tenon_error err;

    (void)state;
    assert_int_equal(parse("[storage]\nurl = [\"postgres://me:hunter2@db/x\"]\n", &config, &err),
                     TENON_CONFIG);
    assert_null(strstr(err.message, "hunter2"));
}

static void
write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
refuse_key(const char *path, const char *key, const char *bytes)
{
    tenon_config *config;
    tenon_error err;

    write_text(key, bytes);
    assert_int_equal(tenon_config_read(path, &config, &err), TENON_CONFIG);
    assert_null(config);
    assert_non_null(strstr(err.message, ":2:18: "));
    assert_non_null(strstr(err.message, "does not hold 16 to 64 bytes"));
}

static void
files_are_read_and_keys_beside_them(void **state)
{
    char folder[] = "/tmp/tenon-config-XXXXXX", path[64], key[64], command[64];
    tenon_config *config;
    tenon_error err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/app.toml", folder);
    (void)snprintf(key, sizeof key, "%s/secret", folder);
    assert_int_equal(tenon_config_read(path, &config, &err), TENON_NOT_FOUND);
    write_text(path, "[database.audit]\naudit_key_file = \"secret\"\n");
    assert_int_equal(tenon_config_read(path, &config, &err), TENON_CONFIG);
    refuse_key(path, key, "a key of 15 byt");
    refuse_key(path, key, "a key of 65 bytes, one more than the longest that is allowed here");
    write_text(key, "a key of 16 byte");
    assert_int_equal(tenon_config_read(path, &config, &err), TENON_OK);
    assert_int_equal(tenon_config_options(config)->audit_key_bytes, 16);
    assert_memory_equal(tenon_config_options(config)->audit_key, "a key of 16 byte", 16);
    tenon_config_free(config);
    assert_int_equal(tenon_config_read(folder, &config, &err), TENON_IO);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* Every setting goes into a URL as well, and there before what the program says. */
static void
a_url_sets_the_same(void **state)
{
    const tenon_open_options one = { .size = sizeof one, .max_concurrent = 50 };
    const tenon_txn_options longer = { .size = sizeof longer, .timeout_ms = 20000 };
    tenon_txn *a, *b;
    tenon_error err = { 0 };
    tenon_db *db;

    (void)state;
    assert_int_equal(tenon_open("memory:?max_concurrent=1&default_timeout=20&enable_deadlock_"
                                "detection=false",
                                &one, &db, &err),
                     TENON_OK);
    assert_int_equal(tenon_begin(db, &longer, &a, &err), TENON_OK);
    assert_int_equal(tenon_begin(db, NULL, &b, &err), TENON_TIMEOUT);
    assert_non_null(strstr(err.message, "1 transactions at once are the most"));
    tenon_rollback(a);
    tenon_close(db);
    assert_int_equal(tenon_open("memory:?max_concurrent=0", NULL, &db, &err), TENON_CONFIG);
    assert_string_equal(err.object, "max_concurrent");
    assert_int_equal(tenon_open("memory:?auto_migrate=yes", NULL, &db, &err), TENON_CONFIG);
    assert_string_equal(err.message, "auto_migrate is true or false");
    assert_int_equal(tenon_open("memory:?max_connections=99999999999999999999", NULL, &db, &err),
                     TENON_CONFIG);
    assert_int_equal(tenon_open("memory:?no_such=1", NULL, &db, &err), TENON_CONFIG);
}

static void
every_setting_takes_its_default_and_its_bounds(void **state)
{
    uint32_t count;
    const tenon_setting *settings = tenon_settings(&count);

    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        tenon_open_options o = { .size = sizeof o };
        tenon_open_options unset = { .size = 4 };
        tenon_error err;

        assert_ptr_equal(tenon_setting_find(settings[i].name), &settings[i]);
        assert_int_equal(tenon_setting_apply(&settings[i], settings[i].standard, &o, &err),
                         TENON_OK);
        assert_int_equal(tenon_setting_apply(&settings[i], settings[i].least, &o, &err), TENON_OK);
        assert_int_equal(tenon_setting_apply(&settings[i], settings[i].most, &o, &err), TENON_OK);
        assert_int_equal(tenon_setting_apply(&settings[i], settings[i].most + 1, &o, &err),
                         settings[i].most == UINT64_MAX ? TENON_OK : TENON_CONFIG);
        assert_int_equal(tenon_setting_apply(&settings[i], settings[i].standard, &unset, &err),
                         TENON_MISUSE);
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(settings[i].name, settings[j].name);
    }
    assert_null(tenon_setting_find("nothing"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_sets_what_it_names),
        cmocka_unit_test(an_empty_file_is_all_defaults),
        cmocka_unit_test(what_is_wrong_is_refused_with_its_place),
        cmocka_unit_test(a_secret_is_not_shown),
        cmocka_unit_test(files_are_read_and_keys_beside_them),
        cmocka_unit_test(a_url_sets_the_same),
        cmocka_unit_test(every_setting_takes_its_default_and_its_bounds),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
